"""The journal as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from reconciler.render.text.colors import COLORS, OUTCOME_STYLES, QUIET
from reconciler.render.text.parts import render_severity
from reconciler.render.views.history import (
    NO_RUNS,
    CallRow,
    HistoryView,
    RolloutHistoryView,
    RunRow,
    RunView,
    StepRow,
    describe_call_status,
    describe_run,
    format_steps,
    summarize_run,
)
from reconciler.render.views.labels import format_workspace

_STATUS_STYLES: Mapping[str, str] = {
    **OUTCOME_STYLES,
    "running": COLORS["update"],
    "started": COLORS["update"],
    "stopped": OUTCOME_STYLES["canceled"],
    "crashed": OUTCOME_STYLES["failed"],
    "unknown": OUTCOME_STYLES["failed"],
    "no response": OUTCOME_STYLES["failed"],
    "rejected": OUTCOME_STYLES["failed"],
}
"""The styles of the statuses of runs, steps and calls."""

_HEADINGS = ("run", "started (UTC)", "by", "command", "status", "file digest", "steps")
_COLUMN_GAP = 2
_MAX_ADDRESS_WIDTH = 48
"""Addresses are padded to the width of the longest one, but not beyond this number of characters."""


def render_history_text(view: HistoryView, width: int) -> Iterator[Text]:
    """Render a table of runs.

    The column of the file's digest is left out if the table would be wider than `width`. If the runs are of several workspaces or
    environments, the column of the command also has these.
    """
    if not view.rows:
        yield Text(NO_RUNS, "bold")
        return
    has_several_workspaces = len({(row.workspace, row.environment) for row in view.rows}) > 1
    table = [_HEADINGS, *(_list_cells(row, with_workspace=has_several_workspaces) for row in view.rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if sum(widths) + _COLUMN_GAP * (len(widths) - 1) > width:
        widths[_HEADINGS.index("file digest")] = 0  # leaves out the column
    yield _render_table_line(_HEADINGS, widths, ["bold underline"] * len(_HEADINGS))
    for row, cells in zip(view.rows, table[1:], strict=True):
        styles = ["bold", "", "", "", _STATUS_STYLES.get(row.status, ""), QUIET, ""]
        yield _render_table_line(cells, widths, styles)
    if view.problem:
        yield Text()
        yield _render_problem(view.problem)


def render_rollout_history_text(view: RolloutHistoryView, width: int) -> Iterator[Text]:
    """Render a table for each environment, and the names of those without runs."""
    for environment in view.environments_with_runs:
        yield Text.assemble(
            (environment.name, "bold"), (f"  {environment.workspace} · {environment.target}", QUIET)
        )
        yield from render_history_text(environment.history, width)
        yield Text()
    if view.names_without_runs:
        yield Text(f"No runs in {view.names_without_runs}", QUIET)
    if view.problem:
        yield _render_problem(view.problem)


def render_run_text(view: RunView) -> Iterator[Text]:
    """Render one run: what it applies and by whom, its steps, all calls, and a summary."""
    run = view.run
    status = Text(f"{run.glyph} {run.status}", _STATUS_STYLES.get(run.status, ""))
    yield Text.assemble("Run ", (run.id, "bold"), "  ", status)
    for line in describe_run(run):
        yield Text(line, QUIET)
    if view.steps:
        yield Text()
    address_width = max((len(step.address) for step in view.steps), default=0)
    for step in view.steps:
        yield from _render_step(step, min(address_width, _MAX_ADDRESS_WIDTH))
    if view.other_calls:
        yield Text()
        yield from map(_render_call, view.other_calls)
    yield Text()
    yield Text.assemble(("Summary  ", "bold"), summarize_run(run))


def _render_problem(problem: str) -> Text:
    return Text.assemble(render_severity("warning"), " some runs cannot be read in full: ", problem)


def _render_step(step: StepRow, address_width: int) -> Iterator[Text]:
    style = _STATUS_STYLES.get(step.status, "")
    status = "" if step.status == "applied" else step.status
    yield Text.assemble(
        (f"{step.glyph} ", style),
        (f"{step.action:<7} ", COLORS.get(step.action, "")),
        (step.address.ljust(address_width), "bold"),
        (f"  {step.duration}" if step.duration else "", QUIET),
        (f"  {status}" if status else "", style),
    )
    yield from map(_render_call, step.calls)
    if step.error:
        yield Text(f"    {step.error}")


def _render_call(call: CallRow) -> Text:
    details = (call.parameters, call.duration, describe_call_status(call), call.request_id)
    return Text.assemble(
        (f"    {call.number:>4}  {call.started_at}  ", QUIET),
        f"{call.name}  ",
        ("  ".join(detail for detail in details if detail), _STATUS_STYLES.get(call.status, QUIET)),
    )


def _list_cells(row: RunRow, *, with_workspace: bool) -> tuple[str, ...]:
    workspace = format_workspace(row.workspace, row.environment)
    command = f"{row.command} {workspace}" if with_workspace else row.command
    status = f"{row.glyph} {row.status}"
    return row.id, row.started_at, row.user, command, status, row.file_digest, format_steps(row)


def _render_table_line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> Text:
    """Render one line of a table, without the columns of width 0."""
    line = Text()
    for cell, width, style in zip(cells, widths, styles, strict=True):
        if width:
            line.append(cell, style)
            line.append(" " * (width - len(cell) + _COLUMN_GAP))
    line.rstrip()
    return line
