"""Flag what is rare: where to put the threshold, and what "rare" is measured by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import ArrayLike, NDArray

from ...covariance import floating
from ...datasets import load_customers
from ...estimators import GaussianMixture
from ...mixture import Mixture
from .. import theme
from ..draw import dress, make_mean, set_labels
from ..geometry import level_lines, plane_limits
from ..livetext import LiveText
from ..panel import Panel, reading, row, slider
from ..words import check_names, count, tick_label
from .parts import plane, whole_percent

if TYPE_CHECKING:
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["explore_threshold"]

KINDS = {
    "density": "flag where the mixture's density is lowest",
    "Mahalanobis": "flag what is farthest from its nearest mean, in that component's own ellipse",
    "Euclidean": "flag what is farthest from its nearest mean, as a ruler measures",
}
IN_WORDS = {"density": "low density", "Mahalanobis": "Mahalanobis distance", "Euclidean": "Euclidean distance"}
FORMS = "ln grocery", "ln detergents"
MOST = 20.0  # per cent flagged
GRID = 140  # points along each side of the grid for the border
SWAPPED = 22  # forms with two numbers in each other's boxes


def explore_threshold(
    X: ArrayLike | None = None, truth: ArrayLike | None = None, mixture: Mixture | None = None, *,
    share: float = 0.1, by: str = "density", feature_names: Sequence[str] | None = None,
) -> ThresholdExplorer:  # fmt: skip
    """Flag the rarest few of some points, by density or by distance, and see how many of the odd ones are among them.

    Left the points, the border of what is flagged, rings around it and, where the truth is known, crosses for the odd
    ones. Right precision and recall for every share; without a truth, the histogram of the scores.

    Parameters
    ----------
    X : (n_samples, 2), optional
        Default: what 440 customers of a wholesaler spend on groceries and detergents, as natural logarithms, where
        the two numbers of 22 customers have been put into each other's boxes.
    truth : (n_samples,) bool, optional
        Which points are odd. Default: those 22; for other data, nothing is known.
    mixture : Mixture, optional
        Default: two components fitted to X, odd points and all.
    share : float
        Which share to flag at the start, from 0.005 to 0.2.
    by : {'density', 'Mahalanobis', 'Euclidean'}
        What "rare" is measured by at the start. Distances are to the nearest mean of the mixture.
    feature_names : sequence of two str, optional

    Returns
    -------
    A widget; ``.flagged`` (n_samples,) says which points are flagged now, ``.precision`` and ``.recall`` are theirs
    (None without a truth), ``.scores[name]`` (n_samples,) is larger the rarer a point is by that name.

    Raises
    ------
    ValueError
        If X is not two columns of finite numbers, if truth does not fit it or has nothing odd, if the mixture
        has not two features, or if ``by`` is not one of the three.
    """
    return ThresholdExplorer(X, truth, mixture, share, by, feature_names)


class ThresholdExplorer(Panel):
    """The rarest few of some points; made by `explore_threshold`."""

    title = "Where to put the threshold"
    size = (860, 430)

    def __init__(
        self, X: ArrayLike | None, truth: ArrayLike | None, mixture: Mixture | None, share: float, by: str,
        feature_names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        if X is None:
            X, swapped = _forms()
            truth, feature_names = swapped if truth is None else truth, feature_names or FORMS
        self.X = floating(X).astype(np.float64)
        if self.X.ndim != 2 or self.X.shape[1] != 2 or len(self.X) < 5:
            raise ValueError(f"X must be (n_samples, 2), with five samples or more, but has shape {self.X.shape}.")
        if by not in KINDS:
            raise ValueError(f"by is {by!r}, but it must be one of {', '.join(map(repr, KINDS))}.")
        self.truth = None if truth is None else _odd(truth, len(self.X))
        if mixture is None:
            fit = GaussianMixture(2, n_init=5, tol=1e-6, max_iter=1000, random_state=0).fit(self.X)
            mixture = fit.mixture_
        self.mixture = plane(mixture, 1, 8)
        self.names = check_names(feature_names or ("x₁", "x₂"), 2)
        self._limits = plane_limits(self.X, [self.mixture], 2.0)
        x, y = self._grid = [np.linspace(*limits, GRID) for limits in self._limits]
        plot = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        self.scores = _scores(self.mixture, self.X)
        self._heights = {name: values.reshape(GRID, GRID) for name, values in _scores(self.mixture, plot).items()}
        self._order = {name: np.argsort(-values, kind="stable") for name, values in self.scores.items()}
        odd = "" if self.truth is None else f", {self.truth.sum()} of them odd, drawn as crosses"
        self.about = f"{count(len(self.X), 'point')}{odd}; rings around the flagged ones, and the border of what is."
        self.share = slider(
            "flag the rarest (%)", 100 * share, 0.5, MOST, 0.5, form=".1f", label=140, width=420,
            tip="which share of the points to flag",
        )  # fmt: skip
        self.by = ipywidgets.ToggleButtons(
            options=list(KINDS), value=by, tooltips=list(KINDS.values()), style={"button_width": "134px"}
        )
        super().__init__([row(self.share, self.by)], [self.share, self.by])

    # --- what the picture is made of ---------------------------------------------------------------------

    @property
    def n_flagged(self) -> int:
        """How many points are flagged: the share of the slider, at least one."""
        return max(1, round(reading(self.share) / 100 * len(self.X)))

    @property
    def flagged(self) -> Flags:
        """Which points are flagged, (n_samples,)."""
        return self.flagged_by(self.by.value)

    def flagged_by(self, name: str) -> Flags:
        """Which points would be flagged if "rare" were measured by this, (n_samples,)."""
        chosen = np.zeros(len(self.X), dtype=bool)
        chosen[self._order[name][: self.n_flagged]] = True
        return chosen

    @property
    def threshold(self) -> float:
        """The score that divides the flagged from the others: half-way between the last and the first of them."""
        scores = self.scores[self.by.value][self._order[self.by.value]]
        return float(scores[self.n_flagged - 1 : self.n_flagged + 1].mean())

    def found_by(self, name: str) -> int:
        """How many of the odd points would be flagged by this; 0 without a truth."""
        return 0 if self.truth is None else int((self.flagged_by(name) & self.truth).sum())

    @property
    def precision(self) -> float | None:
        """Share of the odd ones among the flagged; None without a truth."""
        return None if self.truth is None else self.found_by(self.by.value) / self.n_flagged

    @property
    def recall(self) -> float | None:
        """Share of the flagged among the odd ones; None without a truth."""
        return None if self.truth is None else self.found_by(self.by.value) / int(self.truth.sum())

    # --- the picture -------------------------------------------------------------------------------------

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the points with their border; beside them the two curves, or a histogram."""
        ax, side = figure.subplots(1, 2, width_ratios=(1.2, 1))
        tone = theme.page(self.dark)
        for each in (ax, side):
            dress(each)
        ax.set(xlim=self._limits[0], ylim=self._limits[1])
        set_labels(ax, *self.names)
        odd = np.zeros(len(self.X), dtype=bool) if self.truth is None else self.truth
        ax.plot(*self.X[~odd].T, "o", ms=4.6, color=tone["points"], alpha=0.65, mew=0, zorder=2)
        ax.plot(*self.X[odd].T, "X", ms=9, color=theme.colour(1, self.dark), mec=tone["background"], mew=0.8, zorder=4)
        for k, mean in enumerate(self.mixture.means):
            make_mean(ax, k, self.dark).set_data(mean[:1], mean[1:])
        (self._rings,) = ax.plot([], [], "o", ms=12.5, mfc="none", mec=tone["text"], mew=1.6, zorder=5)
        self._border = LineCollection([], colors=theme.ink(0, self.dark), linewidths=2.4, zorder=1.9)
        ax.add_collection(self._border, autolim=False)
        beside = self._make_histogram(side) if self.truth is None else self._make_curves(side)
        return [self._rings, self._border, *beside]

    def _make_curves(self, side: Axes) -> list[Artist]:
        tone = theme.page(self.dark)
        side.set(xlim=(0, MOST), ylim=(0, 1.04))
        percents = FuncFormatter(lambda value, _position: whole_percent(value))
        side.yaxis.set_major_formatter(percents)
        set_labels(side, "flagged (% of all)", "")
        (self._cut,) = side.plot([], [], color=tone["quiet"], linewidth=1.4, zorder=2)
        self._lines, self._dots, self._words = [], [], []
        for k, name in ((0, "precision"), (1, "recall")):
            ink, letters = theme.ink(k, self.dark), theme.ink(k, self.dark, 4.5)
            self._lines += side.plot([], [], color=ink, linestyle=theme.linestyle(k), linewidth=2.6, zorder=3)
            self._dots += side.plot(
                [], [], theme.marker(k), color=ink, ms=10, mec=tone["text"], zorder=5, clip_on=False
            )
            side.text(0.5 * k, 1.05, name, color=letters, fontsize=theme.BODY, transform=side.transAxes, va="baseline")
            place: dict[str, Any] = {"transform": side.transAxes, "va": "baseline", "color": letters}
            x = 0.5 * k + (0.29 if k == 0 else 0.19)
            self._words.append(LiveText(side, x, 1.05, size=theme.BODY, weight="bold", **place))
        side.set_title(" ", fontsize=theme.BODY, pad=8)  # keeps the place of the two names
        return [self._cut, *self._lines, *self._dots, *self._words]

    def _make_histogram(self, side: Axes) -> list[Artist]:
        tone = theme.page(self.dark)
        side.set(xlim=(-0.03, 1.03), ylim=(0, 1.06), yticks=[], xticks=[])
        set_labels(side, "rarer →", "how many points")
        side.spines["left"].set_visible(False)
        self._bars = side.stairs([0] * 40, np.linspace(0, 1, 41), fill=True, color=tone["points"], zorder=1)
        (self._cut,) = side.plot([], [], color=theme.ink(0, self.dark), linewidth=2.4, zorder=3)
        look: dict[str, Any] = {"size": theme.SMALL, "color": tone["text"], "transform": side.transAxes}
        ends = ((0.0, "left"), (1.0, "right"))
        self._words = [LiveText(side, place, 1.02, ha=ha, va="baseline", **look) for place, ha in ends]
        side.set_title(" ", fontsize=theme.SMALL, pad=8)
        return [self._bars, self._cut, *self._words]

    def pose(self) -> None:
        """Move the border, the rings and what is beside them."""
        name = self.by.value
        x, y = self._grid
        self._rings.set_data(*self.X[self.flagged].T)
        self._border.set_segments(level_lines(x, y, self._heights[name], self.threshold))
        if self.truth is None:
            self._pose_histogram(name)
            return
        numbers = np.arange(1, max(1, round(MOST / 100 * len(self.X))) + 1)
        found = np.cumsum(self.truth[self._order[name][: len(numbers)]])
        shown = 100 * numbers / len(self.X)
        now = 100 * self.n_flagged / len(self.X)
        self._cut.set_data([now, now], [0, 1])
        values = (self.precision or 0.0, self.recall or 0.0)
        curves = (found / numbers, found / self.truth.sum())
        for line, dot, word, curve, value in zip(self._lines, self._dots, self._words, curves, values, strict=True):
            line.set_data(shown, curve)
            dot.set_data([now], [value])
            word.set_text(whole_percent(value))

    def _pose_histogram(self, name: str) -> None:
        scores = self.scores[name]
        low, high = float(scores.min()), float(scores.max())
        heights, _ = np.histogram(scores, bins=40, range=(low, high))
        self._bars.set_data(heights / heights.max())
        place = (self.threshold - low) / (high - low)
        self._cut.set_data([place, place], [0, 1])
        ends, what = ((-low, -high), "log density") if name == "density" else ((low, high), "distance")
        self._words[0].set_text(f"{what} {tick_label(round(ends[0], 1))}")
        self._words[1].set_text(tick_label(round(ends[1], 1)))

    def sentence(self) -> str:
        """Say how many are flagged and found, and what the other measures would have found."""
        name = self.by.value
        value = -self.threshold if name == "density" else self.threshold
        what = "log density below" if name == "density" else f"{name} distance above"
        limit = f"{value:.2f}".replace("-", "−")
        text = f"Flagged: {self.n_flagged} of {len(self.X):,} points, those with a {what} {limit}."
        one, other = (each for each in KINDS if each != name)
        if self.truth is None:
            same = {each: (self.flagged & self.flagged_by(each)).sum() for each in (one, other)}
            rest = f"by {IN_WORDS[other]} {same[other]}"
            return f"{text}\nBy {IN_WORDS[one]} {same[one]} of the same would be flagged, {rest}."
        found = (
            f"By {IN_WORDS[one]} as many flags find {self.found_by(one)}, by {IN_WORDS[other]} {self.found_by(other)}."
        )
        return (
            f"{text} {self.found_by(name)} of them are odd: precision {whole_percent(self.precision or 0.0)}.\n"
            f"Recall: {whole_percent(self.recall or 0.0)} of the {self.truth.sum()} odd ones. {found}"
        )


