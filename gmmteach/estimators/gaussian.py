"""scikit-learn's GaussianMixture, with the run it made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Self

import numpy as np
import sklearn.mixture
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from ..acceleration import accelerated_em
from ..covariance import Array, covariance_type_of
from ..distributed import DaskSamples, in_rows
from ..em import em
from ..missing import Incomplete, fill_with_means, impute
from ..mixture import Mixture, RandomState
from ..online import OBJECTIVE, judged, learn
from ..starts import INIT_PARAMS, Init, starting_mixture, starts_from_points
from ..statistics import Samples, Source
from ..trace import Outcome, Snapshot, StoppingRule, Trace, is_lazy, settled
from .base import BaseMixture, checked, positive_definite

ROWS_TO_START = 10_000  # of a Dask array, that are brought here for the start


class GaussianMixture(BaseMixture):
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
        Or labels (n_samples,), responsibilities (n_samples, n_components), a `Mixture`, or a function of
        ``(X, n_components, random_state)`` that returns one of these.
    weights_init : (n_components,), optional
    means_init : (n_components, n_features), optional
    precisions_init : inverse covariances in the shape of the covariance type, optional
    random_state : int, RandomState or None, default=None
    warm_start : bool, default=False
        Let the next call of `fit` go on from where this one ended.
    verbose : int, default=0
    verbose_interval : int, default=10
    missing : {'error', 'marginalize'}, default='error'
        What to do about NaN in X. 'marginalize' sums missing values out: exact maximum likelihood for data missing at
        random (Ghahramani & Jordan 1994); every method then takes NaN, and `impute` fills it in.
    accelerate : bool, default=False
        Jump ahead after every second step, where that leads higher (SQUAREM, Varadhan & Roland 2008): the same kind
        of peak, in far fewer steps where components overlap.

    Attributes
    ----------
    weights_ : (n_components,)
    means_ : (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : in the shape of the covariance type
    converged_ : bool
        scikit-learn's rule; ``trace_.outcome`` says more, and does not call a run that ended falling converged.
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
    weight_seen_ : float
        How many samples the parameters were learned from; the sum of their weights.

    Notes
    -----
    X and sample_weight may be Dask arrays (extra ``dask``): then `fit` computes sums where the chunks live, and only
    K × features numbers travel. Use ``X.persist()`` first if the workers have room for X, or it is computed again in
    every iteration. The start comes from 10,000 rows chosen at random by ``random_state``, or from all if there are no
    more; it cannot be labels or responsibilities. `predict`, `predict_proba` and `score_samples` answer with a Dask
    array, `score`, `bic`, `aic` and `icl` with a number; ``trace_.X`` stays a Dask array.

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

    _parameter_constraints = {  # noqa: RUF012  scikit-learn's own way
        **sklearn.mixture.GaussianMixture._parameter_constraints,
        "missing": [StrOptions({"error", "marginalize"})],
        "accelerate": ["boolean"],
        "init_params": [StrOptions(set(INIT_PARAMS)), "array-like", Mixture, callable],
    }

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: Init = "kmeans",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: RandomState = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        missing: str = "error",
        accelerate: bool = False,
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
        self.missing = missing
        self.accelerate = accelerate

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "marginalize"
        return tags

    # --- fitting, as BaseMixture asks -----------------------------------------------------------------------

    def _data_to_fit(self, X: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Any, Array | None, Any]:
        if not is_lazy(X):
            return super()._data_to_fit(X, sample_weight)
        if not isinstance(self.init_params, str | Mixture) and not callable(self.init_params):
            raise ValueError(
                "init_params cannot be labels or responsibilities for a Dask array: make a Mixture of them, or give "
                "means_init, weights_init and precisions_init."
            )
        everything = validate_data(self, in_rows(X), skip_check_array=True)
        return everything, DaskSamples(everything, sample_weight), None, self.init_params

    def _new_data(self, X: ArrayLike) -> Array:
        if not is_lazy(X):
            return super()._new_data(X)
        check_is_fitted(self)
        return validate_data(self, in_rows(X), skip_check_array=True, reset=False)

    def _run(self, X: Array, sample_weight: Array | None, init: Any, rng: np.random.RandomState) -> Iterator[Snapshot]:
        data = self._source(X, sample_weight)  # says what is wrong with the data before a start is made of them
        known = X.rows(ROWS_TO_START, rng) if isinstance(X, DaskSamples) else (X, sample_weight)
        return self._algorithm(data, self._start(*known, init, rng), reg_covar=self.reg_covar)

    def _continue(self, X: Array, sample_weight: Array | None) -> Iterator[Snapshot]:
        return self._algorithm(self._source(X, sample_weight), self.mixture_, reg_covar=self.reg_covar)

    @property
    def _algorithm(self) -> Callable[..., Iterator[Snapshot]]:
        return accelerated_em if self.accelerate else em

    def _stop(self, total_weight: float, continuing: bool) -> StoppingRule:
        return settled(self.tol, total_weight, self.lower_bound_ * total_weight if continuing else -np.inf)

    def _bound(self, before: Snapshot, after: Snapshot, total_weight: float) -> float:
        return before.objective / total_weight

    def _bounds(self, trace: Trace, total_weight: float, continued: bool) -> list[float]:
        bounds = super()._bounds(trace, total_weight, continued)
        if bounds and not continued and self.weights_init is None and starts_from_points(self.init_params):
            # scikit-learn's first E-step from K chosen points uses weights that sum to K / N; the trace has the
            # likelihood of weights that sum to 1, and only this one bound tells the difference.
            bounds[0] += float(np.log(self.n_components / total_weight))
        return bounds

    def _start(self, X: Array, sample_weight: Array | None, init: Any, rng: np.random.RandomState) -> Mixture:
        """Starting mixture: what the user gave, and an M-step from `init_params` for the rest."""
        n_features = X.shape[1]
        X = fill_with_means(X, sample_weight) if self._has_gaps(X) else X
        weights, means, precisions = self.weights_init, self.means_init, self.precisions_init
        return starting_mixture(
            X,
            self.n_components,
            covariance_type=self.covariance_type,
            init_params=init,
            reg_covar=self.reg_covar,
            random_state=rng,
            sample_weight=sample_weight,
            weights=None if weights is None else _checked_weights(weights, self.n_components),
            means=None if means is None else checked(means, (self.n_components, n_features), "means"),
            covariances=None
            if precisions is None
            else _inverted(precisions, self.covariance_type, (self.n_components, n_features)),
        )

    def _source(self, X: Array | DaskSamples, sample_weight: Array | None, may_lack_features: bool = False) -> Source:
        if isinstance(X, DaskSamples):
            return X
        if self._has_gaps(X):
            return Incomplete(X, sample_weight, may_lack_features=may_lack_features)
        return Samples(X, sample_weight)

    def _has_gaps(self, X: Array) -> bool:
        """Whether values are missing in validated data; where they must not be, they have been refused by now."""
        return self.missing == "marginalize" and bool(np.isnan(X).any())

    def _validated(self, X: ArrayLike, **options: Any) -> Array:
        if self.missing == "marginalize":
            return super()._validated(X, ensure_all_finite="allow-nan", **options)
        try:
            return super()._validated(X, **options)
        except ValueError as error:
            if not str(error).startswith("Input X contains NaN"):
                raise
            raise ValueError(
                f"{_where_missing(X)} {type(self).__name__} takes it with missing='marginalize'."
            ) from None

    # --- data that come in batches, or with holes ----------------------------------------------------------

    def partial_fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from one more batch, by online EM with a decreasing step (Cappé & Moulines 2009).

        The first batch gives the start, as in `fit`, unless the model is fitted already: then it goes on from there.
        Let it have some dozens of samples for each component: what begins badly is forgotten only slowly.
        ``trace_`` gets a snapshot for each batch, whose objective is the mean log-likelihood of that batch.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : ignored
        sample_weight : (n_samples,), optional

        Returns
        -------
        self
        """
        self._validate_params()
        begins = not hasattr(self, "weights_")
        X = self._validated(X, reset=begins)
        X, sample_weight, init = self._present(X, sample_weight)
        data = self._source(X, sample_weight, may_lack_features=not begins)
        if begins:
            self._require_samples(X)
            start = self._start(X, sample_weight, init, check_random_state(self.random_state))
        else:
            start = self.mixture_
        streaming = not begins and self.trace_.objective_name == OBJECTIVE
        before = list(self.trace_) if streaming else [judged(0, start, data)]
        seen = 0 if begins else self.weight_seen_
        mixture, seen = learn(start, data, seen, reg_covar=self.reg_covar, batch=len(before))
        snapshot = judged(len(before), mixture, data)
        self.trace_ = Trace([*before, snapshot], X, Outcome("out of iterations", f"{len(before)} batches so far."))
        self.traces_ = [self.trace_]
        self.n_iter_, self.converged_ = len(before), False
        self.lower_bounds_ = self.trace_.objective[1:].tolist()
        self.lower_bound_ = snapshot.objective
        self._keep(snapshot)
        self.weight_seen_ = seen
        return self

    def impute(self, X: ArrayLike, method: str = "mean", *, random_state: RandomState = None) -> Array:
        """Fill in missing values by what the fitted mixture says of them, given the values that are there.

        Parameters
        ----------
        X : (n_samples, n_features), NaN where a value is missing
        method : {'mean', 'sample'}
            'mean': the conditional expectation. 'sample': a draw from the conditional distribution, which keeps the
            spread of the data.
        random_state : int, RandomState or None
            For 'sample': another one for each of several imputations. Default: that of the estimator.

        Returns
        -------
        (n_samples, n_features), a copy without NaN
        """
        check_is_fitted(self)
        X = super()._validated(X, ensure_all_finite="allow-nan", reset=False)
        return impute(self.mixture_, X, method, self.random_state if random_state is None else random_state)


def _where_missing(X: Any) -> str:
    """Say which feature is missing, and where."""
    frame = hasattr(X, "isna")  # pandas knows of more than one kind of nothing
    missing = np.asarray(X.isna()) if frame else np.isnan(np.asarray(X, dtype=np.float64))
    names = getattr(X, "columns", range(missing.shape[1]))
    feature = int(missing.any(axis=0).argmax())
    rows = np.flatnonzero(missing[:, feature])
    return (
        f"Input X contains NaN: feature {names[feature]!r} is missing in {len(rows)} of {len(missing)} samples, first "
        f"in row {rows[0]}; features with holes: {missing.any(axis=0).sum()} of {missing.shape[1]}."
    )


def _checked_weights(values: ArrayLike, n_components: int) -> Array:
    weights = checked(values, (n_components,), "weights")
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
    precisions = checked(values, covariance_type_of(covariance_type).shape(*shape), f"{covariance_type} precision")
    if covariance_type in ("diag", "spherical"):
        if (precisions <= 0).any():
            raise ValueError(f"'{covariance_type} precision' should be positive")
        return 1 / precisions
    if not positive_definite(precisions):
        raise ValueError(f"'{covariance_type} precision' should be symmetric, positive-definite")
    return np.linalg.inv(precisions)
