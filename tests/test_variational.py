"""Variational EM: the bound is what it says, belongs to its snapshot, and never falls; and the laws of the problem.

Densities and draws come from SciPy, and evidence that is known in closed form from the textbook.
"""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import betaln, digamma, logsumexp, multigammaln, xlogy

from gmmteach import Mixture, Snapshot, Trace
from gmmteach.covariance import CollapseError
from gmmteach.statistics import Samples, weighted_moments
from gmmteach.variational import (
    Posterior,
    Prior,
    VariationalSnapshot,
    bound_terms,
    default_prior,
    variational_em,
    variational_m_step,
)
from gmmteach.variational.beliefs import WEIGHT_PRIORS

TYPES = ("full", "tied", "diag", "spherical")
SAMPLES = np.random.RandomState(7).standard_normal((40, 2)) @ [[1.0, 0.4], [0.0, 1.5]] + np.repeat(
    [[0, 0], [4, 1]], 20, 0
)


@pytest.fixture(params=WEIGHT_PRIORS)
def weight_prior(request: pytest.FixtureRequest) -> str:
    return request.param


def run_on(X: Any, start: Mixture | Posterior, n_iter: int = 5, **options: Any) -> Trace:
    return Trace.record(variational_em(X, start, **options), X, tol=0, max_iter=n_iter)


def a_prior(covariance_type: str, weight_prior: str = "dirichlet_distribution", n_features: int = 2) -> Prior:
    """A prior with nothing left at its default."""
    scale = np.diag(np.arange(1.0, n_features + 1)) + 0.3
    scale = {"full": scale, "tied": scale, "diag": np.diag(scale), "spherical": np.array(1.3)}[covariance_type]
    return Prior(np.linspace(0.5, -0.2, n_features), scale, n_features + 1.6, 0.7, 1.4, weight_prior, covariance_type)


def dense(covariances: Any, covariance_type: str, k: int, n_features: int) -> Any:
    """Covariance matrix of component k, written out by the definition of its type."""
    if covariance_type == "full":
        return covariances[k]
    if covariance_type == "tied":
        return covariances
    return np.diag(covariances[k]) if covariance_type == "diag" else covariances[k] * np.eye(n_features)


# --- the bound ---------------------------------------------------------------------------------------------


def test_the_bound_never_falls(X: Any, covariance_type: str, weight_prior: str, rough_start: Any) -> None:
    for n_components in (2, 6):
        prior = default_prior(X, n_components, covariance_type, weight_prior=weight_prior)
        objective = run_on(X, rough_start(X, n_components, covariance_type), 30, prior=prior).objective
        assert (np.diff(objective) >= -1e-12 * np.abs(objective).max()).all()
        assert objective[-1] > objective[0]


@pytest.mark.parametrize("concentration", [1e-3, 1e3])
def test_the_bound_never_falls_under_extreme_priors(
    load: Any, covariance_type: str, weight_prior: str, concentration: float, rough_start: Any
) -> None:
    X = load("iris")
    for mean_precision, freedom in ((1e-4, 3.01), (1e3, 500.0)):
        prior = default_prior(
            X,
            5,
            covariance_type,
            weight_prior=weight_prior,
            weight_concentration=concentration,
            mean_precision=mean_precision,
            degrees_of_freedom=freedom,
            mean=[1.0, 2.0, 3.0, 4.0],
        )
        objective = run_on(X, rough_start(X, 5, covariance_type), 30, prior=prior).objective
        assert (np.diff(objective) >= -1e-12 * np.abs(objective).max()).all()


def gauss_wishart_evidence(X: Any, prior: Prior) -> float:
    """ln p(X) of one Gaussian whose mean and precision have a Gauss-Wishart prior (Murphy 2007, eq. 266)."""
    n_samples, n_features = X.shape
    middle, precision = X.mean(axis=0), prior.mean_precision
    scatter = (X - middle).T @ (X - middle)
    pull = precision * n_samples / (precision + n_samples) * np.outer(middle - prior.mean, middle - prior.mean)
    before = prior.covariance.reshape(n_features, n_features)
    after = before + scatter + pull
    freedom = prior.degrees_of_freedom
    return float(
        -n_samples * n_features / 2 * np.log(np.pi)
        + multigammaln((freedom + n_samples) / 2, n_features)
        - multigammaln(freedom / 2, n_features)
        + freedom / 2 * np.linalg.slogdet(before)[1]
        - (freedom + n_samples) / 2 * np.linalg.slogdet(after)[1]
        + n_features / 2 * np.log(precision / (precision + n_samples))
    )


