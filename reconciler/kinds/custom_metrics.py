"""Custom metrics: numbers and lists that devices report to AWS IoT Device Defender.

Source: AWS IoT API reference, CreateCustomMetric and related operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from reconciler.kinds.base.kind import Listing
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.resource import Desired, Resource
from reconciler.model.text import quote

AWS_METRIC_PREFIX = "aws:"
"""The prefix of the names of the metrics that AWS defines (API reference, CreateCustomMetric)."""


@frozen
class CustomMetric:
    """`[custom_metrics.*]`."""

    metric_type: str = member(
        "The type of the reported values.", api="CreateCustomMetric.metricType", on_change="replaces"
    )
    display_name: str | None = member(
        "The name that the console shows.", api="CreateCustomMetric.displayName", default=None
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateCustomMetric.tags", factory=dict)


class CustomMetrics(PlainKind):
    """Custom metrics: found by name, owned by tag."""

    table = "custom_metrics"
    noun = "custom metric"
    spec_class = CustomMetric
    api = PlainApi(
        "CustomMetric",
        name="metricName",
        arn="metricArn",
        listing=Listing("ListCustomMetrics", "metricNames", id_key=""),
        tokens=("CreateCustomMetric.clientRequestToken",),
    )

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, and with a name that only AWS can use."""
        yield from super().check(resource, desired)
        name = resource.address.name
        if name.startswith(AWS_METRIC_PREFIX):
            problem = f"{quote(name)} begins with {quote(AWS_METRIC_PREFIX)}, as only AWS's own metrics do"
            yield ValueProblem("reserved-name", problem, "another name")


KIND = CustomMetrics()
