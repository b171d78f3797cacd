"""Needs of a change outside the file: other resources of the account, and its settings.

A kind declares the needs of a change (`Kind.outside_needs`). Before a plan is accepted, the engine reads each distinct need at
most once, in bulk, and not at all if the resource is in a listing that was read anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.context import Read, Response
from reconciler.kinds.base.references import (
    FieldReference,
    iterate_value_references,
    list_reference_members,
)
from reconciler.kinds.base.schema import Member
from reconciler.model.change import Change, Delete, Forget, Update
from reconciler.model.resource import External

ProblemRead: TypeAlias = Read[str | None]
"""A read that returns what is wrong, or None."""


@frozen
class Description:
    """How AWS describes one resource of a kind.

    `id_param` is the parameter of `operation` with the resource's name or ID. `find_problem` returns why other resources
    cannot refer to a resource with this description; without it, a resource only has to exist. `listed_as` is the member of the
    response that an item of the kind's listing can take the place of; empty if the items lack what `find_problem` needs.
    """

    operation: str
    id_param: str
    find_problem: Callable[[Response], str | None] | None = None
    listed_as: str = ""

    def find_listed_problem(self, item: Mapping[str, Any]) -> str | None:
        """Return why other resources cannot refer to a listed resource, or None."""
        return self.find_problem({self.listed_as: item}) if self.find_problem else None

    @property
    def is_listed(self) -> bool:
        """Whether the kind's listing shows all problems."""
        return self.find_problem is None or bool(self.listed_as)


@frozen
class ResourceNeed:
    """A resource outside the file that a change refers to.

    `table` is the table of its kind, `identity` AWS's name or ID of it, `path` the field that refers to it.
    """

    table: str
    identity: str
    path: str


@frozen
class CheckedNeed:
    """Anything else outside the file that a change needs.

    `path` is the field because of which it is needed, empty for the whole resource; `read` returns a read that finds out what
    is wrong with it. Needs with equal `key` have the same result, so only one of them is read.

    A plan reads only a limited number of needs with the same text in `unread`. The text describes what stays unchecked for the
    others; AWS must reject such a change without any damage. It is empty if every need must be read.
    """

    key: tuple[Any, ...]
    path: str
    read: Callable[[], ProblemRead] = field(eq=False)
    unread: str = ""


Need: TypeAlias = ResourceNeed | CheckedNeed


def find_reference_needs(change: Change) -> Iterator[ResourceNeed]:
    """Yield the resources outside the file that a change refers to for the first time.

    References of a live resource exist already. A field that matters only at creation is ignored by an update.
    """
    if isinstance(change, Delete | Forget):
        return
    for member in list_reference_members(type(change.resource.spec)):
        if isinstance(change, Update) and member.on_change == "create_only":
            continue
        live_value = getattr(change.live.spec, member.name) if isinstance(change, Update) else None
        known_references = {(item.table, item.value) for item in _iterate_references(live_value, member)}
        for item in _iterate_references(getattr(change.resource.spec, member.name), member):
            if isinstance(item.value, External) and (item.table, item.value) not in known_references:
                yield ResourceNeed(item.table, item.value.name, item.field)


def _iterate_references(value: Any, member: Member) -> Iterator[FieldReference]:
    return iterate_value_references(value, member, (member.name,))
