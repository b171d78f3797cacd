"""Device certificates: registered in the way that fits their CA, rotated without a gap, let go marked."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.certificates import Certificate
from reconciler.kinds.policies import Policy
from reconciler.kinds.shared.certificate_retirement import DENY_ALL
from reconciler.kinds.shared.certificate_spec import CertificateFacts
from reconciler.kinds.shared.policy_spec import PolicyFacts
from reconciler.kinds.things import Thing
from reconciler.model.change import Create, Replace
from reconciler.model.output_file import OutputFile, SavedMember
from reconciler.model.pem import Pem
from reconciler.model.resource import External, Live
from tests.support.desired_states import AUTHORITIES, ca, converge, plan_of, resource, state
from tests.support.kind_driver import (
    NOT_FOUND,
    build_arn,
    calls_of,
    change_to,
    create_calls,
    delete_calls,
    iot,
    plan_context,
    plan_errors,
    problems,
    read,
)
from tests.support.registry_client import Cloud

OLD, NEW = (Pem.parse(AUTHORITIES["alpha"].device("a", generation)) for generation in (1, 2))
P = resource("policies", "p", Policy(DENY_ALL))
AGAIN = {"DeleteConflictException"}
KNOWN = {"ResourceAlreadyExistsException"}


def certificate(pem: Pem = OLD, **fields: object):
    return resource("certificates", "a", Certificate(pem, **fields))


def live(pem: Pem = OLD, *policies: str, **fields: object) -> Live:
    return Live(
        pem.fingerprint,
        Certificate(Pem(pem.fingerprint), **fields),
        owner="ws",
        declared_name="a",
        used_by=("t",),
        facts=CertificateFacts(policies),
    )


def cert(pem: Pem) -> str:
    return build_arn(f"cert/{pem.fingerprint}")


def attach_policy(name: str, pem: Pem):
    return iot("AttachPolicy", policyName=name, target=cert(pem))


def retired(pem: Pem):
    ignored_errors = {"LimitExceededException", "ResourceNotFoundException"}
    return iot(
        "AttachPolicy", ignored_errors=ignored_errors, policyName="reconciler-ws-retired", target=cert(pem)
    )


def detach(pem: Pem):
    return iot("DetachThingPrincipal", ignored_errors=NOT_FOUND, thingName="t", principal=cert(pem))


def gone(pem: Pem):
    return [
        iot("UpdateCertificate", certificateId=pem.fingerprint, newStatus="INACTIVE"),
        iot(
            "DeleteCertificate",
            ignored_errors=NOT_FOUND,
            retried_errors=AGAIN,
            certificateId=pem.fingerprint,
            forceDelete=True,
        ),
    ]


@pytest.mark.parametrize(
    ("fields", "others", "operation", "more"),
    [
        ({}, (), "RegisterCertificate", {}),
        ({"ca": "alpha"}, (ca(),), "RegisterCertificate", {"caCertificatePem": AUTHORITIES["alpha"].pem}),
        ({"certificate_mode": "SNI_ONLY"}, (), "RegisterCertificateWithoutCA", {}),
    ],
    ids=["a CA outside the file", "its CA", "no CA"],
)
def test_a_given_one_is_registered_with_its_status_and_then_has_its_policies(fields, others, operation, more):
    wanted = certificate(status="INACTIVE", policies=("p",), **fields)
    assert create_calls(wanted, plan_context(wanted, P, *others)) == [
        iot(operation, ignored_errors=KNOWN, certificatePem=OLD.text, status="INACTIVE", **more),
        attach_policy("p", OLD),
    ]


def test_one_for_a_request_is_issued_and_saved():
    output = OutputFile("a.pem", "/somewhere/a.pem")
    wanted = resource("certificates", "a", Certificate(csr="REQUEST", save_to=output))
    (call,) = create_calls(wanted)
    assert (call.operation, call.params) == (
        "CreateCertificateFromCsr",
        {"certificateSigningRequest": "REQUEST", "setAsActive": True},
    )
    assert call.output_files == (SavedMember("certificatePem", output),)


def test_what_the_file_wants_and_what_its_things_have_is_read_from_pages():
    item = {"certificateId": OLD.fingerprint, "certificateArn": cert(OLD), "status": "ACTIVE"}
    listed = [
        {**item, "certificateMode": "SNI_ONLY"},
        {**item, "certificateId": NEW.fingerprint, "certificateArn": cert(NEW)},
        {**item, "certificateId": "foreign", "certificateArn": build_arn("cert/foreign")},
    ]
    answers = {
        "ListCertificates": {"certificates": listed},
        "ListPrincipalThings": {"things": ["t"]},
        "ListAttachedPolicies": {"policies": [{"policyName": "q"}, {"policyName": "p"}]},
    }
    thing = Live("t", Thing(certificates=(External(NEW.fingerprint),)), 1, "ws")
    policy = Live("p", Policy(DENY_ALL), facts=PolicyFacts(targets=(cert(OLD),)))
    found, asked = read("certificates", answers, certificate(), things=[thing], policies=[policy])
    assert [(one.identity, one.spec, one.owner, one.declared_name) for one in found] == [
        (name, Certificate(Pem(name), certificate_mode=mode, policies=policies), "ws", called)
        for name, mode, policies, called in sorted(
            [
                (OLD.fingerprint, "SNI_ONLY", (External("p"),), None),
                (NEW.fingerprint, "DEFAULT", (), f"t:{NEW.fingerprint[:12]}"),
            ]
        )
    ]
    assert asked == ["ListCertificates", "ListPrincipalThings", "ListAttachedPolicies", "ListPrincipalThings"]


def test_policies_come_before_they_go_and_the_status_is_between():
    found = change_to(certificate(status="INACTIVE", policies=("p",)), live(policies=("q",)))
    assert calls_of(found, plan_context(found.resource, P, resource("policies", "q", Policy(DENY_ALL)))) == [
        attach_policy("p", OLD),
        iot("UpdateCertificate", certificateId=OLD.fingerprint, newStatus="INACTIVE"),
        iot("DetachPolicy", ignored_errors=NOT_FOUND, policyName="q", target=cert(OLD)),
    ]


def rotation(**fields: object):
    """Of the certificate of the thing `t`, which has a policy that the file does not know."""
    found = change_to(certificate(NEW, **fields), live(OLD, "elsewhere"))
    assert isinstance(found, Replace)
    thing = resource("things", "t", Thing(certificates=("a",)))
    there = Live("t", Thing(certificates=("a",)), 1, "ws")
    around = plan_context(
        found.resource, thing, live={"things.t": there, "certificates.a": found.live}, changes=[found]
    )
    return calls_of(found, around)


NEXT = [
    iot("RegisterCertificate", ignored_errors=KNOWN, certificatePem=NEW.text, status="ACTIVE"),
    attach_policy("elsewhere", NEW),
    iot("AttachThingPrincipal", thingName="t", principal=cert(NEW)),
]


def test_a_rotation_makes_the_new_one_whole_before_the_old_one_goes():
    assert rotation() == [*NEXT, retired(OLD), detach(OLD), *gone(OLD)]


def test_with_a_grace_the_old_one_stays_for_a_later_run():
    from reconciler.kinds.certificates import Rotation

    assert rotation(rotation=Rotation("7d")) == NEXT


def test_another_mode_is_another_registration_of_the_same_certificate():
    authority = ca(certificate_mode="SNI_ONLY", verification=None)
    found = change_to(certificate(certificate_mode="SNI_ONLY"), live(certificate_mode="DEFAULT"))
    assert calls_of(found, plan_context(found.resource, authority, changes=[found])) == [
        retired(OLD),
        *gone(OLD),
        iot("RegisterCertificateWithoutCA", ignored_errors=KNOWN, certificatePem=OLD.text, status="ACTIVE"),
    ]


@pytest.mark.parametrize(("status", "count"), [("ACTIVE", 2), ("INACTIVE", 1), ("REVOKED", 1)])
def test_an_active_one_is_deactivated_before_it_is_deleted(status, count):
    assert delete_calls("certificates", live(status=status)) == gone(OLD)[2 - count :]


def test_what_aws_would_refuse_is_refused():
    back = change_to(certificate(), live(status="REVOKED"))
    moving = change_to(certificate(status="INACTIVE"), live(status="PENDING_TRANSFER"))
    idle = evolve(ca(), spec=evolve(ca().spec, status="INACTIVE"))
    wanted = certificate(ca="alpha")
    assert [
        plan_errors(back),
        plan_errors(moving),
        plan_errors(Create(wanted), plan_context(wanted, idle)),
    ] == [
        ["is REVOKED, which is final; give the device a new certificate"],
        ["is being transferred to another account; accept, reject or cancel the transfer first"],
        [
            "cannot register: its CA ca_certificates.alpha will be INACTIVE, and AWS registers certificates of active CAs only; set the CA's status to ACTIVE"
        ],
    ]


def test_what_makes_no_sense_is_a_mistake():
    stranger = certificate(Pem.parse(AUTHORITIES["beta"].device("a")), ca="alpha", certificate_mode="DEFAULT")
    assert problems(stranger, ca()) == [
        "pem: ca_certificates.alpha did not sign this certificate; expected a certificate signed by 'alpha'",
        "certificate_mode: the CA determines the mode; expected either ca or certificate_mode",
    ]


def test_a_certificate_that_is_named_by_its_id_is_nobodys_to_delete():
    cloud = Cloud()
    cloud.iot.register_certificate_without_ca(certificatePem=OLD.text, status="ACTIVE")
    wanted = state(resource("things", "t", Thing(certificates=(External(OLD.fingerprint),))))
    converge(wanted, cloud)
    plan = plan_of(wanted, cloud)
    assert (plan.steps, list(cloud.content()["certificates"])) == ((), [OLD.fingerprint])
