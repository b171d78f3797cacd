"""Which API calls a kind may send: read from the code of its methods and of what these call."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from reconciler.aws.service_model import ServiceModelLimits
from reconciler.kinds.kind import Kind

VERBS = ("read", "create", "update", "replace", "delete")
_HOME = "reconciler.kinds"


def calls_of(kind: Kind) -> Mapping[str, tuple[str, ...]]:
    """The operations by verb, each once, in the order in which the code names them."""
    known = frozenset(ServiceModelLimits().operations(kind.service))
    return {verb: tuple(dict.fromkeys(_of(kind, verb, known, set()))) for verb in VERBS}


def _of(kind: Kind, method: str, known: frozenset[str], seen: set[Any]) -> Iterator[str]:
    for base in type(kind).__mro__:
        if isinstance(found := vars(base).get(method), FunctionType):
            yield from _inside(found, kind, known, seen)


def _inside(function: FunctionType, kind: Kind, known: frozenset[str], seen: set[Any]) -> Iterator[str]:
    if function in seen:
        return
    seen.add(function)
    for node in _nodes(function):
        match node:
            case ast.Constant(value=str(text)) if text in known:
                yield text
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                yield from _of(kind, name, known, seen)
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                if isinstance(home := function.__globals__.get(module), ModuleType):
                    yield from _named(getattr(home, name, None), kind, known, seen)
            case ast.Name(id=name):
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
