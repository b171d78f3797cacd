"""Manifests: the rows of a CSV file, of a JSON Lines file, or of an array in the table itself; and every flaw in them."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

from attrs import Factory, define, frozen

from reconciler.engine.load.input_files import Surroundings
from reconciler.engine.load.interpolation import Values
from reconciler.engine.load.value_error import Wrong
from reconciler.model.resource import ManifestRow
from reconciler.model.text import closest_match, describe_value, quote, quote_if_unsafe, type_name

LARGEST = 64 * 2**20
"""Bytes of one manifest."""

MOST_ROWS = 1_000_000
MOST_COLUMNS = 256
MOST_VALUES = 5_000_000
"""Rows times columns, of all manifests together: it is what they take in memory."""

_FORM = '{ file = "devices.csv" }, { file = "devices.jsonl" }, or an array of tables'
_SCALAR = "a string, a number or a boolean"


@frozen
class Flaw:
    """What is wrong in a row of a manifest; the path of `wrong`, if it has one, is the column."""

    row: ManifestRow
    wrong: Wrong


@frozen(eq=False)
class Manifest:
    """Its columns, None where nothing says them; its rows, each with its place; and its flaws, which are in none.

    `name` is what it is called in messages, and is empty for an array in the table itself.
    """

    name: str
    columns: tuple[str, ...] | None
    rows: Sequence[tuple[ManifestRow, Values]]
    flaws: Sequence[Flaw] = ()


class Manifests:
    """Reads what `for_each` says; a file that several tables name is read once."""

    def __init__(self) -> None:
        self._read: dict[str, Manifest] = {}
        self._room = MOST_VALUES

    def of(self, value: object, surroundings: Surroundings) -> Manifest:
        """The manifest. Raises Wrong when there is none."""
        match value:
            case {"file": str(name), **rest} if not rest and name:
                return self._file(name, surroundings)
            case list() if all(isinstance(item, dict) for item in value):
                return self._done(_objects(_Reading("", self._room), enumerate(value), _of_toml))
            case dict():
                raise Wrong("a table of another form", _FORM)
            case _:
                raise Wrong(describe_value(value), _FORM)

    def _file(self, name: str, surroundings: Surroundings) -> Manifest:
        form = _FORMS.get(name.lower().rpartition(".")[2])
        if form is None:
            raise Wrong(f"{quote(name)} is no manifest", "a name that ends in .csv or .jsonl", path=("file",))
        try:
            path = surroundings.path(name)
            if path not in self._read:
                raw = surroundings.raw(name, LARGEST).removeprefix(codecs.BOM_UTF8)
                self._read[path] = self._done(form(_Reading(quote_if_unsafe(name), self._room), raw))
        except Wrong as wrong:
            raise wrong.under("file") from None
        return self._read[path]

    def _done(self, reading: _Reading) -> Manifest:
        self._room -= len(reading.rows) * len(reading.columns or ())
        return Manifest(reading.name, reading.columns, reading.rows, reading.flaws)


@define
class _Reading:
    """A manifest while it is read; there is room for so many values."""

    name: str
    room: int
    columns: tuple[str, ...] | None = None
    rows: list[tuple[ManifestRow, Values]] = Factory(list)
    flaws: list[Flaw] = Factory(list)

    def flaw(
        self, number: int, problem: str, expected: str | None = None, nearest: str | None = None
    ) -> None:
        """Note what is wrong with a row."""
        self.flaws.append(Flaw(ManifestRow(self.name, number), Wrong(problem, expected, nearest, ())))

    def head(self, number: int, columns: Sequence[str]) -> bool:
        """Take the names of the columns, if they are any."""
        if len(columns) > MOST_COLUMNS:
            self.flaw(number, f"{len(columns)} columns", f"at most {MOST_COLUMNS}")
        elif "" in columns:
            self.flaw(number, "a column without a name", "a name for each")
        elif len(set(columns)) < len(columns):
            twice = next(name for name in columns if columns.count(name) > 1)
            self.flaw(number, f"the column {quote(twice)} is there twice", "each once")
        else:
            self.columns = tuple(columns)
        return self.columns is not None

    def take(self, number: int, values: Values) -> bool:
        """Take a row, if there is room for it."""
        if len(self.rows) == MOST_ROWS:
            self.flaw(number, "too many rows", f"at most {MOST_ROWS:,}")
        elif (len(self.rows) + 1) * len(values) > self.room:
            self.flaw(number, "too many values", f"at most {MOST_VALUES:,} in all manifests")
        else:
            self.rows.append((ManifestRow(self.name, number), values))
            return True
        return False


def _csv(reading: _Reading, raw: bytes) -> _Reading:
    """RFC 4180, in UTF-8, with a header; lines that are empty are no rows."""
    reader = csv.reader(_lines(raw), strict=True)
    number = 1
    try:
        for cells in reader:
            if cells and not _cells(reading, number, cells):
                break
            number = reader.line_num + 1
    except csv.Error as error:
        reading.flaw(number, f"not valid CSV: {str(error).partition(' - ')[0]}")
    except UnicodeDecodeError:
        reading.flaw(reader.line_num + 1, "not UTF-8 text")
    if reading.columns is None and not reading.flaws:
        reading.flaw(1, "there is no header", "a first line with the names of the columns")
    return reading


def _cells(reading: _Reading, number: int, cells: list[str]) -> bool:
    """Take a record; False ends the reading."""
    columns = reading.columns
    if columns is None:
        return reading.head(number, cells)
    if len(cells) == len(columns):
        return reading.take(number, tuple(cells))
    found = f"{len(cells)} value{'' if len(cells) == 1 else 's'}"
    reading.flaw(number, found, f"{len(columns)}, one for each column")
    return True


def _lines(raw: bytes) -> Iterator[str]:
    return (line.decode() for line in io.BytesIO(raw))


def _jsonl(reading: _Reading, raw: bytes) -> _Reading:
    """One JSON object a line, in UTF-8; lines that are blank are no rows."""
    lines = enumerate(io.BytesIO(raw), 1)
    return _objects(reading, ((number, line) for number, line in lines if not line.isspace()), _of_json)


def _objects(
    reading: _Reading, items: Iterable[tuple[int, Any]], read: Callable[[Any], Mapping[str, str]]
) -> _Reading:
    """Objects, all with the keys of the first."""
    for number, item in items:
        try:
            found = read(item)
        except Wrong as wrong:
            reading.flaws.append(Flaw(ManifestRow(reading.name, number), wrong))
            continue
        columns = reading.columns
        if columns is None:
            if not reading.head(number, tuple(found)):
                break
            columns = tuple(found)
        if len(found) != len(columns) or not all(column in found for column in columns):
            here = ManifestRow(reading.name, number)
            reading.flaws += (Flaw(here, wrong) for wrong in _differences(found, columns))
        elif not reading.take(number, tuple([found[column] for column in columns])):
            break
    return reading


def _differences(found: Mapping[str, str], columns: Sequence[str]) -> Iterator[Wrong]:
    expected = "the keys of the first row"
    for column in columns:
        if column not in found:
            yield Wrong("missing", expected, path=(column,))
    for column in found:
        if column not in columns:
            nearest = closest_match(column, columns)
            yield Wrong("unknown key", None if nearest else expected, nearest, (column,))


def _of_toml(item: Mapping[str, object]) -> Mapping[str, str]:
    found = {}
    for column, value in item.items():
        match value:
            case bool():
                found[column] = "true" if value else "false"
            case int() if value.bit_length() <= 64:  # noqa: PLR2004 (bits of a TOML integer)
                found[column] = str(value)
            case str():
                found[column] = value
            case float():  # 1.10 has become 1.1
                raise _column(column, describe_value(value), "a string, which stays as it is written")
            case _:
                raise _column(column, type_name(value), _SCALAR)
    return found


def _of_json(line: bytes) -> Mapping[str, str]:
    try:
        item = json.loads(
            line.decode().rstrip(),
            parse_int=str,
            parse_float=str,
            parse_constant=_no,
            object_pairs_hook=_once,
        )
    except UnicodeDecodeError:
        raise Wrong("not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise Wrong(
            f"not JSON: {error.msg.removesuffix(' at')} at character {error.colno}", "one object"
        ) from None
    except RecursionError:
        raise Wrong("nested too deeply", "one object") from None
    if not isinstance(item, _Object):
        raise Wrong(_sort(item), "one object")
    return {column: _scalar(column, value) for column, value in item.items()}


class _Object(dict[str, Any]):
    """A JSON object."""


def _once(pairs: list[tuple[str, Any]]) -> _Object:
    found = _Object()
    for key, value in pairs:
        if key in found:
            raise Wrong(f"the key {quote(key)} is there twice", "each once")
        found[key] = value
    return found


def _no(constant: str) -> NoReturn:
    raise Wrong(f"not JSON: {constant}", "one object")


def _scalar(column: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            if not _is_text(column) or not _is_text(value):
                raise _column(column, "half of a surrogate pair", "text")
            return value
        case _:
            raise _column(column, _sort(value), _SCALAR)


def _is_text(value: str) -> bool:
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _sort(value: object) -> str:
    return {type(None): "null", _Object: "an object"}.get(type(value)) or type_name(value)


def _column(column: str, problem: str, expected: str) -> Wrong:
    return Wrong(problem, expected, path=(column,))


_Form: TypeAlias = Callable[[_Reading, bytes], _Reading]
_FORMS: Mapping[str, _Form] = {"csv": _csv, "jsonl": _jsonl}
