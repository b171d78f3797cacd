"""Next steps after an error, by the table of AWS's errors or by the class of one of our own errors."""

from __future__ import annotations

from reconciler.engine.plan.diff import OWNERSHIP_PATH
from reconciler.kinds.shared.group_membership import build_workspace_group_name
from reconciler.model.errors import (
    AwsError,
    LeaseLostError,
    MissingSecretError,
    NoConnectionError,
    ReconcilerError,
    StaleError,
    WaitError,
)
from reconciler.render.views.aws_advice import find_advice

APPLY_AGAIN = "run apply again; completed steps are not repeated"


def suggest_next_step(error: ReconcilerError, *, applying: bool = True) -> str:
    """Suggest in one sentence what the reader can do after an error; empty if nothing more is known.

    `applying` is whether the error is that of a step; other errors are those of a command, which may only read.
    """
    again = APPLY_AGAIN if applying else "run the command again"
    match error:
        case AwsError():
            advice = find_advice(error)
            short_again = "run apply again" if applying else again
            return advice.text.format(again=short_again) if advice and advice.text else ""
        case StaleError() if other_owner := _find_other_owner(error):
            group, other_group = map(build_workspace_group_name, other_owner)
            return (
                f"run plan again; a thing that is in both thing groups, {group} and {other_group}, must first be removed "
                "from that of the workspace that does not own it"
            )
        case StaleError():
            return "run plan again and review the changes made after the plan; none of them was overwritten"
        case LeaseLostError():
            return "run plan again; `reconciler doctor` shows whether someone else is applying this workspace"
        case MissingSecretError():
            return f"set {error.reference}, then {again}"
        case WaitError():
            return f"{error.advice}; then {again}"
        case NoConnectionError():
            return f"start it, or correct `target` in [workspace], then {again}"
        case _:
            return ""


def _find_other_owner(error: StaleError) -> tuple[str, str] | None:
    """Return the workspace that owned a resource, and the other one that owns it now, or None."""
    for field in error.fields:
        if field.path == OWNERSHIP_PATH and field.before and field.live:
            return field.before, field.live
    return None
