"""Two workspaces in one account never touch each other's resources, in any order of applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import ALL_NAMES, Address
from reconciler.model.call import ApiCall
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import External, Lifecycle, Origin
from reconciler.model.settings import DesiredState
from reconciler.render.views.next_step import suggest_next_step
from tests.support.desired_states import (
    apply,
    converge,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.examples import examples
from tests.support.registry_client import Cloud

EMPTY_DOCUMENT = Document.from_value({"Version": "2012-10-17", "Statement": []})


@pytest.fixture(scope="module")
def account() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(account) -> Cloud:
    return account.reset()


@st.composite
def fleets(draw: st.DrawFn, workspace: str, prefix: str) -> DesiredState:
    """Draw a state with the most used kinds; all names have the prefix, and the things may be protected."""
    device_names = sorted(draw(st.sets(st.sampled_from(["a", "b"]))))
    groups = sorted(draw(st.sets(st.sampled_from(["g", "h"]))))
    policies = sorted(draw(st.sets(st.just("p"))))
    resources = [
        make_resource("thing_groups", prefix + name, ThingGroup(description="Plants")) for name in groups
    ]
    resources += [make_resource("policies", prefix + name, Policy(EMPTY_DOCUMENT)) for name in policies]
    for name in device_names:
        certificate, thing = make_device(
            prefix + name, draw(st.integers(1, 2)), site=draw(st.sampled_from("xy"))
        )
        spec = evolve(
            certificate.spec,
            ca=None,
            certificate_mode="SNI_ONLY",
            policies=tuple(prefix + policy for policy in policies if draw(st.booleans())),
        )
        resources.append(make_resource("certificates", prefix + name, spec))
        if draw(st.booleans()):
            thing_groups = tuple(prefix + group for group in groups if draw(st.booleans()))
            resources.append(
                make_resource("things", prefix + name, evolve(thing.spec, thing_groups=thing_groups))
            )
    if draw(st.booleans()):
        resources.append(
            make_managed_thing(prefix + "m", "9000" + str(draw(st.integers(1, 2))) + workspace[-1])
        )
    is_protected = draw(st.booleans())
    resources = [
        replace(item, lifecycle=Lifecycle(prevent_destroy=is_protected and item.address.kind == "things"))
        for item in resources
    ]
    return make_state(*resources, workspace=workspace)


def remove_lifecycle(desired: DesiredState) -> DesiredState:
    """Return the state without `prevent_destroy`, which could reject the plan of the next state."""
    resources = {address: replace(item, lifecycle=Lifecycle()) for address, item in desired.resources.items()}
    return evolve(desired, resources=resources)


def select_content(content: dict, prefix: str, workspace: str) -> dict:
    """Return the part of an account's content that belongs to a workspace."""
    prefixes = (prefix, f"reconciler-{workspace}")
    certificates = {
        principal
        for name, thing in content["things"].items()
        if name.startswith(prefixes)
        for principal, _ in thing["principals"]
    }
    part = {
        kind: {name: item for name, item in content[kind].items() if name.startswith(prefixes)}
        for kind in ("things", "thing_groups", "policies")
    }
    part["certificates"] = {
        name: item for name, item in content["certificates"].items() if name in certificates
    }
    part["managed_things"] = [
        item for item in content["managed_things"] if item["Tags"]["reconciler:workspace"] == workspace
    ]
    return part


