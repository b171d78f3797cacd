"""Declarations of resources: the file's tables, and the manifest rows of tables with `for_each`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from reconciler.engine.load.toml_file import TomlFile
from reconciler.frozen_classes import frozen
from reconciler.model.address import Address
from reconciler.model.diagnostic import ValuePath
from reconciler.model.resource import Origin


@frozen
class ValueOrigin:
    """Where a value comes from: its path in the file's table, and the manifest columns that it uses there."""

    path: ValuePath
    columns: tuple[str, ...] = ()


class Declaration(Protocol):
    """A table in the file or, if the table has `for_each`, the resource that one manifest row declares."""

    __slots__ = ()

    @property
    @abstractmethod
    def table(self) -> TomlTable:
        """The table in the file; for a row, the table with `for_each`."""

    @property
    @abstractmethod
    def path(self) -> tuple[str, ...]:
        """The kind and the name of the resource; for a table without a resource, the parts of its header."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """The resource's address."""

    @property
    @abstractmethod
    def origin(self) -> Origin:
        """The place of the declaration."""

    @abstractmethod
    def trace_origin(self, path: ValuePath) -> ValueOrigin:
        """Return the origin of the value at a path inside the declaration."""

    @property
    def manifest_name(self) -> str:
        """The name of the manifest of its row; empty without a row, or if the file itself has the rows."""
        return ""

    @property
    def declaration_count(self) -> int:
        """The number of declarations that come from the same table."""
        return 1


@frozen(eq=False, slots=False)
class TomlTable(Declaration):
    """A table of a file.

    `names` are the parts of its header: the kind and the name of a resource, `workspace` alone, or `moved` or `removed` with the
    index in the array of tables. If the header has placeholders, `names` has their values, and `header` the parts as they are
    written. `invalid_keys` are those whose values have names without a value, which is reported already. A key whose value is not a
    valid table is represented by a table without `entries`.
    """

    names: tuple[Any, ...]
    entries: Mapping[str, Any]
    file: TomlFile
    header: tuple[Any, ...] | None = None
    invalid_keys: frozenset[str] = frozenset()

    @property
    def table(self) -> TomlTable:
        """The table itself."""
        return self

    @property
    def path(self) -> tuple[str, ...]:
        """The parts of its header."""
        return self.names

    @cached_property
    def address(self) -> Address:
        """The resource's address."""
        table, name = self.names
        return Address.from_header(table, name)

    @cached_property
    def origin(self) -> Origin:
        """The place of its header."""
        return Origin(self.file.display_name, self.find_line(()))

    def find_line(self, path: ValuePath) -> int:
        """Return the line of the value at the path inside the table."""
        return self.file.lines.find_line(*(self.header or self.names), *path)

    def trace_origin(self, path: ValuePath) -> ValueOrigin:
        """Return an origin with the same path: the declaration is the file's table itself."""
        return ValueOrigin(path)
