"""Redaction of secrets in any text, such as error messages and responses."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.redaction import redact, register_secret, register_secret_attributes
from reconciler.model.secret import Secret
from tests.support.pki import Authority

KEY = Authority("Redacted CA").key_pem
CODE = 'canary "4711" \\ größe\n/?&'
SPELLINGS = {
    "itself": lambda text: text,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON without ASCII escapes": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "bytes": lambda text: repr(text.encode()),
    "URL": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_registered_secret_is_redacted_in_every_spelling(spelling):
    secret, redacted = "canary-4711-plain", "(sensitive)"
    register_secret(secret)
    # Only the secret itself is replaced, so quotes and prefixes such as those of JSON stay. URL and base64 add none.
    expected = redacted if spelling in {"URL", "base64"} else SPELLINGS[spelling](redacted)
    assert redact(f"before {SPELLINGS[spelling](secret)} after") == f"before {expected} after"


# `redact` does not know a secret whose characters are escaped twice.
@pytest.mark.parametrize("spelling", [spelling for spelling in SPELLINGS if spelling != "JSON in JSON"])
def test_a_secret_with_escaped_characters_is_redacted(spelling):
    register_secret(CODE)
    assert "4711" not in redact(SPELLINGS[spelling](CODE))


def test_each_long_line_of_a_secret_is_redacted():
    register_secret(KEY)
    for line in KEY.splitlines()[1:-1]:
        assert redact(f"x {line} y") == "x (sensitive) y"


@pytest.mark.parametrize("spelling", ["itself", "JSON", "repr", "bytes"])
def test_a_private_key_that_is_not_registered_is_redacted(spelling):
    unregistered = Authority("Unregistered CA").key_pem
    text = redact(f"Response body: {SPELLINGS[spelling](unregistered)} end")
    assert [line for line in unregistered.splitlines()[1:-1] if line in text] == []


def test_a_truncated_private_key_is_redacted():
    assert redact("a -----BEGIN PRIVATE KEY-----\nMIGH") == "a (sensitive)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "'Authorization': b'AWS4-HMAC-SHA256 Credential=AKID, Signature=ab'",
            "'Authorization': b'(sensitive)'",
        ),
        ("'X-Amz-Security-Token': 'FwoG/x=='}", "'X-Amz-Security-Token': '(sensitive)'}"),
        ("x-amz-security-token:FwoG\nhost:a", "x-amz-security-token:(sensitive)\nhost:a"),
        ('"SecretAccessKey": "abc"', '"SecretAccessKey": "(sensitive)"'),
    ],
)
def test_credentials_in_texts_are_redacted(text, expected):
    assert redact(text) == expected


@given(st.lists(st.text(max_size=12), max_size=4), st.text(), st.text())
def test_redacted_text_has_no_registered_secret(secrets, before, after):
    # Secrets stay registered for the whole process: the prefix keeps them from occurring in texts of other tests.
    canaries = [f"canary:{secret}" for secret in secrets]
    for canary in canaries:
        register_secret(canary)
    assert [canary for canary in canaries if canary in redact(f"{before}{canary}{after}")] == []


def test_a_secret_that_is_not_registered_is_not_redacted():
    Secret("env D", "canary-not-registered")
    assert redact("canary-not-registered") == "canary-not-registered"


def test_a_secret_of_three_characters_is_not_redacted():
    register_secret("Zq9")
    assert redact("Zq9") == "Zq9"


# Functions that take a JSON text and return the same object in one format.
FORMATS = {
    **{spelling: SPELLINGS[spelling] for spelling in ("JSON in JSON", "bytes")},
    "JSON": str,
    "repr": lambda text: repr(json.loads(text)),
}


@pytest.mark.parametrize("text_format", FORMATS)
# Values of registered attributes are redacted at any length, unlike secrets of fewer than four characters.
@pytest.mark.parametrize("value", ["zq9", "a b", ""])
def test_the_value_of_a_registered_attribute_is_redacted(text_format, value):
    register_secret_attributes(["pin.of-day"])

    def format_attributes(pin):
        return FORMATS[text_format](json.dumps({"a": "1", "pin.of-day": pin, "z": "2"}))

    assert redact(format_attributes(value)) == format_attributes("(sensitive)")


@pytest.mark.parametrize("text_format", FORMATS)
def test_an_attribute_value_with_quotes_and_backslashes_is_redacted(text_format):
    register_secret_attributes(["pin.of-day"])
    text = FORMATS[text_format](json.dumps({"a": "1", "pin.of-day": "zq9\" zq9\\' zq9\\"}))
    assert "zq9" in text
    assert "zq9" not in redact(text)


def test_a_truncated_attribute_value_is_redacted():
    register_secret_attributes(["pin.of-day"])
    assert redact('{"pin.of-day": "zq9') == '{"pin.of-day": "(sensitive)"'
