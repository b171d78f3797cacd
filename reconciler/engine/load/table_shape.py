"""The keys that a table may have, and the conversion of their values to the fields of an attrs class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any

import attrs

from reconciler.engine.load.converters import build_hooks
from reconciler.engine.load.hooks import Hook, Hooks
from reconciler.engine.load.table_problems import build_missing_key_problem, build_unknown_key_problem
from reconciler.engine.load.toml_types import describe_type
from reconciler.frozen_classes import frozen
from reconciler.model.diagnostic import InvalidValueError, ValueProblem


@frozen(eq=False)
class TableShape:
    """The keys that a table may have.

    `hooks` has the annotation of each key and the hook that converts its value; `required` are the keys without a default.
    """

    hooks: Mapping[str, tuple[Any, Hook]]
    required: tuple[str, ...]

    def __or__(self, other: TableShape) -> TableShape:
        """Return the shape of a table with the keys of both."""
        return TableShape({**self.hooks, **other.hooks}, self.required + other.required)


def derive_shape(cls: type, hooks: Hooks) -> TableShape:
    """Return the shape of the tables that become objects of an attrs class."""
    fields = attrs.fields(attrs.resolve_types(cls))
    return TableShape(
        {field.name: (field.type, hooks.get(field.type)) for field in fields},
        tuple(field.name for field in fields if field.default is attrs.NOTHING),
    )


@cache
def derive_plain_shape(cls: type) -> TableShape:
    """Return the shape of tables whose values refer to no files.

    It is derived once: hundreds of environments have such tables.
    """
    return derive_shape(cls, build_hooks())


def check_keys(
    keys: Collection[str],
    shape: TableShape,
    other_keys: Collection[str] = (),
    find_replacement: Callable[[str], str | None] = lambda _: None,
    describe_expected: Callable[[str], str | None] = lambda _: None,
) -> Iterator[ValueProblem]:
    """Yield the problems of unknown and missing keys; `other_keys` are valid in addition to the shape's.

    `find_replacement` returns what to write in place of another tool's name of a key; `describe_expected` what is expected in place of
    a key that is similar to no valid one, if that is not the list of all valid keys.
    """
    valid_keys = [*shape.hooks, *other_keys]
    for name in keys:
        if name not in valid_keys:
            replacement = find_replacement(name)
            if replacement in valid_keys:
                yield ValueProblem("unknown-key", "unknown key", nearest=replacement, path=(name,))
            elif replacement:
                yield ValueProblem("unknown-key", "unknown key", replacement, path=(name,))
            else:
                yield build_unknown_key_problem(name, valid_keys, describe_expected(name))
    for name in shape.required:
        if name not in keys:
            yield build_missing_key_problem(name, describe_type(shape.hooks[name][0]))


def parse_values(table: Mapping[str, Any], shape: TableShape) -> tuple[dict[str, Any], list[ValueProblem]]:
    """Return the valid values of a table, and the problems of the others; unknown keys are ignored."""
    values: dict[str, Any] = {}
    problems: list[ValueProblem] = []
    for name, value in table.items():
        if name in shape.hooks:
            annotation, hook = shape.hooks[name]
            try:
                values[name] = hook(value, annotation)
            except InvalidValueError as error:
                problems += error.nest_under(name).problems
    return values, problems
