"""Puts the embedded registry where the network would be: boto3 does everything else as ever."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.session import Session

from reconciler.registry import HttpRequest, Registry


def bind(session: Session, registry: Registry) -> None:
    """Answer every request of the session's future clients from the registry; nothing reaches a network."""

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = request.body or b""
        headers = {key: _text(value) for key, value in request.headers.items()}
        asked = HttpRequest(
            request.method, request.url, headers, body.encode() if isinstance(body, str) else body
        )
        told = registry.handle(asked)
        return AWSResponse(request.url, told.status, dict(told.headers), _Raw(told.body))

    session.register("before-send", answer)


class _Raw(BytesIO):
    """The body as botocore expects it of urllib3."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
