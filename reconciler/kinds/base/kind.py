"""What every kind can do, and what it is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

from attrs import field, frozen

from reconciler.kinds.base.references import find_users
from reconciler.kinds.base.schema import Member, members
from reconciler.model.address import Address
from reconciler.model.call import ApiCall, Batch, Ref
from reconciler.model.change import PROTECTION, Change, Create, Delete, Forget, Replace, Update
from reconciler.model.plan import Target
from reconciler.model.resource import Desired, External, Inventory, Live, Reference, Resource

OWNER_TAG = "reconciler:workspace"
NAME_TAG = "reconciler:name"
PROTECTED_TAG = "reconciler:prevent-destroy"

Reading: TypeAlias = Generator[Batch, Sequence[Mapping[str, Any]], Sequence[Live]]
"""A kind's reading of the registry: it yields calls that may run at once, is sent their answers, and returns what is
there. References in what it returns are AWS's ids (`External`); names are put in their place afterwards."""


@frozen
class Complaint:
    """Something wrong, or doubtful, with one resource's meaning. `field` is dotted, inside the resource's table."""

    field: str | None
    problem: str
    expected: str | None = None
    severity: str = "error"


@frozen
class Listing:
    """The operation that lists all of a kind, the member with them, and AWS's id in each; empty where they are ids."""

    operation: str
    items: str
    key: str

    def ids(self, answer: Mapping[str, Any]) -> Iterator[str]:
        """The ids in an answer."""
        for item in answer.get(self.items, ()):
            yield item[self.key] if self.key else item


@frozen(slots=False)
class Scope:
    """What a reading may look at: the whole desired state, what was read of the kinds that it `reads_after`, the time.

    `only` are what is read by itself, with nothing of other kinds: by identity, and as it was seen before where it was;
    None where all is read.
    `destroying` says that all is to go, whatever the file wants.
    `moved` are names that the file no longer has, and what they are called now.
    """

    workspace: str
    desired: Desired
    live_by_kind: Mapping[str, Sequence[Live]] = field(factory=dict)
    now: float = 0.0
    previous_states: Mapping[str, Live | None] | None = None
    destroying: bool = False
    moved: Mapping[Address, Address] = field(factory=dict)

    @cached_property
    def _by_kind(self) -> Mapping[str, Sequence[Resource]]:
        found: defaultdict[str, list[Resource]] = defaultdict(list)
        for address, resource in self.desired.items():
            found[address.kind].append(resource)
        return found

    def resources_of(self, kind: str) -> Iterator[Resource]:
        """The desired resources of one kind."""
        return iter(self._by_kind.get(kind, ()))

    def includes(self, identity: str) -> bool:
        """Whether the reading is about it, as far as `only` says."""
        return self.previous_states is None or identity in self.previous_states

    def current_name(self, kind: str, name: str | None) -> str | None:
        """What the file calls now what a tag says that it is called."""
        return self.moved.get(Address(kind, name), Address(kind, name)).name if name else None


