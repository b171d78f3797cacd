"""A table with `for_each` → one declaration for each row of its manifest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from reconciler.engine.load.declaration import Declaration, Path, Table, Traced
from reconciler.engine.load.interpolation import Pattern, Patterns, Text, Values, is_same, traced
from reconciler.engine.load.manifests import Manifest
from reconciler.engine.load.value_error import Wrong
from reconciler.model.address import Address
from reconciler.model.resource import ManifestRow, Origin

FOR_EACH = "for_each"
"""The key that makes a table one."""

_NAMED = 3
"""Columns that a message names as examples."""


@frozen(eq=False, slots=False)
class Fleet:
    """A table with `for_each`, and its manifest.

    `fixed` are the fields that are the same in every row, `varying` the patterns of the others; `name` is None where no
    row can have one. `wrongs` is what is wrong in the table itself.
    """

    table: Table
    manifest: Manifest
    name: Text | None
    fixed: Mapping[str, Any]
    varying: Mapping[str, Pattern]
    wrongs: tuple[Wrong, ...] = ()

    @property
    def members(self) -> Iterator[Member]:
        """A declaration for each row."""
        if self.name is None:
            return
        kind = self.table.names[0]
        for row, values in self.manifest.rows:
            yield Member(self, Address(kind, self.name.fill(values)), row, values)

    @property
    def size(self) -> int:
        """How many characters the rows make of its texts."""
        rows = self.manifest.rows
        texts = [
            text for pattern in (self.name, *self.varying.values()) if pattern for text in pattern.texts()
        ]
        pieces = [piece for text in texts for piece in text.pieces]
        size = len(rows) * sum(len(piece) for piece in pieces if isinstance(piece, str))
        for column, times in Counter(piece for piece in pieces if isinstance(piece, int)).items():
            size += times * sum(len(values[column]) for _, values in rows)
        return size

    def columns(self, numbers: frozenset[int]) -> tuple[str, ...]:
        """The names of columns."""
        return tuple((self.manifest.columns or ())[number] for number in sorted(numbers))


@frozen(eq=False)
class Member(Declaration):
    """What one row makes of the table."""

    fleet: Fleet
    _address: Address
    _row: ManifestRow
    _values: Values = field(repr=False)

    @property
    def table(self) -> Table:
        """The fleet's."""
        return self.fleet.table

    @property
    def path(self) -> tuple[str, ...]:
        """The table of its kind, and its name."""
        return self._address.kind, self._address.name

    @property
    def address(self) -> Address:
        """The resource's address."""
        return self._address

    @property
    def origin(self) -> Origin:
        """The table's header, and the row."""
        at = self.fleet.table.origin
        return Origin(at.file, at.line, self._row)

    @property
    def siblings(self) -> int:
        """As many as the manifest has rows."""
        return len(self.fleet.manifest.rows)

    @property
    def values(self) -> Values:
        """What the row says."""
        return self._values

    def trace(self, path: Path) -> Traced:
        """The path in the table, and the columns; without a path it is the name that is meant."""
        fleet = self.fleet
        if not path:
            return Traced((), fleet.columns(fleet.name.columns if fleet.name else frozenset()))
        written, used = traced(fleet.varying, path, self._values)
        return Traced(written, fleet.columns(used))

    def filled(self) -> tuple[dict[str, Any], list[Wrong]]:
        """The fields that the row has a part in."""
        filled, wrongs = {}, []
        for key, pattern in self.fleet.varying.items():
            try:
                filled[key] = pattern.fill(self._values)
            except Wrong as wrong:
                wrongs.append(wrong.under(key))
        return filled, wrongs


def fleet_of(table: Table, manifest: Manifest) -> Fleet:
    """Take a table with `for_each` apart."""
    patterns = Patterns(manifest.columns)
    name = _name(patterns, table.names[1])
    body = {key: value for key, value in table.entries.items() if key != FOR_EACH}
    made = {key: _pattern(patterns, key, value) for key, value in body.items()}
    varying = {key: pattern for key, pattern in made.items() if pattern and not is_same(pattern)}
    fixed = {key: pattern.fill(()) for key, pattern in made.items() if pattern and is_same(pattern)}
    return Fleet(table, manifest, name, fixed, varying, tuple(patterns.wrongs))


def _name(patterns: Patterns, written: str) -> Text | None:
    found = patterns.text(written, ())
    if patterns.wrongs:
        return None
    if isinstance(found, Text):
        return found
    such = " or ".join(f"{{{column}}}" for column in patterns.columns[:_NAMED]) or "a {column}"
    patterns.wrongs.append(Wrong("every row makes the same name", f"a name with {such} in it"))
    return None


def _pattern(patterns: Patterns, key: str, value: Any) -> Pattern | None:
    """The pattern of one field, or None where something is wrong in it."""
    before = len(patterns.wrongs)
    pattern = patterns.of(value, (key,))
    return pattern if len(patterns.wrongs) == before else None
