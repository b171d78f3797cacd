"""Calls from one operation to another, such as from RegisterThing to CreateThing.

Invariant: a called operation cannot distinguish the call from a request: its parameters are validated against the service
model. It runs in the transaction of the calling operation.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.registry.catalog import Output, load_served_operations
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.wire.constraints import ValidationErrors
from reconciler.registry.wire.payload import MalformedError
from reconciler.registry.wire.service import load_service


def call_operation(context: Context, name: str, params: Mapping[str, Any]) -> Output:
    """Call another operation of the same service. Raises the errors that a request would get."""
    operation = load_service(context.service).get_operation(name)
    errors = ValidationErrors()
    try:
        parsed = operation.params_parser(dict(params), "", errors)
    except MalformedError as error:
        raise ApiError(operation.invalid_code, str(error)) from error
    if errors.messages:
        raise ApiError(operation.invalid_code, errors.format_message())
    inner_context = evolve(context, operation=name, invalid_code=operation.invalid_code)
    return load_served_operations()[context.service, name].function(inner_context, parsed) or {}
