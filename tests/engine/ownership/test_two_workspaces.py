"""Two workspaces in one account: neither touches what the other owns, in whatever order they are applied."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Lifecycle, Origin
from reconciler.model.settings import DesiredState
from tests.support.desired_states import ca, converge, device, managed_thing, plan_of, resource, state
from tests.support.examples import examples
from tests.support.registry_client import Cloud

ALLOW = Document.from_value({"Version": "2012-10-17", "Statement": []})
_QUIET = examples(15)


@pytest.fixture(scope="module")
def account() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(account) -> Cloud:
    return account.reset()


@st.composite
def fleets(draw: st.DrawFn, workspace: str, prefix: str) -> DesiredState:
    """Devices, loose certificates, groups, policies, managed things, protected or not, all names with the prefix."""
    names = sorted(draw(st.sets(st.sampled_from(["a", "b"]))))
    groups = sorted(draw(st.sets(st.sampled_from(["g", "h"]))))
    policies = sorted(draw(st.sets(st.just("p"))))
    resources = [resource("thing_groups", prefix + name, ThingGroup("Plants")) for name in groups]
    resources += [resource("policies", prefix + name, Policy(ALLOW)) for name in policies]
    for name in names:
        certificate, thing = device(prefix + name, draw(st.integers(1, 2)), site=draw(st.sampled_from("xy")))
        spec = evolve(
            certificate.spec,
            ca=None,
            certificate_mode="SNI_ONLY",
            policies=tuple(prefix + policy for policy in policies if draw(st.booleans())),
        )
        resources.append(resource("certificates", prefix + name, spec))
        if draw(st.booleans()):
            member = tuple(prefix + group for group in groups if draw(st.booleans()))
            resources.append(resource("things", prefix + name, evolve(thing.spec, thing_groups=member)))
    if draw(st.booleans()):
        resources.append(managed_thing(prefix + "m", "9000" + str(draw(st.integers(1, 2))) + workspace[-1]))
    kept = draw(st.booleans())
    resources = [
        evolve(each, lifecycle=Lifecycle(prevent_destroy=kept and each.address.kind == "things"))
        for each in resources
    ]
    return state(*resources, workspace=workspace)


def unguarded(wanted: DesiredState) -> DesiredState:
    return evolve(
        wanted, resources={a: evolve(f, lifecycle=Lifecycle()) for a, f in wanted.resources.items()}
    )


def of(content: dict, prefix: str, workspace: str) -> dict:
    """The part of an account's content that is one workspace's."""
    marks = f"reconciler-{workspace}"
    held = {
        principal
        for name, thing in content["things"].items()
        if name.startswith((prefix, marks))
        for principal, _ in thing["principals"]
    }
    part = {
        kind: {name: item for name, item in content[kind].items() if name.startswith((prefix, marks))}
        for kind in ("things", "thing_groups", "policies")
    }
    part["certificates"] = {name: item for name, item in content["certificates"].items() if name in held}
    part["managed"] = [m for m in content["managed_things"] if m["Tags"]["reconciler:workspace"] == workspace]
    return part


@_QUIET
@given(
    one=st.tuples(fleets("ws-1", "one-"), fleets("ws-1", "one-")),
    two=st.tuples(fleets("ws-2", "two-"), fleets("ws-2", "two-")),
    order=st.permutations([0, 0, 1, 1]),
)
def test_two_workspaces_end_as_each_alone_in_any_order(account, one, two, order):
    sequences = [[unguarded(first), then] for first, then in (one, two)]
    alone = []
    for index, (prefix, workspace) in enumerate((("one-", "ws-1"), ("two-", "ws-2"))):
        account.reset()
        for wanted in sequences[index]:
            converge(wanted, account)
        alone.append(of(account.content(), prefix, workspace))
    account.reset()
    left = [list(sequence) for sequence in sequences]
    for index in order:
        converge(left[index].pop(0), account)
    content = account.content()
    assert [of(content, "one-", "ws-1"), of(content, "two-", "ws-2")] == alone
    assert [plan_of(sequences[index][-1], account).steps for index in (0, 1)] == [(), ()]
    if not any(resource.lifecycle.prevent_destroy for resource in one[1].resources.values()):
        converge(state(workspace="ws-1"), account)
    assert of(account.content(), "two-", "ws-2") == alone[1]


@_QUIET
@given(wanted=fleets("ws-1", "same-"))
def test_another_workspaces_resource_is_rejected_by_name_even_with_adopt(account, wanted):
    converge(wanted, account.reset())
    other_workspace = evolve(wanted, settings=evolve(wanted.settings, name="ws-2"))
    before = account.content()
    unique = {address for address in wanted.resources if address.kind != "managed_things"}  # AWS's own ids
    if unique:
        with pytest.raises(PlanRejectedError) as caught:
            plan_of(other_workspace, account, adopt=unique)
        reasons = [f"{address}: belongs to the workspace 'ws-1', not to 'ws-2'" for address in sorted(unique)]
        assert list(caught.value.reasons) == reasons
    assert account.content() == before


def test_a_certificate_is_deleted_only_when_no_thing_has_it(cloud):
    converge(state(ca(), *device("a"), workspace="one"), cloud)
    (held,) = cloud.iot.list_thing_principals(thingName="a")["principals"]
    converge(state(resource("things", "theirs", Thing()), workspace="two"), cloud)
    cloud.iot.create_thing(thingName="foreign")
    for name in ("theirs", "foreign"):
        cloud.iot.attach_thing_principal(thingName=name, principal=held)

    def users():
        return sorted(cloud.iot.list_principal_things(principal=held)["things"])

    converge(state(ca(), workspace="one"), cloud)
    assert users() == ["foreign", "theirs"]
    assert cloud.iot.list_attached_policies(target=held)["policies"] == []
    cloud.iot.detach_thing_principal(thingName="foreign", principal=held)
    converge(state(workspace="two"), cloud)
    assert list(cloud.content()["certificates"]) == []


def test_a_warning_says_how_to_keep_a_certificate_that_was_attached_by_hand(cloud):
    wanted = state(resource("things", "a", Thing()))
    converge(wanted, cloud)
    certificate = cloud.iot.create_keys_and_certificate(setAsActive=True)
    cloud.iot.attach_thing_principal(thingName="a", principal=certificate["certificateArn"])
    notes = [note.text for note in plan_of(wanted, cloud).notes if note.level == "warning"]
    how = f'[[removed]] from = "certificates.{certificate["certificateId"]}", destroy = false'
    assert notes == [
        f"will be deleted: it is attached to a managed thing but not declared; to keep it, add {how}"
    ]
    removed = {Address("certificates", certificate["certificateId"]): Origin("desired_state.toml", 1)}
    converge(evolve(wanted, removed=removed), cloud)
    assert cloud.content()["certificates"] == {certificate["certificateId"]: ("ACTIVE", "DEFAULT")}
    assert cloud.content()["things"]["a"]["principals"] == []
