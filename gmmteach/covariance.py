"""The four covariance types, each one answering the same questions.

A covariance type is a choice of what the components may learn about shape. Every type here keeps its
parameters in scikit-learn's shape and knows how to estimate them, how to use them in a density and how
to write them out as ordinary matrices.

=========== ================ =========================== =====================================
type        shape            free parameters             a component may be
=========== ================ =========================== =====================================
full        (K, D, D)        K D (D + 1) / 2             any ellipse
tied        (D, D)           D (D + 1) / 2               any ellipse, the same one for all
diag        (K, D)           K D                         an ellipse along the axes
spherical   (K,)             K                           a circle
=========== ================ =========================== =====================================

The formulas are those of Bishop (2006), *Pattern Recognition and Machine Learning*, section 9.2, and of
Murphy (2012), *Machine Learning*, section 11.4.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


class CollapseError(ValueError):
    """A covariance that is no longer positive definite: the component has collapsed.

    Attributes
    ----------
    component : int or None
        Which component it is; None when all of them share the covariance (type 'tied').
    trace : Trace or None
        The run up to the last sound snapshot, where a run led here.
    """

    def __init__(self, message: str, component: int | None = None, trace: object = None) -> None:
        super().__init__(message)
        self.component = component
        self.trace = trace


REMEDY = (
    "Too few distinct points are left for a covariance. Try fewer components, a larger reg_covar, "
    "a covariance type with fewer parameters, another start (random_state, n_init), or rescale the data."
)


def collapse(error: CollapseError, counts: Array, iteration: int) -> CollapseError:
    """Say where and why a component collapsed, and what to try; ``counts`` are the effective numbers of points."""
    count = "" if error.component is None else f"{counts[error.component]:.3g}"
    share = count and f" It holds {count} effective point{'s' * (count != '1')}."
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


class CovarianceType(ABC):
    """What a covariance type must be able to do. Instances have no state."""

    name: str

    @abstractmethod
    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        """Shape of the parameter array."""

    @abstractmethod
    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Count the free covariance parameters."""

    @abstractmethod
    def scatter(self, columns: Array, shares: Array, means: Array) -> Array:
        """Weighted squares about the means, Σ_n γ_nk (x_n - μ_k)(x_n - μ_k)ᵀ, as much of them as the type keeps.

        A sum over samples: the scatter of two halves of the data adds up to the scatter of the whole.

        Parameters
        ----------
        columns : (n_features, n_samples), the samples as columns
        shares : (n_components, n_samples), the responsibilities
        means : (n_components, n_features), the *new* means
        """

    @abstractmethod
    def spread(self, counts: Array, shifts: Array) -> Array:
        """Scatter of ``counts`` samples that all sit at ``shifts``, N_k δ_k δ_kᵀ: what moving the centre takes away."""

    @abstractmethod
    def covariances(self, scatter: Array, counts: Array) -> Array:
        """Maximum-likelihood covariances from the scatter and the effective numbers of points N_k."""

    def scatter_of(self, covariances: Array, counts: Array) -> Array:
        """Scatter that gives these covariances: the way back from `covariances`."""
        return covariances / self.covariances(np.ones_like(covariances), counts)

    @abstractmethod
    def add_to_diagonal(self, covariances: Array, amount: float) -> Array:
        """Add ``amount`` to every variance."""

    @abstractmethod
    def precision_cholesky(self, covariances: Array) -> Array:
        """Triangular U with inverse(covariance) = U Uᵀ, so that (x - μ)ᵀ Σ⁻¹ (x - μ) = ‖(x - μ)ᵀ U‖².

        Raises
        ------
        CollapseError
            If a covariance is not positive definite.
        """

    @abstractmethod
    def squared_distances(self, columns: Array, means: Array, precision_cholesky: Array) -> Array:
        """Squared Mahalanobis distances, (n_components, n_samples) (Bishop 2006, eq. 2.44).

        The differences x - μ are formed first, so a large common offset costs no digits.
        """

    @abstractmethod
    def log_determinants(self, precision_cholesky: Array, n_features: int) -> Array:
        """Logarithm of |U| = |Σ|^(-1/2): one for each component, or one for all of them."""

    @abstractmethod
    def dense(self, covariances: Array, n_components: int, n_features: int) -> Array:
        """Write the covariances as (n_components, n_features, n_features) matrices."""

    @abstractmethod
    def from_dense(self, scatter: Array) -> Array:
        """Keep as much of (n_components, n_features, n_features) scatter matrices as the type does."""

    @abstractmethod
    def from_precision_cholesky(self, precision_cholesky: Array) -> Array:
        """Covariances again from U: the way back from `precision_cholesky`."""

    @abstractmethod
    def variances(self, covariances: Array, n_components: int, n_features: int) -> Array:
        """Variance of every feature in every component, (n_components, n_features)."""

    @abstractmethod
    def marginal(self, covariances: Array, features: Sequence[int]) -> Array:
        """Covariances of the chosen features alone, of the same type."""


