"""The player's Python side: what it sends, what it takes back, how it is saved, and what it refuses.

What happens in the browser is tested in tests/browser.
"""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets.widget import _remove_buffers
from PIL import Image

from gmmteach import GaussianMixture, KMeans, Mixture, Snapshot, Trace, em, lloyd
from gmmteach.datasets import load_faithful, load_galaxies
from gmmteach.trace import Outcome
from gmmteach.visual import TracePlayer, theme
from gmmteach.visual.player import bundle

FAITHFUL = load_faithful().data
NAMES = ["eruptions (min)", "waiting (min)"]


@pytest.fixture(scope="module")
def trace() -> Trace:
    return GaussianMixture(2, random_state=0).fit(FAITHFUL).trace_


@pytest.fixture(scope="module")
def wide() -> Trace:
    """Four features, unequal in scale, three components."""
    rng = np.random.default_rng(0)
    mixing = np.array([[3, 1, 0, 0], [0, 1, 0.2, 0], [0, 0, 1, 0], [0, 0, 0.5, 0.1]])
    X = (rng.normal(size=(150, 4)) + 4 * np.eye(4)[np.arange(150) % 3]) @ mixing
    return GaussianMixture(3, random_state=0).fit(X).trace_


def from_browser(trace: Trace) -> dict[str, Any]:
    """A run, in the form in which the front end sends it."""
    arrays = {name: getattr(trace, name) for name in ("objective", "weights", "means", "covariances")}
    return {
        "type": trace.covariance_type,
        "outcome": {"name": str(trace.outcome), "component": trace.outcome.component},
        **{name: memoryview(np.ascontiguousarray(array).tobytes()) for name, array in arrays.items()},
    }


def numbers(data: bytes) -> np.ndarray:
    return np.frombuffer(data, dtype=np.float64)


# --- what is sent --------------------------------------------------------------------------------------------


def test_data_and_parameters_travel_as_buffers(trace: Trace) -> None:
    about = TracePlayer(trace, feature_names=NAMES)._about
    (data,), (run,) = about["data"], about["runs"]
    np.testing.assert_array_equal(numbers(data["X"]).reshape(-1, 2), FAITHFUL)
    np.testing.assert_array_equal(numbers(data["axes"]).reshape(2, 2), np.eye(2))
    for name in ("objective", "weights", "means", "covariances"):
        np.testing.assert_array_equal(numbers(run[name]), getattr(trace, name).ravel())
    assert data["names"] == NAMES
    assert (run["name"], run["algorithm"], run["type"]) == ("EM", "EM", "full")


def test_a_saved_player_is_tens_of_kilobytes(trace: Trace) -> None:
    state, _, buffers = _remove_buffers(TracePlayer(trace).get_state())
    text = json.dumps(
        {name: value for name, value in state.items() if isinstance(value, (str, int, dict))}, default=str
    )
    size = len(text.encode()) + sum(len(base64.b64encode(buffer)) for buffer in buffers)
    assert len(buffers) == 7  # data, axes and origin; objective, weights, means and covariances
    assert 20_000 < size < 80_000


def test_the_same_data_travel_once(trace: Trace) -> None:
    about = TracePlayer({"k-means": KMeans(2, random_state=0).fit(FAITHFUL).trace_, "EM": trace})._about
    assert len(about["data"]) == 1
    scaled = FAITHFUL / FAITHFUL.std(axis=0)
    about = TracePlayer({"raw": trace, "scaled": GaussianMixture(2, random_state=0).fit(scaled).trace_})._about
    assert [run["data"] for run in about["runs"]] == [0, 1]


def test_many_features_are_shown_along_two_principal_components(wide: Trace) -> None:
    (data,) = TracePlayer(wide)._about["data"]
    axes, origin = numbers(data["axes"]).reshape(2, 4), numbers(data["origin"])
    shown = (wide.X - origin) @ axes.T
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(np.cov(shown.T)[0, 1], 0, atol=1e-9)
    share = np.var(shown[:, 0]) / np.var(wide.X, axis=0).sum()
    assert data["names"][0] == f"PC 1 ({share:.0%} of the variance)".replace("%", " %")
    assert np.abs(axes).max(axis=1) == pytest.approx(axes.max(axis=1))  # the sign is not left to chance


def test_two_features_can_be_chosen(wide: Trace) -> None:
    player = TracePlayer(wide, features=(3, 1), feature_names=list("abcd"))
    (data,) = player._about["data"]
    np.testing.assert_array_equal(numbers(data["axes"]).reshape(2, 4), np.eye(4)[[3, 1]])
    assert data["names"] == ["d", "b"]


