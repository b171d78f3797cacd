"""Redaction of secrets in any text, such as error messages and responses."""

from __future__ import annotations

import base64
import html
import json
import xml.sax.saxutils
from urllib.parse import quote, quote_plus

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
    "bytes of JSON": lambda text: repr(json.dumps(text).encode()),
    "bytes of JSON in JSON": lambda text: repr(json.dumps(json.dumps(text)).encode()),
    "bytes of JSON, and single quotes": lambda text: repr((json.dumps(text) + "'").encode()),
    "a dictionary with bytes of JSON": lambda text: repr({"body": json.dumps({"a": text}).encode()}),
    "bytes of JSON without ASCII escapes": lambda text: repr(json.dumps(text, ensure_ascii=False).encode()),
    "XML": html.escape,
    "XML with plain quotes": xml.sax.saxutils.escape,
    "bytes of XML": lambda text: repr(html.escape(text).encode()),
    "form": quote_plus,
    "form with JSON": lambda text: quote_plus(json.dumps({"a": text})),
    "URL": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_registered_secret_is_redacted_in_every_spelling(spelling):
    secret, redacted = "canary-4711-plain", "(sensitive)"
    register_secret(secret)
    # Only the secret itself is replaced, so quotes and prefixes such as those of JSON stay. URL and base64 add none.
    has_quotes = spelling not in {"URL", "base64", "form", "form with JSON"}
    expected = (
        SPELLINGS[spelling](redacted) if has_quotes else SPELLINGS[spelling]("X").replace("X", redacted)
    )
    expected = redacted if spelling == "base64" else expected
    assert redact(f"before {SPELLINGS[spelling](secret)} after") == f"before {expected} after"


CODES = {
    "all": CODE,
    "double quote": 'canary "4711',
    "single quote": "canary '4711",
    "both quotes": "canary \"'4711",
    "backslash": "canary \\4711",
    "other letters": "canary größe € 4711",
    "signs of XML": "canary <&> 4711",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("code", CODES)
def test_a_secret_with_escaped_characters_is_redacted(spelling, code):
    register_secret(CODES[code])
    assert "4711" not in redact(SPELLINGS[spelling](CODES[code]))


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
        ('"key": "Authorization", "value": "se cret"}', '"key": "Authorization", "value": "(sensitive)"}'),
        (
            r"{\"key\":\"Authorization\",\"value\":\"s\\\"e\"}",
            r"{\"key\":\"Authorization\",\"value\":\"(sensitive)\"}",
        ),
        (r"""b'{"Authorization": "it\'s \\"x\\" y"}'""", """b'{"Authorization": "(sensitive)"}'"""),
        ("('Authorization', b'AWS4 x')", "('Authorization', b'(sensitive)')"),
        ('"sasl.scram.password":"a\'b"', '"sasl.scram.password":"(sensitive)"'),
        ("'ssl.keystore': 'abc'", "'ssl.keystore': '(sensitive)'"),
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
