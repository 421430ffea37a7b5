"""BayesianGaussianMixture: scikit-learn's numbers, errors and habits, its own tests, and what ours has on top.

Where the two differ on purpose, the name of the test begins with test_unlike.
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
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks
from test_sklearn_own_tests import PRIVATE, _with_ours

from gmmteach import BayesianGaussianMixture, Mixture, Trace
from gmmteach.variational import Posterior, VariationalSnapshot

TYPES = ("full", "tied", "diag", "spherical")
STARTS = ("kmeans", "k-means++", "random", "random_from_data")
WEIGHT_PRIORS = ("dirichlet_process", "dirichlet_distribution")
THEIRS = sklearn.mixture.BayesianGaussianMixture
FITTED = (
    *("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_", "n_iter_", "converged_"),
    *("weight_concentration_", "mean_precision_", "degrees_of_freedom_", "weight_concentration_prior_"),
    *("mean_precision_prior_", "mean_prior_", "degrees_of_freedom_prior_", "covariance_prior_", "n_features_in_"),
)


@pytest.fixture(params=WEIGHT_PRIORS)
def weight_prior(request: pytest.FixtureRequest) -> str:
    return request.param


@contextmanager
def quiet() -> Iterator[None]:
    """Whether a fit converges is compared, not warned about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def both(X: Any, **arguments: Any) -> tuple[Any, Any]:
    with quiet():
        return BayesianGaussianMixture(**arguments).fit(X), THEIRS(**arguments).fit(X)


def assert_equal_mixtures(ours: Any, theirs: Any, X: Any, tolerance: float = 1e-6) -> None:
    close = {"rtol": tolerance, "atol": tolerance}
    for name in FITTED:
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert_allclose(mine, other, err_msg=name, **close)
        assert np.shape(mine) == np.shape(other), name
        assert isinstance(mine, tuple) == isinstance(other, tuple), name
    # theirs are arrays of one element for 'tied', ours are numbers for every type
    assert_allclose(ours.lower_bounds_, np.reshape(theirs.lower_bounds_, -1), **close)
    assert_allclose(ours.lower_bound_, np.squeeze(theirs.lower_bound_), **close)
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **close)
    assert_allclose(ours.score_samples(X), theirs.score_samples(X), **close)
    assert_allclose(ours.score(X), theirs.score(X), **close)
    if ours.n_iter_:  # before that weights can be equal, and the last digit then decides whose turn it is
        for ours_drew, theirs_drew in zip(ours.sample(40), theirs.sample(40), strict=True):
            assert_allclose(ours_drew, theirs_drew, rtol=1e-5, atol=1e-5)
    assert len(ours.trace_) == ours.n_iter_ + 1


# --- the same numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("init_params", STARTS)
@pytest.mark.parametrize("name", ["faithful", "iris", "log customers", "galaxies", "moons"])
def test_the_same_fit(load: Any, name: str, covariance_type: str, weight_prior: str, init_params: str) -> None:
    X = load(name)
    ours, theirs = both(
        X,
        n_components=5,
        covariance_type=covariance_type,
        weight_concentration_prior_type=weight_prior,
        init_params=init_params,
        random_state=1,
    )
    assert_equal_mixtures(ours, theirs, X)
    # The bound never falls; reg_covar, which is 1e-6 here, may take a trifle away.
    assert (np.diff(ours.trace_.objective) >= -1e-5).all()


@pytest.mark.parametrize(("n_samples", "n_features"), [(300, 20), (40_000, 2)])
def test_the_same_fit_of_wide_and_of_long_data(covariance_type: str, n_samples: int, n_features: int) -> None:
    """These take other ways through the sums: direct differences, and several threads."""
    rng = np.random.RandomState(0)
    centres = 2 * rng.standard_normal((3, n_features))
    X = centres[rng.randint(3, size=n_samples)] + rng.standard_normal((n_samples, n_features))
    ours, theirs = both(X, n_components=4, covariance_type=covariance_type, max_iter=8, tol=0, random_state=0)
    assert_equal_mixtures(ours, theirs, X)


