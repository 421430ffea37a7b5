"""The M-step with a prior on the covariances: points that nobody has seen count, too (Bishop 2006, section 9.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import samples, shares
from .m_step import m_step
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import symmetric, weights_sum_to_one

Parameters = tuple[Array, Array, Array]

SCALE = np.array([[40.0, 12.0, -6.0], [12.0, 25.0, 4.0], [-6.0, 4.0, 60.0]])  # about as large as the data's scatter


def m_step_map(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
    """Weights, means, and covariances with an inverse-Wishart prior: scale (n_features, n_features), dof > D - 1."""
    n_features = X.shape[1]
    counts = responsibilities.sum(axis=0)  # N_k (9.27)
    weights = counts / len(X)  # (9.26)
    means = responsibilities.T @ X / counts[:, None]  # (9.24)
    covariances = np.empty((len(counts), n_features, n_features))
    for k in range(len(counts)):
        difference = X - means[k]  # (N, D)
        scatter = (responsibilities[:, k, None] * difference).T @ difference
        covariances[k] = (scale + scatter) / (dof + n_features + 1 + counts[k])  # (9.25), with Ψ and ν
    return weights, means, covariances


def cases() -> list[Arguments]:
    """Two features and a strong prior, three features and a weak one."""
    return [
        {"X": samples(d), "responsibilities": shares(d), "scale": SCALE[:d, :d], "dof": dof}
        for d, dof in ((2, 6.5), (3, 4.0))
    ]


# --- the mistakes -------------------------------------------------------------------------------------------


def _with(covariances: Callable[..., Any]) -> Callable[..., Parameters]:
    """An M-step with other covariances: scatter (K, D, D), scale, dof, counts (K, 1, 1), D, N -> (K, D, D)."""

    def made(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
        weights, means, narrow = m_step(X, responsibilities)
        counts = responsibilities.sum(axis=0)[:, None, None]
        return weights, means, covariances(narrow * counts, scale, dof, counts, X.shape[1], len(X))

    return made


def _in_the_weights(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
    _, means, covariances = m_step_map(X, responsibilities, scale, dof)
    counts = responsibilities.sum(axis=0) + dof + X.shape[1] + 1
    return counts / counts.sum(), means, covariances


def _counts_as_weights(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
    _, means, covariances = m_step_map(X, responsibilities, scale, dof)
    return responsibilities.sum(axis=0), means, covariances


def _about(means: Array, X: Array, responsibilities: Array, scale: Array, dof: float) -> Array:
    difference = X[:, None] - means
    scatter = np.einsum("nk,nki,nkj->kij", responsibilities, difference, difference)
    counts = responsibilities.sum(axis=0)[:, None, None]
    return np.asarray((scale + scatter) / (dof + X.shape[1] + 1 + counts))


def _in_the_means(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ X / (counts + dof + X.shape[1] + 1)[:, None]
    return counts / len(X), means, _about(means, X, responsibilities, scale, dof)


def _about_all(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
    weights, means, _ = m_step(X, responsibilities)
    return weights, means, _about(np.broadcast_to(X.mean(axis=0), means.shape), X, responsibilities, scale, dof)


def _unweighted(X: Array, responsibilities: Array, scale: Array, dof: float) -> Parameters:
    weights, means, _ = m_step(X, responsibilities)
    difference = X[:, None] - means
    scatter = np.einsum("nki,nkj->kij", difference, difference)
    counts = responsibilities.sum(axis=0)[:, None, None]
    return weights, means, (scale + scatter) / (dof + X.shape[1] + 1 + counts)


def _weights(outputs: Outputs, arguments: Arguments) -> str:
    return f"Your weights are {row(outputs[0])}; they should be {row(m_step_map(**arguments)[0])}."


def _means(outputs: Outputs, arguments: Arguments) -> str:
    return f"Your mean 0 is {row(outputs[1][0], 2)}; it should be {row(m_step_map(**arguments)[1][0], 2)}."


def _covariances(outputs: Outputs, arguments: Arguments) -> str:
    """The component for which it matters most, with what its shares sum to."""
    right = m_step_map(**arguments)[2]
    k = int(np.abs(outputs[2] - right).reshape(len(right), -1).max(axis=1).argmax())
    count = arguments["responsibilities"][:, k].sum()
    return (
        f"For component {k}, which owns {number(count, 2)} samples, your variances are "
        f"{row(np.diagonal(outputs[2][k]), 2)}; they should be {row(np.diagonal(right[k]), 2)}."
    )


def _off_diagonal(outputs: Outputs, arguments: Arguments) -> str:
    right = m_step_map(**arguments)[2]
    return f"Entry (0, 1) of covariance 0 is {number(outputs[2][0, 0, 1])}; it should be {number(right[0, 0, 1])}."


MISTAKES = (
    Mistake(
        "the weights are not divided by N",
        _counts_as_weights,
        "Weights are probabilities. What do yours sum to?",
        _weights,
    ),
    Mistake(
        "the imagined points are counted in the weights, too",
        _in_the_weights,
        "This prior speaks about covariances alone. Which of the three results may it change?",
        _weights,
    ),
    Mistake(
        "the imagined points are counted in the means, too",
        _in_the_means,
        "Your means are drawn towards 0. Does this prior know where a component is, or only how wide?",
        _means,
    ),
    Mistake(
        "there is no prior in it",
        _with(lambda S, scale, dof, counts, d, n: S / counts),
        "That is the M-step of notebook 03. What does it give a component that owns a single sample?",
        _covariances,
    ),
    Mistake(
        "the scale is added, and the points it stands for are not counted",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / counts),
        "A component that owns almost nothing gets an enormous covariance from you. How many points, imagined and "
        "real, share the numerator?",
        _covariances,
    ),
    Mistake(
        "the imagined points are counted, and their scatter is not added",
        _with(lambda S, scale, dof, counts, d, n: S / (dof + d + 1 + counts)),
        "With a larger denominator alone the covariance becomes *narrower*. What do the imagined points add on top of "
        "the fraction?",
        _covariances,
    ),
    Mistake(
        "the scale is added after the division",
        _with(lambda S, scale, dof, counts, d, n: scale + S / counts),
        "That is what `reg_covar` does: it stays, however many samples there are. Should a prior still weigh as much "
        "against a million of them?",
        _covariances,
    ),
    Mistake(
        "the scatter is divided by N_k before the scale is added",
        _with(lambda S, scale, dof, counts, d, n: (scale + S / counts) / (dof + d + 1 + counts)),
        "Ψ is a sum of squares, like the scatter. Is the thing that you add it to a sum, or already an average?",
        _covariances,
    ),
    Mistake(
        "the real points are not counted in the denominator",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (dof + d + 1)),
        "The scatter grows with every sample that a component owns. What has to grow with it?",
        _covariances,
    ),
    Mistake(
        "N stands where N_k belongs",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (dof + d + 1 + n)),
        "The scatter is that of one component's share. How many samples is its share?",
        _covariances,
    ),
    Mistake(
        "D + 1 is missing from the denominator",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (dof + counts)),
        "In the logarithm of the inverse-Wishart density, what stands in front of ln|Σ|, besides ν?",
        _covariances,
    ),
    Mistake(
        "the 1 of D + 1 is missing from the denominator",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (dof + d + counts)),
        "Look at the power of |Σ| in the inverse-Wishart density once more. Is it ν + D?",
        _covariances,
    ),
    Mistake(
        "there is one point too many in the denominator",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (dof + d + 2 + counts)),
        "Fraley and Raftery have ν + D + 2, because their prior speaks about the means, too. Does this one?",
        _covariances,
    ),
    Mistake(
        "the degrees of freedom are missing from the denominator",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (d + 1 + counts)),
        "A larger ν is a surer prior. Where in your line could ν make a difference?",
        _covariances,
    ),
    Mistake(
        "it is the posterior's mean and not its top",
        _with(lambda S, scale, dof, counts, d, n: (scale + S) / (dof + counts - d - 1)),
        "The mean of an inverse-Wishart density has − D − 1 in the denominator, and MAP asks for its highest point. "
        "What does the derivative say?",
        _covariances,
    ),
    Mistake(
        "the scale is multiplied by ν",
        _with(lambda S, scale, dof, counts, d, n: (dof * scale + S) / (dof + d + 1 + counts)),
        "Is Ψ the scatter of one imagined point, or of all of them?",
        _covariances,
    ),
    Mistake(
        "the scale is added once for each real point",
        _with(lambda S, scale, dof, counts, d, n: (counts * scale + S) / (dof + d + 1 + counts)),
        "Inside the sum over the samples, Ψ comes as often as there are samples. How often is a prior said?",
        _covariances,
    ),
    Mistake(
        "the inverse of the scale is added",
        _with(lambda S, scale, dof, counts, d, n: (np.linalg.inv(scale) + S) / (dof + d + 1 + counts)),
        "Ψ has the squared units of the data, as the scatter has. Which units has its inverse?",
        _covariances,
    ),
    Mistake(
        "only the diagonal of the scale is added",
        _with(lambda S, scale, dof, counts, d, n: (scale * np.eye(d) + S) / (dof + d + 1 + counts)),
        "The prior may say that features go together. Where does it say so, in a matrix?",
        _off_diagonal,
    ),
    Mistake(
        "the scatter is taken about the mean of all the data",
        _about_all,
        "How far are this component's samples from *its* mean?",
        _covariances,
    ),
    Mistake(
        "every sample counts fully in every scatter",
        _unweighted,
        "The far sample is only partly a component's own. How much should it pull at its covariance?",
        _covariances,
    ),
)


def _narrow(outputs: Outputs, arguments: Arguments) -> str:
    """Ψ alone, spread over all the points there are, is the least that a component can have."""
    X, scale = arguments["X"], arguments["scale"]
    least = np.linalg.eigvalsh(scale).min() / (arguments["dof"] + X.shape[1] + 1 + len(X))
    found = np.linalg.eigvalsh(outputs[2]).min()
    if found >= least * (1 - 1e-4):
        return ""
    return (
        f"The smallest variance in any direction is {number(found)}, and with this prior it is {number(least)} or more."
    )


PROPERTIES = (
    weights_sum_to_one("The shares of all components in all samples sum to N. What has to be divided by what?"),
    symmetric(
        "covariance", "Ψ is symmetric, and so is a scatter. Do both factors of your product have the mean subtracted?"
    ),
    Property(
        "no component is narrower than the prior lets it be",
        _narrow,
        "The numerator is at least Ψ. By how many points, at most, is it divided?",
    ),
)

EXERCISE = Exercise(
    name="m_step_map",
    signature="m_step_map(X, responsibilities, scale, dof)",
    task="Return `weights, means, covariances`, of shapes (K,), (K, D) and (K, D, D), that maximise log-likelihood "
    "plus "
    "log prior for these responsibilities. The prior on each covariance is inverse-Wishart, with `scale` Ψ, (D, D), "
    "and "
    "`dof` ν degrees of freedom. `X` is (N, D), `responsibilities` (N, K).",
    reference=m_step_map,
    cases=cases,
    outputs=("weights", "means", "covariances"),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Begin with your `m_step`. The prior says nothing about weights and means: one line changes.",
        "Keep the scatter of component k, the sum before it is divided by N_k. The prior adds Ψ to it, and ν + D + 1 "
        "imagined points to N_k.",
        "For component k: `scatter = (responsibilities[:, k, None] * difference).T @ difference`, then `scale + "
        "scatter` "
        "over `dof + D + 1 + counts[k]`, with `D = X.shape[1]`.",
    ),
    commentary="The sum and the count each get something added before the division. That is why the prior fades: "
    "N_k grows with the data, ν + D + 1 does not. With Ψ = 0 and ν = −D − 1 the line is that of `m_step`.",
    insight="The prior is ν + D + 1 points that nobody has seen, with a scatter of Ψ. A component that owns nothing "
    "gets Ψ/(ν + D + 1), never 0: the likelihood still has its spikes, but the posterior, which is what you climb, has "
    "none.",
    after="Next: notebook 09 lets all variances go to 0 together, and finds k-means.",
    notebook="08",
)
