"""Connector destinations: the operations that create, get, list, update and delete them.

AWS assigns the ID. UNCONFIRMED, each with a ValidationException, as AWS's service model has no other error for it: a destination needs
OAuth or authorization materials; an update adds only new materials and changes only existing ones; an account association that uses a
destination blocks its deletion.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.connectors import (
    CONNECTOR_DESTINATIONS,
    CONNECTORS,
    list_association_ids,
)
from reconciler.registry.shared.managed_resources import SERVICE, create_once, delete_existing
from reconciler.registry.shared.named_resources import NamedResource

MAX_MATERIALS = 3

_SUMMARY = ("Name", "Description", "CloudConnectorId")


@operation(SERVICE, "CreateConnectorDestination")
def create_connector_destination(context: Context, params: Params) -> Output | None:
    """Create a destination; repeating the call with the same client token creates no second one.

    Raises ResourceNotFound for an unknown connector, ConflictException (409), ValidationException.
    """
    CONNECTORS.require(context, {"Identifier": params["CloudConnectorId"]})
    config = params["AuthConfig"]
    if not (config.get("oAuth") or config.get("GeneralAuthorization")):
        raise context.invalid("AuthConfig has neither oAuth nor GeneralAuthorization.")
    return {"Id": create_once(context, CONNECTOR_DESTINATIONS, params, uuid.uuid4().hex).name}


@operation(SERVICE, "GetConnectorDestination")
def get_connector_destination(context: Context, params: Params) -> Output | None:
    """Return everything about a destination. Raises ResourceNotFound."""
    destination = CONNECTOR_DESTINATIONS.require(context, params)
    redirect_url = destination.members["AuthConfig"].get("oAuth", {}).get("oAuthCompleteRedirectUrl")
    return {**destination.members, "Id": destination.name, "OAuthCompleteRedirectUrl": redirect_url}


@operation(SERVICE, "ListConnectorDestinations")
def list_connector_destinations(context: Context, params: Params) -> Output | None:
    """Return the destinations, those of one connector if the request has it, in creation order.

    Raises ValidationException for an invalid `NextToken`.
    """
    return CONNECTOR_DESTINATIONS.list_page(
        context,
        params,
        "ConnectorDestinationList",
        _summarize,
        pager=MANAGED_INTEGRATIONS_PAGER,
        filters=("CloudConnectorId",),
    )


@operation(SERVICE, "UpdateConnectorDestination")
def update_connector_destination(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay. Raises ResourceNotFound, ValidationException."""
    destination = CONNECTOR_DESTINATIONS.require(context, params)
    changes = CONNECTOR_DESTINATIONS.select_changes(params)
    if "AuthConfig" in changes:
        changes["AuthConfig"] = _update_config(
            context, destination.members["AuthConfig"], changes["AuthConfig"]
        )
    CONNECTOR_DESTINATIONS.update(context, destination, changes)
    return None


@operation(SERVICE, "DeleteConnectorDestination")
def delete_connector_destination(context: Context, params: Params) -> Output | None:
    """Delete a destination. Raises ResourceNotFound, ValidationException for one that has associations."""
    destination = delete_existing(context, CONNECTOR_DESTINATIONS, params)
    associations = list_association_ids(context, destination.name)
    if associations:
        raise context.invalid(
            f"The connector destination {destination.name} has account associations: {', '.join(associations)}."
        )
    return None


def _update_config(context: Context, config: Mapping[str, Any], update: Mapping[str, Any]) -> dict[str, Any]:
    """Return the authentication after an update. Raises ValidationException."""
    updated = dict(config)
    if "oAuthUpdate" in update:
        if "oAuth" not in config:
            raise context.invalid("The connector destination does not use OAuth.")
        updated["oAuth"] = {**config["oAuth"], **update["oAuthUpdate"]}
    if "GeneralAuthorizationUpdate" in update:
        materials = {item["AuthMaterialName"]: item for item in config.get("GeneralAuthorization", ())}
        general_update = update["GeneralAuthorizationUpdate"]
        for member, must_exist in (("AuthMaterialsToAdd", False), ("AuthMaterialsToUpdate", True)):
            for material in general_update.get(member, ()):
                name = material["AuthMaterialName"]
                if (name in materials) != must_exist:
                    problem = "does not exist" if must_exist else "already exists"
                    raise context.invalid(f"The authorization material {name} {problem}.")
                materials[name] = material
        if len(materials) > MAX_MATERIALS:
            raise context.invalid(
                f"A connector destination has at most {MAX_MATERIALS} authorization materials."
            )
        updated["GeneralAuthorization"] = list(materials.values())
    return updated


def _summarize(destination: NamedResource) -> dict[str, Any]:
    members = {key: value for key, value in destination.members.items() if key in _SUMMARY}
    return {**members, "Id": destination.name}
