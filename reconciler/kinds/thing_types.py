"""Thing types: which attributes things of one sort have.

Source: AWS IoT API reference, CreateThingType and its neighbours; developer guide, "Thing types": a type is deleted five
minutes after its deprecation at the earliest, and while nothing has it. UpdateThingType takes the MQTT 5 configuration alone
("Can only update mqtt5Configuration", aws-cli issue 9884); Terraform's provider replaces a type for the rest, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.kind import Kind, Listing, Operations
from reconciler.kinds.base.reads import NOT_FOUND, PAGE_SIZE, request_each, select_wanted_or_owned
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
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some

MAX_SEARCHABLE_ATTRIBUTES = 3
"""Searchable attributes of one type (AWS General Reference, AWS IoT Device Management quotas)."""

MIN_DEPRECATED_SECONDS = 300.0
"""How long after its deprecation AWS deletes a type at the earliest."""

_SLACK_SECONDS = 60.0

_PROPERTIES = "CreateThingType.thingTypeProperties"


@frozen
class PropagatingAttribute:
    """What is added to a thing's MQTT 5 messages: an attribute of the thing or of its connection, under a key."""

    user_property_key: str
    thing_attribute: str | None = None
    connection_attribute: str | None = None


@frozen
class ThingType:
    """`[thing_types.*]`."""

    description: str | None = member(
        "What the type is for.",
        api=f"{_PROPERTIES}.thingTypeDescription",
        on_change="replaces",
        default=None,
    )
    searchable_attributes: tuple[str, ...] = member(
        "The attributes by which things of this type are searched.",
        api=f"{_PROPERTIES}.searchableAttributes",
        on_change="replaces",
        default=(),
    )
    propagating_attributes: tuple[PropagatingAttribute, ...] = member(
        "What is added to the MQTT 5 messages of things of this type.",
        api=f"{_PROPERTIES}.mqtt5Configuration.propagatingAttributes",
        default=(),
    )
    deprecated: bool = member(
        "A deprecated type stays with the things that have it and is given to no other.",
        api="DeprecateThingType.undoDeprecate",
        default=False,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateThingType.tags", factory=dict)


class ThingTypes(Kind):
    """Thing types: found by name, owned by tag."""

    table = "thing_types"
    noun = "thing type"
    spec_class = ThingType
    operations = Operations(
        read=("ListThingTypes", "DescribeThingType", "ListTagsForResource", "ListThings"),
        create=("CreateThingType", "DeprecateThingType"),
        update=("UpdateThingType", "DeprecateThingType", "UntagResource", "TagResource"),
        replace=("DeprecateThingType", "DeleteThingType", "CreateThingType"),
        delete=("DeprecateThingType", "DeleteThingType"),
        forget=("UntagResource", "TagResource"),
    )
    used_by_table = "things"
    listing = Listing("ListThingTypes", "thingTypes", "thingTypeName")
    name_api = "CreateThingType.thingTypeName"
    write_operations = ("CreateThingType", "UpdateThingType", "DeprecateThingType")

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """There is room for the marks, and what propagates comes from one place."""
        spec: ThingType = resource.spec
        yield from check_room_for_tags("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        if len(spec.searchable_attributes) > MAX_SEARCHABLE_ATTRIBUTES:
            problem = f"{len(spec.searchable_attributes)} searchable attributes"
            yield ValueProblem(
                "too-many-items",
                problem,
                f"at most {MAX_SEARCHABLE_ATTRIBUTES}",
                path=("searchable_attributes",),
            )
        for found in spec.propagating_attributes:
            if (found.thing_attribute is None) == (found.connection_attribute is None):
                yield ValueProblem(
                    "conflicting-fields",
                    f"{found.user_property_key!r} comes from one place",
                    "either thing_attribute or connection_attribute",
                    path=("propagating_attributes",),
                )

    def effective(self, resource: Resource, scope: Scope) -> ThingType:
        """The order of attributes means nothing, and an empty description is none."""
        return _sorted(resource.spec)

    def identity(self, resource: Resource) -> str:
        """Its name."""
        return resource.address.name

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """All types of the account in pages, with all that they have, and the tags of each; who has one that goes."""
        if scope.previous_states is None:
            (listed,) = yield [ApiCall("iot", "ListThingTypes")]
            found = listed["thingTypes"]
        else:
            found = yield from request_each(
                "DescribeThingType", "thingTypeName", sorted(scope.previous_states)
            )
        items = {item["thingTypeName"]: item for item in found if item}
        wanted = {resource.address.name for resource in scope.resources_of(self.table)}
        arns = {name: item["thingTypeArn"] for name, item in items.items()}
        matter = yield from select_wanted_or_owned(scope, wanted, arns)
        kept = {
            resource.address.name for resource in scope.resources_of(self.table) if _fits(resource, items)
        }
        going = [name for name in matter if name not in kept or scope.previous_states is not None]
        answers = yield [
            ApiCall("iot", "ListThings", {"thingTypeName": name}, max_items=PAGE_SIZE) for name in going
        ]
        having = {
            name: tuple(thing["thingName"] for thing in answer["things"])
            for name, answer in zip(going, answers, strict=True)
        }
        return [_live(items[name], tags, having.get(name, ())) for name, tags in matter.items()]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """AWS would keep a type that a thing has got since waiting to the end of all patience."""
        seen = super().precondition(live, deletes=deletes)
        return {**seen, "things": live.used_by} if deletes else seen

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """One call, the mark included, and a second where it is born deprecated."""
        spec: ThingType = change.resource.spec
        params = {
            "thingTypeName": change.address.name,
            "thingTypeProperties": _properties(spec),
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        born = ApiCall("iot", "CreateThingType", params, idempotent=True)
        return [born, _deprecate(change.address.name)] if spec.deprecated else [born]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """What propagates is all that AWS changes of a type, beside its deprecation and tags."""
        spec: ThingType = change.resource.spec
        name, calls = change.live.identity, []
        if change.has_changed("propagating_attributes"):
            propagating = {
                "propagatingAttributes": [_propagating(item) for item in spec.propagating_attributes]
            }
            params = {"thingTypeName": name, "thingTypeProperties": {"mqtt5Configuration": propagating}}
            calls.append(ApiCall("iot", "UpdateThingType", params, idempotent=True))
        if change.has_changed("deprecated"):
            calls.append(_deprecate(name, undo=not spec.deprecated))
        after = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, after)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """The old one goes first: the name is taken. That it has no things is what the plan was made with."""
        return [*_removal(change.live), *self.create(Create(change.resource, change.fields), context)]

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """AWS deletes no type that things have; of many, the first page is looked at."""
        if isinstance(change, Replace) and (having := change.live.used_by):
            yield (
                "AWS changes neither the description nor the searchable attributes of a thing type, and replaces none that "
                f"things have ({join_some(having)}); make a type of another name and give them that"
            )
        if not isinstance(change, Delete):
            return
        users = context.live_users.get(change.address, ())
        leaving = {
            context.thing_name(user)
            for user in users
            if isinstance(context.changes.get(user), Update | Delete)
        }
        stay = sorted(set(change.live.used_by) - leaving)
        if stay:
            yield (
                "AWS deletes no thing type that things have, and things that this plan does not change have it "
                f"({join_some(stay)}); give them another type first, or keep it here as deprecated"
            )

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """The wait is no surprise."""
        if isinstance(change, Delete | Replace):
            minutes = f"{MIN_DEPRECATED_SECONDS / 60:.0f} minutes"
            yield f"AWS deletes a thing type {minutes} after its deprecation at the earliest; the step waits for that"

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deprecated, waited for, deleted."""
        return _removal(change.live)

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Our tags come off."""
        return [*remove_ownership_tags("iot", change.live)]


def _fits(resource: Resource, items: Mapping[str, Any]) -> bool:
    """Whether what is there, if anything is, can become what is wanted without a replacement."""
    item = items.get(resource.address.name)
    if item is None:
        return True
    wanted, there = _sorted(resource.spec), _live(item, {}, ()).spec
    return (wanted.description, wanted.searchable_attributes) == (
        there.description,
        there.searchable_attributes,
    )


def _removal(live: Live) -> list[ApiCall]:
    """Deprecate a type, if it is not, and delete it. AWS says InvalidRequest until the time has come."""
    gone = ApiCall(
        "iot",
        "DeleteThingType",
        {"thingTypeName": live.identity},
        ignored_errors=NOT_FOUND,
        retried_errors={"InvalidRequestException"},
        timeout_seconds=MIN_DEPRECATED_SECONDS + _SLACK_SECONDS,
    )
    return [gone] if live.spec.deprecated else [_deprecate(live.identity), gone]


def _deprecate(name: str, *, undo: bool = False) -> ApiCall:
    params = {"thingTypeName": name, "undoDeprecate": undo}
    return ApiCall("iot", "DeprecateThingType", params, idempotent=True)


def _properties(spec: ThingType) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if spec.description is not None:
        properties["thingTypeDescription"] = spec.description
    if spec.searchable_attributes:
        properties["searchableAttributes"] = list(spec.searchable_attributes)
    if spec.propagating_attributes:
        found = [_propagating(item) for item in spec.propagating_attributes]
        properties["mqtt5Configuration"] = {"propagatingAttributes": found}
    return properties


def _propagating(item: PropagatingAttribute) -> dict[str, str]:
    said = {
        "userPropertyKey": item.user_property_key,
        "thingAttribute": item.thing_attribute,
        "connectionAttribute": item.connection_attribute,
    }
    return {key: value for key, value in said.items() if value is not None}


def _sorted(spec: ThingType) -> ThingType:
    return attrs.evolve(
        spec,
        description=spec.description or None,
        searchable_attributes=tuple(sorted(spec.searchable_attributes)),
        propagating_attributes=tuple(sorted(spec.propagating_attributes, key=str)),
    )


def _live(item: Mapping[str, Any], tags: Mapping[str, str], things: Sequence[str]) -> Live:
    properties = item.get("thingTypeProperties", {})
    propagating = properties.get("mqtt5Configuration", {}).get("propagatingAttributes", ())
    spec = ThingType(
        description=properties.get("thingTypeDescription"),
        searchable_attributes=tuple(properties.get("searchableAttributes", ())),
        propagating_attributes=tuple(
            PropagatingAttribute(
                found["userPropertyKey"], found.get("thingAttribute"), found.get("connectionAttribute")
            )
            for found in propagating
        ),
        deprecated=bool(item.get("thingTypeMetadata", {}).get("deprecated")),
        tags=user_tags(tags),
    )
    live = tagged_live(item["thingTypeName"], _sorted(spec), tags, item["thingTypeArn"])
    return attrs.evolve(live, used_by=tuple(things))


KIND = ThingTypes()
