"""Channels: how a task sends its events to the driver, and learns that it must stop.

A request has only the name of its channel, as text, because it may go to another process. There are three kinds, which the
driver chooses by the executor:

- threads of the driver's process find the channel itself by its name;
- Dask's workers send events through the scheduler (`dask`);
- other processes of this machine write events to a folder.

A task that cannot reach its channel drops its events, and runs to its end. If its driver was interrupted, it stops instead.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from reconciler.rollout.messages import TaskEvent, decode, encode

OnTaskEvent: TypeAlias = Callable[[TaskEvent], None]

_LOCAL_PREFIX = "local:"
_FOLDER_PREFIX = "folder:"
_DASK_PREFIX = "dask:"
_POLL_SECONDS = 0.2

_OPEN_CHANNELS: dict[str, _LocalChannel] = {}


class Channel(Protocol):
    """The worker's end of a channel."""

    @property
    def stop(self) -> threading.Event:
        """Set when the task must start no further step."""

    def send(self, event: TaskEvent) -> None:
        """Send an event to the driver; thread-safe."""


class DriverChannel(Protocol):
    """The driver's end of a channel.

    - `name`: how the tasks find it;
    """

    name: str

    @property
    def can_cancel(self) -> bool:
        """Whether a task that no worker has begun can be taken back. Otherwise, it begins and ends at once."""

    @property
    def is_lost(self) -> bool:
        """Whether the executor can run no further task."""

    def poll(self, *, is_stopped: bool) -> None:
        """Deliver waiting events, and ask the tasks to stop; called again and again by the driver."""


def is_dask(executor: Executor | None) -> bool:
    """Return whether an executor sends tasks to a Dask cluster."""
    return type(executor).__module__.partition(".")[0] == "distributed"


def open_channel(
    executor: Executor, on_event: OnTaskEvent, stop: threading.Event
) -> AbstractContextManager[DriverChannel]:
    """Open a channel to the tasks of an executor; close it when they have ended.

    `on_event` is called in any thread. When `stop` is set, the tasks in this process stop; `poll` asks those elsewhere.
    """
    if isinstance(executor, ThreadPoolExecutor):
        return _open_local_channel(on_event, stop)
    if is_dask(executor):
        from reconciler.rollout.dask import open_dask_channel

        return open_dask_channel(executor, on_event, _DASK_PREFIX)
    return _open_folder_channel(on_event)


@contextmanager
def connect_channel(name: str) -> Iterator[Channel]:
    """Connect a task to its channel, and disconnect it at its end."""
    if name in _OPEN_CHANNELS:
        yield _OPEN_CHANNELS[name]
    elif name.startswith(_DASK_PREFIX):
        from reconciler.rollout.dask import connect_dask_channel

        with connect_dask_channel(name) as dask_channel:
            yield dask_channel
    elif name.startswith(_FOLDER_PREFIX):
        with _connect_folder_channel(Path(name.removeprefix(_FOLDER_PREFIX))) as folder_channel:
            yield folder_channel
    else:
        yield _UnreachableChannel(has_ended=name.startswith(_LOCAL_PREFIX))


class _UnreachableChannel:
    """A channel to a driver that cannot be reached from this process, or that has ended in this process."""

    def __init__(self, *, has_ended: bool = False) -> None:
        self.stop = threading.Event()
        if has_ended:
            self.stop.set()

    def send(self, event: TaskEvent) -> None:
        """Do nothing."""


# ── in one process ──


class _LocalChannel:
    """Both ends of a channel inside one process."""

    can_cancel = True
    is_lost = False

    def __init__(self, on_event: OnTaskEvent, stop: threading.Event) -> None:
        self.name = f"{_LOCAL_PREFIX}{secrets.token_hex(8)}"
        self.stop = stop
        self._on_event = on_event

    def send(self, event: TaskEvent) -> None:
        """Pass the event to the driver."""
        self._on_event(event)

    def poll(self, *, is_stopped: bool) -> None:
        """Do nothing: the tasks have the same event."""


@contextmanager
def _open_local_channel(on_event: OnTaskEvent, stop: threading.Event) -> Iterator[_LocalChannel]:
    channel = _LocalChannel(on_event, stop)
    _OPEN_CHANNELS[channel.name] = channel
    try:
        yield channel
    finally:
        del _OPEN_CHANNELS[channel.name]


# ── between processes of one machine ──


class _FolderChannel:
    """The driver's end of a channel that is a folder, which only this user can read.

    Tasks append events to the file `events`, one line each. The file `stop` exists when they must stop.
    """

    can_cancel = True
    is_lost = False

    def __init__(self, folder: Path, on_event: OnTaskEvent) -> None:
        self.name = f"{_FOLDER_PREFIX}{folder}"
        self._on_event = on_event
        self._stop = folder / "stop"
        self._events = folder / "events"
        self._events.touch()
        self._position = 0

    def poll(self, *, is_stopped: bool) -> None:
        if is_stopped:
            self._stop.touch()
        with self._events.open("rb") as file:
            file.seek(self._position)
            lines, _, _ = file.read().rpartition(b"\n")
        if lines:
            self._position += len(lines) + 1
            for line in lines.splitlines():
                with suppress(
                    msgspec.MsgspecError, UnicodeDecodeError
                ):  # the worker was killed while it wrote
                    self._on_event(decode(line.decode(), TaskEvent))


class _FolderConnection:
    """The worker's end of a channel that is a folder."""

    def __init__(self, folder: Path) -> None:
        self.stop = threading.Event()
        self._stop_path = folder / "stop"
        if self._stop_path.exists():
            self.stop.set()
        # Lines that are appended by one call are not mixed with those of other processes.
        self._descriptor = os.open(folder / "events", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="rollout-stop", daemon=True)
        self._watcher.start()

    def send(self, event: TaskEvent) -> None:
        """Append the event; drop it if the disk is full."""
        with suppress(OSError):
            os.write(self._descriptor, f"{encode(event)}\n".encode())

    def _watch(self) -> None:
        while not self._stop_path.exists():
            if self._closed.wait(_POLL_SECONDS):
                return
        self.stop.set()

    def close(self) -> None:
        self._closed.set()
        self._watcher.join()
        os.close(self._descriptor)


@contextmanager
def _open_folder_channel(on_event: OnTaskEvent) -> Iterator[_FolderChannel]:
    folder = Path(tempfile.mkdtemp(prefix="reconciler-rollout-"))
    channel = _FolderChannel(folder, on_event)
    # After an interrupt, the folder stays: the tasks that still run, or that a process of the pool has fetched, find the stop in it.
    yield channel
    channel.poll(is_stopped=False)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _connect_folder_channel(folder: Path) -> Iterator[Channel]:
    try:
        connection = _FolderConnection(folder)
    except OSError:  # on another machine, or the driver has ended
        yield _UnreachableChannel()
        return
    try:
        yield connection
    finally:
        connection.close()
