"""The log levels of single targets."""

import pytest

from tests.support.direct_client import catch_error

ROLE = "arn:aws:iam::123456789012:role/logging"
DEFAULT = {"logTarget": {"targetType": "DEFAULT"}, "logLevel": "ERROR"}
NOT_CONFIGURED = ("NotConfiguredException", 404)
INVALID = ("InvalidRequestException", 400)


def make_level(target_type: str, name: str, level: str) -> dict[str, object]:
    return {"logTarget": {"targetType": target_type, "targetName": name}, "logLevel": level}


def list_levels(iot, **params):
    return iot.list_v2_logging_levels(**params)["logTargetConfigurations"]


@pytest.fixture
def configured(iot):
    iot.set_v2_logging_options(roleArn=ROLE, defaultLogLevel="ERROR")
    return iot


def test_levels_need_configured_logging(iot):
    assert catch_error(iot.list_v2_logging_levels) == NOT_CONFIGURED
    level = make_level("CLIENT_ID", "pump", "INFO")
    assert catch_error(iot.set_v2_logging_level, **level) == NOT_CONFIGURED


def test_a_level_is_listed_as_it_was_set_last_until_it_is_deleted(configured):
    levels = [make_level("CLIENT_ID", "pump", "INFO"), make_level("THING_GROUP", "pumps", "DEBUG")]
    configured.set_v2_logging_level(**make_level("CLIENT_ID", "pump", "WARN"))
    for level in levels:
        configured.set_v2_logging_level(**level)
    assert list_levels(configured) == [levels[0], DEFAULT, levels[1]]
    assert list_levels(configured, targetType="CLIENT_ID") == levels[:1]
    configured.delete_v2_logging_level(targetType="CLIENT_ID", targetName="pump")
    configured.delete_v2_logging_level(targetType="CLIENT_ID", targetName="pump")
    assert list_levels(configured) == [DEFAULT, levels[1]]


def test_the_level_of_the_default_target_is_that_of_the_options(configured):
    configured.set_v2_logging_level(logTarget={"targetType": "DEFAULT"}, logLevel="INFO")
    assert configured.get_v2_logging_options()["defaultLogLevel"] == "INFO"
    assert list_levels(configured) == [{**DEFAULT, "logLevel": "INFO"}]
    delete = configured.delete_v2_logging_level
    assert catch_error(delete, targetType="DEFAULT", targetName="x") == INVALID


def test_a_target_other_than_the_default_needs_a_name(configured):
    level = {"logTarget": {"targetType": "CLIENT_ID"}, "logLevel": "INFO"}
    assert catch_error(configured.set_v2_logging_level, **level) == INVALID


def test_pages_of_levels_follow_each_other_without_gaps(configured):
    levels = [make_level("CLIENT_ID", f"pump-{number}", "INFO") for number in range(5)]
    for level in levels:
        configured.set_v2_logging_level(**level)
    first = configured.list_v2_logging_levels(maxResults=4)
    rest = list_levels(configured, maxResults=4, nextToken=first["nextToken"])
    assert [*first["logTargetConfigurations"], *rest] == [*levels, DEFAULT]
