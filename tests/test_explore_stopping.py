"""The stopping explorer: its runs are EM's, its stops are scikit-learn's, and the sentence says what is drawn."""

from __future__ import annotations

import warnings
from itertools import islice
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from gmmteach import em
from gmmteach.datasets import make_overlapping_blobs
from gmmteach.visual import explore_stopping
from gmmteach.visual.explorers.stopping import start_of

MINUS = "−"


@pytest.fixture(scope="module")
def opened() -> Any:
    return explore_stopping()


@pytest.fixture
def panel(opened: Any) -> Any:
    turn(opened, 1.5, -3)
    return opened


def turn(panel: Any, separation: float, power: float) -> None:
    with panel.together():
        panel.separation.value, panel.power.value = separation, power


# --- numbers -----------------------------------------------------------------------------------------------


def test_the_course_numbers(panel: Any) -> None:
    """False convergence: the usual tol stops after 4 rounds, half a standard deviation from the end."""
    assert panel.stop == 4
    assert panel.trace.means[4, :, 0] == pytest.approx([0.52, 2.31], abs=0.01)
    assert panel.trace.means[-1, :, 0] == pytest.approx([0.02, 1.49], abs=0.01)
    assert 19 < panel.left < 20
    assert "stops after 4 rounds with means 0.52 and 2.31, 19.6 nats below the end" in panel.picture.text
    assert "The end of the run is 0.02 and 1.49" in panel.picture.text
    turn(panel, 1.5, -8)
    assert panel.stop == pytest.approx(351, abs=3)
    assert panel.left < 0.001


@pytest.mark.parametrize(("separation", "power"), [(1.5, -3), (1.5, -6), (2.5, -4), (4.0, -1), (3.0, -10)])
def test_a_stop_is_scikit_learns(panel: Any, separation: float, power: float) -> None:
    turn(panel, separation, power)
    start = start_of(separation)
    theirs = GaussianMixture(
        2, covariance_type="spherical", tol=10.0**power, max_iter=1000, reg_covar=0, weights_init=start.weights,
        means_init=start.means, precisions_init=1 / start.covariances,
    ).fit(panel.trace.X)  # fmt: skip
    assert theirs.converged_
    assert theirs.n_iter_ == pytest.approx(panel.stop, abs=1)
    if theirs.n_iter_ == panel.stop:
        assert theirs.means_ == pytest.approx(panel.trace.means[panel.stop], abs=1e-6)


def test_gains_are_those_of_the_written_out_log_likelihood(panel: Any) -> None:
    mixtures = [snapshot.mixture for snapshot in islice(panel.trace, 3)]
    X, totals = panel.trace.X, []
    for mixture in mixtures:
        parts = [
            np.log(weight) + norm(mean, np.sqrt(variance)).logpdf(X).sum(axis=1)
            for weight, mean, variance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
        ]
        totals.append(logsumexp(parts, axis=0).sum())
    assert panel.gains[:2] == pytest.approx(np.diff(totals) / len(X), rel=1e-9)


@pytest.mark.parametrize("separation", [1.0, 2.0, 4.0])
def test_the_rate_is_the_largest_eigenvalue_of_a_round(panel: Any, separation: float) -> None:
    """EM's map, differentiated numerically at the end of the run (Dempster, Laird & Rubin 1977, section 3)."""
    turn(panel, separation, -3)
    end = panel.trace[-1].mixture
    place = np.concatenate([[np.log(end.weights[0] / end.weights[1])], end.means.ravel(), np.log(end.covariances)])

    def a_round(free: Any) -> Any:
        weight = 1 / (1 + np.exp(-free[0]))
        mixture = type(end)([weight, 1 - weight], free[1:5].reshape(2, 2), np.exp(free[5:]), "spherical")
        after = list(islice(em(panel.trace.X, mixture), 2))[1].mixture
        log_odds = np.log(after.weights[0] / after.weights[1])
        return np.concatenate([[log_odds], after.means.ravel(), np.log(after.covariances)])

    h = 1e-5
    jacobian = np.column_stack([(a_round(place + h * e) - a_round(place - h * e)) / (2 * h) for e in np.eye(7)])
    assert panel.rate == pytest.approx(np.abs(np.linalg.eigvals(jacobian)).max(), abs=2e-3)
    assert f"{panel.rate:.3f} times" in panel.picture.text


