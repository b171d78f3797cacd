"""How RegisterThing makes a thing, or changes one that exists. No operation is here.

Law: each property that a template gives is compared with the thing's; where they differ its setting decides: DO_NOTHING
leaves the thing's, REPLACE takes the template's, MERGE adds the template's to the thing's, FAIL refuses before anything of
the thing is written. For the billing group there is no setting: a thing that exists keeps its own (UNCONFIRMED).
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
        _create(context, part)
        return
    groups = _groups_of(context, existing)
    differing = _differing(part, existing, groups)
    for key in differing:
        if part.resource.setting(key) == "FAIL":
            message = f"The thing {part.name} has another {key} already."
            raise ApiError("ResourceRegistrationFailureException", message)
    changes = _changes(part, differing)
    if changes:
        call_operation(context, "UpdateThing", {"thingName": part.name, **changes})
    if "ThingGroups" in differing:
        _regroup(context, part, groups)


def _create(context: Context, part: ThingPart) -> None:
    payload = None if part.attributes is None else {"attributes": dict(part.attributes)}
    params = {
        "thingName": part.name,
        "thingTypeName": part.type,
        "attributePayload": payload,
        "billingGroupName": part.billing_group,
    }
    call_operation(context, "CreateThing", params)
    for group in part.groups or ():
        _join(context, part, group)


def _differing(part: ThingPart, known: Row, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Give the properties whose value is another one than the thing's."""
    differs = {
        "ThingTypeName": part.type is not None and part.type != known["type"],
        "AttributePayload": part.attributes is not None
        and dict(part.attributes) != json.loads(known["attributes"]),
        "ThingGroups": part.groups is not None and set(part.groups) != set(groups),
    }
    return tuple(key for key, different in differs.items() if different)


def _changes(part: ThingPart, differing: tuple[str, ...]) -> Mapping[str, object]:
    """Give the parameters of the one update that REPLACE and MERGE come to."""
    changes: dict[str, object] = {}
    if "ThingTypeName" in differing and part.resource.setting("ThingTypeName") == "REPLACE":
        changes["thingTypeName"] = part.type
    setting = part.resource.setting("AttributePayload")
    if "AttributePayload" in differing and setting != "DO_NOTHING":
        changes["attributePayload"] = {"attributes": dict(part.attributes or {}), "merge": setting == "MERGE"}
    return changes


def _regroup(context: Context, part: ThingPart, groups: tuple[str, ...]) -> None:
    setting, wanted = part.resource.setting("ThingGroups"), part.groups or ()
    if setting == "REPLACE":
        for group in groups:
            if group not in wanted:
                named = {"thingName": part.name, "thingGroupName": group}
                call_operation(context, "RemoveThingFromThingGroup", named)
    if setting != "DO_NOTHING":
        for group in wanted:
            _join(context, part, group)


def _join(context: Context, part: ThingPart, group: str) -> None:
    call_operation(context, "AddThingToThingGroup", {"thingName": part.name, "thingGroupName": group})


def _groups_of(context: Context, thing: Row) -> tuple[str, ...]:
    """Give the names of the static groups that a thing is in."""
    rows = context.tx.all(
        "SELECT g.name FROM thing_group_members m JOIN thing_groups g ON g.seq = m.thing_group WHERE m.thing = ?",
        thing["seq"],
    )
    return tuple(row["name"] for row in rows)
