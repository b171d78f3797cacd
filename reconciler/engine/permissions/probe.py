"""Asks the first question of every kind's reading, and no more: which kinds may be looked at?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import evolve

from reconciler.engine.plan.refresh import NO_ACCESS_CODES
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.shared.ownership_markers import add_ownership_markers
from reconciler.model.call import ApiCall, Call
from reconciler.model.check_result import CheckResult
from reconciler.model.errors import AwsError
from reconciler.model.resource import Live
from reconciler.model.settings import DesiredState


def probe(state: DesiredState, call: Call) -> Iterator[CheckResult]:
    """What reading shows of permissions, kind by kind where one is closed. Raises TargetError and other AwsErrors."""
    workspace = state.settings.name
    marked = add_ownership_markers(workspace, state.resources)
    scope = Scope(workspace, marked)
    closed = 0
    for table, kind in all_kinds().items():
        try:
            for first in _first(kind.read(scope)):
                call(evolve(first, max_items=1))
        except AwsError as error:
            if error.code not in NO_ACCESS_CODES:
                raise
            closed += 1
            needed = any(True for _ in scope.resources_of(table))
            advice = "`reconciler permissions --for plan` prints what reading needs"
            why = "the file has some of them" if needed else "the file has none, so plans go on without"
            yield CheckResult("error" if needed else "warning", "reading", f"{table}: {error}; {why}", advice)
    if not closed:
        yield CheckResult("ok", "reading", f"the first question of all {len(all_kinds())} kinds is answered")


def _first(reading: Read[Sequence[Live]]) -> Iterator[ApiCall]:
    """The first call of the first batch that has any."""
    try:
        asked = next(reading)
        while not asked:
            asked = reading.send([])
    except StopIteration:
        return
    yield asked[0]
