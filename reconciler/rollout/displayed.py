"""Plans, results and drifts of a rollout that display themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from reconciler.frozen_classes import field, frozen
from reconciler.model.text import escape_invisible
from reconciler.render.json.rollout_file import RolloutHistory
from reconciler.render.rich_display import Displayed
from reconciler.render.views.history import RolloutHistoryView
from reconciler.render.views.plan import PlanView
from reconciler.render.views.rollout import EnvironmentRow, RolloutView
from reconciler.rollout.results import RolloutPlan, RolloutResult
from reconciler.rollout.view import (
    build_blocked_row,
    build_environment_row,
    build_rollout_drift_view,
    build_rollout_history_view,
    build_rollout_plan_view,
    build_rollout_result_view,
)


@frozen(slots=False, eq=False, repr=False)
class DisplayedRolloutPlan(Displayed, RolloutPlan):
    """The plans of a rollout.

    `path` is its file or folder. With `full`, alike environments are not grouped.
    """

    path: str = field(default="", kw_only=True)
    full: bool = field(default=False, kw_only=True)

    @cached_property
    def view(self) -> RolloutView:
        """The view that is displayed."""
        return build_rollout_plan_view(self, self.path, full=self.full)

    @property
    def rows(self) -> Sequence[EnvironmentRow]:
        """The environments in the order of the file."""
        return [build_environment_row(response) for response in self.responses]

    @property
    def plan_views(self) -> Mapping[str, PlanView]:
        """Environment → its own plan."""
        return {
            escape_invisible(response.environment): response.plan.view
            for response in self.responses
            if response.plan
        }

    @property
    def approvals(self) -> Mapping[str, frozenset[object]]:
        """Environment → its changes, each with the digest of the files that it comes from."""
        return {
            escape_invisible(response.environment): frozenset(
                (*step, response.plan.files_digest) for step in response.plan.steps
            )
            for response in self.responses
            if response.plan
        }

    def _build_text_view(self) -> RolloutView:
        return self.view


@frozen(slots=False, eq=False, repr=False)
class DisplayedRolloutResult(Displayed, RolloutResult):
    """The results of a rollout.

    `path` is its file or folder, `command` is "apply" or "destroy", and `seconds` is how long it took.
    """

    path: str = field(default="", kw_only=True)
    command: str = field(default="apply", kw_only=True)
    seconds: float = field(default=0.0, kw_only=True)

    @cached_property
    def view(self) -> RolloutView:
        """The view that is displayed."""
        return build_rollout_result_view(self, self.path, command=self.command, seconds=self.seconds)

    @property
    def rows(self) -> Sequence[EnvironmentRow]:
        """The environments that were started, in the order of the file, and then those that were not."""
        blocked = [build_blocked_row(name, reason) for name, reason in self.blocked.items()]
        return [*map(build_environment_row, self.responses), *blocked]

    def _build_text_view(self) -> RolloutView:
        return self.view


@frozen(slots=False, eq=False, repr=False)
class DisplayedRolloutDrift(Displayed, RolloutResult):
    """The drift of the environments of a rollout; `path` is its file or folder.

    With `full`, alike environments are not grouped.
    """

    path: str = field(default="", kw_only=True)
    full: bool = field(default=False, kw_only=True)

    def __bool__(self) -> bool:
        """Return whether any environment has drift."""
        return any(response.status == "drifted" for response in self.responses)

    def _build_text_view(self) -> RolloutView:
        return build_rollout_drift_view(self, self.path, full=self.full)


@frozen(slots=False, eq=False, repr=False)
class DisplayedRolloutHistory(Displayed, RolloutHistory):
    """The past runs of the environments of a rollout."""

    def _build_text_view(self) -> RolloutHistoryView:
        return build_rollout_history_view(self)
