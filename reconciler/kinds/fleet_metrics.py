"""Fleet metrics: numbers about the things of an account, which AWS IoT sends to CloudWatch.

Source: AWS IoT API reference, CreateFleetMetric and related operations; developer guide, "Fleet metrics".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import Need
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.fleet_indexing import TABLE as INDEXING
from reconciler.kinds.shared.fleet_indexing import build_need
from reconciler.model.call import ApiCall
from reconciler.model.change import Change, Create, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Resource

DEFAULT_INDEX = "AWS_Things"
DEFAULT_QUERY_VERSION = "2017-09-30"
DEFAULT_UNIT = "None"
"""CloudWatch's name for no unit: an update cannot remove a unit, but it can set this one."""

PERIOD_UNIT_SECONDS = 60
"""Periods are multiples of this (API reference, CreateFleetMetric)."""

_INDEX_NOT_READY = frozenset({"IndexNotReadyException"})


@frozen
class AggregationType:
    """How a fleet metric summarizes the found things."""

    name: str = member(
        "The type of the aggregation, such as `Statistics`.", api="CreateFleetMetric.aggregationType.name"
    )
    values: tuple[str, ...] = member(
        "The computed values, such as `count` or `average`.",
        api="CreateFleetMetric.aggregationType.values",
        factory=tuple,
    )


@frozen
class FleetMetric:
    """`[fleet_metrics.*]`."""

    query_string: str = member("The search query.", api="CreateFleetMetric.queryString")
    aggregation_type: AggregationType = member(
        "How the found things are summarized.", api="CreateFleetMetric.aggregationType"
    )
    aggregation_field: str = member("The summarized field.", api="CreateFleetMetric.aggregationField")
    period: int = member("The seconds between two values, a multiple of 60.", api="CreateFleetMetric.period")
    description: str | None = member(
        "Description of the metric.", api="CreateFleetMetric.description", default=None
    )
    index_name: str = member("The searched index.", api="CreateFleetMetric.indexName", default=DEFAULT_INDEX)
    query_version: str = member(
        "The version of the query language.",
        api="CreateFleetMetric.queryVersion",
        default=DEFAULT_QUERY_VERSION,
    )
    unit: str = member("The unit that CloudWatch shows.", api="CreateFleetMetric.unit", default=DEFAULT_UNIT)
    tags: Mapping[str, str] = member("Tags.", api="CreateFleetMetric.tags", factory=dict)


class FleetMetrics(PlainKind):
    """Fleet metrics: found by name, owned by tag."""

    table = "fleet_metrics"
    noun = "fleet metric"
    spec_class = FleetMetric
    needs_settings = frozenset({INDEXING})
    api = PlainApi(
        "FleetMetric",
        name="metricName",
        arn="metricArn",
        listing=Listing("ListFleetMetrics", "fleetMetrics", "metricName", "metricArn"),
        version=True,
        other_reads=("GetIndexingConfiguration",),
    )

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, and with a period that is not a whole number of minutes."""
        yield from super().check(resource, desired)
        period = resource.spec.period
        if period % PERIOD_UNIT_SECONDS:
            yield ValueProblem(
                "invalid-period", f"{period} is not valid", "a multiple of 60", path=("period",)
            )

    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Create the metric; AWS rejects that for a while after fleet indexing is turned on."""
        return [evolve(call, retried_errors=_INDEX_NOT_READY) for call in super().create(change, context)]

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the need that the account indexes the fields of a new query."""
        if isinstance(change, Create | Replace) or (
            isinstance(change, Update) and change.has_changed("query_string")
        ):
            yield build_need(change.resource.spec.query_string, context)


KIND = FleetMetrics()
