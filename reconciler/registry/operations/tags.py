"""Tags of `iot` resources: TagResource, UntagResource, ListTagsForResource."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.shared.tagging import (
    add_tags,
    parse_tag_list,
    read_tags,
    remove_tags,
    require_taggable,
)


@operation("iot", "TagResource")
def tag_resource(context: Context, params: Params) -> Output | None:
    """Add tags or change their values.

    Raises InvalidRequest for a resource that cannot be tagged, for one of another account or Region, and for a duplicate or
    reserved tag key; ResourceNotFound; LimitExceeded (410) beyond 50 tags.
    """
    require_taggable(context, params["resourceArn"])
    add_tags(context, params["resourceArn"], parse_tag_list(context, params["tags"]))
    return None


@operation("iot", "UntagResource")
def untag_resource(context: Context, params: Params) -> Output | None:
    """Remove tags; a missing key is not an error.

    Raises InvalidRequest for a resource that cannot be tagged and for one of another account or Region, ResourceNotFound.
    """
    require_taggable(context, params["resourceArn"])
    remove_tags(context, params["resourceArn"], params["tagKeys"])
    return None


@operation("iot", "ListTagsForResource")
def list_tags_for_resource(context: Context, params: Params) -> Output | None:
    """Return all tags in one page.

    Raises InvalidRequest for any `nextToken`, for a resource that cannot be tagged and for one of another account or Region;
    ResourceNotFound.
    """
    if "nextToken" in params:
        raise context.invalid("The value of nextToken is not valid.")
    require_taggable(context, params["resourceArn"])
    tags = read_tags(context, params["resourceArn"])
    return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
