"""EM at other libraries' speed: ours in double precision against pomegranate (PyTorch) and gmmx (JAX).

They do not belong to the project's environment, because they bring PyTorch and JAX with them. In a throw-away one:

    uv venv ../peers
    uv pip install --python ../peers pomegranate gmmx -e .
    ../peers/bin/python benchmarks/peers.py [--repeats 5]

Every library makes the same number of iterations of EM for full covariances from the same start, in its own default
precision, which is single precision for both, and their means are compared with ours. Compilation is not counted: each
fit is made once before the clock starts. They take turns, and the medians are compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

import gmmteach
from gmmteach.statistics import Samples

TABLE = ((300, 2, 3), (10_000, 2, 5), (1_000_000, 2, 8), (100_000, 10, 10), (100_000, 32, 8), (20_000, 64, 10))
ITERATIONS = 10
Fit = Callable[[], Any]


def data(n_samples: int, n_features: int, n_components: int) -> Any:
    """Groups that overlap."""
    rng = np.random.RandomState(0)
    centres = rng.uniform(-3, 3, (n_components, n_features))
    return centres[rng.randint(0, n_components, n_samples)] + rng.standard_normal((n_samples, n_features))


def ours(X: Any, n_components: int) -> Fit:
    """Our EM, which remembers every iteration."""
    identity = np.stack([np.eye(X.shape[1])] * n_components)
    start = gmmteach.Mixture(np.full(n_components, 1 / n_components), X[:n_components], identity)

    def fit() -> Any:
        trace = list(islice(gmmteach.em(Samples(X), start), ITERATIONS + 1))
        return trace[-1].mixture.means

    return fit


def of_pomegranate(X: Any, n_components: int) -> Fit:
    """A fit by pomegranate's GeneralMixtureModel."""
    import torch
    from pomegranate.distributions import Normal
    from pomegranate.gmm import GeneralMixtureModel

    batch = torch.tensor(X, dtype=torch.float32)

    def fit() -> Any:
        identity = torch.eye(X.shape[1])
        components = [Normal(batch[k].clone(), identity.clone(), covariance_type="full") for k in range(n_components)]
        model = GeneralMixtureModel(components, max_iter=ITERATIONS, tol=-1e30)
        model.fit(batch)
        return np.stack([component.means.numpy() for component in model.distributions])

    return fit


def of_gmmx(X: Any, n_components: int) -> Fit:
    """A fit by gmmx's EMFitter."""
    import jax.numpy as jnp
    from gmmx import EMFitter, GaussianMixtureModelJax

    batch = jnp.asarray(X, dtype=jnp.float32)
    start = GaussianMixtureModelJax.from_squeezed(
        means=X[:n_components],
        covariances=np.stack([np.eye(X.shape[1])] * n_components),
        weights=np.full(n_components, 1 / n_components),
        covariance_type="full",
    )

    def fit() -> Any:
        result = EMFitter(tol=0, max_iter=ITERATIONS, reg_covar=0).fit(x=batch, gmm=start)
        return np.asarray(result.gmm.means_numpy)

    return fit


def seconds(fit: Fit) -> float:
    begin = time.perf_counter()
    fit()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description="Our EM against pomegranate's and gmmx's, interleaved.")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    peers = {"pomegranate": of_pomegranate, "gmmx": of_gmmx}
    missing = [name for name in peers if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(f"not installed here: {', '.join(missing)}; see the top of this file")

    print(f"{ITERATIONS} iterations of EM, full covariances, medians of {options.repeats}, in milliseconds; ")
    print("ours in double precision, theirs in single\n")
    print(f"{'samples':>10}{'features':>9}{'components':>11}{'gmmteach':>10}", end="")
    print("".join(f"{name:>13}{'ratio':>7}{'means off by':>14}" for name in peers))
    for n_samples, n_features, n_components in TABLE:
        X = data(n_samples, n_features, n_components)
        fits = {"gmmteach": ours(X, n_components)} | {name: make(X, n_components) for name, make in peers.items()}
        found = {name: fit() for name, fit in fits.items()}  # compiles what has to be compiled
        times: dict[str, list[float]] = {name: [] for name in fits}
        for _ in range(options.repeats):
            for name, fit in fits.items():
                times[name].append(seconds(fit))
        medians = {name: statistics.median(values) for name, values in times.items()}
        print(f"{n_samples:10,}{n_features:9}{n_components:11}{1000 * medians['gmmteach']:10.1f}", end="")
        for name in peers:
            off = np.abs(found[name] - found["gmmteach"]).max()
            print(f"{1000 * medians[name]:13.1f}{medians[name] / medians['gmmteach']:7.1f}{off:14.1e}", end="")
        print(flush=True)


if __name__ == "__main__":
    main()
