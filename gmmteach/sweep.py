"""A pass over the data in the short form: features times parameters, shares, shares times features.

The samples are taken in blocks that stay in the processor's cache, with everything that is computed of them, so that no
array of n_samples by n_components is ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np

from .covariance import Array
from .features import FEATURES
from .threads import in_threads

CACHE = 7 << 18  # bytes that a block of samples, its features and responsibilities may take
LONG_ROWS = 64  # from so many numbers a sample on, blocks of nearly twice the size are a fifth quicker
KEPT = 3 << 22  # bytes of features that are kept between passes rather than computed again

Sharing = Callable[[Array, Array | None], tuple[Array, float]]


def soften(log_joint: Array, sample_weight: Array | None) -> tuple[Array, float]:
    """Turn log joint densities into responsibilities and the log-likelihood (`mixture.normalise`, for columns).

    Parameters
    ----------
    log_joint : (n_components, n_samples), which is written to
    sample_weight : (n_samples,), optional

    Returns
    -------
    responsibilities : (n_components, n_samples), times the sample weights
    log_likelihood : float
    """
    limits = np.finfo(log_joint.dtype)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        shares = np.exp(log_joint)
        total = shares.sum(axis=0)
        log_likelihood = _weighted_sum(np.log(total), sample_weight)
    if not isfinite(log_likelihood) or total.min() < limits.tiny / limits.eps:
        # Some sample is so far from, or so close to a component that exp has left the range of numbers.
        largest = log_joint.max(axis=0)
        log_joint -= largest
        shares = np.exp(log_joint, out=log_joint)
        total = shares.sum(axis=0)
        log_likelihood = _weighted_sum(largest + np.log(total), sample_weight)
    shares *= (1 if sample_weight is None else sample_weight) / total
    return shares, log_likelihood


def harden(log_joint: Array, sample_weight: Array | None) -> tuple[Array, float]:
    """Give every sample to its likeliest component alone, the first of equals.

    Parameters
    ----------
    log_joint : (n_components, n_samples), which is written to
    sample_weight : (n_samples,), optional

    Returns
    -------
    shares : (n_components, n_samples), 0 or the sample weight
    total : float, the sum of what was largest
    """
    largest = log_joint.max(axis=0)
    winners = log_joint == largest
    if np.count_nonzero(winners) != len(largest):
        winners = np.arange(len(log_joint))[:, np.newaxis] == log_joint.argmax(axis=0)
    np.copyto(log_joint, winners)
    if sample_weight is not None:
        log_joint *= sample_weight
    return log_joint, _weighted_sum(largest, sample_weight)


def _weighted_sum(values: Array, weights: Array | None) -> float:
    return float(values.sum(dtype=np.float64) if weights is None else np.dot(weights, values))


class Sweep:
    """Passes over the data, as many as wanted, in the short form.

    Parameters
    ----------
    X : (n_samples, n_features)
    sample_weight : (n_samples,), optional
    origin : (n_features,)
    covariance_type : str
        Whose features.
    n_components : int
    """

    def __init__(
        self, X: Array, sample_weight: Array | None, origin: Array, covariance_type: str, n_components: int
    ) -> None:
        self.X, self.sample_weight, self.origin = X, sample_weight, origin
        self.features = FEATURES[covariance_type]
        self.count = self.features.count(X.shape[1])
        self.size = min(block_size(self.count + 2 * n_components, X.dtype, least=192), len(X))
        self.kept: dict[int, Array] | None = {} if len(X) * self.count * X.itemsize <= KEPT else None

    def __call__(self, theta: Array, share: Sharing) -> tuple[Array, float]:
        """Pass over the data once.

        Parameters
        ----------
        theta : (n_components, count), natural parameters
        share : `soften` or `harden`

        Returns
        -------
        sums : (n_components, count), features of all samples, weighted by their shares
        total : float, what ``share`` returned, summed
        """

        def work(starts: Sequence[int]) -> tuple[Any, ...]:
            sums, total = np.zeros((len(theta), self.count)), 0.0
            room = np.empty((self.count, self.size), dtype=self.X.dtype) if self.kept is None else None
            for start in starts:
                rows = slice(start, start + self.size)
                phi = self._features(rows, room)
                weights = None if self.sample_weight is None else self.sample_weight[rows]
                shares, part = share(theta @ phi, weights)
                sums += np.dot(shares, phi.T)
                del shares  # or there would be two of them, in memory and in the cache
                total += part
            return sums, total

        sums, total = in_threads(work, len(self.X), self.size, len(self.X) * len(theta) * (16 + self.count))
        return sums, total

    def _features(self, rows: slice, room: Array | None) -> Array:
        """Features of some samples, (count, n_rows): computed in ``room``, or kept from the first time on."""
        if self.kept is not None and rows.start in self.kept:
            return self.kept[rows.start]
        X, n_features = self.X[rows], self.X.shape[1]
        phi = np.empty((self.count, len(X)), dtype=X.dtype) if room is None else room[:, : len(X)]
        phi[0] = 1
        linear = phi[1 : 1 + n_features]
        np.subtract(X.T, self.origin[:, np.newaxis], out=linear)
        self.features.write_squares(linear, phi[1 + n_features :])
        if self.kept is not None:
            self.kept[rows.start] = phi
        return phi


def block_size(n_numbers: int, dtype: Any, least: int = 512) -> int:
    """How many samples stay in the processor's cache when each takes ``n_numbers`` numbers, but ``least`` at least."""
    room = CACHE if n_numbers < LONG_ROWS else 12 * CACHE // 7
    return max(least, room // (n_numbers * np.dtype(dtype).itemsize))
