"""Expectation maximisation for Gaussian mixtures, as it is written on the board.

The E-step asks who made each point; the M-step fits each component to its share (Dempster, Laird & Rubin
1977; Bishop 2006, section 9.2.2). `em` alternates them for ever and yields a snapshot after each round.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from .covariance import Array, CollapseError, blocks, covariance_type_of
from .mixture import Mixture, normalise
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
    kind = covariance_type_of(covariance_type)
    if X.ndim != 2 or responsibilities.ndim != 2 or len(X) != len(responsibilities):
        raise ValueError(
            "X must have shape (n_samples, n_features) and responsibilities (n_samples, n_components), with as many "
            f"rows; they have shapes {X.shape} and {responsibilities.shape}."
        )
    # As in scikit-learn, a trifle keeps a component that has lost every point from dividing by zero.
    counts = responsibilities.sum(axis=0) + 10 * np.finfo(responsibilities.dtype).eps
    weights = counts / counts.sum()
    means = responsibilities.T @ X / counts[:, np.newaxis]
    scatter = np.zeros(kind.shape(*means.shape), dtype=means.dtype)
    for rows, columns in blocks(X):
        scatter += kind.scatter(columns, responsibilities[rows].T, means)
    return weights, means, kind.add_to_diagonal(kind.covariances(scatter, counts), reg_covar)


def em(X: ArrayLike, start: Mixture, *, reg_covar: float = 0.0) -> Iterator[Snapshot]:
    """Run EM for ever: yield the start, then the mixture after every E-step and M-step.

    Parameters
    ----------
    X : (n_samples, n_features)
    start : Mixture
        Its covariance type is the type of the whole run.
    reg_covar : float
        Added to every variance in the M-step. With 0, the log-likelihood never falls.

    Yields
    ------
    Snapshot
        Its objective is the total log-likelihood of its own mixture, in nats.

    Raises
    ------
    CollapseError
        When a component's covariance stops being positive definite; it names the component and what to try.
    """
    X = floating(X)
    # Below this standard deviation a component sits on one spot: what is left of its spread is rounding.
    narrowest = 4 * np.finfo(X.dtype).eps * np.abs(X).max()
    mixture = start
    for iteration in count():
        log_density, responsibilities = normalise(mixture.log_joint(X))
        log_likelihood = float(log_density.sum(dtype=np.float64))
        if not np.isfinite(log_likelihood):
            raise CollapseError(f"The log-likelihood is no longer a number at iteration {iteration}. {REMEDY}")
        yield Snapshot(iteration, mixture, log_likelihood)
        weights, means, covariances = m_step(X, responsibilities, mixture.covariance_type, reg_covar)
        try:
            mixture = Mixture(weights, means, covariances, mixture.covariance_type)
            check_spread(mixture, narrowest)
        except CollapseError as error:
            raise collapse(error, weights * len(X), iteration + 1) from None


REMEDY = (
    "Too few distinct points are left for a covariance. Try fewer components, a larger reg_covar, "
    "a covariance type with fewer parameters, another start (random_state, n_init), or rescale the data."
)


def check_spread(mixture: Mixture, narrowest: float) -> None:
    """Raise CollapseError if a component is narrower than ``narrowest``, a standard deviation, in some direction."""
    sharpest = np.abs(mixture.precisions_cholesky)
    if sharpest.max() * narrowest > 1:
        shared = mixture.covariance_type == "tied"
        component = None if shared else int(np.unravel_index(sharpest.argmax(), sharpest.shape)[0])
        whose = "All components have" if shared else f"Component {component} has"
        raise CollapseError(f"{whose} shrunk to a standard deviation of {1 / sharpest.max():.3g}.", component)


def collapse(error: CollapseError, counts: Array, iteration: int) -> CollapseError:
    """Say where and why a component collapsed, and what to try."""
    share = "" if error.component is None else f" It holds {counts[error.component]:.3g} effective points."
    when = "in the starting point" if iteration == 0 else f"at iteration {iteration}"
    return CollapseError(f"Collapse {when}: {error}{share} {REMEDY}", error.component)


def floating(array: ArrayLike) -> Array:
    """Keep float32 and float64 as they are; turn everything else into float64. NaN and infinity are refused."""
    values = np.asarray(array)
    values = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
    if not np.isfinite(values).all():
        rows = np.unique(np.argwhere(~np.isfinite(values))[:, 0])
        raise ValueError(
            f"{len(rows)} rows hold NaN or infinity, the first of them row {rows[0]}: leave them out before you begin."
        )
    return values
