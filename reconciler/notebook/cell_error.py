"""Errors in cells, shown as the command line prints them: with excerpts and the next step.

IPython calls `_render_traceback_` of an exception. A notebook stores the text in the cell, and every front end, nbconvert
included, turns it into colored HTML.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import InvalidDesiredStateError, ReconcilerError

if TYPE_CHECKING:
    from reconciler.render.views.error import ErrorView


def build_error_view_with_excerpts(error: BaseException) -> ErrorView:
    """Build the view of any exception; the diagnostics of a desired state have excerpts of its files."""
    from reconciler.engine.load.source_lines import read_source_lines
    from reconciler.render.views.error import build_error_view

    if not isinstance(error, InvalidDesiredStateError):
        return build_error_view(error)
    return build_error_view(error, read_source_lines(error.diagnostics, error.path or Path()))


def render_cell_error(error: ReconcilerError) -> list[str]:
    """Return the lines that IPython shows instead of a traceback, colored unless `NO_COLOR` is set."""
    from rich.console import Console

    from reconciler.render.rich_display import TEXT_WIDTH
    from reconciler.render.text.error import render_error_text
    from reconciler.render.text.wrap import wrap_lines

    output = StringIO()
    console = Console(
        file=output,
        force_terminal=True,
        color_system="truecolor",
        width=TEXT_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )
    lines = render_error_text(build_error_view_with_excerpts(error))
    for line in wrap_lines(lines, TEXT_WIDTH):
        console.print(line, soft_wrap=True)
    return output.getvalue().splitlines()
