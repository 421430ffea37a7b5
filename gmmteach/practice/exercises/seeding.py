"""k-means++: starting points drawn with chances in proportion to squared distances (Arthur & Vassilvitskii 2007).

One draw says nothing, and right answers may ask the generator in another order. So it is called many times, and what
is compared is how often each sample comes first, second and third.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row

DRAWS = 2000  # a frequency near ½ is then known to about 0.011
TOLERANCE = 0.12  # of the largest frequency; more than four standard errors, and less than any mistake here


def kmeans_plus_plus(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    """Starting points (n_clusters, n_features), each one of the samples."""
    chosen = [X[rng.integers(len(X))]]  # the first blindly
    while len(chosen) < n_clusters:
        squared = ((X[:, None] - np.array(chosen)) ** 2).sum(axis=2).min(axis=1)  # D(x)², to the nearest chosen
        chosen.append(X[rng.choice(len(X), p=squared / squared.sum())])
    return np.array(chosen)


def cases() -> list[Arguments]:
    """Six samples in the plane and seven in space: a close pair, a group further off, a lone one far away."""
    plane = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 1.5], [9.0, 1.0], [10.0, 0.0], [4.0, 14.0]])
    space = np.array([[0, 0, 0], [1, 0, 1], [0, 2, 1], [7, 1, 0], [8, 0, 2], [3, 9, 1], [2, 2, 12]], dtype=float)
    return [
        {"X": plane, "n_clusters": 3, "rng": np.random.default_rng(0)},
        {"X": space, "n_clusters": 3, "rng": np.random.default_rng(1)},
    ]


def measure(function: Callable[..., Any], arguments: Arguments) -> Any:
    """Call it many times; return how far its points are from samples, and how often each sample comes where.

    In this order: the gaps; the shares of each sample as the first; how often the second is the first again, the third
    is the first, and the third is the second; the shares as the second; those as the third.
    """
    X, n_clusters, rng = arguments.values()
    n_samples = len(X)
    gap = np.zeros((n_clusters, X.shape[1]))
    came = np.zeros((n_clusters, n_samples))
    again = np.zeros(3)
    for _ in range(DRAWS):
        value = function(X.copy(), n_clusters, rng)
        if value is None or value is ...:
            return None
        points = np.asarray(value)
        if points.shape != gap.shape or points.dtype.kind not in "biuf":
            return _of_another_form(value, points, came)
        apart = np.abs(points[:, None] - X)  # (K, N, D)
        nearest = apart.sum(axis=2).argmin(axis=1)
        gap = np.maximum(gap, apart[np.arange(n_clusters), nearest])
        came[np.arange(n_clusters), nearest] += 1
        first, second, third = nearest.tolist()
        again += second == first, third == first, third == second
    gap[gap < 1e-4] = 0  # single precision
    came, again = came / DRAWS, again / DRAWS
    return gap, came[0], again, came[1], came[2]


def _of_another_form(value: Any, points: Array, came: Array) -> Any:
    """Its own shape, so that the shape is what is said to be wrong; indices of samples are known by their kind."""
    if isinstance(value, tuple) or points.dtype.kind not in "biuf":
        return value
    indices = points.dtype.kind in "iu" and points.size > 0 and 0 <= points.min() <= points.max() < came.shape[1]
    return np.full(points.shape, 0.0 if indices else 1.0), came[0], np.zeros(3), came[1], came[2]


# --- the mistakes -------------------------------------------------------------------------------------------


def _distances(X: Array, chosen: list[int]) -> Array:
    """Squared distances of the samples from the chosen ones, (n_samples, n_chosen)."""
    return np.asarray(((X[:, None] - X[chosen]) ** 2).sum(axis=2))


Chances = Callable[[Array], Array]  # squared distances (N, number of chosen) -> unnormalised chances (N,)


def _drawn(chances: Chances, *, first: int | None = None) -> Callable[..., Array]:
    """The same loop with other chances, or another first."""

    def made(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
        chosen = [int(rng.integers(len(X))) if first is None else first]
        while len(chosen) < n_clusters:
            p = chances(_distances(X, chosen))
            chosen.append(int(rng.choice(len(X), p=p / p.sum())))
        return X[chosen]

    return made


def _farthest(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    chosen = [int(rng.integers(len(X)))]
    while len(chosen) < n_clusters:
        chosen.append(int(_distances(X, chosen).min(axis=1).argmax()))
    return X[chosen]


def _greedy(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    chosen = [int(rng.integers(len(X)))]
    candidates = 2 + int(np.log(n_clusters))
    while len(chosen) < n_clusters:
        squared = _distances(X, chosen).min(axis=1)
        tried = rng.choice(len(X), size=candidates, p=squared / squared.sum())
        left = [_distances(X, [*chosen, int(index)]).min(axis=1).sum() for index in tried]
        chosen.append(int(tried[int(np.argmin(left))]))
    return X[chosen]


def _indices(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    points = kmeans_plus_plus(X, n_clusters, rng)
    return np.array([np.flatnonzero((point == X).all(axis=1))[0] for point in points])


def _anywhere(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    return rng.uniform(X.min(axis=0), X.max(axis=0), size=(n_clusters, X.shape[1]))


def _same_seed(X: Array, n_clusters: int, rng: np.random.Generator) -> Array:
    return kmeans_plus_plus(X, n_clusters, np.random.default_rng(0))


ORDER = ("first", "second", "third")
PLACES = (1, 3, 4)  # among the outputs


def _shares(position: int) -> Callable[[Outputs, Arguments], str]:
    """Says how often a sample came in this position (0 is the first), where that is farthest from right."""

    def evidence(outputs: Outputs, arguments: Arguments) -> str:
        right = measure(kmeans_plus_plus, arguments)[PLACES[position]]
        mine = outputs[PLACES[position]]
        n = int(np.abs(mine - right).argmax())
        return (
            f"In {DRAWS:,} calls sample {n}, {row(arguments['X'][n], 1)}, came {ORDER[position]} in "
            f"{mine[n]:.0%}; about {right[n]:.0%} would be right."
        )

    return evidence


def _twice(outputs: Outputs, arguments: Arguments) -> str:
    second, third_first, third_second = outputs[2]
    return (
        f"In {DRAWS:,} calls the second was the first again in {second:.0%}, the third was the first in "
        f"{third_first:.0%} and the second in {third_second:.0%}."
    )


def _form(outputs: Outputs, arguments: Arguments) -> str:
    return f"The shape is {np.shape(outputs[0])}; {(arguments['n_clusters'], arguments['X'].shape[1])} is wanted."


MISTAKES = (
    Mistake(
        "the indices of the samples are returned, and not the samples",
        _indices,
        "A fit starts from points. What has to be done with an index to get one?",
        _form,
    ),
    Mistake(
        "the points are drawn in the box around the data, and not from the samples",
        _anywhere,
        "Most of a box is empty. Of what does k-means++ choose?",
        lambda outputs, arguments: (
            f"A point of yours differs by {number(outputs[0].max(), 2)} in a feature from the nearest sample."
        ),
    ),
    Mistake(
        "the first is always the first sample",
        _drawn(lambda squared: squared.min(axis=1), first=0),
        "Rows may be sorted, and every restart would begin at the same place. How is the first to be chosen?",
        _shares(0),
    ),
    Mistake(
        "the generator that is given is not used: the same numbers come at every call",
        _same_seed,
        "Fifty restarts would be one. Where is a seed set that should not be?",
        _shares(0),
    ),
    Mistake(
        "all are drawn blindly, and distances are not used",
        lambda X, n_clusters, rng: X[rng.choice(len(X), n_clusters, replace=False)],
        "That is `random_from_data`: two points from one group are as likely as two from different ones. What should "
        "make far samples likelier?",
        _shares(1),
    ),
    Mistake(
        "all are drawn blindly, and a sample may come twice",
        lambda X, n_clusters, rng: X[rng.integers(len(X), size=n_clusters)],
        "Two components that start at one place stay together for ever. What chance should a chosen sample have to "
        "come again?",
        _twice,
    ),
    Mistake(
        "the farthest sample is always taken",
        _farthest,
        "The farthest sample is often an outlier. What is drawn by lot in k-means++, and with which chances?",
        _shares(1),
    ),
    Mistake(
        "the chances are in proportion to the distance, and not to its square",
        _drawn(lambda squared: np.sqrt(squared.min(axis=1))),
        "k-means minimises squared distances. Which power has D(x) in the chances?",
        _shares(1),
    ),
    Mistake(
        "the squared distances are squared once more",
        _drawn(lambda squared: squared.min(axis=1) ** 2),
        "Far samples get too much. How often do you square between the difference and the chance?",
        _shares(1),
    ),
    Mistake(
        "near samples are the likely ones",
        _drawn(lambda squared: 1 / (1 + squared.min(axis=1)) * (squared.min(axis=1) > 0)),
        "The next point should be where none is yet. Does your chance grow with the distance, or shrink?",
        _shares(1),
    ),
    Mistake(
        "of several candidates the best one is kept: that is greedy k-means++",
        _greedy,
        "That is scikit-learn's, and mostly better. How many candidates are drawn for each place here?",
        _shares(1),
    ),
    Mistake(
        "only the distance to the point chosen last counts",
        _drawn(lambda squared: squared[:, -1]),
        "From the last one, the place of the first may look wonderfully far. To which of the chosen is D(x) measured?",
        _twice,
    ),
    Mistake(
        "only the distance to the point chosen first counts",
        _drawn(lambda squared: squared[:, 0]),
        "The third should keep away from the second as well. To which of the chosen is D(x) measured?",
        _twice,
    ),
    Mistake(
        "the distances to all the chosen points are added",
        _drawn(lambda squared: squared.sum(axis=1)),
        "A chosen sample would still have a chance of coming again. Which of its distances is 0?",
        _twice,
    ),
    Mistake(
        "the distance to the farthest chosen point counts",
        _drawn(lambda squared: squared.max(axis=1)),
        "`max` and `min` are easily exchanged. A sample beside a chosen one is no use: which distance says so?",
        _twice,
    ),
)


def _outside(outputs: Outputs, arguments: Arguments) -> str:
    worst = float(np.max(outputs[0]))
    return f"A point of yours differs by {number(worst, 2)} in a feature from every sample." if worst > 0 else ""


def _stuck(outputs: Outputs, arguments: Arguments) -> str:
    share = float(np.max(outputs[1]))
    return f"In {share:.0%} of {DRAWS:,} calls sample {int(np.argmax(outputs[1]))} came first." if share > 0.3 else ""


EXERCISE = Exercise(
    name="kmeans_plus_plus",
    signature="kmeans_plus_plus(X, n_clusters, rng)",
    task="Return starting points that are samples, (n_clusters, D): the first drawn blindly, each further one with "
    "chances in proportion to the squared distance from the nearest point chosen so far. `X` is (N, D), `rng` a "
    "`numpy.random.Generator`.",
    reference=kmeans_plus_plus,
    cases=cases,
    outputs=("starting points", "share as first", "repeats", "share as second", "share as third"),
    mistakes=MISTAKES,
    properties=(
        Property(
            "the points are samples",
            _outside,
            "Each starting point is one of the rows of X. What is added or averaged?",
        ),
        Property(
            "the first is drawn blindly",
            _stuck,
            "All samples have the same chance to be first. Is `rng` used, and is no seed set inside?",
        ),
        Property(
            "no sample comes twice",
            lambda outputs, arguments: _twice(outputs, arguments) if outputs[2].any() else "",
            "A chosen sample's distance from the nearest chosen point is 0. What chance should it have?",
        ),
    ),
    hints=(
        "The first one is any sample. For the others you need, for each sample, one number: how far it is from the "
        "nearest of those that are chosen.",
        "`X[:, None] - np.array(chosen)` has all the differences, (N, number of chosen, D). Square, sum over the "
        "features, take the smallest over the chosen.",
        "`rng.choice(len(X), p=squared / squared.sum())` draws the index of the next one. Append that sample to "
        "`chosen`, and go round until there are `n_clusters`.",
    ),
    commentary="All distances are computed again for each new point: N times D times the number already chosen, at "
    "each round. A running minimum, `np.minimum(squared, distance to the new one)`, needs N times D: in all about 2/K "
    "of the work.",
    insight="A chosen sample has no chance to come again, its neighbours hardly any, and a group without a point has "
    "most. The price: a lone outlier has much as well.",
    after="Next: count how often your points cover all five groups, and compare with blind ones.",
    notebook="05",
    tolerance=TOLERANCE,
    measure=measure,
)
