"""Groups of alike rows, which every format for people shows in place of thousands of rows. Pure.

Invariant: a group loses nothing that approval needs. Its rows are counted, its values are counted by field, and rare values are
named with their addresses. Rows that delete or replace are named, up to a limit; those with documents are only in one group
if the documents are equal.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from array import array
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar, overload

import msgspec

from reconciler.frozen_classes import frozen
from reconciler.model.lazy_sequence import LazySequence
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.group_values import FieldCounts, mask_numbers
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
    def origin(self) -> str:
        """Where the resource is declared, or an empty string."""

    @property
    def fields(self) -> tuple[FieldLine, ...]:
        """The fields that the row shows."""

    @property
    def owner(self) -> str:
        """A note about the resource's owner; alike rows have the same."""

    @property
    def calls(self) -> int:
        """The number of API calls."""

    @property
    def wait_seconds(self) -> float:
        """The longest time that the change may wait for AWS."""


Row = TypeVar("Row", bound=AlikeRow)
_Item = TypeVar("_Item")


@frozen
class RowGroup(Generic[Row]):
    """Rows that are alike.

    - `sample`: the first of them; `positions`: their positions among all rows;
    - `fields`: the fields of all rows; a field with several values has the number of rows with each;
    - `exceptions`: the addresses with rare values, and these values;
    - `names`: the first of the addresses, if approval needs them; the unusual ones are first;
    - `origin`: where all of them are declared, apart from the rows of manifests; empty if that differs;
    - `calls`: the number of all API calls;
    - `wait_seconds`: the longest time that one of the changes may wait for AWS.
    """

    sample: Row
    positions: Sequence[int]
    fields: tuple[FieldLine, ...]
    exceptions: tuple[str, ...]
    names: tuple[str, ...]
    origin: str
    calls: int
    wait_seconds: float

    @property
    def count(self) -> int:
        """The number of rows."""
        return len(self.positions)

    @property
    def title(self) -> str:
        """The number of rows, their kind and the sample: `2,000 things like things.SN00001`."""
        kind = self.sample.address.partition(".")[0]
        return f"{self.count:,} {format_kind(kind, self.count)} like {self.sample.address}"


class LazyRows(LazySequence[int, Row]):
    """Rows that are built whenever they are used, and whose addresses are known without that cost."""

    __slots__ = ("_get_address",)

    def __init__(
        self,
        build_row: Callable[[int], Row],
        sources: Sequence[int],
        get_address: Callable[[int], str],
    ) -> None:
        super().__init__(build_row, sources)
        self._get_address = get_address

    def get_address(self, index: int) -> str:
        """Return the address of one row."""
        return self._get_address(self.sources[index])


