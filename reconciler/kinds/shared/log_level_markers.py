"""The thing groups that record the owners of log levels, which have no tags.

For each log level there is a static thing group whose name is derived from the target. Its attributes are the ownership tags and
the target, encoded because AWS allows few characters in attributes. AWS rejects the creation of a group that exists with other
attributes, so of two workspaces only one gets the log level.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from reconciler.kinds.base.account_settings import SETTINGS_MARKER_PREFIX
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.tags import NAME_TAG, OWNER_TAG, PROTECTED_TAG
from reconciler.kinds.shared.managed_integrations import compute_sha256
from reconciler.model.call import ApiCall
from reconciler.model.resource import Live, Resource

MARKER_PREFIX = f"{SETTINGS_MARKER_PREFIX}log-level-"
"""The beginning of the names of the groups."""

_ATTRIBUTES = {OWNER_TAG: "workspace", NAME_TAG: "name", PROTECTED_TAG: "prevent-destroy"}
_TARGET = "target"
_DIGITS = 32


def build_marker_name(identity: str) -> str:
    """Return the name of the group for the log level of a target, such as `CLIENT_ID:pump-1`."""
    return f"{MARKER_PREFIX}{compute_sha256(identity)[:_DIGITS]}"


def build_attributes(resource: Resource, identity: str, workspace: str) -> dict[str, str]:
    """Return the attributes of the group for a desired log level."""
    attributes = {"workspace": workspace, "name": _encode(resource.address.name), _TARGET: _encode(identity)}
    return {**attributes, "prevent-destroy": "true"} if resource.lifecycle.prevent_destroy else attributes


def get_attributes(description: Response) -> Mapping[str, str]:
    """Return the attributes in the description of a group; empty if the group does not exist."""
    attributes: Mapping[str, str] = (
        description.get("thingGroupProperties", {}).get("attributePayload", {}).get("attributes", {})
    )
    return attributes


def find_target(description: Response) -> str | None:
    """Return the target that the description of a group names, or None."""
    target = get_attributes(description).get(_TARGET)
    return _decode(target) if target else None


def to_ownership_tags(description: Response) -> dict[str, str]:
    """Return the attributes of a group as ownership tags."""
    attributes = get_attributes(description)
    tags = {tag: attributes[name] for tag, name in _ATTRIBUTES.items() if name in attributes}
    return {**tags, NAME_TAG: _decode(tags[NAME_TAG])} if NAME_TAG in tags else tags


def build_marker_call(attributes: Mapping[str, str], identity: str, live: Live | None) -> ApiCall:
    """Return the call that creates the group or, if the live log level has one, changes its attributes."""
    payload: dict[str, Any] = {"attributes": dict(attributes)}
    params: dict[str, Any] = {"thingGroupName": build_marker_name(identity)}
    if live is None or live.version is None:
        properties = {
            "thingGroupDescription": "Records which reconciler workspace owns a log level.",
            "attributePayload": payload,
        }
        return ApiCall(
            "iot", "CreateThingGroup", {**params, "thingGroupProperties": properties}, idempotent=True
        )
    params["thingGroupProperties"] = {"attributePayload": {**payload, "merge": False}}
    return ApiCall("iot", "UpdateThingGroup", {**params, "expectedVersion": live.version})


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _decode(text: str) -> str:
    return base64.urlsafe_b64decode(text).decode()
