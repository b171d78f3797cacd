"""The values of a group's rows, field by field: the common ones counted, the rare ones named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from reconciler.render.views.fields import FieldLine
from reconciler.render.views.format_value import ValueView, truncate

_MAX_VALUES = 8
"""The most values of a field that are counted one by one."""

_MAX_LISTS = 40
"""The most lists of a field that are counted one by one: lists are references, such as to the policies of certificates."""

_MAX_VALUE_LENGTH = 60
"""Longer values are cut in counts and exceptions."""

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
    """The value of one field in one row; `line` is None if the row does not have the field."""

    address: str
    line: FieldLine | None
    text: str


def summarize_fields(
    rows: Sequence[tuple[str, Sequence[FieldLine]]],
) -> tuple[tuple[FieldLine, ...], tuple[str, ...]]:
    """Return the fields of alike rows, and the exceptions among the rows.

    Each row is its address and its fields. The exceptions are addresses with those of their values that few rows have.
    """
    lines_by_path: dict[str, dict[int, FieldLine]] = {}
    for number, (_, fields) in enumerate(rows):
        for field in fields:
            lines_by_path.setdefault(field.path, {})[number] = field
    addresses = [address for address, _ in rows]
    summaries: list[FieldLine] = []
    exceptions: dict[str, list[str]] = {}
    for path, lines in lines_by_path.items():
        first_line = next(iter(lines.values()))
        if len(lines) == len(rows) and all(line == first_line for line in lines.values()):
            summaries.append(first_line)
            continue
        cells = [_build_cell(address, lines.get(number)) for number, address in enumerate(addresses)]
        summaries.append(_summarize_field(path, cells))
        for cell in _find_rare_cells(cells):
            exceptions.setdefault(cell.address, []).append(f"{path} {_shorten(cell.text)}")
    return tuple(summaries), tuple(_format_exceptions(exceptions))


def _build_cell(address: str, line: FieldLine | None) -> _Cell:
    return _Cell(address, line, _describe_line(line, address) if line else _NONE)


def _describe_line(line: FieldLine, address: str) -> str:
    """Describe a field's value in one line, with `<name>` in place of the row's own name."""
    name = address.partition(".")[2]
    if line.added or line.removed:
        items = [f"+ {_format_text(item, name)}" for item in line.added]
        items += [f"- {_format_text(item, name)}" for item in line.removed]
        return " ".join(items)
    texts = [_format_text(value, name) for value in (line.before, line.after) if value]
    return " → ".join(texts)


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


def _shorten(text: str) -> str:
    return truncate(text, _MAX_VALUE_LENGTH)


def _summarize_field(path: str, cells: Sequence[_Cell]) -> FieldLine:
    lines = [cell.line for cell in cells if cell.line]
    signs = {line.sign for line in lines}
    max_values = _MAX_LISTS if any(line.added or line.removed for line in lines) else _MAX_VALUES
    return FieldLine(
        sign=signs.pop() if len(signs) == 1 and len(lines) == len(cells) else "~",
        path=path,
        after=ValueView(
            _format_counts(Counter(cell.text for cell in cells), _describe_sample(lines[0]), max_values)
        ),
        forces_replacement=any(line.forces_replacement for line in lines),
        sensitive=any(line.sensitive for line in lines),
    )


def _format_counts(counts: Counter[str], sample: str, max_values: int) -> str:
    """Format how many rows have each of `max_values` values, the most frequent first."""
    if len(counts) == 1:
        (text,) = counts
        return f"{_shorten(text)}, such as {_shorten(sample)}" if _OWN_NAME in text else _shorten(text)
    most_common = counts.most_common(max_values + 1)
    if len(most_common) <= max_values:
        return ", ".join(f"{_shorten(text)} ({count:,})" for text, count in most_common)
    common = [(text, count) for text, count in most_common[: max_values - 1] if count > _MAX_RARE_COUNT]
    other_count = len(counts) - len(common)
    listed = [f"{_shorten(text)} ({count:,})" for text, count in common]
    remaining = sum(counts.values()) - sum(count for _, count in common)
    words = f"{other_count:,} {'other' if common else 'different'} values"
    return ", ".join(
        [*listed, f"{words} ({remaining:,})" if common else f"{words}, such as {_shorten(sample)}"]
    )


def _describe_sample(line: FieldLine) -> str:
    return _describe_line(line, "")


def _find_rare_cells(cells: Sequence[_Cell]) -> Iterator[_Cell]:
    """Yield the cells with rare values, if most cells have common ones."""
    counts = Counter(cell.text for cell in cells)
    common_count = sum(count for count in counts.values() if count > _MAX_RARE_COUNT)
    if len(counts) > 1 and common_count >= _MIN_COMMON_PART * len(cells):
        yield from (cell for cell in cells if counts[cell.text] <= _MAX_RARE_COUNT)


def _format_exceptions(exceptions: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for address, values in list(exceptions.items())[:_MAX_EXCEPTIONS]:
        yield f"{address}: {', '.join(values)}"
    if len(exceptions) > _MAX_EXCEPTIONS:
        yield f"and {len(exceptions) - _MAX_EXCEPTIONS:,} more"