def test_more_overlap_is_slower(panel: Any) -> None:
    rates, stops = [], []
    for separation in np.arange(1.0, 4.1, 0.25):
        turn(panel, float(separation), -8)
        rates.append(panel.rate)
        stops.append(panel.stop)
        assert panel.trace.outcome == "converged"
        assert (np.diff(panel.trace.objective) > -1e-9 * len(panel.trace.X)).all()
    assert (np.diff(rates) < 0).all()
    assert (np.diff(stops) < 0).all()


def test_the_blobs_are_those_of_the_data_set(panel: Any) -> None:
    X, labels = make_overlapping_blobs(2000, n_components=2, separation=1.5)
    moved = X + np.array([0.75, 0])
    assert np.allclose(panel.trace.X, moved)
    centres = [panel.trace.X[labels == k].mean(axis=0) for k in (0, 1)]
    assert sorted(centre[0] for centre in centres) == pytest.approx([0, 1.5], abs=0.1)


# --- picture -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("separation", "power"), [(1.5, -3), (1.0, -10), (4.0, -1)])
def test_what_is_drawn(panel: Any, separation: float, power: float) -> None:
    turn(panel, separation, power)
    stop, means = panel.stop, panel.trace.means[:, :, 0]
    for line in panel._stops:
        assert list(line.get_xdata()) == [stop, stop]
    x, y = panel._gain.get_data()
    assert x.tolist() == list(range(1, stop + 1))
    assert y == pytest.approx(panel.gains[:stop])
    for k in range(2):
        x, y = panel._later[k].get_data()
        assert (x[0], x[-1]) == (stop, len(means) - 1)
        assert y == pytest.approx(means[stop:, k])
        assert panel._dots[k].get_data() == ([stop], [means[stop, k]])
        assert panel._ends[k].get_text() == f"end {means[-1, k]:.2f}".replace("-", MINUS)
    assert "".join(word.get_text() for word in panel._words) == f"stops after {stop:,}"
    low, high = panel._stops[1].axes.get_ylim()
    assert low < means[1:].min() < means[1:].max() < high
    assert panel._level.get_ydata() == pytest.approx([panel.tol, panel.tol])


def test_a_click_sets_the_tolerance(panel: Any) -> None:
    width, height = panel.canvas.get_width_height()
    x, y = panel.axes.transData.transform((50.0, 1.1e-6))
    panel.picture.point = [x / width, 1 - y / height]
    assert panel.tol == pytest.approx(1e-6)
    assert "tol 1e−6 stops after" in panel.picture.text
    said = panel.picture.text
    panel.picture.point = [0.99, 0.99]
    assert panel.picture.text == said
    x, y = panel.axes.transData.transform((50.0, 5.0))
    panel.picture.point = [x / width, 1 - y / height]
    assert panel.tol == pytest.approx(0.1)


def test_every_place_of_the_sliders(panel: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for separation in np.arange(1.0, 4.1, 0.25):
            for power in np.arange(-10, -0.9, 0.5):
                turn(panel, float(separation), float(power))
                text = panel.picture.text
                assert "nan" not in text
                assert "inf" not in text
                assert text.count("\n") == 1
                assert max(len(line) for line in text.split("\n")) < 120
                assert panel.left > -1e-6


# --- arguments ---------------------------------------------------------------------------------------------


def test_arguments_are_brought_inside() -> None:
    panel = explore_stopping(separation=9, tol=1.0)
    assert (panel.separation.value, panel.tol) == (4.0, pytest.approx(0.1))
    assert explore_stopping(tol=3e-5).tol == pytest.approx(10**-4.5)


def test_other_samples() -> None:
    panel = explore_stopping(2.0, n_samples=400, random_state=3)
    assert panel.trace.X.shape == (400, 2)
    assert "400 samples" in panel.picture.alt


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"tol": 0.0}, "tol must be"), ({"tol": float("nan")}, "tol must be"), ({"n_samples": 50}, "n_samples is 50")],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_stopping(**arguments)
