"""A quiz in Chromium: completed by keyboard alone, read by accessible names, the same verdicts as Python's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gmmteach.practice.interview_widget import Interview, interview
from gmmteach.practice.quiz_widget import QuizWidget, quiz
from gmmteach.practice.quizzes import QUESTIONS, Question, load_quiz

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FITS = """(node) => {
  const box = node.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= innerHeight && box.width > 0;
}"""
NAMES = sorted(path.stem for path in QUESTIONS.glob("*.toml"))


def answered(page: Any, asked: Interview) -> None:
    """Let Python hear what was pressed, and the page what it says to that."""
    asked._pressed = page.evaluate("models[0].get('_pressed')")
    page.evaluate(
        "([shown, revealed]) => { models[0].set('_revealed', revealed); models[0].set('_shown', shown); }",
        [asked._shown, asked._revealed],
    )


class Keyboard:
    """Somebody who has a keyboard, hears accessible names, and nothing else."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def focus(self) -> dict[str, str]:
        """What has the focus: its kind, its accessible name as far as we set it, its question."""
        return self.page.evaluate(
            """() => {
              const node = document.activeElement, asked = node.closest("[data-question]");
              const labels = [...(node.labels ?? [])].map((label) => label.textContent);
              return {
                kind: node.type ?? node.tagName, question: asked?.dataset.question ?? "",
                name: node.getAttribute("aria-label") ?? (labels.join(" ") || node.textContent).trim(),
              };
            }"""
        )

    def tab_to(self, question: str, kind: str, name: str = "", back: bool = False) -> None:
        """Press Tab until something of this kind and name, in this question, has the focus."""
        seen = []
        for _ in range(80):
            here = self.focus()
            seen.append(here)
            if (here["question"], here["kind"]) == (question, kind) and name in here["name"]:
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"Tab never came to {kind} {name!r} of {question}: {seen[-12:]}")

    def answer(self, question: Question, given: Any) -> None:
        """Give an answer and press Check."""
        press = self.page.keyboard.press
        if question.kind == "number":
            self.tab_to(question.id, "text", "Your number")
            press("ControlOrMeta+a")
            self.page.keyboard.type(str(given))
            press("Enter")
            return
        if question.kind == "several":
            for i in range(len(question.options)):
                if i == 0:
                    self.tab_to(question.id, "checkbox")
                else:
                    press("Tab")
                if self.page.evaluate("document.activeElement.checked") != (i in given):
                    press("Space")
        elif question.kind == "order":
            self._sort(question, given)
        else:
            self.tab_to(question.id, "radio")
            press("Space")
            while self.page.evaluate("Number(document.activeElement.value)") != given[0]:
                press("ArrowDown")
        self.tab_to(question.id, "button", "Check")
        press("Enter")

    def _sort(self, question: Question, wanted: list[int]) -> None:
        """Move each step up to its place, one press at a time."""
        order = list(question.shuffled)
        for place, item in enumerate(wanted):
            back = False
            while (at := order.index(item)) > place:
                self.tab_to(
                    question.id, "button", f"Move up: {question.options[item].text[:12].replace('`', '')}", back
                )
                self.page.keyboard.press("Space")
                order[at - 1], order[at] = order[at], order[at - 1]
            back = True
            self.page.keyboard.press("Shift+Tab")
            for _ in range(2 * len(order)):  # to the top again
                if self.focus()["question"] != question.id:
                    break
                self.page.keyboard.press("Shift+Tab")


def section(page: Any, question: Question) -> Any:
    return page.locator(f"[data-question='{question.id}']")


