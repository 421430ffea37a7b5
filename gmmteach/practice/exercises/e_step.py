"""The E-step: responsibilities by Bayes' rule (Bishop 2006, eq. 9.23)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp

from .cases import log_joint, parameters, samples
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import SHARES


def e_step(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
    """Share of every component in every sample, (n_samples, n_components)."""
    log_joint = np.empty((len(X), len(weights)))
    for k in range(len(weights)):
        difference = X - means[k]  # (N, D)
        squared = (difference @ np.linalg.inv(covariances[k]) * difference).sum(axis=1)  # Mahalanobis, squared
        _, log_determinant = np.linalg.slogdet(covariances[k])
        log_density = -(len(means[k]) * np.log(2 * np.pi) + log_determinant + squared) / 2  # (2.43)
        log_joint[:, k] = np.log(weights[k]) + log_density
    return np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))  # (9.23)


def cases() -> list[Arguments]:
    """Two and three features."""
    return [{"X": samples(d), **parameters(d)} for d in (2, 3)]


# --- the mistakes -------------------------------------------------------------------------------------------


def _normalised(joint: Array) -> Array:
    return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))


def _with(term: Callable[..., Any]) -> Callable[..., Array]:
    """An E-step whose log joint has another term for one component: weight, squared distance, covariance -> column."""

    def made(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
        columns = []
        for weight, mean, covariance in zip(weights, means, covariances, strict=True):
            difference = X - mean
            columns.append(term(weight, difference, covariance))
        return _normalised(np.column_stack(columns))

    return made


def _squared(difference: Array, matrix: Array) -> Array:
    return np.einsum("nd,nd->n", difference @ matrix, difference)


def _no_log_sum_exp(*arguments: Array) -> Array:
    joint = np.exp(log_joint(*arguments))
    return joint / joint.sum(axis=1, keepdims=True)


def _over_samples(*arguments: Array) -> Array:
    joint = np.exp(log_joint(*arguments))
    return joint / joint.sum(axis=0)


def _sums(outputs: Outputs, _: Arguments) -> str:
    shares = outputs[0]
    return f"Row 0 sums to {number(shares[0].sum())}, and column 0 to {number(shares[:, 0].sum())}."


def _first_row(outputs: Outputs, arguments: Arguments) -> str:
    return f"For the sample {row(arguments['X'][0], 2)} you return {row(outputs[0][0])}."


def _half_way(outputs: Outputs, arguments: Arguments) -> str:
    """The sample about which the right answer is least sure: there the difference is largest."""
    right = e_step(**arguments)
    n = int(np.abs(right[:-1] - outputs[0][:-1]).sum(axis=1).argmax())
    return (
        f"For sample {n}, {row(arguments['X'][n], 2)}, you return {row(outputs[0][n])}; it should be {row(right[n])}."
    )


def _outlier(outputs: Outputs, arguments: Arguments) -> str:
    return f"The row of the far sample {row(arguments['X'][-1], 0)} is {row(outputs[0][-1])}."


MISTAKES = (
    Mistake(
        "the weights are forgotten",
        _with(lambda w, d, S: -(np.linalg.slogdet(S)[1] + _squared(d, np.linalg.inv(S))) / 2),
        "A component that makes half of all the points is a better guess than one that makes a fifth of them, before "
        "the "
        "point is even seen. Where does that enter Bayes' rule?",
        _half_way,
    ),
    Mistake(
        "the normalisation runs over the samples instead of the components",
        _over_samples,
        "Every sample has one unit to share out among the components. Over which axis does the sum in the denominator "
        "of "
        "(9.23) run?",
        _sums,
    ),
    Mistake(
        "the likeliest component takes all",
        lambda *a: np.eye(len(a[1]))[log_joint(*a).argmax(axis=1)],
        "That is the assignment of k-means: only zeros and ones. Which step before it have you rounded away?",
        _half_way,
    ),
    Mistake(
        "very small densities are divided by their sum, and both are 0",
        _no_log_sum_exp,
        "exp(-1500) is 0 for a computer. The ratio of two such numbers is an ordinary number all the same. Can you "
        "take "
        "the ratio before the exponential?",
        _outlier,
    ),
    Mistake(
        "the covariance stands where its inverse belongs",
        _with(lambda w, d, S: np.log(w) - (np.linalg.slogdet(S)[1] + _squared(d, S)) / 2),
        "In one dimension the squared difference is *divided* by the variance. What is dividing by a matrix?",
        _half_way,
    ),
    Mistake(
        "the square root of the determinant is missing",
        _with(lambda w, d, S: np.log(w) - np.linalg.slogdet(S)[1] - _squared(d, np.linalg.inv(S)) / 2),
        "In one dimension the density is divided by σ, not by σ². The determinant plays the part of σ². What is its "
        "power in (2.43)?",
        _half_way,
    ),
    Mistake(
        "the determinant is missing",
        _with(lambda w, d, S: np.log(w) - _squared(d, np.linalg.inv(S)) / 2),
        "A wide Gaussian is lower at its top than a narrow one. Which factor of (2.43) sees to that, and does it "
        "cancel "
        "when the components differ in width?",
        _half_way,
    ),
    Mistake(
        "the factor ½ in the exponent is lost",
        _with(lambda w, d, S: np.log(w) - np.linalg.slogdet(S)[1] / 2 - _squared(d, np.linalg.inv(S))),
        "One standard deviation from the mean, the density has dropped to exp(-½) of its height. To what does yours "
        "drop?",
        _half_way,
    ),
    Mistake(
        "variance and standard deviation are exchanged: the covariance is used as if it were a standard deviation",
        _with(lambda w, d, S: np.log(w) - np.linalg.slogdet(S @ S)[1] / 2 - _squared(d, np.linalg.inv(S @ S)) / 2),
        "`covariances` holds variances, in squared units of the data. By what has the squared difference to be "
        "divided: by "
        "them, or by their squares?",
        _half_way,
    ),
    Mistake(
        "the weight is added to the log density, and not its logarithm",
        _with(lambda w, d, S: w - (np.linalg.slogdet(S)[1] + _squared(d, np.linalg.inv(S))) / 2),
        "Weight *times* density, and you work with logarithms. What does a product become?",
        _half_way,
    ),
    Mistake(
        "weight times density is returned as it is, and not divided by its sum",
        lambda *a: np.exp(log_joint(*a)),
        "Bayes' rule has a denominator. What must a row of probabilities sum to?",
        _sums,
    ),
    Mistake(
        "the logarithms of the responsibilities are returned",
        lambda *a: log_joint(*a) - logsumexp(log_joint(*a), axis=1, keepdims=True),
        "They are all negative or 0. Which last step turns a logarithm back into a probability?",
        _first_row,
    ),
    Mistake(
        "the result is transposed",
        lambda *a: e_step(*a).T,
        "A row for each sample, a column for each component. What is the shape of yours?",
        lambda outputs, arguments: (
            f"Its shape is {outputs[0].shape} for {len(arguments['X'])} samples and {len(arguments['weights'])} "
            "components."
        ),
    ),
)


def _same_for_all(outputs: Outputs, arguments: Arguments) -> str:
    """Where a small number is added to densities that are 0, whatever the number is, all components end alike."""
    far = outputs[0][-1]
    return _outlier(outputs, arguments) if np.ptp(far) < 1e-9 else ""


PROPERTIES = (
    Property(
        "every row sums to 1",
        lambda outputs, arguments: (
            "" if np.allclose(outputs[0].sum(axis=1), 1, atol=1e-4) else _sums(outputs, arguments)
        ),
        "The shares of one sample have to sum to 1. Where do you divide, and by what?",
    ),
    Property(
        "the far sample belongs to somebody",
        _same_for_all,
        "Have you added a small number, so that nothing is divided by 0? Then that number decides, and not the "
        "densities. What can be compared before the exponential is taken?",
    ),
    SHARES,
)

EXERCISE = Exercise(
    name="e_step",
    signature="e_step(X, weights, means, covariances)",
    task="Return the responsibilities, one row for each of the N samples and one column for each of the K components: "
    "(N, K). `X` is (N, D), `weights` (K,), `means` (K, D), `covariances` (K, D, D).",
    reference=e_step,
    cases=cases,
    outputs=("responsibilities",),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "For each component: weight times density at each sample. Then divide each row by its sum.",
        "Work with logarithms: log weight + log density, one column for each component. `np.linalg.slogdet` gives the "
        "logarithm of a determinant, `np.linalg.inv` the precision.",
        "With `log_joint` of shape (N, K), the responsibilities are the exponential of `log_joint` minus the "
        "logarithm of "
        "the sum of exponentials of its row: `scipy.special.logsumexp(log_joint, axis=1, keepdims=True)`.",
    ),
    commentary="Everything stays a logarithm until the last line, so that the sample at (60, 60), where every density "
    "is 0 for "
    "a computer, still gets responsibilities. The determinant and the weights do not cancel, because they differ from "
    "component "
    "to component; the factor (2π)^(D/2) would.",
    insight="The denominator that you divided by is the density of the mixture. Its logarithm, summed over the "
    "samples, is the "
    "log-likelihood: whoever takes an E-step has it for nothing.",
    after="Next: `m_step`, in notebook 03, turns these shares into new parameters.",
    notebook="02",
)
