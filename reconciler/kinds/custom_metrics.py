"""Custom metrics: numbers and lists that devices report to AWS IoT Device Defender.

Source: AWS IoT API reference, CreateCustomMetric and related operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.declarations import Listing
from reconciler.kinds.base.outside import Need
from reconciler.kinds.base.plain_kind import PlainApi, PlainKind
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.replacements import find_replacement_errors
from reconciler.kinds.shared.security_profile_users import SECURITY_PROFILES, find_user_needs
from reconciler.model.change import Change
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
        other_reads=("ListSecurityProfiles",),
    )
    deletion_blockers = SECURITY_PROFILES

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return problems with the tags, and with a name that only AWS can use."""
        yield from super().check(resource, desired)
        name = resource.address.name
        if name.startswith(AWS_METRIC_PREFIX):
            problem = f"{quote(name)} begins with {quote(AWS_METRIC_PREFIX)}, as only AWS's own metrics do"
            yield ValueProblem("reserved-name", problem, "another name")

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return the need that no unmanaged security profile uses a deleted metric."""
        return find_user_needs(change, "metricName", context)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Reject the replacement of a metric that security profiles use after the plan."""
        return find_replacement_errors(change, context)


KIND = CustomMetrics()
