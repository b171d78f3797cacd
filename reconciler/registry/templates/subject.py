"""The parameters `AWS::IoT::Certificate::…`, which come from a certificate's own subject."""

from cryptography import x509
from cryptography.x509.oid import NameOID

PREFIX = "AWS::IoT::Certificate::"

_NAMES = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
}


def certificate_parameters(certificate_id: str, subject: x509.Name) -> dict[str, str]:
    """Give the parameters of a certificate. What its subject does not have is left out; of several the first counts."""
    found = {"Id": certificate_id}
    for name, identifier in _NAMES.items():
        attributes = subject.get_attributes_for_oid(identifier)
        if attributes:
            found[name] = str(attributes[0].value)
    return {PREFIX + name: value for name, value in found.items()}
