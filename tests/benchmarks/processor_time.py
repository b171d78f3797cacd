"""The processor time of other processes, as far as the system has /proc (see proc(5))."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

# The fields after the command's name begin with the third one: the parent is the 4th, `utime` the 14th, `stime` the 15th,
# `cutime` and `cstime` of the children that have ended are the next two.
_PARENT, _UTIME, _STIME, _END = 1, 11, 12, 15


def read_cpu_seconds(pid: int) -> float:
    """Return the processor seconds that a process has used, or 0 if the system has no /proc."""
    fields = _read_fields(Path(f"/proc/{pid}/stat"))
    return _to_seconds(fields[_UTIME : _STIME + 1]) if fields else 0.0


def read_tree_cpu_seconds(pid: int) -> float:
    """Return the processor seconds of a process and its descendants, or 0 if the system has no /proc."""
    fields_by_pid = {int(path.parent.name): _read_fields(path) for path in Path("/proc").glob("[0-9]*/stat")}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for child, fields in fields_by_pid.items():
        if fields:
            children[int(fields[_PARENT])].append(child)
    seconds, waiting = 0.0, [pid]
    while waiting:
        current = waiting.pop()
        seconds += _to_seconds(fields_by_pid.get(current, [])[_UTIME:_END])
        waiting += children[current]
    return seconds


def _read_fields(stat: Path) -> list[str]:
    """Return the fields after the command's name; none if the process has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _to_seconds(ticks: list[str]) -> float:
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
