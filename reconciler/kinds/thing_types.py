"""Thing types: the attributes that things of a type share.

Source: AWS IoT API reference, CreateThingType and related operations; developer guide, "Thing types": a type can be deleted
five minutes after its deprecation at the earliest, and only while no thing has it. UpdateThingType takes only the MQTT 5
configuration ("Can only update mqtt5Configuration", aws-cli issue 9884); to change the description or the searchable
attributes, the type is replaced, as Terraform's provider does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import SEARCHABLE_ATTRIBUTES
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.declarations import Listing, Operations
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.outside import Description
from reconciler.kinds.base.reads import NOT_FOUND, PAGE_SIZE, read_tags_of_desired_or_owned, request_each
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
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Live, Resource
from reconciler.model.text import join_some, quote

MAX_SEARCHABLE_ATTRIBUTES = 3
"""Searchable attributes of one type (AWS General Reference, AWS IoT Device Management quotas)."""

MIN_DEPRECATED_SECONDS = 300.0
"""Seconds for which a type has to be deprecated before AWS deletes it."""

_EXTRA_WAIT_SECONDS = 60.0
"""Seconds that a deletion waits in addition, because AWS may be late."""

_PROPERTIES = "CreateThingType.thingTypeProperties"


@frozen
class PropagatingAttribute:
    """A user property of a thing's MQTT 5 messages, with the attribute that is its value."""

    user_property_key: str = member("The key of the user property.")
    thing_attribute: str | None = member("The attribute of the thing that is the value.", default=None)
    connection_attribute: str | None = member(
        "The attribute of the connection that is the value.", default=None
    )


