"""The grid of fits: one Gaussian mixture for every number of components and every covariance type."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import index
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from ..covariance import Array, CollapseError, covariance_type_of
from ..estimators import GaussianMixture
from ..missing import fill_with_means
from ..mixture import RandomState
from ..progress import Progress
from ..starts import Init, starting_responsibilities
from .table import CRITERIA, Fit, Record, Selection, check_criterion

FAILURES = (ValueError, ArithmeticError, MemoryError)  # of one fit; anything else is a mistake, and is raised


def select(
    X: ArrayLike,
    n_components: int | Iterable[int] = range(1, 10),
    *,
    covariance_types: str | Iterable[str] = ("full", "tied", "diag", "spherical"),
    criterion: str = "bic",
    n_init: int = 1,
    random_state: RandomState = None,
    sample_weight: ArrayLike | None = None,
    n_jobs: int | None = None,
    progress: bool = True,
    **options: Any,
) -> Selection:
    """Fit a Gaussian mixture for every number of components and every covariance type, and compare them.

    Every cell of the grid is the same as ``GaussianMixture(K, covariance_type=..., n_init=..., random_state=...)
    .fit(X)`` made by hand. Fits of one column of the grid, the same K, share their starts, so that what differs
    between them is the covariance type alone. A fit that fails is a row of the table that says why.

    Parameters
    ----------
    X : (n_samples, n_features)
    n_components : int or iterable of int
    covariance_types : str or iterable of str
    criterion : {'bic', 'aic', 'icl'}
        The table holds all three; `Selection.by` judges the same fits by another.
    n_init : int
        Starts of each column.
    random_state : int, RandomState or None
        An int is the seed of every fit; otherwise one seed is drawn for all of them.
    sample_weight : (n_samples,), optional
    n_jobs : int, optional
        Fits at a time, each in a process of its own with its share of the processors' threads; -1 for as many as
        there are processors. It pays from some seconds of work on. The numbers stay the same, up to rounding where
        data are so many that a fit alone would use several threads.
    progress : bool
        Show a progress bar when it takes more than a second.
    **options
        Of `GaussianMixture`: ``reg_covar``, ``max_iter``, ``tol``, ``init_params``, ``missing``, ...

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        If the data, the grid or an option make no sense; TypeError if there is no such option.

    Examples
    --------
    >>> from gmmteach import select
    >>> from gmmteach.datasets import load_faithful
    >>> select(load_faithful().data, (1, 2, 3), covariance_types=("full", "tied"), random_state=0)
    6 fits by BIC: the less, the better
       components  covariance  log-likelihood  parameters     AIC     BIC     ICL  outcome
    ★           2  full               −1130.3          11  2282.5  2322.2  2323.6  converged
                2  tied               −1140.2           8  2296.4  2325.2  2328.0  converged
                3  tied               −1140.5          11  2303.1  2342.8  2550.8  converged
                3  full               −1126.9          17  2287.8  2349.1  2488.8  converged
                1  full               −1289.8           5  2589.6  2607.6  2607.6  converged
                1  tied               −1289.8           5  2589.6  2607.6  2607.6  converged
    AIC would choose 2 × 'full'. ICL would choose 2 × 'full'.

    Three tied components fit worse here than two, which at their best they cannot: the start was poor. Ten starts
    change the verdict.

    >>> chosen = select(load_faithful().data, (2, 3), n_init=10, random_state=0)
    >>> chosen.best_
    GaussianMixture(covariance_type='tied', n_components=3, n_init=10, random_state=0)
    >>> chosen.by("icl").best_
    GaussianMixture(n_components=2, n_init=10, random_state=0)
    """
    sizes = _sizes(n_components)
    kinds = list(dict.fromkeys([covariance_types] if isinstance(covariance_types, str) else covariance_types))
    if not kinds:
        raise ValueError("covariance_types names no covariance type, so there is nothing to fit.")
    for kind in kinds:
        covariance_type_of(kind)
    check_criterion(criterion)
    if "covariance_type" in options:
        raise TypeError("select takes covariance_types, in the plural: one of them is enough.")
    if "warm_start" in options:
        raise TypeError("select takes no warm_start: every fit of the grid begins from its own start.")
    seed = random_state if isinstance(random_state, int | np.integer) else _draw(random_state)
    probe = GaussianMixture(n_init=n_init, random_state=seed, **options)
    probe._validate_params()  # what is wrong with all fits is an error here, and not a column of failures
    data = probe._validated(X, ensure_min_samples=2)
    weights, kept = None, data
    if sample_weight is not None:
        weights = _check_sample_weight(sample_weight, data, dtype=data.dtype, ensure_non_negative=True)
        if not weights.max() > 0:
            raise ValueError("every sample_weight is 0, so there is nothing to fit to.")
        kept = data[weights > 0] if (weights == 0).any() else data

    def cells() -> Iterator[Any]:
        for size in sizes:
            start, told = _shared_start(kept, size, probe, None if weights is None else weights[weights > 0])
            for kind in kinds:
                model = GaussianMixture(size, covariance_type=kind, n_init=n_init, random_state=seed, **options)
                yield delayed(_fit)(model, data, weights, start, told)

    # joblib gives every process its share of the threads. 'all': starts are made here, and not in a thread of joblib's.
    fits = Parallel(n_jobs=n_jobs, prefer="processes", return_as="generator", pre_dispatch="all")(cells())
    done = list(Progress(fits, "fits", total=len(sizes) * len(kinds), wanted=progress))
    for model in (fit.model for fit in done if fit.model is not None):
        for trace in model.traces_:
            trace.X = kept
        if hasattr(probe, "feature_names_in_"):
            model.feature_names_in_ = probe.feature_names_in_
    return Selection(done, criterion)


# --- one fit -------------------------------------------------------------------------------------------------


class Handed:
    """The function that a fit takes as ``init_params``: it hands over starts that were made before, one for each run.

    Parameters
    ----------
    starts : sequence
        Labels, responsibilities (any kind of number) or mixtures.
    """

    def __init__(self, starts: Sequence[Any]) -> None:
        self._starts = iter(starts)

    def __call__(self, X: Array, n_components: int, random_state: object) -> Any:
        """Give the next start."""
        return next(self._starts)


def _shared_start(
    X: Array, n_components: int, model: GaussianMixture, sample_weight: Array | None
) -> tuple[list[Any] | None, list[str]]:
    """Starts for the fits of one column, and warnings met on the way.

    They are those that each of the fits would make for itself. None where there is nothing to share: given starts, and
    those by random numbers, which the seed makes the same at no cost.
    """
    init: Init = model.init_params
    make: Callable[[np.random.RandomState], Any]
    if isinstance(init, str) and init == "kmeans":

        def make(rng: np.random.RandomState) -> Any:  # ones and zeros need a byte each
            return starting_responsibilities(filled, n_components, "kmeans", rng, sample_weight).astype(bool)
    elif callable(init):

        def make(rng: np.random.RandomState) -> Any:
            return init(filled, n_components, rng)
    else:
        return None, []
    filled = fill_with_means(X) if np.isnan(X).any() else X
    rng = check_random_state(model.random_state)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return [make(rng) for _ in range(model.n_init)], [str(warning.message) for warning in caught]
        except Exception:  # every fit of the column will meet it again, and tell; joblib would lose it here
            return None, []


def _fit(
    model: GaussianMixture, X: Array, sample_weight: Array | None, starts: list[Any] | None, told: list[str]
) -> Fit:
    """Fit one cell, whatever may happen. The trace goes back without its data, which the caller has."""
    kind = covariance_type_of(model.covariance_type)
    record: Record = {
        "n_components": model.n_components,
        "covariance_type": model.covariance_type,
        "log_likelihood": None,
        "n_parameters": model.n_components * (X.shape[1] + 1) - 1 + kind.n_parameters(model.n_components, X.shape[1]),
        **dict.fromkeys(CRITERIA),
        "converged": False,
        "n_iter": None,
        "outcome": "failed",
        "error": None,
        "warnings": (),
    }
    init = model.init_params
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.set_params(init_params=init if starts is None else Handed(starts)).fit(X, sample_weight=sample_weight)
            measured = {name: getattr(model, name)(X, sample_weight) for name in CRITERIA}
        except FAILURES as error:
            record["error"] = str(error) or type(error).__name__
            if isinstance(error, CollapseError):
                record["outcome"] = "collapsed"
                record["n_iter"] = len(error.trace) - 1 if error.trace is not None else 0  # type: ignore[arg-type]
            model = None
    record["warnings"] = (*told, *(str(warning.message) for warning in caught))
    if model is None:
        return Fit(record, None)
    trace = model.trace_
    record |= measured | {
        "log_likelihood": float(trace.objective[-1]),
        "converged": bool(model.converged_),
        "n_iter": model.n_iter_,
        "outcome": str(trace.outcome),
    }
    for trace in model.traces_:
        trace.X = np.empty((0, X.shape[1]), dtype=X.dtype)
    return Fit(record, model.set_params(init_params=init))


# --- arguments -----------------------------------------------------------------------------------------------


def _sizes(n_components: int | Iterable[int]) -> list[int]:
    given = list(n_components) if isinstance(n_components, Iterable) else [n_components]
    try:
        sizes = sorted({index(size) for size in given})
    except TypeError:
        raise TypeError(
            f"n_components must be a whole number or several, such as range(1, 10), but it is {n_components!r}."
        ) from None
    if not sizes or sizes[0] < 1:
        raise ValueError(f"n_components must hold at least one number, and none below 1, but it is {n_components!r}.")
    return sizes


def _draw(random_state: RandomState) -> int:
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
