"""Plans with scheduled audits: the account must have their checks enabled, and room for them."""

from __future__ import annotations

from reconciler.kinds.scheduled_audits import ScheduledAudit
from tests.support.desired_states import converge, get_rejection_reasons, make_resource, make_state

CHECKS = ("CONFLICTING_CLIENT_IDS_CHECK", "LOGGING_DISABLED_CHECK")
SPEC = ScheduledAudit("DAILY", CHECKS)


def make_audit(spec: ScheduledAudit, name: str = "a"):
    return make_resource("scheduled_audits", name, spec)


def test_checks_that_the_account_has_not_enabled_reject_the_plan(cloud):
    names = (CHECKS[0], "CA_CERTIFICATE_EXPIRING_CHECK")
    assert get_rejection_reasons(make_state(make_audit(ScheduledAudit("DAILY", names))), cloud) == [
        (
            "scheduled_audits.a: target_check_names: this account and Region do not have these audit checks enabled: "
            "CA_CERTIFICATE_EXPIRING_CHECK; enable them in [account.audit] (<memory>:1)"
        )
    ]


def test_an_unknown_check_rejects_the_plan(cloud):
    state = make_state(make_audit(ScheduledAudit("DAILY", ("LOGGING_CHECK",))))
    assert get_rejection_reasons(state, cloud) == [
        "scheduled_audits.a: target_check_names: AWS has no audit check LOGGING_CHECK; correct the name (<memory>:1)"
    ]


def test_audits_of_others_count_for_the_limit_of_the_account(cloud):
    for number in range(4):
        cloud.iot.create_scheduled_audit(
            scheduledAuditName=f"x{number}", frequency="DAILY", targetCheckNames=[*CHECKS]
        )
    state = make_state(make_audit(SPEC), make_audit(SPEC, "b"))
    assert get_rejection_reasons(state, cloud) == [
        (
            "scheduled_audits.b: cannot create: there would be 6 scheduled audits, with those that exist already, and AWS "
            "allows 5; delete some of them first (<memory>:1)"
        )
    ]


def test_deleted_audits_make_room_for_new_ones(cloud):
    converge(make_state(*(make_audit(SPEC, name) for name in "abcde")), cloud)
    converge(make_state(*(make_audit(SPEC, name) for name in "fghij")), cloud)
    assert cloud.read_content()["scheduled_audits"].keys() == set("fghij")
