"""The arguments of a kind's reads and calls: the scope of a read, and the context of a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from attrs import field, frozen

from reconciler.kinds.base.references import find_references, find_users
from reconciler.model.address import Address
from reconciler.model.call import Batch, Ref
from reconciler.model.change import Change, Replace, Update
from reconciler.model.plan import Target
from reconciler.model.resource import Desired, External, Inventory, Live, Reference, Resource

T = TypeVar("T")

Response: TypeAlias = Mapping[str, Any]
"""The members of one of AWS's responses."""

Read: TypeAlias = Generator[Batch, Sequence[Response], T]
"""A read that sends nothing itself: it yields batches of calls that may run concurrently, is sent their responses in the
same order, and returns what it read.

    def read_descriptions(names: Sequence[str]) -> Read[list[str]]:
        responses = yield [ApiCall("iot", "DescribeThingGroup", {"thingGroupName": name}) for name in names]
        return [response["thingGroupProperties"]["thingGroupDescription"] for response in responses]

Another read uses it with `descriptions = yield from read_descriptions(names)`.
"""


@frozen(slots=False)
class Scope:
    """The coverage of a read, and the data that it may use.

    `live_by_kind` is what was read of the kinds that this one `reads_after`; `now` is in seconds since 1970.
    `previous_states` limits the read to these identities, each with its state at the previous read, or None where there
    was none; without it everything is read. `is_destroy` is whether everything will be deleted, desired or not.
    `moved` maps addresses that the file no longer has to their new ones. `secret_attributes` are the names of the thing
    attributes that the whole file fills with secrets, those of resources that `desired` leaves out included.
    """

    workspace: str
    desired: Desired
    live_by_kind: Mapping[str, Sequence[Live]] = field(factory=dict)
    now: float = 0.0
    previous_states: Mapping[str, Live | None] | None = None
    is_destroy: bool = False
    moved: Mapping[Address, Address] = field(factory=dict)
    secret_attributes: frozenset[str] = frozenset()

    @cached_property
    def _desired_by_kind(self) -> Mapping[str, Sequence[Resource]]:
        resources: defaultdict[str, list[Resource]] = defaultdict(list)
        for address, resource in self.desired.items():
            resources[address.kind].append(resource)
        return resources

    def resources_of(self, kind: str) -> Iterator[Resource]:
        """Return the desired resources of one kind."""
        return iter(self._desired_by_kind.get(kind, ()))

    def live_of(self, kind: str) -> Sequence[Live]:
        """Return what was read of a kind that this one `reads_after`."""
        return self.live_by_kind.get(kind, ())

    def includes(self, identity: str) -> bool:
        """Return whether the read is about this identity."""
        return self.previous_states is None or identity in self.previous_states

    def current_name(self, kind: str, name: str | None) -> str | None:
        """Return the name that the file now has for the resource it once called `name`."""
        return self.moved.get(Address(kind, name), Address(kind, name)).name if name else None


@frozen(slots=False)
class PlanContext:
    """The data that a kind may use when it turns a change into calls.

    `desired` has the resources as AWS would report them, `declared` as the file has them. `identities` are AWS's ids as
    far as they are known, `id_members` the response members that have the others, by table. `changes` are the whole
    plan's.
    """

    workspace: str
    target: Target
    desired: Desired
    live: Inventory
    identities: Mapping[Address, str]
    changes: Mapping[Address, Change] = field(factory=dict)
    declared: Desired = field(factory=dict)
    id_members: Mapping[str, str] = field(factory=dict)

    @cached_property
    def desired_users(self) -> Mapping[Address, Sequence[Address]]:
        """The desired resources that refer to an address."""
        return find_users(self.desired)

    @cached_property
    def live_users(self) -> Mapping[Address, Sequence[Address]]:
        """The live resources that refer to an address."""
        return find_users(self.live)

    def keepers(self, address: Address) -> Sequence[Address]:
        """Return the live resources that still refer to `address` once the plan is applied."""
        return [user for user in self.live_users.get(address, ()) if self.keeps(user, address)]

    def keeps(self, user: Address, address: Address) -> bool:
        """Return whether a live resource that refers to `address` still does once the plan is applied."""
        change = self.changes.get(user)
        if isinstance(change, Update | Replace):  # what a resource ignores stays in its spec
            return address in find_references(change.resource.spec)
        return change is None

    @cached_property
    def replaced_kinds(self) -> frozenset[str]:
        """The kinds of the resources that the plan replaces."""
        return frozenset(
            address.kind for address, change in self.changes.items() if isinstance(change, Replace)
        )

    def build_arn(self, resource: str, service: str = "iot") -> str:
        """Return the ARN of `cert/…`, `thing/…` and the like in the plan's account and Region."""
        return f"arn:{self.target.partition}:{service}:{self.target.region}:{self.target.account}:{resource}"

    def resolve_identity(self, kind: str, reference: Reference) -> str | Ref:
        """Return AWS's id of a referenced resource, or a `Ref` where only AWS can assign it and has not yet."""
        if isinstance(reference, External):
            return reference.name
        address = Address(kind, reference)
        return self.identities.get(address) or Ref(address, self.id_members[kind])

    def resolve_certificate_arn(self, reference: Reference) -> str | Ref:
        """Return the ARN of a device certificate, or a `Ref` where AWS has yet to issue it."""
        identity = self.resolve_identity("certificates", reference)
        if isinstance(identity, Ref):
            return Ref(identity.address, "certificateArn")
        return self.build_arn(f"cert/{identity}")

    def thing_name(self, address: Address) -> str | None:
        """Return the name of the thing that a resource is, or that its template creates; None for other kinds."""
        if address.kind == "things":
            return address.name
        resource = self.live.get(address) or self.desired.get(address)
        name: str | None = getattr(resource.spec, "thing_name", None) if resource else None
        return name
