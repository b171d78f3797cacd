"""Roles, functions and streams: whether what a desired state refers to outside AWS IoT exists.

The registry has none of these resources. One whose name begins with `missing-` does not exist, and every other one does, in the
caller's account and Region.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from urllib.parse import quote

from reconciler.registry.catalog import Output, Params, operation
from reconciler.registry.context import Context, find_partition
from reconciler.registry.errors import ApiError, not_found

MISSING_PREFIX = "missing-"
"""The beginning of the names of resources that do not exist."""

_CREATED_AT = datetime(2020, 1, 1, tzinfo=UTC)
_ROLE_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ROLE_ID_LENGTH = 17
_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}

# A function's name, partial ARN or ARN, each with an optional version or alias (Lambda API reference, GetFunctionConfiguration).
_FUNCTION = (
    r"(?:arn:(?P<partition>[a-z-]+):lambda:)?(?:(?P<region>[a-z-]+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[\w.-]+)(?::(?P<qualifier>[\w.$-]+))?"
)
_LATEST_VERSION = "$LATEST"


@operation("iam", "GetRole", writes=False)
def get_role(context: Context, params: Params) -> Output | None:
    """Return a role; every role has the path `/`. Raises NoSuchEntity."""
    name = params["RoleName"]
    if _is_missing(name):
        raise ApiError("NoSuchEntity", f"The role with name {name} cannot be found.")
    return {
        "Role": {
            "Path": "/",
            "RoleName": name,
            "RoleId": _build_role_id(context, name),
            "Arn": f"arn:{find_partition(context.region)}:iam::{context.account}:role/{name}",
            "CreateDate": _CREATED_AT,
            "AssumeRolePolicyDocument": quote(json.dumps(_TRUST_POLICY), safe=""),
            "MaxSessionDuration": 3600,
        }
    }


@operation("lambda", "GetFunctionConfiguration")
def get_function_configuration(context: Context, params: Params) -> Output | None:
    """Return a function, or a version or alias of it.

    Raises ResourceNotFoundException, and InvalidParameterValueException for two different qualifiers.
    """
    match = re.fullmatch(_FUNCTION, params["FunctionName"], re.ASCII)
    if match is None:
        raise context.invalid(f"Invalid function name: {params['FunctionName']}")
    qualifier = params.get("Qualifier", match["qualifier"])
    if match["qualifier"] not in (None, qualifier):
        message = "The derived qualifier from the function name does not match the specified qualifier."
        raise ApiError("InvalidParameterValueException", message)
    resource = ":".join(["function", match["name"], *([qualifier] if qualifier else [])])
    if match["region"] not in (None, context.region):
        message = f"Functions from '{match['region']}' are not reachable in this region ('{context.region}')"
        raise not_found(message)
    if match["account"] not in (None, context.account) or _is_missing(match["name"], qualifier or ""):
        raise not_found(f"Function not found: {context.build_arn(resource)}")
    return {
        "FunctionName": match["name"],
        "FunctionArn": context.build_arn(resource),
        "Version": qualifier if qualifier and qualifier.isdecimal() else _LATEST_VERSION,
        "PackageType": "Zip",
        "LastModified": "2020-01-01T00:00:00.000+0000",
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }


@operation("kinesis", "DescribeStreamSummary", writes=False)
def describe_stream_summary(context: Context, params: Params) -> Output | None:
    """Return a stream, by its name or ARN.

    Raises ResourceNotFoundException, and InvalidArgumentException without a name and ARN, or if they differ.
    """
    arn_name = params.get("StreamARN", "").partition(":stream/")[2]
    name = params.get("StreamName", arn_name)
    if not name:
        raise ApiError("InvalidArgumentException", "Either StreamName or StreamARN should be provided.")
    if arn_name not in ("", name):
        raise ApiError("InvalidArgumentException", "StreamARN and StreamName do not match.")
    arn = context.build_arn(f"stream/{name}")
    if _is_missing(name) or params.get("StreamARN", arn) != arn:
        raise not_found(f"Stream {name} under account {context.account} not found.")
    return {
        "StreamDescriptionSummary": {
            "StreamName": name,
            "StreamARN": arn,
            "StreamStatus": "ACTIVE",
            "StreamModeDetails": {"StreamMode": "ON_DEMAND"},
            "RetentionPeriodHours": 24,
            "StreamCreationTimestamp": _CREATED_AT,
            "EnhancedMonitoring": [{"ShardLevelMetrics": []}],
            "EncryptionType": "NONE",
            "OpenShardCount": 4,
        }
    }


@operation("firehose", "DescribeDeliveryStream", writes=False)
def describe_delivery_stream(context: Context, params: Params) -> Output | None:
    """Return a delivery stream. Raises ResourceNotFoundException."""
    name = params["DeliveryStreamName"]
    if _is_missing(name):
        raise not_found(f"Firehose {name} under account {context.account} not found.")
    return {
        "DeliveryStreamDescription": {
            "DeliveryStreamName": name,
            "DeliveryStreamARN": context.build_arn(f"deliverystream/{name}"),
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": "1",
            "CreateTimestamp": _CREATED_AT,
            "Destinations": [{"DestinationId": "destinationId-000000000001"}],
            "HasMoreDestinations": False,
        }
    }


def _is_missing(*names: str) -> bool:
    """Return whether a resource does not exist, because one of its names begins with `MISSING_PREFIX`."""
    return any(name.startswith(MISSING_PREFIX) for name in names)


def _build_role_id(context: Context, name: str) -> str:
    """Return the unique ID of a role, which is always the same."""
    digest = hashlib.sha256(f"{context.account}/{name}".encode()).digest()
    return "AROA" + "".join(_ROLE_ID_CHARACTERS[byte % 32] for byte in digest[:_ROLE_ID_LENGTH])
