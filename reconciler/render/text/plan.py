"""A view as text for terminals, pipes and CI logs: lines of rich text, laid out for a width, never cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from reconciler.model.change import ACTIONS
from reconciler.render.views.format_value import ValueView, truncate, truncate_pair
from reconciler.render.views.plan import (
    ACTION_GLYPHS,
    FieldLine,
    NoteView,
    PlanRow,
    PlanSection,
    PlanView,
    RequestView,
    format_counts,
    format_duration,
    pluralize,
)

if TYPE_CHECKING:
    from reconciler.render.views.plan import CostView

COLORS: Mapping[str, str] = {
    "create": "#247fbc",
    "update": "#a56e00",
    "replace": "#ad5f92",
    "delete": "#c65813",
    "forget": "#6f7f8f",
    "warning": "#a56e00",
    "error": "#c65813",
    "applied": "#3c8a3c",
}
"""One tone each that stands out (4.3 to 1) on a light and on a dark background alike."""

_QUIET = "dim"
_ADDRESS = 40
"""Addresses up to this long are aligned; longer ones push what follows to the right."""
_INDENT = 13
"""Where attributes begin: under the address."""


def render_plan_text(view: PlanView, width: int) -> Iterator[Text]:
    """The whole plan."""
    yield Text.assemble(("Plan for ", ""), (view.workspace, "bold"))
    yield Text(f"{view.target} · plan {view.digest}", _QUIET)
    for section in view.sections:
        yield Text()
        yield from _section(section, width)
    if view.notes:
        yield Text()
        yield from (render_note(remark) for remark in view.notes)
    if view.total:
        yield Text()
        yield from _cost(view.cost)
    yield Text()
    yield render_plan_summary(view)


def render_plan_summary(view: PlanView) -> Text:
    """The plan in one line."""
    files, marks = view.unchanged - view.unchanged_markers, view.unchanged_markers
    if not view.total:
        if view.unchanged == 0:
            return Text("Nothing to do: the file asks for nothing, and nothing is there.", "bold")
        what = f"all {files:,} resources are as the file wants them" if files != 1 else ""
        what = what or "1 resource is as the file wants it"
        own = "the workspace's own mark" if marks == 1 else f"the workspace's {marks:,} own marks"
        own = f", and so {'is' if marks == 1 else 'are'} {own}" if marks else ""
        return Text(f"Nothing to do: {what}{own}.", "bold")
    line = Text("Summary  ", "bold")
    for action in ACTIONS:
        if view.counts.get(action):
            line.append(f"{ACTION_GLYPHS[action]} {view.counts[action]:,} {action}", f"bold {COLORS[action]}")
            line.append("  ")
    if view.markers:
        line.append(f"{pluralize(view.markers, 'own mark')} among them  ", _QUIET)
    if view.unchanged:
        own = f" and {pluralize(marks, 'own mark')}" if marks else ""
        line.append(f"{files:,}{own} unchanged", _QUIET)
    line.rstrip()
    return line


def render_severity(severity: str) -> Text:
    """What every error and every warning begins with."""
    return Text(f"{severity}:", f"bold {COLORS[severity]}")


def render_value(value: ValueView | None, style: str = "") -> Text:
    """A value; words of ours in a value's place are quiet, its absence is a dash."""
    if value is None:
        return Text("-", _QUIET)
    return Text(value.text, _QUIET if value.is_placeholder else style)


def _section(section: PlanSection, width: int) -> Iterator[Text]:
    yield Text.assemble((section.title, "bold underline"), "  ", (format_counts(section.counts), _QUIET))
    room = max((len(row.address) for row in section.rows if len(row.address) <= _ADDRESS), default=0)
    for row in section.rows:
        yield from render_plan_row(row, room, width)
    if section.omitted:
        yield Text(f"  and {section.omitted:,} more {section.title[:1].lower()}{section.title[1:]}", _QUIET)


def render_plan_row(row: PlanRow, room: int, width: int) -> Iterator[Text]:
    """One change: its head, what differs, and its calls where they were asked for. `room` is how wide addresses are."""
    style = f"bold {COLORS[row.action]}"
    head = Text.assemble((f"  {row.glyph} {row.action:<7}", style), "  ", (row.address.ljust(room), "bold"))
    waits = f"waits for at most {format_duration(row.wait_seconds)}" if row.wait_seconds else ""
    about = " · ".join(part for part in (row.origin, pluralize(row.calls, "call"), waits) if part)
    if len(head) + 2 + len(about) <= width:
        yield Text.assemble(head, "  ", (about, _QUIET))
    else:
        head.rstrip()
        yield head
        yield Text(" " * _INDENT + about, _QUIET)
    yield from render_fields(row.fields, width, signs=row.action in ("update", "replace"))
    for number, request in enumerate(row.requests, 1):
        yield from _request(number, request, width)


