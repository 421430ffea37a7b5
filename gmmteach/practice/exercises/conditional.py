"""A mixture in which some features have been measured (Bishop 2006, eqs. 2.81, 2.82 and 2.98)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from .cases import OUTLIER, parameters
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number, row
from .rules import symmetric, weights_sum_to_one

Parameters = tuple[Array, Array, Array]


def condition(weights: Array, means: Array, covariances: Array, known: dict[int, float]) -> Parameters:
    """Weights, means and covariances of the other features, given the known ones."""
    b = list(known)
    a = [d for d in range(means.shape[1]) if d not in b]
    x_b = np.array([known[d] for d in b])
    log_weights, new_means, new_covariances = [], [], []
    for k in range(len(weights)):
        difference = x_b - means[k][b]
        inverse = np.linalg.inv(covariances[k][np.ix_(b, b)])
        slope = covariances[k][np.ix_(a, b)] @ inverse  # Σ_ab Σ_bb⁻¹
        new_means.append(means[k][a] + slope @ difference)  # (2.81)
        new_covariances.append(covariances[k][np.ix_(a, a)] - slope @ covariances[k][np.ix_(b, a)])  # (2.82)
        _, log_determinant = np.linalg.slogdet(2 * np.pi * covariances[k][np.ix_(b, b)])
        log_density = -(log_determinant + difference @ inverse @ difference) / 2  # of x_b (2.98)
        log_weights.append(np.log(weights[k]) + log_density)
    shares = np.exp(log_weights - logsumexp(log_weights))
    return shares, np.array(new_means), np.array(new_covariances)


def cases() -> list[Arguments]:
    """One feature known of two and of three, two known in the wrong order, and one far from everything."""
    plane = parameters(2)
    solid = {name: values[:2] for name, values in parameters(3).items()}  # two components: K, D all different
    solid["weights"] = np.array([0.7, 0.3])
    return [
        {**plane, "known": {0: 1.75}},
        {**solid, "known": {1: 1.25}},
        {**solid, "known": {2: -0.5, 0: 2.0}},
        {**plane, "known": {1: OUTLIER}},
    ]


# --- the mistakes -------------------------------------------------------------------------------------------


@dataclass
class _Parts:
    """One component, cut into what is known (b) and what is asked for (a)."""

    weight: float
    x: Array
    mean_a: Array
    mean_b: Array
    aa: Array
    ab: Array
    bb: Array

    @property
    def difference(self) -> Array:
        return self.x - self.mean_b

    @property
    def inverse(self) -> Array:
        return np.asarray(np.linalg.inv(self.bb))

    @property
    def slope(self) -> Array:
        return self.ab @ self.inverse

    @property
    def distance(self) -> Any:
        return self.difference @ self.inverse @ self.difference

    @property
    def log_determinant(self) -> Any:
        return np.linalg.slogdet(2 * np.pi * self.bb)[1]


def _split(weights: Array, means: Array, covariances: Array, known: dict[int, float]) -> list[_Parts]:
    b = list(known)
    a = [d for d in range(means.shape[1]) if d not in b]
    x = np.array(list(known.values()))
    return [
        _Parts(weight, x, mean[a], mean[b], each[np.ix_(a, a)], each[np.ix_(a, b)], each[np.ix_(b, b)])
        for weight, mean, each in zip(weights, means, covariances, strict=True)
    ]


def _with(
    log_weight: Callable[[_Parts], Any] | None = None,
    mean: Callable[[_Parts], Any] | None = None,
    covariance: Callable[[_Parts], Any] | None = None,
    normalise: Callable[[Array], Any] | None = None,
) -> Callable[..., Parameters]:
    """The conditional mixture with another rule for a part of it."""
    weigh = log_weight or (lambda p: np.log(p.weight) - (p.log_determinant + p.distance) / 2)
    divide = normalise or (lambda logs: np.exp(logs - logsumexp(logs)))
    centre = mean or (lambda p: p.mean_a + p.slope @ p.difference)
    spread = covariance or (lambda p: p.aa - p.slope @ p.ab.T)

    def made(*arguments: Any) -> Parameters:
        parts = _split(*arguments)
        weights = divide(np.array([weigh(part) for part in parts]))
        return weights, np.array([centre(part) for part in parts]), np.array([spread(part) for part in parts])

    return made


def _disordered(weights: Array, means: Array, covariances: Array, known: dict[int, float]) -> Parameters:
    return condition(weights, means, covariances, dict(zip(sorted(known), known.values(), strict=True)))


def _given(arguments: Arguments) -> str:
    known = [f"feature {d} = {value:g}" for d, value in arguments["known"].items()]
    return f"Given {' and '.join(known)}".replace("-", "−")


def _weights(outputs: Outputs, arguments: Arguments) -> str:
    right = condition(**arguments)[0]
    return f"{_given(arguments)} your weights are {row(outputs[0])}; they should be {row(right)}."


def _means(outputs: Outputs, arguments: Arguments) -> str:
    right = condition(**arguments)[1]
    k = int(np.abs(outputs[1] - right).max(axis=1).argmax())
    return f"{_given(arguments)} your mean {k} is {row(outputs[1][k])}; it should be {row(right[k])}."


def _covariances(outputs: Outputs, arguments: Arguments) -> str:
    right = condition(**arguments)[2]
    k = int(np.abs(outputs[2] - right).reshape(len(right), -1).max(axis=1).argmax())
    return (
        f"{_given(arguments)} your variances of component {k} are {row(np.diagonal(outputs[2][k]))}; they should be "
        f"{row(np.diagonal(right[k]))}."
    )


MISTAKES = (
    Mistake(
        "the weights are left as they were",
        _with(log_weight=lambda p: np.log(p.weight)),
        "A measurement says something about where the sample comes from. Under which component is it likely?",
        _weights,
    ),
    Mistake(
        "the old weights are forgotten in the new ones",
        _with(log_weight=lambda p: -(p.log_determinant + p.distance) / 2),
        "It is Bayes' rule: how likely the measurement is under a component, times what?",
        _weights,
    ),
    Mistake(
        "the determinant is missing from the density that makes the weights",
        _with(log_weight=lambda p: np.log(p.weight) - p.distance / 2),
        "A wide component gives each single value less density. Which factor says so, and is it the same for all?",
        _weights,
    ),
    Mistake(
        "the square root of the determinant is missing from the density that makes the weights",
        _with(log_weight=lambda p: np.log(p.weight) - p.log_determinant - p.distance / 2),
        "For one known feature, the density is divided by σ, not by σ². What is the power of the determinant?",
        _weights,
    ),
    Mistake(
        "the factor ½ in the exponent of the weights' density is lost",
        _with(log_weight=lambda p: np.log(p.weight) - p.log_determinant / 2 - p.distance),
        "One standard deviation from the mean, a density has dropped to exp(-½). To what does yours drop?",
        _weights,
    ),
    Mistake(
        "variance and standard deviation are exchanged in the density that makes the weights",
        _with(
            log_weight=lambda p: (
                np.log(p.weight)
                - np.linalg.slogdet(p.bb)[1]
                - p.difference @ np.linalg.inv(p.bb @ p.bb) @ p.difference / 2
            )
        ),
        "`scipy.stats.norm` wants a standard deviation. What stands on the diagonal of a covariance?",
        _weights,
    ),
    Mistake(
        "the covariance stands where its inverse belongs, in the density that makes the weights",
        _with(log_weight=lambda p: np.log(p.weight) - (p.log_determinant + p.difference @ p.bb @ p.difference) / 2),
        "In one dimension the squared difference is *divided* by the variance. What is dividing by a matrix?",
        _weights,
    ),
    Mistake(
        "the known features are treated as independent when the components are weighed",
        _with(
            log_weight=lambda p: (
                np.log(p.weight)
                - (np.log(2 * np.pi * np.diagonal(p.bb)) + p.difference**2 / np.diagonal(p.bb)).sum() / 2
            )
        ),
        "A product of one-dimensional densities is right for a diagonal Σ_bb. What do its other entries say about two "
        "features that are known together?",
        _weights,
    ),
    Mistake(
        "the weights are not divided by their sum",
        _with(normalise=np.exp),
        "The new weights are probabilities of components. What must they sum to?",
        lambda outputs, arguments: (
            f"{_given(arguments)} your weights are {row(outputs[0])}, and they sum to {number(outputs[0].sum())}."
        ),
    ),
    Mistake(
        "very small densities are divided by their sum, and both are 0",
        _with(normalise=lambda logs: np.exp(logs) / np.exp(logs).sum()),
        "exp(-1500) is 0 for a computer. The ratio of two such numbers is an ordinary number all the same. Can you "
        "take the ratio before the exponential?",
        lambda outputs, arguments: f"{_given(arguments)}, far from everything, your weights are {row(outputs[0])}.",
    ),
    Mistake(
        "the likeliest component takes all",
        _with(normalise=lambda logs: np.eye(len(logs))[logs.argmax()]),
        "A measurement makes a component likelier, seldom certain. Which step have you rounded away?",
        _weights,
    ),
    Mistake(
        "the values have lost their features: the features were sorted, and the values were not",
        _disordered,
        "`known` may come in any order: {2: …, 0: …}. With which value do you compare mean 0?",
        _weights,
    ),
    Mistake(
        "the means are not moved",
        _with(mean=lambda p: p.mean_a),
        "A bird with long flippers is probably heavy, too, among its own species. By how much does the mean move for "
        "each unit of the known feature?",
        _means,
    ),
    Mistake(
        "the means are moved in the wrong direction",
        _with(mean=lambda p: p.mean_a - p.slope @ p.difference),
        "With a positive covariance, one feature above its mean lets you expect what of the other? Is it x − μ, or "
        "μ − x?",
        _means,
    ),
    Mistake(
        "the known mean is not subtracted before the means are moved",
        _with(mean=lambda p: p.mean_a + p.slope @ p.x),
        "If the measurement is just what the component expected, nothing should move. Does it, with you?",
        _means,
    ),
    Mistake(
        "the covariance is used as the slope, without the inverse",
        _with(mean=lambda p: p.mean_a + p.ab @ p.difference, covariance=lambda p: p.aa - p.ab @ p.ab.T),
        "A slope is in units of the asked for by units of the known. In which units is a covariance?",
        _means,
    ),
    Mistake(
        "the covariance of the asked for is inverted, and not that of the known",
        _with(
            mean=lambda p: p.mean_a + np.linalg.inv(p.aa) @ p.ab @ p.difference,
            covariance=lambda p: p.aa - np.linalg.inv(p.aa) @ p.ab @ p.ab.T,
        ),
        "The slope of weight on length is another one than that of length on weight. By the variance of which of them "
        "is "
        "it divided?",
        _means,
    ),
    Mistake(
        "the slope is multiplied by the covariance of the known, not by its inverse",
        _with(mean=lambda p: p.mean_a + p.ab @ p.bb @ p.difference, covariance=lambda p: p.aa - p.ab @ p.bb @ p.ab.T),
        "A noisy measurement should move the mean less. What does a large Σ_bb do in your line?",
        _means,
    ),
    Mistake(
        "the covariances are left as they were",
        _with(covariance=lambda p: p.aa),
        "Knowing one feature, you know more about the others. What does that do to their spread?",
        _covariances,
    ),
    Mistake(
        "what the known features explain is added to the covariances",
        _with(covariance=lambda p: p.aa + p.slope @ p.ab.T),
        "Can a measurement make you know *less* about a Gaussian? Which sign does (2.82) have?",
        _covariances,
    ),
    Mistake(
        "the inverse is missing from the covariances",
        _with(covariance=lambda p: p.aa - p.ab @ p.ab.T),
        "What is subtracted is the slope times a covariance. Which of the two have you left half done?",
        _covariances,
    ),
    Mistake(
        "the covariances are what the known features explain, not what they leave open",
        _with(covariance=lambda p: p.slope @ p.ab.T),
        "If the features had nothing to do with each other, what should be left of the variance? And with you?",
        _covariances,
    ),
    Mistake(
        "precisions are returned for covariances",
        _with(covariance=lambda p: np.linalg.inv(p.aa - p.slope @ p.ab.T)),
        "The block of the precision matrix is the inverse of what is wanted (2.73). Which last step is missing?",
        _covariances,
    ),
)


def _wider(outputs: Outputs, arguments: Arguments) -> str:
    """Knowing something never widens a Gaussian."""
    for k, part in enumerate(_split(**arguments)):
        before, after = np.diagonal(part.aa), np.diagonal(outputs[2][k])
        if (after > before * (1 + 1e-4)).any():
            return f"{_given(arguments)} the variances of component {k} go from {row(before)} to {row(after)}."
    return ""


PROPERTIES = (
    weights_sum_to_one("What remains is a mixture again. By what do its weights have to be divided?"),
    symmetric("covariance", "Σ_ab is the transposed of Σ_ba. Which of them stands where?"),
    Property(
        "a measurement widens no component",
        _wider,
        "Something is subtracted from the covariance that was there. Is that so in yours?",
    ),
)

EXERCISE = Exercise(
    name="condition",
    signature="condition(weights, means, covariances, known)",
    task="Return the `weights, means, covariances` of the mixture of the other features, in their order, given the "
    "known "
    "ones. `known` is a dictionary {feature: value}, in any order. With B features known, the shapes are (K,), "
    "(K, D − B) and (K, D − B, D − B).",
    reference=condition,
    cases=cases,
    outputs=("weights", "means", "covariances"),
    mistakes=MISTAKES,
    properties=PROPERTIES,
    hints=(
        "Two things happen. Within each component the other features move and become narrower. And the components are "
        "weighed again: which of them would have given such a value?",
        "Cut each covariance into blocks, a for asked and b for known: `covariance[np.ix_(a, b)]`. The slope is Σ_ab "
        "Σ_bb⁻¹. The new weight is the old one times the density of the known values under N(μ_b, Σ_bb), normalised.",
        "Mean: μ_a plus the slope times (x_b − μ_b). Covariance: Σ_aa minus the slope times Σ_ba. Weights: log weight "
        "plus log density of x_b for each component; subtract `scipy.special.logsumexp` of them all, then `np.exp`.",
    ),
    commentary="Weights in logarithms, as in the E-step: with a measurement of 60 every density is 0 for a computer, "
    "and "
    "the weights are still there. `np.ix_` cuts a block out of a matrix; the order of `known` is kept by going through "
    "its features one by one.",
    insight="The new weights are responsibilities, by an E-step that sees the known features alone. They bend the "
    "line: "
    "each component predicts with a straight one, and the weights go from one to the next as the value changes.",
    after="Next: the mean of the conditional mixture is a regression, and its spread says where not to trust it.",
    notebook="11",
)
