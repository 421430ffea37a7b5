"""`Mixture` as a value: its density, its parts, its ellipses, its samples and its errors."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import chi2, multivariate_normal

from gmmteach import Mixture
from gmmteach.covariance import CollapseError, covariance_type_of
from gmmteach.distance import bhattacharyya

TYPES = ("full", "tied", "diag", "spherical")


def a_mixture(covariance_type: str, n_features: int = 2, n_components: int = 3, seed: int = 0) -> Mixture:
    rng = np.random.RandomState(seed)
    weights = rng.dirichlet(np.full(n_components, 2.0))
    means = rng.uniform(-3, 3, (n_components, n_features))
    shape = covariance_type_of(covariance_type).shape(n_components, n_features)
    if covariance_type in ("full", "tied"):
        factors = rng.standard_normal(shape)
        covariances = factors @ np.swapaxes(factors, -1, -2) + 0.3 * np.eye(n_features)
    else:
        covariances = rng.uniform(0.3, 2, shape)
    return Mixture(weights, means, covariances, covariance_type)


@st.composite
def mixtures(draw: st.DrawFn, min_features: int = 1) -> Mixture:
    return a_mixture(
        draw(st.sampled_from(TYPES)),
        draw(st.integers(min_features, 5)),
        draw(st.integers(1, 4)),
        draw(st.integers(0, 10_000)),
    )


few_examples = settings(max_examples=40, deadline=None, derandomize=True)
points = np.random.RandomState(99).uniform(-5, 5, (30, 5))


def log_density_by_scipy(mixture: Mixture, X: Any) -> Any:
    terms = [
        np.log(weight) + np.reshape(multivariate_normal(mean, covariance).logpdf(X), len(X))
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.dense_covariances, strict=True)
    ]
    return logsumexp(terms, axis=0)


# --- density -----------------------------------------------------------------------------------------------


@few_examples
@given(mixtures())
def test_the_density_is_that_of_scipy(mixture: Mixture) -> None:
    X = points[:, : mixture.n_features]
    assert_allclose(mixture.log_density(X), log_density_by_scipy(mixture, X), rtol=1e-9)


@few_examples
@given(mixtures())
def test_responsibilities_are_bayes_rule(mixture: Mixture) -> None:
    X = points[:, : mixture.n_features]
    responsibilities = mixture.responsibilities(X)
    assert responsibilities.shape == (len(X), mixture.n_components)
    assert_allclose(responsibilities.sum(axis=1), 1, rtol=1e-14)
    joint = np.exp(mixture.log_joint(X))
    assert_allclose(responsibilities, joint / joint.sum(axis=1, keepdims=True), rtol=1e-9)
    assert_allclose(mixture.log_density(X), np.log(joint.sum(axis=1)), rtol=1e-9)


@few_examples
@given(mixtures())
def test_the_order_of_the_components_does_not_matter(mixture: Mixture) -> None:
    order = np.arange(mixture.n_components)[::-1]
    tied = mixture.covariance_type == "tied"
    covariances = mixture.covariances if tied else mixture.covariances[order]
    turned = Mixture(mixture.weights[order], mixture.means[order], covariances, mixture.covariance_type)
    X = points[:, : mixture.n_features]
    assert_allclose(turned.log_density(X), mixture.log_density(X), rtol=1e-12)
    assert_allclose(turned.responsibilities(X), mixture.responsibilities(X)[:, order], rtol=1e-9)


def integral_1d(mixture: Mixture) -> float:
    """By the trapezium rule, which for a smooth function that dies out at both ends is exact to rounding."""
    spread = np.sqrt(mixture.dense_covariances.max())
    x = np.linspace(mixture.means.min() - 12 * spread, mixture.means.max() + 12 * spread, 4001)
    return float(np.trapezoid(np.exp(mixture.log_density(x[:, np.newaxis])), x))


def integral_2d(mixture: Mixture) -> float:
    spread = np.sqrt(mixture.dense_covariances.max())
    x, y = (np.linspace(m.min() - 10 * spread, m.max() + 10 * spread, 500) for m in mixture.means.T)
    grid = np.stack(np.meshgrid(x, y, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(mixture.log_density(grid)).reshape(len(x), len(y))
    return float(np.trapezoid(np.trapezoid(density, y, axis=1), x))


def test_densities_integrate_to_1(covariance_type: str) -> None:
    assert integral_1d(a_mixture(covariance_type, 1)) == pytest.approx(1, abs=1e-10)
    assert integral_2d(a_mixture(covariance_type, 2)) == pytest.approx(1, abs=1e-8)


def test_parts_of_a_density_integrate_to_1(covariance_type: str) -> None:
    mixture = a_mixture(covariance_type, 4)
    assert integral_1d(mixture.marginal([2])) == pytest.approx(1, abs=1e-10)
    assert integral_2d(mixture.marginal([3, 1])) == pytest.approx(1, abs=1e-8)
    assert integral_1d(mixture.condition({0: 0.5, 1: -1.0, 3: 2.0})) == pytest.approx(1, abs=1e-10)
    assert integral_2d(mixture.condition({2: 1.5, 0: 0.0})) == pytest.approx(1, abs=1e-8)


def test_a_weight_of_zero_is_allowed_and_counts_for_nothing(covariance_type: str) -> None:
    whole = a_mixture(covariance_type)
    mixture = Mixture([0.4, 0, 0.6], whole.means, whole.covariances, covariance_type)
    X = points[:, :2]
    assert_array_equal(mixture.responsibilities(X)[:, 1], 0)
    assert_allclose(mixture.log_density(X), log_density_by_scipy_without(mixture, 1, X), rtol=1e-9)


def log_density_by_scipy_without(mixture: Mixture, k: int, X: Any) -> Any:
    keep = [j for j in range(mixture.n_components) if j != k]
    full = Mixture(mixture.weights[keep], mixture.means[keep], mixture.dense_covariances[keep])
    return log_density_by_scipy(full, X)


# --- numerical extremes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("distance", [1e6, 1e12])
def test_points_far_from_everything_have_a_finite_right_density(covariance_type: str, distance: float) -> None:
    mixture = a_mixture(covariance_type)
    direction = np.array([0.6, 0.8])
    far = distance * direction[np.newaxis]
    assert_allclose(mixture.log_density(far), log_density_by_scipy(mixture, far), rtol=1e-12)
    responsibilities = mixture.responsibilities(far)
    assert np.isfinite(responsibilities).all()
    assert responsibilities.sum() == pytest.approx(1, rel=1e-14)
    if covariance_type != "tied":  # the component that is widest in this direction wins everything out there
        precisions = np.linalg.inv(mixture.dense_covariances)
        widest = np.einsum("d,kde,e->k", direction, precisions, direction).argmin()
        assert responsibilities[0, widest] == 1


def test_a_large_common_offset_costs_no_digits(covariance_type: str) -> None:
    whole = a_mixture(covariance_type)
    means, X = np.round(whole.means * 64) / 64, np.round(points[:, :2] * 64) / 64  # so that the offset adds exactly
    near = Mixture(whole.weights, means, whole.covariances, covariance_type)
    for offset in (1e8, -1e10):
        far = Mixture(whole.weights, means + offset, whole.covariances, covariance_type)
        assert_allclose(far.log_density(X + offset), near.log_density(X), rtol=1e-12)
        assert_allclose(far.responsibilities(X + offset), near.responsibilities(X), rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-6, 1e-30, 1e30])
def test_units_change_the_density_by_their_volume_only(covariance_type: str, scale: float) -> None:
    mixture = a_mixture(covariance_type)
    scaled = Mixture(mixture.weights, mixture.means * scale, mixture.covariances * scale**2, covariance_type)
    X = points[:, :2]
    assert_allclose(scaled.log_density(X * scale), mixture.log_density(X) - 2 * np.log(scale), rtol=1e-11)
    assert_allclose(scaled.responsibilities(X * scale), mixture.responsibilities(X), rtol=1e-9)


def test_tight_components_far_apart_know_their_own_points(covariance_type: str) -> None:
    covariances = {
        "full": np.stack([1e-12 * np.eye(2)] * 2),
        "tied": 1e-12 * np.eye(2),
        "diag": np.full((2, 2), 1e-12),
        "spherical": np.full(2, 1e-12),
    }[covariance_type]
    mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [1e6, 1e6]], covariances, covariance_type)
    X = [[0.0, 0.0], [1e6, 1e6], [3e5, 3e5]]
    assert_array_equal(mixture.responsibilities(X), [[1, 0], [0, 1], [1, 0]])
    at_mean = np.log(0.5) - np.log(2 * np.pi) + 12 * np.log(10)
    assert_allclose(mixture.log_density(X)[:2], at_mean, rtol=1e-14)
    assert_allclose(mixture.log_density(X)[2], at_mean - (3e5) ** 2 * 1e12, rtol=1e-12)


def test_a_density_can_exceed_1() -> None:
    assert Mixture([1.0], [[0.0]], [1e-4], "spherical").log_density([[0.0]])[0] == pytest.approx(3.6862316)


# --- parts -------------------------------------------------------------------------------------------------


@few_examples
@given(mixtures(min_features=2), st.randoms(use_true_random=False))
def test_the_joint_density_is_marginal_times_conditional(mixture: Mixture, random: Any) -> None:
    n_features = mixture.n_features
    order = random.sample(range(n_features), n_features)
    known = order[: random.randint(1, n_features - 1)]
    free = [d for d in range(n_features) if d not in known]
    for x in points[:6, :n_features]:
        conditional = mixture.condition({d: x[d] for d in known})
        assert conditional.covariance_type == mixture.covariance_type
        joint = mixture.log_density([x])
        marginal = mixture.marginal(known).log_density([x[known]])
        assert_allclose(conditional.log_density([x[free]]), joint - marginal, rtol=1e-8, atol=1e-9)


@few_examples
@given(mixtures(min_features=3))
def test_conditioning_in_two_steps_is_conditioning_once(mixture: Mixture) -> None:
    at_once = mixture.condition({0: 0.3, 2: -1.0})
    in_steps = mixture.condition({2: -1.0}).condition({0: 0.3})
    for part in ("weights", "means", "covariances"):
        assert_allclose(getattr(in_steps, part), getattr(at_once, part), rtol=1e-7, atol=1e-9)


@few_examples
@given(mixtures(min_features=3))
def test_a_marginal_of_a_marginal_is_a_marginal(mixture: Mixture) -> None:
    X = points[:, : mixture.n_features]
    direct = mixture.marginal([2, 0])
    assert_array_equal(mixture.marginal([0, 1, 2]).marginal([2, 0]).log_density(X[:, :2]), direct.log_density(X[:, :2]))
    everything = list(range(mixture.n_features))
    assert_array_equal(mixture.marginal(everything).log_density(X), mixture.log_density(X))


def test_a_marginal_is_the_density_with_the_rest_integrated_out(covariance_type: str) -> None:
    mixture = a_mixture(covariance_type)
    y = np.linspace(-40, 40, 4001)
    for x in (-2.0, 0.1, 1.7):
        slice_ = np.exp(mixture.log_density(np.column_stack([np.full_like(y, x), y])))
        assert np.exp(mixture.marginal([0]).log_density([[x]])[0]) == pytest.approx(np.trapezoid(slice_, y), rel=1e-9)


def test_conditioning_changes_the_weights_to_what_the_known_values_say(covariance_type: str) -> None:
    mixture = Mixture(
        [0.5, 0.5],
        [[0.0, 0.0], [100.0, 7.0]],
        {"full": np.stack([np.eye(2)] * 2), "tied": np.eye(2), "diag": np.ones((2, 2)), "spherical": np.ones(2)}[
            covariance_type
        ],
        covariance_type,
    )
    assert_allclose(mixture.condition({0: 99.0}).weights, [0, 1], atol=1e-12)
    assert_allclose(mixture.condition({0: 50.0}).weights, [0.5, 0.5])
    assert_allclose(mixture.condition({0: 99.0}).means, [[0], [7]], atol=1e-12)


@pytest.mark.parametrize("features", [[], [0, 0], [2], [-1], [0, 5], [0.7], ["height"]])
def test_features_that_are_not_there_are_refused(features: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        a_mixture("full").marginal(features)


def test_errors_about_parts_say_what_to_do() -> None:
    mixture = a_mixture("full", 3)
    with pytest.raises(ValueError, match=r"different numbers from 0 to 2, but \[0, 3\] was given"):
        mixture.marginal([0, 3])
    with pytest.raises(ValueError, match="nothing left"):
        mixture.condition({0: 1.0, 1: 1.0, 2: 1.0})
    with pytest.raises(ValueError, match=r"this mixture has 3: choose two, for example mixture.marginal\(\[0, 1\]\)"):
        mixture.ellipses()


# --- ellipses ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_std", [0.5, 1.0, 2.0, 3.0])
def test_the_outline_of_an_ellipse_is_n_std_away(covariance_type: str, n_std: float) -> None:
    mixture = a_mixture(covariance_type)
    ellipses = mixture.ellipses(n_std)
    assert (ellipses.widths >= ellipses.heights).all()
    turn = np.linspace(0, 2 * np.pi, 50)
    for k, angle in enumerate(np.radians(ellipses.angles)):
        # A full axis length is twice the semi-axis; the width lies along the angle.
        along = ellipses.widths[k] / 2 * np.cos(turn)[:, np.newaxis] * [np.cos(angle), np.sin(angle)]
        across = ellipses.heights[k] / 2 * np.sin(turn)[:, np.newaxis] * [-np.sin(angle), np.cos(angle)]
        precision = np.linalg.inv(mixture.dense_covariances[k])
        outline = along + across
        assert_allclose(np.einsum("nd,de,ne->n", outline, precision, outline), n_std**2, rtol=1e-9)
        assert_array_equal(ellipses.centres[k], mixture.means[k])


@pytest.mark.parametrize("n_std", [1.0, 2.0, 3.0])
def test_an_ellipse_holds_its_stated_mass(covariance_type: str, n_std: float) -> None:
    mixture = a_mixture(covariance_type)
    stated = 1 - np.exp(-(n_std**2) / 2)
    assert stated == pytest.approx(chi2(2).cdf(n_std**2))
    X, labels = mixture.sample(30_000, random_state=0)
    ellipses = mixture.ellipses(n_std)
    for k in range(mixture.n_components):
        angle = np.radians(ellipses.angles[k])
        rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        own = (X[labels == k] - ellipses.centres[k]) @ rotation.T
        inside = (np.square(2 * own / [ellipses.widths[k], ellipses.heights[k]]).sum(axis=1) <= 1).mean()
        assert abs(inside - stated) < 5 * np.sqrt(stated * (1 - stated) / len(own))


def test_an_ellipse_by_hand() -> None:
    ellipses = Mixture([1.0], [[1.0, 2.0]], [[[5.0, 4.0], [4.0, 5.0]]]).ellipses(1.0)  # variances 9 and 1, at 45°
    assert_allclose(ellipses.widths, [6])
    assert_allclose(ellipses.heights, [2])
    assert_allclose(ellipses.angles % 180, [45])
    assert_allclose(ellipses.centres, [[1, 2]])


# --- samples -----------------------------------------------------------------------------------------------


def test_samples_have_the_moments_of_their_component(covariance_type: str) -> None:
    mixture = a_mixture(covariance_type, 3)
    X, labels = mixture.sample(60_000, random_state=1)
    assert_array_equal(labels, np.sort(labels))
    assert_allclose(np.bincount(labels) / len(labels), mixture.weights, atol=0.01)
    for k, covariance in enumerate(mixture.dense_covariances):
        own = X[labels == k]
        scale = np.sqrt(np.diag(covariance))
        assert_allclose((own.mean(axis=0) - mixture.means[k]) / scale, 0, atol=6 / np.sqrt(len(own)))
        assert_allclose(np.cov(own.T) / np.outer(scale, scale), covariance / np.outer(scale, scale), atol=0.05)


def test_sampling_is_reproducible_and_asks_for_a_sample() -> None:
    mixture = a_mixture("full")
    assert_array_equal(mixture.sample(9, 3)[0], mixture.sample(9, np.random.RandomState(3))[0])
    assert not np.array_equal(mixture.sample(9, 3)[0], mixture.sample(9, 4)[0])
    X, labels = mixture.sample()
    assert X.shape == (1, 2)
    assert labels.shape == (1,)
    with pytest.raises(ValueError, match="Invalid value for 'n_samples': 0"):
        mixture.sample(0)


# --- beside another mixture --------------------------------------------------------------------------------


def shuffled(mixture: Mixture, order: Any) -> Mixture:
    covariances = mixture.covariances if mixture.covariance_type == "tied" else mixture.covariances[order]
    return Mixture(mixture.weights[order], mixture.means[order], covariances, mixture.covariance_type)


@few_examples
@given(mixtures(), st.integers(0, 10_000))
def test_aligning_undoes_any_shuffle(mixture: Mixture, seed: int) -> None:
    order = np.random.RandomState(seed).permutation(mixture.n_components)
    mixed = shuffled(mixture, order)
    aligned = mixed.align(mixture)
    for part in ("weights", "means", "covariances"):
        assert_array_equal(getattr(aligned, part), getattr(mixture, part))
    assert aligned.covariance_type == mixture.covariance_type
    assert_array_equal(order[mixed.matching(mixture)], np.arange(mixture.n_components))
    assert_array_equal(np.argsort(order), mixed.matching(mixture))


@few_examples
@given(mixtures(), mixtures())
def test_the_matching_is_the_best_of_all_permutations_in_any_units(mixture: Mixture, other: Mixture) -> None:
    D, K = min(mixture.n_features, other.n_features), min(mixture.n_components, other.n_components)
    one, two = (shuffled_part(each, D, K) for each in (mixture, other))
    distances = bhattacharyya(two.means, two.dense_covariances, one.means, one.dense_covariances)
    best = min(permutations(range(K)), key=lambda order: sum(distances[j, k] for j, k in enumerate(order)))
    assert_array_equal(one.matching(two), best)
    # the same in other units, and along other axes
    rng = np.random.RandomState(K)
    turn = np.logspace(-6, 6, D)[:, np.newaxis] * np.linalg.qr(rng.standard_normal((D, D)))[0]
    turned = [
        Mixture(each.weights, each.means @ turn.T + 5, turn @ each.dense_covariances @ turn.T) for each in (one, two)
    ]
    assert_array_equal(turned[0].matching(turned[1]), best)


def shuffled_part(mixture: Mixture, n_features: int, n_components: int) -> Mixture:
    part = mixture.marginal(range(n_features))
    weights = part.weights[:n_components] / part.weights[:n_components].sum()
    return Mixture(weights, part.means[:n_components], part.dense_covariances[:n_components])


def test_components_on_one_spot_are_told_apart_by_their_shape(covariance_type: str) -> None:
    if covariance_type == "tied":
        pytest.skip("tied components have one shape")
    kind = covariance_type_of(covariance_type)
    narrow, wide = np.eye(2), 25 * np.eye(2)
    covariances = {"full": [narrow, wide], "diag": [np.diag(narrow), np.diag(wide)], "spherical": [1.0, 25.0]}
    mixture = Mixture([0.5, 0.5], np.zeros((2, 2)), covariances[covariance_type], covariance_type)
    assert kind.shape(2, 2) == mixture.covariances.shape
    moved = Mixture([0.9, 0.1], [[0.1, 0], [0, 0.2]], covariances[covariance_type][::-1], covariance_type)
    assert moved.matching(mixture).tolist() == [1, 0]


def test_far_is_told_from_farther() -> None:
    """Nothing overlaps here: a distance that stops at 1, as Hellinger's does, could not choose."""
    there = Mixture([0.2, 0.3, 0.5], [[0.0], [1e4], [2e4]], [1.0, 1.0, 1.0], "spherical")
    here = Mixture([0.2, 0.3, 0.5], [[2.3e4], [0.4e4], [1.3e4]], [1.0, 1.0, 1.0], "spherical")
    assert here.align(there).means.ravel().tolist() == [0.4e4, 1.3e4, 2.3e4]
    single = Mixture(here.weights, here.means.astype(np.float32), here.covariances, "spherical")
    assert single.align(there).means.dtype == np.float32
    assert single.matching(there).tolist() == [1, 2, 0]


