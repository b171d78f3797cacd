"""Billing groups: what the costs of things are told by.

Source: AWS IoT API reference, CreateBillingGroup and its neighbours; developer guide, "Tagging your AWS IoT resources". A
thing is in one billing group at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_arns, request_each, select_wanted_or_owned
from reconciler.kinds.base.schema import member
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
from reconciler.kinds.base.verification import FieldsMatch
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DERIVED_MEMBERS = {"UpdateBillingGroup.expectedVersion": "the version that the plan saw"}


@frozen
class BillingGroup:
    """`[billing_groups.*]`."""

    description: str | None = member(
        "What the group is for.",
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
    listing = Listing("ListBillingGroups", "billingGroups", "groupName", "groupArn")
    name_api = "CreateBillingGroup.billingGroupName"
    write_operations = ("CreateBillingGroup", "UpdateBillingGroup")
    derived_members = DERIVED_MEMBERS

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks."""
        return check_room_for_tags("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All billing groups of the account in pages, the tags of each, and the details of those that matter."""
        arns = yield from list_arns(self, scope)
        wanted = {resource.address.name for resource in scope.resources_of(self.table)}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        details = yield from request_each("DescribeBillingGroup", "billingGroupName", matter)
        return [_live(detail, tags) for tags, detail in zip(matter.values(), details, strict=True) if detail]

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included."""
        spec: BillingGroup = change.resource.spec
        params: dict[str, Any] = {
            "billingGroupName": change.address.name,
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        if spec.description is not None:
            params["billingGroupProperties"] = {"billingGroupDescription": spec.description}
        return [ApiCall("iot", "CreateBillingGroup", params, idempotent=True)]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """The description only over the version that the plan saw; tags in their own calls."""
        spec: BillingGroup = change.resource.spec
        calls = []
        if change.has_changed("description"):
            params = {
                "billingGroupName": change.live.identity,
                "billingGroupProperties": {"billingGroupDescription": spec.description or ""},
                "expectedVersion": change.live.version,
            }
            question = ApiCall("iot", "DescribeBillingGroup", {"billingGroupName": change.live.identity})
            proof = FieldsMatch(question, {"billingGroupProperties": "billingGroupProperties"})
            calls.append(ApiCall("iot", "UpdateBillingGroup", params, verification=proof))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """The workspace's things have left it by then."""
        params = {"billingGroupName": change.live.identity, "expectedVersion": change.live.version}
        return [ApiCall("iot", "DeleteBillingGroup", params, ignored_errors=NOT_FOUND)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


def _live(answer: Mapping[str, Any], tags: Mapping[str, str]) -> Live:
    properties = answer.get("billingGroupProperties", {})
    spec = BillingGroup(properties.get("billingGroupDescription") or None, user_tags(tags))
    arn = answer["billingGroupArn"]
    return tagged_live(answer["billingGroupName"], spec, tags, arn, version=answer["version"])


KIND = BillingGroups()
