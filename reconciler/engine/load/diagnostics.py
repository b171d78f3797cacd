"""Convert problems of declarations to diagnostics, in the order of the files.

A problem that all rows of a manifest have is reported once. A problem that only some rows have is reported for each of the first
of these rows (`_MAX_ROW_DIAGNOSTICS`), and then once more with the number of the remaining ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from attrs import Factory, define, evolve, frozen

from reconciler.engine.load.declaration import Declaration, ValueOrigin
from reconciler.engine.load.for_each import FOR_EACH
from reconciler.model.diagnostic import Diagnostic, ValuePath, ValueProblem
from reconciler.model.resource import ManifestRow
from reconciler.model.text import format_path, quote

_MAX_ROW_DIAGNOSTICS = 20
"""The maximum number of problems with one code in one place of a table that are reported one by one."""

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
class _Group:
    """The problems with one code in one place of a table: the first problems, and all rows that have one."""

    first_problems: list[_RowProblem] = Factory(list)
    rows: set[ManifestRow] = Factory(set)
    is_uniform: bool = True
    """Whether the texts `problem` and `expected` are the same in all rows."""

    def add(self, row_problem: _RowProblem) -> None:
        self.rows.add(row_problem.row)
        if self.first_problems and self.is_uniform:
            first_problem, problem = self.first_problems[0].problem, row_problem.problem
            self.is_uniform = (first_problem.problem, first_problem.expected) == (
                problem.problem,
                problem.expected,
            )
        if len(self.first_problems) < _MAX_ROW_DIAGNOSTICS:
            self.first_problems.append(row_problem)


class DiagnosticCollector:
    """Collects the problems of declarations, and diagnostics that are complete already."""

    def __init__(self, diagnostics: Iterable[Diagnostic] = ()) -> None:
        self._diagnostics = list(diagnostics)
        self._groups: dict[_GroupKey, _Group] = {}

    def add(
        self, declaration: Declaration, *problems: ValueProblem, manifest_row: ManifestRow | None = None
    ) -> None:
        """Add problems of one declaration.

        `manifest_row` is set if the problems are those of a row of a manifest file that cannot be read. In that case, `declaration`
        is the table with `for_each`.
        """
        for problem in problems:
            row = manifest_row or declaration.origin.row
            if row is None:
                self._diagnostics.append(_to_diagnostic(declaration, problem))
            else:
                self._add_to_group(declaration, problem, row, is_row_unreadable=manifest_row is not None)

    def _add_to_group(
        self, declaration: Declaration, problem: ValueProblem, row: ManifestRow, *, is_row_unreadable: bool
    ) -> None:
        if is_row_unreadable:
            origin = ValueOrigin((FOR_EACH,), tuple(map(str, problem.path)))
        else:
            origin = declaration.trace_origin(problem.path)
        key = (id(declaration.table), origin.path, problem.severity, is_row_unreadable, problem.code)
        row_problem = _RowProblem(declaration, problem, row, origin, is_row_unreadable)
        self._groups.setdefault(key, _Group()).add(row_problem)

    def to_diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return all diagnostics in the order of files, lines, addresses, fields and rows."""
        # The diagnostics of a group stay together. Each block has the number of its first row, and its diagnostics.
        blocks = [(0, [diagnostic]) for diagnostic in self._diagnostics]
        blocks += (
            (min(group.rows).number, _build_group_diagnostics(group)) for group in self._groups.values()
        )
        blocks.sort(key=_sort_key)
        return tuple(diagnostic for _, block in blocks for diagnostic in block)


def _sort_key(block: tuple[int, list[Diagnostic]]) -> tuple[str, int, str, str, int, str]:
    row_number, diagnostics = block
    first = diagnostics[0]
    return first.file, first.line, first.address or "", first.field or "", row_number, first.problem


def _build_group_diagnostics(group: _Group) -> list[Diagnostic]:
    """Return the diagnostics of a group: one if all rows of the manifest have the same problem.

    Otherwise, each of the first problems has one, and one more has the number of the group's remaining rows.
    """
    example = group.first_problems[0]
    text, columns = example.problem.problem, example.origin.columns
    is_in_all_rows = (
        not example.is_row_unreadable and len(group.rows) == example.declaration.declaration_count
    )
    if group.is_uniform and is_in_all_rows and not columns:  # the fault is in the table, not in the rows
        return [_to_table_diagnostic(example, text)]
    if group.is_uniform and is_in_all_rows and len(group.rows) > 1:
        manifest = f" of {example.row.manifest}" if example.row.manifest else ""
        return [_to_table_diagnostic(example, f"in every row{manifest}{_format_columns(columns)}: {text}")]
    return [*_iterate_row_diagnostics(group)]


def _iterate_row_diagnostics(group: _Group) -> Iterator[Diagnostic]:
    row_problems = sorted(group.first_problems, key=lambda row_problem: row_problem.row)
    for row_problem in row_problems:
        yield _to_row_diagnostic(row_problem)
    omitted_count = len(group.rows - {row_problem.row for row_problem in row_problems})
    if omitted_count:
        problem = f"and {omitted_count:,} more row{'s' if omitted_count > 1 else ''} like these"
        diagnostic = _to_table_diagnostic(group.first_problems[0], problem)
        yield evolve(diagnostic, expected=None, nearest=None)


def _to_diagnostic(declaration: Declaration, problem: ValueProblem) -> Diagnostic:
    return _build_diagnostic(declaration, problem, line_path=problem.path)


def _to_row_diagnostic(row_problem: _RowProblem) -> Diagnostic:
    problem, origin = row_problem.problem, row_problem.origin
    diagnostic = _build_diagnostic(row_problem.declaration, problem, line_path=origin.path)
    text = f"{row_problem.row}{_format_columns(origin.columns)}: {problem.problem}"
    field = origin.path if row_problem.is_row_unreadable else problem.path
    return evolve(diagnostic, problem=text, field=format_path(field) or None)


def _to_table_diagnostic(row_problem: _RowProblem, text: str) -> Diagnostic:
    path, declaration = row_problem.origin.path, row_problem.declaration
    diagnostic = _build_diagnostic(declaration, row_problem.problem, line_path=path)
    return evolve(
        diagnostic,
        problem=text,
        address=format_path(declaration.table.path),
        field=format_path(path) or None,
    )


def _build_diagnostic(declaration: Declaration, problem: ValueProblem, *, line_path: ValuePath) -> Diagnostic:
    """Return the diagnostic of a problem; its line is that of `line_path` in the file's table."""
    table = declaration.table
    return Diagnostic(
        file=table.file.display_name,
        line=table.find_line(line_path),
        problem=problem.problem,
        address=format_path(declaration.path),
        field=format_path(problem.path) or None,
        expected=problem.expected,
        nearest=problem.nearest,
        severity=problem.severity,
        code=problem.code,
    )


def _format_columns(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f", column{'s' if len(names) > 1 else ''} {' and '.join(map(quote, names))}"
