"""`reconciler doctor` reports problems and the next step, and changes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from attrs import define, field
from botocore.awsrequest import AWSResponse
from botocore.session import Session

from reconciler.engine.ownership.lease import hold_lease
from reconciler.kinds import all_kinds
from reconciler.model.run import ProcessIdentity
from reconciler.registry import HttpRequest, Registry
from reconciler.workspace import Workspace
from tests.support.command_line import edit_file

VERSIONS_OK = "✔ ok      versions    Python"


@pytest.fixture(autouse=True)
def remove_credentials(tmp_path, monkeypatch):
    """Hide all credentials: environment variables, files and the metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def doctor(run_in_starter):
    """Return a function that runs `doctor` and returns its exit code and its lines after the versions."""

    def run_doctor():
        code, out, err = run_in_starter("doctor")
        assert (out.startswith(VERSIONS_OK), err) == (True, "")
        return code, out.splitlines()[1:]

    return run_doctor


def test_all_checks_pass_on_a_new_and_on_a_used_embedded_registry(doctor, run_in_starter, tmp_path):
    path = ".reconciler/registry.sqlite3"
    other_checks = [
        "✔ ok      target      embedded · 123456789012 · eu-west-1",
        f"✔ ok      reading     all {len(all_kinds())} kinds can be listed",
        "✔ ok      lock        not locked",
    ]
    empty_journal, used_journal = "✔ ok      journal     empty", "✔ ok      journal     readable"
    file = "✔ ok      file        desired_state.toml: 6 resources"
    new_registry = f"✔ ok      registry    {path} does not exist yet; it is created when it is first used"
    assert doctor() == (0, [file, new_registry, *other_checks, empty_journal])
    run_in_starter("apply", "--yes")
    used_registry = f"✔ ok      registry    {path} is intact and writable"
    assert doctor() == (0, [file, used_registry, *other_checks, used_journal])


def test_a_stored_secret_that_cannot_be_read_is_an_error(doctor, tmp_path):
    with (tmp_path / "desired_state.toml").open("a") as file:
        file.write(
            '\n[managed_things.stored]\nrole = "DEVICE"\nauthentication_material = { ssm = "/iot/code" }\n'
        )
        file.write('authentication_material_type = "ZWAVE_QR_BAR_CODE"\n')
    code, lines = doctor()
    (line,) = [line for line in lines if " secrets " in line]
    assert (code, line) == (1, "✖ error   secrets     there is no parameter /iot/code")
    assert "create it, or correct its name" in lines[lines.index(line) + 1]
    Workspace(tmp_path / "desired_state.toml").client("ssm").put_parameter(
        Name="/iot/code", Value="900031313131313", Type="SecureString"
    )
    code, lines = doctor()
    assert (code, [line for line in lines if " secrets " in line]) == (
        0,
        ["✔ ok      secrets     the file's 1 secret in AWS can be read"],
    )


def test_a_lock_is_a_warning_that_names_its_holder(doctor, run_in_applied_starter, tmp_path):
    call = Workspace(tmp_path / "desired_state.toml")._connection.call
    holder = ProcessIdentity("somebody", "elsewhere", 1, "", 0.0)
    with hold_lease("greenhouse", call, holder, machine="another"):
        code, lines = doctor()
    (lock_line,) = [line for line in lines if line.split()[2] == "lock"]
    assert (code, lock_line.partition(" has been")[0]) == (0, f"! warning lock        {holder} (process 1)")


def test_a_file_that_is_not_a_database_is_an_error(doctor, tmp_path):
    (tmp_path / ".reconciler").mkdir()
    (tmp_path / ".reconciler/registry.sqlite3").write_text(
        "not a database, but longer than the header of one\n" * 9
    )
    code, lines = doctor()
    assert code == 1
    assert lines[1].startswith("✖ error   registry")
    assert (
        lines[2].strip()
        == "next: delete it with `reconciler registry reset`, or name another file in RECONCILER_REGISTRY"
    )


