"""The thread that writes the journal: one commit for all rows that arrived during the last one."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from attrs import define, field

from reconciler.engine.journal.database import describe_error, transaction

_MAX_ROWS_PER_COMMIT = 512
_ALIVE_CHECK_SECONDS = 1.0


@define(eq=False)
class _Row:
    sql: str
    values: Sequence[Any]
    is_last: bool = False
    written: threading.Event = field(factory=threading.Event)


class JournalWriter:
    """Owns the connection. `problem` states why writing stopped, or is empty. Thread-safe."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.problem = ""
        self._connection = connection
        self._queue: SimpleQueue[_Row] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def write(self, sql: str, values: Sequence[Any], *, wait: bool = True) -> None:
        """Queue one statement; with `wait`, return when it is on disk."""
        row = _Row(sql, values)
        self._queue.put(row)
        while wait and self._thread.is_alive() and not row.written.wait(_ALIVE_CHECK_SECONDS):
            pass  # after `close` no thread is left to write it

    def close(self) -> None:
        """Write what is queued, and close the connection."""
        self._queue.put(_Row("", (), is_last=True))
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            rows = [self._queue.get()]
            with contextlib.suppress(Empty):
                while len(rows) < _MAX_ROWS_PER_COMMIT:
                    rows.append(self._queue.get_nowait())
            self._commit([row for row in rows if not row.is_last])
            for row in rows:
                row.written.set()
            is_open = not any(row.is_last for row in rows)
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _commit(self, rows: Iterable[_Row]) -> None:
        if self.problem:
            return
        try:
            with transaction(self._connection):
                for row in rows:
                    self._connection.execute(row.sql, row.values)
        except (sqlite3.Error, OSError) as error:
            self.problem = describe_error(error)
