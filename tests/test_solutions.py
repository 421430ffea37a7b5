"""Our own solutions, pasted into the blank cells: every check passes, and the notebook runs to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.notebooknode import NotebookNode

from gmmteach.practice import solution
from gmmteach.practice.exercises import EXERCISES

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def blanks(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """The exercises of a notebook, with the cell of each."""
    for cell in notebook.cells:
        for name in re.findall(r"^def your_(\w+)\(", cell.source, re.MULTILINE) if cell.cell_type == "code" else ():
            yield name, cell


def read(number: str) -> NotebookNode:
    (path,) = NOTEBOOKS.glob(f"{number}-*.ipynb")
    return nbformat.read(path, as_version=4)


def filled(name: str, source: str) -> str:
    """The cell with our solution in place of the blank function."""
    code = solution(name, sure=True).code.replace(f"def {name}(", f"def your_{name}(")
    blank = re.compile(rf"^def your_{name}\(.*?(?=^\S)", re.MULTILINE | re.DOTALL)
    assert len(blank.findall(source)) == 1
    return blank.sub(lambda _: f"{code}\n\n", source)


def test_every_exercise_has_its_blank_and_no_other() -> None:
    found = {number: sorted(name for name, _ in blanks(read(number))) for number in map("{:02}".format, range(14))}
    theirs = {number: sorted(e.name for e in EXERCISES.values() if e.notebook == number) for number in found}
    assert found == theirs


@pytest.mark.parametrize("number", sorted({exercise.notebook for exercise in EXERCISES.values()}))
def test_with_our_solutions_a_notebook_passes(number: str) -> None:
    notebook = read(number)
    todo = list(blanks(notebook))
    for name, cell in todo:
        cell.source = filled(name, cell.source)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": NOTEBOOKS}}).execute()
    for name, cell in todo:
        said = [output.data["text/plain"] for output in cell.outputs if output.output_type == "execute_result"]
        assert len(said) == 1
        assert said[0].startswith(f"✓ {name}: Right.")
