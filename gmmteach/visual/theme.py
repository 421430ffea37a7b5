"""One look for the whole course: colours, markers and lines for components, and type for the back row.

A component has three codes, so that colour is never the only one: component k is `colour(k)`, `marker(k)` and
`linestyle(k)`. The first six colours are those of Okabe & Ito (2008); the rest extend them.

Shares are shown by mixing colours (`mix`). The mixing happens in OKLab (Ottosson 2020), where equal steps
look equal: a point shared half and half looks half-way between its two components, and a little greyer,
as an undecided point should. Mixing light (linear RGB) favours the brighter of the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from numpy.typing import ArrayLike, NDArray

COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#6A3D9A",
    "#8C564B",
    "#117733",
    "#882255",
)
# The same hues; purple and wine are lighter, for they had a contrast under 3:1 on a dark page, and purple lighter
# still, for it came too close to blue for eyes that lack the green cones.
DARK_COLOURS = (*COLOURS[:6], "#9B6DD0", *COLOURS[7:9], "#B04A79")
COLOUR_NAMES = (
    "blue",
    "orange-red",
    "green",
    "pink",
    "sky blue",
    "amber",
    "purple",
    "brown",
    "dark green",
    "wine red",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "p", "*", "h", "X")
MARKER_NAMES = (
    "circle",
    "square",
    "triangle",
    "diamond",
    "downward triangle",
    "plus",
    "pentagon",
    "star",
    "hexagon",
    "cross",
)
# Markers of one nominal size look unequal: these factors bring their areas together.
MARKER_SCALES = (1.0, 0.92, 1.12, 0.86, 1.12, 1.15, 1.1, 1.45, 1.08, 1.15)
LINESTYLES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.4, 1.4)),
    (0, (6, 1.8, 1.4, 1.8)),
    (0, (9, 2.5)),
    (0, (3, 1.3)),
    (0, (6, 1.5, 1.4, 1.5, 1.4, 1.5)),
    (0, (9, 2, 3, 2)),
    (0, (2.5, 2.5)),
    (0, (12, 2, 1.4, 2)),
)

LIGHT = {"background": "#FFFFFF", "text": "#1A1A1A", "quiet": "#555555", "grid": "#E8E8E8", "points": "#8A8A8A"}
DARK = {"background": "#111111", "text": "#F0F0F0", "quiet": "#B8B8B8", "grid": "#2C2C2C", "points": "#8A8A8A"}

SMALL, BODY, TITLE = 12, 14, 16  # points, at the default figure of 7.2 by 5 inches


def colour(k: int, dark: bool = False) -> str:
    """Colour of component k; they repeat after ten, and by then the number on the mean is what tells."""
    return (DARK_COLOURS if dark else COLOURS)[k % len(COLOURS)]


def marker(k: int) -> str:
    """Marker of component k, in matplotlib's notation."""
    return MARKERS[k % len(MARKERS)]


def linestyle(k: int) -> Any:
    """Line style of component k, in matplotlib's notation."""
    return LINESTYLES[k % len(LINESTYLES)]


def ink(k: int, dark: bool = False, contrast: float = 3.0) -> str:
    """Colour of component k for lines (3:1) and letters (4.5:1): darker or lighter until it reads (WCAG 2.2)."""
    return readable(colour(k, dark), page(dark)["background"], contrast)


def page(dark: bool = False) -> dict[str, str]:
    """Colours of everything that is not a component: background, text, quiet, grid, points."""
    return DARK if dark else LIGHT


def is_dark(axes: Axes) -> bool:
    """Whether these axes have a dark background, so that colours can follow it."""
    return bool(luminance(to_rgb(axes.get_facecolor())) < 0.18)


def mix(responsibilities: ArrayLike, dark: bool = False) -> NDArray[np.float64]:
    """Colour of every sample: the components' colours, in the proportion of its responsibilities.

    Parameters
    ----------
    responsibilities : (n_samples, n_components)

    Returns
    -------
    (n_samples, 3), sRGB from 0 to 1
    """
    shares = np.asarray(responsibilities, dtype=np.float64)
    palette = np.array([to_rgb(colour(k, dark)) for k in range(shares.shape[1])])
    return from_oklab(shares @ to_oklab(palette))


# --- matplotlib's settings ---------------------------------------------------------------------------------


def use(dark: bool = False) -> None:
    """Give every figure from now on the look of the course."""
    mpl.rcParams.update(cast(Any, settings(dark)))


