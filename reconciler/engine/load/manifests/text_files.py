"""Lines of limited length, and the recognition of files in other formats."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from reconciler.engine.load.manifests.builder import MAX_ROW_BYTES
from reconciler.engine.load.manifests.row_values import build_error
from reconciler.model.diagnostic import InvalidValueError

_HEAD_BYTES = 2**16
"""The number of bytes at the beginning of a file that decide what it is."""


class UnreadableRestError(Exception):
    """The rest of a file cannot be read, from a line on; `error` has the problems of this line."""

    def __init__(self, line: int, error: InvalidValueError) -> None:
        super().__init__(line, error)
        self.line, self.error = line, error


def read_head(file: BinaryIO) -> bytes:
    """Return the beginning of a file, and continue after its byte order mark."""
    head = file.read(_HEAD_BYTES)
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    file.seek(start)
    return head[start:]


def iterate_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file with their ends. Raises UnreadableRestError at a line that is too long."""
    for number, line in enumerate(iter(partial(file.readline, MAX_ROW_BYTES + 1), b""), 1):
        if len(line) > MAX_ROW_BYTES:
            expected = f"at most {MAX_ROW_BYTES >> 20} MiB"
            raise UnreadableRestError(number, build_error("line-too-long", "the line is too long", expected))
        yield line


def find_binary_format(head: bytes, text_format: str) -> tuple[str, str] | None:
    """Return the problem of a file that is not text, and what is expected; None for text."""
    from reconciler.model.file_content import recognize_bytes

    content = recognize_bytes(head)
    if content:
        return f"the file is {content}", "UTF-8 text"
    if head.lstrip()[:1] == b"<":
        return "the file is HTML or XML", text_format
    return None
