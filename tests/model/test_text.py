"""Values, names and lists as they are formatted in messages."""

from __future__ import annotations

import datetime

import pytest

from reconciler.model.text import (
    closest_match,
    describe_value,
    format_choices,
    format_path,
    format_suggestion,
    format_time,
    join_some,
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
        ("x" * 65, f"the string '{'x' * 64}…'"),
        (7, "the integer 7"),
        (1 << 80, "an integer"),
        (1.5, "the number 1.5"),
        ({"a": 1}, "a table"),
        ([1], "an array"),
        (datetime.date(2026, 1, 1), "a date or time"),
        (None, "something else"),
    ],
)
def test_a_value_is_described_with_its_type(value, text):
    assert describe_value(value) == text


def test_a_time_is_formatted_in_utc_without_fractions():
    moment = datetime.datetime(2026, 11, 28, 9, 11, 10, 500, tzinfo=datetime.UTC)
    assert format_time(moment) == "2026-11-28 09:11:10 UTC"


def test_a_path_is_formatted_with_dots_and_indexes():
    assert (
        format_path(["attributes", "site", "certificates", 0, "a b"]) == "attributes.site.certificates[0].a b"
    )


def test_unsafe_names_are_quoted():
    assert [quote_if_unsafe("pump-7"), quote_if_unsafe(""), quote_if_unsafe("a\nb"), quote("it's")] == [
        "pump-7",
        "''",
        "'a\\nb'",
        '"it\'s"',
    ]


def test_a_single_choice_is_formatted_without_one_of():
    assert [format_choices(["A"]), format_choices(["A", "B"])] == ["'A'", "one of 'A', 'B'"]


@pytest.mark.parametrize(
    ("word", "match"),
    [("atributes", "attributes"), ("ATTRIBUTES", "attributes"), ("zzz", None), ("", None)],
)
def test_the_closest_match_is_a_similar_word_or_none(word, match):
    assert closest_match(word, ["attributes", "certificates"]) == match


def test_a_suggestion_is_a_question_or_an_empty_text():
    assert [format_suggestion("things"), format_suggestion(None)] == ["; did you mean 'things'?", ""]


def test_a_long_list_ends_with_the_number_of_omitted_items():
    assert [join_some("abc"), join_some("abcde"), join_some("ab", limit=1)] == [
        "a, b, c",
        "a, b, c and 2 more",
        "a and 1 more",
    ]
