"""Each format that is not the terminal's own, by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.plan import Plan

MACHINE_FORMATS = ("json", "jsonl")
"""What machines read."""

MAX_ROWS_BY_FORMAT: Mapping[str, int] = {"html": 5_000}
"""So many changes of a kind are told one by one, of more how many there are: no browser shows a page of a hundred megabytes."""


def render_page(view: Any, form: str) -> str:
    """What people read outside a terminal: Markdown, or a whole HTML page."""
    if form == "markdown":
        from reconciler.render.markdown import render_markdown

        return render_markdown(view)
    from reconciler.render.html.page import render_html_page

    return render_html_page(view)


def render_for_machines(plan: Plan, form: str, *, unchanged_marks: int = 0) -> Iterator[str]:
    """What machines read, in pieces."""
    if form == "json":
        from reconciler.render.json.plan_file import render_plan_json

        yield from render_plan_json(plan, unchanged_marks=unchanged_marks)
    else:
        from reconciler.render.json.plan_lines import render_plan_jsonl

        yield from render_plan_jsonl(plan)
