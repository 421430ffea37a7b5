"""The trace: the loop that stops, the sequence, its file, and what it costs."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from gmmteach import GaussianMixture, Mixture, Snapshot, Trace, em, lloyd
from gmmteach.covariance import CollapseError
from gmmteach.trace import Outcome, settled

MIXTURE = Mixture([1.0], [[0.0]], [1.0], "spherical")
FOUR = np.arange(4.0)[:, np.newaxis]  # four samples, so that a change of 4 is a change of 1 per sample


def heights(*objectives: float) -> Iterator[Snapshot]:
    """An algorithm that only has the objectives given, then the last of them for ever."""
    for iteration in count():
        yield Snapshot(iteration, MIXTURE, objectives[min(iteration, len(objectives) - 1)])


# --- the loop that stops -----------------------------------------------------------------------------------


def test_it_stops_when_the_change_before_the_last_step_is_small() -> None:
    """scikit-learn's rule: after iteration i it looks at L[i - 1] - L[i - 2], per sample."""
    trace = Trace.record(heights(0, 40, 60, 64, 65, 65.1), FOUR, tol=1.5)
    assert trace.outcome == "converged"
    # 60 -> 64 is 1 per sample: seen after iteration 4.
    assert trace.objective.tolist() == [0, 40, 60, 64, 65]
    assert "1 per sample, less than tol=1.5" in trace.outcome.explanation


def test_the_tolerance_itself_is_not_reached() -> None:
    assert len(Trace.record(heights(0, 8, 12, 13), FOUR, tol=1.0)) == 5  # a change of exactly 1 is not less than 1
    assert len(Trace.record(heights(0, 8, 12, 13), FOUR, tol=1.0001)) == 4


def test_a_tolerance_of_zero_runs_to_the_end() -> None:
    trace = Trace.record(heights(1), FOUR, tol=0, max_iter=7)
    assert len(trace) == 8
    assert trace.outcome == "out of iterations"
    assert "max_iter=7" in trace.outcome.explanation


def test_no_iterations_is_the_start() -> None:
    trace = Trace.record(heights(1), FOUR, max_iter=0)
    assert len(trace) == 1
    assert trace.outcome == "out of iterations"


def test_a_fall_is_not_called_convergence() -> None:
    trace = Trace.record(heights(0, 40, 39.9, 39.9), FOUR, tol=1.0)
    assert trace.outcome == "decreased"
    assert "fell by 0.1" in trace.outcome.explanation
    assert Trace.record(heights(0, 40, 40 - 1e-13), FOUR, tol=1.0).outcome == "converged"  # that is rounding
    # A fall larger than the tolerance does not stop a run, as in scikit-learn.
    assert len(Trace.record(heights(0, 40, 20, 60), FOUR, tol=1.0)) == 6


def test_a_rule_of_ones_own() -> None:
    def after_two(snapshots: list[Snapshot]) -> Outcome | None:
        return Outcome("converged", "enough") if len(snapshots) == 3 else None

    trace = Trace.record(heights(1), FOUR, stop=after_two, tol=123)
    assert len(trace) == 3
    assert trace.outcome.explanation == "enough"


def test_a_collapse_keeps_the_run_up_to_it() -> None:
    def doomed() -> Iterator[Snapshot]:
        yield from (Snapshot(n, MIXTURE, float(n * 100)) for n in range(3))
        raise CollapseError("component 1 is gone", 1)

    trace = Trace.record(doomed(), FOUR)
    assert trace.outcome == "collapsed"
    assert trace.outcome.component == 1
    assert trace.outcome.explanation == "component 1 is gone"
    assert len(trace) == 3


def test_a_continued_run_is_compared_with_what_it_continues() -> None:
    rule = settled(1.0, 4, before_start=39.0)
    assert Trace.record(heights(40, 80), FOUR, stop=rule).outcome == "converged"
    assert len(Trace.record(heights(40, 80), FOUR, stop=rule)) == 2


def test_the_rule_on_a_real_run(em_run: Any) -> None:
    trace = Trace.record(em_run.begin(), em_run.X, tol=1e-4, max_iter=200)
    changes = np.abs(np.diff(trace.objective[:-1])) / len(em_run.X)
    assert changes[-1] < 1e-4
    assert (changes[:-1] >= 1e-4).all()


# --- outcomes ----------------------------------------------------------------------------------------------


