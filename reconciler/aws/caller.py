"""Sends `ApiCall`s through boto3: paging, each page with its own retries, and error translation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
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

from reconciler.aws.retries import Circuit, GaveUp, Retries
from reconciler.model.call import ApiCall
from reconciler.model.errors import AwsError, ReconcilerError, TargetError
from reconciler.model.redaction import redacted

_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)


_SAFE = frozenset({"GET", "HEAD"})
_IDEMPOTENT = _SAFE | {"PUT", "DELETE"}
"""RFC 9110, 9.2.1 and 9.2.2: what changes nothing, and what does no more when it is sent twice."""

_Method = Callable[..., Mapping[str, Any]]


class Caller:
    """A `Call`: sends one call and returns the answer, all pages of it. Safe for many threads.

    `clients` are boto3 clients by service name, whose own retries are off (`BOTOCORES_OWN`).
    """

    def __init__(self, clients: Mapping[str, Any], retries: Retries | None = None) -> None:
        self._clients = clients
        self._retries = retries or Retries()
        self._circuits = {name: Circuit(name, self._retries.clock) for name in clients}
        self._page_size = cache(self._find_page_size)

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        """AWS's answer.

        Raises AwsError when AWS refuses, TargetError when AWS cannot be reached, ServiceDownError when it has not been for a
        while. What is `unknown` of those may have been done.
        """
        try:
            return self._send(call)
        except GaveUp as gave_up:
            error = translated(gave_up.error, call, unknown=gave_up.unknown)
        except (ClientError, BotoCoreError) as refused:
            error = translated(refused, call)
        raise error  # alone: botocore's own has the values that it complains of

    def _send(self, call: ApiCall) -> Mapping[str, Any]:
        client = self._clients[call.service]
        method = xform_name(call.operation)
        paged = client.can_paginate(method)
        answered = self._persistent(call, getattr(client, method), reads=paged)
        if not paged:
            return answered(**call.params)
        config = {"PageSize": self._page_size(call.service, call.operation), "MaxItems": call.at_most}
        paginator = client.get_paginator(method)
        paginator._method = answered  # noqa: SLF001 (a page that fails is asked for again, not all of them)
        pages = paginator.paginate(**call.params, PaginationConfig=config)
        whole: Mapping[str, Any] = pages.build_full_result()
        # A key without items is left out of the joined answer.
        return {**{str(key.expression): [] for key in pages.result_keys}, **whole}

    def _persistent(self, call: ApiCall, method: _Method, *, reads: bool) -> _Method:
        """The method, sent again where it may be."""
        model = self._clients[call.service].meta.service_model.operation_model(call.operation)
        verb = model.http["method"]

        def answered(**params: Any) -> Mapping[str, Any]:
            return self._retries.run(
                partial(method, **params),
                self._circuits[call.service],
                reads=reads or verb in _SAFE,
                repeatable=call.repeatable or (verb in _IDEMPOTENT and call.proof is None),
            )

        return answered

    def _find_page_size(self, service: str, operation: str) -> int | None:
        """The largest page that the service model admits: fewer calls, never a smaller one by default."""
        client = self._clients[service]
        limit_key = client.get_paginator(xform_name(operation))._pagination_cfg.get("limit_key")  # noqa: SLF001
        if not limit_key:
            return None
        shape = client.meta.service_model.operation_model(operation).input_shape.members[limit_key]
        return int(shape.metadata.get("max", 250))


def translated(
    error: ClientError | BotoCoreError, call: ApiCall, *, unknown: bool = False
) -> ReconcilerError:
    """One of ours for one of boto3's; `unknown` where the call may have been done all the same."""
    match error:
        case ClientError():
            told, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
            return AwsError(
                service=call.service,
                operation=call.operation,
                code=told.get("Code") or "Unknown",
                message=redacted(
                    told.get("Message")
                    or told.get("message")
                    or error.response.get("message")
                    or "no message"
                ),
                status=meta.get("HTTPStatusCode", 0),
                request_id=meta.get("RequestId", ""),
                unknown=unknown,
            )
        case ParamValidationError():
            message = str(error).removeprefix("Parameter validation failed:\n")
            return AwsError(
                service=call.service,
                operation=call.operation,
                code="ParameterValidation",
                message=redacted(message),
            )
        case _:
            return unreached(error, f"{call} got no answer", unknown=unknown)


def unreached(error: ClientError | BotoCoreError, told: str, *, unknown: bool = False) -> TargetError:
    """Why there was no answer, with what to do about it where we know; `told` says what was tried."""
    if isinstance(error, NoRegionError):
        return TargetError("no region: say region in [workspace], or set AWS_REGION")
    if isinstance(error, _NO_CREDENTIALS):
        return TargetError(f"no AWS credentials: {error}; sign in, or name a profile in [workspace]")
    return TargetError(redacted(f"{told}: {error}"), unknown=unknown)
