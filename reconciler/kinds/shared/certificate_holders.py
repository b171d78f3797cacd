"""Find the things that have device certificates, inside the workspace and outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from reconciler.kinds.base.context import Read, Scope
from reconciler.kinds.shared import group_membership
from reconciler.kinds.shared.principal_reads import select_external_names
from reconciler.kinds.shared.provisioned_thing_spec import ProvisionedThingFacts
from reconciler.kinds.shared.provisioning_blueprint import find_provisioned_names


def find_workspace_holders(scope: Scope) -> dict[str, list[str]]:
    """Return the names of the workspace's things that have each certificate, by certificate ID."""
    things: defaultdict[str, list[str]] = defaultdict(list)
    for thing in scope.get_live("things"):
        if thing.owner == scope.workspace:
            for certificate in thing.spec.certificates:
                things[certificate.id].append(thing.identity)
    for provisioned in scope.get_live("provisioned_things"):
        if provisioned.owner == scope.workspace and provisioned.spec.thing_name:
            # The certificate from its template is left to the kind `provisioned_things`.
            for certificate in provisioned.spec.other_certificates:
                things[certificate.id].append(provisioned.spec.thing_name)
    return things


def find_excluded_certificates(scope: Scope) -> set[str]:
    """Return the IDs of the certificates that the kind `certificates` leaves out.

    These are the certificates that the file's things refer to by ID or ARN, and those that the kind `provisioned_things` may
    delete.
    """
    certificates = select_external_names(
        certificate for thing in scope.iterate_resources("things") for certificate in thing.spec.certificates
    )
    for provisioned in scope.get_live("provisioned_things"):
        certificates |= provisioned.get_facts(ProvisionedThingFacts).deletable_ids
    return certificates


def find_outside_holders(holders: Mapping[str, Sequence[str]], scope: Scope) -> dict[str, list[str]]:
    """Return the things outside the workspace that have each certificate, by certificate ID.

    Certificates without such things are omitted. Things that the file's templates describe are not outside the workspace.
    """
    owned = {thing.identity for thing in scope.get_live("things") if thing.owner == scope.workspace}
    owned |= find_provisioned_names(scope)
    outside_holders = {identity: sorted(set(things) - owned) for identity, things in holders.items()}
    return {identity: things for identity, things in outside_holders.items() if things}


def read_outside_owners(outside_holders: Mapping[str, Sequence[str]]) -> Read[dict[str, str | None]]:
    """Return, by certificate ID, a workspace that owns one of the outside things, or None if none does."""
    things = sorted({thing for holders in outside_holders.values() for thing in holders})
    owner_by_thing = yield from group_membership.read_owners(things)
    owners: dict[str, str | None] = {}
    for identity, holders in outside_holders.items():
        holder_owners = filter(None, (owner_by_thing[thing] for thing in holders))
        owners[identity] = next(holder_owners, None)
    return owners


def find_protected_things(scope: Scope) -> set[str]:
    """Return the names of the things with `prevent_destroy`, which also protects their certificates."""
    things = {thing.identity for thing in scope.get_live("things") if thing.prevent_destroy}
    provisioned = (
        live.spec.thing_name for live in scope.get_live("provisioned_things") if live.prevent_destroy
    )
    return things | {name for name in provisioned if name}