def test_a_damaged_registry_is_an_error(doctor, run_in_applied_starter, tmp_path):
    path = tmp_path / ".reconciler/registry.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'things'").fetchone()
    raw = bytearray(path.read_bytes())  # SQLite's pages have 4096 bytes, and their numbers start at 1
    raw[4096 * (page - 1) : 4096 * page] = b"\xff" * 4096
    path.write_bytes(raw)
    code, lines = doctor()
    assert (code, lines[1].split()[:3]) == (1, ["✖", "error", "registry"])


def test_an_invalid_file_is_an_error_and_no_later_check_is_made(doctor, tmp_path):
    edit_file("target", "targt")
    assert doctor() == (
        1,
        [
            "✖ error   file        desired_state.toml: 1 error",
            f"{'':22}next: run `reconciler validate` for details",
        ],
    )


def test_a_missing_file_is_an_error_that_names_the_command_to_create_one(doctor):
    Path("desired_state.toml").unlink()
    assert doctor() == (
        1,
        [
            "✖ error   file        desired_state.toml: no such file",
            f"{'':22}next: create one with `reconciler init`, or name another with -f",
        ],
    )


def test_a_registry_that_the_user_has_named_is_not_suggested_for_deletion(doctor, tmp_path, monkeypatch):
    monkeypatch.setenv("RECONCILER_REGISTRY", str(tmp_path / "pki/pump-1.pem"))
    code, lines = doctor()
    assert (code, lines[1].split()[:3]) == (1, ["✖", "error", "registry"])
    advice = "next: name another file in RECONCILER_REGISTRY, or unset it to store the registry next to the desired state"
    assert " ".join(" ".join(lines[2:]).split()).startswith(advice)


def test_errors_and_warnings_of_an_invalid_file_are_counted_separately(doctor, monkeypatch):
    monkeypatch.delenv("UNSET_CODE", raising=False)
    with Path("desired_state.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[managed_things.lamp]\nrole = "DEVICE"\nauthentication_material = { env = "UNSET_CODE" }\n'
            'authentication_material_type = "ZWAVE_QR_BAR_CODE"\n\n[thingz.pump-9]\n'
        )
    _code, lines = doctor()
    assert lines[0] == "✖ error   file        desired_state.toml: 1 error, 1 warning"


def test_missing_credentials_are_an_error_with_the_ways_to_sign_in(doctor, tmp_path):
    edit_file('"embedded"', '"aws"')
    code, lines = doctor()
    assert (code, lines[1:]) == (
        1,
        [
            "✖ error   credentials boto3 finds no credentials",
            f"{'':22}next: sign in (`aws sso login`), set AWS_PROFILE, or name a profile in [workspace]",
            "✔ ok      journal     empty",
        ],
    )


# ── with AWS as the target, whose responses are simulated ───────────────────────────────────────


