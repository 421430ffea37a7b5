"""The M-step of the other covariance types (Bishop 2006, eq. 9.25, restricted; Celeux & Govaert 1995)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .cases import samples, shares
from .m_step import m_step
from .model import Arguments, Array, Exercise, Mistake, Outputs, number, row

Parameters = tuple[Array, Array, Array]


def m_step_diag(X: Array, responsibilities: Array) -> Parameters:
    """Weights, means and variances, (n_components, n_features), of components whose axes are those of the data."""
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ X / counts[:, None]
    variances = np.empty(means.shape)
    for k in range(len(counts)):
        variances[k] = responsibilities[:, k] @ (X - means[k]) ** 2 / counts[k]  # the diagonal of (9.25)
    return counts / len(X), means, variances


def m_step_tied(X: Array, responsibilities: Array) -> Parameters:
    """Weights, means and the one covariance, (n_features, n_features), that all components share."""
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ X / counts[:, None]
    scatter = np.zeros((X.shape[1], X.shape[1]))
    for k in range(len(counts)):
        difference = X - means[k]  # each from its own mean
        scatter += (responsibilities[:, k, None] * difference).T @ difference
    return counts / len(X), means, scatter / len(X)


def m_step_spherical(X: Array, responsibilities: Array) -> Parameters:
    """Weights, means and one variance a component, (n_components,)."""
    counts = responsibilities.sum(axis=0)
    means = responsibilities.T @ X / counts[:, None]
    variances = np.empty(len(counts))
    for k in range(len(counts)):
        squared = ((X - means[k]) ** 2).sum(axis=1)  # squared distance from the mean
        variances[k] = responsibilities[:, k] @ squared / counts[k] / X.shape[1]  # per direction
    return counts / len(X), means, variances


def cases() -> list[Arguments]:
    """Two and three features."""
    return [{"X": samples(d), "responsibilities": shares(d)} for d in (2, 3)]


def _spreads(change: Callable[[Array, Array, Array, Array], Array]) -> Callable[..., Parameters]:
    """An M-step with other spreads: X, responsibilities, counts, full covariances -> spreads."""

    def made(X: Array, responsibilities: Array) -> Parameters:
        weights, means, covariances = m_step(X, responsibilities)
        return weights, means, change(X, responsibilities, responsibilities.sum(axis=0), covariances)

    return made


def _diagonals(covariances: Array) -> Array:
    return np.diagonal(covariances, axis1=1, axis2=2)


def _shows(reference: Callable[..., Parameters]) -> Callable[[Outputs, Arguments], str]:
    def said(outputs: Outputs, arguments: Arguments) -> str:
        mine, right = np.asarray(outputs[2], dtype=float), reference(**arguments)[2]
        if mine.shape != right.shape:
            return f"Yours have shape {mine.shape}, and {right.shape} is wanted."
        first = (0,) * (right.ndim - 1)
        return f"Your first spreads are {row(mine[first], 2)}; they should be {row(right[first], 2)}."

    return said


def _squared_after(X: Array, responsibilities: Array, counts: Array, covariances: Array) -> Array:
    means = responsibilities.T @ X / counts[:, None]
    return np.stack([(responsibilities[:, k] @ np.abs(X - means[k]) / counts[k]) ** 2 for k in range(len(counts))])


diag_says, tied_says, spherical_says = (_shows(f) for f in (m_step_diag, m_step_tied, m_step_spherical))

DIAG = Exercise(
    name="m_step_diag",
    signature="m_step_diag(X, responsibilities)",
    task="Return `weights, means, variances`, of shapes (K,), (K, D) and (K, D): the M-step for components whose axes "
    "are those of "
    "the data. `X` is (N, D), `responsibilities` (N, K).",
    reference=m_step_diag,
    cases=cases,
    outputs=("weights", "means", "variances"),
    mistakes=(
        Mistake(
            "the differences are averaged first and squared afterwards",
            _spreads(_squared_after),
            "The average of squares is not the square of the average. Which comes first?",
            diag_says,
        ),
        Mistake(
            "standard deviations are returned instead of variances",
            _spreads(lambda X, r, counts, S: np.sqrt(_diagonals(S))),
            "In which units are they: those of the data, or their squares?",
            diag_says,
        ),
        Mistake(
            "the variances are divided by N instead of N_k",
            _spreads(lambda X, r, counts, S: _diagonals(S) * counts[:, None] / len(X)),
            "A weighted average divides by the sum of its weights. What do those of component k sum to?",
            diag_says,
        ),
        Mistake(
            "the variances are those of all the data",
            _spreads(lambda X, r, counts, S: np.broadcast_to(X.var(axis=0), (len(counts), X.shape[1]))),
            "All rows are the same. Where does this component's share of each sample enter?",
            diag_says,
        ),
        Mistake(
            "full covariances are returned",
            _spreads(lambda X, r, counts, S: S),
            "This type keeps only one number for each feature. Which part of a matrix is that?",
            diag_says,
        ),
        Mistake(
            "all features share one variance",
            _spreads(lambda X, r, counts, S: np.repeat(_diagonals(S).mean(axis=1, keepdims=True), X.shape[1], axis=1)),
            "That is type 'spherical'. May a component be wider in one feature than in another?",
            diag_says,
        ),
    ),
    hints=(
        "Weights and means are those of `m_step`. Of each covariance only the diagonal is wanted.",
        "A variance is a weighted average of squared differences, feature by feature.",
        "`responsibilities[:, k] @ (X - means[k]) ** 2 / counts[k]`.",
    ),
    commentary="No off-diagonal product is ever computed: O(NKD) instead of O(NKD²).",
    insight="Maximum likelihood for this type is the diagonal of the full covariance: each feature by itself.",
    after="Next: `m_step_tied`, where all components share one matrix.",
    notebook="07",
)

TIED = Exercise(
    name="m_step_tied",
    signature="m_step_tied(X, responsibilities)",
    task="Return `weights, means, covariance`, of shapes (K,), (K, D) and (D, D): the M-step when all components "
    "share one "
    "covariance.",
    reference=m_step_tied,
    cases=cases,
    outputs=("weights", "means", "covariance"),
    mistakes=(
        Mistake(
            "the K covariances are averaged with equal weights, instead of pooled by N_k",
            _spreads(lambda X, r, counts, S: S.mean(axis=0)),
            "A component that owns few samples knows little about the spread. How much should it count?",
            tied_says,
        ),
        Mistake(
            "the differences are taken from the mean of all the data",
            _spreads(lambda X, r, counts, S: np.cov(X.T, bias=True)),
            "That also holds how far the components are apart. From which mean does a sample's share differ?",
            tied_says,
        ),
        Mistake(
            "the scatters are added, and not divided",
            _spreads(lambda X, r, counts, S: np.tensordot(counts, S, axes=1)),
            "A sum over N samples. Which average do you want?",
            tied_says,
        ),
        Mistake(
            "one covariance for each component is returned",
            _spreads(lambda X, r, counts, S: S),
            "All components share one matrix. What becomes of these K?",
            tied_says,
        ),
        Mistake(
            "the pooled covariance is divided by N − K",
            _spreads(lambda X, r, counts, S: np.tensordot(counts, S, axes=1) / (len(X) - len(counts))),
            "That is the unbiased estimate of discriminant analysis. What maximises the likelihood?",
            tied_says,
        ),
        Mistake(
            "only the diagonal is kept",
            _spreads(lambda X, r, counts, S: np.tensordot(counts, S, axes=1) / len(X) * np.eye(X.shape[1])),
            "Tied components are all alike, and may be slanted. Which products are missing?",
            tied_says,
        ),
    ),
    hints=(
        "Each sample's difference from each component's own mean, weighted with its share; then one matrix for all.",
        "Add up the scatter matrices of all components before you divide.",
        "The shares of all components in all samples sum to N: that is what to divide by.",
    ),
    commentary="The same as the K full covariances, weighted with N_k / N.",
    insight="It is the pooled within-group covariance, and so, with known labels, linear discriminant analysis "
    "(notebook 09).",
    after="Next: `m_step_spherical`.",
    notebook="07",
)

SPHERICAL = Exercise(
    name="m_step_spherical",
    signature="m_step_spherical(X, responsibilities)",
    task="Return `weights, means, variances`, of shapes (K,), (K, D) and (K,): the M-step for round components.",
    reference=m_step_spherical,
    cases=cases,
    outputs=("weights", "means", "variances"),
    mistakes=(
        Mistake(
            "the division by the number of features is forgotten",
            _spreads(lambda X, r, counts, S: _diagonals(S).sum(axis=1)),
            "The squared distance adds up D directions. Of how many is the variance asked for?",
            spherical_says,
        ),
        Mistake(
            "standard deviations are returned instead of variances",
            _spreads(lambda X, r, counts, S: np.sqrt(_diagonals(S).mean(axis=1))),
            "In which units are they: those of the data, or their squares?",
            spherical_says,
        ),
        Mistake(
            "the variances are divided by N instead of N_k",
            _spreads(lambda X, r, counts, S: _diagonals(S).mean(axis=1) * counts / len(X)),
            "A weighted average divides by the sum of its weights. What do those of component k sum to?",
            spherical_says,
        ),
        Mistake(
            "only the first feature is looked at",
            _spreads(lambda X, r, counts, S: S[:, 0, 0]),
            "A round component is equally wide in all directions. Which of them have you averaged over?",
            lambda outputs, arguments: f"Your first variance, {number(outputs[2][0], 2)}, is that of feature 0 alone.",
        ),
        Mistake(
            "the geometric mean of the variances is taken",
            _spreads(lambda X, r, counts, S: np.exp(np.log(_diagonals(S)).mean(axis=1))),
            "Which mean of the D variances maximises the likelihood: set the derivative to zero and see.",
            spherical_says,
        ),
    ),
    hints=(
        "One number for each component: how far its samples are from its mean, in all directions together.",
        "The weighted average of the squared distances is D times the variance.",
        "`responsibilities[:, k] @ squared / counts[k] / X.shape[1]`.",
    ),
    commentary="It is the mean of the diagonal variances: trace(Σ) / D.",
    insight="One variance for all directions means that units matter: stretch a feature, and the groups change.",
    after="Next: count the parameters of all four types.",
    notebook="07",
)
