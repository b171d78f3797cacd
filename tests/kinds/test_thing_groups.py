"""Static thing groups: parents, policies, and a replacement that loses nothing."""

from __future__ import annotations

import pytest

from reconciler.kinds.dynamic_thing_groups import DynamicThingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.shared.policy_spec import PolicyFacts
from reconciler.kinds.shared.thing_group_spec import GroupContents, ThingGroupFacts
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.change import Replace
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import NOT_COMPARED, External, Live
from tests.support.desired_states import converge, plan_of, resource, state
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

ARN = build_arn("thinggroup/a")
PROPERTIES = {"attributePayload": {"attributes": {}, "merge": False}}
ALLOW = Policy(Document.from_value({"Version": "2012-10-17", "Statement": []}))


def live(spec: ThingGroup, **carried: tuple[str, ...]) -> Live:
    contents = GroupContents(**{"children": (), "members": (), "policies": (), **carried})
    facts = ThingGroupFacts(NOT_COMPARED, contents)
    return Live("a", spec, 4, "ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS}, facts=facts)


def group(name: str = "a", **fields: object):
    return resource("thing_groups", name, ThingGroup(**fields))


def attach(policy: str):
    return iot("AttachPolicy", policyName=policy, target=ARN)


def made(**more):
    return iot(
        "CreateThingGroup",
        thingGroupName="a",
        thingGroupProperties=PROPERTIES,
        tags=tag_list(OWNERSHIP_TAGS),
        **more,
    )


GONE = iot("DeleteThingGroup", ignored_errors=NOT_FOUND, thingGroupName="a", expectedVersion=4)


def test_a_new_group_is_one_call_with_its_marks_then_its_policies():
    around = plan_context(
        group(parent="top", policies=("p",)), group("top"), resource("policies", "p", ALLOW)
    )
    wanted = group(parent="top", policies=("p",))
    assert create_calls(wanted, around) == [made(parentGroupName="top"), attach("p")]


def test_policies_are_known_from_the_policies_and_dynamic_groups_are_left_out():
    def describe(asked):
        found = {
            "thingGroupName": asked["thingGroupName"],
            "thingGroupArn": build_arn(f"thinggroup/{asked['thingGroupName']}"),
        }
        more = {"queryString": "thingName:a"} if asked["thingGroupName"] == "d" else {}
        return {**found, **more, "version": 4, "thingGroupMetadata": {"parentGroupName": "top"}}

    answers = {
        "ListThingGroups": {
            "thingGroups": [
                {"groupName": name, "groupArn": build_arn(f"thinggroup/{name}")} for name in ("a", "d")
            ]
        },
        "ListTagsForResource": {"tags": tag_list(OWNERSHIP_TAGS)},
        "DescribeThingGroup": describe,
        "ListAttachedPolicies": {"policies": [{"policyName": "p"}]},
    }
    policies = [Live("p", ALLOW, facts=PolicyFacts(targets=(ARN,))), Live("q", ALLOW, facts=PolicyFacts())]
    found, asked = read("thing_groups", answers, policies=policies)
    assert found == [live(ThingGroup(parent=External("top"), policies=(External("p"),)))]
    assert asked.count("ListTargetsForPolicy") == 0


def test_of_a_group_that_is_to_move_all_that_it_would_lose_is_read():
    def groups(asked):
        names = ("below",) if "parentGroup" in asked else ("a",)
        return {
            "thingGroups": [
                {"groupName": name, "groupArn": build_arn(f"thinggroup/{name}")} for name in names
            ]
        }

    answers = {
        "ListThingGroups": groups,
        "ListTagsForResource": {"tags": tag_list(OWNERSHIP_TAGS)},
        "DescribeThingGroup": {"thingGroupName": "a", "thingGroupArn": ARN, "version": 4},
        "ListThingsInThingGroup": {"things": ["t"]},
        "ListAttachedPolicies": {"policies": [{"policyName": "p"}]},
    }
    found, _ = read("thing_groups", answers, group(parent="top"))
    assert found[0].facts.contents == GroupContents(("below",), ("t",), ("p",))


def test_policies_are_attached_before_others_are_detached():
    found = change_to(group(policies=("new",)), live(ThingGroup(policies=("old",))))
    around = plan_context(
        found.resource, resource("policies", "new", ALLOW), resource("policies", "old", ALLOW)
    )
    assert calls_of(found, around) == [
        attach("new"),
        iot("DetachPolicy", ignored_errors=NOT_FOUND, policyName="old", target=ARN),
    ]


def test_another_parent_is_another_group_and_its_things_come_back():
    found = change_to(group(parent="top"), live(ThingGroup(), members=("t",)))
    assert isinstance(found, Replace)
    member = resource("things", "t", Thing(thing_groups=("a",)))
    there = Live("t", Thing(thing_groups=("a", "top")), 1, "ws")
    around = plan_context(
        found.resource,
        group("top"),
        member,
        live={"things.t": there, "thing_groups.a": found.live},
        changes=[change_to(member, there)],
    )
    assert plan_errors(found, around) == []
    assert calls_of(found, around) == [
        GONE,
        made(parentGroupName="top"),
        iot("RemoveThingFromThingGroup", ignored_errors=NOT_FOUND, thingGroupName="top", thingName="t"),
        iot("AddThingToThingGroup", thingGroupName="a", thingName="t"),
    ]


@pytest.mark.parametrize(
    ("carried", "expected"),
    [
        (
            {"children": ("b", "c")},
            (
                "its child groups (b, c); remove these groups or their parent from the file and apply; then move this "
                "group and apply; then add them back"
            ),
        ),
        (
            {"members": tuple("tuvwx")},
            "things that are not in the file (t, u, v and 2 more); remove them from the group first",
        ),
        (
            {"policies": ("p",)},
            "policies that are not in the file (p); detach them first",
        ),
    ],
    ids=["children", "members", "policies"],
)
def test_a_replacement_that_would_lose_something_is_refused(carried, expected):
    found = change_to(group(parent="top"), live(ThingGroup(), **carried))
    assert plan_errors(found, plan_context(found.resource)) == [
        f"cannot replace: AWS cannot change a group's parent, and replacing the group would lose {expected}"
    ]


def test_a_group_and_a_dynamic_group_cannot_share_a_name():
    other = resource("dynamic_thing_groups", "a", DynamicThingGroup("thingName:a"))
    assert problems(group(), other) == [
        "a dynamic thing group of this file has the same name; expected another name for one of them"
    ]


def test_it_is_deleted_over_the_version_that_was_seen():
    assert delete_calls("thing_groups", live(ThingGroup())) == [GONE]


def test_children_go_before_their_parents():
    cloud = Cloud()
    converge(state(group("a"), group("b", parent="a"), group("c", parent="b")), cloud)
    plan = plan_of(state(), cloud)
    assert [step.address.name for step in plan.steps] == ["c", "b", "a", "reconciler-ws"]
    converge(state(), cloud)
    assert cloud.content()["thing_groups"] == {}


def test_a_group_moves_with_its_things_and_policies():
    cloud = Cloud()
    rest = [
        group("top"),
        resource("policies", "p", ALLOW),
        resource("things", "t", Thing(thing_groups=("a",))),
    ]
    converge(state(group("a", policies=("p",)), *rest), cloud)
    moved = state(group("a", parent="top", policies=("p",)), *rest)
    converge(moved, cloud)
    assert plan_of(moved, cloud).steps == ()
    content = cloud.content()
    assert content["thing_groups"]["a"]["parent"] == "top"
    assert content["things"]["t"]["groups"] == ["a", "reconciler-ws"]
    assert content["policies"]["p"]["targets"] == [ARN]


QUERY = resource("dynamic_thing_groups", "a", DynamicThingGroup("thingName:t"))
STATIC = (group("a"), resource("things", "t", Thing(thing_groups=("a",))))
LOOSE = resource("things", "t", Thing())


@pytest.mark.parametrize(
    ("before", "after"), [(STATIC, (QUERY, LOOSE)), ((QUERY, LOOSE), STATIC)], ids=["dynamic", "static"]
)
def test_a_name_goes_from_one_sort_of_group_to_the_other_in_one_plan(before, after):
    cloud = Cloud()
    converge(state(*before), cloud)
    plan = converge(state(*after), cloud)
    place = {step.address.kind: index for index, step in enumerate(plan.steps)}
    gone, come = before[0].address.kind, after[0].address.kind
    (step,) = [step for step in plan.steps if step.address.kind == come]
    assert place[gone] < place[come]
    assert Address(gone, "a") in step.dependencies
    assert plan_of(state(*after), cloud).steps == ()


def test_a_group_with_children_moves_on_the_way_that_the_refusal_tells():
    cloud = Cloud()
    top, mid, low = group("top"), group("mid"), group("low", parent="mid")
    converge(state(top, mid, low), cloud)
    moved = state(top, group("mid", parent="top"), low)
    with pytest.raises(PlanRejectedError, match="remove these groups or their parent"):
        plan_of(moved, cloud)
    converge(state(top, mid, group("low")), cloud)
    converge(state(top, group("mid", parent="top"), group("low")), cloud)
    converge(moved, cloud)
    assert plan_of(moved, cloud).steps == ()
