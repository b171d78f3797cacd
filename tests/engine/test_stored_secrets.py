"""Secrets that AWS stores: read in bulk, once per run, and only if a resource needs them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from reconciler import Workspace
from reconciler.aws.caller import Caller
from reconciler.engine.stored_secrets import read_stored_secrets
from reconciler.model.errors import AwsError, InvalidDesiredStateError, PlanRejectedError
from reconciler.model.secret import StoredSecret
from reconciler.registry import Registry
from tests.support.direct_client import create_client
from tests.support.small_fleet import get_factory_ca

CODES = [f"9000{number:011}" for number in range(40)]


def declare(name: str, source: str) -> str:
    """Return the table of a managed thing with a setup code."""
    return f"""
[managed_things.{name}]
role = "DEVICE"
authentication_material = {source}
authentication_material_type = "ZWAVE_QR_BAR_CODE"
"""


FILE = '[workspace]\nname = "greenhouse"\nregion = "eu-west-1"\n'
SOURCES = {
    "a": '{ ssm = "/iot/a" }',
    "b": '{ secretsmanager = "iot/b" }',
    "c": '{ secretsmanager = "iot/codes", key = "c" }',
}


class RecordingCaller:
    """A `Call` to a registry that counts the calls by operation, and rejects some of them."""

    def __init__(self, *denied: str) -> None:
        self.registry = Registry(":memory:")
        self.clients = {
            service: create_client(service, lambda: self.registry) for service in ("ssm", "secretsmanager")
        }
        self.call = Caller(self.clients)
        self.calls: Counter[str] = Counter()
        self.denied = set(denied)

    def __call__(self, call):
        self.calls[call.operation] += 1
        ids = [call.params.get("SecretId", ""), *call.params.get("Names", ())]
        if call.operation in self.denied or self.denied.intersection(ids):
            raise AwsError(
                service=call.service, operation=call.operation, code="AccessDeniedException", message="no"
            )
        return self.call(call)

    def put_all(self, count: int) -> set[StoredSecret]:
        """Store parameters and secrets, `count` of each, and return the references to them."""
        for number in range(count):
            value = CODES[number]
            self.clients["ssm"].put_parameter(Name=f"/p{number}", Value=value, Type="SecureString")
            self.clients["secretsmanager"].create_secret(Name=f"s{number}", SecretString=value)
        return {
            StoredSecret(service, f"{prefix}{number}")
            for service, prefix in (("ssm", "/p"), ("secretsmanager", "s"))
            for number in range(count)
        }


def reveal_all(secrets):
    return {str(stored): secret.reveal() for stored, secret in secrets.items()}


def explain_all(secrets):
    return {str(stored): secret.problem for stored, secret in secrets.items() if secret.problem}


def expect_values(count):
    parameters = {f"ssm /p{number}": CODES[number] for number in range(count)}
    return parameters | {f"secretsmanager s{number}": CODES[number] for number in range(count)}


def test_secrets_are_read_in_bulk():
    caller = RecordingCaller()
    secrets = read_stored_secrets(caller.put_all(21), caller)
    assert reveal_all(secrets) == expect_values(21)
    assert caller.calls == {"GetParameters": 3, "BatchGetSecretValue": 1, "GetSecretValue": 1}


def test_secrets_are_read_one_by_one_without_the_permission_for_bulk():
    caller = RecordingCaller("BatchGetSecretValue")
    secrets = read_stored_secrets(caller.put_all(3), caller)
    assert reveal_all(secrets) == expect_values(3)
    assert caller.calls == {"GetParameters": 1, "BatchGetSecretValue": 1, "GetSecretValue": 3}


def test_a_denied_secret_does_not_hide_the_others():
    caller = RecordingCaller("/p1", "s1", "BatchGetSecretValue")
    secrets = read_stored_secrets(caller.put_all(2), caller)
    assert explain_all(secrets) == {
        "ssm /p1": "access to the parameter /p1 is denied; allow ssm:GetParameters for it, and kms:Decrypt for a key of your own: "
        "`reconciler permissions` prints the policy",
        "secretsmanager s1": "access to the secret s1 is denied; allow secretsmanager:GetSecretValue for it, and kms:Decrypt for a key of "
        "your own: `reconciler permissions` prints the policy",
    }


def test_every_reason_why_a_secret_cannot_be_used_is_explained_without_its_value():
    caller = RecordingCaller()
    parameters, secrets = caller.clients["ssm"], caller.clients["secretsmanager"]
    parameters.put_parameter(Name="list", Value="canary,canary", Type="StringList")
    parameters.put_parameter(Name="line", Value="\n", Type="String")
    secrets.create_secret(Name="text", SecretString="canary")
    secrets.create_secret(Name="deep", SecretString='["canary",' + "[" * 60_000)
    secrets.create_secret(Name="object", SecretString=json.dumps({"canary": "canary", "number": 1}))
    secrets.create_secret(Name="bytes", SecretBinary=b"canary")
    secrets.create_secret(Name="deleted", SecretString="canary")
    secrets.delete_secret(SecretId="deleted")
    stored = [
        *(StoredSecret("ssm", name) for name in ("missing", "list", "line")),
        *(StoredSecret("secretsmanager", name) for name in ("missing", "bytes", "deleted")),
        StoredSecret("secretsmanager", "text", "a"),
        StoredSecret("secretsmanager", "deep", "a"),
        StoredSecret("secretsmanager", "object", "a"),
        StoredSecret("secretsmanager", "object", "number"),
    ]
    problems = explain_all(read_stored_secrets(stored, caller))
    assert problems == {
        "ssm missing": "there is no parameter missing; create it, or correct its name",
        "ssm list": "the parameter list is a StringList; store a String or a SecureString",
        "ssm line": "ssm line is empty; store a value",
        "secretsmanager missing": "there is no secret missing; create it, or correct its name",
        "secretsmanager bytes": "the secret bytes is binary; store it as text",
        "secretsmanager deleted": "the secret deleted cannot be read: InvalidRequestException: You can't perform this operation on the "
        "secret because it was marked for deletion.",
        "secretsmanager text key a": "secretsmanager text is not a JSON object; leave out key, or store an object",
        "secretsmanager deep key a": "secretsmanager deep is not a JSON object; leave out key, or store an object",
        "secretsmanager object key a": "secretsmanager object has no member 'a'; correct key, or add the member",
        "secretsmanager object key number": "the member 'number' of secretsmanager object is not a string; store it as one",
    }
    assert "canary" not in str(problems)


def test_an_error_that_is_not_about_one_secret_is_raised():
    def expire(call):
        raise AwsError(
            service=call.service, operation=call.operation, code="ExpiredTokenException", message="x"
        )

    for stored in (StoredSecret("ssm", "a"), StoredSecret("secretsmanager", "a")):
        with pytest.raises(AwsError, match="ExpiredTokenException"):
            read_stored_secrets([stored], expire)


@pytest.fixture
def workspace(memory_folder: Path) -> Workspace:
    """Return a workspace with three managed things, whose setup codes are stored."""
    path = memory_folder / "desired_state.toml"
    path.write_text(FILE + "".join(declare(name, source) for name, source in SOURCES.items()))
    workspace = Workspace(path)
    workspace.client("ssm").put_parameter(Name="/iot/a", Value=CODES[1] + "\n", Type="SecureString")
    workspace.client("secretsmanager").create_secret(Name="iot/b", SecretString=CODES[2])
    workspace.client("secretsmanager").create_secret(
        Name="iot/codes", SecretString=json.dumps({"c": CODES[3]})
    )
    return workspace


def list_changes(workspace: Workspace) -> list[str]:
    steps = Workspace(workspace.path).plan().steps
    return [f"{step.change.action} {step.address}" for step in steps if step.address.kind == "managed_things"]


def test_a_changed_stored_secret_is_a_change_of_its_resource(workspace):
    assert workspace.apply(workspace.plan()).ok
    assert list_changes(workspace) == []
    workspace.client("secretsmanager").put_secret_value(SecretId="iot/b", SecretString=CODES[4])
    assert list_changes(workspace) == ["replace managed_things.b"]


def test_a_run_reads_each_secret_once_and_validation_none(workspace, monkeypatch):
    operations: list[str] = []
    handle = Registry.handle

    def record(registry, request):
        operations.append(request.headers.get("X-Amz-Target", "").rpartition(".")[2])
        return handle(registry, request)

    monkeypatch.setattr(Registry, "handle", record)
    reader = Workspace(workspace.path)
    assert (reader.desired.warnings, list(filter(None, operations))) == ((), [])
    plan = reader.plan()
    assert reader.apply(plan).ok
    assert list(filter(None, operations)) == ["GetParameters", "BatchGetSecretValue"]
    operations.clear()
    assert Workspace(workspace.path).plan(destroy=True).steps
    assert list(filter(None, operations)) == []


def test_all_secrets_that_cannot_be_read_are_reported_at_their_fields(workspace):
    text = workspace.path.read_text().replace("/iot/a", "/iot/z").replace('"iot/b"', '"iot/z"')
    workspace.path.write_text(text)
    with pytest.raises(InvalidDesiredStateError) as caught:
        Workspace(workspace.path).plan()
    assert [
        (item.line, item.address, item.field, item.code, item.problem)
        for item in caught.value.diagnostics
    ] == [
        (
            7,
            "managed_things.a",
            "authentication_material",
            "unreadable-secret",
            "there is no parameter /iot/z; create it, or correct its name",
        ),
        (
            12,
            "managed_things.b",
            "authentication_material",
            "unreadable-secret",
            "there is no secret iot/z; create it, or correct its name",
        ),
    ]  # fmt: skip


def test_a_secret_may_be_in_another_region(workspace):
    from reconciler.aws.session import EMBEDDED_ACCOUNT

    client = workspace.connection.clients["secretsmanager@us-east-1"]
    arn = client.create_secret(Name="iot/b", SecretString=CODES[5])["ARN"]
    assert arn.startswith(f"arn:aws:secretsmanager:us-east-1:{EMBEDDED_ACCOUNT}:secret:iot/b-")
    workspace.path.write_text(FILE + declare("b", f'{{ secretsmanager = "{arn}" }}'))
    plan = Workspace(workspace.path).plan()
    (call,) = [call for step in plan.steps for call in step.calls if call.operation == "CreateManagedThing"]
    assert call.params["AuthenticationMaterial"].reveal() == CODES[5]


def test_a_saved_plan_notices_that_a_stored_secret_has_changed(workspace):
    path = workspace.path.parent / "plan.json"
    workspace.save(workspace.plan(), path)
    assert all(code not in path.read_text() for code in CODES)
    assert Workspace(workspace.path).open_plan(path).steps
    workspace.client("ssm").put_parameter(Name="/iot/a", Value=CODES[6], Overwrite=True)
    with pytest.raises(PlanRejectedError, match="the secret from ssm /iot/a was "):
        Workspace(workspace.path).open_plan(path)


def test_the_key_of_a_ca_is_needed_only_to_register_the_ca(workspace):
    (workspace.path.parent / "ca.pem").write_text(get_factory_ca().pem)
    workspace.path.write_text(
        FILE
        + '[ca_certificates.factory]\npem = { file = "ca.pem" }\n'
        + 'verification = { key = { secretsmanager = "iot/ca" } }\n'
    )
    with pytest.raises(PlanRejectedError) as caught:
        Workspace(workspace.path).plan()
    (reason,) = caught.value.reasons
    problem = "there is no secret iot/ca; create it, or correct its name"
    assert (
        reason
        == f"ca_certificates.factory: verification.key cannot be read: {problem} (desired_state.toml:4)"
    )
    secrets = workspace.client("secretsmanager")
    secrets.create_secret(Name="iot/ca", SecretString=get_factory_ca().key_pem)
    applied = Workspace(workspace.path)
    assert applied.apply(applied.plan()).ok
    secrets.delete_secret(SecretId="iot/ca", ForceDeleteWithoutRecovery=True)
    plan = Workspace(workspace.path).plan()
    assert (plan.steps, [note.text for note in plan.notes if "iot/ca" in note.text]) == ((), [])


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ('{ ssm = "a b" }', "'a b' is not a valid name of a parameter"),
        ("{ ssm = 1 }", "the integer 1 is not a valid name of a parameter"),
        ('{ ssm = "/a", key = "b" }', "not a valid table"),
        ('{ secretsmanager = "a b" }', "'a b' is not a valid name of a secret"),
        ('{ secretsmanager = "a", key = "" }', "key is the string ''"),
        ('{ secretsmanager = "a", ssm = "b" }', "not a valid table"),
    ],
)
def test_a_reference_that_no_secret_can_have_is_invalid(workspace, source, problem):
    workspace.path.write_text(FILE + declare("a", source))
    with pytest.raises(InvalidDesiredStateError) as caught:
        Workspace(workspace.path).desired  # noqa: B018 (loads the file)
    assert [item.problem for item in caught.value.diagnostics] == [problem]
