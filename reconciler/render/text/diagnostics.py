"""Errors and warnings about the desired state, as text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.text.parts import render_severity
from reconciler.render.views.diagnostics import (
    DiagnosticRow,
    DiagnosticsView,
    Excerpt,
    format_diagnostic_counts,
)


def render_diagnostics_text(view: DiagnosticsView) -> Iterator[Text]:
    """Render every diagnostic with its line in the file, and the numbers of errors and warnings."""
    yield from render_diagnostic_rows(view)
    counts = format_diagnostic_counts(view)
    if counts:
        yield Text(counts, f"bold {COLORS['error' if view.errors else 'warning']}")


def render_diagnostic_rows(view: DiagnosticsView) -> Iterator[Text]:
    """Render every diagnostic with its line in the file, each followed by an empty line."""
    for row in view.rows:
        yield from _render_row(row)
        yield Text()


def _render_row(row: DiagnosticRow) -> Iterator[Text]:
    path = f"  {row.path}" if row.path else ""
    code = (f"  [{row.code}]" if row.code else "", QUIET)
    yield Text.assemble(render_severity(row.severity), " ", (row.location, "bold"), path, code)
    if row.excerpt:
        yield from _render_excerpt(row.excerpt, COLORS[row.severity])
    yield Text(f"    {row.problem}")
    if row.expected:
        yield Text.assemble(("    expected  ", QUIET), row.expected)
    if row.nearest:
        yield Text.assemble(("    did you mean  ", QUIET), (row.nearest, "bold"), "?")


def _render_excerpt(excerpt: Excerpt, style: str) -> Iterator[Text]:
    number = str(excerpt.number)
    yield Text.assemble((f"    {number} | ", QUIET), excerpt.text)
    margin = f"    {' ' * len(number)} | "
    underline = "^" * max(1, excerpt.length)
    yield Text.assemble((margin, QUIET), " " * excerpt.start, (underline, style))
