"""Device certificates: registered as the CA requires, rotated without a gap, deleted when inactive."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.certificates import KIND, Certificate, PrivateKey, Rotation
from reconciler.kinds.policies import Policy
from reconciler.kinds.shared.certificate_retirement import DENY_ALL
from reconciler.kinds.shared.certificate_spec import CertificateFacts
from reconciler.kinds.shared.policy_spec import PolicyFacts
from reconciler.kinds.things import Thing
from reconciler.model.call import Ref
from reconciler.model.change import Create, Delete, Replace
from reconciler.model.output_file import KeyFile, OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Live
from tests.support.desired_states import AUTHORITIES, converge, make_ca, make_resource, make_state, plan_state
from tests.support.kind_driver import (
    NOT_FOUND,
    build_arn,
    list_calls,
    list_create_calls,
    list_delete_calls,
    list_plan_errors,
    list_problems,
    make_change,
    make_iot_call,
    make_plan_context,
    read_kind,
)
from tests.support.registry_client import Cloud

OLD_PEM, NEW_PEM = (Pem.parse(AUTHORITIES["alpha"].get_device_pem("a", generation)) for generation in (1, 2))
POLICY = make_resource("policies", "p", Policy(DENY_ALL))
CONFLICT = {"DeleteConflictException"}
EXISTS = {"ResourceAlreadyExistsException"}


def make_certificate(pem: Pem = OLD_PEM, **fields: object):
    return make_resource("certificates", "a", Certificate(pem, **fields))


def make_live(pem: Pem = OLD_PEM, *all_policies: str, **fields: object) -> Live:
    """Return the live certificate of the thing `t`; `all_policies` includes policies outside the file."""
    return Live(
        pem.fingerprint,
        Certificate(Pem(pem.fingerprint), **fields),
        owner="ws",
        declared_name="a",
        used_by=("t",),
        facts=CertificateFacts(policies=all_policies),
    )


def build_certificate_arn(pem: Pem) -> str:
    return build_arn(f"cert/{pem.fingerprint}")


def make_attach_policy_call(name: str, pem: Pem):
    return make_iot_call("AttachPolicy", policyName=name, target=build_certificate_arn(pem))


def make_mark_retired_call(pem: Pem):
    ignored_errors = {"LimitExceededException", "ResourceNotFoundException"}
    return make_iot_call(
        "AttachPolicy",
        ignored_errors=ignored_errors,
        policyName="reconciler-ws-retired",
        target=build_certificate_arn(pem),
    )


def make_detach_call(pem: Pem):
    return make_iot_call(
        "DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName="t", principal=build_certificate_arn(pem)
    )


def make_delete_calls(pem: Pem):
    return [
        make_iot_call("UpdateCertificate", certificateId=pem.fingerprint, newStatus="INACTIVE"),
        make_iot_call(
            "DeleteCertificate",
            ignored_errors=NOT_FOUND,
            retried_errors=CONFLICT,
            certificateId=pem.fingerprint,
            forceDelete=True,
        ),
    ]


@pytest.mark.parametrize(
    ("fields", "other_resources", "operation", "extra_params"),
    [
        ({}, (), "RegisterCertificate", {}),
        (
            {"ca": "alpha"},
            (make_ca(),),
            "RegisterCertificate",
            {"caCertificatePem": AUTHORITIES["alpha"].pem},
        ),
        ({"certificate_mode": "SNI_ONLY"}, (), "RegisterCertificateWithoutCA", {}),
    ],
    ids=["a CA outside the file", "its CA", "no CA"],
)
def test_a_certificate_is_registered_before_its_policies_are_attached(
    fields, other_resources, operation, extra_params
):
    desired = make_certificate(status="INACTIVE", policies=("p",), **fields)
    assert list_create_calls(desired, make_plan_context(desired, POLICY, *other_resources)) == [
        make_iot_call(
            operation, ignored_errors=EXISTS, certificatePem=OLD_PEM.text, status="INACTIVE", **extra_params
        ),
        make_attach_policy_call("p", OLD_PEM),
    ]


def test_a_certificate_for_a_signing_request_is_issued_and_saved():
    output = OutputFile("a.pem", "/somewhere/a.pem")
    desired = make_resource("certificates", "a", Certificate(csr="REQUEST", save_to=output))
    (call,) = list_create_calls(desired)
    assert (call.operation, call.params) == (
        "CreateCertificateFromCsr",
        {"certificateSigningRequest": "REQUEST", "setAsActive": True},
    )
    assert call.output_files == (SavedMember("certificatePem", output),)


def test_a_certificate_is_activated_after_the_key_that_aws_created_is_saved():
    key = KeyFile("a.pem", "/somewhere/a.pem", certificate=OutputFile("a.crt", "/somewhere/a.crt"))
    desired = make_resource("certificates", "a", Certificate(private_key=PrivateKey(key), policies=("p",)))
    arn = Ref(desired.address, "certificateArn")
    assert list_create_calls(desired, make_plan_context(desired, POLICY)) == [
        evolve(
            make_iot_call("CreateKeysAndCertificate", setAsActive=False),
            output_files=(
                SavedMember("keyPair.PrivateKey", key, secret=True),
                SavedMember("certificatePem", key.certificate),
            ),
        ),
        make_iot_call(
            "UpdateCertificate", certificateId=Ref(desired.address, "certificateId"), newStatus="ACTIVE"
        ),
        make_iot_call("AttachPolicy", policyName="p", target=arn),
    ]


def test_certificates_of_the_file_and_of_owned_things_are_read_from_a_listing():
    item = {
        "certificateId": OLD_PEM.fingerprint,
        "certificateArn": build_certificate_arn(OLD_PEM),
        "status": "ACTIVE",
    }
    items = [
        {**item, "certificateMode": "SNI_ONLY"},
        {**item, "certificateId": NEW_PEM.fingerprint, "certificateArn": build_certificate_arn(NEW_PEM)},
        {**item, "certificateId": "foreign", "certificateArn": build_arn("cert/foreign")},
    ]
    responses = {
        "ListCertificates": {"certificates": items},
        "ListPrincipalThings": {"things": ["t"]},
        "ListAttachedPolicies": {"policies": [{"policyName": "q"}, {"policyName": "p"}]},
    }
    thing = Live("t", Thing(certificates=(External(NEW_PEM.fingerprint),)), version=1, owner="ws")
    policy = Live("p", Policy(DENY_ALL), facts=PolicyFacts(targets=(build_certificate_arn(OLD_PEM),)))
    live_resources, operations = read_kind(
        "certificates", responses, make_certificate(), things=[thing], policies=[policy]
    )
    # A certificate that the file does not declare is named after its thing and its ID.
    assert [(live.identity, live.spec, live.owner, live.declared_name) for live in live_resources] == [
        (identity, Certificate(Pem(identity), certificate_mode=mode, policies=policies), "ws", declared_name)
        for identity, mode, policies, declared_name in sorted(
            [
                (OLD_PEM.fingerprint, "SNI_ONLY", (External("p"),), None),
                (NEW_PEM.fingerprint, "DEFAULT", (), f"t:{NEW_PEM.fingerprint[:12]}"),
            ]
        )
    ]
    assert operations == [
        "ListCertificates",
        "ListPrincipalThings",
        "ListAttachedPolicies",
        "ListPrincipalThings",
    ]


def test_policies_are_attached_before_and_detached_after_the_status_changes():
    change = make_change(make_certificate(status="INACTIVE", policies=("p",)), make_live(policies=("q",)))
    assert list_calls(
        change, make_plan_context(change.resource, POLICY, make_resource("policies", "q", Policy(DENY_ALL)))
    ) == [
        make_attach_policy_call("p", OLD_PEM),
        make_iot_call("UpdateCertificate", certificateId=OLD_PEM.fingerprint, newStatus="INACTIVE"),
        make_iot_call(
            "DetachPolicy", ignored_errors=NOT_FOUND, policyName="q", target=build_certificate_arn(OLD_PEM)
        ),
    ]


def plan_rotation_calls(**fields: object):
    """Return the calls that rotate the certificate of `t`; the old one has a policy outside the file."""
    change = make_change(make_certificate(NEW_PEM, **fields), make_live(OLD_PEM, "elsewhere"))
    assert isinstance(change, Replace)
    thing = make_resource("things", "t", Thing(certificates=("a",)))
    live_thing = Live("t", Thing(certificates=("a",)), version=1, owner="ws")
    context = make_plan_context(
        change.resource, thing, live={"things.t": live_thing, "certificates.a": change.live}, changes=[change]
    )
    return list_calls(change, context)


REGISTER_AND_ATTACH_CALLS = [
    make_iot_call("RegisterCertificate", ignored_errors=EXISTS, certificatePem=NEW_PEM.text, status="ACTIVE"),
    make_attach_policy_call("elsewhere", NEW_PEM),
    make_iot_call("AttachThingPrincipal", thingName="t", principal=build_certificate_arn(NEW_PEM)),
]


def test_a_rotation_attaches_the_new_certificate_before_it_deletes_the_old_one():
    assert plan_rotation_calls() == [
        *REGISTER_AND_ATTACH_CALLS,
        make_mark_retired_call(OLD_PEM),
        make_detach_call(OLD_PEM),
        *make_delete_calls(OLD_PEM),
    ]


def test_a_rotation_with_a_grace_period_keeps_the_old_certificate():
    assert plan_rotation_calls(rotation=Rotation("7d")) == REGISTER_AND_ATTACH_CALLS


def test_a_change_of_mode_registers_the_same_certificate_again():
    authority = make_ca(certificate_mode="SNI_ONLY", verification=None)
    change = make_change(make_certificate(certificate_mode="SNI_ONLY"), make_live(certificate_mode="DEFAULT"))
    assert list_calls(change, make_plan_context(change.resource, authority, changes=[change])) == [
        make_mark_retired_call(OLD_PEM),
        *make_delete_calls(OLD_PEM),
        make_iot_call(
            "RegisterCertificateWithoutCA",
            ignored_errors=EXISTS,
            certificatePem=OLD_PEM.text,
            status="ACTIVE",
        ),
    ]


@pytest.mark.parametrize(
    ("status", "is_deactivated"), [("ACTIVE", True), ("INACTIVE", False), ("REVOKED", False)]
)
def test_only_an_active_certificate_is_deactivated_before_it_is_deleted(status, is_deactivated):
    deactivation, deletion = make_delete_calls(OLD_PEM)
    expected = [deactivation, deletion] if is_deactivated else [deletion]
    assert list_delete_calls("certificates", make_live(status=status)) == expected


def test_changes_that_aws_rejects_are_rejected():
    reactivation = make_change(make_certificate(), make_live(status="REVOKED"))
    change_in_transfer = make_change(
        make_certificate(status="INACTIVE"), make_live(status="PENDING_TRANSFER")
    )
    inactive_ca = replace(make_ca(), spec=evolve(make_ca().spec, status="INACTIVE"))
    desired = make_certificate(ca="alpha")
    assert [
        list_plan_errors(reactivation),
        list_plan_errors(change_in_transfer),
        list_plan_errors(Create(desired), make_plan_context(desired, inactive_ca)),
    ] == [
        [
            (
                "is REVOKED in AWS, which is final; to give the device another certificate, set pem to that one; "
                'to leave it revoked, set status = "REVOKED"'
            )
        ],
        ["is being transferred to another account; accept, reject or cancel the transfer first"],
        [
            "cannot register: its CA ca_certificates.alpha will be INACTIVE, and AWS registers certificates of active CAs only; set the CA's status to ACTIVE"
        ],
    ]


def test_a_certificate_of_another_ca_and_a_mode_with_a_ca_are_problems():
    certificate_of_another_ca = make_certificate(
        Pem.parse(AUTHORITIES["beta"].get_device_pem("a")), ca="alpha", certificate_mode="DEFAULT"
    )
    assert list_problems(certificate_of_another_ca, make_ca()) == [
        "pem: ca_certificates.alpha did not sign this certificate; expected a certificate signed by 'alpha'",
        "certificate_mode: the CA determines the mode; expected either ca or certificate_mode",
    ]


def test_a_certificate_that_the_file_refers_to_by_id_is_not_deleted():
    cloud = Cloud()
    cloud.iot.register_certificate_without_ca(certificatePem=OLD_PEM.text, status="ACTIVE")
    desired = make_state(make_resource("things", "t", Thing(certificates=(External(OLD_PEM.fingerprint),))))
    converge(desired, cloud)
    plan = plan_state(desired, cloud)
    assert (plan.steps, list(cloud.read_content()["certificates"])) == ((), [OLD_PEM.fingerprint])


class Unsearchable(dict):
    """A desired state in which nothing may be searched for."""

    def values(self):
        raise AssertionError("a search of the file for each certificate takes long in a large fleet")


def test_deleting_a_certificate_with_policies_of_the_workspace_does_not_search_the_file():
    live_policy = Live("p", POLICY.spec, facts=PolicyFacts((), ()))
    context = make_plan_context(live={str(POLICY.address): live_policy})
    context = evolve(context, declared=Unsearchable())
    change = Delete(make_certificate().address, make_live(OLD_PEM, "p", "reconciler-ws-retired"))
    assert list(KIND.cascades(change, context)) == []
