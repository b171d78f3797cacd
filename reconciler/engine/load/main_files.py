"""The TOML files of a desired state: the main file or folder, and the included files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from reconciler.engine.load.declarations import WORKSPACE
from reconciler.engine.load.include import find_toml_files
from reconciler.engine.load.toml_file import TomlFile, build_unreadable_diagnostic, read_toml_file
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.text import quote_if_unsafe


@frozen
class TomlFiles:
    """Files that were read, and the diagnostics of those that could not be."""

    files: tuple[TomlFile, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def read_main_files(path: Path) -> TomlFiles:
    """Read a file, or the files of a folder, of which one must have `[workspace]`."""
    name = _build_display_name(path)
    try:
        paths = find_toml_files(path) if path.is_dir() else [path]
    except OSError as error:
        problem = f"cannot read the folder: {error.strerror}"
        return TomlFiles(diagnostics=(build_unreadable_diagnostic(name, 1, problem),))
    if not paths:
        problem = "the folder contains no *.toml file"
        return TomlFiles(diagnostics=(build_unreadable_diagnostic(name, 1, problem),))
    result = read_files(paths, paths[0].parent)
    if result.diagnostics or any(WORKSPACE in file.data for file in result.files):
        return result
    diagnostic = Diagnostic(
        name, 1, "the [workspace] table is missing", expected="a [workspace] with a name", code="missing-key"
    )
    return TomlFiles(result.files, (diagnostic,))


def read_files(paths: Sequence[Path], folder: Path) -> TomlFiles:
    """Read each file; messages name it from `folder`, the main files' folder."""
    results = [
        read_toml_file(path, quote_if_unsafe(os.path.relpath(path, folder) if path.name else str(path)))
        for path in paths
    ]
    return TomlFiles(
        tuple(result for result in results if isinstance(result, TomlFile)),
        tuple(result for result in results if isinstance(result, Diagnostic)),
    )


def _build_display_name(path: Path) -> str:
    """Return the name of a file or folder in messages."""
    return quote_if_unsafe(path.name or str(path))
