"""The differences between two JSON documents, as changes of their parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve

from reconciler.model.change import FieldChange
from reconciler.model.document import Document

MAX_DIFFERENCES = 8
"""The most differences of one document that a plan or a drift shows; more are only counted."""


def split_document_change(field: FieldChange) -> Sequence[FieldChange]:
    """Return the changes of a document's parts instead of the change of the document.

    A change of anything else, an added or removed document, and a sensitive change are returned as they are.
    """
    before, after = field.before, field.after
    if field.sensitive or not (isinstance(before, Document) and isinstance(after, Document)):
        return (field,)
    parts = _find_differences(field.path, json.loads(before.canonical), json.loads(after.canonical))
    return [
        evolve(field, path=path, before=old_value, after=new_value) for path, old_value, new_value in parts
    ]


def _find_differences(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield the path, the old and the new value of every difference.

    Objects are compared member by member, and lists of objects item by item if their lengths are equal. Other values are compared
    as a whole; an absent member is equal to one that is null.
    """
    match before, after:
        case dict(), dict():
            for key in [*before, *(key for key in after if key not in before)]:
                if before.get(key) != after.get(key):
                    yield from _find_differences(f"{path}.{key}", before.get(key), after.get(key))
        case list(), list() if len(before) == len(after) and _are_objects(before) and _are_objects(after):
            for index, (old_item, new_item) in enumerate(zip(before, after, strict=True)):
                if old_item != new_item:
                    yield from _find_differences(f"{path}[{index}]", old_item, new_item)
        case _:
            yield path, before, after


def _are_objects(items: Sequence[Any]) -> bool:
    return all(isinstance(item, dict) for item in items)