@pytest.mark.parametrize("name", ["00", "01"])  # all the kinds of questions
def test_a_quiz_is_completed_by_keyboard_alone(show: Callable[..., Any], name: str) -> None:
    asked = quiz(name)
    page = show(asked)
    someone = Keyboard(page)
    for number, question in enumerate(asked.quiz.questions):
        assert page.get_by_test_id("score").text_content() == f"{number} of {len(asked.quiz.questions)} right."
        given = question.answer
        someone.answer(question, f"{given:.4g}" if isinstance(given, float) else given)
        said = section(page, question).get_by_role("status").last
        assert said.inner_text().startswith("✓ Yes.")
        assert page.evaluate("document.activeElement.classList.contains('gmmt-why')")  # where reading goes on
    total = len(asked.quiz.questions)
    assert page.get_by_test_id("score").text_content() == f"{total} of {total} right."
    asked._state = page.evaluate("models[0].state._state")  # what a kernel would hear
    assert asked.score == (total, total, total)


def test_everything_has_a_name(show: Callable[..., Any]) -> None:
    asked = quiz("01")
    page = show(asked)
    assert page.get_by_role("group", name=asked.quiz.title).count() == 1
    for number, question in enumerate(asked.quiz.questions, 1):
        group = page.get_by_role("group", name=f"Question {number} of 5")
        assert group.count() == 1
        role = {"one": "radio", "picture": "radio", "several": "checkbox", "number": "textbox"}[question.kind]
        assert group.get_by_role(role).count() == (1 if role == "textbox" else len(question.options))
        if question.kind == "number":
            assert group.get_by_role("textbox", name="Your number").count() == 1
        elif question.kind != "picture":
            assert all(group.get_by_role(role, name=option.text).count() == 1 for option in question.options)
    picture = asked.quiz.question("lowest-density").picture
    assert picture is not None
    assert page.get_by_role("img", name=picture.alt[:60]).count() == 1
    assert page.get_by_role("radio", name="C: just above the tight group").count() == 1
    assert page.get_by_role("button", name="Check").count() == 5


def test_a_wrong_answer_is_explained_and_can_be_mended(show: Callable[..., Any]) -> None:
    asked = quiz("03")
    page = show(asked)
    someone = Keyboard(page)
    question = asked.quiz.question("weighted-mean")
    part = section(page, question)
    assert not part.get_by_role("button", name="Show the answer").is_visible()
    someone.answer(question, "5/3")
    said = part.get_by_role("status").last
    assert said.inner_text().startswith("✗ Not yet. You have divided by the three points.")
    assert "N_0" not in said.inner_text()  # the answer is not given away
    someone.answer(question, "7")
    assert said.inner_text() == "✗ Not yet. That is too large."
    part.get_by_role("textbox").fill("two")
    assert "Write a number" in part.inner_text()
    assert part.get_by_role("button", name="Check").is_disabled()
    someone.answer(question, "2,5")  # as half of the world writes it
    assert said.inner_text().startswith("✓ Yes.")
    assert all(option.text in said.inner_text() for option in question.options[1:])
    assert "Common wrong answers" in said.inner_text()  # nobody was offered them
    assert not part.get_by_role("button", name="Try again").is_visible()
    part.get_by_role("button", name="Answer again").click()
    assert part.get_by_role("textbox").input_value() == ""
    part.get_by_role("textbox").fill("3")
    part.get_by_role("button", name="Check").click()
    part.get_by_role("button", name="Show the answer").click()
    assert said.inner_text().startswith("The answer.")
    assert part.get_by_role("textbox").input_value() == "2.5"
    assert part.get_by_role("button", name="Try again").is_visible()

    several = asked.quiz.question("what-the-e-step-changes")
    someone.answer(several, [0, 2])
    said = section(page, several).get_by_role("status").last.inner_text()
    assert "One of those you ticked is not true. One more is true." in said
    assert several.options[2].why in said
    assert several.options[1].why not in said

    order = asked.quiz.question("the-loop")
    someone.answer(order, [0, 2, 1, 3, 4, 5])
    said = section(page, order).get_by_role("status").last.inner_text()
    assert "The first step stands where it should; the next one does not." in said
    assert page.get_by_test_id("score").text_content() == "0 of 5 right."


