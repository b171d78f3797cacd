"""Creations in an account that is full wait for deletions, or the plan is rejected."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.dimensions import Dimension
from reconciler.kinds.security_profiles import SecurityProfile
from reconciler.kinds.shared.security_profile_spec import MetricDimension
from reconciler.model.resource import Resource
from reconciler.model.settings import DesiredState
from tests.support.desired_states import converge, get_rejection_reasons, make_resource, make_state
from tests.support.device_defender_strategy import MESSAGES

NAMES = [f"old-{number:02}" for number in range(1, 11)]
"""The names of as many dimensions as an account can have."""


def make_fleet(names: list[str], *used: str) -> DesiredState:
    """Return dimensions, of which the security profile uses some."""
    behaviors = tuple(evolve(MESSAGES, name=name, metric_dimension=MetricDimension(name)) for name in used)
    dimensions = [make_resource("dimensions", name, Dimension(("a/#",))) for name in names]
    return make_state(*dimensions, _make_profile(behaviors))


def _make_profile(behaviors: tuple[object, ...]) -> Resource:
    return make_resource("security_profiles", "s", SecurityProfile(behaviors=behaviors))


def test_a_creation_waits_for_a_deletion_that_waits_for_another_creation(cloud):
    converge(make_fleet(NAMES, "old-01"), cloud)
    plan = converge(make_fleet([*NAMES[2:], "new-01", "new-02"], "new-02"), cloud)
    assert [f"{step.change.action} {step.address}" for step in plan.steps] == [
        "delete dimensions.old-02",
        "create dimensions.new-02",
        "update security_profiles.s",
        "delete dimensions.old-01",
        "create dimensions.new-01",
    ]


def test_a_creation_without_room_before_the_deletions_is_rejected(cloud):
    converge(make_fleet(NAMES, "old-01", "old-02"), cloud)
    desired = make_fleet([*NAMES[2:], "new-01", "new-02"], "new-01", "new-02")
    assert get_rejection_reasons(desired, cloud) == [
        (
            "dimensions.new-01: cannot create: AWS allows 10 dimensions, and this plan has to create it before it deletes "
            "dimensions.old-01, dimensions.old-02, because a resource changes from one to the other; apply the deletion "
            "first, without the new one"
        )
    ]


def test_a_creation_with_room_comes_before_the_deletion_that_waits_for_it(cloud):
    converge(make_fleet(NAMES[:9], "old-01"), cloud)
    plan = converge(make_fleet([*NAMES[1:9], "new-01"], "new-01"), cloud)
    assert [f"{step.change.action} {step.address}" for step in plan.steps] == [
        "create dimensions.new-01",
        "update security_profiles.s",
        "delete dimensions.old-01",
    ]
