"""Quiz questions as values: read from a TOML file, checked, and judged; and what two tests say about a learner.

The questions stand in ``questions/``, one file for each notebook, and two for the tests before and after the course. A
file that breaks a rule is refused with the question's name and what to mend, because a quiz with a wrong or unexplained
answer does harm. How questions are shown is the matter of `quiz_widget`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..mixture import Mixture
from .progress import Store, now

QUESTIONS = Path(__file__).parent / "questions"
KINDS = {
    "one": "choose one",
    "several": "choose all that are true",
    "number": "a number",
    "order": "put in order",
    "picture": "choose a point of the picture",
}
TESTS = ("pre", "post")
LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Option:
    """One thing that can be answered, and what is to be said about it.

    Attributes
    ----------
    text : str
        The option, the step, or what a labelled point is called.
    why : str
        Why it is right or wrong.
    right : bool
    at : (x, y) or None
        Where the point is, in the picture.
    value : float or None
        The number, right or typically wrong.
    """

    text: str
    why: str
    right: bool = False
    at: tuple[float, float] | None = None
    value: float | None = None


@dataclass(frozen=True)
class Picture:
    """A mixture of Gaussians in two dimensions, points drawn from it, and what the picture shows in words."""

    mixture: Mixture
    alt: str
    n_samples: int = 160
    seed: int = 0

    @property
    def points(self) -> NDArray[np.float64]:
        """The points that are drawn, (n_samples, 2)."""
        points, _ = self.mixture.sample(self.n_samples, random_state=self.seed)
        return points


@dataclass(frozen=True)
class Question:
    """One question of a quiz.

    Attributes
    ----------
    id : str
        Never changes, for progress is kept under it.
    kind : one of `KINDS`
    text : str
        The question. Like all texts it may hold TeX between dollar signs, `code`, **bold** and *italics*.
    options : tuple of Option
        In their order; for ``"order"``, the right one. For ``"number"``, the right number comes first, and typical
        wrong ones follow.
    section : str
        Heading in the notebook that answers it: ``"The log-likelihood climbs"``, or, from outside the notebook,
        ``"03#The log-likelihood climbs"``.
    misconception : str
        What somebody believes who gets it wrong.
    tolerance : float
        How far from the right number an answer may be.
    skill : str
        What a test question asks for, the same before and after the course; empty in a quiz.
    picture : Picture or None
    """

    id: str
    kind: str
    text: str
    options: tuple[Option, ...]
    section: str
    misconception: str
    tolerance: float = 0.0
    skill: str = ""
    picture: Picture | None = None

    @property
    def answer(self) -> list[int] | float:
        """The right answer: a number, the order of the steps, or the indices of the right options."""
        if self.kind == "number":
            return float(self.options[0].value or 0.0)
        if self.kind == "order":
            return list(range(len(self.options)))
        return [i for i, option in enumerate(self.options) if option.right]

    def is_right(self, given: Sequence[int] | float) -> bool:
        """Whether an answer is right.

        Parameters
        ----------
        given : number, for ``"number"``; else indices of options: one, all that are true, or all steps in an order
        """
        if self.kind == "number":
            return isinstance(given, int | float) and abs(given - float(self.answer)) <= self.tolerance * (1 + 1e-9)  # type: ignore[arg-type]
        if not isinstance(given, Sequence):
            return False
        return (list(given) if self.kind == "order" else sorted(given)) == self.answer

    @property
    def shuffled(self) -> list[int]:
        """The order in which steps are first shown: the same each time, and never the right one."""
        count = len(self.options)
        order = np.random.RandomState(sum(self.id.encode())).permutation(count).tolist()
        return [*order[1:], order[0]] if order == list(range(count)) else order


@dataclass(frozen=True)
class Quiz:
    """The questions of one notebook, or of a test.

    Attributes
    ----------
    name : str
        ``"03"``, ``"pre"``, ...
    title : str
    questions : tuple of Question
    store : Store
        Where answers are kept.
    """

    name: str
    title: str
    questions: tuple[Question, ...]
    store: Store = field(default_factory=Store, compare=False)

    @property
    def is_test(self) -> bool:
        """Whether this is the test before or after the course: first answers count."""
        return self.name in TESTS

    def question(self, id: str) -> Question:
        """The question of that id; KeyError if there is none."""
        for question in self.questions:
            if question.id == id:
                return question
        raise KeyError(f"there is no question {id!r}; there are {', '.join(each.id for each in self.questions)}.")

    def record(self, question: Question, right: bool) -> dict[str, Any]:
        """Keep one attempt at a question, and return what is now known of it: attempts, first_right, right, when."""

        def add(known: dict[str, Any]) -> dict[str, Any]:
            return {
                "attempts": int(known.get("attempts", 0)) + 1,
                "first_right": bool(known.get("first_right", right)),
                "right": right or bool(known.get("right", False)),
                "when": now(),
            }

        return self.store.change("tests" if self.is_test else "questions", f"{self.name}/{question.id}", add)


# --- reading -----------------------------------------------------------------------------------------------


def load_quiz(name: str, folder: str | Path | None = None) -> Quiz:
    """Read the questions of a notebook, or of a test.

    Parameters
    ----------
    name : str
        ``"00"`` to ``"13"``, ``"pre"`` or ``"post"``; with a folder, the name of one of its files.
    folder : path, optional
        Questions of one's own, ``name.toml``; default: those of the course.

    Raises
    ------
    ValueError
        If there is no such file, or it breaks a rule; the message says which one and where.
    """
    place = QUESTIONS if folder is None else Path(folder).expanduser()
    names = sorted(path.stem for path in place.glob("*.toml"))
    if name not in names:
        raise ValueError(f"there is no quiz {name!r} in {place}; there are {', '.join(names) or 'none'}.")
    path = place / f"{name}.toml"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}.") from error
    questions = tuple(_question(entry, f"{path.name}, question {i + 1}") for i, entry in enumerate(_tables(content)))
    ids = [question.id for question in questions]
    if not questions:
        raise ValueError(f"{path} has no [[question]].")
    if twice := {id for id in ids if ids.count(id) > 1}:
        raise ValueError(f"{path}: the ids {sorted(twice)} are used twice.")
    return Quiz(name, str(content.get("title", f"Quick check {name}")), questions)


def _tables(content: dict[str, Any]) -> list[dict[str, Any]]:
    found = content.get("question", [])
    return found if isinstance(found, list) else [found]


def _question(entry: dict[str, Any], where: str) -> Question:
    """One question out of its table."""
    where = f"{where} ({entry.get('id', 'without id')})"
    known = {"id", "kind", "text", "section", "misconception", "tolerance", "skill", "picture", "option"}
    if unknown := set(entry) - known:
        raise ValueError(f"{where}: unknown entries {sorted(unknown)}.")
    for name in ("id", "kind", "text", "section", "misconception"):
        if not str(entry.get(name, "")).strip():
            raise ValueError(f"{where}: {name} is missing.")
    try:
        options = tuple(_option(option) for option in entry.get("option", []))
        picture = _picture(entry["picture"]) if "picture" in entry else None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: an option or the picture cannot be read: {error}.") from error
    question = Question(
        id=str(entry["id"]),
        kind=str(entry["kind"]),
        text=entry["text"].strip(),
        options=options,
        section=entry["section"],
        misconception=entry["misconception"],
        tolerance=float(entry.get("tolerance", 0.0)),
        skill=entry.get("skill", ""),
        picture=picture,
    )
    if problem := _problem(question):
        raise ValueError(f"{where}: {problem}.")
    return question


def _option(table: dict[str, Any]) -> Option:
    table = dict(table)
    if "at" in table:
        x, y = table["at"]
        table["at"] = (float(x), float(y))
    if "value" in table:
        table["value"] = float(Fraction(table["value"])) if isinstance(table["value"], str) else float(table["value"])
        table.setdefault("text", f"{table['value']:g}".replace("-", "−"))
    return Option(**{**table, "why": table["why"].strip()})


def _picture(table: dict[str, Any]) -> Picture:
    mixture = Mixture(
        np.array(table["weights"]), np.array(table["means"], float), np.array(table["covariances"], float)
    )
    return Picture(mixture, table["alt"], int(table.get("n_samples", 160)), int(table.get("seed", 0)))


def _problem(question: Question) -> str:
    """What is wrong with a question; nothing, if it keeps the rules."""
    options, right = question.options, sum(option.right for option in question.options)
    texts = [question.text, *(option.text for option in options), *(option.why for option in options)]
    if question.kind not in KINDS:
        return f"the kind is {question.kind!r}, but it must be one of {', '.join(KINDS)}"
    if not re.fullmatch(r"[a-z0-9-]+", question.id):
        return "an id has small letters, digits and hyphens only"
    fewest = 2 if question.kind in ("one", "number") else 3
    if not fewest <= len(options) <= len(LETTERS):
        return f"it needs {fewest} to {len(LETTERS)} options and has {len(options)}"
    if any(not option.text.strip() or not option.why.strip() for option in options):
        return "every option needs a text and an explanation (why)"
    if len({option.text for option in options}) < len(options):
        return "two options are the same"
    if question.kind in ("one", "picture") and right != 1:
        return f"exactly one option must be right, and {right} are"
    if question.kind == "several" and not 1 <= right <= len(options):
        return "at least one option must be right"
    if question.kind == "number":
        return _problem_of_number(question)
    if question.kind == "picture" and (question.picture is None or any(option.at is None for option in options)):
        return "it needs a [question.picture], and every option a place (at)"
    if any(odd := [text for text in texts if unbalanced(text)]):
        return f"the TeX is not balanced in {odd[0]!r}"
    return ""


def _problem_of_number(question: Question) -> str:
    values = [option.value for option in question.options]
    if any(value is None or not math.isfinite(value) for value in values):
        return "every option needs a value"
    right, *wrong = [float(value) for value in values if value is not None]
    if not 0 < question.tolerance <= max(0.1 * abs(right), 0.005):
        return f"a tolerance of {question.tolerance} is not sensible for {right}: above 0, at most a tenth of it"
    if any(abs(value - right) <= 2 * question.tolerance for value in wrong):
        return "a wrong number is as near as twice the tolerance"
    if any(odd := [text for text in (question.text, *(o.why for o in question.options)) if unbalanced(text)]):
        return f"the TeX is not balanced in {odd[0]!r}"
    return ""


def unbalanced(text: str) -> bool:
    r"""Whether dollar signs or, between them, braces or ``\left`` and ``\right`` do not come in pairs."""
    pieces = re.split(r"(?<!\\)\$", re.sub(r"`[^`]*`", "", text))
    if len(pieces) % 2 == 0:
        return True
    for tex in pieces[1::2]:
        bare = tex.replace(r"\{", "").replace(r"\}", "")
        if bare.count("{") != bare.count("}") or len(re.findall(r"\\left\b", tex)) != len(
            re.findall(r"\\right\b", tex)
        ):
            return True
    return False


# --- before and after --------------------------------------------------------------------------------------


class Skill(NamedTuple):
    """One of the ten skills: whether the first answer was right before and after the course; None: not answered."""

    name: str
    before: bool | None
    after: bool | None
    see: str


class Gain(NamedTuple):
    """What was right in the test before the course and in the one after it, skill by skill; made by `gain`."""

    skills: tuple[Skill, ...]

    def _sum(self, answers: Sequence[bool | None]) -> str:
        given = [answer for answer in answers if answer is not None]
        return f"{sum(given)} of {len(given)}" if given else "not taken"

    @property
    def summary(self) -> str:
        """One sentence: how many were right, before and after."""
        before, after = ([getattr(skill, when) for skill in self.skills] for when in ("before", "after"))
        return f"First answers that were right: before {self._sum(before)}, after {self._sum(after)}."

    def __repr__(self) -> str:
        width = max(len(skill.name) for skill in self.skills)
        rows = [f"{skill.name:{width}}  {_mark(skill.before):9}  {_mark(skill.after):9}" for skill in self.skills]
        return "\n".join(
            [f"{'skill':{width}}  {'before':9}  {'after':9}", *(row.rstrip() for row in rows), self.summary]
        )

    def _repr_markdown_(self) -> str:
        """A table of Markdown: JupyterLab and GitHub set words in one of HTML to the right."""
        rows = [
            f"| {skill.name} | {_mark(skill.before)} | {_mark(skill.after)} | {'' if skill.after else skill.see} |"
            for skill in self.skills
        ]
        head = ["| Skill | Before | After | Where to read |", "| :-- | :-- | :-- | :-- |"]
        return "\n".join([*head, *rows, "", self.summary])


def gain() -> Gain:
    """Compare the test after the course with the one before it, skill by skill; the first answers count.

    Returns
    -------
    Gain
        With ``.skills`` and ``.summary``; shows itself as a table.
    """
    pre, post = (load_quiz(name) for name in TESTS)
    known = pre.store.read()["tests"]

    def first(test: Quiz, skill: str) -> bool | None:
        id = next(question.id for question in test.questions if question.skill == skill)
        answer = known.get(f"{test.name}/{id}", {}).get("first_right")
        return None if answer is None else bool(answer)

    return Gain(
        tuple(
            Skill(each.skill, first(pre, each.skill), first(post, each.skill), each.section.replace("#", ", "))
            for each in pre.questions
        )
    )


def _mark(answer: bool | None) -> str:
    return "–" if answer is None else "right" if answer else "not yet"