def test_what_is_said_is_grammatical(show: Callable[..., Any]) -> None:
    page = show(quiz("00"))
    said = f"""async ([ticks, steps]) => {{
      const url = URL.createObjectURL(new Blob([{json.dumps(QuizWidget._esm)}], {{ type: "text/javascript" }}));
      const {{ ticked, placed }} = await import(url);
      return [...ticks.map((each) => ticked(...each)), ...steps.map(placed)];
    }}"""
    ticks = {  # right, wrong, missing
        (1, 0, 1): "One more is true.",
        (1, 0, 2): "Two more are true.",
        (2, 1, 0): "One of those you ticked is not true.",
        (1, 2, 1): "Two of those you ticked are not true. One more is true.",
        (0, 1, 1): "The one you ticked is not true. One other is true.",
        (0, 2, 2): "None of those you ticked is true. Two others are true.",
    }
    steps = [
        "The first step belongs further down.",
        "The first step stands where it should; the next one does not.",
        "The first two steps stand where they should; the next one does not.",
    ]
    assert page.evaluate(said, [list(ticks), [0, 1, 2]]) == [*ticks.values(), *steps]


@pytest.mark.parametrize("dark", [False, True])
def test_verdicts_have_the_colours_of_predictions(show: Callable[..., Any], dark: bool) -> None:
    asked = quiz("03")
    page = show(asked)
    if dark:
        page.evaluate("document.body.dataset.theme = 'dark'")
    question = asked.quiz.question("weighted-mean")
    part = section(page, question)
    colours = """(node) => [node.querySelector(".gmmt-yes, .gmmt-no"), node].map((each, i) =>
      getComputedStyle(each)[i ? "borderLeftColor" : "color"])"""
    wrong, right = ("rgb(255, 154, 77)", "rgb(53, 199, 155)") if dark else ("rgb(168, 70, 0)", "rgb(0, 105, 76)")
    for given, colour in (("7", wrong), ("2.5", right)):
        part.get_by_role("textbox").fill(given)
        part.get_by_role("button", name="Check").click()
        assert part.locator(".gmmt-why").evaluate(colours) == [colour, colour]


def test_the_arrows_stand_in_a_column(show: Callable[..., Any]) -> None:
    asked = quiz("03")
    page = show(asked)
    part = section(page, asked.quiz.question("the-loop"))
    for name in ("Move up", "Move down"):
        arrows = part.get_by_role("button", name=name).all()
        assert len(arrows) == 6
        assert len({round(arrow.bounding_box()["x"]) for arrow in arrows}) == 1


def test_the_picture_can_be_clicked(show: Callable[..., Any]) -> None:
    asked = quiz("01")
    page = show(asked)
    part = section(page, asked.quiz.question("lowest-density"))
    circle = part.locator("[data-option='2']").bounding_box()
    page.mouse.click(circle["x"] + circle["width"] + 4, circle["y"] + circle["height"] / 2)  # beside it will do
    assert part.get_by_role("radio", name="C: just above").is_checked()
    part.get_by_role("button", name="Check").click()
    assert part.get_by_role("status").last.inner_text().startswith("✓ Yes.")


def test_in_a_test_not_knowing_is_an_answer(show: Callable[..., Any]) -> None:
    asked = quiz("pre")
    page = show(asked)
    part = section(page, asked.quiz.question("which-factory"))
    part.get_by_role("button", name="I do not know yet").click()
    assert part.get_by_role("status").last.inner_text().startswith("The answer. 0.5.")
    asked._state = page.evaluate("models[0].state._state")
    assert asked.quiz.store.read()["tests"]["pre/which-factory"]["first_right"] is False
    assert asked.score == (0, 0, 10)


def test_the_browser_judges_as_python_does(show: Callable[..., Any]) -> None:
    page = show(quiz("00"))
    esm = json.dumps(QuizWidget._esm)
    judge = f"""async (cases) => {{
      const url = URL.createObjectURL(new Blob([{esm}], {{ type: "text/javascript" }}));
      const {{ isRight }} = await import(url);
      return cases.map(([question, given]) => isRight(question, given));
    }}"""
    cases, verdicts = [], []
    for name in NAMES:
        asked = QuizWidget(load_quiz(name))
        for question, about in zip(asked.quiz.questions, asked._about["questions"], strict=True):
            every = list(range(len(question.options)))
            if isinstance(question.answer, float):
                tolerance = question.tolerance
                steps = (0, 0.9, -0.9, 1.1, -1.1)
                tried = [question.answer + step * tolerance for step in steps]
                tried += [option.value for option in question.options]
            else:
                tried = [question.answer, question.answer[::-1], every, *([i] for i in every)]
            cases += [[about, given] for given in tried]
            verdicts += [question.is_right(given) for given in tried]
    assert page.evaluate(judge, cases) == verdicts
    assert len(verdicts) > 300
    assert 60 < sum(verdicts) < len(verdicts) / 2


