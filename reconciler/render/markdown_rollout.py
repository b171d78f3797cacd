"""A rollout as Markdown, for comments on pull requests and step summaries.

Invariant: the details of groups are folded, but what an approval must not miss is not: deletions, replacements and warnings are listed
with their environments before the fold, as are the environments with problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.render.markdown import MAX_COMMENT_BYTES, render_drifted_resources, render_plan_changes
from reconciler.render.markdown_parts import count_bytes, format_code_span, format_hidden_line, render_lines
from reconciler.render.text.rollout import render_environment_line
from reconciler.render.views.labels import format_counts, format_duration, join_facts, pluralize
from reconciler.render.views.rollout import (
    EnvironmentGroup,
    EnvironmentRow,
    RolloutView,
    describe_changes,
    describe_group,
    describe_rollout_cost,
    describe_similarity,
    format_direction_counts,
    list_dangers,
    list_names,
    summarize_rollout,
)

_HEADINGS = ("Environments", "Status", "Changes", "Calls", "Least time", "Warnings")
_ALIGNMENTS = ("---", "---", "---", "--:", "--:", "--:")
_RESULT_COLUMNS = 3
"""The columns of results and of drift, which have no calls to approve."""

_MAX_TABLE_ROWS = 20
"""The most groups that the table lists; more are only counted."""

_MAX_DANGERS = 40
"""The most dangers that are listed; more are only counted."""

_FRAME_BYTES = 400
"""The fold around the details of a group has at most this many bytes, without its names."""

_PARTS = 4
"""The parts of the room of which dangers, and problems, take at most one each."""


def render_rollout_markdown(view: RolloutView, limit: int = MAX_COMMENT_BYTES, *, full: bool = False) -> str:
    """Render a rollout of any command in at most `limit` bytes.

    With `full`, alike changes inside an environment are not grouped.
    """
    head = [
        format_hidden_line(f"rollout-{view.command}", view.file),
        f"### {_format_title(view)}",
        "",
        join_facts(_list_facts(view)),
        "",
    ]
    parts = ["\n".join(head), "\n".join(_render_table(view))]
    room = limit - sum(map(count_bytes, parts)) - _FRAME_BYTES
    parts.append(_render_dangers(view, room // _PARTS))
    parts.append(_render_problems(view.problems, room // _PARTS))
    room = limit - sum(map(count_bytes, parts)) - _FRAME_BYTES
    parts += _render_details(view, room, full=full)
    return "\n".join(filter(None, parts)).rstrip("\n") + "\n"


def _format_title(view: RolloutView) -> str:
    environments = f"{pluralize(view.total, 'environment')} of {format_code_span(view.file)}"
    match view.command:
        case "plan":
            return f"Plan for {environments}: {format_counts(view.counts) or 'no changes'}"
        case "drift":
            return f"Drift of {environments}: {format_direction_counts(view.counts) or 'none'}"
        case command:
            return f"{command.capitalize()} of {environments}: {'complete' if view.ok else 'incomplete'}"


def _list_facts(view: RolloutView) -> Sequence[str]:
    if view.command not in {"plan", "drift"}:
        return [summarize_rollout(view)]
    digest = f"plan {format_code_span(view.digest)}" if view.digest else ""
    return [digest, describe_similarity(view), describe_rollout_cost(view), view.edges]


def _render_table(view: RolloutView) -> Iterator[str]:
    """Yield a table of the groups of alike environments, and of the others by status."""
    if not view.rows:
        return
    columns = len(_HEADINGS) if view.command == "plan" else _RESULT_COLUMNS
    yield f"| {' | '.join(_HEADINGS[:columns])} |"
    yield f"| {' | '.join(_ALIGNMENTS[:columns])} |"
    for cells in _list_cells(view):
        padded = [*cells, *[""] * columns][:columns]
        yield f"| {' | '.join(padded)} |"
    yield ""


def _list_cells(view: RolloutView) -> Iterator[Sequence[str]]:
    for group in view.groups[:_MAX_TABLE_ROWS]:
        sample = group.sample
        each = " each" if len(group.rows) > 1 else ""
        yield (
            _format_rows(group.rows),
            sample.status,
            describe_changes(group),
            f"{sample.calls:,}{each}",
            f"{format_duration(max(row.seconds for row in group.rows))}{each}",
            f"{max(row.warnings for row in group.rows):,}",
        )
    omitted = view.groups[_MAX_TABLE_ROWS:]
    if omitted:
        count = sum(len(group.rows) for group in omitted)
        yield f"**{count:,} more** in {pluralize(len(omitted), 'group')}", "", "see below"
    for status, rows in (("applied", view.applied), ("unchanged", view.unchanged)):
        if rows:
            yield _format_rows(rows), status
    for group in view.problems[:_MAX_TABLE_ROWS]:
        yield _format_rows(group.rows), f"**{group.sample.status}**", "see below"


def _format_rows(rows: Sequence[EnvironmentRow]) -> str:
    """Format environments for a cell of a table: a name, or the number of several with the first."""
    name = format_code_span(rows[0].name).replace("|", "\\|")
    return name if len(rows) == 1 else f"{len(rows):,} like {name}"


def _render_dangers(view: RolloutView, limit: int) -> str:
    """Render the deletions, replacements and warnings of all groups."""
    dangers = list_dangers(view)
    if not dangers:
        return ""
    lines = [f"{environments}: {danger}" for environments, danger in dangers]
    kept = lines[:_MAX_DANGERS]
    if len(lines) > len(kept):
        kept.append(f"… and {len(lines) - len(kept):,} more")
    return f"**Deletions, replacements and warnings**\n\n{render_lines(kept, limit)}"


def _render_problems(problems: Sequence[EnvironmentGroup], limit: int) -> str:
    """Render the environments with problems, and their errors."""
    if not problems:
        return ""
    lines: list[str] = []
    for group in problems:
        lines.append(f"{group.sample.glyph} {group.sample.status}: {list_names(group.names)}")
        lines += [f"    {line}" for line in group.sample.message]
    count = sum(len(group.rows) for group in problems)
    return f"**{pluralize(count, 'environment')} with problems**\n\n{render_lines(lines, limit)}"


def _render_details(view: RolloutView, room: int, *, full: bool) -> Iterator[str]:
    """Yield the details of each group, folded; each group has an equal part of the room that is left."""
    if view.applied:
        width = max(len(row.name) for row in view.applied)
        lines = [render_environment_line(row, width).plain for row in view.applied]
        yield _fold(f"{pluralize(len(lines), 'environment')} applied", render_lines(lines, room))
    for number, group in enumerate(view.groups):
        groups_left = len(view.groups) - number
        limit = room // groups_left
        text = _render_group(group, limit, full=full)
        if count_bytes(text) > limit:
            yield f"**… and the details of {pluralize(groups_left, 'more group')}**\n"
            return
        room -= count_bytes(text)
        yield text


def _render_group(group: EnvironmentGroup, limit: int, *, full: bool) -> str:
    sample = group.sample
    names = render_lines([list_names(group.names, full=True)], limit // _PARTS)
    facts = join_facts(map(format_code_span, filter(None, (sample.workspace, sample.target, sample.digest))))
    start = f"{names}\n" if len(group.rows) > 1 else f"{facts}\n\n"
    room = limit - count_bytes(start) - _FRAME_BYTES
    details: Sequence[str] = ()
    if group.plan:
        details = render_plan_changes(group.plan, room, full=full)
    elif group.drift:
        details = render_drifted_resources(group.drift, room, full=full)
    return _fold(f"{group.title}: {describe_group(group)}", start + "\n".join(filter(None, details)))


def _fold(title: str, content: str) -> str:
    """Return content that a reader unfolds; the title is text, and must not be read as HTML."""
    escaped = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<details><summary><b>{escaped}</b></summary>\n\n{content}\n</details>\n"
