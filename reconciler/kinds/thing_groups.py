"""Static thing groups; one of them contains the things that the workspace owns.

Source: AWS IoT API reference, CreateThingGroup and related operations; developer guide, "Static thing groups". AWS cannot
change a group's parent, does not delete a group that has children, and removes members and policies together with a group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.aws_limits import GROUP_ATTRIBUTES
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_entries,
    select_user_tags,
    to_tag_list,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import build_thing_group_verification
from reconciler.kinds.shared import thing_group_checks
from reconciler.kinds.shared.foreign_profiles import PROFILES_FOR_TARGET, read_foreign_profiles
from reconciler.kinds.shared.group_membership import (
    build_workspace_group_name,
    rejoin_members,
)
from reconciler.kinds.shared.outside_hierarchies import find_child_count_errors, find_level_errors
from reconciler.kinds.shared.policy_attachments import attach_policy, detach_policy
from reconciler.kinds.shared.principal_reads import (
    invert,
    read_policies_of,
    read_policy_targets,
    select_external_names,
)
from reconciler.kinds.shared.security_profile_targets import reattach_profiles
from reconciler.kinds.shared.thing_group_losses import find_deletion_losses, find_replacement_losses
from reconciler.kinds.shared.thing_group_reads import (
    find_deletable,
    find_moving,
    find_parent_name,
    find_unmanaged_children,
    read_contents,
    read_members,
)
from reconciler.kinds.shared.thing_group_spec import ThingGroup, ThingGroupFacts
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, External, Live, Resource
from reconciler.model.text import join_some, quote

__all__ = ["KIND", "ThingGroup", "ThingGroups"]

_MERGE = "thingGroupProperties.attributePayload.merge"

CHILD_REMOVAL_SECONDS = 60.0
"""Seconds for which a deletion is retried while AWS may still see deleted child groups, as Terraform's provider does."""

DERIVED_MEMBERS = {
    f"CreateThingGroup.{_MERGE}": "always false: the file has all attributes",
    f"UpdateThingGroup.{_MERGE}": "always false: the file has all attributes",
    "UpdateThingGroup.expectedVersion": "the version that the plan read",
}


