"""How many components? One slider for K, four criteria beside the picture, and where each of them is least."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from ...datasets import load_penguins, make_moons, make_overlapping_blobs
from ...estimators import GaussianMixture
from ...mixture import Mixture
from .. import theme
from ..draw import dress, halo, make_mean, set_labels
from ..geometry import density_levels, level_lines, plane_limits
from ..panel import Panel, reading, row, slider
from ..words import check_names, count
from .parts import one_place

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_selection"]

MOST = 10  # components
SIZES = range(1, MOST + 1)
STARTS = 3  # of each fit
FOLDS = 5
CRITERIA = ("AIC", "BIC", "ICL", "held out")
MASSES = (0.95, 0.75, 0.5, 0.25)  # of the mixture, inside each contour
GRID = 120  # points along each side, for the contours


def explore_selection(
    X: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    *,
    n_components: int = 2,
    data: str = "two moons",
    feature_names: Sequence[str] | None = None,
) -> SelectionExplorer:
    """Choose the number of components, and see what AIC, BIC, ICL and held-out data say about it.

    Every K from 1 to 10 is fitted before the picture opens: full covariances, the best of 3 starts. All criteria are
    drawn on one scale, nats per sample behind their own best K: AIC, BIC and ICL divided by 2 N, and minus the mean
    log density of points held out in 5-fold cross-validation.

    Parameters
    ----------
    X : (n_samples, 2), optional
        Your own data, 50 to 2,000 samples. They are then the first choice, named "yours".
    labels : (n_samples,), optional
        True groups of X, if you know them: the sentence compares the components with them.
    n_components : int
        Where the slider starts, from 1 to 10.
    data : {'two moons', "penguins' bills", 'three blobs'}
        What to begin with if there is no X.
    feature_names : (str, str), optional
        Of X. Default: x₀ and x₁.

    Returns
    -------
    A widget; ``.mixture`` is the fit now, ``.behind`` the four criteria (4, 10) in nats per sample behind their best,
    ``.least`` the K at which each is best.

    Raises
    ------
    ValueError
        If X has not two columns of finite numbers, or too few or too many rows; if there is no such data.
    """
    return SelectionExplorer(X, labels, n_components, data, feature_names)


class Study(NamedTuple):
    """Data and all that is known of them; losses (4, 10) are AIC / 2N, BIC / 2N, ICL / 2N and the held-out one."""

    X: Floats
    names: list[str]
    truth: NDArray[Any] | None
    mixtures: list[Mixture]
    losses: Floats


def _study(X: Floats, names: Sequence[str], truth: NDArray[Any] | None) -> Study:
    """Fit every K to all points and to each fold's."""
    floor = 1e-6 * float(X.var(axis=0).mean())  # as the default, for data of any unit
    folds = list(KFold(FOLDS, shuffle=True, random_state=0).split(X))

    def fitted(sample: Floats, size: int) -> GaussianMixture:
        return GaussianMixture(size, n_init=STARTS, reg_covar=floor, max_iter=200, random_state=0).fit(sample)

    with warnings.catch_warnings(), threadpool_limits(1):  # fits this small: threads would wait for each other
        warnings.simplefilter("ignore", ConvergenceWarning)
        models = [fitted(X, size) for size in SIZES]
        held = [
            np.concatenate([fitted(X[train], size).score_samples(X[test]) for train, test in folds]).mean()
            for size in SIZES
        ]
    charged = [[getattr(model, name)(X) / (2 * len(X)) for model in models] for name in ("aic", "bic", "icl")]
    losses = np.array([*charged, -np.array(held)])
    return Study(X, list(names), truth, [model.mixture_ for model in models], losses)


KNOWN = ("two moons", "penguins' bills", "three blobs")


@lru_cache(maxsize=len(KNOWN))
def _known(name: str) -> Study:
    if name == "penguins' bills":
        penguins = load_penguins()
        complete = ~np.isnan(penguins.data).any(axis=1)
        names = ["bill length (mm)", "bill depth (mm)"]
        return _study(penguins.data[complete, :2], names, penguins.target[complete])
    X, truth = make_moons(300) if name == "two moons" else make_overlapping_blobs(300, separation=4.0)
    return _study(X, ["x₀", "x₁"], truth)


