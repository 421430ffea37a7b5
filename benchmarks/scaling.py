"""How the cost of an iteration of EM grows, how much memory a fit takes, and how far it is from the floor.

    uv run benchmarks/scaling.py

Exponents b are fitted to time ~ n^b over the sizes named. The floor is what no program of this kind can do without: one
pass of ``exp`` over samples x components and the two matrix products, each measured here, by itself, on numbers that
are in the cache, and divided by the number of threads.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from gmmteach import GaussianMixture, Mixture
from gmmteach.features import FEATURES
from gmmteach.statistics import Samples

SIZES = {
    "samples, at D = 2, K = 8": [(n, 2, 8) for n in (31_250, 125_000, 500_000, 2_000_000)],
    "samples, at D = 10, K = 10": [(n, 10, 10) for n in (12_500, 50_000, 200_000)],
    "components, at N = 200,000, D = 2": [(200_000, 2, k) for k in (4, 8, 16, 32)],
    "features, at N = 50,000, K = 8": [(50_000, d, 8) for d in (4, 8, 16, 32)],
    "features, at N = 10,000, K = 8": [(10_000, d, 8) for d in (32, 64, 128)],
}
FLOORS = [(1_000_000, 2, 8), (100_000, 10, 10), (100_000, 32, 8)]


def problem(n_samples: int, n_features: int, n_components: int) -> tuple[Any, Mixture]:
    rng = np.random.RandomState(0)
    X = rng.uniform(-3, 3, (n_components, n_features))[rng.randint(0, n_components, n_samples)]
    X += rng.standard_normal((n_samples, n_features))
    identity = np.stack([np.eye(n_features)] * n_components)
    return X, Mixture(np.full(n_components, 1 / n_components), X[:n_components], identity)


def seconds(work: Callable[[], Any], repeats: int = 7) -> float:
    """Median time of a call, after one that does not count."""
    work()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def iteration(n_samples: int, n_features: int, n_components: int) -> float:
    """Seconds for the E-step and all the sums of the M-step."""
    X, mixture = problem(n_samples, n_features, n_components)
    data = Samples(X)
    return seconds(lambda: data.expect(mixture.density))


def floor(n_samples: int, n_features: int, n_components: int) -> float:
    """Seconds for exp and the two products alone, in as many threads as there are."""
    rng, n_rows = np.random.RandomState(0), 2048
    phi = rng.standard_normal((FEATURES["full"].count(n_features), n_rows))
    theta = rng.standard_normal((n_components, len(phi))) / len(phi)
    shares = -np.abs(rng.standard_normal((n_components, n_rows)))
    room, sums = np.empty_like(shares), np.empty_like(theta)
    threads = max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
    with threadpool_limits(1):
        parts = [
            seconds(lambda: np.exp(shares, out=room), 201),
            seconds(lambda: np.matmul(theta, phi, out=room), 201),
            seconds(lambda: np.matmul(shares, phi.T, out=sums), 201),
        ]
    return sum(parts) * n_samples / n_rows / threads


def peak_memory(n_samples: int, n_features: int, n_components: int) -> tuple[float, float]:
    """Bytes of the data, and the most that a fit allocates on top of them at any moment, as tracemalloc counts."""
    X, start = problem(n_samples, n_features, n_components)
    model = GaussianMixture(
        n_components,
        max_iter=5,
        tol=0,
        weights_init=start.weights,
        means_init=start.means,
        precisions_init=start.covariances,  # identities, so their own inverses
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # five iterations do not converge
        model.fit(X[:1000])  # what is imported and remembered once and for all does not count
        tracemalloc.start()
        model.fit(X)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(X.nbytes), float(most)


def main() -> None:
    print("How the time of an iteration grows (full covariances)\n")
    for name, sizes in SIZES.items():
        times = [iteration(*size) for size in sizes]
        (which,) = (place for place, numbers in enumerate(zip(*sizes, strict=True)) if len(set(numbers)) > 1)
        varied = [size[which] for size in sizes]
        slope = np.polyfit(np.log(varied), np.log(times), 1)[0]
        listed = ", ".join(f"{1000 * t:.2f}" for t in times)
        print(f"  {name:34} exponent {slope:4.2f}   ({', '.join(f'{n:,}' for n in varied)}: {listed} ms)", flush=True)

    print("\nDistance from the floor\n")
    for size in FLOORS:
        took, least = iteration(*size), floor(*size)
        print(
            f"  N = {size[0]:,}, D = {size[1]}, K = {size[2]}: {1000 * took:.1f} ms, floor {1000 * least:.1f} ms, "
            f"{took / least:.1f} times",
            flush=True,
        )

    print("\nPeak memory, N = 1,000,000, D = 2, K = 8\n")
    data, more = peak_memory(1_000_000, 2, 8)
    print(f"  data {data / 1e6:.0f} MB, a fit {more / 1e6:.1f} MB on top of them: {1 + more / data:.2f} times the data")


if __name__ == "__main__":
    main()
