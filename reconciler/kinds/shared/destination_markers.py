"""Ownership markers of topic rule destinations: a static thing group for each of them.

Destinations have no tags. So a group records the owner of each one, as for account settings: its attributes are what the ownership
tags would be. Its name follows from the destination's configuration, by which AWS identifies it. It is created before
the destination: AWS rejects the creation of a group that exists with other attributes, so of two workspaces only one gets the
destination, and a run that dies leaves nothing without an owner. It is deleted after the destination.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.kinds.base.context import Read, Response
from reconciler.kinds.base.reads import NOT_FOUND, request_each
from reconciler.kinds.base.tags import NAME_TAG, OWNER_TAG, PROTECTED_TAG
from reconciler.kinds.base.verification import build_thing_group_verification
from reconciler.model.call import ApiCall
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Live, Resource
from reconciler.model.text import quote

DESTINATION_MARKER_PREFIX = "reconciler:destination-"
"""The beginning of the names of the groups that record the owners of topic rule destinations."""

_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{1,800}")
"""The values of attributes (API reference, AttributePayload)."""

_HASH_LENGTH = 32


def build_marker_name(configuration: Mapping[str, Any]) -> str:
    """Return the name of the group for a destination with this configuration, as AWS's API has it."""
    text = json.dumps(configuration, sort_keys=True)
    return DESTINATION_MARKER_PREFIX + hashlib.sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


def check_marked_name(resource: Resource) -> Iterator[ValueProblem]:
    """Yield a problem if the resource's name cannot be an attribute of its group."""
    name = resource.address.name
    if not _NAME.fullmatch(name):
        problem = (
            f"{quote(name)} cannot be the value of an attribute of a thing group, which records the owner"
        )
        yield ValueProblem("invalid-name", problem, "letters, digits and _.,@/:#=[]-")


def read_markers(names: Iterable[str]) -> Read[dict[str, Response]]:
    """Return the descriptions of the groups with these names that exist."""
    names = sorted(set(names))
    responses = yield from request_each("DescribeThingGroup", "thingGroupName", names)
    return {name: response for name, response in zip(names, responses, strict=True) if response}


def get_ownership_attributes(marker: Response) -> dict[str, str]:
    """Return the attributes of a group, which are named like the ownership tags."""
    payload = marker.get("thingGroupProperties", {}).get("attributePayload", {})
    return dict(payload.get("attributes", {}))


def build_marker_call(name: str, resource: Resource, workspace: str) -> ApiCall:
    """Return the call that creates the group of a destination."""
    properties = {
        "thingGroupDescription": "Records which reconciler workspace owns a topic rule destination.",
        "attributePayload": {"attributes": _build_attributes(resource, workspace)},
    }
    params = {"thingGroupName": name, "thingGroupProperties": properties}
    return ApiCall("iot", "CreateThingGroup", params, idempotent=True)


def build_marker_update(name: str, live: Live, resource: Resource, workspace: str) -> Iterator[ApiCall]:
    """Yield the call that changes the attributes of the group of an owned destination, if they differ."""
    attributes = _build_attributes(resource, workspace)
    if attributes == live.tags:
        return
    payload = {"attributes": attributes, "merge": False}
    params = {
        "thingGroupName": name,
        "thingGroupProperties": {"attributePayload": payload},
        "expectedVersion": live.version,
    }
    yield ApiCall("iot", "UpdateThingGroup", params, verification=build_thing_group_verification(name))


def build_marker_deletion(name: str) -> ApiCall:
    """Return the call that deletes the group of a destination."""
    return ApiCall("iot", "DeleteThingGroup", {"thingGroupName": name}, ignored_errors=NOT_FOUND)


def _build_attributes(resource: Resource, workspace: str) -> dict[str, str]:
    attributes = {OWNER_TAG: workspace, NAME_TAG: resource.address.name}
    if resource.lifecycle.prevent_destroy:
        attributes[PROTECTED_TAG] = "true"
    return attributes
