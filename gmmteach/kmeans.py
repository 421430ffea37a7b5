"""k-means, in the same shape as EM: a generator of snapshots.

Lloyd's algorithm (Lloyd 1982; Bishop 2006, section 9.1) gives every sample to its nearest centre, then moves
every centre to the mean of its samples. Its snapshots carry a mixture like everybody else's: round
components of equal weight and equal size, which is what k-means silently assumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .covariance import Array, floating
from .mixture import Mixture
from .trace import Snapshot

BLOCK = 8192  # rows at a time, so that the work stays in the processor's cache


def assign(X: Array, centres: Array) -> Array:
    """Label every sample with its nearest centre, (n_samples,) (Bishop 2006, eq. 9.2).

    ‖x - c‖² = ‖x‖² - 2 x·c + ‖c‖², and the first term is the same for all centres. Squares of numbers far
    from 0 cost digits, so centre the data first.
    """
    labels = np.empty(len(X), dtype=np.intp)
    half_squares = np.einsum("kd,kd->k", centres, centres) / 2
    for first in range(0, len(X), BLOCK):
        rows = slice(first, first + BLOCK)
        labels[rows] = (X[rows] @ centres.T - half_squares).argmax(axis=1)
    return labels


def totals(X: Array, labels: Array, n_components: int, sample_weight: Array) -> tuple[Array, Array]:
    """Weight and weighted sum of the samples of every cluster: all that moving the centres needs to know.

    Returns
    -------
    counts : (n_components,)
    sums : (n_components, n_features)
    """
    members = csr_array((sample_weight, labels, np.arange(len(X) + 1)), shape=(len(X), n_components))
    return np.bincount(labels, sample_weight, n_components).astype(X.dtype), members.T @ X


def move(X: Array, labels: Array, centres: Array, counts: Array, sums: Array, sample_weight: Array) -> Array:
    """Move every centre to the weighted mean of its samples, sums / counts (Bishop 2006, eq. 9.4).

    A centre that has lost every sample takes the one that is farthest from its own centre, as in
    scikit-learn.
    """
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        counts, sums = counts.copy(), sums.copy()
        distances = np.square(X - centres[labels]).sum(axis=1)
        if distances.max() > 0:
            farthest = np.argpartition(distances, -len(empty))[: -len(empty) - 1 : -1]
            for k, n in zip(empty, farthest, strict=True):
                taken = sample_weight[n] * X[n]
                sums[labels[n]] -= taken
                counts[labels[n]] -= sample_weight[n]
                sums[k], counts[k] = taken, sample_weight[n]
        still_empty = counts == 0  # nothing was left to take: sit where the largest cluster is
        sums[still_empty], counts[still_empty] = sums[counts.argmax()] / counts.max(), 1
    return sums / counts[:, np.newaxis]


def inertia(X: Array, labels: Array, centres: Array, sample_weight: Array) -> float:
    """Weighted sum of the squared distances of the samples to their centres (Bishop 2006, eq. 9.1)."""
    difference = X - centres.take(labels, axis=0)
    return float(sample_weight @ np.einsum("nd,nd->n", difference, difference))


def lloyd(X: ArrayLike, start: ArrayLike | Mixture, *, sample_weight: ArrayLike | None = None) -> Iterator[Snapshot]:
    """Run k-means for ever: yield the starting centres, then the centres after every round.

    Parameters
    ----------
    X : (n_samples, n_features)
    start : (n_components, n_features) or Mixture
        The starting centres, or a mixture whose means they are.
    sample_weight : (n_samples,), optional

    Yields
    ------
    Snapshot
        Hard; its objective is minus the inertia, the sum of squared distances to the nearest centre. Its
        mixture has equal weights and spherical covariances, all equal to inertia / (N D).

    Raises
    ------
    ValueError
        If the shapes of X, the centres and the weights do not go together.
    """
    X = floating(X)
    centres = floating(start.means if isinstance(start, Mixture) else start)
    sample_weight = np.ones(len(X), dtype=X.dtype) if sample_weight is None else floating(sample_weight)
    if X.ndim != 2 or centres.ndim != 2 or centres.shape[1] != X.shape[1] or sample_weight.shape != (len(X),):
        raise ValueError(
            "X must be (n_samples, n_features), the centres (n_components, n_features) and sample_weight (n_samples,); "
            f"they have shapes {X.shape}, {centres.shape} and {sample_weight.shape}."
        )
    return _lloyd(X, centres.astype(X.dtype), sample_weight)


def _lloyd(X: Array, centres: Array, sample_weight: Array) -> Iterator[Snapshot]:
    origin = X.mean(axis=0)
    X, centres = X - origin, centres - origin  # as scikit-learn does: squares of large numbers cost digits
    spread = float(sample_weight @ np.einsum("nd,nd->n", X, X))
    smallest = float(np.finfo(X.dtype).eps * spread) or 1.0
    for iteration in count():
        labels = assign(X, centres)
        counts, sums = totals(X, labels, len(centres), sample_weight)
        # Σ w ‖x - c‖² = Σ w ‖x‖² - 2 Σ c·s + Σ n ‖c‖²: no second pass, while the difference keeps its digits.
        cost = spread - 2 * float(np.vdot(centres, sums)) + float(counts @ np.square(centres).sum(axis=1))
        if 1e-12 * cost < np.finfo(X.dtype).eps * spread:
            cost = inertia(X, labels, centres, sample_weight)
        # Where every sample sits on its centre no variance is left, but a Gaussian needs some.
        variance = max(cost, smallest) / (sample_weight.sum() * X.shape[1])
        yield Snapshot(
            iteration,
            equal_and_round(centres + origin, variance),
            objective=-cost,
            hard=True,
            objective_name="minus inertia",
        )
        centres = move(X, labels, centres, counts, sums, sample_weight)


def equal_and_round(centres: Array, variance: float) -> Mixture:
    """Mixture that k-means assumes: equal weights, and one variance for every component and direction."""
    n_components = len(centres)
    return Mixture(np.full(n_components, 1 / n_components), centres, np.full(n_components, variance), "spherical")
