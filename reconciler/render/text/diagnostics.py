"""Mistakes in the file as text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from reconciler.render.text.plan import COLORS, label
from reconciler.render.views.diagnostics import Excerpt, MistakeRow, MistakesView
from reconciler.render.views.plan import plural


def mistakes(view: MistakesView) -> Iterator[Text]:
    """Every mistake with its place, and how many there are."""
    for row in view.rows:
        yield from _mistake(row)
        yield Text()
    parts = [plural(view.errors, "mistake")] if view.errors else []
    parts += [plural(view.warnings, "warning")] if view.warnings else []
    if parts:
        yield Text(" and ".join(parts), f"bold {COLORS['error' if view.errors else 'warning']}")


def _mistake(row: MistakeRow) -> Iterator[Text]:
    style = COLORS["error" if row.severity == "error" else "warning"]
    where = f"  {row.where}" if row.where else ""
    yield Text.assemble(label(row.severity), " ", (row.place, "bold"), where)
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
