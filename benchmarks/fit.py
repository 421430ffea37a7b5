"""How long a fit takes: ours, with its trace, against scikit-learn's without one.

    uv run benchmarks/fit.py [--repeats 5] [--only full kmeans ...] [--quick] [--json FILE]

Both begin at the same start and make the same number of iterations, which is checked, and so is that they end with
the same parameters. They take turns, so that whatever else the computer does falls on both, and the medians are
compared. Every row has a goal; the exit status is 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sklearn.cluster
import sklearn.mixture
from sklearn.exceptions import ConvergenceWarning

import gmmteach


class Row(NamedTuple):
    """One contest: which algorithm, on how much data, and how many times scikit-learn's speed is wanted."""

    algorithm: str
    n_samples: int
    n_features: int
    n_components: int
    goal: float


TABLE = (
    Row("full", 300, 2, 3, 2),
    Row("full", 10_000, 2, 5, 9),
    Row("full", 1_000_000, 2, 8, 30),
    Row("full", 100_000, 10, 10, 15),
    Row("full", 100_000, 32, 8, 5),
    Row("full", 20_000, 64, 10, 3),
    Row("diag", 200_000, 8, 8, 6),
    Row("tied", 200_000, 8, 8, 6),
    Row("spherical", 200_000, 8, 8, 6),
    *(Row(kind, 300, d, 5, 1) for d in (2, 10) for kind in ("tied", "diag", "spherical")),
    *(Row("kmeans", n, d, 5, 1) for n in (300, 10_000, 100_000) for d in (2, 10)),
)


def overlapping(n_samples: int, n_features: int, n_components: int) -> Any:
    """Groups that overlap enough to keep every algorithm moving."""
    rng = np.random.RandomState(0)
    centres = rng.uniform(-3, 3, (n_components, n_features))
    spreads = rng.uniform(0.7, 1.5, (n_components, n_features))
    labels = rng.randint(0, n_components, n_samples)
    return centres[labels] + spreads[labels] * rng.standard_normal((n_samples, n_features))


def arguments(row: Row, X: Any, iterations: int) -> dict[str, Any]:
    """A given start: points of the data, equal weights, round components."""
    _, _, n_features, k, _ = row
    if row.algorithm == "kmeans":
        return {"n_clusters": k, "init": X[:k], "n_init": 1, "tol": 0, "max_iter": iterations}
    precisions = {
        "full": np.stack([np.eye(n_features)] * k),
        "tied": np.eye(n_features),
        "diag": np.ones((k, n_features)),
        "spherical": np.ones(k),
    }
    return {
        "n_components": k,
        "covariance_type": row.algorithm,
        "weights_init": np.full(k, 1 / k),
        "means_init": X[:k],
        "precisions_init": precisions[row.algorithm],
        "tol": 0,
        "max_iter": iterations,
    }


def contest(row: Row, iterations: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Our fit and theirs."""
    X = overlapping(*row[1:4])
    given = arguments(row, X, iterations)
    ours, theirs = (
        (gmmteach.KMeans, sklearn.cluster.KMeans)
        if row.algorithm == "kmeans"
        else (gmmteach.GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    return lambda: ours(**given).fit(X), lambda: theirs(**given).fit(X)


def seconds(fit: Callable[[], Any], rest: float = 0.0) -> float:
    """How long a fit takes, after so many seconds of rest: a busy wait, so that the processor does not fall asleep."""
    awake = time.perf_counter() + rest
    while time.perf_counter() < awake:
        pass
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


def compare(row: Row, repeats: int) -> dict[str, Any]:
    """Times of both, in turn.

    The threads of BLAS spin for some 60 ms (measured) after a large fit is done, and would take time from the next.
    """
    large = row.n_samples * row.n_components * row.n_features > 5_000_000
    ours, theirs = contest(row, 10 if large else 20)
    iterations = check(ours(), theirs())
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats if large else 5 * repeats):
        for mine, fit in zip(times, (ours, theirs), strict=True):
            mine.append(seconds(fit, rest=0.1 if large else 0))
    medians = [statistics.median(mine) for mine in times]
    ratio = medians[1] / medians[0]
    return {
        **row._asdict(),
        "iterations": iterations,
        "gmmteach": medians[0],
        "scikit-learn": medians[1],
        "ratio": ratio,
        "met": bool(ratio >= row.goal),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Fits with a trace against scikit-learn's, interleaved.")
    parser.add_argument("--repeats", type=int, default=5, help="fits of each, of which the median counts (default 5)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="full, tied, diag, spherical or kmeans")
    parser.add_argument("--quick", action="store_true", help="leave out the rows that take more than a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)

    print(f"medians of {options.repeats} fits, five times as many for small ones, in milliseconds\n")
    print(f"{'':10}{'samples':>10}{'features':>9}{'components':>11}{'iterations':>11}", end="")
    print(f"{'gmmteach':>10}{'scikit-learn':>13}{'ratio':>7}{'goal':>6}")
    rows = []
    for row in TABLE:
        if (options.only and row.algorithm not in options.only) or (options.quick and row.n_samples > 100_000):
            continue
        found = compare(row, options.repeats)
        rows.append(found)
        print(
            f"{row.algorithm:10}{row.n_samples:10,}{row.n_features:9}{row.n_components:11}{found['iterations']:11}"
            f"{1000 * found['gmmteach']:10.1f}{1000 * found['scikit-learn']:13.1f}{found['ratio']:7.1f}{row.goal:6g}"
            f"{'' if found['met'] else '  missed'}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps({"repeats": options.repeats, "rows": rows}, indent=2) + "\n")
    missed = sum(not row["met"] for row in rows)
    print(f"\n{len(rows) - missed} of {len(rows)} goals met")
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