@pytest.mark.parametrize(
    ("covariance_type", "n_features"),
    [("full", 2), ("tied", 2), ("full", 1), ("tied", 1), ("diag", 1), ("spherical", 1)],
)
def test_with_one_component_the_bound_is_the_evidence(covariance_type: str, n_features: int, rough_start: Any) -> None:
    """Nothing is approximated then, so ln p(X) and the bound are one number; for the process, that of z = 1 for all."""
    X = SAMPLES[:, :n_features]
    start = rough_start(X, 1, covariance_type)
    prior = a_prior(covariance_type, "dirichlet_distribution", n_features)
    evidence = gauss_wishart_evidence(X, prior)
    assert_allclose(run_on(X, start, 2, prior=prior).objective, evidence, rtol=1e-12)
    prior = replace(prior, weight_prior="dirichlet_process")
    first_of_the_process = betaln(1 + len(X), 1.4) - betaln(1, 1.4)
    assert_allclose(run_on(X, start, 2, prior=prior).objective, evidence + first_of_the_process, rtol=1e-12)


def test_in_one_dimension_the_evidence_can_be_integrated(rough_start: Any) -> None:
    """∫∫ p(x | μ, λ) p(μ | λ) p(λ) dμ dλ on a grid."""
    X = SAMPLES[:12, :1]
    prior = a_prior("full", n_features=1)
    mean, precision = np.meshgrid(np.linspace(-6, 8, 1500), np.exp(np.linspace(-7, 4, 1500)), indexing="ij")
    log_joint = stats.gamma.logpdf(precision, prior.degrees_of_freedom / 2, scale=2 / prior.covariance.item())
    log_joint += stats.norm.logpdf(mean, prior.mean[0], (prior.mean_precision * precision) ** -0.5)
    for x in X[:, 0]:
        log_joint += stats.norm.logpdf(x, mean, precision**-0.5)
    steps = np.log(np.diff(mean[:2, 0])[0] * np.log(precision[0, 1] / precision[0, 0])) + np.log(precision)
    evidence = logsumexp(log_joint + steps)
    assert run_on(X, rough_start(X, 1, "full"), 1, prior=prior).objective[-1] == pytest.approx(evidence, abs=1e-6)


def draws_of_terms(prior: Prior, snapshot: VariationalSnapshot, X: Any, n_draws: int) -> Any:
    """Draw weights, means and precisions from q, and evaluate what the seven terms are the expectations of."""
    rng = np.random.RandomState(0)
    posterior, kind = snapshot.posterior, prior.covariance_type
    n_components, n_features = posterior.means.shape
    responsibilities = snapshot.responsibilities(X)
    single = kind == "tied"
    copies = n_components if single else 1
    prior_scale = np.linalg.inv(dense(prior.covariance[np.newaxis], "full", 0, n_features) * copies) if single else None
    if prior_scale is None:
        prior_scale = np.linalg.inv(dense(prior.covariance[np.newaxis], kind, 0, n_features))
    prior_wishart = stats.wishart(copies * prior.degrees_of_freedom, prior_scale)
    q_wisharts = [
        stats.wishart(freedom, np.linalg.inv(dense(posterior.covariances, kind, k, n_features)) / freedom)
        for k, freedom in enumerate(posterior.degrees_of_freedom)
    ]
    rows = []
    for _ in range(n_draws):
        precisions = [q.rvs(random_state=rng) for q in q_wisharts]
        components = sum(prior_wishart.logpdf(precision) for precision in precisions)
        q_components = sum(q.logpdf(precision) for q, precision in zip(q_wisharts, precisions, strict=True))
        data = 0.0
        for k in range(n_components):
            covariance = np.linalg.inv(precisions[0 if single else k])
            q_mean = stats.multivariate_normal(posterior.means[k], covariance / posterior.mean_precision[k])
            mean = q_mean.rvs(random_state=rng)
            q_components += q_mean.logpdf(mean)
            components += stats.multivariate_normal(prior.mean, covariance / prior.mean_precision).logpdf(mean)
            data += responsibilities[:, k] @ stats.multivariate_normal(mean, covariance).logpdf(X)
        concentration = posterior.weight_concentration
        if prior.weight_prior == "dirichlet_distribution":
            weights = rng.dirichlet(concentration)
            q_weights = stats.dirichlet(concentration).logpdf(weights)
            p_weights = stats.dirichlet(np.full(n_components, prior.weight_concentration)).logpdf(weights)
        else:
            shares = rng.beta(*concentration)
            weights = shares * np.cumprod(np.append(1, 1 - shares[:-1]))
            q_weights = stats.beta(*concentration).logpdf(shares).sum()
            p_weights = stats.beta(1, prior.weight_concentration).logpdf(shares).sum()
        assignments = (responsibilities @ np.log(weights)).sum()
        q_assignments = xlogy(responsibilities, responsibilities).sum()
        rows.append((data, assignments, p_weights, components, q_assignments, q_weights, q_components))
    return np.array(rows)


