"""Applies that are killed at one request after another, each in a process of its own, and the runs after them.

Run as a program: `killed_applies.py FOLDER SHARE SHARES`, FOLDER having the files of a fleet, whose secrets are in the environment. Processes are forked off one that has
everything imported and every client made, as nothing else would be quick enough for hundreds of them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from functools import cache
from pathlib import Path
from typing import Any

from reconciler import Workspace
from reconciler.registry import Registry
from tests.support.registry_client import SETTINGS, Cloud


def apply(folder: Path) -> bool:
    workspace = Workspace(folder / "desired_state.toml")
    return workspace.apply(workspace.plan()).ok


class Trap:
    """Kills this process at the n-th request that writes: before it is done where n is odd, else after."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.seen = 0
        self.lock = threading.Lock()

    def spring(self) -> None:
        handle = Registry.handle

        def trapped(registry: Registry, request: Any) -> Any:
            if request.method == "GET":
                return handle(registry, request)
            with self.lock:
                self.seen += 1
                mine = self.seen == self.number
            if mine and self.number % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = handle(registry, request)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        Registry.handle = trapped  # type: ignore[method-assign]


def forked(work: Any) -> int:
    """How a process ended that did this work: its exit code, or less than zero for a signal."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os._exit(0 if work() else 1)
    finally:
        os._exit(2)


@cache
def _cloud() -> Cloud:
    """Clients are slow to make."""
    return Cloud()


def told(folder: Path) -> dict[str, Any]:
    """What the registry holds and what the journal says of the latest run."""
    record = Workspace(folder / "desired_state.toml").last_run()
    cloud = _cloud()
    cloud.registry.close()
    cloud.registry = Registry(folder / ".reconciler" / "registry.sqlite3", SETTINGS)
    calls = [(call.operation, call.address, call.status) for call in record.calls] if record else []
    return {
        "content": cloud.content(),
        "status": record.run.status if record else None,
        "answered": sorted(
            address for name, address, state in calls if (name, state) == ("CreateThing", "answered")
        ),
        "begun": sorted({address for name, address, _ in calls if name == "CreateThing"}),
    }


def kill(source: Path, number: int) -> dict[str, Any] | None:
    """One apply killed at its n-th write, and the run after it; None where there are fewer writes."""
    folder = source.with_name(f"killed-{number}")
    shutil.copytree(source, folder)

    def first() -> bool:
        Trap(number).spring()
        return apply(folder)

    try:
        if forked(first) != -signal.SIGKILL:
            return None
        after = told(folder)
        ended = forked(lambda: apply(folder))
        return {"killed": after, "ended": ended, "completed": told(folder)}
    finally:
        shutil.rmtree(folder)


def tell(found: Any) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main(folder: Path, share: int, shares: int) -> None:
    clean = folder.with_name(f"clean-{share}")
    shutil.copytree(folder, clean)
    apply(clean)
    tell(told(clean))
    number = share + 1
    while found := kill(folder, number):
        tell({"number": number, **found})
        number += shares


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