def _forms() -> tuple[Floats, Flags]:
    """Groceries and detergents of 440 customers, in logarithms, and whose numbers are in each other's boxes."""
    spending = load_customers().data[:, [2, 4]]
    rows = np.random.default_rng(0).choice(len(spending), SWAPPED, replace=False)
    spending[rows] = spending[rows, ::-1]
    swapped = np.zeros(len(spending), dtype=bool)
    swapped[rows] = True
    return np.log(spending), swapped


def _odd(truth: ArrayLike, n_samples: int) -> Flags:
    odd = np.asarray(truth)
    if odd.shape != (n_samples,) or odd.dtype.kind not in "bui":
        raise ValueError(f"truth must be {n_samples} values that are true or false, one for each sample of X.")
    if not odd.astype(bool).any():
        raise ValueError("truth says that nothing is odd: leave it out, there is nothing to find.")
    return np.asarray(odd.astype(bool))


def _scores(mixture: Mixture, X: Floats) -> dict[str, Floats]:
    """How rare each sample is by each of the three measures, (n_samples,): the larger, the rarer."""
    apart = X[:, np.newaxis] - mixture.means  # (n_samples, n_components, 2)
    solved = np.linalg.solve(mixture.dense_covariances, np.moveaxis(apart, 0, 2))  # (n_components, 2, n_samples)
    mahalanobis = np.sqrt(np.einsum("nkd,kdn->nk", apart, solved))  # (2.44)
    return {
        "density": -mixture.log_density(X),
        "Mahalanobis": np.asarray(mahalanobis.min(axis=1)),
        "Euclidean": np.asarray(np.linalg.norm(apart, axis=2).min(axis=1)),
    }
