"""Connections: the sources of their Region, account and credentials.

These are `[workspace]`, the environment, the profile, AWS STS and, where nothing is set, defaults.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from urllib.parse import parse_qs

import pytest
from botocore.awsrequest import AWSResponse
from botocore.hooks import EventAliaser
from botocore.session import Session

from reconciler.aws.quotas import load_quotas
from reconciler.aws.session import connect, suggest_registry_fix
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, TargetError
from reconciler.model.plan import Target
from reconciler.model.settings import Settings
from reconciler.registry.store import (
    StoreBusyError,
    StoreDamagedError,
    StoreDiskError,
    StoreError,
    StoreFullError,
)
from tests.support.registry_server import serve_registry

QUOTAS = load_quotas({})
LOCAL_URL = "http://127.0.0.1:4566"
REMOTE_URL = "https://registry.example:4566"
ROLE = "arn:aws:iam::123456789012:role/deploy"
NO_CREDENTIALS = "no AWS credentials: Unable to locate credentials; sign in, or name a profile in [workspace]"
NAME_ANOTHER_FILE = "name another file in RECONCILER_REGISTRY"
NO_REGION = "no AWS Region; set region in [workspace], or AWS_REGION"


@pytest.fixture(autouse=True)
def clean_environment(tmp_path, monkeypatch):
    """An environment without credentials: no variables of AWS, no files, no metadata service.

    The value is the folder in which a test can write the files `config` and `credentials`.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


@pytest.fixture
def connect_with(clean_environment):
    """A function that connects with the settings of `[workspace]` that a test passes."""
    return lambda **settings: connect(
        Settings("ws", **settings), QUOTAS, clean_environment / "registry.sqlite3", os.environ
    )


