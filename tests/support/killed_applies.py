"""Applies that are killed at one write after another, and the applies that complete them.

Every write has two kill points: one before the registry handles the write, and one after. Kill point 0 is before the first write,
1 is after the first write, 2 is before the second write, and so on.

Run it as `python -m tests.support.killed_applies FOLDER SHARE SHARES`: FOLDER has the files of a fleet, and their secrets are in
the environment. It prints lines of JSON: the state that an uninterrupted apply leaves, and then one line for each kill. With SHARES
of 4, each program uses every fourth kill point, beginning with SHARE.

The uninterrupted apply runs in the program's own process, which then has imported everything and parsed the service models. All
other applies run in forks of this process, because starting hundreds of new interpreters would take too long.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from reconciler import Workspace
from reconciler.model.run import RunRecord
from reconciler.registry import HttpRequest, HttpResponse, Registry
from tests.support.registry_client import SETTINGS, Cloud


@frozen
class CompletedApply:
    """The content of the registry after an apply, and the status of its run in the journal."""

    content: dict[str, Any]
    run_status: str


@frozen
class KilledApply:
    """An apply that was killed at one kill point, and the apply that followed it."""

    kill_point: int
    registered_things: list[str]
    """The addresses of the things in the registry after the kill."""
    run_status: str | None
    """None if the journal has no run."""
    sent_things: list[str]
    """The addresses of the things whose creation was recorded before it was sent."""
    answered_things: list[str]
    """The addresses of the things whose creation was recorded as completed."""
    applied_content: dict[str, Any] | None
    """The content of the registry after the kill, if all steps had been applied according to the journal."""
    next_exit_code: int
    """The exit code of the apply that followed."""
    completed: CompletedApply
    """The state after that apply."""


def parse_output(text: str) -> tuple[CompletedApply, list[KilledApply]]:
    """Return the state after an uninterrupted apply, and every killed apply."""
    uninterrupted, *killed_applies = map(json.loads, text.splitlines())
    return CompletedApply(**uninterrupted), [
        KilledApply(**{**item, "completed": CompletedApply(**item["completed"])}) for item in killed_applies
    ]


def apply(folder: Path) -> bool:
    """Plan and apply; return whether every step was applied."""
    workspace = Workspace(folder / "desired_state.toml")
    return workspace.apply(workspace.plan()).ok


def kill_at(kill_point: int) -> None:
    """Make this process kill itself at a kill point."""
    write_number = kill_point // 2 + 1
    is_after = kill_point % 2 == 1
    handle = Registry.handle
    lock = threading.Lock()
    writes = 0

    def handle_or_kill(registry: Registry, request: HttpRequest) -> HttpResponse:
        nonlocal writes
        if request.method == "GET":
            return handle(registry, request)
        with lock:
            writes += 1
            is_chosen_write = writes == write_number
        if is_chosen_write and not is_after:
            os.kill(os.getpid(), signal.SIGKILL)
        response = handle(registry, request)
        if is_chosen_write:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    Registry.handle = handle_or_kill  # type: ignore[method-assign]


def run_in_fork(work: Callable[[], bool]) -> int:
    """Do the work in a forked process; return its exit code, or its signal as a negative number.

    The exit code is 0 if the work returns True, 1 if it returns False, and 2 if it raises an exception.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os._exit(0 if work() else 1)
    finally:
        os._exit(2)


@cache
def _create_cloud() -> Cloud:
    """Return the only cloud of this process; its clients are created once, because that is slow."""
    return Cloud()


def open_cloud(folder: Path) -> Cloud:
    """Return the cloud, with the registry of a folder."""
    cloud = _create_cloud()
    cloud.registry.close()
    cloud.registry = Registry(folder / ".reconciler" / "registry.sqlite3", SETTINGS)
    return cloud


def read_record(folder: Path) -> RunRecord | None:
    return Workspace(folder / "desired_state.toml").last_run()


def read_completed_apply(folder: Path) -> CompletedApply:
    record = read_record(folder)
    assert record
    return CompletedApply(open_cloud(folder).read_content(), record.run.status)


def kill_and_complete(source: Path, kill_point: int) -> KilledApply | None:
    """Kill an apply of a copy of the folder at a kill point, and apply again.

    Return None if the apply ends before the kill point.
    """
    folder = source.with_name(f"killed-{kill_point}")
    shutil.copytree(source, folder)

    def apply_until_killed() -> bool:
        kill_at(kill_point)
        return apply(folder)

    try:
        if run_in_fork(apply_until_killed) != -signal.SIGKILL:
            return None
        record = read_record(folder)
        creations = [call for call in record.calls if call.operation == "CreateThing"] if record else []
        cloud = open_cloud(folder)
        things = cloud.list_all(cloud.iot, "list_things", "things")
        return KilledApply(
            kill_point,
            registered_things=sorted(f"things.{thing['thingName']}" for thing in things),
            run_status=record.run.status if record else None,
            sent_things=sorted({call.address for call in creations}),
            answered_things=sorted(call.address for call in creations if call.status == "completed"),
            applied_content=cloud.read_content() if record and record.run.status == "applied" else None,
            next_exit_code=run_in_fork(lambda: apply(folder)),
            completed=read_completed_apply(folder),
        )
    finally:
        shutil.rmtree(folder)


def print_json(value: CompletedApply | KilledApply) -> None:
    sys.stdout.write(json.dumps(asdict(value)) + "\n")
    sys.stdout.flush()


def main(folder: Path, share: int, shares: int) -> None:
    clean = folder.with_name(f"clean-{share}")
    shutil.copytree(folder, clean)
    apply(clean)
    print_json(read_completed_apply(clean))
    kill_point = share
    while killed_apply := kill_and_complete(folder, kill_point):
        print_json(killed_apply)
        kill_point += shares


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
