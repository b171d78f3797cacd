"""The registry on a loopback port: all services under one address, over HTTP/1.1, by uvicorn.

The server may delay a request before it performs it, for example to simulate latency.

Invariant: requests are performed one after another on the server's only thread, in the order in which their delays end.
A request takes about 0.1 ms, less than passing it to another thread would, and SQLite admits one writer at a time anyway. Only a search
is performed in pieces, between which other requests are performed.
So no request is interrupted: one that is still delayed when a shutdown has no time left is not performed and gets a
response with status 503.

Only programs on this machine may send requests. The socket is a loopback socket, and `request_guard` rejects the requests of web
pages. There is no CORS.
"""

import asyncio
import ipaddress
import json
import logging
import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import uvicorn
import uvloop

from reconciler.frozen_classes import field, frozen
from reconciler.registry.clock import VirtualClock
from reconciler.registry.conditions import Conditions, Disruption, respond
from reconciler.registry.endpoint import Registry
from reconciler.registry.http import HttpRequest, HttpResponse
from reconciler.registry.http_protocol import HttpProtocol
from reconciler.registry.request_guard import UNSIGNED_WRITE, RawHeaders, Rejection, find_rejection
from reconciler.registry.store import StoreError
from reconciler.registry.wire.service import SERVICES, load_service

# Our own limit: no valid request is nearly as long (the longest member, a template, has 10 KB).
MAX_BODY_BYTES = 4 * 1024 * 1024
# One request can advance the clock by less than this.
_MAX_ADVANCE_SECONDS = 100 * 365 * 86_400.0

_LOOPBACK = "127.0.0.1"
_BACKLOG = 1024
# Longer than AWS's clients keep an idle connection, so that the server never closes one while a request is on its way.
_KEEP_ALIVE_SECONDS = 120
_SHUTDOWN_SECONDS = 10
# Go's client (aws-sdk-go-v2, which Terraform uses) writes a request's body after its head. If the response arrives before
# the client's write of the body has returned, the client considers the connection broken and repeats the request, although
# it was performed. AWS is too far away for that to happen; this server is not, so it waits before it responds. On a busy
# machine, head and body may be read at once although they were written separately, so the client's name counts as well.
_GO_WRITE_SECONDS = 0.01
_GO_USER_AGENT = "aws-sdk-go"

_log = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class NotLoopbackError(ValueError):
    """The address is not a loopback address."""


class _ClientDisconnectedError(Exception):
    """The client closed its connection before the end of its request."""


