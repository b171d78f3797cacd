"""Resources: as the file wants them, as AWS reports them, and many of either by address."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from attrs import field, frozen

from reconciler.model.address import Address


@frozen(order=True)
class Row:
    """A row of a manifest: its line, or, where `manifest` is empty, its index in the table's own `for_each` array."""

    manifest: str
    number: int

    def __str__(self) -> str:
        return f"{self.manifest}:{self.number}" if self.manifest else f"for_each[{self.number}]"


@frozen(order=True)
class Origin:
    """Where in the desired state something was said. `line` starts at 1; `row` is the manifest's, in a fleet."""

    file: str
    line: int
    row: Row | None = field(default=None, order=lambda row: (row.manifest, row.number) if row else ("", -1))

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.row})" if self.row else f"{self.file}:{self.line}"


@frozen
class External:
    """A reference to something that is not in this file: `{ arn = "…" }` or `{ id = "…" }`."""

    id: str

    def __str__(self) -> str:
        return f"{self.id[:12]}…" if len(self.id) == 64 else self.id  # noqa: PLR2004 (a certificate id)


class Whatever(Enum):
    """A field of a spec whose value is left to AWS, or cannot be read: it never differs from anything."""

    WHATEVER = "(not compared)"


WHATEVER = Whatever.WHATEVER

Reference: TypeAlias = str | External
"""A name in the file, or something outside it."""


@frozen
class Lifecycle:
    """What the file says about changing one resource."""

    prevent_destroy: bool = False
    ignore_changes: tuple[str, ...] = ()


@frozen
class Resource:
    """One desired resource.

    `spec` is an instance of its kind's spec class; `needs` are the addresses that must exist before it: those it
    refers to, those in its `depends_on`, and the workspace's `marks`, which many have in common.
    `implied` marks what the workspace adds by itself to mark what it owns.
    """

    address: Address
    spec: Any
    _needs: frozenset[Address] = frozenset()
    lifecycle: Lifecycle = Lifecycle()
    origin: Origin = field(default=Origin("<memory>", 1), eq=False)
    implied: bool = field(default=False, kw_only=True)
    marks: frozenset[Address] = field(default=frozenset(), kw_only=True)

    @property
    def needs(self) -> frozenset[Address]:
        """The addresses that must exist before it."""
        return self._needs | self.marks if self.marks else self._needs


@frozen
class Live:
    """One resource as AWS reports it.

    `identity` is AWS's own id (certificate id, thing name, managed thing id); `spec` has the kind's spec class, so it
    compares with what is desired; `version` is what `expectedVersion` takes, where the API has it; `owner` is the
    workspace whose mark it bears, or None. `facts` holds what else the kind needs for its calls and is never diffed.
    """

    identity: str
    spec: Any
    version: int | None = None
    owner: str | None = None
    facts: Mapping[str, Any] = field(factory=dict, eq=False)


Desired: TypeAlias = Mapping[Address, Resource]
Inventory: TypeAlias = Mapping[Address, Live]
