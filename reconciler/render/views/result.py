"""Views of the result of an apply and of its outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from reconciler.frozen_classes import frozen
from reconciler.model.change import ACTIONS
from reconciler.model.errors import (
    AwsError,
    LeaseLostError,
    MissingSecretError,
    ReconcilerError,
    ServiceUnavailableError,
    StaleError,
    StaleField,
    TargetError,
)
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.outcome import (
    FINAL_STATUSES,
    Applied,
    Canceled,
    Failed,
    Outcome,
    Result,
    Skipped,
    Waiting,
)
from reconciler.model.plan import Step
from reconciler.model.status import format_status_counts
from reconciler.model.text import escape_invisible
from reconciler.render.views.format_value import ValueView, format_optional
from reconciler.render.views.labels import OUTCOME_GLYPHS, format_duration, pluralize
from reconciler.render.views.next_step import suggest_next_step

PAST_TENSE: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "forget": "forgotten",
}
"""The past tense of each action."""

_ERROR_NAMES: Mapping[type[ReconcilerError], str] = {
    StaleError: "stale plan",
    LeaseLostError: "lease lost",
    MissingSecretError: "missing secret",
    ServiceUnavailableError: "service unavailable",
    TargetError: "no response",
}
"""Names for some of our own errors, shown where AWS's errors have their code."""


@frozen
class StaleFieldView:
    """One field that changed after the plan was made.

    `at_plan_time` is its value when the plan was made, `planned` the value that the plan sets, and `live` the live value.
    """

    path: str
    at_plan_time: ValueView | None
    planned: ValueView | None
    live: ValueView | None


@frozen
class FailureView:
    """One failed step.

    `description` is the action and the address, with the call that AWS rejected, if any. `code` is AWS's error code, the name of
    our own error, or empty. `stale_fields` are the fields that someone else changed since the plan was made.
    """

    action: str
    address: str
    description: str
    code: str
    message: str
    request_id: str
    next_step: str
    stale_fields: tuple[StaleFieldView, ...] = ()


@frozen
class OutcomeView:
    """One outcome of a step.

    `details` is the duration of an applied step, how long a step has waited for AWS, or why a step was not
    applied; it is empty for a started step, and for an error without a code.
    """

    status: str
    glyph: str
    action: str
    address: str
    details: str
    failure: FailureView | None = None


@frozen
class ResultView:
    """A whole result.

    `counts` are the numbers of steps by final status, and `actions` those of applied steps by action. `skipped` has, for each
    address whose failure blocked other steps, the number of these steps.
    `failures` and `outcomes` may be lazy. `omitted` is the number of outcomes that are not among the `outcomes`. `environment` is empty in a file without environments.
    """

    workspace: str
    counts: Mapping[str, int]
    actions: Mapping[str, int]
    failures: Sequence[FailureView]
    skipped: tuple[tuple[str, int], ...]
    seconds: float
    ok: bool
    outcomes: Sequence[OutcomeView] = ()
    omitted: int = 0
    environment: str = ""


@frozen
class ResultSummary:
    """A result in one line: `title` is emphasized, `details` follow it.

    `status` is "applied", or "failed" if the apply is incomplete.
    """

    status: str
    title: str
    details: str


def build_outcome_view(outcome: Outcome, step: Step | None = None) -> OutcomeView:
    """Build the view of one outcome; with `step`, a failure also has the number of the failed call."""
    failure = _build_failure(outcome, step) if isinstance(outcome, Failed) else None
    return OutcomeView(
        status=outcome.status,
        glyph=OUTCOME_GLYPHS[outcome.status],
        action=outcome.change.action,
        address=escape_invisible(str(outcome.change.address)),
        details=failure.code if failure else _describe_outcome(outcome),
        failure=failure,
    )


