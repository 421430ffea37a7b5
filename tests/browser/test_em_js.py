"""em.js in Chromium against the library: the same trace, iteration by iteration."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gmmteach import Mixture, Trace, em, lloyd
from gmmteach.covariance import COVARIANCE_TYPES
from gmmteach.datasets import load_faithful
from gmmteach.visual.player import STATIC

pytestmark = pytest.mark.browser

LOAD = """async (code) => {
  window.em = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
}"""
RUN = """({ kind, X, D, weights, means, covariances, regCovar, tol, maxIter }) => {
  const numbers = (values) => Float64Array.from(values), N = X.length / D;
  const start = { type: kind, weights: numbers(weights), means: numbers(means), covariances: numbers(covariances) };
  const steps = kind === "lloyd" ? em.lloyd(numbers(X), D, start.means) : em.em(numbers(X), D, start, regCovar);
  const run = em.record(steps, N, tol, maxIter), snapshots = [];
  for (;;) {
    const { done, value } = run.next();
    if (done) return { outcome: value, snapshots };
    const { type, ...parts } = value.mixture;
    snapshots.push({ type, objective: value.objective, responsibilities: Array.from(value.responsibilities),
      ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, Array.from(part)])) });
  }
}"""


@pytest.fixture(scope="module")
def page(browser: Any) -> Any:
    page = browser.new_page()
    page.evaluate(LOAD, (STATIC / "em.js").read_text(encoding="utf-8"))
    yield page
    page.close()


def run_in_browser(
    page: Any, kind: str, X: np.ndarray, start: Mixture, reg_covar: float = 0.0, tol: float = 1e-3, max_iter: int = 100
) -> Any:
    arrays = {"X": X, "weights": start.weights, "means": start.means, "covariances": start.covariances}
    options = {"kind": kind, "D": X.shape[1], "regCovar": reg_covar, "tol": tol, "maxIter": max_iter}
    return page.evaluate(RUN, options | {name: np.ravel(array).tolist() for name, array in arrays.items()})


def blobs(n_features: int) -> np.ndarray:
    """Three overlapping groups of unequal size, unequal shape and unequal scale, off the origin."""
    rng = np.random.default_rng(n_features)
    sizes, steps = (70, 120, 40), (0.0, 2.5, 5.0)
    groups = [
        rng.normal(size=(size, n_features)) @ (np.eye(n_features) + 0.4 * rng.normal(size=(n_features, n_features)))
        + step
        for size, step in zip(sizes, steps, strict=True)
    ]
    return np.vstack(groups) * np.array([1.0, 10.0, 0.1])[:n_features] + 3


def start_on(X: np.ndarray, kind: str, n_components: int = 3) -> Mixture:
    rng = np.random.default_rng(4)
    covariance = np.cov(X.T).reshape(X.shape[1], X.shape[1])
    shaped = {
        "full": np.repeat(covariance[np.newaxis], n_components, axis=0),
        "tied": covariance,
        "diag": np.repeat(np.diag(covariance)[np.newaxis], n_components, axis=0),
        "spherical": np.full(n_components, np.diag(covariance).mean()),
    }
    weights = np.arange(1.0, n_components + 1)
    return Mixture(weights / weights.sum(), X[rng.choice(len(X), n_components, replace=False)], shaped[kind], kind)


def assert_same(made: Any, trace: Trace) -> None:
    assert made["outcome"]["name"] == trace.outcome
    assert made["outcome"].get("component") == trace.outcome.component
    assert len(made["snapshots"]) == len(trace)
    for theirs, ours in zip(made["snapshots"], trace, strict=True):
        mixture = ours.mixture
        assert theirs["type"] == mixture.covariance_type
        assert theirs["objective"] == pytest.approx(ours.objective, rel=1e-6)
        for name in ("weights", "means", "covariances"):
            expected = getattr(mixture, name).ravel()
            np.testing.assert_allclose(theirs[name], expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())
        shares = ours.responsibilities(trace.X)
        np.testing.assert_allclose(np.reshape(theirs["responsibilities"], shares.shape), shares, atol=1e-6)


@pytest.mark.parametrize("n_features", [1, 2, 3])
@pytest.mark.parametrize("kind", [*COVARIANCE_TYPES, "lloyd"])
@pytest.mark.parametrize("tol", [1e-3, 1e-7])
def test_a_run_is_the_same(page: Any, kind: str, n_features: int, tol: float) -> None:
    X = blobs(n_features)
    start = start_on(X, "spherical" if kind == "lloyd" else kind)
    steps = lloyd(X, start) if kind == "lloyd" else em(X, start, reg_covar=1e-6)
    trace = Trace.record(steps, X, tol=tol)
    assert len(trace) > 3
    assert_same(run_in_browser(page, kind, X, start, 1e-6, tol), trace)


@pytest.mark.parametrize("kind", [*COVARIANCE_TYPES, "lloyd"])
def test_old_faithful_from_a_silly_start(page: Any, kind: str) -> None:
    X = load_faithful().data
    start = start_on(X, "spherical" if kind == "lloyd" else kind, 4)
    steps = lloyd(X, start) if kind == "lloyd" else em(X, start, reg_covar=1e-3)
    assert_same(run_in_browser(page, kind, X, start, 1e-3, max_iter=20), Trace.record(steps, X, max_iter=20))


@pytest.mark.parametrize("kind", COVARIANCE_TYPES)
def test_a_collapse_ends_the_run_in_the_same_place(page: Any, kind: str) -> None:
    """Six points in two heaps of one spot each: without reg_covar a covariance must collapse."""
    X = np.array([[0.0, 0.0]] * 3 + [[1.0, 2.0]] * 3)
    start = start_on(X + np.random.default_rng(0).normal(size=X.shape), kind, 2)
    start = Mixture([0.5, 0.5], [[0.0, 0.1], [1.0, 1.9]], start.covariances, kind)
    trace = Trace.record(em(X, start), X, tol=0)
    made = run_in_browser(page, kind, X, start, tol=0)
    assert trace.outcome == "collapsed"
    assert made["outcome"]["name"] == "collapsed"
    # The last digits decide in which of the final steps rounding pushes a variance to zero, and which heap is first.
    assert abs(len(made["snapshots"]) - len(trace)) <= 2
    assert all(np.isfinite(step["objective"]) for step in made["snapshots"])


def test_points_far_from_every_component_have_responsibilities(page: Any) -> None:
    X = np.array([[1e4, -1e4], [0.0, 0.0], [1.0, 1.0]])
    start = Mixture([0.3, 0.7], [[0.0, 0.0], [1.0, 1.0]], [1.0, 1.0], "spherical")
    made = run_in_browser(page, "spherical", X, start, max_iter=0)
    assert_same(made, Trace.record(em(X, start), X, max_iter=0))
    assert np.isfinite(made["snapshots"][0]["objective"])


def test_an_empty_cluster_takes_the_farthest_point(page: Any) -> None:
    X = blobs(2)
    centres = np.vstack([X[:2], [[1e3, 1e3]]])
    start = Mixture(np.full(3, 1 / 3), centres, np.ones(3), "spherical")
    assert_same(run_in_browser(page, "lloyd", X, start), Trace.record(lloyd(X, centres), X))


def test_more_clusters_than_distinct_points(page: Any) -> None:
    X = np.array([[0.0, 0.0]] * 3 + [[1.0, 2.0]] * 3)
    start = Mixture(np.full(3, 1 / 3), [[0.0, 0.0], [1.0, 2.0], [5.0, 5.0]], np.ones(3), "spherical")
    made = run_in_browser(page, "lloyd", X, start, max_iter=4)
    trace = Trace.record(lloyd(X, start), X, max_iter=4)
    np.testing.assert_allclose([s["means"] for s in made["snapshots"]], trace.means.reshape(len(trace), -1))


def test_em_js_stays_short_enough_to_read() -> None:
    code = (STATIC / "em.js").read_text(encoding="utf-8")
    assert code.count("\n") < 200
    for equation in ("9.23", "9.24", "9.25", "9.26", "9.27"):
        assert equation in code, f"equation {equation} of Bishop (2006) has lost its line"
    assert json.dumps(code)  # plain text
