"""Ownership markers: the resources that a workspace adds to the desired state to record what it owns.

Things and device certificates have no tags. So the workspace's things are members of its own static thing group, and its
certificates are attached to its things; a certificate without a thing is attached to one that is created for that purpose.
Things with `prevent_destroy` are members of a second group. A policy marks certificates that are about to be deleted.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve
from msgspec.structs import replace

from reconciler.kinds.base.marker_groups import MARKER_PREFIX
from reconciler.kinds.base.tags import to_tag_list, with_ownership_tags
from reconciler.kinds.shared.certificate_retirement import DENY_ALL, build_retired_policy_name
from reconciler.kinds.shared.group_membership import build_protected_group_name, build_workspace_group_name
from reconciler.kinds.shared.policy_spec import Policy
from reconciler.kinds.shared.provisioning_blueprint import TABLE as PROVISIONED_THINGS
from reconciler.kinds.shared.thing_group_spec import ThingGroup
from reconciler.kinds.shared.thing_spec import Thing
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.interning import Interner
from reconciler.model.resource import Desired, Lifecycle, Origin, Resource

MARKED_TABLES = frozenset({"things", "certificates", PROVISIONED_THINGS})
"""The kinds whose resources need the markers and depend on them."""


_ORIGIN = Origin("[workspace]", 1)


def build_workspace_group_address(workspace: str) -> Address:
    """Return the address of the group whose members are the workspace's things."""
    return Address("thing_groups", build_workspace_group_name(workspace))


def is_workspace_group(workspace: str, address: Address) -> bool:
    """Return whether the address is the workspace's group.

    Its attributes store the workspace's lease, so it is created first and deleted last.
    """
    return address == build_workspace_group_address(workspace)


def is_ownership_marker(workspace: str, address: Address) -> bool:
    """Return whether the address is one of the workspace's groups or its policy for certificates.

    The thing that holds unattached certificates is none of them, though its `Resource.is_ownership_marker` is true: it is owned
    like the other things, as a member of the workspace's group.
    """
    return address in {
        build_workspace_group_address(workspace),
        _build_protected_group_address(workspace),
        _build_retired_policy_address(workspace),
    }


def list_marker_names(workspace: str) -> frozenset[str]:
    """Return the names of the workspace's groups and of its policy, as other resources refer to them."""
    addresses = (
        build_workspace_group_address(workspace),
        _build_protected_group_address(workspace),
        _build_retired_policy_address(workspace),
    )
    return frozenset(address.name for address in addresses)


def is_marker_name(name: str) -> bool:
    """Return whether a name begins as those of ownership markers, of any workspace, do."""
    return name.startswith((build_workspace_group_name(""), MARKER_PREFIX))


def is_marker_of_untagged(address: Address) -> bool:
    """Return whether the address is a group that records the owner of something without tags."""
    return address.kind == "thing_groups" and address.name.startswith(MARKER_PREFIX)


def list_reserved_addresses(workspace: str) -> frozenset[Address]:
    """Return the addresses that the workspace may add to the desired state."""
    return frozenset(
        {
            build_workspace_group_address(workspace),
            _build_protected_group_address(workspace),
            _build_retired_policy_address(workspace),
            _build_unattached_holder_address(workspace),
        }
    )


def add_ownership_markers(workspace: str, resources: Desired) -> Desired:
    """Return the resources and the ownership markers that they need, sorted by address."""
    all_resources = dict(resources)
    unattached = _find_unattached_certificates(resources)
    if unattached:
        holder = _build_unattached_holder_address(workspace)
        spec = Thing(certificates=tuple(address.name for address in unattached))
        all_resources[holder] = Resource(
            holder, spec, frozenset(unattached), origin=_ORIGIN, is_ownership_marker=True
        )
    protected = _find_protected_things(all_resources)
    all_resources |= protected
    markers = _build_markers(workspace, all_resources, has_protected_things=bool(protected))
    marker_addresses = frozenset(marker.address for marker in markers)
    intern_set = Interner()
    for address, resource in all_resources.items():
        if address.kind in MARKED_TABLES:
            unneeded = frozenset() if address in protected else {_build_protected_group_address(workspace)}
            all_resources[address] = replace(
                resource, ownership_markers=intern_set(marker_addresses - unneeded)
            )
    return dict(sorted((all_resources | {marker.address: marker for marker in markers}).items()))


