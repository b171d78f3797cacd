"""Exit codes: 0 done, or nothing to do; 1 an error; 2 there are changes, where that was asked; 3 refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.model.errors import LeaseLostError, PlanRejectedError, ReconcilerError, StaleError

if TYPE_CHECKING:
    from reconciler.model.outcome import Result

ERROR = 1
CHANGES = 2
"""What `plan --detailed-exitcode` gives when there are changes, and `drift` when there is drift."""
REFUSED = 3
"""Nothing was done because it must not be: stale, locked, over a limit, protected, not approved."""

_REFUSALS = (PlanRejectedError, StaleError, LeaseLostError)


def of_error(error: ReconcilerError) -> int:
    """What a command ends with for an error."""
    return REFUSED if isinstance(error, _REFUSALS) else ERROR


def of_result(result: Result) -> int:
    """What an apply ends with: refused where that is all that went wrong; where anything failed as well, that counts."""
    from reconciler.model.outcome import Failed

    if result.ok:
        return 0
    failed = [outcome.error for outcome in result.outcomes if isinstance(outcome, Failed)]
    return REFUSED if failed and all(isinstance(error, _REFUSALS) for error in failed) else ERROR
