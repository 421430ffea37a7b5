"""k-means is a limit: shares of equal, round components, for any variance (Bishop 2006, eq. 9.42)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import log_softmax, softmax

from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import SHARES

TOLERANCE = 2e-4  # so much is rounded off the logarithm of a sum beside an exponent of −1e12
CLOSE = 2.0**-20  # how much nearer a sample may be: nothing for a wide component, everything for a narrow one


def soft_labels(X: Array, means: Array, variance: float) -> Array:
    """Share of every component in every sample, (n_samples, n_components); rows sum to 1."""
    squared = ((X[:, None] - means) ** 2).sum(axis=2)  # ‖x − μ‖², (N, K)
    exponents = -squared / (2 * variance)  # what all components have in common cancels
    shares = np.exp(exponents - exponents.max(axis=1, keepdims=True))  # the nearest mean counts 1
    return shares / shares.sum(axis=1, keepdims=True)  # (9.42)


def cases() -> list[Arguments]:
    """Two and three features; wide and narrow components; a sample half-way between two means, a far one.

    All numbers are short binary fractions, so that the two distances of the sample half-way are equal to the last
    digit. No sample lies on a mean.
    """
    plane = np.array([[0.0, 0.0], [4.0, 1.0], [-1.0, 5.0]])
    points = np.array(
        [[1.0, 0.5], [2.0, 0.5], [2.5, 1.0], [-0.5, 3.0], [1.0, 2.5], [3.5, 3.0], [-2.0, 2.0], [60.0, 60.0]]
    )
    space = np.array([[0.0, 0.0, 1.0], [3.0, 1.0, -1.0], [-1.0, 4.0, 0.5], [2.0, -2.0, 3.0]])
    places = np.array(
        [[0.5, 0.5, 0.5], [1.5, 0.5, 0.0], [2.5, 0.0, 0.0], [1.0, -1.0, 2.0 + CLOSE], [0, 2, 1.5], [-60, 1, 2]]
    )
    return [
        {"X": points, "means": plane, "variance": 2.25},
        {"X": places, "means": space, "variance": 0.25},
        {"X": places, "means": space, "variance": 1e-12},
        {"X": points, "means": plane, "variance": 1e6},
    ]


# --- the mistakes -------------------------------------------------------------------------------------------


def _squared(X: Array, means: Array) -> Array:
    return np.asarray(((X[:, None] - means) ** 2).sum(axis=2))


Exponent = Callable[[Array, Array, float], Array]  # X, means, variance -> (N, K)


def _with(exponent: Exponent) -> Callable[..., Array]:
    """A safe softmax of another exponent."""
    return lambda X, means, variance: softmax(exponent(X, means, variance), axis=1)


def _of(squared: Array, variance: float) -> Array:
    return -squared / (2 * variance)


def _no_log_sum_exp(X: Array, means: Array, variance: float) -> Array:
    shares = np.exp(_of(_squared(X, means), variance))
    return shares / shares.sum(axis=1, keepdims=True)


def _largest_of_all(X: Array, means: Array, variance: float) -> Array:
    exponent = _of(_squared(X, means), variance)
    shares = np.exp(exponent - exponent.max())
    return shares / shares.sum(axis=1, keepdims=True)


def _largest_of_each_column(X: Array, means: Array, variance: float) -> Array:
    exponent = _of(_squared(X, means), variance)
    shares = np.exp(exponent - exponent.max(axis=0))
    return shares / shares.sum(axis=1, keepdims=True)


def _small_number(X: Array, means: Array, variance: float) -> Array:
    shares = np.exp(_of(_squared(X, means), variance))
    return shares / (shares.sum(axis=1, keepdims=True) + 1e-12)


def _clipped(X: Array, means: Array, variance: float) -> Array:
    return softmax(np.maximum(_of(_squared(X, means), variance), -500), axis=1)


def _variance_with_a_floor(X: Array, means: Array, variance: float) -> Array:
    return softmax(_of(_squared(X, means), max(variance, 1e-6)), axis=1)


def _by_the_largest(X: Array, means: Array, variance: float) -> Array:
    exponent = _of(_squared(X, means), variance)
    return np.exp(exponent - exponent.max(axis=1, keepdims=True))


def _ties_broken(X: Array, means: Array, variance: float) -> Array:
    if variance > 1e-6:
        return soft_labels(X, means, variance)
    return _hard(X, means, variance)


def _hard(X: Array, means: Array, variance: float) -> Array:
    return np.eye(len(means))[_squared(X, means).argmin(axis=1)]


def _over_the_components(X: Array, means: Array, variance: float) -> Array:
    return softmax(_of(((X[:, None] - means) ** 2).sum(axis=1), variance), axis=1)


def _over_the_samples(X: Array, means: Array, variance: float) -> Array:
    return softmax(_of(((X[:, None] - means) ** 2).sum(axis=0), variance), axis=1)


def _one_row(n: int) -> Callable[[Outputs, Arguments], str]:
    """What is returned for sample n, and what is right."""

    def evidence(outputs: Outputs, arguments: Arguments) -> str:
        return _told(outputs, arguments, n)

    return evidence


def _told(outputs: Outputs, arguments: Arguments, n: int) -> str:
    squared = _squared(arguments["X"], arguments["means"])[n]
    return (
        f"With a variance of {arguments['variance']:g}, sample {n} has the squared distances {row(squared, 2)}. You "
        f"return {row(outputs[0][n])} for it; {row(soft_labels(**arguments)[n])} is right."
    )


def _worst(outputs: Outputs, arguments: Arguments) -> str:
    """The sample that is farthest from right; the far one only where no other is wrong."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(outputs[0] - soft_labels(**arguments)).max(axis=1)
    return _told(outputs, arguments, int(np.nan_to_num(apart, nan=np.inf).argmax()))


