"""The table of served operations, and the schema of every noun; both are filled by the files in `operations/`.

Law: an operation is served when a function in `operations/` says so with `@operation(service, name)`. There is no other
list: the files are found by looking into the package.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from attrs import frozen

from reconciler.registry.context import Context

Params = Mapping[str, Any]
Output = Mapping[str, Any]
OperationFunction = Callable[[Context, Params], Output | None]


@frozen
class ServedOperation:
    """One served operation. `writes` says which kind of transaction it runs in; None leaves that to its HTTP method."""

    service: str
    name: str
    function: OperationFunction
    writes: bool | None


_served: dict[tuple[str, str], ServedOperation] = {}


def operation(
    service: str, name: str, *, writes: bool | None = None
) -> Callable[[OperationFunction], OperationFunction]:
    """Serve one AWS operation with the decorated function.

    A GET runs in a read snapshot and anything else in a write transaction, unless `writes` says otherwise.
    """

    def register(function: OperationFunction) -> OperationFunction:
        if (service, name) in _served:
            raise ValueError(f"{service} {name} is served twice")
        _served[service, name] = ServedOperation(service, name, function, writes)
        return function

    return register


@cache
def schemas() -> Mapping[str, tuple[str, ...]]:
    """Import every noun and give the schema steps of those that have tables, by the noun's file name."""
    packages = [import_module(f"reconciler.registry.{name}") for name in ("operations", "shared")]
    nouns = {
        module.name: import_module(f"{package.__name__}.{module.name}")
        for package in packages
        for module in iter_modules(package.__path__)
    }
    return {name: noun.SCHEMA for name, noun in sorted(nouns.items()) if hasattr(noun, "SCHEMA")}


def served_operations() -> Mapping[tuple[str, str], ServedOperation]:
    """Give every served operation by service and name."""
    schemas()
    return _served
