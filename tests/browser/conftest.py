"""A real browser for the tests in this folder, and a real JupyterLab.

Every test here is skipped where no Chromium is found; with GMMTEACH_REQUIRE_BROWSER=1, as CI sets it, it
fails instead, so that a missing browser cannot pass for a working player.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from anywidget import AnyWidget

from .driver import Driver

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _missing(reason: str) -> None:
    if os.environ.get("GMMTEACH_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and GMMTEACH_REQUIRE_BROWSER=1 asks for one.")
    pytest.skip(f"{reason}.")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright; nothing is downloaded."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        _missing("no Chromium was found on PATH (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("the Python package playwright is not installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open pages that fail the test when they log an error."""
    contexts, errors = [], []

    def open_one(url: str, width: int = 1100, height: int = 900, **options: Any) -> Any:
        options.setdefault("reduced_motion", "reduce")
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not errors, errors


# --- widgets on a plain page, without a kernel ---------------------------------------------------------------

PAGE = """<!doctype html><meta charset="utf-8"><title>widgets</title>
<style>body { margin: 12px } %(css)s</style><body><script type="module">
const read = (v) => v?.base64 !== undefined
  ? new DataView(Uint8Array.from(atob(v.base64), (c) => c.charCodeAt(0)).buffer)
  : Array.isArray(v) ? v.map(read)
  : v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, read(x)])) : v;
class Model { // what anywidget hands to a front end, with nobody at the other end
  constructor(state) { this.state = state; this.heard = {}; this.saves = 0; }
  get(name) { return this.state[name]; }
  set(name, value) {
    if (this.state[name] === value) return;
    this.state[name] = value;
    for (const action of [...(this.heard["change:" + name] || [])]) action();
  }
  save_changes() { this.saves++; }
  on(name, action) { (this.heard[name] ||= []).push(action); }
  off(name, action) { this.heard[name] = (this.heard[name] || []).filter((other) => other !== action); }
}
const code = new Blob([%(esm)s], { type: "text/javascript" });
const { default: widget } = await import(URL.createObjectURL(code));
window.show = (model, el = document.body.appendChild(document.createElement("div"))) => widget.render({ model, el });
window.models = %(states)s.map((state) => new Model(read(state)));
window.removers = window.models.map((model) => window.show(model));
window.ready = true;
</script>"""


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.fixture
def show(open_page: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Show widgets of one kind on a plain page: the same module and state that JupyterLab gets."""

    def on_a_page(*widgets: AnyWidget, **options: Any) -> Any:
        states = [{name: _plain(getattr(one, name)) for name in _own_traits(one)} for one in widgets]
        parts = {"css": widgets[0]._css, "esm": json.dumps(widgets[0]._esm), "states": json.dumps(states)}
        file = tmp_path / "widgets.html"
        file.write_text(PAGE % {key: text.replace("</", "<\\/") for key, text in parts.items()}, encoding="utf-8")
        page = open_page(file.as_uri(), **options)
        drawn = "[...document.querySelectorAll('canvas')].every((canvas) => canvas.dataset.axes)"
        page.wait_for_function(f"window.ready === true && {drawn}")
        return page

    return on_a_page


def _own_traits(widget: AnyWidget) -> set[str]:
    """What a widget keeps in step with its front end, besides what every widget does."""
    return set(widget.trait_names(sync=True)) - set(AnyWidget.class_trait_names()) - {"_anywidget_id", "_css", "_esm"}


# --- taking hold of a player ---------------------------------------------------------------------------------


@pytest.fixture
def drive() -> Callable[..., Driver]:
    """Take hold of a player on a page: the first one, or another."""
    return lambda page, which=0: Driver(page, page.get_by_test_id("trace-player").nth(which))


# --- JupyterLab --------------------------------------------------------------------------------------------


@pytest.fixture
def lab(browser: Any, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A JupyterLab of our own: its address, and the empty folder that it serves."""
    folder, private = tmp_path / "work", tmp_path / "jupyter"
    folder.mkdir()
    quiet = private / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false"}', encoding="utf-8")  # no pop-up asking about news
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(private / "config"),
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "IPYTHONDIR": str(private / "ipython"),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0", "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={folder}", *(["--allow-root"] if os.name == "posix" and os.geteuid() == 0 else []),
    ]  # fmt: skip
    log = (tmp_path / "lab.log").open("wb")
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                if server.poll() is not None or time.monotonic() > deadline:
                    log.close()
                    pytest.fail(f"JupyterLab did not start:\n{(tmp_path / 'lab.log').read_text()[-3000:]}")
                time.sleep(0.3)
        yield address, folder
    finally:
        server.send_signal(signal.SIGINT)  # twice: the first one asks whether we are sure
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()
