"""The fields of a security profile, and the problems of its behaviors.

Source: AWS IoT API reference, CreateSecurityProfile and Behavior; AWS IoT Device Defender developer guide, "Behaviors" (the value
of a behavior fits its operator, and dimensions apply neither to custom metrics nor to ML Detect).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.aws_limits import METRIC_VALUE_ELEMENTS
from reconciler.kinds.base.schema import get_members, member
from reconciler.kinds.shared.role_arns import check_role_arn
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import External, Reference
from reconciler.model.text import join_some, quote

AWS_METRIC_PREFIX = "aws:"
"""The prefix of the names of the metrics that AWS defines; others are custom metrics."""

_BEHAVIORS = "behaviors"
_API = f"CreateSecurityProfile.{_BEHAVIORS}"
_CRITERIA = f"{_API}.criteria"
_VALUE = f"{_CRITERIA}.value"
_RETAINED = "CreateSecurityProfile.additionalMetricsToRetainV2"

_NUMBERS = ("count", "number")
_VALUE_FIELDS: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(("less-than", "less-than-equals", "greater-than", "greater-than-equals"), _NUMBERS),
    **dict.fromkeys(("in-cidr-set", "not-in-cidr-set"), ("cidrs",)),
    **dict.fromkeys(("in-port-set", "not-in-port-set"), ("ports",)),
    **dict.fromkeys(("in-set", "not-in-set"), ("numbers", "strings")),
}
"""By operator: the fields of a value of which it takes one."""


@frozen
class MetricDimension:
    """The dimension that narrows a metric."""

    dimension_name: Reference = member(
        "The dimension.", api=f"{_API}.metricDimension.dimensionName", references="dimensions"
    )
    operator: Literal["IN", "NOT_IN"] = member(
        "Whether the messages count whose topics match the dimension, or the others.",
        api=f"{_API}.metricDimension.operator",
        default="IN",
    )


@frozen
class MetricValue:
    """The value that a metric is compared with: exactly one of the fields is set."""

    count: int | None = member("A whole number.", api=f"{_VALUE}.count", default=None)
    cidrs: tuple[str, ...] = member("CIDR blocks.", api=f"{_VALUE}.cidrs", default=())
    ports: tuple[int, ...] = member("Ports.", api=f"{_VALUE}.ports", default=())
    number: float | None = member("A number.", api=f"{_VALUE}.number", default=None)
    numbers: tuple[float, ...] = member("Numbers.", api=f"{_VALUE}.numbers", default=())
    strings: tuple[str, ...] = member("Texts.", api=f"{_VALUE}.strings", default=())


@frozen
class StatisticalThreshold:
    """A threshold that follows from the values of all devices."""

    statistic: str = member(
        "The percentile, such as `p90`.", api=f"{_CRITERIA}.statisticalThreshold.statistic"
    )


@frozen
class MachineLearningDetection:
    """The settings of ML Detect, which learns what is normal."""

    confidence_level: Literal["LOW", "MEDIUM", "HIGH"] = member(
        "The confidence with which an anomaly violates the behavior.",
        api=f"{_CRITERIA}.mlDetectionConfig.confidenceLevel",
    )


@frozen
class BehaviorCriteria:
    """The criteria of normal behavior: a value, a statistical threshold, or ML Detect."""

    comparison_operator: (
        Literal[
            "less-than",
            "less-than-equals",
            "greater-than",
            "greater-than-equals",
            "in-cidr-set",
            "not-in-cidr-set",
            "in-port-set",
            "not-in-port-set",
            "in-set",
            "not-in-set",
        ]
        | None
    ) = member(
        "How the metric relates to the value or the threshold.",
        api=f"{_CRITERIA}.comparisonOperator",
        default=None,
    )
    value: MetricValue | None = member("The value.", api=_VALUE, default=None)
    duration_seconds: int | None = member(
        "The time over which the behavior is evaluated.", api=f"{_CRITERIA}.durationSeconds", default=None
    )
    consecutive_datapoints_to_alarm: int = member(
        "The number of violations in a row after which there is an alarm.",
        api=f"{_CRITERIA}.consecutiveDatapointsToAlarm",
        default=1,
    )
    consecutive_datapoints_to_clear: int = member(
        "The number of normal values in a row after which the alarm ends.",
        api=f"{_CRITERIA}.consecutiveDatapointsToClear",
        default=1,
    )
    statistical_threshold: StatisticalThreshold | None = member(
        "The statistical threshold.", api=f"{_CRITERIA}.statisticalThreshold", default=None
    )
    ml_detection_config: MachineLearningDetection | None = member(
        "The settings of ML Detect.", api=f"{_CRITERIA}.mlDetectionConfig", default=None
    )


@frozen
class Behavior:
    """A behavior of devices that are not compromised."""

    name: str = member("The name of the behavior.", api=f"{_API}.name")
    metric: Reference | None = member(
        "The measured metric: one of AWS's, such as `aws:num-messages-sent`, or a custom metric.",
        api=f"{_API}.metric",
        references="custom_metrics",
        builtin_prefix=AWS_METRIC_PREFIX,
        default=None,
    )
    metric_dimension: MetricDimension | None = member(
        "The dimension that narrows the metric, not for custom metrics.",
        api=f"{_API}.metricDimension",
        default=None,
    )
    criteria: BehaviorCriteria | None = member(
        "The criteria of normal behavior; without them, the metric is only exported.",
        api=_CRITERIA,
        default=None,
    )
    suppress_alerts: bool = member(
        "Whether a violation sends no alert.", api=f"{_API}.suppressAlerts", default=False
    )
    export_metric: bool = member(
        "Whether the metric is exported, too.", api=f"{_API}.exportMetric", default=False
    )


@frozen
class AlertTarget:
    """Where alerts are sent."""

    alert_target_arn: str = member(
        "The ARN of the SNS topic.", api="CreateSecurityProfile.alertTargets.alertTargetArn"
    )
    role_arn: str = member(
        "The role with which AWS IoT publishes.",
        api="CreateSecurityProfile.alertTargets.roleArn",
        outside="role",
    )


@frozen
class MetricToRetain:
    """A metric whose values AWS stores although no behavior uses it."""

    metric: Reference = member(
        "The metric, as in a behavior.",
        api=f"{_RETAINED}.metric",
        references="custom_metrics",
        builtin_prefix=AWS_METRIC_PREFIX,
    )
    metric_dimension: MetricDimension | None = member(
        "The dimension that narrows the metric.", api=f"{_RETAINED}.metricDimension", default=None
    )
    export_metric: bool = member(
        "Whether the metric is exported, too.", api=f"{_RETAINED}.exportMetric", default=False
    )


@frozen
class MetricsExportConfig:
    """Where metrics are exported."""

    mqtt_topic: str = member("The MQTT topic.", api="CreateSecurityProfile.metricsExportConfig.mqttTopic")
    role_arn: str = member(
        "The role with which AWS IoT publishes.",
        api="CreateSecurityProfile.metricsExportConfig.roleArn",
        outside="role",
    )


@frozen
class SecurityProfile:
    """`[security_profiles.*]`."""

    description: str | None = member(
        "Description of the profile.", api="CreateSecurityProfile.securityProfileDescription", default=None
    )
    behaviors: tuple[Behavior, ...] = member(
        "The behaviors of devices that are not compromised.", api=_API, default=()
    )
    alert_targets: Mapping[str, AlertTarget] = member(
        "Where alerts are sent, by type, of which AWS has only `SNS`.",
        api="CreateSecurityProfile.alertTargets",
        factory=dict,
    )
    additional_metrics_to_retain: tuple[MetricToRetain, ...] = member(
        "The metrics whose values AWS stores in addition to those of the behaviors.",
        api=_RETAINED,
        default=(),
    )
    metrics_export_config: MetricsExportConfig | None = member(
        "Where metrics are exported.", api="CreateSecurityProfile.metricsExportConfig", default=None
    )
    thing_groups: tuple[Reference, ...] = member(
        "The thing groups whose things the profile applies to.", references="thing_groups", default=()
    )
    dynamic_thing_groups: tuple[Reference, ...] = member(
        "The dynamic thing groups whose things the profile applies to.",
        references="dynamic_thing_groups",
        default=(),
    )
    account_targets: tuple[Literal["things", "registered-things", "unregistered-things"], ...] = member(
        "The things of the account that the profile applies to: all, or only those (not) in the registry.",
        default=(),
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateSecurityProfile.tags", factory=dict)


def check_profile(spec: SecurityProfile) -> Iterator[ValueProblem]:
    """Yield the problems of the behaviors, of the metrics and of the roles."""
    yield from _check_behaviors(spec.behaviors)
    for field_name in (_BEHAVIORS, "additional_metrics_to_retain"):
        for index, item in enumerate(getattr(spec, field_name)):
            if item.metric_dimension and not is_aws_metric(item.metric):
                yield ValueProblem(
                    "conflicting-keys",
                    "a custom metric has no dimension",
                    "one of AWS's metrics, or no metric_dimension",
                    path=(field_name, index, "metric_dimension"),
                )
    for key, target in spec.alert_targets.items():
        for problem in check_role_arn("role_arn", target.role_arn):
            yield problem.nest_under("alert_targets", key)
    if spec.metrics_export_config:
        for problem in check_role_arn("role_arn", spec.metrics_export_config.role_arn):
            yield problem.nest_under("metrics_export_config")


def _check_behaviors(behaviors: Sequence[Behavior]) -> Iterator[ValueProblem]:
    names = Counter(behavior.name for behavior in behaviors)
    element_count = 0
    for index, behavior in enumerate(behaviors):
        if names[behavior.name] > 1:
            problem = f"several behaviors have the name {quote(behavior.name)}"
            yield ValueProblem(
                "duplicate-item", problem, "a name of its own", path=(_BEHAVIORS, index, "name")
            )
        if behavior.metric is None:
            yield ValueProblem(
                "missing-key", "missing: nothing is measured", "the key metric", path=(_BEHAVIORS, index)
            )
        if behavior.criteria:
            element_count += _count_elements(behavior.criteria.value)
            for value_problem in _check_criteria(behavior.criteria):
                yield value_problem.nest_under(_BEHAVIORS, index, "criteria")
    yield from METRIC_VALUE_ELEMENTS.check(element_count, (_BEHAVIORS,))


def _check_criteria(criteria: BehaviorCriteria) -> Iterator[ValueProblem]:
    """Yield a problem unless there is one kind of criteria, with an operator that fits it."""
    names = ("value", "statistical_threshold", "ml_detection_config")
    kinds = [name for name in names if getattr(criteria, name) is not None]
    if len(kinds) != 1:
        problem = f"has {join_some(kinds)}" if kinds else "has no value"
        yield ValueProblem("conflicting-keys", problem, f"exactly one of {join_some(names)}")
        return
    operator = criteria.comparison_operator
    if criteria.ml_detection_config:
        if operator:
            problem = "ML Detect compares nothing"
            yield ValueProblem(
                "conflicting-keys", problem, "no comparison_operator", path=("comparison_operator",)
            )
        return
    if operator is None:
        yield ValueProblem("missing-key", "missing: nothing is compared", "the key comparison_operator")
        return
    if criteria.value:
        expected = _VALUE_FIELDS[operator]
        fields = [
            name for name in get_members(MetricValue) if getattr(criteria.value, name) not in (None, ())
        ]
        if len(fields) != 1 or fields[0] not in expected:
            problem = f"has {join_some(fields)}" if fields else "is empty"
            yield ValueProblem(
                "invalid-value",
                f"{problem}, with the operator {operator}",
                " or ".join(expected),
                path=("value",),
            )


def _count_elements(value: MetricValue | None) -> int:
    """Return how many numbers, texts and CIDR blocks a value has."""
    if value is None:
        return 0
    items = [getattr(value, name) for name in get_members(MetricValue)]
    return sum(len(item) if isinstance(item, tuple) else item is not None for item in items)


def is_aws_metric(metric: Reference | None) -> bool:
    """Return whether AWS defines a metric."""
    return isinstance(metric, str) and metric.startswith(AWS_METRIC_PREFIX)


def to_metric(name: str) -> Reference:
    """Return the metric with a name as a reference: to one of AWS's own, or to a custom metric."""
    return name if is_aws_metric(name) else External(name)


