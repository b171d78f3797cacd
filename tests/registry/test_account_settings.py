"""What an account and Region has one of: event configurations, encryption, a custom endpoint, the hubs' tokens."""

from datetime import UTC, datetime

import pytest

from tests.support.direct_client import ACCOUNT, NOON, ManualClock, error_of, without_metadata

KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234abcd"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/encrypts"
MISSING = ("ResourceNotFoundException", 404)


def moment(later=0.0):
    return datetime.fromtimestamp(NOON + later, UTC)


def test_no_event_is_enabled_until_it_is_and_the_others_stay(iot, clock: ManualClock):
    first = without_metadata(iot.describe_event_configurations())
    iot.update_event_configurations(
        eventConfigurations={"THING": {"Enabled": True}, "JOB": {"Enabled": True}}
    )
    clock.advance(5.0)
    iot.update_event_configurations(eventConfigurations={"JOB": {"Enabled": False}})
    second = without_metadata(iot.describe_event_configurations())

    types = set(iot.meta.service_model.shape_for("EventType").enum)
    assert first == {"eventConfigurations": {name: {"Enabled": False} for name in types}}
    assert second == {
        "eventConfigurations": {name: {"Enabled": name == "THING"} for name in types},
        "creationDate": moment(),
        "lastModifiedDate": moment(5.0),
    }


def test_an_event_that_does_not_exist_cannot_be_enabled(iot):
    events = {"WEDDING": {"Enabled": True}}

    assert error_of(iot.update_event_configurations, eventConfigurations=events) == (
        "InvalidRequestException",
        400,
    )


def test_awss_key_encrypts_until_another_is_named_and_again_when_that_is_taken_back(iot):
    own = {"encryptionType": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyArn": KEY, "kmsAccessRoleArn": ROLE}
    found = [without_metadata(iot.describe_encryption_configuration())]
    for given in (own, {"encryptionType": "AWS_OWNED_KMS_KEY"}):
        iot.update_encryption_configuration(**given)
        found.append(without_metadata(iot.describe_encryption_configuration()))

    healthy = {"configurationStatus": "HEALTHY"}
    assert found == [
        {"encryptionType": "AWS_OWNED_KMS_KEY"},
        {**own, "configurationDetails": healthy, "lastModifiedDate": moment()},
        {"encryptionType": "AWS_OWNED_KMS_KEY", "lastModifiedDate": moment()},
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"encryptionType": "CUSTOMER_MANAGED_KMS_KEY"},
        {"encryptionType": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyArn": KEY},
        {"encryptionType": "AWS_OWNED_KMS_KEY", "kmsKeyArn": KEY},
        {"encryptionType": "NONE"},
    ],
)
def test_a_key_and_its_role_belong_to_a_key_of_ones_own(iot, given):
    assert error_of(iot.update_encryption_configuration, **given) == ("InvalidRequestException", 400)


def test_managed_integrations_have_an_encryption_of_their_own(iot, managed):
    own = {"encryptionType": "CUSTOMER_KEY_ENCRYPTION", "kmsKeyArn": KEY}
    enabled = {"configurationStatus": {"state": "ENABLED"}}
    first = without_metadata(managed.get_default_encryption_configuration())
    put = managed.put_default_encryption_configuration(**own)

    assert first == {"encryptionType": "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION", **enabled}
    assert put["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert without_metadata(put) == {**own, **enabled}
    assert without_metadata(managed.get_default_encryption_configuration()) == {**own, **enabled}
    assert iot.describe_encryption_configuration()["encryptionType"] == "AWS_OWNED_KMS_KEY"


@pytest.mark.parametrize(
    "given",
    [
        {"encryptionType": "CUSTOMER_KEY_ENCRYPTION"},
        {"encryptionType": "MANAGED_INTEGRATIONS_DEFAULT_ENCRYPTION", "kmsKeyArn": KEY},
    ],
)
def test_managed_integrations_take_a_key_with_its_type_only(managed, given):
    assert error_of(managed.put_default_encryption_configuration, **given) == ("ValidationException", 400)


def test_a_custom_endpoint_is_there_once_it_is_registered_and_stays_the_same(managed):
    before = error_of(managed.get_custom_endpoint)
    made = [without_metadata(managed.register_custom_endpoint()) for _ in range(2)]
    found = without_metadata(managed.get_custom_endpoint())

    assert before == MISSING
    assert made == [found, found]
    assert found["EndpointAddress"].endswith(".iotmanagedintegrations.eu-west-1.api.aws")


def test_the_hubs_tokens_hold_for_as_long_as_was_put(managed):
    before = error_of(managed.get_hub_configuration)
    put = managed.put_hub_configuration(HubTokenTimerExpirySettingInSeconds=600)

    assert before == MISSING
    assert without_metadata(put) == {"HubTokenTimerExpirySettingInSeconds": 600}
    assert without_metadata(managed.get_hub_configuration()) == {
        "HubTokenTimerExpirySettingInSeconds": 600,
        "UpdatedAt": moment(),
    }


def test_settings_do_not_touch_each_other(managed):
    managed.put_hub_configuration(HubTokenTimerExpirySettingInSeconds=600)
    managed.register_custom_endpoint()

    assert managed.get_hub_configuration()["HubTokenTimerExpirySettingInSeconds"] == 600


def test_the_catalogue_of_schemas_is_empty(managed):
    assert managed.list_schema_versions(Type="capability")["Items"] == []
    assert error_of(managed.list_schema_versions, Type="capability", NextToken="x") == (
        "ValidationException",
        400,
    )
    assert (
        error_of(managed.get_schema_version, Type="capability", SchemaVersionedId="aws.OnOff@1.4") == MISSING
    )
