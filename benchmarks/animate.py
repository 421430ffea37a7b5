"""How long a moving picture takes: ours against matplotlib's own FuncAnimation, the same figure and the same frames.

    python benchmarks/animate.py [--repeats 5] [--json FILE]

Both make the figure, draw every frame and write a GIF through Pillow. They take turns, so that whatever else
the computer does falls on both, and the medians are compared. The exit status is 1 if ours is not at
least twice as fast. (This file needs nothing but gmmteach.)
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.animation import AbstractMovieWriter, FuncAnimation, PillowWriter

from gmmteach.visual.animate import Animation, animate
from gmmteach.visual.figures import FAITHFUL, faithful_run

GOAL = 2.0


class Discard(AbstractMovieWriter):
    """A writer that draws frames as PillowWriter does, and throws them away."""

    def setup(self, fig: Any, outfile: Any, dpi: Any = None) -> None:  # noqa: D102  these are matplotlib's names
        super().setup(fig, outfile, dpi=dpi)

    def grab_frame(self, **savefig_kwargs: Any) -> None:  # noqa: D102
        self.fig.savefig(io.BytesIO(), format="rgba", dpi=self.dpi, **savefig_kwargs)

    def finish(self) -> None:  # noqa: D102
        pass


def new() -> Animation:
    """The README's animation, its figure not made yet."""
    return animate(faithful_run(), feature_names=FAITHFUL, progress=False)


def ours(path: Path | None) -> None:
    animation = new()
    if path is None:
        for _ in animation.frames():
            pass
    else:
        animation.save(path)


def matplotlibs(path: Path | None) -> None:
    animation = new()
    stage = animation.stage
    stage.draw_in_full(animation.steps[0])  # settles the layout once, as ours does; else every frame would
    for artist in stage.moving:
        artist.set_animated(False)

    def pose(step: Any) -> list[Any]:
        stage.pose(step)
        return stage.moving

    movie = FuncAnimation(stage.figure, pose, frames=animation.steps, blit=False)
    writer = Discard(fps=4) if path is None else PillowWriter(fps=4)
    movie.save(str(path or "nowhere.gif"), writer=writer, dpi=stage.figure.dpi)


def seconds(run: Callable[[Path | None], None], path: Path | None) -> float:
    start = time.perf_counter()
    run(path)
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description="Ours against matplotlib's FuncAnimation.save, interleaved.")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each, of which the median counts (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    options = parser.parse_args()

    runners = {"gmmteach": ours, "matplotlib": matplotlibs}
    times: dict[str, dict[str, list[float]]] = {name: {"total": [], "frames": []} for name in runners}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as directory:
        for run in runners.values():
            run(None)  # fonts and caches are warm for both
        for _ in range(options.repeats):
            for name, run in runners.items():
                path = Path(directory) / f"{name}.gif"
                times[name]["total"].append(seconds(run, path))
                times[name]["frames"].append(seconds(run, None))
                sizes[name] = path.stat().st_size

    frames = len(new().steps)
    report: dict[str, Any] = {"frames": frames, "repeats": options.repeats, "goal": GOAL}
    print(f"{frames} frames, {options.repeats} runs of each, medians in seconds\n")
    print(f"{'':12}{'figure + frames':>16}{'encoding':>10}{'total':>8}{'bytes':>10}")
    for name in runners:
        total, drawing = (statistics.median(times[name][part]) for part in ("total", "frames"))
        report[name] = {"frames": drawing, "encoding": total - drawing, "total": total, "bytes": sizes[name]}
        print(f"{name:12}{drawing:16.2f}{total - drawing:10.2f}{total:8.2f}{sizes[name]:10,}")
    for part in ("frames", "encoding", "total"):
        report[f"{part}_ratio"] = report["matplotlib"][part] / report["gmmteach"][part]
    print(
        f"\nours is {report['total_ratio']:.1f} times as fast in all: {report['frames_ratio']:.1f} times in making the "
        f"frames, {report['encoding_ratio']:.1f} times in encoding them"
    )
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if report["total_ratio"] < GOAL:
        print(f"which is less than the goal, {GOAL:g}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
