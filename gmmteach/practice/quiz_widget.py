"""How a quiz shows itself: questions to answer with the keyboard or the mouse; on a page without widgets, a text.

The look is that of `predict`, whose style sheet it uses. The front end, ``static/quiz.js``, judges an answer by itself,
so that a quiz works on a page without a kernel. Where there is one, each attempt is kept with the learner's progress.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from ..visual.fallback import add_fallback
from .predict import Prediction, to_html
from .quizzes import KINDS, LETTERS, Picture, Question, Quiz, load_quiz

STATIC = Path(__file__).parent / "static"


class Score(NamedTuple):
    """How many questions are right, how many were at the first attempt, and of how many."""

    right: int
    first: int
    questions: int

    def __str__(self) -> str:
        return f"{self.right} of {self.questions} right, {self.first} at the first attempt"


def quiz(name: str, *, folder: str | Path | None = None) -> QuizWidget:
    """Ask the questions of a notebook: three to five, to be answered as often as you like.

    Every answer is explained. What was answered is kept with your progress, on this machine alone.

    Parameters
    ----------
    name : str
        The notebook, ``"00"`` to ``"13"``; ``"pre"`` and ``"post"`` are the tests before and after the course, in which
        the first answers count (see `gain`).
    folder : path, optional
        Questions of your own: ``quiz("week-1", folder="my-questions")`` asks those of ``my-questions/week-1.toml``. The
        files in ``gmmteach/practice/questions`` show how one is written.

    Returns
    -------
    A widget, with ``.score`` and ``.answer(id, given)``.

    Raises
    ------
    ValueError
        If there is no such quiz, or its file breaks a rule.
    """
    return QuizWidget(load_quiz(name, folder))


class QuizWidget(anywidget.AnyWidget):
    """The questions of one quiz; made by `quiz`."""

    _esm = (STATIC / "quiz.js").read_text(encoding="utf-8")
    _css = Prediction._css + (STATIC / "quiz.css").read_text(encoding="utf-8")

    _about = traitlets.Dict().tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)

    def __init__(self, quiz: Quiz) -> None:
        self.quiz = quiz
        self._first: dict[str, bool] = {}  # question: whether its first attempt, in this widget, was right
        super().__init__(
            _about={
                "title": quiz.title,
                "test": quiz.is_test,
                "questions": [_about(question) for question in quiz.questions],
            },
            _state={},
        )
        self.observe(self._hear, "_state")

    # --- what the learner did ------------------------------------------------------------------------------

    @property
    def score(self) -> Score:
        """How many questions are right, ``right``; how many were at the first attempt, ``first``; of ``questions``."""
        right = sum(bool(state.get("right")) for state in self._state.values())
        return Score(right, sum(self._first.values()), len(self.quiz.questions))

    def answer(self, id: str, given: int | float | Sequence[int]) -> bool:
        """Answer a question, as "Check" does, and return whether that is right.

        Parameters
        ----------
        id : str
            Of the question.
        given : number, index or sequence of indices
            A number, for a question that asks for one; the index of the option; the indices of all that are true; or
            all indices, in the order you think right. Indices count from 0, in the order of the file.

        Raises
        ------
        KeyError
            If there is no such question.
        ValueError
            If there is no such option.
        """
        question = self.quiz.question(id)
        if question.kind != "number":
            given = [given] if isinstance(given, int) else list(given) if isinstance(given, Sequence) else []
            if not given or not set(given) <= set(range(len(question.options))):
                raise ValueError(f"{id}: the options are numbered from 0 to {len(question.options) - 1}, not {given}.")
        right = question.is_right(given)
        tries = self._state.get(id, {}).get("tries", 0) + 1
        self._state = {**self._state, id: {"given": given, "tries": tries, "right": right, "shown": False}}
        return right

    def _hear(self, change: dict[str, Any]) -> None:
        """Keep every attempt that is new."""
        for id, state in change["new"].items():
            before = change["old"].get(id, {}) if isinstance(change["old"], dict) else {}
            if state.get("tries", 0) <= before.get("tries", 0):
                continue
            question = self.quiz.question(id)
            right = not state.get("shown") and question.is_right(state.get("given"))
            self._first.setdefault(id, right)
            self.quiz.record(question, right)

    # --- how it is shown -----------------------------------------------------------------------------------

    def markdown(self) -> str:
        """All questions, and below them the answers, folded away: what pages without widgets show."""
        asked, answers = [], []
        for number, question in enumerate(self.quiz.questions, 1):
            asked.append(f"**{number}.** {_head(question)}\n\n{_options(question)}".rstrip())
            answers.append(f"**{number}.** {_answers(question)}")
        folded = "\n\n".join(answers)
        listed = "\n\n".join(asked)
        return f"**{self.quiz.title}**\n\n{listed}\n\n<details>\n<summary>Answers</summary>\n\n{folded}\n\n</details>\n"

    def __repr__(self) -> str:
        asked = (
            f"{number}. {_head(question)}\n{_options(question)}".rstrip()
            for number, question in enumerate(self.quiz.questions, 1)
        )
        return "\n\n".join([self.quiz.title, *asked])

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Add the texts, for pages without widgets."""
        shown = super()._repr_mimebundle_(**kwargs)
        return add_fallback(shown, {"text/plain": repr(self), "text/markdown": self.markdown()})


