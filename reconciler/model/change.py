"""Changes: what a plan does to one resource, with its fields before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.resource import Live, Origin, Resource

PREVENT_DESTROY_PATH = "lifecycle.prevent_destroy"
"""The path of the field change that sets or clears `prevent_destroy` in the registry."""


@frozen
class FieldChange:
    """A field that differs.

    `path` is dotted as in the file (`attributes.site`); differences in ownership and in names have paths of their own, such as
    `renamed`. `before` is None if the field has no live value, `after` if it has no desired value.
    """

    path: str
    before: Any
    after: Any
    sensitive: bool = False
    forces_replacement: bool = False


@frozen
class Create:
    """A desired resource that does not exist."""

    action: ClassVar[str] = "create"
    resource: Resource
    fields: Sequence[FieldChange] = ()

    @property
    def address(self) -> Address:
        """The resource's address."""
        return self.resource.address


@frozen
class Update:
    """A resource with differences that AWS can change in place."""

    action: ClassVar[str] = "update"
    resource: Resource
    live: Live
    fields: tuple[FieldChange, ...]

    @property
    def address(self) -> Address:
        """The resource's address."""
        return self.resource.address

    def has_changed(self, name: str) -> bool:
        """Return whether the field `name`, or a field inside it, differs."""
        return any(field.path == name or field.path.startswith(f"{name}.") for field in self.fields)


@frozen
class Replace:
    """A resource with differences that AWS cannot change in place."""

    action: ClassVar[str] = "replace"
    resource: Resource
    live: Live
    fields: tuple[FieldChange, ...]

    @property
    def address(self) -> Address:
        """The resource's address."""
        return self.resource.address


@frozen
class Delete:
    """A managed resource that the file no longer declares, or that a destroy deletes."""

    action: ClassVar[str] = "delete"
    address: Address
    live: Live
    fields: Sequence[FieldChange] = ()


@frozen
class Forget:
    """A resource that the workspace stops managing: only its ownership markers are removed.

    `origin` is the place of its `[[removed]]` entry; None if it has none, because AWS cannot delete such a resource.
    """

    action: ClassVar[str] = "forget"
    address: Address
    live: Live
    origin: Origin | None = field(default=Origin("<memory>", 1), eq=False)
    fields: tuple[FieldChange, ...] = ()


Change: TypeAlias = Create | Update | Replace | Delete | Forget

ACTIONS: tuple[str, ...] = ("create", "update", "replace", "delete", "forget")
"""All actions, in the order of display."""

ACTIONS_BY_RISK: tuple[str, ...] = ("delete", "replace", "forget", "update", "create")
"""All actions, from the hardest to undo to the easiest, so that a shortened display leaves out the least harmful."""
