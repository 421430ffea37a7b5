"""Where a run begins. EM climbs to the peak in whose basin it is, so the start decides which one.

scikit-learn starts from responsibilities, hard or random, and takes one M-step from them; these are its four
ways, with its own k-means and k-means++ and its order of random numbers, so that the same
``random_state`` gives the same start. Besides, a start can be given: labels, responsibilities, a mixture, a function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.utils import check_random_state

from .covariance import Array, CollapseError, collapse, covariance_type_of, floating, row_blocks
from .mixture import Mixture, RandomState
from .statistics import weighted_moments
from .threads import in_one_thread

INIT_PARAMS = ("kmeans", "k-means++", "random", "random_from_data")
POINT_STARTS = ("k-means++", "random_from_data")  # one point a component, and nothing said of the others

Init = str | ArrayLike | Mixture | Callable[..., Any]


Shares = Callable[[], Iterator[tuple[slice, Array]]]  # each call goes over all the samples: rows, and their shares


def starting_responsibilities(
    X: Array, n_components: int, init_params: Init, random_state: RandomState, sample_weight: Array | None = None
) -> Array:
    """Responsibilities to take the first M-step from.

    ========================= =========================================================================
    'kmeans'                  the labels of one run of k-means
    'k-means++'               one point for each component, chosen far apart (Arthur & Vassilvitskii 2007)
    'random'                  uniform random numbers, rows normalised: all components start in the middle
    'random_from_data'        one point for each component, chosen at random
    labels, (n_samples,)      as given; there must be ``n_components`` different ones
    (n_samples, n_components) as given; rows must sum to 1
    `Mixture`                 its own
    ========================= =========================================================================

    Returns
    -------
    (n_samples, n_components)
        For 'k-means++' and 'random_from_data' only the chosen points' rows are not zero.

    Raises
    ------
    ValueError
        If the start is none of these, or does not go with the data.
    """
    shares = starting_shares(X, n_components, init_params, check_random_state(random_state), sample_weight)
    return np.concatenate([part for _, part in shares()])


def starting_shares(
    X: Array, n_components: int, init_params: Init, rng: np.random.RandomState, sample_weight: Array | None
) -> Shares:
    """`starting_responsibilities`, block by block and as often as wanted, so that they never take up room at once."""
    if isinstance(init_params, Mixture):
        if init_params.means.shape != (n_components, X.shape[1]):
            raise ValueError(
                f"The mixture to start from has {init_params.n_components} components and {init_params.n_features} "
                f"features, but {n_components} and {X.shape[1]} are wanted."
            )
        return _each_block(X, init_params.responsibilities)
    if not isinstance(init_params, str):
        return _given(X, np.asarray(init_params), n_components)
    if init_params == "kmeans":
        k_means = KMeans(n_clusters=n_components, n_init=1, random_state=rng)
        with in_one_thread(X.size * n_components):
            labels = k_means.fit(X, sample_weight=sample_weight).labels_
        return _of_labels(X, labels, n_components)
    if init_params == "k-means++":
        _, chosen = kmeans_plusplus(X, n_components, sample_weight=sample_weight, random_state=rng)
        return _of_points(X, chosen)
    if init_params == "random":
        return _of_chance(X, n_components, rng)
    if init_params == "random_from_data":
        chances = None if sample_weight is None else sample_weight / sample_weight.sum()
        return _of_points(X, rng.choice(len(X), size=n_components, replace=False, p=chances))
    raise ValueError(
        f"init_params is {init_params!r}, but it must be one of {', '.join(INIT_PARAMS)}, labels, "
        "responsibilities, a Mixture, or a function that makes one of these."
    )


def _each_block(X: Array, make: Callable[[Array], Array]) -> Shares:
    """Shares that ``make`` computes of the samples."""
    return lambda: ((rows, make(X[rows]).astype(X.dtype, copy=False)) for rows in row_blocks(X))


def _of_labels(X: Array, labels: Array, n_components: int) -> Shares:
    sure = np.eye(n_components, dtype=X.dtype)
    return lambda: ((rows, sure[labels[rows]]) for rows in row_blocks(X))


def _of_points(X: Array, chosen: Array) -> Shares:
    """One point a component, and no share in any other."""

    def shares() -> Iterator[tuple[slice, Array]]:
        for rows in row_blocks(X):
            part = np.zeros((len(X[rows]), len(chosen)), dtype=X.dtype)
            here = np.flatnonzero((rows.start <= chosen) & (chosen < rows.stop))
            part[chosen[here] - rows.start, here] = 1
            yield rows, part

    return shares


def _of_chance(X: Array, n_components: int, rng: np.random.RandomState) -> Shares:
    """Uniform random numbers, rows normalised. They are drawn once, and then, since they are not kept, over again."""
    state = rng.get_state()

    def draw(rng: np.random.RandomState) -> Iterator[tuple[slice, Array]]:
        for rows in row_blocks(X):
            part = rng.uniform(size=(len(X[rows]), n_components)).astype(X.dtype, copy=False)
            part /= part.sum(axis=1)[:, np.newaxis]
            yield rows, part

    def shares() -> Iterator[tuple[slice, Array]]:
        again = np.random.RandomState()
        again.set_state(state)
        return draw(again)

    for _ in draw(rng):  # whatever else is drawn from it comes after these
        pass
    return shares


def _given(X: Array, start: Array, n_components: int) -> Shares:
    """Shares from what a person gave: labels or responsibilities."""
    n_samples = len(X)
    if start.shape == (n_samples,):
        if any(label is None or label != label for label in start.tolist()):
            raise ValueError("The labels to start from have gaps (None or NaN): give every sample one.")
        names, labels = np.unique(start, return_inverse=True)
        if len(names) != n_components:
            raise ValueError(
                f"The labels to start from hold {len(names)} different ones, but there are {n_components} components."
            )
        return _of_labels(X, labels, n_components)
    if start.shape != (n_samples, n_components):
        raise ValueError(
            f"A start must be labels, of shape ({n_samples},), or responsibilities, of shape ({n_samples}, "
            f"{n_components}), one row for each sample; this one has shape {start.shape}."
        )
    responsibilities = floating(start)
    off = np.abs(responsibilities.sum(axis=1) - 1)
    if responsibilities.min() < 0 or off.max() > 1e-4:
        raise ValueError(
            "Responsibilities to start from must not be negative and their rows must sum to 1; the smallest is "
            f"{responsibilities.min():.3g}, and the sum of row {off.argmax()} is off by {off.max():.3g}."
        )
    return lambda: ((rows, responsibilities[rows].astype(X.dtype, copy=False)) for rows in row_blocks(X))


def starting_mixture(
    X: Array,
    n_components: int,
    *,
    covariance_type: str = "full",
    init_params: Init = "kmeans",
    reg_covar: float = 1e-6,
    random_state: RandomState = None,
    sample_weight: Array | None = None,
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
    init_params : str, labels, responsibilities, Mixture or callable
        See `starting_responsibilities`. A mixture of the same covariance type is itself the start. A callable gets
        ``(X, n_components, random_state)``, X without the samples of weight 0, and returns any of the others.
    reg_covar : float
    random_state : int, RandomState or None
    sample_weight : (n_samples,), optional
    weights, means, covariances : arrays, optional
        Use these instead of what the M-step gives.

    Raises
    ------
    CollapseError
        If a component of the start has no spread; it names the component and what to try.
    ValueError
        If ``init_params`` does not make sense for the data.
    """
    given = (weights, means, covariances)
    if not all(part is not None for part in given):
        X = floating(X)
        rng = check_random_state(random_state)
        counts, *others = starting_moments(X, n_components, covariance_type, init_params, reg_covar, rng, sample_weight)
        estimated = counts / counts.sum(), *others
        given = tuple(mine if mine is not None else theirs for mine, theirs in zip(given, estimated, strict=True))
    complete = cast(tuple[Array, Array, Array], given)
    try:
        return Mixture(*complete, covariance_type)
    except CollapseError as error:
        total = len(X) if sample_weight is None else sample_weight.sum()
        raise collapse(error, complete[0] * total, 0) from None


