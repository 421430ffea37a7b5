"""EM: its steps, its numerical extremes, and how it ends when a component collapses."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gmmteach import GaussianMixture, Mixture, Trace, e_step, em, m_step
from gmmteach.covariance import CollapseError
from gmmteach.datasets import make_collapse_trap

TYPES = ("full", "tied", "diag", "spherical")


def widened(covariance: float, n_components: int, n_features: int, covariance_type: str) -> Any:
    """The same round covariance for every component, in the type's shape."""
    return {
        "full": np.stack([covariance * np.eye(n_features)] * n_components),
        "tied": covariance * np.eye(n_features),
        "diag": np.full((n_components, n_features), covariance),
        "spherical": np.full(n_components, covariance),
    }[covariance_type]


def two_groups(seed: int = 0, n_samples: int = 120) -> Any:
    """Two groups in the plane, with coordinates in 1/1024ths so that large offsets are added exactly."""
    rng = np.random.RandomState(seed)
    X = np.vstack([rng.standard_normal((n_samples // 2, 2)), [5, 4] + rng.standard_normal((n_samples // 2, 2)) / 2])
    return np.round(X * 1024) / 1024


def two_means(covariance_type: str, offset: float = 0.0, scale: Any = 1.0) -> Mixture:
    means = np.array([[1.0, 0.0], [3.0, 4.0]])
    covariances = widened(4.0, 2, 2, covariance_type)
    scales = np.broadcast_to(scale, 2)
    if covariance_type in ("full", "tied"):
        covariances = covariances * np.outer(scales, scales)
    elif covariance_type == "diag":
        covariances = covariances * scales**2
    else:
        covariances = covariances * scales[0] ** 2
    return Mixture([0.4, 0.6], means * scales + offset, covariances, covariance_type)


# --- the steps ---------------------------------------------------------------------------------------------


def test_the_e_step_by_hand() -> None:
    """One point at 1, components N(0, 1) and N(3, 4) with weights 0.75 and 0.25."""
    first = 0.75 * np.exp(-0.5) / np.sqrt(2 * np.pi)
    second = 0.25 * np.exp(-0.5) / np.sqrt(2 * np.pi * 4)
    for covariance_type, covariances in {
        "full": [[[1.0]], [[4.0]]],
        "diag": [[1.0], [4.0]],
        "spherical": [1.0, 4.0],
    }.items():
        got = e_step([[1.0]], [0.75, 0.25], [[0.0], [3.0]], covariances, covariance_type)
        assert_allclose(got, [[first / (first + second), second / (first + second)]], rtol=1e-14)


def test_the_m_step_by_hand() -> None:
    X = [[0.0, 0.0], [2.0, 0.0], [10.0, 6.0]]
    weights, means, covariances = m_step(X, [[1, 0], [1, 0], [0, 1]])
    assert_allclose(weights, [2 / 3, 1 / 3])
    assert_allclose(means, [[1, 0], [10, 6]])
    assert_allclose(covariances[0], [[1, 0], [0, 0]], atol=1e-14)
    assert_allclose(m_step(X, [[1, 0], [1, 0], [0, 1]], "spherical")[2], [0.5, 0], atol=1e-14)
    assert_allclose(m_step(X, [[1, 0], [1, 0], [0, 1]], "tied")[2], [[2 / 3, 0], [0, 0]], atol=1e-14)


def test_the_m_step_over_many_blocks_is_that_over_one(covariance_type: str) -> None:
    """More samples than fit into one block of work."""
    rng = np.random.RandomState(0)
    X, shares = rng.standard_normal((40_000, 2)), rng.dirichlet([1, 2], 40_000)
    whole = m_step(X, shares, covariance_type)
    covariance = [np.cov(X.T, aweights=share, bias=True) for share in shares.T]
    expected = {
        "full": covariance,
        "tied": sum(weight * matrix for weight, matrix in zip(whole[0], covariance, strict=True)),
        "diag": [np.diag(matrix) for matrix in covariance],
        "spherical": [np.trace(matrix) / 2 for matrix in covariance],
    }[covariance_type]
    assert_allclose(whole[2], expected, rtol=1e-10, atol=1e-13)
    mixture = Mixture(*whole, covariance_type)
    parts = np.vstack([mixture.responsibilities(X[:123]), mixture.responsibilities(X[123:])])
    assert_allclose(mixture.responsibilities(X), parts, rtol=1e-13)


def test_reg_covar_is_added_to_every_variance_and_to_nothing_else(covariance_type: str) -> None:
    X = two_groups()
    shares = np.random.RandomState(1).dirichlet([1, 1], len(X))
    plain, regular = m_step(X, shares, covariance_type), m_step(X, shares, covariance_type, reg_covar=0.5)
    assert_array_equal(plain[0], regular[0])
    assert_array_equal(plain[1], regular[1])
    without, with_it = (Mixture(*result, covariance_type).dense_covariances for result in (plain, regular))
    assert_allclose(with_it, without + 0.5 * np.eye(2), rtol=1e-12)


def test_reg_covar_is_used_in_every_m_step(covariance_type: str) -> None:
    X, start = two_groups(), two_means(covariance_type)
    first, second = islice(em(X, start, reg_covar=0.5), 2)
    shares = e_step(X, start.weights, start.means, start.covariances, covariance_type)
    assert_allclose(second.mixture.covariances, m_step(X, shares, covariance_type, 0.5)[2], rtol=1e-12)
    assert first.mixture is start  # the start is what the user gave: nothing is added to it


def test_reg_covar_can_make_the_likelihood_fall() -> None:
    """Claimed in the course: EM's log-likelihood never falls, unless reg_covar is added."""
    X = two_groups()
    settled = Trace.record(em(X, two_means("full")), X, tol=1e-10, max_iter=500)
    pushed = Trace.record(em(X, settled[-1].mixture, reg_covar=1.0), X, tol=0, max_iter=1)
    assert pushed.objective[1] < pushed.objective[0] - 1
    stopped = Trace.record(em(X, settled[-1].mixture, reg_covar=1.0), X, tol=10.0)
    assert stopped.outcome == "decreased"


def test_single_precision_stays_single(covariance_type: str) -> None:
    X = two_groups()
    start = two_means(covariance_type)
    single = Mixture(start.weights, start.means.astype(np.float32), start.covariances, covariance_type)
    trace = Trace.record(em(X.astype(np.float32), single), X, tol=0, max_iter=5)
    for array in (trace.weights, trace.means, trace.covariances, trace[-1].responsibilities(X.astype(np.float32))):
        assert array.dtype == np.float32
    double = Trace.record(em(X, start), X, tol=0, max_iter=5)
    assert_allclose(trace.means, double.means, rtol=1e-3, atol=1e-3)
    assert_allclose(trace.objective, double.objective, rtol=1e-4)


def test_lists_and_integers_are_data_too() -> None:
    X = [[0, 0], [0, 1], [1, 0], [8, 8], [8, 9], [9, 8]]
    start = Mixture([0.5, 0.5], [[0, 0], [9, 9]], [1, 1], "spherical")
    trace = Trace.record(em(X, start), X, tol=1e-9)
    assert_allclose(trace.means[-1], [[1 / 3, 1 / 3], [25 / 3, 25 / 3]], rtol=1e-9)


@pytest.mark.parametrize(
    ("X", "shares", "message"),
    [
        ([1.0, 2.0], [[1.0], [1.0]], r"they have shapes \(2,\) and \(2, 1\)"),
        ([[1.0], [2.0]], [1.0, 1.0], r"they have shapes \(2, 1\) and \(2,\)"),
        ([[1.0], [2.0]], [[1.0]], r"they have shapes \(2, 1\) and \(1, 1\)"),
        ([[1.0], [np.nan]], [[1.0], [1.0]], "1 rows hold NaN or infinity, the first of them row 1"),
    ],
)
def test_an_m_step_that_makes_no_sense_is_refused(X: Any, shares: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        m_step(X, shares)
    with pytest.raises(ValueError, match="covariance_type is 'round'"):
        m_step([[1.0], [2.0]], [[1.0], [1.0]], "round")


def test_em_refuses_data_it_cannot_use() -> None:
    start = two_means("full")
    with pytest.raises(ValueError, match="hold NaN or infinity, the first of them row 2"):
        next(em([[0, 1], [1, 2], [np.nan, 1], [3, np.inf]], start))
    with pytest.raises(ValueError, match=r"X must have shape \(n_samples, 2\)"):
        next(em([[0.0], [1.0]], start))


# --- numerical extremes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e6, -1e8, 1e10])
def test_an_offset_changes_nothing(covariance_type: str, offset: float) -> None:
    X = two_groups()
    near = Trace.record(em(X, two_means(covariance_type)), X, tol=0, max_iter=20)
    far = Trace.record(em(X + offset, two_means(covariance_type, offset=offset)), X + offset, tol=0, max_iter=20)
    # A mean is stored with the precision of the offset, and that is all that is lost.
    rounding = 8 * np.finfo(float).eps * abs(offset)
    assert_allclose(far.objective, near.objective, rtol=1e-9 + 10 * rounding)
    assert_allclose(far.means - offset, near.means, atol=1e-9 + 10 * rounding)
    assert_allclose(far.covariances, near.covariances, rtol=1e-8 + 100 * rounding, atol=1e-8 + 100 * rounding)


@pytest.mark.parametrize("scale", [1e-6, 1e-12, 1e9])
def test_the_units_change_nothing(covariance_type: str, scale: float) -> None:
    X = two_groups()
    one = Trace.record(em(X, two_means(covariance_type)), X, tol=0, max_iter=20)
    other = Trace.record(em(X * scale, two_means(covariance_type, scale=scale)), X * scale, tol=0, max_iter=20)
    assert_allclose(other.objective, one.objective - X.size * np.log(scale), rtol=1e-11)
    assert_allclose(other.means / scale, one.means, rtol=1e-9)
    assert_allclose(other.covariances / scale**2, one.covariances, rtol=1e-8)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag"])
@pytest.mark.parametrize("scale", [(1e6, 1e-6), (1e-6, 1e6), (1e12, 1e-6)])
def test_each_feature_may_have_its_own_units(covariance_type: str, scale: Any) -> None:
    """A column of time stamps in nanoseconds beside one of probabilities is not a collapse."""
    X = two_groups()
    one = Trace.record(em(X, two_means(covariance_type)), X, tol=0, max_iter=10)
    other = Trace.record(em(X * scale, two_means(covariance_type, scale=scale)), X * scale, tol=0, max_iter=10)
    assert other.outcome == "out of iterations", other.outcome.explanation
    assert_allclose(other.means / scale, one.means, rtol=1e-8)
    assert_allclose(other.objective, one.objective - len(X) * np.log(scale).sum(), rtol=1e-9)


@pytest.mark.parametrize("distance", [1e6, 1e12])
def test_one_point_far_away_never_makes_a_nan(covariance_type: str, distance: float) -> None:
    """A component may close on it, and then the run says so."""
    X = np.vstack([two_groups(), [[distance, distance / 2]]])
    trace = Trace.record(em(X, two_means(covariance_type)), X, tol=0, max_iter=8)
    assert trace.outcome in ("out of iterations", "collapsed")
    assert np.isfinite(trace.objective).all()
    assert (np.diff(trace.objective) >= -1e-9 * np.abs(trace.objective[1:])).all()
    for snapshot in trace:
        assert_allclose(snapshot.responsibilities(X).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_tight_groups_far_apart_are_each_found(covariance_type: str) -> None:
    """One group a hundred-thousandth wide at the origin, another a tenth wide 10¹² away: both are Gaussians."""
    rng = np.random.RandomState(0)
    tight, wide = 1e-5 * rng.standard_normal((60, 2)), rng.standard_normal((60, 2))
    X = np.vstack([tight, 1e12 + wide])
    start = Mixture([0.5, 0.5], [[0.0, 0.0], [1e12, 1e12]], widened(1.0, 2, 2, covariance_type), covariance_type)
    trace = Trace.record(em(X, start), X, tol=0, max_iter=5)
    assert trace.outcome == "out of iterations", trace.outcome.explanation
    expected = np.cov(tight.T, bias=True)
    if covariance_type == "full":
        assert_allclose(trace.covariances[-1, 0], expected, rtol=1e-6)
    else:
        assert_allclose(trace.covariances[-1, 0].mean(), np.diag(expected).mean(), rtol=1e-6)
    assert_allclose(trace.weights[-1], 0.5, rtol=1e-12)


def test_tight_groups_far_apart_share_a_covariance() -> None:
    rng = np.random.RandomState(0)
    noise = np.round(rng.standard_normal((120, 2)) * 1024) / 1024
    X = noise + np.repeat([[0.0], [1e9]], 60, axis=0)
    start = Mixture([0.5, 0.5], [[0.0, 0.0], [1e9, 1e9]], np.eye(2), "tied")
    trace = Trace.record(em(X, start), X, tol=0, max_iter=5)
    pooled = (np.cov(noise[:60].T, bias=True) + np.cov(noise[60:].T, bias=True)) / 2
    assert_allclose(trace.covariances[-1], pooled, rtol=1e-6)


# --- collapse ----------------------------------------------------------------------------------------------


REMEDIES = (
    "fewer components",
    "reg_covar",
    "covariance type with fewer parameters",
    "random_state",
    "n_init",
    "rescale",
)

# data and means that lead component 1 (the one on the right) to close on a spot or a line
TRAPS: dict[str, Any] = {
    "duplicates": (np.vstack([two_groups()[:60], np.full((5, 2), 40.0)]), [[0.0, 0.0], [40.0, 40.0]]),
    "duplicates at a number that binary cannot hold": (
        np.vstack([two_groups()[:60], np.full((7, 2), 40.1)]),
        [[0.0, 0.0], [40.1, 40.1]],
    ),
    "one point alone": (np.vstack([two_groups()[:60], [[40.1, 40.3]]]), [[0.0, 0.0], [40.1, 40.3]]),
    "two equal points": (np.vstack([two_groups()[:60], [[40.1, 40.3]] * 2]), [[0.0, 0.0], [40.1, 40.3]]),
}


def collapsing(data: Any, means: Any, covariance_type: str) -> Trace:
    X = np.asarray(data)
    weights = np.full(len(means), 1 / len(means))
    start = Mixture(weights, means, widened(1.0, len(means), X.shape[1], covariance_type), covariance_type)
    return Trace.record(em(X, start), X, tol=0, max_iter=200)


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_component_that_closes_on_a_spot_is_named(covariance_type: str, trap: str, dtype: Any) -> None:
    X, means = (np.asarray(array, dtype=dtype) for array in TRAPS[trap])
    trace = collapsing(X, means, covariance_type)
    assert trace.outcome == "collapsed", trace
    assert trace.outcome.component == 1
    explanation = trace.outcome.explanation
    assert f"at iteration {len(trace)}:" in explanation  # the iteration that could not be made
    assert "omponent 1" in explanation
    count = len(X) - 60
    assert f"It holds {count:.3g} effective point{'s' * (count != 1)}." in explanation
    for remedy in REMEDIES:
        assert remedy in explanation
    assert np.isfinite(trace.objective).all()
    assert np.isfinite(trace.means).all()


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_two_points_in_the_plane_are_too_few_for_a_full_covariance(offset: float) -> None:
    X = np.vstack([two_groups()[:60], [[40.0, 40.0], [42.0, 43.0]]]) + offset
    means = np.array([[0.0, 0.0], [41.0, 41.0]]) + offset
    trace = collapsing(X, means, "full")
    assert trace.outcome == "collapsed"
    assert trace.outcome.component == 1
    for enough in ("diag", "spherical"):
        assert collapsing(X, means, enough).outcome == "out of iterations"


def test_collinear_data_has_no_full_covariance() -> None:
    t = np.random.RandomState(0).standard_normal(80)
    X = np.column_stack([t, 3 * t - 2])
    for covariance_type, component in (("full", 0), ("tied", None)):
        trace = collapsing(X, [[-1.0, -5.0], [1.0, 1.0]], covariance_type)
        assert trace.outcome == "collapsed"
        assert trace.outcome.component == component
        assert ("shared" in trace.outcome.explanation or "All components" in trace.outcome.explanation) == (
            component is None
        )
    assert collapsing(X, [[-1.0, -5.0], [1.0, 1.0]], "diag").outcome == "out of iterations"


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
@pytest.mark.parametrize("n_sharing", [2, 3])
def test_components_that_share_one_point_collapse_too(covariance_type: str, n_sharing: int) -> None:
    """Half a point has no more spread than a whole one, in single precision as well."""
    X, means = TRAPS["one point alone"]
    for dtype in (np.float64, np.float32):
        trace = collapsing(X.astype(dtype), np.array([means[0], *[means[1]] * n_sharing], dtype), covariance_type)
        assert trace.outcome == "collapsed", trace
        assert trace.outcome.component in range(1, n_sharing + 1)


def test_components_that_share_a_covariance_collapse_together() -> None:
    X = np.repeat([[0.0, 0.0], [5.0, 5.1]], 10, axis=0)
    trace = collapsing(X, [[0.0, 0.0], [5.0, 5.1]], "tied")
    assert trace.outcome == "collapsed"
    assert trace.outcome.component is None
    assert "effective points" not in trace.outcome.explanation


def test_a_component_that_starts_with_no_weight_never_gets_any(covariance_type: str) -> None:
    whole = two_means(covariance_type)
    start = Mixture([1.0, 0.0], whole.means, whole.covariances, covariance_type)
    trace = Trace.record(em(two_groups(), start), two_groups(), tol=0, max_iter=3)
    if covariance_type == "tied":  # it shares the others' covariance, so it can stay, unused
        assert_allclose(trace.weights[-1], [1, 0], atol=1e-12)
    else:
        assert trace.outcome == "collapsed"
        assert trace.outcome.component == 1
        assert "It holds" in trace.outcome.explanation


def test_em_itself_raises() -> None:
    X, means = TRAPS["duplicates"]
    start = Mixture([0.5, 0.5], means, [1.0, 1.0], "spherical")
    with pytest.raises(CollapseError, match="Collapse at iteration") as caught:
        list(islice(em(X, start), 200))
    assert caught.value.component == 1


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_the_estimator_raises_scikit_learns_error_with_the_run(covariance_type: str) -> None:
    X, _ = make_collapse_trap()
    model = GaussianMixture(2, covariance_type=covariance_type, reg_covar=0, random_state=0, init_params="random")
    model.set_params(means_init=[[0.0, 0.0], [8.0, 0.0]], tol=1e-9)
    with pytest.raises(ValueError, match="ill-defined empirical covariance") as caught:
        model.fit(X)
    error = caught.value
    assert isinstance(error, CollapseError)
    assert error.component == 1
    assert "Component 1" in str(error) or "component 1" in str(error)
    assert "iteration" in str(error)
    assert "increase reg_covar" in str(error)
    assert isinstance(error.trace, Trace)
    assert error.trace.outcome == "collapsed"
    assert len(error.trace) > 1
    assert (np.diff(error.trace.objective) > 0).all()  # up to there, it climbed
    assert not hasattr(model, "means_")
    model.set_params(reg_covar=1e-6).fit(X)


def test_a_start_that_has_collapsed_has_no_trace() -> None:
    X = np.repeat(np.arange(4.0), 3)[:, np.newaxis]
    with pytest.raises(CollapseError, match="in the starting point") as caught:
        GaussianMixture(4, reg_covar=0, random_state=0).fit(X)
    assert caught.value.trace is None
    assert caught.value.component in range(4)
    assert "It holds 3 effective points" in str(caught.value)


def test_the_error_about_single_precision_says_so() -> None:
    X = np.repeat(np.arange(4.0), 3)[:, np.newaxis].astype(np.float32)
    with pytest.raises(CollapseError, match="float64"):
        GaussianMixture(4, reg_covar=0, random_state=0).fit(X)


def test_a_tight_group_is_not_a_collapse(covariance_type: str) -> None:
    """Ten different points, each within a millionth of a place far from the origin, are a Gaussian."""
    rng = np.random.RandomState(0)
    X = np.vstack([1000 + rng.standard_normal((50, 2)), 1040 + 1e-6 * rng.standard_normal((10, 2))])
    trace = collapsing(X, [[1000.0, 1000.0], [1040.0, 1040.0]], covariance_type)
    assert trace.outcome == "out of iterations", trace.outcome.explanation
    expected = np.square(X[50:] - X[50:].mean(axis=0)).mean()
    if covariance_type != "tied":
        variances = np.diagonal(trace[-1].mixture.dense_covariances[1])
        assert_allclose(variances.mean(), expected, rtol=1e-6)
