"""Views as Markdown for GitHub's comments and step summaries, the riskiest changes first.

Text from a file or the registry appears only in code spans and code blocks, where no link or mention has an effect; in the
hidden first line, the special characters of the workspace's name are replaced.
Source of the limit: a comment's body is at most 65,536 characters, according to the API's response to a longer one.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

from rich.text import Text

from reconciler.frozen_classes import frozen
from reconciler.model.change import ACTIONS_BY_RISK
from reconciler.render.markdown_parts import (
    count_bytes,
    format_code_block,
    format_code_span,
    format_hidden_line,
    measure_longest_fence,
    render_lines,
)
from reconciler.render.text.cut_lines import cut_longest_lines
from reconciler.render.text.drift import render_drift_group, render_drift_row
from reconciler.render.text.plan import render_note, render_plan_group, render_plan_row
from reconciler.render.text.result import render_result_text
from reconciler.render.views.drift import DIRECTION_LABELS, DriftRow, DriftView, format_unchanged_count
from reconciler.render.views.grouping import (
    UNNAMED_LABELS,
    RowGroup,
    count_rows,
    format_names,
    group_rows,
    has_document,
    has_wildcard,
    must_be_named,
)
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

_MAX_CHANGE_BYTES = 4_000
"""In longer changes without a document, lines are left out; where fields have one value each, the longest lines are cut first."""

_MAX_DOCUMENT_BYTES = 30_000
"""Longer changes with a document are cut; AWS's longest policy has 2 KB, its longest template 10 KB."""

_ONE_SIDED_LABELS = frozenset({"create", "delete", "forget", "missing", "extra"})
"""Labels of rows whose fields have one value each."""

_GROUP_FRAME_BYTES = 200
"""The heading, the shortest code fences and the `<details>` element of a group have at most this many bytes."""

_MAX_UNFOLDED = 12
"""Parts with more items are folded; addresses that approval needs are listed before the fold."""

_MAX_UNFOLDED_LINES = 50
"""Parts with more lines are folded."""

_NAMES_WIDTH = 100
"""The width, in characters, at which a list of addresses is wrapped."""

Entry: TypeAlias = PlanRow | DriftRow | RowGroup[Any]


@frozen
class _Item:
    """One row, or one group of alike rows.

    `label` is the action or direction; `has_document` is whether it shows a document. `count` is the number of rows; `names` are the
    addresses that approval needs. `has_wildcard` is as for the function.
    """

    label: str
    has_document: bool
    count: int
    names: tuple[str, ...]
    render: Callable[[], str]
    has_wildcard: bool = False


@frozen
class _Part:
    """The items with one label, in a part of their own if they have documents.

    `items` are all of them, `blocks` those for which there is room.
    """

    label: str
    has_document: bool
    items: tuple[_Item, ...]
    blocks: tuple[str, ...]

    @property
    def count(self) -> int:
        """The number of rows."""
        return sum(item.count for item in self.items)


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
    entries = [entry for section in view.sections for entry in group_rows(section.rows, full=full)]
    items = [_build_item(entry, partial(_render_plan_entry, full=full), full=full) for entry in entries]

    def describe_part(action: str, count: int) -> str:
        return format_counts({action: count})

    changes = _render_items(items, ACTIONS_BY_RISK, limit - count_bytes(notes) - 1, describe_part)
    return changes, notes


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
    return f"{start}\n" + render_lines(details, limit - count_bytes(start) - _GROUP_FRAME_BYTES)


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
    entries = [entry for section in view.sections for entry in group_rows(section.rows, full=full)]
    items = [_build_item(entry, partial(_render_drift_entry, full=full), full=full) for entry in entries]
    resources = _render_items(items, list(view.counts), limit - count_bytes(notes) - 1, _describe_drift_part)
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


def _build_item(entry: Entry, render_lines: Callable[[Any], Iterable[Text]], *, full: bool) -> _Item:
    """Build the item of a row or a group; its lines are rendered only if there is room for them.

    Lines are only cut where each has one value, so that two values never look the same because of the cut.
    """
    sample = entry.sample if isinstance(entry, RowGroup) else entry
    row_has_document = has_document(sample)
    names: tuple[str, ...] = ()
    if must_be_named(sample):
        names = entry.names if isinstance(entry, RowGroup) else (entry.address,)
    shows_all = row_has_document or full
    max_bytes = _MAX_DOCUMENT_BYTES if shows_all else _MAX_CHANGE_BYTES

    def render() -> str:
        first_line, *lines = [line.plain.rstrip() for line in render_lines(entry)]
        if not shows_all and sample.label in _ONE_SIDED_LABELS:
            lines = [*cut_longest_lines(lines, max_bytes)]
        return _render_diff([first_line, *lines], sample.glyph, max_bytes)

    return _Item(
        sample.label, row_has_document, count_rows([entry]), names, render, has_wildcard(sample.fields)
    )


def _render_plan_entry(entry: PlanRow | RowGroup[PlanRow], *, full: bool) -> Iterator[Text]:
    if isinstance(entry, PlanRow):
        return render_plan_row(entry, address_width=0, width=_WIDTH, full=full)
    return render_plan_group(entry, _WIDTH)


def _render_drift_entry(entry: DriftRow | RowGroup[DriftRow], *, full: bool) -> Iterator[Text]:
    if isinstance(entry, DriftRow):
        return render_drift_row(entry, address_width=0, width=_WIDTH, full=full)
    return render_drift_group(entry, _WIDTH)


