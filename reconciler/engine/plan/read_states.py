"""Read live state and compare it, until no change rests on remembered edges."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.engine.plan.compare import Comparison, compare_states
from reconciler.engine.plan.read_tracker import Progress
from reconciler.engine.plan.refresh import refresh
from reconciler.engine.remembered.edges import RememberedEdges
from reconciler.engine.remembered.readings import describe_readings
from reconciler.kinds.base.references import find_users
from reconciler.model.address import Address
from reconciler.model.call import Call
from reconciler.model.edge_readings import EdgeReadings
from reconciler.model.resource import Live, Resource
from reconciler.model.run import RunCall
from reconciler.model.settings import DesiredState


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
        if remembered:
            remembered.begin_pass()
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
        names = set(_find_concerned_things(comparison))
        if not remembered.needs_another_pass(names):
            remembered.end(names)
            return comparison, describe_readings(remembered)


def _find_concerned_things(comparison: Comparison) -> Iterator[str]:
    """Yield the names of the things whose edges the changes depend on.

    These are the things that change, and those that have, or will have, a certificate that changes.
    """
    changed = comparison.changes.keys()
    yield from (name for address in changed for name in _find_names(address, comparison))
    certificates = {address for address in changed if address.kind == "certificates"}
    if not certificates:
        return
    for users in (find_users(comparison.live), find_users(comparison.desired)):
        for certificate in certificates:
            for user in users.get(certificate, ()):
                yield from _find_names(user, comparison)
    for certificate in certificates & comparison.live.keys():
        yield from comparison.live[certificate].used_by


def _find_names(address: Address, comparison: Comparison) -> Iterator[str]:
    """Yield the name of a thing, or the names of a provisioned thing's things."""
    if address.kind == "things":
        yield address.name
    elif address.kind == "provisioned_things":
        resources: tuple[Resource | Live | None, ...] = (
            comparison.live.get(address),
            comparison.desired.get(address),
        )
        yield from (
            resource.spec.thing_name for resource in resources if resource and resource.spec.thing_name
        )