def _shape(outputs: Outputs, arguments: Arguments) -> str:
    n_samples, n_features = arguments["X"].shape
    return (
        f"Its shape is {np.shape(outputs[0])}, for {n_samples} samples, {n_features} features and "
        f"{len(arguments['means'])} components."
    )


def _sums(outputs: Outputs, arguments: Arguments) -> str:
    """The row whose sum is farthest from 1, with the sum of the first column."""
    n = int(np.abs(np.nan_to_num(outputs[0]).sum(axis=1) - 1).argmax())
    return (
        f"With a variance of {arguments['variance']:g}, row {n} is {row(outputs[0][n])} and sums to "
        f"{number(outputs[0][n].sum())}; column 0 sums to {number(outputs[0][:, 0].sum())}."
    )


MISTAKES = (
    Mistake(
        "very small numbers are divided by their sum, and all of them are 0",
        _no_log_sum_exp,
        "Where all the exponentials are 0, what is left is 0/0. Multiply all of a row by the same number, and the "
        "shares stay as they are. Which number would make the largest of them 1?",
        _worst,
    ),
    Mistake(
        "the largest exponent of *all* is subtracted, and not that of the row",
        _largest_of_all,
        "One sample near its mean is saved, and the others are as far away as before. Over which axis is the maximum "
        "to be taken?",
        _worst,
    ),
    Mistake(
        "the largest exponent of the column is subtracted, and not that of the row",
        _largest_of_each_column,
        "Every component has been multiplied by another number, and that does not cancel. Over which axis is the "
        "maximum to be taken?",
        _worst,
    ),
    Mistake(
        "a row of exponentials that are all 0 is left at 0, by a small number in the denominator or `nan_to_num`",
        _small_number,
        "The NaN is gone, and the sample belongs to nobody. What would the ratios be if a computer had more digits, "
        "and how can you get them without?",
        _sums,
    ),
    Mistake(
        "the exponents are clipped, and far means become equally far",
        _clipped,
        "The nearest mean is lost where all are clipped. What could you subtract from a row so that its largest "
        "exponent is 0?",
        _worst,
    ),
    Mistake(
        "a small variance is replaced by a larger one, such as 1e-6",
        _variance_with_a_floor,
        "That mends 0/0 for some distances, and nobody has told the caller. Which number can be subtracted from the "
        "exponents of a row, so that the variance can stay what it is?",
        _worst,
    ),
    Mistake(
        "the factor ½ is lost",
        _with(lambda X, m, v: -_squared(X, m) / v),
        "One standard deviation away, a density has dropped to exp(−½) of its height. To what does yours drop?",
        _worst,
    ),
    Mistake(
        "the distance is not squared",
        _with(lambda X, m, v: _of(np.sqrt(_squared(X, m)), v)),
        "`np.linalg.norm` has taken a root. Which power of the distance stands in a Gaussian's exponent?",
        _worst,
    ),
    Mistake(
        "the sum of the differences is squared, and not the differences",
        _with(lambda X, m, v: _of((X[:, None] - m).sum(axis=2) ** 2, v)),
        "Differences of +1 and −1 add up to 0, and the sample is not at the mean. Which comes first, the square or "
        "the sum?",
        _worst,
    ),
    Mistake(
        "the sizes of the differences are added, and not their squares",
        _with(lambda X, m, v: _of(np.abs(X[:, None] - m).sum(axis=2), v)),
        "That is the way along the streets of a city, and its circles are squares. Which sum makes round ones?",
        _worst,
    ),
    Mistake(
        "the squares are averaged over the features, and not added",
        _with(lambda X, m, v: _of(((X[:, None] - m) ** 2).mean(axis=2), v)),
        "Pythagoras adds them. By which number are your exponents too small?",
        _worst,
    ),
    Mistake(
        "the standard deviation stands where the variance belongs",
        _with(lambda X, m, v: _of(_squared(X, m), np.sqrt(v))),
        "A squared distance is in squared units. By what has it to be divided to lose them?",
        _worst,
    ),
    Mistake(
        "the variance is squared once more, as if it were a standard deviation",
        _with(lambda X, m, v: _of(_squared(X, m), v**2)),
        "`variance` is σ² already. By what has a squared distance to be divided to lose its units?",
        _worst,
    ),
    Mistake(
        "the exponent is multiplied by the variance, and not divided",
        _with(lambda X, m, v: -_squared(X, m) * v / 2),
        "A narrow component should be sharper than a wide one. What does your variance do as it becomes small?",
        _worst,
    ),
    Mistake(
        "the variance is not used",
        _with(lambda X, m, v: -_squared(X, m) / 2),
        "Turn the variance down, and nothing hardens. Where does it belong in the exponent?",
        _worst,
    ),
    Mistake(
        "the sign is turned: the farthest mean gets most",
        _with(lambda X, m, v: _squared(X, m) / (2 * v)),
        "The exponential grows with its exponent. What should it do as the distance grows?",
        _worst,
    ),
    Mistake(
        "the normalisation runs over the samples instead of the components",
        lambda X, m, v: softmax(_of(_squared(X, m), v), axis=0),
        "Every sample has one unit to share out among the components. Over which axis do your shares sum to 1?",
        _sums,
    ),
    Mistake(
        "the normalisation runs over everything at once",
        lambda X, m, v: softmax(_of(_squared(X, m), v)),
        "All the numbers together sum to 1, for all the samples. How much has *each* sample to share out?",
        _sums,
    ),
    Mistake(
        "the nearest mean takes all, whatever the variance",
        _hard,
        "That is the limit already. Who decides how far it is to the limit?",
        _worst,
    ),
    Mistake(
        "a tie is broken though both means are equally near",
        _ties_broken,
        "Half-way between two means the exponents are equal, at any variance. What are then the shares, in the limit "
        "as well?",
        _worst,
    ),
    Mistake(
        "the numbers of the nearest means are returned",
        lambda X, m, v: _squared(X, m).argmin(axis=1),
        "Those are k-means' labels. What has each row to say of each component?",
        _shape,
    ),
    Mistake(
        "the exponentials are not divided by their sum",
        lambda X, m, v: np.exp(_of(_squared(X, m), v)),
        "Shares have to sum to 1. By what do you divide, and can it be 0?",
        _sums,
    ),
    Mistake(
        "the shares are divided by the largest, and not by their sum",
        _by_the_largest,
        "To subtract the largest exponent is half the work: now the largest is 1. What must they *sum* to?",
        _sums,
    ),
    Mistake(
        "the logarithms of the shares are returned",
        lambda X, m, v: log_softmax(_of(_squared(X, m), v), axis=1),
        "They are all negative or 0. Which last step turns a logarithm back into a share?",
        _one_row(0),
    ),
    Mistake(
        "the exponents are returned",
        lambda X, m, v: _of(_squared(X, m), v),
        "You are half-way. What makes shares of exponents?",
        _one_row(0),
    ),
    Mistake(
        "the result is transposed",
        lambda X, m, v: soft_labels(X, m, v).T,
        "A row for each sample, a column for each component. What is the shape of yours?",
        _shape,
    ),
    Mistake(
        "the squares are added over the components, and not over the features",
        _over_the_components,
        "`X[:, None] - means` has the shape (N, K, D). Which of the three axes should be gone after the sum?",
        _shape,
    ),
    Mistake(
        "the squares are added over the samples, and not over the features",
        _over_the_samples,
        "`X[:, None] - means` has the shape (N, K, D). Which of the three axes should be gone after the sum?",
        _shape,
    ),
)


