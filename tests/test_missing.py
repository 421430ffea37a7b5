"""Data with holes: what is missing is summed out, exactly.

Densities come from SciPy, conditionals from `np.linalg.solve` or from the identity p(a, b) = p(a) p(b | a), and the
closed forms from the literature on missing data.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from gmmteach import GaussianMixture, Mixture, Trace, datasets, em
from gmmteach.missing import Incomplete, fill_with_means, impute

TYPES = ("full", "tied", "diag", "spherical")


def at_random(X: Any, share: float, seed: int = 0) -> Any:
    """The data with holes that have nothing to do with them (MCAR); some rows may be missing altogether."""
    holes = np.random.RandomState(seed).uniform(size=X.shape) < share
    return np.where(holes, np.nan, X)


def where_the_first_is_large(X: Any, share: float, seed: int = 0) -> Any:
    """The data with holes in all features but the first, the likelier the larger the first is (MAR)."""
    rng = np.random.RandomState(seed)
    ranks = X[:, 0].argsort().argsort() / (len(X) - 1)
    holes = rng.uniform(size=X.shape) < 2 * share * ranks[:, np.newaxis]
    holes[:, 0] = False
    return np.where(holes, np.nan, X)


def with_empty_rows(X: Any, share: float, seed: int = 0) -> Any:
    """The data with whole rows missing."""
    return np.where(np.random.RandomState(seed).uniform(size=(len(X), 1)) < share, np.nan, X)


def dense(mixture: Mixture, k: int) -> Any:
    """Covariance matrix of component k, written out by the definition of its type."""
    covariances, n_features = mixture.covariances, mixture.n_features
    return {
        "full": lambda: covariances[k],
        "tied": lambda: covariances,
        "diag": lambda: np.diag(covariances[k]),
        "spherical": lambda: covariances[k] * np.eye(n_features),
    }[mixture.covariance_type]()


def independent_log_joint(mixture: Mixture, X: Any) -> Any:
    """Log π_k N(x_o | μ_o, Σ_oo) of every row, by SciPy; where nothing is observed, log π_k."""
    joint = np.tile(np.log(mixture.weights), (len(X), 1))
    for mask in np.unique(np.isnan(X), axis=0):
        rows, observed = (np.isnan(X) == mask).all(axis=1), np.flatnonzero(~mask)
        if len(observed):
            for k, mean in enumerate(mixture.means):
                known = multivariate_normal(mean[observed], dense(mixture, k)[np.ix_(observed, observed)])
                joint[rows, k] += known.logpdf(X[np.ix_(rows, observed)])
    return joint


class Case(NamedTuple):
    """Data with holes, the complete data they came from, and how many components to look for."""

    X: Any
    complete: Any
    n_components: int


CASES = {
    "faithful, 5 %": ("faithful", at_random, 0.05),
    "faithful, 60 %": ("faithful", at_random, 0.6),
    "faithful, at random given the first": ("faithful", where_the_first_is_large, 0.4),
    "iris, 30 %": ("iris", at_random, 0.3),
    "iris, at random given the first": ("iris", where_the_first_is_large, 0.3),
    "penguins, 20 %": ("penguins", at_random, 0.2),
    "crabs, 50 %": ("crabs", at_random, 0.5),
    "overlapping, rows": ("overlapping", with_empty_rows, 0.2),
    "galaxies, rows": ("galaxies", with_empty_rows, 0.3),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, load: Any) -> Case:
    name, mechanism, share = CASES[request.param]
    complete = load(name)
    return Case(mechanism(complete, share), complete, {"faithful": 2, "crabs": 4}.get(name, 3))


def run(case: Case, covariance_type: str, rough_start: Any, max_iter: int = 20) -> Trace:
    start = rough_start(case.complete, case.n_components, covariance_type)
    return Trace.record(em(Incomplete(case.X), start), case.X, tol=0, max_iter=max_iter)


@pytest.fixture
def mixture(covariance_type: str, rough_start: Any, load: Any) -> Mixture:
    """Three components in four dimensions, with correlations where the type has them."""
    return rough_start(load("iris"), 3, covariance_type)


# --- EM with holes ----------------------------------------------------------------------------------------


def test_the_observed_log_likelihood_never_falls(case: Case, covariance_type: str, rough_start: Any) -> None:
    trace = run(case, covariance_type, rough_start)
    assert trace.outcome == "out of iterations"
    assert (np.diff(trace.objective) >= -1e-12 * np.abs(trace.objective).max()).all()
    assert trace.objective[-1] > trace.objective[0]


def test_the_objective_is_that_of_what_was_observed(case: Case, covariance_type: str, rough_start: Any) -> None:
    for snapshot in run(case, covariance_type, rough_start, max_iter=6):
        expected = logsumexp(independent_log_joint(snapshot.mixture, case.X), axis=1).sum()
        assert snapshot.objective == pytest.approx(expected, rel=1e-10)


def test_penguins_with_their_own_holes(covariance_type: str, rough_start: Any) -> None:
    X = datasets.load_penguins().data
    assert np.isnan(X).any()
    start = rough_start(X[~np.isnan(X).any(axis=1)], 3, covariance_type)
    trace = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=30)
    assert (np.diff(trace.objective) >= -1e-12 * np.abs(trace.objective).max()).all()
    expected = logsumexp(independent_log_joint(trace[-1].mixture, X), axis=1).sum()
    assert trace.objective[-1] == pytest.approx(expected, rel=1e-10)


def test_one_iteration_in_plain_loops(covariance_type: str, rough_start: Any, load: Any) -> None:
    """Ghahramani & Jordan (1994), section 3: expected values and their squares, sample by sample."""
    complete = load("iris")[::3]
    X = at_random(complete, 0.35, seed=3)
    assert np.isnan(X).all(axis=1).any()
    start = rough_start(complete, 2, covariance_type)
    counts, sums = np.zeros(2), np.zeros((2, 4))
    second = np.zeros((2, 4, 4))
    joint = independent_log_joint(start, X)
    for x, log_joint in zip(X, joint, strict=True):
        share = np.exp(log_joint - logsumexp(log_joint))
        o, m = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x))
        for k, (mean, gamma) in enumerate(zip(start.means, share, strict=True)):
            covariance, filled, left = dense(start, k), x.copy(), np.zeros((4, 4))
            regression = np.linalg.solve(covariance[np.ix_(o, o)], covariance[np.ix_(o, m)]).T
            filled[m] = mean[m] + regression @ (x[o] - mean[o])
            left[np.ix_(m, m)] = covariance[np.ix_(m, m)] - regression @ covariance[np.ix_(o, m)]
            counts[k] += gamma
            sums[k] += gamma * filled
            second[k] += gamma * (np.outer(filled, filled) + left)
    means = sums / counts[:, np.newaxis]
    scatters = second - counts[:, np.newaxis, np.newaxis] * means[:, :, np.newaxis] * means[:, np.newaxis]
    each = scatters / counts[:, np.newaxis, np.newaxis]
    expected = {
        "full": each,
        "tied": scatters.sum(axis=0) / len(X),
        "diag": np.diagonal(each, axis1=1, axis2=2),
        "spherical": np.trace(each, axis1=1, axis2=2) / 4,
    }[covariance_type]
    after = list(islice(em(Incomplete(X), start), 2))[1].mixture
    assert_allclose(after.weights, counts / len(X), rtol=1e-11)
    assert_allclose(after.means, means, rtol=1e-11)
    assert_allclose(after.covariances, expected, rtol=1e-8, atol=1e-10)


def test_without_holes_it_is_em(X: Any, covariance_type: str, rough_start: Any) -> None:
    start = rough_start(X, 3, covariance_type)
    with_room = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=10)
    plain = Trace.record(em(X, start), X, tol=0, max_iter=10)
    assert_allclose(with_room.objective, plain.objective, rtol=1e-10)
    assert_allclose(with_room.weights, plain.weights, rtol=1e-8)
    assert_allclose(with_room.means, plain.means, rtol=1e-8, atol=1e-10 * np.abs(X).max())


def test_rows_missing_altogether_change_nothing(covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load("faithful")
    start = rough_start(X, 2, covariance_type)
    with_rows = np.vstack([X, np.full((50, 2), np.nan)])
    more, plain = (Trace.record(em(Incomplete(data), start), data, tol=0, max_iter=200)[-1] for data in (with_rows, X))
    assert more.objective == pytest.approx(plain.objective, rel=1e-10)  # the same peak, only approached more slowly
    assert_allclose(more.mixture.means, plain.mixture.means, rtol=1e-5)


def test_fewer_holes_come_closer_to_the_complete_data(covariance_type: str, rough_start: Any) -> None:
    X, _ = datasets.make_overlapping_blobs(600, separation=5, random_state=1)
    start = rough_start(X, 3, covariance_type, seed=2)
    chance = np.random.RandomState(0).uniform(size=X.shape)  # holes within holes

    def fitted(share: float) -> Any:
        data = np.where(chance < share, np.nan, X)
        trace = Trace.record(em(Incomplete(data), start), data, tol=1e-9, max_iter=600)
        assert trace.outcome == "converged"
        return np.r_[trace.weights[-1].ravel(), trace.means[-1].ravel(), trace.covariances[-1].ravel()]

    complete = fitted(0)
    distances = [np.abs(fitted(share) - complete).max() for share in (0.4, 0.1, 0.02, 0.002)]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.03 < 0.06 < distances[0]


def test_the_factored_likelihood_of_two_features() -> None:
    """Second feature missing for some: Anderson (1957); Little & Rubin (2019), section 7.2.

    The best mean and variance of the first feature come from all samples, the regression of the second one on it
    from the complete ones.
    """
    X = where_the_first_is_large(datasets.load_faithful().data, 0.4)
    there = ~np.isnan(X[:, 1])
    first, both = X[:, 0], X[there]
    mean, variance = first.mean(), first.var()
    squares = np.cov(both.T, bias=True)
    slope = squares[0, 1] / squares[0, 0]
    left = squares[1, 1] - slope * squares[0, 1]
    means = [mean, both[:, 1].mean() + slope * (mean - both[:, 0].mean())]
    covariance = [[variance, slope * variance], [slope * variance, left + slope**2 * variance]]
    start = Mixture([1.0], [[0.0, 0.0]], [np.diag([10.0, 10.0])])
    end = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=300)[-1].mixture
    assert_allclose(end.means, [means], rtol=1e-8)
    assert_allclose(end.covariances, [covariance], rtol=1e-8)


def test_without_correlations_every_feature_stands_alone() -> None:
    X = at_random(datasets.load_faithful().data, 0.4)
    centred = X - np.nanmean(X, axis=0)
    expected = {
        "diag": np.nanmean(centred**2, axis=0)[np.newaxis],
        "spherical": [np.nansum(centred**2) / np.isfinite(X).sum()],
    }
    for covariance_type, variances in expected.items():
        shape = (1, 2) if covariance_type == "diag" else (1,)
        start = Mixture([1.0], [[0.0, 0.0]], np.full(shape, 1.0), covariance_type)
        end = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=150)[-1].mixture
        assert_allclose(end.means, [np.nanmean(X, axis=0)], rtol=1e-9)
        assert_allclose(end.covariances, variances, rtol=1e-9)


def test_what_is_missing_at_random_does_no_harm() -> None:
    """Leaving out incomplete samples would be wrong by 26 standard errors here; summing out the holes is not."""
    rng = np.random.RandomState(0)
    X = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 5000)
    X[X[:, 0] > 0.3, 1] = np.nan
    model = GaussianMixture(missing="marginalize", tol=1e-10, max_iter=500).fit(X)
    assert np.nanmean(X[:, 1]) < -0.3
    assert_allclose(model.means_, [[0, 0]], atol=0.07)
    assert_allclose(model.covariances_, [[[1, 0.8], [0.8, 1]]], atol=0.1)


def test_translating_the_data_translates_the_run(covariance_type: str, rough_start: Any, load: Any) -> None:
    complete = load("iris")
    X, start = at_random(complete, 0.3), rough_start(complete, 3, covariance_type)
    shift = np.array([1e4, -3e5, 0, 1e6])
    moved = Mixture(start.weights, start.means + shift, start.covariances, covariance_type)
    here = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=10)
    there = Trace.record(em(Incomplete(X + shift), moved), X, tol=0, max_iter=10)
    assert_allclose(there.objective, here.objective, rtol=1e-6)
    assert_allclose(there.means - shift, here.means, atol=1e-6)


def test_whole_weights_are_repeated_rows(covariance_type: str, rough_start: Any, load: Any) -> None:
    complete = load("iris")
    X, weights = at_random(complete, 0.3), np.random.RandomState(1).randint(0, 4, len(complete)).astype(float)
    start, repeated = rough_start(complete, 3, covariance_type), np.repeat(X, weights.astype(int), axis=0)
    weighted = Trace.record(em(Incomplete(X, weights), start), X, tol=0, max_iter=10)
    plain = Trace.record(em(Incomplete(repeated), start), repeated, tol=0, max_iter=10)
    assert Incomplete(X, weights).total_weight == len(repeated)
    assert_allclose(weighted.objective, plain.objective, rtol=1e-11)
    assert_allclose(weighted.means, plain.means, rtol=1e-9)
    assert_allclose(weighted.covariances, plain.covariances, rtol=1e-7, atol=1e-9)


def test_whole_rows_that_count_for_nothing_are_as_good_as_absent(rough_start: Any, load: Any) -> None:
    X = at_random(load("iris"), 0.3)
    holes = np.isnan(X).any(axis=1)
    assert 0 < holes.sum() < len(X)
    density = rough_start(load("iris"), 3, "full").density
    found, expected = Incomplete(X, holes.astype(float)).expect(density), Incomplete(X[holes]).expect(density)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    assert_allclose(found.squares, expected.squares, rtol=1e-12, atol=1e-12)


def test_a_collapse_is_named(load: Any) -> None:
    X = at_random(load("faithful"), 0.2)
    X[:6] = [3.0, 70.0]
    start = Mixture([0.5, 0.5], [[3.0, 70.0], [3.5, 71]], [1e-8 * np.eye(2), np.diag([1.0, 180.0])])
    trace = Trace.record(em(Incomplete(X), start), X, tol=0, max_iter=50)
    assert trace.outcome == "collapsed"
    assert trace.outcome.component == 0
    assert "component 0" in trace.outcome.explanation.lower()


def test_incomplete_data_must_hold_something(load: Any) -> None:
    X = load("faithful").copy()
    X[3, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        Incomplete(X)
    X[:, 1] = np.nan
    with pytest.raises(ValueError, match="Feature 1 is missing in every sample"):
        Incomplete(X)


def test_whole_numbers_without_holes_are_data_too(load: Any) -> None:
    X = np.round(load("faithful")).astype(int)
    start = Mixture([1.0], [X.mean(axis=0)], [np.diag([1.0, 180.0])])
    assert next(em(Incomplete(X), start)).objective == pytest.approx(next(em(X, start)).objective, rel=1e-12)


# --- filling in -------------------------------------------------------------------------------------------


def test_imputed_means_are_conditional_expectations(mixture: Mixture, load: Any) -> None:
    X = at_random(load("iris"), 0.4)
    X[5] = np.nan
    filled = impute(mixture, X)
    assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    joint = independent_log_joint(mixture, X)
    shares = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    for x, share, imputed in zip(X, shares, filled, strict=True):
        o, m, expected = np.flatnonzero(~np.isnan(x)), np.flatnonzero(np.isnan(x)), 0
        for k, mean in enumerate(mixture.means):
            s = dense(mixture, k)
            expected += share[k] * (mean[m] + s[np.ix_(m, o)] @ np.linalg.solve(s[np.ix_(o, o)], x[o] - mean[o]))
        assert_allclose(imputed[m], expected, rtol=1e-9)
    assert_allclose(filled[5], mixture.weights @ mixture.means, rtol=1e-10)


@pytest.mark.parametrize("holes", [[1, 3], [0], [0, 1, 2, 3]])
def test_imputed_samples_have_the_conditional_distribution(mixture: Mixture, holes: list[int], load: Any) -> None:
    n_samples, x = 40_000, load("iris")[70].copy()
    known = [d for d in range(4) if d not in holes]
    condition = mixture.condition({d: x[d] for d in known}) if known else mixture
    x[holes] = np.nan
    drawn = impute(mixture, np.tile(x, (n_samples, 1)), "sample", random_state=0)
    assert_array_equal(drawn[:, known], np.tile(x[known], (n_samples, 1)))
    mean = condition.weights @ condition.means
    from_mean = condition.means - mean
    within = np.einsum("k,kde->de", condition.weights, condition.dense_covariances)
    covariance = within + np.einsum("k,kd,ke->de", condition.weights, from_mean, from_mean)
    scale = np.sqrt(np.diag(covariance))
    off = 5 / np.sqrt(n_samples)
    assert_allclose((drawn[:, holes].mean(axis=0) - mean) / scale, 0, atol=off)
    found = np.cov(drawn[:, holes].T).reshape(len(holes), len(holes))
    assert_allclose((found - covariance) / np.outer(scale, scale), 0, atol=2 * off)


def test_samples_of_different_rows_are_independent(mixture: Mixture) -> None:
    drawn = impute(mixture, np.full((4000, 4), np.nan), "sample", random_state=1)
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.06
    assert len(np.unique(drawn[:, 0])) == 4000
    again = impute(mixture, np.full((4000, 4), np.nan), "sample", random_state=1)
    assert_array_equal(drawn, again)
    assert (impute(mixture, np.full((10, 4), np.nan), "sample", random_state=2) != drawn[:10]).all()


def test_imputing_leaves_the_data_alone(mixture: Mixture, load: Any) -> None:
    X = at_random(load("iris"), 0.3)
    before = X.copy()
    for method in ("mean", "sample"):
        assert np.isfinite(impute(mixture, X, method, random_state=0)).all()
        assert_array_equal(X, before)
        assert_array_equal(impute(mixture, load("iris"), method), load("iris"))
    with pytest.raises(ValueError, match="method is 'median'"):
        impute(mixture, X, "median")


def test_start_is_filled_with_the_means_of_the_features() -> None:
    filled = fill_with_means(np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, 7.0]]))
    assert_array_equal(filled, [[1, 6], [3, 5], [2, 7]])


# --- the estimator ----------------------------------------------------------------------------------------


@pytest.fixture
def fitted(covariance_type: str, load: Any) -> tuple[GaussianMixture, Any]:
    X = at_random(load("iris"), 0.25, seed=4)
    X[3] = np.nan
    model = GaussianMixture(
        3, covariance_type=covariance_type, missing="marginalize", reg_covar=0, random_state=0, max_iter=300
    )
    return model.fit(X), X


def test_the_estimator_climbs(fitted: tuple[GaussianMixture, Any]) -> None:
    model, X = fitted
    assert model.converged_
    objective = model.trace_.objective
    assert (np.diff(objective) >= -1e-12 * np.abs(objective).max()).all()
    expected = logsumexp(independent_log_joint(model.mixture_, X), axis=1).sum()
    assert objective[-1] == pytest.approx(expected, rel=1e-10)
    assert model.lower_bound_ == pytest.approx(objective[-2] / len(X), rel=1e-12)


def test_every_method_takes_holes(fitted: tuple[GaussianMixture, Any]) -> None:
    model, X = fitted
    joint = independent_log_joint(model.mixture_, X)
    log_density = logsumexp(joint, axis=1)
    assert_allclose(model.score_samples(X), log_density, rtol=1e-9, atol=1e-12)
    assert_allclose(model.predict_proba(X), np.exp(joint - log_density[:, np.newaxis]), rtol=1e-7, atol=1e-300)
    assert_array_equal(model.predict(X), joint.argmax(axis=1))
    assert_array_equal(clone(model).fit_predict(X), joint.argmax(axis=1))
    assert model.score(X) == pytest.approx(log_density.mean(), rel=1e-10)
    n_parameters = model.mixture_.n_parameters
    assert model.aic(X) == pytest.approx(-2 * log_density.sum() + 2 * n_parameters, rel=1e-10)
    assert model.bic(X) == pytest.approx(-2 * log_density.sum() + n_parameters * np.log(len(X)), rel=1e-10)
    assert model.icl(X) >= model.bic(X)
    samples, labels = model.sample(50)
    assert samples.shape == (50, 4)
    assert labels.shape == (50,)
    assert np.isfinite(samples).all()
    assert_array_equal(model.impute(X), impute(model.mixture_, X))
    assert_array_equal(model.impute(X, "sample"), impute(model.mixture_, X, "sample", random_state=0))
    again = model.impute(X, "sample", random_state=7)
    assert_array_equal(again, impute(model.mixture_, X, "sample", random_state=7))
    assert (again != model.impute(X, "sample"))[np.isnan(X)].all()


def test_a_trace_with_holes_is_saved_whole(fitted: tuple[GaussianMixture, Any], tmp_path: Any) -> None:
    model, X = fitted
    again = Trace.load(model.trace_.save(tmp_path / "run"))
    assert_array_equal(again.X, X)
    assert_array_equal(again.objective, model.trace_.objective)
    assert_allclose(again[-1].responsibilities(X), model.predict_proba(X), rtol=1e-12)


def test_holes_are_refused_by_name(load: Any) -> None:
    X = load("iris").copy()
    model = GaussianMixture(2, random_state=0).fit(X)
    X[10:30, 2] = np.nan
    X[40, 3] = np.nan
    frame = pd.DataFrame(X, columns=["a", "b", "petal length", "d"])
    message = r"feature 'petal length' is missing in 20 of 150 samples, first in row 10.*missing='marginalize'"
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(frame)
    with pytest.raises(ValueError, match="feature 2 is missing in 20 of 150 samples"):
        GaussianMixture(2).fit(X)
    for method in (model.predict, model.predict_proba, model.score_samples, model.score, model.bic, model.partial_fit):
        with pytest.raises(ValueError, match="feature 2 is missing in 20"):
            method(X)
    assert np.isfinite(model.impute(X)).all()  # fitted to complete data, it can still fill in others
    X = load("iris").copy()
    X[50, 0] = np.inf
    for missing in ("error", "marginalize"):
        with pytest.raises(ValueError, match="infinity"):
            GaussianMixture(2, missing=missing).fit(X)


def test_holes_of_nullable_columns_are_refused_by_name(load: Any) -> None:
    frame = pd.DataFrame(load("faithful"), columns=["a", "b"]).astype("Float64")
    frame.iloc[2, 1] = pd.NA
    assert GaussianMixture(2, missing="marginalize", random_state=0).fit(frame).converged_
    with pytest.raises(ValueError, match="feature 'b' is missing in 1 of 272 samples, first in row 2"):
        GaussianMixture(2).fit(frame)


def test_a_feature_without_values_is_named(load: Any) -> None:
    X = load("faithful").copy()
    X[:, 1] = np.nan
    with pytest.raises(ValueError, match="Feature 1 is missing in every sample"):
        GaussianMixture(2, missing="marginalize").fit(X)


def test_whole_weights_are_repeated_rows_for_the_estimator(load: Any) -> None:
    X = at_random(load("faithful"), 0.3)
    weights = np.random.RandomState(1).randint(0, 4, len(X))
    labels = np.arange(len(X)) % 2
    settings = {"missing": "marginalize", "max_iter": 200}
    weighted = GaussianMixture(2, init_params=labels, **settings).fit(X, sample_weight=weights)
    repeated = GaussianMixture(2, init_params=np.repeat(labels, weights), **settings).fit(np.repeat(X, weights, axis=0))
    assert_allclose(weighted.trace_.objective, repeated.trace_.objective, rtol=1e-10)
    assert_allclose(weighted.means_, repeated.means_, rtol=1e-8)


def test_weight_0_is_an_absent_row(load: Any) -> None:
    X = at_random(load("faithful"), 0.3)
    weights = (np.arange(len(X)) % 4 > 0).astype(float)
    settings = {"missing": "marginalize", "random_state": 0}
    weighted = GaussianMixture(2, **settings).fit(X, sample_weight=weights)
    absent = GaussianMixture(2, **settings).fit(X[weights > 0])
    assert_allclose(weighted.means_, absent.means_, rtol=1e-10)
    assert weighted.bic(X, sample_weight=weights) == pytest.approx(absent.bic(X[weights > 0]), rel=1e-12)


def test_single_precision_stays_single(covariance_type: str, load: Any) -> None:
    X = at_random(load("iris"), 0.2)
    settings = {"covariance_type": covariance_type, "missing": "marginalize", "random_state": 0, "max_iter": 12}
    double, single = (GaussianMixture(3, tol=0, **settings) for _ in range(2))
    with pytest.warns(UserWarning, match="did not converge"):
        double.fit(X)
    with pytest.warns(UserWarning, match="did not converge"):
        single.fit(X.astype(np.float32))
    assert single.means_.dtype == single.covariances_.dtype == np.float32
    assert single.impute(X.astype(np.float32)).dtype == np.float32
    assert single.score_samples(X.astype(np.float32)).dtype == np.float32
    assert single.score(X.astype(np.float32)) == pytest.approx(double.score(X), abs=2e-3)


def test_defaults_refuse_and_wrong_names_are_refused(load: Any) -> None:
    assert GaussianMixture().missing == "error"
    with pytest.raises(ValueError, match="missing"):
        GaussianMixture(missing="ignore").fit(load("faithful"))
    assert GaussianMixture(missing="marginalize").__sklearn_tags__().input_tags.allow_nan
    assert not GaussianMixture().__sklearn_tags__().input_tags.allow_nan


def test_without_holes_the_setting_changes_nothing(covariance_type: str, load: Any) -> None:
    X = load("faithful")
    one, other = (
        GaussianMixture(2, covariance_type=covariance_type, missing=missing, random_state=0).fit(X)
        for missing in ("error", "marginalize")
    )
    assert_array_equal(one.trace_.objective, other.trace_.objective)
    assert_array_equal(one.means_, other.means_)


@parametrize_with_checks([GaussianMixture(missing="marginalize"), GaussianMixture(accelerate=True)])
def test_sklearn_estimator_check(estimator: Any, check: Any) -> None:
    check(estimator)
