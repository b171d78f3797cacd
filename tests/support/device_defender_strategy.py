"""Hypothesis strategies for the resources of AWS IoT Device Defender."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from reconciler.kinds.custom_metrics import CustomMetric
from reconciler.kinds.dimensions import Dimension
from reconciler.kinds.mitigation_actions import (
    ActionParams,
    AddThingsToThingGroup,
    EnableIotLogging,
    MitigationAction,
    PublishFindingToSns,
    ReplaceDefaultPolicyVersion,
    UpdateCaCertificate,
    UpdateDeviceCertificate,
)
from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.kinds.shared.security_profile_spec import (
    AlertTarget,
    Behavior,
    BehaviorCriteria,
    MachineLearningDetection,
    MetricDimension,
    MetricsExportConfig,
    MetricToRetain,
    MetricValue,
    SecurityProfile,
    StatisticalThreshold,
)
from reconciler.model.resource import Resource
from tests.support.desired_states import ROLE_ARN, make_resource

TOPIC_ARN = "arn:aws:sns:eu-west-1:123456789012:alerts"
_tags = st.dictionaries(st.just("line"), st.sampled_from(["oslo", "bergen"]))


def draw_device_defender_resources(
    draw: st.DrawFn, groups: list[Resource], dynamic_groups: list[Resource]
) -> list[Resource]:
    """Return at most two resources of each kind; they can refer to the static and dynamic thing groups."""
    dimensions, metrics = _draw_dimensions(draw), _draw_custom_metrics(draw)
    return [
        *dimensions,
        *metrics,
        *_draw_audits(draw),
        *_draw_mitigation_actions(draw, [group.address.name for group in groups]),
        *_draw_security_profiles(draw, [*dimensions, *metrics, *groups, *dynamic_groups]),
    ]


def _draw_dimensions(draw: st.DrawFn) -> list[Resource]:
    values = st.sampled_from([("a/#",), ("a/#", "b")])
    return [
        make_resource("dimensions", name, Dimension(draw(values), tags=draw(_tags)))
        for name in sorted(draw(st.sets(st.sampled_from(["d", "e"]))))
    ]


def _draw_custom_metrics(draw: st.DrawFn) -> list[Resource]:
    """Return custom metrics: no plan replaces `battery`, which security profiles use, so its type stays."""
    types, names = st.sampled_from(["number", "string-list"]), st.sampled_from([None, "Battery"])
    return [
        make_resource(
            "custom_metrics",
            name,
            CustomMetric("number" if name == "battery" else draw(types), draw(names), tags=draw(_tags)),
        )
        for name in sorted(draw(st.sets(st.sampled_from(["battery", "load"]))))
    ]


def _draw_audits(draw: st.DrawFn) -> list[Resource]:
    schedules = st.sampled_from([("DAILY", None, None), ("MONTHLY", "LAST", None), ("WEEKLY", None, "SUN")])
    checks = st.sampled_from(
        [("LOGGING_DISABLED_CHECK",), ("LOGGING_DISABLED_CHECK", "CONFLICTING_CLIENT_IDS_CHECK")]
    )
    audits = []
    for name in sorted(draw(st.sets(st.just("audit")))):
        frequency, day_of_month, day_of_week = draw(schedules)
        spec = ScheduledAudit(frequency, draw(checks), day_of_month, day_of_week, draw(_tags))
        audits.append(make_resource("scheduled_audits", name, spec))
    return audits


def _draw_mitigation_actions(draw: st.DrawFn, group_names: list[str]) -> list[Resource]:
    quarantines = [
        ActionParams(add_things_to_thing_group_params=AddThingsToThingGroup((name,), override))
        for name, override in zip(group_names, (True, False, True), strict=False)
    ]
    params = st.sampled_from(
        [
            ActionParams(update_device_certificate_params=UpdateDeviceCertificate()),
            ActionParams(update_ca_certificate_params=UpdateCaCertificate()),
            ActionParams(replace_default_policy_version_params=ReplaceDefaultPolicyVersion()),
            ActionParams(publish_finding_to_sns_params=PublishFindingToSns(TOPIC_ARN)),
            ActionParams(enable_iot_logging_params=EnableIotLogging(ROLE_ARN, "INFO")),
            *quarantines,
        ]
    )
    return [
        make_resource("mitigation_actions", name, MitigationAction(ROLE_ARN, draw(params), draw(_tags)))
        for name in sorted(draw(st.sets(st.just("action"))))
    ]


MESSAGES = Behavior(
    "messages",
    "aws:num-messages-sent",
    criteria=BehaviorCriteria("less-than", MetricValue(count=100), duration_seconds=300),
)
SNS_TARGET = AlertTarget(TOPIC_ARN, ROLE_ARN)
_CRITERIA = (
    BehaviorCriteria("less-than", MetricValue(count=100), duration_seconds=300),
    BehaviorCriteria("greater-than", MetricValue(number=0.5), consecutive_datapoints_to_alarm=2),
    BehaviorCriteria("in-cidr-set", MetricValue(cidrs=("10.0.0.0/8", "fe80::/10"))),
    BehaviorCriteria("not-in-port-set", MetricValue(ports=(443, 8883)), consecutive_datapoints_to_clear=3),
    BehaviorCriteria("in-set", MetricValue(strings=("a", "b"))),
    BehaviorCriteria("not-in-set", MetricValue(numbers=(1.0, 2.5))),
    BehaviorCriteria("less-than", statistical_threshold=StatisticalThreshold("p90"), duration_seconds=300),
    BehaviorCriteria(ml_detection_config=MachineLearningDetection("HIGH")),
)
"""Criteria with each kind of value; no check finds out whether AWS accepts one for a metric."""


def _draw_security_profiles(draw: st.DrawFn, others: list[Resource]) -> list[Resource]:
    """Return security profiles that refer to some of the other resources."""
    names: dict[str, list[str]] = {}
    for resource in others:
        names.setdefault(resource.address.kind, []).append(resource.address.name)
    operators = st.sampled_from(["IN", "NOT_IN"])
    dimensions = st.sampled_from(
        [None, *(MetricDimension(name, draw(operators)) for name in names.get("dimensions", []))]
    )
    metrics = ["battery"] if "battery" in names.get("custom_metrics", []) else []
    battery = [Behavior("battery", metric, suppress_alerts=True) for metric in metrics]
    profiles = []
    for name in sorted(draw(st.sets(st.sampled_from(["s", "t"])))):
        messages = evolve(
            MESSAGES,
            metric_dimension=draw(dimensions),
            criteria=draw(st.sampled_from(_CRITERIA)),
            export_metric=draw(st.booleans()),
        )
        spec = SecurityProfile(
            description=draw(st.sampled_from([None, "Pumps"])),
            behaviors=draw(st.sampled_from([(), (messages,), (*battery, messages), (messages, *battery)])),
            alert_targets=draw(st.sampled_from([{}, {"SNS": SNS_TARGET}])),
            additional_metrics_to_retain=tuple(
                MetricToRetain(
                    metric, draw(dimensions) if metric not in metrics else None, draw(st.booleans())
                )
                for metric in draw(st.sets(st.sampled_from(["aws:num-disconnects", *metrics])))
            ),
            metrics_export_config=draw(st.sampled_from([None, MetricsExportConfig("metrics", ROLE_ARN)])),
            thing_groups=_draw_some(draw, names.get("thing_groups", [])),
            dynamic_thing_groups=_draw_some(draw, names.get("dynamic_thing_groups", [])),
            account_targets=_draw_some(draw, ["things", "registered-things"]),
            tags=draw(_tags),
        )
        profiles.append(make_resource("security_profiles", name, spec))
    return profiles


def _draw_some(draw: st.DrawFn, names: list[str]) -> tuple[Any, ...]:
    return tuple(sorted(draw(st.sets(st.sampled_from(names))))) if names else ()
