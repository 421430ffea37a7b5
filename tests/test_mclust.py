"""The same numbers as mclust's, round by round: EM written by other people, in another language.

From one matrix of responsibilities mclust's `mstep` and `estep`, in turn, and our `em` have to walk the same way. Its
models VVV, EEE, VVI and VII are 'full', 'tied', 'diag' and 'spherical' (Scrucca, Fop, Murphy & Raftery 2016, *The R
Journal* 8, 289-317, doi:10.32614/RJ-2016-021).

How close: 1e-9, relative for the log-likelihood, and in units of mclust's own standard deviations for means and
covariances, so that a thin direction counts as much as a long one. R 4.2.2 with mclust 6.0.0 was within 1e-12.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from gmmteach import Mixture, em, m_step
from gmmteach.datasets import load_crabs, load_faithful

MODELS = {"full": "VVV", "tied": "EEE", "diag": "VVI", "spherical": "VII"}
COMPONENTS = {"faithful": 2, "iris": 3, "crabs": 4}  # no pairing with a model collapses from the start used here
ROUNDS = (1, 5, 50, 500)  # at the last all have converged: the slowest, faithful tied, gains 1e-10 nats after round 191
SCRIPT = Path(__file__).parent / "r" / "mclust.R"


@cache
def has_mclust() -> bool:
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(mclust)"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what mclust made of every case, in one run of R."""
    if not has_mclust():
        if os.environ.get("GMMTEACH_REQUIRE_R"):
            pytest.fail("GMMTEACH_REQUIRE_R is set, but there is no R with mclust: install r-base-core r-cran-mclust")
        pytest.skip("needs R with mclust (Debian: r-base-core r-cran-mclust)")
    here = tmp_path_factory.mktemp("mclust")
    for name in COMPONENTS:
        np.savetxt(here / f"{name}.csv", data(name), fmt="%.17g", delimiter=",")
        np.savetxt(here / f"{name}-z.csv", responsibilities(name), fmt="%.17g", delimiter=",")
    (here / "cases.txt").write_text("".join(f"{name} {model}\n" for name in COMPONENTS for model in MODELS.values()))
    command = ["Rscript", str(SCRIPT), str(here), *map(str, ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return here


def data(name: str) -> Any:
    return {"faithful": load_faithful, "iris": load_iris, "crabs": load_crabs}[name]().data


def responsibilities(name: str) -> Any:
    """Random shares, sharpened so that the components begin apart."""
    shares = np.random.RandomState(0).uniform(size=(len(data(name)), COMPONENTS[name])) ** 4
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("covariance_type", MODELS)
@pytest.mark.parametrize("name", COMPONENTS)
def test_em_walks_with_mclust(walked: Path, name: str, covariance_type: str) -> None:
    X, k = data(name), COMPONENTS[name]
    d = X.shape[1]
    theirs = np.loadtxt(walked / f"{name}-{MODELS[covariance_type]}.out", delimiter=",")
    assert tuple(theirs[:, 0]) == ROUNDS
    start = Mixture(*m_step(X, responsibilities(name), covariance_type), covariance_type)
    ours = list(islice(em(X, start), max(ROUNDS) + 1))
    for row in theirs:
        snapshot = ours[int(row[0])]
        weights, means, covariances = np.split(row[2:], [k, k + k * d])
        means, covariances = means.reshape(k, d), covariances.reshape(k, d, d)
        deviations = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        differences = {
            "log-likelihood": snapshot.objective / row[1] - 1,
            "weights": snapshot.mixture.weights - weights,
            "means": (snapshot.mixture.means - means) / deviations,
            "covariances": (snapshot.mixture.dense_covariances - covariances)
            / (deviations[:, :, np.newaxis] * deviations[:, np.newaxis, :]),
        }
        for what, difference in differences.items():
            assert_allclose(difference, 0, atol=1e-9, err_msg=f"{what} after {row[0]:.0f} rounds")
    half = ours[len(ours) // 2]
    assert ours[-1].objective == pytest.approx(half.objective, rel=1e-12, abs=0), "not converged half-way"
