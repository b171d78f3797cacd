"""Values of a table with `for_each`, in which `{column}` is replaced with a row's value.

`{row.column}` is another form of `{column}`. It differs in a text that is a JSON object: there, the value is inserted as JSON writes
it in a string, while `{column}` inserts it unchanged, so that a column may contain a part of the JSON.

The other names in braces, such as `{var.prefix}`, are the same for all rows (see `placeholders`).

Invariant: the values of a row are texts. Braces in them have no meaning.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeAlias

from reconciler.engine.load.placeholders import NAME, TOKEN, Placeholders, escape_for, is_json_object
from reconciler.frozen_classes import field, frozen
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValuePath, ValueProblem
from reconciler.model.text import format_choices, quote

RowValues: TypeAlias = tuple[str, ...]
"""The values of one row, in the order of the columns."""

_TOKEN = re.compile(r"\$\{([^{}]*)\}|\{\{|\}\}|\{([^{}]*)\}|[{}]")
"""AWS's `${…}`, a doubled brace, a `{column}` or name, or a single brace, which is an error."""

_SHORT_COLUMN = re.compile(r"(?<!\$)\{([^{}.]+)\}")
"""A `{column}` without a namespace."""

_MAX_LISTED_COLUMNS = 12
"""The maximum number of columns that a message lists."""

_MAX_DEPTH = 64
"""The maximum number of levels of tables and arrays in one field."""


class Interpolation(ABC):
    """A parsed value of the file, whose texts may contain columns, to be filled for each row."""

    __slots__ = ()

    @abstractmethod
    def fill(self, row: RowValues) -> Any:
        """Return the value for a row. Raises InvalidValueError if two keys of a table become the same."""

    @abstractmethod
    def iterate_texts(self) -> Iterator[InterpolatedText]:
        """Yield every text in it that uses a column."""

    def trace_part(
        self, part: str | int, row: RowValues
    ) -> tuple[str | int, Sequence[InterpolatedText], Interpolation | None]:
        """Return where a part of the filled value comes from; `part` is a key or an index of that value.

        The result has the part's key or index in the file, the text of that key if it uses columns, and the interpolation of the
        part's value, if there is one.
        """
        del row
        return part, (), None


class _JsonColumn(int):
    """The number of a column whose value is inserted as JSON writes it in a string."""

    __slots__ = ()


@frozen
class InterpolatedText(Interpolation):
    """A text with columns: its literal pieces, and the numbers of the columns (from 0) between them.

    `has_json_columns` is whether some of the numbers are a `_JsonColumn`; without any, the text is filled faster: `_get_values` returns
    the value of its column, or several as a tuple, for the percent signs of `_format`.
    """

    pieces: tuple[str | int, ...]
    has_json_columns: bool = False
    _format: str = field(init=False, repr=False, eq=False)
    _get_values: Callable[[RowValues], Any] = field(init=False, repr=False, eq=False)

    @_format.default
    def _build_format(self) -> str:
        return "".join(piece.replace("%", "%%") if isinstance(piece, str) else "%s" for piece in self.pieces)

    @_get_values.default
    def _build_getter(self) -> Callable[[RowValues], Any]:
        return itemgetter(*(piece for piece in self.pieces if isinstance(piece, int)))

    def fill(self, row: RowValues) -> str:
        """Return the text for a row."""
        if self.has_json_columns:
            return "".join(
                [piece if isinstance(piece, str) else _get_value(row, piece) for piece in self.pieces]
            )
        text: str = self._format % self._get_values(row)
        return text

    def iterate_texts(self) -> Iterator[InterpolatedText]:
        """Yield the text itself."""
        yield self

    @property
    def columns(self) -> frozenset[int]:
        """The numbers of the columns that it uses."""
        return frozenset(piece for piece in self.pieces if isinstance(piece, int))


def _get_value(row: RowValues, number: int) -> str:
    return escape_for(row[number], is_json=True) if isinstance(number, _JsonColumn) else row[number]


@frozen
class _Constant(Interpolation):
    """A value that uses no column."""

    value: Any

    def fill(self, row: RowValues) -> Any:  # noqa: ARG002 (it is the same for all rows)
        return self.value

    def iterate_texts(self) -> Iterator[InterpolatedText]:
        return iter(())


