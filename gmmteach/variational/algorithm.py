"""Variational EM in the shape of every algorithm here: a generator of snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..covariance import Array, CollapseError, collapse, covariance_type_of
from ..mixture import Density, Mixture
from ..statistics import Samples, Source, Statistics, source
from ..trace import Snapshot
from .beliefs import Posterior, Prior, default_prior
from .bound import BoundTerms, bound_terms, summed


@dataclass(frozen=True, eq=False, kw_only=True)
class VariationalSnapshot(Snapshot):
    """A snapshot whose parameters are distributions.

    Its ``mixture`` is that of its posterior (`Posterior.mixture`). Its objective is the evidence lower bound of that
    very posterior, with the responsibilities that belong to it.

    Attributes
    ----------
    prior : Prior
    posterior : Posterior
    terms : BoundTerms
        The seven terms of the objective.
    """

    prior: Prior
    posterior: Posterior
    terms: BoundTerms
    objective_name: str = "evidence lower bound"

    def responsibilities(self, X: ArrayLike) -> Array:
        """q(Z), (n_samples, n_components), which knows how uncertain the parameters are; the mixture's do not."""
        return self.posterior.responsibilities(X)

    def arrays(self) -> dict[str, Array]:
        """Prior, posterior and terms as plain arrays: what has to be saved besides the mixture."""
        parts = {"terms": np.array(self.terms)}
        for name in ("prior", "posterior"):
            value = getattr(self, name)
            numbers = {field.name: getattr(value, field.name) for field in fields(value)}
            parts |= {f"{name}.{key}": np.asarray(part) for key, part in numbers.items() if not isinstance(part, str)}
        return parts

    @classmethod
    def from_arrays(cls, plain: Snapshot, arrays: Mapping[str, Array]) -> VariationalSnapshot:
        """Make a snapshot again from what was saved: a plain one, and the ``arrays``."""
        parts: dict[str, dict[str, Any]] = {"prior": {}, "posterior": {}}
        for name in arrays.keys() - {"terms"}:
            whose, part = name.split(".")
            parts[whose][part] = arrays[name] if arrays[name].ndim else arrays[name].item()
        posterior = Posterior(**parts["posterior"], covariance_type=plain.mixture.covariance_type)
        prior = Prior(**parts["prior"], weight_prior=posterior.weight_prior, covariance_type=posterior.covariance_type)
        terms = BoundTerms(*arrays["terms"].tolist())
        return cls(plain.iteration, posterior.mixture, plain.objective, prior=prior, posterior=posterior, terms=terms)


def variational_m_step(prior: Prior, counts: Array, means: Array, covariances: Array) -> Posterior:
    """Posterior that raises the bound most, given the shares of the data.

        β_k = β_0 + N_k                                                            (Bishop 2006, eq. 10.60)
        m_k = (β_0 m_0 + N_k x̄_k) / β_k                                                         (eq. 10.61)
        W_k⁻¹ = W_0⁻¹ + N_k S_k + (β_0 N_k / β_k) (x̄_k - m_0)(x̄_k - m_0)ᵀ                       (eq. 10.62)
        ν_k = ν_0 + N_k                                                                         (eq. 10.63)
        α_k = α_0 + N_k                                                                         (eq. 10.58)

    For the Dirichlet process a_k = 1 + N_k and b_k = γ + Σ_{j > k} N_j (Blei & Jordan 2006). Of the matrices, 'diag'
    keeps the diagonal and 'spherical' the mean of the diagonal; 'tied' adds them, and N_k, up over the components.

    Parameters
    ----------
    prior : Prior
    counts : (n_components,), N_k (eq. 10.51)
    means : (n_components, n_features), x̄_k (eq. 10.52)
    covariances : in the shape of the covariance type, S_k (eq. 10.53)

    Raises
    ------
    CollapseError
        If a covariance is not positive definite.
    """
    kind = covariance_type_of(prior.covariance_type)
    if prior.weight_prior == "dirichlet_process":
        to_come = np.append(np.cumsum(counts[:0:-1])[::-1], 0)  # N_j of all components after this one
        weight_concentration = np.stack([1 + counts, prior.weight_concentration + to_come])
    else:
        weight_concentration = prior.weight_concentration + counts

    mean_precision = prior.mean_precision + counts
    pulled = prior.mean + (counts / mean_precision)[:, np.newaxis] * (means - prior.mean)

    freedom, inverse_scale = prior.wishart(len(counts))
    degrees_of_freedom = freedom + (counts.sum(keepdims=True) if prior.covariance_type == "tied" else counts)
    pulls = kind.spread(prior.mean_precision * counts / mean_precision, means - prior.mean)
    inverse_scales = inverse_scale + summed(covariances, counts, prior.covariance_type) + pulls
    expected = kind.covariances(inverse_scales, degrees_of_freedom)

    parts = (weight_concentration, mean_precision, pulled, degrees_of_freedom, expected)
    a, b, c, d, e = (part.astype(means.dtype) for part in parts)
    return Posterior(a, b, c, d, e, prior.covariance_type)


