"""The arguments of a kind's reads and calls: the scope of a read, and the context of a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from reconciler.frozen_classes import field, frozen
from reconciler.kinds.base.references import find_references, find_users
from reconciler.kinds.base.workspace_groups import find_group_workspace
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Batch, Ref
from reconciler.model.change import Change, Delete, Replace, Update
from reconciler.model.plan import Target
from reconciler.model.resource import Desired, External, Inventory, Live, Reference, Resource
from reconciler.model.secret import Secret, SecretDigest

if TYPE_CHECKING:
    from reconciler.model.run import RunCall

T = TypeVar("T")

Response: TypeAlias = Mapping[str, Any]
"""One of AWS's responses: its members by name."""

Read: TypeAlias = Generator[Batch, Sequence[Response], T]
"""A read, as a generator: it yields batches of calls (the calls of one batch may run concurrently), receives the responses
of each batch in the order of its calls, and returns what it read. It sends nothing itself.

    def read_descriptions(names: Sequence[str]) -> Read[list[str]]:
        responses = yield [ApiCall("iot", "DescribeThingGroup", {"thingGroupName": name}) for name in names]
        return [response["thingGroupProperties"]["thingGroupDescription"] for response in responses]

Another read can use it with `descriptions = yield from read_descriptions(names)`.
"""


@frozen(slots=False)
class Scope:
    """The coverage of a read, and the data that it may use.

    - `desired`: the desired resources, or only those that matter for the read if few resources are read again;
    - `live_by_kind`: the live resources of the kinds in the `reads_after` of the kind that is read; of all kinds after all reads;
    - `now`: seconds since 1970;
    - `previous_states`: the identities to read, each with its live resource at the previous read, or None if it did not
      exist then or was not read; without `previous_states`, everything is read;
    - `is_destroy`: whether everything that the workspace owns will be deleted, desired or not;
    - `moved`: the new address of each moved resource, by its former address;
    - `secret_attributes`: the names of the thing attributes for which the file has secret values, in any of its resources,
      so also in those that `desired` leaves out;
    - `unanswered_calls`: calls of ended runs of the workspace whose responses were not recorded;
    - `reread_pages`: the tables whose resources a re-read lists, and the number of pages, as `Basis` defines them;
    - `may_remember`: whether the principals of things may be those that an earlier run read.
    """

    workspace: str
    desired: Desired
    live_by_kind: Mapping[str, Sequence[Live]] = field(factory=dict)
    now: float = 0.0
    previous_states: Mapping[str, Live | None] | None = None
    is_destroy: bool = False
    moved: Mapping[Address, Address] = field(factory=dict)
    secret_attributes: frozenset[str] = frozenset()
    unanswered_calls: Sequence[RunCall] = ()
    reread_pages: Mapping[str, int] = field(factory=dict)
    may_remember: bool = False

    @cached_property
    def _desired_by_kind(self) -> Mapping[str, Sequence[Resource]]:
        resources: defaultdict[str, list[Resource]] = defaultdict(list)
        for address, resource in self.desired.items():
            resources[address.kind].append(resource)
        return resources

    def iterate_resources(self, kind: str) -> Iterator[Resource]:
        """Iterate over the desired resources of one kind."""
        return iter(self._desired_by_kind.get(kind, ()))

    def get_live(self, kind: str) -> Sequence[Live]:
        """Return the live resources of a kind that is in the `reads_after` of the kind that is read."""
        return self.live_by_kind.get(kind, ())

    def includes(self, identity: str) -> bool:
        """Return whether the read covers this identity."""
        return self.previous_states is None or identity in self.previous_states

    def find_current_name(self, kind: str, name: str | None) -> str | None:
        """Return the name that a resource has in the file now, if it was applied under `name`.

        Returns None if `name` is None or empty.
        """
        return self.moved.get(Address(kind, name), Address(kind, name)).name if name else None


CallKey: TypeAlias = tuple[str, str, tuple[tuple[str, Any], ...]]
"""A call's service, operation and sorted parameters."""


def build_call_key(call: ApiCall) -> CallKey:
    """Return the key under which the response to a call that reads one resource is kept."""
    return call.service, call.operation, tuple(sorted(call.params.items()))


@frozen
class OutsideReads:
    """Results of a refresh about resources that are not in the inventory.

    - `listed_ids`: the IDs of all resources in the account, by table, for the kinds whose listings were read to the end;
    - `responses`: the responses to the calls of the kinds' `kept_operations`.
    """

    listed_ids: Mapping[str, AbstractSet[str]] = field(factory=dict)
    responses: Mapping[CallKey, Response] = field(factory=dict)

    def is_listed(self, table: str, identity: str) -> bool | None:
        """Return whether a resource exists, or None if no complete listing shows it."""
        ids = self.listed_ids.get(table)
        return None if ids is None else identity in ids

    def iterate_responses(self, operation: str) -> Iterator[Response]:
        """Yield the kept responses to the calls of an operation."""
        for (_, kept_operation, _), response in self.responses.items():
            if kept_operation == operation:
                yield response


