"""Device certificates: their table, and the operations that describe, list, update and delete them.

Users can set the statuses ACTIVE, INACTIVE and REVOKED; REVOKED is final. Only AWS sets PENDING_TRANSFER and
PENDING_ACTIVATION, and REGISTER_INACTIVE is deprecated; a request for one of these is rejected.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.paging import MARKER_PAGER, order_by_age
from reconciler.registry.shared.policy_edges import delete_target_edges, has_policies
from reconciler.registry.shared.principal_edges import delete_principal_edges, is_principal_in_use
from reconciler.registry.shared.transfer_records import read_transfer_data
from reconciler.registry.store import Row, Value

SCHEMA = (
    """
    CREATE TABLE certificates (
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      pem TEXT NOT NULL,
      ca_id TEXT,
      mode TEXT NOT NULL,
      status TEXT NOT NULL,
      previous_owner TEXT,
      generation_id TEXT NOT NULL,
      customer_version INTEGER NOT NULL,
      not_before REAL NOT NULL,
      not_after REAL NOT NULL,
      created_at REAL NOT NULL,
      modified_at REAL NOT NULL,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX certificates_by_age ON certificates (scope, created_at, id, status, mode)",
    "CREATE INDEX certificates_by_ca ON certificates (scope, ca_id, created_at, id, status, mode)",
)

PENDING_STATUSES = ("PENDING_ACTIVATION", "PENDING_TRANSFER")
SETTABLE_STATUSES = ("ACTIVE", "INACTIVE", "REVOKED")
# UpdateCertificate cannot change these. A transfer ends when it is accepted, rejected or canceled.
UNCHANGEABLE_STATUSES = ("REVOKED", "PENDING_TRANSFER")