def _find_group_problem(group: Response) -> str | None:
    """Return why things cannot be added to a group, and it cannot be a parent, or None."""
    if "queryString" not in group:
        return None
    name = quote(group["thingGroupName"])
    return f"the thing group {name} is dynamic: its query selects its things; use a static group"


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
            PROFILES_FOR_TARGET,
        ),
        create=("CreateThingGroup", "AttachPolicy"),
        update=("UpdateThingGroup", "AttachPolicy", "DetachPolicy", "UntagResource", "TagResource"),
        replace=(
            "DeleteThingGroup",
            "CreateThingGroup",
            "AttachPolicy",
            "AttachSecurityProfile",
            "RemoveThingFromThingGroup",
            "AddThingToThingGroup",
        ),
        delete=("DeleteThingGroup",),
        forget=("UntagResource", "TagResource"),
    )
    name_api = "CreateThingGroup.thingGroupName"
    listing = Listing("ListThingGroups", "thingGroups", "groupName", "groupArn")
    description = Description("DescribeThingGroup", "thingGroupName", _find_group_problem)
    write_operations = ("CreateThingGroup", "UpdateThingGroup")
    derived_members = DERIVED_MEMBERS
    deletion_blockers = frozenset({"thing_groups"})
    shares_names_with = frozenset({"dynamic_thing_groups"})
    reads_after = frozenset({"policies"})

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the tags and AWS's limits, and that no dynamic group has the same name."""
        yield from check_room_for_added_entries("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)
        yield from GROUP_ATTRIBUTES.check(len(resource.spec.attributes), ("attributes",))
        yield from thing_group_checks.check_level(resource, desired)
        yield from thing_group_checks.check_policies(resource, desired)
        if Address("dynamic_thing_groups", resource.address.name) in desired:
            problem = "a dynamic thing group of this file has the same name"
            yield ValueProblem("duplicate-name", problem, "another name for one of them")

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return the groups that have too many child groups."""
        return thing_group_checks.check_children(desired)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all groups, read the tags of each, and describe those that are desired or owned."""
        arns = yield from list_arns(self, scope)
        desired = {resource.address.name: resource.spec for resource in scope.iterate_resources(self.table)}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired, arns)
        responses = yield from request_each("DescribeThingGroup", "thingGroupName", tags_by_name)
        groups = {
            response["thingGroupName"]: response
            for response in responses
            if response and "queryString" not in response
        }
        deletable = find_deletable(groups, desired, scope)
        # The keys are ARNs too, because `read_policies_of` returns policies by these keys.
        deletable_arns = {arns[name]: arns[name] for name in deletable}
        policies_by_arn = yield from read_policies_of(deletable_arns)
        deletable_groups_by_policy = invert(policies_by_arn)
        members = yield from read_members(deletable, scope)
        if scope.previous_states is None:
            names = select_external_names(policy for spec in desired.values() for policy in spec.policies)
            targets_by_policy: Mapping[str, Collection[str]] = yield from read_policy_targets(scope, names)
        else:
            # In a re-read, all groups are deletable, so the policies of all have been read.
            targets_by_policy = deletable_groups_by_policy
        moving = find_moving(groups, desired)
        contents = yield from read_contents(moving, arns)
        profiles = yield from read_foreign_profiles(
            {name: arns[name] for name in (*deletable, *moving)}, scope
        )
        live_groups = []
        for name, group in groups.items():
            all_policies = (
                _select_policies(deletable_groups_by_policy, arns[name])
                if name in deletable
                else NOT_COMPARED
            )
            facts = ThingGroupFacts(
                all_policies,
                contents.get(name),
                members.get(name, NOT_COMPARED),
                foreign_profiles=profiles.get(name, NOT_COMPARED),
            )
            known_policies = _select_policies(targets_by_policy, arns[name])
            live_groups.append(_to_live(group, tags_by_name[name], known_policies, facts))
        return live_groups

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a new parent if the replacement would lose something that the plan does not restore.

        Also reject it if a thing would then be in two groups of one hierarchy, and a deletion if another client's groups are
        below the group: AWS does not allow either.
        """
        if isinstance(change, Create | Replace):
            yield from find_level_errors(change.address, context)
            yield from find_child_count_errors(change.address, change.resource.spec.parent, context)
        if isinstance(change, Delete):
            children = find_unmanaged_children(change.live.identity, context)
            if children:
                yield (
                    f"cannot delete: it has child groups that this workspace does not manage ({join_some(children)}); "
                    "delete these first, or keep the group"
                )
        if isinstance(change, Replace):
            yield from find_replacement_losses(change, context)

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the members, policies and security profiles of a deleted group that are not the workspace's.

        A replacement that would lose any is rejected.
        """
        return find_deletion_losses(change, context) if isinstance(change, Delete) else ()

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn that things lose the group's policies during a replacement."""
        if isinstance(change, Replace):
            yield (
                "AWS cannot change a group's parent, so the group is replaced; its things lose its policies until they "
                "are added again"
            )

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the group with its ownership tags in one call, then attach its policies."""
        return [*_create(change.resource, context)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update properties, attach new policies, detach removed ones, and update tags.

        Properties are updated only if the version is the one that the plan read, except those of the workspace's group.
        """
        before, after, arn = change.live.spec.policies, change.resource.spec.policies, change.live.arn
        tags = with_ownership_tags(change.resource, context.workspace)
        return [
            *_update_properties(change, context),
            *(
                attach_policy(context.resolve_identity("policies", policy), arn)
                for policy in after
                if policy not in before
            ),
            *(
                detach_policy(context.resolve_identity("policies", policy), arn)
                for policy in before
                if policy not in after
            ),
            *retag("iot", arn, change.live.tags, tags),
        ]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old group, create one with the same name, and add the members and profiles that stay.

        A group with children is rejected: AWS does not delete it, so the children would have to be replaced too. A single step
        cannot do that, because its staleness check covers only its own resource.
        """
        return [
            _delete(change.live, context),
            *_create(change.resource, context),
            *reattach_profiles(change.address, context),
            *rejoin_members(change.address, context),
        ]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the group; earlier steps have deleted its child groups, and AWS requires nothing else."""
        return [_delete(change.live, context)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields; for a deletion or replacement also all policies, profiles and members.

        AWS removes these together with the group, even if another caller has attached or added them.
        """
        fields = super().precondition(live, deletes=deletes)
        if not deletes:
            return fields
        facts = live.get_facts(ThingGroupFacts)
        fields = {**fields, "security_profiles": facts.foreign_profiles}
        if facts.contents is None:
            return {**fields, "attached": facts.attached_policies, "members": facts.members}
        return {**fields, "attached": facts.contents.policies, "members": facts.contents.members}


def _select_policies(targets_by_policy: Mapping[str, Collection[str]], arn: str) -> tuple[str, ...]:
    """Return the policies that are attached to the group with this ARN."""
    return tuple(policy for policy, targets in targets_by_policy.items() if arn in targets)


def _create(resource: Resource, context: PlanContext) -> Iterator[ApiCall]:
    spec: ThingGroup = resource.spec
    name = resource.address.name
    params: dict[str, Any] = {
        "thingGroupName": name,
        "thingGroupProperties": _to_properties(spec),
        "tags": to_tag_list(with_ownership_tags(resource, context.workspace)),
    }
    if spec.parent is not None:
        params["parentGroupName"] = context.resolve_identity("thing_groups", spec.parent)
    # The workspace's own group stores the lease, so it may have been created when the lease was acquired.
    is_workspace_group = name == build_workspace_group_name(context.workspace)
    ignored_errors = {"ResourceAlreadyExistsException"} if is_workspace_group else frozenset[str]()
    yield ApiCall("iot", "CreateThingGroup", params, ignored_errors=ignored_errors, idempotent=True)
    arn = context.build_arn(f"thinggroup/{name}")
    yield from (attach_policy(context.resolve_identity("policies", policy), arn) for policy in spec.policies)


def _update_properties(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    if not (change.has_changed("description") or change.has_changed("attributes")):
        return
    properties = {"thingGroupDescription": "", **_to_properties(change.resource.spec)}
    if not change.has_changed("attributes"):
        del properties["attributePayload"]
    name = change.live.identity
    params = {
        "thingGroupName": name,
        "thingGroupProperties": properties,
        **_to_version_params(change.live, context),
    }
    yield ApiCall("iot", "UpdateThingGroup", params, verification=build_thing_group_verification(name))


def _to_version_params(live: Live, context: PlanContext) -> dict[str, Any]:
    """Return the version that the plan read; none for the workspace's group, as lease renewals change it."""
    if live.identity == build_workspace_group_name(context.workspace):
        return {}
    return {"expectedVersion": live.version}


def _delete(live: Live, context: PlanContext) -> ApiCall:
    params = {"thingGroupName": live.identity, **_to_version_params(live, context)}
    users = context.live_users.get(Address("thing_groups", live.identity), ())
    had_children = any(user.kind == "thing_groups" for user in users)
    return ApiCall(
        "iot",
        "DeleteThingGroup",
        params,
        ignored_errors=NOT_FOUND,
        # For some seconds, AWS may still see child groups that earlier steps have deleted.
        retried_errors={"InvalidRequestException"} if had_children else frozenset[str](),
        timeout_seconds=CHILD_REMOVAL_SECONDS if had_children else None,
    )


def _to_properties(spec: ThingGroup) -> dict[str, Any]:
    properties: dict[str, Any] = {"attributePayload": {"attributes": dict(spec.attributes), "merge": False}}
    if spec.description is not None:
        properties["thingGroupDescription"] = spec.description
    return properties


def _to_live(
    group: Response, tags: Mapping[str, str], policies: Sequence[str], facts: ThingGroupFacts
) -> Live:
    properties, parent = group.get("thingGroupProperties", {}), find_parent_name(group)
    spec = ThingGroup(
        description=properties.get("thingGroupDescription"),
        # The lease is stored in attributes with the prefix of ownership tags.
        attributes=select_user_entries(properties.get("attributePayload", {}).get("attributes", {})),
        tags=select_user_tags(tags),
        parent=External(parent) if parent else None,
        policies=tuple(External(policy) for policy in policies),
    )
    name, arn = group["thingGroupName"], group["thingGroupArn"]
    return build_tagged_live(name, spec, tags, arn, version=group["version"], facts=facts)


KIND = ThingGroups()
