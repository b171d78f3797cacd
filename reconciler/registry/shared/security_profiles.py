"""Security profiles: their type, their targets, and those that use a custom metric or a dimension.

Invariant: a target is the ARN of a thing group or of things of the account, such as `all/registered-things`. The deletion of a
profile or of a thing group deletes its edges.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.registry.context import Context
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

SCHEMA = (
    """
    CREATE TABLE security_profile_targets (
      seq INTEGER PRIMARY KEY,
      scope INTEGER NOT NULL,
      profile TEXT NOT NULL,
      target TEXT NOT NULL,
      UNIQUE (scope, profile, target)
    )
    """,
    "CREATE INDEX security_profile_targets_by_target ON security_profile_targets (scope, target, seq)",
)

SECURITY_PROFILES = NamedResourceType("security profile", "securityprofile", "securityProfileName")
BEHAVIORS = "behaviors"
METRICS_TO_RETAIN = "additionalMetricsToRetainV2"
OLD_METRICS_TO_RETAIN = "additionalMetricsToRetain"
"""The deprecated member, a list of names."""


def iterate_used_metrics(members: Mapping[str, Any]) -> Iterator[tuple[str | None, str | None]]:
    """Yield the metric and the dimension of each behavior, and of each metric that a profile retains."""
    for item in (*members.get(BEHAVIORS, ()), *members.get(METRICS_TO_RETAIN, ())):
        yield item.get("metric"), item.get("metricDimension", {}).get("dimensionName")
    for metric in members.get(OLD_METRICS_TO_RETAIN, ()):
        yield metric, None


def find_users_of_metric(context: Context, metric: str) -> list[NamedResource]:
    """Return the profiles that use a metric, in creation order."""
    return [
        profile
        for profile in SECURITY_PROFILES.read_all(context)
        if any(metric == name for name, _ in iterate_used_metrics(profile.members))
    ]


def find_users_of_dimension(context: Context, dimension: str) -> list[NamedResource]:
    """Return the profiles that use a dimension, in creation order."""
    return [
        profile
        for profile in SECURITY_PROFILES.read_all(context)
        if any(dimension == name for _, name in iterate_used_metrics(profile.members))
    ]


def require_unused(context: Context, resource: str, users: list[NamedResource]) -> None:
    """Raise InvalidRequest if profiles use a custom metric or a dimension that a request deletes."""
    if users:
        names = ", ".join(profile.name for profile in users)
        raise context.invalid(f"The {resource} is used by the security profiles [{names}].")


def delete_targets(context: Context, target: str) -> None:
    """Delete the edges of a target that is being deleted."""
    context.tx.run(
        "DELETE FROM security_profile_targets WHERE scope = ? AND target = ?", context.scope, target
    )
