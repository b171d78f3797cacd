"""Someone creates or changes, after the plan, what a step would adopt, overwrite or delete."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds import all_kinds
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.thing_types import ThingType
from reconciler.kinds.things import Thing
from reconciler.model.errors import StaleError
from reconciler.model.pem import Pem
from tests.engine.apply.test_staleness import CHANGED_FIELDS, RESOURCES_BEFORE
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.edits import ARN_PREFIX, make_allow_document
from tests.support.provisioned_pumps import compute_pump_certificate_id, make_fleet, make_pump
from tests.support.registry_client import Cloud

THING = make_resource("things", "a", Thing(attributes={"site": "oslo"}))


@pytest.fixture(scope="module")
def _cloud():
    return Cloud()


@pytest.fixture
def cloud(_cloud):
    return _cloud.reset()


def apply_stale_plan(plan, cloud, address):
    """Apply the plan, and return the error message of the stale step, which must send no call."""
    requests = []

    def call(request):
        requests.append(request)
        return cloud.call(request)

    outcomes = {str(outcome.change.address): outcome for outcome in apply(plan, SimpleNamespace(call=call))}
    error = outcomes[address].error
    assert isinstance(error, StaleError)
    (step,) = (step for step in plan.steps if str(step.address) == address)
    assert not [request for request in step.calls if request in requests]
    return str(error)


def format_changed_error(address, *paths):
    return f"{address}: was changed after the plan was made ({', '.join(paths)}); nothing of this step was sent; run plan again"


def format_created_error(address):
    return f"{address}: was created after the plan was made; run plan again"


def list_groups(cloud, thing):
    groups = cloud.iot.list_thing_groups_for_thing(thingName=thing)["thingGroups"]
    return sorted(group["groupName"] for group in groups)


def test_a_thing_that_another_workspace_created_meanwhile_is_not_adopted(cloud):
    plan = plan_state(make_state(THING), cloud)
    converge(make_state(THING, workspace="other"), cloud)
    assert apply_stale_plan(plan, cloud, "things.a") == format_created_error("things.a")
    assert list_groups(cloud, "a") == ["reconciler-other"]


def test_a_template_is_not_registered_over_a_thing_created_meanwhile(cloud):
    plan = plan_state(make_fleet(make_pump("1")), cloud)
    cloud.iot.create_thing(thingName="pump-1", attributePayload={"attributes": {"site": "by-hand"}})
    assert apply_stale_plan(plan, cloud, "provisioned_things.pump-1") == format_created_error(
        "provisioned_things.pump-1"
    )
    assert cloud.read_content()["things"]["pump-1"]["attributes"] == {"site": "by-hand"}


@pytest.mark.parametrize(
    "desired", [make_state(), make_state(replace(THING, spec=Thing()))], ids=["deleted", "changed"]
)
@pytest.mark.parametrize(
    "other_group",
    ["reconciler-other", "reconciler-zz"],
    ids=["sorted before reconciler-ws", "sorted after reconciler-ws"],
)
def test_a_thing_added_meanwhile_to_another_workspaces_group_is_not_changed(cloud, desired, other_group):
    converge(make_state(THING), cloud)
    plan = plan_state(desired, cloud)
    cloud.iot.create_thing_group(thingGroupName=other_group)
    cloud.iot.add_thing_to_thing_group(thingGroupName=other_group, thingName="a")
    assert apply_stale_plan(plan, cloud, "things.a") == format_changed_error("things.a", "workspace")


def test_deleting_a_thing_type_that_got_a_thing_meanwhile_does_not_deprecate_it(cloud):
    converge(make_state(make_resource("thing_types", "t", ThingType())), cloud)
    plan = plan_state(make_state(), cloud)
    cloud.iot.create_thing(thingName="by-hand", thingTypeName="t")
    assert apply_stale_plan(plan, cloud, "thing_types.t") == format_changed_error("thing_types.t", "things")
    assert cloud.read_content()["thing_types"]["t"]["deprecated"] is False


def build_state_with_child_of(parent):
    """Return the state in which the group `h` is a child of `parent`; a move replaces `h`."""
    groups = [make_resource("thing_groups", name, ThingGroup()) for name in ("g", "k")]
    return make_state(*groups, make_resource("thing_groups", "h", ThingGroup(parent=parent)))


def test_a_group_is_not_moved_if_it_would_lose_a_thing_added_meanwhile(cloud):
    converge(build_state_with_child_of("g"), cloud)
    plan = plan_state(build_state_with_child_of("k"), cloud)
    cloud.iot.create_thing(thingName="by-hand")
    cloud.iot.add_thing_to_thing_group(thingGroupName="h", thingName="by-hand")
    assert apply_stale_plan(plan, cloud, "thing_groups.h") == format_changed_error(
        "thing_groups.h", "members"
    )
    assert list_groups(cloud, "by-hand") == ["h"]


def test_a_group_is_not_moved_if_it_would_lose_a_policy_attached_meanwhile(cloud):
    converge(build_state_with_child_of("g"), cloud)
    plan = plan_state(build_state_with_child_of("k"), cloud)
    cloud.iot.create_policy(policyName="by-hand", policyDocument=make_allow_document("iot:*").text)
    cloud.iot.attach_policy(policyName="by-hand", target=f"{ARN_PREFIX}thinggroup/h")
    assert apply_stale_plan(plan, cloud, "thing_groups.h") == format_changed_error(
        "thing_groups.h", "attached"
    )


def build_state_with_locker(name):
    """Return the state of a managed thing in a locker; another name replaces the locker."""
    spec = CredentialLocker(name=name)
    return make_state(
        make_resource("credential_lockers", "l", spec),
        make_managed_thing("m", brand="Acme", credential_locker="l"),
    )


def test_replacing_a_locker_does_not_overwrite_a_managed_thing_changed_meanwhile(cloud):
    converge(build_state_with_locker("One"), cloud)
    plan = plan_state(build_state_with_locker("Two"), cloud)
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    cloud.managed_integrations.update_managed_thing(Identifier=item["Id"], Brand="By hand")
    assert apply_stale_plan(plan, cloud, "credential_lockers.l") == format_changed_error(
        "managed_things.m", "brand"
    )
    assert cloud.read_content()["managed_things"][0]["Brand"] == "By hand"


def test_replacing_a_locker_is_not_stale_after_its_managed_thing_was_deleted(cloud):
    converge(build_state_with_locker("One"), cloud)
    plan = plan_state(build_state_with_locker("Two"), cloud)
    (item,) = cloud.managed_integrations.list_managed_things()["Items"]
    cloud.managed_integrations.delete_managed_thing(Identifier=item["Id"])
    statuses = {outcome.status for outcome in apply(plan, cloud)}
    # AWS rejects the update of the deleted managed thing: the step fails, and the next apply succeeds.
    assert statuses == {"started", "failed"}
    assert list_failures(apply(plan_state(build_state_with_locker("Two"), cloud), cloud)) == []


def test_a_hub_is_not_deleted_when_one_of_its_devices_was_changed(cloud):
    converge(
        make_state(
            make_managed_thing("hub", "90001", role="CONTROLLER"),
            make_managed_thing("lamp", "90002", brand="Acme"),
        ),
        cloud,
    )
    ids = {item["Name"]: item["Id"] for item in cloud.managed_integrations.list_managed_things()["Items"]}
    with (
        cloud.registry._store.write() as tx
    ):  # the hub itself reports its devices to AWS, so no call sets this
        tx.run("UPDATE managed_things SET parent = ? WHERE id = ?", ids["hub"], ids["lamp"])
    plan = plan_state(make_state(), cloud)
    cloud.managed_integrations.update_managed_thing(Identifier=ids["lamp"], Brand="By hand")
    assert apply_stale_plan(plan, cloud, "managed_things.hub") == format_changed_error(
        "managed_things.lamp", "brand"
    )
    assert apply_stale_plan(plan, cloud, "managed_things.lamp") == format_changed_error(
        "managed_things.lamp", "brand"
    )


def test_an_old_certificate_attached_meanwhile_to_another_thing_stays(cloud):
    converge(make_fleet(make_pump("1")), cloud)
    plan = plan_state(make_fleet(make_pump("1", 2)), cloud)
    cloud.iot.create_thing(thingName="by-hand")
    cloud.iot.attach_thing_principal(
        thingName="by-hand", principal=f"{ARN_PREFIX}cert/{compute_pump_certificate_id('1')}"
    )
    assert apply_stale_plan(plan, cloud, "provisioned_things.pump-1") == format_changed_error(
        "provisioned_things.pump-1", f"holders.{compute_pump_certificate_id('1')}"
    )
    assert cloud.read_content()["certificates"][compute_pump_certificate_id("1")] == ("ACTIVE", "DEFAULT")


def test_a_provisioned_thing_with_a_revoked_certificate_is_rotated(cloud):
    converge(make_fleet(make_pump("1")), cloud)
    cloud.iot.update_certificate(certificateId=compute_pump_certificate_id("1"), newStatus="REVOKED")
    converge(make_fleet(make_pump("1", 2)), cloud)
    assert [*cloud.read_content()["certificates"]] == [compute_pump_certificate_id("1", 2)]


def test_an_old_certificate_can_be_attached_to_another_declared_thing_in_the_same_apply(cloud):
    certificate = Certificate(Pem.parse(AUTHORITIES["alpha"].get_device_pem("pump-1", 1)), ca="alpha")
    resources = [
        make_resource("certificates", "x", certificate),
        make_resource("things", "x", Thing(certificates=("x",))),
    ]
    for workers in (1, 8):
        converge(make_fleet(make_pump("1")), cloud)
        assert (
            list_failures(
                apply(plan_state(make_fleet(make_pump("1", 2), *resources), cloud), cloud, workers=workers)
            )
            == []
        )
        assert cloud.read_content()["things"]["x"]["principals"] == [
            (compute_pump_certificate_id("1"), "NON_EXCLUSIVE_THING")
        ]


def build_fleet_with_ca_mode(mode):
    """Return a fleet whose CA has this certificate mode; a new mode registers all certificates again."""
    ca_fields = {} if mode == "DEFAULT" else {"certificate_mode": mode, "verification": None}
    desired = make_fleet(make_pump("1"))
    return evolve(desired, resources={**desired.resources, make_ca().address: make_ca(**ca_fields)})


def test_a_certificate_with_a_policy_attached_meanwhile_is_not_registered_again(cloud):
    converge(build_fleet_with_ca_mode("DEFAULT"), cloud)
    plan = plan_state(build_fleet_with_ca_mode("SNI_ONLY"), cloud)
    cloud.iot.create_policy(policyName="by-hand", policyDocument=make_allow_document("iot:*").text)
    cloud.iot.attach_policy(
        policyName="by-hand", target=f"{ARN_PREFIX}cert/{compute_pump_certificate_id('1')}"
    )
    assert apply_stale_plan(plan, cloud, "provisioned_things.pump-1") == format_changed_error(
        "provisioned_things.pump-1", "registration.policies"
    )


def test_checking_a_step_for_staleness_does_not_list_the_whole_account(cloud):
    """AWS serves ten pages per second, so listing a large account in each step would take minutes."""
    converge(make_state(*RESOURCES_BEFORE), cloud)
    resources = [
        replace(resource, spec=evolve(resource.spec, **CHANGED_FIELDS[str(resource.address)]))
        for resource in RESOURCES_BEFORE
    ]
    listing_operations = {kind.listing.operation for kind in all_kinds().values() if kind.listing}
    # This kind is listed as well, but not for an import, so its `listing` is None.
    listing_operations |= {"ListProvisioningProfiles"}
    listing_operations -= {"ListV2LoggingLevels"}  # AWS has no operation that reads one level
    full_listings = []

    def call(request):
        if request.operation in listing_operations and not request.params:
            full_listings.append(request)
        return cloud.call(request)

    assert list_failures(apply(plan_state(make_state(*resources), cloud), SimpleNamespace(call=call))) == []
    assert full_listings == []


def test_a_certificate_revoked_meanwhile_stays_revoked(cloud):
    policy = make_resource("policies", "p", Policy(make_allow_document("iot:Connect")))
    certificate, thing = make_device("a")
    converge(make_state(make_ca(), policy, certificate, thing), cloud)
    certificate_with_policy = replace(certificate, spec=evolve(certificate.spec, policies=("p",)))
    assert isinstance(certificate_with_policy.spec, Certificate)
    plan = plan_state(make_state(make_ca(), policy, certificate_with_policy, thing), cloud)
    cloud.iot.update_certificate(certificateId=certificate.spec.pem.fingerprint, newStatus="REVOKED")
    assert apply_stale_plan(plan, cloud, "certificates.a") == format_changed_error("certificates.a", "status")
