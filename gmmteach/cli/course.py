"""The course's notebooks: where this installation keeps them, and how they get into a learner's folder.

One rule stands above the rest: **a file that a learner has changed is never written to**. A newer version goes
beside it, under a new name. To know what a learner has changed, the folder keeps the hash of every notebook
as it was delivered, in ``.gmmteach/manifest.json``; where that is missing or damaged, everything that differs
counts as changed.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .trouble import Trouble

PACKAGE = Path(__file__).resolve().parents[1]
MANIFEST = Path(".gmmteach", "manifest.json")
FORMAT = 2


@dataclass(frozen=True)
class Delivery:
    """What was done about one file of the course.

    ``action`` is one of: 'new' (put there), 'current' (already there), 'updated' (an unchanged other version was
    replaced), 'kept' (changed by the learner; nothing newer to offer), 'beside' (changed by the learner; the
    newer version is in ``beside``).
    """

    name: str
    action: str
    beside: str | None = None


def clone_root() -> Path | None:
    """The project's folder, if this is a clone of it; else None."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and _has_notebooks(root / "notebooks") else None


def course_folder() -> Path | None:
    """Where this installation keeps the notebooks: beside the package in a clone, inside it in a wheel."""
    root = clone_root()
    if root is not None:
        return root / "notebooks"
    return PACKAGE / "notebooks" if _has_notebooks(PACKAGE / "notebooks") else None


def _has_notebooks(folder: Path) -> bool:
    return any(folder.glob("*.ipynb"))


def course_files(folder: Path) -> list[str]:
    """Every file of the course, as a path relative to its folder, with forward slashes; nothing hidden."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(f.as_posix() for f in files if not any(p.startswith((".", "__")) for p in f.parts))


def first_notebook(folder: Path) -> str:
    """The notebook to open: the one that sorts first, 00-…"""
    return min(path.name for path in folder.glob("*.ipynb"))


def deliver(source: Path, target: Path, version: str) -> list[Delivery]:
    """Put the course into a folder, and leave alone whatever the learner has changed there.

    Raises `Trouble` if the folder cannot be written to.
    """
    if target.exists() and not target.is_dir():
        raise Trouble(f"{target} is a file; the notebooks need a folder. Name another one: gmmteach lab DIR")
    try:
        target.mkdir(parents=True, exist_ok=True)
        delivered = read_manifest(target)
        try:
            deliveries = []
            for name in course_files(source):
                content = (source / name).read_bytes()
                deliveries.append(_deliver(target, name, content, delivered.get(name), version))
                delivered[name] = _hash(content)
            return deliveries
        finally:
            write_manifest(target, delivered)
    except OSError as error:
        raise Trouble(
            f"Cannot write to {target}: {error.strerror or error}. Name a folder of your own: gmmteach lab DIR",
            1,
        ) from error


def _deliver(target: Path, name: str, content: bytes, last: str | None, version: str) -> Delivery:
    """Deliver one file; `last` is the hash of what was delivered under its name before."""
    path, newest = target / name, _hash(content)
    if not os.path.lexists(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path, content)
        return Delivery(name, "new")

    present = _hash_of(path)
    if present == newest:
        return Delivery(name, "current")
    if present is not None and present == last:
        unfinished = path.with_name(f".{path.name}.unfinished")
        unfinished.write_bytes(content)
        unfinished.replace(path)
        return Delivery(name, "updated")
    if last == newest:
        return Delivery(name, "kept")

    for beside in _names_beside(path, version):
        if not os.path.lexists(beside):
            _create(beside, content)
        elif _hash_of(beside) != newest:
            continue
        return Delivery(name, "beside", beside.relative_to(target).as_posix())
    raise AssertionError("there is always another number")


def _names_beside(path: Path, version: str) -> Iterator[Path]:
    """``03-em.new-0.2.0.ipynb``, then ``03-em.new-0.2.0-2.ipynb`` and so on."""
    yield path.with_name(f"{path.stem}.new-{version}{path.suffix}")
    number = 2
    while True:
        yield path.with_name(f"{path.stem}.new-{version}-{number}{path.suffix}")
        number += 1


def _create(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet: opened so that it cannot replace one that has just appeared."""
    with path.open("xb") as file:
        try:
            file.write(content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _hash(content: bytes) -> str:
    """Hash of a file; of a notebook, of everything but which Python it was last opened with.

    JupyterLab writes that into a notebook which somebody has only opened. It is no change of theirs.
    """
    try:
        notebook = json.loads(content)
        notebook["metadata"].pop("language_info", None)
        notebook.pop("nbformat_minor", None)
        content = json.dumps(_joined(notebook), sort_keys=True).encode()
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # not a notebook
    return hashlib.sha256(content).hexdigest()


def _joined(part: Any) -> Any:
    """The same part of a notebook with every text in one piece: it may be kept as a list of lines."""
    if isinstance(part, dict):
        return {key: _joined(value) for key, value in part.items()}
    if isinstance(part, list):
        return "".join(part) if part and all(isinstance(line, str) for line in part) else [_joined(x) for x in part]
    return part


def _hash_of(path: Path) -> str | None:
    """Hash of a plain file; None for anything else (a folder, a link), which is therefore the learner's own."""
    return _hash(path.read_bytes()) if path.is_file() and not path.is_symlink() else None


def read_manifest(target: Path) -> dict[str, str]:
    """The hash last delivered under each name. Missing or damaged: nothing is known, so nothing gets replaced."""
    try:
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        return dict(manifest["notebooks"]) if manifest["format"] == FORMAT else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def write_manifest(target: Path, delivered: dict[str, str]) -> None:
    """Write the manifest whole or not at all."""
    path = target / MANIFEST
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.write_text(json.dumps({"format": FORMAT, "notebooks": delivered}, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
