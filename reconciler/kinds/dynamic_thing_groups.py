"""Dynamic thing groups: the things that match a query.

Source: AWS IoT API reference, CreateDynamicThingGroup and related operations; developer guide, "Dynamic thing groups". They
need fleet indexing, which is a setting of the account: AWS rejects a dynamic group while it is off. Things cannot be added to
them. Policies can be attached to them; AWS detaches them with the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import (
    DYNAMIC_GROUPS,
    GROUP_ATTRIBUTES,
    check_table_size,
    find_count_errors,
)
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description, Need
from reconciler.kinds.base.reads import NOT_FOUND, list_names, read_tags_of_desired_or_owned, request_each
from reconciler.kinds.base.schema import member
from reconciler.kinds.base.tags import (
    OWNERSHIP_TAG_COUNT,
    build_tagged_live,
    check_room_for_added_entries,
    remove_ownership_tags,
    retag,
    select_user_tags,
    to_tag_list,
    with_ownership_tags,
)
from reconciler.kinds.base.verification import build_thing_group_verification
from reconciler.kinds.shared import fleet_indexing
from reconciler.kinds.shared.fleet_query_checks import check_query
from reconciler.kinds.shared.foreign_policies import find_foreign_policies
from reconciler.kinds.shared.foreign_profiles import (
    PROFILES_FOR_TARGET,
    ProfileTargetFacts,
    find_foreign_profiles,
    read_foreign_profiles,
)
from reconciler.kinds.shared.policy_attachments import attach_policy, detach_policy
from reconciler.kinds.shared.principal_reads import read_policies_of
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, External, Live, NotCompared, Reference, Resource
from reconciler.model.text import quote

_MERGE = "thingGroupProperties.attributePayload.merge"

DERIVED_MEMBERS = {
    f"CreateDynamicThingGroup.{_MERGE}": "always false: the file has all attributes",
    f"UpdateDynamicThingGroup.{_MERGE}": "always false: the file has all attributes",
    "UpdateDynamicThingGroup.expectedVersion": "the version that the plan read",
}

DEFAULT_INDEX = "AWS_Things"
DEFAULT_QUERY_VERSION = "2017-09-30"


def _find_group_problem(group: Response) -> str | None:
    """Return why no field for dynamic groups can refer to a group, or None."""
    name = quote(group["thingGroupName"])
    return (
        None if "queryString" in group else f"the thing group {name} is static; refer to it in thing_groups"
    )


@frozen
class DynamicThingGroup:
    """`[dynamic_thing_groups.*]`."""

    query_string: str = member(
        "The query that selects its things, in the language of fleet indexing.",
        api="CreateDynamicThingGroup.queryString",
    )
    description: str | None = member(
        "Description of the group.",
        api="CreateDynamicThingGroup.thingGroupProperties.thingGroupDescription",
        default=None,
    )
    attributes: Mapping[str, str] = member(
        "Attributes.",
        api="CreateDynamicThingGroup.thingGroupProperties.attributePayload.attributes",
        drops_empty_values=True,
        factory=dict,
    )
    index_name: str = member(
        "The index to query.", api="CreateDynamicThingGroup.indexName", default=DEFAULT_INDEX
    )
    query_version: str = member(
        "The version of the query language.",
        api="CreateDynamicThingGroup.queryVersion",
        default=DEFAULT_QUERY_VERSION,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateDynamicThingGroup.tags", factory=dict)
    policies: tuple[Reference, ...] | NotCompared = member(
        "The policies for the things that the query selects. Without it, plans leave the group's policies alone.",
        references="policies",
        default=NOT_COMPARED,
    )


@frozen
class DynamicThingGroupFacts(ProfileTargetFacts):
    """The facts of a dynamic group: the names of its policies, if they were read."""

    attached_policies: tuple[str, ...] | NotCompared = NOT_COMPARED


class DynamicThingGroups(Kind):
    """Dynamic thing groups: found by name, owned by tag."""

    table = "dynamic_thing_groups"
    noun = "dynamic thing group"
    arn_type = "thinggroup"
    spec_class = DynamicThingGroup
    operations = Operations(
        read=(
            "ListThingGroups",
            "DescribeThingGroup",
            "ListTagsForResource",
            "GetIndexingConfiguration",
            "ListAttachedPolicies",
            PROFILES_FOR_TARGET,
        ),
        create=("CreateDynamicThingGroup", "AttachPolicy"),
        update=("UpdateDynamicThingGroup", "AttachPolicy", "DetachPolicy", "UntagResource", "TagResource"),
        delete=("DeleteDynamicThingGroup",),
        forget=("UntagResource", "TagResource"),
    )
    name_api = "CreateDynamicThingGroup.thingGroupName"
    listing = Listing("ListThingGroups", "thingGroups", "groupName", "groupArn")
    description = Description("DescribeThingGroup", "thingGroupName", _find_group_problem)
    kept_operations = frozenset({"DescribeThingGroup"})
    write_operations = ("CreateDynamicThingGroup", "UpdateDynamicThingGroup")
    derived_members = DERIVED_MEMBERS
    shares_names_with = frozenset({"thing_groups"})
    reads_after = frozenset({"thing_groups"})
    needs_settings = frozenset({fleet_indexing.TABLE})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the query, the tags, the attributes, the index and the version of the query language."""
        spec: DynamicThingGroup = resource.spec
        yield from check_query(spec.query_string)
        yield from check_room_for_added_entries("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        yield from GROUP_ATTRIBUTES.check(len(spec.attributes), ("attributes",))
        for name, only_value in (("index_name", DEFAULT_INDEX), ("query_version", DEFAULT_QUERY_VERSION)):
            value = getattr(spec, name)
            if value != only_value:
                problem = f"{quote(value)} is not valid"
                yield ValueProblem("invalid-choice", problem, quote(only_value), path=(name,))

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return a problem if there are more groups than an account may have."""
        return check_table_size(DYNAMIC_GROUPS, self.table, desired)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Describe every group that is not known to be static: AWS lists static and dynamic groups together.

        The policies of a group are read only if the file sets them, if a plan may delete the group, and in re-reads.
        """
        names = yield from list_names(self, scope)
        static_names = {live.identity for live in scope.get_live("thing_groups")}
        candidates = [name for name in names if name not in static_names]
        responses = yield from request_each("DescribeThingGroup", "thingGroupName", candidates)
        groups = {response["thingGroupName"]: response for response in responses if "queryString" in response}
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        arns = {name: group["thingGroupArn"] for name, group in groups.items()}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        kept_names = {
            resource.address.name
            for resource in scope.iterate_resources(self.table)
            if resource.spec.policies is NOT_COMPARED
        }
        if scope.is_destroy or scope.previous_states is not None:
            kept_names = set()
        policies = yield from read_policies_of(
            {name: arns[name] for name in tags_by_name if name not in kept_names}
        )
        kept_names = set() if scope.is_destroy or scope.previous_states is not None else desired_names
        profiles = yield from read_foreign_profiles(
            {name: arns[name] for name in tags_by_name if name not in kept_names}, scope
        )
        return [
            _to_live(
                groups[name],
                tags,
                DynamicThingGroupFacts(
                    policies.get(name, NOT_COMPARED),
                    foreign_profiles=profiles.get(name, NOT_COMPARED),
                ),
                self.find_reference_spec(name, scope),
            )
            for name, tags in tags_by_name.items()
        ]

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the policies and security profiles that other clients have attached to the group."""
        if isinstance(change, Delete):
            facts = change.live.get_facts(DynamicThingGroupFacts)
            yield from find_foreign_policies(facts.attached_policies, context)
            yield from find_foreign_profiles(change.live, context)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject more groups than an account may have, as far as the refresh has described them."""
        descriptions = context.outside.iterate_responses("DescribeThingGroup")
        count = sum("queryString" in response for response in descriptions)
        return find_count_errors(DYNAMIC_GROUPS, change, count, context)

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the references outside the file, and the index that AWS needs for a changed group."""
        yield from super().outside_needs(change, context)
        if isinstance(change, Create) or (isinstance(change, Update) and _changes_group(change)):
            yield fleet_indexing.build_need(change.resource.spec.query_string, context)

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the group with its ownership tags in one call; then attach its policies."""
        spec: DynamicThingGroup = change.resource.spec
        name = change.address.name
        params = {
            "thingGroupName": name,
            "thingGroupProperties": _to_properties(spec),
            **_to_query_params(spec),
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        create = ApiCall(
            "iot", "CreateDynamicThingGroup", params, verification=build_thing_group_verification(name)
        )
        arn = context.build_arn(f"thinggroup/{name}")
        return [
            create,
            *(
                attach_policy(context.resolve_identity("policies", policy), arn)
                for policy in _get_policies(spec)
            ),
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update properties and query in one call; update policies and tags separately.

        Properties and query are updated only if the version is the one that the plan read.
        """
        spec: DynamicThingGroup = change.resource.spec
        name = change.live.identity
        calls = []
        if _changes_group(change):
            properties = {"thingGroupDescription": "", **_to_properties(spec)}
            if not change.has_changed("attributes"):
                del properties["attributePayload"]
            params = {
                "thingGroupName": name,
                "thingGroupProperties": properties,
                **_to_query_params(spec),
                "expectedVersion": change.live.version,
            }
            verification = build_thing_group_verification(name)
            calls.append(ApiCall("iot", "UpdateDynamicThingGroup", params, verification=verification))
        if change.has_changed("policies"):
            before, after = _get_policies(change.live.spec), _get_policies(spec)
            arn = change.live.arn
            calls += [
                attach_policy(context.resolve_identity("policies", policy), arn)
                for policy in after
                if policy not in before
            ]
            calls += [
                detach_policy(context.resolve_identity("policies", policy), arn)
                for policy in before
                if policy not in after
            ]
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, tags)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the group; it does not matter to AWS which things match its query."""
        params = {"thingGroupName": change.live.identity, "expectedVersion": change.live.version}
        return [ApiCall("iot", "DeleteDynamicThingGroup", params, ignored_errors=NOT_FOUND)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields; for a deletion also the policies and security profiles."""
        fields = super().precondition(live, deletes=deletes)
        if not deletes:
            return fields
        facts = live.get_facts(DynamicThingGroupFacts)
        return {
            **fields,
            "attached": facts.attached_policies,
            "security_profiles": facts.foreign_profiles,
        }


def _changes_group(change: Update) -> bool:
    """Return whether a field other than the policies and the tags changes."""
    return any(change.has_changed(field) for field in KIND.members if field not in {"policies", "tags"})


def _get_policies(spec: DynamicThingGroup) -> tuple[Reference, ...]:
    return () if isinstance(spec.policies, NotCompared) else spec.policies


def _to_query_params(spec: DynamicThingGroup) -> dict[str, str]:
    return {
        "indexName": spec.index_name,
        "queryString": spec.query_string,
        "queryVersion": spec.query_version,
    }


def _to_properties(spec: DynamicThingGroup) -> dict[str, Any]:
    properties: dict[str, Any] = {"attributePayload": {"attributes": dict(spec.attributes), "merge": False}}
    if spec.description is not None:
        properties["thingGroupDescription"] = spec.description
    return properties


def _to_live(
    group: Response,
    tags: Mapping[str, str],
    facts: DynamicThingGroupFacts,
    reference: DynamicThingGroup | None,
) -> Live:
    """Return a live group; `reference` decides whether its policies are compared."""
    properties = group.get("thingGroupProperties", {})
    spec = DynamicThingGroup(
        query_string=group["queryString"],
        description=properties.get("thingGroupDescription"),
        attributes=properties.get("attributePayload", {}).get("attributes", {}),
        index_name=group.get("indexName", DEFAULT_INDEX),
        query_version=group.get("queryVersion", DEFAULT_QUERY_VERSION),
        tags=select_user_tags(tags),
        policies=_select_compared(facts.attached_policies, reference),
    )
    name, arn = group["thingGroupName"], group["thingGroupArn"]
    return build_tagged_live(name, spec, tags, arn, version=group["version"], facts=facts)


def _select_compared(
    attached_policies: tuple[str, ...] | NotCompared, reference: DynamicThingGroup | None
) -> tuple[Reference, ...] | NotCompared:
    """Return the policies, or that they are not compared, because the file leaves them to others."""
    is_left_to_others = reference is not None and reference.policies is NOT_COMPARED
    if is_left_to_others or isinstance(attached_policies, NotCompared):
        return NOT_COMPARED
    policies: tuple[Reference, ...] = tuple(map(External, attached_policies))
    return policies if policies or reference is not None else NOT_COMPARED


KIND = DynamicThingGroups()