def test_every_term_is_the_expectation_it_is_named_for(
    covariance_type: str, weight_prior: str, rough_start: Any
) -> None:
    """By Monte Carlo over q, with the Gaussians, Wisharts, Dirichlets and betas of SciPy."""
    prior = a_prior(covariance_type, weight_prior)
    snapshot: Any = run_on(SAMPLES, rough_start(SAMPLES, 3, covariance_type), 3, prior=prior)[-1]
    draws = draws_of_terms(prior, snapshot, SAMPLES, n_draws=400)
    errors = draws.std(axis=0) / np.sqrt(len(draws))
    assert errors.max() < 0.5  # nats: close enough to notice a term that is missing
    for name, term, mean, error in zip(snapshot.terms._fields, snapshot.terms, draws.mean(axis=0), errors, strict=True):
        assert abs(term - mean) < 4.5 * error + 1e-9, name
    total = draws[:, :4].sum(axis=1) - draws[:, 4:].sum(axis=1)
    assert snapshot.objective == snapshot.terms.total
    assert abs(snapshot.objective - total.mean()) < 4.5 * total.std() / np.sqrt(len(draws))


@pytest.mark.parametrize("name", ["iris", "log customers", "galaxies"])
def test_the_m_step_finds_the_best_posterior(
    load: Any, name: str, covariance_type: str, weight_prior: str, rough_start: Any
) -> None:
    """With q(Z) as it is, no small change of any parameter has a higher bound: the M-step is exact for every type."""
    X, rng = load(name), np.random.RandomState(3)
    prior = default_prior(X, 3, covariance_type, weight_prior=weight_prior)
    before: Any = run_on(X, rough_start(X, 3, covariance_type), 4, prior=prior)[-1]
    statistics = Samples(X).expect(before.posterior.density)
    counts, means, covariances = statistics.moments()
    best = variational_m_step(prior, counts, means, covariances)

    def bound(posterior: Posterior) -> float:
        """Of a posterior with the responsibilities of the one before."""
        return bound_terms(prior, posterior, statistics)._replace(q_assignments=before.terms.q_assignments).total

    top = bound(best)
    assert top > before.objective
    for _ in range(4):
        deviations = np.sqrt(best.mixture.dense_covariances.diagonal(axis1=1, axis2=2))
        shape = best.covariances.shape
        if covariance_type in ("full", "tied"):
            turn = np.eye(X.shape[1]) + 0.02 * rng.standard_normal(shape)
            covariances = turn @ best.covariances @ np.swapaxes(turn, -1, -2)
        else:
            covariances = best.covariances * np.exp(0.02 * rng.standard_normal(shape))
        changes: dict[str, Any] = {
            "means": best.means + 0.02 * deviations * rng.standard_normal(best.means.shape),
            "covariances": covariances,
        }
        for field in ("weight_concentration", "mean_precision", "degrees_of_freedom"):
            values = getattr(best, field)
            changes[field] = values * np.exp(0.02 * rng.standard_normal(values.shape))
        for field, values in changes.items():
            assert bound(replace(best, **{field: values})) < top, field
        assert bound(replace(best, **changes)) < top


def test_the_bound_lies_below_the_evidence(covariance_type: str, rough_start: Any) -> None:
    """'diag' and 'spherical' restrict q in the full model: with one component, they bound its evidence from below."""
    prior = replace(a_prior("full"), covariance=np.eye(2) * 1.3)
    evidence = gauss_wishart_evidence(SAMPLES, prior)
    scale = {"diag": np.full(2, 1.3), "spherical": np.array(1.3)}.get(covariance_type, prior.covariance)
    prior = replace(prior, covariance=scale, covariance_type=covariance_type)
    bound = run_on(SAMPLES, rough_start(SAMPLES, 1, covariance_type), 2, prior=prior).objective[-1]
    assert bound <= evidence + 1e-9
    assert (bound > evidence - 1e-9) == (covariance_type in ("full", "tied"))


# --- the steps, by the book --------------------------------------------------------------------------------


