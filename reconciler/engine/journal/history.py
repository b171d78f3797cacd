"""Rows of the journal → values. Whether a run that never ended still runs is asked, not stored."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from reconciler.model.run import ProcessIdentity, Run, RunCall, RunRecord, RunStep

Rows = Callable[..., Sequence[Mapping[str, Any]]]
"""Asks the journal: SQL and its parameters, answered by rows whose columns are named."""

AtWork = Callable[[ProcessIdentity], bool]


def read_runs(
    rows: Rows,
    at_work: AtWork,
    limit: int | None = None,
    workspace: str | None = None,
    target: str | None = None,
) -> Iterator[Run]:
    """The latest runs, the newest first."""
    wanted = "(?1 IS NULL OR workspace = ?1) AND (?2 IS NULL OR target = ?2)"
    sql = f"SELECT * FROM runs WHERE {wanted} ORDER BY begun DESC, id DESC LIMIT ?3"  # noqa: S608 (our own words)
    for row in rows(sql, workspace, target, -1 if limit is None else limit):
        yield _run(row, rows, at_work)


def read_record(rows: Rows, at_work: AtWork, run_id: str) -> RunRecord | None:
    """One run, whole."""
    found = rows("SELECT * FROM runs WHERE id = ?", run_id)
    if not found:
        return None
    number, run = found[0]["number"], _run(found[0], rows, at_work)
    steps = rows("SELECT * FROM steps WHERE run = ? ORDER BY place", number)
    calls = rows("SELECT * FROM calls WHERE run = ? ORDER BY number", number)
    return RunRecord(
        run,
        tuple(
            RunStep(row["address"], row["action"], _state(row["state"], run), row["seconds"], row["error"])
            for row in steps
        ),
        tuple(_call(row, run) for row in calls),
    )


def read_process(row: Mapping[str, Any]) -> ProcessIdentity:
    """Who ran it, from its row."""
    return ProcessIdentity(row["user"], row["host"], row["pid"], row["job"], row["born"])


def _run(row: Mapping[str, Any], rows: Rows, at_work: AtWork) -> Run:
    who = read_process(row)
    run = Run(
        id=row["id"],
        workspace=row["workspace"],
        target=row["target"],
        process=who,
        command=row["command"],
        file_digest=row["file_digest"],
        plan_digest=row["plan_digest"],
        started_at=_time(row["begun"]),
        ended_at=None if row["ended"] is None else _time(row["ended"]),
        status=row["status"] or ("running" if at_work(who) else "crashed"),
    )
    steps = rows("SELECT state, count(*) AS count FROM steps WHERE run = ? GROUP BY state", row["number"])
    calls = rows(
        "SELECT count(*) AS count, sum(state IS NULL OR state = 'lost') AS lost FROM calls WHERE run = ?",
        row["number"],
    )[0]
    return _with(run, steps, calls)


def _with(run: Run, steps: Sequence[Mapping[str, Any]], calls: Mapping[str, Any]) -> Run:
    counts = {_state(row["state"], run): row["count"] for row in steps}
    return evolve(
        run,
        counts=dict(sorted(counts.items())),
        call_count=calls["count"],
        unanswered_call_count=calls["lost"] or 0,
    )


def _state(state: str, run: Run) -> str:
    """A step that was begun by a run that is no more: nobody knows."""
    return "unknown" if state == "started" and run.status != "running" else state


def _call(row: Mapping[str, Any], run: Run) -> RunCall:
    return RunCall(
        number=row["number"],
        address=row["address"],
        service=row["service"],
        operation=row["operation"],
        parameters=row["names"],
        status=row["state"] or ("in flight" if run.status == "running" else "unknown"),
        started_at=_time(row["begun"]),
        ended_at=None if row["ended"] is None else _time(row["ended"]),
        request_id=row["request_id"],
        error_code=row["code"],
    )


def _time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
