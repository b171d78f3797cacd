"""The journal: what every apply did, call by call, in SQLite.

Invariant: an apply starts only if its calls can be recorded, unless the user chose to run without a journal. If the journal cannot be written
later, the apply continues and reports the problem once. No plan depends on what is in it, except for the choice of steps that `--retry-failed` makes,
and for the deletion of certificates whose keys were lost (`kinds.shared.lost_keys`).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from reconciler.engine.journal.database import (
    JOURNAL_VERSION,
    check_integrity,
    connect,
    describe_error,
    is_damaged,
    measure_used_bytes,
    open_for_writing,
    transaction,
)
from reconciler.engine.journal.history import (
    READ_ERRORS,
    Query,
    read_process,
    read_record,
    read_runs,
    read_unanswered_calls,
    salvage_runs,
)
from reconciler.engine.ownership.process import is_running
from reconciler.model.errors import NO_JOURNAL_ADVICE, JournalError, ReconcilerError
from reconciler.model.plan import Plan
from reconciler.model.run import History, ProcessIdentity, Run, RunCall, RunRecord
from reconciler.model.text import closest_match, format_suggestion, quote

if TYPE_CHECKING:
    from reconciler.engine.journal.recorder import JournalRecorder

DAMAGED_JOURNAL_ADVICE = (
    "the next apply renames it and starts a new journal; `sqlite3 FILE .recover` may save its runs"
)

MAX_RUNS = 500
"""The maximum number of runs: before a new run is added, the oldest ones are dropped, except those still running."""

MAX_BYTES = 128 << 20
"""The size above which the oldest runs are dropped before a new one is added; the new one may make the journal larger."""

_ID_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
"""The 32 digits of run IDs, Crockford's: without i, l and o, which look like digits, and without u, which could spell bad words."""

