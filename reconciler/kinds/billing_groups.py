"""Billing groups: things whose costs are reported together.

Source: AWS IoT API reference, CreateBillingGroup and related operations; developer guide, "Tagging your AWS IoT
resources". A thing is in at most one billing group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
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
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

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
        read=("ListBillingGroups", "ListTagsForResource", "DescribeBillingGroup"),
        create=("CreateBillingGroup",),
        update=("UpdateBillingGroup", "UntagResource", "TagResource"),
        delete=("DeleteBillingGroup",),
        forget=("UntagResource", "TagResource"),
    )
    name_api = "CreateBillingGroup.billingGroupName"
    listing = Listing("ListBillingGroups", "billingGroups", "groupName", "groupArn")
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
        return [
            _to_live(group, tags) for tags, group in zip(tags_by_name.values(), groups, strict=True) if group
        ]

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
        return [ApiCall("iot", "DeleteBillingGroup", params, ignored_errors=NOT_FOUND)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]


def _to_live(group: Response, tags: Mapping[str, str]) -> Live:
    properties = group.get("billingGroupProperties", {})
    spec = BillingGroup(properties.get("billingGroupDescription"), select_user_tags(tags))
    name, arn = group["billingGroupName"], group["billingGroupArn"]
    return build_tagged_live(name, spec, tags, arn, version=group["version"])


KIND = BillingGroups()
