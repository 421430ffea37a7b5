"""What the M-step has to know about the data: sums over the samples, weighted by responsibilities.

Sums add up, over blocks of rows that stay in the processor's cache, over threads, over halves of a data set and over
machines. `Samples.expect` makes them in one pass, E-step included, and never keeps the responsibilities.

How many digits are kept
------------------------
There are two forms. The short one multiplies features of the data, counted from their middle, with natural
parameters (`features.py`). Its terms, of the size of M = Σ_de |Λ_de| r_d r_e with r the distance of the farthest
sample, cancel down to a squared Mahalanobis distance of a few, so log densities have an absolute error of the order of
eps · M (Higham 2002, *Accuracy and Stability of Numerical Algorithms*, section 3.1: that of a sum is at most the
number of terms times eps times the sum of their absolute values). It is used while M <= eps^(-1/3), 165,000 in double
precision: then eps · M <= eps^(2/3) = 4e-11 nats, and the error is a few times that (at most 4.6 times in the tests,
for up to 47 correlated features). Otherwise, for example for tight clusters far apart, the *direct* form is used, which
subtracts the mean first, as on the board. The same criterion, with r the root mean square about the origin of the
sums, decides whether covariances found as second moments minus squared means can be trusted; if not, the sums are taken
again about the new means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike

from .covariance import Array, blocks, covariance_type_of, floating
from .features import FEATURES
from .mixture import Density
from .sweep import Sweep, block_size, soften
from .threads import in_threads

WIDE = 300  # features of `features.py` for each component; with more, the direct form is the faster one, too


def weighted_moments(
    X: Array, responsibilities: Array | Callable[[], Iterable[tuple[slice, Array]]], covariance_type: str,
    sample_weight: Array | None = None,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Effective numbers of points, means and covariances of every component's share of the data.

    Two passes, as in the textbook: the covariances are taken about the new means.

    Parameters
    ----------
    X : (n_samples, n_features)
    responsibilities : (n_samples, n_components), or a function that yields them in blocks, as ``(rows, block)``
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
    sample_weight : (n_samples,), optional

    Returns
    -------
    counts : (n_components,), N_k (Bishop 2006, eq. 9.27)
    means : (n_components, n_features) (eq. 9.24)
    covariances : in the shape of the covariance type (eq. 9.25)
    """

    def weighted() -> Iterator[tuple[slice, Array]]:
        parts = responsibilities() if callable(responsibilities) else [(slice(None), responsibilities)]
        for rows, shares in parts:
            yield rows, shares if sample_weight is None else shares * sample_weight[rows, np.newaxis]

    kind = covariance_type_of(covariance_type)
    sums = [(shares.sum(axis=0), shares.T @ X[rows]) for rows, shares in weighted()]
    counts = _not_zero(sum(count for count, _ in sums))
    means = sum(total for _, total in sums) / counts[:, np.newaxis]
    scatter = np.zeros(kind.shape(*means.shape), dtype=means.dtype)
    for rows, shares in weighted():
        for inner, columns in blocks(X[rows]):
            scatter += kind.scatter(columns, shares[inner].T, means)
    return counts, means, kind.covariances(scatter, counts)


@dataclass(frozen=True, eq=False)
class Statistics:
    """Sums over samples, weighted by responsibilities, and the log-likelihood that came out on the way.

    Attributes
    ----------
    covariance_type : str
    origin : (n_features,)
        What samples are counted from: z = x - origin.
    centres : (n_components, n_features)
        What sums and squares are taken about, counted from the origin.
    counts : (n_components,)
        Σ_n γ_nk, the effective numbers of points (Bishop 2006, eq. 9.27).
    sums : (n_components, n_features)
        Σ_n γ_nk (z_n - centre_k).
    squares : in the shape of the covariance type
        Σ_n γ_nk (z_n - centre_k)(z_n - centre_k)ᵀ, as much of them as the type keeps.
    log_likelihood : float
        Total, in nats, of the mixture that gave the responsibilities.
    """

    covariance_type: str
    origin: Array
    centres: Array
    counts: Array
    sums: Array
    squares: Array
    log_likelihood: float

    def __add__(self, other: Statistics) -> Statistics:
        """Statistics of two halves of the data, taken about the same centres, together."""
        return replace(
            self,
            counts=self.counts + other.counts,
            sums=self.sums + other.sums,
            squares=self.squares + other.squares,
            log_likelihood=self.log_likelihood + other.log_likelihood,
        )

    def __mul__(self, factor: float) -> Statistics:
        """Statistics of the same data, every sample counting ``factor`` times as much."""
        return replace(
            self,
            counts=self.counts * factor,
            sums=self.sums * factor,
            squares=self.squares * factor,
            log_likelihood=self.log_likelihood * factor,
        )

    def about(self, centres: Array) -> Statistics:
        """The same, with squares about other centres, and counted from 0: so that they can be added to others'."""
        kind = covariance_type_of(self.covariance_type)
        counts, means, covariances = self.moments()
        scatter = kind.scatter_of(covariances, counts)
        return replace(
            self,
            origin=np.zeros_like(self.origin),
            centres=centres,
            sums=self.counts[:, np.newaxis] * (means - centres),
            squares=scatter + kind.spread(self.counts, means - centres),
        )

    def moments(self) -> tuple[Array, Array, Array]:
        """Effective numbers of points, means and covariances: what `weighted_moments` gives (eqs. 9.24 to 9.27)."""
        kind = covariance_type_of(self.covariance_type)
        counts = _not_zero(self.counts)
        shares = self.counts / counts  # 1; 0 for a component that has lost every point
        shifts = self.sums / counts[:, np.newaxis]
        means = shifts + shares[:, np.newaxis] * (self.centres + self.origin)
        return counts, means, kind.covariances(self.squares - kind.spread(self.counts, shifts), counts)

    def parameters(self, reg_covar: float) -> tuple[Array, Array, Array]:
        """Weights, means and covariances of the M-step; ``reg_covar`` is added to every variance."""
        counts, means, covariances = self.moments()
        kind = covariance_type_of(self.covariance_type)
        parameters = counts / counts.sum(), means, kind.add_to_diagonal(covariances, reg_covar)
        weights, means, covariances = (values.astype(self.origin.dtype, copy=False) for values in parameters)
        return weights, means, covariances

    def keep_digits(self, density: Density) -> bool:
        """Whether second moments minus squared means were exact enough for the covariances of ``density``."""
        kind, features = covariance_type_of(self.covariance_type), FEATURES[self.covariance_type]
        mean_squares = kind.covariances(self.squares, _not_zero(self.counts))
        reach = np.sqrt(kind.variances(mean_squares, *self.sums.shape))
        return features.magnitude(features.precisions(density.precisions_cholesky), reach) <= largest_terms(
            density.means.dtype
        )


