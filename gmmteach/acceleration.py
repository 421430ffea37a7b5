"""EM in seven-league boots: the same peak in fewer passes over the data.

Near its peak EM creeps: each step is nearly the one before, times the share of information that is missing (Dempster,
Laird & Rubin 1977, section 3.2). SQUAREM measures two steps, r and r + v, sees from them how fast they shrink, and
jumps ahead (Varadhan & Roland 2008, *Simple and globally convergent methods for accelerating the convergence of any EM
algorithm*, scheme S3):

    θ' = θ₀ - 2 α r + α² v,     α = -‖r‖ / ‖v‖,     r = θ₁ - θ₀,     v = (θ₂ - θ₁) - r

A jump is made only if it gains more than the step before it; else the run goes on from θ₂. So the objective never
falls, and a jump that leads nowhere does not look like convergence. After a jump that failed the next may be a quarter
as long, after one that gained four times.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from .covariance import Array, CollapseError, collapse
from .em import finite, maximise
from .mixture import Mixture
from .statistics import Source, Statistics, source
from .trace import Snapshot


def accelerated_em(
    X: ArrayLike | Source, start: Mixture, *, reg_covar: float = 0.0, sample_weight: ArrayLike | None = None
) -> Iterator[Snapshot]:
    """Run EM for ever, as `em` does, with a jump ahead after every second step.

    Parameters are those of `em`.

    Yields
    ------
    Snapshot
        ``iteration`` is the number of passes over the data, so it leaves out a number where a jump was tried and not
        made.
    """
    data = source(X, sample_weight)
    iteration, mixture, longest = 0, start, 4.0
    statistics = finite(data.expect(mixture.density), 0)
    yield Snapshot(0, mixture, statistics.log_likelihood)
    while True:
        walked = [mixture]
        for _ in range(2):
            iteration += 1
            before = statistics.log_likelihood
            mixture, statistics = _step(data, mixture, statistics, reg_covar, iteration)
            walked.append(mixture)
            yield Snapshot(iteration, mixture, statistics.log_likelihood)
        ahead = _jump(walked, longest)
        if ahead is None:
            continue
        iteration += 1
        landed = data.expect(ahead.density)
        gained = landed.log_likelihood - statistics.log_likelihood
        longest = max(longest * (4 if gained > 0 else 0.25), 2.0)
        if gained > statistics.log_likelihood - before:
            mixture, statistics = ahead, landed
            yield Snapshot(iteration, mixture, statistics.log_likelihood)


def _step(
    data: Source, mixture: Mixture, statistics: Statistics, reg_covar: float, iteration: int
) -> tuple[Mixture, Statistics]:
    """M-step, and the E-step of what it gave."""
    try:
        best = maximise(data, mixture, statistics, reg_covar)
    except CollapseError as error:
        raise collapse(error, statistics.counts, iteration) from None
    return best, finite(data.expect(best.density), iteration)


def _jump(walked: list[Mixture], longest: float = np.inf) -> Mixture | None:
    """Extrapolate from a mixture and its next two; None where there is nowhere to jump to."""
    if not all((mixture.weights > 0).all() for mixture in walked):  # a weight of 0 has no logarithm
        return None
    first, second, third = (_free(mixture) for mixture in walked)
    r = second - first
    v = (third - second) - r
    length = np.linalg.norm(v)
    alpha = -np.linalg.norm(r) / length if length else -1.0
    if alpha >= -1:
        return None
    alpha = max(alpha, -longest)
    try:
        return _bound(first - 2 * alpha * r + alpha**2 * v, like=walked[0])
    except ValueError:  # so far that numbers overflow, or a covariance is singular
        return None


def _free(mixture: Mixture) -> Array:
    """Parameters as one vector in which every value is allowed: logarithms, and log-Cholesky factors."""
    covariances = mixture.covariances
    if mixture.covariance_type in ("full", "tied"):
        factors = np.linalg.cholesky(covariances)
        diagonal = np.diagonal(factors, axis1=-2, axis2=-1)
        covariances = np.tril(factors, -1) + np.log(diagonal)[..., np.newaxis] * np.eye(
            mixture.n_features, dtype=covariances.dtype
        )
    else:
        covariances = np.log(covariances)
    return np.concatenate([np.log(mixture.weights), mixture.means.ravel(), covariances.ravel()])


def _bound(free: Array, like: Mixture) -> Mixture:
    """Mixture of a vector of free parameters: the way back from `_free`."""
    n_components, n_means = like.n_components, like.means.size
    log_weights = free[:n_components] - free[:n_components].max()
    weights = np.exp(log_weights) / np.exp(log_weights).sum()
    means = free[n_components : n_components + n_means].reshape(like.means.shape)
    covariances = free[n_components + n_means :].reshape(like.covariances.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        if like.covariance_type in ("full", "tied"):
            diagonal = np.exp(np.diagonal(covariances, axis1=-2, axis2=-1))
            factors = np.tril(covariances, -1) + diagonal[..., np.newaxis] * np.eye(like.n_features, dtype=free.dtype)
            covariances = factors @ np.swapaxes(factors, -1, -2)
        else:
            covariances = np.exp(covariances)
    return Mixture(weights, means, covariances, like.covariance_type)
