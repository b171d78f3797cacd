"""The problems of a table that becomes an object of an attrs class."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.model.diagnostic import Suggestion, ValueProblem
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
