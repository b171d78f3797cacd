"""Audits of AWS IoT Device Defender: the account's configuration, and the scheduled audits.

No audit ever runs: there is no time at which one would start.
"""

import json
from collections.abc import Sequence
from typing import Any

from reconciler.registry.context import Context
from reconciler.registry.shared.named_resources import NamedResource, NamedResourceType

SCHEMA = (
    """
    CREATE TABLE audit_configurations (
      scope INTEGER PRIMARY KEY,
      members TEXT NOT NULL
    )
    """,
)

SCHEDULED_AUDITS = NamedResourceType("scheduled audit", "scheduledaudit", "scheduledAuditName")

CHECKS = "auditCheckConfigurations"
"""The member of the configuration with the checks, by name."""

CHECK_NAMES = (
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
    "CA_CERTIFICATE_EXPIRING_CHECK",
    "CA_CERTIFICATE_KEY_QUALITY_CHECK",
    "CONFLICTING_CLIENT_IDS_CHECK",
    "DEVICE_CERTIFICATE_AGE_CHECK",
    "DEVICE_CERTIFICATE_EXPIRING_CHECK",
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK",
    "DEVICE_CERTIFICATE_SHARED_CHECK",
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK",
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK",
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK",
    "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK",
    "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK",
    "LOGGING_DISABLED_CHECK",
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK",
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK",
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK",
)
"""AWS IoT Device Defender developer guide, "Audit checks"."""


def find_configuration(context: Context) -> dict[str, Any] | None:
    """Return the members of the account's configuration that requests have set; None without any request."""
    row = context.tx.fetch_one("SELECT members FROM audit_configurations WHERE scope = ?", context.scope)
    return None if row is None else json.loads(row["members"])


def list_enabled_checks(context: Context) -> frozenset[str]:
    """Return the names of the account's enabled checks."""
    checks = (find_configuration(context) or {}).get(CHECKS, {})
    return frozenset(name for name, check in checks.items() if check.get("enabled"))


def list_audits(context: Context) -> Sequence[NamedResource]:
    """Return all scheduled audits, of which an account has few."""
    audits: Sequence[NamedResource] = SCHEDULED_AUDITS.list_page(context, {}, "audits", lambda audit: audit)[
        "audits"
    ]
    return audits