@pytest.mark.parametrize("D", [1, 2, 3])
def test_the_distance_is_minus_the_log_of_the_overlap(D: int) -> None:
    one, two = a_mixture("full", D, 2, seed=1), a_mixture("full", D, 3, seed=2)
    distances = bhattacharyya(one.means, one.dense_covariances, two.means, two.dense_covariances)
    assert distances.shape == (2, 3)
    back = bhattacharyya(two.means, two.dense_covariances, one.means, one.dense_covariances)
    assert_allclose(back.T, distances, rtol=1e-12)
    itself = bhattacharyya(one.means, one.dense_covariances, one.means, one.dense_covariances)
    assert_allclose(np.diag(itself), 0, atol=1e-14)
    p, q = (multivariate_normal(each.means[1], each.dense_covariances[1]) for each in (one, two))
    X = p.rvs(200_000, random_state=0).reshape(-1, D)  # ∫ √(p q) = E_p[√(q / p)]
    ratios = np.exp((q.logpdf(X) - p.logpdf(X)) / 2)
    assert abs(np.exp(-distances[1, 1]) - ratios.mean()) < 5 * ratios.std() / np.sqrt(len(X))


def test_mixtures_about_different_things_are_not_compared() -> None:
    mixture = a_mixture("full", 2, 3)
    with pytest.raises(ValueError, match="as many: this mixture has 3, the other 2"):
        mixture.align(a_mixture("full", 2, 2))
    for compare in (mixture.align, mixture.matching, mixture.kl_divergence):
        with pytest.raises(ValueError, match="this one has 2 features, the other 3"):
            compare(a_mixture("full", 3, 3))
        with pytest.raises(TypeError, match="must be a Mixture, not a list; an estimator has it in mixture_"):
            compare([1.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n_samples is 1, but a standard error needs at least 2"):
        mixture.kl_divergence(mixture, n_samples=1)


def gaussian_divergence(p: Mixture, q: Mixture) -> float:
    """KL between two Gaussians in closed form (Kullback 1959; Duchi 2007)."""
    (m,), (n,), (S,), (T,) = p.means, q.means, p.dense_covariances, q.dense_covariances
    precision = np.linalg.inv(T)
    logs = np.linalg.slogdet(T).logabsdet - np.linalg.slogdet(S).logabsdet
    return float((np.trace(precision @ S) + (n - m) @ precision @ (n - m) - len(m) + logs) / 2)


@pytest.mark.parametrize("D", [1, 2, 5])
def test_the_divergence_of_two_gaussians_is_the_closed_form(covariance_type: str, D: int) -> None:
    p, q = a_mixture(covariance_type, D, 1, seed=1), a_mixture(covariance_type, D, 1, seed=2)
    exact, scores = gaussian_divergence(p, q), []
    for seed in range(40):
        estimate, standard_error = p.kl_divergence(q, 2000, seed)
        scores.append((estimate - exact) / standard_error)
    assert np.abs(scores).max() < 5
    assert abs(np.mean(scores)) < 4 / np.sqrt(40)
    assert 0.6 < np.std(scores) < 1.5  # the standard error is neither too small nor too large


def test_the_divergence_of_mixtures_is_the_integral(covariance_type: str) -> None:
    p, q = a_mixture(covariance_type, 1, 3, seed=3), a_mixture("full", 1, 2, seed=4)
    x = np.linspace(-40, 40, 20_001)
    log_p, log_q = p.log_density(x), q.log_density(x)
    exact = np.trapezoid(np.exp(log_p) * (log_p - log_q), x)
    found = p.kl_divergence(q, n_samples=40_000, random_state=0)
    assert abs(found.estimate - exact) < 4 * found.standard_error
    assert found.standard_error < 0.05 * max(exact, 0.1)


def test_the_divergence_is_0_from_itself_and_reproducible() -> None:
    p, q = a_mixture("full", seed=1), a_mixture("full", seed=2)
    assert p.kl_divergence(p, random_state=0) == (0.0, 0.0)
    assert p.kl_divergence(shuffled(p, [2, 0, 1]), random_state=0).estimate == pytest.approx(0, abs=1e-14)
    assert p.kl_divergence(q, random_state=1) == p.kl_divergence(q, 10_000, np.random.RandomState(1))
    assert p.kl_divergence(q, random_state=1) != p.kl_divergence(q, random_state=2)
    few, many = (p.kl_divergence(q, n, 0).standard_error for n in (1000, 100_000))
    assert few / many == pytest.approx(10, rel=0.3)


# --- a value -----------------------------------------------------------------------------------------------


def test_nothing_can_be_changed(covariance_type: str) -> None:
    mixture = a_mixture(covariance_type)
    for name in ("weights", "means", "covariances", "precisions_cholesky"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(mixture, name)[...] = 1
        with pytest.raises(FrozenInstanceError):
            setattr(mixture, name, 1)
    with pytest.raises(FrozenInstanceError):
        mixture.covariance_type = "full"  # type: ignore[misc]


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda mixture: pickle.loads(pickle.dumps(mixture))])
def test_a_copy_cannot_be_changed_either(covariance_type: str, way: Any) -> None:
    mixture = a_mixture(covariance_type)
    mixture.log_density(points[:, :2])
    again = way(mixture)
    for name in ("weights", "means", "covariances", "precisions_cholesky"):
        assert_array_equal(getattr(again, name), getattr(mixture, name))
        assert not getattr(again, name).flags.writeable


def test_of_sound_arrays_it_is_the_same_mixture() -> None:
    weights, means, variances = np.array([0.25, 0.75]), np.array([[0.0, 1.0], [2.0, 5.0]]), np.array([1.0, 4.0])
    quick = Mixture.of_sound(weights.copy(), means.copy(), variances.copy(), "spherical")
    usual = Mixture(weights, means, variances, "spherical")
    for name in ("weights", "means", "covariances", "precisions_cholesky"):
        assert_array_equal(getattr(quick, name), getattr(usual, name))
        assert not getattr(quick, name).flags.writeable
    assert_array_equal(quick.log_joint(means), usual.log_joint(means))
    assert repr(quick) == repr(usual)


def test_it_owns_its_arrays() -> None:
    weights, means, covariances = np.array([0.5, 0.5]), np.array([[0.0], [1.0]]), np.array([1.0, 1.0])
    mixture = Mixture(weights, means, covariances, "spherical")
    weights[:], means[:], covariances[:] = 9, 9, 9
    assert_array_equal(mixture.weights, [0.5, 0.5])
    assert_array_equal(mixture.means, [[0], [1]])
    assert_array_equal(mixture.covariances, [1, 1])


def test_what_it_is_made_of() -> None:
    mixture = a_mixture("tied", n_features=4, n_components=3)
    assert (mixture.n_components, mixture.n_features) == (3, 4)
    assert repr(mixture) == "Mixture(3 components, 4 features, covariance_type='tied')"
    assert {name: a_mixture(name, 4, 3).n_parameters for name in TYPES} == {
        "full": 2 + 12 + 30,
        "tied": 2 + 12 + 10,
        "diag": 2 + 12 + 12,
        "spherical": 2 + 12 + 3,
    }
    assert all(a_mixture(name, 4, 3).dense_covariances.shape == (3, 4, 4) for name in TYPES)


def test_single_precision_stays_single(covariance_type: str) -> None:
    double = a_mixture(covariance_type)
    single = Mixture(double.weights, double.means.astype(np.float32), double.covariances, covariance_type)
    X = points[:, :2].astype(np.float32)
    for array in (
        *(single.weights, single.means, single.covariances, single.precisions_cholesky, single.dense_covariances),
        *(single.log_joint(X), single.log_density(X), single.responsibilities(X)),
        *(single.marginal([1]).means, single.condition({0: 1.0}).covariances),
    ):
        assert array.dtype == np.float32
    assert_allclose(single.log_density(X), double.log_density(X), rtol=1e-4, atol=1e-4)
    assert Mixture([1], [[0, 1]], [1], "spherical").means.dtype == np.float64


def test_samples_of_one_feature_may_come_as_a_row() -> None:
    mixture = a_mixture("full", 1)
    assert_array_equal(mixture.log_density([0.0, 1.0]), mixture.log_density([[0.0], [1.0]]))
    assert mixture.log_density(np.empty((0, 1))).shape == (0,)
    assert mixture.log_density([[1]]).dtype == np.float64


GOOD: dict[str, Any] = {
    "weights": [0.5, 0.5],
    "means": [[0.0, 0.0], [1.0, 1.0]],
    "covariances": np.stack([np.eye(2)] * 2),
}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": [0.5, 0.6]}, "must sum to 1, but they are .* which sum to 1.1"),
        ({"weights": [1.5, -0.5]}, "must not be negative"),
        ({"weights": [1.0]}, r"weights must have shape \(2,\), one for each row of means, not \(1,\)"),
        ({"weights": [np.nan, 1.0]}, "weights holds a value that is not finite"),
        ({"means": [0.0, 1.0]}, r"means must have shape \(n_components, n_features\), but has \(2,\)"),
        ({"means": np.empty((0, 2))}, "means must have shape"),
        ({"means": [[0.0, np.inf], [1.0, 1.0]]}, "means holds a value that is not finite"),
        (
            {"covariances": np.eye(2)},
            r"'full' must have shape \(2, 2, 2\) for means of shape \(2, 2\), but has \(2, 2\)",
        ),
        ({"covariances": [np.eye(2), [[1, 0.5], [0.4, 1]]]}, "must be symmetric, .* mirror image by 0.1"),
        ({"covariances": [np.eye(2), -np.eye(2)]}, "covariance of component 1 is not positive definite"),
        ({"covariances": [np.eye(2), np.ones((2, 2))]}, "covariance of component 1 is not positive definite"),
        ({"covariance_type": "round"}, "covariance_type is 'round', but it must be one of"),
    ],
)
def test_a_mixture_that_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mixture(**(GOOD | wrong))


def test_a_collapsed_mixture_is_refused_by_its_own_error() -> None:
    with pytest.raises(CollapseError) as caught:
        Mixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 0.0], "spherical")
    assert caught.value.component == 1


@pytest.mark.parametrize("X", [[[1.0]], [1.0, 2.0], np.zeros((2, 2, 2)), [[1.0, 2.0, 3.0]]])
def test_samples_of_another_shape_are_refused(X: Any) -> None:
    with pytest.raises(ValueError, match=r"X must have shape \(n_samples, 2\) to fit this mixture"):
        a_mixture("full").log_density(X)
