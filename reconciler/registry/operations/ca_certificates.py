"""CA certificates: their table, and the operations to register, describe, list, update, delete them."""

import json
import uuid

from reconciler.registry.algorithms import require_accepted_algorithms
from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, already_exists, not_found
from reconciler.registry.operations.provisioning_templates import require_template
from reconciler.registry.operations.registration_codes import find_registration_code
from reconciler.registry.paging import MARKER_PAGER, order_by_age
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, parse_tag_list
from reconciler.registry.store import Row
from reconciler.registry.templates.document import TemplateError
from reconciler.registry.templates.registration import check_registration_template
from reconciler.registry.x509 import ParsedCertificate, read_certificate

SCHEMA = (
    """
    CREATE TABLE ca_certificates (
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      pem TEXT NOT NULL,
      subject BLOB NOT NULL,
      mode TEXT NOT NULL,
      status TEXT NOT NULL,
      auto_registration TEXT NOT NULL,
      registration_config TEXT,
      generation_id TEXT NOT NULL,
      customer_version INTEGER NOT NULL,
      not_before REAL NOT NULL,
      not_after REAL NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX ca_certificates_by_subject ON ca_certificates (scope, subject)",
    "CREATE INDEX ca_certificates_by_age ON ca_certificates (scope, created_at, id)",
    "CREATE INDEX ca_certificates_by_id ON ca_certificates (id, mode)",
)

MAX_CAS_PER_SUBJECT = 10


def find_ca(context: Context, certificate_id: str) -> Row | None:
    """Return the row of a CA certificate, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM ca_certificates WHERE scope = ? AND id = ?", context.scope, certificate_id
    )
    return row


def require_ca(context: Context, certificate_id: str) -> Row:
    """Return the row of a CA certificate. Raises ResourceNotFound."""
    row = find_ca(context, certificate_id)
    if row is None:
        raise not_found(f"The CA certificate {certificate_id} does not exist.")
    return row


@allow_tags("iot", "cacert")
def ca_exists(context: Context, certificate_id: str) -> bool:
    """Return whether the CA certificate is registered."""
    return find_ca(context, certificate_id) is not None


@operation("iot", "RegisterCACertificate")
def register_ca_certificate(context: Context, params: Params) -> Output | None:
    """Register a CA certificate; it is INACTIVE unless `setAsActive`.

    Raises CertificateValidation (400), RegistrationCodeValidation (400), ResourceAlreadyExists (409), InvalidRequest, also for
    another account's CA in mode DEFAULT, ResourceNotFound for an unknown provisioning template, LimitExceeded (410) for an
    11th CA with the same subject.
    """
    authority = read_certificate(params["caCertificate"], "CA certificate")
    mode = params.get("certificateMode", "DEFAULT")
    _require_unregistered(context, authority, mode)
    require_accepted_algorithms(authority.certificate, "CA certificate")
    _require_ca_constraint(authority)
    _verify_possession(context, authority, mode, params.get("verificationCertificate"))
    _require_subject_limit(context, authority)
    config = _serialize_registration_config(context, params.get("registrationConfig"))
    context.tx.run(
        "INSERT INTO ca_certificates VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        context.scope,
        authority.id,
        authority.pem,
        authority.subject,
        mode,
        "ACTIVE" if params.get("setAsActive") else "INACTIVE",
        "ENABLE" if params.get("allowAutoRegistration") else "DISABLE",
        config,
        str(uuid.uuid4()),  # generation_id
        1,  # customer_version
        authority.not_before,
        authority.not_after,
        context.now,
        context.now,
    )
    add_tags(context, _build_arn(context, authority.id), parse_tag_list(context, params.get("tags", [])))
    return {"certificateArn": _build_arn(context, authority.id), "certificateId": authority.id}


@operation("iot", "DescribeCACertificate")
def describe_ca_certificate(context: Context, params: Params) -> Output | None:
    """Return everything about a CA certificate except its tags. Raises ResourceNotFound."""
    row = require_ca(context, params["certificateId"])
    description = {
        "certificateArn": _build_arn(context, row["id"]),
        "certificateId": row["id"],
        "status": row["status"],
        "certificatePem": row["pem"],
        "ownedBy": context.account,
        "creationDate": row["created_at"],
        "autoRegistrationStatus": row["auto_registration"],
        "lastModifiedDate": row["modified_at"],
        "customerVersion": row["customer_version"],
        "generationId": row["generation_id"],
        "validity": {"notBefore": row["not_before"], "notAfter": row["not_after"]},
        "certificateMode": row["mode"],
    }
    config = row["registration_config"]
    return {
        "certificateDescription": description,
        "registrationConfig": None if config is None else json.loads(config),
    }


@operation("iot", "ListCACertificates")
def list_ca_certificates(context: Context, params: Params) -> Output | None:
    """Return the CA certificates by age, newest first unless `ascendingOrder`; 25 per page by default.

    With `templateName`, only those are returned whose registration config names this template.
    """
    page = MARKER_PAGER.start_page(context, params)
    order, sign, after = order_by_age(page, params)
    rows = context.tx.fetch_all(
        "SELECT id, status, created_at FROM ca_certificates"  # noqa: S608  (fixed words only)
        f" WHERE scope = ? AND (created_at, id) {sign} (?, ?)"
        " AND (? IS NULL OR json_extract(registration_config, '$.templateName') = ?)"
        f" ORDER BY created_at {order}, id {order} LIMIT ?",
        context.scope,
        *after,
        params.get("templateName"),
        params.get("templateName"),
        page.limit,
    )
    return page.build_output(
        "certificates",
        rows,
        key=lambda row: (row["created_at"], row["id"]),
        item=lambda row: {
            "certificateArn": _build_arn(context, row["id"]),
            "certificateId": row["id"],
            "status": row["status"],
            "creationDate": row["created_at"],
        },
    )


