"""What is wrong with resources that are well-formed: by AWS's limits, between each other, and by what their kinds say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_origin

import attrs

from reconciler.engine.graph import build_graph, cyclic_subgraph, find_shortest_cycles
from reconciler.engine.load.converters import is_named_document, written
from reconciler.engine.load.declaration import Declaration, Finding, Path
from reconciler.engine.load.resources import Entry
from reconciler.engine.load.value_error import Wrong
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import members
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.kinds.shared.ownership_markers import reserved_addresses
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import Desired, External, NotCompared
from reconciler.model.secret import Secret
from reconciler.model.text import closest_match, format_path, quote

_LEAVES = (str, type(None), tuple, bool, int, Pem, Document)
"""What most fields hold, and no secret is in."""

_COMPARISONS = 100_000
"""How often two names are compared in search of the nearest: a fleet with one wrong table has thousands of mistakes."""


class Dangling:
    """Looks for names that nothing in the file has, and for the nearest that something has."""

    def __init__(
        self, declared: Collection[Address], incomplete: Collection[str], kinds: Mapping[str, Kind]
    ) -> None:
        self._kinds = kinds
        self._incomplete = incomplete
        self._names: dict[str, list[str]] = {}
        for address in declared:
            self._names.setdefault(address.kind, []).append(address.name)
        self._declared = declared
        self._found: dict[tuple[str, str], str | None] = {}
        self._left = _COMPARISONS

    def among_references(self, entry: Entry) -> Iterator[Wrong]:
        """The references to nothing."""
        for path, table, name in entry.references:
            if isinstance(name, External) or self._is_there(Address(table, name)):
                continue
            known = table in self._kinds
            field = getattr(attrs.fields(entry.kind.spec_class), str(path[0]))
            outside = (
                "its body" if is_named_document(field.type) else '{ id = "…" } for one outside this file'
            )
            expected = f"a name in [{table}.*], or {outside}" if known else outside
            nearest = self._nearest(table, name)
            yield Wrong(f"there is no {format_path((table, name))} in this file", expected, nearest, path)

    def among_dependencies(self, written_out: tuple[str, ...]) -> Iterator[Wrong]:
        """The addresses in `depends_on` that are none, or of nothing."""
        for index, text in enumerate(written_out):
            path: Path = ("depends_on", index)
            table, dot, name = text.partition(".")
            if not (table and dot and name):
                yield Wrong(f"{quote(text)} is not an address", "kind.name, such as things.pump-7", path=path)
            elif not self._is_there(Address(table, name)):
                known = table in self._names
                near = self._nearest(table, name) if known else self._nearest("", text)
                full = f"{table}.{near}" if near and known else near
                yield Wrong(f"there is no {format_path((table, name))} in this file", nearest=full, path=path)

    def _is_there(self, address: Address) -> bool:
        return address in self._declared or address.kind in self._incomplete

    def _nearest(self, table: str, name: str) -> str | None:
        """The nearest name in the table; without a table, the nearest address."""
        if (table, name) not in self._found:
            valid = self._names.get(table, []) if table else self._addresses()
            self._left -= len(valid)
            self._found[table, name] = closest_match(name, valid) if self._left >= 0 else None
        return self._found[table, name]

    def _addresses(self) -> list[str]:
        return [f"{kind}.{each}" for kind in self._names for each in self._names[kind]]


def ignored(paths: tuple[str, ...], kind: Kind) -> Iterator[Wrong]:
    """The paths in `ignore_changes` that lead to no field."""
    if not paths:
        return
    maps = {
        field.name for field in attrs.fields(kind.spec_class) if get_origin(written(field.type)) is Mapping
    }
    for index, text in enumerate(paths):
        name, dot, rest = text.partition(".")
        where: Path = ("lifecycle", "ignore_changes", index)
        if name not in kind.members:
            problem = f"{quote(name)} is no field of a {kind.noun}"
            yield Wrong(problem, nearest=closest_match(name, list(kind.members)), path=where)
        elif dot and not (name in maps and rest):
            what = f"{name}.KEY" if name in maps else f"{quote(name)}, which has no parts"
            yield Wrong(f"{quote(text)} leads nowhere", what, path=where)


def unset(values: Mapping[str, Any], path: Path = ()) -> Iterator[Wrong]:
    """The secrets whose environment variable is not set."""
    for name, value in values.items():
        if isinstance(value, Secret):
            if value.value is None:
                problem = f"{value.reference} is not set"
                yield Wrong(problem, "a value by the time it is needed", path=(*path, name))
        elif isinstance(value, Mapping):
            yield from unset(value, (*path, name))
        elif not isinstance(value, _LEAVES) and attrs.has(type(value)):
            yield from unset(attrs.asdict(value, recurse=False), (*path, name))


def over_limits(entry: Entry, scope: Scope, limits: Constraints) -> Iterator[Wrong]:
    """Where AWS's limits are broken, by what is written and by what is filled in for what is not."""
    kind, resource = entry.kind, entry.resource
    filled = kind.effective(resource, scope) if resource else None
    # What a template makes is of another class than the table that names it.
    made = {} if filled is None or type(filled) is kind.spec_class else members(type(filled))
    values = entry.values
    for name, member in {**made, **kind.members}.items():
        given = values.get(name)
        if isinstance(given, dict):
            yield from _reserved(name, given)
        said = getattr(filled, name, None) if given is None else given
        if member.api is None or said is None:
            continue
        value = _sent(said, member.references)
        if value is None or value in ({}, ()):
            continue
        # A text that comes from elsewhere may be anything, so it is told no more than a secret.
        secret = isinstance(given, str | Secret) and not _is_written(entry, name)
        for breach in limits.violations(kind.service, member.api, value, secret=secret):
            yield Wrong(breach.problem, breach.expected, breach.nearest, (name, *breach.path))


