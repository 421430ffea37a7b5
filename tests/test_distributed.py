"""A Dask array is fitted where its chunks live: the numbers of a fit in memory, also when workers are killed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gmmteach import BayesianGaussianMixture, GaussianMixture, Mixture, Trace, em
from gmmteach.estimators.gaussian import ROWS_TO_START

dask = pytest.importorskip("dask", reason="needs the extra 'dask'")
da = pytest.importorskip("dask.array", reason="needs the extra 'dask'")
distributed = pytest.importorskip("distributed", reason="needs the extra 'dask'")

from gmmteach.distributed import DaskSamples  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

MEMORY = 300_000_000  # bytes a worker may take; Dask stops giving it work at 80 % of them
TYPES = ("full", "tied", "diag", "spherical")


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each a process of its own with little memory; a chunk that kills three of them is given up."""
    if sys.platform == "win32":
        pytest.skip("Windows has no SIGKILL to kill a worker with")
    patience = {
        "distributed.scheduler.allowed-failures": 2,
        "distributed.comm.timeouts.connect": "120s",
        "distributed.comm.timeouts.tcp": "120s",
        # Where a killed worker needs longer than this to come back, Dask replaces it by nothing. Then nobody is left to
        # do the work, and a fit would wait for ever: here, without workers it fails after two minutes.
        "distributed.deploy.lost-worker-timeout": "10 minutes",
        "distributed.scheduler.no-workers-timeout": "2 minutes",
    }
    with (
        dask.config.set(patience),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            memory_limit=MEMORY,
            dashboard_address=":0",
            silence_logs=50,  # workers die on purpose here, and Dask has much to say about it
        ) as cluster,
        distributed.Client(cluster, timeout=120) as client,
    ):
        yield client


def blobs(n_chunks: int, n_rows: int, n_features: int = 4, *, die: Any = None) -> Any:
    """Three blobs, chunk by chunk, made only when they are asked for.

    ``die`` is (chunk, path, pass): in that pass over the data, the worker that makes the chunk is killed; from then on
    always, if pass is negative.
    """

    def block(block_info: Any) -> Any:  # a function in a function travels whole: workers need not import this file
        number = block_info[None]["chunk-location"][0]
        rng = np.random.default_rng(number)
        if die is not None and number == die[0]:
            with open(die[1], "ab") as file:
                file.write(b".")
                passes = file.tell()
            if passes == abs(die[2]) or passes > -die[2] > 0:
                os.kill(os.getpid(), signal.SIGKILL)
        X = rng.uniform(-1, 1, (n_rows, n_features))
        which = rng.integers(0, 3, n_rows)
        X *= 1 + 0.4 * which[:, np.newaxis]
        X += 2.0 * which[:, np.newaxis]
        return X

    chunks = ((n_rows,) * n_chunks, (n_features,))
    return da.map_blocks(block, chunks=chunks, dtype=float, meta=np.empty((0, 0)))


def beginning(covariance_type: str = "full", n_features: int = 4, offset: float = 0) -> dict[str, Any]:
    """The whole of a start, and how far to go from there."""
    unit = np.eye(n_features)
    precisions = {"full": np.stack([unit] * 3), "tied": unit, "diag": np.ones((3, n_features)), "spherical": np.ones(3)}
    return {
        "n_components": 3,
        "covariance_type": covariance_type,
        "weights_init": [0.2, 0.3, 0.5],
        "means_init": np.array([[0.0], [1.0], [5.0]]) + np.zeros(n_features) + offset,
        "precisions_init": precisions[covariance_type],
        "tol": 0,
    }


