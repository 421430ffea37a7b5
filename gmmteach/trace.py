"""A run, remembered: snapshots, the trace they make, and the loop that stops.

An algorithm is a generator that yields snapshots for ever; `Trace.record` is the loop that listens until
it has heard enough. A snapshot's objective belongs to that snapshot's own parameters: snapshot 0 is the
starting point with its objective, before anything has been learned.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, overload
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike

from .covariance import Array, CollapseError
from .mixture import Mixture


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything true at one moment of a run.

    Attributes
    ----------
    iteration : int
        0 is the starting point.
    mixture : Mixture
    objective : float
        Of this very mixture. EM: the total log-likelihood in nats. k-means: minus the inertia.
    hard : bool
        Whether each sample belongs to one component outright, as in k-means.
    objective_name : str
    """

    iteration: int
    mixture: Mixture
    objective: float
    hard: bool = False
    objective_name: str = "log-likelihood"

    def responsibilities(self, X: ArrayLike) -> Array:
        """Share of each component in each sample, (n_samples, n_components); ones and zeros if hard."""
        if not self.hard:
            return self.mixture.responsibilities(X)
        labels = self.mixture.log_joint(X).argmax(axis=1)
        return np.eye(self.mixture.n_components, dtype=self.mixture.means.dtype)[labels]

    def arrays(self) -> dict[str, Array]:
        """What it holds besides mixture and objective, as plain arrays, for `Trace.save`: nothing."""
        return {}

    @classmethod
    def from_arrays(cls, plain: Snapshot, arrays: Mapping[str, Array]) -> Snapshot:
        """Make a snapshot of this kind again, from a plain one and its `arrays`."""
        return plain


class Outcome(str):
    """Why a run stopped: 'converged', 'out of iterations', 'decreased' or 'collapsed'.

    Attributes
    ----------
    explanation : str
        The same in a sentence.
    component : int or None
        Which component collapsed.
    """

    NAMES = ("converged", "out of iterations", "decreased", "collapsed")

    explanation: str
    component: int | None

    def __new__(cls, name: str, explanation: str = "", component: int | None = None) -> Outcome:
        """Name the outcome; raise ValueError if there is no such name."""
        if name not in cls.NAMES:
            raise ValueError(f"an outcome is one of {', '.join(cls.NAMES)}, not {name!r}.")
        outcome = super().__new__(cls, name)
        outcome.explanation = explanation
        outcome.component = component
        return outcome

    def __reduce__(self) -> tuple[type[Outcome], tuple[str, str, int | None]]:
        return Outcome, (str(self), self.explanation, self.component)


BESIDES = "snapshot."  # how the names of arrays begin, in a file, that only some kinds of snapshots have

StoppingRule = Callable[[list[Snapshot]], Outcome | None]


def settled(tol: float, n_samples: float, before_start: float = -np.inf) -> StoppingRule:
    """scikit-learn's stopping rule: the mean objective has changed by less than ``tol``.

    The rule looks at the objective *before* the latest M-step, as scikit-learn does, so that the number of
    iterations is the same: what a round has gained is known one round later. A fall within ``tol``, in that round or
    in the latest, stops the run too, but it is called a decrease: exact EM cannot fall; ``reg_covar`` can make it.

    Parameters
    ----------
    tol : float
        In nats per sample.
    n_samples : float
        Or the sum of the samples' weights.
    before_start : float
        The objective to compare the starting point with: that of the run a warm start continues.
    """

    def rule(snapshots: list[Snapshot]) -> Outcome | None:
        before = snapshots[-3].objective if len(snapshots) > 2 else before_start
        after = snapshots[-2].objective
        change = (after - before) / n_samples
        if not abs(change) < tol:
            return None
        fall = max(before - after, after - snapshots[-1].objective)
        if fall > 1e-12 * abs(after):
            return Outcome("decreased", f"The objective fell by {fall:.3g} in total in one of the last two rounds.")
        return Outcome("converged", f"The objective changed by {abs(change):.3g} per sample, less than tol={tol:g}.")

    return rule


