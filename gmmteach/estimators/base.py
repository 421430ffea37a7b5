"""What the estimators of mixtures share: the loop over runs, and what can be asked of a fitted mixture."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from itertools import pairwise
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..covariance import REMEDY, Array, CollapseError
from ..distributed import DaskSamples, answer_lazily
from ..mixture import Mixture, normalise
from ..trace import Snapshot, StoppingRule, Trace, is_lazy


class BaseMixture(DensityMixin, BaseEstimator):
    """A mixture that is fitted by some kind of EM, ``n_init`` times, of which the best run is kept."""

    # --- what a kind of mixture has to say ---------------------------------------------------------------

    @abstractmethod
    def _run(self, X: Array, sample_weight: Array | None, init: Any, rng: np.random.RandomState) -> Iterator[Snapshot]:
        """Begin a run from a new start, made as ``init`` says: an iterator that yields snapshots for ever."""

    @abstractmethod
    def _continue(self, X: Array, sample_weight: Array | None) -> Iterator[Snapshot]:
        """Go on from where the last fit ended."""

    @abstractmethod
    def _stop(self, total_weight: float, continuing: bool) -> StoppingRule:
        """When a run has settled."""

    @abstractmethod
    def _bound(self, before: Snapshot, after: Snapshot, total_weight: float) -> float:
        """scikit-learn's lower bound of the iteration that led from one snapshot to the next."""

    def _bounds(self, trace: Trace, total_weight: float, continued: bool) -> list[float]:
        """scikit-learn's lower bounds, one for each iteration."""
        return [self._bound(before, after, total_weight) for before, after in pairwise(trace)]

    # --- fitting -----------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit ``n_init`` times, and keep the best run.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : ignored
        sample_weight : (n_samples,), optional
            How many times each sample counts: 2 is the same as having it twice, 0 as not having it.

        Returns
        -------
        self
        """
        self._fit(X, sample_weight)
        return self

    def fit_predict(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Array:
        """Fit, then label every sample with its most probable component, (n_samples,)."""
        return self._answer(labels, self._fit(X, sample_weight))

    def _fit(self, X: ArrayLike, sample_weight: ArrayLike | None) -> Array:
        """Validate, run, keep the best run; return the validated data."""
        self._validate_params()
        everything, data, sample_weight, init = self._data_to_fit(X, sample_weight)
        self._require_samples(data)
        if isinstance(data, DaskSamples):
            X, total = data.X, data.total_weight
        else:
            X, total = data, float(len(data) if sample_weight is None else sample_weight.sum(dtype=np.float64))
        continuing = self.warm_start and hasattr(self, "converged_")
        rng = check_random_state(self.random_state)
        traces = []
        for run in range(1 if continuing else self.n_init):
            report = Progress(self.verbose, self.verbose_interval, run, lambda a, b: self._bound(a, b, total))
            try:
                begin = self._continue(data, sample_weight) if continuing else self._run(data, sample_weight, init, rng)
                stop = self._stop(total, continuing)
                trace = Trace.record(report.listen(begin), X, max_iter=self.max_iter, stop=stop)
            except CollapseError as error:
                raise _collapse(error, X, None) from None
            if trace.outcome == "collapsed":
                raise _collapse(CollapseError(trace.outcome.explanation, trace.outcome.component), X, trace)
            report.finish(trace)
            traces.append(trace)
        self.traces_ = traces  # only now: a fit that fails leaves the earlier one whole
        every_bound = [self._bounds(trace, total, continuing) for trace in traces]
        best = best_of(every_bound)
        self.trace_, self.lower_bounds_ = traces[best], every_bound[best]
        self.n_iter_ = len(self.trace_) - 1
        self.converged_ = self.trace_.outcome in ("converged", "decreased")
        self._keep(self.trace_[-1])
        self.weight_seen_ = total
        self.lower_bound_ = self.lower_bounds_[-1] if self.lower_bounds_ else -np.inf
        if not self.converged_ and self.max_iter > 0:
            warnings.warn(
                "Best performing initialization did not converge. Try different init parameters, or increase max_iter, "
                "tol, or check for degenerate data.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return everything

    def _data_to_fit(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Any, Array | None, Any]:
        """All the data, validated; and those that have a weight, their weights, and where to start with them."""
        everything = self._validated(X, ensure_min_samples=2)
        return everything, *self._present(everything, sample_weight)

    def _present(self, X: Array, sample_weight: ArrayLike | None) -> tuple[Array, Array | None, Any]:
        """The samples that have a weight, their weights, and ``init_params`` for them."""
        init = self.init_params
        if sample_weight is None:
            return X, None, init
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        present = weights > 0
        if present.all():
            return X, weights, init
        # A sample that counts for nothing has no say in the start either.
        is_rowwise = not isinstance(init, str | Mixture) and not callable(init)
        return X[present], weights[present], np.asarray(init)[present] if is_rowwise else init

    def _require_samples(self, X: Array | DaskSamples) -> None:
        if len(X) < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, n_samples = {len(X)}"
            )

    def _keep(self, snapshot: Snapshot) -> None:
        """Set the fitted parameters."""
        mixture = snapshot.mixture
        self.weights_, self.means_, self.covariances_, self.precisions_cholesky_ = (
            array.copy() for array in (mixture.weights, mixture.means, mixture.covariances, mixture.precisions_cholesky)
        )
        factor, is_matrix = mixture.precisions_cholesky, mixture.covariance_type in ("full", "tied")
        self.precisions_ = factor @ np.swapaxes(factor, -1, -2) if is_matrix else factor**2

    # --- the fitted model --------------------------------------------------------------------------------

    @property
    def mixture_(self) -> Mixture:
        """The fitted parameters as an immutable `Mixture`."""
        check_is_fitted(self, "means_")
        return Mixture(self.weights_, self.means_, self.covariances_, self.covariance_type)

    def _log_joint(self, X: Array) -> Array:
        """Log of the joint density of samples and components, (n_samples, n_components)."""
        return self.mixture_.log_joint(X)

    def _answer(self, question: Callable[[Array], Array], X: Array) -> Array:
        """Ask something about the log joint densities of validated data."""
        if is_lazy(X):
            return answer_lazily(question, self.mixture_, X)
        return question(self._log_joint(X))

    def _new_data(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return self._validated(X, reset=False)

    def _validated(self, X: ArrayLike, **options: Any) -> Array:
        if is_lazy(X):
            raise TypeError(
                f"{type(self).__name__} takes no {type(X).__module__.split('.')[0]} {type(X).__name__} here, only data "
                "in memory: give it a sample, X[::1000].compute(), or one block after the other."
            )
        return validate_data(self, X, dtype=[np.float64, np.float32], **options)

    def predict(self, X: ArrayLike) -> Array:
        """Label every sample with its most probable component, (n_samples,)."""
        return self._answer(labels, self._new_data(X))

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities, (n_samples, n_components): rows sum to 1."""
        return self._answer(responsibilities, self._new_data(X))

    def score_samples(self, X: ArrayLike) -> Array:
        """Log density of every sample, (n_samples,), nats."""
        return self._answer(log_density, self._new_data(X))

    def score(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean log density of the samples, nats per sample; a weighted mean where weights are given."""
        if is_lazy(X):
            log_likelihood, total = self._log_likelihood(X, sample_weight)
            return log_likelihood / total
        heights = self.score_samples(X)
        return float(np.average(heights, weights=_weights_of(heights, sample_weight)))

    def sample(self, n_samples: int = 1) -> tuple[Array, Array]:
        """Draw from the fitted mixture: X (n_samples, n_features) and labels (n_samples,)."""
        check_is_fitted(self)
        return self.mixture_.sample(n_samples, self.random_state)

    # --- model selection: the lower the better -----------------------------------------------------------

    def aic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Akaike's information criterion, -2 log L + 2 p (Akaike 1974)."""
        log_likelihood, _ = self._log_likelihood(X, sample_weight)
        return -2 * log_likelihood + 2 * self.mixture_.n_parameters

    def bic(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Bayesian information criterion, -2 log L + p log N (Schwarz 1978); N is the sum of the weights."""
        log_likelihood, total = self._log_likelihood(X, sample_weight)
        return float(-2 * log_likelihood + self.mixture_.n_parameters * np.log(total))

    def icl(self, X: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Integrated completed likelihood: BIC plus twice the entropy of the responsibilities.

        It asks for components that are clusters: overlapping ones cost (Biernacki, Celeux & Govaert 2000, in its
        soft form, McLachlan & Peel 2000, section 6.10.3).
        """
        bic, shares = self.bic(X, sample_weight), self.predict_proba(X)
        entropies = -xlogy(shares, shares).sum(axis=1)
        if sample_weight is not None:
            entropies = entropies * (sample_weight if is_lazy(sample_weight) else np.asarray(sample_weight))
        return bic + 2 * float(entropies.sum())

    def _log_likelihood(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[float, float]:
        """Total log-likelihood of the fitted mixture in nats, and the total weight."""
        X = self._new_data(X)
        if is_lazy(X):
            data = DaskSamples(X, sample_weight)
            return data.expect(self.mixture_.density).log_likelihood, data.total_weight
        heights = self.mixture_.log_density(X)
        weights = _weights_of(heights, sample_weight)
        if weights is None:
            return float(heights.sum()), float(len(heights))
        return float(weights @ heights), float(weights.sum())


def checked(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    """Parameters that a user gave; raise ValueError if they are not finite numbers of the shape they must have."""
    array = np.asarray(values)
    if array.shape != shape:
        raise ValueError(f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}")
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(f"The parameter '{name}' should be finite numbers, but got {array!r}")
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)


def positive_definite(matrices: Array) -> bool:
    """Whether all of these matrices, (..., n_features, n_features), are symmetric and positive definite."""
    symmetric = np.allclose(matrices, np.swapaxes(matrices, -1, -2))
    return symmetric and bool((np.linalg.eigvalsh(matrices) > 0).all())


def _weights_of(heights: Array, sample_weight: ArrayLike | None) -> Array | None:
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, heights[:, np.newaxis], ensure_non_negative=True)


def labels(log_joint: Array) -> Array:
    """Most probable component of each row."""
    return log_joint.argmax(axis=1)


def responsibilities(log_joint: Array) -> Array:
    """Share of each component in each row."""
    return normalise(log_joint)[1]


def log_density(log_joint: Array) -> Array:
    """Log density of each row, nats."""
    return normalise(log_joint)[0]


def best_of(bounds: list[list[float]]) -> int:
    """Number of the run whose last lower bound is the highest, as scikit-learn ranks them.

    Runs that reach the same peak differ by rounding only; the first of them is kept, so that the numbers of the
    components do not depend on the machine.
    """
    if not bounds[0]:
        return len(bounds) - 1
    heights = np.array([bound[-1] for bound in bounds])
    return int(np.argmax(heights >= heights.max() - 1e-10 * abs(heights.max())))


def _collapse(error: CollapseError, X: Array, trace: Trace | None) -> CollapseError:
    """scikit-learn's error, and what is behind it: which component, why and what to try."""
    hints = [str(error).replace(REMEDY, "").strip()]  # scikit-learn's sentence has said most of the remedies
    if not is_lazy(X) and not np.isnan(X).any():
        constant, rank = np.ptp(X, axis=0) == 0, np.linalg.matrix_rank(X - X.mean(axis=0))
        if constant.any():
            hints.append(f"Feature {constant.argmax()} of X is constant: leave it out.")
        elif rank < X.shape[1] < len(X):
            hints.append("The features of X are combinations of each other: leave some out, or use PCA first.")
    if X.dtype == np.float32:
        hints.append("float64 data instead of float32 would help too.")
    return CollapseError(
        "Fitting the mixture model failed because some components have ill-defined empirical covariance (for "
        "instance caused by singleton or collapsed samples). Try to decrease the number of components, "
        f"increase reg_covar, or scale the input data. {' '.join(hints)}",
        error.component,
        trace,
    )


class Progress:
    """Print what scikit-learn's ``verbose`` prints, listening to the snapshots as they pass.

    Parameters
    ----------
    verbose, interval : int
        scikit-learn's ``verbose`` and ``verbose_interval``.
    run : int
        Which of ``n_init`` runs.
    bound : callable
        scikit-learn's lower bound of the iteration between two snapshots.
    """

    def __init__(self, verbose: int, interval: int, run: int, bound: Callable[[Snapshot, Snapshot], float]) -> None:
        self.verbose, self.interval, self.bound = verbose, interval, bound
        self.begin = self.last = perf_counter()
        if verbose:
            print(f"Initialization {run}")

    def listen(self, snapshots: Iterator[Snapshot]) -> Iterator[Snapshot]:
        """Pass the snapshots on, and report every ``interval`` of them."""
        before, height = None, -np.inf
        for snapshot in snapshots:
            if self.verbose and before is not None:
                change = -height + (height := self.bound(before, snapshot))
                if snapshot.iteration % self.interval == 0:
                    now = perf_counter()
                    lapse = f"\t time lapse {now - self.last:.5f}s\t ll change {change:.5f}"
                    print(f"  Iteration {snapshot.iteration}{lapse if self.verbose > 1 else ''}")
                    self.last = now
            before = snapshot
            yield snapshot

    def finish(self, trace: Trace) -> None:
        """Report the end of a run."""
        if self.verbose:
            verdict = "converged" if trace.outcome in ("converged", "decreased") else "did not converge"
            bound = self.bound(trace[-2], trace[-1]) if len(trace) > 1 else -np.inf
            lapse = f" time lapse {perf_counter() - self.begin:.5f}s\t lower bound {bound:.5f}."
            print(f"Initialization {verdict}.{lapse if self.verbose > 1 else ''}")
