"""Views as Markdown for GitHub's comments and step summaries, the riskiest changes first.

Text from a file or the registry appears only in code spans and code blocks, where no link or mention has an effect; in the
hidden first line, the special characters of the workspace's name are replaced.
Source of the limit: a comment's body is at most 65,536 characters, according to the API's response to a longer one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from attrs import frozen
from rich.text import Text

from reconciler.model.change import ACTIONS_BY_RISK
from reconciler.render.text.drift import render_drift_row
from reconciler.render.text.plan import render_note, render_plan_row
from reconciler.render.text.result import render_result_text
from reconciler.render.views.drift import DIRECTION_LABELS, DriftView, format_unchanged_count
from reconciler.render.views.labels import format_counts, join_facts, pluralize
from reconciler.render.views.plan import NoteView, PlanView, describe_minimum_time, describe_no_changes
from reconciler.render.views.result import ResultView

MAX_COMMENT_BYTES = 65_536
"""GitHub limits a comment to this many characters; a text never has fewer bytes than characters."""

_WIDTH = 110
"""The width, in characters, that changes are laid out for."""

_MAX_CHANGE_BYTES = 4_000
"""Longer changes are cut."""

_GROUP_FRAME_BYTES = 200
"""The heading, the shortest code fences and the `<details>` element of a group have at most this many bytes."""

_MAX_UNFOLDED = 12
"""Groups with more changes are folded."""


@frozen
class _Item:
    """One change or one drifted resource; `label` is the action or direction it is grouped by."""

    label: str
    render: Callable[[], str]


@frozen
class _Group:
    """The items with one label.

    `count` is the number of all of them, `blocks` are those for which there is room.
    """

    label: str
    count: int
    blocks: tuple[str, ...]


def format_hidden_line(subject: str, workspace: str) -> str:
    """Return the hidden first line of a comment, by which a later run finds and updates the comment."""
    return f"<!-- reconciler {subject} {re.sub(r'[^A-Za-z0-9:._-]', '?', workspace)} -->"


def render_plan_markdown(view: PlanView, limit: int = MAX_COMMENT_BYTES) -> str:
    """Render a plan in at most `limit` bytes."""
    facts = [format_code_span(view.target), f"plan {format_code_span(view.digest)}"]
    if view.total:
        calls = f"{pluralize(view.cost.total, 'API call')}, {describe_minimum_time(view.cost)}"
        facts += [calls, f"{view.unchanged:,} unchanged"]
    head = [
        format_hidden_line("plan", view.workspace),
        f"### Plan for {format_code_span(view.workspace)}: {format_counts(view.counts) or 'no changes'}",
        "",
        join_facts(facts),
        "",
    ]
    if not view.total:
        head.append(describe_no_changes(view))
    start = "\n".join(head) + "\n"
    # Notes take at most a quarter of the room, so that the rest is left for changes.
    start += _render_notes(view.notes, (limit - _count_bytes(start)) // 4)
    items = [
        _Item(row.action, _defer_diff(render_plan_row(row, address_width=0, width=_WIDTH), row.glyph))
        for section in view.sections
        for row in section.rows
    ]

    def describe_group(action: str, count: int) -> str:
        return format_counts({action: count})

    return start + _render_items(items, ACTIONS_BY_RISK, limit - _count_bytes(start), describe_group)


def render_result_markdown(view: ResultView, limit: int = MAX_COMMENT_BYTES) -> str:
    """Render a result in at most `limit` bytes: what was not applied, and why."""
    *details, summary = [line.plain for line in render_result_text(view)]
    head = [
        format_hidden_line("apply", view.workspace),
        f"### Apply of {format_code_span(view.workspace)}: {'complete' if view.ok else 'incomplete'}",
        "",
        summary,
        "",
    ]
    start = "\n".join(head)
    return f"{start}\n" + _render_lines(details, limit - _count_bytes(start) - _GROUP_FRAME_BYTES)


def render_drift_markdown(view: DriftView, limit: int = MAX_COMMENT_BYTES) -> str:
    """Render a drift in at most `limit` bytes."""

    def describe_group(direction: str, count: int) -> str:
        return f"{count:,} {DIRECTION_LABELS[direction]}"

    counts = [describe_group(direction, count) for direction, count in view.counts.items() if count]
    head = [
        format_hidden_line("drift", view.workspace),
        f"### Drift of {format_code_span(view.workspace)}: {', '.join(counts) or 'none'}",
        "",
        join_facts((format_code_span(view.target), format_unchanged_count(view))),
        "",
    ]
    if view.last_apply:
        head += [format_code_span(view.last_apply), ""]
    start = "\n".join(head) + "\n"
    notes = [f"! cannot list {problem}" for problem in view.unlisted]
    notes += [f"? unmanaged: {note}" for note in view.notes]
    # Notes take at most a quarter of the room, so that the rest is left for resources.
    start += _render_lines(notes, (limit - _count_bytes(start)) // 4)
    items = [
        _Item(row.direction, _defer_diff(render_drift_row(row, address_width=0, width=_WIDTH), row.glyph))
        for section in view.sections
        for row in section.rows
    ]
    return start + _render_items(items, list(view.counts), limit - _count_bytes(start), describe_group)


def render_markdown(view: PlanView | DriftView) -> str:
    """Render a plan or a drift."""
    return render_drift_markdown(view) if isinstance(view, DriftView) else render_plan_markdown(view)


def format_code_span(text: str) -> str:
    """Return a text as a code span that the text cannot close."""
    fence = "`" * (_measure_longest_fence(text) + 1)
    padding = " " if text[:1] == "`" or text[-1:] == "`" or not text else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def format_code_block(lines: Iterable[str], language: str) -> str:
    """Return lines as a code block that none of the lines can close."""
    content = "\n".join(lines)
    fence = "`" * max(3, _measure_longest_fence(content) + 1)
    return f"{fence}{language}\n{content}\n{fence}\n"


def _render_items(
    items: Sequence[_Item],
    order: Sequence[str],
    limit: int,
    describe_group: Callable[[str, int], str],
) -> str:
    """Render as many items as fit into `limit` bytes, grouped by label, and the number of omitted items.

    `order` has the labels in the order of display; `describe_group` takes a label and a number of items.
    """
    if not items:
        return ""
    # The line with the number of omitted items needs no more room than the frame of a group.
    groups = list(_fill_groups(items, order, limit - _GROUP_FRAME_BYTES))
    omitted = Counter(item.label for item in items)
    omitted.subtract({group.label: len(group.blocks) for group in groups})
    body = "".join(
        _render_group(group, describe_group(group.label, group.count)) for group in groups if group.blocks
    )
    counts = ", ".join(describe_group(label, omitted[label]) for label in order if omitted[label])
    tail = f"**… and {sum(omitted.values()):,} more**: {counts}\n" if counts else ""
    return f"{body}{tail}".rstrip("\n") + "\n"


def _fill_groups(items: Iterable[_Item], order: Sequence[str], limit: int) -> Iterator[_Group]:
    """Yield groups in order, until `limit` bytes are used; the last group may be incomplete."""
    sorted_items = sorted(items, key=lambda item: order.index(item.label))
    for label, members in groupby(sorted_items, key=lambda item: item.label):
        group_items = list(members)
        blocks: list[str] = []
        limit -= _GROUP_FRAME_BYTES
        # Both fences of the code block grow with the longest run of backticks inside it.
        fence_bytes = 0
        for item in group_items:
            block = item.render()
            limit -= _count_bytes(block) + 1
            fence_bytes = max(fence_bytes, 2 * _measure_longest_fence(block))
            if limit < fence_bytes:
                break
            blocks.append(block)
        limit -= fence_bytes
        yield _Group(label, len(group_items), tuple(blocks))
        if len(blocks) < len(group_items):
            return


def _defer_diff(lines: Iterable[Text], glyph: str) -> Callable[[], str]:
    """Return a function that renders the lines of one item, so that omitted items are not rendered."""
    return lambda: _render_diff([line.plain.rstrip() for line in lines], glyph)


def _render_diff(lines: Sequence[str], glyph: str) -> str:
    """Render the lines of one item for a diff block.

    The first character of a line determines its color.
    """
    first_line, *other_lines = lines
    sign = glyph if glyph in "+-" else "!"
    kept_lines = [f"{sign} {first_line.lstrip()[len(glyph) :].lstrip()}"]  # the sign replaces the glyph
    size = 0
    for index, line in enumerate(other_lines):
        size += _count_bytes(line) + 1
        if size > _MAX_CHANGE_BYTES:
            kept_lines.append(f"         … and {pluralize(len(other_lines) - index, 'more line')}")
            break
        kept_lines.append(line[4:])  # less indented than on a terminal
    return "\n".join(kept_lines)


def _render_group(group: _Group, heading: str) -> str:
    block = format_code_block(group.blocks, "diff")
    if group.count > _MAX_UNFOLDED:
        return f"<details><summary><b>{heading}</b></summary>\n\n{block}\n</details>\n\n"
    return f"**{heading}**\n\n{block}\n"


def _render_notes(notes: Sequence[NoteView], limit: int) -> str:
    """Render notes in a block of their own, warnings first."""
    if not notes:
        return ""
    sorted_notes = sorted(notes, key=lambda note: note.level != "warning")
    return _render_lines([render_note(note).plain.strip() for note in sorted_notes], limit) + "\n"


def _render_lines(lines: Sequence[str], limit: int) -> str:
    """Render as many lines as fit into `limit` bytes, in a block of their own.

    `limit` does not count the shortest code fences, nor the line with the number of omitted lines.
    """
    kept_lines: list[str] = []
    # Both fences of the code block grow with the longest run of backticks inside it.
    fence_bytes = 0
    for line in lines:
        limit -= _count_bytes(line) + 1
        fence_bytes = max(fence_bytes, 2 * _measure_longest_fence(line))
        if limit < fence_bytes:
            kept_lines.append(f"… and {pluralize(len(lines) - len(kept_lines), 'more line')}")
            break
        kept_lines.append(line)
    return format_code_block(kept_lines, "text") if any(kept_lines) else ""


def _count_bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def _measure_longest_fence(text: str) -> int:
    """Return the length of the longest run of backticks."""
    return max((len(run) for run in re.findall("`+", text)), default=0)
