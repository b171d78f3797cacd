"""The only module of the registry that uses SQLite: connections, transactions, and the schema.

Invariant: an operation runs in one transaction. A write transaction takes the write lock before it reads (`BEGIN IMMEDIATE`), so
what it read is still true when it commits; a read transaction sees one snapshot. Files are in WAL mode with `synchronous=FULL`:
a commit is on disk when it returns, and survives a crash of the process or a power failure.

A noun is a module with tables; its schema is a tuple of DDL steps. A step is applied once per database, so it is never edited: to
change a table, append a step. The table `schema_steps` records how many steps of each noun were applied.
"""

import secrets
import shutil
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reconciler.registry.private_file import make_private

Row = sqlite3.Row
Value = str | int | float | bytes | None

# The version of the base schema below, stored as SQLite's `user_version`.
LAYOUT_VERSION = 1
BUSY_SECONDS = 30.0
OPEN_ATTEMPTS = 200
OPEN_PAUSE_SECONDS = 0.05

# SQLite's check stops at this many problems. The number is high because false problems are dropped afterwards.
_MAX_PROBLEMS_READ = 1_000_000
_MAX_PROBLEMS_RETURNED = 5

_FALSE_PROBLEM = "NULL value in "
"""Reported by SQLite before 3.42 for rows of an intact table WITHOUT ROWID whose primary key is not its first columns."""

