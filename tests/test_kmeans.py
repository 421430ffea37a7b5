"""k-means: Lloyd's steps, empty clusters, weights, ties and large numbers."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from threadpoolctl import threadpool_limits

from gmmteach import KMeans, Mixture, Trace, lloyd, sweep, threads
from gmmteach.kmeans import assign, equal_and_round, inertia, relocate


def groups(seed: int = 0, dtype: Any = np.float64) -> Any:
    """Three groups in the plane, coordinates in 1/1024ths so that large offsets are added exactly."""
    rng = np.random.RandomState(seed)
    X = np.vstack([rng.standard_normal((40, 2)) + centre for centre in ((0, 0), (7, 0), (3, 6))])
    return (np.round(X * 1024) / 1024).astype(dtype)


START = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])


def brute_force(X: Any, centres: Any, weights: Any) -> float:
    return float(weights @ np.square(X[:, np.newaxis] - centres).sum(axis=2).min(axis=1))


# --- the steps ---------------------------------------------------------------------------------------------


def test_by_hand() -> None:
    X = [[0.0], [1.0], [9.0], [11.0]]
    snapshots = list(islice(lloyd(X, [[0.0], [1.0]]), 4))
    assert [snapshot.mixture.means.ravel().tolist() for snapshot in snapshots] == [
        [0, 1],
        [0, 7],  # 1, 9 and 11 went to the centre at 1
        [0.5, 10],
        [0.5, 10],
    ]
    assert [snapshot.objective for snapshot in snapshots] == [-164, -1 - 4 - 16, -2.5, -2.5]
    assert_allclose(snapshots[-1].mixture.covariances, 2.5 / 4)


def test_assign_gives_the_nearest_centre_and_the_first_of_equals() -> None:
    X, centres = groups(), np.array([[0.0, 0.0], [7.0, 0.0], [3.0, 6.0]])
    distances = np.square(X[:, np.newaxis] - centres).sum(axis=2)
    assert_array_equal(assign(X, centres), distances.argmin(axis=1))
    assert_array_equal(assign(np.array([[1.0]]), np.array([[2.0], [0.0]])), [0])


def test_assign_in_blocks_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.RandomState(0).standard_normal((20_000, 3))
    nearest = np.square(X[:, np.newaxis] - X[:5]).sum(axis=2).argmin(axis=1)
    monkeypatch.setattr(sweep, "CACHE", 1)
    monkeypatch.setattr(threads, "THREADED", 1)
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            assert_array_equal(assign(X, X[:5]), nearest)


def test_inertia_is_the_weighted_sum_of_squared_distances() -> None:
    X, weights = groups(), np.linspace(0, 2, 120)
    assert_allclose(inertia(X, assign(X, START), START, weights), brute_force(X, START, weights), rtol=1e-12)


def test_the_mixture_of_a_snapshot() -> None:
    mixture = equal_and_round(START, 2.5)
    assert mixture.covariance_type == "spherical"
    assert_allclose(mixture.weights, 1 / 3)
    assert_array_equal(mixture.covariances, [2.5, 2.5, 2.5])


# --- weights -----------------------------------------------------------------------------------------------


def test_a_weight_is_a_number_of_copies() -> None:
    X = groups()
    copies = np.random.RandomState(1).randint(1, 5, len(X))
    weighted = Trace.record(lloyd(X, START, sample_weight=copies), X, tol=0, max_iter=8)
    repeated = np.repeat(X, copies, axis=0)
    copied = Trace.record(lloyd(repeated, START), repeated, tol=0, max_iter=8)
    assert_allclose(weighted.objective, copied.objective, rtol=1e-11)
    assert_allclose(weighted.means, copied.means, rtol=1e-11)
    assert_allclose(weighted.covariances, copied.covariances, rtol=1e-11)


def test_a_weight_of_zero_is_no_sample() -> None:
    X = groups()
    weights = np.ones(len(X))
    weights[::3] = 0
    with_zeros = Trace.record(lloyd(X, START, sample_weight=weights), X, tol=0, max_iter=8)
    without = Trace.record(lloyd(X[weights > 0], START), X[weights > 0], tol=0, max_iter=8)
    assert_allclose(with_zeros.means, without.means, rtol=1e-11)
    assert_allclose(with_zeros.objective, without.objective, rtol=1e-11)


def test_the_objective_is_weighted() -> None:
    X, weights = groups(), np.random.RandomState(2).uniform(0, 3, 120)
    trace = Trace.record(lloyd(X, START, sample_weight=weights), X, tol=0, max_iter=6)
    for snapshot in trace:
        assert_allclose(-snapshot.objective, brute_force(X, snapshot.mixture.means, weights), rtol=1e-10)
        assert_allclose(snapshot.mixture.covariances, -snapshot.objective / (2 * weights.sum()), rtol=1e-12)
    assert (np.diff(trace.objective) >= 0).all()


def test_the_estimator_and_the_generator_agree_on_weights() -> None:
    X, weights = groups(), np.random.RandomState(2).uniform(0, 3, 120)
    model = KMeans(3, init=START, n_init=1, tol=0).fit(X, sample_weight=weights)
    trace = Trace.record(lloyd(X, START, sample_weight=weights), X, tol=0, max_iter=model.n_iter_)
    assert_array_equal(model.trace_.means, trace.means)
    assert_allclose(model.score(X, sample_weight=weights), -model.inertia_, rtol=1e-12)
    assert weights[0] == np.random.RandomState(2).uniform(0, 3, 120)[0]  # not written to


# --- empty clusters ----------------------------------------------------------------------------------------


def test_an_empty_cluster_takes_the_point_that_is_worst_off() -> None:
    X = np.array([[0.0], [1.0], [2.0], [10.0]])
    snapshots = list(islice(lloyd(X, [[1.0], [50.0]]), 2))
    assert_allclose(snapshots[1].mixture.means, [[1.0], [10.0]])


def test_two_empty_clusters_take_the_two_that_are_worst_off() -> None:
    X = np.array([[0.0], [1.0], [2.0], [-8.0], [10.0]])
    snapshots = list(islice(lloyd(X, [[1.0], [50.0], [-60.0]]), 2))
    assert_allclose(snapshots[1].mixture.means[0], [1.0])
    assert sorted(snapshots[1].mixture.means[1:].ravel()) == [-8, 10]


def test_relocating_does_not_write_to_its_arguments() -> None:
    X = np.array([[0.0], [1.0], [2.0], [10.0]])
    centres, origin, weights = np.array([[1.0], [50.0]]), np.array([3.25]), np.ones(4)
    counts, sums = np.array([4.0, 0.0]), np.array([[0.0], [0.0]])  # all four samples, counted from their mean
    arguments = (X, centres, origin, counts, sums, weights)
    before = [array.copy() for array in arguments]
    new_counts, new_sums = relocate(*arguments)
    for array, copy in zip(arguments, before, strict=True):
        assert_array_equal(array, copy)
    assert_array_equal(new_counts, [3, 1])
    assert_allclose(origin + new_sums / new_counts[:, np.newaxis], [[1.0], [10.0]])


def test_more_clusters_than_points_to_tell_apart() -> None:
    X = np.repeat([[0.0], [5.0]], 4, axis=0)
    trace = Trace.record(lloyd(X, [[0.0], [5.0], [9.0]]), X, tol=0, max_iter=3)
    assert trace.objective.tolist() == [0, 0, 0, 0]
    assert set(trace.means[-1].ravel()) == {0, 5}
    assert np.isfinite(trace.covariances).all()


def test_a_cluster_whose_only_point_is_taken_is_somewhere_sensible() -> None:
    """Centre 0 owns 9 alone and is farthest from it; the empty centre 1 takes it, and centre 0 is then empty."""
    X = np.array([[0.0], [1.0], [2.0], [9.0]])
    after = list(islice(lloyd(X, [[16.0], [-90.0], [1.0]]), 2))[1].mixture.means
    assert after[1] == 9
    assert 0 <= after[0] <= 9  # among the data, where scikit-learn can leave it at a sum of samples
    assert after[2] == 1


@pytest.mark.parametrize("seed", range(30))
def test_it_never_falls_on_data_full_of_ties_and_duplicates(seed: int) -> None:
    rng = np.random.RandomState(seed)
    X = rng.randint(0, 3, (25, 2)).astype(float)
    centres = rng.randint(-2, 6, (5, 2)).astype(float)
    trace = Trace.record(lloyd(X, centres), X, tol=0, max_iter=15)
    assert (np.diff(trace.objective) >= -1e-12 * np.square(X).sum()).all()
    for snapshot in trace:
        expected = brute_force(X, snapshot.mixture.means, np.ones(25))
        assert_allclose(-snapshot.objective, expected, rtol=1e-10, atol=1e-12)


# --- numerical extremes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e6, -1e8, 1e10])
def test_an_offset_changes_nothing(offset: float) -> None:
    X = groups()
    near = Trace.record(lloyd(X, START), X, tol=0, max_iter=10)
    far = Trace.record(lloyd(X + offset, START + offset), X + offset, tol=0, max_iter=10)
    assert_allclose(far.objective, near.objective, rtol=1e-9)
    assert_allclose(far.means - offset, near.means, atol=1e-9 + 4e-16 * abs(offset))
    assert_array_equal(far[-1].responsibilities(X + offset), near[-1].responsibilities(X))
    assert_array_equal(KMeans(3, init=START + offset, n_init=1).fit_predict(X + offset), near_labels(X))


def near_labels(X: Any) -> Any:
    return KMeans(3, init=START, n_init=1).fit(X).labels_


@pytest.mark.parametrize("scale", [1e-6, 1e-30, 1e30])
def test_the_units_change_nothing(scale: float) -> None:
    X = groups()
    one = Trace.record(lloyd(X, START), X, tol=0, max_iter=10)
    other = Trace.record(lloyd(X * scale, START * scale), X * scale, tol=0, max_iter=10)
    assert_allclose(other.objective / scale**2, one.objective, rtol=1e-10)
    assert_allclose(other.means / scale, one.means, rtol=1e-10)


@pytest.mark.parametrize("spread", [1e-6, 1e-3, 0.02, 0.05, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tight_clusters_far_apart_keep_the_digits_of_their_inertia(spread: float, dtype: Any) -> None:
    """Σ‖x‖² - Σ n‖c‖² would lose them: the inertia is a small difference of large numbers."""
    rng = np.random.RandomState(0)
    centres = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]])
    X = np.vstack([centre + spread * rng.standard_normal((200, 2)) for centre in centres]).astype(dtype)
    trace = Trace.record(lloyd(X, centres.astype(dtype)), X, tol=0, max_iter=3)
    for snapshot in trace:
        expected = brute_force(X.astype(float), snapshot.mixture.means.astype(float), np.ones(600))
        # Single precision keeps seven digits of a coordinate, which is what limits a spread of 1e-6.
        rounding = 1e-9 if dtype == np.float64 else 1e-5 + 1e-6 / spread
        assert_allclose(-snapshot.objective, expected, rtol=rounding)


def test_single_precision_stays_single() -> None:
    X = groups(dtype=np.float32)
    trace = Trace.record(lloyd(X, START), X, tol=0, max_iter=5)
    assert trace.means.dtype == np.float32
    assert trace[-1].responsibilities(X).dtype == np.float32
    assert_allclose(trace.objective, Trace.record(lloyd(groups(), START), X, tol=0, max_iter=5).objective, rtol=1e-5)


def test_points_that_sit_on_their_centres_leave_a_proper_mixture() -> None:
    X = np.array([[0.0, 0.0], [4.0, 4.0]])
    snapshot = next(lloyd(X, X))
    assert snapshot.objective == 0
    assert (snapshot.mixture.covariances > 0).all()
    assert_array_equal(snapshot.responsibilities(X), np.eye(2))
    same = np.zeros((3, 2))
    assert next(lloyd(same, same[:1])).mixture.covariances[0] > 0


# --- what goes in ------------------------------------------------------------------------------------------


def test_a_mixture_can_be_the_start() -> None:
    X = groups()
    start = Mixture([0.2, 0.3, 0.5], START, [1.0, 2.0, 3.0], "spherical")
    by_mixture = Trace.record(lloyd(X, start), X, tol=0, max_iter=4)
    assert_array_equal(by_mixture.means, Trace.record(lloyd(X, START), X, tol=0, max_iter=4).means)


def test_the_start_and_the_data_are_not_written_to() -> None:
    X, centres = groups(), START.copy()
    before = X.copy()
    list(islice(lloyd(X, centres), 5))
    assert_array_equal(X, before)
    assert_array_equal(centres, START)


@pytest.mark.parametrize(
    ("X", "start", "weight"),
    [
        ([1.0, 2.0], [[1.0]], None),
        ([[1.0], [2.0]], [1.0], None),
        ([[1.0], [2.0]], [[1.0, 2.0]], None),
        ([[1.0], [2.0]], [[1.0]], [1.0]),
    ],
)
def test_shapes_that_do_not_go_together_are_refused_at_once(X: Any, start: Any, weight: Any) -> None:
    with pytest.raises(ValueError, match=r"they have shapes|it has shape"):
        lloyd(X, start, sample_weight=weight)  # before the first snapshot is asked for
    with pytest.raises(ValueError, match="hold NaN or infinity"):
        lloyd([[1.0], [np.nan]], [[1.0]])
