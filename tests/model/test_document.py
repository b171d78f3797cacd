"""JSON documents, which are compared by meaning."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.diagnostic import InvalidValueError
from reconciler.model.document import Document

# Keys have at most 5 characters, so that none is a key of policies such as `Action`, whose lists are compared as sets.
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(st.text(max_size=5), _VALUES, max_size=4)


def reverse_keys(value):
    """Return the value with the keys of its objects in reverse order, at every depth."""
    match value:
        case dict():
            return {key: reverse_keys(item) for key, item in reversed(value.items())}
        case list():
            return [reverse_keys(item) for item in value]
        case _:
            return value


@given(_OBJECTS, st.integers(0, 4) | st.none())
def test_documents_are_equal_despite_other_spaces_and_another_order_of_keys(value, indent):
    document = Document.parse(json.dumps(reverse_keys(value), indent=indent), "a.json")
    assert (document, hash(document)) == (Document.from_value(value), hash(Document.from_value(value)))


@given(_OBJECTS, _OBJECTS)
def test_documents_are_equal_only_if_their_objects_are(first, second):
    is_equal = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert (Document.from_value(first) == Document.from_value(second)) == is_equal


def test_a_document_keeps_its_original_text():
    text = '{ "b" : 1,\n  "a" : [2, 1] }'
    document = Document.parse(text, "a.json")
    assert (document.text, document.value, str(document), document.source) == (
        text,
        {"b": 1, "a": [2, 1]},
        '{"a":[2,1],"b":1}',
        "a.json",
    )


_EQUAL_PAIRS = [
    ({"Action": "iot:Connect"}, {"Action": ["iot:Connect"]}),
    ({"Action": ["b", "a", "b"]}, {"Action": ["a", "b"]}),
    ({"Resource": ["b", "a"]}, {"Resource": ["a", "b"]}),
    ({"NotAction": "a"}, {"NotAction": ["a"]}),
    ({"NotResource": ["b", "a"]}, {"NotResource": ["a", "b"]}),
    ({"Statement": {"Effect": "Allow"}}, {"Statement": [{"Effect": "Allow"}]}),
    ({"Statement": {"Action": "a"}}, {"Statement": [{"Action": ["a"]}]}),
]
_DIFFERENT_PAIRS = [
    ({"Action": "a"}, {"Action": "b"}),
    ({"Other": ["b", "a"]}, {"Other": ["a", "b"]}),
    ({"Other": "a"}, {"Other": ["a"]}),
    ({"Statement": [{"Sid": "1"}, {"Sid": "2"}]}, {"Statement": [{"Sid": "2"}, {"Sid": "1"}]}),
    ({"Action": [1, 2]}, {"Action": [2, 1]}),
    ({"a": 1}, {"a": True}),
]


@pytest.mark.parametrize(("first", "second"), _EQUAL_PAIRS)
def test_policy_documents_with_the_same_meaning_are_equal(first, second):
    assert Document.from_value(first) == Document.from_value(second)


@pytest.mark.parametrize(("first", "second"), _DIFFERENT_PAIRS)
def test_documents_that_may_have_different_meanings_are_different(first, second):
    assert Document.from_value(first) != Document.from_value(second)


@pytest.mark.parametrize("text", ["[]", "1", '"text"', "null", "true"])
def test_a_document_must_be_an_object(text):
    with pytest.raises(ValueError, match=r"^not a JSON object$"):
        Document.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)
def test_invalid_json_is_rejected_with_line_and_column(text, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole text is compared)
        Document.parse(text)
    assert str(caught.value) == message


def test_json_that_is_too_deep_is_rejected():
    with pytest.raises(ValueError, match=r"^nested too deeply; expected at most 64 levels$"):
        Document.parse('{"a":' + "[" * 100_000)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', '{"a": 1e999}', "[]", "no JSON"])
def test_a_live_document_that_no_file_can_declare_is_equal_only_to_itself(text):
    """Another client may have stored it, so that a refresh must not fail."""
    document = Document.from_live(text)
    assert (document.is_valid, document.text, document.value) == (False, text, text)
    assert document == Document.from_live(text)
    assert document != Document.from_live('{"a": 1}')


def test_a_valid_live_document_is_parsed():
    assert Document.from_live('{ "a" : 1 }') == Document.from_value({"a": 1})
    assert Document.from_live('{"a": 1}').is_valid


def test_a_number_with_too_many_digits_makes_a_document_invalid():
    text = f'{{"a": {"9" * 5_000}}}'
    with pytest.raises(InvalidValueError, match="not JSON: a number with too many digits"):
        Document.parse(text)
    live = Document.from_live(text)
    assert (live.is_valid, live.value) == (False, text)