def _unordered(outputs: Outputs, arguments: Arguments) -> str:
    """A mean that is nearer than another, and gets less."""
    squared = _squared(arguments["X"], arguments["means"])
    n = np.arange(len(squared))
    lacking = outputs[0].max(axis=1) - outputs[0][n, squared.argmin(axis=1)]
    worst = int(lacking.argmax())
    return _told(outputs, arguments, worst) if lacking[worst] > 1e-4 else ""


def _odds(outputs: Outputs, arguments: Arguments) -> str:
    """Two means whose shares have another ratio than their distances say."""
    squared, right, mine = _squared(arguments["X"], arguments["means"]), soft_labels(**arguments), outputs[0]
    for n in np.argsort(right.max(axis=1)):  # the least certain first: there the ratio is an ordinary number
        near, far = np.argsort(squared[n], kind="stable")[:2]
        if right[n, far] < 1e-3 or np.isclose(mine[n, near] / mine[n, far], right[n, near] / right[n, far], 1e-2):
            continue
        return (
            f"For sample {n} mean {near} has a squared distance of {number(squared[n, near], 2)}, mean {far} one of "
            f"{number(squared[n, far], 2)}. With a variance of {arguments['variance']:g} the nearer one gets "
            f"{number(right[n, near] / right[n, far])} times the other's share; with you "
            f"{number(mine[n, near] / mine[n, far])} times."
        )
    return ""


