"""What jumping ahead saves: SQUAREM against plain EM, from the same start to the same height.

    uv run benchmarks/acceleration.py [--repeats 5] [--only full tied ...] [--json FILE]

The goal of a climb is a height, not a stopping rule, which might call one of the two off early: the mean
log-likelihood of the peak that both reach in the end, less a millionth of a nat. Passes over the data are counted,
jumps that were tried and not made included. The times are those of climbing that far, with both taking turns, and the
medians are compared. Blobs overlap where their centres are 1.5 to 2.5 standard deviations apart, and hardly at 6,
where there is nothing to gain. The exit status is 1 if a goal is missed, an objective falls, or the peaks differ.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gmmteach import Mixture, Snapshot, em
from gmmteach.acceleration import accelerated_em
from gmmteach.datasets import make_overlapping_blobs

Algorithm = Callable[[Any, Mixture], Iterator[Snapshot]]
BOTH: tuple[Algorithm, Algorithm] = (em, accelerated_em)
CLOSE = 1e-6  # nats per sample below the peak


class Row(NamedTuple):
    """One climb: which components, how far apart, and how many times fewer passes are wanted."""

    covariance_type: str
    n_samples: int
    n_components: int
    separation: float
    goal: float


# Short climbs must cost no more than EM's; long ones at most half.
TABLE = (
    *(Row(kind, 2000, 2, 2.0, 1) for kind in ("full", "tied", "diag", "spherical")),
    *(Row(kind, 2000, 3, 2.5, 1) for kind in ("tied", "diag", "spherical")),
    Row("full", 2000, 3, 2.5, 2),
    Row("full", 2000, 2, 1.5, 2),
    Row("full", 20_000, 3, 2.5, 2),
    Row("spherical", 20_000, 3, 2.0, 2),
    *(Row(kind, 2000, 3, 6.0, 0.8) for kind in ("full", "spherical")),
)


def beginning(row: Row) -> tuple[Any, Mixture]:
    """The data, and a start with the true centres moved halfway to the middle: one landscape, one way up."""
    X, labels = make_overlapping_blobs(
        row.n_samples, n_components=row.n_components, separation=row.separation, random_state=0
    )
    groups = range(row.n_components)
    means = np.array([0.5 * X[labels == group].mean(axis=0) for group in groups]) + 0.5 * X.mean(axis=0)
    covariance, k = np.cov(X.T, bias=True), row.n_components
    covariances = {
        "full": np.stack([covariance] * k),
        "tied": covariance,
        "diag": np.stack([np.diag(covariance)] * k),
        "spherical": np.full(k, np.diag(covariance).mean()),
    }[row.covariance_type]
    return X, Mixture(np.full(k, 1 / k), means, covariances, row.covariance_type)


def climb(algorithm: Algorithm, X: Any, start: Mixture, height: float, most: int) -> Snapshot:
    """Go on until the objective has reached the height; return where."""
    return next(snapshot for snapshot in islice(algorithm(X, start), most) if snapshot.objective >= height)


def peak(algorithm: Algorithm, X: Any, start: Mixture, most: int) -> tuple[float, float]:
    """Highest objective of a long run, and its deepest fall, which rounding alone may cause."""
    heights = [start_height := next(algorithm(X, start)).objective]
    for snapshot in islice(algorithm(X, start), 1, most):
        heights.append(snapshot.objective)
        if len(heights) > 50 and heights[-1] - heights[-50] < 1e-10 * len(X):
            break
    assert heights[-1] > start_height
    return max(heights), float(np.diff(heights).min())


def seconds(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare(row: Row, repeats: int, most: int = 20_000) -> dict[str, Any]:
    """Passes and times of both, in turn."""
    X, start = beginning(row)
    peaks, falls = zip(*(peak(algorithm, X, start, most) for algorithm in BOTH), strict=True)
    same = bool(abs(peaks[0] - peaks[1]) < CLOSE * len(X))
    sound = bool(min(falls) >= -1e-11 * abs(peaks[0]))
    height = min(peaks) - CLOSE * len(X)
    passes = [climb(algorithm, X, start, height, most).iteration for algorithm in BOTH]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for mine, algorithm in zip(times, BOTH, strict=True):
            mine.append(seconds(partial(climb, algorithm, X, start, height, most)))
    medians = [statistics.median(mine) for mine in times]
    ratio = passes[0] / passes[1]
    return {
        **row._asdict(),
        "same peak": same,
        "never falls": sound,
        "passes": {"em": passes[0], "accelerated": passes[1], "ratio": ratio},
        "seconds": {"em": medians[0], "accelerated": medians[1], "ratio": medians[0] / medians[1]},
        "met": bool(ratio >= row.goal) and same and sound,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Accelerated EM against plain EM, to the same height, interleaved.")
    parser.add_argument("--repeats", type=int, default=5, help="climbs of each, of which the median counts (default 5)")
    parser.add_argument("--only", nargs="+", metavar="TYPE", help="full, tied, diag or spherical")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    options = parser.parse_args()

    print(f"to {CLOSE:g} nats a sample below the peak; medians of {options.repeats} climbs, in milliseconds\n")
    print(f"{'':10}{'samples':>10}{'components':>11}{'apart':>6}{'passes: em':>12}{'jumping':>8}{'ratio':>7}", end="")
    print(f"{'goal':>6}{'time: em':>11}{'jumping':>8}{'ratio':>7}")
    rows = []
    for row in TABLE:
        if options.only and row.covariance_type not in options.only:
            continue
        found = compare(row, options.repeats)
        rows.append(found)
        passes, times = found["passes"], found["seconds"]
        print(
            f"{row.covariance_type:10}{row.n_samples:10,}{row.n_components:11}{row.separation:6g}{passes['em']:12}"
            f"{passes['accelerated']:8}{passes['ratio']:7.1f}{row.goal:6g}{1000 * times['em']:11.1f}"
            f"{1000 * times['accelerated']:8.1f}{times['ratio']:7.1f}"
            f"{'' if found['same peak'] else '  another peak'}{'' if found['never falls'] else '  fell'}"
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
