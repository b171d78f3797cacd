"""Open the workspace of a task with the driver's files, from the worker's folder or from a copy."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.model.errors import InvalidDesiredStateError, ReconcilerError
from reconciler.rollout.file_tree import find_unpacked, unpack_files
from reconciler.rollout.messages import TaskRequest

if TYPE_CHECKING:
    from reconciler.engine.load.input_files import CopiedFolder
    from reconciler.workspace import Workspace


def open_workspace(request: TaskRequest) -> Workspace | None:
    """Return the workspace, loaded from the request's files; None if this worker has other files or none."""
    from reconciler.workspace import Workspace

    if not request.files:
        workspace = Workspace(
            request.path,
            environment=request.environment,
            variables=request.variables,
            allow_outside=[folder for folder in request.allow_outside if Path(folder).is_dir()],
        )
        if not request.files_digest or _has_files(workspace, request):
            return workspace
    copied = unpack_files(request) if request.files else find_unpacked(request)
    return _open_copy(copied, request) if copied else None


def describe_record_on_worker(workspace: Workspace) -> str:
    """Return where the record of an apply is that only this worker has; empty if others can read it."""
    copied, journal = workspace._copied_folder, workspace.desired.settings.journal  # noqa: SLF001 (set above)
    if copied is None or (journal and "://" in journal):
        return ""
    return (
        f"the worker on {socket.gethostname()} has it, in {copied.copy.parent}; to have all in one place, set `journal` in "
        "[workspace] to an S3 bucket"
    )


def _has_files(workspace: Workspace, request: TaskRequest) -> bool:
    """Return whether a workspace can be loaded, from the files of the request's digest."""
    try:
        return workspace.desired.files_digest == request.files_digest
    except (ReconcilerError, OSError):
        # If the driver's files are the same, they are sent, and have the same errors.
        return False


def _open_copy(copied: CopiedFolder, request: TaskRequest) -> Workspace | None:
    """Return the workspace in a copy of the files; its secrets are read where this worker has them."""
    from reconciler.workspace import Workspace

    class CopiedWorkspace(Workspace):
        _copied_folder = copied

    path = copied.copy / Path(request.path).relative_to(copied.original)
    workspace = CopiedWorkspace(
        path,
        environment=request.environment,
        variables=request.variables,
        allow_outside=(copied.copy,),
    )
    try:
        desired = workspace.desired
    except InvalidDesiredStateError as error:
        if not request.files:
            return None
        raise ReconcilerError(str(error).replace(str(copied.copy), str(copied.original))) from None
    if desired.files_digest != request.files_digest:
        if not request.files:
            return None
        raise ReconcilerError(
            f"internal error: the files in {copied.copy} are not those that the driver has sent"
        )
    if desired.settings.target == "embedded" and not os.environ.get("RECONCILER_REGISTRY"):
        raise ReconcilerError(
            f"the embedded registry is a file next to {request.path}, which the worker on "
            f"{socket.gethostname()} does not have; use a target that all workers reach"
        )
    return workspace
