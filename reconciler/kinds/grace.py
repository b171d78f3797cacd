"""Rotation with a grace: the old certificate stays beside its successor for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.kinds.issuing import issued
from reconciler.kinds.kind import Scope
from reconciler.model.durations import seconds


def kept_for_grace(
    scope: Scope, leaving: Sequence[str], found: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Of the certificates about to go: those whose successor's grace is not over, and when it is (seconds since 1970)."""
    graces: dict[str, float] = {}
    for resource in scope.of("certificates"):
        known = issued(resource.spec)
        grace = seconds(resource.spec.rotation.grace) if resource.spec.rotation else None
        if known and grace and known.fingerprint in found:
            graces[resource.address.name] = _created(found[known.fingerprint]).timestamp() + grace
    if not graces:
        return {}
    users = {thing.address.name: thing.spec.certificates for thing in scope.of("things")}
    kept: dict[str, float] = {}
    for thing in scope.read.get("things", ()):
        until = max((graces[name] for name in users.get(thing.identity, ()) if name in graces), default=0.0)
        if until > scope.now:
            kept |= {ref.id: until for ref in thing.spec.certificates if ref.id in leaving}
    return kept


def _created(item: Mapping[str, Any]) -> Any:
    return item.get("certificateDescription", item)["creationDate"]