def _is_written(entry: Entry, name: str) -> bool:
    return isinstance(entry.declaration.table.entries.get(name), str)


def _reserved(name: str, given: Mapping[str, Any]) -> Iterator[Wrong]:
    for key in given:
        if key.startswith(TAG_PREFIX):
            yield Wrong(f"the prefix {TAG_PREFIX!r} marks what is owned", "another key", path=(name, key))


def _sent(value: Any, references: str | None) -> Any:
    """What AWS would be sent for a value, as far as it is known now."""
    match value:
        case Pem():
            return value.text
        case Document():
            return value
        case Secret():
            return value.value
        case External():
            return value.id.rpartition("/")[2]
        case str() if references:
            return None
        case Mapping():  # a secret among its values is nobody's business before it is sent
            return {key: item for key, item in value.items() if not isinstance(item, Secret)}
        case str() | tuple():
            return value
        case int() | float() if not isinstance(value, bool):
            return value
        case _ if attrs.has(type(value)) and not isinstance(value, NotCompared | OutputFile):
            return value
        case _:
            return None


def complaints(entry: Entry, desired: Desired) -> Iterator[Finding]:
    """What the kind itself finds."""
    if entry.resource is None:
        return
    for found in entry.kind.check(entry.resource, desired):
        wrong = Wrong(found.problem, found.expected, found.nearest, found.path)
        yield Finding(entry.declaration, wrong, found.severity)


def marks(entries: Collection[Entry], workspace: str) -> Iterator[Finding]:
    """The resources whose names are the workspace's own: its marks have them."""
    taken = reserved_addresses(workspace)
    for entry in entries:
        if entry.declaration.address in taken:
            problem = f"the workspace {quote(workspace)} itself has this name, to mark what it owns"
            yield Finding(entry.declaration, Wrong(problem, "another name"))


def same(entries: Collection[Entry], desired: Desired) -> Iterator[Finding]:
    """Resources that AWS could not tell apart: one certificate under two names, a thing in two templates."""
    firsts: dict[tuple[str, str], Entry] = {}
    more: defaultdict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.resource:
            for one in entry.kind.aws_identities(entry.resource, desired):
                if firsts.setdefault(one, entry) is not entry:
                    more[one].append(entry)
    for (table, name), others in more.items():
        declared = [firsts[table, name], *others]
        declared.sort(key=lambda entry: (entry.declaration.origin, entry.declaration.address))
        yield from (_again(entry, table, declared[0].declaration) for entry in declared[1:])


def _again(entry: Entry, table: str, first: Declaration) -> Finding:
    where = f"{format_path((first.address.kind, first.address.name))} at {first.origin}"
    noun, pems = (
        all_kinds()[table].noun,
        tuple(key for key, value in entry.values.items() if isinstance(value, Pem)),
    )
    what = f"the same {noun} as {where}"
    if entry.kind.table != table:
        what = f"its {noun} is the one of {where}"
    return Finding(entry.declaration, Wrong(what, "each once", path=pems[:1]))


def knots(entries: Mapping[Address, Entry]) -> Iterator[Finding]:
    """Cycles, each as the path that closes it."""
    waits = cyclic_subgraph({address: entry.needs for address, entry in entries.items()})
    for cycle in find_shortest_cycles(build_graph(waits)) if waits else ():
        path = " → ".join(format_path((each.kind, each.name)) for each in (*cycle, cycle[0]))
        problem = f"a cycle, in which each has to exist before the next: {path}"
        yield Finding(entries[cycle[0]].declaration, Wrong(problem))
