"""Findings → mistakes in the order of the files; what many rows of one fleet share is told once, or for a few of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from attrs import Factory, define, evolve

from reconciler.engine.load.declaration import Finding, Path, Traced
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.resource import ManifestRow
from reconciler.model.text import format_path, quote

_FEW = 20
"""Rows with the same kind of mistake that are told one by one, and kinds of mistake in one field that are told apart."""

_Place: TypeAlias = tuple[int, Path, str, bool]

_WORDS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+""")
_OWN = re.compile(r"""['"]|\d|\w\.\w""")
"""What is quoted, has a digit in it or is dotted is a row's own; the other words say what kind of mistake it is."""


@define(eq=False)
class _Lot:
    """The same kind of mistake, in one place of a table, in many rows: the first of them, and which rows."""

    first: list[tuple[Finding, Traced]] = Factory(list)
    rows: set[ManifestRow] = Factory(set)
    alike: bool = True

    def take(self, finding: Finding, place: ManifestRow, traced: Traced) -> None:
        """One more."""
        self.rows.add(place)
        if self.first:
            self.alike = self.alike and _said(finding) == _said(self.first[0][0])
        if len(self.first) < _FEW:
            self.first.append((finding, traced))


def told(findings: Iterable[Finding], mistakes: Iterable[Diagnostic] = ()) -> tuple[Diagnostic, ...]:
    """Every mistake, those that have been found already among them."""
    blocks = [(0, [mistake]) for mistake in mistakes]
    lots: dict[_Place, dict[str, _Lot]] = {}
    for finding in findings:
        if finding.place is None:
            blocks.append((0, [_plain(finding)]))
        else:
            _sort(finding, finding.place, lots)
    blocks += ((min(lot.rows).number, list(_few(lot))) for kinds in lots.values() for lot in kinds.values())
    blocks.sort(key=lambda block: _order(block[0], block[1][0]))
    return tuple(mistake for _, block in blocks for mistake in block)


def _order(row: int, first: Diagnostic) -> tuple[str, int, str, str, int, str]:
    return first.file, first.line, first.address or "", first.field or "", row, first.problem


def _sort(finding: Finding, place: ManifestRow, lots: dict[_Place, dict[str, _Lot]]) -> None:
    traced = _traced(finding)
    at = (id(finding.declaration.table), traced.path, finding.severity, finding.row is None)
    kinds = lots.setdefault(at, {})
    kind = " ".join(word for word in _WORDS.findall(finding.wrong.problem) if not _OWN.search(word))
    if kind not in kinds and len(kinds) >= _FEW:
        kind = next(reversed(kinds))
    kinds.setdefault(kind, _Lot()).take(finding, place, traced)


def _traced(finding: Finding) -> Traced:
    path = finding.wrong.path
    if finding.row is None:
        return finding.declaration.trace(path)
    return Traced(("for_each",), tuple(map(str, path)))


def _said(finding: Finding) -> tuple[str, str | None]:
    return finding.wrong.problem, finding.wrong.expected


def _few(lot: _Lot) -> Iterator[Diagnostic]:
    finding, traced = lot.first[0]
    rows = finding.declaration.siblings if finding.row is None else 0
    if lot.alike and len(lot.rows) == rows and not traced.columns:
        yield _of_table(finding, traced, finding.wrong.problem)
    elif lot.alike and len(lot.rows) == rows > 1:
        problem = f"in every row{_named(finding.place)}{_columns(traced.columns)}: {finding.wrong.problem}"
        yield _of_table(finding, traced, problem)
    else:
        ordered = sorted(lot.first, key=lambda pair: pair[0].place or ManifestRow("", 0))
        yield from (_of_row(finding, traced) for finding, traced in ordered)
        told_rows = {finding.place for finding, _ in ordered}
        if more := len(lot.rows - told_rows):
            tail = f"and {more:,} more row{'s' if more > 1 else ''} like these"
            yield evolve(_of_table(finding, traced, tail), expected=None, nearest=None)


def _plain(finding: Finding) -> Diagnostic:
    return _mistake(finding, Traced(finding.wrong.path), finding.declaration.path, finding.wrong.path, "")


def _of_row(finding: Finding, traced: Traced) -> Diagnostic:
    where = f"{finding.place}{_columns(traced.columns)}: "
    path = traced.path if finding.row else finding.wrong.path
    return _mistake(finding, traced, finding.declaration.path, path, where)


def _of_table(finding: Finding, traced: Traced, problem: str) -> Diagnostic:
    made = _mistake(finding, traced, finding.declaration.table.path, traced.path, "")
    return evolve(made, problem=problem)


def _mistake(finding: Finding, traced: Traced, names: Path, path: Path, where: str) -> Diagnostic:
    table, wrong = finding.declaration.table, finding.wrong
    return Diagnostic(
        table.document.shown,
        table.line(traced.path),
        where + wrong.problem,
        format_path(names),
        format_path(path) or None,
        wrong.expected,
        wrong.nearest,
        finding.severity,
    )


def _named(place: ManifestRow | None) -> str:
    return f" of {place.manifest}" if place and place.manifest else ""


def _columns(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f", column{'s' if len(names) > 1 else ''} {' and '.join(quote(name) for name in names)}"
