"""Read runs from the journal.

The journal does not store whether a run without an end is still running; that is checked when the run is read.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.engine.journal.stored_statuses import LOST, from_stored_status
from reconciler.model.run import ProcessIdentity, Run, RunCall, RunRecord, RunStep

Query = Callable[..., Sequence[Mapping[str, Any]]]
"""Runs SQL with parameters against the journal and returns rows with named columns."""

READ_ERRORS = (sqlite3.Error, OSError, TypeError, ValueError, LookupError, OverflowError)
"""The exceptions of reading a journal that is damaged, or a file that is not a journal."""

_MAX_NUMBER = 2**63 - 1
"""The largest integer of SQLite."""

IsRunning = Callable[[ProcessIdentity], bool]
"""Returns whether a process is still running."""


def read_runs(
    query: Query,
    is_running: IsRunning,
    limit: int | None = None,
    workspace: str | None = None,
    target: str | None = None,
) -> Iterator[Run]:
    """Yield the latest runs, newest first; an argument that is None does not restrict them."""
    condition = "workspace = coalesce(?, workspace) AND target = coalesce(?, target)"
    sql = f"SELECT * FROM runs WHERE {condition} ORDER BY begun DESC, id DESC LIMIT ?"  # noqa: S608 (no input in it)
    for row in query(sql, workspace, target, -1 if limit is None else limit):
        yield _add_counts(_to_run(row, is_running), row["number"], query)


def salvage_runs(query: Query, is_running: IsRunning) -> Iterator[Run]:
    """Yield the runs that can still be read in a damaged journal, newest first."""
    numbers = {*_walk_numbers(query, "<", "DESC"), *_walk_numbers(query, ">", "ASC")}
    for number in sorted(numbers, reverse=True):
        with contextlib.suppress(*READ_ERRORS):
            (row,) = query("SELECT * FROM runs WHERE number = ?", number)
            run = _to_run(row, is_running)
            try:
                yield _add_counts(run, number, query)
            except READ_ERRORS:
                yield evolve(run, is_counted=False)


def _walk_numbers(query: Query, comparison: str, order: str) -> Iterator[int]:
    """Yield the numbers of runs in one order, until the first that cannot be read."""
    sql = f"SELECT number FROM runs WHERE number {comparison} ? ORDER BY number {order} LIMIT 1"  # noqa: S608 (no input in it)
    number = _MAX_NUMBER if comparison == "<" else -1
    with contextlib.suppress(*READ_ERRORS):
        while rows := query(sql, number):
            number = rows[0]["number"]
            yield number


def read_record(query: Query, is_running: IsRunning, run_id: str) -> RunRecord | None:
    """Return one run with its steps and calls, or None if the journal does not have it."""
    rows = query("SELECT * FROM runs WHERE id = ?", run_id)
    if not rows:
        return None
    number = rows[0]["number"]
    run = _add_counts(_to_run(rows[0], is_running), number, query)
    steps = query("SELECT * FROM steps WHERE run = ? ORDER BY place", number)
    calls = query("SELECT * FROM calls WHERE run = ? ORDER BY number", number)
    return RunRecord(
        run, tuple(_to_step(row, run) for row in steps), tuple(_to_call(row, run) for row in calls)
    )


def read_unanswered_calls(
    query: Query, is_running: IsRunning, workspace: str, target: str
) -> Iterator[RunCall]:
    """Yield the calls without a recorded response in the runs of a workspace on a target that have ended."""
    unanswered = "(state IS NULL OR state = ?)"
    runs = query(
        f"SELECT * FROM runs WHERE workspace = ? AND target = ? AND number IN (SELECT run FROM calls WHERE {unanswered})",  # noqa: S608 (no input in it)
        workspace,
        target,
        LOST,
    )
    for row in runs:
        run = _to_run(row, is_running)
        if run.status == "running":
            continue
        sql = f"SELECT * FROM calls WHERE run = ? AND {unanswered} ORDER BY number"  # noqa: S608 (no input in it)
        yield from (_to_call(call, run) for call in query(sql, row["number"], LOST))


def read_process(row: Mapping[str, Any]) -> ProcessIdentity:
    """Return the process of a run, from the run's row."""
    return ProcessIdentity(row["user"], row["host"], row["pid"], row["job"], row["born"])


def _to_run(row: Mapping[str, Any], is_running: IsRunning) -> Run:
    process = read_process(row)
    return Run(
        id=row["id"],
        workspace=row["workspace"],
        target=row["target"],
        process=process,
        command=row["command"],
        file_digest=row["file_digest"],
        plan_digest=row["plan_digest"],
        started_at=_to_time(row["begun"]),
        ended_at=None if row["ended"] is None else _to_time(row["ended"]),
        status=row["status"] or ("running" if is_running(process) else "crashed"),
        environment=row["environment"] if "environment" in row.keys() else "",  # noqa: SIM118 (a row is no mapping)
    )


def _add_counts(run: Run, number: int, query: Query) -> Run:
    """Return the run with the numbers of its steps and calls; `number` is its key in the journal."""
    step_counts = query("SELECT state, count(*) AS count FROM steps WHERE run = ? GROUP BY state", number)
    call_counts = query(
        "SELECT count(*) AS count, sum(state IS NULL OR state = ?) AS unanswered FROM calls WHERE run = ?",
        LOST,
        number,
    )[0]
    counts = {_derive_step_status(row["state"], run): row["count"] for row in step_counts}
    return evolve(
        run,
        counts=dict(sorted(counts.items())),
        call_count=call_counts["count"],
        unanswered_call_count=call_counts["unanswered"] or 0,
    )


def _to_step(row: Mapping[str, Any], run: Run) -> RunStep:
    return RunStep(
        row["address"], row["action"], _derive_step_status(row["state"], run), row["seconds"], row["error"]
    )


def _derive_step_status(state: str, run: Run) -> str:
    """Return a step's status; if the run ended while the step was running, its outcome is unknown."""
    return "unknown" if state == "started" and run.status != "running" else from_stored_status(state)


def _derive_call_status(state: str | None, run: Run) -> str:
    """Return a call's status: "unknown" if the run ended before a response was recorded."""
    if state is None:
        return "in flight" if run.status == "running" else "unknown"
    return from_stored_status(state)


def _to_call(row: Mapping[str, Any], run: Run) -> RunCall:
    return RunCall(
        number=row["number"],
        address=row["address"],
        service=row["service"],
        operation=row["operation"],
        parameters=row["names"],
        status=_derive_call_status(row["state"], run),
        started_at=_to_time(row["begun"]),
        ended_at=None if row["ended"] is None else _to_time(row["ended"]),
        request_id=row["request_id"],
        error_code=row["code"],
    )


def _to_time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
