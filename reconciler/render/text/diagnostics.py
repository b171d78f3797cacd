"""Mistakes in the file as text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from reconciler.render.text.plan import COLORS, render_severity
from reconciler.render.views.diagnostics import DiagnosticRow, DiagnosticsView, Excerpt
from reconciler.render.views.plan import pluralize


def render_diagnostics_text(view: DiagnosticsView) -> Iterator[Text]:
    """Every mistake with its place, and how many there are."""
    for row in view.rows:
        yield from _mistake(row)
        yield Text()
    parts = [pluralize(view.errors, "mistake")] if view.errors else []
    parts += [pluralize(view.warnings, "warning")] if view.warnings else []
    if parts:
        yield Text(" and ".join(parts), f"bold {COLORS['error' if view.errors else 'warning']}")


def _mistake(row: DiagnosticRow) -> Iterator[Text]:
    style = COLORS["error" if row.severity == "error" else "warning"]
    where = f"  {row.path}" if row.path else ""
    yield Text.assemble(render_severity(row.severity), " ", (row.location, "bold"), where)
    if row.excerpt:
        yield from _excerpt(row.excerpt, style)
    yield Text(f"    {row.problem}")
    if row.expected:
        yield Text.assemble(("    expected  ", "dim"), row.expected)
    if row.nearest:
        yield Text.assemble(("    did you mean  ", "dim"), (row.nearest, "bold"), "?")


def _excerpt(excerpt: Excerpt, style: str) -> Iterator[Text]:
    number = str(excerpt.number)
    yield Text.assemble((f"    {number} | ", "dim"), excerpt.text)
    yield Text.assemble(
        (f"    {' ' * len(number)} | ", "dim"), " " * excerpt.start, ("^" * max(1, excerpt.length), style)
    )
