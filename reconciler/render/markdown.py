"""A view as Markdown for comments and step summaries on GitHub: inert, never too long for them, the worst first.

What came from a file or the registry stands in code only, where neither a name nor a link nor a mention acts.
Source of the limits: GitHub documentation, "Workflow commands, Adding a job summary" (1 MiB a step); a comment's body is at
most 65,536 characters, which the API answers to a longer one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from attrs import frozen
from rich.text import Text

from reconciler.model.change import ACTIONS_BY_RISK
from reconciler.model.errors import ReconcilerError
from reconciler.render.text.drift import format_unchanged_count, render_drift_row
from reconciler.render.text.plan import render_note, render_plan_row, render_plan_summary
from reconciler.render.text.result import render_result_text
from reconciler.render.views.drift import DIRECTION_LABELS, DriftView
from reconciler.render.views.plan import NoteView, PlanView, format_counts, format_duration, pluralize
from reconciler.render.views.result import ResultView

MAX_COMMENT_BYTES = 65_536
"""The most that a comment may have: characters to GitHub, bytes here, which are never fewer."""
MAX_STEP_SUMMARY_BYTES = 1_048_576
"""The most that the summaries of one step may have, in bytes."""

_LEAST = 4_096
"""With less room than this nothing can be told that is worth it."""
_WIDTH = 110
_ROW = 4_000
"""Of a single change at most so much is told."""
_FRAME = 200
"""What the heading, the fence and the fold of one group take, at the most."""
_FOLDED = 12
"""Groups of more changes than this are folded."""


@frozen
class _Item:
    """One change or one drifted resource: the word that it is grouped by, and how it is drawn."""

    word: str
    draw: Callable[[], str]


@frozen
class _Group:
    """The items of one word that there was room for."""

    word: str
    count: int
    blocks: tuple[str, ...]


def format_marker(subject: str, workspace: str) -> str:
    """The hidden first line, by which a comment is found again to be updated in place."""
    return f"<!-- reconciler {subject} {re.sub(r'[^A-Za-z0-9:._-]', '?', workspace)} -->"


def render_plan_markdown(view: PlanView, limit: int = MAX_COMMENT_BYTES) -> str:
    """The plan in at most `limit` bytes."""
    what = format_counts(view.counts) if view.total else "nothing to do"
    head = [
        format_marker("plan", view.workspace),
        f"### Plan for {format_code_span(view.workspace)}: {what}",
        "",
    ]
    about = f"{format_code_span(view.target)} · plan {format_code_span(view.digest)}"
    if view.total:
        least = f"at the least {format_duration(view.cost.seconds)} under AWS's quotas"
        about += f" · {pluralize(view.cost.total, 'API call')}, {least} · {view.unchanged:,} unchanged"
    head += [about, "", *([] if view.total else [render_plan_summary(view).plain])]
    start = "\n".join(head) + "\n"
    start += _remarks(view.notes, (limit - _size(start)) // 4)
    rows = [row for section in view.sections for row in section.rows]
    items = [_Item(row.action, _diffed(render_plan_row(row, 0, _WIDTH), row.glyph)) for row in rows]
    return start + _cut(
        items, ACTIONS_BY_RISK, limit - _size(start), lambda action, count: format_counts({action: count})
    )


def render_result_markdown(view: ResultView, limit: int = MAX_COMMENT_BYTES) -> str:
    """What became of a plan, in at most `limit` bytes: what failed, what was not tried."""
    what = "done" if view.ok else "not everything was applied"
    head = [
        format_marker("apply", view.workspace),
        f"### Apply of {format_code_span(view.workspace)}: {what}",
        "",
    ]
    lines = [line.plain for line in render_result_text(view)]
    head += [f"{lines.pop()}", ""]
    return "\n".join(head) + "\n" + _clipped(lines, limit - _size("\n".join(head)) - _FRAME)


def render_drift_markdown(view: DriftView, limit: int = MAX_COMMENT_BYTES) -> str:
    """The drift in at most `limit` bytes."""
    what = "; ".join(f"{count:,} {DIRECTION_LABELS[way]}" for way, count in view.counts.items() if count)
    about = f"{format_code_span(view.target)} · {format_unchanged_count(view)}"
    head = [
        format_marker("drift", view.workspace),
        f"### Drift of {format_code_span(view.workspace)}: {what or 'none'}",
        "",
        about,
        "",
    ]
    if view.last_apply:
        head[-1:] = ["", format_code_span(view.last_apply), ""]
    start = "\n".join(head) + "\n"
    start += _clipped(
        [
            *(f"! could not be looked at: {told}" for told in view.unlisted),
            *(f"? unmanaged: {told}" for told in view.notes),
        ],
        (limit - _size(start)) // 4,
    )
    rows = [row for section in view.sections for row in section.rows]
    items = [_Item(row.direction, _diffed(render_drift_row(row, 0, _WIDTH), row.glyph)) for row in rows]
    return start + _cut(
        items,
        list(view.counts),
        limit - _size(start),
        lambda way, count: f"{count:,} {DIRECTION_LABELS[way]}",
    )


def render_markdown(view: PlanView | DriftView) -> str:
    """Any view of which there is Markdown."""
    return render_drift_markdown(view) if isinstance(view, DriftView) else render_plan_markdown(view)


def append_markdown(file: Path, draw: Callable[[int], str]) -> None:
    """Add to a file what is drawn within the limits of a comment and of what the file has already as a step's summary."""
    there = file.stat().st_size if file.exists() else 0
    room = MAX_STEP_SUMMARY_BYTES - there - 2
    if room < _LEAST:
        raise ReconcilerError(
            f"{file} has {there:,} bytes, and a step's summary takes no more than {MAX_STEP_SUMMARY_BYTES:,}; nothing was added to it"
        )
    with file.open("a", encoding="utf-8") as stream:
        stream.write(("\n" if there else "") + draw(min(MAX_COMMENT_BYTES, room)))


