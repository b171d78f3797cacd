"""Certificates whose private keys AWS creates: each key is saved once, and nowhere else."""

from __future__ import annotations

import datetime
import errno
import json
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler import Workspace
from reconciler.engine.calls import output_files
from reconciler.kinds.certificates import Certificate, PrivateKey
from reconciler.model.call import ApiCall
from reconciler.model.errors import PlanRejectedError, ReconcilerError
from reconciler.model.output_file import KeyFile, OutputFile, SavedMember
from reconciler.model.run import RunCall
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.example_stacks import load_stack, write_files
from tests.support.examples import STRESS_FACTOR
from tests.support.exports import export_registry
from tests.support.killed_key_applies import KilledKeyApply, read_public_key
from tests.support.pki import make_signing_request
from tests.support.registry_client import Cloud

FLEET = """
[workspace]
name = "greenhouse"
limits = { delete_percent = 100, replace_percent = 100 }

[things."{name}"]
for_each = [{ name = "pump-1" }, { name = "pump-2" }, { name = "pump-3" }]
certificates = ["{name}"]

[certificates."{name}"]
for_each = [{ name = "pump-1" }, { name = "pump-2" }, { name = "pump-3" }]
private_key = { save_to = "keys/{name}.pem" }
rotation = { grace = "7d" }
"""
NAMES = ["pump-1", "pump-2", "pump-3"]
FIRST_KEY_POINT = 10
"""The kill point before the request for the first key; an apply of one device has earlier ones for its markers and the lease."""
FIRST_SECRET_POINT = 12
"""The same if the key is stored in a secret, which the plan describes."""
KEY_POINTS = 8
"""The kill points from that request to the activation of the certificate."""


@pytest.fixture
def folder(memory_folder: Path) -> Path:
    (memory_folder / "keys").mkdir()
    (memory_folder / "desired_state.toml").write_text(FLEET)
    return memory_folder


def open_workspace(folder: Path) -> Workspace:
    return Workspace(folder / "desired_state.toml")


def list_changes(folder: Path) -> list[str]:
    """Return the action and the address of each step of a new plan."""
    return [f"{step.change.action} {step.address}" for step in open_workspace(folder).plan().steps]


def test_the_keys_of_a_fleet_are_saved_once_and_nowhere_else(folder):
    workspace = open_workspace(folder)
    plan = workspace.plan()
    workspace.save(plan, folder / "plan.json")
    result = workspace.apply(plan)
    assert result.ok, str(result)
    keys = {name: folder / "keys" / f"{name}.pem" for name in NAMES}
    assert sorted(path.name for path in (folder / "keys").iterdir()) == sorted(
        [f"{name}.{suffix}" for name in NAMES for suffix in ("crt", "pem")]
    )
    for path in keys.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert read_public_key(path) == read_public_key(path.with_suffix(".crt"))
    next_plan = open_workspace(folder).plan()
    assert next_plan.steps == ()
    canaries = [
        line for path in keys.values() for line in path.read_text().splitlines() if "KEY--" not in line
    ]
    texts = {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path not in keys.values()
    }
    texts["objects"] = pickle.dumps([plan.steps, result.outcomes, open_workspace(folder).desired])
    texts["texts"] = "\n".join(
        [str(plan), repr(plan), str(result), repr(result), str(workspace.history()), repr(vars(workspace))]
    ).encode()
    assert [place for place, text in texts.items() for canary in canaries if canary.encode() in text] == []


def test_a_key_can_be_moved_away_and_both_files_for_a_rotation(folder):
    (folder / "desired_state.toml").write_text(
        FLEET.replace(', { name = "pump-2" }, { name = "pump-3" }', "")
    )
    workspace = open_workspace(folder)
    assert workspace.apply(workspace.plan()).ok
    key, certificate = folder / "keys/pump-1.pem", folder / "keys/pump-1.crt"
    old_key = read_public_key(key)
    key.unlink()
    assert list_changes(folder) == []
    certificate.rename(folder / "keys/old.crt")
    assert list_changes(folder) == ["replace certificates.pump-1"]
    workspace = open_workspace(folder)
    assert workspace.apply(workspace.plan()).ok
    assert read_public_key(key) == read_public_key(certificate) != old_key
    (note,) = open_workspace(folder).plan().notes
    assert note.text.startswith("kept with its successor until ")
    # The key shows which certificate it belongs to, which is then saved again.
    content = certificate.read_text()
    certificate.unlink()
    assert list_changes(folder) == ["update certificates.pump-1"]
    workspace = open_workspace(folder)
    assert workspace.apply(workspace.plan()).ok
    assert certificate.read_text() == content
    assert list_changes(folder) == []


