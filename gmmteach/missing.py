"""EM for data with holes: what is not known is summed out, which is what EM was invented for.

A sample is judged by the features it has; in the sums for the M-step, a missing one is replaced by what the
component expects it to be, given the others, and its uncertainty is added to the squares (Ghahramani & Jordan 1994,
*Supervised learning from incomplete data via an EM approach*; Little & Rubin 2019, chapter 11; Dempster, Laird &
Rubin 1977, section 4.1). This maximises the likelihood of what was observed, and it is right when values are *missing
at random*: whether one is missing may depend on what was observed, but not on the missing value itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from .conditional import Conditional, patterns
from .covariance import Array, covariance_type_of
from .mixture import Density, Mixture, RandomState
from .statistics import Samples, Statistics
from .sweep import soften


class Incomplete:
    """Data with missing values (NaN), as a `Source` for EM.

    Parameters
    ----------
    X : (n_samples, n_features)
        NaN where a value is missing; a row may be missing altogether.
    sample_weight : (n_samples,), optional
        How many times each sample counts.
    may_lack_features : bool
        Whether a feature may have no value at all: right for one batch of many, wrong for all the data.

    Raises
    ------
    ValueError
        If a feature has no value at all and must have, or a value is infinite.
    """

    def __init__(self, X: ArrayLike, sample_weight: Array | None = None, *, may_lack_features: bool = False) -> None:
        X = np.asarray(X)
        self.X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
        self.sample_weight = sample_weight
        absent = np.isnan(self.X)
        empty = np.flatnonzero(absent.all(axis=0))
        if len(empty) and not may_lack_features:
            raise ValueError(f"Feature {empty[0]} is missing in every sample: leave it out.")
        if np.isinf(self.X).any():
            raise ValueError("X holds infinity, which is not a missing value: leave these rows out.")
        self.largest = np.nan_to_num(np.abs(self.X)).max(axis=0)
        whole = ~absent.any(axis=1)  # for these, sums are made as if there were no others
        if sample_weight is not None:
            whole &= sample_weight > 0
        weights = None if sample_weight is None else sample_weight[whole]
        self._whole = Samples(self.X[whole], weights) if whole.any() else None
        holes = np.flatnonzero(~whole)
        self._patterns = [(holes[rows], observed) for rows, observed in patterns(self.X[holes])]

    @property
    def total_weight(self) -> float:
        """Sum of the samples' weights; their number, where they have none."""
        return float(len(self.X) if self.sample_weight is None else self.sample_weight.sum(dtype=np.float64))

    def short_form(self, density: Density) -> None:
        """Differences from the means are always taken."""
        return None

    def expect(self, density: Density, about: Array | None = None) -> Statistics:
        """E-step and expected sums, over the missing values as well as over the components."""
        kind = covariance_type_of(density.covariance_type)
        n_components, n_features = density.means.shape
        dense = kind.dense(kind.from_precision_cholesky(density.precisions_cholesky), n_components, n_features)
        centres = density.means if about is None else about
        counts, sums = np.zeros(n_components), np.zeros((n_components, n_features))
        squares, log_likelihood = np.zeros((n_components, n_features, n_features)), 0.0
        for rows, observed in self._patterns:
            known, weights = self.X[np.ix_(rows, observed)], None
            if self.sample_weight is not None:
                weights = self.sample_weight[rows]
            split = Conditional(density.means, dense, observed)
            shares, part = soften(split.log_density(known) + log_weights(density)[:, np.newaxis], weights)
            log_likelihood += part
            totals = shares.sum(axis=1)
            counts += totals
            filled = np.empty((n_components, len(rows), n_features))
            filled[:, :, observed] = known
            filled[:, :, split.missing] = split.means(known)
            difference = filled - centres[:, np.newaxis]
            sums += np.einsum("kn,knd->kd", shares, difference)
            squares += np.swapaxes(shares[:, :, np.newaxis] * difference, 1, 2) @ difference
            holes = np.ix_(np.arange(n_components), split.missing, split.missing)
            squares[holes] += totals[:, np.newaxis, np.newaxis] * split.covariances
        origin = np.zeros(n_features, dtype=self.X.dtype)
        found = Statistics(
            density.covariance_type, origin, centres, counts, sums, kind.from_dense(squares), log_likelihood
        )
        return found if self._whole is None else found + self._whole.expect(density, about=centres)


def log_weights(density: Density) -> Array:
    """Log π_k, from the constants of the joint density."""
    kind, n_features = covariance_type_of(density.covariance_type), density.means.shape[1]
    log_determinants = kind.log_determinants(density.precisions_cholesky, n_features)
    return density.log_constants - log_determinants + n_features / 2 * np.log(2 * np.pi)


def fill_with_means(X: Array, sample_weight: Array | None = None) -> Array:
    """Put the mean of its feature in the place of every missing value: good enough to start from, for nothing else."""
    weights = np.where(np.isnan(X), 0, 1 if sample_weight is None else sample_weight[:, np.newaxis])
    means = (weights * np.nan_to_num(X)).sum(axis=0) / weights.sum(axis=0)
    return np.where(np.isnan(X), means, X).astype(X.dtype)


def impute(mixture: Mixture, X: Array, method: str = "mean", random_state: RandomState = None) -> Array:
    """Fill in missing values by what the mixture says of them, given the values that are there.

    Parameters
    ----------
    mixture : Mixture
    X : (n_samples, n_features), NaN where a value is missing
    method : {'mean', 'sample'}
        'mean': the conditional expectation, the best single guess in squares. 'sample': a draw from the conditional
        distribution, first of the component, then of the values: the data keep their spread.
    random_state : int, RandomState or None
        For 'sample'.

    Returns
    -------
    (n_samples, n_features), a copy without NaN
    """
    if method not in ("mean", "sample"):
        raise ValueError(f"method is {method!r}, but it must be 'mean' or 'sample'.")
    rng = check_random_state(random_state)
    filled = np.array(X)
    for rows, observed in patterns(filled):
        if len(observed) == X.shape[1]:
            continue
        split = Conditional(mixture.means, mixture.dense_covariances, observed)
        known = filled[np.ix_(rows, observed)]
        shares, expected = mixture.responsibilities(X[rows]).T, split.means(known)
        if method == "mean":
            values = np.einsum("kn,knm->nm", shares, expected)
        else:
            chosen = (rng.uniform(size=len(rows)) > np.cumsum(shares, axis=0)[:-1]).sum(axis=0)
            factors = np.linalg.cholesky(split.covariances)
            noise = rng.standard_normal((len(rows), len(split.missing), 1))
            values = expected[chosen, np.arange(len(rows))] + (factors[chosen] @ noise)[:, :, 0]
        filled[np.ix_(rows, split.missing)] = values
    return filled
