"""The values of a group's rows, field by field: the common ones counted, the rare ones named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import ValueView, truncate, truncate_pair

_NUMBER = re.compile(r"[0-9a-f]{8,}|\d+")
"""A part of a text that differs in a series of alike texts: a number, or an identifier in hexadecimal."""

_MAX_VALUES = 8
"""The most values of a field that are counted one by one."""

_MAX_LISTS = 40
"""The most lists of a field that are counted one by one: lists are references, such as to the policies of certificates."""

_MAX_VALUE_LENGTH = 60
"""Longer values are cut in counts and exceptions; of longer lists, the items are counted instead."""

_MAX_RARE_COUNT = 3
"""A value that at most this many rows have is rare if most rows have other, common values."""

_MIN_COMMON_PART = 0.9
"""The part of the rows that must have common values, for the others to be exceptions."""

_MAX_EXCEPTIONS = 10
"""The most exceptions that a group lists."""

_MIN_NAME_LENGTH = 3
"""A row's name is recognized inside its values from this length on; a shorter one only if it is the whole value."""

_OWN_NAME = "<name>"
"""Stands for each row's own name in its values, so that a fleet's certificates and serial numbers are alike."""

_NONE = "none"


@frozen
class _Cell:
    """The value of one field in one row: its text or, for some lists, the texts of its items.

    `keys` are these texts as they are counted, with or without their numbers. `line` is None if the row does not have the field.
    """

    address: str
    line: FieldLine | None
    texts: tuple[str, ...]
    keys: tuple[str, ...]


def mask_numbers(text: str) -> str:
    """Return the text with `#` in place of its numbers, so that the names of a series become equal."""
    return _NUMBER.sub("#", text)


def summarize_fields(
    rows: Sequence[tuple[str, Sequence[FieldLine]]],
) -> tuple[tuple[FieldLine, ...], tuple[str, ...]]:
    """Return the fields of alike rows, and the exceptions among the rows.

    Each row is its address and its fields. The exceptions are addresses with those of their values that few rows have, the lists of
    references first: these grant permissions.
    """
    lines_by_path: dict[str, dict[int, FieldLine]] = {}
    for number, (_, fields) in enumerate(rows):
        for field in fields:
            lines_by_path.setdefault(field.path, {})[number] = field
    addresses = [address for address, _ in rows]
    summaries: list[FieldLine] = []
    exceptions: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    for path, lines in lines_by_path.items():
        first_line = next(iter(lines.values()))
        if len(lines) == len(rows) and all(line == first_line for line in lines.values()):
            summaries.append(first_line)
            continue
        is_list = any(line.added or line.removed for line in lines.values())
        cells: Sequence[_Cell] = [
            _build_cell(address, lines.get(number)) for number, address in enumerate(addresses)
        ]
        if is_list:
            cells = _choose_list_keys(cells)
        summaries.append(_summarize_field(path, cells, _MAX_LISTS if is_list else _MAX_VALUES))
        for address, text in _find_exceptions(cells):
            exceptions[is_list].setdefault(address, []).append(f"{path} {text}")
    return tuple(summaries), tuple(_format_exceptions(exceptions[True], exceptions[False]))


def _build_cell(address: str, line: FieldLine | None, *, is_split: bool = False) -> _Cell:
    """Build the cell of one field in one row; with `is_split`, with a text for each item of a list."""
    parts = _describe_line(line, address) if line else (_NONE,)
    texts = tuple(dict.fromkeys(parts)) if is_split else (" ".join(parts),)
    return _Cell(address, line, texts, texts)


def _choose_list_keys(cells: Sequence[_Cell]) -> Sequence[_Cell]:
    """Return the cells of lists with keys of which all can be shown, if there are such.

    A key is a list or, if these are too many or too long, an item. If there are still too many, numbers are masked, so that one
    list or item that is unlike the others is seen.
    """
    items = [_build_cell(cell.address, cell.line, is_split=True) for cell in cells]
    choices = (cells, _mask_cells(cells), items)
    return next((choice for choice in choices if _can_show_all(choice)), _mask_cells(items))


def _can_show_all(cells: Sequence[_Cell]) -> bool:
    keys = {key for cell in cells for key in cell.keys}
    has_items = any(len(cell.keys) > 1 for cell in cells)
    return len(keys) <= _MAX_LISTS and (has_items or max(map(len, keys)) <= _MAX_VALUE_LENGTH)


def _mask_cells(cells: Sequence[_Cell]) -> Sequence[_Cell]:
    return [evolve(cell, keys=tuple(map(mask_numbers, cell.texts))) for cell in cells]


def _describe_line(line: FieldLine, address: str) -> Sequence[str]:
    """Describe the items of a list, or a field's values in one text.

    The row's own name is replaced by `<name>`.
    """
    name = address.partition(".")[2]
    if line.added or line.removed:
        items = [f"+ {_format_text(item, name)}" for item in line.added]
        return items + [f"- {_format_text(item, name)}" for item in line.removed]
    return [" → ".join(_format_text(value, name) for value in (line.before, line.after) if value)]