def test_the_m_step_of_the_book() -> None:
    """Bishop (2006), eqs. 10.51 to 10.53, 10.58 and 10.60 to 10.63, in plain loops."""
    responsibilities = np.random.RandomState(0).dirichlet([0.3, 1.0, 3.0], len(SAMPLES))
    prior = a_prior("full")
    posterior = variational_m_step(prior, *weighted_moments(SAMPLES, responsibilities, "full"))
    for k, share in enumerate(responsibilities.T):
        count = sum(share)
        mean = sum(r * x for r, x in zip(share, SAMPLES, strict=True)) / count
        scatter = sum(r * np.outer(x - mean, x - mean) for r, x in zip(share, SAMPLES, strict=True))
        precision = prior.mean_precision + count
        pull = prior.mean_precision * count / precision * np.outer(mean - prior.mean, mean - prior.mean)
        assert_allclose(posterior.weight_concentration[k], 1.4 + count, rtol=1e-12)
        assert_allclose(posterior.mean_precision[k], precision, rtol=1e-12)
        assert_allclose(posterior.means[k], (prior.mean_precision * prior.mean + count * mean) / precision, rtol=1e-12)
        assert_allclose(posterior.degrees_of_freedom[k], prior.degrees_of_freedom + count, rtol=1e-12)
        inverse_scale = posterior.covariances[k] * posterior.degrees_of_freedom[k]
        assert_allclose(inverse_scale, prior.covariance + scatter + pull, rtol=1e-10)


def test_the_sticks_of_the_process() -> None:
    counts = np.array([5.0, 0.0, 2.0])
    prior = a_prior("spherical", "dirichlet_process")
    posterior = variational_m_step(prior, counts, np.zeros((3, 2)), np.ones(3))
    assert_allclose(posterior.weight_concentration, [[6, 1, 3], [3.4, 3.4, 1.4]])
    expected = np.array([6 / 9.4, 3.4 / 9.4 * 1 / 4.4, 3.4 / 9.4 * 3.4 / 4.4 * 3 / 4.4])
    assert_allclose(posterior.expected_weights, expected / expected.sum())
    taken, left = digamma([6, 1, 3]) - digamma([9.4, 4.4, 4.4]), digamma([3.4, 3.4]) - digamma([9.4, 4.4])
    assert_allclose(posterior.expected_log_weights, taken + np.array([0, left[0], left.sum()]))


def test_the_e_step_of_the_book(covariance_type: str, weight_prior: str, rough_start: Any) -> None:
    """Bishop (2006), eqs. 10.46, 10.49, 10.64 and 10.65."""
    prior = a_prior(covariance_type, weight_prior)
    snapshot: Any = run_on(SAMPLES, rough_start(SAMPLES, 3, covariance_type), 2, prior=prior)[-1]
    posterior, log_rho = snapshot.posterior, []
    for k in range(3):
        freedom = np.broadcast_to(posterior.degrees_of_freedom, 3)[k]
        scale = np.linalg.inv(dense(posterior.covariances, covariance_type, k, 2)) / freedom
        log_determinant = digamma(freedom / 2) + digamma((freedom - 1) / 2) + np.log(4 * np.linalg.det(scale))
        difference = SAMPLES - posterior.means[k]
        distance = 2 / posterior.mean_precision[k] + freedom * np.einsum("nd,de,ne->n", difference, scale, difference)
        log_rho.append(posterior.expected_log_weights[k] + (log_determinant - distance - 2 * np.log(2 * np.pi)) / 2)
    assert_allclose(posterior.log_joint(SAMPLES).T, log_rho, rtol=1e-10)
    expected = np.exp(log_rho - logsumexp(log_rho, axis=0)).T
    assert_allclose(snapshot.responsibilities(SAMPLES), expected, rtol=1e-9, atol=1e-14)
    assert not np.allclose(snapshot.mixture.responsibilities(SAMPLES), expected, atol=1e-3)


# --- laws --------------------------------------------------------------------------------------------------


def test_components_that_are_not_needed_die(load: Any, covariance_type: str, rough_start: Any) -> None:
    """A dead component is back at its prior."""
    X = load("faithful")
    prior = default_prior(X, 8, covariance_type, weight_prior="dirichlet_distribution", weight_concentration=1e-3)
    trace = run_on(X, rough_start(X, 8, covariance_type), 1200, prior=prior)
    last: Any = trace[-1]
    dead = trace.weights[-1] < 1e-4
    assert 2 <= dead.sum() <= 6
    posterior = last.posterior
    assert_allclose(posterior.weight_concentration[dead], 1e-3, atol=1e-2)
    assert_allclose(posterior.means[dead], np.tile(prior.mean, (dead.sum(), 1)), rtol=1e-2)
    assert_allclose(posterior.mean_precision[dead], 1, atol=1e-2)