OPTIONS: list[dict[str, Any]] = [
    {"max_iter": 0},
    {"max_iter": 1},
    {"tol": 0, "max_iter": 12},
    {"tol": 1e-7, "max_iter": 300},
    {"tol": 10.0},
    {"reg_covar": 0},
    {"reg_covar": 0.5},
    {"n_components": 1},
    {"weight_concentration_prior": 1e-3},
    {"weight_concentration_prior": 1e3},
    {"mean_precision_prior": 0.01},
    {"mean_precision_prior": 50.0, "mean_prior": [3.0, 60.0]},
    {"degrees_of_freedom_prior": 1.5},
    {"degrees_of_freedom_prior": 40},
]
SCALES: dict[str, Any] = {"full": [[2.0, 1.0], [1.0, 50.0]], "tied": [[2.0, 1.0], [1.0, 50.0]], "diag": [2.0, 50.0]}


@pytest.mark.parametrize("arguments", [*OPTIONS, {"covariance_prior": SCALES}], ids=str)
def test_the_same_fit_under_every_option(
    load: Any, covariance_type: str, weight_prior: str, arguments: dict[str, Any]
) -> None:
    X = load("faithful")
    if "covariance_prior" in arguments:
        arguments = {"covariance_prior": SCALES.get(covariance_type, 4.0)}
    for init_params in ("kmeans", "random_from_data"):
        every = {"n_components": 3, "init_params": init_params, "random_state": 3} | arguments
        ours, theirs = both(X, covariance_type=covariance_type, weight_concentration_prior_type=weight_prior, **every)
        assert_equal_mixtures(ours, theirs, X)


@pytest.mark.parametrize("init_params", STARTS)
def test_the_best_of_several_runs(load: Any, covariance_type: str, weight_prior: str, init_params: str) -> None:
    X = load("penguins")[:, :2]
    ours, theirs = both(
        X,
        n_components=4,
        n_init=4,
        covariance_type=covariance_type,
        weight_concentration_prior_type=weight_prior,
        init_params=init_params,
        random_state=0,
    )
    assert len(ours.traces_) == 4
    assert ours.trace_ in ours.traces_
    assert_allclose(ours.lower_bound_, np.squeeze(theirs.lower_bound_), rtol=1e-5)


def test_a_warm_start_goes_on_alike(load: Any, covariance_type: str, weight_prior: str) -> None:
    X = load("iris")
    ours, theirs = (
        cls(
            n_components=4,
            covariance_type=covariance_type,
            weight_concentration_prior_type=weight_prior,
            warm_start=True,
            max_iter=3,
            random_state=0,
        )
        for cls in (BayesianGaussianMixture, THEIRS)
    )
    for part in (X, X, X[:120]):
        with quiet():
            assert_equal_mixtures(ours.fit(part), theirs.fit(part), part)


def test_fit_predict_is_fit_and_predict(load: Any, covariance_type: str) -> None:
    X = load("iris")
    model = BayesianGaussianMixture(n_components=3, covariance_type=covariance_type, random_state=0, max_iter=500)
    assert_array_equal(model.fit_predict(X), model.predict(X))


@pytest.mark.parametrize("init_params", STARTS)
def test_single_precision(load: Any, covariance_type: str, weight_prior: str, init_params: str) -> None:
    """Single precision in, single precision out; theirs turns to double for 'full', and its sums lose more."""
    X = load("faithful").astype(np.float32)
    arguments: dict[str, Any] = {"init_params": init_params, "weight_concentration_prior_type": weight_prior}
    ours, theirs = both(
        X, n_components=3, covariance_type=covariance_type, tol=0, max_iter=5, random_state=0, **arguments
    )
    for name in ("weights_", "means_", "covariances_", "precisions_", "mean_precision_", "mean_prior_"):
        assert getattr(ours, name).dtype == np.float32, name
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=2e-2, atol=1e-4, err_msg=name)
    assert ours.predict_proba(X).dtype == np.float32


# --- the same habits ---------------------------------------------------------------------------------------


def test_the_same_constructor_and_methods() -> None:
    mine, other = (inspect.signature(cls).parameters for cls in (BayesianGaussianMixture, THEIRS))
    assert list(mine) == list(other)
    for name, parameter in other.items():
        assert mine[name].default == parameter.default, name
        assert mine[name].kind == parameter.kind, name
    public = {name for name in dir(THEIRS) if not name.startswith("_")}
    assert public <= set(dir(BayesianGaussianMixture))


