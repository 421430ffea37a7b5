"""The short way to iterate: the textbook's numbers, in any number of pieces, with its digits as promised."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from threadpoolctl import threadpool_info, threadpool_limits

from gmmteach import GaussianMixture, Mixture, Trace, e_step, em, m_step, sweep, threads
from gmmteach.covariance import covariance_type_of
from gmmteach.datasets import load_crabs, load_faithful, load_penguins
from gmmteach.features import FEATURES
from gmmteach.mixture import normalise
from gmmteach.starts import starting_mixture
from gmmteach.statistics import Samples, Statistics, largest_terms, weighted_moments
from gmmteach.sweep import harden, soften

TYPES = ("full", "tied", "diag", "spherical")


@cache
def data(name: str) -> Any:
    rng = np.random.RandomState(0)
    if name == "wide":  # so many pairs of features that "full" takes the direct form for its two components
        return rng.standard_normal((400, 40)) + 3 * np.repeat(np.eye(40)[:2], 200, axis=0)
    if name == "blocks":  # more than one block, and more than one thread
        return rng.standard_normal((70_000, 3)) + 3 * rng.randint(0, 2, (70_000, 1))
    penguins = load_penguins().data
    return {
        "faithful": load_faithful().data,
        "iris": load_iris().data,
        "penguins": penguins[~np.isnan(penguins).any(axis=1)],
        "crabs": load_crabs().data,
        "one column": load_faithful().data[:, 1:],
    }[name]


def start(X: Any, covariance_type: str, n_components: int = 2, **options: Any) -> Mixture:
    return starting_mixture(X, n_components, covariance_type=covariance_type, random_state=0, reg_covar=0, **options)


def textbook(X: Any, mixture: Mixture, n_iterations: int, sample_weight: Any = None) -> list[tuple[Mixture, float]]:
    """E-step and M-step in turn, as on the board."""
    weights = np.ones(len(X)) if sample_weight is None else sample_weight
    run = []
    for _ in range(n_iterations + 1):
        run.append((mixture, float(weights @ mixture.log_density(X))))
        shares = e_step(X, mixture.weights, mixture.means, mixture.covariances, mixture.covariance_type)
        mixture = Mixture(*m_step(X, shares * weights[:, np.newaxis], mixture.covariance_type), mixture.covariance_type)
    return run


# --- the same as the textbook ------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("name", ["faithful", "iris", "penguins", "crabs", "one column", "wide", "blocks"])
def test_em_and_the_textbook_give_the_same_trace(name: str, covariance_type: str, weighted: bool) -> None:
    X = data(name)
    sample_weight = np.random.RandomState(1).uniform(0.2, 3, len(X)) if weighted else None
    begin = start(X, covariance_type)
    snapshots = list(islice(em(X, begin, sample_weight=sample_weight), 13))
    for snapshot, (mixture, log_likelihood) in zip(snapshots, textbook(X, begin, 12, sample_weight), strict=True):
        assert_allclose(snapshot.objective, log_likelihood, rtol=1e-10)
        assert_allclose(snapshot.mixture.weights, mixture.weights, rtol=1e-8)
        assert_allclose(snapshot.mixture.means, mixture.means, rtol=1e-8, atol=1e-8 * np.abs(X).max())
        scale = np.abs(mixture.covariances).max()
        assert_allclose(snapshot.mixture.covariances, mixture.covariances, rtol=1e-8, atol=1e-8 * scale)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_single_precision_stays_single_and_agrees(covariance_type: str) -> None:
    X = data("faithful")
    begin = start(X.astype(np.float32), covariance_type)
    single = list(islice(em(X.astype(np.float32), begin), 8))
    double = list(islice(em(X, Mixture(*(np.float64(v) for v in (begin.weights, begin.means, begin.covariances)),
                                       covariance_type)), 8))  # fmt: skip
    assert single[-1].mixture.covariances.dtype == np.float32
    assert_allclose(single[-1].mixture.means, double[-1].mixture.means, rtol=2e-3)
    assert_allclose(single[-1].objective, double[-1].objective, rtol=1e-4)


def test_the_short_form_is_what_runs_where_it_may() -> None:
    for name, short in (("faithful", True), ("iris", True), ("wide", False)):
        assert (Samples(data(name)).short_form(start(data(name), "full").density) is not None) == short


# --- digits ------------------------------------------------------------------------------------------------


def exact_log_joint(X: Any, mixture: Mixture) -> Any:
    """In extended precision, from the same factors."""
    constants, means, factors, _ = (np.asarray(part, dtype=np.longdouble) for part in (*mixture.density[:3], 0))
    kind = mixture.covariance_type
    log_joint = np.empty((len(X), len(means)), dtype=np.longdouble)
    for k, mean in enumerate(means):
        difference = X.astype(np.longdouble) - mean
        factor = factors if kind == "tied" else factors[k]
        white = difference @ factor if kind in ("full", "tied") else difference * factor
        log_joint[:, k] = constants[k] - np.square(white).sum(axis=1) / 2
    return log_joint


@pytest.mark.skipif(np.finfo(np.longdouble).eps >= np.finfo(float).eps, reason="no extended precision on this machine")
@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("tightness", [1.0, 30.0, 100.0, 160.0])
def test_log_densities_keep_two_thirds_of_their_digits(covariance_type: str, tightness: float) -> None:
    """The bound stated in `statistics.py`: eps times the largest terms, and never more than eps^(2/3) of these."""
    rng = np.random.RandomState(0)
    centres = np.array([[-1.0, 0.5], [1.0, 1.0]])
    X = np.repeat(centres, 200, axis=0) + rng.standard_normal((400, 2)) / tightness
    mixture = Mixture([0.5, 0.5], centres, spread_out(tightness**-2, 2, 2, covariance_type), covariance_type)
    samples = Samples(X)
    theta = samples.short_form(mixture.density)
    features = FEATURES[covariance_type]
    terms = features.magnitude(features.precisions(mixture.precisions_cholesky), samples.reach[np.newaxis])
    assert (theta is not None) == (terms <= largest_terms(float))
    if theta is None:
        pytest.skip("beyond the switch: the direct form runs")
    z = (X - samples.origin).T
    phi = np.ones((features.count(2), len(X)))
    phi[1:3] = z
    features.write_squares(z, phi[3:])
    log_joint = (theta @ phi).T
    if covariance_type == "tied":
        factor = mixture.precisions_cholesky
        log_joint = log_joint - 0.5 * np.square(z.T @ factor).sum(axis=1)[:, np.newaxis]
    error = np.abs(log_joint - exact_log_joint(X, mixture)).max()
    assert error <= 4 * np.finfo(float).eps * terms + 1e-14
    assert error <= 4 * np.finfo(float).eps ** (2 / 3)


def spread_out(variance: float, n_components: int, n_features: int, covariance_type: str) -> Any:
    return {
        "full": np.stack([variance * np.eye(n_features)] * n_components),
        "tied": variance * np.eye(n_features),
        "diag": np.full((n_components, n_features), variance),
        "spherical": np.full(n_components, variance),
    }[covariance_type]


@cache
def tight_and_far(offset: float) -> Any:
    """Three clusters a ten-thousandth wide, a thousand apart; on a grid, so that an offset is added exactly."""
    rng = np.random.RandomState(0)
    centres = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0]])
    noise = np.round(1e-4 * rng.standard_normal((60_000, 2)) * 2**26) / 2**26
    return np.repeat(centres, 20_000, axis=0) + noise + offset


@pytest.mark.parametrize("offset", [0.0, 1e8])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_tight_clusters_far_apart(covariance_type: str, offset: float) -> None:
    X = tight_and_far(offset)
    near = tight_and_far(0.0)
    centres = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0]])
    # From wide components, so that second moments minus squared means would be nothing but rounding.
    begin = Mixture(np.full(3, 1 / 3), centres + offset, spread_out(1e4, 3, 2, covariance_type), covariance_type)
    end = Trace.record(em(X, begin), X, tol=0, max_iter=6)[-1].mixture
    groups = near.reshape(3, 20_000, 2)
    expected = np.stack([np.cov(group.T, bias=True) for group in groups])
    rounding = 1e-6 + 1e-16 * offset / 1e-4  # of the offset itself: 1e8 has a spacing of 1.5e-8 in double precision
    assert_allclose(end.weights, 1 / 3, rtol=1e-12)
    assert_allclose(end.means - offset, groups.mean(axis=1), atol=4 * np.spacing(max(offset, 1e3)))
    if covariance_type == "tied":
        assert_allclose(end.covariances, expected.mean(axis=0), rtol=rounding, atol=1e-8 * rounding)
    else:
        kept = covariance_type_of(covariance_type).from_dense(expected)
        assert_allclose(end.covariances, kept, rtol=rounding, atol=1e-8 * rounding)


@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_still_fails_there() -> None:
    """So that the claim of the docs stays true; if this fails, scikit-learn has mended it: say so there."""
    X = tight_and_far(1e8)
    centres = np.array([[0.0, 0.0], [1000.0, 0.0], [0.0, 1000.0]]) + 1e8
    given = {"means_init": centres, "weights_init": np.full(3, 1 / 3), "reg_covar": 0.0, "tol": 0.0, "max_iter": 6}
    truth = 1e-8
    found = {}
    for covariance_type in ("diag", "spherical"):
        precisions = spread_out(1e-4, 3, 2, covariance_type)
        model = sklearn.mixture.GaussianMixture(3, covariance_type=covariance_type, precisions_init=precisions, **given)
        try:
            found[covariance_type] = np.abs(model.fit(X).covariances_ / truth - 1).max()
        except ValueError:
            found[covariance_type] = np.inf
    assert min(found.values()) > 0.1


@pytest.mark.parametrize("covariance_type", TYPES)
def test_a_start_far_from_the_data(covariance_type: str) -> None:
    X = data("faithful")
    begin = Mixture([0.5, 0.5], X[:2] + 1e7, spread_out(1e14, 2, 2, covariance_type), covariance_type)
    shares = begin.responsibilities(X)
    expected = weighted_moments(X, shares, covariance_type)
    second = next(islice(em(X, begin), 1, None)).mixture
    assert_allclose(second.means, expected[1], rtol=1e-8)
    assert_allclose(second.covariances, expected[2], rtol=1e-8)


# --- shares ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shift", [0.0, -80.0, -600.0, -1e4, 600.0, 1e4])
def test_soften_is_normalise_for_columns(shift: float, dtype: Any) -> None:
    log_joint = (np.random.RandomState(0).standard_normal((4, 50)) * 5 + shift).astype(dtype)
    log_density, shares = normalise(log_joint.T.astype(np.float64))
    found, total = soften(log_joint.copy(), None)
    tolerance = 1e-12 if dtype == np.float64 else 2e-3
    assert found.dtype == dtype
    assert_allclose(found.T, shares, rtol=tolerance, atol=tolerance)
    assert_allclose(total, log_density.sum(), rtol=1e-12 if dtype == np.float64 else 1e-5)
    weights = np.linspace(0, 2, 50).astype(dtype)
    found, total = soften(log_joint.copy(), weights)
    assert_allclose(found.sum(axis=0), weights, rtol=tolerance, atol=1e-30)
    assert_allclose(total, weights @ log_density, rtol=1e-12 if dtype == np.float64 else 1e-5)


def test_soften_with_a_component_of_no_weight_and_with_no_number() -> None:
    log_joint = np.array([[0.0, -1000.0], [-np.inf, -np.inf]])
    shares, total = soften(log_joint, None)
    assert_array_equal(shares, [[1, 1], [0, 0]])
    assert total == -1000
    assert np.isnan(soften(np.array([[np.nan, 0.0], [0.0, 0.0]]), None)[1])


def test_harden_gives_ties_to_the_first() -> None:
    shares, total = harden(np.array([[1.0, 2.0, 0.0], [1.0, 3.0, -1.0]]), np.array([1.0, 2.0, 3.0]))
    assert_array_equal(shares, [[1, 0, 3], [0, 2, 0]])
    assert total == 1 + 6


# --- sums add up -------------------------------------------------------------------------------------------


def same(a: Statistics, b: Statistics, rtol: float = 1e-11) -> None:
    for field in fields(Statistics):
        mine, other = getattr(a, field.name), getattr(b, field.name)
        if field.name == "covariance_type":
            assert mine == other
        else:
            assert_allclose(mine, other, rtol=rtol, atol=rtol * np.abs(other).max(), err_msg=field.name)


@pytest.mark.parametrize("direct", [False, True], ids=["short", "direct"])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_statistics_of_parts_add_up_to_those_of_the_whole(covariance_type: str, direct: bool) -> None:
    X = data("iris")
    mixture = start(X, covariance_type, 3)
    whole = Samples(X)
    about = mixture.means if direct else None
    parts = [Samples(part, origin=whole.origin) for part in np.array_split(X, 3)]
    first, second, third = (part.expect(mixture.density, about) for part in parts)
    same(first + second + third, whole.expect(mixture.density, about))
    doubled = Samples(X, np.full(len(X), 2.0)).expect(mixture.density, about)
    same(whole.expect(mixture.density, about) * 2, doubled)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_moving_the_centres_changes_nothing(covariance_type: str) -> None:
    X = data("iris")
    mixture = start(X, covariance_type, 3)
    found = Samples(X).expect(mixture.density)
    moved = found.about(mixture.means + 0.3)
    for mine, other in zip(moved.moments(), found.moments(), strict=True):
        assert_allclose(mine, other, rtol=1e-10, atol=1e-12)
    same(moved, Samples(X).expect(mixture.density, mixture.means + 0.3))


@pytest.mark.parametrize("covariance_type", TYPES)
def test_blocks_and_threads_do_not_matter(covariance_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X = data("blocks")
    mixture = start(X, covariance_type)
    monkeypatch.setattr(threads, "THREADED", 1)
    with threadpool_limits(2):
        two = Samples(X).expect(mixture.density)
    with threadpool_limits(1):
        one = Samples(X).expect(mixture.density)
    same(two, one)
    monkeypatch.setattr(sweep, "CACHE", 1)
    same(Samples(X).expect(mixture.density), one)
    monkeypatch.setattr(sweep, "KEPT", 0)
    same(Samples(X).expect(mixture.density), one)


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_fits_in_several_threads_at_once_leave_the_machine_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREADED", 1)
    X, before = data("blocks"), blas_threads()
    mixture = start(X, "full")
    alone = Samples(X).expect(mixture.density)
    with ThreadPoolExecutor(4) as pool:
        for together in pool.map(lambda _: Samples(X).expect(mixture.density), range(8)):
            same(together, alone)
    assert blas_threads() == before


def _in_a_child(queue: Any) -> None:
    X = data("blocks")
    queue.put(Samples(X).expect(start(X, "diag").density).log_likelihood)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_fits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "THREADED", 1)
    X = data("blocks")
    here = Samples(X).expect(start(X, "diag").density).log_likelihood  # now the threads exist
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_in_a_child, args=(queue,))
    child.start()
    try:
        assert_allclose(queue.get(timeout=60), here, rtol=1e-12)
    finally:
        child.kill()
        child.join()


# --- what it refuses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "sample_weight", "message"),
    [
        ([0.0, 1.0], None, r"must have shape \(n_samples, n_features\)"),
        ([[0.0], [np.nan]], None, "NaN or infinity, the first of them row 1"),
        ([[0.0], [1.0]], [1.0], r"sample_weight must have shape \(2,\)"),
        ([[0.0], [1.0]], [1.0, -1.0], "none negative"),
        ([[0.0], [1.0]], [0.0, 0.0], "not all 0"),
    ],
)
def test_samples_say_what_is_wrong(X: Any, sample_weight: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Samples(X, sample_weight)


# --- sample weights, in the estimators ---------------------------------------------------------------------


@pytest.mark.parametrize("covariance_type", TYPES)
def test_a_weight_is_a_number_of_copies(covariance_type: str) -> None:
    X = data("iris")
    copies = np.random.RandomState(0).randint(0, 4, len(X))
    begin = start(X, covariance_type, 3)
    options: dict[str, Any] = {"covariance_type": covariance_type, "init_params": begin, "max_iter": 30}
    weighted = GaussianMixture(3, **options).fit(X, sample_weight=copies)
    repeated = np.repeat(X, copies, axis=0)
    copied = GaussianMixture(3, **options).fit(repeated)
    assert_allclose(weighted.means_, copied.means_, rtol=1e-9)
    assert_allclose(weighted.covariances_, copied.covariances_, rtol=1e-9, atol=1e-12)
    assert_allclose(weighted.lower_bounds_, copied.lower_bounds_, rtol=1e-10)
    assert_allclose(weighted.score(X, sample_weight=copies), copied.score(repeated), rtol=1e-10)
    for criterion in ("aic", "bic", "icl"):
        mine = getattr(weighted, criterion)(X, sample_weight=copies)
        assert_allclose(mine, getattr(copied, criterion)(repeated), rtol=1e-10)


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("covariance_type", ["full", "spherical"])
def test_a_weight_of_zero_is_no_sample(covariance_type: str, init_params: str) -> None:
    X = data("iris").copy()
    weights = np.random.RandomState(0).randint(0, 3, len(X)).astype(float)
    options: dict[str, Any] = {"covariance_type": covariance_type, "init_params": init_params, "random_state": 0}
    present = weights > 0
    without = GaussianMixture(3, max_iter=200, **options).fit(X[present], sample_weight=weights[present])
    X[~present] = 1e200  # whatever stands in such a row
    with_zeros = GaussianMixture(3, max_iter=200, **options).fit(X, sample_weight=weights)
    assert_array_equal(with_zeros.means_, without.means_)
    assert with_zeros.n_iter_ == without.n_iter_


def test_doubling_all_weights_doubles_the_log_likelihood_alone() -> None:
    X = data("faithful")
    weights = np.random.RandomState(0).uniform(0.5, 2, len(X))
    once, twice = (GaussianMixture(2, random_state=0).fit(X, sample_weight=c * weights) for c in (1, 2))
    assert_allclose(twice.means_, once.means_, rtol=1e-10)
    assert_allclose(twice.trace_.objective, 2 * once.trace_.objective, rtol=1e-10)
    assert_allclose(twice.lower_bound_, once.lower_bound_, rtol=1e-10)


def test_weights_that_make_no_sense() -> None:
    X = data("faithful")
    for weights in (-np.ones(272), np.ones(271), np.full(272, np.nan)):
        with pytest.raises(ValueError, match=r"[Nn]egative|shape|NaN"):
            GaussianMixture(2, random_state=0).fit(X, sample_weight=weights)


# --- starts that are given ---------------------------------------------------------------------------------


def test_a_start_can_be_labels_responsibilities_a_mixture_or_a_function() -> None:
    X, labels = load_iris(return_X_y=True)
    by_labels = GaussianMixture(3, init_params=labels).fit(X)
    by_names = GaussianMixture(3, init_params=np.array(["a", "b", "c"])[labels]).fit(X)
    by_shares = GaussianMixture(3, init_params=np.eye(3)[labels]).fit(X)
    by_mixture = GaussianMixture(3, init_params=by_labels.trace_[0].mixture).fit(X)
    by_function = GaussianMixture(3, init_params=lambda X, n_components, random_state: labels).fit(X)
    assert_allclose(by_labels.trace_.means[0], [X[labels == k].mean(axis=0) for k in range(3)])
    for other in (by_names, by_shares, by_mixture, by_function):
        assert_allclose(other.trace_.objective, by_labels.trace_.objective, rtol=1e-12)


def test_a_mixture_of_another_type_gives_its_responsibilities() -> None:
    X = data("iris")
    full = GaussianMixture(3, random_state=0).fit(X)
    diag = GaussianMixture(3, covariance_type="diag", init_params=full.mixture_, reg_covar=0).fit(X)
    expected = m_step(X, full.predict_proba(X), "diag")
    assert_allclose(diag.trace_.covariances[0], expected[2])


@pytest.mark.parametrize(
    ("init_params", "message"),
    [
        (np.zeros(150, dtype=int), "hold 1 different ones, but there are 3 components"),
        (np.ones((150, 2)), r"or responsibilities, of shape \(150, 3\)"),
        (np.full((150, 3), 0.5), "their rows must sum to 1"),
        (Mixture([1.0], [[0.0]], [1.0], "spherical"), "has 1 components and 1 features, but 3 and 4 are wanted"),
        ("kmean", "init_params"),
    ],
)
def test_a_start_that_does_not_fit(init_params: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GaussianMixture(3, init_params=init_params).fit(data("iris"))
