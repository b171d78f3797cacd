"""Addresses: how resources are named in the file, in plans and in messages."""

from __future__ import annotations

import msgspec

ALL_NAMES = "*"
"""In a `[[removed]]` entry, the name that means all resources of a kind that the file does not declare."""

ACCOUNT = "account"
"""The table of account settings: each table in it, such as `[account.indexing]`, is the only resource of its kind."""


# Addresses are compared and hashed more than all other values, and a large fleet has millions of them: the methods of a
# msgspec.Struct are written in C, and one without garbage collection, as it only has texts, needs less memory.
class Address(msgspec.Struct, frozen=True, order=True, gc=False):
    """A resource's kind and name, written like the header of its table in the file: `things.pump-7`.

    `kind` is a table such as `things`; for account settings, it is the whole header, such as `account.indexing`, and `name` the
    last part of it. Addresses sort by kind, then by name.
    """

    kind: str
    name: str

    @classmethod
    def from_header(cls, table: str, name: str) -> Address:
        """Return the address of the resource whose table in the file has this header: `[table.name]`."""
        return cls(f"{ACCOUNT}.{name}" if table == ACCOUNT else table, name)

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse `kind.name`, where the name may contain dots. Raises ValueError."""
        table, dot, name = text.partition(".") if isinstance(text, str) else ("", "", "")
        if not (table and dot and name):
            raise ValueError(f"{text!r} is not a valid address; expected kind.name, such as things.pump-7")
        return cls.from_header(table, name)

    @property
    def table(self) -> str:
        """The first part of its header in the file: `things`, or `account`."""
        return self.kind.partition(".")[0]

    @property
    def header(self) -> tuple[str, str]:
        """The parts of its header in the file."""
        return self.table, self.name

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"
