"""SQUAREM: EM's own peaks, in fewer passes over the data.

A jump is never allowed to lower the objective, nor to end a run that EM would go on with.
"""

from __future__ import annotations

from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from gmmteach import GaussianMixture, Mixture, Trace, datasets, em
from gmmteach.acceleration import _bound, _free, _jump, accelerated_em
from gmmteach.covariance import CollapseError
from gmmteach.missing import Incomplete
from gmmteach.statistics import Samples

ENOUGH = 5000


class Counted(Samples):
    """Data that count the passes over them."""

    passes = 0

    def expect(self, density: Any, about: Any = None) -> Any:
        self.passes += 1
        return super().expect(density, about)


def log_likelihood(mixture: Mixture, X: Any) -> float:
    joint = [
        np.log(weight) + multivariate_normal(mean, covariance).logpdf(X)
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.dense_covariances, strict=True)
    ]
    return float(logsumexp(joint, axis=0).sum())


def blobs(n_samples: int = 1000, separation: float = 2.0) -> Any:
    return datasets.make_overlapping_blobs(n_samples, separation=separation, random_state=1)[0]


def passes_to(height: float, algorithm: Any, X: Any, start: Mixture) -> int:
    """Passes over the data until the objective is this high; `ENOUGH` if it never is."""
    snapshots = islice(algorithm(X, start), ENOUGH)
    return next((snapshot.iteration for snapshot in snapshots if snapshot.objective >= height), ENOUGH)


# --- the law ----------------------------------------------------------------------------------------------


def test_the_objective_never_falls(X: Any, covariance_type: str, rough_start: Any) -> None:
    for seed in (0, 1):
        start = rough_start(X, 3, covariance_type, seed)
        trace = Trace.record(accelerated_em(X, start), X, tol=0, max_iter=45)
        assert (np.diff(trace.objective) >= -1e-12 * np.abs(trace.objective).max()).all()
        assert trace.objective[-1] > trace.objective[0]


def test_the_objective_is_that_of_the_snapshots_own_parameters(X: Any, covariance_type: str, rough_start: Any) -> None:
    for snapshot in islice(accelerated_em(X, rough_start(X, 3, covariance_type)), 9):
        assert snapshot.objective == pytest.approx(log_likelihood(snapshot.mixture, X), rel=1e-9)


def test_it_begins_with_two_steps_of_em(X: Any, covariance_type: str, rough_start: Any) -> None:
    start = rough_start(X, 3, covariance_type)
    for mine, plain in zip(islice(accelerated_em(X, start), 3), em(X, start), strict=False):
        assert mine.iteration == plain.iteration
        assert mine.objective == pytest.approx(plain.objective, rel=1e-14)
        assert_array_equal(mine.mixture.means, plain.mixture.means)


def test_with_holes_the_objective_never_falls_either(covariance_type: str, rough_start: Any, load: Any) -> None:
    complete = load("iris")
    X = np.where(np.random.RandomState(0).uniform(size=complete.shape) < 0.3, np.nan, complete)
    start = rough_start(complete, 3, covariance_type)
    trace = Trace.record(accelerated_em(Incomplete(X), start), X, tol=0, max_iter=40)
    assert (np.diff(trace.objective) >= -1e-12 * np.abs(trace.objective).max()).all()
    plain = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=40)
    assert trace.objective[-1] > plain.objective[-1] - 1e-3 * len(X)


def test_numbers_of_iterations_are_passes_over_the_data(covariance_type: str, rough_start: Any) -> None:
    X = blobs()
    data = Counted(X)
    passes, iterations = [], []
    for snapshot in islice(accelerated_em(data, rough_start(X, 3, covariance_type)), 40):
        passes.append(data.passes - 1)
        iterations.append(snapshot.iteration)
    assert iterations == passes
    assert iterations[:3] == [0, 1, 2]
    steps = {later - earlier for earlier, later in pairwise(iterations)}
    assert steps <= {1, 2}


def test_a_jump_that_lands_lower_leaves_out_a_number(load: Any, rough_start: Any) -> None:
    left_out = 0
    for seed in range(3):
        X = load("moons")
        snapshots = list(islice(accelerated_em(X, rough_start(X, 4, "full", seed)), 60))
        left_out += snapshots[-1].iteration - (len(snapshots) - 1)
        # What comes after is a step of EM from what came before.
        for before, after in pairwise(snapshots):
            if after.iteration == before.iteration + 2:
                step = next(islice(em(X, before.mixture), 1, None))
                assert after.objective == pytest.approx(step.objective, rel=1e-12)
    assert left_out > 0


