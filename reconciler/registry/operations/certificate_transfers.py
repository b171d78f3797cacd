"""Certificate transfers between accounts: start, accept, reject, cancel and list them.

While a transfer is pending, both accounts have the certificate with the status PENDING_TRANSFER: the source account can
cancel; the target account lists it among its certificates and can accept or reject. The Region stays the same.
"""

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context, find_partition
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.certificates import (
    build_certificate_arn,
    find_certificate,
    require_certificate,
)
from reconciler.registry.paging import MARKER_PAGER, order_by_age
from reconciler.registry.shared.policy_edges import has_policies
from reconciler.registry.shared.principal_edges import is_principal_in_use
from reconciler.registry.store import Row

PENDING = "PENDING_TRANSFER"


@operation("iot", "TransferCertificate")
def transfer_certificate(context: Context, params: Params) -> Output | None:
    """Start the transfer of a certificate to another account.

    The certificate must be INACTIVE and have neither policies nor things.

    Raises ResourceNotFound, CertificateState (406) for any other status, TransferConflict (409) while a policy or thing
    is attached, for `detach_lag_seconds` after a thing was detached, and when the target account has the certificate,
    InvalidRequest for the caller's own account.
    """
    row, account = require_certificate(context, params["certificateId"]), params["targetAwsAccount"]
    if account == context.account:
        raise context.invalid("A certificate cannot be transferred to its own account.")
    if row["status"] != "INACTIVE":
        raise ApiError("CertificateStateException", f"The certificate is {row['status']}, not INACTIVE.")
    arn = build_certificate_arn(context, row["id"])
    if has_policies(context, arn) or is_principal_in_use(context, arn):
        raise _conflict("Policies and things must be detached from the certificate before its transfer.")
    target = _find_target_scope(context, account)
    duplicate = context.tx.fetch_one(
        "SELECT 1 FROM certificates WHERE scope = ? AND id = ?", target, row["id"]
    )
    if duplicate is not None:
        raise _conflict(f"The account {account} already has the certificate.")
    _set_status(context, context.scope, row["id"], PENDING)
    context.tx.run(
        "INSERT INTO certificates (scope, id, pem, mode, status, previous_owner, generation_id, customer_version,"
        " not_before, not_after, created_at, modified_at) SELECT ?, id, pem, mode, status, ?, generation_id,"
        " customer_version, not_before, not_after, created_at, modified_at FROM certificates WHERE scope = ? AND id = ?",
        target,
        context.account,
        context.scope,
        row["id"],
    )
    context.tx.run(
        "INSERT OR REPLACE INTO certificate_transfers (certificate, source, target, target_account, message,"
        " created_at, transferred_at, pending) VALUES (?, ?, ?, ?, ?, ?, ?, 1)",
        row["id"],
        context.scope,
        target,
        account,
        params.get("transferMessage"),
        row["created_at"],
        context.now,
    )
    # UNCONFIRMED: the response has the certificate's ARN in the target account.
    target_arn = f"arn:{find_partition(context.region)}:iot:{context.region}:{account}:cert/{row['id']}"
    return {"transferredCertificateArn": target_arn}


@operation("iot", "AcceptCertificateTransfer")
def accept_certificate_transfer(context: Context, params: Params) -> Output | None:
    """Accept a transferred certificate; it is deleted from its source account.

    In this account, it becomes INACTIVE, or ACTIVE with `setAsActive`.

    Raises ResourceNotFound, TransferAlreadyCompleted (410) when no transfer is pending.
    """
    record = _require_incoming(context, params["certificateId"])
    status = "ACTIVE" if params.get("setAsActive") else "INACTIVE"
    _delete_certificate(context, record["source"], record["certificate"])
    _set_status(context, context.scope, record["certificate"], status)
    _complete_transfer(context, record, "accepted_at = ?", context.now)
    return None


@operation("iot", "RejectCertificateTransfer")
def reject_certificate_transfer(context: Context, params: Params) -> Output | None:
    """Reject a transferred certificate; it becomes INACTIVE again in the source account.

    Raises ResourceNotFound, TransferAlreadyCompleted (410) when no transfer is pending.
    """
    record = _require_incoming(context, params["certificateId"])
    _delete_certificate(context, context.scope, record["certificate"])
    _set_status(context, record["source"], record["certificate"], "INACTIVE")
    _complete_transfer(
        context, record, "rejected_at = ?, reject_reason = ?", context.now, params.get("rejectReason")
    )
    return None


