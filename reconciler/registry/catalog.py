"""The table of served operations, filled by `operations/`, and the schemas of all modules' SQL tables.

Invariant: an operation is served when a function in `operations/` is decorated with `@operation(service, name)`. There is
no other list: the modules are discovered in the package.
"""

from collections.abc import Callable, Generator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from reconciler.frozen_classes import frozen
from reconciler.registry.context import Context

Params = Mapping[str, Any]
Output = Mapping[str, Any]
OperationFunction = Callable[[Context, Params], Output | None]

Pieces = Generator[None, Context, Output | None]
"""An operation that reads in pieces, so that no other request waits long.

It yields between two pieces, and receives the context of the next one, which is in another transaction.
"""


@frozen
class ServedOperation:
    """A served operation.

    `writes` is whether it runs in a write transaction; with None it does unless its HTTP method is GET. `start` starts an operation
    that reads in pieces, which `function` reads in one transaction; it is None for any other.
    """

    service: str
    name: str
    function: OperationFunction
    writes: bool | None
    start: Callable[[Context, Params], Pieces] | None = None


_served: dict[tuple[str, str], ServedOperation] = {}


def operation(
    service: str, name: str, *, writes: bool | None = None
) -> Callable[[OperationFunction], OperationFunction]:
    """Serve an AWS operation with the decorated function.

    A GET runs in a read snapshot and every other method in a write transaction, unless `writes` is given.
    """

    def register(function: OperationFunction) -> OperationFunction:
        _register(ServedOperation(service, name, function, writes))
        return function

    return register


def operation_in_pieces(
    service: str, name: str
) -> Callable[[Callable[[Context, Params], Pieces]], Callable[[Context, Params], Pieces]]:
    """Serve an AWS operation that reads in pieces with the decorated function, a generator."""

    def register(start: Callable[[Context, Params], Pieces]) -> Callable[[Context, Params], Pieces]:
        def run(context: Context, params: Params) -> Output | None:
            pieces = start(context, params)
            try:
                next(pieces)
                while True:
                    pieces.send(context)
            except StopIteration as end:
                output: Output | None = end.value
                return output

        _register(ServedOperation(service, name, run, writes=False, start=start))
        return start

    return register


def _register(served: ServedOperation) -> None:
    if (served.service, served.name) in _served:
        raise ValueError(f"{served.service} {served.name} is served twice")
    _served[served.service, served.name] = served


@cache
def load_schemas() -> Mapping[str, tuple[str, ...]]:
    """Import all operations and what they share, and return the schema steps of the modules' SQL tables.

    The keys are the names of the modules that have tables.
    """
    packages = [import_module(f"reconciler.registry.{name}") for name in ("operations", "shared")]
    modules = {
        info.name: import_module(f"{package.__name__}.{info.name}")
        for package in packages
        for info in iter_modules(package.__path__)
    }
    return {name: module.SCHEMA for name, module in sorted(modules.items()) if hasattr(module, "SCHEMA")}


def load_served_operations() -> Mapping[tuple[str, str], ServedOperation]:
    """Return every served operation by service and name."""
    load_schemas()  # imports the modules, which fills the table
    return _served