@frozen
class ThingType:
    """`[thing_types.*]`."""

    description: str | None = member(
        "Description of the type.",
        api=f"{_PROPERTIES}.thingTypeDescription",
        on_change="replaces",
        default=None,
    )
    searchable_attributes: tuple[str, ...] = member(
        "The attributes by which things of this type can be searched.",
        api=f"{_PROPERTIES}.searchableAttributes",
        on_change="replaces",
        default=(),
    )
    propagating_attributes: tuple[PropagatingAttribute, ...] = member(
        "User properties of the MQTT 5 messages of things of this type.",
        api=f"{_PROPERTIES}.mqtt5Configuration.propagatingAttributes",
        default=(),
    )
    deprecated: bool = member(
        "Whether no more things can get the type; those that have it keep it.",
        api="DeprecateThingType.undoDeprecate",
        default=False,
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateThingType.tags", factory=dict)


def _find_deprecation(thing_type: Response) -> str | None:
    """Return why no thing can get a type, or None."""
    if not thing_type.get("thingTypeMetadata", {}).get("deprecated"):
        return None
    name = quote(thing_type["thingTypeName"])
    return f"the thing type {name} is deprecated, so no thing can get it; choose another type"


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
    name_api = "CreateThingType.thingTypeName"
    listing = Listing("ListThingTypes", "thingTypes", "thingTypeName")
    description = Description("DescribeThingType", "thingTypeName", _find_deprecation)
    write_operations = ("CreateThingType", "UpdateThingType", "DeprecateThingType")
    used_by_table = "things"

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Check the tags, the number of searchable attributes, and the source of each propagating one."""
        spec: ThingType = resource.spec
        yield from check_room_for_added_entries("tags", spec.tags, OWNERSHIP_TAG_COUNT)
        yield from SEARCHABLE_ATTRIBUTES.check(len(spec.searchable_attributes), ("searchable_attributes",))
        for attribute in spec.propagating_attributes:
            if (attribute.thing_attribute is None) == (attribute.connection_attribute is None):
                problem = f"{quote(attribute.user_property_key)} needs exactly one source"
                expected = "either thing_attribute or connection_attribute"
                path = ("propagating_attributes",)
                yield ValueProblem("conflicting-fields", problem, expected, path=path)

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> ThingType:
        """Return the spec in AWS's form: attributes sorted, and no empty description."""
        return _normalize(resource.spec)

    def identity(self, resource: Resource) -> str:
        """Return the name."""
        return resource.address.name

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Read the desired and the owned types, and the things of those that may be deleted or replaced.

        If types are read again before the apply changes them, only these types are read.
        """
        is_reread = scope.previous_states is not None
        if scope.previous_states is None:
            (listing,) = yield [ApiCall("iot", "ListThingTypes")]
            responses = listing["thingTypes"]
        else:
            names = sorted(scope.previous_states)
            responses = yield from request_each("DescribeThingType", "thingTypeName", names)
        types = {response["thingTypeName"]: response for response in responses if response}
        desired = [*scope.iterate_resources(self.table)]
        desired_names = {resource.address.name for resource in desired}
        arns = {name: response["thingTypeArn"] for name, response in types.items()}
        tags_by_name = yield from read_tags_of_desired_or_owned(scope, desired_names, arns)
        # A replacement deletes the live type, too.
        kept_names = {resource.address.name for resource in desired if _can_stay(resource, types)}
        is_all_deletable = is_reread or scope.is_destroy
        deletable_names = [name for name in tags_by_name if is_all_deletable or name not in kept_names]
        things_by_type = yield from _read_things(deletable_names)
        return [
            _to_live(types[name], tags, things_by_type.get(name, ())) for name, tags in tags_by_name.items()
        ]

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject replacing a type that things have, and deleting one that things keep.

        For each type, at most one page of things is read.
        """
        if isinstance(change, Replace) and change.live.used_by:
            yield (
                "cannot replace: AWS cannot change the description or the searchable attributes of a thing type that "
                f"things have ({join_some(change.live.used_by)}); create a type of another name and give it to them"
            )
        if not isinstance(change, Delete):
            return
        users = context.live_users.get(change.address, ())
        released = {
            context.find_thing_name(user)
            for user in users
            if isinstance(context.changes.get(user), Update | Delete)
        }
        remaining = sorted(set(change.live.used_by) - released)
        if remaining:
            yield (
                f"cannot delete: things that this plan does not change have the type ({join_some(remaining)}); "
                "give them another type first, or keep this one with deprecated = true"
            )

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Warn of how long a deletion takes."""
        if isinstance(change, Delete | Replace):
            minutes = f"{MIN_DEPRECATED_SECONDS / 60:.0f} minutes"
            yield f"AWS deletes a thing type at the earliest {minutes} after its deprecation; the step waits for that"

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the type with its ownership tags, and deprecate it if the file does."""
        spec: ThingType = change.resource.spec
        name = change.address.name
        params = {
            "thingTypeName": name,
            "thingTypeProperties": _to_properties(spec),
            "tags": to_tag_list(with_ownership_tags(change.resource, context.workspace)),
        }
        create = ApiCall("iot", "CreateThingType", params, idempotent=True)
        return [create, _deprecate(name)] if spec.deprecated else [create]

    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Update propagating attributes, deprecation and tags; AWS can change nothing else."""
        spec: ThingType = change.resource.spec
        name = change.live.identity
        calls = []
        if change.has_changed("propagating_attributes"):
            attributes = [_to_params(attribute) for attribute in spec.propagating_attributes]
            properties = {"mqtt5Configuration": {"propagatingAttributes": attributes}}
            params = {"thingTypeName": name, "thingTypeProperties": properties}
            calls.append(ApiCall("iot", "UpdateThingType", params, idempotent=True))
        if change.has_changed("deprecated"):
            calls.append(_deprecate(name, undo=not spec.deprecated))
        tags = with_ownership_tags(change.resource, context.workspace)
        return [*calls, *retag("iot", change.live.arn, change.live.tags, tags)]

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Delete the old type before creating the new one, as both have the same name."""
        return [*_delete(change.live), *self.create(Create(change.resource, change.fields), context)]

    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Deprecate the type, wait, and delete it."""
        return _delete(change.live)

    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Remove the ownership tags."""
        return [*remove_ownership_tags("iot", change.live)]

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the compared fields; for a deletion also the things that have the type.

        If another thing got the type, AWS would not delete the type, and the step would wait until it times out.
        """
        fields = super().precondition(live, deletes=deletes)
        return {**fields, "things": live.used_by} if deletes else fields


def _read_things(types: Sequence[str]) -> Read[dict[str, tuple[str, ...]]]:
    """Return the names of the things of each type, at most one page."""
    responses = yield [
        ApiCall("iot", "ListThings", {"thingTypeName": name}, max_items=PAGE_SIZE) for name in types
    ]
    return {
        name: tuple(thing["thingName"] for thing in response["things"])
        for name, response in zip(types, responses, strict=True)
    }


def _can_stay(resource: Resource, types: Mapping[str, Response]) -> bool:
    """Return whether the live type, if any, can become the desired one without a replacement."""
    response = types.get(resource.address.name)
    if response is None:
        return True
    desired, live = _normalize(resource.spec), _to_live(response, {}, ()).spec
    return bool(
        desired.description == live.description
        and desired.searchable_attributes == live.searchable_attributes
    )


def _delete(live: Live) -> list[ApiCall]:
    """Return the calls that deprecate a type, unless it is deprecated, and delete it.

    AWS responds with InvalidRequestException until a deletion is possible.
    """
    delete = ApiCall(
        "iot",
        "DeleteThingType",
        {"thingTypeName": live.identity},
        ignored_errors=NOT_FOUND,
        retried_errors={"InvalidRequestException"},
        timeout_seconds=MIN_DEPRECATED_SECONDS + _EXTRA_WAIT_SECONDS,
    )
    return [delete] if live.spec.deprecated else [_deprecate(live.identity), delete]


def _deprecate(name: str, *, undo: bool = False) -> ApiCall:
    params = {"thingTypeName": name, "undoDeprecate": undo}
    return ApiCall("iot", "DeprecateThingType", params, idempotent=True)


def _to_properties(spec: ThingType) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if spec.description is not None:
        properties["thingTypeDescription"] = spec.description
    if spec.searchable_attributes:
        properties["searchableAttributes"] = list(spec.searchable_attributes)
    if spec.propagating_attributes:
        attributes = [_to_params(attribute) for attribute in spec.propagating_attributes]
        properties["mqtt5Configuration"] = {"propagatingAttributes": attributes}
    return properties


def _to_params(attribute: PropagatingAttribute) -> dict[str, str]:
    params = {
        "userPropertyKey": attribute.user_property_key,
        "thingAttribute": attribute.thing_attribute,
        "connectionAttribute": attribute.connection_attribute,
    }
    return {key: value for key, value in params.items() if value is not None}


def _normalize(spec: ThingType) -> ThingType:
    return attrs.evolve(
        spec,
        description=spec.description or None,
        searchable_attributes=tuple(sorted(spec.searchable_attributes)),
        propagating_attributes=tuple(sorted(spec.propagating_attributes, key=str)),
    )


def _to_live(response: Response, tags: Mapping[str, str], things: Sequence[str]) -> Live:
    properties = response.get("thingTypeProperties", {})
    attributes = properties.get("mqtt5Configuration", {}).get("propagatingAttributes", ())
    spec = ThingType(
        description=properties.get("thingTypeDescription"),
        searchable_attributes=tuple(properties.get("searchableAttributes", ())),
        propagating_attributes=tuple(
            PropagatingAttribute(
                attribute["userPropertyKey"],
                attribute.get("thingAttribute"),
                attribute.get("connectionAttribute"),
            )
            for attribute in attributes
        ),
        deprecated=bool(response.get("thingTypeMetadata", {}).get("deprecated")),
        tags=select_user_tags(tags),
    )
    live = build_tagged_live(response["thingTypeName"], _normalize(spec), tags, response["thingTypeArn"])
    return attrs.evolve(live, used_by=tuple(things))


KIND = ThingTypes()
