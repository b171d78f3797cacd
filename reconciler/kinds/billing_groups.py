"""Billing groups: things whose costs are reported together.

Source: AWS IoT API reference, CreateBillingGroup and related operations; developer guide, "Tagging your AWS IoT
resources". A thing is in at most one billing group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, read_tags_of_desired_or_owned, request_each
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
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.kinds.shared.billing_group_facts import BillingGroupFacts
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import NOT_COMPARED, Desired, Live, Resource
from reconciler.model.text import join_some

REMOVAL_SECONDS = 60.0
"""Seconds for which a deletion is retried while AWS may still see things that were removed from the group.

API reference, RemoveThingFromBillingGroup: the removal is asynchronous and may take several seconds.
"""

DERIVED_MEMBERS = {"UpdateBillingGroup.expectedVersion": "the version that the plan read"}


@frozen
class BillingGroup:
    """`[billing_groups.*]`."""

    description: str | None = member(
        "Description of the group.",
        api="CreateBillingGroup.billingGroupProperties.billingGroupDescription",
        default=None,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateBillingGroup.tags", factory=dict)


class BillingGroups(Kind):
    """Billing groups: found by name, owned by tag."""

    table = "billing_groups"
    noun = "billing group"
    spec_class = BillingGroup
    operations = Operations(
        read=(
            "ListBillingGroups",
            "ListTagsForResource",
            "DescribeBillingGroup",
            "ListThingsInBillingGroup",
        ),
        create=("CreateBillingGroup",),
        update=("UpdateBillingGroup", "UntagResource", "TagResource"),
        delete=("DeleteBillingGroup",),
        forget=("UntagResource", "TagResource"),
    )
    name_api = "CreateBillingGroup.billingGroupName"
    listing = Listing("ListBillingGroups", "billingGroups", "groupName", "groupArn")
    description = Description("DescribeBillingGroup", "billingGroupName")
    write_operations = ("CreateBillingGroup", "UpdateBillingGroup")
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return a problem if the tags leave no room for the ownership tags."""
        return check_room_for_added_entries("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """List all groups, read the tags of each, and describe those that are desired or owned."""
        arns = yield from list_arns(self, scope)
        desired_names = {resource.address.name for resource in scope.iterate_resources(self.table)}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        groups = yield from request_each("DescribeBillingGroup", "billingGroupName", tags_by_name)
        members = yield from _read_members(tags_by_name, scope)
        return [
            _to_live(group, tags, members.get(name))
            for (name, tags), group in zip(tags_by_name.items(), groups, strict=True)
            if group
        ]

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject a deletion if other things are in the group.

        UNCONFIRMED: whether AWS then rejects the deletion; if it does not, the things would lose the group.
        """
        if not isinstance(change, Delete):
            return
        members = change.live.get_facts(BillingGroupFacts).members or ()
        others = sorted(set(members) - context.thing_names)
        if others:
            yield (
                f"cannot delete: things that this workspace does not manage are in it ({join_some(others)}); "
                "remove them from the group first, or keep it"
            )

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the group with its ownership tags in one call."""
        spec: BillingGroup = change.resource.spec
        params: dict[str, Any] = {
            "billingGroupName": change.address.name,
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        if spec.description is not None:
            params["billingGroupProperties"] = {"billingGroupDescription": spec.description}
        return [ApiCall("iot", "CreateBillingGroup", params, idempotent=True)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update the description and the tags separately.

        AWS rejects the description if the group's version is not the one that the plan read.
        """
        spec: BillingGroup = change.resource.spec
        name = change.live.identity
        calls = []
        if change.has_changed("description"):
            params = {
                "billingGroupName": name,
                "billingGroupProperties": {"billingGroupDescription": spec.description or ""},
                "expectedVersion": change.live.version,
            }
            describe = ApiCall("iot", "DescribeBillingGroup", {"billingGroupName": name})
            verification = FieldsMatch(describe, {"billingGroupProperties": "billingGroupProperties"})
            calls.append(ApiCall("iot", "UpdateBillingGroup", params, verification=verification))
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, tags)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the group; earlier steps have removed the workspace's things from it."""
        params = {"billingGroupName": change.live.identity, "expectedVersion": change.live.version}
        had_members = bool(change.live.get_facts(BillingGroupFacts).members)
        return [
            ApiCall(
                "iot",
                "DeleteBillingGroup",
                params,
                ignored_errors=NOT_FOUND,
                # AWS removes things asynchronously, so for some seconds they may still count as members.
                retried_errors={"InvalidRequestException"} if had_members else frozenset[str](),
                timeout_seconds=REMOVAL_SECONDS if had_members else None,
            )
        ]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields; for a deletion also the members, which nothing in the registry protects."""
        fields = super().precondition(live, deletes=deletes)
        if not deletes:
            return fields
        members = live.get_facts(BillingGroupFacts).members
        return {**fields, "members": NOT_COMPARED if members is None else members}


def _read_members(names: Collection[str], scope: Scope) -> Read[dict[str, tuple[str, ...]]]:
    """Return the things in each group that a plan may delete, by group name.

    A re-read returns them for the groups whose members the previous read returned.
    """
    if scope.previous_states is not None:
        deletable = [name for name in names if _has_members(scope.previous_states.get(name))]
    else:
        kept = {resource.address.name for resource in scope.iterate_resources(BillingGroups.table)}
        deletable = [name for name in names if scope.is_destroy or name not in kept]
    responses = yield from request_each("ListThingsInBillingGroup", "billingGroupName", deletable)
    return {
        name: tuple(sorted(response.get("things", ())))
        for name, response in zip(deletable, responses, strict=True)
    }


def _has_members(live: Live | None) -> bool:
    return live is not None and live.get_facts(BillingGroupFacts).members is not None


def _to_live(group: Response, tags: Mapping[str, str], members: tuple[str, ...] | None) -> Live:
    properties = group.get("billingGroupProperties", {})
    spec = BillingGroup(properties.get("billingGroupDescription"), select_user_tags(tags))
    name, arn = group["billingGroupName"], group["billingGroupArn"]
    return build_tagged_live(
        name, spec, tags, arn, version=group["version"], facts=BillingGroupFacts(members)
    )


KIND = BillingGroups()
