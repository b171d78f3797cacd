"""A declared table → the resource that it says, or as much of it as can be understood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from attrs import frozen
from cattrs import Converter

from reconciler.engine.declared import Declaration
from reconciler.engine.structure import structured, understood
from reconciler.engine.wrong import Wrong
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address
from reconciler.model.resource import External, Lifecycle, Reference, Resource


@frozen
class Around:
    """What every resource's table may have besides its kind's fields."""

    depends_on: tuple[str, ...] = ()
    lifecycle: Lifecycle = Lifecycle()


_AROUND = tuple(field.name for field in attrs.fields(Around))


@frozen(eq=False)
class Entry:
    """One table as it was understood.

    `values` are the fields that are right, defaults among them when all are: then there is a `resource` as well.
    `wrongs` say what is not.
    """

    declaration: Declaration
    kind: Kind
    values: Mapping[str, Any]
    around: Around
    needs: frozenset[Address]
    resource: Resource | None
    wrongs: tuple[Wrong, ...] = ()

    def references(self) -> Iterator[tuple[tuple[str | int, ...], str, Reference]]:
        """Every reference: the field that makes it, the table that it names, and what it says."""
        return _references(self.values, self.kind)


def entry(declaration: Declaration, kind: Kind, rich: Converter, plain: Converter) -> Entry:
    """Understand a table: its kind's fields by `rich`, which reads files and secrets, what is around them by `plain`."""
    table = declaration.table
    body = {key: value for key, value in table.items() if key not in _AROUND}
    beside = {key: table[key] for key in _AROUND if key in table}
    spec, wrongs = structured(body, kind.spec, rich, _AROUND)
    around, other = structured(beside, Around, plain) if beside else (Around(), [])
    if spec is None:
        values = understood(body, kind.spec, rich)
    else:
        values = {name: getattr(spec, name) for name in kind.members}
    said = around or Around(**understood(beside, Around, plain))
    needs = frozenset(_needs(values, kind, said))
    resource = None
    if spec is not None and around is not None:
        resource = Resource(declaration.address, spec, needs, around.lifecycle, declaration.origin)
    return Entry(declaration, kind, values, said, needs, resource, (*wrongs, *other))


def _references(
    values: Mapping[str, Any], kind: Kind
) -> Iterator[tuple[tuple[str | int, ...], str, Reference]]:
    for name, member in kind.members.items():
        value = values.get(name)
        if member.references is None or value is None:
            continue
        if isinstance(value, tuple):
            yield from (((name, index), member.references, item) for index, item in enumerate(value))
        else:
            yield (name,), member.references, value


def _needs(values: Mapping[str, Any], kind: Kind, around: Around) -> Iterator[Address]:
    for _, table, name in _references(values, kind):
        if not isinstance(name, External):
            yield Address(table, name)
    for text in around.depends_on:
        table, _, name = text.partition(".")
        if table and name:
            yield Address(table, name)