def format_code_span(words: str) -> str:
    """The words as a code span, whatever is in them."""
    fence = "`" * (_longest_run(words) + 1)
    pad = " " if words[:1] == "`" or words[-1:] == "`" or not words else ""
    return f"{fence}{pad}{words}{pad}{fence}"


def format_code_block(lines: Iterable[str], language: str) -> str:
    """The lines as a code block that nothing in them closes."""
    inside = "\n".join(lines)
    fence = "`" * max(3, _longest_run(inside) + 1)
    return f"{fence}{language}\n{inside}\n{fence}\n"


def _cut(items: Sequence[_Item], order: Sequence[str], room: int, told: Callable[[str, int], str]) -> str:
    """The items in groups, in the order of their words, as many as there is room for, and how many there are besides."""
    groups = list(_groups(items, order, room - _FRAME))
    left = Counter(item.word for item in items)
    left.subtract({group.word: len(group.blocks) for group in groups})
    body = "".join(_drawn(group, told(group.word, group.count)) for group in groups if group.blocks)
    more = ", ".join(told(word, left[word]) for word in order if left[word])
    tail = f"**… and {sum(left.values()):,} more**: {more}\n" if more else ""
    return f"{body}{tail}".rstrip("\n") + "\n" if items else ""


def _groups(items: Iterable[_Item], order: Sequence[str], room: int) -> Iterator[_Group]:
    """Until there is no room: from there on nothing is told any more."""
    ranked = sorted(items, key=lambda item: order.index(item.word))
    for word, found in groupby(ranked, key=lambda item: item.word):
        same = list(found)
        blocks: list[str] = []
        room -= _FRAME
        fence = 0
        for item in same:
            drawn = item.draw()
            room -= _size(drawn) + 1
            fence = max(fence, 2 * _longest_run(drawn))
            if room < fence:
                break
            blocks.append(drawn)
        room -= fence
        yield _Group(word, len(same), tuple(blocks))
        if len(blocks) < len(same):
            return


def _diffed(found: Iterable[Text], glyph: str) -> Callable[[], str]:
    """Lines as in text; the sign in front is what a diff is coloured by. They are drawn when they are needed."""

    def draw() -> str:
        lines = [line.plain.rstrip() for line in found]
        sign = glyph if glyph in "+-" else "!"
        kept = [f"{sign} {lines[0].lstrip()[len(glyph) :].lstrip()}"]
        size = 0
        for place, line in enumerate(lines[1:], 1):
            size += _size(line) + 1
            if size > _ROW:
                kept.append(f"         … and {pluralize(len(lines) - place, 'more line')}")
                break
            kept.append(line[4:])
        return "\n".join(kept)

    return draw


def _drawn(group: _Group, heading: str) -> str:
    drawn = format_code_block(group.blocks, "diff")
    if group.count > _FOLDED:
        return f"<details><summary><b>{heading}</b></summary>\n\n{drawn}\n</details>\n\n"
    return f"**{heading}**\n\n{drawn}\n"


def _remarks(remarks: Sequence[NoteView], room: int) -> str:
    """Warnings before remarks, in a block of their own."""
    ranked = sorted(remarks, key=lambda remark: remark.level != "warning")
    return _clipped([render_note(remark).plain.strip() for remark in ranked], room) + "\n" * bool(ranked)


def _clipped(lines: Sequence[str], room: int) -> str:
    """As many lines as there is room for, in a block of their own."""
    kept: list[str] = []
    fence = 0
    for line in lines:
        room -= _size(line) + 1
        fence = max(fence, 2 * _longest_run(line))
        if room < fence:
            kept.append(f"… and {pluralize(len(lines) - len(kept), 'more line')}")
            break
        kept.append(line)
    return format_code_block(kept, "text") if any(kept) else ""


def _size(words: str) -> int:
    return len(words.encode(errors="replace"))


def _longest_run(words: str) -> int:
    return max((len(run) for run in re.findall("`+", words)), default=0)
