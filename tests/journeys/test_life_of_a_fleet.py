"""A fleet is made, looked at, changed and taken down, by the installed command."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.support.registry_client import ACCOUNT, REGION, Cloud
from tests.support.small_fleet import (
    HEAD,
    MASKED,
    SMALL,
    Device,
    Fleet,
    empty,
    fingerprint,
    marks,
    policies,
    thing,
    thing_groups,
)

ROOT = Path(__file__).parents[2]


def steady(text: str) -> str:
    """Without what differs from run to run: fingerprints, digests, times."""
    text = re.sub(r"sha256:[0-9a-f]{12}", "sha256:", text)
    return re.sub(r"plan [0-9a-f]{12}", "plan", re.sub(r"\d+\.\d+ s", "0 s", text))


NOTHING_TO_DO = (
    "Plan for greenhouse\n"
    "embedded · 123456789012 · eu-west-1 · plan\n"
    "\n"
    "No changes: 6 resources and 2 ownership markers match the file.\n"
)


def test_a_first_apply_leaves_exactly_what_the_file_says(applied, first):
    assert (first.code, steady(first.out).splitlines()[-1]) == (0, "✔ Apply complete in 0 s: 8 created.")
    assert applied.content() == SMALL.content()


def test_a_second_plan_is_empty_and_so_is_a_second_apply(applied):
    ended = applied.run("plan", "--detailed-exitcode")
    assert (ended.code, steady(ended.out), ended.err) == (0, NOTHING_TO_DO, "")
    again = applied.run("apply", "--yes")
    assert (again.code, steady(again.out), again.err) == (0, NOTHING_TO_DO, "")
    assert applied.content() == SMALL.content()


def test_one_changed_attribute_is_one_call_and_changes_nothing_else(applied):
    fleet = SMALL.having("pump-2", site="trondheim")
    ended = applied.write(fleet).run("plan", "--calls", "--detailed-exitcode")
    assert (ended.code, calls(ended.out)) == (2, [("iot:UpdateThing", {"thingName": "pump-2"})])
    applied.apply()
    assert applied.content() == fleet.content()


def test_a_device_that_leaves_the_file_leaves_the_registry(applied):
    fleet = SMALL.without("pump-1")
    applied.write(fleet).apply()
    assert applied.content() == fleet.content()


def test_a_device_that_comes_into_the_file_comes_into_the_registry(applied):
    fleet = Fleet({**SMALL.devices, "pump-3": Device("tromso", code="SETUP_CODE_2")})
    applied.write(fleet).apply()
    assert applied.content() == fleet.content()


def test_destroy_leaves_nothing(applied):
    ended = applied.run("destroy", "--yes")
    assert (ended.code, steady(ended.out).splitlines()[-1]) == (0, "✔ Apply complete in 0 s: 8 deleted.")
    assert applied.content() == empty()


# ── a new certificate ───────────────────────────────────────────────────────────────────────────

_CALL = re.compile(r"^ +\d+\. (\S+:\S+)$")
_PARAMETER = re.compile(r"^ +(thingName|principal|target|policyName|certificateId|newStatus|status) +(\S+)$")


def calls(plan: str) -> list[tuple[str, dict[str, str]]]:
    """The calls that a plan shows, in order, with those of their parameters that say what they are about."""
    found: list[tuple[str, dict[str, str]]] = []
    for line in plan.splitlines():
        if call := _CALL.match(line):
            found.append((call[1], {}))
        elif (parameter := _PARAMETER.match(line)) and found:
            found[-1][1][parameter[1]] = parameter[2]
    return found


def arn(identity: str) -> str:
    return f"arn:aws:iot:{REGION}:{ACCOUNT}:cert/{identity}"


def test_a_new_certificate_is_attached_before_the_old_one_is_let_go(applied):
    rotated = SMALL.having("pump-1", generation=2)
    old, new = SMALL.certificate("pump-1"), rotated.certificate("pump-1")
    shown = calls(applied.write(rotated).run("plan", "--calls").out)
    assert shown == [
        ("iot:RegisterCertificate", {"status": "ACTIVE"}),
        ("iot:AttachThingPrincipal", {"thingName": "pump-1", "principal": arn(new)}),
        ("iot:AttachPolicy", {"policyName": "reconciler-greenhouse-retired", "target": arn(old)}),
        ("iot:DetachThingPrincipal", {"thingName": "pump-1", "principal": arn(old)}),
        ("iot:UpdateCertificate", {"certificateId": old, "newStatus": "INACTIVE"}),
        ("iot:DeleteCertificate", {"certificateId": old}),
    ]
    # At every moment the thing has a certificate that is active and not denied everything.
    active, attached, denied = {arn(old)}, {arn(old)}, set()
    for operation, said in shown:
        match operation:
            case "iot:RegisterCertificate":
                active.add(arn(new))
            case "iot:AttachThingPrincipal":
                attached.add(said["principal"])
            case "iot:DetachThingPrincipal":
                attached.remove(said["principal"])
            case "iot:AttachPolicy":
                denied.add(said["target"])
            case "iot:UpdateCertificate" | "iot:DeleteCertificate":
                active.discard(arn(said["certificateId"]))
        assert active & attached - denied != set()
    applied.apply()
    assert applied.content() == rotated.content()


def test_a_certificate_that_is_only_wrapped_otherwise_is_the_same(applied):
    pem = applied.path / "pki/pump-1.pem"
    pem.write_bytes(b"# pump-1\r\n" + pem.read_bytes().replace(b"\n", b"\r\n"))
    ended = applied.run("plan", "--detailed-exitcode")
    assert (ended.code, steady(ended.out)) == (0, NOTHING_TO_DO)


# ── a new setup code ────────────────────────────────────────────────────────────────────────────


def test_a_new_setup_code_replaces_the_managed_thing(applied):
    before = Cloud(applied.registry).managed_integrations.list_managed_things()["Items"]
    fleet = SMALL.having("pump-1", code="SETUP_CODE_2")
    ended = applied.write(fleet).apply()
    assert steady(ended.out).splitlines()[-1] == "✔ Apply complete in 0 s: 1 replaced."
    after = Cloud(applied.registry).managed_integrations.list_managed_things()["Items"]
    assert applied.content() == fleet.content()
    assert (len(before), len(after), before[0]["Id"] == after[0]["Id"]) == (1, 1, False)


def test_the_same_setup_code_from_elsewhere_is_no_change(applied):
    applied.environ["OTHER_NAME"] = applied.environ["SETUP_CODE_1"]
    ended = applied.write(SMALL.having("pump-1", code="OTHER_NAME")).run("plan", "--detailed-exitcode")
    assert (ended.code, steady(ended.out)) == (0, NOTHING_TO_DO)


def test_a_setup_code_that_is_not_set_is_missed_only_when_it_is_needed(applied):
    del applied.environ["SETUP_CODE_1"]
    assert applied.run("plan", "--detailed-exitcode").code == 0
    shutil.rmtree(applied.registry.parent)
    ended = applied.run("apply", "--yes")
    assert (ended.code, ended.out, ended.err) == (
        3,
        "",
        (
            "error: the plan is rejected; nothing was sent\n"
            "  - managed_things.pump-1: authentication_material (from env SETUP_CODE_1) is not set\n"
        ),
    )
    assert applied.content() == empty()


# ── the file ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_plan_and_apply_report_the_errors_of_a_file_and_send_nothing(folder, command):
    folder.write(SMALL)
    with (folder.path / "desired_state.toml").open("a") as stream:
        stream.write('[things.pump-9]\ncertificates = ["pump-8"]\natributes = { site = "oslo" }\n')
    ended = folder.run(command, *(["--yes"] if command == "apply" else []))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == DIAGNOSTICS
    assert folder.untouched()


DIAGNOSTICS = """\
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
    folder.write(SMALL)
    (folder.path / "desired_state.toml").unlink()
    texts = {"workspace": HEAD, **{name: SMALL.tables(name) for name in SMALL.devices}}
    for name, text in texts.items():
        (folder.path / f"{name}.toml").write_text(text)
    ended = folder.run("apply", "--yes", "--file", ".")
    assert (ended.code, steady(ended.out).splitlines()[-1]) == (0, "✔ Apply complete in 0 s: 8 created.")
    assert folder.content() == SMALL.content()


