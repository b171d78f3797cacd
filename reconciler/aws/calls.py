"""Sends `ApiCall`s through boto3: paging, error translation, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, ReconcilerError, TargetError

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


class Caller:
    """A `Call`: sends one call and returns the answer, all pages of it. Safe for many threads.

    `clients` are boto3 clients by service name.
    """

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._clients = clients
        self._page_size = cache(self._find_page_size)

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        """AWS's answer. Raises AwsError when AWS refuses, TargetError when AWS cannot be reached."""
        try:
            return self._send(call)
        except (ClientError, BotoCoreError) as error:
            raise translated(error, call) from error

    def _send(self, call: ApiCall) -> Mapping[str, Any]:
        client = self._clients[call.service]
        method = xform_name(call.operation)
        if not client.can_paginate(method):
            answer: Mapping[str, Any] = getattr(client, method)(**call.params)
            return answer
        config = {"PageSize": self._page_size(call.service, call.operation), "MaxItems": call.at_most}
        pages = client.get_paginator(method).paginate(**call.params, PaginationConfig=config)
        whole: Mapping[str, Any] = pages.build_full_result()
        # A key without items is left out of the joined answer.
        return {**{str(key.expression): [] for key in pages.result_keys}, **whole}

    def _find_page_size(self, service: str, operation: str) -> int | None:
        """The largest page that the service model admits: fewer calls, never a smaller one by default."""
        client = self._clients[service]
        limit_key = client.get_paginator(xform_name(operation))._pagination_cfg.get("limit_key")  # noqa: SLF001
        if not limit_key:
            return None
        shape = client.meta.service_model.operation_model(operation).input_shape.members[limit_key]
        return int(shape.metadata.get("max", 250))


def translated(error: ClientError | BotoCoreError, call: ApiCall) -> ReconcilerError:
    """One of ours for one of boto3's: the only place where its exceptions are known."""
    match error:
        case ClientError():
            told, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
            return AwsError(
                service=call.service,
                operation=call.operation,
                code=told.get("Code") or "Unknown",
                message=told.get("Message")
                or told.get("message")
                or error.response.get("message")
                or "no message",
                status=meta.get("HTTPStatusCode", 0),
                request_id=meta.get("RequestId", ""),
            )
        case ParamValidationError():
            message = str(error).removeprefix("Parameter validation failed:\n")
            return AwsError(
                service=call.service, operation=call.operation, code="ParameterValidation", message=message
            )
        case _:
            return unreached(error, f"{call} got no answer")


def unreached(error: ClientError | BotoCoreError, told: str) -> TargetError:
    """Why there was no answer, with what to do about it where we know; `told` says what was tried."""
    if isinstance(error, NoRegionError):
        return TargetError("no region: say region in [workspace], or set AWS_REGION")
    if isinstance(error, _NO_CREDENTIALS):
        return TargetError(f"no AWS credentials: {error}; sign in, or name a profile in [workspace]")
    return TargetError(f"{told}: {error}")
