"""The environments of a file as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from reconciler.render.text.colors import QUIET
from reconciler.render.views.environments import NO_ENVIRONMENTS, EnvironmentView

_MAX_ALIGNED_VALUE = 44
"""Sources are aligned after the values of up to this many characters."""


def render_environments_text(views: Sequence[EnvironmentView]) -> Iterator[Text]:
    """Render each environment with a line for each of its values."""
    if not views:
        yield Text(NO_ENVIRONMENTS, "bold")
    rows = [row for view in views for row in view.rows]
    name_width = max((len(row.name) for row in rows), default=0)
    value_width = max((len(row.value) for row in rows if len(row.value) <= _MAX_ALIGNED_VALUE), default=0)
    for index, view in enumerate(views):
        if index:
            yield Text()
        yield _render_title(view)
        for row in view.rows:
            yield Text.assemble(
                f"  {row.name:<{name_width}}  {row.value:<{value_width}}  ", (row.source, QUIET)
            )


def _render_title(view: EnvironmentView) -> Text:
    title = Text(view.name, "bold")
    if view.is_default:
        title.append(" · default", QUIET)
    if view.after:
        title.append(f" · after {', '.join(view.after)}", QUIET)
    return title
