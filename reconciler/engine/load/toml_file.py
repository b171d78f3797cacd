"""One TOML file: its values from the standard library's parser, its line numbers from tree-sitter's."""

from __future__ import annotations

import re
import stat
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from tree_sitter import Language, Node, Parser

from reconciler.engine.load.toml_advice import find_toml_advice
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.text import format_path

MAX_FILE_BYTES = 16 * 2**20

_MAX_KEY_BYTES = 1024
"""The maximum size of a key or a table's header."""

_MAX_KEY_PARTS = 32
"""The maximum number of parts of a key or a table's header: tomllib's parsing time grows with the cube of their number."""

_MANY_PARTS = re.compile(
    rb"""(?<![\w\\-])(?>(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){%d}""" % _MAX_KEY_PARTS
)
"""The beginning of a key with too many parts, or of text in a value or a comment that looks like one."""

_MAX_INDEXED_DEPTH = 32
"""The maximum number of parts of a path whose line is known; a deeper value has the line of its container."""

_TOMLLIB_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")

_MANY_DIGITS = re.compile(r"[0-9_]{1000,}")
"""An integer so long that it is probably the one that Python does not convert; the default limit is 4300 digits."""

Keys: TypeAlias = tuple[str | int, ...]
"""The path of a value in the file: keys, and indexes of arrays."""


@frozen(eq=False)
class TomlFile:
    """A TOML file with its values and the lines of its keys; `display_name` is its name in messages."""

    display_name: str
    path: Path
    raw: bytes
    data: Mapping[str, Any]
    lines: KeyLines


