"""Rules that right answers to several exercises keep: weights sum to 1, shares are chances, matrices are symmetric."""

from __future__ import annotations

import numpy as np

from .model import Arguments, Array, Outputs, Property, number

CLOSE = 1e-4  # nearer than this is rounding, in single precision, too


def weights_sum_to_one(question: str) -> Property:
    """The first output is the weights; the question is the exercise's own."""
    return Property("the weights sum to 1", _wrong_sum, question)


def _wrong_sum(outputs: Outputs, _: Arguments) -> str:
    total = outputs[0].sum()
    return "" if np.isclose(total, 1, atol=CLOSE) else f"The weights sum to {number(total)}."


def symmetric(matrices: Array) -> bool:
    """Whether every one of the matrices (n, n_features, n_features) is symmetric, up to rounding."""
    return np.allclose(matrices, np.swapaxes(matrices, 1, 2), atol=CLOSE * np.abs(matrices).max())


SHARES = Property(
    "shares lie between 0 and 1",
    lambda outputs, _: f"The smallest share is {number(outputs[0].min())}." if outputs[0].min() < -1e-9 else "",
    "A probability cannot be negative. Which operation has made it so?",
)
