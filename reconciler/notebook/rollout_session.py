"""The state machine of a rollout's panel, independent of the widget that draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from reconciler.notebook.cell_progress import UPDATE_SECONDS
from reconciler.notebook.environment_states import (
    LABELS,
    SUCCESSES,
    EnvironmentStates,
    count_states,
)
from reconciler.notebook.plan_table import render_error
from reconciler.notebook.rollout_protocol import (
    NotebookRollout,
    NotebookRolloutPlan,
    NotebookRolloutResult,
)
from reconciler.notebook.rollout_table import RolloutTable, render_banner, render_problems
from reconciler.notebook.session_pump import PanelSessionBase, Task
from reconciler.render.views.error import ErrorView
from reconciler.render.views.labels import format_duration

_RETRY_LABEL = "Retry what failed"
_CONTINUE_LABEL = "Apply the rest"
_ShowPlan: TypeAlias = Callable[[NotebookRolloutPlan], None]

_RUNNING_PHASES = ("reading", "applying", "stopping")


class RolloutPage(Protocol):
    """The page that draws a session; only the pump calls it."""

    def show_state(self, changes: Mapping[str, Any]) -> None:
        """Show the parts of the state that changed."""

    def send_message(self, message: Mapping[str, Any]) -> None:
        """Send the details that the user requested."""

    def on_plan(self, plan: NotebookRolloutPlan) -> None:
        """Handle new plans."""

    def on_result(self, plan: NotebookRolloutPlan, result: NotebookRolloutResult) -> None:
        """Handle the result of an apply."""


class RolloutSession(PanelSessionBase):
    """A panel's session, which plans, applies, stops and retries environments in the background.

    It is thread-safe, and every method but `wait` returns at once.
    """

    def __init__(
        self,
        rollout: NotebookRollout,
        plan: NotebookRolloutPlan,
        page: RolloutPage,
        update_seconds: float = UPDATE_SECONDS,
    ) -> None:
        super().__init__(page.show_state, update_seconds)
        self._rollout, self._page = rollout, page
        self._states = EnvironmentStates(rollout.names)
        self._table = RolloutTable(rollout.file, rollout.names)
        self._plan = plan
        self._phase_before = "planned"  # the phase to return to after an error
        # Environment → the changes that the user approved.
        self._approved: Mapping[str, frozenset[object]] = {}
        self._show_plan(plan)

    # ── requests, from any thread ───────────────────────────────────────────────────────────────

    def plan(self) -> None:
        """Plan all environments again."""
        self._pump.put(lambda: self._start_planning(self._rollout.names, self._show_new_plan))

    def apply(self, digest: str, typed: str = "") -> None:
        """Apply the plans with this digest over all of them.

        If they delete or replace something, `typed` must be the number of environments, as the panel shows it.
        """
        self._pump.put(lambda: self._start_applying(digest, typed))

    def retry(self) -> None:
        """Plan the environments that did not succeed, and apply these plans if they were approved before."""
        self._pump.put(self._start_retrying)

    # ── the pump ────────────────────────────────────────────────────────────────────────────────

    def _update_progress(self) -> None:
        if self._state["phase"] in _RUNNING_PHASES:
            self._update_states()

    def _update_states(self) -> None:
        states = self._states.list_all()
        self._pump.update_state(
            statuses=[
                [state.status, state.text, round(state.part, 3), state.failed, state.short_message]
                for state in states
            ],
            progress=self._build_progress(),
        )

    def _build_progress(self) -> Mapping[str, Any]:
        """Return the progress as the page's script reads it."""
        counts = count_states(self._states.list_all())
        return {
            "executed": counts.finished,
            "total": counts.total,
            "counts": [[status, count] for status, count in counts.statuses.items()],
            "time": f"{format_duration(self._states.seconds)} elapsed",
        }

    # ── planning ────────────────────────────────────────────────────────────────────────────────

    def _start_planning(self, names: Sequence[str], show: _ShowPlan) -> None:
        if self._pump.is_busy:
            return
        self._states.start(names)
        self._phase_before = self._state["phase"]
        self._pump.update_state(phase="reading", banner="", reading="planning …")

        def make_plan() -> Task:
            plan = self._rollout.plan(names, self._states.record)
            return lambda: show(plan)

        self._pump.run_in_background(make_plan)

    def _show_new_plan(self, plan: NotebookRolloutPlan) -> None:
        self._show_plan(plan)
        self._page.on_plan(plan)

    def _show_plan(self, plan: NotebookRolloutPlan) -> None:
        self._plan = plan
        self._table.set_plan(plan)
        for row in plan.rows:
            self._states.record(row)
        self._pump.update_state(
            phase="planned",
            header=self._table.header,
            rows=self._table.rows,
            plans=self._table.plans,
            confirmation=self._table.confirmation,
            labels={status: list(label) for status, label in LABELS.items()},
            banner=render_problems(plan.view),
            reading="",
            retry="",
        )
        self._update_states()
        self._pump.update_state(progress={})

    def _send_details(self, row_number: int) -> None:
        messages = {state.name: state.message for state in self._states.list_all()}
        html = self._table.render_details(row_number, messages)
        self._page.send_message({"row": row_number, "html": html})

    # ── applying ────────────────────────────────────────────────────────────────────────────────

    def _start_applying(self, digest: str, typed: str) -> None:
        expected = self._table.confirmation["expected"]
        if self._pump.is_busy or not self._table.can_apply or self._state["phase"] != "planned":
            return
        if digest != self._plan.digest:
            self._show_error("the plans on this page are outdated; review the new ones")
        elif expected and typed.strip() != expected:
            self._show_error(f"nothing was sent; to continue, type: {expected}")
        else:
            self._approved = {**self._approved, **self._plan.approvals}
            self._apply(self._plan)

    def _apply(self, plan: NotebookRolloutPlan) -> None:
        self._stop.clear()
        self._states.start([row.name for row in plan.rows])
        self._phase_before = "planned"
        self._pump.update_state(phase="applying", banner="", reading="")

        def apply_plan() -> Task:
            result = self._rollout.apply(plan, self._states.record, self._stop)
            return lambda: self._show_result(plan, result)

        self._pump.run_in_background(apply_plan)

    def _show_stopping(self) -> None:
        if self._state["phase"] == "applying":
            self._pump.update_state(phase="stopping")

    def _show_result(self, plan: NotebookRolloutPlan, result: NotebookRolloutResult) -> None:
        for row in result.rows:
            self._states.record(row)
        self._update_states()
        self._pump.update_state(
            phase="done" if result.ok else "unfinished",
            banner=render_banner(result.view),
            retry=self._retry_label,
        )
        self._page.on_result(plan, result)

    # ── retrying ────────────────────────────────────────────────────────────────────────────────

    @property
    def _retry_label(self) -> str:
        """The label of the button that applies what is left; empty if nothing is."""
        statuses = {state.status for state in self._states.list_all()} - SUCCESSES
        if not statuses:
            return ""
        return _RETRY_LABEL if statuses & {"failed", "rejected"} else _CONTINUE_LABEL

    def _start_retrying(self) -> None:
        if self._state["phase"] != "unfinished":
            return
        names = [state.name for state in self._states.list_all() if state.status not in SUCCESSES]
        self._start_planning(names, self._apply_if_approved)

    def _apply_if_approved(self, plan: NotebookRolloutPlan) -> None:
        self._show_new_plan(plan)
        is_approved = all(
            changes <= self._approved.get(name, frozenset()) for name, changes in plan.approvals.items()
        )
        if is_approved and self._table.can_apply:
            self._apply(plan)

    # ── errors ──────────────────────────────────────────────────────────────────────────────────

    def _show_failure(self, error: ErrorView) -> None:
        """Show the error of a background job, which has changed no environment."""
        self._pump.update_state(phase=self._phase_before, reading="", banner=render_error(error))

    def _show_error(self, message: str) -> None:
        self._pump.update_state(banner=render_error(ErrorView(message)))
