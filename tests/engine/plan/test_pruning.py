"""`prune = "never"`: resources removed from the file (orphans) are kept, and every plan lists them."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from tests.support.desired_states import converge, make_ca, make_device, make_resource, make_state, plan_state
from tests.support.one_device import get_device_certificate_id, make_one_device_state


def make_unpruned_state(*resources):
    return make_state(*resources, prune="never")


def format_orphans_note(count, kind, names):
    reason = 'they stay because workspace.prune is "never"'
    return f"{kind} removed from the file ({count}): {names}; {reason}; [[removed]] forgets them"


def test_orphans_are_kept_and_listed_in_the_notes(cloud):
    converge(make_one_device_state(), cloud)
    before = cloud.read_content()
    plan = plan_state(make_unpruned_state(), cloud)
    assert plan.steps == ()
    assert [note.text for note in plan.notes if note.level == "info"] == [
        format_orphans_note(1, "ca certificates", "ca_certificates.alpha"),
        format_orphans_note(1, "certificates", f"certificates.a:{get_device_certificate_id()[:12]}"),
        format_orphans_note(1, "things", "things.a"),
    ]
    assert cloud.read_content() == before


def test_a_note_names_the_first_orphans_and_counts_the_others(cloud):
    converge(make_state(*(make_resource("thing_groups", f"g{n}", ThingGroup()) for n in range(5))), cloud)
    notes = [note.text for note in plan_state(make_unpruned_state(), cloud).notes]
    assert notes[0] == format_orphans_note(
        5, "thing groups", "thing_groups.g0, thing_groups.g1, thing_groups.g2 and 2 more"
    )


def test_an_orphaned_certificate_stays_attached_to_its_thing(cloud):
    converge(make_one_device_state(), cloud)
    bare_thing = make_resource("things", "a", Thing(attributes={"site": "oslo"}))
    plan = converge(make_unpruned_state(make_ca(), bare_thing), cloud)
    assert [str(step.address) for step in plan.steps] == ["things.a"]
    assert [name for name, _ in cloud.read_content()["things"]["a"]["principals"]] == [
        get_device_certificate_id()
    ]
    assert plan_state(make_unpruned_state(make_ca(), bare_thing), cloud).steps == ()


def test_orphans_are_deleted_once_pruning_is_enabled_again(cloud):
    converge(make_one_device_state(), cloud)
    converge(make_unpruned_state(make_ca()), cloud)
    converge(make_state(make_ca()), cloud)
    assert (cloud.read_content()["things"], cloud.read_content()["certificates"]) == ({}, {})


def test_rotation_and_destroy_delete_even_if_pruning_is_off(cloud):
    converge(make_unpruned_state(make_ca(), *make_device("a")), cloud)
    (step,) = converge(make_unpruned_state(make_ca(), *make_device("a", 2)), cloud).steps
    assert (step.change.action, list(cloud.read_content()["certificates"])) == (
        "replace",
        [get_device_certificate_id(2)],
    )
    assert (
        plan_state(make_unpruned_state(make_ca(), *make_device("a", 2)), cloud, destroy=True).counts["delete"]
        == 5
    )


def test_a_rename_deletes_the_old_resource_even_if_pruning_is_off(cloud):
    converge(make_state(make_resource("thing_groups", "old", ThingGroup())), cloud)
    moved = {Address("thing_groups", "old"): Address("thing_groups", "new")}
    converge(
        evolve(make_unpruned_state(make_resource("thing_groups", "new", ThingGroup())), moved=moved), cloud
    )
    assert sorted(cloud.read_content()["thing_groups"]) == ["new", "reconciler-ws"]
