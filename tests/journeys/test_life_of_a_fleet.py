"""Commands create, plan, change and destroy a fleet."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.support.registry_client import ACCOUNT, REGION, Cloud
from tests.support.small_fleet import (
    COMMON_TABLES,
    SALTED_HASH,
    SMALL_FLEET,
    Device,
    Fleet,
    compute_fingerprint,
    make_empty_content,
    make_expected_policies,
    make_expected_thing,
    make_expected_thing_groups,
    make_ownership_tags,
)

ROOT = Path(__file__).parents[2]


def remove_digest_and_durations(text: str) -> str:
    """Return the output of a command without the plan's digest, and with 0 as every duration."""
    return re.sub(r"plan [0-9a-f]{12}", "plan", re.sub(r"\d+\.\d+ s", "0 s", text))


EMPTY_PLAN = (
    "Plan for greenhouse\n"
    "embedded · 123456789012 · eu-west-1 · plan\n"
    "\n"
    "No changes: 6 resources and 2 ownership markers match the file.\n"
)


def test_the_first_apply_leaves_exactly_what_the_file_declares(applied_folder, first_apply):
    last_line = remove_digest_and_durations(first_apply.stdout).splitlines()[-1]
    assert (first_apply.exit_code, last_line) == (0, "✔ Apply complete in 0 s: 8 created.")
    assert applied_folder.read_content() == SMALL_FLEET.make_expected_content()


def test_a_plan_and_an_apply_after_the_first_apply_change_nothing(applied_folder):
    plan = applied_folder.run("plan", "--detailed-exitcode")
    assert (plan.exit_code, remove_digest_and_durations(plan.stdout), plan.stderr) == (0, EMPTY_PLAN, "")
    apply = applied_folder.run("apply", "--yes")
    assert (apply.exit_code, remove_digest_and_durations(apply.stdout), apply.stderr) == (0, EMPTY_PLAN, "")
    assert applied_folder.read_content() == SMALL_FLEET.make_expected_content()


def test_changing_an_attribute_takes_one_call_and_changes_nothing_else(applied_folder):
    fleet = SMALL_FLEET.with_changes("pump-2", site="trondheim")
    plan = applied_folder.write(fleet).run("plan", "--calls", "--detailed-exitcode")
    assert (plan.exit_code, parse_calls(plan.stdout)) == (2, [("iot:UpdateThing", {"thingName": "pump-2"})])
    applied_folder.apply()
    assert applied_folder.read_content() == fleet.make_expected_content()


def test_a_device_removed_from_the_file_is_deleted_from_the_registry(applied_folder):
    fleet = SMALL_FLEET.without_device("pump-1")
    applied_folder.write(fleet).apply()
    assert applied_folder.read_content() == fleet.make_expected_content()


def test_a_device_added_to_the_file_is_created_in_the_registry(applied_folder):
    device = Device("tromso", setup_code_variable="SETUP_CODE_2")
    fleet = Fleet({**SMALL_FLEET.devices, "pump-3": device})
    applied_folder.write(fleet).apply()
    assert applied_folder.read_content() == fleet.make_expected_content()


def test_destroy_leaves_nothing_in_the_registry(applied_folder):
    destroy = applied_folder.run("destroy", "--yes")
    last_line = remove_digest_and_durations(destroy.stdout).splitlines()[-1]
    assert (destroy.exit_code, last_line) == (0, "✔ Apply complete in 0 s: 8 deleted.")
    assert applied_folder.read_content() == make_empty_content()


# ── a new certificate ───────────────────────────────────────────────────────────────────────────

_CALL = re.compile(r"^ +\d+\. (\S+:\S+)$")
_PARAMETER = re.compile(r"^ +(thingName|principal|target|policyName|certificateId|newStatus|status) +(\S+)$")


def parse_calls(plan: str) -> list[tuple[str, dict[str, str]]]:
    """Return the calls of a rendered plan, each with its names, IDs, ARNs and statuses."""
    calls: list[tuple[str, dict[str, str]]] = []
    for line in plan.splitlines():
        if call := _CALL.match(line):
            calls.append((call[1], {}))
        elif (parameter := _PARAMETER.match(line)) and calls:
            calls[-1][1][parameter[1]] = parameter[2]
    return calls


