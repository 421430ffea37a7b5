"""Expectation maximisation for Gaussian mixtures, as it is written on the board.

The E-step asks who made each point; the M-step fits each component to its share (Dempster, Laird & Rubin
1977; Bishop 2006, section 9.2.2). `em` alternates them for ever and yields a snapshot after each round.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike

from .covariance import REMEDY, Array, CollapseError, collapse, covariance_type_of, floating
from .mixture import Mixture
from .statistics import Source, Statistics, source, weighted_moments
from .trace import Snapshot


def e_step(
    X: ArrayLike, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike, covariance_type: str = "full"
) -> Array:
    """Responsibilities: the probability of each component, given each sample.

        γ_nk = π_k N(x_n | μ_k, Σ_k) / Σ_j π_j N(x_n | μ_j, Σ_j)                   (Bishop 2006, eq. 9.23)

    Parameters
    ----------
    X : (n_samples, n_features)
    weights : (n_components,)
    means : (n_components, n_features)
    covariances : in the shape of the covariance type

    Returns
    -------
    (n_samples, n_components), rows sum to 1

    Raises
    ------
    ValueError
        If the parameters do not make a mixture (see `Mixture`).
    """
    return Mixture(np.asarray(weights), np.asarray(means), np.asarray(covariances), covariance_type).responsibilities(X)


def m_step(
    X: ArrayLike, responsibilities: ArrayLike, covariance_type: str = "full", reg_covar: float = 0.0
) -> tuple[Array, Array, Array]:
    """Parameters that fit best, given the responsibilities: weighted averages, all of them.

        N_k = Σ_n γ_nk                                                             (Bishop 2006, eq. 9.27)
        π_k = N_k / N                                                                           (eq. 9.26)
        μ_k = Σ_n γ_nk x_n / N_k                                                                (eq. 9.24)
        Σ_k = Σ_n γ_nk (x_n - μ_k)(x_n - μ_k)ᵀ / N_k                                            (eq. 9.25)

    Parameters
    ----------
    X : (n_samples, n_features)
    responsibilities : (n_samples, n_components)
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
    reg_covar : float
        Added to every variance, in squared units of the data.

    Returns
    -------
    weights : (n_components,)
    means : (n_components, n_features)
    covariances : in the shape of the covariance type
    """
    X, responsibilities = floating(X), floating(responsibilities)
    if X.ndim != 2 or responsibilities.ndim != 2 or len(X) != len(responsibilities):
        raise ValueError(
            "X must have shape (n_samples, n_features) and responsibilities (n_samples, n_components), with as many "
            f"rows; they have shapes {X.shape} and {responsibilities.shape}."
        )
    counts, means, covariances = weighted_moments(X, responsibilities, covariance_type)
    weights = counts / counts.sum()
    return weights, means, covariance_type_of(covariance_type).add_to_diagonal(covariances, reg_covar)


def em(
    X: ArrayLike | Source, start: Mixture, *, reg_covar: float = 0.0, sample_weight: ArrayLike | None = None
) -> Iterator[Snapshot]:
    """Run EM for ever: yield the start, then the mixture after every E-step and M-step.

    The same numbers as `e_step` and `m_step` in turn, made by way of sums (`statistics.py`), which is quicker and
    needs no room for the responsibilities.

    Parameters
    ----------
    X : (n_samples, n_features), or any other `Source`
    start : Mixture
        Its covariance type is the type of the whole run.
    reg_covar : float
        Added to every variance in the M-step. With 0, the log-likelihood never falls.
    sample_weight : (n_samples,), optional
        How many times each sample counts.

    Yields
    ------
    Snapshot
        Its objective is the total log-likelihood of its own mixture, in nats.

    Raises
    ------
    CollapseError
        When a component's covariance stops being positive definite; it names the component and what to try.
    """
    data = source(X, sample_weight)
    mixture = start
    for iteration in count():
        statistics = finite(data.expect(mixture.density), iteration)
        yield Snapshot(iteration, mixture, statistics.log_likelihood)
        try:
            mixture = maximise(data, mixture, statistics, reg_covar)
        except CollapseError as error:
            raise collapse(error, statistics.counts, iteration + 1) from None


def finite(statistics: Statistics, iteration: int) -> Statistics:
    """Raise CollapseError if the log-likelihood is not a number; return the statistics."""
    if not isfinite(statistics.log_likelihood):
        raise CollapseError(f"The log-likelihood is no longer a number at iteration {iteration}. {REMEDY}")
    return statistics


def maximise(data: Source, mixture: Mixture, statistics: Statistics, reg_covar: float) -> Mixture:
    """M-step from sums. Where sums about distant points have cost digits, they are taken again about the new means."""
    try:
        weights, means, covariances = statistics.parameters(reg_covar)
        make = Mixture.of_sound if isfinite(covariances.sum()) else Mixture  # which says what is wrong
        best = make(weights, means, covariances, mixture.covariance_type)
        sound = data.short_form(best.density) is not None or statistics.keep_digits(best.density)
    except CollapseError:
        sound = False
    if not sound:
        statistics = data.expect(mixture.density, about=statistics.moments()[1])
        best = Mixture(*statistics.parameters(reg_covar), mixture.covariance_type)
    check_spread(best, statistics.counts, data.largest)
    return best


def check_spread(mixture: Mixture, counts: Array, reach: Array) -> None:
    """Raise CollapseError if a component sits on one spot: what is left of its spread is rounding.

    Parameters
    ----------
    mixture : Mixture
    counts : (n_components,), the effective numbers of points
    reach : (n_features,), the largest absolute value of each feature
    """
    eps, variances = np.finfo(mixture.means.dtype).eps, mixture.variances
    # Differences from the mean are rounded, and the trifle in N_k shifts a mean by 10 eps / N_k of itself.
    sizes, least_held = np.maximum(np.abs(mixture.means), eps * reach), 0.05
    if variances.min() >= (16 * eps / least_held * sizes.max()) ** 2:
        return  # far from it, as nearly always
    held = np.minimum(np.maximum(counts, least_held), 1)[:, np.newaxis]
    rounding = sizes * (16 * eps / held)
    if mixture.covariance_type == "spherical":  # one number for all features: the coarsest of them decides
        rounding = rounding.max(axis=1, keepdims=True)
    narrow = variances < rounding * rounding
    shared = mixture.covariance_type == "tied"
    if (narrow.all(axis=0) if shared else narrow).any():
        k = int(narrow.any(axis=1).argmax())
        whose = "All components have" if shared else f"Component {k} has"
        deviation = np.sqrt(variances[k].min())
        raise CollapseError(f"{whose} shrunk to a standard deviation of {deviation:.3g}.", None if shared else k)
