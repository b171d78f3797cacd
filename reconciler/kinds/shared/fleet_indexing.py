"""Find out while planning whether fleet indexing has the data that a query needs.

Source: AWS IoT API reference, GetIndexingConfiguration; developer guide, "Managing thing indexing".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds.base.context import PlanContext, Response
from reconciler.kinds.base.members import to_members
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.schema import get_members
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import Create, Update
from reconciler.model.resource import NOT_COMPARED

TABLE = "account.indexing"
ADDRESS = Address.parse(TABLE)
"""The address of the settings of fleet indexing."""

_QUOTED_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_SOURCE = re.compile(r"(?<![\w.])(connectivity|shadow|deviceDefender)\.", re.IGNORECASE)
_MODES = {
    "connectivity": ("thingConnectivityIndexingMode", "STATUS"),
    "shadow": ("thingIndexingMode", "REGISTRY_AND_SHADOW"),
    "devicedefender": ("deviceDefenderIndexingMode", "VIOLATIONS"),
}
"""By the first part of a query's field names, in lower case: the setting that turns its indexing on, and its value."""


def build_need(query: str, context: PlanContext) -> CheckedNeed:
    """Return the need that the things of the account are indexed, with the data that the query refers to.

    Changes of `[account.indexing]` in the same plan count, because they are applied first.
    """
    fields = _QUOTED_TEXT.sub("", query)
    sources = tuple(sorted({source.lower() for source in _SOURCE.findall(fields)}))
    planned = _find_planned_configuration(context)
    return CheckedNeed(("indexing", sources), "query_string", lambda: _read_problem(sources, planned))


def _find_planned_configuration(context: PlanContext) -> Mapping[str, Any]:
    """Return the members of the configuration of things that the plan sets."""
    change = context.changes.get(ADDRESS)
    if not isinstance(change, Create | Update):
        return {}
    spec = change.resource.spec
    names = [name for name in get_members(type(spec)) if getattr(spec, name) is not NOT_COMPARED]
    members: Mapping[str, Any] = to_members(spec, names).get("thingIndexingConfiguration", {})
    return members


def _read_problem(sources: tuple[str, ...], planned: Mapping[str, Any]) -> ProblemRead:
    (response,) = yield [ApiCall("iot", "GetIndexingConfiguration")]
    configuration = {**response.get("thingIndexingConfiguration", {}), **planned}
    if configuration.get("thingIndexingMode", "OFF") == "OFF":
        return (
            "the query needs fleet indexing, which is off in this account and Region; turn it on with "
            f'thing_indexing_mode = "REGISTRY" in [{TABLE}]'
        )
    for source in sources:
        member, mode = _MODES[source]
        if configuration.get(member, "OFF") != mode and not _is_named_shadow_indexed(source, configuration):
            return f"the query needs fleet indexing with {member}={mode}; turn it on in [{TABLE}]"
    return None


def _is_named_shadow_indexed(source: str, configuration: Response) -> bool:
    return source == "shadow" and configuration.get("namedShadowIndexingMode") == "ON"
