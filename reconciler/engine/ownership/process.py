"""Who is at work: user, host, process, and the CI job where there is one."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from reconciler.model.run import ProcessIdentity

_JOBS = ("CI_JOB_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL")
"""Where CI systems say their job's address: GitLab, Jenkins, Buildkite, CircleCI. GitHub says it in three parts."""

_LONGEST = 200
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NUMBERING = Path("/proc/self/ns/pid")
"""Linux's name for each boot, and for each container's numbering of processes (proc(5), namespaces(7))."""

_SAME = 2.0
"""Seconds by which two tellings of one process's birth may differ when the clock was set in between."""


def this_process(environ: Mapping[str, str]) -> ProcessIdentity:
    """Who runs this; `environ` stands for the process's environment variables."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id without an account
        user = str(os.getuid())
    pid = os.getpid()
    return ProcessIdentity(
        user, socket.gethostname(), pid, _job(environ)[:_LONGEST], psutil.Process(pid).create_time()
    )


def at_work(who: ProcessIdentity) -> bool:
    """Whether the process still runs, as far as can be seen from this host; a number given anew is another process."""
    if who.host != socket.gethostname():
        return False
    try:
        process = psutil.Process(who.pid)
        dead = process.status() == psutil.STATUS_ZOMBIE  # its parent has not yet asked how it ended
        return not dead and abs(process.create_time() - who.started_at) < _SAME
    except psutil.Error:  # it is gone, or its number is now a process that we may not look at
        return False


@cache
def this_machine() -> str:
    """What tells the processes that can be seen from here from all others: the boot, and the container's own numbering."""
    known = [socket.gethostname(), str(uuid.getnode())]
    for path in (_BOOT, _NUMBERING):
        with suppress(OSError):
            known.append(str(path.readlink()) if path.is_symlink() else path.read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]


def _job(environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return next((environ[name] for name in _JOBS if environ.get(name)), "")
