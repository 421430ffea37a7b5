"""Grade a submitted notebook: its functions, checked in a process of their own.

Of the notebook only imports, definitions of functions and classes, and assignments of plain values are run, so that
nothing has to be fitted or drawn again, and what a cell *does* is not done. The process has limits of time and memory
where the system knows them. It is no sandbox: code in a function that is called may do whatever the account may do, so
grade strangers' work in a container.

    python -m gmmteach.practice.grading < definitions.py      prints one JSON line for each exercise
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SECONDS = 120.0  # for one submission, wall clock
GIGABYTES = 4.0
MARK = "\x1egmmteach "  # before each line of ours: a learner's code may print, too


@dataclass(frozen=True)
class Grade:
    """What became of one exercise in one submission.

    Attributes
    ----------
    exercise : str
    kind : str
        That of the `Verdict`; or 'missing', if the notebook does not define it, or 'stopped', if the process was.
    diagnosis : str
    message : str
    """

    exercise: str
    kind: str
    diagnosis: str = ""
    message: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is right."""
        return self.kind == "right"


class SubmissionError(ValueError):
    """A submission that cannot be read; the message says why."""


def definitions(notebook: str) -> str:
    """Take the code out of a notebook that defines something.

    Parameters
    ----------
    notebook : str
        The content of an ``.ipynb`` file.

    Returns
    -------
    Python source: imports, functions, classes and assignments of plain values, in the order of the notebook. A cell
    that Python cannot read (IPython's magics apart) is left out.

    Raises
    ------
    SubmissionError
        If it is not a notebook.
    """
    try:
        cells = json.loads(notebook)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise SubmissionError("it is not a notebook in Jupyter's format (nbformat 4)") from None
    return "\n\n".join(ast.unparse(node) for source in sources for node in _defining(source))


def _defining(source: str) -> Iterator[ast.stmt]:
    plain = "\n".join("pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.split("\n"))
    try:
        statements = ast.parse(plain).body
    except SyntaxError:
        return
    for node in statements:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) or (
            isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_plain(node.value)
        ):
            yield node


def _is_plain(value: ast.expr) -> bool:
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def grade(
    path: str | Path, exercises: list[str] | None = None, *, folder: str | Path | None = None,
    seconds: float = SECONDS, gigabytes: float = GIGABYTES,
) -> list[Grade]:  # fmt: skip
    """Check every exercise that a notebook defines, in a process of its own.

    Parameters
    ----------
    path : path of an ``.ipynb`` file
    exercises : list of str, optional
        Those to grade; by default every exercise there is.
    folder : path, optional
        With exercises of your own: see `gmmteach.practice.add_folder`.
    seconds, gigabytes : float
        Limits of the process; that of memory holds where the system knows `resource`.

    Raises
    ------
    SubmissionError
        If the file cannot be read as a notebook.
    """
    try:
        source = definitions(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SubmissionError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    own = str(Path(folder).resolve()) if folder else None
    task = {"source": source, "exercises": exercises, "folder": own, "gigabytes": gigabytes}
    with tempfile.TemporaryDirectory() as somewhere:
        environment = {
            **os.environ, "GMMTEACH_PROGRESS": str(Path(somewhere) / "progress.json"), "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg",
        }  # fmt: skip
        try:
            process = subprocess.run(
                [sys.executable, "-m", __name__], input=json.dumps(task), capture_output=True, timeout=seconds,
                cwd=somewhere, env=environment, check=False, encoding="utf-8", errors="replace",
            )  # fmt: skip
            output, ended = process.stdout, _last_words(process)
        except subprocess.TimeoutExpired as expired:
            output = expired.stdout.decode("utf-8", "replace") if isinstance(expired.stdout, bytes) else ""
            ended = f"It took longer than {seconds:g} seconds."
    return _read(output, ended)


def _read(output: str, ended: str) -> list[Grade]:
    lines = [json.loads(line.removeprefix(MARK)) for line in output.split("\n") if line.startswith(MARK)]
    announced = [line["names"] for line in lines if "names" in line]
    grades = {line["exercise"]: Grade(**line) for line in lines if "exercise" in line}
    if not announced:
        return [Grade("all", "stopped", message=ended)]
    return [grades.get(name, Grade(name, "stopped", message=ended)) for name in announced[0]]


def _last_words(process: subprocess.CompletedProcess[str]) -> str:
    last = process.stderr.strip().splitlines()[-1:] or [f"The process ended with status {process.returncode}."]
    return last[0]


# --- in the process -------------------------------------------------------------------------------------------


def main() -> None:
    """Read a task from standard input, run it, and print one marked line for each exercise."""
    task = json.load(sys.stdin)
    from .checker import YOURS
    from .exercises import EXERCISES  # before the limit: the imports are ours
    from .folder import add_folder

    if task["folder"]:
        add_folder(task["folder"])
    names = task["exercises"] or sorted(EXERCISES)
    _limit_memory(task["gigabytes"])
    namespace: dict[str, Any] = {"__name__": "submission"}
    for statement in ast.parse(task["source"]).body:
        code = compile(ast.Module([statement], type_ignores=[]), "<submission>", "exec")
        try:
            exec(code, namespace)
        except Exception as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
    own = {
        node.name for node in ast.parse(task["source"]).body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }  # an imported e_step is ours, not theirs
    _say({"names": names})
    for name in names:
        written = [namespace.get(each) for each in (f"{YOURS}{name}", name) if each in own]
        _say(asdict(_graded(name, written[0] if written else None)))


def _graded(name: str, function: Any) -> Grade:
    from .checker import check

    if not callable(function):
        return Grade(name, "missing", message="The notebook does not define it.")
    verdict = check(name, function)
    return Grade(name, verdict.kind, verdict.diagnosis, verdict.message)


def _say(line: dict[str, Any]) -> None:
    print(f"\n{MARK}{json.dumps(line)}", flush=True)


def _limit_memory(gigabytes: float) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    size = int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


if __name__ == "__main__":
    main()
