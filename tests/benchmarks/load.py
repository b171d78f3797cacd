"""Requests as fast as a server takes them, by a client that costs little: they are written beforehand, and of the answers
it reads the status and where they end.
"""

from __future__ import annotations

import json
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import define, field

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "


def written(method: str, path: str, document: Any = None, service: str = "iot") -> bytes:
    """A request, signed for a service in name only."""
    body = b"" if document is None else json.dumps(document).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {SCOPE.format(service)}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@define
class _Connection:
    """One request at a time, and what has come of its answer."""

    opened: socket.socket
    received: bytes = field(default=b"", init=False)

    def read(self) -> str | None:
        """Give the status when the answer is whole. Raises ConnectionError when it never will be."""
        part = self.opened.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.received += part
        end = self.received.find(END_OF_HEAD)
        if end < 0 or len(self.received) < end + len(END_OF_HEAD) + _length(self.received[:end].lower()):
            return None
        status, self.received = self.received[9:12].decode(), b""
        return status


def _length(head: bytes) -> int:
    _, found, rest = head.partition(LENGTH)
    return int(rest.partition(b"\r\n")[0]) if found else 0


def drive(
    address: tuple[str, int], requests: Sequence[bytes], connections: int = 8
) -> tuple[float, Counter[str]]:
    """Send every request, on each connection the next one after the answer; give the seconds, and the statuses."""
    waiting, statuses = iter(requests), Counter[str]()
    opened = [socket.create_connection(address) for _ in range(connections)]
    try:
        begun = time.perf_counter()
        for status in _answers(opened, waiting):
            statuses[status] += 1
        return time.perf_counter() - begun, statuses
    finally:
        for one in opened:
            one.close()


def _answers(opened: Sequence[socket.socket], waiting: Iterator[bytes]) -> Iterator[str]:
    with selectors.DefaultSelector() as selector:
        for one, request in zip(opened, waiting, strict=False):
            selector.register(one, selectors.EVENT_READ, _Connection(one))
            one.sendall(request)
        while selector.get_map():
            for key, _ in selector.select():
                status = key.data.read()
                if status is None:
                    continue
                yield status
                if (request := next(waiting, None)) is None:
                    selector.unregister(key.fileobj)
                else:
                    key.data.opened.sendall(request)
