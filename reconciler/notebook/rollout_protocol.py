"""The part of a rollout that the notebook uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeAlias

from reconciler.frozen_classes import frozen
from reconciler.render.views.plan import PlanView
from reconciler.render.views.rollout import EnvironmentProgress, EnvironmentRow, RolloutView

EnvironmentReport: TypeAlias = EnvironmentProgress | EnvironmentRow
"""The progress of a running environment, or the row of one that has finished."""

ReportEnvironment: TypeAlias = Callable[[EnvironmentReport], None]
"""Called on any thread when there is news of an environment."""


@frozen
class RolloutTask:
    """A running rollout; `verb` is "Planning", "Applying" or "Checking".

    An interrupt stops an apply, and aborts what only reads.
    """

    verb: str
    file: str
    names: Sequence[str]
    is_apply: bool


class NotebookRolloutPlan(Protocol):
    """The plans of several environments."""

    @property
    def digest(self) -> str:
        """The digest over all plans."""

    @property
    def view(self) -> RolloutView:
        """The view that is displayed."""

    @property
    def rows(self) -> Sequence[EnvironmentRow]:
        """The environments in the order of the file."""

    @property
    def plan_views(self) -> Mapping[str, PlanView]:
        """Environment → its own plan."""

    @property
    def approvals(self) -> Mapping[str, frozenset[object]]:
        """Environment → its changes; equal ones do the same."""


class NotebookRolloutResult(Protocol):
    """The results of several environments."""

    @property
    def view(self) -> RolloutView:
        """The view that is displayed."""

    @property
    def rows(self) -> Sequence[EnvironmentRow]:
        """The environments that were started, in the order of the file, and then those that were not."""

    @property
    def ok(self) -> bool:
        """Whether every environment was started and succeeded."""


class NotebookRollout(Protocol):
    """The part of a rollout that the panel uses."""

    @property
    def file(self) -> str:
        """The file, as it is shown."""

    @property
    def names(self) -> Sequence[str]:
        """All environments in the order of the file, as they are shown."""

    def plan(self, names: Collection[str], report: ReportEnvironment) -> NotebookRolloutPlan:
        """Plan these environments."""

    def apply(
        self, plan: NotebookRolloutPlan, report: ReportEnvironment, stop: threading.Event
    ) -> NotebookRolloutResult:
        """Apply the plans."""
