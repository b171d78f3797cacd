"""Scheduled audits: found by name, updated as a whole; their checks must be enabled in the account."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.scheduled_audits import ScheduledAudit
from reconciler.model.resource import Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
    read_kind,
)

ARN = build_arn("scheduledaudit/a")
CHECKS = ("CONFLICTING_CLIENT_IDS_CHECK", "LOGGING_DISABLED_CHECK")
SPEC = ScheduledAudit("DAILY", CHECKS)
WEEKLY = ScheduledAudit("WEEKLY", CHECKS, day_of_week="SUN")
DESCRIPTION = {"frequency": "DAILY", "targetCheckNames": [*CHECKS]}


def make_audit(spec: ScheduledAudit, name: str = "a"):
    return make_resource("scheduled_audits", name, spec)


def make_live(spec: ScheduledAudit) -> Live:
    return Live("a", spec, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)


def test_a_creation_is_one_call_with_sorted_checks():
    audit = make_audit(evolve(SPEC, target_check_names=(*reversed(CHECKS), CHECKS[0])))
    assert list_create_calls(audit) == [
        make_iot_call(
            "CreateScheduledAudit",
            scheduledAuditName="a",
            **DESCRIPTION,
            tags=make_tag_list(OWNERSHIP_TAGS),
        )
    ]


def test_an_update_sends_all_members_and_no_empty_day():
    assert list_calls(make_change(make_audit(SPEC), make_live(WEEKLY))) == [
        make_iot_call("UpdateScheduledAudit", scheduledAuditName="a", **DESCRIPTION)
    ]


def test_a_day_that_the_frequency_does_not_use_is_not_read():
    responses = {
        "ListScheduledAudits": {"scheduledAudits": [{"scheduledAuditName": "a", "scheduledAuditArn": ARN}]},
        "ListTagsForResource": {"tags": make_tag_list(OWNERSHIP_TAGS)},
        "DescribeScheduledAudit": {
            **DESCRIPTION,
            "targetCheckNames": [*reversed(CHECKS)],
            "dayOfWeek": "SUN",
            "scheduledAuditName": "a",
            "scheduledAuditArn": ARN,
        },
    }
    live_resources, _ = read_kind("scheduled_audits", responses)
    assert live_resources == [make_live(SPEC)]


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (evolve(WEEKLY, day_of_week=None), "frequency: a WEEKLY audit needs a day_of_week"),
        (evolve(SPEC, frequency="MONTHLY"), "frequency: a MONTHLY audit needs a day_of_month"),
        (evolve(SPEC, day_of_month="LAST"), "day_of_month: a DAILY audit has no day_of_month"),
    ],
)
def test_a_schedule_without_what_it_needs_is_a_problem(spec, problem):
    (text,) = list_problems(make_audit(spec))
    assert text.partition("; ")[0] == problem
