"""`reconciler rotate`: a fleet gets new certificates, wave by wave."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.workspace import Workspace
from tests.support.command_line import call_iot, remove_changing_values
from tests.support.pki import compute_certificate_id

DEVICE_COUNT = 20
NAMES = tuple(f"d-{number:02}" for number in range(1, DEVICE_COUNT + 1))
FILE = """
[workspace]
name = "field"

[ca_certificates.factory]
pem = { file = "ca.pem" }
certificate_mode = "SNI_ONLY"

[certificates."{serial}"]
for_each = { file = "devices.csv" }
pem = { file = "{serial}.pem" }
ca = "factory"

[things."{serial}"]
for_each = { file = "devices.csv" }
certificates = ["{serial}"]
attributes = { site = "{site}" }
"""


@pytest.fixture
def write_pems(authority):
    """Return a function that writes the certificates of a generation to files, by default for all devices."""

    def write(generation: int, names=NAMES) -> None:
        for name in names:
            Path(f"{name}.pem").write_text(authority.get_device_pem(name, generation))

    return write


@pytest.fixture
def rotate(run, authority, write_pems):
    """Return a function that runs `rotate`; the fleet is applied, and its files now have new certificates."""
    Path("desired_state.toml").write_text(FILE)
    Path("ca.pem").write_text(authority.pem)
    Path("devices.csv").write_text("serial,site\n" + "".join(f"{name},oslo\n" for name in NAMES))
    write_pems(1)
    assert run("apply", "--yes")[0] == 0
    write_pems(2)
    return lambda *words, **options: run("rotate", *words, **options)


def read_attached_certificates() -> dict[str, list[str]]:
    """Return the IDs of the certificates that are attached to each device, by device name."""
    iot = Workspace()._connection.clients["iot"]
    return {
        thing["thingName"]: [
            arn.rpartition("/")[2]
            for arn in iot.list_thing_principals(thingName=thing["thingName"])["principals"]
        ]
        for thing in iot.list_things()["things"]
    }


def make_declared_certificates(authority, generation: int, names=NAMES) -> dict[str, list[str]]:
    return {name: [compute_certificate_id(authority.get_device_pem(name, generation))] for name in names}


def call_after_waves(wave_count: int, function, monkeypatch) -> None:
    """Call a function after this number of waves, right before the next one."""
    apply, applied_waves = Workspace.apply, []

    def apply_wave(workspace, plan, **options):
        applied_waves.append(plan)
        if len(applied_waves) == wave_count + 1:
            function()
        return apply(workspace, plan, **options)

    monkeypatch.setattr(Workspace, "apply", apply_wave)


def test_a_fleet_of_20_is_rotated_in_4_waves_of_5(rotate, authority):
    code, out, _ = rotate("--wave", "25%", "--yes")
    assert (code, remove_changing_values(out).split("\n")[-13:]) == (
        0,
        [
            "API calls  120, at least 0 s under AWS quotas",
            "  20  iot:AttachPolicy",
            "  20  iot:AttachThingPrincipal",
            "  20  iot:DeleteCertificate",
            "  20  iot:DetachThingPrincipal",
            "  20  iot:RegisterCertificate",
            "  20  iot:UpdateCertificate  at 10 per second: 0 s",
            "",
            "Plan: 20 to replace; 21 resources and 2 ownership markers unchanged",
            "Waves    4, of at most 5 devices",
            "",
            "✔ Rotation complete in 0 s: 20 devices with a new certificate, in 4 waves.",
            "",
        ],
    )


def test_every_wave_is_announced_and_rotates_its_own_devices(rotate, authority):
    _, _, err = rotate("--wave", "25%", "--yes")
    waves = [part.split("\n") for part in err.split("\nwave ")[1:]]
    assert [wave[0] for wave in waves] == [f"{number} of 4: 5 devices" for number in (1, 2, 3, 4)]
    assert [sorted(line.split()[2] for line in wave[1:] if line) for wave in waves] == [
        [f"certificates.{name}" for name in NAMES[start : start + 5]] for start in (0, 5, 10, 15)
    ]
    assert read_attached_certificates() == make_declared_certificates(authority, 2)


def test_a_failed_device_ends_the_rotation_after_its_wave(rotate, authority, monkeypatch):
    def delete_thing():
        (arn,) = call_iot("ListThingPrincipals", thingName="d-08")["principals"]
        call_iot("DetachThingPrincipal", thingName="d-08", principal=arn)
        call_iot("DeleteThing", thingName="d-08")

    call_after_waves(1, delete_thing, monkeypatch)
    code, out, err = rotate("--wave", "25%", "--yes")
    assert (code, remove_changing_values(out).partition("of at most 5 devices\n")[2]) == (
        1,
        (
            "\n"
            "✖ failed  replace certificates.d-08, iot:AttachThingPrincipal (call 2 of 6)\n"
            "    error      ResourceNotFoundException: Thing d-08 does not exist\n"
            "    request\n"
            "    next step  run plan again: a resource that AWS's message names, or that this step uses, does not exist\n"
            "\n"
            "✖ Rotation stopped in wave 2 of 4: 9 of 20 devices with a new certificate, 10 in later waves unchanged. "
            "Fix the cause; `reconciler plan` then shows the remaining changes.\n"
        ),
    )
    assert re.findall(r"wave (\d) of 4", err) == ["1", "2"]
    rotated_names = [name for name in NAMES[:10] if name != "d-08"]
    unchanged_names = NAMES[10:]
    assert read_attached_certificates() == {
        **make_declared_certificates(authority, 2, rotated_names),
        **make_declared_certificates(authority, 1, unchanged_names),
    }


def test_a_certificate_that_was_registered_during_the_rotation_is_not_a_failure(
    rotate, authority, monkeypatch
):
    pem = authority.get_device_pem("d-08", 2)
    call_after_waves(
        1, lambda: call_iot("RegisterCertificateWithoutCA", certificatePem=pem, status="ACTIVE"), monkeypatch
    )
    assert rotate("--wave", "25%", "--yes")[0] == 0
    assert read_attached_certificates() == make_declared_certificates(authority, 2)


def test_other_changes_are_left_for_apply_and_counted(rotate, run, authority):
    path = Path("devices.csv")
    path.write_text(path.read_text().replace("d-13,oslo", "d-13,bergen"))
    code, out, _ = rotate("--yes")
    tail = remove_changing_values(out).partition("Plan: ")[2]
    assert (code, tail) == (
        0,
        (
            "20 to replace; 20 resources and 2 ownership markers unchanged\n"
            "Waves    10, of at most 2 devices\n"
            "1 other change remains for `reconciler apply`.\n"
            "\n"
            "✔ Rotation complete in 0 s: 20 devices with a new certificate, in 10 waves.\n"
        ),
    )
    assert rotate("--yes") == (
        0,
        (
            "Nothing to rotate: the file declares no new certificates for existing devices.\n"
            "1 other change remains for `reconciler apply`.\n"
        ),
        "",
    )


def test_only_devices_with_a_new_certificate_are_counted(rotate, write_pems, authority):
    write_pems(1, NAMES[3:])
    code, out, _ = rotate("--wave", "50%", "--yes")
    assert (code, remove_changing_values(out).partition("unchanged")[2]) == (
        0,
        (
            "\n"
            "Waves    2, of at most 2 devices\n"
            "\n"
            "✔ Rotation complete in 0 s: 3 devices with a new certificate, in 2 waves.\n"
        ),
    )
    assert read_attached_certificates() == {
        **make_declared_certificates(authority, 2, NAMES[:3]),
        **make_declared_certificates(authority, 1, NAMES[3:]),
    }


def test_the_prompt_of_rotate_names_the_number_of_devices_and_waves(rotate, authority, monkeypatch):
    monkeypatch.setattr("reconciler.cli.prompt._has_terminal", lambda: True)
    code, _, err = rotate("--wave", "25%", stdin="no\n")
    question = "Rotate 20 devices on embedded in 4 waves? Type yes to continue: "
    assert (code, err.splitlines()[1][: len(question)]) == (3, question)
    assert read_attached_certificates() == make_declared_certificates(authority, 1)


def test_a_rotation_whose_only_failures_are_stale_steps_exits_with_3(rotate, monkeypatch):
    def deactivate():
        (arn,) = call_iot("ListThingPrincipals", thingName="d-08")["principals"]
        call_iot("UpdateCertificate", certificateId=arn.rpartition("/")[2], newStatus="INACTIVE")

    call_after_waves(1, deactivate, monkeypatch)
    assert rotate("--wave", "25%", "--yes")[0] == 3
