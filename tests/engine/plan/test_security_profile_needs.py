"""Plans with security profiles: the metrics, dimensions and targets that they and others use."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.custom_metrics import CustomMetric
from reconciler.kinds.dimensions import Dimension
from reconciler.kinds.shared.security_profile_spec import Behavior, MetricDimension, SecurityProfile
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.resource import External
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.device_defender_strategy import MESSAGES

BATTERY = make_resource("custom_metrics", "battery", CustomMetric("number"))
ALARMS = make_resource("dimensions", "alarms", Dimension(("a/#",)))
TOPICS = evolve(MESSAGES, metric_dimension=MetricDimension("alarms"))
SPEC = SecurityProfile(behaviors=(Behavior("battery", "battery"), TOPICS))
MISSING = "in this account and Region; create it first, or correct the reference (<memory>:1)"
IN_USE = "security profiles that this workspace does not manage use it (theirs); remove it from them first, or keep it"


def make_profile(spec: SecurityProfile, name: str = "s"):
    return make_resource("security_profiles", name, spec)


def list_changes(plan) -> list[str]:
    """Return the changes in order, without that of the workspace's own group."""
    changes = [step.change for step in plan.steps if step.change.address.kind != "thing_groups"]
    return [f"{change.action} {change.address}" for change in changes]


def test_metrics_and_dimensions_outside_the_file_must_exist(cloud):
    behaviors = (
        Behavior("battery", External("voltage")),
        evolve(MESSAGES, metric_dimension=MetricDimension(External("topics"))),
    )
    state = make_state(
        make_profile(SecurityProfile(behaviors=behaviors, dynamic_thing_groups=(External("x"),)))
    )
    assert get_rejection_reasons(state, cloud) == [
        f"security_profiles.s: behaviors[0].metric: there is no custom metric 'voltage' {MISSING}",
        f"security_profiles.s: behaviors[1].metric_dimension.dimension_name: there is no dimension 'topics' {MISSING}",
        f"security_profiles.s: dynamic_thing_groups: there is no dynamic thing group 'x' {MISSING}",
    ]


def test_a_profile_is_created_after_and_deleted_before_what_it_uses(cloud):
    state = make_state(make_profile(SPEC), BATTERY, ALARMS)
    assert list_changes(plan_state(state, cloud))[-1] == "create security_profiles.s"
    converge(state, cloud)
    assert list_changes(plan_state(make_state(), cloud))[0] == "delete security_profiles.s"
    converge(make_state(), cloud)


def test_a_metric_is_deleted_after_the_profile_has_released_it(cloud):
    converge(make_state(make_profile(SPEC), BATTERY, ALARMS), cloud)
    state = make_state(make_profile(SecurityProfile(behaviors=(TOPICS,))), ALARMS)
    assert list_changes(plan_state(state, cloud)) == [
        "update security_profiles.s",
        "delete custom_metrics.battery",
    ]
    converge(state, cloud)


def test_a_dimension_is_swapped_for_a_new_one_in_one_apply(cloud):
    converge(make_state(make_profile(SecurityProfile(behaviors=(TOPICS,))), ALARMS), cloud)
    topics = make_resource("dimensions", "topics", Dimension(("b/#",)))
    behavior = evolve(MESSAGES, metric_dimension=MetricDimension("topics"))
    state = make_state(make_profile(SecurityProfile(behaviors=(behavior,))), topics)
    assert list_changes(plan_state(state, cloud)) == [
        "create dimensions.topics",
        "update security_profiles.s",
        "delete dimensions.alarms",
    ]
    converge(state, cloud)


def test_metrics_and_dimensions_in_profiles_of_others_cannot_be_deleted(cloud):
    converge(make_state(BATTERY, ALARMS), cloud)
    cloud.iot.create_security_profile(
        securityProfileName="theirs",
        behaviors=[
            {"name": "a", "metric": "battery"},
            {"name": "b", "metric": "aws:num-disconnects", "metricDimension": {"dimensionName": "alarms"}},
        ],
    )
    assert get_rejection_reasons(make_state(), cloud) == [
        f"custom_metrics.battery: cannot delete: {IN_USE}",
        f"dimensions.alarms: cannot delete: {IN_USE}",
    ]


def test_a_metric_that_a_profile_keeps_cannot_be_replaced(cloud):
    converge(make_state(make_profile(SPEC), BATTERY, ALARMS), cloud)
    text_metric = make_resource("custom_metrics", "battery", CustomMetric("string-list"))
    assert get_rejection_reasons(make_state(make_profile(SPEC), text_metric, ALARMS), cloud) == [
        (
            "custom_metrics.battery: cannot replace: still used after this plan by security_profiles.s; "
            "remove that reference first, or declare the new one under another name and refer to that (<memory>:1)"
        )
    ]


def test_a_replaced_group_keeps_its_profiles(cloud):
    profile = make_profile(SecurityProfile(thing_groups=("g",)))
    parent = make_resource("thing_groups", "p", ThingGroup())
    converge(make_state(profile, parent, make_resource("thing_groups", "g", ThingGroup())), cloud)
    converge(make_state(profile, parent, make_resource("thing_groups", "g", ThingGroup(parent="p"))), cloud)
    (target,) = cloud.read_content()["security_profiles"]["s"]["targets"]
    assert target.endswith("thinggroup/g")


def test_profiles_of_others_count_for_the_limit_of_a_target(cloud):
    arn = "arn:aws:iot:eu-west-1:123456789012:all/things"
    for number in range(4):
        name = f"x{number}"
        cloud.iot.create_security_profile(securityProfileName=name)
        cloud.iot.attach_security_profile(securityProfileName=name, securityProfileTargetArn=arn)
    spec = SecurityProfile(account_targets=("things",))
    converge(make_state(make_profile(spec)), cloud)
    (reason,) = get_rejection_reasons(make_state(make_profile(spec), make_profile(spec, "t")), cloud)
    assert reason == (
        "security_profiles.t: account_targets: all/things would have 6 security profiles, with those that this workspace "
        "does not manage (x0, x1, x2 and 1 more), and AWS allows 5; detach some of them first (<memory>:1)"
    )


def test_dimensions_of_others_count_for_the_limit_of_the_account(cloud):
    for number in range(10):
        cloud.iot.create_dimension(name=f"x{number}", type="TOPIC_FILTER", stringValues=["a/#"])
    assert get_rejection_reasons(make_state(ALARMS), cloud) == [
        (
            "dimensions.alarms: cannot create: there would be 11 dimensions, with those that exist already, and AWS allows 10; "
            "delete some of them first (<memory>:1)"
        )
    ]
