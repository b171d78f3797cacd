"""Everything that will be sent, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property

from attrs import field, frozen

from reconciler.model.address import Address
from reconciler.model.call import ApiCall
from reconciler.model.change import ACTIONS, Change
from reconciler.model.plan_options import PlanOptions
from reconciler.model.resource import Desired, Live


@frozen
class Target:
    """Which registry: `endpoint` is "embedded", "aws" or a URL."""

    endpoint: str
    region: str
    account: str

    @property
    def partition(self) -> str:
        """AWS's partition, which follows from the region (AWS General Reference, Amazon Resource Names)."""
        prefix = self.region.partition("-")[0]
        return {"cn": "aws-cn"}.get(prefix, "aws-us-gov" if self.region.startswith("us-gov-") else "aws")

    def __str__(self) -> str:
        return f"{self.endpoint} · {self.account} · {self.region}"


@frozen
class Step:
    """One node of the plan.

    `calls` run in order; `waits_for` are the addresses of steps that must have been applied before. `precondition` is
    what the plan saw of the resource: None when it was not there; `beside` is the same of what else the calls write over.
    """

    change: Change
    calls: tuple[ApiCall, ...]
    dependencies: frozenset[Address] = frozenset()
    precondition: Live | None = None
    also_modifies: Mapping[Address, Live] = field(factory=dict)

    @property
    def address(self) -> Address:
        """What is changed; one step an address."""
        return self.change.address


@frozen
class Bottleneck:
    """The API that AWS's quotas make the slowest: `calls` of it at `rate` a second."""

    operation: str
    calls: int
    rate: float


@frozen
class Estimate:
    """What the plan costs: calls by (service, operation), and the least seconds that AWS's quotas allow for them."""

    calls: Mapping[tuple[str, str], int]
    seconds: float
    bottleneck: Bottleneck | None = None

    @property
    def total_calls(self) -> int:
        """All calls."""
        return sum(self.calls.values())


@frozen
class Note:
    """Something to know about a plan that is no change: a warning, or a resource that is left alone."""

    level: str  # "warning" | "info" | "unmanaged"
    text: str
    address: Address | None = None


@frozen
class Basis:
    """What a plan was made from, so that its steps can be looked at again before they run.

    `declared` is what the file says and the workspace's marks; `names` what AWS's ids, by table, are called in the file,
    None where something is kept for a while and is called nothing; `moved` are names that the file no longer has, and what
    they are called now; `secret_attributes` are the names of the thing attributes that the file fills with secrets.
    """

    desired: Desired = field(factory=dict)
    names: Mapping[tuple[str, str], str | None] = field(factory=dict)
    moved: Mapping[Address, Address] = field(factory=dict)
    secret_attributes: frozenset[str] = frozenset()


@frozen(slots=False)
class Plan:
    """Everything that will be sent. `steps` are in an order that respects `waits_for`, ties broken by address.

    `digest` is the SHA-256 over target, calls and what was seen: two plans with one digest send the same. `unchanged` counts
    the resources that already are as the file wants them. `request` is what it was asked for, `source` the digest of the
    desired state.
    """

    workspace: str
    target: Target
    steps: tuple[Step, ...]
    digest: str
    estimate: Estimate
    unchanged: int = 0
    notes: tuple[Note, ...] = field(default=())
    options: PlanOptions = PlanOptions()
    file_digest: str = ""
    basis: Basis = field(factory=Basis, eq=False, repr=False)

    def __bool__(self) -> bool:
        return bool(self.steps)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Number of changes by action, every action present."""
        found = Counter(step.change.action for step in self.steps)
        return {action: found[action] for action in ACTIONS}

    def __str__(self) -> str:
        told = ", ".join(f"{count} to {action}" for action, count in self.counts.items() if count)
        return f"Plan for {self.workspace}: {told or 'nothing to do'}, {self.unchanged} unchanged"
