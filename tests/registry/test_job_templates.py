"""Job templates."""

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

NAME = {"jobTemplateId": "reboot"}
ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:jobtemplate/reboot"
PARAMS = {
    "description": "Reboot",
    "document": '{"operation": "reboot"}',
    "timeoutConfig": {"inProgressTimeoutInMinutes": 15},
}
SUMMARY = {**NAME, "jobTemplateArn": ARN, "description": "Reboot", "createdAt": START_TIME}
CRITERIA = {"numberOfNotifiedThings": 1, "numberOfSucceededThings": 1}


def test_a_job_template_is_described_as_it_was_created(iot):
    tags = [{"Key": "line", "Value": "A"}]
    created = remove_metadata(iot.create_job_template(**NAME, **PARAMS, tags=tags))
    assert created == {**NAME, "jobTemplateArn": ARN}
    assert remove_metadata(iot.describe_job_template(**NAME)) == {**PARAMS, **SUMMARY}
    assert iot.list_job_templates()["jobTemplates"] == [SUMMARY]
    assert iot.list_tags_for_resource(resourceArn=ARN)["tags"] == tags


def test_repeating_a_creation_is_a_conflict(iot):
    iot.create_job_template(**NAME, **PARAMS)
    assert catch_error(iot.create_job_template, **NAME, **PARAMS) == ("ConflictException", 409)


def test_a_deleted_job_template_can_be_created_again(iot):
    missing = ("ResourceNotFoundException", 404)
    assert catch_error(iot.delete_job_template, **NAME) == missing
    iot.create_job_template(**NAME, **PARAMS)
    iot.delete_job_template(**NAME)
    assert catch_error(iot.describe_job_template, **NAME) == missing
    iot.create_job_template(**NAME, **PARAMS)


def test_a_job_that_does_not_exist_is_not_found(iot):
    arn = f"arn:aws:iot:eu-west-1:{ACCOUNT}:job/j"
    error = catch_error(iot.create_job_template, **NAME, description="Reboot", jobArn=arn)
    assert error == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    "members",
    [
        {"documentSource": "https://s3.amazonaws.com/b/k"},
        {
            "jobExecutionsRolloutConfig": {
                "exponentialRate": {
                    "baseRatePerMinute": 1,
                    "incrementFactor": 1.5,
                    "rateIncreaseCriteria": CRITERIA,
                }
            }
        },
        {
            "abortConfig": {
                "criteriaList": [
                    {
                        "failureType": "ALL",
                        "action": "CANCEL",
                        "thresholdPercentage": 0,
                        "minNumberOfExecutedThings": 1,
                    }
                ]
            }
        },
        {"timeoutConfig": {"inProgressTimeoutInMinutes": 10_081}},
        {"destinationPackageVersions": [f"{ARN}/{number}" for number in range(26)]},
    ],
    ids=["two documents", "two criteria", "threshold", "timeout", "package versions"],
)
def test_values_that_the_service_model_allows_can_be_invalid(iot, members):
    error = catch_error(iot.create_job_template, **{**NAME, **PARAMS, **members})
    assert error == ("InvalidRequestException", 400)


def test_a_job_template_without_a_document_is_rejected(iot):
    error = catch_error(iot.create_job_template, **NAME, description="Reboot")
    assert error == ("InvalidRequestException", 400)