class Source(Protocol):
    """Data that EM can learn from, wherever they are: all it asks of them is sums.

    Attributes
    ----------
    largest : (n_features,)
        Largest absolute value of each feature.
    """

    largest: Array

    @property
    def total_weight(self) -> float:
        """Sum of the samples' weights; their number, where they have none."""

    def expect(self, density: Density, about: Array | None = None) -> Statistics:
        """E-step, and the sums over its responsibilities: see `Samples.expect`."""

    def short_form(self, density: Density) -> Array | None:
        """Natural parameters, if `expect` will use them; None if it takes differences from the means."""


class Samples:
    """Data in memory, and one pass over them: the E-step, and the sums that the M-step needs.

    Parameters
    ----------
    X : (n_samples, n_features)
        float32 stays so; everything else is computed in double precision.
    sample_weight : (n_samples,), optional
        How many times each sample counts; none may be negative.
    origin : (n_features,), optional
        What to count from; the middle of the data by default.

    Raises
    ------
    ValueError
        If a value is not finite, or the shapes do not go together.
    """

    def __init__(self, X: ArrayLike, sample_weight: ArrayLike | None = None, origin: Array | None = None) -> None:
        self.X = X = floating(X)
        if X.ndim != 2:
            raise ValueError(f"X must have shape (n_samples, n_features), but has {X.shape}.")
        self.sample_weight = None if sample_weight is None else checked_weights(sample_weight, X)
        lowest, highest = extent(X)
        self.origin = lowest / 2 + highest / 2 if origin is None else origin.astype(X.dtype)
        self.reach = np.maximum(highest - self.origin, self.origin - lowest)
        self.largest = np.maximum(np.abs(lowest), np.abs(highest))
        self._sweeps: dict[tuple[str, int], Sweep] = {}
        self._latest: tuple[Density | None, Array | None] = (None, None)

    @property
    def total_weight(self) -> float:
        """Σ_n w_n, which is the number of samples where none has a weight."""
        return float(len(self.X) if self.sample_weight is None else self.sample_weight.sum(dtype=np.float64))

    def expect(self, density: Density, about: Array | None = None) -> Statistics:
        """E-step, and the sums over its responsibilities, in one pass (Bishop 2006, eqs. 9.23 and 9.27).

        Parameters
        ----------
        density : Density
        about : (n_components, n_features), optional
            Points to take squares about, in the direct form. By default the short form is used where it keeps
            its digits (see the top of the module), and elsewhere the direct form about the means of the density.
        """
        n_features = density.means.shape[1]
        if self.X.shape[1] != n_features:
            raise ValueError(
                f"X must have shape (n_samples, {n_features}) to fit this mixture, but has {self.X.shape}."
            )
        theta = self.short_form(density) if about is None else None
        if theta is not None:
            return self._from_features(density, theta)
        return self._from_differences(density, density.means if about is None else about)

    def short_form(self, density: Density) -> Array | None:
        """Natural parameters of the density, counted from the origin; None where they would cost digits or time."""
        known, theta = self._latest
        if known is not density:
            theta = self._natural_parameters(density)
            self._latest = density, theta
        return theta

    def _natural_parameters(self, density: Density) -> Array | None:
        features, means = FEATURES[density.covariance_type], density.means - self.origin
        if features.count(means.shape[1]) > WIDE * len(means):
            return None
        precisions = features.precisions(density.precisions_cholesky)
        reach = np.maximum(self.reach, np.abs(means).max(axis=0))[np.newaxis]
        if features.magnitude(precisions, reach) > largest_terms(self.X.dtype):
            return None
        return features.natural_parameters(density.log_constants, means, precisions).astype(self.X.dtype, copy=False)

    def _from_features(self, density: Density, theta: Array) -> Statistics:
        features, n_features = FEATURES[density.covariance_type], self.X.shape[1]
        sums, log_likelihood = self._sweep(density.covariance_type, len(theta))(theta, soften)
        squares = features.read_squares(sums[:, 1 + n_features :], n_features)
        if density.covariance_type == "tied":
            squares = self._squares_of_all
            log_likelihood -= 0.5 * float(np.vdot(features.precisions(density.precisions_cholesky), squares))
        centres = np.zeros_like(density.means)
        linear = sums[:, 1 : 1 + n_features]
        return Statistics(density.covariance_type, self.origin, centres, sums[:, 0], linear, squares, log_likelihood)

    def _sweep(self, covariance_type: str, n_components: int) -> Sweep:
        if (covariance_type, n_components) not in self._sweeps:
            sweep = Sweep(self.X, self.sample_weight, self.origin, covariance_type, n_components)
            self._sweeps[covariance_type, n_components] = sweep
        return self._sweeps[covariance_type, n_components]

    @cached_property
    def _squares_of_all(self) -> Array:
        """Σ_n w_n z_n z_nᵀ: all that type 'tied' needs to know of the squares, once and for all."""
        total = np.zeros((self.X.shape[1],) * 2)
        for rows, columns in blocks(self.X):
            columns = columns - self.origin[:, np.newaxis]
            total += (columns if self.sample_weight is None else columns * self.sample_weight[rows]) @ columns.T
        return total

    def _from_differences(self, density: Density, centres: Array) -> Statistics:
        kind, means = covariance_type_of(density.covariance_type), density.means

        def work(starts: Sequence[int]) -> tuple[Any, ...]:
            counts, sums, squares = np.zeros(len(means)), np.zeros(means.shape), np.zeros(kind.shape(*means.shape))
            log_likelihood = 0.0
            for start in starts:
                rows = slice(start, start + size)
                columns = np.ascontiguousarray(self.X[rows].T)
                log_joint = kind.squared_distances(columns, means, density.precisions_cholesky)
                log_joint *= -0.5
                log_joint += density.log_constants[:, np.newaxis]
                weights = None if self.sample_weight is None else self.sample_weight[rows]
                shares, part = soften(log_joint, weights)
                log_likelihood += part
                counts += shares.sum(axis=1)
                for k, centre in enumerate(centres):  # about the centre: a mean that moves far costs no digits
                    sums[k] += np.dot(columns - centre[:, np.newaxis], shares[k])
                squares += kind.scatter(columns, shares, centres)
            return counts, sums, squares, log_likelihood

        size = block_size(6 * means.shape[1] + 2 * len(means), self.X.dtype)
        cost = self.X.size * len(means) * (16 + len(means[0]) * (density.covariance_type in ("full", "tied")))
        totals = in_threads(work, len(self.X), size, cost)
        return Statistics(density.covariance_type, np.zeros_like(self.origin), centres, *totals)


