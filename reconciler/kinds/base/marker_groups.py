"""Marker groups: static thing groups that record the owners of resources that cannot have tags.

Each such resource has a group, as in `reconciler:managed_destinations:alerts`. Its attribute `workspace` is the name of the
workspace. AWS rejects the creation of a group that exists with other attributes, so of two workspaces only one gets the resource. The
names of these groups cannot be those of workspaces' own groups, which begin with `reconciler-`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext, Read, Response, Scope, build_call_key
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.base.tags import NAME_TAG, OWNER_TAG, PROTECTED_TAG
from reconciler.model.call import ApiCall, Deferred, Ref, Responses
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Live, Resource

MARKER_PREFIX = "reconciler:"
"""The beginning of the names of all marker groups."""

MARKER_SERVICE = "iot"
MARKER_READ = "DescribeThingGroup"

_ATTRIBUTES = {"workspace": OWNER_TAG, "name": NAME_TAG, "prevent-destroy": PROTECTED_TAG}
"""By attribute of a marker group: the ownership tag that a resource with tags would have."""

_MAX_GROUP_NAME_LENGTH = 128
"""Source: AWS IoT API reference, CreateThingGroup, as are both patterns."""
_MAX_ATTRIBUTE_LENGTH = 800
_GROUP_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_ATTRIBUTE = re.compile(r"[a-zA-Z0-9_.,@/:#-]+")
_ENCODED = "="
"""The beginning of an encoded attribute."""


@frozen
class Marker:
    """A marker group as AWS reports it.

    `tags` are the ownership tags that the resource would have if it could have tags; `resource` is the part of the group's name that
    identifies the resource.
    """

    name: str
    tags: Mapping[str, str]
    version: int

    @property
    def owner(self) -> str | None:
        """The name of the workspace that owns the resource."""
        return self.tags.get(OWNER_TAG)

    @property
    def resource(self) -> str:
        """The part of the group's name that identifies the resource."""
        return self.name.rpartition(":")[2]


@frozen
class MarkerName(Deferred):
    """The name of the marker group of a resource whose ID AWS assigns during the apply."""

    table: str
    identity: Ref

    def resolve(self, responses: Responses) -> str:
        """Return the name. Raises UnknownValueError if the response with the ID is missing."""
        return build_marker_name(self.table, self.identity.resolve(responses))

    def __str__(self) -> str:
        return f"{_build_prefix(self.table)}{self.identity}"


def build_marker_name(table: str, identity: str) -> str:
    """Return the name of a resource's marker group, with a hash of an ID that it cannot contain."""
    prefix = _build_prefix(table)
    if _GROUP_NAME.fullmatch(identity) and len(prefix) + len(identity) <= _MAX_GROUP_NAME_LENGTH:
        return f"{prefix}{identity}"
    return f"{prefix}sha256-{hashlib.sha256(identity.encode()).hexdigest()}"


def read_markers(table: str, scope: Scope) -> Read[dict[str, Marker]]:
    """Return the marker groups of a kind, by name; in a re-read, of the resources to read."""
    if scope.previous_states is not None:
        names = [build_marker_name(table, identity) for identity in scope.previous_states]
        return (yield from describe_markers(names))
    params = {"namePrefixFilter": _build_prefix(table)}
    (listing,) = yield [ApiCall(MARKER_SERVICE, "ListThingGroups", params)]
    return (yield from describe_markers(group["groupName"] for group in listing["thingGroups"]))


def describe_markers(names: Iterable[str]) -> Read[dict[str, Marker]]:
    """Return the marker groups with these names that exist, by name."""
    names = sorted(set(names))
    groups = yield [_build_read(name) for name in names]
    return {name: _to_marker(name, group) for name, group in zip(names, groups, strict=True) if group}


def find_marker(name: str, context: PlanContext) -> Marker | None:
    """Return the marker group that the refresh read, or None; the kind has to keep `MARKER_READ`."""
    group = context.outside.responses.get(build_call_key(_build_read(name)))
    return _to_marker(name, group) if group else None


