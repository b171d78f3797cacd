"""Tables with `for_each`, and their instances: the declarations made from the manifest's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

import msgspec

from reconciler.engine.load.declaration import TomlTable, ValueOrigin
from reconciler.engine.load.interpolation import (
    InterpolatedText,
    Interpolation,
    InterpolationParser,
    RowValues,
    fill_all,
    is_constant,
    trace_columns,
)
from reconciler.engine.load.manifests.builder import Manifest
from reconciler.engine.load.placeholders import Placeholders
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValuePath, ValueProblem
from reconciler.model.resource import ManifestRow, Origin

FOR_EACH = "for_each"

_MAX_EXAMPLE_COLUMNS = 3


@frozen(eq=False, slots=False)
class ForEachTable:
    """A table with `for_each`, and its manifest.

    `problems` are the errors of interpolation, such as an unknown column, `warnings` its warnings. The fields without such a problem are in `constants` if they are
    the same for every row, and in `interpolations` if they depend on the row. `name` is None if the table's name has a problem.
    """

    table: TomlTable
    manifest: Manifest
    name: InterpolatedText | None
    constants: Mapping[str, Any]
    interpolations: Mapping[str, Interpolation]
    problems: tuple[ValueProblem, ...] = ()
    warnings: tuple[ValueProblem, ...] = ()

    @property
    def instances(self) -> Iterator[Instance]:
        """A declaration for each row; none if the table's name has a problem."""
        if self.name is None:
            return
        kind, fill = self.table.names[0], self.name.fill
        for row, values in self.manifest.rows:
            yield Instance(self, Address(kind, fill(values)), row, values)

    @property
    def text_size(self) -> int:
        """The number of characters of the texts that use columns, filled for each row and added up."""
        rows = self.manifest.rows
        interpolations: list[Interpolation] = [*self.interpolations.values()]
        if self.name is not None:
            interpolations.append(self.name)
        # The pieces of a text are literal texts and the numbers of columns.
        texts = [text for interpolation in interpolations for text in interpolation.iterate_texts()]
        pieces = [piece for text in texts for piece in text.pieces]
        size = len(rows) * sum(len(piece) for piece in pieces if isinstance(piece, str))
        uses_by_column = Counter(piece for piece in pieces if isinstance(piece, int))
        for column, count in uses_by_column.items():
            size += count * sum(map(len, map(itemgetter(column), map(itemgetter(1), rows))))
        return size

    def list_column_names(self, numbers: frozenset[int]) -> tuple[str, ...]:
        """Return the names of the columns with these numbers, in the manifest's order."""
        return tuple((self.manifest.columns or ())[number] for number in sorted(numbers))


class Instance(msgspec.Struct, frozen=True, eq=False, gc=False):
    """The declaration of one resource: a table with `for_each`, filled from one row of its manifest."""

    for_each: ForEachTable
    address: Address
    row: ManifestRow
    row_values: RowValues

    @property
    def table(self) -> TomlTable:
        """The table with `for_each`."""
        return self.for_each.table

    @property
    def path(self) -> tuple[str, ...]:
        """The kind and the name."""
        return self.address.kind, self.address.name

    @property
    def origin(self) -> Origin:
        """The place of the table's header, and the row."""
        header = self.for_each.table.origin
        return Origin(header.file, header.line, self.row)

    @property
    def manifest_name(self) -> str:
        """The name of the manifest that has its row."""
        return self.for_each.manifest.name

    @property
    def declaration_count(self) -> int:
        """The number of the manifest's rows: each is a declaration."""
        return len(self.for_each.manifest.rows)

    def trace_origin(self, path: ValuePath) -> ValueOrigin:
        """Return the path in the file's table, and the columns used there.

        An empty `path` means the name.
        """
        for_each = self.for_each
        if not path:
            name_columns = for_each.name.columns if for_each.name else frozenset[int]()
            return ValueOrigin((), for_each.list_column_names(name_columns))
        path_in_table, columns = trace_columns(for_each.interpolations, path, self.row_values)
        return ValueOrigin(path_in_table, for_each.list_column_names(columns))

    def fill_fields(self) -> tuple[dict[str, Any], list[ValueProblem]]:
        """Return the fields that depend on the row, and their problems."""
        return fill_all(self.for_each.interpolations, self.row_values)


def parse_for_each(table: TomlTable, manifest: Manifest, placeholders: Placeholders) -> ForEachTable:
    """Parse a table with `for_each`, and separate constants from fields that depend on the row."""
    parser = InterpolationParser(manifest.columns, placeholders)
    name = _parse_name(parser, table.names[1])
    constants: dict[str, Any] = {}
    interpolations: dict[str, Interpolation] = {}
    for key, value in table.entries.items():
        if key == FOR_EACH:
            continue
        earlier_problem_count = len(parser.problems)
        interpolation = parser.parse(value, (key,))
        is_valid = len(parser.problems) == earlier_problem_count
        if not is_valid:
            continue
        if is_constant(interpolation):
            constants[key] = interpolation.fill(())
        else:
            interpolations[key] = interpolation
    return ForEachTable(
        table, manifest, name, constants, interpolations, tuple(parser.problems), tuple(parser.warnings)
    )


def _parse_name(parser: InterpolationParser, name: str) -> InterpolatedText | None:
    interpolation = parser.parse_text(name, ())
    if parser.problems:
        return None
    if isinstance(interpolation, InterpolatedText):
        return interpolation
    examples = " or ".join(f"{{{column}}}" for column in parser.columns[:_MAX_EXAMPLE_COLUMNS])
    expected = f"a name that contains {examples or 'a {column}'}"
    parser.problems.append(ValueProblem("constant-name", "all rows have the same name", expected))
    return None
