"""Small parts that the explorers share: a mixture to begin with, its reach, and numbers in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...mixture import Mixture

if TYPE_CHECKING:
    Floats = NDArray[np.float64]


def three_groups() -> Mixture:
    """Three components of unequal weight and shape, to begin with."""
    return Mixture(
        np.array([0.5, 0.3, 0.2]),
        np.array([[-1.8, 0.2], [1.6, 1.2], [1.2, -2.2]]),
        np.array([[[1.1, 0.6], [0.6, 1.0]], [[0.9, -0.4], [-0.4, 0.6]], [[0.3, 0.0], [0.0, 0.3]]]),
    )


def plane(mixture: Mixture, fewest: int, most: int) -> Mixture:
    """Give back a mixture in two features with so many components, or say what is wrong with it."""
    if not isinstance(mixture, Mixture):
        raise TypeError(f"a Mixture is needed, not a {type(mixture).__name__}; a fitted estimator has one in mixture_.")
    if mixture.n_features != 2:
        raise ValueError(
            f"the mixture has {mixture.n_features} features, and the picture shows two: mixture.marginal([0, 1])."
        )
    if not fewest <= mixture.n_components <= most:
        raise ValueError(f"the mixture has {mixture.n_components} components; there is room for {fewest} to {most}.")
    return mixture


def column(X: ArrayLike) -> Floats:
    """Give back one column of numbers, (n_samples, 1), or say what is wrong with them."""
    values = np.asarray(X, dtype=np.float64)
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] != 1:
        raise ValueError(f"X must be one column of numbers, (n_samples,) or (n_samples, 1), but has {np.shape(X)}.")
    if not np.isfinite(values).all():
        raise ValueError("X has a value that is missing or infinite; leave it out first: X[np.isfinite(X)].")
    if len(np.unique(values)) < 2:
        raise ValueError("X needs at least two different values.")
    return values


def numbers(name: str, values: ArrayLike, size: int) -> list[float]:
    """Give back so many finite numbers, or say what is wrong with them."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be {size} finite numbers, but is {values!r}.")
    return [float(value) for value in array]


def reach(mixture: Mixture, axis: int, n_std: float) -> tuple[float, float]:
    """Lowest and highest place along a feature, so many standard deviations from the means."""
    half = n_std * np.sqrt(mixture.dense_covariances[:, axis, axis])
    return float((mixture.means[:, axis] - half).min()), float((mixture.means[:, axis] + half).max())


def nice(step: float) -> float:
    """Largest of 1, 2 or 5 times a power of ten that is not above this."""
    power = 10.0 ** np.floor(np.log10(step))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= step * (1 + 1e-9)))


def two_places(value: float) -> str:
    """Write a number with two decimal places and a real minus sign."""
    return f"{round(float(value), 2) + 0.0:.2f}".replace("-", "−")


def one_place(value: float) -> str:
    """Write a number with one decimal place, commas between thousands and a real minus sign."""
    return f"{round(float(value), 1) + 0.0:,.1f}".replace("-", "−")


def one_percent(share: float) -> str:
    """Write a share as a percentage with one decimal place."""
    return f"{share:.1%}".replace("%", " %")


def whole_percent(share: float) -> str:
    """Write a share as a whole percentage."""
    return f"{share:.0%}".replace("%", " %")


def from_log(log_value: float) -> str:
    """Write exp(log_value), which may be far too small for a float."""
    exponent = int(np.floor(log_value / np.log(10))) if np.isfinite(log_value) else 0
    if not np.isfinite(log_value):
        return "0"
    if -3 <= exponent < 4:
        return f"{np.exp(log_value):.4f}"
    return f"{np.exp(log_value - exponent * np.log(10)):.1f}e{exponent}".replace("-", "−")
