"""Cloud connectors: the operations that create, get, list, update and delete them.

AWS assigns the ID. UNCONFIRMED: a connector destination that uses a connector blocks its deletion with a ValidationException. AWS's
service model has no other error for that.
"""

import uuid
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.connectors import CONNECTORS, list_destination_ids
from reconciler.registry.shared.managed_resources import SERVICE, create_once, delete_existing
from reconciler.registry.shared.named_resources import NamedResource

_FUNCTION = "LambdaArn"
"""The stored member that repeats the function's ARN, by which ListCloudConnectors selects."""


@operation(SERVICE, "CreateCloudConnector")
def create_cloud_connector(context: Context, params: Params) -> Output | None:
    """Create a connector; repeating the call with the same client token creates no second one.

    Raises ConflictException (409) for a token that was used with other parameters, ValidationException without a function.
    """
    function = params["EndpointConfig"].get("lambda")
    if function is None:
        raise context.invalid("EndpointConfig has no Lambda function.")
    members = {"EndpointType": "LAMBDA", **params, "Type": "UNLISTED", _FUNCTION: function["arn"]}
    return {"Id": create_once(context, CONNECTORS, members, uuid.uuid4().hex).name}


@operation(SERVICE, "GetCloudConnector")
def get_cloud_connector(context: Context, params: Params) -> Output | None:
    """Return everything about a connector. Raises ResourceNotFound."""
    return _describe(CONNECTORS.require(context, params))


@operation(SERVICE, "ListCloudConnectors")
def list_cloud_connectors(context: Context, params: Params) -> Output | None:
    """Return the connectors of a type and with a function, in creation order.

    Raises ValidationException for an invalid `NextToken`.
    """
    return CONNECTORS.list_page(
        context, params, "Items", _describe, pager=MANAGED_INTEGRATIONS_PAGER, filters=("Type", _FUNCTION)
    )


@operation(SERVICE, "UpdateCloudConnector")
def update_cloud_connector(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay. Raises ResourceNotFound."""
    connector = CONNECTORS.require(context, params)
    CONNECTORS.update(context, connector, CONNECTORS.select_changes(params))
    return None


@operation(SERVICE, "DeleteCloudConnector")
def delete_cloud_connector(context: Context, params: Params) -> Output | None:
    """Delete a connector. Raises ResourceNotFound, ValidationException for one that has destinations."""
    connector = delete_existing(context, CONNECTORS, params)
    destinations = list_destination_ids(context, connector.name)
    if destinations:
        raise context.invalid(
            f"The cloud connector {connector.name} has connector destinations: {', '.join(destinations)}."
        )
    return None


def _describe(connector: NamedResource) -> dict[str, Any]:
    members = {key: value for key, value in connector.members.items() if key != _FUNCTION}
    return {**members, "Id": connector.name}
