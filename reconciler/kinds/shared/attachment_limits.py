"""Count the attachments by others for the limits on a certificate's policies and a thing's groups.

A plan reads these attachments only if the account has policies or groups that the workspace does not manage.

Source: AWS General Reference, AWS IoT Core quotas and AWS IoT Device Management quotas.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from reconciler.kinds.base.aws_limits import CERTIFICATE_POLICIES, THING_STATIC_GROUPS
from reconciler.kinds.base.context import PlanContext
from reconciler.kinds.base.outside import CheckedNeed, ProblemRead
from reconciler.kinds.base.reads import NOT_FOUND
from reconciler.kinds.shared.group_membership import (
    build_protected_group_name,
    build_workspace_group_name,
    count_groups_at_a_time,
    get_group_name,
)
from reconciler.kinds.shared.outside_hierarchies import find_hierarchy_root
from reconciler.model.call import ApiCall
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Update
from reconciler.model.resource import NotCompared, Reference
from reconciler.model.text import join_some, quote

# ── policies of certificates ──────────────────────────────────────────────────────────────────────


def find_policy_needs(
    arn: str, path: str, before: Collection[str], after: Collection[str], context: PlanContext
) -> Iterator[CheckedNeed]:
    """Yield the need that a live certificate has room for new policies.

    `before` are those of its policies that the plan has read, and `after` those that it will have.
    """
    known = {*before, *after}
    if known == {*before}:
        return
    # Old policies are detached first if there would be more at a time.
    own_count = min(len(known), CERTIFICATE_POLICIES.maximum)
    listed = context.outside.listed_ids.get("policies")
    if listed is not None:
        unread = listed - context.managed_policies - known
        if own_count + len(unread) <= CERTIFICATE_POLICIES.maximum:
            return

    def read() -> ProblemRead:
        (response,) = yield [
            ApiCall("iot", "ListAttachedPolicies", {"target": arn}, ignored_errors=NOT_FOUND)
        ]
        others = {policy["policyName"] for policy in response.get("policies", ())} - known
        return find_policy_problem(own_count, others)

    yield CheckedNeed(("policies", arn), path, read)


def find_policy_problem(own_count: int, others: Collection[str]) -> str | None:
    """Return why a certificate cannot have a number of policies next to those of others, or None."""
    count = own_count + len(others)
    if count <= CERTIFICATE_POLICIES.maximum:
        return None
    return (
        f"the certificate would have {count} policies at a time, with those that others have attached "
        f"({join_some(sorted(others))}), and AWS allows {CERTIFICATE_POLICIES.maximum}; detach some of them first"
    )


# ── groups of things ──────────────────────────────────────────────────────────────────────────────


def find_group_needs(change: Change, thing: str, path: str, context: PlanContext) -> Iterator[CheckedNeed]:
    """Yield the need that a live thing can join its new groups, including the workspace's own ones."""
    if not isinstance(change, Update):
        return
    before, after = _get_groups(change.live.spec), _get_groups(change.resource.spec)
    joined = after.keys() - before.keys()
    joins_markers = change.has_changed("workspace") or change.has_changed(PREVENT_DESTROY_PATH)
    if not joined and not joins_markers:
        return
    known = before.keys() | after.keys()
    markers = {build_workspace_group_name(context.workspace), build_protected_group_name(context.workspace)}
    listed = context.outside.listed_ids.get("thing_groups")
    if listed is not None and listed <= context.managed_groups | known | markers:
        return

    def read() -> ProblemRead:
        params = {"thingName": thing}
        (response,) = yield [ApiCall("iot", "ListThingGroupsForThing", params, ignored_errors=NOT_FOUND)]
        names = {group["groupName"] for group in response.get("thingGroups", ())}
        others = sorted(names - known - markers)  # AWS counts dynamic groups, too
        is_protected = change.resource.lifecycle.prevent_destroy
        own_count = count_groups_at_a_time(
            before.values(), after.values(), context, is_protected=is_protected
        )
        count = own_count + len(others)
        if count > THING_STATIC_GROUPS.maximum:
            return (
                f"the thing would be in {count} groups at a time, with those that the file does not give it "
                f"({join_some(others)}) and the workspace's own, and AWS allows {THING_STATIC_GROUPS.maximum}; remove it from "
                "some of them first"
            )
        return _find_hierarchy_problem(sorted(joined), others, context)

    yield CheckedNeed(("groups", thing), path if joined else "", read)


def _get_groups(spec: Any) -> Mapping[str, Reference]:
    """Return the static groups in a thing's spec, by name in AWS; none if they are not compared."""
    groups = spec.thing_groups
    if isinstance(groups, NotCompared):
        return {}
    return {get_group_name(group): group for group in groups}


def _find_hierarchy_problem(joined: Iterable[str], others: Iterable[str], context: PlanContext) -> str | None:
    roots = {find_hierarchy_root(other, context): other for other in others}
    for name in joined:
        other = roots.get(find_hierarchy_root(name, context))
        if other:
            return (
                f"cannot join {quote(name)}: others have added the thing to {quote(other)} of the same hierarchy, and AWS allows "
                "a thing only one group of each hierarchy; remove it from that one first"
            )
    return None
