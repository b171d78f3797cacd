"""The line numbers of keys in every notation."""

from __future__ import annotations

import tomllib
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.load.toml_file import KeyLines

TEXT = dedent("""\
    title = "x"
    things.a.attributes.site = "oslo"

    things.a.thing_type = { id = "pump" } # a comment
    [things.b]
    "quoted key" = 1
    'literal.key' = 2
    "\\u0041bc" . "d" = 3
    attributes = { site = "oslo", inner = { deep = 1 } }
    certificates = [ # of the first device
      "one",
      { id = "two" },
      # a comment
      ["three",
       "four"],
    ]
    text = '''
    many
    lines'''
    after = true
    [ "things" . 'c d' ]
    [things.c]
    attributes.site = "oslo"
    [things.c.attributes.more]
    x = 1
    [[things.d.list]]
    x = 1
    [[things.d.list]]
    y = 2
    [things.d.list.sub]
    z = 3
    [managed_things]
    e = { role = "DEVICE", tags = [
      "x"] }
    f.role = "DEVICE"
    """)

LINES = {
    ("title",): 1,
    ("things",): 2,
    ("things", "a"): 2,
    ("things", "a", "attributes"): 2,
    ("things", "a", "attributes", "site"): 2,
    ("things", "a", "thing_type"): 4,
    ("things", "a", "thing_type", "id"): 4,
    ("things", "b"): 5,
    ("things", "b", "quoted key"): 6,
    ("things", "b", "literal.key"): 7,
    ("things", "b", "Abc"): 8,
    ("things", "b", "Abc", "d"): 8,
    ("things", "b", "attributes", "inner", "deep"): 9,
    ("things", "b", "certificates"): 10,
    ("things", "b", "certificates", 0): 11,
    ("things", "b", "certificates", 1): 12,
    ("things", "b", "certificates", 1, "id"): 12,
    ("things", "b", "certificates", 2): 14,
    ("things", "b", "certificates", 2, 1): 15,
    ("things", "b", "text"): 17,
    ("things", "b", "after"): 20,
    ("things", "c d"): 21,
    ("things", "c"): 22,
    ("things", "c", "attributes", "site"): 23,
    ("things", "c", "attributes", "more"): 24,
    ("things", "c", "attributes", "more", "x"): 25,
    ("things", "d", "list", 0): 26,
    ("things", "d", "list", 0, "x"): 27,
    ("things", "d", "list", 1): 28,
    ("things", "d", "list", 1, "y"): 29,
    ("things", "d", "list", 1, "sub"): 30,
    ("things", "d", "list", 1, "sub", "z"): 31,
    ("managed_things",): 32,
    ("managed_things", "e"): 33,
    ("managed_things", "e", "role"): 33,
    ("managed_things", "e", "tags", 0): 34,
    ("managed_things", "f", "role"): 35,
}


@pytest.mark.parametrize(("path", "line"), LINES.items(), ids=lambda value: str(value).replace(" ", ""))
def test_a_key_has_the_line_it_is_written_on(path, line):
    assert KeyLines(TEXT.encode()).find_line(*path) == line


def test_the_line_of_a_key_does_not_depend_on_earlier_lookups():
    lines = KeyLines(TEXT.encode())
    assert {path: lines.find_line(*path) for path in reversed(LINES)} == LINES


def test_the_text_of_these_tests_is_valid_toml():
    assert set(tomllib.loads(TEXT)) == {"title", "things", "managed_things"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("things", "b", "missing"), 5),
        (("things", "b", "attributes", "missing", "deeper"), 9),
        (("things", "missing"), 2),
        (("missing",), 1),
    ],
    ids=str,
)
def test_a_missing_key_has_the_line_of_the_innermost_table_around_it(path, line):
    assert KeyLines(TEXT.encode()).find_line(*path) == line


def test_windows_line_endings_do_not_change_lines():
    assert KeyLines(TEXT.replace("\n", "\r\n").encode()).find_line("things", "b", "after") == 20


def test_text_in_other_scripts_does_not_change_lines():
    text = '[things."größe"]\n"名前" = "☃"\nend = 1\n'
    lines = KeyLines(text.encode())
    assert [lines.find_line("things", "größe", "名前"), lines.find_line("things", "größe", "end")] == [2, 3]


def _escape(key: str) -> str:
    """Return a quoted key with every character escaped."""
    return '"' + "".join(f"\\U{ord(character):08X}" for character in key) + '"'


@given(
    keys=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20, unique=True),
    gap=st.integers(0, 3),
)
def test_an_escaped_key_has_its_line(keys, gap):
    text = "[things.a]\n" + "".join(f"{_escape(key)} = 1\n" + "\n" * gap for key in keys)
    lines = KeyLines(text.encode())
    expected = {key: 2 + index * (gap + 1) for index, key in enumerate(keys)}
    assert {key: lines.find_line("things", "a", key) for key in keys} == expected
