"""The values of a group's rows, field by field: the common ones counted, the rare ones named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeAlias

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


Summary: TypeAlias = tuple[tuple[FieldLine, ...], tuple[str, ...]]
"""The fields of alike rows, and the exceptions among the rows."""

_ITEM_SEPARATOR = "\n"
"""Separates the items of a list in the text of a value; no item has line breaks."""


def mask_numbers(text: str) -> str:
    """Return the text with `#` in place of its numbers, so that the names of a series become equal."""
    return _NUMBER.sub("#", text)


class FieldCounts:
    """The values of alike rows, counted field by field, so that no row needs to be kept."""

    def __init__(self) -> None:
        self._rows = 0
        self._columns: dict[str, _Column] = {}

    def add(self, address: str, fields: Iterable[FieldLine]) -> None:
        """Count the values of one row."""
        lines = {field.path: field for field in fields}
        for path, line in lines.items():
            column = self._columns.get(path)
            if column is None:
                column = self._columns[path] = _Column(path, line, self._rows)
            column.add(address, line)
        self._rows += 1
        if len(lines) < len(self._columns):
            for path in self._columns.keys() - lines.keys():
                self._columns[path].add_missing(1)

    def summarize(self, rows: Iterable[tuple[str, Iterable[FieldLine]]]) -> Summary:
        """Return the fields of all rows, and the exceptions among the rows.

        The exceptions are addresses with those of their values that few rows have, the lists of references first: these grant permissions.
        `rows` are the addresses and the fields of the counted rows; they are only used if there are exceptions.
        """
        columns = self._columns.values()
        lines = tuple(column.summarize() for column in columns)
        rare_values = {column: values for column in columns if (values := column.find_rare_values())}
        exceptions: dict[_Column, dict[str, str]] = {column: {} for column in rare_values}
        for address, fields in rows if rare_values else ():
            own_lines = {field.path: field for field in fields}
            for column, values in rare_values.items():
                text = values.get(_describe_line(own_lines.get(column.path), address))
                if text:
                    exceptions[column][address] = f"{column.path} {text}"
        lists_first = sorted(exceptions, key=lambda column: not column.is_list)
        return lines, tuple(_format_exceptions([exceptions[column] for column in lists_first]))


class _Column:
    """The values of one field, with the number of rows that have each.

    A value is the text of a field's line, or the texts of the items of a list.
    """

    def __init__(self, path: str, line: FieldLine, earlier_rows: int) -> None:
        self.path = path
        self.is_list = False
        self._first_line = self._last_line = line
        self._signs: set[str] = set()
        self._forces_replacement = self._sensitive = False
        self._is_uniform = True
        self._counts = Counter[str]()
        self._add_properties(line)
        if earlier_rows:
            self.add_missing(earlier_rows)

    def add(self, address: str, line: FieldLine) -> None:
        """Count the value of one row."""
        self._counts[_describe_line(line, address)] += 1
        if line is not self._last_line:  # most rows share their lines
            self._add_properties(line)

    def add_missing(self, count: int) -> None:
        """Count rows that do not have the field."""
        self._counts[_NONE] += count
        self._signs.add("~")
        self._is_uniform = False

    def _add_properties(self, line: FieldLine) -> None:
        self._last_line = line
        self._signs.add(line.sign)
        self._forces_replacement |= line.forces_replacement
        self._sensitive |= line.sensitive
        self.is_list |= bool(line.added or line.removed)
        self._is_uniform = self._is_uniform and line == self._first_line

    def summarize(self) -> FieldLine:
        """Return the line of all rows: as it is if all are equal, else with the number of each value."""
        if self._is_uniform:
            return self._first_line
        counts = self._choose_keys().count(self._counts)
        sample = " ".join(_split(_describe_line(self._first_line, "")))
        max_values = _MAX_LISTS if self.is_list else _MAX_VALUES
        return FieldLine(
            sign=min(self._signs) if len(self._signs) == 1 else "~",
            path=self.path,
            after=ValueView(_format_counts(counts, sample, max_values)),
            forces_replacement=self._forces_replacement,
            sensitive=self._sensitive,
        )

    def find_rare_values(self) -> Mapping[str, str]:
        """Return the text of each value that few rows have, if most rows have other values.

        If most rows have rare values, as in a series of names, values that differ only in numbers count as one.
        """
        if self._is_uniform:
            return {}
        keys = self._choose_keys()
        ((common_key, _),) = keys.count(self._counts).most_common(1)
        rare = _select_rare(self._counts, keys) or _select_rare(self._counts, evolve(keys, masked=True))
        shortened = _shorten_all([text for texts in rare.values() for text in texts], common_key)
        return {value: " ".join(shortened[text] for text in texts) for value, texts in rare.items()}

    def _choose_keys(self) -> _Keys:
        """Return the keys by which the values are counted.

        Lists have keys of which all can be shown, if there are such. A key is a list or, if these are too many or too long, an item. If there
        are still too many, numbers are masked, so that one list or item that is unlike the others is seen.
        """
        if not self.is_list:
            return _Keys()
        choices = (_Keys(), _Keys(masked=True), _Keys(split=True))
        return next(
            (keys for keys in choices if keys.can_show_all(self._counts)), _Keys(split=True, masked=True)
        )


@frozen
class _Keys:
    """How values are counted: whole or, if `split`, by their items; if `masked`, without numbers."""

    split: bool = False
    masked: bool = False

    def list_texts(self, value: str) -> Sequence[str]:
        """Return the texts of a value that are counted."""
        items = _split(value)
        return tuple(dict.fromkeys(items)) if self.split else (" ".join(items),)

    def list_keys(self, value: str) -> Sequence[str]:
        """Return the key of each of these texts."""
        texts = self.list_texts(value)
        return tuple(map(mask_numbers, texts)) if self.masked else texts

    def count(self, values: Counter[str]) -> Counter[str]:
        """Return the number of rows with each key."""
        counts = Counter[str]()
        for value, count in values.items():
            for key in dict.fromkeys(self.list_keys(value)):
                counts[key] += count
        return counts

    def can_show_all(self, values: Counter[str]) -> bool:
        """Return whether all keys of these values are few and short enough to be shown."""
        keys: set[str] = set()
        has_items = False
        for value in values:
            own_keys = self.list_keys(value)
            keys.update(own_keys)
            has_items |= len(own_keys) > 1
            if len(keys) > _MAX_LISTS:
                return False
        return has_items or max(map(len, keys)) <= _MAX_VALUE_LENGTH


def _describe_line(line: FieldLine | None, address: str) -> str:
    """Describe the items of a list, or a field's values in one text; None is an absent field.

    The row's own name is replaced by `<name>`.
    """
    if line is None:
        return _NONE
    name = address.partition(".")[2]
    if line.added or line.removed:
        items = [f"+ {_format_text(item, name)}" for item in line.added]
        items += [f"- {_format_text(item, name)}" for item in line.removed]
        return _ITEM_SEPARATOR.join(items)
    return " → ".join([_format_text(value, name) for value in (line.before, line.after) if value])


def _split(value: str) -> Sequence[str]:
    """Return the items of a value; that of a field that is not a list is one item."""
    return value.split(_ITEM_SEPARATOR)


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


def _select_rare(values: Counter[str], keys: _Keys) -> Mapping[str, Sequence[str]]:
    """Return the values with rare texts, and these texts; none if many rows have such values.

    A list without an item that nearly all others have is rare, too.
    """
    counts = keys.count(values)
    if len(counts) == 1:
        return {}
    total = values.total()
    nearly_all = range(total - _MAX_RARE_COUNT, total)
    has_items = any(len(keys.list_keys(value)) > 1 for value in values) if keys.split else False
    usual = {key for key, count in counts.items() if count in nearly_all} if has_items else set()
    rare: dict[str, Sequence[str]] = {}
    rows = 0
    for value, count in values.items():
        own_keys = keys.list_keys(value)
        pairs = zip(keys.list_texts(value), own_keys, strict=True)
        texts = [text for text, key in pairs if counts[key] <= _MAX_RARE_COUNT]
        texts += [f"without {key.removeprefix('+ ')}" for key in sorted(usual.difference(own_keys))]
        if texts:
            rare[value] = texts
            rows += count
            if rows > (1 - _MIN_COMMON_PART) * total:
                return {}
    return rare


def _format_exceptions(exceptions: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield a text for each of the first exceptional rows, and how many more there are."""
    values: dict[str, list[str]] = {}
    for address, text in chain.from_iterable(part.items() for part in exceptions):
        values.setdefault(address, []).append(text)
    for address, texts in list(values.items())[:_MAX_EXCEPTIONS]:
        yield f"{address}: {', '.join(texts)}"
    if len(values) > _MAX_EXCEPTIONS:
        yield f"and {len(values) - _MAX_EXCEPTIONS:,} more"