def find_certificate(context: Context, certificate_id: str) -> Row | None:
    """Return the row of a device certificate, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM certificates WHERE scope = ? AND id = ?", context.scope, certificate_id
    )
    return row


def require_certificate(context: Context, certificate_id: str) -> Row:
    """Return the row of a device certificate. Raises ResourceNotFound."""
    row = find_certificate(context, certificate_id)
    if row is None:
        raise not_found(f"The certificate {certificate_id} does not exist.")
    return row


def build_certificate_arn(context: Context, certificate_id: str) -> str:
    """Return the ARN of a device certificate of this account and Region."""
    return context.build_arn(f"cert/{certificate_id}")


def require_settable_status(context: Context, status: str) -> str:
    """Return the status unchanged. Raises InvalidRequest if users cannot set it (the code is UNCONFIRMED)."""
    if status not in SETTABLE_STATUSES:
        raise context.invalid(
            f"The certificate status {status} cannot be set; use one of {', '.join(SETTABLE_STATUSES)}."
        )
    return status


@operation("iot", "DescribeCertificate")
def describe_certificate(context: Context, params: Params) -> Output | None:
    """Return everything about a certificate except its things and policies.

    `transferData` is empty for a certificate that was never transferred.

    Raises ResourceNotFound.
    """
    row = require_certificate(context, params["certificateId"])
    description = {
        "certificateArn": build_certificate_arn(context, row["id"]),
        "certificateId": row["id"],
        "caCertificateId": row["ca_id"],
        "status": row["status"],
        "certificatePem": row["pem"],
        "ownedBy": context.account,
        "previousOwnedBy": row["previous_owner"],
        "creationDate": row["created_at"],
        "lastModifiedDate": row["modified_at"],
        "customerVersion": row["customer_version"],
        "transferData": read_transfer_data(context, row["id"]),
        "generationId": row["generation_id"],
        "validity": {"notBefore": row["not_before"], "notAfter": row["not_after"]},
        "certificateMode": row["mode"],
    }
    return {"certificateDescription": description}


@operation("iot", "ListCertificates")
def list_certificates(context: Context, params: Params) -> Output | None:
    """Return the certificates by age, newest first unless `ascendingOrder`; 25 per page by default.

    The PEM is not included.
    """
    return _list_page(context, params, "scope = ?", context.scope)


@operation("iot", "ListCertificatesByCA")
def list_certificates_by_ca(context: Context, params: Params) -> Output | None:
    """Return the certificates that were registered with a CA, in the order of ListCertificates.

    A certificate that the CA signed is not included if it was registered without the CA or transferred to this account.
    The list is empty for an unknown CA, because AWS's service model has no ResourceNotFound for this operation.
    """
    return _list_page(context, params, "scope = ? AND ca_id = ?", context.scope, params["caCertificateId"])


@operation("iot", "UpdateCertificate")
def update_certificate(context: Context, params: Params) -> Output | None:
    """Change the status; setting the current status succeeds.

    Raises ResourceNotFound, InvalidRequest for a status that cannot be set, CertificateState (406) for any change
    of REVOKED or PENDING_TRANSFER (the code is UNCONFIRMED).
    """
    row = require_certificate(context, params["certificateId"])
    status = require_settable_status(context, params["newStatus"])
    if row["status"] in UNCHANGEABLE_STATUSES and status != row["status"]:
        message = f"The certificate is {row['status']}, which cannot be changed."
        raise ApiError("CertificateStateException", message)
    context.tx.run(
        "UPDATE certificates SET status = ?, modified_at = ?, customer_version = customer_version + 1"
        " WHERE scope = ? AND id = ?",
        status,
        context.now,
        context.scope,
        row["id"],
    )
    return None


@operation("iot", "DeleteCertificate")
def delete_certificate(context: Context, params: Params) -> Output | None:
    """Delete a certificate that is not ACTIVE and has neither things nor policies.

    `forceDelete` detaches its policies, but not its things.

    Raises ResourceNotFound, CertificateState (406) when it is ACTIVE or its transfer is pending (the code for the transfer is
    UNCONFIRMED), DeleteConflict (409) while a thing or a policy is attached, and for `detach_lag_seconds` after a thing was
    detached.
    """
    row = require_certificate(context, params["certificateId"])
    arn = build_certificate_arn(context, row["id"])
    if row["status"] == "ACTIVE":
        message = f"Certificate must be deactivated (not ACTIVE) before deletion. Id: {row['id']}"
        raise ApiError("CertificateStateException", message)
    if row["status"] == "PENDING_TRANSFER":
        raise ApiError("CertificateStateException", f"The certificate is PENDING_TRANSFER. (arn: {arn})")
    if is_principal_in_use(context, arn):
        raise ApiError("DeleteConflictException", f"Things must be detached before deletion (arn: {arn})")
    if has_policies(context, arn) and not params.get("forceDelete"):
        raise ApiError(
            "DeleteConflictException", f"Certificate policies must be detached before deletion (arn: {arn})"
        )
    context.tx.run("DELETE FROM certificates WHERE scope = ? AND id = ?", context.scope, row["id"])
    delete_target_edges(context, arn)
    delete_principal_edges(context, arn)
    return None


def _list_page(context: Context, params: Params, where: str, *values: Value) -> Output:
    """Return a page of the certificates that satisfy the SQL condition `where` with its `values`."""
    page = MARKER_PAGER.start_page(context, params)
    order, sign, after = order_by_age(page, params)
    rows = context.tx.fetch_all(
        f"SELECT id, status, mode, created_at FROM certificates WHERE {where}"  # noqa: S608  (fixed words only)
        f" AND (created_at, id) {sign} (?, ?) ORDER BY created_at {order}, id {order} LIMIT ?",
        *values,
        *after,
        page.limit,
    )
    return page.build_output(
        "certificates",
        rows,
        key=lambda row: (row["created_at"], row["id"]),
        item=lambda row: {
            "certificateArn": build_certificate_arn(context, row["id"]),
            "certificateId": row["id"],
            "status": row["status"],
            "certificateMode": row["mode"],
            "creationDate": row["created_at"],
        },
    )
