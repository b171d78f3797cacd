"""The result of an apply, and messages about runs, as text."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from reconciler.model.run import Run
from reconciler.model.text import escape_invisible, format_time
from reconciler.render.text.colors import COLORS, OUTCOME_STYLES, QUIET
from reconciler.render.text.parts import render_severity, render_value
from reconciler.render.views.failure_groups import group_failures, group_skipped
from reconciler.render.views.labels import OUTCOME_GLYPHS, format_duration, pluralize
from reconciler.render.views.result import (
    FailureView,
    OutcomeView,
    ResultView,
    StaleFieldView,
    summarize_result,
)


def render_outcome_line(view: OutcomeView, address_width: int) -> Text:
    """Render one outcome in a line."""
    is_applied = view.status == "applied"
    label = "" if is_applied else view.status
    details = ": ".join(part for part in (label, view.details) if part)
    return Text.assemble(
        (f"{view.glyph} ", OUTCOME_STYLES[view.status]),
        (f"{view.action:<7} ", COLORS[view.action]),
        view.address.ljust(address_width),
        (f"  {details}", QUIET if is_applied else OUTCOME_STYLES[view.status]),
    )


def render_result_text(view: ResultView) -> Iterator[Text]:
    """Render a result: what was not applied and why, what to do next, and a summary."""
    yield from render_unfinished_steps(view)
    yield render_result_summary(view)


def render_unfinished_steps(view: ResultView) -> Iterator[Text]:
    """Render the failed steps, their errors and what to do next; count skipped and canceled steps.

    Alike failures are one.
    """
    for failure in group_failures(view.failures):
        yield from _render_failure(failure)
        yield Text()
    for address, count in group_skipped(view.skipped):
        head = Text(f"{OUTCOME_GLYPHS['skipped']} {count:,} skipped", OUTCOME_STYLES["skipped"])
        yield Text.assemble(head, f" because {address} failed")
    canceled = view.counts["canceled"]
    if canceled:
        head = Text(f"{OUTCOME_GLYPHS['canceled']} {canceled:,} canceled", OUTCOME_STYLES["canceled"])
        yield Text.assemble(head, " because the run was stopped; run apply again to continue")
    if view.skipped or canceled:
        yield Text()


def render_result_summary(view: ResultView) -> Text:
    """Render a result in one line."""
    summary = summarize_result(view)
    style = f"bold {COLORS['applied']}" if view.ok else OUTCOME_STYLES["failed"]
    return Text.assemble((f"{OUTCOME_GLYPHS[summary.status]} {summary.title}", style), summary.details)


def render_rotation_complete(device_count: int, wave_count: int, seconds: float) -> Text:
    """Render the summary of a complete rotation."""
    head = Text(f"{OUTCOME_GLYPHS['applied']} Rotation complete", f"bold {COLORS['applied']}")
    counts = f"{pluralize(device_count, 'device')} with a new certificate, in {pluralize(wave_count, 'wave')}"
    return Text.assemble(head, f" in {format_duration(seconds)}: {counts}.")


def render_rotation_stopped(wave_title: str, rotated_count: int, device_count: int, later_count: int) -> Text:
    """Render the summary of a rotation that stopped in a wave.

    `rotated_count` of all `device_count` devices have their new certificate; `later_count` devices are in later waves.
    """
    head = Text(f"{OUTCOME_GLYPHS['failed']} Rotation stopped in {wave_title}", OUTCOME_STYLES["failed"])
    counts = f": {rotated_count:,} of {pluralize(device_count, 'device')} with a new certificate"
    later = f", {later_count:,} in later waves unchanged" if later_count else ""
    next_step = " Fix the cause; `reconciler plan` then shows the remaining changes."
    return Text.assemble(head, f"{counts}{later}.{next_step}")


def render_journal_warning(problem: str) -> Text:
    """Render the warning that the journal has no record, or an incomplete record, of this run."""
    text = f" the history of this run is missing or incomplete: {escape_invisible(problem)}"
    return Text.assemble(render_severity("warning"), text)


def render_crash_warning(run: Run) -> Text:
    """Render the warning that the last run, `run`, did not finish."""
    calls = pluralize(run.call_count, "call")
    if run.unanswered_call_count:
        calls += f", {run.unanswered_call_count:,} of them without a response"
    run_id, user = escape_invisible(run.id), escape_invisible(str(run.process))
    text = (
        f" run {run_id} by {user}, started {format_time(run.started_at)}, did not finish "
        f"(crashed or killed) after {calls}; this plan starts from the live state"
    )
    return Text.assemble(render_severity("warning"), text)


def render_remaining_changes(count: int) -> Text:
    """Render how many changes of the plan this run does not make; a later apply can make them."""
    verb = "remains" if count == 1 else "remain"
    return Text(f"{pluralize(count, 'other change')} {verb} for `reconciler apply`.", QUIET)


def _render_failure(failure: FailureView) -> Iterator[Text]:
    head = Text(f"{OUTCOME_GLYPHS['failed']} failed  ", OUTCOME_STYLES["failed"])
    yield Text.assemble(head, (failure.description, "bold"))
    code = f"{failure.code}: " if failure.code else ""
    yield Text.assemble("    error      ", (code, "bold"), failure.message)
    for field in failure.stale_fields:
        yield from _render_stale_field(field)
    if failure.request_id:
        yield Text(f"    request    {failure.request_id}", QUIET)
    if failure.next_step:
        yield Text(f"    next step  {failure.next_step}")


def _render_stale_field(field: StaleFieldView) -> Iterator[Text]:
    yield Text(f"    {field.path}")
    sides = (("at plan time", field.at_plan_time), ("planned", field.planned), ("live", field.live))
    for label, value in sides:
        yield Text.assemble(f"      {label:<12}  ", render_value(value))
