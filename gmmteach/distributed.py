"""Data that are larger than one machine: a Dask array, of which only sums ever travel.

Sums over the samples add up (`statistics.py`), so each chunk of rows makes its own, where it lives. In every iteration
the density, K × features numbers, goes out to the chunks, and as many come back from each, added up on the way. What
has to be the same for all chunks is decided once, before the first iteration: what is counted from, and which form
the sums have.

Dask makes a lost chunk again, from its recipe, and so are its sums. Every pass is checked to have seen all samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import CancelledError
from functools import cached_property, partial, reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np

from .covariance import Array, floating
from .mixture import Density, Mixture
from .statistics import Samples, Statistics, extent
from .sweep import Sweep
from .threads import InThisThread
from .trace import is_lazy

BRANCHES = 8  # sums that are added in one task


class DaskSamples:
    """A Dask array as a `Source` for EM.

    X is read once here, to learn its range, and once in every iteration: if the workers have room for it, give them
    ``X.persist()``. Without a cluster, Dask uses the threads of this machine, and X may be larger than its memory.

    Parameters
    ----------
    X : dask.array.Array, (n_samples, n_features)
        float32 stays so; everything else is computed in double precision.
    sample_weight : (n_samples,), array or Dask array, optional
        How many times each sample counts; none may be negative.

    Attributes
    ----------
    n_samples : int
        Samples whose weight is not 0.
    total_weight : float
    largest : (n_features,)
        Largest absolute value of each feature.

    Raises
    ------
    ValueError
        If a value is not finite, or the shapes do not go together.
    TypeError
        If the chunks are not arrays of numbers.
    """

    def __init__(self, X: Any, sample_weight: Any = None) -> None:
        import dask

        self.X = X = in_rows(X)
        self.sample_weight = None if sample_weight is None else _weights_like(sample_weight, X)
        chunks = X.to_delayed().ravel().tolist()
        weights = [None] * len(chunks) if self.sample_weight is None else self.sample_weight.to_delayed().tolist()
        pairs = list(zip(chunks, weights, strict=True))
        look = dask.delayed(_look, pure=False)
        looks: Sequence[_Look] = _compute(look(*pair) for pair in pairs)
        _check(looks, X)
        self._chunks = [pair for pair, seen in zip(pairs, looks, strict=True) if seen.n_rows]
        self._sizes = np.array([seen.n_present for seen in looks if seen.n_rows])
        self.n_samples, self.total_weight = int(self._sizes.sum()), sum(seen.weight for seen in looks)
        lowest, highest = (np.array([seen[end] for seen in looks if seen.n_rows]) for end in (0, 1))
        # Two samples at the corners of all the data have their middle and their reach, and so the form of their sums.
        self._corners = Samples(np.array([lowest.min(axis=0), highest.max(axis=0)]))
        self.largest, self.short_form = self._corners.largest, self._corners.short_form

    def __len__(self) -> int:
        return self.n_samples

    def expect(self, density: Density, about: Array | None = None) -> Statistics:
        """E-step, and the sums over its responsibilities, where the chunks live; see `Samples.expect`."""
        if self.X.shape[1] != density.means.shape[1]:
            raise ValueError(
                f"X must have shape (n_samples, {density.means.shape[1]}) to fit this mixture, but has {self.X.shape}."
            )
        theta = self.short_form(density) if about is None else None
        whole = self._squares_of_all if theta is not None and density.covariance_type == "tied" else None
        question = _Question(self._corners.origin, density, theta, density.means if about is None else about)
        statistics: Statistics = self._sum(_expect, question, whole=whole)
        seen, expected = float(statistics.counts.sum()), self.total_weight
        if abs(seen - expected) > np.sqrt(np.finfo(density.means.dtype).eps) * expected:
            raise RuntimeError(
                f"A pass over the Dask array has seen samples that weigh {seen:.12g} together, but there were "
                f"{expected:.12g} at the start: its chunks must hold the same values each time they are computed."
            )
        return statistics

    def rows(self, n_rows: int, rng: np.random.RandomState) -> tuple[Array, Array | None]:
        """Bring rows here, chosen at random, and their weights: all of them, in their order, if there are no more.

        Samples of weight 0 are never among them.

        Parameters
        ----------
        n_rows : int
        rng : RandomState

        Returns
        -------
        X : (at most n_rows, n_features)
        sample_weight : (at most n_rows,), or None
        """
        import dask

        if n_rows < self.n_samples:
            chosen = np.sort(rng.choice(self.n_samples, n_rows, replace=False))
        else:
            chosen = np.arange(self.n_samples)
        ends = np.cumsum(self._sizes)
        take, tasks = dask.delayed(_take, pure=False), []
        for pair, start, end in zip(self._chunks, ends - self._sizes, ends, strict=True):
            mine = chosen[(start <= chosen) & (chosen < end)] - start
            if len(mine):
                tasks.append(take(*pair, mine))
        X, weights = zip(*_compute(tasks), strict=True)
        return np.concatenate(X), None if weights[0] is None else np.concatenate(weights)

    @cached_property
    def _squares_of_all(self) -> Array:
        """Σ_n w_n z_n z_nᵀ, which never changes: type 'tied' asks for it once."""
        squares: Array = self._sum(_squares, self._corners.origin)
        return squares

    def _sum(self, function: Callable[..., Any], question: Any, **extra: Any) -> Any:
        """Ask every chunk, and add up the answers in a tree; ``extra`` goes to the first chunk only."""
        import dask

        ask, total = dask.delayed(function, pure=False), dask.delayed(_total, pure=False)
        asked = dask.delayed(question, pure=False, traverse=False)  # sent to each worker once
        answers = [ask(*pair, asked, **({} if i else extra)) for i, pair in enumerate(self._chunks)]
        while len(answers) > 1:
            answers = [total(answers[i : i + BRANCHES]) for i in range(0, len(answers), BRANCHES)]
        return _compute(answers)[0]


def _compute(tasks: Iterable[Any]) -> tuple[Any, ...]:
    import dask

    try:
        results: tuple[Any, ...] = dask.compute(*tasks)
    except CancelledError as error:
        raise RuntimeError(
            "The cluster has lost chunks that it cannot make again: a worker has died that held data sent there, or "
            "the connection has been closed. Nothing was learned. Dask makes lost chunks again where the workers read "
            "them themselves (dask.array.from_zarr, from_delayed, ...)."
        ) from error
    return results


def in_rows(X: Any) -> Any:
    """Check that X is a Dask array of numbers, (n_samples, n_features), and cut it into chunks of whole rows."""
    if not hasattr(type(X), "rechunk"):
        raise TypeError(f"X is a {type(X).__module__}.{type(X).__name__}: make it an array with X.to_dask_array().")
    if X.ndim != 2 or not X.shape[1] >= 1:
        raise ValueError(f"X must have shape (n_samples, n_features), but has {X.shape}.")
    if X.dtype.kind not in "fiub":
        raise TypeError(f"X must hold real numbers, but its type is {X.dtype}: use X.astype(float) if they are.")
    X = X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    return X if X.numblocks[1] == 1 else X.rechunk({1: -1})


def answer_lazily(question: Callable[[Array], Array], mixture: Mixture, X: Any) -> Any:
    """Ask something about the log joint density of every sample: a Dask array, chunked as X is.

    Parameters
    ----------
    question : callable
        From the log joint densities of some rows, (n_rows, n_components), to something with as many rows.
    mixture : Mixture
    X : dask.array.Array, (n_samples, n_features)
    """
    X = in_rows(X)
    example = question(np.zeros((1, mixture.n_components), dtype=X.dtype))
    answer = partial(_answer, mixture=mixture, question=question)
    if example.ndim == 1:
        return X.map_blocks(answer, drop_axis=1, dtype=example.dtype, meta=example[:0])
    return X.map_blocks(answer, chunks=(X.chunks[0], example.shape[1:]), dtype=example.dtype, meta=example[:0])


# --- what is done where the chunks live --------------------------------------------------------------------------


class _Look(NamedTuple):
    """What is to be known of a chunk before the first iteration."""

    lowest: Array
    highest: Array
    n_rows: int
    n_present: int
    weight: float
    least_weight: float


def _look(X: Array, weights: Array | None) -> _Look:
    if not isinstance(X, np.ndarray) or isinstance(X, np.ma.MaskedArray):
        raise TypeError(
            f"The chunks of X must be NumPy arrays, but are {type(X).__module__}.{type(X).__name__}: turn them into "
            "such with X.map_blocks."
        )
    if weights is not None and weights.shape != (len(X),):
        raise ValueError(f"A chunk of X has {len(X)} rows, but that of sample_weight has shape {weights.shape}.")
    if len(X) == 0:
        return _Look(X, X, 0, 0, 0.0, 0.0)
    ends = extent(X)
    if weights is None:
        return _Look(*ends, len(X), len(X), float(len(X)), 1.0)
    present, total = int(np.count_nonzero(weights)), float(weights.sum(dtype=np.float64))
    return _Look(*ends, len(X), present, total, float(weights.min()))


class _Question(NamedTuple):
    """What goes out to the chunks: the density, and the form that the sums shall have."""

    origin: Array
    density: Density
    theta: Array | None
    centres: Array


class _Chunk(Samples):
    """Some rows of a larger data set, seen once: what they are counted from, and in which form, is known already."""

    def __init__(self, X: Array, sample_weight: Array | None, origin: Array, theta: Array | None = None) -> None:
        self.X, self.sample_weight, self.origin, self.theta = X, sample_weight, origin, theta
        self._sweeps = {}

    def short_form(self, density: Density) -> Array | None:
        return self.theta

    def _sweep(self, covariance_type: str, n_components: int) -> Sweep:
        sweep = super()._sweep(covariance_type, n_components)
        sweep.kept = None  # there is no second pass for which to keep the features
        return sweep


def _expect(X: Array, weights: Array | None, question: _Question, whole: Array | None = None) -> Statistics:
    chunk = _Chunk(X, weights, question.origin, question.theta)
    # For 'tied' in the short form, the squares of all the data are known: the first chunk adds them, once for all.
    chunk._squares_of_all = np.zeros((X.shape[1],) * 2) if whole is None else whole
    with InThisThread():
        return chunk.expect(question.density, question.centres if question.theta is None else None)


def _squares(X: Array, weights: Array | None, origin: Array) -> Array:
    with InThisThread():
        return _Chunk(X, weights, origin)._squares_of_all


def _total(parts: list[Any]) -> Any:
    return reduce(add, parts)


def _take(X: Array, weights: Array | None, chosen: Array) -> tuple[Array, Array | None]:
    """Some of the rows that have a weight."""
    if weights is None:
        return X[chosen], None
    present = np.flatnonzero(weights)[chosen]
    return X[present], weights[present]


def _answer(X: Array, mixture: Mixture, question: Callable[[Array], Array]) -> Array:
    with InThisThread():
        return question(mixture.log_joint(X))


# --- before the first iteration -----------------------------------------------------------------------------------


def _weights_like(sample_weight: Any, X: Any) -> Any:
    """Weights as a Dask array that is cut as X is."""
    import dask.array

    sizes, n_rows = X.chunks[0], X.shape[0]
    if not is_lazy(sample_weight):
        weights: Any = floating(sample_weight).astype(X.dtype, copy=False)
        if np.isnan(n_rows):
            raise ValueError(
                "X has chunks of unknown size, so sample_weight cannot be cut to match: call X.compute_chunk_sizes() "
                "first, or give the weights as a Dask array."
            )
    else:
        weights = sample_weight.astype(X.dtype)
    unknown = np.isnan(n_rows) or np.isnan(weights.shape).any()
    if weights.ndim != 1 or (weights.numblocks != X.numblocks[:1] if unknown else weights.shape != (n_rows,)):
        raise ValueError(
            f"sample_weight must have shape ({n_rows},), one for each row of X, and where that is not known, as many "
            f"chunks; it has shape {weights.shape}."
        )
    if is_lazy(weights):
        return weights if unknown else weights.rechunk((sizes,))
    # To the workers once, not in every iteration; they keep them as long as someone holds this array.
    return dask.array.from_array(weights, chunks=(sizes,)).persist()


def _check(looks: Sequence[_Look], X: Any) -> None:
    row = 0
    for number, seen in enumerate(looks):
        bad = ~np.isfinite(np.array(seen[:2])).all(axis=0) if seen.n_rows else np.zeros(1, dtype=bool)
        if bad.any():
            raise ValueError(
                f"Feature {bad.argmax()} of X holds NaN or infinity in chunk {number}, among rows {row} to "
                f"{row + seen.n_rows - 1}: leave such rows out, for example X = X[dask.array.isfinite(X).all(axis=1)]."
            )
        row += seen.n_rows
    if row == 0:
        raise ValueError(f"X has no rows: its shape is {X.shape}.")
    least, total = min(seen.least_weight for seen in looks), sum(seen.weight for seen in looks)
    if not (least >= 0 and 0 < total < np.inf):
        raise ValueError(
            "sample_weight must hold finite numbers, none negative and not all 0; the smallest is "
            f"{least:.3g}, and they sum to {total:.3g}."
        )
