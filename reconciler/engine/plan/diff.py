"""Find the changes that make each live resource equal to the desired one, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import get_members, is_spec_class
from reconciler.kinds.base.tags import NAME_TAG
from reconciler.kinds.shared.ownership_markers import list_marker_names
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, FieldChange, Replace, Update
from reconciler.model.document import Document
from reconciler.model.lazy_sequence import LazyItems
from reconciler.model.resource import NOT_COMPARED, Desired, External, Inventory, Live, Resource
from reconciler.model.secret import Secret, SecretDigest

OWNERSHIP_PATH = "workspace"
"""The path under which a plan shows that a resource gets the workspace's ownership marker."""

NAME_TAG_PATH = "name in the file"
"""The path under which a plan shows that the tag with a resource's name changes."""


def diff(workspace: str, desired: Desired, live: Inventory) -> Iterator[Change]:
    """Yield the changes that make the registry as desired, sorted by address.

    The specs in `desired` are effective ones, as AWS would report them. Live resources that are neither desired nor owned by
    the workspace are left alone.
    """
    for address in sorted(desired.keys() | live.keys()):
        resource, live_resource = desired.get(address), live.get(address)
        if resource is None:
            assert live_resource is not None
            if live_resource.owner == workspace:
                yield Delete(address, live_resource, LazyItems(_iterate_deleted_fields, live_resource.spec))
        elif live_resource is None:
            yield Create(resource, LazyItems(_iterate_created_fields, resource.spec))
        else:
            change = _diff_resource(workspace, resource, live_resource)
            if change:
                yield change


def _diff_resource(workspace: str, resource: Resource, live: Live) -> Update | Replace | None:
    """Return the change that makes a live resource as desired, or None if it already is."""
    resource = keep_ignored_values(workspace, resource, live.spec)
    fields = (*_compare_ownership(workspace, resource, live), *_compare_unignored_fields(resource, live))
    if any(field.forces_replacement for field in fields):
        return Replace(resource, live, fields)
    return Update(resource, live, fields) if fields else None


def _compare_ownership(workspace: str, resource: Resource, live: Live) -> Iterator[FieldChange]:
    """Yield the differences in what the registry stores about ownership: owner, name, prevent_destroy."""
    address = resource.address
    kind = all_kinds()[address.kind]
    if live.owner != workspace:
        yield FieldChange(OWNERSHIP_PATH, live.owner, workspace)
    tagged_name = live.tags.get(NAME_TAG, address.name)
    if tagged_name != address.name:
        yield FieldChange(NAME_TAG_PATH, tagged_name, address.name)
    is_protected, prevent_destroy = live.prevent_destroy, resource.lifecycle.prevent_destroy
    if kind.has_ownership_markers and is_protected != prevent_destroy:
        yield FieldChange(PREVENT_DESTROY_PATH, is_protected, prevent_destroy)


def _compare_unignored_fields(resource: Resource, live: Live) -> Iterator[FieldChange]:
    """Yield the fields that differ and are not ignored."""
    kind = all_kinds()[resource.address.kind]
    for field in compare_specs(kind, resource.spec, live.spec):
        if not _is_ignored_but_not_kept(resource, field):
            yield field


def compare_specs(kind: Kind, desired_spec: Any, live_spec: Any) -> Iterator[FieldChange]:
    """Yield the fields in which two specs of one kind differ, maps key by key.

    Fields that only a creation sends (`create_only`) are not compared.
    """
    for member in get_members(type(desired_spec)).values():
        if member.on_change == "create_only":
            continue
        before, after = getattr(live_spec, member.name), getattr(desired_spec, member.name)
        is_locked = kind.is_locked(member.name, live_spec)
        for path, old, new in _find_differences(member.name, before, after):
            is_sensitive = isinstance(old, Secret | SecretDigest) or isinstance(new, Secret)
            yield FieldChange(
                path,
                before=old,
                after=new,
                sensitive=is_sensitive,
                forces_replacement=is_locked or kind.forces_replacement(member.name, new),
            )


