"""Create and open the journal's SQLite database.

The file is in WAL mode with `synchronous=FULL` (SQLite, "Write-Ahead Logging": each commit is synced) and readable by its owner only.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconciler.engine.durable_files import sync_folder
from reconciler.model.errors import JournalError

JOURNAL_VERSION = 1
"""The version of the tables; a journal with a larger one was written by a later version of reconciler."""

_PRIMARY_CODE = 0xFF
"""The part of an SQLite error code that names the kind of error; the rest is more detailed."""

LOCK_TIMEOUT_SECONDS = 30.0
"""Seconds to wait for another process that is writing to the journal."""

_WAL_BYTES_TO_KEEP = 4 << 20
"""The size to which SQLite truncates a larger WAL file when it resets the file (SQLite, "PRAGMA journal_size_limit")."""

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  workspace TEXT NOT NULL,
  target TEXT NOT NULL,
  user TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  job TEXT NOT NULL,
  born REAL NOT NULL,
  command TEXT NOT NULL,
  file_digest TEXT NOT NULL,
  plan_digest TEXT NOT NULL,
  begun REAL NOT NULL,
  ended REAL,
  status TEXT,
  environment TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS steps (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  address TEXT NOT NULL,
  place INTEGER NOT NULL,
  action TEXT NOT NULL,
  state TEXT NOT NULL,
  seconds REAL,
  error TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run, address)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  number INTEGER NOT NULL,
  address TEXT NOT NULL,
  service TEXT NOT NULL,
  operation TEXT NOT NULL,
  names TEXT NOT NULL,
  begun REAL NOT NULL,
  ended REAL,
  state TEXT,
  request_id TEXT NOT NULL DEFAULT '',
  code TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (run, number)
) WITHOUT ROWID;
"""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the journal for writing, and create it if it does not exist. Raises what `connect` raises."""
    if not os.path.lexists(path):
        _create(path)
    _check_is_file(path)
    path.chmod(0o600)  # SQLite's companion files inherit this mode
    connection = connect(path, "rw")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_TO_KEEP}")
    _add_missing_columns(connection)
    return connection


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """Connect to an existing journal; `mode` is "ro" or "rw".

    Raises JournalError if the file is not a regular file or not a journal, or was written by a later version of reconciler; and
    OSError and sqlite3.Error.
    """
    _check_is_file(path)
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_SECONDS * 1000:.0f}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    except BaseException:
        connection.close()
        raise
    if version == JOURNAL_VERSION:
        return connection
    connection.close()
    problem = (
        "was written by a later version of reconciler" if version > JOURNAL_VERSION else "is not a journal"
    )
    raise JournalError(str(path), problem)


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    """Add the columns that an older journal does not have.

    They have a default, so that a version of reconciler that does not know them can still write to the journal.
    """
    columns = {row["name"] for row in connection.execute("PRAGMA table_info(runs)")}
    if "environment" in columns:
        return
    try:
        connection.execute("ALTER TABLE runs ADD COLUMN environment TEXT NOT NULL DEFAULT ''")
    except sqlite3.OperationalError as error:
        if "duplicate column" not in str(error):  # another process added it in the meantime
            raise


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run a write transaction: committed at the end, rolled back on an exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_damaged(error: BaseException | None) -> bool:
    """Return whether an error of SQLite means that the content of the journal is damaged."""
    code = getattr(error, "sqlite_errorcode", None)  # not set if Python itself raises the error
    return code is not None and code & _PRIMARY_CODE == sqlite3.SQLITE_CORRUPT


def check_integrity(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError, for which `is_damaged` is true, if the content is damaged."""
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        error = sqlite3.DatabaseError(problem)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def measure_used_bytes(connection: sqlite3.Connection) -> int:
    """Return the size of the database in bytes, without its free pages."""
    pages, free_pages, page_size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free_pages) * page_size)


def describe_error(error: Exception) -> str:
    """Return the operating system's reason for an error, or the error's own text."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _create(path: Path) -> None:
    """Create the database under a temporary name first, so that other processes see only a complete one."""
    handle, temporary_path = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        with contextlib.closing(sqlite3.connect(temporary_path, isolation_level=None)) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {JOURNAL_VERSION}; COMMIT;")
        # If another process has just created the journal, that one is used.
        with contextlib.suppress(FileExistsError):
            os.link(temporary_path, path)
    finally:
        Path(temporary_path).unlink()
    sync_folder(path.parent)


def _check_is_file(path: Path) -> None:
    """Reject links and files that could block, such as pipes. Raises JournalError."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise JournalError(str(path), "is not a regular file")
