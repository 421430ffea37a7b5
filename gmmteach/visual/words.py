"""Numbers and pictures in words: captions, notes, and texts for those who cannot see the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2

from ..mixture import Mixture
from ..trace import Snapshot
from . import theme

ALT_LENGTH = 40  # characters an alternative text needs at least


def describe(mixture: Mixture | Snapshot, feature_names: Sequence[str] | None = None) -> str:
    """Say in a few plain sentences what a picture of this mixture shows: its alternative text.

    Parameters
    ----------
    mixture : Mixture or Snapshot
    feature_names : sequence of str, optional
        One for each feature, to name the numbers of a mean.
    """
    value, hard = mixture_of(mixture), is_hard(mixture)
    size = f"{count(value.n_components, 'component')} in {count(value.n_features, 'feature')}"
    if hard:
        sentences = [f"k-means with {count(value.n_components, 'centre')} in {count(value.n_features, 'feature')}."]
    else:
        sentences = [f"A Gaussian mixture of {size}, covariance type {value.covariance_type}."]
    if isinstance(mixture, Snapshot):
        when = "At the start" if mixture.iteration == 0 else f"After {count(mixture.iteration, 'iteration')}"
        name, objective = plain_objective(mixture.objective_name, mixture.objective)
        sentences.append(f"{when} the {name} is {format_number(objective)}.")
    roster = components_in_words(mixture, feature_names)
    return " ".join([*sentences, roster] if roster else sentences)


def components_in_words(mixture: Mixture | Snapshot, feature_names: Sequence[str] | None = None) -> str:
    """Name every component with its colour, its marker and its numbers; only the weights' range if they are many."""
    value, hard = mixture_of(mixture), is_hard(mixture)
    names = None if feature_names is None else check_names(feature_names, value.n_features)
    if value.n_components > 4 or value.n_features > 4:
        low, high = value.weights.min(), value.weights.max()
        return "" if hard else f"Weights go from {low:.0%} to {high:.0%}.".replace("%", " %")
    parts = []
    for k in range(value.n_components):
        numbers = [format_number(number) for number in value.means[k]]
        if names is not None:
            numbers = [f"{name} {number}" for name, number in zip(names, numbers, strict=True)]
        weight = "" if hard else f"weight {value.weights[k]:.0%}, ".replace("%", " %")
        code = f"{theme.COLOUR_NAMES[k]}, {theme.MARKER_NAMES[k]}"
        parts.append(f"{'centre' if hard else 'component'} {k} ({code}): {weight}mean {', '.join(numbers)}")
    listed = "; ".join(parts)
    return listed[0].upper() + listed[1:] + "."


def check_alt(alt: str) -> str:
    """Give back an alternative text, without surplus blanks, or say that it is too short."""
    text = " ".join(str(alt).split())
    if len(text) < ALT_LENGTH:
        raise ValueError(
            f"the alternative text must say what the picture shows, in at least {ALT_LENGTH} characters; "
            f"{text!r} has {len(text)}. describe(mixture) writes one."
        )
    return text


def check_names(names: Sequence[str], n_features: int) -> list[str]:
    """Give back one name for each feature, or say that there are too few or too many."""
    if len(names) != n_features:
        raise ValueError(
            f"feature_names has {count(len(names), 'name')}, but there are {count(n_features, 'feature')}."
        )
    return [str(name) for name in names]


def mass_note(n_std: float) -> str:
    """Say how much of a two-dimensional Gaussian lies within its ellipses (chi-square, two degrees)."""
    radii = [1.0, n_std] if n_std > 1 else [n_std]
    shares = ", ".join(f"{radius:g}σ: {percent(float(chi2.cdf(radius**2, df=2)))}" for radius in radii)
    return f"{shares} of a 2-D Gaussian"


def plain_objective(name: str, value: float) -> tuple[str, float]:
    """What people call the objective: 'minus inertia' of -5 is an inertia of 5."""
    return (name.removeprefix("minus "), -value) if name.startswith("minus ") else (name, value)


def percent(share: float) -> str:
    """Write a share as a percentage that is never rounded up to a false 100 %."""
    digits = 0
    while round(share * 100, digits) >= 100 > share * 100 and digits < 6:
        digits += 1
    return f"{share * 100:.{digits}f} %"


def format_number(value: float) -> str:
    """Write a number for people: four or five figures, a real minus sign, commas between thousands."""
    value = float(value)
    if not np.isfinite(value):
        return "−∞" if value < 0 else "∞" if value > 0 else "not a number"
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-4:
        text = f"{value:.3g}"
    else:
        text = f"{value:,.{1 if size >= 100 else 2 if size >= 1 else 4}f}"
    return text.replace("-", "−")


def mixture_of(mixture: Mixture | Snapshot) -> Mixture:
    """Mixture of a snapshot, or the mixture itself."""
    value = mixture.mixture if isinstance(mixture, Snapshot) else mixture
    if not isinstance(value, Mixture):
        raise TypeError(
            f"a Mixture or a Snapshot can be drawn, not a {type(mixture).__name__}. "
            "A fitted estimator has one in mixture_, a trace has trace[-1]."
        )
    return value


def is_hard(mixture: Mixture | Snapshot) -> bool:
    """Whether every point belongs to one component outright, as in k-means."""
    return isinstance(mixture, Snapshot) and mixture.hard


def count(number: int, noun: str) -> str:
    """Write a number with its noun: 1 point, 2 points."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def tick_label(value: float, _position: object = None) -> str:
    """Write a tick of an objective's axis: commas between thousands, a real minus sign."""
    text = f"{value:,.10g}" if abs(value) < 1e7 else f"{value:g}"  # ten figures: near ticks get different labels
    return text.replace("-", "−")
