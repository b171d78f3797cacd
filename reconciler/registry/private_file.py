"""The mode of the registry's files, which have its CA's key and all stored secrets."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

_COMPANIONS = ("", "-wal", "-shm")
"""The ends of the names of SQLite's files; it creates the other files with the mode of the database."""


def make_private(path: str) -> None:
    """Create a database's file if there is none, and let only its owner use it and SQLite's other files.

    A file of another owner keeps its mode. SQLite reports a file that cannot be used. An existing file is not opened, because closing it would
    release the locks that other connections of this process have on it (fcntl(2)).
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for suffix in _COMPANIONS:
        with contextlib.suppress(OSError):
            _tighten(Path(f"{path}{suffix}"))


def _tighten(path: Path) -> None:
    status = path.stat()
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.geteuid():
        path.chmod(0o600)
