"""A declared table, written out or made by a row of a fleet; and a finding: what is wrong in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeAlias

from attrs import field, frozen

from reconciler.engine.load.toml_file import Document
from reconciler.engine.load.value_error import Wrong
from reconciler.model.address import Address
from reconciler.model.diagnostic import Severity
from reconciler.model.resource import ManifestRow, Origin

Path: TypeAlias = tuple[str | int, ...]


@frozen
class Traced:
    """Where in the file something comes from: the path as it is written there, and the manifest's columns that it uses."""

    path: Path
    columns: tuple[str, ...] = ()


class Declaration(ABC):
    """What declares a resource, or `[workspace]`, whose path has one part."""

    __slots__ = ()

    @property
    @abstractmethod
    def table(self) -> Table:
        """The table as it is written."""

    @property
    @abstractmethod
    def path(self) -> tuple[str, ...]:
        """The names that lead to it, as they are meant."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """The resource's address."""

    @property
    @abstractmethod
    def origin(self) -> Origin:
        """Where it is declared."""

    @abstractmethod
    def trace(self, path: Path) -> Traced:
        """Where what is at the path inside it comes from."""

    @property
    def siblings(self) -> int:
        """How many declarations its table makes."""
        return 1


@frozen(eq=False, slots=False)
class Table(Declaration):
    """A table of a file."""

    names: tuple[Any, ...]
    entries: Mapping[str, Any]
    document: Document

    @property
    def table(self) -> Table:
        """Itself."""
        return self

    @property
    def path(self) -> tuple[str, ...]:
        """Its header."""
        return self.names

    @cached_property
    def address(self) -> Address:
        """The resource's address."""
        kind, name = self.names
        return Address(kind, name)

    @cached_property
    def origin(self) -> Origin:
        """Where its header is."""
        return Origin(self.document.shown, self.line(()))

    def line(self, path: Path) -> int:
        """The line of what is at the path inside it."""
        return self.document.lines.of(*self.names, *path)

    def trace(self, path: Path) -> Traced:
        """The path itself."""
        return Traced(path)


@frozen(eq=False)
class Finding:
    """What is wrong, or doubtful, in a declaration. `row` is the manifest's when that is where it is wrong."""

    declaration: Declaration
    wrong: Wrong
    severity: Severity = "error"
    row: ManifestRow | None = field(default=None)

    @property
    def place(self) -> ManifestRow | None:
        """The manifest's row that it is about."""
        return self.row or self.declaration.origin.row
