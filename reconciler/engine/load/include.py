"""`include` in `[workspace]`: further files and folders of the desired state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.engine.load.nearby_files import suggest_file
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import INVALID_JOURNAL, ValueProblem
from reconciler.model.text import quote

_OPTION = "--allow-outside"

JOURNAL_FORMAT = "s3://BUCKET/PREFIX or the path of a folder"

_EXPECTED = "the path of a TOML file or of a folder, from the main file's folder"


@frozen
class IncludedFiles:
    """The files that `include` names, and the problems of those that cannot be included."""

    paths: tuple[Path, ...]
    problems: tuple[ValueProblem, ...]


def find_included_files(
    include: Sequence[str], main_files: Sequence[Path], folder: Path, allowed_folders: Sequence[Path]
) -> IncludedFiles:
    """Return the TOML files that `include` names.

    They must be in the repository of `folder`, the main file's folder, or in one of the `allowed_folders`. The repository is the nearest
    folder around it with `.git`; without one, it is `folder` itself.
    """
    roots = _list_roots(folder, allowed_folders)
    paths: dict[Path, Path] = {_resolve(path): path for path in main_files}
    included: list[Path] = []
    problems: list[ValueProblem] = []
    for index, name in enumerate(include):
        try:
            files = list(_find_files(name, folder, roots))
        except ValueError as error:
            problems.append(_build_problem(index, name, str(error), folder, roots))
            continue
        for path in files:
            if _resolve(path) in paths:
                problem = f"{quote(str(path))} is a part of the desired state already"
                problems.append(
                    ValueProblem("duplicate-include", problem, "each file once", path=("include", index))
                )
            else:
                paths[_resolve(path)] = path
                included.append(path)
    return IncludedFiles(tuple(included), tuple(problems))


def _build_problem(index: int, name: str, text: str, folder: Path, roots: Sequence[Path]) -> ValueProblem:
    """Return the problem of an entry of `include`, with what it may be meant for if there is no such file."""
    path = folder / name
    is_missing = not os.path.lexists(path)
    is_in_roots = "\0" not in name and any(_resolve(path).is_relative_to(root) for root in roots)
    root_paths = [str(root) for root in roots]
    return ValueProblem(
        "invalid-include",
        text,
        _EXPECTED if is_missing else None,
        suggest_file(folder, name, root_paths, allow_folders=True) if is_missing and is_in_roots else None,
        path=("include", index),
    )


def is_allowed(path: Path, folder: Path, allowed_folders: Sequence[Path]) -> bool:
    """Return whether a path that the file names is in the repository of `folder`, or in an allowed folder."""
    resolved = _resolve(path)
    return any(resolved.is_relative_to(root) for root in _list_roots(folder, allowed_folders))


def find_journal_problem(
    journal: str | None, folder: Path, allowed_folders: Sequence[Path]
) -> ValueProblem | None:
    """Return why a folder cannot be the `journal` of the team, or None.

    A folder that does not exist is created by the first run; a bucket is known only then.
    """
    if not journal or "://" in journal or not journal.isprintable():
        return None
    path = folder / journal
    if not is_allowed(path, folder, allowed_folders):
        repository = quote(str(_find_repository(folder)))
        problem = f"{quote(journal)} is outside the repository {repository}; allow it with `{_OPTION} FOLDER`"
        return ValueProblem(INVALID_JOURNAL, problem, path=("journal",))
    nearest = next((parent for parent in (path, *path.parents) if os.path.lexists(parent)), folder)
    if not nearest.is_dir():
        problem = f"{quote(os.path.relpath(nearest, folder))} is not a folder"
        return ValueProblem(INVALID_JOURNAL, problem, JOURNAL_FORMAT, path=("journal",))
    return None


def _list_roots(folder: Path, allowed_folders: Sequence[Path]) -> list[Path]:
    """Return the folders that paths may be in; the repository is the first."""
    return [_find_repository(folder), *map(_resolve, allowed_folders)]


def _find_repository(folder: Path) -> Path:
    resolved = _resolve(folder)
    return next((parent for parent in (resolved, *resolved.parents) if (parent / ".git").exists()), resolved)


def _find_files(name: str, folder: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield the files that one entry of `include` names. Raises ValueError."""
    if not name or "\0" in name:
        raise ValueError(f"{quote(name)} is not a valid path")
    path = folder / name
    resolved = _resolve(path)
    if not any(resolved.is_relative_to(root) for root in roots):
        raise ValueError(
            f"{quote(name)} is outside the repository {quote(str(roots[0]))}; allow its folder with `{_OPTION} DIR`"
        )
    try:
        files = [path] if resolved.is_file() else find_toml_files(path)
    except OSError as error:
        raise ValueError(f"cannot read {quote(name)}: {error.strerror}") from None
    if not files:
        reason = "does not exist"
        if os.path.lexists(path):
            reason = "has no *.toml file" if resolved.is_dir() else "is neither a file nor a folder"
        raise ValueError(f"{quote(name)} {reason}")
    for file in files:
        if not any(_resolve(file).is_relative_to(root) for root in roots):
            raise ValueError(
                f"{quote(name)} contains {quote(file.name)}, a link to a file outside the repository"
            )
        yield file


def _resolve(path: Path) -> Path:
    """Return the path with every link followed; unlike `Path.resolve`, raise no error for links in a loop."""
    return Path(os.path.realpath(path))


def find_toml_files(folder: Path) -> Sequence[Path]:
    """Return the TOML files in a folder, without hidden ones, ordered by name."""
    return sorted(child for child in folder.glob("*.toml") if not child.name.startswith("."))
