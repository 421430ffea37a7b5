"""The pictures of the README and of the first notebooks, made again by `make_figures`.

Every picture is a function that returns a figure or an animation, with an alternative text beside it. The same
code, the same data and the same versions give the same bytes: no dates and no program names are written.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import chi2

from ..datasets import load_faithful, load_galaxies, make_overlapping_blobs, make_stretched
from ..em import em
from ..estimators import GaussianMixture
from ..kmeans import lloyd
from ..mixture import Mixture
from ..starts import starting_mixture
from ..trace import Snapshot, Trace
from . import theme
from .animate import Animation, animate
from .draw import dress, halo, plot_mixture
from .encode import Palette
from .words import check_alt, percent

Floats = NDArray[np.float64]

DPI = 120
FAITHFUL = ("eruption (minutes)", "waiting (minutes)")


class Picture(NamedTuple):
    """How a picture is made, and what it shows, in words."""

    make: Callable[[], Figure | Animation | NDArray[np.uint8]]
    alt: str


PICTURES: dict[str, Picture] = {}


def picture(name: str, alt: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enter a function into the list of pictures, under the name of its file."""

    def enter(make: Callable[[], Any]) -> Callable[[], Any]:
        PICTURES[name] = Picture(make, check_alt(alt))
        return make

    return enter


def make_figures(directory: str | os.PathLike[str] = "figures", names: Iterable[str] | None = None) -> list[Path]:
    """Make the pictures of the course again, and the README that lists them.

    Parameters
    ----------
    directory : made if it is not there
    names : iterable of str, optional
        Only these, such as "covariance-types.png". Default: all, and their README.

    Returns
    -------
    The paths written.
    """
    wanted = list(PICTURES if names is None else names)
    unknown = [name for name in wanted if name not in PICTURES]
    if unknown:
        raise ValueError(f"there is no picture {unknown[0]!r}; there are {', '.join(PICTURES)}.")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in wanted:
        path = directory / name
        made = PICTURES[name].make()
        if isinstance(made, Animation):
            made.save(path)
        else:
            _write(path, _png(made))
        paths.append(path)
    if names is None:
        paths.append(_write(directory / "README.md", listing().encode()))
    return paths


def listing() -> str:
    """README of the directory: every picture with its alternative text."""
    lines = ["# Pictures", "", "Made by `gmmteach figures`; change the code, not the files.", ""]
    for name, made in PICTURES.items():
        lines += [f"## {name}", "", f"![{made.alt}]({name})", "", made.alt, ""]
    return "\n".join(lines)


def _png(made: Figure | NDArray[np.uint8]) -> bytes:
    """Encode a picture with a palette of its own: a third of the size, and no eye sees the difference."""
    if isinstance(made, Figure):
        made.set_dpi(DPI)
        canvas = FigureCanvasAgg(made)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())
    else:
        pixels = made
    palette = Palette([pixels], [theme.in_bytes(name) for name in (*theme.LIGHT.values(), *theme.COLOURS)])
    image = Image.fromarray(palette.indices(pixels))
    image.putpalette(palette.bytes())
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()


def _write(path: Path, data: bytes) -> Path:
    unfinished = path.with_name(path.name + ".unfinished")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


# --- the pictures ------------------------------------------------------------------------------------------


@cache
def faithful_run() -> Trace:
    """EM on Old Faithful from a poor start: two components in the two empty corners.

    The first M-step throws both into the middle, where they hesitate before each finds its group.
    """
    start = Mixture(np.full(2, 0.5), np.array([[4.5, 58.0], [2.5, 84.0]]), np.array([[0.5, 90.0]] * 2), "diag")
    start = Mixture(start.weights, start.means, start.dense_covariances, "full")
    X = load_faithful().data
    return Trace.record(em(X, start), X, tol=1e-4)


@picture(
    "em-old-faithful.gif",
    "Moving picture of EM on the eruptions of Old Faithful. Two ellipses start in the empty corners of the scatter "
    "plot. Every E-step recolours the points, every M-step moves and turns the ellipses; they meet in the middle, "
    "hesitate, then each settles on one of the two groups while the log-likelihood climbs beside them.",
)
def em_old_faithful() -> Animation:
    """EM on Old Faithful, moving."""
    return animate(faithful_run(), feature_names=FAITHFUL, title="EM on Old Faithful", progress=False)


