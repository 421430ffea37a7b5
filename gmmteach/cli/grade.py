"""``gmmteach grade``: a table for each submitted notebook, exercise by exercise."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from glob import glob
from pathlib import Path

from ..practice.grading import Grade, SubmissionError
from ..practice.grading import grade as graded
from .trouble import Trouble, say

MARKS = {"right": "✓", "missing": "–", "empty": "–", "unfinished": "–"}
WORDS = {
    "right": "right",
    "missing": "not in the notebook",
    "empty": "not written",
    "unfinished": "not finished",
    "slow": "did not finish",
    "unknown": "wrong, in a way the course does not know",
}


def grade(
    submissions: Sequence[str], exercises: Sequence[str] | None, *, folder: str | None, seconds: float,
    gigabytes: float, as_json: bool, table: str | None, force: bool,
) -> int:  # fmt: skip
    """Grade notebooks; the status is 0 if every one could be graded."""
    if table and Path(table).exists() and not force:
        raise Trouble(f"{table} is there already; --force replaces it.")
    results: dict[str, list[Grade]] = {}
    troubles = 0
    for submission in _found(submissions):
        try:
            grades = graded(
                submission, list(exercises) if exercises else None, folder=folder, seconds=seconds, gigabytes=gigabytes
            )
        except SubmissionError as error:
            say(f"{submission}: {error}.")
            troubles += 1
            continue
        results[submission] = grades
        if not as_json:
            _print(submission, grades, asked=bool(exercises))
    if as_json:
        say(json.dumps({name: [asdict(each) for each in grades] for name, grades in results.items()}, indent=1))
    if table:
        _write(Path(table), results)
        say(f"Written: {table}")
    return 1 if troubles else 0


def _found(submissions: Sequence[str]) -> list[str]:
    """The files that are meant: a shell that finds none leaves a pattern as it is, and that of Windows always does."""
    found = []
    for each in submissions:
        is_pattern = bool(set("*?[") & set(each)) and not Path(each).exists()
        files = sorted(glob(each, recursive=True)) if is_pattern else [each]
        if not files:
            raise Trouble(f"No file matches {each}. Check the spelling; a relative path starts from {Path.cwd()}.")
        found += files
    return found


def _print(submission: str, grades: list[Grade], asked: bool) -> None:
    """One line for each exercise; those that nobody asked for, and that are not there, do not count."""
    counted = [each for each in grades if asked or each.kind != "missing"]
    say(f"\n{submission}: {sum(each.passed for each in counted)} of {len(counted)} right")
    width = max((len(each.exercise) for each in counted), default=0)
    for each in counted:
        word = WORDS.get(each.kind) or each.diagnosis or each.message
        say(f"  {MARKS.get(each.kind, '✗')} {each.exercise:{width}}  {word}")
    if others := len(grades) - len(counted):
        say(f"  – the other {others} exercises are not in this notebook" if counted else "  – no exercise is in it")


def _write(path: Path, results: dict[str, list[Grade]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["submission", "exercise", "passed", "kind", "diagnosis"])
        for name, grades in results.items():
            writer.writerows([name, e.exercise, int(e.passed), e.kind, e.diagnosis] for e in grades)
