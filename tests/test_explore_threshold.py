"""The threshold explorer: flags, precision and recall are what counting gives, and the border divides the flagged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator
from scipy.spatial.distance import mahalanobis
from scipy.stats import multivariate_normal
from sklearn.metrics import precision_score, recall_score

from gmmteach import Mixture
from gmmteach.datasets import load_customers, load_faithful
from gmmteach.visual import explore_threshold
from gmmteach.visual.explorers.threshold import KINDS


def test_the_forms_are_the_customers_with_some_numbers_swapped() -> None:
    panel = explore_threshold()
    right = np.log(load_customers().data[:, [2, 4]])
    assert panel.truth.sum() == 22
    assert panel.X[~panel.truth] == pytest.approx(right[~panel.truth])
    assert panel.X[panel.truth] == pytest.approx(right[panel.truth][:, ::-1])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("percent", [0.5, 5.0, 12.5, 20.0])
def test_precision_and_recall_are_scikit_learns(name: str, percent: float) -> None:
    panel = explore_threshold(by=name, share=percent / 100)
    assert panel.flagged.sum() == panel.n_flagged == round(4.4 * percent)
    scores = panel.scores[name]
    assert (panel.flagged == (scores > panel.threshold)).all()
    assert panel.precision == pytest.approx(precision_score(panel.truth, panel.flagged))
    assert panel.recall == pytest.approx(recall_score(panel.truth, panel.flagged))
    for line, dot in zip(panel._lines, panel._dots, strict=True):
        x, y = line.get_data()
        (place,), (value,) = dot.get_data()
        assert y[np.argmin(np.abs(x - place))] == pytest.approx(value)
    assert panel._lines[1].get_ydata()[-1] == pytest.approx(
        panel.truth[np.argsort(-scores)[:88]].sum() / panel.truth.sum()
    )


def test_scores_are_density_and_two_distances() -> None:
    panel = explore_threshold()
    mixture = panel.mixture
    for n in (0, 75, 439):
        x = panel.X[n]
        parts = list(zip(mixture.weights, mixture.means, mixture.covariances, strict=True))
        density = sum(weight * multivariate_normal(mean, covariance).pdf(x) for weight, mean, covariance in parts)
        assert panel.scores["density"][n] == pytest.approx(-np.log(density))
        nearest = min(mahalanobis(x, mean, np.linalg.inv(covariance)) for _, mean, covariance in parts)
        assert panel.scores["Mahalanobis"][n] == pytest.approx(nearest)
        assert panel.scores["Euclidean"][n] == pytest.approx(min(np.hypot(*(x - mean)) for mean in mixture.means))


@pytest.mark.parametrize("name", KINDS)
def test_the_border_parts_the_flagged_from_the_others(name: str) -> None:
    panel = explore_threshold(by=name, share=0.1)
    x, y = panel._grid
    heights = RegularGridInterpolator((y, x), panel._heights[name])(panel.X[:, ::-1])
    wrong = (heights > panel.threshold) != panel.flagged
    assert wrong.sum() <= 4  # the border is drawn on a grid
    for line in panel._border.get_segments():
        on_it = RegularGridInterpolator((y, x), panel._heights[name])(
            np.clip(line, [x[0], y[0]], [x[-1], y[-1]])[:, ::-1]
        )
        assert on_it == pytest.approx(panel.threshold, rel=0.02)
    assert len(panel._rings.get_xdata()) == panel.n_flagged


def test_the_sentence_compares_the_three() -> None:
    panel = explore_threshold(share=0.1)
    assert "Flagged: 44 of 440 points" in panel.picture.text
    assert panel.found_by("density") > panel.found_by("Mahalanobis") > panel.found_by("Euclidean")
    assert f"precision {panel.precision:.0%}".replace("%", " %") in panel.picture.text
    assert f"as many flags find {panel.found_by('Mahalanobis')}, by Euclidean" in panel.picture.text
    panel.by.value = "Euclidean"
    assert "Euclidean distance above" in panel.picture.text
    assert f"By low density as many flags find {panel.found_by('density')}" in panel.picture.text


def test_where_nothing_is_known_there_is_a_histogram() -> None:
    X = load_faithful().data
    panel = explore_threshold(X, feature_names=["eruption (min)", "waiting (min)"])
    assert panel.truth is None
    assert panel.precision is None
    assert panel.recall is None
    assert "odd" not in panel.alt
    for name in KINDS:
        panel.by.value = name
        scores = panel.scores[name]
        heights = panel._bars.get_data()[0]
        expected = np.histogram(scores, bins=40)[0]
        assert heights == pytest.approx(expected / expected.max())
        place = panel._cut.get_xdata()[0]
        assert place == pytest.approx((panel.threshold - scores.min()) / np.ptp(scores))
        assert panel.flagged.sum() == 27


def test_a_mixture_of_your_own() -> None:
    X = load_faithful().data
    one = Mixture([1.0], [X.mean(axis=0)], [np.cov(X.T, bias=True)])
    panel = explore_threshold(X, X[:, 0] < 1.7, one)
    assert panel.flagged_by("density").tolist() == panel.flagged_by("Mahalanobis").tolist()  # one Gaussian: the same
    assert panel.flagged_by("Euclidean").tolist() != panel.flagged_by("density").tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((10, 3))}, "n_samples, 2"),
        ({"X": np.full((10, 2), np.nan)}, "NaN"),
        ({"truth": [True, False]}, "440 values"),
        ({"truth": np.zeros(440, dtype=bool)}, "nothing is odd"),
        ({"truth": np.ones(440)}, "440 values"),
        ({"by": "distance"}, "one of 'density'"),
        ({"feature_names": ["a"]}, "1 name"),
        ({"mixture": Mixture([1.0], [[0.0]], [[[1.0]]])}, "has 1 features"),
    ],
)
def test_what_cannot_be_drawn(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_threshold(**arguments)
