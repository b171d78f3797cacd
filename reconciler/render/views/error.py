"""The view of any error: what happened, the reasons, and the next step if one is known.

The command line and the notebook both show errors with this view, so an error has the same words in both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reconciler.frozen_classes import frozen
from reconciler.model.errors import (
    AwsError,
    InvalidDesiredStateError,
    LockedError,
    NoConnectionError,
    PlanRejectedError,
    ReconcilerError,
    SelectionError,
)
from reconciler.model.text import escape_invisible, quote
from reconciler.render.views.diagnostics import DiagnosticsView, build_diagnostics_view
from reconciler.render.views.next_step import suggest_next_step

_NO_SOURCES: Mapping[str, Sequence[str]] = MappingProxyType({})


@frozen
class ErrorView:
    """An error: what happened, the reasons, the next step, and for an invalid file its diagnostics."""

    title: str
    reasons: tuple[str, ...] = ()
    next_step: str = ""
    diagnostics: DiagnosticsView | None = None


def build_error_view(error: BaseException, sources: Mapping[str, Sequence[str]] = _NO_SOURCES) -> ErrorView:
    """Build the view of any exception; one that is not a ReconcilerError is an internal error.

    `sources` maps the name of a file in the diagnostics to its lines.
    """
    match error:
        case InvalidDesiredStateError():
            return ErrorView(error.summary, diagnostics=build_diagnostics_view(error.diagnostics, sources))
        case LockedError():
            return _build_locked_view(error)
        case PlanRejectedError():
            return ErrorView(error.summary, _escape(error.reasons))
        case SelectionError():
            return ErrorView(error.summary, _escape(error.problems))
        case AwsError():
            return _build_aws_view(error)
        case NoConnectionError():
            return ErrorView(escape_invisible(str(error)), next_step=suggest_next_step(error, applying=False))
        case ReconcilerError():
            title, *reasons = str(error).splitlines() or [type(error).__name__]
            return ErrorView(escape_invisible(title), _escape(reasons))
        case _:
            message = (str(error).splitlines() or [""])[0]
            text = f"{type(error).__name__}: {message}" if message else type(error).__name__
            return ErrorView(escape_invisible(f"internal error: {text}"))


def _build_locked_view(error: LockedError) -> ErrorView:
    place = f" in environment {quote(error.environment)}" if error.environment else ""
    title = f"the workspace is locked{place} by {error.holder} since {error.since}; nothing was sent"
    next_step = (
        f"wait for that apply to finish; its lease ends at {error.until} unless it is renewed; "
        "if that apply no longer runs, `reconciler unlock` releases the lock"
    )
    return ErrorView(escape_invisible(title), next_step=escape_invisible(next_step))


def _build_aws_view(error: AwsError) -> ErrorView:
    place = f"environment {quote(error.environment)}: " if error.environment else ""
    title = f"{place}{error.service}:{error.operation} failed with {error.code}: {error.message}"
    reasons = (f"request ID {error.request_id}",) if error.request_id else ()
    return ErrorView(escape_invisible(title), _escape(reasons), suggest_next_step(error, applying=False))


def _escape(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(escape_invisible, texts))
