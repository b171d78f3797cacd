"""Send `ApiCall`s through boto3: paging, retries for each page, and error translation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from attrs import evolve
from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from reconciler.aws.paging import Paging, find_paging
from reconciler.aws.response_parsers import InvalidResponseError, NotJsonError
from reconciler.aws.retries import CallFailedError, Circuit, Retries
from reconciler.frozen_classes import frozen
from reconciler.kinds.base.outside_services import OUTSIDE_SERVICES
from reconciler.model.call import ApiCall
from reconciler.model.errors import NO_MESSAGE, AwsError, NoConnectionError, ReconcilerError, TargetError
from reconciler.model.redaction import redact

_CREDENTIAL_ERRORS = (
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn")

_SAFE_METHODS = frozenset({"GET", "HEAD"})
"""HTTP methods that change nothing (RFC 9110, 9.2.1)."""
_IDEMPOTENT_METHODS = _SAFE_METHODS | {"PUT", "DELETE"}
"""HTTP methods that can be sent twice without harm (RFC 9110, 9.2.2)."""

_OUTSIDE_TIMEOUT_SECONDS = 15.0
"""Seconds during which a call to a service that a plan can do without is retried."""

_Method = Callable[..., Mapping[str, Any]]


@frozen
class _Operation:
    """An operation of a client, and how its calls are sent.

    `method` is the client's method. `reads` is whether the operation is known to change nothing, and `is_idempotent` whether its HTTP
    method allows it to be sent twice. `paging` is None if the operation returns no pages.
    """

    method: _Method
    circuit: Circuit
    retries: Retries
    reads: bool
    is_idempotent: bool
    paging: Paging | None

    def send(self, *, idempotent: bool = False, **params: Any) -> Mapping[str, Any]:
        """Call the client's method, with retries where they are allowed."""
        return self.retries.run(
            partial(self.method, **params), self.circuit, reads=self.reads, idempotent=idempotent
        )


class Caller:
    """A `Call`: it sends an `ApiCall` and returns the response, with all pages in one. Thread-safe.

    `clients` are boto3 clients by service name, with botocore's own retries off (`NO_BOTOCORE_RETRIES`); one for another Region is
    under the name that `name_client` returns. A client is taken from the mapping when the first call needs it.
    """

    def __init__(self, clients: Mapping[str, Any], retries: Retries | None = None) -> None:
        self._clients = clients
        self._retries = retries or Retries()
        self._outside_retries = evolve(self._retries, timeout_seconds=_OUTSIDE_TIMEOUT_SECONDS)
        self._circuits: dict[str, Circuit] = {}
        self._circuits_lock = threading.Lock()
        self._get_operation = cache(self._find_operation)

    def __call__(self, call: ApiCall) -> Mapping[str, Any]:
        """Send a call and return AWS's response.

        Raises AwsError when AWS responds with an error or botocore rejects the parameters, TargetError when there is no response
        or there are no credentials, and ServiceUnavailableError when calls to the same service have kept failing. If the error's
        `outcome_unknown` is true, the call may have taken effect.
        """
        try:
            return self._send(call)
        except CallFailedError as failed:
            error = translate_error(failed.error, call, outcome_unknown=failed.outcome_unknown)
        except (ClientError, BotoCoreError) as boto_error:
            error = translate_error(boto_error, call)
        # Raised outside `except`, so that no traceback shows botocore's error, which contains the rejected values.
        raise error

    def _send(self, call: ApiCall) -> Mapping[str, Any]:
        operation = self._get_operation(name_client(call.service, call.region), call.operation)
        if operation.paging:
            return operation.paging.read(operation.send, call.params, call.max_items)
        # After a lost response, a call with a verification is not repeated here: `engine.calls.send` verifies it first.
        idempotent = call.idempotent or (operation.is_idempotent and call.verification is None)
        return operation.send(idempotent=idempotent, **call.params)

    def _find_circuit(self, name: str) -> Circuit:
        """Return the circuit of a client.

        When it is created, have the responses of another endpoint than AWS's checked for JSON, unless they are XML.
        """
        with self._circuits_lock:
            if name not in self._circuits:
                client = self._clients[name]
                url = _find_custom_url(client)
                is_optional = client.meta.service_model.service_name in OUTSIDE_SERVICES
                self._circuits[name] = Circuit(name, self._retries.clock, url, is_optional=is_optional)
                if url and "json" in client.meta.service_model.resolved_protocol:
                    client.meta.events.register("before-parse", partial(_check_is_json, url))
            return self._circuits[name]

    def _find_operation(self, name: str, operation: str) -> _Operation:
        """Find what a client's model states about an operation; botocore would search for it at each call.

        Calls to other services change nothing.
        """
        client = self._clients[name]
        http_method = client.meta.service_model.operation_model(operation).http["method"]
        is_outside = name.partition("@")[0] in OUTSIDE_SERVICES
        paging = find_paging(client, operation)
        return _Operation(
            getattr(client, xform_name(operation)),
            self._find_circuit(name),
            self._outside_retries if is_outside else self._retries,
            reads=paging is not None or is_outside or http_method in _SAFE_METHODS,
            is_idempotent=http_method in _IDEMPOTENT_METHODS,
            paging=paging,
        )


