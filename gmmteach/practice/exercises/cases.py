"""Data to try functions on: unequal weights, two and three features, three components, one far outlier.

Without these several mistakes do not show. Numbers are rounded so that they can be read in a message, and N, K and D
are all different so that arrays in the wrong order do not fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp

from .model import Array

OUTLIER = 60.0  # so far away that every density underflows


def parameters(n_features: int) -> dict[str, Any]:
    """Three components with unequal weights and correlated features."""
    rng = np.random.RandomState(n_features)
    means = np.array([[0.0, 0.0, 1.0], [3.0, 1.0, -1.0], [-1.0, 4.0, 0.5]])[:, :n_features]
    factors = np.eye(n_features) * [[[1.0]], [[0.7]], [[1.4]]] + 0.4 * rng.uniform(-1, 1, (3, n_features, n_features))
    covariances = np.round(factors @ np.swapaxes(factors, 1, 2), 2)
    return {"weights": np.array([0.5, 0.3, 0.2]), "means": means, "covariances": covariances}


def samples(n_features: int, n_samples: int = 14) -> Array:
    """Samples of that mixture, and an outlier as the last row."""
    rng = np.random.RandomState(10 + n_features)
    truth = parameters(n_features)
    labels = np.arange(n_samples - 1) % 3
    draws = [rng.multivariate_normal(truth["means"][k], truth["covariances"][k]) for k in labels]
    return np.round(np.vstack([draws, np.full((1, n_features), OUTLIER)]), 2)


def log_joint(X: Array, weights: Array, means: Array, covariances: Array) -> Array:
    """Log of weight times density, (n_samples, n_components) (Bishop 2006, eqs. 2.43 and 9.10)."""
    columns = []
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        difference = X - mean
        squared = np.einsum("nd,nd->n", difference @ np.linalg.inv(covariance), difference)
        constant = len(mean) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
        columns.append(np.log(weight) - (constant + squared) / 2)
    return np.column_stack(columns)


def shares(n_features: int, n_samples: int = 14) -> Array:
    """Responsibilities of three components for `samples`, softened so that nobody owns a row outright."""
    joint = log_joint(samples(n_features, n_samples), **parameters(n_features))
    soft = np.exp((joint - logsumexp(joint, axis=1, keepdims=True)) / 4)
    return np.round(soft / soft.sum(axis=1, keepdims=True), 6)
