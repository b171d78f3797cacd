"""Account associations: the operations that create, get, list, update, refresh and delete them.

AWS assigns the ID. An association that uses OAuth is in progress until a person visits its URL and signs in. The URLs of the
registry lead nowhere, so it stays in progress. An association that uses an authorization material needs no person and succeeds at once.

UNCONFIRMED: a ValidationException for an authorization material that the destination does not have, for a destination without OAuth
if the request names no material, and for the deletion of an association that managed things are registered with.
"""

import secrets
import uuid
from typing import Any
from urllib.parse import urlencode

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.managed_thing_associations import list_registered_ids
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.connectors import ACCOUNT_ASSOCIATIONS, CONNECTOR_DESTINATIONS
from reconciler.registry.shared.managed_resources import SERVICE, create_once, delete_existing
from reconciler.registry.shared.named_resources import NamedResource
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, read_tags

_URL = "OAuthAuthorizationUrl"
_STATE = "AssociationState"
_MATERIAL = "GeneralAuthorization"


@allow_tags(SERVICE, "account-association")
def association_exists(context: Context, identifier: str) -> bool:
    """Return whether the account association exists."""
    return ACCOUNT_ASSOCIATIONS.find(context, identifier) is not None


@operation(SERVICE, "CreateAccountAssociation")
def create_account_association(context: Context, params: Params) -> Output | None:
    """Create an association; repeating the call with the same client token creates no second one.

    Raises ResourceNotFound for an unknown destination, ConflictException (409), ValidationException.
    """
    destination = CONNECTOR_DESTINATIONS.require(context, {"Identifier": params["ConnectorDestinationId"]})
    config = destination.members["AuthConfig"]
    material = params.get(_MATERIAL, {}).get("AuthMaterialName")
    names = [item["AuthMaterialName"] for item in config.get(_MATERIAL, ())]
    if material is not None and material not in names:
        raise context.invalid(f"The connector destination has no authorization material {material}.")
    if material is None and "oAuth" not in config:
        raise context.invalid("The connector destination does not use OAuth; name an authorization material.")
    members = {key: value for key, value in params.items() if key != "Tags"}
    association = create_once(context, ACCOUNT_ASSOCIATIONS, members, uuid.uuid4().hex)
    if _STATE not in association.members:
        association = _start(context, association, "" if material else _build_url(config["oAuth"]))
        add_tags(context, _build_arn(context, association), params.get("Tags", {}))
    described = _describe(context, association)
    return {name: described[name] for name in (_URL, "AccountAssociationId", _STATE, "Arn")}


@operation(SERVICE, "GetAccountAssociation")
def get_account_association(context: Context, params: Params) -> Output | None:
    """Return everything about an association. Raises ResourceNotFound."""
    association = ACCOUNT_ASSOCIATIONS.require(context, params)
    tags = read_tags(context, _build_arn(context, association))
    return {**_describe(context, association), "Tags": tags or None}


@operation(SERVICE, "ListAccountAssociations")
def list_account_associations(context: Context, params: Params) -> Output | None:
    """Return the associations, those of one destination if the request has it, in creation order.

    Raises ValidationException for an invalid `NextToken`.
    """

    def to_item(association: NamedResource) -> dict[str, Any]:
        members = _describe(context, association)
        return {key: value for key, value in members.items() if key not in (_URL, _MATERIAL)}

    return ACCOUNT_ASSOCIATIONS.list_page(
        context,
        params,
        "Items",
        to_item,
        pager=MANAGED_INTEGRATIONS_PAGER,
        filters=("ConnectorDestinationId",),
    )


@operation(SERVICE, "UpdateAccountAssociation")
def update_account_association(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay. Raises ResourceNotFound."""
    association = ACCOUNT_ASSOCIATIONS.require(context, params)
    ACCOUNT_ASSOCIATIONS.update(context, association, ACCOUNT_ASSOCIATIONS.select_changes(params))
    return None


@operation(SERVICE, "StartAccountAssociationRefresh")
def start_account_association_refresh(context: Context, params: Params) -> Output | None:
    """Return a new URL, which a person has to visit. Raises ResourceNotFound."""
    association = ACCOUNT_ASSOCIATIONS.require(context, params)
    if _MATERIAL in association.members:
        return {_URL: ""}
    destination_id = association.members["ConnectorDestinationId"]
    destination = CONNECTOR_DESTINATIONS.require(context, {"Identifier": destination_id})
    url = _build_url(destination.members["AuthConfig"]["oAuth"])
    return {_URL: _start(context, association, url).members[_URL]}


@operation(SERVICE, "DeleteAccountAssociation")
def delete_account_association(context: Context, params: Params) -> Output | None:
    """Delete an association, at once. Raises ResourceNotFound, ValidationException for one that is used."""
    association = delete_existing(context, ACCOUNT_ASSOCIATIONS, params)
    managed_things = list_registered_ids(context, association.name)
    if managed_things:
        raise context.invalid(
            f"Managed things are registered with the account association: {', '.join(managed_things)}."
        )
    delete_tags(context, _build_arn(context, association))
    return None


def _start(context: Context, association: NamedResource, url: str) -> NamedResource:
    """Store the URL, and the state: in progress until a person visits it; without a URL, succeeded."""
    state = "ASSOCIATION_IN_PROGRESS" if url else "ASSOCIATION_SUCCEEDED"
    return ACCOUNT_ASSOCIATIONS.update(context, association, {_URL: url, _STATE: state})


def _build_url(o_auth: dict[str, Any]) -> str:
    """Return a URL at which a person would sign in; its `state` is a secret."""
    query = urlencode({"response_type": "code", "state": secrets.token_urlsafe()})
    address = o_auth["authUrl"].replace("http://", "https://", 1)
    return f"{address}{'&' if '?' in address else '?'}{query}"


def _build_arn(context: Context, association: NamedResource) -> str:
    return context.build_arn(f"account-association/{association.name}")


def _describe(context: Context, association: NamedResource) -> dict[str, Any]:
    return {
        **association.members,
        "AccountAssociationId": association.name,
        "Arn": _build_arn(context, association),
    }