def starting_moments(
    X: Array,
    n_components: int,
    covariance_type: str,
    init_params: Any,
    reg_covar: float,
    rng: np.random.RandomState,
    sample_weight: Array | None,
) -> tuple[Array, Array, Array]:
    """Effective numbers of points, means and covariances of the starting responsibilities.

    Parameters are those of `starting_mixture`.

    Returns
    -------
    counts : (n_components,)
        They sum to n_components where the start is one point a component, else to the weight of the samples.
    means : (n_components, n_features)
    covariances : in the shape of the covariance type, with ``reg_covar``
    """
    if callable(init_params):
        init_params = init_params(X, n_components, rng)
    shares = starting_shares(X, n_components, init_params, rng, sample_weight)
    if isinstance(init_params, Mixture) and init_params.covariance_type == covariance_type:
        total = len(X) if sample_weight is None else sample_weight.sum()
        own = total * init_params.weights, init_params.means, init_params.covariances
        counts, means, covariances = (array.astype(X.dtype, copy=False) for array in own)
        return counts, means, covariances
    if starts_from_points(init_params):
        counts, means, _ = weighted_moments(X, shares, covariance_type)
        spreads = _spreads_of_points(X, means, covariance_type)
    else:
        counts, means, spreads = weighted_moments(X, shares, covariance_type, sample_weight)
    return counts, means, covariance_type_of(covariance_type).add_to_diagonal(spreads, reg_covar)


def starts_from_points(init_params: Init) -> bool:
    """Whether the start is one point a component: scikit-learn treats the spreads of such starts in its own way."""
    return isinstance(init_params, str) and init_params in POINT_STARTS


def _spreads_of_points(X: Array, points: Array, covariance_type: str) -> Array:
    """Covariances of a start from one point a component, with scikit-learn's numbers.

    One point has no spread: all that is left, before ``reg_covar`` is added, is the rounding of scikit-learn's raw
    moments, E[x²] - E[x]², which has to be the same for the run to be the same. For 'tied' these are the raw
    moments of *all* the data over K: far too wide, and dependent on the origin, but one iteration mends it.
    """
    counts = np.full((len(points), 1), 1 + 10 * np.finfo(X.dtype).eps, dtype=X.dtype)
    means = points / counts
    if covariance_type == "tied":
        middle = X.mean(axis=0)
        if (np.abs(middle) > 1e7 * X.std(axis=0)).any():  # nothing but the offset would be left of raw moments
            X, means = X - middle, means - middle
        return (X.T @ X - counts[:, 0] * means.T @ means) / counts.sum()
    if covariance_type == "full":
        return np.zeros((*means.shape, X.shape[1]), dtype=X.dtype)
    variances = points * points / counts - means**2
    return variances if covariance_type == "diag" else variances.mean(axis=1)
