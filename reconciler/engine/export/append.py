"""Append tables to the desired-state file.

The text that is already in the file stays as it is, except for empty lines at its end.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.model.address import Address

_FILE_IN_FOLDER = "adopted.toml"
"""The name of the file to which tables are appended if the desired state is a folder."""


def choose_file_for_new_tables(path: Path) -> Path:
    """Return the file to which new tables are appended; `path` is a desired state's file or folder."""
    return path / _FILE_IN_FOLDER if path.is_dir() else path


@contextmanager
def append_text(path: Path, text: str) -> Iterator[None]:
    """Append text to a file, or create it; undo that if the `with` block raises."""
    previous_content = path.read_bytes() if path.exists() else None
    separator = b"\n\n" if previous_content else b""
    path.write_bytes((previous_content or b"").rstrip(b"\n") + separator + text.encode())
    try:
        yield
    except BaseException:
        if previous_content is None:
            path.unlink()
        else:
            path.write_bytes(previous_content)
        raise


def read_headers(path: Path) -> frozenset[Address]:
    """Return the headers of the resources' tables in a valid file.

    The header of a table with `for_each` has columns.
    """
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return frozenset(
        Address.from_header(table, name)
        for table, tables in document.items()
        if isinstance(tables, dict)
        for name in tables
    )
