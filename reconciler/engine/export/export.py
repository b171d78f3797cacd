"""Turn live resources into desired-state tables: the reverse of loading.

A value that AWS does not return is left out, or becomes a reference to an environment variable. A comment names each secret, and each
field of which only a hash is known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import attrs
from attrs import evolve, frozen

from reconciler.engine.calls.send import send
from reconciler.engine.plan.names import replace_ids_with_names
from reconciler.engine.plan.refresh import MAX_CONCURRENT_CALLS, reread
from reconciler.engine.plan.removals import find_live_address
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import get_members
from reconciler.kinds.shared.managed_setup_code import HashedText
from reconciler.kinds.shared.ownership_markers import list_marker_names, list_reserved_addresses
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.plan import Basis
from reconciler.model.resource import NOT_COMPARED, Desired, External, Inventory, Live, Resource
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match, format_suggestion

WritePem: TypeAlias = Callable[[Address, Pem], Any]
"""Returns the TOML value for a certificate: its text, or `{ file = … }` after writing it to that file."""


@frozen
class Table:
    """A resource as a table of the desired state.

    `fields` are plain values, with inner tables as mappings; `comments` are written above the table.
    """

    address: Address
    fields: Mapping[str, Any]
    comments: tuple[str, ...] = ()


@frozen
class Export:
    """The exported tables, ordered by kind: a kind comes after those that it refers to.

    `left_out` has the reason for each address without a table. `unmanaged` has the exported resources that no workspace owns and no
    thing uses.
    """

    tables: tuple[Table, ...]
    left_out: Mapping[Address, str]
    unmanaged: tuple[Address, ...]


def read_inventory(state: DesiredState, call: Call) -> Inventory:
    """Read the live resources except those of other workspaces and this workspace's ownership markers.

    A resource that only resources of other workspaces use is left out as well. If a kind has no `listing`, only its resources that
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
    marker_addresses = list_reserved_addresses(workspace)
    inventory = {}
    for table, live_by_id in live_by_table.items():
        kind = kinds[table]
        foreign_user_ids: frozenset[str] = frozenset()
        if kind.used_by_table:
            foreign_user_ids = foreign_ids_by_table[kind.used_by_table]
        for live, name in _assign_names(kind, live_by_id, live_by_table, state.resources):
            address = Address(table, name)
            if live.owner not in {None, workspace} or _is_used_only_by(live, foreign_user_ids):
                continue
            if address not in marker_addresses:
                inventory[address] = live
    return inventory


def _read_all(state: DesiredState, call: Call) -> Mapping[str, Mapping[str, Live]]:
    """Return the live resources of all kinds except composites: table → AWS's ID → live resource."""
    basis = Basis(state.resources, moved=state.moved)
    live_by_table: dict[str, Mapping[str, Live]] = {}
    with ThreadPoolExecutor(MAX_CONCURRENT_CALLS) as pool:
        for table, kind in all_kinds().items():
            if not kind.composed_of:  # the parts of a composite are read as resources of their own kinds
                live_by_table[table] = reread(
                    kind,
                    _list_ids(kind, call),
                    workspace=state.settings.name,
                    basis=basis,
                    call=call,
                    pool=pool,
                )
    return live_by_table


