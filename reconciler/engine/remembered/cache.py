"""The cache of readings: a SQLite database with the edges of each thing.

Invariant: the cache can be deleted at any time, and is deleted if it is damaged: what it lacks is read from the registry. It has names,
ARNs and times, and no secrets.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import attrs

from reconciler.engine.journal.database import transaction
from reconciler.frozen_classes import frozen
from reconciler.model.errors import ReconcilerError
from reconciler.model.plan import Target

_VERSION = 1
_BUSY_SECONDS = 10.0
_MAX_CLOCK_DIFFERENCE_SECONDS = 60.0
"""How much the clocks of the servers of one registry may differ."""


_PRIMARY_CODE = 0xFF
"""The part of an SQLite error code that names the kind of error; the rest is more detailed."""

_ENVIRONMENT_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
    }
)
"""The errors that do not follow from the content of the database."""

_TABLES = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE readings (
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  desired_digest TEXT NOT NULL,
  principals BLOB NOT NULL,
  read_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX readings_by_age ON readings (read_at);
CREATE TABLE written (name TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
"""

BEING_WRITTEN = 9e15
"""Instead of the end of a run that is still writing: a time after all times of readings."""

_STORE = """
INSERT INTO readings SELECT ?1, ?2, ?3, ?4, ?5
WHERE NOT EXISTS (SELECT 1 FROM written WHERE name = ?1 AND until >= ?5)
ON CONFLICT (name) DO UPDATE
SET version = excluded.version, desired_digest = excluded.desired_digest, principals = excluded.principals, read_at = excluded.read_at
WHERE excluded.read_at >= readings.read_at
"""


class CacheError(ReconcilerError):
    """The cache cannot be used, for example because its folder cannot be written.

    `is_damaged` is whether its content cannot be read.
    """

    def __init__(self, path: Path, error: OSError | sqlite3.Error) -> None:
        reason = getattr(error, "strerror", None) or error
        super().__init__(f"{path}: the cache of readings cannot be used: {reason}")
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & _PRIMARY_CODE
        self.is_damaged = not isinstance(error, OSError) and code not in _ENVIRONMENT_CODES


@frozen
class CacheScope:
    """The workspace and the registry of a cache: readings of others are never used."""

    workspace: str
    target: Target

    def format(self) -> str:
        """Return the scope as text."""
        return json.dumps([self.workspace, *attrs.astuple(self.target)])

    def find_path(self, folder: Path) -> Path:
        """Return the path of the cache in a folder."""
        return folder / f"{hashlib.sha256(self.format().encode()).hexdigest()[:16]}.sqlite3"


class RememberedThing(NamedTuple):
    """The edges of one thing as a run read them.

    - `version`: the thing's version;
    - `desired_digest`: a digest of the edges that the file gives the thing, or empty;
    - `principals`: the edges, as `edges` encodes them;
    - `read_at`: when they were read, in seconds since 1970 by the registry's clock, or a moment before.
    """

    name: str
    version: int
    desired_digest: str
    principals: bytes
    read_at: float


