"""The player in Chromium on a plain page without a kernel: what it says is what it draws, whatever is done to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gmmteach import GaussianMixture, KMeans, Mixture, Snapshot, Trace, em, lloyd
from gmmteach.datasets import load_faithful
from gmmteach.visual import TracePlayer, theme
from gmmteach.visual.player import STATIC

from .driver import Driver, as_number, near

pytestmark = pytest.mark.browser

X = load_faithful().data
NAMES = ["eruptions (min)", "waiting (min)"]
START = Mixture([0.6, 0.4], [[2.0, 60.0], [4.0, 90.0]], [np.cov(X.T)] * 2)
Show = Callable[..., Any]
Drive = Callable[..., Driver]


@pytest.fixture(scope="module")
def run() -> Trace:
    return Trace.record(em(X, START), X)


@pytest.fixture
def pair(run: Trace) -> dict[str, Trace]:
    return {"k-means": Trace.record(lloyd(X, START), X), "EM": run}


def pretty(value: float, decimals: int = 2) -> str:
    return f"{value:,.{decimals}f}".replace("-", "−")


def decoded(page: Any, name: str = "EM", which: int = 0) -> dict[str, Any]:
    """The run that the front end would have sent to Python."""
    return page.evaluate(
        """([which, name]) => {
          const run = models[which].state._edits[name];
          const part = (key) => Array.from(new Float64Array(run[key]));
          return { ...run, objective: part("objective"), weights: part("weights"), means: part("means"),
            covariances: part("covariances") };
        }""",
        [which, name],
    )


# --- the picture and the text ----------------------------------------------------------------------------------


def test_every_half_step_shows_what_the_text_says(show: Show, drive: Drive, run: Trace) -> None:
    player = drive(show(TracePlayer(run[:4], feature_names=NAMES)))
    badge = player.root.locator(".gmmt-badge")
    for position in range(8):
        after = run[position // 2]
        assert player.position == position
        assert player.shows_text(), position
        assert pretty(after.objective) in player.text
        np.testing.assert_allclose(player.centres, after.mixture.means, atol=0.005)
        for k in range(2):
            assert player.share_on_ellipse(k, after.mixture) > 0.5
        step = (position + 1) // 2
        name = "Start" if not position else f"E-step {step}: recolour" if position % 2 else f"M-step {step}: move"
        assert badge.text_content() == name
        assert player.canvas().get_attribute("aria-label") == player.text
        player.part("step").click()
    assert player.position == 7  # and no farther


def test_an_e_step_recolours_and_an_m_step_moves(show: Show, drive: Drive, run: Trace) -> None:
    player = drive(show(TracePlayer(run, feature_names=NAMES)))
    pixels = np.array([player.pixel(*x) for x in X])
    alone = [n for n in range(len(X)) if np.sort(np.hypot(*(pixels - pixels[n]).T))[1] > 9]
    far = [
        n
        for n in alone
        if all(np.hypot(*(pixels[n] - player.pixel(*m))) > 25 for s in run[:3] for m in s.mixture.means)
    ]
    places = [player.pixel(*X[n]) for n in far]
    grey = player.colours(places)
    assert np.mean([near(rgb, theme.in_bytes(theme.LIGHT["points"])) for rgb in grey]) > 0.8
    player.part("step").click()
    mixed = (theme.mix(run[0].responsibilities(X[far])) * 255).round()
    coloured = player.colours(places)
    assert np.mean([near(rgb, tuple(want), 6) for rgb, want in zip(coloured, mixed, strict=True)]) > 0.8
    player.part("step").click()
    kept = np.mean([one == other for one, other in zip(coloured, player.colours(places), strict=True)])
    assert kept > 0.7  # some of them are now under an ellipse
    assert not player.shows_mean(0, *run[0].mixture.means[0])
    assert player.shows_mean(0, *run[1].mixture.means[0])
    assert player.share_on_ellipse(1, run[1].mixture) > 0.5 > 0.3 > player.share_on_ellipse(1, run[0].mixture)


def test_the_objective_and_its_change(show: Show, drive: Drive, run: Trace) -> None:
    player = drive(show(TracePlayer(run)))
    player.part("step").click()
    assert "(unchanged" in player.text
    player.part("step").click()
    gain = run.objective[1] - run.objective[0]
    assert f"Log-likelihood {pretty(run.objective[1])} (+{pretty(gain)})" in player.text
    assert f"After M-step 1 of {len(run) - 1}." in player.text
    player.part("end").click()
    assert player.objective == player.final == pytest.approx(run.objective[-1], abs=0.005)
    assert f"converges after {len(run) - 1} iterations" in player.text
    assert f"weight {run.weights[-1][0]:.0%}".replace("%", " %") in player.text
    side = player.page.evaluate("JSON.parse(document.querySelector('canvas').dataset.objective)")
    low, high = side["y"]
    py = side["top"] + (high - run.objective[-1]) / (high - low) * side["height"]
    px = side["left"] + (len(run) - 1 - side["x"][0]) / (side["x"][1] - side["x"][0]) * side["width"]
    assert near(player.colours([(px, py)])[0], theme.in_bytes(theme.LIGHT["text"]))


def test_hover_reads_points_and_ellipses(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player, tip = drive(page), page.locator(".gmmt-tip")
    lonely = int(np.argmax([np.sort(np.hypot(*((X - x) / [1, 15]).T))[1] for x in X]))
    page.mouse.move(*player.on_screen(*X[lonely]))
    assert "no colour yet" in tip.text_content()
    page.mouse.move(5, 5)
    assert tip.is_hidden()
    player.part("end").click()
    page.mouse.move(*player.on_screen(*X[lonely]))
    shares = run[-1].responsibilities(X[lonely : lonely + 1])[0]
    assert f"Point {lonely} at ({pretty(X[lonely][0])}, {pretty(X[lonely][1])})" in tip.text_content()
    said = dict(re.findall(r"component (\d): [<>]?([\d.]+) %", tip.text_content()))
    assert [float(said[str(k)]) for k in range(2)] == pytest.approx(100 * shares, abs=0.51)
    mixture = run[-1].mixture
    free = next(  # a place inside the first ellipse and far from every point
        (x, y)
        for x in np.linspace(1.5, 2.6, 60)
        for y in np.linspace(44, 65, 60)
        if (mixture.means[0] - [x, y]) @ np.linalg.inv(mixture.covariances[0]) @ (mixture.means[0] - [x, y]) < 3
        and min(np.hypot(*(np.subtract(player.pixel(*p), player.pixel(x, y)))) for p in [*X, *mixture.means]) > 16
    )
    page.mouse.move(*player.on_screen(*free))
    long, short = np.sqrt(np.linalg.eigvalsh(mixture.covariances[0])[::-1])
    assert "Component 0 (blue circle)" in tip.text_content()
    assert f"half-axes {pretty(long)} and {pretty(short, 4)}" in tip.text_content()


def test_next_event_finds_the_next_flip(show: Show, drive: Drive, run: Trace) -> None:
    player = drive(show(TracePlayer(run)))
    labels = [snapshot.responsibilities(X).argmax(axis=1) for snapshot in run]
    flips = [2 * t + 1 for t in range(1, len(run)) if (labels[t] != labels[t - 1]).any()]
    few = [2 * t + 1 for t in range(len(run)) if (run[t].responsibilities(X).sum(axis=0) < 3).any()]
    assert not few
    for position in flips[:3]:
        player.part("event").click()
        assert player.position == position
        moved = int((labels[position // 2] != labels[position // 2 - 1]).sum())
        assert (f"{moved} points change component" if moved > 1 else "flips from component") in player.text
    player.part("end").click()
    player.part("event").click()
    assert "No more events" in player.text


def test_a_point_that_flips_wears_a_ring(show: Show, drive: Drive, run: Trace) -> None:
    labels = [snapshot.responsibilities(X).argmax(axis=1) for snapshot in run]
    step = next(t for t in range(1, len(run)) if (labels[t] != labels[t - 1]).any())
    player = drive(show(TracePlayer(run)))
    player.part("event").click()
    assert player.position == 2 * step + 1

    def ringed(n: int) -> bool:
        px, py = player.pixel(*X[n])
        around = [(px + 9 * np.cos(a), py + 9 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 24)]
        return sum(near(rgb, theme.in_bytes(theme.LIGHT["text"]), 90) for rgb in player.colours(around)) > 8

    flipped = labels[step] != labels[step - 1]
    assert np.mean([ringed(n) for n in np.flatnonzero(flipped)]) > 0.8
    assert np.mean([ringed(n) for n in np.flatnonzero(~flipped)]) < 0.1


def test_a_component_that_runs_out_of_points_is_an_event(show: Show, drive: Drive) -> None:
    start = Mixture([0.5, 0.5], [[3.5, 71.0], [9.0, 71.0]], [np.cov(X.T)] * 2)
    trace = Trace.record(em(X, start, reg_covar=1e-6), X)
    dry = [t for t, s in enumerate(trace) if (s.responsibilities(X).sum(axis=0) < 3).any()]
    assert dry
    player = drive(show(TracePlayer(trace)))
    for _ in range(dry[0] + 1):  # a flip may come first
        if player.position < 2 * dry[0] + 1:
            player.part("event").click()
    assert player.position == 2 * dry[0] + 1
    assert "Component 1 is down to" in player.text


# --- mouse, keyboard, playback ---------------------------------------------------------------------------------


@pytest.mark.parametrize("focus", ["figure", "timeline"])
def test_keys(show: Show, drive: Drive, run: Trace, focus: str) -> None:
    page = show(TracePlayer(run))
    player, end = drive(page), 2 * len(run) - 1
    player.part(focus).focus()
    for key, position in (
        ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", end), ("ArrowRight", end), ("Home", 0),
        ("ArrowLeft", 0),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert player.position == position, key
    page.keyboard.press("n")
    assert player.position > 1
    page.keyboard.press("Space")
    assert "Pause" in player.part("play").text_content()
    page.keyboard.press("Space")
    assert "Play" in player.part("play").text_content()


def test_points_are_read_with_the_keys(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player = drive(page)
    player.part("end").click()
    player.part("figure").focus()
    page.keyboard.press("ArrowDown")
    first = int(X[:, 0].argmin())
    assert player.part("readout").text_content().startswith(f"Point {first} at ({pretty(X[first][0])}")
    page.keyboard.press("ArrowUp")  # round to the last
    assert pretty(X[:, 0].max()) in player.part("readout").text_content()
    page.keyboard.press("Escape")
    assert player.part("readout").text_content() == ""


def test_everything_can_be_reached_and_has_a_name(show: Show, drive: Drive, pair: dict[str, Trace]) -> None:
    page = show(TracePlayer(pair, predict=True, title="A race"))
    player = drive(page)
    player.part("skip").click()
    page.mouse.click(5, 5)  # the keyboard starts from the top
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => { const e = document.activeElement; return e === document.body ? null : [e.dataset.testid,
              e.getAttribute("aria-label") || e.textContent || e.labels?.[0]?.textContent,
              getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth)]; }"""
        )
        if found is None:
            break
        reached.append(found)
    assert {one[0] for one in reached} == {
        "again", "figure", "timeline", "play", "start", "back", "step", "end", "event", "speed", "components", "type",
        "mean-0", "mean-1", "reset",
    }  # fmt: skip
    for name, label, style, width in reached:
        assert label, name
        assert (style, width >= 2) == ("solid", True), f"{name} shows no focus ring"
    assert player.root.get_attribute("aria-label") == "A race"
    for canvas in player.root.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 40
    assert player.part("text").get_attribute("aria-live") == "polite"


