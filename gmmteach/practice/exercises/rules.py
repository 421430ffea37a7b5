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


def symmetric(what: str, question: str) -> Property:
    """The third output is matrices, (n_components, n_features, n_features); what one of them is called."""
    return Property(f"{what}s are symmetric", lambda outputs, _: _wrong_entry(what, outputs[2]), question)


def _wrong_entry(what: str, matrices: Array) -> str:
    """Name the mirrored entries that differ most; '' if none do, beyond rounding."""
    apart = np.abs(matrices - np.swapaxes(matrices, 1, 2))
    if apart.max() <= CLOSE * np.abs(matrices).max():
        return ""
    k, d, e = (int(i) for i in np.unravel_index(apart.argmax(), apart.shape))
    one, other = number(matrices[k, d, e], 6), number(matrices[k, e, d], 6)
    return f"Entry ({d}, {e}) of {what} {k} is {one}, and entry ({e}, {d}) is {other}."


SHARES = Property(
    "shares lie between 0 and 1",
    lambda outputs, _: f"The smallest share is {number(outputs[0].min())}." if outputs[0].min() < -1e-9 else "",
    "A probability cannot be negative. Which operation has made it so?",
)
