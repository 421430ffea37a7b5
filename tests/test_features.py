"""Features and natural parameters are the Gaussian's; the short form keeps the digits it promises, and its memory."""

from __future__ import annotations

import multiprocessing
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_info, threadpool_limits

from gmmteach import GaussianMixture, Mixture, e_step, em, m_step
from gmmteach.covariance import covariance_type_of
from gmmteach.em import maximise
from gmmteach.features import FEATURES
from gmmteach.mixture import Density
from gmmteach.statistics import Samples, Statistics, largest_terms

Long = np.longdouble
extended = pytest.mark.skipif(np.finfo(Long).eps >= np.finfo(float).eps, reason="no extended precision on this machine")


def correlated(n_samples: int, n_features: int, seed: int = 0) -> tuple[Any, Any]:
    """Four groups of one shape, with units that differ e⁴-fold; and the covariance of a group."""
    rng = np.random.RandomState(seed)
    axes = rng.standard_normal((n_features, n_features)) * np.exp(rng.uniform(-2, 2, n_features))
    centres = rng.standard_normal((4, n_features))
    X = (centres[np.arange(n_samples) % 4] + 0.01 * rng.standard_normal((n_samples, n_features))) @ axes.T
    return X, axes @ axes.T


def shaped(covariance: Any, covariance_type: str, factors: Any = (1.0, 1.2, 1.4, 1.6)) -> Any:
    """The covariance, a little larger from component to component, in the type's shape."""
    sizes = np.asarray(factors)
    return {
        "full": sizes[:, np.newaxis, np.newaxis] * covariance,
        "tied": covariance,
        "diag": np.outer(sizes, np.diag(covariance)),
        "spherical": sizes * np.diag(covariance).mean(),
    }[covariance_type]


# --- features ----------------------------------------------------------------------------------------------


def features_of(X: Any, covariance_type: str) -> Any:
    """The table at the top of `features.py`: 1, x and the squares, one row a feature."""
    features, n_features = FEATURES[covariance_type], X.shape[1]
    phi = np.ones((features.count(n_features), len(X)))
    phi[1 : 1 + n_features] = X.T
    features.write_squares(np.ascontiguousarray(X.T), phi[1 + n_features :])
    return phi


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 5])
def test_the_number_of_features_is_that_of_the_table(n_features: int) -> None:
    counts = {name: features.count(n_features) for name, features in FEATURES.items()}
    d = n_features
    assert counts == {"full": 1 + d + d * (d + 1) // 2, "tied": 1 + d, "diag": 1 + 2 * d, "spherical": 2 + d}


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 5])
def test_log_densities_are_linear_in_the_features(n_features: int, covariance_type: str) -> None:
    """Natural parameters times features is SciPy's log density; for 'tied', but for -½ xᵀΛx."""
    X, covariance = correlated(40, n_features)
    mixture = Mixture([0.1, 0.2, 0.3, 0.4], X[:4], shaped(covariance, covariance_type), covariance_type)
    features, density = FEATURES[covariance_type], mixture.density
    precisions = features.precisions(density.precisions_cholesky)
    theta = features.natural_parameters(density.log_constants, density.means, precisions)
    log_joint = theta @ features_of(X, covariance_type)
    if covariance_type == "tied":
        log_joint -= 0.5 * np.einsum("nd,de,ne->n", X, precisions, X)
    for k, (weight, mean) in enumerate(zip(mixture.weights, mixture.means, strict=True)):
        expected = np.log(weight) + multivariate_normal(mean, mixture.dense_covariances[k]).logpdf(X)
        assert_allclose(log_joint[k], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 5])
def test_sums_of_squares_are_read_as_they_were_written(n_features: int, covariance_type: str) -> None:
    X, _ = correlated(40, n_features)
    shares = np.random.RandomState(1).uniform(size=(3, 40))
    sums = shares @ features_of(X, covariance_type).T
    read = FEATURES[covariance_type].read_squares(sums[:, 1 + n_features :], n_features)
    squares = np.einsum("kn,nd,ne->kde", shares, X, X)
    expected = {
        "full": squares,
        "tied": np.zeros((n_features, n_features)),  # those of all the data are added elsewhere
        "diag": np.einsum("kdd->kd", squares),
        "spherical": np.einsum("kdd->k", squares) / n_features,
    }[covariance_type]
    assert_allclose(read, expected, rtol=1e-12)


