"""Parameters of SSM's Parameter Store."""

import logging

import pytest

from reconciler.registry.operations.parameters import MAX_VERSIONS
from tests.support.direct_client import ACCOUNT, START_TIME, catch_error, remove_metadata

ARN = f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/iot/pump"
VALUE = "canary-parameter-27182"
PARAMETER = {
    "Name": "/iot/pump",
    "Type": "SecureString",
    "Value": VALUE,
    "Version": 1,
    "LastModifiedDate": START_TIME,
    "ARN": ARN,
    "DataType": "text",
}


@pytest.fixture
def pump(ssm):
    """Put a parameter, and return the response."""
    return remove_metadata(ssm.put_parameter(Name="/iot/pump", Value=VALUE, Type="SecureString"))


def test_a_parameter_is_returned_decrypted_only_on_request(ssm, pump):
    assert pump == {"Version": 1, "Tier": "Standard"}
    assert ssm.get_parameter(Name="/iot/pump", WithDecryption=True)["Parameter"] == PARAMETER
    encrypted = ssm.get_parameter(Name="/iot/pump")["Parameter"]
    assert {**encrypted, "Value": VALUE} == PARAMETER
    assert VALUE not in encrypted["Value"]


def test_names_without_a_parameter_are_returned_as_invalid(ssm, pump):
    response = remove_metadata(
        ssm.get_parameters(Names=["/iot/valve", "/iot/pump", "/iot/pump:2"], WithDecryption=True)
    )
    assert response == {"Parameters": [PARAMETER], "InvalidParameters": ["/iot/valve", "/iot/pump:2"]}


def test_an_overwritten_parameter_keeps_its_earlier_versions(ssm, pump):
    assert ssm.put_parameter(Name="/iot/pump", Value="new", Overwrite=True)["Version"] == 2
    selected = ssm.get_parameters(Names=["/iot/pump", "/iot/pump:1"], WithDecryption=True)["Parameters"]
    assert selected == [
        {**PARAMETER, "Value": "new", "Version": 2},
        {**PARAMETER, "Selector": ":1"},
    ]
    for _ in range(MAX_VERSIONS):
        ssm.put_parameter(Name="/iot/pump", Value="newer", Overwrite=True)
    assert catch_error(ssm.get_parameter, Name="/iot/pump:2") == ("ParameterVersionNotFound", 400)


def test_a_deleted_parameter_is_not_found(ssm, pump):
    ssm.delete_parameter(Name="/iot/pump")
    assert catch_error(ssm.get_parameter, Name="/iot/pump") == ("ParameterNotFound", 400)
    assert catch_error(ssm.delete_parameter, Name="/iot/pump") == ("ParameterNotFound", 400)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "ParameterAlreadyExists"),
        ({"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]}, "ValidationException"),
        ({"Overwrite": True, "Type": "String"}, "HierarchyTypeMismatchException"),
        ({"Name": "/iot/other", "Type": "String", "AllowedPattern": "[0-9]+"}, "ParameterPatternMismatchException"),
        ({"Name": "/iot/other", "Type": "String", "AllowedPattern": "["}, "InvalidAllowedPatternException"),
        ({"Name": "/iot/other"}, "ValidationException"),
        ({"Name": "/iot/other", "Type": "Text"}, "ValidationException"),
        ({"Name": "/iot/other", "Type": "String", "Value": "x" * 4097}, "ValidationException"),
        ({"Name": "/iot/other", "Type": "String", "Value": ""}, "ValidationException"),
        ({"Name": "/iot/other", "Type": "String", "Tier": "Advanced", "Value": "x" * 8193}, "ValidationException"),
        ({"Name": "iot/other", "Type": "String"}, "ValidationException"),
        ({"Name": "/AWS/other", "Type": "String"}, "ValidationException"),
        ({"Name": "/a" * 500, "Type": "String"}, "ValidationException"),
        ({"Name": "/a" * 16, "Type": "String"}, "HierarchyLevelLimitExceededException"),
    ],
)  # fmt: skip
def test_a_parameter_that_aws_rejects_is_not_stored(ssm, pump, params, code):
    assert catch_error(ssm.put_parameter, **{"Name": "/iot/pump", "Value": VALUE, **params}) == (code, 400)
    assert ssm.get_parameter(Name="/iot/pump", WithDecryption=True)["Parameter"] == PARAMETER
    assert catch_error(ssm.get_parameter, Name="/iot/other") == ("ParameterNotFound", 400)


def test_a_long_value_moves_a_parameter_to_the_advanced_tier(ssm, pump):
    put = {"Name": "/iot/pump", "Overwrite": True}
    assert ssm.put_parameter(**put, Value="x" * 4097, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    assert catch_error(ssm.put_parameter, **put, Value="x", Tier="Standard") == ("ValidationException", 400)


def test_no_error_and_no_log_has_a_rejected_value(ssm, caplog):
    caplog.set_level(logging.DEBUG, "reconciler")
    with pytest.raises(ssm.exceptions.ClientError) as caught:
        ssm.put_parameter(Name="/iot/pump", Value=VALUE * 200, Type="String")
    assert VALUE not in f"{caught.value}{caplog.text}"
