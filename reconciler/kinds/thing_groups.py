"""Static thing groups: what things belong to; one of them marks the things that the workspace owns.

Source: AWS IoT API reference, CreateThingGroup and its neighbours; developer guide, "Static thing groups". AWS changes no
group's parent, deletes no group that has children, and takes members and policies along when it deletes one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, request_each, select_wanted_or_owned
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    check_room_for_tags,
    remove_ownership_tags,
    retag,
    tagged_live,
    to_tag_list,
    user_tags,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import verify_thing_group
from reconciler.kinds.shared import group_membership
from reconciler.kinds.shared.principal_reads import (
    external_names,
    invert,
    read_policies_of,
    read_policy_targets,
)
from reconciler.kinds.shared.thing_group_spec import GroupContents, ThingGroup, ThingGroupFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, External, Live, Reference, Resource
from reconciler.model.text import join_some

DERIVED_MEMBERS = {
    "CreateThingGroup.thingGroupProperties.attributePayload.merge": "always false: the file says all attributes",
    "UpdateThingGroup.thingGroupProperties.attributePayload.merge": "always false: the file says all attributes",
    "UpdateThingGroup.expectedVersion": "the version that the plan saw",
}


class ThingGroups(Kind):
    """Static thing groups: found by name, owned by tag."""

    table = "thing_groups"
    noun = "thing group"
    spec_class = ThingGroup
    operations = Operations(
        read=(
            "ListThingGroups",
            "ListTagsForResource",
            "DescribeThingGroup",
            "ListAttachedPolicies",
            "ListTargetsForPolicy",
            "ListThingsInThingGroup",
        ),
        create=("CreateThingGroup", "AttachPolicy"),
        update=("UpdateThingGroup", "AttachPolicy", "DetachPolicy", "UntagResource", "TagResource"),
        replace=(
            "DeleteThingGroup",
            "CreateThingGroup",
            "AttachPolicy",
            "RemoveThingFromThingGroup",
            "AddThingToThingGroup",
        ),
        delete=("DeleteThingGroup",),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListThingGroups", "thingGroups", "groupName", "groupArn")
    name_api = "CreateThingGroup.thingGroupName"
    write_operations = ("CreateThingGroup", "UpdateThingGroup")
    derived_members = DERIVED_MEMBERS
    deletion_blockers = frozenset({"thing_groups"})
    shares_names_with = frozenset({"dynamic_thing_groups"})
    reads_after = frozenset({"policies"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks, and the name is no dynamic group's: AWS keeps both in one list."""
        yield from check_room_for_tags("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)
        if Address("dynamic_thing_groups", resource.address.name) in desired:
            yield ValueProblem(
                "duplicate-name",
                "a dynamic thing group of this file has the same name",
                "each name once for both",
            )

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All groups of the account in pages, the tags of each, and the details of those that matter."""
        arns = yield from list_arns(self, scope)
        wanted = {resource.address.name: resource.spec for resource in scope.resources_of(self.table)}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        details = yield from request_each("DescribeThingGroup", "thingGroupName", matter)
        static = {
            detail["thingGroupName"]: detail for detail in details if detail and "queryString" not in detail
        }
        policies: Mapping[str, Collection[str]]
        again = scope.previous_states is not None
        going = [name for name in static if again or scope.is_destroy or name not in wanted]
        everyones = invert((yield from read_policies_of({arns[name]: arns[name] for name in going})))
        if again:
            policies = everyones
        else:
            said = external_names(policy for spec in wanted.values() for policy in spec.policies)
            policies = yield from read_policy_targets(scope, said)
        moving = [
            name
            for name, detail in static.items()
            if name in wanted and _parent(detail) != _said(wanted[name].parent)
        ]
        carried = yield from _carried(moving, arns)
        return [
            _live(
                detail,
                matter[name],
                _given(policies, arns[name]),
                ThingGroupFacts(
                    _given(everyones, arns[name]) if name in going else NOT_COMPARED, carried.get(name)
                ),
            )
            for name, detail in static.items()
        ]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """AWS takes the policies of a group along when it goes, whoever attached them, and the things of one that moves."""
        seen = super().precondition(live, deletes=deletes)
        if not deletes:
            return seen
        facts = live.facts_as(ThingGroupFacts)
        if facts.contents is None:
            return {**seen, "attached": facts.attached, "members": ()}
        return {**seen, "attached": facts.contents.policies, "members": facts.contents.members}

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """AWS changes no parent: a new group takes the place of the old one, unless something would be lost."""
        if not isinstance(change, Replace):
            return
        known = {
            address.name for address in {**context.desired, **context.changes} if address.kind == "things"
        }
        known |= {str(context.thing_name(user)) for user in context.live_users.get(change.address, ())}
        contents = change.live.facts_as(ThingGroupFacts).contents
        assert contents
        lost = sorted(set(contents.members) - known)
        left = sorted(
            child
            for child in contents.children
            if not isinstance(context.changes.get(Address(self.table, child)), Delete)
        )
        how = "AWS changes the parent of no group, and a new one in its place"
        if change.address.name == group_membership.workspace_group_name(context.workspace):
            yield f"{how} would lose what marks the workspace's things"
            return
        given = {
            policy.id if isinstance(policy, External) else policy for policy in change.live.spec.policies
        }
        if others := sorted(set(contents.policies) - given):
            yield f"{how} would lose the policies that the file does not know ({', '.join(others)}); detach them first"
        if left:
            yield (
                f"{how} would lose the groups below it ({join_some(left)}); take their parent out of the file, "
                "or them, and apply that; then move this one, and then put them back"
            )
        if lost:
            who = join_some(lost)
            yield f"{how} would lose the things in it that the file does not have ({who}); take them out first"

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included, then its policies."""
        return [*_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Properties only over the version that the plan saw; policies come before they go; tags in their own calls."""
        spec, was, arn = change.resource.spec, change.live.spec, change.live.arn
        calls = []
        if change.has_changed("description") or change.has_changed("attributes"):
            properties = _properties(spec)
            properties.setdefault("thingGroupDescription", "")
            if not change.has_changed("attributes"):
                del properties["attributePayload"]
            params = {"thingGroupName": change.live.identity, "thingGroupProperties": properties}
            params |= _version(change.live, context)
            proof = verify_thing_group(change.live.identity)
            calls.append(ApiCall("iot", "UpdateThingGroup", params, verification=proof))
        after = with_ownership_tags(change.resource, context.workspace)
        return [
            *calls,
            *(_attach(context, policy, arn) for policy in spec.policies if policy not in was.policies),
            *(_detach(context, policy, arn) for policy in was.policies if policy not in spec.policies),
            *retag("iot", arn, change.live.tags, after),
        ]

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Groups have policies, and things are without them while the group is."""
        if isinstance(change, Replace):
            yield (
                "AWS changes the parent of no group, so it is made anew: its things are out of it, and without its "
                "policies, until they have come back"
            )

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """The old one goes, a new one comes under its name, and the members that the file gives it come back.

        AWS deletes no group that has children, so they would have to go and come with it. That is more than one step
        may do: a step is checked against what its plan saw of its own resource, and writes to no other one.
        """
        return [
            _delete(change.live, context),
            *_create(change.resource, context),
            *group_membership.rejoin_members(change.address, context),
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Its child groups have gone by then; things and policies do not stand in the way."""
        return [_delete(change.live, context)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


def _given(policies: Mapping[str, Collection[str]], arn: str) -> tuple[str, ...]:
    return tuple(policy for policy, having in policies.items() if arn in having)


def _carried(moving: Sequence[str], arns: Mapping[str, str]) -> Read[dict[str, GroupContents]]:
    """What would be lost with each group that is to have another parent: the groups below it, its things, its policies."""
    below = yield [
        ApiCall("iot", "ListThingGroups", {"parentGroup": name, "recursive": True}, ignored_errors=NOT_FOUND)
        for name in moving
    ]
    inside = yield from request_each("ListThingsInThingGroup", "thingGroupName", moving)
    attached = yield from read_policies_of({name: arns[name] for name in moving})
    return {
        name: GroupContents(
            tuple(child["groupName"] for child in children.get("thingGroups", ())),
            tuple(members.get("things", ())),
            attached[name],
        )
        for name, children, members in zip(moving, below, inside, strict=True)
    }


def _create(resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
    spec: ThingGroup = resource.spec
    params: dict[str, Any] = {
        "thingGroupName": resource.address.name,
        "thingGroupProperties": _properties(spec),
        "tags": to_tag_list(with_ownership_tags(resource, context.workspace)),
    }
    if spec.parent is not None:
        params["parentGroupName"] = context.resolve_identity("thing_groups", spec.parent)
    # Whoever applies takes the lease first, which makes the workspace's own group.
    made = resource.address.name == group_membership.workspace_group_name(context.workspace)
    known = {"ResourceAlreadyExistsException"} if made else frozenset[str]()
    yield ApiCall("iot", "CreateThingGroup", params, ignored_errors=known, idempotent=True)
    arn = context.build_arn(f"thinggroup/{resource.address.name}")
    yield from (_attach(context, policy, arn) for policy in spec.policies)


def _version(live: Live, context: PlanContext) -> dict[str, Any]:
    """The version that the plan saw. The workspace's own group gets new ones while its lease is held."""
    if live.identity == group_membership.workspace_group_name(context.workspace):
        return {}
    return {"expectedVersion": live.version}


def _delete(live: Live, context: PlanContext) -> ApiCall:
    params = {"thingGroupName": live.identity, **_version(live, context)}
    return ApiCall("iot", "DeleteThingGroup", params, ignored_errors=NOT_FOUND)


def _attach(context: PlanContext, policy: Reference, arn: str) -> ApiCall:
    return ApiCall(
        "iot", "AttachPolicy", {"policyName": context.resolve_identity("policies", policy), "target": arn}
    )


def _detach(context: PlanContext, policy: Reference, arn: str) -> ApiCall:
    params = {"policyName": context.resolve_identity("policies", policy), "target": arn}
    return ApiCall("iot", "DetachPolicy", params, ignored_errors=NOT_FOUND, idempotent=True)


def _properties(spec: ThingGroup) -> dict[str, Any]:
    properties: dict[str, Any] = {"attributePayload": {"attributes": dict(spec.attributes), "merge": False}}
    if spec.description is not None:
        properties["thingGroupDescription"] = spec.description
    return properties


def _parent(answer: Mapping[str, Any]) -> str | None:
    parent: str | None = answer.get("thingGroupMetadata", {}).get("parentGroupName")
    return parent


def _said(parent: Reference | None) -> str | None:
    return parent.name if isinstance(parent, External) else parent


def _live(
    answer: Mapping[str, Any], tags: Mapping[str, str], policies: Sequence[str], facts: ThingGroupFacts
) -> Live:
    properties, parent = answer.get("thingGroupProperties", {}), _parent(answer)
    spec = ThingGroup(
        description=properties.get("thingGroupDescription") or None,
        attributes=user_tags(properties.get("attributePayload", {}).get("attributes", {})),
        tags=user_tags(tags),
        parent=External(parent) if parent else None,
        policies=tuple(External(policy) for policy in policies),
    )
    arn = answer["thingGroupArn"]
    return tagged_live(answer["thingGroupName"], spec, tags, arn, version=answer["version"], facts=facts)


KIND = ThingGroups()
