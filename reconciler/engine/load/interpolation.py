"""Texts with `{column}`s in them → the same with a row's values in their place.

Law: a value is put where its column stands, and that is all. Nothing is formatted, looked up or read again, so what a
manifest says is never anything but text.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from reconciler.engine.load.declaration import Path
from reconciler.engine.load.value_error import Wrong
from reconciler.model.text import closest_match, format_choices, quote

Values: TypeAlias = tuple[str, ...]
"""One row, in the order of the columns."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")

_LISTED = 12
"""Columns that a message lists."""

_DEEPEST = 64
"""Tables and arrays inside one another."""


class Pattern(ABC):
    """A value of a table in which something depends on the row."""

    __slots__ = ()

    @abstractmethod
    def fill(self, row: Values) -> Any:
        """The value for a row. Raises Wrong when two keys of a table become one."""

    @abstractmethod
    def texts(self) -> Iterator[Text]:
        """Every text in it that depends on the row."""

    def inside(self, part: str | int, row: Values) -> tuple[str | int, Sequence[Text], Pattern | None]:
        """What `part` leads to: the part as it is written, the texts that it is made of, and the pattern there."""
        del row
        return part, (), None


@frozen
class Text(Pattern):
    """A text: its pieces, and between them the numbers of columns."""

    pieces: tuple[str | int, ...]

    def fill(self, row: Values) -> str:
        """The text for a row."""
        return "".join([piece if isinstance(piece, str) else row[piece] for piece in self.pieces])

    def texts(self) -> Iterator[Text]:
        """Itself."""
        yield self

    @property
    def columns(self) -> frozenset[int]:
        """The columns that it uses."""
        return frozenset(piece for piece in self.pieces if isinstance(piece, int))


@frozen
class _Same(Pattern):
    """A value that no row changes."""

    value: Any

    def fill(self, row: Values) -> Any:  # noqa: ARG002 (it is the same for all)
        return self.value

    def texts(self) -> Iterator[Text]:
        return iter(())


@frozen
class _Table(Pattern):
    """A table: each key as it is written and as a pattern, and its value."""

    items: tuple[tuple[str, Pattern, Pattern], ...]

    def fill(self, row: Values) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for _, key, value in self.items:
            name = key.fill(row)
            if name in filled:
                raise Wrong(f"two keys become {quote(name)}", "each key once", path=(name,))
            try:
                filled[name] = value.fill(row)
            except Wrong as wrong:
                raise wrong.under(name) from None
        return filled

    def texts(self) -> Iterator[Text]:
        for _, key, value in self.items:
            yield from key.texts()
            yield from value.texts()

    def inside(self, part: str | int, row: Values) -> tuple[str | int, Sequence[Text], Pattern | None]:
        for name, key, value in self.items:
            if key.fill(row) == part:
                return name, tuple(key.texts()), value
        return part, (), None


@frozen
class _Array(Pattern):
    """An array."""

    items: tuple[Pattern, ...]

    def fill(self, row: Values) -> list[Any]:
        filled = []
        for index, item in enumerate(self.items):
            try:
                filled.append(item.fill(row))
            except Wrong as wrong:
                raise wrong.under(index) from None
        return filled

    def texts(self) -> Iterator[Text]:
        for item in self.items:
            yield from item.texts()

    def inside(self, part: str | int, row: Values) -> tuple[str | int, Sequence[Text], Pattern | None]:
        del row
        found = self.items[part] if isinstance(part, int) and part < len(self.items) else None
        return part, (), found


class Patterns:
    """Makes patterns for one manifest, whose `columns` are None where they cannot be known; `wrongs` are all mistakes."""

    def __init__(self, columns: Sequence[str] | None) -> None:
        self.columns = tuple(columns or ())
        self._known = columns is not None
        self._numbers = {name: number for number, name in enumerate(columns or ())}
        self.wrongs: list[Wrong] = []

    def of(self, value: Any, path: Path) -> Pattern:
        """The pattern of a value of the file."""
        match value:
            case str():
                return self.text(value, path)
            case dict() | list() if len(path) > _DEEPEST:
                self.wrongs.append(Wrong("nested too deeply", f"at most {_DEEPEST} levels", path=path))
                return _Same(None)
            case dict():
                made = tuple(
                    (key, self.text(key, (*path, key)), self.of(item, (*path, key)))
                    for key, item in value.items()
                )
                same = all(isinstance(part, _Same) for _, *parts in made for part in parts)
                # A key may have had its braces written twice, and then the table is another one.
                return _Same({key.fill(()): item.fill(()) for _, key, item in made}) if same else _Table(made)
            case list():
                items = tuple(self.of(item, (*path, index)) for index, item in enumerate(value))
                same = all(isinstance(item, _Same) for item in items)
                return _Same([item.fill(()) for item in items]) if same else _Array(items)
            case _:
                return _Same(value)

    def text(self, written: str, path: Path) -> Text | _Same:
        """The pattern of a text."""
        pieces: list[str | int] = []
        end = 0
        for match in _PIECE.finditer(written):
            pieces += [written[end : match.start()], self._piece(match, path)]
            end = match.end()
        pieces.append(written[end:])
        kept = tuple(piece for piece in pieces if piece != "")
        return Text(kept) if any(isinstance(piece, int) for piece in kept) else _Same("".join(map(str, kept)))

    def _piece(self, match: re.Match[str], path: Path) -> str | int:
        piece, name = match[0], match[1]
        if name is None:
            if len(piece) == 1:
                other = "}" if piece == "{" else "{"
                what = f"a {piece} without a {other}"
                self.wrongs.append(Wrong(what, f"{{column}}, or {piece * 2} for {piece} itself", path=path))
            return piece[0]
        if self._known and name not in self._numbers:
            self.wrongs.append(self._unknown(name, path))
        return self._numbers.get(name, 0)

    def _unknown(self, name: str, path: Path) -> Wrong:
        nearest = closest_match(name, self.columns)
        listed = (
            format_choices(self.columns) if 0 < len(self.columns) <= _LISTED else "a column of the manifest"
        )
        expected = None if nearest else f"{listed}; {{{{ and }}}} are the braces themselves"
        return Wrong(f"there is no column {quote(name)}", expected, nearest, path)


def is_same(pattern: Pattern) -> bool:
    """Whether no row changes it."""
    return isinstance(pattern, _Same)


def traced(fields: Mapping[str, Pattern], path: Path, row: Values) -> tuple[Path, frozenset[int]]:
    """The path as it is written, and the columns that make what is there: those of its keys, and those of its value."""
    if not path or path[0] not in fields:
        return path, frozenset()
    written: list[str | int] = [path[0]]
    used: list[Text] = []
    at: Pattern | None = fields[str(path[0])]
    for part in path[1:]:
        name, texts, at = at.inside(part, row) if at else (part, (), None)
        written.append(name)
        used += texts
    used += at.texts() if at else ()
    return tuple(written), frozenset(column for text in used for column in text.columns)
