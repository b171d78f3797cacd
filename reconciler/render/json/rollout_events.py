"""The events of a rollout, one JSON line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from reconciler.frozen_classes import frozen

ROLLOUT_EVENTS_FORMAT: Literal["reconciler.rollout-events"] = "reconciler.rollout-events"
ROLLOUT_EVENTS_VERSION: Literal[1] = 1


@frozen(kw_only=True)
class RolloutEvent:
    """The first line: the plans that are about to be applied.

    In every event, `time` is UTC in ISO 8601. `command` is "apply" or "destroy". `digest` is the digest over all plans; `counts`
    are the numbers of changes by action in all environments. `environments` are in the order of the file.
    """

    event: Literal["rollout"] = "rollout"
    format: Literal["reconciler.rollout-events"] = ROLLOUT_EVENTS_FORMAT
    version: Literal[1] = ROLLOUT_EVENTS_VERSION
    time: str
    command: str
    digest: str
    counts: Mapping[str, int]
    environments: tuple[str, ...]


@frozen(kw_only=True)
class EnvironmentEvent:
    """The progress of one environment.

    `phase` is "planning", "waiting" (another apply of the workspace is running) or "applying". `counts` are the numbers of its
    finished steps by status; `total` is the number of all its steps.
    """

    event: Literal["environment"] = "environment"
    time: str
    environment: str
    phase: str
    counts: Mapping[str, int]
    total: int


@frozen(kw_only=True)
class StepFailure:
    """A step that failed: its address, and the error without secrets."""

    address: str
    error: str


@frozen(kw_only=True)
class EnvironmentEndEvent:
    """The end of one environment.

    `status` is "applied", "unchanged", "failed", "rejected", "stopped" or "blocked" (it was not started). `counts` are the numbers of
    its steps by status. `seconds` is how long it took. `error` is an error that concerns no single step, or why the environment was
    not started, or empty; `failures` are the steps that failed.
    """

    event: Literal["environment-end"] = "environment-end"
    time: str
    environment: str
    status: str
    counts: Mapping[str, int]
    seconds: float
    error: str
    failures: tuple[StepFailure, ...]


@frozen(kw_only=True)
class RolloutEndEvent:
    """The last line.

    `ok` is whether every environment was applied or had no changes. `statuses` are the numbers of environments by status. `seconds`
    is how long the rollout took.
    """

    event: Literal["end"] = "end"
    time: str
    ok: bool
    statuses: Mapping[str, int]
    seconds: float
