"""`lifecycle.allow`: silence warnings about a resource by their codes, each with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.engine.load.declaration import Declaration
from reconciler.engine.load.resources import ParsedDeclaration
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.text import closest_match, quote
from reconciler.model.warning_codes import SILENCEABLE_CODES, UNUSED_ALLOW

_PATH = ("lifecycle", "allow")


def check_allow(item: ParsedDeclaration) -> Iterator[ValueProblem]:
    """Yield a problem for each unknown code and each empty reason."""
    for code, reason in item.common_keys.lifecycle.allow.items():
        if code not in SILENCEABLE_CODES:
            nearest = closest_match(code, SILENCEABLE_CODES)
            expected = None if nearest else "the code of a warning, such as 'policy-full-wildcard'"
            yield ValueProblem(
                "unknown-warning-code",
                f"{quote(code)} is not the code of a warning that can be silenced",
                expected,
                nearest,
                path=(*_PATH, code),
            )
        elif not reason.strip():
            yield ValueProblem(
                "missing-reason", "the reason is empty", "why it is allowed", path=(*_PATH, code)
            )


class WarningFilter:
    """Removes the warnings that resources allow, and finds the entries that silence nothing.

    The instances of a table with `for_each` share its entries: one is used if it silences a warning of any instance.
    """

    def __init__(self) -> None:
        self._declarations: list[tuple[Declaration, tuple[str, ...]]] = []
        self._used: set[tuple[int, str]] = set()
        """Pairs of a table object's ID and a code that silenced a warning of the table."""
        self._unchecked_tables: set[int] = set()
        """The IDs of tables with errors, whose warnings are not all known."""

    def remove_allowed(self, item: ParsedDeclaration, problems: Iterable[ValueProblem]) -> list[ValueProblem]:
        """Return the problems without the warnings that the declaration allows."""
        allow = item.common_keys.lifecycle.allow
        if not allow:
            return list(problems)
        table = id(item.declaration.table)
        self._declarations.append((item.declaration, tuple(allow)))
        if item.resource is None:
            self._unchecked_tables.add(table)
        remaining = []
        for problem in problems:
            if problem.severity == "warning" and problem.code in allow:
                self._used.add((table, problem.code))
            else:
                remaining.append(problem)
        return remaining

    def find_unused(self) -> Iterator[tuple[Declaration, ValueProblem]]:
        """Yield a warning for each entry that silences nothing, with its declaration."""
        for declaration, codes in self._declarations:
            table = id(declaration.table)
            if table in self._unchecked_tables:
                continue
            for code in codes:
                if code in SILENCEABLE_CODES and (table, code) not in self._used:
                    problem = f"there is no warning {quote(code)} to silence; remove the entry"
                    yield (
                        declaration,
                        ValueProblem(UNUSED_ALLOW, problem, path=(*_PATH, code), severity="warning"),
                    )
