"""Dimensions: the operations that create, describe, list, update and delete them."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.shared.named_resources import NamedResourceType
from reconciler.registry.shared.security_profiles import find_users_of_dimension, require_unused

DIMENSIONS = NamedResourceType("dimension", "dimension", "name")
MAX_DIMENSIONS = 10
"""AWS General Reference, "AWS IoT Device Defender endpoints and quotas"."""


@operation("iot", "CreateDimension")
def create_dimension(context: Context, params: Params) -> Output | None:
    """Create a dimension. Repeating the call fails, even with the same client request token.

    Raises ResourceAlreadyExists (409), LimitExceeded (410) for an 11th dimension, InvalidRequest for invalid tags.
    """
    members = {key: value for key, value in params.items() if key != "clientRequestToken"}
    dimension = DIMENSIONS.create(context, members)
    if len(DIMENSIONS.read_all(context)) > MAX_DIMENSIONS:
        raise ApiError("LimitExceededException", f"An account can have {MAX_DIMENSIONS} dimensions.")
    return {"name": dimension.name, "arn": dimension.arn}


@operation("iot", "DescribeDimension")
def describe_dimension(context: Context, params: Params) -> Output | None:
    """Return everything about a dimension except its tags. Raises ResourceNotFound."""
    return DIMENSIONS.require(context, params).describe("name", "arn")


@operation("iot", "ListDimensions")
def list_dimensions(context: Context, params: Params) -> Output | None:
    """Return the names of the dimensions, in creation order."""
    return DIMENSIONS.list_page(context, params, "dimensionNames", lambda dimension: dimension.name)


@operation("iot", "UpdateDimension")
def update_dimension(context: Context, params: Params) -> Output | None:
    """Replace the values of a dimension, and describe it. Raises ResourceNotFound."""
    dimension = DIMENSIONS.require(context, params)
    updated = DIMENSIONS.update(context, dimension, DIMENSIONS.select_changes(params))
    return updated.describe("name", "arn")


@operation("iot", "DeleteDimension")
def delete_dimension(context: Context, params: Params) -> Output | None:
    """Delete a dimension; a missing one is not an error, as the service model has none for it.

    Raises InvalidRequest for one that security profiles use (UNCONFIRMED: AWS documents it for custom metrics).
    """
    name = params["name"]
    require_unused(context, f"dimension {name}", find_users_of_dimension(context, name))
    DIMENSIONS.delete(context, params)
    return None
