"""Exercises of one's own: a folder of Python files, each with an `EXERCISE`."""

from __future__ import annotations

import runpy
from pathlib import Path

from .exercises import EXERCISES
from .exercises.model import Exercise


def add_folder(folder: str | Path) -> list[str]:
    """Add the exercises of a folder to those of the course, so that `check`, `hint` and `solution` know them.

    Nothing is added, or run, before this is called.

    Parameters
    ----------
    folder : path
        Every ``*.py`` in it is run and must set ``EXERCISE`` to a `gmmteach.practice.exercises.model.Exercise`. Files
        whose name begins with an underscore are left alone.

    Returns
    -------
    Names of the exercises that were added; one of the course's with the same name is replaced.

    Raises
    ------
    ValueError
        If there is no such folder, nothing in it, or a file that does not set ``EXERCISE``.
    """
    files = sorted(path for path in Path(folder).expanduser().glob("*.py") if not path.name.startswith("_"))
    if not files:
        raise ValueError(f"{folder} has no exercises: it needs a .py file for each.")
    added = []
    for path in files:
        exercise = runpy.run_path(str(path)).get("EXERCISE")
        if not isinstance(exercise, Exercise):
            raise ValueError(f"{path} does not set EXERCISE to a gmmteach.practice.exercises.model.Exercise.")
        EXERCISES[exercise.name] = exercise
        added.append(exercise.name)
    return added
