"""The IAM policy of a file: everything that is sent for it, little else, restricted to resources."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given

from reconciler.aws.caller import Caller
from reconciler.aws.iam import MAX_POLICY_CHARACTERS, build_iam_policy, iam_action
from reconciler.engine.permissions.operations import PURPOSES, needed_operations, needed_roles
from reconciler.model.plan import Target
from tests.support.desired_state_strategy import desired_states
from tests.support.desired_states import (
    ca,
    converge,
    device,
    managed_thing,
    plan_of,
    resource,
    state,
)
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud


class Recorder(Cloud):
    """A registry that records which actions were called."""

    def __init__(self) -> None:
        super().__init__()
        self.actions: set[str] = set()
        send = self.call

        def call(api_call):
            self.actions.add(iam_action(api_call.service, api_call.operation))
            return send(api_call)

        self.call = call

    def during(self, function, *args, **options):
        """Return the actions that were called by a function."""
        self.actions = set()
        function(*args, **options)
        return self.actions


def allowed(desired, purpose):
    policy = build_iam_policy(needed_operations(desired, purpose), TARGET)
    return {action for statement in policy["Statement"] for action in statement["Action"]}


FLEET = state(ca(), *device("a", site="oslo"), *device("b"), managed_thing("m", thing="a"))


def changed(*, generation=1, code="90001", **attributes):
    return state(
        ca(), *device("a", generation, **attributes), *device("b"), managed_thing("m", code, thing="a")
    )


def life(cloud):
    """Create a fleet, plan it again, change it in every way, and destroy it."""
    yield converge(FLEET, cloud)
    yield converge(FLEET, cloud)
    yield converge(changed(site="bergen"), cloud)
    yield converge(changed(generation=2), cloud)
    yield converge(changed(code="90002"), cloud)
    renamed = managed_thing("m", "90002", thing="a", tags={"line": "A"})
    renamed = evolve(renamed, spec=evolve(renamed.spec, name="M"))
    yield converge(state(ca(tags={"line": "A"}), *device("a"), renamed), cloud)
    yield converge(
        state(ca(auto_registration=True), *device("a"), managed_thing("m", "90002", thing="a")), cloud
    )
    yield converge(FLEET, cloud)
    yield converge(FLEET, cloud, destroy=True)


RARE = {
    "iot:AddThingToBillingGroup": "the file has no billing group",
    "iot:CreateCertificateFromCsr": "the file has no request",
    "iot:RemoveThingFromBillingGroup": "the file has no billing group",
    "iot:RemoveThingFromThingGroup": "the file has no group",
    "iot:DetachPolicy": "the file has no policy",
    "iot:CreatePolicyVersion": "the marker was not changed",
    "iot:DeletePolicyVersion": "the marker was not changed five times",
    "iot:RegisterCertificateWithoutCA": "all certificates have a CA",
    "iot:UpdateThingGroup": "the marker was not changed",
}
"""Actions that the policy allows and that this fleet's life does not call, with the reason."""


def test_the_policy_allows_what_a_fleets_life_sends_and_little_else():
    cloud = Recorder()
    everything = {action for _ in life(cloud) for action in cloud.actions}
    assert everything - allowed(FLEET, "apply") == set()
    writes = allowed(FLEET, "apply") - allowed(FLEET, "plan")
    assert writes - everything == RARE.keys()


def test_a_plan_only_reads():
    cloud = Recorder()
    converge(FLEET, cloud)
    actions = cloud.during(plan_of, changed(generation=2, site="bergen"), cloud)
    assert actions - allowed(FLEET, "plan") == set()
    assert {action.partition(":")[2][:4] for action in allowed(FLEET, "plan")} == {
        "List",
        "Desc",
        "GetC",
        "GetM",
        "GetP",
    }


def test_a_destroy_is_allowed_by_its_own_policy():
    cloud = Recorder()
    converge(FLEET, cloud)
    actions = cloud.during(converge, FLEET, cloud, destroy=True)
    assert actions - allowed(FLEET, "destroy") == set()
    creating = {action for action in allowed(FLEET, "destroy") if "Create" in action or "Register" in action}
    assert creating == {"iot:CreatePolicyVersion"}


@examples(6)
@given(desired_states(), desired_states())
def test_a_change_from_one_file_to_another_is_allowed_by_their_policies(before, after):
    cloud = Recorder()
    converge(before, cloud)
    actions = cloud.during(converge, after, cloud)
    assert actions - (allowed(before, "apply") | allowed(after, "apply")) == set()


def test_the_commands_send_nothing_else_including_lease_and_rereads(fleet, monkeypatch):
    actions = set()
    send = Caller.__call__

    def record(self, call, *rest, **more):
        actions.add(iam_action(call.service, call.operation))
        return send(self, call, *rest, **more)

    monkeypatch.setattr(Caller, "__call__", record)
    for purpose, *words in (
        ("apply", "apply", "--yes"),
        ("plan", "plan"),
        ("plan", "drift"),
        ("plan", "export"),
        ("destroy", "destroy", "--yes"),
    ):
        statements = json.loads(fleet("permissions", "--for", purpose)[1])["Statement"]
        actions.clear()
        assert fleet(*words)[0] == 0
        assert actions - {action for item in statements for action in item["Action"]} == set(), words


def test_roles_are_passed_by_arn_and_only_to_aws_iot():
    role = "arn:aws:iam::123456789012:role/provisioning"
    policy = build_iam_policy({"Read": [], "Write": []}, TARGET, [role])
    assert policy["Statement"] == [
        {
            "Sid": "PassRole",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [role],
            "Condition": {
                "StringEquals": {
                    "iam:PassedToService": ["iot.amazonaws.com", "credentials.iot.amazonaws.com"]
                }
            },
        }
    ]


def test_the_policy_includes_the_roles_of_the_file():
    from reconciler.kinds.role_aliases import RoleAlias

    alias = resource("role_aliases", "r", RoleAlias("arn:aws:iam::123456789012:role/devices"))
    assert needed_roles(state(alias, ca()).resources) == {"arn:aws:iam::123456789012:role/devices"}


def test_actions_are_restricted_to_the_account_and_resource_types():
    policy = build_iam_policy(
        {"Read": [("iot", "ListThings"), ("iot", "DescribeThing")], "Write": [("iot", "DescribeThing")]},
        Target("aws", "cn-north-1", "210987654321"),
    )
    assert policy["Statement"] == [
        {"Sid": "ReadAny", "Effect": "Allow", "Action": ["iot:ListThings"], "Resource": ["*"]},
        {
            "Sid": "ReadIot",
            "Effect": "Allow",
            "Action": ["iot:DescribeThing"],
            "Resource": ["arn:aws-cn:iot:cn-north-1:210987654321:thing/*"],
        },
    ]


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_the_command_prints_a_policy_within_iams_size_limit(fleet, purpose):
    code, out, err = fleet("permissions", "--for", purpose)
    assert (code, err) == (0, "")
    assert json.loads(out)["Version"] == "2012-10-17"
    assert len("".join(out.split())) < MAX_POLICY_CHARACTERS


def test_without_credentials_the_policy_has_placeholders(fleet, tmp_path, monkeypatch):
    text = (tmp_path / "desired_state.toml").read_text().replace('"embedded"', '"aws"')
    (tmp_path / "desired_state.toml").write_text(text)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    code, out, err = fleet("permissions", "--for", "plan")
    assert (code, err.splitlines()[-1]) == (0, "replace ACCOUNT and REGION in the policy")
    assert "arn:aws:iot:eu-west-1:ACCOUNT:thing/*" in json.loads(out)["Statement"][1]["Resource"]
