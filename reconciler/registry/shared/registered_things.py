"""How RegisterThing creates a thing or updates an existing one.

Invariant: the thing type, the attributes and the thing groups that the template has are compared with those of an existing
thing. Where they differ, the template's setting for that property decides: DO_NOTHING keeps the thing's value, REPLACE takes the
template's, MERGE adds the template's attributes or groups to the thing's, and FAIL raises an error before the thing is changed.
The billing group has no setting: an existing thing keeps its own (UNCONFIRMED).
"""

import json
from collections.abc import Mapping

from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.internal_calls import call_operation
from reconciler.registry.store import Row
from reconciler.registry.templates.parts import ThingPart


def ensure_thing(context: Context, part: ThingPart, existing: Row | None) -> None:
    """Create the thing, or resolve its differences from the template.

    Raises ResourceRegistrationFailure for a difference whose setting is FAIL, and what the called operations raise.
    """
    if existing is None:
        _create_thing(context, part)
        return
    groups = _read_group_names(context, existing)
    differences = _find_differences(part, existing, groups)
    for key in differences:
        if part.resource.get_setting(key) == "FAIL":
            message = f"The thing {part.name} already has a different {key}."
            raise ApiError("ResourceRegistrationFailureException", message)
    changes = _build_update_params(part, differences)
    if changes:
        call_operation(context, "UpdateThing", {"thingName": part.name, **changes})
    if "ThingGroups" in differences:
        _update_groups(context, part, groups)


def _create_thing(context: Context, part: ThingPart) -> None:
    payload = None if part.attributes is None else {"attributes": dict(part.attributes)}
    params = {
        "thingName": part.name,
        "thingTypeName": part.type,
        "attributePayload": payload,
        "billingGroupName": part.billing_group,
    }
    call_operation(context, "CreateThing", params)
    for group in part.groups or ():
        _add_to_group(context, part, group)


def _find_differences(part: ThingPart, existing: Row, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the template's properties whose values differ from the thing's."""
    attributes = json.loads(existing["attributes"])
    is_different_by_key = {
        "ThingTypeName": part.type is not None and part.type != existing["type"],
        "AttributePayload": part.attributes is not None and dict(part.attributes) != attributes,
        "ThingGroups": part.groups is not None and set(part.groups) != set(groups),
    }
    return tuple(key for key, is_different in is_different_by_key.items() if is_different)


def _build_update_params(part: ThingPart, differences: tuple[str, ...]) -> Mapping[str, object]:
    """Return UpdateThing's parameters for a different type or attributes; empty if both stay as they are."""
    changes: dict[str, object] = {}
    if "ThingTypeName" in differences and part.resource.get_setting("ThingTypeName") == "REPLACE":
        changes["thingTypeName"] = part.type
    setting = part.resource.get_setting("AttributePayload")
    if "AttributePayload" in differences and setting != "DO_NOTHING":
        changes["attributePayload"] = {"attributes": dict(part.attributes or {}), "merge": setting == "MERGE"}
    return changes


def _update_groups(context: Context, part: ThingPart, groups: tuple[str, ...]) -> None:
    setting, template_groups = part.resource.get_setting("ThingGroups"), part.groups or ()
    if setting == "REPLACE":
        for group in groups:
            if group not in template_groups:
                params = {"thingName": part.name, "thingGroupName": group}
                call_operation(context, "RemoveThingFromThingGroup", params)
    if setting != "DO_NOTHING":
        for group in template_groups:
            _add_to_group(context, part, group)


def _add_to_group(context: Context, part: ThingPart, group: str) -> None:
    call_operation(context, "AddThingToThingGroup", {"thingName": part.name, "thingGroupName": group})


def _read_group_names(context: Context, thing: Row) -> tuple[str, ...]:
    """Return the names of the static groups that a thing is in."""
    rows = context.tx.fetch_all(
        "SELECT g.name FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group WHERE m.thing = ?",
        thing["seq"],
    )
    return tuple(row["name"] for row in rows)
