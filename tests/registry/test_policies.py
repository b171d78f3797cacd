"""Policies and their versions."""

import json
from datetime import UTC, datetime

import pytest

from tests.support.direct_client import (
    ACCOUNT,
    EMPTY_POLICY,
    START_SECONDS,
    START_TIME,
    catch_error,
    remove_metadata,
)
from tests.support.policy_documents import ACCEPTED, INVALID_RESOURCES, REJECTED, STATEMENT, make_policy

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:policy/"
DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": []})
MALFORMED = ("MalformedPolicyException", 400)
CONFLICT = ("DeleteConflictException", 409)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def policy(iot):
    return remove_metadata(iot.create_policy(policyName="connect", policyDocument=DOCUMENT))


def add_version(iot, **extra):
    return iot.create_policy_version(policyName="connect", policyDocument=DOCUMENT, **extra)[
        "policyVersionId"
    ]


def list_versions(iot):
    """Return the version IDs, newest first, and the IDs of default versions."""
    items = iot.list_policy_versions(policyName="connect")["policyVersions"]
    return [item["versionId"] for item in items], [
        item["versionId"] for item in items if item["isDefaultVersion"]
    ]


def test_a_policy_is_returned_as_it_was_created(iot, policy):
    described = remove_metadata(iot.get_policy(policyName="connect"))
    version = remove_metadata(iot.get_policy_version(policyName="connect", policyVersionId="1"))
    identity = {"policyName": "connect", "policyArn": ARN + "connect"}
    assert policy == {**identity, "policyDocument": DOCUMENT, "policyVersionId": "1"}
    generation_id = described.pop("generationId")
    assert described == {
        **identity,
        "policyDocument": DOCUMENT,
        "defaultVersionId": "1",
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
    }
    assert version == {
        **identity,
        "policyDocument": DOCUMENT,
        "policyVersionId": "1",
        "isDefaultVersion": True,
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME,
        "generationId": generation_id,
    }


@pytest.mark.parametrize("document", [DOCUMENT, "{}"])
def test_repeating_create_policy_raises_409(iot, policy, document):
    """Tested over HTTP too, by test_17 in facts/test_things.py."""
    with pytest.raises(iot.exceptions.ResourceAlreadyExistsException) as caught:
        iot.create_policy(policyName="connect", policyDocument=document)

    response = remove_metadata(caught.value.response)
    assert (response["resourceId"], response["resourceArn"]) == ("connect", ARN + "connect")


def test_the_6th_policy_version_raises_versions_limit_exceeded(iot, policy):
    """See test_18 in facts/test_things.py; this test covers versions."""
    created = [add_version(iot) for _ in range(4)]

    error = catch_error(iot.create_policy_version, policyName="connect", policyDocument=DOCUMENT)

    assert (created, error) == (["2", "3", "4", "5"], ("VersionsLimitExceededException", 409))


def test_a_document_has_at_most_2048_characters_without_whitespace(iot):
    """See test_18 in facts/test_things.py; this test covers the length of documents."""
    empty = '{"Id":"","Statement":[]}'
    longest = empty.replace('""', '"' + "x" * (2048 - len(empty)) + '"') + " \n\t" * 1000
    iot.create_policy(policyName="longest", policyDocument=longest)
    too_long = longest.replace("x", "xx", 1)

    assert catch_error(iot.create_policy, policyName="too-long", policyDocument=too_long) == MALFORMED
    assert catch_error(iot.create_policy_version, policyName="longest", policyDocument=too_long) == MALFORMED


@pytest.mark.parametrize("document", ["", "{", "[]", '"Allow"', "[" * 2000])
def test_a_document_that_is_not_a_json_object_is_malformed(iot, policy, document):
    assert catch_error(iot.create_policy, policyName="other", policyDocument=document) == MALFORMED
    assert catch_error(iot.create_policy_version, policyName="connect", policyDocument=document) == MALFORMED
    assert list_versions(iot) == (["1"], ["1"])


def test_deleting_a_policy_with_targets_or_extra_versions_raises_delete_conflict(iot, policy, device, clock):
    """Tested over HTTP too, by test_19 in facts/test_things.py."""
    add_version(iot)
    assert catch_error(iot.delete_policy, policyName="connect") == CONFLICT
    iot.delete_policy_version(policyName="connect", policyVersionId="2")
    iot.attach_policy(policyName="connect", target=device["certificateArn"])
    assert catch_error(iot.delete_policy, policyName="connect") == CONFLICT

    iot.detach_policy(policyName="connect", target=device["certificateArn"])
    assert catch_error(iot.delete_policy, policyName="connect") == CONFLICT
    clock.advance(5)  # the detach lag
    iot.delete_policy(policyName="connect")
    assert catch_error(iot.get_policy, policyName="connect") == MISSING


