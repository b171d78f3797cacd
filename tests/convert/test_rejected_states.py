"""A file that is not a Terraform state is rejected, with the next step."""

from __future__ import annotations

import json

import pytest

from reconciler.convert.source import STDIN, read_source
from reconciler.convert.terraform_state import parse_terraform_state
from reconciler.model.errors import ReconcilerError


@pytest.mark.parametrize(
    "state",
    [
        {"version": 4, "resources": [1]},
        {"version": 4, "resources": [{"mode": "managed"}]},
        {"version": 4, "resources": {"a": 1}},
        {
            "version": 4,
            "resources": [{"mode": "managed", "type": "aws_iot_thing", "name": "t", "instances": [3]}],
        },
        *(
            {
                "version": 4,
                "resources": [
                    {"mode": "managed", "type": "aws_iot_thing", "name": "t", **part, "instances": [{}]}
                ],
            }
            for part in (
                {"name": 'x\n}\nresource "null_resource" "p" {'},
                {"type": "aws_iot_thing.y\n"},
                {"module": "module.m\n"},
                {"module": 'module.m["a\n"]'},
            )
        ),
        {"format_version": "1.0", "values": {"root_module": []}},
        {"format_version": "1.0", "values": {"root_module": {"resources": [{"mode": "managed"}]}}},
    ],
)
def test_a_structure_that_is_not_that_of_a_state_is_rejected(state):
    with pytest.raises(ReconcilerError, match=r"^s: not a state of Terraform; write it with"):
        parse_terraform_state(json.dumps(state), "s")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "s: not JSON: Expecting property name enclosed in double quotes in line 1, column 2; write it with `terraform show -json`"),
        ("[]", "s: got an array instead of a JSON object; write it with `terraform show -json`"),
        ("[" * 100_000, "s: nested too deeply; write it with `terraform show -json`"),
        ("{}", "s: not a state of Terraform; write it with `terraform show -json`"),
        ('{"version": 3, "modules": []}', "s: state version 3 is not supported; expected version 4: write it with `terraform show -json`"),
        ('{"serial": 1, "encrypted_data": "x", "encryption_version": "v0"}', "s: the state is encrypted; decrypt it with `tofu show -json | reconciler import terraform -`"),
        ('{"format_version": "1.2", "planned_values": {}}', "s: this is a plan, not a state; write it with `terraform show -json` and no file"),
        ('{"format_version": "1.0"}', "s: the state has no aws_iot_* resources among its 0 resources; check that it is the right state"),
        (
            '{"version": 4, "resources": [{"mode": "managed", "type": "aws_iam_role", "name": "r", "instances": [{"attributes": {"name": "r"}}]}]}',
            "s: the state has no aws_iot_* resources among its 1 resources; check that it is the right state",
        ),
    ],
)  # fmt: skip
def test_another_text_is_rejected_with_the_next_step(text, message):
    with pytest.raises(ReconcilerError) as caught:
        parse_terraform_state(text, "s")
    assert str(caught.value) == message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_have_a_byte_order_mark(tmp_path, encoding):
    path = tmp_path / "state"
    path.write_bytes("{}".encode(encoding))
    assert read_source(str(path), bytes) == "{}"


@pytest.mark.parametrize("content", [b"", b"\n", b"\x1f\x8b\x08\x00\xff", b"\xc3("])
def test_a_file_without_text_is_rejected(content):
    with pytest.raises(ReconcilerError, match=r"^stdin: "):
        read_source(STDIN, lambda: content)
