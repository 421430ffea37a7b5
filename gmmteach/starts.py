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

from .covariance import Array, CollapseError
from .em import collapse, m_step
from .mixture import Mixture, RandomState

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
        X = np.asarray(X, dtype=None if np.asarray(X).dtype in (np.float32, np.float64) else np.float64)
        responsibilities = starting_responsibilities(X, n_components, init_params, random_state)
        if init_params in POINT_STARTS:
            estimated = _from_points(X, responsibilities, covariance_type, reg_covar)
        else:
            estimated = m_step(X, responsibilities, covariance_type, reg_covar)
        given = tuple(mine if mine is not None else theirs for mine, theirs in zip(given, estimated, strict=True))
    complete = cast(tuple[Array, Array, Array], given)
    try:
        return Mixture(*complete, covariance_type)
    except CollapseError as error:
        raise collapse(error, complete[0] * len(X), 0) from None


def _from_points(
    X: Array, responsibilities: Array, covariance_type: str, reg_covar: float
) -> tuple[Array, Array, Array]:
    """First M-step from one point a component, with scikit-learn's numbers.

    One point has no spread, so what is left of its covariance is ``reg_covar`` and, in scikit-learn, the
    rounding of raw moments, E[x²] - E[x]², which has to be the same for the run to be the same. For 'tied'
    the raw moments are those of *all* the data over K: far too wide, and dependent on the origin, but one
    iteration mends it.
    """
    weights, means, covariances = m_step(X, responsibilities, covariance_type, reg_covar)
    counts = responsibilities.sum(axis=0) + 10 * np.finfo(X.dtype).eps
    if covariance_type == "tied":
        scatter = X.T @ X - counts * means.T @ means
        covariances = scatter / counts.sum() + (reg_covar * np.eye(X.shape[1])).astype(X.dtype)
    elif covariance_type in ("diag", "spherical"):
        variances = responsibilities.T @ (X * X) / counts[:, np.newaxis] - means**2 + X.dtype.type(reg_covar)
        covariances = variances if covariance_type == "diag" else variances.mean(axis=1)
    return weights, means, covariances
