"""The runs of a team: each run is one sealed object in a store that all machines can reach.

A run that holds the lease writes an object when it begins, and replaces it with its record when it ends. The record is in JSON Lines: the format, the run, its steps,
its calls, and the SHA-256 of all lines before. The run that follows a crashed one writes the record of that one: it holds the
lease, so the other has ended.

Invariant: no plan reads it, and an apply does not depend on it: a problem with the store is reported after the run.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import msgspec
from attrs import evolve

from reconciler.engine.journal.journal import Journal
from reconciler.engine.journal.recorder import JournalRecorder
from reconciler.engine.journal.run_store import RunStore
from reconciler.engine.threads import prepare_decoding
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.errors import TEAM_JOURNAL_ADVICE, JournalError
from reconciler.model.outcome import Outcome
from reconciler.model.plan import Target
from reconciler.model.run import History, Run, RunCall, RunRecord, RunStep

FORMAT = "reconciler.run"
VERSION = 1

_SEAL_ADVICE = "it is left as it is; delete it if it is not needed"

_RECORD, _BEGUN = ".jsonl", ".begun.jsonl"
_MAX_HEAD_BYTES = 2**16
"""The size of the part of a record that has the format and the run."""


@frozen
class TeamHistory:
    """The runs in a store."""

    store: RunStore

    def begin(self, run: Run, target: Target) -> None:
        """Write the object of a run that begins. Raises JournalError."""
        with _convert_errors(self.store.name):
            self.store.write(_build_key(run, target, _BEGUN), _render(RunRecord(run)))

    def end(self, record: RunRecord, target: Target) -> None:
        """Write the record of an ended run, and delete the object of its beginning.

        Raises JournalError.
        """
        with _convert_errors(self.store.name):
            self.store.write(_build_key(record.run, target, _RECORD), _render(record))
            self.store.delete(_build_key(record.run, target, _BEGUN))

    def end_crashed(self, workspace: str, target: Target, current_id: str) -> None:
        """Write the records of runs of this workspace that began and never ended, except the current one.

        To be called while the lease is held, so that none of them is still running. Raises JournalError.
        """
        with _convert_errors(self.store.name):
            keys = set(self.store.list_keys(_build_folder(workspace, target)))
        problems = []
        for key in sorted(key for key in keys if key.endswith(_BEGUN) and _get_run_id(key) != current_id):
            try:
                with _convert_errors(key):
                    self._end_crashed(key, target, has_record=key.removesuffix(_BEGUN) + _RECORD in keys)
            except JournalError as error:
                problems.append(error)
        if problems:
            raise problems[0]

    def _end_crashed(self, key: str, target: Target, *, has_record: bool) -> None:
        """Write the record of a crashed run; one that has a record crashed after it had ended."""
        if has_record:
            self.store.delete(key)
            return
        record = _parse(self.store.read(key), key)
        self.end(evolve(record, run=evolve(record.run, status="crashed")), target)

    def read_history(self, limit: int | None = None) -> History:
        """Return the latest runs of all workspaces, newest first. Raises JournalError."""
        with _convert_errors(self.store.name):
            keys = self._list_keys()[:limit]
        runs, problems = [], []
        for key in keys:
            try:
                with _convert_errors(key):
                    runs.append(_parse_run(self.store.read(key, _MAX_HEAD_BYTES), key))
            except JournalError as error:
                problems.append(str(error))
        return History(tuple(runs), "; ".join(dict.fromkeys(problems)))

    def find_record(self, id_part: str) -> RunRecord | None:
        """Return the run whose ID begins or ends with a text; None if not exactly one does.

        Raises JournalError.
        """
        with _convert_errors(self.store.name):
            ids = {_get_run_id(key): key for key in self._list_keys()}
            matches = [run_id for run_id in ids if run_id.startswith(id_part) or run_id.endswith(id_part)]
            is_unique = len(matches) == 1 and id_part != ""
            return _parse(self.store.read(ids[matches[0]]), ids[matches[0]]) if is_unique else None

    def _list_keys(self) -> list[str]:
        """Return the keys of all runs, newest first; one that has a record is not listed as begun, too."""
        keys = [key for key in self.store.list_keys() if key.endswith(_RECORD)]
        ended = {_get_run_id(key) for key in keys if not key.endswith(_BEGUN)}
        unique = [key for key in keys if not (key.endswith(_BEGUN) and _get_run_id(key) in ended)]
        return sorted(unique, key=_get_run_id, reverse=True)


@contextmanager
def _convert_errors(name: str) -> Iterator[None]:
    """Convert errors of the file system to JournalError; `name` is that of the store or of an object."""
    try:
        yield
    except OSError as error:
        problem = f"cannot be used: {error.strerror or error}"
        raise JournalError(name, problem, TEAM_JOURNAL_ADVICE) from error


def _build_folder(workspace: str, target: Target) -> str:
    return f"{workspace}/{target.account}-{target.region}/"


def _build_key(run: Run, target: Target, suffix: str) -> str:
    return f"{_build_folder(run.workspace, target)}{run.id}{suffix}"


def _get_run_id(key: str) -> str:
    return key.rpartition("/")[2].partition(".")[0]


def _render(record: RunRecord) -> bytes:
    values = [
        {"format": FORMAT, "version": VERSION},
        {"run": _to_json(record.run)},
        *({"step": _to_json(step)} for step in record.steps),
        *({"call": _to_json(call)} for call in record.calls),
    ]
    text = "".join(f"{json.dumps(value, sort_keys=True)}\n" for value in values)
    seal = hashlib.sha256(text.encode()).hexdigest()
    return f"{text}{json.dumps({'seal': seal})}\n".encode()


def _to_json(value: Any) -> Any:
    return attrs.asdict(value, value_serializer=_serialize)


def _serialize(_instance: Any, _field: Any, value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def _parse(content: bytes, key: str) -> RunRecord:
    """Return the record in an object.

    Raises JournalError if it is not one, or was changed after it was sealed.
    """
    body, _, last_line = content.rstrip(b"\n").rpartition(b"\n")
    seal = hashlib.sha256(body + b"\n").hexdigest()
    run = _parse_run(content, key)
    if last_line != json.dumps({"seal": seal}).encode():
        raise JournalError(key, "was changed after the run, or was not written completely", _SEAL_ADVICE)
    with _reject_other_content(key):
        items = [json.loads(line) for line in body.split(b"\n")[2:]]
        steps = [msgspec.convert(item["step"], RunStep) for item in items if "step" in item]
        calls = [msgspec.convert(item["call"], RunCall) for item in items if "call" in item]
        _check_times(*(time for call in calls for time in (call.started_at, call.ended_at)))
    return RunRecord(run, tuple(steps), tuple(calls))


def _parse_run(content: bytes, key: str) -> Run:
    """Return the run in the first lines of an object. Raises JournalError."""
    with _reject_other_content(key):
        head, run_line = content.split(b"\n", 2)[:2]
        header = json.loads(head)
        if header.get("format") != FORMAT or header.get("version") != VERSION:
            raise JournalError(key, "is not a record of a run that this version can read", _SEAL_ADVICE)
        run = msgspec.convert(json.loads(run_line)["run"], Run)
        _check_times(run.started_at, run.ended_at)
    if run.id != _get_run_id(key) or not key.startswith(f"{run.workspace}/"):
        raise JournalError(key, "is the record of another run", _SEAL_ADVICE)
    return run


def _check_times(*times: datetime.datetime | None) -> None:
    """Raise ValueError if a time has no time zone, so that it could not be compared."""
    if any(time is not None and time.tzinfo is None for time in times):
        raise ValueError("a time has no time zone")


@contextmanager
def _reject_other_content(key: str) -> Iterator[None]:
    """Raise JournalError if an object is not a record."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JournalError(key, "is not a record of a run", _SEAL_ADVICE) from error