@cache
def weights_of_samples(n_samples: int) -> Any:
    return np.random.RandomState(1).randint(0, 4, n_samples)


@pytest.mark.parametrize("name", ["faithful", "crabs", "galaxies"])
def test_integer_weights_are_repeated_samples(
    load: Any, name: str, covariance_type: str, weight_prior: str, rough_start: Any
) -> None:
    """And a weight of 0 is an absent one, for the default prior as for the rest."""
    X = load(name)
    weights = weights_of_samples(len(X))
    repeated = np.repeat(X, weights, axis=0)
    start = rough_start(X, 4, covariance_type)
    priors = [
        default_prior(X, 4, covariance_type, weight_prior=weight_prior, sample_weight=weights),
        default_prior(repeated, 4, covariance_type, weight_prior=weight_prior),
    ]
    assert_allclose(priors[0].mean, priors[1].mean, rtol=1e-12)
    assert_allclose(priors[0].covariance, priors[1].covariance, rtol=1e-9, atol=1e-12 * np.abs(X).max() ** 2)
    ours = run_on(X, start, 8, prior=priors[0], sample_weight=weights)
    theirs = run_on(repeated, start, 8, prior=priors[1])
    assert_allclose(ours.objective, theirs.objective, rtol=1e-10)
    assert_allclose(ours.weights, theirs.weights, rtol=1e-8)
    assert_allclose(ours.means, theirs.means, rtol=1e-8, atol=1e-8)
    terms: list[Any] = [ours[-1], theirs[-1]]
    assert_allclose(terms[0].terms, terms[1].terms, rtol=1e-8, atol=1e-6)


def test_the_order_of_the_samples_does_not_matter(load: Any, covariance_type: str, rough_start: Any) -> None:
    X = load("iris")
    start = rough_start(X, 4, covariance_type)
    shuffled = X[np.random.RandomState(0).permutation(len(X))]
    assert_allclose(run_on(shuffled, start).objective, run_on(X, start).objective, rtol=1e-11)


def test_permuting_the_start_permutes_the_result(load: Any, covariance_type: str, rough_start: Any) -> None:
    """Under the Dirichlet distribution; the process breaks its stick in the order of the components."""
    X = load("iris")
    start, order = rough_start(X, 4, covariance_type), np.array([2, 0, 3, 1])
    covariances = start.covariances if covariance_type == "tied" else start.covariances[order]
    permuted = Mixture(start.weights[order], start.means[order], covariances, covariance_type)
    for weight_prior, same in (("dirichlet_distribution", True), ("dirichlet_process", False)):
        prior = default_prior(X, 4, covariance_type, weight_prior=weight_prior)
        ours, theirs = (run_on(X, begin, prior=prior) for begin in (permuted, start))
        assert np.allclose(ours.objective, theirs.objective, rtol=1e-11) == same
        assert np.allclose(ours.means, theirs.means[:, order], rtol=1e-9) == same


def test_translating_and_scaling_the_data_does_the_same_to_the_run(
    load: Any, covariance_type: str, weight_prior: str, rough_start: Any
) -> None:
    X = load("iris")
    start, shift, scale = rough_start(X, 4, covariance_type), np.array([-20.0, 3.0, 40.0, 0.1]), 3.7
    moved = Mixture(start.weights, scale * start.means + shift, scale**2 * start.covariances, covariance_type)
    prior, moved_prior = (
        default_prior(data, 4, covariance_type, weight_prior=weight_prior) for data in (X, scale * X + shift)
    )
    ours = run_on(scale * X + shift, moved, prior=moved_prior)
    theirs = run_on(X, start, prior=prior)
    # Densities are divided by scale^D, and the Wishart's and Gaussian's cancel between p and q.
    assert_allclose(ours.objective, theirs.objective - X.size * np.log(scale), rtol=1e-9)
    assert_allclose((ours.means - shift) / scale, theirs.means, rtol=1e-8, atol=1e-8)


def test_data_far_from_the_origin_lose_no_more_than_their_own_digits(load: Any, covariance_type: str) -> None:
    X = np.round(load("faithful") * 64) / 64  # so that adding 2**26 loses nothing
    far = X + 2.0**26
    covariance = np.cov(X.T)
    spread = {"full": [covariance] * 3, "tied": covariance, "diag": [np.diag(covariance)] * 3, "spherical": [90.0] * 3}
    means = X[[0, 1, 2]]
    near_run, far_run = (
        run_on(data, Mixture([0.2, 0.3, 0.5], centres, spread[covariance_type], covariance_type), 10)
        for data, centres in ((X, means), (far, means + 2.0**26))
    )
    assert_allclose(far_run.objective, near_run.objective, rtol=1e-6)
    assert_allclose(far_run.means - 2.0**26, near_run.means, atol=1e-5)


