"""The targets of security profiles."""

import pytest

from tests.support.direct_client import ACCOUNT, catch_error

PREFIX = f"arn:aws:iot:eu-west-1:{ACCOUNT}"
GROUP, ALL = f"{PREFIX}:thinggroup/g", f"{PREFIX}:all/things"
TARGETS = (GROUP, ALL, f"{PREFIX}:all/registered-things", f"{PREFIX}:all/unregistered-things")
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def profiles(iot):
    """Return a client of an account with a thing group and six security profiles."""
    iot.create_thing_group(thingGroupName="g")
    for name in "abcdef":
        iot.create_security_profile(securityProfileName=name)
    return iot


def attach(iot, name, target):
    iot.attach_security_profile(securityProfileName=name, securityProfileTargetArn=target)


def detach(iot, name, target):
    iot.detach_security_profile(securityProfileName=name, securityProfileTargetArn=target)


def list_targets(iot, name, **params):
    response = iot.list_targets_for_security_profile(securityProfileName=name, **params)
    return [item["arn"] for item in response["securityProfileTargets"]]


def list_profiles(iot, target, **params):
    response = iot.list_security_profiles_for_target(securityProfileTargetArn=target, **params)
    return [item["securityProfileIdentifier"]["name"] for item in response["securityProfileTargetMappings"]]


def test_a_profile_has_each_target_once_until_it_is_detached(profiles):
    for target in (*TARGETS, GROUP):
        attach(profiles, "a", target)
    assert list_targets(profiles, "a") == list(TARGETS)
    for _ in range(2):
        detach(profiles, "a", GROUP)
    assert list_targets(profiles, "a") == list(TARGETS[1:])
    profiles.delete_security_profile(securityProfileName="a")
    assert [list_profiles(profiles, target) for target in TARGETS] == [[]] * 4


def test_targets_and_profiles_are_listed_in_pages(profiles):
    attach(profiles, "a", GROUP)
    attach(profiles, "a", ALL)
    attach(profiles, "b", ALL)
    page = profiles.list_targets_for_security_profile(securityProfileName="a", maxResults=1)
    assert list_targets(profiles, "a", nextToken=page["nextToken"]) == [ALL]
    first = profiles.list_security_profiles_for_target(securityProfileTargetArn=ALL, maxResults=1)
    assert first["securityProfileTargetMappings"] == [
        {
            "securityProfileIdentifier": {"name": "a", "arn": f"{PREFIX}:securityprofile/a"},
            "target": {"arn": ALL},
        }
    ]
    assert list_profiles(profiles, ALL, nextToken=first["nextToken"]) == ["b"]


def test_a_target_has_at_most_five_profiles(profiles):
    for name in "abcde":
        attach(profiles, name, ALL)
    params = {"securityProfileName": "f", "securityProfileTargetArn": ALL}
    assert catch_error(profiles.attach_security_profile, **params) == ("LimitExceededException", 410)
    assert list_profiles(profiles, ALL) == [*"abcde"]
    detach(profiles, "a", ALL)
    attach(profiles, "f", ALL)


@pytest.mark.parametrize("group_type", ["static", "dynamic"])
def test_the_deletion_of_a_group_detaches_its_profiles(profiles, group_type):
    name, target = "g", GROUP
    if group_type == "dynamic":
        profiles.update_indexing_configuration(thingIndexingConfiguration={"thingIndexingMode": "REGISTRY"})
        name, target = "dynamic", f"{PREFIX}:thinggroup/dynamic"
        profiles.create_dynamic_thing_group(thingGroupName=name, queryString="thingName:a*")
    attach(profiles, "a", target)
    delete = profiles.delete_thing_group if group_type == "static" else profiles.delete_dynamic_thing_group
    delete(thingGroupName=name)
    assert list_targets(profiles, "a") == []


def test_missing_profiles_and_invalid_targets_are_errors(profiles):
    for operation in (profiles.attach_security_profile, profiles.detach_security_profile):
        params = {"securityProfileName": "x", "securityProfileTargetArn": ALL}
        assert catch_error(operation, **params) == MISSING
    assert catch_error(profiles.list_targets_for_security_profile, securityProfileName="x") == MISSING
    errors = {
        target: catch_error(
            profiles.attach_security_profile, securityProfileName="a", securityProfileTargetArn=target
        )
        for target in (f"{PREFIX}:thinggroup/x", f"{PREFIX}:thing/g", f"{PREFIX}:all/others", "g")
    }
    assert list(errors.values()) == [MISSING, INVALID, INVALID, INVALID]