def test_no_key_leaks_to_the_page(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player = drive(page)
    page.evaluate("window.leaked = []; document.addEventListener('keydown', (e) => leaked.push(e.key))")
    for part in ("figure", "timeline", "step", "components", "mean-0"):
        player.part(part).focus()
        for key in ("a", "b", "d", "ArrowRight", "Space", "Enter"):
            page.keyboard.press(key)
    assert page.evaluate("leaked") == []
    player.part("figure").focus()
    page.keyboard.press("Shift+Enter")  # runs the cell, and must
    page.keyboard.press("Control+b")
    assert {"Enter", "b"} <= set(page.evaluate("leaked"))


def test_it_plays_to_the_end_and_again(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run[:2]))
    player = drive(page)
    player.part("speed").select_option("4")
    player.part("play").click()
    assert player.part("text").get_attribute("aria-live") == "off"
    page.wait_for_function("document.querySelector('.gmmt-player').dataset.position === '3'")
    page.wait_for_function("document.querySelector('[data-testid=play]').textContent.includes('Play')")
    assert player.part("text").get_attribute("aria-live") == "polite"
    player.part("play").click()
    assert player.position < 3
    player.part("timeline").fill("2")
    assert player.position == 2
    assert "Play" in player.part("play").text_content()


def test_an_m_step_moves_gently_unless_motion_is_unwelcome(show: Show, drive: Drive, run: Trace) -> None:
    for motion in ("no-preference", "reduce"):
        page = show(TracePlayer(run), reduced_motion=motion)
        player = drive(page)
        player.part("step").click()
        player.part("step").click()
        at_once = page.evaluate("document.querySelector('.gmmt-player').player.since === null")
        assert at_once is (motion == "reduce")
        assert player.position == 2
        player.settle()
        assert player.shows_text()