@pytest.mark.parametrize("reaches", [1, 4], ids=["one reach", "one for each component"])
def test_the_magnitude_is_the_sum_of_absolute_terms(reaches: int, covariance_type: str) -> None:
    X, covariance = correlated(40, 3)
    mixture = Mixture(np.full(4, 0.25), X[:4], shaped(covariance, covariance_type), covariance_type)
    reach = np.random.RandomState(0).uniform(1, 9, (reaches, 3))
    features = FEATURES[covariance_type]
    dense = np.abs(np.linalg.inv(mixture.dense_covariances))
    expected = max(
        sum(matrix[d, e] * r[d] * r[e] for d in range(3) for e in range(3))
        for matrix, r in zip(dense, np.broadcast_to(reach, (4, 3)), strict=True)
    )
    assert_allclose(features.magnitude(features.precisions(mixture.precisions_cholesky), reach), expected, rtol=1e-9)


# --- digits ------------------------------------------------------------------------------------------------


def exact_log_joint(density: Density, X: Any) -> Any:
    """In extended precision, differences first, from the factors as they are stored; (n_components, n_samples)."""
    log_joint = []
    for k, mean in enumerate(density.means.astype(Long)):
        factor = density.precisions_cholesky if density.covariance_type == "tied" else density.precisions_cholesky[k]
        difference = X.astype(Long) - mean
        matrix = density.covariance_type in ("full", "tied")
        white = difference @ factor.astype(Long) if matrix else difference * factor.astype(Long)
        log_joint.append(Long(density.log_constants[k]) - np.square(white).sum(axis=1) / 2)
    return np.array(log_joint)


def exact_log_sum(log_joint: Any) -> Any:
    largest = log_joint.max(axis=0)
    return largest + np.log(np.exp(log_joint - largest).sum(axis=0))


def magnitude(samples: Samples, density: Density) -> float:
    """M, at the top of `statistics.py`."""
    features = FEATURES[density.covariance_type]
    reach = np.maximum(samples.reach, np.abs(density.means - samples.origin).max(axis=0))
    return features.magnitude(features.precisions(density.precisions_cholesky), reach[np.newaxis])


def density_maker(X: Any, covariance: Any, covariance_type: str) -> tuple[Samples, Callable[[float], Density]]:
    """The samples, and a function that gives a density whose M is so many times the limit of the short form."""
    samples = Samples(X)

    def tighter(factor: float) -> Density:
        covariances = (shaped(covariance, covariance_type) / factor).astype(X.dtype)
        return Mixture(np.full(4, 0.25, X.dtype), X[:4].copy(), covariances, covariance_type).density

    factor = largest_terms(X.dtype) / magnitude(samples, tighter(1.0))  # M is linear in the precisions
    return samples, lambda share: tighter(share * factor)


@extended
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_features", [1, 2, 4, 10, 32, 47])
def test_just_below_the_switch_the_digits_are_those_promised(n_features: int, dtype: Any, covariance_type: str) -> None:
    """Log densities are off by a few eps · M, with M = eps^(-1/3): by 3e-10 nats in double precision.

    Measured, both for 47 features: at most 4.6 eps · M in double and 30 in single precision, where the product itself
    is summed in single precision. Higham's bound, the number of terms times eps times the sum of their absolute
    values, allows far more.
    """
    X, covariance = correlated(400, n_features)
    samples, tightened = density_maker(X.astype(dtype), covariance, covariance_type)
    assert samples.short_form(tightened(1.01)) is None
    density = tightened(0.99)
    theta, terms = samples.short_form(density), magnitude(samples, density)
    assert theta is not None
    assert terms == pytest.approx(0.99 * largest_terms(dtype), rel=0.005)
    z = samples.X - samples.origin
    log_joint = theta @ features_of(z, covariance_type).astype(dtype)
    if covariance_type == "tied":
        precision = FEATURES["tied"].precisions(density.precisions_cholesky)
        log_joint = log_joint - 0.5 * np.einsum("nd,de,ne->n", z.astype(Long), precision.astype(Long), z.astype(Long))
    exact, eps = exact_log_joint(density, samples.X), float(np.finfo(dtype).eps)
    error = float(np.abs(log_joint - exact).max())
    in_single = 20 if n_features <= 32 else 50
    assert error <= (8 if dtype == np.float64 else in_single) * eps * terms
    absolute = 2 * terms + np.abs(density.log_constants).max()
    assert error <= len(theta[0]) * eps * absolute
    # and so does their sum over samples and components, which is what a trace shows
    found = samples.expect(density)
    assert found.log_likelihood == pytest.approx(float(exact_log_sum(exact).sum()), abs=len(X) * eps * terms)
    assert_array_equal(found.centres, 0)  # it was the short form that ran