@operation("iot", "UpdateCACertificate")
def update_ca_certificate(context: Context, params: Params) -> Output | None:
    """Change the status, auto-registration or registration config; device certificates do not change.

    Raises ResourceNotFound for an unknown CA or provisioning template, InvalidRequest.
    """
    row = require_ca(context, params["certificateId"])
    config, auto_registration = row["registration_config"], row["auto_registration"]
    if params.get("removeAutoRegistration"):
        if "registrationConfig" in params:
            raise context.invalid("registrationConfig cannot be given together with removeAutoRegistration.")
        config, auto_registration = None, "DISABLE"
    elif "registrationConfig" in params:
        config = _serialize_registration_config(context, params["registrationConfig"])
    context.tx.run(
        "UPDATE ca_certificates SET status = ?, auto_registration = ?, registration_config = ?, modified_at = ?,"
        " customer_version = customer_version + 1 WHERE scope = ? AND id = ?",
        params.get("newStatus", row["status"]),
        params.get("newAutoRegistrationStatus", auto_registration),
        config,
        context.now,
        context.scope,
        row["id"],
    )
    return None


@operation("iot", "DeleteCACertificate")
def delete_ca_certificate(context: Context, params: Params) -> Output | None:
    """Delete an INACTIVE CA certificate; the device certificates that it signed stay.

    UNCONFIRMED: the device certificates do not block the deletion. AWS's service model has no DeleteConflict for this
    operation.

    Raises ResourceNotFound, CertificateState (406) when it is ACTIVE.
    """
    row = require_ca(context, params["certificateId"])
    if row["status"] == "ACTIVE":
        raise ApiError(
            "CertificateStateException",
            "The CA certificate must be deactivated (not ACTIVE) before deletion.",
        )
    context.tx.run("DELETE FROM ca_certificates WHERE scope = ? AND id = ?", context.scope, row["id"])
    delete_tags(context, _build_arn(context, row["id"]))
    return None


def _build_arn(context: Context, certificate_id: str) -> str:
    return context.build_arn(f"cacert/{certificate_id}")


def _require_unregistered(context: Context, authority: ParsedCertificate, mode: str) -> None:
    """Raise unless the CA can be registered in this account and Region.

    Within a Region, a CA can be registered once per account, and in mode DEFAULT by only one account.
    """
    if find_ca(context, authority.id) is not None:
        # Tools search the text for `ID:` and the ID (Microchip's Zero Touch kit); the rest of the text is UNCONFIRMED.
        raise already_exists(
            f"The CA certificate is already registered, ID:{authority.id}",
            resource_id=authority.id,
            resource_arn=_build_arn(context, authority.id),
        )
    other_account = context.tx.fetch_one(
        "SELECT 1 FROM ca_certificates c JOIN scopes s ON s.id = c.scope"
        " WHERE c.id = ? AND s.region = ? AND c.mode = 'DEFAULT' AND ? = 'DEFAULT' LIMIT 1",
        authority.id,
        context.region,
        mode,
    )
    if other_account is not None:
        raise context.invalid("Cannot accept this CACertificate")


def _require_ca_constraint(authority: ParsedCertificate) -> None:
    """Raise unless the certificate has the basic constraint `CA: true`, which AWS requires.

    The error's code is UNCONFIRMED.
    """
    if not authority.is_authority:
        raise ApiError(
            "CertificateValidationException",
            "The CA certificate does not have basic constraints with CA true.",
        )


def _verify_possession(
    context: Context, authority: ParsedCertificate, mode: str, verification_pem: str | None
) -> None:
    """Check the verification certificate, which proves that the caller has the CA's private key.

    In mode SNI_ONLY, no proof is required, and a verification certificate is rejected.
    """
    if mode == "SNI_ONLY":
        if verification_pem:
            raise context.invalid("verificationCertificate must be empty when certificateMode is SNI_ONLY.")
        return
    if not verification_pem:
        raise context.invalid("verificationCertificate must not be empty when certificateMode is DEFAULT.")
    verification = read_certificate(verification_pem, "verification certificate")
    code = find_registration_code(context)
    if code is None or verification.common_names != (code,):
        raise ApiError(
            "RegistrationCodeValidationException",
            "The common name of the verification certificate is not the registration code.",
        )
    if not verification.is_issued_by(authority):
        raise ApiError(
            "CertificateValidationException",
            "The verification certificate is not signed by the CA certificate.",
        )


def _require_subject_limit(context: Context, authority: ParsedCertificate) -> None:
    row = context.tx.fetch_one(
        "SELECT count(*) AS number FROM ca_certificates WHERE scope = ? AND subject = ?",
        context.scope,
        authority.subject,
    )
    if row["number"] >= MAX_CAS_PER_SUBJECT:
        raise ApiError(
            "LimitExceededException",
            "Limit reached for number of CA Certificates with same subject",
        )


def _serialize_registration_config(context: Context, config: dict[str, str] | None) -> str | None:
    """Check a registration config, and return it as JSON, or None if it is absent or empty.

    A template that it names must exist and be of type JITP; an inline template is checked as AWS checks it.
    """
    if not config:
        return None
    if "templateBody" in config:
        try:
            check_registration_template(config["templateBody"])
        except TemplateError as error:
            raise context.invalid(str(error)) from error
    if "templateName" in config:
        if "templateBody" in config:
            raise context.invalid("registrationConfig cannot have both templateName and templateBody.")
        if require_template(context, config["templateName"])["type"] != "JITP":
            raise context.invalid(f"The provisioning template {config['templateName']} is not of type JITP.")
    return json.dumps(config)
