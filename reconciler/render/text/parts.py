"""Parts that several views share when they are rendered as text: values, and lines of fields."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rich.text import Text

from reconciler.render.text.colors import COLORS, QUIET
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import ValueView, truncate, truncate_all, truncate_pair
from reconciler.render.views.grouping import RowEntries, RowGroup, format_names

_Section = TypeVar("_Section")

_GROUP_HINT = "  --full lists every resource of a group"
"""The line below groups of alike resources, in the output of a command."""
MAX_ALIGNED_ADDRESS = 40
"""Addresses up to this length are aligned; longer ones move the following text to the right."""

_INDENT = 13
"""The column in which fields begin, the same as that of addresses."""

_MAX_ALIGNED_PATH = 32
"""Values stand in one column after paths of up to this length; after a longer path, they follow it."""

_MIN_VALUE_WIDTH = 24
_MAX_VALUE_LINES = 4
"""A longer value, or a longer item of a list, is truncated to this many lines; each side of a change to two.

Documents, their parts, and what has several lines are not truncated, and nothing is with `--full`.
"""

_DOCUMENT_INDENT = "  "
"""The indent of a document's lines under the field's name."""

_ARROW_WIDTH = 3
"""The width of ` → ` between two values."""

_ITEM_GAP = "   "
"""The space between two items of a list."""

_SIGN_ACTIONS: Mapping[str, str] = {"+": "create", "-": "delete", "~": "update"}
"""Sign of a field → the action whose color it has."""

_FORCES_REPLACEMENT = "  # forces replacement"


def render_workspace(workspace: str, environment: str) -> Text:
    """Render a workspace and its environment, which is empty in a file without environments."""
    name = Text(workspace, "bold")
    return Text.assemble(name, " in ", (environment, "bold")) if environment else name


def render_severity(severity: str) -> Text:
    """Render the start of an error or a warning."""
    return Text(f"{severity}:", f"bold {COLORS[severity]}")


def render_value(value: ValueView | None, style: str = "") -> Text:
    """Render a value; placeholders are dimmed, and an absent value is a dash."""
    if value is None:
        return Text("-", QUIET)
    return Text(value.text, QUIET if value.is_placeholder else style)


def indent(text: Text | str, style: str = "") -> Text:
    """Indent a text to the column of fields."""
    return Text.assemble(" " * _INDENT, text if isinstance(text, Text) else (text, style))


def render_long_value(head: Text, value: ValueView, width: int | None = None) -> Iterator[Text]:
    """Render a value after `head`; with `width`, truncated to about `_MAX_VALUE_LINES` lines."""
    text = value.text
    if width is not None:
        text = truncate(text, _MAX_VALUE_LINES * max(_MIN_VALUE_WIDTH, width - len(head)))
    style = QUIET if value.lines else ""
    yield Text.assemble(head, render_value(ValueView(text, value.is_placeholder), style))
    yield from render_document_lines(value)


def render_document_lines(value: ValueView, sign: str = "") -> Iterator[Text]:
    """Render the lines of a long document, each after `sign`; other values have no lines."""
    style = COLORS[_SIGN_ACTIONS[sign]] if sign else ""
    for line in value.lines:
        yield indent(f"{sign or ' '} {_DOCUMENT_INDENT}{line}", style)


def render_head(head: Text, description: str, width: int) -> Iterator[Text]:
    """Render the first line of a row, with its description on the same line if it fits."""
    if len(head) + 2 + len(description) <= width:
        yield Text.assemble(head, "  ", (description, QUIET))
    else:
        head.rstrip()
        yield head
        yield indent(description, QUIET)


def measure_addresses(entries: RowEntries[Any]) -> int:
    """Return the length of the longest aligned address of the rows that are in no group."""
    lengths = map(len, entries.list_row_addresses())
    return max((length for length in lengths if length <= MAX_ALIGNED_ADDRESS), default=0)


def render_group_details(group: RowGroup[Any], width: int, *, signs: bool) -> Iterator[Text]:
    """Render the values of a group, its exceptions, and the addresses that approval needs."""
    yield from render_fields(group.fields, width, signs=signs, in_full=True)
    for exception in group.exceptions:
        yield indent(Text.assemble(("except ", "bold"), exception))
    names = textwrap.wrap(
        format_names(group.names, total=group.count),
        width - _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from map(indent, names)


def render_fields(
    fields: Sequence[FieldLine], width: int, *, signs: bool, in_full: bool = False
) -> Iterator[Text]:
    """Render fields; each begins a new line.

    With `signs`, each field begins with a sign that shows whether it is added, removed or changed. With `in_full`, no value is
    truncated.
    """
    path_lengths = [len(field.path) for field in fields]
    # One long path does not move the values of all others to the right.
    path_width = max((length for length in path_lengths if length <= _MAX_ALIGNED_PATH), default=0)
    value_width = width - _INDENT - 2 - path_width - 2  # a sign with its space, and the space after the path
    # The arrows of the changes that fit into one line are aligned.
    before_lengths = (
        len(field.before.text) for field in fields if field.before and _fits_one_line(field, value_width)
    )
    before_width = max(before_lengths, default=0)
    for field in fields:
        head = _render_field_head(field, path_width, signs=signs)
        is_whole = in_full or field.is_document
        if field.added or field.removed:
            yield from _render_list(field, head, width, in_full=is_whole)
        elif field.before is None or field.after is None:
            yield from _render_single_value(field, head, width, in_full=is_whole)
        else:
            yield from _render_change(field, head, before_width, width, in_full=is_whole)


def _fits_one_line(field: FieldLine, value_width: int) -> bool:
    """Return whether the values before and after fit into one line."""
    if field.before is None or field.after is None or field.before.lines or field.after.lines:
        return False
    tail_length = len(_FORCES_REPLACEMENT) if field.forces_replacement else 0
    return len(field.before.text) + _ARROW_WIDTH + len(field.after.text) + tail_length <= value_width


def _render_field_head(field: FieldLine, path_width: int, *, signs: bool) -> Text:
    head = indent("")
    if signs:
        head.append(f"{field.sign} ", COLORS[_SIGN_ACTIONS[field.sign]])
    head.append(field.path.ljust(path_width))
    head.append("  ")
    return head


def _render_tail(field: FieldLine) -> Text:
    return Text(_FORCES_REPLACEMENT, f"bold {COLORS['replace']}") if field.forces_replacement else Text()


def _render_single_value(field: FieldLine, head: Text, width: int, *, in_full: bool) -> Iterator[Text]:
    value = field.before or field.after
    assert value
    tail = _render_tail(field)
    if in_full:
        yield Text.assemble(head, render_value(value, QUIET if value.lines else ""), tail)
        yield from render_document_lines(value)
    else:
        (line,) = render_long_value(head, value, width - len(tail))
        yield Text.assemble(line, tail)


def _render_change(
    field: FieldLine, head: Text, before_width: int, width: int, *, in_full: bool
) -> Iterator[Text]:
    """Render both values in one line if they fit, or else the new value in a line of its own."""
    assert field.before
    assert field.after
    tail = _render_tail(field)
    value_width = max(_MIN_VALUE_WIDTH, width - len(head) - len(tail))
    before_text, after_text = field.before.text, field.after.text
    if not in_full:
        before_text, after_text = truncate_pair(before_text, after_text, 2 * value_width)
    old = Text(before_text, QUIET)
    new = render_value(ValueView(after_text, field.after.is_placeholder), "bold")
    is_short = max(len(before_text), before_width) + _ARROW_WIDTH + len(after_text) <= value_width
    if is_short and not field.before.lines and not field.after.lines:
        padding = " " * max(0, before_width - len(before_text))
        yield Text.assemble(head, old, padding, (" → ", QUIET), new, tail)
    else:
        yield Text.assemble(head, old, tail)
        yield from render_document_lines(field.before, "-")
        yield Text.assemble(" " * (len(head) - 2), ("→ ", QUIET), new)
        yield from render_document_lines(field.after, "+")


def _render_list(field: FieldLine, head: Text, width: int, *, in_full: bool) -> Iterator[Text]:
    """Render the items that a list gains and loses, as many in a line as fit.

    The lines of a long document follow the line that names it.
    """
    max_length = _MAX_VALUE_LINES * max(_MIN_VALUE_WIDTH, width - len(head))
    items = [("+", item) for item in field.added] + [("-", item) for item in field.removed]
    texts: Sequence[str] = [item.text for _, item in items]
    if not in_full:
        texts = truncate_all(texts, max_length)
    line, last_item, last_sign = head.copy(), ValueView(""), "+"
    for (sign, item), text in zip(items, texts, strict=True):
        label = Text(f"{sign} {text}", COLORS[_SIGN_ACTIONS[sign]])
        is_full = len(line) + len(_ITEM_GAP) + len(label) > width
        if len(line) > len(head) and (is_full or last_item.lines or item.lines):
            yield line
            yield from render_document_lines(last_item, last_sign)
            line = Text(" " * len(head))
        if len(line) > len(head):
            line.append(_ITEM_GAP)
        line.append_text(label)
        last_item, last_sign = item, sign
    yield Text.assemble(line, _render_tail(field))
    yield from render_document_lines(last_item, last_sign)


def render_sections(
    sections: Iterable[_Section],
    render: Callable[[_Section], Generator[Text, None, bool]],
    max_rows: int | None,
) -> Iterator[Text]:
    """Render the sections of a plan or of drift, and how to list the resources of groups.

    `render` renders one section, and returns whether it has groups. With `max_rows`, the hint is left out.
    """
    has_groups = False
    for section in sections:
        yield Text()
        has_groups |= yield from render(section)
    if has_groups and max_rows is None:
        yield Text()
        yield Text(_GROUP_HINT, QUIET)
