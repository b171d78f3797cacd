"""What a workspace adds to the file by itself, so that the registry tells what it owns.

Things and device certificates carry no tags. So the workspace's things are members of its own static group, and its
certificates are attached to its things; those that no thing uses are attached to one made for them. Things that must not
be destroyed are members of a second group.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from reconciler.kinds.base import tags
from reconciler.kinds.shared.certificate_retirement import DENY_ALL, retired_policy_name
from reconciler.kinds.shared.group_membership import protected_group_name, workspace_group_name
from reconciler.kinds.shared.policy_spec import Policy
from reconciler.kinds.shared.provisioning_blueprint import TABLE
from reconciler.kinds.shared.thing_group_spec import ThingGroup
from reconciler.kinds.shared.thing_spec import Thing
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.interning import Interner
from reconciler.model.plan import Plan
from reconciler.model.resource import Desired, Lifecycle, Origin, Resource

MARKED = frozenset({"things", "certificates", TABLE})
"""The kinds that bear marks."""

_ORIGIN = Origin("[workspace]", 1)


def is_group(workspace: str, address: Address) -> bool:
    """Whether the address is the workspace's group, which has its lease, and so comes first and goes last."""
    return address == _group(workspace)


def is_mark(workspace: str, address: Address) -> bool:
    """Whether the address is one of the workspace's own marks."""
    return address in {_group(workspace), _guard(workspace), _policy(workspace)}


def with_marks(workspace: str, resources: Desired) -> Desired:
    """The resources and what marks them as the workspace's.

    That is its group, the thing that holds loose certificates, and the policy of those on their way out.
    """
    marked = dict(resources)
    certificates = sorted(address for address in resources if address.kind == "certificates")
    used = {
        name
        for address, found in resources.items()
        if address.kind == "things"
        for name in found.spec.certificates
    }
    loose = [address for address in certificates if address.name not in used]
    if loose:
        holder = _holder(workspace)
        spec = Thing(certificates=tuple(address.name for address in loose))
        marked[holder] = Resource(holder, spec, frozenset(loose), origin=_ORIGIN, is_ownership_marker=True)
    guarded = _protecting(marked)
    marked |= guarded
    marks: list[Resource] = []
    kinds = {address.kind for address in marked}
    if marked:
        # The group's attributes are the workspace's own book-keeping, not a part of what is desired.
        group = ThingGroup(description=_described(workspace))
        kept = Lifecycle(ignore_changes=("attributes",))
        marks.append(
            Resource(_group(workspace), group, lifecycle=kept, origin=_ORIGIN, is_ownership_marker=True)
        )
    if guarded:
        what = f"The things that the reconciler workspace {workspace} must not destroy."
        guard = Resource(
            _guard(workspace), ThingGroup(description=what), origin=_ORIGIN, is_ownership_marker=True
        )
        marks.append(guard)
    if kinds & {"certificates", TABLE}:
        marks.append(Resource(_policy(workspace), Policy(DENY_ALL), origin=_ORIGIN, is_ownership_marker=True))
    needs, shared = frozenset(mark.address for mark in marks), Interner()
    for address, found in marked.items():
        if address.kind in MARKED:
            beside = frozenset() if address in guarded else {_guard(workspace)}
            marked[address] = evolve(found, ownership_markers=shared(needs - beside))
    return dict(sorted((marked | {mark.address: mark for mark in marks}).items()))


def group_call(workspace: str, attributes: Mapping[str, str]) -> ApiCall:
    """The workspace's group as an apply makes it that is the first to be here, with attributes."""
    name = workspace_group_name(workspace)
    properties = {
        "thingGroupDescription": _described(workspace),
        "attributePayload": {"attributes": dict(attributes), "merge": False},
    }
    marks = tags.to_tag_list(tags.with_ownership_tags(Resource(_group(workspace), ThingGroup()), workspace))
    params = {"thingGroupName": name, "thingGroupProperties": properties, "tags": marks}
    return ApiCall("iot", "CreateThingGroup", params, idempotent=True)


def _described(workspace: str) -> str:
    return f"The things that the reconciler workspace {workspace} owns."


def mark_names(workspace: str) -> frozenset[str]:
    """The names that the marks have wherever something refers to them."""
    return frozenset({_group(workspace).name, _guard(workspace).name, _policy(workspace).name})


def mark_of_any(name: str) -> bool:
    """Whether a name is one of those by which workspaces, this one or others, mark what they own."""
    return name.startswith(workspace_group_name(""))


def reserved(workspace: str) -> frozenset[Address]:
    """The addresses that the workspace may come to add by itself."""
    return frozenset({_group(workspace), _guard(workspace), _policy(workspace), _holder(workspace)})


def _protecting(resources: Desired) -> dict[Address, Resource]:
    """The things that must not be destroyed: those that say so, and those with a certificate that says so.

    A certificate bears no mark, so it is protected through the things that have it.
    """
    kept = {
        a.name
        for a, found in resources.items()
        if a.kind == "certificates" and found.lifecycle.prevent_destroy
    }
    return {
        address: evolve(found, lifecycle=evolve(found.lifecycle, prevent_destroy=True))
        for address, found in resources.items()
        if (address.kind in {"things", TABLE} and found.lifecycle.prevent_destroy)
        or (address.kind == "things" and not kept.isdisjoint(found.spec.certificates))
    }


def unchanged_marks(plan: Plan, resources: Desired) -> int:
    """How many of the resources that a plan leaves unchanged are the workspace's own marks, not the file's.

    Of a plan for a selection none are: they are no part of what is counted.
    """
    if plan.options.is_partial:
        return 0
    changed = {step.address for step in plan.steps}
    marked = with_marks(plan.workspace, resources)
    kept = sum(found.is_ownership_marker and address not in changed for address, found in marked.items())
    return min(kept, plan.unchanged)


def _holder(workspace: str) -> Address:
    return Address("things", f"{workspace_group_name(workspace)}-unattached")


def _group(workspace: str) -> Address:
    return Address("thing_groups", workspace_group_name(workspace))


def _guard(workspace: str) -> Address:
    return Address("thing_groups", protected_group_name(workspace))


def _policy(workspace: str) -> Address:
    return Address("policies", retired_policy_name(workspace))
