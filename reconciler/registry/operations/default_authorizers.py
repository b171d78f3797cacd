"""The default authorizer: the operations that set, clear and describe it."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.authorizers import AUTHORIZERS
from reconciler.registry.shared.default_authorizers import find_default_authorizer


@operation("iot", "SetDefaultAuthorizer")
def set_default_authorizer(context: Context, params: Params) -> Output | None:
    """Set the default authorizer. Repeating the call succeeds.

    Raises ResourceNotFound, InvalidRequest for an INACTIVE authorizer and ResourceAlreadyExists (409) while another is the default
    (UNCONFIRMED for both).
    """
    authorizer = AUTHORIZERS.require(context, params)
    if authorizer.members["status"] == "INACTIVE":
        raise context.invalid(f"The authorizer {authorizer.name} is INACTIVE.")
    current = find_default_authorizer(context)
    if current not in {None, authorizer.name}:
        raise ApiError(
            "ResourceAlreadyExistsException", f"The default authorizer is {current}. Clear it first."
        )
    context.tx.run(
        "INSERT OR REPLACE INTO default_authorizers (scope, name) VALUES (?, ?)",
        context.scope,
        authorizer.name,
    )
    return {"authorizerName": authorizer.name, "authorizerArn": authorizer.arn}


@operation("iot", "ClearDefaultAuthorizer")
def clear_default_authorizer(context: Context, _params: Params) -> Output | None:
    """Clear the default authorizer. Raises ResourceNotFound if there is none."""
    if find_default_authorizer(context) is None:
        raise not_found("There is no default authorizer.")
    context.tx.run("DELETE FROM default_authorizers WHERE scope = ?", context.scope)
    return None


@operation("iot", "DescribeDefaultAuthorizer")
def describe_default_authorizer(context: Context, _params: Params) -> Output | None:
    """Return the description of the default authorizer. Raises ResourceNotFound if there is none."""
    name = find_default_authorizer(context)
    if name is None:
        raise not_found("There is no default authorizer.")
    authorizer = AUTHORIZERS.require(context, {AUTHORIZERS.name_member: name})
    return {"authorizerDescription": authorizer.describe("authorizerName", "authorizerArn")}
