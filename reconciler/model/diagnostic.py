"""Problems of the desired state: of one value, and as diagnostics with file and line.

A problem has a description of the error or the warning, the expected value, and the closest valid name. Its `code` is a stable
kebab-case identifier of the kind of problem (`unknown-key`, `too-long`, `dangling-reference`): if many rows of a manifest
(`for_each`) have problems with the same code in the same field, they are reported together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, TypeAlias

from attrs import evolve

from reconciler.frozen_classes import field, frozen
from reconciler.model.text import closest_match, format_path, format_suggestion

Severity: TypeAlias = Literal["error", "warning"]
ValuePath: TypeAlias = tuple[str | int, ...]
"""The path to a value inside another one: keys of tables and indexes of arrays."""


INVALID_JOURNAL = "invalid-journal"
"""The code of a problem of `journal`, without which the runs of this machine can be listed."""

REPORTED_ALREADY = "reported-already"
"""The code of a problem that follows from another one, which is reported; it is not reported itself."""


@frozen
class Suggestion:
    """The valid name that is closest to `word`, with `prefix` before and `suffix` after it.

    Finding it takes long, and a file can have a million problems, so this is done only for those that are reported.
    If `replaces_expected`, a problem with a closest name does not show what is expected.
    """

    word: str
    valid: Collection[str]
    prefix: str = field(default="", kw_only=True)
    suffix: str = field(default="", kw_only=True)
    replaces_expected: bool = field(default=False, kw_only=True)

    def find(self) -> str | None:
        """Return the closest valid name, or None if none is similar."""
        nearest = closest_match(self.word, self.valid)
        return f"{self.prefix}{nearest}{self.suffix}" if nearest else None


@frozen
class ValueProblem:
    """A problem with one value, before the value's place in a file is known.

    `path` is its path inside the value that was checked. `nearest` is the valid name that is closest to the actual one.
    """

    code: str
    problem: str
    expected: str | None = None
    nearest: str | Suggestion | None = None
    path: ValuePath = field(default=(), kw_only=True)
    severity: Severity = field(default="error", kw_only=True)

    def nest_under(self, *path: str | int) -> ValueProblem:
        """Return the same problem for an outer value that has this one at `path`."""
        return evolve(self, path=(*path, *self.path))

    def find_advice(self) -> tuple[str | None, str | None]:
        """Return what is expected and the closest valid name, each None if it is not shown."""
        if not isinstance(self.nearest, Suggestion):
            return self.expected, self.nearest
        nearest = self.nearest.find()
        return None if nearest and self.nearest.replaces_expected else self.expected, nearest

    def __str__(self) -> str:
        text = _format(self.problem, *self.find_advice())
        return f"{format_path(self.path)}: {text}" if self.path else text


class InvalidValueError(ValueError):
    """A value that cannot be used; `problems` has at least one problem."""

    def __init__(self, *problems: ValueProblem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        # Most errors are only converted to diagnostics, and suggestions take long to find.
        return "; ".join(map(str, self.problems))

    def nest_under(self, *path: str | int) -> InvalidValueError:
        """Return the same error for an outer value that has this one at `path`."""
        return InvalidValueError(*(problem.nest_under(*path) for problem in self.problems))


@frozen
class Diagnostic:
    """A problem of the desired state, with its place.

    `address` is the address of the resource, or the name of a table that declares no resource (`workspace`).
    `field` is a dotted path inside that table. `count` is the number of problems that it reports.
    """

    file: str
    line: int
    problem: str
    address: str | None = None
    field: str | None = None
    expected: str | None = None
    nearest: str | None = None
    severity: Severity = "error"
    code: str = "invalid-value"
    count: int = 1

    def __str__(self) -> str:
        subject = ".".join(part for part in (self.address, self.field) if part)
        text = _format(self.problem, self.expected, self.nearest)
        return f"{self.file}:{self.line}: {self.severity}: " + (f"{subject}: {text}" if subject else text)


def count_by_severity(diagnostics: Iterable[Diagnostic]) -> tuple[int, int]:
    """Return the numbers of errors and of warnings."""
    counts: Counter[Severity] = Counter()
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += diagnostic.count
    return counts["error"], counts["warning"]


def format_severity_counts(errors: int, warnings: int) -> str:
    """Format the numbers as `2 errors, 1 warning`, or an empty string if both are zero."""
    counts = {"error": errors, "warning": warnings}
    return ", ".join(f"{count:,} {noun}{'s' if count > 1 else ''}" for noun, count in counts.items() if count)


def _format(problem: str, expected: str | None, nearest: str | None) -> str:
    return problem + (f"; expected {expected}" if expected else "") + format_suggestion(nearest)
