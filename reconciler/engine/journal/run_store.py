"""Stores for the records of a team's runs: a folder that several machines share, and others."""

from __future__ import annotations

import errno
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from reconciler.engine.durable_files import name_file_in_errors, sync_folder
from reconciler.frozen_classes import frozen


class RunStore(Protocol):
    """A store of objects by key; a key has parts that slashes separate.

    The methods raise OSError, or JournalError, if the store cannot be used.
    """

    @property
    def name(self) -> str:
        """The name in messages."""

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the keys of all objects that begin with a prefix."""

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        """Return an object, or the first bytes of it. Raises FileNotFoundError if there is none."""

    def write(self, key: str, content: bytes) -> None:
        """Write an object as a whole, in place of an earlier one."""

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # without the folder, there are no runs yet
        raise error


@frozen
class FolderStore:
    """A folder, which is created with the first object.

    Files have the permissions that the process gives every new file, so that the users of a shared folder can read each other's.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self.folder)

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        """Yield the path of each file in the folder, or in the folder inside it that the prefix names."""
        start = self.folder / prefix.rpartition("/")[0]
        for folder, _, names in os.walk(start, onerror=_raise_unless_missing):
            for name in names:
                key = (Path(folder) / name).relative_to(self.folder).as_posix()
                if not name.startswith(".") and key.startswith(prefix):
                    yield key

    def read(self, key: str, max_bytes: int | None = None) -> bytes:
        """Return a file, or the first bytes of it."""
        # Opening does not wait, so that a pipe cannot block the run.
        descriptor = os.open(self.folder / key, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", str(self.folder / key))
            return file.read(-1 if max_bytes is None else max_bytes)

    def write(self, key: str, content: bytes) -> None:
        """Write a file under another name, and rename it when it is on disk."""
        path = self.folder / key
        if not Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(self.folder)):
            raise OSError(errno.ELOOP, "a link leads out of the folder", str(path.parent))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{uuid.uuid4().hex}")
        try:
            with name_file_in_errors(path), draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)

    def delete(self, key: str) -> None:
        """Delete a file, if there is one."""
        (self.folder / key).unlink(missing_ok=True)
