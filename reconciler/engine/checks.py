"""What is wrong with resources that are well-formed: by AWS's limits, between each other, and by what their kinds say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias, get_origin

import attrs

from reconciler.engine.graph import cycles, graph_of
from reconciler.engine.ownership import is_reserved
from reconciler.engine.resources import Entry
from reconciler.engine.values import written
from reconciler.engine.wrong import Wrong
from reconciler.kinds.kind import Kind, Scope
from reconciler.kinds.tags import PREFIX
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import Mistake
from reconciler.model.limits import Limits
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, Resource
from reconciler.model.secret import Secret
from reconciler.model.wording import closest, dotted, quoted

_LEAVES = (str, Pem, Document, Mapping, tuple, type(None))
"""What most fields hold, and no secret is in."""

Path: TypeAlias = tuple[str | int, ...]

_COMPARISONS = 100_000
"""How often two names are compared in search of the nearest: a fleet with one wrong table has thousands of mistakes."""


class Dangling:
    """Looks for names that nothing in the file has, and for the nearest that something has."""

    def __init__(self, declared: Collection[Address], kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self._names: dict[str, list[str]] = {}
        for address in sorted(declared):
            self._names.setdefault(address.kind, []).append(address.name)
        self._declared = frozenset(declared)
        self._left = _COMPARISONS

    def among_references(self, entry: Entry) -> Iterator[Wrong]:
        """The references to nothing."""
        for path, table, name in entry.references():
            if isinstance(name, External) or Address(table, name) in self._declared:
                continue
            known = table in self._kinds
            outside = '{ id = "…" } for one outside this file'
            expected = f"a name in [{table}.*], or {outside}" if known else outside
            nearest = self._nearest(name, self._names.get(table, []))
            yield Wrong(f"there is no {dotted((table, name))} in this file", expected, nearest, path)

    def among_dependencies(self, written_out: tuple[str, ...]) -> Iterator[Wrong]:
        """The addresses in `depends_on` that are none, or of nothing."""
        for index, text in enumerate(written_out):
            path: Path = ("depends_on", index)
            table, dot, name = text.partition(".")
            if not (table and dot and name):
                yield Wrong(
                    f"{quoted(text)} is not an address", "kind.name, such as things.pump-7", path=path
                )
            elif Address(table, name) not in self._declared:
                valid = self._names.get(table) or [
                    f"{kind}.{each}" for kind in self._names for each in self._names[kind]
                ]
                near = self._nearest(name if table in self._names else text, valid)
                full = f"{table}.{near}" if near and table in self._names else near
                yield Wrong(f"there is no {dotted((table, name))} in this file", nearest=full, path=path)

    def _nearest(self, name: str, valid: Collection[str]) -> str | None:
        self._left -= len(valid)
        return closest(name, valid) if self._left >= 0 else None


def ignored(paths: tuple[str, ...], kind: Kind) -> Iterator[Wrong]:
    """The paths in `ignore_changes` that lead to no field."""
    if not paths:
        return
    maps = {field.name for field in attrs.fields(kind.spec) if get_origin(written(field.type)) is Mapping}
    for index, text in enumerate(paths):
        name, dot, rest = text.partition(".")
        where: Path = ("lifecycle", "ignore_changes", index)
        if name not in kind.members:
            problem = f"{quoted(name)} is no field of a {kind.noun}"
            yield Wrong(problem, nearest=closest(name, list(kind.members)), path=where)
        elif dot and not (name in maps and rest):
            what = f"{name}.KEY" if name in maps else f"{quoted(name)}, which has no parts"
            yield Wrong(f"{quoted(text)} leads nowhere", what, path=where)


def unset(values: Mapping[str, Any], path: Path = ()) -> Iterator[Wrong]:
    """The secrets whose environment variable is not set."""
    for name, value in values.items():
        if isinstance(value, Secret):
            if value.value is None:
                problem = f"{value.reference} is not set"
                yield Wrong(problem, "a value by the time it is needed", path=(*path, name))
        elif not isinstance(value, _LEAVES) and attrs.has(type(value)):
            yield from unset(attrs.asdict(value, recurse=False), (*path, name))


def over_limits(entry: Entry, scope: Scope, limits: Limits) -> Iterator[Wrong]:
    """Where AWS's limits are broken, by what is written and by what is filled in for what is not."""
    kind, resource = entry.kind, entry.resource
    filled = kind.effective(resource, scope) if resource else None
    for name, member in kind.members.items():
        given = entry.values.get(name)
        if isinstance(given, Mapping):
            yield from _reserved(name, given)
        value = _sent(getattr(filled, name, None) if given is None else given, member.references)
        if member.api is None or value is None or value in ({}, ()):
            continue
        # A text that comes from elsewhere may be anything, so it is told no more than a secret.
        secret = isinstance(given, str | Secret) and not isinstance(entry.declaration.table.get(name), str)
        for breach in limits.breaches(kind.service, member.api, value, secret=secret):
            yield Wrong(breach.problem, breach.expected, breach.nearest, (name, *breach.path))


