"""The services' models in the installed botocore, and each operation's parsers and serializer.

Invariant: a model is read when it is first needed; each parser and serializer is compiled once, when it is first
needed. A `Service` has every operation of its model, whether or not the registry serves it.
"""

import threading
from collections.abc import Mapping, Sequence
from functools import cache, cached_property

from attrs import Factory, define
from botocore.model import OperationModel, ServiceModel, Shape

from reconciler.frozen_classes import frozen
from reconciler.registry.wire.parse import InputParser, Parser, compile_input_parser, compile_params_parser
from reconciler.registry.wire.payload import MalformedError, load_form
from reconciler.registry.wire.routes import Routes
from reconciler.registry.wire.serialize import (
    Serializer,
    Writer,
    compile_error_writer,
    compile_serializer,
)
from reconciler.service_models.loader import load_service_model

SERVICES = ("iot", "iot-managed-integrations")
"""AWS IoT's services."""

REST_SERVICES = (*SERVICES, "lambda")
"""The services with the rest-json protocol: the method and the path of a request name the operation."""

JSON_SERVICES = {
    "ssm": "AmazonSSM",
    "secretsmanager": "secretsmanager",
    "kinesis": "Kinesis_20131202",
    "firehose": "Firehose_20150804",
    "cloudtrail": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
}
"""The services with the json protocol, with what precedes the operation in the header `X-Amz-Target`."""

QUERY_SERVICES = {"iam": "2010-05-08", "sts": "2011-06-15"}
"""The services with the query protocol, with the `Version` in a request: a form, whose `Action` names the operation."""

# Error codes for an invalid request and for an internal fault. The first one that an operation's model has is used.
_INVALID_CODES = ("ValidationException", "InvalidRequestException")
_FAULT_CODES = (
    "InternalFailureException",
    "InternalServerException",
    "InternalException",
    "InternalServerError",
    "InternalServiceError",
)
_DEFAULT_FAULT_CODES = {
    "iot": "InternalFailureException",
    "iot-managed-integrations": "InternalServerException",
    "ssm": "InternalServerError",
    "secretsmanager": "InternalServiceError",
    "kinesis": "InternalFailureException",
    "firehose": "InternalFailure",
    "lambda": "ServiceException",
    "iam": "ServiceFailure",
    "cloudtrail": "InternalFailure",
    "sts": "InternalFailure",
}
# Error codes for a throttled request, if they are not ThrottlingException.
_THROTTLING_CODES = {
    "iam": "Throttling",
    "sts": "Throttling",
    "lambda": "TooManyRequestsException",
    "kinesis": "LimitExceededException",
}
_CLIENT_ERROR_STATUS, _FAULT_STATUS = 400, 500

TARGET_HEADER = "x-amz-target"


@define(slots=False)
class WireOperation:
    """The parsers, serializer and error codes of one operation of a service, compiled on first use."""

    service: str
    name: str
    model: OperationModel

    @cached_property
    def parser(self) -> InputParser:
        """The parser of its requests."""
        return compile_input_parser(self.model)

    @cached_property
    def params_parser(self) -> Parser:
        """The parser of parameters that come from another operation, not from an HTTP request."""
        return compile_params_parser(self.model)

    @cached_property
    def serializer(self) -> Serializer:
        """The serializer of its outputs."""
        return compile_serializer(self.model)

    @cached_property
    def error_codes(self) -> frozenset[str]:
        """The codes of all errors in its model."""
        return frozenset(str(shape.error_code) for shape in self.model.error_shapes)

    @cached_property
    def invalid_code(self) -> str:
        """The code of its error for an invalid request.

        In the json and query protocols, that is AWS's common error, which the models do not have.
        """
        if self.service in QUERY_SERVICES:
            return "ValidationError"
        if self.service in JSON_SERVICES:
            return "ValidationException"
        default = "InvalidRequestException" if self.service == "iot" else "ValidationException"
        return next((code for code in _INVALID_CODES if code in self.error_codes), default)

    @cached_property
    def fault_code(self) -> str:
        """The code of its error for an internal fault."""
        default = _DEFAULT_FAULT_CODES[self.service]
        return next((code for code in _FAULT_CODES if code in self.error_codes), default)

    @property
    def throttling_code(self) -> str:
        """The code of its error for a throttled request."""
        return _THROTTLING_CODES.get(self.service, "ThrottlingException")

    @property
    def is_get(self) -> bool:
        """Whether its HTTP method is GET."""
        return str(self.model.http["method"]) == "GET"


