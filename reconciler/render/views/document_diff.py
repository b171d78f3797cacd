"""The differences between two JSON documents, as changes of their parts."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve

from reconciler.model.change import FieldChange
from reconciler.model.document import Document
from reconciler.render.views.format_document import parse_json_object


def split_document_change(field: FieldChange) -> Sequence[FieldChange]:
    """Return the changes of a document's parts instead of the change of the document.

    A change of anything else, an added or removed document, and a sensitive change are returned as they are.
    """
    before, after = field.before, field.after
    if field.sensitive or not (isinstance(before, Document) and isinstance(after, Document)):
        return (field,)
    parts = [*_find_differences(field.path, json.loads(before.canonical), json.loads(after.canonical))]
    # Without a difference that this comparison finds, such as null for an absent member, both documents are shown.
    return [
        evolve(field, path=path, before=old_value, after=new_value) for path, old_value, new_value in parts
    ] or (field,)


def _find_differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the old and the new value of every difference.

    Objects are compared member by member, also if they are JSON in a string, and lists of objects item by item. Other values are
    compared as a whole; an absent member is equal to one that is null.
    """
    match before, after:
        case dict(), dict():
            for key in [*before, *(key for key in after if key not in before)]:
                if before.get(key) != after.get(key):
                    yield from _find_differences(f"{path}.{key}", before.get(key), after.get(key))
        case list(), list() if _are_objects(before) and _are_objects(after):
            for number, old_item, new_item in _pair_items(before, after):
                yield from _find_differences(f"{path}[{number}]", old_item, new_item)
        case str(), str():
            old_object, new_object = parse_json_object(before), parse_json_object(after)
            if old_object is None or new_object is None or old_object == new_object:
                yield path, before, after
            else:
                yield from _find_differences(path, old_object, new_object)
        case _:
            yield path, before, after


def _pair_items(before: list[Any], after: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Yield the index, the old and the new item of every difference between two lists of objects.

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
        if isinstance(sid := old[1].get("Sid"), str):
            old_items_by_sid[sid].append(old)
    partners = {}
    for index, item in new_items:
        sid = item.get("Sid")
        if isinstance(sid, str) and old_items_by_sid[sid]:
            partners[index] = old_items_by_sid[sid].pop()
    return partners


def _remove_common_items(
    before: list[Any], after: list[Any]
) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """Return the items of each list, with their indexes, that the other list does not have as often."""
    old_indexes: defaultdict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(before):
        old_indexes[json.dumps(item, sort_keys=True)].append(index)
    common: set[int] = set()
    new_items = []
    for index, item in enumerate(after):
        indexes = old_indexes[json.dumps(item, sort_keys=True)]
        if indexes:
            common.add(indexes.pop(0))
        else:
            new_items.append((index, item))
    return [(index, item) for index, item in enumerate(before) if index not in common], new_items


def _are_objects(items: Sequence[Any]) -> bool:
    return all(isinstance(item, dict) for item in items)
