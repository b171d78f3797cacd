"""Two inventories → changes. Pure: nothing is read, nothing is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import members
from reconciler.kinds.base.tags import NAME_TAG
from reconciler.kinds.shared.ownership_markers import marker_names
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, FieldChange, Replace, Update
from reconciler.model.resource import NOT_COMPARED, Desired, External, Inventory, Resource
from reconciler.model.secret import Secret, SecretDigest

OWNERSHIP_PATH = "workspace"
"""The path under which a plan shows that a resource gets the workspace's mark."""


NAME_TAG_PATH = "name in the file"
"""The path under which a plan shows that what has a tag with its name gets another."""


def diff(workspace: str, desired: Desired, live: Inventory) -> Iterator[Change]:
    """What has to happen so that the registry is as desired, in the order of addresses.

    The specs in `desired` are effective ones: as AWS would report them. What is live, not desired and not owned by the
    workspace is left alone.
    """
    for address in sorted(desired.keys() | live.keys()):
        kind = all_kinds()[address.kind]
        wanted, there = desired.get(address), live.get(address)
        if wanted is None and there is not None:
            if there.owner == workspace:
                yield Delete(address, there, tuple(_whole(there.spec, gone=True)))
        elif wanted is not None and there is None:
            yield Create(wanted, tuple(_whole(wanted.spec, gone=False)))
        elif wanted is not None and there is not None:
            wanted = keep_ignored_values(workspace, wanted, there.spec)
            fields = [] if there.owner == workspace else [FieldChange(OWNERSHIP_PATH, there.owner, workspace)]
            called = there.tags.get(NAME_TAG, address.name)
            if called != address.name:  # the tag that names it follows the file
                fields.append(FieldChange(NAME_TAG_PATH, called, address.name))
            kept, keep = there.prevent_destroy, wanted.lifecycle.prevent_destroy
            if kind.has_ownership_markers and kept != keep:
                fields.append(FieldChange(PREVENT_DESTROY_PATH, kept, keep))
            fields += (
                found for found in compare_specs(kind, wanted.spec, there.spec) if not _left(wanted, found)
            )
            if any(field.forces_replacement for field in fields):
                yield Replace(wanted, there, tuple(fields))
            elif fields:
                yield Update(wanted, there, tuple(fields))


def compare_specs(kind: Kind, wanted: Any, there: Any) -> Iterator[FieldChange]:
    """The attributes in which two specs of one kind differ, maps key by key."""
    for member in members(type(wanted)).values():
        if member.on_change == "create_only":
            continue
        before, after = getattr(there, member.name), getattr(wanted, member.name)
        for path, old, new in _differences(member.name, before, after):
            sensitive = isinstance(old, Secret | SecretDigest) or isinstance(new, Secret)
            yield FieldChange(path, old, new, sensitive, kind.forces_replacement(member.name, new))


def _differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    match before, after:
        case Mapping(), Mapping():
            for key in sorted(before.keys() | after.keys()):
                yield from _differences(f"{path}.{key}", before.get(key), after.get(key))
        case SecretDigest(), Secret():
            if not before.matches(after):
                yield path, before, after
        case Secret(), Secret():
            if after.value is not None and after.value != before.value:
                yield path, before, after
        case _ if before is not NOT_COMPARED and after is not NOT_COMPARED and before != after:
            yield path, before, after


def keep_ignored_values(workspace: str, resource: Resource, there: Any) -> Resource:
    """The resource with what it ignores as it is there.

    An update sends a map whole, and must not undo in passing what the file leaves to others. The workspace's own marks
    are nothing to be left.
    """
    kept: dict[str, Any] = {}
    for path in resource.lifecycle.ignore_changes:
        name, dot, key = path.partition(".")
        before = getattr(there, name)
        after = kept.get(name, getattr(resource.spec, name))
        if dot and isinstance(before, Mapping) and isinstance(after, Mapping):
            others = {each: value for each, value in after.items() if each != key}
            kept[name] = {**others, key: before[key]} if key in before else others
        elif isinstance(before, tuple):
            kept[name] = tuple(item for item in before if item not in marker_names(workspace))
        elif not dot and isinstance(before, _REPEATABLE):
            kept[name] = before
    return evolve(resource, spec=evolve(resource.spec, **kept)) if kept else resource


# What can be sent again as it was read. The rest, such as a PEM of which only the id is read, is just not compared.
_REPEATABLE = (str, bool, int, External, Mapping, NoneType)


def _left(resource: Resource, found: FieldChange) -> bool:
    return found.path in resource.lifecycle.ignore_changes and not isinstance(
        found.before, (*_REPEATABLE, tuple)
    )


def _whole(spec: Any, *, gone: bool) -> Iterator[FieldChange]:
    """Every attribute that a spec sets, as appearing or as going."""
    for member in members(type(spec)).values():
        value = getattr(spec, member.name)
        if value is NOT_COMPARED or value is None or value is False or value in ((), {}):
            continue
        items = value.items() if isinstance(value, Mapping) else ((None, value),)
        for key, item in items:
            path = member.name if key is None else f"{member.name}.{key}"
            sensitive = isinstance(item, Secret | SecretDigest)
            yield FieldChange(path, item if gone else None, None if gone else item, sensitive)
