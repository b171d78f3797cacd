"""What the desired state names and does not hold: files beside it, and environment variables."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from reconciler.engine.load.value_error import Wrong
from reconciler.model.output_file import OutputFile
from reconciler.model.secret import Secret
from reconciler.model.text import describe_value, quote

LARGEST = 2**20
"""Bytes of one named file."""

_LARGEST_OF_ALL = 2**30
"""Bytes of all files that one TOML file names: a fleet may name a large one once for each row."""

IN_WORDS = '{ env = "NAME" } or { file = "path" }'
"""How a secret is written."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Surroundings:
    """What one TOML file may read: the files of its own folder tree, and the environment.

    `digests` has the SHA-256 of each file that was read, by the name that the TOML file gives it; secrets are left out.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = os.path.realpath(folder)
        self._environ = environ
        self._folders: dict[str, str] = {}
        self._left = _LARGEST_OF_ALL
        self.digests: dict[str, str] = {}

    def text(self, name: object) -> str:
        """What `{ file = … }` stands for. Raises Wrong."""
        raw, text = self._read(name)
        self.digests[str(name)] = hashlib.sha256(raw).hexdigest()
        return text

    def path(self, name: object) -> str:
        """Where a named file is, every link followed. Raises Wrong."""
        return self._inside(_named(name))

    def raw(self, name: object, largest: int) -> bytes:
        """What a named file of at most so many bytes holds. Raises Wrong."""
        raw = self._bytes(_named(name), largest)
        self.digests[str(name)] = hashlib.sha256(raw).hexdigest()
        return raw

    def secret(self, table: Mapping[str, object]) -> Secret:
        """What `{ env = … }` or `{ file = … }` stands for; one line end after it is no part of it. Raises Wrong."""
        match dict(table):
            case {"env": str(variable), **rest} if not rest and VARIABLE.fullmatch(variable):
                return Secret(f"env {variable}", self._environ.get(variable) or None)
            case {"env": _, **rest} if not rest:
                raise Wrong("env is not the name of an environment variable", "letters, digits and _")
            case {"file": name, **rest} if not rest:
                _, text = self._read(name)
                value = text.removesuffix("\n").removesuffix("\r")
                if not value:
                    raise Wrong(f"the file {quote(str(name))} is empty", "the secret")
                return Secret(f"file {quote(str(name))[1:-1]}", value)
            case _:
                raise Wrong("a table of another form", IN_WORDS)

    def output(self, name: object) -> OutputFile:
        """A file that a run may write, with what is there already. Raises Wrong."""
        if not isinstance(name, str) or not name or "\n" in name:
            raise Wrong(
                f"this is {describe_value(name)}" if not isinstance(name, str) else "no path",
                "the path of a new file",
            )
        path = self._inside(name)
        return OutputFile(name, path, self._read(name)[1] if os.path.lexists(path) else None)

    def _read(self, name: object) -> tuple[bytes, str]:
        raw = self._bytes(_named(name), LARGEST)
        try:
            return raw, raw.decode()
        except UnicodeDecodeError:
            raise Wrong(f"the file {quote(str(name))} is not UTF-8 text") from None

    def _bytes(self, name: str, largest: int) -> bytes:
        path = self._inside(name)
        try:
            handle = self._opened(path)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise Wrong(f"{quote(name)} is not a regular file")
                raw = file.read(min(largest, self._left) + 1)
        except OSError as error:
            raise Wrong(f"the file {quote(name)} cannot be read: {error.strerror}") from None
        if len(raw) > largest:
            raise Wrong(f"the file {quote(name)} is too large", f"at most {largest >> 20} MiB")
        if len(raw) > self._left:
            raise Wrong("the files named so far are too large", f"at most {_LARGEST_OF_ALL >> 20} MiB in all")
        self._left -= len(raw)
        return raw

    def _opened(self, path: str) -> int:
        """A handle of what is at a path without links, which it is still to have none of: each step is taken from the folder.

        It is opened without waiting, so that a pipe cannot hold up the run.
        """
        *folders, last = path.removeprefix(self._folder).strip("/").split("/")
        at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                below = os.open(
                    folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at
                )
                os.close(at)
                at = below
            return os.open(last or ".", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        finally:
            os.close(at)

    def _inside(self, name: str) -> str:
        if "\0" in name:
            raise Wrong(f"{quote(name)} is no path", "the path of a file")
        path = self._resolved(name)
        if os.path.commonpath((self._folder, path)) != self._folder:
            raise Wrong(
                f"{quote(name)} is outside the folder of the file that names it", "a file in that folder"
            )
        return path

    def _resolved(self, name: str) -> str:
        """The path with every link followed; a fleet has its files in few folders, which are followed once."""
        folder, last = os.path.split(name)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(os.path.join(self._folder, folder))  # noqa: PTH118
        path = os.path.join(self._folders[folder], last)  # noqa: PTH118 (as Path it takes ten times as long)
        plain = last not in {"", ".", ".."} and not os.path.islink(path)  # noqa: PTH114
        return path if plain else os.path.realpath(path)


def _named(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise Wrong(f"file is {describe_value(name)}", "the path of a file")
    if "\n" in name:  # a PEM, most likely, and perhaps a key: it is not told
        raise Wrong("file is a text of several lines", "the path of a file")
    return name
