"""Security profiles: the operations that create, describe, list, validate, update and delete them.

No behavior is ever evaluated: devices send no metrics here.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.operations.custom_metrics import AWS_PREFIX, CUSTOM_METRICS
from reconciler.registry.operations.dimensions import DIMENSIONS
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.shared.named_resources import NamedResource
from reconciler.registry.shared.security_profiles import (
    BEHAVIORS,
    METRICS_TO_RETAIN,
    OLD_METRICS_TO_RETAIN,
    SECURITY_PROFILES,
    find_users_of_dimension,
    find_users_of_metric,
)

MAX_VALUE_ELEMENTS = 1000
"""AWS General Reference, "AWS IoT Device Defender endpoints and quotas"."""

_NUMBER_MEMBERS = frozenset({"count", "number"})
_VALUE_MEMBERS = {
    **dict.fromkeys(
        ("less-than", "less-than-equals", "greater-than", "greater-than-equals"), _NUMBER_MEMBERS
    ),
    **dict.fromkeys(("in-cidr-set", "not-in-cidr-set"), frozenset({"cidrs"})),
    **dict.fromkeys(("in-port-set", "not-in-port-set"), frozenset({"ports"})),
    **dict.fromkeys(("in-set", "not-in-set"), frozenset({"numbers", "strings"})),
}
"""By operator: the members of a value of which it takes one (API reference, BehaviorCriteria)."""

_REMOVED_MEMBERS = {
    "deleteBehaviors": (BEHAVIORS,),
    "deleteAlertTargets": ("alertTargets",),
    "deleteAdditionalMetricsToRetain": (METRICS_TO_RETAIN, OLD_METRICS_TO_RETAIN),
    "deleteMetricsExportConfig": ("metricsExportConfig",),
}
"""By flag of an update: the members that it removes."""


@operation("iot", "CreateSecurityProfile")
def create_security_profile(context: Context, params: Params) -> Output | None:
    """Create a security profile. Repeating the call fails.

    Raises ResourceAlreadyExists (409), InvalidRequest for invalid behaviors, for metrics and dimensions that do not exist and for
    invalid tags.
    """
    _check(context, params)
    profile = SECURITY_PROFILES.create(context, params)
    return {"securityProfileName": profile.name, "securityProfileArn": profile.arn}


@operation("iot", "DescribeSecurityProfile")
def describe_security_profile(context: Context, params: Params) -> Output | None:
    """Return everything about a security profile except its tags and targets. Raises ResourceNotFound."""
    return _describe(SECURITY_PROFILES.require(context, params))


@operation("iot", "ListSecurityProfiles")
def list_security_profiles(context: Context, params: Params) -> Output | None:
    """Return the names and ARNs of the security profiles, in creation order.

    With a dimension or a custom metric, only the profiles that use it. Raises InvalidRequest for both at once.
    """
    page = REGISTRY_PAGER.start_page(context, params)
    metric, dimension = params.get("metricName"), params.get("dimensionName")
    if metric is not None and dimension is not None:
        raise context.invalid("dimensionName cannot be used with metricName.")
    if metric is not None:
        profiles = find_users_of_metric(context, metric)
    elif dimension is not None:
        profiles = find_users_of_dimension(context, dimension)
    else:
        return SECURITY_PROFILES.list_page(context, params, "securityProfileIdentifiers", identify_profile)
    start = page.after[0] if page.after else 0
    rows = [profile for profile in profiles if profile.seq > start][: page.limit]
    return page.build_output(
        "securityProfileIdentifiers", rows, key=lambda profile: (profile.seq,), item=identify_profile
    )


@operation("iot", "ValidateSecurityProfileBehaviors")
def validate_security_profile_behaviors(context: Context, params: Params) -> Output | None:
    """Return the errors in behaviors, which would keep a profile from being created."""
    errors = [{"errorMessage": error} for error in _find_behavior_errors(context, params[BEHAVIORS])]
    return {"valid": not errors, "validationErrors": errors}


@operation("iot", "UpdateSecurityProfile")
def update_security_profile(context: Context, params: Params) -> Output | None:
    """Change the members in the request, and describe the profile; others stay.

    Members for which the request has an empty list stay, too.

    Raises ResourceNotFound, VersionConflict (409), InvalidRequest for a flag that deletes what the request sets, for invalid
    behaviors, and for metrics and dimensions that do not exist.
    """
    profile = SECURITY_PROFILES.require(context, params)
    changes = {
        name: value
        for name, value in SECURITY_PROFILES.select_changes(params).items()
        if name not in _REMOVED_MEMBERS and value not in ([], {})
    }
    for flag, names in _REMOVED_MEMBERS.items():
        if not params.get(flag):
            continue
        if not changes.keys().isdisjoint(names):
            raise context.invalid(f"{flag} cannot be used with {names[0]}.")
        changes |= dict.fromkeys(names)
    members = {key: value for key, value in {**profile.members, **changes}.items() if value is not None}
    _check(context, members)
    return _describe(SECURITY_PROFILES.update(context, profile, changes))


@operation("iot", "DeleteSecurityProfile")
def delete_security_profile(context: Context, params: Params) -> Output | None:
    """Delete a security profile, and detach it from its targets; a missing one is not an error.

    Raises VersionConflict (409).
    """
    SECURITY_PROFILES.delete(context, params)
    context.tx.run(
        "DELETE FROM security_profile_targets WHERE scope = ? AND profile = ?",
        context.scope,
        params["securityProfileName"],
    )
    return None


def identify_profile(profile: NamedResource) -> Output:
    """Return the name and the ARN of a profile."""
    return {"name": profile.name, "arn": profile.arn}


def _describe(profile: NamedResource) -> Output:
    return {**profile.describe("securityProfileName", "securityProfileArn"), "version": profile.version}


def _check(context: Context, members: Mapping[str, Any]) -> None:
    """Raise InvalidRequest for the first error in the behaviors and the metrics of a profile."""
    retained = members.get(METRICS_TO_RETAIN, ())
    old_retained = [{"metric": metric} for metric in members.get(OLD_METRICS_TO_RETAIN, ())]
    errors = [
        *_find_behavior_errors(context, members.get(BEHAVIORS, ())),
        *_find_metric_errors(context, (*retained, *old_retained)),
    ]
    if errors:
        raise context.invalid(errors[0])


def _find_behavior_errors(context: Context, behaviors: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = Counter(behavior["name"] for behavior in behaviors)
    yield from (f"The behavior name {name} is not unique." for name, count in names.items() if count > 1)
    yield from _find_metric_errors(context, behaviors)
    element_count = 0
    for behavior in behaviors:
        criteria = behavior.get("criteria", {})
        value = criteria.get("value", {})
        element_count += sum(len(item) if isinstance(item, list) else 1 for item in value.values())
        valid_members = _VALUE_MEMBERS.get(criteria.get("comparisonOperator"), frozenset())
        if value and (len(value) != 1 or not value.keys() <= valid_members):
            yield f"The value of the behavior {behavior['name']} does not fit its comparisonOperator."
    if element_count > MAX_VALUE_ELEMENTS:
        yield f"A security profile can have {MAX_VALUE_ELEMENTS} elements of metric values."


def _find_metric_errors(context: Context, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the errors of behaviors or retained metrics.

    These are unknown metrics and dimensions, and a dimension of a custom metric.

    UNCONFIRMED: the code of AWS's error for metrics and dimensions that do not exist.
    """
    for item in items:
        metric, dimension = item.get("metric"), item.get("metricDimension", {}).get("dimensionName")
        if metric is None:
            yield "A behavior needs a metric."
        elif not metric.startswith(AWS_PREFIX):
            if CUSTOM_METRICS.find(context, metric) is None:
                yield f"The custom metric {metric} does not exist."
            if dimension is not None:
                yield f"The custom metric {metric} cannot be used with a dimension."
        if dimension is not None and DIMENSIONS.find(context, dimension) is None:
            yield f"The dimension {dimension} does not exist."
