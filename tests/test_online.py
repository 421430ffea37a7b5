"""Online EM: batches come, are looked at once, and go.

What one batch does is EM; with a = 1 and fixed parameters a stream is a plain average; and on streams of enough data
the end is as good as that of a fit of everything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.base import clone

from gmmteach import GaussianMixture, Mixture, Trace, datasets, e_step, em, m_step
from gmmteach.covariance import CollapseError
from gmmteach.missing import Incomplete
from gmmteach.online import FORGETTING, OBJECTIVE, learn, online_em, remembered
from gmmteach.statistics import Samples, Statistics


def cut(X: Any, n_batches: int, seed: int | None = 0) -> list[Any]:
    """The data in batches, shuffled: online EM is for streams whose batches are alike."""
    order = np.arange(len(X)) if seed is None else np.random.RandomState(seed).permutation(len(X))
    return np.array_split(X[order], n_batches)


def assert_same(one: Mixture, other: Mixture, rtol: float = 1e-9) -> None:
    assert one.covariance_type == other.covariance_type
    size = np.abs(other.means).max()
    assert_allclose(one.weights, other.weights, rtol=rtol)
    assert_allclose(one.means, other.means, rtol=rtol, atol=rtol * size)
    assert_allclose(one.covariances, other.covariances, rtol=100 * rtol, atol=rtol * size**2)


class Fixed:
    """Data whose responsibilities do not depend on the mixture: what a stream averages can be seen."""

    def __init__(self, X: Any, responsibilities: Any, sample_weight: Any = None) -> None:
        self.X = X
        self.sample_weight = np.ones(len(X)) if sample_weight is None else sample_weight
        self.responsibilities = responsibilities * self.sample_weight[:, np.newaxis]
        self.largest = np.abs(X).max(axis=0)
        self.total_weight = float(self.sample_weight.sum())

    def short_form(self, density: Any) -> None:
        return None

    def expect(self, density: Any, about: Any = None) -> Statistics:
        centres, shares = density.means, self.responsibilities
        from_centres = self.X[:, np.newaxis] - centres
        squares = np.einsum("nk,nkd,nke->kde", shares, from_centres, from_centres)
        squares = {
            "full": squares,
            "tied": squares.sum(axis=0),
            "diag": np.diagonal(squares, axis1=1, axis2=2),
            "spherical": np.trace(squares, axis1=1, axis2=2) / self.X.shape[1],
        }[density.covariance_type]
        origin, sums = np.zeros(self.X.shape[1]), np.einsum("nk,nkd->kd", shares, from_centres)
        return Statistics(density.covariance_type, origin, centres, shares.sum(axis=0), sums, squares, 0.0)


# --- one batch --------------------------------------------------------------------------------------------


def test_the_first_batch_is_one_step_of_em(X: Any, covariance_type: str, rough_start: Any) -> None:
    start = rough_start(X, 3, covariance_type)
    learned, seen = learn(start, Samples(X), 0)
    assert seen == len(X)
    assert_same(learned, list(islice(em(X, start), 2))[1].mixture)
    responsibilities = e_step(X, start.weights, start.means, start.covariances, covariance_type)
    assert_same(learned, Mixture(*m_step(X, responsibilities, covariance_type), covariance_type))


def test_the_first_batch_keeps_its_digits(covariance_type: str) -> None:
    """Tight clusters far apart, from a wide start: where `em` takes the sums again about the new means."""
    rng = np.random.RandomState(0)
    X = np.vstack([1e-4 * rng.standard_normal((3000, 2)), 1e3 + 1e-4 * rng.standard_normal((3000, 2))])
    wide = {"full": np.stack([np.eye(2)] * 2), "tied": np.eye(2), "diag": np.ones((2, 2)), "spherical": np.ones(2)}
    start = Mixture([0.5, 0.5], [[100.0, 100.0], [900.0, 900.0]], 1e4 * wide[covariance_type], covariance_type)
    expected = list(islice(em(X, start), 2))[1].mixture
    learned, _ = learn(start, Samples(X), 0)
    assert_allclose(learned.covariances, expected.covariances, rtol=1e-6, atol=1e-12)


def test_a_mixture_is_all_there_is_to_remember(covariance_type: str, rough_start: Any, load: Any) -> None:
    mixture = rough_start(load("iris"), 3, covariance_type)
    for reg_covar in (0.0, 1e-3):
        weights, means, covariances = remembered(mixture, reg_covar).parameters(reg_covar)
        assert_same(Mixture(weights, means, covariances, covariance_type), mixture, rtol=1e-12)


def test_the_step_is_the_share_of_the_batch(covariance_type: str, rough_start: Any, load: Any) -> None:
    """s ← (1 - γ) s + γ s(batch) in plain moments, with γ = (w / W)^a."""
    X = load("iris")
    mixture = rough_start(X, 2, covariance_type)
    batch, seen, exponent = X[::4], 200.0, 0.7
    rate = (len(batch) / (200 + len(batch))) ** exponent
    shares = mixture.responsibilities(batch)
    counts = rate * shares.mean(axis=0) + (1 - rate) * mixture.weights
    sums = rate * shares.T @ batch / len(batch) + (1 - rate) * mixture.weights[:, np.newaxis] * mixture.means
    old = mixture.dense_covariances + mixture.means[:, :, np.newaxis] * mixture.means[:, np.newaxis]
    second = rate * np.einsum("nk,nd,ne->kde", shares, batch, batch) / len(batch)
    second += (1 - rate) * mixture.weights[:, np.newaxis, np.newaxis] * old
    means = sums / counts[:, np.newaxis]
    scatters = second - counts[:, np.newaxis, np.newaxis] * means[:, :, np.newaxis] * means[:, np.newaxis]
    each = scatters / counts[:, np.newaxis, np.newaxis]
    covariances = {
        "full": each,
        "tied": scatters.sum(axis=0),
        "diag": np.diagonal(each, axis1=1, axis2=2),
        "spherical": np.trace(each, axis1=1, axis2=2) / 4,
    }[covariance_type]
    learned, total = learn(mixture, Samples(batch), seen, exponent=exponent)
    assert total == 200 + len(batch)
    assert_same(learned, Mixture(counts, means, covariances, covariance_type))


@pytest.mark.parametrize("sizes", [(50, 50, 50), (10, 130, 10), (97, 3, 50)])
def test_with_exponent_1_and_fixed_shares_a_stream_is_an_average(
    sizes: tuple[int, ...], covariance_type: str, rough_start: Any, load: Any
) -> None:
    """Nothing is forgotten, whatever the sizes and the order of the batches: the M-step of all samples at once."""
    X = load("iris")
    responsibilities = np.random.RandomState(0).dirichlet([1, 2, 3], len(X))
    expected = Mixture(*m_step(X, responsibilities, covariance_type), covariance_type)
    edges = np.cumsum((0, *sizes))
    batches = [Fixed(X[a:b], responsibilities[a:b]) for a, b in pairwise(edges)]
    for order in (batches, batches[::-1]):
        mixture, seen = rough_start(X, 3, covariance_type), 0.0
        for batch in order:
            mixture, seen = learn(mixture, batch, seen, exponent=1)
        assert seen == len(X)
        assert_same(mixture, expected)


def test_regularisation_is_added_once(covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load("iris")
    responsibilities = np.random.RandomState(0).dirichlet([1, 2, 3], len(X))
    mixture, seen = rough_start(X, 3, covariance_type), 0.0
    for _ in range(25):
        mixture, seen = learn(mixture, Fixed(X, responsibilities), seen, reg_covar=0.1)
    assert_same(mixture, Mixture(*m_step(X, responsibilities, covariance_type, 0.1), covariance_type))


def test_whole_weights_are_repeated_rows(covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load("iris")
    start = rough_start(X, 3, covariance_type)
    weights = np.random.RandomState(1).randint(0, 4, len(X))
    for seen in (0.0, 70.0):
        weighted, total = learn(start, Samples(X, weights), seen)
        repeated, count = learn(start, Samples(np.repeat(X, weights, axis=0)), seen)
        assert total == count == seen + weights.sum()
        assert_same(weighted, repeated)


@pytest.mark.parametrize("exponent", [0.5, 0, -1, 1.01, np.nan])
def test_exponents_out_of_range_are_refused(exponent: float, rough_start: Any, load: Any) -> None:
    X = load("faithful")
    with pytest.raises(ValueError, match=r"exponent is .* above 0\.5 and at most 1"):
        learn(rough_start(X, 2, "full"), Samples(X), 0, exponent=exponent)


# --- streams ----------------------------------------------------------------------------------------------


def test_a_stream_is_a_generator_that_looks_once(covariance_type: str, rough_start: Any, load: Any) -> None:
    X = load("faithful")
    start, taken = rough_start(X, 2, covariance_type), []

    def stream() -> Iterator[Any]:
        for number, batch in enumerate(cut(X, 5)):
            taken.append(number)
            yield batch

    snapshots = online_em(stream(), start)
    first = next(snapshots)
    assert first.mixture is start
    assert taken == [0]
    rest = list(snapshots)
    assert taken == list(range(5))
    assert [snapshot.iteration for snapshot in [first, *rest]] == list(range(6))
    assert {snapshot.objective_name for snapshot in rest} == {OBJECTIVE}
    mixture, seen = start, 0.0
    for snapshot, batch in zip(rest, cut(X, 5), strict=True):
        mixture, seen = learn(mixture, Samples(batch), seen)
        assert_same(snapshot.mixture, mixture, rtol=1e-12)
        joint = [
            np.log(weight) + multivariate_normal(mean, covariance).logpdf(batch)
            for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.dense_covariances, strict=True)
        ]
        assert snapshot.objective == pytest.approx(logsumexp(joint, axis=0).mean(), rel=1e-10)


STREAMS = {
    "faithful": lambda load: (load("faithful"), 2),
    "overlapping blobs": lambda _: (datasets.make_overlapping_blobs(5000, random_state=3)[0], 3),
    "distant blobs": lambda _: (datasets.make_overlapping_blobs(3000, separation=6, random_state=3)[0], 3),
}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ten_batches_end_within_1_percent_of_the_whole(name: str, seed: int, covariance_type: str, load: Any) -> None:
    """On shuffled streams of at least 27 samples a batch, from the estimator's own start on the first batch.

    It is no law. Where the first batch is too small to start from, the stream climbs another peak or falls into a
    trap: over ten orders of iris (15 samples a batch, three components) the median gap is 56 % for 'full' and 4 to 8 %
    for the others; of crabs (20 a batch, four components) 7 % for 'diag' and 'spherical' and none for the others; of
    penguins (34 a batch) 1.7 and 1.9 % for 'full' and 'tied'. Nor does it hold for batches that differ: iris, species
    by species, ends 43 to 89 % below.
    """
    X, n_components = STREAMS[name](load)
    settings = {"covariance_type": covariance_type, "random_state": 0}
    model = GaussianMixture(n_components, **settings)
    for batch in cut(X, 10, seed):
        model.partial_fit(batch)
    whole = GaussianMixture(n_components, tol=1e-8, max_iter=2000, **settings).fit(X)
    assert model.score(X) >= whole.score(X) - 0.01 * abs(whole.score(X))
    assert model.weight_seen_ == len(X)


def test_a_good_first_batch_is_worth_more_than_many_others(covariance_type: str, load: Any) -> None:
    """Of crabs, half as a first batch and then ten to a batch, against ten to a batch throughout: medians of five."""
    X, gaps = load("crabs"), {100: [], 10: []}
    settings = {"covariance_type": covariance_type, "random_state": 0}
    best = GaussianMixture(4, tol=1e-8, max_iter=2000, **settings).fit(X).score(X)
    for seed in range(5):
        shuffled = X[np.random.RandomState(seed).permutation(len(X))]
        for first, found in gaps.items():
            model = GaussianMixture(4, **settings).partial_fit(shuffled[:first])
            for begin in range(first, len(X), 10):
                model.partial_fit(shuffled[begin : begin + 10])
            found.append((best - model.score(X)) / abs(best))
    assert np.median(gaps[100]) < 0.025
    if covariance_type in ("diag", "spherical"):
        assert np.median(gaps[10]) > 0.025


def test_the_order_of_the_batches_matters_little(covariance_type: str) -> None:
    X, _ = datasets.make_overlapping_blobs(5000, separation=4, random_state=3)
    scores = []
    for order in (1, -1):
        model = GaussianMixture(3, covariance_type=covariance_type, random_state=0)
        for batch in np.split(X, [100, 1500, 1700, 4000])[::order]:
            model.partial_fit(batch)
        scores.append(model.score(X))
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


def test_a_longer_stream_comes_closer_to_the_truth() -> None:
    X, _ = datasets.make_overlapping_blobs(20_000, separation=4, random_state=5)
    best = GaussianMixture(3, tol=1e-8, max_iter=500, random_state=0).fit(X).score(X)
    model, gaps = GaussianMixture(3, random_state=0), []
    for batch in cut(X, 100):
        gaps.append(best - model.partial_fit(batch).score(X))
    assert gaps[0] > 10 * gaps[-1] > 0
    assert gaps[-1] < 1e-3


# --- the estimator ----------------------------------------------------------------------------------------


@pytest.fixture
def model(covariance_type: str) -> GaussianMixture:
    return GaussianMixture(2, covariance_type=covariance_type, random_state=0)


def test_partial_fit_is_online_em(model: GaussianMixture, load: Any, tmp_path: Any) -> None:
    batches = cut(load("faithful"), 6)
    for number, batch in enumerate(batches, start=1):
        assert model.partial_fit(batch) is model
        assert len(model.trace_) == number + 1 == model.n_iter_ + 1
    start = clone(model).set_params(max_iter=1, tol=0)
    with pytest.warns(UserWarning, match="did not converge"):
        start.fit(batches[0])
    expected = list(online_em(batches, start.trace_[0].mixture, reg_covar=model.reg_covar))
    assert_allclose(model.trace_.objective, [snapshot.objective for snapshot in expected], rtol=1e-9)
    assert_same(model.mixture_, expected[-1].mixture)
    assert not model.converged_
    assert model.trace_.objective_name == OBJECTIVE
    assert model.trace_.outcome == "out of iterations"
    assert model.trace_.outcome.explanation == "6 batches so far."
    assert_array_equal(model.lower_bounds_, model.trace_.objective[1:])
    assert model.lower_bound_ == model.trace_.objective[-1]
    assert model.traces_ == [model.trace_]
    again = Trace.load(model.trace_.save(tmp_path / "stream"))
    assert_array_equal(again.objective, model.trace_.objective)
    assert_array_equal(again.means, model.trace_.means)
    assert again.objective_name == OBJECTIVE


def test_the_fitted_parameters_belong_together(model: GaussianMixture, load: Any) -> None:
    for batch in cut(load("faithful"), 4):
        model.partial_fit(batch)
    mixture = model.trace_[-1].mixture
    assert_array_equal(model.means_, mixture.means)
    assert_array_equal(model.precisions_cholesky_, mixture.precisions_cholesky)
    assert model.predict(load("faithful")).shape == (272,)
    assert_array_equal(clone(model).fit(load("faithful")).means_, clone(model).fit(load("faithful")).means_)
    assert not hasattr(clone(model), "weights_")


def test_partial_fit_goes_on_from_a_fit(model: GaussianMixture, load: Any) -> None:
    X = load("faithful")
    model.fit(X[:200])
    fitted = model.mixture_
    model.partial_fit(X[200:])
    expected, seen = learn(fitted, Samples(X[200:]), 200, reg_covar=model.reg_covar)
    assert_same(model.mixture_, expected, rtol=1e-12)
    assert model.weight_seen_ == seen == 272
    assert len(model.trace_) == 2
    assert_same(model.trace_[0].mixture, fitted, rtol=1e-15)


def test_fit_begins_afresh(model: GaussianMixture, load: Any) -> None:
    X = load("faithful")
    for batch in cut(X, 3):
        model.partial_fit(batch)
    expected = clone(model).fit(X)
    model.fit(X)
    assert_array_equal(model.means_, expected.means_)
    assert_array_equal(model.trace_.objective, expected.trace_.objective)
    assert model.weight_seen_ == 272


def test_a_fit_with_a_warm_start_goes_on_from_a_stream(model: GaussianMixture, load: Any) -> None:
    X = load("faithful")
    model.set_params(warm_start=True, max_iter=500)
    for batch in cut(X, 3):
        model.partial_fit(batch)
    learned = model.mixture_
    model.fit(X)
    assert_same(model.trace_[0].mixture, learned, rtol=1e-15)


def test_weights_of_a_batch(model: GaussianMixture, load: Any) -> None:
    X = load("faithful")
    weights = np.random.RandomState(0).randint(1, 4, 100)
    start = clone(model).fit(X[:100])
    weighted = clone(model).fit(X[:100]).partial_fit(X[100:200], sample_weight=weights)
    repeated = start.partial_fit(np.repeat(X[100:200], weights, axis=0))
    assert weighted.weight_seen_ == repeated.weight_seen_ == 100 + weights.sum()
    assert_same(weighted.mixture_, repeated.mixture_)
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, rel=1e-10)
    for wrong, message in (
        ([1.0, 2.0], "sample_weight.shape"),
        (-np.ones(100), "[Nn]egative"),
        (np.zeros(100), "zero"),
    ):
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X[:100], sample_weight=wrong)


def test_weight_0_in_the_first_batch_is_an_absent_row(load: Any) -> None:
    X = load("faithful")
    weights = (np.arange(272) % 3 > 0).astype(float)
    for init_params in ("kmeans", "random", "random_from_data"):
        model = GaussianMixture(2, random_state=0, reg_covar=1.0, init_params=init_params)
        one = clone(model).partial_fit(X, sample_weight=weights)
        assert_same(one.mixture_, clone(model).partial_fit(X[weights > 0], sample_weight=weights[weights > 0]).mixture_)


def test_batches_with_holes(model: GaussianMixture, load: Any) -> None:
    X = load("faithful").copy()
    X[np.random.RandomState(0).uniform(size=X.shape) < 0.2] = np.nan
    model.set_params(missing="marginalize")
    batches = cut(X, 5)
    batches[2] = batches[2][~np.isnan(batches[2]).any(axis=1)]  # one of them happens to have none
    for batch in batches[:-1]:
        model.partial_fit(batch)
    before, seen = model.mixture_, model.weight_seen_
    model.partial_fit(batches[-1])
    expected, _ = learn(before, Incomplete(batches[-1]), seen, reg_covar=model.reg_covar)
    assert_same(model.mixture_, expected, rtol=1e-12)
    whole = GaussianMixture(
        2, covariance_type=model.covariance_type, missing="marginalize", tol=1e-6, max_iter=500, random_state=0
    ).fit(X)
    assert model.score(X) > whole.score(X) - 0.02 * abs(whole.score(X))


def test_a_batch_may_lack_a_feature(load: Any) -> None:
    X = load("faithful").copy()
    model = GaussianMixture(2, missing="marginalize", random_state=0).partial_fit(X[:200])
    means = model.means_[:, 1].copy()
    X[200:, 1] = np.nan
    model.partial_fit(X[200:])
    assert model.weight_seen_ == 272
    assert np.abs(model.means_[:, 1] - means).max() < 3


def test_batches_must_go_together(model: GaussianMixture, load: Any) -> None:
    model.partial_fit(load("faithful"))
    with pytest.raises(ValueError, match="X has 4 features, but GaussianMixture is expecting 2"):
        model.partial_fit(load("iris"))
    before = model.mixture_
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full((5, 2), np.nan))
    assert_array_equal(model.mixture_.means, before.means)
    assert model.n_iter_ == 1


def test_the_first_batch_must_hold_a_sample_a_component(load: Any) -> None:
    model = GaussianMixture(5, random_state=0)
    with pytest.raises(ValueError, match="n_samples >= n_components but got n_components = 5, n_samples = 4"):
        model.partial_fit(load("faithful")[:4])
    model.partial_fit(load("faithful")[:40])
    assert model.partial_fit(load("faithful")[40:41]).weight_seen_ == 41  # later ones may be as small as they like


def narrowing(load: Any) -> Iterator[Samples]:
    """Batches of one point that outweigh, each of them, all that came before."""
    yield Samples(load("faithful"))
    for exponent in range(4, 40):
        yield Samples(np.repeat(load("faithful")[:1], 5, axis=0), np.full(5, 10.0**exponent))


def test_a_collapse_in_a_stream_is_named(load: Any) -> None:
    start = GaussianMixture(2, random_state=0).fit(load("faithful")).mixture_
    with pytest.raises(CollapseError, match="effective points") as caught:
        list(online_em(narrowing(load), start))
    assert f"omponent {caught.value.component}" in str(caught.value)
    assert start.responsibilities(load("faithful")[:1]).argmax() == caught.value.component


def test_a_collapse_says_in_which_batch(load: Any) -> None:
    start, kept = GaussianMixture(2, random_state=0).fit(load("faithful")).mixture_, []
    with pytest.raises(CollapseError) as caught:
        kept.extend(online_em(narrowing(load), start))
    assert kept[-1].iteration > 1
    assert f"at iteration {kept[-1].iteration + 1}:" in str(caught.value)


def test_a_collapse_leaves_what_was_learned(load: Any) -> None:
    model = GaussianMixture(2, random_state=0, reg_covar=0)
    with pytest.raises(CollapseError):
        deque((model.partial_fit(batch.X, sample_weight=batch.sample_weight) for batch in narrowing(load)), maxlen=0)
    assert len(model.trace_) == model.n_iter_ + 1 > 2
    assert_array_equal(model.means_, model.trace_.means[-1])
    assert np.isfinite(model.score(load("faithful")))


def test_single_precision_stays_single(model: GaussianMixture, load: Any) -> None:
    X, double = load("faithful"), clone(model)
    for batch in cut(X, 5):
        double.partial_fit(batch)
        model.partial_fit(batch.astype(np.float32))
        assert model.means_.dtype == model.covariances_.dtype == np.float32
    assert model.score(X.astype(np.float32)) == pytest.approx(double.score(X), abs=1e-3)


def test_a_component_that_gets_nothing_fades_and_stays(load: Any) -> None:
    X = load("faithful")
    far = Mixture([0.5, 0.5], [X.mean(axis=0), [1e3, 1e3]], [np.diag([1.0, 180.0])] * 2)
    mixture, seen = far, 100.0
    for _ in range(5):
        mixture, seen = learn(mixture, Samples(X), seen)
    assert 0 < mixture.weights[1] < 0.02
    assert_allclose(mixture.means[1], [1e3, 1e3], rtol=1e-9)
    assert_allclose(mixture.covariances[1], far.covariances[1], rtol=1e-6, atol=1e-6)
    assert 0.5 < FORGETTING <= 1
