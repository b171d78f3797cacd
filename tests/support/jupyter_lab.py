"""A JupyterLab of one's own, and a browser in front of it."""

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

PATIENCE = 30.0
"""Seconds after which something that does not come is a failed test."""
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "notebook-extension/tracker": {"windowingMode": "none"},  # every cell is drawn, in sight or not
}


def chromium() -> str | None:
    """The browser that this machine has."""
    return next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        yield opened
        opened.close()


class Lab:
    """The server. Notebooks are files in `folder`; its kernels run this Python, with nothing of the user's."""

    def __init__(self, folder: Path, private: Path) -> None:
        self.folder, self._token = folder, secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        kernel = private / "data" / "kernels" / "python3"
        kernel.mkdir(parents=True)
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (kernel / "kernel.json").write_text(
            json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
        )
        for name, settings in _SETTINGS.items():
            path = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(settings))
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RECONCILER_", "JUPYTER"))
        }
        self._environ = kept | {
            "JUPYTER_CONFIG_DIR": str(private / "config"),
            "JUPYTER_DATA_DIR": str(private / "data"),
            "JUPYTER_RUNTIME_DIR": str(private / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
            "IPYTHONDIR": str(private / "ipython"),
        }
        self._log = private / "lab.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Lab:
        words = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0"),
            *(f"--IdentityProvider.token={self._token}", f"--ServerApp.root_dir={self.folder}"),
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                words, env=self._environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until(self._answers, f"JupyterLab does not answer; see {self._log}")
        return self

    def stop(self) -> None:
        assert self._process
        for kernel in self.ask("kernels"):
            self.ask(f"kernels/{kernel['id']}", "DELETE")
        self._process.terminate()
        self._process.wait(10)

    def ask(self, path: str, method: str = "GET") -> Any:
        """The server's API."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/{path}", method=method)
        request.add_header("Authorization", f"token {self._token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._log.read_text()
        try:
            return bool(self.ask("status"))
        except (urllib.error.URLError, OSError):
            return False

    def notebook(self, name: str, cells: Sequence[str]) -> Path:
        """A notebook of these cells, not yet run."""
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / name
        nbformat.write(made, path)
        return path

    def open(self, page: Page, name: str) -> None:
        """In the page, with a kernel that is ready to work."""
        page.goto(f"http://127.0.0.1:{self.port}/lab/tree/{name}?token={self._token}&reset")
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.isReady")
        until(lambda: self._idle(name), f"{name} gets no kernel")

    def _idle(self, name: str) -> bool:
        kernels = [session["kernel"] for session in self.ask("sessions") if session["path"] == name]
        return any(kernel["execution_state"] == "idle" and kernel["connections"] > 0 for kernel in kernels)

    def interrupt(self, name: str) -> None:
        """The kernel of a notebook, as its Stop button does."""
        (kernel,) = (session["kernel"]["id"] for session in self.ask("sessions") if session["path"] == name)
        self.ask(f"kernels/{kernel}/interrupt", "POST")


def command(page: Page, name: str, **arguments: Any) -> None:
    """One of JupyterLab's own."""
    page.evaluate("([name, given]) => window.jupyterapp.commands.execute(name, given)", [name, arguments])


def until(holds: Any, complaint: str, patience: float = PATIENCE) -> None:
    """Ask again and again; a server in another process tells nobody when it is ready."""
    end = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < end, complaint
        time.sleep(0.05)


def execute(page: Page, code: str) -> None:
    """In the kernel of the notebook that is open, beside its cells."""
    told = page.evaluate(
        """async (code) => {
            const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
            return (await kernel.requestExecute({ code }).done).content;
        }""",
        code,
    )
    assert told["status"] == "ok", told
