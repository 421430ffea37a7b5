"""The exercises of the course, by name: a right answer, cases, and the mistakes that people make.

Every module here that sets an `Exercise` adds it.
"""

from importlib import import_module
from pkgutil import iter_modules

from .model import Exercise

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
_FOUND = {value.name: value for module in _MODULES for value in vars(module).values() if isinstance(value, Exercise)}

EXERCISES: dict[str, Exercise] = dict(sorted(_FOUND.items(), key=lambda item: (item[1].notebook, item[0])))

__all__ = ["EXERCISES", "Exercise"]
