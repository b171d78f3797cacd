"""The thread that writes the journal.

Each commit has the statements that were queued during the previous commit, up to a maximum.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from attrs import define, field

from reconciler.engine.journal.database import describe_error, transaction

_MAX_STATEMENTS_PER_COMMIT = 512
_ALIVE_CHECK_SECONDS = 1.0


@define(eq=False)
class _Statement:
    """A statement in the queue.

    `processed` is set after its commit, even if the commit failed. `is_last` ends the thread; such a statement is not executed.
    """

    sql: str
    values: Sequence[Any]
    is_last: bool = False
    processed: threading.Event = field(factory=threading.Event)


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
        statement = _Statement(sql, values)
        self._queue.put(statement)
        while wait and self._thread.is_alive() and not statement.processed.wait(_ALIVE_CHECK_SECONDS):
            pass  # after `close`, no thread processes it, so the wait ends when the thread has ended

    def close(self) -> None:
        """Write what is queued, and close the connection."""
        self._queue.put(_Statement("", (), is_last=True))
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            statements = [self._queue.get()]
            with contextlib.suppress(Empty):
                while len(statements) < _MAX_STATEMENTS_PER_COMMIT:
                    statements.append(self._queue.get_nowait())
            self._commit([statement for statement in statements if not statement.is_last])
            for statement in statements:
                statement.processed.set()
            is_open = not any(statement.is_last for statement in statements)
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _commit(self, statements: Iterable[_Statement]) -> None:
        if self.problem:
            return
        try:
            with transaction(self._connection):
                for statement in statements:
                    self._connection.execute(statement.sql, statement.values)
        except (sqlite3.Error, OSError) as error:
            self.problem = f"the journal {self._path} cannot be written: {describe_error(error)}"
