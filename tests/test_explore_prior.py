"""The prior explorer: its runs are variational EM's, the dead are dead, and the two priors differ as theory says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.mixture import BayesianGaussianMixture

from gmmteach.datasets import load_faithful, make_moons
from gmmteach.visual import explore_prior
from gmmteach.visual.explorers.prior import PRIORS, _apart


def settle(panel: Any, weight_prior: str, concentration: float, iteration: int) -> None:
    with panel.together():
        panel.prior.value, panel.concentration.value = weight_prior, concentration
        panel.iteration.value = iteration


@pytest.mark.parametrize("weight_prior", PRIORS.values())
@pytest.mark.parametrize("concentration", [1e-3, 1.0, 1e3])
@pytest.mark.filterwarnings("ignore:.*did not converge")
def test_a_run_is_scikit_learns(weight_prior: str, concentration: float) -> None:
    panel = explore_prior(n_iter=12, iteration=12, weight_prior=weight_prior, concentration=concentration)
    X, n_components = load_faithful().data, 6
    theirs = BayesianGaussianMixture(
        n_components=n_components, weight_concentration_prior_type=weight_prior,
        weight_concentration_prior=concentration, reg_covar=0, tol=0, max_iter=12, random_state=0,
    ).fit(X)  # fmt: skip
    mixture = panel.snapshot.mixture
    assert mixture.means == pytest.approx(theirs.means_, rel=1e-6)
    assert mixture.covariances == pytest.approx(theirs.covariances_, rel=1e-5)
    assert mixture.weights == pytest.approx(theirs.weights_, abs=1e-7)
    assert panel.counts == pytest.approx(theirs.mean_precision_ - 1, abs=1e-5)


@pytest.mark.parametrize("weight_prior", PRIORS.values())
@pytest.mark.parametrize("concentration", [1e-3, 3.0, 1e3])
def test_the_bound_never_falls_and_all_points_are_owned(weight_prior: str, concentration: float) -> None:
    panel = explore_prior(n_iter=40, iteration=0, weight_prior=weight_prior, concentration=concentration)
    run = panel._run(weight_prior, concentration)
    assert np.diff(run.objective).min() > -1e-8
    assert run.counts.sum(axis=1) == pytest.approx(np.full(41, 272.0))
    assert run.weights.sum(axis=1) == pytest.approx(np.ones(41))


def test_every_setting_begins_with_the_same_labels() -> None:
    labels = KMeans(6, n_init=1, random_state=0).fit_predict(load_faithful().data)
    panel = explore_prior(iteration=0)
    for weight_prior in PRIORS.values():
        for concentration in (1e-3, 1e3):
            settle(panel, weight_prior, concentration, 0)
            assert panel.counts == pytest.approx(np.bincount(labels))


def test_small_concentrations_kill_and_large_ones_keep() -> None:
    """Between 1 and 10 the Dirichlet distribution changes its mind; the process does not."""
    panel = explore_prior(iteration=150)
    alive = {}
    for weight_prior in PRIORS.values():
        for concentration in (1e-3, 1.0, 10.0, 1e3):
            settle(panel, weight_prior, concentration, 150)
            alive[weight_prior, concentration] = int(panel.alive.sum())
    assert [alive["dirichlet_distribution", value] for value in (1e-3, 1.0, 10.0, 1e3)] == [2, 2, 6, 6]
    assert [alive["dirichlet_process", value] for value in (1e-3, 1.0, 10.0, 1e3)] == [2, 2, 2, 2]


def test_the_dead_are_back_at_their_prior() -> None:
    panel = explore_prior(iteration=150)
    X, dead = load_faithful().data, np.flatnonzero(~panel.alive)
    assert len(dead) == 4
    assert panel.snapshot.mixture.means[dead] == pytest.approx(np.tile(X.mean(axis=0), (4, 1)), rel=0.05)
    assert panel.snapshot.mixture.covariances[dead] == pytest.approx(np.tile(np.cov(X.T) / 2, (4, 1, 1)), rel=0.15)
    assert all(panel._numbers[k].get_text() == "" for k in dead)
    assert {panel._ellipses[k].get_linewidth() for k in dead} == {1.8}


def test_the_picture_and_the_words_are_the_snapshot() -> None:
    panel = explore_prior(iteration=30)
    centres, widths, heights, _ = panel.snapshot.mixture.ellipses(2.0)
    for k in range(6):
        assert panel._ellipses[k].get_center() == pytest.approx(centres[k])
        assert (panel._ellipses[k].width, panel._ellipses[k].height) == pytest.approx((widths[k], heights[k]))
        times, weights = panel._lines[k].get_data()
        assert times.tolist() == list(range(31))
        assert weights[-1] == pytest.approx(panel.snapshot.mixture.weights[k])
    assert sum(len(points.get_xdata()) for points in panel._points) == 272
    drawn = panel._bound_ahead.get_ydata()
    assert drawn[-1] == 0
    assert drawn[30] == pytest.approx(panel.snapshot.objective - panel._run(*panel.setting).objective[-1])
    assert f"{panel.alive.sum()} of 6 components alive" in panel.picture.text
    assert f"ELBO −{-panel.snapshot.objective:,.1f} nats" in panel.picture.text


def test_steps_stay_inside() -> None:
    panel = explore_prior(n_iter=10, iteration=9)
    panel._go(10)
    assert panel.now == 10
    panel._go(-99)
    assert panel.now == 0


def test_labels_do_not_cover_each_other() -> None:
    heights = np.array([0.2, 0.21, 0.0, 0.95, 0.96])
    shown = np.array([True, True, False, True, True])
    placed = _apart(heights, shown, 0.08)
    assert np.diff(np.sort(placed[shown])).min() > 0.079
    assert placed[shown].max() <= 0.97
    assert heights.tolist() == [0.2, 0.21, 0.0, 0.95, 0.96]


def test_other_data_can_be_explored() -> None:
    panel = explore_prior(make_moons(120)[0], 10, n_iter=20, iteration=20, feature_names=["a", "b"])
    assert panel.snapshot.mixture.n_components == 10
    assert panel._times[0].axes.get_ylabel() == "expected weight"
    assert [panel._points[0].axes.get_xlabel(), panel._points[0].axes.get_ylabel()] == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((5, 3))}, "two columns"),
        ({"n_components": 1}, "n_components is 1"),
        ({"n_components": 11}, "n_components is 11"),
        ({"n_iter": 5}, "n_iter is 5"),
        ({"iteration": 151}, "iteration 151"),
        ({"concentration": 0.0}, "must be positive"),
        ({"weight_prior": "dirichlet"}, "'dirichlet'"),
        ({"feature_names": ["x"]}, "1 name"),
    ],
)
def test_what_cannot_be_explored(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_prior(**arguments)
