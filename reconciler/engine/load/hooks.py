"""The hooks that convert values of the file, by the annotations of fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Hook: TypeAlias = Callable[[Any, Any], Any]
"""Takes a value of the file and the annotation of its field; returns the value converted to the annotated type.

Raises InvalidValueError.
"""


class Hooks:
    """The hook of each type; those of generic types and of tables are built when they are first needed."""

    def __init__(self) -> None:
        self._hooks: dict[Any, Hook] = {}
        self._builders: list[tuple[Callable[[Any], bool], Callable[[Any], Hook]]] = []

    def register(self, annotation: Any, hook: Hook) -> None:
        """Set the hook of one type."""
        self._hooks[annotation] = hook

    def register_builder(self, is_built: Callable[[Any], bool], build: Callable[[Any], Hook]) -> None:
        """Set the builder of the hooks of all types for which `is_built` is true."""
        self._builders.append((is_built, build))

    def get(self, annotation: Any) -> Hook:
        """Return the hook of a type. Raises LookupError if there is none."""
        if annotation not in self._hooks:
            self._hooks[annotation] = self._build(annotation)
        return self._hooks[annotation]

    def _build(self, annotation: Any) -> Hook:
        for is_built, build in self._builders:
            if is_built(annotation):
                return build(annotation)
        raise LookupError(f"no hook converts values to {annotation}")
