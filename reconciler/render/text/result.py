"""Results, comparisons and mistakes as text; plans are in `text`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from reconciler.model.run import Run
from reconciler.model.text import visible
from reconciler.render.text.plan import COLORS, render_severity, render_value
from reconciler.render.views.plan import format_duration, pluralize
from reconciler.render.views.result import (
    OUTCOME_GLYPHS,
    FailureView,
    OutcomeView,
    ResultView,
    summarize_result,
)

OUTCOME_STYLES: Mapping[str, str] = {
    "applied": COLORS["applied"],
    "waiting": "dim",
    "failed": f"bold {COLORS['error']}",
    "skipped": COLORS["warning"],
    "cancelled": COLORS["warning"],
}
"""How the word for what became of a step looks."""


def render_outcome_line(view: OutcomeView, room: int) -> Text:
    """One outcome in a line; `room` is how wide addresses are."""
    word = "" if view.status == "applied" else f"{view.status}: " if view.details else view.status
    return Text.assemble(
        (f"{view.glyph} ", OUTCOME_STYLES[view.status]),
        (f"{view.action:<7} ", COLORS[view.action]),
        view.address.ljust(room),
        (f"  {word}{view.details}", "dim" if view.status == "applied" else OUTCOME_STYLES[view.status]),
    )


def render_result_text(view: ResultView) -> Iterator[Text]:
    """What was done, what was not and why, and what to do next."""
    yield from render_unfinished_steps(view)
    yield render_result_summary(view)


def render_unfinished_steps(view: ResultView) -> Iterator[Text]:
    """What was not done and why, and what to do next."""
    for failure in view.failures:
        yield from _failure(failure)
        yield Text()
    for address, count in view.skipped:
        yield Text.assemble(
            (f"{OUTCOME_GLYPHS['skipped']} {count:,} skipped", OUTCOME_STYLES["skipped"]),
            f" because {address} failed",
        )
    if view.counts["cancelled"]:
        steps = pluralize(view.counts["cancelled"], "step")
        about = " not begun, because the run was stopped; apply again to go on"
        yield Text.assemble((f"{OUTCOME_GLYPHS['cancelled']} {steps}", OUTCOME_STYLES["cancelled"]), about)
    if view.skipped or view.counts["cancelled"]:
        yield Text()


def render_rotation_complete(devices: int, waves: int, took: float) -> Text:
    """A rotation that went well."""
    told = f": {pluralize(devices, 'device')} with a new certificate, in {pluralize(waves, 'wave')}."
    return Text.assemble(
        (f"{OUTCOME_GLYPHS['applied']} Rotated", f"bold {COLORS['applied']}"),
        f" in {format_duration(took)}{told}",
    )


def render_rotation_stopped(where: str, done: int, devices: int, later: int) -> Text:
    """A rotation that did not: how far it came, and what that leaves."""
    told = f": {done:,} of {pluralize(devices, 'device')} with a new certificate"
    kept = f", {later:,} of later waves not touched" if later else ""
    left = " Once the cause is gone, `reconciler plan` shows what is left."
    return Text.assemble(
        (f"{OUTCOME_GLYPHS['failed']} Stopped in {where}", OUTCOME_STYLES["failed"]), f"{told}{kept}.{left}"
    )


def render_journal_warning(why: str) -> Text:
    """The journal does not tell all of a run."""
    return Text.assemble(
        render_severity("warning"), f" this run is not in the history, or not all of it: {visible(why)}"
    )


def render_crash_warning(run: Run) -> Text:
    """The run before ended without a word."""
    sent = pluralize(run.call_count, "call") + (
        f", {run.unanswered_call_count:,} of them unanswered" if run.unanswered_call_count else ""
    )
    told = f" the run {visible(run.id)} of {visible(str(run.process))} at {run.started_at:%Y-%m-%d %H:%M:%S} UTC ended without a word"
    return Text.assemble(
        render_severity("warning"), f"{told} after {sent}; this plan goes on from what the registry has"
    )


def render_remaining_changes(count: int) -> Text:
    """What a part of a plan leaves."""
    verb = "is" if count == 1 else "are"
    return Text(f"{pluralize(count, 'other change')} of the plan {verb} left for `reconciler apply`.", "dim")


def _failure(failure: FailureView) -> Iterator[Text]:
    yield Text.assemble(
        (f"{OUTCOME_GLYPHS['failed']} failed  ", OUTCOME_STYLES["failed"]), (failure.operation, "bold")
    )
    code = f"{failure.code}: " if failure.code else ""
    yield Text.assemble("    answer   ", (code, "bold"), failure.message)
    for moved in failure.stale_fields:
        yield Text(f"    {moved.path}")
        for word, side in (("seen", moved.at_plan_time), ("planned", moved.planned), ("live", moved.live)):
            yield Text.assemble(f"      {word:<8} ", render_value(side))
    if failure.request_id:
        yield Text(f"    request  {failure.request_id}", "dim")
    yield Text(f"    next     {failure.next_step}")


def render_result_summary(view: ResultView) -> Text:
    """The result in one line."""
    end, first, rest = summarize_result(view)
    style = f"bold {COLORS['applied']}" if view.ok else OUTCOME_STYLES["failed"]
    return Text.assemble((f"{OUTCOME_GLYPHS[end]} {first}", style), rest)
