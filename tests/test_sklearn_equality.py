"""The same numbers, errors and habits as scikit-learn, for the same arguments and the same random_state.

Where the two differ on purpose, a test here says so: the name of the test begins with test_unlike.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn.cluster
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gmmteach
from gmmteach import GaussianMixture, KMeans

TYPES = ("full", "tied", "diag", "spherical")
STARTS = ("kmeans", "k-means++", "random", "random_from_data")
NAMES = ("faithful", "iris", "penguins", "log customers", "galaxies", "unequal")
PARAMETERS = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")
FITTED = (*PARAMETERS, "lower_bound_", "lower_bounds_", "n_iter_", "converged_", "n_features_in_")


@contextmanager
def quiet() -> Iterator[None]:
    """Whether a fit converges is compared, not warned about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def both(X: Any, **arguments: Any) -> tuple[GaussianMixture, sklearn.mixture.GaussianMixture]:
    with quiet():
        return GaussianMixture(**arguments).fit(X), sklearn.mixture.GaussianMixture(**arguments).fit(X)


def assert_equal_mixtures(ours: Any, theirs: Any, X: Any, tolerance: float = 1e-6) -> None:
    close = {"rtol": tolerance, "atol": tolerance}
    for name in FITTED:
        assert_allclose(getattr(ours, name), getattr(theirs, name), err_msg=name, **close)
        if isinstance(getattr(theirs, name), np.ndarray):
            assert getattr(ours, name).dtype == getattr(theirs, name).dtype, name
    assert type(ours.n_iter_) is type(theirs.n_iter_)
    assert type(ours.converged_) is type(theirs.converged_)
    assert type(ours.lower_bounds_) is type(theirs.lower_bounds_)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **close)
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), **close)
    for name in ("score", "aic", "bic"):
        assert_allclose(getattr(ours, name)(X), getattr(theirs, name)(X), err_msg=name, **close)
        assert type(getattr(ours, name)(X)) is float
    for ours_drew, theirs_drew in zip(ours.sample(40), theirs.sample(40), strict=True):
        assert_allclose(ours_drew, theirs_drew, **close)
        assert ours_drew.dtype == theirs_drew.dtype
    assert len(ours.trace_) == ours.n_iter_ + 1
    # their bound is that of the parameters before the last M-step; ours has that too, where it belongs
    assert_allclose(ours.trace_.objective[-1] / len(X), theirs.score(X), **close)


# --- GaussianMixture: numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("init_params", STARTS)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_fit(load: Any, name: str, covariance_type: str, init_params: str) -> None:
    X = load(name)
    for n_components, seed in ((2, 0), (4, 1)):
        ours, theirs = both(
            X, n_components=n_components, covariance_type=covariance_type, init_params=init_params, random_state=seed
        )
        assert_equal_mixtures(ours, theirs, X)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_fit_for_every_seed(load: Any, covariance_type: str, seed: int) -> None:
    X = load("crabs")
    for random_state in (seed, np.random.RandomState(seed)):
        arguments = {"n_components": 3, "covariance_type": covariance_type, "init_params": "random"}
        with quiet():
            ours = GaussianMixture(random_state=copy.deepcopy(random_state), **arguments).fit(X)
            theirs = sklearn.mixture.GaussianMixture(random_state=random_state, **arguments).fit(X)
        assert_equal_mixtures(ours, theirs, X)


OPTIONS: list[dict[str, Any]] = [
    {"max_iter": 1},
    {"max_iter": 2},
    {"max_iter": 0},
    {"tol": 0, "max_iter": 12},
    {"tol": 1e-8, "max_iter": 400},
    {"tol": 1.0},
    {"reg_covar": 0},
    {"reg_covar": 0.5},
    {"n_components": 1},
]


@pytest.mark.parametrize("arguments", OPTIONS, ids=str)
def test_the_same_fit_under_every_option(load: Any, covariance_type: str, arguments: dict[str, Any]) -> None:
    X = load("faithful")
    starts = ["kmeans", "random_from_data"]
    if arguments in ({"max_iter": 0}, {"reg_covar": 0}):
        starts.remove("random_from_data")  # see the tests that begin with test_unlike
    for init_params in starts:
        every = {"n_components": 2, "covariance_type": covariance_type, "init_params": init_params} | arguments
        ours, theirs = both(X, random_state=3, **every)
        assert_equal_mixtures(ours, theirs, X)