@frozen(slots=False)
class PlanContext:
    """The data that a kind may use when it checks a change or turns it into calls.

    - `desired`: the desired resources, with specs as AWS would report them, and the live values of fields that they ignore;
    - `declared`: the same resources, with specs as the file has them;
    - `identities`: AWS's ID of each resource whose ID is known before the apply;
    - `id_members`: for each table whose IDs AWS assigns, the response member that contains a new resource's ID;
    - `changes`: all changes of the plan;
    - `outside`: what the refresh read of resources that are not in `live`;
    - `destroys_all`: whether the plan deletes everything that the workspace owns.
    """

    workspace: str
    target: Target
    desired: Desired
    live: Inventory
    identities: Mapping[Address, str]
    changes: Mapping[Address, Change] = field(factory=dict)
    declared: Desired = field(factory=dict)
    id_members: Mapping[str, str] = field(factory=dict)
    outside: OutsideReads = OutsideReads()
    destroys_all: bool = False

    @cached_property
    def deleted_resources(self) -> Mapping[tuple[str, str], Address]:
        """The address of each resource that the plan deletes, by table and AWS ID.

        A replacement that changes an ID such as that of a package version deletes the old one.
        """
        return {
            (address.kind, change.live.identity): address
            for address, change in self.changes.items()
            if isinstance(change, Delete) or (isinstance(change, Replace) and self._gets_another_id(change))
        }

    def _gets_another_id(self, change: Replace) -> bool:
        """Return whether the file changes the ID of a replaced resource; not whether AWS assigns another one."""
        identity = self.identities.get(change.address)
        is_assigned = change.address.kind in self.id_members
        return identity is not None and not is_assigned and identity != change.live.identity

    @cached_property
    def managed_policies(self) -> frozenset[str]:
        """The names of the policies that the workspace manages."""
        return frozenset(live.identity for address, live in self.live.items() if address.kind == "policies")

    @cached_property
    def managed_groups(self) -> frozenset[str]:
        """The names of the static thing groups that the workspace manages, its own ones included."""
        return frozenset(
            live.identity for address, live in self.live.items() if address.kind == "thing_groups"
        )

    @cached_property
    def other_workspace_groups(self) -> Sequence[str]:
        """The names of the groups with the things of other workspaces, if all groups were listed."""
        groups = self.outside.listed_ids.get("thing_groups", ())
        return sorted(group for group in groups if find_group_workspace(group) not in {None, self.workspace})

    @cached_property
    def kept_secrets(self) -> Mapping[Address, Sequence[SecretDigest]]:
        """The hashes of live secrets that `ignore_changes` keeps although the file has other ones."""
        kept: defaultdict[Address, list[SecretDigest]] = defaultdict(list)
        for address, resource in self.declared.items():
            names = resource.lifecycle.ignore_changes
            live = self.live.get(address) if names else None
            if live is None or isinstance(self.changes.get(address), Delete | Replace):
                continue
            for name in names:
                digest, secret = getattr(live.spec, name, None), getattr(resource.spec, name, None)
                if isinstance(digest, SecretDigest) and isinstance(secret, Secret):
                    kept[address] += [] if digest.matches(secret) else [digest]
        return kept

    @cached_property
    def desired_users(self) -> Mapping[Address, Sequence[Address]]:
        """The desired resources that refer to an address, by that address."""
        return find_users(self.desired)

    @cached_property
    def live_users(self) -> Mapping[Address, Sequence[Address]]:
        """The live resources that refer to an address, by that address."""
        return find_users(self.live)

    @cached_property
    def thing_names(self) -> frozenset[str]:
        """The names of all things that are in the file or that the workspace manages."""
        names = (self.find_thing_name(address) for address in {*self.declared, *self.desired, *self.live})
        return frozenset(name for name in names if name)

    def find_remaining_users(self, address: Address) -> Sequence[Address]:
        """Return the live users of `address` that still refer to it after the plan is applied."""
        return [user for user in self.live_users.get(address, ()) if self.keeps_reference(user, address)]

    def keeps_reference(self, user: Address, address: Address) -> bool:
        """Return whether `user`, a live user of `address`, still refers to it after the plan is applied.

        A forgotten user counts as one that does not, although nothing removes its reference.
        """
        change = self.changes.get(user)
        if isinstance(change, Update | Replace):
            # `change.resource` also has the live references that `ignore_changes` keeps.
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
        """Return AWS's ID of a referenced resource, or a `Ref` if AWS will assign it during the apply."""
        if isinstance(reference, External):
            return reference.name
        address = Address(kind, reference)
        return self.identities.get(address) or Ref(address, self.id_members[kind])

    def resolve_certificate_arn(self, reference: Reference) -> str | Ref:
        """Return the ARN of a device certificate, or a `Ref` if AWS will issue it during the apply."""
        identity = self.resolve_identity("certificates", reference)
        if isinstance(identity, Ref):
            return Ref(identity.address, "certificateArn")
        return self.build_arn(f"cert/{identity}")

    def find_thing_name(self, address: Address) -> str | None:
        """Return the name of a thing or of a provisioned thing's thing; None for other kinds."""
        if address.kind == "things":
            return address.name
        resource = self.live.get(address) or self.desired.get(address)
        name: str | None = getattr(resource.spec, "thing_name", None) if resource else None
        return name