# --- new runs ----------------------------------------------------------------------------------------------------


def test_dragging_a_starting_mean_runs_em_again(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run, feature_names=NAMES))
    player = drive(page)
    assert player.shows_text()
    before = player.final
    for target in ((4.6, 47.0), (2.0, 89.0), (4.6, 47.0)):
        player.drag(player.centres[0], target)
        assert player.position == 1
        assert player.centres[0] == pytest.approx(target, abs=0.2)
        assert player.shows_text()
        means = np.reshape(decoded(page)["means"][:4], (2, 2))
        start = Mixture(START.weights, means, START.covariances)  # only the mean has moved
        again = Trace.record(em(X, start, reg_covar=1e-6), X)
        assert decoded(page)["objective"] == pytest.approx(again.objective, rel=1e-6)
        assert player.final == pytest.approx(again.objective[-1], abs=0.006)
    assert not player.shows_mean(0, *START.means[0])
    assert player.final != before
    player.part("end").click()
    assert player.shows_text()
    assert player.objective == player.final
    assert all(player.share_on_ellipse(k, again[-1].mixture) > 0.5 for k in range(2))
    player.part("reset").click()
    assert player.position == 0
    assert player.final == before
    assert player.shows_mean(0, *START.means[0])
    assert page.evaluate("models[0].state._edits") == {}


