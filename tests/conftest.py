"""What the numerical tests share: the data sets, the algorithms, and a run of each on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_limits

from gmmteach import Mixture, Snapshot, Trace, datasets, em, lloyd

TYPES = ("full", "tied", "diag", "spherical")
ALGORITHMS = (*(f"em-{name}" for name in TYPES), "lloyd")


def _penguins() -> Any:
    X = datasets.load_penguins().data
    return X[~np.isnan(X).any(axis=1)]


# name: (X, number of components)
DATA: dict[str, tuple[Callable[[], Any], int]] = {
    "faithful": (lambda: datasets.load_faithful().data, 2),
    "iris": (lambda: load_iris().data, 3),
    "penguins": (_penguins, 3),
    "crabs": (lambda: datasets.load_crabs().data, 4),
    "log customers": (lambda: np.log(datasets.load_customers().data), 3),
    "galaxies": (lambda: datasets.load_galaxies().data, 3),
    "overlapping": (lambda: datasets.make_overlapping_blobs()[0], 3),
    "stretched": (lambda: datasets.make_stretched()[0], 3),
    "unequal": (lambda: datasets.make_unequal()[0], 3),
    "moons": (lambda: datasets.make_moons(300)[0], 4),
    "rings": (lambda: datasets.make_rings(300)[0], 3),
}


@cache
def load(name: str) -> Any:
    X = np.ascontiguousarray(DATA[name][0](), dtype=np.float64)
    X.flags.writeable = False
    return X


def rough_start(X: Any, n_components: int, covariance_type: str, seed: int = 0) -> Mixture:
    """A start from which there is much to learn: chosen points, unequal weights, the spread of all the data."""
    rng = np.random.RandomState(seed)
    weights = np.arange(1.0, n_components + 1)
    means = X[rng.choice(len(X), n_components, replace=False)]
    covariance = np.cov(X.T, bias=True).reshape(X.shape[1], X.shape[1])
    sizes = np.linspace(0.5, 1, n_components)  # no two components alike
    covariances = {
        "full": sizes[:, np.newaxis, np.newaxis] * covariance,
        "tied": covariance,
        "diag": np.outer(sizes, np.diag(covariance)),
        "spherical": sizes * np.diag(covariance).mean(),
    }[covariance_type]
    return Mixture(weights / weights.sum(), means, covariances, covariance_type)


class Run(NamedTuple):
    """An algorithm on a data set: how to begin it again, and its first thirty iterations."""

    algorithm: str
    X: Any
    begin: Callable[[], Iterator[Snapshot]]
    trace: Trace

    @property
    def start(self) -> Mixture:
        return self.trace[0].mixture


@cache
def run_of(algorithm: str, name: str) -> Run:
    X, n_components = load(name), DATA[name][1]
    covariance_type = algorithm.removeprefix("em-")
    if algorithm == "lloyd":
        centres = rough_start(X, n_components, "spherical").means

        def begin() -> Iterator[Snapshot]:
            return lloyd(X, centres)
    else:
        start = rough_start(X, n_components, covariance_type)

        def begin() -> Iterator[Snapshot]:
            return em(X, start)

    return Run(algorithm, X, begin, Trace.record(begin(), X, tol=0, max_iter=30))


@pytest.fixture(name="load", scope="session")
def _load() -> Callable[[str], Any]:
    """The function that gives a data set by its name."""
    return load


@pytest.fixture(name="rough_start", scope="session")
def _rough_start() -> Callable[..., Mixture]:
    """The function that gives a rough start."""
    return rough_start


@pytest.fixture(params=DATA)
def X(request: pytest.FixtureRequest) -> Any:
    """Every data set in turn, read-only."""
    return load(request.param)


@pytest.fixture(params=TYPES)
def covariance_type(request: pytest.FixtureRequest) -> str:
    """Every covariance type in turn."""
    return request.param


@pytest.fixture(params=[f"{algorithm} on {name}" for algorithm in ALGORITHMS for name in DATA])
def run(request: pytest.FixtureRequest) -> Run:
    """Every algorithm on every data set."""
    return run_of(*request.param.split(" on "))


@pytest.fixture(params=[f"em-{name}" for name in TYPES])
def em_run(request: pytest.FixtureRequest) -> Run:
    """EM with every covariance type on Old Faithful."""
    return run_of(request.param, "faithful")


@pytest.fixture(autouse=True)
def _progress_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the progress of whoever runs it."""
    monkeypatch.setenv("GMMTEACH_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small arrays gain nothing from threads, and tests run side by side lose by them."""
    with threadpool_limits(limits=1):
        yield
