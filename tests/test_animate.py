"""Moving pictures: which frames, how they are drawn, and the files they become."""

from __future__ import annotations

import base64
import importlib.util
import io
import itertools
import json
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image, ImageSequence

from gmmteach import Mixture, Trace, animate, em, lloyd
from gmmteach.starts import starting_mixture
from gmmteach.trace import Outcome
from gmmteach.visual import encode
from gmmteach.visual.animate import Progress, Stage, plan
from gmmteach.visual.figures import faithful_run

BENCHMARK = Path(__file__).parent.parent / "benchmarks" / "animate.py"
SMALL = {"figsize": (7.0, 3.6), "dpi": 60, "progress": False}


@pytest.fixture(scope="module")
def trace() -> Trace:
    return faithful_run()


@pytest.fixture(scope="module")
def short(trace) -> Trace:
    return Trace(list(trace[5:9]), trace.X, trace.outcome)


@pytest.fixture(scope="module")
def hard(trace) -> Trace:
    return Trace.record(lloyd(trace.X, trace[0].mixture), trace.X)


@pytest.fixture(scope="module")
def solid() -> Trace:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(centre, 1, (60, 3)) for centre in ((0, 0, 0), (4, 1, 0), (2, 5, 3))])
    return Trace.record(em(X, starting_mixture(X, 3, init_params="random", random_state=0)), X, max_iter=4)


