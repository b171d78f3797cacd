"""Resources: desired ones, and live ones as AWS reports them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import msgspec

from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.evaluation import Evaluation


class ManifestRow(msgspec.Struct, frozen=True, order=True, gc=False):
    """A row of a manifest file, or of the array in a table's `for_each`.

    `number` is its first line in the file or, if `manifest` is empty, its index in the array, from 0.
    """

    manifest: str
    number: int

    def __str__(self) -> str:
        return f"{self.manifest}:{self.number}" if self.manifest else f"for_each[{self.number}]"


_NO_ROW = ManifestRow("", -1)
"""Sorts before all rows."""


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The place of a declaration.

    Lines start at 1; `row` is the row whose values filled in a table with `for_each`.
    """

    file: str
    line: int
    row: ManifestRow | None = None

    def __lt__(self, other: Origin) -> bool:
        """Return whether the place comes before another; one without a row comes first."""
        row, other_row = self.row or _NO_ROW, other.row or _NO_ROW
        return (self.file, self.line, row) < (other.file, other.line, other_row)

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.row})" if self.row else f"{self.file}:{self.line}"


_PACKAGE_VERSION = re.compile(r"(?:.*:package/)?([^/:]+/version/[^/]+)")
"""The ARN or the ID of a package version; its ID is the end of its ARN, as its own name is not unique."""


def extract_name_from_arn(arn: str) -> str:
    """Return the last part of an ARN, which is a name or an ID; return text without a slash unchanged."""
    version = _PACKAGE_VERSION.fullmatch(arn) if "/version/" in arn else None
    return version[1] if version else arn.rpartition("/")[2]


@frozen
class External:
    """A reference to a resource outside the file: in the file, `{ arn = "…" }` or `{ id = "…" }`.

    `id` is the value of either key.
    """

    id: str

    @property
    def name(self) -> str:
        """The resource's name or ID in AWS, which is the last part of an ARN."""
        return extract_name_from_arn(self.id)

    def __str__(self) -> str:
        return f"{self.id[:12]}…" if len(self.id) == 64 else self.id  # noqa: PLR2004 (a certificate ID)


class NotCompared(Enum):
    """A stand-in for a value that is unknown or does not matter: plans treat it as equal to any other."""

    NOT_COMPARED = "(not compared)"


NOT_COMPARED = NotCompared.NOT_COMPARED

Reference: TypeAlias = str | External
"""A resource's name in the file, or an external resource."""


@frozen
class Lifecycle:
    """The table `lifecycle` of one resource: which of its changes are rejected or ignored.

    `allow` has the codes of warnings about the resource that are silenced, each with a reason. It changes no plan.
    """

    prevent_destroy: bool = False
    ignore_changes: tuple[str, ...] = ()
    allow: Mapping[str, str] = field(factory=dict, eq=False)


class Resource(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One desired resource.

    - `spec`: an instance of its kind's spec class;
    - `own_dependencies`: the addresses that it refers to, and those in its `depends_on`;
    - `evaluation`: what its kind derived from it when the file was loaded;
    - `is_ownership_marker`: whether it is not in the file, but was added to record what the workspace owns;
    - `ownership_markers`: those that must exist before it, which many resources share.

    `==` ignores `origin` and `evaluation`.
    """

    address: Address
    spec: Any
    own_dependencies: frozenset[Address] = frozenset()
    lifecycle: Lifecycle = Lifecycle()
    origin: Origin = Origin("<memory>", 1)
    evaluation: Evaluation | None = None
    is_ownership_marker: bool = False
    ownership_markers: frozenset[Address] = frozenset()

    @property
    def dependencies(self) -> frozenset[Address]:
        """The addresses that must exist before it."""
        if not self.ownership_markers:
            return self.own_dependencies
        return self.own_dependencies | self.ownership_markers

    @property
    def _compared(self) -> tuple[object, ...]:
        return (
            self.address,
            self.spec,
            self.own_dependencies,
            self.lifecycle,
            self.is_ownership_marker,
            self.ownership_markers,
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and self._compared == other._compared

    def __hash__(self) -> int:
        return hash(self._compared)

    def __repr__(self) -> str:
        return f"Resource({self.address}, {self.spec!r})"  # the evaluation may have secrets


FactsT = TypeVar("FactsT")


@frozen
class Live:
    """One resource as AWS reports it.

    `identity` is AWS's ID (certificate ID, thing name, managed thing ID) or, for a provisioned thing, its address; `spec` is of
    the same class as the desired spec, so the two can be compared; `version` is for `expectedVersion`, if the API has it;
    `owner` is the workspace that manages the resource, or None. `==` ignores the other fields:

    - `arn` and `tags` (including the ownership tags), if AWS has them;
    - `declared_name`: the name that plans show: the declared name if the registry stores it, else one that the kind derives;
      None: plans show AWS's ID;
    - `prevent_destroy`: whether it was applied with `prevent_destroy`;
    - `kept_until`: the end of the grace period for which it is kept, in seconds since 1970, or None;
    - `used_by`: AWS's IDs of the resources that use it, if its kind reads them;
    - `includes`: AWS's IDs of the resources that it consists of, including its own;
    - `facts`: further facts, as an instance of its kind's facts class.
    """

    identity: str
    spec: Any
    version: int | None = None
    owner: str | None = None
    arn: str = field(default="", eq=False, kw_only=True)
    tags: Mapping[str, str] = field(default=MappingProxyType({}), eq=False, kw_only=True)
    declared_name: str | None = field(default=None, eq=False, kw_only=True)
    prevent_destroy: bool = field(default=False, eq=False, kw_only=True)
    kept_until: float | None = field(default=None, eq=False, kw_only=True)
    used_by: tuple[str, ...] = field(default=(), eq=False, kw_only=True)
    includes: frozenset[str] = field(default=frozenset(), eq=False, kw_only=True)
    facts: object = field(default=None, eq=False, kw_only=True)

    def get_facts(self, facts_class: type[FactsT]) -> FactsT:
        """Return the facts, which must be an instance of `facts_class`."""
        assert isinstance(self.facts, facts_class), f"{self.identity} has no {facts_class.__name__}"
        return self.facts


Desired: TypeAlias = Mapping[Address, Resource]
"""Desired resources by address."""

Inventory: TypeAlias = Mapping[Address, Live]
"""Live resources by address."""
