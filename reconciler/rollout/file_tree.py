"""The files of a desired state, packed for workers that do not share the driver's file system.

A tree is the folder of the main file with everything below it, without hidden files and folders. It is identified by the SHA-256
over the paths and contents of its files.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reconciler.model.errors import ReconcilerError

_MAX_TREE_BYTES = 2**28
"""The maximum size of all files of a tree."""

_COMPRESSION_LEVEL = 6


def compute_tree_digest(path: Path) -> str:
    """Return the SHA-256 of the folder's files.

    `path` is a TOML file or a folder of TOML files. A folder that does not exist has the digest of an empty one. Raises OSError if a
    file cannot be read.
    """
    sha256 = hashlib.sha256()
    for name, file in _iterate_files(path):
        sha256.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return sha256.hexdigest()


def pack_tree(path: Path) -> str:
    """Return the folder's files as base64 of a compressed archive.

    Raises ReconcilerError if they are too large.
    """
    buffer = io.BytesIO()
    size = 0
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=_COMPRESSION_LEVEL) as archive:
        for name, file in _iterate_files(path):
            size += file.stat().st_size
            if size > _MAX_TREE_BYTES:
                raise ReconcilerError(
                    f"the files of {_find_folder(path)} are too large to be sent to workers: more than "
                    f"{_MAX_TREE_BYTES >> 20} MiB; put the folder where the workers can read it"
                )
            archive.add(file, name, recursive=False)
    return base64.b64encode(buffer.getvalue()).decode()


def unpack_tree(tree: str, path: Path, digest: str) -> Path:
    """Write the files of a tree to a folder of this user, and return the path of `path` in it.

    The folder's name is the digest, so each tree is written once. Raises ReconcilerError if the files are not those of the digest.
    """
    folder = _find_cache_folder() / digest
    target = folder / path.name if path.suffix == ".toml" else folder
    if folder.is_dir():
        return target
    staging = Path(tempfile.mkdtemp(dir=folder.parent))
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(tree)), mode="r:gz") as archive:
        archive.extractall(staging, filter="data")
    if compute_tree_digest(staging) != digest:
        raise ReconcilerError("the files that the driver sent are not those that it announced")
    try:
        staging.rename(folder)
    except OSError:  # another task has written it in the meantime
        if not folder.is_dir():
            raise
    return target


def find_unpacked(path: Path, digest: str) -> Path | None:
    """Return the path in the folder that `unpack_tree` has written before, or None."""
    folder = _find_cache_folder() / digest
    if not folder.is_dir():
        return None
    return folder / path.name if path.suffix == ".toml" else folder


def _find_cache_folder() -> Path:
    """Return the folder for trees, which only this user can read; create it if needed."""
    folder = Path(tempfile.gettempdir()) / f"reconciler-trees-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ReconcilerError(f"{folder} is not a folder that only this user can read; remove it")
    return folder


def _find_folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _iterate_files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of each file of a tree, in order; links and hidden files are left out."""
    root = _find_folder(path)
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if not name.startswith(".") and file.is_file() and not file.is_symlink():
                yield file.relative_to(root).as_posix(), file