class ReadingCache:
    """The readings of one workspace in one registry. Thread-safe if its caller's calls are not concurrent."""

    def __init__(self, folder: Path, scope: CacheScope, *, is_in_memory: bool = False) -> None:
        """Open or create the cache in a folder, or an empty one in memory. Raises CacheError."""
        self._scope = scope.format()
        self.path = scope.find_path(folder)
        if is_in_memory:
            self._connection = self._connect(":memory:")
            return
        with _convert_errors(self.path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.path.is_symlink():  # it may lead to a database of others
                self.path.unlink()
            try:
                self._connection = self._connect(self._create_file())
            except sqlite3.DatabaseError as error:
                if _is_locked(error):  # another process uses it
                    raise
                delete_cache(self.path)
                self._connection = self._connect(self._create_file())

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def delete(self) -> None:
        """Close the database and delete it."""
        self.close()
        with contextlib.suppress(OSError):
            delete_cache(self.path)

    def read_time(self, name: str) -> float | None:
        """Return a time that `write_times` wrote, or None. Raises CacheError."""
        with _convert_errors(self.path):
            value = self._read_fact(name)
        return value if isinstance(value, float) and math.isfinite(value) else None

    def write_times(self, **times: float | None) -> None:
        """Write times by name; None removes one. Raises CacheError."""
        with self._transaction():
            for name, value in times.items():
                self._connection.execute("DELETE FROM facts WHERE name = ?", (name,))
                if value is not None:
                    self._connection.execute("INSERT INTO facts VALUES (?, ?)", (name, float(value)))

    def iterate_things(self) -> Iterator[RememberedThing]:
        """Yield all readings, the oldest first; those with values of other types are skipped.

        Raises CacheError.
        """
        with _convert_errors(self.path):
            rows = self._connection.execute(
                "SELECT name, version, desired_digest, principals, read_at FROM readings ORDER BY read_at"
            )
            yield from filter(None, map(_to_thing, rows))

    def find(self, name: str) -> RememberedThing | None:
        """Return the reading of a thing, or None. Raises CacheError."""
        with _convert_errors(self.path):
            row = self._connection.execute(
                "SELECT name, version, desired_digest, principals, read_at FROM readings WHERE name = ?",
                (name,),
            ).fetchone()
        return _to_thing(row) if row else None

    def store(self, things: Iterable[RememberedThing]) -> None:
        """Store readings, except older ones, and those of things that a run has written to since.

        Raises CacheError.
        """
        with self._transaction():
            self._connection.executemany(_STORE, things)

    def forget(self, names: Collection[str]) -> None:
        """Delete the readings of things. Raises CacheError."""
        with self._transaction():
            self._connection.executemany("DELETE FROM readings WHERE name = ?", ((name,) for name in names))

    def forget_changed(self, times: Mapping[str, float]) -> None:
        """Delete the readings of things that were made before a change, given its time by name.

        Raises CacheError.
        """
        with self._transaction():
            self._connection.executemany(
                "DELETE FROM readings WHERE name = ? AND read_at <= ?", times.items()
            )

    def begin_writes(self, names: Collection[str]) -> None:
        """Delete the readings of things that a run will write to, and store no new ones until it ends.

        Raises CacheError.
        """
        self.mark_written(dict.fromkeys(names, BEING_WRITTEN))

    def end_writes(self, names: Collection[str], time: float) -> None:
        """Record that a run ended at a time: later readings of its things may be stored. Raises CacheError."""
        with self._transaction():
            ends = [(name, time) for name in names]
            self._connection.executemany("INSERT OR REPLACE INTO written VALUES (?, ?)", ends)
            self._connection.executemany("DELETE FROM readings WHERE name = ? AND read_at <= ?", ends)

    def end_crashed_writes(self, time: float) -> None:
        """Record that the runs that never ended write nothing since a time.

        Later times are not valid either, for example because the registry's clock was set back. Raises CacheError.
        """
        latest = time + _MAX_CLOCK_DIFFERENCE_SECONDS
        with self._transaction():
            self._connection.execute("UPDATE written SET until = ? WHERE until > ?", (time, latest))
            self._connection.execute("DELETE FROM readings WHERE read_at > ?", (latest,))

    def mark_written(self, ends: Mapping[str, float]) -> None:
        """Delete the readings of things that were made before a run ended that wrote to them.

        `ends` has the end of the run, or `BEING_WRITTEN`, by name. Raises CacheError.
        """
        with self._transaction():
            self._connection.executemany(
                "INSERT INTO written VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET until = max(until, excluded.until)",
                ends.items(),
            )
            self._connection.executemany("DELETE FROM readings WHERE name = ? AND read_at <= ?", ends.items())

    def _create_file(self) -> Path:
        self.path.touch(mode=0o600)
        return self.path

    def _connect(self, database: Path | str) -> sqlite3.Connection:
        """Connect to a database, and create its tables.

        Raises sqlite3.DatabaseError if it has another version or scope.
        """
        connection = sqlite3.connect(
            database, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._connection = connection
            if not self._is_valid():
                self._create_tables()
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_valid(self) -> bool:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        return bool(version == _VERSION and self._read_fact("scope") == self._scope)

    def _create_tables(self) -> None:
        if self._connection.execute("PRAGMA user_version").fetchone()[0]:
            raise sqlite3.DatabaseError("another version or scope")
        with transaction(self._connection):
            if self._connection.execute("PRAGMA user_version").fetchone()[0]:
                return  # another process has just created them
            for statement in _TABLES.split(";"):
                self._connection.execute(statement)
            self._connection.execute("INSERT INTO facts VALUES ('scope', ?)", (self._scope,))

    def _read_fact(self, name: str) -> object:
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _convert_errors(self.path), transaction(self._connection):
            yield


def delete_cache(path: Path) -> None:
    """Delete the files of a cache. Raises OSError."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _to_thing(row: tuple[object, ...]) -> RememberedThing | None:
    """Return a row of the database as a value, None if its values have other types."""
    has_valid_types = tuple(map(type, row)) == (str, int, str, bytes, float)
    return RememberedThing._make(row) if has_valid_types else None


def _is_locked(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", None) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextlib.contextmanager
def _convert_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CacheError(path, error) from error