def variational_em(
    X: ArrayLike | Source,
    start: Mixture | Posterior,
    *,
    prior: Prior | None = None,
    reg_covar: float = 0.0,
    sample_weight: ArrayLike | None = None,
) -> Iterator[VariationalSnapshot]:
    """Run variational EM for ever: yield the start, then the posterior after every E-step and M-step.

    Parameters
    ----------
    X : (n_samples, n_features), or any other `Source`
    start : Mixture or Posterior
        With a mixture, snapshot 0 is the posterior that its responsibilities lead to.
    prior : Prior, optional
        `default_prior` for the data and the start; another source than data in memory needs one.
    reg_covar : float
        Added to every variance that the M-step finds in the data. With 0, the bound never falls.
    sample_weight : (n_samples,), optional
        How many times each sample counts.

    Yields
    ------
    VariationalSnapshot
        Its objective is the evidence lower bound, in nats.

    Raises
    ------
    CollapseError
        If a covariance is not positive definite; only a prior that is singular lets it come to that.
    ValueError
        If data, start and prior do not go together.

    Examples
    --------
    Six components for two groups; four of them are not needed:

    >>> from gmmteach import Trace
    >>> from gmmteach.datasets import load_faithful
    >>> from gmmteach.starts import starting_mixture
    >>> X = load_faithful().data
    >>> start = starting_mixture(X, 6, random_state=0)
    >>> trace = Trace.record(variational_em(X, start), X, tol=1e-7, max_iter=1000)
    >>> int((trace.weights[-1] > 0.01).sum())
    2
    """
    data = source(X, sample_weight)
    if prior is None:
        if not isinstance(data, Samples):
            raise ValueError("the default prior looks at data in memory; for another source, give a prior.")
        prior = default_prior(data.X, len(start.means), start.covariance_type, sample_weight=data.sample_weight)
    n_features = {len(data.largest), len(prior.mean), start.means.shape[1]}
    weight_priors = {prior.weight_prior, getattr(start, "weight_prior", prior.weight_prior)}
    if len(n_features) > 1 or prior.covariance_type != start.covariance_type or len(weight_priors) > 1:
        raise ValueError(
            "data, start and prior must go together, but their numbers of features are "
            f"{len(data.largest)}, {start.means.shape[1]} and {len(prior.mean)}; start and prior are of type "
            f"{start.covariance_type!r} and {prior.covariance_type!r}; and the weights' priors are "
            f"{sorted(weight_priors)}."
        )
    return _variational_em(data, start, prior, reg_covar)


def _variational_em(
    data: Source, start: Mixture | Posterior, prior: Prior, reg_covar: float
) -> Iterator[VariationalSnapshot]:
    if isinstance(start, Posterior):
        posterior = start
    else:
        posterior = _maximise(data, start.density, data.expect(start.density), prior, reg_covar, 0)
    for iteration in count():
        statistics = data.expect(posterior.density)
        terms = bound_terms(prior, posterior, statistics)
        if not np.isfinite(terms.total):
            raise CollapseError(f"The evidence lower bound is no longer a number at iteration {iteration}: {terms}.")
        yield VariationalSnapshot(
            iteration, posterior.mixture, terms.total, prior=prior, posterior=posterior, terms=terms
        )
        posterior = _maximise(data, posterior.density, statistics, prior, reg_covar, iteration + 1)


def _maximise(
    data: Source, density: Density, statistics: Statistics, prior: Prior, reg_covar: float, iteration: int
) -> Posterior:
    """M-step from sums. Where sums about distant points have cost digits, they are taken again about the new means."""
    try:
        posterior = _from_sums(statistics, prior, reg_covar)
        sound = data.short_form(posterior.density) is not None or statistics.keep_digits(posterior.density)
    except ValueError:  # so many digits were lost that no covariance is left, or not a symmetric one
        sound = False
    if sound:
        return posterior
    again = data.expect(density, about=statistics.moments()[1])
    try:
        return _from_sums(again, prior, reg_covar)
    except CollapseError as error:
        raise collapse(error, again.counts, iteration) from None


def _from_sums(statistics: Statistics, prior: Prior, reg_covar: float) -> Posterior:
    _, means, covariances = statistics.moments()
    covariances = covariance_type_of(prior.covariance_type).add_to_diagonal(covariances, reg_covar)
    return variational_m_step(prior, statistics.counts, means.astype(statistics.origin.dtype), covariances)
