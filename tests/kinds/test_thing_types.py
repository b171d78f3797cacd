"""Thing types: the fields that AWS can update, and deletions that deprecate the type and wait."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.thing_types import PropagatingAttribute, ThingType
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import Delete, Replace
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Live
from tests.support.desired_states import apply, make_resource, make_state, plan_state
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    list_problems,
    make_change,
    make_iot_call,
    make_plan_context,
    make_tag_list,
    read_kind,
)
from tests.support.registry_client import Cloud

FULL_SPEC = ThingType(
    description="Pumps",
    searchable_attributes=("site", "house"),
    propagating_attributes=(
        PropagatingAttribute(user_property_key="where", thing_attribute="site"),
        PropagatingAttribute(user_property_key="who", connection_attribute="iot:ClientId"),
    ),
    tags={"line": "A"},
)
LIVE_SPEC = evolve(FULL_SPEC, searchable_attributes=("house", "site"))
"""`FULL_SPEC` as it is sent and read: with sorted searchable attributes, so their order in the file does not matter."""
PROPERTIES = {
    "thingTypeDescription": "Pumps",
    "searchableAttributes": ["house", "site"],
    "mqtt5Configuration": {
        "propagatingAttributes": [
            {"userPropertyKey": "where", "thingAttribute": "site"},
            {"userPropertyKey": "who", "connectionAttribute": "iot:ClientId"},
        ]
    },
}
DELETE_CALL = make_iot_call(
    "DeleteThingType",
    ignored_errors=NOT_FOUND,
    retried_errors={"InvalidRequestException"},
    timeout_seconds=360.0,  # the 5 minutes that AWS requires after the deprecation, and 1 more
    thingTypeName="a",
)
DEPRECATE_CALL = make_iot_call("DeprecateThingType", thingTypeName="a", undoDeprecate=False)


def make_live(spec: ThingType, *things: str) -> Live:
    tags = {**spec.tags, **OWNERSHIP_TAGS}
    return Live("a", spec, owner="ws", arn=build_arn("thingtype/a"), tags=tags, used_by=things)


def test_a_creation_is_one_call_with_the_ownership_tags():
    tags = make_tag_list({"line": "A", **OWNERSHIP_TAGS})
    assert list_create_calls(make_resource("thing_types", "a", FULL_SPEC)) == [
        make_iot_call("CreateThingType", thingTypeName="a", thingTypeProperties=PROPERTIES, tags=tags)
    ]


def test_a_deprecated_type_is_created_and_then_deprecated():
    calls = list_create_calls(make_resource("thing_types", "a", ThingType(deprecated=True)))
    assert [call.operation for call in calls] == ["CreateThingType", "DeprecateThingType"]


def test_types_are_read_from_a_listing_with_the_tags_of_each():
    item = {
        "thingTypeName": "a",
        "thingTypeArn": build_arn("thingtype/a"),
        "thingTypeProperties": PROPERTIES,
        "thingTypeMetadata": {"deprecated": True},
    }
    other_item = {**item, "thingTypeName": "b", "thingTypeArn": build_arn("thingtype/b")}
    tags = {
        build_arn("thingtype/a"): make_tag_list({"line": "A", **OWNERSHIP_TAGS}),
        build_arn("thingtype/b"): [],
    }
    responses = {
        "ListThingTypes": {"thingTypes": [item, other_item]},
        "ListTagsForResource": lambda params: {"tags": tags[params["resourceArn"]]},
        "ListThings": {"things": [{"thingName": "pump"}]},
    }
    spec = evolve(LIVE_SPEC, deprecated=True)
    operations = ["ListThingTypes", "ListTagsForResource", "ListTagsForResource"]
    assert read_kind("thing_types", responses, make_resource("thing_types", "a", FULL_SPEC)) == (
        [make_live(spec)],
        operations,
    )
    # A type that is not in the file may be deleted, so its things are read, too.
    assert read_kind("thing_types", responses) == ([make_live(spec, "pump")], [*operations, "ListThings"])


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (
            evolve(FULL_SPEC, propagating_attributes=(), tags={}),
            [
                make_iot_call(
                    "UpdateThingType",
                    thingTypeName="a",
                    thingTypeProperties={"mqtt5Configuration": {"propagatingAttributes": []}},
                ),
                make_iot_call("UntagResource", resourceArn=build_arn("thingtype/a"), tagKeys=["line"]),
            ],
        ),
        (evolve(FULL_SPEC, deprecated=True), [DEPRECATE_CALL]),
    ],
    ids=["propagating attributes and tags removed", "deprecated"],
)
def test_propagating_attributes_deprecation_and_tags_are_updated_in_place(after, expected):
    live_type = make_live(LIVE_SPEC)
    assert list_calls(make_change(make_resource("thing_types", "a", after), live_type)) == expected


@pytest.mark.parametrize(
    "after", [evolve(FULL_SPEC, description="Fans"), evolve(FULL_SPEC, searchable_attributes=("site",))]
)
def test_a_field_that_aws_cannot_update_replaces_a_type_without_things(after):
    desired = make_resource("thing_types", "a", after)
    live_type = make_live(LIVE_SPEC)

    assert list_calls(make_change(desired, live_type)) == [
        DEPRECATE_CALL,
        DELETE_CALL,
        *list_create_calls(desired),
    ]


def test_a_deprecation_can_be_undone():
    live_type = make_live(ThingType(deprecated=True))
    undo = make_iot_call("DeprecateThingType", thingTypeName="a", undoDeprecate=True)
    assert list_calls(make_change(make_resource("thing_types", "a", ThingType()), live_type)) == [undo]


def test_a_deletion_deprecates_the_type_and_waits():
    assert list_delete_calls("thing_types", make_live(ThingType())) == [DEPRECATE_CALL, DELETE_CALL]


def test_a_deprecated_type_is_only_deleted():
    assert list_delete_calls("thing_types", make_live(ThingType(deprecated=True))) == [DELETE_CALL]


def test_a_plan_warns_that_a_deletion_waits():
    change = Delete(Address("thing_types", "a"), make_live(ThingType()))
    assert list(all_kinds()["thing_types"].plan_warnings(change)) == [
        "AWS deletes a thing type at the earliest 5 minutes after its deprecation; the step waits for that"
    ]


def test_an_apply_completes_a_deletion_that_was_interrupted_after_the_deprecation():
    cloud = Cloud()
    apply(plan_state(make_state(make_resource("thing_types", "a", ThingType())), cloud), cloud)
    cloud.iot.deprecate_thing_type(thingTypeName="a")
    apply(plan_state(make_state(), cloud), cloud)
    assert cloud.read_content()["thing_types"] == {}


def test_too_many_attributes_and_ambiguous_sources_are_problems():
    spec = ThingType(
        searchable_attributes=("a", "b", "c", "d"),
        propagating_attributes=(
            PropagatingAttribute(user_property_key="k"),
            PropagatingAttribute(user_property_key="l", thing_attribute="m", connection_attribute="n"),
        ),
    )
    assert list_problems(make_resource("thing_types", "a", spec)) == [
        "searchable_attributes: 4 searchable attributes; expected at most 3",
        "propagating_attributes: 'k' needs exactly one source; expected either thing_attribute or connection_attribute",
        "propagating_attributes: 'l' needs exactly one source; expected either thing_attribute or connection_attribute",
    ]


def test_deleting_a_type_of_things_that_the_plan_does_not_change_is_rejected():
    change = Delete(Address("thing_types", "a"), make_live(ThingType(), "owned", "x", "y"))
    thing = Live("owned", Thing(thing_type="a"), version=1, owner="ws")
    context = make_plan_context(
        live={"thing_types.a": change.live, "things.owned": thing},
        changes=[change, Delete(Address("things", "owned"), thing)],
    )
    assert list_plan_errors(change, context) == [
        (
            "cannot delete: things that this plan does not change have the type (x, y); give them another type first, or "
            "keep this one with deprecated = true"
        )
    ]


def test_replacing_a_type_that_things_use_is_rejected():
    desired = make_resource("thing_types", "a", ThingType(description="Fans"))
    change = Replace(desired, make_live(ThingType(description="Pumps"), "x", "y"), ())
    assert list_plan_errors(
        change, make_plan_context(desired, live={"thing_types.a": change.live}, changes=[change])
    ) == [
        (
            "cannot replace: AWS cannot change the description or the searchable attributes of a thing type that things "
            "have (x, y); create a type of another name and give it to them"
        )
    ]


def test_another_description_replaces_the_type_once_no_thing_uses_it():
    cloud = Cloud()
    thing = make_resource("things", "pump", Thing(thing_type="a"))
    apply(
        plan_state(
            make_state(make_resource("thing_types", "a", ThingType(description="Pumps")), thing), cloud
        ),
        cloud,
    )
    changed_state = make_state(make_resource("thing_types", "a", ThingType(description="Fans")), thing)

    with pytest.raises(PlanRejectedError, match="a thing type that things have \\(pump\\)"):
        plan_state(changed_state, cloud)
    thing_without_type = make_resource("things", "pump", Thing())
    apply(
        plan_state(
            make_state(make_resource("thing_types", "a", ThingType(description="Pumps")), thing_without_type),
            cloud,
        ),
        cloud,
    )
    apply(
        plan_state(
            make_state(make_resource("thing_types", "a", ThingType(description="Fans")), thing_without_type),
            cloud,
        ),
        cloud,
    )
    apply(plan_state(changed_state, cloud), cloud)

    assert cloud.iot.describe_thing_type(thingTypeName="a")["thingTypeProperties"] == {
        "thingTypeDescription": "Fans"
    }
    assert cloud.iot.describe_thing(thingName="pump")["thingTypeName"] == "a"
