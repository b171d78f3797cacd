"""The shared parts of operations of managed integrations on resources without ARNs.

UNCONFIRMED: a name that exists is a ConflictException, which AWS's service model has for these creations.
"""

from collections.abc import Mapping
from typing import Any

from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.client_tokens import delete_token, find_by_token, save_token
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

SERVICE = "iot-managed-integrations"


def declare_type(noun: str, name_member: str) -> NamedResourceType:
    """Return a type of resources; `name_member` is the member of requests with the name or the ID."""
    return NamedResourceType(
        noun,
        noun.replace(" ", "-"),
        name_member,
        is_taggable=False,
    )


def create_once(
    context: Context, resource_type: NamedResourceType, params: Mapping[str, Any], name: str
) -> NamedResource:
    """Create a resource, or return the one that a call with the same client token created.

    Raises ConflictException (409) if the name exists, or the token was used with other parameters.
    """
    earlier = find_by_token(context, params)
    if earlier is not None:
        return resource_type.require(context, {resource_type.name_member: earlier.partition("/")[2]})
    if resource_type.find(context, name) is not None:
        raise ApiError("ConflictException", f"The {resource_type.noun} {name} already exists.")
    members = {key: value for key, value in params.items() if key != "ClientToken"}
    resource = resource_type.create(context, {**members, resource_type.name_member: name})
    save_token(context, params, _build_token_owner(resource_type, name))
    return resource


def describe(resource_type: NamedResourceType, resource: NamedResource) -> dict[str, Any]:
    """Return the description of a resource, with its tags and times."""
    return {
        **resource.members,
        resource_type.name_member: resource.name,
        "CreatedAt": resource.created_at,
        "UpdatedAt": resource.modified_at,
    }


def list_resources(
    context: Context, resource_type: NamedResourceType, params: Mapping[str, Any], member: str
) -> dict[str, Any]:
    """Return a page of a listing of resources without tags and times, in creation order, under `member`.

    Raises ValidationException for an invalid `NextToken`.
    """

    def to_item(resource: NamedResource) -> dict[str, Any]:
        members = {key: value for key, value in resource.members.items() if key != "Tags"}
        return {**members, resource_type.name_member: resource.name}

    return resource_type.list_page(context, params, member, to_item, pager=MANAGED_INTEGRATIONS_PAGER)


def delete_existing(
    context: Context, resource_type: NamedResourceType, params: Mapping[str, Any]
) -> NamedResource:
    """Delete the resource that a request names, and return it. Raises ResourceNotFound."""
    resource = resource_type.delete(context, params)
    if resource is None:
        name = params[resource_type.name_member]
        raise not_found(f"The {resource_type.noun} {name} does not exist.")
    delete_token(context, _build_token_owner(resource_type, resource.name))
    return resource


def _build_token_owner(resource_type: NamedResourceType, name: str) -> str:
    return f"{resource_type.arn_type}/{name}"
