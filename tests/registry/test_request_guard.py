"""The server's guard: hosts, and headers of web pages.

Served requests are in test_served_requests.py.
"""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.registry.request_guard import find_rejection, is_loopback_host, is_path
from tests.support.examples import examples

PORTS = st.integers(0, 65535)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
LOOPBACK_NAMES = st.one_of(
    st.sampled_from(["localhost", "LocalHost", "127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]"]),
    st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "localhost"])),
    st.tuples(*[st.integers(0, 255)] * 3).map(lambda parts: "127." + ".".join(map(str, parts))),
)
OTHER_NAMES = st.one_of(
    st.lists(LABELS, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"])),
    st.ip_addresses(v=4).filter(lambda address: not address.is_loopback).map(str),
    st.ip_addresses(v=6).filter(lambda address: not address.is_loopback).map(lambda address: f"[{address}]"),
)
INSERTIONS = st.text(
    st.characters(exclude_categories=["L", "N"], exclude_characters="-.:"), min_size=1, max_size=2
)


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "127.0.0.1.evil.example", "localhost.evil", "evil-localhost", "xlocalhost"),
        *(
            "[::1]evil.example",
            "[::1].evil.example",
            "[::1]:80evil",
            "localhost:x@evil.example",
            "localhost:80:80",
        ),
        *("localhost:", "localhost:-1", "localhost:65536", "localhost:+80", "localhost: 80", "localhost:8 0"),
        *(
            "user@localhost",
            "localhost@evil.example",
            "localhost/",
            "localhost#",
            "localhost?",
            "//localhost",
        ),
        *("%6cocalhost", "localhost%00", "localhost%2eevil.example", "loc\u0430lhost", "localhost\u3002evil"),
        *(
            "localhost.",
            ".localhost",
            "a..localhost",
            "-.localhost.",
            " localhost",
            "localhost, evil.example",
        ),
        *("127.1", "0177.0.0.1", "0x7f.0.0.1", "2130706433", "127.0.0.1.", "127.0.0.256", "0.0.0.0", "[::]"),
        *(
            "::1",
            "[::1",
            "::1]",
            "[[::1]]",
            "[::1%25lo]",
            "[::1%lo]",
            "[::ffff:1.2.3.4]",
            "[::2]",
            "[localhost]",
        ),
        *("http://localhost", "localhost\\evil.example", "localhost\tevil", "localhost;evil.example"),
    ],
)
def test_a_host_that_is_not_exactly_a_loopback_name_or_address_is_rejected(host):
    assert not is_loopback_host(host)


@pytest.mark.hypothesis
@examples(30)
@given(name=LOOPBACK_NAMES, port=PORTS)
def test_every_loopback_name_and_address_is_accepted_with_and_without_a_port(name, port):
    assert is_loopback_host(name)
    assert is_loopback_host(f"{name}:{port}")


@pytest.mark.hypothesis
@examples(60)
@given(
    loopback=LOOPBACK_NAMES, other=OTHER_NAMES, port=PORTS, insertion=INSERTIONS, position=st.integers(0, 30)
)
def test_no_other_host_is_accepted_however_it_contains_a_loopback_name(
    *, loopback, other, port, insertion, position
):
    position %= len(loopback) + 1
    for host in (
        *(
            other,
            f"{other}:{port}",
            f"{loopback}.{other}",
            f"{loopback}@{other}",
            f"{loopback}:{port}@{other}",
        ),
        *(f"{other}#{loopback}", f"{other}/{loopback}", f"{other},{loopback}", f"{loopback}:{port}{other}"),
        loopback[:position] + insertion + loopback[position:],
    ):
        assert not is_loopback_host(host)


@pytest.mark.hypothesis
@examples(60)
@given(text=st.text(max_size=20))
def test_an_accepted_host_resolves_only_to_this_machine(text):
    if is_loopback_host(text):
        name = text.rpartition(":")[0] if text.rpartition(":")[2].isdigit() and "]" not in text[-3:] else text
        name = name.strip("[]").lower()
        assert name.endswith("localhost") or ipaddress.ip_address(name).is_loopback


def get_status(*headers):
    rejection = find_rejection([(name.encode(), value.encode()) for name, value in headers])
    return None if rejection is None else rejection.status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([], 400),
        ([("host", "localhost"), ("host", "localhost")], 400),
        ([("host", "localhost"), ("host", "evil.example")], 400),
        ([("host", "evil.example"), ("host", "localhost")], 400),
        ([("host", "evil.example")], 403),
        ([("host", "localhost"), ("origin", "null")], 403),
        ([("host", "localhost"), ("origin", "")], 403),
        ([("host", "localhost"), ("referer", "http://localhost:3000/")], 403),
        ([("host", "localhost"), ("sec-fetch-site", "cross-site")], 403),
        ([("host", "localhost"), ("sec-fetch-site", "same-site")], 403),
        ([("host", "localhost"), ("sec-fetch-site", "same-origin")], 403),
        ([("host", "localhost"), ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], 403),
        ([("host", "localhost"), ("sec-fetch-site", "none")], None),
        (
            [("host", "localhost:4577"), ("authorization", "AWS4-HMAC-SHA256 …"), ("user-agent", "Boto3")],
            None,
        ),
    ],
)
def test_requests_need_one_loopback_host_and_no_header_of_a_web_page(headers, status):
    assert get_status(*headers) == status


@pytest.mark.hypothesis
@examples(40)
@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from(["host", "origin", "referer", "sec-fetch-site", "x-amz-date", "accept"]),
            st.sampled_from(["localhost", "evil.example", "none", "cross-site", ""]),
        ),
        max_size=8,
    )
)
def test_an_accepted_header_block_has_one_host_and_names_no_page(headers):
    values = {name: [value for key, value in headers if key == name] for name in dict(headers)}
    is_acceptable = (
        values.get("host") == ["localhost"]
        and not {"origin", "referer"} & values.keys()
        and set(values.get("sec-fetch-site", [])) <= {"none"}
    )

    assert (get_status(*headers) is None) == is_acceptable


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (b"/things", True),
        (b"/things?a=http://evil.example/", True),
        (b"http://evil.example/things", False),
        (b"http://localhost/things", False),
        (b"evil.example:443", False),
        (b"*", False),
        (b"", False),
        (b"/things#fragment", False),
    ],
)
def test_the_target_of_a_request_is_a_path(target, expected):
    assert is_path(target) == expected
