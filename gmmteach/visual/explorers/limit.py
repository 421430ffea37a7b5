"""The variance dial: EM with one fixed spread beside k-means, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from ...datasets import load_penguins
from ...kmeans import assign, lloyd
from ...mixture import Mixture
from .. import theme
from ..draw import dress, halo, set_labels, set_title
from ..panel import Panel, reading, row, slider
from ..words import check_names, count

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_limit"]

ROUNDS = 12
HALVINGS = 6
SURE = 0.99  # a share above which a point counts as decided


def explore_limit(
    X: ArrayLike | None = None, start: ArrayLike | None = None, *, feature_names: Sequence[str] | None = None
) -> LimitExplorer:
    """Turn the spread of the components down and watch EM become k-means (Bishop 2006, section 9.3.2).

    On the left EM with equal weights and one fixed, round covariance σ²I, so that only the means learn; on the right
    k-means from the same start. Two sliders: how often σ has been halved, from one unit of the data, and the round.

    Parameters
    ----------
    X : (n_samples, 2), optional
        Features in comparable units. Default: the bills of 342 penguins, standardised.
    start : (n_components, 2), optional
        Starting means, two to six. Default: three samples close to each other.
    feature_names : sequence of str, optional
        Two names for the axes.

    Returns
    -------
    A widget; ``.sigma`` is the spread, ``.means`` and ``.centres`` (n_components, 2) are those of EM and of k-means in
    the round shown, and ``.responsibilities`` (n_samples, n_components) those of EM's means.

    Raises
    ------
    ValueError
        If X does not have two features without gaps, or the start does not go with it.
    """
    return LimitExplorer(X, start, feature_names)


def fixed_spread(means: Floats, sigma: float) -> Mixture:
    """Mixture of equal weights and one round covariance, sigma² I."""
    n_components = len(means)
    return Mixture(
        np.full(n_components, 1 / n_components), means, np.full(n_components, sigma**2), covariance_type="spherical"
    )


def soft_rounds(X: Floats, start: Floats, sigma: float, n_rounds: int) -> list[Floats]:
    """Means of EM that learns nothing but means, from the start to the last round."""
    means = [start]
    for _ in range(n_rounds):
        shares = fixed_spread(means[-1], sigma).responsibilities(X)
        counts = np.maximum(shares.sum(axis=0), np.finfo(np.float64).tiny)  # a mean that has lost every point
        means.append(np.where(counts[:, np.newaxis] > 1e-12, shares.T @ X / counts[:, np.newaxis], means[-1]))
    return means


class LimitExplorer(Panel):
    """EM with a fixed spread beside k-means; made by `explore_limit`."""

    title = "From soft to hard"
    size = (860, 420)

    def __init__(self, X: ArrayLike | None, start: ArrayLike | None, feature_names: Sequence[str] | None) -> None:
        self.X, self.start, self.names = _checked(X, start, feature_names)
        self._soft = [soft_rounds(self.X, self.start, 2.0 ** (-h / 2), ROUNDS) for h in range(2 * HALVINGS + 1)]
        self._hard = [snapshot.mixture.means for snapshot in islice(lloyd(self.X, self.start), ROUNDS + 1)]
        self.about = (
            f"Two scatter plots of {count(len(self.X), 'point')} with {len(self.start)} means and the ways that "
            "they have come: on the left EM with one fixed, round spread, in mixed colours; on the right k-means."
        )
        self.dial = slider(
            "σ halved", 1, 0, HALVINGS, 0.5, form=".1f", tip="how often the spread has been halved", label=90
        )
        self.round = slider("round", ROUNDS, 0, ROUNDS, 1, form=".0f", tip="0 is the start", label=70)
        super().__init__([row(self.dial, self.round)], [self.dial, self.round])

    @property
    def sigma(self) -> float:
        """Standard deviation of every component in every direction."""
        return float(2.0 ** -reading(self.dial))

    @property
    def means(self) -> Floats:
        """EM's means in the round shown, (n_components, 2)."""
        return self._soft[int(2 * reading(self.dial))][int(reading(self.round))]

    @property
    def centres(self) -> Floats:
        """Centres of k-means in the round shown, (n_components, 2)."""
        return self._hard[int(reading(self.round))]

    @property
    def responsibilities(self) -> Floats:
        """Shares of EM's components in the points, (n_samples, n_components) (Bishop 2006, eq. 9.42)."""
        return fixed_spread(self.means, self.sigma).responsibilities(self.X)

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make both pictures: points, the ways of the means, and the means."""
        left, right = figure.subplots(1, 2, sharex=True, sharey=True)
        self._sides = [_Side(ax, self.X, len(self.start), self.dark) for ax in (left, right)]
        for ax, title in ((left, "EM, spread σ fixed"), (right, "k-means")):
            dress(ax)
            set_title(ax, title)
            set_labels(ax, self.names[0], self.names[1] if ax is left else "")
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        room = 0.06 * (high - low)
        left.set_xlim(low[0] - room[0], high[0] + room[0])
        left.set_ylim(low[1] - room[1], high[1] + room[1])
        return [artist for side in self._sides for artist in side.artists]

    def pose(self) -> None:
        """Colour the points and move the means."""
        t = int(reading(self.round))
        soft = self._soft[int(2 * reading(self.dial))][: t + 1]
        self._sides[0].show(np.array(soft), self.responsibilities)
        hard = np.array(self._hard[: t + 1])
        self._sides[1].show(hard, np.eye(len(self.start))[assign(self.X, hard[-1])])

    def sentence(self) -> str:
        """Say the spread, how many points are undecided, and how far the means are from those of k-means."""
        undecided = int((self.responsibilities.max(axis=1) < SURE).sum())
        apart = float(np.linalg.norm(self.means - self.centres, axis=1).max())
        same = f"at most {apart:.3f} from k-means' means" if apart >= 5e-4 else "those of k-means, to three decimals"
        return (
            f"σ = {self.sigma:.3g}, round {int(reading(self.round))}. Undecided, with no share above 99 %: "
            f"{undecided} of {count(len(self.X), 'point')}.\nEM's means are {same}."
        )


class _Side:
    """One of the two scatter plots."""

    def __init__(self, ax: Axes, X: Floats, n_components: int, dark: bool) -> None:
        tone = theme.page(dark)
        self.X, self.dark = X, dark
        self.points: list[PathCollection] = [
            ax.scatter([], [], s=26, marker=theme.marker(k), linewidths=0, zorder=2) for k in range(n_components)
        ]
        self.ways: list[Line2D] = []
        self.means: list[Line2D] = []
        for k in range(n_components):
            (way,) = ax.plot([], [], color=tone["text"], linewidth=1.6, zorder=4)
            (mean,) = ax.plot(
                [], [], theme.marker(k), markersize=14, color=theme.colour(k, dark), markeredgecolor=tone["text"],
                markeredgewidth=2, zorder=5,
            )  # fmt: skip
            way.set_path_effects(halo(3.5, dark))
            mean.set_path_effects(halo(5, dark))
            self.ways.append(way)
            self.means.append(mean)
        self.artists: list[Artist] = [*self.points, *self.ways, *self.means]

    def show(self, way: Floats, responsibilities: Floats) -> None:
        """Show the means' way so far, (n_rounds, n_components, 2), and the points in the colours of their shares."""
        owner, colours = responsibilities.argmax(axis=1), theme.mix(responsibilities, self.dark)
        for k, (points, line, mean) in enumerate(zip(self.points, self.ways, self.means, strict=True)):
            points.set_offsets(self.X[owner == k])
            points.set_facecolor(colours[owner == k])
            line.set_data(way[:, k, 0], way[:, k, 1])
            mean.set_data(way[-1, k, :1], way[-1, k, 1:])


def _checked(
    X: ArrayLike | None, start: ArrayLike | None, names: Sequence[str] | None
) -> tuple[Floats, Floats, list[str]]:
    if X is None:
        bills = load_penguins().data[:, :2]
        bills = bills[~np.isnan(bills).any(axis=1)]
        samples = (bills - bills.mean(axis=0)) / bills.std(axis=0)
        names = names or ["bill length (standard deviations)", "bill depth (standard deviations)"]
    else:
        samples = np.asarray(X, dtype=np.float64)
    if samples.ndim != 2 or samples.shape[1] != 2 or not np.isfinite(samples).all():
        raise ValueError(f"X must be (n_samples, 2) without gaps, but has shape {samples.shape} or a missing value.")
    if start is None:
        near = np.argsort(np.square(samples - samples.min(axis=0)).sum(axis=1), kind="stable")
        start = samples[near[[0, 8, 16]]]
    means = np.asarray(start, dtype=np.float64)
    if means.ndim != 2 or means.shape[1] != 2 or not 2 <= len(means) <= 6 or not np.isfinite(means).all():
        raise ValueError(f"start must be (n_components, 2) with two to six finite means, but has shape {means.shape}.")
    return samples, means, ["x₀", "x₁"] if names is None else check_names(names, 2)
