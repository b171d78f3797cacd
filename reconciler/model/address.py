"""`things.pump-7`: how a resource is named, in the file, in plans, in errors."""

from __future__ import annotations

from attrs import frozen


@frozen
class Address:
    """A resource's kind (its table in the file) and its name there. Addresses sort by kind, then name."""

    kind: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `kind.name`; the name may hold dots. Raises ValueError when there is no dot."""
        kind, dot, name = text.partition(".")
        if not (kind and dot and name):
            raise ValueError(f"{text!r} is not an address; expected kind.name, such as things.pump-7")
        return cls(kind, name)

    def __lt__(self, other: Address) -> bool:
        return (self.kind, self.name) < (other.kind, other.name)

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}"
