"""Policies: old versions are deleted before the limit is exceeded, and targets are read."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.shared.policy_spec import PolicyFacts
from reconciler.model.address import Address
from reconciler.model.change import Delete
from reconciler.model.document import Document
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    make_change,
    make_iot_call,
    make_plan_context,
    make_tag_list,
    read_kind,
)

ARN = build_arn("policy/a")
EMPTY_DOCUMENT = Document.parse('{"Version": "2012-10-17", "Statement": []}')
OTHER_DOCUMENT = Document.parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}')


def make_live(*other_versions: str) -> Live:
    return Live(
        "a",
        Policy(EMPTY_DOCUMENT),
        owner="ws",
        arn=ARN,
        tags=OWNERSHIP_TAGS,
        facts=PolicyFacts(other_versions=other_versions),
    )


def make_live_with_targets(*targets: str) -> Live:
    return evolve(make_live(), facts=PolicyFacts(targets=targets))


def make_delete_version_call(version: str):
    return make_iot_call(
        "DeletePolicyVersion", ignored_errors=NOT_FOUND, policyName="a", policyVersionId=version
    )


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_resource("policies", "a", Policy(EMPTY_DOCUMENT))) == [
        make_iot_call(
            "CreatePolicy",
            policyName="a",
            policyDocument=EMPTY_DOCUMENT.text,
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_a_policy_is_read_with_its_versions_and_targets():
    responses = {
        "ListPolicies": {"policies": [{"policyName": "a", "policyArn": ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "GetPolicy": {"policyName": "a", "policyArn": ARN, "policyDocument": EMPTY_DOCUMENT.text},
        "ListPolicyVersions": {
            "policyVersions": [
                {"versionId": "10", "isDefaultVersion": False},
                {"versionId": "9", "isDefaultVersion": False},
                {"versionId": "11", "isDefaultVersion": True},
            ]
        },
        "ListTargetsForPolicy": {"targets": [build_arn("cert/x")]},
    }
    live_resources, _ = read_kind("policies", responses)
    assert live_resources == [make_live()]
    assert live_resources[0].facts == PolicyFacts(other_versions=("9", "10"), targets=(build_arn("cert/x"),))
    assert (live_resources[0].arn, live_resources[0].tags) == (ARN, OWNERSHIP_TAGS)


@pytest.mark.parametrize(
    ("other_versions", "deleted_versions"),
    [(("1", "2", "3"), []), (("1", "2", "3", "4"), ["1"])],
    ids=["fifth version", "sixth version"],
)
def test_only_a_sixth_version_replaces_the_oldest_one_that_is_not_the_default(
    other_versions, deleted_versions
):
    assert list_calls(
        make_change(make_resource("policies", "a", Policy(OTHER_DOCUMENT)), make_live(*other_versions))
    ) == [
        *map(make_delete_version_call, deleted_versions),
        make_iot_call(
            "CreatePolicyVersion", policyName="a", policyDocument=OTHER_DOCUMENT.text, setAsDefault=True
        ),
    ]


def test_the_other_versions_are_deleted_before_the_policy():
    assert list_delete_calls("policies", make_live("1", "2")) == [
        make_delete_version_call("1"),
        make_delete_version_call("2"),
        make_iot_call(
            "DeletePolicy",
            ignored_errors=NOT_FOUND,
            retried_errors={"DeleteConflictException"},
            policyName="a",
        ),
    ]


LIVE_CERTIFICATE = Live("1a2b", Certificate(policies=("a",)), owner="ws")
OUTSIDE_TARGETS = ("cert/3c", "cert/4d", "cert/5e", "thinggroup/hall")


def test_deleting_a_policy_that_is_attached_to_targets_outside_the_file_is_rejected():
    change = Delete(
        Address("policies", "a"), make_live_with_targets(*map(build_arn, ("cert/1a2b", *OUTSIDE_TARGETS)))
    )
    deletion = Delete(Address("certificates", "c"), LIVE_CERTIFICATE)
    context = make_plan_context(
        live={"policies.a": change.live, "certificates.c": LIVE_CERTIFICATE}, changes=[change, deletion]
    )
    assert list_plan_errors(change, context) == [
        (
            "cannot delete: the policy stays attached to 4 targets after this plan "
            "(cert/3c, cert/4d, cert/5e and 1 more); detach it there first"
        )
    ]


@pytest.mark.parametrize(
    "other_change",
    [
        Delete(Address("certificates", "c"), LIVE_CERTIFICATE),
        make_change(make_resource("certificates", "c", Certificate()), LIVE_CERTIFICATE),
    ],
    ids=["deleted", "detached"],
)
def test_a_policy_is_deleted_when_the_plan_deletes_or_detaches_its_targets(other_change):
    change = Delete(Address("policies", "a"), make_live_with_targets(build_arn("cert/1a2b")))
    context = make_plan_context(
        live={"policies.a": change.live, "certificates.c": LIVE_CERTIFICATE}, changes=[change, other_change]
    )
    assert list_plan_errors(change, context) == []


def test_deleting_a_policy_of_an_unchanged_certificate_is_rejected():
    change = Delete(Address("policies", "a"), make_live_with_targets(build_arn("cert/1a2b")))
    context = make_plan_context(
        live={"policies.a": change.live, "certificates.c": LIVE_CERTIFICATE}, changes=[change]
    )
    assert list_plan_errors(change, context) == [
        (
            "cannot delete: the policy stays attached to 1 target after this plan "
            "(cert/1a2b); detach it there first"
        )
    ]