@examples(7)
@given(
    states_of_one=st.tuples(fleets("ws-1", "one-"), fleets("ws-1", "one-")),
    states_of_two=st.tuples(fleets("ws-2", "two-"), fleets("ws-2", "two-")),
    order=st.permutations([0, 0, 1, 1]),
)
def test_a_workspace_has_the_same_content_with_another_workspace_as_without_it(
    account, states_of_one, states_of_two, order
):
    sequences = [[remove_lifecycle(first), second] for first, second in (states_of_one, states_of_two)]
    expected = []
    for index, (prefix, workspace) in enumerate((("one-", "ws-1"), ("two-", "ws-2"))):
        account.reset()
        for desired in sequences[index]:
            converge(desired, account)
        expected.append(select_content(account.read_content(), prefix, workspace))
    account.reset()
    remaining_states = [list(sequence) for sequence in sequences]
    # Each index in `order` is the workspace that applies its next state.
    for index in order:
        converge(remaining_states[index].pop(0), account)
    content = account.read_content()
    assert [select_content(content, "one-", "ws-1"), select_content(content, "two-", "ws-2")] == expected
    assert [plan_state(sequences[index][-1], account).steps for index in (0, 1)] == [(), ()]
    if not any(resource.lifecycle.prevent_destroy for resource in states_of_one[1].resources.values()):
        converge(make_state(workspace="ws-1"), account)
    assert select_content(account.read_content(), "two-", "ws-2") == expected[1]


@examples(7)
@given(desired=fleets("ws-1", "same-"))
def test_a_resource_of_another_workspace_is_rejected_even_with_adopt(account, desired):
    converge(desired, account.reset())
    other_workspace = evolve(desired, settings=evolve(desired.settings, name="ws-2"))
    content_before = account.read_content()
    # Managed things cannot conflict: AWS assigns their IDs.
    named_addresses = {address for address in desired.resources if address.kind != "managed_things"}
    if named_addresses:
        with pytest.raises(PlanRejectedError) as caught:
            plan_state(other_workspace, account, adopt=named_addresses)
        reasons = [
            f"{address}: belongs to the workspace 'ws-1', not to 'ws-2'"
            for address in sorted(named_addresses)
        ]
        assert list(caught.value.reasons) == reasons
    assert account.read_content() == content_before


def make_things(workspace: str, count: int) -> DesiredState:
    names = [f"{workspace}-{number}" for number in range(count)]
    return make_state(*(make_resource("things", name, Thing()) for name in names), workspace=workspace)


def list_reasons(desired: DesiredState, cloud: Cloud) -> list[str]:
    """Return the reasons to reject the plan for a state."""
    with pytest.raises(PlanRejectedError) as caught:
        plan_state(desired, cloud)
    return list(caught.value.reasons)


@pytest.fixture
def sent_operations(cloud, monkeypatch) -> list[str]:
    """The operations that read the groups of a thing, or the members of the group of workspace two."""
    operations: list[str] = []
    send = cloud.call

    def record(call: ApiCall) -> Mapping[str, Any]:
        is_of_two = call.operation == "ListThingsInThingGroup" and "two" in call.params["thingGroupName"]
        if is_of_two or call.operation == "ListThingGroupsForThing":
            operations.append(call.operation)
        return send(call)

    monkeypatch.setattr(cloud, "call", record)
    return operations


@pytest.mark.parametrize(
    ("thing_count", "other_count", "operations"),
    [
        (1, 1, ["ListThingGroupsForThing"]),
        (8, 1, ["ListThingsInThingGroup"]),
        (4, 260, ["ListThingsInThingGroup", *["ListThingGroupsForThing"] * 4]),
    ],
    ids=["one deletion", "many deletions", "a larger other workspace"],
)
def test_a_thing_of_two_workspaces_is_not_deleted_by_either(
    cloud, sent_operations, thing_count, other_count, operations
):
    one, two = make_things("one", thing_count), make_things("two", other_count)
    converge(one, cloud)
    converge(two, cloud)
    cloud.iot.add_thing_to_thing_group(thingName="one-0", thingGroupName="reconciler-two")
    sent_operations.clear()
    problem = "things.one-0: cannot be deleted: it is in the thing groups of several workspaces"
    advice = "remove it from all but that of the workspace that owns it"
    assert list_reasons(make_state(workspace="one"), cloud) == [
        f"{problem} (reconciler-one, reconciler-two); {advice}"
    ]
    assert sent_operations == operations
    assert list_reasons(two, cloud) == [f"{problem} (reconciler-two, reconciler-one); {advice}"]


def test_the_owners_of_deleted_things_are_not_read_without_other_workspaces(cloud, sent_operations):
    converge(make_things("one", 2), cloud)
    sent_operations.clear()
    plan = plan_state(make_things("one", 1), cloud)
    assert (len(plan.steps), sent_operations) == (1, [])


