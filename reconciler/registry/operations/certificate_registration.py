"""RegisterCertificate and RegisterCertificateWithoutCA: how a device certificate that exists enters the registry."""

import uuid

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists
from reconciler.registry.operations.ca_certificates import find_ca
from reconciler.registry.operations.certificates import certificate_arn, find_certificate, require_settable
from reconciler.registry.store import Row
from reconciler.registry.x509 import ParsedCertificate, read_certificate


@operation("iot", "RegisterCertificate")
def register_certificate(context: Context, params: Params) -> Output | None:
    """Register a certificate that a registered, ACTIVE CA signed, in the mode of that CA; INACTIVE unless told.

    Raises CertificateValidation (400) when a PEM is none or the named CA did not sign it, ResourceAlreadyExists (409),
    CertificateConflict (409) when several registered CAs could have signed it, CertificateState (406) when the CA is not
    registered or INACTIVE (of the latter the code is UNCONFIRMED), InvalidRequest for a bad status.
    """
    certificate = read_certificate(params["certificatePem"], "certificate")
    status = _status(context, params)
    _refuse_known(context, certificate)
    authority = _authority(context, certificate, params.get("caCertificatePem"))
    if authority["status"] != "ACTIVE":
        message = f"The CA certificate {authority['id']} is {authority['status']}, not ACTIVE."
        raise ApiError("CertificateStateException", message)
    return insert_certificate(context, certificate, status, authority["mode"], authority["id"])


@operation("iot", "RegisterCertificateWithoutCA")
def register_certificate_without_ca(context: Context, params: Params) -> Output | None:
    """Register a certificate whose CA is not registered, in mode SNI_ONLY; INACTIVE unless told.

    Raises CertificateValidation (400), ResourceAlreadyExists (409), InvalidRequest for a bad status.
    """
    certificate = read_certificate(params["certificatePem"], "certificate")
    status = _status(context, params)
    _refuse_known(context, certificate)
    return insert_certificate(context, certificate, status, "SNI_ONLY", None)


def insert_certificate(
    context: Context, certificate: ParsedCertificate, status: str, mode: str, ca_id: str | None
) -> Output:
    """Write a certificate that is known to be new; give its ARN and id."""
    context.tx.run(
        "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        certificate.id,
        certificate.pem,
        ca_id,
        mode,
        status,
        None,
        str(uuid.uuid4()),
        1,
        certificate.not_before,
        certificate.not_after,
        context.now,
        context.now,
    )
    return {"certificateArn": certificate_arn(context, certificate.id), "certificateId": certificate.id}


def _status(context: Context, params: Params) -> str:
    """Give the status to register with: `status`, else what the deprecated `setAsActive` means, else INACTIVE."""
    if "status" in params:
        return require_settable(context, params["status"])
    return "ACTIVE" if params.get("setAsActive") else "INACTIVE"


def _refuse_known(context: Context, certificate: ParsedCertificate) -> None:
    if find_certificate(context, certificate.id) is not None:
        raise already_exists(
            "The certificate is already provisioned or registered",
            resource_id=certificate.id,
            resource_arn=certificate_arn(context, certificate.id),
        )


def _authority(context: Context, certificate: ParsedCertificate, ca_pem: str | None) -> Row:
    """Find the registered CA that signed the certificate: the one that is named, else the only one that could have."""
    if ca_pem is not None:
        named = read_certificate(ca_pem, "CA certificate")
        row: Row | None = find_ca(context, named.id)
        if row is None:
            raise _without_authority()
        if not certificate.issued_by(named):
            message = f"The certificate is not signed by the CA certificate {named.id}."
            raise ApiError("CertificateValidationException", message)
        return row
    candidates = context.tx.all(
        "SELECT * FROM ca_certificates WHERE scope = ? AND subject = ?", context.scope, certificate.issuer
    )
    signers = [
        row for row in candidates if certificate.issued_by(read_certificate(row["pem"], "CA certificate"))
    ]
    if not signers:
        raise _without_authority()
    if len(signers) > 1:
        raise ApiError(
            "CertificateConflictException",
            "Several registered CA certificates have the subject and key that signed the certificate:"
            " name one in caCertificatePem.",
        )
    return signers[0]


def _without_authority() -> ApiError:
    # As people report it of AWS: it is the state that is wrong, not the certificate.
    return ApiError("CertificateStateException", "No CA certificate exists for the given certificate")
