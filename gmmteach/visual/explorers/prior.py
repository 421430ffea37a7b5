"""Variational EM under two priors of the weights: components that nobody needs die, if the prior lets them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import ArrayLike, NDArray

from ...covariance import floating
from ...datasets import load_faithful
from ...starts import starting_moments
from ...variational import VariationalSnapshot, default_prior, variational_em, variational_m_step
from .. import theme
from ..draw import dress, halo, set_labels
from ..geometry import plane_limits
from ..livetext import LiveText
from ..panel import Panel, button, row, slider
from ..words import check_names
from .parts import one_place

if TYPE_CHECKING:
    Floats = NDArray[np.float64]

__all__ = ["explore_prior"]

PRIORS = {"Dirichlet distribution": "dirichlet_distribution", "Dirichlet process": "dirichlet_process"}
SYMBOLS = {"dirichlet_distribution": "α₀", "dirichlet_process": "γ"}
N_STD = 2.0
REMEMBERED = 60  # settings whose runs are kept


def explore_prior(
    X: ArrayLike | None = None, n_components: int = 6, *, n_iter: int = 150, iteration: int = 20,
    concentration: float = 1.0, weight_prior: str = "dirichlet_distribution",
    feature_names: Sequence[str] | None = None,
) -> PriorExplorer:  # fmt: skip
    """Watch components die, or not: variational EM under two priors of the weights and any concentration.

    A slider goes through the iterations of a run, a toggle changes the prior of the weights, another slider its
    concentration. Every run begins with the same labels, those of k-means. On the left the data and the ellipses, the
    heavier the more points a component owns; one that owns less than one point is dead, and drawn thin and grey. On the
    right the expected weights and the evidence lower bound (ELBO), iteration by iteration.

    Parameters
    ----------
    X : (n_samples, 2), optional
        Default: the 272 eruptions of Old Faithful, in minutes.
    n_components : int
        From 2 to 10.
    n_iter, iteration : int
        Iterations of a run, from 10 to 500, and the one to begin with.
    concentration : float
        Where its slider begins, from 0.001 to 1000: α₀ of the Dirichlet distribution (Bishop 2006, eq. 10.39), γ of the
        process (Blei & Jordan 2006).
    weight_prior : {'dirichlet_distribution', 'dirichlet_process'}
    feature_names : sequence of two str, optional

    Returns
    -------
    A widget; ``.snapshot`` is the posterior that is shown, ``.counts`` (n_components,) says how many points each
    component owns, ``.alive`` which of them own one or more.

    Raises
    ------
    ValueError
        If X is not two columns of finite numbers, or if another argument is out of range.
    """
    return PriorExplorer(X, n_components, n_iter, iteration, concentration, weight_prior, feature_names)


@dataclass(frozen=True)
class _Run:
    snapshots: list[VariationalSnapshot]
    weights: Floats  # (T, K), expected
    counts: Floats  # (T, K)
    objective: Floats  # (T,), nats


class PriorExplorer(Panel):
    """Components under a prior, iteration by iteration; made by `explore_prior`."""

    title = "Components that die"
    size = (860, 420)

    def __init__(
        self, X: ArrayLike | None, n_components: int, n_iter: int, iteration: int, concentration: float,
        weight_prior: str, feature_names: Sequence[str] | None,
    ) -> None:  # fmt: skip
        if X is None:
            X, feature_names = load_faithful().data, feature_names or ("eruption (min)", "waiting (min)")
        self.X = floating(X).astype(np.float64)
        if self.X.ndim != 2 or self.X.shape[1] != 2 or not np.isfinite(self.X).all():
            raise ValueError(f"X must be two columns of finite numbers, but has shape {self.X.shape}.")
        if not 2 <= n_components <= min(10, len(self.X)):
            raise ValueError(
                f"n_components is {n_components}, but there is room for 2 to 10, and no more than samples."
            )
        if not 10 <= n_iter <= 500 or not 0 <= iteration <= n_iter:
            raise ValueError(f"n_iter is {n_iter}, but must be from 10 to 500, and iteration {iteration} up to it.")
        if not concentration > 0 or weight_prior not in PRIORS.values():
            allowed = f"concentration must be positive and weight_prior one of {', '.join(PRIORS.values())}"
            raise ValueError(f"{allowed}, but they are {concentration} and {weight_prior!r}.")
        self.n_components, self.n_iter = n_components, n_iter
        self.names = check_names(feature_names or ("x₁", "x₂"), 2)
        self._start = starting_moments(self.X, n_components, "full", "kmeans", 0.0, np.random.RandomState(0), None)
        self._runs: dict[tuple[str, float], _Run] = {}
        self._depth = 1.2 * max(1e-3, *(float(np.ptp(self._run(name, 1.0).objective)) for name in PRIORS.values()))
        drawn = f"{len(self.X):,} points with the 2σ ellipses of {n_components} components"
        self.about = f"{drawn}; beside them, by iteration, their expected weights and the evidence lower bound (ELBO)."
        self.iteration = slider("iteration", iteration, 0, n_iter, 1, form=".0f", label=75, width=330)
        moves = {"⇤ Start": -n_iter, "← Step": -1, "Step →": 1, "+ 10": 10, "End ⇥": n_iter}
        steps = [button(name, lambda by=by: self._go(by)) for name, by in moves.items()]  # type: ignore[misc]
        self.prior = ipywidgets.ToggleButtons(
            options=PRIORS, value=weight_prior, style={"button_width": "204px"},
            tooltips=["all components alike, α₀ each", "a stick, broken again and again, γ"],
        )  # fmt: skip
        self.concentration = ipywidgets.FloatLogSlider(
            value=min(max(concentration, 1e-3), 1e3), min=-3, max=3, step=0.5, description="concentration",
            tooltip="α₀ of the Dirichlet distribution, γ of the process", readout_format=".3r",
            style={"description_width": "110px"}, layout={"width": "390px", "max_width": "100%"},
        )  # fmt: skip
        controls = [self.iteration, self.prior, self.concentration]
        super().__init__([row(self.iteration, *steps), row(self.prior, self.concentration)], controls)

    @property
    def now(self) -> int:
        """The iteration that is shown."""
        return round(self.iteration.value)

    @property
    def setting(self) -> tuple[str, float]:
        """Prior of the weights, and its concentration."""
        return str(self.prior.value), float(f"{self.concentration.value:.6g}")

    @property
    def snapshot(self) -> VariationalSnapshot:
        """The posterior that is shown, with its evidence lower bound."""
        return self._run(*self.setting).snapshots[self.now]

    @property
    def counts(self) -> Floats:
        """How many points each component owns, N_k (Bishop 2006, eq. 10.51), (n_components,)."""
        return np.asarray(self._run(*self.setting).counts[self.now])

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which components own one point or more, (n_components,)."""
        return np.asarray(self.counts >= 1)

    def _run(self, weight_prior: str, concentration: float) -> _Run:
        setting = weight_prior, concentration
        if setting not in self._runs:
            how: dict[str, Any] = {"weight_prior": weight_prior, "weight_concentration": concentration}
            prior = default_prior(self.X, self.n_components, **how)
            start = variational_m_step(prior, *self._start)
            found = list(islice(variational_em(self.X, start, prior=prior), self.n_iter + 1))
            if len(self._runs) >= REMEMBERED:
                self._runs.clear()
            self._runs[setting] = _Run(
                found,
                np.array([each.mixture.weights for each in found]),
                np.array([each.posterior.mean_precision - prior.mean_precision for each in found]),  # (10.60)
                np.array([each.objective for each in found]),
            )
        return self._runs[setting]

    def _go(self, by: int) -> None:
        self.iteration.value = min(max(self.now + by, 0), self.n_iter)

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the plane; beside it the weights and, below them, the bound."""
        places = figure.subplot_mosaic("pw;pb", width_ratios=(1.12, 1), height_ratios=(1.55, 1))
        left, right = self._make_plane(places["p"]), self._make_weights(places["w"])
        return [*left, *right, *self._make_bound(places["b"])]

    def _head(self, ax: Axes) -> LiveText:
        ax.set_title(" ", fontsize=theme.BODY)  # keeps the place
        look: dict[str, Any] = {"size": theme.BODY, "weight": "bold", "color": theme.page(self.dark)["text"]}
        return LiveText(ax, 0, 1.04, va="baseline", transform=ax.transAxes, **look)

    def _make_plane(self, ax: Axes) -> list[Artist]:
        dress(ax)
        tone = theme.page(self.dark)
        limits = plane_limits(self.X, [self._run(*self.setting).snapshots[-1].mixture], N_STD)
        ax.set(xlim=limits[0], ylim=limits[1])
        ax.locator_params(nbins=6)
        set_labels(ax, *self.names)
        self._plane_head, self._points, self._ellipses, self._numbers = self._head(ax), [], [], []
        for k in range(self.n_components):
            look: dict[str, Any] = {"color": theme.colour(k, self.dark), "ms": 5 * theme.MARKER_SCALES[k]}
            self._points += ax.plot([], [], theme.marker(k), mew=0, alpha=0.7, zorder=3, **look)
            patch = Ellipse((0, 0), 1, 1, facecolor="none", zorder=4)
            patch.set_path_effects(halo(4.2, self.dark))
            self._ellipses.append(ax.add_patch(patch))
            ink: dict[str, Any] = {"color": theme.ink(k, self.dark, 4.5), "rim": tone["background"]}
            self._numbers.append(LiveText(ax, 0, 0, str(k), size=theme.TITLE, weight="bold", ha="center", **ink))
        return [self._plane_head, *self._points, *self._ellipses, *self._numbers]

    def _make_time(self, ax: Axes) -> Any:
        dress(ax)
        ax.set_xlim(0, 1.07 * self.n_iter)
        ax.locator_params(axis="x", nbins=6, integer=True)
        return ax.axvline(0, color=theme.page(self.dark)["quiet"], linewidth=1.2, zorder=2)

    def _make_weights(self, ax: Axes) -> list[Artist]:
        tone = theme.page(self.dark)
        self._times = [self._make_time(ax)]
        ax.set_ylim(-0.02, 1)
        ax.tick_params(labelbottom=False)
        set_labels(ax, "", "expected weight")
        self._weights_head, self._ahead, self._lines, self._tags = self._head(ax), [], [], []
        for k in range(self.n_components):
            ink = theme.ink(k, self.dark)
            self._ahead += ax.plot([], [], color=ink, linewidth=1.0, alpha=0.55, zorder=2.5)
            self._lines += ax.plot([], [], color=ink, linewidth=2.6, linestyle=theme.linestyle(k), zorder=3)
            look: dict[str, Any] = {
                "size": theme.SMALL,
                "color": theme.ink(k, self.dark, 4.5),
                "rim": tone["background"],
            }
            self._tags.append(LiveText(ax, 0, 0, str(k), weight="bold", **look))
        return [*self._times, self._weights_head, *self._ahead, *self._lines, *self._tags]

    def _make_bound(self, ax: Axes) -> list[Artist]:
        self._times.append(self._make_time(ax))
        ax.set_ylim(-self._depth, 0.08 * self._depth)
        ax.locator_params(axis="y", nbins=4)
        set_labels(ax, "iteration", "nats below\nits end")
        self._bound_head, text = self._head(ax), theme.page(self.dark)["text"]
        (self._bound_ahead,) = ax.plot([], [], color=text, linewidth=1.0, alpha=0.55, zorder=2.5)
        (self._bound,) = ax.plot([], [], color=text, linewidth=2.6, zorder=3)
        return [self._times[-1], self._bound_head, self._bound_ahead, self._bound]

    def pose(self) -> None:
        """Show this iteration of the run under this prior."""
        run, now, alive, counts = self._run(*self.setting), self.now, self.alive, self.counts
        mixture = run.snapshots[now].mixture
        likely = run.snapshots[now].responsibilities(self.X).argmax(axis=1)
        self._plane_head.set_text(f"Iteration {now}: {alive.sum()} of {self.n_components} alive")
        grey = theme.page(self.dark)["quiet"]
        dead = {"linestyle": (0, (1, 1.6)), "linewidth": 1.8, "edgecolor": grey, "alpha": 1.0, "zorder": 3.5}
        for k, (centre, width, height, angle) in enumerate(zip(*mixture.ellipses(N_STD), strict=True)):
            self._points[k].set_data(*self.X[likely == k].T)
            much = float(np.sqrt(counts[k] / len(self.X)))
            look = {"linestyle": theme.linestyle(k), "linewidth": 1.2 + 3 * much, "edgecolor": theme.ink(k, self.dark)}
            look = look | {"alpha": min(1.0, 0.45 + much), "zorder": 4} if alive[k] else dead
            self._ellipses[k].set(center=centre, width=width, height=height, angle=angle, **look)
            self._numbers[k].set_position(tuple(centre))
            self._numbers[k].set_text(str(k) if alive[k] else "")
        self._pose_curves(run, now, alive)

    def _pose_curves(self, run: _Run, now: int, alive: NDArray[np.bool_]) -> None:
        past, all_times = np.arange(now + 1), np.arange(self.n_iter + 1)
        heights = _apart(run.weights[now], alive, 0.085)
        for k in range(self.n_components):
            self._ahead[k].set_data(all_times, run.weights[:, k])
            self._lines[k].set_data(past, run.weights[: now + 1, k])
            self._tags[k].set_text(str(k) if alive[k] else "")
            self._tags[k].set_position((now + 0.02 * self.n_iter, heights[k]))
        for line in self._times:
            line.set_xdata([now, now])
        self._weights_head.set_text(self._named().removeprefix("Dirichlet ").capitalize())
        below = run.objective - run.objective[-1]
        self._bound_ahead.set_data(all_times, below)
        self._bound.set_data(past, below[: now + 1])
        self._bound_head.set_text(f"ELBO {one_place(run.objective[now])} nats")

    def sentence(self) -> str:
        """Say who is alive now and at the end, and where the bound is."""
        run = self._run(*self.setting)
        owned = ", ".join(f"{count:.0f}" for count in self.counts[self.alive])
        to_come = one_place(run.objective[-1] - run.objective[self.now])
        return (
            f"{self._named()}, iteration {self.now} of {self.n_iter}: {self.alive.sum()} of {self.n_components} "
            f"components alive, with {owned} points.\nELBO {one_place(run.objective[self.now])} nats, {to_come} below "
            f"its end. After {self.n_iter} iterations {(run.counts[-1] >= 1).sum()} are alive."
        )

    def _named(self) -> str:
        name, value = self.setting
        return f"{self.prior.label}, {SYMBOLS[name]} = " + (f"{value:,.0f}" if value > 999 else f"{value:.3g}")


def _apart(heights: Floats, shown: NDArray[np.bool_], gap: float) -> Floats:
    """Move the labels that are shown apart, upwards, so that none covers another."""
    placed, below = np.array(heights, dtype=np.float64), -np.inf
    for k in sorted(np.flatnonzero(shown), key=lambda k: placed[k]):
        below = placed[k] = max(placed[k], below + gap)
    return placed - max(placed[shown].max(initial=0.0) - 0.97, 0.0)
