"""Secrets of Secrets Manager."""

import logging

import pytest

from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, create_client, remove_metadata

PREFIX = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:"
VALUE = "canary-secret-31415"
TOKEN, OTHER_TOKEN = "1" * 32, "2" * 32
TAGS = [{"Key": "line", "Value": "A"}]
DAY_SECONDS = 86_400


@pytest.fixture
def pump(secrets_manager):
    """Create a secret, and return the response."""
    created = secrets_manager.create_secret(
        Name="iot/pump", SecretString=VALUE, ClientRequestToken=TOKEN, Tags=TAGS
    )
    return remove_metadata(created)


def read(secrets_manager, **params):
    return remove_metadata(secrets_manager.get_secret_value(SecretId="iot/pump", **params))


def test_a_secret_is_found_by_its_name_and_its_arn(secrets_manager, pump):
    arn = pump["ARN"]
    assert pump == {"ARN": arn, "Name": "iot/pump", "VersionId": TOKEN}
    assert arn.removeprefix(PREFIX)[:9] == "iot/pump-"
    assert len(arn.removeprefix(PREFIX)) == len("iot/pump-") + 6
    value = {
        **pump,
        "SecretString": VALUE,
        "VersionStages": ["AWSCURRENT"],
        "CreatedDate": START_TIME,
    }
    for identifier in ("iot/pump", arn, f"{PREFIX}iot/pump"):
        assert remove_metadata(secrets_manager.get_secret_value(SecretId=identifier)) == value
    assert remove_metadata(secrets_manager.describe_secret(SecretId="iot/pump")) == {
        "ARN": arn,
        "Name": "iot/pump",
        "CreatedDate": START_TIME,
        "LastChangedDate": START_TIME,
        "Tags": TAGS,
        "VersionIdsToStages": {TOKEN: ["AWSCURRENT"]},
    }


def test_repeating_a_creation_succeeds_only_with_the_same_token_and_value(secrets_manager, pump):
    same = {"Name": "iot/pump", "SecretString": VALUE, "ClientRequestToken": TOKEN}
    assert remove_metadata(secrets_manager.create_secret(**same)) == pump
    for other in ({"SecretString": "x"}, {"ClientRequestToken": OTHER_TOKEN}):
        error = catch_error(secrets_manager.create_secret, **{**same, **other})
        assert error == ("ResourceExistsException", 400)


def test_a_new_version_becomes_current_and_the_old_one_previous(secrets_manager, pump):
    put = {"SecretId": "iot/pump", "SecretString": "new", "ClientRequestToken": OTHER_TOKEN}
    for _ in range(2):
        response = remove_metadata(secrets_manager.put_secret_value(**put))
        assert response == {**pump, "VersionId": OTHER_TOKEN, "VersionStages": ["AWSCURRENT"]}
    assert read(secrets_manager)["SecretString"] == "new"
    assert read(secrets_manager, VersionStage="AWSPREVIOUS")["SecretString"] == VALUE
    assert read(secrets_manager, VersionId=TOKEN)["SecretString"] == VALUE
    error = catch_error(secrets_manager.put_secret_value, **{**put, "SecretString": "other"})
    assert error == ("ResourceExistsException", 400)
    secrets_manager.put_secret_value(SecretId="iot/pump", SecretBinary=b"\x00")
    assert read(secrets_manager)["SecretBinary"] == b"\x00"
    assert catch_error(secrets_manager.get_secret_value, SecretId="iot/pump", VersionId=TOKEN) == (
        "ResourceNotFoundException",
        400,
    )


def test_a_batch_has_the_values_and_the_errors_of_single_secrets(secrets_manager, pump):
    response = remove_metadata(secrets_manager.batch_get_secret_value(SecretIdList=["iot/valve", "iot/pump"]))
    assert response == {
        "SecretValues": [read(secrets_manager)],
        "Errors": [
            {
                "SecretId": "iot/valve",
                "ErrorCode": "ResourceNotFoundException",
                "Message": "Secrets Manager can't find the specified secret.",
            }
        ],
    }


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"MaxResults": 1},
        {"SecretIdList": ["iot/pump"], "MaxResults": 1},
        {"SecretIdList": ["iot/pump"], "Filters": [{"Key": "name", "Values": ["iot"]}]},
    ],
)
def test_a_batch_takes_either_a_list_or_filters(secrets_manager, params):
    error = catch_error(secrets_manager.batch_get_secret_value, **params)
    assert error == ("InvalidParameterException", 400)


