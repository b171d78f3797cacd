"""Custom metrics: the operations that create, describe, list, update and delete them."""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType
from reconciler.registry.shared.security_profiles import find_users_of_metric, require_unused

CUSTOM_METRICS = NamedResourceType("custom metric", "custommetric", "metricName")

AWS_PREFIX = "aws:"
"""The prefix of the names of the metrics that AWS defines."""


@operation("iot", "CreateCustomMetric")
def create_custom_metric(context: Context, params: Params) -> Output | None:
    """Create a custom metric. Repeating the call succeeds only with the same client request token.

    Raises ResourceAlreadyExists (409), InvalidRequest for a name of AWS's own metrics and for invalid tags.
    """
    name = params["metricName"]
    if name.startswith(AWS_PREFIX):
        raise context.invalid(f"The name {name} begins with {AWS_PREFIX}.")
    metric = CUSTOM_METRICS.create(context, params)
    return {"metricName": metric.name, "metricArn": metric.arn}


@operation("iot", "DescribeCustomMetric")
def describe_custom_metric(context: Context, params: Params) -> Output | None:
    """Return everything about a custom metric except its tags. Raises ResourceNotFound."""
    return _describe(CUSTOM_METRICS.require(context, params))


@operation("iot", "ListCustomMetrics")
def list_custom_metrics(context: Context, params: Params) -> Output | None:
    """Return the names of the custom metrics, in creation order."""
    return CUSTOM_METRICS.list_page(context, params, "metricNames", lambda metric: metric.name)


@operation("iot", "UpdateCustomMetric")
def update_custom_metric(context: Context, params: Params) -> Output | None:
    """Change the display name of a custom metric, and describe it. Raises ResourceNotFound."""
    metric = CUSTOM_METRICS.require(context, params)
    return _describe(CUSTOM_METRICS.update(context, metric, CUSTOM_METRICS.select_changes(params)))


@operation("iot", "DeleteCustomMetric")
def delete_custom_metric(context: Context, params: Params) -> Output | None:
    """Delete a custom metric; a missing one is not an error, as the service model has none for it.

    Raises InvalidRequest for one that security profiles use (API reference; UNCONFIRMED is the error's code).
    """
    name = params["metricName"]
    require_unused(context, f"custom metric {name}", find_users_of_metric(context, name))
    CUSTOM_METRICS.delete(context, params)
    return None


def _describe(metric: NamedResource) -> Output:
    return metric.describe("metricName", "metricArn")