def test_the_global_random_state_is_used_where_none_is_given(load: Any) -> None:
    X = load("iris")
    fits = []
    for cls in (GaussianMixture, sklearn.mixture.GaussianMixture):
        np.random.seed(5)  # noqa: NPY002  what a user of scikit-learn may do
        with quiet():
            fits.append(cls(3, init_params="random").fit(X))
    assert_equal_mixtures_but_samples(*fits, X)


def assert_equal_mixtures_but_samples(ours: Any, theirs: Any, X: Any) -> None:
    for name in FITTED:
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6, err_msg=name)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("init_params", STARTS)
def test_the_best_of_several_runs_is_as_good(load: Any, covariance_type: str, init_params: str) -> None:
    """Runs that reach the same peak tie to rounding, and then scikit-learn may keep another of them."""
    X = load("penguins")[:, :2]
    arguments: dict[str, Any] = {"covariance_type": covariance_type, "init_params": init_params, "random_state": 0}
    ours, theirs = both(X, n_components=3, n_init=4, tol=1e-5, max_iter=300, **arguments)
    assert len(ours.traces_) == 4
    assert ours.trace_ is max(ours.traces_, key=lambda trace: trace.objective[-2]) or (
        max(trace.objective[-2] for trace in ours.traces_) - ours.trace_.objective[-2]
        <= 1e-9 * abs(ours.trace_.objective[-2])
    )
    assert_allclose(ours.lower_bound_, theirs.lower_bound_, rtol=1e-6)
    orders = [np.argsort(model.means_[:, 0]) for model in (ours, theirs)]
    # Two runs at one peak may have stopped at different distances from it: as far as tol lets them.
    assert_allclose(ours.means_[orders[0]], theirs.means_[orders[1]], rtol=1e-2)
    assert_allclose(ours.weights_[orders[0]], theirs.weights_[orders[1]], atol=1e-2)


def test_the_best_run_is_the_same_where_none_tie(load: Any, covariance_type: str) -> None:
    X = load("log customers")
    ours, theirs = both(
        X, n_components=4, n_init=3, covariance_type=covariance_type, init_params="random_from_data", random_state=0
    )
    heights = sorted(trace.objective[-2] for trace in ours.traces_)
    assert heights[-1] - heights[-2] > 1e-3  # none tie here
    assert_equal_mixtures(ours, theirs, X)


GIVEN: dict[str, Any] = {
    "weights_init": [0.3, 0.7],
    "means_init": [[2.0, 52.0], [4.5, 82.0]],
}
PRECISIONS: dict[str, Any] = {
    "full": [[[4.0, 0.2], [0.2, 0.05]], [[3.0, -0.1], [-0.1, 0.04]]],
    "tied": [[4.0, 0.2], [0.2, 0.05]],
    "diag": [[4.0, 0.05], [3.0, 0.04]],
    "spherical": [0.5, 0.1],
}


@pytest.mark.parametrize(
    "given", [("weights",), ("means",), ("precisions",), ("weights", "means", "precisions")], ids=str
)
@pytest.mark.parametrize("init_params", ["kmeans", "random"])
def test_the_same_from_a_given_start(load: Any, covariance_type: str, given: tuple[str, ...], init_params: str) -> None:
    X = load("faithful")
    values = GIVEN | {"precisions_init": PRECISIONS[covariance_type]}
    arguments = {f"{name}_init": np.array(values[f"{name}_init"]) for name in given}
    before = copy.deepcopy(arguments)
    ours, theirs = both(
        X, n_components=2, covariance_type=covariance_type, init_params=init_params, random_state=0, **arguments
    )
    assert_equal_mixtures(ours, theirs, X)
    for name, value in before.items():
        assert getattr(ours, name) is arguments[name]  # a constructor argument is never touched
        assert_array_equal(arguments[name], value)


