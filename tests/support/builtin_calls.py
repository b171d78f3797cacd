"""Count the calls of built-in functions, a measure of work that is the same on any machine."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any


def count_builtin_calls(run: Callable[[], object]) -> Counter[str]:
    """Run a function, and count its calls of each built-in function.

    The result has the counts by qualified name.
    Examples are `posix.open` and `Certificate.verify_directly_issued_by`.
    """
    counts: Counter[str] = Counter()

    def count(_frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            module = getattr(argument, "__module__", None)
            name = argument.__qualname__
            counts[f"{module}.{name}" if module else name] += 1

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return counts
