"""What the M-step has to know about the data: sums over samples, weighted by responsibilities.

Sums add up, over blocks of rows here, and over halves of a data set or machines just as well.
"""

from __future__ import annotations

import numpy as np

from .covariance import Array, blocks, covariance_type_of


def weighted_moments(X: Array, responsibilities: Array, covariance_type: str) -> tuple[Array, Array, Array]:
    """Effective numbers of points, means and covariances of every component's share of the data.

    Two passes: the covariances are taken about the new means, which costs no digits wherever the data lie.

    Parameters
    ----------
    X : (n_samples, n_features)
    responsibilities : (n_samples, n_components)
    covariance_type : {'full', 'tied', 'diag', 'spherical'}

    Returns
    -------
    counts : (n_components,), N_k (Bishop 2006, eq. 9.27)
    means : (n_components, n_features) (eq. 9.24)
    covariances : in the shape of the covariance type (eq. 9.25)
    """
    kind = covariance_type_of(covariance_type)
    # As in scikit-learn, a trifle keeps a component that has lost every point from dividing by zero.
    counts = responsibilities.sum(axis=0) + 10 * np.finfo(responsibilities.dtype).eps
    means = responsibilities.T @ X / counts[:, np.newaxis]
    scatter = np.zeros(kind.shape(*means.shape), dtype=means.dtype)
    for rows, columns in blocks(X):
        scatter += kind.scatter(columns, responsibilities[rows].T, means)
    return counts, means, kind.covariances(scatter, counts)
