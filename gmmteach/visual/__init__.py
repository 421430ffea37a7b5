"""Pictures: static, moving, and to play with.

Everything is imported when it is first asked for, so that ``import gmmteach.visual`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .draw import MixtureArtists, TraceArtists, describe, plot_mixture, plot_trace, show
    from .explorers import (
        explore_covariance,
        explore_gaussian,
        explore_mixture,
        explore_responsibilities,
        explore_story,
    )
    from .figures import make_figures
    from .grid import GridArtists, plot_selection
    from .player import TracePlayer

_WHERE = {
    "GridArtists": "grid",
    "MixtureArtists": "draw",
    "TraceArtists": "draw",
    "describe": "draw",
    "explore_bound": "explorers.bound",
    "explore_collapse": "explorers.collapse",
    "explore_conditional": "explorers.conditional",
    "explore_covariance": "explorers",
    "explore_gaussian": "explorers",
    "explore_landscape": "explorers.landscape",
    "explore_limit": "explorers.limit",
    "explore_prior": "explorers.prior",
    "explore_selection": "explorers.selection",
    "explore_shapes": "explorers.shapes",
    "explore_stopping": "explorers.stopping",
    "explore_threshold": "explorers.threshold",
    "explore_mixture": "explorers",
    "explore_responsibilities": "explorers",
    "explore_story": "explorers",
    "plot_mixture": "draw",
    "plot_selection": "grid",
    "plot_trace": "draw",
    "show": "draw",
    "make_figures": "figures",
    "TracePlayer": "player",
}
_MODULES = (
    "animate",
    "draw",
    "explorers",
    "figures",
    "grid",
    "panel",
    "player",
    "theme",
)  # the function is gmmteach.animate

__all__ = [
    "GridArtists",
    "MixtureArtists",
    "TraceArtists",
    "TracePlayer",
    "describe",
    "explore_covariance",
    "explore_gaussian",
    "explore_mixture",
    "explore_responsibilities",
    "explore_story",
    "make_figures",
    "plot_mixture",
    "plot_selection",
    "plot_trace",
    "show",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _WHERE:
        value = globals()[name] = getattr(import_module(f".{_WHERE[name]}", __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE, *_MODULES})