def test_dragging_from_anywhere_rewinds(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player = drive(page)
    player.part("end").click()
    player.drag(tuple(run.means[-1][1]), (3.0, 60.0), release=False)
    assert player.position == 1
    page.wait_for_function("document.querySelector('.gmmt-player').player.slots[0].work === null")
    assert "saves" in page.evaluate("Object.keys(models[0])")
    assert page.evaluate("Object.keys(models[0].state._edits)") == []  # Python hears of it when the mean is let go
    page.mouse.up()
    assert page.evaluate("Object.keys(models[0].state._edits)") == ["EM"]
    assert player.centres[1] == pytest.approx((3.0, 60.0), abs=0.2)


def test_a_starting_mean_moves_with_the_keys(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player = drive(page)
    before, box = player.centres, player.axes()
    player.part("mean-1").focus()
    page.keyboard.press("ArrowRight")
    player.settle()
    step = (box["x"][1] - box["x"][0]) / 100
    assert player.centres[1] == pytest.approx((before[1][0] + step, before[1][1]), abs=0.006)
    page.keyboard.press("Shift+ArrowDown")
    player.settle()
    assert player.centres[1][1] == pytest.approx(before[1][1] - 5 * (box["y"][1] - box["y"][0]) / 100, abs=0.06)
    assert player.centres[0] == before[0]
    assert player.shows_text()
    assert page.evaluate("document.activeElement.dataset.testid") == "mean-1"
    assert "Starting mean 1 at" in player.part("readout").text_content()


@pytest.mark.parametrize("kind", ["tied", "diag", "spherical", "full"])
def test_another_covariance_type(show: Show, drive: Drive, run: Trace, kind: str) -> None:
    page = show(TracePlayer(run, max_iter=30))
    player = drive(page)
    player.part("type").select_option("diag" if kind == "full" else "full")
    player.part("type").select_option(kind)
    player.settle()
    made = decoded(page)
    assert made["type"] == kind
    wide = X.var(axis=0) + 1e-6
    shaped = {"full": [np.diag(wide)] * 2, "tied": np.diag(wide), "diag": [wide] * 2, "spherical": [wide.mean()] * 2}
    start = Mixture(START.weights, START.means, shaped[kind], kind)
    expected = Trace.record(em(X, start, reg_covar=1e-6), X, max_iter=30)
    assert made["objective"] == pytest.approx(expected.objective, rel=1e-6)
    assert made["means"] == pytest.approx(expected.means.ravel(), rel=1e-6)
    assert made["outcome"]["name"] == expected.outcome


def test_another_number_of_components(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run, seed=3), TracePlayer(run, seed=3))
    player, twin = drive(page), drive(page, 1)
    for one in (player, twin):
        for k in (8, 1, 5):
            one.part("components").select_option(str(k))
            one.settle()
            assert len(one.centres) == k
            assert one.root.locator("[data-testid^=mean-]").count() == k
    assert player.text == twin.text  # the same seed
    assert player.shows_text()
    assert "NaN" not in player.root.text_content()


def test_a_collapse_is_named_and_nothing_is_nan(show: Show, drive: Drive) -> None:
    heaps = np.vstack([np.zeros((20, 2)), np.ones((1, 2)) * 9, np.random.default_rng(0).normal((4, 0), size=(30, 2))])
    start = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 0.0]], [np.cov(heaps.T)] * 2)
    trace = Trace.record(em(heaps, start, reg_covar=1e-3), heaps)
    page = show(TracePlayer(trace, reg_covar=0.0, tol=0.0))
    player = drive(page)
    for k in (3, 4, 5):
        player.part("components").select_option(str(k))
        player.settle()
        player.part("end").click()
        words = player.root.text_content() + player.canvas().get_attribute("aria-label")
        assert not re.search("NaN|Infinity|undefined", words)
        if "collapsed" in player.text:
            break
    assert re.search(
        r"component \d collapsed, for too few distinct points.*Try another start, fewer components", player.text
    )
    assert decoded(page)["outcome"]["name"] == "collapsed"
    assert player.shows_mean(0, *player.centres[0])
    # and the recorded collapse of the library reads the same
    bare = Trace.record(em(heaps, start), heaps, tol=0)
    assert bare.outcome == "collapsed"
    other = drive(show(TracePlayer(bare)))
    assert f"component {bare.outcome.component} collapsed" in other.text


def test_data_without_spread_cannot_start(show: Show, drive: Drive, run: Trace) -> None:
    flat = np.column_stack([np.linspace(0, 1, 20), np.zeros(20)])
    trace = Trace.record(lloyd(flat, flat[:2]), flat)
    fake = Trace([Snapshot(0, Mixture([0.5, 0.5], flat[:2], [1.0, 1.0], "spherical"), -10.0)], flat, trace.outcome)
    player = drive(show(TracePlayer(fake, reg_covar=0.0)))
    player.part("type").select_option("full")
    assert "This start cannot run" in player.text
    assert player.shows_text()


# --- several runs ------------------------------------------------------------------------------------------------


