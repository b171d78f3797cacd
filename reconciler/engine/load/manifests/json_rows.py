"""Read JSON Lines and arrays of JSON objects, in UTF-8; all objects have the keys of the first."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from reconciler.engine.load.manifests.builder import MAX_ROW_BYTES, ManifestBuilder
from reconciler.engine.load.manifests.row_values import build_error, check_unicode, format_boolean
from reconciler.engine.load.manifests.text_files import (
    UnreadableRestError,
    find_binary_format,
    iterate_lines,
    read_head,
)
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.text import quote, type_name

_OBJECT = "one JSON object"
_LINES = "JSON Lines: one JSON object in each line"
_SCALAR_FORMAT = "a string, a number or a boolean"
_CHUNK_BYTES = 2**18
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")


class _JsonObject(dict[str, Any]):
    """A JSON object; `duplicate` is a key that it has twice."""

    __slots__ = ("duplicate",)
    duplicate: str | None


@frozen
class _Constant:
    """NaN or infinity, which Python's parser accepts."""

    name: str


def _to_json_object(pairs: list[tuple[str, Any]]) -> _JsonObject:
    members = _JsonObject(pairs)
    members.duplicate = None
    if len(members) != len(pairs):
        keys = [key for key, _ in pairs]
        members.duplicate = next(key for key in keys if keys.count(key) > 1)
    return members


# Numbers keep their spelling.
_DECODER = json.JSONDecoder(
    parse_int=str, parse_float=str, parse_constant=_Constant, object_pairs_hook=_to_json_object
)


def read_json_lines(builder: ManifestBuilder, file: BinaryIO) -> None:
    """Add the rows of a file with one JSON object per line; blank lines are not rows."""
    head = read_head(file)
    if head.lstrip()[:1] == b"[":
        expected = f"{_LINES}, without [, ] and commas; or a name that ends in .json"
        builder.add_problem(1, "wrong-format", "the file is a JSON array", expected)
    else:
        _read_lines(builder, file, head)


def read_json(builder: ManifestBuilder, file: BinaryIO) -> None:
    """Add the rows of a file that is one array of JSON objects, or else JSON Lines."""
    head = read_head(file)
    if head.lstrip()[:1] == b"[":
        _add_objects(builder, _ArrayReader(file).iterate_items())
    else:
        _read_lines(builder, file, head)


def _read_lines(builder: ManifestBuilder, file: BinaryIO, head: bytes) -> None:
    if problem := _find_other_format(head):
        builder.add_problem(1, "wrong-format", *problem)
        return
    lines = enumerate(iterate_lines(file), 1)
    _add_objects(builder, ((number, _parse_line(line)) for number, line in lines if not line.isspace()))


def _add_objects(builder: ManifestBuilder, items: Iterable[tuple[int, Any]]) -> None:
    """Add objects, or the error of each that is none, with their lines."""
    try:
        for number, item in items:
            try:
                values = _to_texts(item)
            except InvalidValueError as error:
                has_room = builder.add_problems(number, error.problems)
            else:
                has_room = builder.add_mapping(number, values)
            if not has_room:
                return
    except UnreadableRestError as error:
        builder.add_problems(error.line, error.error.problems)


def _find_other_format(head: bytes) -> tuple[str, str] | None:
    """Return the problem of a file that is not JSON Lines, and what is expected; None if there is none."""
    if problem := find_binary_format(head, "JSON Lines"):
        return problem
    first_line = head.lstrip().partition(b"\n")[0].strip()
    if first_line == b"{":
        return "the file has a JSON object in several lines", _LINES
    if first_line[:1] not in {b"{", b""} and b"," in head.partition(b"\n")[0]:
        return "the file is not JSON Lines", "one JSON object in each line, or a name that ends in .csv"
    return None


def _parse_line(line: bytes) -> Any:
    """Return the value of a line, or the error of a line that has none."""
    try:
        return _DECODER.decode(line.decode().rstrip())
    except UnicodeDecodeError:
        return build_error("invalid-utf-8", "not UTF-8 text")
    except json.JSONDecodeError as error:
        return _convert_error(error, error.colno)
    except RecursionError:
        return build_error("nested-too-deeply", "nested too deeply", _OBJECT)