@frozen
class ErrorFormat:
    """How an error is sent: its HTTP status, the name of its message member, and the writer of its body.

    `message_member` is None if the model has no such member.
    """

    status: int
    message_member: str | None
    write: Writer


@define(slots=False)
class Service:
    """A service: its model, routes and error formats."""

    name: str
    model: ServiceModel
    _error_formats: dict[str, ErrorFormat | None] = Factory(dict)

    @cached_property
    def routes(self) -> Routes[WireOperation]:
        """The routes to the operations of the model, but not to those that only a query identifies."""
        routes: Routes[WireOperation] = Routes()
        for operation in self._operations.values():
            http = operation.model.http
            if "?" not in http["requestUri"]:
                routes.add(http["method"], http["requestUri"], operation)
        return routes

    @cached_property
    def _operations(self) -> Mapping[str, WireOperation]:
        names = self.model.operation_names
        return {name: WireOperation(self.name, name, self.model.operation_model(name)) for name in names}

    def find_operation(
        self, method: str, segments: Sequence[str], headers: Mapping[str, str], body: bytes
    ) -> tuple[WireOperation, Mapping[str, str]] | None:
        """Return the operation of a request and the labels of its path, or None without an operation."""
        if self.name in REST_SERVICES:
            return self.routes.find(method, segments)
        name = self._find_action(body) if self.name in QUERY_SERVICES else self._find_target(headers)
        is_valid = method == "POST" and name in self._operations
        return (self._operations[name], {}) if is_valid else None

    def _find_target(self, headers: Mapping[str, str]) -> str:
        """Return the operation that a header names, or an empty text if it is not of this service."""
        prefix, _, name = headers.get(TARGET_HEADER, "").rpartition(".")
        return name if prefix == JSON_SERVICES[self.name] else ""

    def _find_action(self, body: bytes) -> str:
        """Return the operation that a form names, or an empty text if it is not of this service."""
        return load_form(body).get("Action", [""])[-1] if find_query_service(body) == self.name else ""

    def get_operation(self, name: str) -> WireOperation:
        """Return an operation of the model. Raises KeyError for any other name."""
        return self._operations[name]

    def find_error_format(self, code: str) -> ErrorFormat | None:
        """Return the format of an error, or None if the model does not have it."""
        if code not in self._error_formats:
            self._error_formats[code] = _find_error_format(self.model, code)
        return self._error_formats[code]


_ALL_SERVICES = frozenset((*REST_SERVICES, *JSON_SERVICES, *QUERY_SERVICES))


def find_query_service(body: bytes) -> str | None:
    """Return the service whose version a form has, or None."""
    try:
        form = load_form(body)
    except MalformedError:
        return None
    return next((name for name, version in QUERY_SERVICES.items() if form.get("Version") == [version]), None)


_lock = threading.Lock()


def load_service(name: str) -> Service:
    """Return a service of the registry, loaded on first use. Raises KeyError for any other name."""
    if name not in _ALL_SERVICES:
        raise KeyError(name)
    with _lock:
        return _load(name)


@cache
def _load(name: str) -> Service:
    return Service(name, load_service_model(name))


@cache
def map_signing_names_to_services() -> Mapping[str, str]:
    """Return the service for each SigV4 signing name, and also for each service's own name."""
    services = {"execute-api": "iot"}  # older clients sign `iot` requests with API Gateway's signing name
    services |= {
        name: name for name in _ALL_SERVICES
    }  # most of them sign with it; their models are not loaded here
    for name in SERVICES:
        services[str(load_service(name).model.metadata.get("signingName", name))] = name
    return services


def _find_error_format(model: ServiceModel, code: str) -> ErrorFormat | None:
    for shape in model.error_shapes:
        if shape.error_code == code:
            status = _find_status(shape)
            return ErrorFormat(status, _find_message_member(shape), compile_error_writer(shape))
    return None


def _find_status(shape: Shape) -> int:
    """Return the HTTP status of an error; the models of the json protocol do not have it."""
    if "error" in shape.metadata:
        return int(shape.metadata["error"]["httpStatusCode"])
    return _FAULT_STATUS if shape.name in _FAULT_CODES else _CLIENT_ERROR_STATUS


def _find_message_member(shape: Shape) -> str | None:
    return next((name for name in shape.members if name.lower() == "message"), None)
