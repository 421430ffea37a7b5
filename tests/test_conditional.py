"""Some features known, others not: marginal and conditional densities.

Densities come from SciPy, regressions from `np.linalg.inv`, and the rest from p(a, b) = p(a) p(b | a).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from gmmteach import Mixture
from gmmteach.conditional import Conditional, patterns


def at_random(X: Any, share: float, seed: int = 0) -> Any:
    """The data with holes that have nothing to do with them (MCAR); some rows may be missing altogether."""
    holes = np.random.RandomState(seed).uniform(size=X.shape) < share
    return np.where(holes, np.nan, X)


def dense(mixture: Mixture, k: int) -> Any:
    """Covariance matrix of component k, written out by the definition of its type."""
    covariances, n_features = mixture.covariances, mixture.n_features
    return {
        "full": lambda: covariances[k],
        "tied": lambda: covariances,
        "diag": lambda: np.diag(covariances[k]),
        "spherical": lambda: covariances[k] * np.eye(n_features),
    }[mixture.covariance_type]()


def independent_log_joint(mixture: Mixture, X: Any) -> Any:
    """Log π_k N(x_o | μ_o, Σ_oo) of every row, by SciPy; where nothing is observed, log π_k."""
    joint = np.tile(np.log(mixture.weights), (len(X), 1))
    for mask in np.unique(np.isnan(X), axis=0):
        rows, observed = (np.isnan(X) == mask).all(axis=1), np.flatnonzero(~mask)
        if len(observed):
            for k, mean in enumerate(mixture.means):
                known = multivariate_normal(mean[observed], dense(mixture, k)[np.ix_(observed, observed)])
                joint[rows, k] += known.logpdf(X[np.ix_(rows, observed)])
    return joint


@pytest.fixture
def mixture(covariance_type: str, rough_start: Any, load: Any) -> Mixture:
    """Three components in four dimensions, with correlations where the type has them."""
    return rough_start(load("iris"), 3, covariance_type)


def test_a_density_with_holes_is_a_marginal_density(mixture: Mixture, load: Any) -> None:
    X = at_random(load("iris"), 0.4)
    X[7] = np.nan
    joint = independent_log_joint(mixture, X)
    assert_allclose(mixture.log_density(X), logsumexp(joint, axis=1), rtol=1e-10, atol=1e-12)
    assert_allclose(mixture.responsibilities(X), np.exp(joint - logsumexp(joint, axis=1, keepdims=True)), rtol=1e-8)
    assert mixture.log_density(X)[7] == pytest.approx(0, abs=1e-12)
    assert_allclose(mixture.responsibilities(X)[7], mixture.weights, rtol=1e-12)
    for rows, observed in patterns(X):
        if len(observed):
            marginal = mixture.marginal(observed.tolist()).log_density(X[np.ix_(rows, observed)])
            assert_allclose(mixture.log_density(X)[rows], marginal, rtol=1e-10)


@pytest.mark.parametrize("known", [[0], [3, 1], [2, 0, 3], [1, 2]])
def test_joint_is_marginal_times_conditional(mixture: Mixture, known: list[int], load: Any) -> None:
    open_ = [d for d in range(4) if d not in known]
    for x in load("iris")[::40]:
        condition = mixture.condition({d: x[d] for d in known})
        assert condition.covariance_type == mixture.covariance_type
        marginal = mixture.marginal(known).log_density([x[known]])
        others = np.vstack([x[open_], x[open_] + 0.3, x[open_] - 1])
        joint = np.tile(x, (3, 1))
        joint[:, open_] = others
        assert_allclose(condition.log_density(others), mixture.log_density(joint) - marginal, rtol=1e-8)


def test_the_order_of_what_is_given_does_not_matter(mixture: Mixture) -> None:
    one, other = mixture.condition({3: 1.2, 0: 5.0}), mixture.condition({0: 5.0, 3: 1.2})
    assert_allclose(one.weights, other.weights, rtol=1e-12)
    assert_allclose(one.means, other.means, rtol=1e-12)
    assert_allclose(one.covariances, other.covariances, rtol=1e-10, atol=1e-12)


def test_a_conditional_in_any_order(load: Any) -> None:
    covariance = np.cov(load("iris").T)
    mean, known, values = load("iris").mean(axis=0), [2, 0], np.array([[4.0, 6.1], [1.0, 5.0]])
    split = Conditional(mean[np.newaxis], covariance[np.newaxis], known)
    assert_array_equal(split.observed, [2, 0])
    assert_array_equal(split.missing, [1, 3])
    a, b = np.ix_(known, known), np.ix_([1, 3], known)
    regression = covariance[b] @ np.linalg.inv(covariance[a])
    assert_allclose(split.means(values)[0], mean[[1, 3]] + (values - mean[known]) @ regression.T, rtol=1e-10)
    left = covariance[np.ix_([1, 3], [1, 3])] - regression @ covariance[b].T
    assert_allclose(split.covariances, [left], rtol=1e-9)
    expected = multivariate_normal(mean[known], covariance[a]).logpdf(values)
    assert_allclose(split.log_density(values)[0], expected, rtol=1e-10)


def test_patterns_are_all_rows_once(load: Any) -> None:
    X = at_random(load("iris"), 0.5)
    rows = np.concatenate([rows for rows, _ in patterns(X)])
    assert_array_equal(np.sort(rows), np.arange(len(X)))
    for rows, observed in patterns(X):
        assert np.isfinite(X[np.ix_(rows, observed)]).all()
        assert np.isfinite(X[rows]).sum() == len(rows) * len(observed)


def test_given_values_must_make_sense(mixture: Mixture) -> None:
    with pytest.raises(ValueError, match="features must be different numbers from 0 to 3"):
        mixture.condition({4: 1.0})
    with pytest.raises(ValueError, match="features must be different numbers"):
        mixture.condition({})
    with pytest.raises(ValueError, match="every feature is given"):
        mixture.condition({0: 1.0, 1: 2.0, 2: 3.0, 3: 1.0})


def test_far_away_one_component_is_left(mixture: Mixture) -> None:
    """Weights of a condition are responsibilities: they do not underflow, however far the value is."""
    condition = mixture.condition({0: 1e4})
    assert np.isfinite(condition.weights).all()
    assert condition.weights.sum() == pytest.approx(1, rel=1e-12)


def test_single_precision_stays_single(load: Any) -> None:
    X = load("iris").astype(np.float32)
    covariance = np.cov(X.T).astype(np.float32)
    mixture = Mixture([0.5, 0.5], X[[0, 100]], np.stack([covariance, covariance / 2]))
    with_holes = at_random(X, 0.3).astype(np.float32)
    assert mixture.log_density(with_holes).dtype == np.float32
    assert mixture.condition({1: 3.0}).means.dtype == np.float32
    double = Mixture(mixture.weights, mixture.means.astype(float), mixture.covariances.astype(float))
    assert_allclose(mixture.log_density(with_holes), double.log_density(with_holes), atol=1e-3)
