"""Writes what AWS says once to the files that the desired state names: whole or not at all, never over another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.model.call import ApiCall
from reconciler.model.errors import ReconcilerError


def room_for(asked: ApiCall) -> None:
    """See that every file can be written before AWS is asked for what goes into it. Raises ReconcilerError."""
    for save in asked.output_files:
        path = Path(save.file.path)
        if os.path.lexists(path):
            raise ReconcilerError(f"{save.file}: the file exists, and it is never overwritten")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise ReconcilerError(f"{save.file}: its folder does not exist, or nothing can be written there")


def write(asked: ApiCall, answer: Mapping[str, Any]) -> None:
    """Write what the call saves of its answer. Raises ReconcilerError."""
    for save in asked.output_files:
        value: Any = answer
        try:
            for part in save.member.split("."):
                value = value[part]
        except KeyError:
            told = f"AWS did not say {save.member}, as it says it once only"
            raise ReconcilerError(f"{save.file}: cannot be written: {told}") from None
        try:
            _write_new(Path(save.file.path), str(value), 0o600 if save.secret else 0o644)
        except OSError as error:
            raise ReconcilerError(f"{save.file}: cannot be written: {error.strerror}") from error


def _write_new(path: Path, text: str, mode: int) -> None:
    """Under another name first, on disk before it gets its own: a file that is there is whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        os.link(name, path)  # fails where the name is taken, which renaming would not
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
