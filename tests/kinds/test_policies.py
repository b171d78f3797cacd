"""Policies: versions rotate so that the sixth never fails; whom they are attached to is read with them."""

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
from tests.support.desired_states import resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    iot,
    plan_context,
    plan_errors,
    read,
    tag_list,
)

ARN = build_arn("policy/a")
ALLOW = Document.parse('{"Version": "2012-10-17", "Statement": []}')
OTHER = Document.parse('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]}')


def live(*older: str) -> Live:
    return Live("a", Policy(ALLOW), owner="ws", arn=ARN, tags=OWNERSHIP_TAGS, facts=PolicyFacts(older))


def has(*targets: str) -> Live:
    return evolve(live(), facts=PolicyFacts(targets=targets))


def drop(version: str):
    return iot("DeletePolicyVersion", ignored_errors=NOT_FOUND, policyName="a", policyVersionId=version)


def test_a_new_policy_is_one_call_with_its_marks():
    assert create_calls(resource("policies", "a", Policy(ALLOW))) == [
        iot("CreatePolicy", policyName="a", policyDocument=ALLOW.text, tags=tag_list(OWNERSHIP_TAGS))
    ]


def test_what_is_there_is_read_with_versions_and_targets():
    answers = {
        "ListPolicies": {"policies": [{"policyName": "a", "policyArn": ARN}]},
        "ListTagsForResource": {"tags": tag_list(OWNERSHIP_TAGS)},
        "GetPolicy": {"policyName": "a", "policyArn": ARN, "policyDocument": ALLOW.text},
        "ListPolicyVersions": {
            "policyVersions": [
                {"versionId": "10", "isDefaultVersion": False},
                {"versionId": "9", "isDefaultVersion": False},
                {"versionId": "11", "isDefaultVersion": True},
            ]
        },
        "ListTargetsForPolicy": {"targets": [build_arn("cert/x")]},
    }
    found, _ = read("policies", answers)
    assert found == [live()]
    assert found[0].facts == PolicyFacts(("9", "10"), (build_arn("cert/x"),))
    assert (found[0].arn, found[0].tags) == (ARN, OWNERSHIP_TAGS)


@pytest.mark.parametrize(("older", "dropped"), [(("1", "2", "3"), []), (("1", "2", "3", "4"), ["1"])])
def test_a_new_document_is_a_new_default_version_and_the_oldest_other_makes_room(older, dropped):
    assert calls_of(change_to(resource("policies", "a", Policy(OTHER)), live(*older))) == [
        *map(drop, dropped),
        iot("CreatePolicyVersion", policyName="a", policyDocument=OTHER.text, setAsDefault=True),
    ]


def test_the_other_versions_go_before_the_policy():
    assert delete_calls("policies", live("1", "2")) == [
        drop("1"),
        drop("2"),
        iot(
            "DeletePolicy",
            ignored_errors=NOT_FOUND,
            retried_errors={"DeleteConflictException"},
            policyName="a",
        ),
    ]


CERTIFICATE = Live("1a2b", Certificate(policies=("a",)), owner="ws")
NAMELESS = ("cert/3c", "cert/4d", "cert/5e", "thinggroup/hall")


def test_a_policy_that_somebody_else_has_is_not_deleted():
    found = Delete(Address("policies", "a"), has(*map(build_arn, ("cert/1a2b", *NAMELESS))))
    leaving = Delete(Address("certificates", "c"), CERTIFICATE)
    around = plan_context(
        live={"policies.a": found.live, "certificates.c": CERTIFICATE}, changes=[found, leaving]
    )
    assert plan_errors(found, around) == [
        (
            "cannot delete: the policy is attached to 4 targets that this plan does not change "
            "(cert/3c, cert/4d, cert/5e and 1 more); detach it there first"
        )
    ]


@pytest.mark.parametrize(
    "user",
    [
        Delete(Address("certificates", "c"), CERTIFICATE),
        change_to(resource("certificates", "c", Certificate()), CERTIFICATE),
    ],
    ids=["deleted", "detached"],
)
def test_who_lets_go_of_a_policy_is_nobody_else(user):
    found = Delete(Address("policies", "a"), has(build_arn("cert/1a2b")))
    around = plan_context(
        live={"policies.a": found.live, "certificates.c": CERTIFICATE}, changes=[found, user]
    )
    assert plan_errors(found, around) == []


def test_who_keeps_a_policy_keeps_it_from_going():
    found = Delete(Address("policies", "a"), has(build_arn("cert/1a2b")))
    around = plan_context(live={"policies.a": found.live, "certificates.c": CERTIFICATE}, changes=[found])
    assert plan_errors(found, around) == [
        (
            "cannot delete: the policy is attached to 1 target that this plan does not change "
            "(cert/1a2b); detach it there first"
        )
    ]