@frozen
class _InterpolatedTable(Interpolation):
    """A table: each key in the file, with the interpolations of the key and of the value."""

    items: tuple[tuple[str, Interpolation, Interpolation], ...]

    def fill(self, row: RowValues) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for _, key, value in self.items:
            filled_key = key.fill(row)
            if filled_key in filled:
                problem = f"two keys become {quote(filled_key)}"
                raise InvalidValueError(
                    ValueProblem("duplicate-key", problem, "unique keys", path=(filled_key,))
                )
            try:
                filled[filled_key] = value.fill(row)
            except InvalidValueError as error:
                raise error.nest_under(filled_key) from None
        return filled

    def iterate_texts(self) -> Iterator[InterpolatedText]:
        for _, key, value in self.items:
            yield from key.iterate_texts()
            yield from value.iterate_texts()

    def trace_part(
        self, part: str | int, row: RowValues
    ) -> tuple[str | int, Sequence[InterpolatedText], Interpolation | None]:
        for key_in_file, key, value in self.items:
            if key.fill(row) == part:
                return key_in_file, tuple(key.iterate_texts()), value
        return part, (), None


@frozen
class _InterpolatedArray(Interpolation):
    """An array, with the interpolation of each item."""

    items: tuple[Interpolation, ...]

    def fill(self, row: RowValues) -> list[Any]:
        filled = []
        for index, item in enumerate(self.items):
            try:
                filled.append(item.fill(row))
            except InvalidValueError as error:
                raise error.nest_under(index) from None
        return filled

    def iterate_texts(self) -> Iterator[InterpolatedText]:
        for item in self.items:
            yield from item.iterate_texts()

    def trace_part(
        self, part: str | int, row: RowValues
    ) -> tuple[str | int, Sequence[InterpolatedText], Interpolation | None]:
        del row
        item = self.items[part] if isinstance(part, int) and part < len(self.items) else None
        return part, (), item


