"""The printed policy: all that is ever sent for a file, next to nothing else, and held to resources."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given

from reconciler.aws.caller import Caller
from reconciler.aws.iam import MAX_POLICY_CHARACTERS, iam_action, iam_policy
from reconciler.engine.permissions.operations import PURPOSES, needed_operations, needed_roles
from reconciler.model.plan import Target
from tests.support.desired_states import (
    ca,
    converge,
    desired_states,
    device,
    failures,
    managed,
    plan_of,
    resource,
    run,
    state,
)
from tests.support.examples import examples
from tests.support.registry_client import TARGET, Cloud


class Recorder(Cloud):
    """A registry that remembers what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()
        send = self.call

        def call(asked):
            self.asked.add(iam_action(asked.service, asked.operation))
            return send(asked)

        self.call = call

    def during(self, doing, *args, **options):
        """What was asked while something is done."""
        self.asked = set()
        doing(*args, **options)
        return self.asked


def allowed(wanted, purpose):
    printed = iam_policy(needed_operations(wanted, purpose), TARGET)
    return {action for statement in printed["Statement"] for action in statement["Action"]}


FLEET = state(ca(), *device("a", site="oslo"), *device("b"), managed("m", thing="a"))


def changed(*, generation=1, code="90001", **attributes):
    return state(ca(), *device("a", generation, **attributes), *device("b"), managed("m", code, thing="a"))


def applied(wanted, cloud, **options):
    assert failures(run(plan_of(wanted, cloud, **options), cloud)) == []


def life(cloud):
    """Made, left alone, changed in every way that a small fleet is changed, taken down."""
    yield converge(FLEET, cloud)
    yield converge(FLEET, cloud)
    yield converge(changed(site="bergen"), cloud)
    yield converge(changed(generation=2), cloud)
    yield converge(changed(code="90002"), cloud)
    renamed = managed("m", "90002", thing="a", tags={"line": "A"})
    renamed = evolve(renamed, spec=evolve(renamed.spec, name="M"))
    yield converge(state(ca(tags={"line": "A"}), *device("a"), renamed), cloud)
    yield converge(state(ca(auto_registration=True), *device("a"), managed("m", "90002", thing="a")), cloud)
    yield converge(FLEET, cloud)
    yield applied(FLEET, cloud, destroy=True)


RARE = {
    "iot:AddThingToBillingGroup": "the file has no billing group",
    "iot:CreateCertificateFromCsr": "the file has no request",
    "iot:RemoveThingFromBillingGroup": "the file has no billing group",
    "iot:RemoveThingFromThingGroup": "the file has no group",
    "iot:DetachPolicy": "the file has no policy",
    "iot:CreatePolicyVersion": "nobody changed the mark",
    "iot:DeletePolicyVersion": "nobody changed the mark five times",
    "iot:RegisterCertificateWithoutCA": "all certificates have a CA",
    "iot:UpdateThingGroup": "nobody changed the mark",
}
"""What is printed for the fleet and was not sent in its life: the kinds of the file may come to it."""


def test_everything_that_a_life_sends_is_allowed_and_hardly_anything_else():
    cloud = Recorder()
    everything = {action for _ in life(cloud) for action in cloud.asked}
    assert everything - allowed(FLEET, "apply") == set()
    writes = allowed(FLEET, "apply") - allowed(FLEET, "plan")
    assert writes - everything == RARE.keys()


def test_a_plan_needs_no_more_than_reading():
    cloud = Recorder()
    converge(FLEET, cloud)
    asked = cloud.during(plan_of, changed(generation=2, site="bergen"), cloud)
    assert asked - allowed(FLEET, "plan") == set()
    assert {action.partition(":")[2][:4] for action in allowed(FLEET, "plan")} == {
        "List",
        "Desc",
        "GetC",
        "GetM",
        "GetP",
    }


def test_a_destroy_needs_no_more_than_its_own():
    cloud = Recorder()
    converge(FLEET, cloud)
    asked = cloud.during(applied, FLEET, cloud, destroy=True)
    assert asked - allowed(FLEET, "destroy") == set()
    made = {action for action in allowed(FLEET, "destroy") if "Create" in action or "Register" in action}
    assert made == {"iot:CreatePolicyVersion"}


@examples(6)
@given(desired_states(), desired_states())
def test_whatever_a_file_makes_of_another_is_allowed_by_both(before, after):
    cloud = Recorder()
    converge(before, cloud)
    asked = cloud.during(converge, after, cloud)
    assert asked - (allowed(before, "apply") | allowed(after, "apply")) == set()


def test_the_commands_send_nothing_else_lease_and_second_looks_included(fleet, monkeypatch):
    asked = set()
    send = Caller.__call__

    def recorded(self, call, *rest, **more):
        asked.add(iam_action(call.service, call.operation))
        return send(self, call, *rest, **more)

    monkeypatch.setattr(Caller, "__call__", recorded)
    for purpose, *words in (
        ("apply", "apply", "--yes"),
        ("plan", "plan"),
        ("plan", "drift"),
        ("plan", "export"),
        ("destroy", "destroy", "--yes"),
    ):
        printed = json.loads(fleet("permissions", "--for", purpose)[1])["Statement"]
        asked.clear()
        assert fleet(*words)[0] == 0
        assert asked - {action for found in printed for action in found["Action"]} == set(), words


def test_roles_are_passed_by_name_and_to_aws_iot_alone():
    role = "arn:aws:iam::123456789012:role/provisioning"
    passed = iam_policy({"Read": [], "Write": []}, TARGET, [role])
    assert passed["Statement"] == [
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


def test_the_roles_of_a_file_are_found():
    from reconciler.kinds.role_aliases import RoleAlias

    alias = resource("role_aliases", "r", RoleAlias("arn:aws:iam::123456789012:role/devices"))
    assert needed_roles(state(alias, ca()).resources) == {"arn:aws:iam::123456789012:role/devices"}


def test_actions_are_held_to_the_account_and_to_types_of_resources():
    printed = iam_policy(
        {"Read": [("iot", "ListThings"), ("iot", "DescribeThing")], "Write": [("iot", "DescribeThing")]},
        Target("aws", "cn-north-1", "210987654321"),
    )
    assert printed["Statement"] == [
        {"Sid": "ReadAny", "Effect": "Allow", "Action": ["iot:ListThings"], "Resource": ["*"]},
        {
            "Sid": "ReadIot",
            "Effect": "Allow",
            "Action": ["iot:DescribeThing"],
            "Resource": ["arn:aws-cn:iot:cn-north-1:210987654321:thing/*"],
        },
    ]


@pytest.mark.parametrize("purpose", sorted(PURPOSES))
def test_the_command_prints_a_policy_that_iam_has_room_for(fleet, purpose):
    code, out, err = fleet("permissions", "--for", purpose)
    assert (code, err) == (0, "")
    assert json.loads(out)["Version"] == "2012-10-17"
    assert len("".join(out.split())) < MAX_POLICY_CHARACTERS


def test_where_nobody_tells_the_account_words_stand_for_it(fleet, tmp_path, monkeypatch):
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
