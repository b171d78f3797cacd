"""Channels: how a task sends its events to the driver, and learns that it must stop.

A request has only the name of its channel, as text, because it may go to another process. In the driver's own process, the
name finds the channel itself; elsewhere, events are dropped and only the end of the task is known.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from reconciler.rollout.messages import TaskEvent

_OPEN_CHANNELS: dict[str, LocalChannel] = {}


class Channel(Protocol):
    """The worker's end of a channel."""

    @property
    def stop(self) -> threading.Event:
        """Set when the task must start no further step."""

    def send(self, event: TaskEvent) -> None:
        """Send an event to the driver; thread-safe."""


class LocalChannel:
    """A channel inside one process; `on_event` is called in the threads of the tasks."""

    def __init__(self, on_event: Callable[[TaskEvent], None], stop: threading.Event) -> None:
        self.name = f"local:{secrets.token_hex(8)}"
        self.stop = stop
        self._on_event = on_event

    def send(self, event: TaskEvent) -> None:
        """Pass the event to the driver."""
        self._on_event(event)


class _NoChannel:
    """A channel to a driver that cannot be reached from this process."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def send(self, event: TaskEvent) -> None:
        """Do nothing."""


@contextmanager
def open_local_channel(
    on_event: Callable[[TaskEvent], None], stop: threading.Event
) -> Iterator[LocalChannel]:
    """Open a channel that tasks in this process find by its name."""
    channel = LocalChannel(on_event, stop)
    _OPEN_CHANNELS[channel.name] = channel
    try:
        yield channel
    finally:
        del _OPEN_CHANNELS[channel.name]


def find_channel(name: str) -> Channel:
    """Return the worker's end of a channel."""
    return _OPEN_CHANNELS.get(name) or _NoChannel()
