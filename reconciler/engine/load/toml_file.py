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

from attrs import frozen
from tree_sitter import Language, Node, Parser

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.text import format_path

LARGEST = 16 * 2**20
"""Bytes of one file."""

_LONGEST_KEY = 1024
"""Bytes of one dotted key: tomllib takes time in the cube of its parts."""

_DEEPEST = 32
"""Parts of a path whose line is told; below, the line of what contains it."""

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_DIGITS = re.compile(r"[0-9_]{1000,}")

Keys: TypeAlias = tuple[str | int, ...]


@frozen(eq=False)
class Document:
    """A file that was read: `shown` is its name in messages, `data` what tomllib made of it, `raw` its bytes."""

    shown: str
    path: Path
    raw: bytes
    data: Mapping[str, Any]
    lines: Lines


def read(path: Path, shown: str) -> Document | Diagnostic:
    """Read one file; what makes it unreadable as a whole is one mistake."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return Diagnostic(shown, 1, "not a regular file")
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        return Diagnostic(shown, 1, f"cannot be read: {error.strerror}")
    if len(raw) > LARGEST:
        return Diagnostic(shown, 1, "too large", expected=f"at most {LARGEST >> 20} MiB")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Diagnostic(shown, raw.count(b"\n", 0, error.start) + 1, "not UTF-8 text")
    if text.startswith("\ufeff"):
        return Diagnostic(shown, 1, "it begins with a byte order mark", expected="UTF-8 without one")
    lines = Lines(raw)
    if lines.too_long:
        return Diagnostic(shown, lines.too_long, "nested too deeply")
    return _parse(path, shown, raw, text, lines)


def _parse(path: Path, shown: str, raw: bytes, text: str, lines: Lines) -> Document | Diagnostic:
    try:
        return Document(shown, path, raw, tomllib.loads(text), lines)
    except RecursionError:
        return Diagnostic(shown, 1, "nested too deeply")
    except ValueError as error:  # besides TOMLDecodeError: an integer of more digits than Python converts
        told = str(error)
        place = _PLACE.search(told)
        if place is None:
            digits = _DIGITS.search(text)
            line = text.count("\n", 0, digits.start()) + 1 if digits else 1
            return Diagnostic(shown, line, "not valid TOML: an integer with too many digits")
        line = int(place[1]) if place[1] else text.count("\n") + 1
        twice = lines.twice(line)
        if twice:
            keys, first = twice
            return Diagnostic(
                shown, line, f"{format_path(keys)} is declared twice; the first is at {shown}:{first}"
            )
        return Diagnostic(shown, line, f"not valid TOML: {told[:1].lower()}{told[1 : place.start()]}")


class Lines:
    """Where each key of a TOML text is written.

    A key inside a table of tables, which is what resources are, is looked for when its line is asked for; `too_long` is
    the line of a key that is not worth reading, or 0.
    """

    def __init__(self, raw: bytes) -> None:
        self._found: dict[Keys, int] = {}
        self._later: defaultdict[Keys, list[tuple[Keys, Node]]] = defaultdict(list)
        self._tree = _parser().parse(raw)
        self.too_long = 0
        self._index()

    def of(self, *path: str | int) -> int:
        """The line of the key, or of the innermost one around it that is written out. Lines start at 1."""
        if path in self._found:
            return self._found[path]
        for prefix, node in self._later.pop(path[:2], ()):
            self._pairs(prefix, node)
        for length in range(len(path), 0, -1):
            if path[:length] in self._found:
                return self._found[path[:length]]
        return 1

    def twice(self, line: int) -> tuple[Keys, int] | None:
        """The key declared on this line that was declared before, and where that was."""
        first: dict[Keys, int] = {}
        for path, at in self._declared():
            if at == line and path in first:
                return path, first[path]
            first.setdefault(path, at)
        return None

    def _index(self) -> None:
        counts: defaultdict[Keys, int] = defaultdict(int)
        for node in self._tree.root_node.named_children:
            self._measure(node)
            if node.type == "pair":
                self._pair((), node)
            elif node.type in {"table", "table_array_element"} and (header := _header(node)):
                path = _indexed(_keys(header), counts, element=node.type == "table_array_element")
                self._note((), path, _line(header))
                if len(path) > 1:
                    self._later[path[:2]].append((path, node))
                else:
                    self._pairs(path, node)

    def _measure(self, node: Node) -> None:
        for pair in (node, *node.named_children):
            key = pair.named_child(0) if pair.type == "pair" else None
            if key and key.end_byte - key.start_byte > _LONGEST_KEY and not self.too_long:
                self.too_long = _line(key)

    def _declared(self) -> Iterator[tuple[Keys, int]]:
        for node in self._tree.root_node.named_children:
            header = _header(node) if node.type == "table" else None
            prefix = _keys(header) if header else ()
            if header:
                yield prefix, _line(header)
            if node.type in {"table", "pair"}:
                for pair in [node] if node.type == "pair" else node.named_children:
                    key = pair.named_child(0) if pair.type == "pair" else None
                    if key:
                        yield prefix + _keys(key), _line(key)

    def _pairs(self, prefix: Keys, node: Node) -> None:
        for pair in node.named_children:
            if pair.type == "pair":
                self._pair(prefix, pair)

    def _pair(self, prefix: Keys, pair: Node) -> None:
        parts = [child for child in pair.named_children if child.type != "comment"]
        if not parts:
            return
        path = prefix + _keys(parts[0])
        self._note(prefix, path, _line(parts[0]))
        if len(parts) > 1 and len(path) < _DEEPEST:
            self._value(path, parts[1])

    def _value(self, path: Keys, value: Node) -> None:
        if value.type == "inline_table":
            self._pairs(path, value)
        elif value.type == "array" and len(path) < _DEEPEST:
            items = (child for child in value.named_children if child.type != "comment")
            for index, item in enumerate(items):
                self._found.setdefault((*path, index), _line(item))
                self._value((*path, index), item)

    def _note(self, prefix: Keys, path: Keys, line: int) -> None:
        for length in range(len(prefix) + 1, len(path) + 1):
            self._found.setdefault(path[:length], line)


@cache
def _parser() -> Parser:
    import tree_sitter_toml

    return Parser(Language(tree_sitter_toml.language()))


def _line(node: Node) -> int:
    return node.start_point[0] + 1


def _header(node: Node) -> Node | None:
    return next((child for child in node.named_children if child.type.endswith("_key")), None)


def _keys(node: Node) -> Keys:
    """The parts of a key, quotes and escapes undone."""
    parts: list[str] = []
    while node.type == "dotted_key":  # left-recursive: the last part hangs beside all others
        rest, last = node.named_children[0], node.named_children[-1]
        parts.append(_part(last))
        node = rest
    return (*[_part(node)], *reversed(parts))


def _part(node: Node) -> str:
    text = (node.text or b"").decode()
    if node.type != "quoted_key":
        return text
    try:
        return next(iter(tomllib.loads(f"{text} = 0")))
    except tomllib.TOMLDecodeError:
        return text


def _indexed(keys: Keys, counts: defaultdict[Keys, int], *, element: bool) -> Keys:
    """A header's path with the index of every array of tables that it leads through."""
    path: Keys = ()
    for key in keys[:-1]:
        path = (*path, key)
        if path in counts:
            path = (*path, counts[path] - 1)
    path = (*path, *keys[-1:])
    if element:
        counts[path] += 1
        path = (*path, counts[path] - 1)
    return path
