"""A run as a moving picture: EM's half-steps on the left, the objective that they climb on the right.

Only what changes is drawn. The background goes to the canvas once; for each frame it is copied back and the
few artists that move are drawn over it, which is several times faster than drawing the figure again.
"""

from __future__ import annotations

import io
import os
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..trace import Trace, in_memory
from . import encode, theme
from .draw import PlaneArtists, dress, plot_mixture, plot_trace
from .geometry import choose_features
from .words import check_alt, components_in_words, count, format_number, plain_objective

MAX_POINTS = 5_000  # more would be drawn over one another
LAST_FRAME = 2.5  # seconds that the end stays on


class Step(NamedTuple):
    """One frame."""

    colours: int | None  # the snapshot whose responsibilities colour the points; None: no colour yet
    components: int  # the snapshot whose components are shown
    text: str
    seconds: float


def animate(
    trace: Trace,
    *,
    fps: float = 4,
    half_steps: bool = True,
    figsize: tuple[float, float] = (9.0, 4.8),
    dpi: float = 100,
    features: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    title: str | None = None,
    dark: bool = False,
    density: bool = False,
    trails: bool = True,
    max_frames: int = 120,
    alt: str | None = None,
    progress: bool = True,
) -> Animation:
    """Make a moving picture of a run, to save or to show in a notebook.

    Parameters
    ----------
    trace : Trace
    fps : float
        Frames a second, up to 50.
    half_steps : bool
        A frame for each E-step, which recolours the points, and one for each M-step, which moves the components. False:
        one frame an iteration.
    figsize : (width, height)
        In inches.
    dpi : float
        Pixels an inch.
    features : sequence of one or two int, optional
        Which features to show; needed when there are more than two.
    feature_names : sequence of str, optional
        One for each feature of the data.
    title : str, optional
        Default: the algorithm and the number of components.
    dark : bool
    density : bool
        Add density contours.
    trails : bool
        Show the way that each mean has come.
    max_frames : int
        A longer run is thinned out: every half-step at first, then larger and larger steps. The picture says so.
    alt : str, optional
        Alternative text, 40 characters or more. Default: the run in words.
    progress : bool
        Show a progress bar when it takes more than a second.

    Returns
    -------
    Animation
        ``animate(trace).save("em.gif")``; the last line of a notebook cell shows it.
    """
    return Animation(
        trace, fps=fps, half_steps=half_steps, figsize=figsize, dpi=dpi, features=features,
        feature_names=feature_names, title=title, dark=dark, density=density, trails=trails,
        max_frames=max_frames, alt=alt, progress=progress,
    )  # fmt: skip