def test_sample_weights_are_repeated_rows(covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load("faithful")
    start, weights = rough_start(X, 2, covariance_type), np.random.RandomState(0).randint(0, 4, len(X))
    weighted = list(islice(accelerated_em(X, start, sample_weight=weights), 7))
    repeated = list(islice(accelerated_em(np.repeat(X, weights, axis=0), start), 7))
    objectives = [[snapshot.objective for snapshot in run] for run in (weighted, repeated)]
    assert_allclose(*objectives, rtol=1e-8)


# --- where it leads ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("separation", [2.0, 3.0])
def test_two_blobs_have_one_peak(separation: float, covariance_type: str, rough_start: Any) -> None:
    X, _ = datasets.make_overlapping_blobs(2000, n_components=2, separation=separation, random_state=0)
    start = rough_start(X, 2, covariance_type)
    plain, quick = (Trace.record(algorithm(X, start), X, tol=0, max_iter=4000) for algorithm in (em, accelerated_em))
    assert quick.objective[-1] == pytest.approx(plain.objective[-1], rel=1e-7)
    assert_allclose(quick.weights[-1], plain.weights[-1], atol=5e-3)
    assert_allclose(quick.means[-1], plain.means[-1], atol=2e-2)
    assert_allclose(quick.covariances[-1], plain.covariances[-1], atol=2e-2)


@pytest.mark.parametrize("name", ["faithful", "galaxies", "stretched"])
def test_real_peaks_are_the_same(name: str, covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load(name)
    middle = Mixture([1.0], [X.mean(axis=0)], [np.cov(X.T, bias=True).reshape(X.shape[1], X.shape[1])])
    far = middle.means + [[-1.0], [1.0]] * X.std(axis=0)
    covariances = rough_start(X, 2, covariance_type).covariances
    start = Mixture([0.5, 0.5], far, covariances, covariance_type)
    plain = Trace.record(em(X, start), X, tol=1e-10, max_iter=ENOUGH)
    quick = Trace.record(accelerated_em(X, start), X, tol=1e-10, max_iter=ENOUGH)
    assert quick.objective[-1] == pytest.approx(plain.objective[-1], rel=1e-6)


def test_overlapping_blobs_take_fewer_passes(covariance_type: str, rough_start: Any) -> None:
    """Until the mean log-likelihood is within 1e-6 nats of the peak: what it takes, whenever a run would stop."""
    X, _ = datasets.make_overlapping_blobs(1000, n_components=2, separation=2.0, random_state=2)
    start = rough_start(X, 2, covariance_type)
    peak = list(islice(em(X, start), 4000))[-1].objective
    height = peak - 1e-6 * len(X)
    plain, quick = (passes_to(height, algorithm, X, start) for algorithm in (em, accelerated_em))
    assert 50 < plain < ENOUGH
    assert quick < 0.75 * plain


def test_a_long_climb_takes_fewer_passes(rough_start: Any) -> None:
    """Two blobs so close that they are nearly one: EM takes thousands of steps, and acceleration is made for this."""
    X, labels = datasets.make_overlapping_blobs(2000, n_components=2, separation=1.5, random_state=0)
    means = 0.5 * np.array([X[labels == group].mean(axis=0) for group in (0, 1)]) + 0.5 * X.mean(axis=0)
    start = Mixture([0.5, 0.5], means, [np.cov(X.T, bias=True)] * 2)
    height = next(islice(em(X, start), 5000, None)).objective
    assert passes_to(height, accelerated_em, X, start) < 2500


@pytest.mark.parametrize("tol", [1e-3, 1e-5])
def test_a_run_ends_only_where_em_would_end(tol: float, load: Any, rough_start: Any) -> None:
    """From the end of a run that has converged, a step of EM gains not much more than ``tol``.

    The rule looks one round back, so plain EM itself goes up to 1.9 ``tol`` here.
    """
    gains = {}
    for name in ("faithful", "penguins", "crabs", "unequal", "moons"):
        X = load(name)
        for covariance_type in ("full", "tied", "diag", "spherical"):
            for seed in range(3):
                start = rough_start(X, 2 if name == "faithful" else 3, covariance_type, seed)
                trace = Trace.record(accelerated_em(X, start), X, tol=tol, max_iter=2000)
                step = next(islice(em(X, trace[-1].mixture), 1, None))
                gains[name, covariance_type, seed] = (step.objective - trace.objective[-1]) / len(X)
    worst = max(gains, key=lambda case: gains[case])
    assert gains[worst] < 7 * tol, worst


def test_it_does_not_stop_short_of_the_geyser(load: Any, rough_start: Any) -> None:
    X = load("faithful")
    start = rough_start(X, 2, "full", 2)
    quick = Trace.record(accelerated_em(X, start), X, tol=1e-5, max_iter=2000)
    assert quick.objective[-1] == pytest.approx(-1130.264, abs=0.05)


# --- the jump ---------------------------------------------------------------------------------------------


def test_free_parameters_and_back(mixtures: list[Mixture]) -> None:
    for mixture in mixtures:
        back = _bound(_free(mixture), like=mixture)
        assert back.covariance_type == mixture.covariance_type
        assert_allclose(back.weights, mixture.weights, rtol=1e-14)
        assert_array_equal(back.means, mixture.means)
        assert_allclose(back.covariances, mixture.covariances, rtol=1e-12, atol=1e-14)


@pytest.fixture
def mixtures(covariance_type: str, rough_start: Any, load: Any) -> list[Mixture]:
    """A mixture and the next two of EM, slowly moving."""
    X = load("overlapping")
    return [snapshot.mixture for snapshot in islice(em(X, rough_start(X, 3, covariance_type)), 20, 23)]


def test_a_jump_is_that_of_scheme_s3(mixtures: list[Mixture]) -> None:
    """θ' = θ₀ - 2 α r + α² v, in any vector whose every value is allowed (Varadhan & Roland 2008, section 5)."""
    first, second, third = (_free(mixture) for mixture in mixtures)
    r, v = second - first, third - 2 * second + first
    alpha = -np.sqrt((r @ r) / (v @ v))
    assert alpha < -1
    ahead = _jump(mixtures)
    assert ahead is not None
    expected = _bound(first - 2 * alpha * r + alpha**2 * v, like=mixtures[0])
    assert_allclose(ahead.weights, expected.weights, rtol=1e-10)
    assert_allclose(ahead.means, expected.means, rtol=1e-10)
    assert ahead.weights.sum() == pytest.approx(1, rel=1e-12)


def test_a_geometric_sequence_is_seen_through() -> None:
    """Steps that shrink by ρ lead to a limit, and the jump goes there at once: α = -1 / (1 - ρ)."""
    limit, rate = np.array([[3.0], [7.0]]), 0.95
    sequence = [Mixture([0.5, 0.5], limit + 4 * rate**t, [1.0, 2.0], "spherical") for t in range(3)]
    ahead = _jump(sequence)
    assert ahead is not None
    assert_allclose(ahead.means, limit, rtol=1e-10)


@pytest.mark.parametrize("change", [1e-1, 1e-3, 1e-6, 1e-9, 1e-12])
def test_far_too_long_a_jump_is_no_jump(change: float, covariance_type: str) -> None:
    """Steps that do not shrink at all ask for the end of the world; nothing may overflow on the way there."""
    ones = {"full": np.stack([np.eye(2)] * 2), "tied": np.eye(2), "diag": np.ones((2, 2)), "spherical": np.ones(2)}
    for direction in (-1, 1):
        walked = []
        for t in range(3):
            size = np.exp(direction * (0.5 * t - change * t**2))
            covariances = ones[covariance_type] * size
            walked.append(Mixture([0.5, 0.5], [[0.0, 0.0], [t, 1.0]], covariances, covariance_type))
        ahead = _jump(walked)
        assert ahead is None or np.isfinite(ahead.density.log_constants).all()


def test_growing_steps_are_not_extrapolated() -> None:
    walked = [Mixture([1.0], [[float(x)]], [1.0], "spherical") for x in (0, 1, 5)]
    assert _jump(walked) is None


def test_at_a_fixed_point_there_is_no_jump() -> None:
    assert _jump([Mixture([1.0], [[2.0]], [1.0], "spherical")] * 3) is None


# --- where it cannot go on --------------------------------------------------------------------------------


def test_a_collapse_is_named() -> None:
    X, _ = datasets.make_collapse_trap(spread=0.0)
    start = Mixture([0.5, 0.5], [[0.0, 0.0], [8.0, 0.0]], [np.eye(2), 1e-4 * np.eye(2)])
    trace = Trace.record(accelerated_em(X, start), X, tol=0, max_iter=100)
    assert trace.outcome == "collapsed"
    assert trace.outcome.component == 1
    assert f"at iteration {trace[-1].iteration + 1}" in trace.outcome.explanation
    assert np.isfinite(trace.objective).all()
    with pytest.raises(CollapseError) as caught:
        GaussianMixture(2, accelerate=True, reg_covar=0, init_params=start).fit(X)
    assert caught.value.component == 1


def test_a_component_without_weight_stays_without(load: Any, covariance_type: str, rough_start: Any) -> None:
    X = load("faithful")
    like = rough_start(X, 3, covariance_type)
    start = Mixture([0.4, 0.6, 0.0], like.means, like.covariances, covariance_type)
    settings = {"reg_covar": 1e-3}
    quick = Trace.record(accelerated_em(X, start, **settings), X, tol=0, max_iter=15)
    plain = Trace.record(em(X, start, **settings), X, tol=0, max_iter=15)
    assert (quick.weights[:, 2] < 1e-15).all()
    assert (np.diff(quick.objective) >= -1e-5 * np.abs(quick.objective).max()).all()
    assert quick.objective[-1] > plain.objective[0]


def test_a_component_that_dies_on_the_way(load: Any) -> None:
    """One that no sample wants: its weight falls to 0 and below the smallest number."""
    X = load("faithful")
    start = Mixture([0.5, 0.49, 0.01], [*X[[0, 1]], [3e3, 3e3]], [np.diag([1.0, 180.0])] * 3)
    trace = Trace.record(accelerated_em(X, start, reg_covar=1e-6), X, tol=0, max_iter=30)
    assert trace.outcome == "out of iterations"
    assert trace.weights[-1, 2] < 1e-15
    assert np.isfinite(trace.objective).all()


@pytest.mark.parametrize(
    "covariance_type",
    [
        "full",
        "tied",
        "diag",
        "spherical",
    ],
)
def test_single_precision_stays_single(covariance_type: str, rough_start: Any) -> None:
    X = blobs().astype(np.float32)
    start = rough_start(X.astype(np.float64), 3, covariance_type)
    single = Mixture(start.weights, start.means.astype(np.float32), start.covariances, covariance_type)
    trace = Trace.record(accelerated_em(X, single), X, tol=0, max_iter=30)
    assert {snapshot.mixture.means.dtype.name for snapshot in trace} == {"float32"}
    assert (np.diff(trace.objective) >= -1e-5 * np.abs(trace.objective).max()).all()


# --- the estimator ----------------------------------------------------------------------------------------


def test_the_estimator_uses_it(covariance_type: str) -> None:
    X = blobs()
    settings = {"covariance_type": covariance_type, "random_state": 0, "tol": 1e-7, "max_iter": ENOUGH, "reg_covar": 0}
    quick, plain = (GaussianMixture(3, accelerate=yes, **settings).fit(X) for yes in (True, False))
    assert quick.converged_
    assert quick.trace_.outcome == "converged"
    assert len(quick.trace_) == quick.n_iter_ + 1 == len(quick.lower_bounds_) + 1
    assert quick.score(X) == pytest.approx(plain.score(X), abs=1e-3)
    expected = list(islice(accelerated_em(X, quick.trace_[0].mixture), len(quick.trace_)))
    assert_array_equal(quick.trace_.objective, [snapshot.objective for snapshot in expected])
    assert_array_equal(quick.trace_.means[0], plain.trace_.means[0])
    assert_allclose(quick.score_samples(X).sum(), quick.trace_.objective[-1], rtol=1e-10)


def test_a_trace_with_numbers_left_out_is_saved(tmp_path: Any, load: Any, rough_start: Any) -> None:
    X = load("moons")
    trace = Trace.record(accelerated_em(X, rough_start(X, 4, "full")), X, tol=0, max_iter=60)
    again = Trace.load(trace.save(tmp_path / "run"))
    assert [snapshot.iteration for snapshot in again] == [snapshot.iteration for snapshot in trace]


def test_clone_and_grid_search(load: Any) -> None:
    model = GaussianMixture(2, accelerate=True, random_state=0)
    assert clone(model).get_params()["accelerate"] is True
    search = GridSearchCV(model, {"accelerate": [False, True], "n_components": [1, 2]}, cv=3).fit(load("faithful"))
    assert search.best_params_["n_components"] == 2
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    with pytest.raises(ValueError, match="accelerate"):
        GaussianMixture(accelerate="yes").fit(load("faithful"))


def test_warm_starts_go_on(load: Any) -> None:
    X = load("overlapping")
    model = GaussianMixture(3, accelerate=True, warm_start=True, random_state=0, max_iter=5, tol=0)
    heights = []
    for _ in range(4):
        with pytest.warns(UserWarning, match="did not converge"):
            heights.append(model.fit(X).trace_.objective[-1])
    assert heights == sorted(heights)


def test_the_default_is_plain_em(load: Any) -> None:
    assert GaussianMixture().accelerate is False
    model = GaussianMixture(2, random_state=0).fit(load("faithful"))
    expected = list(islice(em(load("faithful"), model.trace_[0].mixture, reg_covar=1e-6), model.n_iter_ + 1))
    assert_array_equal(model.trace_.objective, [snapshot.objective for snapshot in expected])
