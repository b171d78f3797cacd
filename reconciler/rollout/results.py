"""The plans and results of a rollout, over all of its environments."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from attrs import evolve

from reconciler.frozen_classes import field, frozen
from reconciler.model.change import ACTIONS
from reconciler.model.edge_readings import describe_edge_warnings, merge_edges
from reconciler.model.target_identity import describe_same_workspace, normalize_endpoint
from reconciler.model.text import join_some, quote
from reconciler.rollout.alike import group_alike
from reconciler.rollout.messages import TargetRecord, TaskOptions, TaskResponse
from reconciler.rollout.unmatched import group_unmatched


def reject_duplicates(responses: Iterable[TaskResponse]) -> tuple[TaskResponse, ...]:
    """Return the responses, with an error in place of each plan or drift of an earlier one's workspace.

    The file does not show this if only the credentials decide the account or the Region.
    """
    first_names: dict[tuple[str, ...], str] = {}

    def check(response: TaskResponse) -> TaskResponse:
        name, read = response.environment, response.plan or response.drift
        if not read:
            return response
        endpoint = normalize_endpoint(read.target.endpoint)
        identity = (read.workspace, endpoint, read.target.account, read.target.region)
        first = first_names.setdefault(identity, name)
        if first == name:
            return response
        error = describe_same_workspace(first, read.workspace)
        return evolve(response, status="rejected", plan=None, drift=None, error=error)

    return tuple(check(response) for response in responses)


@frozen
class RolloutNote:
    """A warning about several environments together."""

    environments: tuple[str, ...]
    text: str


def list_unmatched_notes(responses: Sequence[TaskResponse]) -> Sequence[RolloutNote]:
    """Return a note for each selector of `select` that selects nothing in some environments."""
    names = {
        text: tuple(name for name, selector in selectors.items() if not selector.excludes)
        for text, selectors in group_unmatched(responses).items()
    }
    return [
        RolloutNote(environments, f"had no match for the selector {quote(text)}")
        for text, environments in names.items()
        if environments
    ]


def list_edge_warnings(responses: Sequence[TaskResponse]) -> Sequence[RolloutNote]:
    """Return a note for each warning of remembered edges."""
    environments: defaultdict[str, list[str]] = defaultdict(list)
    for response in responses:
        for warning in describe_edge_warnings(response.edges):
            environments[warning].append(response.environment)
    return [RolloutNote(tuple(names), text) for text, names in environments.items()]


def describe_edges_of_all(responses: Sequence[TaskResponse]) -> str:
    """Describe how the edges of all environments were read; empty if all edges were read."""
    readings = [response.edges for response in responses if response.edges]
    return merge_edges(readings).summary if readings else ""


@frozen(slots=True)
class RolloutPlan:
    """The plans of all environments.

    `responses` are in the order of the file; `options` are those of every plan.
    """

    responses: tuple[TaskResponse, ...]
    options: TaskOptions = TaskOptions()

    @cached_property
    def digest(self) -> str:
        """The SHA-256 over the digests of all plans: two rollouts with the same one send the same."""
        sha256 = hashlib.sha256()
        for response in sorted(self.responses, key=lambda response: response.environment):
            digest = response.plan.digest if response.plan else response.error
            sha256.update(f"{response.environment}\0{digest}\n".encode(errors="surrogatepass"))
        return sha256.hexdigest()

    @property
    def failed(self) -> Sequence[TaskResponse]:
        """The environments that could not be planned."""
        return [response for response in self.responses if response.plan is None]

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """Action → number of changes in all environments."""
        counts: Counter[str] = Counter()
        for response in self.responses:
            counts.update(response.plan.counts if response.plan else {})
        return {action: counts[action] for action in ACTIONS}

    def __bool__(self) -> bool:
        """Return whether any environment has changes."""
        return any(self.counts.values())

    @cached_property
    def seconds(self) -> float:
        """The least time of an apply under AWS's quotas, in seconds.

        Workspaces in the same account and Region share quotas, so their times add up; different ones run side by side.
        """
        seconds: defaultdict[TargetRecord, float] = defaultdict(float)
        for response in self.responses:
            if response.plan:
                seconds[response.plan.target] += response.plan.seconds
        return max(seconds.values(), default=0.0)

    @cached_property
    def notes(self) -> Sequence[RolloutNote]:
        """The notes about several environments.

        They are about selectors without a match in some of them, quotas that are not shared, and warnings of remembered edges.
        """
        return [
            *list_unmatched_notes(self.responses),
            *self._list_quota_notes(),
            *list_edge_warnings(self.responses),
        ]

    def _list_quota_notes(self) -> Sequence[RolloutNote]:
        """Return a note for each account and Region whose quotas several processes do not share.

        Environments in one process share the rates of their account and Region, but the tasks of these environments ran in several
        processes, or may do so in the apply.
        """
        workers = {response.worker for response in self.responses if response.worker}
        environments: defaultdict[TargetRecord, list[str]] = defaultdict(list)
        for response in self.responses:
            if response.plan and response.plan.target.endpoint != "embedded":
                environments[response.plan.target].append(response.environment)
        return [
            RolloutNote(
                tuple(names),
                f"share account {target.account} in {target.region}, but run in several processes, each of which uses the full "
                "rates; use one process, or divide the rates with `quotas`",
            )
            for target, names in environments.items()
            if len(names) > 1 and len(workers) > 1
        ]

    @cached_property
    def groups(self) -> Sequence[Sequence[TaskResponse]]:
        """The environments in groups with alike changes, the largest group first."""
        return group_alike(self.responses)


@frozen(slots=True)
class RolloutResult:
    """The results of all environments that were started; `blocked` has the others, each with the reason.

    `record_problem` is why the statuses could not be recorded for a retry; empty if they were.
    """

    responses: tuple[TaskResponse, ...]
    blocked: Mapping[str, str] = field(factory=dict)
    record_problem: str = ""

    @property
    def ok(self) -> bool:
        """Whether every environment was started and succeeded."""
        failed = any(response.status in {"failed", "rejected", "stopped"} for response in self.responses)
        return not failed and not self.blocked

    @property
    def journal_problems(self) -> Sequence[str]:
        """Why records of the rollout are missing or incomplete, each problem once with its environments."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        for response in self.responses:
            if response.run and response.run.journal_problem:
                names[response.run.journal_problem].append(response.environment)
        problems = [f"{join_some(environments)}: {problem}" for problem, environments in names.items()]
        return [*problems, self.record_problem] if self.record_problem else problems

    @property
    def counts(self) -> Mapping[str, int]:
        """Status → number of environments; "blocked" are those that were not started."""
        counts: Counter[str] = Counter(response.status for response in self.responses)
        return {**counts, **({"blocked": len(self.blocked)} if self.blocked else {})}
