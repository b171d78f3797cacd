"""The exceptions, in one tree.

ReconcilerError                 the base of all expected errors, with a message for users
├── InvalidDesiredStateError    the file is invalid; has every diagnostic
├── PlanRejectedError           the plan fails a plan check; has every reason
│   └── LockedError             another apply holds the workspace's lease
├── SelectionError              a selector matches nothing
├── StaleError                  the live state has changed since the plan was made
├── LeaseLostError              another process took the workspace's lease, or it could not be renewed in time
├── MissingExtraError           a feature is used whose optional dependencies are not installed
├── MissingSecretError          a secret is needed, but is not set
├── WaitError                   what a step waits for failed, or did not happen in time; has what the user can do
├── UnknownValueError           a step needs a value from a response that this run has not received
├── JournalError                the journal of past runs cannot be read or written
├── TargetError                 no credentials, no region, or no connection to the endpoint
│   ├── ServiceUnavailableError the endpoint fails every request, so nothing more is sent to it for now
│   │   └── NoConnectionError   nothing accepts connections at the endpoint, which is not AWS's
│   └── UnknownOutcomeError     a response was lost, and reading did not show whether the call took effect
└── AwsError                    AWS returned an error, or boto3 rejected the parameters of a call
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import Diagnostic, count_by_severity, format_severity_counts
from reconciler.model.text import quote


class ReconcilerError(Exception):
    """The base of all errors; `str()` is a message for users, with the next step if one is known.

    `environment` is the environment of the file that the error is about; it is empty if that is not known, and in a file without
    environments.
    """

    environment = ""
    traceback_renderer: ClassVar[Callable[[ReconcilerError], list[str]] | None] = None
    """Renders the lines that IPython shows instead of a traceback; the Python API sets it."""

    def __str__(self) -> str:
        place = f"environment {quote(self.environment)}: " if self.environment else ""
        return f"{place}{super().__str__()}"

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython shows instead of a traceback, with control characters escaped."""
        if self.traceback_renderer:
            return self.traceback_renderer()
        lines = f"{type(self).__name__}: {self}".splitlines()
        return ["".join(map(_escape, line)) for line in lines]


def _escape(character: str) -> str:
    return character if character.isprintable() else repr(character)[1:-1]


class InvalidDesiredStateError(ReconcilerError):
    """A desired state with errors.

    `path` is the file or folder, if it is known. `diagnostics` are all errors and warnings, in the order of files and lines; `counts`
    is their numbers as text (`2 errors, 1 warning`).
    """

    def __init__(
        self, diagnostics: Sequence[Diagnostic], path: Path | None = None, environment: str = ""
    ) -> None:
        self.diagnostics, self.path, self.environment = tuple(diagnostics), path, environment
        self.counts = format_severity_counts(*count_by_severity(self.diagnostics))
        super().__init__("\n".join([self.summary, *map(str, self.diagnostics)]))

    @property
    def summary(self) -> str:
        """The first line of the message."""
        place = f" in environment {quote(self.environment)}" if self.environment else ""
        return f"the desired state is not valid{place}: {self.counts}; nothing was sent"

    def __str__(self) -> str:
        return "\n".join([self.summary, *map(str, self.diagnostics)])


