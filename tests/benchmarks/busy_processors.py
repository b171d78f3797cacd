"""Keep all processors busy, so that the CPU times of different programs can be compared.

Two processors may share a core, which a program has to itself while the other processor is idle. A program that waits for each response, like
the script of the race, is then alone, and one that has many calls in flight shares the core with the registry that answers them: its
CPU seconds do less work.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SPIN = """
import os
os.nice(19)
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
"""A program that uses what no other program needs, until it is killed or its parent has ended."""


@contextmanager
def keep_processors_busy() -> Iterator[None]:
    """Run a program of the lowest priority on each processor."""
    processes = [subprocess.Popen((sys.executable, "-c", _SPIN)) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
