"""The fields of a static thing group.

Source: AWS IoT API reference, CreateThingGroup.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.frozen_classes import frozen
from reconciler.kinds.base.schema import member
from reconciler.kinds.shared.foreign_profiles import ProfileTargetFacts
from reconciler.model.resource import NOT_COMPARED, NotCompared, Reference


@frozen
class ThingGroup:
    """`[thing_groups.*]`."""

    description: str | None = member(
        "Description of the group.",
        api="CreateThingGroup.thingGroupProperties.thingGroupDescription",
        default=None,
    )
    attributes: Mapping[str, str] = member(
        "Attributes.",
        api="CreateThingGroup.thingGroupProperties.attributePayload.attributes",
        drops_empty_values=True,
        factory=dict,
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
    """The names of what a group loses when it is replaced: its child groups, things and policies."""

    children: tuple[str, ...]
    members: tuple[str, ...]
    policies: tuple[str, ...]


@frozen
class ThingGroupFacts(ProfileTargetFacts):
    """Further facts about a live thing group.

    `attached_policies` are the names of all its policies, including those that are neither owned nor named in the file. They are
    read from AWS only if the group may be deleted, and so are `members`, the names of the things in it; `contents` are read only
    if the file moves the group to another parent.
    """

    attached_policies: tuple[str, ...] | NotCompared
    contents: GroupContents | None = None
    members: tuple[str, ...] | NotCompared = NOT_COMPARED
