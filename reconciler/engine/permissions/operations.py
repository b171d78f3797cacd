"""Which API operations a kind may send: read from the code of its methods and of what these call.

A recording of calls would miss what is sent only now and then, such as the deletion of a policy's fifth version. The code
names every operation as a text, so it is asked.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

from reconciler.engine.ownership.markers import MARKED, with_marks
from reconciler.kinds import all_kinds
from reconciler.kinds.base.kind import Kind
from reconciler.kinds.base.schema import members
from reconciler.model.change import ACTIONS
from reconciler.model.constraints import Limits
from reconciler.model.resource import Desired
from reconciler.model.settings import DesiredState

VERBS = ("read", *ACTIONS)
_HOME = "reconciler.kinds"


Operation: TypeAlias = tuple[str, str]
"""A service and the name of one of its operations."""

CHANGING = VERBS[1:]

PURPOSES: Mapping[str, tuple[str, ...]] = {"plan": (), "apply": CHANGING, "destroy": ("update", "delete")}
"""What one wants to do with a file, and the verbs that it takes besides reading."""


def needed(state: DesiredState, purpose: str, limits: Limits) -> Mapping[str, frozenset[Operation]]:
    """What the purpose may send for a file: to `Read`, and to `Write`.

    Every kind is read, because what the workspace owns may be of a kind that has left the file. Written is what the file
    has something of, and what marks it.
    """
    kinds = all_kinds()
    tables = {address.kind for address in with_marks(state.settings.name, state.resources)}
    if any(kinds[table].is_composite for table in tables):  # what it is made of goes as that
        tables |= MARKED
    write = frozenset[Operation]()
    for table in tables:
        found = calls_of(kinds[table], limits)
        write |= {(kinds[table].service, name) for verb in PURPOSES[purpose] for name in found[verb]}
    read = {(kind.service, name) for kind in kinds.values() for name in calls_of(kind, limits)["read"]}
    return {"Read": frozenset(read), "Write": write}


def roles(resources: Desired) -> frozenset[str]:
    """The ARNs of roles that the resources hand to AWS."""
    found = set[str]()
    for resource in resources.values():
        for name, member in members(type(resource.spec)).items():
            if (member.api or "").endswith(_ROLE) and isinstance(value := getattr(resource.spec, name), str):
                found.add(value)
    return frozenset(found)


_ROLE = ("RoleArn", "roleArn")


def calls_of(kind: Kind, limits: Limits) -> Mapping[str, tuple[str, ...]]:
    """The operations by verb, each once, in the order in which the code names them."""
    known = frozenset(limits.operations(kind.service))
    return {verb: tuple(dict.fromkeys(_of(kind, verb, known, set()))) for verb in VERBS}


def _of(kind: Kind, method: str, known: frozenset[str], seen: set[Any]) -> Iterator[str]:
    for base in type(kind).__mro__:
        if isinstance(found := vars(base).get(method), FunctionType):
            yield from _inside(found, kind, known, seen)


def _inside(function: FunctionType, kind: Kind, known: frozenset[str], seen: set[Any]) -> Iterator[str]:
    if function in seen:
        return
    seen.add(function)
    own = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    for node in _nodes(function):
        match node:
            case ast.Constant(value=str(text)) if text in known:
                yield text
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield from _of(kind, name, known, seen)
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                if isinstance(home := function.__globals__.get(module), ModuleType):
                    yield from _named(getattr(home, name, None), kind, known, seen)
            case ast.Name(id=name) if name not in own:
                yield from _named(function.__globals__.get(name), kind, known, seen)


def _named(value: Any, kind: Kind, known: frozenset[str], seen: set[Any]) -> Iterator[str]:
    if isinstance(value, FunctionType) and value.__module__.startswith(_HOME):
        yield from _inside(value, kind, known, seen)


@cache
def _nodes(function: FunctionType) -> tuple[ast.AST, ...]:
    """In the order of the text, which `ast.walk` does not keep."""
    return tuple(_in_order(ast.parse(textwrap.dedent(inspect.getsource(function)))))


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_order(child)
