"""Hypothesis strategies for the resources of managed integrations that have markers in place of tags."""

from __future__ import annotations

from hypothesis import strategies as st

from reconciler.kinds.event_log_configurations import EventLogConfiguration
from reconciler.kinds.managed_destinations import ManagedDestination
from reconciler.kinds.notification_configurations import NotificationConfiguration
from reconciler.model.resource import Resource
from tests.support.desired_states import ROLE_ARN, make_resource

STREAM_ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/alerts"
_tags = st.dictionaries(st.just("line"), st.sampled_from(["oslo", "bergen"]))


def draw_managed_integrations_resources(draw: st.DrawFn, others: list[Resource]) -> list[Resource]:
    """Return at most two resources of each kind; event log configurations can refer to some of the others."""
    destinations = _draw_destinations(draw)
    names = [item.address.name for item in destinations]
    return [*destinations, *_draw_notifications(draw, names), *_draw_event_logs(draw, others)]


def _draw_destinations(draw: st.DrawFn) -> list[Resource]:
    """Return destinations; the one that notification configurations use is never replaced."""
    streams = st.sampled_from([STREAM_ARN, f"{STREAM_ARN}-2"])
    return [
        make_resource(
            "managed_destinations",
            name,
            ManagedDestination(
                draw(streams),
                ROLE_ARN,
                description=draw(st.sampled_from(["All", "Some"])),
                tags=draw(_tags) if name == "unused stream" else {},
            ),
        )
        for name in sorted(draw(st.sets(st.sampled_from(["alerts", "unused stream"]))))
    ]


def _draw_notifications(draw: st.DrawFn, destinations: list[str]) -> list[Resource]:
    types = st.sets(st.sampled_from(["DEVICE_EVENT", "DEVICE_STATE"]))
    return [
        make_resource("notification_configurations", name, NotificationConfiguration("alerts", draw(_tags)))
        for name in sorted(draw(types) if "alerts" in destinations else ())
    ]


_FIELDS = {
    "managed_things": ("managed-thing", "managed_thing"),
    "credential_lockers": ("credential-locker", "credential_locker"),
    "provisioning_profiles": ("provisioning-profile", "provisioning_profile"),
}
"""By table: the type of its resources, and the field that refers to one."""


def _draw_event_logs(draw: st.DrawFn, others: list[Resource]) -> list[Resource]:
    """Return configurations for all resources and for a single one, under names that may be swapped."""
    levels, names = st.sampled_from(["ERROR", "DEBUG"]), draw(st.permutations(["all", "one resource"]))
    resource_id = draw(st.sampled_from([None, "*", "a"]))
    targets = [{"resource_type": "ota-task", "resource_id": resource_id}]
    for resource in others:
        if resource.address.kind in _FIELDS:
            resource_type, field = _FIELDS[resource.address.kind]
            targets.append({"resource_type": resource_type, field: resource.address.name})
    specs = [
        EventLogConfiguration("*", draw(levels)),
        EventLogConfiguration(**draw(st.sampled_from(targets)), event_log_level=draw(levels)),
    ]
    chosen = draw(st.integers(0, len(specs)))
    return [
        make_resource("event_log_configurations", name, spec)
        for name, spec in zip(names, specs[:chosen], strict=False)
    ]
