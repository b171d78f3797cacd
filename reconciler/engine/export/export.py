"""Turn live resources into desired-state tables: the reverse of loading."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs
from attrs import evolve

from reconciler.engine.calls.batches import send_batch
from reconciler.engine.calls.send import send
from reconciler.engine.export.tables import Table, WritePem, build_table, explain_missing_value
from reconciler.engine.plan.address_patterns import find_closest, match_addresses
from reconciler.engine.plan.names import Names, replace_ids_with_names
from reconciler.engine.plan.refresh import MAX_CONCURRENT_CALLS, find_secret_attributes, reread
from reconciler.engine.plan.removals import find_live_addresses
from reconciler.engine.threads import ContextThreadPool
from reconciler.frozen_classes import frozen
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.references import iterate_references
from reconciler.kinds.shared.ownership_markers import (
    is_marker_of_untagged,
    list_marker_names,
    list_reserved_addresses,
)
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import SelectionError
from reconciler.model.plan import Basis
from reconciler.model.resource import NOT_COMPARED, Desired, External, Inventory, Lifecycle, Live, Resource
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match, format_suggestion, quote

__all__ = [
    "Export",
    "Table",
    "WritePem",
    "export_tables",
    "export_undeclared_tables",
    "read_inventory",
    "select_matching",
]


@frozen
class Export:
    """The exported tables, ordered by kind: a kind comes after those that it refers to.

    `left_out` has the reason for each address without a table. `unmanaged` has the exported resources that no workspace owns.
    `has_all_owned` is whether there is a table for each resource that the workspace owns.
    """

    tables: tuple[Table, ...]
    left_out: Mapping[Address, str]
    unmanaged: tuple[Address, ...]
    has_all_owned: bool = True


def read_inventory(state: DesiredState, call: Call) -> Inventory:
    """Read the live resources except those of other workspaces and this workspace's ownership markers.

    A resource that only resources of other workspaces use is left out as well; one that a resource of this workspace uses, such as a
    certificate of its thing, is owned by this workspace. If a kind has no `listing`, only its resources that
    the workspace declares or owns are read. A resource that the file declares gets its address from the file; any other gets a new one
    (`_assign_names`). References in the specs are AWS's IDs. Raises TargetError and AwsError.
    """
    kinds = all_kinds()
    workspace = state.settings.name
    live_by_table = _read_all(state, call)
    foreign_ids_by_table = {
        table: frozenset(
            identity for identity, live in live_by_id.items() if live.owner not in {None, workspace}
        )
        for table, live_by_id in live_by_table.items()
    }
    owned_ids_by_table = {
        table: frozenset(identity for identity, live in live_by_id.items() if live.owner == workspace)
        for table, live_by_id in live_by_table.items()
    }
    marker_addresses = list_reserved_addresses(workspace)
    same_names = _list_same_names(live_by_table)
    inventory = {}
    for table, live_by_id in live_by_table.items():
        kind = kinds[table]
        foreign_user_ids, owned_user_ids = frozenset[str](), frozenset[str]()
        if kind.used_by_table:
            foreign_user_ids = foreign_ids_by_table[kind.used_by_table]
            owned_user_ids = owned_ids_by_table[kind.used_by_table]
        for live, name in _assign_names(kind, live_by_id, live_by_table, state.resources):
            address = Address(table, name)
            if live.owner not in {None, workspace} or _is_used_only_by(live, foreign_user_ids):
                continue
            if address not in marker_addresses and not is_marker_of_untagged(address):
                is_used_by_owned = not owned_user_ids.isdisjoint(live.used_by)
                spec = replace_ids_with_names(live.spec, same_names)
                inventory[address] = evolve(
                    live, spec=spec, owner=workspace if is_used_by_owned else live.owner
                )
    return inventory


def _list_same_names(live_by_table: Mapping[str, Mapping[str, Live]]) -> Names:
    """Return the IDs in each table's namespace that belong to another kind, as names to drop.

    AWS lists the dynamic groups of a thing with its static ones, but a file declares only the latter.
    """
    return {
        (table, identity): None
        for table, kind in all_kinds().items()
        for other_table in kind.shares_names_with
        for identity in live_by_table[other_table]
    }


def _read_all(state: DesiredState, call: Call) -> Mapping[str, Mapping[str, Live]]:
    """Return the live resources of all kinds except composites: table → AWS's ID → live resource."""
    basis = Basis(
        state.resources, moved=state.moved, secret_attributes=find_secret_attributes(state.resources)
    )
    live_by_table: dict[str, Mapping[str, Live]] = {}
    with ContextThreadPool(MAX_CONCURRENT_CALLS) as pool:
        for table, kind in all_kinds().items():
            if not kind.composed_of:  # the parts of a composite are read as resources of their own kinds
                live_by_table[table] = reread(
                    kind,
                    _list_ids(kind, call),
                    workspace=state.settings.name,
                    basis=basis,
                    answer=lambda batch: [*send_batch(batch, call, pool)],
                )
    return live_by_table


