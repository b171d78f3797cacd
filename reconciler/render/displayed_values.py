"""Resources, results, runs and drifts that display themselves, as plans do (`rich_display`)."""

from __future__ import annotations

from typing import Any

from reconciler.engine.plan.drift import Drift
from reconciler.engine.status import Status
from reconciler.frozen_classes import field, frozen
from reconciler.model.address import Address
from reconciler.model.change import Change
from reconciler.model.outcome import Result
from reconciler.model.resource import Live, Resource
from reconciler.model.run import History, Run, RunRecord
from reconciler.render.rich_display import MAX_ROWS, Displayed


@frozen(eq=False, repr=False)
class DisplayedResult(Displayed, Result):
    """A result that displays itself."""

    def _build_text_view(self) -> Any:
        from reconciler.render.views.result import build_result_view

        return build_result_view(self, max_outcomes=MAX_ROWS)


@frozen(repr=False)
class DisplayedResource(Displayed):
    """One resource that displays itself: desired and live, with the change that a plan would make.

    `status` is what AWS reports about the live resource in addition to its fields; only `show` of one address reads it.
    """

    address: Address
    desired: Resource | None
    live: Live | None
    change: Change | None
    status: Status = Status()

    def _build_text_view(self) -> Any:
        from reconciler.render.views.comparison import build_comparison_view

        return build_comparison_view(self.address, self.desired, self.live, self.change, self.status)


@frozen(eq=False, repr=False)
class DisplayedHistory(Displayed, History):
    """A history that displays itself."""

    def _build_text_view(self) -> Any:
        from reconciler.render.views.history import build_history_view

        return build_history_view(self)


@frozen(eq=False, repr=False)
class DisplayedRun(Displayed, RunRecord):
    """One run that displays itself, with its steps and calls."""

    def _build_text_view(self) -> Any:
        from reconciler.render.views.history import build_run_view

        return build_run_view(self)


@frozen(eq=False, repr=False)
class DisplayedDrift(Displayed, Drift):
    """A drift that displays itself.

    `last_run` is the workspace's last apply to the same registry. With `full`, alike resources are not grouped.
    """

    last_run: Run | None = field(default=None, kw_only=True)
    full: bool = field(default=False, kw_only=True)

    def _build_text_view(self) -> Any:
        from reconciler.render.views.drift import build_drift_view

        return build_drift_view(self, self.last_run)