def test_the_same_fitted_attributes_and_ours_on_top(load: Any) -> None:
    ours, theirs = both(load("faithful"), n_components=2, random_state=0)
    mine, other = ({name for name in vars(model) if name.endswith("_")} for model in (ours, theirs))
    assert mine >= other | {"trace_", "traces_"}
    assert isinstance(ours.mixture_, Mixture)
    assert isinstance(ours.posterior_, Posterior)


BAD_ARGUMENTS: list[dict[str, Any]] = [
    {"n_components": 0},
    {"covariance_type": "round"},
    {"weight_concentration_prior_type": "dirichlet"},
    {"weight_concentration_prior": 0.0},
    {"mean_precision_prior": -1.0},
    {"mean_prior": [1.0, 2.0, 3.0]},
    {"degrees_of_freedom_prior": 1.0},
    {"degrees_of_freedom_prior": 0.5},
    {"degrees_of_freedom_prior": -2.0},
    {"covariance_prior": [[1.0]]},
    {"covariance_type": "diag", "covariance_prior": [1.0, 2.0, 3.0]},
    {"covariance_type": "spherical", "covariance_prior": -1.0},
    {"n_components": 1000},
]


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
def test_the_same_errors_about_arguments(load: Any, arguments: dict[str, Any]) -> None:
    said = []
    for cls in (BayesianGaussianMixture, THEIRS):
        with pytest.raises(ValueError, match=r".") as caught:
            cls(**({"n_components": 2} | arguments)).fit(load("faithful"))
        said.append(str(caught.value).split("{")[0])  # sets are printed in any order
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("covariance_type", "scale", "words"),
    [
        ("full", [[1.0, 2.0], [2.0, 1.0]], "'full covariance_prior' should be symmetric, positive-definite"),
        ("tied", [[1.0, 0.5], [0.0, 1.0]], "'tied covariance_prior' should be symmetric, positive-definite"),
        ("diag", [1.0, 0.0], "'diag covariance_prior' should be positive, but its smallest value is 0"),
        ("spherical", [1.0, 2.0], "'spherical covariance_prior' should be a positive number"),
    ],
)
def test_unlike_theirs_a_bad_covariance_prior_is_called_that(
    load: Any, covariance_type: str, scale: Any, words: str
) -> None:
    """Theirs calls it a precision, and takes a list for a number."""
    with pytest.raises(ValueError, match=words):
        BayesianGaussianMixture(covariance_type=covariance_type, covariance_prior=scale).fit(load("faithful"))


def test_before_a_fit(load: Any) -> None:
    model = BayesianGaussianMixture()
    for method in ("predict", "predict_proba", "score_samples", "score"):
        with pytest.raises(NotFittedError, match="This BayesianGaussianMixture instance is not fitted yet"):
            getattr(model, method)(load("faithful"))
    assert not hasattr(model, "mixture_")
    assert not hasattr(model, "posterior_")


def test_clone_copy_and_pickle(load: Any, weight_prior: str) -> None:
    X = load("iris")
    model = BayesianGaussianMixture(
        n_components=3, weight_concentration_prior_type=weight_prior, max_iter=500, random_state=0
    )
    fitted = clone(model).fit(X)
    assert not hasattr(clone(fitted), "trace_")
    for again in (pickle.loads(pickle.dumps(fitted)), copy.deepcopy(fitted)):
        assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
        assert_array_equal(again.trace_.objective, fitted.trace_.objective)
        with pytest.raises(ValueError, match="read-only"):
            again.trace_[-1].posterior.means[0] = 0


