"""Pictures: static, moving, and to play with.

Everything is imported when it is first asked for, so that ``import gmmteach.visual`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .decision import plot_decision_guide
    from .draw import MixtureArtists, TraceArtists, describe, plot_mixture, plot_trace, show
    from .explorers import (
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
    from .figures import make_figures
    from .grid import GridArtists, plot_selection
    from .player import TracePlayer

_WHERE = {
    "GridArtists": "grid",
    "MixtureArtists": "draw",
    "TraceArtists": "draw",
    "describe": "draw",
    "explore_bound": "explorers",
    "explore_collapse": "explorers",
    "explore_conditional": "explorers",
    "explore_covariance": "explorers",
    "explore_gaussian": "explorers",
    "explore_landscape": "explorers",
    "explore_limit": "explorers",
    "explore_prior": "explorers",
    "explore_selection": "explorers",
    "explore_shapes": "explorers",
    "explore_stopping": "explorers",
    "explore_threshold": "explorers",
    "explore_mixture": "explorers",
    "explore_responsibilities": "explorers",
    "explore_story": "explorers",
    "plot_decision_guide": "decision",
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
    "explore_bound",
    "explore_collapse",
    "explore_conditional",
    "explore_covariance",
    "explore_gaussian",
    "explore_landscape",
    "explore_limit",
    "explore_mixture",
    "explore_prior",
    "explore_responsibilities",
    "explore_selection",
    "explore_shapes",
    "explore_stopping",
    "explore_story",
    "explore_threshold",
    "make_figures",
    "plot_decision_guide",
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
