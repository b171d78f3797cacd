"""The differences between two documents, tables or lists of tables, as changes of their parts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from attrs import evolve

from reconciler.model.change import FieldChange
from reconciler.model.document import Document
from reconciler.render.views.format_document import parse_json_object
from reconciler.render.views.value_structure import (
    are_tables,
    get_table_members,
    is_table,
    name_items,
)


def split_change(field: FieldChange) -> Sequence[FieldChange]:
    """Return the changes of the parts of a document, a table or a list, instead of that of the whole.

    A change of anything else, an added or removed document or table, and a sensitive change are returned as they are. A list of
    tables that is added or removed is split into its items.
    """
    adds_tables = isinstance(field.after, tuple) and are_tables(field.after)
    if field.sensitive or (field.before is None and not adds_tables):
        return (field,)
    # Without a difference that this comparison finds, such as null for an absent member, both values are shown.
    return [
        evolve(field, path=path, before=old_value, after=new_value)
        for path, old_value, new_value in _find_differences(field.path, field.before, field.after)
    ] or (field,)


def split_items(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each item of a list of tables; any other value as it is."""
    if not value or not isinstance(value, tuple) or not are_tables(value):
        yield path, value
        return
    (names,) = name_items(value) or [[str(number) for number in range(len(value))]]
    yield from ((f"{path}[{name}]", item) for name, item in zip(names, value, strict=True))


def _find_differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the old and the new value of every difference.

    Tables are compared member by member, also if they are JSON in a string, and lists of tables item by item. Other values are
    compared as a whole; an absent member is equal to one that is null. Lists of a document are lists, those of a spec are tuples:
    an absent one is empty.
    """
    match before, after:
        case Document(), Document():
            yield from _find_differences(path, json.loads(before.canonical), json.loads(after.canonical))
        case str(), str():
            old_object, new_object = parse_json_object(before), parse_json_object(after)
            if old_object is None or new_object is None or old_object == new_object:
                yield path, before, after
            else:
                yield from _find_differences(path, old_object, new_object)
        case (list() | tuple(), list() | tuple()) if are_tables(before) and are_tables(after):
            yield from _compare_lists(path, before, after)
        case (None, tuple()) | (tuple(), None) if are_tables(before or after):
            yield from _compare_lists(path, before or (), after or ())
        case _ if is_table(before) and is_table(after):
            old_members, new_members = get_table_members(before), get_table_members(after)
            for key in dict.fromkeys((*old_members, *new_members)):
                if old_members.get(key) != new_members.get(key):
                    yield from _find_differences(f"{path}.{key}", old_members.get(key), new_members.get(key))
        case _:
            yield path, before, after


def _compare_lists(path: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the differences of two lists of tables: items are matched by name or else by position."""
    names = name_items(before, after)
    if names is None:
        for number, old_item, new_item in _pair_items(before, after):
            yield from _find_differences(f"{path}[{number}]", old_item, new_item)
        return
    old_items, new_items = (
        dict(zip(*pair, strict=True)) for pair in zip(names, (before, after), strict=True)
    )
    for name in dict.fromkeys((*old_items, *new_items)):
        if old_items.get(name) != new_items.get(name):
            yield from _find_differences(f"{path}[{name}]", old_items.get(name), new_items.get(name))
    old_order = [name for name in old_items if name in new_items]
    new_order = [name for name in new_items if name in old_items]
    if old_order != new_order:
        yield path, old_order, new_order


def _pair_items(before: Sequence[Any], after: Sequence[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Yield the index, the old and the new item of every difference between two lists of tables.

    Items that both lists have are left out, so that a new item does not seem to change all items after it. The others are paired
    by their `Sid` or else in order; one without a partner is added or removed. Lists with the same items in another
    order are compared in order. The index of a removed item is that in the old list.
    """
    old_items, new_items = _remove_common_items(before, after)
    if not old_items and not new_items:
        pairs = zip(enumerate(before), enumerate(after), strict=True)
        yield from ((index, old, new) for (_, old), (index, new) in pairs if old != new)
        return
    partners = _find_partners(old_items, new_items)
    paired_indexes = {index for index, _ in partners.values()}
    remaining = iter([(index, item) for index, item in old_items if index not in paired_indexes])
    for index, item in new_items:
        _, old_item = partners.get(index) or next(remaining, (None, None))
        yield index, old_item, item
    yield from ((index, item, None) for index, item in remaining)


def _find_partners(
    old_items: Sequence[tuple[int, Any]], new_items: Sequence[tuple[int, Any]]
) -> dict[int, tuple[int, Any]]:
    """Return the index of each new item whose `Sid` an old item has → that old item, with its index."""
    old_items_by_sid: defaultdict[str, list[tuple[int, Any]]] = defaultdict(list)
    for old in reversed(old_items):
        if isinstance(sid := get_table_members(old[1]).get("Sid"), str):
            old_items_by_sid[sid].append(old)
    partners = {}
    for index, item in new_items:
        sid = get_table_members(item).get("Sid")
        if isinstance(sid, str) and old_items_by_sid[sid]:
            partners[index] = old_items_by_sid[sid].pop()
    return partners


def _remove_common_items(
    before: Sequence[Any], after: Sequence[Any]
) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """Return the items of each list, with their indexes, that the other list does not have as often."""
    old_indexes: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, item in enumerate(before):
        old_indexes[_to_key(item)].append(index)
    common: set[int] = set()
    new_items = []
    for index, item in enumerate(after):
        indexes = old_indexes[_to_key(item)]
        if indexes:
            common.add(indexes.pop(0))
        else:
            new_items.append((index, item))
    return [(index, item) for index, item in enumerate(before) if index not in common], new_items


def _to_key(value: Any) -> Hashable:
    """Return a key that only equal values share; 1 and true are not equal."""
    if is_table(value):
        return frozenset((name, _to_key(item)) for name, item in get_table_members(value).items())
    if isinstance(value, list | tuple):
        return tuple(map(_to_key, value))
    return type(value), value
