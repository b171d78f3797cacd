"""The view of errors and warnings about the desired state, with the line that each is about.

A value in the file may be a secret in the wrong place, so an excerpt shows only keys and table headers, not values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import Diagnostic, count_by_severity, format_severity_counts
from reconciler.model.text import escape_invisible
from reconciler.render.views.regex_words import describe_expected

_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*'))*)\s*="""
)
"""A TOML key, bare or quoted, or a dotted key, before `=`."""

_HEADER = re.compile(r"\s*(\[\[?[^\[\]#\n]+\]\]?)")
"""The header of a TOML table, or of an array of tables."""

_MAX_EXCERPT_LENGTH = 200
"""Longer keys and headers are cut to this many characters."""


@frozen
class Excerpt:
    """A line of the file without its values.

    `number` is the line number. `start` and `length` give the part of `text` that the diagnostic is about, in characters.
    """

    number: int
    text: str
    start: int
    length: int


@frozen
class DiagnosticRow:
    """One diagnostic.

    `location` is `file:line`, and `path` is the address with the field. `nearest` is the valid name that is closest to the actual
    one, or empty. `code` is that of a warning, with which `lifecycle.allow` silences it; it is empty for errors.
    """

    severity: str
    location: str
    path: str
    excerpt: Excerpt | None
    problem: str
    expected: str
    nearest: str
    code: str = ""


@frozen
class DiagnosticsView:
    """All diagnostics, in the order of files and lines; `errors` and `warnings` are their numbers."""

    rows: tuple[DiagnosticRow, ...]
    errors: int
    warnings: int


def build_diagnostics_view(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]]
) -> DiagnosticsView:
    """Build the view of diagnostics.

    `sources` maps the name of a file in the diagnostics to its lines.
    """
    sorted_diagnostics = sorted(diagnostics, key=lambda diagnostic: (diagnostic.file, diagnostic.line))
    rows = tuple(
        _build_row(diagnostic, sources.get(diagnostic.file, ())) for diagnostic in sorted_diagnostics
    )
    return DiagnosticsView(rows, *count_by_severity(sorted_diagnostics))


def format_diagnostic_counts(view: DiagnosticsView) -> str:
    """Format the numbers of diagnostics as `2 errors, 1 warning`, or an empty string if there are none."""
    return format_severity_counts(view.errors, view.warnings)


def _build_row(diagnostic: Diagnostic, lines: Sequence[str]) -> DiagnosticRow:
    path = ".".join(part for part in (diagnostic.address, diagnostic.field) if part)
    has_source = 0 < diagnostic.line <= len(lines)
    return DiagnosticRow(
        severity=diagnostic.severity,
        location=escape_invisible(f"{diagnostic.file}:{diagnostic.line}"),
        path=escape_invisible(path),
        excerpt=_build_excerpt(diagnostic, lines[diagnostic.line - 1]) if has_source else None,
        problem=escape_invisible(diagnostic.problem),
        expected=escape_invisible(describe_expected(diagnostic.expected or "")),
        nearest=_format_nearest(diagnostic.nearest or ""),
        code=diagnostic.code if diagnostic.severity == "warning" else "",
    )


def _build_excerpt(diagnostic: Diagnostic, line: str) -> Excerpt | None:
    """Build the excerpt of a line that declares a key or a table; None for any other line."""
    if key := _KEY.match(line):
        name, tail = key[1], " = …"
    elif header := _HEADER.match(line):
        name, tail = header[1], ""
    else:
        return None
    if len(name) > _MAX_EXCERPT_LENGTH:
        beginning = escape_invisible(name[:_MAX_EXCERPT_LENGTH])
        return Excerpt(diagnostic.line, f"{beginning}…", 0, len(beginning))
    start, end = _find_subject(name, diagnostic)
    before, subject = escape_invisible(name[:start]), escape_invisible(name[start:end])
    return Excerpt(diagnostic.line, escape_invisible(name) + tail, len(before), len(subject))


def _find_subject(name: str, diagnostic: Diagnostic) -> tuple[int, int]:
    """Find the part of a key or a header that a diagnostic is about, as start and end.

    It is the last part of the diagnostic's field or, without a field, of its address: `site` of `attributes.site`. The last place
    where this part occurs in `name` is returned, or all of `name` if it does not occur.
    """
    subject = (diagnostic.field or diagnostic.address or "").rpartition(".")[2]
    if subject:
        starts = [match.start() for match in re.finditer(rf"(?<![\w-]){re.escape(subject)}(?![\w-])", name)]
        if starts:
            return starts[-1], starts[-1] + len(subject)
    return 0, len(name)


def _format_nearest(name: str) -> str:
    """Format a valid name, in quotes if white space at its ends would not be seen."""
    return escape_invisible(repr(name) if name != name.strip() else name)
