"""docs/teaching.md does what it says: its files are written as it tells, and used as it tells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from gmmteach.cli import main
from gmmteach.practice import add_folder, check, interview, quiz
from gmmteach.practice.deck import LEVELS, load_deck
from gmmteach.practice.exercises import EXERCISES
from gmmteach.practice.quizzes import KINDS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "teaching.md").read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[number]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in {
        "mine/spread.py": block("python"), "questions/week-1.toml": block("toml"), "cards/own.toml": block("toml", 1),
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gmmteach.practice.folder.EXERCISES", known := dict(EXERCISES))
    monkeypatch.setattr("gmmteach.practice.checker.EXERCISES", known)
    return tmp_path


def test_an_exercise_of_ones_own(folder: Path) -> None:
    assert add_folder("mine") == ["spread"]
    verdict = check("spread", lambda X: np.ptp(X, axis=1))
    assert verdict.diagnosis == "the rows are compared"
    assert check("spread", lambda X: np.ptp(X, axis=0)).passed


def test_questions_and_cards_of_ones_own(folder: Path) -> None:
    assert "Three components." in repr(quiz("week-1", folder="questions"))
    assert len(load_deck("cards").cards) == len(load_deck().cards) + 1
    assert "cards" in repr(interview(folder="cards"))
    kinds = PAGE[PAGE.index("kinds are") : PAGE.index("and a file that breaks")]
    assert re.findall(r"`(\w+)`", kinds) == list(KINDS)
    assert re.findall(r"`([\w ]+)`", PAGE[PAGE.rindex("levels are") :]) == list(LEVELS)


def test_marking_a_class(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = [
        "import numpy as np",
        "def your_spread(X):\n    return np.ptp(X, axis=1)",
        "def your_bic(log_likelihood, n_parameters, n_samples):\n"
        "    return -2 * log_likelihood + n_parameters * np.log(n_samples)",
    ]
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    Path("anna.ipynb").write_text(json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    main(["grade", "anna.ipynb", "--folder", "mine", "--exercises", "spread,bic"])
    assert capsys.readouterr().out.strip() == block("text").strip()