def read_toml_file(path: Path, display_name: str) -> TomlFile | Diagnostic:
    """Read one file, or return the diagnostic of why it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return build_unreadable_diagnostic(display_name, 1, "not a regular file")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        expected = "a TOML file or a folder of TOML files; create one with `reconciler init`"
        return build_unreadable_diagnostic(display_name, 1, "no such file", expected=expected)
    except OSError as error:
        return build_unreadable_diagnostic(display_name, 1, f"cannot read the file: {error.strerror}")
    if len(raw) > MAX_FILE_BYTES:
        return build_unreadable_diagnostic(
            display_name, 1, "the file is too large", expected=f"at most {MAX_FILE_BYTES >> 20} MiB"
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return build_unreadable_diagnostic(
            display_name, raw.count(b"\n", 0, error.start) + 1, "not UTF-8 text"
        )
    if text.startswith("\ufeff"):
        return build_unreadable_diagnostic(
            display_name, 1, "the file starts with a byte order mark", expected="UTF-8 without one"
        )
    lines = KeyLines(raw)
    if lines.first_invalid_key:
        return build_unreadable_diagnostic(display_name, *lines.first_invalid_key)
    return _parse(path, display_name, raw, text, lines)


def build_unreadable_diagnostic(
    display_name: str, line: int, problem: str, expected: str | None = None
) -> Diagnostic:
    """Return the diagnostic of a file, or of a folder of files, that cannot be read."""
    return Diagnostic(display_name, line, problem, expected=expected, code="unreadable-file")


def _parse(path: Path, display_name: str, raw: bytes, text: str, lines: KeyLines) -> TomlFile | Diagnostic:
    try:
        return TomlFile(display_name, path, raw, tomllib.loads(text), lines)
    except RecursionError:
        return build_unreadable_diagnostic(display_name, 1, "nested too deeply")
    except ValueError as error:  # not valid TOML, or an integer of more digits than Python converts
        message = str(error)
    position = _TOMLLIB_POSITION.search(message)
    if position is None:
        digits = _MANY_DIGITS.search(text)
        line = text.count("\n", 0, digits.start()) + 1 if digits else 1
        return _build_invalid_toml_diagnostic(display_name, line, "an integer with too many digits")
    line = int(position[1]) if position[1] else text.count("\n") + 1
    duplicate = lines.find_duplicate(line)
    if duplicate:
        keys, first_line = duplicate
        problem = (
            f"{format_path(keys)} is already declared at {display_name}:{first_line}; remove one of the two"
        )
        return Diagnostic(display_name, line, problem, code="duplicate-key")
    reason = message[:1].lower() + message[1 : position.start()]
    index = _find_index(text, line, int(position[2])) if position[2] else len(text)
    return _build_invalid_toml_diagnostic(display_name, line, reason, find_toml_advice(reason, text, index))


def _find_index(text: str, line: int, column: int) -> int:
    """Return the index of a character, from its line and column, which start at 1."""
    lines = text.split("\n", line - 1)
    return len(text) - len(lines[-1]) + column - 1


def _build_invalid_toml_diagnostic(
    display_name: str, line: int, reason: str, expected: str | None = None
) -> Diagnostic:
    return Diagnostic(display_name, line, f"not valid TOML: {reason}", expected=expected, code="invalid-toml")


class KeyLines:
    """The line of each key of a TOML text.

    Most keys of a large file are in the tables of resources; each table is indexed only when a line in it is requested.
    `first_invalid_key` has the line of the first key that is too long to be parsed, its problem, and what is expected. The keys
    after it are not indexed.
    """

    def __init__(self, raw: bytes) -> None:
        self._lines: dict[Keys, int] = {}
        # The first two parts of a path → the whole paths and the nodes of the tables that begin with them.
        self._unindexed_tables: defaultdict[Keys, list[tuple[Keys, Node]]] = defaultdict(list)
        self._tree = _load_parser().parse(raw)
        self.first_invalid_key = self._find_key_with_many_parts(raw)
        if not self.first_invalid_key:
            self._index()

    def find_line(self, *path: str | int) -> int:
        """Return the line of the key, or of the innermost key around it that the file has. Lines start at 1."""
        if path in self._lines:
            return self._lines[path]
        for prefix, node in self._unindexed_tables.pop(path[:2], ()):
            self._index_pairs(prefix, node)
        for length in range(len(path), 0, -1):
            if path[:length] in self._lines:
                return self._lines[path[:length]]
        return 1

    def find_duplicate(self, line: int) -> tuple[Keys, int] | None:
        """Return the key on this line that was declared before, and its first line, or None."""
        first_lines: dict[Keys, int] = {}
        for path, key_line in self._iterate_declared_keys():
            if key_line == line and path in first_lines:
                return path, first_lines[path]
            first_lines.setdefault(path, key_line)
        return None

    def _find_key_with_many_parts(self, raw: bytes) -> tuple[int, str, str] | None:
        for match in _MANY_PARTS.finditer(raw):
            node = self._tree.root_node.named_descendant_for_byte_range(match.start(), match.start() + 1)
            if node and node.type.endswith("_key"):
                return _get_start_line(node), "the key has too many parts", f"at most {_MAX_KEY_PARTS}"
        return None

    def _index(self) -> None:
        counts: defaultdict[Keys, int] = defaultdict(int)
        for node in self._tree.root_node.named_children:
            self.first_invalid_key = _find_invalid_key(node)
            if self.first_invalid_key:
                return
            if node.type == "pair":
                self._index_pair((), node)
            elif node.type in {"table", "table_array_element"} and (header := _find_header(node)):
                path = _add_indexes(_split_key(header), counts, is_element=node.type == "table_array_element")
                self._record_line((), path, _get_start_line(header))
                if len(path) > 1:
                    self._unindexed_tables[path[:2]].append((path, node))
                else:
                    self._index_pairs(path, node)

    def _iterate_declared_keys(self) -> Iterator[tuple[Keys, int]]:
        """Yield the headers of tables and the keys in them, each with its line, in order.

        Keys inside values, and keys inside arrays of tables, are left out.
        """
        for node in self._tree.root_node.named_children:
            header = _find_header(node) if node.type == "table" else None
            prefix = _split_key(header) if header else ()
            if header:
                yield prefix, _get_start_line(header)
            if node.type in {"table", "pair"}:
                pairs = [node] if node.type == "pair" else node.named_children
                for key in filter(None, map(_find_key, pairs)):
                    yield prefix + _split_key(key), _get_start_line(key)

    def _index_pairs(self, prefix: Keys, node: Node) -> None:
        for pair in node.named_children:
            if pair.type == "pair":
                self._index_pair(prefix, pair)

    def _index_pair(self, prefix: Keys, pair: Node) -> None:
        parts = [child for child in pair.named_children if child.type != "comment"]
        if not parts:
            return
        path = prefix + _split_key(parts[0])
        self._record_line(prefix, path, _get_start_line(parts[0]))
        if len(parts) > 1 and len(path) < _MAX_INDEXED_DEPTH:
            self._index_value(path, parts[1])

    def _index_value(self, path: Keys, value: Node) -> None:
        if value.type == "inline_table":
            self._index_pairs(path, value)
        elif value.type == "array" and len(path) < _MAX_INDEXED_DEPTH:
            items = (child for child in value.named_children if child.type != "comment")
            for index, item in enumerate(items):
                self._lines.setdefault((*path, index), _get_start_line(item))
                self._index_value((*path, index), item)

    def _record_line(self, prefix: Keys, path: Keys, line: int) -> None:
        """Record the line of the key `path`, and of each table inside `prefix` that the key leads through.

        `prefix` is the table that contains the key; its own line is not recorded.
        """
        for length in range(len(prefix) + 1, min(len(path), _MAX_INDEXED_DEPTH) + 1):
            self._lines.setdefault(path[:length], line)


@cache
def _load_parser() -> Parser:
    import tree_sitter_toml

    return Parser(Language(tree_sitter_toml.language()))


def _find_invalid_key(node: Node) -> tuple[int, str, str] | None:
    """Return the line, the problem and the expected size of the first key that is too long, or None."""
    for key in filter(None, (_find_header(node), *map(_find_key, (node, *node.named_children)))):
        if key.end_byte - key.start_byte > _MAX_KEY_BYTES:
            return _get_start_line(key), "the key is too long", f"at most {_MAX_KEY_BYTES} bytes"
    return None


def _get_start_line(node: Node) -> int:
    return node.start_point[0] + 1


def _find_header(node: Node) -> Node | None:
    return next((child for child in node.named_children if child.type.endswith("_key")), None)


def _find_key(node: Node) -> Node | None:
    return node.named_child(0) if node.type == "pair" else None


def _split_key(node: Node) -> Keys:
    """Return the parts of a dotted key, without their quotes and escapes."""
    reversed_parts: list[str] = []
    while node.type == "dotted_key":  # a.b.c is parsed as (a.b).c: the last part, and the key before it
        remainder, last = node.named_children[0], node.named_children[-1]
        reversed_parts.append(_unquote(last))
        node = remainder
    return (_unquote(node), *reversed(reversed_parts))


def _unquote(node: Node) -> str:
    text = (node.text or b"").decode()
    if node.type != "quoted_key":
        return text
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))  # the only key, without quotes and escapes
    except tomllib.TOMLDecodeError:
        return text


def _add_indexes(keys: Keys, counts: defaultdict[Keys, int], *, is_element: bool) -> Keys:
    """Return a header's path with the index of every array of tables that it leads through.

    `counts` has the number of elements so far of each array; `is_element` is true for a header in double brackets.
    """
    path: Keys = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, *keys[-1:])
    if is_element:
        counts[path] += 1
        path = (*path, counts[path] - 1)
    return path
