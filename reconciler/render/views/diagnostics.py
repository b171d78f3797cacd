"""What is wrong in the file, with the place in it that says so, as a tree of plain values.

A value in the file may be a secret that was put in the wrong place, so an excerpt shows keys and headers, never values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.text import visible
from reconciler.render.views.regex_words import describe_expected

_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*'))*)\s*="""
)
_LONGEST = 200
"""Characters of a key or a header that are shown."""

_HEADER = re.compile(r"\s*(\[\[?[^\[\]#\n]+\]\]?)")


@frozen
class Excerpt:
    """A line of the file without its values; `start` and `length` say what of it is meant."""

    number: int
    text: str
    start: int
    length: int


@frozen
class DiagnosticRow:
    """One mistake."""

    severity: str
    location: str
    path: str
    excerpt: Excerpt | None
    problem: str
    expected: str
    nearest: str


@frozen
class DiagnosticsView:
    """All of them, in the order of files and lines."""

    rows: tuple[DiagnosticRow, ...]
    errors: int
    warnings: int


def build_diagnostics_view(
    mistakes: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]]
) -> DiagnosticsView:
    """The mistakes as a tree; `sources` has the lines of the files by the names that the mistakes use."""
    ordered = sorted(mistakes, key=lambda mistake: (mistake.file, mistake.line))
    rows = tuple(_row(mistake, sources.get(mistake.file, ())) for mistake in ordered)
    warnings = sum(row.severity == "warning" for row in rows)
    return DiagnosticsView(rows, len(rows) - warnings, warnings)


def _row(mistake: Diagnostic, lines: Sequence[str]) -> DiagnosticRow:
    where = ".".join(part for part in (mistake.address, mistake.field) if part)
    return DiagnosticRow(
        severity=mistake.severity,
        location=visible(f"{mistake.file}:{mistake.line}"),
        path=visible(where),
        excerpt=_excerpt(mistake, lines[mistake.line - 1]) if 0 < mistake.line <= len(lines) else None,
        problem=visible(mistake.problem),
        expected=visible(describe_expected(mistake.expected or "")),
        nearest=visible(mistake.nearest or ""),
    )


def _excerpt(mistake: Diagnostic, line: str) -> Excerpt | None:
    if key := _KEY.match(line):
        found, tail = key[1], " = …"
    elif header := _HEADER.match(line):
        found, tail = header[1], ""
    else:
        return None
    if len(found) > _LONGEST:
        return Excerpt(mistake.line, visible(found[:_LONGEST]) + "…", 0, len(visible(found[:_LONGEST])))
    meant = (mistake.field or mistake.address or "").rpartition(".")[2]
    places = (
        [part.start() for part in re.finditer(rf"(?<![\w-]){re.escape(meant)}(?![\w-])", found)]
        if meant
        else []
    )
    start, length = (places[-1], len(meant)) if places else (0, len(found))
    shown = visible(found[:start]), visible(found[start : start + length])
    return Excerpt(mistake.line, visible(found) + tail, len(shown[0]), len(shown[1]))
