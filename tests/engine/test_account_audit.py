"""Audit checks of the account: enabled before the audits that use them, and disabled after them."""

from __future__ import annotations

import pytest

from reconciler.kinds.account_audit import Audit, AuditCheck, NotificationTarget
from reconciler.kinds.scheduled_audits import ScheduledAudit
from tests.support.desired_states import (
    converge,
    get_rejection_reasons,
    make_resource,
    make_state,
    plan_state,
)
from tests.support.kind_driver import list_problems
from tests.support.registry_client import Cloud

ROLE = "arn:aws:iam::123456789012:role/audit"
LOGGING, AGE, CLIENTS = (
    "LOGGING_DISABLED_CHECK",
    "DEVICE_CERTIFICATE_AGE_CHECK",
    "CONFLICTING_CLIENT_IDS_CHECK",
)


@pytest.fixture(scope="module")
def module_cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def cloud(module_cloud: Cloud) -> Cloud:
    """Return a registry without an audit configuration."""
    return module_cloud.reset(is_new_account=True)


def make_settings(*checks: str, **fields: object):
    configurations = {name: AuditCheck() for name in checks}
    spec = Audit(ROLE, audit_check_configurations=configurations, **fields)
    return make_resource("account.audit", "audit", spec)


def make_audit(*checks: str):
    return make_resource("scheduled_audits", "daily", ScheduledAudit("DAILY", checks))


def list_steps(plan) -> list[tuple[str, str]]:
    return [
        (step.change.action, str(step.address)) for step in plan.steps if step.address.kind != "thing_groups"
    ]


def list_enabled_checks(cloud: Cloud) -> list[str]:
    checks = cloud.iot.describe_account_audit_configuration()["auditCheckConfigurations"]
    return sorted(name for name, check in checks.items() if check["enabled"])


def test_one_file_enables_checks_and_schedules_an_audit_with_them(cloud):
    desired = make_state(make_settings(LOGGING), make_audit(LOGGING))
    assert list_steps(converge(desired, cloud)) == [
        ("create", "account.audit"),
        ("create", "scheduled_audits.daily"),
    ]
    assert plan_state(desired, cloud).steps == ()


@pytest.mark.parametrize(
    ("after", "steps"),
    [
        ([make_audit(AGE)], [("update", "scheduled_audits.daily"), ("update", "account.audit")]),
        ([], [("delete", "scheduled_audits.daily"), ("update", "account.audit")]),
    ],
)
def test_a_check_is_disabled_after_the_scheduled_audit_that_used_it(cloud, after, steps):
    converge(make_state(make_settings(AGE, LOGGING), make_audit(LOGGING)), cloud)
    desired = make_state(make_settings(AGE), *after)
    assert list_steps(converge(desired, cloud)) == steps
    assert list_enabled_checks(cloud) == [AGE]
    assert plan_state(desired, cloud).steps == ()


def test_an_audit_cannot_change_between_checks_that_one_plan_disables_and_enables(cloud):
    converge(make_state(make_settings(LOGGING), make_audit(LOGGING)), cloud)
    assert get_rejection_reasons(make_state(make_settings(AGE), make_audit(AGE)), cloud) == [
        (
            f"account.audit: cannot disable {LOGGING} and enable {AGE} at once, because scheduled_audits.daily uses both in "
            "turn; first keep the former enabled, apply, and then disable it (<memory>:1)"
        )
    ]


def test_checks_of_unmanaged_audits_stay_enabled(cloud):
    converge(make_state(make_settings(AGE, LOGGING)), cloud)
    cloud.iot.create_scheduled_audit(
        scheduledAuditName="other", frequency="DAILY", targetCheckNames=[LOGGING]
    )
    assert get_rejection_reasons(make_state(make_settings(AGE)), cloud) == [
        (
            f"account.audit: audit_check_configurations: cannot disable {LOGGING}: scheduled audits that this workspace does not "
            "manage use it (other); remove it from them first, or keep it enabled (<memory>:1)"
        )
    ]


def test_checks_of_forgotten_audits_stay_enabled(cloud):
    converge(make_state(make_settings(AGE, LOGGING), make_audit(LOGGING)), cloud)
    desired = make_state(make_settings(AGE), prune="never")
    assert get_rejection_reasons(desired, cloud) == [
        (
            f"account.audit: cannot disable {LOGGING}: scheduled_audits.daily uses it after this plan; "
            "remove it there first (<memory>:1)"
        )
    ]


def test_a_configuration_that_the_file_does_not_set_is_left_alone(cloud):
    desired = make_state(make_settings(AGE))
    converge(desired, cloud)
    check = {"enabled": True, "configuration": {"CERT_AGE_THRESHOLD_IN_DAYS": "30"}}
    cloud.iot.update_account_audit_configuration(auditCheckConfigurations={AGE: check})
    assert plan_state(desired, cloud).steps == ()


def test_a_removed_notification_target_is_disabled(cloud):
    target = NotificationTarget("arn:aws:sns:eu-west-1:123456789012:audits", ROLE)
    converge(make_state(make_settings(AGE, audit_notification_target_configurations={"SNS": target})), cloud)
    plan = converge(make_state(make_settings(AGE, audit_notification_target_configurations={})), cloud)
    assert [call.params for step in plan.steps for call in step.calls] == [
        {"roleArn": ROLE, "auditNotificationTargetConfigurations": {"SNS": {"enabled": False}}}
    ]


def test_an_audit_of_the_file_uses_only_checks_that_the_file_enables():
    settings = make_settings(LOGGING)
    assert list_problems(make_audit(LOGGING, CLIENTS), settings) == [
        (
            f"target_check_names[1]: [account.audit] does not enable {CLIENTS}; "
            "expected a check in its audit_check_configurations"
        )
    ]
