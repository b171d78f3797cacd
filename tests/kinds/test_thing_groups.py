"""Static thing groups: parents, policies, and replacements that keep things and policies."""

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
from tests.support.desired_states import converge, make_resource, make_state, plan_state
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

ARN = build_arn("thinggroup/a")
PROPERTIES = {"attributePayload": {"attributes": {}, "merge": False}}
EMPTY_POLICY = Policy(Document.from_value({"Version": "2012-10-17", "Statement": []}))


def make_live(spec: ThingGroup, **contents: tuple[str, ...]) -> Live:
    empty = {"children": (), "members": (), "policies": ()}
    facts = ThingGroupFacts(attached_policies=NOT_COMPARED, contents=GroupContents(**{**empty, **contents}))
    return Live("a", spec, version=4, owner="ws", arn=ARN, tags={**spec.tags, **OWNERSHIP_TAGS}, facts=facts)


def make_group(name: str = "a", **fields: object):
    return make_resource("thing_groups", name, ThingGroup(**fields))


def make_attach_call(policy: str):
    return make_iot_call("AttachPolicy", policyName=policy, target=ARN)


def make_create_call(**extra_params):
    return make_iot_call(
        "CreateThingGroup",
        thingGroupName="a",
        thingGroupProperties=PROPERTIES,
        tags=make_tag_list(OWNERSHIP_TAGS),
        **extra_params,
    )


DELETE = make_iot_call("DeleteThingGroup", ignored_errors=NOT_FOUND, thingGroupName="a", expectedVersion=4)


def test_a_group_is_created_before_its_policies_are_attached():
    context = make_plan_context(
        make_group(parent="top", policies=("p",)),
        make_group("top"),
        make_resource("policies", "p", EMPTY_POLICY),
    )
    desired = make_group(parent="top", policies=("p",))
    assert list_create_calls(desired, context) == [
        make_create_call(parentGroupName="top"),
        make_attach_call("p"),
    ]


def test_reading_groups_skips_dynamic_ones_and_does_not_read_the_targets_of_policies_again():
    def describe(params):
        description = {
            "thingGroupName": params["thingGroupName"],
            "thingGroupArn": build_arn(f"thinggroup/{params['thingGroupName']}"),
        }
        query = {"queryString": "thingName:a"} if params["thingGroupName"] == "d" else {}
        return {**description, **query, "version": 4, "thingGroupMetadata": {"parentGroupName": "top"}}

    responses = {
        "ListThingGroups": {
            "thingGroups": [
                {"groupName": name, "groupArn": build_arn(f"thinggroup/{name}")} for name in ("a", "d")
            ]
        },
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeThingGroup": describe,
        "ListAttachedPolicies": {"policies": [{"policyName": "p"}]},
        "ListThingsInThingGroup": {"things": []},
        "ListSecurityProfilesForTarget": {},
    }
    policies = [
        Live("p", EMPTY_POLICY, facts=PolicyFacts(targets=(ARN,))),
        Live("q", EMPTY_POLICY, facts=PolicyFacts()),
    ]
    live_resources, operations = read_kind("thing_groups", responses, policies=policies)
    assert live_resources == [make_live(ThingGroup(parent=External("top"), policies=(External("p"),)))]
    assert operations.count("ListTargetsForPolicy") == 0


def test_moving_a_group_reads_its_children_members_policies_and_security_profiles():
    def list_groups(params):
        names = ("below",) if "parentGroup" in params else ("a",)
        return {
            "thingGroups": [
                {"groupName": name, "groupArn": build_arn(f"thinggroup/{name}")} for name in names
            ]
        }

    def list_tags(params):
        is_foreign = params["resourceArn"].endswith("/theirs")
        return {"tags": [] if is_foreign else make_tag_list(OWNERSHIP_TAGS)}

    profiles = [{"name": name, "arn": build_arn(f"securityprofile/{name}")} for name in ("ours", "theirs")]
    responses = {
        "ListThingGroups": list_groups,
        "ListTagsForResource": list_tags,
        "ListSecurityProfilesForTarget": {
            "securityProfileTargetMappings": [{"securityProfileIdentifier": profile} for profile in profiles]
        },
        "DescribeThingGroup": {"thingGroupName": "a", "thingGroupArn": ARN, "version": 4},
        "ListThingsInThingGroup": {"things": ["t"]},
        "ListAttachedPolicies": {"policies": [{"policyName": "p"}]},
    }
    live_resources, _ = read_kind("thing_groups", responses, make_group(parent="top"))
    assert live_resources[0].facts.contents == GroupContents(
        children=("below",), members=("t",), policies=("p",)
    )
    assert live_resources[0].facts.foreign_profiles == ("theirs",)


def test_new_policies_are_attached_before_old_ones_are_detached():
    change = make_change(make_group(policies=("new",)), make_live(ThingGroup(policies=("old",))))
    context = make_plan_context(
        change.resource,
        make_resource("policies", "new", EMPTY_POLICY),
        make_resource("policies", "old", EMPTY_POLICY),
    )
    assert list_calls(change, context) == [
        make_attach_call("new"),
        make_iot_call("DetachPolicy", ignored_errors=NOT_FOUND, policyName="old", target=ARN),
    ]


