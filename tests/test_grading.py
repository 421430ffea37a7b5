"""Grading: each submission in a process of its own, within limits, with the diagnosis; and exercises of one's own."""

from __future__ import annotations

import csv
import inspect
import json
import time
from pathlib import Path
from typing import Any

import pytest

from gmmteach.cli import main
from gmmteach.practice import add_folder, check
from gmmteach.practice.exercises import EXERCISES, e_step, m_step
from gmmteach.practice.grading import SubmissionError, definitions, grade
from gmmteach.practice.progress import Store

RIGHT = "import numpy as np\nfrom scipy.special import logsumexp\n" + inspect.getsource(e_step.e_step).replace(
    ": Array", ""
).replace("-> Array", "")
FORGETS_WEIGHTS = RIGHT.replace("np.log(weights[k]) + log_density", "log_density")


def notebook(tmp_path: Path, *cells: str, name: str = "submission.ipynb") -> str:
    path = tmp_path / name
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    made.append({"cell_type": "markdown", "source": "text", "metadata": {}})
    path.write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    return str(path)


def kinds(grades: Any) -> dict[str, str]:
    return {each.exercise: each.kind for each in grades}


def test_what_is_taken_out_of_a_notebook() -> None:
    cells = [
        "%matplotlib inline\nimport numpy as np\nprint('loud')",
        "size = 3\nX = np.zeros(size)\nnames: list = ['a']\nopen('x', 'w')",
        "def f():\n    return size\n\nf()",
        "this is no Python",
        "class A:\n    pass",
    ]
    source = definitions(json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}))
    assert source.split("\n\n") == [
        "import numpy as np", "size = 3", "names: list = ['a']", "def f():\n    return size", "class A:\n    pass",
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"cells": 3}', "\x00"])
def test_what_is_no_notebook_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text(content)
    with pytest.raises(SubmissionError, match="not a notebook"):
        grade(tmp_path / "a.ipynb")
    with pytest.raises(SubmissionError, match="cannot be read"):
        grade(tmp_path / "b.ipynb")


def test_right_wrong_and_missing(tmp_path: Path) -> None:
    grades = grade(notebook(tmp_path, RIGHT), ["e_step", "m_step"])
    assert kinds(grades) == {"e_step": "right", "m_step": "missing"}
    (wrong,) = grade(notebook(tmp_path, FORGETS_WEIGHTS), ["e_step"])
    assert (wrong.kind, wrong.diagnosis) == ("mistake", "the weights are forgotten")


def test_a_function_may_be_called_yours(tmp_path: Path) -> None:
    grades = grade(notebook(tmp_path, RIGHT.replace("def e_step", "def your_e_step")), ["e_step"])
    assert kinds(grades) == {"e_step": "right"}


def test_an_import_is_no_answer(tmp_path: Path) -> None:
    grades = grade(notebook(tmp_path, "from gmmteach import e_step"), ["e_step"])
    assert kinds(grades) == {"e_step": "missing"}


def test_the_last_definition_counts_and_helpers_work(tmp_path: Path) -> None:
    helper = "HALF = 0.5\ndef half(x):\n    return HALF * x"
    better = RIGHT.replace(" / 2  # (2.43)", "").replace("log_density = -(", "log_density = -half(")
    assert "half(len" in better
    grades = grade(notebook(tmp_path, helper, FORGETS_WEIGHTS, better), ["e_step"])
    assert kinds(grades) == {"e_step": "right"}


def test_nothing_else_of_a_notebook_is_run(tmp_path: Path) -> None:
    vandal = f"open({str(tmp_path / 'trace')!r}, 'w').write('x')\nraise SystemExit"
    assert kinds(grade(notebook(tmp_path, vandal, RIGHT), ["e_step"])) == {"e_step": "right"}
    assert not (tmp_path / "trace").exists()


def test_a_learners_print_and_exit_do_not_confuse(tmp_path: Path) -> None:
    chatty = RIGHT.replace("    log_joint = np.empty", "    print('{}')\n    log_joint = np.empty", 1)
    quitter = "import os\ndef m_step(X, responsibilities):\n    os._exit(3)"
    grades = grade(notebook(tmp_path, chatty, quitter), ["e_step", "m_step", "e_step"])
    assert kinds(grades) == {"e_step": "right", "m_step": "stopped"} or grades[1].kind == "stopped"
    assert "status 3" in grades[1].message


def test_time_has_a_limit(tmp_path: Path) -> None:
    began = time.monotonic()
    assert kinds(grade(notebook(tmp_path, RIGHT), ["e_step"])) == {"e_step": "right"}
    enough = 2 * (time.monotonic() - began) + 2  # for the first exercise, on a machine as busy as this one
    forever = (
        "import signal\ndef m_step(X, responsibilities):\n"
        "    signal.setitimer(signal.ITIMER_REAL, 0)\n    while True:\n        pass"  # check's own limit is put out
    )
    grades = grade(notebook(tmp_path, RIGHT, forever), ["e_step", "m_step"], seconds=enough)
    assert grades[0].kind == "right"
    assert grades[1].kind == "stopped"
    assert f"longer than {enough:g} seconds" in grades[1].message


