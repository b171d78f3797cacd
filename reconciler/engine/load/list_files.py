"""List the files of a desired state that can be copied to another machine: those without secrets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reconciler.engine.load.declarations import LoadScope, collect_declarations
from reconciler.engine.load.diagnostics import DiagnosticCollector
from reconciler.engine.load.environment_loader import EnvironmentLoader, LoadInputs
from reconciler.engine.load.environments import select_environment
from reconciler.engine.load.load import compute_files_digest, parse_declarations
from reconciler.engine.load.manifests.sqlite_rows import find_log
from reconciler.frozen_classes import frozen


@frozen
class InputFiles:
    """The files of one environment: the TOML files and the files that they refer to.

    - `digests`: the SHA-256 of each file by its path, without the files with secrets and those that an apply writes;
    - `paths`: the paths of these files, and of those that cannot be read;
    - `secret_paths`: the paths of the files with secrets;
    - `digest`: the same as `DesiredState.files_digest`.
    """

    digests: Mapping[Path, str]
    paths: frozenset[Path]
    secret_paths: frozenset[Path]
    digest: str


def list_input_files(path: Path, inputs: LoadInputs) -> InputFiles:
    """Return the files of one environment, also if they have errors or some of them do not exist.

    Raises SelectionError if the choice of an environment or a variable is not valid.
    """
    loader = EnvironmentLoader(path, inputs)
    name = select_environment(loader.environments, inputs.choice, inputs.environ)
    loaded, diagnostics = loader.load(name), DiagnosticCollector()
    contexts, placeholders = loaded.contexts, loaded.resolved.placeholders
    scope = LoadScope(name, tuple(loader.environments), placeholders, loaded.manifest_inputs)
    declarations = collect_declarations(contexts, scope, inputs.constraints, diagnostics)
    parse_declarations(declarations, contexts, placeholders, diagnostics)
    digests: dict[Path, str] = {}
    paths: set[Path] = set()
    secret_paths: set[Path] = set()
    for file, context in contexts.items():
        digests[file.path] = hashlib.sha256(file.raw).hexdigest()
        digests |= {file.path.parent / name: digest for name, digest in context.digests.items()}
        digests |= {
            name: _hash_file(name) for name in _list_database_files(file.path.parent, context.database_names)
        }
        paths |= {file.path, *digests, *(file.path.parent / name for name in context.names)}
        secret_paths |= {Path(secret) for secret in context.secret_paths}
    return InputFiles(digests, frozenset(paths), frozenset(secret_paths), compute_files_digest(contexts))


def _list_database_files(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield the files of databases: a part of the content can be in a log."""
    for name in names:
        path = folder / name
        yield path
        if log := find_log(path):
            yield log


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
