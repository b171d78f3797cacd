"""The registry on a loopback port: both services under one address, over HTTP/1.1, by uvicorn.

Law: requests are performed one after another on the server's one thread, in the order in which their delays are over.
A request takes some 0.1 ms, less than handing it to another thread would, and SQLite lets one writer in at a time anyway.
So none is interrupted: one that the server's end does not wait for has not been begun, and is answered 503.

Nobody but programs of this machine may come in. The socket is a loopback one; and a web page that is open here, which
could reach that too, is kept out: a `Host` that is no loopback name is refused (it may have been rebound), and so is
whatever has an `Origin`, which browsers send and AWS's clients do not. There is no CORS.
"""

import asyncio
import ipaddress
import json
import logging
import signal
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import uvicorn
import uvloop
from attrs import field, frozen
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from reconciler.registry.clock import VirtualClock
from reconciler.registry.conditions import Conditions, respond
from reconciler.registry.endpoint import Registry
from reconciler.registry.http import HttpRequest, HttpResponse
from reconciler.registry.identity import get_caller_identity
from reconciler.registry.wire.service import SERVICES, service

# Not AWS's: no request comes near it (a template has 10 KB, and that is the longest member by far).
MAX_BYTES = 4 * 1024 * 1024
_A_CENTURY = 100 * 365 * 86_400.0

_BACKLOG = 1024
# Longer than AWS's clients keep an idle connection, so that none is closed on a request that is on its way.
_KEEP_ALIVE_SECONDS = 120
_GRACE_SECONDS = 10
# Go's client writes a body after its head, and when it is answered before it has returned from that, which AWS is too
# far away for, it takes the connection for broken, and sends again what has been done (aws-sdk-go-v2, so Terraform).
# On a busy machine head and body may be read at once all the same, and its return takes more than one turn of the scheduler.
_RETURN_SECONDS = 0.01
_GO = "aws-sdk-go"
_LINGER_NOT = struct.pack("ii", 1, 0)

_log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class NotLoopbackError(ValueError):
    """The address is not one of this machine's own."""


class _ClientDisconnectedError(Exception):
    """The client has closed its connection."""


