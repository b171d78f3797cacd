"""Thing types: everything changes in place, deletion deprecates and waits, and what a dead run deprecated is deleted."""

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
from tests.support.desired_states import plan_of, resource, run, state
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
    problems,
    read,
    tag_list,
)
from tests.support.registry_client import Cloud

FULL = ThingType(
    "Pumps",
    ("site", "house"),
    (PropagatingAttribute("where", "site"), PropagatingAttribute("who", connection_attribute="iot:ClientId")),
    tags={"line": "A"},
)
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
GONE = iot(
    "DeleteThingType",
    ignored_errors=NOT_FOUND,
    retried_errors={"InvalidRequestException"},
    timeout_seconds=360.0,
    thingTypeName="a",
)
DEPRECATE = iot("DeprecateThingType", thingTypeName="a", undoDeprecate=False)


def live(spec: ThingType, *things: str) -> Live:
    tags = {**spec.tags, **OWNERSHIP_TAGS}
    return Live("a", spec, owner="ws", arn=build_arn("thingtype/a"), tags=tags, used_by=things)


def test_a_new_type_is_one_call_with_its_marks():
    tags = tag_list({"line": "A", **OWNERSHIP_TAGS})
    assert create_calls(resource("thing_types", "a", FULL)) == [
        iot("CreateThingType", thingTypeName="a", thingTypeProperties=PROPERTIES, tags=tags)
    ]


def test_a_type_that_is_born_deprecated_takes_a_second_call():
    made = create_calls(resource("thing_types", "a", ThingType(deprecated=True)))
    assert [call.operation for call in made] == ["CreateThingType", "DeprecateThingType"]


def test_what_is_there_is_read_from_pages_with_the_tags_of_each():
    item = {
        "thingTypeName": "a",
        "thingTypeArn": build_arn("thingtype/a"),
        "thingTypeProperties": PROPERTIES,
        "thingTypeMetadata": {"deprecated": True},
    }
    other = {**item, "thingTypeName": "b", "thingTypeArn": build_arn("thingtype/b")}
    marks = {
        build_arn("thingtype/a"): tag_list({"line": "A", **OWNERSHIP_TAGS}),
        build_arn("thingtype/b"): [],
    }
    answers = {
        "ListThingTypes": {"thingTypes": [item, other]},
        "ListTagsForResource": lambda asked: {"tags": marks[asked["resourceArn"]]},
        "ListThings": {"things": [{"thingName": "pump"}]},
    }
    spec = evolve(FULL, searchable_attributes=("house", "site"), deprecated=True)
    listed = ["ListThingTypes", "ListTagsForResource", "ListTagsForResource"]
    assert read("thing_types", answers, resource("thing_types", "a", FULL)) == ([live(spec)], listed)
    assert read("thing_types", answers) == ([live(spec, "pump")], [*listed, "ListThings"])


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (
            evolve(FULL, propagating_attributes=(), tags={}),
            [
                iot(
                    "UpdateThingType",
                    thingTypeName="a",
                    thingTypeProperties={"mqtt5Configuration": {"propagatingAttributes": []}},
                ),
                iot("UntagResource", resourceArn=build_arn("thingtype/a"), tagKeys=["line"]),
            ],
        ),
        (evolve(FULL, deprecated=True), [DEPRECATE]),
    ],
    ids=["what propagates and tags cleared", "deprecated"],
)
def test_what_propagates_deprecation_and_tags_change_in_place(after, expected):
    there = live(evolve(FULL, searchable_attributes=("house", "site")))
    assert calls_of(change_to(resource("thing_types", "a", after), there)) == expected


@pytest.mark.parametrize(
    "after", [evolve(FULL, description="Fans"), evolve(FULL, searchable_attributes=("site",))]
)
def test_what_aws_never_changes_of_a_type_replaces_one_that_no_thing_has(after):
    wanted = resource("thing_types", "a", after)
    there = live(evolve(FULL, searchable_attributes=("house", "site")))

    assert calls_of(change_to(wanted, there)) == [DEPRECATE, GONE, *create_calls(wanted)]


