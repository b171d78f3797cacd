"""A plan has every call with every parameter, in dependency order."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

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
    converge,
    make_ca,
    make_device,
    make_managed_thing,
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
    return make_iot_call(
        "RegisterCertificate",
        certificatePem=ALPHA.get_device_pem("a", generation),
        caCertificatePem=ALPHA.pem,
        status="ACTIVE",
        ignored_errors=EXISTS,
    )


def make_retire_call():
    """Return the call that attaches the workspace's `retired` policy to the device's certificate.

    With this policy, the certificate is found again if its deletion is interrupted.
    """
    ignored = {"LimitExceededException", "ResourceNotFoundException"}
    return make_iot_call(
        "AttachPolicy",
        policyName="reconciler-ws-retired",
        target=get_device_certificate_arn(),
        ignored_errors=ignored,
    )


DETACH_CALL = make_iot_call(
    "DetachThingPrincipal", thingName="a", principal=get_device_certificate_arn(), ignored_errors=NOT_FOUND
)
CERTIFICATE_DELETE_CALLS = [
    make_iot_call("UpdateCertificate", certificateId=get_device_certificate_id(), newStatus="INACTIVE"),
    make_iot_call(
        "DeleteCertificate",
        certificateId=get_device_certificate_id(),
        forceDelete=True,
        ignored_errors=NOT_FOUND,
        retried_errors=IN_USE,
    ),
]
DESTROYED_THING_CALLS = [
    DETACH_CALL,
    make_iot_call(
        "DeleteThing",
        thingName="a",
        expectedVersion=1,
        ignored_errors=NOT_FOUND,
        retried_errors={"InvalidRequestException"},
    ),
]
THING_DELETE_CALLS = [make_retire_call(), *DESTROYED_THING_CALLS]
POLICY_DELETE_CALLS = [
    make_iot_call(
        "DeletePolicy", policyName="reconciler-ws-retired", ignored_errors=NOT_FOUND, retried_errors=IN_USE
    )
]
GROUP_DELETE_CALLS = [
    make_iot_call("DeleteThingGroup", thingGroupName="reconciler-ws", ignored_errors=NOT_FOUND)
]


# ── calls ───────────────────────────────────────────────────────────────────────────────────


def test_a_device_is_created_after_its_ca_and_the_ownership_markers(cloud):
    key = Secret("env alpha", ALPHA.key_pem)
    code = Ref(Address("ca_certificates", "alpha"), "registrationCode")
    deny = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iot:*","Resource":"*"}]}'
    markers = ["policies.reconciler-ws-retired", "thing_groups.reconciler-ws"]
    assert summarize_steps(plan_state(make_one_device_state(site="oslo"), cloud)) == [
        (
            "create",
            "ca_certificates.alpha",
            [],
            [
                make_iot_call("GetRegistrationCode"),
                make_iot_call(
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
                make_iot_call(
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
                make_iot_call(
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
                make_iot_call(
                    "CreateThing", thingName="a", attributePayload={"attributes": {"site": "oslo"}}
                ),
                make_iot_call("AddThingToThingGroup", thingGroupName="reconciler-ws", thingName="a"),
                make_iot_call("AttachThingPrincipal", thingName="a", principal=get_device_certificate_arn()),
            ],
        ),
    ]


def test_a_changed_attribute_is_one_call_with_the_version_that_was_read(cloud):
    converge(make_one_device_state(site="oslo"), cloud)
    attributes = {"attributes": {"site": "bergen"}, "merge": False}
    assert summarize_steps(plan_state(make_one_device_state(site="bergen"), cloud)) == [
        (
            "update",
            "things.a",
            [],
            [make_iot_call("UpdateThing", thingName="a", expectedVersion=1, attributePayload=attributes)],
        )
    ]


def test_a_new_certificate_is_attached_before_the_old_one_is_deleted(cloud):
    converge(make_one_device_state(), cloud)
    assert summarize_steps(plan_state(make_state(make_ca(), *make_device("a", 2)), cloud)) == [
        (
            "replace",
            "certificates.a",
            [],
            [
                make_register_call(2),
                make_iot_call("AttachThingPrincipal", thingName="a", principal=get_device_certificate_arn(2)),
                make_retire_call(),
                DETACH_CALL,
                *CERTIFICATE_DELETE_CALLS,
            ],
        )
    ]


def test_a_removed_device_is_deleted_before_the_policy_that_marks_retired_certificates(cloud):
    converge(make_one_device_state(), cloud)
    certificate_address = f"certificates.a:{get_device_certificate_id()[:12]}"
    assert summarize_steps(plan_state(make_state(make_ca()), cloud)) == [
        ("delete", "things.a", [], THING_DELETE_CALLS),
        ("delete", certificate_address, ["things.a"], CERTIFICATE_DELETE_CALLS),
        ("delete", "policies.reconciler-ws-retired", [certificate_address, "things.a"], POLICY_DELETE_CALLS),
    ]


def test_destroy_deletes_dependents_first(cloud):
    converge(make_one_device_state(), cloud)
    ca_id = Pem.parse(ALPHA.pem).fingerprint
    other_addresses = [
        "ca_certificates.alpha",
        "certificates.a",
        "policies.reconciler-ws-retired",
        "things.a",
    ]
    assert summarize_steps(plan_state(make_one_device_state(), cloud, destroy=True)) == [
        ("delete", "things.a", [], DESTROYED_THING_CALLS),
        ("delete", "certificates.a", ["things.a"], CERTIFICATE_DELETE_CALLS),
        (
            "delete",
            "ca_certificates.alpha",
            ["certificates.a"],
            [
                make_iot_call("UpdateCACertificate", certificateId=ca_id, newStatus="INACTIVE"),
                make_iot_call("DeleteCACertificate", certificateId=ca_id, ignored_errors=NOT_FOUND),
            ],
        ),
        ("delete", "policies.reconciler-ws-retired", ["certificates.a", "things.a"], POLICY_DELETE_CALLS),
        ("delete", "thing_groups.reconciler-ws", other_addresses, GROUP_DELETE_CALLS),
    ]


def test_an_interrupted_destroy_finds_detached_certificates_again(cloud):
    converge(make_one_device_state(), cloud)
    plan = plan_state(make_one_device_state(), cloud, destroy=True)
    apply(evolve(plan, steps=plan.steps[:1]), cloud)  # deletes only the thing
    assert [
        (action, address)
        for action, address, _, _ in summarize_steps(plan_state(make_one_device_state(), cloud, destroy=True))
    ] == [
        ("delete", "certificates.a"),
        ("delete", "ca_certificates.alpha"),
        ("delete", "policies.reconciler-ws-retired"),
        ("delete", "thing_groups.reconciler-ws"),
    ]


def test_a_certificate_whose_retirement_was_interrupted_is_used_again(cloud):
    converge(make_one_device_state(), cloud)
    plan = plan_state(make_one_device_state(), cloud, destroy=True, select=["things.a"])
    apply(plan, cloud)
    (thing_step, certificate_step) = sorted(
        summarize_steps(plan_state(make_one_device_state(), cloud)), key=lambda step: step[0]
    )
    assert thing_step[:2] == ("create", "things.a")
    detachment = make_iot_call(
        "DetachPolicy",
        policyName="reconciler-ws-retired",
        target=get_device_certificate_arn(),
        ignored_errors=NOT_FOUND,
    )
    assert (certificate_step[0], certificate_step[1], certificate_step[3]) == (
        "update",
        "certificates.a",
        [detachment],
    )


def test_a_certificate_without_a_ca_field_converges_with_the_ca_that_signed_it(cloud):
    authority = make_ca(certificate_mode="SNI_ONLY", verification=None)
    certificate, thing = make_device("a")
    certificate_without_ca = replace(
        certificate, spec=evolve(certificate.spec, ca=None), own_dependencies=frozenset()
    )
    desired = make_state(authority, certificate_without_ca, thing)
    converge(desired, cloud)
    assert plan_state(desired, cloud).steps == ()


# ── counts, estimate and notes ──────────────────────────────────────────────────────────────────────


def test_a_plan_without_changes_counts_the_unchanged_resources(cloud):
    converge(make_one_device_state(), cloud)
    plan = plan_state(make_one_device_state(), cloud)
    assert (plan.steps, plan.unchanged, plan.estimate) == ((), 5, Estimate({}, seconds=0.0))


def test_the_estimate_counts_calls_by_operation_and_names_the_bottleneck(cloud):
    devices = [part for name in "abc" for part in make_device(name)]
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
    assert plan_state(make_state(make_ca(), *devices), cloud).estimate == expected


def test_each_step_has_the_live_state_that_the_plan_read(cloud):
    converge(make_one_device_state(site="oslo"), cloud)
    (step,) = plan_state(make_one_device_state(site="bergen"), cloud).steps
    live = step.precondition
    assert (live.identity, live.version, live.owner, live.spec.attributes) == ("a", 1, "ws", {"site": "oslo"})
    assert all(step.precondition is None for step in plan_state(make_one_device_state(), cloud.reset()).steps)


def test_warnings_about_the_file_are_notes_of_the_plan(cloud):
    warning = Diagnostic(
        "a.toml", 7, problem="expires soon", address="certificates.a", field="pem", severity="warning"
    )
    (note,) = plan_state(evolve(make_one_device_state(), warnings=(warning,)), cloud).notes
    assert (note.level, "expires soon" in note.text) == ("warning", True)
    assert isinstance(note, Note)


def test_destroy_does_not_change_unmanaged_resources(cloud):
    cloud.iot.create_thing(thingName="unmanaged")
    cloud.iot.create_thing_group(thingGroupName="unmanaged")
    converge(make_one_device_state(), cloud)
    assert [str(step.address) for step in plan_state(make_one_device_state(), cloud, destroy=True).steps] == [
        "things.a",
        "certificates.a",
        "ca_certificates.alpha",
        "policies.reconciler-ws-retired",
        "thing_groups.reconciler-ws",
    ]


# ── digest ──────────────────────────────────────────────────────────────────────────────────


def test_the_same_input_has_the_same_digest(cloud):
    desired = make_state(make_ca(), *make_device("a", site="oslo"), make_managed_thing("m"))
    reversed_state = evolve(desired, resources=dict(reversed(desired.resources.items())))
    assert plan_state(desired, cloud).digest == plan_state(reversed_state, cloud).digest


@pytest.mark.parametrize(
    "other_state",
    [
        make_one_device_state(site="bergen"),
        make_one_device_state(),
        make_state(make_ca(), *make_device("a", 2, site="oslo")),
        make_state(make_ca(), *make_device("b", site="oslo")),
        make_state(make_ca(auto_registration=True), *make_device("a", site="oslo")),
        make_state(make_ca(), *make_device("a", site="oslo"), workspace="other"),
        make_state(make_ca(), *make_device("a", site="oslo"), make_managed_thing("m")),
    ],
    ids=["attribute", "no attribute", "certificate", "name", "CA", "workspace", "one more"],
)
def test_another_input_has_another_digest(cloud, other_state):
    assert (
        plan_state(make_one_device_state(site="oslo"), cloud).digest != plan_state(other_state, cloud).digest
    )


def test_the_digest_does_not_depend_on_the_value_of_a_secret(cloud):
    def compute_digest(code):
        return plan_state(make_state(make_managed_thing("m", code)), cloud).digest

    assert compute_digest("90001") == compute_digest("90002")
