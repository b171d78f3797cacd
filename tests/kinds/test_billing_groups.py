"""Billing groups: found by name, changed in place over the version that was seen."""

from __future__ import annotations

from reconciler.kinds.billing_groups import BillingGroup
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
    read,
    tag_list,
)

ARN = build_arn("billinggroup/a")


def live(spec: BillingGroup) -> Live:
    return Live("a", spec, 7, "ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS})


def test_a_new_one_is_one_call_with_its_marks():
    assert create_calls(resource("billing_groups", "a", BillingGroup("Plants"))) == [
        iot(
            "CreateBillingGroup",
            billingGroupName="a",
            billingGroupProperties={"billingGroupDescription": "Plants"},
            tags=tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_what_is_there_is_read_in_pages_and_described_where_it_matters():
    groups = [{"groupName": name, "groupArn": build_arn(f"billinggroup/{name}")} for name in ("a", "foreign")]
    marks = {ARN: tag_list({"line": "A", **OWNERSHIP_TAGS})}
    answers = {
        "ListBillingGroups": {"billingGroups": groups},
        "ListTagsForResource": lambda asked: {"tags": marks.get(asked["resourceArn"], [])},
        "DescribeBillingGroup": {
            "billingGroupName": "a",
            "billingGroupArn": ARN,
            "version": 7,
            "billingGroupProperties": {"billingGroupDescription": "Plants"},
        },
    }
    assert read("billing_groups", answers) == (
        [live(BillingGroup("Plants", {"line": "A"}))],
        ["ListBillingGroups", "ListTagsForResource", "ListTagsForResource", "DescribeBillingGroup"],
    )


def test_description_and_tags_change_in_place():
    after = resource("billing_groups", "a", BillingGroup(None, {"line": "B"}))
    assert calls_of(change_to(after, live(BillingGroup("Plants")))) == [
        iot(
            "UpdateBillingGroup",
            billingGroupName="a",
            billingGroupProperties={"billingGroupDescription": ""},
            expectedVersion=7,
        ),
        iot("TagResource", resourceArn=ARN, tags=tag_list({"line": "B"})),
    ]


def test_it_is_deleted_over_the_version_that_was_seen():
    assert delete_calls("billing_groups", live(BillingGroup())) == [
        iot("DeleteBillingGroup", ignored_errors=NOT_FOUND, billingGroupName="a", expectedVersion=7)
    ]
