"""How long a fit takes: ours, with its trace, against scikit-learn's without one.

    python benchmarks/fit.py [--samples 300 10000 100000] [--features 2 10] [--repeats 5] [--threads 1] [--json FILE]

Both begin at the same start and make the same number of iterations, which is checked, and so is that they end with
the same parameters. They take turns, so that whatever else the computer does falls on both, and the medians are
compared. The exit status is 1 if ours is more than a tenth slower in any row.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.cluster
import sklearn.mixture
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import gmmteach

N_COMPONENTS = 5
ITERATIONS = 20
SLOWEST = 0.9  # of scikit-learn's speed
TYPES = ("full", "tied", "diag", "spherical")


def overlapping(n_samples: int, n_features: int) -> Any:
    """Groups that overlap enough to keep every algorithm moving."""
    rng = np.random.RandomState(0)
    centres = rng.uniform(-3, 3, (N_COMPONENTS, n_features))
    spreads = rng.uniform(0.7, 1.5, (N_COMPONENTS, n_features))
    labels = rng.randint(0, N_COMPONENTS, n_samples)
    return centres[labels] + spreads[labels] * rng.standard_normal((n_samples, n_features))


def mixture_arguments(X: Any, covariance_type: str) -> dict[str, Any]:
    """A given start: points of the data, equal weights, round components."""
    n_features = X.shape[1]
    precisions = {
        "full": np.stack([np.eye(n_features)] * N_COMPONENTS),
        "tied": np.eye(n_features),
        "diag": np.ones((N_COMPONENTS, n_features)),
        "spherical": np.ones(N_COMPONENTS),
    }[covariance_type]
    return {
        "n_components": N_COMPONENTS,
        "covariance_type": covariance_type,
        "weights_init": np.full(N_COMPONENTS, 1 / N_COMPONENTS),
        "means_init": X[:N_COMPONENTS],
        "precisions_init": precisions,
        "tol": 0,
        "max_iter": ITERATIONS,
    }


def k_means_arguments(X: Any) -> dict[str, Any]:
    return {"n_clusters": N_COMPONENTS, "init": X[:N_COMPONENTS], "n_init": 1, "tol": 0, "max_iter": ITERATIONS}


def contests(n_samples: int, n_features: int) -> list[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    """Name, our fit, their fit."""
    X = overlapping(n_samples, n_features)

    def contest(name: str, ours: type, theirs: type, arguments: dict[str, Any]) -> Any:
        return name, lambda: ours(**arguments).fit(X), lambda: theirs(**arguments).fit(X)

    mixtures = [
        contest(kind, gmmteach.GaussianMixture, sklearn.mixture.GaussianMixture, mixture_arguments(X, kind))
        for kind in TYPES
    ]
    return [*mixtures, contest("k-means", gmmteach.KMeans, sklearn.cluster.KMeans, k_means_arguments(X))]


def seconds(fit: Callable[[], Any]) -> float:
    start = time.perf_counter()
    fit()
    return time.perf_counter() - start


def check(ours: Any, theirs: Any) -> int:
    """That both did the same work, and how many iterations it was; this also warms the caches of both."""
    assert ours.n_iter_ == theirs.n_iter_, (ours.n_iter_, theirs.n_iter_)
    assert len(ours.trace_) == ours.n_iter_ + 1
    name = "means_" if hasattr(theirs, "means_") else "cluster_centers_"
    np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6)
    return int(ours.n_iter_)


def compare(name: str, ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int) -> dict[str, Any]:
    iterations = check(ours(), theirs())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for mine, fit in zip(times, (ours, theirs), strict=True):
            mine.append(seconds(fit))
    medians = [statistics.median(mine) for mine in times]
    return {
        "algorithm": name,
        "iterations": iterations,
        "gmmteach": medians[0],
        "scikit-learn": medians[1],
        "ratio": medians[1] / medians[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Fits with a trace against scikit-learn's, interleaved.")
    parser.add_argument("--samples", type=int, nargs="+", default=[300, 10_000, 100_000], metavar="N")
    parser.add_argument("--features", type=int, nargs="+", default=[2, 10], metavar="D")
    parser.add_argument("--repeats", type=int, default=5, help="fits of each, of which the median counts (default 5)")
    parser.add_argument("--threads", type=int, help="limit BLAS and OpenMP to this many threads (default: theirs)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    threads = "as many threads as they like" if options.threads is None else f"{options.threads} threads"
    print(f"{N_COMPONENTS} components, medians of {options.repeats} fits in milliseconds, {threads}\n")
    print(f"{'samples':>8}{'features':>9}  {'':10}{'iterations':>10}{'gmmteach':>11}{'scikit-learn':>14}{'ratio':>8}")
    rows = []
    with threadpool_limits(limits=options.threads):
        for n_samples in options.samples:
            for n_features in options.features:
                for name, ours, theirs in contests(n_samples, n_features):
                    row = {"samples": n_samples, "features": n_features}
                    row |= compare(name, ours, theirs, options.repeats)
                    rows.append(row)
                    print(
                        f"{n_samples:8,}{n_features:9}  {name:10}{row['iterations']:10}"
                        f"{1000 * row['gmmteach']:11.1f}{1000 * row['scikit-learn']:14.1f}{row['ratio']:8.2f}",
                        flush=True,
                    )
    ratios = [row["ratio"] for row in rows]
    print(
        f"\nours is {statistics.geometric_mean(ratios):.2f} times as fast, from {min(ratios):.2f} to {max(ratios):.2f}"
    )
    if options.json:
        report = {"components": N_COMPONENTS, "repeats": options.repeats, "threads": options.threads, "rows": rows}
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if min(ratios) < SLOWEST:
        print(f"and somewhere it has less than {SLOWEST:.0%} of scikit-learn's speed")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
