"""The files around the code keep their word: commands exist, links resolve, versions and minima agree."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
import yaml

import gmmteach
from gmmteach.cli import build_parser

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebooks_tool", ROOT / "tools" / "notebooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


# --- README and CONTRIBUTING ------------------------------------------------------------------------------------


def blocks(text: str, language: str) -> list[str]:
    """Every fenced block of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """Every shell command of a page, without `uv run` and without what stands for the reader's own names."""
    lines = [line.split("#")[0].strip() for block in blocks(text, "(?:bash|console|sh)") for line in block.splitlines()]
    inline = re.findall(r"`((?:uv run |gmmteach )[^`]*)`", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M))
    return [line.removeprefix("$ ").removeprefix("uv run ").split() for line in [*lines, *inline] if line]


def test_the_readme_names_the_two_commands():
    shell = "\n".join(blocks(read("README.md"), "bash"))
    assert re.search(r"^uv run gmmteach lab\b", shell, re.MULTILINE)
    assert re.search(r"^uv run pytest\b", shell + "\n".join(blocks(read("CONTRIBUTING.md"), "bash")), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page):
    for command in commands(read(page)):
        if command[0] == "gmmteach" and len(command) == 2:  # only named, as in "gmmteach animate makes one"
            with pytest.raises(SystemExit) as leaving:
                build_parser().parse_args([command[1], "--help"])
            assert leaving.value.code == 0
        elif command[0] == "gmmteach":
            build_parser().parse_args(command[1:])  # leaves, and fails the test, if it does not understand
        elif command[0].endswith(".py"):
            assert (ROOT / command[0]).is_file(), f"{page} names {command[0]}, which is not there"
        else:
            assert command[0] in {"bash", "cd", "conda", "git", "mypy", "pip", "pre-commit", "pytest", "ruff", "uv"}, (
                command
            )


def test_gmmteach_commands_are_all_in_the_readme():
    parser = build_parser()
    names = {name for action in parser._actions for name in getattr(action, "choices", None) or ()}
    assert names == {"lab", "animate", "figures", "doctor", "grade", "interview", "progress"}
    told = {
        command[1]
        for page in ("README.md", "CONTRIBUTING.md")
        for command in commands(read(page))
        if command[0] == "gmmteach"
    }
    assert names <= told


@pytest.mark.parametrize("page", PAGES)
def test_python_on_a_page_runs_and_gives_what_its_comments_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    for block in blocks(read(page), "python"):
        lines = block.splitlines()
        for statement in ast.parse(block).body:
            source = ast.get_source_segment(block, statement)
            assert source is not None
            comment = lines[(statement.end_lineno or 0) - 1].partition("  # ")[2].strip()
            if isinstance(statement, ast.Expr) and comment:
                with contextlib.redirect_stdout(io.StringIO()) as said:
                    value = eval(source, space)
                shown = said.getvalue().strip() if value is None else str(value)
                assert shown == comment, f"{page}: {source}"
            else:
                exec(source, space)


@pytest.mark.parametrize("page", [*PAGES, "figures/README.md"])
def test_every_picture_on_a_page_is_described(page):
    for alt in tool.picture_alts(read(page)):
        assert len(alt.strip()) >= tool.LEAST_ALT, f"{page}: {alt!r}"


def test_the_readme_has_a_moving_picture():
    assert re.search(r"figures/[\w-]+\.gif", read("README.md"))


def test_the_readme_says_how_long_each_notebook_takes_and_links_to_it():
    rows = dict(re.findall(r"^\| (\d\d) \| (.*\|.*)\|$", read("README.md"), re.MULTILINE))
    assert list(rows) == [f"{number:02}" for number in range(14)]
    for path in NOTEBOOKS:
        row = rows[path.name[:2]]
        notebook = nbformat.read(path, as_version=4)
        title = re.search(r"^# (?:\d+\W+)?(.+)$", notebook.cells[0].source, re.MULTILINE)
        assert title is not None
        assert f"(notebooks/{path.name})" in row
        assert title[1].strip().casefold() in row.casefold()
        minutes = re.search(r"(\d+) min", row)
        assert minutes is not None
        assert re.search(rf"\b{minutes[1]}\s+min", "\n".join(cell.source for cell in notebook.cells[:3])), (
            f"{path.name} does not say that it takes the {minutes[1]} minutes of the README"
        )
    for number in set(rows) - {path.name[:2] for path in NOTEBOOKS}:
        assert "](" not in rows[number], f"the README links to notebook {number}, which is not there"


