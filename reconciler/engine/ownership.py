"""What a workspace adds to the file by itself, so that the registry tells what it owns.

Things and device certificates carry no tags. So the workspace's things are members of its own static group, and its
certificates are attached to its things; those that no thing uses are attached to one made for them.
"""

from __future__ import annotations

from attrs import evolve

from reconciler.kinds.thing_groups import ThingGroup
from reconciler.kinds.things import Thing, workspace_group
from reconciler.model.address import Address
from reconciler.model.resource import Desired, Lifecycle, Origin, Resource


def with_marks(workspace: str, resources: Desired) -> Desired:
    """The resources and what marks them as the workspace's: its group, and the thing that holds loose certificates."""
    marked = dict(resources)
    used = {
        name
        for address, found in resources.items()
        if address.kind == "things"
        for name in found.spec.certificates
    }
    loose = [
        address
        for address in sorted(resources)
        if address.kind == "certificates" and address.name not in used
    ]
    origin = Origin("[workspace]", 1)
    if loose:
        holder = Address("things", f"{workspace_group(workspace)}-unattached")
        spec = Thing(certificates=tuple(address.name for address in loose))
        marked[holder] = Resource(holder, spec, frozenset(loose), origin=origin, implied=True)
    if any(address.kind == "things" for address in marked):
        group = Address("thing_groups", workspace_group(workspace))
        for address, found in list(marked.items()):
            if address.kind == "things":
                marked[address] = evolve(found, needs=found.needs | {group})
        # The group's attributes are the workspace's own book-keeping, not a part of what is desired.
        spec_group = ThingGroup(description=f"The things that the reconciler workspace {workspace} owns.")
        kept = Lifecycle(ignore_changes=("attributes",))
        marked[group] = Resource(group, spec_group, lifecycle=kept, origin=origin, implied=True)
    return dict(sorted(marked.items()))
