"""Convert problems of declarations to diagnostics, in the order of the files.

A problem that all rows of a manifest have is reported once. A problem that only some rows have is reported for each of the first
of these rows (`_MAX_ROW_DIAGNOSTICS`), and then once more with the number of the remaining ones.

A file can have a million problems. Only the first `_MAX_DIAGNOSTICS` with the same code and severity are reported for a file, and then
the number of the others. So the output does not grow with the number of problems.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from attrs import Factory, define, evolve

from reconciler.engine.load.declaration import Declaration, ValueOrigin
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import (
    REPORTED_ALREADY,
    Diagnostic,
    Severity,
    Suggestion,
    ValuePath,
    ValueProblem,
)
from reconciler.model.resource import ManifestRow
from reconciler.model.text import format_path, quote

_MAX_DIAGNOSTICS = 50
"""The maximum number of problems with one code and severity that are reported for a file."""

_MAX_ROW_DIAGNOSTICS = 20
"""The maximum number of problems with one code in one place of a table that are reported one by one."""

_MAX_COMPARISONS = 100_000
"""The maximum number of comparisons with valid names. After these, problems suggest no nearest name."""

_SectionKey: TypeAlias = tuple[str, Severity, str]
"""The name of the file, the severity, the problem's code."""

_GroupKey: TypeAlias = tuple[int, ValuePath, str, bool, str]
"""The ID of the table object, the path in it, the severity, whether the row cannot be read, the problem's code."""


@frozen(eq=False)
class _RowProblem:
    """The problem of one row.

    `is_row_unreadable` is false if the row can be read and the problem is one of the resource that it declares.
    """

    declaration: Declaration
    problem: ValueProblem
    row: ManifestRow
    origin: ValueOrigin
    is_row_unreadable: bool


@define(eq=False)
class _RowGroup:
    """The problems with one code in one place of a table.

    `row_count` is the number of rows that have one. The problems of a row are added one after the other.
    """

    first_problems: list[_RowProblem] = Factory(list)
    row_count: int = 0
    last_row: ManifestRow | None = None
    is_uniform: bool = True
    """Whether the texts `problem` and `expected` are the same in all rows."""

    def add(self, row_problem: _RowProblem) -> None:
        if row_problem.row != self.last_row:
            self.row_count += 1
            self.last_row = row_problem.row
        if self.first_problems and self.is_uniform:
            first_problem, problem = self.first_problems[0].problem, row_problem.problem
            self.is_uniform = (first_problem.problem, first_problem.expected) == (
                problem.problem,
                problem.expected,
            )
        if len(self.first_problems) < _MAX_ROW_DIAGNOSTICS:
            self.first_problems.append(row_problem)


@define(eq=False)
class _Section:
    """The problems of one file with one code and severity: the first ones, and the number of the others."""

    table_problems: list[tuple[Declaration, ValueProblem]] = Factory(list)
    row_groups: dict[_GroupKey, _RowGroup] = Factory(dict)
    omitted_count: int = 0
    first_omitted: tuple[Declaration, ValueProblem] | None = None

    @property
    def is_full(self) -> bool:
        return len(self.table_problems) + len(self.row_groups) >= _MAX_DIAGNOSTICS

    def omit(self, declaration: Declaration, problem: ValueProblem) -> None:
        self.omitted_count += 1
        self.first_omitted = self.first_omitted or (declaration, problem)


