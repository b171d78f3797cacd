"""Manifests: the rows of a CSV file, of a JSON Lines file, or of an array in the table itself."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from attrs import Factory, define, frozen

from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.interpolation import RowValues
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.file_content import recognize_bytes
from reconciler.model.resource import ManifestRow
from reconciler.model.text import describe_value, format_count, is_unicode, quote, quote_if_unsafe, type_name

MAX_MANIFEST_BYTES = 64 * 2**20
MAX_ROWS = 1_000_000
MAX_COLUMNS = 256
MAX_VALUES = 5_000_000
"""The maximum number of values (rows times columns) in all manifests together; it limits the memory for them."""

_MAX_TOML_INTEGER_BITS = 64
_MANIFEST_FORMAT = '{ file = "devices.csv" }, { file = "devices.jsonl" }, or an array of tables'
_SCALAR_FORMAT = "a string, a number or a boolean"


@frozen(eq=False)
class Manifest:
    """The columns and the rows of a manifest.

    - `name`: the file's name in messages; empty for an array in the table itself;
    - `columns`: the names of the columns, None if they could not be determined;
    - `rows`: the place and the values of each row;
    - `problems`: the place of each row (or header) that could not be read, with a problem. If the problem has a path,
      the path is the name of a column.
    """

    name: str
    columns: tuple[str, ...] | None
    rows: Sequence[tuple[ManifestRow, RowValues]]
    problems: Sequence[tuple[ManifestRow, ValueProblem]] = ()


class ManifestReader:
    """Reads the manifests of `for_each`; a file that several tables use is read only once."""

    def __init__(self) -> None:
        self._manifests_by_path: dict[str, Manifest] = {}
        self._values_left = MAX_VALUES

    def read(self, value: object, context: LoadContext) -> Manifest:
        """Return the manifest that a `for_each` refers to or contains. Raises InvalidValueError."""
        match value:
            case {"file": str(name), **rest} if not rest and name:
                return self._read_file(name, context)
            case list() if all(isinstance(item, dict) for item in value):
                return self._build_manifest(
                    _parse_objects(self._create_builder(""), enumerate(value), _parse_toml_row)
                )
            case dict():
                raise _build_error("wrong-type", "not a valid table", _MANIFEST_FORMAT)
            case _:
                raise _build_error("wrong-type", f"got {describe_value(value)}", _MANIFEST_FORMAT)

    def _read_file(self, name: str, context: LoadContext) -> Manifest:
        extension = name.lower().rpartition(".")[2]
        parse = _PARSERS.get(extension)
        if parse is None:
            problem = f"{quote(name)} is not a valid manifest name"
            raise _build_error("invalid-path", problem, "a name that ends in .csv or .jsonl").nest_under(
                "file"
            )
        try:
            path = context.resolve_path(name)
            if path not in self._manifests_by_path:
                raw = context.read_bytes(name, MAX_MANIFEST_BYTES).removeprefix(codecs.BOM_UTF8)
                self._manifests_by_path[path] = self._build_manifest(
                    parse(self._create_builder(quote_if_unsafe(name)), raw)
                )
        except InvalidValueError as error:
            raise error.nest_under("file") from None
        return self._manifests_by_path[path]

    def _create_builder(self, name: str) -> _ManifestBuilder:
        return _ManifestBuilder(name, self._values_left)

    def _build_manifest(self, builder: _ManifestBuilder) -> Manifest:
        """Return the manifest, and count its values."""
        self._values_left -= len(builder.rows) * len(builder.columns or ())
        return Manifest(builder.name, builder.columns, builder.rows, builder.problems)


@define
class _ManifestBuilder:
    """The part of a manifest that has been read.

    A row's `number` is its first line in a file, or its index in an array. `problem_row_count` is the number of rows with problems.
    """

    name: str
    max_values: int
    columns: tuple[str, ...] | None = None
    rows: list[tuple[ManifestRow, RowValues]] = Factory(list)
    problems: list[tuple[ManifestRow, ValueProblem]] = Factory(list)
    problem_row_count: int = 0

    def add_problem(self, number: int, code: str, problem: str, expected: str | None = None) -> bool:
        """Add the problem of a row, or the one that there are too many rows; return whether it was added."""
        return self.add_problems(number, [ValueProblem(code, problem, expected)])

    def add_problems(self, number: int, problems: Iterable[ValueProblem]) -> bool:
        """Add problems of one row, or the one that there are too many rows; return whether they were added."""
        row = ManifestRow(self.name, number)
        if self._has_all_rows:
            self.problems.append((row, _build_too_many_rows_problem()))
            return False
        self.problem_row_count += 1
        self.problems += ((row, problem) for problem in problems)
        return True

    @property
    def _has_all_rows(self) -> bool:
        return len(self.rows) + self.problem_row_count >= MAX_ROWS

    def set_columns(self, number: int, columns: Sequence[str]) -> bool:
        """Set the columns, or add the problem with them; return whether they are valid."""
        if len(columns) > MAX_COLUMNS:
            self.add_problem(number, "too-many-columns", f"{len(columns)} columns", f"at most {MAX_COLUMNS}")
        elif "" in columns:
            self.add_problem(number, "unnamed-column", "empty column name", "a name for each column")
        elif len(set(columns)) < len(columns):
            duplicate = next(name for name in columns if columns.count(name) > 1)
            self.add_problem(
                number, "duplicate-column", f"duplicate column {quote(duplicate)}", "unique column names"
            )
        else:
            self.columns = tuple(columns)
        return self.columns is not None

    def add_row(self, number: int, values: RowValues) -> bool:
        """Add a row, or the problem that a limit is exceeded; return whether the row was added."""
        if self._has_all_rows:
            self.problems.append((ManifestRow(self.name, number), _build_too_many_rows_problem()))
        elif (len(self.rows) + 1) * len(values) > self.max_values:
            expected = f"at most {MAX_VALUES:,} in all manifests together"
            self.add_problem(number, "too-many-values", "too many values", expected)
        else:
            self.rows.append((ManifestRow(self.name, number), values))
            return True
        return False


def _find_other_format(raw: bytes, *, is_csv: bool) -> tuple[str, str] | None:
    """Return the problem of a whole file in another format, and what is expected; None if there is none."""
    content = recognize_bytes(raw)
    if content:
        return f"the file is {content}", "UTF-8 text"
    start = raw.lstrip()[:1]
    if start == b"<":
        return "the file is HTML or XML", "CSV" if is_csv else "JSON Lines"
    if is_csv and start in {b"{", b"["}:
        return "the file is JSON", "CSV, or a name that ends in .jsonl and one JSON object in each line"
    if not is_csv and start == b"[":
        return "the file is a JSON array", "JSON Lines: one JSON object in each line, without [, ] and commas"
    if not is_csv and raw.lstrip().partition(b"\n")[0].strip() == b"{":
        return "the file has a JSON object in several lines", "JSON Lines: one JSON object in each line"
    if not is_csv and start not in {b"{", b""} and b"," in raw.partition(b"\n")[0]:
        return "the file is not JSON Lines", "one JSON object in each line, or a name that ends in .csv"
    return None


def _find_separator_problem(header: Sequence[str]) -> tuple[str, str] | None:
    """Return the problem of a header that another character than the comma separates."""
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars")):
        if len(header) == 1 and separator in header[0]:
            return f"the columns are separated by {name}", "commas (RFC 4180)"
    return None


def _parse_csv(builder: _ManifestBuilder, raw: bytes) -> _ManifestBuilder:
    """Parse CSV as in RFC 4180, in UTF-8, with a header; empty lines are not rows."""
    if problem := _find_other_format(raw, is_csv=True):
        builder.add_problem(1, "wrong-format", *problem)
        return builder
    reader = csv.reader(_decode_lines(raw), strict=True)
    number = 1
    try:
        for cells in reader:
            if cells and not _add_cells(builder, number, cells):
                break
            number = reader.line_num + 1
    except csv.Error as error:
        reason = str(error).partition(" - ")[0]  # what follows the dash is advice for programmers
        builder.add_problem(number, "invalid-csv", f"not valid CSV: {reason}")
    except UnicodeDecodeError:
        builder.add_problem(reader.line_num + 1, "invalid-utf-8", "not UTF-8 text")
    if builder.columns is None and not builder.problems:
        builder.add_problem(1, "missing-header", "the header is missing", "column names in the first line")
    return builder


def _add_cells(builder: _ManifestBuilder, number: int, cells: list[str]) -> bool:
    """Add the cells of the header or of a row; return whether to read on."""
    columns = builder.columns
    if columns is None:
        if separator_problem := _find_separator_problem(cells):
            builder.add_problem(number, "wrong-separator", *separator_problem)
            return False
        return builder.set_columns(number, cells)
    if len(cells) == len(columns):
        return builder.add_row(number, tuple(cells))
    problem = f"got {len(cells)} value{'' if len(cells) == 1 else 's'}"
    return builder.add_problem(number, "wrong-value-count", problem, f"{len(columns)}, one for each column")


def _decode_lines(raw: bytes) -> Iterator[str]:
    return (line.decode() for line in io.BytesIO(raw))


def _parse_jsonl(builder: _ManifestBuilder, raw: bytes) -> _ManifestBuilder:
    """Parse one JSON object per line, in UTF-8; blank lines are not rows."""
    if problem := _find_other_format(raw, is_csv=False):
        builder.add_problem(1, "wrong-format", *problem)
        return builder
    lines = enumerate(io.BytesIO(raw), 1)
    return _parse_objects(
        builder, ((number, line) for number, line in lines if not line.isspace()), _parse_json_row
    )


def _parse_objects(
    builder: _ManifestBuilder,
    items: Iterable[tuple[int, Any]],
    parse_row: Callable[[Any], Mapping[str, str]],
) -> _ManifestBuilder:
    """Parse objects, which must all have the keys of the first one.

    Each item is a pair of a row's number and the argument for `parse_row`, which returns the row's object.
    """
    for number, item in items:
        try:
            values = parse_row(item)
        except InvalidValueError as error:
            if not builder.add_problems(number, error.problems):
                break
            continue
        columns = builder.columns
        if columns is None:
            if not builder.set_columns(number, tuple(values)):
                break
            columns = tuple(values)
        if len(values) != len(columns) or not all(column in values for column in columns):
            if not builder.add_problems(number, _compare_keys(values, columns)):
                break
        elif not builder.add_row(number, tuple([values[column] for column in columns])):
            break
    return builder


def _compare_keys(values: Mapping[str, str], columns: Sequence[str]) -> Iterator[ValueProblem]:
    if len(values) > MAX_COLUMNS:
        yield ValueProblem("too-many-columns", format_count(len(values), "key"), f"at most {MAX_COLUMNS}")
        return
    expected = "the keys of the first row"
    for column in columns:
        if column not in values:
            yield ValueProblem("missing-key", "missing key", expected, path=(column,))
    for column in values:
        if column not in columns:
            suggestion = Suggestion(column, columns, replaces_expected=True)
            yield ValueProblem("unknown-key", "unknown key", expected, suggestion, path=(column,))


def _parse_toml_row(item: Mapping[str, object]) -> Mapping[str, str]:
    values = {}
    for column, value in item.items():
        match value:
            case bool():
                values[column] = "true" if value else "false"
            case int() if value.bit_length() <= _MAX_TOML_INTEGER_BITS:
                values[column] = str(value)
            case int():
                expected = f"an integer of at most {_MAX_TOML_INTEGER_BITS} bits, or a string"
                raise _build_error("wrong-type", "the integer is too large", expected).nest_under(column)
            case str():
                values[column] = value
            case float():  # the TOML parser loses the spelling: 1.10 is 1.1 here
                expected = "a string, which keeps the spelling of the number"
                raise _build_error("wrong-type", f"got {describe_value(value)}", expected).nest_under(column)
            case _:
                raise _build_error("wrong-type", f"got {type_name(value)}", _SCALAR_FORMAT).nest_under(column)
    return values


def _parse_json_row(line: bytes) -> Mapping[str, str]:
    expected = "one JSON object"
    try:
        item = json.loads(
            line.decode().rstrip(),
            parse_int=str,
            parse_float=str,
            parse_constant=_reject_constant,
            object_pairs_hook=_to_json_object,
        )
    except UnicodeDecodeError:
        raise _build_error("invalid-utf-8", "not UTF-8 text") from None
    except json.JSONDecodeError as error:
        # Some messages end with "at", before a position, such as "Unterminated string starting at".
        reason = error.msg.removesuffix(" at")
        raise _build_error(
            "invalid-json", f"not JSON: {reason} at character {error.colno}", expected
        ) from None
    except RecursionError:
        raise _build_error("nested-too-deeply", "nested too deeply", expected) from None
    if not isinstance(item, _JsonObject):
        raise _build_error("wrong-type", f"got {_describe_json_type(item)}", expected)
    return {column: _to_text(column, value) for column, value in item.items()}


class _JsonObject(dict[str, Any]):
    """A JSON object that was checked for duplicate keys."""


def _to_json_object(pairs: list[tuple[str, Any]]) -> _JsonObject:
    members = _JsonObject()
    for key, value in pairs:
        if key in members:
            raise _build_error("duplicate-key", f"duplicate key {quote(key)}", "unique keys")
        members[key] = value
    return members


def _reject_constant(constant: str) -> NoReturn:
    """Reject NaN and infinity, which Python's parser accepts."""
    raise _build_error("invalid-json", f"not JSON: {constant}", "one JSON object")


def _to_text(column: str, value: Any) -> str:
    """Return a JSON value as text; numbers are strings already, spelled as in the file."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            if not is_unicode(column) or not is_unicode(value):
                raise _build_error("invalid-unicode", "unpaired surrogate", "valid Unicode text").nest_under(
                    column
                )
            return value
        case _:
            raise _build_error("wrong-type", f"got {_describe_json_type(value)}", _SCALAR_FORMAT).nest_under(
                column
            )


def _describe_json_type(value: object) -> str:
    return {type(None): "null", _JsonObject: "an object"}.get(type(value)) or type_name(value)


def _build_too_many_rows_problem() -> ValueProblem:
    return ValueProblem("too-many-rows", "too many rows", f"at most {MAX_ROWS:,}")


def _build_error(code: str, problem: str, expected: str | None = None) -> InvalidValueError:
    return InvalidValueError(ValueProblem(code, problem, expected))


_Parser: TypeAlias = Callable[[_ManifestBuilder, bytes], _ManifestBuilder]
_PARSERS: Mapping[str, _Parser] = {"csv": _parse_csv, "jsonl": _parse_jsonl}
