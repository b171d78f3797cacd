"""The plans, drifts and runs of many environments as JSON documents and lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from reconciler.engine.plan.record import ChangeRecord
from reconciler.engine.plan.saved_plan import NoteRecord
from reconciler.frozen_classes import frozen
from reconciler.model.plan import Target
from reconciler.model.run import Run
from reconciler.render.json.drift_file import DriftedResourceRecord

ROLLOUT_PLAN_FORMAT: Literal["reconciler.rollout-plan"] = "reconciler.rollout-plan"
ROLLOUT_DRIFT_FORMAT: Literal["reconciler.rollout-drift"] = "reconciler.rollout-drift"
ROLLOUT_HISTORY_FORMAT: Literal["reconciler.rollout-history"] = "reconciler.rollout-history"
ROLLOUT_VERSION: Literal[1] = 1


@frozen(kw_only=True, slots=True)
class RolloutEnvironmentRecord:
    """The members that the plan and the drift of one environment share.

    - `workspace`: the name of its workspace, null if it could not be planned or read;
    - `target`: its registry, null if it could not be planned or read;
    - `error`: why it could not be planned or read, or empty.
    """

    environment: str
    status: str
    workspace: str | None
    target: Target | None
    error: str


@frozen(kw_only=True)
class EnvironmentPlanRecord(RolloutEnvironmentRecord):
    """The plan of one environment.

    - `status`: "planned" (it has changes), "unchanged", "failed", "rejected" or "stopped";
    - `digest`: the digest of its plan, or empty;
    - `counts`: the numbers of changes by action;
    - `calls`: the number of API calls;
    - `seconds`: the least time of these calls under AWS's quotas;
    - `notes`: its warnings and notes;
    - `changes`: each after the changes that it depends on.
    """

    digest: str
    counts: Mapping[str, int]
    calls: int
    seconds: float
    notes: tuple[NoteRecord, ...]
    changes: tuple[ChangeRecord, ...]


@frozen(kw_only=True, slots=True)
class RolloutPlanSummary:
    """The plans of many environments without their changes.

    - `digest`: the digest over all plans, for `apply --approved`;
    - `counts`: the numbers of changes by action in all environments;
    - `statuses`: the numbers of environments by status;
    - `calls`: the number of API calls of all plans;
    - `seconds`: the least time of an apply under AWS's quotas, which workspaces of one account and Region share;
    - `groups`: the names of environments with alike changes, the largest group first;
    - `notes`: warnings about several environments together.
    """

    format: Literal["reconciler.rollout-plan"] = ROLLOUT_PLAN_FORMAT
    version: Literal[1] = ROLLOUT_VERSION
    digest: str
    counts: Mapping[str, int]
    statuses: Mapping[str, int]
    calls: int
    seconds: float
    groups: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@frozen(kw_only=True)
class RolloutPlanDocument(RolloutPlanSummary):
    """The plans of many environments as one document.

    `environments` are in the order of the file.
    """

    environments: tuple[EnvironmentPlanRecord, ...]


@frozen(kw_only=True)
class RolloutPlanLine(RolloutPlanSummary):
    """The first line; `environments` is the number of lines that follow."""

    type: Literal["rollout"] = "rollout"
    environments: int


@frozen(kw_only=True)
class EnvironmentPlanLine(EnvironmentPlanRecord):
    """A line for one environment."""

    type: Literal["environment"] = "environment"


@frozen(kw_only=True)
class EnvironmentDriftRecord(RolloutEnvironmentRecord):
    """The drift of one environment.

    - `status`: "drifted", "unchanged", "failed", "rejected" or "stopped";
    - `counts`: the numbers of resources by direction;
    - `resources`: the resources that differ, sorted by direction and address.
    """

    counts: Mapping[str, int]
    resources: tuple[DriftedResourceRecord, ...]


@frozen(kw_only=True, slots=True)
class RolloutDriftSummary:
    """The drift of many environments without their resources.

    - `counts`: the numbers of resources by direction in all environments;
    - `statuses`: the numbers of environments by status;
    - `groups`: the names of environments with alike drift, the largest group first.
    """

    format: Literal["reconciler.rollout-drift"] = ROLLOUT_DRIFT_FORMAT
    version: Literal[1] = ROLLOUT_VERSION
    counts: Mapping[str, int]
    statuses: Mapping[str, int]
    groups: tuple[tuple[str, ...], ...]


@frozen(kw_only=True)
class RolloutDriftDocument(RolloutDriftSummary):
    """The drift of many environments as one document.

    `environments` are in the order of the file.
    """

    environments: tuple[EnvironmentDriftRecord, ...]


@frozen(kw_only=True)
class RolloutDriftLine(RolloutDriftSummary):
    """The first line; `environments` is the number of lines that follow."""

    type: Literal["rollout"] = "rollout"
    environments: int


@frozen(kw_only=True)
class EnvironmentDriftLine(EnvironmentDriftRecord):
    """A line for one environment."""

    type: Literal["environment"] = "environment"


@frozen(kw_only=True)
class EnvironmentHistory:
    """The runs of one environment, the newest first.

    `workspace` is the name of its workspace.
    """

    environment: str
    workspace: str
    runs: tuple[Run, ...]


@frozen(kw_only=True, slots=True)
class RolloutHistory:
    """The past runs of the environments of a file, in the order of the file.

    `problem` is why some runs could not be read, or empty.
    """

    environments: tuple[EnvironmentHistory, ...]
    problem: str = ""
    format: Literal["reconciler.rollout-history"] = ROLLOUT_HISTORY_FORMAT
    version: Literal[1] = ROLLOUT_VERSION