def apply_one_device(folder: Path, *replacement: str) -> None:
    """Apply the file with one device; `replacement` is a part of the file and what is there instead."""
    text = FLEET.replace(', { name = "pump-2" }, { name = "pump-3" }', "")
    (folder / "desired_state.toml").write_text(text.replace(*replacement) if replacement else text)
    workspace = open_workspace(folder)
    assert workspace.apply(workspace.plan()).ok


@pytest.mark.parametrize(
    ("rotation", "end"),
    [('rotation = { grace = "7d" }', "when the grace period ends"), ("", "as soon as this is applied")],
    ids=["with a grace period", "without one"],
)
def test_a_plan_without_the_saved_files_warns_that_the_device_is_cut_off(folder, rotation, end):
    apply_one_device(folder, 'rotation = { grace = "7d" }', rotation)
    for path in (folder / "keys").iterdir():
        path.unlink()
    (warning,) = [note for note in open_workspace(folder).plan().notes if note.level == "warning"]
    assert (str(warning.address), warning.text) == (
        "certificates.pump-1",
        (
            "neither keys/pump-1.pem nor keys/pump-1.crt exists here, so AWS creates a new key and certificate, and the device "
            f"with the old key is cut off {end}; to keep the old one, copy keys/pump-1.crt here first"
        ),
    )


ISSUED = {
    "private_key in files": (
        'private_key = { save_to = "keys/{name}.pem" }',
        "move keys/pump-1.pem and keys/pump-1.crt away",
    ),
    "private_key in a secret": (
        'private_key = { secretsmanager = "iot/{name}" }',
        "set private_key.secretsmanager to the name of a new secret",
    ),
    "csr": (
        'csr = { file = "pump.csr" }\nsave_to = "keys/pump.crt"',
        "set csr to the request of a new key, and move keys/pump.crt away",
    ),
}


@pytest.mark.parametrize("source", ISSUED)
def test_the_error_for_a_revoked_certificate_names_steps_that_work(folder, source):
    fields, advice = ISSUED[source]
    (folder / "pump.csr").write_text(make_signing_request("pump"))
    apply_one_device(folder, 'private_key = { save_to = "keys/{name}.pem" }', fields)
    iot = open_workspace(folder).client("iot")
    (certificate,) = iot.list_certificates()["certificates"]
    iot.update_certificate(certificateId=certificate["certificateId"], newStatus="REVOKED")
    with pytest.raises(PlanRejectedError) as caught:
        open_workspace(folder).plan()
    assert list(caught.value.reasons) == [
        (
            f"certificates.pump-1: is REVOKED in AWS, which is final; to give the device another certificate, {advice}; "
            'to leave it revoked, set status = "REVOKED" (desired_state.toml:10 (for_each[0]))'
        )
    ]
    path = folder / "desired_state.toml"
    declared = path.read_text()
    path.write_text(f'{declared}status = "REVOKED"\n')
    assert list_changes(folder) == []
    path.write_text(declared.replace("iot/{name}", "iot/new/{name}"))
    (folder / "pump.csr").write_text(make_signing_request("pump"))
    for output in (folder / "keys").iterdir():
        output.unlink()
    workspace = open_workspace(folder)
    assert workspace.apply(workspace.plan()).ok
    assert [item["status"] for item in iot.list_certificates()["certificates"]].count("ACTIVE") == 1


