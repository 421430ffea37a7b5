"""scikit-learn's BayesianGaussianMixture, with the run it made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import sklearn.mixture
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from ..covariance import Array
from ..mixture import Mixture, RandomState
from ..starts import INIT_PARAMS, Init, starting_moments
from ..trace import Outcome, Snapshot, StoppingRule
from ..variational import (
    Posterior,
    Prior,
    VariationalSnapshot,
    default_prior,
    variational_em,
    variational_m_step,
)
from .base import BaseMixture, checked, positive_definite


class BayesianGaussianMixture(BaseMixture):
    """Bayesian Gaussian mixture, fitted by variational EM: `sklearn.mixture.BayesianGaussianMixture` with its trace.

    Components that the data do not need lose their weight; ``trace_`` shows how.

    Parameters
    ----------
    n_components : int, default=1
        At most so many are used.
    covariance_type : {'full', 'tied', 'diag', 'spherical'}, default='full'
    tol : float, default=1e-3
        Stop when ``lower_bound_`` changes by less, in nats: of all samples together, unlike in `GaussianMixture`.
    reg_covar : float, default=1e-6
        Added to every variance found in the data, in squared units of the data.
    max_iter : int, default=100
    n_init : int, default=1
        Runs to make; the best one is kept.
    init_params : {'kmeans', 'k-means++', 'random', 'random_from_data'}, default='kmeans'
        Or labels (n_samples,), responsibilities (n_samples, n_components), a `Mixture`, or a function of
        ``(X, n_components, random_state)`` that returns one of these.
    weight_concentration_prior_type : {'dirichlet_process', 'dirichlet_distribution'}, default='dirichlet_process'
    weight_concentration_prior : float, optional
        The smaller, the fewer components are kept; 1 / n_components by default.
    mean_precision_prior : float, optional
        How many samples the prior of a mean is worth; 1 by default.
    mean_prior : (n_features,), optional
        The mean of X by default.
    degrees_of_freedom_prior : float, optional
        How many samples the prior of a covariance is worth; n_features by default.
    covariance_prior : (D, D) for full and tied, (D,) for diag, float for spherical, optional
        Times the degrees of freedom what is expected of a covariance; the covariance of X by default.
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
    weight_concentration_ : (n_components,), or for the Dirichlet process a tuple of two of these
    mean_precision_, degrees_of_freedom_ : (n_components,)
        For 'tied' one number of degrees of freedom.
    weight_concentration_prior_, mean_precision_prior_, mean_prior_, degrees_of_freedom_prior_, covariance_prior_
    converged_ : bool
    n_iter_ : int
    lower_bound_ : float
        scikit-learn's: the evidence lower bound between the last E-step and the last M-step, without its constants.
        The whole bound is ``trace_.objective[-1]``.
    lower_bounds_ : list of float, one for each iteration
    n_features_in_ : int
    feature_names_in_ : (n_features_in_,), where X has names
    trace_ : Trace
        The run that was kept; ``len(trace_) == n_iter_ + 1``. It refers to X and does not copy it.
    traces_ : list of Trace, one for each of ``n_init`` runs
    mixture_ : Mixture
        Weights, means and covariances as a value.
    posterior_ : Posterior
        What is believed of them, as a value.

    References
    ----------
    Bishop (2006), section 10.2; Blei & Jordan (2006). See `gmmteach.variational` for the model behind each type.

    Examples
    --------
    >>> from gmmteach import BayesianGaussianMixture
    >>> from gmmteach.datasets import load_faithful
    >>> model = BayesianGaussianMixture(n_components=6, max_iter=1000, random_state=0).fit(load_faithful().data)
    >>> int((model.weights_ > 0.01).sum())
    2
    """

    _parameter_constraints = {  # noqa: RUF012  scikit-learn's own way
        **sklearn.mixture.BayesianGaussianMixture._parameter_constraints,
        "init_params": [StrOptions(set(INIT_PARAMS)), "array-like", Mixture, callable],
    }

    def __init__(
        self,
        *,
        n_components: int = 1,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: Init = "kmeans",
        weight_concentration_prior_type: str = "dirichlet_process",
        weight_concentration_prior: float | None = None,
        mean_precision_prior: float | None = None,
        mean_prior: ArrayLike | None = None,
        degrees_of_freedom_prior: float | None = None,
        covariance_prior: ArrayLike | None = None,
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
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    # --- fitting, as BaseMixture asks -----------------------------------------------------------------------

    def _run(self, X: Array, sample_weight: Array | None, init: Any, rng: np.random.RandomState) -> Iterator[Snapshot]:
        prior = self._prior(X, sample_weight)
        moments = starting_moments(X, self.n_components, self.covariance_type, init, self.reg_covar, rng, sample_weight)
        start = variational_m_step(prior, *moments)
        return variational_em(X, start, prior=prior, reg_covar=self.reg_covar, sample_weight=sample_weight)

    def _continue(self, X: Array, sample_weight: Array | None) -> Iterator[Snapshot]:
        prior = self._prior(X, sample_weight)
        return variational_em(X, self.posterior_, prior=prior, reg_covar=self.reg_covar, sample_weight=sample_weight)

    def _stop(self, total_weight: float, continuing: bool) -> StoppingRule:
        bounds = [self.lower_bound_ if continuing else -np.inf]

        def rule(snapshots: list[Snapshot]) -> Outcome | None:
            bounds.append(self._bound(snapshots[-2], snapshots[-1], total_weight))
            before, after = bounds[-2:]
            if not abs(after - before) < self.tol:
                return None
            if after < before - 1e-12 * abs(snapshots[-1].objective):
                return Outcome("decreased", f"The bound fell by {before - after:.3g}, within the tolerance.")
            return Outcome("converged", f"The bound rose by {after - before:.3g}, less than tol={self.tol:g}.")

        return rule

    def _bound(self, before: Snapshot, after: Snapshot, total_weight: float) -> float:
        return _lower_bound(before, after)

    def _keep(self, snapshot: Snapshot) -> None:
        super()._keep(snapshot)
        prior, posterior = (getattr(snapshot, name) for name in ("prior", "posterior"))
        self.weight_concentration_prior_ = prior.weight_concentration
        self.mean_precision_prior_ = prior.mean_precision
        self.mean_prior_ = prior.mean.copy()
        self.degrees_of_freedom_prior_ = prior.degrees_of_freedom
        self.covariance_prior_ = prior.covariance.copy()[()]  # a number where it has no dimensions
        concentration = posterior.weight_concentration.copy()
        self.weight_concentration_ = concentration if concentration.ndim == 1 else tuple(concentration)
        self.mean_precision_ = posterior.mean_precision.copy()
        freedom = posterior.degrees_of_freedom
        self.degrees_of_freedom_ = freedom[0] / self.n_components if self._tied else freedom.copy()

    def _prior(self, X: Array, sample_weight: Array | None) -> Prior:
        """Make the prior from what the user gave, and from the data where nothing was given."""
        n_features, freedom = X.shape[1], self.degrees_of_freedom_prior
        mean, covariance = self.mean_prior, self.covariance_prior
        if freedom is not None and freedom <= n_features - 1:
            raise ValueError(
                f"The parameter 'degrees_of_freedom_prior' should be greater than {n_features - 1}, but got "
                f"{freedom:.3f}."
            )
        return default_prior(
            X,
            self.n_components,
            self.covariance_type,
            weight_prior=self.weight_concentration_prior_type,
            weight_concentration=self.weight_concentration_prior,
            mean_precision=self.mean_precision_prior,
            mean=None if mean is None else checked(mean, (n_features,), "means"),
            degrees_of_freedom=freedom,
            covariance=None if covariance is None else _checked_scale(covariance, self.covariance_type, n_features),
            sample_weight=sample_weight,
        )

    # --- the fitted model --------------------------------------------------------------------------------

    @property
    def posterior_(self) -> Posterior:
        """What is believed of weights, means and covariances, as an immutable `Posterior`."""
        return self._posterior(self.n_components if self._tied else 1)

    def _posterior(self, copies: int) -> Posterior:
        check_is_fitted(self, "means_")
        return Posterior(
            np.asarray(self.weight_concentration_),
            self.mean_precision_,
            self.means_,
            copies * np.atleast_1d(self.degrees_of_freedom_),
            self.covariances_,
            self.covariance_type,
        )

    @property
    def _tied(self) -> bool:
        return self.covariance_type == "tied"

    def _log_joint(self, X: Array) -> Array:
        # With scikit-learn's degrees of freedom, so that densities are its own; for 'tied' a constant apart from ln ρ.
        return self._posterior(copies=1).log_joint(X)


def _lower_bound(before: Snapshot, after: Snapshot) -> float:
    """scikit-learn's lower bound of an iteration: the responsibilities of before, the parameters of after.

    What does not change in a run is left out: after an M-step the bound is the entropy of the responsibilities plus the
    logarithms of what normalises q(π), q(μ) and q(Λ). For 'tied' scikit-learn counts K Wishart distributions, each with
    a K-th of the degrees of freedom; that changes the constants only.
    """
    terms = cast(VariationalSnapshot, before).terms
    posterior = cast(VariationalSnapshot, after).posterior
    n_components, n_features = posterior.means.shape
    copies = n_components if posterior.covariance_type == "tied" else 1
    freedom = posterior.degrees_of_freedom.astype(np.float64) / copies
    log_determinants = posterior.log_scale_determinants + n_features * np.log(copies)
    halves = (freedom - np.arange(n_features)[:, np.newaxis]) / 2
    wisharts = freedom / 2 * (log_determinants + n_features * np.log(2)) + gammaln(halves).sum(axis=0)
    concentration = posterior.weight_concentration.astype(np.float64)
    if posterior.weight_prior == "dirichlet_process":
        weights = betaln(*concentration).sum()
    else:
        weights = gammaln(concentration).sum() - gammaln(concentration.sum())
    means = -n_features / 2 * np.log(posterior.mean_precision.astype(np.float64)).sum()
    return float(-terms.q_assignments + copies * wisharts.sum() + weights + means)


def _checked_scale(values: ArrayLike, covariance_type: str, n_features: int) -> Array:
    """Covariance of the prior that a user gave: of the right shape, and positive definite."""
    name = f"{covariance_type} covariance_prior"
    if covariance_type == "spherical":
        scale = np.asarray(values, dtype=np.float64)
        if scale.shape != () or not 0 < scale < np.inf:
            raise ValueError(f"The parameter '{name}' should be a positive number, but got {values!r}")
        return scale
    is_matrix = covariance_type in ("full", "tied")
    scale = checked(values, (n_features,) * (2 if is_matrix else 1), name)
    if not is_matrix and (scale <= 0).any():
        raise ValueError(f"The parameter '{name}' should be positive, but its smallest value is {scale.min():.3g}")
    if is_matrix and not positive_definite(scale):
        raise ValueError(f"The parameter '{name}' should be symmetric, positive-definite")
    return scale
