"""One exception tree.

ReconcilerError                 everything this package raises on purpose; its text is for people
├── InvalidDesiredStateError    the file: every mistake in it, at once
├── PlanRejectedError                the plan would do what it must not; every reason, at once
│   └── LockedError             somebody else is applying this workspace
├── SelectionError              a selector names nothing
├── StaleError                  what a step is about is no longer as its plan saw it
├── LeaseLostError              the workspace's lease went to somebody else, or could not be renewed in time
├── MissingSecretError          a secret is needed and its reference yields nothing
├── UnknownValueError             a step needs what an earlier one was not answered
├── JournalError                the record of past runs cannot be read or written
├── TargetError                 no credentials, no region, no route to the endpoint
│   ├── ServiceUnavailableError        the endpoint fails call after call; nothing more is sent to it
│   └── UnknownOutcomeError     a call's answer was lost, and reading does not tell whether it was done
└── AwsError                    AWS refused one call
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from reconciler.model.diagnostic import Diagnostic


class ReconcilerError(Exception):
    """Base of all; `str()` is a message for people, with what to do next where there is something to do."""

    def _render_traceback_(self) -> list[str]:
        """The message alone, its control characters spelt: IPython asks for this, and shows it where a traceback would be."""
        told = f"{type(self).__name__}: {self}".splitlines()
        return ["".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in line) for line in told]


class InvalidDesiredStateError(ReconcilerError):
    """The desired state cannot be used. `mistakes` holds all of them, in the order of files and lines."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        count = len(self.diagnostics)
        head = f"{count} mistake{'s' if count != 1 else ''} in the desired state; nothing was sent"
        super().__init__("\n".join([head, *map(str, self.diagnostics)]))


class PlanRejectedError(ReconcilerError):
    """The plan would do something that it must not. `reasons` holds every one."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(["the plan is rejected; nothing was sent", *self.reasons]))


class LockedError(PlanRejectedError):
    """Somebody else is applying this workspace. `holder` says who; `since` and `until` are times of the registry's clock."""

    def __init__(self, holder: str, since: str, until: str) -> None:
        self.holder, self.since, self.until = holder, since, until
        held = f"the workspace is locked by {holder} since {since}; its lease ends at {until} unless it is renewed"
        super().__init__([f"{held}; if nobody is applying any more, `reconciler unlock` breaks it"])


class SelectionError(ReconcilerError):
    """Selectors that name nothing. `problems` holds a sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@frozen
class StaleField:
    """One attribute of a stale step: what its plan saw, what it would make of it, and what is there now."""

    path: str
    before: Any
    after: Any
    live: Any


class StaleError(ReconcilerError):
    """What a step is about is no longer as its plan saw it; none of its calls was sent."""

    def __init__(self, message: str, fields: Sequence[StaleField] = ()) -> None:
        self.fields = tuple(fields)
        super().__init__(message)


class LeaseLostError(ReconcilerError):
    """The workspace's lease went to somebody else, or could not be renewed in time: nothing more may be written."""


class MissingSecretError(ReconcilerError):
    """A secret is needed and its reference yields nothing."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(f"the secret from {reference} is needed and is not set")


class UnknownValueError(ReconcilerError):
    """A step needs what an earlier one was not answered."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is not known: the call that would have answered it was not made in this run"
        )


class JournalError(ReconcilerError):
    """The record of past runs cannot be read or written. No apply fails by it."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        super().__init__(
            f"the journal {path} {problem}; it is never needed: without it the next apply begins a new one"
        )


class TargetError(ReconcilerError):
    """The target cannot be reached: no credentials, no region, no route.

    `unknown` says that a call was sent and may have been done, although it was not answered.
    """

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(message)


class ServiceUnavailableError(TargetError):
    """The endpoint fails call after call: nothing more is sent to it until it has had time to recover."""


class UnknownOutcomeError(TargetError):
    """The answer to a call was lost, and reading does not tell whether it was done."""

    def __init__(self, call: object, cause: Exception, look_at: str = "") -> None:
        where = f"; {look_at} may tell" if look_at else ""
        super().__init__(
            f"{call} may or may not have been done: its answer was lost ({cause}){where}; plan again, which reads what is there",
            outcome_unknown=True,
        )


class AwsError(ReconcilerError):
    """AWS refused one call.

    `code` is AWS's error code, `status` the HTTP status (0 when there was no answer), `request_id` AWS's id of the
    request (empty when there was none). `unknown` says that the call may have been done all the same (5xx).
    """

    def __init__(  # noqa: PLR0913 (what AWS answers has these parts)
        self,
        *,
        service: str,
        operation: str,
        code: str,
        message: str,
        status: int = 0,
        request_id: str = "",
        outcome_unknown: bool = False,
    ) -> None:
        self.service = service
        self.operation = operation
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.outcome_unknown = outcome_unknown
        told = f" (request {request_id})" if request_id else ""
        super().__init__(f"{service}:{operation} answered {code}: {message}{told}")
