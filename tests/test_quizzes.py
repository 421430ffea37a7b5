"""Quizzes: every question keeps the rules, is tied to its notebook, and is judged and kept as it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gmmteach.practice.progress import Store
from gmmteach.practice.quiz_widget import QuizWidget, Score, quiz
from gmmteach.practice.quizzes import KINDS, QUESTIONS, TESTS, Question, gain, load_quiz, unbalanced

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NUMBERS = [f"{number:02d}" for number in range(14)]
QUIZZES = {name: load_quiz(name) for name in (*NUMBERS, *TESTS)}
ALL = [pytest.param(name, one, id=f"{name}/{one.id}") for name, asked in QUIZZES.items() for one in asked.questions]


def headings(number: str) -> set[str]:
    found = sorted(NOTEBOOKS.glob(f"{number}-*.ipynb"))
    assert found, f"there is no notebook {number}"
    cells = json.loads(found[0].read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return set(re.findall(r"^#{2,} (.+?)\s*$", text, re.MULTILINE))


# --- the questions of the course -----------------------------------------------------------------------------


def test_every_notebook_has_its_quiz() -> None:
    assert {path.stem for path in QUESTIONS.iterdir()} == {*NUMBERS, *TESTS}
    assert all(3 <= len(QUIZZES[name].questions) <= 5 for name in NUMBERS)


def test_every_kind_is_used() -> None:
    assert {question.kind for asked in QUIZZES.values() for question in asked.questions} == set(KINDS)


@pytest.mark.parametrize(("name", "question"), ALL)
def test_a_question_is_tied_to_a_heading(name: str, question: Question) -> None:
    number, _, heading = question.section.rpartition("#")
    assert heading in headings(number or name)
    assert len(question.misconception) > 15


@pytest.mark.parametrize(("name", "question"), ALL)
def test_every_option_is_explained_in_its_own_words(name: str, question: Question) -> None:
    reasons = [option.why for option in question.options]
    assert len(set(reasons)) == len(reasons)
    assert all(len(reason) > 15 and reason.rstrip("*$`)").endswith((".", "!", "?", ":")) for reason in reasons)


@pytest.mark.parametrize(("name", "question"), ALL)
def test_the_right_answer_is_right_and_the_others_are_wrong(name: str, question: Question) -> None:
    assert question.is_right(question.answer)
    if question.kind == "number":
        assert not any(question.is_right(float(option.value or 0)) for option in question.options[1:])
        assert not question.is_right(float(question.answer) + 3 * question.tolerance)  # type: ignore[arg-type]
    elif question.kind == "order":
        assert not question.is_right(question.shuffled)
        assert sorted(question.shuffled) == question.answer
    else:
        every = range(len(question.options))
        assert not any(question.is_right([i]) for i in every if [i] != question.answer)


@pytest.mark.parametrize(("name", "question"), [each for each in ALL if each.values[1].kind == "picture"])
def test_the_point_asked_for_has_the_lowest_density(name: str, question: Question) -> None:
    assert question.picture is not None
    heights = question.picture.mixture.log_density(np.array([option.at for option in question.options]))
    assert question.answer == [int(np.argmin(heights))]
    assert np.diff(np.sort(heights))[0] > 1  # and clearly so
    for option, letter in zip(question.options, "ABCD", strict=True):
        x, y = (f"{value:g}".replace("-", "−") for value in option.at or ())
        assert f"{letter} is at ({x}, {y})" in question.picture.alt or f"{letter} at ({x}, {y})" in question.picture.alt


def test_no_question_repeats_a_prediction() -> None:
    notebooks = " ".join(
        "".join(cell["source"])
        for path in NOTEBOOKS.glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    )
    tidy = re.sub(r'"\s+r?f?"', "", notebooks)
    assert len(tidy) > 100_000
    assert [q.id for asked in QUIZZES.values() for q in asked.questions if q.text[:60] in tidy] == []


def test_both_tests_ask_for_the_same_ten_skills() -> None:
    before, after = (QUIZZES[name] for name in TESTS)
    skills = [question.skill for question in before.questions]
    assert len(set(skills)) == 10
    assert "" not in skills
    assert [question.skill for question in after.questions] == skills
    assert not {question.text for question in before.questions} & {question.text for question in after.questions}


# the numbers that questions call right, computed another way
CALCULATED: dict[str, Callable[[], float]] = {
    "00/rows-sum-to-one": lambda: 1 - 0.62 - 0.30,
    "01/ellipse-units": lambda: np.sqrt(np.array([6, 1]) @ np.linalg.inv(np.diag([9, 1])) @ np.array([6, 1])),
    "01/height-of-a-mixture": lambda: 0.5 / np.sqrt(2 * np.pi * 0.2**2),
    "02/bayes-rule": lambda: 0.25 * 0.12 / (0.25 * 0.12 + 0.75 * 0.02),
    "02/where-to-cut": lambda: next(p for p in np.arange(0, 1, 1e-4) if 4 * p >= 1 - p),
    "03/weighted-mean": lambda: np.average([1, 2, 6], weights=[1, 0.5, 0.5]),
    "03/weighted-variance": lambda: float(np.cov([0, 4], aweights=[0.75, 0.25], ddof=0)),
    "03/what-tol-allows": lambda: 500 * 0.001,
    "04/jensen-in-numbers": lambda: np.log(np.mean([1, 100])) - np.mean(np.log([1, 100])),
    "04/e-step-on-the-bound": lambda: -520 + 12,
    "05/copies-of-a-summit": lambda: 4 * 3 * 2,
    "05/one-in-five": lambda: 1 - 0.8**5,
    "06/still-to-go": lambda: sum(0.01 * 0.9**t for t in range(1, 500)),
    "07/count-tied": lambda: 5 * 6 / 2 + 3 * 5 + 2,
    "07/pool-by-count": lambda: np.average([4, 8], weights=[30, 10]),
    "08/gain-of-a-spike": lambda: 10 * 3 * np.log(2),
    "08/floor-in-units": lambda: 100 * np.sqrt(0.0001),
    "08/prior-by-hand": lambda: (0.02 + 0.6) / (2 + 1 + 1 + 1),
    "09/share-at-some-width": lambda: 1 / (1 + np.exp(-(6 - 4) / (2 * 0.5))),
    "10/price-by-bic": lambda: 6 * np.log(400) / 2,
    "11/conditional-mean": lambda: 0.5 * 2 / 1 * 2,
    "12/second-piece": lambda: float(
        np.mean((v := np.random.RandomState(0).beta(1, 1, (400_000, 2)))[:, 1] * (1 - v[:, 0]))
    ),
    "12/after-pruning": lambda: 0.5 / (0.5 + 0.3 + 0.15),
    "13/merge-two": lambda: np.average([2 + 3**2, 2 + 1**2], weights=[4, 12]),
    "13/cost-of-a-round": lambda: (1e5 * 16 * 32**2) / (1e6 * 8 * 16**2),
    "13/price-of-few-points": lambda: 100 / (2 * 5_000),
    "pre/per-minute-per-hour": lambda: 0.05 * 60,
    "pre/which-factory": lambda: 0.8 * 0.01 / (0.8 * 0.01 + 0.2 * 0.04),
    "pre/part-time": lambda: np.average([2, 6, 10], weights=[1, 1, 0.5]),
    "pre/four-tries": lambda: 1 - 0.75**4,
    "pre/still-to-climb": lambda: sum(2 * 0.9**t for t in range(1, 500)),
    "pre/symmetric-matrix": lambda: len(np.triu_indices(4)[0]),
    "pre/two-classes": lambda: np.average([1 + 2**2, 1 + 2**2]),
    "post/per-metre": lambda: 0.2 * 100,
    "post/rare-but-likely": lambda: 0.9 * 0.01 / (0.9 * 0.01 + 0.1 * 0.27),
    "post/shared-mean": lambda: np.average([1, 3, 8], weights=[0.5, 1, 0.25]),
    "post/ten-rare-starts": lambda: 1 - 0.9**10,
    "post/remaining-gain": lambda: sum(0.002 * 0.95**t for t in range(1, 1000)),
    "post/count-full": lambda: 2 * 6 + 2 * 3 + 1,
    "post/two-machines": lambda: 2 + 2**2,
}


def test_every_number_is_computed_another_way() -> None:
    numbers = {f"{name}/{q.id}": q for name, asked in QUIZZES.items() for q in asked.questions if q.kind == "number"}
    assert set(numbers) == set(CALCULATED)
    wrong = [name for name, question in numbers.items() if not question.is_right(float(CALCULATED[name]()))]
    assert wrong == []


# --- the rules that a file must keep ---------------------------------------------------------------------------

GOOD = """
[[question]]
id = "a"
kind = "one"
section = "A heading"
misconception = "Somebody believes something."
text = "Is $x^{2}$ a square?"
option = [
  { text = "yes", why = "By its name.", right = true },
  { text = "no", why = "It is $x$ times $x$." },
]
"""
NUMBER = """
[[question]]
id = "n"
kind = "number"
section = "A heading"
misconception = "Somebody believes something."
text = "How many?"
tolerance = 0.1
option = [{ value = 2, why = "Two." }, { value = 3, why = "Three." }]
"""


def write(folder: Path, text: str) -> Path:
    (folder / "mine.toml").write_text(text, encoding="utf-8")
    return folder


def test_questions_of_ones_own(tmp_path: Path) -> None:
    asked = quiz("mine", folder=write(tmp_path, GOOD + NUMBER))
    assert asked.answer("a", 0) is True
    assert asked.answer("n", 3) is False
    assert set(Store().read()["questions"]) == {"mine/a", "mine/n"}


@pytest.mark.parametrize(
    ("change", "by", "message"),
    [
        ('why = "By its name."', 'why = " "', "every option needs a text and an explanation"),
        (", right = true", "", "exactly one option must be right, and 0 are"),
        ('no", why', 'no", right = true, why', "exactly one option must be right, and 2 are"),
        ('"one"', '"guess"', "the kind is 'guess'"),
        ('section = "A heading"', "", "section is missing"),
        ("misconception", "#", "misconception is missing"),
        ("$x^{2}$", "$x^{2", "TeX is not balanced"),
        ("$x^{2}$", "$x^{2$", "TeX is not balanced"),
        ('text = "no"', 'text = "yes"', "two options are the same"),
        ('id = "a"', 'id = "a b"', "small letters"),
        ('id = "a"', 'id = "a"\nhint = "b"', "unknown entries"),
        ('text = "no", why', 'text = "no", reason', "an option or the picture cannot be read"),
        ('"one"', '"picture"', "3 to 8 options"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(tmp_path: Path, change: str, by: str, message: str) -> None:
    load_quiz("mine", write(tmp_path, GOOD))
    assert change in GOOD
    with pytest.raises(ValueError, match=message):
        load_quiz("mine", write(tmp_path, GOOD.replace(change, by)))


@pytest.mark.parametrize(
    ("change", "by", "message"),
    [
        ("tolerance = 0.1", "tolerance = 0", "not sensible"),
        ("tolerance = 0.1", "tolerance = 0.5", "not sensible"),
        ("value = 3", "value = 2.15", "twice the tolerance"),
        ("value = 3", "value = nan", "needs a value"),
    ],
)
def test_a_number_needs_a_sensible_tolerance(tmp_path: Path, change: str, by: str, message: str) -> None:
    load_quiz("mine", write(tmp_path, NUMBER))
    with pytest.raises(ValueError, match=message):
        load_quiz("mine", write(tmp_path, NUMBER.replace(change, by).replace("2.15 , why", "2.15, text = 'x', why")))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no quiz '14' in .*; there are 00, 01,"):
        quiz("14")
    with pytest.raises(ValueError, match=r"is not TOML"):
        load_quiz("mine", write(tmp_path, "[[question"))
    with pytest.raises(ValueError, match=r"the ids \['a'\] are used twice"):
        load_quiz("mine", write(tmp_path, GOOD + GOOD))
    with pytest.raises(ValueError, match=r"has no \[\[question\]\]"):
        load_quiz("mine", write(tmp_path, "title = 'x'"))


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("$a_{b}$ and `$` and \\$", False),
        (r"$\left(x\right)$", False),
        (r"$\{1\}$", False),
        ("a $ b", True),
        ("$a_{b$", True),
        (r"$\left(x$", True),
    ],
)
def test_unbalanced(text: str, bad: bool) -> None:
    assert unbalanced(text) is bad


# --- answering -------------------------------------------------------------------------------------------------


def test_answers_are_scored_and_kept() -> None:
    asked = quiz("03")
    assert asked.score == Score(right=0, first=0, questions=5)
    assert asked.answer("weighted-mean", 5 / 3) is False
    assert asked.answer("weighted-mean", 2.5) is True
    assert asked.answer("what-the-e-step-changes", [3, 0]) is True
    assert asked.answer("the-loop", [1, 0, 2, 3, 4, 5]) is False
    assert asked.score == Score(right=2, first=1, questions=5)
    assert str(asked.score) == "2 of 5 right, 1 at the first attempt"
    known = Store().read()["questions"]
    assert {name: (one["attempts"], one["first_right"], one["right"]) for name, one in known.items()} == {
        "03/weighted-mean": (2, False, True),
        "03/what-the-e-step-changes": (1, True, True),
        "03/the-loop": (1, False, False),
    }


def test_another_day_does_not_change_the_first_answer() -> None:
    quiz("03").answer("weighted-mean", 3)
    again = quiz("03")
    again.answer("weighted-mean", 2.5)
    assert again.score.first == 1  # of this sitting
    kept = Store().read()["questions"]["03/weighted-mean"]
    assert (kept["attempts"], kept["first_right"], kept["right"]) == (2, False, True)


def test_what_the_browser_sends_is_judged_again() -> None:
    asked = quiz("03")
    lie = {"given": 3.0, "tries": 1, "right": True, "shown": False}
    asked._state = {"weighted-mean": lie}
    asked._state = {"weighted-mean": {**lie, "given": 3.1}}  # no new attempt
    assert Store().read()["questions"]["03/weighted-mean"]["attempts"] == 1
    assert Store().read()["questions"]["03/weighted-mean"]["first_right"] is False


def test_what_cannot_be_answered_is_named() -> None:
    asked = quiz("03")
    with pytest.raises(KeyError, match="there is no question 'nonsense'; there are weighted-mean,"):
        asked.answer("nonsense", 1)
    with pytest.raises(ValueError, match="numbered from 0 to 4"):
        asked.answer("what-the-e-step-changes", [0, 5])


def test_the_gain_counts_first_answers() -> None:
    assert gain().summary == "First answers that were right: before not taken, after not taken."
    assert "| how many starts | – | – | 05, Write it: best of *n* |" in gain()._repr_markdown_()
    before, after = quiz("pre"), quiz("post")
    before.answer("which-factory", 0.2)
    before.answer("which-factory", 0.5)  # the second answer does not count
    before._state = {**before._state, "part-time": {"given": None, "tries": 1, "right": False, "shown": True}}
    before.answer("four-tries", 0.68)
    for question in after.quiz.questions:
        after.answer(question.id, question.answer)
    found = {skill.name: (skill.before, skill.after) for skill in gain().skills}
    assert found["Bayes' rule"] == (False, True)
    assert found["weighted averages"] == (False, True)
    assert found["how many starts"] == (True, True)
    assert found["collapse"] == (None, True)
    assert gain().summary == "First answers that were right: before 1 of 3, after 10 of 10."
    assert "Bayes' rule" in repr(gain())
    shown = gain()._repr_markdown_().split("\n")
    assert [line.count("|") for line in shown[:12]] == [5] * 12
    assert "| how many starts | right | right |  |" in shown
    assert shown[-1] == gain().summary
    assert set(Store().read()) >= {"tests"}
    assert not Store().read()["questions"]


# --- what is shown ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", QUIZZES)
def test_a_page_without_widgets_shows_questions_and_folded_answers(name: str) -> None:
    asked = QuizWidget(QUIZZES[name])
    data, _ = asked._repr_mimebundle_()
    shown = data["text/markdown"]
    open_part, folded = shown.split("<details>")
    assert folded.strip().endswith("</details>")
    for question in asked.quiz.questions:
        assert question.text in open_part
        for option in question.options:
            assert option.why in folded
            assert option.why not in open_part
            if question.kind != "number":
                assert option.text in open_part
        if question.picture:
            assert question.picture.alt in open_part
    assert "application/vnd.jupyter.widget-view+json" in data
    assert repr(asked).startswith(asked.quiz.title)


def test_steps_are_not_listed_in_their_order() -> None:
    asked = quiz("03")
    listed = asked.markdown().split("<details>")[0]
    steps = [option.text for option in asked.quiz.question("the-loop").options]
    places = [listed.index(step) for step in steps]
    assert places != sorted(places)
