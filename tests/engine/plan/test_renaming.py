"""A rename by `[[moved]]` sends no call, changes a name or a tag, or creates a new resource."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.credential_lockers import CredentialLocker
from reconciler.kinds.policies import Policy
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.document import Document
from reconciler.model.errors import PlanRejectedError
from reconciler.model.resource import Lifecycle
from tests.support.desired_states import (
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
from tests.support.one_device import (
    get_device_certificate_arn,
    get_device_certificate_id,
    make_one_device_state,
)


def add_moved(desired, *renames: str):
    """Return the desired state with renames, each written as `old address → new address`."""
    pairs = (rename.split(" → ") for rename in renames)
    return evolve(desired, moved={Address.parse(old): Address.parse(new) for old, new in pairs})


def list_actions(plan):
    return [(step.change.action, str(step.address)) for step in plan.steps]


def list_calls(plan):
    return [str(call) for step in plan.steps for call in step.calls]


def make_renamed_device(*, exclusive: bool = False):
    """Return the state of the device `a` with its thing renamed to `b`."""
    certificate, _ = make_device("a")
    return make_state(
        make_ca(), certificate, make_resource("things", "b", Thing(certificates=("a",), exclusive=exclusive))
    )


def test_a_renamed_certificate_or_ca_is_not_registered_again(cloud):
    converge(make_one_device_state(), cloud)
    certificate, thing = make_device("a")
    renamed_certificate = replace(
        certificate, address=Address("certificates", "z"), spec=evolve(certificate.spec, ca="factory")
    )
    changed_thing = make_resource("things", "a", evolve(thing.spec, certificates=("z",)))
    authority = replace(make_ca(), address=Address("ca_certificates", "factory"))
    desired = add_moved(
        make_state(authority, renamed_certificate, changed_thing),
        "certificates.a → certificates.z",
        "ca_certificates.alpha → ca_certificates.factory",
    )
    before = cloud.read_content()["certificates"]
    plan = converge(desired, cloud)
    assert (list_actions(plan), list_calls(plan)) == (
        [("update", "ca_certificates.factory")],
        ["iot:TagResource"],
    )
    assert cloud.read_content()["certificates"] == before
    next_plan = plan_state(desired, cloud)
    assert next_plan.steps == ()
    assert [(str(note.address), note.level) for note in next_plan.notes] == [
        ("certificates.z", "info"),
        ("ca_certificates.factory", "info"),
    ]


def test_a_renamed_managed_thing_keeps_its_id(cloud):
    converge(make_state(make_managed_thing("a")), cloud)
    (before,) = cloud.managed_integrations.list_managed_things()["Items"]
    desired = add_moved(make_state(make_managed_thing("b")), "managed_things.a → managed_things.b")
    plan = converge(desired, cloud)
    assert (list_actions(plan), plan_state(desired, cloud).steps) == ([("update", "managed_things.b")], ())
    assert list_calls(plan) == [
        "iot-managed-integrations:UpdateManagedThing",
        "iot-managed-integrations:TagResource",
    ]
    (after,) = cloud.managed_integrations.list_managed_things()["Items"]
    assert after["Id"] == before["Id"]
    assert plan_state(make_state(make_managed_thing("b")), cloud).steps == ()


def test_a_renamed_locker_with_an_explicit_name_only_gets_another_tag(cloud):
    converge(make_state(make_resource("credential_lockers", "a", CredentialLocker(name="keys"))), cloud)
    desired = add_moved(
        make_state(make_resource("credential_lockers", "b", CredentialLocker(name="keys"))),
        "credential_lockers.a → credential_lockers.b",
    )
    plan = converge(desired, cloud)
    assert (list_actions(plan), list_calls(plan)) == (
        [("update", "credential_lockers.b")],
        ["iot-managed-integrations:TagResource"],
    )


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_renamed_thing_is_created_before_the_old_one_is_deleted(cloud, exclusive):
    device_certificate, thing = make_device("a")
    exclusive_thing = replace(thing, spec=evolve(thing.spec, exclusive=exclusive))
    converge(make_state(make_ca(), device_certificate, exclusive_thing), cloud)
    desired = add_moved(make_renamed_device(exclusive=exclusive), "things.a → things.b")
    plan = plan_state(desired, cloud)
    assert list_actions(plan) == [("create", "things.b"), ("delete", "things.a")]
    create, delete = plan.steps
    assert (create.dependencies, delete.dependencies) == (frozenset(), {create.address})
    fields = [field for step in plan.steps for field in step.change.fields if field.path == "renamed"]
    assert [(field.before, field.after) for field in fields] == [("things.a", "things.b")] * 2
    detachments = ["iot:DetachThingPrincipal"] if exclusive else []
    assert list(map(str, create.calls)) == [
        "iot:CreateThing",
        "iot:AddThingToThingGroup",
        *detachments,
        "iot:AttachThingPrincipal",
    ]
    converge(desired, cloud)
    assert [principal for principal, _ in cloud.read_content()["things"]["b"]["principals"]] == [
        get_device_certificate_id()
    ]
    assert plan_state(desired, cloud).steps == ()


def test_a_certificate_always_has_a_thing_while_its_thing_is_renamed(cloud):
    converge(make_one_device_state(), cloud)
    thing_counts = []

    class WatchedCloud:
        def call(self, request):
            response = cloud.call(request)
            thing_counts.append(
                len(cloud.iot.list_principal_things(principal=get_device_certificate_arn())["things"])
            )
            return response

    plan = plan_state(add_moved(make_renamed_device(), "things.a → things.b"), cloud)
    assert list_failures(apply(plan, WatchedCloud(), workers=8)) == []
    assert min(thing_counts) == 1


def test_a_renamed_policy_is_attached_before_the_old_one_is_deleted(cloud):
    empty_document = Document.from_value({"Version": "2012-10-17", "Statement": []})

    def make_fleet(policy):
        certificate, thing = make_device("a")
        certificate_with_policy = make_resource(
            "certificates", "a", evolve(certificate.spec, policies=(policy,))
        )
        return make_state(
            make_ca(),
            certificate_with_policy,
            thing,
            make_resource("policies", policy, Policy(empty_document)),
        )

    converge(make_fleet("p"), cloud)
    desired = add_moved(make_fleet("q"), "policies.p → policies.q")
    plan = converge(desired, cloud)
    assert list_actions(plan) == [
        ("create", "policies.q"),
        ("update", "certificates.a"),
        ("delete", "policies.p"),
    ]
    assert plan_state(desired, cloud).steps == ()


def test_renaming_a_protected_resource_that_aws_cannot_rename_is_rejected(cloud):
    converge(make_one_device_state(), cloud)
    desired = add_moved(make_renamed_device(), "things.a → things.b")
    protected_resources = {
        address: replace(item, lifecycle=Lifecycle(prevent_destroy=address.kind == "things"))
        for address, item in desired.resources.items()
    }
    with pytest.raises(PlanRejectedError) as caught:
        plan_state(evolve(desired, resources=protected_resources), cloud)
    assert caught.value.reasons == (
        (
            "things.b: cannot rename: AWS cannot rename it, and its lifecycle.prevent_destroy forbids the deletion of "
            "things.a; set prevent_destroy = false until the rename is applied"
        ),
    )


def test_a_warning_explains_how_to_keep_a_renamed_locker_that_would_be_replaced(cloud):
    converge(make_state(make_resource("credential_lockers", "a", CredentialLocker())), cloud)
    desired = add_moved(
        make_state(make_resource("credential_lockers", "b", CredentialLocker())),
        "credential_lockers.a → credential_lockers.b",
    )
    plan = plan_state(desired, cloud)
    assert list_actions(plan) == [("replace", "credential_lockers.b")]
    assert [(note.level, note.text) for note in plan.notes] == [
        (
            "warning",
            'AWS cannot rename it, so it is replaced by one with the new name; to keep it, set name = "a"',
        )
    ]
