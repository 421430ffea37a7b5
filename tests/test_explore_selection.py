"""The explorer of K: its criteria are those of the estimators, its choices follow, and it says what it shows."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as TheirGaussianMixture
from sklearn.model_selection import KFold, cross_val_score

from gmmteach import GaussianMixture
from gmmteach.datasets import make_moons, make_overlapping_blobs
from gmmteach.visual import explore_selection
from gmmteach.visual.explorers.selection import CRITERIA, KNOWN, MOST, STARTS


@pytest.fixture(scope="module")
def X() -> Any:
    return make_overlapping_blobs(150, separation=5.0, random_state=3)


@pytest.fixture(scope="module")
def shared(X: Any) -> Any:
    return explore_selection(*X, n_components=3)


@pytest.fixture
def panel(shared: Any) -> Any:
    """One panel for all tests, put back to where it started: its fits take a second."""
    shared.components.value, shared.view.value = 3, "ellipses"
    return shared


def test_criteria_are_those_of_a_fit_by_hand(panel: Any, X: Any) -> None:
    points, _ = X
    floor = 1e-6 * points.var(axis=0).mean()
    for size in (1, 3, 6):
        model = GaussianMixture(size, n_init=STARTS, reg_covar=floor, max_iter=200, random_state=0).fit(points)
        wanted = [model.aic(points), model.bic(points), model.icl(points)]
        assert 2 * len(points) * panel.study.losses[:3, size - 1] == pytest.approx(wanted, rel=1e-6)


def test_aic_bic_and_held_out_agree_with_scikit_learn(panel: Any, X: Any) -> None:
    points, _ = X
    theirs = TheirGaussianMixture(3, n_init=STARTS, random_state=0)
    held = cross_val_score(theirs, points, cv=KFold(5, shuffle=True, random_state=0)).mean()
    theirs.fit(points)
    wanted = [theirs.aic(points) / 300, theirs.bic(points) / 300]
    assert panel.study.losses[:2, 2] == pytest.approx(wanted, abs=1e-4)
    assert panel.study.losses[3, 2] == pytest.approx(-held, abs=1e-3)


def test_behind_is_zero_at_the_best_and_nowhere_negative(panel: Any) -> None:
    assert panel.behind.shape == (len(CRITERIA), MOST)
    assert (panel.behind >= 0).all()
    for row, best in zip(panel.behind, panel.least.values(), strict=True):
        assert row[best - 1] == 0


def test_icl_is_never_below_bic(panel: Any) -> None:
    assert (panel.study.losses[2] >= panel.study.losses[1] - 1e-12).all()
    assert panel.study.losses[2, 0] == pytest.approx(panel.study.losses[1, 0])  # one component leaves no doubt


def test_separate_blobs_are_counted(panel: Any) -> None:
    assert [panel.least[name] for name in ("BIC", "ICL")] == [3, 3]
    assert "BIC 3, ICL 3" in panel.sentence()


def test_moons_need_more_gaussians_than_there_are_moons() -> None:
    panel = explore_selection(n_components=2)
    assert 7 <= panel.least["BIC"] <= 10
    found = panel.mixture.responsibilities(panel.study.X).argmax(axis=1)
    assert 0.4 < adjusted_rand_score(make_moons(300)[1], found) < 0.6


def test_sentence_has_the_numbers_of_the_fit(panel: Any, X: Any) -> None:
    points, labels = X
    panel.components.value = 4
    total = panel.mixture.log_density(points).sum()
    assert f"4 components, 23 parameters: log-likelihood −{-total:,.1f} nats" in panel.picture.text
    agreement = adjusted_rand_score(labels, panel.mixture.responsibilities(points).argmax(axis=1))
    assert f"the 3 true groups: adjusted Rand index {agreement:.2f} of 1" in panel.picture.text
    for name, best in panel.least.items():
        assert f"{name} {best}" in panel.picture.text


def test_without_labels_there_is_no_word_of_groups(X: Any) -> None:
    panel = explore_selection(X[0], feature_names=["a (m)", "b (s)"])
    assert "groups" not in panel.sentence()
    assert (panel.axes.get_xlabel(), panel.axes.get_ylabel()) == ("a (m)", "b (s)")


def test_points_ellipses_and_marks_follow_the_slider(panel: Any, X: Any) -> None:
    points, _ = X
    panel.components.value = 5
    panel.update()
    shown = np.vstack([part.get_offsets() for part in panel._points])
    assert len(shown) == len(points)
    assert sorted(map(tuple, shown.tolist())) == sorted(map(tuple, points.tolist()))
    assert [ellipse.get_visible() for ellipse in panel._ellipses] == [True] * 5 + [False] * 5
    for ellipse, centre in zip(panel._ellipses, panel.mixture.means, strict=False):
        assert ellipse.get_center() == pytest.approx(centre)
    for here, curve in zip(panel._here, panel.behind, strict=True):
        assert (here.get_xdata()[0], here.get_ydata()[0]) == (5, curve[4])


def test_density_shows_contours_in_place_of_ellipses(panel: Any) -> None:
    panel.view.value = "density"
    assert not any(ellipse.get_visible() for ellipse in panel._ellipses)
    lines = panel._lines.get_segments()
    assert len(lines) >= 4
    heights = [np.ptp(panel.mixture.log_density(line)) for line in lines]
    assert max(heights) < 0.3  # a contour is where the density is the same
    panel.view.value = "ellipses"
    assert not panel._lines.get_segments()


@pytest.mark.parametrize("name", KNOWN)
def test_every_choice_of_data_works_at_every_size(name: str) -> None:
    panel = explore_selection()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel.choice.value = name
        for view in ("density", "ellipses"):
            panel.view.value = view
            for size in (1, MOST):
                panel.components.value = size
                assert panel.n_components == size
                assert not re.search(r"nan|inf|not a number|∞", panel.picture.text)
    assert panel.sentence() == explore_selection(data=name, n_components=MOST).sentence()


def test_data_of_any_unit_give_the_same_differences(X: Any) -> None:
    small, large = (explore_selection(X[0] * unit) for unit in (1e-6, 1e6))
    assert small.least == large.least
    assert small.behind == pytest.approx(large.behind, abs=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"X": np.zeros((49, 2))}, "50 to 2,000 rows and 2 columns"),
        ({"X": np.zeros((60, 3))}, r"its shape is \(60, 3\)"),
        ({"X": np.full((60, 2), np.nan)}, "missing or infinite"),
        ({"X": np.random.default_rng(0).normal(size=(60, 2)), "labels": [1, 2]}, "one for each of 60 rows"),
        ({"X": np.random.default_rng(0).normal(size=(60, 2)), "feature_names": ["a"]}, "1 name"),
        ({"data": "cheese"}, "'cheese'"),
    ],
)
def test_what_makes_no_sense_is_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_selection(**options)