def name_client(service: str, region: str = "") -> str:
    """Return the name of the client of a service, for the Region of the target or for another one."""
    return f"{service}@{region}" if region else service


def _check_is_json(url: str, response_dict: Mapping[str, Any], **_: object) -> None:
    """Raise NotJsonError for a response without JSON."""
    content = response_dict["body"].strip()
    if (
        response_dict["status_code"] < HTTPStatus.MULTIPLE_CHOICES
        and content
        and not content.startswith(b"{")
    ):
        raise NotJsonError(url=url)


def _find_custom_url(client: Any) -> str:
    """Return the URL of a client's endpoint if it is not one of AWS's, else an empty string."""
    url: str = client.meta.endpoint_url
    return "" if is_aws_url(url) else url


def is_aws_url(url: str) -> bool:
    """Return whether a URL is one of AWS's endpoints."""
    return (urlsplit(url).hostname or "").endswith(_AWS_DOMAINS)


def translate_error(
    error: ClientError | BotoCoreError, call: ApiCall, *, outcome_unknown: bool = False
) -> ReconcilerError:
    """Translate an error of boto3 into ours; `outcome_unknown` means that the call may have taken effect."""
    match error:
        case ClientError():
            details = error.response.get("Error", {})
            metadata = error.response.get("ResponseMetadata", {})
            return AwsError(
                service=call.service,
                operation=call.operation,
                code=details.get("Code") or "Unknown",
                message=redact(
                    details.get("Message")
                    or details.get("message")
                    or error.response.get("message")
                    or NO_MESSAGE
                ),
                status=metadata.get("HTTPStatusCode", 0),
                request_id=metadata.get("RequestId", ""),
                outcome_unknown=outcome_unknown,
            )
        case ParamValidationError():
            message = str(error).removeprefix("Parameter validation failed:\n")
            return AwsError(
                service=call.service,
                operation=call.operation,
                code="ParameterValidation",
                message=redact(message),
            )
        case NotJsonError():
            return TargetError(str(error), outcome_unknown=outcome_unknown)
        case InvalidResponseError():
            problem = f"{call} got a response that is not AWS's; check the endpoint and the proxy"
            return TargetError(problem, outcome_unknown=outcome_unknown)
        case _:
            return build_target_error(error, f"{call} got no response", outcome_unknown=outcome_unknown)


def build_target_error(
    error: ClientError | BotoCoreError, problem: str, *, outcome_unknown: bool = False
) -> TargetError:
    """Return the error for a target that cannot be used, such as one that does not respond.

    It names the missing Region or credentials and the next step, or the URL of another endpoint than AWS's that accepts no
    connection, or else it reports `problem`, the cause, and the next step if one is known.
    """
    if isinstance(error, NoRegionError):
        return TargetError("no AWS Region; set region in [workspace], or AWS_REGION")
    if isinstance(error, _CREDENTIAL_ERRORS):
        return TargetError(f"no AWS credentials: {error}; sign in, or name a profile in [workspace]")
    cause = str(error)
    if isinstance(error, EndpointConnectionError):
        url = _remove_path(str(error.kwargs.get("endpoint_url")))
        if not is_aws_url(url):
            return NoConnectionError(url, outcome_unknown=outcome_unknown)
        cause = f"cannot connect to {url}; check the network, the proxy and the Region"
    elif isinstance(error, SSLError):
        cause = _explain_tls_error(error)
    return TargetError(redact(f"{problem}: {cause}"), outcome_unknown=outcome_unknown)


def _remove_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _explain_tls_error(error: SSLError) -> str:
    """Return why there is no TLS connection to a server, and the next step."""
    url = _remove_path(str(error.kwargs.get("endpoint_url")))
    reason = str(error.kwargs.get("error"))
    if "WRONG_VERSION_NUMBER" in reason:
        return f"{url} does not use TLS; write http:// in its URL"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"the certificate of {url} is not trusted; name the file with its CA in AWS_CA_BUNDLE ({reason})"
        )
    return str(error)
