"""The file of `registry serve --faults`: which calls go wrong, and how.

seed = 7

[[rules]]
operation = "iot:Create*"     # a glob; without a service it is any service's
kind = "error_after"
probability = 0.05            # or calls = [3, 7]: the third and the seventh that match

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
from reconciler.model.text import closest_match, describe_value, format_choices
from reconciler.registry.faults import FAULT_KINDS, FaultRule, Faults

_Check = Callable[[Any], bool]


def _number(value: Any, most: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_FIELDS: Mapping[str, tuple[_Check, str]] = {
    "operation": (lambda value: isinstance(value, str) and bool(value), 'a glob such as "iot:Create*"'),
    "kind": (lambda value: isinstance(value, str) and value in FAULT_KINDS, format_choices(FAULT_KINDS)),
    "probability": (lambda value: _number(value, 1), "a number from 0 to 1"),
    "calls": (
        lambda value: isinstance(value, list) and bool(value) and all(map(_count, value)),
        "an array of ordinals, such as [1, 3]",
    ),
    "seconds": (_number, "a number of seconds"),
}
_REQUIRED = ("operation", "kind")
_TOP: Mapping[str, tuple[_Check, str]] = {
    "seed": (lambda value: isinstance(value, int) and not isinstance(value, bool), "an integer"),
    "rules": (
        lambda value: isinstance(value, list) and all(isinstance(rule, dict) for rule in value),
        "tables [[rules]]",
    ),
}


def load_faults(file: Path) -> Faults:
    """The rules of a file. Raises TargetError with every mistake in it, and OSError when it cannot be read."""
    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{file}: {error}") from error
    mistakes = list(_wrong("", document, _TOP))
    if not mistakes:
        for place, rule in enumerate(document.get("rules", ())):
            mistakes += _wrong(f"rules[{place}]", rule, _FIELDS, _REQUIRED)
            if {"probability", "calls"} <= set(rule):
                mistakes.append(f"rules[{place}]: probability and calls exclude each other")
            if (rule.get("kind") == "delay") != ("seconds" in rule):
                mistakes.append(f"rules[{place}]: seconds belong to kind = 'delay', and it needs them")
    if mistakes:
        raise TargetError("\n".join(f"{file}: {mistake}" for mistake in mistakes))
    return Faults([_rule(table) for table in document.get("rules", ())], document.get("seed", 0))


def _wrong(
    at: str,
    table: Mapping[str, Any],
    fields: Mapping[str, tuple[_Check, str]],
    required: tuple[str, ...] = (),
) -> Iterator[str]:
    where = f"{at}." if at else ""
    for name, value in table.items():
        if name not in fields:
            near = closest_match(name, fields)
            yield f"{where}{name} is unknown" + (f"; did you mean {near!r}?" if near else "")
        elif not fields[name][0](value):
            yield f"{where}{name} is {describe_value(value)}; expected {fields[name][1]}"
    yield from (
        f"{where}{name} is missing; expected {fields[name][1]}" for name in required if name not in table
    )


def _rule(table: Mapping[str, Any]) -> FaultRule:
    return FaultRule(
        table["operation"],
        table["kind"],
        float(table.get("probability", 1.0)),
        frozenset(table.get("calls", ())),
        float(table.get("seconds", 0.0)),
    )
