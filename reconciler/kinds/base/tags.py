"""Tags: the user's, and the marks that we set beside them. iot writes them as a list, managed integrations as a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.kind import NAME_TAG, OWNER_TAG, PROTECTED_TAG, Complaint
from reconciler.model.call import ApiCall
from reconciler.model.resource import Resource

TAG_PREFIX = "reconciler:"

MAX_TAGS = 50
"""Tags of one resource (AWS General Reference), and entries of a managed thing's meta data (its service model)."""

OWNERSHIP_TAG_COUNT = 3
"""The tags that every taggable resource may get: its owner, its name, and that it must not be destroyed."""


def with_ownership_tags(resource: Resource, workspace: str, **more: Any) -> dict[str, Any]:
    """The user's tags and ours: who owns the resource, what the file calls it, and whether it must not be destroyed."""
    ours = {OWNER_TAG: workspace, NAME_TAG: resource.address.name}
    if resource.lifecycle.prevent_destroy:
        ours[PROTECTED_TAG] = "true"
    ours |= {TAG_PREFIX + key: value for key, value in more.items()}
    return dict(sorted({**resource.spec.tags, **ours}.items()))


def check_room_for_tags(field: str, given: Mapping[str, str], ours: int) -> Iterator[Complaint]:
    """A complaint where the user's entries leave no room for `ours` beside them: AWS admits 50 of them in all."""
    room = MAX_TAGS - ours
    if room < len(given) <= MAX_TAGS:
        problem = f"{len(given)} entries leave no room for the {ours} that mark what the workspace owns"
        yield Complaint(field, problem, f"at most {room}")


def user_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags without ours."""
    return {key: value for key, value in sorted(tags.items()) if not key.startswith(TAG_PREFIX)}


def to_tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As the iot API takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def from_tag_list(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """As the iot API lists them, turned into a map."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def retag(service: str, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ApiCall]:
    """The calls that turn the tags `before` into `after`; both are complete, ours included."""
    gone = sorted(before.keys() - after.keys())
    new = {key: value for key, value in after.items() if before.get(key) != value}
    untag: dict[str, Any]
    tag: dict[str, Any]
    if service == "iot":
        untag, tag = {"resourceArn": arn, "tagKeys": gone}, {"resourceArn": arn, "tags": to_tag_list(new)}
    else:
        untag, tag = {"ResourceArn": arn, "TagKeys": gone}, {"ResourceArn": arn, "Tags": new}
    if gone:
        yield ApiCall(service, "UntagResource", untag, repeatable=True)
    if new:
        yield ApiCall(service, "TagResource", tag, repeatable=True)


def remove_ownership_tags(service: str, arn: str, tags: Mapping[str, str]) -> Iterator[ApiCall]:
    """The calls that take our tags off and leave the user's."""
    return retag(service, arn, tags, user_tags(tags))
