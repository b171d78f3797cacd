"""ListManagedThingSchemas: the schemas of a managed thing's capabilities, by endpoint.

The managed thing has a schema per capability, and its capability report lists each endpoint's capabilities. A schema that no
endpoint uses is returned without an endpoint (UNCONFIRMED), so that none is lost.
"""

import json
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.managed_things import SERVICE, require_managed_thing
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER


@operation(SERVICE, "ListManagedThingSchemas")
def list_managed_thing_schemas(context: Context, params: Params) -> Output | None:
    """Return the schemas that match the given filters, sorted by endpoint and capability.

    Raises ResourceNotFound, ValidationException for an invalid `NextToken`.
    """
    page = MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    row = require_managed_thing(context, params["Identifier"])
    filters = {"EndpointId": params.get("EndpointIdFilter"), "CapabilityId": params.get("CapabilityIdFilter")}
    items = [
        item
        for item in _list_schemas(json.loads(row["capabilities"]))
        if all(value is None or item.get(name) == value for name, value in filters.items())
    ]
    # The key of an item is its position, so an update of the capabilities between two pages may move items across them.
    after = page.after[0] if page.after else 0
    numbered_items = list(enumerate(items, 1))[after : after + page.limit]
    return page.build_output("Items", numbered_items, key=lambda pair: (pair[0],), item=lambda pair: pair[1])


def _list_schemas(capabilities: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an item for each schema and each endpoint that uses it, sorted by endpoint and capability."""
    endpoint_ids_by_capability: dict[str, list[str]] = {}
    for endpoint in capabilities.get("CapabilityReport", {}).get("endpoints", []):
        for capability in endpoint["capabilities"]:
            endpoint_ids_by_capability.setdefault(capability["id"], []).append(endpoint["id"])
    items: list[dict[str, Any]] = []
    for schema in capabilities.get("CapabilitySchemas", []):
        item = {"CapabilityId": schema["CapabilityId"], "Schema": schema["Schema"]}
        endpoint_ids = endpoint_ids_by_capability.get(schema["CapabilityId"], [])
        items += [{"EndpointId": endpoint_id, **item} for endpoint_id in endpoint_ids] or [item]
    return sorted(items, key=lambda item: (item.get("EndpointId", ""), item["CapabilityId"]))
