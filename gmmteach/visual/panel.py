"""A picture with controls and a sentence: what every explorer is made of.

A matplotlib figure is drawn once and remembered as a background; when a control moves, only the artists that
changed are drawn over it (blitting), and the pixels travel to the browser as a quickly packed PNG. That is
several times as fast as plotting again. Numbers that change are set from remembered glyphs (`LiveText`), because
matplotlib takes a millisecond or two for every text. A subclass says three things:

    build(figure)   make the artists, once, and give back those that will move
    pose()          set the moving artists as the controls ask
    sentence()      say in words what the picture shows now
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import anywidget
import ipywidgets
import numpy as np
import traitlets
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from . import theme
from .fallback import add_fallback
from .words import check_alt

DPI = 100  # at one device pixel for each CSS pixel


class Picture(anywidget.AnyWidget):
    """Pixels with an alternative text and a live sentence under them; it reports clicks, the theme and the scale.

    ``ipywidgets.Image`` has no alternative text, so this is one that has.
    """

    _esm = r"""
    function isDark() {
      const { jpThemeLight, theme, vscodeThemeKind } = document.body.dataset;
      const named = document.documentElement.dataset.theme || theme || vscodeThemeKind;
      return jpThemeLight ? jpThemeLight === "false"
        : named ? /dark/.test(named) : matchMedia("(prefers-color-scheme: dark)").matches;
    }
    // ipywidgets' sliders and buttons: names and values for screen readers, keys back from JupyterLab's shortcuts.
    function mind(el) {
      const panel = el.closest(".gmmt-explorer");
      for (const slider of panel?.querySelectorAll(".widget-slider") ?? []) {
        const label = slider.querySelector(".widget-label"), tip = label?.title ?? "";
        const name = label.textContent + (tip && tip !== label.textContent ? ", " + tip : "");
        const readout = slider.querySelector(".widget-readout");
        readout?.setAttribute("aria-label", name + ", value");
        for (const handle of slider.querySelectorAll(".noUi-handle")) {
          handle.dataset.lmSuppressShortcuts = "true";
          handle.setAttribute("aria-label", name);
          if (readout) handle.setAttribute("aria-valuetext", readout.textContent);
        }
      }
      for (const button of panel?.querySelectorAll("button") ?? []) button.dataset.lmSuppressShortcuts = "true";
    }
    export default {
      render({ model, el: outer }) {
        const el = document.createElement("div");
        el.className = "gmmt-picture";
        outer.append(el);
        const image = new Image(), text = document.createElement("p");
        text.setAttribute("role", "status");
        text.setAttribute("aria-live", "polite");
        image.draggable = false;
        el.append(image, text);
        let address = null;
        const paint = () => {
          const old = address;
          address = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
          image.src = address;
          if (old) image.decode().catch(() => {}).finally(() => URL.revokeObjectURL(old));
        };
        const say = () => {
          image.alt = model.get("alt");
          const words = model.get("text").replaceAll(" %", "\u00a0%"); // no line begins with a percent sign
          if (text.textContent !== words) text.textContent = words;
          requestAnimationFrame(() => mind(el)); // after the sliders have written their values
        };
        const look = () => {
          const dark = isDark(), scale = Math.min(Math.max(window.devicePixelRatio || 1, 1), 2);
          el.dataset.theme = dark ? "dark" : "light";
          if (model.get("dark") === dark && model.get("scale") === scale) return;
          model.set("dark", dark);
          model.set("scale", scale);
          model.save_changes();
        };
        const size = () => {
          image.width = model.get("width");
          image.height = model.get("height");
          el.style.maxWidth = image.width + "px";
        };
        let held = false;
        const point = (event) => {
          const box = image.getBoundingClientRect();
          model.set("point", [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
          model.save_changes();
        };
        const still = new AbortController(), { signal } = still;
        image.addEventListener("pointerdown", (event) => {
          if (!model.get("pointable") || event.button) return;
          held = true;
          image.setPointerCapture(event.pointerId);
          point(event);
        }, { signal });
        image.addEventListener("pointermove", (event) => held && point(event), { signal });
        for (const end of ["pointerup", "pointercancel"]) {
          image.addEventListener(end, () => { held = false; }, { signal });
        }
        if (model.get("pointable")) {
          image.style.cursor = "crosshair";
          image.style.touchAction = "none";
        }
        model.on("change:png", paint);
        model.on("change:text change:alt", say);
        model.on("change:width change:height", size);
        const themes = new MutationObserver(look);
        for (const node of [document.body, document.documentElement]) {
          themes.observe(node, { attributes: true });
        }
        const attached = new ResizeObserver(() => { mind(el); look(); });
        attached.observe(el);
        size(); paint(); say(); look();
        return () => {
          still.abort(); themes.disconnect(); attached.disconnect();
          model.off("change:png", paint);
          model.off("change:text change:alt", say);
          model.off("change:width change:height", size);
          if (address) URL.revokeObjectURL(address);
        };
      },
    };
    """
    _css = """
    .gmmt-picture { margin-top: 8px; }
    .gmmt-picture img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
    .gmmt-picture p {
      margin: 6px 8px 10px; min-height: 3em; font-size: 16px; line-height: 1.5; white-space: pre-line;
      color: var(--jp-content-font-color1, inherit); font-variant-numeric: tabular-nums;
    }
    .gmmt-explorer { overflow: visible; }
    .gmmt-explorer .widget-label {
      font-size: 15px; text-align: left; color: var(--jp-content-font-color1, inherit);
    }
    .gmmt-explorer .widget-readout { min-width: 3.4em; font-size: 15px; font-variant-numeric: tabular-nums; }
    .gmmt-explorer .jupyter-button { height: 34px; padding: 0 14px; font-size: 15px; line-height: 32px; }
    .gmmt-explorer .jupyter-button:focus-visible, .gmmt-explorer .noUi-handle:focus-visible {
      outline: 2px solid var(--jp-brand-color1, #0072b2); outline-offset: 2px;
    }
    """

    png = traitlets.Bytes().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    height = traitlets.Int().tag(sync=True)
    pointable = traitlets.Bool(False).tag(sync=True)
    point = traitlets.List(traitlets.Float(), help="Last click or drag: shares of the width and height.").tag(sync=True)
    dark = traitlets.Bool(False, help="Whether the page is dark; the browser tells.").tag(sync=True)
    scale = traitlets.Float(1.0, help="Device pixels for each CSS pixel; the browser tells.").tag(sync=True)


class Panel(ipywidgets.VBox):
    """Controls above a picture above a sentence; the base of every explorer.

    Parameters
    ----------
    rows : sequence of widgets
        The controls, from top to bottom. The panel redraws when the ``value`` of a control in `controls` changes.
    controls : sequence of widgets
        Those with a value: sliders and toggles.
    pointable : bool
        Whether a click or a drag on the picture calls `pointed`.
    """

    title = ""
    about = ""  # what kind of picture it is, in a sentence: the beginning of the alternative text
    size = (860, 440)  # width and height in CSS pixels

    def __init__(
        self, rows: Sequence[Any], controls: Sequence[Any] = (), *, pointable: bool = False, **kwargs: Any
    ) -> None:
        self.dark, self.scale = False, 1.0
        self._quiet = False
        self.picture = Picture(width=self.size[0], height=self.size[1], pointable=pointable)
        super().__init__([*rows, self.picture], **kwargs)
        self.add_class("gmmt-explorer")
        self._open()
        self.update()
        for control in controls:
            control.observe(self._changed, "value")
        self.picture.observe(self._looked, ["dark", "scale"])
        self.picture.observe(self._clicked, "point")

    # --- what a subclass says ----------------------------------------------------------------------------

    def build(self, figure: Figure) -> Iterable[Artist]:
        """Make the artists; give back those that `pose` moves."""
        raise NotImplementedError

    def pose(self) -> None:
        """Set the moving artists to the state of the controls."""
        raise NotImplementedError

    def sentence(self) -> str:
        """Say what the picture shows now."""
        raise NotImplementedError

    def pointed(self, place: tuple[float, float]) -> None:
        """Do what a click or a drag at this place of the figure, in its pixels, asks for."""

    # --- drawing -----------------------------------------------------------------------------------------

    def update(self) -> None:
        """Show the state of the controls: in the picture and in the sentence."""
        if self._quiet:
            return
        png, sentence = encode_png(self.draw()), self.sentence()
        with self.picture.hold_sync():
            self.picture.png, self.picture.text, self.picture.alt = png, sentence, self._alt(sentence)

    def draw(self) -> NDArray[np.uint8]:
        """Draw the state of the controls over the remembered background; a view of the canvas, (height, width, 4)."""
        if self._background is None:
            self._draw_background()
        self.pose()
        self.canvas.restore_region(self._background)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())

    def draw_in_full(self) -> NDArray[np.uint8]:
        """Draw everything from nothing: slower than `draw`, and the same pixels."""
        if self._background is None:
            self._draw_background()
        self.pose()
        for artist in self.moving:
            artist.set_animated(False)
        with theme.context(self.dark):
            self.canvas.draw()
        for artist in self.moving:
            artist.set_animated(True)
        return np.asarray(self.canvas.buffer_rgba()).copy()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Change several controls inside a ``with`` block, and draw once after it."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
        self.update()

    def _open(self) -> None:
        with theme.context(self.dark):
            # A tenth of a pixel more: matplotlib before 3.10 cuts 459.9999 down to 459.
            width, height = ((side + 0.1) / DPI for side in self.size)
            self.figure = Figure(figsize=(width, height), dpi=DPI * self.scale, layout="constrained")
            self.canvas = FigureCanvasAgg(self.figure)
            self.moving = sorted(self.build(self.figure), key=lambda artist: artist.get_zorder())
        self._background: Any = None

    def _draw_background(self) -> None:
        with theme.context(self.dark):
            self.pose()
            for _ in (1, 2):  # with everything, for the layout, which needs two passes where an aspect is fixed
                self.canvas.draw()
            self.figure.set_layout_engine("none")
            for artist in self.moving:
                artist.set_animated(True)
            self.canvas.draw()
        self._background = self.canvas.copy_from_bbox(self.figure.bbox)

    # --- what the browser says ---------------------------------------------------------------------------

    def _changed(self, _change: object) -> None:
        self.update()

    def _looked(self, _change: object) -> None:
        if (self.picture.dark, self.picture.scale) != (self.dark, self.scale):
            self.dark, self.scale = self.picture.dark, self.picture.scale
            self._open()
            self.update()

    def _clicked(self, _change: object) -> None:
        if len(self.picture.point) == 2:
            width, height = self.canvas.get_width_height()
            across, down = self.picture.point
            self.pointed((across * width, (1 - down) * height))

    # --- how it is shown ---------------------------------------------------------------------------------

    @property
    def alt(self) -> str:
        """The picture in words: what kind it is, and its state."""
        return self._alt(self.sentence())

    def _alt(self, sentence: str) -> str:
        return check_alt(f"{self.about} {sentence}")

    def __repr__(self) -> str:
        return f"{self.title}. {self.sentence()}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add the picture, with a text for those who cannot see it, for pages without widgets."""
        shown = super()._repr_mimebundle_(**kwargs)
        return add_fallback(shown, {"text/plain": repr(self)}, self._still(), self.alt)

    def _still(self) -> NDArray[np.uint8]:
        """The picture as it is now, on a light page."""
        look = self.dark, self.scale
        if look != (False, 1.0):
            self.dark, self.scale = False, 1.0
            self._open()
        pixels = self.draw().copy()
        if look != (False, 1.0):
            self.dark, self.scale = look
            self._open()
            self.draw()
        return pixels


# --- parts -------------------------------------------------------------------------------------------------


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Pack opaque pixels, (height, width, 4), into a PNG: at level 1 and without row filters, for speed (RFC 2083)."""
    height, width = pixels.shape[:2]
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)  # every row begins with its filter, 0: none
    rows[:, 1:].reshape(height, width, 3)[:] = pixels[:, :, :3]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.data, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def slider(
    name: str, value: float, low: float, high: float, step: float, *, tip: str = "", form: str = ".2f",
    width: int = 410, label: int = 150,
) -> ipywidgets.FloatSlider:  # fmt: skip
    """Make a slider with its whole name beside it; a value outside the range is brought inside.

    Parameters
    ----------
    name : str
        What it sets, as a person would say it.
    value, low, high, step : float
    tip : str
        What it does, for a pointer that rests on it.
    form : str
        Of the number beside it, in Python's format language.
    width, label : int
        Of the whole and of the name, in pixels.
    """
    return ipywidgets.FloatSlider(
        value=min(max(value, low), high), min=low, max=high, step=step, description=name, tooltip=tip or name,
        readout_format=form, style={"description_width": f"{label}px"},
        layout={"width": f"{width}px", "max_width": "100%"},
    )  # fmt: skip


def reading(control: ipywidgets.FloatSlider) -> float:
    """Value of a slider without the dust that adding steps leaves: 0.15, not 0.15000000000000002."""
    step = float(control.step)
    return float(f"{round(control.value / step, 6) * step:.12g}")


def button(name: str, action: Callable[[], None], tip: str = "") -> ipywidgets.Button:
    """Make a button that is as wide as its name."""
    made = ipywidgets.Button(description=name, tooltip=tip or name, layout={"width": "auto"})
    made.on_click(lambda _button: action())
    return made


def row(*parts: Any) -> ipywidgets.HBox:
    """Put controls beside each other; they wrap where the page is narrow."""
    return ipywidgets.HBox(list(parts), layout={"flex_flow": "row wrap", "grid_gap": "0 18px"})


def at(axes: Axes, place: tuple[float, float]) -> tuple[float, float] | None:
    """Where in the data a place of the figure lies; None outside the axes."""
    if not axes.bbox.contains(*place):
        return None
    x, y = axes.transData.inverted().transform(place)
    return float(x), float(y)
