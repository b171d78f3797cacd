"""The files of an environment, packed for workers that do not share the driver's file system.

They are the TOML files and the files that these refer to. Files with secrets are never packed: a worker reads them where it has
them, in the folder that the driver names. So are those that an apply writes, such as issued private keys.

A worker unpacks the files to a folder of its user, once for each digest, and loads the environment from there.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.engine.load.input_files import CopiedFolder
from reconciler.frozen_classes import frozen
from reconciler.model.errors import ReconcilerError
from reconciler.model.redaction import redaction_scope
from reconciler.rollout.messages import TaskRequest

if TYPE_CHECKING:
    from reconciler.engine.load.list_files import InputFiles
    from reconciler.model.plan import Target
    from reconciler.model.settings import Settings

_MAX_TOTAL_BYTES = 2**28
"""The maximum size of all files that are packed."""

_COMPRESSION_LEVEL = 6

_PRIVATE_KEY = b"PRIVATE KEY-----"

_MAX_UNUSED_SECONDS = 30 * 24 * 3600
"""Seconds after which an unpacked folder that no task has used is deleted."""


@frozen
class EnvironmentFiles:
    """The files of an environment.

    - `digests`: the SHA-256 of each file, by its path relative to `root`, the folder around all of them;
    - `secret_paths`: files with secrets, which are not among them;
    - `digest`: identifies the files; it is `DesiredState.files_digest`.
    """

    root: Path
    digests: Mapping[str, str]
    secret_paths: frozenset[Path]
    digest: str


def collect_files(request: TaskRequest) -> EnvironmentFiles:
    """Return the files of a task's environment, as the driver has them.

    Raises SelectionError if the environment or a variable is not valid, and ReconcilerError if the names of the files contain an
    account or a Region that only a call could find.
    """
    from reconciler.aws.session import build_sample_targets, find_known_target

    samples: list[tuple[Target, Target]] = []

    def find_target(settings: Settings) -> Target:
        target = find_known_target(settings, os.environ)
        if target is None:
            samples.append(build_sample_targets(settings, os.environ))
        return target or samples[0][0]

    files = _list_files(request, find_target)
    if samples and _list_files(request, lambda _settings: samples[0][1]).paths != files.paths:
        raise ReconcilerError(
            "which files it has depends on its account or Region, which are not known here; set `account` and `region`"
        )
    digests = {Path(os.path.normpath(path)): digest for path, digest in files.digests.items()}
    main = Path(request.path)
    folder = main if main.is_dir() else main.parent
    root = Path(os.path.commonpath([folder, *(path.parent for path in digests)]))
    return EnvironmentFiles(
        root,
        {path.relative_to(root).as_posix(): digest for path, digest in digests.items()},
        files.secret_paths,
        files.digest,
    )


def _list_files(request: TaskRequest, find_target: Callable[[Settings], Target]) -> InputFiles:
    from reconciler.aws.service_model import ServiceModelConstraints
    from reconciler.engine.load.environment_loader import LoadInputs
    from reconciler.engine.load.list_files import list_input_files
    from reconciler.model.environment import EnvironmentChoice

    folders = tuple(Path(folder) for folder in request.allow_outside)
    choice = EnvironmentChoice(request.environment, request.variables, folders)
    inputs = LoadInputs(ServiceModelConstraints(), os.environ, choice, find_target)
    with redaction_scope():
        return list_input_files(Path(request.path), inputs)


def pack_files(files: EnvironmentFiles) -> str:
    """Return the files as base64 of a compressed archive.

    Raises ReconcilerError if they are too large, if one of them has changed, or if one contains a secret.
    """
    buffer = io.BytesIO()
    size = 0
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=_COMPRESSION_LEVEL) as archive:
        for name, digest in sorted(files.digests.items()):
            content = _read_unchanged(files, name, digest)
            size += len(content)
            if size > _MAX_TOTAL_BYTES:
                raise ReconcilerError(
                    f"the files of {files.root} are too large to be sent to workers: more than "
                    f"{_MAX_TOTAL_BYTES >> 20} MiB; put the folder where the workers can read it"
                )
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return base64.b64encode(buffer.getvalue()).decode()


def _read_unchanged(files: EnvironmentFiles, name: str, digest: str) -> bytes:
    path = files.root / name
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ReconcilerError(f"{path}: has changed during the rollout; start it again")
    if _PRIVATE_KEY in content or Path(os.path.realpath(path)) in files.secret_paths:
        raise ReconcilerError(
            f"{path}: contains a secret, which is not sent to workers; put the folder where the workers can read it"
        )
    return content


def unpack_files(request: TaskRequest) -> CopiedFolder:
    """Write the files of a request to a folder of this user, over those of an earlier copy."""
    delete_unused(_find_cache_folder())
    copied = _name_copy(request, request.files_root)
    copied.copy.mkdir(exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(request.files)), mode="r:gz") as archive:
        archive.extractall(copied.copy, filter="data")
    _find_marker(request).write_text(request.files_root, encoding="utf-8")
    return copied


def find_unpacked(request: TaskRequest) -> CopiedFolder | None:
    """Return the folder that `unpack_files` has written before, or None."""
    try:
        marker = _find_marker(request)
        copied = _name_copy(request, marker.read_text(encoding="utf-8"))
        os.utime(marker)
    except OSError:
        return None
    return copied if copied.copy.is_dir() else None


def delete_unused(folder: Path) -> None:
    """Delete the copies in a folder that no task has used for a month."""
    for marker in folder.glob("*.root"):
        if marker.stat().st_mtime < time.time() - _MAX_UNUSED_SECONDS:
            shutil.rmtree(marker.with_suffix(""), ignore_errors=True)
            marker.unlink(missing_ok=True)


def _name_copy(request: TaskRequest, root: str) -> CopiedFolder:
    return CopiedFolder(_find_marker(request).with_suffix(""), Path(root))


def _find_marker(request: TaskRequest) -> Path:
    """Return the file with the original path of the folder that the files are in."""
    key = f"{request.files_digest}\0{request.path}\0{request.environment}"
    return _find_cache_folder() / f"{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}.root"


def _find_cache_folder() -> Path:
    """Return the folder for copies, which only this user can read; create it if needed."""
    folder = Path(tempfile.gettempdir()) / f"reconciler-files-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ReconcilerError(f"{folder} is not a folder that only this user can read; remove it")
    return folder
