"""Where a run begins. EM climbs to the nearest peak, so the start decides which one.

scikit-learn starts from responsibilities, hard or random, and takes one M-step from them; these are its four
ways, with its own k-means and k-means++ and its order of random numbers, so that the same
``random_state`` gives the same start.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.utils import check_random_state

from .covariance import Array, CollapseError, collapse, covariance_type_of, floating
from .mixture import Mixture, RandomState
from .statistics import weighted_moments

INIT_PARAMS = ("kmeans", "k-means++", "random", "random_from_data")
POINT_STARTS = ("k-means++", "random_from_data")  # one point a component, and nothing said of the others


def starting_responsibilities(X: Array, n_components: int, init_params: str, random_state: RandomState) -> Array:
    """Responsibilities to take the first M-step from.

    ========================= =========================================================================
    'kmeans'                  the labels of one run of k-means
    'k-means++'               one point for each component, chosen far apart (Arthur & Vassilvitskii 2007)
    'random'                  uniform random numbers, rows normalised: all components start in the middle
    'random_from_data'        one point for each component, chosen at random
    ========================= =========================================================================

    Returns
    -------
    (n_samples, n_components)
        For 'k-means++' and 'random_from_data' only the chosen points' rows are not zero.
    """
    rng = check_random_state(random_state)
    n_samples = len(X)
    responsibilities = np.zeros((n_samples, n_components), dtype=X.dtype)
    if init_params == "kmeans":
        labels = KMeans(n_clusters=n_components, n_init=1, random_state=rng).fit(X).labels_
        responsibilities[np.arange(n_samples), labels] = 1
    elif init_params == "k-means++":
        _, chosen = kmeans_plusplus(X, n_components, random_state=rng)
        responsibilities[chosen, np.arange(n_components)] = 1
    elif init_params == "random":
        responsibilities[:] = rng.uniform(size=responsibilities.shape)
        responsibilities /= responsibilities.sum(axis=1)[:, np.newaxis]
    elif init_params == "random_from_data":
        chosen = rng.choice(n_samples, size=n_components, replace=False)
        responsibilities[chosen, np.arange(n_components)] = 1
    else:
        raise ValueError(f"init_params is {init_params!r}, but it must be one of {', '.join(INIT_PARAMS)}.")
    return responsibilities


def starting_mixture(
    X: Array,
    n_components: int,
    *,
    covariance_type: str = "full",
    init_params: str = "kmeans",
    reg_covar: float = 1e-6,
    random_state: RandomState = None,
    weights: Array | None = None,
    means: Array | None = None,
    covariances: Array | None = None,
) -> Mixture:
    """Starting point of an EM run: one M-step from `starting_responsibilities`.

    Parameters
    ----------
    X : (n_samples, n_features)
    n_components : int
    covariance_type : {'full', 'tied', 'diag', 'spherical'}
    init_params : {'kmeans', 'k-means++', 'random', 'random_from_data'}
    reg_covar : float
    random_state : int, RandomState or None
    weights, means, covariances : arrays, optional
        Use these instead of what the M-step gives.

    Raises
    ------
    CollapseError
        If a component of the start has no spread; it names the component and what to try.
    """
    given = (weights, means, covariances)
    if not all(part is not None for part in given):
        X = floating(X)
        responsibilities = starting_responsibilities(X, n_components, init_params, random_state)
        counts, centres, spreads = weighted_moments(X, responsibilities, covariance_type)
        if init_params in POINT_STARTS:
            spreads = _spreads_of_points(X, responsibilities, counts, centres, covariance_type)
        spreads = covariance_type_of(covariance_type).add_to_diagonal(spreads, reg_covar)
        estimated = counts / counts.sum(), centres, spreads
        given = tuple(mine if mine is not None else theirs for mine, theirs in zip(given, estimated, strict=True))
    complete = cast(tuple[Array, Array, Array], given)
    try:
        return Mixture(*complete, covariance_type)
    except CollapseError as error:
        raise collapse(error, complete[0] * len(X), 0) from None


def _spreads_of_points(X: Array, responsibilities: Array, counts: Array, means: Array, covariance_type: str) -> Array:
    """Covariances of a start from one point a component, with scikit-learn's numbers.

    One point has no spread: all that is left, before ``reg_covar`` is added, is the rounding of scikit-learn's raw
    moments, E[x²] - E[x]², which has to be the same for the run to be the same. For 'tied' these are the raw
    moments of *all* the data over K: far too wide, and dependent on the origin, but one iteration mends it.
    """
    if covariance_type == "tied":
        middle = X.mean(axis=0)
        if (np.abs(middle) > 1e7 * X.std(axis=0)).any():  # nothing but the offset would be left of raw moments
            X, means = X - middle, means - middle
        return (X.T @ X - counts * means.T @ means) / counts.sum()
    if covariance_type == "full":
        return np.zeros((*means.shape, X.shape[1]), dtype=X.dtype)
    variances = responsibilities.T @ (X * X) / counts[:, np.newaxis] - means**2
    return variances if covariance_type == "diag" else variances.mean(axis=1)
