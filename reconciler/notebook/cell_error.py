"""Errors in cells, shown as the command line prints them: with excerpts and the next step.

IPython calls `_render_traceback_` of an exception, and accepts only text. A notebook stores the text in the cell, and every front
end, nbconvert included, turns it into HTML. An output of our own could be HTML too, but the error output would remain:
tools that run notebooks detect failed cells by it, and print its text.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import InvalidDesiredStateError, ReconcilerError
from reconciler.notebook import is_in_notebook

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
    """Return the lines that IPython shows instead of a traceback.

    In a terminal they are colored unless `NO_COLOR` is set. In a notebook they are not: it shows errors on a background of its own,
    light or dark, on which no color is readable in both.
    """
    from rich.console import Console

    from reconciler.render.rich_display import TEXT_WIDTH
    from reconciler.render.text.error import render_error_text
    from reconciler.render.text.wrap import wrap_lines

    output = StringIO()
    console = Console(
        file=output,
        force_terminal=True,
        force_jupyter=False,  # otherwise rich displays each line as an output of its own
        no_color=is_in_notebook() or None,
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
