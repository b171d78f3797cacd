"""Record one run in the journal.

Invariant: a call's row is on disk before the call is sent, as long as the journal can be written. The thread that sends the call waits
for the commit of the row, and one other thread commits the rows of all calls. It does not wait for the commit of a response, which precedes
that of the step's next call, unless the next call saves a secret of the response.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator

from attrs import define, field

from reconciler.engine.journal.redact_call import format_naming_parameters, redact_values
from reconciler.engine.journal.stored_statuses import to_stored_status
from reconciler.engine.journal.writer import JournalWriter
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.outcome import Applied, Failed, Outcome, Started

_UPDATE_STEP = "UPDATE steps SET state = ?, seconds = ?, error = ? WHERE run = ? AND address = ?"
_INSERT_CALL = """INSERT INTO calls (run, number, address, service, operation, names, begun)
VALUES (?, ?, ?, ?, ?, ?, ?)"""
_UPDATE_CALL = "UPDATE calls SET ended = ?, state = ?, request_id = ?, code = ? WHERE run = ? AND number = ?"
_END_RUN = "UPDATE runs SET ended = ?, status = ? WHERE number = ?"


@define(eq=False)
class JournalRecorder:
    """The `Recorder` of one run.

    `number` is the key of the run's row, `run_id` the ID that users see, and `step_count` the number of steps of its plan.
    """

    number: int
    run_id: str
    step_count: int
    _writer: JournalWriter
    _clock: Callable[[], float]
    _secrets: frozenset[str]
    _call_numbers: Iterator[int] = field(factory=lambda: itertools.count(1))
    _tokens_of_secrets: set[int] = field(factory=set)
    _start_times: dict[Address, float] = field(factory=dict)
    _outcome_counts: Counter[str] = field(factory=Counter)

    @property
    def problem(self) -> str:
        """Why the rest of the run was not recorded, or an empty string."""
        return self._writer.problem

    def record_request(self, address: Address, call: ApiCall) -> int:
        """Record a call; the record is on disk when this returns, unless there is a `problem`."""
        token = next(self._call_numbers)  # atomic in CPython, so no two threads get the same number
        row = (
            self.number,
            token,
            str(address),
            call.service,
            call.operation,
            format_naming_parameters(call),
            self._clock(),
        )
        if call.secret_member:
            self._tokens_of_secrets.add(token)
        self._writer.write(_INSERT_CALL, row)
        return token

    def record_response(self, token: int, status: str, request_id: str = "", code: str = "") -> None:
        """Record how a call ended with the next commit.

        If the response has a secret, the record is on disk when this returns, unless there is a `problem`: as long as it is
        missing, the secret counts as lost.
        """
        row = (self._clock(), to_stored_status(status), request_id, code, self.number, token)
        self._writer.write(_UPDATE_CALL, row, wait=token in self._tokens_of_secrets)

    def record_outcome(self, outcome: Outcome) -> None:
        """Record a step's outcome with a later commit, without waiting for that commit."""
        address, seconds, error = outcome.change.address, None, ""
        self._outcome_counts[outcome.status] += 1
        match outcome:
            case Started():
                self._start_times[address] = self._clock()
            case Applied() | Failed():
                now = self._clock()
                seconds = max(0.0, now - self._start_times.pop(address, now))
        if isinstance(outcome, Failed):
            error = redact_values(str(outcome.error), self._secrets)
        row = (to_stored_status(outcome.status), seconds, error, self.number, str(address))
        self._writer.write(_UPDATE_STEP, row, wait=False)

    def end(self) -> None:
        """Record the end of the run, and wait until everything is on disk."""
        self._writer.write(_END_RUN, (self._clock(), self._derive_run_status(), self.number))
        self._writer.close()

    def _derive_run_status(self) -> str:
        counts = self._outcome_counts
        if counts["applied"] == self.step_count:
            return "applied"
        return "failed" if counts["failed"] or counts["skipped"] else "stopped"
