"""The warnings and notes of a plan."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence

from reconciler.engine.ownership.stored_lease import LeaseHolder
from reconciler.engine.plan.call_savings import suggest_call_savings
from reconciler.engine.plan.compare import Comparison
from reconciler.engine.plan.removals import find_live_addresses
from reconciler.engine.plan.step_facts import StepFacts
from reconciler.engine.plan.unmanaged import describe_unmanaged
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.schema import get_members
from reconciler.kinds.shared import x509
from reconciler.kinds.shared.ownership_markers import list_reserved_addresses
from reconciler.model.address import ALL_NAMES, Address
from reconciler.model.change import Change, Create, Forget, Replace
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.duration import parse_duration
from reconciler.model.edge_readings import EdgeReadings, describe_edge_warnings, describe_edges
from reconciler.model.pem import Pem
from reconciler.model.plan import Note, UnmanagedResources
from reconciler.model.plan_options import PlanOptions
from reconciler.model.quota import Quotas
from reconciler.model.settings import DesiredState, Settings
from reconciler.model.text import join_some, quote


def collect_notes(  # noqa: PLR0913, PLR0917 (each is a source of notes)
    state: DesiredState,
    options: PlanOptions,
    comparison: Comparison,
    context: PlanContext,
    facts: StepFacts,
    quotas: Quotas,
    *,
    holder: LeaseHolder | None,
    unmanaged: Sequence[UnmanagedResources],
) -> Iterator[Note]:
    """Yield the warnings and notes of a plan."""
    if holder:
        yield Note("warning", holder.format_partial_apply_warning())
    yield from map(_to_note, _select_relevant_warnings(state.warnings, comparison))
    for action, override in options.limit_overrides.items():
        allowance = f"this run may {action} up to {override.text} of the workspace's resources"
        text = f"{allowance}; [workspace.limits] is not checked for this"
        yield Note("warning", text)
    yield from _warn_of_expiring_certificates(comparison, state.settings)
    yield from _describe_unlisted_kinds(comparison)
    yield from describe_kept_orphans(comparison, state.settings.name)
    yield from _describe_kept_settings(comparison)
    yield from _collect_notes_of_kinds(comparison)
    yield from _describe_modified_resources(comparison, facts)
    yield from _describe_grace_periods(comparison)
    yield from _warn_of_cascades(comparison, context)
    yield from _describe_unused_removals(comparison, state)
    yield from _describe_moves(comparison, state)
    yield from _describe_tables(state)
    yield from describe_unmanaged(state, unmanaged)
    yield from suggest_call_savings(facts.attached_policies, quotas, state.resources)


def _describe_tables(state: DesiredState) -> Iterator[Note]:
    """Yield a note for each table of Python, without which a saved plan cannot be applied."""
    for source in state.manifest_sources:
        if source.form == "table":
            name = quote(source.name)
            text = f"the table {name} is in no file: a saved plan is applied only by Workspace(tables=…) with the same rows; for a CI job, write them to a file"
            yield Note("info", text)


def collect_edge_notes(edges: EdgeReadings | None) -> Iterator[Note]:
    """Yield how the edges were read, if not all were."""
    yield from (Note("warning", text) for text in describe_edge_warnings(edges))
    yield from (Note("info", text) for text in describe_edges(edges))


_SECRET_CODES = frozenset({"unset-secret", "unreadable-secret"})


def _select_relevant_warnings(warnings: Sequence[Diagnostic], comparison: Comparison) -> Iterator[Diagnostic]:
    """Yield the warnings without those of secrets without a value that this plan does not need.

    Only a creation needs some secrets, such as a CA's key.
    """
    for warning in warnings:
        address = (
            Address.parse(warning.address) if warning.code in _SECRET_CODES and warning.address else None
        )
        kind = all_kinds().get(address.kind) if address else None
        if address and kind and address in comparison.live:
            member = kind.members.get((warning.field or "").partition(".")[0])
            is_created = isinstance(comparison.changes.get(address), Create | Replace)
            if member and member.on_change == "create_only" and not is_created:
                continue
        yield warning


def _to_note(diagnostic: Diagnostic) -> Note:
    if diagnostic.address is None:
        return Note("warning", str(diagnostic))
    field = f"{diagnostic.field}: " if diagnostic.field else ""
    place = f"{diagnostic.file}:{diagnostic.line}"
    text = f"{field}{diagnostic.problem} [{diagnostic.code}] ({place})"
    return Note("warning", text, Address.parse(diagnostic.address))


def _warn_of_expiring_certificates(comparison: Comparison, settings: Settings) -> Iterator[Note]:
    """Yield a warning for each certificate whose PEM is in the file and that expires soon.

    Loading the file has already warned of certificates that have expired.
    """
    now = datetime.datetime.now(datetime.UTC)
    deadline = now + datetime.timedelta(seconds=parse_duration(settings.expires_within) or 0.0)
    for address, resource in comparison.desired.items():
        for name in get_members(type(resource.spec)):
            value = getattr(resource.spec, name)
            expiry = x509.read_expiry(value) if isinstance(value, Pem) else None
            if expiry and now < expiry < deadline:
                days = (expiry - now).days
                yield Note(
                    "warning", f"the certificate expires on {expiry:%Y-%m-%d}, in {days} days", address
                )


def _describe_unlisted_kinds(comparison: Comparison) -> Iterator[Note]:
    for table, reason in comparison.refresh.unlisted.items():
        text = f"{table.replace('_', ' ')} could not be listed; resources of this kind are skipped: {reason}"
        yield Note("warning", text)
    for table, reason in comparison.refresh.uncounted.items():
        yield Note("info", f"unmanaged {table.replace('_', ' ')} could not be listed: {reason}")


def describe_kept_orphans(comparison: Comparison, workspace: str) -> Iterator[Note]:
    """Yield a note for each kind with orphaned resources that stay: their number and the first addresses."""
    markers = list_reserved_addresses(workspace)
    addresses_by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for address in sorted(comparison.kept_orphans.keys() - markers):
        addresses_by_kind[address.kind].append(str(address))
    for kind, addresses in addresses_by_kind.items():
        subject = f"{kind.replace('_', ' ')} removed from the file ({len(addresses):,})"
        text = f'{subject}: {join_some(addresses)}; they stay because workspace.prune is "never"; [[removed]] forgets them'
        yield Note("info", text)


def _describe_kept_settings(comparison: Comparison) -> Iterator[Note]:
    """Yield a note for each forgotten resource that AWS cannot delete."""
    kinds = all_kinds()
    for address, change in comparison.changes.items():
        if isinstance(change, Forget) and not kinds[address.kind].is_deletable:
            yield Note(
                "info",
                "the settings stay as they are in AWS; only their ownership marker is removed. "
                f"To manage them again later, use --adopt {address}",
                address,
            )


def _collect_notes_of_kinds(comparison: Comparison) -> Iterator[Note]:
    kinds = all_kinds()
    for address, change in comparison.changes.items():
        for text in kinds[address.kind].plan_warnings(change):
            yield Note("warning", text, address)
    for address, live in comparison.live.items():
        if address not in comparison.changes:
            for text in kinds[address.kind].plan_notes(live):
                yield Note("info", text, address)


def _describe_modified_resources(comparison: Comparison, facts: StepFacts) -> Iterator[Note]:
    """Yield a note for each step that changes resources without a step of their own."""
    for address, others in facts.also_modified.items():
        modified = [str(other) for other in others if other not in comparison.changes]
        if modified:
            text = f"also changes {join_some(modified)} to use the new {all_kinds()[address.kind].noun}"
            yield Note("info", text, address)


def _describe_grace_periods(comparison: Comparison) -> Iterator[Note]:
    """Yield a note for each replaced resource that stays for a grace period, with the end of the period."""
    now = datetime.datetime.now(datetime.UTC)
    kinds = all_kinds()
    for address, change in comparison.changes.items():
        seconds = kinds[address.kind].grace_seconds(change) if isinstance(change, Replace) else None
        if seconds is not None:
            end = now + datetime.timedelta(seconds=seconds)
            until = f" until {end:%Y-%m-%d %H:%M} UTC if this plan is applied now" if seconds else ""
            deletion = "an apply after that deletes it" if seconds else "the next apply deletes it"
            text = f"the old {kinds[address.kind].noun} stays attached{until}; {deletion}"
            yield Note("info", text, address)


def _warn_of_cascades(comparison: Comparison, context: PlanContext) -> Iterator[Note]:
    """Yield a warning for everything that deletions take along, which the plan's options allow."""
    for address, change in comparison.changes.items():
        for cascade in all_kinds()[address.kind].cascades(change, context):
            yield Note("warning", f"AWS removes with it {cascade}", address)


