"""Errors as text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from reconciler.render.text.diagnostics import render_diagnostic_rows
from reconciler.render.text.parts import render_severity
from reconciler.render.views.error import ErrorView


def render_error_text(view: ErrorView) -> Iterator[Text]:
    """Render an error: its diagnostics, what happened, every reason, and the next step."""
    if view.diagnostics:
        yield from render_diagnostic_rows(view.diagnostics)
    yield Text.assemble(render_severity("error"), f" {view.title}")
    for reason in view.reasons:
        yield Text(f"  - {reason}")
    if view.next_step:
        yield Text(f"next step: {view.next_step}")
