"""The fields of a static thing group.

Source: AWS IoT API reference, CreateThingGroup.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from reconciler.kinds.base.schema import member
from reconciler.model.resource import NotCompared, Reference


@frozen
class ThingGroup:
    """`[thing_groups.*]`."""

    description: str | None = member(
        "Description of the group.",
        api="CreateThingGroup.thingGroupProperties.thingGroupDescription",
        default=None,
    )
    attributes: Mapping[str, str] = member(
        "Attributes.", api="CreateThingGroup.thingGroupProperties.attributePayload.attributes", factory=dict
    )
    tags: Mapping[str, str] = member("Tags.", api="CreateThingGroup.tags", factory=dict)
    parent: Reference | None = member(
        "The group that it is a part of.",
        api="CreateThingGroup.parentGroupName",
        references="thing_groups",
        on_change="replaces",
        default=None,
    )
    policies: tuple[Reference, ...] = member(
        "The policies for the things in it and in the groups below it.", references="policies", default=()
    )


@frozen
class GroupContents:
    """The names of everything in a group that its replacement would lose."""

    children: tuple[str, ...]
    members: tuple[str, ...]
    policies: tuple[str, ...]


@frozen
class ThingGroupFacts:
    """Further facts about a live thing group.

    `attached` are the names of all its policies, where it may be deleted; `contents` is read where the file moves it to
    another parent.
    """

    attached: tuple[str, ...] | NotCompared
    contents: GroupContents | None = None