def test_side_by_side_in_step(show: Show, drive: Drive, pair: dict[str, Trace]) -> None:
    page = show(TracePlayer(pair, feature_names=NAMES))
    player = drive(page)
    assert player.root.locator("canvas").count() == 2
    short, long = pair["k-means"], pair["EM"]
    assert len(short) < len(long)
    assert player.part("timeline").get_attribute("max") == str(2 * len(long) - 1)
    badges = player.root.locator(".gmmt-badge")
    player.part("step").click()
    assert badges.all_text_contents() == ["Assign 1: recolour", "E-step 1: recolour"]
    player.part("step").click()
    assert badges.all_text_contents() == ["Move 1: move", "M-step 1: move"]
    kmeans, mixture = player.text.split("\n")
    assert kmeans.startswith("k-means: After move step 1 of")
    assert mixture.startswith("EM: After M-step 1 of")
    for panel, trace in enumerate((short, long)):
        for k in range(2):
            assert player.shows_mean(k, *trace.means[1][k], panel=panel)
    labels = short[0].responsibilities(X).sum(axis=0).astype(int)
    assert f"Component 0: {labels[0]} points, centre" in kmeans
    player.part("end").click()
    assert badges.first.text_content().endswith("(finished)")
    assert "Finished: it holds here." in player.text.split("\n")[0]
    assert pretty(short.objective[-1]) in player.text.split("\n")[0]


def test_a_mean_moves_in_both_runs_from_the_same_start(show: Show, drive: Drive, pair: dict[str, Trace]) -> None:
    page = show(TracePlayer(pair))
    player = drive(page)
    player.drag((2.0, 60.0), (4.5, 60.0), panel=1)
    starts = [decoded(page, name)["means"][:4] for name in ("k-means", "EM")]
    assert starts[0] == starts[1]
    assert starts[0][:2] == pytest.approx([4.5, 60], abs=0.2)
    centres = np.reshape(starts[0], (2, 2))
    again = Trace.record(lloyd(X, centres), X, tol=1e-300)
    assert decoded(page, "k-means")["objective"] == pytest.approx(again.objective, rel=1e-9)
    assert all(player.shows_mean(0, *centres[0], panel=panel) for panel in (0, 1))


def test_one_at_a_time_by_a_selector(show: Show, drive: Drive) -> None:
    runs = {
        kind: GaussianMixture(2, covariance_type=kind, random_state=0, tol=1e-9).fit(X).trace_
        for kind in ("full", "tied", "diag", "spherical")
    }
    player = drive(show(TracePlayer(runs, layout="select")))
    assert player.root.locator("canvas").count() == 1
    assert player.part("type").count() == 0  # four runs carry their types in their names
    for _ in range(4):
        player.part("step").click()
    for kind, trace in runs.items():
        player.part("trace").select_option(label=kind)
        assert player.position == 4
        assert player.text.startswith(f"{kind}: After M-step 2 of {len(trace) - 1}.")
        assert pretty(trace.objective[2]) in player.text
        assert player.shows_text()
        assert player.share_on_ellipse(0, trace[2].mixture) > 0.5


def test_an_algorithm_that_only_python_knows_plays_but_is_not_edited(show: Show, drive: Drive, run: Trace) -> None:
    bound = [Snapshot(s.iteration, s.mixture, s.objective, objective_name="evidence lower bound") for s in run]
    page = show(TracePlayer(Trace(bound, X, run.outcome)))
    player = drive(page)
    assert "runs in Python only" in player.part("note").text_content()
    assert player.part("components").count() == 0
    player.drag(player.centres[0], (4.0, 60.0))
    assert player.centres[0] == (2.0, 60.0)
    player.part("end").click()
    assert f"Evidence lower bound {pretty(run.objective[-1])}" in player.text
    assert player.shows_text()


# --- other numbers of features -----------------------------------------------------------------------------------


def test_one_feature(show: Show, drive: Drive) -> None:
    one = X[:, 1:]
    trace = GaussianMixture(3, random_state=0, tol=1e-4).fit(one).trace_
    page = show(TracePlayer(trace, feature_names=["waiting (min)"]))
    player = drive(page)
    assert player.shows_text()
    player.part("end").click()
    assert player.shows_text()
    assert [c[0] for c in player.centres] == pytest.approx(trace.means[-1].ravel(), abs=0.01)
    mixture = trace[-1].mixture
    places = [
        (m, w / np.sqrt(2 * np.pi * v))
        for w, m, v in zip(mixture.weights, mixture.means[:, 0], mixture.covariances[:, 0, 0], strict=True)
    ]
    hits = [
        any(
            near(rgb, theme.in_bytes(theme.ink(k)), 60)
            for rgb in player.colours([player.pixel(m + d, h) for d in np.linspace(-0.6, 0.6, 9)])
        )
        for k, (m, h) in enumerate(places)
    ]
    assert all(hits)  # the top of every bell curve is where its parameters put it
    before = player.final
    player.part("start").click()
    player.drag((player.centres[0][0],), (94.0,))
    assert player.centres[0][0] == pytest.approx(94, abs=0.3)
    assert player.shows_text()
    assert player.final != before


