"""Roles, functions and streams: whether they exist, through clients in this process and over HTTP."""

from datetime import UTC, datetime

import pytest
from botocore import xform_name

from tests.support.direct_client import ACCOUNT, catch_error, create_client, remove_metadata

OTHER_ACCOUNT = "111122223333"
CREATED_AT = datetime(2020, 1, 1, tzinfo=UTC)
OPERATIONS = [
    ("iam", "GetRole", "RoleName", ("NoSuchEntity", 404)),
    ("lambda", "GetFunctionConfiguration", "FunctionName", ("ResourceNotFoundException", 404)),
    ("kinesis", "DescribeStreamSummary", "StreamName", ("ResourceNotFoundException", 400)),
    ("firehose", "DescribeDeliveryStream", "DeliveryStreamName", ("ResourceNotFoundException", 400)),
]
LAMBDA = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function"
KINESIS = f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream"
ARNS = {
    "iam": f"arn:aws:iam::{ACCOUNT}:role/pump-events",
    "lambda": f"{LAMBDA}:pump-events",
    "kinesis": f"{KINESIS}/pump-events",
    "firehose": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/pump-events",
}


@pytest.fixture(params=["in process", "over HTTP"])
def create(request, registry):
    """A function that creates a client of a service, for an account and a Region."""
    if request.param == "over HTTP":
        return request.getfixturevalue("server").create_client
    return lambda *args: create_client(args[0], lambda: registry, *args[1:])


@pytest.fixture
def functions(registry, session_clients):
    return session_clients["lambda"]


@pytest.fixture
def kinesis(registry, session_clients):
    return session_clients["kinesis"]


def find_arn(value):
    """Return the ARN in a response: it is in a member whose name ends in ARN, at any depth."""
    for key, item in value.items():
        if key.lower().endswith("arn"):
            return item
        if isinstance(item, dict) and (arn := find_arn(item)):
            return arn
    return None


@pytest.mark.parametrize(("service", "operation", "member", "error"), OPERATIONS)
def test_only_a_resource_whose_name_begins_with_missing_does_not_exist(
    create, service, operation, member, error
):
    describe = getattr(create(service), xform_name(operation))

    assert find_arn(remove_metadata(describe(**{member: "pump-events"}))) == ARNS[service]
    assert catch_error(describe, **{member: "missing-pump-events"}) == error
    for name in ("missing", "is-missing-1"):
        assert find_arn(remove_metadata(describe(**{member: name}))).endswith(name)


@pytest.mark.parametrize(("service", "operation", "member", "error"), OPERATIONS)
def test_a_resource_has_the_account_and_region_of_its_caller(create, service, operation, member, error):
    describe = getattr(create(service, OTHER_ACCOUNT, "us-west-2"), xform_name(operation))
    expected = ARNS[service].replace(ACCOUNT, OTHER_ACCOUNT).replace("eu-west-1", "us-west-2")

    assert find_arn(remove_metadata(describe(**{member: "pump-events"}))) == expected


def test_a_role_has_an_id_and_a_trust_policy(create):
    iam = create("iam")
    role = iam.get_role(RoleName="Pump_+=,.@-1")["Role"]

    assert role == {
        "Path": "/",
        "RoleName": "Pump_+=,.@-1",
        "RoleId": role["RoleId"],
        "Arn": f"arn:aws:iam::{ACCOUNT}:role/Pump_+=,.@-1",
        "CreateDate": CREATED_AT,
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "iot.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        "MaxSessionDuration": 3600,
    }
    assert (role["RoleId"][:4], len(role["RoleId"])) == ("AROA", 21)
    ids = [iam.get_role(RoleName=name)["Role"]["RoleId"] for name in ("Pump_+=,.@-1", "b")]
    assert ids[0] == role["RoleId"] != ids[1]


def test_a_role_of_china_is_in_its_partition(registry):
    iam = create_client("iam", lambda: registry, region="cn-north-1")

    assert iam.get_role(RoleName="r")["Role"]["Arn"] == f"arn:aws-cn:iam::{ACCOUNT}:role/r"


