"""The keys that a table may have, and the conversion of their values to the fields of an attrs class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any

import attrs
from attrs import frozen
from cattrs import Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from reconciler.engine.load.converters import Hook, build_converter, describe_type
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.text import format_choices


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


def derive_shape(cls: type, converter: Converter) -> TableShape:
    """Return the shape of the tables that become objects of an attrs class."""
    fields = attrs.fields(attrs.resolve_types(cls))
    return TableShape(
        {field.name: (field.type, converter.get_structure_hook(field.type)) for field in fields},
        tuple(field.name for field in fields if field.default is attrs.NOTHING),
    )


@cache
def derive_plain_shape(cls: type) -> TableShape:
    """Return the shape of tables whose values refer to no files.

    It is derived once: hundreds of environments have such tables, and cattrs compiles a function for each class.
    """
    return derive_shape(cls, build_converter())


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


def build_unknown_key_problem(
    name: str, valid_keys: Collection[str], expected: str | None = None
) -> ValueProblem:
    """Return the problem of a key that is not valid.

    It has the nearest valid key, else what is `expected` (default: all valid keys).
    """
    suggestion = Suggestion(name, valid_keys, replaces_expected=True)
    expected = expected or format_choices(valid_keys)
    return ValueProblem("unknown-key", "unknown key", expected, suggestion, path=(name,))


def build_missing_key_problem(name: str, expected: str) -> ValueProblem:
    """Return the problem of a required key that the table does not have."""
    return ValueProblem("missing-key", "required key is missing", expected, path=(name,))


def parse_values(table: Mapping[str, Any], shape: TableShape) -> tuple[dict[str, Any], list[ValueProblem]]:
    """Return the valid values of a table, and the problems of the others; unknown keys are ignored."""
    values: dict[str, Any] = {}
    problems: list[ValueProblem] = []
    for name, value in table.items():
        if name in shape.hooks:
            annotation, hook = shape.hooks[name]
            try:
                values[name] = hook(value, annotation)
            except (ClassValidationError, InvalidValueError) as error:
                problems += (problem.nest_under(name) for problem in _extract_problems(error))
    return values, problems


def _extract_problems(error: Exception) -> Iterator[ValueProblem]:
    """Yield the problems in an exception of a converter."""
    match error:
        case InvalidValueError():
            yield from error.problems
        case ForbiddenExtraKeysError():
            valid_keys = [field.name for field in attrs.fields(error.cl)]
            for name in sorted(error.extra_fields):
                yield build_unknown_key_problem(name, valid_keys)
        case ClassValidationError():
            noted_errors, other_errors = error.group_exceptions()
            for inner, note in noted_errors:
                if isinstance(inner, KeyError):  # cattrs reports a missing required key like this
                    yield build_missing_key_problem(note.name, describe_type(note.type))
                else:
                    yield from (problem.nest_under(note.name) for problem in _extract_problems(inner))
            for inner in other_errors:
                yield from _extract_problems(inner)
        case _:
            raise error
