"""The bound: its numbers against an independent computation, its buttons, and what a wrong q does."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats
from scipy.special import rel_entr

from gmmteach import Mixture
from gmmteach.datasets import load_faithful
from gmmteach.visual import explore_bound

WAITS = load_faithful().data[:, 1]
KINDS = ("uniform", "hard", "swapped")


def joint(mean: float) -> Any:
    """Weight times density, (272, 2), from scipy."""
    return np.column_stack([0.36 * stats.norm(mean, 10).pdf(WAITS), 0.64 * stats.norm(80, 10).pdf(WAITS)])


@pytest.mark.parametrize("kind", KINDS)
def test_the_numbers_are_those_of_the_definitions(kind: str) -> None:
    panel = explore_bound()
    panel.e_step()
    panel.kind.value = kind
    own = joint(90.0) / joint(90.0).sum(axis=1, keepdims=True)
    other = {"uniform": np.full((272, 2), 0.5), "hard": np.eye(2)[own.argmax(axis=1)], "swapped": own[:, ::-1]}[kind]
    for amount, mean in itertools.product((0.0, 0.35, 1.0), (42.0, 63.7, 97.0)):
        with panel.together():
            panel.wrong.value, panel.mean.value = amount, mean
        q = (1 - amount) * own + amount * other
        assert panel.q == pytest.approx(q, abs=1e-12)
        assert panel.log_likelihood == pytest.approx(np.log(joint(mean).sum(axis=1)).sum())
        assert panel.elbo == pytest.approx(-rel_entr(q, joint(mean)).sum())
        assert panel.kl == pytest.approx(rel_entr(q, joint(mean) / joint(mean).sum(axis=1, keepdims=True)).sum())
        assert panel.elbo + panel.kl == pytest.approx(panel.log_likelihood, abs=1e-8)
        assert panel.kl > -1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_is_a_parabola_that_nowhere_crosses(kind: str) -> None:
    panel = explore_bound()
    panel.kind.value = kind
    for amount in (1.0, 0.5, 0.0):
        panel.wrong.value = amount
        means, bound = panel._bound.get_data()
        assert np.diff(bound, 3) == pytest.approx(0, abs=1e-6)
        assert (bound <= panel._curve + 1e-8).all()
        slow = [-rel_entr(panel.q, joint(mean)).sum() for mean in means[::60]]
        assert bound[::60] == pytest.approx(slow)


def test_an_e_step_lifts_and_an_m_step_climbs() -> None:
    panel = explore_bound()
    assert panel.kl > 100
    heights = [panel.log_likelihood]
    for _ in range(12):
        before = panel.log_likelihood
        panel.e_step()
        assert panel.log_likelihood == before
        assert panel.kl == pytest.approx(0, abs=1e-9)
        assert "touches" in panel.picture.text
        bound = panel.elbo
        top = optimize.minimize_scalar(lambda mean: -panel.elbo_at(mean), bounds=(40, 100), method="bounded")
        panel.m_step()
        assert panel.mean_now == pytest.approx(top.x, abs=1e-3)
        assert panel.mean.value == pytest.approx(panel.mean_now, abs=0.051)
        assert panel.log_likelihood - before >= panel.elbo - bound >= 0
        heights.append(panel.log_likelihood)
    assert (np.diff(heights) >= 0).all()
    assert heights[-1] == pytest.approx(panel._curve.max(), abs=0.02)
    assert "the log-likelihood rose by 0.0" in panel.picture.text


def test_the_bars_and_the_words_say_the_equation() -> None:
    panel = explore_bound()
    panel.mean.value = 70.0
    likelihood, elbo, gap = (bar.get_y() + bar.get_height() for bar in panel._bars)
    assert likelihood == pytest.approx(panel.log_likelihood)
    assert elbo == pytest.approx(panel.elbo)
    assert gap == pytest.approx(panel.log_likelihood)
    assert panel._bars[2].get_height() == pytest.approx(panel.kl)
    for text, value in zip(panel._numbers, (panel.log_likelihood, panel.elbo, panel.kl), strict=True):
        assert text.get_text() == f"{value:,.1f}".replace("-", "−")
        assert text.get_text() in panel.picture.text
    assert panel._gap.get_ydata() == pytest.approx([panel.elbo, panel.log_likelihood])


def test_with_a_wrong_q_an_m_step_can_fall() -> None:
    panel = explore_bound(start=56.0)
    assert panel.kind.value == "uniform"
    before = panel.elbo, panel.log_likelihood
    panel.m_step()
    assert panel.elbo > before[0]
    assert panel.log_likelihood < before[1]
    assert panel.mean_now == pytest.approx(WAITS.mean())
    assert f"fell by {before[1] - panel.log_likelihood:.1f}" in panel.picture.text


def test_a_hard_q_may_leave_a_component_without_points() -> None:
    panel = explore_bound()
    panel.mean.value = 80.0
    panel.e_step()
    panel.kind.value = "hard"
    assert panel.wrong.value == 1  # whoever picks a wrong q sees it
    assert panel.q[:, 0].sum() == 0
    panel.m_step()
    assert panel.mean_now == 80
    assert "nowhere to go" in panel.picture.text


def test_far_below_the_picture_kl_fills_the_bar() -> None:
    panel = explore_bound()
    panel.mean.value = 45.0
    panel.e_step()
    panel.kind.value = "swapped"
    assert panel.elbo < panel._floor
    assert panel._bars[1].get_height() == 0
    assert panel._bars[2].get_height() == pytest.approx(panel.log_likelihood - panel._floor)


def test_start_again_and_clicks() -> None:
    panel = explore_bound()
    first = panel.picture.png, panel.picture.text
    for step in (panel.e_step, panel.m_step, panel.e_step):
        step()
    assert len(panel._touched.get_xdata()) == 2
    panel.start_again()
    assert (panel.picture.png, panel.picture.text) == first
    width, height = panel.canvas.get_width_height()
    x, y = panel.axes.transData.transform((61.2, -1200.0))
    panel.picture.point = [x / width, 1 - y / height]
    assert panel.mean_now == pytest.approx(61.2, abs=0.15)


def test_other_data_and_what_cannot_be_drawn() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(0, 1, 50), rng.normal(1000, 300, 80)])
    mixture = Mixture(np.array([0.5, 0.5]), np.array([[0.0], [1000.0]]), np.array([1.0, 300.0**2]), "spherical")
    panel = explore_bound(x, mixture, name="length (mm)")
    assert panel.axes.get_xlabel() == "mean μ₀ (mm)"
    for kind in KINDS:
        panel.kind.value = kind
        assert np.isfinite(panel.kl)
        assert panel.elbo + panel.kl == pytest.approx(panel.log_likelihood)
    assert explore_bound(start=10.0).mean_now == 42
    with pytest.raises(ValueError, match="2 components in 1 feature, but has 1 in 2"):
        explore_bound(mixture=Mixture(np.ones(1), np.zeros((1, 2)), np.ones(1), "spherical"))
    with pytest.raises(ValueError, match="one column"):
        explore_bound(np.zeros((4, 2)))
