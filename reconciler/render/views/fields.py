"""Views of the fields that change: a line for each field, or for each changed part of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs import frozen

from reconciler.model.change import Change, Create, FieldChange
from reconciler.model.text import escape_invisible
from reconciler.render.views.document_diff import MAX_DIFFERENCES, split_document_change
from reconciler.render.views.format_value import (
    REDACTED_VALUE,
    ValueView,
    flatten_spec,
    format_optional,
    format_value,
)
from reconciler.render.views.labels import pluralize

_EMPTY: tuple[Any, ...] = (None, (), [], {})
"""Values that count as absent."""


@frozen
class FieldLine:
    """One field, or one part of a document.

    `sign` is + if it is added, - if removed, ~ if changed. A list that gains or loses items is described by the items `added` and
    `removed`. Every other value is described by `before` and `after`, and so are a sensitive list, and a list that is added to a
    document or removed from it as a whole.
    """

    sign: str
    path: str
    before: ValueView | None = None
    after: ValueView | None = None
    added: tuple[ValueView, ...] = ()
    removed: tuple[ValueView, ...] = ()
    forces_replacement: bool = False
    sensitive: bool = False


def describe_change(change: Change) -> tuple[FieldLine, ...]:
    """Describe every field that changes.

    For a creation without field changes, describe the fields of the new resource that are not empty and not equal to their default.
    """
    if isinstance(change, Create) and not change.fields:
        return tuple(_describe_new(change.resource.spec))
    return tuple(line for field in change.fields for line in describe_field(field))


def describe_field(field: FieldChange) -> Iterator[FieldLine]:
    """Describe one field that changes.

    For a document, describe up to MAX_DIFFERENCES parts of it, and count the others in one more line.
    """
    parts = split_document_change(field)
    for part in parts[:MAX_DIFFERENCES]:
        line = _build_line(part, is_part=part is not field)
        if line:
            yield line
    if len(parts) > MAX_DIFFERENCES:
        omitted = f"and {pluralize(len(parts) - MAX_DIFFERENCES, 'more difference')}"
        yield FieldLine("~", escape_invisible(field.path), after=ValueView(omitted, is_placeholder=True))


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
    is_new, is_removed = before in _EMPTY, after in _EMPTY
    if is_new and is_removed:
        return None
    is_list = isinstance(before, list | tuple) or isinstance(after, list | tuple)
    is_whole = is_part and (is_new or is_removed)
    if is_list and not field.sensitive and not is_whole:
        return _build_list_line(field, list(before or ()), list(after or ()))
    before_view = format_optional(None if is_new else before, redact=field.sensitive)
    after_view = format_optional(None if is_removed else after, redact=field.sensitive)
    return FieldLine(
        sign=_choose_sign(is_new=is_new, is_removed=is_removed),
        path=escape_invisible(field.path),
        before=before_view,
        after=after_view,
        forces_replacement=field.forces_replacement,
        sensitive=REDACTED_VALUE in (before_view, after_view),
    )


def _build_list_line(field: FieldChange, before: list[Any], after: list[Any]) -> FieldLine:
    """Build the line of a list from the items that it gains and loses.

    A list that still has the same items, in another order or number, is shown whole, before and after.
    """
    added = tuple(format_value(item) for item in after if item not in before)
    removed = tuple(format_value(item) for item in before if item not in after)
    has_same_items = not added and not removed
    return FieldLine(
        sign=_choose_sign(is_new=not before, is_removed=not after),
        path=escape_invisible(field.path),
        before=format_value(before) if has_same_items else None,
        after=format_value(after) if has_same_items else None,
        added=added,
        removed=removed,
        forces_replacement=field.forces_replacement,
    )


def _choose_sign(*, is_new: bool, is_removed: bool) -> str:
    if is_new:
        return "+"
    return "-" if is_removed else "~"
