"""Operations that call other operations, as RegisterThing does: the same checks of the parameters, the same transaction.

Law: what is called cannot tell that no request came for it. Its parameters are held against the service model, and its
errors are its own.
"""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from reconciler.registry.catalog import Output, served_operations
from reconciler.registry.context import Context
from reconciler.registry.errors import ApiError
from reconciler.registry.wire.constraints import ValidationErrors
from reconciler.registry.wire.payload import MalformedError
from reconciler.registry.wire.service import service


def call_operation(context: Context, name: str, params: Mapping[str, Any]) -> Output:
    """Perform another operation of the same service. Raises what it raises, and its error for bad requests."""
    wire = service(context.service).operation(name)
    problems = ValidationErrors()
    try:
        parsed = wire.values(dict(params), "", problems)
    except MalformedError as error:
        raise ApiError(wire.invalid_code, str(error)) from error
    if problems.found:
        raise ApiError(wire.invalid_code, problems.text())
    inner = evolve(context, operation=name, invalid_code=wire.invalid_code)
    return served_operations()[context.service, name].function(inner, parsed) or {}
