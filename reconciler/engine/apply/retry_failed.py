"""What the last run left undone."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.address import Address
from reconciler.model.errors import RefusedError
from reconciler.model.run import Record


def left_undone(last: Record | None) -> Sequence[Address]:
    """The addresses that the last run did not bring to what was wanted. Raises RefusedError where that makes no sense."""
    if last is None:
        raise RefusedError(
            ["the journal knows of no run of this workspace on this target; apply without --retry-failed"]
        )
    run = last.run
    told = f"the last run, {run.id} of {run.who} at {run.begun:%Y-%m-%d %H:%M:%S} UTC,"
    if run.status == "running":
        raise RefusedError([f"{told} is still at work"])
    if run.command == "destroy":
        raise RefusedError([f"{told} was a destroy; `reconciler destroy` goes on with it"])
    if not last.unfinished:
        raise RefusedError([f"{told} left nothing undone"])
    return [Address.parse(address) for address in last.unfinished]
