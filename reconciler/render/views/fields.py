"""Views of the fields that change: a line for each field, or for each changed part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import attrs
from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.model.change import Change, Create, FieldChange
from reconciler.model.document import Document
from reconciler.model.text import escape_invisible
from reconciler.render.views.format_document import parse_json_object
from reconciler.render.views.format_value import (
    REDACTED_VALUE,
    ValueView,
    format_document_part,
    format_optional,
    format_value,
)
from reconciler.render.views.value_diff import split_change
from reconciler.render.views.value_structure import flatten_spec

_EMPTY: tuple[Any, ...] = (None, (), [], {})
"""Values that count as absent."""


@frozen
class FieldLine:
    """One field, or one part of a document, of a table or of a list of tables.

    `sign` is + if it is added, - if removed, ~ if changed. A list that gains or loses items is described by the items `added` and
    `removed`. Every other value is described by `before` and `after`, and so are a sensitive list, and a list that is added to a
    document or removed from it as a whole. `is_document` is whether it is a document or a part of one, or has several lines: these are
    shown in full.
    """

    sign: str
    path: str
    before: ValueView | None = None
    after: ValueView | None = None
    added: tuple[ValueView, ...] = ()
    removed: tuple[ValueView, ...] = ()
    forces_replacement: bool = False
    sensitive: bool = False
    is_document: bool = False


def describe_change(change: Change) -> tuple[FieldLine, ...]:
    """Describe every field that changes.

    For a creation without field changes, describe the fields of the new resource that are not empty and not equal to their default.
    """
    fields = tuple(iter(change.fields))  # without their number, for which lazy ones would be found twice
    if isinstance(change, Create) and not fields:
        return tuple(_describe_new(change.resource.spec))
    return tuple(line for field in fields for line in describe_field(field))


def describe_field(field: FieldChange) -> Iterable[FieldLine]:
    """Describe one field that changes, or every part that changes of a document, a table or a list."""
    if (
        field.before is None
        and not field.sensitive
        and not field.forces_replacement
        and _is_text(field.after)
    ):
        return _describe_new_text(field.path, field.after)
    return _iterate_lines(field)


def _is_text(value: Any) -> bool:
    """Return whether a value is a text or a list of texts."""
    if isinstance(value, tuple):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str)


@lru_cache(maxsize=4096)  # the devices of a fleet have the same values in most fields
def _describe_new_text(path: str, value: str | tuple[str, ...]) -> tuple[FieldLine, ...]:
    return tuple(_iterate_lines(FieldChange(path, None, value)))


def _iterate_lines(field: FieldChange) -> Iterator[FieldLine]:
    is_document = _is_document(field.before) or _is_document(field.after)
    for part in split_change(field):
        line = _build_line(part, is_part=part.path != field.path)
        if line:
            yield evolve(line, is_document=True) if is_document else line


def _describe_new(spec: Any) -> Iterator[FieldLine]:
    defaults = {
        field.name: field.default for field in attrs.fields(type(spec)) if field.default is not attrs.NOTHING
    }
    for path, value in flatten_spec(spec):
        if value not in _EMPTY and defaults.get(path, attrs.NOTHING) != value:
            yield from describe_field(FieldChange(path, None, value))


def _build_line(field: FieldChange, *, is_part: bool = False) -> FieldLine | None:
    """Build the line of one field, or return None if it is empty before and after.

    A list is shown by the items that it gains and loses, with two exceptions: a sensitive list, and a list inside a document if
    the whole list is added or removed.
    """
    before, after = field.before, field.after
    # In a document, an empty object or array is a value.
    is_new = before is None if is_part else _is_empty(before)
    is_removed = after is None if is_part else _is_empty(after)
    if is_new and is_removed:
        return None
    was_list, becomes_list = isinstance(before, list | tuple), isinstance(after, list | tuple)
    is_list = (was_list and (becomes_list or _is_empty(after))) or (becomes_list and _is_empty(before))
    is_whole = is_part and (is_new or is_removed)
    if is_list and not field.sensitive and not is_whole:
        return _build_list_line(field, list(before or ()), list(after or ()), is_part=is_part)
    before_view = _format_side(None if is_new else before, field, is_part=is_part)
    after_view = _format_side(None if is_removed else after, field, is_part=is_part)
    return FieldLine(
        sign=_choose_sign(is_new=is_new, is_removed=is_removed),
        path=escape_invisible(field.path),
        before=before_view,
        after=after_view,
        forces_replacement=field.forces_replacement,
        sensitive=before_view is REDACTED_VALUE or after_view is REDACTED_VALUE,
        is_document=_has_lines(before_view, after_view),
    )


def _is_empty(value: Any) -> bool:
    """Return whether a value counts as absent; most are texts, for which this is fast."""
    return value is None or (not isinstance(value, str) and value in _EMPTY)


def _format_side(value: Any, field: FieldChange, *, is_part: bool) -> ValueView | None:
    """Format the value before or after; that of a part of a document may have several lines."""
    if is_part and value is not None and not field.sensitive:
        return format_document_part(value)
    return format_optional(value, redact=field.sensitive)


def _is_document(value: Any) -> bool:
    """Return whether a value is a document, or JSON in a string."""
    if isinstance(value, str):
        return parse_json_object(value) is not None
    return isinstance(value, Document)


def _has_lines(*views: ValueView | None) -> bool:
    return any(view and view.lines for view in views)


def _build_list_line(field: FieldChange, before: list[Any], after: list[Any], *, is_part: bool) -> FieldLine:
    """Build the line of a list from the items that it gains and loses.

    A list that still has the same items, in another order or number, is shown whole, before and after. So is a list in a document
    whose remaining items have another order, because order can have a meaning there.
    """
    format_item = format_document_part if is_part else format_value
    added = [item for item in after if item not in before]
    removed = [item for item in before if item not in after]
    is_reordered = is_part and [item for item in before if item in after] != [
        item for item in after if item in before
    ]
    is_whole = is_reordered or not (added or removed)
    views = [format_item(value) for value in ((before, after) if is_whole else (*added, *removed))]
    return FieldLine(
        sign="~" if is_reordered else _choose_sign(is_new=not before, is_removed=not after),
        path=escape_invisible(field.path),
        before=views[0] if is_whole else None,
        after=views[1] if is_whole else None,
        added=() if is_whole else tuple(views[: len(added)]),
        removed=() if is_whole else tuple(views[len(added) :]),
        forces_replacement=field.forces_replacement,
        is_document=_has_lines(*views) or any(isinstance(item, Document) for item in (*before, *after)),
    )


def _choose_sign(*, is_new: bool, is_removed: bool) -> str:
    if is_new:
        return "+"
    return "-" if is_removed else "~"
