"""uvicorn's HTTP/1.1 protocol with bounded heads of requests.

Invariant: for all input, the work and the memory for the head of a request are bounded by the limits of `request_guard` plus one read
from the connection. A rejected request ends its connection: the server sends its response, and then reads and
discards what the client still sends, for a short time, so that the client can read the response.
"""

import json
import socket
import struct
from functools import partial
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from reconciler.registry.request_guard import (
    HEAD_TOO_LONG,
    HEADER_TOO_LONG,
    INVALID_HTTP,
    INVALID_TARGET,
    MAX_HEAD_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    TARGET_TOO_LONG,
    TOO_MANY_HEADERS,
    Rejection,
    is_path,
)

_DISCARD_SECONDS = 2.0
# With this SO_LINGER option, closing a connection sends RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


class _RejectedError(Exception):
    """The head of the request is rejected; raised in the parser's callbacks to stop the parser."""


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with limits, and two additions to the state of a request.

    `drop_connection` is a function that closes the connection without a response. `body_came_later` is whether the body
    was read after the head.
    """

    # How often data was read from the connection: up to now, and up to the end of the current request's head.
    _read_count = 0
    _read_count_at_head = 0
    # Whether a head is being read, and the bytes of the reads that neither began nor ended a head.
    _is_in_head = False
    _head_bytes = 0
    _header_bytes = 0
    _header_count = 0
    # Why the head that is being parsed is rejected.
    _rejection: Rejection | None = None
    _is_discarding = False
    # Whether a head has ended, but not yet the body that follows it.
    _is_in_body = False

    def data_received(self, data: bytes) -> None:
        """Parse what was read, and reject a head that several reads make too long."""
        if self._is_discarding:
            return
        self._read_count += 1
        was_in_head = self._is_in_head
        super().data_received(data)
        if was_in_head and self._is_in_head and not self._is_discarding:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._reject(HEAD_TOO_LONG)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._is_in_head = True
        self._head_bytes = self._header_bytes = self._header_count = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Add a part of the target, unless it becomes too long."""
        if len(self.url) + len(url) > MAX_TARGET_BYTES:
            self._stop_parser(TARGET_TOO_LONG)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header, unless it is too long or one too many.

        The headers after a chunked body are ignored: the request is judged by its head alone.
        """
        length = len(name) + len(value)
        self._header_bytes += length
        self._header_count += 1
        if length > MAX_HEADER_BYTES:
            self._stop_parser(HEADER_TOO_LONG)
        if self._header_count > MAX_HEADERS:
            self._stop_parser(TOO_MANY_HEADERS)
        if self._header_bytes > MAX_HEAD_BYTES:
            self._stop_parser(HEAD_TOO_LONG)
        if self._is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start answering the request, unless its target is not a path."""
        self._is_in_head = False
        self._is_in_body = True
        if not is_path(self.url):
            self._stop_parser(INVALID_TARGET)
        super().on_headers_complete()
        self._read_count_at_head = self._read_count
        self.scope["state"]["drop_connection"] = partial(self._drop_connection, self.cycle)

    def on_body(self, body: bytes) -> None:
        """Add a part of the body, and record whether it came after the head."""
        self.scope["state"]["body_came_later"] = self._read_count > self._read_count_at_head
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request's body."""
        self._is_in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  (uvicorn's text)
        """Reject the request whose head the parser could not parse; uvicorn calls this."""
        self._reject(self._rejection or INVALID_HTTP)

    def _unsupported_upgrade_warning(self) -> None:
        """Do not log that an upgrade was ignored, nor advise to install a WebSocket library."""

    def _stop_parser(self, rejection: Rejection) -> None:
        """Make the parser fail, after which uvicorn calls `send_400_response`."""
        self._rejection = rejection
        raise _RejectedError

    def _reject(self, rejection: Rejection) -> None:
        """Send a response and discard what follows; without a response if one is due to an earlier request."""
        self._is_discarding = True
        if self.cycle is not None and not self.cycle.response_complete:
            if self.pipeline or not self._is_in_body or self.cycle.response_started:
                self.transport.close()
                return
            # The request is waiting for the rest of its body.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = json.dumps({"message": rejection.message}).encode()
        head = (
            f"HTTP/1.1 {rejection.status} {HTTPStatus(rejection.status).phrase}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.write_eof()
        self.loop.call_later(_DISCARD_SECONDS, self.transport.close)

    def _drop_connection(self, cycle: RequestResponseCycle) -> None:
        cycle.disconnected = True  # otherwise uvicorn would report that the response is missing
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()
