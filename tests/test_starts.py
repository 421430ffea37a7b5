"""Starting points: the four ways, what can be given instead, and what is refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info, threadpool_limits

from gmmteach import GaussianMixture, Mixture, Trace, em, m_step
from gmmteach.covariance import CollapseError
from gmmteach.datasets import load_faithful, make_overlapping_blobs
from gmmteach.starts import INIT_PARAMS, POINT_STARTS, starting_mixture, starting_responsibilities

each_way = pytest.mark.parametrize("init_params", INIT_PARAMS)


@pytest.fixture
def X() -> Any:
    return load_faithful().data


def test_there_are_four_ways() -> None:
    assert INIT_PARAMS == ("kmeans", "k-means++", "random", "random_from_data")
    assert set(POINT_STARTS) < set(INIT_PARAMS)
    with pytest.raises(ValueError, match="init_params is 'best', but it must be one of kmeans, k-means"):
        starting_mixture(np.zeros((4, 1)), 2, init_params="best")


@each_way
def test_responsibilities_to_start_from(X: Any, init_params: str) -> None:
    responsibilities = starting_responsibilities(X, 3, init_params, 0)
    assert responsibilities.shape == (len(X), 3)
    rows = responsibilities.sum(axis=1)
    if init_params in POINT_STARTS:
        assert set(np.unique(responsibilities)) == {0, 1}
        assert_array_equal(responsibilities.sum(axis=0), 1)
        assert rows.sum() == 3
        assert len(np.unique(X[responsibilities.argmax(axis=0)], axis=0)) == 3
    else:
        assert_allclose(rows, 1, rtol=1e-14)
        assert (set(np.unique(responsibilities)) == {0, 1}) == (init_params == "kmeans")


@each_way
def test_the_same_seed_is_the_same_start(X: Any, init_params: str, covariance_type: str) -> None:
    def start(seed: Any) -> Mixture:
        return starting_mixture(X, 3, covariance_type=covariance_type, init_params=init_params, random_state=seed)

    assert start(0).covariance_type == covariance_type
    assert start(0).means.shape == (3, 2)
    assert_array_equal(start(0).means, start(np.random.RandomState(0)).means)
    assert_array_equal(start(0).covariances, start(0).covariances)
    assert not np.array_equal(start(0).means, start(1).means)


@pytest.mark.parametrize("init_params", ["kmeans", "random"])
def test_a_start_is_an_m_step(X: Any, init_params: str, covariance_type: str) -> None:
    responsibilities = starting_responsibilities(X, 3, init_params, 5)
    expected = m_step(X, responsibilities, covariance_type, 1e-3)
    start = starting_mixture(
        X, 3, covariance_type=covariance_type, init_params=init_params, reg_covar=1e-3, random_state=5
    )
    for got, wanted in zip((start.weights, start.means, start.covariances), expected, strict=True):
        assert_array_equal(got, wanted)


@pytest.mark.parametrize("init_params", POINT_STARTS)
def test_a_start_from_points_begins_at_points(X: Any, init_params: str, covariance_type: str) -> None:
    start = starting_mixture(X, 3, covariance_type=covariance_type, init_params=init_params, random_state=2)
    assert_allclose(start.weights, 1 / 3, rtol=1e-12)
    for mean in start.means:
        assert np.abs(X - mean).max(axis=1).min() < 1e-10
    # and EM spreads out from there
    trace = Trace.record(em(X, start, reg_covar=1e-6), X, tol=0, max_iter=5)
    assert trace.objective[-1] > trace.objective[0]


@pytest.mark.parametrize("init_params", POINT_STARTS)
@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_a_start_from_points_stands_far_from_the_origin_too(
    init_params: str, covariance_type: str, offset: float
) -> None:
    X, _ = make_overlapping_blobs(100, n_components=2)
    X = X + offset
    start = starting_mixture(X, 2, covariance_type=covariance_type, init_params=init_params, random_state=0)
    trace = Trace.record(em(X, start), X, tol=0, max_iter=30)
    assert trace.outcome == "out of iterations"
    assert np.isfinite(trace.objective).all()
    assert (np.abs(trace.means[-1] - offset) < 10).all()
    assert (np.linalg.eigvalsh(trace[-1].mixture.dense_covariances) < 10).all()


def test_what_is_given_is_used(X: Any) -> None:
    weights, means = np.array([0.3, 0.7]), np.array([[2.0, 50.0], [4.0, 80.0]])
    covariances = np.stack([np.diag([1.0, 30.0])] * 2)
    start = starting_mixture(X, 2, means=means, random_state=0)
    assert_array_equal(start.means, means)
    estimated = starting_mixture(X, 2, random_state=0)
    assert_array_equal(start.weights, estimated.weights)
    assert_array_equal(start.covariances, estimated.covariances)
    start = starting_mixture(X, 2, weights=weights, covariances=covariances, random_state=0)
    assert_array_equal(start.weights, weights)
    assert_array_equal(start.covariances, covariances)
    assert_array_equal(start.means, estimated.means)


def test_when_everything_is_given_no_random_number_is_drawn(X: Any) -> None:
    rng = np.random.RandomState(0)
    before = rng.get_state()[1].copy()
    starting_mixture(
        X,
        2,
        random_state=rng,
        weights=np.array([0.5, 0.5]),
        means=np.array([[2.0, 50.0], [4.0, 80.0]]),
        covariances=np.stack([np.eye(2)] * 2),
    )
    assert_array_equal(rng.get_state()[1], before)


@each_way
def test_single_precision_stays_single_and_integers_become_double(init_params: str, covariance_type: str) -> None:
    X, _ = make_overlapping_blobs(100)
    for data, dtype in ((X.astype(np.float32), np.float32), (np.round(10 * X).astype(int), np.float64)):
        start = starting_mixture(
            data, 2, covariance_type=covariance_type, init_params=init_params, random_state=0, reg_covar=1e-3
        )
        assert start.means.dtype == start.covariances.dtype == start.weights.dtype == dtype


def test_a_start_with_no_spread_says_which_component_and_what_to_try() -> None:
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [9.0, 9.0]])
    with pytest.raises(CollapseError) as caught:
        starting_mixture(X, 2, reg_covar=0, random_state=0)
    k = caught.value.component
    assert k in (0, 1)
    assert f"Collapse in the starting point: The covariance of component {k} is not positive definite" in str(
        caught.value
    )
    assert "It holds 1 effective point." in str(caught.value)
    assert "Try fewer components, a larger reg_covar" in str(caught.value)
    starting_mixture(X, 2, reg_covar=1e-6, random_state=0)


# --- what can be given -------------------------------------------------------------------------------------

LONG = load_faithful().data[:, 1] > 70
SHARES = np.random.RandomState(0).dirichlet([1, 2], len(LONG))


def some_mixture(covariance_type: str, dtype: Any = np.float64) -> Mixture:
    X = load_faithful().data
    return Mixture(*(part.astype(dtype) for part in m_step(X, np.eye(2)[LONG.astype(int)], covariance_type)),
                   covariance_type)  # fmt: skip


LABELS = {
    "integers": LONG.astype(int),
    "a list": LONG.astype(int).tolist(),
    "booleans": LONG,
    "any integers": np.where(LONG, 7, -3),
    "text": np.where(LONG, "long", "brief"),
    "text in a list": np.where(LONG, "long", "brief").tolist(),
    "objects": np.where(LONG, "long", "brief").astype(object),
    "floats": np.where(LONG, 1.5, 0.5),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_any_kind_are_a_start_in_their_order(X: Any, name: str, covariance_type: str) -> None:
    expected = m_step(X, np.eye(2)[LONG.astype(int)], covariance_type)
    for init_params in (LABELS[name], lambda X, n_components, random_state: LABELS[name]):
        model = GaussianMixture(2, covariance_type=covariance_type, init_params=init_params, reg_covar=0).fit(X)
        first = model.trace_[0].mixture
        for got, wanted in zip((first.weights, first.means, first.covariances), expected, strict=True):
            assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "shares", [SHARES, SHARES.tolist(), SHARES.astype(np.float32)], ids=["array", "list", "single"]
)
def test_responsibilities_are_a_start(X: Any, shares: Any, covariance_type: str) -> None:
    expected = m_step(X, np.asarray(shares, dtype=float), covariance_type, 1e-6)
    for init_params in (shares, lambda X, n_components, random_state: shares):
        first = GaussianMixture(2, covariance_type=covariance_type, init_params=init_params).fit(X).trace_[0].mixture
        for got, wanted in zip((first.weights, first.means, first.covariances), expected, strict=True):
            assert_allclose(got, wanted, rtol=1e-6)


@pytest.mark.parametrize("theirs", ["full", "tied", "diag", "spherical"])
def test_a_mixture_is_a_start(X: Any, theirs: str, covariance_type: str) -> None:
    """One of the same type is snapshot 0 as it stands, reg_covar or not; of another, its responsibilities count."""
    mixture = some_mixture(theirs)
    expected = m_step(X, mixture.responsibilities(X), covariance_type, 0.5)
    if theirs == covariance_type:
        expected = (mixture.weights, mixture.means, mixture.covariances)
    for init_params in (mixture, lambda X, n_components, random_state: mixture):
        model = GaussianMixture(2, covariance_type=covariance_type, init_params=init_params, reg_covar=0.5).fit(X)
        first = model.trace_[0].mixture
        assert first.covariance_type == covariance_type
        for got, wanted in zip((first.weights, first.means, first.covariances), expected, strict=True):
            assert_array_equal(got, wanted)


@each_way
def test_a_function_may_name_one_of_the_four_ways(X: Any, init_params: str) -> None:
    seen = []

    def name(X: Any, n_components: int, random_state: Any) -> str:
        seen.append((X.shape, n_components, type(random_state)))
        return init_params

    def start(init: Any) -> Mixture:
        return starting_mixture(X, 3, init_params=init, random_state=4)

    assert_array_equal(start(name).means, start(init_params).means)
    assert_array_equal(start(name).covariances, start(init_params).covariances)
    assert seen[0] == (X.shape, 3, np.random.RandomState)


def test_a_function_is_asked_for_every_run(X: Any) -> None:
    def points(X: Any, n_components: int, random_state: Any) -> Any:
        chosen = X[random_state.choice(len(X), n_components, replace=False)]
        return np.square(X[:, np.newaxis] - chosen).sum(axis=2).argmin(axis=1)

    model = GaussianMixture(2, init_params=points, n_init=4, random_state=0).fit(X)
    firsts = {trace.means[0].tobytes() for trace in model.traces_}
    assert len(firsts) == 4
    again = GaussianMixture(2, init_params=points, n_init=4, random_state=0).fit(X)
    assert_array_equal(again.means_, model.means_)


def test_what_else_is_given_comes_first(X: Any) -> None:
    means = np.array([[2.0, 50.0], [4.0, 80.0]])
    model = GaussianMixture(2, init_params=LONG, means_init=means, weights_init=[0.25, 0.75]).fit(X)
    assert_array_equal(model.trace_.means[0], means)
    assert_array_equal(model.trace_.weights[0], [0.25, 0.75])
    assert_allclose(model.trace_.covariances[0], m_step(X, np.eye(2)[LONG.astype(int)], reg_covar=1e-6)[2])


def test_a_warm_start_goes_on_instead(X: Any) -> None:
    model = GaussianMixture(2, init_params=LONG, warm_start=True).fit(X)
    end = model.means_
    assert_array_equal(model.fit(X).trace_.means[0], end)


NOT_A_START = {
    "too many labels": (np.arange(272) % 3, "hold 3 different ones, but there are 2 components"),
    "one label": (np.zeros(272), "hold 1 different ones, but there are 2 components"),
    "too few rows": (LONG[:-1], r"must be labels, of shape \(272,\).*this one has shape \(271,\)"),
    "too few rows of shares": (SHARES[:-1], r"this one has shape \(271, 2\)"),
    "too many columns": (np.full((272, 3), 1 / 3), r"this one has shape \(272, 3\)"),
    "too many axes": (SHARES[:, :, np.newaxis], r"this one has shape \(272, 2, 1\)"),
    "no row": ([], r"this one has shape \(0,\)"),
    "negative shares": (SHARES * [2, 1] - [[0, 0.5]], "must not be negative and their rows must sum to 1"),
    "sums": (SHARES * 2, "their rows must sum to 1"),
    "NaN in shares": (np.where(SHARES > 0.99, np.nan, SHARES), "rows hold NaN or infinity"),
    "other components": (Mixture([1.0], [[0.0, 0.0]], [1.0], "spherical"), "1 components and 2 features, but 2 and 2"),
    "other features": (Mixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 1.0], "spherical"), "2 components and 1 features"),
    "a word": ("best", "init_params"),
    "nothing": (None, "init_params|has shape \\(\\)"),
    "a number": (3, "init_params|has shape \\(\\)"),
    "a dictionary": ({}, r"has shape \(\)"),
}


@pytest.mark.parametrize("by_function", [False, True], ids=["given", "returned"])
@pytest.mark.parametrize("name", NOT_A_START)
def test_what_is_no_start_is_refused(X: Any, name: str, by_function: bool) -> None:
    start, message = NOT_A_START[name]
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2, init_params=(lambda X, k, rng: start) if by_function else start).fit(X)


def test_nan_is_not_a_label(X: Any) -> None:
    with pytest.raises(ValueError, match="NaN"):
        GaussianMixture(2, init_params=np.where(LONG, 1.0, np.nan)).fit(X)


def test_none_is_not_a_label(X: Any) -> None:
    with pytest.raises(ValueError, match="label"):
        GaussianMixture(2, init_params=np.where(LONG, "long", None)).fit(X)


def test_the_error_of_a_function_is_its_own(X: Any) -> None:
    def broken(X: Any, n_components: int, random_state: Any) -> Any:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        GaussianMixture(2, init_params=broken).fit(X)


@pytest.mark.parametrize("start", ["labels", "shares", "mixture"])
def test_single_precision_stays_single_from_what_is_given(X: Any, start: str, covariance_type: str) -> None:
    given = {"labels": LONG, "shares": SHARES, "mixture": some_mixture(covariance_type)}[start]
    model = GaussianMixture(2, covariance_type=covariance_type, init_params=given).fit(X.astype(np.float32))
    assert {snapshot.mixture.means.dtype for snapshot in model.trace_} == {np.dtype(np.float32)}
    assert model.means_.dtype == model.trace_.means.dtype == np.float32


def test_double_precision_stays_double_from_a_single_mixture(X: Any, covariance_type: str) -> None:
    start = some_mixture(covariance_type, np.float32)
    model = GaussianMixture(2, covariance_type=covariance_type, init_params=start).fit(X)
    assert model.means_.dtype == model.covariances_.dtype == np.float64


def module_level(X: Any, n_components: int, random_state: Any) -> Any:
    """A function that pickle can find again."""
    return LONG


GIVEN = {"labels": LONG, "text": LABELS["text"], "shares": SHARES, "mixture": some_mixture("full"), "f": module_level}


@pytest.mark.parametrize("name", GIVEN)
def test_clones_copies_and_pickles_start_there_too(X: Any, name: str) -> None:
    model = GaussianMixture(2, init_params=GIVEN[name], random_state=0)
    assert model.get_params()["init_params"] is GIVEN[name]
    assert repr(model).startswith("GaussianMixture(")
    fitted = clone(model).fit(X)
    for other in (clone(fitted), copy.deepcopy(model), pickle.loads(pickle.dumps(model)), clone(model)):
        assert_array_equal(other.fit(X).trace_.means, fitted.trace_.means)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict(X), fitted.predict(X))
    assert_array_equal(again.trace_.objective, fitted.trace_.objective)
    assert not hasattr(model, "means_")


def test_what_is_given_is_not_written_to(X: Any) -> None:
    for start in (LONG.copy(), SHARES.copy()):
        before = start.copy()
        start.flags.writeable = False
        model = GaussianMixture(2, init_params=start).fit(X)
        assert_array_equal(start, before)
        assert model.init_params is start


def test_a_grid_search_tries_starts_that_do_not_count_rows(X: Any) -> None:
    def longer(X: Any, n_components: int, random_state: Any) -> Any:
        return X[:, 1] > 70

    ways = ["kmeans", some_mixture("full"), longer]
    search = GridSearchCV(GaussianMixture(2, random_state=0), {"init_params": ways}, cv=3, error_score="raise").fit(X)
    assert search.cv_results_["mean_test_score"].shape == (3,)
    assert_allclose(search.cv_results_["mean_test_score"], search.best_score_, rtol=1e-3)
    with pytest.raises(ValueError, match=r"must be labels, of shape \(181,\)"):
        GridSearchCV(GaussianMixture(2), {"init_params": [LONG]}, cv=3, error_score="raise").fit(X)


def test_a_small_k_means_stays_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processor has other work, threads that wait for each other take fifty times as long."""
    threads: list[int] = []

    class Listening(KMeans):
        def fit(self, *arguments: Any, **options: Any) -> Any:
            threads.append(max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"))
            return super().fit(*arguments, **options)

    monkeypatch.setattr("gmmteach.starts.KMeans", Listening)
    with threadpool_limits(2, user_api="openmp"):
        for size in (300, 600_000):
            starting_mixture(np.random.RandomState(0).standard_normal((size, 1)), 2, random_state=0)
    assert threads == [1, 2]
