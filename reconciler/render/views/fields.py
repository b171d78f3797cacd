"""Views of the fields that change: a line for each field, or for each changed part of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs import frozen

from reconciler.model.change import Change, Create, FieldChange
from reconciler.model.document import Document
from reconciler.model.text import escape_invisible
from reconciler.render.views.document_diff import split_document_change
from reconciler.render.views.format_value import (
    REDACTED_VALUE,
    ValueView,
    flatten_spec,
    format_document_part,
    format_optional,
    format_value,
)

_EMPTY: tuple[Any, ...] = (None, (), [], {})
"""Values that count as absent."""


@frozen
class FieldLine:
    """One field, or one part of a document.

    `sign` is + if it is added, - if removed, ~ if changed. A list that gains or loses items is described by the items `added` and
    `removed`. Every other value is described by `before` and `after`, and so are a sensitive list, and a list that is added to a
    document or removed from it as a whole. `is_document` is whether it is a document or a part of one: these are shown in full.
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
    if isinstance(change, Create) and not change.fields:
        return tuple(_describe_new(change.resource.spec))
    return tuple(line for field in change.fields for line in describe_field(field))


def describe_field(field: FieldChange) -> Iterator[FieldLine]:
    """Describe one field that changes; of a document, describe every part that changes."""
    for part in split_document_change(field):
        line = _build_line(part, is_part=part is not field)
        if line:
            yield line


def _describe_new(spec: Any) -> Iterator[FieldLine]:
    defaults = {
        field.name: field.default for field in attrs.fields(type(spec)) if field.default is not attrs.NOTHING
    }
    for path, value in flatten_spec(spec):
        if value not in _EMPTY and defaults.get(path, attrs.NOTHING) != value:
            line = _build_line(FieldChange(path, None, value))
            if line:
                yield line


def _build_line(field: FieldChange, *, is_part: bool = False) -> FieldLine | None:
    """Build the line of one field, or return None if it is empty before and after.

    A list is shown by the items that it gains and loses, with two exceptions: a sensitive list, and a list inside a document if
    the whole list is added or removed.
    """
    before, after = field.before, field.after
    # In a document, an empty object or array is a value.
    is_new = before is None if is_part else before in _EMPTY
    is_removed = after is None if is_part else after in _EMPTY
    if is_new and is_removed:
        return None
    was_list, becomes_list = isinstance(before, list | tuple), isinstance(after, list | tuple)
    is_list = (was_list and (becomes_list or after in _EMPTY)) or (becomes_list and before in _EMPTY)
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
        sensitive=REDACTED_VALUE in (before_view, after_view),
        is_document=is_part or _is_document(before, before_view) or _is_document(after, after_view),
    )


def _format_side(value: Any, field: FieldChange, *, is_part: bool) -> ValueView | None:
    """Format the value before or after; that of a part of a document may have several lines."""
    if is_part and value is not None and not field.sensitive:
        return format_document_part(value)
    return format_optional(value, redact=field.sensitive)


def _is_document(value: Any, view: ValueView | None) -> bool:
    """Return whether a value is a document, or JSON in a string that is shown in several lines."""
    return isinstance(value, Document) or bool(view and view.lines)


def _build_list_line(field: FieldChange, before: list[Any], after: list[Any], *, is_part: bool) -> FieldLine:
    """Build the line of a list from the items that it gains and loses.

    A list that still has the same items, in another order or number, is shown whole, before and after. So is a list in a document
    whose remaining items have another order, because order can have a meaning there.
    """
    format_item = format_document_part if is_part else format_value
    if is_part and [item for item in before if item in after] != [item for item in after if item in before]:
        return FieldLine(
            "~",
            escape_invisible(field.path),
            format_item(before),
            format_item(after),
            forces_replacement=field.forces_replacement,
            is_document=True,
        )
    added = tuple(format_item(item) for item in after if item not in before)
    removed = tuple(format_item(item) for item in before if item not in after)
    has_same_items = not added and not removed
    return FieldLine(
        sign=_choose_sign(is_new=not before, is_removed=not after),
        path=escape_invisible(field.path),
        before=format_item(before) if has_same_items else None,
        after=format_item(after) if has_same_items else None,
        added=added,
        removed=removed,
        forces_replacement=field.forces_replacement,
        is_document=is_part or any(isinstance(item, Document) for item in (*before, *after)),
    )


def _choose_sign(*, is_new: bool, is_removed: bool) -> str:
    if is_new:
        return "+"
    return "-" if is_removed else "~"