_INSERT_RUN = """INSERT INTO runs
(id, workspace, target, user, host, pid, job, born, command, file_digest, plan_digest, begun, environment)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_STEP = "INSERT INTO steps (run, address, place, action, state) VALUES (?, ?, ?, ?, 'planned')"

Clock = Callable[[], float]


@define
class Journal:
    """The journal at `path`, created when the first run begins; `clock` returns Unix time in seconds."""

    path: Path
    clock: Clock = time.time
    max_runs: int = MAX_RUNS
    max_bytes: int = MAX_BYTES

    def begin(self, plan: Plan, process: ProcessIdentity, command: str, file_digest: str) -> JournalRecorder:
        """Record the start of a run, and return its recorder; the run is on disk by then. Raises JournalError."""
        from reconciler.engine.journal.recorder import JournalRecorder
        from reconciler.engine.journal.redact_call import list_secret_texts
        from reconciler.engine.journal.writer import JournalWriter

        with self._convert_errors("cannot be written"):
            connection = open_for_writing(self.path)
            try:
                with transaction(connection):
                    self._drop_old_runs(connection)
                    number, run_id = self._insert_run(connection, plan, process, command, file_digest)
                connection.execute("PRAGMA incremental_vacuum")
            except BaseException:
                connection.close()
                raise
        writer = JournalWriter(connection, self.path)
        secret_texts = list_secret_texts(plan.secrets)
        return JournalRecorder(number, run_id, len(plan.steps), writer, self.clock, secret_texts)

    def check_writable(self) -> None:
        """Check that a run can be recorded: the journal can be opened, and its disk has space.

        A damaged journal, such as a full disk may leave, is renamed first, so that a new one is created. Raises JournalError.
        """
        try:
            self._write_test_page()
        except JournalError as error:
            if not is_damaged(error.__cause__):
                raise JournalError(str(self.path), error.problem, NO_JOURNAL_ADVICE) from error
            self._set_aside()
            self._write_test_page()

    def _write_test_page(self) -> None:
        with (
            self._convert_errors("cannot be written"),
            contextlib.closing(open_for_writing(self.path)) as connection,
        ):
            check_integrity(connection)
            with transaction(connection):
                connection.execute(f"PRAGMA user_version = {JOURNAL_VERSION}")  # writes a page, as a run does

    def _set_aside(self) -> None:
        """Rename a damaged journal, with SQLite's companion files."""
        name = f"{self.path.name}.damaged-{int(self.clock())}"
        with self._convert_errors("cannot be renamed"):
            for suffix in ("-wal", "-shm", ""):
                path = self.path.with_name(self.path.name + suffix)
                if path.exists():
                    path.rename(self.path.with_name(name + suffix))

    def list_runs(
        self, limit: int | None = None, workspace: str | None = None, target: str | None = None
    ) -> tuple[Run, ...]:
        """Return the latest runs, newest first; none if there is no journal. Raises JournalError."""
        with self._snapshot() as query:
            return tuple(read_runs(query, is_running, limit, workspace, target)) if query else ()

    def read_history(self, limit: int | None = None) -> History:
        """Return the latest runs, newest first; if the journal is damaged, those that can still be read.

        Raises JournalError if none can be read.
        """
        try:
            return History(self.list_runs(limit))
        except JournalError as error:
            if not is_damaged(error.__cause__):
                raise
            with self._snapshot() as query:
                runs = tuple(itertools.islice(salvage_runs(query, is_running), limit)) if query else ()
            if not runs:
                raise
            return History(runs, str(error))

    def list_unanswered_calls(
        self, workspace: str, target: str, operations: Collection[str]
    ) -> tuple[RunCall, ...]:
        """Return the calls of these operations, in ended runs, whose responses were not recorded.

        A response is recorded after its secrets are saved. Raises JournalError.
        """
        with self._snapshot() as query:
            if query is None:
                return ()
            calls = read_unanswered_calls(query, is_running, workspace, target)
            return tuple(call for call in calls if call.operation in operations)

    def list_ids(self) -> tuple[str, ...]:
        """Return the IDs of all runs, newest first; none if there is no journal. Raises JournalError."""
        with self._snapshot() as query:
            rows = query("SELECT id FROM runs ORDER BY begun DESC, id DESC") if query else ()
            return tuple(row["id"] for row in rows)

    def read_record(self, run_id: str) -> RunRecord | None:
        """Return the run with this full ID, with its steps and calls, or None. Raises JournalError."""
        with self._snapshot() as query:
            return read_record(query, is_running, run_id) if query else None

    def find_record(self, id_part: str) -> RunRecord:
        """Return the run whose ID starts or ends with `id_part`, with its steps and calls.

        Raises ReconcilerError if not exactly one run matches, and JournalError.
        """
        known_ids = self.list_ids()
        matches = [run_id for run_id in known_ids if run_id.startswith(id_part) or run_id.endswith(id_part)]
        if len(matches) != 1 or not id_part:
            raise ReconcilerError(_explain_why_not_one_match(id_part, matches, known_ids))
        record = self.read_record(matches[0])
        assert record
        return record

    def _insert_run(
        self,
        connection: sqlite3.Connection,
        plan: Plan,
        process: ProcessIdentity,
        command: str,
        file_digest: str,
    ) -> tuple[int, str]:
        started_at = self.clock()
        run_id = _generate_unused_id(connection, started_at)
        process_columns = (process.user, process.host, process.pid, process.job, process.started_at)
        row = (
            run_id,
            plan.workspace,
            str(plan.target),
            *process_columns,
            command,
            file_digest,
            plan.digest,
            started_at,
            plan.environment,
        )
        number = connection.execute(_INSERT_RUN, row).lastrowid
        assert number is not None
        steps = (
            (number, str(change.address), position, change.action)
            for position, change in enumerate(plan.changes)
        )
        connection.executemany(_INSERT_STEP, steps)
        return number, run_id

    def _drop_old_runs(self, connection: sqlite3.Connection) -> None:
        """Drop the oldest runs until there is room for one more, but neither the newest nor one still running."""
        runs = connection.execute("SELECT * FROM runs ORDER BY begun DESC, id DESC").fetchall()
        count = len(runs)
        for run in reversed(runs[1:]):
            if count < self.max_runs and measure_used_bytes(connection) <= self.max_bytes:
                return
            if run["ended"] is not None or not is_running(read_process(run)):
                connection.execute("DELETE FROM runs WHERE number = ?", (run["number"],))
                count -= 1

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[Query | None]:
        """Yield a function that queries one snapshot of the journal, or None if there is no journal."""
        with self._convert_errors("cannot be read"):
            if not os.path.lexists(self.path):
                yield None
                return
            with contextlib.closing(connect(self.path, "ro")) as connection:
                connection.execute("BEGIN")
                yield lambda sql, *parameters: connection.execute(sql, parameters).fetchall()

    @contextlib.contextmanager
    def _convert_errors(self, problem: str) -> Iterator[None]:
        try:
            yield
        except READ_ERRORS as error:
            if is_damaged(error):
                raise JournalError(str(self.path), f"is damaged: {error}", DAMAGED_JOURNAL_ADVICE) from error
            raise JournalError(str(self.path), f"{problem}: {describe_error(error)}") from error


def _generate_unused_id(connection: sqlite3.Connection, started_at: float) -> str:
    """Return an ID that sorts by start time.

    It has nine base-32 digits for the milliseconds since 1970, and two random ones.
    """
    milliseconds = int(started_at * 1000)
    prefix = "".join(_ID_DIGITS[(milliseconds >> shift) & 0b11111] for shift in range(40, -1, -5))
    while True:
        run_id = prefix + "".join(secrets.choice(_ID_DIGITS) for _ in range(2))
        if not connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone():
            return run_id


def _explain_why_not_one_match(id_part: str, matches: Collection[str], known_ids: Collection[str]) -> str:
    """Return the message for a part of an ID that matches no run or several."""
    if not known_ids:
        return "no run has been recorded yet; `reconciler apply` records the first"
    if len(matches) > 1 and id_part:
        return f"{quote(id_part)} begins or ends the IDs of {len(matches)} runs: {', '.join(matches)}"
    hint = format_suggestion(closest_match(id_part, known_ids)) or "; list runs with `reconciler history`"
    return f"there is no run {quote(id_part)}{hint}"
