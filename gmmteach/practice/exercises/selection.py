"""Counting parameters, and two criteria (Schwarz 1978; Biernacki, Celeux & Govaert 2000)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import xlogy

from .cases import shares
from .model import Arguments, Array, Exercise, Mistake, Outputs, number

TYPES = ("full", "tied", "diag", "spherical")


def n_parameters(n_components: int, n_features: int, covariance_type: str) -> int:
    """Number of free parameters of a mixture."""
    matrix = n_features * (n_features + 1) // 2  # symmetric
    covariances = {
        "full": n_components * matrix,
        "tied": matrix,
        "diag": n_components * n_features,
        "spherical": n_components,
    }[covariance_type]
    return (n_components - 1) + n_components * n_features + covariances  # weights, means, covariances


def bic(log_likelihood: Any, n_parameters: int, n_samples: int) -> Any:
    """Bayesian information criterion: the lower, the better."""
    return -2 * log_likelihood + n_parameters * np.log(n_samples)  # (Schwarz 1978)


def icl(log_likelihood: Any, n_parameters: int, responsibilities: Array) -> Any:
    """Integrated completed likelihood: BIC plus twice the entropy of the responsibilities."""
    entropy = -xlogy(responsibilities, responsibilities).sum()
    return -2 * log_likelihood + n_parameters * np.log(len(responsibilities)) + 2 * entropy


def _counted(*, weights: int = -1, square: bool = False, tied: bool = False, means: bool = True) -> Any:
    """A count with a mistake in it."""

    def made(n_components: int, n_features: int, covariance_type: str) -> int:
        matrix = n_features**2 if square else n_features * (n_features + 1) // 2
        spread = {"full": n_components * matrix, "tied": matrix, "diag": n_components * n_features,
                  "spherical": n_components}[covariance_type]  # fmt: skip
        if tied and covariance_type == "tied":
            spread *= n_components
        return n_components + weights + (n_components * n_features if means else 0) + spread

    return made


def _count(outputs: Outputs, arguments: Arguments) -> str:
    return (
        f"For {arguments['n_components']} components, {arguments['n_features']} features and type "
        f"{arguments['covariance_type']!r} you return {number(outputs[0], 0)}."
    )


N_PARAMETERS = Exercise(
    name="n_parameters",
    signature="n_parameters(n_components, n_features, covariance_type)",
    task="Return how many numbers can be chosen freely in a mixture of type 'full', 'tied', 'diag' or 'spherical'.",
    reference=n_parameters,
    cases=lambda: [{"n_components": k, "n_features": d, "covariance_type": kind} for k, d in ((3, 2), (4, 5), (2, 7))
                   for kind in TYPES],
    outputs=("number",),
    mistakes=(
        Mistake(
            "all K weights are counted",
            _counted(weights=0),
            "They sum to 1. How many can you choose before the last is given?",
            _count,
        ),
        Mistake(
            "the weights are not counted",
            lambda n_components, n_features, covariance_type: (
                n_parameters(n_components, n_features, covariance_type) - n_components + 1
            ),
            "A mixture with other weights is another mixture. How many of them are free?",
            _count,
        ),
        Mistake(
            "a covariance is counted as D² numbers",
            _counted(square=True),
            "Entry (0, 1) is entry (1, 0). How many of the D² can you choose?",
            _count,
        ),
        Mistake(
            "the shared covariance is counted once for each component",
            _counted(tied=True),
            "All components have the same one. How often is it chosen?",
            _count,
        ),
        Mistake(
            "the means are not counted",
            _counted(means=False),
            "Each component has a centre. How many numbers is that?",
            _count,
        ),
    ),
    hints=(
        "Three parts: weights, means, covariances. Which of them depend on the type?",
        "Weights K − 1, means K · D. A symmetric matrix has D(D + 1)/2 free numbers.",
        "full: K · D(D + 1)/2, tied: D(D + 1)/2, diag: K · D, spherical: K.",
    ),
    commentary="Only the covariances differ from type to type, and only 'full' and 'tied' grow with the square of D.",
    insight="In 64 dimensions ten full covariances have 20,800 free numbers and ten spherical ones ten.",
    after="Next: put a price on each of them, with `bic`.",
    notebook="10",
)  # fmt: skip


def _fits() -> list[Arguments]:
    return [
        {"log_likelihood": -1130.26, "n_parameters": 11, "n_samples": 272},
        {"log_likelihood": 85.4, "n_parameters": 44, "n_samples": 342},
    ]


def _value(outputs: Outputs, arguments: Arguments) -> str:
    return f"For a log-likelihood of {number(arguments['log_likelihood'], 2)} you return {number(outputs[0], 2)}."


BIC = Exercise(
    name="bic",
    signature="bic(log_likelihood, n_parameters, n_samples)",
    task="Return the Bayesian information criterion of a fit, the lower the better, from its total log-likelihood in "
    "nats.",
    reference=bic,
    cases=_fits,
    outputs=("BIC",),
    mistakes=(
        Mistake(
            "the sign is turned round",
            lambda log_likelihood, n_parameters, n_samples: 2 * log_likelihood - n_parameters * np.log(n_samples),
            "Schwarz and mclust maximise this one. In scikit-learn and here, is a better fit larger or smaller?",
            _value,
        ),
        Mistake(
            "the price of a parameter is 2, as for AIC",
            lambda log_likelihood, n_parameters, n_samples: -2 * log_likelihood + 2 * n_parameters,
            "Which of the two criteria asks more of a parameter when there are more data?",
            _value,
        ),
        Mistake(
            "the factor 2 of the log-likelihood is missing",
            lambda log_likelihood, n_parameters, n_samples: -log_likelihood + n_parameters * np.log(n_samples),
            "A parameter has to earn ½ ln N nats. How much does yours ask?",
            _value,
        ),
        Mistake(
            "the logarithm has base 10",
            lambda log_likelihood, n_parameters, n_samples: -2 * log_likelihood + n_parameters * np.log10(n_samples),
            "The log-likelihood is in nats. Which logarithm goes with that?",
            _value,
        ),
        Mistake(
            "the penalty is subtracted",
            lambda log_likelihood, n_parameters, n_samples: -2 * log_likelihood - n_parameters * np.log(n_samples),
            "Lower is better here. Should more parameters make it lower?",
            _value,
        ),
    ),
    hints=(
        "Twice the log-likelihood, with a minus sign, plus a price for each parameter.",
        "The price is the natural logarithm of the number of samples.",
        "`-2 * log_likelihood + n_parameters * np.log(n_samples)`.",
    ),
    commentary="N is the number of samples, also where a sample has many features.",
    insight="A parameter must raise the log-likelihood by ½ ln N: 2.8 nats for 272 samples, 6.9 for a million.",
    after="Next: `icl` also asks whether the components can be told apart.",
    notebook="10",
    tolerance=1e-9,
)

ICL = Exercise(
    name="icl",
    signature="icl(log_likelihood, n_parameters, responsibilities)",
    task="Return BIC plus twice the entropy of the responsibilities, (N, K), a share of which may be 0. The lower the "
    "better.",
    reference=icl,
    cases=lambda: [
        {"log_likelihood": -98.7, "n_parameters": 17, "responsibilities": np.vstack([shares(d), np.eye(3)[:1]])}
        for d in (2, 3)
    ],
    outputs=("ICL",),
    mistakes=(
        Mistake(
            "0 · log 0 has become NaN",
            lambda log_likelihood, n_parameters, responsibilities: (
                bic(log_likelihood, n_parameters, len(responsibilities))
                - 2 * (responsibilities * np.log(responsibilities)).sum()
            ),
            "The last row is (1, 0, 0). What should q ln q be for a share of 0?",
            _value,
        ),
        Mistake(
            "the entropy is forgotten: this is BIC",
            lambda log_likelihood, n_parameters, responsibilities: bic(
                log_likelihood, n_parameters, len(responsibilities)
            ),
            "What is added for samples that are shared?",
            _value,
        ),
        Mistake(
            "the entropy is counted once instead of twice",
            lambda log_likelihood, n_parameters, responsibilities: (
                bic(log_likelihood, n_parameters, len(responsibilities))
                - xlogy(responsibilities, responsibilities).sum()
            ),
            "BIC is on the scale of *minus two* log-likelihoods. On which is the entropy?",
            _value,
        ),
        Mistake(
            "the entropy is added twice too often",
            lambda log_likelihood, n_parameters, responsibilities: (
                bic(log_likelihood, n_parameters, len(responsibilities))
                - 4 * xlogy(responsibilities, responsibilities).sum()
            ),
            "Once for each nat, times two for the scale. Where does the other factor come from?",
            _value,
        ),
        Mistake(
            "the entropy is subtracted",
            lambda log_likelihood, n_parameters, responsibilities: (
                bic(log_likelihood, n_parameters, len(responsibilities))
                + 2 * xlogy(responsibilities, responsibilities).sum()
            ),
            "Should components that overlap make it better or worse?",
            _value,
        ),
    ),
    hints=(
        "BIC first. N is the number of rows of the responsibilities.",
        "The entropy is minus the sum of γ ln γ, over samples and components; `scipy.special.xlogy` knows that 0 ln 0 "
        "is 0.",
        "`bic - 2 * xlogy(responsibilities, responsibilities).sum()`.",
    ),
    commentary="This is the soft form (McLachlan & Peel 2000). The original takes the log-likelihood of the most "
    "probable labels.",
    insight="BIC asks for a density; ICL for one whose components can be told apart.",
    after="Next: run both over a grid, with `select`.",
    notebook="10",
    tolerance=1e-9,
)