def test_a_deprecation_can_be_undone():
    there = live(ThingType(deprecated=True))
    undo = iot("DeprecateThingType", thingTypeName="a", undoDeprecate=True)
    assert calls_of(change_to(resource("thing_types", "a", ThingType()), there)) == [undo]


def test_deletion_deprecates_and_waits_as_long_as_aws_takes():
    assert delete_calls("thing_types", live(ThingType())) == [DEPRECATE, GONE]


def test_what_a_dead_run_has_deprecated_is_only_deleted():
    assert delete_calls("thing_types", live(ThingType(deprecated=True))) == [GONE]


def test_the_wait_is_told_before():
    found = Delete(Address("thing_types", "a"), live(ThingType()))
    assert list(all_kinds()["thing_types"].plan_warnings(found)) == [
        "AWS deletes a thing type at the earliest 5 minutes after its deprecation; the step waits for that"
    ]


def test_a_run_that_died_between_deprecation_and_deletion_is_completed_by_the_next():
    cloud = Cloud()
    run(plan_of(state(resource("thing_types", "a", ThingType())), cloud), cloud)
    cloud.iot.deprecate_thing_type(thingTypeName="a")
    run(plan_of(state(), cloud), cloud)
    assert cloud.content()["thing_types"] == {}


def test_what_aws_would_refuse_is_refused():
    spec = ThingType(
        searchable_attributes=("a", "b", "c", "d"),
        propagating_attributes=(PropagatingAttribute("k"), PropagatingAttribute("l", "m", "n")),
    )
    assert problems(resource("thing_types", "a", spec)) == [
        "searchable_attributes: 4 searchable attributes; expected at most 3",
        "propagating_attributes: 'k' needs exactly one source; expected either thing_attribute or connection_attribute",
        "propagating_attributes: 'l' needs exactly one source; expected either thing_attribute or connection_attribute",
    ]


def test_a_type_that_other_things_have_is_not_deleted():
    found = Delete(Address("thing_types", "a"), live(ThingType(), "ours", "x", "y"))
    thing = Live("ours", Thing(thing_type="a"), 1, "ws")
    around = plan_context(
        live={"thing_types.a": found.live, "things.ours": thing},
        changes=[found, Delete(Address("things", "ours"), thing)],
    )
    assert plan_errors(found, around) == [
        (
            "cannot delete: things that this plan does not change have the type (x, y); give them another type first, or "
            "keep this one with deprecated = true"
        )
    ]


def test_a_type_that_things_have_is_not_replaced():
    wanted = resource("thing_types", "a", ThingType("Fans"))
    found = Replace(wanted, live(ThingType("Pumps"), "x", "y"), ())
    assert plan_errors(found, plan_context(wanted, live={"thing_types.a": found.live}, changes=[found])) == [
        (
            "cannot replace: AWS cannot change the description or the searchable attributes of a thing type that things "
            "have (x, y); create a type of another name and give it to them"
        )
    ]


def test_another_description_is_refused_while_things_have_the_type_and_replaces_it_afterwards():
    cloud = Cloud()
    thing = resource("things", "pump", Thing(thing_type="a"))
    run(plan_of(state(resource("thing_types", "a", ThingType("Pumps")), thing), cloud), cloud)
    other = state(resource("thing_types", "a", ThingType("Fans")), thing)

    with pytest.raises(PlanRejectedError, match="a thing type that things have \\(pump\\)"):
        plan_of(other, cloud)
    bare = resource("things", "pump", Thing())
    run(plan_of(state(resource("thing_types", "a", ThingType("Pumps")), bare), cloud), cloud)
    run(plan_of(state(resource("thing_types", "a", ThingType("Fans")), bare), cloud), cloud)
    run(plan_of(other, cloud), cloud)

    assert cloud.iot.describe_thing_type(thingTypeName="a")["thingTypeProperties"] == {
        "thingTypeDescription": "Fans"
    }
    assert cloud.iot.describe_thing(thingName="pump")["thingTypeName"] == "a"
