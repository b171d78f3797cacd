"""How much one plan may delete or replace: by the file, by default, and by what one run allows."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.plan_options import LimitOverride
from reconciler.model.settings import ChangeLimit, ChangeLimits
from tests.engine.test_provisioned_things import fleet as provisioned
from tests.engine.test_provisioned_things import pump
from tests.support.desired_states import converge, plan_of, resource, state
from tests.support.registry_client import Cloud

DEFAULTS = ChangeLimits()
ALLOW = Document.from_value({"Version": "2012-10-17", "Statement": []})


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def fleet(count: int, policies: int = 0, limits: ChangeLimits = DEFAULTS):
    groups = [resource("thing_groups", f"g{number}", ThingGroup()) for number in range(count)]
    kinds = [resource("policies", f"p{number}", Policy(ALLOW)) for number in range(policies)]
    return state(*groups, *kinds, limits=limits)


def reasons(wanted, cloud, **options):
    with pytest.raises(PlanRejectedError) as caught:
        plan_of(wanted, cloud, **options)
    return list(caught.value.reasons)


def told(count, owned, what, most):
    tail = f"if that is meant, allow it for this run with --allow-delete {count}"
    return f"the plan would delete {count} of {owned} {what}, more than {most}; {tail}"


def test_without_a_limit_of_its_own_a_small_fleet_may_lose_ten(cloud):
    converge(fleet(12), cloud)
    assert plan_of(fleet(2), cloud).counts["delete"] == 10
    assert reasons(fleet(1), cloud) == [
        told(
            11,
            12,
            "resources",
            "the 30 % that are allowed where workspace.limits.delete_percent says nothing",
        )
    ]


def test_an_emptied_manifest_does_not_remove_a_fleet(cloud):
    converge(fleet(40), cloud)
    (reason,) = reasons(fleet(0), cloud)
    assert reason.startswith("the plan would delete 40 of 40 resources, more than the 30 %")
    assert plan_of(fleet(28), cloud).counts["delete"] == 12


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (ChangeLimits(delete_count=2), "the 2 that workspace.limits.delete_count allows"),
        (ChangeLimits(delete_percent=49), "the 49 % that workspace.limits.delete_percent allows"),
    ],
)
def test_a_count_and_a_percentage_are_held(cloud, limits, most):
    converge(fleet(6), cloud)
    assert reasons(fleet(3, limits=limits), cloud) == [told(3, 6, "resources", most)]
    assert plan_of(fleet(4, limits=limits), cloud).counts["delete"] == 2


def test_a_kind_has_limits_of_its_own_beside_those_of_all(cloud):
    converge(fleet(4, 4), cloud)
    single = {"policies": ChangeLimit(delete_count=1), "thing_groups": ChangeLimit(delete_percent=25)}
    limits = ChangeLimits(delete_percent=100, kinds=single)
    assert reasons(fleet(2, 2, limits), cloud) == [
        told(2, 4, "policies", "the 1 that workspace.limits.policies.delete_count allows"),
        told(2, 4, "thing groups", "the 25 % that workspace.limits.thing_groups.delete_percent allows"),
    ]
    assert plan_of(fleet(3, 3, limits), cloud).counts["delete"] == 2


def test_one_run_may_do_more_and_its_plan_says_so(cloud):
    converge(fleet(6), cloud)
    strict = fleet(2, limits=ChangeLimits(delete_count=0))
    plan = plan_of(strict, cloud, allow={"delete": "4"})
    assert [(note.level, note.text) for note in plan.notes] == [
        ("warning", "this run may delete 4 of what the workspace owns, whatever its limits say")
    ]
    assert plan_of(strict, cloud, allow={"delete": "70%"}).counts["delete"] == 4
    assert reasons(strict, cloud, allow={"delete": "3"}) == [
        "the plan would delete 4 of 6 resources, more than the 3 that this run allows"
    ]


def test_what_is_renamed_counts_as_replaced(cloud):
    converge(fleet(1), cloud)
    renamed = evolve(
        state(
            resource("thing_groups", "new", ThingGroup()),
            limits=ChangeLimits(delete_count=0, replace_count=0),
        ),
        moved={Address("thing_groups", "g0"): Address("thing_groups", "new")},
    )
    (reason,) = reasons(renamed, cloud)
    assert reason.startswith("the plan would replace 1 of 1 resources, more than the 0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50", LimitOverride("50", count=50)),
        ("10%", LimitOverride("10 %", percent=10.0)),
        ("0", LimitOverride("0", count=0)),
    ],
)
def test_an_allowance_is_a_number_or_a_part(text, expected):
    assert LimitOverride.parse(text) == expected


@pytest.mark.parametrize("text", ["", "%", "-1", "1.5", "101%", "many", "٣", "9" * 10])
def test_nothing_else_is_one(text):
    with pytest.raises(ValueError, match="expected"):
        LimitOverride.parse(text)


def test_a_provisioned_thing_whose_certificate_goes_for_another_counts_as_replaced(cloud):
    """It is an update of the thing, and yet as much is lost as when a device certificate is replaced."""

    def pumps(generation):
        found = provisioned(*(pump(str(number), generation) for number in range(11)))
        return evolve(found, settings=evolve(found.settings, limits=DEFAULTS))

    converge(pumps(1), cloud)
    most = "more than the 30 % that are allowed where workspace.limits.replace_percent says nothing"
    tail = "if that is meant, allow it for this run with --allow-replace 11"
    assert reasons(pumps(2), cloud) == [f"the plan would replace 11 of 13 resources, {most}; {tail}"]
    assert plan_of(pumps(2), cloud, allow={"replace": "11"}).counts["update"] == 11
    assert plan_of(pumps(2), cloud, wave=10.0).counts["update"] == 11
