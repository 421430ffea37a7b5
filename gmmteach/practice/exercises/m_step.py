"""The M-step for full covariances: averages weighted with responsibilities (Bishop 2006, eqs. 9.24 to 9.27)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import samples, shares
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import symmetric, weights_sum_to_one

Parameters = tuple[Array, Array, Array]


def m_step(X: Array, responsibilities: Array) -> Parameters:
    """Weights (n_components,), means (n_components, n_features) and covariances of all the shares."""
    counts = responsibilities.sum(axis=0)  # N_k (9.27)
    weights = counts / len(X)  # (9.26)
    means = responsibilities.T @ X / counts[:, None]  # (9.24)
    covariances = np.empty((len(counts), X.shape[1], X.shape[1]))
    for k in range(len(counts)):
        difference = X - means[k]  # (N, D), from the new mean
        covariances[k] = (responsibilities[:, k, None] * difference).T @ difference / counts[k]  # (9.25)
    return weights, means, covariances


def cases() -> list[Arguments]:
    """Two and three features."""
    return [{"X": samples(d), "responsibilities": shares(d)} for d in (2, 3)]


# --- the mistakes -------------------------------------------------------------------------------------------


def _covariances(X: Array, shares: Array, means: Array, divisors: Any) -> Array:
    difference = X[:, None] - means  # (N, K, D)
    return np.einsum("nk,nki,nkj->kij", shares, difference, difference) / np.reshape(divisors, (-1, 1, 1))


def _right(X: Array, responsibilities: Array) -> tuple[Array, Array, Array]:
    counts = responsibilities.sum(axis=0)
    return counts, counts / len(X), responsibilities.T @ X / counts[:, None]


def _mean_by_n(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, _ = _right(X, responsibilities)
    means = responsibilities.T @ X / len(X)
    return weights, means, _covariances(X, responsibilities, means, counts)


def _mean_of_everything(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    means = np.broadcast_to(X.mean(axis=0), means.shape)
    return weights, means, _covariances(X, responsibilities, means, counts)


def _about_all(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities, np.broadcast_to(X.mean(axis=0), means.shape), counts)


def _about_origin(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities, np.zeros_like(means), counts)


def _unweighted(X: Array, responsibilities: Array) -> Parameters:
    _, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, np.ones_like(responsibilities), means, len(X))


def _covariance_by_n(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities, means, np.full(len(counts), len(X)))


def _times_weight(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, weights * responsibilities, means, np.ones(len(counts)))


def _weight_twice(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, weights * responsibilities, means, np.full(len(counts), len(X)))


def _squared_shares(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities**2, means, counts)


def _squared_everywhere(X: Array, responsibilities: Array) -> Parameters:
    return m_step(X, responsibilities**2)


def _equal_weights(X: Array, responsibilities: Array) -> Parameters:
    _, means, covariances = m_step(X, responsibilities)
    return np.full(len(means), 1 / len(means)), means, covariances


def _counts_as_weights(X: Array, responsibilities: Array) -> Parameters:
    _, means, covariances = m_step(X, responsibilities)
    return responsibilities.sum(axis=0), means, covariances


def _counts_less_one(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities, means, counts - 1)


def _unbiased(X: Array, responsibilities: Array) -> Parameters:
    """What ``np.cov(X.T, aweights=shares)`` does unless it is told otherwise."""
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities, means, counts - (responsibilities**2).sum(axis=0) / counts)


def _diagonal_only(X: Array, responsibilities: Array) -> Parameters:
    weights, means, covariances = m_step(X, responsibilities)
    return weights, means, covariances * np.eye(X.shape[1])


def _no_division(X: Array, responsibilities: Array) -> Parameters:
    counts, weights, means = _right(X, responsibilities)
    return weights, means, _covariances(X, responsibilities, means, np.ones(len(counts)))


def _hard(X: Array, responsibilities: Array) -> Parameters:
    return m_step(X, np.eye(responsibilities.shape[1])[responsibilities.argmax(axis=1)])


def _means_transposed(X: Array, responsibilities: Array) -> Parameters:
    weights, means, covariances = m_step(X, responsibilities)
    return weights, means.T, covariances


def _weights(outputs: Outputs, arguments: Arguments) -> str:
    total = arguments["responsibilities"].sum(axis=0)
    return f"Your weights are {row(outputs[0])}, and the columns of the responsibilities sum to {row(total, 2)}."


def _means(outputs: Outputs, arguments: Arguments) -> str:
    count, total = arguments["responsibilities"][:, 0].sum(), len(arguments["X"])
    return f"Your mean 0 is {row(outputs[1][0], 2)}. Component 0 owns {number(count, 2)} of the {total} samples."


def _variances(outputs: Outputs, arguments: Arguments) -> str:
    right = m_step(**arguments)[2]
    k = int(np.abs(outputs[2] - right).reshape(len(right), -1).max(axis=1).argmax())
    return (
        f"For component {k} your variances are {row(np.diagonal(outputs[2][k]), 2)}; they should be "
        f"{row(np.diagonal(right[k]), 2)}."
    )


MISTAKES = (
    Mistake(
        "the weights have not been updated: they are all 1/K",
        _equal_weights,
        "A component's weight is its share of all the data. Which sum of responsibilities is that? (The "
        "log-likelihood rises "
        "without it, only to a lower end.)",
        _weights,
    ),
    Mistake(
        "the weights are not divided by N",
        _counts_as_weights,
        "Weights are probabilities. What do yours sum to?",
        _weights,
    ),
    Mistake(
        "the responsibilities are squared",
        _squared_everywhere,
        "Each sample counts with its share, once. Where do the responsibilities enter twice?",
        _weights,
    ),
    Mistake(
        "each sample counts for its likeliest component alone",
        _hard,
        "That is k-means' second half. What happens to a share of 0.4?",
        _weights,
    ),
    Mistake(
        "the means are divided by N instead of N_k",
        _mean_by_n,
        "An average is a sum of weighted values over the sum of those weights. What do the weights of component k sum "
        "to?",
        _means,
    ),
    Mistake(
        "every mean is the mean of all the data",
        _mean_of_everything,
        "All components get the same mean. Where do the responsibilities of *this* component enter?",
        _means,
    ),
    Mistake(
        "the means are transposed",
        _means_transposed,
        "A row for each component, a column for each feature. Which order do you return?",
        lambda outputs, arguments: f"Their shape is {outputs[1].shape}.",
    ),
    Mistake(
        "the covariances are taken about the mean of all the data",
        _about_all,
        "How far are this component's samples from *its* mean? You have just computed it.",
        _variances,
    ),
    Mistake(
        "the mean is not subtracted before squaring",
        _about_origin,
        "E[x xᵀ] is a covariance only for a mean of 0. What has to be taken off?",
        _variances,
    ),
    Mistake(
        "every sample counts fully in every covariance",
        _unweighted,
        "The far sample hardly belongs to component 0. How much should it pull at its covariance?",
        _variances,
    ),
    Mistake(
        "the covariances are divided by N instead of N_k, or multiplied by π_k, which is the same",
        _covariance_by_n,
        "All three are too small, the smallest component's most. By which sum of weights does a weighted average "
        "divide?",
        _variances,
    ),
    Mistake(
        "the covariances are multiplied by π_k where they should be divided by N_k",
        _times_weight,
        "A weighted sum becomes an average by a division. What do the responsibilities of component k sum to?",
        _variances,
    ),
    Mistake(
        "the responsibilities are multiplied by π_k in the covariances, and their sum is divided by N",
        _weight_twice,
        "The share of component k is in its responsibilities already. How often does π_k stand in (9.25)?",
        _variances,
    ),
    Mistake(
        "the responsibilities are squared in the covariances",
        _squared_shares,
        "Have you multiplied both differences with the share, and then them with each other?",
        _variances,
    ),
    Mistake(
        "the covariances carry a correction for bias, as np.cov does unless told otherwise",
        _unbiased,
        "What maximises the likelihood divides by N_k alone. Which argument of np.cov turns its correction off?",
        _variances,
    ),
    Mistake(
        "the covariances are divided by N_k − 1",
        _counts_less_one,
        "That is the unbiased estimate, for one Gaussian and whole samples. What maximises the likelihood? (With N_k "
        "below 1 "
        "it would be negative.)",
        _variances,
    ),
    Mistake(
        "the covariances are not divided by anything",
        _no_division,
        "That is a sum. Which average do you want?",
        _variances,
    ),
    Mistake(
        "only the diagonals of the covariances are kept",
        _diagonal_only,
        "The ellipses cannot turn any more: this is type 'diag'. Which product gives features d *and* e?",
        lambda outputs, arguments: (
            f"Your covariance of features 0 and 1 in component 0 is {number(outputs[2][0, 0, 1])}."
        ),
    ),
)

PROPERTIES = (
    weights_sum_to_one("The shares of all components in all samples sum to N. What has to be divided by what?"),
    symmetric(
        "covariance",
        "The covariance of a with b is that of b with a. Do both factors of your product have the mean subtracted?",
    ),
    Property(
        "variances are positive",
        lambda outputs, arguments: (
            "" if (np.linalg.eigvalsh(outputs[2]) > 0).all() else
            f"A covariance has the eigenvalue {number(np.linalg.eigvalsh(outputs[2]).min())}."
        ),
        "An average of squares cannot be negative. Which sign or which order of subtraction has gone wrong?",
    ),
)  # fmt: skip

EXERCISE = Exercise(
    name="m_step",
    signature="m_step(X, responsibilities)",
    task="Return `weights, means, covariances`, of shapes (K,), (K, D) and (K, D, D), that maximise the likelihood "
    "for these "
    "responsibilities. `X` is (N, D), `responsibilities` (N, K).",
    reference=m_step,
    cases=cases,
    outputs=("weights", "means", "covariances"),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Three averages. First count: what do the shares of each component sum to?",
        "`counts = responsibilities.sum(axis=0)`. Weights are counts over N. A mean is a sum of shares times samples, "
        "over "
        "its count: `responsibilities.T @ X` has all the sums at once.",
        "For component k: `difference = X - means[k]`, each row times its share, transposed, times `difference`, over "
        "`counts[k]`.",
    ),
    commentary="A sum and three averages. The covariances use the means of this same M-step: about the old ones the "
    "log-likelihood would still never fall, but every round would gain less.",
    insight="All of it is averages: of the shares, of the samples, of their squares about the mean. A component that "
    "owns a tenth "
    "of a sample lets it pull with a tenth of its strength.",
    after="Next: put `e_step` and `m_step` into a loop, and you have written EM.",
    notebook="03",
)
