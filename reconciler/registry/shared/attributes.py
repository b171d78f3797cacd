"""The attribute payloads of things and thing groups: creation, update, limits.

Invariant: an attribute with an empty value is not stored. AWS documents that for updates; that it also applies to creations is
UNCONFIRMED.
"""

from collections.abc import Mapping

from reconciler.registry.catalog import Params
from reconciler.registry.context import Context

# AWS's limit for all attribute names and values of a thing together (47 KB), applied to thing groups too.
MAX_BYTES = 47 * 1024


def parse_new_attributes(payload: Params | None) -> dict[str, str]:
    """Return the attributes of a new resource, from the payload of its creation."""
    attributes = (payload or {}).get("attributes", {})
    return {name: value for name, value in attributes.items() if value}


def update_attributes(previous_attributes: Mapping[str, str], payload: Params | None) -> dict[str, str]:
    """Return a resource's attributes after an update with a payload.

    Without `merge`, the payload replaces all attributes, so an empty `attributes` removes them. Without a payload, or if it has
    no member `attributes`, nothing changes (UNCONFIRMED, but no data is lost).
    """
    if payload is None or "attributes" not in payload:
        return dict(previous_attributes)
    kept_attributes = previous_attributes if payload.get("merge") else {}
    return {name: value for name, value in {**kept_attributes, **payload["attributes"]}.items() if value}


def require_attribute_limits(context: Context, attributes: Mapping[str, str], max_attributes: int) -> None:
    """Raise InvalidRequest for more than `max_attributes` attributes, or more than 47 KB of them."""
    if len(attributes) > max_attributes:
        raise context.invalid(f"There are {len(attributes)} attributes, and the limit is {max_attributes}.")
    if sum(len(name) + len(value) for name, value in attributes.items()) > MAX_BYTES:
        raise context.invalid(f"The attributes are larger than {MAX_BYTES} bytes.")
