"""The live registry → the tables of a file that says it: loading, the other way round.

What AWS does not give back is left out, or stands as a reference for somebody to fill in; each such place is told.
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
from reconciler.kinds.base.schema import members
from reconciler.kinds.shared.managed_setup_code import RememberedText
from reconciler.kinds.shared.ownership_markers import marker_names, reserved_addresses
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Call
from reconciler.model.document import Document
from reconciler.model.pem import Pem
from reconciler.model.plan import Basis
from reconciler.model.resource import NOT_COMPARED, Desired, External, Inventory, Live, Resource
from reconciler.model.secret import Secret, SecretDigest
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match

Keep: TypeAlias = Callable[[Address, Pem], Any]
"""What stands for a certificate in the file: its text, or the file that it was put into."""


@frozen
class Table:
    """One resource as a file says it: plain values, tables in it as mappings. `remarks` are for people."""

    address: Address
    fields: Mapping[str, Any]
    remarks: tuple[str, ...] = ()


@frozen
class Export:
    """Tables, those that others refer to first; what could not be said, with the reason; and which bear no mark yet."""

    tables: tuple[Table, ...]
    left_out: Mapping[Address, str]
    unmarked: tuple[Address, ...]


def everything(state: DesiredState, call: Call) -> Inventory:
    """All that the account has and no other workspace owns, but the workspace's own marks; references are AWS's ids.

    Addresses have the file's names where it knows the resource, else what the registry calls it. Raises AwsError.
    """
    workspace = state.settings.name
    basis = Basis(state.resources, moved=state.moved)
    read: dict[str, Mapping[str, Live]] = {}
    with ThreadPoolExecutor(MAX_CONCURRENT_CALLS) as pool:
        for table, kind in all_kinds().items():
            if not kind.composed_of:
                ids = _ids(kind, call)
                read[table] = reread(kind, ids, workspace=workspace, basis=basis, call=call, pool=pool)
    foreign = {
        name for name, thing in read["things"].items() if thing.owner is not None and thing.owner != workspace
    }
    taken = reserved_addresses(workspace)
    return {
        address: live
        for table, lives in read.items()
        for live, name in _named(all_kinds()[table], lives, read, state.resources)
        if live.owner in {None, workspace}
        and not (live.used_by and foreign.issuperset(live.used_by))
        and (address := Address(table, name)) not in taken
    }


def export(
    workspace: str, live: Inventory, keep: Keep, known: Mapping[tuple[str, str], str] | None = None
) -> Export:
    """The tables of an inventory; `known` are names that the file has besides, by table and AWS's id."""
    names: dict[tuple[str, str], str | None] = {**(known or {})}
    names |= {(address.kind, found.identity): address.name for address, found in live.items()}
    names |= {(table, name): None for name in marker_names(workspace) for table in all_kinds()}
    desired: dict[Address, Resource] = {}
    tables, left_out = [], {}
    for table, kind in all_kinds().items():
        for address in sorted(found for found in live if found.kind == table):
            spec = replace_ids_with_names(live[address].spec, names)
            if why := _unsaid(spec):
                left_out[address] = why
                continue
            spec = kind.to_desired_spec(spec, desired)
            desired[address] = Resource(address, spec)
            guarded = kind.has_ownership_markers and live[address].prevent_destroy
            tables.append(_table(address, spec, keep, guarded=guarded))
    unmarked = tuple(table.address for table in tables if _unmarked(live[table.address]))
    return Export(tuple(tables), left_out, unmarked)


def _unmarked(live: Live) -> bool:
    """Certificates bear no mark of their own: those of a thing go with it."""
    return live.owner is None and not live.used_by


def lacking(state: DesiredState, live: Inventory, wanted: Collection[Address], keep: Keep) -> Export:
    """Tables for what the file lacks; what it has is referred to by its name there. What is not there is left out."""
    at = {address: find_live_address(address, live) for address in wanted}
    known = {
        (address.kind, found.identity): address.name
        for address, found in live.items()
        if address in state.resources
    }
    there = {found: live[found] for found in at.values() if found and found not in state.resources}
    made = export(state.settings.name, there, keep, known)
    near = {
        address: closest_match(str(address), [*map(str, live)]) for address, found in at.items() if not found
    }
    absent = {
        address: "nothing of that name is free in the registry" + (f"; did you mean {name}?" if name else "")
        for address, name in near.items()
    }
    return evolve(made, left_out={**made.left_out, **absent})


def selected(live: Inventory, patterns: Collection[str]) -> Inventory:
    """Those whose address, or kind, one of the patterns matches; all of them where there is none."""
    return {
        address: found
        for address, found in live.items()
        if not patterns or any(fnmatchcase(str(address), each) or address.kind == each for each in patterns)
    }