class Animation:
    """A run as a moving picture; made by `animate`.

    Attributes
    ----------
    alt : str
        What it shows, in words.
    steps : list of Step
        One for each frame.
    """

    def __init__(
        self, trace: Trace, *, fps: float, half_steps: bool, figsize: tuple[float, float], dpi: float,
        features: Sequence[int] | None, feature_names: Sequence[str] | None, title: str | None, dark: bool,
        density: bool, trails: bool, max_frames: int, alt: str | None, progress: bool,
    ) -> None:  # fmt: skip
        if not 0 < fps <= 50:
            raise ValueError(f"fps is {fps}, but it must be above 0 and at most 50, the most that a GIF can show.")
        if max_frames < 4:
            raise ValueError(f"max_frames is {max_frames}, but a start, two half-steps and an end need 4.")
        self.trace = trace
        self.features = choose_features(trace[0].mixture.n_features, features)
        self.steps = plan(trace, fps, half_steps, max_frames)
        self.alt = check_alt(story(trace, feature_names) if alt is None else alt)
        self.progress = progress
        self._drawing = dict(
            feature_names=feature_names, figsize=figsize, dpi=dpi, dark=dark, density=density, trails=trails,
            title=algorithm(trace) if title is None else title,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Animation({len(self.steps)} frames, {sum(step.seconds for step in self.steps):.1f} s)"

    @cached_property
    def stage(self) -> Stage:
        """The figure and its artists, made on first use."""
        return Stage(self.trace, self.steps, self.features, **self._drawing)  # type: ignore[arg-type]

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        """Every frame, (height, width, 4), as views of one canvas: copy what you keep."""
        for step in Progress(self.steps, self.progress):
            yield self.stage.draw(step)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the animation to a file.

        Parameters
        ----------
        path : ends in .gif, .png or .apng (an animated PNG), .webp, or .mp4, which needs ffmpeg
            An older file of that name is replaced when the new one is whole.

        Returns
        -------
        The path written.

        Raises
        ------
        ValueError
            If the ending is none of these.
        RuntimeError
            If an .mp4 is asked for and there is no ffmpeg.
        """
        path = Path(path)
        encode.writer_for(path)  # a wrong ending is told before any work is done
        return encode.write(self._film(), path)

    def last_frame(self) -> NDArray[np.uint8]:
        """The end of the run as a picture, (height, width, 4)."""
        return self.stage.draw(self.steps[-1]).copy()

    def _film(self) -> encode.Film:
        chosen = np.unique(np.linspace(0, len(self.steps) - 1, 7).round().astype(int))
        return encode.Film(
            size=self.stage.size,
            frames=self.frames,
            seconds=[step.seconds for step in self.steps],
            samples=lambda: (self.stage.draw(self.steps[index]) for index in chosen),
            colours=self.stage.colours(),
        )

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """What a notebook shows: an animated PNG, with the alternative text beside it.

        It moves in every browser, GitHub and nbconvert know the type, a reader that cannot animate shows the
        last frame, and a test of the notebook compares the text alone. (GIF has none of the last three.)
        """
        return {"image/png": self._picture, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}

    @cached_property
    def _picture(self) -> str:
        file = io.BytesIO()
        encode.write_png(self._film(), file)
        return b64encode(file.getvalue()).decode("ascii")


# --- which frames ------------------------------------------------------------------------------------------


def plan(trace: Trace, fps: float, half_steps: bool, max_frames: int) -> list[Step]:
    """Choose the frames: the start, the (half-)steps, the end."""
    beat = 1 / fps
    last = len(trace) - 1
    hard = trace.hard
    share, go = ("Assign", "Move") if hard else ("E-step", "M-step")
    shared = "points join their nearest centre" if hard else "points are shared out"
    moved = "centres go to the mean of their points" if hard else "components move to their share"
    each = 2 if half_steps else 1
    budget = max_frames - 2
    close = last if each * last <= budget else budget // (2 * each)  # iterations shown one by one
    far = np.geomspace(max(close, 1), max(last, 1), budget - each * close + (close > 0)).round().astype(int)
    shown = [*range(1, close + 1), *(int(t) for t in np.unique(far) if close < t <= last)]

    first = "Start: no point has a centre yet" if hard else "Start: no point has been shared out yet"
    steps = [Step(None, 0, first, max(4 * beat, 1.2))]
    before = 0
    for t in shown:
        number = trace[t].iteration
        if half_steps and t <= close:
            steps.append(Step(t - 1, t - 1, f"Iteration {number} · {share}: {shared}", beat))
            steps.append(Step(t - 1, t, f"Iteration {number} · {go}: {moved}", beat))
        elif t - before == 1:
            steps.append(Step(t, t, f"Iteration {number}", beat))
        else:
            steps.append(Step(t, t, f"Iteration {number}, {t - before} further on", beat))
        before = t
    steps.append(Step(last, last, ending(trace), max(beat, LAST_FRAME)))
    return steps


def ending(trace: Trace) -> str:
    """How the run ended, in a few words."""
    run = count(trace[-1].iteration, "iteration")
    outcome = trace.outcome
    if outcome == "converged":
        return f"Converged after {run}"
    if outcome == "collapsed":
        who = "the shared covariance" if outcome.component is None else f"component {outcome.component}"
        return f"Stopped after {run}: {who} collapsed"
    if outcome == "decreased":
        return f"Stopped after {run}: the objective fell"
    return f"Out of iterations after {run}"


def algorithm(trace: Trace) -> str:
    """Name of the algorithm and its number of components: the default title."""
    number = trace[0].mixture.n_components
    if trace.hard:
        return f"k-means, {count(number, 'centre')}"
    name = "Variational EM" if "bound" in trace.objective_name.lower() else "EM"
    return f"{name}, {count(number, 'component')}"


def story(trace: Trace, feature_names: Sequence[str] | None = None) -> str:
    """The run in words: its alternative text."""
    mixture = trace[0].mixture
    name, first = plain_objective(trace.objective_name, trace.objective[0])
    _, final = plain_objective(trace.objective_name, trace.objective[-1])
    points, dimensions = np.shape(trace.X)
    kind = "" if trace.hard else f", covariance type {mixture.covariance_type}"
    verb = "rises" if final >= first else "falls"
    return (
        f"Animation of {algorithm(trace)}{kind}, on {count(points, 'point')} with {count(dimensions, 'feature')}. "
        f"The {name} {verb} from {format_number(first)} to {format_number(final)}. {ending(trace)}. "
        f"{components_in_words(trace[-1], feature_names)}"
    )


# --- the picture -------------------------------------------------------------------------------------------


class Stage:
    """The figure of an animation: a background that is drawn once, and the artists that move in front of it."""

    def __init__(
        self, trace: Trace, steps: Sequence[Step], features: tuple[int, ...], *, feature_names: Sequence[str] | None,
        figsize: tuple[float, float], dpi: float, dark: bool, density: bool, trails: bool, title: str,
    ) -> None:  # fmt: skip
        self.trace, self.dark = trace, dark
        with theme.context(dark):
            self.figure = Figure(figsize=figsize, dpi=dpi, layout="constrained")
            self.canvas = FigureCanvasAgg(self.figure)
            header = 0.78 / figsize[1]
            self.figure.get_layout_engine().set(rect=(0.008, 0.012, 0.984, 1 - header), wspace=0.05)  # type: ignore[union-attr, call-arg]
            left, right = self.figure.subplots(1, 2, width_ratios=(1.55, 1))
            dress(left)
            dress(right)
            snapshots = [trace[t] for t in sorted({step.components for step in steps})]
            X, self.sampled = thin_out(in_memory(trace.X))
            self.mixture = plot_mixture(
                snapshots[0], X, left, features=features, feature_names=feature_names, density=density,
                room_for=snapshots,
            )  # fmt: skip
            self.objective = plot_trace(trace, right, ahead=False)
            right.set_title(right.get_ylabel(), fontsize=theme.BODY, fontweight="normal", pad=8)
            right.set_ylabel("")
            self.trails = self._make_trails(left) if trails and isinstance(self.mixture, PlaneArtists) else []
            inch = 1 / figsize[1]
            self.figure.text(0.014, 1 - 0.1 * inch, title, fontsize=theme.TITLE, fontweight="bold", va="top")
            self.header = self.figure.text(0.014, 1 - 0.44 * inch, "", fontsize=theme.BODY, va="top")
            self._caption(trace, steps)
        texts = [step.text for step in steps]
        self.short = max(self._width(text) for text in texts) > 0.97 * figsize[0] * dpi
        self.moving: list[Artist] = [
            *sorted([*self.mixture.artists, *self.trails], key=lambda artist: artist.get_zorder()),
            *sorted(self.objective.artists, key=lambda artist: artist.get_zorder()),
            self.header,
        ]
        self._background: Any = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.canvas.get_width_height()

    def pose(self, step: Step) -> None:
        """Set every artist as this frame asks, without drawing."""
        trace = self.trace
        self.mixture.recolour(None if step.colours is None else trace[step.colours])
        self.mixture.move(trace[step.components])
        self.objective.update(trace[step.components].iteration)
        for k, trail in enumerate(self.trails):
            way = trace.means[: step.components + 1, k][:, list(self.mixture.features)]
            trail.set_data(way[:, 0], way[:, 1])
        self.header.set_text(step.text.split(":")[0] if self.short else step.text)

    def draw(self, step: Step) -> NDArray[np.uint8]:
        """Draw one frame over the remembered background; a view of the canvas, (height, width, 4)."""
        if self._background is None:
            self._draw_background()
        self.pose(step)
        self.canvas.restore_region(self._background)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())

    def draw_in_full(self, step: Step) -> NDArray[np.uint8]:
        """Draw one frame from nothing, as a test of `draw` and for the benchmark."""
        if self._background is None:
            self._draw_background()  # settles the layout
        self.pose(step)
        for artist in self.moving:
            artist.set_animated(False)
        self.canvas.draw()
        for artist in self.moving:
            artist.set_animated(True)
        return np.asarray(self.canvas.buffer_rgba()).copy()

    def colours(self) -> list[tuple[int, int, int]]:
        """Colours that a palette must not change: the page's and the components'."""
        names = [*theme.page(self.dark).values()]
        for k in range(min(self.trace[0].mixture.n_components, len(theme.COLOURS))):
            names += [theme.colour(k, self.dark), theme.ink(k, self.dark)]
        return [theme.in_bytes(name) for name in names]

    def _draw_background(self) -> None:
        with theme.context(self.dark):
            self.canvas.draw()  # once with everything, for the layout
            self.figure.set_layout_engine("none")
            for artist in self.moving:
                artist.set_animated(True)
            self.canvas.draw()
        self._background = self.canvas.copy_from_bbox(self.figure.bbox)

    def _make_trails(self, axes: Axes) -> list[Line2D]:
        trails = [axes.plot([], [], ".-", zorder=4.6)[0] for _ in range(self.trace[0].mixture.n_components)]
        for trail in trails:
            trail.set(color=theme.page(self.dark)["text"], linewidth=1.3, markersize=4.5, alpha=0.75)
        return trails

    def _caption(self, trace: Trace, steps: Sequence[Step]) -> None:
        words = []
        skipped = len(trace) - len({step.components for step in steps})
        if skipped:
            words.append(f"{len(trace) - 1 - skipped} of {len(trace) - 1} iterations shown")
        if self.sampled < len(trace.X):
            words.append(f"{self.sampled:,} of {len(trace.X):,} points shown")
        if words:
            self.figure.text(
                0.986, 1 - 0.12 / self.figure.get_figheight(), ", ".join(words), ha="right", va="top",
                fontsize=theme.SMALL, color=theme.page(self.dark)["quiet"],
            )  # fmt: skip

    def _width(self, text: str) -> float:
        self.header.set_text(text)
        return float(self.header.get_window_extent().width) + 0.014 * self.figure.bbox.width


def thin_out(X: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """At most `MAX_POINTS` samples, the same ones every time, and how many they are."""
    if len(X) <= MAX_POINTS:
        return X, len(X)
    chosen = np.sort(np.random.default_rng(0).choice(len(X), MAX_POINTS, replace=False))
    return X[chosen], MAX_POINTS


# --- progress ----------------------------------------------------------------------------------------------


class Progress:
    """Go through a sequence, with a progress bar once it has taken more than a second.

    In a notebook a widget, in a terminal a line on stderr, elsewhere nothing. It leaves nothing behind, so
    that a notebook's outputs do not depend on how fast the computer was.
    """

    DELAY = 1.0

    def __init__(self, items: Sequence[Step], wanted: bool = True) -> None:
        self.items, self.wanted = items, wanted

    def __iter__(self) -> Iterator[Step]:
        started = time.perf_counter()
        bar: _TerminalBar | _NotebookBar | None = None
        try:
            for done, item in enumerate(self.items):
                if self.wanted and bar is None and time.perf_counter() - started > self.DELAY:
                    bar = self._make_bar()
                    self.wanted = bar is not None
                if bar is not None:
                    bar.show(done, len(self.items))
                yield item
        finally:
            if bar is not None:
                bar.close()

    @staticmethod
    def _make_bar() -> _TerminalBar | _NotebookBar | None:
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is not None and getattr(shell, "kernel", None) is not None:
            try:
                return _NotebookBar()
            except ImportError:
                return None
        return _TerminalBar() if sys.stderr.isatty() else None


class _TerminalBar:
    def show(self, done: int, total: int) -> None:
        filled = 30 * done // total
        sys.stderr.write(f"\rframes [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


class _NotebookBar:
    def __init__(self) -> None:
        from IPython.display import display
        from ipywidgets import IntProgress

        self.bar = IntProgress(value=0, description="frames")
        self.bar.style.description_width = "initial"
        model = {"version_major": 2, "version_minor": 0, "model_id": self.bar.model_id}
        view = {"application/vnd.jupyter.widget-view+json": model}
        self.handle = display(view, raw=True, display_id=True)

    def show(self, done: int, total: int) -> None:
        self.bar.max, self.bar.value = total, done

    def close(self) -> None:
        self.bar.close()
        self.handle.update({}, raw=True)
