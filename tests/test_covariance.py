"""The four covariance types: each question they answer, against matrices written out and plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from gmmteach.covariance import COVARIANCE_TYPES, CollapseError, blocks, covariance_type_of

K, D, N = 3, 4, 50


def parameters(covariance_type: str, seed: int = 0) -> Any:
    rng = np.random.RandomState(seed)
    if covariance_type == "spherical":
        return rng.uniform(0.5, 3, K)
    if covariance_type == "diag":
        return rng.uniform(0.5, 3, (K, D))
    factors = rng.standard_normal((D, D) if covariance_type == "tied" else (K, D, D))
    return factors @ np.swapaxes(factors, -1, -2) + 0.3 * np.eye(D)


def dense(covariance_type: str, covariances: Any) -> Any:
    return {
        "full": lambda: covariances,
        "tied": lambda: np.stack([covariances] * K),
        "diag": lambda: np.stack([np.diag(variances) for variances in covariances]),
        "spherical": lambda: np.stack([variance * np.eye(D) for variance in covariances]),
    }[covariance_type]()


def samples(seed: int = 1) -> tuple[Any, Any, Any]:
    rng = np.random.RandomState(seed)
    return rng.standard_normal((N, D)), rng.dirichlet([0.4, 1, 2], N), rng.standard_normal((K, D))


@pytest.fixture
def kind(covariance_type: str) -> Any:
    return covariance_type_of(covariance_type)


def test_there_are_four_types_by_name() -> None:
    assert list(COVARIANCE_TYPES) == ["full", "tied", "diag", "spherical"]
    assert all(kind.name == name for name, kind in COVARIANCE_TYPES.items())
    with pytest.raises(ValueError, match="covariance_type is 'round', but it must be one of full, tied, diag, spheri"):
        covariance_type_of("round")


def test_shape_and_number_of_parameters(kind: Any) -> None:
    assert kind.shape(K, D) == parameters(kind.name).shape
    expected = {"full": K * D * (D + 1) // 2, "tied": D * (D + 1) // 2, "diag": K * D, "spherical": K}
    assert kind.n_parameters(K, D) == expected[kind.name]


def test_dense_writes_the_matrices_out(kind: Any) -> None:
    covariances = parameters(kind.name)
    assert_array_equal(kind.dense(covariances, K, D), dense(kind.name, covariances))


def test_the_precision_factor_is_triangular_and_inverts_the_covariance(kind: Any) -> None:
    covariances = parameters(kind.name)
    factor = kind.precision_cholesky(covariances)
    inverse = np.linalg.inv(dense(kind.name, covariances))
    if kind.name in ("full", "tied"):
        assert_array_equal(factor, np.triu(factor))
        assert (np.diagonal(factor, axis1=-2, axis2=-1) > 0).all()
        precision = factor @ np.swapaxes(factor, -1, -2)
        assert_allclose(precision, inverse if kind.name == "full" else inverse[0], rtol=1e-9)
    else:
        assert_allclose(dense(kind.name, factor**2), inverse, rtol=1e-12)


def test_log_determinants(kind: Any) -> None:
    covariances = parameters(kind.name)
    expected = -0.5 * np.linalg.slogdet(dense(kind.name, covariances))[1]
    got = kind.log_determinants(kind.precision_cholesky(covariances), D)
    assert_allclose(np.broadcast_to(got, K), expected, rtol=1e-12)


def test_squared_distances_are_mahalanobis(kind: Any) -> None:
    X, _, means = samples()
    covariances = parameters(kind.name)
    got = kind.squared_distances(X.T, means, kind.precision_cholesky(covariances))
    for k, matrix in enumerate(dense(kind.name, covariances)):
        expected = cdist(X, means[[k]], "mahalanobis", VI=np.linalg.inv(matrix))[:, 0] ** 2
        assert_allclose(got[k], expected, rtol=1e-9)


def test_scatter_is_the_weighted_sum_of_squares(kind: Any) -> None:
    X, shares, means = samples()
    full = np.array(
        [sum(g * np.outer(x - means[k], x - means[k]) for g, x in zip(shares[:, k], X, strict=True)) for k in range(K)]
    )
    expected = {
        "full": full,
        "tied": full.sum(axis=0),
        "diag": np.diagonal(full, axis1=1, axis2=2),
        "spherical": np.trace(full, axis1=1, axis2=2) / D,
    }[kind.name]
    got = kind.scatter(X.T, shares.T, means)
    assert_allclose(got, expected, rtol=1e-10, atol=1e-12)
    counts = shares.sum(axis=0)
    assert_allclose(
        kind.covariances(got, counts),
        expected / (counts.sum() if kind.name == "tied" else counts.reshape(K, *[1] * (expected.ndim - 1))),
        rtol=1e-10,
        atol=1e-12,
    )


def test_scatter_adds_up_over_the_samples(kind: Any) -> None:
    X, shares, means = samples()
    halves = sum(kind.scatter(X[part].T, shares[part].T, means) for part in (slice(0, 17), slice(17, N)))
    assert_allclose(halves, kind.scatter(X.T, shares.T, means), rtol=1e-12, atol=1e-13)


def test_add_to_diagonal_touches_variances_only(kind: Any) -> None:
    covariances = parameters(kind.name)
    before = covariances.copy()
    added = kind.add_to_diagonal(covariances, 0.25)
    assert_array_equal(covariances, before)
    assert_allclose(dense(kind.name, added), dense(kind.name, before) + 0.25 * np.eye(D), rtol=1e-14)


def test_marginal_keeps_the_chosen_rows_and_columns(kind: Any) -> None:
    covariances = parameters(kind.name)
    for features in ([2], [3, 0], [1, 2, 3]):
        chosen = kind.marginal(covariances, features)
        assert chosen.shape == kind.shape(K, len(features))
        expected = dense(kind.name, covariances)[:, features][:, :, features]
        assert_array_equal(kind.dense(chosen, K, len(features)), expected)


def test_float32_stays_float32(kind: Any) -> None:
    X, shares, means = (array.astype(np.float32) for array in samples())
    covariances = parameters(kind.name).astype(np.float32)
    factor = kind.precision_cholesky(covariances)
    scatter = kind.scatter(X.T, shares.T, means)
    for array in (
        *(factor, scatter, kind.add_to_diagonal(covariances, 1e-6), kind.dense(covariances, K, D)),
        *(kind.log_determinants(factor, D), kind.squared_distances(X.T, means, factor)),
        *(kind.covariances(scatter, shares.sum(axis=0)), kind.marginal(covariances, [0, 1])),
    ):
        assert array.dtype == np.float32


@pytest.mark.parametrize("n_samples", [1, 255, 256, 10_000, 40_000])
@pytest.mark.parametrize("n_features", [1, 2, 300])
def test_blocks_hold_every_sample_once_and_in_order(n_samples: int, n_features: int) -> None:
    X = np.arange(float(n_samples * n_features)).reshape(n_samples, n_features)
    parts = list(blocks(X))
    assert_array_equal(np.concatenate([columns.T for _, columns in parts]), X)
    assert_array_equal(np.concatenate([X[rows] for rows, _ in parts]), X)
    assert all(columns.flags.c_contiguous for _, columns in parts)


# --- collapse ----------------------------------------------------------------------------------------------


def broken(covariance_type: str, k: int) -> Any:
    """Covariances of which that of component k (or the shared one) is no covariance."""
    covariances = parameters(covariance_type).copy()
    if covariance_type == "full":
        covariances[k, 0, 0] = -1.0
    elif covariance_type == "tied":
        covariances[0, 0] = -1.0
    elif covariance_type == "diag":
        covariances[k, 2] = 0.0
    else:
        covariances[k] = -0.5
    return covariances


@pytest.mark.parametrize("k", range(K))
def test_a_broken_covariance_is_named(kind: Any, k: int) -> None:
    with pytest.raises(CollapseError, match="not positive definite") as caught:
        kind.precision_cholesky(broken(kind.name, k))
    assert caught.value.component == (None if kind.name == "tied" else k)
    whose = "The shared covariance" if kind.name == "tied" else f"The covariance of component {k} "
    assert whose in str(caught.value)
    value = {"full": "-", "tied": "-", "diag": "smallest variance is 0", "spherical": "smallest variance is -0.5"}
    assert value[kind.name] in str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert caught.value.trace is None


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_singular_to_rounding_is_singular_whatever_the_units(covariance_type: str, scale: float) -> None:
    """The factorisation of a rank-deficient matrix can slip through; its last pivot is rounding all the same."""
    kind = covariance_type_of(covariance_type)
    rng = np.random.RandomState(5)
    for _ in range(20):
        points = rng.standard_normal((3, D))  # three points in four dimensions: rank 2
        points -= points.mean(axis=0)
        flat = scale * points.T @ points
        covariances = flat if covariance_type == "tied" else np.stack([scale * np.eye(D), flat, scale * np.eye(D)])
        with pytest.raises(CollapseError) as caught:
            kind.precision_cholesky(covariances)
        assert caught.value.component == (None if covariance_type == "tied" else 1)


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_features_in_very_different_units_are_not_a_collapse(covariance_type: str) -> None:
    kind = covariance_type_of(covariance_type)
    units = np.array([1e-9, 1e9, 1.0, 1e4])
    covariances = parameters(covariance_type)
    factor = kind.precision_cholesky(covariances * np.outer(units, units))
    assert_allclose(factor * units[:, np.newaxis], kind.precision_cholesky(covariances), rtol=1e-9)


def test_a_nearly_flat_ellipse_is_still_an_ellipse() -> None:
    correlation = 1 - 1e-12
    covariance = np.array([[[1, correlation], [correlation, 1]]])
    factor = covariance_type_of("full").precision_cholesky(covariance)
    assert_allclose(factor[0, 1, 1] ** -2, 1 - correlation**2, rtol=1e-3)
