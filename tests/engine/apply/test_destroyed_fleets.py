"""A destroy sends few calls, deletes nothing that others edited, and is completed after a kill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import evolve

from reconciler.kinds.billing_groups import BillingGroup
from reconciler.kinds.policies import Policy
from reconciler.kinds.thing_groups import ThingGroup
from reconciler.model.call import ApiCall
from reconciler.model.errors import ReconcilerError, StaleError, TargetError
from reconciler.model.pem import Pem
from reconciler.model.plan import Plan
from reconciler.model.settings import DesiredState
from reconciler.registry import Registry
from tests.support.denied_calls import deny
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    converge,
    list_failures,
    make_ca,
    make_device,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.direct_client import EMPTY_POLICY
from tests.support.edits import make_allow_document
from tests.support.registry_client import SETTINGS, Cloud

DEVICES = 40
"""As many devices as make listing things faster than describing them."""

FEW_DEVICES = 2
"""As many devices as are destroyed one call after another, with a kill at each write."""

ARN_PREFIX = "arn:aws:iot:eu-west-1:123456789012:"
POLICY = make_resource("policies", "connect", Policy(make_allow_document("iot:Connect")))


def make_fleet(devices: int, billing_group: str | None = "costs") -> DesiredState:
    """Return the desired state of a fleet whose things are in a group and in a billing group, if any."""
    resources = [
        make_ca(),
        POLICY,
        make_resource("thing_groups", "plants", ThingGroup()),
        make_resource("thing_groups", "offices", ThingGroup()),
    ]
    if billing_group:
        resources.append(make_resource("billing_groups", billing_group, BillingGroup()))
    for number in range(devices):
        certificate, thing = make_device(f"d{number:02}", site="oslo")
        resources += [
            make_resource(
                "certificates", certificate.address.name, evolve(certificate.spec, policies=("connect",))
            ),
            make_resource(
                "things",
                thing.address.name,
                evolve(thing.spec, thing_groups=("plants",), billing_group=billing_group),
            ),
        ]
    return make_state(*resources)


def get_certificate_arn(name: str) -> str:
    certificate_id = make_device(name)[0].spec.pem.fingerprint
    return f"{ARN_PREFIX}cert/{certificate_id}"


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────


def count_calls_per_device(
    cloud: Cloud, desired: DesiredState, *, destroy: bool = False, denied: Collection[str] = ()
) -> Mapping[str, int]:
    """Plan and apply; return the calls for each device, by operation, without shared ones.

    The caller has no permission for the denied operations.
    """
    counts: Counter[str] = Counter()
    call_if_allowed = deny(cloud.call, lambda request: request.operation in denied)

    def call(request: ApiCall) -> Mapping[str, Any]:
        counts[request.operation] += 1
        return call_if_allowed(request)

    counting = SimpleNamespace(call=call)
    plan = plan_state(desired, counting, destroy=destroy)
    assert list_failures(apply(plan, counting)) == []
    return {operation: number // DEVICES for operation, number in sorted(counts.items()) if number >= DEVICES}


DESTROY_CALLS = {
    "DeleteCertificate": 1,
    "DeleteThing": 1,
    "DetachThingPrincipal": 1,
    "ListPrincipalThings": 1,
    "ListThingPrincipalsV2": 2,
    "UpdateCertificate": 1,
}
"""The principals of a thing are read for the plan and again before they are detached."""


def test_a_destroy_sends_seven_calls_for_each_device(cloud):
    converge(make_fleet(DEVICES), cloud)

    assert count_calls_per_device(cloud, make_fleet(DEVICES), destroy=True) == (DESTROY_CALLS)


def test_removed_devices_are_deleted_with_the_mark_that_finds_their_certificates_again(cloud):
    converge(make_fleet(DEVICES), cloud)

    assert count_calls_per_device(cloud, make_fleet(0)) == {
        **DESTROY_CALLS,
        "AttachPolicy": 1,
    }


def test_things_are_described_again_without_permission_to_list_billing_groups(cloud):
    fleet = make_fleet(DEVICES, billing_group=None)
    converge(fleet, cloud)

    assert count_calls_per_device(cloud, fleet, destroy=True, denied=["ListBillingGroups"]) == {
        **DESTROY_CALLS,
        "DescribeThing": 1,
    }


def test_the_groups_of_each_thing_are_read_in_an_account_with_many_groups(cloud):
    converge(make_fleet(DEVICES), cloud)
    for number in range(12):
        cloud.iot.create_thing_group(thingGroupName=f"by-hand-{number}")

    assert count_calls_per_device(cloud, make_fleet(DEVICES), destroy=True) == {
        **DESTROY_CALLS,
        "ListThingGroupsForThing": 1,
    }


# ── the mark of retired certificates ──────────────────────────────────────────────────────────────


def list_marked(plan: Plan) -> list[str]:
    """Return the ARNs of the certificates that a plan marks as retired."""
    return [
        call.params["target"]
        for step in plan.steps
        for call in step.calls
        if call.params.get("policyName") == "reconciler-ws-retired" and call.operation == "AttachPolicy"
    ]


def test_a_destroy_marks_only_the_certificates_that_the_file_does_not_have(cloud):
    converge(make_fleet(2), cloud)
    other = Pem.parse(AUTHORITIES["alpha"].get_device_pem("by-hand"))
    cloud.iot.register_certificate(certificatePem=other.text, status="ACTIVE")
    cloud.iot.attach_thing_principal(thingName="d01", principal=f"{ARN_PREFIX}cert/{other.fingerprint}")

    assert list_marked(plan_state(make_fleet(2), cloud, destroy=True)) == [
        f"{ARN_PREFIX}cert/{other.fingerprint}"
    ]


def test_a_destroy_marks_a_certificate_that_the_file_has_replaced(cloud):
    certificate, thing = make_device("d00")
    converge(make_state(make_ca(), certificate, thing), cloud)
    rotated = make_state(make_ca(), *make_device("d00", 2))

    assert list_marked(plan_state(rotated, cloud, destroy=True)) == [get_certificate_arn("d00")]


def test_a_destroy_of_some_things_marks_their_certificates(cloud):
    converge(make_fleet(2), cloud)

    assert list_marked(plan_state(make_fleet(2), cloud, destroy=True, select=["things.d00"])) == [
        get_certificate_arn("d00")
    ]


# ── kills ─────────────────────────────────────────────────────────────────────────────────────────


class KilledCalls:
    """The calls of a run that is killed before a write or after it.

    Kill point 0 is before the first write, 1 is after it, 2 is before the second write, and so on.
    """

    def __init__(self, cloud: Cloud, kill_point: int) -> None:
        self._cloud = cloud
        self._remaining_writes, self._is_after = divmod(kill_point, 2)
        self.is_killed = False

    def call(self, request: ApiCall) -> Mapping[str, Any]:
        if self.is_killed:
            raise TargetError("the run was killed")
        if request.operation.startswith(("List", "Describe", "Get")):
            return self._cloud.call(request)
        if self._remaining_writes:
            self._remaining_writes -= 1
            return self._cloud.call(request)
        self.is_killed = True
        if self._is_after:
            self._cloud.call(request)
        raise TargetError("the run was killed")


@pytest.fixture
def stored_cloud(memory_folder):
    """Return a cloud with a fleet and with resources of others, whose registry is in a file."""
    cloud = Cloud(memory_folder / "registry.sqlite3")
    cloud.iot.create_thing(thingName="stranger")
    cloud.iot.create_policy(policyName="stranger", policyDocument=EMPTY_POLICY)
    pem = AUTHORITIES["beta"].get_device_pem("stranger")
    arn = cloud.iot.register_certificate_without_ca(certificatePem=pem, status="ACTIVE")["certificateArn"]
    cloud.iot.attach_policy(policyName="stranger", target=arn)
    cloud.iot.attach_thing_principal(thingName="stranger", principal=arn)
    yield cloud
    cloud.registry.close()


def replace_registry(cloud: Cloud, path: Any, content: bytes) -> None:
    cloud.registry.close()
    path.write_bytes(content)
    cloud.registry = Registry(path, SETTINGS)


def store_registry(cloud: Cloud, path: Any) -> bytes:
    """Return the content of the registry's file, and open it again."""
    cloud.registry.close()
    content = path.read_bytes()
    cloud.registry = Registry(path, SETTINGS)
    return content


