"""Find the steps that the last run did not complete."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.run import RunRecord
from reconciler.model.text import format_time


def find_unfinished_addresses(last_run: RunRecord | None) -> Sequence[Address]:
    """Return the addresses of the steps that the last run did not complete.

    Raises PlanRejectedError if there is no last run, or if it is still running, was a destroy or completed every step.
    """
    if last_run is None:
        raise PlanRejectedError(
            ["the journal has no run of this workspace on this target; apply without --retry-failed"]
        )
    run = last_run.run
    description = f"the last run, {run.id} of {run.process} at {format_time(run.started_at)},"
    if run.status == "running":
        raise PlanRejectedError([f"{description} is still running"])
    if run.command == "destroy":
        raise PlanRejectedError([f"{description} was a destroy; run `reconciler destroy` to continue it"])
    if not last_run.unfinished_addresses:
        raise PlanRejectedError([f"{description} completed every step; apply without --retry-failed"])
    return [Address.parse(address) for address in last_run.unfinished_addresses]
