"""Values that show themselves: as HTML or a picture in a notebook, as text everywhere else.

IPython asks a value for `_repr_mimebundle_`; every other prompt prints its repr. Values of the model know nothing of either,
so what the workspace hands out are subclasses of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import field, frozen

from reconciler.engine.plan.drift import Drift
from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.model.resource import Live, Resource
from reconciler.model.run import History, Run, RunRecord
from reconciler.model.settings import DesiredState
from reconciler.model.text import closest_match

if TYPE_CHECKING:
    from rich.text import Text

    from reconciler.render.graph.picture import Picture

TEXT_WIDTH = 110
"""Of the text in a notebook's output and of a repr."""

TextRenderer: TypeAlias = "Callable[[Any, int], Iterator[Text]]"


MAX_ROWS = 100
"""Rows of a kind in a notebook's output: more of them make the page slow, and nobody reads them."""


class Displayed:
    """A value that shows itself: subclasses say which view of it."""

    def _view(self) -> Any:
        """What is told in text."""
        raise NotImplementedError

    def _page(self) -> Any:
        """What is told as HTML, where more of it can be folded away."""
        return self._view()

    def __repr__(self) -> str:
        return render_text(self._view())

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> Mapping[str, str]:
        """What IPython shows; it picks among these by what its front end can."""
        del include, exclude
        from reconciler.render.html.page import render_html_fragment

        return {"text/plain": render_text(self._view()), "text/html": render_html_fragment(self._page())}


@frozen(slots=False, eq=False, repr=False)
class DisplayedPlan(Displayed, Plan):
    """A plan that shows itself; `state` is what it was made from."""

    state: DesiredState | None = field(default=None, kw_only=True)

    @cached_property
    def graph(self) -> DisplayedGraph:
        """The dependency graph, coloured by what would be done."""
        from reconciler.engine.graph import build_resource_graph
        from reconciler.render.graph.picture import build_picture

        resources = self.state.resources if self.state else {}
        return DisplayedGraph(
            build_picture(build_resource_graph(resources), resources, self, title=self.workspace)
        )

    def _view(self) -> Any:
        return self._told(requests=False)

    def _page(self) -> Any:
        return self._told(requests=True)

    def _told(self, *, requests: bool) -> Any:
        from reconciler.engine.ownership.markers import count_unchanged_markers
        from reconciler.render.views.plan import build_plan_view

        marks = count_unchanged_markers(self, self.state.resources) if self.state else 0
        return build_plan_view(self, requests=requests, unchanged_markers=marks, max_rows=MAX_ROWS)


@frozen(eq=False, repr=False)
class DisplayedResult(Displayed, Result):
    """A result that shows itself."""

    def _view(self) -> Any:
        from reconciler.render.views.result import build_result_view

        return build_result_view(self, max_outcomes=MAX_ROWS)


@frozen(repr=False)
class DisplayedResource(Displayed):
    """One resource as the file wants it, as the registry has it, and what would be done about it."""

    address: Address
    desired: Resource | None
    live: Live | None
    change: Change | None

    def _view(self) -> Any:
        from reconciler.render.views.comparison import build_comparison_view

        return build_comparison_view(self.address, self.desired, self.live, self.change)


@frozen(eq=False, repr=False)
class DisplayedHistory(Displayed, History):
    """Runs that show themselves."""

    def _view(self) -> Any:
        from reconciler.render.views.history import HistoryView, build_run_rows

        return HistoryView(build_run_rows(self))


@frozen(eq=False, repr=False)
class DisplayedRun(Displayed, RunRecord):
    """One run that shows itself."""

    def _view(self) -> Any:
        from reconciler.render.views.history import build_run_view

        return build_run_view(self)


@frozen(eq=False, repr=False)
class DisplayedDrift(Displayed, Drift):
    """Drift that shows itself; `last` is the workspace's last run: whoever applied it could be asked."""

    last: Run | None = field(default=None, kw_only=True)

    def _view(self) -> Any:
        from reconciler.render.views.drift import build_drift_view

        return build_drift_view(self, self.last)


@frozen(repr=False)
class DisplayedGraph:
    """A graph that shows itself: whole while that can be read, else one node for each kind and action."""

    picture: Picture

    def around(self, address: str, distance: int = 1) -> DisplayedGraph:
        """What is at most so many dependencies away from one resource, whichever way they lead.

        Raises ReconcilerError, with the nearest address, where there is none such in the graph.
        """
        known = {node.id for node in self.picture.nodes}
        if address not in known:
            near = closest_match(address, known)
            told = f"; did you mean {near!r}?" if near else ""
            raise ReconcilerError(f"{address!r} is not in the graph{told}")
        return DisplayedGraph(self.picture.around(address, distance))

    def __repr__(self) -> str:
        from reconciler.render.graph.tree import render_tree

        return _plain(render_tree(self.picture.readable()))

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> Mapping[str, str]:
        """The picture; where there are no pictures, the tree."""
        del include, exclude
        from reconciler.render.graph.svg import render_svg

        return {"text/plain": repr(self), "image/svg+xml": render_svg(self.picture.readable())}


def render_text(view: Any, width: int = TEXT_WIDTH) -> str:
    """A view as plain text."""
    return _plain(_drawn()[type(view)](view, width))


def _drawn() -> Mapping[type, TextRenderer]:
    """How each view is told in text. A new one needs nothing but its line here."""
    from reconciler.render.text.comparison import render_comparison_text
    from reconciler.render.text.diagnostics import render_diagnostics_text
    from reconciler.render.text.drift import render_drift_text
    from reconciler.render.text.history import render_history_text, render_run_text
    from reconciler.render.text.plan import render_plan_text
    from reconciler.render.text.result import render_result_text
    from reconciler.render.views.comparison import ResourceComparisonView
    from reconciler.render.views.diagnostics import DiagnosticsView
    from reconciler.render.views.drift import DriftView
    from reconciler.render.views.history import HistoryView, RunView
    from reconciler.render.views.plan import PlanView
    from reconciler.render.views.result import ResultView

    return {
        PlanView: render_plan_text,
        ResultView: lambda view, _width: render_result_text(view),
        ResourceComparisonView: render_comparison_text,
        DiagnosticsView: lambda view, _width: render_diagnostics_text(view),
        DriftView: render_drift_text,
        HistoryView: lambda view, _width: render_history_text(view.rows),
        RunView: lambda view, _width: render_run_text(view),
    }


def _plain(lines: Iterator[Text]) -> str:
    return "\n".join(line.plain for line in lines)
