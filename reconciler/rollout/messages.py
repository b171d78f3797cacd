"""The messages between the driver of a rollout and its workers, as JSON text.

Invariant: no message contains a secret or a credential. A worker reads secrets in its own environment, and finds credentials as
boto3 does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, TypeVar

import msgspec

from reconciler.engine.plan.record import ChangeRecord
from reconciler.engine.threads import prepare_decoding
from reconciler.frozen_classes import field, frozen
from reconciler.model.edge_readings import EdgeReadings, ReadMode
from reconciler.model.plan_options import UnmatchedSelector
from reconciler.render.json.drift_file import DriftedResourceRecord
from reconciler.render.json.encode import encode_json
from reconciler.render.views.drift import DriftView
from reconciler.render.views.plan import PlanView

Command: TypeAlias = Literal["plan", "apply", "drift"]

Status: TypeAlias = Literal["planned", "applied", "drifted", "unchanged", "failed", "rejected", "stopped"]
"""The status of one environment after a task.

- planned: the plan has changes;
- unchanged: there was nothing to do, or no drift;
- applied: every step was applied;
- drifted: the registry differs from the file;
- failed: an error, or a step that failed;
- rejected: the plan was rejected, or it is not the approved one;
- stopped: the apply was stopped before its end.
"""

PlannedStep: TypeAlias = tuple[str, str, tuple[str, ...], tuple[str, ...]]
"""The address, the action and the changed fields of a step, and for an update, a hash of each field with its live value."""

_Message = TypeVar("_Message")


@frozen
class TaskOptions:
    """The options of the plans or drifts of a rollout, as in `Workspace.plan` and `Workspace.drift`.

    `with_records` is whether the responses have their changes as records, which JSON needs.
    """

    destroy: bool = False
    allow: Mapping[str, str] = field(factory=dict)
    allow_cascade: bool = False
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    with_records: bool = False
    read: ReadMode | None = None
    who: bool = False


@frozen
class TaskRequest:
    """One task: a command for one environment.

    - `path`: the file or folder of the desired state;
    - `files_digest`: the digest of its files, which the worker's must have; empty for a plan in the driver's process;
    - `files`, `files_root`: the files, packed, and the folder around them; empty unless the worker has asked for them;
    - `approved`: for an apply, the digest of the approved plan;
    - `approved_steps`: its steps as in `EnvironmentPlan`, to continue an apply that another worker began;
    - `channel`: where the task sends events and learns that it must stop;
    - `attempt`: 1, and one more each time that the task is started again;
    - `version`: the driver's version of this package.
    """

    command: Command
    path: str
    environment: str
    variables: Mapping[str, str]
    allow_outside: tuple[str, ...]
    options: TaskOptions
    files_digest: str = ""
    files: str = ""
    files_root: str = ""
    approved: str = ""
    approved_steps: tuple[PlannedStep, ...] = ()
    lock_timeout: float = 0.0
    journal: bool = True
    channel: str = ""
    attempt: int = 1
    version: str = ""


@frozen
class TargetRecord:
    """The registry of an environment."""

    endpoint: str
    region: str
    account: str


@frozen
class EnvironmentPlan:
    """The plan of one environment, and the target that it is for.

    - `steps`: the address, the action and the changed fields of each step, with hashes of their live values;
    - `files_digest`: the digest of the files that it was made from;
    - `seconds`: the least time of an apply under AWS's quotas;
    - `changes`: the changes with their calls, if the options require records;
    - `unmatched`: the selectors that select nothing in this environment;
    - `edges`: how the edges were read, None if all were.
    """

    workspace: str
    target: TargetRecord
    digest: str
    counts: Mapping[str, int]
    call_count: int
    seconds: float
    steps: tuple[PlannedStep, ...]
    view: PlanView
    changes: tuple[ChangeRecord, ...] = ()
    files_digest: str = ""
    unmatched: tuple[UnmatchedSelector, ...] = ()
    edges: EdgeReadings | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """The texts of its warnings."""
        return tuple(note.text for note in self.view.notes if note.level == "warning")


@frozen
class EnvironmentRun:
    """The apply of one environment.

    `counts` are the numbers of steps by status. `failures` are the address and the error of each failed step. `is_continued` is
    whether it completed an apply whose worker was lost; then `counts` has only the steps that were left. `journal_problem` is why the
    journal of the driver's machine has no complete record of it, or empty.
    """

    counts: Mapping[str, int]
    seconds: float
    failures: tuple[tuple[str, str], ...] = ()
    is_continued: bool = False
    journal_problem: str = ""


@frozen
class EnvironmentDrift:
    """The drift of one environment: the numbers of resources by direction, and their addresses.

    `resources` are the resources that differ, if the options require records. `unmatched` are the selectors that select nothing
    in this environment. `edges` is how the edges were read, None if all were.
    """

    workspace: str
    target: TargetRecord
    counts: Mapping[str, int]
    addresses: tuple[tuple[str, str], ...]
    view: DriftView
    resources: tuple[DriftedResourceRecord, ...] = ()
    unmatched: tuple[UnmatchedSelector, ...] = ()
    edges: EdgeReadings | None = None


@frozen
class TaskResponse:
    """The result of one task.

    `needs_files` is whether the worker does not have the files; nothing was done then. `error` is the message of an error.
    """

    environment: str
    status: Status = "failed"
    plan: EnvironmentPlan | None = None
    run: EnvironmentRun | None = None
    drift: EnvironmentDrift | None = None
    error: str = ""
    needs_files: bool = False
    seconds: float = 0.0
    worker: str = ""

    @property
    def unmatched(self) -> tuple[UnmatchedSelector, ...] | None:
        """The selectors that select nothing; None if the environment could not be planned or read."""
        summary = self.plan or self.drift
        return summary.unmatched if summary else None

    @property
    def edges(self) -> EdgeReadings | None:
        """How the edges of the environment were read; None if all were, or if nothing was read."""
        summary = self.plan or self.drift
        return summary.edges if summary else None


@frozen
class TaskEvent:
    """An event of a running task: the number of finished steps by status, and their total."""

    environment: str
    phase: Literal["planning", "waiting", "applying"]
    counts: Mapping[str, int] = field(factory=dict)
    total: int = 0


OnEvent: TypeAlias = Callable[[TaskEvent | TaskResponse], None]
"""Called with the progress of each environment, and with its response."""


def encode(message: TaskRequest | TaskResponse | TaskEvent) -> str:
    """Return a message as one line of JSON."""
    return encode_json(message)


def decode(text: str, message_class: type[_Message]) -> _Message:
    """Return the message in a JSON text."""
    return msgspec.json.decode(text, type=message_class)


prepare_decoding(TaskRequest, TaskResponse, TaskEvent)
