"""``gmmteach doctor``: is everything here that the course needs? One line a check; one remedy a trouble."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from .course import course_folder
from .lab import REINSTALL, how_to_install
from .trouble import count, say

MARKS = {"ok": "✓", "trouble": "✗", "note": "–"}
KERNEL_SECONDS = 120.0
FRONT_ENDS = {  # JupyterLab extension -> the package that brings it
    "@jupyter-widgets/jupyterlab-manager": "jupyterlab_widgets",
    "anywidget": "anywidget",
}


@dataclass(frozen=True)
class Check:
    """One finding: ``status`` is 'ok', 'trouble' or 'note'; ``advice`` is the one thing to do about a trouble."""

    name: str
    status: str
    message: str
    advice: str | None = None


def doctor(*, as_json: bool) -> int:
    """Run every check and report. Returns 0 when there is no trouble, else 1."""
    checks = []
    for check in examine():
        checks.append(check)
        if not as_json:
            say(f"{MARKS[check.status]} {check.name}: {check.message}")
            if check.advice:
                say(f"    → {check.advice}")
    troubles = sum(check.status == "trouble" for check in checks)
    if as_json:
        report = {"ok": not troubles, "checks": [asdict(check) for check in checks]}
        print(json.dumps(report, indent=2))  # ASCII only, so every terminal and pipe takes it
    else:
        say("All is well." if not troubles else f"{count(troubles, 'trouble')}: follow the arrows, then ask again.")
    return 1 if troubles else 0


def examine() -> Iterator[Check]:
    """Every check, each made when its turn comes. One that breaks is a trouble, not a traceback."""
    tests: list[Callable[[], Any]] = [
        check_python, check_packages, check_kernel, check_front_ends, check_font, check_writers, check_notebooks,
        check_folder,
    ]  # fmt: skip
    for test in tests:
        name = test.__name__.removeprefix("check_").replace("_", " ")
        try:
            found = test()
            yield from [found] if isinstance(found, Check) else found
        except Exception as error:
            yield Check(name, "trouble", f"the check itself failed: {type(error).__name__}: {error}", how_to_install())


# --- the checks -----------------------------------------------------------------------------------


def check_python() -> Check:
    """Is Python new enough for the package?"""
    needed = metadata.metadata("gmmteach")["Requires-Python"]
    version = ".".join(str(part) for part in sys.version_info[:3])
    from packaging.specifiers import SpecifierSet

    if version not in SpecifierSet(needed):
        return Check("Python", "trouble", f"{version}, but {needed} is needed", f"Install a Python that is {needed}")
    return Check("Python", "ok", f"{version} in {sys.prefix}, with gmmteach {metadata.version('gmmteach')}")


def check_packages() -> Iterator[Check]:
    """Is every package that gmmteach and its `lab` extra ask for here, and new enough? The minima are pyproject's."""
    from packaging.requirements import Requirement

    for line in metadata.requires("gmmteach") or []:
        requirement = Requirement(line)
        extra = next(
            (e for e in ("", "lab") if not requirement.marker or requirement.marker.evaluate({"extra": e})), None
        )
        if extra is None:
            continue
        wanted = f"{requirement.name}{requirement.specifier}"
        one_by_one = not extra and not how_to_install().startswith("uv")
        remedy = f'pip install --upgrade "{wanted}"' if one_by_one else how_to_install()
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Check(requirement.name, "trouble", f"not installed; {wanted} is needed", remedy)
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield Check(requirement.name, "trouble", f"{version}, but {wanted} is needed", remedy)
        else:
            yield Check(requirement.name, "ok", version)


