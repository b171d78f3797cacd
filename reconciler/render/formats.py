"""Rendering in the output formats other than the terminal's text, chosen by their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.model.plan import Plan

MACHINE_FORMATS = ("json", "jsonl")
"""Formats for programs."""

MAX_PAGE_ROWS = 5_000
"""How many changes of each kind an HTML page lists; the rest are only counted: no browser shows 100 MB."""


def render_page(view: Any, output_format: str, *, full: bool = False) -> Iterator[str]:
    """Render a view outside a terminal, in pieces: as Markdown, or as a whole HTML page.

    Alike changes and resources are groups or, with `full`, one by one, up to a limit.
    """
    if output_format == "markdown":
        from reconciler.render.views.rollout import RolloutView

        if isinstance(view, RolloutView):
            from reconciler.render.markdown_rollout import render_rollout_markdown

            yield render_rollout_markdown(view, full=full)
        else:
            from reconciler.render.markdown import render_markdown

            yield render_markdown(view, full=full)
    else:
        from reconciler.render.html.page import render_html_page

        yield from render_html_page(view, full=full, max_rows=MAX_PAGE_ROWS)


def render_for_machines(plan: Plan, output_format: str, *, unchanged_markers: int = 0) -> Iterator[str]:
    """Render a plan as JSON or JSON Lines, in pieces of text.

    `unchanged_markers` is the number of ownership markers that the plan does not change; only JSON includes it.
    """
    if output_format == "json":
        from reconciler.render.json.plan_file import render_plan_json

        yield from render_plan_json(plan, unchanged_markers=unchanged_markers)
    else:
        from reconciler.render.json.plan_lines import render_plan_jsonl

        yield from render_plan_jsonl(plan)
