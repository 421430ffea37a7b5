"""The house stands as it is drawn: one way up, heavy libraries on the upper floors, every public name documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

import gmmteach

PACKAGE = Path(gmmteach.__file__).parent

# From the ground up. A module may use its own floor and those below it, and datasets nothing but itself.
FLOORS = (
    {"datasets", "progress", "threads"},
    {"covariance", "features", "conditional", "distance"},
    {"mixture"},
    {"trace", "starts", "statistics", "sweep"},
    {"em", "kmeans", "variational", "missing", "online", "acceleration", "distributed"},
    {"estimators"},
    {"selection"},
    {"gmmteach"},  # the package's front door, gmmteach/__init__.py, opens on everything up to here
    {"visual"},
    {"practice"},
    {"cli", "__main__"},
)
# Up, on purpose: a Selection draws itself by asking the picture's floor to, inside `plot` and only when that is called.
UP_ON_PURPOSE = {("selection", "gmmteach.visual.grid")}
WHERE_ALLOWED = {
    "matplotlib": {"visual"},
    "ipywidgets": {"visual", "practice"},
    "anywidget": {"visual", "practice"},
}


class Import(NamedTuple):
    """One import statement: in which part of the house, of what."""

    file: str
    line: int
    part: str
    target: str  # absolute: 'gmmteach.em', 'numpy', ...

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target}"


def part_of(path: Path) -> str:
    top = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "gmmteach" if top == "__init__" else top


def imports() -> Iterator[Import]:
    """Every import of every module, at its top or inside a function."""
    for path in sorted(PACKAGE.rglob("*.py")):
        here = path.relative_to(PACKAGE.parent)
        package = [part.removesuffix(".py") for part in here.parts[:-1]]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join([*base, *([node.module] if node.module else [])])
                # `from . import theme` names a module or something in __init__: both are that part of the house
                names = [f"{source}.{alias.name}" if source == "gmmteach" else source for alias in node.names]
            yield from (Import(str(here), node.lineno, part_of(path), name) for name in names)


IMPORTS = list(imports())


def floor(part: str) -> int:
    return next(number for number, parts in enumerate(FLOORS) if part in parts)


def part_imported(target: str) -> str | None:
    """Part of the house that is imported; None for what is not ours."""
    first, *rest = target.split(".")
    if first != "gmmteach":
        return None
    known = {part for parts in FLOORS for part in parts}
    return rest[0] if rest and rest[0] in known else "gmmteach"


def test_every_module_has_its_floor() -> None:
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")}
    assert parts <= {part for floor_ in FLOORS for part in floor_}
    assert {"covariance", "mixture", "trace", "em", "kmeans", "estimators"} <= parts


def test_the_imports_are_found() -> None:
    targets = {(found.part, found.target) for found in IMPORTS}
    assert ("em", "gmmteach.covariance") in targets
    assert ("visual", "matplotlib") in targets or any(
        part == "visual" and target.startswith("matplotlib") for part, target in targets
    )


def test_nothing_is_imported_from_a_floor_above() -> None:
    upward = [
        str(found)
        for found in IMPORTS
        if found.part != "gmmteach"
        and (found.part, found.target) not in UP_ON_PURPOSE
        and (part := part_imported(found.target)) is not None
        and floor(part) > floor(found.part)
    ]
    assert upward == []


def test_the_front_door_reaches_up_to_animate_only() -> None:
    """And that lazily: importing gmmteach is quick, which test_importing_is_quick makes sure of."""
    upward = [found.target for found in IMPORTS if found.part == "gmmteach" and is_above(found.target)]
    assert upward in ([], ["gmmteach.visual.animate"])


def is_above(target: str) -> bool:
    part = part_imported(target)
    return part is not None and floor(part) > floor("gmmteach")


def test_modules_of_one_floor_do_not_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {}
    for found in IMPORTS:
        part = part_imported(found.target)
        if (found.part, found.target) in UP_ON_PURPOSE:
            continue
        if part not in (None, found.part, "gmmteach") and found.part != "gmmteach":
            graph.setdefault(found.part, set()).add(str(part))

    def reach(part: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        for next_part in graph.get(part, set()) - seen:
            yield next_part
            yield from reach(next_part, seen | {next_part})

    assert [part for part in graph if part in reach(part)] == []


def test_datasets_tie_to_nothing() -> None:
    ties = [str(f) for f in IMPORTS if f.part == "datasets" and part_imported(f.target) not in (None, "datasets")]
    assert ties == []


@pytest.mark.parametrize("library", WHERE_ALLOWED)
def test_a_heavy_library_is_used_on_its_floors_only(library: str) -> None:
    used = {found.part for found in IMPORTS if found.target.split(".")[0] == library}
    assert used <= WHERE_ALLOWED[library]


def test_importing_is_quick() -> None:
    """Whoever only fits, or asks the command for help, does not wait for pictures and widgets."""
    heavy = ("matplotlib", "ipywidgets", "anywidget", "IPython")
    every = "gmmteach, gmmteach.datasets, gmmteach.visual, gmmteach.cli"
    code = f"import sys, {every}; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


# --- names and their documentation -------------------------------------------------------------------------


def modules() -> list[ModuleType]:
    names = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if parts[-1] != "__main__":
            names.append(".".join(part for part in parts if part != "__init__"))
    return [importlib.import_module(name) for name in names]


def public(thing: Any) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in vars(thing).items() if not name.startswith("_")]


def says(thing: Any) -> str:
    """The docstring, if a person wrote it: dataclasses and tuples write signatures by themselves."""
    said = inspect.getdoc(thing) or ""
    name = getattr(thing, "__name__", "")
    return "" if inspect.isclass(thing) and said.startswith(f"{name}(") else said


def undocumented() -> Iterator[str]:
    for module in modules():
        if not says(module):
            yield module.__name__
        for name, value in public(module):
            if not (inspect.isclass(value) or inspect.isfunction(value)) or value.__module__ != module.__name__:
                continue
            if not says(value):
                yield f"{module.__name__}.{name}"
            if inspect.isclass(value):
                for method, defined in public(value):
                    is_method = inspect.isfunction(defined) or isinstance(
                        defined, property | cached_property | classmethod | staticmethod
                    )
                    # a method that redefines a documented one has its documentation
                    if is_method and not inspect.getdoc(getattr(value, method)):
                        yield f"{module.__name__}.{name}.{method}"


def test_every_public_name_is_documented() -> None:
    assert list(undocumented()) == []


def test_every_name_that_is_offered_exists() -> None:
    offered = [(module, name) for module in modules() for name in getattr(module, "__all__", [])]
    assert len(offered) > 20
    assert [f"{module.__name__}.{name}" for module, name in offered if not hasattr(module, name)] == []
    for module in modules():
        names = getattr(module, "__all__", [])
        assert list(names) == sorted(set(names)), module.__name__


def test_the_names_of_the_design() -> None:
    assert set(gmmteach.__all__) >= {
        *("BayesianGaussianMixture", "GaussianMixture", "KMeans", "Mixture", "Snapshot", "Trace"),
        *("e_step", "m_step", "em", "lloyd", "variational_em", "animate"),
    }
    assert callable(gmmteach.animate)
    with pytest.raises(AttributeError, match="module 'gmmteach' has no attribute 'nothing'"):
        gmmteach.nothing  # noqa: B018
