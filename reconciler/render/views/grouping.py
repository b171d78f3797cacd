"""Groups of alike rows, which every format for people shows in place of thousands of rows. Pure.

Invariant: a group loses nothing that approval needs. Its rows are counted, its values are counted by field, and rare values are
named with their addresses. Rows that delete or replace are named, up to a limit; those with documents are only in one group
if the documents are equal.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar

from reconciler.frozen_classes import frozen
from reconciler.model.lazy_sequence import LazySequence
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.group_values import mask_numbers, summarize_fields
from reconciler.render.views.labels import format_kind

MIN_GROUP_SIZE = 10
"""Fewer alike rows are shown one by one."""

MAX_NAMES = 20
"""The most addresses that a group of deletions, replacements or documents lists."""

UNNAMED_LABELS = frozenset({"create", "update", "changed"})
"""Actions and directions that lose nothing, so that an example is enough; rows with any other label are named."""

_VALUE_LABELS = frozenset({"update", "replace", "changed"})
"""Labels whose rows are grouped by their new values if enough rows have the same."""

_LOST_LABELS = frozenset({"delete", "forget", "extra"})
"""Labels whose rows are alike even if their fields differ: the fields only describe what is lost."""

_FIELD_NAME = re.compile(r"[.\[]")
"""The end of a field's name in the path of a part of it."""

_WILDCARD = re.compile(r"(?<![\w:/*$-])(?:iot:)?\*(?![\w:/*])")
"""`*` or `iot:*` as the whole text of an action or a resource."""


class AlikeRow(Protocol):
    """A row that can be in a group: a change of a plan, or a resource of a drift."""

    @property
    def label(self) -> str:
        """The action or the direction."""

    @property
    def address(self) -> str:
        """The address, which begins with the kind."""

    @property
    def fields(self) -> tuple[FieldLine, ...]:
        """The fields that the row shows."""

    @property
    def owner(self) -> str:
        """A note about the resource's owner; alike rows have the same."""


Row = TypeVar("Row", bound=AlikeRow)


@frozen(slots=False)
class RowGroup(Generic[Row]):
    """Rows that are alike, in their order; the first is the sample."""

    rows: tuple[Row, ...]

    @property
    def sample(self) -> Row:
        """The first row."""
        return self.rows[0]

    @property
    def title(self) -> str:
        """The number of rows, their kind and the sample: `2,000 things like things.SN00001`."""
        count = len(self.rows)
        kind = self.sample.address.partition(".")[0]
        return f"{count:,} {format_kind(kind, count)} like {self.sample.address}"

    @cached_property
    def fields(self) -> tuple[FieldLine, ...]:
        """The fields of all rows; a field with several values has the number of rows with each."""
        return self._summary[0]

    @cached_property
    def exceptions(self) -> tuple[str, ...]:
        """The addresses with rare values, and these values."""
        return self._summary[1]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The addresses that approval needs, the unusual ones first; empty if an example is enough."""
        if not must_be_named(self.sample):
            return ()
        shapes = Counter(mask_numbers(row.address) for row in self.rows)
        addresses = (row.address for row in self.rows)
        is_series = shapes.most_common(1)[0][1] > len(self.rows) // 2
        if not is_series:
            return tuple(addresses)
        return tuple(sorted(addresses, key=lambda address: shapes[mask_numbers(address)]))

    @cached_property
    def _summary(self) -> tuple[tuple[FieldLine, ...], tuple[str, ...]]:
        return summarize_fields([(row.address, row.fields) for row in self.rows])


def group_rows(rows: Sequence[Row], *, full: bool = False) -> Sequence[Row | RowGroup[Row]]:
    """Return the rows, with a group in place of each `MIN_GROUP_SIZE` or more that are alike.

    A group stands where its first row stood. With `full`, there are no groups.
    """
    if full or len(rows) < MIN_GROUP_SIZE:
        return rows
    rows = tuple(rows)  # they may be lazy
    members = find_alike(range(len(rows)), lambda index: _get_exact_key(rows[index]))
    grouped = {index for indexes in members for index in indexes}
    remaining = (index for index in range(len(rows)) if index not in grouped)
    members += find_alike(remaining, lambda index: _get_shape_key(rows[index]))
    groups = {indexes[0]: RowGroup(tuple(rows[index] for index in indexes)) for indexes in members}
    hidden = {index for indexes in members for index in indexes[1:]}
    return [groups.get(index, row) for index, row in enumerate(rows) if index not in hidden]


def find_alike(indexes: Iterable[int], get_key: Callable[[int], Hashable]) -> list[list[int]]:
    """Return the indexes of each group of `MIN_GROUP_SIZE` or more items with the same key.

    An item without a key (None) is in none of the groups.
    """
    members: dict[Hashable, list[int]] = {}
    for index in indexes:
        key = get_key(index)
        if key is not None:
            members.setdefault(key, []).append(index)
    return [group for group in members.values() if len(group) >= MIN_GROUP_SIZE]


def count_rows(entries: Iterable[AlikeRow | RowGroup[Any]]) -> int:
    """Return the number of rows on their own and in groups."""
    if isinstance(entries, LazySequence):  # it has no groups
        return len(entries)
    return sum(len(entry.rows) if isinstance(entry, RowGroup) else 1 for entry in entries)


def must_be_named(row: AlikeRow) -> bool:
    """Return whether approval needs the address of this row: it may lose something, or has a document."""
    return row.label not in UNNAMED_LABELS or has_document(row)


def has_document(row: AlikeRow) -> bool:
    """Return whether a row shows a document, such as a policy's, or a part of one."""
    return any(field.is_document for field in row.fields)


def has_wildcard(fields: Iterable[FieldLine]) -> bool:
    """Return whether a document has an action or a resource that is everything, such as `iot:*`."""
    documents = [field for field in fields if field.is_document]
    values = [
        value
        for field in documents
        for value in (field.before, field.after, *field.added, *field.removed)
        if value
    ]
    return any(_WILDCARD.search(text) for value in values for text in value.lines or (value.text,))


def format_names(names: Sequence[str], limit: int = MAX_NAMES) -> str:
    """Format addresses, the kind only once: `things.a, b, c and 297 more`."""
    if not names:
        return ""
    kind = names[0].partition(".")[0] + "."
    listed = [name.removeprefix(kind) for name in names[1:limit]]
    omitted = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join([names[0], *listed]) + omitted


def _get_exact_key(row: AlikeRow) -> Hashable:
    """Return a key of the new values, for rows that are grouped by these; None for other rows."""
    if row.label not in _VALUE_LABELS or has_document(row):
        return None
    new_values = tuple(
        (field.path, field.sign, field.after, field.added, field.removed, field.forces_replacement)
        for field in row.fields
    )
    return _get_kind(row), row.label, new_values


def _get_shape_key(row: AlikeRow) -> Hashable:
    """Return a key that rows share whose fields have the same names, and whose documents are equal."""
    kind = _get_kind(row)
    documents = tuple(field for field in row.fields if field.is_document)
    if documents and row.label in _VALUE_LABELS:
        return None  # the lines have only the differences, and the documents may differ in other parts
    if row.label in _LOST_LABELS:
        return kind, row.label, documents
    if row.label in _VALUE_LABELS:
        return (
            kind,
            row.label,
            tuple((field.path, field.sign, field.forces_replacement) for field in row.fields),
        )
    # New resources have the same fields, but each may have attributes of its own.
    return kind, row.label, frozenset(_FIELD_NAME.split(field.path, 1)[0] for field in row.fields), documents


def _get_kind(row: AlikeRow) -> tuple[str, str]:
    return row.address.partition(".")[0], row.owner
