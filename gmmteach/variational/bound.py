"""The evidence lower bound, whole and in its seven terms (Bishop 2006, eqs. 10.70 to 10.77).

    ln p(X) ≥ E[ln p(X | Z, μ, Λ)] + E[ln p(Z | π)] + E[ln p(π)] + E[ln p(μ, Λ)]
              - E[ln q(Z)] - E[ln q(π)] - E[ln q(μ, Λ)]

Nothing is left out, so that bounds of different runs, covariance types and numbers of components can be compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaln, gammaln, multigammaln

from ..covariance import Array, CollapseError, covariance_type_of
from ..statistics import Statistics
from .beliefs import Posterior, Prior


class BoundTerms(NamedTuple):
    """The seven terms of the evidence lower bound, in nats.

    Attributes
    ----------
    data : E[ln p(X | Z, μ, Λ)] (Bishop 2006, eq. 10.71)
    assignments : E[ln p(Z | π)] (eq. 10.72)
    weights : E[ln p(π)] (eq. 10.73)
    components : E[ln p(μ, Λ)] (eq. 10.74)
    q_assignments : E[ln q(Z)] (eq. 10.75), minus the entropy of the responsibilities
    q_weights : E[ln q(π)] (eq. 10.76)
    q_components : E[ln q(μ, Λ)] (eq. 10.77)
    """

    data: float
    assignments: float
    weights: float
    components: float
    q_assignments: float
    q_weights: float
    q_components: float

    @property
    def total(self) -> float:
        """The bound: four expectations under p, less three under q (Bishop 2006, eq. 10.70)."""
        return sum(self[:4]) - sum(self[4:])


def bound_terms(prior: Prior, posterior: Posterior, statistics: Statistics) -> BoundTerms:
    """Evidence lower bound of a posterior, and of the responsibilities that belong to it.

    Parameters
    ----------
    prior : Prior
    posterior : Posterior
    statistics : Statistics
        What ``Samples.expect(posterior.density)`` returned.
    """
    data = _data_term(posterior, statistics)
    assignments = float(statistics.counts @ posterior.expected_log_weights)
    # q(Z) is ρ divided by its sums, so E[ln q(Z)] = E[ln ρ] - Σ_n ln Σ_k ρ_nk, and E[ln ρ] is the first two terms.
    q_assignments = data + assignments - statistics.log_likelihood
    weights, q_weights = _stick_terms(prior, posterior) if _is_process(prior) else _dirichlet_terms(prior, posterior)
    components, q_components = (
        sum(parts) for parts in zip(_mean_terms(prior, posterior), _wishart_terms(prior, posterior), strict=True)
    )
    return BoundTerms(data, assignments, weights, components, q_assignments, q_weights, q_components)


def _data_term(posterior: Posterior, statistics: Statistics) -> float:
    """Fit of the components to their shares of the data."""
    kind, n_features = covariance_type_of(posterior.covariance_type), posterior.means.shape[1]
    counts = statistics.counts
    _, means, covariances = statistics.moments()
    scatter = summed(covariances, counts, posterior.covariance_type)
    scatter = scatter + kind.spread(counts, means - posterior.means)  # about m_k, no longer about x̄_k
    constants = posterior.expected_log_determinants - n_features * (1 / posterior.mean_precision + np.log(2 * np.pi))
    return float(counts @ constants - _squared_distance(scatter, posterior)) / 2


def _dirichlet_terms(prior: Prior, posterior: Posterior) -> tuple[float, float]:
    """E[ln p(π)] and E[ln q(π)] of Dirichlet distributions; their normalisers are eq. B.23."""
    before, after = prior.weight_concentration, posterior.weight_concentration.astype(np.float64)
    log_weights, n_components = posterior.expected_log_weights, len(after)
    p = (before - 1) * log_weights.sum() + gammaln(n_components * before) - n_components * gammaln(before)
    q = (after - 1) @ log_weights + gammaln(after.sum()) - gammaln(after).sum()
    return float(p), float(q)


def _stick_terms(prior: Prior, posterior: Posterior) -> tuple[float, float]:
    """E[ln p(v)] and E[ln q(v)] of the shares of the stick, Beta(1, γ) and Beta(a_k, b_k) (Blei & Jordan 2006)."""
    gamma, (a, b) = prior.weight_concentration, posterior.weight_concentration.astype(np.float64)
    taken, left = posterior.expected_log_shares
    p = (gamma - 1) * left - betaln(1, gamma)
    q = (a - 1) * taken + (b - 1) * left - betaln(a, b)
    return float(p.sum()), float(q.sum())


def _mean_terms(prior: Prior, posterior: Posterior) -> tuple[float, float]:
    """E[ln p(μ | Λ)] and E[ln q(μ | Λ)]: Gaussians with the precisions β_0 Λ_k and β_k Λ_k."""
    kind, (n_components, n_features) = covariance_type_of(prior.covariance_type), posterior.means.shape
    before, after = prior.mean_precision, posterior.mean_precision.astype(np.float64)
    log_determinants = np.broadcast_to(posterior.expected_log_determinants, n_components)
    pulls = kind.spread(np.full(n_components, before), posterior.means - prior.mean)
    p = log_determinants + n_features * (np.log(before / (2 * np.pi)) - before / after)
    q = log_determinants + n_features * (np.log(after / (2 * np.pi)) - 1)
    return float(p.sum() - _squared_distance(pulls, posterior)) / 2, float(q.sum()) / 2


def _wishart_terms(prior: Prior, posterior: Posterior) -> tuple[float, float]:
    """E[ln p(Λ)] and E[ln q(Λ)]: one Wishart distribution for every precision that there is (eq. B.78)."""
    n_components, n_features = posterior.means.shape
    log_determinants, after = posterior.expected_log_determinants, posterior.degrees_of_freedom.astype(np.float64)
    before, inverse_scale = prior.wishart(n_components)
    scale_distance = _squared_distance(np.broadcast_to(inverse_scale, posterior.covariances.shape), posterior)
    p = (before - n_features - 1) / 2 * log_determinants + _log_prior_normaliser(prior, n_components)
    q = (after - n_features - 1) / 2 * log_determinants - after * n_features / 2
    q += _log_wishart_normaliser(after, -posterior.log_scale_determinants, n_features)
    return float(p.sum() - scale_distance / 2), float(q.sum())


def _log_prior_normaliser(prior: Prior, n_components: int) -> float:
    """Logarithm of B(W_0, ν_0).

    A singular covariance makes the prior improper, as scikit-learn's default does where a feature is constant. Its
    infinite constant is left out, and the bound is then known up to a constant only.
    """
    freedom, inverse_scale = prior.wishart(n_components)
    kind, n_features = covariance_type_of(prior.covariance_type), len(prior.mean)
    one = inverse_scale.astype(np.float64).reshape(kind.shape(1, n_features))
    try:
        log_determinant = -2 * kind.log_determinants(kind.precision_cholesky(one), n_features)
    except CollapseError:
        log_determinant = np.zeros(1)
    return float(_log_wishart_normaliser(np.array([freedom]), log_determinant, n_features)[0])


def _log_wishart_normaliser(freedom: Array, log_inverse_determinants: Array, n_features: int) -> Array:
    """Logarithm of B(W, ν), from ν and ln |W⁻¹| (Bishop 2006, eq. B.79)."""
    halves = freedom / 2
    return halves * (log_inverse_determinants - n_features * np.log(2)) - multigammaln(halves, n_features)


def _squared_distance(scatter: Array, posterior: Posterior) -> float:
    """Σ_k tr(scatter_k E[Λ_k]): expected squared Mahalanobis distances, summed."""
    repeats = posterior.means.shape[1] if posterior.covariance_type == "spherical" else 1
    return repeats * float((scatter * posterior.expected_precisions).sum())


def summed(covariances: Array, counts: Array, covariance_type: str) -> Array:
    """N_k S_k, in the shape of the covariance type: covariances made sums over the samples again."""
    if covariance_type == "tied":
        return covariances * counts.sum()
    return covariances * counts.reshape(-1, *[1] * (covariances.ndim - 1))


def _is_process(prior: Prior) -> bool:
    return prior.weight_prior == "dirichlet_process"
