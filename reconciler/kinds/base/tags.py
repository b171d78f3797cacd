"""Tags: the user's, and the marks that we set beside them. iot writes them as a list, managed integrations as a map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.kinds.base.kind import NAME_TAG, OWNER_TAG, PROTECTED_TAG, Complaint
from reconciler.model.call import ApiCall
from reconciler.model.resource import Resource

PREFIX = "reconciler:"

MOST = 50
"""Tags of one resource (AWS General Reference), and entries of a managed thing's meta data (its service model)."""

OURS = 3
"""The tags that every taggable resource may get: its owner, its name, and that it must not be destroyed."""


def marked(resource: Resource, workspace: str, **more: Any) -> dict[str, Any]:
    """The user's tags and ours: who owns the resource, what the file calls it, and whether it must not be destroyed."""
    ours = {OWNER_TAG: workspace, NAME_TAG: resource.address.name}
    if resource.lifecycle.prevent_destroy:
        ours[PROTECTED_TAG] = "true"
    ours |= {PREFIX + key: value for key, value in more.items()}
    return dict(sorted({**resource.spec.tags, **ours}.items()))


def crowded(field: str, given: Mapping[str, str], ours: int) -> Iterator[Complaint]:
    """A complaint where the user's entries leave no room for `ours` beside them: AWS admits 50 of them in all."""
    room = MOST - ours
    if room < len(given) <= MOST:
        problem = f"{len(given)} entries leave no room for the {ours} that mark what the workspace owns"
        yield Complaint(field, problem, f"at most {room}")


def users(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags without ours."""
    return {key: value for key, value in sorted(tags.items()) if not key.startswith(PREFIX)}


def as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As the iot API takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_map(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """As the iot API lists them, turned into a map."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def retag(service: str, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[ApiCall]:
    """The calls that turn the tags `before` into `after`; both are complete, ours included."""
    gone = sorted(before.keys() - after.keys())
    new = {key: value for key, value in after.items() if before.get(key) != value}
    untag: dict[str, Any]
    tag: dict[str, Any]
    if service == "iot":
        untag, tag = {"resourceArn": arn, "tagKeys": gone}, {"resourceArn": arn, "tags": as_list(new)}
    else:
        untag, tag = {"ResourceArn": arn, "TagKeys": gone}, {"ResourceArn": arn, "Tags": new}
    if gone:
        yield ApiCall(service, "UntagResource", untag, repeatable=True)
    if new:
        yield ApiCall(service, "TagResource", tag, repeatable=True)


def unmarked(service: str, arn: str, tags: Mapping[str, str]) -> Iterator[ApiCall]:
    """The calls that take our tags off and leave the user's."""
    return retag(service, arn, tags, users(tags))
