"""Load the file of `registry serve --faults`, which defines which calls fail or are delayed.

An example of such a file:

seed = 7

[[rules]]
operation = "iot:Create*"     # a glob; without a service it matches the operations of every service
kind = "error_after"
probability = 0.05            # or calls = [3, 7]: the third and the seventh match

[[rules]]
operation = "List*"
kind = "delay"
seconds = 2.0
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.model.errors import TargetError
from reconciler.model.text import closest_match, describe_value, format_choices, format_suggestion
from reconciler.registry.faults import FAULT_KINDS, FaultRule, Faults

_Check = Callable[[Any], bool]


def _is_number(value: Any, maximum: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= maximum


def _is_ordinal(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


# The check of each key's value, and the text for what is expected.
_FIELDS: Mapping[str, tuple[_Check, str]] = {
    "operation": (lambda value: isinstance(value, str) and bool(value), 'a glob such as "iot:Create*"'),
    "kind": (lambda value: isinstance(value, str) and value in FAULT_KINDS, format_choices(FAULT_KINDS)),
    "probability": (lambda value: _is_number(value, 1), "a number from 0 to 1"),
    "calls": (
        lambda value: isinstance(value, list) and bool(value) and all(map(_is_ordinal, value)),
        "an array of one or more integers from 1, such as [1, 3]",
    ),
    "seconds": (_is_number, "a number of seconds, 0 or more"),
}
_REQUIRED = ("operation", "kind")
_TOP_FIELDS: Mapping[str, tuple[_Check, str]] = {
    "seed": (lambda value: isinstance(value, int) and not isinstance(value, bool), "an integer"),
    "rules": (
        lambda value: isinstance(value, list) and all(isinstance(rule, dict) for rule in value),
        "tables [[rules]]",
    ),
}


def load_faults(file: Path) -> Faults:
    """Load the rules of a file.

    Raises TargetError with the TOML error, or else the problems of the top level, or else those of all rules. Raises OSError if the
    file cannot be read.
    """
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{file}: {error}") from error
    problems = list(_find_problems("", document, _TOP_FIELDS))
    if not problems:
        for index, rule in enumerate(document.get("rules", ())):
            problems += _find_problems(f"rules[{index}]", rule, _FIELDS, _REQUIRED)
            if "probability" in rule and "calls" in rule:
                problems.append(f"rules[{index}]: probability and calls cannot be combined")
            if (rule.get("kind") == "delay") != ("seconds" in rule):
                problems.append(
                    f"rules[{index}]: seconds is required for kind = 'delay' and not allowed for others"
                )
    if problems:
        raise TargetError("\n".join(f"{file}: {problem}" for problem in problems))
    return Faults([_to_rule(table) for table in document.get("rules", ())], document.get("seed", 0))


def _find_problems(
    path: str,
    table: Mapping[str, Any],
    fields: Mapping[str, tuple[_Check, str]],
    required: tuple[str, ...] = (),
) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name, value in table.items():
        if name not in fields:
            yield f"{prefix}{name} is not a valid key{format_suggestion(closest_match(name, fields))}"
        elif not fields[name][0](value):
            yield f"{prefix}{name} is {describe_value(value)}; expected {fields[name][1]}"
    yield from (
        f"{prefix}{name} is missing; expected {fields[name][1]}" for name in required if name not in table
    )


def _to_rule(table: Mapping[str, Any]) -> FaultRule:
    return FaultRule(
        operation=table["operation"],
        kind=table["kind"],
        probability=float(table.get("probability", 1.0)),
        calls=frozenset(table.get("calls", ())),
        seconds=float(table.get("seconds", 0.0)),
    )
