"""Plan checks: every reason to reject a plan is collected."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing
from reconciler.model.address import Address
from reconciler.model.pem import Pem
from reconciler.model.resource import Lifecycle
from reconciler.model.secret import Secret
from reconciler.model.settings import ChangeLimits
from tests.support.desired_states import (
    AUTHORITIES,
    converge,
    get_rejection_reasons,
    make_ca,
    make_device,
    make_managed_thing,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import make_iot_call
from tests.support.one_device import (
    get_device_certificate_arn,
    get_device_certificate_id,
    make_one_device_state,
    summarize_steps,
)

FORBIDDEN = "its lifecycle.prevent_destroy forbids that; to allow it, first apply its table with prevent_destroy = false"


def protect(*resources):
    lifecycle = Lifecycle(prevent_destroy=True)
    return [replace(resource, lifecycle=lifecycle) for resource in resources]


def test_a_protected_resource_is_neither_deleted_nor_replaced(cloud):
    converge(make_one_device_state(), cloud)
    assert get_rejection_reasons(make_state(*protect(make_ca(), *make_device("a"))), cloud, destroy=True) == [
        f"{address}: cannot delete: {FORBIDDEN}"
        for address in ("ca_certificates.alpha", "certificates.a", "things.a")
    ]
    assert get_rejection_reasons(make_state(make_ca(), *protect(*make_device("a", 2))), cloud) == [
        f"certificates.a: cannot replace: {FORBIDDEN}"
    ]


def test_a_protected_resource_can_be_updated(cloud):
    converge(make_one_device_state(), cloud)
    plan = plan_state(make_state(make_ca(), *protect(*make_device("a", site="bergen"))), cloud)
    # The group `reconciler-ws:protected`, whose members are protected, is created, and the thing is updated.
    assert [step.change.action for step in plan.steps] == ["create", "update"]


def test_an_unmanaged_resource_that_differs_is_changed_only_if_it_is_adopted(cloud):
    cloud.iot.create_thing(thingName="a", attributePayload={"attributes": {"site": "theirs"}})
    desired = make_state(make_resource("things", "a", Thing(attributes={"site": "oslo"})))
    assert get_rejection_reasons(desired, cloud) == [
        "things.a: already exists and is not managed by this workspace; import it with --adopt things.a"
    ]
    plan = plan_state(desired, cloud, adopt=[Address("things", "a")])
    attributes = {"attributes": {"site": "oslo"}, "merge": False}
    assert summarize_steps(plan)[-1] == (
        "update",
        "things.a",
        ["thing_groups.reconciler-ws"],
        [
            make_iot_call("AddThingToThingGroup", thingGroupName="reconciler-ws", thingName="a"),
            make_iot_call("UpdateThing", thingName="a", expectedVersion=1, attributePayload=attributes),
        ],
    )


def test_an_adopted_address_that_is_not_selected_is_rejected(cloud):
    cloud.iot.create_thing(thingName="a")
    desired = make_state(
        make_resource("things", "a", Thing()), make_resource("thing_groups", "g", ThingGroup())
    )
    options = {"adopt": [Address("things", "a")], "select": ["thing_groups.g"]}
    assert get_rejection_reasons(desired, cloud, **options) == [
        "things.a: cannot adopt: this plan does not change it; select it too"
    ]


def test_a_plan_continues_a_create_that_was_interrupted(cloud):
    cloud.iot.create_thing(thingName="a", attributePayload={"attributes": {"site": "oslo"}})
    plan = plan_state(make_one_device_state(site="oslo"), cloud)
    assert summarize_steps(plan)[-1] == (
        "update",
        "things.a",
        ["certificates.a", "policies.reconciler-ws-retired", "thing_groups.reconciler-ws"],
        [
            make_iot_call("AddThingToThingGroup", thingGroupName="reconciler-ws", thingName="a"),
            make_iot_call("AttachThingPrincipal", thingName="a", principal=get_device_certificate_arn()),
        ],
    )


def test_a_resource_of_another_workspace_is_never_changed(cloud):
    group = make_resource("thing_groups", "g", ThingGroup(description="Plants"))
    converge(make_state(group, workspace="theirs"), cloud)
    text = "thing_groups.g: belongs to the workspace 'theirs', not to 'ws'"
    assert get_rejection_reasons(make_state(group), cloud) == [text]
    assert get_rejection_reasons(make_state(group), cloud, adopt=[Address("thing_groups", "g")]) == [text]


def test_a_revoked_certificate_can_be_replaced_but_not_activated(cloud):
    converge(make_one_device_state(), cloud)
    cloud.iot.update_certificate(certificateId=get_device_certificate_id(), newStatus="REVOKED")
    assert get_rejection_reasons(make_one_device_state(), cloud) == [
        (
            "certificates.a: is REVOKED in AWS, which is final; to give the device another certificate, set pem to that one; "
            'to leave it revoked, set status = "REVOKED" (<memory>:1)'
        )
    ]
    actions = [
        step.change.action for step in plan_state(make_state(make_ca(), *make_device("a", 2)), cloud).steps
    ]
    assert actions == ["replace"]


def test_an_inactive_ca_rejects_new_certificates(cloud):
    assert get_rejection_reasons(make_state(make_ca(status="INACTIVE"), *make_device("a")), cloud) == [
        "certificates.a: cannot register: its CA ca_certificates.alpha will be INACTIVE, and AWS registers certificates of active CAs only; set the CA's status to ACTIVE (<memory>:1)"
    ]


def test_every_secret_that_is_needed_and_not_set_is_an_error(cloud):
    def replace_field(resource, field, value):
        return replace(resource, spec=evolve(resource.spec, **{field: value}))

    verification = evolve(make_ca().spec.verification, key=Secret("env CA_KEY"))
    desired = make_state(
        replace_field(make_ca(), "verification", verification),
        replace_field(make_managed_thing("m"), "authentication_material", Secret("env M_CODE")),
    )
    assert get_rejection_reasons(desired, cloud) == [
        "ca_certificates.alpha: verification.key is not set; set env CA_KEY (<memory>:1)",
        "managed_things.m: authentication_material is not set; set env M_CODE (<memory>:1)",
    ]


def format_limit_error(action, count, percent):
    setting = f"workspace.limits.{action}_percent = {percent}"
    return (
        f"the plan would {action} {count} of 6 resources, which exceeds {setting}; "
        f"to allow it once, pass --allow-{action} {count}"
    )


@pytest.mark.parametrize(
    ("limits", "errors"),
    [
        ({}, []),
        ({"delete_percent": 50}, []),
        (
            {"delete_percent": 33},
            [format_limit_error("delete", 2, 33)],
        ),
        (
            {"delete_percent": 0, "replace_percent": 16},
            [
                format_limit_error("delete", 2, 0),
                format_limit_error("replace", 1, 16),
            ],
        ),
        ({"delete_percent": 34, "replace_percent": 17}, []),
    ],
)
def test_a_plan_is_rejected_only_if_it_exceeds_a_limit(cloud, limits, errors):
    unchanged_thing = make_managed_thing("m")
    converge(make_state(make_ca(), *make_device("a"), *make_device("b"), unchanged_thing), cloud)
    desired = make_state(make_ca(), *make_device("a", 2), unchanged_thing, limits=ChangeLimits(**limits))
    if errors:
        assert get_rejection_reasons(desired, cloud) == errors
    else:
        assert plan_state(desired, cloud).counts == {
            "create": 0,
            "update": 0,
            "replace": 1,
            "delete": 2,
            "forget": 0,
        }


def test_destroy_ignores_the_limits(cloud):
    desired = make_state(make_ca(), *make_device("a"), limits=ChangeLimits(delete_percent=0))
    converge(desired, cloud)
    assert plan_state(desired, cloud, destroy=True).counts["delete"] == 5


def test_a_certificate_in_transfer_is_not_changed(cloud):
    converge(make_one_device_state(), cloud)
    cloud.iot.detach_thing_principal(thingName="a", principal=get_device_certificate_arn())
    cloud.iot.update_certificate(certificateId=get_device_certificate_id(), newStatus="INACTIVE")
    cloud.iot.transfer_certificate(certificateId=get_device_certificate_id(), targetAwsAccount="210987654321")
    assert get_rejection_reasons(make_one_device_state(), cloud) == [
        "certificates.a: is being transferred to another account; accept, reject or cancel the transfer first (<memory>:1)"
    ]


def test_a_change_to_something_invalid_with_ignored_live_values_is_rejected(cloud):
    converge(make_state(make_ca()), cloud)
    changes = {
        "pem": Pem.parse(AUTHORITIES["beta"].pem),
        "certificate_mode": "SNI_ONLY",
        "verification": None,
        "tags": {"line": "A"},
    }
    lifecycle = Lifecycle(ignore_changes=("certificate_mode",))
    resource = replace(make_ca(**changes), lifecycle=lifecycle)
    assert get_rejection_reasons(make_state(resource), cloud) == [
        (
            "ca_certificates.alpha: cannot replace with the live values that ignore_changes keeps: verification: a DEFAULT CA "
            "needs exactly one verification; expected either verification.key or verification.certificate, to prove that the "
            "CA's key is yours (<memory>:1)"
        )
    ]
    # An update changes no field with a problem.
    resource = replace(make_ca(**{**changes, "pem": make_ca().spec.pem}), lifecycle=lifecycle)
    plan = plan_state(make_state(resource), cloud)
    assert [step.change.action for step in plan.steps] == ["update"]


def test_a_certificate_is_not_imported_without_the_things_that_would_own_it(cloud):
    """No call of its own records the owner, so every plan would import it again."""
    certificate, thing = make_device("a")
    converge(make_state(make_ca(), workspace="other"), cloud)
    pem = certificate.spec.pem.text
    arn = cloud.iot.register_certificate(certificatePem=pem, status="ACTIVE")["certificateArn"]
    cloud.iot.create_thing(thingName="a")
    cloud.iot.attach_thing_principal(thingName="a", principal=arn)
    desired = make_state(replace(certificate, spec=evolve(certificate.spec, ca=None)), thing)
    addresses = {certificate.address, thing.address}
    assert get_rejection_reasons(desired, cloud, adopt={certificate.address}, select=["certificates.a"]) == [
        "certificates.a: cannot import it alone: it is owned through things.a; import that too"
    ]
    converge(desired, cloud, adopt=addresses)
    assert plan_state(desired, cloud).steps == ()