@picture(
    "em-old-faithful.png",
    "The end of EM on Old Faithful: one ellipse on the short eruptions with short waits, one on the long eruptions "
    "with long waits, the way that each mean has come, and the log-likelihood, which has levelled out.",
)
def em_old_faithful_end() -> NDArray[np.uint8]:
    """The last frame of it."""
    return em_old_faithful().last_frame()


@picture(
    "em-steps.png",
    "Six moments of EM on Old Faithful: grey points and two ellipses in empty corners; the E-step colours the points; "
    "the M-step brings both ellipses to the middle; they part; one reaches each group; at the end the few points "
    "between the groups alone have a mixed colour.",
)
def em_steps() -> Figure:
    """Six moments of it."""
    trace = faithful_run()
    moments = [
        ("Start", None, 0),
        ("E-step: share out the points", 0, 0),
        ("M-step: move to the share", 0, 1),
        ("Iteration 6", 6, 6),
        ("Iteration 9", 9, 9),
        (f"Converged: iteration {len(trace) - 1}", -1, -1),
    ]
    return _moments(trace, moments, shape=(2, 3), feature_names=FAITHFUL)


@picture(
    "kmeans-steps.png",
    "Four moments of k-means on three overlapping blobs: grey points and three centres in one corner; every point "
    "joins its nearest centre, with straight borders between them; the centres move to the means of their points; the "
    "end, with one centre in the middle of each blob.",
)
def kmeans_steps() -> Figure:
    """Show k-means from a poor start, in four moments."""
    X, _ = make_overlapping_blobs(separation=3.5)
    middle = X.mean(axis=0)
    start = middle + np.array([[-3.2, -2.6], [-2.3, -3.4], [-1.2, -2.4]])
    trace = Trace.record(lloyd(X, start), X, tol=1e-9)
    moments = [
        ("Start", None, 0),
        ("Assign: nearest centre", 0, 0),
        ("Move: to the mean", 0, 1),
        (f"The end, after {len(trace) - 1} rounds", -1, -1),
    ]
    return _moments(trace, moments, shape=(2, 2), equal=True)


@picture(
    "kmeans-and-em.png",
    "The same three long, slanted groups twice. Left, k-means cuts them across with straight borders, so that its "
    "clusters mix the groups. Right, EM with full covariances lays one long, slanted ellipse along each group.",
)
def kmeans_and_em() -> Figure:
    """What k-means does to stretched groups, and what EM does."""
    X, _ = make_stretched()
    start = starting_mixture(X, 3, random_state=0)
    hard = Trace.record(lloyd(X, start), X, tol=1e-9)
    soft = Trace.record(em(X, start), X, tol=1e-6, max_iter=500)
    figure, (left, right) = _figure(1, 2, (11.0, 5.4))
    plot_mixture(hard[-1], X, left, title="k-means", room_for=[soft[-1]])
    plot_mixture(soft[-1], X, right, title="EM, full covariance")
    for ax in (left, right):
        _plain(ax)
    _same_limits(right, [left])
    return figure


@picture(
    "covariance-types.png",
    "Four mixtures of three components on the same long, slanted groups, from one start. Full: every ellipse has its "
    "own slant and length. Tied: all share one ellipse, which fits here. Diagonal: the ellipses cannot slant and "
    "miss the groups. Spherical: circles, which miss them too. Each panel states its number of parameters.",
)
def covariance_types() -> Figure:
    """The four covariance types on the same groups."""
    X, _ = make_stretched()
    figure, panels = _figure(2, 2, (10.0, 9.6))
    for ax, kind in zip(panels, ("full", "tied", "diag", "spherical"), strict=True):
        start = starting_mixture(X, 3, covariance_type=kind, random_state=0)
        trace = Trace.record(em(X, start), X, tol=1e-7, max_iter=2000)
        title = f"{kind}: {trace[-1].mixture.n_parameters} parameters"
        plot_mixture(trace[-1], X, ax, title=title, note=kind == "spherical")
        _plain(ax)
    _same_limits(panels[0], panels[1:])
    return figure


