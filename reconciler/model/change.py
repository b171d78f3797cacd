"""What has to happen to one resource, carrying before and after."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from attrs import field, frozen

from reconciler.model.address import Address
from reconciler.model.resource import Live, Origin, Resource

PREVENT_DESTROY_PATH = "lifecycle.prevent_destroy"
"""The path under which a plan shows that the registry comes to remember that something must not be destroyed, or forgets it."""


@frozen
class FieldChange:
    """One attribute that differs. `path` is dotted as in the file (`attributes.site`); None is absence."""

    path: str
    before: Any
    after: Any
    sensitive: bool = False
    forces_replacement: bool = False


@frozen
class Create:
    """It is wanted and is not there."""

    action: ClassVar[str] = "create"
    resource: Resource
    fields: tuple[FieldChange, ...] = ()

    @property
    def address(self) -> Address:
        """What is changed."""
        return self.resource.address


@frozen
class Update:
    """It is there and differs in what AWS can change in place."""

    action: ClassVar[str] = "update"
    resource: Resource
    live: Live
    fields: tuple[FieldChange, ...]

    @property
    def address(self) -> Address:
        """What is changed."""
        return self.resource.address

    def has_changed(self, name: str) -> bool:
        """Whether the attribute, or anything inside it, differs."""
        return any(field.path == name or field.path.startswith(f"{name}.") for field in self.fields)


@frozen
class Replace:
    """It is there and differs in what AWS cannot change."""

    action: ClassVar[str] = "replace"
    resource: Resource
    live: Live
    fields: tuple[FieldChange, ...]

    @property
    def address(self) -> Address:
        """What is changed."""
        return self.resource.address


@frozen
class Delete:
    """It is ours and no longer wanted."""

    action: ClassVar[str] = "delete"
    address: Address
    live: Live
    fields: tuple[FieldChange, ...] = ()


@frozen
class Forget:
    """It is ours and no longer wanted, and the file says to leave it there: only the workspace's marks come off.

    `origin` is where the file says so.
    """

    action: ClassVar[str] = "forget"
    address: Address
    live: Live
    origin: Origin = field(default=Origin("<memory>", 1), eq=False)
    fields: tuple[FieldChange, ...] = ()


Change: TypeAlias = Create | Update | Replace | Delete | Forget

ACTIONS: tuple[str, ...] = ("create", "update", "replace", "delete", "forget")
"""Every action, in the order in which they are told."""

ACTIONS_BY_RISK: tuple[str, ...] = ("delete", "replace", "forget", "update", "create")
"""Every action, the one that is hardest to undo first: where not all of a plan is told, the rest of it is harmless."""
