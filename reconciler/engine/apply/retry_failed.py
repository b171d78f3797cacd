"""What the last run left undone."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.run import RunRecord


def unfinished_addresses(last: RunRecord | None) -> Sequence[Address]:
    """The addresses that the last run did not bring to what was wanted. Raises PlanRejectedError where that makes no sense."""
    if last is None:
        raise PlanRejectedError(
            ["the journal knows of no run of this workspace on this target; apply without --retry-failed"]
        )
    run = last.run
    told = f"the last run, {run.id} of {run.process} at {run.started_at:%Y-%m-%d %H:%M:%S} UTC,"
    if run.status == "running":
        raise PlanRejectedError([f"{told} is still at work"])
    if run.command == "destroy":
        raise PlanRejectedError([f"{told} was a destroy; `reconciler destroy` goes on with it"])
    if not last.unfinished_addresses:
        raise PlanRejectedError([f"{told} left nothing undone"])
    return [Address.parse(address) for address in last.unfinished_addresses]
