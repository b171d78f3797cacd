"""Open the files of one folder tree, even if someone changes its links meanwhile.

Invariant: no file outside the tree is opened. A link in the tree is followed only to a place in the tree.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from reconciler.model.diagnostic import InvalidValueError, ValueProblem
from reconciler.model.text import quote

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Opening does not wait, so that a pipe cannot block the run.
_FILE_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_LINK_ERRORS = frozenset({errno.ELOOP, errno.EMLINK})
_OTHER_FOLDERS = frozenset({"", ".", ".."})


class _OpenFolder:
    """An open folder, which is closed with its last reference.

    `name` is the part of file names before their last slash.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name, self.descriptor = name, descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


class FolderTree:
    """The files in a folder and in the folders in it.

    The folder of the last file stays open. So a file of a fleet, whose files are in few folders, takes one call to open.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._resolved_folders: dict[str, str] = {}
        self._last_folder: _OpenFolder | None = None

    def resolve(self, name: str) -> str:
        """Return the path of a file with every link followed.

        Raises InvalidValueError if it is not in the tree.
        """
        if "\0" in name:
            raise InvalidValueError(
                ValueProblem("invalid-path", f"{quote(name)} is not a valid path", "the path of a file")
            )
        path = self._resolve(name)
        if not self._contains(path):
            problem = f"{quote(name)} is outside the folder of the file that refers to it"
            raise InvalidValueError(ValueProblem("path-outside-folder", problem, "a file in that folder"))
        return path

    def open(self, name: str) -> int:
        """Return the descriptor of a file. Raises OSError, and InvalidValueError as `resolve`."""
        folder_name, _, file_name = name.rpartition("/")
        if file_name in _OTHER_FOLDERS or name.startswith("/") or "\0" in name:
            return self._open_resolved(name)
        if self._last_folder is None or self._last_folder.name != folder_name:
            folder = self._resolve_folder(folder_name)
            if not self._contains(folder):
                return self._open_resolved(name)
            self._last_folder = _OpenFolder(folder_name, self._open_folder(folder))
        try:
            return os.open(file_name, _FILE_FLAGS, dir_fd=self._last_folder.descriptor)
        except OSError as error:
            if error.errno not in _LINK_ERRORS:
                raise
        return self._open_resolved(name)

    def _open_resolved(self, name: str) -> int:
        """Return the descriptor of a file whose name may have links."""
        folder, _, file_name = self.resolve(name).removeprefix(self._root).rpartition("/")
        descriptor = self._open_folder(self._root + folder)
        try:
            return os.open(file_name or ".", _FILE_FLAGS, dir_fd=descriptor)
        finally:
            os.close(descriptor)

    def _open_folder(self, path: str) -> int:
        """Return the descriptor of a folder of the tree, whose path has no links.

        A link may have been created since the path was resolved, so each folder is opened from its parent without following links.
        """
        descriptor = os.open(self._root, _FOLDER_FLAGS)
        for name in filter(None, path.removeprefix(self._root).split("/")):
            parent = descriptor
            try:
                descriptor = os.open(name, _FOLDER_FLAGS, dir_fd=parent)
            finally:
                os.close(parent)
        return descriptor

    def _contains(self, path: str) -> bool:
        return path == self._root or path.startswith(self._root.rstrip("/") + "/")

    def _resolve(self, name: str) -> str:
        """Return the path with every link followed.

        Resolving a path is slow, so each folder is resolved only once, and the last part only if it is a link.
        """
        folder, file_name = os.path.split(name)
        path = os.path.join(self._resolve_folder(folder), file_name)  # noqa: PTH118 (Path takes ten times as long)
        is_resolved = file_name not in _OTHER_FOLDERS and not os.path.islink(path)  # noqa: PTH114
        return path if is_resolved else os.path.realpath(path)

    def _resolve_folder(self, name: str) -> str:
        if name not in self._resolved_folders:
            self._resolved_folders[name] = os.path.realpath(os.path.join(self._root, name))  # noqa: PTH118
        return self._resolved_folders[name]
