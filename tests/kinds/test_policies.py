"""Policies: versions rotate so that the sixth never fails; whom they are attached to is read with them."""

from __future__ import annotations

import pytest

from reconciler.kinds.policies import Policy
from reconciler.model.document import Document
from reconciler.model.resource import Live
from tests.fleets import resource
from tests.kinds.desk import MARKS, MISSING, arn, calls, change, create, delete, iot, read, tag_list

ARN = arn("policy/a")
ALLOW = Document.parse('{"Version": "2012-10-17", "Statement": []}')
OTHER = Document.parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}')


def live(*older: str) -> Live:
    return Live("a", Policy(ALLOW), owner="ws", facts={"tags": MARKS, "older": older, "targets": ()})


def drop(version: str):
    return iot("DeletePolicyVersion", tolerates=MISSING, policyName="a", policyVersionId=version)


def test_a_new_policy_is_one_call_with_its_marks():
    assert create(resource("policies", "a", Policy(ALLOW))) == [
        iot("CreatePolicy", policyName="a", policyDocument=ALLOW.text, tags=tag_list(MARKS))
    ]


def test_what_is_there_is_read_with_versions_and_targets():
    answers = {
        "ListPolicies": {"policies": [{"policyName": "a", "policyArn": ARN}]},
        "ListTagsForResource": {"tags": tag_list(MARKS)},
        "GetPolicy": {"policyName": "a", "policyDocument": ALLOW.text},
        "ListPolicyVersions": {
            "policyVersions": [
                {"versionId": "10", "isDefaultVersion": False},
                {"versionId": "9", "isDefaultVersion": False},
                {"versionId": "11", "isDefaultVersion": True},
            ]
        },
        "ListTargetsForPolicy": {"targets": [arn("cert/x")]},
    }
    found, _ = read("policies", answers)
    assert found == [live()]
    assert found[0].facts == {"tags": MARKS, "older": ("9", "10"), "targets": (arn("cert/x"),)}


@pytest.mark.parametrize(("older", "dropped"), [(("1", "2", "3"), []), (("1", "2", "3", "4"), ["1"])])
def test_a_new_document_is_a_new_default_version_and_the_oldest_other_makes_room(older, dropped):
    assert calls(change(resource("policies", "a", Policy(OTHER)), live(*older))) == [
        *map(drop, dropped),
        iot("CreatePolicyVersion", policyName="a", policyDocument=OTHER.text, setAsDefault=True),
    ]


def test_the_other_versions_go_before_the_policy():
    assert delete("policies", live("1", "2")) == [
        drop("1"),
        drop("2"),
        iot("DeletePolicy", tolerates=MISSING, retries={"DeleteConflictException"}, policyName="a"),
    ]
