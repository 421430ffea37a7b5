"""Static pictures of a mixture and of a run: artists are made once, then updated.

`plot_mixture` and `plot_trace` return what they drew. Its `update` moves the same artists to another
snapshot, so a figure, an animation and a slider share one drawing code:

    drawn = plot_mixture(trace[0], X)
    drawn.update(trace[5])          # or, half a step at a time:
    drawn.recolour(trace[5])        # the E-step gives every point new shares
    drawn.move(trace[6])            # the M-step moves every component
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox, IdentityTransform
from numpy.typing import ArrayLike, NDArray

from ..mixture import Mixture
from ..trace import Snapshot, Trace
from . import theme
from .geometry import (
    bin_edges,
    borders,
    choose_features,
    density_levels,
    level_lines,
    line_limits,
    nearness,
    objective_limits,
    plane_limits,
)
from .words import check_alt, check_names, count, describe, format_number, is_hard, mass_note, mixture_of, tick_label

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["MixtureArtists", "TraceArtists", "describe", "plot_mixture", "plot_trace", "show"]

MASSES = (0.95, 0.75, 0.5, 0.25)  # of the mixture, inside each density contour
GRID = 160  # points along each side of the grid for contours and boundaries


def plot_mixture(
    mixture: Mixture | Snapshot,
    X: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    n_std: float = 2.0,
    density: bool = False,
    labels: bool = True,
    ellipses: bool | None = None,
    boundaries: bool | None = None,
    features: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    title: str | None = None,
    note: bool = True,
    room_for: Sequence[Mixture | Snapshot] = (),
) -> MixtureArtists:
    """Draw a mixture, or a snapshot of a run, over its data.

    Every point has the colour mix of its responsibilities and the marker of its most likely component; every
    component has an ellipse in its own line style and a numbered mean. One feature gives a histogram and
    curves instead.

    Parameters
    ----------
    mixture : Mixture or Snapshot
        A hard snapshot (k-means) shows centres and their borders: k-means has no covariance to draw.
    X : (n_samples, n_features), optional
    ax : Axes, optional
        Draw here; a new figure in the look of the course if None.
    n_std : float
        Mahalanobis distance of the strong ellipses. A faint one at 1 lies inside.
    density : bool
        Add contours of the mixture's density; each holds a stated share of the mixture.
    labels : bool
        Number the means, as in ``means[0]``.
    ellipses : bool, optional
        Default: yes for a mixture, no for a hard snapshot. With one feature: the components' curves.
    boundaries : bool, optional
        Lines where the most likely component changes. Default: only for a hard snapshot.
    features : sequence of one or two int, optional
        Which features to show. Needed when there are more than two; the ellipses are then the marginal ones, while
        the colours still use all features.
    feature_names : sequence of str, optional
        One for each feature of the mixture. Default: the columns of a DataFrame, or ``X[:, 0]`` and so on.
    title : str, optional
    note : bool
        Say under the axes what the ellipses hold.
    room_for : sequence of Mixture or Snapshot
        What will be shown later, such as a whole trace: the axes, which do not change any more, leave room for it.

    Returns
    -------
    MixtureArtists
        With `update`, `move`, `recolour` and `artists`.

    Raises
    ------
    ValueError
        If there are more than two features and ``features`` does not choose; if X does not fit the mixture.
    """
    chosen = choose_features(mixture_of(mixture).n_features, features)
    cls = PlaneArtists if len(chosen) == 2 else LineArtists
    return cls(
        mixture, X, ax, features=chosen, n_std=n_std, density=density, labels=labels, ellipses=ellipses,
        boundaries=boundaries, feature_names=feature_names, title=title, note=note, room_for=room_for,
    )  # fmt: skip


def plot_trace(
    trace: Trace,
    ax: Axes | None = None,
    *,
    iteration: int | None = None,
    ahead: bool = True,
    title: str | None = None,
    note: bool = True,
) -> TraceArtists:
    """Draw the objective of a run, iteration by iteration, with one iteration marked.

    Parameters
    ----------
    trace : Trace
    ax : Axes, optional
    iteration : int, optional
        The one to mark: the last if None.
    ahead : bool
        Hint at what comes after it, as a dotted line.
    title : str, optional
    note : bool
        Write the marked iteration and its objective under the axes.

    Returns
    -------
    TraceArtists
        With ``update(iteration)`` and `artists`.
    """
    return TraceArtists(trace, ax, iteration=iteration, ahead=ahead, title=title, note=note)


# --- what is drawn -----------------------------------------------------------------------------------------


class MixtureArtists:
    """The artists of one picture of a mixture; made by `plot_mixture`.

    Attributes
    ----------
    axes : Axes
    artists : list of Artist
        Everything that an update changes, in drawing order.
    features : tuple of int
    """

    axes: Axes
    artists: list[Artist]
    features: tuple[int, ...]

    def __init__(
        self, mixture: Mixture | Snapshot, X: ArrayLike | None, ax: Axes | None, *, features: tuple[int, ...],
        n_std: float, density: bool, labels: bool, ellipses: bool | None, boundaries: bool | None,
        feature_names: Sequence[str] | None, title: str | None, note: bool, room_for: Sequence[Mixture | Snapshot],
    ) -> None:  # fmt: skip
        if not n_std > 0:
            raise ValueError(f"n_std is {n_std}, but an ellipse needs a distance above 0.")
        value, hard = mixture_of(mixture), is_hard(mixture)
        self.features, self.n_std = features, n_std
        self._shape = value.means.shape
        self._X = _samples(X, value)
        self._ellipses = not hard if ellipses is None else ellipses
        whole = value.n_features == len(features)
        self._boundaries = (hard and whole) if boundaries is None else boundaries
        if self._boundaries and not whole:
            raise ValueError(
                f"boundaries between components in {value.n_features} features have no shadow in the {len(features)} "
                "shown. Leave boundaries out, or fit a mixture to those features alone."
            )
        self._density, self._labels = density, labels
        self.axes = _new_axes() if ax is None else ax
        self.dark = theme.is_dark(self.axes)
        self.artists = []
        names = _feature_names(X, value.n_features, feature_names)
        shown = [self._shown(each) for each in (mixture, *room_for)]
        self._build(shown, [names[feature] for feature in features])
        if title is not None:
            set_title(self.axes, title)
        text = self._note(hard) if note else ""
        if text:
            _footnote(self.axes, text, self.dark)
        self.update(mixture)

    def update(self, mixture: Mixture | Snapshot) -> None:
        """Show another mixture, or another snapshot: recolour the points and move the components."""
        self.recolour(mixture)
        self.move(mixture)

    def recolour(self, mixture: Mixture | Snapshot | None) -> None:
        """Give every point its share of this mixture's components, as an E-step does; None takes all colour away."""
        if self._X is None:
            return
        if mixture is None:
            self._colour_points(None)
        else:
            self._check(mixture)
            self._colour_points(mixture.responsibilities(self._X))

    def move(self, mixture: Mixture | Snapshot) -> None:
        """Move means, ellipses and lines to this mixture, as an M-step does; the points keep their colours."""
        self._check(mixture)
        self._move(self._shown(mixture), is_hard(mixture))

    @property
    def figure(self) -> Figure:
        """The figure these artists are in."""
        return self.axes.figure.figure  # of a subfigure, the whole

    def _shown(self, mixture: Mixture | Snapshot) -> Mixture:
        """The mixture of the features that are shown."""
        value = mixture_of(mixture)
        return value if self.features == tuple(range(value.n_features)) else value.marginal(self.features)

    def _check(self, mixture: Mixture | Snapshot) -> None:
        shape = mixture_of(mixture).means.shape
        if shape != self._shape:
            raise ValueError(
                f"this picture was made for {count(self._shape[0], 'component')} in "
                f"{count(self._shape[1], 'feature')}, and the new mixture has {shape[0]} in {shape[1]}: make a new "
                "picture with plot_mixture."
            )

    def _add(self, artist: Any) -> Any:
        self.artists.append(artist)
        return artist

    def _make_lines(self, colour: str, width: float, zorder: float) -> LineCollection:
        lines = LineCollection([], colors=colour, linewidths=width, zorder=zorder)
        self.axes.add_collection(lines, autolim=False)
        return cast(LineCollection, self._add(lines))

    def _make_points(self, positions: Floats) -> None:
        """Make one collection for each component, for its marker, and one for points without a colour."""
        self._positions = positions
        size = float(np.clip(44 * np.sqrt(272 / max(len(positions), 1)), 7, 60))
        edge = 0.7 if size > 20 else 0.35
        tone = theme.page(self.dark)
        self._points: list[PathCollection] = []
        for k in range(self._shape[0]):
            scale = theme.MARKER_SCALES[k % len(theme.MARKER_SCALES)] ** 2
            collection = self.axes.scatter([], [], s=size * scale, marker=theme.marker(k), linewidths=edge, zorder=3)
            self._points.append(self._add(collection))
        self._bare = self._add(
            self.axes.scatter([], [], s=size * 0.8, marker="o", color=tone["points"], linewidths=0, zorder=3)
        )

    def _colour_points(self, responsibilities: Floats | None) -> None:
        if responsibilities is None:
            self._bare.set_offsets(self._positions)
            for collection in self._points:
                collection.set_offsets(np.empty((0, 2)))
            return
        self._bare.set_offsets(np.empty((0, 2)))
        faces = theme.mix(responsibilities, self.dark)
        oklab = theme.to_oklab(faces)
        oklab[:, 0] += 0.13 if self.dark else -0.16  # a rim that reads where the fill alone would be pale
        rims = theme.from_oklab(oklab)
        likely = np.asarray(responsibilities).argmax(axis=1)
        for k, collection in enumerate(self._points):
            mine = likely == k
            collection.set_offsets(self._positions[mine])
            collection.set_facecolor(faces[mine])
            collection.set_edgecolor(rims[mine])

    def _build(self, shown: list[Mixture], names: list[str]) -> None:
        raise NotImplementedError

    def _move(self, mixture: Mixture, hard: bool) -> None:
        raise NotImplementedError

    def _note(self, hard: bool) -> str:
        raise NotImplementedError


