"""Attachments of policies to their targets."""

import pytest

from tests.support.direct_client import ACCOUNT, EMPTY_POLICY, catch_error

from .test_thing_groups import create_tree

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
COGNITO_IDENTITY = "eu-west-1:3f1c9b8e-3c3a-4a6e-9a53-000000000001"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def policies(iot):
    """Twelve policies, p0 to p11."""
    for number in range(12):
        iot.create_policy(policyName=f"p{number}", policyDocument=EMPTY_POLICY)


def list_policies(iot, target, **extra):
    return [policy["policyName"] for policy in iot.list_attached_policies(target=target, **extra)["policies"]]


def test_attachments_are_listed_by_policy_and_target_in_both_apis(iot, policies, device):
    certificate = device["certificateArn"]
    group = iot.create_thing_group(thingGroupName="hall")["thingGroupArn"]
    iot.attach_policy(policyName="p1", target=group)
    iot.attach_principal_policy(policyName="p1", principal=certificate)
    iot.attach_policy(policyName="p0", target=certificate)
    iot.attach_policy(policyName="p0", target=COGNITO_IDENTITY)

    def build_items(*names):
        return [{"policyName": name, "policyArn": f"{ARN}policy/{name}"} for name in names]

    assert iot.list_attached_policies(target=certificate)["policies"] == build_items("p0", "p1")
    # The older API lists in descending order by default.
    assert iot.list_principal_policies(principal=certificate)["policies"] == build_items("p1", "p0")
    assert iot.list_principal_policies(principal=COGNITO_IDENTITY)["policies"] == build_items("p0")
    assert iot.list_targets_for_policy(policyName="p1")["targets"] == [group, certificate]
    assert iot.list_policy_principals(policyName="p1")["principals"] == [certificate, group]
    ascending = iot.list_policy_principals(policyName="p0", ascendingOrder=True)
    assert ascending["principals"] == [certificate, COGNITO_IDENTITY]


def test_attaching_a_policy_again_changes_nothing(iot, policies, device):
    for _ in range(2):
        iot.attach_policy(policyName="p0", target=device["certificateArn"])

    assert iot.list_targets_for_policy(policyName="p0")["targets"] == [device["certificateArn"]]


@pytest.mark.parametrize("member", ["target", "principal"])
def test_the_11th_policy_of_a_certificate_raises_limit_exceeded(iot, policies, device, member):
    """See test_18 in facts/test_things.py; this test covers policies per certificate."""
    operation = iot.attach_policy if member == "target" else iot.attach_principal_policy
    for number in range(10):
        operation(policyName=f"p{number}", **{member: device["certificateArn"]})
    # p0 is attached already, so it does not count again.
    operation(policyName="p0", **{member: device["certificateArn"]})

    error = catch_error(operation, policyName="p10", **{member: device["certificateArn"]})

    assert error == ("LimitExceededException", 410)
    iot.detach_policy(policyName="p0", target=device["certificateArn"])
    operation(policyName="p10", **{member: device["certificateArn"]})


def test_a_group_can_have_more_than_ten_policies(iot, policies):
    group = iot.create_thing_group(thingGroupName="hall")["thingGroupArn"]
    for number in range(12):
        iot.attach_policy(policyName=f"p{number}", target=group)

    assert list_policies(iot, group) == [f"p{number}" for number in range(12)]


def test_recursive_includes_the_policies_of_ancestors_once(iot, policies):
    create_tree(iot, {"site": {"hall": {"row": {}}}})
    for policy, group in (("p2", "site"), ("p1", "hall"), ("p0", "row"), ("p2", "row")):
        iot.attach_policy(policyName=policy, target=f"{ARN}thinggroup/{group}")

    assert list_policies(iot, f"{ARN}thinggroup/row") == ["p0", "p2"]
    assert list_policies(iot, f"{ARN}thinggroup/row", recursive=True) == ["p0", "p1", "p2"]
    assert list_policies(iot, f"{ARN}thinggroup/hall", recursive=True) == ["p1", "p2"]


def test_detaching_an_unattached_policy_fails_only_in_the_older_api(iot, policies, device):
    certificate = device["certificateArn"]
    iot.detach_policy(policyName="p0", target=certificate)
    iot.detach_policy(policyName="none", target=certificate)

    assert catch_error(iot.detach_principal_policy, policyName="p0", principal=certificate) == MISSING
    assert catch_error(iot.detach_principal_policy, policyName="none", principal=certificate) == MISSING


@pytest.mark.parametrize("member", ["target", "principal"])
def test_a_detached_policy_is_not_listed_and_can_be_attached_again(iot, policies, device, member):
    certificate = device["certificateArn"]
    operation = iot.detach_policy if member == "target" else iot.detach_principal_policy
    iot.attach_policy(policyName="p0", target=certificate)
    operation(policyName="p0", **{member: certificate})

    assert (list_policies(iot, certificate), iot.list_targets_for_policy(policyName="p0")["targets"]) == (
        [],
        [],
    )
    iot.attach_policy(policyName="p0", target=certificate)
    assert list_policies(iot, certificate) == ["p0"]


def test_force_delete_detaches_policies(iot, policies, device):
    """See test_11 in facts/test_certificates.py; this test covers policies."""
    params = {"certificateId": device["certificateId"]}
    iot.attach_policy(policyName="p0", target=device["certificateArn"])
    iot.update_certificate(**params, newStatus="INACTIVE")

    assert catch_error(iot.delete_certificate, **params) == ("DeleteConflictException", 409)
    iot.delete_certificate(**params, forceDelete=True)
    assert iot.list_targets_for_policy(policyName="p0")["targets"] == []
    iot.delete_policy(policyName="p0")


def test_a_group_with_policies_can_be_deleted(iot, policies):
    group = iot.create_thing_group(thingGroupName="hall")["thingGroupArn"]
    iot.attach_policy(policyName="p0", target=group)
    iot.delete_thing_group(thingGroupName="hall")
    iot.create_thing_group(thingGroupName="hall")

    assert list_policies(iot, group) == []
    iot.delete_policy(policyName="p0")


@pytest.mark.parametrize(
    "target",
    [
        "thing",
        ARN + "thing/pump-7",  # a thing is not a possible target
        ARN.replace("eu-", "us-") + "cert/a",  # in another Region
        "policy",
    ],
)
def test_an_invalid_target_is_rejected(iot, policies, target):
    for operation in (iot.attach_policy, iot.detach_policy):
        assert catch_error(operation, policyName="p0", target=target) == INVALID
    for operation in (iot.attach_principal_policy, iot.detach_principal_policy):
        assert catch_error(operation, policyName="p0", principal=target) == INVALID
    assert catch_error(iot.list_attached_policies, target=target) == INVALID
    assert catch_error(iot.list_principal_policies, principal=target) == INVALID


@pytest.mark.parametrize("target", [ARN + "cert/" + "a" * 64, ARN + "thinggroup/none"])
def test_missing_targets_and_policies_raise_resource_not_found(iot, policies, target):
    assert catch_error(iot.attach_policy, policyName="p0", target=target) == MISSING
    assert catch_error(iot.list_attached_policies, target=target) == MISSING
    principal = ARN + "cert/" + "a" * 64
    assert catch_error(iot.attach_principal_policy, policyName="p0", principal=principal) == MISSING
    assert catch_error(iot.list_principal_policies, principal=principal) == MISSING
    assert catch_error(iot.attach_policy, policyName="none", target=COGNITO_IDENTITY) == MISSING
    assert catch_error(iot.list_targets_for_policy, policyName="none") == MISSING
    assert iot.list_policy_principals(policyName="none")["principals"] == []
