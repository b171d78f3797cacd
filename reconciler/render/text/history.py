"""The journal as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from reconciler.render.text.plan import COLORS
from reconciler.render.text.result import OUTCOME_STYLES
from reconciler.render.views.history import CallRow, RunRow, RunView, StepRow
from reconciler.render.views.plan import pluralize

_STYLES: Mapping[str, str] = {
    **OUTCOME_STYLES,
    "running": COLORS["update"],
    "started": COLORS["update"],
    "stopped": OUTCOME_STYLES["cancelled"],
    "crashed": OUTCOME_STYLES["failed"],
    "unknown": OUTCOME_STYLES["failed"],
    "lost": OUTCOME_STYLES["failed"],
    "refused": OUTCOME_STYLES["failed"],
}
NO_RUNS = "No run yet: `reconciler apply` makes the first."


def render_history_text(rows: Sequence[RunRow]) -> Iterator[Text]:
    """A table of runs; the workspace is told where there are several."""
    if not rows:
        yield Text(NO_RUNS, "bold")
        return
    several = len({row.workspace for row in rows}) > 1
    heads = ("run", "begun (UTC)", "by", "command", "status", "file", "steps")
    cells = [
        (
            row.id,
            row.started_at,
            row.user,
            f"{row.command} {row.workspace}" if several else row.command,
            f"{row.glyph} {row.status}",
            row.file,
            format_state_counts(row.counts),
        )
        for row in rows
    ]
    widths = [max(len(line[place]) for line in [heads, *cells]) for place in range(len(heads))]
    yield _line(heads, widths, ["bold underline"] * len(heads))
    for row, line in zip(rows, cells, strict=True):
        yield _line(line, widths, ["bold", "", "", "", _STYLES.get(row.status, ""), "dim", ""])


def render_run_text(view: RunView) -> Iterator[Text]:
    """One run: who and what, then its steps with their calls."""
    run = view.run
    yield Text.assemble(
        ("Run ", ""), (run.id, "bold"), "  ", (f"{run.glyph} {run.status}", _STYLES.get(run.status, ""))
    )
    yield Text(f"{run.target} · {run.command} of {run.workspace} · plan {run.plan} · file {run.file}", "dim")
    yield Text(f"by {run.user}, process {run.process}{f', {run.job}' if run.job else ''}", "dim")
    yield Text(f"begun {run.started_at} UTC{f', took {run.duration}' if run.duration else ''}", "dim")
    if view.steps:
        yield Text()
    room = min(48, max((len(step.address) for step in view.steps), default=0))
    for step in view.steps:
        yield from _step(step, room)
    if view.other_calls:
        yield Text()
        for call in view.other_calls:
            yield _call(call)
    yield Text()
    unanswered = f", {run.unanswered:,} without an answer" if run.unanswered else ""
    yield Text.assemble(
        ("Summary  ", "bold"),
        f"{format_state_counts(run.counts)} · {pluralize(run.calls, 'call')}{unanswered}",
    )


def format_state_counts(counts: Mapping[str, int]) -> str:
    """`6 applied, 1 failed`."""
    return ", ".join(f"{count:,} {state}" for state, count in counts.items()) or "nothing to do"


def _step(step: StepRow, room: int) -> Iterator[Text]:
    about = "" if step.state == "applied" else step.state
    yield Text.assemble(
        (f"{step.glyph} ", _STYLES.get(step.state, "")),
        (f"{step.action:<7} ", COLORS.get(step.action, "")),
        (step.address.ljust(room), "bold"),
        (f"  {step.duration}" if step.duration else "", "dim"),
        (f"  {about}" if about else "", _STYLES.get(step.state, "")),
    )
    for call in step.calls:
        yield _call(call)
    if step.error:
        yield Text(f"    {step.error}")


def _call(call: CallRow) -> Text:
    result = call.state + (f" {call.code}" if call.code else "")
    told = [call.parameters, call.duration, result, call.request_id]
    return Text.assemble(
        (f"    {call.number:>4}  {call.started_at}  ", "dim"),
        f"{call.name}  ",
        ("  ".join(part for part in told if part), _STYLES.get(call.state, "dim")),
    )


def _line(cells: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> Text:
    line = Text()
    for cell, width, style in zip(cells, widths, styles, strict=True):
        line.append(cell, style)
        line.append(" " * (width - len(cell) + 2))
    line.rstrip()
    return line