class Trace(Sequence[Snapshot]):
    """The snapshots of one run, from the starting point on.

    Parameters
    ----------
    snapshots : sequence of Snapshot
    X : (n_samples, n_features)
        The data of the run. A Dask array stays as it is, somewhere else; pictures and files then need a trace with a
        sample instead: ``Trace(trace, trace.X[::1000].compute(), trace.outcome)``.
    outcome : Outcome

    Examples
    --------
    >>> import numpy as np
    >>> from gmmteach import Mixture, Trace, em
    >>> X = np.array([[0.0], [1.0], [5.0], [6.0]])
    >>> start = Mixture([0.5, 0.5], [[0.0], [1.0]], [4.0, 4.0], "spherical")
    >>> trace = Trace.record(em(X, start), X, tol=1e-6)
    >>> trace.outcome, trace.means[-1].round(3).tolist()
    ('converged', [[0.5], [5.5]])
    """

    def __init__(self, snapshots: Sequence[Snapshot], X: ArrayLike, outcome: Outcome) -> None:
        if not snapshots:
            raise ValueError("a trace needs at least one snapshot: the starting point.")
        self._snapshots = tuple(snapshots)
        self.X = _as_it_is(X)
        self.outcome = outcome

    @classmethod
    def record(
        cls,
        snapshots: Iterator[Snapshot],
        X: ArrayLike,
        *,
        tol: float = 1e-3,
        max_iter: int = 100,
        stop: StoppingRule | None = None,
    ) -> Trace:
        """Run an algorithm until it settles, collapses, or has made ``max_iter`` iterations.

        Parameters
        ----------
        snapshots : iterator of Snapshot
            For example ``em(X, start)``.
        X : (n_samples, n_features)
        tol : float
            In units of the objective per sample; 0 runs for all of ``max_iter``.
        max_iter : int
        stop : callable, optional
            Takes the list of snapshots so far, answers with an `Outcome` or None. Replaces ``tol``.
        """
        X = _as_it_is(X)
        stop = settled(tol, len(X)) if stop is None else stop
        kept = [next(snapshots)]
        outcome = Outcome("out of iterations", f"The run was stopped after max_iter={max_iter} iterations.")
        try:
            for snapshot in islice(snapshots, max_iter):
                kept.append(snapshot)
                verdict = stop(kept)
                if verdict is not None:
                    outcome = verdict
                    break
        except CollapseError as error:
            outcome = Outcome("collapsed", str(error), error.component)
        return cls(kept, X, outcome)

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> Trace: ...
    def __getitem__(self, index: int | slice) -> Snapshot | Trace:
        if isinstance(index, slice):
            return Trace(self._snapshots[index], self.X, self.outcome)
        return self._snapshots[index]

    def __len__(self) -> int:
        return len(self._snapshots)

    def __repr__(self) -> str:
        return (
            f"Trace({self[0].mixture.n_components} components, {self[-1].iteration} iterations, {self.outcome}, "
            f"{self.objective_name} {self.objective[-1]:.4f})"
        )

    @property
    def hard(self) -> bool:
        """Whether samples belong to one component outright, as in k-means."""
        return self[0].hard

    @property
    def objective_name(self) -> str:
        """What the objective is: 'log-likelihood', 'minus inertia', ..."""
        return self[0].objective_name

    @property
    def covariance_type(self) -> str:
        """The covariance type of every mixture of the run."""
        return self[0].mixture.covariance_type

    @cached_property
    def objective(self) -> Array:
        """Objective of every snapshot, (T,)."""
        return _read_only(np.array([snapshot.objective for snapshot in self]))

    @cached_property
    def weights(self) -> Array:
        """Weights of every snapshot, (T, n_components)."""
        return _read_only(np.stack([snapshot.mixture.weights for snapshot in self]))

    @cached_property
    def means(self) -> Array:
        """Means of every snapshot, (T, n_components, n_features)."""
        return _read_only(np.stack([snapshot.mixture.means for snapshot in self]))

    @cached_property
    def covariances(self) -> Array:
        """Covariances of every snapshot, (T, ...) in the type's shape."""
        return _read_only(np.stack([snapshot.mixture.covariances for snapshot in self]))

    # --- files -------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the trace, its data included, to a ``.npz`` file (plain arrays, no pickle).

        Returns
        -------
        The path written: ``.npz`` is added where it is missing.

        Raises
        ------
        TypeError
            If the data are a Dask array.
        """
        X = in_memory(self.X)
        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        about = {
            "format": 1,
            "covariance_type": self.covariance_type,
            "snapshots": type(self[0]).__name__,
            "hard": self.hard,
            "objective_name": self.objective_name,
            "iterations": [snapshot.iteration for snapshot in self],
            "outcome": [str(self.outcome), self.outcome.explanation, self.outcome.component],
        }
        each = [snapshot.arrays() for snapshot in self]
        besides: dict[str, Any] = {BESIDES + name: np.stack([arrays[name] for arrays in each]) for name in each[0]}
        unfinished = path.with_name(path.name + ".unfinished")
        try:
            with unfinished.open("wb") as file:
                np.savez_compressed(
                    file,
                    about=np.array(json.dumps(about)),
                    X=X,
                    objective=self.objective,
                    weights=self.weights,
                    means=self.means,
                    covariances=self.covariances,
                    **besides,
                )
            unfinished.replace(path)  # only a whole file takes the place of an earlier one
        finally:
            unfinished.unlink(missing_ok=True)
        return path

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Trace:
        """Read a trace written by `save`.

        Raises
        ------
        ValueError
            If the file is not a trace.
        """
        try:
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = dict(file)
            about = json.loads(str(arrays["about"]))
            version = about["format"]
        except FileNotFoundError:
            raise
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
            raise ValueError(f"{path} is not a trace written by Trace.save: {error}") from error
        if version != 1:
            raise ValueError(f"{path} is a trace of format {version}; this version of gmmteach reads format 1.")
        parameters = zip(arrays["weights"], arrays["means"], arrays["covariances"], strict=True)
        known: list[type[Snapshot]] = [Snapshot, *Snapshot.__subclasses__()]
        kinds = {kind.__name__: kind for kind in known}
        if about.get("snapshots", "Snapshot") not in kinds:
            raise ValueError(f"{path} holds snapshots of a kind that this version does not know: {about['snapshots']}.")
        kind = kinds[about.get("snapshots", "Snapshot")]
        besides = {name.removeprefix(BESIDES): array for name, array in arrays.items() if name.startswith(BESIDES)}
        plain = [
            Snapshot(
                iteration,
                Mixture(*values, about["covariance_type"]),
                float(objective),
                about["hard"],
                about["objective_name"],
            )
            for iteration, values, objective in zip(about["iterations"], parameters, arrays["objective"], strict=True)
        ]
        snapshots = [
            kind.from_arrays(snapshot, {name: array[t] for name, array in besides.items()})
            for t, snapshot in enumerate(plain)
        ]
        return Trace(snapshots, arrays["X"], Outcome(*about["outcome"]))


def is_lazy(X: object) -> bool:
    """Whether X belongs to Dask, and its values may be on another machine. Dask need not be installed to ask."""
    return type(X).__module__.partition(".")[0] in ("dask", "dask_expr")


def _as_it_is(X: Any) -> Array:
    return X if is_lazy(X) else np.asarray(X)


def in_memory(X: ArrayLike) -> Array:
    """Data of a trace, to draw or to save; raise TypeError if they are a Dask array, which may be far too large."""
    if is_lazy(X):
        raise TypeError(
            "The data of this trace are a Dask array: take a trace with a sample of them instead, "
            "Trace(trace, trace.X[::1000].compute(), trace.outcome)."
        )
    return np.asarray(X)


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array