@pytest.mark.parametrize("max_iter", [1, 3])
def test_a_warm_start_goes_on_alike(load: Any, covariance_type: str, max_iter: int) -> None:
    X = load("iris")
    ours, theirs = (
        cls(3, covariance_type=covariance_type, warm_start=True, max_iter=max_iter, random_state=0, tol=1e-4)
        for cls in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    for _ in range(12):
        with quiet():
            ours.fit(X)
            theirs.fit(X)
        assert_equal_mixtures(ours, theirs, X)
    assert ours.trace_[0].iteration == 0
    assert ours.converged_ or max_iter == 1


def test_fit_predict_is_fit_and_predict(load: Any, covariance_type: str) -> None:
    X = load("iris")
    labels = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit_predict(X)
    fitted = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    assert_array_equal(labels, fitted.predict(X))
    theirs = sklearn.mixture.GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit_predict(X)
    assert_array_equal(labels, theirs)


@pytest.mark.parametrize("init_params", STARTS)
def test_single_precision_is_kept_as_theirs_is(load: Any, covariance_type: str, init_params: str) -> None:
    X = load("iris").astype(np.float32)
    arguments: dict[str, Any] = {"init_params": init_params, "max_iter": 4, "tol": 0, "reg_covar": 1e-3}
    ours, theirs = both(X, n_components=3, covariance_type=covariance_type, random_state=0, **arguments)
    for name in PARAMETERS:
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype == np.float32
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=2e-2, atol=2e-3, err_msg=name)
    for name in ("predict_proba", "score_samples"):
        assert getattr(ours, name)(X).dtype == getattr(theirs, name)(X).dtype
    assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-3)
    assert type(ours.score(X)) is float


def test_icl_asks_for_clusters(load: Any) -> None:
    """Ours only: BIC plus twice the entropy of the responsibilities."""
    X = load("faithful")
    model = GaussianMixture(3, random_state=0).fit(X)
    shares = model.predict_proba(X)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nansum(shares * np.log(shares))
    assert model.icl(X) == pytest.approx(model.bic(X) + 2 * entropy, rel=1e-12)
    assert model.icl(X) > model.bic(X)
    far = np.vstack([X, X[:1] + 1e6])  # a responsibility that is exactly 0 has no entropy, and no NaN
    assert np.isfinite(model.icl(far))


# --- GaussianMixture: conventions --------------------------------------------------------------------------


OURS_ON_TOP = {"missing", "accelerate"}


@pytest.mark.parametrize(
    ("ours", "theirs"), [(GaussianMixture, sklearn.mixture.GaussianMixture), (KMeans, sklearn.cluster.KMeans)]
)
def test_the_same_constructor_and_methods(ours: type, theirs: type) -> None:
    mine, yours = inspect.signature(ours).parameters, inspect.signature(theirs).parameters
    theirs_of_mine = [(p.name, p.default, p.kind) for p in mine.values() if p.name not in OURS_ON_TOP]
    assert theirs_of_mine == [(p.name, p.default, p.kind) for p in yours.values()]
    parameters = {name: value for name, value in ours().get_params().items() if name not in OURS_ON_TOP}
    assert parameters == theirs().get_params()
    public = {name for name in dir(theirs) if not name.startswith("_")}
    assert public <= set(dir(ours))
    for name in public:
        if callable(getattr(theirs, name)) and not name.startswith("set_"):
            expected = list(inspect.signature(getattr(theirs, name)).parameters)
            assert list(inspect.signature(getattr(ours, name)).parameters)[: len(expected)] == expected, name
    assert repr(ours(3)) == repr(theirs(3))


def attributes(model: Any) -> set[str]:
    return {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}


def test_the_same_fitted_attributes_and_ours_on_top(load: Any) -> None:
    ours, theirs = both(pd.DataFrame(load("faithful"), columns=["a", "b"]), n_components=2, random_state=0)
    assert attributes(ours) == attributes(theirs) | {"trace_", "traces_", "weight_seen_"}
    assert isinstance(ours.mixture_, gmmteach.Mixture)
    assert_array_equal(ours.mixture_.means, ours.means_)
    assert_array_equal(ours.feature_names_in_, ["a", "b"])


def test_fitted_arrays_are_the_users_own(load: Any) -> None:
    """In scikit-learn one may write to means_; the trace must not feel it."""
    model = GaussianMixture(2, random_state=0).fit(load("faithful"))
    before = model.trace_.means.copy()
    model.means_[:] = 0
    model.weights_[:] = 0.5
    model.covariances_ *= 2
    assert_array_equal(model.trace_.means, before)
    assert not np.shares_memory(model.precisions_cholesky_, model.trace_[-1].mixture.precisions_cholesky)


def test_parameters_can_be_put_in_by_hand(load: Any, covariance_type: str) -> None:
    """A common way to use scikit-learn's class without fitting it."""
    X = load("iris")
    _, fitted = both(X, n_components=3, covariance_type=covariance_type, random_state=0)
    model = GaussianMixture(3, covariance_type=covariance_type)
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        setattr(model, name, getattr(fitted, name))
    assert_allclose(model.predict_proba(X), fitted.predict_proba(X), rtol=1e-9, atol=1e-12)
    assert_array_equal(model.predict(X), fitted.predict(X))