def test_four_features_along_two_principal_components(show: Show, drive: Drive) -> None:
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5 * np.eye(4)[np.arange(200) % 3] @ rng.normal(
        size=(4, 4)
    )
    trace = GaussianMixture(3, random_state=0).fit(wide).trace_
    widget = TracePlayer(trace)
    page = show(widget)
    player = drive(page)
    player.part("end").click()
    assert player.shows_text()
    view = widget._views[0]
    flat = view.turn(trace[-1]).mixture.marginal([0, 1])
    np.testing.assert_allclose(player.centres, flat.means, atol=0.06)
    assert all(player.share_on_ellipse(k, flat) > 0.3 for k in range(3))  # the third one is dotted
    player.drag(tuple(flat.means[0]), tuple(flat.means[0] + 0.5))
    moved = np.reshape(decoded(page)["means"][:12], (3, 4)) - trace.means[0]
    assert moved[1:] == pytest.approx(0, abs=1e-9)
    assert moved[0] - view.axes.T @ (view.axes @ moved[0]) == pytest.approx(0, abs=1e-9)  # within the picture's plane
    assert player.shows_text()


# --- prediction --------------------------------------------------------------------------------------------------


def test_predict_observe_explain(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run, feature_names=NAMES, predict=True))
    player = drive(page)
    for name in ("play", "step", "end", "timeline", "components", "mean-0"):
        assert player.part(name).is_disabled(), name
    player.part("figure").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    assert player.position == 0
    assert "converges" not in player.text  # the end is not given away
    crosses = lambda: page.evaluate("document.querySelector('.gmmt-player').player.guess.crosses")  # noqa: E731
    player.drag(tuple(crosses()[0]), (4.5, 82.0))
    player.part("cross-1").focus()
    at = crosses()[1]
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert crosses()[1][0] < at[0]
    assert crosses()[1][1] > at[1]
    assert "Cross 1 at" in player.part("readout").text_content()
    player.drag(tuple(crosses()[1]), (2.2, 50.0))
    assert crosses() == [pytest.approx([4.5, 82], abs=0.2), pytest.approx([2.2, 50], abs=0.2)]
    player.part("lock").click()
    assert page.evaluate("models[0].state._prediction.phase") == "locked"
    assert player.part("play").is_enabled()
    assert page.evaluate("document.activeElement.dataset.testid") == "play"
    assert "Your prediction" not in player.text
    assert "converges" not in player.text
    player.part("end").click()
    final = run.means[-1]
    guessed = crosses()
    for cross, mean in ((0, 1), (1, 0)):  # the crosses find their means, whatever the order
        off = np.abs(np.subtract(guessed[cross], final[mean]))
        said = re.search(
            rf"cross {cross} was off mean {mean} by (\S+) in eruptions \(min\) and (\S+) in waiting \(min\)",
            player.text,
        )
        assert said, player.text
        assert as_number(said[1]) == pytest.approx(off[0], abs=0.006)
        assert as_number(said[2]) == pytest.approx(off[1], abs=0.06)
        assert re.fullmatch(r"\d\.\d\d \d+\.\d", f"{said[1]} {said[2]}")  # minutes of 5, and minutes of 60
    assert "converges" in player.text


def test_a_prediction_can_be_skipped_and_made_later(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run, predict=True))
    player = drive(page)
    player.part("skip").click()
    player.part("end").click()
    assert "Your prediction" not in player.text
    assert player.position == 2 * len(run) - 1
    player.part("again").click()
    assert player.position == 0
    assert player.part("step").is_disabled()


# --- the look ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["media", "lab", "sphinx"])
def test_dark_mode(show: Show, drive: Drive, run: Trace, how: str) -> None:
    page = show(TracePlayer(run), color_scheme="dark" if how == "media" else "light")
    player = drive(page)
    ground = "getComputedStyle(document.querySelector('.gmmt-player')).backgroundColor"
    if how != "media":
        assert player.root.get_attribute("data-theme") == "light"
        light = player.colours([player.pixel(1.75, 95.0)])
        page.evaluate(
            "document.body.style.setProperty('--jp-layout-color0', '#101820');"
            "document.body.dataset.jpThemeLight = 'false'"
            if how == "lab"
            else "document.documentElement.dataset.theme = 'dark'"
        )
        page.wait_for_function("document.querySelector('.gmmt-player').dataset.theme === 'dark'")
        assert player.colours([player.pixel(1.75, 95.0)]) != light
    assert player.root.get_attribute("data-theme") == "dark"
    assert page.evaluate(ground) == ("rgb(16, 24, 32)" if how == "lab" else "rgb(17, 17, 17)")
    player.part("step").click()
    assert player.shows_text()


def test_the_thin_ellipses_stand_out_in_the_dark(show: Show, drive: Drive, run: Trace) -> None:
    player = drive(show(TracePlayer(run), color_scheme="dark", device_scale_factor=2))
    for k in range(2):
        seen = ["#{:02x}{:02x}{:02x}".format(*rgb) for rgb in player.on_ellipse(k, run[0].mixture, 1.0)]
        contrasts = [theme.contrast_ratio(colour, theme.DARK["background"]) for colour in seen]
        assert np.mean([contrast >= 3 for contrast in contrasts]) > 0.8  # WCAG 2.2, 1.4.11


def test_a_light_page_stays_light_in_a_dark_system(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run), color_scheme="dark")
    page.evaluate("document.body.dataset.jpThemeLight = 'true'")
    page.wait_for_function("document.querySelector('.gmmt-player').dataset.theme === 'light'")