@frozen(slots=False)
class PlanContext:
    """What a kind may look at when it turns a change into calls.

    `changes` are all of the plan's; `declared` are the resources as the file has them.
    """

    workspace: str
    target: Target
    desired: Desired
    live: Inventory
    identities: Mapping[Address, str]
    changes: Mapping[Address, Change] = field(factory=dict)
    declared: Desired = field(factory=dict)

    @cached_property
    def desired_users(self) -> Mapping[Address, Sequence[Address]]:
        """Who refers to an address in the file."""
        return find_users(self.desired)

    @cached_property
    def live_users(self) -> Mapping[Address, Sequence[Address]]:
        """Who refers to an address in the registry."""
        return find_users(self.live)

    def resolve_certificate_arn(self, reference: Reference) -> str | Ref:
        """The ARN of a device certificate; a `Ref` where AWS has yet to issue it."""
        identity = self.resolve_identity("certificates", reference)
        return (
            Ref(identity.address, "certificateArn")
            if isinstance(identity, Ref)
            else self.build_arn(f"cert/{identity}")
        )

    def thing_name(self, user: Address) -> str | None:
        """The name of the thing that a resource is, or that a template makes of it; None where it is no thing."""
        if user.kind == "things":
            return user.name
        found = self.live.get(user) or self.desired.get(user)
        name: str | None = getattr(found.spec, "thing_name", None) if found else None
        return name

    @cached_property
    def replaced_kinds(self) -> frozenset[str]:
        """The kinds of which something is replaced."""
        return frozenset(
            address.kind for address, change in self.changes.items() if isinstance(change, Replace)
        )

    def build_arn(self, resource: str, service: str = "iot") -> str:
        """The ARN of `cert/…`, `thing/…` and the like in this target."""
        return f"arn:{self.target.partition}:{service}:{self.target.region}:{self.target.account}:{resource}"

    def resolve_identity(self, kind: str, reference: Reference) -> str | Ref:
        """AWS's id of what is referred to; a `Ref` where only AWS can assign it and has not yet."""
        if isinstance(reference, External):
            return reference.id.rpartition("/")[2]
        address = Address(kind, reference)
        return self.identities.get(address) or Ref(address, "Id")


