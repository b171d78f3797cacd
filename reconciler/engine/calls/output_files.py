"""Write values that AWS returns only once to files, completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.model.call import ApiCall
from reconciler.model.errors import ReconcilerError


def check_writable(call: ApiCall) -> None:
    """Check, before a call is sent, that its output files can be written. Raises ReconcilerError."""
    for saved in call.output_files:
        path = Path(saved.file.path)
        if os.path.lexists(path):
            raise ReconcilerError(f"{saved.file}: already exists and is never overwritten; move it away")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise ReconcilerError(
                f"{saved.file}: cannot be written: its folder does not exist or is not writable"
            )


def write_output_files(call: ApiCall, response: Mapping[str, Any]) -> None:
    """Write the members of the response that the call saves. Raises ReconcilerError."""
    for saved in call.output_files:
        value: Any = response
        try:
            for name in saved.member.split("."):
                value = value[name]
        except KeyError:
            raise ReconcilerError(
                f"{saved.file}: cannot be written: AWS's response has no {saved.member}, which it returns only once"
            ) from None
        try:
            _write_new_file(Path(saved.file.path), str(value), 0o600 if saved.secret else 0o644)
        except OSError as error:
            raise ReconcilerError(f"{saved.file}: cannot be written: {error.strerror}") from error


def _write_new_file(path: Path, text: str, mode: int) -> None:
    """Write under a temporary name, sync, then link: a file that exists under its own name is complete."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        os.link(temporary, path)  # fails if the name is taken; a rename would overwrite
    finally:
        Path(temporary).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
