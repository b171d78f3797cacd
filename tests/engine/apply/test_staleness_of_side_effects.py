"""Somebody else meddles with what a step makes, takes along or writes over beside the resource that it is about."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import evolve

from reconciler.kinds import all_kinds
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.things import Thing
from reconciler.model.errors import StaleError
from reconciler.model.pem import Pem
from tests.engine.apply.test_staleness import ACCOUNT, BEFORE, CHANGED, allow
from tests.engine.test_provisioned_things import fleet, identity, pump
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    ca,
    converge,
    device,
    failures,
    managed_thing,
    plan_of,
    resource,
    state,
)
from tests.support.registry_client import Cloud

THING = resource("things", "a", Thing(attributes={"site": "oslo"}))


@pytest.fixture(scope="module")
def _cloud():
    return Cloud()


@pytest.fixture
def cloud(_cloud):
    return _cloud.reset()


def refused(plan, cloud, address):
    """Why the step was stale; nothing of it was sent."""
    sent = []

    def call(request):
        sent.append(request)
        return cloud.call(request)

    ended = {str(outcome.change.address): outcome for outcome in apply(plan, SimpleNamespace(call=call))}
    assert isinstance(ended[address].error, StaleError)
    (step,) = (step for step in plan.steps if str(step.address) == address)
    assert not [request for request in step.calls if request in sent]
    return str(ended[address].error)


def changed(address, *paths):
    return f"{address}: was changed after the plan was made ({', '.join(paths)}); nothing of this step was sent; run plan again"


def created_after_plan(address):
    return f"{address}: was created after the plan was made; run plan again"


def groups(cloud, thing):
    groups = cloud.iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]
    return sorted(group["groupName"] for group in groups)


def test_a_thing_created_meanwhile_by_another_workspace_is_not_taken_over(
    cloud,
):
    plan = plan_of(state(THING), cloud)
    converge(state(THING, workspace="other"), cloud)
    assert refused(plan, cloud, "things.a") == created_after_plan("things.a")
    assert groups(cloud, "a") == ["reconciler-other"]


def test_a_template_is_not_registered_over_a_thing_created_meanwhile(cloud):
    plan = plan_of(fleet(pump("1")), cloud)
    by_hand = {"attributePayload": {"attributes": {"site": "by-hand"}}}
    cloud.iot.create_thing(thingName="pump-1", **by_hand)
    assert refused(plan, cloud, "provisioned_things.pump-1") == created_after_plan(
        "provisioned_things.pump-1"
    )
    assert cloud.content()["things"]["pump-1"]["attributes"] == {"site": "by-hand"}


@pytest.mark.parametrize("wanted", [state(), state(evolve(THING, spec=Thing()))], ids=["deleted", "changed"])
@pytest.mark.parametrize("other", ["reconciler-other", "reconciler-zz"])
def test_a_thing_in_another_workspaces_group_too_is_left_alone(cloud, wanted, other):
    converge(state(THING), cloud)
    plan = plan_of(wanted, cloud)
    cloud.iot.create_thing_group(thingGroupName=other)
    cloud.iot.add_thing_to_thing_group(thingGroupName=other, thingName="a")
    assert refused(plan, cloud, "things.a") == changed("things.a", "workspace")


def test_a_thing_type_used_meanwhile_is_neither_deprecated_nor_waited_for(cloud):
    converge(state(resource("thing_types", "t", ThingType())), cloud)
    plan = plan_of(state(), cloud)
    cloud.iot.create_thing(thingName="by-hand", thingTypeName="t")
    assert refused(plan, cloud, "thing_types.t") == changed("thing_types.t", "things")
    assert cloud.content()["thing_types"]["t"]["deprecated"] is False


def moving(parent):
    groups = [resource("thing_groups", name, ThingGroup()) for name in ("g", "k")]
    return state(*groups, resource("thing_groups", "h", ThingGroup(parent=parent)))


def test_a_group_does_not_move_when_a_thing_was_added_that_it_would_lose(cloud):
    converge(moving("g"), cloud)
    plan = plan_of(moving("k"), cloud)
    cloud.iot.create_thing(thingName="by-hand")
    cloud.iot.add_thing_to_thing_group(thingGroupName="h", thingName="by-hand")
    assert refused(plan, cloud, "thing_groups.h") == changed("thing_groups.h", "members")
    assert groups(cloud, "by-hand") == ["h"]


def test_a_group_does_not_move_when_a_policy_was_attached_that_it_would_lose(cloud):
    converge(moving("g"), cloud)
    plan = plan_of(moving("k"), cloud)
    cloud.iot.create_policy(policyName="by-hand", policyDocument=allow("iot:*").text)
    cloud.iot.attach_policy(policyName="by-hand", target=f"{ACCOUNT}thinggroup/h")
    assert refused(plan, cloud, "thing_groups.h") == changed("thing_groups.h", "attached")


def stored(name):
    spec = CredentialLocker(name)
    return state(
        resource("credential_lockers", "l", spec), managed_thing("m", brand="Acme", credential_locker="l")
    )


def test_a_managed_thing_moved_meanwhile_is_not_overwritten_by_a_new_locker(cloud):
    converge(stored("One"), cloud)
    plan = plan_of(stored("Two"), cloud)
    (listed,) = cloud.managed_integrations.list_managed_things()["Items"]
    cloud.managed_integrations.update_managed_thing(Identifier=listed["Id"], Brand="By hand")
    assert refused(plan, cloud, "credential_lockers.l") == changed("managed_things.m", "brand")
    assert cloud.content()["managed_things"][0]["Brand"] == "By hand"


def test_a_managed_thing_removed_meanwhile_from_a_locker_blocks_nothing(cloud):
    converge(stored("One"), cloud)
    plan = plan_of(stored("Two"), cloud)
    (listed,) = cloud.managed_integrations.list_managed_things()["Items"]
    cloud.managed_integrations.delete_managed_thing(Identifier=listed["Id"])
    ended = {outcome.status for outcome in apply(plan, cloud)}
    assert ended == {"started", "failed"}  # AWS says that it is not there; that is nobody's edit
    assert failures(apply(plan_of(stored("Two"), cloud), cloud)) == []


def test_deleting_a_hub_stops_when_one_of_its_devices_was_changed(cloud):
    converge(
        state(managed_thing("hub", "90001", role="CONTROLLER"), managed_thing("lamp", "90002", brand="Acme")),
        cloud,
    )
    ids = {item["Name"]: item["Id"] for item in cloud.managed_integrations.list_managed_things()["Items"]}
    with cloud.registry._store.write() as tx:  # only a hub itself reports its devices
        tx.run("UPDATE managed_things SET parent = ? WHERE id = ?", ids["hub"], ids["lamp"])
    plan = plan_of(state(), cloud)
    cloud.managed_integrations.update_managed_thing(Identifier=ids["lamp"], Brand="By hand")
    assert refused(plan, cloud, "managed_things.hub") == changed("managed_things.lamp", "brand")
    assert refused(plan, cloud, "managed_things.lamp") == changed("managed_things.lamp", "brand")


def test_an_old_certificate_attached_meanwhile_to_another_thing_stays(cloud):
    converge(fleet(pump("1")), cloud)
    plan = plan_of(fleet(pump("1", 2)), cloud)
    cloud.iot.create_thing(thingName="by-hand")
    cloud.iot.attach_thing_principal(thingName="by-hand", principal=f"{ACCOUNT}cert/{identity('1')}")
    assert refused(plan, cloud, "provisioned_things.pump-1") == changed(
        "provisioned_things.pump-1", f"holders.{identity('1')}"
    )
    assert cloud.content()["certificates"][identity("1")] == ("ACTIVE", "DEFAULT")


def test_a_provisioned_thing_with_a_revoked_certificate_is_rotated(cloud):
    converge(fleet(pump("1")), cloud)
    cloud.iot.update_certificate(certificateId=identity("1"), newStatus="REVOKED")
    converge(fleet(pump("1", 2)), cloud)
    assert [*cloud.content()["certificates"]] == [identity("1", 2)]


def test_an_old_certificate_that_another_declared_thing_gets_blocks_nothing(cloud):
    converge(fleet(pump("1")), cloud)
    moves = Certificate(Pem.parse(AUTHORITIES["alpha"].device("pump-1", 1)), ca="alpha")
    resources = [resource("certificates", "x", moves), resource("things", "x", Thing(certificates=("x",)))]
    for workers in (1, 8):
        converge(fleet(pump("1")), cloud)
        assert failures(apply(plan_of(fleet(pump("1", 2), *resources), cloud), cloud, workers=workers)) == []
        assert cloud.content()["things"]["x"]["principals"] == [(identity("1"), "NON_EXCLUSIVE_THING")]


def registered_anew(mode):
    """All that AWS has of a certificate goes when it is registered anew under another mode."""
    verification = {} if mode == "DEFAULT" else {"certificate_mode": mode, "verification": None}
    before = fleet(pump("1"))
    return evolve(before, resources={**before.resources, ca().address: ca(**verification)})


def test_registering_a_certificate_again_keeps_policies_attached_meanwhile(cloud):
    converge(registered_anew("DEFAULT"), cloud)
    plan = plan_of(registered_anew("SNI_ONLY"), cloud)
    cloud.iot.create_policy(policyName="by-hand", policyDocument=allow("iot:*").text)
    cloud.iot.attach_policy(policyName="by-hand", target=f"{ACCOUNT}cert/{identity('1')}")
    assert refused(plan, cloud, "provisioned_things.pump-1") == changed(
        "provisioned_things.pump-1", "registration.policies"
    )


def test_re_reading_a_step_lists_nothing_of_the_account(cloud):
    """An account may have very many beside it, and AWS serves ten pages a second: hundreds of steps would take minutes."""
    converge(state(*BEFORE), cloud)
    wanted = [
        evolve(resource, spec=evolve(resource.spec, **CHANGED[str(resource.address)])) for resource in BEFORE
    ]
    listings = {kind.listing.operation for kind in all_kinds().values() if kind.listing}
    listings |= {"ListCredentialLockers", "ListProvisioningProfiles"}
    request = []

    def call(sent):
        if sent.operation in listings and not sent.params:
            request.append(sent)
        return cloud.call(sent)

    assert failures(apply(plan_of(state(*wanted), cloud), SimpleNamespace(call=call))) == []
    assert request == []


def test_a_certificate_revoked_meanwhile_stays_revoked(cloud):
    with_policy = resource("policies", "p", Policy(allow("iot:Connect")))
    bare, thing = device("a")
    converge(state(ca(), with_policy, bare, thing), cloud)
    with_policies = evolve(bare, spec=evolve(bare.spec, policies=("p",)))
    assert isinstance(with_policies.spec, Certificate)
    plan = plan_of(state(ca(), with_policy, with_policies, thing), cloud)
    cloud.iot.update_certificate(certificateId=bare.spec.pem.fingerprint, newStatus="REVOKED")
    assert refused(plan, cloud, "certificates.a") == changed("certificates.a", "status")
