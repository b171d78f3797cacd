"""TOML files → the desired state, or every mistake in them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from reconciler.engine.load import validation
from reconciler.engine.load.declaration import Declaration, Finding, Table
from reconciler.engine.load.declarations import WORKSPACE, declared
from reconciler.engine.load.diagnostics import told
from reconciler.engine.load.for_each import Fleet, Member
from reconciler.engine.load.input_files import Surroundings
from reconciler.engine.load.moved_removed import transitions
from reconciler.engine.load.resources import Common, Entry, Reader
from reconciler.engine.load.toml_file import Document, read
from reconciler.engine.load.value_error import Wrong
from reconciler.engine.load.workspace_table import settings_of
from reconciler.kinds import all_kinds
from reconciler.kinds.base.context import Scope
from reconciler.kinds.base.kind import Kind
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InvalidDesiredStateError
from reconciler.model.settings import DesiredState, Settings
from reconciler.model.text import quote_if_unsafe


def load(path: Path, *, limits: Constraints, environ: Mapping[str, str]) -> DesiredState:
    """Read a file, or a folder of `*.toml` files as one desired state.

    Raises InvalidDesiredStateError with every mistake, warnings among them; without an error they are in the result.
    """
    kinds = all_kinds()
    documents, mistakes = _documents(path)
    if not mistakes and not any(WORKSPACE in document.data for document in documents):
        mistakes.append(
            Diagnostic(_name(path), 1, "there is no [workspace]", expected="a [workspace] with a name")
        )
    surroundings = {document: Surroundings(document.path.parent, environ) for document in documents}
    found = declared(surroundings, kinds, limits)
    settings, unsettled = _settings(found.workspaces, limits, kinds)
    readers = {document: Reader(around, kinds) for document, around in surroundings.items()}
    common = {fleet: readers[fleet.table.document].common(fleet) for fleet in found.fleets}
    entries = {address: _entry(each, readers, common) for address, each in found.resources.items()}
    wrongs = (Finding(fleet.table, wrong) for fleet, shared in common.items() for wrong in shared.wrongs)
    within = [
        (each.declaration, each.around.moved) for each in entries.values() if each.around.moved is not None
    ]
    changed = transitions(found.transitions, within, found.resources, settings.name)
    checked = _checked(entries, found.incomplete, settings.name, kinds, limits)
    report = told(chain(found.findings, unsettled, wrongs, changed.findings, checked), mistakes)
    if any(mistake.severity == "error" for mistake in report):
        raise InvalidDesiredStateError(report)
    resources = (entries[address].resource for address in sorted(entries, key=_alphabetical))
    desired = {resource.address: resource for resource in resources if resource}
    return DesiredState(
        settings, desired, report, _digest(surroundings), removed=changed.removed, moved=changed.moved
    )


def _alphabetical(address: Address) -> tuple[str, str]:
    return address.kind, address.name


def _documents(path: Path) -> tuple[list[Document], list[Diagnostic]]:
    try:
        paths = _files(path)
    except OSError as error:
        return [], [Diagnostic(_name(path), 1, f"cannot be read: {error.strerror}")]
    if not paths:
        return [], [Diagnostic(_name(path), 1, "the folder has no *.toml file")]
    found = [read(each, _name(each)) for each in paths]
    return (
        [each for each in found if isinstance(each, Document)],
        [each for each in found if isinstance(each, Diagnostic)],
    )


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.glob("*.toml") if not each.name.startswith("."))


def _name(path: Path) -> str:
    return quote_if_unsafe(path.name or str(path))


def _settings(
    tables: Sequence[Table], limits: Constraints, kinds: Mapping[str, Kind]
) -> tuple[Settings, list[Finding]]:
    if not tables:
        return Settings(""), []
    first, *others = tables
    settings, wrongs = settings_of(first.entries, limits, {kind.service for kind in kinds.values()})
    twice = Wrong(f"declared twice; the first is at {first.origin}", "one [workspace] for all files")
    found = [Finding(first, wrong) for wrong in wrongs]
    return settings, [*found, *(Finding(each, twice) for each in others)]


def _entry(
    declaration: Declaration, readers: Mapping[Document, Reader], common: Mapping[Fleet, Common]
) -> Entry:
    if isinstance(declaration, Member):
        return common[declaration.fleet].entry(declaration)
    return readers[declaration.table.document].entry(declaration.table)


def _checked(
    entries: Mapping[Address, Entry],
    incomplete: Collection[str],
    workspace: str,
    kinds: Mapping[str, Kind],
    limits: Constraints,
) -> Iterator[Finding]:
    desired = {address: each.resource for address, each in entries.items() if each.resource}
    dangling = validation.Dangling(entries, incomplete, kinds)
    scope = Scope(workspace, desired)
    for one in entries.values():
        wrongs = (
            one.wrongs,
            dangling.among_references(one),
            dangling.among_dependencies(one.around.depends_on),
            validation.ignored(one.around.lifecycle.ignore_changes, one.kind),
            validation.over_limits(one, scope, limits),
        )
        yield from (Finding(one.declaration, wrong) for wrong in chain.from_iterable(wrongs))
        yield from (Finding(one.declaration, wrong, "warning") for wrong in validation.unset(one.values))
        yield from validation.complaints(one, desired)
    yield from validation.marks(entries.values(), workspace)
    yield from validation.same(entries.values(), desired)
    yield from validation.knots(entries)


def _digest(surroundings: Mapping[Document, Surroundings]) -> str:
    whole = hashlib.sha256()
    for document, around in surroundings.items():
        own = {document.path.name: hashlib.sha256(document.raw).hexdigest()}
        for name, digest in (*own.items(), *sorted(around.digests.items())):
            whole.update(f"{name}\0{digest}\n".encode())
    return whole.hexdigest()
