"""Settings of an account and Region: events, encryption, endpoints, the hub configuration."""

import re
from datetime import timedelta

import pytest
from attrs import evolve

from tests.support.direct_client import (
    ACCOUNT,
    REGION,
    START_TIME,
    ManualClock,
    catch_error,
    remove_metadata,
)

KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/encryption"
MISSING = ("ResourceNotFoundException", 404)
PROGRESS_SECONDS = 60


@pytest.fixture
def settings(settings):
    return evolve(settings, encryption_update_seconds=PROGRESS_SECONDS)


def test_events_are_disabled_by_default_and_an_update_changes_only_the_events_it_names(
    iot, clock: ManualClock
):
    default = remove_metadata(iot.describe_event_configurations())
    iot.update_event_configurations(
        eventConfigurations={"THING": {"Enabled": True}, "JOB": {"Enabled": True}}
    )
    clock.advance(5.0)
    iot.update_event_configurations(eventConfigurations={"JOB": {"Enabled": False}})
    updated = remove_metadata(iot.describe_event_configurations())

    types = set(iot.meta.service_model.shape_for("EventType").enum)
    assert default == {"eventConfigurations": {name: {"Enabled": False} for name in types}}
    assert updated == {
        "eventConfigurations": {name: {"Enabled": name == "THING"} for name in types},
        "creationDate": START_TIME,
        "lastModifiedDate": START_TIME + timedelta(seconds=5),
    }


def test_an_unknown_event_type_is_rejected(iot):
    events = {"UNKNOWN": {"Enabled": True}}

    assert catch_error(iot.update_event_configurations, eventConfigurations=events) == (
        "InvalidRequestException",
        400,
    )


def test_the_encryption_key_belongs_to_aws_by_default_and_can_be_changed_and_reset(iot):
    customer_managed = {
        "encryptionType": "CUSTOMER_MANAGED_KMS_KEY",
        "kmsKeyArn": KEY,
        "kmsAccessRoleArn": ROLE,
    }
    described = [remove_metadata(iot.describe_encryption_configuration())]
    for configuration in (customer_managed, {"encryptionType": "AWS_OWNED_KMS_KEY"}):
        iot.update_encryption_configuration(**configuration)
        described.append(remove_metadata(iot.describe_encryption_configuration()))

    details = {"configurationStatus": "HEALTHY"}
    assert described == [
        {"encryptionType": "AWS_OWNED_KMS_KEY"},
        {**customer_managed, "configurationDetails": details, "lastModifiedDate": START_TIME},
        {"encryptionType": "AWS_OWNED_KMS_KEY", "lastModifiedDate": START_TIME},
    ]


@pytest.mark.parametrize(
    "configuration",
    [
        {"encryptionType": "CUSTOMER_MANAGED_KMS_KEY"},
        {"encryptionType": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyArn": KEY},
        {"encryptionType": "AWS_OWNED_KMS_KEY", "kmsKeyArn": KEY},
        {"encryptionType": "NONE"},
    ],
)
def test_an_inconsistent_or_unknown_encryption_configuration_is_rejected(iot, configuration):
    assert catch_error(iot.update_encryption_configuration, **configuration) == (
        "InvalidRequestException",
        400,
    )


def test_managed_integrations_have_their_own_encryption_configuration(iot, managed):
    customer_key = {"encryptionType": "CUSTOMER_KEY_ENCRYPTION", "kmsKeyArn": KEY}
    default = remove_metadata(managed.get_default_encryption_configuration())
    put = managed.put_default_encryption_configuration(**customer_key)

    assert default == {
        "configurationStatus": {"state": "ENABLED"},
        "encryptionType": "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION",
    }
    assert put["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert remove_metadata(put) == {
        **customer_key,
        "configurationStatus": {"state": "UPDATE_IN_PROGRESS"},
    }
    assert iot.describe_encryption_configuration()["encryptionType"] == "AWS_OWNED_KMS_KEY"


@pytest.mark.parametrize(
    "configuration",
    [
        {"encryptionType": "CUSTOMER_KEY_ENCRYPTION"},
        {"encryptionType": "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION", "kmsKeyArn": KEY},
    ],
)
def test_managed_integrations_reject_an_inconsistent_encryption_configuration(managed, configuration):
    assert catch_error(managed.put_default_encryption_configuration, **configuration) == (
        "ValidationException",
        400,
    )


@pytest.mark.parametrize(
    ("key", "result"),
    [
        (KEY, {"state": "ENABLED"}),
        (
            KEY.replace("eu-west-1", "us-east-1"),
            {
                "state": "UPDATE_FAILED",
                "error": {"code": "KeyNotFound", "message": "The-key-is-in-another-Region."},
            },
        ),
    ],
)
def test_an_update_of_the_encryption_is_in_progress_before_its_result(
    managed, clock: ManualClock, key, result
):
    customer_key = {"encryptionType": "CUSTOMER_KEY_ENCRYPTION", "kmsKeyArn": key}
    managed.put_default_encryption_configuration(**customer_key)
    clock.advance(PROGRESS_SECONDS - 0.1)
    before = remove_metadata(managed.get_default_encryption_configuration())
    clock.advance(0.1)

    assert before == {**customer_key, "configurationStatus": {"state": "UPDATE_IN_PROGRESS"}}
    assert remove_metadata(managed.get_default_encryption_configuration()) == {
        **customer_key,
        "configurationStatus": result,
    }


def test_endpoint_addresses_are_plausible_and_stable(iot):
    address = iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"]

    assert re.fullmatch(rf"a[0-9a-f]{{13}}-ats\.iot\.{REGION}\.amazonaws\.com", address)
    assert iot.describe_endpoint(endpointType="iot:Data-ATS")["endpointAddress"] == address
    assert catch_error(iot.describe_endpoint, endpointType="iot:Nothing") == ("InvalidRequestException", 400)


def test_a_custom_endpoint_exists_only_after_its_registration_and_never_changes(managed):
    unregistered = catch_error(managed.get_custom_endpoint)
    registered = [remove_metadata(managed.register_custom_endpoint()) for _ in range(2)]
    endpoint = remove_metadata(managed.get_custom_endpoint())

    assert unregistered == MISSING
    assert registered == [endpoint, endpoint]
    assert endpoint["EndpointAddress"].endswith(".iotmanagedintegrations.eu-west-1.api.aws")


def test_the_hub_configuration_stores_the_token_lifetime(managed):
    unset = catch_error(managed.get_hub_configuration)
    put = managed.put_hub_configuration(HubTokenTimerExpirySettingInSeconds=600)

    assert unset == MISSING
    assert remove_metadata(put) == {"HubTokenTimerExpirySettingInSeconds": 600}
    assert remove_metadata(managed.get_hub_configuration()) == {
        "HubTokenTimerExpirySettingInSeconds": 600,
        "UpdatedAt": START_TIME,
    }


def test_registering_an_endpoint_does_not_change_the_hub_configuration(managed):
    managed.put_hub_configuration(HubTokenTimerExpirySettingInSeconds=600)
    managed.register_custom_endpoint()

    assert managed.get_hub_configuration()["HubTokenTimerExpirySettingInSeconds"] == 600