def _reserved(name: str, given: Mapping[str, Any]) -> Iterator[Wrong]:
    for key in given:
        if key.startswith(PREFIX):
            yield Wrong(f"the prefix {PREFIX!r} marks what is owned", "another key", path=(name, key))


def _sent(value: Any, references: str | None) -> Any:
    """What AWS would be sent for a value, as far as it is known now."""
    match value:
        case Pem() | Document():
            return value.text
        case Secret():
            return value.value
        case External():
            return value.id.rpartition("/")[2]
        case str() if references:
            return None
        case str() | Mapping() | tuple():
            return value
        case int() | float() if not isinstance(value, bool):
            return value
        case _:
            return None


def complaints(entry: Entry, desired: Desired) -> Iterator[Mistake]:
    """What the kind itself finds."""
    if entry.resource is None:
        return
    for found in entry.kind.check(entry.resource, desired):
        path = tuple(found.field.split(".")) if found.field else ()
        yield entry.declaration.mistake(Wrong(found.problem, found.expected, path=path), found.severity)


def marks(entries: Collection[Entry], workspace: str) -> Iterator[Mistake]:
    """The resources whose names are the workspace's own: its marks have them."""
    for entry in entries:
        if is_reserved(workspace, entry.declaration.address):
            problem = f"the workspace {quoted(workspace)} itself has this name, to mark what it owns"
            yield entry.declaration.mistake(Wrong(problem, "another name"))


def same(entries: Collection[Entry]) -> Iterator[Mistake]:
    """Resources that AWS could not tell apart: one certificate under two names."""
    first: dict[tuple[str, str], Resource] = {}
    found = [(entry, entry.resource) for entry in entries if entry.resource]
    for entry, resource in sorted(found, key=lambda pair: (pair[1].origin, pair[1].address)):
        identity = entry.kind.identity(resource)
        if identity is None:
            continue
        other = first.setdefault((entry.kind.table, identity), resource)
        if other is not resource:
            where = f"{dotted((other.address.kind, other.address.name))} at {other.origin}"
            pems = tuple(name for name, value in entry.values.items() if isinstance(value, Pem))
            wrong = Wrong(f"the same {entry.kind.noun} as {where}", "each once", path=pems[:1])
            yield entry.declaration.mistake(wrong)


def knots(entries: Mapping[Address, Entry]) -> Iterator[Mistake]:
    """Cycles, each as the path that closes it."""
    for cycle in cycles(graph_of({address: entry.needs for address, entry in entries.items()})):
        path = " → ".join(dotted((each.kind, each.name)) for each in (*cycle, cycle[0]))
        problem = f"a cycle, in which each has to exist before the next: {path}"
        yield entries[cycle[0]].declaration.mistake(Wrong(problem))
