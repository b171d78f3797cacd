"""A new name in the file: nothing, a tag, or a new one made before the old one goes, as AWS has it."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from tests.support.desired_states import ca, converge, device, managed, plan_of, resource, state
from tests.support.one_device import arn, certificate, one
from tests.support.registry_client import Cloud


@pytest.fixture(scope="module")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(_cloud) -> Cloud:
    return _cloud.empty()


def moving(wanted, **names: str):
    pairs = (pair.split(" → ") for pair in names.values())
    return evolve(wanted, moved={Address.parse(a): Address.parse(b) for a, b in pairs})


def actions(plan):
    return [(step.change.action, str(step.address)) for step in plan.steps]


def calls(plan):
    return [str(call) for step in plan.steps for call in step.calls]


def as_b(*, exclusive: bool = False):
    """The device a as `things.b`, its certificate still certificates.a."""
    found, _ = device("a")
    return state(ca(), found, resource("things", "b", Thing(certificates=("a",), exclusive=exclusive)))


def test_a_renamed_certificate_or_ca_is_not_sent_again(cloud):
    converge(one(), cloud)
    found, thing = device("a")
    named = evolve(found, address=Address("certificates", "z"), spec=evolve(found.spec, ca="factory"))
    user = resource("things", "a", evolve(thing.spec, certificates=("z",)))
    authority = evolve(ca(), address=Address("ca_certificates", "factory"))
    wanted = moving(
        state(authority, named, user),
        first="certificates.a → certificates.z",
        second="ca_certificates.alpha → ca_certificates.factory",
    )
    before = cloud.content()["certificates"]
    plan = converge(wanted, cloud)
    assert (actions(plan), calls(plan)) == ([("update", "ca_certificates.factory")], ["iot:TagResource"])
    assert cloud.content()["certificates"] == before
    again = plan_of(wanted, cloud)
    assert again.steps == ()
    assert [(str(note.address), note.level) for note in again.notes] == [
        ("certificates.z", "info"),
        ("ca_certificates.factory", "info"),
    ]


def test_a_renamed_managed_thing_keeps_its_id(cloud):
    converge(state(managed("a")), cloud)
    (before,) = cloud.managed.list_managed_things()["Items"]
    wanted = moving(state(managed("b")), it="managed_things.a → managed_things.b")
    plan = converge(wanted, cloud)
    assert (actions(plan), plan_of(wanted, cloud).steps) == ([("update", "managed_things.b")], ())
    assert calls(plan) == [
        "iot-managed-integrations:UpdateManagedThing",
        "iot-managed-integrations:TagResource",
    ]
    (after,) = cloud.managed.list_managed_things()["Items"]
    assert after["Id"] == before["Id"]
    assert plan_of(state(managed("b")), cloud).steps == ()


def test_a_renamed_locker_is_tagged_anew_where_it_says_its_name(cloud):
    converge(state(resource("credential_lockers", "a", CredentialLocker("keys"))), cloud)
    wanted = moving(
        state(resource("credential_lockers", "b", CredentialLocker("keys"))),
        it="credential_lockers.a → credential_lockers.b",
    )
    plan = converge(wanted, cloud)
    assert (actions(plan), calls(plan)) == (
        [("update", "credential_lockers.b")],
        ["iot-managed-integrations:TagResource"],
    )


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_renamed_thing_is_made_before_the_old_one_goes(cloud, exclusive):
    found, thing = device("a")
    converge(state(ca(), found, evolve(thing, spec=evolve(thing.spec, exclusive=exclusive))), cloud)
    wanted = moving(as_b(exclusive=exclusive), it="things.a → things.b")
    plan = plan_of(wanted, cloud)
    assert actions(plan) == [("create", "things.b"), ("delete", "things.a")]
    create, delete = plan.steps
    assert (create.dependencies, delete.dependencies) == (frozenset(), {create.address})
    told = [[field for field in step.change.fields if field.path == "renamed"] for step in plan.steps]
    assert [(f.before, f.after) for fields in told for f in fields] == [("things.a", "things.b")] * 2
    let_go = ["iot:DetachThingPrincipal"] if exclusive else []
    assert list(map(str, create.calls)) == [
        "iot:CreateThing",
        "iot:AddThingToThingGroup",
        *let_go,
        "iot:AttachThingPrincipal",
    ]
    converge(wanted, cloud)
    assert [principal for principal, _ in cloud.content()["things"]["b"]["principals"]] == [certificate()]
    assert plan_of(wanted, cloud).steps == ()


def test_no_certificate_is_without_a_thing_while_its_thing_is_renamed(cloud):
    converge(one(), cloud)
    seen = []

    class Watched:
        def call(self, asked):
            answer = cloud.call(asked)
            seen.append(len(cloud.iot.list_principal_things(principal=arn())["things"]))
            return answer

    from tests.support.desired_states import failures, run

    plan = plan_of(moving(as_b(), it="things.a → things.b"), cloud)
    assert failures(run(plan, Watched(), workers=8)) == []
    assert min(seen) == 1


def test_a_renamed_policy_is_given_before_the_old_one_is_taken(cloud):
    allow = Document.from_value({"Version": "2012-10-17", "Statement": []})

    def fleet(policy):
        found, thing = device("a")
        with_policy = resource("certificates", "a", evolve(found.spec, policies=(policy,)))
        return state(ca(), with_policy, thing, resource("policies", policy, Policy(allow)))

    converge(fleet("p"), cloud)
    wanted = moving(fleet("q"), it="policies.p → policies.q")
    plan = converge(wanted, cloud)
    assert actions(plan) == [
        ("create", "policies.q"),
        ("update", "certificates.a"),
        ("delete", "policies.p"),
    ]
    assert plan_of(wanted, cloud).steps == ()


def test_what_must_not_be_destroyed_is_not_renamed_where_aws_cannot(cloud):
    converge(one(), cloud)
    wanted = moving(as_b(), it="things.a → things.b")
    kept = {
        address: evolve(found, lifecycle=evolve(found.lifecycle, prevent_destroy=address.kind == "things"))
        for address, found in wanted.resources.items()
    }
    with pytest.raises(PlanRejectedError) as caught:
        plan_of(evolve(wanted, resources=kept), cloud)
    why = "AWS renames nothing, so the plan would make a new one and delete things.a"
    assert caught.value.reasons == (f"things.b: {why}, and its lifecycle.prevent_destroy forbids that",)


def test_a_locker_that_is_named_by_the_file_is_made_anew_and_the_plan_says_how_to_keep_it(cloud):
    converge(state(resource("credential_lockers", "a", CredentialLocker())), cloud)
    wanted = moving(
        state(resource("credential_lockers", "b", CredentialLocker())),
        it="credential_lockers.a → credential_lockers.b",
    )
    plan = plan_of(wanted, cloud)
    assert actions(plan) == [("replace", "credential_lockers.b")]
    assert [(note.level, note.text) for note in plan.notes] == [
        ("warning", 'AWS cannot change its name, which is the one in the file; name = "a" keeps it')
    ]
