"""What others wrote is shown without what is secret."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.redaction import redact, register_secret, register_sensitive_keys
from reconciler.model.secret import Secret
from tests.support.pki import Authority

KEY = Authority("Redacted CA").key_pem
CODE = 'canary "4711" \\ größe\n/?&'
WAYS = {
    "itself": lambda text: text,
    "JSON": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "bytes": lambda text: repr(text.encode()),
    "URL": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_was_read_is_taken_out_however_it_is_written(way):
    plain, hidden = "canary-4711-plain", "(sensitive)"
    Secret("env A", plain)
    expected = hidden if way in {"URL", "base64"} else WAYS[way](hidden)
    assert redact(f"before {WAYS[way](plain)} after") == f"before {expected} after"


@pytest.mark.parametrize("way", [way for way in WAYS if way != "JSON in JSON"])
def test_so_is_one_with_marks_that_are_escaped(way):
    Secret("env B", CODE)
    assert "4711" not in redact(WAYS[way](CODE))


def test_so_is_each_line_of_one_that_has_several():
    Secret("file key", KEY)
    for line in KEY.splitlines()[1:-1]:
        assert redact(f"x {line} y") == "x (sensitive) y"


@pytest.mark.parametrize("way", ["itself", "JSON", "repr", "bytes"])
def test_a_private_key_is_taken_out_whosever_it_is(way):
    stranger = Authority("Nobody's CA").key_pem
    text = redact(f"Response body: {WAYS[way](stranger)} end")
    assert [line for line in stranger.splitlines()[1:-1] if line in text] == []


def test_a_private_key_that_is_cut_short_is_one():
    assert redact("a -----BEGIN PRIVATE KEY-----\nMIGH") == "a (sensitive)"


@pytest.mark.parametrize(
    ("text", "shown"),
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
def test_credentials_are_taken_out(text, shown):
    assert redact(text) == shown


@given(st.lists(st.text(max_size=12), max_size=4), st.text(), st.text())
def test_no_text_holds_a_secret_after_it(secrets, before, after):
    marked = [f"canary:{secret}" for secret in secrets]  # what is remembered is for the whole process
    for secret in marked:
        register_secret(secret)
    assert [secret for secret in marked if secret in redact(f"{before}{secret}{after}")] == []


def test_what_is_too_short_to_tell_anything_is_left():
    Secret("env C", "Zq9")
    assert redact("Zq9") == "Zq9"


READABLE = {
    **{way: WAYS[way] for way in ("JSON in JSON", "bytes")},
    "JSON": str,
    "repr": lambda text: repr(json.loads(text)),
}


@pytest.mark.parametrize("way", READABLE)
@pytest.mark.parametrize("value", ["zq9", "a b", ""])
def test_what_stands_behind_a_concealed_key_is_taken_out_whatever_it_is(way, value):
    register_sensitive_keys(["pin.of-day"])
    was, hidden = (
        READABLE[way](json.dumps({"a": "1", "pin.of-day": text, "z": "2"})) for text in (value, "(sensitive)")
    )
    assert redact(was) == hidden


@pytest.mark.parametrize("way", READABLE)
def test_so_is_what_has_quotes_and_backslashes_in_it(way):
    register_sensitive_keys(["pin.of-day"])
    text = READABLE[way](json.dumps({"a": "1", "pin.of-day": "zq9\" zq9\\' zq9\\"}))
    assert "zq9" in text
    assert "zq9" not in redact(text)


def test_a_value_behind_a_concealed_key_that_is_cut_short_is_one():
    register_sensitive_keys(["pin.of-day"])
    assert redact('{"pin.of-day": "zq9') == '{"pin.of-day": "(sensitive)"'
