"""Find which resource a call changed, in the members of its request and its response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.model.call import get_by_path
from reconciler.model.resource import extract_name_from_arn


def find_identity_in_members(members: Mapping[str, Any], paths: Iterable[str | None]) -> str | None:
    """Return the name or ID of a resource, or None.

    It is the text at the first of the dotted paths that has one, or the last part of an ARN.
    """
    for path in paths:
        value = get_by_path(members, path) if path else None
        if isinstance(value, str):
            return extract_name_from_arn(value)
    return None
