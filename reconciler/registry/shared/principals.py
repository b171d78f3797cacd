"""Principals: parsing and lookup.

Invariant: a principal is the ARN of a device certificate of this account and Region, or a Cognito identity, of which only
the format is checked.
"""

import re

from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.store import Row

_COGNITO = re.compile(r"[a-z]{2}(-[a-z]+)+-\d:[0-9a-fA-F-]{36}")


def parse_certificate_id(context: Context, principal: str) -> str | None:
    """Return the certificate ID of a principal, or None for a Cognito identity.

    Raises InvalidRequest for anything else.
    """
    prefix = context.build_arn("cert/")
    if principal.startswith(prefix):
        return principal.removeprefix(prefix)
    if _COGNITO.fullmatch(principal):
        return None
    raise context.invalid(
        f"Invalid principal {principal}: a certificate's ARN or a Cognito identity is expected."
    )


def require_principal(context: Context, principal: str) -> Row | None:
    """Return the row of a principal's certificate, or None for a Cognito identity.

    Raises InvalidRequest for an invalid principal, ResourceNotFound for an unknown certificate.
    """
    certificate_id = parse_certificate_id(context, principal)
    if certificate_id is None:
        return None
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM certificates WHERE scope = ? AND id = ?", context.scope, certificate_id
    )
    if row is None:
        raise not_found("The certificate given in the principal does not exist.")
    return row


def require_attachable(context: Context, principal: str) -> None:
    """Raise what `require_principal` raises, and InvalidRequest for a certificate with a pending transfer.

    UNCONFIRMED: AWS rejects the attachment; a transfer requires a certificate without attachments.
    """
    row = require_principal(context, principal)
    if row is not None and row["status"] == "PENDING_TRANSFER":
        raise context.invalid(f"The certificate {row['id']} is PENDING_TRANSFER.")
