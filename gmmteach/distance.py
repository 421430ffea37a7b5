"""How far apart two Gaussians are: the distance by which `Mixture.align` pairs components.

The Bhattacharyya distance is minus the logarithm of the overlap ∫ √(p q) (Bhattacharyya 1943; Fukunaga 1990,
section 3.4):

    D(p, q) = ⅛ (μ_p - μ_q)ᵀ Σ⁻¹ (μ_p - μ_q) + ½ log( |Σ| / √(|Σ_p| |Σ_q|) ),    Σ = ½ (Σ_p + Σ_q)

It is symmetric, 0 only for equals, and the same in whatever units or directions the data are measured. Unlike the
Hellinger distance, √(1 - exp(-D)), it still tells far from farther when nothing overlaps.
"""

from __future__ import annotations

import numpy as np

from .covariance import Array


def bhattacharyya(means: Array, covariances: Array, other_means: Array, other_covariances: Array) -> Array:
    """Bhattacharyya distance of every Gaussian of one list from every one of another.

    Parameters
    ----------
    means, other_means : (J, n_features) and (K, n_features)
    covariances, other_covariances : (J, n_features, n_features) and (K, n_features, n_features)

    Returns
    -------
    (J, K), nats
    """
    middle = (covariances[:, np.newaxis] + other_covariances) / 2
    apart = means[:, np.newaxis] - other_means
    squared = (apart * np.linalg.solve(middle, apart[..., np.newaxis])[..., 0]).sum(axis=-1)
    own, others, between = (np.linalg.slogdet(each).logabsdet for each in (covariances, other_covariances, middle))
    return squared / 8 + (between - (own[:, np.newaxis] + others) / 2) / 2
