"""The picture of a `Selection`: its criterion against the number of components, one line for each covariance type."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..selection import Selection
from . import theme
from .draw import _footnote, _new_axes, dress, halo, set_labels, set_title
from .words import count, format_number, tick_label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TYPES = ("full", "tied", "diag", "spherical")  # a type looks the same in every picture, whichever are in the grid
ROW = 0.055  # height of a row of failed fits, as a share of the axes
FAR = 6  # times the median distance from the best: from there on a fit may be left above the top


def plot_selection(
    selection: Selection, ax: Axes | None = None, *, zoom: bool = True, title: str | None = None, note: bool = True
) -> GridArtists:
    """Draw the criterion of every fit against its number of components.

    Each covariance type has a colour, a marker and a line style. The best fit is ringed and named, a fit that ran out
    of iterations is hollow, and one that failed is crossed out, along the top.

    Parameters
    ----------
    selection : Selection
        What `gmmteach.select` returned.
    ax : Axes, optional
        Draw here; a new figure in the look of the course if None.
    zoom : bool
        Leave hopeless fits above the top where they would press all others together, and say how many they are.
    title : str, optional
    note : bool
        Explain under the axes what is ringed, hollow, crossed out or above the top, where there is any.

    Returns
    -------
    GridArtists
        Its `update` shows the same fits by another criterion.

    Examples
    --------
    >>> from gmmteach import select
    >>> from gmmteach.datasets import load_faithful
    >>> drawn = plot_selection(select(load_faithful().data, range(1, 5), random_state=0))
    >>> drawn.update("icl")
    >>> drawn.alt
    'ICL against the number of components, ... The least, 2,323.6, is that of 2 components of type full. ...'
    """
    if not isinstance(selection, Selection):
        raise TypeError(f"plot_selection draws what gmmteach.select returned, not a {type(selection).__name__}.")
    return GridArtists(selection, ax, zoom=zoom, title=title, note=note)


class GridArtists:
    """The artists of a picture of a `Selection`; made by `plot_selection`.

    Attributes
    ----------
    axes : Axes
    artists : list of Artist
    lines : dict of Line2D
        The line of each covariance type.
    selection : Selection
        What is shown, by the criterion shown.
    """

    def __init__(self, selection: Selection, ax: Axes | None, *, zoom: bool, title: str | None, note: bool) -> None:
        self.axes = ax = _new_axes() if ax is None else ax
        self.dark = theme.is_dark(ax)
        self._zoom = zoom
        tone = theme.page(self.dark)
        table = selection.table
        self._sizes = np.unique([record["n_components"] for record in table])
        kinds = list(dict.fromkeys(record["covariance_type"] for record in table))
        ax.set_xlim(self._sizes[0] - 0.5, self._sizes[-1] + 0.5)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
        ax.yaxis.set_major_formatter(tick_label)
        ax.grid(axis="y", color=tone["grid"])
        ax.set_axisbelow(True)
        dress(ax)
        self.lines = {kind: self._line(kind) for kind in kinds}
        self._hollow = {kind: self._points(kind, hollow=True) for kind in kinds}
        self._failed = {kind: self._crossed_out(kind) for kind in kinds}
        self._winner = {kind: self._points(kind, zorder=4) for kind in kinds}
        (self._ring,) = ax.plot([], [], "o", markersize=21, zorder=5)
        self._ring.set(markerfacecolor="none", markeredgecolor=tone["text"], markeredgewidth=2)
        self._name = ax.annotate(
            "", (0, 0), xytext=(0, -14), textcoords="offset points", va="top", fontsize=theme.BODY, fontweight="bold",
            color=tone["text"], zorder=6,
        )  # fmt: skip
        self._name.set_path_effects(halo(4, self.dark))
        self._note = _footnote(ax, "", self.dark) if note else None
        ax.legend(
            handles=list(self.lines.values()), fontsize=theme.SMALL, frameon=False, labelcolor=tone["text"],
            handlelength=3.2, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=len(kinds),
            columnspacing=1.4,
        )  # fmt: skip
        if title is not None:
            set_title(ax, f"{title}\n")  # the legend has the line below it
        self.artists: list[Artist] = [
            *self.lines.values(), *self._hollow.values(), *self._winner.values(), *chain(*self._failed.values()),
            self._ring, self._name, *([self._note] if self._note else []),
        ]  # fmt: skip
        self._fits = selection
        self.update(selection.criterion)

    def update(self, criterion: str) -> None:
        """Show the same fits by another criterion: 'bic', 'aic' or 'icl'."""
        self.selection = self._fits.by(criterion)
        table = self.selection.table
        for row, kind in enumerate(self.lines):
            records = [record for record in table if record["covariance_type"] == kind]
            self.lines[kind].set_data(*self._where(records))
            self._hollow[kind].set_data(*self._where([r for r in records if r["outcome"] == "out of iterations"]))
            failed = [record["n_components"] for record in records if record[criterion] is None]
            for part in self._failed[kind]:
                part.set_data(failed, np.full(len(failed), 0.97 - ROW * row))
        hidden = self._limit(table)
        set_labels(self.axes, "number of components", f"{criterion.upper()} (the less, the better)")
        self._mark_best()
        if self._note is not None:
            self._note.set_text(self._marks_in_words(table, hidden))

    @property
    def figure(self) -> Figure:
        """The figure these artists are in."""
        return self.axes.figure.figure  # of a subfigure, the whole

    @property
    def alt(self) -> str:
        """What the picture shows, in words: an alternative text for `show`."""
        table, criterion = self.selection.table, self.selection.criterion
        sound = [record for record in table if record[criterion] is not None]
        span = f"from {self._sizes[0]} to {self._sizes[-1]}" if len(self._sizes) > 1 else f"which is {self._sizes[0]}"
        parts = [f"{criterion.upper()} against the number of components, {span}, a line for each covariance type."]
        if sound:
            best = self._best()
            parts.append(f"The least, {format_number(best[criterion])}, is that of {_cell(best)}.")
        for kind in self.lines:
            own = [record for record in sound if record["covariance_type"] == kind]
            if own:
                least = min(own, key=lambda record: record[criterion])
                parts.append(f"{kind}: least at {least['n_components']}, {format_number(least[criterion])}.")
        failures = len(table) - len(sound)
        return " ".join([*parts, f"{count(failures, 'fit')} failed." if failures else ""]).strip()

    # --- parts -------------------------------------------------------------------------------------------

    def _line(self, kind: str) -> Line2D:
        line = self._points(kind)
        line.set(linestyle=theme.linestyle(TYPES.index(kind)), linewidth=2.2, label=kind)
        return line

    def _points(self, kind: str, *, hollow: bool = False, zorder: float = 3) -> Line2D:
        k = TYPES.index(kind)
        (points,) = self.axes.plot([], [], theme.marker(k), zorder=zorder, color=theme.ink(k, self.dark))
        points.set(markersize=9 * theme.MARKER_SCALES[k], markeredgewidth=1.6)
        points.set_markerfacecolor(theme.page(self.dark)["background"] if hollow else theme.colour(k, self.dark))
        return points

    def _crossed_out(self, kind: str) -> list[Line2D]:
        """Failed fits, in a row of their own along the top: they have no height."""
        shape = self._points(kind)
        (cross,) = self.axes.plot([], [], "x", zorder=4, color=theme.page(self.dark)["background"])
        cross.set(markersize=7, markeredgewidth=2)
        for part in (shape, cross):
            part.set_transform(self.axes.get_xaxis_transform())
        return [shape, cross]

    def _where(self, records: list[dict[str, Any]]) -> tuple[Floats, Floats]:
        """Positions of fits; NaN, a gap in the line, for one that failed."""
        heights = [record[self.selection.criterion] for record in records]
        return (
            np.array([record["n_components"] for record in records], dtype=np.float64),
            np.array([np.nan if height is None else height for height in heights], dtype=np.float64),
        )

    def _limit(self, table: list[dict[str, Any]]) -> int:
        """Room for the fits, for the name of the best one below it and, if some failed, for those in rows above.

        Returns
        -------
        How many fits lie above the top.
        """
        heights = self._where(table)[1]
        failed, heights = np.isnan(heights).any(), heights[np.isfinite(heights)]
        low, high = (float(heights.min()), float(heights.max())) if len(heights) else (0.0, 1.0)
        near = low + FAR * float(np.median(heights - low)) if len(heights) else high
        if self._zoom and low < near < (low + high) / 2:
            high = near
        size = (high - low) or max(abs(low), 1.0) * 0.1
        rows = ROW * len(self.lines) + 0.03 if failed else 0.0
        self.axes.set_ylim(low - 0.2 * size, high + (0.05 + rows / (1 - rows)) * size)
        return int((heights > high).sum())

    def _best(self) -> dict[str, Any]:
        best = self.selection.best_
        chosen = (best.n_components, best.covariance_type)
        return next(r for r in self.selection.table if (r["n_components"], r["covariance_type"]) == chosen)

    def _mark_best(self) -> None:
        found = any(record["outcome"] not in ("collapsed", "failed") for record in self.selection.table)
        self._ring.set_visible(found)
        self._name.set_visible(found)
        for points in self._winner.values():
            points.set_data([], [])
        if not found:
            return
        best = self._best()
        at, height = best["n_components"], best[self.selection.criterion]
        for artist in (self._ring, self._winner[best["covariance_type"]]):
            artist.set_data([at], [height])
        winner, filled = self._winner[best["covariance_type"]], self.lines[best["covariance_type"]]
        unfinished = best["outcome"] == "out of iterations"
        winner.set_markerfacecolor(theme.page(self.dark)["background"] if unfinished else filled.get_markerfacecolor())
        self._name.set_text(_cell(best))
        self._name.xy = (at, height)
        low, high = self.axes.get_xlim()
        share = (at - low) / (high - low)
        self._name.set_horizontalalignment("left" if share < 0.3 else "right" if share > 0.7 else "center")

    def _marks_in_words(self, table: list[dict[str, Any]], hidden: int) -> str:
        outcomes = {record["outcome"] for record in table}
        notes = ["Ring: the least"] if self._ring.get_visible() else []
        if "out of iterations" in outcomes:
            notes.append("hollow: out of iterations")
        if outcomes & {"collapsed", "failed"}:
            notes.append("crossed out: failed")
        if hidden:
            notes.append(f"{count(hidden, 'fit')} above the top")
        text = ", ".join(notes)
        return text[:1].upper() + text[1:]


def _cell(record: dict[str, Any]) -> str:
    return f"{count(record['n_components'], 'component')} of type {record['covariance_type']}"
