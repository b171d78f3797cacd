"""Dynamic thing groups: the things that a query finds, whenever somebody asks.

Source: AWS IoT API reference, CreateDynamicThingGroup and its neighbours; developer guide, "Dynamic thing groups". They need
fleet indexing, which is the account's own affair: AWS refuses a dynamic group while it is off. They take no policies, and
nothing is ever put into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, list_names, request_each, select_wanted_or_owned
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
from reconciler.kinds.base.verification import verify_thing_group
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Forget, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource

DERIVED_MEMBERS = {
    "CreateDynamicThingGroup.thingGroupProperties.attributePayload.merge": "always false: the file says all attributes",
    "UpdateDynamicThingGroup.thingGroupProperties.attributePayload.merge": "always false: the file says all attributes",
    "UpdateDynamicThingGroup.expectedVersion": "the version that the plan saw",
}


@frozen
class DynamicThingGroup:
    """`[dynamic_thing_groups.*]`."""

    query_string: str = member(
        "Which things are in it, in the query language of fleet indexing.",
        api="CreateDynamicThingGroup.queryString",
    )
    description: str | None = member(
        "What the group is for.",
        api="CreateDynamicThingGroup.thingGroupProperties.thingGroupDescription",
        default=None,
    )
    attributes: Mapping[str, str] = member(
        "Attributes.",
        api="CreateDynamicThingGroup.thingGroupProperties.attributePayload.attributes",
        factory=dict,
    )
    index_name: str = member(
        "The index that is asked.", api="CreateDynamicThingGroup.indexName", default="AWS_Things"
    )
    query_version: str = member(
        "The version of the query language.",
        api="CreateDynamicThingGroup.queryVersion",
        default="2017-09-30",
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateDynamicThingGroup.tags", factory=dict)


class DynamicThingGroups(Kind):
    """Dynamic thing groups: found by name, owned by tag."""

    table = "dynamic_thing_groups"
    noun = "dynamic thing group"
    spec_class = DynamicThingGroup
    operations = Operations(
        read=("ListThingGroups", "DescribeThingGroup", "ListTagsForResource"),
        create=("CreateDynamicThingGroup",),
        update=("UpdateDynamicThingGroup", "UntagResource", "TagResource"),
        delete=("DeleteDynamicThingGroup",),
        forget=("UntagResource", "TagResource"),
    )
    listing = Listing("ListThingGroups", "thingGroups", "groupName", "groupArn")
    name_api = "CreateDynamicThingGroup.thingGroupName"
    write_operations = ("CreateDynamicThingGroup", "UpdateDynamicThingGroup")
    derived_members = DERIVED_MEMBERS
    shares_names_with = frozenset({"thing_groups"})
    reads_after = frozenset({"thing_groups"})

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks."""
        return check_room_for_tags("tags", resource.spec.tags, OWNERSHIP_TAG_COUNT)

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Every group that is not known to be static, by itself: AWS lists both sorts together and does not tell which."""
        names = yield from list_names(self, scope)
        static = {live.identity for live in scope.live_of("thing_groups")}
        unknown = [name for name in names if name not in static]
        answers = yield from request_each("DescribeThingGroup", "thingGroupName", unknown)
        found = {answer["thingGroupName"]: answer for answer in answers if answer and "queryString" in answer}
        wanted = {resource.address.name for resource in scope.resources_of(self.table)}
        arns = {name: answer["thingGroupArn"] for name, answer in found.items()}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        return [_live(found[name], tags) for name, tags in matter.items()]

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included."""
        spec: DynamicThingGroup = change.resource.spec
        params = {
            "thingGroupName": change.address.name,
            "thingGroupProperties": _properties(spec),
            **_query(spec),
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        return [
            ApiCall(
                "iot", "CreateDynamicThingGroup", params, verification=verify_thing_group(change.address.name)
            )
        ]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Properties and query in one call, only over the version that the plan saw; tags in their own."""
        spec: DynamicThingGroup = change.resource.spec
        calls = []
        if any(not (field.path == "workspace" or field.path.startswith("tags.")) for field in change.fields):
            properties = {"thingGroupDescription": "", **_properties(spec)}
            if not change.has_changed("attributes"):
                del properties["attributePayload"]
            params = {
                "thingGroupName": change.live.identity,
                "thingGroupProperties": properties,
                **_query(spec),
                "expectedVersion": change.live.version,
            }
            proof = verify_thing_group(change.live.identity)
            calls.append(ApiCall("iot", "UpdateDynamicThingGroup", params, verification=proof))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """What the query finds does not stand in the way."""
        params = {"thingGroupName": change.live.identity, "expectedVersion": change.live.version}
        return [ApiCall("iot", "DeleteDynamicThingGroup", params, ignored_errors=NOT_FOUND)]

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


def _query(spec: DynamicThingGroup) -> dict[str, str]:
    return {
        "indexName": spec.index_name,
        "queryString": spec.query_string,
        "queryVersion": spec.query_version,
    }


def _properties(spec: DynamicThingGroup) -> dict[str, Any]:
    properties: dict[str, Any] = {"attributePayload": {"attributes": dict(spec.attributes), "merge": False}}
    if spec.description is not None:
        properties["thingGroupDescription"] = spec.description
    return properties


def _live(answer: Mapping[str, Any], tags: Mapping[str, str]) -> Live:
    properties = answer.get("thingGroupProperties", {})
    spec = DynamicThingGroup(
        query_string=answer["queryString"],
        description=properties.get("thingGroupDescription") or None,
        attributes=properties.get("attributePayload", {}).get("attributes", {}),
        index_name=answer.get("indexName", "AWS_Things"),
        query_version=answer.get("queryVersion", "2017-09-30"),
        tags=user_tags(tags),
    )
    arn = answer["thingGroupArn"]
    return tagged_live(answer["thingGroupName"], spec, tags, arn, version=answer["version"])


KIND = DynamicThingGroups()
