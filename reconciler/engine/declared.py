"""Documents → which resources they declare, each once, and under which names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.engine.toml_source import Document
from reconciler.engine.wrong import Wrong
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address
from reconciler.model.errors import Mistake
from reconciler.model.limits import Limits
from reconciler.model.resource import Origin
from reconciler.model.wording import closest, dotted, told

WORKSPACE = "workspace"

_LONGEST_NAME = 256
"""Characters of a name: it is the value of a tag (AWS General Reference, tag naming limits)."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


@frozen(eq=False)
class Declaration:
    """A table of a file: a resource's, or `[workspace]`, whose `path` has one part."""

    path: tuple[str, ...]
    table: Mapping[str, Any]
    document: Document

    @property
    def address(self) -> Address:
        """The resource's address."""
        kind, name = self.path
        return Address(kind, name)

    @property
    def origin(self) -> Origin:
        """Where it is declared."""
        return Origin(self.document.shown, self.document.lines.of(*self.path))

    def mistake(self, wrong: Wrong, severity: str = "error") -> Mistake:
        """What is wrong in it, with its place."""
        return Mistake(
            self.document.shown,
            self.document.lines.of(*self.path, *wrong.path),
            wrong.problem,
            dotted(self.path),
            dotted(wrong.path) or None,
            wrong.expected,
            wrong.nearest,
            severity,
        )


@frozen
class Declared:
    """What the documents declare: every `[workspace]`, and each resource's first table by address."""

    workspaces: Sequence[Declaration]
    resources: Mapping[Address, Declaration]
    mistakes: Sequence[Mistake]


def declared(documents: Sequence[Document], kinds: Mapping[str, Kind], limits: Limits) -> Declared:
    """Sort out the documents' tables."""
    workspaces: list[Declaration] = []
    resources: dict[Address, Declaration] = {}
    mistakes: list[Mistake] = []
    for document in documents:
        for found in _tables(document, kinds):
            if isinstance(found, Mistake):
                mistakes.append(found)
            elif found.path == (WORKSPACE,):
                workspaces.append(found)
            elif found.address in resources:
                first = resources[found.address].origin
                mistakes.append(found.mistake(Wrong(f"declared twice; the first is at {first}")))
            else:
                resources[found.address] = found
                mistakes += map(
                    found.mistake, _misnamed(found.address.name, kinds[found.address.kind], limits)
                )
    return Declared(workspaces, resources, mistakes)


def _tables(document: Document, kinds: Mapping[str, Kind]) -> Iterator[Declaration | Mistake]:
    for table, entries in document.data.items():
        whole = Declaration((table,), {}, document)
        if table != WORKSPACE and table not in kinds:
            valid = [WORKSPACE, *sorted(kinds)]
            nearest = closest(table, valid)
            what = "table" if isinstance(entries, dict | list) else "key"
            yield whole.mistake(
                Wrong(f"unknown {what}", None if nearest else f"one of {', '.join(valid)}", nearest)
            )
        elif not isinstance(entries, dict):
            yield whole.mistake(
                Wrong(told(entries), f"a table [{table}]" if table == WORKSPACE else f"tables [{table}.NAME]")
            )
        elif table == WORKSPACE:
            yield Declaration((table,), entries, document)
        else:
            yield from _entries(table, entries, document)


def _entries(table: str, entries: Mapping[str, Any], document: Document) -> Iterator[Declaration | Mistake]:
    for name, entry in entries.items():
        found = Declaration((table, name), entry if isinstance(entry, dict) else {}, document)
        yield (
            found if isinstance(entry, dict) else found.mistake(Wrong(told(entry), f"a table [{table}.NAME]"))
        )


def _misnamed(name: str, kind: Kind, limits: Limits) -> Iterator[Wrong]:
    if not name:
        yield Wrong("the name is empty", "a name")
    elif len(name) > _LONGEST_NAME:
        yield Wrong(f"the name has {len(name)} characters", f"at most {_LONGEST_NAME}")
    elif any(unicodedata.category(character) in _UNSEEN for character in name):
        yield Wrong("the name has control characters", "a name that can be read")
    elif kind.name_api:
        for breach in limits.breaches(kind.service, kind.name_api, name):
            yield Wrong(f"the name: {breach.problem}", breach.expected)
