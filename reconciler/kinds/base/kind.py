"""The base class of kinds: their declarations and their hooks.

A kind has to implement `identity`, `read`, `create`, `update`, `delete` and `forget`. Most kinds also implement `check`, and
`compute_effective_spec` if AWS reports a resource differently than the file declares it. The other hooks have defaults that
suit most kinds:

| Hook | Called | Default |
| --- | --- | --- |
| `evaluate` | while loading: what is derived once from this resource and the rest of the file? | nothing |
| `check_together` | while loading: what is wrong with several resources together, such as too many of them? | nothing |
| `aws_identities` | while loading: which AWS resources does a declaration describe? No two may share one. | its `identity` |
| `drop_meaningless_values` | for `ignore_changes`: what can AWS not have with the kept live values? | nothing |
| `derives_values` | while loading: may `compute_effective_spec` give fields a value that the file does not set? | if it has no default |
| `to_desired_spec` | by an export: how would a file declare this live resource? | as it was read |
| `find_export_obstacle` | by an export: why can no file declare this live resource? | one can |
| `find_undeclarable_parts` | by an export: which of its parts can no file declare? | none |
| `outputs` | by `reconciler output`: which values do other tools need? | its ID and ARN |
| `find_changed_identity` | by a reading of the change feed: which resource did a recorded call change? | by its name or ID |
| `read_status` | by `reconciler show`: what does AWS report that no file declares? | nothing |
| `pair_unmatched` | after a read: which live resources are desired ones under another ID? | by `declared_name` |
| `find_implied_dependencies` | while loading: which resources must exist before, although no field refers to them? | none |
| `forces_replacement` | for each difference: does the new value need a replacement? | the field's `on_change` |
| `is_locked` | for each difference: does the live resource keep the field from changing in place? | no |
| `is_interrupted_create` | for an unmanaged resource: may it come from an interrupted apply? | no |
| `outside_needs` | for each change: what outside the file does it need? | the references outside the file |
| `plan_errors` | for each change: why must the plan be rejected? | no reason |
| `cascades` | for each change: what does a deletion take along that the workspace does not own? | nothing |
| `plan_warnings` | for each change: what should the user know before applying it? | nothing |
| `plan_notes` | for each live resource: what should the plan note about it? | nothing |
| `exempt_from_limits` | for each change: did an earlier plan count it already? | no |
| `counts_as_replacement` | for each update: does it count as a replacement for the limits? | no |
| `is_rotation` | by an apply in waves: does the change give a device another certificate? | no |
| `hidden_holders` | for each change: whose steps must release something first, although no spec refers to it? | none |
| `is_kept_on_removal` | for each deletion: does the plan forget the resource instead? | not `is_deletable` |
| `grace_seconds` | for each replacement: for how long does the old resource stay? | not at all |
| `replace` | for each replacement | an error: no field forces one |
| `also_modifies` | for each step: which other live resources do its calls change or delete? | none |
| `precondition` | before each step: what must be as the plan saw it? | compared fields, owner, `prevent_destroy` |
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from reconciler.kinds.base.aws_limits import Limit
from reconciler.kinds.base.changed_resources import find_identity_in_members
from reconciler.kinds.base.context import PlanContext, Read, Scope
from reconciler.kinds.base.declarations import Listing, Operations, OwnedThrough
from reconciler.kinds.base.members import get_member_name
from reconciler.kinds.base.outside import Description, Need, find_reference_needs
from reconciler.kinds.base.references import find_referenced_tables
from reconciler.kinds.base.schema import Member, get_members
from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import PREVENT_DESTROY_PATH, Change, Create, Delete, Forget, Replace, Update
from reconciler.model.diagnostic import ValueProblem
from reconciler.model.evaluation import Evaluation
from reconciler.model.resource import Desired, Live, Resource


class Kind(ABC):
    """A kind of resource. Subclasses set the class variables and override hooks; they hold no state."""

    table: ClassVar[str]
    """The table in the file, and the first part of addresses: `things`; for account settings, the whole address."""
    noun: ClassVar[str]
    """The name of one resource of the kind in messages: `thing`."""
    service: ClassVar[str] = "iot"
    spec_class: ClassVar[type]
    """An attrs class whose fields are declared with `member`."""
    operations: ClassVar[Operations]
    """Every operation that the kind sends."""
    name_api: ClassVar[str | None] = None
    """The request member that the resource's name is sent as, if any; it defines the limits of names."""
    id_member: ClassVar[str | None] = None
    """The response member with the ID of a new resource, if AWS assigns IDs."""
    arn_type: ClassVar[str] = ""
    """The type in the ARNs of the resources (`thinggroup`); empty if it is the noun without spaces."""
    orphan_name_pattern: ClassVar[re.Pattern[str] | None] = None
    """The pattern of the names that plans give to resources outside the file, if the registry stores no names."""
    listing: ClassVar[Listing | None] = None
    """How AWS lists the resources of the account, if unmanaged ones can be imported."""
    description: ClassVar[Description | None] = None
    """How AWS describes one resource, if other kinds can refer to one outside the file."""
    kept_operations: ClassVar[frozenset[str]] = frozenset()
    """The operations of the kind's read whose responses are kept to check references outside the file."""
    write_operations: ClassVar[tuple[str, ...]] = ()
    """The operations that create and change a resource; the fields are sent as their members."""
    derived_members: ClassVar[Mapping[str, str]] = {}
    """By request member that is neither a field's `api` nor `name_api`: where its value comes from."""
    unsupported_members: ClassVar[Mapping[str, str]] = {}
    """Members of the write operations that the file cannot set, and why."""
    unremovable_fields: ClassVar[frozenset[str]] = frozenset()
    """The fields whose value an update can change but not remove; a removal is a replacement."""
    composed_of: ClassVar[frozenset[str]] = frozenset()
    """If the resources of this kind are composites: the kinds of their parts.

    When a composite is no longer in the file, its parts are resources of their own.
    """
    has_ownership_markers: ClassVar[bool] = True
    """Whether each resource has its own ownership markers in the registry: its owner and `prevent_destroy`."""
    owned_through: ClassVar[OwnedThrough | None] = None
    """The resources that own those of this kind by referring to them, if these have no ownership markers."""
    used_by_table: ClassVar[str | None] = None
    """The table of the resources in `Live.used_by`, if the kind reads them."""
    create_succeeds_if_exists: ClassVar[bool] = False
    """Whether a creation succeeds if the resource exists already, so that a step has to read it first."""
    creates_after_deletes: ClassVar[bool] = False
    """Whether a creation or replacement may need something that the deletion of another resource of the kind frees."""
    account_limit: ClassVar[Limit | None] = None
    """How many resources AWS allows in an account and Region, if that is fixed and creations wait for deletions."""
    deletion_blockers: ClassVar[frozenset[str] | None] = None
    """The kinds whose references keep AWS from deleting a resource; None for all kinds that refer to it."""
    users_follow_replacements: ClassVar[bool] = False
    """Whether AWS deletes no resource that others use, and lets none of them use another one instead.

    The step of a replacement then deletes the users before the resource; their own steps create them again.
    """
    is_deletable: ClassVar[bool] = True
    """Whether AWS can delete a resource; one that cannot be deleted is forgotten when it is removed from the file."""
    needs_settings: ClassVar[frozenset[str]] = frozenset()
    """The kinds of account settings that are applied before the resources, if they are in the file."""
    shares_names_with: ClassVar[frozenset[str]] = frozenset()
    """The other kinds that share a namespace with this one in AWS."""
    reads_after: ClassVar[frozenset[str]] = frozenset()
    """The kinds whose live resources this kind's read needs."""

    @property
    def only_name(self) -> str | None:
        """The name of the kind's only resource: `indexing` of `account.indexing`; None for most kinds."""
        return self.table.partition(".")[2] or None

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """The fields of the spec class, by name."""
        return get_members(self.spec_class)

    def replaces_default(self, hook: str) -> bool:
        """Return whether the kind has its own method for a hook.

        A default need not be called for each resource.
        """
        return getattr(type(self), hook) is not getattr(Kind, hook)

    def list_operations(self, purpose: str) -> Iterator[tuple[str, str]]:
        """Yield the service and the name of each operation for a purpose, an attribute of `Operations`."""
        for operation in getattr(self.operations, purpose):
            service, _, name = operation.rpartition(":")
            yield service or self.service, name

    def find_referenced_tables(self) -> set[str]:
        """Return the tables that the kind's fields refer to, without its own."""
        return find_referenced_tables(self.spec_class) - {self.table}

    # ── desired state ─────────────────────────────────────────────────────────────────────────────

    def evaluate(self, resource: Resource, desired: Desired) -> Evaluation | None:
        """Return what is derived once, when the file is loaded; it becomes the resource's `evaluation`."""
        return None

    def check(self, resource: Resource, desired: Desired) -> Iterable[ValueProblem]:
        """Return errors and warnings about one resource, beyond types and AWS's limits on values."""
        return ()

    def check_together(self, desired: Desired) -> Iterable[tuple[Address, ValueProblem]]:
        """Return problems that concern several resources of the file, each with the address to report it for."""
        return ()

    def find_implied_dependencies(self, resource: Resource, desired: Desired) -> Iterable[Address]:
        """Return the resources of the file that must exist before this one, although no field refers to them."""
        return ()

    def compute_effective_spec(self, resource: Resource, scope: Scope) -> Any:
        """Return the spec as AWS would report it after an apply, with all defaults.

        It may be of another class than the file's spec; `read` then returns specs of that class too.
        """
        return resource.spec

    def derives_values(self, spec: Any) -> bool:
        """Return whether `compute_effective_spec` may give fields a value that the file does not set.

        Loading checks such values, too.
        """
        return self.replaces_default("compute_effective_spec")

    def drop_meaningless_values(self, spec: Any) -> Any:
        """Return the spec without values that AWS cannot have together with the others.

        This is for specs in which `ignore_changes` keeps live values.
        """
        return spec

    @abstractmethod
    def identity(self, resource: Resource) -> str | None:
        """Return AWS's ID of the resource, or None if it does not follow from the declaration and its files."""

    def aws_identities(self, resource: Resource, desired: Desired) -> Iterable[tuple[str, str]]:
        """Return the table and the ID of each AWS resource that the resource describes.

        No two resources of a file may describe the same AWS resource.
        """
        identity = self.identity(resource)
        return ((self.table, identity),) if identity is not None else ()

    def to_desired_spec(self, spec: Any, desired: Desired) -> Any:
        """Return the spec that a file with the resources `desired` would declare for a live spec."""
        return spec

    def find_export_obstacle(self, live: Live) -> str | None:
        """Return why an export leaves a live resource out, or None if it does not."""
        return None

    def find_undeclarable_parts(self, live: Live) -> Mapping[str, str]:
        """Return the parts of a live resource that no file can declare, each with a description.

        Plans leave these parts alone. A part is a field, whose changes an export then ignores, or has a name of its own.
        """
        return {}

    def outputs(self, live: Live, context: PlanContext) -> Mapping[str, str]:
        """Return what other tools need of a live resource, by name: its ID and its ARN in AWS."""
        return {"id": live.identity, "arn": live.arn}

    def read_status(self, live: Live) -> Read[Mapping[str, Any]]:
        """Return the status of a live resource, by name: what AWS reports that no file can declare.

        The values are JSON values. Operations that the caller has no permission for have an empty response.
        """
        return {}
        yield  # a read is a generator, even without calls

    # ── reading and comparing ─────────────────────────────────────────────────────────────────────

    def find_changed_identity(self, operation: str, members: Mapping[str, Any]) -> str | None:
        """Return AWS's ID of the resource that a call changed, or None if its members name none.

        The operation is one of the kind's, or one that no kind sends; `members` are those of the request and the response.
        """
        name_member = get_member_name(self.name_api) if self.name_api else None
        id_param = self.description.id_param if self.description else None
        return find_identity_in_members(members, (name_member, id_param, self.id_member))

    @abstractmethod
    def read(self, scope: Scope) -> Read[Sequence[Live]]:
        """Return all live resources that are desired or that the workspace owns.

        References in their specs are AWS's IDs (`External`); the engine replaces them with names.
        """

    def find_reference_spec(self, name: str, scope: Scope) -> Any:
        """Return the spec that decides which optional values of a live resource are compared, or None.

        It is the one in the file or, in a re-read, the one that was read before.
        """
        if scope.previous_states is not None:
            previous = scope.previous_states.get(name)
            return previous.spec if previous else None
        resource = scope.desired.get(Address(self.table, name))
        return resource.spec if resource else None

    def pair_unmatched(
        self, missing: Sequence[Resource], spare: Sequence[Live], scope: Scope
    ) -> Mapping[str, str]:
        """Return the desired name of live resources that match no desired identity, by live identity.

        `missing` are the desired resources without a live one, `spare` the live resources whose identity matches no desired
        resource. A paired resource is updated or replaced, not deleted and created.
        """
        names = {resource.address.name for resource in missing}
        pairs: dict[str, str] = {}
        for live in spare:
            name = scope.find_current_name(self.table, live.declared_name)
            if name and name in names:
                pairs[live.identity] = name
        return pairs

    def forces_replacement(self, name: str, after: Any) -> bool:
        """Return whether the field can get the value `after` only by a replacement."""
        is_removal = name in self.unremovable_fields and not after
        return is_removal or (name in self.members and self.members[name].on_change == "replaces")

    def is_locked(self, name: str, live_spec: Any) -> bool:
        """Return whether the state of the live resource makes each change of the field a replacement."""
        return False

    def is_interrupted_create(self, change: Update | Replace) -> bool:
        """Return whether the unmanaged resource may come from an interrupted apply.

        If so, it is imported without `--adopt`.
        """
        return False

    # ── errors, warnings and limits ───────────────────────────────────────────────────────────────

    def outside_needs(self, change: Change, context: PlanContext) -> Iterable[Need]:
        """Return what the change needs outside the file; a plan without it is rejected."""
        return find_reference_needs(change)

    def plan_errors(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return the reasons to reject a plan with this change."""
        return ()

    def cascades(self, change: Change, context: PlanContext) -> Iterable[str]:
        """Return descriptions of what AWS removes in a deletion although the workspace does not own it.

        A plan with such a deletion is rejected unless its options allow it; the step stops if more was added after planning,
        which `precondition` has to find.
        """
        return ()

    def plan_warnings(self, change: Change) -> Iterable[str]:
        """Return what the user should know before the change is applied."""
        return ()

    def plan_notes(self, live: Live) -> Iterable[str]:
        """Return what a plan should note about a live resource."""
        return ()

    def exempt_from_limits(self, change: Change) -> bool:
        """Return whether the change completes one that an earlier plan counted against the limits."""
        return False

    def counts_as_replacement(self, change: Update) -> bool:
        """Return whether limits count the update as a replacement.

        This is for updates that delete a part of the resource and create it again.
        """
        return False

    def is_rotation(self, change: Change) -> bool:
        """Return whether the change gives a device another certificate; waves consist of such changes."""
        return False

    def hidden_holders(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the resources whose steps must come first, although no spec refers to them.

        For a deletion, they release the resource; for other changes, they release what it gets. The step of a holder does not
        wait for that of the resource.
        """
        return ()

    def is_kept_on_removal(self, change: Delete, changes: Mapping[Address, Change]) -> bool:
        """Return whether a resource that is removed from the file is forgotten, not deleted."""
        return not self.is_deletable

    def grace_seconds(self, change: Replace) -> float | None:
        """Return for how long the live resource stays after its replacement is created; None for not at all."""
        return None

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def create(self, change: Create, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that create the resource."""

    @abstractmethod
    def update(self, change: Update, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that change the resource in place."""

    def replace(self, change: Replace, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that replace the live resource with a new one."""
        raise NotImplementedError(f"internal error: {change.address} has no field that forces a replacement")

    @abstractmethod
    def delete(self, change: Delete, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that delete the resource, including what AWS requires before that."""

    @abstractmethod
    def forget(self, change: Forget, context: PlanContext) -> Sequence[ApiCall]:
        """Return the calls that remove the workspace's ownership markers, and change nothing else."""

    def also_modifies(self, change: Change, context: PlanContext) -> Iterable[Address]:
        """Return the other live resources that the change's calls modify or delete.

        If one of these was changed after the plan was made, the step is rejected. So this leaves out a resource
        that has its own step in the plan and is updated there; one that is deleted there may be included.
        """
        return ()

    def precondition(self, live: Live, *, deletes: bool) -> Mapping[str, Any]:
        """Return the values that must be as the plan saw them when a step runs, by path.

        These are the compared fields, the owner, and `prevent_destroy` if the kind has ownership markers. `deletes` is whether
        the step deletes or replaces the resource.
        """
        fields = {
            name: getattr(live.spec, name)
            for name, member in get_members(type(live.spec)).items()
            if member.on_change != "create_only"
        }
        markers = {PREVENT_DESTROY_PATH: live.prevent_destroy} if self.has_ownership_markers else {}
        return {"workspace": live.owner, **markers, **fields}
