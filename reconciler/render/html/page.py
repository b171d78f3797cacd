"""A view as HTML: for notebooks, exported pages and reports.

Law: no script, no address outside the page, and everything from a file or the registry is text. What a reader needs is in
words and in the markup, because some hosts (GitHub) take the style away; where it stays, it fits light and dark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import htpy as h
from markupsafe import Markup

from reconciler.render.html import comparison, drift, error, history, plan, result
from reconciler.render.views.comparison import Comparison
from reconciler.render.views.diagnostics import MistakesView
from reconciler.render.views.drift import DriftView
from reconciler.render.views.history import HistoryView, RecordView
from reconciler.render.views.plan import PlanView
from reconciler.render.views.result import ResultView

Draw: TypeAlias = Callable[[Any], h.Renderable]

DRAWN: Mapping[type, Draw] = {
    PlanView: plan.plan,
    ResultView: result.result,
    Comparison: comparison.comparison,
    MistakesView: error.mistakes,
    HistoryView: history.history,
    RecordView: history.record,
    DriftView: drift.drift,
}
"""How each view is drawn. A new one needs nothing but its line here."""


def fragment(view: Any) -> str:
    """A piece of a page, which brings its own style."""
    return f"{h.div('.reconciler')[h.style[style()], DRAWN[type(view)](view)]}\n"


def document(view: Any) -> str:
    """A page that stands alone."""
    name = f"{type(view).__name__.removesuffix('View')} · {getattr(view, 'workspace', 'reconciler')}"
    head = h.head[
        h.meta(charset="utf-8"),
        h.meta(name="viewport", content="width=device-width, initial-scale=1"),
        h.title[name],
        h.style[style()],
    ]
    return f"{h.html(lang='en')[head, h.body(style='margin: 0')[h.div('.reconciler.page')[h.main[DRAWN[type(view)](view)]]]]}\n"


@cache
def style() -> Markup:
    """The rules that every piece brings."""
    return Markup((files(__package__) / "style.css").read_text(encoding="utf-8"))  # noqa: S704 (our own file)