def message_of(call: Any) -> tuple[type, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011  which one it is is what is compared
        call()
    return type(caught.value), str(caught.value)


BAD_ARGUMENTS: list[dict[str, Any]] = [
    {"n_components": 0},
    {"n_components": 2.5},
    {"n_components": 1000},
    {"covariance_type": "round"},
    {"init_params": "best"},
    {"tol": -1},
    {"reg_covar": -1e-3},
    {"max_iter": -1},
    {"n_init": 0},
    {"warm_start": "yes"},
    {"verbose_interval": 0},
    {"weights_init": [0.5, 0.25, 0.25]},
    {"weights_init": [0.5, 0.6]},
    {"means_init": [[1.0, 2.0]]},
    {"precisions_init": np.ones((2, 2))},
    {"precisions_init": np.stack([-np.eye(2)] * 2)},
    {"covariance_type": "tied", "precisions_init": [[1.0, 0.5], [0.2, 1.0]]},
    {"covariance_type": "diag", "precisions_init": [[1.0, 1.0], [0.0, 1.0]]},
    {"covariance_type": "spherical", "precisions_init": [1.0, 2.0, 3.0]},
]


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
def test_the_same_errors_about_arguments(load: Any, arguments: dict[str, Any]) -> None:
    X = load("faithful")
    arguments = {"n_components": 2} | arguments
    ours, theirs = (
        message_of(lambda cls=cls: cls(**arguments).fit(X))
        for cls in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert ours[0] is theirs[0]
    if "must be a str among" in theirs[1]:  # a set, which Python prints in any order
        assert ours[1].split("{")[0] == theirs[1].split("{")[0]
    else:
        assert ours[1] == theirs[1]


def test_unlike_theirs_the_message_about_weights_has_its_numbers_in_place(load: Any) -> None:
    for cls in (GaussianMixture, sklearn.mixture.GaussianMixture):
        with pytest.raises(ValueError, match=r"'weights' should be in the range \[0, 1\], but got max value"):
            cls(2, weights_init=[1.5, -0.5]).fit(load("faithful"))
    with pytest.raises(ValueError, match=r"max value 1\.50000, min value -0\.50000"):  # theirs has them swapped
        GaussianMixture(2, weights_init=[1.5, -0.5]).fit(load("faithful"))


@pytest.mark.parametrize("name", ["GaussianMixture", "BayesianGaussianMixture"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j, "1", None], ids=repr)
def test_parameters_that_are_not_finite_numbers_are_refused_by_name(load: Any, name: str, bad: Any) -> None:
    values: Any = [2.0, bad]
    given = {"means_init": [[2.0, 52.0], values]} if name == "GaussianMixture" else {"mean_prior": values}
    with pytest.raises(ValueError, match=r"^The parameter .means. should be finite numbers, but got array"):
        getattr(gmmteach, name)(n_components=2, **given).fit(load("faithful"))


BAD_DATA: dict[str, Any] = {
    "NaN": [[1.0, np.nan], [2.0, 3.0], [1.0, 1.0]],
    "infinity": [[1.0, np.inf], [2.0, 3.0], [1.0, 1.0]],
    "one dimension": [1.0, 2.0, 3.0],
    "one sample": [[1.0, 2.0]],
    "nothing": np.empty((0, 2)),
    "text": [["a", "b"], ["c", "d"], ["e", "f"]],
    "complex": np.ones((4, 2), dtype=complex),
    "three dimensions": np.ones((3, 2, 2)),
}


@pytest.mark.parametrize("what", BAD_DATA)
@pytest.mark.parametrize("name", ["GaussianMixture", "KMeans"])
def test_the_same_errors_about_data(what: str, name: str) -> None:
    theirs = {"GaussianMixture": sklearn.mixture.GaussianMixture, "KMeans": sklearn.cluster.KMeans}[name]
    mine, yours = (message_of(lambda cls=cls: cls(2).fit(BAD_DATA[what])) for cls in (getattr(gmmteach, name), theirs))
    if (what, name) == ("NaN", "GaussianMixture"):  # ours says where, and what to do about it
        assert mine[0] is yours[0]
        assert mine[1].startswith("Input X contains NaN: feature 1 is missing in 1 of 3 samples, first in row 0")
        assert "missing='marginalize'" in mine[1]
    else:
        assert mine == yours


def test_sparse_data_is_refused_alike(load: Any) -> None:
    for cls in (GaussianMixture, sklearn.mixture.GaussianMixture):
        with pytest.raises(TypeError, match="Sparse data was passed"):
            cls(2).fit(csr_matrix(load("faithful")))


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "score_samples", "score", "aic", "bic", "icl", "sample"]
)
def test_the_same_error_before_a_fit(load: Any, method: str) -> None:
    argument = 3 if method == "sample" else load("faithful")
    with pytest.raises(NotFittedError, match="This GaussianMixture instance is not fitted yet"):
        getattr(GaussianMixture(), method)(argument)
    assert not hasattr(GaussianMixture(), "mixture_")


