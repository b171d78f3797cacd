"""A pool of threads that work in the context of the code that submits their work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class ContextThreadPool(ThreadPoolExecutor):
    """A pool whose threads see the context variables of the caller of `submit` or `map`.

    So secrets that a thread reads are registered in the caller's redaction scope (`model/redaction.py`), and texts are redacted
    with that scope's secrets. A plain pool has no scope: its secrets would be registered for the whole process.
    """

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Start a function in a copy of the present context."""
        run: Callable[..., Any] = copy_context().run
        return super().submit(run, fn, *args, **kwargs)