class DiagnosticCollector:
    """Collects the problems of declarations, and diagnostics that are complete already."""

    def __init__(self, diagnostics: Iterable[Diagnostic] = ()) -> None:
        self._diagnostics = list(diagnostics)
        self._sections: dict[_SectionKey, _Section] = {}

    def add(
        self, declaration: Declaration, *problems: ValueProblem, manifest_row: ManifestRow | None = None
    ) -> None:
        """Add problems of one declaration.

        `manifest_row` is set if the problems are those of a row of a manifest file that cannot be read. In that case, `declaration`
        is the table with `for_each`.
        """
        for problem in problems:
            if problem.code == REPORTED_ALREADY:
                continue
            key = (declaration.table.file.display_name, problem.severity, problem.code)
            section = self._sections.setdefault(key, _Section())
            row = manifest_row or declaration.origin.row
            if row is not None:
                _add_row_problem(
                    section, declaration, problem, row, is_row_unreadable=manifest_row is not None
                )
            elif section.is_full:
                section.omit(declaration, problem)
            else:
                section.table_problems.append((declaration, problem))

    def to_diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return all diagnostics in the order of files, lines, addresses, fields and rows."""
        builder = _DiagnosticBuilder()
        # The diagnostics of a group stay together. Each block has the number of its first row, and its diagnostics.
        blocks = [(0, [diagnostic]) for diagnostic in self._diagnostics]
        for section in self._sections.values():
            blocks += builder.build_blocks(section)
        blocks.sort(key=_sort_key)
        return tuple(diagnostic for _, block in blocks for diagnostic in block)


def _add_row_problem(
    section: _Section,
    declaration: Declaration,
    problem: ValueProblem,
    row: ManifestRow,
    *,
    is_row_unreadable: bool,
) -> None:
    if is_row_unreadable:
        origin = ValueOrigin((FOR_EACH,), tuple(map(str, problem.path)))
    else:
        origin = declaration.trace_origin(problem.path)
    key = (id(declaration.table), origin.path, problem.severity, is_row_unreadable, problem.code)
    group = section.row_groups.get(key)
    if group is None:
        if section.is_full:
            section.omit(declaration, problem)
            return
        group = section.row_groups[key] = _RowGroup()
    group.add(_RowProblem(declaration, problem, row, origin, is_row_unreadable))


def _sort_key(block: tuple[int, list[Diagnostic]]) -> tuple[str, int, str, str, int, str]:
    row_number, diagnostics = block
    first = diagnostics[0]
    return first.file, first.line, first.address or "", first.field or "", row_number, first.problem


class _DiagnosticBuilder:
    """Builds diagnostics, with the valid names that are closest to the wrong ones."""

    def __init__(self) -> None:
        self._comparisons_left = _MAX_COMPARISONS

    def build_blocks(self, section: _Section) -> Iterator[tuple[int, list[Diagnostic]]]:
        """Yield the diagnostics of a section in blocks, each with the number of its first row."""
        for declaration, problem in section.table_problems:
            yield 0, [self._build(declaration, problem, line_path=problem.path)]
        for group in section.row_groups.values():
            yield min(item.row for item in group.first_problems).number, self._build_group(group)
        if section.first_omitted:
            declaration, problem = section.first_omitted
            yield 0, [self._build_omitted(declaration, problem, section.omitted_count)]

    def _build_omitted(self, declaration: Declaration, problem: ValueProblem, count: int) -> Diagnostic:
        """Return the diagnostic with the number of problems that are left out, at the line of the first one."""
        text = f"and {count:,} more with the code {problem.code!r}, from this line on"
        diagnostic = self._build(
            declaration, evolve(problem, problem=text, expected=None, nearest=None), line_path=problem.path
        )
        return evolve(diagnostic, address=None, field=None, count=count)

    def _build_group(self, group: _RowGroup) -> list[Diagnostic]:
        """Return the diagnostics of a group: one if all rows of the manifest have the same problem.

        Otherwise, each of the first problems has one, and one more has the number of the group's remaining rows.
        """
        example = group.first_problems[0]
        text, columns = example.problem.problem, example.origin.columns
        is_in_all_rows = (
            not example.is_row_unreadable and group.row_count == example.declaration.declaration_count
        )
        if group.is_uniform and is_in_all_rows and not columns:  # the fault is in the table, not in the rows
            return [self._build_for_table(example, text)]
        if group.is_uniform and is_in_all_rows and group.row_count > 1:
            name = example.declaration.manifest_name
            manifest = f" of {name}" if name else ""
            return [
                self._build_for_table(example, f"in every row{manifest}{_format_columns(columns)}: {text}")
            ]
        return [*self._build_for_rows(group)]

    def _build_for_rows(self, group: _RowGroup) -> Iterator[Diagnostic]:
        row_problems = sorted(group.first_problems, key=lambda row_problem: row_problem.row)
        for row_problem in row_problems:
            yield self._build_for_row(row_problem)
        omitted_count = group.row_count - len({row_problem.row for row_problem in row_problems})
        if omitted_count:
            problem = f"and {omitted_count:,} more row{'s' if omitted_count > 1 else ''} like these"
            diagnostic = self._build_for_table(group.first_problems[0], problem)
            yield evolve(diagnostic, expected=None, nearest=None, count=omitted_count)

    def _build_for_row(self, row_problem: _RowProblem) -> Diagnostic:
        problem, origin = row_problem.problem, row_problem.origin
        diagnostic = self._build(row_problem.declaration, problem, line_path=origin.path)
        text = f"{row_problem.row}{_format_columns(origin.columns)}: {problem.problem}"
        field = origin.path if row_problem.is_row_unreadable else problem.path
        return evolve(diagnostic, problem=text, field=format_path(field) or None)

    def _build_for_table(self, row_problem: _RowProblem, text: str) -> Diagnostic:
        path, declaration = row_problem.origin.path, row_problem.declaration
        diagnostic = self._build(declaration, row_problem.problem, line_path=path)
        return evolve(
            diagnostic,
            problem=text,
            address=format_path(declaration.table.path),
            field=format_path(path) or None,
        )

    def _build(self, declaration: Declaration, problem: ValueProblem, *, line_path: ValuePath) -> Diagnostic:
        """Return the diagnostic of a problem; its line is that of `line_path` in the file's table."""
        table = declaration.table
        expected, nearest = self._find_advice(problem)
        return Diagnostic(
            file=table.file.display_name,
            line=table.find_line(line_path),
            problem=problem.problem,
            address=format_path(declaration.path),
            field=format_path(problem.path) or None,
            expected=expected,
            nearest=nearest,
            severity=problem.severity,
            code=problem.code,
        )

    def _find_advice(self, problem: ValueProblem) -> tuple[str | None, str | None]:
        """Return what is expected and the closest valid name; after very many comparisons no name."""
        if isinstance(problem.nearest, Suggestion):
            self._comparisons_left -= len(problem.nearest.valid)
            if self._comparisons_left < 0:
                return problem.expected, None
        return problem.find_advice()


def _format_columns(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f", column{'s' if len(names) > 1 else ''} {' and '.join(map(quote, names))}"