def source(X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> Source:
    """Make a `Source` of an array; one that is a source already stays as it is."""
    return cast(Source, X) if hasattr(X, "expect") else Samples(X, sample_weight)


def largest_terms(dtype: Any) -> float:
    """eps^(-1/3): how large terms may be that cancel down to a few units, if two thirds of the digits are to stay."""
    return float(np.finfo(dtype).eps) ** (-1 / 3)


def extent(X: Array) -> tuple[Array, Array]:
    """Smallest and largest value of every feature, (n_features,) each; by blocks, which is quick for few features."""
    edges = [(columns.min(axis=1), columns.max(axis=1)) for _, columns in blocks(X)]
    lowest, highest = zip(*edges, strict=True)
    return np.min(lowest, axis=0), np.max(highest, axis=0)


def checked_weights(sample_weight: ArrayLike, X: Array) -> Array:
    """Weights of the samples, (n_samples,), in the precision of X; raise ValueError if they cannot be weights."""
    weights = floating(sample_weight).astype(X.dtype, copy=False)
    if weights.shape != (len(X),) or weights.min() < 0 or not weights.max() > 0:
        raise ValueError(
            f"sample_weight must have shape ({len(X)},), one for each row of X, none negative and not all 0; it has "
            f"shape {weights.shape}, and values from {weights.min():.3g} to {weights.max():.3g}."
        )
    return weights


def _not_zero(counts: Array) -> Array:
    """Keep a component that has lost every point from dividing by zero, with scikit-learn's trifle.

    The trifle is of one sample's weight, or of all the weight there is if that is less.
    """
    return np.maximum(counts, 10 * np.finfo(counts.dtype).eps * min(1.0, counts.sum()))
