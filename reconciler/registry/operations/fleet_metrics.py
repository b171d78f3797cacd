"""Fleet metrics: the operations that create, describe, list, update and delete them.

The metrics are stored and described; nothing is sent to CloudWatch.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.shared.named_resources import NamedResourceType

_PERIOD_UNIT_SECONDS = 60

FLEET_METRICS = NamedResourceType(
    "fleet metric",
    "fleetmetric",
    "metricName",
    {"indexName": "AWS_Things", "queryVersion": "2017-09-30"},
)


@operation("iot", "CreateFleetMetric")
def create_fleet_metric(context: Context, params: Params) -> Output | None:
    """Create a fleet metric. Repeating the call fails.

    Raises ResourceAlreadyExists (409), InvalidRequest for a period that is not a multiple of 60 and for invalid tags.
    """
    _check_period(context, params)
    metric = FLEET_METRICS.create(context, params)
    return {"metricName": metric.name, "metricArn": metric.arn}


@operation("iot", "DescribeFleetMetric")
def describe_fleet_metric(context: Context, params: Params) -> Output | None:
    """Return everything about a fleet metric except its tags. Raises ResourceNotFound."""
    metric = FLEET_METRICS.require(context, params)
    return {**metric.describe("metricName", "metricArn"), "version": metric.version}


@operation("iot", "ListFleetMetrics")
def list_fleet_metrics(context: Context, params: Params) -> Output | None:
    """Return the names and ARNs of the fleet metrics, in creation order."""
    return FLEET_METRICS.list_page(
        context,
        params,
        "fleetMetrics",
        lambda metric: {"metricName": metric.name, "metricArn": metric.arn},
    )


@operation("iot", "UpdateFleetMetric")
def update_fleet_metric(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay.

    Raises ResourceNotFound, VersionConflict (409), InvalidRequest for a period that is not a multiple of 60.
    """
    _check_period(context, params)
    metric = FLEET_METRICS.require(context, params)
    FLEET_METRICS.update(context, metric, FLEET_METRICS.select_changes(params))
    return None


@operation("iot", "DeleteFleetMetric")
def delete_fleet_metric(context: Context, params: Params) -> Output | None:
    """Delete a fleet metric; a missing one is not an error, as the service model has none for it."""
    FLEET_METRICS.delete(context, params)
    return None


def _check_period(context: Context, params: Params) -> None:
    period = params.get("period")
    if period is not None and period % _PERIOD_UNIT_SECONDS:
        raise context.invalid(f"The period {period} is not a multiple of {_PERIOD_UNIT_SECONDS} seconds.")
