"""Append tables to the desired-state file; the rest of the file is not touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE_IN_FOLDER = "adopted.toml"
"""The file that gets the tables if the desired state is a folder."""


def choose_file_to_append(path: Path) -> Path:
    """Return the file that gets new tables, for the path of a desired state."""
    return path / _FILE_IN_FOLDER if path.is_dir() else path


@contextmanager
def append_text(path: Path, text: str) -> Iterator[None]:
    """Append text to a file, and restore the file if the `with` block raises."""
    before = path.read_bytes() if path.exists() else None
    after = (before or b"").rstrip(b"\n") + (b"\n\n" if before else b"") + text.encode()
    path.write_bytes(after)
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)
        raise