@extended
@pytest.mark.parametrize("tightness", [1.01, 1e4, 1e8])
def test_above_the_switch_the_direct_form_keeps_them(tightness: float, covariance_type: str) -> None:
    X, covariance = correlated(400, 4)
    samples, tightened = density_maker(X, covariance, covariance_type)
    density = tightened(tightness)
    assert samples.short_form(density) is None
    found = samples.expect(density)
    assert_array_equal(found.centres, density.means)  # it was the direct form that ran
    exact = float(exact_log_sum(exact_log_joint(density, X)).sum())
    assert found.log_likelihood == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("n_components", [1, 4])
def test_where_a_component_has_many_features_the_direct_form_is_taken(n_components: int, covariance_type: str) -> None:
    def short(n_features: int) -> bool:
        X = np.random.RandomState(0).standard_normal((80, n_features))
        covariances = shaped(np.eye(n_features), covariance_type, np.ones(n_components))
        mixture = Mixture(np.full(n_components, 1 / n_components), X[:n_components], covariances, covariance_type)
        return Samples(X).short_form(mixture.density) is not None

    widest = {  # the features of the table at the top of `features.py`, at most 300 a component
        "full": {1: 23, 4: 47},
        "tied": {1: 299, 4: 1199},
        "diag": {1: 149, 4: 599},
        "spherical": {1: 298, 4: 1198},
    }[covariance_type][n_components]
    assert short(widest)
    assert not short(widest + 1)


@pytest.mark.parametrize("share", [0.99, 1.01])
def test_keep_digits_stops_at_the_same_limit(share: float, covariance_type: str) -> None:
    """Variances of 1 in two features, and mean squares r² of the sums about their origin: M = 2 r²."""
    unit = shaped(np.eye(2), covariance_type, (1.0, 1.0))
    density = Mixture([0.5, 0.5], np.zeros((2, 2)), unit, covariance_type).density
    counts, nothing = np.array([10.0, 30.0]), np.zeros((2, 2))
    squares = covariance_type_of(covariance_type).scatter_of(unit * share * largest_terms(float) / 2, counts)
    statistics = Statistics(covariance_type, np.zeros(2), nothing, counts, nothing, squares, 0.0)
    assert statistics.keep_digits(density) == (share < 1)


def test_terms_that_overflow_are_too_large() -> None:
    X = np.array([[0.0], [1.0], [1e200]])
    samples = Samples(X)
    with np.errstate(over="ignore"):
        assert samples.short_form(Mixture([1.0], [[0.5]], [1.0], "spherical").density) is None


# --- tight clusters far apart, and far from the origin -----------------------------------------------------

CENTRES = np.array([[0.0, 0.0], [1e3, 0.0], [0.0, 1e3]])