_BASE_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS schema_steps (
      noun TEXT PRIMARY KEY,
      steps INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS secrets (
      name TEXT PRIMARY KEY,
      value BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS scopes (
      id INTEGER PRIMARY KEY,
      account TEXT NOT NULL,
      region TEXT NOT NULL,
      UNIQUE (account, region)
    )
    """,
)
_BASE_TABLES = {"schema_steps", "secrets", "scopes"}


def build_prefix_end(prefix: str) -> str:
    """Return a text that sorts after every name that starts with `prefix`."""
    return prefix + "\U0010ffff"


class StoreError(Exception):
    """The database cannot be used.

    For example, it is not a registry database, or a newer version of this program created it.
    """


class StoreBusyError(StoreError):
    """Another process locked the database for too long, so it could not be opened or written to."""


class StoreDiskError(StoreError):
    """The file cannot be read or written: a full or failing disk, a read-only or damaged file."""


class StoreFullError(StoreDiskError):
    """There is no space left on the file's disk. The stored data are kept."""


class StoreDamagedError(StoreDiskError):
    """The file is damaged, or is not a registry database."""


_NO_SPACE = "there is no space left on the disk of {path}"
# The part of an SQLite error code that names the kind of error; the rest is more detailed.
_PRIMARY_CODE = 0xFF
# The problem of a file, by SQLite's primary error code. Other errors are faults of this program.
_DISK_PROBLEMS: Mapping[int, tuple[type[StoreDiskError], str]] = {
    sqlite3.SQLITE_FULL: (StoreFullError, _NO_SPACE),
    sqlite3.SQLITE_IOERR: (StoreDiskError, "the disk of {path} cannot be read or written: {error}"),
    sqlite3.SQLITE_READONLY: (StoreDiskError, "{path} cannot be written: {error}"),
    sqlite3.SQLITE_CANTOPEN: (StoreDiskError, "{path} cannot be opened: {error}"),
    sqlite3.SQLITE_CORRUPT: (StoreDamagedError, "{path} is damaged: {error}"),
    sqlite3.SQLITE_NOTADB: (StoreDamagedError, "{path} is damaged: {error}"),
}
# SQLite reports a full disk as one of these, too, if it cannot create or enlarge the file that processes share.
_ERRORS_OF_FULL_DISK = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_SHARED_FILE_BYTES = 32 * 1024


class Transaction:
    """Runs the statements of one transaction. Parameters are positional, rows are read by column name."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def fetch_one(self, sql: str, *parameters: Value) -> Any:
        """Return the first row, or None; typed as Any for queries that always return a row."""
        return self._connection.execute(sql, parameters).fetchone()

    def fetch_all(self, sql: str, *parameters: Value) -> list[Row]:
        """Return every row."""
        return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, *parameters: Value) -> int:
        """Run a statement and return the number of changed rows."""
        return self._connection.execute(sql, parameters).rowcount

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo the statements of the block, and only those, when it raises an exception."""
        self._connection.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO step")
            raise
        finally:
            self._connection.execute("RELEASE step")

    def run_many(self, sql: str, rows: Sequence[Sequence[Value]]) -> None:
        """Run one statement for each row of parameters."""
        self._connection.executemany(sql, rows)


class Store:
    """One database. Thread-safe, and safe with other processes on the same file.

    `":memory:"` is a separate database in one connection; its transactions run one after another.
    """

    def __init__(self, path: str | Path, schemas: Mapping[str, Sequence[str]]) -> None:
        self._in_memory = str(path) == ":memory:"
        self._path = str(path) if self._in_memory else str(Path(path).expanduser().resolve())
        if not self._in_memory:
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            make_private(self._path)
        self._idle: deque[sqlite3.Connection] = deque()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()
        # Writers of this process wait for this lock. SQLite waits by polling, which only writers of other processes make necessary.
        self._write_lock = threading.Lock()
        self._is_closed = False
        self._scopes: dict[tuple[str, str], int] = {}
        self._prepare(schemas)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Open a snapshot for reading, which ends with the block; what the block writes is undone.

        Raises StoreError if the store is closed, StoreDiskError.
        """
        with self._convert_errors(), self._use_connection(writing=False) as connection:
            connection.execute("BEGIN")
            try:
                yield Transaction(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Take the write lock; commit at the end of the block, or roll back after an exception.

        Raises StoreError if the store is closed, StoreBusyError, StoreDiskError.
        """
        with self._convert_errors(), self._use_connection(writing=True) as connection:
            self._begin_writing(connection)
            try:
                yield Transaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def find_or_create_scope(self, account: str, region: str) -> int:
        """Return the scope number of an account and Region, created on first use.

        It is what the column `scope` in the tables of the nouns holds.
        """
        known_number = self._scopes.get((account, region))
        if known_number is not None:
            return known_number
        with self.write() as tx:
            tx.run("INSERT OR IGNORE INTO scopes (account, region) VALUES (?, ?)", account, region)
            number = int(
                tx.fetch_one("SELECT id FROM scopes WHERE account = ? AND region = ?", account, region)[0]
            )
        self._scopes[account, region] = number
        return number

    def find_or_create_secret(self, name: str) -> bytes:
        """Return the database's secret of this name, 32 random bytes, created on first use."""
        with self.write() as tx:
            tx.run("INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)", name, secrets.token_bytes(32))
            return bytes(tx.fetch_one("SELECT value FROM secrets WHERE name = ?", name)[0])

    def delete_all(self) -> None:
        """Delete every row of every noun.

        The schema, the secrets and the numbers of accounts and Regions stay.
        """
        with self.write() as tx:
            tx.run("PRAGMA defer_foreign_keys=ON")
            tables = tx.fetch_all(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            for table in {row["name"] for row in tables} - _BASE_TABLES:
                tx.run(f'DELETE FROM "{table}"')  # noqa: S608  (a name of our own schema)

    def check_integrity(self) -> list[str]:
        """Return the problems that "PRAGMA integrity_check" finds, or why the file is damaged.

        Raises StoreBusyError, and StoreDiskError if the file cannot be read or written for another reason.
        """
        try:
            with self.read() as tx:
                rows = tx.fetch_all(f"PRAGMA integrity_check({_MAX_PROBLEMS_READ})")
            with self.write() as tx:
                # Changes nothing, but fails if the file cannot be written to.
                tx.run("DELETE FROM schema_steps WHERE FALSE")
        except (StoreBusyError, StoreDiskError) as error:
            if isinstance(error, StoreDamagedError):
                return [str(error)]
            raise
        except (sqlite3.DatabaseError, StoreError) as error:
            return [str(error)]
        messages = [str(row[0]) for row in rows]
        problems = [
            message for message in messages if message != "ok" and not message.startswith(_FALSE_PROBLEM)
        ]
        return problems[:_MAX_PROBLEMS_RETURNED]

    def close(self) -> None:
        """Close every connection. Transactions that are still running fail."""
        with self._connections_lock:
            self._is_closed = True
            self._idle.clear()
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()

    @contextmanager
    def _convert_errors(self) -> Iterator[None]:
        """Turn SQLite's errors about the file, and every error after `close`, into a StoreError."""
        try:
            yield
        except sqlite3.Error as error:
            if self._is_closed:
                raise StoreError(f"{self._path} is closed") from error
            disk_error = self._build_disk_error(error)
            if disk_error is None:
                raise
            raise disk_error from error

    def _build_disk_error(self, error: sqlite3.Error) -> StoreDiskError | None:
        """Return the error for a file that cannot be used; None if SQLite's error has another cause."""
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
        if code in _ERRORS_OF_FULL_DISK and self._is_disk_full():
            code = sqlite3.SQLITE_FULL
        if code not in _DISK_PROBLEMS:
            return None
        error_class, problem = _DISK_PROBLEMS[code]
        return error_class(problem.format(path=self._path, error=error))

    def _is_disk_full(self) -> bool:
        """Return whether the file's disk has no space for the file that processes share."""
        try:
            usage = shutil.disk_usage(Path(self._path).parent)
        except OSError:
            return False
        return usage.total > 0 and usage.free < _SHARED_FILE_BYTES

    @contextmanager
    def _use_connection(self, *, writing: bool) -> Iterator[sqlite3.Connection]:
        if writing or self._in_memory:
            with self._write_lock:
                yield from self._borrow_connection()
        else:
            yield from self._borrow_connection()

    def _borrow_connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            yield connection
        finally:
            if not self._is_closed:
                self._idle.append(connection)

    def _open(self) -> sqlite3.Connection:
        if self._is_closed:
            raise StoreError(f"{self._path} is closed")
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.row_factory = sqlite3.Row
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")
        with self._connections_lock:
            self._connections.append(connection)
        return connection

    def _begin_writing(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise StoreBusyError(f"{self._path} is locked by another process") from error
            raise

    def _prepare(self, schemas: Mapping[str, Sequence[str]]) -> None:
        """Switch a file to WAL mode, and the database to the latest schema; quick if the schema is the latest."""
        for _ in range(OPEN_ATTEMPTS):
            try:
                self._migrate(schemas)
            except sqlite3.OperationalError as error:
                # Switching to WAL mode does not wait for another process that does the same, so it is retried.
                if not _is_busy(error):
                    disk_error = self._build_disk_error(error)
                    raise disk_error or StoreError(f"{self._path} cannot be opened: {error}") from error
                time.sleep(OPEN_PAUSE_SECONDS)
            except sqlite3.DatabaseError as error:
                raise StoreDamagedError(f"{self._path} is not a registry database: {error}") from error
            else:
                return
        raise StoreBusyError(f"{self._path} is locked by another process")

    def _migrate(self, schemas: Mapping[str, Sequence[str]]) -> None:
        with self._use_connection(writing=False) as connection:
            if not self._in_memory:
                connection.execute("PRAGMA journal_mode=WAL")
            layout = connection.execute("PRAGMA user_version").fetchone()[0]
        if layout > LAYOUT_VERSION:
            raise StoreError(f"{self._path} was created by a newer version of this program")
        if layout == LAYOUT_VERSION and not self._has_missing_steps(schemas):
            return
        with self.write() as tx:
            for statement in _BASE_SCHEMA:
                tx.run(statement)
            for noun, statements in self._find_missing_steps(tx, schemas).items():
                for statement in statements:
                    tx.run(statement)
                tx.run(
                    "INSERT OR REPLACE INTO schema_steps (noun, steps) VALUES (?, ?)",
                    noun,
                    len(schemas[noun]),
                )
            tx.run(f"PRAGMA user_version = {LAYOUT_VERSION}")

    def _has_missing_steps(self, schemas: Mapping[str, Sequence[str]]) -> bool:
        with self.read() as tx:
            return bool(self._find_missing_steps(tx, schemas))

    def _find_missing_steps(
        self, tx: Transaction, schemas: Mapping[str, Sequence[str]]
    ) -> dict[str, Sequence[str]]:
        """Return the steps of each noun that are not applied yet; up-to-date nouns are omitted.

        Raises StoreError when more steps were applied than this program has.
        """
        rows = tx.fetch_all("SELECT noun, steps FROM schema_steps")
        applied_counts = {row["noun"]: row["steps"] for row in rows}
        for noun, steps in schemas.items():
            if applied_counts.get(noun, 0) > len(steps):
                raise StoreError(f"{self._path} was created by a newer version of this program ({noun})")
        return {
            noun: steps[applied_counts.get(noun, 0) :]
            for noun, steps in schemas.items()
            if applied_counts.get(noun, 0) < len(steps)
        }


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & _PRIMARY_CODE in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
