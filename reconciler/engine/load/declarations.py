"""Documents → which resources they declare, each once, and under which names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.engine.load.declaration import Declaration, Finding, Table
from reconciler.engine.load.for_each import FOR_EACH, Fleet, fleet_of
from reconciler.engine.load.input_files import Surroundings
from reconciler.engine.load.manifests import Flaw, Manifest, Manifests
from reconciler.engine.load.moved_removed import TRANSITIONS
from reconciler.engine.load.toml_file import Document
from reconciler.engine.load.value_error import Wrong
from reconciler.kinds.base.kind import Kind
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.text import closest_match, describe_value

WORKSPACE = "workspace"

LONGEST_NAME = 256
"""Characters of a name: it is the value of a tag (AWS General Reference, tag naming limits)."""

_MOST_MEMBERS = 5_000_000
_MOST_TEXT = 2**28
"""Resources, and characters, that the rows of all tables make: a small file can ask for many."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@frozen
class Declared:
    """What the documents declare: every `[workspace]`, every table with `for_each`, and each resource's first declaration.

    `transitions` are the tables about addresses that the file no longer has. `incomplete` are the kinds that may have resources more, in rows that could not be read.
    """

    workspaces: Sequence[Table]
    fleets: Sequence[Fleet]
    resources: Mapping[Address, Declaration]
    findings: Sequence[Finding]
    incomplete: frozenset[str]
    transitions: Sequence[Table] = ()


def declared(
    surroundings: Mapping[Document, Surroundings], kinds: Mapping[str, Kind], limits: Constraints
) -> Declared:
    """Sort out the documents' tables."""
    sorting = _Sorting(kinds, limits)
    for document, around in surroundings.items():
        for found in _tables(document, kinds):
            if isinstance(found, Finding):
                sorting.findings.append(found)
            elif found.names == (WORKSPACE,):
                sorting.workspaces.append(found)
            elif found.names[0] in TRANSITIONS:
                sorting.transitions.append(found)
            elif FOR_EACH in found.entries:
                sorting.fleet(found, around)
            else:
                sorting.resource(found)
    return Declared(
        sorting.workspaces,
        sorting.fleets,
        sorting.resources,
        sorting.findings,
        frozenset(sorting.incomplete),
        sorting.transitions,
    )


class _Sorting:
    """What was found so far."""

    def __init__(self, kinds: Mapping[str, Kind], limits: Constraints) -> None:
        self._kinds, self._limits = kinds, limits
        self._manifests = Manifests()
        self._told: set[int] = set()
        self._members, self._text = _MOST_MEMBERS, _MOST_TEXT
        self.workspaces: list[Table] = []
        self.transitions: list[Table] = []
        self.fleets: list[Fleet] = []
        self.resources: dict[Address, Declaration] = {}
        self.findings: list[Finding] = []
        self.incomplete: set[str] = set()

    def resource(self, found: Declaration) -> None:
        """One resource."""
        address = found.address
        first = self.resources.setdefault(address, found)
        if first is not found:
            self.findings.append(Finding(found, Wrong(f"declared twice; the first is at {first.origin}")))
        else:
            wrongs = _misnamed(address.name, self._kinds[address.kind], self._limits)
            self.findings += (Finding(found, wrong) for wrong in wrongs)

    def fleet(self, table: Table, surroundings: Surroundings) -> None:
        """One for each row; the flaws of a manifest are told where it is named first."""
        try:
            manifest = self._manifests.of(table.entries[FOR_EACH], surroundings)
        except Wrong as wrong:
            self.findings.append(Finding(table, wrong.under(FOR_EACH)))
            manifest = Manifest("", None, ())
            self.incomplete.add(table.names[0])
        if id(manifest) not in self._told:
            self._told.add(id(manifest))
            self.findings += (_flawed(table, flaw) for flaw in manifest.flaws)
        made = fleet_of(table, manifest)
        self.findings += (Finding(table, wrong) for wrong in made.wrongs)
        self.fleets.append(made)
        has_room = self._has_room(made)
        if manifest.flaws or made.name is None or not has_room:
            self.incomplete.add(table.names[0])
        if has_room:
            for member in made.members:
                self.resource(member)

    def _has_room(self, fleet: Fleet) -> bool:
        self._members -= len(fleet.manifest.rows)
        self._text -= fleet.size
        if self._members >= 0 and self._text >= 0:
            return True
        few, small = f"{_MOST_MEMBERS:,} resources", f"{_MOST_TEXT >> 20} MiB of text"
        wrong = Wrong("the rows so far make too much", f"at most {few} and {small}", path=(FOR_EACH,))
        self.findings.append(Finding(fleet.table, wrong))
        return False


def _flawed(table: Table, flaw: Flaw) -> Finding:
    if flaw.row.manifest:
        return Finding(table, flaw.wrong, row=flaw.row)
    return Finding(table, flaw.wrong.under(FOR_EACH, flaw.row.number))


def _tables(document: Document, kinds: Mapping[str, Kind]) -> Iterator[Table | Finding]:
    for name, entries in document.data.items():
        whole = Table((name,), {}, document)
        if name in TRANSITIONS:
            yield from _statements(name, entries, document)
        elif name != WORKSPACE and name not in kinds:
            valid = [WORKSPACE, *sorted(kinds), *TRANSITIONS]
            nearest = closest_match(name, valid)
            what = "table" if isinstance(entries, dict | list) else "key"
            expected = None if nearest else f"one of {', '.join(valid)}"
            yield Finding(whole, Wrong(f"unknown {what}", expected, nearest))
        elif not isinstance(entries, dict):
            form = f"a table [{name}]" if name == WORKSPACE else f"tables [{name}.NAME]"
            yield Finding(whole, Wrong(describe_value(entries), form))
        elif name == WORKSPACE:
            yield Table((name,), entries, document)
        else:
            yield from _entries(name, entries, document)


def _entries(kind: str, entries: Mapping[str, Any], document: Document) -> Iterator[Table | Finding]:
    for name, entry in entries.items():
        if isinstance(entry, dict):
            yield Table((kind, name), entry, document)
        else:
            yield Finding(
                Table((kind, name), {}, document), Wrong(describe_value(entry), f"a table [{kind}.NAME]")
            )


def _statements(name: str, entries: Any, document: Document) -> Iterator[Table | Finding]:
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        yield from (Table((name, number), entry, document) for number, entry in enumerate(entries))
    else:
        what = describe_value(entries) if not isinstance(entries, list) else "not only tables"
        yield Finding(Table((name,), {}, document), Wrong(what, f"tables [[{name}]]"))


def _misnamed(name: str, kind: Kind, limits: Constraints) -> Iterator[Wrong]:
    if not name:
        yield Wrong("the name is empty", "a name")
    elif len(name) > LONGEST_NAME:
        yield Wrong(f"the name has {len(name)} characters", f"at most {LONGEST_NAME}")
    elif not name.isprintable() and any(unicodedata.category(character) in _UNSEEN for character in name):
        yield Wrong("the name has control characters", "a name that can be read")
    elif kind.name_api:
        for breach in limits.violations(kind.service, kind.name_api, name):
            yield Wrong(f"the name: {breach.problem}", breach.expected)
