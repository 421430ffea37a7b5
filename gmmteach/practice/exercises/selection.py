"""How many components: parameters counted, BIC and ICL (Schwarz 1978; Biernacki, Celeux & Govaert 2000)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import xlogy

from .cases import shares
from .model import Arguments, Array, Exercise, Mistake, Outputs, Property, number

# --- n_parameters -------------------------------------------------------------------------------------------


def n_parameters(n_components: int, n_features: int, covariance_type: str) -> int:
    """How many numbers of a mixture are free."""
    symmetric = n_features * (n_features + 1) // 2  # the lower triangle is given by the upper
    covariances = {
        "full": n_components * symmetric,
        "tied": symmetric,
        "diag": n_components * n_features,
        "spherical": n_components,
    }
    return (n_components - 1) + n_components * n_features + covariances[covariance_type]  # the last weight is given


def sizes() -> list[Arguments]:
    """Every type, with more components than features and with fewer."""
    return [
        {"n_components": k, "n_features": d, "covariance_type": kind}
        for k, d in ((3, 2), (2, 5), (4, 3))
        for kind in ("full", "tied", "diag", "spherical")
    ]


def _counting(**instead: Callable[[int, int], int]) -> Callable[[int, int, str], int]:
    """A count in which some parts are others: weights, means, or a covariance type, from K and D."""
    parts: dict[str, Callable[[int, int], int]] = {
        "weights": lambda k, d: k - 1,
        "means": lambda k, d: k * d,
        "full": lambda k, d: k * d * (d + 1) // 2,
        "tied": lambda k, d: d * (d + 1) // 2,
        "diag": lambda k, d: k * d,
        "spherical": lambda k, d: k,
        **instead,
    }

    def made(n_components: int, n_features: int, covariance_type: str) -> int:
        return sum(parts[part](n_components, n_features) for part in ("weights", "means", covariance_type))

    return made


def _no_matrices(n_components: int, n_features: int, covariance_type: str) -> int:
    return n_components - 1 + n_components * n_features


def _counted(outputs: Outputs, arguments: Arguments) -> str:
    k, d, kind = arguments.values()
    right = n_parameters(k, d, kind)
    return f"For K = {k}, D = {d} and '{kind}' you count {float(outputs[0]):g}; there are {right}."


COUNT_MISTAKES = (
    Mistake(
        "all K weights are counted",
        _counting(weights=lambda k, d: k),
        "Somebody tells you all the weights but one. Can you say the last?",
        _counted,
    ),
    Mistake(
        "the weights are not counted",
        _counting(weights=lambda k, d: 0),
        "Weights are fitted, too. How many of them can you choose before the last one is fixed?",
        _counted,
    ),
    Mistake(
        "the means are not counted",
        _counting(means=lambda k, d: 0),
        "Each component has a centre. How many numbers is a centre?",
        _counted,
    ),
    Mistake(
        "each mean is counted as one number",
        _counting(means=lambda k, d: k),
        "A mean is a point in D dimensions. How many numbers does it take to write one down?",
        _counted,
    ),
    Mistake(
        "the covariances are not counted",
        _no_matrices,
        "Widths and slants are fitted as well as centres. What does `covariance_type` change in your count?",
        _counted,
    ),
    Mistake(
        "a covariance is counted as D² numbers",
        _counting(full=lambda k, d: k * d * d, tied=lambda k, d: d * d),
        "The covariance of a with b is that of b with a. How many entries can differ?",
        _counted,
    ),
    Mistake(
        "the diagonal of a covariance is left out: D(D − 1)/2",
        _counting(full=lambda k, d: k * d * (d - 1) // 2, tied=lambda k, d: d * (d - 1) // 2),
        "That is the number of pairs of different features. Which D entries of the matrix are no such pair?",
        _counted,
    ),
    Mistake(
        "the type makes no difference: everything is counted as full",
        _counting(
            tied=lambda k, d: k * d * (d + 1) // 2,
            diag=lambda k, d: k * d * (d + 1) // 2,
            spherical=lambda k, d: k * d * (d + 1) // 2,
        ),
        "Which entries are 0, or equal, by the choice of the type, before any data are seen?",
        _counted,
    ),
    Mistake(
        "a full covariance is counted once instead of for each component",
        _counting(full=lambda k, d: d * (d + 1) // 2),
        "If all components shared one matrix, it would be another type. Which?",
        _counted,
    ),
    Mistake(
        "the tied covariance is counted K times",
        _counting(tied=lambda k, d: k * d * (d + 1) // 2),
        "Tied means that all components have the same one. How many matrices are there to choose?",
        _counted,
    ),
    Mistake(
        "the diagonal variances are counted once instead of for each component",
        _counting(diag=lambda k, d: d),
        "What is the shape of `covariances` for the type 'diag'?",
        _counted,
    ),
    Mistake(
        "a spherical component is counted with a variance for each feature",
        _counting(spherical=lambda k, d: k * d),
        "A sphere is as wide in every direction. How many numbers say how wide?",
        _counted,
    ),
    Mistake(
        "all spherical components are counted with one variance together",
        _counting(spherical=lambda k, d: 1),
        "May one sphere be larger than another? What is the shape of `covariances` for the type 'spherical'?",
        _counted,
    ),
)

N_PARAMETERS = Exercise(
    name="n_parameters",
    signature="n_parameters(n_components, n_features, covariance_type)",
    task="Return the number of free parameters, a whole number, of a mixture of K components in D features. "
    "`covariance_type` is 'full', 'tied', 'diag' or 'spherical'.",
    reference=n_parameters,
    cases=sizes,
    outputs=("n_parameters",),
    mistakes=COUNT_MISTAKES,
    properties=(
        Property(
            "a count is a whole number",
            lambda outputs, arguments: (
                "" if float(outputs[0]).is_integer() else f"You return {number(outputs[0])}, which is no whole number."
            ),
            "What have you divided by 2? D(D + 1) is always even.",
        ),
        Property(
            "there are at least as many as numbers in the means",
            lambda outputs, arguments: (
                ""
                if outputs[0] >= arguments["n_components"] * arguments["n_features"]
                else f"You count {float(outputs[0]):g}, and the means alone are "
                f"{arguments['n_components'] * arguments['n_features']} numbers."
            ),
            "Weights, means, covariances. Have you added up all three?",
        ),
    ),
    hints=(
        "Count three things and add them up: weights, means, covariances. Only the last depends on the type.",
        "K − 1 weights, for they sum to 1, and K·D numbers in the means. A symmetric D × D matrix has D(D + 1)/2 free "
        "entries.",
        "Covariances: K·D(D + 1)/2 for full, D(D + 1)/2 for tied, K·D for diag, K for spherical. `//` keeps it whole.",
    ),
    commentary="A dictionary says it as a table does. What is fixed is not counted: the last weight by the others, the "
    "lower triangle by the upper.",
    insight="Full grows with K·D²: ten components in 64 dimensions have 20,800 numbers in their covariances, and the "
    "spherical ones have 10. That is what a criterion charges for.",
    after="Next: `bic` turns this number into a price.",
    notebook="10",
)

# --- bic ----------------------------------------------------------------------------------------------------


def bic(log_likelihood: float, n_parameters: int, n_samples: int) -> float:
    """Bayesian information criterion: the less, the better."""
    return float(-2 * log_likelihood + n_parameters * np.log(n_samples))  # (4.139), times -2


def fits() -> list[Arguments]:
    """Old Faithful with two components, a small sample, and one with a positive log-likelihood."""
    rows = ((-1130.26, 11, 272), (-310.5, 23, 60), (45.25, 8, 150))
    return [dict(zip(("log_likelihood", "n_parameters", "n_samples"), each, strict=True)) for each in rows]


def _charged(outputs: Outputs, arguments: Arguments) -> str:
    total, p, n = arguments.values()
    return (
        f"For a log-likelihood of {number(total, 2)}, {p} parameters and {n} samples you return "
        f"{number(outputs[0], 2)}; it should be {number(bic(total, p, n), 2)}."
    )


BIC_MISTAKES = (
    Mistake(
        "the sign is turned round",
        lambda total, p, n: 2 * total - p * np.log(n),
        "In R's `mclust` the largest BIC wins; here, as in scikit-learn, the smallest. Which sign has the fit, then?",
        _charged,
    ),
    Mistake(
        "it is (4.139) as it stands, not multiplied by −2",
        lambda total, p, n: total - p * np.log(n) / 2,
        "That is Schwarz's approximation to the log evidence, where more is better. What does the convention multiply "
        "it by?",
        _charged,
    ),
    Mistake(
        "the log-likelihood has the wrong sign",
        lambda total, p, n: 2 * total + p * np.log(n),
        "The least BIC wins. Does a better fit make yours smaller?",
        _charged,
    ),
    Mistake(
        "the price of the parameters is subtracted",
        lambda total, p, n: -2 * total - p * np.log(n),
        "The least BIC wins. What would a million parameters do to yours?",
        _charged,
    ),
    Mistake(
        "the factor 2 before the log-likelihood is missing",
        lambda total, p, n: -total + p * np.log(n),
        "Schwarz charges half of p ln N for a log-likelihood. You charge a whole one; what must the fit be multiplied "
        "by?",
        _charged,
    ),
    Mistake(
        "it is AIC: the price of a parameter is 2",
        lambda total, p, n: -2 * total + 2 * p,
        "With more data a superfluous parameter should cost more. Where is `n_samples` in your line?",
        _charged,
    ),
    Mistake(
        "there is no price on parameters",
        lambda total, p, n: -2 * total,
        "The log-likelihood alone always wants more components. What keeps it in check?",
        _charged,
    ),
    Mistake(
        "the price of a parameter is halved",
        lambda total, p, n: -2 * total + p * np.log(n) / 2,
        "In (4.139) there is a ½, and no 2 before the log-likelihood. You have the 2; what becomes of the ½?",
        _charged,
    ),
    Mistake(
        "the price of a parameter is doubled",
        lambda total, p, n: -2 * total + 2 * p * np.log(n),
        "The 2 of AIC and the ln N of BIC are two prices for the same thing. Do you charge both?",
        _charged,
    ),
    Mistake(
        "the logarithm has the base 10",
        lambda total, p, n: -2 * total + p * np.log10(n),
        "The log-likelihood is in nats. To which base is its logarithm?",
        _charged,
    ),
    Mistake(
        "the logarithm has the base 2",
        lambda total, p, n: -2 * total + p * np.log2(n),
        "The log-likelihood is in nats, not in bits. To which base is its logarithm?",
        _charged,
    ),
    Mistake(
        "the logarithm is missing: a parameter costs N",
        lambda total, p, n: -2 * total + p * n,
        "The posterior shrinks in each direction like 1/√N. What does its *logarithm* do?",
        _charged,
    ),
    Mistake(
        "parameters and samples are exchanged",
        lambda total, p, n: -2 * total + n * np.log(p),
        "What is paid for, the parameters or the samples? And what sets the price?",
        _charged,
    ),
    Mistake(
        "the mean log-likelihood is used",
        lambda total, p, n: -2 * total / n + p * np.log(n),
        "The sum over the samples grows with N, the price only like ln N. What do you divide by N, and should you?",
        _charged,
    ),
    Mistake(
        "the log-likelihood is multiplied by N",
        lambda total, p, n: -2 * total * n + p * np.log(n),
        "scikit-learn's `score` is a mean and needs that factor. Is `log_likelihood` a mean, or already the total?",
        _charged,
    ),
)

BIC = Exercise(
    name="bic",
    signature="bic(log_likelihood, n_parameters, n_samples)",
    task="Return the BIC, one number, of which the least is best. `log_likelihood` is the total over the samples, in "
    "nats, and `n_parameters` is what the function of that name returns.",
    reference=bic,
    cases=fits,
    outputs=("bic",),
    mistakes=BIC_MISTAKES,
    properties=(
        Property(
            "parameters are charged for",
            lambda outputs, arguments: (
                ""
                if outputs[0] > -2 * arguments["log_likelihood"]
                else f"You return {number(outputs[0], 2)}, and without any price it is "
                f"{number(-2 * arguments['log_likelihood'], 2)}."
            ),
            "It has two terms: −2 times the log-likelihood, as it is, and a price, which is positive. Which of them is "
            "less than it should be?",
        ),
    ),
    hints=(
        "Two terms: how badly it fits, and what the parameters cost. The less, the better.",
        "The fit is −2 times the total log-likelihood. Each parameter costs the natural logarithm of N.",
        "Minus 2 times `log_likelihood`, plus `n_parameters * np.log(n_samples)`.",
    ),
    commentary="AIC has 2 where this has ln N. Beyond seven samples BIC is the stricter of the two, for ln 8 is more "
    "than 2.",
    insight="A component has to buy its parameters: with 272 samples each must raise the log-likelihood by half of "
    "ln 272, 2.8 nats, or BIC does not want it.",
    after="Next: `icl` charges for doubt as well.",
    notebook="10",
)

# --- icl ----------------------------------------------------------------------------------------------------


def icl(log_likelihood: float, n_parameters: int, responsibilities: Array) -> float:
    """Integrated completed likelihood: BIC plus twice the entropy of the responsibilities."""
    entropy = -xlogy(responsibilities, responsibilities).sum()  # xlogy(0, 0) is 0
    bic = -2 * log_likelihood + n_parameters * np.log(len(responsibilities))
    return float(bic + 2 * entropy)


def assignments() -> list[Arguments]:
    """Soft responsibilities; and others of which some rows are quite certain."""
    certain = np.vstack([np.eye(4)[[0, 2, 1, 0, 3, 0]], [[0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.6, 0.1], [0.7, 0, 0.3, 0]]])
    soft = np.round((shares(2) + 0.02) / (1 + 3 * 0.02), 3)
    soft /= soft.sum(axis=1, keepdims=True)
    return [
        {"log_likelihood": -98.5, "n_parameters": 17, "responsibilities": soft},
        {"log_likelihood": -61.25, "n_parameters": 11, "responsibilities": certain},
    ]


def _entropy(gamma: Array) -> Any:
    return -xlogy(gamma, gamma).sum()


def _bic(total: float, p: int, gamma: Array) -> Any:
    return -2 * total + p * np.log(len(gamma))


def _undefined(total: float, p: int, gamma: Array) -> Any:
    return _bic(total, p, gamma) - 2 * (gamma * np.log(gamma)).sum()


def _doubt(outputs: Outputs, arguments: Arguments) -> str:
    """Everything it is made of."""
    gamma = arguments["responsibilities"]
    return (
        f"BIC is {number(_bic(*arguments.values()), 2)} and the entropy {number(_entropy(gamma), 2)} nats. You return "
        f"{number(outputs[0], 2)}; it should be {number(icl(**arguments), 2)}."
    )


ICL_MISTAKES = (
    Mistake(
        "the sign is turned round",
        lambda total, p, g: -_bic(total, p, g) - 2 * _entropy(g),
        "In the paper and in R's `mclust` the largest ICL wins; here, as in scikit-learn's BIC, the smallest. Which "
        "sign has each term, then?",
        _doubt,
    ),
    Mistake(
        "it is BIC: the entropy is missing",
        _bic,
        "Two components on top of each other pay nothing here. What measures the doubt about who belongs where?",
        _doubt,
    ),
    Mistake(
        "the entropy is subtracted",
        lambda total, p, g: _bic(total, p, g) - 2 * _entropy(g),
        "Does doubt make your criterion better or worse? (The sum of γ ln γ is negative. Did you notice its sign?)",
        _doubt,
    ),
    Mistake(
        "the entropy is added once, not twice",
        lambda total, p, g: _bic(total, p, g) + _entropy(g),
        "BIC is −2 times a log-likelihood. On the same scale, what is a nat of entropy worth?",
        _doubt,
    ),
    Mistake(
        "the entropy's factor 2 is there twice",
        lambda total, p, g: _bic(total, p, g) + 4 * _entropy(g),
        "A sample with shares 0.5 and 0.5 should cost 2 ln 2, which is 1.39. What does it cost with you?",
        _doubt,
    ),
    Mistake(
        "0 times the logarithm of 0 is left to itself",
        _undefined,
        "As γ goes to 0, so does γ ln γ, but a computer makes NaN of 0 × −∞. Which function of SciPy knows better?",
        lambda outputs, arguments: (
            f"Row 0 of the responsibilities is ({', '.join(f'{g:g}' for g in arguments['responsibilities'][0])}), "
            f"and you return {number(outputs[0])}."
        ),
    ),
    Mistake(
        "the most probable label's logarithm stands in place of the entropy",
        lambda total, p, g: _bic(total, p, g) - 2 * np.log(g.max(axis=1)).sum(),
        "That is the paper's hard form: it looks at the largest share alone. Which average over all the shares is the "
        "entropy?",
        _doubt,
    ),
    Mistake(
        "the mean entropy of a sample is added, not the total",
        lambda total, p, g: _bic(total, p, g) + 2 * _entropy(g) / len(g),
        "BIC has the log-likelihood of all the samples. Of how many has your entropy the doubt?",
        _doubt,
    ),
    Mistake(
        "the entropy is in bits",
        lambda total, p, g: _bic(total, p, g) + 2 * _entropy(g) / np.log(2),
        "The log-likelihood is in nats. To which base is the logarithm in your entropy?",
        _doubt,
    ),
    Mistake(
        "the logarithms are summed without their shares",
        lambda total, p, g: _bic(total, p, g) - 2 * np.log(g).sum(),
        "An entropy is an average of −ln γ. With which probabilities is it averaged?",
        _doubt,
    ),
    Mistake(
        "the entropy of each component's column is taken, and not of each sample's row",
        lambda total, p, g: _bic(total, p, g) + 2 * _entropy(g / g.sum(axis=0)),
        "Which numbers sum to 1 and are somebody's probabilities: those in a row, or those in a column?",
        _doubt,
    ),
    Mistake(
        "the base is AIC and not BIC",
        lambda total, p, g: -2 * total + 2 * p + 2 * _entropy(g),
        "A parameter costs 2 with you. What does Schwarz charge, with this many samples?",
        _doubt,
    ),
    Mistake(
        "components are counted in place of samples",
        lambda total, p, g: -2 * total + p * np.log(g.shape[1]) + 2 * _entropy(g),
        "The price of a parameter is the logarithm of N. Is N the number of rows or of columns?",
        _doubt,
    ),
    Mistake(
        "all N·K entries are counted in place of N samples",
        lambda total, p, g: -2 * total + p * np.log(g.size) + 2 * _entropy(g),
        "`size` counts every entry of an array. How many samples are there?",
        _doubt,
    ),
    Mistake(
        "the mean log-likelihood is used",
        lambda total, p, g: _bic(total / len(g), p, g) + 2 * _entropy(g),
        "`log_likelihood` is the total, and so is the entropy. What do you divide by N, and should you?",
        _doubt,
    ),
)

ICL = Exercise(
    name="icl",
    signature="icl(log_likelihood, n_parameters, responsibilities)",
    task="Return the ICL, one number, of which the least is best: BIC plus twice the entropy of the responsibilities, "
    "(N, K). `log_likelihood` is the total over the samples, in nats.",
    reference=icl,
    cases=assignments,
    outputs=("icl",),
    mistakes=ICL_MISTAKES,
    properties=(
        Property(
            "it is never less than BIC",
            lambda outputs, arguments: (
                ""
                if outputs[0] >= _bic(*arguments.values()) - 1e-4 * abs(_bic(*arguments.values()))
                else f"You return {number(outputs[0], 2)}, and BIC is {number(_bic(*arguments.values()), 2)}."
            ),
            "An entropy is never negative. With which sign have you added it?",
        ),
    ),
    hints=(
        "BIC first; N is the number of rows. Then charge for doubt: a certain row costs nothing.",
        "The entropy is minus the sum of γ ln γ over all samples and components, where 0 ln 0 counts as 0: "
        "`scipy.special.xlogy` knows that.",
        "`entropy = -xlogy(responsibilities, responsibilities).sum()`, and twice that is added to "
        "`-2 * log_likelihood + n_parameters * np.log(len(responsibilities))`.",
    ),
    commentary="`xlogy` keeps certain rows from turning everything into NaN. The sum runs over every sample: a few "
    "doubtful ones are forgiven, two components on top of each other are not.",
    insight="BIC asks how many Gaussians the density needs, ICL how many groups can be told apart. Where they differ, "
    "it is the entropy that says by how much.",
    after="Next: notebook 11 puts the density that you have chosen to use.",
    notebook="10",
)
