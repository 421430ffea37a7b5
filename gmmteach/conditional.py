"""Gaussians of which some features are known: what the known ones say, and what is left open about the others.

For every component, with o the observed features and m the missing ones (Bishop 2006, eqs. 2.81, 2.82 and 2.98):

    p(x_o)       = N(x_o | μ_o, Σ_oo)
    p(x_m | x_o) = N(x_m | μ_m + Σ_mo Σ_oo⁻¹ (x_o - μ_o),  Σ_mm - Σ_mo Σ_oo⁻¹ Σ_om)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .covariance import Array


class Conditional:
    """The Gaussians of a mixture, split into observed and missing features.

    Parameters
    ----------
    means : (n_components, n_features)
    covariances : (n_components, n_features, n_features), dense
    observed : sequence of int
        Which features are known, in the order in which their values will come; there may be none.

    Attributes
    ----------
    observed, missing : arrays of int
        The features known, and the others in their own order.
    covariances : (n_components, n_missing, n_missing)
        Of the missing features, given the observed ones: the same whatever their values.
    """

    def __init__(self, means: Array, covariances: Array, observed: Sequence[int] | Array) -> None:
        self.observed = np.asarray(observed, dtype=np.intp)
        self.missing = np.setdiff1d(np.arange(means.shape[1]), self.observed)
        self._means = means
        known = covariances[:, self.observed[:, np.newaxis], self.observed]
        across = covariances[:, self.observed[:, np.newaxis], self.missing]
        self._whitening = np.linalg.inv(np.linalg.cholesky(known))  # L⁻¹, where L Lᵀ = Σ_oo
        # L⁻¹ Σ_om: its square is what the observed features explain of the missing ones.
        self._explained = self._whitening @ across
        self.covariances = covariances[:, self.missing[:, np.newaxis], self.missing] - (
            np.swapaxes(self._explained, 1, 2) @ self._explained
        )

    def _whitened(self, known: Array) -> Array:
        """L⁻¹ (x_o - μ_o), (n_components, n_observed, n_samples)."""
        return self._whitening @ (known.T - self._means[:, self.observed, np.newaxis])

    def log_density(self, known: Array) -> Array:
        """Log density of the observed features, (n_components, n_samples), nats; 0 where nothing is observed.

        Parameters
        ----------
        known : (n_samples, n_observed)
        """
        squares = np.square(self._whitened(known)).sum(axis=1)
        log_determinants = np.log(np.diagonal(self._whitening, axis1=1, axis2=2)).sum(axis=1)
        constants = log_determinants - len(self.observed) / 2 * np.log(2 * np.pi)
        return constants[:, np.newaxis] - 0.5 * squares

    def means(self, known: Array) -> Array:
        """Expected missing features, given the observed ones, (n_components, n_samples, n_missing)."""
        return self._means[:, np.newaxis, self.missing] + np.swapaxes(self._whitened(known), 1, 2) @ self._explained


def patterns(X: Array) -> Iterator[tuple[Array, Array]]:
    """Group the samples by which of their features are missing (NaN).

    Yields
    ------
    rows : (n_rows,), the numbers of the samples
    observed : (n_observed,), the features they have
    """
    masks, which = np.unique(np.isnan(X), axis=0, return_inverse=True)
    for number, mask in enumerate(masks):
        yield np.flatnonzero(which.ravel() == number), np.flatnonzero(~mask)
