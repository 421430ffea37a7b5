"""The singularity: a component on one data point, its standard deviation halved and halved again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from ...datasets import load_galaxies
from .. import theme
from ..draw import dress, halo, set_labels, set_title
from ..livetext import LiveText
from ..panel import Panel, button, reading, row, slider
from ..words import count, format_number, tick_label
from .parts import one_place

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_collapse"]

HALVINGS = 24
DEGREES = 3.0  # ν of the prior: D + 2, as in Fraley & Raftery (2007)
REMEDIES = {
    "no remedy": "nothing keeps the spike from shrinking",
    "reg_covar": "a small number is added to both variances",
    "tied": "both components have the spike's standard deviation",
    "prior": "an inverse-Wishart prior on the spike's variance is added to the objective",
}


def explore_collapse(
    X: ArrayLike | None = None, *, point: int | None = None, halvings: int = 6, reg_covar: float = 1e-6,
    name: str | None = None,
) -> CollapseExplorer:  # fmt: skip
    """Put a component on one data point, halve its σ again and again, and watch the log-likelihood climb.

    Two components: one as wide as all the data, and one of weight 1 / n_samples exactly on a data point. Each halving
    ends by adding ln 2 to the log-likelihood (Bishop 2006, section 9.2.1). Three remedies can be switched on.

    Parameters
    ----------
    X : (n_samples,) or (n_samples, 1), optional
        Default: the velocities of 82 galaxies, in 1000 km/s.
    point : int, optional
        Which of the sorted values the spike sits on, from 0. Default: the largest.
    halvings : int, default=6
        From 0, where the spike is as wide as the data, to 24.
    reg_covar : float, default=1e-6
        What the remedy of this name adds to the variances, in squared units of X.
    name : str, optional
        Of the measurement, for the axis. Default: x.

    Returns
    -------
    A widget; ``.sigma`` is the standard deviation asked for, ``.width`` the one that the remedy leaves,
    ``.objective`` what is on the right, in nats: the total log-likelihood, plus the log prior if that is switched on.

    Raises
    ------
    ValueError
        If X has more than one column, fewer than two distinct values, or a value that is missing; if there is no
        such point; or if reg_covar is not positive.
    """
    return CollapseExplorer(X, point, halvings, reg_covar, name)


def log_density(x: Floats, centre: float, wide: tuple[float, Any], width: Any, weight: float) -> Floats:
    """Log density of a wide Gaussian (mean, standard deviation) with a spike of this weight on a centre."""
    broad = np.log1p(-weight) + norm.logpdf(x, *wide)
    narrow = np.log(weight) + norm.logpdf(x, centre, width)
    return np.logaddexp(broad, narrow)


class CollapseExplorer(Panel):
    """A spike that is halved, and its log-likelihood; made by `explore_collapse`."""

    title = "A component collapses"
    size = (860, 470)

    def __init__(
        self, X: ArrayLike | None, point: int | None, halvings: int, reg_covar: float, name: str | None
    ) -> None:
        if X is None:
            X = load_galaxies().data / 1000
            name = name or "velocity (1000 km/s)"
        self.name = name or "x"
        self.X = _column(X)
        if not 0 < reg_covar < np.inf:
            raise ValueError(f"reg_covar is {reg_covar}, but must be a positive number.")
        self.reg_covar = float(reg_covar)
        last = len(self.X) - 1
        point = last if point is None else point
        if not 0 <= point <= last:
            raise ValueError(f"point is {point}, but the points are numbered from 0 to {last}.")
        self.about = (
            f"Left: the density of two components on {count(len(self.X), 'value')}, {self.name}, on a log scale: a "
            "wide one, and a spike on one value. Right: the log-likelihood after each halving of the spike's σ."
        )
        self.halvings = slider(
            "σ halved", halvings, 0, HALVINGS, 1, form=".0f", label=75, width=310, tip="how often, from the data's own"
        )
        self.point = slider("on point", point, 0, last, 1, form=".0f", label=75, width=310, tip="of the sorted values")
        self.remedy = ipywidgets.ToggleButtons(
            options=list(REMEDIES), tooltips=list(REMEDIES.values()), style={"button_width": "122px"}
        )
        halve = button("Halve σ", self.halve, "one click, one halving")
        again = button("Start again", self.start_again, "the spike as wide as the data, no remedy")
        rows = [row(halve, self.halvings, self.point), row(self.remedy, again)]
        super().__init__(rows, [self.halvings, self.point, self.remedy])

    @property
    def weight(self) -> float:
        """Weight of the spike: that of one point."""
        return 1 / len(self.X)

    @property
    def centre(self) -> float:
        """Value that the spike sits on."""
        return float(self.X[int(reading(self.point))])

    @property
    def sigma(self) -> float:
        """Standard deviation of the spike that is asked for."""
        return float(self.X.std() / 2 ** reading(self.halvings))

    @property
    def width(self) -> float:
        """Standard deviation of the spike that the remedy leaves."""
        return float(self._widths(self.sigma)[0])

    @property
    def objective(self) -> float:
        """Total log-likelihood in nats; with the prior switched on, the log prior is in it."""
        return float(self.path()[int(reading(self.halvings))])

    def path(self, remedy: str | None = None, centre: float | None = None) -> Floats:
        """The objective after 0 to 24 halvings, (25,); the log prior is 0 where it is highest."""
        remedy = remedy or str(self.remedy.value)
        place = self.centre if centre is None else centre
        width, wide = self._widths(self.X.std() / 2.0 ** np.arange(HALVINGS + 1)[:, np.newaxis], remedy)
        total = log_density(self.X, place, (float(self.X.mean()), wide), width, self.weight).sum(axis=1)
        if remedy == "prior":  # ln p(σ²) of the inverse-Wishart, less its highest value
            scale = self.X.var() / 4  # Ψ = var(X) / K^(2/D), Fraley & Raftery (2007)
            ratio = scale / (DEGREES + 2) / width[:, 0] ** 2
            total = total + 0.5 * (DEGREES + 2) * (np.log(ratio) - ratio + 1)
        return np.asarray(total)

    def halve(self) -> None:
        """Halve σ once more."""
        self.halvings.value = min(self.halvings.value + 1, self.halvings.max)

    def start_again(self) -> None:
        """Make the spike as wide as the data, without a remedy."""
        with self.together():
            self.halvings.value, self.remedy.value = 0, "no remedy"

    def _widths(self, sigma: Any, remedy: str | None = None) -> tuple[Any, Any]:
        """Standard deviations of the spike and of the wide component."""
        remedy = remedy or str(self.remedy.value)
        own = float(self.X.std())
        if remedy == "reg_covar":
            return np.hypot(sigma, self.reg_covar**0.5), np.hypot(own, self.reg_covar**0.5)
        return sigma, sigma if remedy == "tied" else own

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the numbers above, the density on the left and the climb on the right."""
        tone = theme.page(self.dark)
        grid = figure.add_gridspec(2, 2, height_ratios=(1, 5.6))
        head = figure.add_subplot(grid[0, :])
        left, right = figure.add_subplot(grid[1, 0]), figure.add_subplot(grid[1, 1])
        for ax in (left, right):
            dress(ax)
        set_title(left, "Density, on a log scale")
        set_labels(left, self.name, "density")
        set_title(right, "Halving by halving")
        set_labels(right, "halvings of σ", "log-likelihood (nats)")

        own, low, high = float(self.X.std()), float(self.X.min()), float(self.X.max())
        room = 0.08 * (high - low)
        self._x = np.linspace(low - room, high + room, 241)
        tallest = 2.0**HALVINGS / (own * np.sqrt(2 * np.pi))
        self._floor = 3e-3 / own
        left.set_xlim(low - room, high + room)
        left.set_yscale("log")
        left.set_ylim(self._floor, 3 * tallest * self.weight)
        left.minorticks_off()
        left.plot(self.X, np.full(len(self.X), 0.025), "|", color=tone["text"], ms=9, mew=1.2, clip_on=False,
                  transform=left.get_xaxis_transform(), zorder=5)  # fmt: skip
        ink = [theme.ink(k, self.dark) for k in (0, 1)]
        (self._wide,) = left.plot([], [], color=ink[0], linestyle=theme.linestyle(0), linewidth=2.6, zorder=3)
        (self._spike,) = left.plot([], [], color=ink[1], linestyle=theme.linestyle(1), linewidth=2.6, zorder=4)
        (self._on,) = left.plot([], [], theme.marker(1), color=ink[1], ms=9, mec=tone["text"], mew=1.5, clip_on=False,
                                transform=left.get_xaxis_transform(), zorder=6)  # fmt: skip

        paths = [self.path("no remedy", place) for place in (low, high)]
        start, ends = float(paths[0][0]), [float(path[-1]) for path in paths]
        reach = max(ends) - start
        right.set_xlim(-0.8, HALVINGS + 0.8)
        right.set_ylim(start - 0.6 * reach, max(ends) + 0.08 * reach)
        right.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, steps=[1, 2, 4, 5, 10]))
        right.yaxis.set_major_locator(MaxNLocator(nbins=6))
        right.yaxis.set_major_formatter(tick_label)
        (self._bare,) = right.plot([], [], ":", color=tone["quiet"], linewidth=2.4, zorder=2)
        (self._climb,) = right.plot([], [], "-", color=ink[1], linewidth=2.4, marker=".", ms=8, zorder=3)
        (self._now,) = right.plot([], [], theme.marker(1), color=ink[1], ms=12, mec=tone["text"], mew=2, zorder=4)
        self._now.set_path_effects(halo(4, self.dark))
        self._lowest = start - 0.6 * reach
        self._off = LiveText(right, HALVINGS, start - 0.54 * reach, size=theme.SMALL, color=tone["text"], ha="right")
        self._cells = _cells(head, self.dark)
        return [self._wide, self._spike, self._on, self._bare, self._climb, self._now, self._off, *self._cells]

    def pose(self) -> None:
        """Narrow the spike and climb to here."""
        width, wide = self._widths(self.sigma)
        broad = (1 - self.weight) * norm.pdf(self._x, self.X.mean(), wide)
        self._wide.set_data(self._x, np.where(broad > self._floor, broad, np.nan))
        around = np.linspace(-7, 7, 141)
        narrow = self.weight * norm.pdf(around) / width
        self._spike.set_data(self.centre + width * around, np.where(narrow > self._floor, narrow, self._floor))
        self._on.set_data([self.centre], [0.025])
        now = int(reading(self.halvings))
        climb, steps = self.path()[: now + 1], np.arange(now + 1)
        bare = self.path("no remedy")[: now + 1 if self.remedy.value != "no remedy" else 0]
        self._climb.set_data(steps, climb)
        self._bare.set_data(steps[: len(bare)], bare)
        self._now.set_data([now], [climb[-1]])
        self._off.set_text("off the picture ↓" if climb[-1] < self._lowest else "")
        title, *values = self._cells
        title.set_text("Log-likelihood" + (" + log prior" if self.remedy.value == "prior" else ""))
        peak = self.weight / (width * np.sqrt(2 * np.pi))
        texts = (_short(width), _short(peak), _nats(climb[-1]))
        for cell, text in zip(values, texts, strict=True):
            cell.set_text(text)

    def sentence(self) -> str:
        """Say the width, the objective, what the last halving did and what the remedy does."""
        now, remedy, path = int(reading(self.halvings)), str(self.remedy.value), self.path()
        what = "log-likelihood + log prior" if remedy == "prior" else "log-likelihood"
        halved = f"halved {count(now, 'time')} to" if now else "not halved yet,"
        text = f"On {format_number(self.centre)}, σ {halved} {_short(self.sigma)}: {what} {_nats(path[now])} nats"
        if now:
            gain = float(path[now] - path[now - 1])
            text += f", the last halving {'+' if gain >= 0 else '−'}{_plain(abs(gain))}"
        top = count(int(np.argmax(path)), "halving")
        explained = {
            "no remedy": "No remedy, no top: in the end, every further halving adds ln 2 = 0.693.",
            "reg_covar": f"reg_covar {_short(self.reg_covar)}: the spike is {_short(self.width)} wide, never less than "
            f"the root, {_short(self.reg_covar**0.5)}; so the climb ends on a ceiling.",
            "tied": f"Tied: the wide component shrinks as well and loses the other points. The top is at {top}.",
            "prior": f"Prior: a narrow spike costs more than it can win. The top is at {top}.",
        }
        return f"{text}.\n{explained[remedy]}"


