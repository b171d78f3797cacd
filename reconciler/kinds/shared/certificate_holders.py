"""Find the things that have device certificates, inside the workspace and outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.shared import group_membership
from reconciler.kinds.shared.principal_reads import select_external_names
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_blueprint import find_provisioned_names


def find_owned_certificates(scope: Scope) -> dict[str, list[str]]:
    """Return the names of the workspace's things that have each certificate, by certificate ID."""
    things: defaultdict[str, list[str]] = defaultdict(list)
    for thing in scope.get_live("things"):
        if thing.owner == scope.workspace:
            for certificate in thing.spec.certificates:
                things[certificate.id].append(thing.identity)
    for provisioned in scope.get_live("provisioned_things"):
        if provisioned.owner == scope.workspace and provisioned.spec.thing_name:
            for certificate in provisioned.spec.other_certificates:
                things[certificate.id].append(provisioned.spec.thing_name)
    return things


def find_foreign_certificates(scope: Scope) -> set[str]:
    """Return the IDs of the certificates that `[certificates.*]` does not manage.

    These are the certificates that the file's things refer to by ID, and those that provisioned things delete themselves.
    """
    certificates = select_external_names(
        certificate for thing in scope.iterate_resources("things") for certificate in thing.spec.certificates
    )
    for provisioned in scope.get_live("provisioned_things"):
        certificates |= provisioned.get_facts(ProvisionedThingFacts).deletable_ids
    return certificates


def find_outside_holders(holders: Mapping[str, Sequence[str]], scope: Scope) -> dict[str, list[str]]:
    """Return the certificates that things outside the workspace have, each with these things."""
    owned = {thing.identity for thing in scope.get_live("things") if thing.owner == scope.workspace}
    owned |= find_provisioned_names(scope)
    outside_holders = {name: sorted(set(things) - owned) for name, things in holders.items()}
    return {name: things for name, things in outside_holders.items() if things}


def read_owners_of(outside_holders: Mapping[str, Sequence[str]]) -> Read[dict[str, str | None]]:
    """Return the workspace, if any, that owns each certificate through a thing outside this workspace."""
    things = sorted({thing for holders in outside_holders.values() for thing in holders})
    owners = yield from group_membership.read_owners(things)
    return {
        name: next((owners[thing] for thing in holders if owners[thing]), None)
        for name, holders in outside_holders.items()
    }


def find_protected_things(scope: Scope) -> set[str]:
    """Return the names of the things with `prevent_destroy`, which also protects their certificates."""
    things = {thing.identity for thing in scope.get_live("things") if thing.prevent_destroy}
    provisioned = (
        live.spec.thing_name for live in scope.get_live("provisioned_things") if live.prevent_destroy
    )
    return things | {name for name in provisioned if name}
