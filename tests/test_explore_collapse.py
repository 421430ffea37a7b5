"""The collapse: the climb is that of the likelihood, a halving adds ln 2, and each remedy ends it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from gmmteach import Mixture
from gmmteach.datasets import load_galaxies
from gmmteach.visual import explore_collapse

HALVINGS = 24
REMEDIES = ("no remedy", "reg_covar", "tied", "prior")


@pytest.fixture
def spike() -> Any:
    return explore_collapse()


def put(panel: Any, halvings: int, remedy: str = "no remedy", point: int = 81) -> None:
    with panel.together():
        panel.halvings.value, panel.remedy.value, panel.point.value = halvings, remedy, point


def expected(x: Any, centre: float, sigma: float, wide: float) -> float:
    """Total log-likelihood, by the library's own mixture."""
    share = 1 / len(x)
    means = np.array([[x.mean()], [centre]])
    mixture = Mixture(np.array([1 - share, share]), means, np.array([wide**2, sigma**2]), "spherical")
    return float(mixture.log_density(x[:, None]).sum())


@pytest.mark.parametrize("point", [0, 40, 81])
@pytest.mark.parametrize("halvings", [0, 1, 7, 24])
def test_the_climb_is_the_log_likelihood(spike: Any, halvings: int, point: int) -> None:
    x = np.sort(load_galaxies().data[:, 0]) / 1000
    own, sigma = x.std(), x.std() / 2**halvings
    put(spike, halvings, point=point)
    assert spike.sigma == spike.width == pytest.approx(sigma)
    assert spike.objective == pytest.approx(expected(x, x[point], sigma, own))
    put(spike, halvings, "reg_covar", point)
    assert spike.width == pytest.approx(np.sqrt(sigma**2 + 1e-6))
    assert spike.objective == pytest.approx(expected(x, x[point], spike.width, np.sqrt(own**2 + 1e-6)))
    put(spike, halvings, "tied", point)
    assert spike.objective == pytest.approx(expected(x, x[point], sigma, sigma))
    put(spike, halvings, "prior", point)
    prior = stats.invgamma(1.5, scale=own**2 / 8)  # inverse-Wishart, ν = 3, Ψ = var / 4, in one dimension
    gained = prior.logpdf(sigma**2) - prior.logpdf(own**2 / 20)
    assert spike.objective == pytest.approx(expected(x, x[point], sigma, own) + gained)


@pytest.mark.parametrize("point", [0, 3, 40, 77, 81])
def test_in_the_end_a_halving_adds_ln_2_whatever_the_point(spike: Any, point: int) -> None:
    put(spike, 24, point=point)
    assert_allclose(np.diff(spike.path())[-6:], np.log(2), atol=1e-3)


@pytest.mark.parametrize("point", [0, 40, 81])
def test_no_remedy_is_unbounded_and_each_remedy_has_a_top(spike: Any, point: int) -> None:
    put(spike, 0, point=point)
    paths = {remedy: spike.path(remedy) for remedy in REMEDIES}
    assert paths["no remedy"].argmax() == HALVINGS
    assert np.ptp(paths["reg_covar"][-6:]) < 1e-3
    assert np.diff(paths["tied"])[-1] < -1e6
    assert 0 < paths["prior"].argmax() < 6
    assert np.diff(paths["prior"])[-1] < -1e6


def test_the_picture_shows_the_numbers(spike: Any) -> None:
    put(spike, 9, "reg_covar", 40)
    steps, climb = spike._climb.get_data()
    assert list(steps) == list(range(10))
    assert_allclose(climb, spike.path()[:10])
    assert_allclose(spike._bare.get_data()[1], spike.path("no remedy")[:10])
    assert_allclose(np.ravel(spike._now.get_data()), [9, spike.objective])
    x, y = spike._spike.get_data()
    assert x[y.argmax()] == pytest.approx(spike.centre)
    assert y.max() == pytest.approx(stats.norm(0, spike.width).pdf(0) / 82)
    put(spike, 9)
    assert len(spike._bare.get_data()[0]) == 0
    assert spike._off.get_text() == ""
    put(spike, 9, "tied")
    assert "off the picture" in spike._off.get_text()


def test_buttons(spike: Any) -> None:
    spike.start_again()
    for _ in range(3):
        spike.halve()
    assert spike.halvings.value == 3
    assert "halved 3 times" in spike.picture.text
    put(spike, HALVINGS, "prior")
    spike.halve()
    assert spike.halvings.value == HALVINGS
    spike.start_again()
    assert (spike.halvings.value, spike.remedy.value) == (0, "no remedy")
    assert "not halved yet" in spike.picture.text


@pytest.mark.parametrize("remedy", REMEDIES)
def test_the_sentence_is_short_and_says_what_happened(spike: Any, remedy: str) -> None:
    for halvings in range(0, HALVINGS + 1, 3):
        put(spike, halvings, remedy, halvings)
        lines = spike.picture.text.split("\n")
        assert len(lines) == 2
        assert max(map(len, lines)) < 112
        assert not re.search(r"nan|inf|e\+", spike.picture.text)
        assert f"{spike.centre:.2f}" in lines[0]
    put(spike, 24, point=81)
    assert "the last halving +0.693" in spike.picture.text
    assert "no top" in spike.picture.text


def test_other_data() -> None:
    x = np.array([2.0, 0.0, 1.0, 5.0]) * 1e6
    panel: Any = explore_collapse(x[:, None], point=1, halvings=3, reg_covar=4.0, name="income (euros)")
    assert panel.centre == 1e6
    assert panel.weight == 0.25
    assert panel.objective == pytest.approx(expected(np.sort(x), 1e6, x.std() / 8, x.std()))
    assert panel._wide.axes.get_xlabel() == "income (euros)"
    assert explore_collapse(x).centre == 5e6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X": np.zeros((4, 2))}, "one column"),
        ({"X": [1.0, np.nan]}, "missing"),
        ({"X": [1.0, 1.0]}, "two different"),
        ({"point": 82}, "from 0 to 81"),
        ({"reg_covar": 0.0}, "positive"),
    ],
)
def test_what_cannot_be_shown(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_collapse(**options)