class Kind(ABC):
    """One AWS noun. Subclasses set the class variables and say how; they hold no state."""

    table: ClassVar[str]
    """The table in the file, and the first part of its addresses: `things`."""
    noun: ClassVar[str]
    """What AWS calls one of it: `thing`."""
    service: ClassVar[str] = "iot"
    spec_class: ClassVar[type]
    """An attrs class whose fields are declared with `member`."""
    name_api: ClassVar[str | None] = None
    """The request member that the resource's name becomes, where it does: its limits hold for the name."""
    write_operations: ClassVar[tuple[str, ...]] = ()
    """The operations that create it and change it; their members are what the fields become."""
    derived_members: ClassVar[Mapping[str, str]] = {}
    """Members of those operations that no field names as its `api`, and what they are made of."""
    listing: ClassVar[Listing | None] = None
    """How AWS lists all of the account's, where those that bear no mark can be taken over."""
    unsupported_members: ClassVar[Mapping[str, str]] = {}
    """Members of those operations that the file cannot say, and why."""
    is_composite: ClassVar[bool] = False
    """Whether what is no longer in the file is read, and deleted, as the resources of other kinds that it is made of."""
    has_ownership_markers: ClassVar[bool] = True
    """Whether the registry can tell of one by itself whose it is, and that it must not be destroyed."""
    create_succeeds_if_exists: ClassVar[bool] = False
    """Whether AWS answers a creation with success where there is one already, so that it has to be asked before."""
    creates_after_deletes: ClassVar[bool] = False
    """Whether a new one may need what only the deletion of another sets free."""
    deletion_blockers: ClassVar[frozenset[str] | None] = None
    """The kinds that must let go of one before AWS removes it; None where that is all that refer to it, as far as known."""
    shares_names_with: ClassVar[frozenset[str]] = frozenset()
    """The other kinds that AWS keeps in the same list of names."""
    reads_after: ClassVar[frozenset[str]] = frozenset()
    """The kinds whose reading this one's looks at."""

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """The spec class's fields by name."""
        return members(self.spec_class)

    def referenced_tables(self) -> set[str]:
        """The tables that this kind's references name."""
        return {found.references for found in self.members.values() if found.references} - {self.table}

    def check(self, resource: Resource, desired: Desired) -> Iterable[Complaint]:  # noqa: ARG002 (for subclasses)
        """What is wrong with the meaning of one resource, beyond types and AWS's limits."""
        return ()

    def effective(self, resource: Resource, scope: Scope) -> Any:  # noqa: ARG002 (for subclasses)
        """The spec as AWS would report it once it is applied: defaults that depend on other resources filled in.

        It may be of another class than the file's; readings are then of that class, too.
        """
        return resource.spec

    @abstractmethod
    def identity(self, resource: Resource) -> str | None:
        """AWS's id of the resource, or None where only AWS can assign it."""

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:  # noqa: ARG002 (for subclasses)
        """What of AWS's a resource is, as table and id: no two resources of a file may be the same, whatever their tables."""
        identity = self.identity(resource)
        return ((self.table, identity),) if identity is not None else ()

    def to_desired_spec(self, spec: Any, desired: Desired) -> Any:  # noqa: ARG002 (for subclasses)
        """A spec as it was read, put as a file says it that has `desired` besides."""
        return spec

    @abstractmethod
    def read(self, scope: Scope) -> Reading:
        """What is there of this kind: all that is wanted by the file or bears the workspace's mark."""

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Which live resource stands for which wanted one of another identity: live identity → name in the file.

        `missing` are wanted and not found by identity, `spare` found and not wanted; what is paired is replaced or
        updated, not created beside. By default: what was tagged with the name.
        """
        names = {resource.address.name for resource in missing}
        return {
            live.identity: name
            for live in spare
            if (name := scope.current_name(self.table, live.facts.get("name"))) in names and name
        }

    def precondition(self, live: Live, *, going: bool) -> Mapping[str, Any]:  # noqa: ARG002 (for subclasses)
        """What a step relies on, by path: all that is compared, and whose it is. `going` where the step deletes it."""
        spec = {
            name: getattr(live.spec, name)
            for name, found in members(type(live.spec)).items()
            if found.on_change != "create_only"
        }
        marks = {PROTECTION: self.is_protected(live)} if self.has_ownership_markers else {}
        return {"workspace": live.owner, **marks, **spec}

    def plan_notes(self, live: Live) -> Iterable[str]:  # noqa: ARG002 (for subclasses)
        """What a plan should say about a resource that it leaves alone."""
        return ()

    def plan_warnings(self, change: Change) -> Iterable[str]:  # noqa: ARG002 (for subclasses)
        """What a plan should say about a change before it is applied."""
        return ()

    def exempt_from_limits(self, change: Change) -> bool:  # noqa: ARG002 (for subclasses)
        """Whether it ends what an earlier plan began, so that the workspace's limits have nothing to say."""
        return False

    def forces_replacement(self, name: str, after: Any) -> bool:  # noqa: ARG002 (for subclasses)
        """Whether only a replacement can bring the field to `after`."""
        return name in self.members and self.members[name].on_change == "replaces"

    def is_protected(self, live: Live) -> bool:
        """Whether it was applied with `prevent_destroy`, as the registry remembers it when the file says nothing more."""
        return PROTECTED_TAG in live.facts.get("tags", {}) or bool(live.facts.get("protected"))

    def is_interrupted_create(self, change: Update | Replace) -> bool:  # noqa: ARG002 (for subclasses)
        """Whether what is there, unmarked, is what an apply leaves that died between creating and marking."""
        return False

    def plan_errors(self, change: Change, world: PlanContext) -> Iterable[str]:  # noqa: ARG002
        """Why the change cannot be made, whatever is sent."""
        return ()

    def is_rotation(self, change: Update) -> bool:  # noqa: ARG002 (for subclasses)
        """Whether an update makes a part of it go and another one come, which limits count as a replacement."""
        return False

    def also_modifies(self, change: Change, world: PlanContext) -> Iterable[Address]:  # noqa: ARG002 (for subclasses)
        """What else the change's calls write over, or delete, which no other step sees to before."""
        return ()

    @abstractmethod
    def create(self, change: Create, world: PlanContext) -> Sequence[ApiCall]:
        """The calls that make it."""

    @abstractmethod
    def update(self, change: Update, world: PlanContext) -> Sequence[ApiCall]:
        """The calls that change it in place."""

    @abstractmethod
    def replace(self, change: Replace, world: PlanContext) -> Sequence[ApiCall]:
        """The calls that put a new one in its place."""

    @abstractmethod
    def delete(self, change: Delete, world: PlanContext) -> Sequence[ApiCall]:
        """The calls that remove it, its preconditions met first."""

    @abstractmethod
    def forget(self, change: Forget, world: PlanContext) -> Sequence[ApiCall]:
        """The calls that take the workspace's marks off and leave everything else as it is."""