@pytest.fixture
def plant(secrets_manager):
    """Create four secrets, one of which is scheduled for deletion."""
    secrets_manager.create_secret(
        Name="iot/pump", SecretString="a", Description="The main Pump", Tags=[{"Key": "line", "Value": "A"}]
    )
    secrets_manager.create_secret(Name="iot/valve", SecretString="b", Tags=[{"Key": "line", "Value": "B"}])
    secrets_manager.create_secret(
        Name="IoT/fan", SecretString="c", Tags=[{"Key": "owner", "Value": "A-team"}]
    )
    secrets_manager.create_secret(Name="iot/old", SecretString="d")
    secrets_manager.delete_secret(SecretId="iot/old")
    return secrets_manager


FAN, PUMP, VALVE = "IoT/fan", "iot/pump", "iot/valve"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([], [FAN, PUMP, VALVE]),
        ([("name", ["iot/"])], [PUMP, VALVE]),
        ([("name", ["pump"])], []),
        ([("name", ["iot/p", "IoT"])], [FAN, PUMP]),
        ([("name", ["!iot/"])], [FAN]),
        ([("name", ["iot/", "!iot/v"])], [PUMP]),
        ([("description", ["the MAIN"])], [PUMP]),
        ([("tag-key", ["li"])], [PUMP, VALVE]),
        ([("tag-value", ["A"])], [FAN, PUMP]),
        ([("tag-key", ["line"]), ("tag-value", ["A"])], [PUMP]),
        ([("all", ["main iot"])], [PUMP]),
        ([("all", ["a-TEAM"])], [FAN]),
        ([("primary-region", ["eu"])], []),
        ([("owning-service", ["!rds"])], [FAN, PUMP, VALVE]),
    ],
)
def test_filters_select_the_secrets_of_a_batch(plant, filters, names):
    parameters = [{"Key": key, "Values": values} for key, values in filters]
    response = plant.batch_get_secret_value(Filters=parameters)
    assert [secret["Name"] for secret in response["SecretValues"]] == names
    assert response["Errors"] == []


def test_a_filtered_batch_has_pages_and_rejects_the_tokens_of_other_filters(plant):
    filters = [{"Key": "name", "Values": ["i", "I"]}]
    first = plant.batch_get_secret_value(Filters=filters, MaxResults=2)
    second = plant.batch_get_secret_value(Filters=filters, MaxResults=2, NextToken=first["NextToken"])
    assert [secret["SecretString"] for secret in first["SecretValues"]] == ["c", "a"]
    assert [secret["SecretString"] for secret in second["SecretValues"]] == ["b"]
    assert "NextToken" not in second
    error = catch_error(plant.batch_get_secret_value, Filters=[], NextToken=first["NextToken"])
    assert error == ("InvalidNextTokenException", 400)


def test_a_secret_that_is_scheduled_for_deletion_is_not_readable_and_keeps_its_name(
    secrets_manager, pump, clock
):
    deleted = secrets_manager.delete_secret(SecretId="iot/pump", RecoveryWindowInDays=7)
    assert deleted["DeletionDate"].timestamp() == START_TIME.timestamp() + 7 * DAY_SECONDS
    invalid = ("InvalidRequestException", 400)
    assert catch_error(secrets_manager.get_secret_value, SecretId="iot/pump") == invalid
    assert catch_error(secrets_manager.create_secret, Name="iot/pump") == invalid
    assert secrets_manager.describe_secret(SecretId="iot/pump")["DeletedDate"] == deleted["DeletionDate"]
    clock.advance(7 * DAY_SECONDS)
    assert catch_error(secrets_manager.describe_secret, SecretId="iot/pump") == (
        "ResourceNotFoundException",
        400,
    )
    assert "VersionId" not in secrets_manager.create_secret(Name="iot/pump")


