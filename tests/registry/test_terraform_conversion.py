"""Terraform's resources are converted and imported, and its later destroy touches none of them.

`reconciler import terraform` converts the state; `apply --adopt` imports the resources; `terraform state rm` ends Terraform's part.
"""

from __future__ import annotations

import json
import re
import shlex
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.kinds.shared.ownership_markers import is_marker_name
from tests.registry.test_terraform import (
    APPLY,
    CHANGE,
    CONFIG,
    DEFAULT_TAGS,
)
from tests.support import terraform
from tests.support.examples import STRESS_FACTOR
from tests.support.registry_server import serve_registry
from tests.support.terraform_fleet import (
    enable_group_indexing,
    read_names,
    write_input_files,
    write_verification,
)

DEVICE_COUNT = 300 if STRESS_FACTOR else 30
FLEET = """
locals { devices = toset([for number in range(%d) : format("sensor-%%03d", number)]) }

resource "aws_iot_thing_group" "hall" {
  for_each = toset(["0", "1"])
  name     = "hall-${each.key}"
}

resource "aws_iot_thing" "device" {
  for_each        = local.devices
  name            = each.key
  thing_type_name = aws_iot_thing_type.pump.name
  attributes      = { site = "oslo", serial = upper(each.key) }
}

resource "aws_iot_certificate" "device" {
  for_each = local.devices
  csr      = file("${path.module}/device.csr")
  active   = true
}

resource "aws_iot_policy_attachment" "device" {
  for_each = local.devices
  policy   = aws_iot_policy.connect.name
  target   = aws_iot_certificate.device[each.key].arn
}

resource "aws_iot_thing_principal_attachment" "device" {
  for_each  = local.devices
  thing     = aws_iot_thing.device[each.key].name
  principal = aws_iot_certificate.device[each.key].arn
}

resource "aws_iot_thing_group_membership" "device" {
  for_each         = local.devices
  thing_name       = aws_iot_thing.device[each.key].name
  thing_group_name = aws_iot_thing_group.hall[substr(each.key, -1, 1) %% 2 == 0 ? "0" : "1"].name
}
"""
TERRAFORM = terraform.find_terraform()

pytestmark = [
    pytest.mark.skipif(isinstance(TERRAFORM, str), reason=str(TERRAFORM)),
    pytest.mark.xdist_group("Terraform"),
]


@frozen
class Conversion:
    """The files and outputs of a conversion, and what the registry had at each stage."""

    folder: Path
    secrets: tuple[str, ...]
    converted: Any
    shown: Any
    plans: tuple[Any, ...]
    applied_content: Any
    adopted_content: Any
    removed: Any
    state_list: tuple[str, ...]
    destroyed: Any
    destroyed_content: Any
    planned_after_destroy: Any


@pytest.fixture(scope="module")
def conversion(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terraform-conversion")
    verified = write_input_files(folder)
    TERRAFORM.prepare(folder, CONFIG + FLEET % DEVICE_COUNT)
    with serve_registry() as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "NO_COLOR": "1",
        }.items():
            patch.setenv(name, value)
        settings = {**terraform.build_provider_settings(server.url), **DEFAULT_TAGS}
        run = partial(TERRAFORM.run, folder, provider_settings=settings)
        enable_group_indexing(server)
        write_verification(server, verified, folder)
        applied = run(*APPLY, *CHANGE)
        assert applied.returncode == 0, applied.stderr
        applied_content = _read_content(server)
        state = json.loads((folder / "terraform.tfstate").read_text())
        (folder / "shown.json").write_text(run("show", "-json").stdout)
        options = ("--as-fleet", "--name", "plant", "--target", server.url)
        converted = _reconcile(
            "import", "terraform", "terraform.tfstate", "--out", "desired_state.toml", *options
        )
        for variable in re.findall(r"set ([A-Z][A-Z0-9_]+):", converted.stderr):
            patch.setenv(variable, "v")  # all secrets of the configuration have this value
        (folder / "other").mkdir()
        shown = _reconcile("import", "terraform", "shown.json", "--out", "other/desired_state.toml", *options)
        plans = (
            _reconcile("plan", "--adopt", "*", "--format", "json"),
            _reconcile("apply", "--adopt", "*", "--yes"),
            _reconcile("plan", "--detailed-exitcode"),
        )
        adopted_content = _read_content(server)
        removed = run(*_find_removal_command(converted.stderr), "-no-color")
        state_list = tuple(run("state", "list").stdout.split())
        destroyed = run("destroy", "-auto-approve", "-no-color", *CHANGE)
        return Conversion(
            folder=folder,
            secrets=tuple(_find_private_keys(state)),
            converted=converted,
            shown=shown,
            plans=plans,
            applied_content=applied_content,
            adopted_content=adopted_content,
            removed=removed,
            state_list=state_list,
            destroyed=destroyed,
            destroyed_content=_read_content(server),
            planned_after_destroy=_reconcile("plan", "--detailed-exitcode"),
        )


def _reconcile(*words: str) -> Any:
    return CliRunner().invoke(cli, words, prog_name="reconciler")


