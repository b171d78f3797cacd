"""A separate JupyterLab server, and a browser for it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright

TIMEOUT_SECONDS = 30.0
"""How long a test waits for an event before it fails."""
_CHROME_ON_MACOS = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_LAB_SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is drawn, even outside the window
}


def find_chromium() -> str | None:
    """Return the path of the installed Chromium or Chrome, or None if neither is installed."""
    paths = map(shutil.which, ("chromium", "chromium-browser", "google-chrome", _CHROME_ON_MACOS))
    return next((path for path in paths if path), None)


@contextmanager
def launch_browser() -> Iterator[Browser]:
    """Launch the installed Chromium or Chrome, and close it at the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(_CHROMIUM_FLAGS))
        yield browser
        browser.close()


class Lab:
    """A JupyterLab server in a separate process.

    Its kernels run this Python; settings of the user, of AWS and of reconciler have no effect. The notebooks are files in
    `folder`; the settings, the runtime files and the log are in `state_folder`.
    """

    def __init__(self, folder: Path, state_folder: Path) -> None:
        self.folder = folder
        self._token = secrets.token_hex(16)
        with socket.socket() as probe:  # finds a free port
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kernel_folder = state_folder / "data" / "kernels" / "python3"
        kernel_folder.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (kernel_folder / "kernel.json").write_text(
            json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
        )
        for name, settings in _LAB_SETTINGS.items():
            path = state_folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RECONCILER_", "JUPYTER"))
        }
        self._environ = inherited | {
            "JUPYTER_CONFIG_DIR": str(state_folder / "config"),
            "JUPYTER_DATA_DIR": str(state_folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(state_folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(state_folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(state_folder / "workspaces"),
            "IPYTHONDIR": str(state_folder / "ipython"),
        }
        self._log_path = state_folder / "lab.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Lab:
        """Start the server and wait until it responds."""
        command_line = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={self._token}", f"--ServerApp.root_dir={self.folder}"),
        ]
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                command_line, env=self._environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_until(self._is_responding, f"JupyterLab does not respond; see {self._log_path}")
        return self

    def stop(self) -> None:
        """Shut down the kernels and the server."""
        assert self._process
        for kernel in self.request("kernels"):
            self.request(f"kernels/{kernel['id']}", "DELETE")
        self._process.terminate()
        self._process.wait(10)

    def request(self, path: str, method: str = "GET") -> Any:
        """Call the server's API; return the JSON document of the response, or None if the response is empty."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self._token}")
        with urllib.request.urlopen(request, timeout=10) as response:
            body = response.read()
        return json.loads(body) if body else None

    def _is_responding(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._log_path.read_text()
        try:
            return bool(self.request("status"))
        except (urllib.error.URLError, OSError):
            return False

    def write_notebook(self, name: str, cells: Sequence[str]) -> Path:
        """Write a notebook with these code cells, and return its path."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        path = self.folder / name
        nbformat.write(notebook, path)
        return path

    def open_notebook(self, page: Page, name: str) -> None:
        """Open a notebook in the page, and wait until its kernel is idle."""
        # `reset` discards the tabs of an earlier page.
        page.goto(f"http://127.0.0.1:{self.port}/lab/tree/{name}?token={self._token}&reset")
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.isReady")
        wait_until(lambda: self._has_idle_kernel(name), f"{name}: no kernel became idle")

    def _has_idle_kernel(self, name: str) -> bool:
        kernels = [session["kernel"] for session in self.request("sessions") if session["path"] == name]
        return any(kernel["execution_state"] == "idle" and kernel["connections"] > 0 for kernel in kernels)

    def interrupt(self, name: str) -> None:
        """Interrupt the kernel of a notebook, as its Stop button does."""
        (kernel_id,) = (
            session["kernel"]["id"] for session in self.request("sessions") if session["path"] == name
        )
        self.request(f"kernels/{kernel_id}/interrupt", "POST")


def run_lab_command(page: Page, name: str, **arguments: Any) -> None:
    """Run one of JupyterLab's own commands."""
    page.evaluate("([name, values]) => window.jupyterapp.commands.execute(name, values)", [name, arguments])


def wait_until(condition: Any, message: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Poll until the condition holds; on timeout, fail with the message.

    Other processes send no event that could be awaited.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.05)


def execute(page: Page, code: str) -> None:
    """Run code in the kernel of the open notebook, without a cell."""
    reply = page.evaluate(
        """async (code) => {
            const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
            return (await kernel.requestExecute({ code }).done).content;
        }""",
        code,
    )
    assert reply["status"] == "ok", reply
