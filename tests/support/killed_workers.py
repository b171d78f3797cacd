"""Workers of a rollout that kill themselves at chosen writes, and what they have sent."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.registry import HttpRequest, HttpResponse, Registry

_LEASE_PLAN = re.compile(rb'"reconciler:lease-plan":\s*"[0-9a-f]+/([0-9a-f]+)"')


def arm(folder: Path, kill_points: Iterable[int]) -> None:
    """Create the files that make workers die; each makes one worker die once.

    Kill point 0 is before a process's first write, 1 is after it, 2 is before the second one, and so on.
    """
    folder.mkdir()
    for point in kill_points:
        (folder / f"kill-{point}").touch()


def list_unused(folder: Path) -> list[str]:
    """Return the kill points that no worker has reached."""
    return sorted(path.name for path in folder.glob("kill-*"))


def read_approved_digests(folder: Path) -> Mapping[str, set[str]]:
    """Return, by account, the digests of the plans that writes of the lease have named."""
    digests: dict[str, set[str]] = {}
    for path in folder.glob("leases-*"):
        for line in path.read_text().splitlines():
            account, digest = json.loads(line)
            digests.setdefault(account, set()).add(digest)
    return digests


def kill_any(folder: Path, choice: random.Random) -> bool:
    """Kill one of the processes that have a file `worker-ID`; return whether one was alive."""
    paths = sorted(folder.glob("worker-*"))
    choice.shuffle(paths)
    for path in paths:
        path.unlink()
        with suppress(ProcessLookupError):
            os.kill(int(path.name.removeprefix("worker-")), signal.SIGKILL)
            return True
    return False


def install(folder: Path) -> None:
    """Make this process count its writes, record leases, and die at the folder's kill points."""
    handle = Registry.handle
    lock = threading.Lock()
    writes = 0

    def handle_or_die(registry: Registry, request: HttpRequest) -> HttpResponse:
        nonlocal writes
        if request.method == "GET":
            return handle(registry, request)
        with lock:
            number = writes
            writes += 1
        _record_lease(folder, registry, request)
        _die_at(folder, 2 * number)
        response = handle(registry, request)
        _die_at(folder, 2 * number + 1)
        return response

    Registry.handle = handle_or_die  # type: ignore[method-assign]


def die_in_account(account: str) -> None:
    """Make this process die at its first write in an account."""
    handle = Registry.handle

    def handle_or_die(registry: Registry, request: HttpRequest) -> HttpResponse:
        if request.method != "GET" and registry.settings.account == account:
            os.kill(os.getpid(), signal.SIGKILL)
        return handle(registry, request)

    Registry.handle = handle_or_die  # type: ignore[method-assign]


def _record_lease(folder: Path, registry: Registry, request: HttpRequest) -> None:
    match = _LEASE_PLAN.search(request.body or b"")
    if match:
        with (folder / f"leases-{os.getpid()}").open("a") as file:
            file.write(json.dumps([registry.settings.account, match[1].decode()]) + "\n")


def _die_at(folder: Path, point: int) -> None:
    try:
        (folder / f"kill-{point}").unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