def _list_ids(kind: Kind, call: Call) -> Mapping[str, None] | None:
    """Return all IDs of a kind in the account, as keys of the mapping that `reread` needs.

    Return None if unmanaged resources of the kind cannot be imported: `reread` then reads only what the workspace declares or owns.
    """
    if kind.listing is None:
        return None
    response = send(call, ApiCall(kind.service, kind.listing.operation), {})
    return dict.fromkeys(kind.listing.iterate_ids(response))


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

    `declared_names` has the names of the resources that the file declares: (table, AWS's ID) → name. References to them use
    these names.
    """
    kinds = all_kinds()
    names: dict[tuple[str, str], str | None] = {**(declared_names or {})}
    names |= {(address.kind, live.identity): address.name for address, live in inventory.items()}
    # None leaves out references to the workspace's ownership markers, which are in no file.
    names |= {(table, name): None for name in list_marker_names(workspace) for table in kinds}
    desired: dict[Address, Resource] = {}
    tables, left_out = [], {}
    for table, kind in kinds.items():
        for address in sorted(address for address in inventory if address.kind == table):
            live = inventory[address]
            spec = replace_ids_with_names(live.spec, names)
            reason = _explain_missing_value(spec)
            if reason:
                left_out[address] = reason
                continue
            spec = kind.to_desired_spec(spec, desired)
            desired[address] = Resource(address, spec)
            prevent_destroy = kind.has_ownership_markers and live.prevent_destroy
            tables.append(_to_table(address, spec, write_pem, prevent_destroy=prevent_destroy))
    unmanaged = tuple(table.address for table in tables if _is_unmanaged(inventory[table.address]))
    return Export(tuple(tables), left_out, unmanaged)


def _is_unmanaged(live: Live) -> bool:
    """Return whether no workspace owns a resource and no thing uses it.

    A certificate that a thing uses has no owner of its own: it belongs to the thing's owner.
    """
    return live.owner is None and not live.used_by


def export_undeclared_tables(
    state: DesiredState, inventory: Inventory, addresses: Collection[Address], write_pem: WritePem
) -> Export:
    """Return tables for those of the addresses that the file does not declare.

    Each address has the name that `read_inventory` assigned, or AWS's ID as its name. An address without a live
    resource is left out, with the reason. References to resources that the file declares use the file's names.
    """
    live_addresses = {address: find_live_address(address, inventory) for address in addresses}
    declared_names = {
        (address.kind, live.identity): address.name
        for address, live in inventory.items()
        if address in state.resources
    }
    undeclared_inventory = {
        address: inventory[address]
        for address in live_addresses.values()
        if address and address not in state.resources
    }
    export = export_tables(state.settings.name, undeclared_inventory, write_pem, declared_names)
    absence_reasons = {
        address: _describe_absence(address, inventory)
        for address, live_address in live_addresses.items()
        if not live_address
    }
    return evolve(export, left_out={**export.left_out, **absence_reasons})


def _describe_absence(address: Address, inventory: Inventory) -> str:
    suggestion = format_suggestion(closest_match(str(address), [*map(str, inventory)]))
    return f"no unmanaged resource has that name{suggestion}"


def select_matching(inventory: Inventory, patterns: Collection[str]) -> Inventory:
    """Return the resources whose address or kind matches a pattern; all if there are no patterns."""
    return {address: live for address, live in inventory.items() if _is_selected(address, patterns)}


def _is_selected(address: Address, patterns: Collection[str]) -> bool:
    return not patterns or any(
        fnmatchcase(str(address), pattern) or address.kind == pattern for pattern in patterns
    )


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
    for member in get_members(type(live.spec)).values():
        if member.references != table:
            continue
        value = getattr(live.spec, member.name)
        for reference in value if isinstance(value, tuple) else (value,):
            if isinstance(reference, External):
                yield reference


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def _explain_missing_value(spec: Any) -> str | None:
    """Return why no table can describe a resource, or None if one can.

    The reason is a value that the table must have and that AWS does not return.
    """
    for name, member in get_members(type(spec)).items():
        value = getattr(spec, name)
        if (isinstance(value, Pem) and value.text is None) or (member.required and value is NOT_COMPARED):
            return f"AWS does not return its {name}"
    return None


def _to_table(address: Address, spec: Any, write_pem: WritePem, *, prevent_destroy: bool) -> Table:
    converter = _FieldConverter(address, write_pem)
    fields = converter.convert_fields(spec, attrs.fields(type(spec)))
    lifecycle: dict[str, Any] = {"prevent_destroy": True} if prevent_destroy else {}
    if converter.ignored_paths:
        lifecycle["ignore_changes"] = converter.ignored_paths
    if lifecycle:
        fields["lifecycle"] = lifecycle
    return Table(address, fields, tuple(converter.comments))


class _FieldConverter:
    """A converter of one resource's values to desired-state values.

    `comments` and `ignored_paths` collect what the table has to state about values that AWS does not return.
    """

    def __init__(self, address: Address, write_pem: WritePem) -> None:
        self._address = address
        self._write_pem = write_pem
        self.comments: list[str] = []
        self.ignored_paths: list[str] = []

    def convert_fields(self, spec: Any, attributes: Iterable[Any], prefix: str = "") -> dict[str, Any]:
        """Return name → value of the spec's attrs attributes that are set and differ from their defaults.

        `prefix` is the path of a nested spec, with a dot at its end.
        """
        fields = {}
        for attribute in attributes:
            value = getattr(spec, attribute.name)
            if value in (None, NOT_COMPARED, (), {}) or value == attribute.default:
                continue
            path = f"{prefix}{attribute.name}"
            if isinstance(value, HashedText):
                self.ignored_paths.append(path)
                self.comments.append(f"{path}: AWS does not return it; its changes are ignored")
            else:
                fields[attribute.name] = self._convert_value(value, path)
        return fields

    def _convert_value(self, value: Any, path: str) -> Any:
        match value:
            case Pem():
                return self._write_pem(self._address, value)
            case External():
                return {"id": value.id}
            case Document():
                return value.text
            case Secret() | SecretDigest():
                return self._build_secret_reference(path)
            case Mapping():
                return {key: self._convert_value(item, f"{path}.{key}") for key, item in value.items()}
            case tuple():
                return [self._convert_value(item, path) for item in value]
            case _ if attrs.has(type(value)):
                return self.convert_fields(value, attrs.fields(type(value)), f"{path}.")
            case _:
                return value

    def _build_secret_reference(self, path: str) -> Mapping[str, str]:
        """Return a reference to an environment variable, and add a comment that asks the user to set it."""
        name = re.sub(r"[^A-Z0-9]+", "_", f"{self._address.name}_{path}".upper()).strip("_")
        variable = name if name[:1].isalpha() else f"SECRET_{name}"
        self.comments.append(
            f"{path}: a secret, which AWS does not return; set it in the environment variable {variable}"
        )
        return {"env": variable}