def test_the_same_error_about_another_number_of_features(load: Any) -> None:
    X = load("iris")
    ours, theirs = both(X, n_components=2, random_state=0)
    assert message_of(lambda: ours.predict(X[:, :2])) == message_of(lambda: theirs.predict(X[:, :2]))
    assert message_of(lambda: ours.sample(0))[0] is message_of(lambda: theirs.sample(0))[0]


def test_the_same_warning_when_it_does_not_converge(load: Any) -> None:
    X = load("faithful")
    messages = []
    for cls in (GaussianMixture, sklearn.mixture.GaussianMixture):
        with pytest.warns(ConvergenceWarning) as caught:
            cls(2, max_iter=1, random_state=0).fit(X)
        assert len(caught) == 1
        messages.append(str(caught[0].message))
    assert messages[0].startswith(messages[1].split(" Try")[0])  # "Best performing initialization did not converge."


def test_the_warning_points_to_the_users_line(load: Any) -> None:
    model = GaussianMixture(2, max_iter=1, random_state=0)
    for call in (model.fit, model.fit_predict):
        with pytest.warns(ConvergenceWarning) as caught:
            call(load("faithful"))
        assert caught[0].filename == __file__


@pytest.mark.parametrize("verbose", [1, 2])
def test_the_same_talk(load: Any, capsys: pytest.CaptureFixture[str], verbose: int) -> None:
    X = load("iris")
    said = []
    for cls in (GaussianMixture, sklearn.mixture.GaussianMixture):
        cls(3, verbose=verbose, verbose_interval=2, n_init=2, init_params="random", random_state=0).fit(X)
        said.append(re.sub(r"time lapse \d+\.\d+s", "time lapse", capsys.readouterr().out))
    assert said[0] == said[1]
    assert "Iteration 2" in said[0]
    assert ("ll change" in said[0]) == (verbose == 2)


def test_silence_by_default(load: Any, capsys: pytest.CaptureFixture[str]) -> None:
    GaussianMixture(2, random_state=0).fit(load("faithful"))
    KMeans(2, random_state=0).fit(load("faithful"))
    assert capsys.readouterr().out == ""


def test_the_same_error_when_a_component_collapses(load: Any, covariance_type: str) -> None:
    X = np.repeat([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]], 4, axis=0)
    arguments: dict[str, Any] = {"n_components": 3, "covariance_type": covariance_type, "reg_covar": 0}
    ours, theirs = (
        message_of(lambda cls=cls: cls(random_state=0, **arguments).fit(X))
        for cls in (GaussianMixture, sklearn.mixture.GaussianMixture)
    )
    assert issubclass(ours[0], theirs[0])
    assert ours[1].startswith(theirs[1])


def test_a_fit_that_fails_leaves_the_earlier_one_whole(load: Any) -> None:
    model = GaussianMixture(2, random_state=0, reg_covar=0).fit(load("faithful"))
    before = dict(vars(model))
    X = np.repeat([[0.0, 0.0], [1.0, 0.0]], 4, axis=0)
    with pytest.raises(gmmteach.covariance.CollapseError):
        model.fit(X)
    for name, value in before.items():
        assert getattr(model, name) is value, name
    assert model.trace_ in model.traces_


def test_unlike_theirs_a_decrease_is_named(load: Any) -> None:
    X = load("faithful")
    close = GaussianMixture(2, random_state=0, tol=1e-9, max_iter=500).fit(X)
    ours, theirs = both(
        X,
        n_components=2,
        means_init=close.means_,
        weights_init=close.weights_,
        precisions_init=close.precisions_,
        reg_covar=1e-4,
        tol=10.0,
    )
    assert theirs.converged_
    assert ours.converged_  # scikit-learn's word
    assert ours.trace_.outcome == "decreased"  # ours


