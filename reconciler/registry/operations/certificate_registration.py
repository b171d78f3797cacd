"""Registration of existing device certificates: RegisterCertificate and RegisterCertificateWithoutCA."""

import uuid

from reconciler.registry.algorithms import require_accepted_algorithms
from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists
from reconciler.registry.operations.ca_certificates import find_ca
from reconciler.registry.operations.certificates import (
    PENDING_STATUSES,
    build_certificate_arn,
    find_certificate,
    require_settable_status,
)
from reconciler.registry.store import Row
from reconciler.registry.x509 import ParsedCertificate, read_certificate


@operation("iot", "RegisterCertificate")
def register_certificate(context: Context, params: Params) -> Output | None:
    """Register a certificate that was signed by a registered, ACTIVE CA.

    It has the mode of its CA, and is INACTIVE by default.

    Raises CertificateValidation (400) for an invalid PEM or when the named CA did not sign it, ResourceAlreadyExists
    (409), CertificateConflict (409) when the request names no CA and several registered ones could have signed it,
    CertificateState (406) for a pending status, and when the CA is not registered or is INACTIVE (the code for INACTIVE is
    UNCONFIRMED), InvalidRequest for the status REGISTER_INACTIVE, and for another account's certificate in mode DEFAULT.
    """
    certificate = read_certificate(params["certificatePem"], "certificate")
    require_accepted_algorithms(certificate.certificate, "certificate")
    status = _find_initial_status(context, params)
    _require_unregistered(context, certificate)
    authority = _find_authority(context, certificate, params.get("caCertificatePem"))
    if authority["mode"] == "DEFAULT":
        _require_no_other_account(context, certificate)
    if authority["status"] != "ACTIVE":
        message = f"The CA certificate {authority['id']} is {authority['status']}, not ACTIVE."
        raise ApiError("CertificateStateException", message)
    return insert_certificate(context, certificate, status, authority["mode"], authority["id"])


@operation("iot", "RegisterCertificateWithoutCA")
def register_certificate_without_ca(context: Context, params: Params) -> Output | None:
    """Register a certificate in mode SNI_ONLY, without looking for its CA; it is INACTIVE by default.

    Raises CertificateValidation (400), ResourceAlreadyExists (409), CertificateState (406) for a pending status,
    InvalidRequest for the status REGISTER_INACTIVE.
    """
    certificate = read_certificate(params["certificatePem"], "certificate")
    require_accepted_algorithms(certificate.certificate, "certificate")
    status = _find_initial_status(context, params)
    _require_unregistered(context, certificate)
    return insert_certificate(context, certificate, status, "SNI_ONLY", None)


def insert_certificate(
    context: Context, certificate: ParsedCertificate, status: str, mode: str, ca_id: str | None
) -> Output:
    """Insert a certificate that is not in the table, and return its ARN and ID."""
    context.tx.run(
        "INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        certificate.id,
        certificate.pem,
        ca_id,
        mode,
        status,
        None,  # previous_owner
        str(uuid.uuid4()),  # generation_id
        1,  # customer_version
        certificate.not_before,
        certificate.not_after,
        context.now,
        context.now,
    )
    return {"certificateArn": build_certificate_arn(context, certificate.id), "certificateId": certificate.id}


def _find_initial_status(context: Context, params: Params) -> str:
    """Return `status` if it is given, else ACTIVE with the deprecated `setAsActive`, else INACTIVE.

    Raises CertificateState for a pending status, which only AWS sets, InvalidRequest for REGISTER_INACTIVE.
    """
    if params.get("status") in PENDING_STATUSES:
        # AWS's text, which the authors of the emulator ministack measured for PENDING_ACTIVATION.
        message = f"Not allowed to register certificate with {params['status']} status"
        raise ApiError("CertificateStateException", message)
    if "status" in params:
        return require_settable_status(context, params["status"])
    return "ACTIVE" if params.get("setAsActive") else "INACTIVE"


def _require_unregistered(context: Context, certificate: ParsedCertificate) -> None:
    if find_certificate(context, certificate.id) is not None:
        raise already_exists(
            "The certificate is already provisioned or registered",
            resource_id=certificate.id,
            resource_arn=build_certificate_arn(context, certificate.id),
        )


def _require_no_other_account(context: Context, certificate: ParsedCertificate) -> None:
    """Raise InvalidRequest, with AWS's text, if another account has the certificate in mode DEFAULT.

    Only one account per Region can have it in this mode.
    """
    other_account = context.tx.fetch_one(
        "SELECT 1 FROM certificates c JOIN scopes s ON s.id = c.scope"
        " WHERE c.id = ? AND s.region = ? AND c.mode = 'DEFAULT' LIMIT 1",
        certificate.id,
        context.region,
    )
    if other_account is not None:
        raise context.invalid("This request is not valid")


def _find_authority(context: Context, certificate: ParsedCertificate, ca_pem: str | None) -> Row:
    """Return the registered CA that signed the certificate.

    It is the CA in the request, or else the only registered CA that could have signed the certificate.
    """
    if ca_pem is not None:
        authority = read_certificate(ca_pem, "CA certificate")
        row: Row | None = find_ca(context, authority.id)
        if row is None:
            raise _build_unknown_authority_error()
        if not certificate.is_issued_by(authority):
            message = f"The certificate is not signed by the CA certificate {authority.id}."
            raise ApiError("CertificateValidationException", message)
        return row
    candidates = context.tx.fetch_all(
        "SELECT * FROM ca_certificates WHERE scope = ? AND subject = ?", context.scope, certificate.issuer
    )
    signers = [
        row for row in candidates if certificate.is_issued_by(read_certificate(row["pem"], "CA certificate"))
    ]
    if not signers:
        raise _build_unknown_authority_error()
    if len(signers) > 1:
        raise ApiError(
            "CertificateConflictException",
            "Several registered CA certificates could have signed the certificate:"
            " give one of them in caCertificatePem.",
        )
    return signers[0]


def _build_unknown_authority_error() -> ApiError:
    # Users of AWS report that it returns CertificateState here, not CertificateValidation.
    return ApiError("CertificateStateException", "No CA certificate exists for the given certificate")
