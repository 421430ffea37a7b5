"""What a reader of the repository relies on: commands, links, versions, and nothing that names a machine."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import gmmteach

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "figures/README.md")

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not in a clone")


def tracked() -> list[Path]:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def test_readme_shows_the_two_commands():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "uv run gmmteach lab" in readme
    assert "uv run pytest" in readme


def test_readme_snippet_runs():
    text = re.sub(r"^```.*$", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.M)
    snippet = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(snippet)
    assert result.attempted >= 7
    assert result.failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [link for link in links if "://" not in link and not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_pictures_have_alt_text(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert all(len(alt) >= 40 for alt in re.findall(r"!\[([^\]]*)\]\(", text))


def test_one_version_everywhere():
    version = gmmteach.__version__
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1] == version


def test_conda_and_pip_ask_for_the_same_versions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8").replace("matplotlib-base", "matplotlib")
    for requirement in wanted:
        name, minimum = requirement.split(">=")
        assert f"- {name} >={minimum}\n" in conda


def test_no_lock_file_in_git():
    assert ROOT / "uv.lock" not in tracked()


def test_nothing_names_a_machine_or_a_registry():
    # Written apart, so that this file does not hold what it looks for.
    forbidden = re.compile(
        "|".join(
            ["/ro" + "ot/", "/wo" + "rk/", "/home/" + r"\w", "/Us" + "ers/", "pypi" + r"\.org", "regis" + "try\\.npm"]
        )
        + "|files\\.python"
        + "hosted|(?:api[_-]?key|password|secret)\\s*[:=]\\s*['\"]\\w",
        re.I,
    )
    found = {}
    for path in tracked():
        if path.suffix in {".png", ".gif"}:
            continue
        match = forbidden.search(path.read_text(encoding="utf-8"))
        if match:
            found[path.name] = match[0]
    assert not found


def test_notebooks_pass_their_gates():
    checked = subprocess.run(
        [sys.executable, ROOT / "tools" / "notebooks.py", "check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
