"""The public catalog of schemas: ListSchemaVersions and GetSchemaVersion.

The catalog is the same in every account, and accounts have no schemas of their own. AWS publishes its capabilities in the namespace
`matter`, one for each cluster of Matter 1.4, and its type definitions in the namespace `aws`. UNCONFIRMED: which clusters it
publishes. The catalog here has the common ones, and the type definitions that AWS's developer guide names. The documents have AWS's
form, but no properties, actions or events.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER

SERVICE = "iot-managed-integrations"

# The names of Matter's clusters, and their IDs (Matter Application Cluster Specification 1.4).
_CLUSTERS = {
    "Identify": 0x0003,
    "Groups": 0x0004,
    "On/Off": 0x0006,
    "Level Control": 0x0008,
    "Descriptor": 0x001D,
    "Power Source": 0x002F,
    "Switch": 0x003B,
    "Boolean State": 0x0045,
    "Mode Select": 0x0050,
    "Temperature Control": 0x0056,
    "Air Quality": 0x005B,
    "Smoke CO Alarm": 0x005C,
    "Operational State": 0x0060,
    "Scenes Management": 0x0062,
    "Electrical Power Measurement": 0x0090,
    "Electrical Energy Measurement": 0x0091,
    "Door Lock": 0x0101,
    "Window Covering": 0x0102,
    "Thermostat": 0x0201,
    "Fan Control": 0x0202,
    "Color Control": 0x0300,
    "Illuminance Measurement": 0x0400,
    "Temperature Measurement": 0x0402,
    "Pressure Measurement": 0x0403,
    "Flow Measurement": 0x0404,
    "Relative Humidity Measurement": 0x0405,
    "Occupancy Sensing": 0x0406,
}
# The words of a type definition's name, as in aws.capability.
_DEFINITIONS = ("bitmap", "capability", "integer", "name")


@frozen
class _Schema:
    """A schema of the catalog; `extrinsic_id` is the ID of a capability's cluster."""

    type: str
    namespace: str
    id: str
    version: str
    name: str
    description: str
    extrinsic_id: str | None = None

    def to_item(self) -> dict[str, Any]:
        """Return the item that represents the schema in listings."""
        return {
            "SchemaId": self.id,
            "Type": self.type,
            "Description": self.description,
            "Namespace": self.namespace,
            "SemanticVersion": self.version,
            "Visibility": "PUBLIC",
        }

    def to_document(self) -> dict[str, Any]:
        """Return the schema's JSON document, in the form of the example in AWS's API reference."""
        identity = f"/schema-versions/{self.type}/{self.id}@{self.version}"
        document: dict[str, Any] = {"$id": identity, "name": self.name, "description": self.description}
        if self.extrinsic_id is None:
            return document
        return {
            **document,
            "$ref": "/schema-versions/definition/aws.capability@1.0",
            "title": f"{self.name} Cluster",
            "extrinsicId": self.extrinsic_id,
            "extrinsicVersion": "14",
            "properties": {},
            "actions": [],
            "events": [],
            "$defs": {},
        }


def _build_capability(name: str, cluster_id: int) -> _Schema:
    return _Schema(
        type="capability",
        namespace="matter",
        id="matter." + name.replace(" ", "").replace("/", ""),
        version="1.4",
        name=name,
        description=f"The {name} cluster defined as Harmony Capability.",
        extrinsic_id=f"0x{cluster_id:04X}",
    )


def _build_definition(name: str) -> _Schema:
    return _Schema("definition", "aws", f"aws.{name}", "1.0", name, f"The type definition of {name}.")


_CATALOG = sorted(
    [
        *(_build_capability(name, cluster_id) for name, cluster_id in _CLUSTERS.items()),
        *(_build_definition(name) for name in _DEFINITIONS),
    ],
    key=lambda schema: schema.id,
)


@operation(SERVICE, "ListSchemaVersions")
def list_schema_versions(context: Context, params: Params) -> Output | None:
    """Return the schemas of a type that match the given filters, sorted by ID.

    Raises ValidationException for an invalid token, and for the filters `SchemaId` and `Namespace` together, as in the
    example of AWS's API reference.
    """
    page = MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    if "SchemaId" in params and "Namespace" in params:
        raise context.invalid("SchemaId and Namespace cannot be given together.")
    after = page.after[0] if page.after else ""
    schemas = [schema for schema in _CATALOG if schema.id > after and _matches(schema, params)]
    return page.build_output(
        "Items", schemas[: page.limit], key=lambda schema: (schema.id,), item=lambda schema: schema.to_item()
    )


@operation(SERVICE, "GetSchemaVersion")
def get_schema_version(_context: Context, params: Params) -> Output | None:
    """Return a schema with its document, which is empty in another format than AWS's.

    Raises ResourceNotFound, also for the version `$latest`, as in the example of AWS's API reference.
    """
    versioned_id = params["SchemaVersionedId"]
    for schema in _CATALOG:
        if schema.type == params["Type"] and versioned_id == f"{schema.id}@{schema.version}":
            document = schema.to_document() if params.get("Format", "AWS") == "AWS" else {}
            return {**schema.to_item(), "Schema": document}
    raise not_found(
        f"The schema {versioned_id} does not exist.", ResourceId=versioned_id, ResourceType="schema-version"
    )


def _matches(schema: _Schema, params: Params) -> bool:
    """Return whether a schema, which is its latest version, matches the filters of a listing."""
    values: Mapping[str, Any] = schema.to_item()
    filters = {
        name: params[name] for name in ("SchemaId", "Namespace", "Visibility", "Type") if name in params
    }
    is_version_match = params.get("SemanticVersion", "$latest") in ("$latest", schema.version)
    return is_version_match and all(values[name] == value for name, value in filters.items())