def _about(question: Question) -> dict[str, Any]:
    """What the front end has to know of a question."""
    names = _names(question)
    about = {
        "id": question.id,
        "kind": question.kind,
        "hint": KINDS[question.kind],
        "text": to_html(question.text),
        "answer": question.answer,
        "tolerance": question.tolerance,
        "options": [
            {"text": to_html(name), "why": to_html(option.why), "value": option.value}
            for name, option in zip(names, question.options, strict=True)
        ],
    }
    if question.kind == "order":
        about["shuffled"] = question.shuffled
    if question.picture is not None:
        about["svg"] = draw(question.picture, [option.at for option in question.options if option.at is not None])
    return about


def _names(question: Question) -> list[str]:
    """What the options are called: the points of a picture by their letter, too."""
    texts = [option.text for option in question.options]
    return [f"{LETTERS[i]}: {text}" for i, text in enumerate(texts)] if question.kind == "picture" else texts


def _head(question: Question) -> str:
    picture = f" (The picture: {question.picture.alt})" if question.picture else ""
    return f"{question.text}{picture} *({KINDS[question.kind]})*"


def _options(question: Question) -> str:
    if question.kind == "number":
        return ""
    order = question.shuffled if question.kind == "order" else range(len(question.options))
    return "\n".join(f"- {LETTERS[place]}. {question.options[i].text}" for place, i in enumerate(order))


def _answers(question: Question) -> str:
    """The right answer, and why; then every other option, and why not."""
    if question.kind == "order":
        steps = "\n".join(f"{i}. {option.text}: {option.why}" for i, option in enumerate(question.options, 1))
        return f"In this order:\n\n{steps}"
    if question.kind == "number":
        right, *wrong = question.options
        slips = "".join(f"\n- {option.text}? {option.why}" for option in wrong)
        return f"**{right.text}.** {right.why}\n{slips}"
    rights = ", ".join(LETTERS[i] for i, option in enumerate(question.options) if option.right)
    reasons = "\n".join(f"- {LETTERS[i]}. {option.why}" for i, option in enumerate(question.options))
    return f"**{rights}.**\n\n{reasons}"


# --- the picture -------------------------------------------------------------------------------------------

WIDTH, HEIGHT, MARGIN = 460, 300, 26  # of the picture, in CSS pixels


def draw(picture: Picture, places: Sequence[tuple[float, float]]) -> str:
    """Draw the points, and a labelled circle at each of the places, as SVG; both axes have the same scale."""
    points = picture.points
    every = [*points.tolist(), *places]
    low = [min(point[axis] for point in every) for axis in (0, 1)]
    high = [max(point[axis] for point in every) for axis in (0, 1)]
    scale = min((WIDTH - 2 * MARGIN) / (high[0] - low[0]), (HEIGHT - 2 * MARGIN) / (high[1] - low[1]))
    middle = [(low[axis] + high[axis]) / 2 for axis in (0, 1)]

    def place(x: float, y: float) -> tuple[str, str]:
        return f"{WIDTH / 2 + (x - middle[0]) * scale:.1f}", f"{HEIGHT / 2 - (y - middle[1]) * scale:.1f}"

    dots = "".join(f"<circle cx='{x}' cy='{y}' r='2.6'/>" for x, y in (place(*point) for point in points.tolist()))
    labels = "".join(
        f"<g data-option='{i}'><circle cx='{x}' cy='{y}' r='13'/>"
        f"<text x='{x}' y='{y}' dy='.35em' text-anchor='middle'>{LETTERS[i]}</text></g>"
        for i, (x, y) in enumerate(place(*each) for each in places)
    )
    alt = re.sub(r"[$`*]", "", picture.alt).replace("&", "&amp;").replace("'", "’").replace("<", "&lt;")
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}' role='img' aria-label='{alt}'>"
        f"<g fill='currentColor' fill-opacity='.45'>{dots}</g>{labels}</svg>"
    )
