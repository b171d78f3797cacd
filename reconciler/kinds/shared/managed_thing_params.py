"""Request parameters for a managed thing's spec."""

from __future__ import annotations

import json
from typing import Any

from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.tags import TAG_PREFIX
from reconciler.kinds.shared.managed_setup_code import HashedText
from reconciler.kinds.shared.managed_thing_spec import (
    CAPABILITY_MEMBERS,
    CREDENTIAL_LOCKER,
    OPTIONAL_MEMBERS,
    ManagedThing,
    WiFiSimpleSetup,
    find_optional_fields,
)
from reconciler.model.resource import Resource


def to_update_params(
    resource: Resource, context: PlanContext, *, with_capabilities: bool = True
) -> dict[str, Any]:
    """Return the parameters of UpdateManagedThing for the fields that the file sets, without the ID.

    Without `with_capabilities`, the capabilities are left out, so that AWS keeps the live ones, which the device may have
    refined.
    """
    spec: ManagedThing = resource.spec
    params: dict[str, Any] = {"Name": spec.name or resource.address.name}
    for name in find_optional_fields(spec):
        params[OPTIONAL_MEMBERS[name]] = _to_param(name, getattr(spec, name), context)
    if with_capabilities:
        params |= _to_capability_params(spec)
    # The meta data always contains the address: AWS may reject empty meta data, or take it for "no change" in an update.
    thing_entry = {f"{TAG_PREFIX}thing": context.resolve_identity("things", spec.thing)} if spec.thing else {}
    params["MetaData"] = {**spec.meta_data, **thing_entry, f"{TAG_PREFIX}address": str(resource.address)}
    return params


def _to_capability_params(spec: ManagedThing) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for name, member_name in CAPABILITY_MEMBERS.items():
        value = getattr(spec, name)
        if isinstance(value, HashedText) and value.text is not None:
            # Capabilities are sent as JSON text, the other members as documents.
            params[member_name] = value.text if name == "capabilities" else json.loads(value.text)
    return params


def _to_param(name: str, value: Any, context: PlanContext) -> Any:
    if name == CREDENTIAL_LOCKER:
        return context.resolve_identity("credential_lockers", value)
    if isinstance(value, WiFiSimpleSetup):
        return {
            "EnableAsProvisioner": value.enable_as_provisioner,
            "EnableAsProvisionee": value.enable_as_provisionee,
            "TimeoutInMinutes": value.timeout_in_minutes,
        }
    return value
