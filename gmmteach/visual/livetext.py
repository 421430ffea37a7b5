"""Text that changes at every move of a slider, without the millisecond or two that matplotlib takes for it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Transform
from numpy.typing import NDArray

CAPITAL = 0.73  # height of a digit in DejaVu Sans, in sizes


class LiveText(Artist):
    """A line of text put together from remembered glyphs: about ten times as fast as matplotlib's `Text`.

    No mathematics, no kerning; DejaVu Sans, whose digits are all of one width.

    Parameters
    ----------
    axes : Axes
        It adds itself to them.
    x, y : float
        In the data's coordinates, or where ``transform`` says.
    size : float
        In points.
    ha : {'left', 'center', 'right'}
    va : {'baseline', 'center', 'top'}
    rim : str, optional
        Colour of a rim around the letters, that keeps them apart from what is behind.
    """

    def __init__(
        self, axes: Axes, x: float, y: float, text: str = "", *, size: float, color: str, weight: str = "normal",
        ha: str = "left", va: str = "center", rim: str | None = None, transform: Transform | None = None,
        zorder: float = 6,
    ) -> None:  # fmt: skip
        super().__init__()
        self._place, self._text = (x, y), text
        self._size, self._weight, self._ink, self._rim = size, weight, color, rim
        self._across = {"left": 0.0, "center": 0.5, "right": 1.0}[ha]
        self._up = {"baseline": 0.0, "center": 0.5, "top": 1.0}[va]
        self.set_zorder(zorder)
        self.set_in_layout(False)
        axes.add_artist(self)
        self.set_transform(axes.transData if transform is None else transform)

    def set_text(self, text: str) -> None:
        """Say something else."""
        self._text = text
        self.stale = True

    def get_text(self) -> str:
        """What it says."""
        return self._text

    def set_position(self, place: tuple[float, float]) -> None:
        """Go somewhere else."""
        self._place = place
        self.stale = True

    def set_color(self, color: str) -> None:
        """Take another colour."""
        self._ink = color
        self.stale = True

    def draw(self, renderer: Any) -> None:
        """Put the glyphs side by side and paint them."""
        if not self.get_visible() or not self._text:
            return
        dpi = float(self.axes.figure.dpi)  # type: ignore[union-attr]
        glyphs = [_glyph(each, self._size, self._weight, dpi, self._rim is not None) for each in self._text]
        places = np.cumsum([0.0, *(glyph.advance for glyph in glyphs)])
        height, width = glyphs[0].ink.shape
        cover = np.zeros((2, height, width + int(places[-1]) + 1), dtype=np.uint8)
        for glyph, place in zip(glyphs, places.round().astype(int), strict=False):
            for layer, part in zip(cover, (glyph.ink, glyph.rim), strict=True):
                spot = layer[:, place : place + width]
                np.maximum(spot, part, out=spot)
        ink, rim = cover
        image = np.empty((*ink.shape, 4), dtype=np.uint8)
        image[:, :, :3] = np.array(to_rgb(self._ink)) * 255
        image[:, :, 3] = ink
        if self._rim is not None:
            share = ink[:, :, np.newaxis] / 255
            image[:, :, :3] = (share * to_rgb(self._ink) + (1 - share) * to_rgb(self._rim)) * 255
            image[:, :, 3] = rim
        x, y = self.get_transform().transform(self._place)
        left = x - self._across * places[-1] - glyphs[0].left
        bottom = y - self._up * CAPITAL * self._size * dpi / 72 - glyphs[0].baseline
        pen = renderer.new_gc()
        renderer.draw_image(pen, round(left), round(bottom), image[::-1])
        pen.restore()
        self.stale = False


class _Glyph(NamedTuple):
    ink: NDArray[np.uint8]  # opacity, (height, width), the top row first
    rim: NDArray[np.uint8]  # the same with a rim around it
    left: int  # pixels before the letter begins
    baseline: int  # pixels below the line it stands on
    advance: float  # pixels to the next letter


@lru_cache(maxsize=2000)
def _glyph(letter: str, size: float, weight: str, dpi: float, rimmed: bool) -> _Glyph:
    em = size * dpi / 72
    left, baseline = math.ceil(0.3 * em), math.ceil(0.5 * em)
    width, height = math.ceil(1.9 * em), math.ceil(1.7 * em)
    with rc_context({"figure.constrained_layout.use": False, "figure.autolayout": False}):
        figure = Figure(figsize=(width / dpi, height / dpi), dpi=dpi, facecolor="none")
    canvas = FigureCanvasAgg(figure)
    text = figure.text(
        left / width, baseline / height, letter, fontsize=size, fontweight=weight, family="DejaVu Sans", color="black",
        parse_math=False,
    )  # fmt: skip
    layers = []
    plain: list[AbstractPathEffect] = []
    rim: list[AbstractPathEffect] = [withStroke(linewidth=0.3 * size, foreground="black")]
    for effects in (plain, rim):
        text.set_path_effects(effects)
        canvas.draw()
        layers.append(np.asarray(canvas.buffer_rgba())[:, :, 3].copy())
        if not rimmed:
            layers.append(layers[0])
            break
    font = text.get_fontproperties()
    wide, narrow = (text_to_path.get_text_width_height_descent(word, font, False)[0] for word in (f"n{letter}n", "nn"))
    return _Glyph(layers[0], layers[1], left, baseline, (wide - narrow) * dpi / 72)
