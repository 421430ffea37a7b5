"""What the learner has done so far, on one page: exercises, questions, the test before and after, interview cards."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from .deck import load_deck
from .exercises import EXERCISES
from .progress import Store
from .quizzes import QUESTIONS, TESTS, gain, load_quiz

Part = tuple[int, int]  # how many are done, of how many
MOST_MISTAKES = 5  # more is no list to work through in an evening


@dataclass(frozen=True)
class Overview:
    """What is done, notebook by notebook; shows itself in a notebook and in a terminal. Made by `show_progress`.

    Attributes
    ----------
    exercises, questions : dict
        For each notebook, ``"03"``, how many are right, of how many.
    cards : dict
        For each level of the interview, how many cards have been seen, of how many.
    mistakes : tuple of (exercise, diagnosis, how often)
        Those that `check` has named, the most frequent first.
    tests : str
        What came of the test before the course and the one after it; empty if neither was taken.
    """

    exercises: dict[str, Part]
    questions: dict[str, Part]
    cards: dict[str, Part]
    mistakes: tuple[tuple[str, str, int], ...]
    tests: str

    @property
    def begun(self) -> bool:
        """Whether there is anything to show."""
        parts = (*self.exercises.values(), *self.questions.values(), *self.cards.values())
        return any(done for done, _ in parts) or bool(self.mistakes or self.tests)

    def _sentences(self) -> list[str]:
        seen, total = (sum(part[i] for part in self.cards.values()) for i in (0, 1))
        levels = ", ".join(f"{done} of {count} {level}" for level, (done, count) in self.cards.items())
        said = [f"Interview: {seen} of {total} cards seen ({levels})."]
        if self.tests:
            said.append(self.tests)
        if self.mistakes:
            named = "; ".join(f"{name}: {what}{f' ({n}×)' * (n > 1)}" for name, what, n in self.mistakes)
            said.append(f"Mistakes to look at again: {named}.")
        return said

    def __repr__(self) -> str:
        rows = [
            f"{name:10}{_part(self.exercises.get(name)):11}{_part(part)}".rstrip()
            for name, part in self.questions.items()
        ]
        return "\n".join(["notebook  exercises  questions", *rows, *self._sentences()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{name}</th>" for name in ("Notebook", "Exercises right", "Questions right"))
        rows = "".join(
            f"<tr><th scope='row'>{name}</th><td>{_part(self.exercises.get(name))}</td><td>{_part(part)}</td></tr>"
            for name, part in self.questions.items()
        )
        said = "".join(f"<p style='max-width:46em'>{escape(each)}</p>" for each in self._sentences())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{said}"


def show_progress() -> Overview:
    """Show what you have done so far: exercises and questions of each notebook, the tests, the interview cards.

    ``gmmteach progress`` says the same in a terminal, and where the file is; ``gmmteach progress --delete`` deletes it.
    """
    store = Store()
    known = store.read()
    right = {name for name, record in known["exercises"].items() if record.get("passed")}
    answered = {name for name, record in known["questions"].items() if record.get("right")}
    quizzes = [load_quiz(path.stem) for path in sorted(QUESTIONS.glob("*.toml")) if path.stem not in TESTS]
    exercises: dict[str, Part] = {}
    for exercise in EXERCISES.values():
        done, count = exercises.get(exercise.notebook, (0, 0))
        exercises[exercise.notebook] = (done + (exercise.name in right), count + 1)
    questions = {
        quiz.name: (sum(f"{quiz.name}/{each.id}" in answered for each in quiz.questions), len(quiz.questions))
        for quiz in quizzes
    }
    tests = gain().summary if known["tests"] else ""
    return Overview(exercises, questions, load_deck(store=store).summary(), _mistakes(known["exercises"]), tests)


def _mistakes(records: dict[str, dict[str, Any]]) -> tuple[tuple[str, str, int], ...]:
    found = [
        (name, what, int(often))
        for name, record in records.items()
        if name in EXERCISES
        for what, often in dict(record.get("diagnoses", {})).items()
        if what in {mistake.name for mistake in EXERCISES[name].mistakes}
    ]
    return tuple(sorted(found, key=lambda each: (-each[2], each[:2]))[:MOST_MISTAKES])


def _part(part: Part | None) -> str:
    return f"{part[0]} of {part[1]}" if part else "–"