def build_marker_tags(resource: Resource, workspace: str, *, has_name: bool = True) -> dict[str, str]:
    """Return the ownership tags that the marker group of a resource records.

    `has_name` is false for kinds whose names in the file are those in AWS.
    """
    tags = {OWNER_TAG: workspace}
    if has_name:
        tags[NAME_TAG] = resource.address.name
    if resource.lifecycle.prevent_destroy:
        tags[PROTECTED_TAG] = "true"
    return tags


def check_marker(resource: Resource) -> Iterator[ValueProblem]:
    """Yield a problem if the marker group cannot record the name in the file."""
    if len(_encode_attribute(resource.address.name)) > _MAX_ATTRIBUTE_LENGTH:
        problem = "the name is too long for the marker of its owner"
        yield ValueProblem("name-too-long", problem, "a shorter name")


def build_claim(name: str | MarkerName, resource: Resource, tags: Mapping[str, str]) -> ApiCall:
    """Return the call that creates a marker group, unless it exists with other attributes.

    `tags` are the ownership tags that the group records.
    """
    properties = {
        "thingGroupDescription": _describe(resource),
        "attributePayload": {"attributes": _to_attributes(tags)},
    }
    params = {"thingGroupName": name, "thingGroupProperties": properties}
    return ApiCall(MARKER_SERVICE, "CreateThingGroup", params, idempotent=True)


def build_marker_update(
    name: str | MarkerName, resource: Resource, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[ApiCall]:
    """Yield the call that changes a marker group from the ownership tags `before` to `after`."""
    before = {tag: value for tag, value in before.items() if tag in _ATTRIBUTES.values()}
    if before != after:
        properties = {
            "thingGroupDescription": _describe(resource),
            "attributePayload": {"attributes": _to_attributes(after), "merge": False},
        }
        params = {"thingGroupName": name, "thingGroupProperties": properties}
        yield ApiCall(MARKER_SERVICE, "UpdateThingGroup", params, idempotent=True)


def build_marker_calls(
    name: str | MarkerName, resource: Resource, live: Live | None, tags: Mapping[str, str]
) -> Iterator[ApiCall]:
    """Yield the call that creates the marker group of a resource or, if `live` has an owner, changes it."""
    if live is None or live.owner is None:
        yield build_claim(name, resource, tags)
    else:
        yield from build_marker_update(name, resource, live.tags, tags)


def build_marker_deletion(name: str, version: int | None = None) -> ApiCall:
    """Return the call that deletes a marker group, if it still has the version."""
    params: dict[str, Any] = {"thingGroupName": name}
    if version is not None:
        params["expectedVersion"] = version
    return ApiCall(MARKER_SERVICE, "DeleteThingGroup", params, ignored_errors=NOT_FOUND)


def _build_read(name: str) -> ApiCall:
    return ApiCall(MARKER_SERVICE, MARKER_READ, {"thingGroupName": name}, ignored_errors=NOT_FOUND)


def _describe(resource: Resource) -> str:
    """Return the group's description; AWS accepts only ASCII, so other characters are escaped."""
    address = ascii(str(resource.address))[1:-1]
    return f"Records which reconciler workspace owns {address}."


def _encode_attribute(text: str) -> str:
    """Return a text as an attribute can have it: as base64 after `=` if it has other characters."""
    if _ATTRIBUTE.fullmatch(text):
        return text
    return _ENCODED + base64.urlsafe_b64encode(text.encode()).decode()


def _decode_attribute(value: str) -> str:
    """Return the text of an attribute; a value that was not encoded is returned as it is."""
    if not value.startswith(_ENCODED):
        return value
    try:
        text = base64.urlsafe_b64decode(value.removeprefix(_ENCODED)).decode()
    except ValueError:
        return value
    return text if text and _encode_attribute(text) == value else value


def _build_prefix(table: str) -> str:
    return f"{MARKER_PREFIX}{table}:"


def _to_attributes(tags: Mapping[str, str]) -> dict[str, str]:
    return {
        attribute: _encode_attribute(tags[tag]) for attribute, tag in _ATTRIBUTES.items() if tags.get(tag)
    }


def _to_marker(name: str, group: Response) -> Marker:
    attributes = group.get("thingGroupProperties", {}).get("attributePayload", {}).get("attributes", {})
    tags = {
        tag: _decode_attribute(attributes[attribute])
        for attribute, tag in _ATTRIBUTES.items()
        if attributes.get(attribute)
    }
    return Marker(name, tags, group["version"])
