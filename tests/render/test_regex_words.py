"""AWS's regular expressions in words."""

from __future__ import annotations

import pytest

from reconciler.model.diagnostic import Diagnostic
from reconciler.render.views.diagnostics import build_diagnostics_view
from reconciler.render.views.regex_words import describe_expected


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("[a-zA-Z0-9:_-]+", "letters, digits, : _ -"),
        ("[A-Za-z0-9-_ ]+", "letters, digits, spaces, - _"),
        ("[A-Z0-9_-]+", "capital letters, digits, _ -"),
        ("[a-z0-9]+", "lower-case letters, digits"),
        (r"[\w+=,.@-]+", "letters, digits, _ + = , . @ -"),
        (r"[a-zA-Z0-9_.,@/:#=\[\]-]*", "letters, digits, _ . , @ / : # = [ ] -"),
        (r"[\p{L}\p{N} ._-]+", "letters of any script, digits of any script, spaces, . _ -"),
        (r"[\p{Graph}\x20]*", "visible ASCII characters, spaces"),
        (
            r"[a-zA-Z0-9\s'\x{0022},.:\\\/{$}\[\]=_\-\+]+",
            "letters, digits, white space, ' \" , . : \\ / { $ } [ ] = _ - +",
        ),
        (r"^([\p{L}\p{Z}_@]*)$", "letters of any script, spaces, _ @"),
        (r"[\s\S]*", "any text"),
    ],
)
def test_a_character_class_is_described_in_words_before_its_pattern(pattern, words):
    assert describe_expected(f"a match of {pattern}") == f"{words} (a match of {pattern})"


@pytest.mark.parametrize(
    "expected",
    [
        "a match of .*[a-zA-Z]+.*",
        "a match of (0x)?[a-fA-F0-9]+",
        "a match of [^_].*",
        r"a match of [^\p{C}]+",
        r"a match of \d+\.\d+",
        "at most 128",
        "",
    ],
)
def test_other_patterns_and_other_expectations_are_unchanged(expected):
    assert describe_expected(expected) == expected


def test_a_diagnostic_describes_its_expected_pattern_in_words():
    diagnostic = Diagnostic("a.toml", 1, "no", expected="a match of [a-z]+")
    (row,) = build_diagnostics_view([diagnostic], {}).rows
    assert row.expected == "lower-case letters (a match of [a-z]+)"
