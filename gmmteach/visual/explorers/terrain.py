"""The log-likelihood of two means as a terrain: its heights, its peaks, and the ways up of EM and of the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from .parts import nice

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

MOST_STEPS = 300


class Path(NamedTuple):
    """Places that one method went through, (T, 2), their log-likelihoods, (T,), and how it ended."""

    means: Floats
    heights: Floats
    ending: str  # arrived, astray (far off the map) or unfinished


class Map(NamedTuple):
    """Heights over the grid, (n, n), row by row of mean 1; contour lines; the peaks, highest first, and their tops."""

    heights: Floats
    lines: list[Floats]
    first_line: float  # how far below the top the first contour line lies; each next one lies twice as far
    peaks: Floats
    tops: Floats


class Terrain:
    """Log-likelihood of two means, all else known: two components in one dimension, of one standard deviation.

    Parameters
    ----------
    x : (n_samples,)
    standard_deviation : float
    grid : (n,)
        Places of the map, along either side.
    """

    def __init__(self, x: Floats, standard_deviation: float, grid: Floats) -> None:
        self.x, self.standard_deviation, self.grid = x, standard_deviation, grid
        self._density = np.exp(-0.5 * ((grid[:, np.newaxis] - x) / standard_deviation) ** 2)
        self._constant = len(x) * np.log(standard_deviation * np.sqrt(2 * np.pi))
        self._maps: dict[tuple[float, ...], Map] = {}

    @property
    def saddle(self) -> Floats:
        """Where two means that are alike end, at the mean of the data, (2,)."""
        return np.full(2, self.x.mean())

    def _parts(self, means: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Logarithms of weight times density, (2, n_samples), and of their sum, both without the constant."""
        log_joint = np.stack(
            [np.log(weights[k]) - 0.5 * ((self.x - means[k]) / self.standard_deviation) ** 2 for k in (0, 1)]
        )
        return log_joint, np.logaddexp(*log_joint)

    def height(self, means: Floats, weights: Floats) -> float:
        """Log-likelihood of two means, in nats (Bishop 2006, eq. 9.14)."""
        return float(self._parts(means, weights)[1].sum() - self._constant)

    def walk(self, start: Floats, weights: Floats, step: float | None = None) -> Path:
        """Follow EM, or gradient ascent if there is a step, until nothing moves or it is far off the map.

        EM puts each mean at the average of the data, weighted with its shares (Bishop 2006, eq. 9.24). Gradient
        ascent adds the gradient times ``step`` σ²/N.
        """
        low, high = 2 * self.grid[0] - self.grid[-1], 2 * self.grid[-1] - self.grid[0]
        places, heights, ending = [start], [], "unfinished"
        while True:
            now = places[-1]
            log_joint, log_density = self._parts(now, weights)
            heights.append(float(log_density.sum()) - self._constant)
            if ending != "unfinished" or len(places) > MOST_STEPS:
                break
            shares = np.exp(log_joint - log_density)
            counts, sums = shares.sum(axis=1), shares @ self.x
            if step is None:
                after = np.where(counts > 1e-12, sums / np.maximum(counts, 1e-300), now)  # (9.24)
            else:
                after = now + step * (sums - counts * now) / len(self.x)  # the gradient is (sums - counts * now) / σ²
            if np.abs(after - now).max() < 1e-5 * self.standard_deviation:
                ending = "arrived"
                break
            if after.min() < low or after.max() > high:
                ending = "astray"
            places.append(after)
        return Path(np.array(places), np.array(heights), ending)

    def survey(self, weights: Floats) -> Map:
        """Make the map for these weights, or give back the one that was made before."""
        known = (float(weights[0]), float(weights[1]))
        if known not in self._maps:
            self._maps[known] = self._survey(weights)
        return self._maps[known]

    def _survey(self, weights: Floats) -> Map:
        tiny = np.finfo(float).tiny  # where both densities underflow
        first = weights[0] * self._density
        heights = np.array(
            [np.log(np.maximum(first + weights[1] * other, tiny)).sum(axis=1) for other in self._density]
        )
        heights -= self._constant
        summits = (heights == maximum_filter(heights, size=5)) & (heights > heights.min())
        ends = [self.walk(self.grid[[across, up]], weights).means[-1] for up, across in np.argwhere(summits)]
        peaks: list[Floats] = []
        for end in sorted(ends, key=lambda end: (-round(self.height(end, weights), 4), end[0])):
            if not any(np.abs(end - peak).max() < 0.05 * self.standard_deviation for peak in peaks):
                peaks.append(end)
        tops = np.array([self.height(peak, weights) for peak in peaks])
        first_line = nice(max(tops[0] - self.height(self.saddle, weights), 100.0) / 100)
        maker = contour_generator(self.grid, self.grid, heights, line_type=LineType.Separate)
        levels = tops[0] - first_line * 2.0 ** np.arange(12)
        lines = [np.asarray(line) for level in levels for line in maker.lines(level)]
        return Map(heights, lines, first_line, np.array(peaks), tops)