def check_kernel() -> Check:
    """Does the kernel that the notebooks ask for start, and can it import the course? It is really started."""
    remedy = f"{sys.executable} -m ipykernel install --sys-prefix"
    try:
        from jupyter_client.manager import KernelManager
    except ImportError:
        return Check("kernel", "trouble", "jupyter_client is not installed, so none can start", how_to_install())

    printed: list[str] = []

    def listen(message: dict[str, Any]) -> None:
        if message["content"].get("name") == "stdout":
            printed.append(message["content"]["text"])

    manager = KernelManager(kernel_name="python3")
    client = None
    try:
        manager.start_kernel(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=KERNEL_SECONDS)
        reply = client.execute_interactive(
            "import sys; import gmmteach, gmmteach.visual; print(sys.prefix)",
            output_hook=listen, timeout=KERNEL_SECONDS, store_history=False,
        )["content"]  # fmt: skip
    except Exception as error:
        words = str(error).strip() or f"no answer in {KERNEL_SECONDS:.0f} seconds"
        return Check("kernel", "trouble", f'"python3" does not start: {words}', remedy)
    finally:
        if client is not None:
            client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
    if reply["status"] != "ok":
        return Check("kernel", "trouble", f"it cannot import gmmteach: {reply['ename']}: {reply['evalue']}", remedy)
    prefix = "".join(printed).strip()
    if prefix != sys.prefix:
        return Check("kernel", "note", f"it runs another Python than this one, which has gmmteach too: {prefix}")
    return Check("kernel", "ok", '"python3" starts and imports gmmteach')


def check_front_ends() -> Iterator[Check]:
    """Are the two JupyterLab extensions that show widgets installed and switched on?"""
    try:
        from jupyter_core.paths import jupyter_path

        disabled = disabled_extensions()
    except ImportError:
        yield Check("widgets", "trouble", "JupyterLab is not installed, so nothing shows them", how_to_install())
        return
    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    for extension, package in FRONT_ENDS.items():
        name = f"widgets ({extension})"
        manifest = next(
            (f / extension / "package.json" for f in folders if (f / extension / "package.json").is_file()),
            None,
        )
        if manifest is None:
            yield Check(name, "trouble", "not installed in JupyterLab", f"pip install --force-reinstall {package}")
        elif any(entry == extension or entry.startswith(f"{extension}:") for entry in disabled):
            yield Check(name, "trouble", "switched off in JupyterLab", f"jupyter labextension enable {extension}")
        else:
            yield Check(name, "ok", json.loads(manifest.read_text(encoding="utf-8"))["version"])


def disabled_extensions() -> list[str]:
    """The JupyterLab extensions, and single plugins of them, that some setting has switched off."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab.commands import get_app_dir  # type: ignore[import-untyped]
    from jupyterlab_server.config import get_page_config

    config = get_page_config(jupyter_path("labextensions"), os.path.join(get_app_dir(), "settings"))
    return list(config["disabledExtensions"])


def check_font() -> Check:
    """Does matplotlib find the font of the figures?"""
    manager = importlib.import_module("matplotlib.font_manager")
    try:
        manager.findfont("DejaVu Sans", fallback_to_default=False)
    except ValueError:
        folder = importlib.import_module("matplotlib").get_cachedir()
        advice = f"Delete {folder}, where matplotlib remembers its fonts; then pip install --force-reinstall matplotlib"
        return Check("font", "trouble", "matplotlib does not find DejaVu Sans", advice)
    return Check("font", "ok", "DejaVu Sans")


def check_writers() -> Iterator[Check]:
    """Which kinds of animation can be written? Only GIF is a must."""
    features = importlib.import_module("PIL.features")
    kinds = ["GIF", "PNG"] + ["WebP"] * bool(features.check("webp"))
    yield Check("animations", "ok", f"{', '.join(kinds)} can be written")

    from gmmteach.visual.encode import find_ffmpeg

    if find_ffmpeg() is None:
        yield Check("films", "note", "no ffmpeg here, so no MP4; nothing in the course needs it")
    else:
        yield Check("films", "ok", "MP4 can be written")


def check_notebooks() -> Check:
    """Are the course's notebooks here?"""
    folder = course_folder()
    if folder is None:
        return Check("notebooks", "trouble", "there are none in this installation", REINSTALL)
    return Check("notebooks", "ok", f"{len(list(folder.glob('*.ipynb')))} in {folder}")


def check_folder() -> Check:
    """Can work be saved in the folder that this is run in?"""
    folder = Path.cwd()
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "cd to a folder of your own before gmmteach lab, or name one: gmmteach lab DIR"
        return Check("folder", "trouble", f"cannot write to {folder}: {reason}", advice)
    return Check("folder", "ok", f"{folder} can be written to")
