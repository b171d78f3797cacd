"""TOML files → the desired state, or every mistake in them at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reconciler.engine import checks
from reconciler.engine.declared import WORKSPACE, Declaration, declared
from reconciler.engine.files import Surroundings
from reconciler.engine.resources import Entry, entry
from reconciler.engine.toml_source import Document, read
from reconciler.engine.values import converter
from reconciler.engine.workspace_table import settings_of
from reconciler.engine.wrong import Wrong
from reconciler.kinds import all_kinds
from reconciler.kinds.kind import Kind, Scope
from reconciler.model.address import Address
from reconciler.model.errors import InvalidDesiredStateError, Mistake
from reconciler.model.limits import Limits
from reconciler.model.settings import DesiredState, Settings
from reconciler.model.wording import shown


def load(path: Path, *, limits: Limits, environ: Mapping[str, str]) -> DesiredState:
    """Read a file, or a folder of `*.toml` files as one desired state.

    Raises InvalidDesiredStateError with every mistake, warnings among them; without an error they are in the result.
    """
    kinds = all_kinds()
    documents, mistakes = _documents(path)
    if not mistakes and not any(WORKSPACE in document.data for document in documents):
        mistakes.append(
            Mistake(_name(path), 1, "there is no [workspace]", expected="a [workspace] with a name")
        )
    found = declared(documents, kinds, limits)
    settings, unsettled = _settings(found.workspaces, limits, kinds)
    surroundings = {id(document): Surroundings(document.path.parent, environ) for document in documents}
    entries = _entries(found.resources, kinds, surroundings)
    mistakes += [*found.mistakes, *unsettled, *_checked(entries, settings.name, kinds, limits)]
    mistakes.sort(key=lambda each: (each.file, each.line, each.address or "", each.field or "", each.problem))
    if any(mistake.severity == "error" for mistake in mistakes):
        raise InvalidDesiredStateError(mistakes)
    resources = {address: entries[address].resource for address in sorted(entries)}
    desired = {address: resource for address, resource in resources.items() if resource}
    return DesiredState(settings, desired, tuple(mistakes), _digest(documents, surroundings))


def _documents(path: Path) -> tuple[list[Document], list[Mistake]]:
    try:
        paths = _files(path)
    except OSError as error:
        return [], [Mistake(_name(path), 1, f"cannot be read: {error.strerror}")]
    if not paths:
        return [], [Mistake(_name(path), 1, "the folder has no *.toml file")]
    found = [read(each, _name(each)) for each in paths]
    return (
        [each for each in found if isinstance(each, Document)],
        [each for each in found if isinstance(each, Mistake)],
    )


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.glob("*.toml") if not each.name.startswith("."))


def _name(path: Path) -> str:
    return shown(path.name or str(path))


def _settings(
    tables: Sequence[Declaration], limits: Limits, kinds: Mapping[str, Kind]
) -> tuple[Settings, list[Mistake]]:
    if not tables:
        return Settings(""), []
    first, *others = tables
    settings, wrongs = settings_of(first.table, limits, {kind.service for kind in kinds.values()})
    twice = Wrong(f"declared twice; the first is at {first.origin}", "one [workspace] for all files")
    return settings, [*map(first.mistake, wrongs), *(each.mistake(twice) for each in others)]


def _entries(
    declarations: Mapping[Address, Declaration],
    kinds: Mapping[str, Kind],
    surroundings: Mapping[int, Surroundings],
) -> dict[Address, Entry]:
    plain = converter()
    rich = {document: converter(each) for document, each in surroundings.items()}
    return {
        address: entry(declaration, kinds[address.kind], rich[id(declaration.document)], plain)
        for address, declaration in declarations.items()
    }


def _checked(
    entries: Mapping[Address, Entry], workspace: str, kinds: Mapping[str, Kind], limits: Limits
) -> Iterator[Mistake]:
    desired = {address: each.resource for address, each in entries.items() if each.resource}
    dangling = checks.Dangling(entries, kinds)
    scope = Scope(workspace, desired)
    for address in sorted(entries):
        one = entries[address]
        wrongs = [
            *one.wrongs,
            *dangling.among_references(one),
            *dangling.among_dependencies(one.around.depends_on),
            *checks.ignored(one.around.lifecycle.ignore_changes, one.kind),
            *checks.over_limits(one, scope, limits),
        ]
        yield from map(one.declaration.mistake, wrongs)
        yield from (one.declaration.mistake(wrong, "warning") for wrong in checks.unset(one.values))
        yield from checks.complaints(one, desired)
    yield from checks.marks(entries.values(), workspace)
    yield from checks.same(entries.values())
    yield from checks.knots(entries)


def _digest(documents: Sequence[Document], surroundings: Mapping[int, Surroundings]) -> str:
    whole = hashlib.sha256()
    for document in documents:
        own = {document.path.name: hashlib.sha256(document.raw).hexdigest()}
        named = surroundings[id(document)].digests
        for name, digest in (*own.items(), *sorted(named.items())):
            whole.update(f"{name}\0{digest}\n".encode())
    return whole.hexdigest()
