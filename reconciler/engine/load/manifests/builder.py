"""Collect the rows of a manifest within the limits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter

import msgspec
from attrs import Factory, define

from reconciler.engine.load.interpolation import RowValues
from reconciler.engine.load.manifests.row_values import to_row
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.resource import ManifestRow
from reconciler.model.text import format_count, quote

MAX_ROWS = 5_000_000
MAX_COLUMNS = 256
MAX_VALUES = 50_000_000
MAX_CHARACTERS = 2**30
"""The maximum number of rows, of values, and of their characters in all manifests together; they limit the memory for them."""

MAX_ROW_BYTES = 2**20
"""The maximum length of a line of a text file, of a JSON object in an array, and of a value of a database."""

_HASHED_ROWS = 10_000
"""How many rows are encoded at once."""


@frozen(eq=False, slots=False)
class Manifest:
    """The columns and the rows of a manifest.

    - `name`: its name in messages; empty for an array in the table itself;
    - `columns`: the names of the columns, None if they could not be determined;
    - `rows`: the place and the values of each row;
    - `problems`: the place of each row (or header) that could not be read, with a problem. If the problem has a path,
      the path is the name of a column.
    """

    name: str
    columns: tuple[str, ...] | None
    rows: Sequence[tuple[ManifestRow, RowValues]]
    problems: Sequence[tuple[ManifestRow, ValueProblem]] = ()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 over the columns and the rows, both sorted; equal for equal rows in any form."""
        encoder = msgspec.json.Encoder()
        columns = self.columns or ()
        sha256 = hashlib.sha256(encoder.encode_lines([sorted(columns)]))
        rows = [values for _, values in self.rows]
        order = sorted(range(len(columns)), key=columns.__getitem__)
        if order != list(range(len(columns))):
            rows = list(map(itemgetter(*order), rows))
        rows.sort()
        for start in range(0, len(rows), _HASHED_ROWS):
            sha256.update(encoder.encode_lines(rows[start : start + _HASHED_ROWS]))
        return sha256.hexdigest()


@define
class RowBudget:
    """The rest of the limits for all manifests together."""

    rows: int = Factory(lambda: MAX_ROWS)
    values: int = Factory(lambda: MAX_VALUES)
    characters: int = Factory(lambda: MAX_CHARACTERS)

    def find_problem(self) -> ValueProblem:
        """Return the problem of the first row that exceeds a limit."""
        scope = "in all manifests together"
        if self.rows < 0:
            return ValueProblem("too-many-rows", "too many rows", f"at most {MAX_ROWS:,} {scope}")
        if self.values < 0:
            return ValueProblem("too-many-values", "too many values", f"at most {MAX_VALUES:,} {scope}")
        expected = f"at most {MAX_CHARACTERS:,} characters {scope}"
        return ValueProblem("too-much-text", "the values are too long", expected)


@define
class ManifestBuilder:
    """The part of a manifest that has been read.

    A row's `number` is its first line in a text file, its index in an array, or else its position, from 1. `source` is the file that
    is being read; a manifest can have several.
    """

    source: str
    budget: RowBudget = Factory(RowBudget)
    columns: tuple[str, ...] | None = None
    rows: list[tuple[ManifestRow, RowValues]] = Factory(list)
    problems: list[tuple[ManifestRow, ValueProblem]] = Factory(list)
    is_full: bool = False
    _order: tuple[int, ...] | None = None

    def begin_source(self, source: str) -> None:
        """Read another file, whose columns may have another order."""
        self.source, self._order = source, None

    def build(self, name: str) -> Manifest:
        """Return the whole manifest."""
        return Manifest(name, self.columns, self.rows, self.problems)

    def add_problem(self, number: int, code: str, problem: str, expected: str | None = None) -> bool:
        """Add the problem of a row, or the one that there are too many rows; return whether it was added."""
        return self.add_problems(number, [ValueProblem(code, problem, expected)])

    def add_problems(self, number: int, problems: Iterable[ValueProblem]) -> bool:
        """Add problems of one row, or the one that there are too many rows; return whether they were added."""
        self.budget.rows -= 1
        if self.budget.rows < 0:
            return self._report_limit(number)
        row = ManifestRow(self.source, number)
        self.problems += ((row, problem) for problem in problems)
        return True

    def set_columns(self, number: int, columns: Sequence[str]) -> bool:
        """Set the columns of the file, or add the problem with them; return whether they are valid."""
        if len(columns) > MAX_COLUMNS:
            self.add_problem(number, "too-many-columns", f"{len(columns)} columns", f"at most {MAX_COLUMNS}")
        elif "" in columns:
            self.add_problem(number, "unnamed-column", "empty column name", "a name for each column")
        elif len(set(columns)) < len(columns):
            duplicate = next(name for name in columns if columns.count(name) > 1)
            self.add_problem(
                number, "duplicate-column", f"duplicate column {quote(duplicate)}", "unique column names"
            )
        elif self.columns is None:
            self.columns = tuple(columns)
            return True
        elif set(columns) != set(self.columns):
            problems = compare_columns(columns, self.columns, "column", "the columns of the first file")
            self.add_problems(number, problems)
        else:
            order = tuple(map(columns.index, self.columns))
            self._order = order if order != tuple(range(len(order))) else None
            return True
        return False

    def add_row(self, number: int, values: RowValues) -> bool:
        """Add a row, or the problem that a limit is exceeded; return whether the row was added."""
        budget = self.budget
        budget.rows -= 1
        budget.values -= len(values)
        budget.characters -= sum(map(len, values))
        if budget.rows < 0 or budget.values < 0 or budget.characters < 0:
            return self._report_limit(number)
        if self._order:
            values = tuple([values[index] for index in self._order])
        self.rows.append((ManifestRow(self.source, number), values))
        return True

    def add_values(self, number: int, values: Sequence[object]) -> bool:
        """Add a row of a database or a table, whose values become text; return whether to read on."""
        try:
            row = to_row(values, self.columns or ())
        except InvalidValueError as error:
            return self.add_problems(number, error.problems)
        return self.add_row(number, row)

    def add_mapping(self, number: int, values: Mapping[str, str]) -> bool:
        """Add a row that has the names of its columns, or its problems; return whether to read on."""
        columns = self.columns
        if columns is None:
            if not self.set_columns(number, tuple(values)):
                return False
            columns = tuple(values)
        if len(values) == len(columns):
            try:
                return self.add_row(number, tuple(map(values.__getitem__, columns)))
            except KeyError:
                pass
        return self.add_problems(
            number, compare_columns(tuple(values), columns, "key", "the keys of the first row")
        )

    def _report_limit(self, number: int) -> bool:
        if not self.is_full:
            self.is_full = True
            self.problems.append((ManifestRow(self.source, number), self.budget.find_problem()))
        return False


def compare_columns(
    names: Sequence[str], columns: Sequence[str], noun: str, expected: str
) -> Iterable[ValueProblem]:
    """Yield the problems of names that are not those of the columns; `noun` is "key" or "column"."""
    if len(names) > MAX_COLUMNS:
        yield ValueProblem("too-many-columns", format_count(len(names), noun), f"at most {MAX_COLUMNS}")
        return
    for column in columns:
        if column not in names:
            yield ValueProblem(f"missing-{noun}", f"missing {noun}", expected, path=(column,))
    for name in names:
        if name not in columns:
            suggestion = Suggestion(name, columns, replaces_expected=True)
            yield ValueProblem(f"unknown-{noun}", f"unknown {noun}", expected, suggestion, path=(name,))
