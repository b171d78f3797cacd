"""The two service models, read from the installed botocore when first needed, and what is known of each operation.

Law: the model's text is read once per process (some 20 ms a service); an operation's shapes are walked once, on its
first request. Nothing here knows which operations are served.
"""

import threading
from collections.abc import Mapping
from functools import cache, cached_property

from attrs import Factory, define
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

from reconciler.registry.wire.parse import InputParser, Parser, input_parser, values_parser
from reconciler.registry.wire.routes import Routes
from reconciler.registry.wire.serialize import OutputSerializer, Writer, error_writer, output_serializer

SERVICES = ("iot", "iot-managed-integrations")

# What each service answers to a bad request, and to a fault of its own, when an operation's model has that error.
_INVALID = ("ValidationException", "InvalidRequestException")
_FAULTS = ("InternalFailureException", "InternalServerException", "InternalException")


@define(slots=False)
class WireOperation:
    """One operation of a service: its HTTP side, worked out when it is first asked for."""

    service: str
    name: str
    model: OperationModel

    @cached_property
    def parser(self) -> InputParser:
        """The parser of its requests."""
        return input_parser(self.model)

    @cached_property
    def values(self) -> Parser:
        """The parser of its parameters when it is not a request that carries them."""
        return values_parser(self.model)

    @cached_property
    def serializer(self) -> OutputSerializer:
        """The serializer of its outputs."""
        return output_serializer(self.model)

    @cached_property
    def error_codes(self) -> frozenset[str]:
        """Every error that its model has."""
        return frozenset(str(shape.name) for shape in self.model.error_shapes)

    @cached_property
    def invalid_code(self) -> str:
        """The error for a request that cannot be what was meant."""
        default = "InvalidRequestException" if self.service == "iot" else "ValidationException"
        return next((code for code in _INVALID if code in self.error_codes), default)

    @cached_property
    def fault_code(self) -> str:
        """The error for a fault of the registry's own."""
        default = "InternalFailureException" if self.service == "iot" else "InternalServerException"
        return next((code for code in _FAULTS if code in self.error_codes), default)

    @property
    def reads_only(self) -> bool:
        """Whether its HTTP method is one that changes nothing."""
        return str(self.model.http["method"]) == "GET"


@define(slots=False)
class Service:
    """One service: its model, routes and error shapes."""

    name: str
    model: ServiceModel
    _errors: dict[str, tuple[int, str, Writer] | None] = Factory(dict)

    @cached_property
    def routes(self) -> Routes[WireOperation]:
        """Every operation of the model by HTTP method and path."""
        routes: Routes[WireOperation] = Routes()
        for wire in self._operations.values():
            routes.add(wire.model.http["method"], wire.model.http["requestUri"], wire)
        return routes

    @cached_property
    def _operations(self) -> Mapping[str, WireOperation]:
        names = self.model.operation_names
        return {name: WireOperation(self.name, name, self.model.operation_model(name)) for name in names}

    def operation(self, name: str) -> WireOperation:
        """Give one operation of the model. Raises KeyError for any other name."""
        return self._operations[name]

    def error(self, code: str) -> tuple[int, str, Writer] | None:
        """Give HTTP status, the message's member name, and the writer of an error; None when the model lacks it."""
        if code not in self._errors:
            self._errors[code] = _error(self.model, code)
        return self._errors[code]


_lock = threading.Lock()


def service(name: str) -> Service:
    """Give one of SERVICES. Raises KeyError for any other name."""
    if name not in SERVICES:
        raise KeyError(name)
    with _lock:
        return _load(name)


@cache
def _load(name: str) -> Service:
    return Service(name, ServiceModel(Loader().load_service_model(name, "service-2"), name))


@cache
def signing_names() -> Mapping[str, str]:
    """Give the service for each name that a request may be signed with."""
    names = {str(service(name).model.metadata.get("signingName", name)): name for name in SERVICES}
    # Older clients sign `iot` requests with the name of API Gateway's data plane.
    return {**names, **{name: name for name in SERVICES}, "execute-api": "iot"}


def _error(model: ServiceModel, code: str) -> tuple[int, str, Writer] | None:
    for shape in model.error_shapes:
        if shape.name == code:
            return int(shape.metadata["error"]["httpStatusCode"]), _message_member(shape), error_writer(shape)
    return None


def _message_member(shape: Shape) -> str:
    return next((name for name in shape.members if name.lower() == "message"), "message")
