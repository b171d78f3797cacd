"""The catalog of capability schemas: ListSchemaVersions and GetSchemaVersion.

It is empty: AWS's public schemas are not included, and accounts have no schemas of their own.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER

SERVICE = "iot-managed-integrations"


@operation(SERVICE, "ListSchemaVersions")
def list_schema_versions(context: Context, params: Params) -> Output | None:
    """Return no schemas. Raises ValidationException for a token: there is only one page."""
    MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    return {"Items": []}


@operation(SERVICE, "GetSchemaVersion")
def get_schema_version(_context: Context, params: Params) -> Output | None:
    """Raise ResourceNotFound, because no schema exists here."""
    schema_id = params["SchemaVersionedId"]
    raise not_found(
        f"The schema {schema_id} does not exist.", ResourceId=schema_id, ResourceType="schema-version"
    )
