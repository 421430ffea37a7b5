"""What must hold for every algorithm, every covariance type and every data set.

Nothing here knows how the library computes: densities come from SciPy, distances from their definition, and the
rest are symmetries of the problem.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from gmmteach import Mixture, Trace, e_step, em, lloyd, m_step


def dense(covariances: Any, covariance_type: str, k: int, n_features: int) -> Any:
    """Covariance matrix of component k, written out by the definition of its type."""
    if covariance_type == "full":
        return covariances[k]
    if covariance_type == "tied":
        return covariances
    if covariance_type == "diag":
        return np.diag(covariances[k])
    return covariances[k] * np.eye(n_features)


def independent_log_joint(mixture: Mixture, X: Any) -> Any:
    return np.stack(
        [
            np.log(weight)
            + np.reshape(
                multivariate_normal(
                    mean, dense(mixture.covariances, mixture.covariance_type, k, X.shape[1]), allow_singular=False
                ).logpdf(X),
                len(X),
            )
            for k, (weight, mean) in enumerate(zip(mixture.weights, mixture.means, strict=True))
        ],
        axis=1,
    )


def squared_distances(X: Any, centres: Any) -> Any:
    return np.square(X[:, np.newaxis, :] - centres).sum(axis=2)


def three_centres(X: Any, seed: int) -> Any:
    """Three chosen points, moved a little: in rounded data a point itself can be equally far from two others."""
    rng = np.random.RandomState(seed)
    return X[rng.choice(len(X), 3, replace=False)] + 0.01 * X.std(axis=0) * rng.standard_normal((3, X.shape[1]))


def independent_objective(snapshot: Any, X: Any) -> float:
    if snapshot.hard:
        return -float(squared_distances(X, snapshot.mixture.means).min(axis=1).sum())
    return float(logsumexp(independent_log_joint(snapshot.mixture, X), axis=1).sum())


def transformed(mixture: Mixture, matrix: Any, shift: Any) -> Mixture:
    """The mixture of A x + b, for a mixture of x, where the covariance type can hold it."""
    kind = mixture.covariance_type
    if kind in ("full", "tied"):
        covariances = matrix @ mixture.covariances @ matrix.T
    elif kind == "diag":
        covariances = mixture.covariances * np.diag(matrix) ** 2
    else:
        covariances = mixture.covariances * abs(np.linalg.det(matrix)) ** (2 / len(matrix))
    return Mixture(mixture.weights, mixture.means @ matrix.T + shift, covariances, kind)


# --- every algorithm ---------------------------------------------------------------------------------------


def test_the_objective_never_falls(run: Any) -> None:
    objective = run.trace.objective
    # Rounding only: the objective is a sum of terms whose own rounding is about 1e-16 of them each.
    rounding = 1e-12 * np.abs(objective).max()
    assert (np.diff(objective) >= -rounding).all()
    assert objective[-1] > objective[0]


def test_the_objective_is_that_of_the_snapshots_own_parameters(run: Any) -> None:
    for snapshot in run.trace[:8]:
        assert snapshot.objective == pytest.approx(independent_objective(snapshot, run.X), rel=1e-9)


def test_snapshot_0_is_the_starting_point(run: Any) -> None:
    assert [snapshot.iteration for snapshot in run.trace] == list(range(len(run.trace)))
    first = next(run.begin())
    assert_array_equal(first.mixture.means, run.start.means)
    assert_array_equal(first.mixture.weights, run.start.weights)


def test_a_remembered_snapshot_never_changes(run: Any) -> None:
    snapshots = run.begin()
    kept = list(islice(snapshots, 3))
    arrays = [(s.mixture.weights, s.mixture.means, s.mixture.covariances) for s in kept]
    before = [[array.copy() for array in of_one] for of_one in arrays]
    objectives = [snapshot.objective for snapshot in kept]
    for _ in range(3):
        next(snapshots)
    for of_one, copies in zip(arrays, before, strict=True):
        for array, copy in zip(of_one, copies, strict=True):
            assert_array_equal(array, copy)
    assert objectives == [snapshot.objective for snapshot in kept]
    for first, second in pairwise(arrays):
        assert not any(np.shares_memory(a, b) for a, b in zip(first, second, strict=True))


def test_a_snapshot_cannot_be_written_to(run: Any) -> None:
    mixture = run.trace[1].mixture
    for array in (
        *(mixture.weights, mixture.means, mixture.covariances, mixture.precisions_cholesky),
        *(run.trace.objective, run.trace.weights, run.trace.means, run.trace.covariances),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    with pytest.raises(AttributeError):
        mixture.means = np.zeros_like(mixture.means)
    with pytest.raises(AttributeError):
        run.trace[1].objective = 0.0


def test_responsibilities_are_shares(run: Any) -> None:
    for snapshot in (run.trace[0], run.trace[5]):
        responsibilities = snapshot.responsibilities(run.X)
        assert responsibilities.shape == (len(run.X), snapshot.mixture.n_components)
        assert responsibilities.min() >= 0
        assert_allclose(responsibilities.sum(axis=1), 1, rtol=1e-14)
        if snapshot.hard:
            assert set(np.unique(responsibilities)) == {0, 1}
            nearest = squared_distances(run.X, snapshot.mixture.means).min(axis=1)
            chosen = squared_distances(run.X, snapshot.mixture.means)[responsibilities == 1]
            assert_allclose(chosen, nearest, rtol=1e-10)
        else:
            joint = independent_log_joint(snapshot.mixture, run.X)
            bayes = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
            assert_allclose(responsibilities, bayes, rtol=1e-8, atol=1e-12)


def test_permuting_the_start_permutes_the_result(run: Any) -> None:
    start, n_components = run.start, run.start.n_components
    order = np.roll(np.arange(n_components), 1)
    if run.algorithm == "lloyd":
        other = Trace.record(lloyd(run.X, start.means[order]), run.X, tol=0, max_iter=5)
    else:
        tied = start.covariance_type == "tied"
        covariances = start.covariances if tied else start.covariances[order]
        permuted = Mixture(start.weights[order], start.means[order], covariances, start.covariance_type)
        other = Trace.record(em(run.X, permuted), run.X, tol=0, max_iter=5)
    assert_allclose(other.objective, run.trace.objective[:6], rtol=1e-11)
    assert_allclose(other.weights, run.trace.weights[:6, order], rtol=1e-9)
    assert_allclose(other.means, run.trace.means[:6, order], rtol=1e-9)


def test_the_order_of_the_samples_does_not_matter(run: Any) -> None:
    shuffled = run.X[np.random.RandomState(0).permutation(len(run.X))]
    begin = lloyd(shuffled, run.start) if run.algorithm == "lloyd" else em(shuffled, run.start)
    other = Trace.record(begin, shuffled, tol=0, max_iter=5)
    assert_allclose(other.objective, run.trace.objective[:6], rtol=1e-11)
    assert_allclose(other.means, run.trace.means[:6], rtol=1e-9, atol=1e-9)


def test_every_sample_twice_changes_nothing_but_doubles_the_objective(run: Any) -> None:
    twice = np.vstack([run.X, run.X])
    begin = lloyd(twice, run.start) if run.algorithm == "lloyd" else em(twice, run.start)
    other = Trace.record(begin, twice, tol=0, max_iter=5)
    assert_allclose(other.objective, 2 * run.trace.objective[:6], rtol=1e-11)
    assert_allclose(other.weights, run.trace.weights[:6], rtol=1e-9)
    assert_allclose(other.means, run.trace.means[:6], rtol=1e-9)
    assert_allclose(other.covariances, run.trace.covariances[:6], rtol=1e-7, atol=1e-9 * np.abs(run.X).max() ** 2)


def test_translating_the_data_translates_the_run(run: Any) -> None:
    shift = run.X.std(axis=0) * np.linspace(-20, 30, run.X.shape[1])
    moved = run.X + shift
    if run.algorithm == "lloyd":
        begin = lloyd(moved, run.start.means + shift)
    else:
        begin = em(moved, transformed(run.start, np.eye(run.X.shape[1]), shift))
    other = Trace.record(begin, moved, tol=0, max_iter=5)
    assert_allclose(other.objective, run.trace.objective[:6], rtol=1e-9)
    assert_allclose(other.means - shift, run.trace.means[:6], rtol=1e-7, atol=1e-7 * run.X.std())
    assert_allclose(other.weights, run.trace.weights[:6], rtol=1e-7)


def test_changing_the_units_changes_the_run_alike(run: Any) -> None:
    """Each covariance type is at home under its own changes of units, and follows them exactly."""
    rng = np.random.RandomState(1)
    n_features = run.X.shape[1]
    rotation = np.linalg.qr(rng.standard_normal((n_features, n_features)))[0]
    scales = np.exp(rng.uniform(-2, 2, n_features))
    matrix = {
        "em-full": rotation * scales,
        "em-tied": rotation * scales,
        "em-diag": np.diag(scales),
        "em-spherical": 3.7 * rotation,
        "lloyd": 3.7 * rotation,
    }[run.algorithm]
    changed = run.X @ matrix.T
    n_samples = len(run.X)
    if run.algorithm == "lloyd":
        other = Trace.record(lloyd(changed, run.start.means @ matrix.T), changed, tol=0, max_iter=5)
        assert_allclose(other.objective, 3.7**2 * run.trace.objective[:6], rtol=1e-9)
    else:
        other = Trace.record(em(changed, transformed(run.start, matrix, 0)), changed, tol=0, max_iter=5)
        # The density of A x is that of x over |det A|: the log-likelihood shifts by -N log|det A|.
        volume = np.linalg.slogdet(matrix)[1]
        expected = run.trace.objective[:6] - n_samples * volume
        assert_allclose(other.objective, expected, rtol=1e-9, atol=1e-9 * n_samples * max(1, abs(volume)))
    means = run.trace.means[:6] @ matrix.T
    assert_allclose(other.means, means, rtol=1e-7, atol=1e-8 * np.abs(means).max())


# --- EM ----------------------------------------------------------------------------------------------------


def test_em_is_an_e_step_and_an_m_step(em_run: Any) -> None:
    before, after = em_run.trace[4].mixture, em_run.trace[5].mixture
    kind = before.covariance_type
    responsibilities = e_step(em_run.X, before.weights, before.means, before.covariances, kind)
    weights, means, covariances = m_step(em_run.X, responsibilities, kind)
    assert_allclose(weights, after.weights, rtol=1e-12)
    assert_allclose(means, after.means, rtol=1e-12)
    assert_allclose(covariances, after.covariances, rtol=1e-10)


def test_the_m_step_is_the_weighted_averages_of_the_book(X: Any, covariance_type: str) -> None:
    """Bishop (2006), eqs. 9.24 to 9.27, in plain loops."""
    n_samples, n_features = X.shape
    responsibilities = np.random.RandomState(0).dirichlet([0.3, 1.0, 3.0], n_samples)  # unequal shares
    weights, means, covariances = m_step(X, responsibilities, covariance_type)
    scatters, counts = [], []
    for k, share in enumerate(responsibilities.T):
        count = sum(share)
        mean = sum(g * x for g, x in zip(share, X, strict=True)) / count
        scatters.append(sum(g * np.outer(x - mean, x - mean) for g, x in zip(share, X, strict=True)))
        counts.append(count)
        assert_allclose(weights[k], count / n_samples, rtol=1e-12)
        assert_allclose(means[k], mean, rtol=1e-12)
    each = [scatter / count for scatter, count in zip(scatters, counts, strict=True)]
    expected = {
        "full": each,
        "tied": sum(scatters) / n_samples,  # pooled, not averaged
        "diag": [np.diag(covariance) for covariance in each],
        "spherical": [np.trace(covariance) / n_features for covariance in each],
    }[covariance_type]
    assert_allclose(covariances, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_the_m_step_finds_the_best_parameters(X: Any, covariance_type: str) -> None:
    """No small change of its parameters has a higher expected complete-data log-likelihood."""
    rng = np.random.RandomState(2)
    responsibilities = rng.dirichlet([0.5, 1.0], len(X))
    best = m_step(X, responsibilities, covariance_type)

    def expected_log_likelihood(weights: Any, means: Any, covariances: Any) -> float:
        mixture = Mixture(weights, means, covariances, covariance_type)
        return float((responsibilities * independent_log_joint(mixture, X)).sum())

    top = expected_log_likelihood(*best)
    for _ in range(6):
        weights, means, covariances = (array.copy() for array in best)
        weights *= np.exp(0.05 * rng.standard_normal(weights.shape))
        means += 0.05 * X.std(axis=0) * rng.standard_normal(means.shape)
        if covariance_type in ("full", "tied"):
            change = np.eye(X.shape[1]) + 0.05 * rng.standard_normal(covariances.shape)
            covariances = change @ covariances @ np.swapaxes(change, -1, -2)
        else:
            covariances *= np.exp(0.1 * rng.standard_normal(covariances.shape))
        assert expected_log_likelihood(weights / weights.sum(), *best[1:]) < top
        assert expected_log_likelihood(best[0], means, best[2]) < top
        assert expected_log_likelihood(*best[:2], covariances) < top


def test_one_component_is_the_sample_mean_and_covariance(X: Any, covariance_type: str, rough_start: Any) -> None:
    trace = Trace.record(em(X, rough_start(X, 1, covariance_type)), X, tol=0, max_iter=2)
    covariance = np.cov(X.T, bias=True).reshape(X.shape[1], X.shape[1])
    expected = {
        "full": covariance[np.newaxis],
        "tied": covariance,
        "diag": np.diag(covariance)[np.newaxis],
        "spherical": [np.diag(covariance).mean()],
    }[covariance_type]
    for snapshot in trace[1:]:
        assert_allclose(snapshot.mixture.weights, [1], rtol=1e-14)
        assert_allclose(snapshot.mixture.means[0], X.mean(axis=0), rtol=1e-12)
        assert_allclose(snapshot.mixture.covariances, expected, rtol=1e-9, atol=1e-12 * covariance.max())


def test_a_fixed_point_stays_where_it_is(covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load("faithful")
    start = rough_start(X, 2, covariance_type)
    settled = Trace.record(em(X, start), X, tol=1e-14, max_iter=2000)
    assert settled.outcome in ("converged", "decreased")
    again = Trace.record(em(X, settled[-1].mixture), X, tol=0, max_iter=3)
    assert_allclose(again.means[-1], settled.means[-1], rtol=1e-6)
    assert_allclose(again.objective, settled.objective[-1], rtol=1e-12)


def test_types_that_are_equal_in_one_dimension_give_one_run(load: Any, rough_start: Any) -> None:
    X = load("galaxies")
    runs = [
        Trace.record(em(X, rough_start(X, 3, name)), X, tol=0, max_iter=20) for name in ("full", "diag", "spherical")
    ]
    for other in runs[1:]:
        assert_allclose(other.objective, runs[0].objective, rtol=1e-12)
        assert_allclose(other.covariances.ravel(), runs[0].covariances.ravel(), rtol=1e-9)


# --- k-means -----------------------------------------------------------------------------------------------


def test_lloyd_is_assign_and_average(X: Any) -> None:
    """Bishop (2006), eqs. 9.2 and 9.4, in plain loops."""
    centres = three_centres(X, seed=3)
    for snapshot in islice(lloyd(X, centres), 6):
        assert_allclose(snapshot.mixture.means, centres, rtol=1e-10)
        nearest = squared_distances(X, centres).argmin(axis=1)
        centres = np.array([X[nearest == k].mean(axis=0) for k in range(3)])


def test_the_mixture_of_k_means_is_what_k_means_assumes(X: Any) -> None:
    for snapshot in islice(lloyd(X, X[[0, 40, 80]]), 4):
        mixture = snapshot.mixture
        assert snapshot.hard
        assert snapshot.objective_name == "minus inertia"
        assert mixture.covariance_type == "spherical"
        assert_allclose(mixture.weights, 1 / 3, rtol=1e-14)
        assert_allclose(mixture.covariances, -snapshot.objective / X.size, rtol=1e-12)


def test_k_means_is_em_with_one_shared_variance_in_its_limit(X: Any) -> None:
    """As the shared variance goes to 0, responsibilities become Lloyd's assignment, at every step."""
    weights = np.full(3, 1 / 3)
    means = three_centres(X, seed=4)
    for snapshot in islice(lloyd(X, means), 8):
        assert_allclose(means, snapshot.mixture.means, rtol=1e-8)
        distances = np.sort(squared_distances(X, means), axis=1)
        variance = np.full(3, (distances[:, 1] - distances[:, 0]).min() / 200)
        responsibilities = e_step(X, weights, means, variance, "spherical")
        assert_allclose(responsibilities, snapshot.responsibilities(X), atol=1e-12)
        means = m_step(X, responsibilities, "spherical")[1]