def test_a_forced_deletion_is_immediate_and_may_find_nothing(secrets_manager, pump):
    for _ in range(2):
        secrets_manager.delete_secret(SecretId="iot/pump", ForceDeleteWithoutRecovery=True)
    missing = ("ResourceNotFoundException", 400)
    assert catch_error(secrets_manager.get_secret_value, SecretId="iot/pump") == missing
    assert catch_error(secrets_manager.delete_secret, SecretId="iot/pump") == missing


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("create_secret", {"Name": "a b"}, "ValidationException"),
        ("create_secret", {"Name": "a", "SecretString": "x" * 65_537}, "ValidationException"),
        ("create_secret", {"Name": "a", "SecretString": "x", "SecretBinary": b"x"}, "InvalidParameterException"),
        ("put_secret_value", {"SecretId": "iot/pump"}, "InvalidParameterException"),
        ("get_secret_value", {"SecretId": "iot/pump", "VersionStage": "X"}, "ResourceNotFoundException"),
        ("delete_secret", {"SecretId": "iot/pump", "RecoveryWindowInDays": 6}, "InvalidParameterException"),
        (
            "delete_secret",
            {"SecretId": "iot/pump", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": True},
            "InvalidParameterException",
        ),
    ],
)  # fmt: skip
def test_a_request_that_aws_rejects_changes_nothing(secrets_manager, pump, operation, params, code):
    before = read(secrets_manager)
    assert catch_error(getattr(secrets_manager, operation), **params) == (code, 400)
    assert read(secrets_manager) == before
    assert catch_error(secrets_manager.describe_secret, SecretId="a") == ("ResourceNotFoundException", 400)


def test_a_deleted_secret_is_restored_with_its_value_and_tags(secrets_manager, pump):
    secrets_manager.delete_secret(SecretId="iot/pump")
    restored = remove_metadata(secrets_manager.restore_secret(SecretId="iot/pump"))
    assert restored == {"ARN": pump["ARN"], "Name": "iot/pump"}
    assert read(secrets_manager)["SecretString"] == VALUE
    description = secrets_manager.describe_secret(SecretId="iot/pump")
    assert (description.get("DeletedDate"), description["Tags"]) == (None, TAGS)


def test_tags_of_a_secret_are_added_changed_and_removed(secrets_manager, pump):
    tags = [{"Key": "line", "Value": "B"}, {"Key": "site", "Value": "oslo"}]
    secrets_manager.tag_resource(SecretId=pump["ARN"], Tags=tags)
    assert secrets_manager.describe_secret(SecretId="iot/pump")["Tags"] == tags
    secrets_manager.untag_resource(SecretId="iot/pump", TagKeys=["line", "absent"])
    assert secrets_manager.describe_secret(SecretId="iot/pump")["Tags"] == tags[1:]


@pytest.mark.parametrize(
    ("operation", "params"), [("tag_resource", {"Tags": TAGS}), ("untag_resource", {"TagKeys": ["line"]})]
)
def test_only_a_usable_secret_can_be_tagged(secrets_manager, pump, operation, params):
    call = getattr(secrets_manager, operation)
    assert catch_error(call, SecretId="a", **params) == ("ResourceNotFoundException", 400)
    secrets_manager.delete_secret(SecretId="iot/pump")
    assert catch_error(call, SecretId="iot/pump", **params) == ("InvalidRequestException", 400)
    assert catch_error(secrets_manager.restore_secret, SecretId="a") == ("ResourceNotFoundException", 400)


def test_a_secret_belongs_to_one_account_and_region(secrets_manager, pump, registry):
    for account, region in ((ACCOUNT, "us-east-1"), ("999999999999", "eu-west-1")):
        other = create_client("secretsmanager", lambda: registry, account, region)
        error = catch_error(other.get_secret_value, SecretId="iot/pump")
        assert error == ("ResourceNotFoundException", 400)
        assert catch_error(other.get_secret_value, SecretId=pump["ARN"]) == error


def test_no_error_and_no_log_has_a_rejected_secret(secrets_manager, caplog):
    caplog.set_level(logging.DEBUG, "reconciler")
    with pytest.raises(secrets_manager.exceptions.ClientError) as caught:
        secrets_manager.create_secret(Name="a", SecretString=VALUE * 4000)
    assert VALUE not in f"{caught.value}{caplog.text}"
