"""What is believed about a mixture: before the data, `Prior`, and after them, `Posterior`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma

from ..covariance import Array, CovarianceType, blocks, covariance_type_of, floating
from ..mixture import Density, Mixture, normalise

WEIGHT_PRIORS = ("dirichlet_process", "dirichlet_distribution")


@dataclass(frozen=True, eq=False)
class Prior:
    """What is believed before the data, the same for every component (Bishop 2006, eqs. 10.39 and 10.40).

    Parameters
    ----------
    mean : (n_features,), m_0
        Where means are expected.
    covariance
        The inverse of the Wishart scale, W_0⁻¹: (D, D) for full and tied, (D,) for diag, a number for spherical.
        Divided by the degrees of freedom it is the covariance that is expected.
    degrees_of_freedom : float, ν_0
        More than n_features - 1: how many samples would say as much about the covariance.
    mean_precision : float, β_0
        How many samples would say as much about the mean.
    weight_concentration : float
        α_0 of the Dirichlet distribution, or γ of the process: the smaller, the fewer components are kept.
    weight_prior : {'dirichlet_process', 'dirichlet_distribution'}
    covariance_type : {'full', 'tied', 'diag', 'spherical'}

    Raises
    ------
    ValueError
        If a number is out of range, or shapes do not go together.
    """

    mean: Array
    covariance: Array
    degrees_of_freedom: float
    mean_precision: float = 1.0
    weight_concentration: float = 1.0
    weight_prior: str = "dirichlet_process"
    covariance_type: str = "full"

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", _frozen(self.mean))
        object.__setattr__(self, "covariance", _frozen(self.covariance))
        if self.weight_prior not in WEIGHT_PRIORS:
            raise ValueError(
                f"weight_prior is {self.weight_prior!r}, but it must be one of {', '.join(WEIGHT_PRIORS)}."
            )
        for name in ("mean_precision", "weight_concentration"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be greater than 0, but it is {getattr(self, name)}.")
        n_features = self.mean.size
        expected = self._kind.shape(1, n_features)[0 if self.covariance_type == "tied" else 1 :]
        if self.mean.ndim != 1 or self.covariance.shape != expected:
            raise ValueError(
                f"mean must have shape (n_features,) and covariance, for type {self.covariance_type!r}, {expected}; "
                f"they have shapes {self.mean.shape} and {self.covariance.shape}."
            )
        if not self.degrees_of_freedom > n_features - 1:
            raise ValueError(
                f"degrees_of_freedom must be greater than n_features - 1 = {n_features - 1}, but it is "
                f"{self.degrees_of_freedom}."
            )

    def __reduce__(self) -> tuple[type[Prior], tuple[object, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    @property
    def _kind(self) -> CovarianceType:
        return covariance_type_of(self.covariance_type)

    def wishart(self, n_components: int) -> tuple[float, Array]:
        """Degrees of freedom ν_0 and inverse scale W_0⁻¹; for 'tied' as firm as those of all components together."""
        copies = n_components if self.covariance_type == "tied" else 1
        return copies * self.degrees_of_freedom, copies * self.covariance


def default_prior(
    X: ArrayLike,
    n_components: int,
    covariance_type: str = "full",
    *,
    weight_prior: str = "dirichlet_process",
    weight_concentration: float | None = None,
    mean_precision: float | None = None,
    mean: ArrayLike | None = None,
    degrees_of_freedom: float | None = None,
    covariance: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
) -> Prior:
    """Make scikit-learn's prior, which looks at the data: mean and covariance are theirs.

    Parameters
    ----------
    X : (n_samples, n_features)
    n_components : int
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
    weight_prior : {'dirichlet_process', 'dirichlet_distribution'}
    weight_concentration, mean_precision, mean, degrees_of_freedom, covariance
        As in `Prior`; by default 1/n_components, 1, the mean of X, n_features and the covariance of X.
    sample_weight : (n_samples,), optional
        How many times each sample counts.

    Raises
    ------
    ValueError
        If the weights of the samples sum to 1 or less: one sample has no covariance.
    """
    X = floating(X)
    weights = np.ones(len(X)) if sample_weight is None else floating(sample_weight)
    middle = X.mean(axis=0) if sample_weight is None else np.average(X, axis=0, weights=weights).astype(X.dtype)
    if covariance is None:
        total = weights.sum(dtype=np.float64)
        if not total > 1:
            raise ValueError(
                f"the weights of the samples sum to {total:.3g}; they say how many times each sample counts, and one "
                "sample has no covariance. Make them larger, or give the covariance of the prior."
            )
        kind = covariance_type_of(covariance_type)
        scatter = np.zeros(kind.shape(1, X.shape[1]))
        for rows, columns in blocks(X):
            scatter += kind.scatter(columns, weights[np.newaxis, rows], middle[np.newaxis])
        covariance = (scatter if covariance_type == "tied" else scatter[0]) / (total - 1)
        covariance = np.asarray(covariance).astype(X.dtype)
    return Prior(
        middle if mean is None else np.asarray(mean),
        np.asarray(covariance),
        X.shape[1] if degrees_of_freedom is None else degrees_of_freedom,
        1.0 if mean_precision is None else mean_precision,
        1 / n_components if weight_concentration is None else weight_concentration,
        weight_prior,
        covariance_type,
    )


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is believed now, q(π) and q(μ, Λ), as numbers that never change.

    Parameters
    ----------
    weight_concentration : (n_components,) or (2, n_components)
        α_k of the Dirichlet distribution; for the Dirichlet process a_k and b_k: component k takes a share of what
        those before it have left of the stick, and the share has the distribution Beta(a_k, b_k).
    mean_precision : (n_components,), β_k
        The mean has the precision β_k Λ_k: how many samples it rests on.
    means : (n_components, n_features), m_k
    degrees_of_freedom : (n_components,), ν_k
        Of shape (1,) for 'tied': there is one precision.
    covariances : in the shape of the covariance type
        The inverse of the expected precision, (ν_k W_k)⁻¹.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}

    Raises
    ------
    ValueError
        If shapes do not go together, or a number is not positive; `CollapseError`, a kind of ValueError, if a
        covariance is not positive definite.
    """

    weight_concentration: Array
    mean_precision: Array
    means: Array
    degrees_of_freedom: Array
    covariances: Array
    covariance_type: str = "full"

    def __post_init__(self) -> None:
        for field in fields(self)[:-1]:
            object.__setattr__(self, field.name, _frozen(getattr(self, field.name)))
        one_each = (len(self.means),)
        allowed = {
            "weight_concentration": (one_each, (2, *one_each)),
            "mean_precision": (one_each,),
            "degrees_of_freedom": ((1,) if self.covariance_type == "tied" else one_each,),
        }
        for name, shapes in allowed.items():
            values = getattr(self, name)
            if values.shape not in shapes or not values.min() > 0:
                raise ValueError(
                    f"{name} must have shape {' or '.join(map(str, shapes))} where means have {self.means.shape}, and "
                    f"positive values; it has shape {values.shape} and values {values.tolist()}."
                )
        self.mixture  # noqa: B018  computed here, so that no posterior with a broken covariance exists

    def __reduce__(self) -> tuple[type[Posterior], tuple[object, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    def __repr__(self) -> str:
        n_components, n_features = self.means.shape
        return (
            f"Posterior({n_components} components, {n_features} features, covariance_type={self.covariance_type!r}, "
            f"{self.weight_prior})"
        )

    @property
    def _kind(self) -> CovarianceType:
        return covariance_type_of(self.covariance_type)

    @property
    def weight_prior(self) -> str:
        """Name of the prior that the weights had: 'dirichlet_process' or 'dirichlet_distribution'."""
        return WEIGHT_PRIORS[2 - self.weight_concentration.ndim]

    # --- expectations under q ----------------------------------------------------------------------------

    @cached_property
    def expected_weights(self) -> Array:
        """E[π_k], scaled to sum to 1: the process keeps a little for the components that were cut off."""
        if self.weight_prior == "dirichlet_distribution":
            weights = self.weight_concentration
        else:
            taken, left = self.weight_concentration / self.weight_concentration.sum(axis=0)
            weights = taken * np.cumprod(np.append(1, left[:-1]))
        return weights / weights.sum()

    @cached_property
    def expected_log_shares(self) -> tuple[Array, Array]:
        """E[ln v_k] and E[ln(1 - v_k)] of the share that component k takes of the stick, and of what it leaves."""
        concentration = self.weight_concentration.astype(np.float64)
        taken, left = digamma(concentration) - digamma(concentration.sum(axis=0))
        return taken, left

    @cached_property
    def expected_log_weights(self) -> Array:
        """E[ln π_k], (n_components,) (Bishop 2006, eq. 10.66; for the process Blei & Jordan 2006)."""
        if self.weight_prior == "dirichlet_distribution":
            concentration = self.weight_concentration.astype(np.float64)
            return digamma(concentration) - digamma(concentration.sum())
        taken, left = self.expected_log_shares
        return taken + np.append(0, np.cumsum(left)[:-1])

    @cached_property
    def expected_precisions(self) -> Array:
        """E[Λ_k] = ν_k W_k, in the shape of the covariance type."""
        factor = self.mixture.precisions_cholesky.astype(np.float64)
        is_matrix = self.covariance_type in ("full", "tied")
        return factor @ np.swapaxes(factor, -1, -2) if is_matrix else factor**2

    @cached_property
    def log_scale_determinants(self) -> Array:
        """Logarithms of |W_k|, (n_components,), or (1,) for 'tied'."""
        n_features = self.means.shape[1]
        log_determinants = 2 * self._kind.log_determinants(self.mixture.precisions_cholesky, n_features)
        return log_determinants - n_features * np.log(self.degrees_of_freedom.astype(np.float64))

    @cached_property
    def expected_log_determinants(self) -> Array:
        """E[ln |Λ_k|], (n_components,), or (1,) for 'tied' (Bishop 2006, eq. 10.65)."""
        n_features = self.means.shape[1]
        halves = (self.degrees_of_freedom.astype(np.float64) - np.arange(n_features)[:, np.newaxis]) / 2
        return digamma(halves).sum(axis=0) + n_features * np.log(2) + self.log_scale_determinants

    # --- what it says about samples ----------------------------------------------------------------------

    @cached_property
    def mixture(self) -> Mixture:
        """The mixture of expected weights, expected means and inverse expected precisions: what to draw."""
        weights = self.expected_weights.astype(self.means.dtype)
        return Mixture(weights, self.means, self.covariances, self.covariance_type)

    @cached_property
    def density(self) -> Density:
        """Constants and factors of ln ρ_nk, by which the E-step shares samples (Bishop 2006, eqs. 10.46 and 10.64).

        A Gaussian's, with ln π and ln |Λ| replaced by their expectations, less D/(2 β_k) for not knowing the mean.
        """
        n_features = self.means.shape[1]
        constants = self.expected_log_weights + self.expected_log_determinants / 2
        constants = constants - n_features / 2 * (np.log(2 * np.pi) + 1 / self.mean_precision)
        constants = constants.astype(self.means.dtype)
        return Density(constants, self.means, self.mixture.precisions_cholesky, self.covariance_type)

    def log_joint(self, X: ArrayLike) -> Array:
        """E[ln π_k N(x_n | μ_k, Λ_k⁻¹)], (n_samples, n_components), nats: ln ρ_nk (Bishop 2006, eq. 10.46)."""
        return self.density.log_joint(floating(X))

    def responsibilities(self, X: ArrayLike) -> Array:
        """q(Z): the share of each component in each sample, (n_samples, n_components) (Bishop 2006, eq. 10.49)."""
        return normalise(self.log_joint(X))[1]


def _frozen(values: ArrayLike) -> Array:
    array = np.array(values, dtype=np.float32 if np.asarray(values).dtype == np.float32 else np.float64)
    array.flags.writeable = False
    return array