def get_name(reference: Reference) -> str:
    """Return the name of a referenced resource."""
    return reference.name if isinstance(reference, External) else reference


def sort_profile(spec: SecurityProfile) -> SecurityProfile:
    """Return the spec with its lists sorted: their order means nothing."""
    return evolve(
        spec,
        behaviors=tuple(sorted(map(_sort_value, spec.behaviors), key=lambda behavior: behavior.name)),
        additional_metrics_to_retain=tuple(sorted(spec.additional_metrics_to_retain, key=_get_metric_key)),
        account_targets=tuple(sorted(spec.account_targets)),
    )


def _sort_value(behavior: Behavior) -> Behavior:
    value = behavior.criteria and behavior.criteria.value
    if not behavior.criteria or not value:
        return behavior
    sorted_value = evolve(
        value,
        cidrs=tuple(sorted(value.cidrs)),
        ports=tuple(sorted(value.ports)),
        numbers=tuple(sorted(value.numbers)),
        strings=tuple(sorted(value.strings)),
    )
    return evolve(behavior, criteria=evolve(behavior.criteria, value=sorted_value))


def _get_metric_key(item: MetricToRetain) -> tuple[str, str]:
    dimension = item.metric_dimension
    return get_name(item.metric), get_name(dimension.dimension_name) if dimension else ""
