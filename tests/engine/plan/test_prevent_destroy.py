"""`prevent_destroy` is stored in the registry, so it also protects resources removed from the file."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.resource import Lifecycle
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.one_device import get_device_certificate_id, make_one_device_state

PROTECTED_LIFECYCLE = Lifecycle(prevent_destroy=True)
NEXT_STEP = "to allow it, first apply its table with prevent_destroy = false"
OWN_GROUPS = {"thing_groups.reconciler-ws", "thing_groups.reconciler-ws-protected"}
"""The groups of the things that the workspaces `ws` and `ws-protected` own."""
PROTECTED_GROUP = "thing_groups.reconciler-ws:protected"


def protect(desired, *kinds: str):
    """Return the desired state with `prevent_destroy` for the resources of these kinds."""
    return evolve(
        desired,
        resources={
            address: replace(resource, lifecycle=PROTECTED_LIFECYCLE) if address.kind in kinds else resource
            for address, resource in desired.resources.items()
        },
    )


def format_protection_error(address: str, action: str = "delete") -> str:
    return f"{address}: cannot {action}: it was applied with lifecycle.prevent_destroy; {NEXT_STEP}"


def format_certificate_error(address: str) -> str:
    reason = "it or a thing that it is attached to was applied with lifecycle.prevent_destroy"
    next_step = "to allow it, first apply the protected resource's table with prevent_destroy = false"
    return f"{address}: cannot delete: {reason}; {next_step}"


def list_actions(plan):
    """Return action and address of every step, except for steps of `OWN_GROUPS`."""
    steps = ((step.change.action, str(step.address)) for step in plan.steps)
    return [(action, address) for action, address in steps if address not in OWN_GROUPS]


STATES_WITH_TAGS = {
    "found by name": make_state(make_resource("thing_groups", "g", ThingGroup(description="Plants"))),
    "found by a tag": make_state(make_managed_thing("g")),
    "found by content": make_state(make_ca()),
}
"""States of one resource whose tag records `prevent_destroy`, by how its live resource is found."""


@pytest.mark.parametrize("desired", STATES_WITH_TAGS.values(), ids=STATES_WITH_TAGS)
def test_a_tag_protects_a_resource_that_is_removed_from_the_file(cloud, desired):
    (address,) = desired.resources
    converge(protect(desired, address.kind), cloud)
    assert plan_state(protect(desired, address.kind), cloud).steps == ()
    assert get_rejection_reasons(make_state(), cloud) == [
        format_protection_error(f"{address.kind}.{address.name}")
    ]
    assert [step.change.action for step in converge(desired, cloud).steps] == ["update"]
    assert list_actions(converge(make_state(), cloud)) == [("delete", f"{address.kind}.{address.name}")]


def test_a_group_protects_a_thing_that_is_removed_from_the_file(cloud):
    desired = make_state(make_resource("things", "a", Thing()))
    converge(protect(desired, "things"), cloud)
    assert cloud.read_content()["things"]["a"]["groups"] == ["reconciler-ws", "reconciler-ws:protected"]
    assert plan_state(protect(desired, "things"), cloud).steps == ()
    assert get_rejection_reasons(make_state(), cloud) == [format_protection_error("things.a")]
    assert get_rejection_reasons(make_state(), cloud, destroy=True) == [format_protection_error("things.a")]
    assert list_actions(converge(desired, cloud)) == [("update", "things.a"), ("delete", PROTECTED_GROUP)]
    assert list_actions(converge(make_state(), cloud)) == [("delete", "things.a")]


def test_protecting_an_existing_thing_is_an_update_of_its_lifecycle(cloud):
    desired = make_state(make_resource("things", "a", Thing()))
    converge(desired, cloud)
    create, update = plan_state(protect(desired, "things"), cloud).steps
    assert [str(create.address), [str(call) for call in update.calls]] == [
        PROTECTED_GROUP,
        ["iot:AddThingToThingGroup"],
    ]
    (field,) = update.change.fields
    assert (field.path, field.before, field.after) == ("lifecycle.prevent_destroy", False, True)


@pytest.mark.parametrize("kinds", [("certificates",), ("things",)], ids=["certificate", "thing"])
def test_a_certificate_is_protected_if_it_or_its_thing_is(cloud, kinds):
    converge(protect(make_one_device_state(), *kinds), cloud)
    state_without_certificate = make_state(make_ca(), make_resource("things", "a", Thing()))
    assert get_rejection_reasons(protect(state_without_certificate, "things"), cloud) == [
        format_certificate_error(f"certificates.a:{get_device_certificate_id()[:12]}")
    ]
    assert get_rejection_reasons(make_state(make_ca()), cloud) == [format_protection_error("things.a")]
    converge(make_one_device_state(), cloud)
    assert [address for _, address in list_actions(plan_state(make_state(make_ca()), cloud))] == [
        "things.a",
        f"certificates.a:{get_device_certificate_id()[:12]}",
        "policies.reconciler-ws-retired",
    ]


def test_an_unattached_certificate_is_protected_by_the_thing_created_to_hold_it(cloud):
    certificate, thing = make_device("a")
    converge(protect(make_state(make_ca(), certificate), "certificates"), cloud)
    assert get_rejection_reasons(make_state(make_ca()), cloud) == [
        format_certificate_error(f"certificates.reconciler-ws-unattached:{get_device_certificate_id()[:12]}")
    ]
    converge(protect(make_state(make_ca(), certificate, thing), "certificates"), cloud)
    assert list(cloud.read_content()["things"]) == ["a"]


def test_a_certificate_is_rotated_if_only_its_thing_is_protected(cloud):
    converge(protect(make_one_device_state(), "things"), cloud)
    plan = plan_state(protect(make_state(make_ca(), *make_device("a", 2)), "things"), cloud)
    assert list_actions(plan) == [("replace", "certificates.a")]


def test_unprotecting_and_replacing_need_two_applies(cloud):
    converge(protect(make_state(make_managed_thing("m")), "managed_things"), cloud)
    assert get_rejection_reasons(make_state(make_managed_thing("m", "90002")), cloud) == [
        format_protection_error("managed_things.m", "replace")
    ]


def test_a_workspace_owns_nothing_of_a_workspace_with_a_similar_name(cloud):
    converge(protect(make_state(make_resource("things", "a", Thing())), "things"), cloud)
    similar_workspace = make_state(make_resource("thing_groups", "g", ThingGroup()), workspace="ws-protected")
    assert list_actions(plan_state(similar_workspace, cloud)) == [("create", "thing_groups.g")]
