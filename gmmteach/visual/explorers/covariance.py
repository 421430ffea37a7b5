"""A covariance matrix as a cloud, as ellipses and as a way to measure distance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray
from scipy.stats import chi2

from ...mixture import Mixture
from .. import theme
from ..draw import dress, halo, set_labels
from ..livetext import LiveText
from ..panel import Panel, at, button, reading, row, slider
from ..words import percent
from .parts import numbers, one_place, two_places

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_covariance"]


def explore_covariance(
    standard_deviations: Sequence[float] = (1.5, 1.0), correlation: float = 0.7, probe: Sequence[float] = (2.0, -1.0)
) -> CovarianceExplorer:
    """Change a covariance matrix and watch 500 points, its ellipses and its axes follow.

    The points are 500 fixed standard normal ones, transformed. A circle and an ellipse go through one probe point:
    all that is as far in the ordinary sense, and all that is as far in Mahalanobis distance. A click or a drag moves
    the probe; so do its two sliders. Buttons give the three shapes: spherical, diagonal, full.

    Parameters
    ----------
    standard_deviations : (float, float)
        Where σ₁ and σ₂ start, from 0.2 to 2.
    correlation : float
        Where ρ starts, from −0.98 to 0.98.
    probe : (float, float)
        Where the probe starts, from −5 to 5.

    Returns
    -------
    A widget; ``.covariance`` is the matrix now, ``.mahalanobis`` and ``.euclidean`` the probe's distances.
    """
    return CovarianceExplorer(standard_deviations, correlation, probe)


REACH = 5.0
SEED = 16  # of points that look as a textbook Gaussian should


class CovarianceExplorer(Panel):
    """Covariance as a cloud, as ellipses and as a distance; made by `explore_covariance`."""

    title = "Covariance and Mahalanobis distance"
    about = (
        "500 points of a two-dimensional Gaussian with its ellipses at one and two standard deviations and their axes; "
        "a dashed circle and a dotted ellipse around the mean go through one probe point."
    )
    size = (860, 490)

    def __init__(self, standard_deviations: Sequence[float], correlation: float, probe: Sequence[float]) -> None:
        self._points = _standard_points()
        first, second = numbers("standard_deviations", standard_deviations, 2)
        across, up = numbers("probe", probe, 2)
        numbers("correlation", [correlation], 1)
        self.first = slider("σ₁, spread along x₁", first, 0.2, 2, 0.05)
        self.second = slider("σ₂, spread along x₂", second, 0.2, 2, 0.05)
        self.correlation = slider("correlation ρ", correlation, -0.98, 0.98, 0.02)
        self.probe_x = slider("probe, x₁", across, -REACH, REACH, 0.1, form=".1f", tip="or click in the picture")
        self.probe_y = slider("probe, x₂", up, -REACH, REACH, 0.1, form=".1f", tip="or click in the picture")
        presets = row(
            button("Spherical", lambda: self._preset(1.2, 1.2, 0.0), "σ₁ = σ₂ and ρ = 0: Σ = σ² I"),
            button("Diagonal", lambda: self._preset(1.8, 0.7, 0.0), "ρ = 0: the ellipse does not slant"),
            button("Full", lambda: self._preset(1.6, 1.1, 0.8), "any σ₁, σ₂ and ρ"),
        )
        super().__init__(
            [row(self.first, self.second), row(self.correlation, presets), row(self.probe_x, self.probe_y)],
            [self.first, self.second, self.correlation, self.probe_x, self.probe_y],
            pointable=True,
        )

    def _preset(self, first: float, second: float, correlation: float) -> None:
        with self.together():
            self.first.value, self.second.value, self.correlation.value = first, second, correlation

    @property
    def covariance(self) -> Floats:
        """The matrix now, (2, 2)."""
        first, second, shared = reading(self.first), reading(self.second), reading(self.correlation)
        return np.array([[first**2, shared * first * second], [shared * first * second, second**2]])

    @property
    def mixture(self) -> Mixture:
        """The Gaussian now, as a mixture of one."""
        return Mixture(np.ones(1), np.zeros((1, 2)), self.covariance[np.newaxis])

    @property
    def X(self) -> Floats:
        """The 500 points now; their own covariance (divided by 500) is exactly the matrix."""
        return np.asarray(self._points @ np.linalg.cholesky(self.covariance).T)

    @property
    def probe(self) -> Floats:
        """Where the probe is, (2,)."""
        return np.array([reading(self.probe_x), reading(self.probe_y)])

    @property
    def euclidean(self) -> float:
        """Ordinary distance from the mean to the probe."""
        return float(np.linalg.norm(self.probe))

    @property
    def mahalanobis(self) -> float:
        """Mahalanobis distance from the mean to the probe, √(xᵀ Σ⁻¹ x) (Bishop 2006, eq. 2.44)."""
        return float(np.sqrt(self.probe @ np.linalg.solve(self.covariance, self.probe)))

    @property
    def beyond(self) -> str:
        """Share of the Gaussian beyond the probe's Mahalanobis distance, in words."""
        share = float(chi2.sf(self.mahalanobis**2, df=2))
        return percent(share) if share >= 0.01 else "under 1 %"

    def share_within(self, n_std: float) -> float:
        """Share of the 500 points inside the ellipse at this Mahalanobis distance."""
        return float(np.mean(np.square(self._points).sum(axis=1) <= n_std**2))  # the transformation keeps it

    @property
    def shape(self) -> str:
        """Which covariance type would do for this matrix."""
        if reading(self.correlation):
            return "full, the ellipse slants"
        equal = reading(self.first) == reading(self.second)
        return "spherical, the ellipse is a circle" if equal else "diagonal, the ellipse does not slant"

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the cloud, ellipses, axes and the probe with its two curves; beside them, the numbers."""
        tone = theme.page(self.dark)
        ax, side = figure.subplots(1, 2, width_ratios=(1.3, 1))
        self.axes = ax
        dress(ax)
        ax.set_aspect("equal")
        ax.set_xlim(-REACH, REACH)
        ax.set_ylim(-REACH, REACH)
        ax.set_xticks(range(-4, 5, 2))
        ax.set_yticks(range(-4, 5, 2))
        set_labels(ax, "x₁", "x₂")
        blue, red, green = (theme.ink(k, self.dark) for k in (0, 1, 2))
        (self._cloud,) = ax.plot(
            [],
            [],
            "o",
            markersize=4.4,
            color=theme.colour(0, self.dark),
            alpha=0.8 if self.dark else 0.5,
            markeredgewidth=0,
            zorder=2,
        )
        self._rings = [_ring(ax, blue, width, "-", self.dark) for width in (2.0, 2.8)]
        self._spokes = [
            ax.plot([], [], color=tone["text"], linewidth=width, zorder=3.5, solid_capstyle="butt")[0]
            for width in (1.2, 1.2, 3.2, 3.2)
        ]
        self._circle = _ring(ax, red, 2.4, theme.linestyle(1), self.dark)
        self._equal = _ring(ax, green, 2.8, theme.linestyle(2), self.dark)
        (self._probe,) = ax.plot(
            [], [], "D", markersize=11, color=theme.colour(5, self.dark), markeredgecolor=tone["text"],
            markeredgewidth=1.6, zorder=6,
        )  # fmt: skip

        side.set_axis_off()
        side.set_xlim(0, 1)
        side.set_ylim(0, 1)

        def head(y: float, text: str) -> None:
            side.text(0, y, text, fontsize=theme.BODY, fontweight="bold", va="center_baseline")

        def line(y: float, text: str, **style: Any) -> None:
            if style:
                side.plot([0.0, 0.11], [y, y], **style)
            side.text(0.15, y, text, fontsize=theme.SMALL, va="center_baseline")

        def live(x: float, y: float, *, size: float = theme.BODY, **how: Any) -> LiveText:
            return LiveText(side, x, y, size=size, color=tone["text"], **how)

        head(0.96, "Covariance matrix Σ")
        for edge, turn in ((0.04, 0.03), (0.55, -0.03)):
            side.plot([edge + turn, edge, edge, edge + turn], [0.89, 0.89, 0.71, 0.71], color=tone["text"], lw=1.6)
        self._entries = [live(x, y, ha="right") for y in (0.845, 0.755) for x in (0.28, 0.51)]
        head(0.59, "The Gaussian")
        held = [percent(float(chi2.cdf(n**2, df=2))) for n in (1, 2)]
        line(0.51, f"1σ holds {held[0]}, 2σ {held[1]}", color=blue, linewidth=2.6)
        line(0.43, "axes: eigenvectors of Σ", color=tone["text"], linewidth=3.2)
        line(0.36, "√λ, to 1σ:")
        self._lengths = live(0.44, 0.36, size=theme.SMALL)
        head(0.22, "From the mean to the probe")
        line(0.14, "Euclidean", color=red, linewidth=2.4, linestyle=theme.linestyle(1))
        line(0.06, "Mahalanobis", color=green, linewidth=2.8, linestyle=theme.linestyle(2))
        self._distances = [live(0.56, y, weight="bold") for y in (0.14, 0.06)]
        line(-0.02, "further out")
        self._beyond = live(0.56, -0.02, size=theme.SMALL)
        return [
            self._cloud, *self._rings, *self._spokes, self._circle, self._equal, self._probe, *self._entries,
            self._lengths, *self._distances, self._beyond,
        ]  # fmt: skip

    def pose(self) -> None:
        """Move everything to the covariance and the probe of the sliders."""
        X, covariance, mahalanobis = self.X, self.covariance, self.mahalanobis
        self._cloud.set_data(X[:, 0], X[:, 1])
        _, widths, heights, angles = self.mixture.ellipses(1.0)
        for ring, n_std in ((self._rings[0], 1.0), (self._rings[1], 2.0), (self._equal, mahalanobis)):
            ring.set(width=n_std * widths[0], height=n_std * heights[0], angle=angles[0])
        turn = np.radians(angles[0])
        along = np.array([np.cos(turn), np.sin(turn)]) * widths[0] / 2
        across = np.array([-np.sin(turn), np.cos(turn)]) * heights[0] / 2
        for spoke, end in zip(self._spokes, (2 * along, 2 * across, along, across), strict=True):
            spoke.set_data([-end[0], end[0]], [-end[1], end[1]])
        self._circle.set(width=2 * self.euclidean, height=2 * self.euclidean)
        self._probe.set_data(self.probe[:1], self.probe[1:])
        for entry, value in zip(self._entries, covariance.ravel(), strict=True):
            entry.set_text(two_places(value))
        self._lengths.set_text(f"{widths[0] / 2:.2f} and {heights[0] / 2:.2f}")
        for text, value in zip(self._distances, (self.euclidean, mahalanobis), strict=True):
            text.set_text(f"{value:.2f}")
        self._beyond.set_text(self.beyond)

    def pointed(self, place: tuple[float, float]) -> None:
        """Move the probe to a click."""
        spot = at(self.axes, place)
        if spot is not None:
            with self.together():
                self.probe_x.value, self.probe_y.value = (round(side, 1) for side in spot)

    def sentence(self) -> str:
        """Say the matrix, what the ellipses hold and how far the probe is."""
        (a, b), (_, d) = self.covariance
        _, widths, heights, _ = self.mixture.ellipses(1.0)
        matrix = f"[[{two_places(a)}, {two_places(b)}], [{two_places(b)}, {two_places(d)}]]"
        held = [percent(float(chi2.cdf(n**2, df=2))) for n in (1, 2)]
        found = [percent(self.share_within(n)) for n in (1, 2)]
        return (
            f"Σ = {matrix}: {self.shape}. Half-axes at 1σ: {widths[0] / 2:.2f}, {heights[0] / 2:.2f}. The 1σ ellipse "
            f"holds {held[0]} of the Gaussian ({found[0]} of these points), the 2σ ellipse {held[1]} ({found[1]}).\n"
            f"Probe ({one_place(self.probe[0])}, {one_place(self.probe[1])}): Euclidean distance {self.euclidean:.2f}, "
            f"Mahalanobis distance {self.mahalanobis:.2f}; {self.beyond} of the Gaussian lies further out."
        )


def _standard_points() -> Floats:
    """500 fixed points of mean 0 and covariance the identity, exactly; they look standard normal."""
    points = np.random.default_rng(SEED).standard_normal((500, 2))
    points -= points.mean(axis=0)
    return np.asarray(np.linalg.solve(np.linalg.cholesky(np.cov(points.T, bias=True)), points.T).T)


def _ring(ax: Axes, colour: str, width: float, style: Any, dark: bool) -> Ellipse:
    patch = Ellipse((0, 0), 1, 1, facecolor="none", edgecolor=colour, linewidth=width, linestyle=style, zorder=3)
    patch.set_path_effects(halo(width + 1.6, dark))
    ax.add_patch(patch)
    return patch
