"""The problems of a table that becomes an object of an attrs class."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import attrs
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError

from reconciler.engine.load.toml_types import describe_type
from reconciler.model.diagnostic import InvalidValueError, Suggestion, ValueProblem
from reconciler.model.text import format_choices


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


def extract_problems(error: Exception) -> Iterator[ValueProblem]:
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
                    yield from (problem.nest_under(note.name) for problem in extract_problems(inner))
            for inner in other_errors:
                yield from extract_problems(inner)
        case _:
            raise error
