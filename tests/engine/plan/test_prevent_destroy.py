"""`prevent_destroy`: the registry remembers it, also for resources that are removed from the file."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.resource import Lifecycle
from tests.support.desired_states import (
    ca,
    converge,
    device,
    managed_thing,
    plan_errors,
    plan_of,
    resource,
    state,
)
from tests.support.one_device import certificate_id, one_device

PROTECTED = Lifecycle(prevent_destroy=True)
UNPROTECT = "to allow it, first apply its table with prevent_destroy = false"
GROUPS = {"thing_groups.reconciler-ws", "thing_groups.reconciler-ws-protected"}
GUARD = "thing_groups.reconciler-ws:protected"


def with_protection(desired, *kinds: str):
    """Return the desired state with `prevent_destroy` for the resources of these kinds."""
    return evolve(
        desired,
        resources={
            address: evolve(resource, lifecycle=PROTECTED) if address.kind in kinds else resource
            for address, resource in desired.resources.items()
        },
    )


def registry_error(address: str, action: str = "delete") -> str:
    return f"{address}: cannot {action}: it was applied with lifecycle.prevent_destroy; {UNPROTECT}"


def certificate_error(address: str) -> str:
    reason = "it or a thing that it is attached to was applied with lifecycle.prevent_destroy"
    return f"{address}: cannot delete: {reason}; {UNPROTECT}"


def actions(plan):
    """Return action and address of every step, except for the groups that every workspace has."""
    steps = ((step.change.action, str(step.address)) for step in plan.steps)
    return [(action, address) for action, address in steps if address not in GROUPS]


TAGGED = {
    "tagged": state(resource("thing_groups", "g", ThingGroup("Plants"))),
    "with an ID that AWS assigns": state(managed_thing("g")),
    "found by content": state(ca()),
}


@pytest.mark.parametrize("desired", TAGGED.values(), ids=TAGGED)
def test_a_tag_protects_a_resource_that_is_removed_from_the_file(cloud, desired):
    (address,) = desired.resources
    converge(with_protection(desired, address.kind), cloud)
    assert plan_of(with_protection(desired, address.kind), cloud).steps == ()
    assert plan_errors(state(), cloud) == [registry_error(f"{address.kind}.{address.name}")]
    assert [step.change.action for step in converge(desired, cloud).steps] == ["update"]
    assert actions(converge(state(), cloud)) == [("delete", f"{address.kind}.{address.name}")]


def test_a_group_protects_a_thing_that_is_removed_from_the_file(cloud):
    desired = state(resource("things", "a", Thing()))
    converge(with_protection(desired, "things"), cloud)
    assert cloud.content()["things"]["a"]["groups"] == ["reconciler-ws", "reconciler-ws:protected"]
    assert plan_of(with_protection(desired, "things"), cloud).steps == ()
    assert plan_errors(state(), cloud) == [registry_error("things.a")]
    assert plan_errors(state(), cloud, destroy=True) == [registry_error("things.a")]
    assert actions(converge(desired, cloud)) == [("update", "things.a"), ("delete", GUARD)]
    assert actions(converge(state(), cloud)) == [("delete", "things.a")]


def test_protecting_an_existing_thing_is_an_update_of_its_lifecycle(cloud):
    desired = state(resource("things", "a", Thing()))
    converge(desired, cloud)
    create, update = plan_of(with_protection(desired, "things"), cloud).steps
    assert [str(create.address), [str(call) for call in update.calls]] == [
        GUARD,
        ["iot:AddThingToThingGroup"],
    ]
    (field,) = update.change.fields
    assert (field.path, field.before, field.after) == ("lifecycle.prevent_destroy", False, True)


@pytest.mark.parametrize("kinds", [("certificates",), ("things",)], ids=["its own", "its thing's"])
def test_a_certificate_is_protected_through_its_thing(cloud, kinds):
    converge(with_protection(one_device(), *kinds), cloud)
    alone = state(ca(), resource("things", "a", Thing()), managed_thing("m"))
    assert plan_errors(with_protection(alone, "things"), cloud) == [
        certificate_error(f"certificates.a:{certificate_id()[:12]}")
    ]
    assert plan_errors(state(ca()), cloud) == [registry_error("things.a")]
    converge(one_device(), cloud)
    assert [address for _, address in actions(plan_of(state(ca()), cloud))] == [
        "things.a",
        f"certificates.a:{certificate_id()[:12]}",
        "policies.reconciler-ws-retired",
    ]


def test_an_unattached_certificate_is_protected_through_its_holder(cloud):
    unattached, thing = device("a")
    converge(with_protection(state(ca(), unattached), "certificates"), cloud)
    assert plan_errors(state(ca()), cloud) == [
        certificate_error(f"certificates.reconciler-ws-unattached:{certificate_id()[:12]}")
    ]
    converge(with_protection(state(ca(), unattached, thing), "certificates"), cloud)
    assert list(cloud.content()["things"]) == ["a"]


def test_a_certificate_is_rotated_if_only_its_thing_is_protected(cloud):
    converge(with_protection(one_device(), "things"), cloud)
    plan = plan_of(with_protection(state(ca(), *device("a", 2)), "things"), cloud)
    assert actions(plan) == [("replace", "certificates.a")]


def test_unprotecting_and_replacing_need_two_applies(cloud):
    converge(with_protection(state(managed_thing("m")), "managed_things"), cloud)
    assert plan_errors(state(managed_thing("m", "90002")), cloud) == [
        registry_error("managed_things.m", "replace")
    ]


def test_a_workspace_named_like_the_guard_of_another_one_owns_nothing_of_it(cloud):
    converge(with_protection(state(resource("things", "a", Thing())), "things"), cloud)
    other = state(resource("thing_groups", "g", ThingGroup()), workspace="ws-protected")
    assert actions(plan_of(other, cloud)) == [("create", "thing_groups.g")]
