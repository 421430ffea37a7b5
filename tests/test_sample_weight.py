"""A weight is a number of copies: in fits, in scores, in starts, and what cannot be a weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gmmteach import GaussianMixture, KMeans, Mixture, em, lloyd
from gmmteach.starts import INIT_PARAMS, starting_mixture

CRITERIA = ("score", "aic", "bic", "icl")


@pytest.fixture
def X(load: Any) -> Any:
    return load("iris").copy()


@pytest.fixture
def counts(X: Any) -> Any:
    """Whole numbers; about a fifth of them are 0."""
    return np.random.RandomState(0).randint(0, 5, len(X)).astype(float)


def same_fit(mine: Any, theirs: Any, rtol: float = 1e-9) -> None:
    assert mine.n_iter_ == theirs.n_iter_
    for name in ("weights_", "means_", "covariances_", "lower_bounds_"):
        one, other = np.asarray(getattr(mine, name)), np.asarray(getattr(theirs, name))
        assert_allclose(one, other, rtol=rtol, atol=rtol * np.abs(other).max(), err_msg=name)


def model_from(start: Any, covariance_type: str = "full", **options: Any) -> GaussianMixture:
    return GaussianMixture(3, covariance_type=covariance_type, init_params=start, random_state=0, **options)


# --- copies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["labels", "responsibilities", "Mixture", "function"])
def test_whole_weights_are_copies_whatever_is_given_as_a_start(
    X: Any, counts: Any, rough_start: Any, covariance_type: str, what: str
) -> None:
    times = counts.astype(int)
    shares = np.random.RandomState(1).dirichlet([1, 2, 3], len(X))
    starts: dict[str, tuple[Any, Any]] = {
        "labels": (shares.argmax(axis=1), shares.argmax(axis=1).repeat(times)),
        "responsibilities": (shares, shares.repeat(times, axis=0)),
        "Mixture": (rough_start(X, 3, covariance_type),) * 2,
        "function": (lambda X, k, rng: np.digitize(X[:, 2], [2.5, 5]),) * 2,
    }
    weighted = model_from(starts[what][0], covariance_type, max_iter=200).fit(X, sample_weight=counts)
    copied = model_from(starts[what][1], covariance_type, max_iter=200).fit(X.repeat(times, axis=0))
    same_fit(weighted, copied)
    for criterion in CRITERIA:
        mine = getattr(weighted, criterion)(X, sample_weight=counts)
        assert mine == pytest.approx(getattr(copied, criterion)(X.repeat(times, axis=0)), rel=1e-9)
    assert weighted.weight_seen_ == counts.sum()
    assert_array_equal(weighted.fit_predict(X, sample_weight=counts), weighted.predict(X))  # rows of weight 0, too


def test_criteria_by_their_definitions(X: Any, counts: Any) -> None:
    model = model_from("kmeans").fit(X, sample_weight=counts)
    heights, shares, p = model.score_samples(X), model.predict_proba(X), model.mixture_.n_parameters
    log_likelihood, total = counts @ heights, counts.sum()
    entropy = -(counts @ (shares * np.log(np.maximum(shares, 1e-300))).sum(axis=1))
    assert model.score(X, sample_weight=counts) == pytest.approx(log_likelihood / total, rel=1e-12)
    assert model.aic(X, counts) == pytest.approx(-2 * log_likelihood + 2 * p, rel=1e-12)
    assert model.bic(X, counts) == pytest.approx(-2 * log_likelihood + p * np.log(total), rel=1e-12)
    assert model.icl(X, counts) == pytest.approx(model.bic(X, counts) + 2 * entropy, rel=1e-12)
    assert entropy > 1e-3
    assert model.trace_.objective[-1] == pytest.approx(log_likelihood, rel=1e-9)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_weight_of_one_is_no_weight(X: Any, criterion: str) -> None:
    plain, ones = model_from("kmeans").fit(X), model_from("kmeans").fit(X, sample_weight=np.ones(len(X)))
    assert_allclose(ones.means_, plain.means_, rtol=1e-12)
    question = getattr(plain, criterion)
    assert question(X, sample_weight=np.ones(len(X))) == pytest.approx(question(X), rel=1e-12)


# --- nothing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("init_params", INIT_PARAMS)
@pytest.mark.parametrize("garbage", [1e300, -1e300, 0.0])
def test_a_row_of_weight_0_has_no_say(
    X: Any, counts: Any, covariance_type: str, init_params: str, garbage: float
) -> None:
    """Not in the start, which has the same random numbers, and not in the digits of what is counted from the middle."""
    present = counts > 0
    without = model_from(init_params, covariance_type, max_iter=300, n_init=2)
    without.fit(X[present], sample_weight=counts[present])
    X[~present] = garbage
    model = model_from(init_params, covariance_type, max_iter=300, n_init=2).fit(X, sample_weight=counts)
    same_fit(model, without, rtol=1e-14)
    assert_array_equal(model.trace_.means[0], without.trace_.means[0])


def test_given_labels_and_shares_lose_the_rows_of_weight_0(X: Any, counts: Any) -> None:
    present = counts > 0
    shares = np.random.RandomState(1).dirichlet([1, 2, 3], len(X))
    for start in (shares, shares.argmax(axis=1), shares.argmax(axis=1).tolist(), shares.tolist()):
        mine = model_from(start).fit(X, sample_weight=counts)
        theirs = model_from(np.asarray(start)[present]).fit(X[present], sample_weight=counts[present])
        same_fit(mine, theirs, rtol=1e-14)
    only_absent = np.where(present, np.arange(len(X)) % 2, 2)
    with pytest.raises(ValueError, match="hold 2 different ones, but there are 3 components"):
        model_from(only_absent).fit(X, sample_weight=counts)


def test_fewer_weighted_rows_than_components_are_too_few(X: Any) -> None:
    with pytest.raises(ValueError, match="n_components = 3, n_samples = 2"):
        model_from("kmeans").fit(X, sample_weight=np.arange(len(X)) < 2)


@pytest.mark.parametrize("init_params", ["k-means++", "random_from_data"])
def test_points_to_start_from_are_drawn_by_weight(X: Any, init_params: str) -> None:
    heavy = [3, 77, 140]
    weights = np.full(len(X), 1e-9)
    weights[heavy] = 1
    for seed in range(5):
        start = starting_mixture(X, 3, init_params=init_params, random_state=seed, sample_weight=weights)
        assert_allclose(sorted(start.means.tolist()), sorted(X[heavy].tolist()), rtol=1e-12)


# --- scale -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [7.0, 1e-3, 1e-8, 1e30, 1e-20])
def test_the_unit_of_weights_changes_nothing(X: Any, counts: Any, covariance_type: str, factor: float) -> None:
    one = model_from("kmeans", covariance_type, tol=1e-6, max_iter=300).fit(X, sample_weight=counts)
    other = model_from("kmeans", covariance_type, tol=1e-6, max_iter=300).fit(X, sample_weight=factor * counts)
    same_fit(other, one)
    assert_allclose(other.trace_.objective, factor * one.trace_.objective, rtol=1e-9)
    assert other.score(X, sample_weight=factor * counts) == pytest.approx(one.score(X, sample_weight=counts), rel=1e-9)
    penalty = one.mixture_.n_parameters
    expected = factor * (one.aic(X, counts) - 2 * penalty) + 2 * penalty
    assert other.aic(X, factor * counts) == pytest.approx(expected, rel=1e-9)


def test_weights_in_single_precision(X: Any, counts: Any, covariance_type: str) -> None:
    options: dict[str, Any] = {"tol": 0, "max_iter": 10}
    labels = np.digitize(X[:, 2], [2.5, 5])
    with pytest.warns(match="did not converge"):
        single = model_from(labels, covariance_type, **options).fit(X.astype(np.float32), sample_weight=counts)
    with pytest.warns(match="did not converge"):
        double = model_from(labels, covariance_type, **options).fit(X, sample_weight=counts)
    arrays = (single.weights_, single.means_, single.covariances_, single.trace_.means)
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    assert_allclose(single.means_, double.means_, rtol=5e-3)
    found = single.score(X.astype(np.float32), sample_weight=counts)
    assert found == pytest.approx(double.score(X, sample_weight=counts), rel=1e-3)
    with pytest.raises(ValueError, match="infinity or a value too large for dtype"), np.errstate(over="ignore"):
        model_from(labels).fit(X.astype(np.float32), sample_weight=1e40 * counts)


# --- k-means -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tol", [0, 1e-4])
@pytest.mark.parametrize("init", ["k-means++", "random", "given"])
def test_k_means_takes_copies_and_nothings_alike(X: Any, counts: Any, init: str, tol: float) -> None:
    present, start = counts > 0, X[[0, 60, 120]] if init == "given" else init

    def fit(data: Any, weights: Any = None) -> KMeans:
        return KMeans(3, init=start, n_init=1, tol=tol, random_state=0).fit(data, sample_weight=weights)

    mine = fit(X, counts)
    others = [fit(X[present], counts[present])]  # the same random numbers: the same start
    if init == "given":
        others.append(fit(X.repeat(counts.astype(int), axis=0)))
    for other in others:
        assert_allclose(mine.cluster_centers_, other.cluster_centers_, rtol=1e-12)
        assert_allclose(mine.trace_.objective, other.trace_.objective, rtol=1e-11)
        assert mine.inertia_ == pytest.approx(other.inertia_, rel=1e-11)
    assert mine.score(X, sample_weight=counts) == pytest.approx(-mine.inertia_, rel=1e-11)
    assert_array_equal(mine.labels_, mine.predict(X))  # rows of weight 0 are labelled, too


@pytest.mark.parametrize("factor", [1e-100, 1e-3, 7.0, 1e30])
def test_k_means_does_not_care_for_the_unit_of_weights(X: Any, counts: Any, factor: float) -> None:
    one = KMeans(3, init=X[[0, 60, 120]], n_init=1).fit(X, sample_weight=counts)
    other = KMeans(3, init=X[[0, 60, 120]], n_init=1).fit(X, sample_weight=factor * counts)
    assert other.n_iter_ == one.n_iter_
    assert_allclose(other.cluster_centers_, one.cluster_centers_, rtol=1e-12)
    assert other.inertia_ == pytest.approx(factor * one.inertia_, rel=1e-11)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("garbage", [1e6, 1e9, 1e300])
def test_a_row_of_weight_0_has_no_say_in_k_means(X: Any, counts: Any, garbage: float) -> None:
    present, start = counts > 0, X[[0, 60, 120]].copy()
    without = KMeans(3, init=start, n_init=1).fit(X[present], sample_weight=counts[present])
    X[~present] = garbage
    model = KMeans(3, init=start, n_init=1).fit(X, sample_weight=counts)
    assert_allclose(model.cluster_centers_, without.cluster_centers_, rtol=1e-9)
    assert model.n_iter_ == without.n_iter_


def test_an_empty_cluster_does_not_take_a_row_of_weight_0() -> None:
    X, start = np.array([[0.0], [1.0], [2.0], [10.0], [1000.0]]), [[1.0], [5000.0]]
    model = KMeans(2, init=start, n_init=1).fit(X, sample_weight=[1, 1, 1, 1, 0])
    assert_allclose(model.cluster_centers_.ravel(), [1, 10])  # as it does where the row is absent


# --- what is no weight -------------------------------------------------------------------------------------

WRONG = {
    "negative": (lambda n: np.where(np.arange(n) == 5, -1.0, 1.0), r"[Nn]egative"),
    "all negative": (lambda n: np.full(n, -1.0), r"[Nn]egative"),
    "NaN": (lambda n: np.where(np.arange(n) == 5, np.nan, 1.0), "NaN"),
    "infinite": (lambda n: np.where(np.arange(n) == 5, np.inf, 1.0), "infinity"),
    "too short": (lambda n: np.ones(n - 1), "sample_weight"),
    "a column": (lambda n: np.ones((n, 1)), "1D array|shape"),
    "all 0": (lambda n: np.zeros(n), "non-zero|all 0"),
    "text": (lambda n: "heavy", "could not convert"),
}


def ask(who: str, X: Any, weights: Any) -> object:
    if who == "em":
        return next(em(X, Mixture([1.0], X[:1], [1.0], "spherical"), sample_weight=weights))
    if who == "lloyd":
        return next(lloyd(X, X[:3], sample_weight=weights))
    if who == "KMeans":
        return KMeans(3, init=X[:3], n_init=1).fit(X, sample_weight=weights)
    if who == "KMeans.score":
        return KMeans(3, init=X[:3], n_init=1).fit(X).score(X, sample_weight=weights)
    model = model_from("kmeans")
    return getattr(model if who == "fit" else model.fit(X), who)(X, sample_weight=weights)


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("who", "wrong"),
    [
        (who, wrong)
        for who in ("fit", "fit_predict", *CRITERIA, "KMeans", "KMeans.score", "em", "lloyd")
        for wrong in WRONG
    ],
)
def test_what_cannot_be_a_weight_is_refused(X: Any, who: str, wrong: str) -> None:
    make, message = WRONG[wrong]
    with pytest.raises(ValueError, match=message):
        ask(who, X, make(len(X)))


def test_weights_are_not_written_to(X: Any, counts: Any) -> None:
    before = counts.copy()
    counts.flags.writeable = X.flags.writeable = False
    model_from("kmeans").fit(X, sample_weight=counts).icl(X, counts)
    KMeans(3, init=X[:3], n_init=1).fit(X, sample_weight=counts)
    assert_array_equal(counts, before)


def test_a_start_that_collapses_counts_its_points_by_weight() -> None:
    X = np.repeat([[0.0], [1.0]], 3, axis=0)
    with pytest.raises(ValueError, match="It holds 30 effective points"):
        starting_mixture(X, 2, init_params=X[:, 0], reg_covar=0, sample_weight=np.full(6, 10.0))
