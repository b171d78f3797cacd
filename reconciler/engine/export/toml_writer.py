"""Tables → TOML text, by tomlkit: it writes tables into arrays, long texts over lines, and comments, which `toml` cannot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import tomlkit
from tomlkit.items import Item

from reconciler.engine.export.export import Table
from reconciler.model.text import visible

_LONG = 80


def text_of(tables: Iterable[Table]) -> str:
    """The tables one after the other, each with its remarks above it."""
    return "\n".join(_one(table) for table in tables)


def head(said: Mapping[str, Any]) -> str:
    """`[workspace]`."""
    document = tomlkit.document()
    document.add("workspace", _fields(said))
    return tomlkit.dumps(document)


def remarks(told: Iterable[str]) -> str:
    """Comments, a line each whatever is in them."""
    return "".join(f"# {visible(each)}\n" for each in told)


def _one(table: Table) -> str:
    document, outer = tomlkit.document(), tomlkit.table(is_super_table=True)
    outer.add(table.address.name, _fields(table.fields))
    document.add(table.address.kind, outer)
    return remarks(table.remarks) + tomlkit.dumps(document)


def _fields(fields: Mapping[str, Any]) -> Any:
    made = tomlkit.table()
    for name, value in fields.items():
        made.add(name, _value(value))
    return made


def _value(value: Any) -> Item:
    match value:
        case Mapping():
            inline = tomlkit.inline_table()
            for key, item in value.items():
                inline.add(key, _value(item))
            return inline
        case list():
            array = tomlkit.array()
            for item in value:
                array.append(_value(item))
            return array.multiline(len(json.dumps(value)) > _LONG and len(value) > 1)
        case str() if '"' in value and "'" not in value and value.isprintable():
            return tomlkit.string(value, literal=True)
        case str() if "\n" in value:
            return tomlkit.string(value, multiline=True)
        case _:
            return tomlkit.item(value)
