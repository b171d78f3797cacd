"""What the file says to forget stays as it is and bears no mark any more."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Origin
from tests.support.desired_states import ca, converge, device, managed, plan_of, resource, state
from tests.support.one_device import certificate, iot, one, told
from tests.support.registry_client import Cloud

GONE = frozenset({"ResourceNotFoundException"})


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def forgetting(wanted, *names: str):
    return evolve(wanted, removed={Address.parse(name): Origin("desired_state.toml", 9) for name in names})


def actions(plan):
    return [(step.change.action, str(step.address)) for step in plan.steps]


def test_a_forgotten_thing_leaves_the_group_and_keeps_its_certificates(cloud):
    converge(one(), cloud)
    before = cloud.content()
    plan = converge(forgetting(state(ca()), "things.a"), cloud)
    assert told(plan) == [
        ("forget", f"certificates.a:{certificate()[:12]}", [], []),
        (
            "forget",
            "things.a",
            [],
            [
                iot(
                    "RemoveThingFromThingGroup",
                    ignored_errors=GONE,
                    thingGroupName="reconciler-ws",
                    thingName="a",
                )
            ],
        ),
        *[step for step in told(plan) if step[0] == "delete"],
    ]
    after = cloud.content()
    assert after["certificates"] == before["certificates"]
    assert after["things"]["a"] == {**before["things"]["a"], "groups": []}
    assert plan_of(forgetting(state(ca()), "things.a"), cloud).steps == ()
    assert plan_of(state(ca()), cloud).steps == ()


def test_a_forgotten_certificate_is_let_go_by_the_thing_that_stays(cloud):
    converge(one(), cloud)
    lone = resource("things", "a", Thing())
    wanted = forgetting(state(ca(), lone), f"certificates.{certificate()}")
    plan = converge(wanted, cloud)
    assert actions(plan) == [
        ("forget", f"certificates.a:{certificate()[:12]}"),
        ("update", "things.a"),
        ("delete", "policies.reconciler-ws-retired"),
    ]
    content = cloud.content()
    assert (list(content["certificates"]), content["things"]["a"]["principals"]) == ([certificate()], [])


def test_a_forgotten_loose_certificate_is_let_go_by_its_holder(cloud):
    lone, _ = device("a")
    converge(state(ca(), lone), cloud)
    converge(forgetting(state(ca()), f"certificates.{certificate()}"), cloud)
    content = cloud.content()
    assert (list(content["certificates"].values()), content["things"]) == ([("ACTIVE", "DEFAULT")], {})


def test_what_bears_tags_loses_ours_and_keeps_the_users(cloud):
    found = [
        resource("thing_groups", "g", ThingGroup("Plants", tags={"line": "A"})),
        managed("m", tags={"line": "A"}),
        ca(tags={"line": "A"}),
    ]
    converge(state(*found), cloud)
    names = ("thing_groups.g", "managed_things.m", "ca_certificates.alpha")
    plan = converge(forgetting(state(), *names), cloud)
    assert sorted(plan.counts.items()) == [
        ("create", 0),
        ("delete", 1),  # the workspace's group
        ("forget", 3),
        ("replace", 0),
        ("update", 0),
    ]
    content = cloud.content()
    assert [content["thing_groups"]["g"]["tags"], content["managed_things"][0]["Tags"]] == [
        {"line": "A"},
        {"line": "A"},
    ]
    assert [found["tags"] for found in content["ca_certificates"].values()] == [{"line": "A"}]
    assert plan_of(forgetting(state(), *names), cloud).steps == ()


def test_what_a_forgotten_one_has_cannot_be_deleted(cloud):
    bill, thing = (
        resource("billing_groups", "b", BillingGroup()),
        resource("things", "a", Thing(billing_group="b")),
    )
    converge(state(bill, thing), cloud)
    with pytest.raises(PlanRejectedError) as caught:
        plan_of(forgetting(state(), "things.a"), cloud)
    assert caught.value.reasons == (
        "billing_groups.b: the plan would delete it, and things.a, which is to be forgotten, has it; forget it too",
    )


def test_what_is_not_there_or_not_ours_is_remarked_and_no_mistake(cloud):
    cloud.iot.create_thing(thingName="theirs")
    plan = plan_of(forgetting(state(), "things.gone", "things.theirs"), cloud)
    assert [(note.level, str(note.address), note.text) for note in plan.notes] == [
        (
            "info",
            f"things.{name}",
            "there is nothing to forget: nothing of that name bears this workspace's mark",
        )
        for name in ("gone", "theirs")
    ]


def test_a_destroy_forgets_what_is_to_be_forgotten(cloud):
    converge(one(), cloud)
    wanted = forgetting(state(ca()), "things.a")
    assert sorted(actions(plan_of(wanted, cloud, destroy=True))) == [
        ("delete", "ca_certificates.alpha"),
        ("delete", "policies.reconciler-ws-retired"),
        ("delete", "thing_groups.reconciler-ws"),
        ("forget", f"certificates.a:{certificate()[:12]}"),
        ("forget", "things.a"),
    ]