class InterpolationParser:
    """Parses the values of one table with `for_each`, or of a JSON document that such a table refers to.

    `columns` are those of the table's manifest, or None if they are not known. In a document (`is_document`), a column needs the
    form `{row.column}`, and other braces are literal. `problems` collects the errors of the values, `warnings` what may be a
    mistake.
    """

    def __init__(
        self, columns: Sequence[str] | None, placeholders: Placeholders, *, is_document: bool = False
    ) -> None:
        self.columns = tuple(columns or ())
        self._are_columns_known = columns is not None
        self._numbers = {name: number for number, name in enumerate(self.columns)}
        self._placeholders = placeholders
        self._is_document = is_document
        self.problems: list[ValueProblem] = []
        self.warnings: list[ValueProblem] = []

    def parse(self, value: Any, path: ValuePath) -> Interpolation:
        """Return the interpolation of any value of the file."""
        match value:
            case str():
                return self.parse_text(value, path)
            case dict() | list() if len(path) > _MAX_DEPTH:
                expected = f"at most {_MAX_DEPTH} levels"
                self.problems.append(
                    ValueProblem("nested-too-deeply", "nested too deeply", expected, path=path)
                )
                return _Constant(None)
            case dict():
                return self._parse_table(value, path)
            case list():
                items = tuple(self.parse(item, (*path, index)) for index, item in enumerate(value))
                if all(map(is_constant, items)):
                    return _Constant([item.fill(()) for item in items])
                return _InterpolatedArray(items)
            case _:
                return _Constant(value)

    def _parse_table(self, table: Mapping[str, Any], path: ValuePath) -> Interpolation:
        items = tuple(
            (key, self.parse_text(key, (*path, key)), self.parse(value, (*path, key)))
            for key, value in table.items()
        )
        if all(is_constant(key) and is_constant(value) for _, key, value in items):
            # Doubled braces become single ones in keys as well, so this is not always the same table.
            return _Constant({key.fill(()): value.fill(()) for _, key, value in items})
        return _InterpolatedTable(items)

    def parse_text(self, text: str, path: ValuePath) -> InterpolatedText | _Constant:
        """Return the interpolation of a text; it is constant if the text has no columns."""
        match = TOKEN.fullmatch(text)
        if match and match["name"] and not match["name"].startswith("row.") and not self._is_document:
            return self._parse_whole_name(text, path)
        is_json = not self._is_document and is_json_object(text)
        parse_token = self._parse_document_token if self._is_document else self._parse_token
        if self._is_document:
            self._check_short_columns(text, path)
        pieces: list[str | int] = []
        end = 0
        for match in (TOKEN if self._is_document else _TOKEN).finditer(text):
            pieces += [text[end : match.start()], parse_token(match, path, is_json=is_json)]
            end = match.end()
        pieces.append(text[end:])
        pieces = [piece for piece in pieces if piece != ""]
        if any(isinstance(piece, int) for piece in pieces):
            has_json_columns = any(isinstance(piece, _JsonColumn) for piece in pieces)
            return InterpolatedText(tuple(pieces), has_json_columns)
        return _Constant("".join(map(str, pieces)))

    def _parse_whole_name(self, text: str, path: ValuePath) -> _Constant:
        """Return the value of a text that is one name, such as `{var.rate}`; it keeps its type."""
        try:
            return _Constant(self._placeholders.replace_in_text(text))
        except InvalidValueError as error:
            self.problems += error.nest_under(*path).problems
            return _Constant("")

    def _parse_token(self, match: re.Match[str], path: ValuePath, *, is_json: bool) -> str | int:
        """Return the literal text of a token, the value of a name, or the number of a column."""
        token, aws_name, name = match[0], match[1], match[2]
        if aws_name is not None:
            if aws_name in self._numbers:
                self._warn_of_column(token, aws_name, path)
            return token
        if name is None:
            if len(token) == 1:
                expected = f"{{column}}, or {token * 2} for a literal {token}"
                self.problems.append(
                    ValueProblem("unmatched-brace", f"unmatched {token}", expected, path=path)
                )
            return token[0]
        if NAME.fullmatch(name):
            return self._parse_name(name, path, is_json=is_json)
        return self._find_column(name, path)

    def _parse_document_token(self, match: re.Match[str], path: ValuePath, *, is_json: bool) -> str | int:
        if match["name"]:
            return self._parse_name(match["name"], path, is_json=is_json)
        return f"{{{match['literal']}}}" if match["literal"] else match[0]

    def _check_short_columns(self, text: str, path: ValuePath) -> None:
        """Warn of each `{column}` in a document: only `{row.column}` is replaced there."""
        for column in dict.fromkeys(_SHORT_COLUMN.findall(text)):
            if column in self._numbers:
                self._warn_of_column(f"{{{column}}}", column, path)

    def _warn_of_column(self, token: str, column: str, path: ValuePath) -> None:
        problem = f"{token} is not replaced, although {quote(column)} is a column"
        expected = f"{{row.{column}}} for the column's value"
        self.warnings.append(
            ValueProblem("column-not-replaced", problem, expected, path=path, severity="warning")
        )

    def _parse_name(self, name: str, path: ValuePath, *, is_json: bool) -> str | int:
        """Return the value of a name such as `var.prefix`, or the column's number for `row.column`."""
        namespace, _, column = name.partition(".")
        if namespace == "row":
            number = self._find_column(column, path)
            return _JsonColumn(number) if is_json else number
        try:
            return self._placeholders.insert(name, is_json=is_json)
        except InvalidValueError as error:
            self.problems += error.nest_under(*path).problems
            return ""

    def _find_column(self, column: str, path: ValuePath) -> int:
        if self._are_columns_known and column not in self._numbers:
            self.problems.append(self._build_unknown_column_problem(column, path))
        any_number = 0  # for an unknown column: its text is never filled
        return self._numbers.get(column, any_number)

    def _build_unknown_column_problem(self, column: str, path: ValuePath) -> ValueProblem:
        problem = f"unknown column {quote(column)}"
        name = self._placeholders.suggest(column)
        if name:
            return ValueProblem("unknown-column", problem, None, name, path=path)
        suggestion = Suggestion(column, self.columns, replaces_expected=True)
        is_short_list = 0 < len(self.columns) <= _MAX_LISTED_COLUMNS
        columns = format_choices(self.columns) if is_short_list else "a column of the manifest"
        expected = columns if self._is_document else f"{columns}, or {{{{ and }}}} for literal braces"
        return ValueProblem("unknown-column", problem, expected, suggestion, path=path)


def is_constant(interpolation: Interpolation) -> bool:
    """Return whether the value is the same for all rows."""
    return isinstance(interpolation, _Constant)


def trace_columns(
    fields: Mapping[str, Interpolation], path: ValuePath, row: RowValues
) -> tuple[ValuePath, frozenset[int]]:
    """Return where the filled value at `path` is in the file's table, and the columns used there.

    These are the columns of the value itself and those of the keys on the path.
    """
    if not path or path[0] not in fields:
        return path, frozenset()
    table_path: list[str | int] = [path[0]]
    texts: list[InterpolatedText] = []
    value: Interpolation | None = fields[str(path[0])]
    for part in path[1:]:
        key, key_texts, value = value.trace_part(part, row) if value else (part, (), None)
        table_path.append(key)
        texts += key_texts
    texts += value.iterate_texts() if value else ()
    return tuple(table_path), frozenset(column for text in texts for column in text.columns)


def fill_all(
    fields: Mapping[str, Interpolation], row: RowValues
) -> tuple[dict[str, Any], list[ValueProblem]]:
    """Return the values of the fields for a row, and the problems of the fields that cannot be filled."""
    filled: dict[str, Any] = {}
    problems: list[ValueProblem] = []
    for name, interpolation in fields.items():
        try:
            filled[name] = interpolation.fill(row)
        except InvalidValueError as error:
            problems += error.nest_under(name).problems
    return filled, problems