def test_tight_clusters_far_apart(covariance_type: str, weight_prior: str) -> None:
    """σ = 1e-4 at a distance of 1e3: sums about one origin would lose the small variances."""
    rng = np.random.RandomState(0)
    X = np.repeat([[0.0, 0.0], [1e3, 0.0], [0.0, 1e3]], 300, axis=0) + 1e-4 * rng.standard_normal((900, 2))
    scale = 1e-8 * np.eye(2)
    scale = {"full": scale, "tied": scale, "diag": np.diag(scale), "spherical": np.array(1e-8)}[covariance_type]
    prior = default_prior(X, 3, covariance_type, weight_prior=weight_prior, covariance=scale, mean_precision=1e-12)
    wide = {"full": [np.eye(2)] * 3, "tied": np.eye(2), "diag": np.ones((3, 2)), "spherical": np.ones(3)}
    start = Mixture([1 / 3] * 3, X[[5, 305, 605]], 1e4 * np.array(wide[covariance_type]), covariance_type)
    trace = run_on(X, start, 6, prior=prior)
    by_the_book = variational_m_step(prior, *weighted_moments(X, start.responsibilities(X), covariance_type))
    assert_allclose(trace[0].mixture.covariances, by_the_book.covariances, rtol=1e-5, atol=1e-13)
    deviations = np.sqrt(trace[-1].mixture.dense_covariances.diagonal(axis1=1, axis2=2))
    assert_allclose(deviations, 1e-4, rtol=0.1)
    assert (np.diff(trace.objective) >= -1e-9 * np.abs(trace.objective).max()).all()


def test_types_that_are_equal_in_one_dimension_give_one_run(load: Any, weight_prior: str, rough_start: Any) -> None:
    X = load("galaxies")
    runs = [
        run_on(X, rough_start(X, 4, name), 20, prior=default_prior(X, 4, name, weight_prior=weight_prior))
        for name in ("full", "diag", "spherical")
    ]
    for other in runs[1:]:
        assert_allclose(other.objective, runs[0].objective, rtol=1e-11)
        assert_allclose(other.covariances.ravel(), runs[0].covariances.ravel(), rtol=1e-9)


def test_a_fixed_point_stays_where_it_is(load: Any, covariance_type: str, weight_prior: str, rough_start: Any) -> None:
    X = load("faithful")
    prior = default_prior(X, 3, covariance_type, weight_prior=weight_prior)
    start = rough_start(X, 3, covariance_type)
    settled: Any = Trace.record(variational_em(X, start, prior=prior), X, tol=1e-13, max_iter=4000)
    assert settled.outcome in ("converged", "decreased")
    again = Trace.record(variational_em(X, settled[-1].posterior, prior=prior), X, tol=0, max_iter=3)
    assert_allclose(again.objective, settled.objective[-1], rtol=1e-11)
    assert_allclose(again.means[-1], settled.means[-1], rtol=1e-4)


def test_reg_covar_is_added_to_what_the_data_say() -> None:
    prior = a_prior("full")
    start = Mixture([1.0], [[0, 0]], [np.eye(2)])
    first: list[Any] = [next(variational_em(SAMPLES, start, prior=prior, reg_covar=reg)) for reg in (0.0, 0.25)]
    scales = [s.posterior.covariances[0] * s.posterior.degrees_of_freedom[0] for s in first]
    assert_allclose(scales[1] - scales[0], 0.25 * len(SAMPLES) * np.eye(2), atol=1e-9)


def test_single_precision_stays_single_and_agrees(
    load: Any, covariance_type: str, weight_prior: str, rough_start: Any
) -> None:
    X = load("faithful")
    single = X.astype(np.float32)
    start = rough_start(X, 3, covariance_type)
    prior = default_prior(X, 3, covariance_type, weight_prior=weight_prior)
    ours = run_on(single, start, 5, prior=default_prior(single, 3, covariance_type, weight_prior=weight_prior))
    theirs = run_on(X, start, 5, prior=prior)
    last: Any = ours[-1]
    assert last.mixture.means.dtype == last.mixture.covariances.dtype == last.mixture.weights.dtype == np.float32
    assert last.responsibilities(single).dtype == np.float32
    assert_allclose(ours.objective, theirs.objective, rtol=1e-4)
    assert_allclose(ours.means, theirs.means, rtol=1e-3)


# --- snapshots, values, errors -----------------------------------------------------------------------------


