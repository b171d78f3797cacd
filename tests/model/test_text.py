"""What was found is put quoted, shortened and inert."""

from __future__ import annotations

import datetime

import pytest

from reconciler.model.text import (
    closest_match,
    describe_value,
    format_choices,
    format_path,
    quote,
    quote_if_unsafe,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        ("a", "the string 'a'"),
        ("\x1b[31m", "the string '\\x1b[31m'"),
        ("x" * 61, f"the string '{'x' * 60}…'"),
        (7, "the integer 7"),
        (1 << 80, "an integer"),
        (1.5, "the number 1.5"),
        ({"a": 1}, "a table"),
        ([1], "an array"),
        (datetime.date(2026, 1, 1), "a date or time"),
        (None, "something else"),
    ],
)
def test_a_value_is_told_as(value, text):
    assert describe_value(value) == text


def test_a_path_reads_as_it_is_written():
    assert (
        format_path(["attributes", "site", "certificates", 0, "a b"]) == "attributes.site.certificates[0].a b"
    )


def test_names_that_would_confuse_a_terminal_are_quoted():
    assert [quote_if_unsafe("pump-7"), quote_if_unsafe(""), quote_if_unsafe("a\nb"), quote("it's")] == [
        "pump-7",
        "''",
        "'a\\nb'",
        '"it\'s"',
    ]


def test_one_of_one_is_that_one():
    assert [format_choices(["A"]), format_choices(["A", "B"])] == ["'A'", "one of 'A', 'B'"]


@pytest.mark.parametrize(
    ("word", "near"),
    [("atributes", "attributes"), ("ATTRIBUTES", "attributes"), ("zzz", None), ("", None)],
)
def test_the_closest_word_is_near_or_none(word, near):
    assert closest_match(word, ["attributes", "certificates"]) == near
