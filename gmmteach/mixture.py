"""A Gaussian mixture as a value: it never changes, and it answers every question about its density.

    p(x) = Σ_k π_k N(x | μ_k, Σ_k)                                          (Bishop 2006, eq. 9.7)

Fitting lives elsewhere (`em.py`); a `Mixture` only knows what it *is*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log, pi
from operator import index
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.utils import check_random_state

from .conditional import Conditional, patterns
from .covariance import Array, CovarianceType, blocks, covariance_type_of
from .distance import bhattacharyya

RandomState = int | np.random.RandomState | None


class Ellipses(NamedTuple):
    """One ellipse a component; widths and heights are full axis lengths, as `matplotlib.patches.Ellipse` wants.

    The width is the longer axis, and the angle, in degrees from the first feature's axis, is the width's.
    """

    centres: Array
    widths: Array
    heights: Array
    angles: Array


class Divergence(NamedTuple):
    """A Kullback-Leibler divergence by Monte Carlo, and how far off it may be: one standard error. Both in nats."""

    estimate: float
    standard_error: float


class Density(NamedTuple):
    """What a joint density of a sample and its component is computed from: log p(x, k) = c_k - ½ ‖(x - μ_k)ᵀ U_k‖².

    Attributes
    ----------
    log_constants : (n_components,), c_k, nats
    means : (n_components, n_features)
    precisions_cholesky : in the shape of the covariance type
    covariance_type : str
    """

    log_constants: Array
    means: Array
    precisions_cholesky: Array
    covariance_type: str

    def log_joint(self, X: Array) -> Array:
        """Log joint densities of samples and components, (n_samples, n_components), nats."""
        kind = covariance_type_of(self.covariance_type)
        # One contiguous row a component: that is what makes the soft-max after it quick.
        log_joint = np.empty((len(self.means), len(X)), dtype=np.result_type(X, self.means))
        for rows, columns in blocks(X):
            distances = kind.squared_distances(columns, self.means, self.precisions_cholesky)
            distances *= -0.5
            np.add(distances, self.log_constants[:, np.newaxis], out=log_joint[:, rows])
        return log_joint.T


@dataclass(frozen=True, eq=False)
class Mixture:
    """A Gaussian mixture: weights, means and covariances that belong together.

    Parameters
    ----------
    weights : (n_components,)
        Not negative, and they sum to 1.
    means : (n_components, n_features)
    covariances
        In scikit-learn's shape for the type: full (K, D, D), tied (D, D), diag (K, D), spherical (K,).
    covariance_type : {'full', 'tied', 'diag', 'spherical'}

    Raises
    ------
    ValueError
        If shapes disagree, weights do not sum to 1 or a value is not finite; `CollapseError`, a kind of
        ValueError, if a covariance is not positive definite.

    Examples
    --------
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0], "spherical")
    >>> mixture.responsibilities([[2.0]])
    array([[0.5, 0.5]])
    """

    weights: Array
    means: Array
    covariances: Array
    covariance_type: str = "full"

    def __post_init__(self) -> None:
        # float32 stays float32; everything else is computed in double precision. The copies make the value ours.
        means = np.asarray(self.means)
        dtype = np.float32 if means.dtype == np.float32 else np.float64
        for name in ("weights", "means", "covariances"):
            array = np.array(getattr(self, name), dtype=dtype)
            if not isfinite(array.sum()) and not np.isfinite(array).all():
                raise ValueError(f"{name} holds a value that is not finite: {array.tolist()}.")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.means.ndim != 2 or not self.means.size:
            raise ValueError(f"means must have shape (n_components, n_features), but has {self.means.shape}.")
        if self.weights.shape != (self.n_components,):
            raise ValueError(
                f"weights must have shape ({self.n_components},), one for each row of means, not {self.weights.shape}."
            )
        expected = self._kind.shape(*self.means.shape)
        if self.covariances.shape != expected:
            raise ValueError(
                f"covariances of type {self.covariance_type!r} must have shape {expected} for means of shape "
                f"{self.means.shape}, but has {self.covariances.shape}."
            )
        total = self.weights.sum()
        if self.weights.min() < 0 or abs(total - 1) > 1e-5:
            raise ValueError(
                f"weights must not be negative and must sum to 1, but they are {self.weights.tolist()}, which sum "
                f"to {total:.6g}."
            )
        is_matrix = self.covariance_type in ("full", "tied")
        if is_matrix and (self.covariances != (mirrored := np.swapaxes(self.covariances, -1, -2))).any():
            asymmetry = np.abs(self.covariances - mirrored).max()
            if asymmetry > 1e-5 * np.abs(self.covariances).max():
                raise ValueError(
                    f"covariances must be symmetric, but entries differ from their mirror image by {asymmetry:.3g}."
                )
        self.precisions_cholesky  # noqa: B018  computed here, so that no mixture with a broken covariance exists

    @classmethod
    def of_sound(cls, weights: Array, means: Array, covariances: Array, covariance_type: str) -> Mixture:
        """Make a mixture of arrays that nobody else holds and that are right as they were made: no checks, no copies.

        Parameters
        ----------
        weights, means, covariances, covariance_type
            As for `Mixture`, of one floating type; the arrays become read-only.
        """
        mixture = object.__new__(cls)
        for array in (weights, means, covariances):
            array.flags.writeable = False
        vars(mixture).update(weights=weights, means=means, covariances=covariances, covariance_type=covariance_type)
        return mixture

    def __reduce__(self) -> tuple[type[Mixture], tuple[Array, Array, Array, str]]:
        # Copies and pickles are made like any mixture, and cannot be written to either.
        return type(self), (self.weights, self.means, self.covariances, self.covariance_type)

    def __repr__(self) -> str:
        return (
            f"Mixture({self.n_components} components, {self.n_features} features, "
            f"covariance_type={self.covariance_type!r})"
        )

    @property
    def _kind(self) -> CovarianceType:
        return covariance_type_of(self.covariance_type)

    @property
    def n_components(self) -> int:
        """Number of components, K."""
        return self.means.shape[0]

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return self.means.shape[1]

    @property
    def n_parameters(self) -> int:
        """Number of free parameters: K - 1 weights (they sum to 1), K D means, and the covariances."""
        return self.n_components - 1 + self.means.size + self._kind.n_parameters(*self.means.shape)

    @property
    def dense_covariances(self) -> Array:
        """Covariance matrices of shape (n_components, n_features, n_features), whatever the type."""
        return self._kind.dense(self.covariances, *self.means.shape)

    @property
    def variances(self) -> Array:
        """Variance of every feature in every component, (n_components, n_features), whatever the type."""
        return self._kind.variances(self.covariances, *self.means.shape)

    @cached_property
    def precisions_cholesky(self) -> Array:
        """Triangular factors U of the precisions, inverse(Σ) = U Uᵀ, in the type's shape."""
        factor = self._kind.precision_cholesky(self.covariances)
        factor.flags.writeable = False
        return factor

    # --- density -----------------------------------------------------------------------------------------

    @cached_property
    def density(self) -> Density:
        """Constants and factors of the joint density (Bishop 2006, eqs. 2.43 and 9.10)."""
        factor = self.precisions_cholesky
        with np.errstate(divide="ignore"):  # a weight of 0 has the logarithm -inf, and that is right
            constants = np.log(self.weights) + self._kind.log_determinants(factor, self.n_features)
        constants = (constants - self.n_features / 2 * log(2 * pi)).astype(self.means.dtype)
        return Density(constants, self.means, factor, self.covariance_type)

    def log_joint(self, X: ArrayLike) -> Array:
        """Log of π_k N(x | μ_k, Σ_k), the joint density of a sample and its hidden component.

        Parameters
        ----------
        X : (n_samples, n_features)
            NaN is a value that was not observed: such a sample is judged by its other features, by their marginal
            density (Bishop 2006, eq. 2.98).

        Returns
        -------
        (n_samples, n_components), nats
        """
        X = self._samples(X)
        if np.isnan(X).any():
            return self._log_joint_of_observed(X)
        return self.density.log_joint(X)

    def _log_joint_of_observed(self, X: Array) -> Array:
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        log_joint = np.empty((len(X), self.n_components), dtype=np.result_type(X, self.means))
        for rows, observed in patterns(X):
            split = Conditional(self.means, self.dense_covariances, observed)
            log_joint[rows] = log_weights + split.log_density(X[np.ix_(rows, observed)]).T
        return log_joint

    def log_density(self, X: ArrayLike) -> Array:
        """Log density log p(x) of every sample, shape (n_samples,), nats (Bishop 2006, eq. 9.7)."""
        return normalise(self.log_joint(X))[0]

    def responsibilities(self, X: ArrayLike) -> Array:
        """Posterior probability of each component given a sample: rows sum to 1 (Bishop 2006, eq. 9.13)."""
        return normalise(self.log_joint(X))[1]

    def _samples(self, X: ArrayLike) -> Array:
        samples = np.asarray(X)
        if samples.dtype.kind != "f":
            samples = samples.astype(np.float64)
        if samples.ndim == 1 and self.n_features == 1:
            samples = samples[:, np.newaxis]
        if samples.ndim != 2 or samples.shape[1] != self.n_features:
            raise ValueError(
                f"X must have shape (n_samples, {self.n_features}) to fit this mixture, but has {samples.shape}."
            )
        return samples

    # --- drawing from it ---------------------------------------------------------------------------------

    def sample(self, n_samples: int = 1, random_state: RandomState = None) -> tuple[Array, Array]:
        """Draw samples by the generative story: first a component, then a point from its Gaussian.

        The same numbers as scikit-learn's `sample` for the same `random_state`; sorted by component.

        Returns
        -------
        X : (n_samples, n_features)
        labels : (n_samples,), the component each sample came from
        """
        if n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples}. Ask for at least one sample.")
        rng = check_random_state(random_state)
        counts = rng.multinomial(n_samples, self._normalised_weights())
        if self.covariance_type in ("full", "tied"):
            draws = [
                rng.multivariate_normal(mean, covariance, int(count))
                for mean, covariance, count in zip(self.means, self.dense_covariances, counts, strict=True)
            ]
        else:
            draws = [
                mean + rng.standard_normal((count, self.n_features)) * np.sqrt(variance)
                for mean, variance, count in zip(self.means, self.covariances, counts, strict=True)
            ]
        return np.vstack(draws), np.repeat(np.arange(self.n_components), counts)

    def _normalised_weights(self) -> Array:
        weights = self.weights.astype(np.float64)  # multinomial asks for a sum that is 1 in double precision
        return weights / weights.sum()

    # --- its parts ---------------------------------------------------------------------------------------

    def marginal(self, features: Sequence[int]) -> Mixture:
        """Mixture of the chosen features alone, in the order given (Bishop 2006, eq. 2.98).

        Raises
        ------
        ValueError
            If a feature is out of range, named twice, or none is named.
        """
        chosen = self._features(features)
        return Mixture(
            self.weights,
            self.means[:, chosen],
            self._kind.marginal(self.covariances, chosen),
            self.covariance_type,
        )

    def condition(self, given: Mapping[int, float]) -> Mixture:
        """Mixture of the remaining features once some are known: p(x_b | x_a).

        Each component is conditioned (Bishop 2006, eqs. 2.81 and 2.82), and its weight becomes its
        responsibility for the known values. Covariances keep the type they had.

        Parameters
        ----------
        given : {feature: value}
            At least one feature must stay free.
        """
        known = self._features(list(given))
        split = Conditional(self.means, self.dense_covariances, known)
        if not len(split.missing):
            raise ValueError("every feature is given, so there is nothing left to have a distribution.")
        values = np.array([[float(value) for value in given.values()]], dtype=self.means.dtype)
        weights = self.marginal(known).responsibilities(values)[0]
        covariances = self._kind.marginal(self.covariances, split.missing.tolist())
        if self.covariance_type in ("full", "tied"):
            covariances = split.covariances if self.covariance_type == "full" else split.covariances[0]
        return Mixture(weights, split.means(values)[:, 0], covariances, self.covariance_type)

    def _features(self, features: Sequence[int]) -> list[int]:
        chosen = [index(feature) for feature in features]
        if not chosen or len(set(chosen)) != len(chosen) or not all(0 <= d < self.n_features for d in chosen):
            raise ValueError(
                f"features must be different numbers from 0 to {self.n_features - 1}, but {list(features)} was given."
            )
        return chosen

    def ellipses(self, n_std: float = 2.0) -> Ellipses:
        """Axes of the ellipse of each component at a Mahalanobis distance of ``n_std``; two features only.

        The ellipse holds 1 - exp(-n_std²/2) of its component: 39 % at 1, 86 % at 2, 99 % at 3.

        Raises
        ------
        ValueError
            If there are not two features: choose two with `marginal`.
        """
        if self.n_features != 2:
            raise ValueError(
                f"an ellipse needs two features, and this mixture has {self.n_features}: "
                "choose two, for example mixture.marginal([0, 1]).ellipses()."
            )
        variances, axes = np.linalg.eigh(self.dense_covariances)  # ascending: the last axis is the longest
        lengths = 2 * n_std * np.sqrt(variances)
        angles = np.degrees(np.arctan2(axes[:, 1, 1], axes[:, 0, 1]))
        return Ellipses(self.means, lengths[:, 1], lengths[:, 0], angles)

    # --- beside another mixture --------------------------------------------------------------------------

    def align(self, other: Mixture) -> Mixture:
        """Give the components the numbers of those of ``other`` that they are most like: label switching undone.

        The same mixture, in the order of `matching`.

        Raises
        ------
        ValueError
            If the numbers of components or features differ.

        Examples
        --------
        >>> other = Mixture([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0], "spherical")
        >>> Mixture([0.3, 0.7], [[4.5], [0.5]], [1.0, 2.0], "spherical").align(other).means.tolist()
        [[0.5], [4.5]]
        """
        order = self.matching(other)
        covariances = self.covariances if self.covariance_type == "tied" else self.covariances[order]
        return Mixture(self.weights[order], self.means[order], covariances, self.covariance_type)

    def matching(self, other: Mixture) -> Array:
        """Which component of this mixture goes with each component of ``other``: a permutation, (n_components,).

        Of all pairings, the one with the least sum of Bhattacharyya distances (`distance.py`), found by the Hungarian
        method (Kuhn 1955). They do not depend on units. Weights have no say: a factor √π on each side of the overlap
        would add the same to the sum of every pairing.

        Raises
        ------
        ValueError
            If the numbers of components or features differ.
        """
        self._check_features(other)
        if self.n_components != other.n_components:
            raise ValueError(
                f"Components can be paired only where there are as many: this mixture has {self.n_components}, the "
                f"other {other.n_components}."
            )
        parts = [
            part.astype(np.float64) for mixture in (other, self) for part in (mixture.means, mixture.dense_covariances)
        ]
        return linear_sum_assignment(bhattacharyya(*parts))[1]

    def kl_divergence(self, other: Mixture, n_samples: int = 10_000, random_state: RandomState = None) -> Divergence:
        """Kullback-Leibler divergence from this mixture p to another one q, by Monte Carlo.

            KL(p ‖ q) = E_p[log p(x) - log q(x)]                                           (Bishop 2006, eq. 1.113)

        There is no closed form for mixtures. The estimate is the mean over samples of p; it can come out a little
        below 0 when the two are nearly the same, which the divergence itself never is.

        Parameters
        ----------
        other : Mixture
            With as many features; components and covariance type may differ.
        n_samples : int
            The standard error falls with its square root.
        random_state : int, RandomState or None

        Returns
        -------
        Divergence
            ``estimate`` and its ``standard_error``, in nats.

        Raises
        ------
        ValueError
            If the numbers of features differ, or there are fewer than two samples.
        """
        self._check_features(other)
        if n_samples < 2:
            raise ValueError(f"n_samples is {n_samples}, but a standard error needs at least 2 samples.")
        X, _ = self.sample(n_samples, random_state)
        log_ratios = self.log_density(X) - other.log_density(X)
        return Divergence(float(log_ratios.mean()), float(log_ratios.std(ddof=1) / np.sqrt(n_samples)))

    def _check_features(self, other: Mixture) -> None:
        if not isinstance(other, Mixture):
            raise TypeError(f"other must be a Mixture, not a {type(other).__name__}; an estimator has it in mixture_.")
        if self.n_features != other.n_features:
            raise ValueError(
                f"The mixtures are about different data: this one has {self.n_features} features, the other "
                f"{other.n_features}."
            )


def normalise(log_joint: Array) -> tuple[Array, Array]:
    """Turn log joint densities into the log density and the responsibilities (log-sum-exp and soft-max).

    The largest term of each row is taken out first: a point far from every component would
    otherwise have exp(...) = 0 everywhere, and 0/0 for its responsibilities.

    Parameters
    ----------
    log_joint : (n_samples, n_components)

    Returns
    -------
    log_density : (n_samples,)
    responsibilities : (n_samples, n_components), rows sum to 1
    """
    largest = log_joint.max(axis=1)
    responsibilities = np.exp(log_joint - largest[:, np.newaxis])
    total = responsibilities.sum(axis=1)
    responsibilities /= total[:, np.newaxis]
    return largest + np.log(total), responsibilities
