"""scikit-learn's estimators, with the run they made.

`GaussianMixture` and `KMeans` take the arguments, have the attributes and give the numbers of their namesakes
in scikit-learn, for the same ``random_state``; a learner changes one import line to move between the two. On
top of that they keep every iteration, as ``trace_``.
"""

from __future__ import annotations

import warnings
from time import perf_counter
from typing import Any, Self

import numpy as np
import sklearn.cluster
import sklearn.mixture
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    DensityMixin,
    TransformerMixin,
)
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .covariance import Array, CollapseError, covariance_type_of
from .em import em
from .kmeans import assign, inertia, lloyd
from .mixture import Mixture, RandomState
from .starts import POINT_STARTS, starting_mixture
from .trace import Outcome, Snapshot, StoppingRule, Trace, settled


class GaussianMixture(DensityMixin, BaseEstimator):
    """Gaussian mixture, fitted by EM: `sklearn.mixture.GaussianMixture` with its trace.

    Parameters
    ----------
    n_components : int, default=1
    covariance_type : {'full', 'tied', 'diag', 'spherical'}, default='full'
    tol : float, default=1e-3
        Stop when the mean log-likelihood changes by less, in nats per sample.
    reg_covar : float, default=1e-6
        Added to every variance, in squared units of the data.
    max_iter : int, default=100
    n_init : int, default=1
        Runs to make; the best one is kept.
    init_params : {'kmeans', 'k-means++', 'random', 'random_from_data'}, default='kmeans'
    weights_init : (n_components,), optional
    means_init : (n_components, n_features), optional
    precisions_init : inverse covariances in the shape of the covariance type, optional
    random_state : int, RandomState or None, default=None
    warm_start : bool, default=False
        Let the next call of `fit` go on from where this one ended.
    verbose : int, default=0
    verbose_interval : int, default=10

    Attributes
    ----------
    weights_ : (n_components,)
    means_ : (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : in the shape of the covariance type
    converged_ : bool
        scikit-learn's rule; ``trace_.outcome`` says more, and never calls a decrease convergence.
    n_iter_ : int
    lower_bound_ : float
        Mean log-likelihood before the last M-step, in nats per sample.
    lower_bounds_ : list of float, one for each iteration
    n_features_in_ : int
    feature_names_in_ : (n_features_in_,), where X has names
    trace_ : Trace
        The run that was kept; ``len(trace_) == n_iter_ + 1``. It refers to X and does not copy it.
    traces_ : list of Trace, one for each of ``n_init`` runs
    mixture_ : Mixture
        The fitted parameters as a value.

    Raises
    ------
    CollapseError
        From `fit`, a ValueError: a covariance stopped being positive definite. It names the component and what
        to try, and its ``trace`` holds the run up to there.

    References
    ----------
    Dempster, Laird & Rubin (1977); Bishop (2006), section 9.2.

    Examples
    --------
    >>> from gmmteach import GaussianMixture
    >>> from gmmteach.datasets import load_faithful
    >>> model = GaussianMixture(2, random_state=0).fit(load_faithful().data)
    >>> model.trace_
    Trace(2 components, 4 iterations, converged, log-likelihood -1130.2641)
    >>> bool((model.trace_.objective[1:] >= model.trace_.objective[:-1]).all())
    True
    """

    _parameter_constraints = sklearn.mixture.GaussianMixture._parameter_constraints

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: RandomState = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    # --- fitting -----------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit by EM, ``n_init`` times, and keep the best run.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : ignored

        Returns
        -------
        self
        """
        self._fit(X)
        return self

    def fit_predict(self, X: ArrayLike, y: object = None) -> Array:
        """Fit, then label every sample with its most probable component, (n_samples,)."""
        X = self._fit(X)
        return self.mixture_.log_joint(X).argmax(axis=1)

    def _fit(self, X: ArrayLike) -> Array:
        """Validate, run, keep the best run; return the validated data."""
        self._validate_params()
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        if len(X) < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, n_samples = {len(X)}"
            )
        continuing = self.warm_start and hasattr(self, "converged_")
        rng = check_random_state(self.random_state)
        traces = []
        for run in range(1 if continuing else self.n_init):
            report = _Progress(self.verbose, self.verbose_interval, run, len(X))
            try:
                start = self.mixture_ if continuing else self._start(X, rng)
                stop = settled(self.tol, len(X), self.lower_bound_ * len(X) if continuing else -np.inf)
                snapshots = report.listen(em(X, start, reg_covar=self.reg_covar))
                trace = Trace.record(snapshots, X, max_iter=self.max_iter, stop=stop)
            except CollapseError as error:
                raise self._collapse(error, X, None) from None
            if trace.outcome == "collapsed":
                raise self._collapse(CollapseError(trace.outcome.explanation, trace.outcome.component), X, trace)
            report.finish(trace)
            traces.append(trace)
        self.traces_ = traces  # only now: a fit that fails leaves the earlier one whole
        self._keep(_best(traces), continuing)
        return X

    def _start(self, X: Array, rng: np.random.RandomState) -> Mixture:
        """Starting mixture: what the user gave, and an M-step from `init_params` for the rest."""
        n_features = X.shape[1]
        weights, means, precisions = self.weights_init, self.means_init, self.precisions_init
        return starting_mixture(
            X,
            self.n_components,
            covariance_type=self.covariance_type,
            init_params=self.init_params,
            reg_covar=self.reg_covar,
            random_state=rng,
            weights=None if weights is None else _checked_weights(weights, self.n_components),
            means=None if means is None else _checked(means, (self.n_components, n_features), "means"),
            covariances=None
            if precisions is None
            else _inverted(precisions, self.covariance_type, (self.n_components, n_features)),
        )

    def _keep(self, trace: Trace, continued: bool) -> None:
        """Set the fitted attributes from the run that was kept."""
        mixture = trace[-1].mixture
        self.trace_ = trace
        self.n_iter_ = len(trace) - 1
        self.converged_ = trace.outcome in ("converged", "decreased")
        self.weights_, self.means_, self.covariances_ = (
            array.copy() for array in (mixture.weights, mixture.means, mixture.covariances)
        )
        self.precisions_cholesky_ = factor = mixture.precisions_cholesky.copy()
        is_matrix = self.covariance_type in ("full", "tied")
        self.precisions_ = factor @ np.swapaxes(factor, -1, -2) if is_matrix else factor**2
        bounds = trace.objective[:-1] / len(trace.X)
        if len(bounds) and not continued and self.weights_init is None and self.init_params in POINT_STARTS:
            # scikit-learn's first E-step from K chosen points uses weights that sum to K / N; the trace has the
            # likelihood of weights that sum to 1, and only this one bound tells the difference.
            bounds = bounds + np.log(self.n_components / len(trace.X)) * (np.arange(len(bounds)) == 0)
        self.lower_bounds_ = bounds.tolist()
        self.lower_bound_ = self.lower_bounds_[-1] if self.lower_bounds_ else -np.inf
        if not self.converged_ and self.max_iter > 0:
            warnings.warn(
                "Best performing initialization did not converge. Try different init parameters, or increase max_iter, "
                "tol, or check for degenerate data.",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _collapse(self, error: CollapseError, X: Array, trace: Trace | None) -> CollapseError:
        """scikit-learn's error, and what is behind it: which component, why and what to try."""
        precision = " float64 data instead of float32 would help too." if X.dtype == np.float32 else ""
        return CollapseError(
            "Fitting the mixture model failed because some components have ill-defined empirical covariance (for "
            "instance caused by singleton or collapsed samples). Try to decrease the number of components, "
            f"increase reg_covar, or scale the input data. {error}{precision}",
            error.component,
            trace,
        )

    # --- the fitted model --------------------------------------------------------------------------------

    @property
    def mixture_(self) -> Mixture:
        """The fitted parameters as an immutable `Mixture`."""
        check_is_fitted(self, "means_")
        return Mixture(self.weights_, self.means_, self.covariances_, self.covariance_type)

    def _new_data(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        return validate_data(self, X, reset=False)

    def predict(self, X: ArrayLike) -> Array:
        """Label every sample with its most probable component, (n_samples,)."""
        return self.mixture_.log_joint(self._new_data(X)).argmax(axis=1)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Responsibilities, (n_samples, n_components): rows sum to 1."""
        return self.mixture_.responsibilities(self._new_data(X))

    def score_samples(self, X: ArrayLike) -> Array:
        """Log density of every sample, (n_samples,), nats."""
        return self.mixture_.log_density(self._new_data(X))

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Mean log density of the samples, nats per sample."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1) -> tuple[Array, Array]:
        """Draw from the fitted mixture: X (n_samples, n_features) and labels (n_samples,)."""
        check_is_fitted(self)
        return self.mixture_.sample(n_samples, self.random_state)

    # --- model selection: the lower the better -----------------------------------------------------------

    def aic(self, X: ArrayLike) -> float:
        """Akaike's information criterion, -2 log L + 2 p (Akaike 1974)."""
        return float(-2 * self.score_samples(X).sum() + 2 * self.mixture_.n_parameters)

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion, -2 log L + p log N (Schwarz 1978)."""
        log_density = self.score_samples(X)
        return float(-2 * log_density.sum() + self.mixture_.n_parameters * np.log(len(log_density)))

    def icl(self, X: ArrayLike) -> float:
        """Integrated completed likelihood: BIC plus twice the entropy of the responsibilities.

        It asks for components that are clusters: overlapping ones cost (Biernacki, Celeux & Govaert 2000, in its
        soft form, McLachlan & Peel 2000, section 6.10.3).
        """
        responsibilities = self.predict_proba(X)
        entropy = -(responsibilities * np.log(np.where(responsibilities > 0, responsibilities, 1))).sum()
        return float(self.bic(X) + 2 * entropy)


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
        X = self._validated(X, reset=True)
        if len(X) < self.n_clusters:
            raise ValueError(f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}.")
        n_init = self._number_of_runs()
        rng = check_random_state(self.random_state)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        stop = _centres_settled(self.tol * X.var(axis=0).mean())
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
            new_labels = _nearest(X, trace[-1].mixture.means, X.mean(axis=0))
            # A run with the same clusters under other numbers can win by rounding alone; it does not count.
            if (
                labels is None
                or best is None
                or (trace.objective[-1] > best.objective[-1] and not _same_clusters(new_labels, labels))
            ):
                labels, best = new_labels, trace
        assert labels is not None  # n_init is at least 1
        assert best is not None
        found = len(np.unique(labels))
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters ({self.n_clusters}). Possibly "
                "due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=2,
            )
        self.trace_, self.traces_ = best, traces
        self.labels_ = labels
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
        middle = X.mean(axis=0)
        if isinstance(self.init, str):
            centres, _ = kmeans_plusplus(X - middle, self.n_clusters, sample_weight=sample_weight, random_state=rng)
            return centres + middle
        if callable(self.init):
            centres = check_array(self.init(X - middle, self.n_clusters, random_state=rng), dtype=X.dtype)
            return self._checked_centres(centres, X) + middle
        return self._checked_centres(check_array(self.init, dtype=X.dtype, copy=True), X)

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
        return _nearest(self._new_data(X), self.cluster_centers_, self.cluster_centers_.mean(axis=0))

    def transform(self, X: ArrayLike) -> Array:
        """Distances of the samples to the centres, (n_samples, n_clusters)."""
        return euclidean_distances(self._new_data(X), self.cluster_centers_)

    def score(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the inertia of X about the fitted centres."""
        X = self._new_data(X)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        labels = _nearest(X, self.cluster_centers_, self.cluster_centers_.mean(axis=0))
        return -inertia(X, labels, self.cluster_centers_, weights)


def _best(traces: list[Trace]) -> Trace:
    """Run that got highest before its last M-step, as scikit-learn ranks them.

    Runs that reach the same peak differ by rounding only; the first of them is kept, so that the numbers of the
    components do not depend on the machine.
    """
    if len(traces[0]) == 1:
        return traces[-1]
    heights = np.array([trace.objective[-2] for trace in traces])
    return traces[int(np.argmax(heights >= heights.max() - 1e-10 * abs(heights.max())))]


def _nearest(X: Array, centres: Array, origin: Array) -> Array:
    return assign(X - origin, centres - origin).astype(np.int32)


def _centres_settled(tol: float) -> StoppingRule:
    """scikit-learn's rule for k-means: the squared movement of all centres is at most ``tol``."""

    def rule(snapshots: list[Snapshot]) -> Outcome | None:
        movement = np.square(snapshots[-1].mixture.means - snapshots[-2].mixture.means).sum()
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


def _checked(values: ArrayLike, shape: tuple[int, ...], name: str) -> Array:
    array = check_array(values, dtype=[np.float64, np.float32], ensure_2d=False, allow_nd=True)
    if array.shape != shape:
        raise ValueError(f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}")
    return array


def _checked_weights(values: ArrayLike, n_components: int) -> Array:
    weights = _checked(values, (n_components,), "weights")
    if (weights < 0).any() or (weights > 1).any():
        raise ValueError(
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{weights.max():.5f}, min value {weights.min():.5f}"
        )
    if abs(1 - weights.sum()) > (1e-6 if weights.dtype == np.float32 else 1e-8):
        raise ValueError(f"The parameter 'weights' should be normalized, but got sum(weights) = {weights.sum():.5f}")
    return weights


def _inverted(values: ArrayLike, covariance_type: str, shape: tuple[int, int]) -> Array:
    """Covariances from the precisions a user gave."""
    precisions = _checked(values, covariance_type_of(covariance_type).shape(*shape), f"{covariance_type} precision")
    if covariance_type in ("diag", "spherical"):
        if (precisions <= 0).any():
            raise ValueError(f"'{covariance_type} precision' should be positive")
        return 1 / precisions
    symmetric = np.allclose(precisions, np.swapaxes(precisions, -1, -2))
    if not symmetric or (np.linalg.eigvalsh(precisions) <= 0).any():
        raise ValueError(f"'{covariance_type} precision' should be symmetric, positive-definite")
    return np.linalg.inv(precisions)


class _Progress:
    """Print what scikit-learn's ``verbose`` prints, listening to the snapshots as they pass."""

    def __init__(self, verbose: int, interval: int, run: int, n_samples: int) -> None:
        self.verbose, self.interval, self.n_samples = verbose, interval, n_samples
        self.begin = self.last = perf_counter()
        if verbose:
            print(f"Initialization {run}")

    def listen(self, snapshots: Any) -> Any:
        before = -np.inf
        for snapshot in snapshots:
            yield snapshot
            if self.verbose and (snapshot.iteration + 1) % self.interval == 0:
                now = perf_counter()
                change = (snapshot.objective - before) / self.n_samples
                detail = f"\t time lapse {now - self.last:.5f}s\t ll change {change:.5f}" if self.verbose > 1 else ""
                print(f"  Iteration {snapshot.iteration + 1}{detail}")
                self.last = now
            before = snapshot.objective

    def finish(self, trace: Trace) -> None:
        if self.verbose:
            verdict = "converged" if trace.outcome in ("converged", "decreased") else "did not converge"
            bound = trace.objective[max(len(trace) - 2, 0)] / self.n_samples
            lapse = f" time lapse {perf_counter() - self.begin:.5f}s\t lower bound {bound:.5f}."
            print(f"Initialization {verdict}.{lapse if self.verbose > 1 else ''}")
