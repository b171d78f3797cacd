"""Values that display themselves: as HTML or a picture in a notebook, elsewhere as text.

IPython calls `_repr_mimebundle_`, which needs no IPython extension, and every other prompt calls `__repr__`. The classes of the
model have only the `__repr__` of attrs, so `Workspace` returns instances of subclasses of them. They are subclasses, and not
wrappers, because what `Workspace.plan` returns is passed on as a plan: to `Workspace.apply`, to the engine, and to
`attrs.evolve`, which keeps the class.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import attrs

from reconciler.frozen_classes import field, frozen
from reconciler.model.errors import ReconcilerError
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match, format_suggestion, quote

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.render.graph.graph_part import GraphPart
    from reconciler.render.graph.picture import Picture

TEXT_WIDTH = 110
"""The width of text in a notebook's output and in a repr, in characters."""

MAX_ROWS = 100
"""The most changes or groups of each kind, and the most outcomes of a result, that are listed in a notebook: with more, it is slow."""

MAX_TEXT_ROWS = 20
"""The most changes or groups of each kind, and the most outcomes of a result, that a `repr` lists."""

MAX_CHANGES_WITH_REQUESTS = 1_000
"""The most changes of a plan whose HTML has every API call."""

TextRenderer: TypeAlias = "Callable[..., Iterable[Text]]"
"""A function from a view and a width in characters to lines of text; those of plans and drift also have `full` and `max_rows`."""


class Displayed:
    """A value that displays itself; each subclass builds the view that is displayed."""

    full: bool = False
    """Whether alike rows are shown one by one, instead of as groups."""

    @classmethod
    def from_value(cls, value: Any, **context: Any) -> Self:
        """Return an instance of this subclass with the members of `value`.

        `context` has the members that only the subclass has.
        """
        members = {name: getattr(value, name) for name in attrs.fields_dict(type(value))}
        return cls(**members, **context)

    def _build_text_view(self) -> Any:
        """Return the view that is shown as text."""
        raise NotImplementedError

    def _build_html_view(self) -> Any:
        """Return the view that is shown as HTML; it may have more details, which HTML can fold."""
        return self._build_text_view()

    def __repr__(self) -> str:
        max_rows = None if self.full else MAX_TEXT_ROWS
        return render_text(self._build_text_view(), full=self.full, max_rows=max_rows)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> Mapping[str, str]:
        """Return every representation; IPython's front end chooses one."""
        del include, exclude
        from reconciler.render.html.page import render_html_fragment

        html = render_html_fragment(self._build_html_view(), full=self.full, max_rows=MAX_ROWS)
        return {"text/plain": repr(self), "text/html": html}


@frozen(slots=False, eq=False, repr=False)
class DisplayedPlan(Displayed, Plan):
    """A plan that displays itself.

    `state` is the desired state that the plan was made from. With `full`, alike changes are not grouped.
    """

    state: DesiredState | None = field(default=None, kw_only=True)
    full: bool = field(default=False, kw_only=True)

    @cached_property
    def graph(self) -> DisplayedGraph:
        """The dependency graph, colored by the plan's actions."""
        from reconciler.render.graph.dependency_graph import DependencyGraph
        from reconciler.render.graph.graph_part import GraphPart

        resources = self.state.resources if self.state else {}
        graph = DependencyGraph(resources, self, title=self.workspace)
        return DisplayedGraph(GraphPart.from_graph(graph))

    def _build_text_view(self) -> Any:
        return self._build_view(requests=False)

    def _build_html_view(self) -> Any:
        return self._build_view(requests=len(self.steps) <= MAX_CHANGES_WITH_REQUESTS)

    def _build_view(self, *, requests: bool) -> Any:
        from reconciler.engine.ownership.markers import count_unchanged_markers
        from reconciler.render.views.plan import build_plan_view

        markers = count_unchanged_markers(self) if self.state else 0
        return build_plan_view(self, requests=requests, unchanged_markers=markers)