class RowEntries(Sequence[Row | RowGroup[Row]]):
    """Rows and groups of them, in order; a row is taken from `rows` whenever it is used."""

    def __init__(
        self, rows: Sequence[Row], positions: Sequence[int], groups: Mapping[int, RowGroup[Row]]
    ) -> None:
        """`positions` are those of the rows, and of the first row of each group; `groups` are by these."""
        self._rows = rows
        self._positions = positions
        self._groups = groups

    @overload
    def __getitem__(self, index: int) -> Row | RowGroup[Row]: ...
    @overload
    def __getitem__(self, index: slice) -> RowEntries[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | RowGroup[Row] | RowEntries[Row]:
        if isinstance(index, slice):
            return RowEntries(self._rows, self._positions[index], self._groups)
        position = self._positions[index]
        return self._groups.get(position) or self._rows[position]

    def __len__(self) -> int:
        return len(self._positions)

    @property
    def row_count(self) -> int:
        """The number of rows on their own and in groups."""
        return len(self) + sum(group.count - 1 for group in self.groups)

    @property
    def groups(self) -> Sequence[RowGroup[Row]]:
        """The groups, in their order."""
        return [self._groups[position] for position in self._positions if position in self._groups]

    def list_row_addresses(self) -> Iterator[str]:
        """Yield the addresses of the rows that are in no group."""
        positions = (position for position in self._positions if position not in self._groups)
        return (_get_address(self._rows, position) for position in positions)


def group_rows(rows: Sequence[Row], *, full: bool = False) -> RowEntries[Row]:
    """Return the rows, with a group in place of each `MIN_GROUP_SIZE` or more that are alike.

    A group stands where its first row stood. With `full`, there are no groups. The rows may be lazy: none of them is kept.
    """
    positions = range(len(rows))
    if full or len(rows) < MIN_GROUP_SIZE:
        return RowEntries(rows, positions, {})
    members = _find_members(rows, positions, _get_key)
    remaining = [
        position
        for (label, *_), alike in members.items()
        if label in _VALUE_LABELS and not alike.is_group
        for position in alike.positions
    ]
    other_members = _find_members(rows, sorted(remaining), _get_shape_key)
    groups = [alike for alike in (*members.values(), *other_members.values()) if alike.is_group]
    shown = _list_shown(len(rows), (alike.positions for alike in groups))
    return RowEntries(rows, shown, {alike.positions[0]: alike.build(rows) for alike in groups})


class _AlikeRows(Generic[Row]):
    """The positions of alike rows and, if they are enough for a group, what the group shows about them."""

    def __init__(self) -> None:
        self.positions = array("q")
        self._fields = FieldCounts()
        self._origins: set[str] = set()
        self._calls = 0
        self._wait_seconds = 0.0

    @property
    def is_group(self) -> bool:
        """Whether there are enough rows for a group."""
        return len(self.positions) >= MIN_GROUP_SIZE

    def add(self, position: int, rows: Sequence[Row], row: Row) -> None:
        """Add one of the rows; only those of a group are counted."""
        self.positions.append(position)
        if len(self.positions) == MIN_GROUP_SIZE:
            for earlier_position in self.positions[:-1]:
                self._count(rows[earlier_position])
        if self.is_group:
            self._count(row)

    def _count(self, row: Row) -> None:
        self._fields.add(row.address, row.fields)
        self._origins.add(row.origin.partition(" (")[0])  # without the row of a manifest
        self._calls += row.calls
        self._wait_seconds = max(self._wait_seconds, row.wait_seconds)

    def build(self, rows: Sequence[Row]) -> RowGroup[Row]:
        """Build the group of these rows."""
        sample = rows[self.positions[0]]
        own_rows = (rows[position] for position in self.positions)
        fields, exceptions = self._fields.summarize((row.address, row.fields) for row in own_rows)
        return RowGroup(
            sample=sample,
            positions=self.positions,
            fields=fields,
            exceptions=exceptions,
            names=self._list_names(rows) if must_be_named(sample) else (),
            origin=self._origins.pop() if len(self._origins) == 1 else "",
            calls=self._calls,
            wait_seconds=self._wait_seconds,
        )

    def _list_names(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Return the first addresses; in a series, those that are unlike the others come first."""
        shapes = Counter(mask_numbers(_get_address(rows, position)) for position in self.positions)
        addresses = (_get_address(rows, position) for position in self.positions)
        is_series = shapes.most_common(1)[0][1] > len(self.positions) // 2
        if not is_series:
            return tuple(islice(addresses, MAX_NAMES))
        return tuple(heapq.nsmallest(MAX_NAMES, addresses, key=lambda address: shapes[mask_numbers(address)]))


def _find_members(
    rows: Sequence[Row], positions: Iterable[int], get_key: Callable[[Row], tuple[Hashable, ...] | None]
) -> Mapping[tuple[Hashable, ...], _AlikeRows[Row]]:
    """Return the rows at these positions by their key; a row without a key (None) is left out."""
    members: dict[tuple[Hashable, ...], _AlikeRows[Row]] = {}
    for position in positions:
        row = rows[position]
        key = get_key(row)
        if key is not None:
            alike = members.get(key)
            if alike is None:
                alike = members[key] = _AlikeRows()
            alike.add(position, rows, row)
    return members


def _get_address(rows: Sequence[AlikeRow], position: int) -> str:
    return rows.get_address(position) if isinstance(rows, LazyRows) else rows[position].address


def merge_alike(
    items: Sequence[_Item], get_key: Callable[[_Item], Hashable], merge: Callable[[Sequence[_Item]], _Item]
) -> Sequence[_Item]:
    """Return the items, with one in place of each `MIN_GROUP_SIZE` or more with the same key.

    The merged item stands where its first item stood. The items may be lazy: none of them is kept.
    """
    members: dict[Hashable, array[int]] = {}
    for position, item in enumerate(items):
        members.setdefault(get_key(item), array("q")).append(position)
    groups = [positions for positions in members.values() if len(positions) >= MIN_GROUP_SIZE]
    merged_items = {positions[0]: merge(LazySequence(items.__getitem__, positions)) for positions in groups}
    shown = _list_shown(len(items), groups)
    return LazySequence(lambda position: merged_items.get(position) or items[position], shown)


def _list_shown(total: int, groups: Iterable[Sequence[int]]) -> Sequence[int]:
    """Return the positions of the first item of each group, and of the items that are in no group."""
    is_hidden = bytearray(total)
    for positions in groups:
        for position in positions[1:]:
            is_hidden[position] = True
    return array("q", (position for position in range(total) if not is_hidden[position]))


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


def format_names(names: Sequence[str], limit: int = MAX_NAMES, *, total: int | None = None) -> str:
    """Format addresses, the kind only once: `things.a, b, c and 297 more`.

    `total` is their number, if `names` are only the first of them.
    """
    if not names:
        return ""
    total = len(names) if total is None else total
    kind = names[0].partition(".")[0] + "."
    listed = [name.removeprefix(kind) for name in names[1:limit]]
    omitted = f" and {total - limit:,} more" if total > limit else ""
    return ", ".join([names[0], *listed]) + omitted


def _get_key(row: AlikeRow) -> tuple[Hashable, ...] | None:
    """Return the key by which a row is grouped first: that of its values, or that of its shape."""
    return _get_exact_key(row) if row.label in _VALUE_LABELS else _get_shape_key(row)


def _get_exact_key(row: AlikeRow) -> tuple[Hashable, ...] | None:
    """Return a key of the new values; None for a row with a document."""
    if has_document(row):
        return None
    new_values = [
        (field.path, field.sign, field.after, field.added, field.removed, field.forces_replacement)
        for field in row.fields
    ]
    return row.label, _get_kind(row), row.owner, _compute_digest(new_values)


def _get_shape_key(row: AlikeRow) -> tuple[Hashable, ...] | None:
    """Return a key that rows share whose fields have the same names, and whose documents are equal."""
    kind = _get_kind(row)
    documents = tuple(field for field in row.fields if field.is_document)
    if documents and row.label in _VALUE_LABELS:
        return None  # the lines have only the differences, and the documents may differ in other parts
    if row.label in _LOST_LABELS:
        names: Hashable = ()
    elif row.label in _VALUE_LABELS:
        names = tuple((field.path, field.sign, field.forces_replacement) for field in row.fields)
    else:
        # New resources have the same fields, but each may have attributes of its own.
        names = frozenset(_FIELD_NAME.split(field.path, 1)[0] for field in row.fields)
    return row.label, kind, row.owner, names, _compute_digest(documents) if documents else b""


def _get_kind(row: AlikeRow) -> str:
    return row.address.partition(".")[0]


def _compute_digest(values: Any) -> bytes:
    """Return a short key of values that may differ in each of a million rows."""
    return hashlib.sha256(msgspec.json.encode(values)).digest()
