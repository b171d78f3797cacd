"""`environments = [...]` in the table of a resource: the environments in which the resource exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from reconciler.engine.load.declaration import TomlTable
from reconciler.model.diagnostic import Suggestion, ValueProblem
from reconciler.model.text import join_some, quote

ENVIRONMENTS_KEY = "environments"

_MAX_LISTED = 10
"""The maximum number of environments that a message lists."""


def exists_in_environment(table: TomlTable, environment: str | None) -> bool:
    """Return whether a table declares its resources in the selected environment.

    It does if it has no valid `environments`, so that problems of the key are reported.
    """
    patterns = _read_patterns(table)
    if environment is None or patterns is None:
        return True
    return any(fnmatchcase(environment, pattern) for pattern in patterns)


def check_environments_of_table(table: TomlTable, environments: Collection[str]) -> Iterator[ValueProblem]:
    """Yield a problem for each name or glob that matches no environment of the file.

    A wrong type is reported where the other values of the table are converted.
    """
    patterns = _read_patterns(table)
    if patterns is None:
        return
    if not environments:
        problem = "the file declares no environments; add [environments.NAME], or remove the key"
        yield ValueProblem("unknown-environment", problem, path=(ENVIRONMENTS_KEY,))
        return
    for index, pattern in enumerate(patterns):
        if not any(fnmatchcase(name, pattern) for name in environments):
            problem = f"{quote(pattern)} matches no environment"
            expected = f"a name or glob of {join_some(environments, _MAX_LISTED)}"
            suggestion = Suggestion(pattern, environments, replaces_expected=True)
            path = (ENVIRONMENTS_KEY, index)
            yield ValueProblem("unknown-environment", problem, expected, suggestion, path=path)


def _read_patterns(table: TomlTable) -> list[str] | None:
    """Return the names and globs of a table; None if it has none, or if they are not texts."""
    patterns = table.entries.get(ENVIRONMENTS_KEY)
    is_valid = isinstance(patterns, list) and all(isinstance(item, str) for item in patterns)
    return patterns if is_valid else None
