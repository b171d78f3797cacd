"""Views as HTML pages, and as fragments for a notebook.

Invariant: no scripts, no external resources, and all text from a file or the registry is escaped for HTML. Words and markup
carry all information, because some websites (GitHub) remove the style; where the style remains, it fits light and dark themes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import htpy as h
from markupsafe import Markup

from reconciler.render.html.comparison import render_comparison_html
from reconciler.render.html.drift import render_drift_html
from reconciler.render.html.error import render_diagnostics_html, render_error_html
from reconciler.render.html.history import (
    render_history_html,
    render_rollout_history_html,
    render_run_html,
)
from reconciler.render.html.plan import render_plan_html
from reconciler.render.html.result import render_result_html
from reconciler.render.html.rollout import render_rollout_html
from reconciler.render.views.comparison import ResourceComparisonView
from reconciler.render.views.diagnostics import DiagnosticsView
from reconciler.render.views.drift import DriftView
from reconciler.render.views.error import ErrorView
from reconciler.render.views.history import HistoryView, RolloutHistoryView, RunView
from reconciler.render.views.labels import format_workspace
from reconciler.render.views.plan import PlanView
from reconciler.render.views.result import ResultView
from reconciler.render.views.rollout import RolloutView

HtmlRenderer: TypeAlias = Callable[..., h.Renderable]
"""A function from a view to HTML; those of plans and drift also have the options of `render_html_page`."""

HTML_RENDERERS: Mapping[type, HtmlRenderer] = {
    PlanView: render_plan_html,
    ResultView: render_result_html,
    ResourceComparisonView: render_comparison_html,
    DiagnosticsView: render_diagnostics_html,
    ErrorView: render_error_html,
    HistoryView: render_history_html,
    RunView: render_run_html,
    RolloutHistoryView: render_rollout_history_html,
    DriftView: render_drift_html,
    RolloutView: render_rollout_html,
}
"""The renderer of each view. To add a view, add an entry here."""


def render_html_fragment(view: Any, *, full: bool = False, max_rows: int | None = None) -> str:
    """Render a view as a part of a page, with its own style.

    `full` and `max_rows` are as for `render_html_page`.
    """
    return wrap_in_style(_render_view(view, full=full, max_rows=max_rows))


def wrap_in_style(content: h.Renderable) -> str:
    """Return HTML as a part of a page, with its own style."""
    return f"{h.div('.reconciler')[h.style[load_stylesheet()], content]}\n"


def render_html_page(view: Any, *, full: bool = False, max_rows: int | None = None) -> Iterator[str]:
    """Render a view as a complete page, in pieces.

    With `full`, alike rows are not grouped. `max_rows` limits the rows and groups of each kind.
    """
    workspace = format_workspace(getattr(view, "workspace", "reconciler"), getattr(view, "environment", ""))
    title = f"{type(view).__name__.removesuffix('View')} · {workspace}"
    head = h.head[
        h.meta(charset="utf-8"),
        h.meta(name="viewport", content="width=device-width, initial-scale=1"),
        h.title[title],
        h.style[load_stylesheet()],
    ]
    main = h.div(".reconciler.page")[h.main[_render_view(view, full=full, max_rows=max_rows)]]
    yield from h.html(lang="en")[head, h.body(style="margin: 0")[main]].iter_chunks()
    yield "\n"


def _render_view(view: Any, *, full: bool, max_rows: int | None) -> h.Renderable:
    options = (
        {"full": full, "max_rows": max_rows} if isinstance(view, PlanView | DriftView | RolloutView) else {}
    )
    return HTML_RENDERERS[type(view)](view, **options)


@cache
def load_stylesheet() -> Markup:
    """Load the style that every page and every fragment includes."""
    return Markup((files(__package__) / "style.css").read_text(encoding="utf-8"))  # noqa: S704 (our own file)
