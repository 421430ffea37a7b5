"""The bound that EM climbs: one free mean, the log-likelihood, and the ELBO of the q at hand under it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

from ...datasets import load_faithful
from ...mixture import Mixture
from .. import theme
from ..draw import dress, set_labels
from ..geometry import bin_edges
from ..livetext import LiveText
from ..panel import Panel, at, button, reading, row, slider
from ..words import count, tick_label
from .parts import column, nice, one_place

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_bound"]


def explore_bound(
    X: ArrayLike | None = None, mixture: Mixture | None = None, *, start: float | None = None, name: str | None = None
) -> BoundExplorer:
    """Watch the E-step lift a bound to the log-likelihood, and the M-step climb it, with one mean that is free.

    Everything about a two-component mixture in one dimension is known but the mean of component 0. The picture has
    the log-likelihood of every value of that mean and the evidence lower bound (ELBO) of the q at hand, a parabola
    (Bishop 2006, eq. 9.70 to 9.72; figures 9.11 to 9.14); bars beside it show log-likelihood = ELBO + KL; below, q
    and the posterior as functions of the data. The slider "wrong q" mixes into the E-step's q one that is uniform,
    hard (all to the more probable component) or swapped (the two shares exchanged). A click moves the mean.

    Parameters
    ----------
    X : (n_samples,) or (n_samples, 1), optional
        Default: the 272 waiting times of Old Faithful, in minutes.
    mixture : Mixture, optional
        Two components, one feature; the mean of component 0 is not used. Default: weights 0.36 and 0.64, mean 1 at
        80, both standard deviations 10, wider than the data's, so that the steps are short enough to watch.
    start : float, optional
        Where mean 0 starts. Default: 90, or near the high end of other data.
    name : str, optional
        Of the measurement, for the axes. Default: the name of a pandas Series, or x.

    Returns
    -------
    A widget; ``.log_likelihood``, ``.elbo`` and ``.kl`` are the numbers now, in nats, ``.q`` (n_samples, 2) the shares,
    ``.mean_now`` the free mean; ``.e_step()``, ``.m_step()`` and ``.start_again()`` press the buttons.

    Raises
    ------
    ValueError
        If the mixture has not two components in one feature, or X is not one column of finite numbers.
    """
    return BoundExplorer(X, mixture, start, name)


class BoundExplorer(Panel):
    """One free mean, its log-likelihood and the bound of the q at hand; made by `explore_bound`."""

    title = "The bound under the log-likelihood"
    size = (860, 470)

    def __init__(self, X: ArrayLike | None, mixture: Mixture | None, start: float | None, name: str | None) -> None:
        if X is None:
            X, name = load_faithful().data[:, 1], name or "waiting time (minutes)"
            start = 90.0 if start is None else start
        if mixture is None:
            mixture = Mixture(np.array([0.36, 0.64]), np.array([[55.0], [80.0]]), np.full(2, 100.0), "spherical")
        if (size := (mixture.n_components, mixture.n_features)) != (2, 1):
            raise ValueError(f"the mixture needs 2 components in 1 feature, but has {size[0]} in {size[1]}.")
        self.name = name or str(getattr(X, "name", None) or "x")
        self.X, self._fixed = column(X), mixture
        self._x = self.X[:, 0]
        span = float(np.ptp(self._x))
        step = nice(span / 400)
        tens = 10 * step
        low, high = (tens * round(end / tens) for end in (self._x.min() - span / 50, self._x.max() + span / 50))
        self._digits = max(0, -int(np.floor(np.log10(step))))
        self._start = step * round((low + 0.87 * (high - low) if start is None else min(max(start, low), high)) / step)
        self._grid = np.linspace(low, high, 241)
        self._curve = np.array([self.log_likelihood_at(mean) for mean in self._grid])
        self.about = (
            f"Log-likelihood of {count(len(self._x), 'value')} against one free mean, and under it, as a dashed "
            "parabola, the ELBO of the q at hand; bars beside it; below, the share that q gives component 0."
        )
        self.mean = slider("mean μ₀", self._start, low, high, step, form=f".{self._digits}f", label=75, width=370)
        tip = "0: the E-step's own q; 1: the one named beside it"
        self.wrong = slider("wrong q", 1, 0, 1, 0.05, tip=tip, label=75, width=300)
        hints = {"uniform": "half and half", "hard": "all to the more probable", "swapped": "the two shares exchanged"}
        look = {"button_width": "100px"}
        self.kind = ipywidgets.ToggleButtons(options=list(hints), tooltips=list(hints.values()), style=look)
        buttons = [
            button("E-step", self.e_step, "set q to the posterior at this mean: the bound touches"),
            button("M-step", self.m_step, "go to the top of the bound"),
            button("Start again", self.start_again, "the first mean, and a uniform q"),
        ]
        self._reset()
        self.mean.observe(self._mean_moved, "value")
        for control in (self.wrong, self.kind):
            control.observe(self._q_changed, "value")
        controls = [self.mean, self.wrong, self.kind]
        super().__init__([row(*buttons, self.mean), row(self.wrong, self.kind)], controls, pointable=True)

    def _reset(self) -> None:
        self.mean_now = self._reference = self._start  # exact; the slider shows it rounded to its step
        self._trail: list[float] = []  # where the bound has touched
        self._ghost = np.full_like(self._grid, np.nan)  # the bound before the last E-step
        self._news = "Take an E-step."

    def mixture_at(self, mean: float) -> Mixture:
        """Give back the mixture with mean 0 there."""
        means = np.array([[mean], self._fixed.means[1]])
        return Mixture(self._fixed.weights, means, self._fixed.covariances, self._fixed.covariance_type)

    def log_likelihood_at(self, mean: float) -> float:
        """Total log-likelihood with mean 0 there, in nats."""
        return float(self.mixture_at(mean).log_density(self.X).sum())

    def shares(self, X: ArrayLike) -> Floats:
        """Give back q at these values, (n, 2): the E-step's of the last reference, mixed with a wrong one."""
        own = self.mixture_at(self._reference).responsibilities(X)
        other = {"uniform": np.full_like(own, 0.5), "hard": np.eye(2)[own.argmax(axis=1)], "swapped": own[:, ::-1]}
        amount = reading(self.wrong)
        return np.asarray((1 - amount) * own + amount * other[self.kind.value])

    @property
    def q(self) -> Floats:
        """The shares that q gives the components, (n_samples, 2)."""
        return self.shares(self.X)

    def elbo_at(self, means: ArrayLike) -> Floats:
        """Evidence lower bound of q for these values of mean 0 (Bishop 2006, eq. 9.71): a parabola."""
        q, means = self.q, np.asarray(means, dtype=np.float64)
        base = (q * self.mixture_at(0.0).log_joint(self.X)).sum() + entr(q).sum()
        variance = self._fixed.dense_covariances[0, 0, 0]
        return np.asarray(base + (q[:, 0] @ self._x * means - q[:, 0].sum() * means**2 / 2) / variance)

    @property
    def log_likelihood(self) -> float:
        """Total log-likelihood at the mean, in nats; q has no part in it."""
        return self.log_likelihood_at(self.mean_now)

    @property
    def elbo(self) -> float:
        """Bound at the mean, for q."""
        return float(self.elbo_at(self.mean_now))

    @property
    def kl(self) -> float:
        """KL divergence of q from the posterior at the mean (Bishop 2006, eq. 9.72), summed over the samples."""
        q, mixture = self.q, self.mixture_at(self.mean_now)
        log_posterior = mixture.log_joint(self.X) - mixture.log_density(self.X)[:, np.newaxis]
        return float(-entr(q).sum() - (q * log_posterior).sum())

    def e_step(self) -> None:
        """Set q to the posterior at the mean."""
        before, self._ghost = self.elbo, self.elbo_at(self._grid)
        with self.together():
            self._reference, self.wrong.value = self.mean_now, 0.0
            self._trail = [*self._trail[-11:], self.mean_now]
            lift = f"The E-step lifted the bound by {one_place(self.elbo - before)} nats"
            self._news = f"{lift}: it touches. The log-likelihood stayed."

    def m_step(self) -> None:
        """Set the mean to the top of the bound."""
        owned = self.q[:, 0]
        with self.together():
            if owned.sum() < 1e-9:
                self._news = "This q gives component 0 nothing, so the bound is level: the M-step has nowhere to go."
                return
            elbo, before, best = self.elbo, self.log_likelihood, float(owned @ self._x / owned.sum())  # (9.24)
            self.mean.value, self.mean_now = round(best, self._digits), best
            gain, rise = one_place(self.elbo - elbo), self.log_likelihood - before
            change = f"{'rose' if rise > -0.05 else 'fell'} by {one_place(abs(rise))}"
            self._news = f"The M-step climbed the bound by {gain} nats; the log-likelihood {change}."

    def start_again(self) -> None:
        """Put back the first mean and the uniform q."""
        with self.together():
            self.mean.value, self.wrong.value, self.kind.value = self._start, 1.0, "uniform"
            self._reset()

    def pointed(self, place: tuple[float, float]) -> None:
        """Move the mean to a click."""
        if (spot := at(self.axes, place)) is not None:
            self.mean.value = round(spot[0] / self.mean.step) * self.mean.step

    def _mean_moved(self, _change: object) -> None:
        self.mean_now = reading(self.mean)
        self._news = "You moved the mean, and q stayed: the gap is what an E-step would close."

    def _q_changed(self, change: Any) -> None:
        if change.owner is self.kind and self.wrong.value == 0:
            self.wrong.value = 1.0  # whoever picks a wrong q wants to see it
        self._news = "The wider the gap, the less a climb of the bound says about the log-likelihood."

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the two curves, the bars beside them, and q below."""
        tone = theme.page(self.dark)
        grid = figure.add_gridspec(2, 2, width_ratios=(2.7, 1), height_ratios=(2.6, 1))
        self.axes = ax = figure.add_subplot(grid[0, 0])
        side, low, words = (figure.add_subplot(grid[where]) for where in ((0, 1), (1, 0), (1, 1)))
        green, pink = theme.ink(2, self.dark), theme.ink(3, self.dark)
        top, reach = float(self._curve.max()), float(np.ptp(self._curve))
        self._floor = top - 1.6 * reach
        ends = self._grid[0], self._grid[-1]
        ax.set(xlim=ends, ylim=(self._floor, top + 0.1 * reach))
        set_labels(ax, f"mean μ₀ {self.name[self.name.find('(') :] if '(' in self.name else ''}".rstrip(), "nats")
        for each in (ax, side, low):
            dress(each)
            each.yaxis.set_major_locator(MaxNLocator(5))
            each.yaxis.set_major_formatter(FuncFormatter(tick_label))
        ax.plot(self._grid, self._curve, color=tone["text"], linewidth=2.8, zorder=3)
        style: dict[str, Any] = {"color": green, "linestyle": theme.linestyle(1), "zorder": 4}
        (self._bound,) = ax.plot([], [], linewidth=2.8, **style)
        (self._before,) = ax.plot([], [], linewidth=1.6, alpha=0.55, **style)
        (self._gap,) = ax.plot([], [], color=pink, linewidth=6, solid_capstyle="butt", zorder=3.5)
        (self._touched,) = ax.plot([], [], "o", markersize=6, color=tone["background"], mec=tone["text"], zorder=4.5)
        (self._up,) = ax.plot([], [], "o", markersize=10, color=tone["text"], zorder=5)
        (self._down,) = ax.plot([], [], "D", markersize=9, color=green, mec=tone["background"], zorder=5.5)
        key = (("log-likelihood", {"color": tone["text"], "linewidth": 2.8}), ("ELBO of this q", {**style, "lw": 2.8}),
               ("ELBO before", {**style, "lw": 1.6, "alpha": 0.55}))  # fmt: skip
        for y, (text, line) in zip((0.95, 0.87, 0.79), key, strict=True):
            ax.plot([0.62, 0.70], [y, y], transform=ax.transAxes, **line)
            ax.text(0.72, y, text, fontsize=theme.SMALL, va="center_baseline", transform=ax.transAxes)

        side.set(xlim=(-0.5, 1.5), ylim=ax.get_ylim(), xticks=[0, 1], xticklabels=["log-lik.", "ELBO + KL"])
        side.tick_params(axis="y", labelleft=False)
        faces = ((0, tone["text"], 0.35, ""), (1, green, 1.0, ""), (1, pink, 1.0, "//"))
        look: dict[str, Any] = {"edgecolor": tone["background"], "linewidth": 0, "zorder": 3}
        self._bars = [
            side.add_patch(Rectangle((x - 0.36, 0), 0.72, 0, facecolor=colour, alpha=alpha, hatch=hatch, **look))
            for x, colour, alpha, hatch in faces
        ]

        low.set(xlim=ends, ylim=(0, 1.06), yticks=[0, 0.5, 1])
        set_labels(low, self.name, "share of 0")
        heights, edges = np.histogram(self._x, bins=bin_edges(self._x))
        low.stairs(heights / heights.max(), edges, fill=True, color=tone["grid"], zorder=1)
        (self._posterior,) = low.plot([], [], color=tone["text"], linewidth=5, alpha=0.35, zorder=2)
        (self._shares,) = low.plot([], [], linewidth=2.4, **style)

        words.set_axis_off()
        words.set(xlim=(0, 1), ylim=(0, 1))
        self._numbers = []
        lines = (0.92, "log-lik."), (0.64, "= ELBO"), (0.36, "+ KL")
        for (y, text), (_, colour, alpha, _) in zip(lines, faces, strict=True):
            words.plot([0, 0.06], [y, y], color=colour, alpha=alpha, linewidth=9, solid_capstyle="butt", clip_on=False)
            words.text(0.11, y, text, fontsize=theme.SMALL, va="center_baseline")
            self._numbers.append(LiveText(words, 1, y, size=theme.BODY, color=tone["text"], weight="bold", ha="right"))
        words.plot([0, 0.17], [0, 0], color=green, linestyle=theme.linestyle(1), linewidth=2.4, clip_on=False)
        words.text(0.21, 0, "q", fontsize=theme.SMALL, va="center_baseline")
        words.plot([0.38, 0.52], [0, 0], color=tone["text"], alpha=0.35, linewidth=5, clip_on=False)
        words.text(0.56, 0, "posterior", fontsize=theme.SMALL, va="center_baseline")
        return [
            self._gap, self._before, self._bound, self._touched, self._up, self._down, *self._bars, self._posterior,
            self._shares, *self._numbers,
        ]  # fmt: skip

    def pose(self) -> None:
        """Move the bound, the gap, the bars and q."""
        mean, top, elbo = self.mean_now, self.log_likelihood, self.elbo
        self._bound.set_data(self._grid, self.elbo_at(self._grid))
        self._before.set_data(self._grid, self._ghost)
        self._gap.set_data([mean, mean], [max(elbo, self._floor), top])
        self._touched.set_data(self._trail, [self.log_likelihood_at(each) for each in self._trail])
        self._up.set_data([mean], [top])
        self._down.set_data([mean], [elbo])
        level = max(elbo, self._floor)  # far below the picture, KL fills the bar
        ends = (self._floor, top), (self._floor, level), (level, top)
        for bar, (bottom, end) in zip(self._bars, ends, strict=True):
            bar.set(y=bottom, height=end - bottom)
        places = self._grid[:, np.newaxis]
        self._posterior.set_data(self._grid, self.mixture_at(mean).responsibilities(places)[:, 0])
        self._shares.set_data(self._grid, self.shares(places)[:, 0])
        for text, value in zip(self._numbers, (top, elbo, self.kl), strict=True):
            text.set_text(one_place(value))

    def sentence(self) -> str:
        """Say the equation in numbers, and what the last step did."""
        amount = reading(self.wrong)
        wrong = self.kind.value if amount == 1 else f"{amount:.0%} {self.kind.value}".replace("%", " %")
        q = wrong if amount else f"the E-step's, taken at {self._reference:.{self._digits}f}"
        return (
            f"Mean 0 at {self.mean_now:.{self._digits}f}: log-likelihood {one_place(self.log_likelihood)} = ELBO "
            f"{one_place(self.elbo)} + KL {one_place(self.kl)} nats. q: {q}.\n{self._news}"
        )
