"""List the files that belong to the repository, also in an unpacked sdist, which git does not know."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

NOT_IN_THE_REPOSITORY = (".git", "PKG-INFO")
"""The names that git and the sdist add."""


def list_repository_files(root: Path) -> list[str]:
    """Return the paths of all files that .gitignore does not exclude, relative to the root."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return sorted(_walk(root, "", [*patterns, *NOT_IN_THE_REPOSITORY]))


def _walk(root: Path, folder: str, patterns: list[str]) -> Iterator[str]:
    for entry in os.scandir(root / folder):
        path = f"{folder}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if any(_is_excluded(path, pattern, is_folder=is_folder) for pattern in patterns):
            continue
        if is_folder:
            yield from _walk(root, f"{path}/", patterns)
        else:
            yield path


def _is_excluded(path: str, pattern: str, *, is_folder: bool) -> bool:
    """Return whether a line of .gitignore excludes a path; without an inner slash it is about any folder."""
    if pattern.endswith("/") and not is_folder:
        return False
    name = pattern.rstrip("/")
    return fnmatch(path if "/" in name else path.rpartition("/")[2], name)