def render_fields(lines: Sequence[FieldLine], width: int, *, signs: bool) -> Iterator[Text]:
    """Attributes below each other; with signs where some come, some go and some change."""
    paths = max((len(line.path) for line in lines), default=0)
    room = width - _INDENT - 2 - paths - 2
    befores = (len(line.before.text) for line in lines if line.before and _fits(line, room))
    left = max(befores, default=0)
    for line in lines:
        yield from _line(line, paths, left, signs=signs, width=width)


def _fits(line: FieldLine, room: int) -> bool:
    """Whether before and after go into one line."""
    if line.before is None or line.after is None:
        return False
    return len(line.before.text) + 3 + len(line.after.text) + (22 if line.forces_replacement else 0) <= room


def _line(line: FieldLine, paths: int, left: int, *, signs: bool, width: int) -> Iterator[Text]:
    start = " " * _INDENT
    head = Text(start)
    if signs:
        head.append(f"{line.sign} ", COLORS[{"+": "create", "-": "delete", "~": "update"}[line.sign]])
    head.append(line.path.ljust(paths))
    head.append("  ")
    tail = Text("  # forces replacement", f"bold {COLORS['replace']}") if line.forces_replacement else Text()
    if line.added or line.removed:
        yield from _listed(line, head, tail, width)
        return
    room = max(24, width - len(head) - len(tail))
    if line.before is None or line.after is None:
        value = line.before or line.after
        assert value
        yield Text.assemble(
            head, render_value(ValueView(truncate(value.text, 4 * room), value.is_placeholder)), tail
        )
        return
    before, after = truncate_pair(line.before.text, line.after.text, 2 * room)
    old, new = Text(before, _QUIET), render_value(ValueView(after, line.after.is_placeholder), "bold")
    if max(len(before), left) + 3 + len(after) <= room:
        yield Text.assemble(head, old, " " * max(0, left - len(before)), (" → ", _QUIET), new, tail)
    else:
        yield Text.assemble(head, old, tail)
        yield Text.assemble(" " * (len(head) - 2), ("→ ", _QUIET), new)


def _listed(line: FieldLine, head: Text, tail: Text, width: int) -> Iterator[Text]:
    """What a list gains and loses, as many items a line as fit."""
    most = 4 * max(24, width - len(head))
    items = [Text(f"+ {truncate(item.text, most)}", COLORS["create"]) for item in line.added]
    items += [Text(f"- {truncate(item.text, most)}", COLORS["delete"]) for item in line.removed]
    current = head.copy()
    for item in items:
        if len(current) > len(head) and len(current) + 3 + len(item) > width:
            yield current
            current = Text(" " * len(head))
        if len(current) > len(head):
            current.append("   ")
        current.append_text(item)
    yield Text.assemble(current, tail)


def _request(number: int, request: RequestView, width: int) -> Iterator[Text]:
    about = f"  {request.details}" if request.details else ""
    yield Text.assemble(" " * _INDENT, (f"{number}. ", _QUIET), (request.name, "italic"), (about, _QUIET))
    names = max((len(name) for name, _ in request.params), default=0)
    for name, value in request.params:
        head = Text(f"{' ' * (_INDENT + 3)}{name.ljust(names)}  ", _QUIET)
        room = 4 * max(24, width - len(head))
        yield Text.assemble(head, render_value(ValueView(truncate(value.text, room), value.is_placeholder)))


def render_note(remark: NoteView) -> Text:
    """One remark."""
    style = COLORS["warning"] if remark.level == "warning" else _QUIET
    address = f"{remark.address}  " if remark.address else ""
    return Text.assemble((f"  {remark.glyph} {remark.level:<9}  ", style), (address, "bold"), remark.text)


def _cost(cost: CostView) -> Iterator[Text]:
    least = f"at the least {format_duration(cost.seconds)} under AWS's quotas"
    yield Text.assemble(("API calls  ", "bold"), f"{cost.total:,}, {least}")
    room = len(f"{cost.by_api[0][1]:,}") if cost.by_api else 0
    for name, count in cost.by_api:
        why = f"  {cost.explanation}" if name == cost.bottleneck else ""
        yield Text.assemble((f"  {count:>{room},}  {name}", _QUIET), why)
    if cost.explanation and not cost.bottleneck:
        yield Text(f"  {cost.explanation}")
