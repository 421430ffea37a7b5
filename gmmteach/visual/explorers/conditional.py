"""What one feature says about another: a slice through a mixture is a mixture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ...covariance import floating
from ...datasets import load_faithful
from ...estimators import GaussianMixture
from ...mixture import Mixture
from .. import theme
from ..draw import dress, halo, set_labels
from ..geometry import plane_limits
from ..livetext import LiveText
from ..panel import Panel, at, button, reading, row, slider
from ..words import check_names, count, format_number
from .parts import nice, numbers, plane, two_places

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_conditional"]

GEYSER = "eruption (min)", "waiting (min)"
CURVE = 240  # places along the regression curve and along a conditional density
SEEN = 0.01  # of the highest peak: a lower one cannot be seen, and is not counted


def explore_conditional(
    mixture: Mixture | None = None, X: ArrayLike | None = None, *, given: int = 0, value: float | None = None,
    feature_names: Sequence[str] | None = None,
) -> ConditionalExplorer:  # fmt: skip
    """Slide a known feature along a mixture, and watch the density of the other one change shape.

    Left the mixture, with a line where the known feature is, the curve of conditional means E[x₂ | x₁] and a band of
    one conditional standard deviation. Right the conditional density p(x₂ | x₁) on the same vertical axis, with its
    components and its mean. A click or a drag in the left picture moves the line, as the slider does. Every
    component is conditioned (Bishop 2006, eqs. 2.81 and 2.82), and its weight becomes its responsibility for the known
    value; the curve is Gaussian mixture regression (Ghahramani & Jordan 1994).

    Parameters
    ----------
    mixture : Mixture, optional
        In two features, of one to five components. Default: two components fitted to X.
    X : (n_samples, 2), optional
        Default: the 272 eruptions of Old Faithful, if there is no mixture either.
    given : {0, 1}
        Which feature is known; it is drawn along the horizontal axis.
    value : float, optional
        Where the known feature starts. Default: where the conditional standard deviation is largest.
    feature_names : sequence of two str, optional
        In the order of the mixture.

    Returns
    -------
    A widget; ``.value`` is the known feature now, ``.conditional`` the one-dimensional mixture of the other one,
    ``.mean`` and ``.standard_deviation`` its moments, ``.peaks`` (n_peaks,) where it is highest.

    Raises
    ------
    ValueError
        If the mixture has not two features or more than five components, if X does not fit it, if ``given`` is neither
        0 nor 1, or if ``value`` is not finite.
    """
    return ConditionalExplorer(mixture, X, given, value, feature_names)


class ConditionalExplorer(Panel):
    """A slice through a mixture; made by `explore_conditional`."""

    title = "What one feature says about the other"
    size = (860, 430)

    def __init__(
        self, mixture: Mixture | None, X: ArrayLike | None, given: int, value: float | None,
        feature_names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        if given not in (0, 1):
            raise ValueError(f"given is {given!r}, but the mixture has the features 0 and 1.")
        order = [given, 1 - given]
        if mixture is None and X is None:
            X, feature_names = load_faithful().data, feature_names or GEYSER
        samples = np.empty((0, 2)) if X is None else floating(X).astype(np.float64)
        if samples.ndim != 2 or samples.shape[1] != 2:
            raise ValueError(f"X must be (n_samples, 2), but has shape {samples.shape}.")
        if mixture is None:
            mixture = GaussianMixture(2, tol=1e-8, max_iter=1000, random_state=0).fit(samples).mixture_
        self.mixture = plane(mixture, 1, 5).marginal(order)
        self.X = samples[:, order]
        names = check_names(feature_names or ("x₁", "x₂"), 2)
        self.names = [names[feature] for feature in order]
        self._limits = plane_limits(self.X if len(samples) else None, [self.mixture], 2.6)
        low, high = self._limits[0]
        step = self._step = nice((high - low) / 200)
        low, high = step * math.ceil(low / step), step * math.floor(high / step)
        self._along = np.linspace(*self._limits[0], CURVE)
        self._moments = np.array([_moments(self.mixture.condition({0: place})) for place in self._along])
        if value is None:
            inside = (self._along >= low) & (self._along <= high)
            value = float(self._along[np.where(inside, self._moments[:, 1], -1).argmax()])
        (value,) = numbers("value", [value], 1)
        form = f".{max(0, -math.floor(math.log10(step)))}f"
        label = int(np.clip(9 * len(self.names[0]) + 60, 85, 260))
        self.slide = slider(
            f"known: {self.names[0]}", step * round(value / step), low, high, step, form=form, label=label,
            width=360 + label, tip="or drag in the left picture",
        )  # fmt: skip
        self.widest = button("Least certain", self.least_certain, "where the other feature is least certain")
        self.about = (
            f"Left {count(self.mixture.n_components, 'component')} with the curve of conditional means, its band and a "
            "vertical line at the known value; right the density of the other feature along that line."
        )
        super().__init__([row(self.slide, self.widest)], [self.slide], pointable=True)

    # --- what the picture is made of ---------------------------------------------------------------------

    @property
    def value(self) -> float:
        """The known feature now."""
        return reading(self.slide)

    @property
    def conditional(self) -> Mixture:
        """The other feature, given the known one: a mixture in one feature (Bishop 2006, eqs. 2.81 and 2.82)."""
        return self.mixture.condition({0: self.value})

    @property
    def mean(self) -> float:
        """Conditional mean E[x₂ | x₁]."""
        return _moments(self.conditional)[0]

    @property
    def standard_deviation(self) -> float:
        """Square root of the conditional variance: within the components and between them."""
        return _moments(self.conditional)[1]

    @property
    def peaks(self) -> Floats:
        """Where the conditional density has a peak that can be seen, 1 % of the highest or more, (n_peaks,)."""
        return _peaks(self.conditional)

    def least_certain(self) -> None:
        """Move to where the conditional standard deviation is largest."""
        inside = (self._along >= self.slide.min) & (self._along <= self.slide.max)
        best = self._along[np.where(inside, self._moments[:, 1], -1).argmax()]
        self.slide.value = self._step * round(best / self._step)

    # --- the picture -------------------------------------------------------------------------------------

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the plane with its curve and the density beside it, on one vertical axis."""
        ax, side = figure.subplots(1, 2, width_ratios=(1.55, 1), sharey=True)
        self.axes = ax
        tone = theme.page(self.dark)
        self._make_plane(ax)
        (self._line,) = ax.plot([], [], color=tone["text"], linewidth=2.2, zorder=5)
        look: dict[str, Any] = {"ms": 12, "mfc": tone["background"], "mec": tone["text"], "mew": 2.4}
        (self._spot,) = ax.plot([], [], "o", zorder=6, **look)
        dress(side)
        side.tick_params(labelleft=False)
        side.set_xlim(0, 1.08 * max(_height(self.mixture.condition({0: place})) for place in self._along[::6]))
        side.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        set_labels(side, "density, given the known", "")
        self._up = np.linspace(*self._limits[1], CURVE)
        (self._total,) = side.plot([], [], color=tone["text"], alpha=0.35, linewidth=8, zorder=3)
        self._curves = [
            side.plot([], [], color=theme.ink(k, self.dark), linestyle=theme.linestyle(k), linewidth=2.6, zorder=4)[0]
            for k in range(self.mixture.n_components)
        ]
        (self._mean,) = side.plot([], [], color=tone["text"], linewidth=1.4, linestyle=(0, (2, 2)), zorder=2)
        (self._end,) = side.plot([], [], "o", zorder=6, clip_on=False, **look)
        side.text(0.98, 0.97, "weights now", fontsize=theme.SMALL, ha="right", va="top", transform=side.transAxes)
        self._weights = [
            LiveText(side, 0.98, 0.86 - 0.075 * k, size=theme.BODY, color=theme.ink(k, self.dark, 4.5), ha="right",
                     weight="bold", rim=tone["background"], transform=side.transAxes)
            for k in range(self.mixture.n_components)
        ]  # fmt: skip
        return [self._line, self._spot, self._total, *self._curves, self._mean, self._end, *self._weights]

    def _make_plane(self, ax: Axes) -> None:
        tone = theme.page(self.dark)
        dress(ax)
        ax.set(xlim=self._limits[0], ylim=self._limits[1])
        set_labels(ax, *self.names)
        ax.plot(*self.X.T, "o", ms=4.4, color=tone["points"], alpha=0.6, mew=0, zorder=2)
        for k, (centre, width, height, angle) in enumerate(zip(*self.mixture.ellipses(2.0), strict=True)):
            style = {"edgecolor": theme.ink(k, self.dark), "linestyle": theme.linestyle(k), "linewidth": 2.2}
            patch = Ellipse(centre, width, height, angle=angle, facecolor="none", zorder=3, **style)
            patch.set_path_effects(halo(3.6, self.dark))
            ax.add_patch(patch)
        mean, spread = self._moments.T
        ink = theme.ink(2, self.dark)
        ax.fill_between(self._along, mean - spread, mean + spread, color=ink, alpha=0.2, linewidth=0, zorder=1.5)
        ax.plot(self._along, mean, color=ink, linewidth=3, zorder=4, path_effects=halo(5, self.dark))

    def pose(self) -> None:
        """Move the line, and draw the density along it."""
        conditional, place = self.conditional, self.value
        mean = self.mean
        self._line.set_data([place, place], self._limits[1])
        self._spot.set_data([place], [mean])
        joint = np.exp(conditional.log_joint(self._up))
        total = joint.sum(axis=1)
        self._total.set_data(total, self._up)
        for k, (curve, text) in enumerate(zip(self._curves, self._weights, strict=True)):
            curve.set_data(np.where(joint[:, k] > 0.003 * total.max(), joint[:, k], np.nan), self._up)
            text.set_text(f"{k}:  {two_places(conditional.weights[k])}")
        height = float(np.exp(conditional.log_density(np.array([[mean]])))[0])
        self._mean.set_data([0, height], [mean, mean])
        self._end.set_data([height], [mean])

    def pointed(self, place: tuple[float, float]) -> None:
        """Move the line to a click."""
        spot = at(self.axes, place)
        if spot is not None:
            self.slide.value = min(max(self._step * round(spot[0] / self._step), self.slide.min), self.slide.max)

    def sentence(self) -> str:
        """Say the conditional mean, its standard deviation, its peaks, and the weights."""
        peaks, conditional = self.peaks, self.conditional
        places = " and ".join(format_number(peak) for peak in peaks)
        one = "one peak" if len(peaks) == 1 else f"{_IN_WORDS[len(peaks)]} peaks"
        value = format(self.value, self.slide.readout_format).replace("-", "−")
        text = (
            f"Given {self.names[0]} {value}, {self.names[1]}: mean {format_number(self.mean)}, standard deviation "
            f"{format_number(self.standard_deviation)}, {one}, at {places}."
        )
        if self.mixture.n_components == 1:
            return text
        now, before = (", ".join(map(two_places, each)) for each in (conditional.weights, self.mixture.weights))
        return f"{text}\nWeights of the components now: {now}; before anything was known: {before}."


_IN_WORDS = ("no", "one", "two", "three", "four", "five")


def _moments(conditional: Mixture) -> tuple[float, float]:
    """Mean and standard deviation of a mixture in one feature: its variance lies within and between components."""
    means, weights = conditional.means[:, 0], conditional.weights
    mean = float(weights @ means)
    return mean, float(np.sqrt(weights @ (conditional.variances[:, 0] + np.square(means - mean))))


def _height(conditional: Mixture) -> float:
    """How high the density of a mixture in one feature is at the highest of its peaks."""
    return float(np.exp(conditional.log_density(_peaks(conditional)[:, np.newaxis])).max())


def _peaks(conditional: Mixture) -> Floats:
    """Where a mixture in one feature is highest: its peaks lie between the lowest and the highest of its means."""
    spread = float(np.sqrt(conditional.variances.min()))
    low, high = conditional.means.min() - spread, conditional.means.max() + spread
    places = np.linspace(low, high, min(20_001, 401 + int(40 * (high - low) / spread)))
    density = np.exp(conditional.log_density(places[:, np.newaxis]))
    middle = density[1:-1]
    risen = (middle > density[:-2]) & (middle >= density[2:]) & (middle >= SEEN * density.max())
    return np.asarray(places[1:-1][risen])
