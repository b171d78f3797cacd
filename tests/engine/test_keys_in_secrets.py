"""Certificates whose private keys AWS creates and Secrets Manager stores."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from botocore.exceptions import ReadTimeoutError

from reconciler import Workspace
from reconciler.model.errors import InvalidDesiredStateError, PlanRejectedError
from reconciler.registry import Registry
from tests.support.killed_key_applies import parse_public_key

FLEET = """
[workspace]
name = "greenhouse"
limits = { delete_percent = 100, replace_percent = 100 }

[things."{name}"]
for_each = [{ name = "pump-1" }, { name = "pump-2" }, { name = "pump-3" }]
certificates = ["{name}"]

[certificates."{name}"]
for_each = [{ name = "pump-1" }, { name = "pump-2" }, { name = "pump-3" }]
private_key = { secretsmanager = "iot/{name}" }
rotation = { grace = "7d" }
"""
NAMES = ["pump-1", "pump-2", "pump-3"]
ONE_DEVICE = FLEET.replace(', { name = "pump-2" }, { name = "pump-3" }', "")
SECRET = "certificates.pump-1: the secret iot/pump-1"
ADVICE = (
    ", and it is never overwritten; delete it, or choose another name (desired_state.toml:10 (for_each[0]))"
)


@pytest.fixture
def path(memory_folder: Path) -> Path:
    path = memory_folder / "desired_state.toml"
    path.write_text(ONE_DEVICE)
    return path


def apply(path: Path, **options):
    workspace = Workspace(path)
    return workspace.apply(workspace.plan(**options))


def list_changes(path: Path) -> list[str]:
    """Return the action and the address of each step of a new plan."""
    return [f"{step.change.action} {step.address}" for step in Workspace(path).plan().steps]


def get_clients(path: Path):
    workspace = Workspace(path)
    return workspace.client("iot"), workspace.client("secretsmanager")


def read_key(path: Path, name: str) -> str:
    return str(get_clients(path)[1].get_secret_value(SecretId=name)["SecretString"])


def list_reasons(path: Path) -> list[str]:
    with pytest.raises(PlanRejectedError) as caught:
        Workspace(path).plan()
    return list(caught.value.reasons)


def test_the_keys_of_a_fleet_are_stored_once_and_nowhere_else(path):
    path.write_text(FLEET)
    workspace = Workspace(path)
    plan = workspace.plan()
    workspace.save(plan, path.parent / "plan.json")
    result = workspace.apply(plan)
    assert result.ok, str(result)
    assert Workspace(path).plan().steps == ()
    iot, secrets = get_clients(path)
    canaries = []
    for name in NAMES:
        key = read_key(path, f"iot/{name}")
        canaries += key.splitlines()[1:-1]
        tags = {tag["Key"]: tag["Value"] for tag in secrets.describe_secret(SecretId=f"iot/{name}")["Tags"]}
        identity = tags["reconciler:certificate"]
        assert tags == {
            "reconciler:certificate": identity,
            "reconciler:name": name,
            "reconciler:workspace": "greenhouse",
        }
        certificate = iot.describe_certificate(certificateId=identity)["certificateDescription"]
        assert certificate["status"] == "ACTIVE"
        assert parse_public_key(certificate["certificatePem"]) == parse_public_key(key)
    files = [file for file in path.parent.rglob("*") if file.is_file() and "registry" not in file.name]
    texts = {str(file): file.read_bytes() for file in files}
    texts["objects"] = pickle.dumps([plan.steps, result.outcomes, Workspace(path).desired])
    shown = [
        str(plan),
        repr(plan),
        str(result),
        repr(result),
        str(workspace.history()),
        repr(vars(workspace)),
    ]
    texts["texts"] = "\n".join(shown).encode()
    assert [place for place, text in texts.items() for canary in canaries if canary.encode() in text] == []


def test_a_deleted_secret_rotates_the_certificate(path):
    assert apply(path).ok
    old_key = read_key(path, "iot/pump-1")
    get_clients(path)[1].delete_secret(SecretId="iot/pump-1", ForceDeleteWithoutRecovery=True)
    assert list_changes(path) == ["replace certificates.pump-1"]
    assert apply(path).ok
    assert read_key(path, "iot/pump-1") != old_key
    assert list_changes(path) == []


def test_another_name_of_the_secret_rotates_the_certificate(path):
    assert apply(path).ok
    old_key = read_key(path, "iot/pump-1")
    path.write_text(ONE_DEVICE.replace("iot/{name}", "iot/2/{name}"))
    assert list_changes(path) == ["replace certificates.pump-1"]
    assert apply(path).ok
    assert read_key(path, "iot/pump-1") == old_key
    assert read_key(path, "iot/2/pump-1") != old_key
    (note,) = Workspace(path).plan().notes
    assert note.text.startswith("kept with its successor until ")
    assert list_changes(path) == []


def test_the_certificate_is_also_saved_if_the_table_names_a_file(path):
    path.write_text(ONE_DEVICE.replace("\nrotation", '\nsave_to = "{name}.crt"\nrotation'))
    assert apply(path).ok
    certificate = path.parent / "pump-1.crt"
    content = certificate.read_text()
    assert parse_public_key(content) == parse_public_key(read_key(path, "iot/pump-1"))
    assert list_changes(path) == []
    certificate.unlink()
    assert list_changes(path) == ["update certificates.pump-1"]
    assert apply(path).ok
    assert certificate.read_text() == content
    # The file alone shows the certificate, too.
    get_clients(path)[1].delete_secret(SecretId="iot/pump-1", ForceDeleteWithoutRecovery=True)
    assert list_changes(path) == []


def test_a_secret_that_the_workspace_did_not_create_is_not_overwritten(path):
    _, secrets = get_clients(path)
    secrets.create_secret(Name="iot/pump-1", SecretString="theirs")
    assert list_reasons(path) == [f"{SECRET} was not created by this workspace{ADVICE}"]
    secrets.delete_secret(SecretId="iot/pump-1", RecoveryWindowInDays=7)
    problem = "the secret iot/pump-1 is scheduled for deletion; restore it, or choose another name"
    assert list_reasons(path) == [
        f"certificates.pump-1: private_key.secretsmanager: {problem} (desired_state.toml:10 (for_each[0]))"
    ]


def test_the_key_of_another_workspace_is_not_taken(path):
    assert apply(path).ok
    other = path.parent / "other"
    other.mkdir()
    text = ONE_DEVICE.replace("greenhouse", "other").replace('[things."{name}"]', '[things."{name}-2"]')
    (other / "desired_state.toml").write_text(text)
    registry_path = path.parent / ".reconciler/registry.sqlite3"
    workspace = Workspace(other / "desired_state.toml", environ={"RECONCILER_REGISTRY": str(registry_path)})
    with pytest.raises(PlanRejectedError, match="the secret iot/pump-1 was not created by this workspace"):
        workspace.plan()


def test_two_certificates_need_two_secrets(path):
    path.write_text(FLEET.replace("iot/{name}", "iot/same"))
    problem = (
        "the secret iot/same: certificates.pump-1 stores its key in the same secret; choose another name"
    )
    assert list_reasons(path) == [
        f"certificates.pump-{number}: private_key.secretsmanager: {problem} (desired_state.toml:10 (for_each[{number - 1}]))"
        for number in (2, 3)
    ]


def test_a_certificate_whose_key_another_writer_kept_from_its_secret_is_deleted_by_the_next_run(
    path,
):
    workspace = Workspace(path)
    plan = workspace.plan()
    get_clients(path)[1].create_secret(Name="iot/pump-1", SecretString="theirs")
    result = workspace.apply(plan)
    assert not result.ok
    assert "ResourceExistsException" in repr(result)
    (certificate,) = get_clients(path)[0].list_certificates()["certificates"]
    assert certificate["status"] == "INACTIVE"
    path.write_text(ONE_DEVICE.replace("iot/{name}", "iot/other/{name}"))
    changes = list_changes(path)
    identity = certificate["certificateId"]
    assert f"delete certificates.pump-1:{identity[:12]}" in changes
    assert apply(path).ok
    (certificate,) = get_clients(path)[0].list_certificates()["certificates"]
    assert (certificate["status"], certificate["certificateId"] == identity) == ("ACTIVE", False)
    assert read_key(path, "iot/pump-1") == "theirs"
    assert list_changes(path) == []


def test_a_repeated_request_stores_the_key_once(path, monkeypatch):
    """The first response to CreateSecret is lost; the token makes the second request succeed."""
    handle, lost = Registry.handle, []

    def lose_response(registry, request):
        response = handle(registry, request)
        if request.headers.get("X-Amz-Target", "").endswith(".CreateSecret") and not lost:
            lost.append(request)
            raise ReadTimeoutError(endpoint_url=request.url)
        return response

    monkeypatch.setattr(Registry, "handle", lose_response)
    assert apply(path).ok
    assert len(lost) == 1
    assert list_changes(path) == []


def test_a_destroy_deletes_the_certificate_and_keeps_the_secret(path):
    assert apply(path).ok
    assert apply(path, destroy=True).ok
    assert get_clients(path)[0].list_certificates()["certificates"] == []
    assert list_reasons(path) == [f"{SECRET} has a private key of which AWS has no certificate{ADVICE}"]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("{}", "a private key needs exactly one place"),
        ('{ save_to = "a.pem", secretsmanager = "a" }', "a private key needs exactly one place"),
        ('{ secretsmanager = "a b" }', "'a b' is not a valid name of a secret"),
        ("{ secretsmanager = 1 }", "the integer 1 is not a valid name of a secret"),
    ],
)
def test_a_key_needs_one_valid_place(path, table, problem):
    path.write_text(ONE_DEVICE.replace('{ secretsmanager = "iot/{name}" }', table))
    with pytest.raises(InvalidDesiredStateError) as caught:
        Workspace(path).desired  # noqa: B018 (loads the file)
    assert [item.problem for item in caught.value.diagnostics] == [problem]
