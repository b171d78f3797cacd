"""`environments = [...]` in the table of a resource: the environments in which the resource exists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from reconciler.engine.load.declaration import TomlTable
from reconciler.engine.load.environment_patterns import match_names
from reconciler.model.address import Address
from reconciler.model.diagnostic import Suggestion, ValueProblem
from reconciler.model.text import join_some, quote

ENVIRONMENTS_KEY = "environments"

_MAX_LISTED = 10
"""The maximum number of environments that a message lists."""


class AbsentResources:
    """The tables whose resources the selected environment does not have."""

    def __init__(self, environment: str | None) -> None:
        self.environment = environment
        self._patterns_by_address: dict[Address, Sequence[str]] = {}
        self._unread_tables: list[tuple[TomlTable, Callable[[], Collection[Address]]]] = []

    def __bool__(self) -> bool:
        return bool(self._patterns_by_address or self._unread_tables)

    def add(self, table: TomlTable) -> None:
        """Add a table without `for_each`, with the names in braces replaced."""
        self._patterns_by_address[table.address] = _read_patterns(table) or ()

    def add_for_each(self, table: TomlTable, list_addresses: Callable[[], Collection[Address]]) -> None:
        """Add a table with `for_each`.

        `list_addresses` reads its manifest, which is needed only to explain a problem.
        """
        self._unread_tables.append((table, list_addresses))

    def find_environments(self, address: Address) -> str | None:
        """Return the environments that have a resource, as its table names them; None if no other has it."""
        while address not in self._patterns_by_address and self._unread_tables:
            table, list_addresses = self._unread_tables.pop()
            self._patterns_by_address |= dict.fromkeys(list_addresses(), _read_patterns(table) or ())
        patterns = self._patterns_by_address.get(address)
        return None if patterns is None else join_some(patterns, _MAX_LISTED)


def exists_in_environment(table: TomlTable, environment: str | None) -> bool:
    """Return whether a table declares its resources in the selected environment.

    It does if it has no valid `environments`, so that problems of the key are reported.
    """
    patterns = _read_patterns(table)
    if environment is None or patterns is None:
        return True
    return any(match_names(pattern, (environment,)) for pattern in patterns)


def check_environments_of_table(table: TomlTable, environments: Collection[str]) -> Iterator[ValueProblem]:
    """Yield the problems of a table's `environments`, such as a name that matches none.

    A wrong type is reported where the other values of the table are converted.
    """
    patterns = _read_patterns(table)
    if patterns is None:
        return
    if not environments:
        problem = "the file declares no environments; add [environments.NAME], or remove the key"
        yield ValueProblem("unknown-environment", problem, path=(ENVIRONMENTS_KEY,))
        return
    expected = f"a name or glob of {join_some(environments, _MAX_LISTED)}"
    if not patterns:
        problem = "the array is empty, so the resource exists nowhere"
        yield ValueProblem("unknown-environment", problem, expected, path=(ENVIRONMENTS_KEY,))
    for index, pattern in enumerate(patterns):
        if not match_names(pattern, environments):
            problem = f"{quote(pattern)} matches no environment"
            suggestion = Suggestion(pattern, environments, replaces_expected=True)
            path = (ENVIRONMENTS_KEY, index)
            yield ValueProblem("unknown-environment", problem, expected, suggestion, path=path)


def _read_patterns(table: TomlTable) -> list[str] | None:
    """Return the names and globs of a table; None if it has none, or if they are not texts."""
    patterns = table.entries.get(ENVIRONMENTS_KEY)
    is_valid = isinstance(patterns, list) and all(isinstance(item, str) for item in patterns)
    return patterns if is_valid else None
