"""The base class of kinds: what each of them declares, and the hooks that it answers.

A kind has to answer `identity`, `read`, `create`, `update`, `delete` and `forget`; most also answer `check`, and
`effective` where AWS reports a resource otherwise than the file has it. The other hooks have defaults that suit most kinds:

| Hook | Asked | Default |
| --- | --- | --- |
| `evaluate` | while loading: what has to be worked out of this resource and the rest of the file, once? | nothing |
| `aws_identities` | while loading: do two resources of the file describe the same one of AWS's? | its `identity` |
| `to_desired_spec` | by an export: how would a file describe this live resource? | as it was read |
| `pair_unmatched` | after a read: which live resources, matched by no identity, are desired ones under another id? | by `declared_name` |
| `forces_replacement` | for each difference: can only a replacement bring the field to its new value? | what the field's `on_change` declares |
| `is_interrupted_create` | for an unmanaged resource: did an apply that died before marking it create it? | no |
| `plan_errors` | for each change: why must the plan be rejected? | no reason |
| `plan_warnings` | for each change: what should the user know before applying it? | nothing |
| `plan_notes` | for each live resource: what should the plan note about it? | nothing |
| `exempt_from_limits` | for each change: did an earlier plan count it already? | no |
| `counts_as_replacement` | for each update: does it count as a replacement for the limits? | no |
| `is_rotation` | by an apply in waves: does the change give a device another certificate? | no |
| `hidden_holders` | for each deletion: whose steps must release it first, although no spec refers to it? | none |
| `survives_replacement` | for each replacement: does the old resource stay for a while? | no |
| `replace` | for each replacement | an error: no field forces one |
| `also_modifies` | for each step: which other live resources do its calls change or delete? | none |
| `precondition` | before each step: what must be as the plan saw it? | all compared fields and the owner |
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from attrs import frozen

from reconciler.kinds.base.context import PlanContext, Read, Response, Scope
from reconciler.kinds.base.schema import Member, members
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.evaluation import Evaluation
from reconciler.model.resource import Desired, Live, Resource


@frozen
class Listing:
    """How AWS lists all resources of a kind.

    `items` is the response member with them, `id_key` the member of each item that has its id, empty where the items
    are ids; `arn_key` is the member that has its ARN, where there is one.
    """

    operation: str
    items: str
    id_key: str
    arn_key: str = ""

    def ids(self, response: Response) -> Iterator[str]:
        """Return the ids in a response."""
        for item in response.get(self.items, ()):
            yield item[self.id_key] if self.id_key else item


@frozen
class Operations:
    """Every API operation that a kind sends, by purpose: what IAM has to allow, and what tests hold it to.

    `read` has those that verify a call with a lost response, too.
    """

    read: tuple[str, ...]
    create: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()


@frozen
class OwnedThrough:
    """The table and the field of the resources through which a kind is owned."""

    table: str
    field: str


class Kind(ABC):
    """One AWS noun. Subclasses set the class variables and answer the hooks; they hold no state."""

    table: ClassVar[str]
    """The table in the file, which is the first part of addresses: `things`."""
    noun: ClassVar[str]
    """AWS's noun: `thing`."""
    service: ClassVar[str] = "iot"
    spec_class: ClassVar[type]
    """An attrs class whose fields are declared with `member`."""
    operations: ClassVar[Operations]
    """Every operation that the kind sends."""
    name_api: ClassVar[str | None] = None
    """The request member that the resource's name becomes, if any; its limits are the name's."""
    id_member: ClassVar[str | None] = None
    """The response member that has the id of a new resource, where only AWS can assign it."""
    orphan_name_pattern: ClassVar[re.Pattern[str] | None] = None
    """The form of the names of resources that are not in the file, where the registry does not remember names."""
    listing: ClassVar[Listing | None] = None
    """How AWS lists all of the account's resources, where unmanaged ones can be imported."""
    write_operations: ClassVar[tuple[str, ...]] = ()
    """The operations that create and change a resource; their members are what the fields become."""
    derived_members: ClassVar[Mapping[str, str]] = {}
    """Members of the write operations that no field names as its `api`, and where their values come from."""
    unsupported_members: ClassVar[Mapping[str, str]] = {}
    """Members of the write operations that the file cannot set, and why."""
    composed_of: ClassVar[frozenset[str]] = frozenset()
    """The kinds as which a resource is read and deleted once it is removed from the file; empty for most."""
    has_ownership_markers: ClassVar[bool] = True
    """Whether the registry remembers the owner and `prevent_destroy` of each resource by itself."""
    owned_through: ClassVar[OwnedThrough | None] = None
    """The resources that own one of this kind by referring to it, where it has no ownership markers."""
    used_by_table: ClassVar[str | None] = None
    """The table of the resources in `Live.used_by`, where the kind reads them."""
    create_succeeds_if_exists: ClassVar[bool] = False
    """Whether AWS lets a creation succeed where the resource exists, so that it has to be read before."""
    creates_after_deletes: ClassVar[bool] = False
    """Whether a creation may need what only the deletion of another resource of the kind releases."""
    deletion_blockers: ClassVar[frozenset[str] | None] = None
    """The kinds whose references keep AWS from deleting a resource; None for all that refer to it."""
    shares_names_with: ClassVar[frozenset[str]] = frozenset()
    """The other kinds whose names AWS keeps in the same list."""
    reads_after: ClassVar[frozenset[str]] = frozenset()
    """The kinds whose read resources this kind's read looks at."""

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """The fields of the spec class, by name."""
        return members(self.spec_class)

    def referenced_tables(self) -> set[str]:
        """Return the tables that the kind's fields refer to, its own aside."""
        return {member.references for member in self.members.values() if member.references} - {self.table}

    # ── what a resource is ──────────────────────────────────────────────────────────────────────

    def evaluate(self, resource: Resource, desired: Desired) -> Evaluation | None:
        """Return what is worked out once, when the file is loaded; it becomes the resource's `evaluation`."""
        return None

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return what is wrong or doubtful with one resource, beyond types and AWS's limits on values."""
        return ()

    def effective(self, resource: Resource, scope: Scope) -> Any:
        """Return the spec as AWS would report it after an apply, with all defaults.

        It may have another class than the file's spec; `read` then returns specs of that class, too.
        """
        return resource.spec

    @abstractmethod
    def identity(self, resource: Resource) -> str | None:
        """Return AWS's id of the resource, or None where only AWS can assign it."""

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:
        """Return what the resource is in AWS, as tables and ids.

        No two resources of a file may have one in common.
        """
        identity = self.identity(resource)
        return ((self.table, identity),) if identity is not None else ()

    def to_desired_spec(self, spec: Any, desired: Desired) -> Any:
        """Return the spec that a file with the resources `desired` would have for a live spec."""
        return spec

    # ── reading and comparing ───────────────────────────────────────────────────────────────────

    @abstractmethod
    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Return all live resources that are desired or that the workspace owns.

        References in their specs are AWS's ids (`External`); the engine replaces them with names.
        """

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Return the names of the desired resources that live ones of another identity are, by live identity.

        `missing` are desired and were not found by identity, `spare` are live and not desired. A paired resource is
        updated or replaced, not deleted and created.
        """
        names = {resource.address.name for resource in missing}
        pairs: dict[str, str] = {}
        for live in spare:
            name = scope.current_name(self.table, live.declared_name)
            if name and name in names:
                pairs[live.identity] = name
        return pairs

    def forces_replacement(self, name: str, after: Any) -> bool:
        """Return whether only a replacement can bring the field to the value `after`."""
        return name in self.members and self.members[name].on_change == "replaces"

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Return whether an apply that died before it marked the unmanaged resource created it."""
        return False

    # ── what a plan reports of a change ────────────────────────────────────────────────────────────

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the reasons to reject a plan with this change."""
        return ()

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Return what the user should know before the change is applied."""
        return ()

    def plan_notes(self, live: Live) -> Iterable[str]:
        """Return what a plan should note about a live resource."""
        return ()

    def exempt_from_limits(self, change: Change) -> bool:
        """Return whether the change completes what an earlier plan counted against the workspace's limits."""
        return False

    def counts_as_replacement(self, change: Update) -> bool:
        """Return whether limits count the update as a replacement.

        It is one where a part of the resource is deleted and created.
        """
        return False

    def is_rotation(self, change: Change) -> bool:
        """Return whether the change gives a device another certificate; an apply in waves spreads those out."""
        return False

    def hidden_holders(self, change: Delete, context: PlanContext) -> Iterable[Address]:
        """Return the resources whose steps must release this one first, although no spec refers to it."""
        return ()

    def survives_replacement(self, change: Replace) -> bool:
        """Return whether the live resource stays for a while after its replacement is created."""
        return False

    # ── calls ───────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that create the resource."""

    @abstractmethod
    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that change the resource in place."""

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that put a new resource in the place of the live one."""
        raise NotImplementedError(f"internal error: {change.address} has no field that forces a replacement")

    @abstractmethod
    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that delete the resource, with what AWS requires before that."""

    @abstractmethod
    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that remove the workspace's ownership markers and leave everything else as it is."""

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the other live resources that the change's calls modify or delete.

        Those that another step modifies first are not among them.
        """
        return ()

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return what a step relies on, by path: the compared fields and the owner.

        `deletes` is whether the step deletes the resource.
        """
        fields = {
            name: getattr(live.spec, name)
            for name, member in members(type(live.spec)).items()
            if member.on_change != "create_only"
        }
        markers = {PREVENT_DESTROY_PATH: live.prevent_destroy} if self.has_ownership_markers else {}
        return {"workspace": live.owner, **markers, **fields}
