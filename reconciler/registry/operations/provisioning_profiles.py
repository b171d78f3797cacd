"""Provisioning profiles: their table, and the operations that create, get, list and delete them.

AWS has no operation that updates a profile.

A fleet provisioning profile has a claim certificate, from the request or generated; the private key of a generated one is
returned once and not stored. A JITR profile has a CA certificate, which is never returned.
"""

import uuid
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.operations.issued_certificates import ensure_signing_key
from reconciler.registry.paging import MANAGED_INTEGRATIONS_PAGER
from reconciler.registry.shared.client_tokens import delete_token, find_by_token, save_token
from reconciler.registry.shared.tagging import add_tags, allow_tags, delete_tags, read_tags
from reconciler.registry.store import Row
from reconciler.registry.x509 import read_certificate

SERVICE = "iot-managed-integrations"

SCHEMA = (
    """
    CREATE TABLE provisioning_profiles (
      scope INTEGER NOT NULL,
      id TEXT NOT NULL,
      name TEXT,
      type TEXT NOT NULL,
      ca_certificate TEXT,
      claim_certificate TEXT,
      PRIMARY KEY (scope, id)
    ) WITHOUT ROWID
    """,
)

JITR = "JITR"


def find_profile(context: Context, identifier: str) -> Row | None:
    """Return the row of a provisioning profile, or None."""
    row: Row | None = context.tx.fetch_one(
        "SELECT * FROM provisioning_profiles WHERE scope = ? AND id = ?", context.scope, identifier
    )
    return row


def require_profile(context: Context, identifier: str) -> Row:
    """Return the row of a provisioning profile. Raises ResourceNotFound."""
    row = find_profile(context, identifier)
    if row is None:
        raise not_found(
            f"The provisioning profile {identifier} does not exist.",
            ResourceId=identifier,
            ResourceType="provisioning-profile",
        )
    return row


@allow_tags(SERVICE, "provisioning-profile")
def profile_exists(context: Context, identifier: str) -> bool:
    """Return whether the provisioning profile exists."""
    return find_profile(context, identifier) is not None


@operation(SERVICE, "CreateProvisioningProfile")
def create_provisioning_profile(context: Context, params: Params) -> Output | None:
    """Create a provisioning profile.

    Repeating the call with the same client token returns the same profile, without the private key.

    Raises ValidationException for an invalid PEM or invalid tags, for a JITR profile without CA certificate or with a claim
    certificate, and for a fleet provisioning profile with a CA certificate (the three rules for the profile types are
    UNCONFIRMED); ConflictException (409) for a client token that was used with other parameters.
    """
    existing_id = find_by_token(context, params)
    if existing_id is not None:
        return _to_profile(context, require_profile(context, existing_id))
    ca, claim = params.get("CaCertificate"), params.get("ClaimCertificate")
    private_key = None
    _require_valid_certificates(context, params["ProvisioningType"], ca, claim)
    if claim is None and params["ProvisioningType"] != JITR:
        from reconciler.registry.certificate_authority import generate_key_pair, issue_certificate

        pair = generate_key_pair()
        claim = issue_certificate(ensure_signing_key(context), pair, context.now)
        private_key = pair.private
    identifier = uuid.uuid4().hex
    context.tx.run(
        "INSERT INTO provisioning_profiles (scope, id, name, type, ca_certificate, claim_certificate)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        context.scope,
        identifier,
        params.get("Name"),
        params["ProvisioningType"],
        ca,
        claim,
    )
    save_token(context, params, identifier)
    add_tags(context, _build_arn(context, identifier), params.get("Tags", {}))
    profile = _to_profile(context, require_profile(context, identifier))
    return {**profile, "ClaimCertificatePrivateKey": private_key}


@operation(SERVICE, "GetProvisioningProfile")
def get_provisioning_profile(context: Context, params: Params) -> Output | None:
    """Return everything that is stored about a provisioning profile, except its CA certificate.

    Raises ResourceNotFound.
    """
    row = require_profile(context, params["Identifier"])
    return {**_to_profile(context, row), "Tags": read_tags(context, _build_arn(context, row["id"])) or None}


@operation(SERVICE, "ListProvisioningProfiles")
def list_provisioning_profiles(context: Context, params: Params) -> Output | None:
    """Return the provisioning profiles, sorted by ID.

    Raises ValidationException for an invalid `NextToken`.
    """
    page = MANAGED_INTEGRATIONS_PAGER.start_page(context, params)
    rows = context.tx.fetch_all(
        "SELECT * FROM provisioning_profiles WHERE scope = ? AND id > ? ORDER BY id LIMIT ?",
        context.scope,
        page.after[0] if page.after else "",
        page.limit,
    )
    return page.build_output(
        "Items", rows, key=lambda row: (row["id"],), item=lambda row: _to_item(context, row)
    )


@operation(SERVICE, "DeleteProvisioningProfile")
def delete_provisioning_profile(context: Context, params: Params) -> Output | None:
    """Delete a provisioning profile. Raises ResourceNotFound."""
    row = require_profile(context, params["Identifier"])
    context.tx.run("DELETE FROM provisioning_profiles WHERE scope = ? AND id = ?", context.scope, row["id"])
    delete_tags(context, _build_arn(context, row["id"]))
    delete_token(context, row["id"])
    return None


def _require_valid_certificates(
    context: Context, provisioning_type: str, ca: str | None, claim: str | None
) -> None:
    """Raise ValidationException unless the certificates are valid and allowed for the provisioning type."""
    if (provisioning_type == JITR) != (ca is not None):
        raise context.invalid(
            f"CaCertificate is required for provisioning type {JITR} and not allowed for others."
        )
    if provisioning_type == JITR and claim is not None:
        raise context.invalid(f"ClaimCertificate is not allowed for provisioning type {JITR}.")
    try:
        for pem in filter(None, (ca, claim)):
            read_certificate(pem, "certificate")
    except ApiError as error:
        raise context.invalid(error.message) from error


def _build_arn(context: Context, identifier: str) -> str:
    return context.build_arn(f"provisioning-profile/{identifier}")


def _to_item(context: Context, row: Row) -> dict[str, Any]:
    return {
        "Arn": _build_arn(context, row["id"]),
        "Id": row["id"],
        "Name": row["name"],
        "ProvisioningType": row["type"],
        "Status": "CREATED",
    }


def _to_profile(context: Context, row: Row) -> dict[str, Any]:
    return {**_to_item(context, row), "ClaimCertificate": row["claim_certificate"]}
