"""Each format that is not the terminal's own, by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.plan import Plan

RECORDED = ("json", "jsonl")
"""What machines read."""

MOST: Mapping[str, int] = {"html": 5_000}
"""So many changes of a kind are told one by one, of more how many there are: no browser shows a page of a hundred megabytes."""


def pictured(view: Any, form: str) -> str:
    """What people read outside a terminal: Markdown, or a whole HTML page."""
    if form == "markdown":
        from reconciler.render import markdown

        return markdown.document(view)
    from reconciler.render.html.page import document

    return document(view)


def recorded(plan: Plan, form: str, *, unchanged_marks: int = 0) -> Iterator[str]:
    """What machines read, in pieces."""
    if form == "json":
        from reconciler.render.json import plan_file

        yield from plan_file.write(plan, unchanged_marks=unchanged_marks)
    else:
        from reconciler.render.json.plan_lines import plan_lines

        yield from plan_lines(plan)