def _format_text(value: ValueView, name: str) -> str:
    text = value.text
    if text == name:
        return _OWN_NAME
    if len(name) < _MIN_NAME_LENGTH or name not in text:
        return text
    parts = text.split(name)
    has_boundaries = not any(part[:1].isalnum() for part in parts[1:]) and not any(
        part[-1:].isalnum() for part in parts[:-1]
    )
    return _OWN_NAME.join(parts) if has_boundaries else text


def _summarize_field(path: str, cells: Sequence[_Cell], max_values: int) -> FieldLine:
    lines = [cell.line for cell in cells if cell.line]
    signs = {line.sign for line in lines}
    counts = _count_keys(cells)
    sample = " ".join(_describe_line(lines[0], ""))
    return FieldLine(
        sign=signs.pop() if len(signs) == 1 and len(lines) == len(cells) else "~",
        path=path,
        after=ValueView(_format_counts(counts, sample, max_values)),
        forces_replacement=any(line.forces_replacement for line in lines),
        sensitive=any(line.sensitive for line in lines),
    )


def _format_counts(counts: Counter[str], sample: str, max_values: int) -> str:
    """Format how many rows have each of `max_values` values, the most frequent first."""
    example = f", such as {truncate(sample, _MAX_VALUE_LENGTH)}"
    most_common = counts.most_common(max_values + 1)
    common_text = most_common[0][0]
    if len(counts) == 1:
        differs = _OWN_NAME in common_text or mask_numbers(sample) == common_text != sample
        return truncate(common_text, _MAX_VALUE_LENGTH) + (example if differs else "")
    is_complete = len(most_common) <= max_values
    common = most_common
    if not is_complete:
        common = [(text, count) for text, count in most_common[: max_values - 1] if count > _MAX_RARE_COUNT]
    shortened = _shorten_all([text for text, _ in common], common_text)
    listed = [f"{shortened[text]} ({count:,})" for text, count in common]
    if is_complete:
        return ", ".join(listed)
    other_count = len(counts) - len(common)
    remaining = sum(counts.values()) - sum(count for _, count in common)
    words = f"{other_count:,} {'other' if common else 'different'} values"
    return ", ".join([*listed, f"{words} ({remaining:,})" if common else f"{words}{example}"])


def _shorten_all(texts: Sequence[str], common_text: str) -> Mapping[str, str]:
    """Return each text → itself or, if it is long, a part that no other of the texts has.

    A shortened text has its first difference from the most frequent one.
    """
    shortened = {text: truncate_pair(common_text, text, _MAX_VALUE_LENGTH)[1] for text in texts}
    # Without the length at its end, a shortened text must still differ from the others.
    parts = Counter(part.rpartition(" (")[0] for text, part in shortened.items() if part != text)
    return {
        text: text if part != text and parts[part.rpartition(" (")[0]] > 1 else part
        for text, part in shortened.items()
    }


def _find_exceptions(cells: Sequence[_Cell]) -> Iterator[tuple[str, str]]:
    """Yield the addresses and the values of rows with rare values, if most rows have none.

    If most rows have rare values, as in a series of names, values that differ only in numbers count as one.
    """
    ((common_key, _),) = _count_keys(cells).most_common(1)
    exceptional = _select_exceptional(cells) or _select_exceptional(_mask_cells(cells))
    shortened = _shorten_all([text for _, texts in exceptional for text in texts], common_key)
    for cell, texts in exceptional:
        yield cell.address, " ".join(shortened[text] for text in texts)


def _select_exceptional(cells: Sequence[_Cell]) -> Sequence[tuple[_Cell, Sequence[str]]]:
    """Return the cells with rare texts, and these texts; none if that is more than a small part.

    A list without an item that nearly all others have is exceptional, too.
    """
    counts = _count_keys(cells)
    has_items = any(len(cell.keys) > 1 for cell in cells)
    nearly_all = range(len(cells) - _MAX_RARE_COUNT, len(cells))
    usual = {key for key, count in counts.items() if count in nearly_all} if has_items else set()
    exceptional: list[tuple[_Cell, Sequence[str]]] = []
    for cell in cells:
        pairs = zip(cell.texts, cell.keys, strict=True)
        texts = [text for text, key in pairs if counts[key] <= _MAX_RARE_COUNT]
        texts += [f"without {key.removeprefix('+ ')}" for key in sorted(usual.difference(cell.keys))]
        if texts:
            exceptional.append((cell, texts))
    is_small_part = len(exceptional) <= (1 - _MIN_COMMON_PART) * len(cells)
    return exceptional if len(counts) > 1 and is_small_part else ()


def _count_keys(cells: Sequence[_Cell]) -> Counter[str]:
    return Counter(key for cell in cells for key in dict.fromkeys(cell.keys))


def _format_exceptions(*exceptions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a text for each of the first exceptional rows, and how many more there are."""
    values: dict[str, list[str]] = {}
    for address, texts in chain.from_iterable(part.items() for part in exceptions):
        values.setdefault(address, []).extend(texts)
    for address, texts in list(values.items())[:_MAX_EXCEPTIONS]:
        yield f"{address}: {', '.join(texts)}"
    if len(values) > _MAX_EXCEPTIONS:
        yield f"and {len(values) - _MAX_EXCEPTIONS:,} more"
