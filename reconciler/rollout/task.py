"""One task of a rollout on a worker: plan, apply or look for drift in one environment."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from reconciler.model.errors import REJECTIONS, LockedError, PlanRejectedError, ReconcilerError
from reconciler.model.outcome import Failed, Outcome, Started, Waiting
from reconciler.model.redaction import redact, redaction_scope
from reconciler.rollout.channel import Channel, find_channel
from reconciler.rollout.file_tree import compute_tree_digest, find_unpacked, unpack_tree
from reconciler.rollout.messages import (
    EnvironmentDrift,
    EnvironmentPlan,
    EnvironmentRun,
    Status,
    TargetRecord,
    TaskEvent,
    TaskOptions,
    TaskRequest,
    TaskResponse,
    decode,
    encode,
)

if TYPE_CHECKING:
    from reconciler.model.plan import Plan, Target
    from reconciler.workspace import Workspace

_CONTINUED_ACTIONS = {
    "create": {"create", "update", "adopt"},
    "replace": {"replace", "create", "update", "delete"},
}
"""The action of an approved step → the actions that may be left of it after another worker began it."""


def run_task(text: str) -> str:
    """Run one task, and return its response; both are JSON text.

    An unexpected error is raised, without secrets.
    """
    request = decode(text, TaskRequest)
    started_at = time.monotonic()
    with redaction_scope():
        try:
            response = _run(request)
        except ReconcilerError as error:
            status: Status = "rejected" if isinstance(error, REJECTIONS) else "failed"
            response = TaskResponse(request.environment, status, error=redact(str(error)))
        except OSError as error:
            response = TaskResponse(request.environment, "failed", error=redact(str(error)))
        except Exception as error:  # noqa: BLE001 (its text may contain secrets)
            raise RuntimeError(redact(f"{type(error).__name__}: {error}")) from None
        worker = f"{socket.gethostname()}:{os.getpid()}"
        return encode(evolve(response, seconds=time.monotonic() - started_at, worker=worker))


def _run(request: TaskRequest) -> TaskResponse:
    path = _find_files(request)
    if path is None:
        return TaskResponse(request.environment, needs_tree=True)
    from reconciler.workspace import Workspace

    channel = find_channel(request.channel)
    workspace = Workspace(
        path,
        environment=request.environment,
        variables=request.variables,
        allow_outside=request.allow_outside,
    )
    channel.send(TaskEvent(request.environment, "planning"))
    match request.command:
        case "plan":
            plan = _make_plan(workspace, request)
            summary = _summarize_plan(workspace, plan, request.options)
            return TaskResponse(request.environment, "planned" if plan else "unchanged", plan=summary)
        case "apply":
            return _apply(workspace, request, channel)
        case "drift":
            return _find_drift(workspace, request)


def _find_files(request: TaskRequest) -> Path | None:
    """Return the path of the desired state on this worker, or None if it has neither the files nor a copy."""
    path = Path(request.path)
    if path.exists() and compute_tree_digest(path) == request.tree_digest:
        return path
    if request.tree:
        return unpack_tree(request.tree, path, request.tree_digest)
    return find_unpacked(path, request.tree_digest)


def _make_plan(workspace: Workspace, request: TaskRequest) -> Plan:
    options = request.options
    return workspace.plan(
        destroy=options.destroy,
        allow=options.allow,
        allow_cascade=options.allow_cascade,
        select=options.select,
        exclude=options.exclude,
        progress=lambda _subject, _done, _total: None,
    )


def _summarize_plan(workspace: Workspace, plan: Plan, options: TaskOptions) -> EnvironmentPlan:
    from reconciler.engine.plan.record import to_change_records
    from reconciler.render.views.plan import build_plan_view

    return EnvironmentPlan(
        workspace=plan.workspace,
        target=_to_target_record(plan.target),
        digest=plan.digest,
        counts=plan.counts,
        call_count=plan.estimate.total_calls,
        seconds=plan.estimate.seconds,
        steps=tuple(
            (
                str(step.address),
                step.change.action,
                tuple(sorted(field.path for field in getattr(step.change, "fields", ()))),
            )
            for step in plan.steps
        ),
        view=build_plan_view(plan, unchanged_markers=workspace.count_unchanged_markers(plan)),
        changes=to_change_records(plan.steps) if options.with_records else (),
    )


def _to_target_record(target: Target) -> TargetRecord:
    return TargetRecord(target.endpoint, target.region, target.account)


def _apply(workspace: Workspace, request: TaskRequest, channel: Channel) -> TaskResponse:
    """Apply the approved plan, or what another worker has left of it."""
    deadline = time.monotonic() + request.lock_timeout
    while True:
        if workspace.lease_holder() is not None:
            channel.send(TaskEvent(request.environment, "waiting"))
            workspace.wait_for_lease(deadline - time.monotonic(), channel.stop)
        plan = _make_plan(workspace, request)
        _check_approved(workspace, plan, request)
        try:
            return _apply_plan(workspace, plan, request, channel)
        except LockedError:  # another apply began in the meantime
            if time.monotonic() >= deadline or channel.stop.is_set():
                raise


def _check_approved(workspace: Workspace, plan: Plan, request: TaskRequest) -> None:
    """Check that a plan is the approved one, or the rest of it after an interrupted apply.

    Raises PlanRejectedError otherwise.
    """
    if not plan or plan.digest == request.approved:
        return
    if workspace.interrupted_digest() == request.approved and _is_rest_of_approved(plan, request):
        return
    raise PlanRejectedError(
        [
            f"{request.environment}: the plan is now {plan.digest[:12]}, but {request.approved[:12]} was approved; plan again"
        ]
    )


def _is_rest_of_approved(plan: Plan, request: TaskRequest) -> bool:
    for step in plan.steps:
        approved = request.approved_actions.get(str(step.address), "")
        if step.change.action not in _CONTINUED_ACTIONS.get(approved, {approved}):
            return False
    return True


def _apply_plan(workspace: Workspace, plan: Plan, request: TaskRequest, channel: Channel) -> TaskResponse:
    counts: Counter[str] = Counter()
    environment, total = request.environment, len(plan.steps)

    def report(outcome: Outcome) -> None:
        if not isinstance(outcome, Started | Waiting):
            counts[outcome.status] += 1
            channel.send(TaskEvent(environment, "applying", dict(counts), total))

    channel.send(TaskEvent(environment, "applying", {}, total))
    result = workspace.apply(
        plan,
        on_outcome=report,
        stop=channel.stop,
        command="destroy" if request.options.destroy else "apply",
        journal=request.journal,
        approved_digest=request.approved,
    )
    failures = tuple(
        (str(outcome.change.address), redact(str(outcome.error)))
        for outcome in result.outcomes
        if isinstance(outcome, Failed)
    )
    run = EnvironmentRun(dict(counts), result.seconds, failures)
    if result.ok:
        return TaskResponse(environment, "applied" if plan else "unchanged", run=run)
    errors = [outcome.error for outcome in result.outcomes if isinstance(outcome, Failed)]
    if not errors:
        return TaskResponse(environment, "stopped", run=run)
    is_rejection = all(isinstance(error, REJECTIONS) for error in errors)
    return TaskResponse(environment, "rejected" if is_rejection else "failed", run=run)


def _find_drift(workspace: Workspace, request: TaskRequest) -> TaskResponse:
    from reconciler.render.json.drift_file import to_resource_record
    from reconciler.render.views.drift import build_drift_view

    drift = workspace.drift(
        select=request.options.select,
        exclude=request.options.exclude,
        progress=lambda _subject, _done, _total: None,
    )
    addresses = tuple((str(resource.address), resource.direction) for resource in drift.items)
    summary = EnvironmentDrift(
        workspace=drift.workspace,
        target=_to_target_record(drift.target),
        counts=dict(Counter(direction for _, direction in addresses)),
        addresses=addresses,
        view=build_drift_view(drift, workspace.last_run_on_target()),
        resources=tuple(map(to_resource_record, drift.items)) if request.options.with_records else (),
    )
    return TaskResponse(request.environment, "drifted" if addresses else "unchanged", drift=summary)
