"""k-means, in the same shape as EM: a generator of snapshots.

Lloyd's algorithm (Lloyd 1982; Bishop 2006, section 9.1) gives every sample to its nearest centre, then moves
every centre to the mean of its samples. Its snapshots carry a mixture like everybody else's: round components of equal
weight and size, whose classification likelihood it climbs (Celeux & Govaert 1992).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from .covariance import Array, blocks, floating
from .mixture import Mixture
from .statistics import checked_weights
from .sweep import Sweep, block_size, harden
from .threads import in_threads
from .trace import Snapshot


def assign(X: Array, centres: Array) -> Array:
    """Label every sample with its nearest centre, (n_samples,) (Bishop 2006, eq. 9.2).

    ‖x - c‖² = ‖x‖² - 2 x·c + ‖c‖², and the first term is the same for all centres. Squares of numbers far from 0 cost
    digits, so everything is counted from the middle of the centres.
    """
    (n_components, n_features), origin = centres.shape, centres.mean(axis=0)
    theta = _natural_parameters(centres - origin)
    labels, numbers = np.empty(len(X), dtype=np.int32), np.arange(n_components, dtype=X.dtype)
    size = block_size(2 * (n_components + n_features), X.dtype)

    def work(starts: Sequence[int]) -> tuple[()]:
        for start in starts:
            rows = slice(start, start + size)
            nearness = theta[:, 1:] @ (np.ascontiguousarray(X[rows].T) - origin[:, np.newaxis])
            nearness += theta[:, :1]
            labels[rows] = numbers @ harden(nearness, None)[0]  # four times as quick as argmax over so few rows
        return ()

    in_threads(work, len(X), size, len(X) * n_components * (16 + n_features))
    return labels


def relocate(
    X: Array, centres: Array, origin: Array, counts: Array, sums: Array, sample_weight: Array
) -> tuple[Array, Array]:
    """Give a centre that has lost every sample the one that is farthest from its own centre, as scikit-learn does.

    Parameters
    ----------
    X : (n_samples, n_features)
    centres : (n_components, n_features)
    origin : (n_features,)
    counts : (n_components,), weight of the samples of every centre
    sums : (n_components, n_features), their weighted sums, counted from the origin
    sample_weight : (n_samples,)

    Returns
    -------
    counts, sums : what the centres are to move to the quotient of; no count is 0
    """
    labels = assign(X, centres)
    counts, sums = counts.copy(), sums.copy()
    empty = np.flatnonzero(counts == 0)
    distances = np.square(X - centres[labels]).sum(axis=1)
    if distances.max() > 0:
        farthest = np.argpartition(distances, -len(empty))[: -len(empty) - 1 : -1]
        for k, n in zip(empty, farthest, strict=True):
            taken = sample_weight[n] * (X[n] - origin)
            sums[labels[n]] -= taken
            counts[labels[n]] -= sample_weight[n]
            sums[k], counts[k] = taken, sample_weight[n]
    still_empty = counts == 0  # nothing was left to take: sit where the largest cluster is
    sums[still_empty], counts[still_empty] = sums[counts.argmax()] / counts.max(), 1
    return counts, sums


def inertia(X: Array, labels: Array, centres: Array, sample_weight: Array) -> float:
    """Weighted sum of the squared distances of the samples to their centres (Bishop 2006, eq. 9.1)."""
    total = 0.0
    for rows, columns in blocks(X):
        difference = columns - centres.T.take(labels[rows], axis=1)
        total += float(np.einsum("dn,dn->n", difference, difference) @ sample_weight[rows])
    return total


def squared_distances_from(X: Array, origin: Array, sample_weight: Array) -> float:
    """Weighted sum of the squared distances of all samples from one point."""
    total = 0.0
    for rows, columns in blocks(X):
        difference = columns - origin[:, np.newaxis]
        difference *= difference
        total += float(difference.sum(axis=0) @ sample_weight[rows])
    return total


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
    if X.ndim != 2 or centres.ndim != 2 or centres.shape[1] != X.shape[1]:
        raise ValueError(
            "X must be (n_samples, n_features) and the centres (n_components, n_features); they have shapes "
            f"{X.shape} and {centres.shape}."
        )
    sample_weight = np.ones(len(X), dtype=X.dtype) if sample_weight is None else checked_weights(sample_weight, X)
    return _lloyd(X, centres.astype(X.dtype), sample_weight)


def _lloyd(X: Array, centres: Array, sample_weight: Array) -> Iterator[Snapshot]:
    # As in scikit-learn, all is counted from about the mean: squares of large numbers cost digits.
    origin = np.einsum("nd->d", X) / len(X)  # for few features up to four times as quick as X.mean(axis=0)
    centres = centres - origin
    reweighted = None if (sample_weight == 1).all() else sample_weight
    size = float(sample_weight.sum()) * X.shape[1]
    spread = squared_distances_from(X, origin, sample_weight)
    smallest = float(np.finfo(X.dtype).eps * spread) or 1.0
    # The features and the products of 'tied' EM, and a harder way to share: see `features.py` and `sweep.py`.
    sweep = Sweep(X, reweighted, origin, "tied", len(centres))
    for iteration in count():
        sums, nearness = sweep(_natural_parameters(centres), harden)
        # Σ w ‖x - c‖² = Σ w ‖x‖² - 2 Σ w (x·c - ‖c‖²/2): no second pass, while the difference keeps its digits.
        cost = spread - 2 * nearness
        if 1e-12 * cost < np.finfo(X.dtype).eps * spread:
            cost = inertia(X, assign(X, centres + origin), centres + origin, sample_weight)
        # Where every sample sits on its centre no variance is left, but a Gaussian needs some.
        variance = max(cost, smallest) / size
        yield Snapshot(
            iteration,
            equal_and_round(centres + origin, variance),
            objective=-cost,
            hard=True,
            objective_name="minus inertia",
        )
        counts, sums = (part.astype(X.dtype, copy=False) for part in (sums[:, 0], sums[:, 1:]))
        if not counts.all():
            counts, sums = relocate(X, centres + origin, origin, counts, sums, sample_weight)
        centres = sums / counts[:, np.newaxis]  # Bishop 2006, eq. 9.4


def _natural_parameters(centres: Array) -> Array:
    """Coefficients of the features 1 and x in -½ ‖x - c‖² + ½ ‖x‖² = x·c - ½ ‖c‖²."""
    theta = np.empty((len(centres), 1 + centres.shape[1]), dtype=centres.dtype)
    theta[:, 0] = -(centres * centres).sum(axis=1) / 2
    theta[:, 1:] = centres
    return theta


def equal_and_round(centres: Array, variance: float) -> Mixture:
    """Mixture that k-means assumes: equal weights, and one variance for every component and direction."""
    weights = np.full(len(centres), 1 / len(centres), dtype=centres.dtype)
    variances = np.full_like(weights, variance)
    make = Mixture.of_sound if 0 < variances[0] < np.inf else Mixture  # which says what is wrong
    return make(weights, centres.copy(), variances, "spherical")
