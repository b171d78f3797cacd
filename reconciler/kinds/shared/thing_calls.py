"""Calls that create a thing, and that update its type and its attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.verification import build_thing_verification
from reconciler.kinds.shared.thing_spec import Thing
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Update


def create_thing(change: Create, context: PlanContext) -> ApiCall:
    """Return the call that creates the thing, with type, attributes and billing group."""
    spec: Thing = change.resource.spec
    params: dict[str, Any] = {"thingName": change.address.name}
    if spec.thing_type is not None:
        params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
    if spec.attributes:
        params["attributePayload"] = {"attributes": dict(spec.attributes)}
    if spec.billing_group is not None:
        params["billingGroupName"] = context.resolve_identity("billing_groups", spec.billing_group)
    return ApiCall("iot", "CreateThing", params, idempotent=True)


def update_thing(change: Update, context: PlanContext) -> Iterator[ApiCall]:
    """Yield the call that updates type and attributes, if they change; AWS rejects it for another version."""
    spec: Thing = change.resource.spec
    name = change.address.name
    params: dict[str, Any] = {}
    if change.has_changed("attributes"):
        params["attributePayload"] = {"attributes": dict(spec.attributes), "merge": False}
    if change.has_changed("thing_type"):
        if spec.thing_type is None:
            params["removeThingType"] = True
        else:
            params["thingTypeName"] = context.resolve_identity("thing_types", spec.thing_type)
    if params:
        params = {"thingName": name, "expectedVersion": change.live.version, **params}
        yield ApiCall("iot", "UpdateThing", params, verification=build_thing_verification(name))