def test_a_certificate_that_aws_has_to_issue_cannot_be_revoked(folder):
    text = FLEET.replace('{ save_to = "keys/{name}.pem" }', '{ secretsmanager = "iot/{name}" }')
    (folder / "desired_state.toml").write_text(f'{text}status = "REVOKED"\n')
    with pytest.raises(PlanRejectedError) as caught:
        open_workspace(folder).plan()
    assert list(caught.value.reasons) == [
        f"certificates.{name}: AWS issues no revoked certificate; set status to ACTIVE or INACTIVE "
        f"(desired_state.toml:10 (for_each[{index}]))"
        for index, name in enumerate(NAMES)
    ]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EIO, "correct that, or choose another path, and run apply again"),
        (errno.ENOSPC, "free disk space, and run apply again"),
        (errno.EEXIST, "move it away, and run apply again"),
    ],
)
def test_the_next_plan_replaces_a_certificate_whose_key_could_not_be_written(
    folder, monkeypatch, number, advice
):
    (folder / "desired_state.toml").write_text(
        FLEET.replace(', { name = "pump-2" }, { name = "pump-3" }', "")
    )
    workspace = open_workspace(folder)
    plan = workspace.plan()
    link = os.link

    def fail_for_keys(source, path, **options):
        if str(path).endswith(".pem"):
            raise OSError(number, os.strerror(number))
        link(source, path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(output_files.os, "link", fail_for_keys)
        result = workspace.apply(plan)
    text = " ".join(repr(result).split())  # the text is wrapped
    assert f"keys/pump-1.pem: cannot be written: {os.strerror(number)}; {advice}" in text
    assert list((folder / "keys").iterdir()) == []
    changes = list_changes(folder)
    assert [change.partition(":")[0] for change in changes if "certificates" in change] == [
        "create certificates.pump-1",
        "delete certificates.pump-1",
    ]
    workspace = open_workspace(folder)
    assert workspace.apply(workspace.plan()).ok
    assert len(workspace.client("iot").list_certificates()["certificates"]) == 1
    assert list_changes(folder) == []


def test_no_file_without_a_name_is_needed_to_save_a_key(folder, monkeypatch):
    monkeypatch.setattr(output_files, "_open_unnamed", lambda _: None)
    file = OutputFile("a.pem", str(folder / "a.pem"))
    (folder / ".a.pem.unfinished").write_text("left by a killed run")
    with output_files._open_new_file(file, 0o600) as new_file:
        new_file.write("key")
    assert (file_names(folder), (folder / "a.pem").read_text()) == (
        ["a.pem", "desired_state.toml", "keys"],
        "key",
    )


@pytest.mark.parametrize("names", [["keys"], ["keys", "deep"]])
def test_a_folder_that_was_replaced_by_a_link_gets_no_key(folder, names):
    """A job that runs between the plan and the apply may replace it."""
    parent = folder.joinpath(*names)
    parent.mkdir(exist_ok=True)
    text = FLEET.replace(', { name = "pump-2" }, { name = "pump-3" }', "")
    (folder / "desired_state.toml").write_text(text.replace("keys/", f"{'/'.join(names)}/"))
    workspace = open_workspace(folder)
    plan = workspace.plan()
    other_folder = folder / "elsewhere"
    (folder / "keys").rename(other_folder)
    (folder / "keys").symlink_to(other_folder)
    result = workspace.apply(plan)
    problem = f"{'/'.join(names)}/pump-1.pem: cannot be written: its folder was replaced by a link; remove the link, or plan again"
    assert problem in " ".join(repr(result).split())
    assert [path for path in other_folder.rglob("*") if path.is_file()] == []
    assert workspace.client("iot").list_certificates()["certificates"] == []


def test_a_folder_that_becomes_a_link_during_the_call_gets_no_key(folder):
    def replace_folder(_call):
        (folder / "keys").rename(folder / "elsewhere")
        (folder / "other").mkdir()
        (folder / "keys").symlink_to(folder / "other")
        return {"keyPair": {"PrivateKey": "key"}}

    member = SavedMember(
        "keyPair.PrivateKey", OutputFile("keys/a.pem", str(folder / "keys/a.pem")), secret=True
    )
    call = ApiCall("iot", "CreateKeysAndCertificate", output_files=(member,))
    output_files.save_secrets(replace_folder)(call)
    assert (file_names(folder / "other"), file_names(folder / "elsewhere")) == ([], ["a.pem"])


def test_a_folder_behind_a_link_is_not_opened(folder):
    (folder / "link").symlink_to(folder / "keys")
    with pytest.raises(ReconcilerError, match=r"a\.pem: cannot be written: Not a directory"):
        output_files._open_new_file(OutputFile("a.pem", str(folder / "link/a.pem")), 0o600).__enter__()


def file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill_applies(
    source: Path, names: list[str], private_key: str, first: int, count: int
) -> list[KilledKeyApply]:
    """Kill applies of devices at `count` kill points."""
    devices = (
        f'[things.{name}]\ncertificates = ["{name}"]\n'
        f"[certificates.{name}]\nprivate_key = {{ {private_key.format(name)} }}\n"
        for name in names
    )
    (source / "desired_state.toml").write_text("".join(['[workspace]\nname = "greenhouse"\n', *devices]))
    process = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_key_applies", str(source), str(first), str(count)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=1200,
    )
    return [KilledKeyApply(**json.loads(line)) for line in process.stdout.splitlines()]


