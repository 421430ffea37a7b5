"""``gmmteach lab``: the course, open in JupyterLab."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from .course import MANIFEST, Delivery, clone_root, course_folder, deliver, first_notebook
from .trouble import Trouble, count, say

DEFAULT_FOLDER = "gmmteach-course"
REINSTALL = "Install it again: pip install --force-reinstall gmmteach"

# Laid over Jupyter's own settings for this one server, so that Lab does not ask whether it may fetch news;
# the person's settings stay as they are, and win where they say something else.
JUPYTER_CONFIG = Path(__file__).resolve().parent / "jupyter"


def lab(directory: str | None, *, browser: bool, port: int | None, extra: Sequence[str], version: str) -> int:
    """Put the notebooks in place and start JupyterLab; on success the server replaces this process."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise Trouble(f"JupyterLab is not installed. Install it with: {how_to_install()}", 1)
    course = course_folder()
    if course is None:
        raise Trouble(f"This installation has no notebooks. {REINSTALL}", 1)
    folder = prepare(course, directory, version)
    say("Starting JupyterLab. Stop it with Ctrl-C.")
    return run(command(folder, browser=browser, port=port, extra=extra), environment())


def prepare(course: Path, directory: str | None, version: str) -> Path:
    """Decide on the folder to work in, bring it up to date, and say so."""
    in_clone = clone_root() is not None
    if in_clone and directory is None:
        say(f"The course is in {course}, used in place: what you run and save there changes this clone.")
        return course
    if directory is None:
        directory = "." if Path(MANIFEST).is_file() else DEFAULT_FOLDER  # inside a course folder: that one
    folder = Path(directory).expanduser().resolve()
    if folder.exists() and folder.samefile(course):
        say(f"The course is in {course}, used in place.")
        return course
    deliveries = deliver(course, folder, version)
    say(f"The course is in {folder}")
    for line in summary(deliveries, version):
        say(f"  {line}")
    return folder


def summary(deliveries: Sequence[Delivery], version: str) -> list[str]:
    """What was done, in lines for people."""

    def names(action: str) -> list[str]:
        return [delivery.name for delivery in deliveries if delivery.action == action]

    lines = []
    if new := names("new"):
        lines.append(f"{count(len(new), 'file')} put there.")
    if updated := names("updated"):
        lines.append(f"Brought to version {version}: {', '.join(updated)}.")
    if kept := names("kept"):
        lines.append(f"Left as you have changed them: {', '.join(kept)}.")
    for delivery in deliveries:
        if delivery.beside:
            lines.append(f"You have changed {delivery.name}: it stays as it is; the new one is {delivery.beside}.")
    return lines or ["Everything there is up to date."]


def how_to_install() -> str:
    """The one command that brings in what the notebooks need, here."""
    root = clone_root()
    in_the_clones_own_environment = root is not None and Path(sys.prefix) == root / ".venv"
    return "uv sync" if in_the_clones_own_environment else 'pip install "gmmteach[lab]"'


def command(folder: Path, *, browser: bool, port: int | None, extra: Sequence[str]) -> list[str]:
    """The command line that starts JupyterLab in a folder, with its first notebook open."""
    line = [sys.executable, "-m", "jupyterlab"]
    line.append(f"--ServerApp.root_dir={folder}")
    line.append(f"--LabApp.default_url=/lab/tree/{first_notebook(folder)}")
    if not browser:
        line.append("--no-browser")
    if port is not None:
        line.append(f"--ServerApp.port={port}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")
    return [*line, *extra]


def environment() -> dict[str, str]:
    """Return this environment, with the course's Jupyter settings added to those that are there."""
    paths = [str(JUPYTER_CONFIG), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}


def run(line: Sequence[str], variables: dict[str, str]) -> int:
    """Become the server, so that Ctrl-C and signals reach it; where that is not possible, wait for it."""
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(line[0], list(line), variables)
    process = subprocess.Popen(list(line), env=variables)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the server has heard it too, and asks what it means
            continue