def test_unlike_theirs_the_first_weights_from_points_sum_to_1(load: Any) -> None:
    """scikit-learn's start from K chosen points has weights K / N in all; one iteration mends it."""
    X = load("faithful")
    ours, theirs = both(X, n_components=2, init_params="random_from_data", max_iter=0, random_state=0)
    assert theirs.weights_.sum() == pytest.approx(2 / len(X))
    assert ours.weights_.sum() == pytest.approx(1)
    assert_allclose(ours.means_, theirs.means_)
    assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-6, atol=1e-15)
    # lower_bounds_ repeats their number, the trace says the likelihood of the weights that it shows
    ours, theirs = both(X, n_components=2, init_params="random_from_data", random_state=0)
    assert_allclose(ours.lower_bounds_[0], theirs.lower_bounds_[0], rtol=1e-6)
    assert_allclose(ours.trace_.objective[0] / len(X), theirs.lower_bounds_[0] - np.log(2 / len(X)), rtol=1e-6)


def test_a_start_from_points_without_reg_covar_is_a_collapse(load: Any) -> None:
    """One point has no spread."""
    for cls in (GaussianMixture, sklearn.mixture.GaussianMixture):
        with pytest.raises(ValueError, match="ill-defined empirical covariance"):
            cls(2, reg_covar=0, init_params="random_from_data", random_state=0).fit(load("faithful"))


# --- both in scikit-learn's company ------------------------------------------------------------------------


def test_grid_search_and_pipeline(load: Any) -> None:
    X = load("iris")
    grid = {"gaussianmixture__n_components": [2, 3], "gaussianmixture__covariance_type": list(TYPES)}
    found = [
        GridSearchCV(make_pipeline(StandardScaler(), cls(random_state=0)), grid, cv=3).fit(X)
        for cls in (GaussianMixture, sklearn.mixture.GaussianMixture)
    ]
    assert found[0].best_params_ == found[1].best_params_
    assert_allclose(found[0].cv_results_["mean_test_score"], found[1].cv_results_["mean_test_score"], rtol=1e-6)
    assert_array_equal(found[0].predict(X), found[1].predict(X))
    assert found[0].best_estimator_[-1].trace_.outcome == "converged"


@pytest.mark.parametrize(
    "model", [GaussianMixture(3, random_state=0), KMeans(3, random_state=0)], ids=["GMM", "KMeans"]
)
def test_clone_copy_and_pickle(load: Any, model: Any) -> None:
    X = load("iris")
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    fitted = fresh.fit(X)
    assert not hasattr(clone(fitted), "trace_")
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert_array_equal(again.predict(X), fitted.predict(X))
        assert_array_equal(again.trace_.objective, fitted.trace_.objective)
        assert again.trace_.outcome == fitted.trace_.outcome
        with pytest.raises(ValueError, match="read-only"):
            again.trace_[-1].mixture.means[0] = 0


def test_data_frames_bring_their_names(load: Any) -> None:
    frame = pd.DataFrame(load("faithful"), columns=["eruptions", "waiting"])
    for model in (GaussianMixture(2, random_state=0), KMeans(2, random_state=0)):
        model.fit(frame)
        assert_array_equal(model.feature_names_in_, ["eruptions", "waiting"])
        assert_array_equal(model.predict(frame), model.predict(frame.copy()))
        with pytest.raises(ValueError, match="feature names"):
            model.predict(frame[["waiting", "eruptions"]])
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            model.predict(load("faithful"))


# --- KMeans ------------------------------------------------------------------------------------------------


def both_k_means(X: Any, sample_weight: Any = None, **arguments: Any) -> tuple[KMeans, sklearn.cluster.KMeans]:
    with quiet():
        ours = KMeans(**arguments).fit(X, sample_weight=sample_weight)
        return ours, sklearn.cluster.KMeans(**arguments).fit(X, sample_weight=sample_weight)