def _convert_error(error: json.JSONDecodeError, column: int) -> InvalidValueError:
    # Some messages end with "at", before a position, such as "Unterminated string starting at".
    reason = error.msg.removesuffix(" at")
    return build_error("invalid-json", f"not JSON: {reason} at character {column}", _OBJECT)


def _to_texts(item: Any) -> Mapping[str, str]:
    """Return the texts of a JSON object. Raises InvalidValueError."""
    if isinstance(item, InvalidValueError):
        raise item
    if not isinstance(item, _JsonObject):
        raise build_error("wrong-type", f"got {_describe_json_type(item)}", _OBJECT)
    if item.duplicate is not None:
        raise build_error("duplicate-key", f"duplicate key {quote(item.duplicate)}", "unique keys")
    try:
        if "".join((*item, *item.values())).isascii():  # the fast way for rows of texts
            return item
    except TypeError:
        pass
    for column in item:
        _to_text(column, column)
    return {column: _to_text(column, value) for column, value in item.items()}


def _to_text(column: str, value: Any) -> str:
    """Return a JSON value as text; numbers are strings already, spelled as in the file."""
    if isinstance(value, _Constant):
        raise build_error("invalid-json", f"not JSON: {value.name}", _OBJECT)
    try:
        if isinstance(value, bool):
            return format_boolean(value)
        if isinstance(value, str):
            return check_unicode(value)
        raise build_error("wrong-type", f"got {_describe_json_type(value)}", _SCALAR_FORMAT)
    except InvalidValueError as error:
        raise error.nest_under(column) from None


def _describe_json_type(value: object) -> str:
    if isinstance(value, _Constant):
        return value.name
    return {type(None): "null", _JsonObject: "an object"}.get(type(value)) or type_name(value)


# ── arrays ──


class _ArrayReader:
    """Reads an array item by item, so that only one item is in memory as text."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._position, self._line = "", 0, 1
        self._is_complete = False

    def iterate_items(self) -> Iterator[tuple[int, Any]]:
        """Yield each item with the line that it starts on. Raises UnreadableRestError."""
        self._expect("[")
        if self._peek() == "]":
            self._expect("]")
        else:
            yield self._read_item()
            while self._expect("],") == ",":
                yield self._read_item()
        if rest := self._peek():
            raise self._build_error(f"{quote(rest)} after the array", "the end of the file")

    def _read_item(self) -> tuple[int, Any]:
        self._peek()
        line = self._line
        while True:
            try:
                item, end = _DECODER.raw_decode(self._text, self._position)
            except RecursionError:
                raise UnreadableRestError(
                    line, build_error("nested-too-deeply", "nested too deeply", _OBJECT)
                ) from None
            except json.JSONDecodeError as error:
                if not self._is_complete and len(self._text) - self._position <= MAX_ROW_BYTES:
                    self._read_more()
                    continue
                line_start = self._text.rfind("\n", 0, error.pos) + 1
                self._move(error.pos)
                raise UnreadableRestError(
                    self._line, _convert_error(error, error.pos - line_start + 1)
                ) from None
            self._move(end)
            return line, item

    def _expect(self, characters: str) -> str:
        """Move after the next character, which must be one of these, and return it."""
        character = self._peek()
        if not character or character not in characters:
            problem = f"got {quote(character)}" if character else "the array has no end"
            raise self._build_error(problem, " or ".join(sorted(characters)))
        self._move(self._position + 1)
        return character

    def _peek(self) -> str:
        """Return the next character that is not white space; empty at the end."""
        while True:
            match = _WHITE_SPACE.match(self._text, self._position)
            self._move(match.end() if match else self._position)
            if self._position < len(self._text) or self._is_complete:
                return self._text[self._position : self._position + 1]
            self._read_more()

    def _move(self, position: int) -> None:
        self._line += self._text.count("\n", self._position, position)
        self._position = position

    def _read_more(self) -> None:
        raw = self._file.read(_CHUNK_BYTES)
        self._is_complete = not raw
        try:
            text = self._decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            line = (
                self._line
                + self._text.count("\n", self._position)
                + error.object.count(b"\n", 0, error.start)
            )
            raise UnreadableRestError(line, build_error("invalid-utf-8", "not UTF-8 text")) from None
        self._text, self._position = self._text[self._position :] + text, 0

    def _build_error(self, problem: str, expected: str) -> UnreadableRestError:
        return UnreadableRestError(self._line, build_error("invalid-json", f"not JSON: {problem}", expected))
