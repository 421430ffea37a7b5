"""scikit-learn's k-means, with the run it made."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
import sklearn.cluster
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..covariance import Array
from ..kmeans import assign, inertia, lloyd
from ..mixture import RandomState
from ..trace import Outcome, Snapshot, StoppingRule, Trace


class KMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator):
    """k-means by Lloyd's algorithm: `sklearn.cluster.KMeans` with its trace.

    Parameters
    ----------
    n_clusters : int, default=8
    init : {'k-means++', 'random'}, callable or (n_clusters, n_features), default='k-means++'
        A callable gets ``(X, n_clusters, random_state=...)`` with X centred on its mean.
    n_init : 'auto' or int, default='auto'
        'auto' makes 1 run for 'k-means++' and for given centres, 10 for 'random' and callables.
    max_iter : int, default=300
    tol : float, default=1e-4
        Stop when the centres move by less, as a share of the variance of the data.
    verbose : int, default=0
    random_state : int, RandomState or None, default=None
    copy_x : bool, default=True
        Accepted for compatibility: X is never changed.
    algorithm : {'lloyd', 'elkan'}, default='lloyd'
        Accepted for compatibility: both give the same clusters, and Lloyd's is what runs.

    Attributes
    ----------
    cluster_centers_ : (n_clusters, n_features)
    labels_ : (n_samples,)
    inertia_ : float
        Sum of the squared distances of samples to their centre, weighted if weights were given.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : (n_features_in_,), where X has names
    trace_, traces_ : Trace, list of Trace
        The run that was kept, and every run; ``len(trace_) == n_iter_ + 1``.

    Notes
    -----
    Sparse X is made dense: the trace keeps the data, for pictures.

    References
    ----------
    Lloyd (1982); Arthur & Vassilvitskii (2007) for k-means++.

    Examples
    --------
    >>> from gmmteach import KMeans
    >>> model = KMeans(2, random_state=0).fit([[0.0], [1.0], [9.0], [10.0]])
    >>> sorted(model.cluster_centers_.ravel().tolist())
    [0.5, 9.5]
    """

    _parameter_constraints = sklearn.cluster.KMeans._parameter_constraints

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: RandomState = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.cluster_centers_.shape[0]

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Run Lloyd's algorithm from every start and keep the run with the least inertia.

        Parameters
        ----------
        X : (n_samples, n_features), dense or sparse
        y : ignored
        sample_weight : (n_samples,), optional

        Returns
        -------
        self
        """
        self._validate_params()
        X = everything = self._validated(X, reset=True)
        weights = np.ones(len(X), dtype=X.dtype)
        if sample_weight is not None:
            weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
            if (weights == 0).any() and weights.any():  # a sample that counts for nothing has no say in anything
                X, weights = X[weights != 0], weights[weights != 0]
        if len(X) < self.n_clusters:
            raise ValueError(f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}.")
        n_init = self._number_of_runs()
        rng = check_random_state(self.random_state)
        stop = _centres_settled(self.tol * float(X.var(axis=0).mean()) if self.tol > 0 else 0.0)
        labels, best = None, None
        traces = []
        for _ in range(n_init):
            start = self._starting_centres(X, weights, rng)
            if self.verbose:
                print("Initialization complete")
            trace = Trace.record(lloyd(X, start, sample_weight=weights), X, max_iter=self.max_iter, stop=stop)
            if self.verbose:
                for snapshot in trace[:-1]:
                    print(f"Iteration {snapshot.iteration}, inertia {-snapshot.objective}.")
                if trace.outcome == "converged":
                    print(f"Converged at iteration {len(trace) - 2}: {trace.outcome.explanation}")
            traces.append(trace)
            new_labels = assign(X, trace[-1].mixture.means)
            # A run with the same clusters under other numbers can win by rounding alone; it does not count.
            if (
                labels is None
                or best is None
                or (trace.objective[-1] > best.objective[-1] and not _same_clusters(new_labels, labels))
            ):
                labels, best = new_labels, trace
        assert labels is not None  # n_init is at least 1
        assert best is not None
        found = np.count_nonzero(np.bincount(labels, minlength=self.n_clusters))
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters ({self.n_clusters}). Possibly "
                "due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.trace_, self.traces_ = best, traces
        self.labels_ = labels if X is everything else assign(everything, best[-1].mixture.means)
        self.cluster_centers_ = self.trace_[-1].mixture.means.copy()
        self.inertia_ = -self.trace_[-1].objective
        self.n_iter_ = len(self.trace_) - 1
        return self

    def _number_of_runs(self) -> int:
        if self.algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.",
                RuntimeWarning,
                stacklevel=3,
            )
        given_centres = not isinstance(self.init, str) and not callable(self.init)
        if self.n_init == "auto":
            return 1 if given_centres or self.init == "k-means++" else 10
        if given_centres and self.n_init != 1:
            warnings.warn(
                "Explicit initial center position passed: performing only one init in KMeans instead of "
                f"n_init={self.n_init}.",
                RuntimeWarning,
                stacklevel=3,
            )
            return 1
        return int(self.n_init)

    def _starting_centres(self, X: Array, sample_weight: Array, rng: np.random.RandomState) -> Array:
        """Starting centres, by scikit-learn's own seeding on the centred data."""
        if isinstance(self.init, str) and self.init == "random":
            share = sample_weight / sample_weight.sum()
            return X[rng.choice(len(X), size=self.n_clusters, replace=False, p=share)]
        if not isinstance(self.init, str) and not callable(self.init):
            return self._checked_centres(check_array(self.init, dtype=X.dtype, copy=True), X)
        middle = X.mean(axis=0)
        if isinstance(self.init, str):
            centres, _ = kmeans_plusplus(X - middle, self.n_clusters, sample_weight=sample_weight, random_state=rng)
            return centres + middle
        centres = check_array(self.init(X - middle, self.n_clusters, random_state=rng), dtype=X.dtype)
        return self._checked_centres(centres, X) + middle

    def _checked_centres(self, centres: Array, X: Array) -> Array:
        for found, wanted, what in (
            (len(centres), self.n_clusters, "clusters"),
            (centres.shape[1], X.shape[1], "features of the data"),
        ):
            if found != wanted:
                raise ValueError(
                    f"The shape of the initial centers {centres.shape} does not match the number of {what} {wanted}."
                )
        return centres

    def _validated(self, X: Any, reset: bool = False) -> Array:
        X = validate_data(
            self, X, accept_sparse="csr", dtype=[np.float64, np.float32], accept_large_sparse=False, reset=reset
        )
        return X if isinstance(X, np.ndarray) else X.toarray()

    def _new_data(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return self._validated(X)

    def fit_predict(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Array:
        """Fit, and return the label of every sample, (n_samples,)."""
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Array:
        """Fit, and return the distances of the samples to the centres, (n_samples, n_clusters)."""
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X: ArrayLike) -> Array:
        """Label every sample with its nearest centre, (n_samples,)."""
        return assign(self._new_data(X), self.cluster_centers_)

    def transform(self, X: ArrayLike) -> Array:
        """Distances of the samples to the centres, (n_samples, n_clusters)."""
        return euclidean_distances(self._new_data(X), self.cluster_centers_)

    def score(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the inertia of X about the fitted centres."""
        X = self._new_data(X)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        labels = assign(X, self.cluster_centers_)
        return -inertia(X, labels, self.cluster_centers_, weights)


def _centres_settled(tol: float) -> StoppingRule:
    """scikit-learn's rule for k-means: the squared movement of all centres is at most ``tol``."""

    def rule(snapshots: list[Snapshot]) -> Outcome | None:
        shift = snapshots[-1].mixture.means - snapshots[-2].mixture.means
        movement = np.vdot(shift, shift)
        if movement > tol:
            return None
        if movement == 0:
            return Outcome("converged", "strict convergence.")
        return Outcome("converged", f"center shift {movement} within tolerance {tol}.")

    return rule


def _same_clusters(labels: Array, others: Array) -> bool:
    """Whether every cluster of ``labels`` lies within one cluster of ``others``."""
    pairs = np.unique(np.stack([labels, others]), axis=1)
    return pairs.shape[1] == len(np.unique(labels))