def test_the_colours_are_those_of_the_theme(trace: Trace) -> None:
    looks = TracePlayer(trace)._about["looks"]
    assert tuple(looks["light"]["colours"]) == theme.COLOURS
    assert tuple(looks["dark"]["colours"]) == theme.DARK_COLOURS
    assert looks["light"]["names"][1] == "orange-red square"
    for dark, look in enumerate((looks["light"], looks["dark"])):
        assert all(theme.contrast_ratio(ink, look["background"]) >= 3 for ink in look["inks"])
        assert look["text"] == theme.page(bool(dark))["text"]
    assert not re.search(r"#\w{6}", bundle())  # one list, in one place


def test_the_bundle_is_one_module() -> None:
    code = bundle()
    assert not re.search(r"^import |^\*", code, re.MULTILINE)  # nor the rest of a comment whose first line went
    assert code.count("export default") == 1
    assert not re.search(r"https?://(?!www\.w3\.org)", code)


# --- what comes back -----------------------------------------------------------------------------------------


def test_the_recorded_run_is_the_trace_until_another_is_made(trace: Trace) -> None:
    player = TracePlayer(trace)
    assert player.trace is trace
    assert player.traces == {"EM": trace}
    assert player.prediction is None


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_a_run_made_in_the_browser_comes_back_as_a_trace(trace: Trace, covariance_type: str) -> None:
    other = GaussianMixture(3, covariance_type=covariance_type, random_state=1).fit(FAITHFUL).trace_
    player = TracePlayer({"k-means": KMeans(2, random_state=0).fit(FAITHFUL).trace_, "EM": trace})
    player._edits = {"EM": from_browser(other)}
    made = player.traces["EM"]
    for name in ("objective", "weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(made, name), getattr(other, name))
    assert made.outcome == other.outcome
    assert made.covariance_type == covariance_type
    assert made.X is trace.X
    assert player.traces["k-means"].hard
    assert player.trace.hard  # the first of several
    np.testing.assert_allclose(made[-1].responsibilities(FAITHFUL), other[-1].responsibilities(FAITHFUL))
    player._edits = {}
    assert player.traces["EM"] is trace


def test_a_collapse_in_the_browser_comes_back_with_its_name(trace: Trace) -> None:
    player = TracePlayer(trace)
    player._edits = {"EM": from_browser(trace) | {"outcome": {"name": "collapsed", "component": 1}}}
    assert player.trace.outcome == "collapsed"
    assert player.trace.outcome.component == 1
    assert player.trace.outcome.explanation


def test_a_prediction_counts_once_it_is_locked(trace: Trace) -> None:
    player = TracePlayer(trace, predict=True)
    crosses = [[2.0, 55.0], [4.0, 80.0]]
    player._prediction = {"phase": "placing", "crosses": crosses}
    assert player.prediction is None
    player._prediction = {"phase": "locked", "crosses": crosses}
    np.testing.assert_array_equal(player.prediction, crosses)
    player._prediction = {"phase": "skipped", "crosses": crosses}
    assert player.prediction is None


# --- how it is saved -----------------------------------------------------------------------------------------


def saved(player: TracePlayer) -> tuple[dict[str, Any], dict[str, Any]]:
    return player._repr_mimebundle_()


def test_text_is_the_same_in_every_session(trace: Trace) -> None:
    text = saved(TracePlayer(trace))[0]["text/plain"]
    assert text == f"TracePlayer: EM, 2 components, {len(trace) - 1} iterations, log-likelihood -1130.264"
    assert text == repr(TracePlayer(trace))


@pytest.mark.parametrize("which", ["one", "two", "four", "line", "wide", "chosen", "k-means"])
def test_the_saved_output_has_a_picture_and_says_what_it_shows(which: str, trace: Trace, wide: Trace) -> None:
    runs = {
        kind: GaussianMixture(2, covariance_type=kind, random_state=0).fit(FAITHFUL).trace_
        for kind in ("full", "tied", "diag", "spherical")
    }
    player = {
        "one": lambda: TracePlayer(trace, feature_names=NAMES),
        "two": lambda: TracePlayer({"k-means": KMeans(2, random_state=0).fit(FAITHFUL).trace_, "EM": trace}),
        "four": lambda: TracePlayer(runs, layout="select"),
        "line": lambda: TracePlayer(GaussianMixture(3, random_state=0).fit(load_galaxies().data / 1000).trace_),
        "wide": lambda: TracePlayer(wide),
        "chosen": lambda: TracePlayer(wide, features=(2, 0)),
        "k-means": lambda: TracePlayer(Trace.record(lloyd(wide.X, wide[0].mixture), wide.X)),
    }[which]()
    data, metadata = saved(player)
    assert "application/vnd.jupyter.widget-view+json" in data
    png = base64.b64decode(data["image/png"])
    assert len(png) < 60_000
    picture = Image.open(io.BytesIO(png))
    assert picture.width == 900
    assert 400 <= picture.height <= 800
    assert len(picture.convert("RGB").getcolors(1 << 20)) > 20  # not an empty page
    alt = metadata["image/png"]["alt"]
    assert "component" in alt or "centre" in alt
    assert len(alt) > 40


def test_the_picture_keeps_an_answer_back(trace: Trace) -> None:
    answer, question = TracePlayer(trace), TracePlayer(trace, still="start")
    assert saved(question)[0]["image/png"] != saved(answer)[0]["image/png"]
    assert question.alt == TracePlayer(trace, predict=True).alt != answer.alt
    with pytest.raises(ValueError, match="still is 'begin', but it must be 'end' or 'start'"):
        TracePlayer(trace, still="begin")


def test_the_picture_shows_the_run_made_last(trace: Trace) -> None:
    player = TracePlayer(trace)
    before = saved(player)[0]
    player._edits = {"EM": from_browser(GaussianMixture(3, random_state=1).fit(FAITHFUL).trace_)}
    after = saved(player)[0]
    assert after["image/png"] != before["image/png"]
    assert "3 components" in after["text/plain"]


def test_turning_to_principal_components_changes_no_responsibility(wide: Trace) -> None:
    view = TracePlayer(wide)._views[0]
    turned = view.turn(wide[-1]).responsibilities(view.turned(wide.X))
    np.testing.assert_allclose(turned, wide[-1].responsibilities(wide.X), atol=1e-9)


# --- what it refuses, and what it plays ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda t: TracePlayer(FAITHFUL), TypeError, "a Trace or a dictionary of them can be played, not a ndarray"),
        (lambda t: TracePlayer({"a": t, "b": t[-1].mixture}), TypeError, "'b' is a Mixture, not a Trace"),
        (lambda t: TracePlayer({}), ValueError, "the dictionary is empty"),
        (
            lambda t: TracePlayer({"a": t, "b": Trace.record(em(FAITHFUL[:50], t[0].mixture), FAITHFUL[:50])}),
            ValueError,
            r"'b' has \(50, 2\) and the first has \(272, 2\)",
        ),
        (lambda t: TracePlayer(t, features=(0, 2)), ValueError, r"numbers from 0 to 1, or 'pca', but is \(0, 2\)"),
        (lambda t: TracePlayer(t, features=(0,)), ValueError, "two different numbers"),
        (lambda t: TracePlayer(t, features="tsne"), ValueError, "features is 'tsne'"),
        (lambda t: TracePlayer(t, feature_names=["a"]), ValueError, "feature_names has 1 name"),
        (lambda t: TracePlayer(t, layout="tabs"), ValueError, "layout is 'tabs'"),
        (
            lambda t: TracePlayer(Trace(t[:1], np.zeros((20_001, 2)), t.outcome)),
            ValueError,
            "20,001 points.*at most 20,000",
        ),
        (lambda t: TracePlayer(Trace(t[:1], np.full((5, 2), np.nan), t.outcome)), ValueError, "without missing"),
    ],
)
def test_errors_say_what_is_wrong(trace: Trace, make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(trace)


def test_an_algorithm_that_the_browser_does_not_know_plays_all_the_same(trace: Trace) -> None:
    bound = [Snapshot(s.iteration, s.mixture, s.objective, objective_name="evidence lower bound") for s in trace]
    player = TracePlayer(Trace(bound, trace.X, trace.outcome))
    (run,) = player._about["runs"]
    assert run["algorithm"] == "other"
    assert "evidence lower bound" in repr(player)
    assert saved(player)[0]["image/png"]


def test_a_slice_of_a_trace_and_single_precision_play(trace: Trace) -> None:
    assert "1 iteration," in repr(TracePlayer(trace[1:3]))
    single = GaussianMixture(2, random_state=0).fit(FAITHFUL.astype(np.float32)).trace_
    player = TracePlayer(single)
    assert len(player._about["data"][0]["X"]) == 8 * FAITHFUL.size


def test_one_component_is_singular(trace: Trace) -> None:
    start = Mixture([1.0], FAITHFUL.mean(axis=0, keepdims=True), np.cov(FAITHFUL.T)[np.newaxis])
    one = Trace(list(Trace.record(em(FAITHFUL, start), FAITHFUL)), FAITHFUL, Outcome("converged"))
    assert "EM, 1 component," in repr(TracePlayer(one))
