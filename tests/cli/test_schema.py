"""The file's JSON Schema accepts every valid file, and rejects the invalid ones that it can recognize."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reconciler.aws.json_schema import build_member_schema
from reconciler.cli.starter import build_starter_files
from reconciler.engine.load.json_schema import build_json_schema
from reconciler.engine.load.moved_removed import MOVED_REMOVED_KEYS
from reconciler.kinds import all_kinds
from reconciler.render.json.schemas import OUTPUTS, build_output_schema
from tests.engine.load.invalid import CASES
from tests.engine.load.invalid.case import InvalidCase
from tests.support.json_schema_validation import find_schema_errors
from tests.support.small_fleet import COMMON_TABLES, SMALL_FLEET

ROOT = Path(__file__).parents[2]

SCHEMA_ERROR_LINE = re.compile(
    r"^desired_state\.toml:\d+: error: [^:]*: "
    r"(unknown key|unknown table|required key is missing|got the (integer|number|string) [^;]+; expected (a |an |true)"
    r"|\S+ is not valid; expected one of|the prefix 'reconciler:')"
)
"""The line of an error that a schema can find without another table, another file or a manifest row."""


@pytest.mark.parametrize("path", ["desired_state.toml"])
def test_the_repositorys_own_file_is_accepted(path):
    assert find_schema_errors((ROOT / path).read_text()) == []


def test_the_starter_file_is_accepted():
    (text,) = (file.content for file in build_starter_files("nursery") if str(file.path).endswith(".toml"))
    assert find_schema_errors(text) == []


def test_the_file_of_the_journey_tests_is_accepted():
    assert (
        find_schema_errors(
            COMMON_TABLES + "".join(map(SMALL_FLEET.format_device_tables, SMALL_FLEET.devices))
        )
        == []
    )


def test_only_codes_of_warnings_with_a_reason_are_allowed():
    def find_errors(allow: str) -> list[str]:
        return find_schema_errors(f"[things.a]\nlifecycle = {{ allow = {allow} }}\n")

    assert find_errors('{ "policy-full-wildcard" = "a test bench" }') == []
    assert find_errors('{ "policy-full-wildcrad" = "a test bench" }')
    assert find_errors('{ "policy-full-wildcard" = " " }')


def test_every_toml_example_of_the_reference_is_accepted():
    pages = [path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")]
    blocks = re.findall(r"^```toml\n((?!# faults).*?)^```", "".join(pages), re.DOTALL | re.MULTILINE)
    assert len(blocks) > len(all_kinds())
    assert [problem for block in blocks for problem in find_schema_errors(block)] == []


@pytest.mark.parametrize("case", CASES, ids=[case.sentence.replace(" ", "-") for case in CASES])
def test_an_invalid_file_is_rejected_if_a_schema_can_express_the_error(case: InvalidCase):
    if any(SCHEMA_ERROR_LINE.match(line) for line in case.lines):
        assert _is_rejected(case)


def test_about_half_of_all_invalid_files_are_rejected():
    """Most of the other errors depend on another file, another table or AWS, so no schema can find them."""
    rejected_count = sum(map(_is_rejected, CASES))
    assert len(CASES) >= 122
    assert 0.45 < rejected_count / len(CASES) < 0.65


def _is_rejected(case: InvalidCase) -> bool:
    text = case.files["desired_state.toml"]
    try:
        return bool(find_schema_errors(text if isinstance(text, str) else text.decode()))
    except (ValueError, RecursionError):
        return True


@pytest.mark.parametrize(
    "text",
    [
        "[thing.pump]\n",
        "[things.pump]\nattributs = {}\n",
        '[things."a b"]\n',
        '[things.pump]\nattributes = { site = "o s" }\n',
        '[things.pump]\ncertificates = ["a", "a"]\n',
        "[managed_things.pump]\n",
        '[things."pump-{n}"]\nfor_each = { file = "devices.txt" }\n',
        '[workspace]\nname = "a b"\n',
        f'[workspace]\nname = "{"a" * 129}"\n',
        '[workspace]\nname = "a"\ntarget = "embeded"\n',
        '[workspace]\nname = "a"\ntarget = "http://me:secret@127.0.0.1"\n',
        '[workspace]\nname = "a"\n[workspace.limits]\ndelete_percent = 101\n',
        '[workspace]\nname = "a"\n[workspace.limits.things]\ndelete_count = -1\n',
        '[workspace]\nname = "a"\n[workspace.limits.kinds.things]\ndelete_count = 1\n',
        '[thing_groups.g]\ntags = { "reconciler:workspace" = "b" }\n',
        *(
            f'[[removed]]\nfrom = "{name}"\ndestroy = false\n'
            for name in ("things", "things.", "thing.a", "")
        ),
        '[[moved]]\nfrom = "things"\nto = "things.a"\n',
        '[provisioned_things.p]\ntemplate = { id = "stored" }\n',
        '[provisioned_things.p]\ntemplate = { arn = "arn:aws:iot:eu-west-1:1:provisioningtemplate/a" }\n',
        "[provisioned_things.p]\ntemplate = 5\n",
    ],
)
def test_an_invalid_table_is_rejected(text):
    assert find_schema_errors(text)


@pytest.mark.parametrize(
    "text",
    [
        '[things."pump-{n}"]\nfor_each = [{ n = 1 }]\nattributes = { site = "{n}", "{n}" = "x" }\n',
        '[things."pump-{n}"]\nfor_each = { file = "a.sqlite3", query = "SELECT n FROM a" }\n',
        '[things."pump-{n}"]\nfor_each = { files = "batches/*.csv" }\n',
        '[things."pump-{n}"]\nfor_each = { file = "s3://fleet/a.parquet" }\n',
        '[things."pump-{n}"]\nfor_each = { table = "devices" }\n',
        f'[workspace]\nname = "{"a" * 100}"\ntarget = "http://127.0.0.1:4566/"\n',
        '[workspace]\nname = "a"\nlimits = { delete_count = 3, things = { replace_percent = 5 } }\n',
        '[things.pump]\ncertificates = ["a", { id = "b" }, { arn = "arn:aws:iot:eu-west-1:1:cert/c" }]\n',
        '[[removed]]\nfrom = "things.a.b c"\ndestroy = false\n[[moved]]\nfrom = "things.a"\nto = "things.b"\n',
        '[provisioned_things.p]\ntemplate = { file = "template.json" }\n',
        "[provisioned_things.p]\ntemplate = { Resources = {} }\n",
        '[provisioned_things.p]\ntemplate = "stored"\nparameters = { Code = { env = "CODE" }, Name = "p" }\n',
    ],
)
def test_a_valid_table_is_accepted(text):
    assert find_schema_errors(text) == []


def test_every_field_of_every_kind_is_in_the_schema_with_its_description():
    document = build_json_schema(build_member_schema)
    assert list(document["properties"]) == [
        "workspace",
        "variables",
        "environments",
        *MOVED_REMOVED_KEYS,
        *(table for table, kind in all_kinds().items() if not kind.only_name),
        "account",
    ]
    for table, kind in all_kinds().items():
        descriptions = {
            name: field["description"]
            for name, field in document["$defs"][table]["properties"].items()
            if name in kind.members
        }
        assert descriptions == {name: member.doc for name, member in kind.members.items()}


def test_the_command_prints_the_schema_or_writes_it(run, tmp_path):
    code, out, err = run("schema")
    assert (code, json.loads(out), err) == (0, build_json_schema(build_member_schema), "")
    assert run("schema", "--out", "form.json") == (
        0,
        "",
        "wrote form.json; add this first line to a TOML file in the same folder: #:schema ./form.json\n",
    )
    assert (tmp_path / "form.json").read_text() == out


@pytest.mark.parametrize("output_format", sorted(OUTPUTS))
def test_the_command_prints_the_schema_of_every_output_format(run, output_format):
    code, out, _ = run("schema", output_format)
    assert code == 0
    assert json.loads(out) == json.loads(json.dumps(build_output_schema(output_format)))