def test_a_snapshot_is_like_any_other(load: Any, covariance_type: str, rough_start: Any) -> None:
    X = load("faithful")
    trace = run_on(X, rough_start(X, 3, covariance_type))
    assert trace.objective_name == "evidence lower bound"
    assert not trace.hard
    for number, snapshot in enumerate(trace):
        assert isinstance(snapshot, VariationalSnapshot)
        assert snapshot.iteration == number
        assert snapshot.mixture is snapshot.posterior.mixture
        assert snapshot.objective == snapshot.terms.total
        assert_allclose(snapshot.responsibilities(X).sum(axis=1), 1, rtol=1e-14)
        assert_allclose(snapshot.terms.q_assignments, xlogy(*[snapshot.responsibilities(X)] * 2).sum(), atol=1e-8)
    with pytest.raises(AttributeError):
        trace[0].posterior = None  # type: ignore[attr-defined]


def test_a_snapshot_can_be_made_again_from_arrays(covariance_type: str, weight_prior: str, rough_start: Any) -> None:
    prior = a_prior(covariance_type, weight_prior)
    snapshot: Any = run_on(SAMPLES, rough_start(SAMPLES, 2, covariance_type), 2, prior=prior)[-1]
    arrays = snapshot.arrays()
    assert all(isinstance(array, np.ndarray) and array.dtype.kind in "fi" for array in arrays.values())
    plain = Snapshot(snapshot.iteration, snapshot.mixture, snapshot.objective)
    again = VariationalSnapshot.from_arrays(plain, arrays)
    assert_array_equal(again.responsibilities(SAMPLES), snapshot.responsibilities(SAMPLES))
    assert again.terms == snapshot.terms
    assert again.objective == snapshot.objective
    assert again.objective_name == "evidence lower bound"
    assert again.prior.weight_prior == weight_prior
    following: list[Any] = [run_on(SAMPLES, s.posterior, 1, prior=s.prior)[-1].objective for s in (snapshot, again)]
    assert following[0] == following[1]


def test_posterior_and_prior_never_change(covariance_type: str, rough_start: Any) -> None:
    prior = a_prior(covariance_type)
    snapshot: Any = run_on(SAMPLES, rough_start(SAMPLES, 2, covariance_type), 1, prior=prior)[-1]
    for value, copied in (
        (made, again)
        for made in (snapshot.posterior, snapshot.prior)
        for again in (copy.deepcopy(made), pickle.loads(pickle.dumps(made)))
    ):
        for name in value.__dataclass_fields__:
            mine, other = getattr(value, name), getattr(copied, name)
            assert_array_equal(mine, other)
            if isinstance(mine, np.ndarray):
                for array in (mine, other):
                    assert not array.flags.writeable
    assert "2 components" in repr(snapshot.posterior)
    assert "dirichlet_distribution" in repr(snapshot.posterior)


def test_snapshot_0_is_the_start(covariance_type: str, weight_prior: str, rough_start: Any) -> None:
    start = rough_start(SAMPLES, 2, covariance_type)
    prior = a_prior(covariance_type, weight_prior)
    first: Any = next(variational_em(SAMPLES, start, prior=prior))
    moments = weighted_moments(SAMPLES, start.responsibilities(SAMPLES), covariance_type)
    assert_allclose(first.posterior.means, variational_m_step(prior, *moments).means, rtol=1e-10)
    again: Any = next(variational_em(SAMPLES, first.posterior, prior=prior))
    assert again.posterior is first.posterior
    assert again.objective == pytest.approx(first.objective, rel=1e-12)


def test_the_default_prior_is_that_of_the_data(load: Any, covariance_type: str) -> None:
    X = load("iris")
    prior = default_prior(X, 4, covariance_type)
    covariance = np.cov(X.T)
    expected = {"diag": np.diag(covariance), "spherical": np.diag(covariance).mean()}.get(covariance_type, covariance)
    assert_allclose(prior.covariance, expected, rtol=1e-10)
    assert_allclose(prior.mean, X.mean(axis=0))
    assert (prior.degrees_of_freedom, prior.mean_precision, prior.weight_concentration) == (4, 1, 0.25)
    assert prior.weight_prior == "dirichlet_process"
    first: Any = next(variational_em(X, Mixture([1.0], X[:1], *SHAPES[covariance_type])))
    assert_array_equal(first.prior.covariance, default_prior(X, 1, covariance_type).covariance)


SHAPES: dict[str, Any] = {
    "full": (np.eye(4)[np.newaxis], "full"),
    "tied": (np.eye(4), "tied"),
    "diag": (np.ones((1, 4)), "diag"),
    "spherical": (np.ones(1), "spherical"),
}


