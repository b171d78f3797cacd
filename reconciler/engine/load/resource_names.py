"""Check the names of resources: those that AWS accepts, and that can be stored and shown."""

from __future__ import annotations

import re
import unicodedata

from reconciler.kinds import get_kind
from reconciler.model.address import Address
from reconciler.model.constraints import Constraints
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.text import format_count

MAX_NAME_LENGTH = 256
"""The maximum number of characters of a name, which is stored in a tag (AWS General Reference, tag naming limits)."""

_CONTROL_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories for control and format characters, surrogates, and line and paragraph separators."""

_COLUMN = re.compile(r"\{\w+\}")
"""A column of a manifest, in the name of a table without `for_each`."""


class NameChecker:
    """Checks the names of resources."""

    def __init__(self, constraints: Constraints) -> None:
        self._constraints = constraints

    def check(self, address: Address) -> list[ValueProblem]:
        """Return the problems of a resource's name."""
        kind, name = get_kind(address.kind), address.name
        if not name:
            return [ValueProblem("invalid-name", "the name is empty", "a name")]
        if len(name) > MAX_NAME_LENGTH:
            problem = f"the name has {format_count(len(name), 'character')}"
            return [ValueProblem("name-too-long", problem, f"at most {MAX_NAME_LENGTH}")]
        if not name.isprintable() and _has_control_characters(name):
            problem = "the name contains control characters"
            return [ValueProblem("invalid-name", problem, "printable characters")]
        if not kind.name_api:
            return []
        violations = self._constraints.find_violations(kind.service, kind.name_api, name)
        return [_build_name_problem(name, violation) for violation in violations]


def _build_name_problem(name: str, violation: ValueProblem) -> ValueProblem:
    problem = f"the name: {violation.problem}"
    if _COLUMN.search(name):
        problem = f"{problem}, and only a table with for_each has {{columns}}"
    return ValueProblem(f"name-{violation.code}", problem, violation.expected, violation.nearest)


def _has_control_characters(name: str) -> bool:
    return any(unicodedata.category(character) in _CONTROL_CATEGORIES for character in name)
