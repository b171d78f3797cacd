"""What differs inside two JSON documents, as changes of their parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import evolve

from reconciler.model.change import FieldChange
from reconciler.model.document import Document

MAX_DIFFERENCES = 8
"""Differences that are told one by one; of more, that there are more."""


def split_document_change(field: FieldChange) -> Sequence[FieldChange]:
    """The change of a document as changes of what differs in it; any other change is itself."""
    before, after = field.before, field.after
    if field.sensitive or not (isinstance(before, Document) and isinstance(after, Document)):
        return (field,)
    parts = _parts(field.path, json.loads(before.canonical), json.loads(after.canonical))
    return [evolve(field, path=path, before=one, after=other) for path, one, other in parts]


def _parts(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    """Objects by their members, lists of objects by their places while these stay the same."""
    match before, after:
        case dict(), dict():
            for key in [*before, *(key for key in after if key not in before)]:
                if before.get(key) != after.get(key):
                    yield from _parts(f"{path}.{key}", before.get(key), after.get(key))
        case list(), list() if len(before) == len(after) and _objects(before) and _objects(after):
            for place, (one, other) in enumerate(zip(before, after, strict=True)):
                if one != other:
                    yield from _parts(f"{path}[{place}]", one, other)
        case _:
            yield path, before, after


def _objects(items: Sequence[Any]) -> bool:
    return all(isinstance(item, dict) for item in items)
