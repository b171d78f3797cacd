"""The lines of the files that diagnostics name, for excerpts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reconciler.model.diagnostic import Diagnostic


def read_source_lines(
    diagnostics: Iterable[Diagnostic], desired_state_path: str | Path
) -> Mapping[str, Sequence[str]]:
    """Return the lines of each readable file, by the file's name in the diagnostics."""
    paths = find_source_files(diagnostics, desired_state_path)
    return {
        name: path.read_text(encoding="utf-8", errors="replace").split("\n") for name, path in paths.items()
    }


def find_source_files(
    diagnostics: Iterable[Diagnostic], desired_state_path: str | Path
) -> Mapping[str, Path]:
    """Return the path of each readable file, by the file's name in the diagnostics."""
    names = {diagnostic.file for diagnostic in diagnostics}
    return {name: path for name in names if (path := _find_file(name, Path(desired_state_path)))}


def _find_file(name: str, root: Path) -> Path | None:
    """Return the path of the file that a diagnostic names, or None if it cannot be read.

    `name` is relative to the folder of the desired state or to the working directory, which may have a file of the same name.
    """
    folder = root if root.is_dir() else root.parent
    for path in (folder / name, Path(name)):
        if path.is_file() and os.access(path, os.R_OK):
            return path
    return None
