"""One bash in which the commands of a page run, in order, as in a reader's terminal."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.docs.checkout import ROOT, PageError
from tests.support.forked_command import get_forked_command

TIMEOUT_SECONDS = 60
COLUMNS = 100
"""The width of the reader's terminal. A command whose output goes to a pipe or a file has no terminal."""
SHOWN_USER = "ana"
SHOWN_HOST = "vm"
SHOWN_FOLDER = "/home/ana/fleet"

# The command as a process of its own, which shows the reader's host.
_COMMAND = """\
#!{python}
import os, socket
socket.gethostname = lambda: os.environ["HOSTNAME"]
from reconciler.cli.main import main
main()
"""

# Reads a command, terminated by a null character, and runs it in this very shell. Its output goes to a file, because a pipe would stay
# open as long as a background job has it.
_LOOP = """
exec 8>&1 9<&0 </dev/null >/dev/null
while IFS= read -r -d "" -u 9 command; do
  eval "$command" >>"$OUTPUT" 2>&1 8>&- 9<&-
  echo "$?" >&8
done
"""


class BashSession:
    """A bash process, its folder and its environment, without settings of the user or of AWS."""

    def __init__(self, folder: Path, state_folder: Path) -> None:
        state_folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._output = state_folder / "output"
        self._command = state_folder / "bin" / "reconciler"
        self._command.parent.mkdir()
        self._command.write_text(_COMMAND.format(python=sys.executable), encoding="utf-8")
        self._command.chmod(0o755)
        self._environ_file = state_folder / "environ"
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-c", _LOOP],
            cwd=folder,
            env=_build_environment(state_folder) | {"OUTPUT": str(self._output)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, command: str) -> tuple[int, str]:
        """Run the command; return its exit code, and its output with the reader's folder, user and host.

        A command in the background runs as a process of its own, because a later command may kill it: a forked command outlives its
        caller for some milliseconds, in which a killed server still has its port.

        Raises:
            PageError: If the command does not end in time, or ends the shell.
        """
        self._output.write_bytes(b"")
        has_terminal = not re.search(r"[|>]|=\$\(", command)
        width = f"export COLUMNS={COLUMNS}" if has_terminal else "unset COLUMNS"
        if command.endswith(" &"):
            command = f'reconciler() {{ exec {shlex.quote(str(self._command))} "$@"; }}\n{command}\nunset -f reconciler'
        exit_code = self._send(f"{width}\n{command}")
        return exit_code, self._localize(self._output.read_text(encoding="utf-8", errors="replace"))

    @contextlib.contextmanager
    def enter(self) -> Iterator[None]:
        """Give this process the session's folder and environment within the block."""
        self._send(f"(pwd; env -0) >'{self._environ_file}'")
        folder, _, variables = self._environ_file.read_text(encoding="utf-8").partition("\n")
        environ = dict(line.split("=", 1) for line in variables.split("\0") if line)
        saved_environ = dict(os.environ)
        try:
            os.environ.clear()
            os.environ.update(environ)
            with contextlib.chdir(folder):
                yield
        finally:
            os.environ.clear()
            os.environ.update(saved_environ)

    def find_folder(self) -> Path:
        """Return the session's current folder."""
        self._send(f"pwd >'{self._environ_file}'")
        return Path(self._environ_file.read_text(encoding="utf-8").rstrip("\n"))

    def close(self) -> None:
        """End the shell and all processes that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _send(self, command: str) -> int:
        assert self._process.stdin
        assert self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(command.encode() + b"\0")
            self._process.stdin.flush()
        readable, _, _ = select.select([self._process.stdout], [], [], TIMEOUT_SECONDS)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            problem = "ends the shell" if readable else f"runs for more than {TIMEOUT_SECONDS} seconds"
            raise PageError(f"$ {command}\n{problem}:\n{self._output.read_text(encoding='utf-8')}")
        return int(line)

    def _localize(self, output: str) -> str:
        output = output.replace(str(self._folder), SHOWN_FOLDER)
        host = socket.gethostname()
        for user in (SHOWN_USER, getpass.getuser()):
            output = output.replace(f"{user}@{host}", f"{SHOWN_USER}@{SHOWN_HOST}")
        return output


def _build_environment(home: Path) -> Mapping[str, str]:
    command = get_forked_command()
    folders = (command.parent, command.parent / "python", Path(sys.executable).parent)
    return {
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
        "HOSTNAME": SHOWN_HOST,
        "LANG": "C.UTF-8",
        "LOGNAME": SHOWN_USER,
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT),
        "TZ": "UTC",
        "USER": SHOWN_USER,
    }
