"""PEM certificates, which are equal if their DER is equal."""

from __future__ import annotations

import time
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.pem import Pem
from tests.support.pki import Authority

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@cache
def create_pem() -> str:
    return Authority("Pem CA").pem


@cache
def get_base64_body() -> str:
    """Return what is between the first and the last line of the PEM, without line endings."""
    return "".join(create_pem().split("\n")[1:-2])


@st.composite
def rewrapped_pem(draw: st.DrawFn) -> str:
    """Return the same certificate with other line lengths, line endings, spaces and surrounding text."""
    spaces = st.text(" \t\r\n", max_size=3)
    width = draw(st.integers(1, 80))
    text = BEGIN + draw(spaces)
    for start in range(0, len(get_base64_body()), width):
        text += get_base64_body()[start : start + width] + draw(
            st.sampled_from(["\n", "\r\n", "\r", " ", "\t\n", ""])
        )
    surrounding_text = st.text("abc: \r\n#", max_size=12)
    return draw(surrounding_text) + text + draw(spaces) + END + draw(surrounding_text)


@given(rewrapped_pem())
def test_white_space_line_endings_and_text_around_a_pem_do_not_matter(text):
    pem = Pem.parse(text)
    assert (pem, pem.text) == (Pem.parse(create_pem()), create_pem())


def test_the_fingerprint_is_the_sha256_of_the_der():
    expected = x509.load_pem_x509_certificate(create_pem().encode()).fingerprint(SHA256()).hex()
    assert Pem.parse(create_pem()).fingerprint == expected


def test_the_source_of_a_pem_is_displayed_but_not_compared():
    pem = Pem.parse(create_pem(), "pki/a.pem")
    assert pem == Pem(pem.fingerprint)
    assert [str(pem), str(Pem(pem.fingerprint))] == [
        f"sha256:{pem.fingerprint[:12]}… (pki/a.pem)",
        f"sha256:{pem.fingerprint[:12]}…",
    ]


def test_the_certificate_that_aws_reports_keeps_the_id_that_aws_gives_it():
    pem = Pem.from_response("ab" * 32, create_pem())
    assert (pem.fingerprint, pem.text) == ("ab" * 32, create_pem())


@pytest.mark.parametrize("text", [None, "", "not a certificate"])
def test_only_the_id_of_a_reported_certificate_without_a_pem_is_known(text):
    pem = Pem.from_response("ab" * 32, text)
    assert (pem.fingerprint, pem.der, pem.text, pem.damage) == ("ab" * 32, None, None, None)


@pytest.mark.parametrize(
    ("change_pem", "message"),
    [
        (lambda _: "", "no PEM certificate found: this is empty; expected one -----BEGIN CERTIFICATE----- block"),
        (lambda pem: pem.replace("CERTIFICATE", "PRIVATE KEY"), "no PEM certificate found: this is a private key, not a certificate; expected one -----BEGIN CERTIFICATE----- block"),
        (lambda pem: pem + pem, "2 PEM certificates found; expected one -----BEGIN CERTIFICATE----- block"),
        (lambda _: f"{BEGIN}\nabc\n{END}\n", "the PEM certificate is not valid base64"),
    ],
    ids=["nothing", "a key", "two", "invalid base64"],
)  # fmt: skip
def test_a_text_without_exactly_one_valid_certificate_is_rejected(change_pem, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole text is compared)
        Pem.parse(change_pem(create_pem()))
    assert str(caught.value) == message


def test_a_pem_without_an_end_is_rejected_in_time_proportional_to_its_length():
    start = time.process_time()
    with pytest.raises(InvalidValueError):
        Pem.parse("-----BEGIN CERTIFICATE-----" + " \n" * 2_000)
    assert time.process_time() - start < 1