def _read_content(server: Any) -> dict[str, Any]:
    """Return everything that Terraform has applied, with attachments, but without ownership markers."""
    iot = server.create_client("iot")
    certificates = sorted(
        iot.get_paginator("list_certificates").paginate().build_full_result()["certificates"],
        key=lambda item: item["certificateId"],
    )
    names = read_names(server)
    return {
        **names,
        "things": {name: value for name, value in names["things"].items() if not is_marker_name(name)},
        "groups": {
            name: sorted(value) for name, value in names["groups"].items() if not is_marker_name(name)
        },
        "policies": {name for name in names["policies"] if not is_marker_name(name)},
        "statuses": {item["certificateId"]: item["status"] for item in certificates},
        "attached": {
            item["certificateId"]: (
                sorted(
                    policy["policyName"]
                    for policy in iot.list_attached_policies(target=item["certificateArn"])["policies"]
                ),
                [
                    name
                    for name in iot.list_principal_things(principal=item["certificateArn"])["things"]
                    if not is_marker_name(name)
                ],
            )
            for item in certificates
        },
    }


def _find_private_keys(state: Any) -> list[str]:
    return [
        instance["attributes"]["private_key"]
        for resource in state["resources"]
        for instance in resource["instances"]
        if instance["attributes"].get("private_key")
    ]


def _find_removal_command(stderr: str) -> list[str]:
    """Return the arguments of the advised `terraform state rm`."""
    command = re.search(r"terraform (state rm \\\n(?:.*\\\n)*.*)", stderr)[1]
    return shlex.split(command.replace("\\\n", " "))


def find_left_out(conversion):
    """Return what the conversion left out, with the reasons."""
    return dict(re.findall(r"^left out (\S+): (.*)$", conversion.converted.stderr, re.MULTILINE))


def test_every_resource_with_a_table_is_converted(conversion):
    assert conversion.converted.exit_code == 0, conversion.converted.stderr
    left_out = find_left_out(conversion)
    types = {address: address.partition(".")[0] for address in left_out}
    assert left_out == {address: f"no table declares {name}" for address, name in types.items()}


def test_the_state_file_and_the_output_of_show_have_the_same_conversion(conversion):
    for name in ("desired_state.toml", "things.csv"):
        assert (conversion.folder / name).read_text() == (conversion.folder / "other" / name).read_text()


def test_alike_devices_are_rows_of_one_table(conversion):
    rows = (conversion.folder / "things.csv").read_text().splitlines()
    assert len([row for row in rows if row.startswith("sensor-")]) == DEVICE_COUNT
    assert 'for_each = {file = "things.csv"}' in (conversion.folder / "desired_state.toml").read_text()


def test_no_private_key_of_the_state_is_written_or_printed(conversion):
    assert len(conversion.secrets) == 3
    results = (conversion.converted, conversion.shown, *conversion.plans)
    texts = [result.output for result in results]
    texts += [
        path.read_text()
        for pattern in ("*.toml", "*.csv", "other/*")
        for path in conversion.folder.glob(pattern)
    ]
    assert len(texts) >= 9
    lines = {line for secret in conversion.secrets for line in secret.splitlines()[1:-1]}
    assert [text for text in texts if "PRIVATE KEY" in text or any(line in text for line in lines)] == []
    assert "not written: 3 private keys, of aws_iot_certificate.keys" in conversion.converted.stderr


def test_the_import_changes_nothing_but_the_owner(conversion):
    plan, applied, planned = conversion.plans
    assert plan.exit_code == applied.exit_code == 0, applied.output
    changed = {
        field["path"]
        for change in json.loads(plan.stdout)["changes"]
        if change["action"] == "update"
        for field in change["fields"]
    }
    assert changed <= {"workspace"}
    assert planned.exit_code == 0, planned.output
    assert conversion.adopted_content == conversion.applied_content


def test_the_advised_command_leaves_only_what_was_left_out_in_the_state(conversion):
    assert conversion.removed.returncode == 0, conversion.removed.stderr
    resources = {address for address in conversion.state_list if not address.startswith("data.")}
    assert resources == find_left_out(conversion).keys()


def test_a_later_destroy_touches_nothing_that_was_converted(conversion):
    assert conversion.destroyed.returncode == 0, conversion.destroyed.stderr
    assert f"Resources: {len(find_left_out(conversion))} destroyed" in conversion.destroyed.stdout
    assert conversion.destroyed_content == conversion.applied_content
    assert conversion.planned_after_destroy.exit_code == 0, conversion.planned_after_destroy.output


SMALL_CONFIG = """
resource "aws_iot_thing" "pump" {
  for_each = toset(["a", "b"])
  name     = each.key
}

module "hall" { source = "./hall" }
"""


def test_removed_blocks_make_terraform_forget_the_resources_and_keep_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hall").mkdir()
    (tmp_path / "hall" / "hall.tf").write_text('resource "aws_iot_thing" "c" {\n  name = "c"\n}\n')
    TERRAFORM.prepare(tmp_path, SMALL_CONFIG)
    with serve_registry() as server:
        run = partial(
            TERRAFORM.run, tmp_path, provider_settings=terraform.build_provider_settings(server.url)
        )
        assert run(*APPLY).returncode == 0
        options = ("--out", "desired_state.toml", "--removed-blocks", "removed.tf")
        assert _reconcile("import", "terraform", "terraform.tfstate", *options).exit_code == 0
        (tmp_path / "main.tf").write_text(terraform.REQUIRED_PROVIDERS)
        applied = run(*APPLY)
        assert "0 added, 0 changed, 0 destroyed" in applied.stdout, applied.stderr
        assert run("state", "list").stdout == ""
        assert read_names(server)["things"].keys() == {"a", "b", "c"}
