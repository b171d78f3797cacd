"""The policies that apply when a principal connects as a thing."""

import pytest

from tests.support.direct_client import ACCOUNT, catch_error

from .test_thing_groups import create_tree

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def principal(iot, device):
    """The ARN of a certificate that has the policy `own` and is attached to no thing.

    The thing `pump-7` is in the group `hall`, which has the policy `hall`. The parent group of `hall` is `site`, which has the
    policies `site` and `own`.
    """
    create_tree(iot, {"site": {"hall": {}}})
    iot.create_thing(thingName="pump-7")
    iot.add_thing_to_thing_group(thingName="pump-7", thingGroupName="hall")
    targets = (device["certificateArn"], ARN + "thinggroup/hall", ARN + "thinggroup/site")
    for name, target in zip(("own", "hall", "site"), targets, strict=True):
        iot.create_policy(policyName=name, policyDocument=f'{{"Id": "{name}", "Statement": []}}')
        iot.attach_policy(policyName=name, target=target)
    iot.attach_policy(policyName="own", target=ARN + "thinggroup/site")
    return device["certificateArn"]


def get_policy_names(iot, **params):
    return [policy["policyName"] for policy in iot.get_effective_policies(**params)["effectivePolicies"]]


def test_policies_of_the_principal_and_the_things_groups_are_listed_once(iot, principal):
    assert get_policy_names(iot, principal=principal) == ["own"]
    assert get_policy_names(iot, principal=principal, thingName="pump-7") == ["own", "hall", "site"]
    assert get_policy_names(iot, thingName="pump-7") == ["own", "hall", "site"]
    assert get_policy_names(iot, principal=ARN + "thinggroup/site") == ["own", "site"]
    assert get_policy_names(iot, principal=ARN + "thinggroup/hall") == ["own", "hall", "site"]


def test_an_effective_policy_has_the_document_of_its_default_version(iot, principal):
    iot.create_policy_version(
        policyName="own", policyDocument='{"Id": "new", "Statement": []}', setAsDefault=True
    )
    iot.create_policy_version(policyName="own", policyDocument='{"Id": "newer", "Statement": []}')

    assert iot.get_effective_policies(principal=principal)["effectivePolicies"] == [
        {
            "policyName": "own",
            "policyArn": ARN + "policy/own",
            "policyDocument": '{"Id": "new", "Statement": []}',
        }
    ]


def test_missing_and_invalid_targets_are_rejected(iot, principal):
    assert catch_error(iot.get_effective_policies) == INVALID
    assert catch_error(iot.get_effective_policies, principal="someone") == INVALID
    assert catch_error(iot.get_effective_policies, principal=principal, thingName="none") == MISSING
    assert catch_error(iot.get_effective_policies, principal=ARN + "cert/" + "a" * 64) == MISSING