def test_numbers_are_read_as_people_write_them(show: Callable[..., Any]) -> None:
    page = show(quiz("00"))
    read = f"""async (texts) => {{
      const url = URL.createObjectURL(new Blob([{json.dumps(QuizWidget._esm)}], {{ type: "text/javascript" }}));
      return texts.map((await import(url)).readNumber);
    }}"""
    texts = ["0.25", " 0,25 ", "1/4", "25 %", "−2", "-.5", "1e-3", "1 000", "", "x", "1/0", "1/2/3", "1,000.5", "--1"]
    wanted = [0.25, 0.25, 0.25, 0.25, -2, -0.5, 0.001, 1000, None, None, None, None, None, None]
    assert page.evaluate(read, texts) == wanted


# --- the interview -------------------------------------------------------------------------------------------


def test_an_interview_by_keyboard_alone(show: Callable[..., Any]) -> None:
    asked = interview()
    page = show(asked)
    someone, press = Keyboard(page), page.keyboard.press
    first = asked.card
    assert first is not None
    assert not page.get_by_role("button", name="Good").is_visible()
    someone.tab_to("", "button", "Show the answer")
    press("Enter")
    assert someone.focus()["name"].startswith("The answer")  # where reading goes on
    assert page.get_by_role("region", name="The answer").inner_text().startswith("In 30 seconds.")
    assert not page.get_by_text(first.why[:30]).is_visible()
    press("Tab")
    assert someone.focus()["name"].startswith("Again")
    press("Enter")
    answered(page, asked)
    assert page.get_by_role("status").inner_text() == "That card comes back in 1 minute."
    assert someone.focus()["name"] == "Show the answer"
    press("Enter")
    assert asked.card is not None
    for _ in range(6):  # four ratings, two folds
        press("Tab")
    press("Enter")
    folded = page.locator("details").nth(1)
    assert folded.evaluate("(node) => node.open")
    assert "Often answered" in folded.inner_text()


def test_every_card_can_be_rated_without_scrolling(show: Callable[..., Any]) -> None:
    asked = interview()
    page = show(asked, width=900, height=560)  # what JupyterLab leaves of 1280 × 800
    for _ in range(len(asked.deck.cards)):
        page.get_by_role("button", name="Show the answer").click()
        buttons = page.get_by_role("group", name="How was it?").get_by_role("button").all()
        assert len(buttons) == 4
        assert all(button.evaluate(FITS) for button in buttons)
        asked.reveal()
        page.get_by_role("button", name="Easy").click()
        answered(page, asked)
    assert "Nothing is due" in page.get_by_test_id("interview").inner_text()
    assert not page.get_by_role("button", name="Show the answer").is_visible()
    assert "Nothing is due" in page.evaluate("document.activeElement.textContent")


def test_an_interview_can_be_narrowed(show: Callable[..., Any]) -> None:
    asked = interview()
    page = show(asked)
    page.get_by_label("Level").select_option("design")
    page.get_by_label("Topic").select_option(asked.deck.topics[0])
    chosen = page.evaluate("[models[0].get('_level'), models[0].get('_topic')]")
    assert chosen == ["design", asked.deck.topics[0]]
    page.evaluate("document.body.dataset.theme = 'dark'")
    assert page.get_by_label("Level").evaluate("(node) => getComputedStyle(node).colorScheme") == "dark"


# --- in JupyterLab -------------------------------------------------------------------------------------------