class PlaneArtists(MixtureArtists):
    """Two features: points, ellipses, contours and numbered means."""

    def _build(self, shown: list[Mixture], names: list[str]) -> None:
        ax, X = self.axes, self._X
        positions = None if X is None else X[:, list(self.features)]
        n_components = self._shape[0]
        _frame(ax, *plane_limits(positions, shown, self.n_std if self._ellipses else 0.0))
        set_labels(ax, names[0], names[1])
        tone = theme.page(self.dark)
        self._grid = np.linspace(*ax.get_xlim(), GRID), np.linspace(*ax.get_ylim(), GRID)
        self._contours = self._make_lines(tone["quiet"], 1.0, 2.7) if self._density else None
        self._lines = self._make_lines(tone["points"], 1.6, 2.75) if self._boundaries else None
        self._inner: list[Ellipse] = []
        self._outer: list[Ellipse] = []
        if self._ellipses and self.n_std > 1:
            self._inner = [self._add_ellipse(k, strong=False) for k in range(n_components)]
        if positions is not None:
            self._make_points(positions)
        if self._ellipses:
            self._outer = [self._add_ellipse(k, strong=True) for k in range(n_components)]
        self._means = [self._add(make_mean(ax, k, self.dark)) for k in range(n_components)]
        self._numbers = [self._add(make_number(ax, k, self.dark)) for k in range(n_components)] if self._labels else []

    def _add_ellipse(self, k: int, strong: bool) -> Ellipse:
        ink = theme.ink(k, self.dark)
        patch = Ellipse((0, 0), 1, 1, facecolor="none", edgecolor=ink, zorder=4 if strong else 2.8)
        if strong:
            patch.set(linewidth=2.8, linestyle=theme.linestyle(k))
            patch.set_path_effects(halo(4.4, self.dark))
        else:
            edge = 1.0 if self.dark else 0.6  # fainter, it is lost in the dark
            patch.set(linewidth=1.2, facecolor=(*to_rgb(ink), 0.16), edgecolor=(*to_rgb(ink), edge))
        return cast(Ellipse, self._add(self.axes.add_patch(patch)))

    def _move(self, mixture: Mixture, hard: bool) -> None:
        for patches, n_std in ((self._inner, 1.0), (self._outer, self.n_std)):
            if patches:
                for patch, centre, width, height, angle in zip(patches, *mixture.ellipses(n_std), strict=True):
                    patch.set(center=centre, width=width, height=height, angle=angle)
        for mean, position in zip(self._means, mixture.means, strict=True):
            mean.set_data(position[:1], position[1:])
        for number, position in zip(self._numbers, mixture.means, strict=False):
            number.xy = tuple(position)
        if self._contours is not None or self._lines is not None:
            self._draw_grid(mixture, hard)

    def _draw_grid(self, mixture: Mixture, hard: bool) -> None:
        x, y = self._grid
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        if self._contours is not None:
            density = np.exp(mixture.log_density(points)).reshape(GRID, GRID)
            cell = (x[1] - x[0]) * (y[1] - y[0])
            lines: list[Floats] = []
            widths: list[float] = []
            for width, level in zip((1.0, 1.3, 1.6, 1.9), density_levels(density, cell, MASSES), strict=True):
                found = [] if level is None else level_lines(x, y, density, level)
                lines += found
                widths += [width] * len(found)
            self._contours.set_segments(lines)
            self._contours.set_linewidth(widths or [1.0])
        if self._lines is not None:
            scores = nearness(points, mixture.means) if hard else mixture.log_joint(points)
            self._lines.set_segments(borders(x, y, scores))

    def _note(self, hard: bool) -> str:
        parts = []
        if self._ellipses:
            parts.append(mass_note(self.n_std))
        if self._density:
            shares = ", ".join(f"{mass:.0%}"[:-1] for mass in reversed(MASSES))
            parts.append(f"Grey contours: {shares} % of the mixture")
        if self._boundaries:
            parts.append("Lines: equally near to two centres" if hard else "Lines: equally likely for two components")
        return "\n".join(parts)


