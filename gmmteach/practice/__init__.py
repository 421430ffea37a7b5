"""Things to do: predictions that are made before a demonstration plays.

Everything is imported when it is first asked for, so that ``import gmmteach.practice`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .predict import Prediction, predict

__all__ = ["Prediction", "predict"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        value = globals()[name] = getattr(import_module(".predict", __name__), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
