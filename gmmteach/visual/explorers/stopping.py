"""False convergence: where a tolerance stops EM, and where EM was going."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from ...datasets import make_overlapping_blobs
from ...em import em
from ...mixture import Mixture
from ...trace import Trace
from .. import theme
from ..draw import dress, set_labels, set_title
from ..livetext import LiveText
from ..panel import Panel, at, reading, row, slider
from ..words import count, tick_label
from .parts import one_place, two_places

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_stopping"]

CLOSEST, WIDEST, STEP = 1.0, 4.0, 0.25  # of the two blobs, in standard deviations
POWERS = -10.0, -1.0  # of ten, for tol
END = 1e-11  # a gain in nats per sample; a run goes on until it is smaller than this


def explore_stopping(
    separation: float = 1.5, tol: float = 1e-3, *, n_samples: int = 2000, random_state: int = 0
) -> StoppingExplorer:
    """Turn the tolerance and see where EM would stop, and what it would have done afterwards.

    Two round blobs of equal size that overlap, with means at 0 and at `separation` along the first axis, and EM for
    two round components from one bad start, both means to the right of the middle (1 and 3 standard deviations).
    Above, what each round gains in log-likelihood; below, the two means; both against the round. What comes after
    the stop is drawn thin. A click above sets the tolerance.

    Parameters
    ----------
    separation : float
        Distance of the blobs' means, in their standard deviations, from 1 to 4 in steps of 0.25.
    tol : float
        In nats per sample, from 1e-10 to 0.1. As in scikit-learn and in `Trace.record`, EM stops one round *after*
        the one that gained less, for only then is its gain known.
    n_samples : int
        Of both blobs together, 200 or more.
    random_state : int
        Of the samples.

    Returns
    -------
    A widget; ``.trace`` is the run at this separation until a round gains less than 1e-11 nats per sample, ``.gains``
    (T,) what each round gained, in nats per sample, ``.stop`` the round in which EM stops for ``.tol``, ``.left`` how
    many nats in all lie beyond, ``.rate`` the factor from a step of the means to the next, at the end.

    Raises
    ------
    ValueError
        If tol is not a positive number, or there are fewer than 200 samples.
    """
    return StoppingExplorer(separation, tol, n_samples, random_state)


def start_of(separation: float) -> Mixture:
    """Mixture that a run begins with: equal weights, variances 1, both means to the right of the middle."""
    middle = separation / 2
    return Mixture(
        np.array([0.5, 0.5]), np.array([[middle + 1, 0.0], [middle + 3, 0.0]]), np.array([1.0, 1.0]), "spherical"
    )


@lru_cache(maxsize=64)
def run(separation: float, n_samples: int = 2000, random_state: int = 0) -> Trace:
    """Run EM on the blobs until a round gains next to nothing; remembered, for every explorer needs the same ones."""
    X, _ = make_overlapping_blobs(n_samples, n_components=2, separation=separation, random_state=random_state)
    X = X + np.array([separation / 2, 0.0])  # the true means are then 0 and `separation`
    return Trace.record(em(X, start_of(separation)), X, tol=END, max_iter=10_000)


class StoppingExplorer(Panel):
    """Where a tolerance stops EM on two overlapping blobs; made by `explore_stopping`."""

    title = "When to stop"
    size = (860, 470)

    def __init__(self, separation: float, tol: float, n_samples: int, random_state: int) -> None:
        if not (np.isfinite(tol) and tol > 0):
            raise ValueError(f"tol must be a positive number, in nats per sample, but is {tol!r}.")
        if n_samples < 200:
            raise ValueError(f"n_samples is {n_samples}, but two overlapping blobs need 200 or more.")
        n_steps = round((WIDEST - CLOSEST) / STEP)
        separations = [CLOSEST + STEP * i for i in range(n_steps + 1)]
        self._runs = {value: run(value, n_samples, random_state) for value in separations}
        self.about = (
            f"Two curves above each other against the round of EM, on {count(n_samples, 'sample')} of two overlapping "
            "blobs: what a round gains per sample, on a logarithmic scale, and the two means. A vertical line is "
            "where EM stops."
        )
        power = round(2 * float(np.log10(tol))) / 2
        tip = "a round that gains less, in nats per sample, is the last but one"
        self.power = slider("tol = 10 to the", power, *POWERS, 0.5, form=".1f", tip=tip, label=115, width=400)
        far = "of the two blobs' means, in standard deviations"
        self.separation = slider(
            "separation", _on_grid(separation), CLOSEST, WIDEST, STEP, tip=far, label=90, width=380
        )
        super().__init__([row(self.power, self.separation)], [self.power, self.separation], pointable=True)

    @property
    def tol(self) -> float:
        """The tolerance, in nats per sample."""
        return float(10 ** reading(self.power))

    @property
    def trace(self) -> Trace:
        """The whole run at this separation."""
        return self._runs[_on_grid(self.separation.value)]

    @property
    def gains(self) -> Floats:
        """What each round gained, in nats per sample, (T,); the first is that of round 1."""
        return np.asarray(np.diff(self.trace.objective) / len(self.trace.X))

    @property
    def stop(self) -> int:
        """Round in which EM stops: the one after the first that gains less than ``tol``."""
        small = np.flatnonzero(np.abs(self.gains) < self.tol)
        return int(min(small[0] + 2, len(self.trace) - 1)) if len(small) else len(self.trace) - 1

    @property
    def left(self) -> float:
        """Log-likelihood between the stop and the end of the run, in nats, in all."""
        return float(self.trace.objective[-1] - self.trace.objective[self.stop])

    @property
    def rate(self) -> float:
        """Length of a step of the means divided by that of the step before, three quarters down the run."""
        steps = np.linalg.norm(np.diff(self.trace.means, axis=0), axis=(1, 2))
        late = 3 * len(steps) // 4
        return float(steps[late] / steps[late - 1])

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the two curves of each picture, before and after the stop, and the line between."""
        tone = theme.page(self.dark)
        self.axes, low = figure.subplots(2, 1, sharex=True, height_ratios=(1.15, 1))
        longest = max(len(each) for each in self._runs.values())
        ends = np.array([each.means[-1, :, 0] for each in self._runs.values()])
        for ax, title, name in (
            (self.axes, "What a round gains", "nats per sample"), (low, "Where the means are", "mean (std. devs)")
        ):  # fmt: skip
            dress(ax)
            set_title(ax, title)
            set_labels(ax, "round of EM" if ax is low else "", name)
        low.set(xscale="log", xlim=(0.9, 4.5 * longest), ylim=(min(ends.min(), 0) - 0.5, max(ends.max(), 4.2) + 0.5))
        low.xaxis.set_major_formatter(FuncFormatter(tick_label))
        low.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        self.axes.set(yscale="log", ylim=(END / 30, 10))
        self.axes.yaxis.set_major_locator(LogLocator(numticks=5))
        for axis in (self.axes.yaxis, low.xaxis):
            axis.set_minor_locator(NullLocator())
        self.axes.tick_params(labelbottom=False)

        look: dict[str, Any] = {"linewidth": 3.2, "zorder": 4}
        (self._gain,) = self.axes.plot([], [], color=tone["text"], **look)
        (self._gain_later,) = self.axes.plot([], [], color=tone["text"], linewidth=1.3, zorder=3)
        self._means, self._later, self._ends = [], [], []
        for k in range(2):
            ink = theme.ink(k, self.dark)
            self._means += low.plot([], [], color=ink, linestyle=theme.linestyle(k), **look)
            self._later += low.plot([], [], color=ink, linewidth=1.3, zorder=3)
            letters = theme.ink(k, self.dark, 4.5)
            self._ends.append(LiveText(low, 1, 0, size=theme.SMALL, color=letters, weight="bold"))
        (self._level,) = self.axes.plot([], [], color=theme.ink(3, self.dark), linestyle=theme.linestyle(2), zorder=2)
        self._stops = [ax.axvline(1, color=theme.ink(3, self.dark), linewidth=2, zorder=5) for ax in (self.axes, low)]
        self._dots = [
            low.plot(
                [], [], theme.marker(k), color=theme.colour(k, self.dark), markersize=10,
                markeredgecolor=tone["text"], markeredgewidth=1.5, zorder=6,
            )[0]
            for k in range(2)
        ]  # fmt: skip
        words = theme.readable(theme.ink(3, self.dark), tone["background"], 4.5)
        style: dict[str, Any] = {"size": theme.SMALL, "color": words, "weight": "bold", "rim": tone["background"]}
        self._words = [LiveText(self.axes, 1, 2, ha=side, **style) for side in ("left", "right")]
        across = self.axes.get_yaxis_transform()
        self._tol = LiveText(self.axes, 0.995, 1, ha="right", va="baseline", transform=across, **style)
        curves = [self._gain, self._gain_later, *self._means, *self._later]
        return [*curves, *self._ends, self._level, *self._stops, *self._dots, *self._words, self._tol]

    def pose(self) -> None:
        """Draw the run, thick as far as the stop and thin after it."""
        means, gains, stop, tol = self.trace.means[:, :, 0], np.maximum(self.gains, END / 20), self.stop, self.tol
        rounds = np.arange(len(means))
        self._gain.set_data(rounds[1 : stop + 1], gains[:stop])
        self._gain_later.set_data(rounds[stop:], gains[stop - 1 :])
        for k in range(2):
            self._means[k].set_data(rounds[1 : stop + 1], means[1 : stop + 1, k])
            self._later[k].set_data(rounds[stop:], means[stop:, k])
            self._dots[k].set_data([stop], [means[stop, k]])
            self._ends[k].set_position((1.15 * rounds[-1], means[-1, k]))
            self._ends[k].set_text(f"end {two_places(means[-1, k])}")
        for line in self._stops:
            line.set_xdata([stop, stop])
        self._level.set_data(self.axes.get_xlim(), [tol, tol])
        late = 10 * stop > self.axes.get_xlim()[1]  # no room to the right of the line
        for word, factor, said in zip(self._words, (1.12, 1 / 1.12), (not late, late), strict=True):
            word.set_position((factor * stop, 2.2))
            word.set_text(f"stops after {stop:,}" if said else "")
        self._tol.set_position((0.995, 1.7 * tol))
        self._tol.set_text(f"tol {_tolerance(tol)}")

    def sentence(self) -> str:
        """Say where EM stops, and where it was going."""
        means, last = self.trace.means[:, :, 0], len(self.trace) - 1
        here, there = (" and ".join(two_places(mean) for mean in means[t]) for t in (self.stop, last))
        return (
            f"tol {_tolerance(self.tol)} stops after {count(self.stop, 'round')} with means {here}, "
            f"{_nats(self.left)} below the end.\nThe end of the run is {there} after {count(last, 'round')}; "
            f"late in it, a step is {self.rate:.3f} times the one before."
        )

    def pointed(self, place: tuple[float, float]) -> None:
        """Set the tolerance to the height of a click in the upper picture."""
        if (spot := at(self.axes, place)) is not None:
            power = round(2 * float(np.log10(spot[1]))) / 2
            self.power.value = min(max(power, POWERS[0]), POWERS[1])


def _on_grid(separation: float) -> float:
    """Give back the nearest separation that has a run."""
    return CLOSEST + STEP * round((min(max(separation, CLOSEST), WIDEST) - CLOSEST) / STEP)


def _tolerance(tol: float) -> str:
    """Write a tolerance as a learner would: 0.001, 3.2e−8."""
    return f"{tol:.2g}".replace("e-0", "e−").replace("e-", "e−")


def _nats(left: float) -> str:
    """Write what is left, in nats; small numbers as powers of ten."""
    if left >= 0.05:
        return f"{one_place(left)} nats"
    return f"{max(left, 0.0):.1g} nats".replace("e-0", "e−") if left >= 1e-7 else "less than 1e−7 nats"
