"""Check that things that a plan deletes are owned by no other workspace as well.

A thing is in the groups of two workspaces if another client has added it to one. The refresh reads only the members of the plan's own
groups, so this is read for deletions, and only in an account with groups of other workspaces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.kinds.base.context import PlanContext, Read
from reconciler.kinds.base.indexed_response import collect_values
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import list_each
from reconciler.kinds.shared.group_membership import build_workspace_group_name, read_groups_of_things
from reconciler.model.change import Change, Delete
from reconciler.model.text import join_some

_THINGS_PER_PAGE = 4
"""The number of ListThingGroupsForThing calls that take as long as one page of ListThingsInThingGroup.

AWS allows 100 of the former and 25 of the latter per second.
"""


def find_owner_needs(change: Change, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need that a thing that will be deleted is in no group of another workspace."""
    groups = context.other_workspace_groups
    if not isinstance(change, Delete) or not groups:
        return
    thing = change.live.identity

    def read() -> ProblemRead:
        other_groups = yield from _read_groups(thing, groups, len(context.deleted_resources))
        if not other_groups:
            return None
        all_groups = join_some([build_workspace_group_name(context.workspace), *other_groups])
        return (
            f"cannot be deleted: it is in the thing groups of several workspaces ({all_groups}); remove it from all but that "
            "of the workspace that owns it"
        )

    yield CheckedNeed(("owners", thing), "", read)


def _read_groups(thing: str, groups: Sequence[str], deletion_count: int) -> Read[list[str]]:
    """Return in which of the groups a thing is.

    For many deletions, the members of these groups are listed, if that takes no longer than listing the groups of each thing.
    """
    pages = deletion_count // _THINGS_PER_PAGE // len(groups)
    if pages:
        responses = yield from list_each("ListThingsInThingGroup", "thingGroupName", groups, pages)
        if responses is not None:
            members = zip(groups, responses, strict=True)
            return [group for group, response in members if thing in collect_values(response, "things")]
    groups_by_thing = yield from read_groups_of_things([thing])
    return [group for group in groups_by_thing[thing] if group in groups]
