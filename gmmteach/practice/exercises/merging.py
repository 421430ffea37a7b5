"""Two parts of the data, summed up apart and put together (Chan, Golub & LeVeque 1983)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import samples, shares
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import symmetric

Statistics = tuple[Array, Array, Array]  # counts (K,), means (K, D), scatters (K, D, D)


def merge_statistics(first: Statistics, second: Statistics) -> Statistics:
    """Counts, means and scatters of two parts of the data together."""
    counts_a, means_a, scatters_a = first  # (K,), (K, D), (K, D, D)
    counts_b, means_b, scatters_b = second
    counts = counts_a + counts_b
    delta = means_b - means_a
    means = means_a + (counts_b / counts)[:, None] * delta
    between = (counts_a * counts_b / counts)[:, None, None] * delta[:, :, None] * delta[:, None]
    return counts, means, scatters_a + scatters_b + between


def summary(X: Array, responsibilities: Array) -> Statistics:
    """What one part of the data has to say; a component that owns nothing has a mean of 0."""
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ X / np.where(counts > 0, counts, 1)[:, None]
    difference = X[:, None] - means
    return counts, means, np.einsum("nk,nki,nkj->kij", responsibilities, difference, difference)


def cases() -> list[Arguments]:
    """Unequal parts, the outlier in the second; and a component that owns nothing in the first."""
    plane = shares(2)
    space = (shares(3)[:, :2] + 0.1) / (shares(3)[:, :2] + 0.1).sum(axis=1, keepdims=True)  # nobody owns nothing
    absent = plane.copy()
    absent[:5, 2] = 0
    made = []
    for X, gamma in ((samples(2), plane), (samples(3), space), (samples(2), absent)):
        made.append({"first": summary(X[:5], gamma[:5]), "second": summary(X[5:], gamma[5:])})
    return made


# --- the mistakes -------------------------------------------------------------------------------------------


def _outer(delta: Array) -> Array:
    return delta[:, :, None] * delta[:, None]


def _with(
    means: Callable[..., Any] | None = None,
    scatters: Callable[..., Any] | None = None,
    counts: Callable[..., Any] | None = None,
) -> Callable[..., Statistics]:
    """Another rule for a part of it: (counts, means or scatters, of a and of b, as `_Pair`) -> merged."""

    def made(first: Statistics, second: Statistics) -> Statistics:
        right = merge_statistics(first, second)
        pair = _Pair(first, second)
        rules = (counts, means, scatters)
        parts = [value if rule is None else rule(pair) for rule, value in zip(rules, right, strict=True)]
        return parts[0], parts[1], parts[2]

    return made


class _Pair:
    """Both parts, with counts in the shape that the rest needs."""

    def __init__(self, first: Statistics, second: Statistics) -> None:
        (a, self.mean_a, self.S_a), (b, self.mean_b, self.S_b) = first, second
        self.counts_a, self.counts_b = a, b
        self.a, self.b = a[:, None], b[:, None]  # for means
        self.n_a, self.n_b = a[:, None, None], b[:, None, None]  # for scatters
        self.n = self.n_a + self.n_b
        self.mean = merge_statistics(first, second)[1]
        self.square = _outer(self.mean_b - self.mean_a)
        self.inside = self.S_a + self.S_b
        self.between = self.n_a * self.n_b / self.n * self.square


def _counts(outputs: Outputs, arguments: Arguments) -> str:
    first, second = arguments["first"][0], arguments["second"][0]
    return f"The parts have counts of {row(first, 2)} and {row(second, 2)}; you return {row(outputs[0], 2)}."


def _means(outputs: Outputs, arguments: Arguments) -> str:
    right = merge_statistics(**arguments)[1]
    k = int(np.abs(outputs[1] - right).max(axis=1).argmax())
    (a, mean_a, _), (b, mean_b, _) = arguments["first"], arguments["second"]
    return (
        f"Component {k} owns {number(a[k], 2)} samples about {row(mean_a[k], 2)} and {number(b[k], 2)} about "
        f"{row(mean_b[k], 2)}; your mean of both is {row(outputs[1][k], 2)}."
    )


def _scatters(outputs: Outputs, arguments: Arguments) -> str:
    right = merge_statistics(**arguments)[2]
    k = int(np.abs(outputs[2] - right).reshape(len(right), -1).max(axis=1).argmax())
    return (
        f"For component {k} the diagonal of your scatter is {row(np.diagonal(outputs[2][k]), 2)}; it should be "
        f"{row(np.diagonal(right[k]), 2)}."
    )


def _off_diagonal(outputs: Outputs, arguments: Arguments) -> str:
    right = merge_statistics(**arguments)[2]
    k = int(np.abs(outputs[2] - right)[:, 0, 1].argmax())
    return f"Entry (0, 1) of scatter {k} is {number(outputs[2][k, 0, 1])}; it should be {number(right[k, 0, 1])}."


MISTAKES = (
    Mistake(
        "the counts are averaged",
        _with(counts=lambda p: (p.counts_a + p.counts_b) / 2),
        "97 eruptions in one book and 175 in the other. How many are there?",
        _counts,
    ),
    Mistake(
        "the means are averaged as if both parts were equally large",
        _with(means=lambda p: (p.mean_a + p.mean_b) / 2),
        "A part with a thousand samples and one with three: where is the mean of all?",
        _means,
    ),
    Mistake(
        "the means are weighted with the other part's count",
        _with(means=lambda p: (p.b * p.mean_a + p.a * p.mean_b) / (p.a + p.b)),
        "The mean of all lies nearer to that of the larger part. To which is yours nearer?",
        _means,
    ),
    Mistake(
        "the mean is moved away from the second part instead of towards it",
        _with(means=lambda p: p.mean_a - p.b / (p.a + p.b) * (p.mean_b - p.mean_a)),
        "The mean of both lies between the two. From where to where does δ point?",
        _means,
    ),
    Mistake(
        "the means are added up",
        _with(means=lambda p: p.mean_a + p.mean_b),
        "Sums add up, means do not. What has a mean to be multiplied by to become a sum?",
        _means,
    ),
    Mistake(
        "the weighted means are not divided by the common count",
        _with(means=lambda p: p.a * p.mean_a + p.b * p.mean_b),
        "That is the sum of all the samples. What makes a mean of it?",
        _means,
    ),
    Mistake(
        "what lies between the two means is forgotten",
        _with(scatters=lambda p: p.inside),
        "Each scatter is about its own mean. If both parts are points, a mile apart, what is the scatter of both?",
        _scatters,
    ),
    Mistake(
        "what lies between the means is subtracted",
        _with(scatters=lambda p: p.inside - p.between),
        "Can two heaps far apart scatter *less* than each by itself?",
        _scatters,
    ),
    Mistake(
        "the factor between the means is N_A N_B, not divided by N",
        _with(scatters=lambda p: p.inside + p.n * p.between),
        "One sample at 0 and one at 2: about their mean, 1, the scatter is 2. What do you get?",
        _scatters,
    ),
    Mistake(
        "the factor between the means is N_A N_B / N², that of a covariance",
        _with(scatters=lambda p: p.inside + p.between / p.n),
        "A scatter is a sum over samples, and grows with their number. Does your last term?",
        _scatters,
    ),
    Mistake(
        "the factor between the means is N",
        _with(scatters=lambda p: p.inside + p.n * p.square),
        "If one part has no samples, its mean must not matter. What does your factor do then?",
        _scatters,
    ),
    Mistake(
        "the factor between the means is missing",
        _with(scatters=lambda p: p.inside + p.square),
        "A thousand samples on either side scatter more than one on either side. Where do the counts enter your last "
        "term?",
        _scatters,
    ),
    Mistake(
        "only the first part is moved to the common mean",
        _with(scatters=lambda p: p.inside + p.n_a * _outer(p.mean_a - p.mean)),
        "Both scatters were taken about a mean that is no longer the mean. Which one have you left where it was?",
        _scatters,
    ),
    Mistake(
        "only the second part is moved to the common mean",
        _with(scatters=lambda p: p.inside + p.n_b * _outer(p.mean_b - p.mean)),
        "Both scatters were taken about a mean that is no longer the mean. Which one have you left where it was?",
        _scatters,
    ),
    Mistake(
        "the square between the means is put on the diagonal only",
        _with(scatters=lambda p: p.inside + p.between * np.eye(p.mean.shape[1])),
        "If the two means differ in both features, the parts together are slanted. Which entries say so?",
        _off_diagonal,
    ),
    Mistake(
        "the squared length of the difference is added to every entry",
        _with(scatters=lambda p: p.inside + p.n_a * p.n_b / p.n * np.trace(p.square, axis1=1, axis2=2)[:, None, None]),
        "δᵀδ is one number, δδᵀ a matrix. Which has the shape of a scatter?",
        _off_diagonal,
    ),
    Mistake(
        "the scatters are averaged as if they were covariances",
        _with(scatters=lambda p: (p.n_a * p.S_a + p.n_b * p.S_b) / p.n + p.between),
        "A scatter has not been divided by its count. Does it need to be weighted with it again?",
        _scatters,
    ),
    Mistake(
        "the scatters are multiplied by their counts, as if they were covariances",
        _with(scatters=lambda p: p.n_a * p.S_a + p.n_b * p.S_b + p.between),
        "A covariance times its count is a scatter. Is that what you are given, or what you have to make of it?",
        _scatters,
    ),
    Mistake(
        "a covariance is returned: the scatter is divided by the count",
        _with(scatters=lambda p: (p.inside + p.between) / p.n),
        "Divide at the very end, in the M-step. What does the next merge need from you?",
        _scatters,
    ),
)


def _less(outputs: Outputs, arguments: Arguments) -> str:
    """Nothing can scatter less than the sum of its parts."""
    inside = np.trace(arguments["first"][2] + arguments["second"][2], axis1=1, axis2=2)
    found = np.trace(outputs[2], axis1=1, axis2=2)
    k = int((found - inside).argmin())
    if found[k] >= inside[k] * (1 - 1e-4):
        return ""
    return f"The diagonal of scatter {k} sums to {number(found[k], 2)}, and the parts' to {number(inside[k], 2)}."


def _outside(outputs: Outputs, arguments: Arguments) -> str:
    """A mean of both lies between the two; of a part that owns nothing, the mean says nothing."""
    (counts_a, means_a, _), (counts_b, means_b, _) = arguments["first"], arguments["second"]
    margin = 1e-4 * np.abs(np.stack([means_a, means_b])).max()
    low, high = np.minimum(means_a, means_b) - margin, np.maximum(means_a, means_b) + margin
    wrong = ((outputs[1] < low) | (outputs[1] > high)).any(axis=1) & (counts_a > 0) & (counts_b > 0)
    return f"{_means(outputs, arguments)} That is not between them." if wrong.any() else ""


PROPERTIES = (
    Property(
        "the mean of both lies between the two",
        _outside,
        "Where do you start from, in which direction do you go, and how much of the way?",
    ),
    Property(
        "counts add up",
        lambda outputs, arguments: (
            ""
            if np.allclose(outputs[0], arguments["first"][0] + arguments["second"][0], rtol=1e-4)
            else _counts(outputs, arguments)
        ),
        "How many samples do both parts have together?",
    ),
    symmetric("scatter", "Is your last term the product of a column with the *same* row?"),
    Property(
        "together they scatter no less than apart",
        _less,
        "Start with the two scatters added up. What is added to that, and can it be negative?",
    ),
)

EXERCISE = Exercise(
    name="merge_statistics",
    signature="merge_statistics(first, second)",
    task="Return `counts, means, scatters` of two parts of the data together, of shapes (K,), (K, D) and (K, D, D). "
    "`first` and `second` are such triples, each scatter about its own part's mean and not divided by the count.",
    reference=merge_statistics,
    cases=cases,
    outputs=("counts", "means", "scatters"),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Counts add up. A mean times its count is a sum, and sums add up. The scatters add up, too, and then "
        "something is "
        "still missing: how far the two means are apart.",
        "With δ the second mean less the first, the mean of both is the first plus N_B/N of δ. Each scatter has to be "
        "moved to the common mean; together that adds N_A N_B/N times δδᵀ.",
        "For one component: `np.outer(delta, delta)` times `a * b / (a + b)`, added to both scatters. For all at once: "
        "`delta[:, :, None] * delta[:, None]`, and the counts need `[:, None, None]`.",
    ),
    commentary="The mean is written as a step from the first towards the second: where the means are large and close, "
    "that "
    "keeps more digits than a sum of products. A part that owns nothing changes nothing, for its factor is 0.",
    insight="Nothing has been approximated: the M-step of all the data comes out of slips as small as K·(1 + D + D²) "
    "numbers each, however many samples a part has.",
    after="Next: fold a list of slips with `functools.reduce`, and you have EM on many machines.",
    notebook="13",
)
