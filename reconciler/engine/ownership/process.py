"""The identity of this process: user, host, process ID, and the CI job if there is one."""

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

from reconciler.model.run import ProcessIdentity

_JOB_URL_VARIABLES = ("CI_JOB_URL", "BUILD_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL")
"""The variables with the job's URL in GitLab, Jenkins, Buildkite and CircleCI. GitHub has it in three parts."""

_MAX_JOB_URL_CHARACTERS = 200

_BOOT_ID_PATH = Path("/proc/sys/kernel/random/boot_id")
"""The file with an ID that Linux generates at each boot (proc(5))."""

_PID_NAMESPACE_PATH = Path("/proc/self/ns/pid")
"""The link that identifies the namespace of process IDs; each container has its own namespace (namespaces(7))."""

_START_TOLERANCE_SECONDS = 2.0
"""Tolerance when comparing two start times of a process: between reading them, the clock may have been set."""


def identify_this_process(environ: Mapping[str, str]) -> ProcessIdentity:
    """Return the identity of this process; `environ` has its environment variables."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user ID without an account
        user = str(os.getuid())
    import psutil  # slow to import, and a plan does not need it

    pid = os.getpid()
    job_url = _find_job_url(environ)[:_MAX_JOB_URL_CHARACTERS]
    return ProcessIdentity(user, socket.gethostname(), pid, job_url, psutil.Process(pid).create_time())


def is_running(identity: ProcessIdentity) -> bool:
    """Return whether the process still runs, as far as this host can see.

    A later process that has reused the process ID does not count: its start time differs.
    """
    if identity.host != socket.gethostname():
        return False
    import psutil

    try:
        process = psutil.Process(identity.pid)
        # A zombie has ended, but its parent has not collected its status.
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        has_same_start = abs(process.create_time() - identity.started_at) < _START_TOLERANCE_SECONDS
    except psutil.Error:  # it has ended, or its ID now belongs to a process we cannot inspect
        return False
    return not is_zombie and has_same_start


@cache
def identify_machine() -> str:
    """Return an ID of this boot and container; processes with the same ID can see each other."""
    parts = [socket.gethostname(), str(uuid.getnode())]
    for path in (_BOOT_ID_PATH, _PID_NAMESPACE_PATH):
        with suppress(OSError):
            parts.append(str(path.readlink()) if path.is_symlink() else path.read_text(encoding="ascii"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _find_job_url(environ: Mapping[str, str]) -> str:
    if environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return next((environ[name] for name in _JOB_URL_VARIABLES if environ.get(name)), "")