def test_an_outcome_is_its_name() -> None:
    outcome = Outcome("collapsed", "why", 2)
    assert outcome == "collapsed"
    assert f"{outcome}" == "collapsed"
    again = pickle.loads(pickle.dumps(outcome))
    assert (again, again.explanation, again.component) == ("collapsed", "why", 2)
    with pytest.raises(ValueError, match="one of converged, out of iterations, decreased, collapsed, not 'bored'"):
        Outcome("bored")


# --- the sequence ------------------------------------------------------------------------------------------


def test_it_is_a_sequence_of_its_snapshots(run: Any) -> None:
    trace = run.trace
    assert trace[0].iteration == 0
    assert trace[-1].iteration == len(trace) - 1
    assert list(trace) == [trace[n] for n in range(len(trace))]
    part = trace[2:9:3]
    assert isinstance(part, Trace)
    assert [snapshot.iteration for snapshot in part] == [2, 5, 8]
    assert part.X is trace.X
    assert part.outcome == trace.outcome
    assert part.hard == trace.hard == (run.algorithm == "lloyd")
    with pytest.raises(IndexError):
        trace[len(trace)]
    with pytest.raises(ValueError, match="at least one snapshot"):
        trace[5:5]


def test_its_arrays_stack_the_snapshots(run: Any) -> None:
    trace = run.trace
    n_components, n_features = trace[0].mixture.means.shape
    assert trace.objective.shape == (len(trace),)
    assert trace.weights.shape == (len(trace), n_components)
    assert trace.means.shape == (len(trace), n_components, n_features)
    assert trace.covariances.shape == (len(trace), *trace[0].mixture.covariances.shape)
    for n in (0, 7, -1):
        assert trace.objective[n] == trace[n].objective
        assert_array_equal(trace.weights[n], trace[n].mixture.weights)
        assert_array_equal(trace.means[n], trace[n].mixture.means)
        assert_array_equal(trace.covariances[n], trace[n].mixture.covariances)
    assert trace.covariance_type == trace[0].mixture.covariance_type
    assert trace.objective_name == ("minus inertia" if trace.hard else "log-likelihood")


def test_it_says_what_it_is(em_run: Any) -> None:
    trace = Trace.record(em_run.begin(), em_run.X, tol=1e-3)
    assert repr(trace).startswith(f"Trace(2 components, {len(trace) - 1} iterations, converged, log-likelihood -")


# --- files -------------------------------------------------------------------------------------------------


def assert_same(one: Trace, other: Trace) -> None:
    assert [snapshot.iteration for snapshot in one] == [snapshot.iteration for snapshot in other]
    for name in ("X", "objective", "weights", "means", "covariances"):
        assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("covariance_type", "hard", "objective_name", "outcome"):
        assert getattr(one, name) == getattr(other, name)
    assert one.outcome.explanation == other.outcome.explanation
    assert one.outcome.component == other.outcome.component
    assert_array_equal(one[-1].responsibilities(one.X), other[-1].responsibilities(other.X))


def test_a_file_gives_the_trace_back(run: Any, tmp_path: Path) -> None:
    path = run.trace.save(tmp_path / "run")
    assert path == tmp_path / "run.npz"
    assert_same(Trace.load(path), run.trace)
    assert run.trace.save(str(path)) == path  # the ending is there already, and a whole file is replaced
    assert [found.name for found in tmp_path.iterdir()] == ["run.npz"]


def test_a_file_holds_plain_arrays_only(em_run: Any, tmp_path: Path) -> None:
    with np.load(em_run.trace.save(tmp_path / "run.npz"), allow_pickle=False) as file:
        assert all(array.dtype != object for array in dict(file).values())


@pytest.mark.parametrize("part", [slice(3, None), slice(None, None, 2), slice(10, 1, -3)])
def test_a_file_gives_a_part_of_a_trace_back(em_run: Any, tmp_path: Path, part: slice) -> None:
    some = em_run.trace[part]
    assert_same(Trace.load(some.save(tmp_path / "part.npz")), some)


def test_a_file_keeps_a_collapse_and_single_precision(tmp_path: Path) -> None:
    X = np.array([[0, 0], [0, 1], [1, 0], [9, 9], [9, 9]], dtype=np.float32)
    start = Mixture([0.5, 0.5], np.array([[0, 0], [9, 9]], dtype=np.float32), [1.0, 1.0], "spherical")
    trace = Trace.record(em(X, start), X, tol=0)
    assert trace.outcome == "collapsed"
    assert trace.means.dtype == np.float32
    assert_same(Trace.load(trace.save(tmp_path / "collapse.npz")), trace)


