"""A client that sends requests as fast as a server handles them, and uses little CPU time.

The requests are encoded in advance. The client parses only the status and the length of a response.
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

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
END_OF_HEAD = b"\r\n\r\n"
CONTENT_LENGTH = b"content-length: "
STATUS_SLICE = slice(9, 12)
"""The place of the status in a response, after `HTTP/1.1 `."""
CHUNK_BYTES = 1 << 20


def encode_request(method: str, path: str, document: Any = None, service: str = "iot") -> bytes:
    """Return an HTTP request whose signature has the right form but is not valid.

    The registry does not check the signature. The body is the document as JSON, or empty if the document is None.
    """
    body = b"" if document is None else json.dumps(document).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: {AUTHORIZATION.format(service=service)}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@define
class _Connection:
    """A connection with at most one request in flight, and the received part of its response."""

    stream: socket.socket
    received_bytes: bytes = field(default=b"", init=False)

    def read_status(self) -> str | None:
        """Read once; return the status if the response is complete now, and None if more of it will come.

        Raises ConnectionError if the server closed the connection.
        """
        chunk = self.stream.recv(CHUNK_BYTES)
        if not chunk:
            raise ConnectionError("the server closed a connection")
        self.received_bytes += chunk
        head_length = self.received_bytes.find(END_OF_HEAD)
        if head_length < 0:
            return None
        body_length = _parse_content_length(self.received_bytes[:head_length].lower())
        if len(self.received_bytes) < head_length + len(END_OF_HEAD) + body_length:
            return None
        status = self.received_bytes[STATUS_SLICE].decode()
        self.received_bytes = b""
        return status


def _parse_content_length(head: bytes) -> int:
    _, header, rest = head.partition(CONTENT_LENGTH)
    return int(rest.partition(b"\r\n")[0]) if header else 0


def send_requests(
    address: tuple[str, int], requests: Sequence[bytes], connections: int = 8
) -> tuple[float, Counter[str]]:
    """Send all requests; return how many seconds that took, and how many responses had each status.

    Each connection has one request in flight at a time.
    """
    sockets = [socket.create_connection(address) for _ in range(connections)]
    try:
        started_at = time.perf_counter()
        statuses = Counter(_exchange(sockets, iter(requests)))
        return time.perf_counter() - started_at, statuses
    finally:
        for open_socket in sockets:
            open_socket.close()


def _exchange(sockets: Sequence[socket.socket], requests: Iterator[bytes]) -> Iterator[str]:
    """Send the requests, and yield the status of each response."""
    with selectors.DefaultSelector() as selector:
        # There may be fewer requests than sockets. `sockets` must come first: else `zip` takes, and loses, one more request.
        for open_socket, request in zip(sockets, requests, strict=False):
            selector.register(open_socket, selectors.EVENT_READ, _Connection(open_socket))
            open_socket.sendall(request)
        while selector.get_map():
            for key, _ in selector.select():
                status = key.data.read_status()
                if status is None:
                    continue
                yield status
                next_request = next(requests, None)
                if next_request is None:
                    selector.unregister(key.fileobj)
                else:
                    key.data.stream.sendall(next_request)