@pytest.mark.parametrize(
    ("name", "arn", "version"),
    [
        ("f", f"{LAMBDA}:f", "$LATEST"),
        ("f:7", f"{LAMBDA}:f:7", "7"),
        ("function:f", f"{LAMBDA}:f", "$LATEST"),
        (f"{ACCOUNT}:function:f", f"{LAMBDA}:f", "$LATEST"),
        (f"{ACCOUNT}:function:f:live", f"{LAMBDA}:f:live", "$LATEST"),
        (f"{LAMBDA}:f", f"{LAMBDA}:f", "$LATEST"),
        (f"{LAMBDA}:f:$LATEST", f"{LAMBDA}:f:$LATEST", "$LATEST"),
    ],
)
def test_a_function_is_found_by_every_form_of_its_name(create, name, arn, version):
    response = remove_metadata(create("lambda").get_function_configuration(FunctionName=name))

    assert response == {
        "FunctionName": "f",
        "FunctionArn": arn,
        "Version": version,
        "PackageType": "Zip",
        "LastModified": "2020-01-01T00:00:00.000+0000",
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{LAMBDA}:missing-f", f"Function not found: {LAMBDA}:missing-f"),
        (f"{ACCOUNT}:function:missing-f:3", f"Function not found: {LAMBDA}:missing-f:3"),
        ("f:missing-alias", f"Function not found: {LAMBDA}:f:missing-alias"),
        (f"{OTHER_ACCOUNT}:function:f", f"Function not found: {LAMBDA}:f"),
        (LAMBDA.replace(ACCOUNT, OTHER_ACCOUNT) + ":f", f"Function not found: {LAMBDA}:f"),
        (
            LAMBDA.replace("eu-west-1", "us-east-1") + ":f",
            "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
        ),
    ],
)
def test_a_missing_or_foreign_function_is_not_found(functions, name, message):
    with pytest.raises(functions.exceptions.ResourceNotFoundException) as caught:
        functions.get_function_configuration(FunctionName=name)

    assert caught.value.response["Error"]["Message"] == message


def test_a_qualifier_must_equal_the_one_in_the_name(functions):
    def describe(name, qualifier):
        return functions.get_function_configuration(FunctionName=name, Qualifier=qualifier)

    assert describe("f", "7")["FunctionArn"] == describe("f:7", "7")["FunctionArn"] == f"{LAMBDA}:f:7"
    error = catch_error(functions.get_function_configuration, FunctionName="f:7", Qualifier="8")
    assert error == ("InvalidParameterValueException", 400)


def test_a_stream_is_found_by_its_name_or_its_arn(create):
    kinesis = create("kinesis")
    summary = kinesis.describe_stream_summary(StreamARN=f"{KINESIS}/s")["StreamDescriptionSummary"]

    assert summary == {
        "StreamName": "s",
        "StreamARN": f"{KINESIS}/s",
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
        "RetentionPeriodHours": 24,
        "StreamCreationTimestamp": CREATED_AT,
        "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
        "EncryptionType": "NONE",
        "OpenShardCount": 4,
    }
    both = kinesis.describe_stream_summary(StreamName="s", StreamARN=f"{KINESIS}/s")
    assert both["StreamDescriptionSummary"] == summary


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"StreamARN": f"{KINESIS}/missing-s"}, "ResourceNotFoundException"),
        ({"StreamARN": f"{KINESIS}/s".replace(ACCOUNT, OTHER_ACCOUNT)}, "ResourceNotFoundException"),
        ({"StreamName": "a", "StreamARN": f"{KINESIS}/b"}, "InvalidArgumentException"),
        ({}, "InvalidArgumentException"),
    ],
)
def test_a_missing_foreign_or_unnamed_stream_is_an_error(kinesis, params, code):
    assert catch_error(kinesis.describe_stream_summary, **params) == (code, 400)


def test_a_delivery_stream_has_all_required_members(create):
    description = create("firehose").describe_delivery_stream(DeliveryStreamName="d")

    assert description["DeliveryStreamDescription"] == {
        "DeliveryStreamName": "d",
        "DeliveryStreamARN": f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/d",
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "CreateTimestamp": CREATED_AT,
        "Destinations": [{"DestinationId": "destinationId-000000000001"}],
        "HasMoreDestinations": False,
    }
