"""The Python API: plan and apply many environments of one file."""

from __future__ import annotations

import copy
import os
import sys
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from attrs import evolve

from reconciler.model.address import Address
from reconciler.model.arguments import (
    ENVIRONMENT_NAMES,
    check_count,
    check_seconds,
    check_type,
    parse_folders,
    parse_names,
    parse_selectors,
)
from reconciler.model.distribution import get_version, require_extra
from reconciler.model.edge_readings import ReadMode, check_read_mode
from reconciler.model.environment import VariableValue, format_variables
from reconciler.model.errors import PlanRejectedError
from reconciler.model.settings import Environment
from reconciler.model.text import join_some
from reconciler.notebook import can_show_widgets
from reconciler.rollout.arguments import (
    check_execution,
    check_executor,
    check_rollout_plan,
    find_exported_variables,
    parse_envs,
    parse_order,
)
from reconciler.rollout.cell_display import show_in_cell
from reconciler.rollout.displayed import (
    DisplayedRolloutDrift,
    DisplayedRolloutHistory,
    DisplayedRolloutPlan,
    DisplayedRolloutResult,
)
from reconciler.rollout.driver import open_executor, run_tasks
from reconciler.rollout.execution import Execution, record_statuses
from reconciler.rollout.last_rollout import LastRolloutFile
from reconciler.rollout.messages import Command, OnEvent, TaskOptions, TaskRequest, TaskResponse
from reconciler.rollout.panel import PanelRollout
from reconciler.rollout.results import RolloutPlan, reject_duplicates
from reconciler.rollout.schedule import Schedule, ScheduledEnvironment, schedule_in_order
from reconciler.rollout.unmatched import check_unmatched
from reconciler.workspace import Workspace

if TYPE_CHECKING:
    from reconciler.notebook.rollout_panel import RolloutPanel