def test_memory_has_a_limit(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    hungry = "import numpy as np\ndef m_step(X, responsibilities):\n    return np.ones(3 * 2**30)"
    (only,) = grade(notebook(tmp_path, hungry), ["m_step"], gigabytes=3)
    assert only.kind == "error"
    assert "Memory" in only.message


def test_nobodys_progress_changes(tmp_path: Path) -> None:
    grade(notebook(tmp_path, RIGHT), ["e_step"])
    assert not Store().path.exists()


def test_the_command_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = notebook(tmp_path, RIGHT, name="good.ipynb"), notebook(tmp_path, FORGETS_WEIGHTS, name="bad.ipynb")
    table = tmp_path / "grades.csv"
    assert main(["grade", good, bad, "--exercises", "e_step,m_step", "--csv", str(table)]) == 0
    out = capsys.readouterr().out
    assert "good.ipynb: 1 of 2 right" in out
    assert "✗ e_step  the weights are forgotten" in out
    assert "– m_step  not in the notebook" in out
    assert main(["grade", good]) == 0
    out = capsys.readouterr().out
    assert "good.ipynb: 1 of 1 right" in out
    assert f"– the other {len(EXERCISES) - 1} exercises are not in this notebook" in out
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["passed"] for row in rows] == ["1", "0", "0", "0"]
    assert main(["grade", good, "--csv", str(table)]) == 2
    assert main(["grade", str(tmp_path / "none.ipynb")]) == 1
    assert main(["grade", good, "--exercises", "e_step", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.split("\n", 1)[1])[good][0]["kind"] == "right"


def test_a_pattern_that_the_shell_leaves_is_looked_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows' shells leave every pattern, the others one that nothing matches."""
    monkeypatch.chdir(tmp_path)
    assert main(["grade", "class/*.ipynb"]) == 2
    said = capsys.readouterr().err
    assert f"No file matches class/*.ipynb. Check the spelling; a relative path starts from {tmp_path}." in said
    assert "Errno" not in said
    assert main(["grade", "none.ipynb"]) == 1
    assert "none.ipynb: it cannot be read: No such file or directory." in capsys.readouterr().out
    for name in ("b.ipynb", "a.ipynb", "[1].ipynb"):
        notebook(tmp_path, "x = 1", name=name)
    assert main(["grade", "?.ipynb", "[1].ipynb", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["a.ipynb", "b.ipynb", "[1].ipynb"]


# --- exercises of one's own -----------------------------------------------------------------------------------

OWN = """
import numpy as np
from gmmteach.practice.exercises.model import Exercise, Mistake


def spread(X):
    return X.max(axis=0) - X.min(axis=0)


EXERCISE = Exercise(
    name="spread",
    signature="spread(X)",
    task="Return the difference of the largest and the smallest value of each feature, (D,).",
    reference=spread,
    cases=lambda: [{"X": np.array([[0.0, 1.0], [2.0, 5.0], [1.0, 7.0]])}],
    outputs=("spread",),
    mistakes=(
        Mistake("the rows are compared", lambda X: X.max(axis=1) - X.min(axis=1), "Over which axis are the samples?"),
    ),
    hints=("Largest minus smallest.", "np.max and np.min have an axis.", "The samples run along axis 0."),
    commentary="np.ptp does the same.",
    insight="A spread depends on the outliers alone.",
    after="Next: the standard deviation.",
    notebook="01",
)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, exercise in list(EXERCISES.items()):
        monkeypatch.setitem(EXERCISES, name, exercise)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "spread.py").write_text(OWN, encoding="utf-8")
    (folder / "_notes.py").write_text("raise RuntimeError")
    return folder


def test_a_folder_of_ones_own(own: Path) -> None:
    with pytest.raises(ValueError, match="no exercise 'spread'"):
        check("spread", len)
    try:
        assert add_folder(own) == ["spread"]
        verdict = check("spread", lambda X: X.max(axis=1) - X.min(axis=1))
        assert verdict.diagnosis == "the rows are compared"
        assert check("spread", lambda X: X.max(axis=0) - X.min(axis=0)).passed
    finally:
        EXERCISES.pop("spread", None)


def test_a_folder_is_graded(own: Path, tmp_path: Path) -> None:
    submission = notebook(tmp_path, "def spread(X):\n    return X.max(axis=0) - X.min(axis=0)")
    assert kinds(grade(submission, ["spread"], folder=own)) == {"spread": "right"}
    assert "spread" not in EXERCISES


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no exercises: it needs a \.py file for each"):
        add_folder(tmp_path)
    (tmp_path / "a.py").write_text("x = 1")
    with pytest.raises(ValueError, match=r"a\.py does not set EXERCISE"):
        add_folder(tmp_path)


def test_modules_of_exercises_run_nothing_of_anybodys() -> None:
    assert {e_step.EXERCISE.name, m_step.EXERCISE.name} <= set(EXERCISES)