@pytest.mark.parametrize("width", [360, 480, 800, 1400])
def test_nothing_sticks_out(show: Show, drive: Drive, pair: dict[str, Trace], width: int) -> None:
    page = show(TracePlayer(pair), width=width)
    player = drive(page)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    for panel in (0, 1):
        assert player.shows_mean(0, *START.means[0], panel=panel)
    page.set_viewport_size({"width": 700, "height": 900})
    page.wait_for_timeout(100)
    assert player.canvas().bounding_box()["width"] < 700
    assert player.shows_mean(0, *START.means[0])


def test_sharp_on_a_fine_screen(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run), device_scale_factor=2)
    size = page.evaluate("(() => { const c = document.querySelector('canvas'); return [c.width, c.clientWidth]; })()")
    assert size[0] == pytest.approx(2 * size[1], abs=2)
    assert drive(page).shows_text()


def test_labels_can_be_read_from_the_back_row(show: Show, run: Trace) -> None:
    page = show(TracePlayer(run, predict=True, title="Old Faithful"))
    sizes = page.evaluate(
        """() => [...document.querySelectorAll(".gmmt-player *")].filter((e) => e.offsetParent && e.textContent.trim())
          .map((e) => [e.className || e.tagName, parseFloat(getComputedStyle(e).fontSize)])"""
    )
    assert all(size >= 14 for _, size in sizes), sizes


# --- the life of a widget ----------------------------------------------------------------------------------------


