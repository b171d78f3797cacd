"""Render desired-state tables as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit
from tomlkit.items import Item

from reconciler.engine.export.export import Table
from reconciler.model.text import escape_invisible, is_visible

_MAX_ARRAY_CHARACTERS = 80
"""The maximum number of characters of an array of several items that is written on one line."""

_MAX_SHORT_ESCAPE = 0xFFFF
"""The last character that TOML can write as `\\u` and four digits."""


def render_tables(tables: Iterable[Table]) -> str:
    """Return the tables as text, each with its comments above it."""
    return _escape("\n".join(_render_table(table) for table in tables))


def render_workspace_table(values: Mapping[str, Any]) -> str:
    """Return the table `[workspace]` as text."""
    document = tomlkit.document()
    document.add("workspace", _to_table(values))
    return _escape(tomlkit.dumps(document))


def render_comments(comments: Iterable[str]) -> str:
    """Return one line for each comment, with control characters escaped."""
    return _escape(_format_comments(comments))


def _format_comments(comments: Iterable[str]) -> str:
    return "".join(f"# {escape_invisible(comment)}\n" for comment in comments)


def _escape(text: str) -> str:
    """Return TOML text with the same values, without invisible characters and workflow commands.

    A GitHub runner executes `::` at the beginning of a line, which only a multi-line string has, and `##[` anywhere.
    """
    text = re.sub(r"^(\s*):(?=:)", r"\1\\u003A", text, flags=re.MULTILINE).replace("##[", r"#\u0023[")
    return "\n".join(
        line if line.isprintable() else "".join(map(_escape_character, line)) for line in text.split("\n")
    )


def _escape_character(character: str) -> str:
    if character == "\t" or is_visible(character):
        return character
    code = ord(character)
    return f"\\u{code:04X}" if code <= _MAX_SHORT_ESCAPE else f"\\U{code:08X}"


def _render_table(table: Table) -> str:
    # A super table has no header of its own: `[things.pump-1]` is written without `[things]` before it.
    document, kind_table = tomlkit.document(), tomlkit.table(is_super_table=True)
    kind_table.add(table.address.name, _to_table(table.fields))
    document.add(table.address.table, kind_table)
    return _format_comments(table.comments) + tomlkit.dumps(document)


def _to_table(fields: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for name, value in fields.items():
        table.add(name, _to_item(value))
    return table


def _to_item(value: Any) -> Item:
    match value:
        case Mapping():
            inline_table = tomlkit.inline_table()
            for key, item in value.items():
                inline_table.add(key, _to_item(item))
            return inline_table
        case list():
            array = tomlkit.array()
            for item in value:
                array.append(_to_item(item))
            return array.multiline(len(json.dumps(value)) > _MAX_ARRAY_CHARACTERS and len(value) > 1)
        case str() if '"' in value and "'" not in value and "##[" not in value and value.isprintable():
            return tomlkit.string(value, literal=True)  # in single quotes, so that no " is escaped
        case str() if "\n" in value:
            return tomlkit.string(value, multiline=True)
        case _:
            return tomlkit.item(value)
