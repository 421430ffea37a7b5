"""The shapes explorer: its runs are EM's, and stretching and turning change what theory says they change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from gmmteach.visual import explore_shapes
from gmmteach.visual.explorers.shapes import NAMES, TYPES


def settle(panel: Any, stretch: float, turn: float) -> None:
    with panel.together():
        panel.stretch.value, panel.turn.value = stretch, turn


def log_density(panel: Any, name: str) -> Any:
    mixture = panel.shown(name)
    parts = [
        np.log(weight) + multivariate_normal(mean, covariance).logpdf(panel.X)
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    ]
    return np.logaddexp.reduce(parts)


def test_it_begins_with_the_penguins() -> None:
    panel = explore_shapes()
    assert panel.X.shape == (342, 2)
    assert {name: panel.n_parameters(name) for name in NAMES} == {
        "full": 17, "tied": 11, "diag": 14, "spherical": 11, "k-means": 6,
    }  # fmt: skip
    assert panel.log_likelihood("full") == pytest.approx(-1634.3, abs=0.1)
    assert [panel.changed(name).sum() for name in NAMES] == [0] * 5
    for name in TYPES:
        assert f"{name} −{-panel.log_likelihood(name):,.1f}" in panel.picture.text
        assert panel._views[name]["head"].get_text() == f"−{-panel.log_likelihood(name):,.1f} nats, 0 changed"


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize(("stretch", "turn"), [(1, 0), (10, 0), (0.1, 45), (2.0, 20)])
def test_log_likelihoods_belong_to_what_is_drawn(name: str, stretch: float, turn: float) -> None:
    panel = explore_shapes(stretch=stretch, turn=turn, iteration=12)
    assert panel.log_likelihood(name) == pytest.approx(log_density(panel, name).sum(), rel=1e-9)
    centres, widths, heights, angles = panel.shown(name).ellipses(2.0)
    for k in range(3):
        drawn = panel._views[name][f"ellipse {k}"]
        assert drawn.get_center() == pytest.approx(centres[k])
        assert (drawn.width, drawn.height, drawn.angle) == pytest.approx((widths[k], heights[k], angles[k]))
    held = sum(len(panel._views[name][f"points {k}"].get_xdata()) for k in range(3))
    assert held == 342


@pytest.mark.parametrize("name", TYPES)
def test_a_run_is_scikit_learns(name: str) -> None:
    panel = explore_shapes(n_iter=8, stretch=0.5, turn=30)
    trace = panel.trace(name)
    start = trace[0].mixture
    chol = start.precisions_cholesky
    precisions = np.square(chol) if name in ("diag", "spherical") else chol @ np.swapaxes(chol, -1, -2)
    with pytest.warns(match="converge"):
        theirs = GaussianMixture(
            3, covariance_type=name, reg_covar=0, tol=0, max_iter=8, weights_init=start.weights,
            means_init=start.means, precisions_init=precisions,
        ).fit(trace.X)  # fmt: skip
    assert trace.means[8] == pytest.approx(theirs.means_, rel=1e-6)
    assert trace.objective[8] == pytest.approx(theirs.score(trace.X) * 342, rel=1e-8)


def test_k_means_is_scikit_learns_on_the_data_as_given() -> None:
    panel = explore_shapes(n_iter=60, stretch=0.3)
    trace = panel.trace("k-means")
    theirs = KMeans(3, init=trace.means[0], n_init=1, tol=0, max_iter=60).fit(trace.X)
    assert trace.means[-1] == pytest.approx(theirs.cluster_centers_, abs=1e-8)
    given = np.asarray(trace.X) / [panel.stretch.value, 1] + panel.X.mean(axis=0)
    assert given == pytest.approx(panel.X)


def test_who_changes_with_the_units() -> None:
    panel = explore_shapes()
    before = {name: (panel.shown(name), panel.log_likelihood(name)) for name in NAMES}
    same = {(10, 0): "full tied diag", (0.1, 0): "full tied diag", (1, 30): "full tied spherical k-means",
            (0.2, 45): "full tied"}  # fmt: skip
    for (stretch, turn), names in same.items():
        settle(panel, stretch, turn)
        for name in NAMES:
            now, (then, height) = panel.shown(name), before[name]
            if name in names.split():
                assert panel.changed(name).sum() == 0
                assert now.means == pytest.approx(then.means, rel=1e-6)
                assert panel.log_likelihood(name) == pytest.approx(height, abs=1e-5)
            else:
                assert panel.changed(name).sum() > 10
        assert len(panel._views["full"]["rings"].get_xdata()) == 0
        assert len(panel._views["k-means"]["rings"].get_xdata()) == panel.changed("k-means").sum()
        assert f"k-means {panel.changed('k-means').sum()}" in panel.picture.text
    panel.as_measured()
    assert "as measured" in panel.picture.text


def test_circles_are_round_where_the_data_are_given() -> None:
    for stretch, turn in ((1.0, 0), (10.0, 0), (0.1, 45)):
        panel = explore_shapes(stretch=stretch, turn=turn)
        for circle in panel._circles:
            scale = panel._given.transData.transform([[0, 0], [circle.width, circle.height]])
            across, up = scale[1] - scale[0]
            assert across == pytest.approx(up)
        x, y = panel._given_points.get_data()
        assert max(np.abs(x).max(), np.abs(y).max()) == pytest.approx(0.92)


def test_buttons_step() -> None:
    panel = explore_shapes(iteration=3)
    buttons = {each.description: each for each in panel.children[0].children[1:]}
    for name, now in (("← Step", 2), ("Step →", 3), ("End ⇥", 25), ("Step →", 25), ("⇤ Start", 0), ("← Step", 0)):
        buttons[name].click()
        assert panel.now == now
        assert f"Iteration {now} of 25" in panel.picture.text


def test_other_data_and_labels() -> None:
    X = np.random.default_rng(0).normal(size=(60, 2)) * [1e-4, 1e4]
    panel = explore_shapes(X, feature_names=["a (s)", "b (m)"])
    sizes = panel.trace("full")[0].mixture.weights * 60
    assert sizes == pytest.approx([20, 20, 20])
    labels = np.arange(60) % 2
    two = explore_shapes(X, labels, n_iter=3)
    assert two.trace("full").means.shape == (4, 2, 2)
    assert two.trace("k-means")[0].mixture.means == pytest.approx(
        np.array([X[labels == k].mean(axis=0) for k in (0, 1)]) - X.mean(axis=0)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((10, 3))}, "two columns|n_samples, 2"),
        ({"X": np.full((10, 2), np.nan)}, "NaN"),
        ({"n_iter": 0}, "from 1 to 100"),
        ({"iteration": 26}, "iteration 26"),
        ({"labels": [0, 1]}, "one for each sample"),
        ({"labels": np.repeat([0, 1], [1, 341])}, "groups of 3 or more"),
        ({"feature_names": ["a"]}, "1 name"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_shapes(**arguments)
