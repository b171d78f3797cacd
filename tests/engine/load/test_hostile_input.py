"""Whatever a desired state and what it names are made of: mistakes with file and line, soon, and never a traceback."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.service_model import ServiceModelConstraints
from reconciler.engine.load.input_files import Surroundings
from reconciler.engine.load.load import load
from reconciler.engine.load.value_error import Wrong
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import InvalidDesiredStateError
from tests.support.examples import examples

CORPUS = Path(__file__).parents[2] / "corpus" / "loader"
WORKSPACE = '[workspace]\nname = "w"\n'
MANY = examples(60)


def told(folder: Path, text: str, **beside: bytes) -> list[str]:
    """The mistakes; `beside` are files whose names have `_` for the dot."""
    for name, content in beside.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    (folder / "d.toml").write_bytes((WORKSPACE + text).encode("utf-8", "surrogateescape"))
    mistakes: tuple[Diagnostic, ...] = ()
    try:
        load(folder / "d.toml", limits=ServiceModelConstraints(), environ={})
    except InvalidDesiredStateError as error:
        mistakes = error.diagnostics
    assert all(mistake.line > 0 and mistake.file for mistake in mistakes)
    return [str(mistake) for mistake in mistakes]


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


POLICY = '[policies.p]\ndocument = { file = "p.json" }\n'
_FORM = 'expected a JSON object: { file = "path" }, text, or a table'


@pytest.mark.parametrize("levels", [65, 300, 500, 900, 100_000])
def test_json_that_is_nested_too_deeply_is_one_mistake(tmp_path, levels):
    at = "d.toml:4: error: policies.p.document: 'p.json': nested too deeply; expected at most 64 levels"
    assert told(tmp_path, POLICY, p_json=nested(levels).encode()) == [at]


def test_json_as_deep_as_any_policy_needs_is_taken(tmp_path):
    assert told(tmp_path, POLICY, p_json=nested(64).encode()) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"Effect": "Deny", "Effect": "Allow"}', "duplicate key 'Effect'"),
        ('{"a": NaN}', "not JSON: NaN"),
        ('{"a": -Infinity}', "not JSON: -Infinity"),
    ],
)
def test_json_that_means_two_things_or_none_is_one_mistake(tmp_path, text, problem):
    assert told(tmp_path, POLICY, p_json=text.encode()) == [
        f"d.toml:4: error: policies.p.document: 'p.json': {problem}; {_FORM}"
    ]


def template(name: object) -> bytes:
    thing = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": name}}
    return json.dumps({"Parameters": {"A": {"Type": "String"}}, "Resources": {"thing": thing}}).encode()


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ({"Fn::Join": ["a" * 2000, ["b"] * 2000]}, "Resources.thing.Properties.ThingName"),
        ({"Fn::Sub": "${A}" * 20_000}, "Resources.thing.Properties.ThingName"),
    ],
    ids=["join", "sub"],
)
def test_a_template_that_makes_much_of_little_is_one_mistake(tmp_path, name, where):
    text = '[provisioned_things.x]\ntemplate = { file = "t.json" }\nparameters = { A = "%s" }\n' % ("a" * 100)
    (mistake,) = [found for found in told(tmp_path, text, t_json=template(name)) if "too much" in found][:1]
    assert mistake.endswith("the template makes too much text; expected at most 1,048,576 characters")
    assert where in mistake


@pytest.mark.parametrize("written", ["{a.b}", "{a[0]}", "{__class__}", "{a!r}", "{a:>99999999}", "{0}", "{}"])
def test_what_would_be_code_in_a_format_is_the_name_of_no_column(tmp_path, written):
    text = f'[things."{{a}}"]\nfor_each = [{{ a = "1" }}]\nattributes = {{ b = "{written}" }}\n'
    mistakes = told(tmp_path, text)
    assert len(mistakes) == 1
    assert mistakes[0].startswith("d.toml:5: error: things.{a}.attributes.b: ")


def test_a_folder_that_becomes_a_link_between_looking_and_opening_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "tree" / "pki").mkdir(parents=True)
    (tmp_path / "tree" / "pki" / "a.txt").write_text("mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.txt").write_text("secret")
    around = Surroundings(tmp_path / "tree", {})
    assert around.text("pki/a.txt") == "mine"
    (tmp_path / "tree" / "pki").rename(tmp_path / "tree" / "was")
    (tmp_path / "tree" / "pki").symlink_to(tmp_path / "outside")
    # What was looked at before is remembered; what is opened is what is there now.
    with pytest.raises(Wrong) as caught:
        around.text("pki/a.txt")
    assert caught.value.problem == "the file 'pki/a.txt' cannot be read: Not a directory"


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


@MANY
@given(text=_TEXT)
def test_any_toml_is_read_or_refused(tmp_path_factory, text):
    told(tmp_path_factory.getbasetemp(), text)


FLEET = '[things."{x}"]\nfor_each = { file = "m.%s" }\nattributes = { a = "{x}" }\n'


@MANY
@given(form=st.sampled_from(["csv", "jsonl"]), raw=st.one_of(st.binary(max_size=200), _TEXT.map(str.encode)))
def test_any_manifest_is_read_or_refused(tmp_path_factory, form, raw):
    told(tmp_path_factory.getbasetemp(), FLEET % form, **{f"m_{form}": raw})


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


@MANY
@given(value=_JSON)
def test_any_json_is_a_template_or_refused(tmp_path_factory, value):
    text = '[provisioned_things.x]\ntemplate = { file = "t.json" }\n' + POLICY
    raw = json.dumps(value).encode()
    told(tmp_path_factory.getbasetemp(), text, t_json=raw, p_json=raw)


@MANY
@given(raw=st.binary(max_size=300))
def test_any_pem_is_one_or_refused(tmp_path_factory, raw):
    body = b"-----BEGIN CERTIFICATE-----\n" + raw + b"\n-----END CERTIFICATE-----\n"
    told(tmp_path_factory.getbasetemp(), '[certificates.a]\npem = { file = "a.pem" }\n', a_pem=body)


@pytest.mark.parametrize("case", sorted(CORPUS.iterdir()), ids=lambda case: case.name)
def test_what_went_wrong_once_does_not_again(case):
    """A folder with `desired_state.toml` and what it names."""
    with contextlib.suppress(InvalidDesiredStateError):
        load(case, limits=ServiceModelConstraints(), environ={})
