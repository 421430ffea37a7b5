"""The conditional explorer: its slices are those of the joint density, and its curve is a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import multivariate_normal

from gmmteach import GaussianMixture, Mixture
from gmmteach.datasets import load_faithful
from gmmteach.visual import explore_conditional

SLANTED = Mixture(
    [0.5, 0.3, 0.2],
    [[-2.0, 1.0], [2.0, -1.0], [0.0, 5.0]],
    [[[1.0, 0.7], [0.7, 2.0]], [[0.5, -0.3], [-0.3, 1.0]], [[2.0, 0.1], [0.1, 0.4]]],
)


def joint(mixture: Mixture, first: float, second: Any) -> Any:
    points = np.stack([np.full(np.shape(second), first), second], axis=-1)
    return sum(
        weight * multivariate_normal(mean, covariance).pdf(points)
        for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    )


def integral(mixture: Mixture, place: float, power: int) -> float:
    y = np.linspace(-25, 25, 4001)
    return float(trapezoid(y**power * joint(mixture, place, y), y))


@pytest.mark.parametrize("value", [-4.0, -1.0, 0.5, 3.0])
def test_the_slice_is_the_joint_density_divided_by_its_area(value: float) -> None:
    panel = explore_conditional(SLANTED, value=value)
    area, first, second = (integral(SLANTED, panel.value, power) for power in (0, 1, 2))
    assert panel.mean == pytest.approx(first / area, rel=1e-6)
    assert panel.standard_deviation == pytest.approx(np.sqrt(second / area - (first / area) ** 2), rel=1e-6)
    density, up = panel._total.get_data()
    assert density[::40] == pytest.approx(joint(SLANTED, panel.value, up[::40]) / area, rel=1e-6)
    assert trapezoid(density, up) == pytest.approx(1, abs=0.02)  # what the picture shows of it
    parts = sum(np.nan_to_num(curve.get_xdata()) for curve in panel._curves)
    assert parts == pytest.approx(density, abs=0.01 * density.max())
    assert panel._spot.get_xydata().tolist() == [[panel.value, panel.mean]]


def test_weights_become_responsibilities() -> None:
    panel = explore_conditional(SLANTED, value=0.5)
    shares = panel.mixture.marginal([0]).responsibilities([[panel.value]])[0]
    assert panel.conditional.weights == pytest.approx(shares)
    assert [text.get_text() for text in panel._weights] == [f"{k}:  {share:.2f}" for k, share in enumerate(shares)]
    assert ", ".join(f"{share:.2f}" for share in shares) in panel.picture.text
    assert "0.50, 0.30, 0.20" in panel.picture.text


def test_the_curve_of_one_gaussian_is_the_least_squares_line() -> None:
    X = load_faithful().data
    panel = explore_conditional(Mixture([1.0], [X.mean(axis=0)], [np.cov(X.T, bias=True)]), X, value=3.0)
    slope, intercept = np.polyfit(*X.T, 1)
    assert panel._moments[:, 0] == pytest.approx(intercept + slope * panel._along)
    assert panel._moments[:, 1] == pytest.approx(np.std(X[:, 1] - intercept - slope * X[:, 0]))
    assert "one peak" in panel.picture.text
    assert "Weights" not in panel.picture.text


def test_old_faithful_both_ways() -> None:
    fitted = GaussianMixture(2, tol=1e-8, max_iter=1000, random_state=0).fit(load_faithful().data).mixture_
    forth, back = explore_conditional(), explore_conditional(given=1)
    assert forth.mixture.means == pytest.approx(fitted.means)
    assert back.mixture.means == pytest.approx(fitted.means[:, ::-1])
    assert back.slide.description == "known: waiting (min)"
    for panel, given in ((forth, 0), (back, 1)):
        assert len(panel.peaks) == 2
        assert panel.standard_deviation == pytest.approx(panel._moments[:, 1].max(), rel=1e-2)
        expected = fitted.condition({given: panel.value})
        assert panel.mean == pytest.approx(expected.weights @ expected.means[:, 0])
        density = np.exp(expected.log_density(panel.peaks[:, np.newaxis]))
        for step in (-0.1, 0.1):
            assert (np.exp(expected.log_density(panel.peaks[:, np.newaxis] + step)) < density).all()
    forth.slide.value = 4.5
    assert "one peak" in forth.picture.text
    assert forth.peaks == pytest.approx([forth.mean], abs=0.05)


@pytest.mark.parametrize(("apart", "peaks"), [(1.0, 1), (1.9, 1), (2.1, 2), (6.0, 2)])
def test_two_equal_bells_have_two_peaks_from_two_standard_deviations_on(apart: float, peaks: int) -> None:
    twins = Mixture([0.5, 0.5], [[0.0, 0.0], [0.0, apart]], [np.eye(2)] * 2)
    assert len(explore_conditional(twins).peaks) == peaks


def test_a_drag_and_the_button_move_the_line() -> None:
    panel = explore_conditional()
    start = panel.value
    width, height = panel.canvas.get_width_height()
    x, y = panel.axes.transData.transform((4.0, 70.0))
    panel.picture.point = [x / width, 1 - y / height]
    assert panel.value == pytest.approx(4.0, abs=0.02)
    panel.widest.click()
    assert panel.value == pytest.approx(start)
    panel.picture.point = [0.99, 0.5]  # in the other picture
    assert panel.value == pytest.approx(start)


@pytest.mark.parametrize("scale", [1e-1, 1e5])
def test_other_units(scale: float) -> None:
    X = load_faithful().data * [scale, 1.0]
    panel = explore_conditional(X=X)
    assert panel.value == pytest.approx(2.9 * scale, rel=0.03)
    assert panel.mean == pytest.approx(65.6, abs=3)
    assert panel.slide.min < panel.value < panel.slide.max


@pytest.mark.parametrize("kind", ["tied", "diag", "spherical"])
def test_every_covariance_type(kind: str) -> None:
    model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(load_faithful().data)
    panel = explore_conditional(model.mixture_)
    assert np.isfinite(panel.mean)
    assert panel._moments.shape == (240, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"given": 2}, "given is 2"),
        ({"X": np.zeros((5, 3))}, "n_samples, 2"),
        ({"X": [[np.nan, 1.0], [0.0, 1.0]]}, "NaN"),
        ({"value": np.inf}, "value must be 1 finite"),
        ({"feature_names": ["a"]}, "1 name"),
        ({"mixture": Mixture([1.0], [[0.0]], [[[1.0]]])}, "has 1 features"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_conditional(**arguments)
