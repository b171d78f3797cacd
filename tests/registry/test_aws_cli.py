"""The aws CLI against the served registry: the life of one device, with the commands of AWS's guides."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess

import pytest

from tests.support import pki
from tests.support.direct_client import ACCOUNT
from tests.support.forked_command import get_forked_command
from tests.support.registry_server import serve_registry

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("awscli") is None, reason="awscli is not installed: pip install awscli"
    ),
    pytest.mark.xdist_group("aws CLI"),  # one worker runs the slow fixtures
]

ARN = f"arn:aws:iot:eu-west-1:{ACCOUNT}:"


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """A function that runs the aws CLI and returns its exit code and its output.

    The output is the parsed JSON of standard output or, if nothing was printed there, the text of standard error.
    """
    folder = tmp_path_factory.mktemp("aws")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with serve_registry("--thing-type-deletion", "0s") as server:
        environ = {
            **inherited,
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_CONFIG_FILE": os.devnull,
            "HOME": str(folder),
        }

        def run(*arguments):
            process = subprocess.run(
                [get_forked_command("aws"), *arguments, "--output", "json"],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            output = json.loads(process.stdout) if process.stdout.strip() else process.stderr.strip()
            return process.returncode, output

        run.folder = folder
        yield run


@pytest.fixture(scope="module")
def device(aws):
    """A CA and a device certificate, registered from files."""
    factory = pki.Authority("Factory")
    code = aws("iot", "get-registration-code", "--query", "registrationCode")[1]
    for name, pem in {
        "ca": factory.pem,
        "verification": factory.issue(code),
        "device": factory.issue("pump-7"),
    }.items():
        (aws.folder / f"{name}.pem").write_text(pem)
    ca_result = aws(
        *("iot", "register-ca-certificate", "--ca-certificate", "file://ca.pem"),
        *("--verification-certificate", "file://verification.pem", "--set-as-active"),
    )
    certificate_result = aws(
        *("iot", "register-certificate", "--certificate-pem", "file://device.pem"),
        *("--ca-certificate-pem", "file://ca.pem", "--status", "ACTIVE"),
    )
    assert (ca_result[0], certificate_result[0]) == (0, 0), (ca_result, certificate_result)
    return certificate_result[1]


def test_a_device_can_be_registered_and_read_with_the_cli(aws, device):
    arn = device["certificateArn"]
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}'
    )
    thing = ("--thing-name", "pump-7")
    results = [
        aws("iot", "create-thing-type", "--thing-type-name", "pump"),
        aws(
            *("iot", "create-thing", *thing, "--thing-type-name", "pump"),
            *("--attribute-payload", "attributes={site=oslo}"),
        ),
        aws("iot", "attach-thing-principal", *thing, "--principal", arn),
        aws("iot", "create-policy", "--policy-name", "all", "--policy-document", document),
        aws("iot", "attach-policy", "--policy-name", "all", "--target", arn),
    ]
    described = aws("iot", "describe-thing", *thing)[1]
    described.pop("thingId")

    assert [code for code, _ in results] == [0] * 5, results
    assert described == {
        "defaultClientId": "pump-7",
        "thingName": "pump-7",
        "thingArn": ARN + "thing/pump-7",
        "thingTypeName": "pump",
        "attributes": {"site": "oslo"},
        "version": 1,
    }
    assert aws("iot", "list-thing-principals", *thing)[1] == {"principals": [arn]}
    assert aws("iot", "list-attached-policies", "--target", arn)[1] == {
        "policies": [{"policyName": "all", "policyArn": ARN + "policy/all"}]
    }


def test_the_cli_joins_pages_and_stops_at_max_items(aws):
    for number in range(3):
        aws("iot", "create-thing-group", "--thing-group-name", f"g{number}")
    options = ("--page-size", "1", "--query", "thingGroups[].groupName")

    assert aws("iot", "list-thing-groups", *options) == (0, ["g0", "g1", "g2"])
    assert len(aws("iot", "list-thing-groups", "--max-items", "2")[1]["thingGroups"]) == 2


def test_errors_are_reported_with_the_registrys_codes_and_texts(aws):
    missing = aws("iot", "describe-thing", "--thing-name", "none")
    invalid = aws("iot", "list-things", "--max-results", "251")
    unserved = aws("iot", "list-jobs")

    prefix = "An error occurred"
    assert 0 not in {missing[0], invalid[0], unserved[0]}
    assert missing[1] == (
        f"{prefix} (ResourceNotFoundException) when calling the DescribeThing operation: Thing none does not exist"
    )
    assert invalid[1] == (
        f"{prefix} (InvalidRequestException) when calling the ListThings operation: 1 validation error detected: "
        "Value '251' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 250"
    )
    assert unserved[1] == (
        f"{prefix} (UnknownOperationException) when calling the ListJobs operation: "
        "The operation ListJobs is not served by the embedded registry."
    )


def test_managed_integrations_are_served_at_the_same_address(aws):
    created = aws(
        *("iot-managed-integrations", "create-managed-thing", "--role", "DEVICE", "--name", "pump"),
        *("--authentication-material", "SN:0007;UPC:012345678905;"),
        *("--authentication-material-type", "WIFI_SETUP_QR_BAR_CODE", "--tags", "line=A"),
    )
    described = aws("iot-managed-integrations", "get-managed-thing", "--identifier", created[1]["Id"])

    members = {name: described[1][name] for name in ("Name", "SerialNumber", "ProvisioningStatus", "Tags")}
    assert members == {
        "Name": "pump",
        "SerialNumber": "0007",
        "ProvisioningStatus": "PRE_ASSOCIATED",
        "Tags": {"line": "A"},
    }


def test_roles_functions_and_streams_exist_unless_their_names_begin_with_missing(aws):
    prefix = "An error occurred"
    arns = [
        aws("iam", "get-role", "--role-name", "r")[1]["Role"]["Arn"],
        aws("lambda", "get-function-configuration", "--function-name", "f")[1]["FunctionArn"],
        aws("kinesis", "describe-stream-summary", "--stream-name", "s")[1]["StreamDescriptionSummary"][
            "StreamARN"
        ],
    ]
    missing_role = aws("iam", "get-role", "--role-name", "missing-r")
    missing_stream = aws("firehose", "describe-delivery-stream", "--delivery-stream-name", "missing-s")

    assert arns == [
        f"arn:aws:iam::{ACCOUNT}:role/r",
        f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f",
        f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s",
    ]
    assert missing_role[1] == (
        f"{prefix} (NoSuchEntity) when calling the GetRole operation: The role with name missing-r cannot be found."
    )
    assert missing_stream[1] == (
        f"{prefix} (ResourceNotFoundException) when calling the DescribeDeliveryStream operation: "
        f"Firehose missing-s under account {ACCOUNT} not found."
    )


def test_sts_returns_the_account(aws):
    assert aws("sts", "get-caller-identity")[1]["Account"] == ACCOUNT
