"""The lengths, ranges, patterns and enums of a shape, and AWS's texts for their violations.

Invariant: a constraint is compiled from the shape's metadata once. All violations of a request are collected, so that one
response names them all. A value that is longer than the shape's maximum is not matched against the pattern, because matching a
long value can be slow.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.frozen_classes import field, frozen
from reconciler.registry.wire.patterns import compile_pattern

_SENSITIVE_MASK = "***sensitiveInformation***"
MUST_NOT_BE_NULL = "Member must not be null"


@frozen
class ConstraintCheck:
    """A constraint: AWS's text for it, and whether a value violates it."""

    text: str
    is_violated_by: Callable[[Any], bool]


@frozen
class ValidationErrors:
    """The violations of one request, in the order of detection."""

    messages: list[str] = field(factory=list)

    def add(self, path: str, value: Any, constraint: str, *, is_sensitive: bool = False) -> None:
        """Add a violation. A sensitive value is not repeated in the message."""
        text = _SENSITIVE_MASK if is_sensitive else format_as_java(value)
        quoted = "null" if value is None else f"'{text}'"
        self.messages.append(f"Value {quoted} at '{path}' failed to satisfy constraint: {constraint}")

    def format_message(self) -> str:
        """Return AWS's message for all violations."""
        noun = "error" if len(self.messages) == 1 else "errors"
        return f"{len(self.messages)} validation {noun} detected: {'; '.join(self.messages)}"


def format_as_java(value: Any) -> str:
    """Format a value as Java does: lists in brackets, maps as `{k=v}`, booleans in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{format_as_java(key)}={format_as_java(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(format_as_java(item) for item in value) + "]"
    return str(value)


def format_member_path(parent: str, name: str) -> str:
    """Return a member's path; AWS writes member names with a lowercase first letter."""
    lowered = name[:1].lower() + name[1:]
    return f"{parent}.{lowered}" if parent else lowered


def compile_checks(type_name: str, metadata: Mapping[str, Any]) -> tuple[ConstraintCheck, ...]:
    """Compile the checks of one shape."""
    checks: list[ConstraintCheck] = []
    if type_name in ("string", "list", "map", "blob"):
        checks.extend(_build_length_checks(metadata))
    elif type_name in ("integer", "long", "float", "double"):
        checks.extend(_build_range_checks(metadata))
    if type_name == "string" and metadata.get("enum"):
        checks.append(_build_enum_check(metadata["enum"]))
    elif type_name == "string" and metadata.get("pattern"):
        checks.append(_build_pattern_check(metadata["pattern"], metadata.get("max")))
    return tuple(checks)


def find_violations(checks: Sequence[ConstraintCheck], value: Any) -> list[str]:
    """Return the texts of the constraints that a value violates."""
    return [check.text for check in checks if check.is_violated_by(value)]


def _build_length_checks(metadata: Mapping[str, Any]) -> list[ConstraintCheck]:
    checks: list[ConstraintCheck] = []
    maximum, minimum = metadata.get("max"), metadata.get("min")
    if maximum is not None:
        text = f"Member must have length less than or equal to {maximum}"
        checks.append(ConstraintCheck(text, lambda value: len(value) > maximum))
    if minimum:
        text = f"Member must have length greater than or equal to {minimum}"
        checks.append(ConstraintCheck(text, lambda value: len(value) < minimum))
    return checks


def _build_range_checks(metadata: Mapping[str, Any]) -> list[ConstraintCheck]:
    checks: list[ConstraintCheck] = []
    maximum, minimum = metadata.get("max"), metadata.get("min")
    if maximum is not None:
        text = f"Member must have value less than or equal to {maximum}"
        checks.append(ConstraintCheck(text, lambda value: bool(value > maximum)))
    if minimum is not None:
        text = f"Member must have value greater than or equal to {minimum}"
        checks.append(ConstraintCheck(text, lambda value: bool(value < minimum)))
    return checks


def _build_enum_check(enum: Sequence[str]) -> ConstraintCheck:
    allowed = frozenset(enum)
    return ConstraintCheck(
        f"Member must satisfy enum value set: [{', '.join(enum)}]", lambda value: value not in allowed
    )


def _build_pattern_check(pattern: str, max_length: int | None) -> ConstraintCheck:
    limit = math.inf if max_length is None else max_length
    return ConstraintCheck(
        f"Member must satisfy regular expression pattern: {pattern}",
        lambda value: len(value) <= limit and compile_pattern(pattern).fullmatch(value) is None,
    )
