"""A declaration → the resource that it says, or as much of it as can be understood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import attrs
from attrs import frozen
from cattrs import Converter

from reconciler.engine.load.converters import converter
from reconciler.engine.load.declaration import Declaration, Path, Table
from reconciler.engine.load.for_each import FOR_EACH, Fleet, Member
from reconciler.engine.load.input_files import Surroundings
from reconciler.engine.load.table_shape import Shape, key_wrongs, shape_of, understood
from reconciler.engine.load.value_error import Wrong
from reconciler.kinds.base.kind import Kind
from reconciler.model.address import Address
from reconciler.model.interning import Interner
from reconciler.model.resource import External, Lifecycle, Reference, Resource


@frozen
class Around:
    """What every resource's table may have besides its kind's fields."""

    depends_on: tuple[str, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    moved: Mapping[str, str] | None = None


_AROUND = tuple(field.name for field in attrs.fields(Around))
_NONE = Around()


@frozen(eq=False)
class Entry:
    """One declaration as it was understood: a `resource` where all of it is right, else what is `said` and right.

    `wrongs` say what is not.
    """

    declaration: Declaration
    kind: Kind
    said: Mapping[str, Any]
    around: Around
    needs: frozenset[Address]
    resource: Resource | None
    wrongs: tuple[Wrong, ...] = ()

    @property
    def values(self) -> Mapping[str, Any]:
        """The fields that are right, defaults among them when all are."""
        return self.said if self.resource is None else _fields(self.resource.spec, self.kind)

    @property
    def references(self) -> Iterator[tuple[Path, str, Reference]]:
        """Where it refers to something, and to what: a table and a name in it."""
        return _references(self.values, self.kind)


class Reader:
    """Understands the declarations of one file; files, secrets and long text come from its surroundings."""

    def __init__(self, surroundings: Surroundings, kinds: Mapping[str, Kind]) -> None:
        self._rich: Converter = converter(surroundings)
        self._around = shape_of(Around, converter())
        self._kinds = kinds
        self._shapes: dict[str, Shape] = {}
        self._shared = Interner()

    def entry(self, table: Table) -> Entry:
        """A table by itself."""
        kind, shape = self._of(table)
        values, wrongs = understood(table.entries, shape)
        wrongs += key_wrongs(table.entries, shape, (FOR_EACH,))
        return _entry(table, kind, values, wrongs, self._shared, whole=not wrongs)

    def common(self, fleet: Fleet) -> Common:
        """What all members of a fleet share, understood once."""
        kind, shape = self._of(fleet.table)
        values, wrongs = understood(fleet.fixed, shape)
        wrongs += key_wrongs(fleet.table.entries, shape, (FOR_EACH,))
        return Common(kind, shape, values, tuple(wrongs), self._shared, not (wrongs or fleet.wrongs))

    def _of(self, table: Table) -> tuple[Kind, Shape]:
        kind = self._kinds[table.names[0]]
        if kind.table not in self._shapes:
            self._shapes[kind.table] = shape_of(kind.spec_class, self._rich) | self._around
        return kind, self._shapes[kind.table]


@frozen(eq=False)
class Common:
    """What all members of a fleet share; `whole` says that nothing is wrong with it."""

    kind: Kind
    shape: Shape
    values: Mapping[str, Any]
    wrongs: tuple[Wrong, ...]
    shared: Interner
    whole: bool

    def entry(self, member: Member) -> Entry:
        """One member: only what depends on its row is understood anew."""
        filled, clashes = member.filled()
        values, wrongs = understood(filled, self.shape)
        wrongs += clashes
        said, whole = {**self.values, **values}, self.whole and not wrongs
        return _entry(member, self.kind, said, wrongs, self.shared, whole=whole)


def _entry(  # noqa: PLR0913 (what was understood, and what all have in common)
    declaration: Declaration,
    kind: Kind,
    said: dict[str, Any],
    wrongs: list[Wrong],
    shared: Interner,
    *,
    whole: bool,
) -> Entry:
    beside = {name: said.pop(name) for name in _AROUND if name in said}
    around = Around(**beside) if beside else _NONE
    spec = kind.spec_class(**said) if whole else None
    references = _references(_fields(spec, kind) if whole else said, kind)
    needs = shared(frozenset(map(shared, _needs(references, around))))
    resource = None
    if whole:
        resource = Resource(shared(declaration.address), spec, needs, around.lifecycle, declaration.origin)
    return Entry(declaration, kind, {} if whole else said, around, needs, resource, tuple(wrongs))


def _fields(spec: Any, kind: Kind) -> Mapping[str, Any]:
    return {name: getattr(spec, name) for name in kind.members}


def _references(values: Mapping[str, Any], kind: Kind) -> Iterator[tuple[Path, str, Reference]]:
    for name, table in _referring(kind):
        value = values.get(name)
        if isinstance(value, tuple):
            for index, item in enumerate(value):
                yield (name, index), table, item
        elif isinstance(value, str | External):  # where a document may stand, it refers to nothing
            yield (name,), table, value


@cache
def _referring(kind: Kind) -> tuple[tuple[str, str], ...]:
    return tuple((name, member.references) for name, member in kind.members.items() if member.references)


def _needs(references: Iterable[tuple[Path, str, Reference]], around: Around) -> Iterator[Address]:
    for _, table, name in references:
        if not isinstance(name, External):
            yield Address(table, name)
    for text in around.depends_on:
        table, _, name = text.partition(".")
        if table and name:
            yield Address(table, name)
