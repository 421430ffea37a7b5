"""scikit-learn's own tests, run on our estimators.

They ship inside its wheel and are a good judge of public behaviour. Each module is executed afresh with our class
in the place of theirs; what is left out is listed by name with its reason, and a name that scikit-learn no longer
has is an error.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest
import sklearn.cluster
import sklearn.mixture

import gmmteach

NOT_OURS = (sklearn.mixture.BayesianGaussianMixture, sklearn.cluster.MiniBatchKMeans)

PRIVATE = "tests scikit-learn's private functions, not the estimator"
ARRAY_API = "the array API (other array libraries) is not part of this project"
MINIBATCH = "tests MiniBatchKMeans"
SEEDING = "tests the function kmeans_plusplus, which we take from scikit-learn"

MIXTURE_SKIPS = {
    "test_check_weights": "scikit-learn's message swaps the smallest and the largest weight; ours says which is which",
    "test_gaussian_mixture_setting_best_params": (
        "components close on single points with reg_covar=0: scikit-learn goes on with a variance of rounding, "
        "ours is a named collapse (test_em.py)"
    ),
    "test_suffstat_sk_full": PRIVATE,
    "test_suffstat_sk_tied": PRIVATE,
    "test_suffstat_sk_diag": PRIVATE,
    "test_gaussian_suffstat_sk_spherical": PRIVATE,
    "test_compute_log_det_cholesky": PRIVATE,
    "test_gaussian_mixture_log_probabilities": PRIVATE,
    "test_gaussian_mixture_precisions_init": "calls the private _set_parameters and _initialize",
    "test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters": "counts calls of a private function",
    "test_gaussian_mixture_array_api_compliance": ARRAY_API,
    "test_gaussian_mixture_raises_where_array_api_not_implemented": ARRAY_API,
}
KMEANS_SKIPS = {
    "test_relocate_empty_clusters": PRIVATE,
    "test_euclidean_distance": PRIVATE,
    "test_inertia": PRIVATE,
    "test_is_same_clustering": PRIVATE,
    "test_sample_weight_init": "calls the private _init_centroids",
    "test_sample_weight_zero": "calls the private _init_centroids",
    "test_k_means_function": "tests the function k_means",
    "test_kmeans_plusplus_wrong_params": SEEDING,
    "test_kmeans_plusplus_output": SEEDING,
    "test_kmeans_plusplus_norms": SEEDING,
    "test_kmeans_plusplus_dataorder": SEEDING,
    "test_minibatch_update_consistency": MINIBATCH,
    "test_minibatch_kmeans_partial_fit_init": MINIBATCH,
    "test_minibatch_kmeans_verbose": MINIBATCH,
    "test_minibatch_kmeans_warning_init_size": MINIBATCH,
    "test_minibatch_sensible_reassign": MINIBATCH,
    "test_minibatch_reassign": MINIBATCH,
    "test_minibatch_with_many_reassignments": MINIBATCH,
    "test_minibatch_kmeans_init_size": MINIBATCH,
    "test_minibatch_declared_convergence": MINIBATCH,
    "test_minibatch_iter_steps": MINIBATCH,
}


class GaussianMixture(gmmteach.GaussianMixture):
    """Ours; the one private name that the tests of public behaviour use gets its public value."""

    def _n_parameters(self) -> int:
        return self.mixture_.n_parameters


class KMeans(gmmteach.KMeans):
    """Ours; the one private name that the tests of public behaviour use gets its public value."""

    @property
    def _n_init(self) -> int:
        return len(self.traces_)


def _only_ours(function: FunctionType) -> FunctionType:
    """Take the cases that are about other estimators out of a test's parameters."""
    marks = []
    for mark in getattr(function, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args
            values = list(values)
            kept = [n for n, value in enumerate(values) if _is_case_of_ours(value)]
            kwargs = dict(mark.kwargs)
            if isinstance(kwargs.get("ids"), list | tuple):
                kwargs["ids"] = [kwargs["ids"][n] for n in kept]
            mark = pytest.mark.parametrize(names, [values[n] for n in kept], **kwargs).mark
        marks.append(mark)
    function.pytestmark = [*marks, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning").mark]
    return function


def _is_case_of_ours(case: Any) -> bool:
    parts = case if isinstance(case, tuple) else (case,)
    return not any(isinstance(part, NOT_OURS) or (isinstance(part, type) and part in NOT_OURS) for part in parts)


def _with_ours(name: str, package: ModuleType, ours: type) -> dict[str, FunctionType]:
    """Execute a fresh copy of a test module in which ``package`` offers our class; return its tests."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    with mock.patch.object(package, ours.__name__, ours):
        spec.loader.exec_module(copy)
    return {key: value for key, value in vars(copy).items() if key.startswith("test_")}


def _adopt(prefix: str, tests: Mapping[str, FunctionType], skips: Mapping[str, str]) -> None:
    for name, function in tests.items():
        if name not in skips:
            globals()[f"test_{prefix}_{name.removeprefix('test_')}"] = _only_ours(function)


MIXTURE = _with_ours("sklearn.mixture.tests.test_gaussian_mixture", sklearn.mixture, GaussianMixture)
MIXTURE |= _with_ours("sklearn.mixture.tests.test_mixture", sklearn.mixture, GaussianMixture)
KMEANS = _with_ours("sklearn.cluster.tests.test_k_means", sklearn.cluster, KMeans)
_adopt("mixture", MIXTURE, MIXTURE_SKIPS)
_adopt("kmeans", KMEANS, KMEANS_SKIPS)


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def global_dtype(request: pytest.FixtureRequest) -> Any:
    """Stand in for scikit-learn's fixture of this name."""
    return request.param


@pytest.fixture
def global_random_seed() -> int:
    """Stand in for scikit-learn's fixture of this name."""
    return 42


def test_every_skip_names_a_test_that_exists() -> None:
    assert set(MIXTURE_SKIPS) <= set(MIXTURE)
    assert set(KMEANS_SKIPS) <= set(KMEANS)


def test_it_is_ours_that_is_judged() -> None:
    assert MIXTURE["test_score"].__globals__["GaussianMixture"] is GaussianMixture
    assert KMEANS["test_transform"].__globals__["KMeans"] is KMeans
    assert issubclass(GaussianMixture, gmmteach.GaussianMixture)
    assert len(MIXTURE) > 40
    assert len(KMEANS) > 50