def assert_same(one: GaussianMixture, other: GaussianMixture, tolerance: float = 1e-8) -> None:
    for name in ("weights_", "means_", "covariances_"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(one.trace_.objective, other.trace_.objective, rtol=tolerance)
    assert one.n_iter_ == other.n_iter_


def gathered(X: Any) -> Any:
    """In memory, here, and not by way of the cluster: of which earlier versions of Dask warn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Running on a single-machine scheduler when a distributed client is active")
        return X.compute(scheduler="synchronous")


@pytest.fixture(scope="module")
def X() -> Any:
    return gathered(blobs(6, 2_500))


@pytest.fixture(autouse=True)
def _here(request):
    """Without a cluster, in this very process, one task after the other; with one, when all its workers are back."""
    if "cluster" in request.fixturenames:
        client = request.getfixturevalue("cluster")
        client.cluster.scale(2)  # on a busy machine a nanny may give up on a worker that was killed
        try:
            client.wait_for_workers(2, timeout=60)
        except TimeoutError as error:
            pytest.skip(f"the cluster did not come back after a worker was killed: {error}")
        yield
    else:
        with dask.config.set(scheduler="synchronous"):
            yield


@pytest.fixture
def never_gathered(monkeypatch):
    """Make it an error to turn a Dask array into an array in memory."""

    def refuse(self, *_, **__):
        raise AssertionError("a Dask array was gathered")

    monkeypatch.setattr(da.Array, "__array__", refuse)
    monkeypatch.setattr(da.Array, "compute", refuse)


# --- the same numbers as in memory --------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0, 1e8])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_same_parameters_as_in_memory(X, covariance_type, offset, weighted):
    X = X + offset
    weights = np.random.default_rng(0).integers(0, 4, len(X)).astype(float) if weighted else None
    model = GaussianMixture(**beginning(covariance_type, offset=offset), max_iter=15)
    there = GaussianMixture(**beginning(covariance_type, offset=offset), max_iter=15)
    model.fit(X, sample_weight=weights)
    there.fit(da.from_array(X, chunks=(1_700, 3)), sample_weight=weights)  # columns are cut, too
    assert_same(model, there)
    assert there.n_features_in_ == 4
    assert there.weight_seen_ == model.weight_seen_
    assert there.lower_bound_ == pytest.approx(model.lower_bound_, rel=1e-12)


def test_all_chunks_use_the_same_form(never_gathered):
    """Tight clusters far apart need differences from the means, although each chunk by itself would not."""
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [1e3, 0.0], [0.0, 1e3]])
    X = np.repeat(centres, 500, axis=0) + 1e-4 * rng.standard_normal((1_500, 2))
    start = Mixture(np.full(3, 1 / 3), centres + 1e-4, np.full(3, 1e-8), "spherical")
    data = DaskSamples(da.from_array(X, chunks=(500, 2)))
    assert data.short_form(start.density) is None
    for here, there, _ in zip(em(X, start), em(data, start), range(4), strict=False):
        assert there.objective == pytest.approx(here.objective, rel=1e-12)
        np.testing.assert_allclose(there.mixture.covariances, here.mixture.covariances, rtol=1e-8)


def test_single_precision_stays_single_and_whole_numbers_become_double(X):
    single = GaussianMixture(**beginning(), max_iter=3).fit(da.from_array(X.astype(np.float32), chunks=(4_000, 4)))
    assert single.means_.dtype == np.float32
    whole = np.rint(10 * X).astype(np.int64)
    there = GaussianMixture(3, random_state=0).fit(da.from_array(whole, chunks=(4_000, 4))[:ROWS_TO_START])
    assert_same(there, GaussianMixture(3, random_state=0).fit(whole[:ROWS_TO_START]))


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
def test_up_to_ten_thousand_rows_the_start_is_the_one_in_memory(X, init_params):
    X = X[:ROWS_TO_START]
    options = dict(init_params=init_params, random_state=3, n_init=2, max_iter=12, covariance_type="diag")
    model = GaussianMixture(3, **options).fit(X)
    there = GaussianMixture(3, **options).fit(da.from_array(X, chunks=(3_000, 4)))
    assert len(there.traces_) == 2
    assert_same(model, there)


def test_with_more_rows_the_start_comes_from_a_sample_that_the_seed_decides(X):
    lazy = da.from_array(X, chunks=(2_000, 4))
    means = [GaussianMixture(3, random_state=seed, max_iter=1).fit(lazy).trace_.means[0] for seed in (0, 0, 1)]
    assert np.array_equal(means[0], means[1])
    assert not np.array_equal(means[0], means[2])
    rows, weights = DaskSamples(lazy).rows(ROWS_TO_START, np.random.RandomState(0))
    assert weights is None
    assert rows.shape == (ROWS_TO_START, 4)
    everything = {tuple(row) for row in X.tolist()}
    assert len({tuple(row) for row in rows.tolist()} & everything) == ROWS_TO_START  # without replacement


def test_a_given_mixture_and_a_function_start_runs(X):
    start = GaussianMixture(**beginning(), max_iter=1).fit(X).mixture_
    lazy = da.from_array(X, chunks=(4_000, 4))
    there = GaussianMixture(3, init_params=start, max_iter=5, tol=0).fit(lazy)
    assert_same(GaussianMixture(3, init_params=start, max_iter=5, tol=0).fit(X), there)
    called = GaussianMixture(3, init_params=lambda X, K, rng: (X[:, 0] > 1) * 1 + (X[:, 0] > 3), max_iter=2).fit(lazy)
    assert called.trace_.means[0].shape == (3, 4)


def test_weight_0_is_the_same_as_absence(X):
    weights = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    weights[:2_500] = 0  # a whole chunk
    present = weights > 0
    there = GaussianMixture(3, random_state=0, max_iter=9).fit(
        da.from_array(X, chunks=(2_500, 4)), sample_weight=da.from_array(weights, chunks=999)
    )
    assert DaskSamples(da.from_array(X, chunks=(2_500, 4)), weights).n_samples == present.sum() < ROWS_TO_START
    assert_same(there, GaussianMixture(3, random_state=0, max_iter=9).fit(X[present], sample_weight=weights[present]))


def test_warm_start_goes_on(X):
    lazy = da.from_array(X, chunks=(4_000, 4))
    whole = GaussianMixture(**beginning(), max_iter=6).fit(lazy)
    parts = GaussianMixture(**beginning(), max_iter=3, warm_start=True).fit(lazy)
    parts.fit(lazy)
    assert parts.trace_.objective[0] == pytest.approx(whole.trace_.objective[3], rel=1e-12)
    np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-10)


def test_acceleration_works_from_sums_alone(X):
    model = GaussianMixture(**beginning(), max_iter=12, accelerate=True)
    assert_same(model.fit(X), GaussianMixture(**model.get_params()).fit(da.from_array(X, chunks=(4_000, 4))))


def test_chunks_of_unknown_size_and_empty_ones(X):
    lazy = da.from_array(X, chunks=(2_500, 4))
    kept = lazy[lazy[:, 0] > 0.5]
    assert np.isnan(kept.shape[0])
    weights = da.from_array(1 + np.arange(len(X)) % 2, chunks=2_500)[lazy[:, 0] > 0.5]
    here, heavy = X[:, 0] > 0.5, 1 + np.arange(len(X)) % 2
    there = GaussianMixture(**beginning(), max_iter=4).fit(kept, sample_weight=weights)
    assert_same(there, GaussianMixture(**beginning(), max_iter=4).fit(X[here], sample_weight=heavy[here]))
    assert np.array_equal(there.predict(kept).compute(), there.predict(X[here]))
    halves = da.concatenate([lazy[:5_000], lazy[:5_000][lazy[:5_000, 0] > 99], lazy[5_000:]])
    assert_same(
        GaussianMixture(**beginning(), max_iter=4).fit(halves), GaussianMixture(**beginning(), max_iter=4).fit(X)
    )


# --- the fitted model ---------------------------------------------------------------------------------------------


def test_questions_are_answered_lazily_and_summed_where_the_chunks_are(X, monkeypatch):
    model = GaussianMixture(3, random_state=0).fit(X)
    lazy, weights = da.from_array(X, chunks=(4_000, 2)), np.arange(len(X)) % 3
    for name in ("predict", "predict_proba", "score_samples"):
        answer, expected = getattr(model, name)(lazy), getattr(model, name)(X)
        assert isinstance(answer, da.Array)
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(answer.compute(), expected, rtol=1e-10, atol=1e-12)
    for name in ("score", "aic", "bic", "icl"):
        for weigh in (None, weights):
            expected = getattr(model, name)(X, sample_weight=weigh)
            there = getattr(model, name)(lazy, sample_weight=weigh)
            assert type(there) is float
            assert there == pytest.approx(expected, rel=1e-9)
            if weigh is not None:
                there = getattr(model, name)(lazy, sample_weight=da.from_array(weigh, chunks=4_000))
                assert there == pytest.approx(expected, rel=1e-9)
    labels = GaussianMixture(3, random_state=0).fit_predict(lazy[:ROWS_TO_START])
    assert np.array_equal(labels.compute(), GaussianMixture(3, random_state=0).fit_predict(X[:ROWS_TO_START]))


def test_nothing_is_gathered(X, never_gathered):
    lazy = da.from_array(X, chunks=(4_000, 4))
    model = GaussianMixture(3, random_state=0, n_init=2, max_iter=3).fit(lazy)
    model.predict(lazy), model.predict_proba(lazy), model.score_samples(lazy)
    assert np.isfinite([model.score(lazy), model.bic(lazy), model.aic(lazy)]).all()
    assert isinstance(model.trace_.X, da.Array)


def test_a_trace_with_a_sample_can_be_drawn_and_saved(X, tmp_path):
    trace = GaussianMixture(3, random_state=0).fit(da.from_array(X, chunks=(4_000, 4))).trace_
    with pytest.raises(TypeError, match=r"a trace with a sample of them instead, Trace\(trace, trace.X\[::1000\]"):
        trace.save(tmp_path / "run")
    sampled = Trace(trace, trace.X[::1000].compute(), trace.outcome)
    again = Trace.load(sampled.save(tmp_path / "run"))
    assert np.array_equal(again.means, trace.means)
    assert np.array_equal(again.X, X[::1000])


# --- what is refused ----------------------------------------------------------------------------------------------


def lazy_with(value: float) -> Any:
    X = np.arange(80.0).reshape(40, 2)
    X[25, 1] = value
    return da.from_array(X, chunks=(10, 2))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: lazy_with(np.nan), ValueError, "Feature 1 of X holds NaN or infinity in chunk 2, among rows 20 to 29"),
        (lambda: lazy_with(-np.inf), ValueError, "Feature 1 of X holds NaN or infinity in chunk 2"),
        (lambda: da.ones(9), ValueError, r"must have shape \(n_samples, n_features\), but has \(9,\)"),
        (lambda: da.ones((9, 2), dtype=complex), TypeError, "must hold real numbers, but its type is complex128"),
        (lambda: da.ones((2, 2)), ValueError, "n_components = 3, n_samples = 2"),
        (lambda: da.ones((0, 2)), ValueError, r"X has no rows: its shape is \(0, 2\)"),
        (lambda: da.ma.masked_greater(da.ones((9, 2)), 2), TypeError, "must be NumPy arrays, but are numpy.ma"),
        (lambda: dask.delayed(np.ones)((9, 2)), TypeError, r"make it an array with X.to_dask_array\(\)"),
    ],
)
def test_data_that_cannot_be_fitted_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        GaussianMixture(3).fit(make())


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (np.ones(39), r"sample_weight must have shape \(40,\)"),
        (da.ones((40, 1)), r"sample_weight must have shape \(40,\)"),
        (-np.ones(40), "none negative and not all 0; the smallest is -1, and they sum to -40"),
        (da.zeros(40), "none negative and not all 0"),
        (da.full(40, np.nan), "must hold finite numbers"),
    ],
)
def test_weights_that_do_not_go_with_the_data_are_refused(weights, words):
    with pytest.raises(ValueError, match=words):
        GaussianMixture(3).fit(lazy_with(0), sample_weight=weights)
    unknown = lazy_with(0)[lazy_with(0)[:, 0] > 9]
    with pytest.raises(
        ValueError, match=r"compute_chunk_sizes\(\) first" if not hasattr(weights, "dask") else "weight"
    ):
        GaussianMixture(3).fit(unknown, sample_weight=weights)


def test_what_needs_data_in_memory_says_so(X):
    lazy = da.from_array(X, chunks=(4_000, 4))
    with pytest.raises(TypeError, match="BayesianGaussianMixture takes no dask Array here"):
        BayesianGaussianMixture(n_components=3).fit(lazy)
    with pytest.raises(TypeError, match="one block after the other"):
        GaussianMixture(3).partial_fit(lazy)
    model = GaussianMixture(3, random_state=0).fit(X)
    with pytest.raises(TypeError, match="only data in memory"):
        model.impute(lazy)
    with pytest.raises(ValueError, match="cannot be labels or responsibilities for a Dask array"):
        GaussianMixture(3, init_params=np.zeros(len(X))).fit(lazy)
    with pytest.raises(ValueError, match="X has 3 features, but GaussianMixture is expecting 4"):
        model.predict(lazy[:, :3])
    with pytest.raises(ValueError, match=r"must have shape \(n_samples, 4\) to fit this mixture"):
        DaskSamples(lazy[:, :3]).expect(model.mixture_.density)


def test_data_that_change_between_passes_are_noticed(tmp_path):
    def block(path: str) -> Any:
        with open(path, "ab") as file:
            file.write(b".")
            rows = 100 if file.tell() < 3 else 99
        return np.random.default_rng(0).normal(size=(rows, 2))

    X = da.from_delayed(dask.delayed(block, pure=False)(str(tmp_path / "passes")), (100, 2), float)
    with pytest.raises(RuntimeError, match="samples that weigh 99 together, but there were 100 at the start"):
        GaussianMixture(2, random_state=0).fit(X)


def test_a_collapse_is_told_as_in_memory():
    X = np.repeat([[0.0, 0.0], [5.0, 5.0]], 20, axis=0)
    lazy = da.from_array(X, chunks=(10, 2))
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        GaussianMixture(2, reg_covar=0, random_state=0).fit(lazy)


def test_dask_is_not_imported_by_those_who_do_not_use_it():
    code = (
        "import sys, gmmteach, numpy; gmmteach.GaussianMixture(2).fit(numpy.eye(9)); assert 'dask' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


# --- threads ------------------------------------------------------------------------------------------------------


THREADS = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from threadpoolctl import threadpool_info, threadpool_limits
import gmmteach
from gmmteach.threads import InThisThread

def blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

before, inside, together = blas(), [], Barrier(3, timeout=60)

def work(number):
    with InThisThread():
        together.wait()
        inside.append(blas())
        together.wait()

with ThreadPoolExecutor(3) as pool:
    list(pool.map(work, range(3)))
    with InThisThread():
        list(pool.map(work, range(3)))  # others come and go
        inside.append(blas())
assert inside == [{1}] * 7, inside
assert blas() == before, (before, blas())
with threadpool_limits(limits=1, user_api="blas"):  # nobody is left in charge
    assert blas() == {1}
"""


def test_workers_use_no_threads_but_their_own():
    """In a process of its own: the limit of these tests would stand in the way."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", THREADS], check=True, env=environment)


def test_threads_of_dask_give_the_same_numbers(X):
    with dask.config.set(scheduler="threads", num_workers=3):
        there = GaussianMixture(**beginning(), max_iter=5).fit(da.from_array(X, chunks=(500, 4)))
    assert_same(there, GaussianMixture(**beginning(), max_iter=5).fit(X))


# --- a real cluster -----------------------------------------------------------------------------------------------


def test_only_sums_travel(cluster, never_gathered, monkeypatch):
    """What comes back from a chunk of 1.6 megabytes is a kilobyte, and so is what goes out to it."""
    sizes, asked, compute = [], [], dask.compute

    def listen(*tasks, **options):
        results = compute(*tasks, **options)
        sizes.append(len(pickle.dumps(results)))
        return results

    monkeypatch.setattr(dask, "compute", listen)

    def listen_too(self, function, question, _sum=DaskSamples._sum, **extra):
        asked.append(question)
        return _sum(self, function, question, **extra)

    monkeypatch.setattr(DaskSamples, "_sum", listen_too)
    X = blobs(4, 50_000).persist()
    start = Mixture(np.full(3, 1 / 3), np.array([[0.0], [1.0], [5.0]]) + np.zeros(4), np.ones(3), "spherical")
    data = DaskSamples(X)
    for snapshot, _ in zip(em(data, start), range(3), strict=False):
        assert np.isfinite(snapshot.objective)
    assert len(sizes) >= 4
    assert max(sizes) < 4_000 < X.nbytes / 4
    assert max(len(pickle.dumps(question)) for question in asked) < 4_000


@pytest.mark.slow
def test_data_larger_than_a_workers_memory(cluster):
    def most_memory() -> tuple[int, int]:
        """Peak of this process. (What getrusage says would begin with that of the process that started it.)"""
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.exists() else ["VmHWM: 0 kB"]
        (peak,) = (int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
        return os.getpid(), peak * 1024

    before = cluster.run(most_memory)
    X = blobs(80, 120_000)
    assert X.nbytes > MEMORY
    there = GaussianMixture(**beginning(), max_iter=2).fit(X)
    after = cluster.run(most_memory)
    assert {pid for pid, _ in after.values()} == {pid for pid, _ in before.values()}  # none has been restarted
    if sys.platform == "linux":
        assert min(memory for _, memory in after.values()) > 1e7  # it is measured
        assert max(memory for _, memory in after.values()) < MEMORY
    here = GaussianMixture(**beginning(), max_iter=2).fit(gathered(X))
    assert_same(there, here)


@pytest.mark.slow
def test_a_worker_killed_in_mid_fit_changes_nothing(cluster, tmp_path):
    weights = np.random.default_rng(0).integers(0, 3, 16 * 1_000).astype(float)
    path = tmp_path / "passes"
    # Two passes are for the start, so this is in the third iteration; sums of other chunks are on their way.
    there = GaussianMixture(**beginning(), max_iter=6).fit(
        blobs(16, 1_000, die=(9, str(path), 5)), sample_weight=weights
    )
    assert path.stat().st_size > 2 + 6 + 1  # it has been made once more than there were passes
    here = GaussianMixture(**beginning(), max_iter=6).fit(gathered(blobs(16, 1_000)), sample_weight=weights)
    assert_same(there, here)


@pytest.mark.slow
def test_a_chunk_that_kills_every_worker_ends_the_fit_with_an_error(cluster, tmp_path):
    X = blobs(4, 1_000)
    model = GaussianMixture(**beginning(), max_iter=2).fit(X)
    means = model.means_.copy()
    with pytest.raises(distributed.KilledWorker, match=r"all those workers died"):
        model.set_params(max_iter=9).fit(blobs(4, 1_000, die=(2, str(tmp_path / "passes"), -4)))
    assert np.array_equal(model.means_, means)  # the earlier fit is whole
    assert_same(model, GaussianMixture(**beginning(), max_iter=2).fit(X))  # and the cluster works again


@pytest.mark.slow
def test_chunks_that_nobody_can_make_again_end_the_fit_with_an_error(cluster):
    chunks = cluster.scatter(list(gathered(blobs(6, 1_000)).reshape(6, 1_000, 4)))
    data = DaskSamples(da.concatenate([da.from_delayed(chunk, (1_000, 4), float) for chunk in chunks]))
    run = em(data, GaussianMixture(**beginning(), max_iter=1).fit(blobs(2, 1_000)).mixture_)
    next(run)
    holder = next(iter(cluster.who_has(chunks[:1]).values()))[0]
    os.kill(cluster.run(os.getpid, workers=[holder])[holder], signal.SIGKILL)
    with pytest.raises(RuntimeError, match="has lost chunks that it cannot make again"):
        next(run)