@pytest.mark.hypothesis  # `make stress` runs it with every kill point and several devices
def test_an_apply_after_a_killed_one_leaves_one_certificate_with_a_saved_key(memory_folder):
    names = NAMES if STRESS_FACTOR else NAMES[:1]
    source = memory_folder / "fleet"
    (source / "keys").mkdir(parents=True)
    first, count = (0, 1000) if STRESS_FACTOR else (FIRST_KEY_POINT, KEY_POINTS)
    kills = kill_applies(source, names, 'save_to = "keys/{}.pem"', first, count)
    lost_places = {kill.place for kill in kills if kill.lost_certificates}
    assert lost_places >= {"after POST /keys-and-certificate"}
    assert len(kills) >= KEY_POINTS
    for kill in kills:
        assert kill.usable_certificates_without_key == 0, kill.place
        assert len(kill.warnings) == kill.lost_certificates, kill.place
        assert kill.next_exit_code == 0, kill.place
        assert kill.certificates == dict.fromkeys(names, "ACTIVE"), kill.place
        assert kill.files == [f"{name}.{suffix}" for name in names for suffix in ("crt", "pem")], kill.place
        assert kill.is_converged, kill.place


@pytest.mark.hypothesis  # `make stress` runs it with every kill point and several devices
def test_an_apply_after_a_killed_one_leaves_one_certificate_with_a_key_in_a_secret(memory_folder):
    names = NAMES if STRESS_FACTOR else NAMES[:1]
    source = memory_folder / "fleet"
    source.mkdir()
    first, count = (0, 1000) if STRESS_FACTOR else (FIRST_SECRET_POINT, KEY_POINTS)
    kills = kill_applies(source, names, 'secretsmanager = "iot/{}"', first, count)
    lost_places = {kill.place for kill in kills if kill.lost_certificates}
    assert lost_places >= {"after POST /keys-and-certificate", "before POST secretsmanager.CreateSecret"}
    assert "after POST secretsmanager.CreateSecret" in {kill.place for kill in kills} - lost_places
    for kill in kills:
        assert kill.usable_certificates_without_key == 0, kill.place
        assert len(kill.warnings) == kill.lost_certificates, kill.place
        assert kill.next_exit_code == 0, kill.place
        assert kill.certificates == dict.fromkeys(names, "ACTIVE"), kill.place
        assert kill.files == names, kill.place
        assert kill.is_converged, kill.place


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture(scope="module")
def certificates(cloud) -> list[str]:
    """Return the IDs of two new certificates with keys from AWS."""
    return [cloud.iot.create_keys_and_certificate()["certificateId"] for _ in range(2)]


