"""Values in outputs that differ from run to run: durations, dates, digests and IDs.

Outputs are compared without them. A later command of the page may repeat one: `Substitutions` replaces it by the value of this run.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_VOLATILE = re.compile(
    r"""
    \b\d{4}-\d\d-\d\d (?: [T ]\d\d:\d\d (?: :\d\d (?: \.\d+ )? )? )? (?: Z | \+00:00 )?   # date, with or without time
    | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b   # UUID
    | \b[0-9a-f]{12,64}(?:\b|(?=…))                                      # digest, certificate ID
    | \b(?=[a-z]*\d)[0-9a-hjkmnp-tv-z]{11}\b                             # ID of a run
    | (?<!least\ ) (?<!second:\ ) \b\d+\.\d+ (?=\ ?(?: s | ms | seconds )\b)   # duration
    | (?<=oldest\ )\d+ (?=\ s\b)                                       # age of a reading
    | (?<=process\ )\d+                                                # process ID
    """,
    re.VERBOSE | re.MULTILINE,
)
_STEP = re.compile(r"^[✔✖] \w+ +\S+ +0 s$")


def normalize(text: str) -> str:
    """Return the text as it is compared.

    Volatile values and columns have a fixed width. Consecutive lines of completed steps are sorted, because independent steps complete in
    any order.
    """
    return "\n".join(_sort_steps(_normalize_line(line) for line in text.split("\n")))


class Substitutions:
    """Volatile values that a page shows, each with its value in this run."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}
        self._replaced: dict[str, str] = {}

    def learn(self, shown: Iterable[str], actual: Iterable[str], *, replaced: bool) -> None:
        """Pair the volatile values in lines that are equal without them.

        `replaced`: the page will show the actual lines from now on.
        """
        shown, actual = list(shown), list(actual)
        matcher = difflib.SequenceMatcher(
            None, [normalize(line) for line in shown], [normalize(line) for line in actual], autojunk=False
        )
        for start, actual_start, length in matcher.get_matching_blocks():
            for offset in range(length):
                values = _VOLATILE.findall(shown[start + offset])
                pairs = dict(zip(values, _VOLATILE.findall(actual[actual_start + offset]), strict=False))
                self._values |= pairs
                if replaced:
                    self._replaced |= pairs

    def to_actual(self, command: str) -> str:
        """Return the command to run."""
        return _replace(command, self._values)

    def to_shown(self, command: str) -> str:
        """Return the command that the page should show."""
        return _replace(command, self._replaced)


def _replace(command: str, values: dict[str, str]) -> str:
    return _VOLATILE.sub(lambda match: values.get(match[0], match[0]), command)


def _normalize_line(line: str) -> str:
    line = _VOLATILE.sub("0", line)
    indentation = len(line) - len(line.lstrip(" "))
    return line[:indentation] + re.sub(r" {2,}", "  ", line[indentation:]).rstrip()


def _sort_steps(lines: Iterable[str]) -> list[str]:
    sorted_lines: list[str] = []
    steps: list[str] = []
    for line in lines:
        if _STEP.match(line):
            steps.append(line)
        else:
            sorted_lines += [*sorted(steps), line]
            steps = []
    return [*sorted_lines, *sorted(steps)]
