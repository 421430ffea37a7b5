"""Responsibilities as Bayes' rule, at one movable point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

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
from ..draw import dress, halo, plot_mixture, set_labels
from ..livetext import LiveText
from ..panel import Panel, at, reading, row, slider
from ..words import check_names
from .parts import from_log, nice, numbers, plane, reach, three_groups

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_responsibilities"]


def explore_responsibilities(
    mixture: Mixture | None = None,
    point: Sequence[float] | None = None,
    *,
    feature_names: Sequence[str] | None = None,
) -> ResponsibilitiesExplorer:
    """Move a point over a mixture and watch Bayes' rule at work: weight × density, then divided by the sum.

    Click or drag in the picture, or use the two sliders. Far from every component the densities are next to
    nothing, yet the responsibility goes to 1 for one of them.

    Parameters
    ----------
    mixture : Mixture, optional
        In two features, with two to five components. Default: three components.
    point : (float, float), optional
        Where the point starts. Default: between the first two means.
    feature_names : sequence of str, optional
        Two names for the axes.

    Returns
    -------
    A widget; ``.point`` is where the point is and ``.responsibilities`` (n_components,) what it shows.

    Raises
    ------
    ValueError
        If the mixture does not have two features and two to five components.
    """
    return ResponsibilitiesExplorer(mixture, point, feature_names)


BAR = 0.76  # length of a full bar; columns are 1 apart


class ResponsibilitiesExplorer(Panel):
    """Bayes' rule at one movable point; made by `explore_responsibilities`."""

    title = "Responsibilities by Bayes' rule"
    about = (
        "A movable point over the ellipses of a mixture; beside it, for each component, bars for its weight, its "
        "density at the point, their product, and its responsibility."
    )
    size = (940, 460)

    def __init__(
        self, mixture: Mixture | None, point: Sequence[float] | None, feature_names: Sequence[str] | None
    ) -> None:
        self.mixture = plane(three_groups() if mixture is None else mixture, 2, 5)
        self.names = ["x₁", "x₂"] if feature_names is None else check_names(feature_names, 2)
        if point is None:
            point = (0.4, 0.3) if mixture is None else self.mixture.means[:2].mean(axis=0)
        place = numbers("point", point, 2)
        even = np.full(self.mixture.n_components, 1 / self.mixture.n_components)
        self._unweighted = Mixture(even, self.mixture.means, self.mixture.dense_covariances)
        self._limits: list[tuple[float, float]] = []
        self._forms: list[str] = []
        sliders = []
        for axis, name in enumerate(self.names):
            low, high = reach(self.mixture, axis, 2.5)
            room = 0.25 * (high - low)
            step = nice((high - low) / 150)
            low, high = step * math.floor((low - room) / step), step * math.ceil((high + room) / step)
            self._limits.append((low, high))
            form = f".{max(0, -math.floor(math.log10(step)))}f"
            self._forms.append(form)
            label = int(np.clip(9 * len(name) + 62, 85, 240))
            sliders.append(
                slider(f"point, {name}", step * round(place[axis] / step), low, high, step, form=form,
                       tip="or click in the picture", label=label, width=275 + label)
            )  # fmt: skip
        self.x, self.y = sliders
        super().__init__([row(self.x, self.y)], [self.x, self.y], pointable=True)

    @property
    def point(self) -> Floats:
        """Where the point is, (2,)."""
        return np.array([reading(self.x), reading(self.y)])

    @property
    def log_density(self) -> Floats:
        """Log density of each component at the point, its weight left out, (n_components,)."""
        return self._unweighted.log_joint(self.point[np.newaxis])[0] + np.log(self.mixture.n_components)

    @property
    def log_joint(self) -> Floats:
        """Log of weight × density of each component at the point, (n_components,)."""
        return self.mixture.log_joint(self.point[np.newaxis])[0]

    @property
    def responsibilities(self) -> Floats:
        """Posterior probability of each component at the point, (n_components,) (Bishop 2006, eq. 9.13)."""
        return self.mixture.responsibilities(self.point[np.newaxis])[0]

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the plane, tinted by responsibilities, and a table of bars."""
        ax, table = figure.subplots(1, 2, width_ratios=(1, 1.16))
        self.axes = ax
        dress(ax)
        self._make_plane(ax)
        (self._spot,) = ax.plot([], [], "o", markersize=15, markeredgewidth=2.6, zorder=8)
        self._spot.set_markeredgecolor(theme.page(self.dark)["text"])
        self._spot.set_path_effects(halo(6, self.dark))
        return [self._spot, *self._make_table(table)]

    def _make_plane(self, ax: Axes) -> None:
        (left, right), (low, high) = self._limits
        x, y = np.linspace(left, right, 180), np.linspace(low, high, 150)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        tint = theme.mix(self.mixture.responsibilities(grid), self.dark).reshape(len(y), len(x), 3)
        paper = np.array(to_rgb(theme.page(self.dark)["background"]))
        strength = 0.4 if self.dark else 0.28
        ax.imshow(
            strength * tint + (1 - strength) * paper, extent=(left, right, low, high), origin="lower", aspect="auto",
            interpolation="bilinear", zorder=0,
        )  # fmt: skip
        plot_mixture(self.mixture, ax=ax, note=False)
        ax.set_xlim(left, right)
        ax.set_ylim(low, high)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
        set_labels(ax, *self.names)

    def _make_table(self, ax: Axes) -> list[Artist]:
        tone, K = theme.page(self.dark), self.mixture.n_components
        ax.set_axis_off()
        ax.set_xlim(-0.3, 4.14)
        ax.set_ylim(-0.45, K + 0.8)
        signs = ("×", "=", "→")
        heads = (
            ("weight", r"$\pi_k$"), ("density", r"$p(x\,|\,k)$"), ("product", r"$\pi_k\; p(x\,|\,k)$"),
            ("responsibility", r"$\gamma_k$"),
        )  # fmt: skip
        quiet: dict[str, Any] = {"fontsize": theme.SMALL, "color": tone["quiet"], "va": "center_baseline"}
        for column, (name, symbol) in enumerate(heads):
            ax.text(column + 0.04, K + 0.6, name, fontsize=theme.SMALL, fontweight="bold", va="center_baseline")
            ax.text(column + 0.04, K + 0.28, symbol, **quiet)
        for column, sign in enumerate(signs):
            ax.text(column + 0.91, K + 0.6, sign, fontsize=theme.BODY, ha="center", va="center_baseline")
        ax.text(1.86, -0.2, "sum: p(x) =", ha="right", **quiet)
        ax.text(3.04, -0.2, "product ÷ sum", **quiet)
        self._sum = LiveText(ax, 2.04, -0.2, size=theme.SMALL, color=tone["text"])
        self._bars: list[list[Rectangle]] = []
        self._values: list[list[LiveText]] = []
        for k in range(K):
            low = K - 1 - k + 0.08
            ax.text(-0.2, low + 0.58, str(k), fontsize=theme.BODY, fontweight="bold", ha="center", va="center")
            ax.plot(
                [-0.2], [low + 0.17], theme.marker(k), markersize=11 * theme.MARKER_SCALES[k],
                color=theme.colour(k, self.dark), markeredgecolor=tone["text"], markeredgewidth=1.3, clip_on=False,
            )  # fmt: skip
            fills: list[Rectangle] = []
            values: list[LiveText] = []
            for column in range(4):
                corner, fill = (column + 0.04, low), theme.colour(k, self.dark)
                ax.add_patch(Rectangle(corner, BAR, 0.34, facecolor=tone["grid"], edgecolor="none"))
                fills.append(Rectangle(corner, 0, 0.34, facecolor=fill, edgecolor="none", zorder=2))
                ax.add_patch(fills[-1])
                weight = "bold" if column == 3 else "normal"
                values.append(
                    LiveText(ax, column + 0.04, low + 0.56, size=theme.SMALL, color=tone["text"], weight=weight)
                )
            fills[0].set_width(BAR * float(self.mixture.weights[k]))
            values[0].set_text(f"{self.mixture.weights[k]:.2f}")
            self._bars.append(fills[1:])
            self._values.append(values[1:])
        return [*chain.from_iterable(self._bars), *chain.from_iterable(self._values), self._sum]

    def pose(self) -> None:
        """Move the point and the bars; density and product are drawn beside the largest of their kind."""
        point, shares, density, joint = self.point, self.responsibilities, self.log_density, self.log_joint
        self._spot.set_data(point[:1], point[1:])
        red, green, blue = theme.mix(shares[np.newaxis], self.dark)[0]
        self._spot.set_markerfacecolor((red, green, blue))
        for k, (bars, values) in enumerate(zip(self._bars, self._values, strict=True)):
            lengths = np.exp(density[k] - density.max()), np.exp(joint[k] - joint.max()), shares[k]
            texts = from_log(density[k]), from_log(joint[k]), f"{shares[k]:.3f}"
            for bar, value, length, text in zip(bars, values, lengths, texts, strict=True):
                bar.set_width(BAR * float(length))
                value.set_text(text)
        self._sum.set_text(from_log(float(np.logaddexp.reduce(joint))))

    def pointed(self, place: tuple[float, float]) -> None:
        """Move the point to a click."""
        spot = at(self.axes, place)
        if spot is not None:
            with self.together():
                for control, value in zip((self.x, self.y), spot, strict=True):
                    control.value = control.step * round(value / control.step)

    def sentence(self) -> str:
        """Say who answers for the point, and whether it is far from everything."""
        shares, point = self.responsibilities, self.point
        listed = ", ".join(f"{_part(share)} component {k}" for k, share in enumerate(shares))
        x, y = (f"{value:{form}}".replace("-", "−") for value, form in zip(point, self._forms, strict=True))
        text = f"The point ({x}, {y}) is {listed}."
        nearest = float(np.sqrt(_squared_distances(self.mixture, point).min()))
        if nearest > 4:
            return (
                f"{text} It lies {nearest:.1f} standard deviations from the nearest component, where the density is "
                f"{from_log(float(np.logaddexp.reduce(self.log_joint)))}. The responsibilities sum to 1 all the same: "
                "they say who the likelier maker is, not that the point is likely."
            )
        likely = int(shares.argmax())
        if shares[likely] > 0.95:
            return f"{text} Almost all of it goes to component {likely}."
        return f"{text} The components share it; component {likely} has the largest part."


def _squared_distances(mixture: Mixture, point: Floats) -> Floats:
    offsets = point - mixture.means
    solved = np.linalg.solve(mixture.dense_covariances, offsets[:, :, np.newaxis])[:, :, 0]
    return np.asarray((offsets * solved).sum(axis=1))


def _part(share: float) -> str:
    """Write a responsibility as a percentage that is neither a false 100 % nor a false 0 %."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.9995 <= share < 1:
        return "over 99.9 %"
    return f"{share:.{0 if 0.005 <= share < 0.995 else 1}%}".replace("%", " %")
