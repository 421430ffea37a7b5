"""One Gaussian: its peak can exceed 1, its area cannot."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from scipy.stats import norm

from .. import theme
from ..draw import dress, set_labels
from ..livetext import LiveText
from ..panel import Panel, reading, row, slider
from .parts import numbers, one_percent, two_places

__all__ = ["explore_gaussian"]


def explore_gaussian(mean: float = 0.0, standard_deviation: float = 1.0) -> GaussianExplorer:
    """Move the mean and the standard deviation of a Gaussian and watch its density.

    The area within one and within two standard deviations is shaded and its share stated; a narrow Gaussian has
    a peak above 1, though the area under it stays 1.

    Parameters
    ----------
    mean : float
        Where its slider starts, from −2 to 2.
    standard_deviation : float
        Where its slider starts, from 0.25 to 2. Below 0.4 the peak exceeds 1.

    Returns
    -------
    A widget; ``.mean.value`` and ``.standard_deviation.value`` are the sliders' positions.
    """
    return GaussianExplorer(mean, standard_deviation)


class GaussianExplorer(Panel):
    """Density of a Gaussian with the area within one and two standard deviations; made by `explore_gaussian`."""

    title = "One Gaussian"
    about = "Density curve of a Gaussian; the area within one and within two standard deviations is shaded."
    size = (860, 420)

    def __init__(self, mean: float, standard_deviation: float) -> None:
        numbers("mean and standard_deviation", [mean, standard_deviation], 2)
        self.mean = slider("mean μ", mean, -2, 2, 0.05, tip="where the middle is", label=75, width=345)
        self.standard_deviation = slider(
            "standard deviation σ", standard_deviation, 0.25, 2, 0.05, tip="how wide it is", width=470, label=165
        )
        super().__init__([row(self.mean, self.standard_deviation)], [self.mean, self.standard_deviation])

    @property
    def peak(self) -> float:
        """The density at the mean, 1 / (σ √(2π)) (Bishop 2006, eq. 1.46)."""
        return float(norm.pdf(0) / reading(self.standard_deviation))

    @staticmethod
    def share(n_std: float) -> float:
        """Area within this many standard deviations of the mean."""
        return float(norm.cdf(n_std) - norm.cdf(-n_std))

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the curve, two shaded areas and two rulers under them."""
        tone = theme.page(self.dark)
        ax = figure.add_subplot()
        dress(ax)
        ax.set_xlim(-6.4, 6.4)
        ax.set_ylim(-0.34, 1.78)
        ax.set_yticks([0, 0.5, 1, 1.5])
        set_labels(ax, "x", "density p(x)")
        ax.axhline(0, color=tone["quiet"], linewidth=1, zorder=3)
        ax.axhline(1, color=tone["quiet"], linewidth=1.2, linestyle=(0, (4, 4)), zorder=1)
        ax.text(6.35, 1.02, "density 1", ha="right", va="bottom", fontsize=theme.SMALL, color=tone["quiet"])
        self._x = np.linspace(-6.4, 6.4, 901)
        blue, line = to_rgb(theme.colour(0, self.dark)), theme.ink(0, self.dark)
        shades = (0.75, 0.4) if self.dark else (0.5, 0.2)
        self._areas = [Polygon(np.zeros((3, 2)), color=(*blue, shade), linewidth=0, zorder=2) for shade in shades]
        for area in self._areas:
            ax.add_patch(area)
        (self._curve,) = ax.plot([], [], color=line, linewidth=3, zorder=4)
        (self._centre,) = ax.plot([], [], color=tone["text"], linewidth=1.4, linestyle=(0, (2, 2)), zorder=3.5)
        self._rulers = [ax.plot([], [], "|-", color=line, markersize=10, linewidth=2, zorder=4)[0] for _ in (1, 2)]
        self._labels = [LiveText(ax, 0, 0, size=theme.SMALL, color=tone["text"]) for _ in (1, 2)]
        self._peak = LiveText(
            ax, 0, 0, size=theme.BODY, color=tone["text"], weight="bold", ha="center", va="baseline",
            rim=tone["background"],
        )  # fmt: skip
        return [*self._areas, self._curve, self._centre, *self._rulers, *self._labels, self._peak]

    def pose(self) -> None:
        """Move the curve and what belongs to it."""
        mean, sd, peak = reading(self.mean), reading(self.standard_deviation), self.peak
        self._curve.set_data(self._x, norm.pdf(self._x, mean, sd))
        for n_std, area, ruler, label in zip((1, 2), self._areas, self._rulers, self._labels, strict=True):
            low, high = mean - n_std * sd, mean + n_std * sd
            x = np.linspace(low, high, 121)
            area.set_xy(np.column_stack([[low, *x, high], [0, *norm.pdf(x, mean, sd), 0]]))
            y = -0.115 * n_std
            ruler.set_data([low, high], [y, y])
            label.set_text(f"{n_std}σ: {one_percent(self.share(n_std))}")
            label.set_position((high + 0.15 if high < 4.6 else low - 1.65, y))  # where there is room
        self._centre.set_data([mean, mean], [0, peak])
        self._peak.set_position((mean, peak + 0.06))
        self._peak.set_text(f"peak {peak:.2f}" + (" > 1" if peak > 1 else ""))
        self._peak.set_color(theme.ink(1, self.dark, 4.5) if peak > 1 else theme.page(self.dark)["text"])

    def sentence(self) -> str:
        """Say where the mass lies, and what a peak above 1 means."""
        mean, sd = reading(self.mean), reading(self.standard_deviation)
        spans = [f"from {two_places(mean - n * sd)} to {two_places(mean + n * sd)}" for n in (1, 2)]
        one, two = (one_percent(self.share(n)) for n in (1, 2))
        text = (
            f"Mean {two_places(mean)}, standard deviation {two_places(sd)}, variance {two_places(sd**2)}. {one} of the "
            f"area lies within 1σ ({spans[0]}), {two} within 2σ ({spans[1]}). The peak is {self.peak:.2f}"
        )
        if self.peak > 1:
            return f"{text}, above 1: a density is not a probability. The whole area is still 1."
        return f"{text}; the whole area is 1."
