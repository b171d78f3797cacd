"""One plan as the panel shows it: short rows, even for ten thousand steps, with details on request.

Alike rows are in the same groups as in every other format. The page shows a group as one row, and lists its rows on request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import htpy as h

from reconciler.model.address import Address
from reconciler.model.change import ACTIONS, Delete, Replace, Update
from reconciler.model.errors import ReconcilerError
from reconciler.model.outcome import Result
from reconciler.model.plan import Plan
from reconciler.model.text import escape_invisible
from reconciler.notebook.live_graph import LiveGraph
from reconciler.notebook.table_csv import render_table_csv
from reconciler.notebook.workspace_protocol import NotebookWorkspace
from reconciler.render.graph.svg import render_svg
from reconciler.render.html.error import render_error_html
from reconciler.render.html.plan import (
    describe_markers_and_unchanged,
    render_group_rows_html,
    render_note_html,
    render_row_details_html,
)
from reconciler.render.html.result import render_result_html
from reconciler.render.rich_display import MAX_ROWS, DisplayedGraph, DisplayedPlan
from reconciler.render.text.plan import render_plan_summary
from reconciler.render.views.error import ErrorView, build_error_view
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import truncate, truncate_pair
from reconciler.render.views.grouping import RowGroup, group_rows, has_document, must_be_named
from reconciler.render.views.labels import ACTION_GLYPHS, format_counts, join_facts, pluralize
from reconciler.render.views.note_groups import group_notes
from reconciler.render.views.plan import (
    PlanRow,
    PlanView,
    build_plan_row,
    build_plan_view,
    describe_group,
    describe_minimum_time,
)
from reconciler.render.views.result import build_result_view

_MAX_DIFFERENCE_LENGTH = 90
"""The number of characters to which the differences in a row are truncated."""
_ACTIONS_WITH_DIFFERENCES = (Update.action, Replace.action)
"""Actions whose differences are in the row; those of other actions are in the details."""
_DESTRUCTIVE_ACTIONS = (Delete.action, Replace.action)
"""Actions for which the user must type the workspace's name."""
_CONTINUE_LABEL = "Apply remaining steps"
_RETRY_LABEL = "Retry unfinished steps"
_PENDING = " "
"""The blank that a step without a status has in place of a letter of STATUS_LETTERS."""
STATUS_LETTERS: Mapping[str, str] = {
    "started": "s",
    "waiting": "w",
    "applied": "a",
    "failed": "f",
    "skipped": "k",
    "canceled": "c",
}
"""The letter of each status, so that the statuses of 10,000 steps are short. page/panel.js has the same letters."""

STATUS_WORDS: Mapping[str, str] = {letter: status for status, letter in STATUS_LETTERS.items()}
"""The status of each letter."""

_NO_GRAPH = "<p>This plan has no graph; plan again to see one.</p>"


