"""An error as a tree of plain values: what happened, every reason, what to do next."""

from __future__ import annotations

from attrs import frozen

from reconciler.model.errors import (
    AwsError,
    InvalidDesiredStateError,
    LockedError,
    PlanRejectedError,
    ReconcilerError,
)
from reconciler.model.text import visible
from reconciler.render.views.diagnostics import DiagnosticsView, build_diagnostics_view
from reconciler.render.views.next_step import suggest_next_step


@frozen
class ErrorView:
    """`title` says what happened, `points` every reason; `mistakes` are those of the file, where it is the file."""

    title: str
    reasons: tuple[str, ...] = ()
    next_step: str = ""
    diagnostics: DiagnosticsView | None = None


def build_error_view(error: Exception) -> ErrorView:
    """Any error as people read it; one that nobody raised on purpose is a fault of ours, and says so."""
    match error:
        case InvalidDesiredStateError():
            return ErrorView(
                "The file cannot be used; nothing was sent.",
                diagnostics=build_diagnostics_view(error.diagnostics, {}),
            )
        case LockedError():
            who = f"{error.holder} is applying this workspace since {error.since}; nothing was sent."
            again = f"wait until it is done; its lease ends at {error.until} unless it is renewed"
            return ErrorView(visible(who), next_step=visible(again))
        case PlanRejectedError():
            return ErrorView("The plan is refused; nothing was sent.", tuple(map(visible, error.reasons)))
        case AwsError():
            about = (f"request {error.request_id}",) if error.request_id else ()
            said = f"{error.service}:{error.operation} answered {error.code}: {error.message}"
            return ErrorView(visible(said), tuple(map(visible, about)), suggest_next_step(error))
        case ReconcilerError():
            return ErrorView(visible(str(error)))
        case _:
            told = f"{type(error).__name__}: {error}".splitlines()[0]
            return ErrorView(visible(f"This is a fault in reconciler, not in your file: {told}"))