@parametrize_with_checks(
    [BayesianGaussianMixture(), BayesianGaussianMixture(weight_concentration_prior_type=WEIGHT_PRIORS[1])]
)
def test_sklearn_estimator_check(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("verbose", [1, 2])
def test_the_same_talk(load: Any, capsys: pytest.CaptureFixture[str], verbose: int, weight_prior: str) -> None:
    said = []
    for cls in (BayesianGaussianMixture, THEIRS):
        with quiet():
            cls(
                n_components=3,
                verbose=verbose,
                verbose_interval=2,
                n_init=2,
                max_iter=15,
                init_params="random",
                weight_concentration_prior_type=weight_prior,
                random_state=0,
            ).fit(load("iris"))
        said.append(re.sub(r"time lapse \d+\.\d+s", "time lapse", capsys.readouterr().out))
    assert said[0] == said[1]
    assert "Iteration 14" in said[0]
    assert ("ll change" in said[0]) == (verbose == 2)


def test_the_best_run_is_judged_by_their_bound(load: Any, covariance_type: str, weight_prior: str) -> None:
    X = load("log customers")
    ours, theirs = both(
        X,
        n_components=5,
        n_init=4,
        covariance_type=covariance_type,
        weight_concentration_prior_type=weight_prior,
        init_params="random_from_data",
        max_iter=7,
        random_state=2,
    )
    assert_equal_mixtures(ours, theirs, X)


# --- scikit-learn's own tests ------------------------------------------------------------------------------

SKIPS = {
    "test_log_dirichlet_norm": PRIVATE,
    "test_log_wishart_norm": PRIVATE,
    "test_compare_covar_type": "calls the private _check_parameters and _initialize_parameters",
}
OWN = _with_ours("sklearn.mixture.tests.test_bayesian_mixture", sklearn.mixture, BayesianGaussianMixture)
for _name, _function in OWN.items():
    if _name not in SKIPS:
        _function.pytestmark = [  # type: ignore[attr-defined]
            *getattr(_function, "pytestmark", []),
            pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning").mark,
        ]
        globals()[f"test_own_{_name.removeprefix('test_')}"] = _function


def test_it_is_ours_that_is_judged() -> None:
    assert set(SKIPS) <= set(OWN)
    assert len(OWN) >= 13
    assert OWN["test_bayesian_mixture_weights"].__globals__["BayesianGaussianMixture"] is BayesianGaussianMixture


@pytest.mark.parametrize("types", TYPES)
def test_the_types_compare_as_in_their_private_test(types: str, weight_prior: str) -> None:
    """Public stand-in for test_compare_covar_type: after one M-step the other types' matrices follow from full."""
    X = np.random.RandomState(0).standard_normal((200, 2)) @ [[1, 0.5], [0, 2]]
    arguments: dict[str, Any] = {"weight_concentration_prior_type": weight_prior, "max_iter": 0, "random_state": 0}
    full = BayesianGaussianMixture(n_components=4, **arguments).fit(X)
    other = BayesianGaussianMixture(n_components=4, covariance_type=types, **arguments).fit(X)
    matrices = full.covariances_ * full.degrees_of_freedom_[:, np.newaxis, np.newaxis]
    freedom = other.degrees_of_freedom_
    expected = {
        "full": matrices,
        "tied": matrices.mean(axis=0),
        "diag": matrices.diagonal(axis1=1, axis2=2),
        "spherical": matrices.diagonal(axis1=1, axis2=2).mean(axis=1),
    }[types]
    shape = (-1, *[1] * (other.covariances_.ndim - 1)) if types != "tied" else ()
    assert_allclose(other.covariances_ * np.reshape(freedom, shape), expected, rtol=1e-8)


# --- what ours has on top ----------------------------------------------------------------------------------


def test_the_trace_shows_the_run(load: Any, covariance_type: str, weight_prior: str) -> None:
    X = load("faithful")
    model = BayesianGaussianMixture(
        n_components=4,
        covariance_type=covariance_type,
        weight_concentration_prior_type=weight_prior,
        reg_covar=0,
        max_iter=2000,
        random_state=0,
    ).fit(X)
    trace = model.trace_
    last = trace[-1]
    assert isinstance(last, VariationalSnapshot)
    assert trace.outcome == "converged"
    assert trace.objective_name == "evidence lower bound"
    assert (np.diff(trace.objective) >= -1e-9).all()
    assert_array_equal(last.mixture.means, model.means_)
    assert_array_equal(model.mixture_.covariances, model.covariances_)
    assert_allclose(last.responsibilities(X), model.predict_proba(X), rtol=1e-9, atol=1e-12)
    for field in ("weight_concentration", "mean_precision", "means", "degrees_of_freedom", "covariances"):
        assert_allclose(getattr(model.posterior_, field), getattr(last.posterior, field), rtol=1e-14)
    assert_allclose(model.posterior_.log_joint(X), last.posterior.log_joint(X), rtol=1e-10)


def test_their_bound_lies_between_two_of_ours(load: Any, covariance_type: str, weight_prior: str) -> None:
    """Apart from constants: it belongs to the responsibilities of one snapshot and the parameters of the next."""
    X = load("iris")
    with quiet():
        model = BayesianGaussianMixture(
            n_components=4,
            covariance_type=covariance_type,
            weight_concentration_prior_type=weight_prior,
            init_params="random",
            reg_covar=0,
            tol=0,
            max_iter=40,
            random_state=0,
        ).fit(X)
    objective, bounds = model.trace_.objective, np.array(model.lower_bounds_)
    least, most = (bounds - objective[1:]).max(), (bounds - objective[:-1]).min()
    assert least <= most + 1e-7  # one constant fits between all of them
    assert np.diff(objective).max() > 1e-3


@pytest.mark.parametrize("init_params", ["kmeans", "labels"])
def test_integer_weights_are_repeated_samples(
    load: Any, covariance_type: str, weight_prior: str, init_params: str
) -> None:
    X = load("faithful")
    weights = np.random.RandomState(0).randint(0, 4, len(X))
    labels = (X[:, 1] > 68).astype(int)
    repeated = np.repeat(X, weights, axis=0)
    arguments: dict[str, Any] = {
        "n_components": 2,
        "covariance_type": covariance_type,
        "weight_concentration_prior_type": weight_prior,
        "max_iter": 500,
        "random_state": 0,
    }
    inits = ("kmeans", "kmeans") if init_params == "kmeans" else (labels, np.repeat(labels, weights))
    ours = BayesianGaussianMixture(init_params=inits[0], **arguments).fit(X, sample_weight=weights)
    theirs = BayesianGaussianMixture(init_params=inits[1], **arguments).fit(repeated)
    assert_allclose(ours.weight_concentration_, theirs.weight_concentration_, rtol=1e-5, atol=1e-4)
    assert_allclose(ours.means_, theirs.means_, rtol=1e-5)
    assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-4, atol=1e-6)
    assert_allclose(ours.trace_.objective[-1], theirs.trace_.objective[-1], rtol=1e-8)
    assert_allclose(ours.score(X, sample_weight=weights), theirs.score(repeated), rtol=1e-6)
    present = weights > 0
    init = inits[0] if isinstance(inits[0], str) else labels[present]
    absent = BayesianGaussianMixture(init_params=init, **arguments).fit(X[present], sample_weight=weights[present])
    assert_allclose(ours.means_, absent.means_, rtol=1e-12)


