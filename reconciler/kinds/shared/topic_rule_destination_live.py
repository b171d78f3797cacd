"""Topic rule destinations as AWS lists them, and the names of their marker groups.

AWS identifies a destination by its configuration, and so does the name of its marker group.
"""

from __future__ import annotations

import json

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import Response
from reconciler.kinds.base.marker_groups import Marker, build_marker_name
from reconciler.kinds.base.members import from_members, to_members
from reconciler.kinds.base.tags import NAME_TAG, build_tagged_live
from reconciler.kinds.shared.topic_rule_destination_spec import (
    TABLE,
    HttpDestination,
    InfluxDbDestination,
    TopicRuleDestination,
    VpcDestination,
)
from reconciler.model.resource import Live

CONFIGURATION_FIELDS = ("http", "vpc", "influx_db")
"""The fields of which one is set; a destination is found by it."""

NOT_CREATED = "NOT_CREATED"
"""The status of a destination of which only the marker group exists: the run that created or deleted it was interrupted."""


@frozen
class DestinationFacts:
    """The facts of a destination: its marker group's name, its status, and AWS's reason for it."""

    marker: str
    status: str
    reason: str | None = None


def to_live(marker_name: str, destination: tuple[str, Response] | None, marker: Marker | None) -> Live:
    """Return a destination with its owner; without a destination, what an interrupted run left."""
    identity, summary = destination or (marker_name, {"status": NOT_CREATED, "arn": ""})
    tags, version = (marker.tags, marker.version) if marker else ({}, None)
    facts = DestinationFacts(marker_name, summary["status"], summary.get("statusReason"))
    spec, name = to_spec(summary), tags.get(NAME_TAG)
    return build_tagged_live(
        identity, spec, tags, summary["arn"], version=version, declared_name=name, facts=facts
    )


def to_spec(summary: Response) -> TopicRuleDestination:
    """Return the spec that an item of the listing means, with sorted lists."""
    http, vpc = summary.get("httpUrlSummary"), summary.get("vpcDestinationSummary")
    influx_db = summary.get("influxDBSummary")
    spec = TopicRuleDestination(
        http=from_members(HttpDestination, http) if http else None,
        vpc=from_members(VpcDestination, vpc) if vpc else None,
        influx_db=from_members(InfluxDbDestination, influx_db) if influx_db else None,
        status=summary["status"],
    )
    return sort_lists(spec)


def sort_lists(spec: TopicRuleDestination) -> TopicRuleDestination:
    """Return the spec with sorted lists, as their order means nothing."""
    if spec.vpc is None:
        return spec
    subnet_ids = tuple(sorted(set(spec.vpc.subnet_ids)))
    security_groups = tuple(sorted(set(spec.vpc.security_groups)))
    return evolve(spec, vpc=evolve(spec.vpc, subnet_ids=subnet_ids, security_groups=security_groups))


def build_destination_marker_name(spec: TopicRuleDestination) -> str:
    """Return the name of the marker group of a destination; `spec` has sorted lists."""
    return build_marker_name(TABLE, json.dumps(to_members(spec, CONFIGURATION_FIELDS), sort_keys=True))