def test_another_parent_replaces_the_group_and_adds_its_things_again():
    change = make_change(make_group(parent="top"), make_live(ThingGroup(), members=("t",)))
    assert isinstance(change, Replace)
    member = make_resource("things", "t", Thing(thing_groups=("a",)))
    live_thing = Live("t", Thing(thing_groups=("a", "top")), version=1, owner="ws")
    context = make_plan_context(
        change.resource,
        make_group("top"),
        member,
        live={"things.t": live_thing, "thing_groups.a": change.live},
        changes=[make_change(member, live_thing)],
    )
    assert list_plan_errors(change, context) == []
    # AWS allows a thing only one group of each hierarchy, so the thing leaves `top` before it is added to `a`.
    assert list_calls(change, context) == [
        DELETE,
        make_create_call(parentGroupName="top"),
        make_iot_call(
            "RemoveThingFromThingGroup", ignored_errors=NOT_FOUND, thingGroupName="top", thingName="t"
        ),
        make_iot_call("AddThingToThingGroup", thingGroupName="a", thingName="t"),
    ]


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (
            {"children": ("b", "c")},
            (
                "its child groups (b, c); remove these groups, or the key `parent` of each, from the file and apply; "
                "then move this group and apply; then add them back"
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
def test_a_replacement_that_would_lose_something_is_rejected(contents, expected):
    change = make_change(make_group(parent="top"), make_live(ThingGroup(), **contents))
    assert list_plan_errors(change, make_plan_context(change.resource)) == [
        f"cannot replace: AWS cannot change a group's parent, and replacing the group would lose {expected}"
    ]


def test_a_group_and_a_dynamic_group_cannot_share_a_name():
    dynamic_group = make_resource("dynamic_thing_groups", "a", DynamicThingGroup("thingName:a"))
    assert list_problems(make_group(), dynamic_group) == [
        "a dynamic thing group of this file has the same name; expected another name for one of them"
    ]


def test_a_deletion_expects_the_version_that_the_plan_read():
    assert list_delete_calls("thing_groups", make_live(ThingGroup())) == [DELETE]


def test_child_groups_are_deleted_before_their_parents():
    cloud = Cloud()
    converge(make_state(make_group("a"), make_group("b", parent="a"), make_group("c", parent="b")), cloud)
    plan = plan_state(make_state(), cloud)
    assert [step.address.name for step in plan.steps] == ["c", "b", "a", "reconciler-ws"]
    converge(make_state(), cloud)
    assert cloud.read_content()["thing_groups"] == {}


def test_a_group_that_moves_keeps_its_things_and_policies():
    cloud = Cloud()
    other_resources = [
        make_group("top"),
        make_resource("policies", "p", EMPTY_POLICY),
        make_resource("things", "t", Thing(thing_groups=("a",))),
    ]
    converge(make_state(make_group("a", policies=("p",)), *other_resources), cloud)
    moved_state = make_state(make_group("a", parent="top", policies=("p",)), *other_resources)
    converge(moved_state, cloud)
    assert plan_state(moved_state, cloud).steps == ()
    content = cloud.read_content()
    assert content["thing_groups"]["a"]["parent"] == "top"
    assert content["things"]["t"]["groups"] == ["a", "reconciler-ws"]
    assert content["policies"]["p"]["targets"] == [ARN]


STATIC_RESOURCES = (make_group("a"), make_resource("things", "t", Thing(thing_groups=("a",))))
DYNAMIC_RESOURCES = (
    make_resource("dynamic_thing_groups", "a", DynamicThingGroup("thingName:t")),
    make_resource("things", "t", Thing()),
)


@pytest.mark.parametrize(
    ("before", "after"),
    [(STATIC_RESOURCES, DYNAMIC_RESOURCES), (DYNAMIC_RESOURCES, STATIC_RESOURCES)],
    ids=["static to dynamic", "dynamic to static"],
)
def test_a_dynamic_and_a_static_group_of_the_same_name_can_replace_each_other(before, after):
    cloud = Cloud()
    converge(make_state(*before), cloud)
    plan = converge(make_state(*after), cloud)
    positions = {step.address.kind: index for index, step in enumerate(plan.steps)}
    old_kind, new_kind = before[0].address.kind, after[0].address.kind
    (step,) = [step for step in plan.steps if step.address.kind == new_kind]
    assert positions[old_kind] < positions[new_kind]
    assert Address(old_kind, "a") in step.dependencies
    assert plan_state(make_state(*after), cloud).steps == ()


def test_a_group_with_children_moves_in_the_steps_that_the_error_names():
    cloud = Cloud()
    top, mid, low = make_group("top"), make_group("mid"), make_group("low", parent="mid")
    converge(make_state(top, mid, low), cloud)
    moved_state = make_state(top, make_group("mid", parent="top"), low)
    with pytest.raises(PlanRejectedError, match="remove these groups, or the key `parent` of each"):
        plan_state(moved_state, cloud)
    converge(make_state(top, mid, make_group("low")), cloud)
    converge(make_state(top, make_group("mid", parent="top"), make_group("low")), cloud)
    converge(moved_state, cloud)
    assert plan_state(moved_state, cloud).steps == ()
