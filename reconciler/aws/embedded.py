"""Route boto3 requests to the embedded registry instead of the network."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.session import Session

from reconciler.registry import HttpRequest, Registry


def bind(session: Session, registry: Registry) -> None:
    """Route every request of the session's future clients to the registry; nothing reaches the network.

    The requests are not signed, because the registry does not check signatures.
    """

    def respond(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = request.body or b""
        headers = {key: _to_text(value) for key, value in request.headers.items()}
        raw_body = body.encode() if isinstance(body, str) else body
        response = registry.handle(HttpRequest(request.method, request.url, headers, raw_body))
        return AWSResponse(request.url, response.status, dict(response.headers), _RawBody(response.body))

    session.register("before-send", respond)
    session.set_default_client_config(Config(signature_version=UNSIGNED))


class _RawBody(BytesIO):
    """A response body with urllib3's interface, as botocore expects it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


def _to_text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