def test_a_trace_is_saved_with_all_that_it_knows(
    load: Any, covariance_type: str, weight_prior: str, tmp_path: Any
) -> None:
    X = load("faithful")
    arguments: dict[str, Any] = {"covariance_type": covariance_type, "weight_concentration_prior_type": weight_prior}
    with quiet():
        trace = BayesianGaussianMixture(n_components=3, max_iter=4, **arguments).fit(X).trace_
    again = Trace.load(trace.save(tmp_path / "trace"))
    assert again.objective_name == trace.objective_name == "evidence lower bound"
    assert again.outcome == trace.outcome
    for mine, other in zip(again, trace, strict=True):
        assert isinstance(mine, VariationalSnapshot)
        assert mine.objective == other.objective
        assert_array_equal(mine.responsibilities(X), other.responsibilities(X))


def test_a_start_can_be_given(load: Any) -> None:
    X = load("faithful")
    labels = (X[:, 1] > 68).astype(int)
    arguments: dict[str, Any] = {"n_components": 2, "random_state": 0, "max_iter": 300}
    fits = [
        BayesianGaussianMixture(init_params=init, **arguments).fit(X)
        for init in (labels, np.eye(2)[labels], lambda X, n_components, random_state: labels)
    ]
    mixture = fits[0].mixture_
    fits.append(BayesianGaussianMixture(init_params=mixture, **arguments).fit(X))
    for fit in fits[1:]:
        assert_allclose(fit.trace_.objective[-1], fits[0].trace_.objective[-1], atol=1e-2)
    assert_allclose(fits[1].means_, fits[0].means_, rtol=1e-12)


def test_a_constant_feature(load: Any, covariance_type: str, weight_prior: str) -> None:
    """The default prior is improper then, and scikit-learn goes on; so does ours."""
    X = np.column_stack([load("faithful"), np.full(len(load("faithful")), 3.0)])
    ours, theirs = both(
        X,
        n_components=2,
        covariance_type=covariance_type,
        weight_concentration_prior_type=weight_prior,
        random_state=0,
    )
    assert np.isfinite(ours.trace_.objective).all()
    assert_allclose(ours.means_, theirs.means_, rtol=1e-5)
    assert_allclose(ours.weights_, theirs.weights_, rtol=1e-4)
