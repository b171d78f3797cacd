"""Versions of provisioning templates: the operations that create, describe, list and delete them.

CreateProvisioningClaim is here too.

Invariant: a template has at most five versions and exactly one default; a version ID is never reused.
"""

from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.operations.issued_certificates import ensure_signing_key
from reconciler.registry.operations.provisioning_templates import (
    FLEET,
    build_template_arn,
    insert_template_version,
    require_template,
    require_template_version,
)
from reconciler.registry.paging import REGISTRY_PAGER
from reconciler.registry.store import Row
from reconciler.registry.x509 import read_certificate

MAX_VERSIONS = 5
CLAIM_SECONDS = 300.0


@operation("iot", "CreateProvisioningTemplateVersion")
def create_provisioning_template_version(context: Context, params: Params) -> Output | None:
    """Add a version to a template; with `setAsDefault`, the version becomes the default.

    Raises ResourceNotFound, InvalidRequest for an invalid body, VersionsLimitExceeded (409) for a 6th version.
    """
    template = require_template(context, params["templateName"])
    version_count = context.tx.fetch_one(
        "SELECT count(*) AS number FROM provisioning_template_versions WHERE template = ?", template["seq"]
    )["number"]
    if version_count >= MAX_VERSIONS:
        raise ApiError(
            "VersionsLimitExceededException",
            f"The provisioning template {template['name']} already has the maximum number of versions"
            f" ({MAX_VERSIONS})",
        )
    version = template["last_version"] + 1
    is_default = bool(params.get("setAsDefault"))
    insert_template_version(context, template["seq"], version, params["templateBody"])
    context.tx.run(
        "UPDATE provisioning_templates SET last_version = ?, default_version = ?, modified_at = ? WHERE seq = ?",
        version,
        version if is_default else template["default_version"],
        context.now,
        template["seq"],
    )
    return {
        "templateArn": build_template_arn(context, template["name"]),
        "templateName": template["name"],
        "versionId": version,
        "isDefaultVersion": is_default,
    }


@operation("iot", "DescribeProvisioningTemplateVersion")
def describe_provisioning_template_version(context: Context, params: Params) -> Output | None:
    """Return everything about a version. Raises ResourceNotFound."""
    template = require_template(context, params["templateName"])
    row = require_template_version(context, template, params["versionId"])
    return {**_to_item(template, row), "templateBody": row["body"]}


@operation("iot", "ListProvisioningTemplateVersions")
def list_provisioning_template_versions(context: Context, params: Params) -> Output | None:
    """Return the versions in creation order.

    Raises ResourceNotFound, InvalidRequest for an invalid `nextToken`.
    """
    page = REGISTRY_PAGER.start_page(context, params)
    template = require_template(context, params["templateName"])
    rows = context.tx.fetch_all(
        "SELECT * FROM provisioning_template_versions WHERE template = ? AND version > ? ORDER BY version LIMIT ?",
        template["seq"],
        page.after[0] if page.after else 0,
        page.limit,
    )
    return page.build_output(
        "versions", rows, key=lambda row: (row["version"],), item=lambda row: _to_item(template, row)
    )


@operation("iot", "DeleteProvisioningTemplateVersion")
def delete_provisioning_template_version(context: Context, params: Params) -> Output | None:
    """Delete a version that is not the default; its ID is never reused.

    Raises ResourceNotFound, DeleteConflict (409) for the default version.
    """
    template = require_template(context, params["templateName"])
    row = require_template_version(context, template, params["versionId"])
    if row["version"] == template["default_version"]:
        raise ApiError(
            "DeleteConflictException", "Cannot delete the default version of a provisioning template"
        )
    context.tx.run(
        "DELETE FROM provisioning_template_versions WHERE template = ? AND version = ?",
        template["seq"],
        row["version"],
    )
    return None


@operation("iot", "CreateProvisioningClaim")
def create_provisioning_claim(context: Context, params: Params) -> Output | None:
    """Create a certificate with which a device can provision itself during five minutes.

    The certificate is not stored.

    Raises ResourceNotFound, InvalidRequest for a template that is not enabled or not for fleet provisioning.
    UNCONFIRMED: whether AWS rejects these templates, and with which error.
    """
    template = require_template(context, params["templateName"])
    if not template["enabled"] or template["type"] != FLEET:
        raise context.invalid(
            f"The provisioning template {template['name']} is not enabled or not of type {FLEET}."
        )
    from reconciler.registry.certificate_authority import generate_key_pair, issue_certificate

    pair = generate_key_pair()
    pem = issue_certificate(ensure_signing_key(context), pair, context.now, CLAIM_SECONDS)
    return {
        "certificateId": read_certificate(pem, "claim certificate").id,
        "certificatePem": pem,
        "keyPair": {"PublicKey": pair.public, "PrivateKey": pair.private},
        "expiration": context.now + CLAIM_SECONDS,
    }


def _to_item(template: Row, row: Row) -> dict[str, Any]:
    return {
        "versionId": row["version"],
        "creationDate": row["created_at"],
        "isDefaultVersion": row["version"] == template["default_version"],
    }
