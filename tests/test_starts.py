"""Starting points: the four ways, what can be given instead, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gmmteach import Mixture, Trace, em, m_step
from gmmteach.covariance import CollapseError
from gmmteach.datasets import load_faithful, make_overlapping_blobs
from gmmteach.starts import INIT_PARAMS, POINT_STARTS, starting_mixture, starting_responsibilities

each_way = pytest.mark.parametrize("init_params", INIT_PARAMS)


@pytest.fixture
def X() -> Any:
    return load_faithful().data


def test_there_are_four_ways() -> None:
    assert INIT_PARAMS == ("kmeans", "k-means++", "random", "random_from_data")
    assert set(POINT_STARTS) < set(INIT_PARAMS)
    with pytest.raises(ValueError, match="init_params is 'best', but it must be one of kmeans, k-means"):
        starting_mixture(np.zeros((4, 1)), 2, init_params="best")


@each_way
def test_responsibilities_to_start_from(X: Any, init_params: str) -> None:
    responsibilities = starting_responsibilities(X, 3, init_params, 0)
    assert responsibilities.shape == (len(X), 3)
    rows = responsibilities.sum(axis=1)
    if init_params in POINT_STARTS:
        assert set(np.unique(responsibilities)) == {0, 1}
        assert_array_equal(responsibilities.sum(axis=0), 1)
        assert rows.sum() == 3
        assert len(np.unique(X[responsibilities.argmax(axis=0)], axis=0)) == 3
    else:
        assert_allclose(rows, 1, rtol=1e-14)
        assert (set(np.unique(responsibilities)) == {0, 1}) == (init_params == "kmeans")


@each_way
def test_the_same_seed_is_the_same_start(X: Any, init_params: str, covariance_type: str) -> None:
    def start(seed: Any) -> Mixture:
        return starting_mixture(X, 3, covariance_type=covariance_type, init_params=init_params, random_state=seed)

    assert start(0).covariance_type == covariance_type
    assert start(0).means.shape == (3, 2)
    assert_array_equal(start(0).means, start(np.random.RandomState(0)).means)
    assert_array_equal(start(0).covariances, start(0).covariances)
    assert not np.array_equal(start(0).means, start(1).means)


@pytest.mark.parametrize("init_params", ["kmeans", "random"])
def test_a_start_is_an_m_step(X: Any, init_params: str, covariance_type: str) -> None:
    responsibilities = starting_responsibilities(X, 3, init_params, 5)
    expected = m_step(X, responsibilities, covariance_type, 1e-3)
    start = starting_mixture(
        X, 3, covariance_type=covariance_type, init_params=init_params, reg_covar=1e-3, random_state=5
    )
    for got, wanted in zip((start.weights, start.means, start.covariances), expected, strict=True):
        assert_array_equal(got, wanted)


@pytest.mark.parametrize("init_params", POINT_STARTS)
def test_a_start_from_points_begins_at_points(X: Any, init_params: str, covariance_type: str) -> None:
    start = starting_mixture(X, 3, covariance_type=covariance_type, init_params=init_params, random_state=2)
    assert_allclose(start.weights, 1 / 3, rtol=1e-12)
    for mean in start.means:
        assert np.abs(X - mean).max(axis=1).min() < 1e-10
    # and EM spreads out from there
    trace = Trace.record(em(X, start, reg_covar=1e-6), X, tol=0, max_iter=5)
    assert trace.objective[-1] > trace.objective[0]


@pytest.mark.parametrize("init_params", POINT_STARTS)
@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_a_start_from_points_stands_far_from_the_origin_too(
    init_params: str, covariance_type: str, offset: float
) -> None:
    X, _ = make_overlapping_blobs(100, n_components=2)
    X = X + offset
    start = starting_mixture(X, 2, covariance_type=covariance_type, init_params=init_params, random_state=0)
    trace = Trace.record(em(X, start), X, tol=0, max_iter=30)
    assert trace.outcome == "out of iterations"
    assert np.isfinite(trace.objective).all()
    assert (np.abs(trace.means[-1] - offset) < 10).all()
    assert (np.linalg.eigvalsh(trace[-1].mixture.dense_covariances) < 10).all()


def test_what_is_given_is_used(X: Any) -> None:
    weights, means = np.array([0.3, 0.7]), np.array([[2.0, 50.0], [4.0, 80.0]])
    covariances = np.stack([np.diag([1.0, 30.0])] * 2)
    start = starting_mixture(X, 2, means=means, random_state=0)
    assert_array_equal(start.means, means)
    estimated = starting_mixture(X, 2, random_state=0)
    assert_array_equal(start.weights, estimated.weights)
    assert_array_equal(start.covariances, estimated.covariances)
    start = starting_mixture(X, 2, weights=weights, covariances=covariances, random_state=0)
    assert_array_equal(start.weights, weights)
    assert_array_equal(start.covariances, covariances)
    assert_array_equal(start.means, estimated.means)


def test_when_everything_is_given_no_random_number_is_drawn(X: Any) -> None:
    rng = np.random.RandomState(0)
    before = rng.get_state()[1].copy()
    starting_mixture(
        X,
        2,
        random_state=rng,
        weights=np.array([0.5, 0.5]),
        means=np.array([[2.0, 50.0], [4.0, 80.0]]),
        covariances=np.stack([np.eye(2)] * 2),
    )
    assert_array_equal(rng.get_state()[1], before)


@each_way
def test_single_precision_stays_single_and_integers_become_double(init_params: str, covariance_type: str) -> None:
    X, _ = make_overlapping_blobs(100)
    for data, dtype in ((X.astype(np.float32), np.float32), (np.round(10 * X).astype(int), np.float64)):
        start = starting_mixture(
            data, 2, covariance_type=covariance_type, init_params=init_params, random_state=0, reg_covar=1e-3
        )
        assert start.means.dtype == start.covariances.dtype == start.weights.dtype == dtype


def test_a_start_with_no_spread_says_which_component_and_what_to_try() -> None:
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [9.0, 9.0]])
    with pytest.raises(CollapseError) as caught:
        starting_mixture(X, 2, reg_covar=0, random_state=0)
    k = caught.value.component
    assert k in (0, 1)
    assert f"Collapse in the starting point: The covariance of component {k} is not positive definite" in str(
        caught.value
    )
    assert "It holds 1 effective points" in str(caught.value)
    assert "Try fewer components, a larger reg_covar" in str(caught.value)
    starting_mixture(X, 2, reg_covar=1e-6, random_state=0)
