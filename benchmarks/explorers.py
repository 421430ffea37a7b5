"""How long a slider takes to redraw its picture: ours against plotting again through ipywidgets.interact.

    python benchmarks/explorers.py [--repeats 40] [--json FILE]

Both react to the same slider with the same picture, and both end with a PNG in hand: ours sets its artists,
blits and packs; `interact` calls a function that makes the figure, draws it and encodes it as Jupyter's inline
backend does. They take turns, so that whatever else the computer does falls on both, and the medians are
compared. (The way to the browser is not in it: it is the same for both.) The exit status is 1 if ours is not
at least three times as fast.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.core.pylabtools import print_figure

from gmmteach.visual import (
    explore_bound,
    explore_collapse,
    explore_conditional,
    explore_covariance,
    explore_gaussian,
    explore_landscape,
    explore_limit,
    explore_mixture,
    explore_prior,
    explore_responsibilities,
    explore_selection,
    explore_shapes,
    explore_stopping,
    explore_story,
    explore_threshold,
)
from gmmteach.visual.panel import Panel, encode_png

GOAL = 3.0
EXPLORERS: dict[str, tuple[Callable[[], Panel], Callable[[Any], Any]]] = {
    "gaussian": (explore_gaussian, lambda panel: panel.mean),
    "covariance": (explore_covariance, lambda panel: panel.correlation),
    "mixture": (explore_mixture, lambda panel: panel.means[0]),
    "story, 500 points": (lambda: explore_story(n_samples=500), lambda panel: panel.hide),
    "responsibilities": (explore_responsibilities, lambda panel: panel.x),
    "bound": (explore_bound, lambda panel: panel.mean),
    "landscape": (explore_landscape, lambda panel: panel.step),
    "stopping": (explore_stopping, lambda panel: panel.power),
    "shapes": (explore_shapes, lambda panel: panel.iteration),
    "collapse": (explore_collapse, lambda panel: panel.halvings),
    "limit": (explore_limit, lambda panel: panel.round),
    "selection": (explore_selection, lambda panel: panel.components),
    "conditional": (explore_conditional, lambda panel: panel.slide),
    "threshold": (explore_threshold, lambda panel: panel.share),
    "prior": (explore_prior, lambda panel: panel.iteration),
}


def again(panel: Panel, control: Any) -> Any:
    """What `interact` makes: a control of the same kind, and a function that plots the same picture again."""
    control.unobserve(panel._changed, "value")

    def plot(value: Any) -> None:
        control.value = value
        panel._open()  # the figure and everything in it, from nothing
        panel.pose()
        print_figure(panel.figure, "png", bbox_inches="tight")

    with redirect_stdout(io.StringIO()):  # it clears its output, and a terminal would show how
        return ipywidgets.interactive(plot, value=type(control)(**_range(control))).children[0]


def _range(control: Any) -> dict[str, Any]:
    names = ("min", "max", "step", "value") if hasattr(control, "min") else ("value",)
    return {name: getattr(control, name) for name in names}


def values(control: Any, number: int) -> list[Any]:
    """Different values, so that every one is a change."""
    if not hasattr(control, "min"):
        return [i % 2 == 0 for i in range(number)]
    return [control.min + (control.max - control.min) * (0.1 + 0.8 * ((i * 0.381966) % 1)) for i in range(number)]


def seconds(control: Any, value: Any) -> float:
    with redirect_stdout(io.StringIO()):
        start = time.perf_counter()
        control.value = value
        return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description="Explorers against plotting again through interact, interleaved.")
    parser.add_argument("--repeats", type=int, default=40, help="moves of each slider (default 40)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to this file")
    options = parser.parse_args()

    report: dict[str, Any] = {"repeats": options.repeats, "goal": GOAL, "explorers": {}}
    print(f"{options.repeats} moves of each slider, medians in milliseconds\n")
    print(f"{'':20}{'ours':>8}{'interact':>10}{'ratio':>8}{'best':>8}{'drawing':>9}{'packing':>9}{'bytes':>10}")
    for name, (make, choose) in EXPLORERS.items():
        panel, other = make(), make()
        control, plain = choose(panel), choose(other)
        slow = again(other, plain)
        times: dict[str, list[float]] = {"ours": [], "interact": [], "drawing": [], "packing": []}
        for value in values(control, 3):  # fonts and caches are warm for both
            seconds(control, value)
            seconds(slow, value)
        for value in values(control, options.repeats + 1)[1:]:
            times["ours"].append(seconds(control, value))
            times["interact"].append(seconds(slow, value))
            start = time.perf_counter()
            pixels = panel.draw()
            middle = time.perf_counter()
            encode_png(pixels)
            times["drawing"].append(middle - start)
            times["packing"].append(time.perf_counter() - middle)
        entry = {f"{kind}_ms": 1e3 * statistics.median(each) for kind, each in times.items()}
        entry["best_ms"] = 1e3 * min(times["ours"])
        entry["ratio"] = entry["interact_ms"] / entry["ours_ms"]
        entry["bytes"] = len(panel.picture.png)
        report["explorers"][name] = entry
        print(
            f"{name:20}{entry['ours_ms']:8.1f}{entry['interact_ms']:10.1f}{entry['ratio']:8.1f}{entry['best_ms']:8.1f}"
            f"{entry['drawing_ms']:9.1f}{entry['packing_ms']:9.1f}{entry['bytes']:10,}"
        )
    slowest = min(entry["ratio"] for entry in report["explorers"].values())
    report["smallest_ratio"] = slowest
    print(f"\nours is at least {slowest:.1f} times as fast")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if slowest < GOAL:
        print(f"which is less than the goal, {GOAL:g}")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
