"""The values that a kind derives from a resource and the rest of the file when the file is loaded."""

from __future__ import annotations

from collections.abc import Collection

from reconciler.model.secret import Secret


class Evaluation:
    """The result of `Kind.evaluate`, stored in the resource; kinds have their own subclasses."""

    __slots__ = ()

    @property
    def secrets(self) -> Collection[Secret]:
        """The values derived from the file's secrets; like these, they must not be displayed."""
        return ()

    @property
    def secret_attributes(self) -> frozenset[str]:
        """The names of the thing attributes that the resource sets to secret values."""
        return frozenset()
