"""The journal as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from reconciler.render.text.parts import COLORS, OUTCOME_STYLES, QUIET
from reconciler.render.views.history import (
    NO_RUNS,
    CallRow,
    HistoryView,
    RunView,
    StepRow,
    describe_call_status,
    describe_run,
    format_steps,
    summarize_run,
)
from reconciler.render.views.labels import format_status

_STATUS_STYLES: Mapping[str, str] = {
    **OUTCOME_STYLES,
    "running": COLORS["update"],
    "started": COLORS["update"],
    "stopped": OUTCOME_STYLES["cancelled"],
    "crashed": OUTCOME_STYLES["failed"],
    "unknown": OUTCOME_STYLES["failed"],
    "lost": OUTCOME_STYLES["failed"],
    "refused": OUTCOME_STYLES["failed"],
}
_HEADINGS = ("run", "started (UTC)", "by", "command", "status", "file", "steps")
_MAX_ALIGNED_ADDRESS = 48


def render_history_text(view: HistoryView) -> Iterator[Text]:
    """Render a table of runs; the workspace is named where there are several."""
    if not view.rows:
        yield Text(NO_RUNS, "bold")
        return
    has_several_workspaces = len({row.workspace for row in view.rows}) > 1
    table = [
        (
            row.id,
            row.started_at,
            row.user,
            f"{row.command} {row.workspace}" if has_several_workspaces else row.command,
            f"{row.glyph} {row.status}",
            row.file,
            format_steps(row),
        )
        for row in view.rows
    ]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *table, strict=True)]
    yield _render_table_line(_HEADINGS, widths, ["bold underline"] * len(_HEADINGS))
    for row, cells in zip(view.rows, table, strict=True):
        styles = ["bold", "", "", "", _STATUS_STYLES.get(row.status, ""), QUIET, ""]
        yield _render_table_line(cells, widths, styles)


def render_run_text(view: RunView) -> Iterator[Text]:
    """Render one run: who applied what, then its steps with their calls."""
    run = view.run
    status = Text(f"{run.glyph} {run.status}", _STATUS_STYLES.get(run.status, ""))
    yield Text.assemble("Run ", (run.id, "bold"), "  ", status)
    for line in describe_run(run):
        yield Text(line, QUIET)
    if view.steps:
        yield Text()
    address_width = max((len(step.address) for step in view.steps), default=0)
    for step in view.steps:
        yield from _render_step(step, min(address_width, _MAX_ALIGNED_ADDRESS))
    if view.other_calls:
        yield Text()
        yield from map(_render_call, view.other_calls)
    yield Text()
    yield Text.assemble(("Summary  ", "bold"), summarize_run(run))


def _render_step(step: StepRow, address_width: int) -> Iterator[Text]:
    style = _STATUS_STYLES.get(step.status, "")
    status = "" if step.status == "applied" else format_status(step.status)
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


def _render_table_line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> Text:
    line = Text()
    for cell, width, style in zip(cells, widths, styles, strict=True):
        line.append(cell, style)
        line.append(" " * (width - len(cell) + 2))
    line.rstrip()
    return line
