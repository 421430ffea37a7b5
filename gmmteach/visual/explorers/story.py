"""The generative story: first a component, then a point from its Gaussian."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ...mixture import Mixture
from .. import theme
from ..draw import dress, plot_mixture, set_labels
from ..panel import Panel, button, row
from ..words import check_names, count
from .parts import plane, reach, three_groups, two_places, whole_percent

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_story"]


def explore_story(
    mixture: Mixture | None = None,
    *,
    n_samples: int = 0,
    random_state: int = 0,
    feature_names: Sequence[str] = ("x₁", "x₂"),
) -> StoryExplorer:
    """Draw from a mixture, one point at a time: first a component, then a point from its Gaussian.

    "Hide the labels" takes the colours away: what is left is what real data look like.

    Parameters
    ----------
    mixture : Mixture, optional
        In two features. Default: three components of unequal weight and shape.
    n_samples : int
        Points drawn already when it is first shown, up to 1,000.
    random_state : int
        The same number, the same points, whichever buttons draw them.
    feature_names : sequence of two str

    Returns
    -------
    A widget; ``.X`` (n, 2) and ``.labels`` (n,) are the points drawn; ``.draw_points(n)``, ``.start_again()``.

    Raises
    ------
    ValueError
        If the mixture does not have two features, or they do not have two names.
    """
    return StoryExplorer(mixture, n_samples, random_state, feature_names)


MOST_DRAWS = 1000


class StoryExplorer(Panel):
    """A component first, then a point from its Gaussian; made by `explore_story`."""

    title = "The generative story"
    size = (860, 460)

    def __init__(
        self, mixture: Mixture | None, n_samples: int, random_state: int, feature_names: Sequence[str]
    ) -> None:
        if n_samples < 0:
            raise ValueError(f"n_samples is {n_samples}, but it must not be negative.")
        self.mixture = plane(three_groups() if mixture is None else mixture, 1, 10)
        self.about = (
            f"On the left the weights of {count(self.mixture.n_components, 'component')} as bars, on the right the "
            "points drawn from them so far."
        )
        self.names = check_names(feature_names, 2)
        self._rng = np.random.default_rng(random_state)
        self._factors = np.linalg.cholesky(self.mixture.dense_covariances)
        self.X: Floats = np.empty((0, 2))
        self.labels: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.one = button("Draw one", lambda: self.draw_points(1), "a component, then a point from its Gaussian")
        self.hundred = button("Draw 100", lambda: self.draw_points(100), "the same a hundred times")
        self.hide = ipywidgets.ToggleButton(
            description="Hide the labels", tooltip="show the points without their components", layout={"width": "auto"}
        )
        self.again = button("Start again", self.start_again, "away with the points; those that come are new")
        self._draw_more(n_samples)
        super().__init__([row(self.one, self.hundred, self.hide, self.again)], [self.hide])
        self._allow()

    def draw_points(self, n_samples: int) -> None:
        """Draw this many points more, up to 1,000 in all, and show them."""
        self._draw_more(n_samples)
        self._allow()
        self.update()

    def start_again(self) -> None:
        """Forget the points; those that come are new."""
        self.X, self.labels = self.X[:0], self.labels[:0]
        self._allow()
        self.update()

    def _draw_more(self, n_samples: int) -> None:
        points, labels = [], []
        steps = np.cumsum(self.mixture.weights)
        for _ in range(min(int(n_samples), MOST_DRAWS - len(self.X))):
            label = int(np.searchsorted(steps, self._rng.random() * steps[-1], side="right"))
            points.append(self.mixture.means[label] + self._factors[label] @ self._rng.standard_normal(2))
            labels.append(label)
        if points:
            self.X = np.vstack([self.X, points])
            self.labels = np.concatenate([self.labels, np.array(labels, dtype=np.int64)])

    def _allow(self) -> None:
        self.one.disabled = self.hundred.disabled = len(self.X) >= MOST_DRAWS

    @property
    def counts(self) -> NDArray[np.int64]:
        """Points drawn from each component, (n_components,)."""
        return np.bincount(self.labels, minlength=self.mixture.n_components)

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the bars, and the plane with one set of points for each component."""
        tone = theme.page(self.dark)
        bars, ax = figure.subplots(1, 2, width_ratios=(1, 1.75))
        for axes in (bars, ax):
            dress(axes)
        moving = [*self._make_bars(bars), *self._make_plane(ax)]
        bars.set_title("1  Draw a component", fontsize=theme.BODY, color=tone["text"])
        ax.set_title("2  Draw a point from its Gaussian", fontsize=theme.BODY, color=tone["text"])
        return moving

    def _make_bars(self, ax: Axes) -> list[Artist]:
        tone, weights = theme.page(self.dark), self.mixture.weights
        K = len(weights)
        self._top = top = 1.3 * float(weights.max())
        ax.set_xlim(-0.6, K - 0.4)
        ax.set_ylim(0, top)
        ax.set_xticks(range(K), [f"{k}\n{weight:.2f}" for k, weight in enumerate(weights)])
        ax.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        set_labels(ax, "component and its weight", "probability")
        ax.tick_params(axis="x", length=0)
        colours = [theme.colour(k, self.dark) for k in range(K)]
        ax.bar(
            range(K), weights, width=0.66, color=[(*to_rgb(each), 0.3) for each in colours],
            edgecolor=[theme.ink(k, self.dark) for k in range(K)], linewidth=1.8, zorder=2,
        )  # fmt: skip
        ax.plot([-0.52, -0.28], [0.955 * top] * 2, color=tone["text"], linewidth=3.4, solid_capstyle="butt")
        ax.text(-0.2, 0.955 * top, "share so far", fontsize=theme.SMALL, color=tone["quiet"], va="center")
        self._chosen = Rectangle((0, 0), 0.66, 0, edgecolor=tone["text"], linewidth=2.4, zorder=2.5)
        ax.add_patch(self._chosen)
        self._shares = [
            ax.plot([], [], color=tone["text"], linewidth=3.4, zorder=3, solid_capstyle="butt")[0] for _ in range(K)
        ]
        (self._arrow,) = ax.plot([], [], "v", markersize=11, color=tone["text"], zorder=5, clip_on=False)
        return [self._chosen, *self._shares, self._arrow]

    def _make_plane(self, ax: Axes) -> list[Artist]:
        tone = theme.page(self.dark)
        self._components = plot_mixture(self.mixture, ax=ax, note=False).artists
        set_labels(ax, *self.names)
        ax.set_xlim(reach(self.mixture, 0, 3.2))
        ax.set_ylim(reach(self.mixture, 1, 3.2))
        edge: dict[str, Any] = {"markeredgecolor": tone["background"], "markeredgewidth": 0.4, "zorder": 3}
        self._clouds = [
            ax.plot([], [], theme.marker(k), markersize=5.6 * theme.MARKER_SCALES[k % len(theme.MARKERS)],
                    color=theme.colour(k, self.dark), **edge)[0]
            for k in range(self.mixture.n_components)
        ]  # fmt: skip
        (self._bare,) = ax.plot([], [], "o", markersize=5.6, color=tone["points"], **edge)
        (self._way,) = ax.plot([], [], color=tone["text"], linewidth=1.8, linestyle=(0, (2, 2)), zorder=6.5)
        (self._last,) = ax.plot(
            [], [], "o", markersize=16, markerfacecolor="none", markeredgecolor=tone["text"], markeredgewidth=2.6,
            zorder=7,
        )  # fmt: skip
        return [*self._components, *self._clouds, self._bare, self._way, self._last]

    def pose(self) -> None:
        """Show the points drawn, and mark the last one and its component."""
        hidden, n = bool(self.hide.value), len(self.X)
        marked = n > 0 and not hidden
        for artist in self._components:
            artist.set_visible(not hidden)
        shares = self.counts / max(n, 1)
        for k, (cloud, share) in enumerate(zip(self._clouds, self._shares, strict=True)):
            mine = self.X[self.labels == k] if marked else self.X[:0]
            cloud.set_data(mine[:, 0], mine[:, 1])
            share.set_data(*(([k - 0.33, k + 0.33], [shares[k]] * 2) if marked else ([], [])))
        bare = self.X if hidden else self.X[:0]
        self._bare.set_data(bare[:, 0], bare[:, 1])
        for artist in (self._chosen, self._arrow, self._last, self._way):
            artist.set_visible(marked)
        if marked:
            label, point = int(self.labels[-1]), self.X[-1]
            weight, mean = float(self.mixture.weights[label]), self.mixture.means[label]
            self._chosen.set(x=label - 0.33, height=weight, facecolor=theme.colour(label, self.dark))
            above = max(weight, shares[label]) + 0.045 * self._top
            self._arrow.set_data([label], [min(above, 0.9 * self._top)])
            self._last.set_data(point[:1], point[1:])
            self._way.set_data([mean[0], point[0]], [mean[1], point[1]])

    def sentence(self) -> str:
        """Say what was drawn last, and how the shares compare with the weights."""
        n = len(self.X)
        full = " There is no room for more." if n >= MOST_DRAWS else ""
        if not n:
            weights = ", ".join(f"{weight:.2f}" for weight in self.mixture.weights)
            return f"No point has been drawn yet. The weights of the components are {weights}."
        if self.hide.value:
            return (
                f"{count(n, 'point')} without their labels: which component made which is hidden, and so are the "
                f"components themselves. This is what data look like before a mixture is fitted.{full}"
            )
        label = int(self.labels[-1])
        x, y = (two_places(value) for value in self.X[-1])
        shares = "; ".join(
            f"component {k}: {number}, {whole_percent(number / n)} (weight {whole_percent(weight)})"
            for k, (number, weight) in enumerate(zip(self.counts, self.mixture.weights, strict=True))
        )
        return (
            f"The last draw: component {label}, which had probability {self.mixture.weights[label]:.2f}, and from its "
            f"Gaussian the point ({x}, {y}).\n{count(n, 'point')} so far. {shares[0].upper()}{shares[1:]}.{full}"
        )
