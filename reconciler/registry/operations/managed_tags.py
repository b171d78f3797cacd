"""Tags of managed integrations' resources: TagResource, UntagResource, ListTagsForResource."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.shared.tagging import add_tags, read_tags, remove_tags, require_taggable

SERVICE = "iot-managed-integrations"


@operation(SERVICE, "TagResource")
def tag_resource(context: Context, params: Params) -> Output | None:
    """Add tags or change their values. Raises InvalidRequest, ResourceNotFound."""
    require_taggable(context, params["ResourceArn"])
    add_tags(context, params["ResourceArn"], params["Tags"])
    return None


@operation(SERVICE, "UntagResource")
def untag_resource(context: Context, params: Params) -> Output | None:
    """Remove tags. Raises InvalidRequest, ResourceNotFound."""
    require_taggable(context, params["ResourceArn"])
    remove_tags(context, params["ResourceArn"], params["TagKeys"])
    return None


@operation(SERVICE, "ListTagsForResource")
def list_tags_for_resource(context: Context, params: Params) -> Output | None:
    """Return all tags of a resource.

    If it has none, the member `tags` is omitted, because AWS's service model forbids an empty map.

    Raises InvalidRequest, ResourceNotFound.
    """
    require_taggable(context, params["ResourceArn"])
    return {"tags": read_tags(context, params["ResourceArn"]) or None}