def open_listener(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 is any free port.

    Raises NotLoopbackError for an address that other machines can reach, OSError when the port is in use.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    if not ipaddress.ip_address(address[0]).is_loopback:
        raise NotLoopbackError(f"{host} is not a loopback address")
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def format_url(listener: socket.socket) -> str:
    """Return the endpoint URL for clients."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(listener: socket.socket, app: "RegistryApp", on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; call `on_ready(url)` once the signal handlers are installed.

    After the signal, requests that have already arrived are answered, for ten seconds or until another SIGINT.
    """
    # Load the service models now, so that the first request does not wait for them.
    for name in SERVICES:
        _ = load_service(name).routes
    config = uvicorn.Config(
        app,
        http=HttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    # Installed here, before uvicorn runs. When uvicorn has finished it raises the signal again, which then does nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    on_ready(format_url(listener))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve(sockets=[listener]))


@frozen
class RegistryApp:
    """The ASGI application. With a virtual clock, delays move the clock and take no real time.

    `calls` counts the calls of AWS's operations since the last reset, by account, service and operation; calls that fail
    count too.
    """

    registry: Registry
    conditions: Conditions
    clock: VirtualClock | None = None
    calls: Counter[str] = field(factory=Counter, init=False)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or drop its connection."""
        try:
            response = await self._respond(scope, scope["headers"], receive)
        except _ClientDisconnectedError:
            return
        except asyncio.CancelledError:
            response = _SHUTTING_DOWN
        if response is None:
            scope["state"]["drop_connection"]()
        else:
            await _send(send, response)

    async def _respond(
        self, scope: Mapping[str, Any], raw_headers: RawHeaders, receive: Receive
    ) -> HttpResponse | None:
        rejection = find_rejection(raw_headers)
        if rejection is not None:
            return _build_rejection_response(rejection)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw_headers}
        body = await _read_body(receive)
        if body is None:
            return _build_json_response(
                413, {"message": f"The request is longer than {MAX_BODY_BYTES} bytes."}
            )
        if body and (
            scope["state"].get("body_came_later") or _GO_USER_AGENT in headers.get("user-agent", "")
        ):
            await asyncio.sleep(_GO_WRITE_SECONDS)
        query = scope["query_string"]
        path = scope["raw_path"] + (b"?" + query if query else b"")
        url = f"http://{headers['host']}{path.decode('latin-1')}"
        client = scope.get("client")
        source_ip = client[0] if client else _LOOPBACK
        request = HttpRequest(scope["method"], url, headers, body, source_ip)
        return self._respond_to_server_request(scope["path"], request) or await self._perform(request)

    async def _perform(self, request: HttpRequest) -> HttpResponse | None:
        """Answer a request to a service, or return None to drop its connection."""
        routed = self.registry.route(request)
        operation = routed.operation
        if operation is not None:
            is_signed = "authorization" in routed.headers
            if operation.is_get and self.registry.writes(operation) and not is_signed:
                return _build_rejection_response(UNSIGNED_WRITE)
            self.calls[f"{routed.caller.account}:{operation.service}:{operation.name}"] += 1
        disruption = self.conditions.choose_disruption(routed)
        if self.clock is not None:
            await self._advance(self.clock, disruption)
        elif disruption.delay:
            await asyncio.sleep(disruption.delay)
        pieces = respond(self.registry, routed, disruption)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                response: HttpResponse | None = end.value
                return response
            await asyncio.sleep(0)  # other requests, before the next piece

    async def _advance(self, clock: VirtualClock, disruption: Disruption) -> None:
        """Move the clock by the delay, and by the time until a throttled call would have been admitted.

        Requests that arrive together are delayed in parallel: each reads the clock before any of them moves it.
        """
        start = clock()
        if disruption.delay:
            await asyncio.sleep(0)
        clock.advance_to(start + disruption.delay + disruption.retry_after)

    def _respond_to_server_request(self, path: str, request: HttpRequest) -> HttpResponse | None:
        """Answer a request to the server itself; return None for a request to a service."""
        match request.method, path:
            case "GET" | "HEAD", "/health":
                return _build_json_response(200, {"status": "ok", "services": list(SERVICES)})
            case (
                "POST",
                "/moto-api/reset",
            ):  # the same path as on the server of moto, another imitation of AWS
                return self._reset()
            case _, "/clock" if self.clock is not None:
                return _respond_with_time(self.clock, request.method, request.body)
            case "GET", "/calls":
                return _build_json_response(200, self.calls)
        return None

    def _reset(self) -> HttpResponse:
        try:
            self.registry.reset()
        except StoreError as error:
            return _build_json_response(503, {"message": str(error)})
        self.calls.clear()
        return _build_json_response(200, {"status": "ok"})


def _respond_with_time(clock: VirtualClock, method: str, body: bytes) -> HttpResponse:
    """Return the time; a POST first moves it by `{"advance": seconds}`."""
    if method == "POST":
        try:
            seconds = float(json.loads(body)["advance"])
        except (ValueError, TypeError, KeyError):
            return _build_json_response(400, {"message": 'Expected {"advance": seconds}.'})
        if not 0 <= seconds < _MAX_ADVANCE_SECONDS:
            return _build_json_response(
                400, {"message": "Expected seconds from 0 to less than 3153600000 (100 years)."}
            )
        clock.advance_to(clock() + seconds)
    return _build_json_response(200, {"now": clock()})


async def _read_body(receive: Receive) -> bytes | None:
    """Read a request's body; return None when it is too long.

    Raises _ClientDisconnectedError when the client closes its connection before the end.
    """
    parts: list[bytes] = []
    length, has_more = 0, True
    while has_more:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientDisconnectedError
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MAX_BODY_BYTES:
            return None
        has_more = message.get("more_body", False)
    return b"".join(parts)


def _build_json_response(
    status: int, document: Mapping[str, Any], extra_headers: Mapping[str, str] = MappingProxyType({})
) -> HttpResponse:
    body = json.dumps(document).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **extra_headers}
    return HttpResponse(status, headers, body)


def _build_rejection_response(rejection: Rejection) -> HttpResponse:
    return _build_json_response(rejection.status, {"message": rejection.message})


_SHUTTING_DOWN = _build_json_response(
    503,
    {"message": "The registry is shutting down; the request was not performed."},
    {"x-amzn-ErrorType": "ServiceUnavailableException", "Connection": "close"},
)


async def _send(send: Send, response: HttpResponse) -> None:
    headers: Sequence[tuple[bytes, bytes]] = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
