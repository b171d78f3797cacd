"""A folder with a desired state, in which commands are run.

Its registry is read with boto3 clients, without commands.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.support.forked_command import get_forked_command
from tests.support.registry_client import Cloud
from tests.support.small_fleet import Fleet, get_secret_variables, replace_salted_hashes

COMMAND = Path(sys.executable).with_name("reconciler")
COMMAND_TIMEOUT_SECONDS = 60


@frozen
class CommandResult:
    """The exit code and the output of a command that has ended."""

    exit_code: int
    stdout: str
    stderr: str


class ProjectFolder:
    """A folder in which commands are run, with the environment of these commands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.registry_path = path / ".reconciler" / "registry.sqlite3"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "COLUMNS", "RECONCILER_"))  # COLUMNS would wrap long lines
        }
        self.environ = {**inherited, **get_secret_variables(), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}

    def write(self, fleet: Fleet) -> ProjectFolder:
        """Write a fleet's desired state and certificates, and return this folder."""
        fleet.write_files(self.path)
        return self

    def run(self, *arguments: str) -> CommandResult:
        """Run the command in a forked process and wait until it ends."""
        process = subprocess.run(
            [get_forked_command(), *arguments],
            cwd=self.path,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        return CommandResult(process.returncode, process.stdout, process.stderr)

    def start(self, *arguments: str, stdout: Any = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start the installed command, and do not wait for it."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.path,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def apply(self) -> CommandResult:
        """Apply the desired state, and check that this succeeds."""
        result = self.run("apply", "--yes")
        assert result.exit_code == 0, result
        return result

    def read_content(self) -> dict[str, Any]:
        """Return the registry's content, with salted hashes replaced."""
        return replace_salted_hashes(Cloud(self.registry_path).read_content())

    def has_registry(self) -> bool:
        """Return whether a command has used the registry, which creates it."""
        return self.registry_path.exists()


def read_progress(process: subprocess.Popen[str], line_count: int) -> list[str]:
    """Return the first `line_count` lines about applied steps that a running apply prints.

    Return as soon as they are printed.
    """
    lines: list[str] = []
    assert process.stderr
    while len(lines) < line_count:
        line = process.stderr.readline()
        assert line, f"the command ended after {len(lines)} of {line_count} lines about applied steps"
        if line.startswith("✔"):
            lines.append(line)
    return lines


def read_remaining_lines(process: subprocess.Popen[str]) -> list[str]:
    """Wait until the process ends, and return the lines that `read_progress` has not read.

    `communicate` would lose lines: it does not read those that are buffered already.
    """
    assert process.stderr
    timer = threading.Timer(COMMAND_TIMEOUT_SECONDS, process.kill)
    timer.start()
    lines = process.stderr.read().splitlines()
    process.wait()
    timer.cancel()
    return lines


def parse_applied_addresses(lines: Iterable[str]) -> set[str]:
    """Return the addresses of the steps that are applied according to an apply's progress."""
    return {line.split()[2] for line in lines if line.startswith("✔")}


def list_registered_addresses(content: Mapping[str, Any], certificate_names: Mapping[str, str]) -> set[str]:
    """Return the addresses of everything that is registered; `certificate_names` are by certificate ID."""
    addresses = {f"managed_things.{managed_thing['Name']}" for managed_thing in content["managed_things"]}
    for kind, resources in content.items():
        if isinstance(resources, dict):
            addresses |= {f"{kind}.{certificate_names.get(identity, identity)}" for identity in resources}
    return addresses
