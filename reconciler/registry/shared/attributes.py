"""Attribute payloads, which things and thing groups share: what is given, what is merged, how many may stand.

Law: an attribute with an empty value is an attribute that is not there. That holds for creation too (UNCONFIRMED: AWS
documents it for updates).
"""

from collections.abc import Mapping

from reconciler.registry.catalog import Params
from reconciler.registry.context import Context

# AWS's limit for all names and values of a thing together (47 KB).
MAX_BYTES = 47 * 1024


def new_attributes(payload: Params | None) -> dict[str, str]:
    """Give the attributes of a payload that creates something."""
    given = (payload or {}).get("attributes", {})
    return {name: value for name, value in given.items() if value}


def updated_attributes(before: Mapping[str, str], payload: Params | None) -> dict[str, str]:
    """Apply a payload that updates something.

    Without `merge` it replaces everything. A payload without attributes changes nothing: that is UNCONFIRMED, and loses
    nothing.
    """
    if payload is None or "attributes" not in payload:
        return dict(before)
    kept = before if payload.get("merge") else {}
    return {name: value for name, value in {**kept, **payload["attributes"]}.items() if value}


def require_attribute_limits(context: Context, attributes: Mapping[str, str], most: int) -> None:
    """Raise InvalidRequest when there are more attributes than `most`, or more than 47 KB of them."""
    if len(attributes) > most:
        raise context.invalid(f"There are {len(attributes)} attributes, and the limit is {most}.")
    if sum(len(name) + len(value) for name, value in attributes.items()) > MAX_BYTES:
        raise context.invalid(f"The attributes are larger than {MAX_BYTES} bytes.")