def test_a_change_of_a_thing_of_two_workspaces_is_stale_with_advice_on_its_groups(cloud):
    converge(make_things("one", 1), cloud)
    converge(make_things("two", 1), cloud)
    cloud.iot.add_thing_to_thing_group(thingName="one-0", thingGroupName="reconciler-two")
    changed = make_resource("things", "one-0", Thing(attributes={"site": "oslo"}))
    plan = plan_state(make_state(changed, workspace="one"), cloud)
    (error,) = [outcome.error for outcome in apply(plan, cloud) if outcome.status == "failed"]
    assert suggest_next_step(error) == (
        "run plan again; a thing that is in both thing groups, reconciler-one and reconciler-two, must first be removed "
        "from that of the workspace that does not own it"
    )


def test_a_certificate_is_deleted_only_when_no_thing_has_it(cloud):
    converge(make_state(make_ca(), *make_device("a"), workspace="one"), cloud)
    (certificate,) = cloud.iot.list_thing_principals(thingName="a")["principals"]
    converge(make_state(make_resource("things", "thing-of-two", Thing()), workspace="two"), cloud)
    cloud.iot.create_thing(thingName="unmanaged")
    for name in ("thing-of-two", "unmanaged"):
        cloud.iot.attach_thing_principal(thingName=name, principal=certificate)

    def list_things_of_certificate():
        return sorted(cloud.iot.list_principal_things(principal=certificate)["things"])

    converge(make_state(make_ca(), workspace="one"), cloud)
    assert list_things_of_certificate() == ["thing-of-two", "unmanaged"]
    assert cloud.iot.list_attached_policies(target=certificate)["policies"] == []
    cloud.iot.detach_thing_principal(thingName="unmanaged", principal=certificate)
    converge(make_state(workspace="two"), cloud)
    assert list(cloud.read_content()["certificates"]) == []


def test_a_warning_explains_how_to_keep_a_certificate_that_was_attached_by_hand(cloud):
    desired = make_state(make_resource("things", "a", Thing()))
    converge(desired, cloud)
    certificate = cloud.iot.create_keys_and_certificate(setAsActive=True)
    cloud.iot.attach_thing_principal(thingName="a", principal=certificate["certificateArn"])
    notes = [note.text for note in plan_state(desired, cloud).notes if note.level == "warning"]
    removed_table = f'[[removed]] from = "certificates.{certificate["certificateId"]}", destroy = false'
    assert notes == [
        f"will be deleted: it is attached to a declared thing but is not declared itself; to keep it, add {removed_table}"
    ]
    removed = {Address("certificates", certificate["certificateId"]): Origin("desired_state.toml", 1)}
    converge(evolve(desired, removed=removed), cloud)
    assert cloud.read_content()["certificates"] == {certificate["certificateId"]: ("ACTIVE", "DEFAULT")}
    assert cloud.read_content()["things"]["a"]["principals"] == []


def test_a_warning_explains_how_to_keep_the_certificates_that_removed_things_listed_by_id(cloud):
    certificates = [cloud.iot.create_keys_and_certificate(setAsActive=True) for _ in range(2)]
    ids = [certificate["certificateId"] for certificate in certificates]
    a, b = (
        make_resource("things", name, Thing(certificates=(External(id_),)))
        for name, id_ in zip("ab", ids, strict=True)
    )
    converge(make_state(a, b), cloud)
    notes = [note.text for note in plan_state(make_state(a), cloud).notes if note.level == "warning"]
    removed_table = '[[removed]] from = "certificates.*", destroy = false'
    assert notes == [
        f"will be deleted with its thing, even if the file only listed it by ID; to keep all such certificates, add {removed_table}"
    ]
    removed = {Address("certificates", ALL_NAMES): Origin("desired_state.toml", 1)}
    converge(evolve(make_state(a), removed=removed), cloud)
    assert set(cloud.read_content()["certificates"]) == set(ids)
    assert set(cloud.read_content()["things"]) == {"a"}