@define
class SimulatedAws:
    """A stand-in for STS, IAM and both IoT services; `respond` is a `before-send` handler of botocore.

    Its clock is `clock_skew_seconds` behind this machine's; with a `date`, STS and IAM send that.
    """

    caller_arn: str = "arn:aws:sts::210987654321:assumed-role/deploy/ci"
    clock_skew_seconds: float = 0.0
    date: str | None = None
    denied_actions: tuple[str, ...] = ()
    inaccessible_paths: tuple[str, ...] = ()
    can_simulate_policies: bool = True
    policy_sources: set[str] = field(factory=set)
    """The ARNs of the roles whose policies `doctor` has let IAM simulate."""
    registry: Registry = field(factory=lambda: Registry(":memory:"))

    def respond(self, request, **_):
        if "://sts." in request.url:
            return self._respond_xml(request, 200, _IDENTITY.format(arn=self.caller_arn))
        if "://iam." in request.url:
            return self._simulate_policy(request)
        if any(path in request.url for path in self.inaccessible_paths):
            error = '{"__type": "AccessDeniedException", "message": "no"}'
            return AWSResponse(request.url, 403, {}, _Body(error))
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        response = self.registry.handle(HttpRequest(request.method, request.url, headers, content))
        response_body = _Body(response.body.decode())
        return AWSResponse(request.url, response.status, dict(response.headers), response_body)

    def _simulate_policy(self, request):
        if not self.can_simulate_policies:
            return self._respond_xml(request, 403, _ACCESS_DENIED)
        form = parse_qs(request.body if isinstance(request.body, str) else request.body.decode())
        self.policy_sources.add(form["PolicySourceArn"][0])
        actions = [form[key][0] for key in sorted(form) if key.startswith("ActionNames")]
        results = "".join(
            _RESULT.format(
                name=action, decision="implicitDeny" if action in self.denied_actions else "allowed"
            )
            for action in actions
        )
        return self._respond_xml(request, 200, _SIMULATED.format(results=results))

    def _respond_xml(self, request, status, text):
        time = datetime.now(UTC) - timedelta(seconds=self.clock_skew_seconds)
        date = self.date or format_datetime(time, usegmt=True)
        return AWSResponse(request.url, status, {"Date": date}, _Body(text))


@pytest.fixture
def aws(tmp_path, monkeypatch):
    """Make AWS the target of the file, and return the stand-in that responds to all requests."""
    edit_file('"embedded"', '"aws"')
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    simulated_aws = SimulatedAws()

    def create_core_session():
        core = Session()
        core.register("before-send", simulated_aws.respond)
        return core

    monkeypatch.setattr("reconciler.aws.session.create_core_session", create_core_session)
    return simulated_aws


class _Body:
    def __init__(self, text):
        self.text = text

    def stream(self, **_):
        yield self.text.encode()


_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>{arn}</Arn><Account>210987654321</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""
_SIMULATED = """<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
<SimulatePrincipalPolicyResult><IsTruncated>false</IsTruncated><EvaluationResults>{results}</EvaluationResults>
</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"""
_RESULT = "<member><EvalActionName>{name}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>"
_ACCESS_DENIED = """<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"""


def test_identity_and_permissions_are_checked_if_the_target_is_aws(doctor, aws):
    code, lines = doctor()
    text = re.sub(r"all \d+ operations", "all operations", "\n".join(lines[1:]))
    assert (code, text.splitlines()) == (
        0,
        [
            "✔ ok      credentials from environment variables",
            "✔ ok      endpoint    https://iot.eu-west-1.amazonaws.com in eu-west-1",
            "✔ ok      identity    arn:aws:sts::210987654321:assumed-role/deploy/ci in account 210987654321",
            "✔ ok      clock       agrees with the endpoint",
            "✔ ok      permissions IAM allows all operations that an apply may send",
            "✔ ok      target      aws · 210987654321 · eu-west-1",
            f"✔ ok      reading     all {len(all_kinds())} kinds can be listed",
            "✔ ok      lock        not locked",
            "✔ ok      journal     empty",
        ],
    )
    assert aws.policy_sources == {"arn:aws:iam::210987654321:role/deploy"}


def test_missing_permissions_are_named_and_a_policy_is_suggested(doctor, aws):
    aws.denied_actions = ("iot:CreateThing", "iotmanagedintegrations:CreateManagedThing")
    code, lines = doctor()
    assert (code, lines[-3:-1]) == (
        1,
        [
            "✖ error   permissions 2 missing: iotmanagedintegrations:CreateManagedThing, iot:CreateThing",
            f"{'':22}next: `reconciler permissions` prints the policy that this file needs",
        ],
    )


