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
def _upper_triangle(n_features: int) -> tuple[Array, Array, Array]:
    """Rows and columns of the pairs d <= e, and how much of -½ xᵀΛx each carries: off the diagonal, both halves."""
    rows, columns = np.triu_indices(n_features)
    return rows, columns, np.where(rows == columns, -0.5, -1)


class _Full(Features):
    def count(self, n_features: int) -> int:
        return 1 + n_features + n_features * (n_features + 1) // 2

    def write_squares(self, columns: Array, out: Array) -> None:
        first = 0
        for d, column in enumerate(columns):  # x_d x_e for e >= d: the other half is the same
            last = first + len(columns) - d
            np.multiply(column, columns[d:], out=out[first:last])
            first = last

    def read_squares(self, sums: Array, n_features: int) -> Array:
        rows, columns, _ = _upper_triangle(n_features)
        squares = np.empty((len(sums), n_features, n_features), dtype=sums.dtype)
        squares[:, rows, columns] = squares[:, columns, rows] = sums
        return squares

    def precisions(self, precisions_cholesky: Array) -> Array:
        return precisions_cholesky @ np.swapaxes(precisions_cholesky, -1, -2)

    def linear(self, precisions: Array, means: Array) -> Array:
        return (precisions @ means[:, :, np.newaxis])[:, :, 0]

    def quadratic(self, precisions: Array, n_components: int) -> Array:
        rows, columns, shares = _upper_triangle(precisions.shape[-1])
        return shares * precisions[:, rows, columns]

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