class _Matrices(CovarianceType):
    """What 'full' and 'tied' share: covariances are matrices."""

    def add_to_diagonal(self, covariances: Array, amount: float) -> Array:
        heavier = covariances.copy()
        np.einsum("...dd->...d", heavier)[...] += covariances.dtype.type(amount)  # a view of the diagonals
        return heavier

    def from_precision_cholesky(self, precision_cholesky: Array) -> Array:
        cholesky = np.swapaxes(np.linalg.inv(precision_cholesky), -1, -2)
        return cholesky @ np.swapaxes(cholesky, -1, -2)


class Full(_Matrices):
    """Each component has its own covariance matrix (Bishop 2006, eq. 9.25)."""

    name = "full"

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features * (n_features + 1) // 2

    def scatter(self, columns: Array, shares: Array, means: Array) -> Array:
        scatter = np.empty(self.shape(*means.shape), dtype=columns.dtype)
        for k, mean in enumerate(means):
            difference = columns - mean[:, np.newaxis]
            difference *= np.sqrt(shares[k])
            scatter[k] = np.dot(difference, difference.T)  # a matrix by itself: half the work, exactly symmetric
        return scatter

    def spread(self, counts: Array, shifts: Array) -> Array:
        pulls = np.sqrt(counts)[:, np.newaxis] * shifts
        return pulls[:, :, np.newaxis] * pulls[:, np.newaxis]  # exactly symmetric

    def covariances(self, scatter: Array, counts: Array) -> Array:
        return scatter / counts[:, np.newaxis, np.newaxis]

    def precision_cholesky(self, covariances: Array) -> Array:
        try:
            return _precision_cholesky(covariances)
        except np.linalg.LinAlgError:
            for k, matrix in enumerate(covariances):  # together they are quick, one by one they say which
                try:
                    _precision_cholesky(matrix)
                except np.linalg.LinAlgError:
                    raise _not_positive_definite(matrix, k) from None
            raise

    def squared_distances(self, columns: Array, means: Array, precision_cholesky: Array) -> Array:
        distances = _one_row_each(means, columns)
        for k, (mean, factor) in enumerate(zip(means, precision_cholesky, strict=True)):
            distances[k] = _squared_lengths(factor.T @ (columns - mean[:, np.newaxis]))
        return distances

    def log_determinants(self, precision_cholesky: Array, n_features: int) -> Array:
        return np.log(precision_cholesky.diagonal(axis1=1, axis2=2)).sum(axis=1)

    def dense(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return covariances

    def from_dense(self, scatter: Array) -> Array:
        return scatter

    def variances(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return covariances.diagonal(axis1=1, axis2=2)

    def marginal(self, covariances: Array, features: Sequence[int]) -> Array:
        return covariances[:, features][:, :, features]


class Tied(_Matrices):
    """All components share one covariance matrix: the pooled one (the model behind LDA)."""

    name = "tied"

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_features, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2

    def scatter(self, columns: Array, shares: Array, means: Array) -> Array:
        scatter = np.zeros(self.shape(*means.shape), dtype=columns.dtype)
        for k, mean in enumerate(means):
            difference = columns - mean[:, np.newaxis]
            difference *= np.sqrt(shares[k])
            scatter += np.dot(difference, difference.T)
        return scatter

    def spread(self, counts: Array, shifts: Array) -> Array:
        pulls = np.sqrt(counts)[:, np.newaxis] * shifts
        return pulls.T @ pulls  # exactly symmetric

    def covariances(self, scatter: Array, counts: Array) -> Array:
        return scatter / counts.sum()

    def precision_cholesky(self, covariances: Array) -> Array:
        try:
            return _precision_cholesky(covariances)
        except np.linalg.LinAlgError:
            raise _not_positive_definite(covariances, None) from None

    def squared_distances(self, columns: Array, means: Array, precision_cholesky: Array) -> Array:
        distances = _one_row_each(means, columns)
        for k, mean in enumerate(means):
            distances[k] = _squared_lengths(precision_cholesky.T @ (columns - mean[:, np.newaxis]))
        return distances

    def log_determinants(self, precision_cholesky: Array, n_features: int) -> Array:
        return np.log(np.diagonal(precision_cholesky)).sum(keepdims=True)

    def dense(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return np.broadcast_to(covariances, (n_components, n_features, n_features))

    def from_dense(self, scatter: Array) -> Array:
        return scatter.sum(axis=0)

    def variances(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return np.broadcast_to(np.diagonal(covariances), (n_components, n_features))

    def marginal(self, covariances: Array, features: Sequence[int]) -> Array:
        return covariances[features][:, features]


class Diag(CovarianceType):
    """Each component has its own variance along each axis; no correlations within a component."""

    name = "diag"

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features

    def scatter(self, columns: Array, shares: Array, means: Array) -> Array:
        scatter = np.empty(self.shape(*means.shape), dtype=columns.dtype)
        for k, mean in enumerate(means):
            scatter[k] = np.dot(np.square(columns - mean[:, np.newaxis]), shares[k])
        return scatter

    def spread(self, counts: Array, shifts: Array) -> Array:
        return counts[:, np.newaxis] * np.square(shifts)

    def covariances(self, scatter: Array, counts: Array) -> Array:
        return scatter / counts[:, np.newaxis]

    def add_to_diagonal(self, covariances: Array, amount: float) -> Array:
        return covariances + covariances.dtype.type(amount)

    def precision_cholesky(self, covariances: Array) -> Array:
        _check_variances(covariances)
        return 1 / np.sqrt(covariances)

    def squared_distances(self, columns: Array, means: Array, precision_cholesky: Array) -> Array:
        distances = _one_row_each(means, columns)
        for k, (mean, factor) in enumerate(zip(means, precision_cholesky, strict=True)):
            distances[k] = np.square(factor) @ np.square(columns - mean[:, np.newaxis])
        return distances

    def log_determinants(self, precision_cholesky: Array, n_features: int) -> Array:
        return np.log(precision_cholesky).sum(axis=1)

    def dense(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return covariances[:, :, np.newaxis] * np.eye(n_features, dtype=covariances.dtype)

    def from_dense(self, scatter: Array) -> Array:
        return np.diagonal(scatter, axis1=1, axis2=2)

    def from_precision_cholesky(self, precision_cholesky: Array) -> Array:
        return 1 / np.square(precision_cholesky)

    def variances(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return covariances

    def marginal(self, covariances: Array, features: Sequence[int]) -> Array:
        return covariances[:, features]


class Spherical(CovarianceType):
    """Each component has one variance, the same in every direction."""

    name = "spherical"

    def shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components,)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components

    def scatter(self, columns: Array, shares: Array, means: Array) -> Array:
        scatter = np.empty(self.shape(*means.shape), dtype=columns.dtype)
        for k, mean in enumerate(means):
            scatter[k] = np.dot(_squared_lengths(columns - mean[:, np.newaxis]), shares[k]) / len(columns)
        return scatter

    def spread(self, counts: Array, shifts: Array) -> Array:
        return counts * np.square(shifts).mean(axis=1)

    def covariances(self, scatter: Array, counts: Array) -> Array:
        return scatter / counts

    def add_to_diagonal(self, covariances: Array, amount: float) -> Array:
        return covariances + covariances.dtype.type(amount)

    def precision_cholesky(self, covariances: Array) -> Array:
        _check_variances(covariances)
        return 1 / np.sqrt(covariances)

    def squared_distances(self, columns: Array, means: Array, precision_cholesky: Array) -> Array:
        distances = _one_row_each(means, columns)
        for k, (mean, factor) in enumerate(zip(means, precision_cholesky, strict=True)):
            distances[k] = _squared_lengths(factor * (columns - mean[:, np.newaxis]))
        return distances

    def log_determinants(self, precision_cholesky: Array, n_features: int) -> Array:
        return n_features * np.log(precision_cholesky)

    def dense(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return covariances[:, np.newaxis, np.newaxis] * np.eye(n_features, dtype=covariances.dtype)

    def from_dense(self, scatter: Array) -> Array:
        return np.trace(scatter, axis1=1, axis2=2) / scatter.shape[-1]

    def from_precision_cholesky(self, precision_cholesky: Array) -> Array:
        return 1 / np.square(precision_cholesky)

    def variances(self, covariances: Array, n_components: int, n_features: int) -> Array:
        return np.broadcast_to(covariances[:, np.newaxis], (n_components, n_features))

    def marginal(self, covariances: Array, features: Sequence[int]) -> Array:
        return covariances


COVARIANCE_TYPES: dict[str, CovarianceType] = {kind.name: kind for kind in (Full(), Tied(), Diag(), Spherical())}


def row_blocks(X: Array) -> Iterator[slice]:
    """Cut the samples into blocks that stay in the processor's cache while they are worked on."""
    size = max(256, 32768 // X.shape[1])
    return (slice(first, min(first + size, len(X))) for first in range(0, len(X), size))


def blocks(X: Array) -> Iterator[tuple[slice, Array]]:
    """Cut the samples into blocks, `row_blocks`, and turn them.

    Yields
    ------
    rows : slice of X
    columns : (n_features, n_rows), these samples as columns: with few features, long rows are what is quick
    """
    for rows in row_blocks(X):
        yield rows, np.ascontiguousarray(X[rows].T)


def covariance_type_of(name: str) -> CovarianceType:
    """Look a covariance type up by its name.

    Raises
    ------
    ValueError
        If there is no type of that name.
    """
    if name not in COVARIANCE_TYPES:
        raise ValueError(f"covariance_type is {name!r}, but it must be one of {', '.join(COVARIANCE_TYPES)}.")
    return COVARIANCE_TYPES[name]


def _one_row_each(means: Array, columns: Array) -> Array:
    return np.empty((len(means), columns.shape[1]), dtype=np.result_type(means, columns))


def _squared_lengths(columns: Array) -> Array:
    return np.einsum("dn,dn->n", columns, columns)


def _precision_cholesky(matrices: Array) -> Array:
    """Invert the Cholesky factors of a stack of matrices, all in one call each: L Lᵀ = Σ gives U = (L⁻¹)ᵀ.

    L_dd² is the variance of feature d that the features before it leave unexplained. When it is nothing but
    rounding, the matrix is singular, even if luck let the factorisation through.
    """
    cholesky = np.linalg.cholesky(matrices)
    unexplained = np.square(cholesky.diagonal(axis1=-2, axis2=-1))
    variances = matrices.diagonal(axis1=-2, axis2=-1)
    if (unexplained <= matrices.shape[-1] * np.finfo(matrices.dtype).eps * variances).any():
        raise np.linalg.LinAlgError("singular to working precision")
    return np.linalg.inv(cholesky).swapaxes(-1, -2) * _upper(matrices.shape[-1], matrices.dtype)


@cache
def _upper(n_features: int, dtype: Any) -> Array:
    """Ones in the upper triangle and zeros below: what an inverse leaves in the other half is rounding."""
    return np.triu(np.ones((n_features, n_features), dtype))


def _not_positive_definite(matrix: Array, component: int | None) -> CollapseError:
    whose = "The shared covariance" if component is None else f"The covariance of component {component}"
    return CollapseError(
        f"{whose} is not positive definite: its smallest eigenvalue is {np.linalg.eigvalsh(matrix)[0]:.3g}.", component
    )


def _check_variances(variances: Array) -> None:
    if not variances.min() > 0:
        component = int((~(variances > 0)).reshape(len(variances), -1).any(axis=1).argmax())
        raise CollapseError(
            f"The covariance of component {component} is not positive definite: its smallest variance is "
            f"{np.min(variances[component]):.3g}.",
            component,
        )
