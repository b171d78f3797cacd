"""User tags and ownership tags. The iot API has tags as lists, managed integrations as maps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.aws_limits import TAGS
from reconciler.model.call import ApiCall
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Live, Resource
from reconciler.model.text import format_count

TAG_PREFIX = "reconciler:"
"""The prefix of all ownership tags."""

_AWS_TAG_PREFIX = "aws:"
"""The prefix of the tags that only AWS's own services set, such as CloudFormation.

Source: AWS General Reference, "Tag naming limits and requirements". They are not compared, and no plan removes them.
"""

OWNER_TAG = "reconciler:workspace"
NAME_TAG = "reconciler:name"
PROTECTED_TAG = "reconciler:prevent-destroy"
CERTIFICATE_TAG = "reconciler:certificate"
"""The tag of a secret with the ID of the certificate whose private key it has."""

OWNERSHIP_TAG_COUNT = 3
"""The number of ownership tags that every taggable kind uses: owner, name and `prevent_destroy`."""


def with_ownership_tags(resource: Resource, workspace: str, **other_tags: Any) -> dict[str, Any]:
    """Return the user's tags and the ownership tags.

    `other_tags` are further ownership tags; their names are without the prefix.
    """
    ownership_tags = {OWNER_TAG: workspace, NAME_TAG: resource.address.name}
    if resource.lifecycle.prevent_destroy:
        ownership_tags[PROTECTED_TAG] = "true"
    ownership_tags |= {TAG_PREFIX + key: value for key, value in other_tags.items()}
    return dict(sorted({**resource.spec.tags, **ownership_tags}.items()))


def build_tagged_live(  # noqa: PLR0913 (what a live resource is made of)
    identity: str,
    spec: Any,
    tags: Mapping[str, str],
    arn: str,
    *,
    version: int | None = None,
    declared_name: str | None = None,
    facts: object = None,
) -> Live:
    """Return a live resource whose owner and `prevent_destroy` are taken from its ownership tags."""
    return Live(
        identity,
        spec,
        version,
        tags.get(OWNER_TAG),
        arn=arn,
        tags=tags,
        declared_name=declared_name,
        prevent_destroy=PROTECTED_TAG in tags,
        facts=facts,
    )


def check_room_for_added_entries(
    field: str, entries: Mapping[str, str], added_count: int
) -> Iterator[ValueProblem]:
    """Yield a problem if the user's tags or meta data leave no room for the entries that reconciler adds."""
    # The service model of managed integrations has the same maximum for the meta data of a managed thing.
    room = TAGS.maximum - added_count
    if (
        room < len(entries) <= TAGS.maximum
    ):  # more entries violate AWS's own limit, which is checked elsewhere
        verb = "leaves" if len(entries) == 1 else "leave"
        problem = (
            f"{format_count(len(entries), 'entry')} {verb} no room for the {added_count} that reconciler adds"
        )
        yield ValueProblem("too-many-items", problem, f"at most {room}", path=(field,))


def select_user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags without the ownership tags and those of AWS's own services, sorted."""
    return {key: value for key, value in select_user_entries(tags).items() if not is_aws_tag(key)}


def select_user_entries(entries: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of a map that is not of tags without those that reconciler adds, sorted."""
    return {key: value for key, value in sorted(entries.items()) if not key.startswith(TAG_PREFIX)}


def is_aws_tag(key: str) -> bool:
    """Return whether only AWS's own services set a tag, in any letter case."""
    return key.lower().startswith(_AWS_TAG_PREFIX)


def to_tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Convert a map of tags to a list, as the iot API takes it."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_tag_list(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Convert a list of tags, as the iot API returns it, to a map."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def retag(service: str, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ApiCall]:
    """Yield the calls that change the tags `before` to `after`, ownership tags included.

    The tags of AWS's own services stay.
    """
    removed = sorted(key for key in before.keys() - after.keys() if not is_aws_tag(key))
    added_or_changed = {key: value for key, value in after.items() if before.get(key) != value}
    untag_params: dict[str, Any]
    tag_params: dict[str, Any]
    if service == "iot":
        untag_params = {"resourceArn": arn, "tagKeys": removed}
        tag_params = {"resourceArn": arn, "tags": to_tag_list(added_or_changed)}
    else:
        untag_params = {"ResourceArn": arn, "TagKeys": removed}
        tag_params = {"ResourceArn": arn, "Tags": added_or_changed}
    if removed:
        yield ApiCall(service, "UntagResource", untag_params, idempotent=True)
    if added_or_changed:
        yield ApiCall(service, "TagResource", tag_params, idempotent=True)


def remove_ownership_tags(service: str, live: Live) -> Iterator[ApiCall]:
    """Return the calls that remove the ownership tags and leave the user's."""
    return retag(service, live.arn, live.tags, select_user_tags(live.tags))
