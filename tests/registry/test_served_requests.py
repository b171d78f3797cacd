"""Requests that the server rejects: heads without bounds, ambiguous ones, those of web pages."""

import json
import resource
import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.registry_server import serve_registry

from .test_error_texts import catch_code_and_text

HOST = b"Host: localhost\r\n"
BODY = b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"


def send(server, data):
    """Send bytes on a new connection, and return what the server sends until it closes it."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def read_statuses(data):
    """Return the statuses of all responses."""
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]


def count_things(server):
    return len(server.create_client().list_things()["things"])


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /things/a HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n", 400),
        (b"POST /things/a HTTP/1.1\r\nHost: localhost\r\nhost: evil.example\r\n", 400),
        (b"POST /things/a HTTP/1.1\r\n", 400),
        (b"POST /things/a HTTP/1.1\r\nHost: [::1]evil.example\r\n", 403),
        (b"POST /things/a HTTP/1.1\r\nHost: localhost:x@evil.example\r\n", 403),
        (b"POST /things/a HTTP/1.1\r\nHost: %6cocalhost\r\n", 403),
        (b"POST http://evil.example/things/a HTTP/1.1\r\n" + HOST, 400),
        (b"POST http://localhost/things/a HTTP/1.1\r\n" + HOST, 400),
        (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST, 400),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST, 400),
        (b"POST /things/a#b HTTP/1.1\r\n" + HOST, 400),
        (b"POST /things/a HTTP/1.1\r\nReferer: http://evil.example/\r\n" + HOST, 403),
        (b"POST /things/a HTTP/1.1\r\nSec-Fetch-Site: cross-site\r\n" + HOST, 403),
    ],
)
def test_a_request_with_an_ambiguous_or_foreign_host_is_not_performed(server, head, status):
    assert read_statuses(send(server, head + BODY)) == [status]
    assert count_things(server) == 0


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST /things/a HTTP/1.1\r\n%sContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /things/a HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        b"POST /things/a HTTP/1.1\r\n%sContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\r\n%sContent-Length: 2, 3\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\r\n%sContent-Length: +2\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\r\n%sContent-Length: 0x2\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\r\n%sContent-Length : 2\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\r\n%sTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST /things/a HTTP/1.1\r\n%sTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /things/a HTTP/1.1\r\n%sTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST /things/a HTTP/1.1\r\n%sX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\r\n%sX\0: a\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /things/a HTTP/1.1\n%sContent-Length: 2\n\n{}",
    ],
)
def test_a_request_of_ambiguous_length_is_rejected_and_ends_its_connection(server, request_bytes):
    smuggled = b"POST /things/smuggled HTTP/1.1\r\n" + HOST + BODY
    data = send(server, request_bytes.replace(b"%s", HOST) + smuggled)

    assert read_statuses(data) == [400]
    assert count_things(server) == 0


def test_headers_after_a_chunked_body_are_ignored(server):
    head = b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailers = b"Host: evil.example\r\nAuthorization: AWS4-HMAC-SHA256\r\n\r\n"

    assert read_statuses(send(server, b"POST /things/a" + head + b"2\r\n{}\r\n0\r\n" + trailers)) == [200]
    assert read_statuses(send(server, b"GET /registrationcode" + head + b"0\r\n" + trailers)) == [403]
    too_many = b"X: a\r\n" * 100_000 + b"\r\n"
    assert read_statuses(send(server, b"POST /things/b" + head + b"2\r\n{}\r\n0\r\n" + too_many)) == [431]
    assert count_things(server) == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 100_000, 431),
        (b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 100, 431),
        (b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 17_000 + b"\r\n", 431),
        (b"GET /health HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 2_000_000 + b"\r\n", 431),
        (b"GET /health HTTP/1.1\r\n" + HOST + (b"X: " + b"a" * 9_000 + b"\r\n") * 8, 431),
        (b"GET /health?" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST, 414),
        (b"GET /health?" + b"a" * 2_000_000 + b" HTTP/1.1\r\n" + HOST, 414),
    ],
)
def test_the_head_of_a_request_is_bounded(server, head, status):
    start = time.monotonic()
    data = send(server, head + b"\r\n")
    seconds = time.monotonic() - start

    assert read_statuses(data) == [status]
    assert json.loads(data.partition(b"\r\n\r\n")[2])["message"]
    assert server.request("GET", "/health").status == 200
    assert seconds < 2


def test_a_head_without_an_end_is_rejected_before_it_ends(server):
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"X: ")
        for _ in range(200):
            connection.sendall(b"a" * 4_000)
            time.sleep(0)
        status_line = connection.recv(12)

    assert status_line == b"HTTP/1.1 431"


def test_a_request_with_a_large_head_within_the_bounds_is_answered(server):
    """The longest head has 99 headers, with a session token of 15 KB and an equally long target."""
    head = b"GET /health?" + b"a" * 15_000 + b" HTTP/1.1\r\n" + HOST
    head += b"X-Amz-Security-Token: " + b"a" * 15_000 + b"\r\n" + b"X: abc\r\n" * 97
    last = head + b"Connection: close\r\n\r\n"

    assert read_statuses(send(server, (head + b"\r\n") * 2 + last)) == [200] * 3
    assert read_statuses(send(server, last)) == [200]


def test_a_pipelined_request_after_a_large_body_is_answered(server):
    body = json.dumps(
        {"attributePayload": {"attributes": {"a": "x" * 100}}, "unknown": "y" * 300_000}
    ).encode()
    first = b"POST /things/a HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    second = b"GET /things/a HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 10_000 + b"\r\n"

    assert read_statuses(send(server, first + second + b"Connection: close\r\n\r\n")) == [200, 200]


def test_a_get_that_writes_needs_a_signature_and_is_not_answered_to_a_web_page(server):
    """A page can send a GET without any header that names the page, but not with an Authorization."""
    unsigned = server.request("GET", "/registrationcode")
    cross_site = server.request("GET", "/registrationcode", **{"Sec-Fetch-Site": "cross-site"})

    text = "A GET request that writes must be signed: web pages may not use this server."
    assert (unsigned.status, unsigned.document) == (403, {"message": text})
    assert cross_site.status == 403
    assert server.create_client().get_registration_code()["registrationCode"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process")
def test_a_disk_that_cannot_be_written_gives_an_error_of_aws_and_one_line_in_the_log(tmp_path):
    file = tmp_path / "registry.db"
    attributes = {"attributePayload": {"attributes": {"a": "x" * 800}}}
    with serve_registry("--db", str(file), capture_log=True) as server:
        iot = server.create_client()
        iot.create_thing(thingName="first")
        unlimited = resource.prlimit(
            server.process.pid, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY)
        )
        errors = [catch_code_and_text(iot.create_thing, thingName=f"t{n}", **attributes) for n in range(20)]
        reset = server.request("POST", "/moto-api/reset")
        names = [thing["thingName"] for thing in iot.list_things()["things"]]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
        iot.create_thing(thingName="last")
        exit_code, log = server.stop()

    problem = f"the disk of {file} cannot be read or written: disk I/O error"
    assert set(errors) == {("ServiceUnavailableException", problem)}
    assert (reset.status, reset.document, names) == (503, {"message": problem}, ["first"])
    assert exit_code == 0
    assert log.split("endpoint: ", 1)[1] == (
        f"{problem}; requests fail with ServiceUnavailableException until this is resolved\n"
    )


@pytest.mark.hypothesis
@examples(12)
@given(
    headers=st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).filter(
                lambda name: (
                    name.lower() not in {"connection", "content-length", "transfer-encoding", "expect"}
                )
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
        ),
        max_size=12,
    ),
    filler_count=st.sampled_from([0, 60, 99, 150, 5_000]),
)
def test_every_header_block_gets_one_response(running_server, headers, filler_count):
    lines = [f"{name}: {value}\r\n".encode() for name, value in headers] + [b"X: a\r\n"] * filler_count
    head = b"GET /health HTTP/1.1\r\n" + HOST + b"".join(lines) + b"Connection: close\r\n\r\n"
    statuses = read_statuses(send(running_server, head))

    assert len(statuses) == 1
    assert statuses[0] in ({431} if len(lines) > 98 else {200, 400, 403})
