"""A one-dimensional mixture, fitted by hand and then by EM."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ...datasets import load_faithful
from ...em import em
from ...mixture import Mixture
from ...trace import Trace
from .. import theme
from ..draw import dress, set_labels
from ..geometry import bin_edges
from ..livetext import LiveText
from ..panel import Panel, button, reading, row, slider
from ..words import count, format_number
from .parts import column, nice, one_place

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_mixture"]


def explore_mixture(X: ArrayLike | None = None, n_components: int = 2, *, name: str | None = None) -> MixtureExplorer:
    """Fit a one-dimensional mixture by hand: sliders for weights, means and standard deviations.

    A histogram of the data, the curve of each component, their sum, the total log-likelihood (in nats) as you go,
    and your best so far. "Let EM finish" runs EM from where your sliders are and shows where it ends.

    Parameters
    ----------
    X : (n_samples,) or (n_samples, 1), optional
        Default: the 272 waiting times of Old Faithful, in minutes.
    n_components : int
        From 1 to 4.
    name : str, optional
        Of the measurement, for the axis. Default: the name of a pandas Series, or x.

    Returns
    -------
    A widget; ``.mixture`` and ``.log_likelihood`` belong to the sliders, ``.best`` is the highest log-likelihood so
    far, ``.trace`` EM's run (None before the button was pressed), ``.let_em_finish()`` presses it.

    Raises
    ------
    ValueError
        If X has more than one column, fewer than two distinct values, or a value that is missing.
    """
    return MixtureExplorer(X, n_components, name)


class MixtureExplorer(Panel):
    """One-dimensional mixture by sliders over a histogram; made by `explore_mixture`."""

    title = "A mixture by hand"
    size = (860, 460)

    def __init__(self, X: ArrayLike | None, n_components: int, name: str | None) -> None:
        if X is None:
            X = load_faithful().data[:, 1]
            name = name or "waiting time (minutes)"
        if not 1 <= n_components <= 4:
            raise ValueError(f"n_components is {n_components}, but there are sliders for 1 to 4 components.")
        self.name = name or str(getattr(X, "name", None) or "x")
        self.X = column(X)
        self.about = (
            f"Histogram of {count(len(self.X), 'value')}, {self.name}, with the weighted density of each of "
            f"{count(n_components, 'component')} and, as a grey band, their sum."
        )
        self.trace: Trace | None = None
        self.best = -np.inf
        rows = self._make_sliders(n_components)
        self._controls = [control for line in rows for control in line]
        self._first = [control.value for control in self._controls]
        self.finish = button("Let EM finish", self.let_em_finish, "run EM from where the sliders are now")
        self.again = button("Start again", self.start_again, "sliders back to the start; the best and EM forgotten")
        super().__init__([*(row(*line) for line in rows), row(self.finish, self.again)], self._controls)

    def _make_sliders(self, n_components: int) -> list[list[Any]]:
        x = self.X[:, 0]
        low, high = float(x.min()), float(x.max())
        span = high - low
        step = nice(span / 200)
        grid: dict[str, Any] = {"step": step, "form": f".{max(0, -math.floor(math.log10(step)))}f"}
        # The start is poor on purpose: components close to the middle and as wide as the data; one alone, off it.
        middles = 0.4 * np.quantile(x, (np.arange(n_components) + 0.5) / n_components) + 0.6 * x.mean()
        spread = float(x.std())
        if n_components == 1:
            middles, spread = middles - 0.8 * spread, 0.5 * spread
        narrowest, widest = max(step, step * round(span / 50 / step)), step * round(span / 2 / step)
        first = [step * round(middle / step) for middle in middles]
        ends = step * math.floor(low / step), step * math.ceil(high / step)
        self.means = [
            slider(f"mean μ{_below(k)}", first[k], *ends, **grid, label=70, width=275) for k in range(n_components)
        ]
        wide: dict[str, Any] = {"value": step * round(spread / step), "low": narrowest, "high": widest, **grid}
        self.standard_deviations = [
            slider(f"std. dev. σ{_below(k)}", **wide, tip="standard deviation", label=95, width=305)
            for k in range(n_components)
        ]
        share: dict[str, Any] = {"step": 0.01, "label": 85, "width": 260}
        self.weights = []
        if n_components == 2:
            self.weights = [slider("weight π₀", 0.5, 0.01, 0.99, **share, tip="component 1 has the rest")]
        elif n_components > 2:
            tip = "before the weights are divided by their sum"
            self.weights = [slider(f"weight π{_below(k)}", 0.5, 0.01, 1, **share, tip=tip) for k in range(n_components)]
        rows = [list(pair) for pair in zip(self.means, self.standard_deviations, strict=True)]
        for line, weight in zip(rows, self.weights, strict=False):
            line.append(weight)
        return rows

    @property
    def mixture(self) -> Mixture:
        """The mixture of the sliders; of type 'full'."""
        shares = np.array([reading(weight) for weight in self.weights] or [1.0])
        if len(self.means) == 2:
            shares = np.array([shares[0], 1 - shares[0]])
        means = np.array([[reading(mean)] for mean in self.means])
        variances = np.array([[[reading(sd) ** 2]] for sd in self.standard_deviations])
        return Mixture(shares / shares.sum(), means, variances)

    @property
    def log_likelihood(self) -> float:
        """Total log-likelihood of the data under the sliders' mixture, in nats."""
        return float(self.mixture.log_density(self.X).sum())

    def let_em_finish(self) -> None:
        """Run EM from the sliders' mixture and show where it ends."""
        self.trace = Trace.record(em(self.X, self.mixture), self.X, tol=1e-7, max_iter=5000)
        self.update()

    def start_again(self) -> None:
        """Put the sliders back and forget the best and EM's run."""
        with self.together():
            self.trace, self.best = None, -np.inf
            for control, value in zip(self._controls, self._first, strict=True):
                control.value = value

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the histogram and the curves, and above them the three log-likelihoods."""
        tone = theme.page(self.dark)
        head, ax = figure.subplots(2, 1, height_ratios=(1, 5.4))
        dress(ax)
        x = self.X[:, 0]
        heights, edges = np.histogram(x, bins=bin_edges(x), density=True)
        ax.stairs(heights, edges, fill=True, color=tone["grid"], zorder=1)
        ax.stairs(heights, edges, color=theme.readable(tone["grid"], tone["background"], 1.6), zorder=1.1)
        ax.set_xlim(x.min() - 0.12 * np.ptp(x), x.max() + 0.12 * np.ptp(x))
        ax.set_ylim(0, 1.35 * float(heights.max()))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        set_labels(ax, self.name, "density")
        left, right = ax.get_xlim()
        self._x = np.linspace(left, right, 600)
        self._top = float(ax.get_ylim()[1])
        (self._total,) = ax.plot([], [], color=tone["text"], alpha=0.35, linewidth=8, zorder=3)
        self._curves = [
            ax.plot([], [], color=theme.ink(k, self.dark), linestyle=theme.linestyle(k), linewidth=2.6, zorder=4)[0]
            for k in range(len(self.means))
        ]
        (self._em,) = ax.plot([], [], color=tone["text"], linewidth=2, zorder=3.5)
        self._numbers = [
            LiveText(ax, 0, 0, str(k), size=theme.TITLE + 1, color=theme.ink(k, self.dark, 4.5), weight="bold",
                     ha="center", va="baseline", rim=tone["background"])
            for k in range(len(self.means))
        ]  # fmt: skip

        head.set_axis_off()
        head.set_xlim(0, 1)
        head.set_ylim(0, 1)
        self._cells = []
        cells = (
            (0.0, "Log-likelihood now", {"linewidth": 8, "alpha": 0.35}),
            (0.37, "Your best so far", None),
            (0.68, "EM, from your sliders", {"linewidth": 2}),
        )
        for place, text, style in cells:
            if style:
                head.plot([place, place + 0.035], [0.83, 0.83], color=tone["text"], solid_capstyle="butt", **style)
            text_at = place + (0.045 if style else 0)
            head.text(text_at, 0.83, text, fontsize=theme.SMALL, color=tone["quiet"], va="center")
            self._cells.append(LiveText(head, text_at, 0.3, size=theme.TITLE + 2, color=tone["text"], weight="bold"))
        return [self._total, self._em, *self._curves, *self._numbers, *self._cells]

    def pose(self) -> None:
        """Move the curves, and remember the best."""
        mixture, log_likelihood = self.mixture, self.log_likelihood
        self.best = max(self.best, log_likelihood)
        joint = np.exp(mixture.log_joint(self._x))
        self._total.set_data(self._x, joint.sum(axis=1))
        peaks = np.exp(np.diagonal(mixture.log_joint(mixture.means)))
        for k, (curve, number) in enumerate(zip(self._curves, self._numbers, strict=True)):
            curve.set_data(self._x, np.where(joint[:, k] > 0.003 * self._top, joint[:, k], np.nan))
            number.set_position((mixture.means[k, 0], min(peaks[k], 0.9 * self._top) + 0.015 * self._top))
        collapsed = self.trace is not None and self.trace.outcome == "collapsed"
        if self.trace is None or collapsed:
            self._em.set_data([], [])
        else:
            self._em.set_data(self._x, np.exp(self.trace[-1].mixture.log_density(self._x)))
        end = "?" if self.trace is None else "collapsed" if collapsed else one_place(self.trace.objective[-1])
        for cell, text in zip(self._cells, (one_place(log_likelihood), one_place(self.best), end), strict=True):
            cell.set_text(text)

    def sentence(self) -> str:
        """Say the sliders' mixture, its log-likelihood, the best so far and EM's end."""
        text = (
            f"{_roster(self.mixture)}. Log-likelihood {one_place(self.log_likelihood)} nats over "
            f"{count(len(self.X), 'value')}; your best so far {one_place(self.best)}."
        )
        if self.trace is None:
            return text
        if self.trace.outcome == "collapsed":
            who = self.trace.outcome.component
            return f"{text}\nEM collapsed: component {who} shrank onto a single value. Try a wider one."
        first, end = self.trace.objective[0], self.trace.objective[-1]
        took = count(self.trace[-1].iteration, "iteration")
        return (
            f"{text}\nEM went from {one_place(first)} to {one_place(end)} in {took}. {_roster(self.trace[-1].mixture)}."
        )


def _roster(mixture: Mixture) -> str:
    """Say every component's weight, mean and standard deviation; in fewer words if they are many."""
    spreads = np.sqrt(mixture.dense_covariances[:, 0, 0])
    rows = [
        (f"{weight:.2f}", format_number(mean), format_number(spread))
        for weight, mean, spread in zip(mixture.weights, mixture.means[:, 0], spreads, strict=True)
    ]
    if len(rows) > 2:
        listed = "; ".join(f"{k}: {', '.join(numbers)}" for k, numbers in enumerate(rows))
        return f"Components by weight, mean and standard deviation: {listed}"
    listed = "; ".join(
        f"component {k}: weight {weight}, mean {mean}, standard deviation {spread}"
        for k, (weight, mean, spread) in enumerate(rows)
    )
    return f"{listed[0].upper()}{listed[1:]}"


def _below(k: int) -> str:
    """Write the number of a component as a subscript."""
    return "₀₁₂₃"[k]
