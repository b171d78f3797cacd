"""Real boto3 clients, whose prepared HTTP requests go to a registry in this process instead of the network."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from attrs import define
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config

from reconciler.registry import HttpRequest, Registry, RegistrySettings
from tests.support import registry_pki as pki

ACCOUNT = "123456789012"
REGION = "eu-west-1"
SERVICES = ("iot", "iot-managed-integrations")
NOON = 1_750_000_000.0


@define
class Clock:
    """A clock that stands still until it is told otherwise."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class _Body:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body

    def read(self, *_: Any) -> bytes:
        return self._body


def answer(registry: Registry, request: AWSPreparedRequest) -> AWSResponse:
    """Hand a prepared request to the registry."""
    body = request.body or b""
    headers = {name: _text(value) for name, value in request.headers.items()}
    body = body.encode() if isinstance(body, str) else bytes(body)
    response = registry.handle(HttpRequest(request.method, request.url, headers, body))
    return AWSResponse(request.url, response.status, HeadersDict(response.headers), _Body(response.body))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def make_client(
    service: str, find: Callable[[], Registry], account: str = "test", region: str = REGION
) -> Any:
    """Make a client whose requests go to whatever registry `find` gives, and that allows modelled errors only."""
    client = boto3.Session().client(
        service,
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, tcp_keepalive=False),
    )

    def send(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        response = answer(find(), request)
        code = response.headers.get("x-amzn-ErrorType")
        model = client.meta.service_model.operation_model(event_name.rpartition(".")[2])
        allowed = {shape.name for shape in model.error_shapes} | {None, "UnknownOperationException"}
        assert code in allowed, f"{event_name} has no {code} in its model"
        return response

    client.meta.events.register(f"before-send.{service}", send)
    return client


@define
class Bound:
    """The registry that the session's clients talk to now."""

    registry: Registry | None = None

    def find(self) -> Registry:
        assert self.registry is not None, "the test asks for no registry"
        return self.registry


@pytest.fixture(scope="session")
def bound() -> Bound:
    return Bound()


@pytest.fixture(scope="session")
def session_clients(bound: Bound) -> dict[str, Any]:
    return {service: make_client(service, bound.find) for service in SERVICES}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(clock: Clock) -> RegistrySettings:
    return RegistrySettings(clock=clock, detach_lag_seconds=5.0, managed_thing_deletion_seconds=60.0)


@pytest.fixture
def registry(bound: Bound, settings: RegistrySettings) -> Iterator[Registry]:
    made = Registry(":memory:", settings)
    bound.registry = made
    yield made
    bound.registry = None
    made.close()


@pytest.fixture
def iot(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["iot"]


@pytest.fixture
def managed(registry: Registry, session_clients: dict[str, Any]) -> Any:
    return session_clients["iot-managed-integrations"]


@pytest.fixture(scope="session")
def authority() -> pki.Authority:
    return pki.authority(pki.name("Factory CA"), pki.ec_key())


@pytest.fixture(scope="session")
def other_authority() -> pki.Authority:
    return pki.authority(pki.name("Other CA"), pki.ec_key())


@pytest.fixture(scope="session")
def device_pem(authority: pki.Authority) -> str:
    return authority.issue("pump-7")


def register_ca(iot: Any, authority: pki.Authority, **more: Any) -> dict[str, Any]:
    """Register a CA in DEFAULT mode, with the verification that AWS asks for."""
    code = iot.get_registration_code()["registrationCode"]
    return iot.register_ca_certificate(
        caCertificate=authority.pem, verificationCertificate=authority.issue(code), **more
    )


def error_of(operation: Callable[..., Any], **params: Any) -> tuple[str, int]:
    """Call an operation that must fail; give AWS's code and the HTTP status."""
    with pytest.raises(operation.__self__.exceptions.ClientError) as caught:
        operation(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def without_metadata(output: dict[str, Any]) -> dict[str, Any]:
    """Give an output without what botocore adds to it."""
    return {name: value for name, value in output.items() if name != "ResponseMetadata"}


@pytest.fixture
def ca(iot: Any, authority: pki.Authority) -> dict[str, Any]:
    """A registered, active CA."""
    return without_metadata(register_ca(iot, authority, setAsActive=True))


@pytest.fixture
def device(iot: Any, ca: dict[str, Any], device_pem: str) -> dict[str, Any]:
    """A registered, active device certificate of that CA."""
    return without_metadata(iot.register_certificate(certificatePem=device_pem, status="ACTIVE"))
