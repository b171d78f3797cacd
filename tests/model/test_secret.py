"""A secret is revealed on purpose and in no other way."""

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
        "{}".format(SECRET),  # noqa: UP032 (another way to the text)
        "%s %r" % (SECRET, SECRET),  # noqa: UP031
        repr([SECRET]),
        repr({"code": SECRET}),
        repr(Holder(SECRET)),
        repr(ApiCall("iot", "Any", {"code": SECRET})),
        str(MissingSecretError(SECRET.reference)),
    ],
)
def test_no_text_of_it_tells_the_value(text):
    assert CANARY not in text


def test_it_is_shown_as_sensitive():
    assert (str(SECRET), repr(SECRET), repr([SECRET])) == ("(sensitive)", "(sensitive)", "[(sensitive)]")


@pytest.mark.parametrize("holding", [SECRET, Holder(SECRET), [SECRET], {"code": SECRET}])
@pytest.mark.parametrize("serialise", [pickle.dumps, copy.deepcopy])
def test_it_is_not_serialised(serialise, holding):
    with pytest.raises(TypeError, match=r"^a secret is not serialised$"):
        serialise(holding)


def test_it_is_revealed_when_asked():
    assert SECRET.reveal() == CANARY


def test_one_that_is_not_set_says_which_when_it_is_needed():
    with pytest.raises(MissingSecretError) as caught:
        Secret("env PUMP_7_QR").reveal()
    assert str(caught.value) == "the secret from env PUMP_7_QR is needed and is not set"


@examples(20)
@given(st.text(), st.text(), st.text())
def test_the_digest_matches_the_same_value_and_no_other(value, other, salt):
    digest = Secret("env A", value).digest(salt)
    assert digest.matches(Secret("file b", value))
    assert digest.matches(Secret("env A", other)) == (other == value)


@examples(20)
@given(st.text(), st.text())
def test_the_digest_is_read_back_from_its_text(value, salt):
    digest = Secret("env A", value).digest(salt)
    assert SecretDigest.parse(str(digest)) == digest


def test_the_digest_tells_nothing_of_the_value_and_equal_values_have_unequal_digests():
    one, other = SECRET.digest("ws/managed_things.a"), SECRET.digest("ws/managed_things.b")
    assert CANARY not in str(one)
    assert (one.digest == other.digest, one.salt == other.salt) == (False, False)


def test_a_secret_that_is_not_set_cannot_be_told_from_the_one_remembered():
    assert SECRET.digest("salt").matches(Secret("env PUMP_7_QR"))


@pytest.mark.parametrize(
    "text",
    ["", "scrypt", "scrypt:12:c2FsdA", "scrypt:x:c2FsdA:aGFzaA", "scrypt:40:c2FsdA:aGFzaA", "scrypt:12:sa lt:aGFzaA"],
)  # fmt: skip
def test_what_we_did_not_write_is_no_digest(text):
    assert SecretDigest.parse(text) is None
