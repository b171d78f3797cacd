"""Authorizers: the operations that create, describe, list, update and delete them.

No Lambda function is called, and whether it exists is not checked.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.paging import MARKER_PAGER
from reconciler.registry.shared.default_authorizers import find_default_authorizer
from reconciler.registry.shared.domain_configurations import find_users_of_authorizer
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

AUTHORIZERS = NamedResourceType(
    "authorizer",
    "authorizer",
    "authorizerName",
    {"status": "ACTIVE", "signingDisabled": False, "enableCachingForHttp": False},
)


@operation("iot", "CreateAuthorizer")
def create_authorizer(context: Context, params: Params) -> Output | None:
    """Create an authorizer. Repeating the call fails.

    Raises ResourceAlreadyExists (409), InvalidRequest for signing without a token key or public keys and for invalid tags.
    """
    _check_signing(context, params)
    return _name(AUTHORIZERS.create(context, params))


@operation("iot", "DescribeAuthorizer")
def describe_authorizer(context: Context, params: Params) -> Output | None:
    """Return everything about an authorizer except its tags. Raises ResourceNotFound."""
    authorizer = AUTHORIZERS.require(context, params)
    return {"authorizerDescription": authorizer.describe("authorizerName", "authorizerArn")}


@operation("iot", "ListAuthorizers")
def list_authorizers(context: Context, params: Params) -> Output | None:
    """Return the names and ARNs of the authorizers, the newest first; at most those with a status."""
    return AUTHORIZERS.list_page(
        context, params, "authorizers", _name, pager=MARKER_PAGER, newest_first=True, filters=("status",)
    )


@operation("iot", "UpdateAuthorizer")
def update_authorizer(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay.

    The map of public keys is replaced as a whole (UNCONFIRMED).

    Raises ResourceNotFound, InvalidRequest if signing would be left without public keys, and for the deactivation of the default
    authorizer (UNCONFIRMED).
    """
    authorizer = AUTHORIZERS.require(context, params)
    changes = AUTHORIZERS.select_changes(params)
    if changes.get("status") == "INACTIVE" and find_default_authorizer(context) == authorizer.name:
        raise context.invalid(f"The authorizer {authorizer.name} is the default authorizer.")
    _check_signing(context, {**authorizer.members, **changes})
    return _name(AUTHORIZERS.update(context, authorizer, changes))


@operation("iot", "DeleteAuthorizer")
def delete_authorizer(context: Context, params: Params) -> Output | None:
    """Delete an authorizer that is INACTIVE.

    Raises ResourceNotFound, InvalidRequest for an ACTIVE one, DeleteConflict (409) for one that domain configurations refer to
    (UNCONFIRMED for which references AWS raises it).
    """
    authorizer = AUTHORIZERS.require(context, params)
    if authorizer.members["status"] != "INACTIVE":
        raise context.invalid(
            f"The authorizer {authorizer.name} is ACTIVE. Set its status to INACTIVE first."
        )
    users = find_users_of_authorizer(context, authorizer.name)
    if users:
        raise ApiError(
            "DeleteConflictException", f"Domain configurations refer to the authorizer: {', '.join(users)}."
        )
    if find_default_authorizer(context) == authorizer.name:
        raise ApiError(
            "DeleteConflictException", f"The authorizer {authorizer.name} is the default authorizer."
        )
    AUTHORIZERS.delete(context, params)
    return None


def _name(authorizer: NamedResource) -> dict[str, Any]:
    return {"authorizerName": authorizer.name, "authorizerArn": authorizer.arn}


def _check_signing(context: Context, members: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for signing without a token key or public keys, which it requires."""
    if members.get("signingDisabled"):
        return
    for name in ("tokenKeyName", "tokenSigningPublicKeys"):
        if not members.get(name):
            raise context.invalid(f"An authorizer with signing needs {name}.")
