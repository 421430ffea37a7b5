"""The four covariance types and k-means from one start, and what they make of other units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike, NDArray

from ...covariance import floating
from ...datasets import load_penguins
from ...em import em, m_step
from ...kmeans import lloyd
from ...mixture import Mixture
from ...trace import Trace
from .. import theme
from ..draw import dress, halo
from ..geometry import borders
from ..livetext import LiveText
from ..panel import Panel, button, reading, row, slider
from ..words import check_names
from .parts import one_place

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_shapes"]

TYPES = ("full", "tied", "diag", "spherical")
NAMES = (*TYPES, "k-means")
N_STD = 2.0
CORNERS = (35, 20), (45, 13), (55, 20)  # millimetres: around the penguins
BILLS = "bill length (mm)", "bill depth (mm)"
REMEMBERED = 40  # settings of the two sliders whose runs are kept
TOL = 1e-6  # nats a sample: below this a run stands still


def explore_shapes(
    X: ArrayLike | None = None, labels: ArrayLike | None = None, *, n_iter: int = 25, iteration: int | None = None,
    stretch: float = 1.0, turn: float = 0.0, feature_names: Sequence[str] | None = None,
) -> ShapesExplorer:  # fmt: skip
    """Run full, tied, diag and spherical EM, and k-means, from one start; then stretch or turn the data under them.

    Five pictures in step. Two sliders change what the algorithms are given: they multiply feature 1 by a factor, then
    turn the plane. What they find is drawn in the original units, so that what changes has really changed; points
    whose component is another one than without stretch and turn have a ring. A sixth picture shows the data as they
    are given to the algorithms, with the circles of 'spherical'.

    Parameters
    ----------
    X : (n_samples, 2), optional
        Default: bill length and depth of 342 penguins, in mm.
    labels : (n_samples,) int, optional
        Who belongs to whom at the start, from 0, at most 6 groups of three points or more. They are the same for every
        stretch and turn: the start does not depend on the units. Default: the nearest of three points around the
        penguins; for other data, the left, middle and right third.
    n_iter : int
        Iterations of each run, from 1 to 100.
    iteration : int, optional
        The one to begin with. Default: the last.
    stretch, turn : float
        Where the sliders begin: a factor from 0.1 to 10, and degrees from 0 to 45.
    feature_names : sequence of two str, optional

    Returns
    -------
    A widget; ``.trace(name)`` is the run of 'full', 'tied', 'diag', 'spherical' or 'k-means' on the data as given,
    ``.shown(name)`` its mixture now, in the original units, ``.log_likelihood(name)`` that mixture's, in nats, and
    ``.changed(name)`` says which points have another component than without stretch and turn.

    Raises
    ------
    ValueError
        If X is not two columns of finite numbers, if the labels do not fit it, or if there is no such iteration.
    """
    return ShapesExplorer(X, labels, n_iter, iteration, stretch, turn, feature_names)


class ShapesExplorer(Panel):
    """Five fits of the same data in step; made by `explore_shapes`."""

    title = "The shape of a cluster"
    size = (860, 480)

    def __init__(
        self, X: ArrayLike | None, labels: ArrayLike | None, n_iter: int, iteration: int | None, stretch: float,
        turn: float, feature_names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        if X is None:
            X, nearest = _bills()
            labels, feature_names = nearest if labels is None else labels, feature_names or BILLS
        self.X = floating(X).astype(np.float64)
        if self.X.ndim != 2 or self.X.shape[1] != 2 or len(self.X) < 6:
            raise ValueError(f"X must be (n_samples, 2), with six samples or more, but has shape {self.X.shape}.")
        last = n_iter if iteration is None else iteration
        if not 0 <= last <= n_iter or not 1 <= n_iter <= 100:
            raise ValueError(f"n_iter is {n_iter}, but must be from 1 to 100, and iteration {last} up to it.")
        self.n_iter, self.names = n_iter, check_names(feature_names or ("x₁", "x₂"), 2)
        self._start = _start(labels, self.X)
        self._runs: dict[tuple[float, float], dict[str, Trace]] = {}
        self._centre = self.X.mean(axis=0)
        self.iteration = slider("iteration", last, 0, n_iter, 1, form=".0f", label=80, width=330)
        self.stretch = ipywidgets.FloatLogSlider(
            value=min(max(stretch, 0.1), 10), min=-1, max=1, step=0.1, description="feature 1 times",
            tooltip="what the algorithms get is stretched; the pictures are not", readout_format=".2f",
            style={"description_width": "120px"}, layout={"width": "360px", "max_width": "100%"},
        )  # fmt: skip
        self.turn = slider("turn (degrees)", turn, 0, 45, 5, form=".0f", label=110, width=300, tip="after the stretch")
        moves = {"⇤ Start": -n_iter, "← Step": -1, "Step →": 1, "End ⇥": n_iter}
        steps = [button(name, lambda by=by: self._go(by)) for name, by in moves.items()]  # type: ignore[misc]
        back = button("As measured", self.as_measured, "stretch 1, turn 0")
        self.about = f"{len(self.X):,} points five times, with 2σ ellipses or borders, and as the algorithms get them."
        self._plain = self._run(1.0, 0.0)
        rows = [row(self.iteration, *steps), row(self.stretch, self.turn, back)]
        super().__init__(rows, [self.iteration, self.stretch, self.turn])

    @property
    def now(self) -> int:
        """The iteration that is shown."""
        return round(self.iteration.value)

    def n_parameters(self, name: str) -> int:
        """Count the free numbers, weights and means included; for k-means, the coordinates of its centres."""
        mixture = self._plain[name][0].mixture
        return mixture.means.size if name == "k-means" else mixture.n_parameters

    def trace(self, name: str) -> Trace:
        """Give back a run on the data as they are given to the algorithms: centred, stretched, turned."""
        return self._run(*self._setting)[name]

    def shown(self, name: str) -> Mixture:
        """Give back the mixture of this iteration in the original units, of type 'full'."""
        back, given = np.linalg.inv(_map(*self._setting)), _at(self.trace(name), self.now)
        covariances = back @ given.dense_covariances @ back.T
        covariances = (covariances + np.swapaxes(covariances, 1, 2)) / 2
        return Mixture(given.weights, given.means @ back.T + self._centre, covariances)

    def log_likelihood(self, name: str) -> float:
        """Total log-likelihood of the data in the original units, in nats: a stretch by s costs N ln s."""
        objective = self.trace(name).objective
        return float(objective[min(self.now, len(objective) - 1)] + len(self.X) * np.log(self._setting[0]))

    def changed(self, name: str) -> NDArray[np.bool_]:
        """Which samples have another component than at this iteration without stretch and turn, (n_samples,)."""
        return np.asarray(_likely(self.trace(name), self.now) != _likely(self._plain[name], self.now))

    @property
    def _setting(self) -> tuple[float, float]:
        return float(f"{self.stretch.value:.9g}"), reading(self.turn)

    def _run(self, stretch: float, turn: float) -> dict[str, Trace]:
        if (stretch, turn) not in self._runs:
            X, shares = (self.X - self._centre) @ _map(stretch, turn).T, self._start
            runs = {name: em(X, Mixture(*m_step(X, shares, name), name)) for name in TYPES}
            runs["k-means"] = lloyd(X, m_step(X, shares)[1])
            kept = {name: Trace.record(run, X, tol=TOL, max_iter=self.n_iter) for name, run in runs.items()}
            if len(self._runs) >= REMEMBERED:
                self._runs.clear()
            self._runs[stretch, turn] = kept
        return self._runs[stretch, turn]

    def _go(self, by: int) -> None:
        self.iteration.value = min(max(self.now + by, 0), self.n_iter)

    def as_measured(self) -> None:
        """Put the data back as they were measured."""
        with self.together():
            self.stretch.value, self.turn.value = 1.0, 0.0

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make five planes and the data as given; above each its name, its parameters and its log-likelihood."""
        axes = figure.subplots(2, 3)
        self._given = axes[0, 2]
        places = dict(zip(NAMES, axes.flat[[0, 1, 3, 4, 5]], strict=True))
        limits = np.quantile(self.X, [0, 1], axis=0).T @ [[1.05, -0.05], [-0.05, 1.05]]  # a little more than the data
        self._grid = [np.linspace(start, end, 65) for start, end in limits]
        self._views = {name: self._make_view(places[name], name, limits) for name in NAMES}
        for ax in axes[1]:
            ax.set_xlabel(self.names[0], fontsize=theme.SMALL)
        for ax in axes[:, 0]:
            ax.set_ylabel(self.names[1], fontsize=theme.SMALL)
        moving = [artist for view in self._views.values() for artist in view.values()]
        return [*self._make_given(self._given), *moving]

    def _heads(self, ax: Axes, name: str) -> LiveText:
        tone = theme.page(self.dark)
        ax.set_title(" \n ", fontsize=theme.SMALL, pad=4)  # keeps the place
        ax.text(0, 1.135, name, fontsize=theme.SMALL, fontweight="bold", va="baseline", transform=ax.transAxes)
        return LiveText(ax, 0, 1.03, size=11, color=tone["text"], va="baseline", transform=ax.transAxes)

    def _make_view(self, ax: Axes, name: str, limits: Any) -> dict[str, Any]:
        dress(ax)
        ax.set(xlim=limits[0], ylim=limits[1])
        ax.locator_params(nbins=4, steps=[1, 2, 5, 10])
        tone = theme.page(self.dark)
        what = "numbers" if name == "k-means" else "parameters"
        view: dict[str, Any] = {"head": self._heads(ax, f"{name}, {self.n_parameters(name)} {what}")}
        (view["rings"],) = ax.plot([], [], "o", ms=7.5, mfc="none", mec=tone["text"], mew=1.1, zorder=3.2)
        if name == "k-means":
            view["borders"] = LineCollection([], colors=tone["quiet"], linewidths=1.6, zorder=2.5)
            ax.add_collection(view["borders"], autolim=False)
        for k in range(self._start.shape[1]):
            look: dict[str, Any] = {"color": theme.colour(k, self.dark), "ms": 4.2 * theme.MARKER_SCALES[k]}
            (view[f"points {k}"],) = ax.plot([], [], theme.marker(k), mew=0, alpha=0.75, zorder=3, **look)
            if name != "k-means":
                view[f"ellipse {k}"] = _ellipse(ax, k, self.dark)
            look = {"color": theme.ink(k, self.dark, 4.5), "rim": tone["background"]}
            view[f"mean {k}"] = LiveText(ax, 0, 0, str(k), size=theme.BODY, weight="bold", ha="center", **look)
        return view

    def _make_given(self, ax: Axes) -> list[Artist]:
        ax.set(xlim=(-1, 1), ylim=(-1, 1), xticks=[], yticks=[])
        for side in ax.spines.values():
            side.set(visible=True, linestyle=(0, (2, 2)))
        self._given_head = self._heads(ax, "The data as given")
        (self._given_points,) = ax.plot([], [], "o", color=theme.page(self.dark)["points"], ms=3.4, mew=0, zorder=2)
        self._circles = [_ellipse(ax, k, self.dark) for k in range(self._start.shape[1])]
        return [self._given_head, self._given_points, *self._circles]

    def pose(self) -> None:
        """Move everything to this iteration, stretch and turn."""
        for name, view in self._views.items():
            mixture, likely, changed = self.shown(name), _likely(self.trace(name), self.now), self.changed(name)
            fit = "no likelihood" if name == "k-means" else f"{one_place(self.log_likelihood(name))} nats"
            view["head"].set_text(f"{fit}, {changed.sum():,} changed")
            view["rings"].set_data(*self.X[changed].T)
            if name == "k-means":
                x, y = self._grid
                points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
                view["borders"].set_segments(borders(x, y, mixture.log_joint(points)))
            reach = np.sqrt(mixture.variances)
            for k, (centre, width, height, angle) in enumerate(zip(*mixture.ellipses(N_STD), strict=True)):
                view[f"points {k}"].set_data(*self.X[likely == k].T)
                view[f"mean {k}"].set_position(tuple(centre))
                if name != "k-means":
                    seen = bool((reach[k] < 300 * np.ptp(self.X, axis=0)).all())  # Agg cannot draw any size
                    form = {"center": centre, "width": width, "height": height, "angle": angle}
                    view[f"ellipse {k}"].set(visible=seen, **form)
        given, round_ones = self.trace("spherical").X, _at(self.trace("spherical"), self.now)
        size = np.array([self._given.bbox.height / self._given.bbox.width, 1.0])  # a circle is to look like one
        size *= 0.92 / (size * np.abs(given)).max()
        self._given_points.set_data(*(size * given).T)
        for circle, centre, width in zip(self._circles, *round_ones.ellipses(N_STD)[:2], strict=True):
            circle.set(center=size * centre, width=size[0] * width, height=size[1] * width)
        self._given_head.set_text("feature 1 × {:.2f}, turned {:.0f}°".format(*self._setting))

    def sentence(self) -> str:
        """Say the log-likelihoods, and how many points have changed sides."""
        stretch, turn = self._setting
        fits = ", ".join(f"{name} {one_place(self.log_likelihood(name))}" for name in TYPES)
        text = f"Iteration {self.now} of {self.n_iter}. Log-likelihood in the original units: {fits} nats."
        if (stretch, turn) == (1, 0):
            return f"{text}\nThe data are as measured. Stretch feature 1, then turn, and see whose points change sides."
        changes = ", ".join(f"{name} {self.changed(name).sum():,}" for name in NAMES)
        return f"{text}\nFeature 1 × {stretch:.2f}, turned by {turn:.0f}°. Points that changed sides: {changes}."


