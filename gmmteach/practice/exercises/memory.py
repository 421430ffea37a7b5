"""The whole of EM from memory, from a start that is given (Bishop 2006, section 9.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp

from .cases import log_joint, parameters, samples
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import weights_sum_to_one

Result = tuple[Array, Array, Array, float]


def em_from_memory(X: Array, weights: Array, means: Array, covariances: Array, n_iterations: int) -> Result:
    """Weights, means and covariances after so many rounds, and the total log-likelihood of exactly these."""

    def log_joint() -> Array:
        """Log of weight times density, (N, K), of the parameters as they are now."""
        columns = []
        for k in range(len(weights)):
            difference = X - means[k]
            squared = (difference @ np.linalg.inv(covariances[k]) * difference).sum(axis=1)
            _, log_determinant = np.linalg.slogdet(2 * np.pi * covariances[k])
            columns.append(np.log(weights[k]) - (log_determinant + squared) / 2)
        return np.column_stack(columns)

    for _ in range(n_iterations):
        joint = log_joint()
        shares = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))  # E-step (9.23)
        counts = shares.sum(axis=0)  # (9.27)
        weights, means = counts / len(X), shares.T @ X / counts[:, None]  # (9.26), (9.24)
        differences = [X - mean for mean in means]  # from the new means
        covariances = np.array([(r[:, None] * d).T @ d for r, d in zip(shares.T, differences, strict=True)])
        covariances = covariances / counts[:, None, None]  # (9.25)
    return weights, means, covariances, logsumexp(log_joint(), axis=1).sum()  # (9.28), of what is returned


def cases() -> list[Arguments]:
    """Three rounds with three components in two dimensions, four with two in three; the start is not the truth."""
    plane, solid = parameters(2), {name: values[:2] for name, values in parameters(3).items()}
    solid["weights"] = np.array([0.6, 0.4])
    return [
        {"X": samples(d, 40), **start, "means": start["means"] + 0.5, "n_iterations": rounds}
        for d, start, rounds in ((2, plane, 3), (3, solid, 4))
    ]


# --- the mistakes -------------------------------------------------------------------------------------------


def _em(
    *,
    joint: Callable[..., Array] = log_joint,
    shared: Callable[[Array], Array] = lambda joint: np.exp(joint - logsumexp(joint, axis=1, keepdims=True)),
    maximised: Callable[..., tuple[Any, Any, Any]] | None = None,
    total: Callable[[Array], Any] = lambda joint: logsumexp(joint, axis=1).sum(),
    rounds: Callable[[int], int] = lambda n: n,
) -> Callable[..., Any]:
    """EM with another E-step, M-step, log-likelihood or number of rounds."""
    step = maximised or (lambda X, shares, weights, means: _moments(X, shares))

    def made(X: Array, weights: Array, means: Array, covariances: Array, n_iterations: int) -> Any:
        for _ in range(rounds(n_iterations)):
            shares = shared(joint(X, weights, means, covariances))
            weights, means, covariances = step(X, shares, weights, means)
        return weights, means, covariances, total(joint(X, weights, means, covariances))

    return _unbroken(made)


def _unbroken(made: Callable[..., Any]) -> Callable[..., Any]:
    """A matrix that cannot be inverted makes NaN of the rest, and no exception, while mistakes are compared."""

    def safe(X: Array, weights: Array, means: Array, covariances: Array, n_iterations: int) -> Any:
        try:
            return made(X, weights, means, covariances, n_iterations)
        except np.linalg.LinAlgError:
            return (*(np.full_like(values, np.nan) for values in (weights, means, covariances)), np.nan)

    return safe


def _moments(
    X: Array, shares: Array, centres: Array | None = None, by: Callable[[Array, int], Any] = lambda counts, n: counts
) -> tuple[Array, Array, Array]:
    """The M-step; perhaps with squares about other centres, or divided by another count."""
    counts = shares.sum(axis=0)
    means = shares.T @ X / counts[:, None]
    difference = X[:, None] - (means if centres is None else centres)
    scatter = np.einsum("nk,nki,nkj->kij", shares, difference, difference)
    return counts / len(X), means, scatter / np.broadcast_to(by(counts, len(X)), counts.shape)[:, None, None]


def _means_by_n(X: Array, shares: Array, weights: Array, means: Array) -> tuple[Array, Array, Array]:
    counts = shares.sum(axis=0)
    means = shares.T @ X / len(X)
    return counts / len(X), means, _moments(X, shares, means)[2]


def _unweighted(X: Array, shares: Array, weights: Array, means: Array) -> tuple[Array, Array, Array]:
    weights, means, _ = _moments(X, shares)
    difference = X[:, None] - means
    return weights, means, np.einsum("nki,nkj->kij", difference, difference) / len(X)


def _counts_as_weights(X: Array, shares: Array, weights: Array, means: Array) -> tuple[Array, Array, Array]:
    weights, means, covariances = _moments(X, shares)
    return weights * len(X), means, covariances


def _other_joint(term: Callable[[Any, Array, Any, int], Array]) -> Callable[..., Array]:
    """A log joint of other terms: weight, squared distances, log-determinant, n_features -> column."""

    def joint(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
        columns = []
        for weight, mean, covariance in zip(weights, means, covariances, strict=True):
            difference = X - mean
            squared = np.einsum("nd,nd->n", difference @ np.linalg.inv(covariance), difference)
            columns.append(term(weight, squared, np.linalg.slogdet(covariance)[1], X.shape[1]))
        return np.column_stack(columns)

    return joint


LOG_2PI = np.log(2 * np.pi)


def _plain(joint: Array) -> Array:
    return np.exp(joint) / np.exp(joint).sum(axis=1, keepdims=True)


def _before(X: Array, weights: Array, means: Array, covariances: Array, n_iterations: int) -> Result:
    """The log-likelihood comes out of the last E-step, and the parameters have moved on since."""
    earlier = em_from_memory(X, weights, means, covariances, n_iterations - 1)[3]
    return (*em_from_memory(X, weights, means, covariances, n_iterations)[:3], earlier)


def _weights(outputs: Outputs, arguments: Arguments) -> str:
    right = em_from_memory(**arguments)[0]
    return f"After {arguments['n_iterations']} rounds your weights are {row(outputs[0])}; they should be {row(right)}."


def _total(outputs: Outputs, arguments: Arguments) -> str:
    right = em_from_memory(**arguments)[3]
    return (
        f"After {arguments['n_iterations']} rounds your log-likelihood is {number(outputs[3])}; that of the parameters "
        f"you return is {number(right)}."
    )


def _outlier(outputs: Outputs, arguments: Arguments) -> str:
    return f"With a sample at {row(arguments['X'][-1], 0)} in the data your weights become {row(outputs[0])}."


MISTAKES = (
    Mistake(
        "the log-likelihood is that of the parameters before the last M-step",
        _before,
        "It came out of the E-step, and then the parameters moved. Which parameters do you return it with?",
        _total,
    ),
    Mistake(
        "the mean log-likelihood is returned, not the total",
        _em(total=lambda joint: logsumexp(joint, axis=1).mean()),
        "That is scikit-learn's `score`. What is the logarithm of a product over all the samples?",
        _total,
    ),
    Mistake(
        "the sign of the log-likelihood is turned round",
        _em(total=lambda joint: -logsumexp(joint, axis=1).sum()),
        "A loss goes down; what goes up in EM?",
        _total,
    ),
    Mistake(
        "each sample counts with its likeliest component alone in the log-likelihood",
        _em(total=lambda joint: joint.max(axis=1).sum()),
        "The density of a mixture is a sum over components. What has become of the others?",
        _total,
    ),
    Mistake(
        "it is the expected complete-data log-likelihood",
        _em(total=lambda joint: (np.exp(joint - logsumexp(joint, axis=1, keepdims=True)) * joint).sum()),
        "The M-step maximises that, and it is lower than the log-likelihood by the entropy of the responsibilities. "
        "Of what is the logarithm taken, in (9.14)?",
        _total,
    ),
    Mistake(
        "the largest logarithm is taken off, and not put back in the log-likelihood",
        _em(total=lambda joint: logsumexp(joint - joint.max(axis=1, keepdims=True), axis=1).sum()),
        "In the responsibilities it cancels: above and below the line. What is the logarithm of a sum from which a "
        "factor has been taken out?",
        _total,
    ),
    Mistake(
        "the logarithms are summed, and not the logarithm of the sum taken",
        _em(total=lambda joint: joint.sum()),
        "ln(a + b) is not ln a + ln b. What stands inside the logarithm of (9.14)?",
        _total,
    ),
    Mistake(
        "the factor 2π is missing from the density",
        _em(joint=_other_joint(lambda w, s, log_det, d: np.log(w) - (log_det + s) / 2)),
        "It cancels in the responsibilities, so everything else is right. Does it cancel in the log-likelihood?",
        _total,
    ),
    Mistake(
        "very small densities are divided by their sum, and both are 0",
        _em(shared=_plain),
        "One sample is so far away that every density is 0 for a computer. Can you take the ratio before the "
        "exponential?",
        _outlier,
    ),
    Mistake(
        "a small number is added to the denominator, so that the far sample belongs to nobody",
        _em(shared=lambda joint: np.exp(joint) / (np.exp(joint).sum(axis=1, keepdims=True) + 1e-300)),
        "No NaN any more; but what do the weights sum to, and the row of the far sample? Is there a way without losing "
        "it?",
        lambda outputs, arguments: f"Your weights are {row(outputs[0])}, and they sum to {number(outputs[0].sum())}.",
    ),
    Mistake(
        "the weights are never updated",
        _em(maximised=lambda X, shares, weights, means: (weights, *_moments(X, shares)[1:])),
        "The M-step has three results. Which one have you left as it was? (The log-likelihood rises all the same.)",
        _weights,
    ),
    Mistake(
        "the weights are not divided by N",
        _em(maximised=_counts_as_weights),
        "Weights are probabilities. What do yours sum to?",
        _weights,
    ),
    Mistake(
        "the covariances are taken about the old means",
        _em(maximised=lambda X, shares, weights, means: _moments(X, shares, means)),
        "About which means is the average of squares smallest: those before this M-step, or those it has just found? "
        "(The log-likelihood rises all the same.)",
        _weights,
    ),
    Mistake(
        "the means are divided by N instead of N_k",
        _em(maximised=_means_by_n),
        "By which sum of weights does a weighted average divide?",
        _weights,
    ),
    Mistake(
        "the covariances are divided by N instead of N_k",
        _em(maximised=lambda X, shares, weights, means: _moments(X, shares, by=lambda counts, n: n)),
        "By which sum of weights does a weighted average divide?",
        _weights,
    ),
    Mistake(
        "the covariances are divided by N_k − 1",
        _em(maximised=lambda X, shares, weights, means: _moments(X, shares, by=lambda counts, n: counts - 1)),
        "That is the unbiased estimate of one Gaussian. What maximises the likelihood?",
        _weights,
    ),
    Mistake(
        "every sample counts fully in every covariance",
        _em(maximised=_unweighted),
        "Where do the responsibilities enter the third line of the M-step?",
        _weights,
    ),
    Mistake(
        "the weights are forgotten in the E-step",
        _em(joint=_other_joint(lambda w, s, log_det, d: -(d * LOG_2PI + log_det + s) / 2)),
        "Bayes' rule has a prior in it. Which numbers of the mixture are that prior?",
        _weights,
    ),
    Mistake(
        "the determinant is missing",
        _em(joint=_other_joint(lambda w, s, log_det, d: np.log(w) - (d * LOG_2PI + s) / 2)),
        "A wide Gaussian is lower at its top than a narrow one. Which factor of the density sees to that?",
        _weights,
    ),
    Mistake(
        "the square root of the determinant is missing",
        _em(joint=_other_joint(lambda w, s, log_det, d: np.log(w) - (d * LOG_2PI + s) / 2 - log_det)),
        "In one dimension the density is divided by σ, not by σ². What is the power of the determinant?",
        _weights,
    ),
    Mistake(
        "the factor ½ in the exponent is lost",
        _em(joint=_other_joint(lambda w, s, log_det, d: np.log(w) - (d * LOG_2PI + log_det) / 2 - s)),
        "One standard deviation from the mean, the density has dropped to exp(-½) of its height. To what does yours "
        "drop?",
        _weights,
    ),
    Mistake(
        "each sample goes to its likeliest component whole",
        _em(shared=lambda joint: np.eye(joint.shape[1])[joint.argmax(axis=1)]),
        "That is hard EM, a cousin of k-means. What happens to a share of 0.4?",
        _weights,
    ),
    Mistake(
        "the E-step is taken once, before the loop",
        lambda X, weights, means, covariances, n_iterations: em_from_memory(X, weights, means, covariances, 1),
        "With the same responsibilities the second M-step finds what the first one found. What has to be computed "
        "anew?",
        _weights,
    ),
    Mistake(
        "there is one round too few",
        _em(rounds=lambda n: n - 1),
        "For `n_iterations` = 1 there should be one E-step and one M-step. How often does your loop run?",
        _weights,
    ),
    Mistake(
        "there is one round too many",
        _em(rounds=lambda n: n + 1),
        "For `n_iterations` = 1 there should be one E-step and one M-step. How often does your loop run?",
        _weights,
    ),
)


def _paired(outputs: Outputs, arguments: Arguments) -> str:
    try:
        own = logsumexp(log_joint(arguments["X"], *outputs[:3]), axis=1).sum()
    except np.linalg.LinAlgError:
        return "A covariance that you return cannot be inverted."
    if np.isclose(outputs[3], own, rtol=1e-4):
        return ""
    return f"You return a log-likelihood of {number(outputs[3])}; that of the parameters beside it is {number(own)}."


def _fallen(outputs: Outputs, arguments: Arguments) -> str:
    start = logsumexp(log_joint(*list(arguments.values())[:4]), axis=1).sum()
    if outputs[3] >= start:
        return ""
    return f"The log-likelihood has fallen from {number(start)} at the start to {number(outputs[3])}."


PROPERTIES = (
    weights_sum_to_one(
        "The shares of each sample have to sum to 1, and those of all of them to N. Where is something lost?"
    ),
    Property(
        "variances are positive",
        lambda outputs, arguments: (
            ""
            if (np.linalg.eigvalsh(outputs[2]) > 0).all()
            else f"A covariance has the eigenvalue {number(np.linalg.eigvalsh(outputs[2]).min())}."
        ),
        "An average of squares about a mean cannot be negative. About which mean, with which weights?",
    ),
    Property(
        "the log-likelihood does not fall",
        _fallen,
        "Each E-step and each M-step leaves it at least as high. Take one round, and look at the M-step alone: which "
        "line does not maximise?",
    ),
    Property(
        "the log-likelihood belongs to the parameters",
        _paired,
        "Which parameters was it computed from, and when?",
    ),
)

EXERCISE = Exercise(
    name="em_from_memory",
    signature="em_from_memory(X, weights, means, covariances, n_iterations)",
    task="Return `weights, means, covariances, log_likelihood`: the parameters after `n_iterations` rounds of EM with "
    "full covariances from this start, and the total log-likelihood of these. `X` is (N, D), `weights` (K,), `means` "
    "(K, D), `covariances` (K, D, D). Nothing is added to the covariances. One sample is very far away. Set a clock to "
    "fifteen minutes.",
    reference=em_from_memory,
    cases=cases,
    outputs=("weights", "means", "covariances", "log_likelihood"),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Say it before you write it: log joint, responsibilities, counts, weights, means, covariances; and at the end "
        "the "
        "log joint once more, for the log-likelihood.",
        "Write the log joint as a function of its own: log weight plus log density, (N, K). The E-step subtracts its "
        "logsumexp over the components and takes the exponential; the log-likelihood sums the very same logsumexp.",
        "In the loop: `counts = shares.sum(axis=0)`, `weights = counts / N`, `means = shares.T @ X / counts[:, "
        "None]`, and "
        "for each k `(shares[:, k, None] * d).T @ d / counts[k]` with `d = X - means[k]`, the new one. After the loop: "
        "`logsumexp(joint, axis=1).sum()` of a joint that you compute again.",
    ),
    commentary="`log_joint` is used twice, so the log-likelihood cannot be that of other parameters: it is computed "
    "from "
    "the ones that are returned. An E-step inside the loop would have given it one round too early.",
    insight="You have written EM. If it was on a clean page, you know it: an average, an average, an average, and "
    "Bayes' "
    "rule, with a logarithm where the numbers are small.",
    after="Write the minutes down beside today's date: fifteen is the clock of an interview. Take it again in a week, "
    "without looking. Then say aloud what you would add for real data: several starts, a stopping rule, a floor under "
    "the variances.",
    notebook="13",
    timed=True,
)