def _list_ids(kind: Kind, call: Call) -> Mapping[str, None] | None:
    """Return all IDs of a kind in the account, as keys of the mapping that `reread` needs.

    Return None if unmanaged resources of the kind cannot be imported: `reread` then reads only what the workspace declares or owns.
    """
    if kind.only_name:
        return {kind.only_name: None}
    if kind.listing is None:
        return None
    listing = kind.listing
    request = ApiCall(kind.service, listing.operation, ignored_errors=listing.ignored_errors)
    return dict.fromkeys(listing.iterate_ids(send(call, request, {})))


def _is_used_only_by(live: Live, user_ids: frozenset[str]) -> bool:
    """Return whether a resource (such as a certificate) has users (things), and all are in `user_ids`."""
    return bool(live.used_by) and user_ids.issuperset(live.used_by)


def export_tables(
    workspace: str,
    inventory: Inventory,
    write_pem: WritePem,
    declared_names: Mapping[tuple[str, str], str] | None = None,
) -> Export:
    """Return the tables of an inventory.

    A resource that a file cannot declare is left out, and the others refer to it by ID.
    `declared_names` has the names of the resources that the file declares: (table, AWS's ID) → name. References to them use
    these names.
    """
    left_out: dict[Address, str] = {}
    remaining = inventory
    while True:
        desired, reasons = _build_resources(workspace, remaining, declared_names or {})
        if not reasons:
            break
        # The other resources then refer to those without a table by ID.
        left_out |= reasons
        remaining = {address: live for address, live in remaining.items() if address not in reasons}
    tables = [build_table(resource, inventory[address], write_pem) for address, resource in desired.items()]
    unmanaged = tuple(table.address for table in tables if inventory[table.address].owner is None)
    return Export(tuple(tables), dict(sorted(left_out.items())), unmanaged)


def _build_resources(
    workspace: str, inventory: Inventory, declared_names: Mapping[tuple[str, str], str]
) -> tuple[Desired, Mapping[Address, str]]:
    """Return the resources that a file would declare, and why it cannot declare the others."""
    kinds = all_kinds()
    names: dict[tuple[str, str], str | None] = {**declared_names}
    names |= {(address.kind, live.identity): address.name for address, live in inventory.items()}
    # None leaves out references to the workspace's ownership markers, which are in no file.
    names |= {(table, name): None for name in list_marker_names(workspace) for table in kinds}
    desired: dict[Address, Resource] = {}
    reasons: dict[Address, str] = {}
    for table, kind in kinds.items():
        for address in sorted(address for address in inventory if address.kind == table):
            live = inventory[address]
            spec = replace_ids_with_names(live.spec, names)
            reason = kind.find_export_obstacle(live) or explain_missing_value(spec)
            if reason:
                reasons[address] = reason
            else:
                lifecycle = Lifecycle(prevent_destroy=kind.has_ownership_markers and live.prevent_destroy)
                spec = _set_defaults(kind.to_desired_spec(spec, desired))
                desired[address] = Resource(address, spec, lifecycle=lifecycle)
    return desired, {**reasons, **_find_rejected(desired)}


def _set_defaults(spec: Any) -> Any:
    """Return the spec with the defaults of the fields that AWS does not return."""
    fields = attrs.fields_dict(type(spec))
    defaults = {name: field.default for name, field in fields.items() if getattr(spec, name) is NOT_COMPARED}
    return evolve(spec, **defaults) if defaults else spec


def _find_rejected(desired: Desired) -> Mapping[Address, str]:
    """Return the resources that the checks of a file would reject, each with the problems.

    An example is a thing in ten groups: the workspace's own group would be one too many.
    """
    reasons = {}
    for address, resource in desired.items():
        problems = all_kinds()[address.kind].check(resource, desired)
        errors = [str(problem) for problem in problems if problem.severity == "error"]
        if errors:
            reasons[address] = "; ".join(errors)
    return reasons


