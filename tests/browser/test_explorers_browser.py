"""Explorers and predictions in JupyterLab: by keyboard and by mouse, in pixels and in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gmmteach.visual import theme

pytestmark = pytest.mark.browser

CELLS = [
    "from gmmteach.practice import predict\n"
    "from gmmteach.visual import explore_gaussian, explore_responsibilities\n"
    "bell = explore_gaussian()\nbell",
    "table = explore_responsibilities()\ntable",
    "asked = predict(r'Where does $\\mu_0$ go?', {'Left': 'Not there.', 'Right': '', 'Nowhere': ''}, answer=1,\n"
    "    why=r'Because $\\bar x > \\mu_0$.')\nasked",
    "print('seen from Python:', asked.choice, asked.locked, asked.revealed, bell.mean.value, table.point.tolist())",
]
RUN = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await window.jupyterapp.commands.execute("notebook:run-all-cells");
}"""
RUN_LAST = """async () => {
  const { content } = window.jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.length - 1;
  await window.jupyterapp.commands.execute("notebook:run-cell");
}"""
PRINTED = """(text) => {
  const { widgets } = window.jupyterapp.shell.currentWidget.content;
  return JSON.stringify(widgets[widgets.length - 1].model.outputs.toJSON()).includes(text);
}"""
IDLE = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
SETTLED = """const settled = async (image) => { // a picture that is replaced while it is decoded is tried again
  for (;;) {
    try {
      await image.decode();
      return;
    } catch {
      await new Promise((next) => setTimeout(next, 50));
    }
  }
};"""
COLOUR = f"""async (image, [x, y]) => {{ {SETTLED}
  await settled(image);
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  pen.drawImage(image, 0, 0);
  return [...pen.getImageData(Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data.slice(0, 3)];
}}"""
DIGEST = f"""async (image) => {{ {SETTLED}
  await settled(image);
  const bytes = await (await fetch(image.src)).arrayBuffer();
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].join();
}}"""


@pytest.fixture
def page(lab: tuple[str, Path], open_page: Callable[..., Any]) -> Any:
    """A notebook with two explorers and a prediction, all its cells run."""
    address, folder = lab
    cell: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**cell, "id": f"cell-{i}", "source": source} for i, source in enumerate(CELLS)]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "explorers.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    page = open_page(f"{address}/lab/tree/explorers.ipynb", width=1500, height=1000)
    ready = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    page.wait_for_function(ready, timeout=120_000)
    page.evaluate(RUN)
    page.locator(".gmmt-picture img").nth(1).wait_for(timeout=120_000)
    page.get_by_test_id("predict").wait_for(timeout=60_000)
    page.wait_for_function(IDLE, timeout=120_000)
    return page


def sentence(page: Any, which: int, holds: str) -> str:
    """The text line of an explorer, once it holds this."""
    line = page.locator(".gmmt-picture p[role=status]").nth(which)
    line.get_by_text(holds).wait_for()
    return line.text_content()


def wait_until_python_sees(page: Any, text: str) -> None:
    """Run the last cell until it prints this: while the kernel is busy, a widget holds its news back for a moment."""
    for _ in range(8):
        page.evaluate(RUN_LAST)
        for _ in range(20):
            page.wait_for_timeout(500)
            if page.evaluate(PRINTED, text):
                return
    raise AssertionError(f"the last cell never printed {text!r}")


def number_of_cells(page: Any) -> int:
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")


def test_sliders_by_keyboard_a_drag_and_a_prediction(page: Any) -> None:
    cells = number_of_cells(page)

    # by keyboard: JupyterLab must not take the keys
    handle = page.get_by_role("slider", name="mean μ", exact=False).first
    image = page.locator(".gmmt-picture img").first
    assert "Mean 0.00" in sentence(page, 0, "Mean 0.00")
    before = image.evaluate(DIGEST)
    handle.focus()
    page.keyboard.press("ArrowRight")
    sentence(page, 0, "Mean 0.05")
    assert image.evaluate(DIGEST) != before
    page.keyboard.press("End")
    for key in ("a", "b", "d", "d", "x"):
        page.keyboard.press(key)
    assert "Mean 2.00" in sentence(page, 0, "Mean 2.00")
    page.wait_for_function("(handle) => handle.ariaValueText === '2.00'", arg=handle.element_handle())
    assert "Mean 2.00" in image.get_attribute("alt")
    assert number_of_cells(page) == cells
    other = page.get_by_role("slider", name="standard deviation σ", exact=False).first
    other.focus()
    page.keyboard.press("Home")
    assert "above 1" in sentence(page, 0, "standard deviation 0.25")

    # by mouse: the point of the second picture follows a drag, and so do its sliders
    image = page.locator(".gmmt-picture img").nth(1)
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    before = image.evaluate(DIGEST)
    place = (0.2, 0.35)
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"], steps=6)
    page.mouse.up()
    sentence(page, 1, "Almost all of it goes to component 0")
    blue = list(theme.in_bytes(theme.colour(0)))
    near = f"async (image) => (await ({COLOUR})(image, {list(place)})).every((v, i) => Math.abs(v - {blue}[i]) < 30)"
    page.wait_for_function(near, arg=image.element_handle())
    assert image.evaluate(DIGEST) != before

    # the prediction, by keyboard alone
    asked = page.get_by_test_id("predict")
    radios, lock = asked.get_by_role("radio"), asked.get_by_role("button", name="Lock my prediction")
    asked.locator("legend mjx-container").wait_for()  # the TeX of the question
    assert asked.get_by_role("group", name="Predict first", exact=False).count() == 1
    assert lock.is_disabled()
    radios.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert radios.first.is_checked()
    assert lock.is_enabled()
    page.keyboard.press("a")  # in JupyterLab: insert a cell
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert radios.nth(1).is_disabled()
    assert not asked.get_by_role("region").is_visible()
    page.keyboard.press("Enter")  # the focus went on to "Show why"
    why = asked.get_by_role("region", name="What happens, and why")
    why.locator("mjx-container").first.wait_for()
    assert "Not quite." in why.text_content()
    assert "Not there." in why.text_content()
    assert "✗ your prediction" in asked.locator("label").first.text_content()
    assert "✓ what happens" in asked.locator("label").nth(1).text_content()
    assert number_of_cells(page) == cells

    # Python knows
    wait_until_python_sees(page, "seen from Python: 0 True True 2.0")

    # and it can be started over, still by keyboard
    page.keyboard.press("Shift+Tab")
    asked.get_by_role("button", name="Start over").focus()
    page.keyboard.press("Enter")
    assert radios.first.is_enabled()
    assert not radios.first.is_checked()
    assert not why.is_visible()


def test_pictures_follow_the_theme(page: Any) -> None:
    image = page.locator(".gmmt-picture img").first
    assert image.evaluate(COLOUR, [0.001, 0.001]) == [255, 255, 255]
    page.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    dark = f"async (image) => (await ({COLOUR})(image, [0.001, 0.001]))[0] === 17"
    page.wait_for_function(dark, arg=image.element_handle())
