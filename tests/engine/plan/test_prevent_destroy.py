"""What was applied with `prevent_destroy` stays, whatever becomes of its table, until that is taken off."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Lifecycle
from tests.support.desired_states import ca, converge, device, managed, plan_of, resource, state
from tests.support.one_device import certificate, one
from tests.support.registry_client import Cloud

KEPT = Lifecycle(prevent_destroy=True)
FIRST = "say prevent_destroy = false there, apply that, and then go on"
GROUPS = {"thing_groups.reconciler-ws", "thing_groups.reconciler-ws-protected"}
GUARD = "thing_groups.reconciler-ws:protected"


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def guarded(wanted, *kinds: str):
    """The same, its resources of these kinds protected."""
    return evolve(
        wanted,
        resources={
            address: evolve(found, lifecycle=KEPT) if address.kind in kinds else found
            for address, found in wanted.resources.items()
        },
    )


def reasons(wanted, cloud, **options):
    with pytest.raises(PlanRejectedError) as caught:
        plan_of(wanted, cloud, **options)
    return list(caught.value.reasons)


def remembered(address: str, action: str = "delete") -> str:
    return (
        f"{address}: the plan would {action} it, and it was applied with lifecycle.prevent_destroy; {FIRST}"
    )


def through(address: str) -> str:
    why = "it, or a thing that has it, was applied with lifecycle.prevent_destroy"
    return f"{address}: the plan would delete it, and {why}; {FIRST}"


def actions(plan):
    """What is done to what; the group, which every workspace has, aside."""
    steps = ((step.change.action, str(step.address)) for step in plan.steps)
    return [(action, address) for action, address in steps if address not in GROUPS]


PLAIN = {
    "tagged": state(resource("thing_groups", "g", ThingGroup("Plants"))),
    "with an id of AWS's own": state(managed("g")),
    "found by content": state(ca()),
}


@pytest.mark.parametrize("wanted", PLAIN.values(), ids=PLAIN)
def test_what_bears_tags_is_remembered_by_one(cloud, wanted):
    (address,) = wanted.resources
    converge(guarded(wanted, address.kind), cloud)
    assert plan_of(guarded(wanted, address.kind), cloud).steps == ()
    assert reasons(state(), cloud) == [remembered(f"{address.kind}.{address.name}")]
    assert [step.change.action for step in converge(wanted, cloud).steps] == ["update"]
    assert actions(converge(state(), cloud)) == [("delete", f"{address.kind}.{address.name}")]


def test_a_thing_is_remembered_by_a_group(cloud):
    wanted = state(resource("things", "a", Thing()))
    converge(guarded(wanted, "things"), cloud)
    assert cloud.content()["things"]["a"]["groups"] == ["reconciler-ws", "reconciler-ws:protected"]
    assert plan_of(guarded(wanted, "things"), cloud).steps == ()
    assert reasons(state(), cloud) == [remembered("things.a")]
    assert reasons(state(), cloud, destroy=True) == [remembered("things.a")]
    assert actions(converge(wanted, cloud)) == [("update", "things.a"), ("delete", GUARD)]
    assert actions(converge(state(), cloud)) == [("delete", "things.a")]


def test_protection_comes_to_what_is_there_and_shows_as_what_it_is(cloud):
    wanted = state(resource("things", "a", Thing()))
    converge(wanted, cloud)
    create, update = plan_of(guarded(wanted, "things"), cloud).steps
    assert [str(create.address), [str(call) for call in update.calls]] == [
        GUARD,
        ["iot:AddThingToThingGroup"],
    ]
    (field,) = update.change.fields
    assert (field.path, field.before, field.after) == ("lifecycle.prevent_destroy", False, True)


@pytest.mark.parametrize("kinds", [("certificates",), ("things",)], ids=["its own", "its thing's"])
def test_a_certificate_is_remembered_through_its_thing(cloud, kinds):
    converge(guarded(one(), *kinds), cloud)
    alone = state(ca(), resource("things", "a", Thing()), managed("m"))
    assert reasons(guarded(alone, "things"), cloud) == [through(f"certificates.a:{certificate()[:12]}")]
    assert reasons(state(ca()), cloud) == [remembered("things.a")]
    converge(one(), cloud)
    assert [address for _, address in actions(plan_of(state(ca()), cloud))] == [
        "things.a",
        f"certificates.a:{certificate()[:12]}",
        "policies.reconciler-ws-retired",
    ]


def test_a_loose_certificate_is_remembered_through_its_holder_and_may_get_a_thing(cloud):
    found, thing = device("a")
    converge(guarded(state(ca(), found), "certificates"), cloud)
    assert reasons(state(ca()), cloud) == [
        through(f"certificates.reconciler-ws-unattached:{certificate()[:12]}")
    ]
    converge(guarded(state(ca(), found, thing), "certificates"), cloud)
    assert list(cloud.content()["things"]) == ["a"]


def test_a_certificate_whose_thing_alone_is_protected_may_be_rotated(cloud):
    converge(guarded(one(), "things"), cloud)
    plan = plan_of(guarded(state(ca(), *device("a", 2)), "things"), cloud)
    assert actions(plan) == [("replace", "certificates.a")]


def test_protection_and_what_it_forbids_are_not_taken_off_in_one_stride(cloud):
    converge(guarded(state(managed("m")), "managed_things"), cloud)
    assert reasons(state(managed("m", "90002")), cloud) == [remembered("managed_things.m", "replace")]


def test_a_workspace_that_is_called_like_anothers_guard_takes_nothing_of_it(cloud):
    converge(guarded(state(resource("things", "a", Thing())), "things"), cloud)
    other = state(resource("thing_groups", "g", ThingGroup()), workspace="ws-protected")
    assert actions(plan_of(other, cloud)) == [("create", "thing_groups.g")]