def assert_equal_k_means(ours: Any, theirs: Any, X: Any, tolerance: float = 1e-6) -> None:
    close = {"rtol": tolerance, "atol": tolerance}
    for name in ("cluster_centers_", "inertia_", "n_iter_", "labels_", "n_features_in_"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), err_msg=name, **close)
        if isinstance(getattr(theirs, name), np.ndarray):
            assert getattr(ours, name).dtype == getattr(theirs, name).dtype, name
    assert type(ours.inertia_) is float
    assert type(ours.n_iter_) is int
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.predict(X).dtype == theirs.predict(X).dtype
    assert_allclose(ours.transform(X), theirs.transform(X), **close)
    assert_allclose(ours.score(X), theirs.score(X), **close)
    assert_array_equal(ours.get_feature_names_out(), theirs.get_feature_names_out())
    assert len(ours.trace_) == ours.n_iter_ + 1
    assert ours.trace_[-1].objective == -ours.inertia_


def four_of_the_data(X: Any, n_clusters: int, random_state: Any) -> Any:
    return X[random_state.choice(len(X), n_clusters, replace=False)]


K_MEANS_STARTS: dict[str, Any] = {
    "k-means++": "k-means++",
    "random": "random",
    "callable": four_of_the_data,
}


@pytest.mark.parametrize("init", K_MEANS_STARTS)
@pytest.mark.parametrize("name", ["faithful", "crabs", "log customers", "galaxies"])
def test_the_same_k_means(load: Any, name: str, init: str) -> None:
    X = load(name) + 1e-3 * np.random.RandomState(0).standard_normal(load(name).shape)  # rounded data has ties
    for seed in range(2):
        ours, theirs = both_k_means(X, n_clusters=4, init=K_MEANS_STARTS[init], random_state=seed)
        assert_equal_k_means(ours, theirs, X)
        assert len(ours.traces_) == (1 if init == "k-means++" else 10)


@pytest.mark.parametrize(
    "arguments",
    [
        {"tol": 0},
        {"tol": 0.1},
        {"max_iter": 1},
        {"max_iter": 2},
        {"n_init": 5},
        {"n_clusters": 1},
        {"algorithm": "elkan"},
        {"algorithm": "elkan", "max_iter": 3},
        {"copy_x": False},
        {"init": np.array([[2.0, 50.0], [3.0, 60.0], [4.0, 90.0]])},
        {"init": [[2, 50], [3, 60], [4, 90]], "tol": 0},
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_same_k_means_under_every_option(load: Any, arguments: dict[str, Any], weighted: bool) -> None:
    rng = np.random.RandomState(0)
    X = load("faithful") + 1e-3 * rng.standard_normal(load("faithful").shape)
    weights = rng.uniform(0, 2, len(X)) if weighted else None
    arguments = {"n_clusters": 3, "random_state": 1} | arguments
    ours, theirs = both_k_means(X.copy(), weights, **arguments)
    assert_equal_k_means(ours, theirs, X)
    assert_allclose(ours.score(X, sample_weight=weights), theirs.score(X, sample_weight=weights), rtol=1e-9)


@pytest.mark.parametrize("scale", [0.02, 0.05, 1.0])
def test_the_same_k_means_in_single_precision(scale: float) -> None:
    rng = np.random.RandomState(0)
    X = np.vstack([scale * rng.standard_normal((300, 2)) + centre for centre in ((0, 0), (3, 0), (0, 3))])
    ours, theirs = both_k_means(X.astype(np.float32), n_clusters=3, random_state=0, tol=1e-2)
    assert_equal_k_means(ours, theirs, X.astype(np.float32), tolerance=2e-5)


def test_the_same_k_means_with_an_empty_cluster() -> None:
    X = np.array([[0.0, 0.0], [0.5, 0.0], [0.4, 1.1], [1.0, 1.0], [1.3, 0.8]])
    ours, theirs = both_k_means(X, n_clusters=2, init=np.array([[0.5, 0.5], [30.0, 30.0]]), n_init=1)
    assert_equal_k_means(ours, theirs, X)


def test_the_same_k_means_with_fewer_points_than_clusters() -> None:
    X = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    for cls in (KMeans, sklearn.cluster.KMeans):
        with pytest.warns(
            ConvergenceWarning, match=r"Number of distinct clusters \(4\) found smaller than n_clusters \(5"
        ):
            cls(5, init=X, n_init=1).fit(X)
    ours, theirs = both_k_means(X, n_clusters=5, init=X, n_init=1)
    assert_equal_k_means(ours, theirs, X)


@pytest.mark.parametrize("container", [csr_matrix, csr_array])
def test_the_same_k_means_on_sparse_data(load: Any, container: Any) -> None:
    X = np.maximum(load("iris") - 2.5, 0) + 1e-4 * np.random.RandomState(0).uniform(size=load("iris").shape)
    for init in ("k-means++", "random"):
        ours, theirs = both_k_means(container(X), n_clusters=3, init=init, random_state=0)
        assert_equal_k_means(ours, theirs, container(X))
        assert_array_equal(ours.predict(X), ours.labels_)


def test_fit_transform_and_pandas_output(load: Any) -> None:
    X = load("iris")
    ours, theirs = KMeans(3, random_state=0), sklearn.cluster.KMeans(3, random_state=0)
    assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), rtol=1e-6)
    assert_array_equal(ours.fit_predict(X), theirs.fit_predict(X))
    frame = pd.DataFrame(X, index=np.arange(len(X)) + 7)
    mine, yours = (model.set_output(transform="pandas").fit_transform(frame) for model in (ours, theirs))
    pd.testing.assert_frame_equal(mine, yours, rtol=1e-6)
    assert list(mine.columns) == ["kmeans0", "kmeans1", "kmeans2"]