def _bills() -> tuple[Floats, NDArray[np.intp]]:
    birds = load_penguins().data[:, :2]
    X = birds[~np.isnan(birds).any(axis=1)]
    return X, np.square(X[:, np.newaxis] - np.array(CORNERS)).sum(axis=2).argmin(axis=1)


def _start(labels: ArrayLike | None, X: Floats) -> Floats:
    thirds = np.digitize(X[:, 0], np.quantile(X[:, 0], [1 / 3, 2 / 3]))
    found = np.asarray(thirds if labels is None else labels)
    if found.shape != (len(X),) or found.dtype.kind not in "iu" or found.min() < 0:
        raise ValueError(f"labels must be {len(X)} whole numbers from 0, one for each sample.")
    sizes = np.bincount(found)
    if len(sizes) > 6 or sizes.min() < 3:
        raise ValueError(f"labels make groups of {sizes.tolist()} points; at most 6 groups of 3 or more can be drawn.")
    return np.eye(len(sizes))[found]


def _map(stretch: float, turn: float) -> Floats:
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return np.array([[stretch * cos, -sin], [stretch * sin, cos]])


def _at(trace: Trace, iteration: int) -> Mixture:
    return trace[min(iteration, len(trace) - 1)].mixture  # a run may have ended before


def _likely(trace: Trace, iteration: int) -> NDArray[np.intp]:
    return np.asarray(_at(trace, iteration).log_joint(np.asarray(trace.X)).argmax(axis=1))


def _ellipse(ax: Axes, k: int, dark: bool) -> Ellipse:
    style = {"edgecolor": theme.ink(k, dark), "linestyle": theme.linestyle(k)}
    patch = Ellipse((0, 0), 1, 1, facecolor="none", linewidth=2.2, zorder=4, **style)
    patch.set_path_effects(halo(3.6, dark))
    ax.add_patch(patch)
    return patch
