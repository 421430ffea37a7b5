"""The command line: every message and status, no file of a learner's ever overwritten, and one real server."""

import argparse
import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gmmteach
from gmmteach import datasets
from gmmteach.cli import course, doctor, film, lab, main, trouble
from gmmteach.cli.course import deliver
from gmmteach.cli.table import NotANumberError, choose, numbers, read_table
from gmmteach.cli.trouble import Trouble


@pytest.fixture(autouse=True)
def elsewhere(tmp_path_factory, monkeypatch):
    """Every test runs in an empty folder of its own."""
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


def run(capsys, *arguments):
    """Status, standard output and standard error of a command line."""
    capsys.readouterr()
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as exit:  # argparse leaves this way
        status = exit.code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return status, out, err


# --- the command itself ---------------------------------------------------------------------------


def test_without_arguments_it_prints_its_help(capsys):
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    for word in ["gmmteach lab", "gmmteach animate data.csv", "gmmteach doctor", "--version"]:
        assert word in out


@pytest.mark.parametrize("command", ["", "lab", "animate", "figures", "doctor"])
def test_help_fits_a_terminal_and_names_every_option(capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = run(capsys, *filter(None, [command, "--help"]))
    assert status == 0
    assert max(len(line) for line in out.splitlines()) <= 80
    if command == "animate":
        for option in ["--components", "--columns", "--covariance-type", "--output", "--force", "--start", "--seed"]:
            assert option in out
    if command == "lab":
        assert "never written to" in out
        assert "changes the clone" in out


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"gmmteach {metadata.version('gmmteach')}\n", "")


def test_unknown_commands_and_options_leave_with_status_2(capsys):
    for arguments in [["fly"], ["doctor", "--fast"], ["animate"], ["doctor", "--", "x"]]:
        status, _, err = run(capsys, *arguments)
        assert status == 2
        assert "usage: gmmteach" in err


def test_python_dash_m():
    done = subprocess.run(
        [sys.executable, "-m", "gmmteach", "animate", "nowhere.csv"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "There is no file nowhere.csv" in done.stderr


def test_ctrl_c_stops_without_a_traceback(capsys, monkeypatch):
    def interrupted(**options):
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "doctor", interrupted)
    assert run(capsys, "doctor") == (130, "", "Stopped.\n")


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="uses a shell pipe")
def test_a_reader_that_has_gone_is_no_traceback():
    line = f"{sys.executable} -m gmmteach doctor --json | true"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_say_falls_back_on_characters_that_the_terminal_has():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    trouble.say("✓ ✗ – → naïve", stream)
    assert stream.buffer.getvalue().decode("ascii") == "ok !! - -> na?ve\n"
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    trouble.say("✓ naïve", stream)
    assert stream.buffer.getvalue().decode("utf-8") == "✓ naïve\n"


# --- lab: the notebooks ---------------------------------------------------------------------------


