"""The journal: what every apply did, call by call, in SQLite.

Law: nothing depends on it. A journal that cannot be written is said to be so once, and the apply goes on; without it the
next plan is the same. Law: what is written before a call is on disk when the call is sent. Writers wait for the commit
that has their row in it, and one thread commits for all of them: what comes while the disk is busy goes together.

The file is in WAL mode with `synchronous=FULL` (SQLite, "Write-Ahead Logging": each commit is synced), readable by its
owner alone.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets as randomness
import sqlite3
import stat
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from attrs import define, field

from reconciler.engine.journal.history import Rows, read_process, read_record, read_runs
from reconciler.engine.journal.redact_call import find_secrets, naming_parameters, redact_values
from reconciler.engine.ownership.process import is_running
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.errors import JournalError
from reconciler.model.outcome import Applied, Failed, Outcome, Started
from reconciler.model.plan import Plan
from reconciler.model.run import ProcessIdentity, Run, RunRecord

JOURNAL_VERSION = 1
"""The version of the tables; a journal with a larger one was written by a later version of this program."""

MAX_RUNS = 500
MAX_BYTES = 128 << 20
"""How much is kept: when a run begins, the oldest ones that have ended are dropped until it is less."""

LOCK_TIMEOUT_SECONDS = 30.0
_TOGETHER = 512
"""Rows that one commit takes at most."""
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"

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
  status TEXT
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
_BEGIN_RUN = """INSERT INTO runs
(id, workspace, target, user, host, pid, job, born, command, file_digest, plan_digest, begun) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_PLAN_STEP = "INSERT INTO steps (run, address, place, action, state) VALUES (?, ?, ?, ?, 'planned')"
_STEP = "UPDATE steps SET state = ?, seconds = ?, error = ? WHERE run = ? AND address = ?"
_CALL = """INSERT INTO calls (run, number, address, service, operation, names, begun)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
_ANSWER = "UPDATE calls SET ended = ?, state = ?, request_id = ?, code = ? WHERE run = ? AND number = ?"
_END_RUN = "UPDATE runs SET ended = ?, status = ? WHERE number = ?"

Clock = Callable[[], float]


@define
class Journal:
    """The journal at `path`, which need not be there yet. `clock` gives Unix time in seconds."""

    path: Path
    clock: Clock = time.time
    kept_runs: int = MAX_RUNS
    kept_bytes: int = MAX_BYTES

    def begin(self, plan: Plan, who: ProcessIdentity, command: str, file_digest: str) -> JournalRecorder:
        """A run begins; it is on disk when this returns. Raises JournalError."""
        begun = self.clock()
        by = (who.user, who.host, who.pid, who.job, who.started_at)
        with self._told("cannot be written"):
            connection = _opened(self.path)
            try:
                with _transaction(connection):
                    self._prune(connection)
                    run_id = _free_id(connection, begun)
                    row = (
                        run_id,
                        plan.workspace,
                        str(plan.target),
                        *by,
                        command,
                        file_digest,
                        plan.digest,
                        begun,
                    )
                    number = connection.execute(_BEGIN_RUN, row).lastrowid
                    assert number is not None
                    rows = enumerate(plan.steps)
                    steps = ((number, str(step.address), place, step.change.action) for place, step in rows)
                    connection.executemany(_PLAN_STEP, steps)
                connection.execute("PRAGMA incremental_vacuum")
            except BaseException:
                connection.close()
                raise
        return JournalRecorder(
            number, run_id, len(plan.steps), _Writer(connection), self.clock, find_secrets(plan.steps)
        )

    def runs(
        self, limit: int | None = None, workspace: str | None = None, target: str | None = None
    ) -> tuple[Run, ...]:
        """The latest runs, the newest first; none where there is no journal. Raises JournalError."""
        with self._reading() as rows:
            return tuple(read_runs(rows, is_running, limit, workspace, target)) if rows else ()

    def ids(self) -> tuple[str, ...]:
        """The ids of all runs, the newest first. Raises JournalError."""
        with self._reading() as rows:
            return (
                tuple(row["id"] for row in rows("SELECT id FROM runs ORDER BY begun DESC, id DESC"))
                if rows
                else ()
            )

    def record(self, run_id: str) -> RunRecord | None:
        """One run whole, by its whole id. Raises JournalError."""
        with self._reading() as rows:
            return read_record(rows, is_running, run_id) if rows else None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Rows | None]:
        """A snapshot of it; None where there is nothing."""
        with self._told("cannot be read"):
            if not os.path.lexists(self.path):
                yield None
                return
            with contextlib.closing(_connected(self.path, "ro")) as connection:
                connection.execute("BEGIN")
                yield lambda sql, *parameters: connection.execute(sql, parameters).fetchall()

    def _prune(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest runs that have ended, until there is room for one more; the newest stays in any case."""
        runs = connection.execute("SELECT * FROM runs ORDER BY begun DESC, id DESC").fetchall()
        count = len(runs)
        for run in reversed(runs[1:]):
            if count < self.kept_runs and _size(connection) <= self.kept_bytes:
                return
            if run["ended"] is not None or not is_running(read_process(run)):
                connection.execute("DELETE FROM runs WHERE number = ?", (run["number"],))
                count -= 1

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, TypeError, ValueError, LookupError, OverflowError) as error:
            raise JournalError(str(self.path), f"{what}: {_reason(error)}") from error


