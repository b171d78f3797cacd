"""Hostile input is reported with file and line, quickly and without a traceback."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.input_files import LoadContext
from reconciler.engine.load.load import load
from reconciler.model.diagnostic import Diagnostic, InvalidValueError
from reconciler.model.errors import InvalidDesiredStateError
from tests.support.examples import examples

CORPUS = Path(__file__).parents[2] / "corpus" / "loader"
WORKSPACE = '[workspace]\nname = "w"\n'
MANY_EXAMPLES = examples(60)


def load_report(folder: Path, text: str, **other_files: bytes) -> list[str]:
    """Return the diagnostics of a desired state, as text.

    A keyword such as `p_json` has the content of the file `p.json`.
    """
    for name, content in other_files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    (folder / "d.toml").write_bytes((WORKSPACE + text).encode("utf-8", "surrogateescape"))
    diagnostics: tuple[Diagnostic, ...] = ()
    try:
        load(folder / "d.toml", constraints=ServiceModelConstraints(), environ={})
    except InvalidDesiredStateError as error:
        diagnostics = error.diagnostics
    assert all(diagnostic.line > 0 and diagnostic.file for diagnostic in diagnostics)
    return [str(diagnostic) for diagnostic in diagnostics]


def make_nested_object(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


POLICY_TABLE = '[policies.p]\ndocument = { file = "p.json" }\n'
_EXPECTED = 'expected a JSON object: { file = "path" }, text, or a table'


@pytest.mark.parametrize("levels", [65, 300, 500, 900, 100_000])
def test_json_nested_too_deeply_is_one_error(tmp_path, levels):
    error = "d.toml:4: error: policies.p.document: 'p.json': nested too deeply; expected at most 64 levels"
    assert load_report(tmp_path, POLICY_TABLE, p_json=make_nested_object(levels).encode()) == [error]


def test_json_up_to_the_maximum_depth_is_read(tmp_path):
    report = load_report(tmp_path, POLICY_TABLE, p_json=make_nested_object(64).encode())
    assert report == [
        "d.toml:4: error: policies.p.document: the policy has no Statement; expected a statement, or an array of statements",
        "d.toml:4: error: policies.p.document.a: unknown key; expected one of 'Version', 'Id', 'Statement'",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"Effect": "Deny", "Effect": "Allow"}', "duplicate key 'Effect'"),
        ('{"a": NaN}', "not JSON: NaN"),
        ('{"a": -Infinity}', "not JSON: -Infinity"),
    ],
)
def test_json_with_a_duplicate_key_or_an_invalid_number_is_one_error(tmp_path, text, problem):
    assert load_report(tmp_path, POLICY_TABLE, p_json=text.encode()) == [
        f"d.toml:4: error: policies.p.document: 'p.json': {problem}; {_EXPECTED}"
    ]


def make_template(name: object) -> bytes:
    thing = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": name}}
    return json.dumps({"Parameters": {"A": {"Type": "String"}}, "Resources": {"thing": thing}}).encode()


@pytest.mark.parametrize(
    "name",
    [{"Fn::Join": ["a" * 2000, ["b"] * 2000]}, {"Fn::Sub": "${A}" * 20_000}],
    ids=["join", "sub"],
)
def test_a_template_that_expands_to_too_much_text_is_an_error(tmp_path, name):
    text = '[provisioned_things.x]\ntemplate = { file = "t.json" }\nparameters = { A = "%s" }\n' % ("a" * 100)
    report = load_report(tmp_path, text, t_json=make_template(name))
    diagnostic = next(line for line in report if "too much" in line)
    assert diagnostic.endswith(
        "the functions of the template produce too much text; expected at most 1,048,576 characters"
    )
    assert "Resources.thing.Properties.ThingName" in diagnostic


@pytest.mark.parametrize(
    "text_in_braces", ["{a.b}", "{a[0]}", "{__class__}", "{a!r}", "{a:>99999999}", "{0}", "{}"]
)
def test_python_format_syntax_in_braces_is_an_unknown_column(tmp_path, text_in_braces):
    text = f'[things."{{a}}"]\nfor_each = [{{ a = "1" }}]\nattributes = {{ b = "{text_in_braces}" }}\n'
    diagnostics = load_report(tmp_path, text)
    assert len(diagnostics) == 1
    assert diagnostics[0].startswith("d.toml:5: error: things.{a}.attributes.b: ")


def test_a_folder_replaced_by_a_link_after_it_was_resolved_is_not_followed(tmp_path):
    (tmp_path / "tree" / "pki").mkdir(parents=True)
    (tmp_path / "tree" / "pki" / "a.txt").write_text("mine")
    (tmp_path / "tree" / "b.txt").write_text("mine, too")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.txt").write_text("secret")
    context = LoadContext(tmp_path / "tree", {})
    assert context.read_text("pki/a.txt") == "mine"
    (tmp_path / "tree" / "pki").rename(tmp_path / "tree" / "renamed")
    (tmp_path / "tree" / "pki").symlink_to(tmp_path / "outside")
    assert context.read_text("pki/a.txt") == "mine"  # the folder is still open, under its new name
    assert context.read_text("b.txt") == "mine, too"
    # The context resolved the first folder already, but opens every folder of the path again.
    with pytest.raises(InvalidValueError) as caught:
        context.read_text("pki/a.txt")
    assert caught.value.problems[0].problem == "cannot read 'pki/a.txt': Not a directory"


@pytest.mark.parametrize(
    "name", ["linked/key.txt", "link.txt", f"pkl/{'a' * 300}"], ids=["a folder", "a file", "a long name"]
)
def test_a_missing_file_is_reported_without_one_that_cannot_be_read(tmp_path, name):
    (tmp_path / "tree" / "pki").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "key.txt").write_text("secret")
    (tmp_path / "tree" / "links").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "links.txt").symlink_to(tmp_path / "outside" / "key.txt")
    with pytest.raises(InvalidValueError) as caught:
        LoadContext(tmp_path / "tree", {}).read_text(name)
    assert caught.value.problems[0].find_advice() == (
        "the path of an existing file, from the folder of the file that refers to it",
        None,
    )


_WORDS = st.sampled_from(
    [
        "[things.a]",
        "[certificates.a]",
        "[policies.a]",
        '[things."{x}"]',
        "[",
        "]",
        "{",
        "}",
        "=",
        '"',
        "'''",
        ",",
        "{{",
        "{x}",
        "attributes",
        "for_each",
        "file",
        "env",
        "pem",
        "d.csv",
        "d.jsonl",
        "-----BEGIN",
        "depends_on",
        "name",
        "document",
        "\n",
    ]
)
_TEXT = st.one_of(
    st.text(max_size=80), st.lists(st.one_of(_WORDS, st.text(max_size=3)), max_size=30).map("".join)
)


@MANY_EXAMPLES
@given(text=_TEXT)
def test_any_toml_is_loaded_or_rejected(tmp_path_factory, text):
    load_report(tmp_path_factory.getbasetemp(), text)


FOR_EACH_TABLE = '[things."{x}"]\nfor_each = { file = "m.%s" }\nattributes = { a = "{x}" }\n'


@MANY_EXAMPLES
@given(
    suffix=st.sampled_from(["csv", "jsonl"]), raw=st.one_of(st.binary(max_size=200), _TEXT.map(str.encode))
)
def test_any_manifest_is_loaded_or_rejected(tmp_path_factory, suffix, raw):
    load_report(tmp_path_factory.getbasetemp(), FOR_EACH_TABLE % suffix, **{f"m_{suffix}": raw})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Resources",
                    "Parameters",
                    "Type",
                    "Properties",
                    "Ref",
                    "Fn::Join",
                    "Fn::Sub",
                    "thing",
                    "ThingName",
                ]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@MANY_EXAMPLES
@given(value=_JSON)
def test_any_json_is_loaded_or_rejected_as_a_template_and_as_a_policy(tmp_path_factory, value):
    text = '[provisioned_things.x]\ntemplate = { file = "t.json" }\n' + POLICY_TABLE
    raw = json.dumps(value).encode()
    load_report(tmp_path_factory.getbasetemp(), text, t_json=raw, p_json=raw)


@MANY_EXAMPLES
@given(raw=st.binary(max_size=300))
def test_any_pem_is_loaded_or_rejected(tmp_path_factory, raw):
    body = b"-----BEGIN CERTIFICATE-----\n" + raw + b"\n-----END CERTIFICATE-----\n"
    load_report(tmp_path_factory.getbasetemp(), '[certificates.a]\npem = { file = "a.pem" }\n', a_pem=body)


@pytest.mark.parametrize("case", sorted(CORPUS.iterdir()), ids=lambda case: case.name)
def test_a_case_of_the_corpus_is_loaded_or_rejected(case):
    """The case is a folder with `desired_state.toml` and the files that it refers to."""
    with contextlib.suppress(InvalidDesiredStateError):
        load(case, constraints=ServiceModelConstraints(), environ={})
