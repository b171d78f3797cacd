"""Exit codes of every command.

0  success, or nothing to do
1  error, including a wrong command line
2  there are changes (`plan --detailed-exitcode`) or there is drift (`drift`)
3  the plan was rejected or is stale, the workspace is locked, its lease was lost, or the prompt was declined; an apply exits
   with 3 only if every failed step has such a reason, and a rollout only if every environment that failed has
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.model.errors import REJECTIONS, ReconcilerError

if TYPE_CHECKING:
    from reconciler.model.outcome import Result

ERROR = 1
CHANGES = 2
REJECTED = 3


def get_error_code(error: ReconcilerError) -> int:
    """Return the exit code for an error."""
    return REJECTED if isinstance(error, REJECTIONS) else ERROR


def get_result_code(result: Result) -> int:
    """Return the exit code of an apply.

    It is 0 if every step was applied, REJECTED if steps failed and all failures are rejections, and ERROR otherwise.
    """
    from reconciler.model.outcome import Failed

    if result.ok:
        return 0
    errors = [outcome.error for outcome in result.outcomes if isinstance(outcome, Failed)]
    return REJECTED if errors and all(isinstance(error, REJECTIONS) for error in errors) else ERROR


def get_rollout_code(statuses: Iterable[str]) -> int:
    """Return the exit code of a rollout from the statuses of its environments.

    It is 0 if none failed, REJECTED if all failures are rejections, and ERROR otherwise.
    """
    failures = {status for status in statuses if status in {"failed", "rejected", "stopped"}}
    if not failures:
        return 0
    return REJECTED if failures == {"rejected"} else ERROR