@define(eq=False)
class JournalRecorder:
    """One run as it is written: a `Recorder`. `trouble` says why it is not written any more, or is empty."""

    number: int
    run_id: str
    steps: int
    _writer: _Writer
    _clock: Clock
    _secrets: frozenset[str]
    _calls: Iterator[int] = field(factory=lambda: itertools.count(1))
    _started: dict[Address, float] = field(factory=dict)
    _ends: Counter[str] = field(factory=Counter)

    @property
    def problem(self) -> str:
        """Why the journal ends before the run, in words; empty while all is well."""
        return self._writer.trouble

    def record_request(self, address: Address, call: ApiCall) -> int:
        """The call is on disk when this returns."""
        token = next(self._calls)  # one step of the interpreter, so no two threads get the same
        row = (
            self.number,
            token,
            str(address),
            call.service,
            call.operation,
            naming_parameters(call),
            self._clock(),
        )
        self._writer.write(_CALL, row)
        return token

    def record_response(self, token: int, state: str, request_id: str = "", code: str = "") -> None:
        """The answer is on disk when this returns."""
        self._writer.write(_ANSWER, (self._clock(), state, request_id, code, self.number, token))

    def record_outcome(self, outcome: Outcome) -> None:
        """It will be on disk with what is waited for next: the calls say already what has been done."""
        address, seconds, error = outcome.change.address, None, ""
        self._ends[outcome.status] += 1
        match outcome:
            case Started():
                self._started[address] = self._clock()
            case Applied() | Failed():
                now = self._clock()
                seconds = max(0.0, now - self._started.pop(address, now))
        if isinstance(outcome, Failed):
            error = redact_values(str(outcome.error), self._secrets)
        row = (outcome.status, seconds, error, self.number, str(address))
        self._writer.write(_STEP, row, wait=False)

    def end(self) -> None:
        """The run has ended, and everything is on disk."""
        ends = self._ends
        unhappy = "failed" if ends["failed"] or ends["skipped"] else "stopped"
        status = "applied" if ends["applied"] == self.steps else unhappy
        self._writer.write(_END_RUN, (self._clock(), status, self.number))
        self._writer.close()


@define(eq=False)
class _Row:
    sql: str
    values: Sequence[Any]
    written: threading.Event = field(factory=threading.Event)
    last: bool = False


class _Writer:
    """The one thread that has the connection. What is asked of it while a commit is under way goes into the next."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.trouble = ""
        self._connection = connection
        self._asked: SimpleQueue[_Row] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    def write(self, sql: str, values: Sequence[Any], *, wait: bool = True) -> None:
        row = _Row(sql, values)
        self._asked.put(row)
        while wait and self._thread.is_alive() and not row.written.wait(1.0):
            pass  # after `close` nobody is left to write it

    def close(self) -> None:
        self._asked.put(_Row("", (), last=True))
        self._thread.join()

    def _work(self) -> None:
        more = True
        while more:
            rows = [self._asked.get()]
            with contextlib.suppress(Empty):
                while len(rows) < _TOGETHER:
                    rows.append(self._asked.get_nowait())
            self._commit([row for row in rows if not row.last])
            for row in rows:
                row.written.set()
            more = not any(row.last for row in rows)
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _commit(self, rows: Iterable[_Row]) -> None:
        if self.trouble:
            return
        try:
            with _transaction(self._connection):
                for row in rows:
                    self._connection.execute(row.sql, row.values)
        except (sqlite3.Error, OSError) as error:
            self.trouble = _reason(error)


def _opened(path: Path) -> sqlite3.Connection:
    """For writing, made where it is not there yet."""
    if not os.path.lexists(path):
        _make(path)
    _see_that_it_is_a_file(path)
    path.chmod(0o600)  # the files that SQLite puts beside it get their modes from it
    connection = _connected(path, "rw")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {4 << 20}")
    return connection


def _make(path: Path) -> None:
    """Under another name first, so that whoever finds it finds it whole, and nobody else may read it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        with contextlib.closing(sqlite3.connect(name, isolation_level=None)) as connection:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {JOURNAL_VERSION}; COMMIT;")
        with contextlib.suppress(FileExistsError):  # another process was quicker, and its is as good
            os.link(name, path)
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _see_that_it_is_a_file(path: Path) -> None:
    """No link to somewhere else, and nothing that would keep who opens it waiting. Raises JournalError."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise JournalError(str(path), "is no file")


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    """To a journal that is there. Raises JournalError when it is something else, or a later version's."""
    _see_that_it_is_a_file(path)
    address = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_SECONDS * 1000:.0f}")
        layout = connection.execute("PRAGMA user_version").fetchone()[0]
    except BaseException:
        connection.close()
        raise
    if layout == JOURNAL_VERSION:
        return connection
    connection.close()
    raise JournalError(
        str(path),
        "was written by a later version of reconciler" if layout > JOURNAL_VERSION else "is no journal",
    )


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _size(connection: sqlite3.Connection) -> int:
    """Bytes in use."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _free_id(connection: sqlite3.Connection, begun: float) -> str:
    """Sorts by when the run began: the milliseconds in base 32, and two characters for who begins in the same one."""
    milliseconds = int(begun * 1000)
    first = "".join(_DIGITS[(milliseconds >> shift) & 31] for shift in range(40, -1, -5))
    while True:
        found = first + "".join(randomness.choice(_DIGITS) for _ in range(2))
        if not connection.execute("SELECT 1 FROM runs WHERE id = ?", (found,)).fetchone():
            return found
