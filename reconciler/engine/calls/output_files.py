"""Save in files what AWS returns only once; each file is written completely or not at all.

Invariant: a secret is written before anything else of its response is used, and is removed from the response.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.model.call import ApiCall, Call
from reconciler.model.errors import ReconcilerError
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.secret import Secret

_RESERVED_BYTES = 16 << 10
"""The disk space that is reserved for a secret before the call that returns it is sent."""


_ADVICE = {
    errno.EEXIST: "move it away, and run apply again",
    errno.ENOSPC: "free disk space, and run apply again",
    errno.EDQUOT: "free disk space, and run apply again",
}
"""The next step by the error with which the operating system does not write a file."""


class _Saved(Enum):
    SAVED = "(saved)"


_SAVED = _Saved.SAVED
"""The value in a response that replaces a saved secret."""


def check_writable(call: ApiCall) -> None:
    """Check, before a call is sent, that its output files can be written. Raises ReconcilerError."""
    for output in call.output_files:
        problem = find_output_problem(output.file)
        if problem:
            raise ReconcilerError(problem)


def find_output_problem(file: OutputFile) -> str | None:
    """Return why a new file cannot be written, or None."""
    path = Path(file.path)
    if os.path.lexists(path):
        return f"{file}: already exists and is never overwritten; move it away"
    if not path.parent.is_dir():
        return f"{file}: cannot be written: there is no folder {path.parent}; create it first"
    if path.parent.resolve() != path.parent.absolute():
        return f"{file}: cannot be written: its folder was replaced by a link; remove the link, or plan again"
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return (
            f"{file}: cannot be written: its folder is not writable; make it writable, or choose another path"
        )
    return None


def save_secrets(call: Call) -> Call:
    """Return `call`, extended to save the secrets of each response; the response then does not have them.

    Disk space for them is reserved before the call is sent. The function raises ReconcilerError if a file cannot be written. A secret that
    the next call saves becomes a `Secret`.
    """

    def send_and_save(request: ApiCall) -> Mapping[str, Any]:
        outputs = [output for output in request.output_files if output.secret]
        if request.secret_member:
            return _hide_member(call(request), request.secret_member)
        if not outputs:
            return call(request)
        with ExitStack() as stack:
            files = [stack.enter_context(_open_new_file(output.file, 0o600)) for output in outputs]
            response = call(request)
            for output, file in zip(outputs, files, strict=True):
                file.write(str(_get_member(response, output)))
                response = _replace_member(response, output.member.split("."), _SAVED)
        return response

    return send_and_save


def write_output_files(call: ApiCall, response: Mapping[str, Any]) -> None:
    """Write the members of the response that the call's `output_files` name. Raises ReconcilerError."""
    for output in call.output_files:
        value = _get_member(response, output)
        if value is not _SAVED:
            with _open_new_file(output.file, 0o600 if output.secret else 0o644) as file:
                file.write(str(value))


def _get_member(response: Mapping[str, Any], output: SavedMember) -> Any:
    value: Any = response
    try:
        for name in output.member.split("."):
            value = value[name]
    except KeyError:
        raise ReconcilerError(
            f"{output.file}: cannot be written: AWS's response has no {output.member}, which AWS returns only once"
        ) from None
    return value


def _hide_member(response: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value: Any = response
    for name in member.split("."):
        value = value[name]
    return _replace_member(response, member.split("."), Secret(member, str(value)))


def _replace_member(members: Mapping[str, Any], path: list[str], replacement: object) -> Mapping[str, Any]:
    name, *rest = path
    return {**members, name: _replace_member(members[name], rest, replacement) if rest else replacement}


@frozen
class _NewFile:
    """A file that has no name, or a temporary one, until it is written completely.

    `source` is what its final name is linked to, and `folder` the descriptor of its folder.
    """

    file: OutputFile
    descriptor: int
    source: str
    folder: int

    def write(self, text: str) -> None:
        """Write, sync, then link, so that a file with the final name is complete and survives a crash.

        A link fails if the name is taken; a rename would overwrite. Raises ReconcilerError.
        """
        name = Path(self.file.path).name
        with _name_file(self.file):
            data = text.encode()
            os.lseek(self.descriptor, 0, os.SEEK_SET)
            _write_all(self.descriptor, data)
            os.ftruncate(self.descriptor, len(data))
            os.fsync(self.descriptor)
            # With a descriptor of the folder, Python uses linkat(2), which follows the link to a file without a name.
            os.link(self.source, name, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            os.fsync(self.folder)


@contextmanager
def _open_new_file(file: OutputFile, mode: int) -> Iterator[_NewFile]:
    """Open a new file, with reserved disk space. Raises ReconcilerError."""
    with ExitStack() as stack:
        with _name_file(file):
            path = Path(file.path).absolute()
            folder = _open_folder(path.parent)
            stack.callback(os.close, folder)
            descriptor, source = _open_unnamed(folder), ""
            if descriptor is None:
                source = f".{path.name}.unfinished"
                descriptor = _open_named(source, folder)
                stack.callback(_unlink, source, folder)
            stack.callback(os.close, descriptor)
            _write_all(descriptor, bytes(_RESERVED_BYTES))
            os.fsync(descriptor)
            os.fchmod(descriptor, mode)
        yield _NewFile(file, descriptor, source or f"/proc/self/fd/{descriptor}", folder)


def _open_folder(path: Path) -> int:
    """Return a descriptor of the folder at a path without links.

    A link may have been created since the path was resolved, so each folder is opened from its parent without following links. Raises OSError.
    """
    passing = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    root, *names = path.parts
    folder = os.open(root, passing)
    for name in (*names, "."):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC if name == "." else passing
        try:
            child = os.open(name, flags, dir_fd=folder)
        finally:
            os.close(folder)
        folder = child
    return folder


def _unlink(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _open_unnamed(folder: int) -> int | None:
    """Open a file without a name, of which a killed run leaves nothing.

    Returns None if the file system has no such files (open(2), O_TMPFILE). Raises OSError.
    """
    if not (hasattr(os, "O_TMPFILE") and Path("/proc/self/fd").is_dir()):
        return None
    try:
        return os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL}:
            raise
        return None


def _open_named(name: str, folder: int) -> int:
    """Open a file under a temporary name; one that a killed run left is replaced. Raises OSError."""
    _unlink(name, folder)
    return os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all data: the operating system writes only a part if the disk is nearly full. Raises OSError."""
    while data:
        data = data[os.write(descriptor, data) :]


@contextmanager
def _name_file(file: OutputFile) -> Iterator[None]:
    """Convert an OSError to a ReconcilerError that names the file."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "correct that, or choose another path, and run apply again")
        raise ReconcilerError(f"{file}: cannot be written: {error.strerror}; {advice}") from error
