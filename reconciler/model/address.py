"""Addresses: how resources are named in the file, in plans and in messages."""

from __future__ import annotations

from attrs import frozen


@frozen
class Address:
    """A resource's kind and name, written like the header of its table in the file: `things.pump-7`.

    Addresses sort by kind, then by name.
    """

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse `kind.name`, where the name may contain dots. Raises ValueError."""
        kind, dot, name = text.partition(".")
        if not (kind and dot and name):
            raise ValueError(f"{text!r} is not a valid address; expected kind.name, such as things.pump-7")
        return cls(kind, name)

    def __lt__(self, other: Address) -> bool:
        return (self.kind, self.name) < (other.kind, other.name)

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"