def certificate_arn(certificate_id: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{certificate_id}"


def test_a_new_certificate_is_attached_before_the_old_one_is_detached(applied_folder):
    rotated = SMALL_FLEET.with_changes("pump-1", generation=2)
    old_id, new_id = SMALL_FLEET.get_certificate_id("pump-1"), rotated.get_certificate_id("pump-1")
    old_arn, new_arn = certificate_arn(old_id), certificate_arn(new_id)
    calls = parse_calls(applied_folder.write(rotated).run("plan", "--calls").stdout)
    assert calls == [
        ("iot:RegisterCertificate", {"status": "ACTIVE"}),
        ("iot:AttachThingPrincipal", {"thingName": "pump-1", "principal": new_arn}),
        ("iot:AttachPolicy", {"policyName": "reconciler-greenhouse-retired", "target": old_arn}),
        ("iot:DetachThingPrincipal", {"thingName": "pump-1", "principal": old_arn}),
        ("iot:UpdateCertificate", {"certificateId": old_id, "newStatus": "INACTIVE"}),
        ("iot:DeleteCertificate", {"certificateId": old_id}),
    ]
    # After every call, the thing has an active certificate to which the deny-all policy is not attached.
    active, attached, denied = {old_arn}, {old_arn}, set()
    for operation, parameters in calls:
        match operation:
            case "iot:RegisterCertificate":
                active.add(new_arn)
            case "iot:AttachThingPrincipal":
                attached.add(parameters["principal"])
            case "iot:DetachThingPrincipal":
                attached.remove(parameters["principal"])
            case "iot:AttachPolicy":
                denied.add(parameters["target"])
            case "iot:UpdateCertificate" | "iot:DeleteCertificate":
                active.discard(certificate_arn(parameters["certificateId"]))
        assert active & attached - denied != set()
    applied_folder.apply()
    assert applied_folder.read_content() == rotated.make_expected_content()


def test_other_line_ends_and_a_comment_in_a_certificate_file_are_not_a_change(applied_folder):
    pem = applied_folder.path / "pki/pump-1.pem"
    pem.write_bytes(b"# pump-1\r\n" + pem.read_bytes().replace(b"\n", b"\r\n"))
    plan = applied_folder.run("plan", "--detailed-exitcode")
    assert (plan.exit_code, remove_digest_and_durations(plan.stdout)) == (0, EMPTY_PLAN)


# ── a new setup code ────────────────────────────────────────────────────────────────────────────


def test_a_new_setup_code_replaces_the_managed_thing(applied_folder):
    (before,) = Cloud(applied_folder.registry_path).managed_integrations.list_managed_things()["Items"]
    fleet = SMALL_FLEET.with_changes("pump-1", setup_code_variable="SETUP_CODE_2")
    apply = applied_folder.write(fleet).apply()
    last_line = remove_digest_and_durations(apply.stdout).splitlines()[-1]
    assert last_line == "✔ Apply complete in 0 s: 1 replaced."
    (after,) = Cloud(applied_folder.registry_path).managed_integrations.list_managed_things()["Items"]
    assert applied_folder.read_content() == fleet.make_expected_content()
    assert before["Id"] != after["Id"]


def test_the_same_setup_code_from_another_variable_is_not_a_change(applied_folder):
    applied_folder.environ["OTHER_NAME"] = applied_folder.environ["SETUP_CODE_1"]
    fleet = SMALL_FLEET.with_changes("pump-1", setup_code_variable="OTHER_NAME")
    plan = applied_folder.write(fleet).run("plan", "--detailed-exitcode")
    assert (plan.exit_code, remove_digest_and_durations(plan.stdout)) == (0, EMPTY_PLAN)


def test_a_missing_setup_code_is_an_error_only_if_it_is_needed(applied_folder):
    del applied_folder.environ["SETUP_CODE_1"]
    assert applied_folder.run("plan", "--detailed-exitcode").exit_code == 0
    # In a new registry, the managed thing must be created, which needs the code.
    shutil.rmtree(applied_folder.registry_path.parent)
    apply = applied_folder.run("apply", "--yes")
    assert (apply.exit_code, apply.stdout, apply.stderr) == (
        3,
        "",
        (
            "error: the plan is rejected; nothing was sent\n"
            "  - managed_things.pump-1: authentication_material is not set; set env SETUP_CODE_1 (desired_state.toml:17)\n"
        ),
    )
    assert applied_folder.read_content() == make_empty_content()


# ── the file ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("arguments", [("plan",), ("apply", "--yes")])
def test_every_error_of_an_invalid_file_is_reported_and_nothing_is_sent(folder, arguments):
    folder.write(SMALL_FLEET)
    with (folder.path / "desired_state.toml").open("a") as stream:
        stream.write('[things.pump-9]\ncertificates = ["pump-8"]\natributes = { site = "oslo" }\n')
    result = folder.run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", INVALID_FILE_ERRORS)
    assert not folder.has_registry()


INVALID_FILE_ERRORS = """\
error: desired_state.toml:31  things.pump-9.certificates[0]
    31 | certificates = …
       | ^^^^^^^^^^^^
    certificates.pump-8 is not declared in this file
    expected  a name in [certificates.*], or { id = "…" } for a resource outside this file
    did you mean  pump-2?

error: desired_state.toml:32  things.pump-9.atributes
    32 | atributes = …
       | ^^^^^^^^^
    unknown key
    did you mean  attributes?

error: the desired state is not valid: 2 errors; nothing was sent
"""


def test_a_folder_of_files_is_one_desired_state(folder):
    folder.write(SMALL_FLEET)
    (folder.path / "desired_state.toml").unlink()
    (folder.path / "workspace.toml").write_text(COMMON_TABLES)
    for name in SMALL_FLEET.devices:
        (folder.path / f"{name}.toml").write_text(SMALL_FLEET.format_device_tables(name))
    apply = folder.run("apply", "--yes", "--file", ".")
    last_line = remove_digest_and_durations(apply.stdout).splitlines()[-1]
    assert (apply.exit_code, last_line) == (0, "✔ Apply complete in 0 s: 8 created.")
    assert folder.read_content() == SMALL_FLEET.make_expected_content()


def test_the_files_of_init_can_be_applied_and_the_next_plan_is_empty(folder):
    assert folder.run("init", "--name", "nursery").exit_code == 0
    folder.apply()
    ids = {
        name: compute_fingerprint((folder.path / f"pki/{name}.pem").read_text())
        for name in ("development-ca", "pump-1", "pump-2")
    }
    sites = {"pump-1": "oslo", "pump-2": "bergen"}
    assert folder.read_content() == {
        **make_empty_content(),
        "ca_certificates": {
            ids["development-ca"]: {
                "status": "ACTIVE",
                "certificateMode": "DEFAULT",
                "autoRegistrationStatus": "DISABLE",
                "tags": make_ownership_tags("development", "nursery"),
            }
        },
        "certificates": {ids[name]: ("ACTIVE", "DEFAULT") for name in sites},
        "things": {
            name: make_expected_thing({"site": site}, ids[name], "nursery") for name, site in sites.items()
        },
        "thing_groups": make_expected_thing_groups("nursery"),
        "managed_things": [
            {
                "Name": "pump-1",
                "Role": "DEVICE",
                "SerialNumber": "SN-0001",
                "ProvisioningStatus": "PRE_ASSOCIATED",
                "MetaData": {"reconciler:address": "managed_things.pump-1", "reconciler:thing": "pump-1"},
                "Tags": {
                    **make_ownership_tags("pump-1", "nursery"),
                    "reconciler:fields": "serial_number",
                    "reconciler:material": SALTED_HASH,
                    "reconciler:type": "ZWAVE_QR_BAR_CODE",
                },
            }
        ],
        "policies": make_expected_policies("nursery"),
    }
    assert folder.run("plan", "--detailed-exitcode").exit_code == 0


def test_the_repositorys_own_file_can_be_applied_and_the_next_plan_is_empty(folder):
    shutil.copy(ROOT / "desired_state.toml", folder.path)
    shutil.copytree(ROOT / "notebooks", folder.path / "notebooks")
    folder.apply()
    content = folder.read_content()
    desired = tomllib.loads((ROOT / "desired_state.toml").read_text())
    ids = {
        kind: {
            name: compute_fingerprint((ROOT / table["pem"]["file"]).read_text())
            for name, table in desired[kind].items()
        }
        for kind in ("ca_certificates", "certificates")
    }

    def desired_statuses(kind: str) -> dict[str, str]:
        return {ids[kind][name]: table.get("status", "ACTIVE") for name, table in desired[kind].items()}

    ca_statuses = {identity: ca["status"] for identity, ca in content["ca_certificates"].items()}
    assert ca_statuses == desired_statuses("ca_certificates")
    certificate_statuses = {identity: status for identity, (status, _) in content["certificates"].items()}
    assert certificate_statuses == desired_statuses("certificates")
    live_things = {
        name: (thing["attributes"], thing["principals"]) for name, thing in content["things"].items()
    }
    assert live_things == {
        name: (
            table.get("attributes", {}),
            [
                (ids["certificates"][certificate], "NON_EXCLUSIVE_THING")
                for certificate in table["certificates"]
            ],
        )
        for name, table in desired["things"].items()
    }
    managed_thing_names = [managed_thing["Name"] for managed_thing in content["managed_things"]]
    assert managed_thing_names == sorted(desired["managed_things"])
    assert folder.run("plan", "--detailed-exitcode").exit_code == 0
