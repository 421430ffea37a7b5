"""Predictions: choose, lock, see why; and what a page without widgets shows instead."""

from __future__ import annotations

from typing import Any

import pytest

from gmmteach.practice import Prediction, predict
from gmmteach.practice.predict import to_html

QUESTION = r"Two means $\mu_0 < \mu_1$: what does `em` do?"
OPTIONS = {"It stops": "It never stops by itself.", r"It moves $\mu_0$": "", "Nothing": "Look at the *picture*."}


@pytest.fixture
def asked() -> Prediction:
    return predict(QUESTION, OPTIONS, answer=1, why=r"Because $\mu_0$ is a **weighted mean**.")


def test_from_question_to_explanation(asked: Prediction) -> None:
    assert (asked.choice, asked.locked, asked.revealed, asked.correct) == (None, False, False, None)
    asked.choose(0)
    asked.choose(2)  # minds change until they are locked
    assert (asked.choice, asked.locked, asked.correct) == (2, False, None)
    asked.lock()
    assert (asked.locked, asked.correct) == (True, False)
    asked.show_why()
    assert asked.revealed
    asked.start_over()
    asked.choose(1)
    asked.lock()
    assert asked.correct is True


def test_steps_cannot_be_skipped(asked: Prediction) -> None:
    with pytest.raises(ValueError, match="no choice to lock"):
        asked.lock()
    with pytest.raises(ValueError, match="there is no option 3"):
        asked.choose(3)
    asked.choose(0)
    with pytest.raises(ValueError, match="lock a prediction first"):
        asked.show_why()
    asked.lock()
    with pytest.raises(ValueError, match="is locked"):
        asked.choose(1)
    assert asked.choice == 0


def test_what_the_browser_gets(asked: Prediction) -> None:
    about = asked._about
    assert about["question"] == r"Two means $\mu_0 &lt; \mu_1$: what does <code>em</code> do?"
    assert about["options"][1] == r"It moves $\mu_0$"
    assert about["answer"] == 1
    wrong, right, other = about["verdicts"]
    assert wrong.startswith("<p><strong>Not quite.</strong> What happens: It moves $\\mu_0$.</p>")
    assert "<p>It never stops by itself.</p>" in wrong
    assert right.startswith("<p><strong>Yes")
    assert right.count("<p>") == 2  # the right option has no explanation of its own
    assert "<em>picture</em>" in other
    assert all(verdict.endswith("<strong>weighted mean</strong>.</p>") for verdict in about["verdicts"])


def test_what_a_page_without_widgets_shows(asked: Prediction) -> None:
    data, _ = asked._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    markdown, plain = data["text/markdown"], data["text/plain"]
    assert plain == repr(asked)
    for text in (markdown, plain):
        places = [text.index(part) for part in (QUESTION, "A. It stops", "C. Nothing", "What happens, and why", "B.")]
        assert text.index("weighted mean") > text.index("What happens, and why") > text.index("C. Nothing")
        assert places[:4] == sorted(places[:4])
    folded = markdown[markdown.index("<details>\n<summary>What happens, and why</summary>\n\n") :]
    assert folded.index("weighted mean") < folded.index("\n\n</details>\n")
    assert "\n\nA. It never stops by itself." in markdown
    again, _ = predict(QUESTION, OPTIONS, answer=1, why=asked.why)._repr_mimebundle_()
    assert again["text/markdown"] == markdown
    asked.choose(0)
    asked.lock()
    assert asked.markdown() == markdown  # what a learner did is not saved


def test_options_may_be_a_list() -> None:
    asked = predict("Above 1?", ["yes", "no"], answer=0, why="Densities may be.")
    assert asked._about["verdicts"][0] == "<p><strong>Yes, that is what happens.</strong></p><p>Densities may be.</p>"
    assert asked.markdown().endswith("why</summary>\n\n**A.** Densities may be.\n\n</details>\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("`a*b*c` and *x*", "<code>a*b*c</code> and <em>x</em>"),
        ("$a*b*c$ and **x**", "$a*b*c$ and <strong>x</strong>"),
        ("$x_1$ < $x_2$", "$x_1$ &lt; $x_2$"),
        ("$$\\sum_k \\pi_k = 1$$", "$$\\sum_k \\pi_k = 1$$"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("`<b>`", "<code>&lt;b&gt;</code>"),
        ("$a<b$", "$a&lt;b$"),
        (r"costs \$5 or \$6 and *more*", r"costs \$5 or \$6 and <em>more</em>"),
    ],
)
def test_a_little_markdown(text: str, shown: str) -> None:
    assert to_html(text) == shown


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"options": ["one"]}, ValueError, "two to six options, and 1"),
        ({"options": list("abcdefg")}, ValueError, "two to six options, and 7"),
        ({"options": ["a", "a "]}, ValueError, "must be different"),
        ({"options": ["a", " "]}, ValueError, r"options\[1\] is empty"),
        ({"options": "ab"}, TypeError, "list of texts"),
        ({"options": ["a", 2]}, TypeError, r"options\[1\] must be a text"),
        ({"options": {"a": "", "b": None}}, TypeError, "explanation of 'b'"),
        ({"answer": 2}, ValueError, "numbered from 0 to 1"),
        ({"answer": -1}, ValueError, "numbered from 0 to 1"),
        ({"answer": "a"}, TypeError, "index of the right option"),
        ({"answer": True}, TypeError, "index of the right option"),
        ({"question": ""}, ValueError, "question is empty"),
        ({"why": None}, TypeError, "why must be a text"),
    ],
)
def test_errors_say_what_to_do(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"question": "q", "options": ["a", "b"], "answer": 0, "why": "w"} | arguments
    with pytest.raises(error, match=message):
        predict(given["question"], given["options"], answer=given["answer"], why=given["why"])
