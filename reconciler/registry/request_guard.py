"""The guard of the server: limits of a request's head, and checks against web pages. Pure.

Only programs on this machine may send requests, and no web page that is open in a browser on this machine. A page reaches a loopback
address by its name (DNS rebinding) or across sites. So a request needs exactly one `Host`, which is a loopback name or address, and has
none of the headers by which browsers name a page or its site, and which AWS's clients do not send. A GET that writes must be signed,
because a page can send a GET without any of these headers, but never with an `Authorization`.
"""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from reconciler.frozen_classes import frozen

# Our own limits. A request of an AWS client has about 15 headers and 2 KB in its head; the longest are a session token and an ARN.
MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
MAX_TARGET_BYTES = 16 * 1024
MAX_HEAD_BYTES = 64 * 1024

_HOST = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:]{2,39})\]|(?P<name>[0-9A-Za-z](?:[0-9A-Za-z.-]{0,251}[0-9A-Za-z])?))(?::(?P<port>[0-9]{1,5}))?"
)
_MAX_PORT = 65535
_PAGES_ARE_REJECTED = "web pages may not use this server."

RawHeaders = Sequence[tuple[bytes, bytes]]
"""The headers of a request in their order, with names in lower case."""


@frozen
class Rejection:
    """Why a request is rejected: the HTTP status and the message of the response."""

    status: int
    message: str


TOO_MANY_HEADERS = Rejection(431, f"The request has more than {MAX_HEADERS} headers.")
HEADER_TOO_LONG = Rejection(431, f"A header of the request is longer than {MAX_HEADER_BYTES} bytes.")
HEAD_TOO_LONG = Rejection(431, f"The head of the request is longer than {MAX_HEAD_BYTES} bytes.")
TARGET_TOO_LONG = Rejection(414, f"The request's target is longer than {MAX_TARGET_BYTES} bytes.")
INVALID_TARGET = Rejection(400, "The request's target must be a path with an optional query.")
INVALID_HTTP = Rejection(400, "The request is not valid HTTP.")
UNSIGNED_WRITE = Rejection(403, f"A GET request that writes must be signed: {_PAGES_ARE_REJECTED}")


def is_path(target: bytes) -> bool:
    """Return whether a target is a path with an optional query, not a URL, an authority or `*`."""
    return target.startswith(b"/") and b"#" not in target


def find_rejection(headers: RawHeaders) -> Rejection | None:
    """Return why a request may come from a web page, or None if it is accepted."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1:
        return Rejection(400, f"The request has {len(hosts)} Host headers instead of one.")
    for name, value in headers:
        if name == b"origin":
            return Rejection(403, f"Requests with an Origin header are rejected: {_PAGES_ARE_REJECTED}")
        if name == b"referer":
            return Rejection(403, f"Requests with a Referer header are rejected: {_PAGES_ARE_REJECTED}")
        # "none" is the value for an address that a person has typed.
        if name == b"sec-fetch-site" and value != b"none":
            return Rejection(403, f"Requests from other sites are rejected: {_PAGES_ARE_REJECTED}")
    if not is_loopback_host(hosts[0].decode("latin-1")):
        return Rejection(403, "The Host header must be localhost or a loopback address.")
    return None


@lru_cache(maxsize=64)
def is_loopback_host(host: str) -> bool:
    """Return whether a Host is exactly a loopback name or address, with an optional port.

    The names are `localhost` and those below it; the addresses are 127.0.0.0/8 with four decimal numbers, and ::1 in brackets.
    """
    match = _HOST.fullmatch(host)
    if match is None or int(match["port"] or 0) > _MAX_PORT:
        return False
    if match["name"] is not None:
        name = match["name"].lower()
        labels = name.split(".")
        if labels[-1] == "localhost":
            return all(labels)
    try:
        return ipaddress.ip_address(match["ipv6"] or match["name"]).is_loopback
    except ValueError:
        return False