def export_undeclared_tables(
    state: DesiredState, inventory: Inventory, addresses: Collection[Address], write_pem: WritePem
) -> Export:
    """Return tables for those of the addresses that the file does not declare.

    Each address has the name that `read_inventory` assigned, or AWS's ID as its name. An address without a live
    resource is left out, with the reason. References to resources that the file declares use the file's names.
    """
    live_addresses = find_live_addresses(addresses, inventory)
    declared_names = {
        (address.kind, live.identity): address.name
        for address, live in inventory.items()
        if address in state.resources
    }
    undeclared_inventory = {
        address: inventory[address] for address in live_addresses.values() if address not in state.resources
    }
    export = export_tables(state.settings.name, undeclared_inventory, write_pem, declared_names)
    absence_reasons = {
        address: _describe_absence(address, inventory)
        for address in addresses
        if address not in live_addresses
    }
    return evolve(export, left_out={**export.left_out, **absence_reasons})


def _describe_absence(address: Address, inventory: Inventory) -> str:
    suggestion = format_suggestion(closest_match(str(address), [*map(str, inventory)]))
    return f"no unmanaged resource has that name{suggestion}"


def select_matching(inventory: Inventory, patterns: Collection[str]) -> Inventory:
    """Return the resources that a pattern matches; all if there are no patterns.

    The name in an address may be AWS's ID. Raises SelectionError with every pattern that matches nothing.
    """
    if not patterns:
        return inventory
    selected: set[Address] = set()
    problems = []
    for pattern in patterns:
        matches = match_addresses(pattern, inventory.keys()) or _find_by_identity(pattern, inventory)
        selected |= matches
        if not matches:
            suggestion = format_suggestion(find_closest(pattern, inventory.keys()))
            problems.append(f"{quote(pattern)}: matches no resource that can be exported{suggestion}")
    if problems:
        raise SelectionError(problems, "nothing was exported")
    return {address: live for address, live in inventory.items() if address in selected}


def _find_by_identity(text: str, inventory: Inventory) -> set[Address]:
    table, _, identity = text.partition(".")
    return set(find_live_addresses([Address.from_header(table, identity)], inventory).values())


# ── names ───────────────────────────────────────────────────────────────────────────────────────

_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")
_SHORT_ID_LENGTH = 12
"""The number of characters of a certificate's ID that serve as its name; all 64 are too long to read."""


def _assign_names(
    kind: Kind,
    live_by_id: Mapping[str, Live],
    live_by_table: Mapping[str, Mapping[str, Live]],
    declared: Desired,
) -> Iterator[tuple[Live, str]]:
    """Yield each resource of a kind with a unique name.

    A resource that the file declares gets its name from the file. Any other gets the first name from `_propose_names` that is still unused.
    """
    declared_names: dict[str, str] = {}
    for address, resource in declared.items():
        identity = kind.identity(resource) if address.kind == kind.table else None
        if identity:
            declared_names[identity] = address.name
    used_names = {*declared_names.values()}
    user_names = _find_only_users(kind.table, live_by_table)
    for live_id, live in sorted(live_by_id.items()):
        if live_id in declared_names:
            yield live, declared_names[live_id]
            continue
        candidates = _propose_names(live_id, live, user_names)
        name = next(candidate for candidate in candidates if candidate not in used_names)
        used_names.add(name)
        yield live, name


def _propose_names(identity: str, live: Live, user_names: Mapping[str, str]) -> Iterator[str]:
    """Yield possible names for a resource, the best first; the last is its ID, which is always unique."""
    if live.declared_name:
        yield live.declared_name
    elif _CERTIFICATE_ID.fullmatch(identity) and identity in user_names:
        yield user_names[identity]
    if _CERTIFICATE_ID.fullmatch(identity):
        yield identity[:_SHORT_ID_LENGTH]
    yield identity


def _find_only_users(table: str, live_by_table: Mapping[str, Mapping[str, Live]]) -> Mapping[str, str]:
    """Return the name of the only user of each resource of the kind `table`, by the resource's AWS ID.

    Resources with several users, or whose user also uses others of this kind, are left out.
    """
    users = [
        (
            user.declared_name or user.identity,
            [reference.id for reference in _iterate_external_references(user, table)],
        )
        for live_by_id in live_by_table.values()
        for user in live_by_id.values()
    ]
    use_counts = Counter(used_id for _, used_ids in users for used_id in used_ids)
    return {
        used_ids[0]: user_name
        for user_name, used_ids in users
        if len(used_ids) == 1 and use_counts[used_ids[0]] == 1
    }


def _iterate_external_references(live: Live, table: str) -> Iterator[External]:
    """Yield those references of a resource to the kind `table` that contain AWS's IDs instead of names."""
    for reference in iterate_references(live.spec):
        if reference.table == table and isinstance(reference.value, External):
            yield reference.value