def test_k_means_in_a_pipeline_with_weights(load: Any) -> None:
    X, weights = load("iris"), np.random.RandomState(0).uniform(size=150)
    found = [
        make_pipeline(StandardScaler(), cls(3, random_state=0)).fit(X, kmeans__sample_weight=weights)
        for cls in (KMeans, sklearn.cluster.KMeans)
    ]
    assert_allclose(found[0].transform(X), found[1].transform(X), rtol=1e-6)
    with config_context(enable_metadata_routing=True):
        routed = KMeans(3, random_state=0).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, routed).fit(X, sample_weight=weights)
        assert_allclose(pipe[-1].cluster_centers_, found[0][-1].cluster_centers_)


BAD_K_MEANS: list[dict[str, Any]] = [
    {"n_clusters": 0},
    {"n_clusters": 1000},
    {"init": "best"},
    {"init": [[1.0, 2.0], [3.0, 4.0]]},
    {"init": [[1.0], [2.0], [3.0]]},
    {"init": lambda X, n_clusters, random_state: X[:2]},
    {"init": lambda X, n_clusters, random_state: X[:3, :1]},
    {"n_init": 0},
    {"max_iter": 0},
    {"tol": -1},
    {"algorithm": "quick"},
]


@pytest.mark.parametrize("arguments", BAD_K_MEANS, ids=lambda value: str(value).split(" at ")[0])
def test_the_same_errors_about_k_means(load: Any, arguments: dict[str, Any]) -> None:
    X = load("faithful")
    arguments = {"n_clusters": 3, "n_init": 1} | arguments
    mine, yours = (message_of(lambda cls=cls: cls(**arguments).fit(X)) for cls in (KMeans, sklearn.cluster.KMeans))
    assert mine[0] is yours[0]
    assert mine[1].split("{")[0] == yours[1].split("{")[0]


def test_the_same_warnings_from_k_means(load: Any) -> None:
    X = load("faithful")
    for cls in (KMeans, sklearn.cluster.KMeans):
        with pytest.warns(
            RuntimeWarning, match="Explicit initial center position passed: performing only one init in KM"
        ):
            cls(2, init=X[[0, 1]], n_init=5).fit(X)
        with pytest.warns(RuntimeWarning, match="algorithm='elkan' doesn't make sense for a single cluster"):
            cls(1, algorithm="elkan").fit(X)


def test_k_means_says_what_theirs_says(load: Any, capsys: pytest.CaptureFixture[str]) -> None:
    X = load("faithful") + 1e-3 * np.random.RandomState(0).standard_normal(load("faithful").shape)
    for tol in (0.05, 0):
        said = []
        for cls in (KMeans, sklearn.cluster.KMeans):
            cls(4, verbose=1, n_init=2, init="random", random_state=0, tol=tol).fit(X)
            said.append(re.sub(r"\d+\.\d+(e-\d+)?", "number", capsys.readouterr().out).splitlines())
        assert said[0] == said[1]


def test_k_means_before_a_fit(load: Any) -> None:
    for method in ("predict", "transform", "score"):
        with pytest.raises(NotFittedError, match="This KMeans instance is not fitted yet"):
            getattr(KMeans(), method)(load("faithful"))
    with pytest.raises(NotFittedError):
        KMeans().get_feature_names_out()


def test_k_means_leaves_the_data_alone(load: Any) -> None:
    X = load("faithful").copy()
    KMeans(3, copy_x=False, random_state=0).fit(X)
    assert_array_equal(X, load("faithful"))