PROPERTIES = (
    Property(
        "every row sums to 1",
        lambda outputs, arguments: (
            "" if np.allclose(outputs[0].sum(axis=1), 1, atol=1e-4) else _sums(outputs, arguments)
        ),
        "The shares of one sample have to sum to 1. Where do you divide, and by what?",
    ),
    SHARES,
    Property(
        "the nearest mean has the largest share",
        _unordered,
        "All components are alike but for their place. Which of them should get most of this sample?",
    ),
    Property(
        "the ratio of two shares is right",
        _odds,
        "The ratio of two shares is exp(difference of the exponents): the sum in the denominator has cancelled. What "
        "is your exponent for each of the two?",
    ),
)

EXERCISE = Exercise(
    name="soft_labels",
    signature="soft_labels(X, means, variance)",
    task="Return the responsibilities, (N, K), of K components of equal weight that are round and all have the same "
    "`variance`: a float, as large as 1e6 or as small as 1e-12. `X` is (N, D), `means` (K, D).",
    reference=soft_labels,
    cases=cases,
    outputs=("shares",),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Write the E-step for one sample. Weights, determinants and 2π are the same for all components: what is left "
        "of the fraction when they have cancelled?",
        "`X[:, None] - means` has all the differences, (N, K, D). Square, sum over the features, and divide by "
        "−2 · variance: these are the exponents. At 1e-12 `np.exp` makes 0 of all of them. What may be subtracted from "
        "a row without changing its shares?",
        "With `exponents` of shape (N, K): `shares = np.exp(exponents - exponents.max(axis=1, keepdims=True))`. Divide "
        "that by its sum over the components.",
    ),
    commentary="The nearest mean counts exp(0) = 1, so no row sums to 0, at 1e-12 either. `exponents - logsumexp(…)` "
    "does the same in one go, and passes; but beside an exponent of −1.75e12 the ln 2 of a tie is rounded, and the "
    "sample half-way gets 0.500016 twice.",
    insight="Turn the variance down and the rows become k-means' labels; turn it up and they all become 1/K. Only a "
    "sample exactly half-way between two means stays half and half: k-means has to break that tie.",
    after="Next: put it into the loop of `soft_k_means` in notebook 09, and compare with `lloyd` round by round.",
    notebook="09",
    tolerance=TOLERANCE,
)
