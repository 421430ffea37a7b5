"""Synthetic data whose truth is known, one maker for each lesson.

Every maker returns ``(X, labels)``: ``X`` is (n_samples, 2) and ``labels`` (n_samples,) says which component
made each point. The rows are shuffled. The true parameters are in the docstring, in terms of the arguments;
the sizes of the components are exact, not drawn.

``random_state`` is 0 unless you say otherwise, so that everyone sees the picture that the text describes.
Another integer gives other data, a ``numpy.random.RandomState`` is drawn from, and None gives new data on
every call.

A size or a spread that makes no sense raises ValueError, with what was given.
"""

from collections.abc import Sequence

import numpy as np
from sklearn import datasets as sklearn_datasets
from sklearn.utils import check_random_state

Seed = int | np.random.RandomState | None


def make_overlapping_blobs(
    n_samples: int = 300, *, n_components: int = 3, separation: float = 2.5, random_state: Seed = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Round blobs of equal size and spread that overlap.

    Lesson: where blobs overlap, an honest answer is a probability. Responsibilities give it; k-means hides
    it. Its *boundaries* are the right ones here, by symmetry: the groups are round, equally large and equally
    spread. Its *centres* are not: each is the mean of what lies on its side, and so is pushed outwards.

    The truth: equal weights; identity covariances; means on a regular polygon around the origin whose
    neighbours are `separation` standard deviations apart (for two components: at -separation/2 and
    +separation/2 on the first axis, so ``X[:, :1]`` is a mixture in one dimension). The best possible rule
    errs on a share Phi(-separation / 2) of two components: 11 % at 2.5, 23 % at 1.5. With a
    separation of 8 or more nothing overlaps.

    Parameters
    ----------
    n_samples : int, default=300
        In all; shared out evenly.
    n_components : int, default=3
    separation : float, default=2.5
        Distance of neighbouring means, in standard deviations.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    X : (n_samples, 2)
    labels : (n_samples,)

    Examples
    --------
    >>> X, labels = make_overlapping_blobs(300)
    >>> X.shape, np.bincount(labels).tolist()
    ((300, 2), [100, 100, 100])
    """
    rng = _random(random_state)
    _require(n_components >= 1, f"n_components must be 1 or more, got {n_components}")
    _require(separation >= 0, f"separation must not be negative, got {separation}")
    labels = _labels(n_samples, np.full(n_components, 1 / n_components))
    radius = separation / (2 * np.sin(np.pi / n_components)) if n_components > 1 else 0.0
    turns = 2 * np.pi * np.arange(n_components) / n_components + np.pi * (n_components == 2)
    means = radius * np.column_stack([np.cos(turns), np.sin(turns)])
    return _shuffled(means[labels] + rng.standard_normal((n_samples, 2)), labels, rng)


def make_stretched(
    n_samples: int = 450, *, stretch: float = 5.0, angle: float = 30.0, random_state: Seed = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Three long, parallel, turned clusters, side by side and a little staggered.

    Lesson: k-means measures distance in circles, so it cuts long clusters across and joins their pieces. A
    full covariance learns their length and direction. So does a tied one, here, since all three have the
    same shape; a diagonal one cannot turn.

    The truth: equal weights; standard deviation 0.5 * `stretch` along the direction `angle` (degrees,
    anticlockwise from the first axis) and 0.5 across it; means at -1, 0 and 1 times (3 along, 2.25 across).

    Parameters
    ----------
    n_samples : int, default=450
        In all; shared out evenly.
    stretch : float, default=5
        How many times longer than wide; 1 makes round clusters.
    angle : float, default=30
        Of the long axis, in degrees.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    X : (n_samples, 2)
    labels : (n_samples,)

    Examples
    --------
    >>> X, labels = make_stretched(450)
    >>> X.shape, np.bincount(labels).tolist()
    ((450, 2), [150, 150, 150])
    """
    rng = _random(random_state)
    _require(stretch > 0, f"stretch must be positive, got {stretch}")
    labels = _labels(n_samples, np.full(3, 1 / 3))
    centres = np.outer(labels - 1, [3.0, 2.25])
    along_and_across = centres + rng.standard_normal((n_samples, 2)) * [0.5 * stretch, 0.5]
    turn = np.deg2rad(angle)
    along, across = [np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]
    return _shuffled(along_and_across @ np.array([along, across]), labels, rng)


def make_unequal(
    n_samples: int = 500,
    *,
    weights: Sequence[float] = (0.8, 0.1, 0.1),
    spreads: Sequence[float] = (2.0, 0.4, 0.4),
    random_state: Seed = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """One large diffuse cluster beside two small dense ones.

    Lesson: k-means puts every boundary halfway between two centres, so the small clusters take points from
    the large one and drag its centre away. A mixture learns a weight and a spread for each component, and its
    boundaries move to where they belong.

    The truth: `weights`; round covariances with standard deviations `spreads`; means (0, 0), (4.5, 3) and
    (4.5, -3).

    Parameters
    ----------
    n_samples : int, default=500
        In all; shared out by the weights.
    weights : three numbers
        Scaled to sum to 1.
    spreads : three numbers
        Standard deviations.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    X : (n_samples, 2)
    labels : (n_samples,)

    Examples
    --------
    >>> X, labels = make_unequal(500)
    >>> X.shape, np.bincount(labels).tolist()
    ((500, 2), [400, 50, 50])
    """
    rng = _random(random_state)
    means = np.array([[0.0, 0.0], [4.5, 3.0], [4.5, -3.0]])
    share, spread = np.asarray(weights, dtype=float), np.asarray(spreads, dtype=float)
    _require(share.shape == (3,) and bool((share > 0).all()), f"weights must be 3 positive numbers, got {weights}")
    _require(
        spread.shape == (3,) and bool((spread > 0).all()),
        f"spreads must be 3 positive numbers, got {spreads}",
    )
    labels = _labels(n_samples, share / share.sum())
    return _shuffled(means[labels] + rng.standard_normal((n_samples, 2)) * spread[labels, None], labels, rng)


def make_moons(n_samples: int = 500, *, noise: float = 0.05, random_state: Seed = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half circles: `sklearn.datasets.make_moons` with the course's defaults.

    Lesson: a component is not a cluster. Two Gaussians cannot follow two crescents, so two components recover
    them badly, while BIC asks for about ten: many small ellipses describe the *density* well, and none of
    them is a moon.

    The truth: no mixture of Gaussians at all. Half of the points lie on the upper half of the unit circle,
    half on a lower half circle centred at (1, 0.5), with Gaussian noise of standard deviation `noise`.

    Parameters
    ----------
    n_samples : int, default=500
        In all.
    noise : float, default=0.05
        Standard deviation.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    X : (n_samples, 2)
    labels : (n_samples,)

    Examples
    --------
    >>> X, labels = make_moons(500)
    >>> X.shape, np.bincount(labels).tolist()
    ((500, 2), [250, 250])
    """
    X, labels = sklearn_datasets.make_moons(n_samples, noise=noise, random_state=_random(random_state))
    return X, labels


def make_rings(
    n_samples: int = 500, *, noise: float = 0.05, factor: float = 0.4, random_state: Seed = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Two concentric rings: `sklearn.datasets.make_circles` with the course's defaults.

    Lesson: both groups have the same mean, and an ellipse full of points is not a ring. Two components
    cut the rings in half, whichever their covariance type; even when EM starts from the true rings it does
    not keep them. Use a method that follows neighbours (spectral clustering, DBSCAN), or describe the density
    with many components.

    The truth: no mixture of Gaussians at all. Label 0 is the outer ring, of radius 1; label 1 the inner one,
    of radius `factor`; both with Gaussian noise of standard deviation `noise`.

    Parameters
    ----------
    n_samples : int, default=500
        In all.
    noise : float, default=0.05
        Standard deviation.
    factor : float, default=0.4
        Radius of the inner ring; the outer one has 1.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    X : (n_samples, 2)
    labels : (n_samples,)

    Examples
    --------
    >>> X, labels = make_rings(500)
    >>> X.shape, np.bincount(labels).tolist()
    ((500, 2), [250, 250])
    """
    X, labels = sklearn_datasets.make_circles(n_samples, noise=noise, factor=factor, random_state=_random(random_state))
    return X, labels


def make_collapse_trap(
    n_samples: int = 100, *, n_copies: int = 5, spread: float = 0.0, random_state: Seed = 0
) -> tuple[np.ndarray, np.ndarray]:
    """One round cluster and, off to the side, a handful of identical points.

    Lesson: a component that closes on repeated points shrinks without end, and the likelihood climbs without
    bound. With `reg_covar=0` a fit of two components ends in an error. The default floor of 1e-6 hides it:
    the fit "converges" to a component a thousandth of a unit wide, with a splendid log-likelihood.

    The truth: label 0 is a standard Gaussian at the origin; label 1 is the point (8, 0), `n_copies` times,
    each moved by a Gaussian of standard deviation `spread`. A small `spread` (0.01) makes a spike on which the
    likelihood has a finite local maximum; with 0 there is none, and a component that begins there shrinks for ever.

    Parameters
    ----------
    n_samples : int, default=100
        In all.
    n_copies : int, default=5
        How many of them are in the trap.
    spread : float, default=0
        Standard deviation of the points in the trap.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    X : (n_samples, 2)
    labels : (n_samples,)

    Examples
    --------
    >>> X, labels = make_collapse_trap(100)
    >>> len(np.unique(X[labels == 1], axis=0))
    1
    """
    rng = _random(random_state)
    _require(
        1 <= n_copies < n_samples,
        f"n_copies must be from 1 to n_samples - 1 = {n_samples - 1}, got {n_copies}",
    )
    _require(spread >= 0, f"spread must not be negative, got {spread}")
    labels = np.repeat([0, 1], [n_samples - n_copies, n_copies])
    means, spreads = np.array([[0.0, 0.0], [8.0, 0.0]]), np.array([1.0, spread])
    return _shuffled(means[labels] + rng.standard_normal((n_samples, 2)) * spreads[labels, None], labels, rng)


def _random(random_state: Seed) -> np.random.RandomState:
    """scikit-learn's reading of a seed, except that None means fresh randomness, never the global state."""
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _labels(n_samples: int, share: np.ndarray) -> np.ndarray:
    """`n_samples` sorted labels, component k getting its share to within one point."""
    _require(n_samples >= len(share), f"n_samples must be {len(share)} or more, got {n_samples}")
    edges = np.round(np.cumsum(share) * n_samples).astype(int)
    return np.repeat(np.arange(len(share)), np.diff(edges, prepend=0))


def _shuffled(X: np.ndarray, labels: np.ndarray, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
    order = rng.permutation(len(X))
    return X[order], labels[order]
