"""Read live state and compare it, until no change rests on remembered edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.engine.plan.compare import Comparison, compare_states
from reconciler.engine.plan.read_tracker import Progress
from reconciler.engine.plan.refresh import refresh
from reconciler.kinds.shared.edges import find_concerned_things
from reconciler.model.call import Call
from reconciler.model.edge_readings import EdgeReadings
from reconciler.model.run import RunCall
from reconciler.model.settings import DesiredState

if TYPE_CHECKING:
    from reconciler.engine.remembered.edges import RememberedEdges


def read_states(  # noqa: PLR0913 (what is read, how, and for what)
    state: DesiredState,
    call: Call,
    progress: Progress,
    *,
    destroying: bool = False,
    list_all: bool = False,
    unanswered_calls: Sequence[RunCall] = (),
    remembered: RememberedEdges | None = None,
) -> tuple[Comparison, EdgeReadings | None]:
    """Read and compare, and return the comparison with how the edges were read; None if all were.

    With `remembered`, everything is read again while changes rest on remembered edges: those of the things that the changes concern are
    then read, too. The arguments are those of `refresh`. Raises AwsError and TargetError.
    """
    while True:
        refresh_result = refresh(
            state,
            call,
            progress,
            destroying=destroying,
            list_all=list_all,
            unanswered_calls=unanswered_calls,
            remembered=remembered,
        )
        comparison = compare_states(state, refresh_result, progress, destroying=destroying)
        if remembered is None:
            return comparison, None
        names = set(find_concerned_things(comparison.changes.keys(), comparison.live, comparison.desired))
        if not remembered.needs_another_pass(names):
            from reconciler.engine.remembered.readings import describe_readings

            remembered.end(names)
            return comparison, describe_readings(remembered)
