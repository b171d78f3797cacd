"""A rollout as the notebook's panel uses it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Protocol

from reconciler.frozen_classes import frozen
from reconciler.model.settings import Environment
from reconciler.model.text import escape_invisible
from reconciler.notebook.rollout_protocol import NotebookRolloutPlan, ReportEnvironment
from reconciler.rollout.cell_display import build_report
from reconciler.rollout.displayed import DisplayedRolloutPlan, DisplayedRolloutResult
from reconciler.rollout.messages import OnEvent, TaskOptions


class PlannedRollout(Protocol):
    """The part of `Rollout` that the panel uses."""

    path: Path
    environments: tuple[Environment, ...]

    def narrow(self, names: Collection[str]) -> PlannedRollout:
        """Return a rollout of some of the environments."""

    def plan(  # noqa: PLR0913 (the options of a plan)
        self,
        *,
        destroy: bool,
        allow: Mapping[str, str | int],
        allow_cascade: bool,
        select: Sequence[str],
        exclude: Sequence[str],
        executor: Executor | None,
        on_event: OnEvent,
    ) -> DisplayedRolloutPlan:
        """Plan every environment."""

    def apply(  # noqa: PLR0913 (the options of an apply)
        self,
        plan: DisplayedRolloutPlan,
        *,
        wave: str,
        max_failures: str | int,
        lock_timeout: float,
        executor: Executor | None,
        on_event: OnEvent,
        stop: threading.Event,
    ) -> DisplayedRolloutResult:
        """Apply the plans."""


@frozen
class PanelRollout:
    """A rollout with the options of its plans and applies."""

    rollout: PlannedRollout
    options: TaskOptions
    wave: str
    max_failures: str | int
    lock_timeout: float
    executor: Executor | None = None

    @property
    def file(self) -> str:
        """The file, as it is shown."""
        return escape_invisible(str(self.rollout.path))

    @property
    def names(self) -> Sequence[str]:
        """All environments in the order of the file, as they are shown."""
        return [escape_invisible(environment.name) for environment in self.rollout.environments]

    def plan(self, names: Collection[str], report: ReportEnvironment) -> DisplayedRolloutPlan:
        """Plan these environments with the same options, from the files as they are now."""
        shown_names = dict(zip(self.names, self.rollout.environments, strict=True))
        selected = {shown_names[name].name for name in names}
        rollout = self.rollout.narrow(selected)
        options = self.options
        return rollout.plan(
            destroy=options.destroy,
            allow=options.allow,
            allow_cascade=options.allow_cascade,
            select=options.select,
            exclude=options.exclude,
            executor=self.executor,
            on_event=lambda event: report(build_report(event)),
        )

    def apply(
        self, plan: NotebookRolloutPlan, report: ReportEnvironment, stop: threading.Event
    ) -> DisplayedRolloutResult:
        """Apply the plans."""
        assert isinstance(plan, DisplayedRolloutPlan)
        return self.rollout.apply(
            plan,
            wave=self.wave,
            max_failures=self.max_failures,
            lock_timeout=self.lock_timeout,
            executor=self.executor,
            on_event=lambda event: report(build_report(event)),
            stop=stop,
        )