def test_two_players_do_not_interfere(show: Show, drive: Drive, run: Trace) -> None:
    other = KMeans(3, random_state=0).fit(X).trace_
    page = show(TracePlayer(run, title="one"), TracePlayer(other, title="two"))
    one, two = drive(page), drive(page, 1)
    before = two.text
    one.part("step").click()
    one.drag((2.0, 60.0), (4.5, 60.0))
    one.part("figure").focus()
    page.keyboard.press("End")
    assert (two.text, two.position) == (before, 0)
    before = one.text, one.position
    two.part("components").select_option("2")
    two.settle()
    two.part("end").click()
    assert (one.text, one.position) == before
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_two_views_of_one_player_go_together(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    page.evaluate("window.removers.push(show(models[0]))")
    page.wait_for_function("document.querySelectorAll('canvas[data-axes]').length === 2")
    one, two = drive(page), drive(page, 1)
    one.part("step").click()
    assert two.position == 1
    two.drag(two.centres[0], (4.5, 60.0))
    assert one.text == two.text
    assert one.shows_text()
    assert two.shows_text()
    page.evaluate("removers[1]()")
    assert page.locator(".gmmt-player").count() == 1
    one.part("reset").click()
    assert one.centres[0] == (2.0, 60.0)


def test_a_removed_player_leaves_nothing_behind(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player = drive(page)
    player.part("play").click()
    page.evaluate("window.kept = document.querySelector('.gmmt-player').player; removers[0]()")
    assert page.evaluate("Object.values(models[0].heard).flat().length") == 0
    position = page.evaluate("kept.h")
    page.evaluate("models[0].set('position', 7); document.body.dataset.jpThemeLight = 'false'")
    page.wait_for_timeout(1500)
    assert page.evaluate("kept.h") == position
    assert page.evaluate("kept.root.dataset.theme") == "light"


def test_a_saved_player_comes_back_as_it_was(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    first = drive(page)
    first.drag((2.0, 60.0), (4.5, 60.0))
    first.part("end").click()
    text = first.text
    page.evaluate("removers[0](); void show(models[0])")  # a second rendering of the saved state
    assert drive(page).text == text


def test_python_can_move_the_player(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    page.evaluate("models[0].set('position', 5)")
    assert drive(page).position == 5
    page.evaluate("models[0].set('position', 9999)")
    assert drive(page).position == 2 * len(run) - 1


def test_it_is_drawn_properly_when_its_place_on_the_page_comes_late(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    page.evaluate(
        """() => {
          removers[0]();
          const host = document.createElement("div");
          window.show(models[0], host); // as in JupyterLab: rendered first, put on the page afterwards
          setTimeout(() => document.body.append(host), 50);
        }"""
    )
    page.wait_for_selector("canvas[data-axes]")
    player = drive(page)
    assert page.evaluate("document.querySelector('.gmmt-player').player.look.background") == "rgb(255, 255, 255)"
    assert player.shows_text()


def test_from_control_to_pixels(show: Show, drive: Drive, capsys: pytest.CaptureFixture[str]) -> None:
    """1,000 points: how long a step takes to be drawn, and a new run to be computed (measured, loosely asserted)."""
    rng = np.random.default_rng(0)
    many = np.concatenate(
        [rng.normal(size=(300, 2)), rng.normal(size=(400, 2)) * [0.7, 1.5] + 3, rng.normal((6, 0), size=(300, 2))]
    )
    page = show(TracePlayer(GaussianMixture(3, random_state=0, tol=1e-6).fit(many).trace_, tol=1e-6))
    step, draw, rerun = page.evaluate(
        """async () => {
          const root = document.querySelector(".gmmt-player"), button = root.querySelector("[data-testid=step]");
          const time = async (action) => {
            const times = [];
            for (let i = 0; i < 15; i++) {
              const begin = performance.now();
              action(i);
              times.push(performance.now() - begin);
              await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
            }
            return times.sort((a, b) => a - b)[7];
          };
          const step = await time(() => button.click()), draw = await time(() => root.player.draw());
          const begin = performance.now();
          root.player.move({ kind: "mean", k: 0 }, [6, 5], root.player.slots[0]);
          while (root.player.slots[0].work) await new Promise(requestAnimationFrame);
          return [step, draw, performance.now() - begin];
        }"""
    )
    player = drive(page)
    with capsys.disabled():
        print(f"\n1,000 points: step to pixels {step:.1f} ms, drawing alone {draw:.1f} ms, a new run {rerun:.0f} ms")
        print(f"   {player.text}")
    assert step < 100
    assert rerun < 2000


def test_a_dreadful_start_does_not_flatten_the_curve(show: Show, drive: Drive) -> None:
    start = Mixture([0.5, 0.5], [[4.5, 20.0], [3.5, 15.0]], [np.cov(X.T)] * 2)
    trace = Trace.record(em(X, start), X)
    assert trace.objective[1] - trace.objective[0] > 19 * (trace.objective[-1] - trace.objective[1]) > 0
    page = show(TracePlayer(trace))
    low, high = page.evaluate("JSON.parse(document.querySelector('canvas').dataset.objective).y")
    assert trace.objective[0] < low < trace.objective[1] < trace.objective[-1] < high
    assert pretty(trace.objective[0]) in drive(page).text


def test_a_run_that_hardly_climbs_has_ticks_that_can_be_read(show: Show, drive: Drive) -> None:
    twins = Mixture([0.5, 0.5], [X.mean(axis=0)] * 2, [np.cov(X.T, bias=True)] * 2)
    page = show(TracePlayer(Trace.record(em(X, twins), X, tol=0, max_iter=4)))
    low, high = page.evaluate("JSON.parse(document.querySelector('canvas').dataset.objective).y")
    assert low < drive(page).objective < high
    assert high - low > 0.1


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"), (1e-9, "<0.1 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (0.997, "99.7 %"), (1 - 1e-9, ">99.9 %"),
        (1, "100 %"),
    ],
)  # fmt: skip
def test_shares_are_neither_a_false_nothing_nor_a_false_all(browser: Any, share: float, words: str) -> None:
    page = browser.new_page()
    em_js, run_js = ((STATIC / name).read_text(encoding="utf-8") for name in ("em.js", "run.js"))
    code = em_js + re.sub(r"^import .*$", "", run_js, flags=re.MULTILINE)
    shown = page.evaluate(
        """async ([code, share]) => {
          const module = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
          return module.percent(share);
        }""",
        [code, share],
    )
    page.close()
    assert shown == words


def test_most_starts_on_old_faithful_find_both_groups(show: Show) -> None:
    """A dragged mean keeps the ellipses of its start; the slant of all the data would leave most runs on a plateau."""
    start = Mixture([0.5, 0.5], [[4.5, 50.0], [2.0, 90.0]], [np.diag(X.var(axis=0))] * 2)
    page = show(TracePlayer(Trace.record(em(X, start, reg_covar=1e-6), X)))
    places = np.random.default_rng(0).uniform([1.3, 40.0], [5.4, 98.0], (50, 2)).tolist()
    ends = page.evaluate(
        """async (places) => {
          const { player } = document.querySelector(".gmmt-player"), ends = [], [slot] = player.slots;
          for (const [i, place] of places.entries()) {
            player.reset();
            player.move({ kind: "mean", k: i % 2 }, place, slot);
            while (slot.work) player.work();
            ends.push(slot.run.snapshots.at(-1).objective);
          }
          return ends;
        }""",
        places,
    )
    assert sum(end > -1130.5 for end in ends) >= 35


def test_a_tip_follows_the_position(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run))
    player, tip = drive(page), page.locator(".gmmt-tip")
    page.mouse.move(*player.on_screen(*X[0]))
    assert "no colour yet" in tip.text_content()
    page.locator(".gmmt-figure").focus()
    page.keyboard.press("End")
    owner = run[-1].responsibilities(X[:1])[0].argmax()
    assert f"component {owner}: >99.9 %" in tip.text_content()
    page.mouse.move(*player.on_screen(*run[-1].mixture.means[0]))
    assert tip.is_visible()
    page.keyboard.press("Home")  # that mean is elsewhere now
    assert tip.is_hidden()


def test_a_low_screen_shows_a_whole_player(show: Show, drive: Drive, run: Trace) -> None:
    page = show(TracePlayer(run, title="On a small laptop", height=600), width=1100, height=640)
    assert page.locator(".gmmt-player").bounding_box()["height"] < 640
    tall = show(TracePlayer(run, title="On a large screen", height=600), width=1100, height=1200)
    assert tall.locator(".gmmt-player").bounding_box()["height"] > 640
