"""The log-likelihood as a landscape over two means, with the paths of EM and of gradient ascent through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ...datasets import load_faithful
from ...mixture import Mixture
from .. import theme
from ..draw import dress, set_labels
from ..geometry import bin_edges
from ..livetext import LiveText
from ..panel import Panel, at, button, reading, row, slider
from ..words import count, tick_label
from .parts import column, nice, numbers, one_place
from .terrain import Map, Path, Terrain

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_landscape"]

CELLS = 91  # places along each side of the map


def explore_landscape(
    X: ArrayLike | None = None, standard_deviation: float | None = None, *, weight: float = 0.36,
    start: Sequence[float] | None = None, name: str | None = None,
) -> LandscapeExplorer:  # fmt: skip
    """Walk through the log-likelihood of two means: EM and gradient ascent from a start that you choose.

    Two components in one dimension; their weights and their common standard deviation are known. Only the means are
    free, so every place of the picture is a pair of means, and its height is the log-likelihood. EM moves both means
    to their weighted averages (Bishop 2006, eq. 9.24). Gradient ascent goes a fixed step along the slope, in units of
    σ²/N; EM's own step is N/N_k for mean k (Xu & Jordan 1996, doi:10.1162/neco.1996.8.1.129). A click or a drag moves
    the start, and so do two sliders.

    Parameters
    ----------
    X : (n_samples,) or (n_samples, 1), optional
        Default: the 272 waiting times of Old Faithful, in minutes.
    standard_deviation : float, optional
        Of both components. Default: 6 minutes, or two fifths of the standard deviation of other data.
    weight : float
        Where the weight of component 0 starts, from 0.05 to 0.95. At 0.5 the two peaks are mirror images.
    start : (float, float), optional
        Mean 0 and mean 1 at the start. Default: (66, 46), or places below the middle of other data.
    name : str, optional
        Of the measurement, for the axes. Default: the name of a pandas Series, or x.

    Returns
    -------
    A widget; ``.em_path`` and ``.gradient_path`` have ``means`` (T, 2) and ``heights`` (T,), ``.peaks`` (n, 2) is every
    peak, highest first, ``.saddle`` (2,) the place on the diagonal; ``.log_likelihood_at(means)`` in nats.

    Raises
    ------
    ValueError
        If X is not one column of finite numbers, or the standard deviation is not a positive number.
    """
    return LandscapeExplorer(X, standard_deviation, weight, start, name)


class LandscapeExplorer(Panel):
    """Log-likelihood over two means and the ways up; made by `explore_landscape`."""

    title = "The landscape of two means"
    size = (860, 450)

    def __init__(
        self, X: ArrayLike | None, standard_deviation: float | None, weight: float, start: Sequence[float] | None,
        name: str | None,
    ) -> None:  # fmt: skip
        if X is None:
            X, name = load_faithful().data[:, 1], name or "waiting time (minutes)"
            standard_deviation = 6.0 if standard_deviation is None else standard_deviation
            start = (66.0, 46.0) if start is None else start
        self.name = name or str(getattr(X, "name", None) or "x")
        self.unit = self.name[self.name.find("(") :] if "(" in self.name else ""
        self.X = column(X)
        x = self.X[:, 0]
        middle, spread, span = float(x.mean()), float(x.std()), float(np.ptp(x))
        sd = 0.4 * spread if standard_deviation is None else float(standard_deviation)
        if not (np.isfinite(sd) and sd > 0):
            raise ValueError(f"standard_deviation is {standard_deviation}, but it must be a positive number.")
        step = nice(span / 100)
        low = step * np.floor((x.min() - 0.1 * span) / step)
        high = step * np.ceil((x.max() + 0.1 * span) / step)
        self._digits = max(0, -int(np.floor(np.log10(step))))
        first = numbers("start", (middle - 0.3 * spread, middle - 1.5 * spread) if start is None else start, 2)
        self.standard_deviation = sd
        self.terrain = Terrain(x, sd, np.linspace(low, high, CELLS))
        self.saddle = self.terrain.saddle
        self._paths: dict[str, tuple[tuple[float | None, ...], Path]] = {}
        self.about = (
            f"Map of the log-likelihood of {count(len(x), 'value')} over two means, deeper in colour where it is "
            "higher, with its peaks, the diagonal, and the paths of EM and gradient ascent; beside it, how they climb."
        )
        how: dict[str, Any] = {"form": f".{self._digits}f", "label": 130, "tip": "or click the map"}
        self.start_0 = slider("start, mean 0", first[0], low, high, step, **how)
        self.start_1 = slider("start, mean 1", first[1], low, high, step, **how)
        self.weight = slider("weight π₀", weight, 0.05, 0.95, 0.01, label=130, tip="known; component 1 has the rest")
        tip = "of gradient ascent, times σ²/N; EM steps N/N_k times that"
        self.step = slider("gradient step", 0.5, 0.1, 4, 0.1, form=".1f", label=130, tip=tip)
        buttons = [
            button("Exchange the two", self.exchange, "mean 0 starts where mean 1 does, and the other way round"),
            button("Start them alike", self.make_alike, "both at the place half-way between them"),
        ]
        super().__init__(
            [row(self.start_0, self.start_1), row(self.weight, self.step), row(*buttons)],
            [self.start_0, self.start_1, self.weight, self.step],
            pointable=True,
        )

    # --- the numbers -------------------------------------------------------------------------------------

    @property
    def weights(self) -> Floats:
        """The known weights, (2,)."""
        return np.array([reading(self.weight), 1 - reading(self.weight)])

    @property
    def start(self) -> Floats:
        """Where mean 0 and mean 1 start, (2,)."""
        return np.array([reading(self.start_0), reading(self.start_1)])

    def mixture_at(self, means: ArrayLike) -> Mixture:
        """Give back the mixture with these two means."""
        places = np.asarray(means, dtype=np.float64).reshape(2, 1)
        return Mixture(self.weights, places, np.full(2, self.standard_deviation**2), "spherical")

    def log_likelihood_at(self, means: ArrayLike) -> float:
        """Total log-likelihood of two means, in nats."""
        return self.terrain.height(np.asarray(means, dtype=np.float64), self.weights)

    @property
    def em_path(self) -> Path:
        """EM from the start."""
        return self._walk("EM", None)

    @property
    def gradient_path(self) -> Path:
        """Gradient ascent from the start, with the step of the slider."""
        return self._walk("gradient", reading(self.step))

    def _walk(self, method: str, step: float | None) -> Path:
        asked = (*self.start, *self.weights, step)
        if method not in self._paths or self._paths[method][0] != asked:
            self._paths[method] = asked, self.terrain.walk(self.start, self.weights, step)
        return self._paths[method][1]

    @property
    def map(self) -> Map:
        """Heights, contour lines and peaks for the weights of the slider; made once for each."""
        return self.terrain.survey(self.weights)

    @property
    def peaks(self) -> Floats:
        """Every peak, the highest first, (n, 2)."""
        return self.map.peaks

    # --- what it does ------------------------------------------------------------------------------------

    def exchange(self) -> None:
        """Let each mean start where the other one does."""
        with self.together():
            self.start_0.value, self.start_1.value = self.start_1.value, self.start_0.value

    def make_alike(self) -> None:
        """Let both means start at the place half-way between them."""
        with self.together():
            self.start_0.value = self.start_1.value = float(self.start.mean())
            self.start_1.value = self.start_0.value = reading(self.start_0)

    def pointed(self, place: tuple[float, float]) -> None:
        """Move the start to a click."""
        spot = at(self.axes, place)
        if spot is not None:
            with self.together():
                for control, value in zip((self.start_0, self.start_1), spot, strict=True):
                    control.value = round(value / control.step) * control.step

    # --- the picture -------------------------------------------------------------------------------------

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the map with its paths; beside it the climb, the data with the mixture, and the key."""
        tone = theme.page(self.dark)
        rooms = figure.add_gridspec(3, 2, width_ratios=(1.25, 1), height_ratios=(1.7, 1.1, 0.62))
        self.axes = ax = figure.add_subplot(rooms[:, 0])
        climb, low, key = (figure.add_subplot(rooms[k, 1]) for k in range(3))
        grid = self.terrain.grid
        ends = float(grid[0]), float(grid[-1])
        ax.set(xlim=ends, ylim=ends, aspect="equal")
        for spine in ax.spines.values():
            spine.set_visible(False)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(6))
        set_labels(ax, f"mean 0 {self.unit}".rstrip(), f"mean 1 {self.unit}".rstrip())
        paint = LinearSegmentedColormap.from_list("height", [theme.colour(4, self.dark), tone["background"]])
        half = (grid[1] - grid[0]) / 2
        box = (ends[0] - half, ends[1] + half, ends[0] - half, ends[1] + half)
        self._shade = ax.imshow(
            np.zeros((CELLS, CELLS)), cmap=paint, vmin=-1.5, vmax=8, origin="lower", extent=box,
            interpolation="bilinear", zorder=0.5,
        )  # fmt: skip
        self._lines = LineCollection([], colors=tone["quiet"], linewidths=0.8, alpha=0.7, zorder=1)
        ax.add_collection(self._lines, autolim=False)
        dashes = (0, (4, 3))
        (diagonal,) = ax.plot(ends, ends, color=tone["text"], linewidth=1.4, linestyle=dashes, zorder=2)
        pink = theme.ink(3, self.dark)
        em_style: dict[str, Any] = {"color": tone["text"], "marker": "o", "markersize": 5, "linewidth": 2.0}
        gradient_style: dict[str, Any] = {"color": pink, "marker": "s", "markersize": 4, "linewidth": 2.0}
        (self._slope,) = ax.plot([], [], zorder=4, **gradient_style)
        (self._em,) = ax.plot([], [], zorder=5, **em_style)
        amber = theme.colour(5, self.dark)
        peak_style: dict[str, Any] = {"marker": "*", "color": amber, "mec": tone["text"], "linestyle": "none"}
        (self._peaks,) = ax.plot([], [], zorder=6, markersize=17, **peak_style)
        (saddle,) = ax.plot(*self.saddle, "X", color=tone["background"], mec=tone["text"], markersize=10, zorder=3)
        hollow: dict[str, Any] = {"mfc": tone["background"], "mec": tone["text"], "linestyle": "none"}
        start_style: dict[str, Any] = {**hollow, "marker": "D", "mew": 2}
        (self._start,) = ax.plot([], [], zorder=7, markersize=10, **start_style)
        text: dict[str, Any] = {"size": theme.SMALL, "color": tone["text"], "rim": tone["background"], "ha": "center"}
        self._tops = [LiveText(ax, 0, 0, zorder=8, **text) for _ in range(3)]

        dress(climb)
        climb.yaxis.set_major_locator(MaxNLocator(4))
        climb.yaxis.set_major_formatter(FuncFormatter(tick_label))
        set_labels(climb, "round or gradient step", "nats")
        climb.set_xlim(-1, 40)
        top = float(self.map.tops[0])
        drop = max(top - self.log_likelihood_at(self.saddle), 0.01 * abs(top))
        climb.set_ylim(top - 2 * drop, top + 0.15 * drop)
        (self._level,) = climb.plot([], [], color=amber, linewidth=1.6, zorder=2)
        (self._slope_up,) = climb.plot([], [], zorder=3, **{**gradient_style, "markersize": 3.5})
        (self._em_up,) = climb.plot([], [], zorder=4, **{**em_style, "markersize": 4})

        dress(low)
        low.set(xlim=ends, yticks=[])
        low.spines["left"].set_visible(False)
        set_labels(low, self.name, "density")
        heights, edges = np.histogram(self.X[:, 0], bins=bin_edges(self.X[:, 0]), density=True)
        low.stairs(heights, edges, fill=True, color=tone["grid"], zorder=1)
        self._room = 1.5 * float(heights.max())
        low.set_ylim(0, self._room)
        self._places = np.linspace(*ends, 300)
        self._parts = [
            low.plot([], [], color=theme.ink(k, self.dark), linestyle=theme.linestyle(k), linewidth=2.4, zorder=3)[0]
            for k in (0, 1)
        ]
        inked = [theme.ink(k, self.dark, 4.5) for k in (0, 1)]
        self._names = [
            LiveText(low, 0, 0, str(k), size=theme.SMALL, color=inked[k], weight="bold", ha="center",
                     rim=tone["background"])
            for k in (0, 1)
        ]  # fmt: skip

        key.set_axis_off()
        key.set(xlim=(0, 1), ylim=(0, 1))
        entries = (
            (0.0, 0.85, "EM", em_style), (0.0, 0.45, "gradient", gradient_style),
            (0.56, 0.85, "a peak", {**peak_style, "markersize": 15}),
            (0.56, 0.45, "the saddle", {**hollow, "marker": "X"}),
            (0.0, 0.05, "the start", start_style), (0.56, 0.05, "means alike", {"color": tone["text"], "ls": dashes}),
        )  # fmt: skip
        for x, y, words, style in entries:
            places = [x + 0.045] if "none" in style.values() else [x, x + 0.045, x + 0.09]
            key.plot(places, [y] * len(places), clip_on=False, **{"markersize": 8, **style})
            key.text(x + 0.13, y, words, fontsize=theme.SMALL, va="center_baseline")
        return [
            self._shade, self._lines, diagonal, saddle, self._slope, self._em, self._peaks, self._start, *self._tops,
            self._level, self._slope_up, self._em_up, *self._parts, *self._names,
        ]  # fmt: skip

    def pose(self) -> None:
        """Lay the map for the weight and the paths for the start."""
        land, em, slope = self.map, self.em_path, self.gradient_path
        self._shade.set_data(np.log2(np.maximum(land.tops[0] - land.heights, 0) / land.first_line + 0.3))
        self._lines.set_segments(land.lines)
        for line, up, path in ((self._em, self._em_up, em), (self._slope, self._slope_up, slope)):
            line.set_data(path.means.T)
            up.set_data(np.arange(len(path.heights)), path.heights)
        self._peaks.set_data(land.peaks.T)
        self._start.set_data(self.start[:1], self.start[1:])
        lift = 0.055 * np.ptp(self.terrain.grid)
        for k, words in enumerate(self._tops):
            there = k < len(land.peaks)
            words.set_position(land.peaks[k] + [0, lift] if there else (0, 0))
            words.set_text(one_place(land.tops[k]) if there else "")
        self._level.set_data([-1, 40], [land.tops[0]] * 2)
        joint = np.exp(self.mixture_at(em.means[-1]).log_joint(self._places[:, np.newaxis]))
        for k, (line, words) in enumerate(zip(self._parts, self._names, strict=True)):
            line.set_data(self._places, joint[:, k])
            words.set_position((em.means[-1, k], min(joint[:, k].max(), 0.85 * self._room) + 0.04 * self._room))

    def sentence(self) -> str:
        """Say where both methods ended."""
        places = ", ".join(f"{place:.{self._digits}f}" for place in self.start)
        return (
            f"From ({places}) with weight {reading(self.weight):.2f}: EM is {self._ending(self.em_path, 'round')}.\n"
            f"Gradient ascent with step {reading(self.step):.1f} is {self._ending(self.gradient_path, 'step')}."
        )

    def _ending(self, path: Path, each: str) -> str:
        """Name the place where a path ends, after how many rounds or steps."""
        took = count(len(path.means) - 1, each)
        land, end, height = self.map, path.means[-1], one_place(path.heights[-1])
        where = f"({end[0]:,.{self._digits + 1}f}, {end[1]:,.{self._digits + 1}f})".replace("-", "−")
        near = np.abs(land.peaks - end).max(axis=1) < 0.05 * self.standard_deviation
        if near.any():
            which = int(near.argmax())
            below = land.tops[0] - land.tops[which]
            if len(land.peaks) == 1:
                kind = "on the only peak"
            elif land.tops[0] - land.tops[1] < 0.005:
                kind = "on one of two equal peaks"
            else:
                kind = "on the highest peak" if which == 0 else f"on a peak {one_place(below)} nats lower"
            return f"{kind}, {where}, {height} nats, after {took}"
        if np.abs(end - self.saddle).max() < 0.01 * self.standard_deviation:
            return f"on the saddle, {where}, {height} nats, after {took}"
        if path.ending == "astray":
            return f"off the map after {took}: the step is too long"
        return f"still under way at {where}, {height} nats, after {took}"
