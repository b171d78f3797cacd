"""A plan checks what certificates need: a CA, validity, and files to write."""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.ca_certificates import CaVerification
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from reconciler.model.resource import External
from tests.support.desired_states import (
    AUTHORITIES,
    converge,
    get_rejection_reasons,
    make_ca,
    make_resource,
    make_state,
)
from tests.support.outside_problems import UNKNOWN_CA, place
from tests.support.pki import make_signing_request

DEVICE_PEM = Pem.parse(AUTHORITIES["alpha"].get_device_pem("a"))


def test_the_ca_that_a_registration_needs_must_be_registered_and_active(cloud):
    desired = make_state(place(make_resource("certificates", "a", Certificate(DEVICE_PEM))))
    assert get_rejection_reasons(desired, cloud) == [f"certificates.a: pem: {UNKNOWN_CA}"]
    converge(make_state(make_ca("beta"), make_ca(status="INACTIVE"), workspace="theirs"), cloud)
    ca_id = Pem.parse(AUTHORITIES["alpha"].pem).fingerprint
    assert get_rejection_reasons(desired, cloud) == [
        (
            f"certificates.a: pem: its CA certificate {ca_id[:12]}… is INACTIVE, and AWS registers certificates of active CAs "
            "only; activate the CA first (fleet.toml:7)"
        )
    ]
    cloud.iot.update_ca_certificate(certificateId=ca_id, newStatus="ACTIVE")
    converge(desired, cloud)


def test_a_template_needs_an_active_ca_of_the_file(cloud):
    provisioned = make_resource(
        "provisioned_things", "a", ProvisionedThing(Document.from_value({"Resources": TEMPLATE_PARTS}))
    )
    assert get_rejection_reasons(make_state(make_ca(status="INACTIVE"), provisioned), cloud) == [
        (
            "provisioned_things.a: cannot register: its CA ca_certificates.alpha will be INACTIVE, and AWS registers "
            "certificates of active CAs only; set the CA's status to ACTIVE (<memory>:1)"
        )
    ]


TEMPLATE_PARTS = {
    "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}},
    "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": DEVICE_PEM.text}},
}


def test_a_verification_certificate_must_be_for_the_registration_code(cloud):
    code = cloud.iot.get_registration_code()["registrationCode"]
    wrong, right = (
        make_ca(verification=CaVerification(certificate=Pem.parse(AUTHORITIES["alpha"].issue(name))))
        for name in ("another-code", code)
    )
    assert get_rejection_reasons(make_state(place(wrong)), cloud) == [
        (
            "ca_certificates.alpha: verification.certificate: the verification certificate is for another registration code: "
            f"its common name is 'another-code', and the code of this account and Region is {code}; create one with this code "
            "as its common name (fleet.toml:7)"
        )
    ]
    converge(make_state(right), cloud)


def test_a_certificate_that_is_not_valid_today_is_not_activated(cloud):
    expired = Pem.parse(AUTHORITIES["alpha"].get_device_pem("old", days=-2))
    spec = Certificate(expired, certificate_mode="SNI_ONLY")
    (reason,) = get_rejection_reasons(make_state(make_resource("certificates", "a", spec)), cloud)
    assert reason.startswith("certificates.a: cannot be ACTIVE: the certificate expired on ")
    assert reason.endswith('; use a valid certificate, or set the status to "INACTIVE" (<memory>:1)')
    inactive = make_resource("certificates", "a", evolve(spec, status="INACTIVE"))
    converge(make_state(inactive), cloud)
    assert get_rejection_reasons(make_state(make_resource("certificates", "a", spec)), cloud) == [reason]
    template = {
        **TEMPLATE_PARTS,
        "certificate": {"Type": "AWS::IoT::Certificate", "Properties": {"CertificatePem": expired.text}},
    }
    provisioned = make_resource(
        "provisioned_things", "p", ProvisionedThing(Document.from_value({"Resources": template}))
    )
    cloud.reset()
    assert get_rejection_reasons(make_state(make_ca(), provisioned), cloud) == [
        reason.replace("certificates.a", "provisioned_things.p")
    ]


def test_the_folder_of_an_output_file_must_exist_and_be_writable(cloud, tmp_path):
    folder = tmp_path / "keys"
    spec = Certificate(csr=make_signing_request("a"), save_to=OutputFile("keys/a.pem", str(folder / "a.pem")))
    desired = make_state(place(make_resource("certificates", "a", spec)))
    prefix = "certificates.a: save_to: keys/a.pem: "
    assert get_rejection_reasons(desired, cloud) == [
        f"{prefix}cannot be written: there is no folder {folder}; create it first (fleet.toml:7)"
    ]
    folder.mkdir()
    (folder / "a.pem").symlink_to(folder / "elsewhere")
    assert get_rejection_reasons(desired, cloud) == [
        f"{prefix}already exists and is never overwritten; move it away (fleet.toml:7)"
    ]


def test_a_ca_of_the_file_that_is_named_by_its_id_must_have_signed_the_certificate(cloud):
    beta_id = Pem.parse(AUTHORITIES["beta"].pem).fingerprint
    certificate = make_resource("certificates", "a", Certificate(DEVICE_PEM, ca=External(beta_id)))
    assert get_rejection_reasons(make_state(make_ca("beta"), certificate), cloud) == [
        "certificates.a: cannot register: ca_certificates.beta did not sign the certificate; name the CA that signed it (<memory>:1)"
    ]