@contextmanager
def context(dark: bool = False) -> Iterator[None]:
    """Give figures made inside a ``with`` block the look of the course."""
    with mpl.rc_context(cast(Any, settings(dark))):
        yield


def settings(dark: bool = False) -> dict[str, Any]:
    """Settings of matplotlib, its rcParams, for the look of the course."""
    tone = page(dark)
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so it looks the same everywhere
        "font.size": BODY,
        "mathtext.fontset": "dejavusans",
        "figure.figsize": (7.2, 5.0),
        "figure.dpi": 100,
        "figure.facecolor": tone["background"],
        "figure.edgecolor": tone["background"],
        "figure.titlesize": TITLE,
        "figure.titleweight": "bold",
        "figure.constrained_layout.use": True,
        "savefig.facecolor": tone["background"],
        "text.color": tone["text"],
        "axes.facecolor": tone["background"],
        "axes.edgecolor": tone["quiet"],
        "axes.labelcolor": tone["text"],
        "axes.labelsize": BODY,
        "axes.labelpad": 6.0,
        "axes.titlesize": TITLE,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": tone["text"],
        "axes.titlepad": 10.0,
        "axes.linewidth": 1.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "axes.unicode_minus": True,
        "axes.formatter.limits": (-5, 6),
        "axes.prop_cycle": cycler(color=[colour(k, dark) for k in range(len(COLOURS))]),
        "grid.color": tone["grid"],
        "grid.linewidth": 1.0,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "xtick.color": tone["quiet"],
        "ytick.color": tone["quiet"],
        "xtick.labelcolor": tone["text"],
        "ytick.labelcolor": tone["text"],
        "legend.fontsize": SMALL,
        "legend.frameon": False,
        "lines.linewidth": 2.2,
        "lines.dash_capstyle": "butt",
        "svg.hashsalt": "gmmteach",
    }


# --- colour arithmetic -------------------------------------------------------------------------------------

_LIGHT_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_CONES_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_OKLAB_TO_CONES = np.linalg.inv(_CONES_TO_OKLAB)
_CONES_TO_LIGHT = np.linalg.inv(_LIGHT_TO_CONES)


def to_light(srgb: ArrayLike) -> NDArray[np.float64]:
    """Linear light of sRGB values (IEC 61966-2-1)."""
    values = np.asarray(srgb, dtype=np.float64)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def from_light(light: ArrayLike) -> NDArray[np.float64]:
    """Turn linear light into sRGB values, clipped to what a screen can show."""
    values = np.clip(np.asarray(light, dtype=np.float64), 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055)


def to_oklab(srgb: ArrayLike) -> NDArray[np.float64]:
    """OKLab coordinates of sRGB values (Ottosson 2020)."""
    return np.cbrt(to_light(srgb) @ _LIGHT_TO_CONES.T) @ _CONES_TO_OKLAB.T


def from_oklab(oklab: ArrayLike) -> NDArray[np.float64]:
    """Turn OKLab coordinates into sRGB values, clipped to what a screen can show."""
    return from_light((np.asarray(oklab) @ _OKLAB_TO_CONES.T) ** 3 @ _CONES_TO_LIGHT.T)


def luminance(srgb: ArrayLike) -> NDArray[np.float64]:
    """Relative luminance, 0 for black to 1 for white (WCAG 2.2)."""
    return to_light(srgb) @ np.array([0.2126, 0.7152, 0.0722])


def in_bytes(colour: str) -> tuple[int, int, int]:
    """Red, green and blue of a colour, from 0 to 255."""
    red, green, blue = (round(255 * channel) for channel in to_rgb(colour))
    return red, green, blue


def contrast_ratio(one: str, other: str) -> float:
    """Contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((float(luminance(to_rgb(one))), float(luminance(to_rgb(other)))))
    return (lighter + 0.05) / (darker + 0.05)


def readable(foreground: str, background: str, contrast: float) -> str:
    """Move a colour away from its background, keeping its hue, until the contrast is at least this."""
    oklab = to_oklab(to_rgb(foreground))
    step = np.array([-0.01 if luminance(to_rgb(background)) > 0.18 else 0.01, 0.0, 0.0])
    while contrast_ratio(_hex(oklab), background) < contrast and 0 < oklab[0] < 1:
        oklab = oklab + step
    return _hex(oklab)


def _hex(oklab: NDArray[np.float64]) -> str:
    red, green, blue = from_oklab(oklab).tolist()
    return to_hex((red, green, blue))