def run_in_lab(open_page: Callable[..., Any], lab: tuple[str, Path], code: str, height: int) -> Any:
    """Run one cell in a real JupyterLab, with its own shortcuts around, and a kernel that hears the answers."""
    address, folder = lab
    book = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        cells=[nbformat.v4.new_code_cell(code)],
    )
    nbformat.write(book, folder / "one.ipynb")
    page = open_page(f"{address}/lab/tree/one.ipynb", width=1280, height=height)
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'", timeout=90_000
    )
    page.evaluate(
        """async () => {
          const app = window.jupyterapp, panel = app.shell.currentWidget;
          await panel.context.ready;
          await panel.sessionContext.ready;
          app.shell.activateById(panel.id);
          await app.commands.execute("notebook:run-all-cells");
        }"""
    )
    outputs = "JSON.stringify(jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.toJSON()))"
    page.wait_for_function(f"{outputs}.includes('output_type')", timeout=60_000)
    assert '"error"' not in page.evaluate(outputs), page.evaluate(outputs)
    return page


CELLS = "window.jupyterapp.shell.currentWidget.content.widgets.length"


def test_an_interview_in_jupyterlab(open_page: Callable[..., Any], lab: tuple[str, Path]) -> None:
    page = run_in_lab(open_page, lab, "from gmmteach.practice import interview\ninterview()", 800)
    card = page.get_by_test_id("interview")
    card.wait_for()
    before = page.evaluate(CELLS)
    for rating, wait in (("Again", "1 minute"), ("Good", "10 minutes")):
        page.wait_for_function("document.querySelector('[data-testid=interview] .gmmt-question').textContent")
        asked = card.locator(".gmmt-question").inner_text()
        card.get_by_role("button", name="Show the answer").press("Enter")
        assert all(button.evaluate(FITS) for button in card.locator(".gmmt-rating").all())
        for key in ("1", "b", "d", "d", "x"):  # in JupyterLab: a heading, a cell more, a cell less
            card.get_by_role("button", name=rating).press(key)
        card.get_by_role("button", name=rating).press("Enter")
        card.get_by_text(f"That card comes back in {wait}.").wait_for()
        assert card.locator(".gmmt-question").inner_text() != asked
        assert page.evaluate("document.activeElement.textContent") == "Show the answer"
    assert "screening 2 of" in card.inner_text()
    assert page.evaluate(CELLS) == before


def test_in_jupyterlab_by_keyboard(open_page: Callable[..., Any], lab: tuple[str, Path]) -> None:
    page = run_in_lab(open_page, lab, "from gmmteach.practice.quiz_widget import quiz\nasked = quiz('03')\nasked", 1100)
    page.get_by_test_id("quiz").wait_for()
    asked = quiz("03")
    page.wait_for_function("document.querySelector('[data-testid=quiz]').textContent.length > 500")
    before = page.evaluate(CELLS)
    someone = Keyboard(page)
    page.locator(".jp-OutputArea-output").first.click(position={"x": 5, "y": 5})
    for question in asked.quiz.questions:
        given = question.answer
        part = section(page, question)
        if question.kind == "several":
            someone.tab_to(question.id, "checkbox")
            for key in ("a", "b", "d", "d", "x"):  # in JupyterLab: insert a cell, delete a cell, cut a cell
                page.keyboard.press(key)
        someone.answer(question, f"{given:.4g}" if isinstance(given, float) else given)
        assert part.get_by_role("status").last.inner_text().startswith("✓ Yes.")
    assert page.evaluate(CELLS) == before
    section(page, asked.quiz.questions[0]).locator("mjx-container, .MathJax").first.wait_for()
    assert "$" not in page.get_by_test_id("quiz").inner_text()
    page.wait_for_timeout(500)
    score = page.evaluate(
        """async () => {
          const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const future = kernel.requestExecute({ code: "print(asked.score)", silent: false, store_history: false });
          let text = "";
          future.onIOPub = (message) => { text += message.content.text || message.content.evalue || ""; };
          await future.done;
          return text;
        }"""
    )
    assert score.strip() == "5 of 5 right, 5 at the first attempt"
