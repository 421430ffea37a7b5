"""JupyterLab opens a lesson, all its cells run, and its player can be played, by mouse and by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
RUN = """async () => {
  const app = window.jupyterapp, panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await app.commands.execute("notebook:clear-all-cell-outputs"); // what was saved must not pass for what was run
  await app.commands.execute("notebook:run-all-cells");
}"""
CELLS = """() => [...window.jupyterapp.shell.currentWidget.content.widgets]
  .filter((cell) => cell.model.type === "code").map((cell) => ({
    count: cell.model.executionCount,
    source: cell.model.sharedModel.source,
    errors: cell.model.outputs.toJSON().filter((o) => o.output_type === "error").map((o) => o.evalue),
  }))"""

PLAYERS = """() => [...window.jupyterapp.shell.currentWidget.content.widgets].flatMap((cell, i) =>
  cell.model.type === "code" && JSON.stringify(cell.model.outputs.toJSON()).includes('"TracePlayer: ') ? [i] : [])"""


def open_notebook(open_page: Callable[..., Any], address: str, name: str) -> Any:
    """Open a notebook in JupyterLab, run all its cells, and see that none failed."""
    page = open_page(f"{address}/lab/tree/{name}", width=1500, height=1000)
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'", timeout=180_000
    )
    page.evaluate(RUN)
    page.wait_for_function(
        f"""() => {{
          const cells = ({CELLS})().filter((cell) => cell.source.trim());
          const idle = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "idle";
          return idle && (cells.every((cell) => cell.count) || cells.some((cell) => cell.errors.length));
        }}""",
        timeout=180_000,
    )
    failed = [cell for cell in page.evaluate(CELLS) if cell["errors"]]
    assert not failed, failed
    return page


@pytest.fixture
def lesson(lab: tuple[str, Path], open_page: Callable[..., Any]) -> Any:
    """The page of lesson 03, copied away from the project, with all its cells run."""
    address, folder = lab
    found = sorted(NOTEBOOKS.glob("03-*.ipynb"))
    assert found, f"there is no lesson 03 in {NOTEBOOKS}"
    for path in NOTEBOOKS.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    return open_notebook(open_page, address, found[0].name)


def test_the_player_of_lesson_03(lesson: Any, drive: Callable[..., Any]) -> None:
    page = lesson
    cells = page.evaluate(PLAYERS)
    assert cells, "no cell of the lesson shows a TracePlayer"
    player = None
    for cell in cells:  # JupyterLab may only draw what is near the window
        page.evaluate("(i) => window.jupyterapp.shell.currentWidget.content.scrollToItem(i, 'center')", cell)
        page.get_by_test_id("trace-player").first.wait_for()
        page.wait_for_timeout(300)
        for i in range(page.get_by_test_id("trace-player").count()):
            one = drive(page, i)
            if one.part("components").count() and one.root.locator("canvas").count() == 1:
                player = one
                break
        if player:
            break
    assert player, "no player of the lesson shows one run that can be edited"
    player.root.scroll_into_view_if_needed()
    if player.part("skip").is_visible():  # it asks for a prediction first
        player.part("skip").click()

    # by mouse
    assert player.position == 0
    start = player.text
    assert player.shows_text()
    for clicks in (1, 2, 3):
        player.part("step").click()
        player.settle()
        assert player.position == clicks
        assert player.shows_text()
    assert player.text != start
    player.part("back").click()
    assert player.position == 2

    # by keyboard, with JupyterLab's own shortcuts around
    cells = len(page.evaluate(CELLS))
    for handle in (player.part("figure"), player.part("timeline")):
        handle.focus()
        page.keyboard.press("Home")
        assert player.position == 0
        for key, position in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
            page.keyboard.press(key)
            player.settle()
            assert player.position == position
        for key in ("a", "b", "d", "d", "x"):  # in JupyterLab: insert a cell, delete a cell, cut a cell
            page.keyboard.press(key)
        assert player.position == 1
        page.keyboard.press("End")
        assert player.position == int(player.part("timeline").get_attribute("max"))
        page.keyboard.press("Space")
        assert "Pause" in player.part("play").text_content()
        page.keyboard.press("Space")
        assert "Play" in player.part("play").text_content()
    assert len(page.evaluate(CELLS)) == cells

    # a starting mean is dragged somewhere silly: EM runs again and ends elsewhere
    player.part("start").click()
    before, text, where = player.final, player.text, player.centres[0]
    box = player.axes()
    for right, up in ((0.93, 0.06), (0.06, 0.93), (0.93, 0.93), (0.5, 0.06)):  # some of them may end where it did
        target = tuple(
            box[axis][0] + share * (box[axis][1] - box[axis][0]) for axis, share in (("x", right), ("y", up))
        )
        player.drag(player.centres[0], target)
        assert player.centres[0] == pytest.approx(target, rel=0.02)
        assert player.shows_text()
        assert not player.shows_mean(0, *where)
        if player.final != before:
            break
    assert player.text != text
    assert player.final != before
    player.part("end").click()
    assert player.objective == player.final
    assert player.shows_text()

    # and Python has the new run
    final = player.final
    page.wait_for_timeout(500)
    kernel = """async (code) => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      const future = kernel.requestExecute({ code, silent: false, store_history: false });
      let text = "";
      future.onIOPub = (message) => { text += message.content.text || message.content.evalue || ""; };
      await future.done;
      return text;
    }"""
    code = (
        "from gmmteach.visual import TracePlayer as _T\n"
        "import gc\n"
        "players = [p for p in gc.get_objects() if isinstance(p, _T)]\n"
        "print([round(run.objective[-1], 2) for p in players for run in p.traces.values()])"
    )
    assert str(final) in page.evaluate(kernel, code)
