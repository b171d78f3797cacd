"""Lengths, ranges, patterns and enums of one shape, and the sentences AWS answers when they are not met.

Law: a constraint is worked out from the shape's metadata once. Every violation of a request is collected, so that one
answer names them all. A value that is too long is not held against its pattern: no input may cost more than it should.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import Factory, frozen

from reconciler.registry.wire.patterns import compile_pattern

HIDDEN = "***sensitiveInformation***"
MUST_NOT_BE_NULL = "Member must not be null"


@frozen
class ConstraintCheck:
    """One constraint: AWS's sentence for it, and whether a value breaks it."""

    sentence: str
    broken_by: Callable[[Any], bool]


@frozen
class ValidationErrors:
    """What is wrong with one request, in the order in which it was found."""

    found: list[str] = Factory(list)

    def add(self, path: str, value: Any, constraint: str, *, sensitive: bool = False) -> None:
        """Note one violation. A sensitive value is not repeated to whoever sent it."""
        shown = HIDDEN if sensitive else java_text(value)
        quoted = "null" if value is None else f"'{shown}'"
        self.found.append(f"Value {quoted} at '{path}' failed to satisfy constraint: {constraint}")

    def text(self) -> str:
        """Give the message that AWS would."""
        noun = "error" if len(self.found) == 1 else "errors"
        return f"{len(self.found)} validation {noun} detected: {'; '.join(self.found)}"


def java_text(value: Any) -> str:
    """Spell a value as Java would: lists in brackets, maps as `{k=v}`, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{java_text(key)}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(java_text(item) for item in value) + "]"
    return str(value)


def member_path(parent: str, name: str) -> str:
    """Extend a path by a member, whose name AWS writes with a small first letter."""
    small = name[:1].lower() + name[1:]
    return f"{parent}.{small}" if parent else small


def checks_of(type_name: str, metadata: Mapping[str, Any]) -> tuple[ConstraintCheck, ...]:
    """Work out the checks of one shape."""
    checks: list[ConstraintCheck] = []
    if type_name in ("string", "list", "map", "blob"):
        checks.extend(_length_checks(metadata))
    elif type_name in ("integer", "long", "float", "double"):
        checks.extend(_range_checks(metadata))
    if type_name == "string" and metadata.get("enum"):
        checks.append(_enum_check(metadata["enum"]))
    elif type_name == "string" and metadata.get("pattern"):
        checks.append(_pattern_check(metadata["pattern"], metadata.get("max")))
    return tuple(checks)


def violations(checks: Sequence[ConstraintCheck], value: Any) -> list[str]:
    """Hold a value against every check; give the sentences that it breaks."""
    return [check.sentence for check in checks if check.broken_by(value)]


def _length_checks(metadata: Mapping[str, Any]) -> list[ConstraintCheck]:
    checks: list[ConstraintCheck] = []
    if (most := metadata.get("max")) is not None:
        sentence = f"Member must have length less than or equal to {most}"
        checks.append(ConstraintCheck(sentence, lambda value: len(value) > most))
    if least := metadata.get("min"):
        sentence = f"Member must have length greater than or equal to {least}"
        checks.append(ConstraintCheck(sentence, lambda value: len(value) < least))
    return checks


def _range_checks(metadata: Mapping[str, Any]) -> list[ConstraintCheck]:
    checks: list[ConstraintCheck] = []
    if (most := metadata.get("max")) is not None:
        sentence = f"Member must have value less than or equal to {most}"
        checks.append(ConstraintCheck(sentence, lambda value: bool(value > most)))
    if (least := metadata.get("min")) is not None:
        sentence = f"Member must have value greater than or equal to {least}"
        checks.append(ConstraintCheck(sentence, lambda value: bool(value < least)))
    return checks


def _enum_check(enum: Sequence[str]) -> ConstraintCheck:
    allowed = frozenset(enum)
    return ConstraintCheck(
        f"Member must satisfy enum value set: [{', '.join(enum)}]", lambda value: value not in allowed
    )


def _pattern_check(pattern: str, most: int | None) -> ConstraintCheck:
    compiled = compile_pattern(pattern)
    longest = math.inf if most is None else most
    return ConstraintCheck(
        f"Member must satisfy regular expression pattern: {pattern}",
        lambda value: len(value) <= longest and compiled.fullmatch(value) is None,
    )
