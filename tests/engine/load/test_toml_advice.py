"""Files that are not TOML, or nearly: what is expected in place of common mistakes."""

import pytest

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.load import load
from reconciler.engine.load.toml_advice import find_toml_advice
from reconciler.model.errors import InvalidDesiredStateError

KEY_VALUE = 'tables and key = "value"'
NO_EQUALS_SIGN = "expected '=' after a key in a key/value pair"
NO_LINE_END = "expected newline or end of document after a statement"
NO_TABLE_END = "expected ']' at the end of a table declaration"
NOT_A_KEY = "invalid initial character for a key part"
ONE_LINE = "{ … } on one line, or a table with its own header, such as [things.NAME.attributes]"


@pytest.mark.parametrize(
    ("text", "line", "reason", "expected"),
    [
        ('{ "workspace": {} }', 1, "invalid statement", f"{KEY_VALUE}; this looks like JSON"),
        ("things:\n  a:", 1, NO_EQUALS_SIGN, 'key = "value"; this looks like YAML'),
        ("- a: b", 1, NO_EQUALS_SIGN, 'key = "value"; this looks like YAML'),
        ('resource "aws_iot_thing" "a" {', 1, NO_EQUALS_SIGN, f"{KEY_VALUE}; this looks like Terraform"),
        ("// a comment", 1, "invalid statement", "# before a comment"),
        ("[things.a] // a", 1, NO_LINE_END, "# before a comment"),
        ('[things.a]\nthing_type = "a",', 2, NO_LINE_END, "no comma after the value"),
        ("[things.a]\nattributes = { a: 1 }", 2, NO_EQUALS_SIGN, "= between a key and its value"),
        ('[things.a]\nattributes = {\n  a = "b"\n}', 2, NOT_A_KEY, ONE_LINE),
        ('[things.a]\nattributes = { a = "b", # c\n}', 2, NOT_A_KEY, ONE_LINE),
        ('[things.a]\nattributes = { a = "b", }', 2, NOT_A_KEY, "no comma before }"),
        (
            "[things.pump:1]",
            1,
            NO_TABLE_END,
            'a name with other characters than letters, digits, - and _ in quotes: [things."pump:1"]',
        ),
        (
            '[certificates.a]\npem = { file = "pki\\a.pem" }',
            2,
            "unescaped '\\' in a string",
            "/ between folders, \\\\ for a backslash, or single quotes around the text",
        ),
        ("[things.a]\ncertificates = ['a' 'b']", 2, "unclosed array", "commas between the items, and ] at the end"),
        ("[things.a", 1, NO_TABLE_END, None),
    ],
)  # fmt: skip
def test_a_common_mistake_in_toml_names_what_is_expected(tmp_path, text, line, reason, expected):
    path = tmp_path / "desired_state.toml"
    path.write_text(text)
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(path, constraints=ServiceModelConstraints(), environ={})
    (error,) = caught.value.diagnostics
    assert (error.line, error.problem, error.expected) == (line, f"not valid TOML: {reason}", expected)


def test_advice_examines_only_a_few_characters_of_a_long_line():
    text = "[things." + "a" * 100_000 + ":1]"
    assert find_toml_advice(NO_TABLE_END, text, len(text) - 3) is None


def test_a_header_with_a_dot_or_a_column_suggests_quotes_or_for_each(tmp_path):
    path = tmp_path / "desired_state.toml"
    path.write_text('[workspace]\nname = "a"\n[things.pump.1]\n[things."{serial}"]\n')
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(path, constraints=ServiceModelConstraints(), environ={})
    assert [(error.problem, error.expected, error.nearest) for error in caught.value.diagnostics] == [
        ("unknown key", '[things."pump.1"], if the name has a dot', None),
        (
            "the name: '{serial}' is not accepted by AWS, and only a table with for_each has {columns}",
            "a match of [a-zA-Z0-9:_-]+",
            None,
        ),
    ]


def test_a_file_name_in_place_of_a_text_suggests_a_table_with_the_file(tmp_path):
    path = tmp_path / "desired_state.toml"
    path.write_text(
        '[workspace]\nname = "a"\n[certificates.a]\ncsr = "a.csr"\nsave_to = "new.pem"\n'
        '[provisioned_things.b]\ntemplate = "t/b.json"\n[policies.c]\ndocument = "t\\\\c.json"\n'
    )
    with pytest.raises(InvalidDesiredStateError) as caught:
        load(path, constraints=ServiceModelConstraints(), environ={})
    assert [error.nearest for error in caught.value.diagnostics] == [
        '{ file = "a.csr" }',
        '{ file = "t/b.json" }',
        '{ file = "t/c.json" }',
    ]