def test_a_constant_feature_needs_no_prior_of_its_own(covariance_type: str, weight_prior: str) -> None:
    """The default prior is improper then; the bound, up to a constant, still does not fall."""
    X = np.column_stack([SAMPLES, np.full(len(SAMPLES), 5.0)])
    prior = default_prior(X, 2, covariance_type, weight_prior=weight_prior)
    identity = {"full": np.eye(3)[np.newaxis].repeat(2, 0), "tied": np.eye(3), "diag": np.ones((2, 3))}
    start = Mixture([0.5, 0.5], X[[0, -1]], identity.get(covariance_type, np.ones(2)), covariance_type)
    objective = run_on(X, start, 20, prior=prior, reg_covar=1e-6).objective
    assert np.isfinite(objective).all()
    assert (np.diff(objective) >= -1e-4).all()  # reg_covar may lower it by a trifle
    if covariance_type != "spherical":
        with pytest.raises(CollapseError, match=r"in the starting point.*reg_covar"):
            run_on(X, start, 1, prior=prior)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"weight_prior": "dirichlet"}, "must be one of dirichlet_process, dirichlet_distribution"),
        ({"mean_precision": 0.0}, "mean_precision must be greater than 0, but it is 0.0"),
        ({"weight_concentration": -1.0}, "weight_concentration must be greater than 0, but it is -1.0"),
        ({"degrees_of_freedom": 1.0}, "greater than n_features - 1 = 1, but it is 1.0"),
        ({"covariance": np.ones(2)}, r"for type 'full', \(2, 2\); they have shapes \(2,\) and \(2,\)"),
        ({"covariance_type": "round"}, "covariance_type is 'round'"),
    ],
    ids=str,
)
def test_a_prior_that_makes_no_sense_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(a_prior("full"), **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean_precision": [1.0]}, r"mean_precision must have shape \(2,\) .* it has shape \(1,\)"),
        ({"weight_concentration": np.ones((3, 2))}, r"weight_concentration must have shape \(2,\) or \(2, 2\)"),
        ({"degrees_of_freedom": [3.0, -1.0]}, r"positive values; it has shape \(2,\) and values \[3\.0, -1\.0\]"),
        ({"covariances": -np.ones(2)}, "component 0 is not positive definite"),
    ],
    ids=str,
)
def test_a_posterior_that_makes_no_sense_is_refused(change: dict[str, Any], words: str) -> None:
    sound: dict[str, Any] = {
        "weight_concentration": np.ones(2),
        "mean_precision": np.ones(2),
        "means": np.zeros((2, 1)),
        "degrees_of_freedom": np.ones(2),
        "covariances": np.ones(2),
    }
    assert Posterior(**sound, covariance_type="spherical").weight_prior == "dirichlet_distribution"
    with pytest.raises(ValueError, match=words):
        Posterior(**sound | change, covariance_type="spherical")


class Elsewhere:
    """A source that shows nothing but its sums."""

    def __init__(self, X: Any) -> None:
        self._samples = Samples(X)
        self.largest, self.total_weight = self._samples.largest, self._samples.total_weight
        self.expect, self.short_form = self._samples.expect, self._samples.short_form


def test_any_source_of_sums_will_do(covariance_type: str, rough_start: Any) -> None:
    start, prior = rough_start(SAMPLES, 2, covariance_type), a_prior(covariance_type)
    ours: Any = list(islice(variational_em(Elsewhere(SAMPLES), start, prior=prior), 4))[-1]
    assert ours.objective == run_on(SAMPLES, start, 3, prior=prior)[-1].objective


def test_what_does_not_go_together_is_refused(rough_start: Any) -> None:
    start = rough_start(SAMPLES, 2, "full")
    for prior in (a_prior("diag"), a_prior("full", n_features=3)):
        with pytest.raises(ValueError, match="data, start and prior must go together"):
            variational_em(SAMPLES, start, prior=prior)
    posterior = next(variational_em(SAMPLES, start, prior=a_prior("full"))).posterior
    with pytest.raises(ValueError, match=r"\['dirichlet_distribution', 'dirichlet_process'\]"):
        variational_em(SAMPLES, posterior, prior=a_prior("full", "dirichlet_process"))
    with pytest.raises(ValueError, match="for another source, give a prior"):
        variational_em(Elsewhere(SAMPLES), start)
    with pytest.raises(ValueError, match=r"sum to 0\.8; they say how many times each sample counts"):
        default_prior(SAMPLES, 2, sample_weight=np.full(len(SAMPLES), 0.02))
