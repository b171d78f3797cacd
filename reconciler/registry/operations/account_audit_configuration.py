"""The account's configuration of audits: the operations that describe, update and delete it."""

import json

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import not_found
from reconciler.registry.shared.audits import (
    CHECK_NAMES,
    CHECKS,
    SCHEDULED_AUDITS,
    find_configuration,
    list_audits,
)


@operation("iot", "DescribeAccountAuditConfiguration")
def describe_account_audit_configuration(context: Context, _params: Params) -> Output | None:
    """Return the configuration with all checks, which are disabled by default."""
    configuration = find_configuration(context) or {}
    checks = {name: {"enabled": False} for name in CHECK_NAMES}
    return {**configuration, CHECKS: {**checks, **configuration.get(CHECKS, {})}}


@operation("iot", "UpdateAccountAuditConfiguration")
def update_account_audit_configuration(context: Context, params: Params) -> Output | None:
    """Change the members in the request; checks and notification targets that it does not name stay.

    Raises InvalidRequest for an unknown check, if the first request enables none or has no role, and for disabling a check that a
    scheduled audit uses.
    """
    before = find_configuration(context)
    checks = params.get(CHECKS, {})
    unknown = sorted(checks.keys() - set(CHECK_NAMES))
    if unknown:
        raise context.invalid(f"The audit check {unknown[0]} does not exist.")
    if before is None and not any(check.get("enabled") for check in checks.values()):
        raise context.invalid("At least one audit check must be enabled.")
    if before is None and "roleArn" not in params:
        raise context.invalid("roleArn is required.")
    used_checks = {name for audit in list_audits(context) for name in audit.members["targetCheckNames"]}
    disabled = sorted(name for name, check in checks.items() if not check.get("enabled"))
    for name in disabled:
        if name in used_checks:
            raise context.invalid(f"The audit check {name} is used by a scheduled audit.")
    after = dict(before or {})
    for member, value in params.items():
        after[member] = {**after.get(member, {}), **value} if isinstance(value, dict) else value
    context.tx.run(
        "INSERT OR REPLACE INTO audit_configurations (scope, members) VALUES (?, ?)",
        context.scope,
        json.dumps(after),
    )
    return None


@operation("iot", "DeleteAccountAuditConfiguration")
def delete_account_audit_configuration(context: Context, params: Params) -> Output | None:
    """Restore the defaults; with `deleteScheduledAudits`, delete all scheduled audits, too.

    Raises ResourceNotFound without a configuration, InvalidRequest for scheduled audits that stay.
    """
    if find_configuration(context) is None:
        raise not_found("The account has no audit configuration.")
    audits = list_audits(context)
    if audits and not params.get("deleteScheduledAudits"):
        raise context.invalid("The account has scheduled audits.")
    for audit in audits:
        SCHEDULED_AUDITS.delete(context, {SCHEDULED_AUDITS.name_member: audit.name})
    context.tx.run("DELETE FROM audit_configurations WHERE scope = ?", context.scope)
    return None
