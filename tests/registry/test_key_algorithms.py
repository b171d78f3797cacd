"""Keys and signatures that AWS rejects, in CAs, certificates and signing requests."""

import pytest
from cryptography.hazmat.primitives import hashes

from tests.support.direct_client import catch_error
from tests.support.key_algorithms import ACCEPTED_KEYS, REJECTED_KEYS, get_key, make_ca, make_signing_request

NOT_VALID = ("CertificateValidationException", 400)
SNI_ONLY = {"certificateMode": "SNI_ONLY"}


@pytest.mark.parametrize("name", ACCEPTED_KEYS)
def test_a_certificate_with_an_accepted_key_is_registered(iot, name):
    pem = make_ca(get_key(name))
    iot.register_ca_certificate(caCertificate=pem, setAsActive=True, **SNI_ONLY)
    iot.register_certificate(certificatePem=pem, caCertificatePem=pem)
    iot.create_certificate_from_csr(certificateSigningRequest=make_signing_request(get_key(name)))
    assert len(iot.list_certificates()["certificates"]) == 2


@pytest.mark.parametrize("name", REJECTED_KEYS)
def test_a_certificate_with_another_key_is_not_valid(iot, name):
    pem = make_ca(get_key(name))
    request = make_signing_request(get_key(name))
    assert catch_error(iot.register_ca_certificate, caCertificate=pem, **SNI_ONLY) == NOT_VALID
    assert catch_error(iot.register_certificate, certificatePem=pem) == NOT_VALID
    assert catch_error(iot.register_certificate_without_ca, certificatePem=pem) == NOT_VALID
    invalid = ("InvalidRequestException", 400)
    assert catch_error(iot.create_certificate_from_csr, certificateSigningRequest=request) == invalid


@pytest.mark.parametrize(
    "pem",
    [
        make_ca(get_key("P-256"), hashes.SHA224()),
        make_ca(get_key("RSA with 2,048 bits"), hashes.SHA224(), pss=True),
    ],
    ids=["ECDSA with SHA-224", "PSS with SHA-224"],
)
def test_a_certificate_with_another_signature_is_not_valid(iot, pem):
    assert catch_error(iot.register_certificate_without_ca, certificatePem=pem) == NOT_VALID
