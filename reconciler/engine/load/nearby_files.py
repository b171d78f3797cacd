"""Find the file that the path of a missing file may be meant for.

Invariant: only files in folders that paths may be in are named, even if a link in such a folder leads outside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from reconciler.model.diagnostic import Suggestion
from reconciler.model.lazy_sequence import LazyItems

_MAX_ENTRIES = 1_000
"""The maximum number of entries of a folder; comparing a name with those of a whole fleet takes long."""
_DIGITS = re.compile(r"\d+")


def suggest_file(folder: Path, name: str, roots: Sequence[str], *, allow_folders: bool = False) -> Suggestion:
    """Return a suggestion for the path of a missing file, from `folder`.

    Valid are the files next to it with the same extension, and with `allow_folders` also folders. If its own folder is missing, those
    next to that with a file of this name are valid. All are in one of the `roots`, which are folders' paths without links.
    """
    path = Path(name)
    if os.path.isdir(folder / path.parent):  # noqa: PTH112 (`Path.is_dir` raises errors, such as for a folder that it cannot read)
        stems = LazyItems(partial(_find_stems, roots=roots, allow_folders=allow_folders), folder / path)
        return _build_suggestion(path.parent, path.stem, stems, path.suffix)
    siblings = LazyItems(partial(_find_folders, roots=roots), folder / path)
    return _build_suggestion(path.parent.parent, path.parent.name, siblings, f"/{path.name}")


def _build_suggestion(parent: Path, word: str, valid: Collection[str], suffix: str) -> Suggestion:
    prefix = "" if parent == Path() else f"{parent}/"
    return Suggestion(word, valid, prefix=prefix, suffix=suffix, replaces_expected=True)


def _find_stems(path: Path, *, roots: Sequence[str], allow_folders: bool) -> Iterator[str]:
    """Yield the names, without the extension, of the files next to one with the same extension."""
    for entry in _list_entries(path.parent):
        is_candidate = entry.suffix == path.suffix and not _is_of_same_series(entry.stem, path.stem)
        if is_candidate and _exists(entry, roots, allow_folders=allow_folders):
            yield entry.stem


def _find_folders(path: Path, *, roots: Sequence[str]) -> Iterator[str]:
    """Yield the names of the folders that have a file of this name, next to the one that does not exist."""
    for entry in _list_entries(path.parent.parent):
        is_candidate = not _is_of_same_series(entry.name, path.parent.name)
        if is_candidate and _exists(entry / path.name, roots):
            yield entry.name


def _exists(path: Path, roots: Sequence[str], *, allow_folders: bool = False) -> bool:
    """Return whether a path, with every link followed, is a file in one of the roots."""
    resolved = os.path.realpath(path)
    is_inside = any(Path(resolved).is_relative_to(root) for root in roots)
    # Unlike the methods of `Path`, these raise no error for a path that is too long or that the caller may not read.
    return is_inside and (os.path.isfile(resolved) or (allow_folders and os.path.isdir(resolved)))  # noqa: PTH112, PTH113


def _is_of_same_series(name: str, other_name: str) -> bool:
    """Return whether names differ only in numbers: `pump-8` is not meant for `pump-9`."""
    return _DIGITS.sub("0", name) == _DIGITS.sub("0", other_name)


def _list_entries(folder: Path) -> Sequence[Path]:
    """Return the paths of what a folder contains, without hidden files; none if that is very much."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, _MAX_ENTRIES + 1)]
    except OSError:
        return []
    return [folder / name for name in names if not name.startswith(".")] if len(names) <= _MAX_ENTRIES else []