@pytest.mark.hypothesis  # `make stress` runs it too
def test_a_destroy_that_was_killed_at_any_write_is_completed_or_undone_by_the_next_run(
    stored_cloud, memory_folder
):
    path = memory_folder / "registry.sqlite3"
    fleet = make_fleet(FEW_DEVICES)
    without_fleet = stored_cloud.read_content()
    converge(fleet, stored_cloud)
    with_fleet, whole_content = stored_cloud.read_content(), store_registry(stored_cloud, path)
    for kill_point in count():
        killed = KilledCalls(stored_cloud, kill_point)
        apply(plan_state(fleet, stored_cloud, destroy=True), killed, workers=1)
        if not killed.is_killed:
            break
        killed_content = store_registry(stored_cloud, path)
        converge(fleet, stored_cloud, destroy=True)
        assert stored_cloud.read_content() == without_fleet, kill_point
        replace_registry(stored_cloud, path, killed_content)
        converge(fleet, stored_cloud)
        assert stored_cloud.read_content() == with_fleet, kill_point
        replace_registry(stored_cloud, path, whole_content)
    # Two for each write: four for a device, and those for what the devices share.
    assert kill_point >= 2 * (4 * FEW_DEVICES + 5)
    assert stored_cloud.read_content() == without_fleet


