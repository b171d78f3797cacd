"""Keys and signatures that AWS rejects are errors of the file."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes

from reconciler.kinds.ca_certificates import CaCertificate
from reconciler.kinds.certificates import Certificate
from reconciler.kinds.provisioned_things import ProvisionedThing
from reconciler.kinds.shared.provisioning_template import CERTIFICATE, THING
from reconciler.model.document import Document
from reconciler.model.output_file import OutputFile
from reconciler.model.pem import Pem
from tests.support.desired_states import make_resource
from tests.support.key_algorithms import ACCEPTED_KEYS, REJECTED_KEYS, get_key, make_ca, make_signing_request
from tests.support.kind_driver import list_problems

EXPECTED_KEY = "expected RSA with at least 2,048 bits, or ECDSA on P-256, P-384 or P-521"


def list_ca_problems(pem):
    return list_problems(make_resource("ca_certificates", "a", CaCertificate(Pem.parse(pem), "SNI_ONLY")))


def make_provisioned_thing(**parameters):
    ((name, value),) = parameters.items()
    template = {
        "Parameters": {name: {"Type": "String"}},
        "Resources": {
            "thing": {"Type": THING, "Properties": {"ThingName": "a"}},
            "certificate": {"Type": CERTIFICATE, "Properties": {name: {"Ref": name}}},
        },
    }
    spec = ProvisionedThing(Document.from_value(template), {name: value}, save_to=None)
    return make_resource("provisioned_things", "a", spec)


def make_resources(key):
    """Return a CA, two certificates and a provisioned thing that are valid apart from the key."""
    pem = Pem.parse(make_ca(key))
    return {
        "pem of a CA": make_resource("ca_certificates", "a", CaCertificate(pem, certificate_mode="SNI_ONLY")),
        "pem": make_resource("certificates", "a", Certificate(pem, certificate_mode="SNI_ONLY")),
        "csr": make_resource(
            "certificates",
            "a",
            Certificate(csr=make_signing_request(key), save_to=OutputFile("a.pem", "a.pem")),
        ),
        "parameters": make_provisioned_thing(CertificatePem=pem.text),
    }


@pytest.mark.parametrize("name", ACCEPTED_KEYS)
def test_a_key_that_aws_accepts_has_no_problems(name):
    problems = {field: list_problems(resource) for field, resource in make_resources(get_key(name)).items()}
    assert problems == {field: [] for field in problems}


@pytest.mark.parametrize("name", REJECTED_KEYS)
def test_a_key_that_aws_rejects_is_a_problem_with_the_accepted_ones(name):
    problems = {field: list_problems(resource) for field, resource in make_resources(get_key(name)).items()}
    assert problems == {
        field: [
            f"{field.partition(' ')[0]}: the key is {name}, which AWS IoT does not accept; {EXPECTED_KEY}"
        ]
        for field in problems
    }


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
@pytest.mark.parametrize("pss", [False, True], ids=["PKCS #1", "PSS"])
def test_the_signature_algorithms_of_awss_list_are_accepted(digest, pss):
    assert list_ca_problems(make_ca(get_key("RSA with 2,048 bits"), digest, pss=pss)) == []


def test_another_signature_algorithm_is_a_problem():
    assert list_ca_problems(make_ca(get_key("P-256"), hashes.SHA224())) == [
        (
            "pem: the certificate is signed with ecdsa-with-SHA224, which AWS IoT does not accept; "
            "expected RSA, RSASSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512"
        )
    ]


def test_a_pss_signature_with_another_digest_is_a_problem():
    assert list_ca_problems(make_ca(get_key("RSA with 2,048 bits"), hashes.SHA224(), pss=True)) == [
        (
            "pem: the certificate is signed with rsassaPss, which AWS IoT does not accept; "
            "expected RSA, RSASSA-PSS or ECDSA with SHA-256, SHA-384 or SHA-512"
        )
    ]