def _describe_unused_removals(comparison: Comparison, state: DesiredState) -> Iterator[Note]:
    """Yield a note for each `[[removed]]` entry without effect, such as for a resource forgotten earlier."""
    live_addresses = find_live_addresses(state.removed, comparison.live)
    for removed_address in state.removed:
        if removed_address.name == ALL_NAMES:  # it may be for resources that are removed later
            continue
        live_address = live_addresses.get(removed_address)
        if live_address is None or not isinstance(comparison.changes.get(live_address), Forget):
            text = "nothing to forget: this workspace manages no resource of that name; remove the [[removed]] entry"
            yield Note("info", text, removed_address)


def _describe_moves(comparison: Comparison, state: DesiredState) -> Iterator[Note]:
    """Yield notes about moved resources that are replaced to change their name, or that need no calls."""
    kinds = all_kinds()
    for old, new in state.moved.items():
        change = comparison.changes.get(new)
        if change and _is_replaced_to_rename(change, old.name, new.name):
            text = f'AWS cannot rename it, so it is replaced by one with the new name; to keep it, set name = "{old.name}"'
            yield Note("warning", text, new)
        needs_no_calls = new not in comparison.changes and old not in comparison.live
        if needs_no_calls and kinds[new.kind].name_api is None:
            yield Note(
                "info", f"was {old}; the name is not known to AWS, so nothing is sent for the move", new
            )


def _is_replaced_to_rename(change: Change, old_name: str, new_name: str) -> bool:
    return isinstance(change, Replace) and any(
        (field.path, field.before, field.after) == ("name", old_name, new_name) for field in change.fields
    )
