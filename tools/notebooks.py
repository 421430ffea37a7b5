"""The course's notebooks: run them in place, and check that they are fit to be committed.

    uv run tools/notebooks.py run                        every notebook
    uv run tools/notebooks.py run notebooks/03-*.ipynb   one
    uv run tools/notebooks.py check

`run` executes a notebook from top to bottom in a fresh kernel and saves it with its outputs. The same notebook, code
and versions give the same bytes: no times, no names of widgets, no version of Python. A notebook that fails is left
as it was. `check` says, one line each, what is not fit to be committed, and leaves with status 1 if there is anything.

Widgets are not saved, only the picture or the text that each of them brings along: that is what GitHub, and JupyterLab
before the notebook is run, can show. A saved reference to a widget lives no longer than its kernel; JupyterLab puts
"Error displaying widget: model not found" in its place, and in front of the picture. The widgets' state would mend
that, but it doubles the file, repeats the player's code in every notebook, and is stale with the next change of that
code. Whoever wants live widgets in a page, as a website does, executes the notebook first.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from pathlib import Path

import nbformat
from nbformat.notebooknode import NotebookNode
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
FALLBACKS = {"image/png", "text/html", "text/markdown"}  # one of which a widget brings, for pages without widgets
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_SECONDS = 120

MOST_BYTES = 1_500_000
LEAST_ALT = 40  # characters: fewer cannot say what a picture shows
MACHINE_PATH = re.compile(
    r"(?<![\w.~])/(?:home|root|Users|work|tmp|private|opt|mnt|var)/[\w.-]+|\b[A-Z]:\\\w|site-packages"
)
ADDRESS = re.compile(r"\b0x[0-9a-f]{7,}\b")  # where an object happened to be in memory


# --- run ------------------------------------------------------------------------------------------------------


def run(path: Path) -> None:
    """Execute a notebook and save it over itself; raises `nbclient.exceptions.CellExecutionError` if a cell fails."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    name_cells(notebook)
    for name in ("MPLBACKEND", "PYTHONWARNINGS"):  # of whoever calls: the learner has none
        os.environ.pop(name, None)
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ["GMMTEACH_PROGRESS"] = os.path.join(tempfile.mkdtemp(), "progress.json")  # nobody's
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],  # not a word about how the kernel is reached
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    settle(notebook)
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        nbformat.validate(notebook)
        nbformat.write(notebook, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def settle(notebook: NotebookNode) -> None:
    """Take out everything that differs from one run to the next, or from one machine to the next."""
    drop_widgets(notebook)
    shrink_pictures(notebook)
    notebook.metadata["kernelspec"] = NotebookNode(KERNEL)
    notebook.metadata["language_info"] = NotebookNode(name="python", file_extension=".py", mimetype="text/x-python")
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


def shrink_pictures(notebook: NotebookNode) -> None:
    """Keep 192 colours of every still picture: nobody sees the difference, and the file is half the size."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = shrunk(data["image/png"])


def shrunk(encoded: str) -> str:
    """The same PNG in fewer colours, in base64; as it was if it moves or would not become smaller."""
    raw = base64.b64decode(encoded)
    picture = Image.open(io.BytesIO(raw))
    if getattr(picture, "n_frames", 1) > 1:
        return encoded
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture.convert("RGBA"), mask=picture.convert("RGBA").getchannel("A"))
    file = io.BytesIO()
    flat.quantize(192, dither=Image.Dither.NONE).save(file, format="png", optimize=True)
    return base64.b64encode(file.getvalue()).decode() if file.tell() < len(raw) else encoded


def name_cells(notebook: NotebookNode) -> None:
    """Give every cell that has no name of its own one that does not depend on chance."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    taken: set[str] = set()
    for cell in notebook.cells:
        name = cell.get("id", "")
        number = 0
        while not name or name in taken:
            name = hashlib.sha256(f"{cell.source}/{number}".encode()).hexdigest()[:8]
            number += 1
        taken.add(name)
        cell["id"] = name


def drop_widgets(notebook: NotebookNode) -> None:
    """Leave of every widget the picture or the text that stands for it; one that has neither stays, for `check`."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if FALLBACKS & set(data):
                data.pop(WIDGET_VIEW, None)


# --- check ----------------------------------------------------------------------------------------------------


def check(path: Path) -> list[str]:
    """What is not fit to be committed about a notebook: one sentence each, naming the cell; empty if nothing."""
    size = path.stat().st_size
    troubles = []
    if size > MOST_BYTES:
        troubles.append(f"it has {size / 1e6:.2f} MB, more than the {MOST_BYTES / 1e6:g} that load quickly")
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # whatever nbformat raises, the file is no notebook
        return [*troubles, f"it is not a notebook: {str(error).strip().splitlines()[0]}"]

    kernel = notebook.metadata.get("kernelspec", {}).get("name")
    if kernel != "python3":
        troubles.append(f"its kernel is {kernel!r}, and a learner has 'python3'")
    if "version" in notebook.metadata.get("language_info", {}):
        troubles.append("it records the version of the Python that ran it")
    expected = 0
    for number, cell in enumerate(notebook.cells):
        where = f"cell {number} ({cell.get('id', 'no id')})"
        found: list[str] = []
        if cell.cell_type == "markdown":
            found += _pictures(cell.source)
        if cell.cell_type == "code" and cell.source.strip():
            expected += 1
            if cell.execution_count != expected:
                found.append(
                    f"its number is {cell.execution_count}, not {expected}: run the notebook from top to bottom"
                )
        if "execution" in cell.metadata:
            found.append("it records when it was run")
        for output in cell.get("outputs", []):
            found += _output(output)
        found += [f"it names a place on one machine: {found_[0]}" for found_ in MACHINE_PATH.finditer(_words(cell))]
        troubles += [f"{where}: {trouble}" for trouble in found]
    if "widgets" in notebook.metadata:
        troubles.append("it holds the state of widgets, which is left out: run it with this tool")
    return troubles


def _output(output: NotebookNode) -> Iterator[str]:
    """What is wrong with one output of a cell."""
    if output.output_type == "error":
        yield f"it failed: {output.ename}: {output.evalue}"
    if output.output_type == "stream":
        if output.name == "stderr":
            yield f"it wrote to standard error: {output.text.strip()[:80]!r}"
        if ADDRESS.search(output.text):
            yield "it prints an address in memory, which differs from run to run"
        return
    data = output.get("data", {})
    for kind in data:
        if kind.startswith("image/"):
            alt = output.metadata.get(kind, {}).get("alt", "")
            if len(alt.strip()) < LEAST_ALT:
                lack = "too short an" if alt else "no"
                yield f"its {kind} has {lack} alt text: show the figure with show(fig, alt)"
    if ADDRESS.search(data.get("text/plain", "")):
        yield "its text has an address in memory, which differs from run to run"
    if WIDGET_VIEW in data:
        if FALLBACKS & set(data):
            yield "it points to a widget that no other kernel has: run the notebook with this tool"
        else:
            yield "its widget leaves nothing to see where there are no widgets, as on GitHub"
    yield from _pictures(data.get("text/markdown", "") + data.get("text/html", ""))


class _Images(HTMLParser):
    """Collects the alt text of every <img>."""

    def __init__(self) -> None:
        super().__init__()
        self.alts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alts.append(dict(attributes).get("alt") or "")


def picture_alts(text: str) -> list[str]:
    """Alt text of every picture in Markdown, written either way."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
    parser = _Images()
    parser.feed(text)
    return [*re.findall(r"!\[([^\]]*)\]\(", text), *parser.alts]


def _pictures(text: str) -> Iterator[str]:
    for alt in picture_alts(text):
        if len(alt.strip()) < LEAST_ALT:
            yield f"a picture's alt text says too little: {alt!r}"


def _words(cell: NotebookNode) -> str:
    """Everything in a cell that a person can read: its source and the texts of its outputs, without binary data."""
    texts = [cell.source]
    for output in cell.get("outputs", []):
        texts.append(str(output.get("text", "")))
        texts += [str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
        texts.append("\n".join(output.get("traceback", [])))
    return "\n".join(texts)


# --- the command ----------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run or check notebooks; returns the exit status."""
    parser = argparse.ArgumentParser(description="Run the course's notebooks in place, or check them.")
    parser.add_argument("action", choices=["run", "check"])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all in notebooks/")
    options = parser.parse_args(argv)
    paths = options.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    if not paths:
        print(f"There are no notebooks in {NOTEBOOKS.name}/.", file=sys.stderr)
        return 1
    missing = [path for path in paths if not path.is_file()]
    if missing:
        print(f"There is no file {missing[0]}.", file=sys.stderr)
        return 2
    failed = False
    for path in paths:
        if options.action == "run":
            failed |= not _run(path.resolve())
        troubles = check(path)
        for trouble in troubles:
            print(f"{path.name}: {trouble}")
        failed |= bool(troubles)
    if not failed and options.action == "check":
        print(f"{len(paths)} notebook{'s are' if len(paths) > 1 else ' is'} fit to be committed.")
    return int(failed)


def _run(path: Path) -> bool:
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    began = time.perf_counter()
    try:
        run(path)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(f"{path.name} was left as it was, because a cell failed:\n{error}", file=sys.stderr)
        return False
    print(f"{path.name}: {time.perf_counter() - began:.1f} s, {path.stat().st_size / 1e6:.2f} MB")
    return True


if __name__ == "__main__":
    raise SystemExit(main())
