"""A folder of its own, the installed command run in it, and its registry seen through plain boto3 clients."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from tests.support.registry_client import Cloud
from tests.support.small_fleet import Fleet, environ, masked

COMMAND = Path(sys.executable).with_name("reconciler")
PATIENCE = 60
"""Seconds after which a run that hangs is a failed test."""


@frozen
class Ended:
    code: int
    out: str
    err: str


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.registry = path / ".reconciler" / "registry.sqlite3"
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RECONCILER_"))
        }
        self.environ = {**kept, **environ(), "NO_COLOR": "1", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}

    def write(self, fleet: Fleet) -> Folder:
        fleet.write(self.path)
        return self

    def run(self, *words: str) -> Ended:
        """Run the command to its end."""
        run = self.start(*words)
        out, err = run.communicate(timeout=PATIENCE)
        return Ended(run.returncode, out, err)

    def start(self, *words: str, out: Any = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, *words],
            cwd=self.path,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )

    def apply(self) -> Ended:
        """Apply, which must succeed."""
        ended = self.run("apply", "--yes")
        assert ended.code == 0, ended
        return ended

    def content(self) -> dict[str, Any]:
        """Everything that is registered."""
        return masked(Cloud(self.registry).content())

    def untouched(self) -> bool:
        """Whether nobody has asked the registry anything."""
        return not self.registry.exists()


def until(run: subprocess.Popen[str], lines: int) -> list[str]:
    """The run's lines of progress as they come, up to so many."""
    found: list[str] = []
    assert run.stderr
    while len(found) < lines:
        line = run.stderr.readline()
        assert line, "the run ended before it was interrupted"
        if line.startswith("✔"):
            found.append(line)
    return found


def finish(run: subprocess.Popen[str]) -> list[str]:
    """Return the remaining lines of progress after the run ended.

    `communicate` would lose the lines that `until` has read ahead: it reads past the buffer.
    """
    assert run.stderr
    timer = threading.Timer(PATIENCE, run.kill)
    timer.start()
    rest = run.stderr.read().splitlines()
    run.wait()
    timer.cancel()
    return rest


def applied(lines: list[str]) -> set[str]:
    """The addresses that the lines say were brought to what is wanted."""
    return {line.split()[2] for line in lines if line.startswith("✔")}


def registered(content: Mapping[str, Any], names: Mapping[str, str]) -> set[str]:
    """The addresses of what is there; `names` are those of certificates by id."""
    return {
        f"{kind}.{names.get(identity, identity)}"
        for kind, found in content.items()
        if isinstance(found, dict)
        for identity in found
    } | {f"managed_things.{managed['Name']}" for managed in content["managed_things"]}