class PlanRejectedError(ReconcilerError):
    """A plan that fails plan checks; `reasons` has all of them."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join([self.summary, *self.reasons]))

    @property
    def summary(self) -> str:
        """The headline of the message."""
        place = f" for environment {quote(self.environment)}" if self.environment else ""
        return f"the plan{place} is rejected; nothing was sent"

    def __str__(self) -> str:
        return "\n".join([self.summary, *self.reasons])


class LockedError(PlanRejectedError):
    """A workspace that another apply is changing.

    `holder` is the user, host and process that run it; `since` and `until` are the times of its lease as text, by the
    registry's clock.
    """

    def __init__(self, holder: str, since: str, until: str) -> None:
        self.holder, self.since, self.until = holder, since, until
        state = f"the workspace is locked by {holder} since {since}; the lease expires at {until} unless it is renewed"
        next_step = "if that apply is no longer running, release the lock with `reconciler unlock`"
        super().__init__([f"{state}; {next_step}"])


INVALID_SELECTION = "the selection is not valid; nothing was sent"


class SelectionError(ReconcilerError):
    """Selectors that match nothing; `problems` has a sentence for each, `summary` the headline."""

    def __init__(self, problems: Sequence[str], summary: str = INVALID_SELECTION) -> None:
        self.problems = tuple(problems)
        self.summary = summary
        super().__init__("\n".join(self.problems))


@frozen
class StaleField:
    """A field of a stale step.

    `before` is its value when the plan was made, `after` the value that the plan sets, and `live` the live value.
    """

    path: str
    before: Any
    after: Any
    live: Any


class StaleError(ReconcilerError):
    """A step whose live state has changed since the plan was made; none of its calls was sent."""

    def __init__(self, message: str, fields: Sequence[StaleField] = ()) -> None:
        self.fields = tuple(fields)
        super().__init__(message)


class LeaseLostError(ReconcilerError):
    """A lease that another process took or that could not be renewed in time; nothing more may be written."""


REJECTIONS = (PlanRejectedError, StaleError, LeaseLostError)
"""The errors that reject an apply because of what the registry has by then, or because of another apply."""


class MissingExtraError(ReconcilerError):
    """A feature that needs a module of an extra that is not installed.

    `requirement` is the distribution with the extra, as it is installed.
    """

    def __init__(self, feature: str, module: str, requirement: str) -> None:
        self.module, self.requirement = module, requirement
        super().__init__(f"{feature}: {module} is not installed; install {requirement}")


class MissingSecretError(ReconcilerError):
    """A secret that is needed, but is not set."""

    def __init__(self, reference: str) -> None:
        self.reference = reference
        super().__init__(f"the secret from {reference} is not set; set it and run the command again")


class WaitError(ReconcilerError):
    """A condition that a step waits for failed, or did not happen in time.

    `advice` is what the user can do about it.
    """

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(problem)
        self.advice = advice


class UnknownValueError(ReconcilerError):
    """A value that a step needs, but that no response of this run has."""

    def __init__(self, value_name: str) -> None:
        super().__init__(f"{value_name} is unknown: the call that returns it was not made in this run")


NEW_JOURNAL_ADVICE = "it is optional: move it away and the next apply starts a new journal"
NO_JOURNAL_ADVICE = "nothing was sent, because the journal would miss this run; solve this, or use --no-journal (in Python: journal=False)"


TEAM_JOURNAL_ADVICE = "check `journal` in [workspace], and who may write there"
"""The next step if the place of the team's runs cannot be used."""


class JournalError(ReconcilerError):
    """A journal that cannot be read or written. An apply that has started continues without it."""

    def __init__(self, path: str, problem: str, next_step: str = NEW_JOURNAL_ADVICE) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"the journal {path} {problem}; {next_step}")


class TargetError(ReconcilerError):
    """A target that cannot be reached: no credentials, no region, or no connection.

    `outcome_unknown` is whether a call was sent and may have taken effect, although there was no response.
    """

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        self.outcome_unknown = outcome_unknown
        super().__init__(message)


class ServiceUnavailableError(TargetError):
    """An endpoint that fails every request; nothing more is sent to it until it has had time to recover."""


class NoConnectionError(ServiceUnavailableError):
    """An endpoint other than AWS's that accepts no connection; `url` is its URL."""

    def __init__(self, url: str, *, outcome_unknown: bool = False) -> None:
        self.url = url
        super().__init__(f"cannot connect to {url}; is it running?", outcome_unknown=outcome_unknown)


class UnknownOutcomeError(TargetError):
    """A call with a lost response; reading did not show whether it took effect."""

    def __init__(self, call: object, cause: Exception, resource_to_check: str = "") -> None:
        hint = f"check {resource_to_check} and " if resource_to_check else ""
        super().__init__(
            f"{call} may or may not have been made: its response was lost ({cause}); {hint}run plan again to see the live state",
            outcome_unknown=True,
        )


NO_MESSAGE = "no message"
"""The message of an `AwsError` whose response has none."""


NO_ACCESS_CODES = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedException", "UnknownOperationException"}
)
"""The error codes that a caller gets without permission, or in a region without the service."""


class AwsError(ReconcilerError):
    """An error that AWS returned for one call, or that boto3 raised for invalid parameters.

    `code` is the error code, `status` the HTTP status, `request_id` AWS's ID of the request; if boto3 rejected the parameters,
    nothing was sent, `status` is 0 and `request_id` is empty. `outcome_unknown` is whether the call may have taken effect despite
    the error (5xx).
    """

    def __init__(  # noqa: PLR0913 (the parts of AWS's error responses)
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
        suffix = f" (request {request_id})" if request_id else ""
        super().__init__(f"{service}:{operation} failed with {code}: {message}{suffix}")


@contextmanager
def name_environment(name: str) -> Iterator[None]:
    """Let errors of the target and rejections of plans name an environment; do nothing if `name` is empty."""
    try:
        yield
    except (TargetError, AwsError, PlanRejectedError) as error:
        error.environment = name
        raise