def write_course(folder: Path, **contents: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in contents.items():
        (folder / f"{stem}.ipynb").write_text(content, encoding="utf-8")
    return folder


def snapshot(folder: Path) -> dict[str, str]:
    """The text of every file in a folder, the manifest aside."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".gmmteach" not in path.parts
    }


def actions(deliveries) -> dict[str, str]:
    return {delivery.name: delivery.action for delivery in deliveries}


@pytest.fixture
def shipped(tmp_path):
    """A course of two notebooks and a picture, as version 0.1.0 ships it."""
    source = write_course(tmp_path / "shipped", **{"00-start": "start 1", "01-em": "em 1"})
    (source / "images").mkdir()
    (source / "images" / "em.svg").write_text("<svg/>")
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "01-em-checkpoint.ipynb").write_text("junk")
    return source


@pytest.fixture
def mine(tmp_path, shipped):
    """A learner's folder, freshly filled."""
    deliver(shipped, tmp_path / "mine", "0.1.0")
    return tmp_path / "mine"


def test_a_new_folder_gets_the_course_and_nothing_else(shipped, tmp_path):
    target = tmp_path / "deep" / "mine"
    assert set(actions(deliver(shipped, target, "0.1.0")).values()) == {"new"}
    assert snapshot(target) == {"00-start.ipynb": "start 1", "01-em.ipynb": "em 1", "images/em.svg": "<svg/>"}


def test_a_second_time_changes_nothing(shipped, mine):
    before = {path: path.stat().st_mtime_ns for path in mine.rglob("*.ipynb")}
    assert set(actions(deliver(shipped, mine, "0.1.0")).values()) == {"current"}
    assert {path: path.stat().st_mtime_ns for path in mine.rglob("*.ipynb")} == before


def test_an_untouched_notebook_is_brought_up_to_date(shipped, mine):
    write_course(shipped, **{"01-em": "em 2"})
    assert actions(deliver(shipped, mine, "0.2.0")) == {
        "00-start.ipynb": "current",
        "01-em.ipynb": "updated",
        "images/em.svg": "current",
    }
    assert snapshot(mine)["01-em.ipynb"] == "em 2"
    write_course(shipped, **{"01-em": "em 3"})  # and once more: the manifest has kept up
    assert actions(deliver(shipped, mine, "0.3.0"))["01-em.ipynb"] == "updated"
    assert snapshot(mine)["01-em.ipynb"] == "em 3"


def test_a_changed_notebook_is_never_written_to(shipped, mine):
    write_course(mine, **{"01-em": "my work"})
    assert actions(deliver(shipped, mine, "0.1.0"))["01-em.ipynb"] == "kept"
    assert snapshot(mine) == {"00-start.ipynb": "start 1", "01-em.ipynb": "my work", "images/em.svg": "<svg/>"}

    write_course(shipped, **{"01-em": "em 2"})
    offered = {d.name: d for d in deliver(shipped, mine, "0.2.0")}["01-em.ipynb"]
    assert (offered.action, offered.beside) == ("beside", "01-em.new-0.2.0.ipynb")
    assert snapshot(mine)["01-em.ipynb"] == "my work"
    assert snapshot(mine)["01-em.new-0.2.0.ipynb"] == "em 2"


def test_the_same_version_is_offered_once(shipped, mine):
    write_course(mine, **{"01-em": "my work"})
    write_course(shipped, **{"01-em": "em 2"})
    deliver(shipped, mine, "0.2.0")
    before = snapshot(mine)
    assert actions(deliver(shipped, mine, "0.2.0"))["01-em.ipynb"] == "kept"
    assert snapshot(mine) == before
    (mine / "01-em.new-0.2.0.ipynb").unlink()  # read and thrown away: it does not come back
    assert actions(deliver(shipped, mine, "0.2.0"))["01-em.ipynb"] == "kept"
    assert not (mine / "01-em.new-0.2.0.ipynb").exists()


def test_the_notebook_beside_may_be_the_learners_own_by_now(shipped, mine):
    write_course(mine, **{"01-em": "my work", "01-em.new-0.2.0": "my notes on the new one"})
    write_course(shipped, **{"01-em": "em 2"})
    offered = {d.name: d for d in deliver(shipped, mine, "0.2.0")}["01-em.ipynb"]
    assert offered.beside == "01-em.new-0.2.0-2.ipynb"
    files = snapshot(mine)
    assert files["01-em.ipynb"] == "my work"
    assert files["01-em.new-0.2.0.ipynb"] == "my notes on the new one"
    assert files["01-em.new-0.2.0-2.ipynb"] == "em 2"


def test_an_identical_notebook_beside_is_not_written_twice(shipped, mine):
    write_course(mine, **{"01-em": "my work", "01-em.new-0.2.0": "em 2"})
    write_course(shipped, **{"01-em": "em 2"})
    offered = {d.name: d for d in deliver(shipped, mine, "0.2.0")}["01-em.ipynb"]
    assert offered.beside == "01-em.new-0.2.0.ipynb"
    assert len(list(mine.glob("01-em*"))) == 2


def a_notebook(python="3.12.1", outputs=(), lines=False):
    """A notebook as JupyterLab saves it, or as the course ships it, with its lines in a list."""
    source = ["x = 1\n", "x"] if lines else "x = 1\nx"
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": list(outputs)}
    metadata = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python", "version": python}}
    return json.dumps({"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def test_merely_opening_a_notebook_leaves_it_the_courses(shipped, mine):
    for folder in (shipped, mine):
        (folder / "01-em.ipynb").write_text(a_notebook(lines=True))
    deliver(shipped, mine, "0.1.0")
    (mine / "01-em.ipynb").write_text(a_notebook("3.13.0"))
    assert actions(deliver(shipped, mine, "0.1.0"))["01-em.ipynb"] == "current"
    (shipped / "01-em.ipynb").write_text(a_notebook().replace("x = 1", "x = 2"))
    assert actions(deliver(shipped, mine, "0.2.0"))["01-em.ipynb"] == "updated"
    (mine / "01-em.ipynb").write_text(a_notebook(outputs=["mine"]).replace("x = 1", "x = 2"))
    assert actions(deliver(shipped, mine, "0.2.0"))["01-em.ipynb"] == "kept"


def test_merely_running_a_notebook_makes_it_the_learners_own(shipped, mine):
    path = mine / "01-em.ipynb"
    path.write_text(path.read_text() + " ")
    write_course(shipped, **{"01-em": "em 2"})
    assert actions(deliver(shipped, mine, "0.2.0"))["01-em.ipynb"] == "beside"


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("{"),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text('{"format": 2, "notebooks": ["01-em.ipynb"]}'),
        lambda path: path.write_text('{"format": 2, "notebooks": {"01-em.ipynb": 3}}'),
        lambda path: path.write_text(path.read_text().replace('"format": 2', '"format": 99')),
    ],
    ids=["missing", "cut off", "binary", "a list", "wrong kind", "wrong value", "another format"],
)
def test_without_a_sound_manifest_everything_that_differs_is_the_learners(shipped, mine, damage):
    damage(mine / ".gmmteach" / "manifest.json")
    write_course(shipped, **{"01-em": "em 2"})
    assert actions(deliver(shipped, mine, "0.2.0")) == {
        "00-start.ipynb": "current",
        "01-em.ipynb": "beside",
        "images/em.svg": "current",
    }
    assert snapshot(mine)["01-em.ipynb"] == "em 1"
    assert course.read_manifest(mine).keys() == {"00-start.ipynb", "01-em.ipynb", "images/em.svg"}


def test_what_is_in_the_way_stays_in_the_way(shipped, tmp_path):
    target = tmp_path / "mine"
    (target / "00-start.ipynb").mkdir(parents=True)
    (target / "precious.ipynb").write_text("precious")
    (target / "01-em.ipynb").symlink_to(target / "precious.ipynb")
    assert actions(deliver(shipped, target, "0.1.0"))["00-start.ipynb"] == "beside"
    assert (target / "00-start.ipynb").is_dir()
    assert (target / "01-em.ipynb").is_symlink()
    write_course(shipped, **{"01-em": "em 2"})
    deliver(shipped, target, "0.2.0")
    assert (target / "precious.ipynb").read_text() == "precious"
    assert (target / "01-em.new-0.2.0.ipynb").read_text() == "em 2"


def test_a_link_is_the_learners_even_if_what_it_leads_to_is_untouched(shipped, mine, tmp_path):
    (mine / "01-em.ipynb").rename(tmp_path / "em.ipynb")
    (mine / "01-em.ipynb").symlink_to(tmp_path / "em.ipynb")
    write_course(shipped, **{"01-em": "em 2"})
    assert actions(deliver(shipped, mine, "0.2.0"))["01-em.ipynb"] == "beside"
    assert (mine / "01-em.ipynb").is_symlink()
    assert (tmp_path / "em.ipynb").read_text() == "em 1"


def test_a_deleted_notebook_comes_back(shipped, mine):
    (mine / "01-em.ipynb").unlink()
    assert actions(deliver(shipped, mine, "0.1.0"))["01-em.ipynb"] == "new"


def test_an_interruption_leaves_whole_files_and_an_honest_manifest(shipped, mine, monkeypatch):
    write_course(shipped, **{"00-start": "start 2", "01-em": "em 2"})
    original = Path.replace

    def full_disk(self, target):
        if Path(target).name == "01-em.ipynb":
            raise OSError(28, "No space left on device")
        return original(self, target)

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(Trouble, match="No space left on device"):
        deliver(shipped, mine, "0.2.0")
    monkeypatch.undo()
    assert snapshot(mine)["01-em.ipynb"] == "em 1"
    assert actions(deliver(shipped, mine, "0.2.0")) == {
        "00-start.ipynb": "current",
        "01-em.ipynb": "updated",
        "images/em.svg": "current",
    }
    assert set(snapshot(mine)) == {"00-start.ipynb", "01-em.ipynb", "images/em.svg"}


def test_a_file_that_appears_at_the_last_moment_is_not_replaced(shipped, tmp_path, monkeypatch):
    target = write_course(tmp_path / "mine", **{"01-em": "just saved"})
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    with pytest.raises(Trouble, match="exists"):
        deliver(shipped, target, "0.1.0")
    assert (target / "01-em.ipynb").read_text() == "just saved"


# --- lab: the command -----------------------------------------------------------------------------


@pytest.fixture
def started(monkeypatch):
    """Instead of becoming a server: the command lines and environments that would have."""
    calls = []
    monkeypatch.setattr(lab, "run", lambda line, variables: calls.append((line, variables)) or 0)
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: object())
    return calls


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """An installation from a wheel: the notebooks are inside the package."""
    package = tmp_path / "site-packages" / "gmmteach"
    write_course(package / "notebooks", **{"00-start": "start 1", "01-em": "em 1"})
    monkeypatch.setattr(course, "PACKAGE", package)
    return package


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone: the notebooks are beside the package."""
    root = tmp_path / "clone"
    write_course(root / "notebooks", **{"00-start": "start 1", "01-em": "em 1"})
    (root / "pyproject.toml").touch()
    (root / "gmmteach").mkdir()
    monkeypatch.setattr(course, "PACKAGE", root / "gmmteach")
    return root


def test_installed_from_a_wheel_the_course_goes_into_a_folder_here(capsys, started, wheel):
    status, out, _ = run(capsys, "lab")
    folder = Path.cwd() / "gmmteach-course"
    assert status == 0
    assert f"The course is in {folder}" in out
    assert "2 files put there." in out
    assert sorted(snapshot(folder)) == ["00-start.ipynb", "01-em.ipynb"]
    ((line, _),) = started
    assert f"--ServerApp.root_dir={folder}" in line
    assert "--LabApp.default_url=/lab/tree/00-start.ipynb" in line


def test_inside_a_course_folder_it_is_that_folder(capsys, started, wheel, monkeypatch):
    run(capsys, "lab", "mine")
    monkeypatch.chdir("mine")
    _, out, _ = run(capsys, "lab")
    assert "Everything there is up to date." in out
    assert not Path("gmmteach-course").exists()
    assert f"--ServerApp.root_dir={Path.cwd()}" in started[-1][0]


def test_the_command_says_what_it_did_about_changed_notebooks(capsys, started, wheel, monkeypatch):
    run(capsys, "lab", "mine")
    write_course(Path("mine"), **{"01-em": "my work"})
    _, out, _ = run(capsys, "lab", "mine")
    assert "Left as you have changed them: 01-em.ipynb." in out

    write_course(wheel / "notebooks", **{"00-start": "start 2", "01-em": "em 2"})
    monkeypatch.setattr("gmmteach.cli.__version__", "0.2.0")
    _, out, _ = run(capsys, "lab", "mine")
    assert "Brought to version 0.2.0: 00-start.ipynb." in out
    assert "You have changed 01-em.ipynb: it stays as it is; the new one is 01-em.new-0.2.0.ipynb." in out
    assert snapshot(Path("mine"))["01-em.ipynb"] == "my work"


def test_in_a_clone_the_notebooks_are_used_in_place(capsys, started, clone):
    status, out, _ = run(capsys, "lab")
    assert status == 0
    assert "used in place: what you run and save there changes this clone" in out
    assert f"--ServerApp.root_dir={clone / 'notebooks'}" in started[0][0]
    assert not list(Path.cwd().iterdir())
    assert not list(clone.rglob(".gmmteach"))


def test_in_a_clone_a_folder_gets_a_copy(capsys, started, clone):
    run(capsys, "lab", "mine")
    assert sorted(snapshot(Path("mine"))) == ["00-start.ipynb", "01-em.ipynb"]
    run(capsys, "lab", clone / "notebooks")  # but not onto itself
    assert f"--ServerApp.root_dir={clone / 'notebooks'}" in started[-1][0]
    assert not list(clone.rglob(".gmmteach"))


def test_the_command_line_that_starts_jupyterlab(capsys, started, wheel, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/my/config")
    run(capsys, "lab", "mine", "--no-browser", "--port", "9999", "--", "--debug", "--", "-y")
    ((line, variables),) = started
    assert line == [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={Path('mine').resolve()}",
        "--LabApp.default_url=/lab/tree/00-start.ipynb",
        "--no-browser",
        "--ServerApp.port=9999",
        "--debug",
        "--",
        "-y",
    ]
    ours, theirs = variables["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert theirs == "/my/config"
    assert (Path(ours) / "labconfig" / "default_setting_overrides.json").is_file()


def test_plain_lab_opens_a_browser_and_root_is_allowed(capsys, started, wheel, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.delenv("JUPYTER_CONFIG_PATH", raising=False)
    run(capsys, "lab")
    ((line, variables),) = started
    assert "--allow-root" in line
    assert not any(option.startswith(("--no-browser", "--ServerApp.port")) for option in line)
    assert variables["JUPYTER_CONFIG_PATH"] == str(lab.JUPYTER_CONFIG)


def test_on_posix_the_server_replaces_this_process(monkeypatch):
    called = []
    monkeypatch.setattr(os, "name", "posix")
    monkeypatch.setattr(os, "execve", lambda *arguments: called.append(arguments) or sys.exit(0))
    with pytest.raises(SystemExit):
        lab.run(["python", "-m", "jupyterlab"], {"A": "B"})
    assert called == [("python", ["python", "-m", "jupyterlab"], {"A": "B"})]


def test_elsewhere_it_waits_for_the_server_through_ctrl_c(monkeypatch):
    class Server:
        def __init__(self, line, env):
            self.answers = [KeyboardInterrupt(), 3]

        def wait(self):
            answer = self.answers.pop(0)
            if isinstance(answer, BaseException):
                raise answer
            return answer

    monkeypatch.setattr(lab.os, "name", "nt")
    monkeypatch.setattr(lab.subprocess, "Popen", Server)
    assert lab.run(["python"], {}) == 3


def test_lab_without_jupyterlab(capsys, wheel, monkeypatch):
    monkeypatch.setattr(lab.importlib.util, "find_spec", lambda name: None)
    status, out, err = run(capsys, "lab")
    assert (status, out) == (1, "")
    assert err == 'gmmteach lab: JupyterLab is not installed. Install it with: pip install "gmmteach[lab]"\n'
    assert not list(Path.cwd().iterdir())


def test_in_the_clones_own_environment_uv_installs(clone, monkeypatch):
    assert lab.how_to_install() == 'pip install "gmmteach[lab]"'
    monkeypatch.setattr(sys, "prefix", str(clone / ".venv"))
    assert lab.how_to_install() == "uv sync"


def test_lab_without_notebooks(capsys, started, wheel):
    for path in (wheel / "notebooks").iterdir():
        path.unlink()
    status, _, err = run(capsys, "lab")
    assert status == 1
    assert "This installation has no notebooks. Install it again" in err
    assert not started


def test_lab_into_a_file(capsys, started, wheel):
    Path("notes.txt").write_text("mine")
    status, _, err = run(capsys, "lab", "notes.txt")
    assert status == 2
    assert "notes.txt is a file; the notebooks need a folder" in err
    assert Path("notes.txt").read_text() == "mine"
    assert not started


def test_lab_into_a_folder_that_cannot_be_written(capsys, started, wheel, monkeypatch):
    def forbidden(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", forbidden)
    status, _, err = run(capsys, "lab", "mine")
    assert status == 1
    assert "Permission denied. Name a folder of your own: gmmteach lab DIR" in err
    assert not started


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_lab_with_no_such_port(capsys, started, wheel, port):
    status, _, err = run(capsys, "lab", "--port", port)
    assert status == 2
    assert f"{port!r} is not a port, 1 to 65535" in err


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="uses signals")
def test_a_real_server_answers_with_the_notebook_and_without_the_news(wheel, tmp_path):
    """`gmmteach lab` becomes a JupyterLab that serves the folder; SIGTERM to its process ends it."""
    (wheel / "notebooks" / "00-start.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = (
        "import pathlib, sys; from gmmteach.cli import course, main; "
        "course.PACKAGE = pathlib.Path(sys.argv[1]); sys.exit(main(sys.argv[2:]))"
    )
    theirs = ["--", "--IdentityProvider.token=", "--ServerApp.ip=127.0.0.1"]
    own = {name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                script,
                wheel,
                "lab",
                tmp_path / "mine",
                "--no-browser",
                "--port",
                str(port),
                *theirs,
            ],
            env={**os.environ, **own},
            stdout=log,
            stderr=log,
        )
        try:

            def get(path):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                    return answer.geturl(), answer.read().decode()

            deadline = time.monotonic() + 120
            while True:
                try:
                    get("/api")
                    break
                except OSError:
                    alive = process.poll() is None and time.monotonic() < deadline
                    assert alive, (tmp_path / "log").read_text()
                    time.sleep(0.2)

            address, page = get("/")
            assert address.endswith("/lab/tree/00-start.ipynb")
            assert "JupyterLab" in page
            assert json.loads(get("/api/contents/00-start.ipynb")[1])["type"] == "notebook"
            setting = json.loads(get("/lab/api/settings/@jupyterlab/apputils-extension:notification")[1])
            assert setting["schema"]["properties"]["fetchNews"]["default"] == "false"
            setting = json.loads(get("/lab/api/settings/@jupyterlab/notebook-extension:tracker")[1])
            assert setting["schema"]["properties"]["codeCellConfig"]["default"]["lineWrap"] is True
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert "Starting JupyterLab. Stop it with Ctrl-C." in (tmp_path / "log").read_text()


# --- animate: reading CSV files -------------------------------------------------------------------


def table(text: str | bytes, name: str = "data.csv"):
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


def data(text: str | bytes, columns: list[str] | None = None):
    return choose(table(text), columns)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2.5\n3,4\n",
        "a,b\r\n1,2.5\r\n3,4\r\n",
        "a;b\n1;2.5\n3;4\n",
        "a;b\n1;2,5\n3;4\n",
        "a\tb\n1\t2.5\n3\t4\n",
        "a|b\n1|2.5\n3|4\n",
        "a b\n1 2.5\n3   4\n",
        "  a , b \n 1, 2.5\n 3, 4",
        '"a","b"\n"1","2.5"\n"3","4"\n',
        "\ufeffa,b\n1,2.5\n3,4\n",
        "a,b\n\n1,2.5\n\n3,4\n\n\n",
        "a,b,\n1,2.5,\n3,4,\n",
        '"a" "b"\n1 2.5\n3 4\n',
        "a,b\n1,2.5\n+3,4e0\n",
        "a,b\n1,25e-1\n3.,.4e1\n",
    ],
)
def test_many_kinds_of_csv_read_the_same(text):
    chosen = data(text)
    assert [name.strip('"') for name in chosen.names] == ["a", "b"]
    assert not any("Left out" in note for note in chosen.notes)
    np.testing.assert_array_equal(chosen.X, [[1, 2.5], [3, 4]])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding):
    read = table("Länge,Höhe\n1,2\n3,4\n".encode(encoding))
    assert list(read.columns) == ["Länge", "Höhe"]
    assert ("The file is not UTF-8; it was read as Windows-1252." in read.notes) == (encoding == "cp1252")


def test_without_a_header_columns_have_numbers():
    read = table("1,2\n3,4\n5,6\n")
    assert list(read.columns) == ["1", "2"]
    assert "The first line holds numbers, so there is no header: the columns are 1, 2." in read.notes
    np.testing.assert_array_equal(choose(read, ["2"]).X, [[2], [4], [6]])


def test_text_that_holds_the_separator_and_signs_of_all_kinds():
    chosen = data('name,x,y\n"Doe, Jane",\u22121.5,2\n"Roe; J",3,4\n')
    np.testing.assert_array_equal(chosen.X, [[-1.5, 2], [3, 4]])


def test_the_separator_is_the_one_that_makes_numbers():
    assert list(table("a,b,c\nfoo,bar,1|2\nbaz,qux,3|4\n").columns) == ["a", "b", "c"]
    np.testing.assert_array_equal(data("1,2,x;y\n3,5,z;w\n").X, [[1, 2], [3, 5]])
    np.testing.assert_array_equal(data("1,5;2,5\n3,25;4,5\n").X, [[1.5, 2.5], [3.25, 4.5]])
    np.testing.assert_array_equal(data("the x\tthe y\tz\n1\t\t3\n3\t4\t2\n", ["the x", "z"]).X, [[1, 3], [3, 2]])
    np.testing.assert_array_equal(data('x, name, y\n1, "Doe, Jane", 2\n3, Roe, 5\n').X, [[1, 2], [3, 5]])


def test_rs_row_names_and_pandas_index():
    for text in ['"x" "y"\n"1" 1.5 2\n"2" 3 4\n"3" 9 5\n', ",x,y\n0,1.5,2\n1,3,4\n2,9,5\n"]:
        chosen = data(text)
        assert [name.strip('"') for name in chosen.names] == ["x", "y"]
        np.testing.assert_array_equal(chosen.X, [[1.5, 2], [3, 4], [9, 5]])


def test_names_that_occur_twice_stay_apart():
    assert list(table("x,x,y\n1,2,3\n4,5,6\n").columns) == ["x", "x.1", "y"]


def test_missing_values_leave_out_their_rows():
    chosen = data("x,y\n1,2\nNA,3\n4,\n5,nan\n6,7\n?,8\n9,n/a\n")
    np.testing.assert_array_equal(chosen.X, [[1, 2], [6, 7]])
    assert chosen.n_dropped == 5
    assert data("x,y,z\n1,2,NA\n3,4,NA\n5,7,NA\n", ["x", "y"]).n_dropped == 0


def test_decimal_commas_between_semicolons():
    read = table("x;y\n1,5;2\n3,25;4,5\n")
    assert "Numbers are read with a decimal comma: 3,6 is 3.6." in read.notes
    np.testing.assert_array_equal(choose(read, None).X, [[1.5, 2], [3.25, 4.5]])
    with pytest.raises(NotANumberError, match="'1,5' in line 2"):
        numbers(table("x;y\n1,5;2\n3.25;4,5\n"), "x")  # a point and a comma in one column: which is it?


def test_the_first_two_fit_columns_and_a_word_about_the_others():
    chosen = data("id,species,flat,empty,a,b,c\n1,Adelie,7,,1.5,2,3\n2,Gentoo,7,,2.5,2,9\n3,Gentoo,7,,4.5,8,1\n")
    assert chosen.names == ["a", "b"]
    left_out, of_three = chosen.notes
    assert left_out == (
        "Left out: id (it numbers the rows); species (not all numbers: 'Adelie' in line 2); flat (always 7); "
        "empty (no values)."
    )
    assert of_three == "Of 3 numeric columns the first two are used; choose others with --columns: a, b, c."


def test_what_is_asked_for_is_taken_as_it_is():
    text = "id,a,b,c\n1,5,1,2\n2,6,9,4\n3,5,3,1\n"
    np.testing.assert_array_equal(data(text, ["c", "id"]).X, [[2, 1], [4, 2], [1, 3]])
    assert data(text, ["c", "id"]).notes == []


# --- animate: what can be wrong -------------------------------------------------------------------

GOOD = "x,y,species\n" + "".join(f"{i % 7},{i * i % 11},{'ab'[i % 2]}\n" for i in range(30))


def refused(capsys, *arguments, status=2):
    """The message of an `animate` that has to stop, with nothing written and nothing on standard output."""
    before = sorted(Path.cwd().rglob("*"))
    result, out, err = run(capsys, "animate", *arguments)
    assert result == status
    assert out == ""
    assert err.startswith("gmmteach animate: ")
    assert sorted(Path.cwd().rglob("*")) == before
    return err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "data.csv is empty."),
        ("\n\n", "data.csv is empty."),
        ("x,y\n", "data.csv has a header (x, y) and no rows."),
        ("x,y\n1,2\n3\n", "line 3 has 1 value where 2 are expected (separated by commas)"),
        ("x;y\n1;2\n3;4;5\n", "line 3 has 3 values where 2 are expected (separated by semicolons)"),
        ("name,kind\nJane,a\nJohn,b\n", "data.csv has no column of numbers to fit. Left out: name (not all numbers: "),
        ("x,y\n1,2\n3,4\n5,Inf\n1,2\n", None),
        (b"PK\x03\x04whatever", "data.csv is a spreadsheet or an archive, not a text file: export it as CSV first."),
        (b"\x1f\x8bwhatever", "data.csv is compressed: unpack it first."),
        (b"x,y\n1,\x002\n", "data.csv is not a text file: it holds binary data."),
        ("x,y\n" + "1,2\n" * 9, "data.csv has no column of numbers to fit. Left out: x (always 1); y (always 2)."),
        (f'x,y\n1,2\n3,"{"z" * 200_000}"\n', "line 3 cannot be read as CSV: field larger than field limit"),
    ],
)
def test_files_that_cannot_be_fitted(capsys, text, message):
    Path("data.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    if message is None:
        assert "Column y is not all numbers: 'Inf' in line 4. A fit needs finite" in refused(
            capsys, "data.csv", "-c", "x,y"
        )
    else:
        assert message in refused(capsys, "data.csv")


def test_a_missing_file_and_a_folder(capsys):
    assert "There is no file nowhere.csv." in refused(capsys, "nowhere.csv")
    Path("folder").mkdir()
    assert "folder is a folder; name a CSV file in it." in refused(capsys, "folder")


def test_a_file_that_may_not_be_read(capsys, monkeypatch):
    Path("data.csv").write_text(GOOD)

    def forbidden(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert "Cannot read data.csv: Permission denied." in refused(capsys, "data.csv")


def test_columns_that_cannot_be_fitted(capsys):
    Path("data.csv").write_text(GOOD)
    message = refused(capsys, "data.csv", "-c", "x,z")
    assert "There is no column 'z' in data.csv. Its columns are: x, y, species." in message
    message = refused(capsys, "data.csv", "--columns", "x,species")
    assert "Column species is not all numbers: 'a' in line 2. Choose among: x, y;" in message
    assert "Column x is named twice" in refused(capsys, "data.csv", "--columns", "x,y,x")
    assert "'x,,y' is not a list of column names" in run(capsys, "animate", "data.csv", "-c", "x,,y")[2]

    Path("data.csv").write_text("x,y,z\n" + "".join(f"{i},7,NA\n" for i in range(9)))
    assert "Column y has the same value, 7, in every row: leave it out." in refused(capsys, "data.csv", "-c", "x,y")
    assert "Column z has no values at all" in refused(capsys, "data.csv", "-c", "x,z")
    Path("data.csv").write_text('x,y\n1,"1,234.5"\n3,2\n')
    message = refused(capsys, "data.csv", "-c", "x,y")
    assert "'1,234.5' in line 2. Write numbers with a decimal point and nothing between the thousands" in message
    Path("data.csv").write_text("x,y\n1,2\n3,1e999\n")
    assert "'1e999' in line 3. A fit needs finite numbers" in refused(capsys, "data.csv", "-c", "x,y")
    Path("data.csv").write_text("x\ty\n1,5\t2\n3\t2\n")
    assert "'1,5' in line 2. Write numbers with a decimal point" in refused(capsys, "data.csv", "-c", "x,y")


def test_too_few_rows(capsys):
    Path("data.csv").write_text("x,y\n1,2\n3,5\n4,NA\n")
    message = refused(capsys, "data.csv", "--components", "3")
    assert "data.csv has 2 rows without a missing value (1 have one) that can be used; 3 components need 3" in message
    Path("data.csv").write_text("x,y\n1,2\n")
    assert "data.csv has 1 row that can be used; 1 component need" in refused(
        capsys, "data.csv", "-k", "1", "-c", "x,y"
    )
    Path("data.csv").write_text("x,y\n" + "1,2\n3,5\n" * 10)
    message = refused(capsys, "data.csv", "--components", "3")
    assert "data.csv has only 2 different rows; 3 components need 3 or more. Ask for fewer --components." in message


def test_a_fit_that_collapses_says_what_to_try(capsys):
    X, _ = datasets.make_collapse_trap()
    with Path("trap.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["x", "y"], *X.tolist()])
    status, _, err = run(capsys, "animate", "trap.csv", "--reg-covar", "0")
    assert status == 1
    assert "The fit failed." in err
    assert "component 1" in err or "component 0" in err
    assert "a larger --reg-covar" in err
    assert [path.name for path in Path.cwd().iterdir()] == ["trap.csv"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--components", "0", "'0' is not a whole number, 1 or more"),
        ("--components", "two", "'two' is not a whole number, 1 or more"),
        ("--max-iter", "0", "'0' is not a whole number, 1 or more"),
        ("--seed", "-1", "'-1' is not a whole number from 0"),
        ("--fps", "0", "'0' is not a number above 0 and at most 50"),
        ("--fps", "nan", "'nan' is not a number above 0"),
        ("--reg-covar", "inf", "'inf' is not a number, 0 or more"),
        ("--covariance-type", "round", "invalid choice: 'round'"),
        ("--start", "best", "invalid choice: 'best'"),
    ],
)
def test_options_that_make_no_sense(capsys, option, value, message):
    Path("data.csv").write_text(GOOD)
    status, _, err = run(capsys, "animate", "data.csv", f"{option}={value}")
    assert status == 2
    assert message in err


def test_outputs_that_cannot_be_written(capsys, monkeypatch):
    Path("data.csv").write_text(GOOD)
    for output in ["em.avi", "em", "data.csv"]:
        message = refused(capsys, "data.csv", "--output", output)
        assert ".gif" in message
        assert ".webp" in message
    assert "There is no folder nowhere to write em.gif in" in refused(capsys, "data.csv", "-o", "nowhere/em.gif")
    Path("folder.gif").mkdir()
    assert "folder.gif is a folder" in refused(capsys, "data.csv", "-o", "folder.gif")
    monkeypatch.setattr("gmmteach.visual.encode.find_ffmpeg", lambda: None)
    message = refused(capsys, "data.csv", "-o", "em.mp4", status=1)
    assert "An .mp4 needs ffmpeg, and there is none on this computer." in message


def test_a_disk_that_fails_while_writing(capsys, monkeypatch):
    Path("data.csv").write_text(GOOD)

    def full(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gmmteach.visual.animate.Animation.save", full)
    status, _, err = run(capsys, "animate", "data.csv")
    assert status == 1
    assert "Could not write em.gif" in err
    assert "No space left on device" in err


# --- animate: what it makes -----------------------------------------------------------------------


def test_a_file_that_is_there_is_not_replaced_unless_forced(capsys):
    Path("data.csv").write_text(GOOD)
    Path("em.gif").write_text("holiday pictures")
    message = refused(capsys, "data.csv")
    assert "em.gif is already there. Choose another --output, or replace it with --force." in message
    assert Path("em.gif").read_text() == "holiday pictures"
    status, _, _ = run(capsys, "animate", "data.csv", "--force", "--max-iter", "2")
    assert status == 0
    assert Path("em.gif").read_bytes().startswith(b"GIF89a")


def test_animate_a_file_never_seen(capsys):
    rng = np.random.default_rng(20)
    X = np.concatenate([rng.normal([0, 0], 1, (60, 2)), rng.normal([6, 3], [2, 0.5], (40, 2))])
    with Path("never seen.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [[f"k{i}", *row] for i, row in enumerate(X.round(3).tolist())]
        csv.writer(file, delimiter=";").writerows([["key", "Länge", "y"], *rows, ["k", "", "3"]])

    status, out, _ = run(capsys, "animate", "never seen.csv", "--components", "2", "--output", "out.gif")
    assert status == 0
    model = gmmteach.GaussianMixture(2, random_state=0).fit(X.round(3))
    assert out.splitlines()[:3] == [
        "never seen.csv: 100 rows of Länge, y (1 row with a missing value left out)",
        "  Left out: key (not all numbers: 'k0' in line 2).",
        f"2 components, full covariance: converged after {model.n_iter_} iterations; "
        f"log-likelihood {model.trace_.objective[-1]:,.1f} (at the start {model.trace_.objective[0]:,.1f})",
    ]
    assert out.splitlines()[3].startswith("Written: out.gif (")
    with Image.open("out.gif") as picture:
        assert picture.n_frames >= model.n_iter_ + 2  # the start, the steps, the end
        assert np.asarray(picture.convert("L")).std() > 5  # not blank


def test_options_reach_the_fit_and_the_picture(capsys, monkeypatch):
    Path("data.csv").write_text("a,b,c,d\n" + "".join(f"{i % 7},{i * i % 11},{i % 5},{i}\n" for i in range(40)))
    seen = {}

    class Recorder:
        def save(self, path):
            Path(path).write_text("film")

    def animate(trace, **options):
        seen.update(options, trace=trace)
        return Recorder()

    monkeypatch.setattr("gmmteach.visual.animate.animate", animate)
    status, out, _ = run(
        capsys, "animate", "data.csv", "-k", "3", "-c", "c,a,b", "--covariance-type", "diag",
        "--start", "random_from_data", "--seed", "5", "--max-iter", "4",
        "--reg-covar", "0.01", "--fps", "8", "--dark", "-o", "x.gif",
    )  # fmt: skip
    assert status == 0
    X = np.array([[i % 5, i % 7, i * i % 11] for i in range(40)], dtype=float)
    with pytest.warns(match="did not converge"):
        expected = gmmteach.GaussianMixture(
            3, covariance_type="diag", init_params="random_from_data", random_state=5, max_iter=4, reg_covar=0.01
        ).fit(X)
    np.testing.assert_array_equal(seen["trace"].means, expected.trace_.means)
    assert {key: seen[key] for key in ("fps", "dark", "features", "feature_names")} == {
        "fps": 8.0,
        "dark": True,
        "features": (0, 1),
        "feature_names": ["c", "a", "b"],
    }
    assert "The fit uses all 3 columns; the picture shows c and a." in out
    assert "out of iterations after 4 iterations" in out
    assert "Let it run longer with --max-iter." in out


def test_a_scale_at_which_reg_covar_matters_is_pointed_out(capsys, monkeypatch):
    Path("data.csv").write_text("x,y\n" + "".join(f"{i % 7 * 3e-3},{i * i % 11}\n" for i in range(40)))
    monkeypatch.setattr(film, "fit", lambda X, options: pytest.fail("stop here"))
    with pytest.raises(pytest.fail.Exception):
        main(["animate", "data.csv"])
    out = capsys.readouterr().out
    assert "x has a variance of 3.5e-05, and --reg-covar adds 1e-06 to it: rescale the column" in out
    assert "y has a variance" not in out


@pytest.mark.parametrize(("columns", "kind"), [("x", "gif"), ("x,y,z", "webp")])
def test_one_column_and_three_columns(capsys, columns, kind):
    Path("data.csv").write_text("x,y,z\n" + "".join(f"{i % 7},{i * i % 11},{i % 5}\n" for i in range(40)))
    status, _, err = run(capsys, "animate", "data.csv", "-c", columns, "--max-iter", "2", "--dark", "-o", f"em.{kind}")
    assert (status, err) == (0, "")
    with Image.open(f"em.{kind}") as picture:
        assert picture.n_frames >= 3


# --- figures --------------------------------------------------------------------------------------


@pytest.fixture
def figures_drawn(monkeypatch):
    """Instead of drawing for half a minute: the folders that would have been drawn into."""
    folders = []

    def make_figures(directory):
        folders.append(Path(directory))
        (Path(directory) / "em.gif").write_text("picture")
        return [Path(directory) / "em.gif"]

    pytest.importorskip("gmmteach.visual.figures")
    monkeypatch.setattr("gmmteach.visual.figures.make_figures", make_figures)
    return folders


def test_figures_in_a_clone_go_into_its_folder(capsys, figures_drawn, clone):
    status, out, _ = run(capsys, "figures")
    assert (status, figures_drawn) == (0, [clone / "figures"])
    assert out.splitlines() == ["  em.gif", f"1 figure in {clone / 'figures'}"]


def test_figures_elsewhere_need_a_folder(capsys, figures_drawn, wheel):
    status, _, err = run(capsys, "figures")
    assert status == 2
    assert "say where the figures go: gmmteach figures --output DIR" in err
    assert run(capsys, "figures", "--output", "deep/here")[0] == 0
    assert figures_drawn == [Path("deep/here")]
    Path("file").touch()
    status, _, err = run(capsys, "figures", "-o", "file")
    assert status == 2
    assert "file is a file; the figures need a folder" in err


def test_figures_into_a_folder_that_cannot_be_written(capsys, figures_drawn, monkeypatch):
    def forbidden(directory):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gmmteach.visual.figures.make_figures", forbidden)
    status, _, err = run(capsys, "figures", "-o", "here")
    assert status == 1
    assert "Cannot write to here: Permission denied." in err


# --- doctor ---------------------------------------------------------------------------------------


def only(check):
    """The findings of one check."""
    found = check()
    return [found] if isinstance(found, doctor.Check) else list(found)


def the_trouble(check):
    """The one finding of a check that is a trouble; it comes with advice."""
    (trouble,) = [finding for finding in only(check) if finding.status == "trouble"]
    assert trouble.advice
    return trouble


@pytest.mark.slow
def test_the_doctor_finds_nothing_here(capsys, clone):
    status, out, err = run(capsys, "doctor")
    assert (status, err) == (0, ""), out
    assert "✗" not in out
    assert out.splitlines()[-1] == "All is well."
    for line in ["✓ Python: ", "✓ numpy: ", "✓ jupyterlab: ", '✓ kernel: "python3" starts', "✓ widgets (anywidget): "]:
        assert line in out
    assert "✓ font: DejaVu Sans" in out
    assert f"✓ notebooks: 2 in {clone / 'notebooks'}" in out
    assert f"✓ folder: {Path.cwd()} can be written to" in out


@pytest.fixture
def findings(monkeypatch):
    """The doctor, finding what a test says."""

    def find(*checks):
        monkeypatch.setattr(doctor, "examine", lambda: iter(checks))

    return find


def test_troubles_are_counted_and_come_with_advice(capsys, findings):
    findings(
        doctor.Check("a", "ok", "fine"),
        doctor.Check("b", "trouble", "broken", "mend it"),
        doctor.Check("c", "note", "by the way"),
    )
    status, out, _ = run(capsys, "doctor")
    assert status == 1
    assert out.splitlines() == [
        "✓ a: fine",
        "✗ b: broken",
        "    → mend it",
        "– c: by the way",
        "1 trouble: follow the arrows, then ask again.",
    ]


def test_notes_do_not_count(capsys, findings):
    findings(doctor.Check("c", "note", "by the way"))
    assert run(capsys, "doctor")[0] == 0


def test_the_report_as_json(capsys, findings):
    findings(doctor.Check("b", "trouble", "zerstört", "mend it"), doctor.Check("a", "ok", "fine"))
    status, out, _ = run(capsys, "doctor", "--json")
    assert status == 1
    assert out.isascii()
    assert json.loads(out) == {
        "ok": False,
        "checks": [
            {"name": "b", "status": "trouble", "message": "zerstört", "advice": "mend it"},
            {"name": "a", "status": "ok", "message": "fine", "advice": None},
        ],
    }
    findings(doctor.Check("a", "ok", "fine"))
    status, out, _ = run(capsys, "doctor", "--json")
    assert (status, json.loads(out)["ok"]) == (0, True)


def test_a_check_that_breaks_is_a_trouble(capsys, monkeypatch):
    def broken():
        raise RuntimeError("no such luck")

    def well():
        return doctor.Check("well", "ok", "fine")

    for name in [name for name in vars(doctor) if name.startswith("check_")]:
        monkeypatch.setattr(doctor, name, well)
    broken.__name__ = "check_font"
    monkeypatch.setattr(doctor, "check_font", broken)
    status, out, _ = run(capsys, "doctor")
    assert status == 1
    assert "✗ font: the check itself failed: RuntimeError: no such luck\n    → " in out
    assert out.count("✓ well: fine") == 7  # the others were made all the same


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(metadata, "metadata", lambda name: {"Requires-Python": ">=9.1"})
    trouble = the_trouble(doctor.check_python)
    assert ">=9.1 is needed" in trouble.message
    assert trouble.advice == "Install a Python that is >=9.1"


def test_packages_that_are_old_or_missing(monkeypatch, wheel):
    installed = {"numpy": "1.26.4"}

    def version(name):
        if name in ("scipy", "jupyterlab"):
            raise metadata.PackageNotFoundError(name)
        return installed.get(name, "9999")

    monkeypatch.setattr(metadata, "version", version)
    found = {check.name: check for check in only(doctor.check_packages)}
    assert {name for name, check in found.items() if check.status == "trouble"} == {"numpy", "scipy", "jupyterlab"}
    assert found["numpy"].message.startswith("1.26.4, but numpy>=2")
    assert found["numpy"].advice.startswith('pip install --upgrade "numpy>=2')
    assert found["scipy"].message.startswith("not installed; scipy>=")
    assert found["jupyterlab"].advice == 'pip install "gmmteach[lab]"'
    assert "pytest" not in found


def test_packages_in_the_clones_own_environment(monkeypatch, clone):
    monkeypatch.setattr(sys, "prefix", str(clone / ".venv"))
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1")
    assert {check.advice for check in only(doctor.check_packages)} == {"uv sync"}


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """Another "python3" kernel in front of the installed one."""

    def install(*argv):
        folder = tmp_path / "kernels" / "python3"
        folder.mkdir(parents=True)
        spec = {"argv": [sys.executable, *argv], "display_name": "Python 3", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    return install


def test_a_kernel_that_dies(kernel):
    kernel("-c", "raise SystemExit(3)")
    trouble = the_trouble(doctor.check_kernel)
    assert '"python3" does not start' in trouble.message
    assert trouble.advice == f"{sys.executable} -m ipykernel install --sys-prefix"


def test_a_kernel_that_never_answers(kernel, monkeypatch):
    kernel("-c", "import time; time.sleep(300)")
    monkeypatch.setattr(doctor, "KERNEL_SECONDS", 1.0)
    message = the_trouble(doctor.check_kernel).message
    assert '"python3" does not start' in message
    assert "in 1 seconds" in message


@pytest.mark.slow
def test_a_kernel_without_the_course(kernel):
    launch = (
        "import sys; sys.modules['gmmteach'] = None; from ipykernel import kernelapp; kernelapp.launch_new_instance()"
    )
    kernel("-c", launch, "-f", "{connection_file}")
    assert "it cannot import gmmteach: ModuleNotFoundError" in the_trouble(doctor.check_kernel).message


@pytest.mark.slow
def test_a_kernel_of_another_python_is_worth_a_note(kernel):
    launch = "import sys; sys.prefix = '/another'; from ipykernel import kernelapp; kernelapp.launch_new_instance()"
    kernel("-c", launch, "-f", "{connection_file}")
    (check,) = only(doctor.check_kernel)
    assert (check.status, check.message.split(": ")[-1]) == ("note", "/another")


def test_no_jupyter_at_all(monkeypatch, wheel):
    monkeypatch.setitem(sys.modules, "jupyter_client.manager", None)
    monkeypatch.setitem(sys.modules, "jupyter_core.paths", None)
    for check in (doctor.check_kernel, doctor.check_front_ends):
        assert the_trouble(check).advice == 'pip install "gmmteach[lab]"'


def test_a_front_end_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *parts: [str(tmp_path)])
    found = only(doctor.check_front_ends)
    assert [check.message for check in found] == ["not installed in JupyterLab"] * 2
    assert [check.advice for check in found] == [
        "pip install --force-reinstall jupyterlab_widgets",
        "pip install --force-reinstall anywidget",
    ]


@pytest.mark.parametrize("entry", ["anywidget", "anywidget:plugin"])
def test_a_front_end_that_is_switched_off(monkeypatch, tmp_path, entry):
    (tmp_path / "labconfig").mkdir()
    (tmp_path / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": {entry: True}}))
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path))
    trouble = the_trouble(doctor.check_front_ends)
    assert trouble.name == "widgets (anywidget)"
    assert trouble.message == "switched off in JupyterLab"
    assert trouble.advice == "jupyter labextension enable anywidget"


def test_a_font_that_is_not_found(monkeypatch):
    def findfont(name, fallback_to_default=True):
        if fallback_to_default:
            return "/another/font.ttf"
        raise ValueError(name)

    monkeypatch.setattr("matplotlib.font_manager.findfont", findfont)
    assert "does not find DejaVu Sans" in the_trouble(doctor.check_font).message


@pytest.mark.parametrize(("ffmpeg", "status"), [(None, "note"), ("/usr/bin/ffmpeg", "ok")])
def test_ffmpeg_is_only_a_note(monkeypatch, ffmpeg, status):
    monkeypatch.setattr("gmmteach.visual.encode.find_ffmpeg", lambda: ffmpeg)
    pictures, films = only(doctor.check_writers)
    assert pictures.status == "ok"
    assert pictures.message.startswith("GIF")
    assert films.status == status


def test_no_notebooks_and_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "PACKAGE", tmp_path / "gmmteach")
    assert the_trouble(doctor.check_notebooks).advice.startswith("Install it again")

    def forbidden(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", forbidden)
    trouble = the_trouble(doctor.check_folder)
    assert trouble.message == f"cannot write to {Path.cwd()}: Permission denied"
    assert "gmmteach lab DIR" in trouble.advice


def test_every_command_is_in_the_parser():
    from gmmteach import cli

    (subparsers,) = [a for a in cli.build_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    assert set(subparsers.choices) == set(cli.COMMANDS)