def test_a_version_can_become_the_default_on_creation_or_later(iot, policy, clock):
    new_document = '{"Statement":[]}'
    clock.advance(10)
    created = remove_metadata(iot.create_policy_version(policyName="connect", policyDocument=new_document))
    policy_before = iot.get_policy(policyName="connect")
    iot.set_default_policy_version(policyName="connect", policyVersionId="2")
    policy_after = iot.get_policy(policyName="connect")

    assert created == {
        "policyArn": ARN + "connect",
        "policyDocument": new_document,
        "policyVersionId": "2",
        "isDefaultVersion": False,
    }
    assert (policy_before["defaultVersionId"], policy_before["policyDocument"]) == ("1", DOCUMENT)
    assert (policy_after["defaultVersionId"], policy_after["policyDocument"]) == ("2", new_document)
    assert policy_after["lastModifiedDate"] == datetime.fromtimestamp(START_SECONDS + 10, UTC)
    assert (add_version(iot, setAsDefault=True), list_versions(iot)) == ("3", (["3", "2", "1"], ["3"]))


def test_the_default_version_cannot_be_deleted_and_ids_are_not_reused(iot, policy):
    add_version(iot)
    assert catch_error(iot.delete_policy_version, policyName="connect", policyVersionId="1") == CONFLICT
    iot.delete_policy_version(policyName="connect", policyVersionId="2")

    assert (add_version(iot), list_versions(iot)) == ("3", (["3", "1"], ["1"]))


def test_policies_are_listed_newest_first_by_default(iot):
    for name in ("b", "a", "c"):
        iot.create_policy(policyName=name, policyDocument=EMPTY_POLICY)

    def list_policies(**extra):
        return iot.list_policies(**extra)["policies"]

    expected = [{"policyName": name, "policyArn": ARN + name} for name in ("b", "a", "c")]
    assert (list_policies(), list_policies(ascendingOrder=True)) == (expected[::-1], expected)


def test_deleting_a_policy_deletes_its_tags(iot):
    tags = [{"Key": "reconciler:workspace", "Value": "greenhouse"}]
    iot.create_policy(policyName="connect", policyDocument=EMPTY_POLICY, tags=tags)
    tags_before = iot.list_tags_for_resource(resourceArn=ARN + "connect")["tags"]
    iot.delete_policy(policyName="connect")
    iot.create_policy(policyName="connect", policyDocument=EMPTY_POLICY)

    assert (tags_before, iot.list_tags_for_resource(resourceArn=ARN + "connect")["tags"]) == (tags, [])


def test_operations_on_a_missing_policy_raise_resource_not_found(iot, policy):
    for operation in (iot.get_policy, iot.delete_policy, iot.list_policy_versions):
        assert catch_error(operation, policyName="none") == MISSING
    assert catch_error(iot.create_policy_version, policyName="none", policyDocument=EMPTY_POLICY) == MISSING
    for operation in (iot.get_policy_version, iot.delete_policy_version, iot.set_default_policy_version):
        assert catch_error(operation, policyName="none", policyVersionId="1") == MISSING
        for version in ("2", "01", "9" * 30):
            assert catch_error(operation, policyName="connect", policyVersionId=version) == MISSING


@pytest.mark.parametrize("name", REJECTED)
def test_a_document_with_an_invalid_grammar_is_malformed_with_awss_reason(iot, name):
    """Seen in aws-cdk#32414."""
    with pytest.raises(iot.exceptions.MalformedPolicyException) as caught:
        iot.create_policy(policyName="a", policyDocument=json.dumps(REJECTED[name][0]))
    message = caught.value.response["Error"]["Message"]
    assert message == "Policy document is Malformed: Invalid policy syntax."


@pytest.mark.parametrize("resource", INVALID_RESOURCES)
def test_a_document_with_an_invalid_resource_is_malformed_with_awss_reason(iot, policy, resource):
    """Seen in simplerobotservice#1."""
    document = json.dumps(make_policy({**STATEMENT, "Resource": ["*", resource]}))
    with pytest.raises(iot.exceptions.MalformedPolicyException) as caught:
        iot.create_policy_version(policyName="connect", policyDocument=document)
    message = caught.value.response["Error"]["Message"]
    assert message == f"Policy document is Malformed: The following resources are invalid : {resource}"


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_document_with_a_valid_grammar_is_accepted(iot, name):
    document = json.dumps(ACCEPTED[name])
    assert iot.create_policy(policyName="a", policyDocument=document)["policyDocument"] == document