@picture(
    "responsibilities.png",
    "Two overlapping groups of points. Deep in a group a point has its component's full colour; between the groups "
    "the colours mix, and a point shared half and half is greyish. Three points carry their two responsibilities in "
    "per cent. A strip below shows the mix from all component 0 to all component 1.",
)
def responsibilities() -> Figure:
    """Points coloured by their shares, with a key."""
    X, _ = make_overlapping_blobs(260, n_components=2, separation=2.6)
    mixture = GaussianMixture(2, covariance_type="spherical", random_state=0).fit(X).mixture_
    with theme.context():
        figure = Figure(figsize=(8.2, 6.6), layout="constrained")
        ax, key = figure.subplots(2, 1, height_ratios=(1, 0.07))
        dress(ax)
        dress(key)
        key.set_xlabel("responsibility of component 1")
    plot_mixture(mixture, X, ax, title="Every point has the colour of its shares")
    _plain(ax)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.16 * (high - low))
    shares = mixture.responsibilities(X)
    spread = np.sqrt(mixture.dense_covariances[:, 0, 0])
    radius = np.linalg.norm(X[:, np.newaxis] - mixture.means, axis=2) / spread
    clear = (np.abs(radius - 2) > 0.07).all(axis=1) & (_solitude(X) > 0.13)  # neither under a line nor in a crowd
    for target, place in ((0.8, 0.23), (0.5, 0.5), (0.2, 0.77)):
        near = np.flatnonzero(clear & (np.abs(shares[:, 0] - target) < 0.08))
        n = near[X[near, 1].argmax()]
        ax.annotate(
            f"0: {shares[n, 0]:.0%}  1: {shares[n, 1]:.0%}".replace("%", " %"), X[n], xytext=(place, 0.96),
            textcoords="axes fraction", fontsize=theme.SMALL, ha="center", va="center", zorder=7,
            arrowprops={"arrowstyle": "-", "color": theme.LIGHT["text"], "linewidth": 1.4, "shrinkB": 6},
            bbox={"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": theme.LIGHT["quiet"]},
        )  # fmt: skip
    steps = np.linspace(0, 1, 256)
    key.imshow(theme.mix(np.column_stack([1 - steps, steps]))[np.newaxis], aspect="auto", extent=(0, 100, 0, 1))
    key.set_yticks([])
    key.set_xticks([0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    key.spines["left"].set_visible(False)
    return figure


@picture(
    "one-gaussian.png",
    "Points drawn from one slanted two-dimensional Gaussian, with three nested ellipses around its mean at one, two "
    "and three standard deviations. Each states the share of the Gaussian that it holds and the share of these "
    "points that fell inside, and the two agree closely.",
)
def one_gaussian() -> Figure:
    """What the ellipses at one, two and three sigma hold."""
    mixture = Mixture(np.ones(1), np.zeros((1, 2)), np.array([[[4.0, 1.5], [1.5, 1.4]]]), "full")
    X, _ = mixture.sample(500, random_state=2)
    figure, (ax,) = _figure(1, 1, (9.4, 4.9))
    plot_mixture(mixture, X, ax, ellipses=False, labels=False, title="How much an ellipse holds", note=False)
    _plain(ax)
    squared = np.einsum("nd,de,ne->n", X, np.linalg.inv(mixture.dense_covariances[0]), X)
    for n_std in (1.0, 2.0, 3.0):
        centres, widths, heights, angles = mixture.ellipses(n_std)
        ring = Ellipse(
            tuple(centres[0]), widths[0], heights[0], angle=angles[0], facecolor="none",
            edgecolor=theme.LIGHT["text"], linewidth=2.4, linestyle=theme.linestyle(int(n_std) - 1), zorder=4,
        )  # fmt: skip
        ring.set_path_effects(halo(4.5, dark=False))
        ax.add_patch(ring)
        held, share = chi2.cdf(n_std**2, df=2), np.mean(squared <= n_std**2)
        edge = n_std * np.linalg.cholesky(mixture.dense_covariances[0]) @ [np.cos(-1.0), np.sin(-1.0)]
        row = 0.1 - 1.05 * n_std
        ax.annotate(
            f"{n_std:g}σ: {percent(float(held))}", (edge[0], edge[1]), xytext=(5.6, row), va="center", zorder=6,
            fontsize=theme.BODY, fontweight="bold", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": theme.LIGHT["quiet"], "linewidth": 1.4, "relpos": (0, 0.5)},
        )  # fmt: skip
        ax.text(
            8.15, row, f"{percent(float(share))} of these points", va="center", fontsize=theme.SMALL + 1,
            color=theme.LIGHT["quiet"],
        )  # fmt: skip
    ax.set_xlim(-7.3, 12.6)
    ax.set_ylim(-4.2, 4.4)
    return figure


@picture(
    "galaxies.png",
    "Velocities of galaxies in one dimension: a histogram, three weighted bell curves in different line styles with "
    "their numbers, their sum as a grey band that follows the histogram, and the points themselves in a strip below.",
)
def galaxies() -> Figure:
    """A mixture in one dimension."""
    X = load_galaxies().data / 1000
    mixture = GaussianMixture(3, random_state=0, n_init=10).fit(X).mixture_
    order = np.argsort(mixture.means[:, 0])
    mixture = Mixture(mixture.weights[order], mixture.means[order], mixture.covariances[order], "full")
    figure, (ax,) = _figure(1, 1, (8.2, 5.4))
    plot_mixture(mixture, X, ax, feature_names=["velocity (1,000 km/s)"], title="Galaxies and a mixture of three")
    return figure


@picture(
    "components.png",
    "Key to the ten components of the course, numbered from 0: each has a colour, a marker and a line style of its "
    "own, shown once on a light and once on a dark background, so that colour is never the only code.",
)
def components() -> Figure:
    """Colour, marker and line style of every component."""
    figure, (ax,) = _figure(1, 1, (9.4, 5.6))
    ax.set_axis_off()
    words: dict[str, Any] = {"va": "center", "fontsize": theme.BODY}
    for dark, left in ((False, 0.0), (True, 4.7)):
        tone = theme.page(dark)
        ax.add_patch(_block(left + 0.1, -0.65, 4.5, 10.3, tone["background"]))
        for k in range(len(theme.COLOURS)):
            y = 9 - k
            ax.plot(
                [left + 0.75], [y], theme.marker(k), markersize=12 * theme.MARKER_SCALES[k],
                color=theme.colour(k, dark), markeredgecolor=tone["text"], markeredgewidth=1.4,
            )  # fmt: skip
            line = {"color": theme.ink(k, dark), "linestyle": theme.linestyle(k), "linewidth": 3}
            ax.plot([left + 1.15, left + 2.45], [y, y], **line)
            ax.text(left + 0.4, y, str(k), color=tone["text"], ha="right", fontweight="bold", **words)
            ax.text(left + 2.65, y, theme.COLOUR_NAMES[k], color=tone["text"], **words)
    ax.set_xlim(0.0, 9.4)
    ax.set_ylim(-0.75, 9.75)
    return figure


# --- small parts -------------------------------------------------------------------------------------------


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """A figure with panels in the look of the course, apart from pyplot's list of figures."""
    with theme.context():
        figure = Figure(figsize=size, layout="constrained")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1, hspace=0.04, wspace=0.04)  # type: ignore[union-attr, call-arg]
        panels = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for panel in panels:
        dress(panel)
    return figure, panels


def _moments(
    trace: Trace, moments: Sequence[tuple[str, int | None, int]], *, shape: tuple[int, int],
    feature_names: Sequence[str] | None = None, equal: bool = False,
) -> Figure:  # fmt: skip
    rows, columns = shape
    figure, panels = _figure(rows, columns, ((4.4 if equal else 4.7) * columns, (4.6 if equal else 4.2) * rows))
    shown: list[Snapshot] = [trace[components] for _, _, components in moments]
    for at, (ax, (title, colours, components)) in enumerate(zip(panels, moments, strict=True)):
        with theme.context():
            drawn = plot_mixture(
                trace[components], trace.X, ax, feature_names=feature_names, title=title, room_for=shown, note=False,
                boundaries=False if colours is None else None,
            )  # fmt: skip
        drawn.recolour(None if colours is None else trace[colours])
        if equal:
            _plain(ax)
        if at < (rows - 1) * columns:
            ax.set_xlabel("")
        if at % columns:
            ax.set_ylabel("")
    return figure


def _solitude(X: Floats) -> Floats:
    """Distance from every point to its nearest neighbour."""
    distances = np.linalg.norm(X[:, np.newaxis] - X, axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances.min(axis=1))


def _plain(ax: Axes) -> None:
    """For made-up data: no numbers on the axes, and circles that look like circles."""
    ax.set_xlabel("")
    ax.set_ylabel("")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="box")


def _same_limits(model: Axes, others: Sequence[Axes]) -> None:
    for ax in others:
        ax.set_xlim(model.get_xlim())
        ax.set_ylim(model.get_ylim())


def _block(x: float, y: float, width: float, height: float, colour: str) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.15", facecolor=colour,
        edgecolor=theme.LIGHT["quiet"], linewidth=1,
    )  # fmt: skip
