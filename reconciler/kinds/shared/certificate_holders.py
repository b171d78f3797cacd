"""Who has device certificates: the workspace's things and provisioned things, and others beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.kinds.base.context import Scope
from reconciler.kinds.shared import group_membership
from reconciler.kinds.shared.principal_reads import external_names
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_blueprint import provisioned_names


def find_attached(scope: Scope) -> tuple[Mapping[str, Sequence[str]], set[str]]:
    """The certificates of the workspace's things, each with those that have it; and those that are not this table's.

    Those are the ones that things of the file have from outside it, and the ones that provisioned things retire themselves.
    """
    ours: defaultdict[str, list[str]] = defaultdict(list)
    others = external_names(
        found for thing in scope.resources_of("things") for found in thing.spec.certificates
    )
    for thing in scope.live_of("things"):
        if thing.owner == scope.workspace:
            for reference in thing.spec.certificates:
                ours[reference.id].append(thing.identity)
    for made in scope.live_of("provisioned_things"):
        others |= made.facts_as(ProvisionedThingFacts).deletable
        if made.owner == scope.workspace and made.spec.thing_name:
            for reference in made.spec.other_certificates:
                ours[reference.id].append(made.spec.thing_name)
    return ours, others


def find_outside_holders(users: Mapping[str, Sequence[str]], scope: Scope) -> dict[str, list[str]]:
    """Of the things that have each certificate those outside the workspace, where there are any."""
    ours = {thing.identity for thing in scope.live_of("things") if thing.owner == scope.workspace}
    ours |= provisioned_names(scope)
    return {name: others for name, things in users.items() if (others := sorted(set(things) - ours))}


def read_owners_of(foreign: Mapping[str, Sequence[str]]) -> Any:
    """Of wanted certificates that things outside the workspace have: the workspace, if any, whose things these are."""
    things = sorted({thing for users in foreign.values() for thing in users})
    owners = yield from group_membership.read_owners(things)
    return {
        name: next((owners[thing] for thing in users if owners[thing]), None)
        for name, users in foreign.items()
    }


def find_protected_things(scope: Scope) -> set[str]:
    """The workspace's things that must not be destroyed, and so protect what they have."""
    found = {t.identity for t in scope.live_of("things") if t.prevent_destroy}
    made = (p for p in scope.live_of("provisioned_things") if p.prevent_destroy)
    return found | {each.spec.thing_name for each in made if each.spec.thing_name}
