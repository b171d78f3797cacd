"""Save in files what AWS returns only once; each file is written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.engine.durable_files import sync_folder
from reconciler.model.call import ApiCall
from reconciler.model.errors import ReconcilerError
from reconciler.model.output_file import OutputFile


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
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return (
            f"{file}: cannot be written: its folder is not writable; make it writable, or choose another path"
        )
    return None


def write_output_files(call: ApiCall, response: Mapping[str, Any]) -> None:
    """Write the members of the response that the call's `output_files` name. Raises ReconcilerError."""
    for output in call.output_files:
        value: Any = response
        try:
            for name in output.member.split("."):
                value = value[name]
        except KeyError:
            raise ReconcilerError(
                f"{output.file}: cannot be written: AWS's response has no {output.member}, which AWS returns only once"
            ) from None
        try:
            _write_new_file(Path(output.file.path), str(value), 0o600 if output.secret else 0o644)
        except OSError as error:
            raise ReconcilerError(f"{output.file}: cannot be written: {error.strerror}") from error


def _write_new_file(path: Path, text: str, mode: int) -> None:
    """Write under a temporary name, sync, then link, so that a file with the final name is complete."""
    handle, temporary_path = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary_path).chmod(mode)
        os.link(temporary_path, path)  # fails if the name is taken; a rename would overwrite
    finally:
        Path(temporary_path).unlink()
    sync_folder(path.parent)
