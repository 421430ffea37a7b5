"""The M-step for diagonal, tied and spherical covariances: one line of it changes (Bishop 2006, eqs. 9.24 to 9.27)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from .m_step import MISTAKES as FULL_MISTAKES
from .m_step import cases, m_step
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import weights_sum_to_one

Parameters = tuple[Array, Array, Array]
Step = Callable[..., Parameters]  # X, responsibilities
Spread = Callable[[Array, Array, Array], Array]  # X, responsibilities, means -> covariances of the type


def m_step_diag(X: Array, responsibilities: Array) -> Parameters:
    """Weights (n_components,), means and variances (n_components, n_features)."""
    counts = responsibilities.sum(axis=0)  # N_k (9.27)
    means = responsibilities.T @ X / counts[:, None]  # (9.24)
    squares = (X[:, None] - means) ** 2  # (N, K, D)
    variances = np.einsum("nk,nkd->kd", responsibilities, squares) / counts[:, None]
    return counts / len(X), means, variances


def m_step_spherical(X: Array, responsibilities: Array) -> Parameters:
    """Weights (n_components,), means (n_components, n_features), and one variance for each component."""
    counts = responsibilities.sum(axis=0)  # N_k (9.27)
    means = responsibilities.T @ X / counts[:, None]  # (9.24)
    squared = ((X[:, None] - means) ** 2).sum(axis=2)  # distances (N, K), squared
    variances = (responsibilities * squared).sum(axis=0) / (counts * X.shape[1])  # of N_k samples in D directions
    return counts / len(X), means, variances


def m_step_tied(X: Array, responsibilities: Array) -> Parameters:
    """Weights (n_components,), means (n_components, n_features), one matrix (n_features, n_features) for all."""
    counts = responsibilities.sum(axis=0)  # N_k (9.27)
    means = responsibilities.T @ X / counts[:, None]  # (9.24)
    pot = np.zeros((X.shape[1], X.shape[1]))
    for k in range(len(counts)):
        difference = X - means[k]
        pot += (responsibilities[:, k, None] * difference).T @ difference
    return counts / len(X), means, pot / len(X)  # one division, by N


# --- the mistakes -------------------------------------------------------------------------------------------


def _squares(X: Array, shares: Array, means: Array) -> Array:
    """Weighted squared differences, summed over the samples: (n_components, n_features)."""
    return np.einsum("nk,nkd->kd", shares, (X[:, None] - means) ** 2)


def _products(X: Array, shares: Array, means: Array) -> Array:
    """The same with all products of two features: (n_components, n_features, n_features)."""
    difference = X[:, None] - means
    return np.einsum("nk,nki,nkj->kij", shares, difference, difference)


def _everywhere(X: Array, means: Array) -> Array:
    return np.broadcast_to(X.mean(axis=0), means.shape)


def _with(spread: Spread) -> Step:
    """An M-step with right weights and means and another line for the covariances."""

    def made(X: Array, responsibilities: Array) -> Parameters:
        weights, means, _ = m_step_diag(X, responsibilities)
        return weights, means, spread(X, responsibilities, means)

    return made


def _counts(shares: Array) -> Array:
    return shares.sum(axis=0)[:, None]


SHARED = (  # in weights and means, where nothing depends on the type
    "the weights have not been updated: they are all 1/K",
    "the weights are not divided by N",
    "the responsibilities are squared",
    "each sample counts for its likeliest component alone",
    "the means are divided by N instead of N_k",
    "every mean is the mean of all the data",
    "the means are transposed",
)


def _shared(right: Step) -> tuple[Mistake, ...]:
    """The mistakes of the full M-step in weights and means, with covariances of this type."""

    def of_this_type(mistake: Mistake) -> Mistake:
        def made(X: Array, responsibilities: Array) -> Parameters:
            weights, means, _ = mistake.function(X, responsibilities)
            return weights, means, right(X, responsibilities)[2]

        return replace(mistake, function=made)

    return tuple(of_this_type(mistake) for mistake in FULL_MISTAKES if mistake.name in SHARED)


def _spread(right: Step) -> Callable[[Outputs, Arguments], str]:
    """Says what the covariances are where they are farthest from right, in proportion."""

    def evidence(outputs: Outputs, arguments: Arguments) -> str:
        wanted = right(**arguments)[2]
        if np.shape(outputs[2]) != wanted.shape:
            return f"The shape of your covariances is {np.shape(outputs[2])}; {wanted.shape} is wanted."
        place = np.unravel_index(int(np.abs(outputs[2] / wanted - 1).argmax()), wanted.shape)
        where = ", ".join(str(int(index)) for index in place)
        return f"Your `covariances[{where}]` is {number(outputs[2][place])}; it should be {number(wanted[place])}."

    return evidence


_diag, _spherical, _tied = _spread(m_step_diag), _spread(m_step_spherical), _spread(m_step_tied)

DIAG_MISTAKES = (
    *_shared(m_step_diag),
    Mistake(
        "the square is taken after averaging",
        _with(lambda X, r, m: (np.einsum("nk,nkd->kd", r, X[:, None] - m) / _counts(r)) ** 2),
        "Deviations from a mean average to zero. What has to happen to each before they are averaged?",
        _diag,
    ),
    Mistake(
        "absolute differences are averaged, and the average squared",
        _with(lambda X, r, m: (np.einsum("nk,nkd->kd", r, np.abs(X[:, None] - m)) / _counts(r)) ** 2),
        "The average of squares is not the square of the average. Which of the two is a variance?",
        _diag,
    ),
    Mistake(
        "the variances are those of all the data",
        _with(lambda X, r, m: np.broadcast_to(X.var(axis=0), m.shape)),
        "All your rows are the same. Where does this component's share of each sample enter?",
        _diag,
    ),
    Mistake(
        "the features share one variance",
        _with(lambda X, r, m: np.broadcast_to((_squares(X, r, m) / _counts(r)).mean(axis=1, keepdims=True), m.shape)),
        "That is type 'spherical', written out. May a component be wider in one feature than in another?",
        _diag,
    ),
    Mistake(
        "whole covariance matrices are kept",
        lambda X, r: m_step(X, r),
        "Of each matrix this type keeps the diagonal alone. Do you need the rest to compute it?",
        _diag,
    ),
    Mistake(
        "there is one variance for each component, and not for each feature",
        lambda X, r: m_step_spherical(X, r),
        "That is type 'spherical'. Which average is one too many?",
        _diag,
    ),
    Mistake(
        "the components share one variance for each feature",
        _with(lambda X, r, m: _squares(X, r, m).sum(axis=0) / len(X)),
        "That is a tied diagonal. Which component should hear of which samples?",
        _diag,
    ),
    Mistake(
        "the standard deviations are returned",
        _with(lambda X, r, m: np.sqrt(_squares(X, r, m) / _counts(r))),
        "scikit-learn's `covariances_` hold squared units of the data. Which last step is one too many?",
        _diag,
    ),
    Mistake(
        "the variances are divided by N instead of N_k",
        _with(lambda X, r, m: _squares(X, r, m) / len(X)),
        "By which sum of weights does a weighted average divide?",
        _diag,
    ),
    Mistake(
        "the variances are divided by N_k − 1",
        _with(lambda X, r, m: _squares(X, r, m) / (_counts(r) - 1)),
        "That is the unbiased estimate, for whole samples. What maximises the likelihood?",
        _diag,
    ),
    Mistake(
        "the variances are not divided by anything",
        _with(lambda X, r, m: _squares(X, r, m)),
        "That is a sum. Which average do you want?",
        _diag,
    ),
    Mistake(
        "every sample counts fully in every variance",
        _with(lambda X, r, m: _squares(X, np.ones_like(r), m) / len(X)),
        "The far sample hardly belongs to component 0. How much should it pull at its variances?",
        _diag,
    ),
    Mistake(
        "the variances are taken about the mean of all the data",
        _with(lambda X, r, m: _squares(X, r, _everywhere(X, m)) / _counts(r)),
        "How far are this component's samples from *its* mean? You have just computed it.",
        _diag,
    ),
    Mistake(
        "the mean is not subtracted before squaring",
        _with(lambda X, r, m: _squares(X, r, np.zeros_like(m)) / _counts(r)),
        "E[x²] is a variance only for a mean of 0. What has to be taken off?",
        _diag,
    ),
    Mistake(
        "the mean is taken off the average square, and not its square",
        _with(lambda X, r, m: _squares(X, r, np.zeros_like(m)) / _counts(r) - m),
        "Look at the units: squares of the data, less what?",
        _diag,
    ),
    Mistake(
        "the responsibilities are squared in the variances",
        _with(lambda X, r, m: _squares(X, r**2, m) / _counts(r)),
        "Have you multiplied the difference with the share before squaring it?",
        _diag,
    ),
)

SPHERICAL_MISTAKES = (
    *_shared(m_step_spherical),
    Mistake(
        "the squares are not divided by the number of features",
        _with(lambda X, r, m: (_squares(X, r, m) / _counts(r)).sum(axis=1)),
        "A squared distance adds up D squared differences, and σ² is the variance of *one* direction. What is missing?",
        _spherical,
    ),
    Mistake(
        "there is a variance for each feature",
        lambda X, r: m_step_diag(X, r),
        "That is type 'diag'. A circle has one radius: what becomes of the D variances?",
        _spherical,
    ),
    Mistake(
        "only the first feature is looked at",
        _with(lambda X, r, m: (_squares(X, r, m) / _counts(r))[:, 0]),
        "A circle is equally wide in all directions. Over which of them have you averaged?",
        _spherical,
    ),
    Mistake(
        "there is one variance for all components",
        _with(lambda X, r, m: _squares(X, r, m).sum() / X.size),
        "That is a tied sphere. Which circle do the samples of component 0 draw?",
        _spherical,
    ),
    Mistake(
        "the standard deviations are returned",
        _with(lambda X, r, m: np.sqrt((_squares(X, r, m) / _counts(r)).mean(axis=1))),
        "scikit-learn's `covariances_` hold squared units of the data. Which last step is one too many?",
        _spherical,
    ),
    Mistake(
        "distances are averaged, and not their squares",
        _with(lambda X, r, m: (r * np.linalg.norm(X[:, None] - m, axis=2)).sum(axis=0) / (r.sum(axis=0) * X.shape[1])),
        "`np.linalg.norm` has taken a square root. Is a variance the average of distances?",
        _spherical,
    ),
    Mistake(
        "the average runs over all entries of the covariance matrix",
        lambda X, r: (*m_step(X, r)[:2], m_step(X, r)[2].mean(axis=(1, 2))),
        "How features vary *together* says nothing about the radius. Which entries are variances?",
        _spherical,
    ),
    Mistake(
        "the variances of the features are multiplied, and a root taken",
        _with(lambda X, r, m: np.prod(_squares(X, r, m) / _counts(r), axis=1) ** (1 / X.shape[1])),
        "That circle has the area of the ellipse. Which average makes the samples likeliest, the geometric or the "
        "arithmetic?",
        _spherical,
    ),
    Mistake(
        "the variances are divided by N instead of N_k",
        _with(lambda X, r, m: _squares(X, r, m).mean(axis=1) / len(X)),
        "By which sum of weights does a weighted average divide?",
        _spherical,
    ),
    Mistake(
        "every sample counts fully in every variance",
        _with(lambda X, r, m: _squares(X, np.ones_like(r), m).mean(axis=1) / len(X)),
        "The far sample hardly belongs to component 0. How much should it pull at its variance?",
        _spherical,
    ),
    Mistake(
        "the variances are taken about the mean of all the data",
        _with(lambda X, r, m: (_squares(X, r, _everywhere(X, m)) / _counts(r)).mean(axis=1)),
        "How far are this component's samples from *its* mean? You have just computed it.",
        _spherical,
    ),
    Mistake(
        "the mean is not subtracted before squaring",
        _with(lambda X, r, m: (_squares(X, r, np.zeros_like(m)) / _counts(r)).mean(axis=1)),
        "E[x²] is a variance only for a mean of 0. What has to be taken off?",
        _spherical,
    ),
)


TIED_MISTAKES = (
    *_shared(m_step_tied),
    Mistake(
        "the covariances of the components are averaged, and not pooled",
        lambda X, r: (*m_step(X, r)[:2], m_step(X, r)[2].mean(axis=0)),
        "A component that owns two samples says as much in yours as one that owns seven. How much should each say?",
        _tied,
    ),
    Mistake(
        "the covariances of the components are added up",
        lambda X, r: (*m_step(X, r)[:2], m_step(X, r)[2].sum(axis=0)),
        "Three clouds of the same shape should come out with that shape. With how much of it do yours?",
        _tied,
    ),
    Mistake(
        "every component keeps a covariance of its own",
        lambda X, r: m_step(X, r),
        "That is type 'full'. Here all share one matrix. How do K become one?",
        _tied,
    ),
    Mistake(
        "it is the covariance of all the data",
        _with(lambda X, r, m: np.cov(X.T, bias=True)),
        "That is the spread within the groups *and* between them. About which mean is each share of a sample's "
        "square to be taken?",
        _tied,
    ),
    Mistake(
        "the mean is not subtracted before multiplying",
        _with(lambda X, r, m: X.T @ X / len(X)),
        "E[x xᵀ] is a covariance only for a mean of 0. What has to be taken off?",
        _tied,
    ),
    Mistake(
        "the sum is not divided by anything",
        _with(lambda X, r, m: _products(X, r, m).sum(axis=0)),
        "That is the pot itself. How many samples are in it?",
        _tied,
    ),
    Mistake(
        "the sum is divided by N − K",
        _with(lambda X, r, m: _products(X, r, m).sum(axis=0) / (len(X) - len(m))),
        "That is the unbiased estimate of discriminant analysis. What maximises the likelihood?",
        _tied,
    ),
    Mistake(
        "the pot is divided by N and by K",
        _with(lambda X, r, m: _products(X, r, m).sum(axis=0) / X.shape[0] / len(m)),
        "All shares of all components together are N samples. Have you divided by something twice?",
        _tied,
    ),
    Mistake(
        "every sample counts fully for every component",
        _with(lambda X, r, m: _products(X, np.ones_like(r), m).sum(axis=0) / (len(X) * len(m))),
        "A sample's square about a mean to which it hardly belongs is huge. How much of it goes into the pot?",
        _tied,
    ),
    Mistake(
        "the responsibilities are squared in the covariance",
        _with(lambda X, r, m: _products(X, r**2, m).sum(axis=0) / len(X)),
        "Have you multiplied both differences with the share, and then them with each other?",
        _tied,
    ),
    Mistake(
        "only the diagonal is kept",
        _with(lambda X, r, m: np.diag(_squares(X, r, m).sum(axis=0) / len(X))),
        "The shared ellipse cannot lean any more. Which product gives features d *and* e?",
        _tied,
    ),
    Mistake(
        "there is one variance for each feature, and no covariances",
        _with(lambda X, r, m: _squares(X, r, m).sum(axis=0) / len(X)),
        "One shared matrix has D rows and D columns. Which product gives features d *and* e?",
        _tied,
    ),
)


# --- the exercises ------------------------------------------------------------------------------------------

WEIGHTS = weights_sum_to_one("The shares of all components in all samples sum to N. What has to be divided by what?")
VARIANCES = Property(
    "variances are positive",
    lambda outputs, arguments: (
        "" if (outputs[2] > 0).all() else f"The smallest variance is {number(outputs[2].min())}."
    ),
    "An average of squares cannot be negative. Which sign or which order of subtraction has gone wrong?",
)
SYMMETRY = Property(
    "the covariance is symmetric",
    lambda outputs, arguments: (
        "" if np.allclose(outputs[2], outputs[2].T, atol=1e-4 * np.abs(outputs[2]).max())
        else f"Row 0 is {row(outputs[2][0])}, and column 0 {row(outputs[2][:, 0])}."
    ),
    "The covariance of a with b is that of b with a. Do both factors of your product have the mean subtracted?",
)  # fmt: skip
POSITIVE = Property(
    "the covariance is positive definite",
    lambda outputs, arguments: (
        "" if (smallest := np.linalg.eigvalsh(outputs[2]).min()) > 0 else
        f"The covariance has the eigenvalue {number(smallest)}."
    ),
    "An average of squares cannot be negative in any direction. Which sign or which order of subtraction is wrong?",
)  # fmt: skip

OUTPUTS = ("weights", "means", "covariances")

DIAG = Exercise(
    name="m_step_diag",
    signature="m_step_diag(X, responsibilities)",
    task="Return `weights, means, covariances`, of shapes (K,), (K, D) and (K, D): of each component only the variance "
    "of each feature. `X` is (N, D), `responsibilities` (N, K).",
    reference=m_step_diag,
    cases=cases,
    outputs=OUTPUTS,
    mistakes=DIAG_MISTAKES,
    properties=(WEIGHTS, VARIANCES),
    hints=(
        "Weights and means are those of every type. What does a diagonal need to know of a sample: products of "
        "features, or squares of single ones?",
        "For component k: the squared differences from its mean, (N, D), averaged over the samples with its shares.",
        "`responsibilities[:, k] @ (X - means[k]) ** 2 / counts[k]` is row k of the covariances.",
    ),
    commentary="No matrix is made anywhere: D numbers for each component instead of D².",
    insight="This is the diagonal of the full answer, entry by entry: the variances do not change when the "
    "covariances beside them are given up.",
    after="Next: `m_step_spherical` averages these D numbers once more.",
    notebook="07",
)

SPHERICAL = Exercise(
    name="m_step_spherical",
    signature="m_step_spherical(X, responsibilities)",
    task="Return `weights, means, covariances`, of shapes (K,), (K, D) and (K,): one variance for each component, the "
    "same in every direction. `X` is (N, D), `responsibilities` (N, K).",
    reference=m_step_spherical,
    cases=cases,
    outputs=OUTPUTS,
    mistakes=SPHERICAL_MISTAKES,
    properties=(WEIGHTS, VARIANCES),
    hints=(
        "Weights and means are those of every type. A circle has one radius: what do all directions together say "
        "about it?",
        "For component k: squared distances from its mean, one for each sample, averaged with its shares. How many "
        "squared differences are in one distance?",
        "`responsibilities[:, k] @ ((X - means[k]) ** 2).sum(axis=1) / (counts[k] * D)`. Or: the mean over the "
        "features of what `m_step_diag` returns.",
    ),
    commentary="N_k samples in D directions are N_k D squared differences: hence the divisor. Without the D the "
    "circles are too wide by a factor √D, and the log-likelihood can fall.",
    insight="The radius is an average over directions: a long thin group gets a circle that is too wide across it and "
    "too short along it.",
    after="Next: `m_step_tied`, where the components share instead.",
    notebook="07",
)

TIED = Exercise(
    name="m_step_tied",
    signature="m_step_tied(X, responsibilities)",
    task="Return `weights, means, covariances`, of shapes (K,), (K, D) and (D, D): one covariance matrix that all "
    "components share. `X` is (N, D), `responsibilities` (N, K).",
    reference=m_step_tied,
    cases=cases,
    outputs=OUTPUTS,
    mistakes=TIED_MISTAKES,
    properties=(WEIGHTS, SYMMETRY, POSITIVE),
    hints=(
        "Every share of every sample goes into one pot: its product with itself, about the mean of the component "
        "that the share belongs to.",
        "For component k the sum is that of `m_step`, before its division by N_k. Add the K sums. How many samples "
        "have gone into the pot by then?",
        "`pot += (responsibilities[:, k, None] * difference).T @ difference` for each k, with `difference = X - "
        "means[k]`. At the end, one division by N.",
    ),
    commentary="Pooling is averaging with the weights N_k/N. A plain average of the K matrices gives a small "
    "component as much to say as a large one, and EM can fall.",
    insight="Within-group spread: the covariance of all the data, less that of the means. Fisher's discriminant "
    "analysis uses the same matrix, with labels in place of shares.",
    after="Next: count what each type costs. A tied matrix has D(D + 1)/2 numbers, however many components share it.",
    notebook="07",
)
