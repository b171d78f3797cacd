"""Static thing groups: what things belong to; one of them marks the things that the workspace owns.

Source: AWS IoT API reference, CreateThingGroup and its neighbours; developer guide, "Static thing groups".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import frozen

from reconciler.kinds.fields import member
from reconciler.kinds.kind import OWNER_TAG, Complaint, Kind, Reading, Scope, World
from reconciler.kinds.reading import MISSING
from reconciler.kinds.tags import OURS, as_list, as_map, crowded, marked, retag, users
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Delete, Replace, Update
from reconciler.model.resource import Desired, Live, Resource


@frozen
class ThingGroup:
    """`[thing_groups.*]`."""

    description: str | None = member(
        "What the group is for.",
        api="CreateThingGroup.thingGroupProperties.thingGroupDescription",
        default=None,
    )
    attributes: Mapping[str, str] = member(
        "Attributes.", api="CreateThingGroup.thingGroupProperties.attributePayload.attributes", factory=dict
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateThingGroup.tags", factory=dict)


class ThingGroups(Kind):
    """Static thing groups: found by name, owned by tag."""

    table = "thing_groups"
    noun = "thing group"
    spec = ThingGroup
    name_api = "CreateThingGroup.thingGroupName"

    def check(self, resource: Resource, desired: Desired) -> Iterable[Complaint]:  # noqa: ARG002 (no neighbour counts)
        """There is room for the marks."""
        return crowded("tags", resource.spec.tags, OURS)

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Reading:
        """All groups of the account in pages, the tags of each, and the details of those that matter."""
        (listed,) = yield [ApiCall("iot", "ListThingGroups")]
        arns = {item["groupName"]: item["groupArn"] for item in listed["thingGroups"]}
        answers = yield [
            ApiCall("iot", "ListTagsForResource", {"resourceArn": arn}, tolerates=MISSING)
            for arn in arns.values()
        ]
        tags = {name: as_map(answer.get("tags", ())) for name, answer in zip(arns, answers, strict=True)}
        wanted = {resource.address.name for resource in scope.of(self.table)}
        matter = [name for name in arns if name in wanted or tags[name].get(OWNER_TAG) == scope.workspace]
        details = yield [
            ApiCall("iot", "DescribeThingGroup", {"thingGroupName": name}, tolerates=MISSING)
            for name in matter
        ]
        return [_live(detail, tags[name]) for name, detail in zip(matter, details, strict=True) if detail]

    def create(self, change: Create, world: World) -> Sequence[ApiCall]:
        """One call, the mark included."""
        spec: ThingGroup = change.resource.spec
        params = {
            "thingGroupName": change.address.name,
            "thingGroupProperties": _properties(spec),
            "tags": as_list(marked(spec.tags, world.workspace, change.address.name)),
        }
        return [ApiCall("iot", "CreateThingGroup", params)]

    def update(self, change: Update, world: World) -> Sequence[ApiCall]:
        """Properties in one call, only over the version that the plan saw; tags in their own."""
        spec: ThingGroup = change.resource.spec
        calls = []
        if change.changes("description") or change.changes("attributes"):
            properties = _properties(spec)
            properties.setdefault("thingGroupDescription", "")
            if not change.changes("attributes"):
                del properties["attributePayload"]
            params = {"thingGroupName": change.live.identity, "thingGroupProperties": properties}
            calls.append(
                ApiCall("iot", "UpdateThingGroup", {**params, "expectedVersion": change.live.version})
            )
        after = marked(spec.tags, world.workspace, change.address.name)
        return [*calls, *retag("iot", change.live.facts["arn"], change.live.facts["tags"], after)]

    def replace(self, change: Replace, world: World) -> Sequence[ApiCall]:
        """Nothing of a group that is kept here needs it."""
        raise NotImplementedError(f"{change.address} has no field that forces a replacement")

    def delete(self, change: Delete, world: World) -> Sequence[ApiCall]:  # noqa: ARG002 (its name is all it takes)
        """Things in it do not stand in the way."""
        params = {"thingGroupName": change.live.identity, "expectedVersion": change.live.version}
        return [ApiCall("iot", "DeleteThingGroup", params, tolerates=MISSING)]


def _properties(spec: ThingGroup) -> dict[str, Any]:
    properties: dict[str, Any] = {"attributePayload": {"attributes": dict(spec.attributes), "merge": False}}
    if spec.description is not None:
        properties["thingGroupDescription"] = spec.description
    return properties


def _live(answer: Mapping[str, Any], tags: Mapping[str, str]) -> Live:
    properties = answer.get("thingGroupProperties", {})
    spec = ThingGroup(
        description=properties.get("thingGroupDescription") or None,
        attributes=properties.get("attributePayload", {}).get("attributes", {}),
        tags=users(tags),
    )
    facts = {"tags": tags, "arn": answer["thingGroupArn"]}
    return Live(answer["thingGroupName"], spec, answer["version"], tags.get(OWNER_TAG), facts)


KIND = ThingGroups()
