"""Sufficient statistics: the features of a sample that a covariance type looks at.

The log of π_k N(x | μ_k, Σ_k) is *linear* in a few features of x; that is what makes the Gaussian a member of the
exponential family (Bishop 2006, section 2.4):

=========== ============= ===================================== =======================
type        features      natural parameters                    how many
=========== ============= ===================================== =======================
full        1, x, x xᵀ    c - ½ μᵀΛμ,  Λμ,  -½ Λ                1 + D + D (D + 1) / 2
tied        1, x          c - ½ μᵀΛμ,  Λμ                       1 + D
diag        1, x, x²      c - ½ λ·μ²,  λ μ,  -½ λ               1 + 2 D
spherical   1, x, ‖x‖²    c - ½ λ‖μ‖²,  λ μ,  -½ λ              2 + D
=========== ============= ===================================== =======================

with Λ = Σ⁻¹ and c = log π - ½ log |2πΣ|. So a whole iteration of EM is two matrix products: natural parameters times
features gives the log joint densities, and responsibilities times features gives all that the M-step needs. For
'tied', -½ xᵀΛx is the same for every component and cancels in the responsibilities: that is why linear discriminant
analysis is linear.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .covariance import Array


class Features(ABC):
    """The features of one covariance type. Instances have no state."""

    @abstractmethod
    def count(self, n_features: int) -> int:
        """Count the features of a sample, the 1 included."""

    @abstractmethod
    def write_squares(self, columns: Array, out: Array) -> None:
        """Write the quadratic features of samples, one row a feature.

        Parameters
        ----------
        columns : (n_features, n_samples), the samples as columns
        out : (count - 1 - n_features, n_samples)
        """

    @abstractmethod
    def read_squares(self, sums: Array, n_features: int) -> Array:
        """Sums of the quadratic features, one row a component, in the shape of the covariance type."""

    @abstractmethod
    def precisions(self, precisions_cholesky: Array) -> Array:
        """Λ = U Uᵀ, in the shape of the covariance type."""

    @abstractmethod
    def linear(self, precisions: Array, means: Array) -> Array:
        """Λ_k μ_k, (n_components, n_features)."""

    @abstractmethod
    def quadratic(self, precisions: Array, n_components: int) -> Array:
        """-½ Λ_k, spelled out for the quadratic features, (n_components, count - 1 - n_features)."""

    @abstractmethod
    def magnitude(self, precisions: Array, reach: Array) -> float:
        """Σ_de |Λ_de| r_d r_e, the largest of any component: so large can the terms of xᵀΛx be that cancel.

        Parameters
        ----------
        precisions : in the shape of the covariance type
        reach : (n_components, n_features) or (1, n_features), how far samples are from the origin
        """

    def natural_parameters(self, log_constants: Array, means: Array, precisions: Array) -> Array:
        """Coefficients of the features in log π_k N(x | μ_k, Σ_k), (n_components, count)."""
        linear = self.linear(precisions, means)
        constant = log_constants - 0.5 * np.einsum("kd,kd->k", linear, means)
        return np.concatenate([constant[:, np.newaxis], linear, self.quadratic(precisions, len(means))], axis=1)


@cache
def _pairs(n_features: int) -> tuple[Array, Array, Array]:
    """Every pair of features once, in the order in which `_Full` multiplies them.

    They are taken as if the features sat in a circle: each with itself, then with its neighbour, with the next but
    one, and so on half the way round. All that are equally far apart can then be multiplied at once.

    Returns
    -------
    entries : (n_pairs,), where each pair (d, e) stands in a matrix: d D + e
    shares : (n_pairs,), how much of -½ xᵀΛx each carries: two different features stand for both halves
    numbers : (n_features, n_features), which pair each entry of a matrix belongs to
    """
    steps, first = np.divmod(np.arange(n_features * (n_features + 1) // 2), n_features)
    second = (first + steps) % n_features
    numbers = np.empty((n_features, n_features), dtype=int)
    numbers[first, second] = numbers[second, first] = np.arange(len(first))
    return first * n_features + second, np.where(steps == 0, -0.5, -1), numbers


class _Full(Features):
    def count(self, n_features: int) -> int:
        return 1 + n_features + n_features * (n_features + 1) // 2

    def write_squares(self, columns: Array, out: Array) -> None:
        # In two calls, however many features there are: between calls, threads wait for each other's interpreter.
        n_features, n_samples = columns.shape
        steps, half = (n_features - 1) // 2, n_features // 2
        circle = np.concatenate([columns, columns[:steps]]) if steps else columns
        to_next, along = circle.strides
        ahead = as_strided(circle, (1 + steps, n_features, n_samples), (to_next, to_next, along))  # [s, d] is d + s
        last = (1 + steps) * n_features
        np.multiply(columns, ahead, out=out[:last].reshape(ahead.shape))
        if n_features % 2 == 0:  # those opposite each other, once and not from both ends
            np.multiply(columns[:half], columns[half:], out=out[last:])

    def read_squares(self, sums: Array, n_features: int) -> Array:
        return sums.take(_pairs(n_features)[2], axis=1)

    def precisions(self, precisions_cholesky: Array) -> Array:
        return precisions_cholesky @ np.swapaxes(precisions_cholesky, -1, -2)

    def linear(self, precisions: Array, means: Array) -> Array:
        return (precisions @ means[:, :, np.newaxis])[:, :, 0]

    def quadratic(self, precisions: Array, n_components: int) -> Array:
        entries, shares, _ = _pairs(precisions.shape[-1])
        return shares * precisions.reshape(n_components, -1).take(entries, axis=1)

    def magnitude(self, precisions: Array, reach: Array) -> float:
        return float((reach * (np.abs(precisions) @ reach[:, :, np.newaxis])[:, :, 0]).sum(axis=1).max())


class _Tied(_Full):
    def count(self, n_features: int) -> int:
        return 1 + n_features

    def write_squares(self, columns: Array, out: Array) -> None:
        pass

    def read_squares(self, sums: Array, n_features: int) -> Array:
        return np.zeros((n_features, n_features), dtype=sums.dtype)  # all samples' squares, together, never change

    def quadratic(self, precisions: Array, n_components: int) -> Array:
        return np.empty((n_components, 0), dtype=precisions.dtype)


class _Diag(Features):
    def count(self, n_features: int) -> int:
        return 1 + 2 * n_features

    def write_squares(self, columns: Array, out: Array) -> None:
        np.multiply(columns, columns, out=out)

    def read_squares(self, sums: Array, n_features: int) -> Array:
        return sums

    def precisions(self, precisions_cholesky: Array) -> Array:
        return np.square(precisions_cholesky)

    def linear(self, precisions: Array, means: Array) -> Array:
        return precisions * means

    def quadratic(self, precisions: Array, n_components: int) -> Array:
        return -0.5 * precisions

    def magnitude(self, precisions: Array, reach: Array) -> float:
        return float((precisions * np.square(reach)).sum(axis=1).max())


class _Spherical(Features):
    def count(self, n_features: int) -> int:
        return 2 + n_features

    def write_squares(self, columns: Array, out: Array) -> None:
        np.einsum("dn,dn->n", columns, columns, out=out[0])

    def read_squares(self, sums: Array, n_features: int) -> Array:
        return sums[:, 0] / n_features

    def precisions(self, precisions_cholesky: Array) -> Array:
        return np.square(precisions_cholesky)

    def linear(self, precisions: Array, means: Array) -> Array:
        return precisions[:, np.newaxis] * means

    def quadratic(self, precisions: Array, n_components: int) -> Array:
        return -0.5 * precisions[:, np.newaxis]

    def magnitude(self, precisions: Array, reach: Array) -> float:
        return float((precisions * np.square(reach).sum(axis=1)).max())


FEATURES: dict[str, Features] = {"full": _Full(), "tied": _Tied(), "diag": _Diag(), "spherical": _Spherical()}