def build_group_call(workspace: str, attributes: Mapping[str, str]) -> ApiCall:
    """Return the call that creates the workspace's group with attributes.

    The first apply of a workspace sends it to acquire the lease, which is stored in the attributes.
    """
    group = Resource(build_workspace_group_address(workspace), ThingGroup())
    properties = {
        "thingGroupDescription": _describe_group(workspace),
        "attributePayload": {"attributes": dict(attributes), "merge": False},
    }
    params = {
        "thingGroupName": group.address.name,
        "thingGroupProperties": properties,
        "tags": to_tag_list(with_ownership_tags(group, workspace)),
    }
    return ApiCall("iot", "CreateThingGroup", params, idempotent=True)


def _find_unattached_certificates(resources: Desired) -> list[Address]:
    attached = {
        name
        for address, resource in resources.items()
        if address.kind == "things"
        for name in resource.spec.certificates
    }
    return sorted(
        address for address in resources if address.kind == "certificates" and address.name not in attached
    )


def _find_protected_things(resources: Desired) -> dict[Address, Resource]:
    """Return the things and provisioned things that must not be destroyed, with `prevent_destroy` set.

    A certificate cannot be in the group of protected things, so the things that have it are protected in its place.
    """
    protected_certificates = {
        address.name
        for address, resource in resources.items()
        if address.kind == "certificates" and resource.lifecycle.prevent_destroy
    }

    def is_protected(resource: Resource) -> bool:
        kind = resource.address.kind
        if kind == "things" and not protected_certificates.isdisjoint(resource.spec.certificates):
            return True
        return kind in {"things", PROVISIONED_THINGS} and resource.lifecycle.prevent_destroy

    return {
        address: replace(resource, lifecycle=evolve(resource.lifecycle, prevent_destroy=True))
        for address, resource in resources.items()
        if is_protected(resource)
    }


def _build_markers(workspace: str, resources: Desired, *, has_protected_things: bool) -> list[Resource]:
    """Return the groups and the policy that resources need."""
    markers: list[Resource] = []
    if resources:
        # The group's attributes store the lease, so they are not part of the desired state.
        group = ThingGroup(description=_describe_group(workspace))
        marker = _to_marker(build_workspace_group_address(workspace), group)
        markers.append(replace(marker, lifecycle=Lifecycle(ignore_changes=("attributes",))))
    if has_protected_things:
        description = f"The things that the reconciler workspace {workspace} must not destroy."
        markers.append(
            _to_marker(_build_protected_group_address(workspace), ThingGroup(description=description))
        )
    if {address.kind for address in resources} & {"certificates", PROVISIONED_THINGS}:
        markers.append(_to_marker(_build_retired_policy_address(workspace), Policy(DENY_ALL)))
    return markers


def _to_marker(address: Address, spec: ThingGroup | Policy) -> Resource:
    return Resource(address, spec, origin=_ORIGIN, is_ownership_marker=True)


def _describe_group(workspace: str) -> str:
    return f"The things that the reconciler workspace {workspace} owns."


def _build_unattached_holder_address(workspace: str) -> Address:
    return Address("things", f"{build_workspace_group_name(workspace)}-unattached")


def _build_protected_group_address(workspace: str) -> Address:
    return Address("thing_groups", build_protected_group_name(workspace))


def _build_retired_policy_address(workspace: str) -> Address:
    return Address("policies", build_retired_policy_name(workspace))