@pytest.fixture
def set_key(monkeypatch):
    """A function that sets the access key in the environment."""

    def set_variables(key_id="AKIDEXAMPLE000000000"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    return set_variables


@pytest.fixture
def signed_in(set_key):
    set_key()


@pytest.mark.parametrize(
    ("settings", "environ", "region"),
    [
        ({}, {}, "eu-west-1"),
        ({}, {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({}, {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "eu-north-1"}, "eu-north-1"),
        ({"region": "ap-south-1"}, {"AWS_REGION": "eu-north-1"}, "ap-south-1"),
    ],
)
def test_the_embedded_region_comes_from_the_file_the_environment_or_the_default(
    connect_with, monkeypatch, settings, environ, region
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    connection = connect_with(**settings)
    assert connection.target == Target("embedded", region, "123456789012")
    assert connection.call(ApiCall("iot", "ListThings"))["things"] == []


@pytest.mark.parametrize(
    ("settings", "environ", "region"),
    [
        ({}, {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ({}, {"AWS_REGION": "eu-north-1"}, "eu-north-1"),
        ({}, {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "eu-north-1"}, "eu-north-1"),
        ({"region": "ap-south-1"}, {"AWS_REGION": "eu-north-1"}, "ap-south-1"),
    ],
)
@pytest.mark.usefixtures("signed_in")
def test_the_region_of_a_url_target_comes_from_the_file_or_the_environment(
    connect_with, monkeypatch, settings, environ, region
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert connect_with(target=LOCAL_URL, **settings).target == Target(LOCAL_URL, region, "123456789012")


def test_the_profiles_region_is_the_fallback(connect_with, clean_environment):
    (clean_environment / "config").write_text("[profile field]\nregion = eu-central-1\n")
    (clean_environment / "credentials").write_text(
        "[field]\naws_access_key_id = 000000000042\naws_secret_access_key = x\n"
    )
    target = connect_with(target=LOCAL_URL, profile="field").target
    assert target == Target(LOCAL_URL, "eu-central-1", "000000000042")


OUTSIDE_CALLS = [
    ("iam", "GetRole", "RoleName", "NoSuchEntity"),
    ("lambda", "GetFunctionConfiguration", "FunctionName", "ResourceNotFoundException"),
    ("kinesis", "DescribeStreamSummary", "StreamName", "ResourceNotFoundException"),
    ("firehose", "DescribeDeliveryStream", "DeliveryStreamName", "ResourceNotFoundException"),
]


@pytest.mark.parametrize("target", ["embedded", "URL", "AWS_ENDPOINT_URL"])
@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1"])
def test_a_connection_finds_out_whether_resources_outside_aws_iot_exist(
    connect_with, monkeypatch, target, region
):
    with serve_registry() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        targets = {"embedded": "embedded", "URL": server.url, "AWS_ENDPOINT_URL": "aws"}
        connection = connect_with(target=targets[target], region=region)
        for service, operation, member, code in OUTSIDE_CALLS:
            response = connection.call(ApiCall(service, operation, {member: "pump-events"}))
            assert "arn:aws" in str(response)
            with pytest.raises(AwsError) as caught:
                connection.call(ApiCall(service, operation, {member: "missing-pump-events"}))
            assert caught.value.code == code


@pytest.mark.parametrize("service", ["lambda", "kinesis"])
def test_a_resource_of_another_region_is_found_there(connect_with, service):
    arns = {
        "lambda": "arn:aws:lambda:us-west-2:123456789012:function:f",
        "kinesis": "arn:aws:kinesis:us-west-2:123456789012:stream/s",
    }
    operations = {
        "lambda": ("GetFunctionConfiguration", "FunctionName"),
        "kinesis": ("DescribeStreamSummary", "StreamARN"),
    }
    operation, member = operations[service]
    call = connect_with().call
    with pytest.raises(AwsError) as caught:
        call(ApiCall(service, operation, {member: arns[service]}))
    assert caught.value.code == "ResourceNotFoundException"
    assert arns[service] in str(
        call(ApiCall(service, operation, {member: arns[service]}, region="us-west-2"))
    )


@pytest.mark.parametrize(
    ("key_id", "account"),
    [
        ("000000000001", "000000000001"),
        ("AKIDEXAMPLE000000000", "123456789012"),
        ("00000000000x", "123456789012"),
        ("0000000000001", "123456789012"),
    ],
)
def test_the_account_of_a_url_target_is_a_12_digit_key_id_or_the_default(
    connect_with, set_key, key_id, account
):
    set_key(key_id)
    assert connect_with(target=LOCAL_URL, region="eu-west-1").target == Target(
        LOCAL_URL, "eu-west-1", account
    )


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"target": "aws"}, NO_REGION),
        ({"target": LOCAL_URL}, NO_REGION),
        ({"target": "aws", "region": "eu-west-1"}, NO_CREDENTIALS),
        ({"target": "aws", "region": "eu-west-1", "role_arn": ROLE}, NO_CREDENTIALS),
        (
            {"target": "aws", "region": "eu-west-1", "profile": "none"},
            "cannot use the target aws: The config profile (none) could not be found",
        ),
    ],
)
def test_a_missing_region_profile_or_key_is_reported(connect_with, settings, text):
    with pytest.raises(TargetError) as caught:
        connect_with(**settings)
    assert str(caught.value) == text


def test_the_error_for_a_remote_endpoint_without_credentials_suggests_test_keys(connect_with):
    with pytest.raises(TargetError) as caught:
        connect_with(target=REMOTE_URL, region="eu-west-1")
    assert str(caught.value) == (
        f"no credentials to sign requests to {REMOTE_URL}; if it is not AWS, set any, "
        "such as AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test"
    )


@pytest.mark.parametrize(
    ("target", "environ"),
    [
        (LOCAL_URL, {}),
        ("http://localhost:4566", {}),
        ("http://[::1]:4566", {}),
        ("aws", {"AWS_ENDPOINT_URL": LOCAL_URL}),
        ("aws", {"AWS_ENDPOINT_URL": REMOTE_URL, "AWS_ENDPOINT_URL_IOT": LOCAL_URL}),
    ],
)
def test_a_local_registry_needs_no_credentials_and_no_identity_call(
    connect_with, monkeypatch, target, environ
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    connection_target = connect_with(target=target, region="eu-west-1").target
    assert connection_target == Target(LOCAL_URL if target == "aws" else target, "eu-west-1", "123456789012")


def test_the_default_profiles_keys_are_not_sent_to_a_local_registry(connect_with, clean_environment):
    (clean_environment / "credentials").write_text(
        "[default]\naws_access_key_id = 000000000042\naws_secret_access_key = x\n"
    )
    connection_target = connect_with(target=LOCAL_URL, region="eu-west-1").target
    assert connection_target == Target(LOCAL_URL, "eu-west-1", "123456789012")


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_ENDPOINT_URL": REMOTE_URL},
        {"AWS_ENDPOINT_URL": LOCAL_URL, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    ],
)
def test_the_target_aws_needs_credentials_unless_its_endpoint_is_local(connect_with, monkeypatch, environ):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TargetError) as caught:
        connect_with(target="aws", region="eu-west-1")
    assert str(caught.value) == NO_CREDENTIALS


@pytest.mark.usefixtures("signed_in")
def test_an_invalid_endpoint_in_the_environment_is_reported(connect_with, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://[half")
    with pytest.raises(TargetError) as caught:
        connect_with(target="aws", region="eu-west-1")
    assert str(caught.value) == "the endpoint is not usable: Invalid IPv6 URL"


@pytest.mark.parametrize(
    ("error", "environ", "advice"),
    [
        (StoreFullError("f"), {}, f"free space on that disk, or {NAME_ANOTHER_FILE}"),
        (StoreBusyError("f"), {}, "try again when the other process has finished"),
        (StoreDiskError("f"), {}, NAME_ANOTHER_FILE),
        (StoreError("f was created by a newer version of this program"), {}, NAME_ANOTHER_FILE),
        (PermissionError("f"), {}, NAME_ANOTHER_FILE),
        (StoreDamagedError("f"), {}, f"delete it with `reconciler registry reset`, or {NAME_ANOTHER_FILE}"),
        (
            StoreDamagedError("f"),
            {"RECONCILER_REGISTRY": "f"},
            f"{NAME_ANOTHER_FILE}, or unset it to store the registry next to the desired state",
        ),
    ],
)
def test_only_a_damaged_default_registry_is_suggested_for_deletion(error, environ, advice):
    assert suggest_registry_fix(environ, error) == advice


@pytest.fixture
def sts(monkeypatch):
    """A stand-in for AWS STS: it responds to every request without the network, and records the requests."""
    sts = SimpleNamespace(requests=[], denies_access=False)

    def respond(request, **_):
        form = {name: values[0] for name, values in parse_qs(_text(request.body)).items()}
        signer = _text(request.headers["Authorization"]).split("Credential=")[1].split("/")[0]
        sts.requests.append({"signed by": signer, **form})
        body = _ACCESS_DENIED if sts.denies_access else _RESPONSES[form["Action"]]
        return AWSResponse(request.url, 403 if sts.denies_access else 200, {}, _RawBody(body))

    def create_session():
        core = Session()
        core.register("before-send", respond)
        return core

    monkeypatch.setattr("reconciler.aws.session.create_core_session", create_session)
    return sts


class _RawBody:
    def __init__(self, text: str) -> None:
        self.text = text

    def stream(self, **_):
        yield self.text.encode()


def _text(value):
    return value.decode() if isinstance(value, bytes) else value


_RESPONSES = {
    "GetCallerIdentity": """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Account>210987654321</Account></GetCallerIdentityResult></GetCallerIdentityResponse>""",
    "AssumeRole": """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>""",
}
_ACCESS_DENIED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>r</RequestId></ErrorResponse>"""


@pytest.mark.usefixtures("signed_in")
def test_the_account_comes_from_sts(connect_with, sts):
    assert connect_with(target="aws", region="eu-west-1").target == Target("aws", "eu-west-1", "210987654321")
    assert sts.requests == [
        {"signed by": "AKIDEXAMPLE000000000", "Action": "GetCallerIdentity", "Version": "2011-06-15"}
    ]


@pytest.mark.usefixtures("signed_in")
def test_an_assumed_role_signs_every_later_request(connect_with, sts):
    settings = {"target": "aws", "region": "eu-west-1", "role_arn": ROLE, "external_id": "partner"}
    assert connect_with(**settings).target == Target("aws", "eu-west-1", "210987654321")
    assert sts.requests == [
        {
            "signed by": "AKIDEXAMPLE000000000",
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "reconciler-ws",
            "ExternalId": "partner",
        },
        {"signed by": "ASIAROLE", "Action": "GetCallerIdentity", "Version": "2011-06-15"},
    ]


@pytest.mark.parametrize(
    ("role", "operation"), [(None, "GetCallerIdentity"), (ROLE, "AssumeRole")], ids=["own keys", "a role"]
)
@pytest.mark.usefixtures("signed_in")
def test_a_request_that_sts_denies_is_reported(connect_with, sts, role, operation):
    sts.denies_access = True
    with pytest.raises(TargetError) as caught:
        connect_with(target="aws", region="eu-west-1", role_arn=role)
    assert str(caught.value) == (
        f"cannot use the target aws: An error occurred (AccessDenied) when calling the {operation} operation: not you"
    )


def test_the_names_of_the_events_of_requests_are_not_searched_for_old_ones(connect_with, monkeypatch):
    connection = connect_with(target="embedded")
    names = []
    monkeypatch.setattr(EventAliaser, "_alias_event_name", lambda _, name: names.append(name) or name)
    assert connection.call(ApiCall("iot", "ListThings")) == {"things": []}
    assert names == []
