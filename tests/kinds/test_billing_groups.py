"""Billing groups: found by name, changed only if they still have the version that the plan read."""

from __future__ import annotations

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.shared.billing_group_facts import BillingGroupFacts
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("billinggroup/a")


def make_live(spec: BillingGroup) -> Live:
    return Live(
        "a",
        spec,
        version=7,
        owner="ws",
        arn=ARN,
        tags={**spec.tags, **OWNERSHIP_TAGS},
        facts=BillingGroupFacts(),
    )


def test_a_creation_is_one_call_with_the_ownership_tags():
    assert list_create_calls(make_resource("billing_groups", "a", BillingGroup(description="Plants"))) == [
        make_iot_call(
            "CreateBillingGroup",
            billingGroupName="a",
            billingGroupProperties={"billingGroupDescription": "Plants"},
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_groups_are_listed_and_the_owned_ones_described():
    groups = [{"groupName": name, "groupArn": build_arn(f"billinggroup/{name}")} for name in ("a", "foreign")]
    tags = {ARN: make_tag_list({"line": "A", **OWNERSHIP_TAGS})}
    responses = {
        "ListBillingGroups": {"billingGroups": groups},
        "ListTagsForResource": lambda params: {"tags": tags.get(params["resourceArn"], [])},
        "DescribeBillingGroup": {
            "billingGroupName": "a",
            "billingGroupArn": ARN,
            "version": 7,
            "billingGroupProperties": {"billingGroupDescription": "Plants"},
        },
    }
    responses["ListThingsInBillingGroup"] = {"things": ["t"]}
    live_resources, operations = read_kind("billing_groups", responses)
    assert live_resources == [make_live(BillingGroup(description="Plants", tags={"line": "A"}))]
    assert live_resources[0].facts == BillingGroupFacts(("t",))  # the plan may delete the group
    assert operations == [
        "ListBillingGroups",
        "ListTagsForResource",
        "ListTagsForResource",
        "DescribeBillingGroup",
        "ListThingsInBillingGroup",
    ]


def test_description_and_tags_are_updated_in_place():
    after = make_resource("billing_groups", "a", BillingGroup(description=None, tags={"line": "B"}))
    assert list_calls(make_change(after, make_live(BillingGroup(description="Plants")))) == [
        make_iot_call(
            "UpdateBillingGroup",
            billingGroupName="a",
            billingGroupProperties={"billingGroupDescription": ""},
            expectedVersion=7,
        ),
        make_iot_call("TagResource", resourceArn=ARN, tags=make_tag_list({"line": "B"})),
    ]


def test_a_deletion_expects_the_version_that_the_plan_read():
    assert list_delete_calls("billing_groups", make_live(BillingGroup())) == [
        make_iot_call("DeleteBillingGroup", ignored_errors=NOT_FOUND, billingGroupName="a", expectedVersion=7)
    ]
