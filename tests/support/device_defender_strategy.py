"""Hypothesis strategies for the resources of AWS IoT Device Defender."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.custom_metrics import CustomMetric
from reconciler.kinds.dimensions import Dimension
from reconciler.kinds.mitigation_actions import (
    ActionParams,
    AddThingsToThingGroup,
    EnableIotLogging,
    MitigationAction,
    UpdateDeviceCertificate,
)
from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.model.resource import Resource
from tests.support.desired_states import ROLE_ARN, make_resource

_tags = st.dictionaries(st.just("line"), st.sampled_from(["oslo", "bergen"]))


def draw_device_defender_resources(draw: st.DrawFn, groups: list[Resource]) -> list[Resource]:
    """Return at most one resource of each kind; `groups` are the thing groups that they can refer to."""
    return [
        *_draw_dimensions(draw),
        *_draw_custom_metrics(draw),
        *_draw_audits(draw),
        *_draw_mitigation_actions(draw, [group.address.name for group in groups]),
    ]


def _draw_dimensions(draw: st.DrawFn) -> list[Resource]:
    values = st.sampled_from([("a/#",), ("a/#", "b")])
    return [
        make_resource("dimensions", name, Dimension(draw(values), tags=draw(_tags)))
        for name in sorted(draw(st.sets(st.just("d"))))
    ]


def _draw_custom_metrics(draw: st.DrawFn) -> list[Resource]:
    types, names = st.sampled_from(["number", "string-list"]), st.sampled_from([None, "Battery"])
    return [
        make_resource("custom_metrics", name, CustomMetric(draw(types), draw(names), tags=draw(_tags)))
        for name in sorted(draw(st.sets(st.just("battery"))))
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
            ActionParams(enable_iot_logging_params=EnableIotLogging(ROLE_ARN, "INFO")),
            *quarantines,
        ]
    )
    return [
        make_resource("mitigation_actions", name, MitigationAction(ROLE_ARN, draw(params), draw(_tags)))
        for name in sorted(draw(st.sets(st.just("action"))))
    ]
