"""Plans: everything that an apply will send, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal

from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.arguments import check_type
from reconciler.model.call import ApiCall
from reconciler.model.change import ACTIONS, Change
from reconciler.model.edge_readings import EdgeReadings
from reconciler.model.lazy_sequence import LazySequence
from reconciler.model.manifest_source import ManifestSource
from reconciler.model.plan_options import PlanOptions, UnmatchedSelector
from reconciler.model.resource import Desired, Live
from reconciler.model.secret import Secret


@frozen
class Target:
    """The registry that a plan is for.

    `endpoint` is "embedded", "aws" or a URL; `region` is an AWS Region; `account` is an AWS account ID.
    """

    endpoint: str
    region: str
    account: str

    @property
    def partition(self) -> str:
        """AWS's partition, which follows from the region (AWS General Reference, Amazon Resource Names)."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def __str__(self) -> str:
        return f"{self.endpoint} · {self.account} · {self.region}"


@frozen
class Step:
    """One change of a plan, with its calls in order.

    `dependencies` are the addresses of the steps that must be applied before it. `precondition` is the live resource as it
    was when the plan was made, or None if it did not exist. `also_modifies` has the other resources that the calls modify
    or delete, by address, as they were when the plan was made.
    """

    change: Change
    calls: tuple[ApiCall, ...]
    dependencies: frozenset[Address] = frozenset()
    precondition: Live | None = None
    also_modifies: Mapping[Address, Live] = field(factory=dict)

    @property
    def address(self) -> Address:
        """The address of the changed resource; a plan has at most one step for each address."""
        return self.change.address


class LazySteps(LazySequence[Change, Step]):
    """The steps of a plan, each built from its change whenever it is used, to save memory."""

    __slots__ = ()

    def build(self, change: Change) -> Step:
        """Build the step of one of the changes."""
        return self._compute(change)


@frozen
class Bottleneck:
    """The quota that makes a plan take the longest.

    `operation` is the name of its API operation, or its own name if several operations share it; `calls` is the number of the
    plan's calls that it counts, and `rate` the calls per second that it allows.
    """

    operation: str
    calls: int
    rate: float


@frozen
class Estimate:
    """The calls of a plan, and the minimum seconds that they take under AWS's quotas.

    `calls` is (service, operation) → number of calls.
    """

    calls: Mapping[tuple[str, str], int]
    seconds: float
    bottleneck: Bottleneck | None = None

    @property
    def total_calls(self) -> int:
        """The number of all calls."""
        return sum(self.calls.values())


@frozen(kw_only=True)
class UnmanagedResources:
    """The resources in one of AWS's listings that are not in the file and that the workspace does not own.

    - `tables`: the kinds that they can have: AWS lists static and dynamic thing groups together;
    - `ids`: AWS's IDs, sorted; those of other workspaces' resources are included;
    - `is_complete`: whether the listing was read to its end.
    """

    tables: tuple[str, ...]
    ids: tuple[str, ...]
    is_complete: bool = True


NoteLevel = Literal["warning", "info", "unmanaged"]


@frozen
class Note:
    """A note on a plan.

    A note of the level "unmanaged" lists unmanaged resources of one kind, which the plan does not change.
    """

    level: NoteLevel
    text: str
    address: Address | None = None


@frozen
class Basis:
    """The inputs of a plan that are needed to re-read its resources before they are changed.

    - `desired`: the resources of the file and the ownership markers; if the plan destroys everything, without composites
      (provisioned things), whose parts are then deleted as resources of their own kinds;
    - `names`: (table, AWS's ID) → name in the plan, or None for a certificate that a rotation has replaced and that is kept for
      its grace period: references to it are not compared;
    - `moved`: former address → new address;
    - `secret_attributes`: the names of the thing attributes that the file sets from secrets;
    - `reread_pages`: the tables with many changes, whose resources are faster to list than to describe one by one, each with the
      number of pages to list at most.
    """

    desired: Desired = field(factory=dict)
    names: Mapping[tuple[str, str], str | None] = field(factory=dict)
    moved: Mapping[Address, Address] = field(factory=dict)
    secret_attributes: frozenset[str] = frozenset()
    reread_pages: Mapping[str, int] = field(factory=dict)


@frozen(slots=False, repr=False)
class Plan:
    """Everything that an apply will send.

    Each of the `steps` comes after the steps it depends on, ties broken by address. `digest` is the SHA-256 over the workspace, the
    target, the changes with their calls, and their resources' live state: two plans with the same digest send the same, apart
    from the values of secrets. `unchanged` counts the resources that no step changes. `file_digest` is `DesiredState.digest`.
    `environment` is the environment's name, or empty; `variables` are those that the command line or the process's environment set.
    `manifest_sources` are where the rows of `for_each` come from. `edges` is how the edges were read, None if all were.
    `unmanaged` has the unmanaged resources of every kind that can be imported, as far as they were listed.
    `unmatched` has the selectors that select nothing, which the options must allow. `secrets` are those in the calls.
    """

    workspace: str
    target: Target
    steps: Sequence[Step]
    digest: str
    estimate: Estimate
    unchanged: int = 0
    notes: tuple[Note, ...] = field(default=())
    options: PlanOptions = PlanOptions()
    file_digest: str = ""
    environment: str = ""
    variables: Mapping[str, str] = field(factory=dict)
    manifest_sources: tuple[ManifestSource, ...] = field(default=(), kw_only=True)
    edges: EdgeReadings | None = field(default=None, kw_only=True)
    basis: Basis = field(factory=Basis, eq=False, repr=False)
    unmanaged: tuple[UnmanagedResources, ...] = field(default=(), eq=False, repr=False)
    unmatched: tuple[UnmatchedSelector, ...] = field(default=(), kw_only=True)
    secrets: frozenset[Secret] = field(default=frozenset(), eq=False, repr=False, kw_only=True)

    def __bool__(self) -> bool:
        return bool(self.steps)

    @property
    def confirmation(self) -> str:
        """The text that a user types to confirm deletions: the environment's name, or else the workspace's."""
        return self.environment or self.workspace

    @property
    def changes(self) -> Sequence[Change]:
        """The change of each step, without the cost of its calls."""
        if isinstance(self.steps, LazySteps):
            return self.steps.sources
        return [step.change for step in self.steps]

    def build_step(self, change: Change) -> Step:
        """Return the step of one of the changes, which is built if it is not in memory."""
        if isinstance(self.steps, LazySteps):
            return self.steps.build(change)
        return self._steps_by_address[change.address]

    @cached_property
    def _steps_by_address(self) -> Mapping[Address, Step]:
        return {step.address: step for step in self.steps}

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Action → number of changes; every action is a key, even without changes."""
        counts = Counter(change.action for change in self.changes)
        return {action: counts[action] for action in ACTIONS}

    @cached_property
    def modified_by_others(self) -> frozenset[Address]:
        """The addresses of the resources that steps of other resources modify or delete."""
        return frozenset(address for step in self.steps for address in step.also_modifies)

    def __repr__(self) -> str:
        return f"<{self}; digest {self.digest[:12]}>"

    def __str__(self) -> str:
        changes = ", ".join(f"{count} to {action}" for action, count in self.counts.items() if count)
        environment = f" in {self.environment}" if self.environment else ""
        return f"Plan for {self.workspace}{environment}: {changes or 'nothing to do'}, {self.unchanged} unchanged"


def check_plan(plan: object) -> None:
    """Raise TypeError unless the argument `plan` is the plan of one workspace."""
    check_type("plan", plan, Plan, "the result of Workspace.plan")
