"""Rotation with a grace: the old certificate stays beside its successor for a while."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from reconciler.kinds.base.context import Scope
from reconciler.kinds.shared.certificate_issuance import known_certificate
from reconciler.model.duration import parse_duration


def find_grace_ends(
    scope: Scope, leaving: AbstractSet[str], found: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Of the certificates about to go: those that have a successor with a grace, and when it is over (seconds since 1970)."""
    ends: dict[str, float] = {}
    for resource in scope.resources_of("certificates"):
        known = known_certificate(resource.spec)
        grace = parse_duration(resource.spec.rotation.grace) if resource.spec.rotation else None
        if known and grace is not None and known.fingerprint in found:
            ends[resource.address.name] = _created(found[known.fingerprint]).timestamp() + grace
    if not ends:
        return {}
    users = {thing.address.name: thing.spec.certificates for thing in scope.resources_of("things")}
    over: dict[str, float] = {}
    for thing in scope.live_of("things"):
        if until := max((ends[name] for name in users.get(thing.identity, ()) if name in ends), default=0.0):
            over |= {ref.id: until for ref in thing.spec.certificates if ref.id in leaving}
    return over


def _created(item: Mapping[str, Any]) -> Any:
    return item.get("certificateDescription", item)["creationDate"]