def merge_histories(history: History, other: History, limit: int | None) -> History:
    """Return the runs of both, newest first; if both have a run, that of the first."""
    runs = {run.id: run for run in (*other.runs, *history.runs)}
    newest = sorted(runs.values(), key=lambda run: (run.started_at, run.id), reverse=True)
    problem = "; ".join(filter(None, (history.problem, other.problem)))
    return History(tuple(newest[:limit]), problem)


class TeamRecorder:
    """The recorder of a run in the journal of this machine, which also writes the team's record."""

    def __init__(
        self,
        recorder: JournalRecorder,
        journal: Journal,
        open_team: Callable[[], TeamHistory | None],
        target: Target,
    ) -> None:
        self._recorder = recorder
        self._journal = journal
        self._target = target
        self._team: TeamHistory | None = None
        self._team_problem = ""
        with self._keep_problem():
            self._team = open_team()

    def begin(self, *, holds_lease: bool) -> None:
        """Write the object of the run and the records of crashed ones, if the lease is held.

        Without it, the next run could not know whether this one has crashed.
        """
        if not (self._team and holds_lease):
            return
        with self._keep_problem():
            record = self._journal.read_record(self._recorder.run_id)
            if record:
                self._team.begin(record.run, self._target)
                self._team.end_crashed(record.run.workspace, self._target, record.run.id)

    @property
    def problem(self) -> str:
        """Why something was not recorded, or an empty string."""
        return self._recorder.problem or self._team_problem

    def record_request(self, address: Address, call: ApiCall) -> int:
        """Record a call in the journal."""
        return self._recorder.record_request(address, call)

    def record_response(self, token: int, status: str, request_id: str = "", code: str = "") -> None:
        """Record the response in the journal."""
        self._recorder.record_response(token, status, request_id, code)

    def record_outcome(self, outcome: Outcome) -> None:
        """Record the outcome in the journal."""
        self._recorder.record_outcome(outcome)

    def end(self) -> None:
        """End the run in the journal, and write the team's record of it."""
        self._recorder.end()
        with self._keep_problem():
            record = self._journal.read_record(self._recorder.run_id)
            if record and self._team:
                self._team.end(record, self._target)

    @contextmanager
    def _keep_problem(self) -> Iterator[None]:
        try:
            yield
        except JournalError as error:
            self._team_problem = str(error)


prepare_decoding(Run, RunStep, RunCall)
