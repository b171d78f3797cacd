"""Threads that work in the context of their submitter, and classes that threads decode."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
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


_preparation = Lock()


def prepare_decoding(*classes: type) -> None:
    """Prepare classes that several threads decode; a module calls this once, when it is imported.

    msgspec prepares a class when it decodes it for the first time, and if two threads do that at once, the process crashes.
    """
    import msgspec

    with _preparation:
        for prepared_class in classes:
            msgspec.json.Decoder(prepared_class)