class PlanTable:
    """A plan and the status of its steps."""

    def __init__(self, workspace: NotebookWorkspace, plan: Plan) -> None:
        self.plan = plan
        self._row_numbers = {step.address: number for number, step in enumerate(plan.steps)}
        self._statuses = [_PENDING] * len(plan.steps)
        self._graph = LiveGraph()
        self._rows = [build_plan_row(step, requests=False) for step in plan.steps]
        self._groups = group_rows(self._rows).groups
        self._view = build_plan_view(
            plan, unchanged_markers=workspace.count_unchanged_markers(plan), max_rows=0
        )

    @property
    def header(self) -> Mapping[str, Any]:
        """The values above the table: the plan's identity, its actions and kinds, and a summary."""
        view = self._view
        return {
            "workspace": view.workspace,
            "environment": view.environment,
            "target": view.target,
            "digest": self.plan.digest,
            "actions": [[action, ACTION_GLYPHS[action], view.counts.get(action, 0)] for action in ACTIONS],
            "kinds": [[section.kind, section.title] for section in view.sections],
            "summary": _format_cost(view) if view.total else render_plan_summary(view).plain,
        }

    @property
    def rows(self) -> Sequence[Sequence[Any]]:
        """Action, kind, address, differences and place of declaration of each step."""
        return [
            [row.action, _get_kind(row), row.address, _format_differences(row), row.origin]
            for row in self._rows
        ]

    @property
    def groups(self) -> Sequence[Mapping[str, Any]]:
        """The groups of alike rows: title, differences, description, and the numbers of their rows."""
        return [
            {
                "title": group.title,
                "differences": _format_differences(group),
                "description": describe_group(group),
                "rows": list(group.positions),
            }
            for group in self._groups
        ]

    @property
    def unfolded_rows(self) -> Sequence[int]:
        """The rows that are expanded from the start, or whose group is.

        They have documents, or are in a group of deletions or replacements: neither is approved unread.
        """
        grouped = {number for group in self._groups for number in group.positions}
        return [
            number
            for number, row in enumerate(self._rows)
            if has_document(row) or (number in grouped and must_be_named(row))
        ]

    @property
    def notes(self) -> str:
        """The plan's warnings and notes as HTML: alike ones as one, and at most `MAX_ROWS`."""
        notes = group_notes(self._view.notes)[:MAX_ROWS]
        return _to_text(h.fragment[(render_note_html(note) for note in notes)])

    @property
    def confirmation(self) -> Mapping[str, str]:
        """The question before an apply, and the text to type.

        The text is empty if nothing is deleted or replaced.
        """
        counts = self.plan.counts
        is_destructive = any(counts.get(action) for action in _DESTRUCTIVE_ACTIONS)
        calls = pluralize(self._view.cost.total, "call")
        endpoint = escape_invisible(self.plan.target.endpoint)
        return {
            "question": f"Send {calls} to {endpoint}: {format_counts(counts)}?",
            "expected": escape_invisible(self.plan.confirmation) if is_destructive else "",
        }

    @property
    def has_any_status(self) -> bool:
        """Whether any step has a status, such as started or skipped."""
        return any(status != _PENDING for status in self._statuses)

    def set_status(self, address: Address, status: str) -> None:
        """Set the status of a step."""
        row_number = self._row_numbers[address]
        self._graph.record(address, status, STATUS_WORDS.get(self._statuses[row_number], ""))
        self._statuses[row_number] = STATUS_LETTERS[status]

    @property
    def statuses(self) -> str:
        """The status of each step, one letter each; a blank if it has none yet."""
        return "".join(self._statuses)

    def find_unfinished_addresses(self) -> Collection[Address]:
        """Return the addresses of the steps that were not applied."""
        applied = STATUS_LETTERS["applied"]
        steps = zip(self.plan.steps, self._statuses, strict=True)
        return [step.address for step, status in steps if status != applied]

    @property
    def retry_label(self) -> str:
        """The label of the button that applies the unfinished steps.

        It is empty if there are none, or if nothing was applied yet.
        """
        if not self.has_any_status or not self.find_unfinished_addresses():
            return ""
        return _RETRY_LABEL if STATUS_LETTERS["failed"] in self._statuses else _CONTINUE_LABEL

    @property
    def graph_progress(self) -> Mapping[str, Any]:
        """The progress of each node of the graph that was rendered last."""
        return self._graph.build_progress()

    def render_csv(self, row_numbers: Iterable[int]) -> str:
        """Return rows of the table in this order as CSV; numbers of rows that do not exist are ignored."""
        numbers = (number for number in row_numbers if 0 <= number < len(self._rows))
        return render_table_csv(map(self._to_csv_row, numbers))

    def _to_csv_row(self, row_number: int) -> Sequence[str]:
        row = self._rows[row_number]
        differences = _format_differences(row, max_length=None)
        status = STATUS_WORDS.get(self._statuses[row_number], "pending")
        return [row.action, _get_kind(row), row.address, differences, row.origin, status]

    def render_details(self, row_number: int) -> str:
        """Return everything about one step as HTML; an empty text if there is no such row."""
        if not 0 <= row_number < len(self.plan.steps):
            return ""
        return _to_text(render_row_details_html(build_plan_row(self.plan.steps[row_number], requests=True)))

    def render_group_details(self, group_number: int) -> str:
        """Return the values of a group's rows as HTML; an empty text if there is no such group."""
        if not 0 <= group_number < len(self._groups):
            return ""
        return _to_text(render_group_rows_html(self._groups[group_number]))

    def render_graph(self, around: str) -> str:
        """Return the dependency graph, or the part around an address, as SVG, or an error as HTML.

        Statuses are then counted for the nodes of this graph.
        """
        if not isinstance(self.plan, DisplayedPlan):
            return _NO_GRAPH
        try:
            graph: DisplayedGraph = self.plan.graph.around(around) if around else self.plan.graph
        except ReconcilerError as error:
            return render_error(build_error_view(error))
        self._graph = LiveGraph(graph)
        for step, letter in zip(self.plan.steps, self._statuses, strict=True):
            if letter != _PENDING:
                self._graph.record(step.address, STATUS_WORDS[letter])
        return render_svg(graph.picture, selector=".reconciler")


def render_result(result: Result, retry_label: str) -> str:
    """Return the result of an apply as HTML.

    `retry_label` is the label of the button that continues a stopped apply.
    """
    view = build_result_view(result, max_outcomes=0)
    return _to_text(render_result_html(view, how_to_continue=f"press {retry_label}"))


def render_error(error: ErrorView) -> str:
    """Return an error as HTML."""
    return _to_text(render_error_html(error))


def _to_text(html: h.Renderable) -> str:
    """Return HTML as a plain text, because marimo does not send a `Markup` as a text."""
    return str.__str__(str(html))


def _format_cost(view: PlanView) -> str:
    calls = f"{pluralize(view.cost.total, 'call')}, {describe_minimum_time(view.cost)}"
    return join_facts((calls, describe_markers_and_unchanged(view), _count_warnings(view)))


def _count_warnings(view: PlanView) -> str:
    """Return how many warnings are below the changes; an empty text for none."""
    count = sum(note.level == "warning" for note in view.notes)
    return f"{pluralize(count, 'warning')} below" if count else ""


def _get_kind(row: PlanRow) -> str:
    return row.address.partition(".")[0]


def _format_differences(
    entry: PlanRow | RowGroup[PlanRow], max_length: int | None = _MAX_DIFFERENCE_LENGTH
) -> str:
    """Return the differences of an update or a replacement, or of a group of them."""
    action = entry.sample.action if isinstance(entry, RowGroup) else entry.action
    if action not in _ACTIONS_WITH_DIFFERENCES:
        return ""
    text = ", ".join(_format_difference(line, max_length) for line in entry.fields)
    return text if max_length is None else truncate(text, max_length)


def _format_difference(line: FieldLine, max_length: int | None) -> str:
    """Return a field with its values, or with the parts of long ones around their first difference."""
    if line.added or line.removed:
        items = [f"+ {item.text}" for item in line.added] + [f"- {item.text}" for item in line.removed]
        return f"{line.path} {' '.join(items)}"
    if not line.before and line.after and line.sign == "~":  # the values of a group
        return f"{line.path} {line.after.text}"
    before, after = (value.text if value else "-" for value in (line.before, line.after))
    if max_length is not None:
        before, after = truncate_pair(before, after, max_length // 3)
    return f"{line.path} {before} → {after}"