@operation("iot", "CancelCertificateTransfer")
def cancel_certificate_transfer(context: Context, params: Params) -> Output | None:
    """Cancel a transfer; the certificate becomes INACTIVE again.

    Raises ResourceNotFound, TransferAlreadyCompleted (410) when no transfer is pending.
    """
    record = context.tx.fetch_one(
        "SELECT * FROM certificate_transfers WHERE certificate = ? AND source = ?",
        params["certificateId"],
        context.scope,
    )
    record = _require_pending(context, params["certificateId"], record)
    _delete_certificate(context, record["target"], record["certificate"])
    _set_status(context, context.scope, record["certificate"], "INACTIVE")
    context.tx.run(
        "DELETE FROM certificate_transfers WHERE certificate = ? AND source = ?",
        record["certificate"],
        context.scope,
    )
    return None


@operation("iot", "ListOutgoingCertificates")
def list_outgoing_certificates(context: Context, params: Params) -> Output | None:
    """Return the certificates with a pending transfer from this account.

    They are sorted by the certificates' age, newest first unless `ascendingOrder`.
    """
    page = MARKER_PAGER.start_page(context, params)
    order, sign, after = order_by_age(page, params)
    rows = context.tx.fetch_all(
        "SELECT * FROM certificate_transfers WHERE source = ? AND pending = 1"  # noqa: S608  (fixed words only)
        f" AND (created_at, certificate) {sign} (?, ?) ORDER BY created_at {order}, certificate {order} LIMIT ?",
        context.scope,
        *after,
        page.limit,
    )
    return page.build_output(
        "outgoingCertificates",
        rows,
        key=lambda row: (row["created_at"], row["certificate"]),
        item=lambda row: {
            "certificateArn": build_certificate_arn(context, row["certificate"]),
            "certificateId": row["certificate"],
            "transferredTo": row["target_account"],
            "transferDate": row["transferred_at"],
            "transferMessage": row["message"],
            "creationDate": row["created_at"],
        },
    )


def _find_target_scope(context: Context, account: str) -> int:
    """Return the scope number of another account in this Region, created on first use."""
    context.tx.run("INSERT OR IGNORE INTO scopes (account, region) VALUES (?, ?)", account, context.region)
    row = context.tx.fetch_one(
        "SELECT id FROM scopes WHERE account = ? AND region = ?", account, context.region
    )
    return int(row["id"])


def _require_incoming(context: Context, certificate_id: str) -> Row:
    """Return the record of a pending transfer to this account.

    Raises ResourceNotFound, TransferAlreadyCompleted when there is none.
    """
    record = context.tx.fetch_one(
        "SELECT * FROM certificate_transfers WHERE certificate = ? AND target = ? ORDER BY pending DESC LIMIT 1",
        certificate_id,
        context.scope,
    )
    return _require_pending(context, certificate_id, record)


def _require_pending(context: Context, certificate_id: str, record: Row | None) -> Row:
    """Return the record if its transfer is pending.

    Raises ResourceNotFound when neither the record nor the certificate exists, else TransferAlreadyCompleted.
    """
    if record is None and find_certificate(context, certificate_id) is None:
        raise not_found(f"The certificate {certificate_id} does not exist.")
    if record is None or not record["pending"]:
        raise ApiError(
            "TransferAlreadyCompletedException",
            f"No transfer of the certificate {certificate_id} is pending.",
        )
    return record


def _set_status(context: Context, scope: int, certificate_id: str, status: str) -> None:
    context.tx.run(
        "UPDATE certificates SET status = ?, modified_at = ?, customer_version = customer_version + 1"
        " WHERE scope = ? AND id = ?",
        status,
        context.now,
        scope,
        certificate_id,
    )


def _delete_certificate(context: Context, scope: int, certificate_id: str) -> None:
    context.tx.run("DELETE FROM certificates WHERE scope = ? AND id = ?", scope, certificate_id)


def _complete_transfer(context: Context, record: Row, changes: str, *values: float | str | None) -> None:
    """Store that a transfer is not pending; `changes` is the SQL that sets other columns to `values`."""
    context.tx.run(
        f"UPDATE certificate_transfers SET pending = 0, {changes} WHERE certificate = ? AND source = ?",  # noqa: S608
        *values,
        record["certificate"],
        record["source"],
    )


def _conflict(message: str) -> ApiError:
    return ApiError("TransferConflictException", message)
