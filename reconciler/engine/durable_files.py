"""Files that survive a crash of the machine."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def name_file_in_errors(path: Path) -> Iterator[None]:
    """Add the path to an OSError without one.

    The operating system names no file if its disk is full while the file is written.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to disk, so that files linked into it survive a crash. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