class TestLostKeys:
    """A certificate counts as lost only if no one else can have created it."""

    @staticmethod
    def make_request(cloud: Cloud, identity: str, seconds: float = 0.0) -> RunCall:
        """Return an unanswered request, sent some seconds before AWS created a certificate."""
        description = cloud.iot.describe_certificate(certificateId=identity)["certificateDescription"]
        started_at = description["creationDate"].astimezone(datetime.UTC) - datetime.timedelta(
            seconds=seconds
        )
        return RunCall(1, "certificates.a", "iot", "CreateKeysAndCertificate", "", "unknown", started_at)

    def list_deletions_and_notes(self, cloud, *requests: RunCall) -> tuple[list[str], list[str]]:
        """Return the IDs that a plan deletes as lost, and the IDs in its notes about uncertain ones."""
        plan = plan_state(make_state(), cloud, unanswered_calls=requests)
        deleted = [step.change.live.identity for step in plan.steps if step.address.kind == "certificates"]
        noted = [note.text.split()[2] for note in plan.notes if note.text.startswith("the certificate ")]
        return deleted, noted

    def test_certificates_are_lost_only_if_each_belongs_to_a_request(self, cloud, certificates):
        first, second = (self.make_request(cloud, identity, seconds=2) for identity in certificates)
        assert self.list_deletions_and_notes(cloud) == ([], [])
        assert [sorted(ids) for ids in self.list_deletions_and_notes(cloud, first, second)] == [
            sorted(certificates),
            [],
        ]
        assert [sorted(ids) for ids in self.list_deletions_and_notes(cloud, first)] == [
            [],
            sorted(certificates),
        ]

    @pytest.mark.parametrize("seconds", [-120, 600, 7200])
    def test_a_certificate_that_was_not_created_after_the_request_is_left_alone(
        self, cloud, certificates, seconds
    ):
        requests = [self.make_request(cloud, identity, seconds) for identity in certificates]
        assert self.list_deletions_and_notes(cloud, *requests) == ([], [])

    def test_a_certificate_that_is_in_use_is_left_alone(self, cloud, certificates):
        first, second = certificates
        requests = [self.make_request(cloud, identity) for identity in certificates]
        arn = cloud.iot.describe_certificate(certificateId=first)["certificateDescription"]["certificateArn"]
        cloud.iot.create_thing(thingName="theirs")
        cloud.iot.attach_thing_principal(thingName="theirs", principal=arn)
        assert self.list_deletions_and_notes(cloud, *requests) == ([second], [])
        cloud.iot.detach_thing_principal(thingName="theirs", principal=arn)
        cloud.iot.update_certificate(certificateId=first, newStatus="ACTIVE")
        assert self.list_deletions_and_notes(cloud, *requests) == ([second], [])
        cloud.iot.update_certificate(certificateId=first, newStatus="INACTIVE")


class TestPlanErrors:
    """Problems with the files are found before anything is sent."""

    @staticmethod
    def make_state_with_keys(*files: KeyFile):
        return make_state(
            *(
                make_resource("certificates", f"a{number}", Certificate(private_key=PrivateKey(file)))
                for number, file in enumerate(files)
            )
        )

    @staticmethod
    def make_file(folder: Path, **fields: object) -> KeyFile:
        certificate = OutputFile("keys/a.crt", str(folder / "keys/a.crt"))
        return KeyFile("keys/a.pem", str(folder / "keys/a.pem"), certificate=certificate, **fields)

    def test_a_key_without_a_live_certificate_is_not_overwritten(self, cloud, tmp_path):
        desired = self.make_state_with_keys(self.make_file(tmp_path, exists=True, public_key="0" * 64))
        (tmp_path / "keys").mkdir()
        assert get_rejection_reasons(desired, cloud) == [
            (
                "certificates.a0: keys/a.pem has a private key of which AWS has no certificate, and it is never overwritten; "
                "move it away to have a new key and certificate created (<memory>:1)"
            )
        ]

    def test_a_missing_folder_is_reported_once_and_each_file_has_one_writer(self, cloud, tmp_path):
        file = self.make_file(tmp_path)
        missing = f"cannot be written: there is no folder {tmp_path / 'keys'}; create it first (<memory>:1)"
        assert get_rejection_reasons(self.make_state_with_keys(file), cloud) == [
            f"certificates.a0: private_key.save_to: keys/a.pem: {missing}"
        ]
        (tmp_path / "keys").mkdir()
        assert get_rejection_reasons(self.make_state_with_keys(file, file), cloud) == [
            f"certificates.a1: {path}: {name}: certificates.a0 writes the same file; choose another path (<memory>:1)"
            for path, name in (("private_key.save_to", "keys/a.pem"), ("save_to", "keys/a.crt"))
        ]


def test_the_saved_files_of_a_deleted_certificate_have_to_be_moved_away_together(tmp_path):
    folder = write_files(tmp_path)
    cloud = Cloud()
    converge(load_stack(folder, "telemetry"), cloud)
    converge(load_stack(folder, "telemetry"), cloud, destroy=True)
    assert get_rejection_reasons(load_stack(folder, "telemetry"), cloud) == [
        (
            "certificates.sensor-1: keys/sensor-1.crt has a certificate that AWS issued and that is not registered: it was "
            "deleted, or belongs to another account; move it and keys/sensor-1.pem away to have a new one issued "
            "(telemetry.toml:8)"
        )
    ]


def test_an_export_notes_that_the_key_cannot_be_exported(cloud, certificates):
    export = export_registry(cloud)
    comments = {
        table.address.name: table.comments for table in export.tables if table.address.kind == "certificates"
    }
    comment = "private key: AWS created it and returned it once, so it cannot be exported"
    assert comments == {identity[:12]: (comment,) for identity in certificates}
