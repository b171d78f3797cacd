"""Keep the threads that send calls on one processor.

Python runs one of its threads at a time. On several processors, most switches between threads wake another processor, whose caches have nothing
of the thread. To apply a thousand devices to a registry on the same machine then takes a third more time, and as much more CPU time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stay_on_one_processor() -> Iterator[None]:
    """Keep this thread, and the threads that it starts in the block, on one processor.

    At the end of the block, this thread may use all of its processors again. The threads of a process get the same processor, and
    processes with consecutive IDs different ones. Without effect on systems other than Linux.
    """
    if sys.platform != "linux":
        yield
        return
    allowed = os.sched_getaffinity(0)  # 0 is this thread
    processors = sorted(allowed)
    os.sched_setaffinity(0, {processors[os.getpid() % len(processors)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
