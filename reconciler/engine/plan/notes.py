"""What a plan says beside its changes."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from reconciler.engine.ownership.lease import LeaseHolder
from reconciler.engine.plan.call_savings import suggest_call_savings
from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.removals import find_live_address
from reconciler.engine.plan.unmanaged import describe_unmanaged
from reconciler.kinds import all_kinds
from reconciler.kinds.base.schema import members
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.change import Forget, Replace
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.duration import parse_duration
from reconciler.model.pem import Pem
from reconciler.model.plan import Note, Step
from reconciler.model.plan_options import PlanOptions
from reconciler.model.quota import Quotas
from reconciler.model.settings import DesiredState, Settings
from reconciler.model.text import join_some


def collect_notes(  # noqa: PLR0913 (each is one thing that there may be something to say of)
    state: DesiredState,
    request: PlanOptions,
    found: Comparison,
    steps: Sequence[Step],
    quotas: Quotas,
    *,
    at_work: LeaseHolder | None,
) -> Iterator[Note]:
    """Who applies meanwhile, the file's warnings, certificates about to expire, what the kinds have to say, and advice."""
    if at_work:
        yield Note("warning", at_work.partial_apply_warning())
    yield from map(_warning, state.warnings)
    for action, allowed in request.limit_overrides.items():
        told = f"this run may {action} {allowed.text} of what the workspace owns, whatever its limits say"
        yield Note("warning", told)
    yield from _expiring(found, state.settings)
    for table, why in found.refresh.unlisted.items():
        told = f"could not be looked for, so any that the workspace owns are left alone: {why}"
        yield Note("warning", f"{table.replace('_', ' ')} {told}")
    yield from _kept(found, reserved_addresses(state.settings.name))
    yield from _remarks(found)
    yield from _gone(found, state)
    yield from _renamed(found, state)
    yield from describe_unmanaged(state, found)
    yield from suggest_call_savings(steps, quotas)


def _warning(found: Diagnostic) -> Note:
    if found.address is None:
        return Note("warning", str(found))
    where = f"{found.field}: " if found.field else ""
    return Note(
        "warning", f"{where}{found.problem} ({found.file}:{found.line})", Address.parse(found.address)
    )


def _expiring(found: Comparison, settings: Settings) -> Iterator[Note]:
    """The wanted certificates whose end is near. One that is past it is a warning of the file's."""
    now = datetime.datetime.now(datetime.UTC)
    within = datetime.timedelta(seconds=parse_duration(settings.expires_within) or 0.0)
    for address, resource in found.desired.items():
        for name in members(type(resource.spec)):
            value = getattr(resource.spec, name)
            end = x509.expires_at(value) if isinstance(value, Pem) else None
            if end and now < end < now + within:
                left = (end - now).days
                yield Note("warning", f"the certificate expires on {end:%Y-%m-%d}, in {left} days", address)


def _gone(found: Comparison, state: DesiredState) -> Iterator[Note]:
    """What the file says to forget, and is forgotten already: the line does no harm, and is of no use."""
    for address in state.removed:
        at = find_live_address(address, found.live)
        if at is None or not isinstance(found.changes.get(at), Forget):
            told = "there is nothing to forget: nothing of that name bears this workspace's mark"
            yield Note("info", told, address)


def _kept(found: Comparison, marks: Collection[Address]) -> Iterator[Note]:
    """What has left the file and stays, the first of each kind by name."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for address in sorted(found.kept_orphans.keys() - marks):
        names[address.kind].append(str(address))
    for kind, those in names.items():
        what = f"{kind.replace('_', ' ')} that left the file and stay, as workspace.prune is never"
        yield Note("info", f"{what} ({len(those):,}): {join_some(those)}; [[removed]] forgets one")


def _renamed(found: Comparison, state: DesiredState) -> Iterator[Note]:
    """What is only called otherwise in the file."""
    for source, to in state.moved.items():
        change = found.changes.get(to)
        if isinstance(change, Replace) and any(
            (field.path, field.before, field.after) == ("name", source.name, to.name)
            for field in change.fields
        ):
            told = (
                f'AWS cannot change its name, which is the one in the file; name = "{source.name}" keeps it'
            )
            yield Note("warning", told, to)
        if to not in found.changes and source not in found.live and all_kinds()[to.kind].name_api is None:
            told = f"was {source}; AWS does not know it by that name, so nothing is sent for it"
            yield Note("info", told, to)


def _remarks(found: Comparison) -> Iterator[Note]:
    for address, change in found.changes.items():
        yield from (
            Note("warning", told, address) for told in all_kinds()[address.kind].plan_warnings(change)
        )
    for address, live in found.live.items():
        if address not in found.changes:
            yield from (Note("info", told, address) for told in all_kinds()[address.kind].plan_notes(live))
