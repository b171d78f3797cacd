"""The parameters `AWS::IoT::Certificate::…`, which come from a certificate's ID and subject."""

from cryptography import x509
from cryptography.x509.oid import NameOID

PREFIX = "AWS::IoT::Certificate::"

_SUBJECT_ATTRIBUTES = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
}


def build_certificate_parameters(certificate_id: str, subject: x509.Name) -> dict[str, str]:
    """Return the parameters of a certificate.

    Attributes that the subject lacks are omitted; if it has one several times, the first counts.
    """
    parameters = {PREFIX + "Id": certificate_id}
    for name, identifier in _SUBJECT_ATTRIBUTES.items():
        attributes = subject.get_attributes_for_oid(identifier)
        if attributes:
            parameters[PREFIX + name] = str(attributes[0].value)
    return parameters