def _cells(head: Axes, dark: bool) -> list[LiveText]:
    tone = theme.page(dark)
    head.set_axis_off()
    head.set_xlim(0, 1)
    head.set_ylim(0, 1)
    places = (0.0, 0.33, 0.56)
    for place, text in zip(places, ("Spike, standard deviation", "Spike, peak", ""), strict=True):
        head.text(place, 0.85, text, fontsize=theme.SMALL, color=tone["quiet"], va="center")
    title = LiveText(head, places[2], 0.85, size=theme.SMALL, color=tone["quiet"])
    look: dict[str, Any] = {"size": theme.TITLE + 2, "color": tone["text"], "weight": "bold"}
    return [title, *(LiveText(head, place, 0.28, **look) for place in places)]


def _short(value: float) -> str:
    """Three figures, and the way scientists write the rest."""
    return f"{value:.3g}".replace("e-0", "e-").replace("e-", "e−").replace("e+0", "e").replace("e+", "e")


def _plain(value: float) -> str:
    return f"{value:.3f}" if value < 1e4 else _short(value)


def _nats(value: float) -> str:
    return one_place(value) if abs(value) < 1e6 else ("−" if value < 0 else "") + _short(abs(value))


def _column(X: ArrayLike) -> Floats:
    values = np.asarray(X, dtype=np.float64)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"X must be one column of numbers, (n_samples,) or (n_samples, 1), but has {np.shape(X)}.")
    if not np.isfinite(values).all():
        raise ValueError("X has a value that is missing or infinite; leave it out first: X[np.isfinite(X)].")
    if len(np.unique(values)) < 2:
        raise ValueError("X needs at least two different values.")
    return np.sort(values)
