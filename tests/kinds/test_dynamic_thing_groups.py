"""Dynamic thing groups: recognized by their query; changes expect the version that the plan read."""

from __future__ import annotations

from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup, DynamicThingGroupFacts
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.change import PREVENT_DESTROY_PATH, FieldChange, Update
from reconciler.model.resource import NOT_COMPARED, External, Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("thinggroup/a")
QUERY = "attributes.site:oslo"


def make_live(spec: DynamicThingGroup) -> Live:
    facts = DynamicThingGroupFacts(NOT_COMPARED)
    return Live("a", spec, version=3, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS}, facts=facts)


def test_a_creation_is_one_call_with_the_ownership_tags():
    spec = DynamicThingGroup(QUERY, description="Oslo", attributes={"floor": "1"})
    assert list_create_calls(make_resource("dynamic_thing_groups", "a", spec)) == [
        make_iot_call(
            "CreateDynamicThingGroup",
            thingGroupName="a",
            thingGroupProperties={
                "attributePayload": {"attributes": {"floor": "1"}, "merge": False},
                "thingGroupDescription": "Oslo",
            },
            indexName="AWS_Things",
            queryString=QUERY,
            queryVersion="2017-09-30",
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_static_groups_are_not_read_and_not_even_described_if_their_own_kind_has_read_them():
    def describe(params):
        group = {
            "thingGroupName": params["thingGroupName"],
            "thingGroupArn": build_arn(f"thinggroup/{params['thingGroupName']}"),
        }
        query = {"queryString": QUERY, "queryVersion": "2017-09-30", "indexName": "AWS_Things"}
        return {**group, "version": 3, **(query if params["thingGroupName"] == "a" else {})}

    names = ("a", "static", "other-static")
    responses = {
        "ListThingGroups": {
            "thingGroups": [
                {"groupName": name, "groupArn": build_arn(f"thinggroup/{name}")} for name in names
            ]
        },
        "DescribeThingGroup": describe,
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "ListAttachedPolicies": {"policies": [{"policyName": "p"}]},
        "ListSecurityProfilesForTarget": {},
    }
    # The kind of static groups has read `static`, but not `other-static`.
    live_resources, operations = read_kind(
        "dynamic_thing_groups", responses, thing_groups=[Live("static", ThingGroup())]
    )
    assert live_resources == [make_live(DynamicThingGroup(QUERY, policies=(External("p"),)))]
    # The plan may delete the group.
    assert live_resources[0].facts == DynamicThingGroupFacts(("p",), foreign_profiles=())
    assert operations == [
        "ListThingGroups",
        "DescribeThingGroup",
        "DescribeThingGroup",
        "ListTagsForResource",
        "ListAttachedPolicies",
        "ListSecurityProfilesForTarget",
    ]


def test_an_update_of_the_query_expects_the_version_that_the_plan_read():
    after = make_resource("dynamic_thing_groups", "a", DynamicThingGroup("thingName:p*"))
    assert list_calls(make_change(after, make_live(DynamicThingGroup(QUERY)))) == [
        make_iot_call(
            "UpdateDynamicThingGroup",
            thingGroupName="a",
            thingGroupProperties={"thingGroupDescription": ""},
            indexName="AWS_Things",
            queryString="thingName:p*",
            queryVersion="2017-09-30",
            expectedVersion=3,
        )
    ]


def test_a_change_of_prevent_destroy_only_changes_a_tag():
    after = make_resource(
        "dynamic_thing_groups", "a", DynamicThingGroup(QUERY, description="A"), prevent_destroy=True
    )
    live = make_live(DynamicThingGroup(QUERY, description="A"))
    change = Update(after, live, (FieldChange(PREVENT_DESTROY_PATH, before=False, after=True),))
    assert list_calls(change) == [
        make_iot_call(
            "TagResource",
            resourceArn=ARN,
            tags=[{"Key": "reconciler:prevent-destroy", "Value": "true"}],
        )
    ]


def test_aws_has_only_one_index_and_one_query_version():
    spec = DynamicThingGroup(QUERY, index_name="AWS_ThingGroups", query_version="2017-09-31")
    assert list_problems(make_resource("dynamic_thing_groups", "a", spec)) == [
        "index_name: 'AWS_ThingGroups' is not valid; expected 'AWS_Things'",
        "query_version: '2017-09-31' is not valid; expected '2017-09-30'",
    ]


def test_a_deletion_expects_the_version_that_the_plan_read():
    assert list_delete_calls("dynamic_thing_groups", make_live(DynamicThingGroup(QUERY))) == [
        make_iot_call(
            "DeleteDynamicThingGroup", ignored_errors=NOT_FOUND, thingGroupName="a", expectedVersion=3
        )
    ]
