"""What became of a plan, and one resource seen from both sides, as trees of plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import frozen

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
from reconciler.model.outcome import Applied, Canceled, Failed, Outcome, Result, Skipped, Waiting
from reconciler.model.plan import Step
from reconciler.render.views.format_value import ValueView, format_optional, visible
from reconciler.render.views.next_step import suggest_next_step
from reconciler.render.views.plan import format_duration, pluralize

OUTCOME_GLYPHS: Mapping[str, str] = {
    "started": "▸",
    "waiting": "…",
    "applied": "✔",
    "failed": "✖",
    "skipped": "↷",
    "cancelled": "◌",
}
"""What stands beside the word for what became of a step."""


@frozen
class StaleFieldView:
    """One attribute of a stale step: what the plan saw, what it would have made of it, and what is there."""

    path: str
    at_plan_time: ValueView | None
    planned: ValueView | None
    live: ValueView | None


@frozen
class FailureView:
    """One failed step: what was being done, what was answered, what to do next.

    `code` is AWS's error code, or a word or two of ours; `moved` is what somebody else has changed.
    """

    action: str
    address: str
    operation: str
    code: str
    message: str
    request_id: str
    next_step: str
    stale_fields: tuple[StaleFieldView, ...] = ()


@frozen
class OutcomeView:
    """One outcome in a line. `about` is its seconds, or why it was not tried."""

    status: str
    glyph: str
    action: str
    address: str
    details: str
    failure: FailureView | None = None


@frozen
class ResultView:
    """A whole result. `skipped` counts steps by the address whose failure they were skipped for; `ends` has
    every step, or as many as were asked for, and `left` says how many there are beside these.
    """

    workspace: str
    counts: Mapping[str, int]
    actions: Mapping[str, int]
    failures: tuple[FailureView, ...]
    skipped: tuple[tuple[str, int], ...]
    seconds: float
    ok: bool
    outcomes: tuple[OutcomeView, ...] = ()
    omitted: int = 0


def build_outcome_view(outcome: Outcome, step: Step | None = None) -> OutcomeView:
    """One outcome; its step, where it is at hand, says which of its calls failed."""
    change = outcome.change
    failure, about = None, ""
    match outcome:
        case Applied():
            about = f"{outcome.seconds:.2f} s"
        case Waiting():
            about = f"for AWS to catch up, {outcome.seconds:.0f} s by now"
        case Failed():
            failure = _failure(outcome, step)
            about = failure.code
        case Skipped():
            about = f"{visible(str(outcome.blocked_by))} failed"
        case Canceled():
            about = "the run was stopped"
    return OutcomeView(
        outcome.status,
        OUTCOME_GLYPHS[outcome.status],
        change.action,
        visible(str(change.address)),
        about,
        failure,
    )


def build_result_view(result: Result, *, max_outcomes: int | None = None) -> ResultView:
    """The result as a tree; `most` leaves it at so many ends."""
    steps = {step.address: step for step in result.plan.steps}
    failed = [outcome for outcome in result.outcomes if isinstance(outcome, Failed)]
    causes = Counter(visible(str(end.blocked_by)) for end in result.outcomes if isinstance(end, Skipped))
    return ResultView(
        workspace=visible(result.plan.workspace),
        counts={word: result.count(word) for word in ("applied", "failed", "skipped", "cancelled")},
        actions=Counter(end.change.action for end in result.outcomes if isinstance(end, Applied)),
        failures=tuple(_failure(outcome, steps.get(outcome.change.address)) for outcome in failed),
        skipped=tuple(sorted(causes.items())),
        seconds=result.seconds,
        ok=result.ok,
        outcomes=tuple(
            build_outcome_view(end, steps.get(end.change.address)) for end in result.outcomes[:max_outcomes]
        ),
        omitted=len(result.outcomes[max_outcomes:]) if max_outcomes is not None else 0,
    )


_PAST: Mapping[str, str] = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "forget": "forgotten",
}


def summarize_result(view: ResultView) -> tuple[str, str, str]:
    """A result in one sentence: the word for its end, the words that stand out, and the rest."""
    told = ", ".join(
        f"{view.actions[action]:,} {_PAST[action]}" for action in ACTIONS if view.actions[action]
    )
    passed = format_duration(view.seconds)
    if view.ok:
        return "applied", "Done", f" in {passed}: {told}." if told else ": there was nothing to do."
    counts = ", ".join(f"{count:,} {word}" for word, count in view.counts.items() if count)
    done = f" Done so far: {told}." if told else " Nothing was changed by a finished step."
    return "failed", "Not everything was applied", f" in {passed}: {counts}.{done}"


def _failure(outcome: Failed, step: Step | None) -> FailureView:
    error, change = outcome.error, outcome.change
    doing = f"{change.action} {change.address}"
    if isinstance(error, AwsError):
        doing += f", {error.service}:{error.operation}"
        if step and len(step.calls) > 1:
            doing += f" (call {min(outcome.completed_calls + 1, len(step.calls))} of {pluralize(len(step.calls), 'call')})"
    return FailureView(
        action=change.action,
        address=visible(str(change.address)),
        operation=visible(doing),
        code=visible(error.code) if isinstance(error, AwsError) else _WORDS.get(type(error), ""),
        message=visible(error.message if isinstance(error, AwsError) else str(error)),
        request_id=visible(error.request_id) if isinstance(error, AwsError) else "",
        next_step=suggest_next_step(error),
        stale_fields=tuple(map(_moved, error.fields)) if isinstance(error, StaleError) else (),
    )


_WORDS: Mapping[type[ReconcilerError], str] = {
    StaleError: "stale",
    LeaseLostError: "lease lost",
    MissingSecretError: "secret missing",
    ServiceUnavailableError: "service down",
    TargetError: "no answer",
}


def _moved(found: StaleField) -> StaleFieldView:
    return StaleFieldView(
        visible(found.path),
        format_optional(found.before),
        format_optional(found.after),
        format_optional(found.live),
    )