@pytest.fixture(scope="module")
def slow() -> Trace:
    """Two blobs that overlap: hundreds of iterations in one dimension."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, 150), rng.normal(1.5, 1, 150)])[:, np.newaxis]
    start = Mixture(np.full(2, 0.5), np.array([[-1.0], [3.0]]), np.ones(2), "spherical")
    return Trace.record(em(X, start), X, tol=0, max_iter=300)


# --- the frames --------------------------------------------------------------------------------------------

CASES = {
    "EM": ("trace", {}),
    "dark, with contours": ("short", {"dark": True, "density": True}),
    "without trails, small": ("short", {"trails": False, "figsize": (5.0, 3.0)}),
    "k-means": ("hard", {}),
    "two of three features": ("solid", {"features": (0, 2)}),
    "one feature": ("slow", {"max_frames": 12}),
}


@pytest.mark.parametrize("case", CASES)
def test_frames_are_those_of_a_full_drawing(case, request):
    name, options = CASES[case]
    animation = animate(request.getfixturevalue(name), **{**SMALL, **options})
    stage = animation.stage
    chosen = [animation.steps[index] for index in (0, 1, 2, len(animation.steps) // 2, -1)]
    blitted = [stage.draw(step).copy() for step in chosen]
    for step, drawn in reversed(list(zip(chosen, blitted, strict=True))):
        assert np.array_equal(drawn, stage.draw(step))  # a frame does not depend on the one before
        assert np.array_equal(drawn, stage.draw_in_full(step))
    assert not any(np.array_equal(one, other) for one, other in itertools.pairwise(blitted))
    assert min(drawn[..., 3].min() for drawn in blitted) == 255  # opaque: legible on any page


def test_the_background_is_drawn_once(short, monkeypatch):
    drawn = []
    plain = Stage._draw_background
    monkeypatch.setattr(Stage, "_draw_background", lambda stage: drawn.append(plain(stage)))
    animation = animate(short, **SMALL)
    assert len(list(animation.frames())) == len(animation.steps)
    assert len(drawn) == 1


def test_e_recolours_and_m_moves(trace):
    steps = plan(trace, fps=4, half_steps=True, max_frames=120)
    assert len(steps) == 2 * 20 + 2
    assert [(step.colours, step.components) for step in steps[:6]] == [
        (None, 0), (0, 0), (0, 1), (1, 1), (1, 2), (2, 2)
    ]  # fmt: skip
    assert (steps[-1].colours, steps[-1].components) == (20, 20)
    assert steps[1].text == "Iteration 1 · E-step: points are shared out"
    assert steps[2].text == "Iteration 1 · M-step: components move to their share"
    assert steps[-1].text == "Converged after 20 iterations"
    for before, after in itertools.pairwise(steps[:-1]):
        assert (before.colours != after.colours) != (before.components != after.components)  # one of the two


def test_k_means_says_assign_and_move(hard):
    texts = [step.text for step in plan(hard, fps=4, half_steps=True, max_frames=120)]
    assert texts[1] == "Iteration 1 · Assign: points join their nearest centre"
    assert texts[2] == "Iteration 1 · Move: centres go to the mean of their points"


def test_whole_steps(trace):
    steps = plan(trace, fps=4, half_steps=False, max_frames=120)
    assert [(step.colours, step.components) for step in steps] == [
        (None, 0), *((t, t) for t in range(1, 21)), (20, 20)
    ]  # fmt: skip


@pytest.mark.parametrize("half_steps", [True, False])
@pytest.mark.parametrize("max_frames", [4, 5, 12, 60, 120])
def test_a_long_run_is_thinned_out_later_rather_than_sooner(slow, half_steps, max_frames):
    steps = plan(slow, 4, half_steps, max_frames)
    shown = sorted({step.components for step in steps})
    assert len(steps) <= max_frames
    assert len(steps) > 0.7 * max_frames or max_frames < 10
    assert shown[0] == 0
    assert shown[-1] == 300
    gaps = np.diff(shown)
    assert gaps[0] == 1 or max_frames < 10
    assert np.all(np.diff(gaps[:-1]) >= -1)  # ever larger steps, but for rounding
    assert gaps[-1] > 1.5 * gaps[gaps > 1].mean() or max_frames < 10
    assert steps[-2].text.endswith("further on")


def test_a_thinned_run_says_so(slow, short, trace):
    def words(animation):
        return " ".join(text.get_text() for text in animation.stage.figure.texts)

    animation = animate(slow, max_frames=30, **SMALL)
    shown = len({step.components for step in animation.steps}) - 1
    assert f"{shown} of 300 iterations shown" in words(animation)
    assert "shown" not in words(animate(short, **SMALL))
    many = Trace(list(trace[:3]), np.tile(trace.X, (20, 1)), trace.outcome)
    assert "5,000 of 5,440 points shown" in words(animate(many, **SMALL))


def test_the_end_says_how_it_ended(trace):
    endings = [
        (Outcome("converged"), "Converged after 20 iterations"),
        (Outcome("out of iterations"), "Out of iterations after 20 iterations"),
        (Outcome("decreased"), "Stopped after 20 iterations: the objective fell"),
        (Outcome("collapsed", component=1), "Stopped after 20 iterations: component 1 collapsed"),
        (Outcome("collapsed"), "Stopped after 20 iterations: the shared covariance collapsed"),
    ]
    for outcome, text in endings:
        run = Trace(list(trace), trace.X, outcome)
        assert plan(run, 4, True, 120)[-1].text == text
        assert text in animate(run).alt


def test_words_that_do_not_fit_are_left_out(short):
    wide, narrow = animate(short, **SMALL), animate(short, figsize=(4.0, 3.0), dpi=60)
    for animation, text in ((wide, "Iteration 6 · E-step: points are shared out"), (narrow, "Iteration 6 · E-step")):
        animation.stage.draw(animation.steps[1])
        assert animation.stage.header.get_text() == text
        assert animation.stage.header.get_window_extent().x1 <= animation.stage.figure.bbox.x1


def test_a_run_that_never_moved(trace):
    run = Trace([trace[0]], trace.X, Outcome("collapsed", component=0))
    animation = animate(run, **SMALL)
    assert [step.components for step in animation.steps] == [0, 0]
    list(animation.frames())


def test_nothing_is_left_with_pyplot(short):
    plt.close("all")
    list(animate(short, **SMALL).frames())
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fps": 0}, "fps is 0"),
        ({"fps": 51}, "at most 50"),
        ({"max_frames": 3}, "max_frames is 3"),
        ({"alt": "EM"}, "at least 40 characters"),
        ({"feature_names": ["eruption"]}, "1 name, but there are 2 features"),
        ({"features": (0, 2)}, "from 0 to 1"),
    ],
)
def test_wrong_options_are_told_at_once(short, options, words):
    with pytest.raises(ValueError, match=words):
        animate(short, **options)


def test_three_features_need_a_choice(solid):
    with pytest.raises(ValueError, match=r"3 features .* features=\(0, 1\)"):
        animate(solid)


# --- the files ---------------------------------------------------------------------------------------------


def read(source) -> tuple[list[np.ndarray], list[float]]:
    shown, seconds = [], []
    with Image.open(source) as image:
        for frame in ImageSequence.Iterator(image):
            shown.append(np.asarray(frame.convert("RGB"), dtype=np.int16))
            seconds.append(frame.info.get("duration", 0) / 1000)
    return shown, seconds


@pytest.mark.parametrize("ending", [".gif", ".png", ".webp"])
def test_a_file_holds_every_frame(short, tmp_path, ending):
    animation = animate(short, fps=8, dark=True, **SMALL)
    path = animation.save(tmp_path / f"em{ending}")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    shown, seconds = read(path)
    if ending == ".png":  # what a reader shows that cannot animate comes first
        assert np.array_equal(shown[0], shown[-1])
        shown, seconds = shown[1:], seconds[1:]
    drawn = [animation.stage.draw(step)[..., :3].astype(np.int16) for step in animation.steps]
    assert len(shown) == len(drawn)
    tolerance = 0 if ending == ".webp" else 2.5  # webp is lossless here; the others have a palette
    for one, other in zip(shown, drawn, strict=True):
        assert np.sqrt(np.mean((one - other) ** 2.0)) <= tolerance
        assert abs(one - other).max() <= (0 if ending == ".webp" else 90)
        assert np.array_equal(one[0, 0], other[0, 0])  # the page is exactly the page
    assert np.allclose(seconds, [step.seconds for step in animation.steps], atol=0.011)
    assert sum(seconds) == pytest.approx(sum(step.seconds for step in animation.steps), abs=0.02)


def test_frames_that_do_not_change_prolong_the_one_before(short, tmp_path):
    animation = animate(short, **SMALL)
    animation.steps = [animation.steps[0], *[animation.steps[1]] * 3, animation.steps[2]]
    for ending in ("gif", "png"):
        shown, seconds = read(animation.save(tmp_path / f"em.{ending}"))
        assert len(shown) - (ending == "png") == 3
        assert seconds[-2] == pytest.approx(0.75)


def test_a_gif_loops_and_has_one_palette(short, tmp_path):
    path = animate(short, **SMALL).save(tmp_path / "em.gif")
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        boxes = [(frame.info.get("transparency"), frame.tile[0][1]) for frame in ImageSequence.Iterator(image)]
    assert boxes[0][1] == (0, 0, 420, 216)
    sizes = [(x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1) in boxes]
    assert max(sizes[1:]) < sizes[0]  # later frames carry only what changed
    assert path.read_bytes().count(b"GIF89a") == 1


def test_files_have_the_same_bytes_every_time(short, tmp_path):
    for ending in ("gif", "png"):
        one, other = (animate(short, **SMALL).save(tmp_path / f"{n}.{ending}") for n in (1, 2))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", ["em.avi", "em", "em.gif.txt", ".gif"])
def test_an_unknown_ending_is_told_before_any_work(short, tmp_path, name, monkeypatch):
    animation = animate(short, **SMALL)
    monkeypatch.setattr(Stage, "__init__", lambda *args, **options: pytest.fail("drew before it looked at the ending"))
    with pytest.raises(ValueError, match=r"\.gif, \.png, \.apng, \.webp, \.mp4"):
        animation.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_it_says_what_to_do(short, tmp_path, monkeypatch):
    monkeypatch.setattr(encode.shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(RuntimeError, match=r"needs ffmpeg.*Install it.*\.gif"):
        animate(short, **SMALL).save(tmp_path / "em.mp4")
    assert list(tmp_path.iterdir()) == []


def test_what_ffmpeg_says_is_passed_on(short, tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\necho no such codec >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(encode, "find_ffmpeg", lambda: str(fake))
    with pytest.raises(RuntimeError, match="no such codec"):
        animate(short, **SMALL).save(tmp_path / "em.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["ffmpeg"]


def test_ffmpeg_gets_every_frame(short, tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text('#!/bin/sh\nfor last; do :; done\ncat > "$last"\n')  # what comes in is what is written
    fake.chmod(0o755)
    monkeypatch.setattr(encode, "find_ffmpeg", lambda: str(fake))
    animation = animate(short, fps=8, **SMALL)
    raw = np.frombuffer(animation.save(tmp_path / "em.mp4").read_bytes(), dtype=np.uint8).reshape(-1, 216, 420, 4)
    beats = [max(1, round(step.seconds * 8)) for step in animation.steps]
    assert len(raw) == sum(beats)
    for at, step in zip(np.cumsum(beats) - 1, animation.steps, strict=True):
        assert np.array_equal(raw[at], animation.stage.draw(step))


@pytest.mark.skipif(encode.find_ffmpeg() is None, reason="there is no ffmpeg here")
def test_mp4(short, tmp_path):
    path = animate(short, **SMALL).save(tmp_path / "em.mp4")
    assert path.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("ending", [".gif", ".png", ".webp", ".mp4"])
def test_a_failure_leaves_the_old_file_and_no_half_one(short, tmp_path, monkeypatch, ending):
    fake = tmp_path / "ffmpeg"
    fake.write_text("#!/bin/sh\ncat > /dev/null\n")
    fake.chmod(0o755)
    monkeypatch.setattr(encode, "find_ffmpeg", lambda: str(fake))
    path = tmp_path / f"em{ending}"
    path.write_bytes(b"the old one")
    animation = animate(short, **SMALL)
    draw = Stage.draw

    def fail(stage, step):
        if step is animation.steps[-2]:
            raise KeyboardInterrupt
        return draw(stage, step)

    monkeypatch.setattr(Stage, "draw", fail)
    with pytest.raises(KeyboardInterrupt):
        animation.save(path)
    assert path.read_bytes() == b"the old one"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(["ffmpeg", path.name])


def test_an_ending_may_be_in_capitals_and_png_has_two():
    assert encode.writer_for(Path("EM.GIF")) is encode.write_gif
    assert encode.writer_for(Path("em.png")) is encode.writer_for(Path("em.apng")) is encode.write_png


def test_a_missing_directory_is_told(short, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        animate(short, **SMALL).save(tmp_path / "nowhere" / "em.gif")


def test_a_palette_keeps_the_colours_that_matter():
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 4), dtype=np.uint8)
    exact = [(0, 114, 178), (213, 94, 0), (255, 255, 255)]
    palette = encode.Palette([noise], exact)
    assert len(palette.colours) <= 255
    wanted = np.array([[(*colour, 255) for colour in exact]], dtype=np.uint8)
    assert palette.colours[palette.indices(wanted)].tolist() == [[list(colour) for colour in exact]]


# --- in a notebook -----------------------------------------------------------------------------------------


def test_it_shows_itself_as_a_moving_png_with_its_text(short):
    animation = animate(short, **SMALL)
    data, about = animation._repr_mimebundle_()
    assert data["text/plain"] == repr(animation) == "Animation(8 frames, 5.2 s)"
    assert about == {"image/png": {"alt": animation.alt}}
    shown, _ = read(io.BytesIO(base64.b64decode(data["image/png"])))
    assert len(shown) == 1 + len(animation.steps)
    last = animation.last_frame()[..., :3].astype(np.int16)
    assert np.sqrt(np.mean((shown[0] - last) ** 2.0)) < 2.5  # a reader that cannot animate shows the end
    assert animation._repr_mimebundle_()[0]["image/png"] is data["image/png"]  # drawn once


def test_the_text_tells_the_run(trace, hard):
    words = animate(trace, feature_names=["eruption", "waiting"]).alt
    assert "EM, 2 components, covariance type full, on 272 points with 2 features" in words
    assert "The log-likelihood rises from −2,073.2 to −1,130.3. Converged after 20 iterations." in words
    assert "mean eruption 4.29, waiting 79.97" in words
    assert "The inertia falls from" in animate(hard).alt
    own = "EM on Old Faithful, from two ellipses in the corners"
    assert animate(trace, alt=own).alt == own


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run_through(progress: bool = True) -> list[int]:
    return list(Progress([1, 2, 3], progress))


def test_a_terminal_gets_a_bar_after_a_second(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert run_through() == [1, 2, 3]
    assert sys.stderr.getvalue() == ""  # quick: nothing at all
    monkeypatch.setattr(Progress, "DELAY", -1.0)
    assert run_through() == [1, 2, 3]
    bar = sys.stderr.getvalue()
    assert "frames [" in bar
    assert "2/3" in bar
    assert bar.endswith("\r\x1b[2K")  # and it is wiped
    monkeypatch.setattr(sys, "stderr", Terminal())
    run_through(progress=False)
    assert sys.stderr.getvalue() == ""
    assert capsys.readouterr().out == ""


def test_a_log_file_gets_no_bar(monkeypatch, capsys):
    monkeypatch.setattr(Progress, "DELAY", -1.0)
    run_through()
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_wiped_when_drawing_fails(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(Progress, "DELAY", -1.0)
    frames = iter(Progress([1, 2, 3]))
    next(frames)
    frames.close()
    assert sys.stderr.getvalue().endswith("\r\x1b[2K")


def test_a_notebook_gets_a_widget_that_leaves_no_trace(monkeypatch):
    import IPython
    import IPython.display

    said = []

    def display(data, **options):
        said.append((data, options))
        return types.SimpleNamespace(update=lambda data, **options: said.append((data, options)))

    monkeypatch.setattr(IPython, "get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(Progress, "DELAY", -1.0)
    assert run_through() == [1, 2, 3]
    (first, options), (last, _) = said
    # Neither nbval nor a reader of the saved notebook may find anything that depends on the time it took.
    assert list(first) == ["application/vnd.jupyter.widget-view+json"]
    assert options == {"raw": True, "display_id": True}
    assert last == {}


# --- speed -------------------------------------------------------------------------------------------------


def test_a_blitted_frame_takes_less_than_half_as_long_as_a_full_one(trace):
    # FuncAnimation.save draws every frame in full; benchmarks/animate.py measures it from end to end.
    animation = animate(trace, progress=False)
    stage, steps = animation.stage, animation.steps[1::8]
    stage.draw(steps[0])
    seconds: dict[str, list[float]] = {"draw": [], "draw_in_full": []}
    for step in steps:
        for way, times in seconds.items():
            start = time.process_time()  # of this process alone, whatever else the computer does
            getattr(stage, way)(step)
            times.append(time.process_time() - start)
    assert np.median(seconds["draw_in_full"]) > 2 * np.median(seconds["draw"])


def test_the_benchmark_runs(tmp_path, capsys, monkeypatch):
    spec = importlib.util.spec_from_file_location("benchmark_animate", BENCHMARK)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    few = faithful_run()[:2]
    monkeypatch.setattr(benchmark, "new", lambda: animate(few, **SMALL))
    monkeypatch.setattr(sys, "argv", ["animate.py", "--repeats", "1", "--json", str(tmp_path / "speed.json")])
    monkeypatch.setattr(benchmark, "GOAL", 1e6)  # nobody is as fast as that
    assert benchmark.main() == 1
    assert "times as fast in all" in capsys.readouterr().out
    assert json.loads((tmp_path / "speed.json").read_text())["total_ratio"] > 0