def clusters(sigma: float, offset: float) -> tuple[Any, Any]:
    """60,000 rows, three correlated clusters a thousand apart; and the same without the offset, exactly."""
    noise = np.random.RandomState(0).standard_normal((60_000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    X = np.repeat(CENTRES, 20_000, axis=0) + sigma * noise + offset
    return X, X.astype(Long) - Long(offset)


def moments_of(Z: Any, covariance_type: str) -> tuple[Any, Any]:
    """Means and covariances of each cluster, in extended precision."""
    groups = Z.reshape(3, -1, 2)
    means = groups.mean(axis=1)
    full = np.stack([(g - m).T @ (g - m) / len(g) for g, m in zip(groups, means, strict=True)])
    kept = {
        "full": full,
        "tied": full.mean(axis=0),
        "diag": np.diagonal(full, axis1=1, axis2=2),
        "spherical": np.trace(full, axis1=1, axis2=2) / 2,
    }[covariance_type]
    return means, kept


def off_by(model: Any, X: Any, Z: Any, offset: float) -> dict[str, float]:
    """How far a fitted model is from the clusters: its covariances, and the density it gives them, relative."""
    _, covariances = moments_of(Z, model.covariance_type)
    found = Mixture(model.weights_, model.means_, model.covariances_, model.covariance_type)
    heights = exact_log_sum(exact_log_joint(found.density, X))
    return {
        "covariance": float(np.abs(model.covariances_ - covariances).max() / np.abs(covariances).max()),
        "density": float(np.abs(model.score_samples(X) - heights).max()),
    }


def fitted(estimator: Any, X: Any, sigma: float, offset: float, covariance_type: str) -> Any:
    """From the right centres and ten times the right width, so that nothing but arithmetic can fail."""
    precision = shaped(np.eye(2) / (10 * sigma) ** 2, covariance_type, (1.0, 1.0, 1.0))
    return estimator(
        3,
        covariance_type=covariance_type,
        reg_covar=0,
        max_iter=50,
        weights_init=np.full(3, 1 / 3),
        means_init=CENTRES + offset,
        precisions_init=precision,
    ).fit(X)


EXTREMES = {"tight": (1e-4, 0.0), "far": (1.0, 1e8), "tight and far": (1e-4, 1e8)}


@extended
@pytest.mark.parametrize("extreme", EXTREMES)
def test_the_covariances_of_tight_and_far_clusters(extreme: str, covariance_type: str) -> None:
    sigma, offset = EXTREMES[extreme]
    X, Z = clusters(sigma, offset)
    model = fitted(GaussianMixture, X, sigma, offset, covariance_type)
    means, _ = moments_of(Z, covariance_type)
    spacing = np.spacing(max(offset, 1e3))  # how finely a mean can be stored at all
    assert_allclose((model.means_.astype(Long) - Long(offset)).astype(float), means.astype(float), atol=8 * spacing)
    off = off_by(model, X, Z, offset)
    # A mean that is off by its spacing costs the square of that, in units of the variance.
    assert off["covariance"] < 1e-9 + 64 * (spacing / sigma) ** 2
    assert off["density"] < 1e-9
    assert_allclose(model.weights_, 1 / 3, rtol=1e-12)


# What scikit-learn gets wrong, and by how much at least: of the covariance, relative; of the log density, in nats.
THEIRS = {
    ("tight", "full"): None,
    ("tight", "tied"): ("covariance", 0.1),
    ("tight", "diag"): ("covariance", 0.1),
    ("tight", "spherical"): ("covariance", 0.1),
    ("far", "full"): ("density", 1e-8),
    ("far", "tied"): ("covariance", 0.1),
    ("far", "diag"): ("covariance", 0.1),
    ("far", "spherical"): ("covariance", 0.1),
    ("tight and far", "full"): ("density", 1e-4),
    ("tight and far", "tied"): ("covariance", 0.1),
    ("tight and far", "diag"): ("covariance", 0.1),
    ("tight and far", "spherical"): ("covariance", 0.1),
}


@extended
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("extreme", EXTREMES)
def test_scikit_learn_fails_there(extreme: str, covariance_type: str) -> None:
    """If this fails, scikit-learn has mended it: rejoice, and change what the docs say of it."""
    sigma, offset = EXTREMES[extreme]
    X, Z = clusters(sigma, offset)
    what = THEIRS[extreme, covariance_type]
    try:
        model = fitted(sklearn.mixture.GaussianMixture, X, sigma, offset, covariance_type)
    except ValueError:  # an ill-defined empirical covariance, it says
        assert what is not None
        return
    off = off_by(model, X, Z, offset)
    if what is None:  # here it does well, and we do not say otherwise
        assert off["covariance"] < 1e-6
    else:
        assert off[what[0]] > what[1]


# --- the same as the textbook, where it is hard ------------------------------------------------------------


def textbook(X: Any, mixture: Mixture, sample_weight: Any = None) -> Iterator[tuple[Mixture, float]]:
    weights = np.ones(len(X), X.dtype) if sample_weight is None else sample_weight
    while True:
        yield mixture, float(weights.astype(float) @ mixture.log_density(X))
        shares = e_step(X, mixture.weights, mixture.means, mixture.covariances, mixture.covariance_type)
        mixture = Mixture(*m_step(X, shares * weights[:, np.newaxis], mixture.covariance_type), mixture.covariance_type)


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", ["faithful", "iris", "penguins", "overlapping"])
def test_em_is_the_textbook_in_single_precision(
    load: Any, rough_start: Any, name: str, covariance_type: str, weighted: bool
) -> None:
    X = load(name).astype(np.float32)
    sample_weight = np.random.RandomState(0).uniform(0, 3, len(X)).astype(np.float32) if weighted else None
    start = rough_start(X, 3, covariance_type)
    ours = islice(em(X, start, sample_weight=sample_weight), 13)
    for snapshot, (mixture, log_likelihood) in zip(ours, textbook(X, start, sample_weight), strict=False):
        assert snapshot.mixture.means.dtype == snapshot.mixture.covariances.dtype == np.float32
        assert_allclose(snapshot.objective, log_likelihood, rtol=3e-5)
        for part in ("weights", "means", "covariances"):
            mine, theirs = getattr(snapshot.mixture, part), getattr(mixture, part)
            assert_allclose(mine, theirs, rtol=0, atol=5e-4 * np.abs(theirs).max())


@extended
@pytest.mark.parametrize(
    ("shift", "offset"),
    [
        *((shift, offset) for shift in (0.1, 300.0) for offset in (0.0, 1e8)),
        (100.0, 0.0),
        (10.0, 1e8),
        (100.0, 1e8),
    ],
)
def test_covariances_are_right_where_the_means_move_far(shift: float, offset: float) -> None:
    """Clusters a ten-thousandth wide, and means that begin some widths away, as a rough start's do.

    From 300 widths on, `keep_digits` has the sums taken again.
    """
    sigma = 1e-4
    X, Z = clusters(sigma, offset)
    width = np.full(3, (sigma * max(shift, 1)) ** 2)
    start = Mixture(np.full(3, 1 / 3), CENTRES + offset + sigma * shift, width, "spherical")
    samples = Samples(X)
    after = maximise(samples, start, samples.expect(start.density), 0.0)
    means, covariances = moments_of(Z, "spherical")
    rounding = 8 * np.spacing(max(offset, 1e3))
    assert_allclose((after.means.astype(Long) - Long(offset)).astype(float), means.astype(float), atol=rounding)
    allowed = 1e-8 if offset == 0 else 1e-4  # the textbook's own error there is up to 1e-4
    assert_allclose(after.covariances, covariances.astype(float), rtol=allowed)


# --- threads and processes ---------------------------------------------------------------------------------


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads, and no sweep too small for them."""
    monkeypatch.setattr("gmmteach.threads.THREADED", 1)
    with threadpool_limits(2):
        yield


def many(n_features: int = 3) -> Any:
    """Enough for many blocks and two threads."""
    rng = np.random.RandomState(0)
    return rng.standard_normal((60_000, n_features)) + 4 * rng.randint(-1, 2, (60_000, 1))


def run(X: Any, start: Mixture, n_iterations: int = 4) -> list[Any]:
    return [snapshot for snapshot in islice(em(X, start), n_iterations + 1)]


@pytest.mark.parametrize("n_features", [3, 33], ids=["short", "direct"])
@pytest.mark.usefixtures("two_threads")
def test_two_threads_give_the_trace_of_one(rough_start: Any, n_features: int, covariance_type: str) -> None:
    X = many(n_features)[: 60_000 if n_features == 3 else 12_000]
    start = rough_start(X, 3, covariance_type)
    traces = [run(X, start)]
    assert set(blas_threads()) == {2}  # given back as they were
    with threadpool_limits(1):
        traces.append(run(X, start))
        assert set(blas_threads()) == {1}
    for two, one in zip(*traces, strict=True):
        assert_allclose(two.objective, one.objective, rtol=1e-12)
        for part in ("weights", "means", "covariances"):
            mine, theirs = getattr(two.mixture, part), getattr(one.mixture, part)
            assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12 * np.abs(theirs).max())


@pytest.mark.usefixtures("two_threads")
def test_fits_of_every_kind_at_once_are_each_right(rough_start: Any) -> None:
    X, types = many(), tuple(FEATURES)
    starts = [rough_start(X, 3, covariance_type) for covariance_type in types]
    alone = [run(X, start) for start in starts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda start: run(X, start), starts * 2))
    assert set(blas_threads()) == {2}
    for mine, theirs in zip(together, alone * 2, strict=True):
        assert [a.objective for a in mine] == [b.objective for b in theirs]


@pytest.mark.usefixtures("two_threads")
def test_an_error_within_a_sweep_gives_the_threads_back(monkeypatch: pytest.MonkeyPatch, rough_start: Any) -> None:
    def fail(*_: Any) -> Any:
        raise MemoryError("no room")

    X = many()
    start = rough_start(X, 3, "full")
    with monkeypatch.context() as broken:
        broken.setattr("gmmteach.statistics.soften", fail)
        with pytest.raises(MemoryError, match="no room"):
            run(X, start)
    assert set(blas_threads()) == {2}
    run(X, start, 1)  # and nothing waits for a lock


def _fit_in_a_child(queue: Any, start: Mixture) -> None:
    before = blas_threads()
    end = run(many(), start)[-1]
    queue.put((end.objective, before == blas_threads()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("meanwhile", [False, True], ids=["after a fit", "in the middle of one"])
def test_a_forked_child_fits_and_leaves_the_threads_alone(rough_start: Any, meanwhile: bool) -> None:
    context, enough = multiprocessing.get_context("fork"), Event()
    queue: Any = context.Queue()
    X = many()
    start = rough_start(X, 3, "full")

    def keep_busy() -> None:
        while not enough.is_set():
            run(X, start, 1)

    here = run(X, start)[-1].objective  # now the pool of threads exists
    other = Thread(target=keep_busy)
    if meanwhile:
        other.start()
    child = context.Process(target=_fit_in_a_child, args=(queue, start))
    try:
        child.start()
        assert queue.get(timeout=30) == (pytest.approx(here, rel=1e-12), True)
    finally:
        enough.set()
        child.kill()
        child.join()
        if meanwhile:
            other.join()
    assert set(blas_threads()) == {2}


# --- memory ------------------------------------------------------------------------------------------------


def peak_of(fit: Callable[[], object]) -> int:
    """The most bytes that were in use at one time, besides those that were there before."""
    tracemalloc.start()
    try:
        fit()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_a_million_samples_take_a_third_of_their_own_room_besides(kind: str) -> None:
    """Peak memory is under 1.3 times the data, the data themselves counted."""
    X = np.random.RandomState(0).standard_normal((1_000_000, 2))
    start = Mixture(np.full(8, 1 / 8), X[:8], shaped(np.eye(2), kind, np.ones(8)), kind)
    assert peak_of(lambda: run(X, start, 2)) < 0.3 * X.nbytes


def million() -> Any:
    return np.random.RandomState(0).standard_normal((1_000_000, 2))


def room_of_a_fit(X: Any, **options: Any) -> float:
    """Memory that a fit takes at its peak, in terms of the data."""
    return peak_of(lambda: GaussianMixture(8, max_iter=2, random_state=0, **options).fit(X)) / X.nbytes


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_of_a_million_samples_takes_no_more_room() -> None:
    X = million()
    given = {"weights_init": np.full(8, 1 / 8), "means_init": X[:8], "precisions_init": np.stack([np.eye(2)] * 8)}
    assert room_of_a_fit(X, **given) < 0.3
    assert room_of_a_fit(X, init_params="random") < 0.3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_start_from_k_means_takes_what_scikit_learns_k_means_takes() -> None:
    X = million()
    theirs = peak_of(lambda: KMeans(8, n_init=1, random_state=0).fit(X)) / X.nbytes
    assert room_of_a_fit(X, init_params="kmeans") < theirs + 0.3