def test_a_missing_permission_to_read_roles_is_only_a_warning(doctor, aws):
    with Path("desired_state.toml").open("a", encoding="utf-8") as file:
        file.write('\n[role_aliases.a]\nrole_arn = "arn:aws:iam::210987654321:role/devices"\n')
    aws.denied_actions = ("iam:GetRole",)
    code, lines = doctor()
    index = next(number for number, line in enumerate(lines) if " permissions " in line)
    assert (code, lines[index : index + 2]) == (
        0,
        [
            "! warning permissions 1 missing, without which plans skip a check: iam:GetRole",
            f"{'':22}next: `reconciler permissions` prints the policy that this file needs",
        ],
    )


def test_the_change_feed_is_checked_if_plans_read_it(doctor, aws):
    edit_file("[workspace]", '[workspace]\nread = "changed"')
    code, lines = doctor()
    assert (code, [line for line in lines if " change feed " in line]) == (
        0,
        ["✔ ok      change feed CloudTrail can be read"],
    )


def test_a_change_feed_that_may_not_be_read_is_a_warning_with_the_permission(doctor, aws):
    edit_file("[workspace]", '[workspace]\nread = "changed"')
    aws.denied_actions, aws.inaccessible_paths = ("cloudtrail:LookupEvents",), ("://cloudtrail.",)
    code, lines = doctor()
    start = next(number for number, line in enumerate(lines) if " permissions " in line)
    feed = next(number for number, line in enumerate(lines) if " change feed " in line)
    assert (code, lines[start : start + 2], " ".join(" ".join(lines[feed:-2]).split())) == (
        0,
        [
            "! warning permissions 1 missing, without which plans skip a check: cloudtrail:LookupEvents",
            f"{'':22}next: `reconciler permissions` prints the policy that this file needs",
        ],
        (
            "! warning change feed cloudtrail:LookupEvents failed with AccessDeniedException: no; plans find edges that "
            "others changed only in their turn next: allow cloudtrail:LookupEvents; "
            "`reconciler permissions --for plan` prints the permissions that reading needs"
        ),
    )


def test_permissions_are_unknown_without_access_to_iam_but_reads_are_probed(doctor, aws):
    aws.can_simulate_policies = False
    aws.inaccessible_paths = ("/billing-groups",)  # only a warning: the file has no billing group
    code, lines = doctor()
    levels = {line.split()[2]: line.split()[1] for line in lines if not line.startswith(" ")}
    assert (code, levels["permissions"], levels["reading"]) == (0, "unknown", "warning")
    aws.inaccessible_paths = ("/things",)
    code, lines = doctor()
    assert (code, [line.split()[1:4] for line in lines if line.startswith("✖")]) == (
        1,
        [["error", "reading", "things:"]],
    )


def test_a_registry_on_this_machine_needs_no_credentials(doctor, aws, monkeypatch):
    edit_file('"aws"', '"http://127.0.0.1:4577"')
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    code, lines = doctor()
    assert (code, lines[1]) == (0, "✔ ok      credentials none needed for a registry on this machine")


def test_a_wrong_clock_is_a_warning(doctor, aws):
    aws.clock_skew_seconds = 100
    code, lines = doctor()
    (clock_line,) = [line for line in lines if "clock" in line.split()[:3]]
    assert (code, re.sub(r"\d+ s", "N s", clock_line)) == (
        0,
        "! warning clock       this machine is N s ahead of the endpoint",
    )


@pytest.mark.parametrize(
    "date", ["today", "Sun, 06 Nov 1994 08:49:37 -0000", "Sun, 99 Nov 1994 08:49:37 GMT"]
)
def test_a_date_header_that_is_not_a_date_leaves_the_clock_unknown(doctor, aws, date):
    aws.date = date
    code, lines = doctor()
    (clock_line,) = [line for line in lines if "clock" in line.split()[:3]]
    message = f"the endpoint's Date header, '{date}', is not a valid date"
    assert (code, clock_line) == (0, f"? unknown clock       {message}")


def test_no_secret_is_printed(doctor, aws):
    _, lines = doctor()
    assert not any("very-secret" in line or "AKIDEXAMPLE" in line for line in lines)
