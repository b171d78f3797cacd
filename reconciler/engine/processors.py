"""Keep the threads that send calls on one processor.

Python runs one of its threads at a time. On several processors, most switches between threads wake another processor, whose caches have nothing
of the thread. To apply a thousand devices to a registry on the same machine then takes a third more time, and as much more CPU time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def stay_on_one_processor() -> Iterator[None]:
    """Keep this thread, and the threads that it starts in the block, on one processor.

    At the end of the block, this thread may use all of its processors again. The threads of a process get the same processor, and
    processes with consecutive IDs different ones. Without effect on systems other than Linux, and where it is forbidden.
    """
    processors = _list_processors()
    if not processors:
        yield
        return
    _use({processors[os.getpid() % len(processors)]})
    try:
        yield
    finally:
        _use(processors)


def _list_processors() -> list[int]:
    """Return the numbers of the processors that this thread may use; none if it cannot choose."""
    if sys.platform == "linux":
        with suppress(OSError):
            return sorted(os.sched_getaffinity(0))  # 0 is this thread
    return []


def _use(processors: Iterable[int]) -> None:
    """Let this thread use only these processors, unless the system forbids that, as in some containers."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setaffinity(0, processors)
