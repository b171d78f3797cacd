"""Tags: their table, and the rules that `iot` and `iot-managed-integrations` share.

Invariant: only resources of a type that is declared with `@allow_tags` can be tagged. A resource has at most 50 tags, and no key
starts with `aws:` in any letter case.
"""

from collections.abc import Callable, Mapping

from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found

SCHEMA = (
    """
    CREATE TABLE tags (
      scope INTEGER NOT NULL,
      arn TEXT NOT NULL,
      key TEXT NOT NULL,
      value TEXT NOT NULL,
      PRIMARY KEY (scope, arn, key)
    ) WITHOUT ROWID
    """,
)

MAX_TAGS = 50
ARN_PARTS = 6

Exists = Callable[[Context, str], bool]

_taggable: dict[tuple[str, str], Exists] = {}


def allow_tags(service: str, resource_type: str) -> Callable[[Exists], Exists]:
    """Allow tags on resources whose ARN ends in `resource_type/<name>`.

    The decorated function returns whether the resource exists.
    """

    def register(exists: Exists) -> Exists:
        _taggable[service, resource_type] = exists
        return exists

    return register


def require_taggable(context: Context, arn: str) -> None:
    """Raise unless the ARN names an existing resource of this account and Region that can be tagged.

    Raises ResourceNotFound for a resource that does not exist, and otherwise the operation's error for an invalid request
    (UNCONFIRMED). `iot`'s things and device certificates cannot be tagged.
    """
    parts = arn.split(":", ARN_PARTS - 1)
    if len(parts) != ARN_PARTS or parts[:-1] != context.build_arn("").split(":")[:-1]:
        raise context.invalid(f"The resource ARN {arn} does not belong to this service, account and Region.")
    resource_type, _, name = parts[-1].partition("/")
    exists = _taggable.get((context.service, resource_type))
    if exists is None:
        raise context.invalid(f"Resources of the type of {arn} cannot be tagged.")
    if not exists(context, name):
        raise not_found(f"The resource {arn} does not exist.")


def read_tags(context: Context, arn: str) -> dict[str, str]:
    """Return the tags of a resource by key, sorted."""
    rows = context.tx.fetch_all(
        "SELECT key, value FROM tags WHERE scope = ? AND arn = ? ORDER BY key", context.scope, arn
    )
    return {row["key"]: row["value"] for row in rows}


def add_tags(context: Context, arn: str, tags: Mapping[str, str]) -> None:
    """Add tags or change their values.

    Raises the operation's error for an invalid request if a key is reserved or there would be too many tags; for the latter,
    `iot`'s TagResource raises LimitExceededException instead, because its service model has this error.
    """
    if not tags:
        return
    for key in tags:
        if key.lower().startswith("aws:"):
            raise context.invalid(f"The tag key {key} starts with aws:, which is reserved.")
    if len({**read_tags(context, arn), **tags}) > MAX_TAGS:
        raise _build_too_many_tags_error(context)
    context.tx.run_many(
        "INSERT OR REPLACE INTO tags (scope, arn, key, value) VALUES (?, ?, ?, ?)",
        [(context.scope, arn, key, value) for key, value in tags.items()],
    )


def remove_tags(context: Context, arn: str, keys: list[str]) -> None:
    """Remove tags; a missing key is not an error."""
    context.tx.run_many(
        "DELETE FROM tags WHERE scope = ? AND arn = ? AND key = ?",
        [(context.scope, arn, key) for key in keys],
    )


def delete_tags(context: Context, arn: str) -> None:
    """Delete every tag of a resource that is being deleted."""
    context.tx.run("DELETE FROM tags WHERE scope = ? AND arn = ?", context.scope, arn)


def parse_tag_list(context: Context, tags: list[dict[str, str]]) -> dict[str, str]:
    """Convert `iot`'s list of Key and Value to a map. Raises InvalidRequest for a duplicate key."""
    tags_by_key = {tag["Key"]: tag.get("Value", "") for tag in tags}
    if len(tags_by_key) < len(tags):
        raise context.invalid("The same tag key is given more than once.")
    return tags_by_key


def _build_too_many_tags_error(context: Context) -> ApiError:
    message = f"A resource has at most {MAX_TAGS} tags."
    if (context.service, context.operation) == ("iot", "TagResource"):
        return ApiError("LimitExceededException", message)
    return context.invalid(message)
