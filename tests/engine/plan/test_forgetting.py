"""`[[removed]]`: a forgotten resource stays in the registry, without ownership markers."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Origin
from tests.support.desired_states import (
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import make_iot_call
from tests.support.one_device import get_device_certificate_id, make_one_device_state, summarize_steps

NOT_FOUND = frozenset({"ResourceNotFoundException"})


def add_removed(desired, *addresses: str):
    removed = {Address.parse(address): Origin("desired_state.toml", 9) for address in addresses}
    return evolve(desired, removed=removed)


def list_actions(plan):
    return [(step.change.action, str(step.address)) for step in plan.steps]


def test_a_forgotten_thing_leaves_the_workspaces_group_and_keeps_its_certificates(cloud):
    converge(make_one_device_state(), cloud)
    before = cloud.read_content()
    plan = converge(add_removed(make_state(make_ca()), "things.a"), cloud)
    assert summarize_steps(plan) == [
        ("forget", f"certificates.a:{get_device_certificate_id()[:12]}", [], []),
        (
            "forget",
            "things.a",
            [],
            [
                make_iot_call(
                    "RemoveThingFromThingGroup",
                    ignored_errors=NOT_FOUND,
                    thingGroupName="reconciler-ws",
                    thingName="a",
                )
            ],
        ),
        # The deletions of ownership markers do not matter here.
        *[step for step in summarize_steps(plan) if step[0] == "delete"],
    ]
    after = cloud.read_content()
    assert after["certificates"] == before["certificates"]
    assert after["things"]["a"] == {**before["things"]["a"], "groups": []}
    assert plan_state(add_removed(make_state(make_ca()), "things.a"), cloud).steps == ()
    assert plan_state(make_state(make_ca()), cloud).steps == ()


def test_a_forgotten_certificate_is_detached_from_its_thing(cloud):
    converge(make_one_device_state(), cloud)
    bare_thing = make_resource("things", "a", Thing())
    desired = add_removed(make_state(make_ca(), bare_thing), f"certificates.{get_device_certificate_id()}")
    plan = converge(desired, cloud)
    assert list_actions(plan) == [
        ("forget", f"certificates.a:{get_device_certificate_id()[:12]}"),
        ("update", "things.a"),
        ("delete", "policies.reconciler-ws-retired"),
    ]
    content = cloud.read_content()
    assert (list(content["certificates"]), content["things"]["a"]["principals"]) == (
        [get_device_certificate_id()],
        [],
    )


def test_a_forgotten_unattached_certificate_stays_and_its_marker_thing_is_deleted(cloud):
    unattached, _ = make_device("a")
    converge(make_state(make_ca(), unattached), cloud)
    converge(add_removed(make_state(make_ca()), f"certificates.{get_device_certificate_id()}"), cloud)
    content = cloud.read_content()
    assert (list(content["certificates"].values()), content["things"]) == ([("ACTIVE", "DEFAULT")], {})


def test_a_forgotten_resource_loses_only_the_ownership_tags(cloud):
    resources = [
        make_resource("thing_groups", "g", ThingGroup(description="Plants", tags={"line": "A"})),
        make_managed_thing("m", tags={"line": "A"}),
        make_ca(tags={"line": "A"}),
    ]
    converge(make_state(*resources), cloud)
    addresses = ("thing_groups.g", "managed_things.m", "ca_certificates.alpha")
    plan = converge(add_removed(make_state(), *addresses), cloud)
    assert sorted(plan.counts.items()) == [
        ("create", 0),
        ("delete", 1),  # the workspace's group
        ("forget", 3),
        ("replace", 0),
        ("update", 0),
    ]
    content = cloud.read_content()
    assert [content["thing_groups"]["g"]["tags"], content["managed_things"][0]["Tags"]] == [
        {"line": "A"},
        {"line": "A"},
    ]
    assert [authority["tags"] for authority in content["ca_certificates"].values()] == [{"line": "A"}]
    assert plan_state(add_removed(make_state(), *addresses), cloud).steps == ()


def test_a_resource_that_a_forgotten_one_uses_cannot_be_deleted(cloud):
    billing_group = make_resource("billing_groups", "b", BillingGroup())
    thing = make_resource("things", "a", Thing(billing_group="b"))
    converge(make_state(billing_group, thing), cloud)
    with pytest.raises(PlanRejectedError) as caught:
        plan_state(add_removed(make_state(), "things.a"), cloud)
    assert caught.value.reasons == (
        "billing_groups.b: cannot delete: still used by things.a, which is being forgotten; forget both",
    )


def test_a_removed_entry_without_a_managed_resource_adds_a_note(cloud):
    cloud.iot.create_thing(thingName="unmanaged")
    plan = plan_state(add_removed(make_state(), "things.gone", "things.unmanaged"), cloud)
    assert [(note.level, str(note.address), note.text) for note in plan.notes if note.address] == [
        (
            "info",
            f"things.{name}",
            "nothing to forget: this workspace manages no resource of that name; remove the [[removed]] entry",
        )
        for name in ("gone", "unmanaged")
    ]


def test_destroy_forgets_the_resources_in_removed(cloud):
    converge(make_one_device_state(), cloud)
    desired = add_removed(make_state(make_ca()), "things.a")
    assert sorted(list_actions(plan_state(desired, cloud, destroy=True))) == [
        ("delete", "ca_certificates.alpha"),
        ("delete", "policies.reconciler-ws-retired"),
        ("delete", "thing_groups.reconciler-ws"),
        ("forget", f"certificates.a:{get_device_certificate_id()[:12]}"),
        ("forget", "things.a"),
    ]


def test_all_undeclared_resources_of_a_kind_are_forgotten(cloud):
    group = make_resource("thing_groups", "g", ThingGroup())
    converge(make_state(group, *(make_resource("things", name, Thing()) for name in "abc")), cloud)
    desired = add_removed(make_state(make_resource("things", "a", Thing())), "things.*")
    assert list_actions(converge(desired, cloud)) == [
        ("delete", "thing_groups.g"),
        ("forget", "things.b"),
        ("forget", "things.c"),
    ]
    assert set(cloud.read_content()["things"]) == {"a", "b", "c"}
    assert [note.text for note in plan_state(desired, cloud).notes if "forget" in note.text] == []


def test_destroy_deletes_declared_resources_and_markers_of_a_kind_whose_others_are_forgotten(cloud):
    groups = [make_resource("thing_groups", name, ThingGroup()) for name in "ab"]
    converge(make_state(*groups, make_resource("things", "c", Thing())), cloud)
    desired = add_removed(make_state(groups[0], make_resource("things", "c", Thing())), "thing_groups.*")
    assert sorted(list_actions(converge(desired, cloud, destroy=True))) == [
        ("delete", "thing_groups.a"),
        ("delete", "thing_groups.reconciler-ws"),
        ("delete", "things.c"),
        ("forget", "thing_groups.b"),
    ]
    assert set(cloud.read_content()["thing_groups"]) == {"b"}