# --- links ------------------------------------------------------------------------------------------------------


def links(text: str) -> Iterator[str]:
    text = re.sub(r"^```.*?^```|`[^`\n]*`|\$[^$\n]*\$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)", text)
    yield from re.findall(r"(?:href|src)=[\"']([^\"']+)[\"']", text)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub and JupyterLab make of headings."""
    names = set()
    for heading in re.findall(r"^#{1,6} (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.S | re.M), re.MULTILINE):
        plain = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip()
        names |= {re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"), plain.replace(" ", "-")}
    return names | set(re.findall(r"(?:id|name)=[\"']([^\"']+)[\"']", text))


def text_of(path: Path) -> str:
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")


@pytest.mark.parametrize("page", [*PAGES, "figures/README.md", *(f"notebooks/{path.name}" for path in NOTEBOOKS)])
def test_relative_links_resolve(page):
    path = ROOT / page
    for link in links(text_of(path)):
        if re.match(r"[a-z]+:", link):
            assert re.match(r"https://|mailto:|attachment:", link), f"{page} links to {link}"
            continue
        name, _, anchor = unquote(link).partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{page} links to {link}, which is not there"
        inside = [ROOT / "notebooks"] if path.suffix == ".ipynb" else [ROOT]
        assert any(target.resolve().is_relative_to(folder) for folder in inside), (
            f"{page} links to {link}: whoever has only the notebooks does not have it"
        )
        if anchor and target.is_file():
            assert anchor in anchors(text_of(target)), f"{page} links to {link}, but there is no such heading"


# --- versions and minima ----------------------------------------------------------------------------------------


def test_one_version_everywhere():
    version = PROJECT["project"]["version"]
    assert gmmteach.__version__ == version
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == version
    newest = re.search(r"^## \[([^\]]+)\](?: - (\S+))?$", read("CHANGELOG.md").replace("## [Unreleased]\n", ""), re.M)
    assert newest is not None
    assert newest[1] == version
    assert newest[2] == str(citation["date-released"])


def test_one_licence_everywhere():
    assert PROJECT["project"]["license"] == yaml.safe_load(read("CITATION.cff"))["license"] == "BSD-3-Clause"
    assert read("LICENSE").startswith("BSD 3-Clause License\n\nCopyright (c) 2026, The gmmteach authors")
    assert "BSD-3-Clause" in read("README.md")


def test_environment_yml_has_the_minima_of_pyproject():
    project = PROJECT["project"]
    wanted = {*project["dependencies"], *project["optional-dependencies"]["lab"], f"python{project['requires-python']}"}
    wanted = {line.replace("matplotlib>", "matplotlib-base>") for line in wanted}  # conda's name for it without Qt
    given = yaml.safe_load(read("environment.yml"))["dependencies"]
    *not_in_conda, this = given[-1]["pip"]
    assert {line for line in given if isinstance(line, str)} - {"pip"} | set(not_in_conda) == wanted
    assert this == "-e .[lab]"


def test_every_requirement_has_a_minimum():
    project = PROJECT["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["lab"], *PROJECT["dependency-groups"]["dev"]]
    assert [line for line in lines if ">=" not in line] == ["gmmteach[lab]"]


def test_the_resolution_is_fixed_by_date_and_not_by_a_lock_file():
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", PROJECT["tool"]["uv"]["exclude-newer"])
    assert "uv.lock" in read(".gitignore").splitlines()


# --- what git tracks --------------------------------------------------------------------------------------------

# Written so that they do not match themselves.
REGISTRIES = r"(?:pypi[.](?:org|python)|pythonhosted[.]org|npmjs[.](?:org|com)|debian[.](?:org|net)|anaconda[.]org)\b"
SECRETS = (
    r"-----BEGIN [A-Z ]*PRIVATE[ ]KEY",
    r"\bgh[pousr]_[A-Za-z0-9]{30,}",
    r"\bAKIA[0-9A-Z]{16}\b",
    r"\bpypi-AgE\w{20,}",
    r"://[^/\s:@]+:[^/\s:@]+@",
)
FORBIDDEN = {
    "a package registry's address": REGISTRIES,
    "a package index": r"(?:extra-)?index[-_]url\s*[=:]|--index[ =]http|registry\s*=\s*http|[/]simple[/](?:\s|$)",
    "a credential": "|".join(SECRETS),
    "a place on one machine": r"(?<![\w.~/}])[/](?:root|home|Users|work)[/]\w|(?<![\w.~/}\"'])[/]tmp[/]\w",
}
OTHERS = {"gmmteach/datasets/data/README.md"}  # says, in its own words, where the data were published


def tracked_files() -> list[str]:
    """What git tracks, and what it would on the next `git add`; skips the test outside a clone."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip(f"git does not list this clone: {listed.stderr.strip()}")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def plain(path: Path) -> str:
    """The text of a file; of a notebook, without its pictures and buffers, whose letters mean nothing."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
    return re.sub(r'"[A-Za-z0-9+/=\\n]{400,}"', '""', text) if path.suffix == ".ipynb" else text


def test_no_address_of_a_registry_no_credential_no_path_of_a_machine():
    found = [
        f"{name}: {what}: {hit[0]!r}"
        for name in tracked_files()
        if name not in OTHERS
        for what, pattern in FORBIDDEN.items()
        for hit in re.finditer(pattern, plain(ROOT / name))
    ]
    assert found == []


def test_what_must_not_be_tracked_is_not():
    names = tracked_files()
    assert [
        n for n in names if re.search(r"(^|/)(uv\.lock|\.env|\.venv|__pycache__|\.ipynb_checkpoints|dist)(/|$)", n)
    ] == []
    assert [n for n in names if (ROOT / n).stat().st_size > 2_000_000] == []


def test_nothing_is_left_to_do():
    marks = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    assert [n for n in tracked_files() if not n.endswith(".csv") and marks.search(plain(ROOT / n))] == []


def test_ci_runs_one_script():
    workflow = yaml.safe_load(read(".github/workflows/ci.yml"))
    steps = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert steps == ["bash .ci/run"]
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], check=False).returncode == 0


def test_pre_commit_needs_no_address():
    assert [repo["repo"] for repo in yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]] == ["local"]


# --- the notebooks' gates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_fit_to_be_committed(path):
    assert tool.check(path) == []


def write(folder: Path, *cells: dict[str, Any], **metadata: Any) -> Path:
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": tool.KERNEL, **metadata})
    nbformat.write(notebook, folder / "n.ipynb")
    return folder / "n.ipynb"


def code(source: str, *outputs: Any, number: int | None = 1) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), execution_count=number)


def shown(kind: str, value: Any, metadata: dict[str, Any] | None = None, **more: Any) -> Any:
    return nbformat.v4.new_output("display_data", {kind: value, **more}, metadata=metadata or {})


PICTURE = "aGVsbG8="
WIDGET = {"model_id": "0" * 32, "version_major": 2, "version_minor": 0}
LONG = "Two ellipses on a scatter plot, one on each group of points."
PLACES = ("/" + "home/ada", "/" + "tmp/x.csv")  # in two parts, so that the test above does not find them here
MARKDOWN = nbformat.v4.new_markdown_cell


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (code("plot()", shown("image/png", PICTURE)), "its image/png has no alt text"),
        (code("plot()", shown("image/png", PICTURE, {"image/png": {"alt": "A plot"}})), "too short an alt text"),
        (MARKDOWN("![A plot](plot.png)"), "alt text says too little: 'A plot'"),
        (MARKDOWN('<img src="plot.png">'), "alt text says too little: ''"),
        (
            code("1 / 0", nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="no", traceback=[])),
            "it failed",
        ),
        (code("x", nbformat.v4.new_output("stream", name="stderr", text="Warning: x")), "standard error: 'Warning: x'"),
        (
            code("x", nbformat.v4.new_output("stream", name="stdout", text=f"see {PLACES[0]}/x")),
            f"on one machine: {PLACES[0]}",
        ),
        (code(f"open('{PLACES[1]}')"), f"on one machine: {PLACES[1]}"),
        (code("object()", shown("text/plain", "<object object at 0x7f0a1b2c3d40>")), "an address in memory"),
        (code("x", number=None), "its number is None, not 1"),
        (code("x", number=7), "its number is 7, not 1"),
        (
            code("w", shown(tool.WIDGET_VIEW, WIDGET, **{"text/html": "<p>Play</p>"})),
            "a widget that no other kernel has",
        ),
        (code("w", shown(tool.WIDGET_VIEW, WIDGET, **{"text/plain": "W()"})), "leaves nothing to see"),
    ],
)
def test_check_finds(tmp_path, cell, complaint):
    assert any(complaint in trouble for trouble in tool.check(write(tmp_path, cell)))


def test_check_finds_what_is_wrong_with_the_whole_file(tmp_path, monkeypatch):
    assert tool.check(write(tmp_path)) == []
    assert "its kernel is 'ir'" in tool.check(write(tmp_path, kernelspec={"name": "ir", "display_name": "R"}))[0]
    assert (
        "version of the Python" in tool.check(write(tmp_path, language_info={"name": "python", "version": "3.11.7"}))[0]
    )
    assert "state of widgets" in tool.check(write(tmp_path, widgets={}))[0]
    monkeypatch.setattr(tool, "MOST_BYTES", 10)
    assert "more than" in tool.check(write(tmp_path))[0]
    (tmp_path / "broken.ipynb").write_text("{")
    assert "not a notebook" in tool.check(tmp_path / "broken.ipynb")[-1]


def test_check_is_content_with_a_good_notebook(tmp_path):
    good = write(
        tmp_path,
        MARKDOWN(f"![{LONG}](plot.png)\n\n```\n![not a picture](x)\n```"),
        code("print(1)", nbformat.v4.new_output("stream", name="stdout", text="1\n")),
        code("", number=None),
        code("plot()", shown("image/png", PICTURE, {"image/png": {"alt": LONG}}), number=2),
    )
    assert tool.check(good) == []


WIDGETS = """\
import ipywidgets
slider = ipywidgets.IntSlider(value=3)
display({'text/html': '<p>A slider</p>', **slider._repr_mimebundle_()}, raw=True)"""


def test_running_twice_gives_the_same_bytes(tmp_path):
    path = write(tmp_path, MARKDOWN("# Hello"), code(WIDGETS, number=None), code("print(1)\nprint(2)", number=None))
    tool.run(path)
    once = path.read_bytes()
    assert tool.check(path) == []
    saved = json.loads(once)
    assert "widgets" not in saved["metadata"]
    assert saved["cells"][1]["outputs"][0]["data"]["text/html"] == ["<p>A slider</p>"]
    assert tool.WIDGET_VIEW not in saved["cells"][1]["outputs"][0]["data"]
    tool.run(path)
    assert path.read_bytes() == once


def test_a_notebook_that_fails_is_left_as_it_was(tmp_path, capsys):
    path = write(tmp_path, code("print(1)", number=None), code("1 / 0", number=None))
    before = path.read_bytes()
    assert tool.main(["run", str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_tool_says_which_notebook(tmp_path, capsys):
    path = write(tmp_path, code("x", number=None))
    assert tool.main(["check", str(path)]) == 1
    assert capsys.readouterr().out.startswith("n.ipynb: cell 0 (")
    assert tool.main(["check", str(tmp_path / "none.ipynb")]) == 2