def listen(host: str, port: int) -> socket.socket:
    """Give a listening socket; port 0 is any free one.

    Raises NotLoopbackError for an address that others can reach, OSError when the port is taken.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise NotLoopbackError(f"{host} is not a loopback address")
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def url_of(opened: socket.socket) -> str:
    """Give the address that clients are pointed to."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(opened: socket.socket, app: "RegistryApp", ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` hears the URL when both are heeded.

    What has been asked by then is answered, for ten seconds or until another SIGINT.
    """
    for name in SERVICES:  # so that the first request does not wait for the service models
        _ = service(name).routes
    config = uvicorn.Config(
        app,
        http=_HttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    # From now on, and not only once uvicorn runs; it raises the signal again when it is done, which then changes nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    ready(url_of(opened))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[opened]))


class _HttpProtocol(HttpToolsProtocol):
    """uvicorn's, which also lets an application lose its connection, and tells it of a body that came after its head."""

    _reads = 0
    _head_read = 0

    def data_received(self, data: bytes) -> None:
        self._reads += 1
        super().data_received(data)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head_read = self._reads
        self.scope["state"]["lose"] = partial(self._lose, self.cycle)

    def on_body(self, body: bytes) -> None:
        self.scope["state"]["body_came_later"] = self._reads > self._head_read
        super().on_body(body)

    def _lose(self, answering: RequestResponseCycle) -> None:
        answering.disconnected = True  # or uvicorn would miss an answer
        if (opened := self.transport.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self.transport.abort()


@frozen
class RegistryApp:
    """The ASGI application. With a virtual clock, whatever waits moves it and takes no time.

    `calls` counts what was asked since the last reset, refused or not, by account, service and operation.
    """

    registry: Registry
    conditions: Conditions
    clock: VirtualClock | None = None
    calls: Counter[str] = field(factory=Counter, init=False)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or lose its connection."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            response = await self._respond(scope, headers, receive)
        except _ClientDisconnectedError:
            return
        except asyncio.CancelledError:
            response = _ENDING
        if response is None:
            scope["state"]["lose"]()
        else:
            await _send(send, response)

    async def _respond(
        self, scope: Mapping[str, Any], headers: Mapping[str, str], receive: Receive
    ) -> HttpResponse | None:
        if (stranger := _stranger(headers)) is not None:
            return _told(403, {"message": stranger})
        body = await _whole(receive)
        if body is None:
            return _told(413, {"message": f"The request is longer than {MAX_BYTES} bytes."})
        if body and (scope["state"].get("body_came_later") or _GO in headers.get("user-agent", "")):
            await asyncio.sleep(_RETURN_SECONDS)
        query = scope["query_string"]
        path = scope["raw_path"] + (b"?" + query if query else b"")
        request = HttpRequest(
            scope["method"], f"http://{headers['host']}{path.decode('latin-1')}", headers, body
        )
        return self._own(scope["path"], request) or await self._answer(request)

    async def _answer(self, request: HttpRequest) -> HttpResponse | None:
        routed = self.registry.route(request)
        if routed.wire is not None:
            self.calls[f"{routed.caller.account}:{routed.wire.service}:{routed.wire.name}"] += 1
        disruption = self.conditions.disrupt(routed)
        if self.clock is None and disruption.delay:
            await asyncio.sleep(disruption.delay)
        elif self.clock is not None:
            await self._pass_time(self.clock, disruption.delay, disruption.room_in)
        return respond(self.registry, routed, disruption)

    async def _pass_time(self, clock: VirtualClock, delay: float, room_in: float) -> None:
        """Move the clock by the delay, once for all who came together, and to where there is room again."""
        begun = clock()
        if delay:
            await asyncio.sleep(0)
        clock.advance_to(begun + delay + room_in)

    def _own(self, path: str, request: HttpRequest) -> HttpResponse | None:
        """Answer what is the server's own affair; None for AWS's."""
        match request.method, path:
            case "GET" | "HEAD", "/health":
                return _told(200, {"status": "ok", "services": list(SERVICES)})
            case "POST", "/moto-api/reset":
                self.registry.reset()
                self.calls.clear()
                return _told(200, {"status": "ok"})
            case _, "/clock" if self.clock is not None:
                return _clock(self.clock, request.method, request.body)
            case "GET", "/calls":
                return _told(200, self.calls)
            case "POST", "/":
                return get_caller_identity(request, self.registry.settings)
        return None


def _clock(clock: VirtualClock, method: str, body: bytes) -> HttpResponse:
    """Tell the time, and on POST first move it by `{"advance": seconds}`."""
    if method == "POST":
        try:
            seconds = float(json.loads(body)["advance"])
        except (ValueError, TypeError, KeyError):
            return _told(400, {"message": 'Expected {"advance": seconds}.'})
        if not 0 <= seconds < _A_CENTURY:
            return _told(400, {"message": "The clock cannot be moved by this much."})
        clock.advance_to(clock() + seconds)
    return _told(200, {"now": clock()})


def _stranger(headers: Mapping[str, str]) -> str | None:
    """Say why a request does not come from a program of this machine that means this server; None when it may."""
    if "origin" in headers:
        return "Web pages are not served."
    host = headers.get("host", "")
    name = host[: host.rfind("]") + 1].strip("[]") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost" or name.endswith(".localhost"):
        return None
    try:
        known = ipaddress.ip_address(name).is_loopback
    except ValueError:
        known = False
    return None if known else "The Host is not this machine."


async def _whole(receive: Receive) -> bytes | None:
    """Give the request's body, or None for one that is too long. Raises _GoneError when the client left before its end."""
    parts: list[bytes] = []
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientDisconnectedError
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MAX_BYTES:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _told(
    status: int, document: Mapping[str, Any], more: Mapping[str, str] = MappingProxyType({})
) -> HttpResponse:
    body = json.dumps(document).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **more}
    return HttpResponse(status, headers, body)


_ENDING = _told(
    503,
    {"message": "The registry ends, and has not done this."},
    {"x-amzn-ErrorType": "ServiceUnavailableException", "Connection": "close"},
)


async def _send(send: Send, response: HttpResponse) -> None:
    headers: Sequence[tuple[bytes, bytes]] = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
