"""Open notebooks as a learner does, in a real Chromium, run every cell, and say what is wrong, a line for each.

    uv run tools/open_course.py                                              the course, in JupyterLab
    uv run tools/open_course.py --pictures seen --dark notebooks/03-*        one notebook, photographed in the dark
    uv run --with notebook --with voila tools/open_course.py --app voila     under Voilà (or --app notebook)

Wrong are errors, also the console's, missing widgets, TeX not rendered, code not folded, what is wider than the window.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browser import conftest, test_lab_browser  # type: ignore[import-not-found] # noqa: E402

from gmmteach.cli.lab import JUPYTER_CONFIG  # noqa: E402

PATHS = {"lab": "/lab/tree/", "notebook": "/notebooks/", "voila": "/voila/render/"}
# Of Voilà: a font from the net, an extension of Notebook 7 that it cannot load. Of Notebook 7: any notebook has it.
HARMLESS = re.compile("favicon|ResizeObserver loop|@fortawesome|@jupyter-notebook/lab-extension|reading 'schema'")
PANEL = "window.jupyterapp?.shell.currentWidget"
IDLE = f"{PANEL}?.sessionContext?.session?.kernel?.status === 'idle'"
RENDERED = "!document.querySelector('#loading')?.checkVisibility() && document.querySelector('.jp-Cell')"  # by Voilà
ALL_RUN = f"""() => {IDLE} && (({test_lab_browser.CELLS})().some((cell) => cell.errors.length)
  || ({test_lab_browser.CELLS})().every((cell) => cell.count || !cell.source.trim()))"""
UNFOLDED = f"""() => {PANEL}.content.widgets.flatMap((cell, i) =>
  cell.model.getMetadata("jupyter")?.source_hidden && !cell.inputHidden ? [`cell ${{i}} is not folded`] : [])"""
ASKED = f"""() => {PANEL}?.content?.widgets.flatMap((cell) => cell.model.outputs?.toJSON() ?? [])
  .filter((output) => output.data?.["application/vnd.jupyter.widget-view+json"]).length ?? 0"""
DOWN = """(share) => {
  const page = document.querySelector(".jp-Notebook .jp-WindowedPanel-outer, #rendered_cells");
  const was = page.scrollTop; page.scrollTop += share * page.clientHeight; return page.scrollTop > was + 1; }"""
# Of what is on the page now (JupyterLab has there what is near the window): the widgets drawn, and what is wrong.
LOOK = f"""() => {{
  const wrong = [], cells = {PANEL}?.content?.widgets.map((w) => w.node) ?? [...document.querySelectorAll(".jp-Cell")];
  for (const view of document.querySelectorAll(".gmmt-player, .gmmt-predict, .jupyter-widgets"))
    if (view.offsetHeight && !view.parentElement.closest("[class*=gmmt-], .jupyter-widgets"))
      view.dataset.seen ||= (window.seen = (window.seen ?? 0) + 1);
  for (const node of document.querySelectorAll(".jp-OutputArea-output, .voila-error, .jp-RenderedMarkdown")) {{
    const text = node.innerText, place = ` (cell ${{cells.indexOf(node.closest(".jp-Cell"))}})`;
    const bad = text.match(/displaying widget|odel not found|Traceback \\(|error when executing/);
    if (bad) wrong.push(bad[0] + place);
    if (node.querySelector("mjx-merror, [data-mjx-error], .MathJax_Error")) wrong.push("TeX error" + place);
    if (node.matches(".jp-RenderedMarkdown") && /\\$[^$]*[\\\\_^][^$]*\\$/.test(text)) wrong.push("raw TeX" + place);
    if (node.scrollWidth > node.clientWidth + 2) wrong.push("wider than the window" + place);
  }} return wrong; }}"""


@contextmanager
def serving(app: str, folder: Path, private: Path, theme: str) -> Iterator[str]:
    """Serve the folder on a free port, with the course's settings and no one else's; gives the address."""
    overrides = private / "JUPYTER_CONFIG_DIR" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps({"@jupyterlab/apputils-extension:themes": {"theme": f"JupyterLab {theme}"}}))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    if app == "voila":
        line = ["voila", str(folder), f"--port={port}", "--show_tracebacks=True", f"--theme={theme.lower()}"]
    else:
        module, kind = ("jupyterlab", "LabApp") if app == "lab" else ("notebook", "JupyterNotebookApp")
        line = [module, f"--ServerApp.port={port}", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
        line += [f"--{kind}.expose_app_in_browser=True", "--allow-root"]
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "GMMTEACH_PROGRESS")
    variables = os.environ | {name: str(private / name) for name in own} | {"JUPYTER_CONFIG_PATH": str(JUPYTER_CONFIG)}
    log = private / "log"
    command = [sys.executable, "-m", *line, "--no-browser"]
    with log.open("wb") as out, subprocess.Popen(command, env=variables, stdout=out, stderr=out) as server:
        try:
            for _ in range(300):
                with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5):
                    break
                time.sleep(0.3)
            else:
                sys.exit(f"{app} did not start:\n{log.read_text(encoding='utf-8')[-3000:]}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def visit(page: Page, app: str, url: str, pictures: Path) -> bool:
    """Open one notebook, run it, go down the page, and say what there is to say; whether anything is wrong."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"console: {error}"))
    page.on("console", lambda m: wrong.append(f"console: {m.text} {m.location['url']}") if m.type == "error" else None)
    page.set_default_timeout(600_000)
    began = time.monotonic()
    page.goto(url, wait_until="domcontentloaded")
    page.wait_for_function(RENDERED if app == "voila" else IDLE)
    ran = page.evaluate("document.querySelectorAll('.jp-CodeCell').length")  # Voilà runs them by itself
    if app != "voila":
        page.evaluate(test_lab_browser.RUN)
        page.wait_for_function(ALL_RUN)
        cells = [cell for cell in page.evaluate(test_lab_browser.CELLS) if cell["source"].strip()]
        ran = f"{sum(bool(cell['count']) for cell in cells)} of {len(cells)}"
        wrong += [f"error: {error[:120]}" for cell in cells for error in cell["errors"]] + page.evaluate(UNFOLDED)
    seconds = time.monotonic() - began
    page.evaluate(DOWN, -1e6)
    number, more = 0, True
    while more:
        page.wait_for_timeout(700)
        wrong += page.evaluate(LOOK)
        page.screenshot(path=f"{pictures}-{number:02d}.png")
        number, more = number + 1, page.evaluate(DOWN, 0.85)
    drawn, asked = page.evaluate("window.seen ?? 0"), page.evaluate(ASKED)
    wrong = [text for text in dict.fromkeys(wrong) if not HARMLESS.search(text)]
    wrong += [f"{asked - drawn} widgets were not drawn"] * (asked > drawn)
    said = "; ".join(wrong) or "well"
    print(f"{Path(url).stem:24.24} {seconds:4.0f} s  {ran} cells  {drawn} widgets  {said}", flush=True)
    return bool(wrong)


def main() -> int:
    """Serve, open, run and look; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--app", choices=PATHS, default="lab")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("notebooks", nargs="*", type=Path)
    args = parser.parse_args()
    theme, faults = "Dark" if args.dark else "Light", 0
    chromium = next(filter(None, map(shutil.which, conftest.NAMES)), None)
    for path in args.notebooks or sorted((ROOT / "notebooks").glob("*.ipynb")):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as made, sync_playwright() as playwright:
            pictures = (args.pictures or Path(made)) / f"{args.app}-{theme.lower()}-{path.name[:2]}"
            shutil.copytree(path.resolve().parent, Path(made, "work"))
            browser = playwright.chromium.launch(executable_path=chromium, args=conftest.ARGUMENTS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            with serving(args.app, Path(made, "work"), Path(made), theme) as address:
                faults += visit(page, args.app, f"{address}{PATHS[args.app]}{path.name}", pictures)
                browser.close()  # before its server, or it complains
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
