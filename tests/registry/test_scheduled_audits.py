"""Scheduled audits, and the account's configuration of audits."""

import pytest

from tests.support.direct_client import ACCOUNT, catch_error, remove_metadata

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:scheduledaudit/a"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/audits"
CHECK, OTHER_CHECK = "LOGGING_DISABLED_CHECK", "CONFLICTING_CLIENT_IDS_CHECK"
PARAMS = {"scheduledAuditName": "a", "frequency": "WEEKLY", "dayOfWeek": "SUN", "targetCheckNames": [CHECK]}
INVALID = ("InvalidRequestException", 400)
MISSING = ("ResourceNotFoundException", 404)


@pytest.fixture
def audits(iot):
    """Return a client of an account in which one check is enabled."""
    configure(iot, CHECK)
    return iot


def configure(iot, check, *, enabled=True):
    iot.update_account_audit_configuration(**build_configuration(check, enabled=enabled))


def build_configuration(check, *, enabled):
    return {"roleArn": ROLE, "auditCheckConfigurations": {check: {"enabled": enabled}}}


def test_a_scheduled_audit_is_described_and_listed_as_it_was_created(audits):
    tags = [{"Key": "line", "Value": "A"}]
    assert remove_metadata(audits.create_scheduled_audit(**PARAMS, tags=tags)) == {"scheduledAuditArn": ARN}
    description = remove_metadata(audits.describe_scheduled_audit(scheduledAuditName="a"))
    assert description == {**PARAMS, "scheduledAuditArn": ARN}
    del description["targetCheckNames"]
    assert audits.list_scheduled_audits()["scheduledAudits"] == [description]
    assert audits.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_an_update_changes_only_the_members_in_its_request(audits):
    audits.create_scheduled_audit(**PARAMS)
    audits.update_scheduled_audit(scheduledAuditName="a", frequency="DAILY")
    description = audits.describe_scheduled_audit(scheduledAuditName="a")
    assert remove_metadata(description) == {**PARAMS, "frequency": "DAILY", "scheduledAuditArn": ARN}


def test_a_schedule_needs_its_day_and_enabled_checks(audits):
    audits.create_scheduled_audit(**PARAMS)
    create, update = audits.create_scheduled_audit, audits.update_scheduled_audit
    for changes in ({"frequency": "MONTHLY"}, {"targetCheckNames": [OTHER_CHECK]}, {"targetCheckNames": []}):
        assert catch_error(create, **{**PARAMS, "scheduledAuditName": "b", **changes}) == INVALID
        assert catch_error(update, scheduledAuditName="a", **changes) == INVALID


def test_an_account_has_at_most_five_scheduled_audits(audits):
    for name in "abcde":
        audits.create_scheduled_audit(**{**PARAMS, "scheduledAuditName": name})
    sixth = {**PARAMS, "scheduledAuditName": "f"}
    assert catch_error(audits.create_scheduled_audit, **sixth) == ("LimitExceededException", 410)
    assert catch_error(audits.create_scheduled_audit, **PARAMS) == ("ResourceAlreadyExistsException", 409)
    audits.delete_scheduled_audit(scheduledAuditName="a")
    audits.create_scheduled_audit(**sixth)


def test_a_missing_scheduled_audit_is_an_error(audits):
    for method in ("describe", "update", "delete"):
        call = getattr(audits, f"{method}_scheduled_audit")
        assert catch_error(call, scheduledAuditName="a") == MISSING


def test_all_checks_are_disabled_by_default(iot):
    checks = iot.describe_account_audit_configuration()["auditCheckConfigurations"]
    assert set(map(str, checks.values())) == {"{'enabled': False}"}
    assert {CHECK, OTHER_CHECK} <= checks.keys()
    for configuration in (build_configuration(CHECK, enabled=False), build_configuration("X", enabled=True)):
        assert catch_error(iot.update_account_audit_configuration, **configuration) == INVALID


def test_checks_that_a_request_does_not_name_stay(audits):
    configure(audits, OTHER_CHECK)
    description = audits.describe_account_audit_configuration()
    checks = description["auditCheckConfigurations"].items()
    assert description["roleArn"] == ROLE
    assert {name for name, check in checks if check["enabled"]} == {CHECK, OTHER_CHECK}


def test_a_check_that_an_audit_uses_stays_enabled(audits):
    audits.create_scheduled_audit(**PARAMS)
    disabling = build_configuration(CHECK, enabled=False)
    assert catch_error(audits.update_account_audit_configuration, **disabling) == INVALID
    audits.delete_scheduled_audit(scheduledAuditName="a")
    configure(audits, CHECK, enabled=False)


def test_deleting_the_configuration_needs_a_flag_to_delete_scheduled_audits(audits):
    audits.create_scheduled_audit(**PARAMS)
    assert catch_error(audits.delete_account_audit_configuration) == INVALID
    audits.delete_account_audit_configuration(deleteScheduledAudits=True)
    assert audits.list_scheduled_audits()["scheduledAudits"] == []
    assert catch_error(audits.delete_account_audit_configuration) == MISSING
