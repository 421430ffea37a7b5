"""The variance dial: EM on the left is EM, k-means on the right is k-means, and the limit is the limit."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import softmax

from gmmteach import lloyd
from gmmteach.datasets import make_overlapping_blobs
from gmmteach.visual import explore_limit


@pytest.fixture
def dial() -> Any:
    return explore_limit()


def put(dial: Any, halvings: float, rounds: int) -> None:
    with dial.together():
        dial.dial.value, dial.round.value = halvings, rounds


def by_the_book(X: Any, means: Any, sigma: float, rounds: int) -> Any:
    """EM with equal weights and covariance sigma² I (Bishop 2006, eqs. 9.42 and 9.24)."""
    for _ in range(rounds):
        shares = softmax(-np.square(X[:, None] - means).sum(axis=2) / (2 * sigma**2), axis=1)
        means = shares.T @ X / shares.sum(axis=0)[:, None]
    return means


@pytest.mark.parametrize("halvings", [0, 1, 2.5, 6])
@pytest.mark.parametrize("rounds", [0, 1, 5, 12])
def test_both_sides_are_what_they_say(dial: Any, halvings: float, rounds: int) -> None:
    put(dial, halvings, rounds)
    assert dial.sigma == pytest.approx(2**-halvings)
    assert_allclose(dial.means, by_the_book(dial.X, dial.start, dial.sigma, rounds), atol=1e-9)
    snapshots = list(islice(lloyd(dial.X, dial.start), rounds + 1))
    assert_allclose(dial.centres, snapshots[-1].mixture.means)
    left, right = dial._sides
    for side, means in ((left, dial.means), (right, dial.centres)):
        drawn = [np.ravel(artist.get_data()) for artist in side.means]
        assert_allclose(drawn, means)
        assert sum(len(points.get_offsets()) for points in side.points) == len(dial.X)
        assert all(len(way.get_xdata()) == rounds + 1 for way in side.ways)


def test_the_limit_is_k_means_in_every_round(dial: Any) -> None:
    apart = []
    for halvings in (1, 3, 6):
        gaps = []
        for rounds in range(13):
            put(dial, halvings, rounds)
            gaps.append(np.abs(dial.means - dial.centres).max())
        apart.append(max(gaps))
    assert apart[0] > 0.1
    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 2e-3


def test_the_sentence_counts_the_undecided(dial: Any) -> None:
    put(dial, 1, 12)
    undecided = int((dial.responsibilities.max(axis=1) < 0.99).sum())
    assert 50 < undecided < 200
    assert f"{undecided} of 342 points" in dial.sentence()
    assert "from k-means' means" in dial.sentence()
    put(dial, 6, 12)
    assert "0 of 342 points" in dial.sentence()
    assert "those of k-means" in dial.sentence()


def test_other_data_and_starts() -> None:
    X, _ = make_overlapping_blobs(100, n_components=4)
    start = X[:4]
    dial = explore_limit(X, start, feature_names=["a", "b"])
    assert_allclose(dial.means, by_the_book(X, start, 0.5, 12), atol=1e-9)
    assert "100 points with 4 means" in dial.alt


@pytest.mark.parametrize(
    ("X", "start", "message"),
    [
        (np.zeros((5, 3)), None, r"X must be \(n_samples, 2\)"),
        ([[0.0, np.nan], [1.0, 2.0]], None, "missing value"),
        (None, [[0.0, 0.0]], "two to six"),
        (None, [[0.0, 0.0, 0.0]] * 2, "start must be"),
    ],
)
def test_what_cannot_be_shown_is_refused(X: Any, start: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explore_limit(X, start)
