"""The density of a mixture and the log-likelihood of data (Bishop 2006, eqs. 9.7 and 9.28)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp

from .cases import OUTLIER, log_joint, parameters, samples
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row

Formula = Callable[[float, Array, Array], Array]  # weight, difference (N, D), covariance -> log of a term (N,)


def mixture_density(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
    """Density of the mixture at every sample, (n_samples,)."""
    density = np.zeros(len(X))
    for k in range(len(weights)):
        difference = X - means[k]  # (N, D)
        squared = (difference @ np.linalg.inv(covariances[k]) * difference).sum(axis=1)  # Mahalanobis, squared (2.44)
        height = 1 / np.sqrt(np.linalg.det(2 * np.pi * covariances[k]))
        density += weights[k] * height * np.exp(-squared / 2)  # (2.43) into (9.7)
    return density


def log_likelihood(X: Array, weights: Array, means: Array, covariances: Array) -> float:
    """Total log-likelihood of the samples in nats."""
    log_joint = np.empty((len(X), len(weights)))
    for k in range(len(weights)):
        difference = X - means[k]  # (N, D)
        squared = (difference @ np.linalg.inv(covariances[k]) * difference).sum(axis=1)  # (2.44)
        _, log_determinant = np.linalg.slogdet(2 * np.pi * covariances[k])
        log_joint[:, k] = np.log(weights[k]) - (log_determinant + squared) / 2  # the logarithm of (2.43)
    return float(logsumexp(log_joint, axis=1).sum())  # (9.28)


def density_cases() -> list[Arguments]:
    """Two and three features."""
    return [{"X": samples(d), **parameters(d)} for d in (2, 3)]


def likelihood_cases() -> list[Arguments]:
    """First without the outlier, so that other mistakes show even where the outlier makes the total infinite."""
    return [{"X": samples(2)[:-1], **parameters(2)}, *density_cases()]


# --- the mistakes -------------------------------------------------------------------------------------------


def _squared(difference: Array, matrix: Any) -> Array:
    return np.einsum("nd,nd->n", difference @ matrix, difference)


def _log_gaussian(difference: Array, covariance: Array) -> Array:
    height = np.linalg.slogdet(2 * np.pi * covariance)[1]
    return -(height + _squared(difference, np.linalg.inv(covariance))) / 2


def _terms(formula: Formula) -> Callable[..., Array]:
    """The table of log terms, (n_samples, n_components), with another formula for one term."""

    def made(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
        each = zip(weights, means, covariances, strict=True)
        return np.column_stack([formula(weight, X - mean, covariance) for weight, mean, covariance in each])

    return made


def _log_of_two_pi(difference: Array) -> float:
    return float(difference.shape[1] * np.log(2 * np.pi))


# What goes wrong inside one term; both exercises can go wrong here.
FORMULAS: tuple[tuple[str, Formula, str], ...] = (
    (
        "the weights are forgotten",
        lambda w, d, S: _log_gaussian(d, S),
        "Over the whole plane each Gaussian makes up 1. What would your sum make up, and what should it?",
    ),
    (
        "the covariance stands where its inverse belongs",
        lambda w, d, S: np.log(w) - (np.linalg.slogdet(2 * np.pi * S)[1] + _squared(d, S)) / 2,
        "In one dimension the squared difference is *divided* by the variance. What is dividing by a matrix?",
    ),
    (
        "the square root of the determinant is missing",
        lambda w, d, S: np.log(w) - np.linalg.slogdet(S)[1] - (_log_of_two_pi(d) + _squared(d, np.linalg.inv(S))) / 2,
        "In one dimension the density is divided by σ, not by σ². The determinant plays the part of σ². What is its "
        "power in (2.43)?",
    ),
    (
        "the determinant is missing",
        lambda w, d, S: np.log(w) - (_log_of_two_pi(d) + _squared(d, np.linalg.inv(S))) / 2,
        "A wide Gaussian is lower at its top than a narrow one, since both make up 1. Which factor of (2.43) sees to "
        "that?",
    ),
    (
        "the factor ½ in the exponent is lost",
        lambda w, d, S: np.log(w) - np.linalg.slogdet(2 * np.pi * S)[1] / 2 - _squared(d, np.linalg.inv(S)),
        "One standard deviation from the mean, a Gaussian has dropped to exp(-½) of its height. To what does yours "
        "drop?",
    ),
    (
        "the minus sign in the exponent is lost",
        lambda w, d, S: np.log(w) - (np.linalg.slogdet(2 * np.pi * S)[1] - _squared(d, np.linalg.inv(S))) / 2,
        "Does your Gaussian grow or shrink as you walk away from its mean?",
    ),
    (
        "variance and standard deviation are exchanged: the covariance is used as if it were a standard deviation",
        lambda w, d, S: np.log(w) + _log_gaussian(d, S @ S),
        "`covariances` holds variances, in squared units of the data. By what has the squared difference to be "
        "divided: by them, or by their squares?",
    ),
    (
        "the factor with 2π is missing",
        lambda w, d, S: np.log(w) - (np.linalg.slogdet(S)[1] + _squared(d, np.linalg.inv(S))) / 2,
        "In responsibilities it cancels. Is anything divided here, so that it could?",
    ),
    (
        "2π has the power ½ of one dimension",
        lambda w, d, S: np.log(w) - (np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + _squared(d, np.linalg.inv(S))) / 2,
        "Each dimension brings a √(2π) of its own. How many are there?",
    ),
    (
        "2π has the power D instead of D/2",
        lambda w, d, S: np.log(w) - _log_of_two_pi(d) - (np.linalg.slogdet(S)[1] + _squared(d, np.linalg.inv(S))) / 2,
        "Each dimension brings √(2π), not 2π. Which power of 2π is that in D dimensions?",
    ),
    (
        "only the variances are used, and the covariances between features are not",
        lambda w, d, S: np.log(w) + _log_gaussian(d, np.diag(np.diag(S))),
        "Your ellipses cannot lean. What happens to the entries off the diagonal?",
    ),
)


def _densities(outputs: Outputs, arguments: Arguments) -> str:
    """The sample where the two are farthest apart, without the far one, where both may be 0."""
    right = mixture_density(**arguments)
    n = int(np.abs(outputs[0] - right)[:-1].argmax())
    return (
        f"At sample {n}, {row(arguments['X'][n], 2)}, you return {number(outputs[0][n], 5)}; the density there is "
        f"{number(right[n], 5)}."
    )


def _shape(outputs: Outputs, arguments: Arguments) -> str:
    return (
        f"Its shape is {np.shape(outputs[0])}, for {len(arguments['X'])} samples and {len(arguments['weights'])} "
        "components."
    )


def _totals(outputs: Outputs, arguments: Arguments) -> str:
    count, features = arguments["X"].shape
    return (
        f"For {count} samples of {features} features you return {number(float(outputs[0]))}; it is "
        f"{number(log_likelihood(**arguments))}."
    )


def _rescaled(*arguments: Array) -> Array:
    density = mixture_density(*arguments)
    return density / density.sum()


def _equal(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
    return mixture_density(X, np.full(len(weights), 1 / len(weights)), means, covariances)


DENSITY_MISTAKES = (
    *(
        Mistake(name, lambda *a, f=formula: np.exp(_terms(f)(*a)).sum(axis=1), question, _densities)
        for name, formula, question in FORMULAS
    ),
    Mistake(
        "the components are averaged, each with the same weight",
        _equal,
        "One component makes half of all the samples, another a fifth. Which of the arguments knows that?",
        _densities,
    ),
    Mistake(
        "only the largest term is kept",
        lambda *a: np.exp(log_joint(*a)).max(axis=1),
        "A sample could have come from any component. Which rule of probability puts the ways together?",
        _densities,
    ),
    Mistake(
        "the densities of the components are multiplied",
        lambda *a: np.exp(log_joint(*a)).prod(axis=1),
        "A sample comes from one component *or* another, not from all of them at once. What does *or* ask for?",
        _densities,
    ),
    Mistake(
        "the densities are divided by their sum",
        _rescaled,
        "It is the integral over the plane that has to be 1. Must the values at some samples add up to 1?",
        lambda outputs, arguments: f"Your values sum to {number(outputs[0].sum())}. {_densities(outputs, arguments)}",
    ),
    Mistake(
        "the logarithm of the density is returned",
        lambda *a: logsumexp(log_joint(*a), axis=1),
        "Can a density be negative? Which last step is missing?",
        _densities,
    ),
    Mistake(
        "the terms of the components are returned, and not their sum",
        lambda *a: np.exp(log_joint(*a)),
        "Each sample has one density. What is to be done with the K numbers in its row?",
        _shape,
    ),
    Mistake(
        "the sum runs over the samples instead of the components",
        lambda *a: np.exp(log_joint(*a)).sum(axis=0),
        "In (9.7), what does k count? Over which axis of your table does it run?",
        _shape,
    ),
    Mistake(
        "the sum runs over everything",
        lambda *a: np.exp(log_joint(*a)).sum(),
        "A density belongs to a place. How many places are there?",
        _shape,
    ),
)

DENSITY = Exercise(
    name="mixture_density",
    signature="mixture_density(X, weights, means, covariances)",
    task="Return the density of the mixture at each sample, the value itself and not its logarithm: (N,). `X` is "
    "(N, D), `weights` (K,), `means` (K, D), `covariances` (K, D, D).",
    reference=mixture_density,
    cases=density_cases,
    outputs=("density",),
    mistakes=DENSITY_MISTAKES,
    properties=(
        Property(
            "a density is not negative",
            lambda outputs, arguments: (
                f"The smallest value is {number(outputs[0].min())}." if outputs[0].min() < -1e-12 else ""
            ),
            "A density may be larger than 1, but it is never below 0. Which sign has gone wrong?",
        ),
        Property(
            "far away the density is 0",
            lambda outputs, arguments: (
                f"At the far sample {row(arguments['X'][-1], 0)} you return {number(outputs[0][-1])}."
                if abs(outputs[0][-1]) > 1e-12
                else ""
            ),
            "What does the exponential do when its exponent is −1500?",
        ),
    ),
    hints=(
        "One Gaussian at a time, at all samples: (2.43). Then a sum of Gaussians, each times its weight: (9.7).",
        "For component k: `difference = X - means[k]`, then one squared Mahalanobis distance for each row. "
        "`np.linalg.det(2 * np.pi * covariances[k])` has all the powers of 2π in it.",
        "`squared = (difference @ np.linalg.inv(covariances[k]) * difference).sum(axis=1)`; the term is the weight "
        "times `np.exp(-squared / 2)`, over the square root of that determinant. Add the K terms.",
    ),
    commentary="The determinant of 2πΣ is (2π)^D times that of Σ, which saves a factor and a chance to forget D. At "
    "the sample at (60, 60) the density comes out as 0: right to the last digit that a computer has, and of no use for "
    "a logarithm.",
    insight="A mixture is a weighted average of bells. It is a density because each bell makes up 1 and the weights "
    "sum to 1; its values may be larger than 1 all the same.",
    after="Next: `e_step`, in notebook 02, asks which of the terms of your sum the sample came from.",
    notebook="01",
)

# --- the log-likelihood -------------------------------------------------------------------------------------


def _leaves_out_zeros(*arguments: Array) -> float:
    density = mixture_density(*arguments)
    return float(np.log(density[density > 0]).sum())


def _no_log_sum_exp(*arguments: Array) -> float:
    return float(np.log(mixture_density(*arguments)).sum())


def _expected(*arguments: Array) -> float:
    joint = log_joint(*arguments)
    shares = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))
    return float((shares * joint).sum())


def _weighted_logs(X: Array, weights: Array, means: Array, covariances: Array) -> float:
    return float(((log_joint(X, weights, means, covariances) - np.log(weights)) @ weights).sum())


def _too_high(outputs: Outputs, arguments: Arguments) -> str:
    if arguments["X"][-1, 0] != OUTLIER or float(outputs[0]) < log_likelihood(**arguments) + 1:
        return ""
    last = {**arguments, "X": arguments["X"][-1:]}
    return (
        f"{_totals(outputs, arguments)} The far sample {row(arguments['X'][-1], 0)} alone has a log-density of "
        f"{number(log_likelihood(**last))}."
    )


LIKELIHOOD_MISTAKES = (
    *(
        Mistake(name, lambda *a, f=formula: float(logsumexp(_terms(f)(*a), axis=1).sum()), question, _totals)
        for name, formula, question in FORMULAS
    ),
    Mistake(
        "the mean over the samples is returned instead of the sum",
        lambda *a: log_likelihood(*a) / len(a[0]),
        "That is scikit-learn's `score`. What happens to a product of N densities when the logarithm is taken?",
        _totals,
    ),
    Mistake(
        "the logarithm is taken before the sum over the components",
        lambda *a: float(log_joint(*a).sum()),
        "In (9.28) the logarithm stands outside the sum over k. Is the logarithm of a sum the sum of the logarithms?",
        _totals,
    ),
    Mistake(
        "the logarithms of the components' densities are averaged with the weights",
        _weighted_logs,
        "You average logarithms, and (9.28) takes the logarithm of an average. Which of the two is larger (Jensen)?",
        _totals,
    ),
    Mistake(
        "the logarithms of the terms are averaged with the responsibilities",
        _expected,
        "That is what the M-step maximises, (9.30): it knows the labels by their shares. Which sum in (9.28) does "
        "without them?",
        _totals,
    ),
    Mistake(
        "only the largest term counts",
        lambda *a: float(log_joint(*a).max(axis=1).sum()),
        "That is a classification likelihood, each sample given to one component. What of the other terms?",
        _totals,
    ),
    Mistake(
        "the logarithm of a density that has become 0 is taken",
        _no_log_sum_exp,
        "exp(-1500) is 0 for a computer, and its logarithm is lost. Can you take the largest exponent out of the sum "
        "first?",
        _totals,
    ),
    Mistake(
        "samples whose density has become 0 are left out",
        _leaves_out_zeros,
        "Leaving out the most improbable sample makes a bad fit look good. Can its logarithm be had without the "
        "density?",
        _totals,
    ),
    Mistake(
        "the densities of all samples are added before the logarithm",
        lambda *a: float(logsumexp(log_joint(*a))),
        "Samples are independent: *this* one and *that* one. Are their densities added or multiplied?",
        _totals,
    ),
    Mistake(
        "the sign is turned",
        lambda *a: -log_likelihood(*a),
        "An optimiser that only goes downhill wants that. Is a likelier data set to have a higher number here, or a "
        "lower?",
        _totals,
    ),
    Mistake(
        "the logarithm has base 2",
        lambda *a: log_likelihood(*a) / np.log(2),
        "Those are bits. What is the base of nats?",
        _totals,
    ),
    Mistake(
        "the logarithm has base 10",
        lambda *a: log_likelihood(*a) / np.log(10),
        "`np.log10`, or `np.log`: which of them undoes `np.exp`?",
        _totals,
    ),
    Mistake(
        "there is one number for each sample, and not their sum",
        lambda *a: logsumexp(log_joint(*a), axis=1),
        "Those are the log-densities. How do N of them become one number for the whole data set?",
        _shape,
    ),
)

LIKELIHOOD = Exercise(
    name="log_likelihood",
    signature="log_likelihood(X, weights, means, covariances)",
    task="Return the log-likelihood of all the samples together, one number, in nats. `X` is (N, D), `weights` (K,), "
    "`means` (K, D), `covariances` (K, D, D).",
    reference=log_likelihood,
    cases=likelihood_cases,
    outputs=("log-likelihood",),
    mistakes=LIKELIHOOD_MISTAKES,
    properties=(
        Property(
            "a far sample costs what it costs",
            _too_high,
            "Is something added to a density of 0, or cut off below? Which trick needs no such number?",
        ),
    ),
    hints=(
        "One log-density for each sample, then their sum. What stands inside the logarithm in (9.28)?",
        "Make a table of log weight + log density, (N, K). Each row has to become the logarithm of the sum of its "
        "exponentials.",
        "`scipy.special.logsumexp(log_joint, axis=1)` takes the largest exponent out of each row before it "
        "exponentiates. Sum what it returns.",
    ),
    commentary="Nothing is exponentiated outside logsumexp, so the far sample counts with its thousands of nats "
    "instead of an infinity.",
    insight="It is the sum of the logarithms of the E-step's denominators: the number by which EM is judged is a "
    "by-product of EM.",
    after="Next: `elbo` and `kl`, in notebook 04, cut this number in two and explain why EM never lowers it.",
    notebook="03",
)
