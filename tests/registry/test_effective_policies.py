"""The policies that count when a principal connects as a thing."""

import pytest

from tests.support.direct_client import ACCOUNT, error_of

from .test_thing_groups import grow

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def ruled(iot, device):
    """A certificate, a thing in a group below another one, and a policy on each of the three."""
    grow(iot, {"site": {"hall": {}}})
    iot.create_thing(thingName="pump-7")
    iot.add_thing_to_thing_group(thingName="pump-7", thingGroupName="hall")
    targets = (device["certificateArn"], ARN + "thinggroup/hall", ARN + "thinggroup/site")
    for name, target in zip(("own", "hall", "site"), targets, strict=True):
        iot.create_policy(policyName=name, policyDocument=f'{{"Id": "{name}"}}')
        iot.attach_policy(policyName=name, target=target)
    iot.attach_policy(policyName="own", target=ARN + "thinggroup/site")
    return device["certificateArn"]


def names(iot, **params):
    return [one["policyName"] for one in iot.get_effective_policies(**params)["effectivePolicies"]]


def test_a_principals_own_policies_and_those_of_the_things_groups_count_each_once(iot, ruled):
    assert names(iot, principal=ruled) == ["own"]
    assert names(iot, principal=ruled, thingName="pump-7") == ["own", "hall", "site"]
    assert names(iot, thingName="pump-7") == ["own", "hall", "site"]
    assert names(iot, principal=ARN + "thinggroup/site") == ["own", "site"]
    assert names(iot, principal=ARN + "thinggroup/hall") == ["own", "hall", "site"]


def test_a_policy_counts_with_its_default_document(iot, ruled):
    iot.create_policy_version(policyName="own", policyDocument='{"Id": "new"}', setAsDefault=True)
    iot.create_policy_version(policyName="own", policyDocument='{"Id": "newer"}')

    assert iot.get_effective_policies(principal=ruled)["effectivePolicies"] == [
        {"policyName": "own", "policyArn": ARN + "policy/own", "policyDocument": '{"Id": "new"}'}
    ]


def test_what_is_missing_or_not_named_is_refused(iot, ruled):
    assert error_of(iot.get_effective_policies) == INVALID
    assert error_of(iot.get_effective_policies, principal="someone") == INVALID
    assert error_of(iot.get_effective_policies, principal=ruled, thingName="none") == MISSING
    assert error_of(iot.get_effective_policies, principal=ARN + "cert/" + "a" * 64) == MISSING