class LineArtists(MixtureArtists):
    """One feature: a histogram, the curve of every component, their sum, and the points in a strip below."""

    def _build(self, shown: list[Mixture], names: list[str]) -> None:
        ax, X = self.axes, self._X
        tone = theme.page(self.dark)
        n_components = self._shape[0]
        positions = None if X is None else X[:, self.features[0]]
        low, high = line_limits(positions, shown)
        self._x = np.linspace(low, high, 600)
        columns = [self._places(each)[:, np.newaxis] for each in shown]
        densities = [each.log_density(column) for each, column in zip(shown, columns, strict=True)]
        top = max(float(np.exp(each).max()) for each in densities) if self._ellipses else 0.0
        if positions is not None:
            heights, edges = np.histogram(positions, bins=bin_edges(positions), density=True)
            tallest = float(heights.max())
            top = max(tallest, min(top, 1.8 * tallest))  # a collapsing component would flatten everything else
            ax.stairs(heights, edges, fill=True, color=tone["grid"], zorder=1)
            ax.stairs(heights, edges, color=theme.readable(tone["grid"], tone["background"], 1.6), zorder=1.1)
        strip = 0.13 * top if positions is not None else 0.0
        top = top or 1.0
        self._floor = 0.002 * top  # below this a component's curve is not drawn: it would only cross out the axis
        _frame(ax, (low, high), (-1.25 * strip, 1.2 * top))
        set_labels(ax, names[0], "density")
        ax.yaxis.set_major_locator(_UpwardLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        ax.axhline(0, color=tone["quiet"], linewidth=1, zorder=1.2)
        if positions is not None:
            spread = (np.arange(len(positions)) * 0.6180339887498949) % 1  # even, and the same every time
            self._make_points(np.column_stack([positions, -strip * (0.18 + 0.82 * spread)]))
        self._sum: Line2D | None = None
        self._curves: list[Line2D] = []
        if self._ellipses:
            self._sum = self._add(ax.plot([], [], color=tone["text"], alpha=0.35, linewidth=8, zorder=3.6)[0])
            for k in range(n_components):
                style = {"color": theme.ink(k, self.dark), "linestyle": theme.linestyle(k), "linewidth": 2.6}
                self._curves.append(self._add(ax.plot([], [], zorder=4, **style)[0]))
        self._lines = self._make_lines(tone["points"], 1.6, 2.75) if self._boundaries else None
        self._means = [self._add(make_mean(ax, k, self.dark)) for k in range(n_components)]
        self._numbers = [self._add(make_number(ax, k, self.dark)) for k in range(n_components)] if self._labels else []

    def _places(self, mixture: Mixture) -> Floats:
        """Where to draw: evenly, and more closely round the means, or a narrow component would fall between."""
        deviations = np.sqrt(mixture.dense_covariances[:, 0, 0])[:, np.newaxis]
        near = mixture.means + deviations * np.linspace(-4, 4, 41)
        return np.union1d(self._x, near[(near > self._x[0]) & (near < self._x[-1])])

    def _move(self, mixture: Mixture, hard: bool) -> None:
        places = self._places(mixture)
        column = places[:, np.newaxis]
        peaks = np.zeros(mixture.n_components)
        if self._sum is not None:
            joint = np.exp(mixture.log_joint(column))
            self._sum.set_data(places, joint.sum(axis=1))
            for k, curve in enumerate(self._curves):
                curve.set_data(places, np.where(joint[:, k] > self._floor, joint[:, k], np.nan))
            peaks = np.exp(np.diagonal(mixture.log_joint(mixture.means)))
        for mean, number, at, peak in zip(
            self._means, self._numbers or self._means, mixture.means[:, 0], peaks, strict=True
        ):
            mean.set_data([at], [peak])
            if isinstance(number, Annotation):
                number.xy = (at, peak)
        if self._lines is not None:
            scores = nearness(column, mixture.means) if hard else mixture.log_joint(column)
            changes = np.flatnonzero(np.diff(scores.argmax(axis=1)))
            middles = (places[changes] + places[changes + 1]) / 2
            low, high = self.axes.get_ylim()
            self._lines.set_segments([np.array([[x, low], [x, high]]) for x in middles])

    def _note(self, hard: bool) -> str:
        parts = []
        if self._ellipses:
            parts.append("Grey band: the whole mixture")
        if self._boundaries:
            parts.append("Lines: equally near to two centres" if hard else "Lines: equally likely for two components")
        return "\n".join(parts)


class TraceArtists:
    """The artists of one objective curve; made by `plot_trace`.

    Attributes
    ----------
    axes : Axes
    artists : list of Artist
    iteration : int
        The one that is marked.
    """

    def __init__(
        self, trace: Trace, ax: Axes | None, *, iteration: int | None, ahead: bool, title: str | None, note: bool
    ) -> None:
        self.axes = ax = _new_axes() if ax is None else ax
        dark = theme.is_dark(ax)
        tone = theme.page(dark)
        self._iterations = np.array([snapshot.iteration for snapshot in trace])
        self._objective = np.asarray(trace.objective, dtype=np.float64)
        self._name = trace.objective_name
        self._unit = " nats" if "likelihood" in self._name or "bound" in self._name else ""
        low, high, hidden = objective_limits(self._objective)
        room = max(0.08 * (high - low), 1e-4 * abs(high)) or 1.0
        first, last = float(self._iterations[0]), float(self._iterations[-1])
        aside = 0.04 * (last - first) or 0.5
        _frame(ax, (first - aside, last + aside), (low - room, high + room))
        set_labels(ax, "iteration", f"{self._name} (nats)" if self._unit else self._name)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(tick_label)
        ax.grid(axis="y", color=tone["grid"])
        ax.set_axisbelow(True)
        if hidden:
            ax.annotate(  # in the corner that a rising curve leaves free
                f"▼ starts at {format_number(self._objective[0])}", (1, 0), xycoords="axes fraction", xytext=(-8, 6),
                textcoords="offset points", ha="right", fontsize=theme.SMALL, color=tone["quiet"],
            )  # fmt: skip
        if ahead:
            ax.plot(
                self._iterations, self._objective, color=tone["quiet"], linewidth=1.6, linestyle=(0, (1, 2)), zorder=2.8
            )
        (self._past,) = ax.plot([], [], color=tone["text"], linewidth=2.6, zorder=3, solid_joinstyle="round")
        (self._now,) = ax.plot([], [], "o", markersize=11, color=tone["text"], zorder=4)
        self._now.set(markeredgecolor=tone["background"], markeredgewidth=2)
        self._text = _footnote(ax, "", dark, size=theme.BODY) if note else None
        if title is not None:
            set_title(ax, title)
        self.artists: list[Artist] = [self._past, self._now, *([self._text] if self._text else [])]
        self.update(int(self._iterations[-1]) if iteration is None else iteration)

    def update(self, iteration: int) -> None:
        """Mark another iteration."""
        at = int(iteration - self._iterations[0])
        if not 0 <= at < len(self._iterations):
            raise ValueError(
                f"iteration {iteration} is not in this run, which goes from {self._iterations[0]} "
                f"to {self._iterations[-1]}."
            )
        self.iteration = int(iteration)
        self._past.set_data(self._iterations[: at + 1], self._objective[: at + 1])
        self._now.set_data(self._iterations[at : at + 1], self._objective[at : at + 1])
        if self._text is not None:
            self._text.set_text(f"iteration {iteration}: {format_number(self._objective[at])}{self._unit}")

    @property
    def figure(self) -> Figure:
        """The figure these artists are in."""
        return self.axes.figure.figure  # of a subfigure, the whole


# --- in a notebook ----------------------------------------------------------------------------------------


def show(figure: Figure | MixtureArtists | TraceArtists, alt: str) -> None:
    """Display a figure in a notebook, with a text for those who cannot see it, and close it.

    The text is stored with the picture, so that it stays when the notebook is turned into a page.

    Parameters
    ----------
    figure : Figure, or what plot_mixture or plot_trace returned
    alt : str
        What the picture shows, in 40 characters or more. `describe` writes one for a mixture.

    Raises
    ------
    ValueError
        If the text is too short to say anything.
    """
    from IPython.display import display
    from matplotlib import pyplot as plt

    alt = check_alt(alt)
    drawn = figure if isinstance(figure, Figure) else figure.figure
    display(drawn, metadata={"image/png": {"alt": alt}})
    plt.close(drawn)


# --- small parts -------------------------------------------------------------------------------------------


def make_mean(ax: Axes, k: int, dark: bool) -> Line2D:
    """Marker of a component's mean: larger than a point, with a rim and a halo."""
    tone = theme.page(dark)
    (mean,) = ax.plot(
        [], [], theme.marker(k), markersize=13 * theme.MARKER_SCALES[k % len(theme.MARKER_SCALES)],
        markerfacecolor=theme.colour(k, dark), markeredgecolor=tone["text"], markeredgewidth=1.8, zorder=5,
    )  # fmt: skip
    mean.set_path_effects(halo(5, dark))
    return mean


def make_number(ax: Axes, k: int, dark: bool) -> Annotation:
    """Number of a component, beside its mean, with a halo that keeps it apart from the points."""
    tone = theme.page(dark)
    number = ax.annotate(
        str(k), (0, 0), xytext=(9, 8), textcoords="offset points", fontsize=theme.TITLE + 1, fontweight="bold",
        color=tone["text"], zorder=6, annotation_clip=True,
    )  # fmt: skip
    number.set_in_layout(False)
    number.set_path_effects(halo(4.5, dark))
    return number


def halo(width: float, dark: bool) -> list[patheffects.AbstractPathEffect]:
    """A rim in the colour of the page, that keeps a line or a letter apart from the points behind it."""
    return [patheffects.withStroke(linewidth=width, foreground=theme.page(dark)["background"])]


class _UpwardLocator(MaxNLocator):
    """Ticks at zero and above: the strip of points under a density has no height."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        ticks = np.asarray(super().tick_values(vmin, vmax))
        return ticks[ticks >= 0]


def set_title(ax: Axes, title: str) -> None:
    """Write a title in the look of the course, whatever matplotlib's settings are now."""
    tone = theme.page(theme.is_dark(ax))
    ax.set_title(title, loc="left", fontsize=theme.TITLE, fontweight="bold", color=tone["text"], pad=10)


def set_labels(ax: Axes, x: str, y: str) -> None:
    """Name the axes in the look of the course, whatever matplotlib's settings are now."""
    tone = theme.page(theme.is_dark(ax))
    ax.set_xlabel(x, fontsize=theme.BODY, color=tone["text"])
    ax.set_ylabel(y, fontsize=theme.BODY, color=tone["text"])


def _footnote(ax: Axes, text: str, dark: bool, size: float = theme.SMALL) -> Annotation:
    """Write a line under the axes' label, where it covers nothing."""
    note = _Footnote(
        text, (1, 0), xycoords=(ax.transAxes, ax.xaxis.label), xytext=(0, -7), textcoords="offset points", ha="right",
        va="top", fontsize=size, color=theme.page(dark)["quiet"], annotation_clip=False, linespacing=1.3,
    )  # fmt: skip
    note.set_transform(IdentityTransform())
    ax.add_artist(note)
    note.set_clip_on(False)  # add_artist has clipped it to the axes, under which it stands
    return note


class _Footnote(Annotation):
    """A line that asks the layout for height, but never for width: a long one does not push its axes aside."""

    def get_tightbbox(self, renderer: Any = None) -> Bbox | None:
        box = super().get_tightbbox(renderer)
        if box is None or self.axes is None:
            return box
        return Bbox.from_extents(max(box.x0, self.axes.bbox.x0), box.y0, box.x1, box.y1)


def _frame(ax: Axes, x: tuple[float, float], y: tuple[float, float]) -> None:
    """Set the limits, and widen them for what the axes held before."""
    if ax.has_data():
        (low_x, high_x), (low_y, high_y) = ax.get_xlim(), ax.get_ylim()
        x, y = (min(x[0], low_x), max(x[1], high_x)), (min(y[0], low_y), max(y[1], high_y))
    ax.set_xlim(x)
    ax.set_ylim(y)


def _new_axes() -> Axes:
    from matplotlib import pyplot as plt

    dark = bool(theme.luminance(to_rgb(mpl.rcParams["figure.facecolor"])) < 0.18)
    with theme.context(dark):
        _, ax = plt.subplots()
        dress(ax)
    return ax


def dress(ax: Axes) -> None:
    """Write the look of the course into the ticks, which matplotlib would make later, under other settings."""
    tone = theme.page(theme.is_dark(ax))
    ax.tick_params(labelsize=theme.SMALL, color=tone["quiet"], labelcolor=tone["text"])


def _samples(X: ArrayLike | None, mixture: Mixture) -> Floats | None:
    if X is None:
        return None
    samples = np.asarray(X, dtype=np.float64)
    if samples.ndim == 1 and mixture.n_features == 1:
        samples = samples[:, np.newaxis]
    if samples.ndim != 2 or samples.shape[1] != mixture.n_features:
        raise ValueError(
            f"X must have shape (n_samples, {mixture.n_features}), all the features of the mixture, but has "
            f"{samples.shape}. To show some of them, pass features=."
        )
    broken = int((~np.isfinite(samples)).any(axis=1).sum())
    if broken:
        raise ValueError(
            f"X has {count(broken, 'row')} with a value that is missing or infinite; leave them out first: "
            "X[np.isfinite(X).all(axis=1)]."
        )
    return samples


def _feature_names(X: object, n_features: int, names: Sequence[str] | None) -> list[str]:
    if names is None:
        columns = getattr(X, "columns", None)
        if columns is not None and len(columns) == n_features:
            return [str(name) for name in columns]
        return ["x" if n_features == 1 else f"X[:, {feature}]" for feature in range(n_features)]
    return check_names(names, n_features)
