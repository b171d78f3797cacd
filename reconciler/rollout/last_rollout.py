"""The record of a file's last rollout: the status of each environment, for `--retry-failed`.

Invariant: the file is replaced as a whole, so a crash leaves the record before or after an environment, never a part of it. Several
rollouts may record their environments at the same time.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec
from attrs import evolve

from reconciler.engine.durable_files import name_file_in_errors, sync_folder
from reconciler.frozen_classes import field, frozen
from reconciler.model.errors import NO_JOURNAL_ADVICE, JournalError, PlanRejectedError
from reconciler.render.json.encode import encode_json

_PENDING = "pending"
"""The status of an environment that has not finished."""

_SUCCESSES = frozenset({"applied", "unchanged"})


@frozen
class LastRollout:
    """The last rollout of a file: its command, and environment → status."""

    command: Literal["apply", "destroy"]
    statuses: Mapping[str, str] = field(factory=dict)
    format: Literal["reconciler.last-rollout"] = "reconciler.last-rollout"
    version: Literal[1] = 1

    @property
    def unfinished(self) -> tuple[str, ...]:
        """The environments that did not succeed."""
        return tuple(name for name, status in self.statuses.items() if status not in _SUCCESSES)


class LastRolloutFile:
    """The file with the record of the last rollout, in `.reconciler/` in the folder of the desired state."""

    def __init__(self, path: Path) -> None:
        folder = path if path.is_dir() else path.parent
        name = "last_rollout.json" if path.is_dir() else f"last_rollout-{path.stem}.json"
        self.path = folder / ".reconciler" / name
        self._rollout: LastRollout | None = None

    def read(self) -> LastRollout | None:
        """Return the last rollout, or None before the first. Raises JournalError if the file is damaged."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=LastRollout)
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, OSError) as error:
            raise JournalError(str(self.path), f"cannot be read: {error}") from error

    def list_unfinished(self) -> tuple[str, ...]:
        """Return the environments that the last apply of several did not complete.

        Raises PlanRejectedError if there are none, and JournalError if the file is damaged.
        """
        rollout = self.read()
        if rollout is None:
            raise PlanRejectedError(
                ["no apply of several environments is recorded; apply without --retry-failed"]
            )
        if rollout.command != "apply":
            raise PlanRejectedError(
                [
                    f"the last run of several environments was a {rollout.command}; apply without --retry-failed"
                ]
            )
        if not rollout.unfinished:
            raise PlanRejectedError(
                [
                    "the last recorded apply of several environments completed all of them; a rejected one is not recorded"
                ]
            )
        return rollout.unfinished

    def begin(self, command: Literal["apply", "destroy"], names: Mapping[str, object]) -> None:
        """Record that a rollout begins.

        The statuses of other environments are kept, so that what an earlier apply did not complete is not forgotten. Raises
        JournalError.
        """
        self._rollout = LastRollout(command)
        try:
            self.path.parent.mkdir(exist_ok=True)
            with _lock_folder(self.path.parent):
                previous = self._read_undamaged()
                kept = previous.statuses if previous and previous.command == command else {}
                self._rollout = LastRollout(command, {**kept, **dict.fromkeys(names, _PENDING)})
                self._write(self._rollout)
        except OSError as error:
            problem = f"cannot be written: {error.strerror}"
            raise JournalError(str(self.path), problem, NO_JOURNAL_ADVICE) from error

    def record(self, environment: str, status: str) -> None:
        """Record the status of an environment that has finished, unless another command has begun since.

        Raises OSError.
        """
        assert self._rollout
        self._rollout = evolve(self._rollout, statuses={**self._rollout.statuses, environment: status})
        with _lock_folder(self.path.parent):
            stored = self._read_undamaged() or self._rollout
            if stored.command == self._rollout.command:
                self._write(evolve(stored, statuses={**stored.statuses, environment: status}))

    def _read_undamaged(self) -> LastRollout | None:
        """Return the last rollout; None without one, or if the new record must replace a damaged one."""
        try:
            return self.read()
        except JournalError:
            return None

    def _write(self, rollout: LastRollout) -> None:
        """Replace the file."""
        with name_file_in_errors(self.path):
            descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f"{self.path.name}.")
            try:
                with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 (a descriptor, not a path)
                    file.write(f"{encode_json(rollout)}\n")
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            sync_folder(self.path.parent)


@contextmanager
def _lock_folder(folder: Path) -> Iterator[None]:
    """Let other processes wait until a record is read and written. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
