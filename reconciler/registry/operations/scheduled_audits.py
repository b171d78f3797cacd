"""Scheduled audits: the operations that create, describe, list, update and delete them."""

from collections.abc import Mapping
from typing import Any

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError, not_found
from reconciler.registry.shared.audits import SCHEDULED_AUDITS, list_audits, list_enabled_checks
from reconciler.registry.shared.named_resources import NamedResource

MAX_SCHEDULED_AUDITS = 5
_DAY_MEMBERS = {"MONTHLY": "dayOfMonth", "WEEKLY": "dayOfWeek", "BIWEEKLY": "dayOfWeek"}


@operation("iot", "CreateScheduledAudit")
def create_scheduled_audit(context: Context, params: Params) -> Output | None:
    """Create a scheduled audit. Repeating the call fails.

    Raises ResourceAlreadyExists (409), LimitExceeded (410) for a sixth audit, InvalidRequest for a missing day, for checks that are
    not enabled and for invalid tags.
    """
    _check(context, params)
    audit = SCHEDULED_AUDITS.create(context, params)
    if len(list_audits(context)) > MAX_SCHEDULED_AUDITS:
        raise ApiError(
            "LimitExceededException", f"An account can have {MAX_SCHEDULED_AUDITS} scheduled audits."
        )
    return {"scheduledAuditArn": audit.arn}


@operation("iot", "DescribeScheduledAudit")
def describe_scheduled_audit(context: Context, params: Params) -> Output | None:
    """Return everything about a scheduled audit except its tags. Raises ResourceNotFound."""
    audit = SCHEDULED_AUDITS.require(context, params)
    return {**_summarize(audit), "targetCheckNames": audit.members["targetCheckNames"]}


@operation("iot", "ListScheduledAudits")
def list_scheduled_audits(context: Context, params: Params) -> Output | None:
    """Return the scheduled audits without their checks, in creation order."""
    return SCHEDULED_AUDITS.list_page(context, params, "scheduledAudits", _summarize)


@operation("iot", "UpdateScheduledAudit")
def update_scheduled_audit(context: Context, params: Params) -> Output | None:
    """Change the members in the request; others stay, even a day that the new frequency does not use.

    Raises ResourceNotFound, InvalidRequest for a missing day and for checks that are not enabled.
    """
    audit = SCHEDULED_AUDITS.require(context, params)
    changes = SCHEDULED_AUDITS.select_changes(params)
    _check(context, {**audit.members, **changes})
    SCHEDULED_AUDITS.update(context, audit, changes)
    return {"scheduledAuditArn": audit.arn}


@operation("iot", "DeleteScheduledAudit")
def delete_scheduled_audit(context: Context, params: Params) -> Output | None:
    """Delete a scheduled audit. Raises ResourceNotFound."""
    if SCHEDULED_AUDITS.delete(context, params) is None:
        raise not_found(f"The scheduled audit {params['scheduledAuditName']} does not exist.")
    return None


def _check(context: Context, members: Mapping[str, Any]) -> None:
    frequency, checks = members["frequency"], members["targetCheckNames"]
    day = _DAY_MEMBERS.get(frequency)
    if day and day not in members:
        raise context.invalid(f"{day} is required for the frequency {frequency}.")
    disabled = sorted(set(checks) - list_enabled_checks(context))
    if disabled or not checks:
        raise context.invalid(f"The audit checks [{', '.join(disabled)}] are not enabled.")


def _summarize(audit: NamedResource) -> Output:
    members = {key: value for key, value in audit.members.items() if key != "targetCheckNames"}
    return {**members, "scheduledAuditName": audit.name, "scheduledAuditArn": audit.arn}
