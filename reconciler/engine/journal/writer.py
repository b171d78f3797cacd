"""The thread that writes the journal.

A commit takes longer than its statements, so few commits are made: one has the statements that were queued during the previous one, and
those that no thread waited for. While several threads wait for the same commits, the writer gathers statements for some milliseconds.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from attrs import define

from reconciler.engine.journal.database import describe_error, transaction

_MAX_STATEMENTS_PER_COMMIT = 512
_ALIVE_CHECK_SECONDS = 1.0
_GATHER_SECONDS = 0.01
"""Seconds to gather statements before a commit, if several threads waited for the previous one."""
_MAX_DELAY_SECONDS = 0.05
"""Seconds after which a statement that no thread waits for is committed, at the latest."""


@define(eq=False)
class _Statement:
    """A statement in the queue.

    If a thread waits for it, `pending` is a lock that is held until after the commit, even if the commit failed. `is_last` ends the
    thread; such a statement is not executed.
    """

    sql: str
    values: Sequence[Any]
    is_last: bool = False
    pending: threading.Lock | None = None

    @property
    def is_urgent(self) -> bool:
        """Return whether a thread waits for the commit."""
        return self.pending is not None or self.is_last


class JournalWriter:
    """The writer of one run, which closes the connection at the end. Thread-safe.

    `problem` is the reason why nothing more is written, or empty.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.problem = ""
        self._path = path
        self._connection = connection
        self._queue: SimpleQueue[_Statement] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def write(self, sql: str, values: Sequence[Any], *, wait: bool = True) -> None:
        """Queue one statement; with `wait`, return when it is on disk, or when it will not be written."""
        if not wait:
            self._queue.put(_Statement(sql, values))
            return
        pending = threading.Lock()
        pending.acquire()
        self._queue.put(_Statement(sql, values, pending=pending))
        while self._thread.is_alive() and not pending.acquire(timeout=_ALIVE_CHECK_SECONDS):
            pass  # after `close`, no thread processes it, so the wait ends when the thread has ended

    def close(self) -> None:
        """Write what is queued, and close the connection."""
        self._queue.put(_Statement("", (), is_last=True))
        self._thread.join()

    def _run(self) -> None:
        is_open, waiting_threads = True, 0
        while is_open:
            statements = self._gather(_GATHER_SECONDS if waiting_threads > 1 else 0.0)
            self._commit([statement for statement in statements if not statement.is_last])
            pending_locks = [statement.pending for statement in statements if statement.pending]
            for pending in pending_locks:
                pending.release()
            waiting_threads = len(pending_locks)
            is_open = not any(statement.is_last for statement in statements)
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _gather(self, seconds: float) -> list[_Statement]:
        """Return the statements of the next commit, `seconds` after the first one that a thread waits for."""
        statements = [self._queue.get()]
        deadline = time.monotonic() + _MAX_DELAY_SECONDS
        with contextlib.suppress(Empty):
            while not statements[-1].is_urgent:
                statements.append(self._queue.get(timeout=max(0.0, deadline - time.monotonic())))
        if seconds:
            time.sleep(seconds)
        with contextlib.suppress(Empty):
            while len(statements) < _MAX_STATEMENTS_PER_COMMIT:
                statements.append(self._queue.get_nowait())
        return statements

    def _commit(self, statements: Iterable[_Statement]) -> None:
        if self.problem:
            return
        try:
            with transaction(self._connection):
                for statement in statements:
                    self._connection.execute(statement.sql, statement.values)
        except (sqlite3.Error, OSError) as error:
            self.problem = f"the journal {self._path} cannot be written: {describe_error(error)}"
