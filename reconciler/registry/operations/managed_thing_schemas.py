"""ListManagedThingSchemas: the schemas of a managed thing's capabilities, endpoint by endpoint.

A schema was given with the managed thing, for a capability; the capability report says which endpoints have that. What no
endpoint has is given without one (UNCONFIRMED), so that nothing that was given is lost.
"""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.managed_things import SERVICE, require_managed_thing
from reconciler.registry.paging import MANAGED


@operation(SERVICE, "ListManagedThingSchemas")
def list_managed_thing_schemas(context: Context, params: Params) -> Output | None:
    """Give the schemas that pass both filters, by endpoint and capability.

    Raises ResourceNotFound, ValidationException for a bad token.
    """
    page = MANAGED.start(context, params)
    row = require_managed_thing(context, params["Identifier"])
    wanted = {"EndpointId": params.get("EndpointIdFilter"), "CapabilityId": params.get("CapabilityIdFilter")}
    items = [
        item
        for item in _schemas(json.loads(row["capabilities"]))
        if all(value is None or item.get(name) == value for name, value in wanted.items())
    ]
    after = page.after[0] if page.after else 0
    numbered = list(enumerate(items, 1))[after : after + page.limit]
    return page.build_output("Items", numbered, key=lambda one: (one[0],), item=lambda one: one[1])


def _schemas(capabilities: dict[str, Any]) -> list[dict[str, Any]]:
    endpoints: dict[str, list[str]] = {}
    for endpoint in capabilities.get("CapabilityReport", {}).get("endpoints", []):
        for capability in endpoint["capabilities"]:
            endpoints.setdefault(capability["id"], []).append(endpoint["id"])
    items: list[dict[str, Any]] = []
    for schema in capabilities.get("CapabilitySchemas", []):
        item = {"CapabilityId": schema["CapabilityId"], "Schema": schema["Schema"]}
        found = endpoints.get(schema["CapabilityId"], [])
        items += [{"EndpointId": endpoint, **item} for endpoint in found] or [item]
    return sorted(items, key=lambda item: (item.get("EndpointId", ""), item["CapabilityId"]))