def test_what_init_writes_can_be_applied_and_planned_again(folder):
    assert folder.run("init", "--name", "nursery").code == 0
    folder.apply()
    pems = {
        name: (folder.path / f"pki/{name}.pem").read_text() for name in ("development-ca", "pump-1", "pump-2")
    }
    ids = {name: fingerprint(pem) for name, pem in pems.items()}
    sites = {"pump-1": "oslo", "pump-2": "bergen"}
    assert folder.content() == {
        **empty(),
        "ca_certificates": {
            ids["development-ca"]: {
                "status": "ACTIVE",
                "certificateMode": "DEFAULT",
                "autoRegistrationStatus": "DISABLE",
                "tags": marks("development", "nursery"),
            }
        },
        "certificates": {ids[name]: ("ACTIVE", "DEFAULT") for name in sites},
        "things": {name: thing({"site": site}, ids[name], "nursery") for name, site in sites.items()},
        "thing_groups": thing_groups("nursery"),
        "managed_things": [
            {
                "Name": "pump-1",
                "Role": "DEVICE",
                "SerialNumber": "SN-0001",
                "ProvisioningStatus": "PRE_ASSOCIATED",
                "MetaData": {"reconciler:address": "managed_things.pump-1", "reconciler:thing": "pump-1"},
                "Tags": {
                    **marks("pump-1", "nursery"),
                    "reconciler:fields": "serial_number",
                    "reconciler:material": MASKED,
                    "reconciler:type": "ZWAVE_QR_BAR_CODE",
                },
            }
        ],
        "policies": policies("nursery"),
    }
    assert folder.run("plan", "--detailed-exitcode").code == 0


def test_the_repositorys_own_fleet_applies_and_then_plans_empty(folder):
    shutil.copy(ROOT / "desired_state.toml", folder.path)
    shutil.copytree(ROOT / "notebooks", folder.path / "notebooks")
    said = tomllib.loads((ROOT / "desired_state.toml").read_text())
    folder.apply()
    content = folder.content()
    ids = {
        kind: {
            name: fingerprint((ROOT / table["pem"]["file"]).read_text()) for name, table in said[kind].items()
        }
        for kind in ("ca_certificates", "certificates")
    }
    assert {identity: found["status"] for identity, found in content["ca_certificates"].items()} == {
        identity: said["ca_certificates"][name].get("status", "ACTIVE")
        for name, identity in ids["ca_certificates"].items()
    }
    assert {identity: status for identity, (status, _mode) in content["certificates"].items()} == {
        identity: said["certificates"][name].get("status", "ACTIVE")
        for name, identity in ids["certificates"].items()
    }
    assert {
        name: (found["attributes"], found["principals"]) for name, found in content["things"].items()
    } == {
        name: (
            table.get("attributes", {}),
            [(ids["certificates"][used], "NON_EXCLUSIVE_THING") for used in table["certificates"]],
        )
        for name, table in said["things"].items()
    }
    assert [found["Name"] for found in content["managed_things"]] == sorted(said["managed_things"])
    assert folder.run("plan", "--detailed-exitcode").code == 0