def build_result_view(result: Result, *, max_outcomes: int | None = None) -> ResultView:
    """Build the view of a result; `max_outcomes` limits the outcomes it lists."""
    failed_outcomes = [outcome for outcome in result.outcomes if isinstance(outcome, Failed)]
    failed_addresses = {outcome.change.address for outcome in failed_outcomes}
    positions = {
        change.address: position
        for position, change in enumerate(result.plan.changes)
        if change.address in failed_addresses
    }

    def find_step(outcome: Outcome) -> Step | None:
        position = positions.get(outcome.change.address)
        return None if position is None else result.plan.steps[position]

    skipped_counts = Counter(
        escape_invisible(str(outcome.blocked_by))
        for outcome in result.outcomes
        if isinstance(outcome, Skipped)
    )
    listed_outcomes = result.outcomes[:max_outcomes]
    return ResultView(
        workspace=escape_invisible(result.plan.workspace),
        counts={status: result.count(status) for status in FINAL_STATUSES},
        actions=Counter(outcome.change.action for outcome in result.outcomes if isinstance(outcome, Applied)),
        failures=LazySequence(lambda outcome: _build_failure(outcome, find_step(outcome)), failed_outcomes),
        skipped=tuple(sorted(skipped_counts.items())),
        seconds=result.seconds,
        ok=result.ok,
        outcomes=LazySequence(
            lambda outcome: build_outcome_view(outcome, find_step(outcome)), listed_outcomes
        ),
        omitted=len(result.outcomes) - len(listed_outcomes),
        environment=escape_invisible(result.plan.environment),
    )


def summarize_result(view: ResultView) -> ResultSummary:
    """Summarize a result in one line."""
    changes = ", ".join(
        f"{view.actions[action]:,} {PAST_TENSE[action]}" for action in ACTIONS if view.actions[action]
    )
    duration = format_duration(view.seconds)
    if not view.ok:
        unapplied = {status: count for status, count in view.counts.items() if status != "applied"}
        total = pluralize(sum(view.counts.values()), "change")
        completed = f"{changes} in {duration}" if changes else "none were made"
        details = f": {sum(unapplied.values()):,} of {total} not made ({format_status_counts(unapplied)}); {completed}."
        return ResultSummary("failed", "Apply incomplete", details)
    details = f" in {duration}: {changes}." if changes else ": no changes."
    return ResultSummary("applied", "Apply complete", details)


def _describe_outcome(outcome: Outcome) -> str:
    match outcome:
        case Applied():
            return f"{outcome.seconds:.2f} s"
        case Waiting():
            return f"for AWS, {outcome.seconds:.0f} s so far"
        case Skipped():
            return f"{escape_invisible(str(outcome.blocked_by))} failed"
        case Canceled():
            return "the run was stopped"
        case _:
            return ""


def _build_failure(outcome: Failed, step: Step | None) -> FailureView:
    error, change = outcome.error, outcome.change
    if isinstance(error, AwsError):
        code, message, request_id = error.code, error.message, error.request_id
    else:
        code, message, request_id = _ERROR_NAMES.get(type(error), ""), str(error), ""
    return FailureView(
        action=change.action,
        address=escape_invisible(str(change.address)),
        description=escape_invisible(_describe_failed_step(outcome, step)),
        code=escape_invisible(code),
        message=escape_invisible(message),
        request_id=escape_invisible(request_id),
        next_step=suggest_next_step(error),
        stale_fields=tuple(map(_build_stale_field, error.fields)) if isinstance(error, StaleError) else (),
    )


def _describe_failed_step(outcome: Failed, step: Step | None) -> str:
    """Describe what a failed step was doing: its action, and the API call if AWS rejected one."""
    text = f"{outcome.change.action} {outcome.change.address}"
    if not isinstance(outcome.error, AwsError):
        return text
    text += f", {outcome.error.service}:{outcome.error.operation}"
    call_count = len(step.calls) if step else 0
    if call_count > 1:
        number = min(outcome.completed_calls + 1, call_count)
        text += f" (call {number} of {call_count})"
    return text


def _build_stale_field(field: StaleField) -> StaleFieldView:
    return StaleFieldView(
        path=escape_invisible(field.path),
        at_plan_time=format_optional(field.before),
        planned=format_optional(field.after),
        live=format_optional(field.live),
    )
