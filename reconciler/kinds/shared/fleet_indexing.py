"""Find out while planning whether fleet indexing has the data that a query needs.

Source: AWS IoT API reference, GetIndexingConfiguration; developer guide, "Managing thing indexing".
"""

from __future__ import annotations

import re

from reconciler.kinds.base.context import Response
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.model.call import ApiCall

_QUOTED_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_SOURCE = re.compile(r"(?<![\w.])(connectivity|shadow|deviceDefender)\.", re.IGNORECASE)
_MODES = {
    "connectivity": ("thingConnectivityIndexingMode", "STATUS"),
    "shadow": ("thingIndexingMode", "REGISTRY_AND_SHADOW"),
    "devicedefender": ("deviceDefenderIndexingMode", "VIOLATIONS"),
}
"""By the first part of a query's field names, in lower case: the setting that turns its indexing on, and its value."""


def build_need(query: str) -> CheckedNeed:
    """Return the need that the things of the account are indexed, with the data that the query refers to."""
    fields = _QUOTED_TEXT.sub("", query)
    sources = tuple(sorted({source.lower() for source in _SOURCE.findall(fields)}))
    return CheckedNeed(("indexing", sources), "query_string", lambda: _read_problem(sources))


def _read_problem(sources: tuple[str, ...]) -> ProblemRead:
    (response,) = yield [ApiCall("iot", "GetIndexingConfiguration")]
    configuration = response.get("thingIndexingConfiguration", {})
    if configuration.get("thingIndexingMode", "OFF") == "OFF":
        return (
            "the query needs fleet indexing, which is off in this account and Region; turn it on with "
            "`aws iot update-indexing-configuration --thing-indexing-configuration thingIndexingMode=REGISTRY`"
        )
    for source in sources:
        member, mode = _MODES[source]
        if configuration.get(member, "OFF") != mode and not _is_named_shadow_indexed(source, configuration):
            return f"the query needs fleet indexing with {member}={mode}; turn it on with `aws iot update-indexing-configuration`"
    return None


def _is_named_shadow_indexed(source: str, configuration: Response) -> bool:
    return source == "shadow" and configuration.get("namedShadowIndexingMode") == "ON"