def _render_items(
    items: Sequence[_Item],
    order: Sequence[str],
    limit: int,
    describe_part: Callable[[str, int], str],
) -> str:
    """Render as many items as fit into `limit` bytes, in parts by label, and the number of omitted rows.

    `order` has the labels in the order of display; `describe_part` takes a label and a number of rows.
    """
    if not items:
        return ""
    # The line with the number of omitted rows needs no more room than the frame of a part.
    # Documents that name everything come first.
    sorted_items = sorted(items, key=lambda item: not item.has_wildcard)
    parts = list(_fill_parts(sorted_items, order, limit - _GROUP_FRAME_BYTES))
    omitted: Counter[str] = Counter()
    for item in items:
        omitted[item.label] += item.count
    for part in parts:
        omitted[part.label] -= sum(item.count for item in part.items[: len(part.blocks)])
    body = "".join(
        _render_part(part, _describe_documents(part, describe_part(part.label, part.count)))
        for part in parts
        if part.blocks or part.items[0].names
    )
    counts = ", ".join(describe_part(label, omitted[label]) for label in order if omitted[label])
    tail = f"**… and {sum(omitted.values()):,} more**: {counts}\n" if counts else ""
    return f"{body}{tail}".rstrip("\n") + "\n"


def _fill_parts(items: Iterable[_Item], order: Sequence[str], limit: int) -> Iterator[_Part]:
    """Yield parts in order, until `limit` bytes are used; then only those with names, without blocks.

    Items that lose nothing but have a document come before the other such items.
    """

    def get_rank(item: _Item) -> tuple[bool, int]:
        return not item.names, order.index(item.label)

    parts = [tuple(members) for _, members in groupby(sorted(items, key=get_rank), key=get_rank)]
    names_bytes = sum(
        count_bytes(_render_names(part)) + _GROUP_FRAME_BYTES for part in parts if part[0].names
    )
    is_full = names_bytes > limit  # too little room for even the names
    limit -= names_bytes
    for part in parts:
        if is_full and (limit < 0 or not part[0].names):
            return
        limit -= 0 if part[0].names else _GROUP_FRAME_BYTES
        blocks, size = _fill_part(part, 0 if is_full else limit)
        limit -= size
        is_full = len(blocks) < len(part)
        yield _Part(part[0].label, any(item.has_document for item in part), part, blocks)


def _fill_part(items: Sequence[_Item], limit: int) -> tuple[tuple[str, ...], int]:
    """Return the blocks of the first items, as many as fit into `limit` bytes, and their size in bytes."""
    blocks: list[str] = []
    size = 0
    # Both fences of the code block grow with the longest run of backticks inside it.
    fence_bytes = 0
    for item in items:
        block = item.render() if size < limit else ""
        longest_fence = max(fence_bytes, 2 * measure_longest_fence(block))
        if not block or size + count_bytes(block) + 1 + longest_fence > limit:
            break
        size += count_bytes(block) + 1
        fence_bytes = longest_fence
        blocks.append(block)
    return tuple(blocks), size + fence_bytes


def _render_diff(lines: Sequence[str], glyph: str, max_bytes: int) -> str:
    """Render the lines of one item for a diff block.

    The first character of a line determines its color.
    """
    first_line, *other_lines = lines
    sign = glyph if glyph in "+-" else "!"
    kept_lines = [f"{sign} {first_line.lstrip()[len(glyph) :].lstrip()}"]  # the sign replaces the glyph
    size = 0
    for index, line in enumerate(other_lines):
        size += count_bytes(line) + 1
        if size > max_bytes:
            kept_lines.append(f"         … and {pluralize(len(other_lines) - index, 'more line')}")
            break
        kept_lines.append(line[4:])  # less indented than on a terminal
    return "\n".join(kept_lines)


def _render_part(part: _Part, heading: str) -> str:
    block = format_code_block(part.blocks, "diff") if part.blocks else ""
    is_complete = len(part.blocks) == len(part.items)
    if is_complete and len(part.items) <= _MAX_UNFOLDED and block.count("\n") <= _MAX_UNFOLDED_LINES:
        return f"**{heading}**\n\n{block}\n"
    names = _render_names(part.items)
    if not names:
        return f"<details><summary><b>{heading}</b></summary>\n\n{block}\n</details>\n\n"
    contents = "their documents" if part.has_document else "their fields"
    fold = f"<details><summary>{contents}</summary>\n\n{block}\n</details>\n\n" if block else ""
    return f"**{heading}**\n\n{names}\n{fold}"


def _describe_documents(part: _Part, heading: str) -> str:
    """Add to a heading that its rows have documents, so that it differs from that of the other rows."""
    return f"{heading}, with documents" if part.has_document and part.label in UNNAMED_LABELS else heading


def _render_names(items: Sequence[_Item]) -> str:
    """Render the addresses that approval needs, up to a limit; an empty text for none.

    Single rows come before groups.
    """
    names = [name for item in sorted(items, key=lambda item: item.count) for name in item.names]
    if not names:
        return ""
    lines = textwrap.wrap(format_names(names), _NAMES_WIDTH, break_long_words=False, break_on_hyphens=False)
    return format_code_block(lines, "text")


def _render_notes(notes: Sequence[NoteView], limit: int) -> str:
    """Render notes in a block of their own, warnings first."""
    if not notes:
        return ""
    sorted_notes = sorted(notes, key=lambda note: note.level != "warning")
    return render_lines([render_note(note).plain.strip() for note in sorted_notes], limit)
