"""boto3 clients that call a registry in this process, and helpers for their responses.

The clients use no network.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from attrs import define
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError

from reconciler.registry import HttpRequest, Registry
from tests.support.pki import Authority
from tests.support.service_models import create_session

ACCOUNT = "123456789012"
REGION = "eu-west-1"
EMPTY_POLICY = '{"Version": "2012-10-17", "Statement": []}'
TEMPLATE_BODY = '{"Resources": {"thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": "a"}}}}'
SERVICES = (
    "iot",
    "iot-managed-integrations",
    "ssm",
    "secretsmanager",
    "iam",
    "lambda",
    "kinesis",
    "firehose",
    "cloudtrail",
)
START_SECONDS = 1_750_000_000.0
"""The time of a new `ManualClock`, in seconds since 1970."""

START_TIME = datetime.fromtimestamp(START_SECONDS, UTC)


@define
class ManualClock:
    """A clock that shows seconds since 1970 and moves only by `advance`."""

    now: float = START_SECONDS

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class _Body:
    """A response body, with the methods that botocore calls."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: Any) -> bytes:
        return self._body


def send(registry: Registry, request: AWSPreparedRequest) -> AWSResponse:
    """Pass botocore's request to a registry, and return the response as botocore expects it."""
    headers = {name: _decode(value) for name, value in request.headers.items()}
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    response = registry.handle(HttpRequest(request.method, request.url, headers, body))
    return AWSResponse(request.url, response.status, HeadersDict(response.headers), _Body(response.body))


def _decode(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def create_client(
    service: str, registry: Callable[[], Registry], account: str = "test", region: str = REGION
) -> Any:
    """Create a client whose requests go to the registry that `registry()` returns for each request.

    `account` is sent as the access key ID. An ID of 12 digits selects the account with this number, and any other ID selects
    the registry's default account.
    A test fails if a response has an error code that the service model does not declare for the operation, other than
    UnknownOperationException.
    """
    client = boto3.Session(botocore_session=create_session()).client(
        service,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, tcp_keepalive=False),
    )

    def respond(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        response = send(registry(), request)
        code = response.headers.get("x-amzn-ErrorType")
        model = client.meta.service_model.operation_model(event_name.rpartition(".")[2])
        # None is the code of a successful response.
        allowed_codes = {shape.error_code for shape in model.error_shapes} | {
            None,
            "UnknownOperationException",
        }
        if not service.startswith("iot"):  # AWS's common errors, which their models do not have
            allowed_codes |= {"ValidationException", "ValidationError"}
        assert code in allowed_codes, f"{event_name} has no {code} in its model"
        return response

    client.meta.events.register(f"before-send.{service}", respond)
    return client


def register_ca(iot: Any, authority: Authority, **params: Any) -> dict[str, Any]:
    """Register a CA in DEFAULT mode, which requires a verification certificate.

    `params` are added to the request.
    """
    code = iot.get_registration_code()["registrationCode"]
    return iot.register_ca_certificate(
        caCertificate=authority.pem, verificationCertificate=authority.issue(code), **params
    )


def catch_error(operation: Callable[..., Any], **params: Any) -> tuple[str, int]:
    """Call a client's operation, which must fail, and return AWS's error code and the HTTP status."""
    return catch_error_with_members(operation, **params)[:2]


def catch_error_with_members(operation: Callable[..., Any], **params: Any) -> tuple[str, int, dict[str, Any]]:
    """Like `catch_error`, but also return the other members of the error, except its message."""
    with pytest.raises(ClientError) as caught:
        operation(**params)
    response = caught.value.response
    members = {
        name: value
        for name, value in response.items()
        if name not in {"Error", "ResponseMetadata", "message"}
    }
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], members


def remove_metadata(output: dict[str, Any]) -> dict[str, Any]:
    """Return an operation's output without the metadata that botocore adds."""
    return {name: value for name, value in output.items() if name != "ResponseMetadata"}