def _ids(kind: Kind, call: Call) -> Mapping[str, None] | None:
    """All of the account's, where those that bear no mark can be taken over."""
    if kind.listing is None:
        return None
    answer = send(call, ApiCall(kind.service, kind.listing.operation), {})
    return dict.fromkeys(kind.listing.ids(answer))


_ID = re.compile(r"[0-9a-f]{64}")
"""A certificate's, which is too long to be a name for people."""


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def _named(
    kind: Kind, lives: Mapping[str, Live], read: Mapping[str, Mapping[str, Live]], declared: Desired
) -> Iterator[tuple[Live, str]]:
    """Each with a name that no other of its kind has."""
    said = {
        identity: address.name
        for address, resource in declared.items()
        if address.kind == kind.table and (identity := kind.identity(resource))
    }
    taken = {*said.values()}
    alone = _alone(kind.table, read)
    for identity, live in sorted(lives.items()):
        if identity in said:
            yield live, said[identity]
            continue
        short = identity[:12] if _ID.fullmatch(identity) else identity
        wish = live.declared_name or (alone.get(identity) if short != identity else None) or short
        name = next(each for each in (wish, short, identity) if each not in taken)
        taken.add(name)
        yield live, name


def _alone(table: str, read: Mapping[str, Mapping[str, Live]]) -> Mapping[str, str]:
    """What has one user, which has nothing else of this kind, can go by its user's name."""
    users = [
        (user.declared_name or user.identity, [found.id for found in _externals(user, table)])
        for lives in read.values()
        for user in lives.values()
    ]
    counts = Counter(identity for _, found in users for identity in found)
    return {found[0]: user for user, found in users if len(found) == 1 and counts[found[0]] == 1}


def _externals(live: Live, table: str) -> Iterator[External]:
    for member in members(type(live.spec)).values():
        if member.references == table:
            value = getattr(live.spec, member.name)
            yield from (
                each
                for each in (value if isinstance(value, tuple) else (value,))
                if isinstance(each, External)
            )


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def _unsaid(spec: Any) -> str | None:
    """What the file would have to say and AWS does not tell."""
    for name, member in members(type(spec)).items():
        value = getattr(spec, name)
        if isinstance(value, Pem) and value.text is None:
            return f"AWS does not give back its {name}"
        if member.required and value is NOT_COMPARED:
            return f"AWS does not tell its {name}"
    return None


def _table(address: Address, spec: Any, keep: Keep, *, guarded: bool) -> Table:
    writer = _Writer(address, keep)
    fields = writer.fields(spec, attrs.fields(type(spec)))
    lifecycle: dict[str, Any] = {"prevent_destroy": True} if guarded else {}
    if writer.ignored:
        lifecycle["ignore_changes"] = writer.ignored
    if lifecycle:
        fields["lifecycle"] = lifecycle
    return Table(address, fields, tuple(writer.remarks))


class _Writer:
    """Puts the values of one resource as a file says them, and notes what it cannot say."""

    def __init__(self, address: Address, keep: Keep) -> None:
        self._address = address
        self._keep = keep
        self.remarks: list[str] = []
        self.ignored: list[str] = []

    def fields(self, value: Any, declared: Iterable[Any], path: str = "") -> dict[str, Any]:
        """The fields that say something other than their default."""
        said = {}
        for each in declared:
            inner = getattr(value, each.name)
            if inner in (None, NOT_COMPARED, (), {}) or inner == each.default:
                continue
            name = f"{path}{each.name}"
            if isinstance(inner, RememberedText):
                self.ignored.append(name)
                self.remarks.append(f"{name} is not given back by AWS, and is left as it is")
            else:
                said[each.name] = self._value(inner, name)
        return said

    def _value(self, value: Any, path: str) -> Any:
        match value:
            case Pem():
                return self._keep(self._address, value)
            case External():
                return {"id": value.id}
            case Document():
                return value.text
            case Secret() | SecretDigest():
                return self._secret(path)
            case Mapping():
                return {key: self._value(item, f"{path}.{key}") for key, item in value.items()}
            case tuple():
                return [self._value(item, path) for item in value]
            case _ if attrs.has(type(value)):
                return self.fields(value, attrs.fields(type(value)), f"{path}.")
            case _:
                return value

    def _secret(self, path: str) -> Mapping[str, str]:
        name = re.sub(r"[^A-Z0-9]+", "_", f"{self._address.name}_{path}".upper()).strip("_")
        variable = name if name[:1].isalpha() else f"SECRET_{name}"
        self.remarks.append(f"{path} is a secret, which AWS does not give back: {variable} has to say it")
        return {"env": variable}