# ── edits by others ───────────────────────────────────────────────────────────────────────────────


def attach_principal(iot: Any) -> None:
    iot.attach_thing_principal(thingName="d07", principal="eu-west-1:11111111-2222-3333-4444-555555555555")


def add_to_another_workspace(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="reconciler-other")
    iot.add_thing_to_thing_group(thingGroupName="reconciler-other", thingName="d07")


def add_to_a_protected_group(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="reconciler-ws:protected")
    iot.add_thing_to_thing_group(thingGroupName="reconciler-ws:protected", thingName="d07")


def add_to_a_managed_group(iot: Any) -> None:
    iot.add_thing_to_thing_group(thingGroupName="offices", thingName="d07")


def add_to_a_new_group(iot: Any) -> None:
    iot.create_thing_group(thingGroupName="by-hand")
    iot.add_thing_to_thing_group(thingGroupName="by-hand", thingName="d07")


def move_to_another_billing_group(iot: Any) -> None:
    iot.create_billing_group(billingGroupName="by-hand")
    iot.remove_thing_from_billing_group(billingGroupName="costs", thingName="d07")
    iot.add_thing_to_billing_group(billingGroupName="by-hand", thingName="d07")


def change_attributes(iot: Any) -> None:
    iot.update_thing(thingName="d07", attributePayload={"attributes": {"site": "bergen"}})


def create_again(iot: Any) -> None:
    iot.detach_thing_principal(thingName="d07", principal=get_certificate_arn("d07"))
    iot.delete_thing(thingName="d07")
    iot.create_thing(thingName="d07", attributePayload={"attributes": {"site": "oslo"}})


def delete(iot: Any) -> None:
    iot.detach_thing_principal(thingName="d07", principal=get_certificate_arn("d07"))
    iot.delete_thing(thingName="d07")


def attach_a_policy(iot: Any) -> None:
    iot.create_policy(policyName="by-hand", policyDocument=EMPTY_POLICY)
    iot.attach_policy(policyName="by-hand", target=get_certificate_arn("d07"))


def attach_to_another_thing(iot: Any) -> None:
    iot.create_thing(thingName="by-hand")
    iot.attach_thing_principal(thingName="by-hand", principal=get_certificate_arn("d07"))


def revoke(iot: Any) -> None:
    certificate_id = get_certificate_arn("d07").rpartition("/")[2]
    iot.update_certificate(certificateId=certificate_id, newStatus="REVOKED")


REJECTIONS = {
    attach_principal: ["things.d07 (principals)"],
    add_to_another_workspace: ["things.d07 (workspace)"],
    add_to_a_protected_group: ["things.d07 (lifecycle.prevent_destroy)"],
    add_to_a_managed_group: ["thing_groups.offices (members)", "things.d07 (thing_groups)"],
    add_to_a_new_group: [],
    move_to_another_billing_group: ["things.d07 (billing_group)"],
    change_attributes: ["things.d07 (attributes.site)"],
    create_again: ["things.d07 (workspace)"],
    delete: [],
    attach_a_policy: ["certificates.d07 (attached)"],
    attach_to_another_thing: ["certificates.d07 (things)"],
    revoke: ["certificates.d07 (status)"],
}
"""By edit of the device `d07`, the rejected steps, each with the fields that were changed."""


@pytest.mark.parametrize("is_listing", [True, False], ids=["with listings", "one by one"])
@pytest.mark.parametrize("edit", REJECTIONS, ids=lambda edit: edit.__name__)
def test_an_edit_after_the_plan_of_a_destroy_is_noticed(cloud, edit, is_listing):
    converge(make_fleet(DEVICES), cloud)
    plan = plan_state(make_fleet(DEVICES), cloud, destroy=True)
    assert plan.basis.reread_pages.keys() >= {"things", "certificates"}
    if not is_listing:
        plan = evolve(plan, basis=evolve(plan.basis, reread_pages={}))
    edit(cloud.iot)

    errors = [outcome.error for outcome in apply(plan, cloud) if outcome.status == "failed"]

    assert sorted(map(summarize_rejection, errors)) == REJECTIONS[edit]
    content, certificate_id = cloud.read_content(), get_certificate_arn("d07").rpartition("/")[2]
    assert [*content["certificates"]] == ([certificate_id] if errors else [])
    assert ("d07" in content["things"]) == any("things.d07" in str(error) for error in errors)


def summarize_rejection(error: ReconcilerError) -> str:
    """Return the address and the changed fields of a step that was rejected before it sent anything."""
    assert isinstance(error, StaleError)
    paths = ", ".join(field.path for field in error.fields)
    address = str(error).partition(":")[0]
    assert str(error) == (
        f"{address}: was changed after the plan was made ({paths}); nothing of this step was sent; run plan again"
    )
    return f"{address} ({paths})"