@frozen(repr=False)
class DisplayedGraph:
    """A graph that displays itself; if it is too large to read, as one node for each kind and action."""

    part: GraphPart

    @cached_property
    def picture(self) -> Picture:
        """The picture of the part."""
        return self.part.draw()

    def around(self, address: str, distance: int = 1) -> DisplayedGraph:
        """Return the part of the graph within `distance` dependencies of one resource, in both directions.

        Raises ReconcilerError, with the nearest address, for an address that is not in the graph.
        """
        number = self.part.find_text(address)
        if number is None:
            suggestion = format_suggestion(closest_match(address, [*self.part.list_addresses()]))
            raise ReconcilerError(f"{quote(address)} is not in the graph{suggestion}")
        return DisplayedGraph(self.part.select_around(number, distance))

    def __repr__(self) -> str:
        from reconciler.render.graph.tree import render_tree

        return _to_text(render_tree(self.picture), TEXT_WIDTH)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> Mapping[str, str]:
        """Return the picture as HTML and as SVG, and the tree for front ends without pictures."""
        del include, exclude
        from reconciler.render.graph.svg import render_svg
        from reconciler.render.html.graph import render_graph_html
        from reconciler.render.html.page import wrap_in_style

        return {
            "text/plain": repr(self),
            "text/html": wrap_in_style(render_graph_html(self.picture)),
            "image/svg+xml": render_svg(self.picture),
        }


def render_text(
    view: Any, width: int = TEXT_WIDTH, *, full: bool = False, max_rows: int | None = None
) -> str:
    """Render any view as plain text.

    With `full`, alike rows of a plan or a drift are not grouped. `max_rows` limits its rows and groups of each kind.
    """
    from reconciler.render.views.drift import DriftView
    from reconciler.render.views.plan import PlanView
    from reconciler.render.views.rollout import RolloutView

    options: dict[str, Any] = {}
    if isinstance(view, PlanView | DriftView):
        options = {"full": full, "max_rows": max_rows}
    elif isinstance(view, RolloutView):
        options = {"full": full}
    return _to_text(get_text_renderers()[type(view)](view, width, **options), width).lstrip("\n")


def get_text_renderers() -> Mapping[type, TextRenderer]:
    """Return the text renderer of each view.

    To add a view, add an entry here.
    """
    from reconciler.render.text.comparison import render_comparison_text
    from reconciler.render.text.diagnostics import render_diagnostics_text
    from reconciler.render.text.drift import render_drift_text
    from reconciler.render.text.error import render_error_text
    from reconciler.render.text.history import (
        render_history_text,
        render_rollout_history_text,
        render_run_text,
    )
    from reconciler.render.text.plan import render_plan_text
    from reconciler.render.text.result import render_result_text
    from reconciler.render.text.rollout import render_rollout_text
    from reconciler.render.views.comparison import ResourceComparisonView
    from reconciler.render.views.diagnostics import DiagnosticsView
    from reconciler.render.views.drift import DriftView
    from reconciler.render.views.error import ErrorView
    from reconciler.render.views.history import HistoryView, RolloutHistoryView, RunView
    from reconciler.render.views.plan import PlanView
    from reconciler.render.views.result import ResultView
    from reconciler.render.views.rollout import RolloutView

    return {
        PlanView: render_plan_text,
        ResultView: lambda view, _width: render_result_text(view),
        ResourceComparisonView: render_comparison_text,
        DiagnosticsView: lambda view, _width: render_diagnostics_text(view),
        ErrorView: lambda view, _width: render_error_text(view),
        DriftView: render_drift_text,
        HistoryView: render_history_text,
        RunView: lambda view, _width: render_run_text(view),
        RolloutHistoryView: render_rollout_history_text,
        RolloutView: render_rollout_text,
    }


def _to_text(lines: Iterable[Text], width: int) -> str:
    from reconciler.render.text.wrap import wrap_lines

    return "\n".join(line.plain for line in wrap_lines(lines, width))
