"""Secrets: only `reveal` returns the value."""

from __future__ import annotations

import copy
import pickle

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.call import ApiCall
from reconciler.model.errors import MissingSecretError
from reconciler.model.secret import Secret, SecretDigest
from tests.support.examples import examples

CANARY = "canary-4711"
SECRET = Secret("env PUMP_7_QR", CANARY)


@frozen
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "text",
    [
        str(SECRET),
        repr(SECRET),
        f"{SECRET}",
        f"{SECRET!r:>20}",
        "{}".format(SECRET),  # noqa: UP032 (the older way to format, on purpose)
        "%s %r" % (SECRET, SECRET),  # noqa: UP031
        repr([SECRET]),
        repr({"code": SECRET}),
        repr(Holder(SECRET)),
        repr(ApiCall("iot", "Any", {"code": SECRET})),
        str(MissingSecretError(SECRET.reference)),
    ],
)
def test_the_text_of_a_secret_does_not_have_its_value(text):
    assert CANARY not in text


def test_a_secret_is_displayed_as_sensitive():
    assert (str(SECRET), repr(SECRET), repr([SECRET])) == ("(sensitive)", "(sensitive)", "[(sensitive)]")


@pytest.mark.parametrize("value", [SECRET, Holder(SECRET), [SECRET], {"code": SECRET}])
@pytest.mark.parametrize("serialize", [pickle.dumps, copy.deepcopy])
def test_a_secret_cannot_be_serialized(serialize, value):
    with pytest.raises(TypeError, match=r"^internal error: secrets cannot be serialized$"):
        serialize(value)


def test_reveal_returns_the_value():
    assert SECRET.reveal() == CANARY


def test_revealing_a_secret_that_is_not_set_names_its_reference():
    with pytest.raises(MissingSecretError) as caught:
        Secret("env PUMP_7_QR").reveal()
    assert str(caught.value) == "the secret from env PUMP_7_QR is not set; set it and run the command again"


@examples(20)
@given(st.text(), st.text(), st.text())
def test_a_stored_hash_matches_only_an_equal_value(value, other_value, salt):
    stored_hash = Secret("env A", value).hash_with_salt(salt)
    assert stored_hash.matches(Secret("file b", value))
    assert stored_hash.matches(Secret("env A", other_value)) == (other_value == value)


@examples(20)
@given(st.text(), st.text())
def test_a_stored_hash_is_parsed_from_its_text(value, salt):
    stored_hash = Secret("env A", value).hash_with_salt(salt)
    assert SecretDigest.parse(str(stored_hash)) == stored_hash


def test_stored_hashes_of_a_secret_with_two_salts_differ_and_do_not_contain_its_value():
    first, second = SECRET.hash_with_salt("ws/managed_things.a"), SECRET.hash_with_salt("ws/managed_things.b")
    assert CANARY not in str(first)
    assert (first.digest == second.digest, first.salt == second.salt) == (False, False)


def test_a_secret_that_is_not_set_matches_any_stored_hash():
    assert SECRET.hash_with_salt("salt").matches(Secret("env PUMP_7_QR"))


@pytest.mark.parametrize(
    "text",
    ["", "scrypt", "scrypt:12:c2FsdA", "scrypt:x:c2FsdA:aGFzaA", "scrypt:40:c2FsdA:aGFzaA", "scrypt:12:sa lt:aGFzaA"],
)  # fmt: skip
def test_an_invalid_text_is_not_parsed_as_a_stored_hash(text):
    assert SecretDigest.parse(text) is None