class SelectionExplorer(Panel):
    """A mixture of K components, and four opinions about K; made by `explore_selection`."""

    title = "How many components?"
    about = (
        "Left, points and the ellipses or contours of a mixture. Right, AIC, BIC, ICL and held-out loss against the "
        "number of components, in nats per sample behind the best of each; below, the K at which each is least."
    )
    size = (860, 440)

    def __init__(
        self, X: ArrayLike | None, labels: ArrayLike | None, n_components: int, data: str,
        feature_names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        if data not in KNOWN:
            raise ValueError(f"data must be one of {', '.join(map(repr, KNOWN))}, but is {data!r}.")
        self._yours = None if X is None else _own(X, labels, feature_names)
        names = list(KNOWN) if X is None else ["yours", *KNOWN]
        self.components = slider("components K", n_components, 1, MOST, 1, form=".0f", label=110, width=340)
        look = {"button_width": "146px"}
        self.choice = ipywidgets.ToggleButtons(options=names, value=data if X is None else "yours", style=look)
        self.view = ipywidgets.ToggleButtons(options=["ellipses", "density"], style={"button_width": "92px"})
        self.choice.observe(self._other_data, "value")  # before the panel's own observer draws
        self._load()
        controls = [self.components, self.choice, self.view]
        super().__init__([row(self.choice), row(self.components, self.view)], controls)

    def _load(self) -> None:
        name = self.choice.value
        self.study = self._yours if name == "yours" and self._yours is not None else _known(name)
        self._contours: dict[int, list[Floats]] = {}

    def _other_data(self, _change: object) -> None:
        self._load()
        self._open()

    @property
    def n_components(self) -> int:
        """K now."""
        return round(reading(self.components))

    @property
    def mixture(self) -> Mixture:
        """The fit of K components."""
        return self.study.mixtures[self.n_components - 1]

    @property
    def behind(self) -> Floats:
        """AIC, BIC, ICL and held-out loss for each K, (4, 10): nats per sample behind the best of each."""
        return np.asarray(self.study.losses - self.study.losses.min(axis=1, keepdims=True))

    @property
    def least(self) -> dict[str, int]:
        """The K at which each criterion is least."""
        return dict(zip(CRITERIA, (int(k) + 1 for k in self.study.losses.argmin(axis=1)), strict=True))

    def contours(self, n_components: int) -> list[Floats]:
        """Lines around 95, 75, 50 and 25 % of the mixture of so many components."""
        if n_components not in self._contours:
            x, y = (np.linspace(*ends, GRID) for ends in (self.axes.get_xlim(), self.axes.get_ylim()))
            points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
            density = np.exp(self.study.mixtures[n_components - 1].log_density(points)).reshape(GRID, GRID)
            levels = density_levels(density, (x[1] - x[0]) * (y[1] - y[0]), MASSES)
            found = [level_lines(x, y, density, level) for level in levels if level is not None]
            self._contours[n_components] = [line for lines in found for line in lines]
        return self._contours[n_components]

    # --- drawing -----------------------------------------------------------------------------------------

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the points, ten ellipses and means, the four curves and the table under them."""
        tone, study, dark = theme.page(self.dark), self.study, self.dark
        grid = figure.add_gridspec(2, 2, width_ratios=(1.12, 1), height_ratios=(2, 1))
        self.axes = ax = figure.add_subplot(grid[:, 0])
        side, low = figure.add_subplot(grid[0, 1]), figure.add_subplot(grid[1, 1])
        across, up = plane_limits(study.X, study.mixtures[1:], 2.0)
        ax.set(xlim=across, ylim=up)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.yaxis.set_major_locator(MaxNLocator(6))
        set_labels(ax, *study.names)
        self._points = [
            ax.scatter([], [], s=26 * theme.MARKER_SCALES[k] ** 2, marker=theme.marker(k), linewidths=0, alpha=0.75)
            for k in range(MOST)
        ]
        self._lines = LineCollection([], colors=tone["text"], linewidths=1.4, zorder=3)
        ax.add_collection(self._lines, autolim=False)
        self._ellipses = [ax.add_patch(Ellipse((0, 0), 1, 1, facecolor="none", zorder=4)) for _ in range(MOST)]
        for k, ellipse in enumerate(self._ellipses):
            ellipse.set(edgecolor=theme.ink(k, dark), linewidth=2.4, linestyle=theme.linestyle(k))
            ellipse.set_path_effects(halo(4, dark))
        self._means = [make_mean(ax, k, dark) for k in range(MOST)]
        for mean in self._means:
            mean.set_markersize(0.72 * mean.get_markersize())  # ten of them have to fit

        behind = self.behind
        side.set_yscale("function", functions=(lambda y: np.sqrt(np.abs(y)) * np.sign(y), lambda y: y * np.abs(y)))
        ticks = [tick for tick in (0.0, 0.02, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0) if tick <= max(0.1, behind.max())]
        side.set(ylim=(-0.003, 1.1 * max(0.1, behind.max())), yticks=ticks, yticklabels=[f"{tick:g}" for tick in ticks])
        side.tick_params(axis="x", labelbottom=False)
        low.set(ylim=(3.6, -0.6), yticks=range(4), yticklabels=CRITERIA, xlabel="components K")
        side.set_ylabel("behind the best\n(nats per sample)", fontsize=theme.BODY)
        low.set_title("each is least at", fontsize=theme.SMALL, fontweight="normal", loc="right", pad=4)
        low.tick_params(axis="y", length=0)
        self._here, self._bands = [], []
        for each in (ax, side, low):
            dress(each)
        for each in (side, low):
            each.set(xlim=(0.5, MOST + 0.5), xticks=SIZES)
            self._bands.append(each.axvline(1, color=tone["points"], linewidth=14, alpha=0.3, zorder=1.5))
        side.grid(axis="y", color=tone["grid"])
        for k, curve in enumerate(behind):
            style: dict[str, Any] = {"color": theme.ink(k, dark), "linestyle": theme.linestyle(k), "zorder": 3 + k / 10}
            shape, size = theme.marker(k), theme.MARKER_SCALES[k]
            side.plot(SIZES, curve, linewidth=2, marker=shape, markersize=6 * size, clip_on=False, **style)
            low.plot([0.5, MOST + 0.5], [k, k], linewidth=2, **style)
            best: dict[str, Any] = {"color": theme.ink(k, dark), "mec": tone["text"], "mew": 1.4}
            low.plot([curve.argmin() + 1], [k], shape, markersize=11 * size, zorder=4, **best)
            (here,) = side.plot([], [], shape, markersize=10 * size, zorder=5 + k / 10, clip_on=False, **best)
            self._here.append(here)
        return [*self._points, self._lines, *self._ellipses, *self._means, *self._bands, *self._here]

    def pose(self) -> None:
        """Colour the points, place the ellipses or contours, and mark K."""
        study, mixture, size = self.study, self.mixture, self.n_components
        shares = mixture.responsibilities(study.X)
        colours, first = theme.mix(shares, self.dark), shares.argmax(axis=1)
        whole = self.view.value == "ellipses"
        for k, points in enumerate(self._points):
            own = first == k
            points.set_offsets(study.X[own])
            points.set_facecolor(colours[own] if own.any() else "none")
        for k, (ellipse, mean) in enumerate(zip(self._ellipses, self._means, strict=True)):
            ellipse.set_visible(whole and k < size)
            mean.set_visible(whole and k < size)
        for k, (centre, width, height, angle) in enumerate(zip(*mixture.ellipses(2.0), strict=True)):
            self._ellipses[k].set(center=centre, width=width, height=height, angle=angle)
            self._means[k].set_data(centre[:1], centre[1:])
        self._lines.set_segments([] if whole else self.contours(size))
        for band in self._bands:
            band.set_xdata([size, size])
        for here, curve in zip(self._here, self.behind, strict=True):
            here.set_data([size], [curve[size - 1]])

    def sentence(self) -> str:
        """Say the fit in numbers, who would choose which K, and what the components have to do with the groups."""
        study, size = self.study, self.n_components
        chosen = ", ".join(f"{name} {best}" for name, best in self.least.items())
        words = (
            f"{count(size, 'component')}, {count(self.mixture.n_parameters, 'parameter')}: log-likelihood "
            f"{one_place(self.mixture.log_density(study.X).sum())} nats. Least at K: {chosen}."
        )
        if study.truth is None:
            return words
        found = self.mixture.responsibilities(study.X).argmax(axis=1)
        agreement, groups = adjusted_rand_score(study.truth, found), len(np.unique(study.truth))
        return f"{words}\nComponents against the {groups} true groups: adjusted Rand index {agreement + 0.0:.2f} of 1."


def _own(X: ArrayLike, labels: ArrayLike | None, feature_names: Sequence[str] | None) -> Study:
    """Study data of somebody's own, or say what is wrong with them."""
    names = getattr(X, "columns", ["x₀", "x₁"]) if feature_names is None else feature_names
    array = np.asarray(X, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != 2 or not 50 <= len(array) <= 2000:
        raise ValueError(f"X must have 50 to 2,000 rows and 2 columns, but its shape is {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError("X has values that are missing or infinite; leave their rows out first.")
    truth = None if labels is None else np.asarray(labels)
    if truth is not None and truth.shape != (len(array),):
        raise ValueError(f"labels must be one for each of {len(array)} rows, but its shape is {truth.shape}.")
    return _study(array, check_names(names, 2), truth)
