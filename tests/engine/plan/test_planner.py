"""A plan has every call with every parameter, in dependency order."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.ca_certificates import SignedCode
from reconciler.model.address import Address
from reconciler.model.call import Ref
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.pem import Pem
from reconciler.model.plan import Bottleneck, Estimate, Note
from reconciler.model.secret import Secret
from tests.support.desired_states import (
    AUTHORITIES,
    apply,
    ca,
    converge,
    device,
    managed_thing,
    plan_state,
    state,
)
from tests.support.one_device import certificate_arn, certificate_id, iot_call, one_device, step_tuples

ALPHA = AUTHORITIES["alpha"]
NOT_FOUND = frozenset({"ResourceNotFoundException"})
EXISTS = frozenset({"ResourceAlreadyExistsException"})
IN_USE = frozenset({"DeleteConflictException"})


def make_tags(name):
    return [
        {"Key": "reconciler:name", "Value": name},
        {"Key": "reconciler:workspace", "Value": "ws"},
    ]


def make_register_call(generation=1):
    return iot_call(
        "RegisterCertificate",
        certificatePem=ALPHA.get_device_pem("a", generation),
        caCertificatePem=ALPHA.pem,
        status="ACTIVE",
        ignored_errors=EXISTS,
    )


def make_retire_call():
    ignored = {"LimitExceededException", "ResourceNotFoundException"}
    return iot_call(
        "AttachPolicy", policyName="reconciler-ws-retired", target=certificate_arn(), ignored_errors=ignored
    )


DETACH_CALL = iot_call(
    "DetachThingPrincipal", thingName="a", principal=certificate_arn(), ignored_errors=NOT_FOUND
)
CERTIFICATE_DELETE_CALLS = [
    iot_call("UpdateCertificate", certificateId=certificate_id(), newStatus="INACTIVE"),
    iot_call(
        "DeleteCertificate",
        certificateId=certificate_id(),
        forceDelete=True,
        ignored_errors=NOT_FOUND,
        retried_errors=IN_USE,
    ),
]
THING_DELETE_CALLS = [
    make_retire_call(),
    DETACH_CALL,
    iot_call(
        "DeleteThing",
        thingName="a",
        expectedVersion=1,
        ignored_errors=NOT_FOUND,
        retried_errors={"InvalidRequestException"},
    ),
]
POLICY_DELETE_CALLS = [
    iot_call(
        "DeletePolicy", policyName="reconciler-ws-retired", ignored_errors=NOT_FOUND, retried_errors=IN_USE
    )
]
GROUP_DELETE_CALLS = [iot_call("DeleteThingGroup", thingGroupName="reconciler-ws", ignored_errors=NOT_FOUND)]


# ── calls ───────────────────────────────────────────────────────────────────────────────────


def test_a_device_is_created_after_its_ca_and_the_ownership_markers(cloud):
    key = Secret("env alpha", ALPHA.key_pem)
    code = Ref(Address("ca_certificates", "alpha"), "registrationCode")
    deny = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iot:*","Resource":"*"}]}'
    markers = ["policies.reconciler-ws-retired", "thing_groups.reconciler-ws"]
    assert step_tuples(plan_state(one_device(site="oslo"), cloud)) == [
        (
            "create",
            "ca_certificates.alpha",
            [],
            [
                iot_call("GetRegistrationCode"),
                iot_call(
                    "RegisterCACertificate",
                    caCertificate=ALPHA.pem,
                    setAsActive=True,
                    allowAutoRegistration=False,
                    certificateMode="DEFAULT",
                    tags=make_tags("alpha"),
                    verificationCertificate=SignedCode(Pem.parse(ALPHA.pem), key, code),
                ),
            ],
        ),
        (
            "create",
            "policies.reconciler-ws-retired",
            [],
            [
                iot_call(
                    "CreatePolicy",
                    policyName="reconciler-ws-retired",
                    policyDocument=deny,
                    tags=make_tags("reconciler-ws-retired"),
                )
            ],
        ),
        (
            "create",
            "thing_groups.reconciler-ws",
            [],
            [
                iot_call(
                    "CreateThingGroup",
                    thingGroupName="reconciler-ws",
                    thingGroupProperties={
                        "attributePayload": {"attributes": {}, "merge": False},
                        "thingGroupDescription": "The things that the reconciler workspace ws owns.",
                    },
                    tags=make_tags("reconciler-ws"),
                    ignored_errors=EXISTS,
                )
            ],
        ),
        ("create", "certificates.a", ["ca_certificates.alpha", *markers], [make_register_call()]),
        (
            "create",
            "things.a",
            ["certificates.a", *markers],
            [
                iot_call("CreateThing", thingName="a", attributePayload={"attributes": {"site": "oslo"}}),
                iot_call("AddThingToThingGroup", thingGroupName="reconciler-ws", thingName="a"),
                iot_call("AttachThingPrincipal", thingName="a", principal=certificate_arn()),
            ],
        ),
    ]


def test_a_changed_attribute_is_one_call_with_the_version_that_was_read(cloud):
    converge(one_device(site="oslo"), cloud)
    attributes = {"attributes": {"site": "bergen"}, "merge": False}
    assert step_tuples(plan_state(one_device(site="bergen"), cloud)) == [
        (
            "update",
            "things.a",
            [],
            [iot_call("UpdateThing", thingName="a", expectedVersion=1, attributePayload=attributes)],
        )
    ]


def test_a_new_certificate_is_attached_before_the_old_one_is_deleted(cloud):
    converge(one_device(), cloud)
    assert step_tuples(plan_state(state(ca(), *device("a", 2)), cloud)) == [
        (
            "replace",
            "certificates.a",
            [],
            [
                make_register_call(2),
                iot_call("AttachThingPrincipal", thingName="a", principal=certificate_arn(2)),
                make_retire_call(),
                DETACH_CALL,
                *CERTIFICATE_DELETE_CALLS,
            ],
        )
    ]


def test_a_removed_device_is_deleted_with_the_markers_last(cloud):
    converge(one_device(), cloud)
    certificate_address = f"certificates.a:{certificate_id()[:12]}"
    assert step_tuples(plan_state(state(ca()), cloud)) == [
        ("delete", "things.a", [], THING_DELETE_CALLS),
        ("delete", certificate_address, ["things.a"], CERTIFICATE_DELETE_CALLS),
        ("delete", "policies.reconciler-ws-retired", [certificate_address, "things.a"], POLICY_DELETE_CALLS),
    ]


def test_destroy_deletes_dependents_first(cloud):
    converge(one_device(), cloud)
    ca_id = Pem.parse(ALPHA.pem).fingerprint
    other_addresses = [
        "ca_certificates.alpha",
        "certificates.a",
        "policies.reconciler-ws-retired",
        "things.a",
    ]
    assert step_tuples(plan_state(one_device(), cloud, destroy=True)) == [
        ("delete", "things.a", [], THING_DELETE_CALLS),
        ("delete", "certificates.a", ["things.a"], CERTIFICATE_DELETE_CALLS),
        (
            "delete",
            "ca_certificates.alpha",
            ["certificates.a"],
            [
                iot_call("UpdateCACertificate", certificateId=ca_id, newStatus="INACTIVE"),
                iot_call("DeleteCACertificate", certificateId=ca_id, ignored_errors=NOT_FOUND),
            ],
        ),
        ("delete", "policies.reconciler-ws-retired", ["certificates.a", "things.a"], POLICY_DELETE_CALLS),
        ("delete", "thing_groups.reconciler-ws", other_addresses, GROUP_DELETE_CALLS),
    ]


def test_an_interrupted_destroy_finds_detached_certificates_again(cloud):
    converge(one_device(), cloud)
    plan = plan_state(one_device(), cloud, destroy=True)
    apply(evolve(plan, steps=plan.steps[:1]), cloud)  # deletes only the thing
    assert [
        (action, address)
        for action, address, _, _ in step_tuples(plan_state(one_device(), cloud, destroy=True))
    ] == [
        ("delete", "certificates.a"),
        ("delete", "ca_certificates.alpha"),
        ("delete", "policies.reconciler-ws-retired"),
        ("delete", "thing_groups.reconciler-ws"),
    ]


def test_a_certificate_whose_retirement_was_interrupted_is_used_again(cloud):
    converge(one_device(), cloud)
    plan = plan_state(one_device(), cloud, destroy=True)
    apply(evolve(plan, steps=plan.steps[:1]), cloud)  # deletes only the thing
    (thing_step, certificate_step) = sorted(
        step_tuples(plan_state(one_device(), cloud)), key=lambda step: step[0]
    )
    assert thing_step[:2] == ("create", "things.a")
    detachment = iot_call(
        "DetachPolicy", policyName="reconciler-ws-retired", target=certificate_arn(), ignored_errors=NOT_FOUND
    )
    assert (certificate_step[0], certificate_step[1], certificate_step[3]) == (
        "update",
        "certificates.a",
        [detachment],
    )


# ── counts, estimate and notes ──────────────────────────────────────────────────────────────────────


def test_a_plan_without_changes_counts_the_unchanged_resources(cloud):
    converge(one_device(), cloud)
    plan = plan_state(one_device(), cloud)
    assert (plan.steps, plan.unchanged, plan.estimate) == ((), 5, Estimate({}, seconds=0.0))


def test_the_estimate_counts_calls_by_operation_and_names_the_bottleneck(cloud):
    devices = [part for name in "abc" for part in device(name)]
    calls = {
        ("iot", "AddThingToThingGroup"): 3,
        ("iot", "AttachThingPrincipal"): 3,
        ("iot", "CreatePolicy"): 1,
        ("iot", "CreateThing"): 3,
        ("iot", "CreateThingGroup"): 1,
        ("iot", "GetRegistrationCode"): 1,
        ("iot", "RegisterCACertificate"): 1,
        ("iot", "RegisterCertificate"): 3,
    }
    expected = Estimate(calls, seconds=0.3, bottleneck=Bottleneck("RegisterCertificate", calls=3, rate=10))
    assert plan_state(state(ca(), *devices), cloud).estimate == expected


def test_each_step_has_the_live_state_that_the_plan_read(cloud):
    converge(one_device(site="oslo"), cloud)
    (step,) = plan_state(one_device(site="bergen"), cloud).steps
    live = step.precondition
    assert (live.identity, live.version, live.owner, live.spec.attributes) == ("a", 1, "ws", {"site": "oslo"})
    assert all(step.precondition is None for step in plan_state(one_device(), cloud.reset()).steps)


def test_warnings_about_the_file_are_notes_of_the_plan(cloud):
    warning = Diagnostic(
        "a.toml", 7, problem="expires soon", address="certificates.a", field="pem", severity="warning"
    )
    (note,) = plan_state(evolve(one_device(), warnings=(warning,)), cloud).notes
    assert (note.level, "expires soon" in note.text) == ("warning", True)
    assert isinstance(note, Note)


def test_destroy_does_not_change_unmanaged_resources(cloud):
    cloud.iot.create_thing(thingName="unmanaged")
    cloud.iot.create_thing_group(thingGroupName="unmanaged")
    converge(one_device(), cloud)
    assert [str(step.address) for step in plan_state(one_device(), cloud, destroy=True).steps] == [
        "things.a",
        "certificates.a",
        "ca_certificates.alpha",
        "policies.reconciler-ws-retired",
        "thing_groups.reconciler-ws",
    ]


# ── digest ──────────────────────────────────────────────────────────────────────────────────


def test_the_same_input_has_the_same_digest(cloud):
    desired = state(ca(), *device("a", site="oslo"), managed_thing("m"))
    reversed_state = evolve(desired, resources=dict(reversed(desired.resources.items())))
    assert plan_state(desired, cloud).digest == plan_state(reversed_state, cloud).digest


@pytest.mark.parametrize(
    "other_state",
    [
        one_device(site="bergen"),
        one_device(),
        state(ca(), *device("a", 2, site="oslo")),
        state(ca(), *device("b", site="oslo")),
        state(ca(auto_registration=True), *device("a", site="oslo")),
        state(ca(), *device("a", site="oslo"), workspace="other"),
        state(ca(), *device("a", site="oslo"), managed_thing("m")),
    ],
    ids=["attribute", "no attribute", "certificate", "name", "CA", "workspace", "one more"],
)
def test_another_input_has_another_digest(cloud, other_state):
    assert plan_state(one_device(site="oslo"), cloud).digest != plan_state(other_state, cloud).digest


def test_the_digest_depends_on_the_reference_of_a_secret_only(cloud):
    def compute_digest(code):
        return plan_state(state(managed_thing("m", code)), cloud).digest

    assert compute_digest("90001") == compute_digest("90002")


def test_a_certificate_without_a_ca_field_converges_with_the_ca_that_signed_it(cloud):
    authority = ca(certificate_mode="SNI_ONLY", verification=None)
    certificate, thing = device("a")
    certificate_without_ca = evolve(
        certificate, spec=evolve(certificate.spec, ca=None), dependencies=frozenset()
    )
    desired = state(authority, certificate_without_ca, thing)
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()