def _find_differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield path, live value and desired value of each difference.

    `NOT_COMPARED` is equal to every value. A desired secret that is not set is equal to every live secret or stored hash.
    """
    match before, after:
        case Mapping(), Mapping():
            for key in sorted(before.keys() | after.keys()):
                yield from _find_differences(f"{path}.{key}", before.get(key), after.get(key))
        case _ if before is not NOT_COMPARED and after is not NOT_COMPARED and not is_same(before, after):
            yield path, _replace_same_items(before, after), after


def is_same(before: Any, after: Any) -> bool:
    """Return whether a live value is equal to a desired one; secrets are compared by value."""
    if before == after:
        return True
    match before, after:
        case SecretDigest(), Secret():
            return before.matches(after)
        case str() | Secret(), str() | Secret():
            return _reveal(after) in {None, _reveal(before)}
        case Mapping(), Mapping():
            return before.keys() == after.keys() and all(is_same(before[key], after[key]) for key in after)
        case tuple(), tuple():
            return len(before) == len(after) and all(map(is_same, before, after))
        case _ if type(before) is type(after) and is_spec_class(type(before)):
            return all(
                is_same(getattr(before, name), getattr(after, name)) for name in get_members(type(before))
            )
        case _:
            return False


def _reveal(text: str | Secret) -> str | None:
    return text.value if isinstance(text, Secret) else text


def _replace_same_items(before: Any, after: Any) -> Any:
    """Return the live value with the desired items in place of those equal to them."""
    if not isinstance(before, tuple) or not isinstance(after, tuple):
        return before
    return tuple(next((other for other in after if is_same(item, other)), item) for item in before)


def keep_ignored_values(workspace: str, resource: Resource, live_spec: Any) -> Resource:
    """Return the resource with the live values of the fields that it ignores.

    An update sends a map as a whole, and must not revert the keys in it that the file ignores. The names of the workspace's own
    markers are left out of the live values. A value that cannot be sent as it was read is not kept (`_SENDABLE_TYPES`).
    """
    values: dict[str, Any] = {}
    for path in resource.lifecycle.ignore_changes:
        name, dot, key = path.partition(".")
        if name not in get_members(type(live_spec)):
            continue  # a composite's field, such as its template, which matters only for its creation
        live_value = getattr(live_spec, name)
        value = values.get(name, getattr(resource.spec, name))
        if dot and isinstance(live_value, Mapping) and isinstance(value, Mapping):
            other_items = {other_key: item for other_key, item in value.items() if other_key != key}
            values[name] = {**other_items, key: live_value[key]} if key in live_value else other_items
        elif isinstance(live_value, tuple):
            markers = list_marker_names(workspace)
            values[name] = tuple(
                item for item in live_value if not (isinstance(item, str) and item in markers)
            )
        elif not dot and isinstance(live_value, _SENDABLE_TYPES):
            values[name] = live_value
    if not values:
        return resource
    kind = all_kinds()[resource.address.kind]
    return replace(resource, spec=kind.drop_meaningless_values(evolve(resource.spec, **values)))


def keep_all_values(workspace: str, resource: Resource, live_spec: Any) -> Resource:
    """Return the resource with the live values of all its fields, if they can be sent as they were read."""
    names = tuple(get_members(type(resource.spec)))
    lifecycle = evolve(resource.lifecycle, ignore_changes=names)
    return keep_ignored_values(workspace, replace(resource, lifecycle=lifecycle), live_spec)


# Types of values that, like tuples, can be sent as they were read. An ignored field with another value, such as a PEM of which
# only the ID is read, keeps its desired value, and `_compare_unignored_fields` skips it.
_SENDABLE_TYPES = (str, bool, int, Document, External, Mapping, NoneType)


def _is_ignored_but_not_kept(resource: Resource, field: FieldChange) -> bool:
    """Return whether a field is ignored, but `keep_ignored_values` could not keep its live value."""
    is_kept = isinstance(field.before, (*_SENDABLE_TYPES, tuple))
    return field.path in resource.lifecycle.ignore_changes and not is_kept


_SECRET_TYPES = (Secret, SecretDigest)

_SINGLE_VALUE_TYPES = (str, tuple)
"""The types of most values. They are checked before `Mapping`, an abstract class, for which that is slow."""


def _iterate_created_fields(spec: Any) -> Iterator[FieldChange]:
    for path, value in _iterate_set_fields(spec):
        yield FieldChange(path, None, value, sensitive=isinstance(value, _SECRET_TYPES))


def _iterate_deleted_fields(spec: Any) -> Iterator[FieldChange]:
    for path, value in _iterate_set_fields(spec):
        yield FieldChange(path, value, None, sensitive=isinstance(value, _SECRET_TYPES))


def _iterate_set_fields(spec: Any) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of every field that a spec sets, maps key by key; False is unset."""
    for name in get_members(type(spec)):
        value = getattr(spec, name)
        if value is None or value is False or value is NOT_COMPARED:
            continue
        if not value and value in ((), {}):  # the first test is fast
            continue
        if isinstance(value, _SINGLE_VALUE_TYPES) or not isinstance(value, Mapping):
            yield name, value
        else:
            yield from ((f"{name}.{key}", item) for key, item in value.items())
