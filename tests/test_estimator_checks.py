"""scikit-learn's conventions, judged by scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gmmteach import GaussianMixture, KMeans

# scikit-learn excuses its own KMeans from the same two: seeding draws samples at random, so weighting a sample and
# repeating it draw differently. That fixed centres make the two equal is tested in test_kmeans.py.
RANDOM_SEEDING = "sample_weight is not equivalent to removing or repeating samples: the seeding is random"
EXCUSED = {
    "KMeans": {
        "check_sample_weight_equivalence_on_dense_data": RANDOM_SEEDING,
        "check_sample_weight_equivalence_on_sparse_data": RANDOM_SEEDING,
    },
}


def excused(estimator: Any) -> dict[str, str]:
    return EXCUSED.get(type(estimator).__name__, {})


# Some checks cluster a handful of equal points: both KMeans warn about that, and no check is about it.
@pytest.mark.filterwarnings("ignore:Number of distinct clusters:sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([GaussianMixture(), KMeans()], expected_failed_checks=excused)
def test_sklearn_estimator_check(estimator: Any, check: Any) -> None:
    check(estimator)