def test_an_interrupted_save_leaves_the_earlier_file(
    em_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = em_run.trace[:5].save(tmp_path / "run.npz")

    def full_disk(file: Any, **arrays: Any) -> None:
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(OSError, match="no space left"):
        em_run.trace.save(path)
    assert len(Trace.load(path)) == 5
    assert [found.name for found in tmp_path.iterdir()] == ["run.npz"]


def write_other_npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


NOT_TRACES: dict[str, Any] = {
    "text": lambda path: path.write_text("a,b\n1,2\n"),
    "nothing": lambda path: path.write_bytes(b""),
    "another archive": lambda path: np.savez(path, a=np.zeros(3)),
    "another about": lambda path: np.savez(path, about=np.array('{"colour": "blue"}')),
    "one array": write_other_npy,
    "a pickle": lambda path: path.write_bytes(pickle.dumps({"means": [1, 2]})),
}


@pytest.mark.parametrize("what", NOT_TRACES)
def test_another_file_is_not_a_trace(what: str, tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    NOT_TRACES[what](path)
    with pytest.raises(ValueError, match=r"other.npz is not a trace written by Trace.save"):
        Trace.load(path)


def test_a_file_cut_short_is_not_a_trace(em_run: Any, tmp_path: Path) -> None:
    path = em_run.trace.save(tmp_path / "run.npz")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"run.npz is not a trace written by Trace.save"):
        Trace.load(path)


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nowhere.npz")


def test_a_trace_can_be_pickled(run: Any) -> None:
    again = pickle.loads(pickle.dumps(run.trace[:4]))
    assert_same(again, run.trace[:4])


# --- what it costs -----------------------------------------------------------------------------------------


def memory_of_a_trace(n_samples: int, n_iterations: int, algorithm: Any) -> int:
    """Bytes that a recorded run holds on to, its data not counted."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_samples, 3)) + 4 * rng.randint(0, 2, (n_samples, 1))
    begin = algorithm(X)
    next(algorithm(X))  # whatever is imported or cached on first use does not count
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        trace = Trace.record(begin, X, tol=0, max_iter=n_iterations)
        del begin
        assert len(trace) == n_iterations + 1
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def full_em(X: Any) -> Iterator[Snapshot]:
    return em(X, Mixture(np.full(4, 0.25), X[:4], np.stack([4 * np.eye(3)] * 4)))


def k_means(X: Any) -> Iterator[Snapshot]:
    return lloyd(X, X[:4])


@pytest.mark.parametrize("algorithm", [full_em, k_means])
def test_a_trace_costs_what_its_parameters_cost(algorithm: Any) -> None:
    """O(iterations K D²), not O(N): nothing of the size of the data is remembered."""
    few, many = (memory_of_a_trace(n_samples, 20, algorithm) for n_samples in (500, 50_000))
    # One array of N floats, remembered once, would add 400,000 bytes.
    assert abs(many - few) < 20_000
    parameters = 8 * (4 + 4 * 3 + 2 * 4 * 3 * 3)  # weights, means, covariances, factors of the precisions
    per_snapshot = memory_of_a_trace(2000, 40, algorithm) / 41
    assert per_snapshot < parameters + 2500  # the rest is what Python's objects weigh


def test_a_fitted_estimator_refers_to_its_data_and_holds_no_copy() -> None:
    X = np.random.RandomState(0).standard_normal((2000, 2))
    model = GaussianMixture(2, n_init=3, random_state=0, tol=1e-2).fit(X)
    assert len(model.traces_) == 3
    assert all(np.shares_memory(trace.X, X) for trace in model.traces_)


def test_running_costs_no_memory_that_grows() -> None:
    """The generator keeps its current state only."""
    X = np.random.RandomState(0).standard_normal((500, 2))
    snapshots = em(X, Mixture([0.5, 0.5], [[-1.0, 0], [1, 0]], [1.0, 1.0], "spherical"))
    for _ in range(5):
        next(snapshots)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(50):
            next(snapshots)
        assert tracemalloc.get_traced_memory()[0] - before < 40_000
    finally:
        tracemalloc.stop()


def test_the_objective_of_a_snapshot_is_a_plain_number(run: Any) -> None:
    assert all(type(snapshot.objective) is float for snapshot in run.trace[:3])
    assert_allclose(run.trace.objective, [snapshot.objective for snapshot in run.trace])
