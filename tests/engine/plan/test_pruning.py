"""Where nothing is pruned, what left the file stays as it is, and is told."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from tests.support.desired_states import ca, converge, device, plan_of, resource, state
from tests.support.one_device import certificate, one
from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def keeping(*resources):
    return state(*resources, prune="never")


def kept(count, kind, names):
    what = f"{kind} that left the file and stay, as workspace.prune is never"
    return f"{what} ({count}): {names}; [[removed]] forgets one"


def test_nothing_that_left_the_file_is_deleted_and_all_of_it_is_told(cloud):
    converge(one(), cloud)
    before = cloud.content()
    plan = plan_of(keeping(), cloud)
    assert plan.steps == ()
    assert [note.text for note in plan.notes if note.level == "info"] == [
        kept(1, "ca certificates", "ca_certificates.alpha"),
        kept(1, "certificates", f"certificates.a:{certificate()[:12]}"),
        kept(1, "things", "things.a"),
    ]
    assert cloud.content() == before


def test_the_first_few_are_named(cloud):
    converge(state(*(resource("thing_groups", f"g{n}", ThingGroup()) for n in range(5))), cloud)
    notes = [note.text for note in plan_of(keeping(), cloud).notes]
    assert notes[0] == kept(5, "thing groups", "thing_groups.g0, thing_groups.g1, thing_groups.g2 and 2 more")


def test_a_certificate_that_left_the_file_stays_with_the_thing_that_stays(cloud):
    converge(one(), cloud)
    alone = resource("things", "a", Thing(attributes={"site": "oslo"}))
    plan = converge(keeping(ca(), alone), cloud)
    assert [str(step.address) for step in plan.steps] == ["things.a"]
    assert [name for name, _ in cloud.content()["things"]["a"]["principals"]] == [certificate()]
    assert plan_of(keeping(ca(), alone), cloud).steps == ()


def test_it_goes_as_soon_as_pruning_is_back(cloud):
    converge(one(), cloud)
    converge(keeping(ca()), cloud)
    converge(state(ca()), cloud)
    assert (cloud.content()["things"], cloud.content()["certificates"]) == ({}, {})


def test_a_rotation_and_a_destroy_are_meant(cloud):
    converge(keeping(ca(), *device("a")), cloud)
    (step,) = converge(keeping(ca(), *device("a", 2)), cloud).steps
    assert (step.change.action, list(cloud.content()["certificates"])) == ("replace", [certificate(2)])
    assert plan_of(keeping(ca(), *device("a", 2)), cloud, destroy=True).counts["delete"] == 5


def test_what_is_only_renamed_leaves_its_old_name(cloud):
    converge(state(resource("thing_groups", "old", ThingGroup())), cloud)
    moved = {Address("thing_groups", "old"): Address("thing_groups", "new")}
    converge(evolve(keeping(resource("thing_groups", "new", ThingGroup())), moved=moved), cloud)
    assert sorted(cloud.content()["thing_groups"]) == ["new", "reconciler-ws"]
