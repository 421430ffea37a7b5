"""The landscape of two means: heights, paths and peaks are right, and the sentence says where each path ends."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import approx_fprime, minimize

from gmmteach import e_step
from gmmteach.datasets import load_faithful, load_galaxies
from gmmteach.visual import explore_landscape

WAITS = load_faithful().data[:, 1]


def height(means: Any, weight: float = 0.36, sd: float = 6.0, x: Any = WAITS) -> float:
    """Log-likelihood, written out."""
    density = weight * stats.norm(means[0], sd).pdf(x) + (1 - weight) * stats.norm(means[1], sd).pdf(x)
    return float(np.log(density).sum())


@pytest.fixture
def panel() -> Any:
    return explore_landscape()


# --- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("means", [(55, 80), (80.0, 55.0), (70, 70)])
def test_heights_are_log_likelihoods(panel: Any, means: Any) -> None:
    assert panel.log_likelihood_at(means) == pytest.approx(height(means))


def test_the_map_has_mean_0_across_and_mean_1_up(panel: Any) -> None:
    land, grid = panel.map, panel.terrain.grid
    for across, up in ((10, 60), (70, 20), (45, 45)):
        assert land.heights[up, across] == pytest.approx(height((grid[across], grid[up])))


def test_contour_lines_lie_twice_as_far_below_the_top_each_time(panel: Any) -> None:
    land = panel.map
    for line in land.lines[::3]:
        below = np.array([land.tops[0] - height(place) for place in line[:: max(1, len(line) // 5)]])
        power = np.log2(np.median(below) / land.first_line)
        assert power == pytest.approx(round(power), abs=0.15)


@pytest.mark.parametrize("weight", [0.05, 0.36, 0.5, 0.8])
def test_peaks_are_where_an_optimiser_finds_them(panel: Any, weight: float) -> None:
    panel.weight.value = weight
    ends = [
        minimize(lambda means: -height(means, weight), start, method="Nelder-Mead", options={"xatol": 1e-6})
        for start in ((55, 80), (80, 55))
    ]
    ends.sort(key=lambda end: (round(end.fun, 3), end.x[0]))
    assert panel.peaks == pytest.approx(np.array([end.x for end in ends]), abs=1e-2)
    assert panel.map.tops == pytest.approx([-end.fun for end in ends], abs=1e-4)


def test_at_equal_weights_the_peaks_are_mirror_images(panel: Any) -> None:
    panel.weight.value = 0.5
    first, second = panel.peaks
    assert first == pytest.approx(second[::-1], abs=1e-3)
    assert panel.map.heights == pytest.approx(panel.map.heights.T)
    assert "one of two equal peaks" in panel.picture.text


def test_em_path_is_that_of_the_library(panel: Any) -> None:
    now = np.array(panel.start)
    path = panel.em_path
    for place in path.means[:8]:
        assert place == pytest.approx(now)
        shares = e_step(WAITS[:, np.newaxis], [0.36, 0.64], now[:, np.newaxis], np.full((2, 1, 1), 36.0))
        now = shares.T @ WAITS / shares.sum(axis=0)
    assert path.heights == pytest.approx([height(place) for place in path.means])
    assert (np.diff(path.heights) >= 0).all()
    assert path.ending == "arrived"


def test_gradient_path_follows_the_slope(panel: Any) -> None:
    path = panel.gradient_path
    for before, after in zip(path.means[:6], path.means[1:7], strict=True):
        slope = approx_fprime(before, height, 1e-6)
        assert after - before == pytest.approx(0.5 * 36 / len(WAITS) * slope, rel=1e-3, abs=1e-4)
    assert path.means[-1] == pytest.approx(panel.em_path.means[-1], abs=1e-2)


def test_em_steps_along_the_slope_too(panel: Any) -> None:
    """Its steps are σ²/N_k times the gradient (Xu & Jordan 1996)."""
    first, second = panel.em_path.means[:2]
    counts = panel.mixture_at(first).responsibilities(panel.X).sum(axis=0)
    assert second - first == pytest.approx(36 / counts * approx_fprime(first, height, 1e-6), rel=1e-3)


# --- where paths end ---------------------------------------------------------------------------------------


def test_identical_means_end_on_the_saddle_and_stay(panel: Any) -> None:
    panel.start_0.value, panel.start_1.value = 90.0, 90.0
    assert panel.em_path.means[-1] == pytest.approx(WAITS.mean())
    assert len(panel.em_path.means) == 2
    assert "EM is on the saddle" in panel.picture.text
    panel.start_1.value = 89.0
    assert "EM is on a peak 40.8 nats lower" in panel.picture.text


def test_the_order_of_the_starts_decides(panel: Any) -> None:
    rng = np.random.default_rng(0)
    for start in rng.uniform(45, 95, size=(30, 2)):
        means = panel.terrain.walk(start, panel.weights).means
        assert (np.sign(means[:, 0] - means[:, 1]) == np.sign(start[0] - start[1])).all()


def test_the_buttons(panel: Any) -> None:
    before = panel.start
    panel.exchange()
    assert panel.start == pytest.approx(before[::-1])
    assert "EM is on the highest peak" in panel.picture.text
    panel.make_alike()
    assert panel.start == pytest.approx([before.mean()] * 2)


def test_a_click_moves_the_start(panel: Any) -> None:
    width, height_ = panel.canvas.get_width_height()
    x, y = panel.axes.transData.transform((60.0, 90.0))
    panel.picture.point = [x / width, 1 - y / height_]
    assert panel.start == pytest.approx([60.0, 90.0], abs=panel.start_0.step)
    assert "EM is on the highest peak" in panel.picture.text
    said = panel.picture.text
    panel.picture.point = [0.99, 0.05]
    assert panel.picture.text == said


def test_a_step_too_long_never_arrives(panel: Any) -> None:
    """Near a peak the curvature is N_k / σ², so steps beyond 2 / 0.64 overshoot for ever."""
    panel.step.value = 3.0
    assert panel.gradient_path.ending == "arrived"
    panel.step.value = 3.5
    assert panel.gradient_path.ending == "unfinished"
    assert (np.diff(panel.gradient_path.heights) < 0).any()
    assert "still under way" in panel.picture.text
    terrain = panel.terrain
    assert terrain.walk(np.array([60.0, 90.0]), panel.weights, 50.0).ending == "astray"


def test_extremes_of_weight_and_start() -> None:
    panel = explore_landscape()
    low, high = panel.start_0.min, panel.start_0.max
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for weight in (0.05, 0.95):
            for start in ((low, low), (low, high), (high, low), (high, high)):
                with panel.together():
                    panel.weight.value = weight
                    panel.start_0.value, panel.start_1.value = start
                assert np.isfinite(panel.em_path.heights).all()
                assert np.isfinite(panel.gradient_path.heights).all()


def test_a_wide_component_leaves_one_peak() -> None:
    """Where σ² exceeds the variance of the data, two means alike are the best there is."""
    panel = explore_landscape(standard_deviation=1.1 * WAITS.std())
    assert len(panel.peaks) == 1
    assert panel.peaks[0] == pytest.approx(panel.saddle, abs=0.1)
    assert "only peak" in panel.picture.text


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_other_data(scale: float) -> None:
    panel = explore_landscape(load_galaxies().data[:, 0] * scale, name="velocity (km/s)")
    assert panel.peaks.shape[1] == 2
    assert panel.em_path.ending == "arrived"
    assert panel.unit == "(km/s)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": load_faithful().data}, "one column"),
        ({"standard_deviation": 0.0}, "positive"),
        ({"standard_deviation": float("nan")}, "positive"),
        ({"start": (1.0,)}, "start must be 2"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_landscape(**arguments)
