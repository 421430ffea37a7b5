"""Geometry of a picture: its limits, the heights of contours, and the borders between components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray

from ..mixture import Mixture

if TYPE_CHECKING:
    Floats = NDArray[np.float64]


def choose_features(n_features: int, features: Sequence[int] | None) -> tuple[int, ...]:
    """Which one or two features a picture shows; a question back when that is not clear."""
    if features is None:
        if n_features > 2:
            raise ValueError(
                f"the mixture has {n_features} features and a picture shows two: choose them, for example "
                "features=(0, 1), or draw mixture.marginal([0, 1])."
            )
        return tuple(range(n_features))
    chosen = tuple(int(feature) for feature in features)
    if len(chosen) not in (1, 2) or len(set(chosen)) != len(chosen) or not all(0 <= d < n_features for d in chosen):
        raise ValueError(
            f"features must be one or two different numbers from 0 to {n_features - 1}, but {list(features)} was given."
        )
    return chosen


def plane_limits(
    positions: Floats | None, mixtures: Sequence[Mixture], n_std: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits that hold the points and the ellipses, and that a runaway ellipse cannot stretch out of all measure."""
    limits = []
    for axis in (0, 1):
        reach = [_span(mixture, axis, n_std) for mixture in mixtures]
        limits.append(_limits(None if positions is None else positions[:, axis], reach))
    return limits[0], limits[1]


def objective_limits(objective: Floats) -> tuple[float, float, bool]:
    """Lowest and highest objective to show, and whether the start is left out.

    A start can be so poor that its first step dwarfs all that follows, and the curve would be a flat line. When the
    first iterations make up more than 92 per cent of the climb, the axis begins after them.
    """
    values = objective[np.isfinite(objective)]
    if not len(values):
        return 0.0, 1.0, False
    low, high, hidden = float(values.min()), float(values.max()), False
    for value in objective[1:-1][:3].tolist():
        if value < high and value - low > 0.92 * (high - low):
            low, hidden = value, True
    return low, high, hidden


def line_limits(positions: Floats | None, mixtures: Sequence[Mixture]) -> tuple[float, float]:
    """Limits for one feature: the points and three standard deviations of every component."""
    return _limits(positions, [_span(mixture, 0, 3.0) for mixture in mixtures])


def _span(mixture: Mixture, axis: int, n_std: float) -> tuple[float, float]:
    half = n_std * np.sqrt(mixture.dense_covariances[:, axis, axis])
    return float((mixture.means[:, axis] - half).min()), float((mixture.means[:, axis] + half).max())


def _limits(values: Floats | None, reach: Sequence[tuple[float, float]]) -> tuple[float, float]:
    low, high = min(low for low, _ in reach), max(high for _, high in reach)
    if values is not None and len(values):
        least, most = float(values.min()), float(values.max())
        spare = 0.25 * (most - least)
        low, high = min(least, max(low, least - spare)), max(most, min(high, most + spare))
    room = 0.05 * (high - low) or max(abs(low), 1.0) * 0.1
    return low - room, high + room


def bin_edges(values: Floats) -> Floats:
    """Edges for a histogram; where the values are multiples of something, every bin holds as many of them."""
    bins = round(float(np.clip(2 * np.sqrt(len(values)), 8, 60)))
    width = float(np.ptp(values)) / bins
    apart = float(np.diff(np.unique(values)).min(initial=np.inf))
    if 0.1 * width < apart < np.inf:
        width = apart * max(1, round(width / apart))
        return np.arange(values.min() - apart / 2, values.max() + width, width)
    return np.histogram_bin_edges(values, bins=bins)


def density_levels(density: Floats, cell: float, masses: Sequence[float]) -> list[float | None]:
    """Heights at which contours hold these shares of the mixture; None for a share that the grid does not reach."""
    ordered = np.sort(density, axis=None)[::-1]
    held = np.cumsum(ordered) * cell
    return [float(ordered[np.searchsorted(held, mass)]) if held[-1] > mass else None for mass in masses]


def borders(x: Floats, y: Floats, scores: Floats) -> list[Floats]:
    """Lines on a grid along which the highest of several scores changes hands.

    Parameters
    ----------
    x, y : the grid's axes
    scores : (len(y) * len(x), n_components)
    """
    found: list[Floats] = []
    for k in range(scores.shape[1] - 1):  # a border has two sides: the last component's are all drawn by then
        lead = scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)
        lead = np.clip(lead, -1e300, 1e300)  # a component of weight 0 is infinitely far behind
        found += level_lines(x, y, lead.reshape(len(y), len(x)), 0.0)
    return found


def level_lines(x: Floats, y: Floats, heights: Floats, level: float) -> list[Floats]:
    """Lines of one height on a grid, each (n, 2)."""
    return cast("list[Floats]", contour_generator(x, y, heights).lines(level))


def nearness(points: Floats, centres: Floats) -> Floats:
    """Score of every centre for every point: minus the squared distance."""
    return -np.square(points[:, np.newaxis, :] - centres).sum(axis=2)
