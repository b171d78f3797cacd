"""Job templates: found by name; only tags change in place."""

from __future__ import annotations

import pytest
from attrs import evolve

from reconciler.kinds.job_templates import KIND, JobTemplate
from reconciler.kinds.shared.job_template_configs import (
    AbortConfig,
    AbortCriteria,
    ExponentialRate,
    MaintenanceWindow,
    PresignedUrlConfig,
    RateIncreaseCriteria,
    RetryConfig,
    RetryCriteria,
    RolloutConfig,
    TimeoutConfig,
)
from reconciler.model.document import Document
from reconciler.model.resource import External, Live
from tests.support.desired_states import make_resource
from tests.support.kind_driver import (
    NOT_FOUND,
    OWNERSHIP_TAGS,
    build_arn,
    list_calls,
    list_create_calls,
    list_problems,
    make_change,
    make_iot_call,
    make_tag_list,
)

ARN = build_arn("jobtemplate/a")
DOCUMENT = Document.from_value({"operation": "reboot"})
SPEC = JobTemplate("Reboot", DOCUMENT)
TAGS = make_tag_list(OWNERSHIP_TAGS)
LIVE = Live("a", SPEC, owner="ws", arn=ARN, tags=OWNERSHIP_TAGS)
ROLE_ARN = "arn:aws:iam::123456789012:role/jobs"
VERSION_ARN = build_arn("package/firmware/version/1.0.0")
WHOLE_SPEC = JobTemplate(
    "Install",
    document_source="https://s3.eu-west-1.amazonaws.com/jobs/install.json",
    presigned_url_config=PresignedUrlConfig(ROLE_ARN, 600),
    job_executions_rollout_config=RolloutConfig(
        100, ExponentialRate(10, 1.5, RateIncreaseCriteria(number_of_notified_things=50))
    ),
    abort_config=AbortConfig((AbortCriteria("FAILED", 10.25, 20),)),
    timeout_config=TimeoutConfig(15),
    job_executions_retry_config=RetryConfig((RetryCriteria("TIMED_OUT", 2),)),
    maintenance_windows=(MaintenanceWindow("cron(0 2 ? * SUN *)", 120),),
    destination_package_versions=(External(VERSION_ARN),),
)
WHOLE_MEMBERS = {
    "description": "Install",
    "documentSource": "https://s3.eu-west-1.amazonaws.com/jobs/install.json",
    "presignedUrlConfig": {"roleArn": ROLE_ARN, "expiresInSec": 600},
    "jobExecutionsRolloutConfig": {
        "maximumPerMinute": 100,
        "exponentialRate": {
            "baseRatePerMinute": 10,
            "incrementFactor": 1.5,
            "rateIncreaseCriteria": {"numberOfNotifiedThings": 50},
        },
    },
    "abortConfig": {
        "criteriaList": [
            {
                "failureType": "FAILED",
                "thresholdPercentage": 10.25,
                "minNumberOfExecutedThings": 20,
                "action": "CANCEL",
            }
        ]
    },
    "timeoutConfig": {"inProgressTimeoutInMinutes": 15},
    "jobExecutionsRetryConfig": {"criteriaList": [{"failureType": "TIMED_OUT", "numberOfRetries": 2}]},
    "maintenanceWindows": [{"startTime": "cron(0 2 ? * SUN *)", "durationInMinutes": 120}],
    "destinationPackageVersions": [VERSION_ARN],
}


def make_template(spec: JobTemplate, name: str = "a"):
    return make_resource("job_templates", name, spec)


def make_rollout(**criteria: int) -> RolloutConfig:
    return RolloutConfig(exponential_rate=ExponentialRate(10, 1.5, RateIncreaseCriteria(**criteria)))


def test_a_creation_is_one_call_with_all_configurations():
    assert list_create_calls(make_template(WHOLE_SPEC)) == [
        make_iot_call("CreateJobTemplate", jobTemplateId="a", **WHOLE_MEMBERS, tags=TAGS)
    ]


def test_a_description_becomes_the_spec_that_was_created():
    assert KIND.to_spec({**WHOLE_MEMBERS, "jobTemplateId": "a"}, {}) == WHOLE_SPEC


def test_another_document_needs_a_replacement():
    after = make_template(evolve(SPEC, document=Document.from_value({"operation": "restart"})))
    assert list_calls(make_change(after, LIVE)) == [
        make_iot_call("DeleteJobTemplate", jobTemplateId="a", ignored_errors=NOT_FOUND),
        make_iot_call(
            "CreateJobTemplate",
            jobTemplateId="a",
            description="Reboot",
            document=after.spec.document.text,
            tags=TAGS,
        ),
    ]


def test_a_tag_is_added_without_a_replacement():
    after = make_template(evolve(SPEC, tags={"line": "A"}))
    assert list_calls(make_change(after, LIVE)) == [
        make_iot_call("TagResource", resourceArn=ARN, tags=make_tag_list({"line": "A"}))
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"document": None}, "there is no document; expected the key document or document_source"),
        (
            {"document_source": "https://s3.amazonaws.com/b/k"},
            "document_source: a job template has one document; expected either document or document_source",
        ),
        (
            {"presigned_url_config": PresignedUrlConfig("jobs")},
            (
                "presigned_url_config: 'jobs' is not the ARN of an IAM role; expected an ARN such as "
                "'arn:aws:iam::123456789012:role/NAME'"
            ),
        ),
        (
            {"job_executions_rollout_config": make_rollout()},
            (
                "job_executions_rollout_config: an increase of the rate needs exactly one criterion; expected either "
                "number_of_notified_things or number_of_succeeded_things"
            ),
        ),
        (
            {
                "job_executions_rollout_config": RolloutConfig(
                    exponential_rate=ExponentialRate(10, 1.55, RateIncreaseCriteria(50))
                )
            },
            (
                "job_executions_rollout_config: the increment factor 1.55 is not valid; expected at most one decimal place"
            ),
        ),
        (
            {"abort_config": AbortConfig((AbortCriteria("ALL", 0, 1),))},
            "abort_config: 0 is not valid; expected a number above 0 with at most 2 decimal places",
        ),
        (
            {"timeout_config": TimeoutConfig(10_081)},
            "timeout_config: 10,081 is not valid; expected a number from 1 to 10,080",
        ),
        (
            {"destination_package_versions": ("v1", External("1.0.0"))},
            (
                "destination_package_versions[1]: '1.0.0' is not the ID of a package version; expected an ID such as "
                "'firmware/version/1.0.0', or an ARN that ends in one"
            ),
        ),
        (
            {"destination_package_versions": (External(VERSION_ARN),) * 26},
            "destination_package_versions: 26 package versions; expected at most 25",
        ),
    ],
)
def test_values_that_aws_would_reject_are_problems(fields, problem):
    assert list_problems(make_template(evolve(SPEC, **fields))) == [problem]


def test_each_number_of_a_rate_can_be_the_only_criterion():
    for rollout in (make_rollout(number_of_notified_things=1), make_rollout(number_of_succeeded_things=1)):
        assert list_problems(make_template(evolve(SPEC, job_executions_rollout_config=rollout))) == []