class Rollout:
    """The environments of a desired state that are planned and applied together.

    Args:
        path: A TOML file or a folder of TOML files.
        envs: Names and globs of environments (default: None, all of them). An empty list is an error.
        variables: Values of variables, for all of these environments.
        allow_outside: Folders outside the repository from which `include` may read.

    Raises:
        InvalidDesiredStateError: If the settings of any environment have errors.
        SelectionError: If a name or glob matches no environment, or a variable is not valid.
        ValueError: If `envs`, `variables` or `allow_outside` is not valid.

    >>> rollout = Rollout("desired_state.toml", envs="prod-*")
    >>> plan = rollout.plan()
    >>> result = rollout.apply(plan)
    """

    def __init__(
        self,
        path: str | Path = "desired_state.toml",
        envs: str | Sequence[str] | None = None,
        *,
        variables: Mapping[str, VariableValue] = MappingProxyType({}),
        allow_outside: str | Path | Sequence[str | Path] = (),
    ) -> None:
        self.path = Path(path)
        self._variables = format_variables(variables)
        self._allow_outside = tuple(map(os.path.abspath, parse_folders("allow_outside", allow_outside)))
        selected = self._open_workspace().select_environments(parse_envs(envs))
        self._after = selected.after
        self.environments: tuple[Environment, ...] = selected.environments

    def __repr__(self) -> str:
        return f"Rollout({str(self.path)!r}, {len(self.environments)} environments)"

    def plan(  # noqa: PLR0913 (the options of a plan)
        self,
        *,
        destroy: bool = False,
        allow: Mapping[str, str | int] = MappingProxyType({}),
        allow_cascade: bool = False,
        select: str | Address | Iterable[str | Address] = (),
        exclude: str | Address | Iterable[str | Address] = (),
        read: ReadMode | None = None,
        with_records: bool = False,
        full: bool = False,
        executor: Executor | None = None,
        on_event: OnEvent | None = None,
        stop: threading.Event | None = None,
    ) -> DisplayedRolloutPlan:
        """Plan every environment, and return the plans with one digest over all of them.

        The error of an environment is in its part of the result; it is not raised.

        Args:
            destroy: Whether to plan the deletion of everything that the workspaces own.
            allow: As for `Workspace.plan`.
            allow_cascade: As for `Workspace.plan`.
            select: As for `Workspace.plan`. In an environment that has nothing of it, there is nothing to do.
            exclude: As for `Workspace.plan`.
            read: As for `Workspace.plan`.
            with_records: Whether the plans have all changes with their calls as records, which JSON needs.
            full: Whether the plans display themselves one by one, instead of in groups of alike ones.
            executor: Any executor of `concurrent.futures`; default: threads of this process.
            on_event: Called with the progress of each environment, and with its response. Without it, a notebook's cell shows the
                progress. Its first exception stops the rollout, and is raised when the running steps are complete.
            stop: When it is set, no other environment is started.

        Raises:
            SelectionError: If a selector selects nothing in any environment.
            ValueError: If `allow` or `read` is not valid.
        """
        from reconciler.model.plan_options import parse_limit_overrides

        check_read_mode(read)
        parse_limit_overrides(allow)  # an error in them is raised here, and not once for each environment
        options = TaskOptions(
            destroy,
            {action: str(limit) for action, limit in allow.items()},
            allow_cascade,
            parse_selectors("select", select),
            parse_selectors("exclude", exclude),
            with_records,
            read,
        )
        requests = self._build_requests("plan", options)
        responses = self._run_all(requests, check_execution(Execution(executor, on_event, stop)))
        check_unmatched(responses)
        responses = reject_duplicates(responses)
        return DisplayedRolloutPlan(responses, options, path=str(self.path), full=full)

    def drift(  # noqa: PLR0913 (the options of a drift)
        self,
        *,
        select: str | Address | Iterable[str | Address] = (),
        exclude: str | Address | Iterable[str | Address] = (),
        read: ReadMode | None = None,
        who: bool = False,
        with_records: bool = False,
        full: bool = False,
        executor: Executor | None = None,
        on_event: OnEvent | None = None,
        stop: threading.Event | None = None,
    ) -> DisplayedRolloutDrift:
        """Look for drift in every environment. Writes nothing.

        Args:
            select: As for `plan`.
            exclude: As for `plan`.
            read: As for `plan`.
            who: As for `Workspace.drift`.
            with_records: As for `plan`.
            full: As for `plan`.
            executor: As for `plan`.
            on_event: As for `plan`.
            stop: As for `plan`.

        Raises:
            SelectionError: As for `plan`.
            ValueError: If `read` is not valid.
        """
        check_read_mode(read)
        options = TaskOptions(
            select=parse_selectors("select", select),
            exclude=parse_selectors("exclude", exclude),
            with_records=with_records,
            read=read,
            who=who,
        )
        requests = self._build_requests("drift", options)
        responses = self._run_all(requests, check_execution(Execution(executor, on_event, stop)))
        check_unmatched(responses)
        responses = reject_duplicates(responses)
        return DisplayedRolloutDrift(responses, path=str(self.path), full=full)

    def apply(  # noqa: PLR0913 (the options of an apply)
        self,
        plan: RolloutPlan,
        *,
        wave: str = "100%",
        max_failures: str | int = 0,
        lock_timeout: float = 0.0,
        journal: bool = True,
        executor: Executor | None = None,
        on_event: OnEvent | None = None,
        stop: threading.Event | None = None,
    ) -> DisplayedRolloutResult:
        """Apply the plans of a rollout: each environment after those in its `after`, and groups in waves.

        A worker plans again, and applies only a plan with the digest that `plan` has.

        Args:
            plan: The plans.
            wave: The sizes of the waves of a group, such as "1,10%,50%,100%"; they are cumulative.
            max_failures: The number or the percentage of environments that may fail before no other is started.
            lock_timeout: The seconds to wait in an environment in which another apply is running.
            journal: Whether to record every call in the journals, and the status of each environment for a retry.
            executor: As for `plan`.
            on_event: As for `plan`.
            stop: When it is set, no other step and no other environment is started.

        Raises:
            PlanRejectedError: If an environment could not be planned. Nothing was sent then.
            JournalError: If the statuses cannot be recorded. Nothing was sent then.
            TypeError: If `plan`, `executor`, `on_event` or `stop` has another type.
            ValueError: If `wave`, `max_failures` or `lock_timeout` is not valid.
        """
        started_at = time.monotonic()
        check_rollout_plan(plan)
        waves, limit = parse_order(wave, max_failures)
        check_seconds("lock_timeout", lock_timeout)
        execution = check_execution(Execution(executor, on_event, stop))
        if plan.failed:
            reasons = [f"{response.environment}: {response.error}" for response in plan.failed]
            raise PlanRejectedError(reasons)
        requests = self._build_apply_requests(plan, lock_timeout, journal=journal)
        command: Literal["apply", "destroy"] = "destroy" if plan.options.destroy else "apply"
        selected = [environment for environment in self.environments if environment.name in requests]
        schedule = Schedule(schedule_in_order(selected, self._after), waves, limit.compute(len(requests)))
        problems: Sequence[str] = ()
        if journal:
            recorder = LastRolloutFile(self.path)
            recorder.begin(command, requests)
            execution, problems = record_statuses(execution, recorder)
        responses = self._run(requests, schedule, execution)
        return DisplayedRolloutResult(
            self._order(responses),
            dict(schedule.list_blocked()),
            record_problem="; ".join(dict.fromkeys(problems)),
            path=str(self.path),
            command=command,
            seconds=time.monotonic() - started_at,
        )

    def history(self, limit: int | None = 20) -> DisplayedRolloutHistory:
        """Return the latest runs of each environment, newest first.

        If the file names a `journal` of the team, its runs are included; `problem` is why some runs could not be read.

        Args:
            limit: The maximum number of runs of each environment, or None for all.

        Raises:
            JournalError: If the journal cannot be read.
            ValueError: If `limit` is not valid.
        """
        from reconciler.rollout.history import read_rollout_history

        check_count("limit", limit)
        return DisplayedRolloutHistory.from_value(
            read_rollout_history(self.environments, self._open_workspace, limit)
        )

    def retry_failed(self) -> Rollout:
        """Return a rollout of those environments that the last apply of several did not complete.

        An apply that was rejected sends nothing, and is not recorded.

        Raises:
            PlanRejectedError: If there are none, or if nothing is recorded.
            JournalError: If the record cannot be read.
        """
        unfinished = LastRolloutFile(self.path).list_unfinished()
        retry = self._narrow(unfinished)
        if not retry.environments:
            names = join_some(unfinished)
            raise PlanRejectedError(
                [
                    f"the last recorded apply did not complete {names}, of which none is selected; select them with --env"
                ]
            )
        return retry

    def narrow(self, names: str | Iterable[str]) -> Rollout:
        """Return a rollout of those of the environments that names or globs match.

        Raises:
            SelectionError: If a name or glob matches none of them.
        """
        from reconciler.engine.load.environments import select_environments

        patterns = parse_names("names", names, ENVIRONMENT_NAMES)
        return self._narrow(select_environments([item.name for item in self.environments], patterns))

    def _narrow(self, names: Collection[str]) -> Rollout:
        narrowed = copy.copy(self)
        narrowed.environments = tuple(
            environment for environment in self.environments if environment.name in names
        )
        return narrowed

    def panel(
        self,
        plan: DisplayedRolloutPlan | None = None,
        *,
        wave: str = "100%",
        max_failures: str | int = 0,
        lock_timeout: float = 0.0,
        executor: Executor | None = None,
    ) -> RolloutPanel | None:
        """Return a widget that shows the plans of all environments (default: new ones) and can apply them.

        Outside notebooks, print the plans and return None. As the last value of a cell, the panel shows itself. It can also be placed in
        other widgets.

        Args:
            plan: Plans that this rollout made.
            wave: As for `apply`.
            max_failures: As for `apply`.
            lock_timeout: As for `apply`.
            executor: As for `plan`.

        Raises:
            MissingExtraError: If the extra `notebook` is not installed.
            ValueError: As for `apply`.
        """
        parse_order(wave, max_failures)
        check_seconds("lock_timeout", lock_timeout)
        check_executor(executor)
        plan = self.plan(executor=executor) if plan is None else plan
        check_type("plan", plan, DisplayedRolloutPlan, "the result of Rollout.plan")
        if not can_show_widgets():
            sys.stdout.write(f"{plan!r}\n")
            return None
        with require_extra("the panel"):
            from reconciler.notebook.rollout_panel import RolloutPanel
        return RolloutPanel(
            PanelRollout(self, plan.options, wave, max_failures, lock_timeout, executor), plan
        )

    def _open_workspace(self, environment: str | None = None) -> Workspace:
        """Return the workspace of an environment (default: of none); loading it makes no call."""
        return Workspace(
            self.path,
            environment=environment,
            variables=self._variables,
            allow_outside=self._allow_outside,
            offline=True,
        )

    def _build_requests(self, command: Command, options: TaskOptions) -> dict[str, TaskRequest]:
        return {
            environment.name: TaskRequest(
                command,
                os.path.abspath(self.path),  # noqa: PTH100 (links are kept, as other machines may have the same ones)
                environment.name,
                {**find_exported_variables(environment), **self._variables},
                self._allow_outside,
                options,
                version=get_version(),
            )
            for environment in self.environments
        }

    def _run_all(self, requests: Mapping[str, TaskRequest], execution: Execution) -> tuple[TaskResponse, ...]:
        """Run all tasks at once, and return a response for each, also for those that a stop left out."""
        schedule = Schedule([ScheduledEnvironment(name, "") for name in requests], max_failures=len(requests))
        responses = self._run(requests, schedule, execution)
        blocked = {
            name: TaskResponse(name, "stopped", error=reason) for name, reason in schedule.list_blocked()
        }
        return self._order({**responses, **blocked})

    def _build_apply_requests(
        self, plan: RolloutPlan, lock_timeout: float, *, journal: bool
    ) -> Mapping[str, TaskRequest]:
        """Return the requests to apply plans that all succeeded."""
        requests = self._build_requests("apply", plan.options)
        return {
            response.environment: evolve(
                requests[response.environment],
                approved=response.plan.digest,
                approved_steps=response.plan.steps,
                files_digest=response.plan.files_digest,
                lock_timeout=lock_timeout,
                journal=journal,
            )
            for response in plan.responses
            if response.plan
        }

    def _run(
        self, requests: Mapping[str, TaskRequest], schedule: Schedule, execution: Execution
    ) -> Mapping[str, TaskResponse]:
        stop = execution.stop or threading.Event()
        with (
            self._show_progress(requests, execution, stop) as report,
            open_executor(execution.executor, requests.values()) as executor,
        ):
            return run_tasks(requests, executor, schedule, report, stop)

    def _show_progress(
        self, requests: Mapping[str, TaskRequest], execution: Execution, stop: threading.Event
    ) -> AbstractContextManager[OnEvent]:
        """Return a context manager that yields the function to call with every event."""
        report = execution.on_event or (lambda _event: None)
        if not (execution.is_shown and requests):
            return nullcontext(report)
        return show_in_cell(next(iter(requests.values())).command, self.path, tuple(requests), report, stop)

    def _order(self, responses: Mapping[str, TaskResponse]) -> tuple[TaskResponse, ...]:
        """Return the responses in the order of the file."""
        names = [environment.name for environment in self.environments]
        return tuple(responses[name] for name in names if name in responses)
