"""One task of a rollout on a worker: plan, apply or look for drift in one environment."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import evolve

from reconciler.model.distribution import DISTRIBUTION, get_version
from reconciler.model.errors import REJECTIONS, LockedError, PlanRejectedError, ReconcilerError
from reconciler.model.outcome import Failed
from reconciler.model.redaction import redact, redaction_scope
from reconciler.rollout.channel import Channel, connect_channel
from reconciler.rollout.messages import (
    EnvironmentDrift,
    EnvironmentPlan,
    EnvironmentRun,
    PlannedStep,
    Status,
    TargetRecord,
    TaskEvent,
    TaskOptions,
    TaskRequest,
    TaskResponse,
    decode,
    encode,
)
from reconciler.rollout.step_reports import StepReporter
from reconciler.rollout.worker_files import describe_record_on_worker, open_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reconciler.model.change import FieldChange
    from reconciler.model.plan import Plan, Step, Target
    from reconciler.workspace import Workspace

_CONTINUED_ACTIONS = {
    "create": {"create", "update", "adopt"},
    "replace": {"replace", "create", "update", "delete"},
}
"""The action of an approved step → the actions that may be left of it after another worker began it."""


_SAME_PLAN_POLL_SECONDS = 10.0
"""Seconds after which the holder of the lease is looked at again, if it applies the same plan."""


def _describe(error: ReconcilerError) -> str:
    """Return an error as text, with the next step if one is known."""
    from reconciler.render.views.next_step import suggest_next_step

    next_step = suggest_next_step(error, applying=False)
    return f"{error}\nnext step: {next_step}" if next_step else str(error)


def run_task(text: str) -> str:
    """Run one task, and return its response; both are JSON text without secrets.

    No exception is raised, except an interrupt without its context: it would cross the wire with the context, whose text may contain
    secrets.
    """
    request = decode(text, TaskRequest)
    started_at = time.monotonic()
    with redaction_scope():
        try:
            response = _run(request)
        except ReconcilerError as error:
            error.environment = ""  # the response has it
            status: Status = "rejected" if isinstance(error, REJECTIONS) else "failed"
            response = TaskResponse(request.environment, status, error=redact(_describe(error)))
        except OSError as error:
            response = TaskResponse(request.environment, "failed", error=redact(str(error)))
        except Exception as error:  # noqa: BLE001 (reported; the other environments go on)
            message = redact(f"internal error: {type(error).__name__}: {error}")
            response = TaskResponse(request.environment, "failed", error=message)
        except (KeyboardInterrupt, SystemExit) as error:  # of the worker
            raise type(error) from None
        worker = f"{socket.gethostname()}:{os.getpid()}"
        return encode(evolve(response, seconds=time.monotonic() - started_at, worker=worker))


def _run(request: TaskRequest) -> TaskResponse:
    if request.version not in {"", get_version()}:
        raise ReconcilerError(
            f"the worker on {socket.gethostname()} has {DISTRIBUTION} {get_version()}, and the driver {request.version}; "
            "install the same version"
        )
    with connect_channel(request.channel) as channel:
        if channel.stop.is_set():
            return TaskResponse(
                request.environment, "stopped", error="the rollout was stopped before its start"
            )
        channel.send(TaskEvent(request.environment, "planning"))
        workspace = open_workspace(request)
        if workspace is None:
            return TaskResponse(request.environment, needs_files=True)
        match request.command:
            case "plan":
                plan = _make_plan(workspace, request)
                summary = _summarize_plan(workspace, plan, request.options)
                return TaskResponse(request.environment, "planned" if plan else "unchanged", plan=summary)
            case "apply":
                return _apply(workspace, request, channel)
            case "drift":
                return _find_drift(workspace, request)


# ── plans ──


def _make_plan(workspace: Workspace, request: TaskRequest) -> Plan:
    options = request.options
    plan = workspace.plan(
        destroy=options.destroy,
        allow=options.allow,
        allow_cascade=options.allow_cascade,
        select=options.select,
        exclude=options.exclude,
        allow_unmatched=True,
        read=options.read,
        progress=lambda _subject, _done, _total: None,
    )
    if request.files_digest and workspace.desired.files_digest != request.files_digest:
        raise PlanRejectedError(["the files have changed since the rollout was planned; plan again"])
    return plan


def _summarize_plan(workspace: Workspace, plan: Plan, options: TaskOptions) -> EnvironmentPlan:
    from reconciler.engine.plan.record import to_change_records
    from reconciler.render.views.plan import build_plan_view, complete_plan_view

    view = build_plan_view(plan, unchanged_markers=workspace.count_unchanged_markers(plan))
    return EnvironmentPlan(
        workspace=plan.workspace,
        target=_to_target_record(plan.target),
        digest=plan.digest,
        counts=plan.counts,
        call_count=plan.estimate.total_calls,
        seconds=plan.estimate.seconds,
        steps=_list_steps(plan),
        view=complete_plan_view(view),
        changes=tuple(to_change_records(plan.steps)) if options.with_records else (),
        files_digest=workspace.desired.files_digest,
        unmatched=plan.unmatched,
        edges=plan.edges,
    )


def _to_target_record(target: Target) -> TargetRecord:
    return TargetRecord(target.endpoint, target.region, target.account)


def _list_steps(plan: Plan) -> tuple[PlannedStep, ...]:
    return tuple(map(_to_planned_step, plan.steps))


def _to_planned_step(step: Step) -> PlannedStep:
    change = step.change
    fields: Sequence[FieldChange] = getattr(change, "fields", ())
    hashes = sorted(map(_hash_field, fields)) if change.action == "update" else ()
    return str(step.address), change.action, tuple(sorted(field.path for field in fields)), tuple(hashes)


def _hash_field(field: FieldChange) -> str:
    """Return a hash of a field's path and, if that is a single value, of its live value.

    An interrupted step may have written a part of a field with several values.
    """
    is_single = isinstance(field.before, str | int | float | None) and not field.sensitive
    text = f"{field.path}\0{field.before!r}" if is_single else field.path
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


# ── applies ──


def _apply(workspace: Workspace, request: TaskRequest, channel: Channel) -> TaskResponse:
    """Apply the approved plan, or what another worker has left of it."""
    deadline = time.monotonic() + request.lock_timeout
    while _wait_for_lease(workspace, request, channel, deadline):
        is_continued = workspace.interrupted_digest() == request.approved
        plan = _make_plan(workspace, request)
        _check_approved(plan, request, is_continued=is_continued)
        with suppress(LockedError):  # another apply began in the meantime
            return _apply_plan(workspace, plan, request, channel, is_continued=is_continued)
    return TaskResponse(request.environment, "stopped", error="stopped while another apply was running")


def _wait_for_lease(workspace: Workspace, request: TaskRequest, channel: Channel, deadline: float) -> bool:
    """Wait until no other process applies in this environment; return False if the rollout is stopped.

    A holder that applies the same approved plan is an earlier attempt of this task: its worker was lost, and the lease expires, or
    it still runs because only the connection was lost. It is waited for without a limit. Raises LockedError.
    """
    holder = workspace.lease_holder()
    if holder is not None:
        channel.send(TaskEvent(request.environment, "waiting"))
    while holder is not None:
        is_same_plan = holder.approved_digest == request.approved
        seconds_left = max(0.0, deadline - time.monotonic())
        try:
            timeout = _SAME_PLAN_POLL_SECONDS if is_same_plan else seconds_left
            workspace.wait_for_lease(timeout, channel.stop)
        except LockedError:
            if channel.stop.is_set():
                return False
            if not is_same_plan:
                raise
        holder = workspace.lease_holder()
    return True


def _check_approved(plan: Plan, request: TaskRequest, *, is_continued: bool) -> None:
    """Check that a plan is the approved one, or the rest of it after an interrupted apply.

    Raises PlanRejectedError otherwise.
    """
    if not plan or plan.digest == request.approved:
        return
    if is_continued and _is_rest_of_approved(plan, request):
        return
    raise PlanRejectedError(
        [f"the plan is now {plan.digest[:12]}, but {request.approved[:12]} was approved; plan again"]
    )


def _is_rest_of_approved(plan: Plan, request: TaskRequest) -> bool:
    """Return whether an approved plan that was begun can have left exactly these steps."""
    approved_steps = {address: (action, hashes) for address, action, _, hashes in request.approved_steps}
    for address, action, _, hashes in _list_steps(plan):
        approved_action, approved_hashes = approved_steps.get(address, ("", ()))
        if action not in _CONTINUED_ACTIONS.get(approved_action, {approved_action}):
            return False
        # Someone else has changed a field that did not differ, or had another value, when the plan was approved.
        if approved_action == "update" and not set(hashes) <= set(approved_hashes):
            return False
    return True


def _apply_plan(
    workspace: Workspace, plan: Plan, request: TaskRequest, channel: Channel, *, is_continued: bool
) -> TaskResponse:
    environment = request.environment
    reporter = StepReporter(channel, environment, len(plan.steps))
    command = "destroy" if request.options.destroy else "apply"
    if not plan and not is_continued:
        workspace.release_stale_lease(plan)
        if request.journal:
            workspace.record_noop_run(plan, command)
        return TaskResponse(environment, "unchanged", run=EnvironmentRun({}, 0.0))
    reporter.begin()
    result = workspace.apply(
        plan,
        on_outcome=reporter.report,
        stop=channel.stop,
        command=command,
        journal=request.journal,
        approved_digest=request.approved,
    )
    failures = tuple(
        (str(outcome.change.address), redact(str(outcome.error)))
        for outcome in result.outcomes
        if isinstance(outcome, Failed)
    )
    problem = result.journal_problem or (describe_record_on_worker(workspace) if request.journal else "")
    run = EnvironmentRun(reporter.counts, result.seconds, failures, is_continued, problem)
    if result.ok:
        return TaskResponse(environment, "applied", run=run)
    errors = [outcome.error for outcome in result.outcomes if isinstance(outcome, Failed)]
    if not errors:
        return TaskResponse(environment, "stopped", run=run)
    is_rejection = all(isinstance(error, REJECTIONS) for error in errors)
    return TaskResponse(environment, "rejected" if is_rejection else "failed", run=run)


def _find_drift(workspace: Workspace, request: TaskRequest) -> TaskResponse:
    from reconciler.render.json.drift_file import to_resource_record
    from reconciler.render.views.drift import build_drift_view, complete_drift_view

    drift = workspace.drift(
        select=request.options.select,
        exclude=request.options.exclude,
        allow_unmatched=True,
        read=request.options.read,
        who=request.options.who,
        progress=lambda _subject, _done, _total: None,
    )
    addresses = tuple((str(resource.address), resource.direction) for resource in drift.items)
    summary = EnvironmentDrift(
        workspace=drift.workspace,
        target=_to_target_record(drift.target),
        counts=dict(Counter(direction for _, direction in addresses)),
        addresses=addresses,
        view=complete_drift_view(build_drift_view(drift, workspace.last_run_on_target())),
        resources=tuple(map(to_resource_record, drift.items)) if request.options.with_records else (),
        unmatched=drift.unmatched,
        edges=drift.edges,
    )
    return TaskResponse(request.environment, "drifted" if addresses else "unchanged", drift=summary)
