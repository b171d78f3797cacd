"""Limits on deletions and replacements: the defaults, those of the file, and overrides for one run."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.plan_options import LimitOverride
from reconciler.model.settings import ChangeLimit, ChangeLimits
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.provisioned_pumps import make_fleet as make_provisioned_fleet
from tests.support.provisioned_pumps import make_pump

DEFAULT_LIMITS = ChangeLimits()
EMPTY_DOCUMENT = Document.from_value({"Version": "2012-10-17", "Statement": []})


def make_fleet(group_count: int, policy_count: int = 0, limits: ChangeLimits = DEFAULT_LIMITS):
    groups = [make_resource("thing_groups", f"g{number}", ThingGroup()) for number in range(group_count)]
    policies = [
        make_resource("policies", f"p{number}", Policy(EMPTY_DOCUMENT)) for number in range(policy_count)
    ]
    return make_state(*groups, *policies, limits=limits)


def format_delete_error(count, owned_count, noun, limit):
    return (
        f"the plan would delete {count} of {owned_count} {noun}, which exceeds {limit}; "
        f"to allow it once, pass --allow-delete {count}"
    )


def test_the_default_limit_of_a_small_fleet_is_ten_deletions(cloud):
    converge(make_fleet(12), cloud)
    assert plan_state(make_fleet(2), cloud).counts["delete"] == 10
    assert get_rejection_reasons(make_fleet(1), cloud) == [
        format_delete_error(11, 12, "resources", "the default workspace.limits.delete_percent = 30")
    ]


def test_the_default_limit_of_a_large_fleet_is_30_percent(cloud):
    converge(make_fleet(40), cloud)
    assert get_rejection_reasons(make_fleet(0), cloud) == [
        format_delete_error(40, 40, "resources", "the default workspace.limits.delete_percent = 30")
    ]
    assert plan_state(make_fleet(28), cloud).counts["delete"] == 12


@pytest.mark.parametrize(
    ("limits", "limit_text"),
    [
        (ChangeLimits(delete_count=2), "workspace.limits.delete_count = 2"),
        (ChangeLimits(delete_percent=49), "workspace.limits.delete_percent = 49"),
    ],
)
def test_a_limit_can_be_a_count_or_a_percentage(cloud, limits, limit_text):
    converge(make_fleet(6), cloud)
    assert get_rejection_reasons(make_fleet(3, limits=limits), cloud) == [
        format_delete_error(3, 6, "resources", limit_text)
    ]
    assert plan_state(make_fleet(4, limits=limits), cloud).counts["delete"] == 2


def test_a_kind_has_limits_of_its_own(cloud):
    converge(make_fleet(4, 4), cloud)
    kinds = {"policies": ChangeLimit(delete_count=1), "thing_groups": ChangeLimit(delete_percent=25)}
    limits = ChangeLimits(delete_percent=100, kinds=kinds)
    assert get_rejection_reasons(make_fleet(2, 2, limits), cloud) == [
        format_delete_error(2, 4, "policies", "workspace.limits.policies.delete_count = 1"),
        format_delete_error(2, 4, "thing groups", "workspace.limits.thing_groups.delete_percent = 25"),
    ]
    assert plan_state(make_fleet(3, 3, limits), cloud).counts["delete"] == 2


def test_an_override_replaces_the_limits_and_adds_a_warning(cloud):
    converge(make_fleet(6), cloud)
    strict_state = make_fleet(2, limits=ChangeLimits(delete_count=0))
    plan = plan_state(strict_state, cloud, allow={"delete": "4"})
    assert [(note.level, note.text) for note in plan.notes] == [
        (
            "warning",
            "this run may delete up to 4 of the workspace's resources; [workspace.limits] is not checked for this",
        )
    ]
    assert plan_state(strict_state, cloud, allow={"delete": "70%"}).counts["delete"] == 4
    assert get_rejection_reasons(strict_state, cloud, allow={"delete": "3"}) == [
        "the plan would delete 4 of 6 resources, which exceeds the 3 that this run allows"
    ]


def test_a_rename_that_needs_a_new_resource_counts_as_a_replacement(cloud):
    converge(make_fleet(1), cloud)
    renamed_state = evolve(
        make_state(
            make_resource("thing_groups", "new", ThingGroup()),
            limits=ChangeLimits(delete_count=0, replace_count=0),
        ),
        moved={Address("thing_groups", "g0"): Address("thing_groups", "new")},
    )
    (error,) = get_rejection_reasons(renamed_state, cloud)
    assert error.startswith(
        "the plan would replace 1 of 1 resources, which exceeds workspace.limits.replace_count = 0"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50", LimitOverride("50", count=50)),
        ("10%", LimitOverride("10 %", percent=10.0)),
        ("0", LimitOverride("0", count=0)),
    ],
)
def test_an_override_is_a_count_or_a_percentage(text, expected):
    assert LimitOverride.parse(text) == expected


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "many", "٣", "9" * 10])
def test_an_invalid_override_is_rejected(text):
    with pytest.raises(ValueError, match="expected"):
        LimitOverride.parse(text)


def test_a_provisioned_thing_with_another_certificate_counts_as_replaced(cloud):
    """The change is an update, but it loses as much as replacing a device certificate does."""

    def make_pumps(generation):
        desired = make_provisioned_fleet(*(make_pump(str(number), generation) for number in range(11)))
        return evolve(desired, settings=evolve(desired.settings, limits=DEFAULT_LIMITS))

    converge(make_pumps(1), cloud)
    assert get_rejection_reasons(make_pumps(2), cloud) == [
        (
            "the plan would replace 11 of 13 resources, which exceeds the default workspace.limits.replace_percent = 30; "
            "to allow it once, pass --allow-replace 11"
        )
    ]
    assert plan_state(make_pumps(2), cloud, allow={"replace": "11"}).counts["update"] == 11
    # Limits apply to each wave, and a wave of 10 % replaces 2 of the 11 certificates.
    assert plan_state(make_pumps(2), cloud, wave=10.0).counts["update"] == 11
    assert get_rejection_reasons(make_pumps(2), cloud, wave=10.0, allow={"replace": "1"}) == [
        "a wave of the plan would replace 2 of 13 resources, which exceeds the 1 that this run allows"
    ]
