"""The player: watch a run by half-steps, predict where it ends, drag its start and see it run again.

An anywidget. Python sends the data and the parameters of every snapshot as binary buffers; everything else, EM
included, happens in the browser (`static/`), so nothing waits for a kernel and a saved page stays alive without one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets
from numpy.typing import NDArray

from ..covariance import covariance_type_of
from ..mixture import Mixture
from ..trace import Outcome, Snapshot, Trace, in_memory
from . import theme
from .draw import plot_mixture, plot_trace
from .fallback import add_fallback
from .words import check_names, count, describe, percent

Floats = NDArray[np.float64]

STATIC = Path(__file__).parent / "static"
MODULES = ("em.js", "run.js", "picture.js", "player.js")  # each imports only from those before it
MOST_POINTS = 20_000
ALGORITHMS = {"log-likelihood": "EM", "minus inertia": "k-means"}  # those that em.js can run
EXPLANATIONS = {
    "converged": "The run settled.",
    "out of iterations": "The run was stopped after max_iter iterations.",
    "decreased": "The objective fell a little, within the tolerance.",
    "collapsed": "Too few distinct points were left for a covariance.",
}


def bundle() -> str:
    """Join the modules in static/ into the one that anywidget wants, without imports, comments and indentation."""
    code = "".join((STATIC / name).read_text(encoding="utf-8") for name in MODULES)
    code = re.sub(r'^import \{[^}]*\} from "\./\w+\.js";\n', "", code, flags=re.MULTILINE)
    lines = (line.strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("//", "/**"))) + "\n"


class TracePlayer(anywidget.AnyWidget):
    """Play a run: E half-steps recolour the points, M half-steps move the components.

    Drag a starting mean, change the number of components or the covariance type, and EM (or k-means) runs
    again in the browser; the new run is then in `trace` and `traces`.

    Parameters
    ----------
    trace : Trace or {name: Trace}
        Several runs play in step on one timeline. Their data must have the same shape.
    features : (int, int) or 'pca', optional
        What to show of data with more than two features. Default: the first two principal components.
    feature_names : sequence of str, optional
        One for each feature.
    layout : {'side-by-side', 'select'}
        All runs at once, or one at a time by a selector.
    reg_covar, tol, max_iter
        For the runs made in the browser, as in `GaussianMixture`.
    predict : bool
        Let the learner place crosses where the means will settle before anything plays.
    still : {'end', 'start'}
        What the picture shows that is saved with a notebook. 'start' where a question has just been asked about the
        end; so it is with ``predict``.
    height : int
        Of the picture, in pixels.
    title : str, optional
    seed : int
        For the starting means after the number of components has been changed.

    Raises
    ------
    TypeError
        If something that is not a `Trace` is given.
    ValueError
        If there is no run, the data differ in shape, are too many or not finite, or a choice is not possible.
    """

    _esm = bundle()
    _css = (STATIC / "player.css").read_text(encoding="utf-8")

    _about = traitlets.Dict().tag(sync=True)
    _edits = traitlets.Dict().tag(sync=True)
    _prediction = traitlets.Dict().tag(sync=True)
    position = traitlets.Int(0, help="Half-step shown: 0 the start, 2t + 1 E-step t, 2t + 2 M-step t.").tag(sync=True)

    def __init__(
        self,
        trace: Trace | Mapping[str, Trace],
        *,
        features: Sequence[int] | str | None = None,
        feature_names: Sequence[str] | None = None,
        layout: str = "side-by-side",
        reg_covar: float = 1e-6,
        tol: float = 1e-3,
        max_iter: int = 100,
        predict: bool = False,
        still: str = "end",
        height: int = 420,
        title: str | None = None,
        seed: int = 0,
    ) -> None:
        self._recorded = _named(trace)
        if layout not in ("side-by-side", "select"):
            raise ValueError(f"layout is {layout!r}, but it must be 'side-by-side' or 'select'.")
        if still not in ("end", "start"):
            raise ValueError(f"still is {still!r}, but it must be 'end' or 'start'.")
        self._still = 0 if predict or still == "start" else -1
        datas: list[Floats] = []
        which = []
        for run in self._recorded.values():
            X = np.ascontiguousarray(in_memory(run.X), dtype=np.float64)
            same = [i for i, known in enumerate(datas) if np.array_equal(X, known)]
            which.append(same[0] if same else len(datas))
            datas += [] if same else [X]
        self._names = _names(feature_names, datas[0].shape[1])
        self._views = [_View.of(X, features, self._names) for X in datas]
        self._which = which
        about = {
            "looks": {"light": _look(dark=False), "dark": _look(dark=True)},
            "title": title,
            "height": int(height),
            "layout": layout,
            "predict": bool(predict),
            "seed": int(seed),
            "reg_covar": float(reg_covar),
            "tol": float(tol),
            "max_iter": int(max_iter),
            "data": [
                {"X": X.tobytes(), "axes": view.axes.tobytes(), "origin": view.origin.tobytes(), "names": view.names}
                for X, view in zip(datas, self._views, strict=True)
            ],
            "runs": [_encode(name, run, i) for (name, run), i in zip(self._recorded.items(), which, strict=True)],
        }
        super().__init__(_about=about)

    # --- what comes back ---------------------------------------------------------------------------------

    @property
    def traces(self) -> dict[str, Trace]:
        """The latest runs by name: as recorded, or as run again in the browser."""
        edits = self._edits
        return {name: _decode(edits[name], run) if name in edits else run for name, run in self._recorded.items()}

    @property
    def trace(self) -> Trace:
        """The latest run: the one that was recorded, or the last one made in the browser (the first of several)."""
        return next(iter(self.traces.values()))

    @property
    def prediction(self) -> Floats | None:
        """Where the learner expects the means, (n_components, 2) in the coordinates shown; None until locked."""
        if self._prediction.get("phase") != "locked":
            return None
        return np.array(self._prediction["crosses"], dtype=np.float64)[:, : len(self._views[0].axes)]

    # --- how it is shown ---------------------------------------------------------------------------------

    def __repr__(self) -> str:
        runs = [
            f"{name}, {count(run[-1].mixture.n_components, 'component')}, {count(len(run) - 1, 'iteration')}, "
            f"{run.objective_name} {run.objective[-1]:.3f}"
            for name, run in self.traces.items()
        ]
        return "TracePlayer: " + "; ".join(runs)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add a picture of one frame, with a text for those who cannot see it, for pages without widgets."""
        shown = super()._repr_mimebundle_(**kwargs)
        return add_fallback(shown, {"text/plain": repr(self)}, self._picture(), self.alt)

    @property
    def alt(self) -> str:
        """The frame of `_picture` in words."""
        texts = []
        for (name, run), which in zip(self.traces.items(), self._which, strict=True):
            shown = self._views[which].names
            words = describe(run[self._still], self._names)
            if run.X.shape[1] > len(shown):
                words += f" Drawn along {shown[0]} and {shown[1]}."
            texts.append(words if len(self._recorded) == 1 else f"{name}: {words}")
        return " ".join(texts)

    def _picture(self) -> NDArray[np.uint8]:
        """One frame, about 900 by 450 pixels."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        traces = self.traces
        with theme.context():
            columns = 2 if len(traces) in (1, 2, 4) else 3
            rows = -(-len(traces) // columns)
            figure = Figure(figsize=(9, 4.5 if rows == 1 else 3.6 * rows), dpi=100, layout="constrained")
            canvas = FigureCanvasAgg(figure)
            for place, ((name, run), which) in enumerate(zip(traces.items(), self._which, strict=True), start=1):
                view = self._views[which]
                heading = name if len(traces) > 1 else self._about["title"] or name
                plot_mixture(
                    view.turn(run[self._still]), view.turned(run.X), figure.add_subplot(rows, columns, place),
                    features=range(len(view.names)), feature_names=view.all_names, title=heading, note=False,
                )  # fmt: skip
            if len(traces) == 1:
                plot_trace(self.trace, figure.add_subplot(rows, columns, 2))
            canvas.draw()
        return np.asarray(canvas.buffer_rgba())


class _View:
    """Which directions of the data the player shows: the first rows of a rotation, measured from an origin."""

    def __init__(self, rotation: Floats, origin: Floats, names: list[str], *, turned: bool = False) -> None:
        self.rotation, self.origin, self.names = rotation, origin, names
        self.axes = np.ascontiguousarray(rotation[: len(names)])
        self.all_names = [*names, *(f"direction {d + 1}" for d in range(len(names), len(rotation)))]
        self._keeps_type = not turned

    @classmethod
    def of(cls, X: Floats, features: Sequence[int] | str | None, names: list[str]) -> _View:
        n_features = X.shape[1]
        if isinstance(features, str) and features != "pca":
            raise ValueError(f"features is {features!r}, but it must be two numbers or 'pca'.")
        if isinstance(features, str) or (features is None and n_features > 2):
            if n_features < 2:
                raise ValueError("features='pca' needs two features or more, and these data have one.")
            origin = X.mean(axis=0)
            variances, vectors = np.linalg.eigh(np.cov(X.T))
            axes = vectors.T[::-1]
            axes = axes * np.sign(axes[np.arange(n_features), np.abs(axes).argmax(axis=1)])[:, np.newaxis]
            shares = variances[::-1] / variances.sum()
            shown = [f"PC {i + 1} ({percent(shares[i])} of the variance)" for i in (0, 1)]
            return cls(axes, origin, shown, turned=True)
        chosen = list(range(n_features)) if features is None else [int(feature) for feature in features]
        wrong = len(chosen) != min(2, n_features) or len(set(chosen)) != len(chosen)
        if wrong or not set(chosen) <= set(range(n_features)):
            raise ValueError(
                f"features must be two different numbers from 0 to {n_features - 1}, or 'pca', but is {features!r}."
            )
        order = chosen + [d for d in range(n_features) if d not in chosen]
        return cls(np.eye(n_features)[order], np.zeros(n_features), [names[d] for d in chosen])

    def turned(self, X: Floats) -> Floats:
        """The data along these axes, the shown ones first."""
        return (X - self.origin) @ self.rotation.T

    def turn(self, snapshot: Snapshot) -> Snapshot:
        """The same snapshot along these axes: nothing is lost, so responsibilities stay what they were."""
        old = snapshot.mixture
        if self._keeps_type:
            new = old.marginal([int(d) for d in self.rotation.argmax(axis=1)])
        elif old.covariance_type == "spherical":
            new = Mixture(old.weights, self.turned(old.means), old.covariances, "spherical")
        else:
            new = Mixture(old.weights, self.turned(old.means), self.rotation @ old.dense_covariances @ self.rotation.T)
        return Snapshot(snapshot.iteration, new, snapshot.objective, snapshot.hard, snapshot.objective_name)


def _named(trace: Trace | Mapping[str, Trace]) -> dict[str, Trace]:
    if isinstance(trace, Trace):
        trace = {ALGORITHMS.get(trace.objective_name, "run"): trace}
    elif not isinstance(trace, Mapping):
        raise TypeError(
            f"a Trace or a dictionary of them can be played, not a {type(trace).__name__}. A fitted estimator has one "
            "in trace_; Trace.record(em(X, start), X) makes one."
        )
    traces = {str(name): run for name, run in trace.items()}
    if not traces:
        raise ValueError("there is no run to play: the dictionary is empty.")
    for name, run in traces.items():
        if not isinstance(run, Trace):
            raise TypeError(f"{name!r} is a {type(run).__name__}, not a Trace. A fitted estimator has one in trace_.")
        X = np.asarray(run.X)
        if X.shape != (shape := np.shape(next(iter(traces.values())).X)):
            raise ValueError(
                f"runs that play in step need data of one shape, but {name!r} has {X.shape} and the first has {shape}."
            )
        if X.ndim != 2 or not np.isfinite(X).all():
            raise ValueError("the data must be (n_samples, n_features), without missing or infinite values.")
        if len(X) > MOST_POINTS:
            raise ValueError(
                f"{len(X):,} points are more than a browser plays smoothly: fit and play a random part, at most "
                f"{MOST_POINTS:,} of them, for example X[np.random.default_rng(0).permutation(len(X))[:2000]]."
            )
    return traces


def _names(names: Sequence[str] | None, n_features: int) -> list[str]:
    if names is not None:
        return check_names(names, n_features)
    return ["x"] if n_features == 1 else [f"X[:, {feature}]" for feature in range(n_features)]


def _look(dark: bool) -> dict[str, Any]:
    """The colours of the course, for the front end."""
    kinds = range(len(theme.COLOURS))
    return {
        **theme.page(dark),
        "colours": [theme.colour(k, dark) for k in kinds],
        "inks": [theme.ink(k, dark) for k in kinds],  # for lines
        "names": [f"{theme.COLOUR_NAMES[k]} {theme.MARKER_NAMES[k]}" for k in kinds],
    }


def _encode(name: str, run: Trace, which: int) -> dict[str, Any]:
    known = ALGORITHMS.get(run.objective_name)
    arrays = {"objective": run.objective, "weights": run.weights, "means": run.means, "covariances": run.covariances}
    return {
        "name": name,
        "data": which,
        "algorithm": known or "other",
        "hard": run.hard,
        "objective_name": run.objective_name,
        "type": run.covariance_type,
        "outcome": {"name": str(run.outcome), "component": run.outcome.component},
        **{key: np.ascontiguousarray(array, dtype=np.float64).tobytes() for key, array in arrays.items()},
    }


def _decode(edit: Mapping[str, Any], recorded: Trace) -> Trace:
    """Trace of a run that the browser made."""
    n_features = recorded.X.shape[1]
    objective, weights, means, covariances = (
        np.frombuffer(edit[key], dtype=np.float64) for key in ("objective", "weights", "means", "covariances")
    )
    steps = len(objective)
    n_components = len(weights) // steps
    shape = covariance_type_of(edit["type"]).shape(n_components, n_features)
    mixtures = map(
        Mixture,
        weights.reshape(steps, -1),
        means.reshape(steps, n_components, n_features),
        covariances.reshape(steps, *shape),
        repeat(edit["type"]),
    )
    snapshots = [
        Snapshot(i, mixture, float(value), recorded.hard, recorded.objective_name)
        for i, (mixture, value) in enumerate(zip(mixtures, objective, strict=True))
    ]
    name = edit["outcome"]["name"]
    return Trace(snapshots, recorded.X, Outcome(name, EXPLANATIONS[name], edit["outcome"].get("component")))
