"""Views as Markdown for GitHub's comments and step summaries, the riskiest changes first.

Text from a file or the registry appears only in code spans and code blocks, where no link or mention has an effect; in the
hidden first line, the special characters of the workspace's name are replaced.
Source of the limit: a comment's body is at most 65,536 characters, according to the API's response to a longer one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rich.text import Text

from reconciler.model.change import ACTIONS_BY_RISK
from reconciler.render.markdown_parts import (
    count_bytes,
    format_code_span,
    format_hidden_line,
    render_lines,
)
from reconciler.render.markdown_rows import FRAME_BYTES, render_rows
from reconciler.render.text.drift import render_drift_group, render_drift_row
from reconciler.render.text.plan import render_note, render_plan_group, render_plan_row
from reconciler.render.text.result import render_result_text
from reconciler.render.views.drift import DIRECTION_LABELS, DriftRow, DriftView, format_unchanged_count
from reconciler.render.views.grouping import RowGroup
from reconciler.render.views.labels import format_counts, join_facts, pluralize
from reconciler.render.views.note_groups import group_notes
from reconciler.render.views.plan import (
    NoteView,
    PlanRow,
    PlanView,
    describe_minimum_time,
    describe_no_changes,
)
from reconciler.render.views.result import ResultView

MAX_COMMENT_BYTES = 65_536
"""GitHub limits a comment to this many characters; a text never has fewer bytes than characters."""

_WIDTH = 110
"""The width, in characters, that changes are laid out for."""


def _format_workspace(view: PlanView | ResultView | DriftView) -> str:
    workspace = format_code_span(view.workspace)
    return f"{workspace} in {format_code_span(view.environment)}" if view.environment else workspace


def render_plan_markdown(view: PlanView, limit: int = MAX_COMMENT_BYTES, *, full: bool = False) -> str:
    """Render a plan in at most `limit` bytes; with `full`, alike changes are not grouped."""
    facts = [format_code_span(view.target), f"plan {format_code_span(view.digest)}"]
    if view.total:
        calls = f"{pluralize(view.cost.total, 'API call')}, {describe_minimum_time(view.cost)}"
        facts += [calls, f"{view.unchanged:,} unchanged"]
    head = [
        format_hidden_line("plan", view.workspace, view.environment),
        f"### Plan for {_format_workspace(view)}: {format_counts(view.counts) or 'no changes'}",
        "",
        join_facts(facts),
        "",
        *(f"- {format_code_span(source)}" for source in view.sources),
        *([""] if view.sources else []),
    ]
    if not view.total:
        head.append(describe_no_changes(view))
    start = "\n".join(head) + "\n"
    changes, notes = render_plan_changes(view, limit - count_bytes(start), full=full)
    return "\n".join(filter(None, (start + changes, notes)))


def render_plan_changes(view: PlanView, limit: int, *, full: bool = False) -> tuple[str, str]:
    """Render the changes and the notes of a plan in at most `limit` bytes."""
    # Notes take at most a quarter of the room, so that the rest is left for changes.
    notes = _render_notes(group_notes(view.notes, full=full), limit // 4)
    limit -= count_bytes(notes) + 1
    render_entry = partial(_render_plan_entry, full=full)

    def describe_part(action: str, count: int) -> str:
        return format_counts({action: count})

    return render_rows(view.sections, ACTIONS_BY_RISK, limit, render_entry, describe_part, full=full), notes


def render_result_markdown(view: ResultView, limit: int = MAX_COMMENT_BYTES) -> str:
    """Render a result in at most `limit` bytes: what was not applied, and why."""
    *details, summary = [line.plain for line in render_result_text(view)]
    head = [
        format_hidden_line("apply", view.workspace, view.environment),
        f"### Apply of {_format_workspace(view)}: {'complete' if view.ok else 'incomplete'}",
        "",
        summary,
        "",
    ]
    start = "\n".join(head)
    return f"{start}\n" + render_lines(details, limit - count_bytes(start) - FRAME_BYTES)


def render_drift_markdown(view: DriftView, limit: int = MAX_COMMENT_BYTES, *, full: bool = False) -> str:
    """Render a drift in at most `limit` bytes; with `full`, alike resources are not grouped."""
    counts = [_describe_drift_part(direction, count) for direction, count in view.counts.items() if count]
    head = [
        format_hidden_line("drift", view.workspace, view.environment),
        f"### Drift of {_format_workspace(view)}: {', '.join(counts) or 'none'}",
        "",
        join_facts((format_code_span(view.target), format_unchanged_count(view))),
        "",
    ]
    if view.last_apply:
        head += [format_code_span(view.last_apply), ""]
    start = "\n".join(head) + "\n"
    resources, notes = render_drifted_resources(view, limit - count_bytes(start), full=full)
    return "\n".join(filter(None, (start + resources, notes)))


def render_drifted_resources(view: DriftView, limit: int, *, full: bool = False) -> tuple[str, str]:
    """Render the resources and the notes of a drift in at most `limit` bytes."""
    note_lines = [f"! cannot list {problem}" for problem in view.unlisted]
    note_lines += [f"! {note}" for note in view.trail_notes]
    note_lines += [f"· {line}" for line in view.edges]
    note_lines += [f"? unmanaged: {note}" for note in view.notes]
    note_lines += [f"· {view.kept_orphans}"] if view.kept_orphans else []
    # Notes take at most a quarter of the room, so that the rest is left for resources.
    notes = render_lines(note_lines, limit // 4)
    limit -= count_bytes(notes) + 1
    render_entry = partial(_render_drift_entry, full=full)
    directions = list(view.counts)
    resources = render_rows(view.sections, directions, limit, render_entry, _describe_drift_part, full=full)
    return resources, notes


def _describe_drift_part(direction: str, count: int) -> str:
    return f"{count:,} {DIRECTION_LABELS[direction]}"


def render_markdown(view: PlanView | DriftView, *, full: bool = False) -> str:
    """Render a plan or a drift: alike rows as groups or, with `full`, one by one."""
    return (
        render_drift_markdown(view, full=full)
        if isinstance(view, DriftView)
        else render_plan_markdown(view, full=full)
    )


def _render_plan_entry(entry: PlanRow | RowGroup[PlanRow], *, full: bool) -> Iterator[Text]:
    if isinstance(entry, PlanRow):
        return render_plan_row(entry, address_width=0, width=_WIDTH, full=full)
    return render_plan_group(entry, _WIDTH)


def _render_drift_entry(entry: DriftRow | RowGroup[DriftRow], *, full: bool) -> Iterator[Text]:
    if isinstance(entry, DriftRow):
        return render_drift_row(entry, address_width=0, width=_WIDTH, full=full)
    return render_drift_group(entry, _WIDTH)


def _render_notes(notes: Sequence[NoteView], limit: int) -> str:
    """Render notes in a block of their own, warnings first."""
    if not notes:
        return ""
    sorted_notes = sorted(notes, key=lambda note: note.level != "warning")
    return render_lines([render_note(note).plain.strip() for note in sorted_notes], limit)
