"""One player on a page, for tests: what its text line says, what its pixels show, and hands to move it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from gmmteach.visual import theme

NUMBER = r"−?[\d,]+(?:\.\d+)?(?:e[+−]?\d+)?"


def as_number(text: str) -> float:
    return float(text.replace("−", "-").replace(",", ""))


class Driver:
    """One player on a page: what its text line says, what its pixels show, and hands to move it."""

    def __init__(self, page: Any, root: Any) -> None:
        self.page, self.root = page, root

    def part(self, name: str) -> Any:
        return self.root.get_by_test_id(name)

    @property
    def text(self) -> str:
        return self.part("text").text_content()

    @property
    def position(self) -> int:
        return int(self.root.get_attribute("data-position"))

    @property
    def final(self) -> float:
        """The objective at which, says the text line, the run ends."""
        found = re.search(rf"at (?:log-likelihood|minus inertia) ({NUMBER})", self.text)
        assert found, self.text
        return as_number(found[1])

    @property
    def objective(self) -> float:
        found = re.search(rf"(?:Log-likelihood|Minus inertia) ({NUMBER})", self.text)
        assert found, self.text
        return as_number(found[1])

    @property
    def centres(self) -> list[tuple[float, ...]]:
        """The means, as the text line has them (of the first run, if there are several)."""
        found = re.findall(
            rf"Component \d+: .*?centre (?:\(({NUMBER}), ({NUMBER})\)|({NUMBER}))", self.text.split("\n")[0]
        )
        assert found, self.text
        return [tuple(as_number(part) for part in parts if part) for parts in found]

    def canvas(self, panel: int = 0) -> Any:
        return self.root.locator("canvas").nth(panel)

    def axes(self, panel: int = 0) -> dict[str, Any]:
        return json.loads(self.canvas(panel).get_attribute("data-axes"))

    def pixel(self, x: float, y: float = 0.0, panel: int = 0) -> tuple[float, float]:
        """Where a point of the data lies on the canvas, in CSS pixels."""
        box = self.axes(panel)
        (left, right), (low, high) = box["x"], box["y"]
        return (
            box["left"] + (x - left) / (right - left) * box["width"],
            box["top"] + (1 - (y - low) / (high - low)) * box["height"],
        )

    def on_screen(self, x: float, y: float = 0.0, panel: int = 0) -> tuple[float, float]:
        self.canvas(panel).scroll_into_view_if_needed()
        corner = self.canvas(panel).bounding_box()
        px, py = self.pixel(x, y, panel)
        return corner["x"] + px, corner["y"] + py

    def drag(self, start: tuple[float, ...], end: tuple[float, ...], panel: int = 0, release: bool = True) -> None:
        self.page.mouse.move(*self.on_screen(*start, panel=panel))
        self.page.mouse.down()
        self.page.mouse.move(*self.on_screen(*end, panel=panel), steps=5)
        if release:
            self.page.mouse.up()
            self.settle()

    def settle(self) -> None:
        """Wait until the browser's run and any movement have ended."""
        handle = self.root.element_handle()
        self.page.wait_for_function(
            "(r) => r.player.since === null && r.player.slots.every((s) => !s.work)", arg=handle
        )

    def colours(self, places: list[tuple[float, float]], panel: int = 0) -> list[tuple[int, int, int]]:
        """Colours on the canvas at these CSS pixels, over the page's background."""
        return [
            tuple(rgb)
            for rgb in self.canvas(panel).evaluate(
                """(canvas, places) => {
                  const ratio = canvas.width / canvas.clientWidth, c = canvas.getContext("2d");
                  const style = getComputedStyle(canvas.closest(".gmmt-player"));
                  const ground = style.backgroundColor.match(/\\d+/g).map(Number);
                  return places.map(([x, y]) => {
                    const [r, g, b, a] = c.getImageData(Math.round(x * ratio), Math.round(y * ratio), 1, 1).data;
                    return [r, g, b].map((v, i) => Math.round((v * a + ground[i] * (255 - a)) / 255));
                  });
                }""",
                places,
            )
        ]

    def shows_mean(self, k: int, x: float, y: float = 0.0, panel: int = 0) -> bool:
        """Whether the marker of component k, with its rim and its halo, is drawn at this place of the data."""
        px, py = self.pixel(x, y, panel)
        dark = self.root.get_attribute("data-theme") == "dark"
        middle, *left = self.colours([(px, py), *((px - step, py) for step in range(5, 16))], panel)
        fill = theme.in_bytes((theme.DARK_COLOURS if dark else theme.COLOURS)[k])
        bright = [sum(rgb) / 3 for rgb in left]
        rim, halo = (max, min) if dark else (min, max)
        return near(middle, fill) and abs(rim(bright) - halo(bright)) > 140

    def shows_text(self, panel: int = 0) -> bool:
        """Whether every mean that the text line names is drawn where the text line has it."""
        return all(self.shows_mean(k, *centre, panel=panel) for k, centre in enumerate(self.centres))

    def on_ellipse(self, k: int, mixture: Any, n_std: float, panel: int = 0) -> list[tuple[int, int, int]]:
        """Colours along an ellipse of the mixture, inside the axes."""
        ellipses = mixture.ellipses(n_std)
        angle, turn = np.linspace(0, 2 * np.pi, 180), np.radians(ellipses.angles[k])
        along, across = ellipses.widths[k] / 2 * np.cos(angle), ellipses.heights[k] / 2 * np.sin(angle)
        xs = ellipses.centres[k][0] + along * np.cos(turn) - across * np.sin(turn)
        ys = ellipses.centres[k][1] + along * np.sin(turn) + across * np.cos(turn)
        box = self.axes(panel)
        inside = [
            place
            for place in (self.pixel(x, y, panel) for x, y in zip(xs, ys, strict=True))
            if box["left"] < place[0] < box["left"] + box["width"]
            and box["top"] < place[1] < box["top"] + box["height"]
        ]
        return self.colours(inside, panel)

    def share_on_ellipse(self, k: int, mixture: Any, panel: int = 0) -> float:
        """Share of the places on the mixture's 2σ ellipse that have the colour of component k."""
        fill = theme.in_bytes(theme.ink(k))
        return float(np.mean([near(rgb, fill, 60) for rgb in self.on_ellipse(k, mixture, 2.0, panel)]))


def near(one: tuple[int, ...], other: tuple[int, ...], reach: int = 24) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= reach
