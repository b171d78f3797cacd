"""A certificate is its DER: how its text is wrapped changes nothing."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.pem import Pem
from tests.support.pki import Authority

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@cache
def written() -> str:
    return Authority("Pem CA").pem


@cache
def body() -> str:
    return "".join(written().split("\n")[1:-2])


@st.composite
def wrapped(draw: st.DrawFn) -> str:
    """The same certificate with other line lengths, line ends, spaces, and text around it."""
    gap = st.text(" \t\r\n", max_size=3)
    width = draw(st.integers(1, 80))
    text = draw(gap).join([BEGIN, ""])
    for start in range(0, len(body()), width):
        text += body()[start : start + width] + draw(st.sampled_from(["\n", "\r\n", "\r", " ", "\t\n", ""]))
    around = st.text("abc: \r\n#", max_size=12)
    return draw(around) + text + draw(gap) + END + draw(around)


@given(wrapped())
def test_white_space_line_ends_and_text_around_never_change_the_certificate(text):
    found = Pem.parse(text)
    assert (found, found.text) == (Pem.parse(written()), written())


def test_the_fingerprint_is_the_sha256_of_the_der():
    expected = x509.load_pem_x509_certificate(written().encode()).fingerprint(SHA256()).hex()
    assert Pem.parse(written()).fingerprint == expected


def test_where_it_came_from_is_told_and_not_compared():
    pem = Pem.parse(written(), "pki/a.pem")
    assert pem == Pem(pem.fingerprint)
    assert [str(pem), str(Pem(pem.fingerprint))] == [
        f"sha256:{pem.fingerprint[:12]}… (pki/a.pem)",
        f"sha256:{pem.fingerprint[:12]}…",
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: "", "no PEM certificate found; expected one -----BEGIN CERTIFICATE----- block"),
        (lambda pem: pem.replace("CERTIFICATE", "PRIVATE KEY"), "no PEM certificate found; expected one -----BEGIN CERTIFICATE----- block"),
        (lambda pem: pem + pem, "2 PEM certificates found; expected one -----BEGIN CERTIFICATE----- block"),
        (lambda _: f"{BEGIN}\nabc\n{END}\n", "the PEM certificate is not valid base64"),
    ],
    ids=["nothing", "a key", "two", "no base64"],
)  # fmt: skip
def test_what_is_not_one_certificate_is_refused(make, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole text is compared)
        Pem.parse(make(written()))
    assert str(caught.value) == message
